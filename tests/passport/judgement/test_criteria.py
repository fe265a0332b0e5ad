"""Score and grade against sums by hand, and their laws."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.criteria import CRITERIA, POLICY, Grade, score


def sure(figure) -> Interval:
    return Interval(Decimal(figure), Decimal(figure), Decimal(figure))


GOOD = Condition(
    health=sure(95),
    evidence_class="A",
    evidence_age_days=3,
    calibrated=True,
    years={"home_storage": sure(12)},
    resistance_growth=sure(10),
    usable=sure(100),
    efficiency=sure(97),
    severe_events=0,
    hot_share=Decimal(0),
    cold_charge_share=Decimal(0),
    fade_ratio=Decimal(1),
)


def deductions(condition: Condition) -> dict[str, Decimal]:
    return {one.criterion.id: one.points for one in score(condition).deductions}


def test_a_battery_as_new_loses_nothing():
    result = score(GOOD)
    assert (result.points, result.grade) == (Decimal(100), Grade.A)


def test_the_weights_add_up_to_a_hundred():
    assert sum(one.weight for one in CRITERIA) == 100


def test_nothing_known_scores_nothing_and_has_no_grade():
    result = score(Condition())
    assert (result.points, result.grade) == (Decimal(0), None)
    assert all("is not known" in one.sentence for one in result.deductions)


# By hand: the share of the way from no deduction to the full one, times the weight, rounded up to a tenth.
@pytest.mark.parametrize(
    ("changed", "criterion", "points"),
    [
        ({"health": Interval(Decimal(81), Decimal(85), Decimal(88))}, "health", "9.0"),  # (90-81)/30 * 30
        ({"health": sure(50)}, "health", "30.0"),
        ({"years": {"a": sure(4), "b": sure(6)}}, "years", "10.0"),  # (10-6)/8 * 20, the better use
        ({"resistance_growth": Interval(Decimal(40), Decimal(60), Decimal(85))}, "resistance", "7.5"),
        ({"usable": sure("93.4")}, "imbalance", "5.1"),  # (6.6-1)/11 * 10 = 5.09
        ({"efficiency": sure("88.5")}, "efficiency", "2.5"),
        ({"severe_events": 2}, "stress", "4.0"),
        ({"severe_events": 1, "hot_share": Decimal(8)}, "stress", "5.0"),  # the worst of 0.2 and 0.5
        ({"cold_charge_share": Decimal(1)}, "stress", "5.0"),
        ({"fade_ratio": Decimal("2.1")}, "fade", "2.5"),
        ({"evidence_class": "B"}, "evidence", "1.0"),
        ({"evidence_age_days": 105}, "evidence", "1.0"),  # half of 150 days: 20 of 100
        ({"calibrated": False}, "evidence", "1.0"),
        ({"evidence_class": "bms"}, "evidence", "5.0"),
    ],
)
def test_each_criterion_takes_off_what_it_is_worth(changed, criterion, points):
    taken = deductions(replace(GOOD, **changed))
    assert taken.pop(criterion) == Decimal(points)
    assert set(taken.values()) == {Decimal(0)}


@pytest.mark.parametrize(
    ("changed", "grade"),
    [
        ({"health": sure(80)}, Grade.A),  # 90 points
        ({"health": sure("79.9")}, Grade.B),
        ({"health": sure(70)}, Grade.B),
        ({"health": sure(60)}, Grade.C),
        ({"health": sure("59.9")}, Grade.D),
        ({"fade_ratio": Decimal(3)}, Grade.B),  # 95 points, and a suspected knee
        ({"years": {}, "resistance_growth": None}, Grade.B),  # 65 points
    ],
)
def test_a_grade_needs_points_and_health(changed, grade):
    assert score(replace(GOOD, **changed)).grade is grade


def test_the_policy_has_a_digest_of_its_own():
    assert len(POLICY) == 64
    assert score(GOOD).to_wire()["policy"] == POLICY


def test_a_deduction_is_told_in_words():
    worse = score(replace(GOOD, health=sure("82.5"), efficiency=None))
    said = {one.criterion.id: one.sentence for one in worse.deductions}
    assert said["health"] == "capacity left, lower end: 82.5 % of rated, 7.5 points taken off"
    assert said["efficiency"].startswith("round-trip efficiency, lower end is not known: 5 points taken off;")


figures = st.decimals(0, 200, places=1)
intervals = st.tuples(figures, figures, figures).map(sorted).map(lambda three: Interval(*three))
conditions = st.builds(
    Condition,
    health=st.none() | intervals,
    evidence_class=st.sampled_from([None, "A", "B", "C", "bms"]),
    evidence_age_days=st.none() | st.integers(0, 400),
    calibrated=st.booleans(),
    years=st.dictionaries(st.sampled_from(["home_storage", "backup"]), intervals),
    resistance_growth=st.none() | intervals,
    usable=st.none() | intervals,
    efficiency=st.none() | intervals,
    severe_events=st.none() | st.integers(0, 9),
    hot_share=st.none() | figures,
    cold_charge_share=st.none() | figures,
    fade_ratio=st.none() | figures,
)
_ORDER = [Grade.A, Grade.B, Grade.C, Grade.D, None]


def rank(condition: Condition) -> int:
    return _ORDER.index(score(condition).grade)


@given(conditions, st.sampled_from([one.name for one in fields(Condition) if one.name != "calibrated"]))
@settings(max_examples=300, deadline=None)
def test_hiding_a_value_never_pays(condition, name):
    hidden = replace(condition, **{name: {} if name == "years" else None})
    assert score(hidden).points <= score(condition).points
    assert rank(hidden) >= rank(condition)


@given(conditions, figures, st.integers(0, 9))
@settings(max_examples=300, deadline=None)
def test_a_worse_value_never_raises_the_score(condition, amount, which):
    def moved(one: Interval | None, by: Decimal) -> Interval | None:
        return None if one is None else Interval(one.low + by, one.value + by, one.high + by)

    def more(one: Decimal | int | None) -> Decimal | None:
        return None if one is None else one + amount

    worse = [
        {"health": moved(condition.health, -amount)},
        {"years": {use: moved(one, -amount) for use, one in condition.years.items()}},
        {"resistance_growth": moved(condition.resistance_growth, amount)},
        {"usable": moved(condition.usable, -amount)},
        {"efficiency": moved(condition.efficiency, -amount)},
        {"severe_events": more(condition.severe_events)},
        {"hot_share": more(condition.hot_share)},
        {"cold_charge_share": more(condition.cold_charge_share)},
        {"fade_ratio": more(condition.fade_ratio)},
        {"evidence_age_days": more(condition.evidence_age_days), "calibrated": False},
    ][which]
    after = replace(condition, **worse)
    assert score(after).points <= score(condition).points
    assert rank(after) >= rank(condition)


@given(conditions)
def test_the_deductions_are_exactly_what_is_missing(condition):
    result = score(condition)
    assert result.points == 100 - sum(one.points for one in result.deductions)
    assert 0 <= result.points <= 100
