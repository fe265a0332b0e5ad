"""What is owed, what may wait, what must stay empty: by category, day and what is stated."""

from datetime import date
from decimal import Decimal

import pytest

from passport.judgement.compliance import (
    Shown,
    Verdict,
    absence,
    blank,
    closing,
    contradictions,
    gaps,
    voluntary,
    voluntary_words,
)
from schemas.record import Record, Stated
from schemas.registry import REGISTRY, by_record, obligation
from schemas.terms import Absent, Category, Obligation, RecordKind, Source

BEFORE, AFTER, TODAY = date(2026, 5, 1), date(2027, 2, 18), date(2027, 3, 1)


def record(**values) -> Record:
    stated = {
        name: value if isinstance(value, Stated) else Stated.of(REGISTRY[name], value, source=Source.DECLARED)
        for name, value in values.items()
    }
    return Record.filled(RecordKind.PASSPORT, stated)


def by_verdict(findings) -> dict:
    return {verdict: {f.attribute for f in findings if f.verdict is verdict} for verdict in Verdict}


def test_a_battery_placed_before_the_day_owes_nothing():
    assert by_verdict(gaps(record(), Category.STATIONARY, BEFORE, TODAY))[Verdict.MISSING] == set()
    assert voluntary(BEFORE)
    assert voluntary(date(2027, 2, 17))
    assert not voluntary(AFTER)
    assert not voluntary(None)


def test_an_empty_record_of_the_first_day_misses_what_is_owed():
    found = by_verdict(gaps(record(), Category.EV, AFTER, TODAY))
    assert {"rated_capacity", "battery_mass", "capacity_threshold_exhaustion", "manufacturer_name"} <= found[
        Verdict.MISSING
    ]
    assert {"cf_total", "recycled_cobalt_share"} <= found[Verdict.PENDING]
    assert {"warranty_period", "cadmium_lead_symbols"} <= found[Verdict.CONDITIONAL]
    assert found[Verdict.MUST_STAY_EMPTY] == set()


def test_the_exhaustion_threshold_is_owed_by_electric_vehicles_alone():
    for category in (Category.LMT, Category.INDUSTRIAL, Category.STATIONARY):
        assert "capacity_threshold_exhaustion" not in {
            f.attribute for f in gaps(record(), category, AFTER, TODAY)
        }


def test_not_knowing_the_day_excuses_from_nothing():
    unknown = {f.attribute for f in gaps(record(), Category.EV, None, TODAY) if f.closes_gate}
    assert unknown == {f.attribute for f in gaps(record(), Category.EV, AFTER, TODAY) if f.closes_gate}


def test_a_stated_value_is_no_gap():
    assert "rated_capacity" not in {
        f.attribute for f in gaps(record(rated_capacity=Decimal(102)), Category.EV, AFTER, TODAY)
    }


def test_a_carbon_footprint_without_its_act_must_stay_empty():
    (finding,) = [
        f for f in gaps(record(cf_total=Decimal(61)), Category.EV, AFTER, TODAY) if f.attribute == "cf_total"
    ]
    assert finding.verdict is Verdict.MUST_STAY_EMPTY
    assert finding.closes_gate
    assert not finding.answerable
    assert "must stay empty" in str(finding)
    assert finding.to_wire()["closes_gate"] is True


def test_a_value_of_another_category_must_stay_empty():
    found = by_verdict(gaps(record(certified_usable_energy=Decimal(5)), Category.LMT, BEFORE, TODAY))
    assert found[Verdict.MUST_STAY_EMPTY] == {"certified_usable_energy"}


def test_a_condition_that_does_not_hold_is_said_and_then_no_gap():
    silent = {f.attribute for f in gaps(record(), Category.EV, AFTER, TODAY)}
    said = {
        f.attribute
        for f in gaps(
            record(warranty_period=Stated.missing(Absent.NOT_APPLICABLE)), Category.EV, AFTER, TODAY
        )
    }
    assert silent - said == {"warranty_period"}


def test_a_reason_opens_the_gate_for_what_is_missing_only():
    findings = gaps(record(cf_total=Decimal(61)), Category.EV, AFTER, TODAY)
    assert len(closing(findings, incomplete=False)) > 10
    assert [f.attribute for f in closing(findings, incomplete=True)] == ["cf_total"]


def test_every_finding_is_a_sentence_with_its_law():
    for finding in gaps(record(), Category.EV, AFTER, TODAY):
        assert finding.sentence
        assert finding.citations, finding.attribute


@pytest.mark.parametrize("category", Category)
def test_every_row_without_a_value_has_a_reason(category):
    for row in by_record(RecordKind.PASSPORT):
        ruling = obligation(row, category, AFTER, TODAY)
        expected = {
            Obligation.NOT_APPLICABLE: Absent.NOT_APPLICABLE,
            Obligation.PENDING: Absent.NOT_YET_REQUIRED,
            Obligation.MUST_STAY_EMPTY: Absent.NOT_YET_REQUIRED,
            Obligation.OWED: Absent.NOT_PROVIDED,
            Obligation.VOLUNTARY: Absent.NOT_PROVIDED,
        }[ruling.obligation]
        assert absence(ruling) is expected


