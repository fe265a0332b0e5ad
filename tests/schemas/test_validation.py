"""Declared facts: each kind accepts what it should and names what it refuses."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import OPINIONS, REGISTRY
from schemas.terms import BatteryStatus, Category
from schemas.validation import (
    MADE_BY_SERVICE,
    FactsInvalid,
    fact_from_text,
    facts_from_text,
    field_of,
    load_facts,
    near_misses,
    schema,
)
from schemas.values import YearMonth

fast = settings(max_examples=80, deadline=None, database=None)


def refused(raw):
    with pytest.raises(FactsInvalid) as caught:
        load_facts(raw)
    return caught.value.errors


@pytest.mark.parametrize(
    ("attribute_id", "raw", "value"),
    [
        ("rated_capacity", "102", Decimal(102)),
        ("rated_capacity", 102, Decimal(102)),
        ("rated_capacity", Decimal("102.50"), Decimal("102.50")),
        ("rated_capacity", "102 Ah", Decimal(102)),
        ("rated_capacity", {"value": "102000", "unit": "mAh"}, Decimal(102)),
        ("rated_capacity", {"value": 102}, Decimal(102)),
        ("idle_temperature_min", "-20", Decimal(-20)),
        ("capacity_fade", "-0.4", Decimal("-0.4")),
        ("expected_lifetime_cycles", "6000", 6000),
        ("expected_lifetime_cycles", 6000, 6000),
        ("expected_lifetime_cycles", Decimal("6000.0"), 6000),
        ("warranty_period", "P8Y", 96),
        ("warranty_period", "P1Y6M", 18),
        ("warranty_period", {"value": 8, "unit": "a"}, 96),
        ("manufacturing_date", "2026-11", YearMonth(2026, 11)),
        ("placed_on_market_date", "2028-02-29", date(2028, 2, 29)),
        ("battery_category", "lmt", Category.LMT),
        ("battery_status", "re-used", BatteryStatus.RE_USED),
        ("battery_chemistry", "Li-ion LFP", "Li-ion LFP"),
        ("due_diligence_exempt", True, True),
        ("operator_name", "Example Zellen GmbH & Co. <KG>", "Example Zellen GmbH & Co. <KG>"),
        ("manufacturer_web", "https://maker.example/a?b=c", "https://maker.example/a?b=c"),
        (
            "predecessor_passport_ids",
            ["urn:uuid:1", "did:web:x.example"],
            ("urn:uuid:1", "did:web:x.example"),
        ),
        ("cadmium_lead_symbols", [], ()),
        ("test_reports", ["https://maker.example/r.pdf"], ("https://maker.example/r.pdf",)),
    ],
)
def test_accepted_values(attribute_id, raw, value):
    loaded = load_facts({attribute_id: raw})
    assert loaded == {attribute_id: value}
    assert type(loaded[attribute_id]) is type(value)


@pytest.mark.parametrize(
    ("attribute_id", "raw", "sentence"),
    [
        ("rated_capacity", 102.5, "binary float 102.5"),
        ("rated_capacity", float("nan"), "binary float nan"),
        ("rated_capacity", float("inf"), "binary float inf"),
        ("rated_capacity", Decimal("NaN"), "finite"),
        ("rated_capacity", Decimal("Infinity"), "finite"),
        ("rated_capacity", "NaN", "expected a number"),
        ("rated_capacity", "Infinity", "expected a number"),
        ("rated_capacity", "1e999", "power of ten"),
        ("rated_capacity", "1" * 41, "40 digits"),
        ("rated_capacity", "0", "more than 0 Ah, got 0 Ah"),
        ("rated_capacity", "-5", "more than 0 Ah"),
        ("rated_capacity", "5 kWh", "got the unit 'kWh'"),
        ("rated_capacity", "3,65", "point as decimal mark"),
        ("rated_capacity", True, "got yes or no"),
        ("rated_capacity", None, "null"),
        ("rated_capacity", [1], "expected a number, got a list"),
        ("rated_capacity", {"amount": 1}, '{"value": ..., "unit": ...}'),
        ("rated_capacity", {"value": 1, "unit": "Ah", "colour": 1}, '{"value": ..., "unit": ...}'),
        ("rated_capacity", "", "expected a number"),
        ("renewable_content_share", "100.01", "at most 100 %"),
        ("capacity_fade", "100.5", "at most 100 %"),
        ("expected_lifetime_cycles", "12.5", "whole number"),
        ("expected_lifetime_cycles", 2**60, "whole number of at most 9007199254740991"),
        ("deep_discharge_count", "3 Ah", "without unit"),
        ("warranty_period", "P8Y3D", "expected a number"),
        ("warranty_period", "P", "expected a number"),
        ("warranty_period", 0, "at least 1"),
        ("manufacturing_date", "2026-13", "no such month"),
        ("manufacturing_date", "2026-11-20", "leave the day out"),
        ("placed_on_market_date", "2027-02-29", "there is no such day: 2027-02-29"),
        ("placed_on_market_date", "20270301", "YYYY-MM-DD"),
        ("placed_on_market_date", "2027-W09-1", "YYYY-MM-DD"),
        ("battery_category", "EV", "expected one of ev, lmt, industrial, stationary; got 'EV'"),
        ("battery_category", 3, "expected one of"),
        ("due_diligence_exempt", "yes", "true or false"),
        ("due_diligence_exempt", 1, "true or false"),
        ("operator_name", "", "leave the attribute out"),
        ("operator_name", "  \n", "leave the attribute out"),
        ("operator_name", "a\x00b", "U+0000"),
        ("operator_name", "a\ud800b", "U+D800"),
        ("operator_name", "a" * 4001, "at most 4000 characters, got 4001"),
        ("operator_name", 7, "expected text, got int"),
        ("manufacturer_web", "maker.example", "beginning with https"),
        ("manufacturer_web", "javascript:alert(1)", "beginning with https"),
        ("manufacturer_web", "JaVaScRiPt:alert(1)", "beginning with https"),
        ("manufacturer_web", "data:text/html,x", "beginning with https"),
        ("manufacturer_web", "https:///nowhere", "with a host"),
        ("manufacturer_web", "https://a b.example/", "without blanks"),
        ("manufacturer_web", "https://[::1", "absolute address"),
        ("test_reports", [], "entries"),
        ("test_reports", "https://maker.example/r.pdf", "valid list"),
        ("test_reports", ["https://maker.example/r.pdf", "file:///etc/passwd"], "entry 2: "),
        ("cadmium_lead_symbols", ["Cd", "Pb", "Cd"], "0 to 2 entries"),
        ("cadmium_lead_symbols", ["Hg"], "expected one of Cd, Pb"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_refused_values_name_what_was_expected_and_what_came(attribute_id, raw, sentence):
    errors = refused({attribute_id: raw})
    assert list(errors) == [attribute_id]
    assert sentence in " ".join(errors[attribute_id])


@pytest.mark.parametrize("attribute_id", sorted(MADE_BY_SERVICE | OPINIONS))
def test_what_the_service_writes_itself_cannot_be_declared(attribute_id):
    assert "leave it out" in refused({attribute_id: "x"})[attribute_id][0]


def test_an_unknown_name_is_refused_with_what_may_have_been_meant():
    assert "did you mean rated_capacity" in refused({"ratedCapacity": "1"})["ratedCapacity"][0]
    assert refused({"zzz": "1"}) == {"zzz": ["no attribute is called 'zzz'"]}


def test_every_wrong_attribute_is_named_at_once_and_nothing_is_taken():
    errors = refused({"rated_capacity": "x", "battery_mass": "-1", "battery_category": "ev", "bogus": 1})
    assert set(errors) == {"rated_capacity", "battery_mass", "bogus"}


def test_facts_come_back_in_reading_order():
    facts = load_facts({"rated_capacity": "1", "model_identifier": "M", "battery_mass": "2"})
    assert list(facts) == ["model_identifier", "battery_mass", "rated_capacity"]


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"minimum_voltage": "4", "nominal_voltage": "3.2"}, {"minimum_voltage", "nominal_voltage"}),
        ({"nominal_voltage": "3.7", "maximum_voltage": "3.65"}, {"nominal_voltage", "maximum_voltage"}),
        ({"minimum_voltage": "3.65", "maximum_voltage": "3.65"}, {"minimum_voltage", "maximum_voltage"}),
        (
            {"idle_temperature_min": "45", "idle_temperature_max": "-20"},
            {"idle_temperature_min", "idle_temperature_max"},
        ),
        (
            {"pre_consumer_recycled_cobalt_share": "60", "post_consumer_recycled_cobalt_share": "51"},
            {"pre_consumer_recycled_cobalt_share", "post_consumer_recycled_cobalt_share"},
        ),
        (
            {"manufacturing_date": "2027-04", "placed_on_market_date": "2027-03-31"},
            {"manufacturing_date", "placed_on_market_date"},
        ),
        (
            {"battery_category": "ev", "industrial_subtype": "other"},
            {"battery_category", "industrial_subtype"},
        ),
        (
            {"battery_category": "industrial", "industrial_subtype": "stationary"},
            {"battery_category", "industrial_subtype"},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_values_that_contradict_each_other_are_named_on_both_sides(facts, wrong):
    assert set(refused(facts)) == wrong


def test_stages_must_sum_to_the_total_within_a_percent():
    stages = {"cf_raw_material": "30", "cf_production": "20", "cf_distribution": "5", "cf_end_of_life": "-4"}
    assert load_facts({"cf_total": "51.2", **stages})
    assert "sum to cf_total" in refused({"cf_total": "60", **stages})["cf_total"][0]


def test_agreeing_values_pass():
    assert load_facts(
        {
            "minimum_voltage": "2.5",
            "nominal_voltage": "3.2",
            "maximum_voltage": "3.65",
            "manufacturing_date": "2027-03",
            "placed_on_market_date": "2027-03-01",
            "battery_category": "stationary",
            "industrial_subtype": "external_storage",
        }
    )


@pytest.mark.parametrize(
    ("attribute_id", "text", "value"),
    [
        ("rated_capacity", "102", Decimal(102)),
        ("rated_capacity", "102 Ah", Decimal(102)),
        ("battery_category", "Stationary", Category.STATIONARY),
        ("battery_chemistry", "LFP", "Li-ion LFP"),
        ("battery_chemistry", "li-ion nmc", "Li-ion NMC"),
        ("due_diligence_exempt", "yes", True),
        ("due_diligence_exempt", "No", False),
        ("cadmium_lead_symbols", "cd; pb", ("Cd", "Pb")),
        ("extinguishing_agent", "CO2 (A); water mist", ("CO2 (A)", "water mist")),
        ("manufacturing_date", "2026-11", YearMonth(2026, 11)),
    ],
)
def test_typed_text_is_understood(attribute_id, text, value):
    assert fact_from_text(REGISTRY[attribute_id], text) == value


@pytest.mark.parametrize(
    ("attribute_id", "text"),
    [
        ("battery_chemistry", "unobtainium"),
        ("rated_capacity", "a lot"),
        ("dpp_status", "Active"),
        ("accidents", "none"),
    ],
)
def test_typed_text_that_means_nothing_is_refused(attribute_id, text):
    with pytest.raises(FactsInvalid) as caught:
        fact_from_text(REGISTRY[attribute_id], text)
    assert list(caught.value.errors) == [attribute_id]


def test_the_trial_battery_of_the_command_line():
    facts = facts_from_text(
        {
            "category": "stationary",
            "chemistry": "LFP",
            "rated_capacity": "102",
            "cells_in_series": "1",
            "minimum_voltage": "2.5",
            "maximum_voltage": "3.65",
        }
    )
    assert facts == {
        "battery_category": Category.STATIONARY,
        "battery_chemistry": "Li-ion LFP",
        "dismantling_cell_layout": {"in_series": 1},
        "rated_capacity": Decimal(102),
        "minimum_voltage": Decimal("2.5"),
        "maximum_voltage": Decimal("3.65"),
    }


def test_wrong_trial_facts_are_named_together():
    with pytest.raises(FactsInvalid) as caught:
        facts_from_text(
            {"cells_in_series": "0", "colour": "red", "minimum_voltage": "4", "maximum_voltage": "3"}
        )
    assert set(caught.value.errors) == {"cells_in_series", "colour", "minimum_voltage", "maximum_voltage"}
    assert "colour: no attribute is called 'colour'" in str(caught.value)


def test_every_row_has_its_field_in_the_derived_schema():
    assert set(schema().fields) == set(REGISTRY)
    assert field_of("rated_capacity").deserialize("5") == Decimal(5)


def test_near_misses_are_known_names():
    assert near_misses("capacity fade")[0] == "capacity_fade"
    assert near_misses("state-of-charge")[0] == "state_of_charge"
    assert near_misses("") == ()


def test_moments_are_read_with_their_zone_alone():
    field = field_of("dpp_issued_at")
    assert field.deserialize("2026-11-20T13:00:00+01:00") == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    with pytest.raises(Exception, match="zone"):
        field.deserialize("2026-11-20T12:00:00")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(REGISTRY)) | st.text(max_size=12), anything, max_size=6))
@fast
def test_arbitrary_input_gives_facts_or_a_named_refusal_and_nothing_else(raw):
    facts, errors = {}, {"": [""]}
    try:
        facts = load_facts(raw)
    except FactsInvalid as told:
        errors = told.errors
    assert facts or not raw or (errors and all(sentences and all(sentences) for sentences in errors.values()))
    for name, value in facts.items():
        REGISTRY[name].value.check(value)


@given(st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**9), allow_nan=False, places=6))
@fast
def test_a_declared_decimal_is_never_changed(number):
    for raw in (number, format(number, "f")):
        loaded = load_facts({"rated_capacity": raw})["rated_capacity"]
        assert format(loaded, "f") == format(number, "f")
