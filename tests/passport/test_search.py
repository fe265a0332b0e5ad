"""Search: what is found, in which order, and what is refused by name."""

import base64
import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport import grants, search
from passport.errors import Forbidden, InputRefused
from passport.ledger import database
from schemas.terms import Audience
from tests.databases import migrated

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PUBLIC = grants.VISITOR
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
AUTHORITY = grants.Principal(Audience.AUTHORITY, key="a")
DEVICE = grants.Principal(None, right=grants.Right.INTAKE, key="d")


@dataclass(frozen=True)
class Pack:
    id: str
    operator: str = "first"
    category: str = "stationary"
    simulated: bool = True

    @property
    def passport_id(self):
        return "P" + self.id

    @property
    def identifier(self):
        return f"/01/09521234543213/21/{self.id}"


def stated(**values):
    return {name: {"value": value} for name, value in values.items()}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("search"))
    with database.writing(engine) as connection:

        def add(pack, **parts):
            search.index(connection, battery=pack, **parts)

        # 102 Ah x 51.2 V = 5.2224 kWh; 50 x 48 = 2.4; 280 x 51.2 = 14.336
        add(
            Pack("AAAA"),
            facts=stated(
                battery_chemistry="Li-ion LFP",
                manufacturer_name="Example Cells",
                rated_capacity="102",
                nominal_voltage="51.2",
                battery_mass="44.5",
            ),
            condition=stated(
                battery_status="original", state_of_charge="55.5", full_cycles="120.25", temperature="-3"
            ),
            condition_at=AT,
            verdict="needs_inspection",
            inspect=["insulation resistance", "casing"],
        )
        add(
            Pack("BBBB", operator="second"),
            facts=stated(battery_chemistry="Li-ion NMC", rated_capacity="50", nominal_voltage="48"),
            condition=stated(battery_status="re-used", full_cycles="900"),
        )
        add(
            Pack("CCCC", category="ev"),
            facts=stated(battery_chemistry="Li-ion LFP", rated_capacity="280", nominal_voltage="51.2"),
        )
        add(Pack("DDDD", category="lmt"), facts=stated(battery_chemistry="Li-ion LFP"))
        add(Pack("EEEE", category="lmt"), facts=stated(battery_chemistry="Li-ion LFP"))
    yield engine
    engine.dispose()


def ask(engine, reader, *pairs):
    with database.reading(engine) as connection:
        return search.query(connection, search.parse(pairs), reader)


def ids(page):
    return [row.battery for row in page.rows]


def test_without_a_key_public_fields_are_found_and_shown(engine):
    page = ask(engine, PUBLIC, ("chemistry", "LFP"), ("rated_energy_min", "5"))
    assert ids(page) == ["CCCC", "AAAA"]
    first = page.rows[1]
    assert first.values["rated_energy"] == "5.222"
    assert first.values["mass"] == "44.5"
    assert first.inspect is None
    assert first.condition_at is None
    hidden = {"battery_status", "state_of_charge", "full_cycles", "temperature", "verdict"}
    assert set(first.withheld) == hidden
    assert not hidden & set(first.values)


def test_with_legitimate_interest_condition_is_found_and_shown(engine):
    page = ask(engine, INTEREST, ("full_cycles_max", "500"))
    assert ids(page) == ["AAAA"]
    row = page.rows[0]
    assert row.values["state_of_charge"] == "55.5"
    assert row.values["full_cycles"] == "120.25"
    assert row.values["temperature"] == "-3"
    assert row.values["verdict"] == "needs_inspection"
    assert row.inspect == ("insulation resistance", "casing")
    assert row.condition_at == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize("word", ["LFP", "lfp", "Li-ion LFP"])
def test_a_chemistry_may_be_asked_without_its_family(engine, word):
    assert len(ask(engine, PUBLIC, ("chemistry", word)).rows) == 4


def test_a_word_that_no_list_knows_finds_nothing(engine):
    assert ask(engine, PUBLIC, ("chemistry", "unobtainium")).rows == ()