# ------------------------------------------------------------------------------------------ circumstances


def one(findings, attribute):
    return next((finding for finding in findings if finding.attribute == attribute), None)


def test_a_condition_that_holds_turns_conditional_into_missing_and_one_that_does_not_into_nothing():
    def found(*known):
        return one(gaps(record(), Category.EV, AFTER, TODAY, frozenset(known)), "warranty_period")

    assert found().verdict is Verdict.CONDITIONAL
    assert found().condition == "warranty_given"
    holds = found(("warranty_given", True))
    assert holds.verdict is Verdict.MISSING
    assert "because a commercial warranty is given" in holds.sentence
    assert found(("warranty_given", False)) is None


def test_not_applicable_is_no_answer_where_the_duty_is_plain():
    denied = record(rated_capacity=Stated.missing(Absent.NOT_APPLICABLE))
    finding = one(gaps(denied, Category.EV, AFTER, TODAY), "rated_capacity")
    assert finding.verdict is Verdict.CONTRADICTION
    assert finding.closes_gate
    assert not finding.answerable
    assert "declared not applicable, and owed from 2027-02-18" in str(finding)
    assert "Annex XIII 1(g)" in str(finding)
    assert one(gaps(denied, Category.EV, BEFORE, TODAY), "rated_capacity") is None


def test_not_applicable_is_no_answer_once_the_condition_is_known_to_hold():
    denied = record(warranty_period=Stated.missing(Absent.NOT_APPLICABLE))
    known = frozenset({("warranty_given", True)})
    found = one(gaps(denied, Category.EV, AFTER, TODAY, known), "warranty_period")
    assert found.verdict is Verdict.CONTRADICTION


def test_not_applicable_is_no_answer_to_an_awaited_act_that_asks_without_condition():
    denied = {name: Stated.missing(Absent.NOT_APPLICABLE) for name in ("cf_total", "recycled_cobalt_share")}
    found = by_verdict(gaps(record(**denied), Category.EV, AFTER, TODAY))
    assert "cf_total" in found[Verdict.CONTRADICTION]
    assert "recycled_cobalt_share" not in found[Verdict.PENDING]


def test_a_blank_record_says_not_applicable_where_a_condition_does_not_hold():
    known = frozenset({("warranty_given", False), ("cobalt_present", False)})
    values = blank(RecordKind.PASSPORT, Category.EV, AFTER, TODAY, known).values
    assert values["warranty_period"].absent is Absent.NOT_APPLICABLE
    assert values["recycled_cobalt_share"].absent is Absent.NOT_APPLICABLE
    assert values["recycled_nickel_share"].absent is Absent.NOT_YET_REQUIRED
    assert values["cadmium_lead_symbols"].absent is Absent.NOT_PROVIDED


def test_a_contradiction_with_a_fact_shuts_the_gate_and_one_with_an_inference_does_not():
    facts = {"battery_chemistry": "Li-ion LFP", "warranty_period": 96, "battery_status": "original"}
    declared = {"warranty_given": False, "nickel_present": True, "has_predecessor": True}
    found = {f.attribute: f for f in contradictions(RecordKind.PASSPORT, facts, declared)}
    assert found.keys() == {"warranty_period", "battery_chemistry"}
    assert found["warranty_period"].closes_gate
    assert not found["warranty_period"].answerable
    assert not found["battery_chemistry"].closes_gate
    (status,) = contradictions(RecordKind.CONDITION, facts, declared)
    assert status.attribute == "battery_status"


def test_a_small_industrial_battery_is_voluntary_and_a_small_vehicle_battery_is_not():
    small = frozenset({("above_2_kwh", False)})
    assert voluntary(AFTER, Category.INDUSTRIAL, small)
    assert not voluntary(AFTER, Category.LMT, small)
    assert not voluntary(None, Category.STATIONARY)
    assert "2 kWh" in voluntary_words(Category.STATIONARY)
    assert "2 kWh" not in voluntary_words(Category.EV)


def test_a_shown_record_tells_what_it_was_judged_by():
    said = {
        "battery_chemistry": {"value": "Li-ion LFP", "source": "declared"},
        "warranty_period": {"absent": "not_applicable"},
        "rated_capacity": {"absent": "not_provided"},
    }
    shown = Shown.of(said, Category.EV, AFTER, TODAY, voluntary=False)
    assert shown.ruling(REGISTRY["warranty_period"]).obligation is Obligation.NOT_APPLICABLE
    assert shown.ruling(REGISTRY["recycled_cobalt_share"]).obligation is Obligation.NOT_APPLICABLE
    assert shown.ruling(REGISTRY["rated_capacity"]).obligation is Obligation.OWED
    # a day before the duty that was declared after an unmarked record was made says nothing of that record
    assert Shown.of(said, Category.EV, BEFORE, TODAY, voluntary=False).placed_on is None
    assert Shown.of(said, Category.EV, BEFORE, TODAY, voluntary=True).placed_on == BEFORE
