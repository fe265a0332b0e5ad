"""What ordinary use tells beside capacity, by attribute: resistance, power, efficiency, self-discharge."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from passport.estimates.efficiency import estimate_efficiency
from passport.estimates.estimate import Answer, NotDeterminable
from passport.estimates.imbalance import estimate_imbalance
from passport.estimates.power import POINTS, estimate_power
from passport.estimates.resistance import estimate_growth, estimate_resistance
from passport.estimates.self_discharge import estimate_evolution, estimate_self_discharge
from passport.lifecycle.basis import basis_of
from passport.lifecycle.state import LifecycleState


def observed(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> dict[str, Answer]:
    """Attribute id to its figure or the reason why there is none; `remaining_power_capability` at 80 %."""
    basis = basis_of(facts)
    return {
        "internal_resistance_current": estimate_resistance(state, basis, facts, now),
        "internal_resistance_increase_pack": estimate_growth(state, basis, facts, now),
        "ohmic_resistance": NotDeterminable(
            "not_in_telemetry",
            "The ohmic part shows within 10 ms of a step; readings are a second apart or more.",
            "Measure it at 1 kHz, or state what the BMS determines itself.",
        ),
        "remaining_power_capability": estimate_power(state, basis, facts, now, percent=POINTS[0]),
        "remaining_round_trip_efficiency": estimate_efficiency(state, basis, facts, now),
        "self_discharge_rate_current": estimate_self_discharge(state, basis, facts, now),
        "self_discharge_evolution": estimate_evolution(state, basis, facts, now),
    }


def powers(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> dict[int, Answer]:
    """Power over 10 s by state of charge: 80 and 20 %."""
    basis = basis_of(facts)
    return {percent: estimate_power(state, basis, facts, now, percent=percent) for percent in POINTS}


def spread(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> Answer:
    """How far the fullest cell is ahead of the emptiest, percent of charge."""
    return estimate_imbalance(state, basis_of(facts), facts, now)
