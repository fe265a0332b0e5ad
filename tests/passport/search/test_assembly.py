"""Batches: which packs are put together, and what is refused."""

import itertools
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport import grants, search
from passport.errors import Forbidden, InputRefused
from passport.ledger import database
from passport.search import assembly
from schemas.terms import Audience
from tests.databases import migrated
from tests.passport.search.packs import Pack, judged, stated

TODAY = date(2026, 11, 28)
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
# 100 Ah x 50 V = 5 kWh rated
FACTS = stated(model_identifier="EX-5", rated_capacity="100", nominal_voltage="50")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("batch"))
    with database.writing(engine) as connection:

        def add(name, health, facts=FACTS, *, operator="first", **said):
            pack = Pack(name, operator=operator)
            search.index(connection, battery=pack, facts=facts, assessment=judged(health, **said))

        add("A", "96", low="92")
        add("B", "90", low="86")
        add("C", "89", low="85")
        add("D", "88", low="84", uses=("backup",))
        add("E", "80", operator="second")
        add("F", "79.5", verdict="not_eligible")
        add("G", None)
        add("H", "90", stated(model_identifier="EX-9", rated_capacity="100", nominal_voltage="50"))
        add("I", "90", stated(model_identifier="EX-5"))
    yield engine
    engine.dispose()


def assemble(engine, energy, reader=INTEREST, model="EX-5", **more):
    with database.reading(engine) as connection:
        return assembly.assemble(connection, reader, model=model, energy=Decimal(energy), today=TODAY, **more)


def ids(batch):
    return [row.battery for row in batch.rows]


def test_the_fewest_neighbours_in_health_that_reach_the_energy_are_taken(engine):
    # 90 % and 89 % of 5 kWh: 4.5 + 4.45 = 8.95; the pack of 96 % is more than 3 % away from any other
    batch = assemble(engine, "8.9")
    assert ids(batch) == ["B", "C"]
    assert batch.usable == (Decimal("4.5"), Decimal("4.45"))
    assert batch.reached == Decimal("8.95")
    assert batch.low_end == Decimal("8.55")  # 86 % and 85 % of 5 kWh
    assert batch.spread == Decimal(1)
    assert batch.candidates == 5
    # one pack reaches 4.8 kWh alone, and only one does
    assert ids(assemble(engine, "4.8")) == ["A"]


def test_of_equal_batches_the_narrower_and_then_the_healthier_is_taken(engine):
    # B with C, and C with D, both reach 8.8 kWh within 1 %
    assert ids(assemble(engine, "8.8")) == ["B", "C"]
    assert ids(assemble(engine, "8.86")) == ["B", "C"]
    # within 10 % also A with B (9.3 kWh), yet it is wider
    assert ids(assemble(engine, "8.8", spread=Decimal(10))) == ["B", "C"]
    assert ids(assemble(engine, "9.2", spread=Decimal(10))) == ["A", "B"]


def test_a_pack_that_is_not_eligible_or_of_unknown_health_or_energy_is_in_no_batch(engine):
    everything = assemble(engine, "22.15", spread=Decimal(100))
    assert ids(everything) == ["A", "B", "C", "D", "E"]
    assert everything.low_end is None  # nobody knows the low end of E
    assert not assemble(engine, "22.16", spread=Decimal(100)).rows


def test_without_a_batch_it_says_what_is_within_reach(engine):
    batch = assemble(engine, "500")
    assert (batch.rows, batch.spread, batch.candidates) == ((), None, 5)
    assert batch.reached == Decimal("13.35")  # 90, 89 and 88 % of 5 kWh
    assert assembly.sentence(batch) == (
        "No batch: of 5 packs of known health that fit, those within the spread hold at most 13.35 kWh."
    )
    assert assembly.to_wire(batch, "http://127.0.0.1:8000")["reached"] is False


def test_further_filters_narrow_the_packs(engine):
    assert ids(assemble(engine, "8.8", filters=[("use", "backup")])) == []
    assert ids(assemble(engine, "4.4", filters=[("use", "backup")])) == ["D"]


def test_a_key_of_one_operator_puts_together_only_its_packs(engine):
    scoped = grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second")
    batch = assemble(engine, "4", scoped)
    assert (ids(batch), batch.candidates) == (["E"], 1)


@pytest.mark.parametrize("audience", [Audience.PUBLIC, Audience.AUTHORITY, None])
def test_who_may_not_read_health_assembles_nothing(engine, audience):
    with pytest.raises(Forbidden):
        assemble(engine, "4", grants.Principal(audience))


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"model": " "}, "model"),
        ({"energy": "0"}, "kwh"),
        ({"energy": "-1"}, "kwh"),
        ({"energy": "NaN"}, "kwh"),
        ({"energy": "1e9"}, "kwh"),
        ({"spread": Decimal(-1)}, "spread"),
        ({"spread": Decimal(101)}, "spread"),
        ({"spread": Decimal("Infinity")}, "spread"),
        ({"filters": [("shoe_size", "44")]}, "shoe_size"),
        ({"filters": [("order", "mass")]}, "order"),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_refused_by_name(engine, more, named):
    with pytest.raises(InputRefused, match=named):
        assemble(engine, **{"energy": "4", **more})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 1000)), min_size=1, max_size=7),
    st.integers(1, 30_000),
    st.integers(0, 1000),
)
def test_no_shorter_run_of_neighbours_reaches_the_energy(packs, wanted, spread):
    """Compared with every run, looked at one by one."""
    packs = sorted(packs, key=lambda pack: -pack[1])
    runs = [
        (last - first + 1, packs[first][1] - packs[last][1], first)
        for first, last in itertools.combinations_with_replacement(range(len(packs)), 2)
        if packs[first][1] - packs[last][1] <= spread
        and sum(energy * health for energy, health in packs[first : last + 1]) >= wanted
    ]
    found = assembly._best_run(
        [(str(place), energy, health, None) for place, (energy, health) in enumerate(packs)],
        Decimal(wanted),
        spread,
    )
    expected = min(runs, default=None)
    assert found == (None if expected is None else (expected[2], expected[2] + expected[0] - 1))
