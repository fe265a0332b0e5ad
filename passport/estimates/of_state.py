"""Estimates of a battery from its folded state and declared facts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from passport.estimates.conformal import Calibration
from passport.estimates.health import Health, health_of
from passport.estimates.windows import WindowModel
from passport.lifecycle.basis import basis_of
from passport.lifecycle.sessions import cycles_of
from passport.lifecycle.state import LifecycleState, reported

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def health_of_state(
    state: LifecycleState | None,
    facts: Mapping[str, Any],
    *,
    now: datetime,
    model: WindowModel | None = None,
    calibration: Calibration | None = None,
) -> Health:
    """Capacity and health of a battery as of `now`.

    Args:
        state: folded state; None when nothing was ever read.
        facts: declared facts by attribute id.
        now: aware.
        model: windows learned for its model; None where there are none.
        calibration: of its operator.
    """
    basis = basis_of(facts)
    if state is None:
        return health_of([], basis, now=now)
    said = reported(state).get("bms_reported_health")
    at = None
    if said is not None and said.time_ms is not None:
        at = _EPOCH + timedelta(milliseconds=said.time_ms)
    cycles = cycles_of(state.charge_in, state.charge_out, basis) / 1000 if state.charge_ms else None
    return health_of(
        state.sessions.until_now(basis),
        basis,
        now=now,
        cycles=cycles,
        model=model,
        calibration=calibration,
        bms_reported=Decimal(said.value) if said is not None else None,
        bms_as_of=at,
        bms_doubts=said.doubts if said is not None else (),
        bms_rows=state.same_health[1] if state.same_health is not None else 0,
    )
