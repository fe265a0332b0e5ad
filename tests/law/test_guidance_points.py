"""The 71 data points of the Commission's guidance (2.0), written down a second time, against the rows.

The states come from the prose of the guidance: which points stay empty, which are conditional, which concern
one category. The guidance knows EV, LMT and industrial; stationary storage is industrial in it.
"""

from datetime import date

import pytest

from schemas.registry import REGISTRY, obligation
from schemas.terms import Category, Obligation

FIRST_DAY = date(2027, 2, 18)

POINTS = {
    1: ("passport_id", "battery_id"),
    2: ("operator_identifier", "operator_name", "operator_address", "operator_role"),
    3: ("manufacturer_name",),
    4: ("manufacturer_address",),
    5: ("manufacturer_web", "manufacturer_email"),
    6: ("battery_category",),
    7: ("model_identifier", "serial_number"),
    8: ("manufacturing_place",),
    9: ("manufacturing_date",),
    10: ("battery_mass",),
    11: ("rated_capacity",),
    12: ("battery_chemistry",),
    13: ("hazardous_substances",),
    14: ("extinguishing_agent",),
    15: ("critical_raw_materials",),
    17: ("cf_total", "cf_raw_material", "cf_production", "cf_distribution", "cf_end_of_life", "cf_study_url"),
    18: ("carbon_footprint_label", "cf_performance_class"),
    19: ("due_diligence_report_url",),
    20: ("recycled_cobalt_share",),
    21: ("recycled_lithium_share",),
    22: ("recycled_nickel_share",),
    23: ("recycled_lead_share",),
    24: ("renewable_content_share",),
    26: ("minimum_voltage",),
    27: ("nominal_voltage",),
    28: ("maximum_voltage",),
    29: ("original_power_capability",),
    30: ("maximum_permitted_power",),
    31: ("expected_lifetime_cycles",),
    32: ("cycle_life_reference_test",),
    33: ("capacity_threshold_exhaustion",),
    34: ("idle_temperature_min", "idle_temperature_max", "idle_temperature_reference_test"),
    35: ("warranty_period",),
    36: ("initial_round_trip_efficiency",),
    37: ("round_trip_efficiency_50_cycle_life",),
    38: ("internal_resistance_cell", "internal_resistance_pack"),
    39: ("c_rate_cycle_life_test",),
    40: ("separate_collection_symbol",),
    41: ("cadmium_lead_symbols",),
    42: ("eu_declaration_of_conformity",),
    43: (
        *("waste_prevention_info", "separate_collection_info", "collection_and_treatment_info"),
        *("waste_safety_instructions", "label_meaning", "hazardous_substance_impacts"),
    ),
    44: ("instructions_for_use",),
    45: ("material_composition",),
    46: ("part_numbers",),
    47: ("spare_part_sources",),
    48: (
        *("dismantling_manuals", "dismantling_exploded_diagrams", "dismantling_sequences"),
        *("dismantling_fasteners", "dismantling_tools", "dismantling_warnings", "dismantling_cell_layout"),
    ),
    49: ("safety_measures",),
    50: ("test_reports",),
    51: ("rated_capacity_redetermined",),
    52: ("capacity_fade",),
    53: ("power",),
    54: ("power_fade",),
    55: ("internal_resistance_current",),
    56: ("internal_resistance_increase_pack",),
    57: ("round_trip_efficiency_current",),
    58: ("round_trip_efficiency_fade",),
    59: ("expected_lifetime_cycles_current",),
    60: ("expected_lifetime_years_current", "expected_lifetime_years"),
    61: ("state_of_certified_energy",),
    62: ("remaining_capacity",),
    63: ("remaining_power_capability",),
    64: ("remaining_round_trip_efficiency",),
    65: ("self_discharge_evolution",),
    66: ("ohmic_resistance",),
    67: ("battery_status",),
    68: ("full_cycles",),
    69: ("negative_events", "accidents"),
    70: ("temperature",),
    71: ("state_of_charge",),
}
REPETITIONS = {16, 25}
WAITING = {17, 18, 19, 20, 21, 22, 23, 44}
OPTIONAL = {5}
CONDITIONAL = {35, 41, 57, 58, 68, 69, 70, 71}
CONDITIONAL_INDUSTRIAL = {31, 32, 36, 37, 39, *range(51, 57), 59, 60, *range(62, 67)}
EV_ONLY = {33, 61}
NOT_EV = set(range(62, 67))

