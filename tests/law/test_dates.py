"""The days of the law, written down a second time: the day of placing on the market decides what is owed."""

from datetime import date

import pytest

from schemas.conditions import (
    CARBON_FOOTPRINT_CLASS,
    CARBON_FOOTPRINT_DECLARATION,
    PENDING_ACTS,
    RECYCLED_CONTENT_METHOD,
)
from schemas.registry import LAW_AS_OF, PASSPORTS_START, REGISTRY, obligation
from schemas.terms import Category, Obligation

EVE, FIRST = date(2027, 2, 17), date(2027, 2, 18)
EV, LMT, INDUSTRIAL, STATIONARY = Category.EV, Category.LMT, Category.INDUSTRIAL, Category.STATIONARY


def test_passports_are_owed_from_18_february_2027():
    assert PASSPORTS_START == FIRST
    name = REGISTRY["manufacturer_name"]
    assert obligation(name, EV, FIRST, FIRST).obligation is Obligation.OWED
    before = obligation(name, EV, EVE, FIRST)
    assert before.obligation is Obligation.VOLUNTARY
    assert "2027-02-17" in before.reason
    assert "Art. 77(1)" in {str(citation) for citation in before.citations}


@pytest.mark.parametrize("category", Category)
def test_nothing_is_owed_for_a_battery_placed_the_day_before(category):
    for row in REGISTRY.values():
        assert obligation(row, category, EVE, date(2030, 1, 1)).obligation is not Obligation.OWED, row.id


def test_the_day_of_placing_decides_and_not_the_day_of_the_question():
    name = REGISTRY["manufacturer_name"]
    assert obligation(name, LMT, EVE, date(2035, 1, 1)).obligation is Obligation.VOLUNTARY
    assert obligation(name, LMT, FIRST, LAW_AS_OF).obligation is Obligation.OWED


def test_an_unknown_day_of_placing_excuses_from_nothing():
    assert obligation(REGISTRY["manufacturer_name"], LMT, None, LAW_AS_OF).obligation is Obligation.OWED


def test_the_due_diligence_report_stays_empty_until_18_august_2027():
    report = REGISTRY["due_diligence_report_url"]
    placed = date(2027, 9, 1)
    assert obligation(report, EV, placed, date(2027, 8, 17)).obligation is Obligation.MUST_STAY_EMPTY
    ruling = obligation(report, EV, placed, date(2027, 8, 18))
    assert ruling.obligation is Obligation.OWED
    assert ruling.condition is not None
    assert "EUR 40 million" in ruling.condition.title
    assert obligation(report, EV, FIRST, date(2027, 8, 18)).obligation is Obligation.VOLUNTARY


def test_no_carbon_class_and_no_recycled_share_may_be_stated_while_the_acts_are_missing():
    for name in ("cf_performance_class", "carbon_footprint_label", "cf_total", "recycled_lithium_share"):
        ruling = obligation(REGISTRY[name], EV, date(2029, 1, 1), date(2029, 1, 1))
        assert ruling.obligation is Obligation.PENDING
        assert ruling.awaits is not None
        assert not ruling.may_be_stated


def test_voluntary_figures_that_would_anticipate_an_act_must_stay_empty():
    for name in ("cf_absolute", "pre_consumer_recycled_cobalt_share", "instructions_for_use"):
        ruling = obligation(REGISTRY[name], STATIONARY, FIRST, FIRST)
        assert ruling.obligation is Obligation.MUST_STAY_EMPTY, name
        assert not ruling.may_be_stated


@pytest.mark.parametrize(
    ("act", "ev", "industrial", "lmt"),
    [
        # Art. 7(1), 7(2), 8(1); stationary storage without external storage is counted with industrial
        (CARBON_FOOTPRINT_DECLARATION, date(2025, 2, 18), date(2026, 2, 18), date(2028, 8, 18)),
        (CARBON_FOOTPRINT_CLASS, date(2026, 8, 18), date(2027, 8, 18), date(2030, 2, 18)),
        (RECYCLED_CONTENT_METHOD, date(2028, 8, 18), date(2028, 8, 18), date(2033, 8, 18)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_earliest_days_of_the_awaited_acts(act, ev, industrial, lmt):
    assert act.earliest == {EV: ev, LMT: lmt, INDUSTRIAL: industrial, STATIONARY: industrial}


def test_months_after_the_acts_are_those_of_the_articles():
    assert CARBON_FOOTPRINT_DECLARATION.months_after[EV] == 12
    assert CARBON_FOOTPRINT_DECLARATION.months_after[LMT] == 18
    assert CARBON_FOOTPRINT_CLASS.months_after[EV] == 18
    assert RECYCLED_CONTENT_METHOD.months_after == {EV: 24, INDUSTRIAL: 24, STATIONARY: 24}


def test_every_pending_act_is_awaited_by_a_row():
    awaited = {row.applies.awaits.name for row in REGISTRY.values() if row.applies.awaits}
    assert awaited == set(PENDING_ACTS)
