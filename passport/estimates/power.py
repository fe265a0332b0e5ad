"""Power that a battery can deliver for 10 s at 80 % and at 20 % of charge (`power.ocv_r10.v1`).

P = V_min * (OCV - V_min) / R for each cell in series, with the declared minimum voltage, a usual open-circuit
voltage and `r.dc10s.v1` of discharging at 25 degC; never more than the declared maximum. Charge is counted by
what the cells hold now, as the reference conditions of capacity leave it open.
"""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import Any, Final

from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable, rounded
from passport.estimates.open_circuit import UNSURE_MV, voltage_at
from passport.estimates.resistance import estimate_resistance, level_of
from passport.lifecycle.basis import Basis
from passport.lifecycle.resistances import HIGH, LOW
from passport.lifecycle.state import LifecycleState
from schemas.terms import Unit

METHOD: Final = "power.ocv_r10.v1"
POINTS: Final = (80, 20)
_Z: Final = 1.645
_ELSEWHERE: Final = 0.25  # of a resistance that was measured in another range of charge


def estimate_power(
    state: LifecycleState, basis: Basis, facts: Mapping[str, Any], now: datetime, *, percent: int
) -> Answer:
    """Power over 10 s at a state of charge, W."""
    resistance = estimate_resistance(state, basis, facts, now)
    if isinstance(resistance, NotDeterminable):
        return resistance
    least = basis.cell_minimum_mv
    if least is None or basis.in_series is None:
        return NotDeterminable(
            "no_minimum_voltage",
            "Power follows from the minimum voltage of a cell, which is not declared.",
            "Declare `minimum_voltage` and the cells in series.",
        )
    open_circuit = voltage_at(basis.chemistry, percent)
    if open_circuit is None:
        return NotDeterminable("no_curve", "No open-circuit voltage is known of this chemistry.")
    wanted = LOW if percent < 30 else HIGH
    level = level_of(state.resistances, direction=-1, charge=wanted)
    elsewhere = level is None
    if level is None:
        level = level_of(state.resistances, direction=-1) or level_of(state.resistances)
    assert level is not None  # there was one for the resistance
    room = open_circuit - least
    if room <= UNSURE_MV:
        return NotDeterminable(
            "no_room", f"At {percent} % of charge the voltage lies too near to the minimum to tell."
        )
    power = basis.in_series * least * room / level.micro_ohm  # mV * mV / uOhm = W
    share = sqrt(
        (level.sd / level.micro_ohm) ** 2
        + (UNSURE_MV / _Z / room) ** 2
        + (_ELSEWHERE / _Z if elsewhere else 0.0) ** 2
    )
    low, high = power * (1 - min(_Z * share, 1.0)), power * (1 + _Z * share)
    remarks = ["By a usual open-circuit voltage of the chemistry; not a test at full power."]
    if elsewhere:
        remarks.append("Its resistance was measured in another range of charge.")
    if basis.maximum_w is not None and high > basis.maximum_w:
        remarks.append("No more than the declared maximum power is stated.")
        power, low, high = (min(one, float(basis.maximum_w)) for one in (power, low, high))
    value, low_text, high_text = rounded(power, low, high, places=0)
    return Estimate(
        value,
        low_text,
        high_text,
        Unit.WATT,
        METHOD,
        EvidenceClass.OBSERVED,
        as_of=resistance.as_of,
        stale=resistance.stale,
        conditions={"state_of_charge_percent": str(percent), "duration_s": "10", "temperature_celsius": "25"},
        counts={"steps": level.steps},
        remarks=tuple(remarks),
    )
