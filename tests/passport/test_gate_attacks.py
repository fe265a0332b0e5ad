"""No version is born that owes something, unless the operator says so in writing and the record says so too.

Every road by which a version comes into being is tried with a battery that owes something; and the roads are
counted in the source, so that a new one is noticed.
"""

import ast
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport import issue as road
from passport.issue import LEASE, RecordGateClosed, _claims, view_of
from passport.ledger import batteries, database, life, versions
from schemas.conditions import CONDITIONS
from schemas.record import Stated
from schemas.registry import REGISTRY, obligation
from schemas.terms import Absent, Audience, Category, Obligation, PassportStatus, RecordKind, Source
from tests.passport.issuing import AFTER, BEFORE, NOW, installation

PROJECT = Path(__file__).parents[2]
PASSPORT, CONDITION = RecordKind.PASSPORT, RecordKind.CONDITION
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with installation(tmp_path_factory.mktemp("gate")) as made:
        yield made


def none_is_there(house, battery):
    assert house.one("SELECT count(*) FROM version WHERE battery = ?", battery.id) == 0
    assert house.one("SELECT count(*) FROM intent WHERE battery = ?", battery.id) == 0


# ----------------------------------------------------------------------------------------- each road, alone


@pytest.mark.parametrize("kind", [PASSPORT, CONDITION])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("reason", [None, "", "   \n\t"])
def test_issue_is_refused_forced_or_not_and_by_an_empty_reason(house, kind, force, reason):
    battery = house.battery(placed_on=AFTER)
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, kind, now=NOW, incomplete=reason, force=force)
    none_is_there(house, battery)


def test_a_group_does_not_carry_one_through(house):
    good, owing = house.battery(placed_on=BEFORE), house.battery(placed_on=AFTER)
    for force in (False, True):
        found = dict(house.issuer.issue_many([good.id, owing.id], PASSPORT, now=NOW, force=force))
        assert isinstance(found[owing.id], RecordGateClosed)
    none_is_there(house, owing)


def test_a_reason_is_signed_into_the_record_and_stored_beside_it(house):
    battery = house.battery(placed_on=AFTER)
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete=" the laboratory is late ")
    assert _claims(version.jwt)["incomplete"] == version.incomplete == "the laboratory is late"


def test_the_reason_of_one_version_does_not_serve_the_next(house):
    battery = house.battery(placed_on=AFTER)
    house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="once")
    for force in (False, True):
        with pytest.raises(RecordGateClosed):
            house.issuer.issue(battery.id, PASSPORT, now=NOW + SECOND, force=force)


@pytest.mark.parametrize("status", PassportStatus)
def test_a_change_of_status_makes_no_version_and_opens_no_gate(house, status):
    battery = house.battery(placed_on=AFTER)
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, battery.id, status)
    none_is_there(house, battery)
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)


def test_recovering_makes_nothing_of_nothing(house):
    battery = house.battery(placed_on=AFTER)
    assert house.issuer.recover(NOW).finished == ()
    none_is_there(house, battery)


def test_what_recovery_finishes_says_what_the_gate_was_told(house, monkeypatch):
    battery = house.battery(placed_on=AFTER)

    def gone(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(road, "_jwts", gone)
    with pytest.raises(KeyboardInterrupt):
        house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="in writing")
    monkeypatch.undo()
    (version,) = house.issuer.recover(NOW + LEASE + SECOND).finished
    assert _claims(version.jwt)["incomplete"] == version.incomplete == "in writing"


def test_an_abandoned_intent_is_finished_as_it_was_and_the_next_version_meets_the_gate(house, monkeypatch):
    battery = house.battery(placed_on=AFTER)
    monkeypatch.setattr(road, "_jwts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="in writing")
    monkeypatch.undo()
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW + LEASE + SECOND)
    with database.reading(house.engine) as connection:
        (one,) = versions.history(connection, battery.id, PASSPORT)
    assert one.incomplete == "in writing"


def test_what_is_withdrawn_between_gate_and_intent_is_noticed(house, monkeypatch):
    """The gate of a small battery is open; before its turn to write comes, its smallness is withdrawn."""
    battery = house.battery(
        placed_on=AFTER, category=Category.INDUSTRIAL, rated_capacity=Decimal(10), nominal_voltage=Decimal(12)
    )
    reserve = road.Issuer._reserve

    def slow(self, group):
        house.declare(battery, rated_capacity=Decimal(1000))
        return reserve(self, group)

    monkeypatch.setattr(road.Issuer, "_reserve", slow)
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    none_is_there(house, battery)


