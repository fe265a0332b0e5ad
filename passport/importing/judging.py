"""What a cell means for an attribute: turned into the raw value that `schemas.validation` judges."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from passport.errors import PassportError
from passport.importing.tables import Fault, Value
from schemas.registry import REGISTRY
from schemas.structures import STRUCTURES
from schemas.terms import Absent
from schemas.validation import FactsInvalid, load_fact
from schemas.values import Kind, ValueType, YearMonth

Documents = Callable[[str], str]

NOT_APPLICABLE_WORDS: Final = frozenset({"n/a", "not applicable"})
NONE_WORD: Final = "none"  # in a list: there are none
WITHDRAW: Final = "withdraw"  # what was declared no longer is

_YES_NO: Final[Mapping[str, bool]] = {"yes": True, "true": True, "no": False, "false": False}
_NUMBERS: Final = frozenset({Kind.NUMBER, Kind.INTEGER, Kind.DURATION_MONTHS})
_TEXTS: Final = frozenset({Kind.TEXT, Kind.URI, Kind.DOCUMENT})
_LONGEST_NUMBER_AS_TEXT: Final = 15
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
# A comma that is a decimal mark, or parts thousands: who wrote it knows, nobody else.
_COMMA: Final = re.compile(r"[-+]?[0-9]+(?:[.,'\u00a0\u202f ][0-9]{3})*,[0-9]+.*")
_CALL: Final = re.compile(r"[A-Za-z]\(|[|!]")


class Judge:
    """Judges cells, each different one once."""

    def __init__(self, documents: Documents | None = None) -> None:
        """Nothing is known yet.

        Args:
            documents: gives the address of a document that is kept here; None where only addresses count.
        """
        self._documents = documents
        self._known: dict[tuple[str, str, type, str], Any] = {}

    def cell(self, attribute: str, value: Value, unit: str = "") -> Any:
        """The Python value that the cell states; `Absent.NOT_APPLICABLE`, None to withdraw, or a Fault.

        Args:
            attribute: id of a row whose value is no structure.
            value: what stands there.
            unit: of numbers without one, as the heading says; the row's own where it is empty.
        """
        key = (attribute, unit, type(value), value if type(value) is str else str(value))
        try:
            return self._known[key]
        except KeyError:
            made = self._known[key] = self._judged(attribute, value, unit)
            return made

    def _judged(self, attribute: str, value: Value, unit: str) -> Any:
        if isinstance(value, Fault):
            return value
        kind = REGISTRY[attribute].value
        if isinstance(value, str):
            word = value.strip().lower()
            if word in NOT_APPLICABLE_WORDS:
                return Absent.NOT_APPLICABLE
            if word == WITHDRAW:
                return None
            if kind.many and word == NONE_WORD:
                return loaded(attribute, [])
        raw: Any
        if kind.many:
            raw = [self.spoken(kind, entry, unit) for entry in _entries(value)]
            fault = next((entry for entry in raw if isinstance(entry, Fault)), None)
        else:
            raw = self.spoken(kind, value, unit)
            fault = raw if isinstance(raw, Fault) else None
        return fault if fault is not None else loaded(attribute, raw)

    def spoken(self, kind: ValueType[Any], value: Any, unit: str = "") -> Any:
        """The same for a value type, as raw value, with documents found by their names."""
        return spoken(kind, value, unit, self._documents)


def loaded(attribute: str, raw: Any) -> Any:
    """The validated value, or a Fault."""
    try:
        return load_fact(attribute, raw)
    except FactsInvalid as refused:
        said = tuple(refused.errors[attribute])
        return Fault("value", " and ".join(said), said)


def _entries(value: Value) -> list[Value]:
    """Entries of a list in one cell: its lines, or what semicolons part."""
    if not isinstance(value, str):
        return [value]
    parts = value.splitlines() if "\n" in value else value.split(";")
    return [part.strip() for part in parts if part.strip()]


def spoken(kind: ValueType[Any], value: Any, unit: str = "", documents: Documents | None = None) -> Any:
    """The raw value that a cell means; a Fault where it certainly means something else.

    Words are matched in any case, a chemistry may leave its family out, as on the command line.
    """
    if isinstance(value, Fault):
        return value
    if isinstance(value, str):
        value = value.strip()
        if (fault := _formula_like(value)) is not None:
            return fault
    if kind.kind in _NUMBERS:
        return _number(value, unit)
    if kind.kind is Kind.FLAG:
        return _YES_NO.get(value.lower(), value) if isinstance(value, str) else value
    if kind.kind is Kind.ENUMERATION:
        return _word(kind, value)
    if kind.kind in _TEXTS:
        said = _text(value)
        return _document(said, documents) if kind.kind is Kind.DOCUMENT and isinstance(said, str) else said
    if kind.kind is Kind.STRUCTURE:
        return _structure(kind, value, documents)
    return _day_or_time(kind.kind, value)


def _document(text: str, documents: Documents | None) -> Any:
    """The address of a document, which may be named as it was added here."""
    try:
        return documents(text) if documents is not None else text
    except PassportError as error:
        return Fault("document", str(error))


def _structure(kind: ValueType[Any], value: Any, documents: Documents | None) -> Any:
    """The same for every member of an object; what is no object, and what is unknown, is judged later."""
    shape = STRUCTURES[kind.structure or ""]
    if not isinstance(value, Mapping) or shape.open:
        return value
    made = {}
    for name, inner in value.items():
        member = shape.by_name.get(name)
        known = member.value if member is not None else None
        made[name] = spoken(known, inner, documents=documents) if known is not None else inner
        if isinstance(made[name], Fault):
            return Fault(made[name].rule, f"{name}: {made[name].sentence}")
    return made


def _formula_like(text: str) -> Fault | None:
    if text[:1] in ("=", "@") or (text[:1] in ("+", "-") and _CALL.search(text)):
        return Fault(
            "injection",
            f"expected a value, got {text[:60]!r}, which a spreadsheet program would run as a formula",
        )
    return None


def _number(value: Any, unit: str) -> Any:
    if isinstance(value, (datetime, date, YearMonth)):
        return Fault(
            "value",
            f"expected a number, got the day {value}: the program took what was typed for a day;"
            " format the cell as a number and type it again",
        )
    if isinstance(value, str):
        if _COMMA.fullmatch(value):
            return Fault(
                "decimal_comma",
                f"expected a point as decimal mark and no grouping, got {value!r}; a comma is not guessed",
            )
        if unit and re.fullmatch(r"[-+0-9.eE]+", value):
            return {"value": value, "unit": unit}
        return value
    if unit and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return {"value": value, "unit": unit}
    return value


def _word(kind: ValueType[Any], value: Any) -> Any:
    if isinstance(value, Decimal):
        value = format(value, "f")
    if not isinstance(value, str):
        return value
    text = value.lower()
    fits = [word for word in kind.members if word.lower() == text]
    fits = fits or [word for word in kind.members if word.lower().split()[-1] == text]
    return fits[0] if len(fits) == 1 else value


def _text(value: Any) -> Any:
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        number = Decimal(value)
        said = format(number, "f")
        if number == number.to_integral_value() and len(said.lstrip("-")) <= _LONGEST_NUMBER_AS_TEXT:
            return said
        return Fault(
            "value",
            f"expected text, got the number {said[:40]}: format the cell as text and type it again",
        )
    if isinstance(value, (datetime, date, YearMonth)):
        return Fault(
            "value",
            f"expected text, got the day {value}: the program took what was typed for a day;"
            " format the cell as text and type it again",
        )
    return value


def _day_or_time(kind: Kind, value: Any) -> Any:
    if isinstance(value, Decimal):
        return Fault("date", f"expected a day or time, got the number {value}: write it as 2027-02-18")
    if isinstance(value, datetime):
        if kind is Kind.DATETIME:
            return Fault(
                "date",
                f"expected a time with its zone as text, 2027-02-18T12:00:00Z; got {value} without a zone",
            )
        return value.date() if value.time() == time() else str(value)
    if isinstance(value, date) and kind is not Kind.DATE:
        return value.isoformat()
    if isinstance(value, YearMonth) and kind is not Kind.YEAR_MONTH:
        return str(value)
    if isinstance(value, str) and (match := _DAY_FIRST.fullmatch(value)):
        return _day_first(value, int(match[1]), int(match[2]), int(match[3]))
    return value


def _day_first(text: str, first: int, second: int, year: int) -> Fault:
    """The sentence for a day in the order of some country; it is never guessed which one."""
    readings = [(second, first), (first, second)]
    if not any(_exists(year, month, day) for month, day in readings):
        return Fault("date", f"there is no such day: {text}; days are written as 2027-02-18")
    return Fault("date", f"expected a day as YYYY-MM-DD, got {text!r}, which two countries read as two days")


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
