"""What a battery lost by ageing and what by cells that stand apart: three figures instead of one.

Cells in series end a discharge when the first of them is empty, and a charge when the first is full. With
what each cell could still take and give:

- *ageing*: mean capacity of the cells;
- *usable*: what the string gives now, from where its first cell is full to where its first is empty;
- *recoverable*: what it gives once balanced: the capacity of its weakest cell.

A mean would hide one weak cell: the cell that ends the discharge and the one with the least capacity are
named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from passport.errors import InputRefused
from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.estimates.open_circuit import STEEP, slope_at
from passport.lifecycle.basis import Basis
from passport.lifecycle.state import LifecycleState
from schemas.terms import Unit

SPREAD: Final = "imbalance.rested_spread.v1"
USABLE: Final = "imbalance.usable_share.v1"
_HUNDRED: Final = Decimal(100)
_SLOPE_SHARE: Final = 0.4
_READ_MV: Final = 2.0
_LEAST_REST_S: Final = 1_800
_LFP_REST_S: Final = 7_200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Balance:
    """Three figures of one string, in the unit of what was given.

    Attributes:
        ageing, usable, recoverable: see the module.
        weakest: name of the cell with the least capacity.
        first_empty, first_full: names of the cells that end a discharge and a charge.
    """

    ageing: float
    usable: float
    recoverable: float
    weakest: str
    first_empty: str
    first_full: str

    @property
    def by_balancing(self) -> float:
        """What balancing would bring back."""
        return self.recoverable - self.usable


def balance_of(to_empty: Mapping[str, float], to_full: Mapping[str, float]) -> Balance:
    """Of what each cell can still give and take, at one moment.

    Args:
        to_empty: charge until the cell is empty, by its name.
        to_full: charge until it is full.

    Raises:
        InputRefused: the two do not name the same cells, or a figure is negative.
    """
    if not to_empty or set(to_empty) != set(to_full):
        raise InputRefused("expected what the same cells can give and take, each by its name")
    if min(*to_empty.values(), *to_full.values()) < 0:
        raise InputRefused("expected no negative charge to empty or to full")
    capacity = {cell: to_empty[cell] + to_full[cell] for cell in to_empty}
    weakest = _least(capacity)
    empty, full = _least(to_empty), _least(to_full)
    return Balance(
        sum(capacity[cell] for cell in sorted(capacity)) / len(capacity),
        to_empty[empty] + to_full[full],
        capacity[weakest],
        weakest,
        empty,
        full,
    )


def _least(amounts: Mapping[str, float]) -> str:
    return min(sorted(amounts), key=lambda cell: amounts[cell])


def estimate_imbalance(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime
) -> Answer:
    """How far the fullest cell is ahead of the emptiest, percent of charge, from cells at rest.

    Only where the curve is steep: in the flat middle a spread of voltage says little of charge.
    """
    del facts, now
    rest_s = _LFP_REST_S if basis.chemistry == "Li-ion LFP" else _LEAST_REST_S
    flat = False
    for session in reversed(state.sessions.until_now(basis)):
        if session.spread_mv is None or session.rest_before_mv is None or session.rest_before_s < rest_s:
            continue
        slope = slope_at(basis.chemistry, session.rest_before_mv)
        if slope is None:
            continue
        if slope < STEEP:
            flat = True
            continue
        value = session.spread_mv / slope
        low = max(session.spread_mv - _READ_MV, 0.0) / (slope * (1 + _SLOPE_SHARE))
        high = (session.spread_mv + _READ_MV) / (slope * (1 - _SLOPE_SHARE))
        middle, lower, upper = rounded(value, low, high, places=1)
        return Estimate(
            middle,
            lower,
            upper,
            Unit.PERCENT,
            SPREAD,
            EvidenceClass.OBSERVED,
            as_of=_EPOCH + timedelta(seconds=session.start_s) if session.absolute else None,
            conditions={"rested_mv": str(session.rest_before_mv), "spread_mv": str(session.spread_mv)},
            counts={"rests": 1},
            remarks=_weakest(state),
        )
    if flat:
        return NotDeterminable(
            "flat_curve",
            "Cells were read at rest only where the curve is flat: their spread says nothing of charge.",
            "Let it rest for two hours when nearly empty, while its cells are read.",
        )
    return NotDeterminable(
        "no_rested_cells", "No cells were read at rest before a charge or discharge.", "Record cell voltages."
    )


def estimate_usable(state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime) -> Answer:
    """Usable by ageing capacity at least, percent: what the spread of rested cells leaves.

    A cell that stands apart by so much of its charge takes no more than that from all the others, whether it
    has less capacity or only less charge.
    """
    answer = estimate_imbalance(state, basis, facts, now)
    if isinstance(answer, NotDeterminable):
        return answer
    return replace(
        answer,
        value=_HUNDRED - answer.value,
        low=_HUNDRED - answer.high,
        high=_HUNDRED - answer.low,
        method=USABLE,
    )


def _weakest(state: LifecycleState) -> tuple[str, ...]:
    """Who went lowest so far, in a sentence; nothing where no cell is told."""
    lowest = state.extremes.get("cell_voltage_min")
    if lowest is None or lowest.where is None:
        return ()
    return (f"Of all cells {lowest.where} went lowest so far, to {lowest.value / 1000:.3f} V.",)


def worst(answers: Sequence[Balance]) -> Balance:
    """The string that ends the battery's discharge first, by what it can give now."""
    return min(answers, key=lambda one: one.usable)
