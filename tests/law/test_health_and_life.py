"""Art. 14 and Annex VII, written down a second time: who owes which parameter of health and life."""

from datetime import date

import pytest

from schemas.registry import REGISTRY, obligation
from schemas.terms import Category, Obligation, RecordKind

PLACED = date(2027, 3, 1)
EV, LMT, INDUSTRIAL, STATIONARY = Category.EV, Category.LMT, Category.INDUSTRIAL, Category.STATIONARY

# Annex VII part A for LMT and stationary storage; (2), (3) and (5) say "where possible".
FIVE_PARAMETERS = {
    "remaining_capacity": False,
    "remaining_power_capability": True,
    "remaining_round_trip_efficiency": True,
    "self_discharge_evolution": False,
    "ohmic_resistance": True,
}
# Annex VII part B (2) to (4); (1) are dates, (5) full equivalent cycles.
EXPECTED_LIFE = (
    "energy_throughput",
    "capacity_throughput",
    "time_above_temperature",
    "time_below_temperature",
    "charging_time_above_temperature",
    "charging_time_below_temperature",
)


def asked(attribute_id, category):
    return obligation(REGISTRY[attribute_id], category, PLACED, PLACED)


def test_state_of_certified_energy_is_owed_for_electric_vehicles_and_for_nobody_else():
    assert asked("state_of_certified_energy", EV).obligation is Obligation.OWED
    for category in (LMT, INDUSTRIAL, STATIONARY):
        assert asked("state_of_certified_energy", category).obligation is Obligation.NOT_APPLICABLE


@pytest.mark.parametrize("attribute_id", FIVE_PARAMETERS)
@pytest.mark.parametrize("category", [LMT, STATIONARY])
def test_the_five_parameters_are_owed_for_lmt_and_stationary_storage(attribute_id, category):
    ruling = asked(attribute_id, category)
    assert ruling.obligation is Obligation.OWED
    where_possible = ruling.condition is not None and ruling.condition.name == "possible"
    assert where_possible is FIVE_PARAMETERS[attribute_id]


@pytest.mark.parametrize("attribute_id", [*FIVE_PARAMETERS, "state_of_certified_energy"])
def test_other_industrial_batteries_owe_no_health(attribute_id):
    assert asked(attribute_id, INDUSTRIAL).obligation in (Obligation.VOLUNTARY, Obligation.NOT_APPLICABLE)


@pytest.mark.parametrize("attribute_id", FIVE_PARAMETERS)
def test_electric_vehicles_do_not_owe_the_five_parameters(attribute_id):
    assert asked(attribute_id, EV).obligation in (Obligation.VOLUNTARY, Obligation.NOT_APPLICABLE)


@pytest.mark.parametrize("attribute_id", EXPECTED_LIFE)
def test_the_counters_of_expected_life_are_owed_for_lmt_and_stationary_storage_alone(attribute_id):
    assert asked(attribute_id, LMT).obligation is Obligation.OWED
    assert asked(attribute_id, STATIONARY).obligation is Obligation.OWED
    assert asked(attribute_id, EV).obligation is Obligation.NOT_APPLICABLE
    assert asked(attribute_id, INDUSTRIAL).obligation is Obligation.NOT_APPLICABLE


def test_the_threshold_of_exhaustion_is_for_electric_vehicles_alone():
    assert asked("capacity_threshold_exhaustion", EV).obligation is Obligation.OWED
    for category in (LMT, INDUSTRIAL, STATIONARY):
        assert asked("capacity_threshold_exhaustion", category).obligation is Obligation.NOT_APPLICABLE


def test_every_row_of_annex_vii_a_to_b_lives_in_the_condition_record_but_the_two_public_ones():
    citing = {row.id for row in REGISTRY.values() if any(c.in_annex_vii for c in row.law)}
    elsewhere = {name for name in citing if REGISTRY[name].record is not RecordKind.CONDITION}
    assert elsewhere == {"manufacturing_date", "certified_usable_energy"}


def test_one_number_called_health_is_an_opinion_and_never_a_measured_fact():
    assert REGISTRY["state_of_health"].record is RecordKind.ASSESSMENT
    for category in Category:
        assert asked("state_of_health", category).obligation is Obligation.VOLUNTARY
