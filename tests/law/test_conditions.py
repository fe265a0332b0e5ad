"""What a known fact changes, written down a second time from the articles: circumstances against the rows."""

from datetime import date

import pytest

from schemas.conditions import PENDING_ACTS
from schemas.guidance import distinct
from schemas.registry import REGISTRY, obligation, passport_owed
from schemas.terms import Category, Obligation

EV, LMT, INDUSTRIAL, STATIONARY = Category.EV, Category.LMT, Category.INDUSTRIAL, Category.STATIONARY
FIRST = date(2027, 2, 18)
OWED, NOT_APPLICABLE = Obligation.OWED, Obligation.NOT_APPLICABLE

# Row, category, condition, and the place that a reader is sent to: from the texts, not from the rows.
ONE_CONDITION = [
    ("warranty_period", EV, "warranty_given", "Annex XIII 1(m)"),
    ("warranty_period", INDUSTRIAL, "warranty_given", "Annex XIII 1(m)"),
    ("cadmium_lead_symbols", LMT, "cadmium_or_lead", "Art. 13(5)"),
    ("predecessor_passport_ids", STATIONARY, "has_predecessor", "Art. 77(7)"),
    ("second_life_operation", EV, "has_predecessor", "Art. 77(7)"),
    ("passport_ceased_at", EV, "recycled", "Art. 77(8)"),
    ("registry_registration_id", LMT, "registered", "Art. 77(10)"),
    ("expected_lifetime_cycles", INDUSTRIAL, "cyclic_use", "Annex IV A(5)"),
    ("initial_round_trip_efficiency", STATIONARY, "industrial_applicable", "Art. 10(1)"),
    ("capacity_fade", INDUSTRIAL, "industrial_applicable", "Art. 10(1)"),
    ("remaining_power_capability", LMT, "possible", "Annex VII A"),
    ("ohmic_resistance", STATIONARY, "possible", "Annex VII A"),
    ("voltage_temperature_range", EV, "temperature_relevant", "Annex XIII 1(h)"),
    ("state_of_charge", EV, "applicable", "Art. 77(2)"),
    ("putting_into_service_date", LMT, "appropriate", "Annex VII B(1)"),
]


@pytest.mark.parametrize(("name", "category", "condition", "place"), ONE_CONDITION)
def test_a_condition_that_holds_makes_it_owed_and_one_that_does_not_frees_from_it(
    name, category, condition, place
):
    row = REGISTRY[name]
    unknown = obligation(row, category, FIRST, FIRST)
    assert (unknown.obligation, unknown.condition.name) == (OWED, condition)
    holds = obligation(row, category, FIRST, FIRST, frozenset({(condition, True)}))
    assert (holds.obligation, holds.condition, holds.decided_by.name) == (OWED, None, condition)
    otherwise = obligation(row, category, FIRST, FIRST, frozenset({(condition, False)}))
    assert otherwise.obligation is NOT_APPLICABLE
    assert str(otherwise.article) == place
    assert otherwise.may_be_stated  # a value that nobody asks for is no claim without a basis


@pytest.mark.parametrize("metal", ["cobalt", "nickel", "lithium", "lead"])
def test_a_metal_that_is_not_there_has_no_recycled_share_to_wait_for(metal):
    row = REGISTRY[f"recycled_{metal}_share"]
    ruling = obligation(row, EV, FIRST, FIRST, frozenset({(f"{metal}_present", False)}))
    assert ruling.obligation is NOT_APPLICABLE
    assert not ruling.may_be_stated
    there = obligation(row, EV, FIRST, FIRST, frozenset({(f"{metal}_present", True)}))
    assert (there.obligation, there.condition) == (Obligation.PENDING, None)


# Annex XIII 4(b) and (d) with Annex VII: what only a battery management system counts.
COUNTED = ("full_cycles", "temperature", "state_of_charge", "negative_events")
WITHOUT_BMS = frozenset({("has_bms", False)})


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("category", Category)
def test_without_a_bms_nothing_dynamic_is_asked_where_applicable(name, category):
    assert obligation(REGISTRY[name], category, FIRST, FIRST, WITHOUT_BMS).obligation is NOT_APPLICABLE


@pytest.mark.parametrize("name", ["remaining_capacity", "energy_throughput", "self_discharge_evolution"])
def test_article_14_is_not_escaped_by_saying_that_there_is_no_bms(name):
    for category in (LMT, STATIONARY):
        ruling = obligation(REGISTRY[name], category, FIRST, FIRST, WITHOUT_BMS)
        assert (ruling.obligation, ruling.condition) == (OWED, None)
    assert obligation(REGISTRY[name], INDUSTRIAL, FIRST, FIRST, WITHOUT_BMS).obligation is NOT_APPLICABLE


def test_an_accident_is_told_with_or_without_a_bms():
    assert obligation(REGISTRY["accidents"], INDUSTRIAL, FIRST, FIRST, WITHOUT_BMS).obligation is OWED


EXTERNAL = frozenset({("external_storage", True)})


