"""Self-discharge, percent of the charge in a month, or why it cannot be told. It is never told to be zero.

Methods:
- `sd.rest_voltage.v1`: fall of the rested voltage over a week or more, by the slope of the usual open-circuit
  curve, where that has at least 5 mV for each percent. In the flat middle of LFP one percent is 0.4 mV: there
  nothing is said.
- `sd.refill.v1`: charge that a full battery took to be full again after a week or more of watched rest, less
  what flowed out in it. What the BMS draws beside the current's sensor is in it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any, Final

from passport.estimates.efficiency import is_full
from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.estimates.open_circuit import STEEP, slope_at
from passport.lifecycle.basis import Basis
from passport.lifecycle.resistances import Rest
from passport.lifecycle.session import Session
from passport.lifecycle.state import LifecycleState
from schemas.terms import Unit

BY_VOLTAGE: Final = "sd.rest_voltage.v1"
BY_REFILL: Final = "sd.refill.v1"
EVOLUTION: Final = "sd.evolution.v1"
ABNORMAL: Final = 5.0  # percent a month; more is commonly called abnormal of lithium-ion
_MONTH_DAYS: Final = 30.4375
_DAY_MS: Final = 86_400_000
_SLOPE_SHARE: Final = 0.4  # of a usual curve, nine times in ten
_READ_MV: Final = 2.0  # both readings and a few kelvin between them, of one cell
_MOVED: Final = 0.002  # of the rated capacity, that a rest may move
_NEAR_MS: Final = 3_600_000
_REFILL: Final = 0.005  # of the rated capacity: full is not always equally full
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def estimate_self_discharge(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime
) -> Answer:
    """Self-discharge, percent a month."""
    del facts, now
    told: list[NotDeterminable] = []
    for rest in reversed(state.resistances.long_rests()):
        answer = by_voltage(rest, basis)
        if isinstance(answer, Estimate):
            return answer
        told.append(answer)
    refill = by_refill(state.sessions.until_now(basis), state.resistances.long_rests(), basis)
    if isinstance(refill, Estimate):
        return refill
    if refill.code != "no_refill":
        told.insert(0, refill)
    return (
        told[0]
        if told
        else NotDeterminable(
            "no_long_rest",
            "No rest of a week was recorded without a gap, and no full charge after a week without use.",
            "Leave the full battery alone for a week while it is read, then charge it to full.",
        )
    )


def by_voltage(rest: Rest, basis: Basis) -> Answer:
    """From one rest."""
    if basis.in_series is None or not basis.rated_mah or rest.first_mv is None or rest.last_mv is None:
        return NotDeterminable("no_cell_voltage", "The voltage of a cell at rest is not known.")
    moved = rest.area / (2 * 3_600_000)
    if abs(moved) > _MOVED * basis.rated_mah:
        return NotDeterminable("not_at_rest", "In the long rest a small current moved more than cells lose.")
    first, last = rest.first_mv / basis.in_series, rest.last_mv / basis.in_series
    slope = slope_at(basis.chemistry, (first + last) / 2)
    if slope is None:
        return NotDeterminable("no_curve", "No open-circuit curve is known at this voltage and chemistry.")
    if slope < STEEP:
        return NotDeterminable(
            "flat_curve",
            f"At {last:.0f} mV one percent of charge is {slope:.1f} mV: the voltage does not show a loss.",
            "Leave the battery alone for a week when full, then charge it to full.",
        )
    months = rest.lasted_ms / _DAY_MS / _MONTH_DAYS
    fall = first - last
    value = fall / slope / months
    low = (fall - _READ_MV) / (slope * (1 + _SLOPE_SHARE)) / months
    high = (fall + _READ_MV) / (slope * (1 - _SLOPE_SHARE)) / months
    if low <= 0:
        return _below(high)
    remarks = ["By a usual open-circuit curve of the chemistry."]
    drift = _drift(rest, slope, months)
    if drift is not None and drift > value:
        remarks.append(f"The lowest cell fell behind the highest by a further {drift:.1f} % a month.")
    return _estimate(value, low, high, BY_VOLTAGE, rest.last_ms if rest.absolute else None, remarks)


def _drift(rest: Rest, slope: float, months: float) -> float | None:
    """How much faster the lowest cell loses than the highest, percent a month; None where not read."""
    if None in (rest.first_low, rest.first_high, rest.last_low, rest.last_high):
        return None
    before = (rest.first_high or 0) - (rest.first_low or 0)
    after = (rest.last_high or 0) - (rest.last_low or 0)
    return (after - before) / slope / months


def by_refill(sessions: Sequence[Session], rests: Sequence[Rest], basis: Basis) -> Answer:
    """From the charge after a long rest at full."""
    for before, after in reversed(list(pairwise(sessions))):
        if not basis.rated_mah or not (is_full(before, basis) and is_full(after, basis)):
            continue
        rest = _between(before, after, rests)
        if rest is None:
            continue
        months = (after.start_s - before.start_s - before.duration_s) / 86_400 / _MONTH_DAYS
        share = after.charge / (10 * basis.rated_mah) + rest.area / (2 * 3_600_000) / basis.rated_mah
        low, high = (share - _REFILL) / months, (share + _REFILL) / months
        if low <= 0:
            return _below(100 * high)
        end_ms = (after.start_s + after.duration_s) * 1000 if after.absolute else None
        remarks = ["What the BMS draws beside the sensor of the current is in it."]
        return _estimate(100 * share / months, 100 * low, 100 * high, BY_REFILL, end_ms, remarks)
    return NotDeterminable("no_refill", "No full charge followed a watched week without use.")


def _between(before: Session, after: Session, rests: Sequence[Rest]) -> Rest | None:
    """The watched rest that fills the time between two sessions; None where something else may hide there."""
    if not (before.absolute and after.absolute):
        return None
    end_ms, start_ms = (before.start_s + before.duration_s) * 1000, after.start_s * 1000
    for rest in rests:
        near = abs(rest.start_ms - end_ms) <= _NEAR_MS and abs(start_ms - rest.last_ms) <= _NEAR_MS
        if rest.absolute and near:
            return rest
    return None


def _below(high: float) -> NotDeterminable:
    bound = ceil(10 * high) / 10  # outwards
    return NotDeterminable(
        "below_resolution", f"Less than {bound:.1f} % a month, which is all that can be told from this rest."
    )


def _estimate(
    value: float, low: float, high: float, method: str, end_ms: int | None, remarks: Sequence[str]
) -> Estimate:
    middle, lower, upper = rounded(value, low, high, places=2)
    more = ("More than is usual of lithium-ion cells.",) if low > ABNORMAL else ()
    return Estimate(
        middle,
        lower,
        upper,
        Unit.PERCENT_PER_MONTH,
        method,
        EvidenceClass.OBSERVED,
        as_of=_EPOCH + timedelta(milliseconds=end_ms) if end_ms is not None else None,
        counts={"rests": 1},
        remarks=(*remarks, *more),
    )


def estimate_evolution(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime
) -> Answer:
    """Change of self-discharge from the declared initial rate, percent of it."""
    current = estimate_self_discharge(state, basis, facts, now)
    if isinstance(current, NotDeterminable):
        return current
    initial = facts.get("initial_self_discharge_rate")
    if initial is None or float(initial) <= 0:
        return NotDeterminable(
            "no_initial_rate",
            "No initial self-discharge rate is declared to compare with.",
            "Declare `initial_self_discharge_rate`.",
        )
    value, low, high = (
        100 * (float(one) / float(initial) - 1) for one in (current.value, current.low, current.high)
    )
    middle, lower, upper = rounded(value, low, high, places=0)
    return Estimate(
        middle,
        lower,
        upper,
        Unit.PERCENT,
        f"{EVOLUTION}({current.method})",
        EvidenceClass.OBSERVED,
        as_of=current.as_of,
        counts=current.counts,
        remarks=current.remarks,
    )