# The law says "where possible" itself, which the guidance leaves out for LMT: Annex VII A(2), (3), (5).
WHERE_POSSIBLE = {63, 64, 66}
# Empty for electric vehicles by the guidance, allowed by the law: Annex VII A(1), (2) do not forbid them.
VOLUNTARY_FOR_EV = {62, 63}


def state(point, category):
    """`mandatory`, `conditional`, `optional`, `waiting`, `empty`: what the guidance says."""
    if point in REPETITIONS:
        return "empty"
    if point in WAITING:
        return "waiting"
    if point in EV_ONLY:
        return "mandatory" if category is Category.EV else "empty"
    if point in NOT_EV and category is Category.EV:
        return "empty"
    if point in OPTIONAL:
        return "optional"
    industrial = category in (Category.INDUSTRIAL, Category.STATIONARY)
    if point in CONDITIONAL or (point in CONDITIONAL_INDUSTRIAL and industrial):
        return "conditional"
    return "mandatory"


def cases(wanted, category):
    return [point for point in range(1, 72) if state(point, category) == wanted]


def asked(attribute_id, category):
    return obligation(REGISTRY[attribute_id], category, FIRST_DAY, FIRST_DAY)


@pytest.mark.parametrize(
    ("category", "expected"), [(Category.EV, 47), (Category.LMT, 50), (Category.INDUSTRIAL, 32)]
)
def test_the_guidance_counts_47_50_and_32_mandatory_points(category, expected):
    assert len(cases("mandatory", category)) == expected


@pytest.mark.parametrize("category", Category)
def test_mandatory_points_are_owed_without_condition(category):
    for point in cases("mandatory", category):
        for attribute_id in POINTS[point]:
            ruling = asked(attribute_id, category)
            assert ruling.obligation is Obligation.OWED, (point, attribute_id)
            allowed = point in WHERE_POSSIBLE and category is Category.LMT
            assert ruling.condition is None or allowed, (point, attribute_id)


@pytest.mark.parametrize("category", [Category.EV, Category.LMT, Category.STATIONARY])
def test_conditional_points_are_owed_on_a_named_condition(category):
    unconditional = set()
    for point in cases("conditional", category):
        for attribute_id in POINTS[point]:
            ruling = asked(attribute_id, category)
            assert ruling.obligation is Obligation.OWED, (point, attribute_id)
            if ruling.condition is None:
                unconditional.add(attribute_id)
    # Annex VII A(1) and (4) know no condition for stationary storage.
    law_alone = {"remaining_capacity", "self_discharge_evolution"}
    assert unconditional == (law_alone if category is Category.STATIONARY else set())


def test_conditional_points_of_other_industrial_batteries_are_owed_conditionally_or_not_at_all():
    not_owed = set()
    for point in cases("conditional", Category.INDUSTRIAL):
        for attribute_id in POINTS[point]:
            ruling = asked(attribute_id, Category.INDUSTRIAL)
            if ruling.obligation is Obligation.OWED:
                assert ruling.condition is not None, attribute_id
            else:
                not_owed.add(point)
    assert not_owed == set(range(62, 67))  # Art. 14(1): stationary storage alone


@pytest.mark.parametrize("category", Category)
def test_waiting_points_may_not_be_stated_on_the_first_day(category):
    for point in sorted(WAITING):
        for attribute_id in POINTS[point]:
            ruling = asked(attribute_id, category)
            assert ruling.obligation in (Obligation.PENDING, Obligation.MUST_STAY_EMPTY), attribute_id
            assert not ruling.may_be_stated


@pytest.mark.parametrize("category", Category)
def test_points_of_another_category_are_not_owed(category):
    for point in cases("empty", category):
        for attribute_id in POINTS.get(point, ()):
            expected = (
                Obligation.VOLUNTARY
                if point in VOLUNTARY_FOR_EV and category is Category.EV
                else Obligation.NOT_APPLICABLE
            )
            assert asked(attribute_id, category).obligation is expected, attribute_id


def test_the_two_repetitions_have_no_row_of_their_own():
    assert REPETITIONS.isdisjoint(POINTS)
    assert set(POINTS) | REPETITIONS == set(range(1, 72))
