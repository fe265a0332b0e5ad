"""The rows of any released registry: an old record is read in the words of the version that it names.

Title, unit, kind, chapter, level and duty come from the frozen copy. Who may see a value is not decided by
these rows: `passport.disclosure` asks the registry in force.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from schemas.attribute import Applies, Attribute, Chapter, Demand, Duty
from schemas.citation import Act, Citation
from schemas.conditions import CONDITIONS, PENDING_ACTS, Condition, PendingAct
from schemas.history import registry_of, versions
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import Category, Disclosure, Level, Obligation, RecordKind, Unit
from schemas.values import Kind, ValueType

# What the first registry said of its rows, and its frozen copy did not hold.
_EMPTY_BEFORE: Final = frozenset({"due_diligence_report_url"})


def known_versions() -> tuple[str, ...]:
    """All versions whose rows can be read, oldest first."""
    return versions()


@cache
def rows_of(version: str) -> Mapping[str, Attribute[Any]]:
    """All rows of that version by id, in reading order.

    Raises:
        KeyError: no such version was ever released; the sentence names those that were.
    """
    if version == REGISTRY_VERSION:
        return REGISTRY
    frozen = registry_of(version)
    return MappingProxyType(
        {name: _row(name, row, frozen) for name, row in frozen["attributes"].items()},
    )


def rows_by_record(version: str, kind: RecordKind) -> tuple[Attribute[Any], ...]:
    """The rows of that version that live in one kind of record, in reading order.

    Raises:
        KeyError: no such version was ever released.
    """
    return tuple(row for row in rows_of(version).values() if row.record is kind)


def _row(name: str, row: Mapping[str, Any], frozen: Mapping[str, Any]) -> Attribute[Any]:
    return Attribute(
        id=name,
        title=row["title"],
        group=Chapter(row["group"]),
        value=_value(row),
        level=Level(row["level"]),
        updates=row["updates"],
        disclosure=Disclosure(row["disclosure"]),
        duty=Duty(**{category.value: _demand(row["duty"][category.value], frozen) for category in Category}),
        applies=Applies(
            since=date.fromisoformat(row["since"]) if row["since"] else None,
            awaits=_act(row["awaits"], frozen) if row["awaits"] else None,
            stays_empty_before=row.get("stays_empty_before", name in _EMPTY_BEFORE),
        ),
        law=tuple(_citation(text) for text in row["law"]),
        record=RecordKind(row["record"]),
        note=row["note"],
    )


def _value(row: Mapping[str, Any]) -> ValueType[Any]:
    least, _, most = row["cardinality"].partition("..")
    bounds: dict[str, Any] = {name: Decimal(bound) for name, bound in row["bounds"].items()}
    return ValueType(
        Kind(row["kind"]),
        Unit(row["unit"]) if row["unit"] else None,
        members=tuple(row["members"]),
        structure=row["structure"],
        many=row["many"],
        at_least_items=int(least) if row["many"] else 0,
        at_most_items=int(most) if row["many"] and most.isdigit() else None,
        **bounds,
    )


def _demand(duty: Mapping[str, Any], frozen: Mapping[str, Any]) -> Demand:
    name = duty["condition"]
    return Demand(Obligation(duty["obligation"]), _condition(name, frozen) if name else None)


def _condition(name: str, frozen: Mapping[str, Any]) -> Condition:
    """As it was frozen; the first registries froze its name alone."""
    told = frozen.get("conditions", {}).get(name)
    if told is None:
        return CONDITIONS[name]
    law = tuple(_citation(text) for text in told["law"])
    return Condition(name, told["title"], told["otherwise"], law, told["doubt"])


def _act(name: str, frozen: Mapping[str, Any]) -> PendingAct:
    """As it was frozen; the first registries froze its name alone."""
    told = frozen.get("acts", {}).get(name)
    if told is None:
        return PENDING_ACTS[name]
    return PendingAct(
        name,
        told["title"],
        tuple(_citation(text) for text in told["law"]),
        earliest={Category(one): date.fromisoformat(day) for one, day in told["earliest"].items()},
        months_after={Category(one): months for one, months in told["months_after"].items()},
        remark=told["remark"],
        instead={one: date.fromisoformat(day) for one, day in told["instead"].items()},
    )


def _citation(text: str) -> Citation:
    """The inverse of `Citation.full`."""
    for act in Act:
        if text.startswith(f"{act.value}, "):
            return Citation(text.removeprefix(f"{act.value}, "), act)
    raise ValueError(f"no act is quoted as {text!r}")
