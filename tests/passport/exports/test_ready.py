"""BatteryPass-Ready 1.0: what each of its five categories demands, in its types, ranges and units."""

import json
import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import format_of, ready
from passport.exports.format import Subject, Why
from schemas.terms import Audience, Category
from schemas.validation import FactsInvalid, load_facts
from tests.passport.exports import laws
from tests.passport.exports.subjects import changed, everything, facts, subject

QUICK = settings(deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
NAMES = {
    "electric vehicle battery": "ev",
    "LMT battery": "lmt",
    "industrial/non-stationary battery": "other-industrial",
    "industrial/stationary battery": "stationary",
    "industrial battery without BMS": "industrial-without-bms",
}

# One resistance has a place: that of the pack.
EXCEPTED = frozenset({"internal_resistance_cell"})


@pytest.fixture(scope="module")
def known(shared) -> dict[str, Any]:
    return json.loads(shared("reference/batterypass/ready-1.0/schema-facts.json").read_text())["properties"]


def category_of(document: Any) -> str:
    return NAMES[
        document["Battery_Passport"]["IdentifiersAndProductData"]["BatteryCategory"]["batteryCategoryValue"]
    ]


def missing(document: Any, known: dict[str, Any]) -> list[str]:
    """Demanded places that are empty; anything else that is wrong fails the test."""
    category = category_of(document)
    absent = []
    for path, row in known.items():
        chapter, name = path.split("/")
        body = document["Battery_Passport"].get(chapter, {})
        if name not in body:
            absent += [f"$.Battery_Passport.{chapter}.{name}"] if category in row["required_in"] else []
            continue
        assert category in row["required_in"] + row["optional_in"], path
        definition = next(one["definition"] for one in row["variants"] if category in one["categories"])
        absent += wrong(body[name], definition, f"$.Battery_Passport.{chapter}.{name}")
    for chapter, body in document["Battery_Passport"].items():
        assert {f"{chapter}/{name}" for name in body} <= set(known)
    return absent


def wrong(value: Any, definition: dict[str, Any], path: str) -> list[str]:
    kind = definition["type"]
    if kind == "object":
        assert isinstance(value, dict), path
        assert set(value) <= set(definition["members"]), path
        absent = []
        for name, member in definition["members"].items():
            if name in value:
                absent += wrong(value[name], member, f"{path}.{name}")
            elif member["required"]:
                absent.append(f"{path}.{name}")
        return absent
    types = {"string": str, "integer": int, "number": (int, float)}
    assert isinstance(value, types[kind]), path
    assert not isinstance(value, bool), path
    if "enum" in definition:
        assert value in definition["enum"], path
    assert definition.get("minimum", value) <= value <= definition.get("maximum", value), path
    formats = {
        "uri": lambda text: re.fullmatch(r"[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", text),
        "date": lambda text: date.fromisoformat(text) and len(text) == 10,
        "date-time": lambda text: datetime.fromisoformat(text).tzinfo is not None,
    }
    if "format" in definition:
        assert formats[definition["format"]](value), f"{path}: {value}"
    return []


def complete(category: Category, **more: Any) -> Subject:
    """Every value, also those that the law does not ask of the category; lead and lithium alike."""
    every = {name: value for other in Category for name, value in facts(other).items()}
    return everything(category, every | facts(category) | more)


def test_the_checker_agrees_with_the_five_payloads_of_others(shared, known):
    for name in NAMES.values():
        document = json.loads(shared(f"reference/batterypass/ready-1.0/{name}.example.json").read_text())
        assert missing(document, known) == [] or name == "industrial-without-bms"


@pytest.mark.parametrize("category", Category)
def test_a_complete_battery_has_all_that_its_category_demands(category, known):
    exported = ready.export(complete(category))
    assert missing(json.loads(exported.data), known) == []
    assert all(loss.why is not Why.UNFILLED for loss in exported.losses)


def test_a_battery_without_management_system_is_a_category_of_its_own(known):
    exported = ready.export(complete(Category.INDUSTRIAL, industrial_subtype="without_bms"))
    document = json.loads(exported.data)
    assert category_of(document) == "industrial-without-bms"
    assert missing(document, known) == []
    assert "NumberOfDeepDischargeEvents" not in document["Battery_Passport"]["PerformanceAndDurability"]
    brought = ready.read(exported.data).facts
    assert (brought["battery_category"], brought["industrial_subtype"]) == ("industrial", "without_bms")


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("audience", Audience)
def test_what_is_missing_in_a_view_is_told_as_unfilled(category, audience, known):
    exported = ready.export(subject(category, audience))
    laws.check_that_missing_places_are_told(exported, missing(json.loads(exported.data), known))


@QUICK
@given(laws.subjects())
def test_what_is_missing_is_told_and_nothing_else_is_wrong(known, some):
    exported = ready.export(some)
    laws.check_that_missing_places_are_told(exported, missing(json.loads(exported.data), known))
    laws.check_that_losses_are_in_reading_order(exported)


@QUICK
@given(laws.subjects())
def test_nothing_is_lost_unsaid(some):
    laws.check_that_nothing_is_lost_unsaid(ready, some)
    laws.check_that_it_is_always_the_same(ready, some)


def performance(battery: Subject) -> dict[str, Any]:
    return json.loads(ready.export(battery).data)["Battery_Passport"]["PerformanceAndDurability"]


def whys(battery: Subject, attribute: str) -> set[Why]:
    return {loss.why for loss in ready.export(battery).losses if loss.attribute == attribute}


@pytest.mark.parametrize(
    ("stated", "written"), [("21.5", 22), ("22.5", 22), ("-0.5", 0), ("-1.5", -2), ("23.0", 23)]
)
def test_whole_numbers_are_rounded_half_to_even_and_said(stated, written):
    battery = changed(everything(Category.LMT), temperature=stated)
    assert performance(battery)["TemperatureInformation"] == {"celsiusValue": written, "degreeCelsius": "°C"}
    assert whys(battery, "temperature") == (set() if stated == "23.0" else {Why.ROUNDED})


def test_a_capacity_is_told_in_milliampere_hours_where_that_saves_it_from_rounding():
    battery = everything(Category.EV)
    assert performance(battery)["RatedCapacity"] == {
        "amperehourMiliamperehourValue": 117500,
        "ampereHourMiliamperehour": "mAh",
    }
    assert load_facts({"rated_capacity": ready.read(ready.export(battery).data).facts["rated_capacity"]}) == {
        "rated_capacity": load_facts({"rated_capacity": "117.5"})["rated_capacity"]
    }
    assert performance(battery)["RemainingCapacity"]["amperehourMiliamperehourValue"] == 117
    assert whys(battery, "remaining_capacity") == {Why.ROUNDED}


def test_a_resistance_that_rounding_leaves_nothing_of_is_not_read_back_as_nothing():
    exported = ready.export(everything(Category.LMT))
    assert whys(everything(Category.LMT), "internal_resistance_pack") == {Why.ROUNDED}
    brought = ready.read(exported.data)
    assert "internal_resistance_pack" not in brought.facts
    assert any(loss.attribute == "internal_resistance_pack" for loss in brought.losses)


def test_a_value_outside_the_range_of_the_format_is_left_out_and_said():
    battery = changed(everything(Category.LMT), capacity_fade="-0.8")
    assert "CapacityFade" not in performance(battery)
    assert whys(battery, "capacity_fade") == {Why.NO_PLACE, Why.UNFILLED}


@pytest.mark.parametrize(
    ("stated", "written"),
    [([], "data:,none"), (["Pb"], "data:,Pb"), (["Cd", "Pb"], "data:,Cd%20Pb")],
)
def test_symbols_stand_in_an_address_that_says_them(stated, written):
    exported = ready.export(changed(everything(Category.INDUSTRIAL), cadmium_lead_symbols=stated))
    labels = json.loads(exported.data)["Battery_Passport"]["SymbolsLabelsAndDocumentationOfConformity"]
    assert labels["SymbolsForCadmiumAndLead"] == written
    assert ready.read(exported.data).facts["cadmium_lead_symbols"] == stated


def test_that_no_accident_is_known_can_be_said():
    exported = ready.export(changed(everything(Category.LMT), accidents=[]))
    assert ready.read(exported.data).facts["accidents"] == []


@pytest.mark.parametrize(
    ("served", "made", "months", "ends", "why"),
    [
        ("2027-03-01", "2027-01", 96, "2035-03-01", Why.RESPELT),
        ("2027-08-31", "2027-01", 6, "2028-02-29", Why.RESPELT),
        (None, "2027-01", 24, "2029-01-01", Why.MADE_UP),
    ],
)
def test_a_warranty_is_told_by_its_last_day_and_read_back_in_months(served, made, months, ends, why):
    battery = changed(
        everything(Category.LMT),
        putting_into_service_date=served,
        manufacturing_date=made,
        warranty_period=months,
    )
    exported = ready.export(battery)
    data = json.loads(exported.data)["Battery_Passport"]["IdentifiersAndProductData"]
    assert data["WarrantyPeriodOfTheBattery"] == ends
    assert whys(battery, "warranty_period") == {why}
    assert ready.read(exported.data).facts["warranty_period"] == months


def test_no_carbon_class_no_recycled_share_and_no_due_diligence_is_ever_made_up():
    exported = ready.export(everything(Category.EV, {"battery_category": "ev"}))
    document = json.loads(exported.data)["Battery_Passport"]
    assert "BatteryCarbonFootprint" not in document
    assert "SupplyChainDueDiligence" not in document
    assert not [name for name in document["CircularityAndResourceEfficiency"] if "Recycled" in name]


def test_places_are_those_of_the_audited_table(shared):
    paths = laws.audited_paths(shared, "ready_1_0_pointer")
    for place in ready.PLACES:
        assert f"{place.path}.".startswith(f"{paths[place.attribute]}."), place.attribute


@pytest.mark.parametrize("category", Category)
def test_every_attribute_of_the_audited_table_has_its_place(shared, category):
    paths = laws.audited_paths(shared, "ready_1_0_pointer")
    without = {
        loss.attribute
        for loss in ready.export(everything(category)).losses
        if loss.why is Why.NO_PLACE and not loss.path
    }
    assert without & set(paths) <= EXCEPTED


# ----------------------------------------------------------------------------------------- what others wrote


@pytest.mark.parametrize("name", ["ev", "lmt", "stationary", "industrial-without-bms"])
def test_payloads_of_others_are_read_and_their_stages_do_not_add_up(shared, name):
    brought = ready.read(shared(f"reference/batterypass/ready-1.0/{name}.example.json").read_bytes())
    with pytest.raises(FactsInvalid) as refused:
        load_facts(brought.facts)
    assert set(refused.value.errors) == {
        "cf_total",
        "cf_raw_material",
        "cf_production",
        "cf_distribution",
        "cf_end_of_life",
    }


def test_a_payload_of_others_becomes_facts(shared):
    brought = ready.read(shared("reference/batterypass/ready-1.0/other-industrial.example.json").read_bytes())
    loaded = load_facts(brought.facts)
    assert len(loaded) > 65
    assert str(loaded["manufacturing_date"]) == "2024-03"
    assert loaded["warranty_period"] == 96
    assert loaded["operator_address"] == {
        "street": "Batteriestraße 42",
        "postal_code": "70173",
        "town": "Stuttgart",
        "country": "DE",
    }
    assert {loss.attribute for loss in brought.losses} >= {
        "part_numbers",
        "material_composition",
        "accidents",
    }
    assert brought.identifier is not None


def test_what_is_no_document_of_it_is_refused_with_what_was_expected():
    with pytest.raises(InputRefused, match="which stands below 'Battery_Passport'"):
        ready.read(b'{"batteryCondition": {}}')


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data):
    laws.check_that_reading_refuses_or_tells(ready, data)


@QUICK
@given(laws.damaged(ready.export(everything(Category.STATIONARY)).data))
def test_any_value_anywhere_is_brought_told_or_refused(data):
    laws.check_that_reading_refuses_or_tells(ready, data)


def test_the_command_line_knows_the_format():
    assert format_of("ready").TITLE == "BatteryPass-Ready 1.0"


def test_a_capacity_that_whole_milliampere_hours_cannot_hold_is_told_and_not_read_as_none():
    some = subject(Category.LMT, Audience.LEGITIMATE_INTEREST)
    tiny = {**some.values["rated_capacity"], "value": "0.0004"}
    exported = ready.export(replace(some, values={**some.values, "rated_capacity": tiny}))
    (loss,) = [one for one in exported.losses if one.attribute == "rated_capacity"]
    assert (loss.why, loss.sentence) == (Why.ROUNDED, "whole mAh are wanted: 0.0004 Ah became 0 mAh")
    assert "rated_capacity" not in ready.read(exported.data).facts
