"""Stated values as people read them: number and unit, date, source, or in words why there is none.

Works on the wire form of `schemas.record.Stated`, as views deliver it. Nothing is rounded and nothing is
converted: what was signed is what is shown. Digits stand in threes from five on (ISO 80000-1), so that no
language's comma is mistaken for another's point; units are symbols with a no-break space.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from passport.documents import phrases
from schemas.attribute import Attribute
from schemas.terms import Absent, Category, Source, Unit
from schemas.values import Kind, ValueType, YearMonth

NO_BREAK: Final = "\u00a0"
THIN_NO_BREAK: Final = "\u202f"
MINUS: Final = "\u2212"

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_NUMBER: Final = re.compile(r"(-?)([0-9]+)((?:\.[0-9]+)?)\Z")

# What is printed for a unit where its symbol alone would puzzle a reader.
_UNIT_WORDS: Final[Mapping[Unit, str]] = {
    Unit.ONE: "",
    Unit.PERCENT_BY_MASS: f"%{NO_BREAK}by mass",
    Unit.PERCENT_PER_MONTH: f"%{NO_BREAK}per month",
    Unit.MONTH: "months",
    Unit.YEAR: "years",
    Unit.KILOGRAM_CO2E: f"kg{NO_BREAK}CO\u2082e",
    Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR: f"kg{NO_BREAK}CO\u2082e/kWh",
}
_ONE_OF: Final[Mapping[Unit, str]] = {Unit.MONTH: "month", Unit.YEAR: "year", Unit.CYCLE: "cycle"}

SOURCES: Final[Mapping[Source, str]] = {
    Source.DECLARED: "declared",
    Source.MEASURED: "measured",
    Source.COMPUTED: "computed",
    Source.BMS_REPORTED: "reported by the BMS",
    Source.INSPECTED: "inspected",
}
ABSENCES: Final[Mapping[Absent, str]] = {
    Absent.NOT_YET_REQUIRED: "Not yet required",
    Absent.NOT_PROVIDED: "Not provided",
    Absent.RESTRICTED: "Restricted",
    Absent.NOT_APPLICABLE: "Not applicable",
}
CATEGORIES: Final[Mapping[Category, str]] = {
    Category.EV: "Electric vehicle battery",
    Category.LMT: "Battery for light means of transport",
    Category.INDUSTRIAL: "Industrial battery",
    Category.STATIONARY: "Industrial battery for stationary storage",
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "battery_category": {category.value: words for category, words in CATEGORIES.items()},
    "dpp_granularity": {"item": "individual battery", "batch": "batch", "model": "model"},
}
# Sums over recorded time look like facts about a whole life; their method tells, and so do we.
_OBSERVED: Final = ".observed."
_NOT_ALL: Final = " over recorded time, not the whole life"
# Members of nested values to which the unit of their row belongs; other numbers are names (a postal code).
_MEASURED: Final = frozenset(
    {"lower", "upper", "charge", "discharge", "share", "mass", "concentration", "power", "value"}
)


@dataclass(frozen=True)
class Shown:
    """One stated value, ready to print; what has no content is an empty text or an empty tuple.

    Attributes:
        lines: the value, one line per entry of a list or member of a structure; empty when absent.
        links: for each line the address it leads to, or an empty text.
        as_of: day of the value in words.
        as_of_machine: the same moment in ISO 8601.
        source: where it comes from, in words.
        method: id of the method that computed it.
        absent: kind of the absence; None when there is a value.
        why: the absence in words; empty when there is a value.
    """

    lines: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    as_of: str = ""
    as_of_machine: str = ""
    source: str = ""
    method: str = ""
    absent: Absent | None = None
    why: str = ""

    @property
    def given(self) -> bool:
        """Whether there is a value."""
        return self.absent is None

    @property
    def text(self) -> str:
        """The value on one line, or the absence in words."""
        return "; ".join(self.lines) if self.given else self.why


@dataclass(frozen=True)
class Document:
    """A document of this service that a value names, as its reader may know it.

    Attributes:
        address: as the value states it, with the digest of the bytes.
        kind: what it is, in words.
        language: one or several, BCP 47.
        about: form and length, in words.
        withdrawn: when and why it was withdrawn; empty while it is served.
    """

    address: str
    sha256: str
    title: str
    kind: str
    language: str
    version: str
    about: str
    withdrawn: str = ""

    @property
    def words(self) -> str:
        """What stands in the place of its address."""
        said = f"{self.title} ({self.language}, version {self.version})"
        return f"{said}, {self.withdrawn}" if self.withdrawn else said


def named(said: Shown, documents: Mapping[str, Document]) -> Shown:
    """The same value with titles in the place of addresses, which its lines then lead to.

    Args:
        said: as `shown` gives it.
        documents: by the address that values state.
    """
    lines, links = list(said.lines), list(said.links)
    for number, line in enumerate(lines):
        for address, document in documents.items():
            if address in line:
                lines[number] = line = line.replace(address, document.words)  # noqa: PLW2901
                links[number] = links[number] or address
    return replace(said, lines=tuple(lines), links=tuple(links))


def shown(attribute: Attribute[Any], wire: Mapping[str, Any] | None, *, why: str = "") -> Shown:
    """The wire form of a stated value, ready to print.

    Args:
        attribute: row of the registry.
        wire: `{"value": ...}` or `{"absent": ...}`; None where a record says nothing at all of the attribute.
        why: reason that follows the words of an absence.
    """
    if wire is None or "value" not in wire:
        absent = _absent(wire)
        words = ABSENCES[absent]
        return Shown(absent=absent, why=f"{words}: {why}" if why else words)
    value = wire["value"]
    unit = _unit(wire.get("unit"))
    entries = value if isinstance(value, list) else [value]
    lines = tuple(_line(attribute, entry, unit) for entry in entries) or ("None",)
    links = tuple(_link(attribute, entry) for entry in entries) or ("",)
    if isinstance(value, Mapping) and len(lines) == 1:
        shape = phrases.shape_of(attribute.value)
        if shape is None:
            lines = tuple(_members(value, unit)) or lines
        elif phrases.stacked(shape):
            lines = tuple(phrases.phrases(shape, value, flat)) or lines
        links = ("",) * len(lines)
    at = wire.get("as_of")
    return Shown(
        lines=lines,
        links=links,
        as_of=day_text(at) if isinstance(at, str) else "",
        as_of_machine=at if isinstance(at, str) else "",
        source=_source(wire.get("source")) + (_NOT_ALL if _OBSERVED in str(wire.get("method")) else ""),
        method=str(wire.get("method") or ""),
    )


def _absent(wire: Mapping[str, Any] | None) -> Absent:
    try:
        return Absent(wire["absent"]) if wire is not None else Absent.NOT_PROVIDED
    except (KeyError, ValueError):
        return Absent.NOT_PROVIDED


def _unit(text: Any) -> Unit | None:
    try:
        return Unit(text) if text else None
    except ValueError:
        return None


def _source(text: Any) -> str:
    try:
        return SOURCES[Source(text)]
    except ValueError:
        return str(text or "")


def _line(attribute: Attribute[Any], entry: Any, unit: Unit | None) -> str:
    if isinstance(entry, Mapping):
        shape = phrases.shape_of(attribute.value)
        return ", ".join(_members(entry, unit) if shape is None else phrases.phrases(shape, entry, flat))
    text = str(entry)
    if attribute.value.kind is Kind.ENUMERATION and text in _WORDS.get(attribute.id, {}):
        return _WORDS[attribute.id][text]
    if attribute.id.endswith("_year"):  # a year is a name, not a quantity: it is not grouped
        return text
    return _flat(attribute.value.kind, entry, unit)


def flat(value: ValueType[Any], entry: Any) -> str:
    """A flat value as it is printed, in the unit of its type."""
    return _flat(value.kind, entry, value.unit)


def _flat(kind: Kind, entry: Any, unit: Unit | None) -> str:
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    text = str(entry)
    if kind in (Kind.DATE, Kind.DATETIME, Kind.YEAR_MONTH):
        return day_text(text)
    if kind is Kind.ENUMERATION:
        return text.replace("_", " ")
    if kind in (Kind.NUMBER, Kind.INTEGER, Kind.DURATION_MONTHS):
        return quantity(text, unit)
    return text


def _members(value: Mapping[str, Any], unit: Unit | None) -> list[str]:
    found = []
    for name, entry in value.items():
        if entry is None or entry == "":
            continue
        words = name.replace("_", " ")
        if isinstance(entry, Mapping):
            found.append(f"{words}: {', '.join(_members(entry, unit))}")
        elif isinstance(entry, list):
            found.append(f"{words}: {', '.join(_plain(one, None) for one in entry)}")
        elif name.endswith("_s"):
            found.append(f"{words.removesuffix(' s')}: {_plain(entry, Unit.SECOND)}")
        else:
            found.append(f"{words}: {_plain(entry, unit if name in _MEASURED else None)}")
    return found


def _plain(entry: Any, unit: Unit | None) -> str:
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if isinstance(entry, Mapping):
        return ", ".join(_members(entry, unit))
    text = str(entry)
    if unit is not None and _NUMBER.match(text):
        return quantity(text, unit)
    return day_text(text) if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text


def _link(attribute: Attribute[Any], entry: Any) -> str:
    """The address behind a document or URI; only web addresses become links."""
    if attribute.value.kind not in (Kind.URI, Kind.DOCUMENT) or not isinstance(entry, str):
        return ""
    return entry if re.match(r"https?://[^\s\"'<>]+\Z", entry, re.IGNORECASE) else ""


def number_text(text: str) -> str:
    """A decimal for people: true minus, digits in threes from five on; anything else stays as it is.

    >>> number_text("-5") == MINUS + "5", number_text("1234.5"), number_text("NaN")
    (True, '1234.5', 'NaN')
    """
    match = _NUMBER.match(text)
    if match is None:
        return text
    sign, whole, fraction = match.groups()
    if len(whole) > 4:
        head = len(whole) % 3
        groups = [whole[:head]] if head else []
        whole = THIN_NO_BREAK.join(groups + [whole[n : n + 3] for n in range(head, len(whole), 3)])
    return (MINUS if sign else "") + whole + fraction


def quantity(text: str, unit: Unit | None) -> str:
    """Number and unit, which never part at the end of a line.

    >>> quantity("102", Unit.AMPERE_HOUR).split(), quantity("1", Unit.MONTH).split()
    (['102', 'Ah'], ['1', 'month'])
    """
    if unit is None:
        return number_text(text)
    words = _ONE_OF[unit] if text == "1" and unit in _ONE_OF else _UNIT_WORDS.get(unit, unit.value)
    return f"{number_text(text)}{NO_BREAK}{words}" if words else number_text(text)


def interval(low: str, high: str, unit: Unit | None) -> str:
    """A range from low to high, whatever order it came in.

    >>> interval("45", "10", Unit.CELSIUS).split()
    ['10', 'to', '45', '°C']
    """
    with contextlib.suppress(ValueError):
        low, high = sorted((low, high), key=float)
    return f"{number_text(low)} to {quantity(high, unit)}"


def day_text(text: str | date | datetime | YearMonth) -> str:
    """A day, or a month, in words, in UTC; what is no date stays as it is.

    >>> day_text("2026-11-20T23:30:00Z").split(), day_text("2026-11").split(), day_text("soon")
    (['20', 'November', '2026'], ['November', '2026'], 'soon')
    """
    if isinstance(text, str):
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
                text = YearMonth.parse(text)
            elif "T" in text:
                text = datetime.fromisoformat(text)
            else:
                text = date.fromisoformat(text)
        except ValueError:
            return str(text)
    if isinstance(text, YearMonth):
        return f"{_MONTHS[text.month - 1]} {text.year}"
    if isinstance(text, datetime) and text.tzinfo is not None:
        text = text.astimezone(UTC)
    # The year may stand on the next line: as one word a date is wider than a tile on a phone.
    return f"{text.day}{NO_BREAK}{_MONTHS[text.month - 1]} {text.year}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
