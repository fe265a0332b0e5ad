"""Remaining life: the published models against another program's figures, the tiers, and the laws."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.estimates.estimate import NotDeterminable
from passport.estimates.life import (
    MODELS,
    Duty,
    Health,
    Life,
    Past,
    Question,
    graphite_volts,
    remaining_life,
    remaining_lives,
)

DAILY = Duty(cycles_per_day=0.8, depth=0.8, mean_charge=0.5, celsius=25, rate=0.2)
SOME = Health(0.86, 0.88, 0.90)
KNOWN = Past(days=2000, cycles=1200, duty=DAILY)


def life(**words) -> Life:
    given_words = {
        "duty": DAILY,
        "threshold": 0.6,
        "health": SOME,
        "past": KNOWN,
        "chemistry": "Li-ion LFP",
        **words,
    }
    found = remaining_life(Question(**given_words))
    assert isinstance(found, Life), found
    return found


# 3652 days stepped by BLAST-Lite 1.1.x: 0.8 equivalent cycles a day at 25 degC, half full, depth 0.8, 0.2 C.
@pytest.mark.parametrize(
    ("chemistry", "calendar", "cycling"),
    [
        ("Li-ion LFP", 0.0370, 0.1030),
        ("Li-ion NMC", 0.0157, 0.1855),
        ("Li-ion NCA", 0.1240, 0.0759),
        ("Li-ion LMO", 0.1745, 0.4193),
    ],
)
def test_ten_years_lose_what_blast_lite_says(chemistry, calendar, cycling):
    found = MODELS[chemistry].losses(DAILY, 3652, 0.8 * 3652)
    assert found == pytest.approx((calendar, cycling), abs=0.0002)


@pytest.mark.parametrize("chemistry", list(MODELS))
def test_stepping_day_by_day_gives_the_same(chemistry):
    # The incremental form of the publication: dq = k p (q / k)^((p - 1) / p) dx, from a first day on.
    model = MODELS[chemistry]
    kelvin = 298.15
    calendar, cycling = model.losses(DAILY, 400, 320)
    rates = (
        (model.calendar(kelvin, 0.5), model.calendar_power, 1 / model.time_unit_days, calendar),
        (model.cycling(kelvin, 0.8, 0.2), model.cycling_power, 0.8 / model.cycle_unit, cycling),
    )
    for rate, power, step, whole in rates:
        q = rate * step**power
        for _ in range(399 * 50):
            q += rate * power * (q / rate) ** ((power - 1) / power) * step / 50
        assert q == pytest.approx(whole, rel=0.01)


def test_the_potential_of_graphite_is_the_published_one():
    # 0.123 V at half charge is the figure that BLAST-Lite normalises by.
    assert graphite_volts(0.5) == pytest.approx(0.123, abs=0.0005)


def test_loss_goes_on_from_what_was_lost():
    model = MODELS["Li-ion LFP"]
    half = model.losses(DAILY, 1000, 800)
    assert model.losses(DAILY, 1000, 800, before=half) == pytest.approx(
        model.losses(DAILY, 2000, 1600), rel=1e-9
    )


def test_a_battery_that_ages_as_the_model_lasts_as_the_model():
    model = MODELS["Li-ion LFP"]
    lost = sum(model.losses(DAILY, 2000, 1600))
    seen = Past(days=2000, cycles=1600, duty=DAILY)
    found = life(health=Health(1 - lost, 1 - lost, 1 - lost), past=seen, threshold=0.8)
    whole = 0.0
    while sum(model.losses(DAILY, whole * 365.25, whole * 365.25 * 0.8)) < 0.2:
        whole += 0.01
    assert float(found.value) == pytest.approx(whole - 2000 / 365.25, abs=0.1)
    assert found.low < found.value < found.high


def test_a_battery_that_ages_twice_as_fast_lasts_less_and_not_by_all_of_it():
    # Sure of its health, the prior gives way: the factor is close to what was seen.
    fast = life(health=Health(0.80, 0.80, 0.80))
    slow = life(health=Health(0.93, 0.93, 0.93))
    unsure = life(health=Health(0.60, 0.80, 1.0))
    assert fast.value < life().value < slow.value
    assert unsure.high - unsure.low > fast.high - fast.low


def test_the_band_is_never_narrower_than_another_cell_allows():
    found = life(health=Health(0.88, 0.88, 0.88))
    assert found.high / found.low > Decimal("1.8")


def test_outside_of_what_was_tested_is_told_and_wider():
    hot = life(duty=replace(DAILY, celsius=55))
    assert any("55 °C (tested 10 to 45)" in remark for remark in hot.remarks)
    assert hot.high / hot.low > life().high / life().low


def test_a_suspected_knee_halves_the_lower_end():
    assert life(knee_suspected=True).low == pytest.approx(life().low / 2, abs=Decimal("0.1"))
    assert life(knee_suspected=True).value == life().value


def test_at_the_end_there_is_no_life_left():
    found = life(health=Health(0.55, 0.58, 0.61))
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_without_duty_health_or_model_there_is_no_number():
    words = {"threshold": 0.6, "health": SOME, "past": KNOWN, "chemistry": "Li-ion LFP"}
    for changed, code in (
        ({"duty": None}, "no_duty"),
        ({"duty": DAILY, "health": None}, "no_health"),
        ({"duty": DAILY, "chemistry": "Pb"}, "no_model"),
        ({"duty": DAILY, "chemistry": None}, "no_model"),
        ({"duty": DAILY, "chemistry": "Pb", "declared_years": 10, "past": Past()}, "no_past"),
    ):
        found = remaining_life(Question(**{**words, **changed}))
        assert isinstance(found, NotDeterminable)
        assert found.code == code


def test_a_declared_life_is_what_is_left_of_it():
    # 6000 cycles less 1200 at 0.8 a day are 16.4 years; 12 years less 2000 days are 6.5.
    found = life(chemistry="Na-ion", declared_cycles=6000, declared_years=12)
    assert (found.tier, found.value) == ("declared", Decimal("6.5"))
    assert (found.low, found.high) == (Decimal("3.3"), Decimal("9.8"))
    assert life(chemistry="Na-ion", declared_cycles=6000).value == Decimal("16.4")


def test_a_used_up_declared_life_is_nought_and_not_less():
    assert life(chemistry="Na-ion", declared_years=3).value == 0


healths = st.tuples(*[st.floats(0.3, 1.1)] * 3).map(sorted).map(lambda three: Health(*three))
duties = st.builds(
    Duty,
    cycles_per_day=st.floats(0.0, 4.0),
    depth=st.floats(0.05, 1.0),
    mean_charge=st.floats(0.05, 0.95),
    celsius=st.floats(-20, 60),
    rate=st.floats(0.01, 3),
)


@given(st.sampled_from(list(MODELS)), duties, healths, st.floats(0.0, 0.2), st.floats(0.4, 0.8))
@settings(max_examples=150, deadline=None)
def test_less_health_never_means_more_life(chemistry, duty, health, less, threshold):
    words = {"duty": duty, "threshold": threshold, "past": Past(), "chemistry": chemistry}
    worse = Health(health.low - less, health.value - less, health.high - less)
    better, after = life(health=health, **words), life(health=worse, **words)
    assert after.low <= better.low
    assert after.value <= better.value
    assert after.high <= better.high
    assert 0 <= better.low <= better.value <= better.high <= 40


@given(duties, healths, st.floats(1, 8000), st.floats(0, 5000))
@settings(max_examples=100, deadline=None)
def test_every_past_gives_a_band_in_order(duty, health, days, cycles):
    found = life(duty=duty, health=health, past=Past(days, cycles, duty), chemistry="Li-ion NMC")
    assert 0 <= found.low <= found.value <= found.high <= 40


questions = st.builds(
    Question,
    duty=st.none() | duties,
    threshold=st.floats(0.4, 0.8),
    health=st.none() | healths,
    past=st.builds(Past, days=st.none() | st.floats(1, 8000), cycles=st.none() | st.floats(0, 5000)),
    chemistry=st.sampled_from([None, "Pb", *MODELS]),
    declared_years=st.none() | st.floats(1, 20),
    knee_suspected=st.booleans(),
)


@given(st.lists(questions, max_size=8))
@settings(max_examples=60, deadline=None)
def test_many_questions_get_what_each_gets_alone(several):
    assert remaining_lives(several) == [remaining_life(one) for one in several]
