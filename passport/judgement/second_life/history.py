"""What the life of a battery so far tells: how long, how much, how hot, how harmed, and what it may give.

A share or a number of events says little of a life that was hardly watched. Below the coverage that a history
needs (`thresholds`) they are not known, so that what nobody saw never counts as good.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from passport.estimates.life import Past
from passport.judgement.second_life.condition import Condition
from passport.judgement.second_life.evidence import share_of_service
from passport.judgement.second_life.thresholds import COVERAGE_FOR_HISTORY
from passport.lifecycle.exposure import Clock
from passport.lifecycle.state import LifecycleState, coverage, summary
from schemas.terms import Source
from schemas.values import YearMonth

# Events that harm for good; that one of them was never watched leaves their number unknown.
SEVERE: Final = ("deep_discharge_severe", "overvoltage_severe", "thermal_abuse")
_HUNDREDTH: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)


def past_of(
    state: LifecycleState | None, facts: Mapping[str, Any], placed_on: date | None, now: datetime
) -> Past:
    """Days since it was made, else put into service, else placed on the market; and its cycles.

    Cycles count where the BMS counts them over its life, or where the whole life was watched. How it was used
    on average is not worked out yet, so models of ageing assume the duty that they are asked for.
    """
    first = _first_day(facts, placed_on)
    days = None if first is None else (now.date() - first).days
    cycles = None
    if state is not None and (told := summary(state, facts).get("full_cycles")) is not None:
        seen = share_of_service(coverage(state).observed, _in_service(facts, placed_on), now)
        if told.source is Source.BMS_REPORTED or (seen is not None and seen >= COVERAGE_FOR_HISTORY):
            cycles = float(told.value) if told.value is not None else None
    return Past(days=None if days is None or days < 0 else float(days), cycles=cycles)


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