# ------------------------------------------------------------------------------------ saying what is not so


def test_not_applicable_opens_nothing_that_is_owed_plainly_whatever_the_reason(house):
    battery = house.battery(placed_on=AFTER, manufacturing_date=Absent.NOT_APPLICABLE)
    with pytest.raises(RecordGateClosed, match=r"declared not applicable, and owed .* \(Annex XIII 1\(a\)"):
        house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="anyway")
    none_is_there(house, battery)


def test_not_applicable_answers_a_condition_and_the_record_says_so(house):
    battery = house.battery(placed_on=AFTER, warranty_period=Absent.NOT_APPLICABLE)
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="the rest")
    assert _claims(version.jwt)["credentialSubject"]["warranty_period"] == {"absent": "not_applicable"}


@pytest.mark.parametrize(
    ("facts", "lie"),
    [
        ({"warranty_period": 96}, {"warranty_given": False}),
        ({"restricted_metals_content": ({"metal": "lead", "share": "0.1"},)}, {"cadmium_or_lead": False}),
        ({"rated_capacity": Decimal(100), "nominal_voltage": Decimal(400)}, {"above_2_kwh": False}),
        ({"predecessor_passport_ids": ("https://id.example.com/p/A",)}, {"has_predecessor": False}),
        ({"due_diligence_exempt": False}, {"due_diligence_bound": False}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_circumstance_that_a_fact_refutes_opens_nothing(house, facts, lie):
    battery = house.battery(placed_on=AFTER, category=Category.INDUSTRIAL, **facts)
    house.circumstance(battery, **lie)
    with pytest.raises(RecordGateClosed, match="it is declared that"):
        house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="anyway")
    none_is_there(house, battery)


def test_another_category_among_the_facts_is_not_the_one_that_is_judged(house):
    battery = house.battery(
        placed_on=AFTER, category=Category.EV, rated_capacity=Decimal(1), battery_category=Category.INDUSTRIAL
    )
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="x")
    assert _claims(version.jwt)["credentialSubject"]["battery_category"]["value"] == "ev"


def test_the_day_that_the_record_states_is_the_day_that_is_judged(house):
    battery = house.battery(placed_on=BEFORE, placed_on_market_date=AFTER)
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    version = house.issuer.issue(battery.id, CONDITION, now=NOW, incomplete="x")
    with database.reading(house.engine) as connection:
        values = view_of(connection, version, Audience.LEGITIMATE_INTEREST).values
    assert values["placed_on_market_date"]["value"] == AFTER.isoformat()
    assert not version.voluntary


def test_a_day_that_is_declared_not_applicable_is_a_day_that_is_not_known(house):
    battery = house.battery(placed_on=BEFORE)
    house.declare(battery, placed_on_market_date=date(2026, 5, 1))
    house.declare(battery, placed_on_market_date=Absent.NOT_APPLICABLE)
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)


# ------------------------------------------------------------------------------------------ all at once

PLAIN = {
    "manufacturing_date": REGISTRY["manufacturing_date"].value.from_wire("2026-10"),
    "battery_mass": Decimal(40),
    "warranty_period": 96,
    "operator_identifier": "DE123",
    "cf_total": Decimal(60),
    "renewable_content_share": Decimal(1),
}


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    facts=st.dictionaries(st.sampled_from(sorted(PLAIN)), st.booleans()),
    declared=st.dictionaries(st.sampled_from(sorted(CONDITIONS)), st.booleans(), max_size=4),
    category=st.sampled_from(Category),
    placed_on=st.sampled_from([BEFORE, AFTER, None]),
    kind=st.sampled_from([PASSPORT, CONDITION]),
    reason=st.sampled_from([None, "", "in writing"]),
    force=st.booleans(),
)
def test_whatever_is_declared_a_version_owes_nothing_or_says_so(
    house, facts, declared, category, placed_on, kind, reason, force
):
    values = {name: PLAIN[name] if stated else Absent.NOT_APPLICABLE for name, stated in facts.items()}
    battery = house.battery(placed_on=placed_on, category=category, **values)
    house.circumstance(battery, **declared)
    try:
        version = house.issuer.issue(battery.id, kind, now=NOW, incomplete=reason, force=force)
    except RecordGateClosed:
        none_is_there(house, battery)
        return
    claims = _claims(version.jwt)
    with database.reading(house.engine) as connection:
        said = {
            name: wire
            for audience in Audience
            for name, wire in view_of(connection, version, audience).values.items()
        }
    known = frozenset(declared.items())
    for name, wire in said.items():
        ruling = obligation(REGISTRY[name], category, placed_on, NOW.date(), known)
        plain = ruling.obligation is Obligation.OWED and ruling.condition is None
        if plain and "value" not in wire:
            # Owed, and not there: in writing, or not owed at all and marked so.
            assert claims.get("incomplete") == "in writing" or claims.get("voluntary") is True, name
            assert wire != {"absent": "not_applicable"}, name
        if "value" in wire:
            assert ruling.obligation not in (Obligation.PENDING, Obligation.MUST_STAY_EMPTY), name


