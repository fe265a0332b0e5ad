"""What ordinary use tells beside capacity, by attribute: resistance, power, efficiency, self-discharge."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from passport.estimates.efficiency import FULL_TO_FULL, estimate_efficiency
from passport.estimates.estimate import Answer, Estimate, NotDeterminable
from passport.estimates.imbalance import estimate_imbalance, estimate_usable
from passport.estimates.power import POINTS, estimate_power
from passport.estimates.resistance import (
    FIRST_WATCHED,
    GROWTH_OWN,
    METHOD,
    estimate_growth,
    estimate_resistance,
)
from passport.estimates.self_discharge import (
    BY_REFILL,
    EVOLUTION,
    estimate_evolution,
    estimate_self_discharge,
)
from passport.lifecycle.basis import basis_of
from passport.lifecycle.state import LifecycleState
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.terms import Source

# What a signed record may state, and by which methods: those that rest on no usual curve and no unknown base.
_STATED: Final[Mapping[str, tuple[str, ...]]] = {
    "internal_resistance_current": (METHOD,),
    "internal_resistance_increase_pack": (GROWTH_OWN,),
    "remaining_round_trip_efficiency": (FULL_TO_FULL,),
    "round_trip_efficiency_current": (FULL_TO_FULL,),
    "self_discharge_rate_current": (BY_REFILL,),
    "self_discharge_evolution": (f"{EVOLUTION}({BY_REFILL})",),
}
_WIDEST: Final = Decimal("0.5")  # of the value, for the whole interval; growth and evolution apart
_CHANGES: Final = frozenset({"internal_resistance_increase_pack", "self_discharge_evolution"})


def observed(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> dict[str, Answer]:
    """Attribute id to its figure or the reason why there is none; `remaining_power_capability` at 80 %.

    `usable_by_ageing_capacity` is no attribute: it is what imbalance leaves.
    """
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
        "usable_by_ageing_capacity": estimate_usable(state, basis, facts, now),
        "self_discharge_rate_current": estimate_self_discharge(state, basis, facts, now),
        "self_discharge_evolution": estimate_evolution(state, basis, facts, now),
    }


def stated(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> dict[str, Stated[Any]]:
    """What of it a condition record states: fresh, sure enough, and without a usual curve in it.

    The rest is shown in an assessment, with its remarks.
    """
    answers = observed(state, facts, now)
    answers["round_trip_efficiency_current"] = answers["remaining_round_trip_efficiency"]
    found: dict[str, Stated[Any]] = {}
    for name, methods in _STATED.items():
        answer = answers[name]
        if not isinstance(answer, Estimate) or answer.stale or answer.method not in methods:
            continue
        wide = answer.high - answer.low > _WIDEST * abs(answer.value)
        if (wide and name not in _CHANGES) or FIRST_WATCHED in answer.remarks:
            continue
        found[name] = Stated.of(
            REGISTRY[name], answer.value, source=Source.COMPUTED, as_of=answer.as_of, method=answer.method
        )
    return found


def powers(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> dict[int, Answer]:
    """Power over 10 s by state of charge: 80 and 20 %."""
    basis = basis_of(facts)
    return {percent: estimate_power(state, basis, facts, now, percent=percent) for percent in POINTS}


def spread(state: LifecycleState, facts: Mapping[str, Any], now: datetime) -> Answer:
    """How far the fullest cell is ahead of the emptiest, percent of charge."""
    return estimate_imbalance(state, basis_of(facts), facts, now)
