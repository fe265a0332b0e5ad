"""What the value of an attribute may be: kind, unit, range, members; and its one spelling on the wire.

A row calls one of the small constructors (`number`, `text`, `member_of`, ...), so that unit, kind and range
read as one phrase. On the wire numbers are decimal strings, counts are JSON integers, times end in Z.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum, unique
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast

from schemas.terms import Unit

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

# Beyond these a number is a slip of the pen or an attack, never a property of a battery.
MAX_DIGITS: Final = 40
MAX_EXPONENT: Final = 30
MAX_INTEGER: Final = 2**53 - 1
MAX_TEXT: Final = 4000
MAX_URI: Final = 2000


@unique
class Kind(StrEnum):
    """Which Python type a value has."""

    NUMBER = "number"  # Decimal
    INTEGER = "integer"  # int
    TEXT = "text"  # str
    URI = "uri"  # str, absolute
    DOCUMENT = "document"  # str, absolute URI of a document; hash and language will stand beside it
    DATE = "date"  # date
    YEAR_MONTH = "year_month"  # YearMonth
    DATETIME = "datetime"  # aware datetime
    DURATION_MONTHS = "duration_months"  # int, months
    FLAG = "flag"  # bool
    ENUMERATION = "enumeration"  # a StrEnum member, or str where no list of words exists in `terms`
    STRUCTURE = "structure"  # Mapping as `structures` names it


@dataclass(frozen=True, order=True)
class YearMonth:
    """A month of a year; no day is ever invented for it."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse a month that never was: a caller's mistake."""
        if not (1900 <= self.year <= 9999 and 1 <= self.month <= 12):
            raise ValueError(f"no such month: {self.year}-{self.month}")

    def __str__(self) -> str:
        """`2026-11`."""
        return f"{self.year:04d}-{self.month:02d}"

    @classmethod
    def parse(cls, text: str) -> "YearMonth":
        """The inverse of `str()`.

        Raises:
            ValueError: not `YYYY-MM`, or no such month.
        """
        match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text)
        if match is None:
            raise ValueError(f"expected year and month as YYYY-MM, got {text!r}")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class ValueType(Generic[T]):
    """What a value may be.

    Attributes:
        kind: its Python type; for a list, the type of the entries.
        unit: unit of the number, or of the numbers inside a structure; None where there is none.
        at_least: inclusive lower bound; None when open.
        above: exclusive lower bound; None when open.
        at_most: inclusive upper bound; None when open.
        usually_at_least: a lower value is possible in a small measure and deserves a look.
        usually_at_most: likewise above.
        members: the allowed words of an enumeration, in order.
        words: the StrEnum behind the members; None where the words live in the row alone.
        structure: key of `schemas.structures.STRUCTURES`; None for flat values.
        many: True for a list of such values.
        at_least_items: fewest entries of a list.
        at_most_items: most entries of a list; None when open.
    """

    kind: Kind
    unit: Unit | None = None
    at_least: Decimal | None = None
    above: Decimal | None = None
    at_most: Decimal | None = None
    usually_at_least: Decimal | None = None
    usually_at_most: Decimal | None = None
    members: tuple[str, ...] = ()
    words: type[StrEnum] | None = None
    structure: str | None = None
    many: bool = False
    at_least_items: int = 0
    at_most_items: int | None = None

    def check(self, value: object) -> None:
        """Refuse a value of another Python type; a caller's mistake.

        Ranges and words are judged where people enter values, in `schemas.validation`.

        Raises:
            TypeError: another type, or a binary float at any depth.
            ValueError: a number that is not finite, a time without zone, a word that is not a member.
        """
        if not self.many:
            self._check_one(value)
            return
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"expected a list of {self.kind.value}, got {type(value).__name__}")
        for entry in value:
            self._check_one(entry)

    def _check_one(self, value: object) -> None:
        expected = _PYTHON_TYPES[self.kind]
        if not isinstance(value, expected) or (isinstance(value, bool) and self.kind is not Kind.FLAG):
            raise TypeError(f"expected {expected.__name__} for {self.kind.value}, got {type(value).__name__}")
        if isinstance(value, datetime) and self.kind is Kind.DATE:
            raise TypeError("expected a date without a time, got a datetime")
        if isinstance(value, Decimal) and not value.is_finite():
            raise ValueError(f"expected a finite number, got {value}")
        if self.kind is Kind.DATETIME:
            utc_text(cast("datetime", value))
        if self.kind is Kind.ENUMERATION and str(value) not in self.members:
            raise ValueError(f"expected one of {', '.join(self.members)}; got {value!r}")
        if self.kind is Kind.STRUCTURE:
            plain(value)

    def to_wire(self, value: T) -> Any:
        """The value as JSON knows it: decimal string, integer, text, boolean, list or object."""
        self.check(value)
        if self.many:
            return [self._one_to_wire(entry) for entry in cast("Sequence[Any]", value)]
        return self._one_to_wire(value)

    def _one_to_wire(self, value: Any) -> Any:
        return str(value) if self.kind in (Kind.ENUMERATION, Kind.YEAR_MONTH) else plain(value)

    def from_wire(self, wire: Any) -> T:
        """The inverse of `to_wire`; what stands inside a structure stays as JSON holds it.

        Raises:
            ValueError: the wire holds something else.
        """
        if not self.many:
            return cast("T", self._one_from_wire(wire))
        if not isinstance(wire, list):
            raise ValueError(f"expected a list, got {type(wire).__name__}")  # noqa: TRY004 - input, not a call
        return cast("T", tuple(self._one_from_wire(entry) for entry in wire))

    def _one_from_wire(self, wire: Any) -> Any:
        if self.kind in (Kind.INTEGER, Kind.DURATION_MONTHS, Kind.FLAG, Kind.STRUCTURE):
            value = wire
        elif not isinstance(wire, str):
            raise ValueError(f"expected text for {self.kind.value}, got {type(wire).__name__}")
        elif self.kind is Kind.NUMBER:
            value = _decimal(wire)
        elif self.kind is Kind.DATE:
            value = _day(wire)
        elif self.kind is Kind.YEAR_MONTH:
            value = YearMonth.parse(wire)
        elif self.kind is Kind.DATETIME:
            value = from_utc_text(wire)
        elif self.kind is Kind.ENUMERATION and self.words is not None:
            value = self.words(wire)
        else:
            value = wire
        try:
            self._check_one(value)
        except TypeError as wrong:
            raise ValueError(str(wrong)) from None
        return value


