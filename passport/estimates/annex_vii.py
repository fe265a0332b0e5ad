"""State of health as the law words it: other parameters for each category, and none for some.

Source: Regulation (EU) 2023/1542, Annex VII part A: of an electric vehicle's battery the state of certified
energy and nothing else; of light means of transport and stationary storage five parameters; of other
industrial batteries none.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Final

from passport.estimates.estimate import Answer, Estimate, EvidenceClass, NotDeterminable
from passport.estimates.health import Health
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.terms import Category, Source, Unit

_FIVE: Final = (
    "remaining_capacity",
    "remaining_power_capability",
    "remaining_round_trip_efficiency",
    "self_discharge_evolution",
    "ohmic_resistance",
)
PARAMETERS: Final[Mapping[Category, tuple[str, ...]]] = MappingProxyType(
    {
        Category.EV: ("state_of_certified_energy",),
        Category.LMT: _FIVE,
        Category.STATIONARY: _FIVE,
        Category.INDUSTRIAL: (),
    }
)
_SOCE: Final = "soce.capacity_voltage.v1"
_STRONG: Final = frozenset({EvidenceClass.A, EvidenceClass.B})
_HUNDRED: Final = Decimal(100)
_POINT: Final = Decimal("0.1")


def view(
    category: Category, health: Health, facts: Mapping[str, Any], others: Mapping[str, Answer]
) -> dict[str, Answer]:
    """The parameters of a category, each with its figure or the reason why there is none.

    Args:
        category: of the battery.
        health: what is known of its capacity.
        facts: declared facts; `certified_usable_energy` is used.
        others: further estimates by attribute id, such as resistance and efficiency.
    """
    known: dict[str, Answer] = dict(others)
    known["remaining_capacity"] = remaining_capacity(health)
    known["state_of_certified_energy"] = certified_energy(health, facts)
    return {
        name: known.get(name, NotDeterminable("not_estimated", "Nothing that was recorded tells it."))
        for name in PARAMETERS[category]
    }


def remaining_capacity(health: Health) -> Answer:
    """The capacity, unless it is only known in the cold: it is meant as the rated one is."""
    if isinstance(health.health, NotDeterminable) and health.health.code == "cold_only":
        return health.health
    return health.capacity


def certified_energy(health: Health, facts: Mapping[str, Any]) -> Answer:
    """Usable energy by the certified usable energy, percent."""
    certified = facts.get("certified_usable_energy")
    if certified is None or Decimal(str(certified)) <= 0:
        return NotDeterminable(
            "no_certified_energy",
            "No certified usable energy is declared.",
            "Declare `certified_usable_energy`.",
        )
    if isinstance(health.health, NotDeterminable) and health.health.code == "cold_only":
        return health.health
    energy = health.energy
    if isinstance(energy, NotDeterminable):
        return energy
    whole = Decimal(str(certified))

    def share(end: Decimal, rounding: str) -> Decimal:
        return (_HUNDRED * end / whole).quantize(_POINT, rounding)

    return replace(
        energy,
        value=share(energy.value, ROUND_HALF_EVEN),
        low=share(energy.low, ROUND_FLOOR),
        high=share(energy.high, ROUND_CEILING),
        unit=Unit.PERCENT,
        method=f"{_SOCE}({energy.method})",
    )


def state_of_health(health: Health) -> dict[str, Stated[Any]]:
    """Our figure of health, for an assessment; nothing where it is stale or unknown.

    A battery that gives more than its rating has more than 100 %.
    """
    answer = health.health
    if not isinstance(answer, Estimate) or answer.stale:
        return {}
    value = answer.value.quantize(_POINT, ROUND_HALF_EVEN)
    row = REGISTRY["state_of_health"]
    return {row.id: Stated.of(row, value, source=Source.COMPUTED, as_of=answer.as_of, method=answer.method)}


def stated(category: Category, health: Health, facts: Mapping[str, Any]) -> dict[str, Stated[Any]]:
    """What of it a condition record states: fresh, and resting on a complete session or a learned window.

    A figure with neither is shown in an assessment, with its doubts; a signed record does without it.
    """
    found: dict[str, Stated[Any]] = {}
    answers: dict[str, Answer] = {"remaining_capacity": remaining_capacity(health)}
    if category is Category.EV:
        answers["state_of_certified_energy"] = certified_energy(health, facts)
        answers["remaining_energy"] = health.energy
    if isinstance(health.health, Estimate):
        fade = health.health
        answers["capacity_fade"] = replace(
            fade, value=_HUNDRED - fade.value, low=_HUNDRED - fade.high, high=_HUNDRED - fade.low
        )
    else:
        answers.pop("remaining_energy", None)
    for name, answer in answers.items():
        if isinstance(answer, Estimate) and not answer.stale and answer.evidence_class in _STRONG:
            value = answer.value
            if name == "capacity_fade":
                value = value.quantize(_POINT, ROUND_HALF_EVEN) + 0
            found[name] = Stated.of(
                REGISTRY[name], value, source=Source.COMPUTED, as_of=answer.as_of, method=answer.method
            )
    return found
