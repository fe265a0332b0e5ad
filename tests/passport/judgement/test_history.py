"""What a life so far adds to a condition, worked out by hand; and what nobody watched, which adds nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from passport.judgement.second_life.condition import Condition
from passport.judgement.second_life.history import lived, past_of
from passport.lifecycle.exposure import KINDS, NUMBERS, Clock, Exposure, Total
from passport.lifecycle.sessions import Sessions
from passport.lifecycle.state import LifecycleState
from schemas.values import YearMonth
from tests.passport.estimates.test_capacity import FULL

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY_MS = 86_400_000
PLACED = date(2026, 11, 10)  # ten and a half days in service


def watched(days=10, **totals) -> LifecycleState:
    exposure = Exposure(judged=2 ** len(KINDS) - 1)
    for clock in Clock:
        exposure.clocks[clock] = days * DAY_MS
    exposure.totals = {NUMBERS[name]: total for name, total in totals.items()}
    # 20 Ah went in: 2·mA·ms.
    return LifecycleState(exposure=exposure, charge_in=20 * 2 * 1000 * 3_600_000, charge_ms=1)


def known(state, placed_on=PLACED, **facts) -> Condition:
    return lived(Condition(), state, facts, placed_on, NOW)


def test_events_heat_and_cold_charging_are_counted():
    found = known(
        watched(
            overvoltage_severe=Total(2, 100, 60),
            thermal_abuse=Total(1, 30, 30),
            # Half a day of ten: five percent.
            over_temperature=Total(3, 43_200, 20_000),
            # 0.1 Ah of 20: half a percent.
            cold_charge=Total(1, 600, 600, charged=100 * 3_600_000),
        )
    )
    assert found.severe_events == 3
    assert found.hot_share == Decimal("5.00")
    assert found.cold_charge_share == Decimal("0.50")


def test_a_quiet_life_that_was_watched_has_none():
    found = known(watched())
    assert (found.severe_events, found.hot_share, found.cold_charge_share) == (0, 0, 0)


@pytest.mark.parametrize(
    ("state", "placed_on"),
    [(None, PLACED), (watched(days=5), PLACED), (watched(), None), (LifecycleState(), PLACED)],
    ids=["never read", "half of it watched", "no first day", "nothing watched"],
)
def test_what_was_not_watched_is_not_known(state, placed_on):
    found = known(state, placed_on)
    assert (found.severe_events, found.hot_share, found.cold_charge_share) == (None, None, None)


def test_a_kind_that_had_no_limit_leaves_the_events_unknown():
    state = watched()
    state.exposure.judged &= ~(1 << NUMBERS["thermal_abuse"])
    assert known(state).severe_events is None
    assert known(state).hot_share == 0


def test_the_rate_comes_from_declared_power():
    pack = {"nominal_voltage": Decimal("51.2"), "rated_capacity": Decimal(100)}
    # 2560 W by 5120 Wh; the detailed limit goes before the general one.
    assert known(None, maximum_permitted_power=Decimal(2560), **pack).rate_available == Decimal("0.50")
    both = {"maximum_permitted_power": Decimal(9999), "power_limits": {"discharge": "5120"}}
    assert known(None, **both, **pack).rate_available == 1
    assert known(None, maximum_permitted_power=Decimal(2560)).rate_available is None
    assert known(None, **pack).rate_available is None


def test_days_are_counted_from_manufacture_then_service_then_the_market():
    made = YearMonth(2025, 11)
    service = date(2026, 11, 1)
    assert past_of(None, {"manufacturing_date": made}, PLACED, NOW).days == 384
    assert past_of(None, {"putting_into_service_date": service}, PLACED, NOW).days == 19
    assert past_of(None, {}, PLACED, NOW).days == 10
    assert past_of(None, {}, None, NOW).days is None
    assert past_of(None, {}, date(2027, 2, 18), NOW).days is None


def test_cycles_count_only_where_the_whole_life_was_watched():
    facts = {"rated_capacity": Decimal(10)}
    # 50 Ah out of 10 Ah: five cycles, in ten of ten and a half days.
    state = LifecycleState(charge_out=50 * 2 * 1000 * 3_600_000, charge_ms=1, observed_ms=10 * DAY_MS)
    state.first_ms = state.last_ms = int(NOW.timestamp() * 1000)
    assert past_of(state, facts, PLACED, NOW).cycles == 5
    assert past_of(state, facts, date(2026, 5, 1), NOW).cycles is None
    assert past_of(state, facts, None, NOW).cycles is None


def used() -> LifecycleState:
    """Ten of ten and a half days: half at 20 to 25 °C and 50 to 60 %, half at 25 to 30 °C and 90 to 100 %."""
    session = replace(FULL, charge=90_000, mean_ma=4_500)
    state = LifecycleState(
        # 50 Ah each way of 10 Ah rated: five cycles in ten days.
        charge_in=50 * 2 * 1000 * 3_600_000,
        charge_out=50 * 2 * 1000 * 3_600_000,
        charge_ms=1,
        observed_ms=10 * DAY_MS,
        residence={65: 5 * DAY_MS, 79: 5 * DAY_MS},
        sessions=Sessions(discharges=1, latest=session),
    )
    # Four halves of 40 to 50 %, two of 80 to 90 %: 4 x 0.45 and 2 x 0.85 of charge.
    state.exposure.rainflow.halves = {4 * 5 + 2: 4, 8 * 5 + 2: 2}
    return state


def test_the_mean_of_its_use_is_worked_out_where_all_of_it_was_watched():
    facts = {"rated_capacity": Decimal(10)}
    duty = past_of(used(), facts, PLACED, NOW).duty
    assert (duty.cycles_per_day, duty.rate) == (0.5, 0.45)
    # (4 x 0.45 x 0.45 + 2 x 0.85 x 0.85) / (4 x 0.45 + 2 x 0.85) = 2.255 / 3.5
    assert duty.depth == 0.644
    assert duty.mean_charge == 0.75
    assert duty.celsius == 25.0
    assert past_of(used(), facts, date(2026, 5, 1), NOW).duty is None
    assert past_of(used(), {}, PLACED, NOW).duty is None


@pytest.mark.parametrize("part", ["residence", "cycles", "sessions"])
def test_a_use_of_which_a_part_is_not_known_is_not_told(part):
    state = used()
    if part == "residence":
        state.residence = {65: DAY_MS}
    elif part == "cycles":
        state.exposure.rainflow.halves = {}
    else:
        state.sessions = Sessions()
    assert past_of(state, {"rated_capacity": Decimal(10)}, PLACED, NOW).duty is None
