"""What the gates may look at, gathered from a battery's state and declared facts. Nothing is guessed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from passport.estimates.estimate import Answer, Estimate
from passport.estimates.health import Health
from passport.estimates.self_discharge import estimate_self_discharge
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.gates import Evidence, Inspection
from passport.judgement.second_life.thresholds import SELF_DISCHARGE_FAIL, SELF_DISCHARGE_PASS
from passport.judgement.second_life.uses import USES
from passport.lifecycle.basis import basis_of
from passport.lifecycle.exposure import Clock, Exposure
from passport.lifecycle.limits import CHEMISTRIES, NOTHING_KNOWN, ChemistryLimits
from passport.lifecycle.state import LifecycleState, coverage, reported
from schemas.terms import BatteryStatus

_CELL_WORDS: Final = ("cell_voltage_lowest", "cell_voltage_highest", "coldest", "hottest")
_DAY_MS: Final = 86_400_000
_POINT: Final = Decimal("0.01")
NO_OTHERS: Final[Mapping[str, Answer]] = MappingProxyType({})


def gather(
    state: LifecycleState | None,
    facts: Mapping[str, Any],
    *,
    placed_on: date | None,
    signature_valid: bool | None,
    open_recall: bool | None,
    inspections: Mapping[str, Inspection],
    now: datetime,
    health: Health | None = None,
) -> Evidence:
    """The evidence as of `now`.

    What the state does not keep stays unknown: serial numbers, protections, crash signals. How much of the
    life was seen is told by quantity: a temperature that was read says nothing of cells.

    Args:
        state: folded state; None when nothing was ever read.
        facts: declared facts by attribute id.
        placed_on: day of placing on the market; stands in where no day of putting into service is declared.
        open_recall: True when a recall is open; None when nobody said anything of recalls.
        inspections: what signed findings say, by gate.
        signature_valid: whether the newest passport record verifies; None when there is none.
        now: aware.
        health: what is known of its capacity; None leaves that unknown.
    """
    status = facts.get("battery_status")
    chemistry = facts.get("battery_chemistry")
    declared = Evidence(
        signature_valid=signature_valid,
        open_recall=open_recall,
        battery_status=BatteryStatus(status) if status is not None else None,
        accidents=True if facts.get("accidents") else None,
        chemistry=str(chemistry) if chemistry is not None else None,
        inspections=inspections,
    )
    if health is not None:
        known = condition_of(health, now)
        declared = replace(
            declared,
            capacity_age_days=known.evidence_age_days,
            capacity_below_every_use=_below_every_use(known.health),
        )
    if state is None:
        return declared
    said = reported(state)
    cells = [said[name] for name in _CELL_WORDS if name in said]
    insulation = said.get("insulation_resistance")
    since = facts.get("putting_into_service_date") or placed_on
    exposure = state.exposure
    rested = exposure.known("deep_discharge_severe") if exposure.can_tell("deep_discharge_severe") else None
    high = exposure.known("overvoltage_severe") if exposure.can_tell("overvoltage_severe") else None
    own = CHEMISTRIES.get(declared.chemistry or "", NOTHING_KNOWN)
    pack_mv = state.extremes.get("voltage_max")
    ohm_per_volt = None
    if insulation is not None and not insulation.doubts and pack_mv is not None and pack_mv.value > 0:
        # kilo-ohm by millivolt: a thousand ohms by a thousandth of a volt
        ohm_per_volt = Decimal(insulation.value) * 1_000_000 / pack_mv.value
    return replace(
        declared,
        coverage=share_of_service(coverage(state).observed, since, now),
        cell_coverage=share_of_service(timedelta(milliseconds=exposure.clocks[Clock.CELLS]), since, now),
        temperature_coverage=share_of_service(timedelta(milliseconds=sum(state.hot.values())), since, now),
        lowest_cell_voltage=_extreme(state, "cell_voltage_min", -3),
        lowest_rested_cell_voltage=(
            Decimal(own.low_severe - rested.worst).scaleb(-3)
            if rested is not None and rested.count and own.low_severe is not None
            else None
        ),
        rested_low_count=None if rested is None or _too_short(exposure, own) else rested.count,
        rested_low_seconds=None if rested is None else Decimal(rested.longest_s),
        severe_overvoltage_seconds=None if high is None else Decimal(high.longest_s),
        highest_cell_voltage=_extreme(state, "cell_voltage_max", -3),
        highest_temperature=_extreme(state, "temperature_max", -1),
        insulation_ohm_per_volt=ohm_per_volt,
        insulation_age_days=_age(insulation.time_ms, now) if insulation is not None else None,
        silent_days=_age(state.last_ms, now),
        sensors_doubted=any(last.doubts for last in cells) if cells else None,
        self_discharge=_lost(state, facts, now),
        resets=sum(c.segments - 1 for c in state.counters.values()) if state.counters else None,
    )


def _too_short(exposure: Exposure, own: ChemistryLimits) -> bool:
    """Whether a cell was seen below the reject limit without load, but in no occasion that counts."""
    low, reject = exposure.rested_low, own.reject
    return (
        low is not None
        and reject is not None
        and low < reject
        and not exposure.known("deep_discharge_severe").count
    )


def condition_of(health: Health, now: datetime, others: Mapping[str, Answer] = NO_OTHERS) -> Condition:
    """What grades and uses may know of the capacity, and of what `observed` tells beside it."""
    answer = health.health
    beside = Condition(
        resistance_growth=_interval(others, "internal_resistance_increase_pack"),
        efficiency=_interval(others, "remaining_round_trip_efficiency"),
        usable=_interval(others, "usable_by_ageing_capacity"),
    )
    if not isinstance(answer, Estimate):
        return beside
    age = None if answer.as_of is None else max(0, (now - answer.as_of).days)
    return replace(
        beside,
        health=Interval(answer.low, answer.value, answer.high),
        evidence_class=answer.evidence_class.value,
        evidence_age_days=age,
        calibrated=answer.calibrated,
    )


def _interval(others: Mapping[str, Answer], name: str) -> Interval | None:
    answer = others.get(name)
    if not isinstance(answer, Estimate) or answer.stale:
        return None
    return Interval(answer.low, answer.value, answer.high)


def _lost(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> Decimal | None:
    """Self-discharge as its gate may take it, percent a month; None where it is not known.

    It passes by the upper end of its interval and fails by the lower one; else it lies between the two bars.
    """
    answer = estimate_self_discharge(state, basis_of(facts), facts, now)
    if not isinstance(answer, Estimate):
        return None
    if answer.high <= SELF_DISCHARGE_PASS:
        return answer.high
    if answer.low > SELF_DISCHARGE_FAIL:
        return answer.low
    return min(max(answer.value, SELF_DISCHARGE_PASS + _POINT), SELF_DISCHARGE_FAIL)


def _below_every_use(health: Interval | None) -> bool | None:
    """True below the lowest floor of all uses, False above it, None where the interval holds it."""
    if health is None:
        return None
    floor = min(use.health_floor for use in USES)
    if health.high < floor:
        return True
    return False if health.low >= floor else None


def share_of_service(observed: timedelta, since: date | None, now: datetime) -> Decimal | None:
    """Observed time by time in service, at most 1; None while the first day in service is not known."""
    if since is None:
        return None
    in_service = now - datetime(since.year, since.month, since.day, tzinfo=now.tzinfo)
    if in_service <= timedelta(0):
        return None
    moment = timedelta(milliseconds=1)
    return min(Decimal(observed // moment) / Decimal(in_service // moment), Decimal(1))


def _extreme(state: LifecycleState, name: str, exponent: int) -> Decimal | None:
    known = state.extremes.get(name)
    return Decimal(known.value).scaleb(exponent) if known is not None else None


def _age(time_ms: int | None, now: datetime) -> int | None:
    """Whole days since then; None without a time. What lies ahead of `now` is of today."""
    return None if time_ms is None else max(0, (int(now.timestamp() * 1000) - time_ms) // _DAY_MS)
