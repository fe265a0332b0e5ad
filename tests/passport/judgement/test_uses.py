"""Matching a condition to uses: what decides, in words, and what would change it."""

from dataclasses import fields, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.uses import USES, Fit, match


def sure(figure) -> Interval:
    return Interval(Decimal(figure), Decimal(figure), Decimal(figure))


GOOD = Condition(
    health=sure(92),
    years={use.id: sure(12) for use in USES},
    resistance_growth=sure(10),
    efficiency=sure(96),
    rate_available=Decimal(2),
)


def matched(condition: Condition) -> dict[str, object]:
    return {one.use.id: one for one in match(condition)}


def test_a_good_battery_fits_every_use():
    assert {one.fit for one in match(GOOD)} == {Fit.FIT}
    assert all(one.binding is None for one in match(GOOD))


def test_the_binding_constraint_is_told_with_both_figures():
    short = {**GOOD.years, "home_storage": Interval(Decimal("5.1"), Decimal(7), Decimal(9))}
    home = matched(replace(GOOD, years=short))["home_storage"]
    assert home.fit is Fit.NOT_FIT
    assert home.binding.sentence == "remaining life in this use may be as low as 5.1 a, 8 a needed"
    assert home.binding.counterfactual.endswith("would narrow 5.1 a to 9 a, and may admit it")


def test_what_no_measurement_can_change_has_no_counterfactual():
    home = matched(replace(GOOD, health=Interval(Decimal(60), Decimal(62), Decimal(64))))["home_storage"]
    assert home.binding.counterfactual == ""


def test_nothing_known_fits_nothing_and_refuses_nothing():
    assert {one.fit for one in match(Condition())} == {Fit.NOT_KNOWN}
    assert all("is not known" in one.binding.sentence for one in match(Condition()))


def test_a_failure_counts_before_what_is_not_known():
    weak = matched(replace(GOOD, health=None, resistance_growth=sure(500)))["home_storage"]
    assert weak.fit is Fit.NOT_FIT
    assert weak.binding.name == "resistance"


def test_floors_are_met_on_their_very_figure():
    edge = replace(GOOD, health=sure(70), years={"home_storage": sure(8)}, resistance_growth=sure(100))
    assert (
        matched(replace(edge, efficiency=sure(86), rate_available=Decimal("0.3")))["home_storage"].fit
        is Fit.FIT
    )


_ORDER = (Fit.FIT, Fit.NOT_KNOWN, Fit.NOT_FIT)


@given(st.sampled_from([one.name for one in fields(Condition)]))
@settings(max_examples=60)
def test_hiding_a_value_never_makes_a_use_fit(name):
    hidden = replace(GOOD, **{name: {"years": {}, "calibrated": False}.get(name)})
    assert all(
        _ORDER.index(after.fit) >= _ORDER.index(before.fit)
        for before, after in zip(match(GOOD), match(hidden), strict=True)
    )
    bad = replace(GOOD, health=sure(10), years={}, resistance_growth=sure(900), efficiency=sure(1))
    bad_hidden = replace(bad, **{name: {"years": {}, "calibrated": False}.get(name)})
    assert all(one.fit is not Fit.FIT for one in match(bad_hidden))