@pytest.mark.parametrize("category", [INDUSTRIAL, STATIONARY])
def test_external_storage_has_later_days_and_no_recycled_content(category):
    footprint = obligation(REGISTRY["cf_total"], category, FIRST, FIRST, EXTERNAL)
    assert "not before 2030-08-18" in footprint.reason
    assert footprint.obligation is Obligation.PENDING
    label = obligation(REGISTRY["carbon_footprint_label"], category, FIRST, FIRST, EXTERNAL)
    assert "not before 2032-02-18" in label.reason
    for metal in ("cobalt", "lithium", "nickel", "lead"):
        ruling = obligation(REGISTRY[f"recycled_{metal}_share"], category, FIRST, FIRST, EXTERNAL)
        assert (ruling.obligation, str(ruling.article)) == (NOT_APPLICABLE, "Art. 8(1)")
        assert not ruling.may_be_stated


@pytest.mark.parametrize(
    ("act", "category", "day"),
    [
        ("carbon_footprint_declaration", EV, date(2025, 2, 18)),
        ("carbon_footprint_declaration", INDUSTRIAL, date(2026, 2, 18)),
        ("carbon_footprint_declaration", LMT, date(2028, 8, 18)),
        ("carbon_footprint_class", EV, date(2026, 8, 18)),
        ("carbon_footprint_class", INDUSTRIAL, date(2027, 8, 18)),
        ("carbon_footprint_class", LMT, date(2030, 2, 18)),
        ("recycled_content_method", EV, date(2028, 8, 18)),
        ("recycled_content_method", INDUSTRIAL, date(2028, 8, 18)),
        ("recycled_content_method", LMT, date(2033, 8, 18)),
    ],
)
def test_the_first_days_without_external_storage(act, category, day):
    assert PENDING_ACTS[act].first_day(category, frozenset()) == day
    assert PENDING_ACTS[act].first_day(category, frozenset({("external_storage", False)})) == day


@pytest.mark.parametrize("category", [INDUSTRIAL, STATIONARY])
def test_an_industrial_battery_of_at_most_2_kwh_owes_nothing(category):
    small = frozenset({("above_2_kwh", False)})
    assert not passport_owed(category, small)
    for row in REGISTRY.values():
        ruling = obligation(row, category, FIRST, FIRST, small)
        assert ruling.obligation is not OWED, row.id
    ruling = obligation(REGISTRY["rated_capacity"], category, FIRST, FIRST, small)
    assert (ruling.obligation, str(ruling.article)) == (Obligation.VOLUNTARY, "Art. 77(1)")


@pytest.mark.parametrize("category", [EV, LMT])
def test_the_2_kwh_are_no_limit_for_vehicles(category):
    small = frozenset({("above_2_kwh", False)})
    assert passport_owed(category, small)
    assert obligation(REGISTRY["rated_capacity"], category, FIRST, FIRST, small).obligation is OWED


def test_not_knowing_the_energy_excuses_from_nothing():
    assert passport_owed(INDUSTRIAL, frozenset())


# Art. 10(4): batteries that were on the market before Annex IV and came back to it.
EARLIER = frozenset({("first_placed_before_annex_iv", True), ("has_predecessor", True)})
OF_ANNEX_IV = {
    *("rated_capacity_redetermined", "capacity_fade", "power", "power_fade", "internal_resistance_current"),
    *("internal_resistance_increase_pack", "round_trip_efficiency_current", "round_trip_efficiency_fade"),
    *("expected_lifetime_cycles_current", "expected_lifetime_years_current", "expected_lifetime_years"),
}


@pytest.mark.parametrize("category", Category)
def test_article_10_4_frees_from_annex_iv_and_from_nothing_else(category):
    freed = set()
    for row in REGISTRY.values():
        before = obligation(row, category, FIRST, FIRST, frozenset({("has_predecessor", True)}))
        after = obligation(row, category, FIRST, FIRST, EARLIER)
        if before.obligation is not after.obligation:
            freed.add(row.id)
            assert (after.obligation, str(after.article)) == (Obligation.VOLUNTARY, "Art. 10(4)")
    assert freed == OF_ANNEX_IV


@pytest.mark.parametrize(
    ("category", "counted"), [(EV, 47), (LMT, 50), (INDUSTRIAL, 32)], ids=["EV", "LMT", "industrial"]
)
def test_the_commissions_counts_come_out_of_the_rule_table(category, counted):
    # The guidance leaves out the "where possible" of Annex VII, so it is taken as possible here.
    possible = frozenset({("possible", True)})
    plain = [
        row.id
        for row in REGISTRY.values()
        if (ruling := obligation(row, category, FIRST, FIRST, possible)).obligation is OWED
        and ruling.condition is None
    ]
    assert len(distinct(plain)) == counted


def test_every_answer_names_its_data_points_and_an_article_where_a_text_asks():
    for row in REGISTRY.values():
        for category in Category:
            ruling = obligation(row, category, FIRST, FIRST)
            if ruling.obligation is not Obligation.VOLUNTARY:
                assert ruling.article is not None or not row.law, row.id
    assert obligation(REGISTRY["warranty_period"], EV, FIRST, FIRST).data_points == (35,)
    assert obligation(REGISTRY["energy_throughput"], LMT, FIRST, FIRST).data_points == ()
