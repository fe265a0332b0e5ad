"""Record and Stated: what gets signed, in the words of the registry; typed access by attribute.

A stated value is either a value with its unit, time and source, or the reason why there is none. A record
holds one for every row of its kind, so that silence is never mistaken for an answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from schemas.attribute import Attribute
from schemas.registry import REGISTRY, REGISTRY_VERSION, by_record
from schemas.terms import Absent, RecordKind, Source, Unit
from schemas.values import from_utc_text, utc_text

T = TypeVar("T")

_MEMBERS = frozenset({"value", "unit", "as_of", "source", "method"})


@dataclass(frozen=True)
class Stated(Generic[T]):
    """A value that somebody or something states, or the reason why none is stated.

    Attributes:
        value: None exactly when `absent` says why.
        unit: unit of the value; None where the attribute has none, and for an absence.
        as_of: the moment the value is true of, UTC; None when not known.
        source: where the value comes from; None for an absence.
        absent: why there is no value; None when there is one.
        method: id of the method that computed it; None where none was used.
    """

    value: T | None
    unit: Unit | None = None
    as_of: datetime | None = None
    source: Source | None = None
    absent: Absent | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        """Refuse half-stated values: a caller's mistake."""
        if (self.value is None) != (self.absent is not None):
            raise ValueError("a stated value has either a value or the reason of its absence")
        if self.absent is not None and (self.unit or self.as_of or self.source or self.method):
            raise ValueError("an absence has no unit, time, source or method")
        if self.absent is None and self.source is None:
            raise ValueError("a value says where it comes from")
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise ValueError("a stated time needs its zone")

    @classmethod
    def of(
        cls,
        attribute: Attribute[T],
        value: T,
        *,
        source: Source,
        as_of: datetime | None = None,
        method: str | None = None,
    ) -> "Stated[T]":
        """A value of that attribute, in the attribute's unit.

        Raises:
            TypeError: the value has another type than the attribute's, or is a binary float.
            ValueError: a number that is not finite, a word that is not a member, a time without zone.
        """
        attribute.value.check(value)
        moment = None if as_of is None or as_of.tzinfo is None else as_of.astimezone(UTC)
        return cls(value, attribute.value.unit, as_of if moment is None else moment, source, None, method)

    @classmethod
    def missing(cls, absent: Absent) -> "Stated[T]":
        """No value, and why; the same object for the same reason."""
        return _MISSING[absent.value]

    def to_wire(self, attribute: Attribute[T]) -> dict[str, Any]:
        """As signed: `{"value": "102", "unit": "Ah", "as_of": "...Z", "source": "declared"}`.

        An absence is `{"absent": "not_provided"}`; members that say nothing are left out.
        """
        if self.absent is not None:
            return {"absent": self.absent.value}
        wire: dict[str, Any] = {"value": attribute.value.to_wire(cast("T", self.value))}
        if self.unit is not None:
            wire["unit"] = self.unit.value
        if self.as_of is not None:
            wire["as_of"] = utc_text(self.as_of)
        if self.source is not None:
            wire["source"] = self.source.value
        if self.method is not None:
            wire["method"] = self.method
        return wire


# By word, since a word is found sooner than a member.
_MISSING: Mapping[str, Stated[Any]] = {absent.value: Stated(None, absent=absent) for absent in Absent}


@cache
def names_of(kind: RecordKind) -> frozenset[str]:
    """Ids of the rows that a record of that kind holds."""
    return frozenset(row.id for row in by_record(kind))


def stated_from_wire(attribute: Attribute[T], wire: object) -> Stated[T]:
    """The inverse of `Stated.to_wire`, for any JSON value: a stranger's record is read with it too.

    Raises:
        ValueError: a member is missing, unknown, or holds something else than the attribute allows.
    """
    try:
        return _from_wire(attribute, wire)
    except ValueError as wrong:
        raise ValueError(f"{attribute.id}: {wrong}") from None


