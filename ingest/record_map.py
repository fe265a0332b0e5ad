"""What the fields of a message or of a table mean, as the user's map states it.

A feed of a cloud or a gateway is a JSON message a line; a vendor's table is a CSV. A map in TOML says where a
quantity stands (a JSON pointer, or the name of a column), in which unit, with which sign, and who worked the
figure out: what a gateway sends may be its own computation, so `derived` is the default and `native` has to
be said.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ingest.errors import MapRefused
from schemas.quantities import unknown_quantity
from schemas.quantity import convert
from schemas.reading import QUANTITIES, Reading, ValueKind
from schemas.terms import Origin, ReadingAbsence, Unit

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_ROW_KEYS: Final = frozenset(
    {
        "at",
        "quantity",
        "unit",
        "negate",
        "origin",
        "index_from",
        "component",
        "kind",
        "value",
        "not_available",
        "topic",
    }
)
_TIME_KEYS: Final = frozenset({"at", "form"})
_FORMS: Final = ("unix", "unix_ms", "iso")
_LAST_SECOND: Final = Decimal(253_402_300_799)
_MOST: Final = Decimal(10) ** 15
_FINEST: Final = Decimal("0.000000001")
_CONDITIONS: Final = ("alarm", "warning", "protection")
_TRUE: Final = frozenset({"1", "true", "on", "yes"})
_FALSE: Final = frozenset({"0", "false", "off", "no", ""})


@dataclass(frozen=True)
class Row:
    """One row of a map.

    Attributes:
        at: JSON pointer or name of a column; `{index}` and other numbers in braces.
        quantity: a key of `QUANTITIES`.
        unit: in which the value stands; None for the quantity's own.
        negate: True where positive means discharging.
        origin: who worked the figure out.
        index_from: number that the first position bears; 0 or 1.
        component: path, with placeholders; or None.
        kind: of an event count.
        value: name of the condition that a true value means.
        not_available: texts that mean no value.
        topic: under which alone it holds, where that is another than the map's.
    """

    at: str
    quantity: str
    unit: str | None = None
    negate: bool = False
    origin: Origin = Origin.DERIVED
    index_from: int = 1
    component: str | None = None
    kind: str | None = None
    value: str | None = None
    not_available: frozenset[str] = frozenset()
    topic: "Topic | None" = None

    def reading(self, value: Any, names: Mapping[str, str], at: datetime | None) -> Reading | None:
        """What a value that stands there says; None for a condition that is not there."""
        index = int(names["index"]) - self.index_from + 1 if "index" in names else None
        component = self.component and _filled(self.component, names)
        said, doubts = self._value(value)
        if said is None and self.quantity in _CONDITIONS:
            return None
        return Reading(
            self.quantity,
            said,
            index=index,
            component=component,
            kind=self.kind,
            absence=ReadingAbsence.NOT_READ if said is None else None,
            origin=self.origin,
            measured_at=at,
            doubts=doubts,
        )

    def _value(self, value: Any) -> tuple[Decimal | str | bool | None, tuple[str, ...]]:
        text = _text(value)
        if text is None or text in self.not_available:
            return None, ()
        kind = QUANTITIES[self.quantity].kind
        if kind is ValueKind.FLAG:
            flag = _flag(text)
            return (None, ()) if flag is None else (flag is not self.negate, ())
        if self.value is not None:
            return (self.value if _flag(text) or (number(text) or 0) != 0 else None), ()
        if kind is ValueKind.TEXT:
            clean = "".join(char if char.isprintable() else "�" for char in text.strip())[:200]
            return (clean, ("unreadable_text",) if "�" in clean else ()) if clean else (None, ())
        found = number(text)
        if found is None:
            return None, ()
        unit = QUANTITIES[self.quantity].unit
        if self.unit is not None and unit is not Unit.ONE:
            shift = _shift(self.unit, unit)
            found = convert(found, self.unit, unit, places=9) if shift is None else found.scaleb(shift)
        if found != found.to_integral_value() or abs(found) < 1:
            found = found.quantize(_FINEST) if _exponent(found) < -9 else found
        return (-found if self.negate else found) + 0, ()


@lru_cache(maxsize=256)
def _shift(spelling: str, unit: Unit) -> int | None:
    """The power of ten between two units; None where another number lies between them, or an offset."""
    nought, one = (convert(Decimal(value), spelling, unit, places=30) for value in (0, 1))
    sign, digits, exponent = one.normalize().as_tuple()
    is_shift = nought == 0 and (sign, digits) == (0, (1,)) and isinstance(exponent, int)
    return exponent if is_shift and isinstance(exponent, int) else None


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _text(value: Any) -> str | None:
    """The scalar as text; None for null, lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return (
        format(value, "f") if isinstance(value, Decimal) else str(value) if isinstance(value, int) else None
    )


