"""Catena-X battery_pass 6.1.0: a document that the official schema accepts, and that reads back."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import catenax, format_of
from passport.exports.format import Subject, Why
from schemas.terms import Audience, Category
from schemas.validation import FactsInvalid, load_facts
from tests.passport.exports import laws
from tests.passport.exports.subjects import changed, everything, facts, subject

QUICK = settings(deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

# Places that the table names and that cannot hold the value, each told with its reason.
EXCEPTED = frozenset(
    {
        "dpp_schema_version",
        "internal_resistance_current",
        "manufacturing_date",
        "operating_environment_records",
        "power_temperature_range",
        "renewable_content_share",
        "voltage_temperature_range",
    }
)


@pytest.fixture(scope="module")
def schema(shared) -> dict[str, Any]:
    return json.loads(shared("reference/catenax/BatteryPass-6.1.0/BatteryPass.schema.json").read_text())


def complete(category: Category) -> Subject:
    """Every value that the format has a place for, also those that the law does not ask of the category."""
    known = {name: value for other in Category for name, value in facts(other).items()}
    metals = [{"metal": metal, "share": "0.0002"} for metal in ("mercury", "cadmium", "lead")]
    return everything(category, known | facts(category) | {"restricted_metals_content": metals})


@pytest.mark.parametrize("category", Category)
def test_a_complete_battery_passes_the_official_schema(category, schema):
    exported = catenax.export(complete(category))
    assert laws.missing_places(json.loads(exported.data), schema) == []
    assert all(loss.why is not Why.UNFILLED for loss in exported.losses)


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("audience", Audience)
def test_what_the_schema_misses_in_a_view_is_told_as_unfilled(category, audience, schema):
    exported = catenax.export(subject(category, audience))
    missing = laws.missing_places(json.loads(exported.data), schema)
    laws.check_that_missing_places_are_told(exported, missing)


@QUICK
@given(laws.subjects())
def test_what_the_schema_misses_is_told_and_nothing_else_is_wrong(schema, some):
    exported = catenax.export(some)
    missing = laws.missing_places(json.loads(exported.data), schema)
    laws.check_that_missing_places_are_told(exported, missing)
    laws.check_that_losses_are_in_reading_order(exported)


@QUICK
@given(laws.subjects())
def test_nothing_is_lost_unsaid(some):
    laws.check_that_nothing_is_lost_unsaid(catenax, some)
    laws.check_that_it_is_always_the_same(catenax, some)


def document(battery: Subject) -> dict[str, Any]:
    return json.loads(catenax.export(battery).data)


def whys(battery: Subject, attribute: str) -> set[Why]:
    return {loss.why for loss in catenax.export(battery).losses if loss.attribute == attribute}


def test_membership_numbers_are_written_where_declared_and_marked_where_not():
    named = changed(everything(Category.EV), operator_identifier="BPNL00000003B2OM")
    assert document(named)["metadata"]["economicOperatorId"] == "BPNL00000003B2OM"
    assert whys(named, "operator_identifier") == set()
    battery = everything(Category.EV)
    assert document(battery)["metadata"]["economicOperatorId"] == catenax.NO_COMPANY == "BPNLNOTSTATED000"
    assert whys(battery, "operator_identifier") == {Why.NO_PLACE, Why.MADE_UP}
    assert "operator_identifier" not in catenax.read(catenax.export(battery).data).facts


def test_stationary_is_told_as_industrial_and_said():
    battery = everything(Category.STATIONARY)
    assert document(battery)["identification"]["category"] == "industrial"
    assert whys(battery, "battery_category") == {Why.RESPELT}
    assert whys(everything(Category.INDUSTRIAL), "battery_category") == set()


def test_a_passport_is_named_by_the_same_uuid_each_time_and_its_originals_too():
    made = document(everything(Category.STATIONARY))["metadata"]
    form = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(form, made["passportIdentifier"])
    first = facts(Category.STATIONARY)["predecessor_passport_ids"][0]
    assert made["predecessor"] == catenax.passport_uuid(first) != made["passportIdentifier"]
    assert document(everything(Category.EV))["metadata"]["predecessor"] == catenax.NO_PASSPORT


def test_a_recycled_share_is_the_sum_of_its_parts_where_no_sum_is_stated():
    battery = changed(everything(Category.EV), recycled_nickel_share=None)
    assert document(battery)["materials"]["active"]["nickel"]["recycled"] == 6.75
    assert whys(battery, "pre_consumer_recycled_nickel_share") == {Why.CUT}


def test_a_share_that_nobody_stated_stays_empty_everywhere():
    materials = document(everything(Category.EV))["materials"]
    assert "recycled" not in materials["active"]["lead"]
    assert materials["composition"] == []  # each material would need a recycled share of its own
    assert whys(everything(Category.EV), "material_composition") == {Why.CUT, Why.MADE_UP}


def test_a_material_of_which_all_is_stated_stands_in_the_composition():
    battery = changed(
        everything(Category.INDUSTRIAL),
        material_composition=[
            {
                "component": "grids",
                "name": "lead",
                "cas_number": "7439-92-1",
                "mass": "402",
                "critical": False,
            }
        ],
    )
    (lead,) = document(battery)["materials"]["composition"]
    assert (lead["concentration"], lead["recycled"], lead["renewable"]) == (57.2242, 87.5, 2.4)
    assert whys(battery, "material_composition") == {Why.ROUNDED}


def test_a_recycling_credit_has_no_place():
    battery = changed(everything(Category.EV), cf_end_of_life="-3.2")
    assert whys(battery, "cf_end_of_life") == {Why.NO_PLACE}


def test_no_day_is_invented_for_the_month_of_manufacture():
    assert "manufacturingDate" not in document(everything(Category.EV))["operation"]["manufacturer"]
    assert whys(everything(Category.EV), "manufacturing_date") == {Why.NO_PLACE}


def test_signed_record_is_named_as_a_source():
    (source,) = document(everything(Category.EV))["sources"]
    assert source["content"] == everything(Category.EV).record_url


def test_places_are_those_of_the_audited_table(shared):
    paths = laws.audited_paths(shared, "catenax_path")
    for place in catenax.PLACES:
        assert place.path == paths[place.attribute], place.attribute


@pytest.mark.parametrize("category", Category)
def test_every_attribute_of_the_audited_table_has_its_place(shared, category):
    paths = laws.audited_paths(shared, "catenax_path")
    without = {
        loss.attribute
        for loss in catenax.export(everything(category)).losses
        if loss.why is Why.NO_PLACE and not loss.path
    }
    assert without & set(paths) <= EXCEPTED


# ----------------------------------------------------------------------------------------- what others wrote


@pytest.fixture(scope="module")
def sample(shared) -> bytes:
    return shared("reference/catenax/BatteryPass-6.1.0/BatteryPass.example.json").read_bytes()


# Numbers that have the right form and cannot all be true of one battery.
NOISE = {
    *("rated_capacity", "nominal_voltage", "certified_usable_energy"),
    *("remaining_energy", "state_of_certified_energy"),
}


def test_the_official_sample_is_read_and_what_is_wrong_in_it_is_refused_by_name(sample):
    brought = catenax.read(sample)
    with pytest.raises(FactsInvalid) as refused:
        load_facts(brought.facts)
    errors = {name: str(said) for name, said in refused.value.errors.items()}
    assert "no such day: 7172-75-08" in errors["putting_into_service_date"]
    assert "got 'SLI'" in errors["battery_category"]
    assert "looks like an EC number" in errors["material_composition"]
    assert set(errors) == {
        "putting_into_service_date",
        "battery_category",
        "material_composition",
        "hazardous_substances",
        *NOISE,
    }


def test_what_is_right_in_the_official_sample_becomes_facts(sample):
    brought = catenax.read(sample)
    wrong = {"putting_into_service_date", "battery_category", "material_composition", "hazardous_substances"}
    wrong |= NOISE
    loaded = load_facts({name: value for name, value in brought.facts.items() if name not in wrong})
    assert loaded["battery_mass"] == load_facts({"battery_mass": "0.020"})["battery_mass"]
    assert loaded["battery_chemistry"] == "Li-ion NMC"
    assert str(loaded["manufacturing_date"]) == "2000-01"
    assert loaded["restricted_metals_content"][0] == {
        "metal": "cadmium",
        "share": load_facts({"recycled_lead_share": "0.00053"})["recycled_lead_share"],
    }
    assert brought.predecessors == ()
    told = {loss.why for loss in brought.losses if loss.attribute == "warranty_period"}
    assert told == {Why.NOT_READ}


def test_a_warranty_in_years_is_read_in_months(sample):
    data = sample.replace(b'"lifeValue" : 36', b'"lifeValue" : 3').replace(b"unit:day", b"unit:year")
    assert load_facts({"warranty_period": catenax.read(data).facts["warranty_period"]}) == {
        "warranty_period": 36
    }


def test_a_predecessor_that_is_named_is_brought(sample):
    data = sample.replace(b"00000000-0000-0000-0000-000000000000", b"550e8400-e29b-41d4-a716-446655440111")
    assert catenax.read(data).predecessors == ("urn:uuid:550e8400-e29b-41d4-a716-446655440111",)


def test_what_is_no_document_of_it_is_refused_with_what_was_expected():
    with pytest.raises(InputRefused, match="with identification, performance and metadata"):
        catenax.read(b'{"Battery_Passport": {}}')
    assert not catenax.recognises(b'{"Battery_Passport": {}}', "x.json")


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data):
    laws.check_that_reading_refuses_or_tells(catenax, data)


@QUICK
@given(laws.damaged(catenax.export(complete(Category.EV)).data))
def test_any_value_anywhere_is_brought_told_or_refused(data):
    laws.check_that_reading_refuses_or_tells(catenax, data)


def test_the_command_line_knows_the_format():
    assert format_of("catenax").TITLE == "Catena-X battery_pass 6.1.0"