def _from_wire(attribute: Attribute[T], wire: object) -> Stated[T]:
    if not isinstance(wire, Mapping):
        raise ValueError(f"expected an object, got {type(wire).__name__}")  # noqa: TRY004 - input, not a call
    if "absent" in wire:
        if len(wire) > 1:
            raise ValueError(f"an absence stands alone, got {_names(wire)}")
        return Stated.missing(Absent(_text_of(wire, "absent")))
    if unknown := set(wire) - _MEMBERS:
        raise ValueError(f"unknown members {_names(unknown)}")
    if "value" not in wire or "source" not in wire:
        raise ValueError(f"expected value and source, or absent; got {_names(wire) or 'nothing'}")
    unit = Unit(_text_of(wire, "unit")) if "unit" in wire else None
    if unit is not attribute.value.unit:
        expected = attribute.value.unit.value if attribute.value.unit else "no unit"
        raise ValueError(f"expected {expected}, got {wire.get('unit', 'no unit')}")
    return Stated(
        attribute.value.from_wire(wire["value"]),
        unit,
        from_utc_text(_text_of(wire, "as_of")) if "as_of" in wire else None,
        Source(_text_of(wire, "source")),
        method=_text_of(wire, "method") if "method" in wire else None,
    )


def _names(members: Iterable[object]) -> str:
    return ", ".join(sorted(str(name) for name in members))


def _text_of(wire: Mapping[str, Any], name: str) -> str:
    text = wire[name]
    if not isinstance(text, str):
        raise ValueError(f"expected text in {name}, got {type(text).__name__}")  # noqa: TRY004 - input
    return text


@dataclass(frozen=True)
class Record:
    """What one version says: a stated value for every row of its kind.

    Attributes:
        kind: passport, condition or assessment.
        registry_version: the registry whose words it uses.
        values: attribute id to stated value, in reading order.
    """

    kind: RecordKind
    registry_version: str
    values: Mapping[str, Stated[Any]]

    def __post_init__(self) -> None:
        """Refuse a record of the current registry that leaves a row out, or holds a stranger."""
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        if self.registry_version != REGISTRY_VERSION:
            return
        rows = names_of(self.kind)
        if self.values.keys() == rows:
            return
        if missing := sorted(rows - set(self.values)):
            raise ValueError(f"{self.kind.value} record: nothing said of {', '.join(missing)}")
        if strange := sorted(set(self.values) - rows):
            raise ValueError(f"{self.kind.value} record: does not hold {', '.join(strange)}")

    @classmethod
    def filled(
        cls,
        kind: RecordKind,
        stated: Mapping[str, Stated[Any]],
        absent: Callable[[Attribute[Any]], Absent] = lambda _: Absent.NOT_PROVIDED,
    ) -> "Record":
        """A record of the current registry; rows without a stated value get the absence that `absent` names.

        Raises:
            ValueError: `stated` names an attribute that is unknown or lives in another kind of record.
        """
        blank: dict[str, Stated[Any]] = {row.id: Stated.missing(absent(row)) for row in by_record(kind)}
        return cls(kind, REGISTRY_VERSION, blank).stating(stated)

    def stating(self, stated: Mapping[str, Stated[Any]]) -> "Record":
        """The same record with other words for these rows.

        Raises:
            ValueError: `stated` names an attribute that is unknown or lives in another kind of record.
        """
        if strange := sorted(stated.keys() - self.values.keys()):
            raise ValueError(f"{self.kind.value} record: does not hold {', '.join(strange)}")
        return Record(self.kind, self.registry_version, {**self.values, **stated})

    def get(self, attribute: Attribute[T]) -> Stated[T] | None:
        """What is stated of the attribute; None when the record is not of its kind or its registry."""
        return cast("Stated[T] | None", self.values.get(attribute.id))

    def to_wire(self) -> dict[str, dict[str, Any]]:
        """Attribute id to wire form, in reading order."""
        return {name: stated.to_wire(REGISTRY[name]) for name, stated in self.values.items()}