RESTRICTED = [
    ("battery_status", "original"),
    ("state_of_charge_min", "1"),
    ("state_of_charge_max", "1"),
    ("full_cycles_min", "1"),
    ("temperature_max", "1"),
    ("verdict", "needs_inspection"),
    ("order", "full_cycles"),
    ("order", "-state_of_charge"),
    ("order", "temperature"),
]


@pytest.mark.parametrize("reader", [PUBLIC, AUTHORITY], ids=["public", "authority"])
@pytest.mark.parametrize("pair", RESTRICTED, ids=lambda pair: f"{pair[0]}={pair[1]}")
def test_a_field_that_the_reader_may_not_read_is_refused_by_name(engine, reader, pair):
    with pytest.raises(Forbidden) as caught:
        ask(engine, reader, pair)
    named = pair[1].lstrip("-") if pair[0] == "order" else pair[0].removesuffix("_min").removesuffix("_max")
    assert named in str(caught.value)


def test_a_device_key_finds_nothing_at_all(engine):
    # Public fields are not called restricted for its sake.
    with pytest.raises(Forbidden, match="it reads nothing"):
        ask(engine, DEVICE)


def test_a_scoped_key_reads_and_filters_condition_only_in_its_scope(engine):
    scoped = grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second")
    assert ids(ask(engine, scoped, ("full_cycles_min", "0"))) == ["BBBB"]
    assert ids(ask(engine, scoped, ("order", "full_cycles"))) == ["BBBB"]
    everything = {row.battery: row for row in ask(engine, scoped).rows}
    assert everything["BBBB"].values["full_cycles"] == "900"
    assert "full_cycles" not in everything["AAAA"].values
    assert everything["AAAA"].inspect is None


def test_what_is_unknown_matches_no_filter_and_stands_last_both_ways(engine):
    assert ids(ask(engine, PUBLIC, ("rated_energy_min", "0"))) == ["CCCC", "AAAA", "BBBB"]
    assert ids(ask(engine, PUBLIC, ("rated_energy_max", "999999"))) == ["CCCC", "AAAA", "BBBB"]
    assert ids(ask(engine, PUBLIC, ("order", "rated_energy"))) == ["BBBB", "AAAA", "CCCC", "DDDD", "EEEE"]
    assert ids(ask(engine, PUBLIC, ("order", "-rated_energy"))) == ["CCCC", "AAAA", "BBBB", "EEEE", "DDDD"]