# --------------------------------------------------------------------------- the roads, counted in the source


@cache
def calls():
    """`file:function` and the called name, for every call in the program that could matter here."""
    found = set()
    for path in [*(PROJECT / "passport").rglob("*.py"), PROJECT / "app.py"]:
        text = path.read_text(encoding="utf-8")
        if not any(word in text for word in ("versions.add", "issue", "sign_record")):
            continue
        place = path.relative_to(PROJECT)
        for function in ast.walk(ast.parse(text)):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    found.add((f"{place}:{function.name}", node.func.id))
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    owner = node.func.value
                    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                    found.add((f"{place}:{function.name}", f"{name}.{node.func.attr}"))
    return frozenset(found)


def calls_of(*names):
    """Where one of these names is called."""
    return {place for place, called in calls() if called.endswith(names)}


def test_one_function_stores_versions_and_two_bring_it_what_was_signed():
    assert calls_of("versions.add") == {"passport/issue.py:_release"}
    assert calls_of("self._release") == {"passport/issue.py:_issue_groups", "passport/issue.py:_resume"}


def test_what_is_signed_as_a_record_comes_from_an_intent_alone():
    assert calls_of("sign_records") == {"passport/issue.py:_jwts"}
    # a status list and a statement have types of their own
    assert calls_of("sign_record") == {
        "passport/issue.py:status_list",
        "passport/signing/statements.py:sign_statement",
    }


def test_an_intent_comes_from_a_draft_or_from_the_database_and_a_draft_from_behind_the_gate():
    assert calls_of("_Intent") == {"passport/issue.py:_intent", "passport/issue.py:_open_intents"}
    assert calls_of("self._intent") == {"passport/issue.py:_reserve"}
    assert calls_of("_store_intents") == {"passport/issue.py:_reserve"}
    assert calls_of("_Draft") == {"passport/issue.py:_draft"}
    source = ast.parse((PROJECT / "passport" / "issue.py").read_text(encoding="utf-8"))
    (draft,) = (
        node for node in ast.walk(source) if isinstance(node, ast.FunctionDef) and node.name == "_draft"
    )
    calls = {ast.unparse(node.func): node.lineno for node in ast.walk(draft) if isinstance(node, ast.Call)}
    assert calls["self._gate"] < calls["_Draft"]


def test_tables_of_versions_and_intents_are_written_in_two_places():
    writers = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "passport").rglob("*.py")
        if any(f"INTO {name} (" in path.read_text(encoding="utf-8") for name in ("version", "intent"))
    }
    assert writers == {"passport/issue.py", "passport/ledger/versions.py"}


def test_who_asks_for_versions_and_with_which_reason():
    """The demonstration and the benchmarks answer in writing; nobody else does it for the operator."""
    callers = {one.split(":")[0] for one in calls_of("issuer.issue", ".issue_many")}
    assert callers == {
        "app.py",  # the demonstration, with a reason that says so
        "passport/bench/trust.py",
        "passport/commands/bench.py",
        "passport/commands/issue.py",  # the operator's own `--incomplete`
    }


def test_what_the_life_of_a_battery_tells_counts_as_a_fact(house):
    """A battery that has a predecessor owes the operation that gave it its new life, declared or not."""
    battery = house.battery(placed_on=AFTER, battery_status="original")
    told = life.lives
    link = Stated.of(
        REGISTRY["predecessor_passport_ids"], ("https://id.example.com/p/A",), source=Source.DECLARED
    )

    class Lived(life.Life):
        def words(self, kind, declared):
            return {"predecessor_passport_ids": link} if kind is PASSPORT else {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(life, "lives", lambda connection, ids: told(connection, ids) | {battery.id: Lived()})
        with database.reading(house.engine) as connection:
            standing = road.standing_of(
                connection, battery, CONDITION, public_url="https://x.example", now=NOW
            )
    assert any("names passports, but battery_status is original" in str(one) for one in standing.findings)
