"""Round-trip efficiency of energy, from loops between two full charges.

Methods:
- `rte.full_to_full.v1`: energy out over energy in, from the end of one full charge to the end of another.
  What came out and what went in must agree in charge within 1 %: then the battery is as full as it was, and
  no session in between was lost.
- `rte.totals.v1`: all energy out over all energy in while watched, where so much flowed that not knowing how
  full it was at both ends says less than 2 %. A mean over its life, not of today.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any, Final

from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import Session
from passport.lifecycle.state import LifecycleState
from schemas.terms import Unit

FULL_TO_FULL: Final = "rte.full_to_full.v1"
TOTALS: Final = "rte.totals.v1"
STALE: Final = timedelta(days=90)
_LARGEST_MISMATCH: Final = 0.01
_LEAST_DEPTH: Final = 0.5  # of the rated capacity
_FULL: Final = 995  # tenths of a percent, as the BMS said it
_ENERGIES: Final = 50  # that flowed in, of what the battery holds
_SENSOR: Final = 0.005
_Z: Final = 1.645
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_full(session: Session, basis: Basis) -> bool:
    """Whether a charge ended full: by the BMS's word, or at the maximum voltage with a current that fell.

    LFP needs no falling current: at its maximum voltage next to nothing is missing.
    """
    said = session.soc_last is not None and session.soc_last >= _FULL
    fell = basis.chemistry == "Li-ion LFP" or session.last_ma * 10 <= (basis.rated_mah or 0)
    return session.direction > 0 and (said or (session.charge_to_limit is not None and fell))


def _loops(sessions: Sequence[Session], basis: Basis) -> list[list[Session]]:
    """Sessions after each full charge up to the next one, that one included."""
    found: list[list[Session]] = []
    going: list[Session] | None = None
    for one in sessions:
        if going is not None:
            going.append(one)
        if is_full(one, basis):
            if going is not None:
                found.append(going)
            going = []
    return found


def loop_efficiency(loop: Sequence[Session], rated_mah: int) -> tuple[float, float] | None:
    """Energy out over energy in, and the mismatch of charge; None where the loop does not close."""
    energies = [one.energy for one in loop]
    if None in energies or any(one.opposite * 50 > one.charge for one in loop):
        return None
    charge_in = sum(one.charge for one in loop if one.direction > 0)
    charge_out = sum(one.charge for one in loop if one.direction < 0)
    if charge_out < _LEAST_DEPTH * rated_mah * 10 or charge_in <= 0:
        return None
    mismatch = abs(charge_in - charge_out) / charge_in
    if mismatch > _LARGEST_MISMATCH:
        return None
    into = sum(one.energy or 0 for one in loop if one.direction > 0)
    out = sum(one.energy or 0 for one in loop if one.direction < 0)
    return (out / into, mismatch) if 0 < out < into else None


def estimate_efficiency(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime
) -> Answer:
    """Round-trip efficiency, percent: of the newest loops, else of all that was watched."""
    del facts
    if not basis.rated_mah:
        return NotDeterminable(
            "no_rated_capacity", "Without a rated capacity there are no sessions.", "Declare it."
        )
    found: list[tuple[float, float, Session]] = []
    for loop in _loops(state.sessions.until_now(basis), basis):
        measured = loop_efficiency(loop, basis.rated_mah)
        if measured is not None:
            found.append((*measured, loop[-1]))
    if found:
        return _of_loops(found, basis.rated_mah, now)
    return _of_totals(state, basis)


def _of_loops(found: Sequence[tuple[float, float, Session]], rated_mah: int, now: datetime) -> Estimate:
    newest = found[-8:]
    mean = sum(one[0] for one in newest) / len(newest)
    scatter = sqrt(sum((one[0] - mean) ** 2 for one in newest) / max(len(newest) - 1, 1) / len(newest))
    # Ends that are not equally full move energy by their mismatch; sensors drift within a loop.
    unsure = sum(one[1] for one in newest) / len(newest) / sqrt(len(newest))
    half = _Z * sqrt(scatter**2 + (mean * _SENSOR) ** 2) + mean * unsure
    value, low, high = rounded(100 * mean, 100 * (mean - half), min(100 * (mean + half), 100.0), places=1)
    last = newest[-1][2]
    as_of = _EPOCH + timedelta(seconds=last.start_s + last.duration_s) if last.absolute else None
    conditions = {"mean_c_rate": f"{sum(one[2].mean_ma for one in newest) / len(newest) / rated_mah:.2f}"}
    warm = [one[2].mean_temperature for one in newest if one[2].mean_temperature is not None]
    if warm:
        conditions["temperature_celsius"] = f"{sum(warm) / len(warm) / 10:.0f}"
    return Estimate(
        value,
        low,
        high,
        Unit.PERCENT,
        FULL_TO_FULL,
        EvidenceClass.OBSERVED,
        as_of=as_of,
        stale=as_of is not None and now - as_of > STALE,
        conditions=conditions,
        counts={"loops": len(newest)},
        remarks=("At the currents and temperatures of use, which an initial figure need not share.",),
    )


def _of_totals(state: LifecycleState, basis: Basis) -> Answer:
    none = NotDeterminable(
        "no_closed_loop",
        "No stretch between two full charges was recorded whole, with voltage and current.",
        "Charge to full, use more than half, and charge to full again while it is read.",
    )
    into, out = state.energy_in, state.energy_out
    if into <= 0 or state.charge_in <= 0 or state.charge_ms != state.energy_ms:
        return none
    rated = basis.rated_mah or 0
    volts = into / state.charge_in  # mean mV while charging
    whole = rated * volts * 2 * 3_600_000
    if into < _ENERGIES * whole or abs(state.charge_in - state.charge_out) > rated * 2 * 3_600_000 * 1.1:
        return none
    # How full it was at both ends is unknown: at most one battery full.
    ratio, half = out / into, whole / into + _SENSOR
    if not 0.5 < ratio < 1:
        return none
    value, low, high = rounded(100 * ratio, 100 * (ratio - half), min(100 * (ratio + half), 100.0), places=1)
    return Estimate(
        value,
        low,
        high,
        Unit.PERCENT,
        TOTALS,
        EvidenceClass.OBSERVED,
        as_of=_EPOCH + timedelta(milliseconds=state.last_ms) if state.last_ms is not None else None,
        counts={"full_energies": int(into / whole)},
        remarks=("A mean over all that was watched, not of today.",),
    )
