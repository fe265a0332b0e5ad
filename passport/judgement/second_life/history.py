"""What the life of a battery so far tells: how long, how much, how hot, how harmed, and what it may give.

A share or a number of events says little of a life that was hardly watched. Below the coverage that a history
needs (`thresholds`) they are not known, so that what nobody saw never counts as good.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Any, Final

from passport.estimates.life import Duty, Past
from passport.judgement.second_life.condition import Condition
from passport.judgement.second_life.evidence import share_of_service
from passport.judgement.second_life.thresholds import COVERAGE_FOR_HISTORY
from passport.lifecycle.basis import basis_of
from passport.lifecycle.exposure import Clock
from passport.lifecycle.rainflow import DEPTH_BINS, MEAN_BINS
from passport.lifecycle.sessions import cycles_of
from passport.lifecycle.shape import CHARGE_BINS, TEMPERATURE_EDGES
from passport.lifecycle.state import LifecycleState, coverage, summary
from schemas.terms import Source
from schemas.values import YearMonth

# Events that harm for good; that one of them was never watched leaves their number unknown.
SEVERE: Final = ("deep_discharge_severe", "overvoltage_severe", "thermal_abuse")
# Middles of the bins of temperature, degrees; the outer two are told by their edge.
_MIDDLES: Final = (
    TEMPERATURE_EDGES[0] / 10,
    *((low + high) / 20 for low, high in pairwise(TEMPERATURE_EDGES)),
    TEMPERATURE_EDGES[-1] / 10,
)
_DAY_MS: Final = 86_400_000
_HUNDREDTH: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)


def past_of(
    state: LifecycleState | None, facts: Mapping[str, Any], placed_on: date | None, now: datetime
) -> Past:
    """Days since it was made, else put into service, else placed on the market; its cycles, and its use.

    Cycles count where the BMS counts them over its life, or where the whole life was watched; the mean of its
    use only in the latter case. Without it, models of ageing assume the duty that they are asked for.
    """
    first = _first_day(facts, placed_on)
    days = None if first is None else (now.date() - first).days
    if state is None:
        return Past(days=None if days is None or days < 0 else float(days))
    seen = share_of_service(coverage(state).observed, _in_service(facts, placed_on), now)
    whole = seen is not None and seen >= COVERAGE_FOR_HISTORY
    told = summary(state, facts).get("full_cycles")
    cycles = None
    if told is not None and told.value is not None and (whole or told.source is Source.BMS_REPORTED):
        cycles = float(told.value)
    return Past(
        days=None if days is None or days < 0 else float(days),
        cycles=cycles,
        duty=mean_duty(state, facts) if whole else None,
    )


def mean_duty(state: LifecycleState, facts: Mapping[str, Any]) -> Duty | None:
    """How it was used on average while it was watched; None where a part of it is not known.

    Charge and temperature are means over time, by the middles of their bins; depth is the mean over the
    charge that cycles moved, the current that of its sessions.
    """
    basis = basis_of(facts)
    spent = sum(state.residence.values())
    where = sorted(state.residence.items())
    halves = sorted(state.exposure.rainflow.counted().items())
    sessions = list(state.sessions)
    charge = sum(one.charge for one in sessions)
    if not (basis.rated_mah and spent and halves and charge and state.observed_ms):
        return None
    if Decimal(spent) / state.observed_ms < COVERAGE_FOR_HISTORY:
        return None
    depths = {at // MEAN_BINS: 0 for at, _ in halves}
    for at, count in halves:
        depths[at // MEAN_BINS] += count
    moved = {deep: count * (deep + 0.5) / DEPTH_BINS for deep, count in depths.items()}
    cycles = cycles_of(state.charge_in, state.charge_out, basis) / 1000
    return Duty(
        cycles_per_day=round(cycles / (state.observed_ms / _DAY_MS), 4),
        depth=round(
            sum(part * (deep + 0.5) / DEPTH_BINS for deep, part in moved.items()) / sum(moved.values()), 3
        ),
        mean_charge=round(sum(ms * (at % CHARGE_BINS + 0.5) for at, ms in where) / spent / CHARGE_BINS, 3),
        celsius=round(sum(ms * _MIDDLES[at // CHARGE_BINS] for at, ms in where) / spent, 1),
        rate=round(sum(one.charge * one.mean_ma for one in sessions) / charge / basis.rated_mah, 3),
    )


def lived(
    condition: Condition,
    state: LifecycleState | None,
    facts: Mapping[str, Any],
    placed_on: date | None,
    now: datetime,
) -> Condition:
    """The condition with what the life so far adds to it."""
    known = replace(condition, rate_available=_rate(facts))
    if state is None:
        return known
    since, exposure = _in_service(facts, placed_on), state.exposure
    heat = timedelta(milliseconds=exposure.clocks[Clock.HEAT])
    cells = timedelta(milliseconds=exposure.clocks[Clock.CELLS])
    shares = [share_of_service(one, since, now) for one in (heat, cells)]
    if any(one is None or one < COVERAGE_FOR_HISTORY for one in shares):
        return known
    events = hot = cold = None
    if all(exposure.can_tell(name) for name in SEVERE):
        events = sum(exposure.known(name).count for name in SEVERE)
    if exposure.can_tell("over_temperature"):
        held = timedelta(seconds=exposure.known("over_temperature").held_s)
        hot = _percent(held // timedelta(milliseconds=1), heat // timedelta(milliseconds=1))
    # Charge is summed twice, in 2·mA·ms; that of an occasion once.
    if exposure.can_tell("cold_charge") and state.charge_in > 0:
        cold = _percent(2 * exposure.known("cold_charge").charged, state.charge_in)
    return replace(known, severe_events=events, hot_share=hot, cold_charge_share=cold)


def _percent(part: int, whole: int) -> Decimal:
    """Rounded up: what harms is never told as less."""
    share = (_HUNDRED * part / whole).quantize(_HUNDREDTH, ROUND_CEILING)
    return min(share, _HUNDRED)


def _rate(facts: Mapping[str, Any]) -> Decimal | None:
    """Declared power by nominal voltage and rated capacity, 1/h; None where one of them is not declared."""
    limits = facts.get("power_limits")
    power = limits.get("discharge") if isinstance(limits, Mapping) else None
    if power is None:
        power = facts.get("maximum_permitted_power")
    voltage, capacity = facts.get("nominal_voltage"), facts.get("rated_capacity")
    if power is None or not voltage or not capacity:
        return None
    rate = Decimal(str(power)) / (Decimal(str(voltage)) * Decimal(str(capacity)))
    return rate.quantize(_HUNDREDTH, ROUND_FLOOR)


def _in_service(facts: Mapping[str, Any], placed_on: date | None) -> date | None:
    since: date | None = facts.get("putting_into_service_date") or placed_on
    return since


def _first_day(facts: Mapping[str, Any], placed_on: date | None) -> date | None:
    made = facts.get("manufacturing_date")
    if isinstance(made, YearMonth):
        return datetime(made.year, made.month, 1, tzinfo=UTC).date()
    return _in_service(facts, placed_on)
