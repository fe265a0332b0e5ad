"""Annex XIII and Art. 77(2), written down a second time from the text of the law, compared with the rows.

The table was made from the points of the Annex (consolidated version of 13 August 2026), not from the rows.
"""

import pytest

from passport.disclosure import may_see
from schemas.registry import REGISTRY
from schemas.terms import Audience, Disclosure

EVERYONE = {Audience.PUBLIC, Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY}
INTERESTED_AND_AUTHORITIES = {Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY}
AUTHORITIES = {Audience.AUTHORITY}
INTERESTED = {Audience.LEGITIMATE_INTEREST}

POINTS = {
    # 1: open to the public
    "1(a)": {
        # label information, Annex VI part A (1) to (10)
        *("manufacturer_name", "manufacturer_address", "manufacturer_web", "manufacturer_email"),  # (1)
        *("battery_category", "model_identifier", "batch_number", "serial_number"),  # (2)
        "manufacturing_place",  # (3)
        "manufacturing_date",  # (4)
        "battery_mass",  # (5)
        "rated_capacity",  # (6); chemistry (7), substances (8) and raw materials (10) are point 1(b) too
        "extinguishing_agent",  # (9)
    },
    "1(b)": {"battery_chemistry", "battery_chemistry_name", "hazardous_substances", "critical_raw_materials"},
    "1(c)": {
        *("cf_total", "cf_raw_material", "cf_production", "cf_distribution", "cf_end_of_life"),
        *("cf_performance_class", "carbon_footprint_label", "cf_study_url", "cf_declaration_url", "cf_plant"),
        "eu_declaration_id",
    },
    "1(d)": {"due_diligence_report_url"},
    "1(e)": {
        *("recycled_cobalt_share", "recycled_lithium_share", "recycled_nickel_share", "recycled_lead_share"),
        *("recycled_content_year", "recycled_content_plant"),
    },
    "1(f)": {"renewable_content_share"},
    "1(g)": {"rated_capacity"},
    "1(h)": {"minimum_voltage", "nominal_voltage", "maximum_voltage", "voltage_temperature_range"},
    "1(i)": {
        *("original_power_capability", "maximum_permitted_power", "power_limits", "power_temperature_range"),
    },
    "1(j)": {"expected_lifetime_cycles", "cycle_life_reference_test"},
    "1(k)": {"capacity_threshold_exhaustion"},
    "1(l)": {"idle_temperature_min", "idle_temperature_max", "idle_temperature_reference_test"},
    "1(m)": {"warranty_period"},
    "1(n)": {"initial_round_trip_efficiency", "round_trip_efficiency_50_cycle_life"},
    "1(o)": {"internal_resistance_cell", "internal_resistance_pack"},
    "1(p)": {"c_rate_cycle_life_test"},
    "1(q)": {"separate_collection_symbol", "cadmium_lead_symbols"},
    "1(r)": {"eu_declaration_of_conformity"},
    "1(s)": {
        # Art. 74(1)(a) to (f)
        *("waste_prevention_info", "separate_collection_info", "collection_and_treatment_info"),
        *("waste_safety_instructions", "label_meaning", "hazardous_substance_impacts"),
    },
    # 2: legitimate interest and the Commission, by Art. 77(2)(b) also notified bodies and market surveillance
    "2(a)": {"material_composition"},
    "2(b)": {"part_numbers", "spare_part_sources"},
    "2(c)": {
        *("dismantling_manuals", "dismantling_exploded_diagrams", "dismantling_sequences"),
        *("dismantling_fasteners", "dismantling_tools", "dismantling_warnings", "dismantling_cell_layout"),
    },
    "2(d)": {"safety_measures", "safe_discharging_instructions"},
    # 3: notified bodies, market surveillance, the Commission
    "3": {"test_reports"},
    # 4: legitimate interest alone
    "4(a)": {
        # Art. 10(1), Annex IV part A, at placing on the market and at each change of status
        *("rated_capacity_redetermined", "capacity_fade", "power", "power_fade"),
        *("internal_resistance_current", "internal_resistance_increase_pack"),
        *("round_trip_efficiency_current", "round_trip_efficiency_fade"),
        *("expected_lifetime_cycles_current", "expected_lifetime_years_current", "expected_lifetime_years"),
        *("placed_on_market_date", "status_history"),
    },
    "4(b)": {
        "state_of_certified_energy",
        *("remaining_capacity", "remaining_power_capability", "remaining_round_trip_efficiency"),
        *("self_discharge_evolution", "ohmic_resistance"),
    },
    "4(c)": {"battery_status", "status_history"},
    "4(d)": {
        *("full_cycles", "negative_events", "accidents", "deep_discharge_count"),
        *("temperature", "operating_environment_records"),
        *("state_of_charge", "state_of_charge_records"),
    },
}

READERS = {"1": EVERYONE, "2": INTERESTED_AND_AUTHORITIES, "3": AUTHORITIES, "4": INTERESTED}


@pytest.mark.parametrize("point", POINTS)
def test_the_rows_of_a_point_are_seen_by_exactly_those_whom_the_law_names(point):
    for attribute_id in POINTS[point]:
        disclosure = REGISTRY[attribute_id].disclosure
        seen_by = {audience for audience in Audience if may_see(audience, disclosure)}
        assert seen_by == READERS[point[0]], attribute_id


@pytest.mark.parametrize("point", POINTS)
def test_every_row_of_a_point_cites_it_and_no_other_row_does(point):
    citing = {row.id for row in REGISTRY.values() if point in row.annex_xiii_points}
    assert citing == POINTS[point]


def test_no_row_cites_a_point_that_the_annex_does_not_have():
    cited = {point for row in REGISTRY.values() for point in row.annex_xiii_points}
    # the bare 4 is cited for the envelope of all its values
    assert cited - {"4"} == set(POINTS)


def test_rows_outside_the_annex_are_public_only_on_this_list():
    outside = {
        row.id
        for row in REGISTRY.values()
        if row.disclosure is Disclosure.PUBLIC and not row.annex_xiii_points
    }
    assert outside == {
        # Art. 77(3), (4), (7), (8), EN 18223 header, Art. 13, 19, 20
        *("passport_id", "battery_id", "predecessor_passport_ids", "successor_passport_ids"),
        *("dpp_schema_version", "content_specification_ids", "dpp_status", "dpp_granularity"),
        *("dpp_last_updated_at", "dpp_issued_at", "passport_ceased_at", "data_carrier", "ce_marking"),
        *("operator_name", "operator_address", "operator_contact", "operator_role", "industrial_subtype"),
        # voluntary figures beside a public one
        *("cf_reference_year", "cf_total_service_energy", "cf_methodology", "cf_absolute"),
        *("third_party_assurances", "supply_chain_indices", "svhc_substances", "instructions_for_use"),
        *(
            f"{when}_consumer_recycled_{metal}_share"
            for when in ("pre", "post")
            for metal in ("cobalt", "lithium", "nickel", "lead")
        ),
        *("certified_usable_energy", "power_energy_ratio", "internal_resistance_module"),
        *("cycle_test_charge_rate", "cycle_test_depth_of_discharge"),
    }


def test_codes_of_operator_manufacturer_and_plant_are_for_authorities_their_names_are_public():
    for code in ("operator_identifier", "manufacturer_identifier", "facility_identifier"):
        assert REGISTRY[code].disclosure is Disclosure.AUTHORITIES
    for name in ("operator_name", "manufacturer_name", "manufacturing_place"):
        assert REGISTRY[name].disclosure is Disclosure.PUBLIC
