"""Which conditions hold of a battery: what people declare, and what follows from the declared facts.

A fact is a clue to a condition. A *firm* clue settles it: the fact is the statement itself (a warranty of 96
months), or the law's own measure (more than 0.002 % cadmium). Other clues are inferred from what a chemistry
usually is. What people say outright counts before any clue; where it contradicts one, that is said too. Two
clues that disagree leave the condition unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from schemas.conditions import (
    ABOVE_2_KWH,
    CADMIUM_OR_LEAD,
    COBALT_PRESENT,
    CONDITIONS,
    CYCLIC_USE,
    DUE_DILIGENCE_BOUND,
    EXTERNAL_STORAGE,
    FIRST_PLACED_BEFORE_ANNEX_IV,
    HAS_BMS,
    HAS_PREDECESSOR,
    INDUSTRIAL_APPLICABLE,
    LEAD_PRESENT,
    LITHIUM_PRESENT,
    NICKEL_PRESENT,
    POSSIBLE,
    RECHARGEABLE,
    RECYCLED,
    RECYCLED_SHARES_STATED,
    REGISTERED,
    WARRANTY_GIVEN,
    Circumstances,
    Condition,
)


@dataclass(frozen=True)
class Clue:
    """What one fact says of one condition.

    Attributes:
        condition: name of it.
        holds: whether it then holds.
        attribute: id of the fact.
        because: the fact in words, as the end of "..., because".
        firm: the fact settles it; otherwise it is inferred.
    """

    condition: str
    holds: bool
    attribute: str
    because: str
    firm: bool = True


@dataclass(frozen=True)
class Contradiction:
    """Two statements about one condition that cannot both be true.

    Attributes:
        condition: which.
        attribute: id of the fact on one side.
        sentence: both sides, and what to do.
        firm: one of them must be corrected; otherwise the inference may be at fault.
    """

    condition: Condition
    attribute: str
    sentence: str
    firm: bool


def circumstances_of(facts: Mapping[str, Any], declared: Mapping[str, bool]) -> Circumstances:
    """Which conditions are known of a battery, and whether they hold.

    Args:
        facts: attribute id to value, in Python or on the wire; absences count as silence, except where "not
            applicable" answers the condition.
        declared: name of a condition to whether somebody said that it holds.
    """
    return _effective(_key(facts), tuple(sorted(declared.items())))


def contradictions(facts: Mapping[str, Any], declared: Mapping[str, bool]) -> tuple[Contradiction, ...]:
    """What is said of a condition in two ways; empty where all agree."""
    return _contradictions(_key(facts), tuple(sorted(declared.items())))


def clues(facts: Mapping[str, Any]) -> tuple[Clue, ...]:
    """What the facts say of conditions, in the order in which they are looked at."""
    return _clues(_key(facts))


# ---------------------------------------------------------------------------------------- facts as a key

# A stated value of these rows is the condition itself, whatever it is.
_STATED: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "warranty_period": WARRANTY_GIVEN,
        "passport_ceased_at": RECYCLED,
        "registry_registration_id": REGISTERED,
        "recycled_cobalt_share": RECYCLED_SHARES_STATED,
        "recycled_lithium_share": RECYCLED_SHARES_STATED,
        "recycled_nickel_share": RECYCLED_SHARES_STATED,
        "recycled_lead_share": RECYCLED_SHARES_STATED,
    }
)
# "Not applicable" of these rows answers their condition, as there is no other reason for it.
_ANSWERED: Final[Mapping[str, Condition]] = MappingProxyType(
    {"warranty_period": WARRANTY_GIVEN, "predecessor_passport_ids": HAS_PREDECESSOR}
)
_LINKS: Final = frozenset({"predecessor_passport_ids", "successor_passport_ids"})
_MATERIALS: Final = frozenset({"restricted_metals_content", "material_composition"})
_MATERIAL_MEMBERS: Final = ("component", "name", "cas_number", "metal", "share")
_BEARING: Final = (
    *_STATED,
    "battery_chemistry",
    "industrial_subtype",
    "predecessor_passport_ids",
    "successor_passport_ids",
    "battery_status",
    "due_diligence_exempt",
    "restricted_metals_content",
    "material_composition",
    "rated_capacity",
    "nominal_voltage",
    "certified_usable_energy",
)
_Key = tuple[tuple[str, Any], ...]
_NOT_APPLICABLE: Final = "not_applicable"


def _key(facts: Mapping[str, Any]) -> _Key:
    """The facts that bear on a condition, in a form that a fleet shares and a cache can hold."""
    found: list[tuple[str, Any]] = []
    for name in _BEARING:
        value = facts.get(name)
        if value is None:
            continue
        if isinstance(value, Mapping):  # none of these rows holds a single object: it is an absence
            if name in _ANSWERED and value.get("absent") == _NOT_APPLICABLE:
                found.append((name, _NOT_APPLICABLE))
        elif name in _STATED:
            found.append((name, True))
        elif name in _LINKS:
            found.append((name, bool(value)))  # whose passports they are does not matter
        elif name in _MATERIALS:
            found.append((name, tuple(_material(entry) for entry in value if isinstance(entry, Mapping))))
        else:
            found.append((name, value if isinstance(value, bool) else str(value)))
    return tuple(found)


def _material(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(entry.get(member, "")) for member in _MATERIAL_MEMBERS)


@lru_cache(maxsize=1024)
def _clues(key: _Key) -> tuple[Clue, ...]:
    return tuple(_found(dict(key)))


def _found(facts: Mapping[str, Any]) -> Iterator[Clue]:
    yield from _of_statements(facts)
    yield from _of_kind(facts)
    yield from _of_metals(facts)
    yield from _of_energy(facts)


# ----------------------------------------------------------------------------------------------- clues


def _of_statements(facts: Mapping[str, Any]) -> Iterator[Clue]:
    for name, condition in _STATED.items():
        if facts.get(name) is True:
            yield Clue(condition.name, True, name, f"{name} is stated")
    for name, condition in _ANSWERED.items():
        if facts.get(name) == _NOT_APPLICABLE:
            yield Clue(condition.name, False, name, f"{name} is declared not applicable")


_NEW_LIFE: Final = frozenset({"re-used", "repurposed", "remanufactured"})


def _of_kind(facts: Mapping[str, Any]) -> Iterator[Clue]:
    """From what kind of battery it is and which life it is in."""
    subtype = facts.get("industrial_subtype")
    if subtype is not None:
        because = f"industrial_subtype is {subtype}"
        if subtype == "without_bms":
            yield Clue(HAS_BMS.name, False, "industrial_subtype", because)
        yield Clue(EXTERNAL_STORAGE.name, subtype == "external_storage", "industrial_subtype", because)
    ids = facts.get("predecessor_passport_ids")
    if isinstance(ids, bool):
        because = "predecessor_passport_ids names passports" if ids else "predecessor_passport_ids is empty"
        yield Clue(HAS_PREDECESSOR.name, ids, "predecessor_passport_ids", because)
    status = facts.get("battery_status")
    # A battery that goes on under another passport has the status of its new life, and no predecessor by it.
    goes_on = facts.get("successor_passport_ids") is True
    if (status in _NEW_LIFE and not goes_on) or status == "original":
        because = f"battery_status is {status}"
        yield Clue(HAS_PREDECESSOR.name, status in _NEW_LIFE, "battery_status", because)
    exempt = facts.get("due_diligence_exempt")
    if isinstance(exempt, bool):
        because = f"due_diligence_exempt is {'true' if exempt else 'false'}"
        yield Clue(DUE_DILIGENCE_BOUND.name, not exempt, "due_diligence_exempt", because)


# What a chemistry is sure to hold or not to hold; what depends on the maker is left out.
_T, _F = True, False
_CHEMISTRIES: Final[Mapping[str, Mapping[Condition, bool]]] = MappingProxyType(
    {
        "Li-ion LCO": {COBALT_PRESENT: _T, LITHIUM_PRESENT: _T, RECHARGEABLE: _T},
        "Li-ion LFP": {COBALT_PRESENT: _F, NICKEL_PRESENT: _F, LITHIUM_PRESENT: _T, RECHARGEABLE: _T},
        "Li-ion LMO": {LITHIUM_PRESENT: _T, RECHARGEABLE: _T},
        "Li-ion NCA": {COBALT_PRESENT: _T, NICKEL_PRESENT: _T, LITHIUM_PRESENT: _T, RECHARGEABLE: _T},
        "Li-ion NMC": {COBALT_PRESENT: _T, NICKEL_PRESENT: _T, LITHIUM_PRESENT: _T, RECHARGEABLE: _T},
        "Li-metal": {LITHIUM_PRESENT: _T},
        "Na-ion": {RECHARGEABLE: _T},
        "Ni-Cd": {NICKEL_PRESENT: _T, LITHIUM_PRESENT: _F, CADMIUM_OR_LEAD: _T, RECHARGEABLE: _T},
        "Ni-MH": {NICKEL_PRESENT: _T, LITHIUM_PRESENT: _F, RECHARGEABLE: _T},
        "Pb": {
            LEAD_PRESENT: _T,
            CADMIUM_OR_LEAD: _T,
            COBALT_PRESENT: _F,
            NICKEL_PRESENT: _F,
            LITHIUM_PRESENT: _F,
            RECHARGEABLE: _T,
        },
    }
)
# CAS numbers and plain names of what holds a metal; a name such as "cobalt-free oxide" is none of them.
_COBALT: Final = frozenset({"7440-48-4", "12190-79-3", "182442-95-1", "193214-24-3", "cobalt"})
_NICKEL: Final = frozenset({"7440-02-0", "182442-95-1", "193214-24-3", "nickel"})
_LITHIUM: Final = frozenset(
    {"7439-93-2", "12190-79-3", "182442-95-1", "193214-24-3", "15365-14-7", "12057-17-9", "lithium"}
)
_LEAD: Final = frozenset({"7439-92-1", "1309-60-0", "1317-36-8", "7446-14-2", "lead"})
_ACTIVE: Final = ("cathode", "anode", "positive electrode", "negative electrode")
# Art. 13(5), in percent by mass.
_THRESHOLDS: Final[Mapping[str, Decimal]] = MappingProxyType(
    {"cadmium": Decimal("0.002"), "lead": Decimal("0.004")}
)


def _of_metals(facts: Mapping[str, Any]) -> Iterator[Clue]:
    chemistry = facts.get("battery_chemistry")
    for condition, holds in _CHEMISTRIES.get(str(chemistry), {}).items():
        because = f"battery_chemistry is {chemistry}"
        yield Clue(condition.name, holds, "battery_chemistry", because, firm=False)
    for entry in facts.get("material_composition", ()):
        component, material, cas_number, _, _ = entry
        words = {cas_number, material.strip().lower()}
        active = component.lower().startswith(_ACTIVE)
        for condition, names, everywhere in (
            (COBALT_PRESENT, _COBALT, False),
            (NICKEL_PRESENT, _NICKEL, False),
            (LITHIUM_PRESENT, _LITHIUM, False),
            (LEAD_PRESENT, _LEAD, True),
        ):
            if (active or everywhere) and words & names:
                because = f"material_composition names {material}"
                yield Clue(condition.name, True, "material_composition", because)
    yield from _of_contents(facts.get("restricted_metals_content", ()))


def _of_contents(entries: Any) -> Iterator[Clue]:
    shares = {metal: _number(share) for _, _, _, metal, share in entries}
    name = "restricted_metals_content"
    over = [
        metal
        for metal, most in _THRESHOLDS.items()
        if (share := shares.get(metal)) is not None and share > most
    ]
    if over:
        yield Clue(
            CADMIUM_OR_LEAD.name,
            True,
            name,
            " and ".join(f"{name} holds {shares[metal]} % {metal}" for metal in over),
        )
    elif all(shares.get(metal) is not None for metal in _THRESHOLDS):
        within = " and ".join(f"{shares[metal]} % {metal}" for metal in _THRESHOLDS)
        yield Clue(CADMIUM_OR_LEAD.name, False, name, f"{name} holds {within}")
    lead = shares.get("lead")
    if lead is not None:
        yield Clue(LEAD_PRESENT.name, lead > 0, name, f"{name} holds {lead} % lead")


_LIMIT_KWH: Final = Decimal(2)


def _of_energy(facts: Mapping[str, Any]) -> Iterator[Clue]:
    """Art. 77(1) speaks of a capacity above 2 kWh; it is read as rated capacity times nominal voltage."""
    certified = _number(facts.get("certified_usable_energy"))
    if certified is not None and certified > _LIMIT_KWH:
        because = f"certified_usable_energy is {certified} kWh"
        yield Clue(ABOVE_2_KWH.name, True, "certified_usable_energy", because)
    capacity, voltage = _number(facts.get("rated_capacity")), _number(facts.get("nominal_voltage"))
    if capacity is not None and voltage is not None:
        energy = capacity * voltage / 1000
        because = f"rated_capacity times nominal_voltage is {energy.normalize():f} kWh"
        yield Clue(ABOVE_2_KWH.name, energy > _LIMIT_KWH, "rated_capacity", because)


def _number(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


# --------------------------------------------------------------------------------------- what follows

# One condition that settles another: (condition, answer) to (condition, answer).
_IMPLIES: Final = (
    # Annex IV, through Art. 10(1), reaches rechargeable industrial batteries above 2 kWh.
    (RECHARGEABLE, False, INDUSTRIAL_APPLICABLE, False),
    (ABOVE_2_KWH, False, INDUSTRIAL_APPLICABLE, False),
    (RECHARGEABLE, False, CYCLIC_USE, False),
    (HAS_BMS, False, POSSIBLE, False),
    (FIRST_PLACED_BEFORE_ANNEX_IV, True, HAS_PREDECESSOR, True),
)


@lru_cache(maxsize=1024)
def _effective(key: _Key, declared: tuple[tuple[str, bool], ...]) -> Circumstances:
    said = {name: holds for name, holds in declared if name in CONDITIONS}
    told: dict[str, set[bool]] = {}
    for clue in _clues(key):
        told.setdefault(clue.condition, set()).add(clue.holds)
    result = {name: next(iter(answers)) for name, answers in told.items() if len(answers) == 1} | said
    for condition, holds, other, then in _IMPLIES:
        if result.get(condition.name) is holds and other.name not in result:
            result[other.name] = then
    return frozenset(result.items())


@lru_cache(maxsize=1024)
def _contradictions(key: _Key, declared: tuple[tuple[str, bool], ...]) -> tuple[Contradiction, ...]:
    said, found = dict(declared), []
    first: dict[tuple[str, bool], Clue] = {}
    for clue in _clues(key):
        condition = CONDITIONS[clue.condition]
        if said.get(clue.condition, clue.holds) is not clue.holds:
            word = condition.otherwise if clue.holds else condition.title
            sentence = f"it is declared that {word}, but {clue.because}: correct one of the two"
            found.append(Contradiction(condition, clue.attribute, sentence, clue.firm))
        other = first.get((clue.condition, not clue.holds))
        if other is not None and clue.condition not in said and (clue.condition, clue.holds) not in first:
            sentence = f"{other.because}, but {clue.because}: correct one of the two"
            found.append(Contradiction(condition, clue.attribute, sentence, clue.firm and other.firm))
        first.setdefault((clue.condition, clue.holds), clue)
    for condition, holds, other_condition, then in _IMPLIES:
        if said.get(condition.name) is holds and said.get(other_condition.name, then) is not then:
            one = condition.title if holds else condition.otherwise
            two = other_condition.otherwise if then else other_condition.title
            found.append(
                Contradiction(other_condition, "", f"it is declared that {one}, and that {two}", firm=True)
            )
    return tuple(found)