def _flag(text: str) -> bool | None:
    plain = text.strip().lower()
    return True if plain in _TRUE else False if plain in _FALSE else None


def number(text: str) -> Decimal | None:
    """The finite number that a text is; None when it is none, or none that a battery has."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) <= _MOST else None


@dataclass(frozen=True)
class Topic:
    """A pattern of topics: `{name}` stands for one level, `{index}` for a number, `+` and `#` as in MQTT."""

    text: str
    _levels: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """The pattern.

        Raises:
            ValueError: a level is neither a word, a wildcard nor a placeholder with something around it.
        """
        levels = text.split("/")
        if not text or any("#" in level for level in levels[:-1]):
            raise ValueError(f"expected a topic with # only at its end, came {text!r}")
        names = _PLACEHOLDER.findall(text)
        if len(set(names)) != len(names):
            raise ValueError(f"a placeholder stands twice in {text!r}")
        return cls(text, re.compile("/".join(_level(level, text) for level in levels)))

    def names(self, topic: str) -> dict[str, str] | None:
        """What the placeholders stand for; None when the topic does not fit."""
        found = self._levels.fullmatch(topic)
        return None if found is None else found.groupdict()


def _level(level: str, text: str) -> str:
    if level in {"+", "#"}:
        return "[^/]*" if level == "+" else ".*"
    if "+" in level or "#" in level:
        raise ValueError(f"+ and # are whole levels; came {text!r}")
    parts, at = [], 0
    for found in _PLACEHOLDER.finditer(level):
        kind = "[0-9]{1,4}" if found[1] == "index" else "[A-Za-z0-9_.-]+?"
        parts += [re.escape(level[at : found.start()]), f"(?P<{found[1]}>{kind})"]
        at = found.end()
    return "".join([*parts, re.escape(level[at:])])


def _filled(text: str, names: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: names.get(found[1], found[0]), text)


@dataclass(frozen=True)
class RecordMap:
    """A map.

    Attributes:
        title: what it is the map of.
        rows: in the order of the file.
        time_at: where the time stands; None where there is none.
        time_form: `unix`, `unix_ms`, or `iso` with its zone.
        delimiter: between the cells of a table.
        topic: of the messages that it reads; None for all of them.
        component: of rows that name none.
    """

    title: str
    rows: tuple[Row, ...]
    time_at: str | None = None
    time_form: str = "iso"
    delimiter: str = ","
    topic: Topic | None = None
    component: str | None = None

    @property
    def has_topics(self) -> bool:
        """Whether messages are read by their topic."""
        return self.topic is not None or any(row.topic is not None for row in self.rows)

    @property
    def patterns(self) -> list[str]:
        """The patterns of its topics, each once."""
        found = [self.topic, *(row.topic for row in self.rows)]
        return list(dict.fromkeys(one.text for one in found if one is not None))

    def rows_under(self, topic: str) -> list[tuple[Row, dict[str, str]]]:
        """The rows that hold for messages of a topic, each with the placeholders of its pattern."""
        own = self.topic.names(topic) if self.topic is not None else None
        found: list[tuple[Row, dict[str, str]]] = []
        for row in self.rows:
            pattern = row.topic or self.topic
            names = own if row.topic is None else row.topic.names(topic)
            if pattern is None:
                found.append((row, {}))
            elif names is not None:
                found.append((row, names))
        return found

    def time(self, value: Any) -> datetime | None:
        """The time that a value is; None when it is none."""
        text = _text(value)
        if text is None:
            return None
        if self.time_form == "iso":
            return iso_time(text)
        seconds = number(text)
        if seconds is None:
            return None
        seconds = seconds / 1000 if self.time_form == "unix_ms" else seconds
        if not 0 <= seconds <= _LAST_SECOND:
            return None
        return datetime.fromtimestamp(0, UTC) + timedelta(
            milliseconds=int((seconds * 1000).to_integral_value())
        )


def iso_time(value: Any) -> datetime | None:
    """The time of an ISO text with its zone; None when it is none."""
    try:
        at = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def found_at(document: Any, pointer: str) -> Iterator[tuple[Any, dict[str, str]]]:
    """The values at a JSON pointer; a `{name}` in a step stands for any number there."""
    yield from _walk(document, _steps(pointer), {})


_Step = tuple[str, re.Pattern[str] | None]


@lru_cache(maxsize=4096)
def _steps(pointer: str) -> tuple[_Step, ...]:
    """The steps of a pointer, each with its pattern where it has a placeholder."""
    steps = [_unescaped(step) for step in pointer.split("/")[1:]]
    return tuple((step, column_pattern(step) if "{" in step else None) for step in steps)


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _walk(
    value: Any, steps: tuple[_Step, ...], names: dict[str, str]
) -> Iterator[tuple[Any, dict[str, str]]]:
    if not steps:
        yield value, names
        return
    (step, pattern), rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        if pattern is None:
            if step in value:
                yield from _walk(value[step], rest, names)
            return
        entries = list(value.items())
    elif isinstance(value, list):
        entries = [(str(place), one) for place, one in enumerate(value)]
    else:
        return
    for key, one in entries:
        match = pattern.fullmatch(key) if pattern is not None else None
        if match is not None:
            yield from _walk(one, rest, {**names, **match.groupdict()})
        elif pattern is None and key == step:
            yield from _walk(one, rest, names)


def column_pattern(name: str) -> re.Pattern[str]:
    """Names with numbers in braces, all else as written."""
    parts, at = [], 0
    for found in _PLACEHOLDER.finditer(name):
        parts += [re.escape(name[at : found.start()]), f"(?P<{found[1]}>[0-9]{{1,4}})"]
        at = found.end()
    return re.compile("".join([*parts, re.escape(name[at:])]))


# Reading a map


def read_map(path: Path, *, pointers: bool, given: frozenset[str] | None = None) -> RecordMap:
    """The map of a file; `pointers` when places are JSON pointers.

    `given` are names that every message of a carrier brings, for placeholders; None where it has no topics.

    Raises:
        MapRefused: it cannot be read or is no map; the sentence names the row and what was expected.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MapRefused(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise MapRefused(f"{path}: expected TOML in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise MapRefused(f"{path}: expected TOML, came: {error}") from None
    has_topics = pointers or given is not None
    allowed = {"title", "row"} | ({"topic", "component"} if has_topics else {"delimiter"})
    allowed |= {"time"} if given is None else set()
    wrong = _unknown(document, allowed, str(path))
    rows, time = document.get("row"), document.get("time", {})
    if not isinstance(rows, list) or not rows:
        wrong.append(f"{path}: expected at least one [[row]]")
        rows = []
    if not isinstance(time, dict):
        wrong.append(f"{path}: time: expected a table with at and form")
        time = {}
    wrong += _unknown(time, _TIME_KEYS, f"{path}: time")
    if time and (not isinstance(time.get("at"), str) or time.get("form") not in _FORMS):
        wrong.append(f"{path}: time: expected at, and a form of {', '.join(_FORMS)}")
    title, delimiter = document.get("title", path.name), document.get("delimiter", ",")
    if not isinstance(title, str) or not isinstance(delimiter, str) or len(delimiter) != 1:
        wrong.append(f"{path}: title is a text, delimiter a single character")
    component = document.get("component")
    if not isinstance(component, str | None):
        wrong.append(f"{path}: component: expected a text")
    topic = None
    try:
        topic = _topic(document.get("topic"), str(path))
    except MapRefused as refused:
        wrong += refused.sentences
    made = []
    for place, row in enumerate(rows, 1):
        try:
            one = _row(row, f"{path}: row {place}", pointers=pointers, topics=has_topics)
            one = one if one.component is not None else replace(one, component=component)
            _filled_by(one, one.topic or topic, given or frozenset(), f"{path}: row {place}")
        except MapRefused as refused:
            wrong += refused.sentences
        else:
            made.append(one)
    if wrong:
        raise MapRefused(*wrong)
    return RecordMap(title, tuple(made), time.get("at"), time.get("form", "iso"), delimiter, topic, component)


def _topic(value: Any, place: str) -> Topic | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise MapRefused(f"{place}: topic: expected a text, came {value!r}")
    try:
        return Topic.parse(value)
    except ValueError as error:
        raise MapRefused(f"{place}: topic: {error}") from None


def _filled_by(row: Row, topic: Topic | None, given: frozenset[str], place: str) -> None:
    """Every placeholder of a component must stand somewhere else, each only once."""
    own = set(_PLACEHOLDER.findall(row.at))
    above = given | set(_PLACEHOLDER.findall(topic.text) if topic is not None else ())
    if twice := own & above:
        raise MapRefused(f"{place}: {{{min(twice)}}} stands in the topic and in at; name one of them anew")
    if missing := set(_PLACEHOLDER.findall(row.component or "")) - own - above:
        raise MapRefused(f"{place}: component: {{{min(missing)}}} stands neither in at nor in the topic")


def _unknown(table: Mapping[str, Any], allowed: set[str] | frozenset[str], place: str) -> list[str]:
    return [
        f"{place}: unknown key {key!r}; known: {', '.join(sorted(allowed))}"
        for key in sorted(set(table) - allowed)
    ]


def _row(row: Any, place: str, *, pointers: bool, topics: bool) -> Row:
    if not isinstance(row, dict):
        raise MapRefused(f"{place}: expected a table")
    wrong = _unknown(row, _ROW_KEYS if topics else _ROW_KEYS - {"topic"}, place)
    topic = None
    try:
        topic = _topic(row.get("topic"), place)
    except MapRefused as refused:
        wrong += refused.sentences
    where: Any = row.get("at")
    quantity: Any = row.get("quantity")
    if (
        not isinstance(where, str)
        or (not where and not pointers)
        or (pointers and not where.startswith("/") and where)
    ):
        what = 'a JSON pointer, as in "/cells/{index}/voltage"' if pointers else "the name of a column"
        wrong.append(f"{place}: at: expected {what}; came {where!r}")
    names = _PLACEHOLDER.findall(where) if isinstance(where, str) else []
    if len(set(names)) != len(names):
        wrong.append(f"{place}: at: a placeholder stands twice in {where!r}")
    is_known = isinstance(quantity, str) and quantity in QUANTITIES
    if not is_known:
        wrong.append(f"{place}: quantity: {unknown_quantity(quantity)}")
    texts = ("unit", "component", "kind", "value")
    wrong += [f"{place}: {key}: expected a text" for key in texts if not isinstance(row.get(key, ""), str)]
    if (quantity == "event_count") is not ("kind" in row):
        wrong.append(f"{place}: kind belongs to event_count, and event_count needs it")
    if row.get("index_from", 1) not in (0, 1) or not isinstance(row.get("negate", False), bool):
        wrong.append(f"{place}: index_from is 0 or 1, negate is true or false")
    if is_known and isinstance(row.get("unit"), str) and QUANTITIES[quantity].unit is not Unit.ONE:
        try:
            convert(Decimal(1), row["unit"], QUANTITIES[quantity].unit, places=9)
        except ValueError as error:
            wrong.append(f"{place}: unit: {error}")
    origin = row.get("origin", Origin.DERIVED.value)
    if origin not in tuple(Origin):
        wrong.append(f"{place}: origin: expected one of {', '.join(Origin)}")
    absent = row.get("not_available", [])
    if not isinstance(absent, list) or not all(isinstance(one, str | int) for one in absent):
        wrong.append(f"{place}: not_available: expected a list of texts or whole numbers")
    if wrong:
        raise MapRefused(*wrong)
    return Row(
        where,
        quantity,
        row.get("unit"),
        row.get("negate", False),
        Origin(origin),
        row.get("index_from", 1),
        row.get("component"),
        row.get("kind"),
        row.get("value"),
        frozenset(str(one) for one in absent),
        topic,
    )