@pytest.mark.parametrize("order", search.ORDERS)
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("limit", ["1", "2", "3"])
def test_walking_the_pages_meets_every_battery_once_in_the_same_order(engine, order, sign, limit):
    whole = ids(ask(engine, INTEREST, ("order", sign + order), ("limit", "200")))
    assert sorted(whole) == ["AAAA", "BBBB", "CCCC", "DDDD", "EEEE"]
    walked, cursor = [], None
    while True:
        pairs = [("order", sign + order), ("limit", limit)] + ([("cursor", cursor)] if cursor else [])
        page = ask(engine, INTEREST, *pairs)
        walked += ids(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert walked == whole


def test_a_cursor_belongs_to_its_question(engine):
    cursor = ask(engine, PUBLIC, ("limit", "1")).cursor
    with pytest.raises(InputRefused, match="another question"):
        ask(engine, PUBLIC, ("limit", "1"), ("chemistry", "LFP"), ("cursor", cursor))
    with pytest.raises(InputRefused, match="another question"):
        ask(engine, PUBLIC, ("order", "mass"), ("cursor", cursor))


@pytest.mark.parametrize(
    "pair",
    [
        ("shoe_size", "44"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "1e2"),
        ("limit", "٣"),
        ("order", "battery"),
        ("order", "operator"),
        ("order", "rated_energy; DROP TABLE battery"),
        ("order", "--rated_energy"),
        ("rated_energy", "5"),
        ("rated_energy_min", "five"),
        ("rated_energy_min", "NaN"),
        ("rated_energy_min", "Infinity"),
        ("rated_energy_min", "1e400"),
        ("rated_energy_min", "9" * 39),
        ("rated_energy_mid", "5"),
        ("chemistry_min", "5"),
        ("chemistry", "x" * 201),
        ("chemistry", "L\x00FP"),
        ("cursor", "AAAA"),
        ("cursor", "W10"),
        ("cursor", "é"),
        ("cursor", "x" * 601),
    ],
    ids=lambda pair: f"{pair[0]}={pair[1][:30]}".encode("ascii", "replace").decode(),
)
def test_a_hostile_or_unknown_parameter_is_refused_by_name(engine, pair):
    with pytest.raises(InputRefused) as caught:
        ask(engine, PUBLIC, pair)
    assert pair[0] in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_a_parameter_given_twice_is_refused_where_only_one_makes_sense(engine):
    for pair in (("limit", "5"), ("order", "mass"), ("mass_min", "1")):
        with pytest.raises(InputRefused, match="twice"):
            ask(engine, PUBLIC, pair, pair)
    assert ids(ask(engine, PUBLIC, ("chemistry", "LFP"), ("chemistry", "NMC"), ("limit", "9"))) == [
        "CCCC",
        "AAAA",
        "BBBB",
        "EEEE",
        "DDDD",
    ]


def test_an_untouched_form_asks_nothing(engine):
    assert (
        len(ask(engine, PUBLIC, ("chemistry", ""), ("mass_min", " "), ("order", ""), ("limit", "")).rows) == 5
    )


def test_a_new_version_replaces_only_the_parts_that_it_speaks_of(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as connection:
        pack = Pack("AAAA")
        search.index(connection, battery=pack, facts=stated(battery_chemistry="Li-ion LFP"))
        search.index(connection, battery=pack, condition=stated(full_cycles="3"))
        search.index(connection, battery=pack, verdict="needs_inspection", inspect=["casing"])
        search.index(connection, battery=pack, facts=stated(battery_chemistry="Li-ion NMC"))
        row = search.query(connection, search.parse([]), INTEREST).rows[0]
    engine.dispose()
    assert (row.values["chemistry"], row.values["full_cycles"], row.inspect) == (
        "Li-ion NMC",
        "3",
        ("casing",),
    )


def test_words_for_a_form_are_public_ones_only(engine):
    with database.reading(engine) as connection:
        assert search.choices(connection, "chemistry") == ("Li-ion LFP", "Li-ion NMC")
        assert search.choices(connection, "manufacturer") == ("Example Cells",)
        for name in ("battery_status", "verdict", "mass"):
            with pytest.raises(ValueError):
                search.choices(connection, name)


def test_on_the_wire_every_field_has_a_value_or_a_reason(engine):
    row = search.wire(ask(engine, PUBLIC, ("chemistry", "NMC")).rows[0], "http://127.0.0.1:8000")
    assert row["identifier"] == "http://127.0.0.1:8000/01/09521234543213/21/BBBB"
    assert row["simulated"] is True
    assert row["fields"]["rated_energy"] == {"value": "2.4", "unit": "kWh"}
    assert row["fields"]["mass"] == {"absent": "not_provided"}
    assert row["fields"]["full_cycles"] == {"absent": "restricted"}
    assert set(row["fields"]) == set(search.FIELDS)
    assert "inspect" not in row


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(search.parameters()), st.text(max_size=20)), st.text(max_size=30)
        ),
        max_size=4,
    )
)
def test_any_question_is_answered_or_refused_and_nothing_else(engine, pairs):
    with contextlib.suppress(InputRefused, Forbidden):
        ask(engine, PUBLIC, *pairs)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), st.lists, max_leaves=6
    )
)
def test_any_cursor_is_answered_or_refused_and_nothing_else(engine, content):
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    with contextlib.suppress(InputRefused):
        ask(engine, PUBLIC, ("cursor", cursor))