_PYTHON_TYPES: Final[Mapping[Kind, type]] = {
    Kind.NUMBER: Decimal,
    Kind.INTEGER: int,
    Kind.TEXT: str,
    Kind.URI: str,
    Kind.DOCUMENT: str,
    Kind.DATE: date,
    Kind.YEAR_MONTH: YearMonth,
    Kind.DATETIME: datetime,
    Kind.DURATION_MONTHS: int,
    Kind.FLAG: bool,
    Kind.ENUMERATION: str,
    Kind.STRUCTURE: Mapping,
}


def _decimal(text: str) -> Decimal:
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError(f"expected a plain decimal number, got {text!r}")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"expected a decimal number, got {text!r}") from None


def _day(text: str) -> date:
    value = date.fromisoformat(text)
    if value.isoformat() != text:  # Python reads more spellings than one
        raise ValueError(f"expected a day as YYYY-MM-DD, got {text!r}")
    return value


def plain(value: object) -> Any:
    """The value as strict JSON can hold it, at any depth: decimals and times become text.

    Raises:
        TypeError: a binary float, or a type that has no spelling.
        ValueError: a number that is not finite, or a time without zone.
    """
    match value:
        case None | bool():
            return value
        case StrEnum():
            return value.value
        case int() | str():
            return value
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"expected a finite number, got {value}")
            return format(value, "f")
        case datetime():
            return utc_text(value)
        case date():
            return value.isoformat()
        case YearMonth():
            return str(value)
        case Mapping():
            return {_name(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case float():
            raise TypeError(f"expected a decimal, got the binary float {value!r}; pass a Decimal or its text")
        case _:
            raise TypeError(f"no spelling on the wire for {type(value).__name__}")


def _name(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"expected text as a name, got {key!r}")
    return str(key)


def utc_text(at: datetime) -> str:
    """`2026-11-20T12:00:00Z`; a fraction of a second appears where there is one.

    Raises:
        ValueError: the time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected a time with its zone, got {at.isoformat()}")
    # Only times in UTC are remembered: elsewhere two moments of an hour that comes twice are equal.
    return _spelt(at if at.tzinfo is UTC else at.astimezone(UTC))


@lru_cache(maxsize=1024)
def _spelt(moment: datetime) -> str:
    if moment.microsecond == 0:
        precision = "seconds"
    else:
        precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def from_utc_text(text: str) -> datetime:
    """The inverse of `utc_text`; any zone is accepted and turned into UTC.

    Raises:
        ValueError: not an ISO 8601 time, or one without zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"expected a time with its zone, as 2026-11-20T12:00:00Z; got {text!r}")
    return at.astimezone(UTC)


def _bound(value: int | str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def number(
    unit: Unit,
    *,
    at_least: int | str | None = None,
    above: int | str | None = None,
    at_most: int | str | None = None,
    usually_at_least: int | str | None = None,
    usually_at_most: int | str | None = None,
) -> ValueType[Decimal]:
    """A decimal number with its unit; bounds are inclusive except `above`, and in that unit."""
    return ValueType(
        Kind.NUMBER,
        unit,
        at_least=_bound(at_least),
        above=_bound(above),
        at_most=_bound(at_most),
        usually_at_least=_bound(usually_at_least),
        usually_at_most=_bound(usually_at_most),
    )


def integer(
    unit: Unit | None = None, *, at_least: int | None = None, at_most: int | None = None
) -> ValueType[int]:
    """A whole number, with a unit where it counts something that has one."""
    return ValueType(Kind.INTEGER, unit, at_least=_bound(at_least), at_most=_bound(at_most))


def text() -> ValueType[str]:
    """Words for people."""
    return ValueType(Kind.TEXT)


def uri() -> ValueType[str]:
    """An absolute URI that identifies or leads to something."""
    return ValueType(Kind.URI)


def document() -> ValueType[str]:
    """An absolute URI under which one document is read."""
    return ValueType(Kind.DOCUMENT)


def day() -> ValueType[date]:
    """A calendar day."""
    return ValueType(Kind.DATE)


def year_month() -> ValueType[YearMonth]:
    """A month of a year."""
    return ValueType(Kind.YEAR_MONTH)


def moment() -> ValueType[datetime]:
    """A time, aware and in UTC."""
    return ValueType(Kind.DATETIME)


def duration_months() -> ValueType[int]:
    """A length of time in whole months; `P96M` and `P8Y` are read too."""
    return ValueType(Kind.DURATION_MONTHS, Unit.MONTH, at_least=Decimal(1), at_most=Decimal(1200))


def flag() -> ValueType[bool]:
    """Yes or no; unknown is an absence, not a flag."""
    return ValueType(Kind.FLAG)


def member_of(words: type[E]) -> ValueType[E]:
    """One word of a closed list in `schemas.terms`."""
    return ValueType(Kind.ENUMERATION, members=tuple(word.value for word in words), words=words)


def one_of(*members: str) -> ValueType[str]:
    """One word of a closed list that belongs to this row alone."""
    return ValueType(Kind.ENUMERATION, members=members)


def structure(name: str, unit: Unit | None = None) -> ValueType[Mapping[str, Any]]:
    """A nested value that `schemas.structures` describes; the unit is that of the numbers inside."""
    return ValueType(Kind.STRUCTURE, unit, structure=name)


def list_of(
    entry: ValueType[T], *, at_least_items: int = 0, at_most_items: int | None = None
) -> ValueType[tuple[T, ...]]:
    """Several such values; an empty list says that there are none, which is not the same as silence."""
    many = replace(entry, many=True, at_least_items=at_least_items, at_most_items=at_most_items)
    return cast("ValueType[tuple[T, ...]]", many)
