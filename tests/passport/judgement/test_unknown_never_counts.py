"""Whatever is taken away from what is known of a battery: points never rise, and no use becomes fit."""

from dataclasses import replace
from decimal import Decimal
from itertools import chain, combinations

from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.criteria import score
from passport.judgement.second_life.uses import USES, Fit, match


def sure(value) -> Interval:
    return Interval(Decimal(value), Decimal(value), Decimal(value))


BEST = Condition(
    health=sure(99),
    evidence_class="A",
    evidence_age_days=0,
    calibrated=True,
    years={use.id: sure(20) for use in USES},
    resistance_growth=sure(0),
    usable=sure(100),
    efficiency=sure(99),
    severe_events=0,
    hot_share=Decimal(0),
    cold_charge_share=Decimal(0),
    fade_ratio=Decimal(1),
    rate_available=Decimal(3),
)
UNKNOWN = {name: None for name in vars(BEST) if name not in ("calibrated", "years")} | {"years": {}}
FULL_MARKS = {use.id: Fit.FIT for use in USES}


def test_every_combination_of_what_is_not_known():
    best = score(BEST)
    assert (best.points, best.grade) == (100, "A")
    assert {one.use.id: one.fit for one in match(BEST)} == FULL_MARKS
    needed = {
        use.id: {"health", "years", "rate_available"}
        | ({"resistance_growth"} if use.resistance_growth is not None else set())
        | ({"efficiency"} if use.efficiency_floor is not None else set())
        for use in USES
    }
    names = sorted(UNKNOWN)
    points = {(): best.points}
    every = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    for hidden in every:
        condition = replace(BEST, **{name: UNKNOWN[name] for name in hidden})
        told = score(condition)
        points[hidden] = told.points
        # Hiding one thing more never pays.
        assert all(told.points <= points[tuple(one for one in hidden if one != name)] for name in hidden), (
            hidden
        )
        assert (told.grade is None) == ("health" in hidden)
        for one in match(condition):
            assert (one.fit is Fit.FIT) == (not needed[one.use.id] & set(hidden)), (one.use.id, hidden)
    assert len(points) == 2 ** len(names)
    assert points[tuple(names)] == 0
