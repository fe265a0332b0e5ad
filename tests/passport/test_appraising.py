"""The signed assessment: what it states, what it rests on, and the same bytes when it is worked out again."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from passport import inspections
from passport.appraising import appraised, read_inputs, recompute
from passport.commands import assess
from passport.errors import Conflict, InputRefused
from passport.inspections import Finding, Findings, MeasuredCapacity
from passport.issue import view_of
from passport.judgement import value_parameters
from passport.judgement.opinions import known
from passport.judgement.value_parameters import parse_parameters, read_parameters
from passport.ledger import database, states, versions
from passport.lifecycle.sessions import Sessions
from passport.lifecycle.state import LifecycleState
from passport.signing.encode import json_bytes
from passport.signing.keys import RecordKey, create_record_key
from schemas.identifier import identifier_url
from schemas.registry import REGISTRY
from schemas.terms import Audience, RecordKind
from tests.passport.estimates.test_capacity import FULL
from tests.passport.issuing import NOW, URL, installation

PASSPORT, CONDITION, ASSESSMENT = RecordKind
DAY = timedelta(days=1)
# The cell of the session: 9.0 Ah of 10 Ah came out of it the day before.
CELL = {
    "battery_chemistry": "Li-ion NMC",
    "rated_capacity": Decimal(10),
    "nominal_voltage": Decimal("3.7"),
    "minimum_voltage": Decimal("2.5"),
    "maximum_voltage": Decimal("4.2"),
    "dismantling_cell_layout": {"in_series": 1},
}
SESSION = replace(FULL, absolute=True, start_s=int((NOW - DAY).timestamp()))
PRICES = read_parameters()
PRICES_FILE = Path(value_parameters.__file__).with_name("value.toml")


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def fold(house, battery, *sessions):
    state = LifecycleState(sessions=Sessions(discharges=len(sessions), latest=sessions[-1]))
    with database.writing(house.engine) as connection:
        states.save_state(connection, battery.id, state.to_bytes(), 1, NOW)


@pytest.fixture
def battery(house):
    made = house.battery(**CELL)
    fold(house, made, SESSION)
    house.issuer.issue(made.id, PASSPORT, now=NOW)
    return made


def issued(house, battery, now=NOW, **more):
    return house.issuer.issue(battery.id, ASSESSMENT, now=now, **more)


def said(house, version):
    with database.reading(house.engine) as connection:
        return view_of(connection, version, Audience.LEGITIMATE_INTEREST).values


def checked(house, battery, version, prices=PRICES):
    with database.reading(house.engine) as connection:
        return recompute(connection, battery, version, prices)


def test_the_record_states_health_value_and_second_life(house, battery):
    values = said(house, issued(house, battery))
    health = values["state_of_health"]
    assert (health["value"], health["unit"], health["source"]) == ("90.0", "%", "computed")
    assert health["method"] == "cap.classA.v1"
    assert health["as_of"] == "2026-11-19T14:00:00Z"
    outcome = values["second_life_assessment"]["value"]
    assert Decimal(outcome["health_low"]) < 85
    assert Decimal(outcome["health_high"]) > 95
    assert outcome["calibrated"] is False
    assert outcome["health"]["evidence_class"] == "A"
    assert outcome["grade"] in "ABCD"
    # Deductions add up to what is missing of a hundred.
    assert Decimal(outcome["score"]) + sum(Decimal(one["points"]) for one in outcome["deductions"]) == 100
    assert outcome["uses"][0]["use"] == "same_vehicle"
    assert {one["fit"] for one in outcome["uses"]} <= {"fit", "not_fit", "not_known"}
    assert all("binding" in one for one in outcome["uses"] if one["fit"] != "fit")
    assert Decimal(outcome["remaining_life"]["home_storage"]["low"]) >= 0
    worth = values["residual_value"]["value"]
    # Gates are open: the value of materials now, and what an inspection would make of it beside.
    assert worth["amount"] == worth["recycling"]
    assert Decimal(worth["low"]) <= Decimal(worth["amount"]) <= Decimal(worth["high"])
    assert Decimal(worth["after_inspection"]) > Decimal(worth["amount"])
    assert (worth["currency"], worth["on"]) == ("EUR", "2026-11-20")
    assert len(worth["contributions"]) == 3


def test_what_it_rests_on_is_stated_by_digest(house, battery):
    rests_on = said(house, issued(house, battery))["second_life_assessment"]["value"]["inputs"]
    with database.reading(house.engine) as connection:
        passport = versions.latest(connection, battery.id, PASSPORT)
    assert rests_on["passport"] == passport.sha256
    assert rests_on["parameters"] == PRICES.digest
    assert {"state", "facts", "policy"} <= rests_on.keys()
    assert "inspections" not in rests_on


def test_the_same_inputs_give_the_same_bytes(house, battery):
    with database.reading(house.engine) as connection:
        inputs = read_inputs(connection, battery, now=NOW)
        again = read_inputs(connection, battery, now=NOW)
    written = [
        json_bytes(
            {
                name: one.to_wire(REGISTRY[name])
                for name, one in appraised(each, PRICES).opinions(PRICES).items()
            }
        )
        for each in (inputs, again)
    ]
    assert written[0] == written[1]


def test_a_stored_record_is_worked_out_to_the_same_bytes(house, battery):
    version = issued(house, battery)
    told = checked(house, battery, version)
    assert told.same == {"residual_value": True, "second_life_assessment": True, "state_of_health": True}
    assert told.changed == {}
    assert told.confirmed


def test_newer_readings_are_named_and_their_opinions_differ(house, battery):
    version = issued(house, battery)
    fold(house, battery, replace(SESSION, charge_to_limit=85_000))
    told = checked(house, battery, version)
    assert set(told.changed) == {"state"}
    assert told.same["state_of_health"] is False
    assert not told.confirmed


def test_other_prices_change_the_value_alone(house, battery):
    version = issued(house, battery)
    text = PRICES_FILE.read_text("utf-8")
    dearer = parse_parameters(text.replace("\nvalue = 14\n", "\nvalue = 15\n", 1), "dearer")
    assert dearer.digest != PRICES.digest
    told = checked(house, battery, version, dearer)
    assert set(told.changed) == {"parameters"}
    assert told.same == {"residual_value": False, "second_life_assessment": True, "state_of_health": True}


def test_another_declaration_is_named(house, battery):
    version = issued(house, battery)
    house.declare(battery, battery_mass=Decimal(44))
    told = checked(house, battery, version)
    assert set(told.changed) == {"facts"}
    # The mass decides about none of the three.
    assert all(told.same.values())
    assert not told.confirmed


def test_an_inspection_that_was_filed_later_is_not_asked(house, battery, tmp_path):
    version = issued(house, battery)
    path = tmp_path / "inspector.pem"
    create_record_key(path, password=b"secret")
    key = RecordKey(path, b"secret")
    found = Findings(identifier_url(URL, battery.identifier), NOW, (Finding("G3", True, "sound"),))
    later = NOW + DAY
    with database.writing(house.engine) as connection:
        inspections.add_inspector(connection, name="One", qualification="3", jwk=key.public_jwk, at=NOW)
        token = inspections.sign(found, key, now=later)
        _, filed = inspections.file(connection, token, public_url=URL, now=later)
    assert checked(house, battery, version).confirmed
    renewed = issued(house, battery, now=later)
    assert renewed.version == 2
    outcome = said(house, renewed)["second_life_assessment"]["value"]
    assert outcome["inputs"]["inspections"] == [filed.digest]
    assert outcome["reasons"][2]["answer"] == "pass"
    assert checked(house, battery, renewed).confirmed


def test_a_capacity_that_an_inspector_measured_later_is_the_health(house, battery, tmp_path):
    path = tmp_path / "inspector.pem"
    create_record_key(path, password=b"secret")
    key = RecordKey(path, b"secret")
    measured = MeasuredCapacity(Decimal("8.7"), Decimal("0.1"), Decimal(25), "full discharge at 5 A")
    found = Findings(identifier_url(URL, battery.identifier), NOW, (), capacity=measured)
    with database.writing(house.engine) as connection:
        inspections.add_inspector(connection, name="One", qualification="3", jwk=key.public_jwk, at=NOW)
        inspections.file(connection, inspections.sign(found, key, now=NOW), public_url=URL, now=NOW)
    values = said(house, issued(house, battery))
    health = values["state_of_health"]
    assert (health["value"], health["method"]) == ("87.0", "cap.inspected.v1")
    outcome = values["second_life_assessment"]["value"]
    assert (outcome["health_low"], outcome["health_high"]) == ("86.00", "88.00")
    assert [one["answer"] for one in outcome["reasons"] if one["gate"] == "G12"] == ["pass"]


def test_an_erased_opinion_is_neither_the_same_nor_another(house, battery):
    version = issued(house, battery)
    with database.writing(house.engine) as connection:
        versions.erase_disclosure(connection, version, "state_of_health", why="asked for", at=NOW)
    told = checked(house, battery, version)
    assert told.same["state_of_health"] is None
    assert told.confirmed


def test_an_opinion_that_did_not_change_makes_no_new_version(house, battery):
    version = issued(house, battery)
    assert issued(house, battery, now=NOW + timedelta(hours=1)).version == version.version


def test_a_record_of_another_kind_or_registry_is_refused(house, battery):
    condition = house.issuer.issue(battery.id, CONDITION, now=NOW)
    with pytest.raises(InputRefused, match="is no assessment of"):
        checked(house, battery, condition)
    old = replace(issued(house, battery), registry_version="2026.12")
    with pytest.raises(Conflict, match=r"speaks of registry 2026\.12"):
        checked(house, battery, old)


def test_health_above_the_rating_is_stated_as_it_is(house, battery):
    fold(house, battery, replace(SESSION, charge=104_500, charge_to_limit=104_000))
    assert said(house, issued(house, battery))["state_of_health"]["value"] == "104.0"


def test_no_opinion_holds_a_null(house, battery):
    other = house.battery()
    for each in (battery, other):
        values = said(house, issued(house, each))
        assert known(values) == values


# ----------------------------------------------------------------------------------------------- the command


class Commanded:
    """What the command needs of the house; every state here was folded by hand."""

    def __init__(self, made):
        self.made, self.settings = made, made.settings

    def reading(self):
        return database.reading(self.made.engine)

    def refresh(self, battery_id):
        raise AssertionError("a check brings nothing up before")

    def now(self):
        return NOW


def run(house, *words, status=0):
    result = CliRunner().invoke(assess.command, list(words), obj=Commanded(house))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


def test_the_command_confirms_and_names_what_changed(house, battery):
    version = issued(house, battery)
    for record in ("latest", version.record_id, f"{URL}/r/{version.record_id}"):
        assert run(house, battery.id, "--check", record).count("the same bytes") == 3
    fold(house, battery, replace(SESSION, charge_to_limit=85_000))
    told = run(house, battery.id, "--check", "latest", status=1)
    assert "other bytes" in told
    assert "newer readings were folded" in told
    wire = json.loads(run(house, battery.id, "--check", "latest", "--json", status=1))
    assert (wire["confirmed"], list(wire["changed"])) == (False, ["state"])
