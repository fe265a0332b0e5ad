"""What the signals of a CAN database mean: a map from names to quantities, or a guess where there is none.

A database says where a signal lies and in which unit it is; that `U_ges` is the pack's voltage only people
know. A map is a TOML file beside the database, or one of ours for a public system. Without a map a few plain
names are taken for what they say, and every such reading carries the doubt `meaning_from_name`.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ingest.can_plan import MessagePlan, Signal
from ingest.errors import MapRefused
from schemas.quantities import unknown_quantity
from schemas.quantity import convert
from schemas.reading import QUANTITIES, Reading, ReadingForm, ValueKind, altered
from schemas.terms import Origin, ReadingAbsence, Unit

GUESSED: Final = "meaning_from_name"
SIGN_UNPROVEN: Final = "sign_unproven"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PLACES: Final = 12
_ROW_KEYS: Final = frozenset(
    {
        "signal",
        "message",
        "quantity",
        "unit",
        "index_from",
        "component",
        "kind",
        "value",
        "negate",
        "origin",
        "not_available",
        "invalid_flag",
        "doubts",
    }
)


@dataclass(frozen=True)
class Row:
    """One row of a map.

    Attributes:
        pattern: what the signal's name must be; groups are the placeholders.
        quantity: a key of `QUANTITIES`.
        message: name of the message, None for any.
        unit: of the scaled value; None for the unit that the database states.
        index_from: number that the first position bears in the names; 0 or 1.
        component: path, with placeholders of the name and `{chooser}` for the multiplexer's value; or None.
        kind: of an event count.
        value: name of the condition that a set bit means, for alarms, warnings and protections.
        negate: True where positive means discharging.
        origin: how the device comes to it.
        not_available: raw values that mean no value.
        invalid_flag: name of the signal that is set while this one means nothing; with placeholders.
        doubts: on every reading.
        spelt: the names as the map has them.
    """

    pattern: re.Pattern[str]
    quantity: str
    message: str | None = None
    unit: str | None = None
    index_from: int = 1
    component: str | None = None
    kind: str | None = None
    value: str | None = None
    negate: bool = False
    origin: Origin = Origin.NATIVE
    not_available: frozenset[int] = frozenset()
    invalid_flag: str | None = None
    doubts: tuple[str, ...] = ()
    spelt: str = ""


@dataclass(frozen=True)
class Meaning:
    """What one signal of one message is.

    Attributes:
        signal: where it lies.
        row: which row of the map says so.
        names: what the placeholders stand for.
        factor: turns the scaled value into the quantity's unit.
        shift: added afterwards.
    """

    signal: Signal
    row: Row
    names: Mapping[str, str]
    factor: Decimal
    shift: Decimal

    @cached_property
    def index(self) -> int | None:
        """Position counted from 1; None where the name holds none."""
        number = self.names.get("index")
        return None if number is None else int(number) - self.row.index_from + 1

    @cached_property
    def invalid_flag(self) -> str | None:
        """The signal that is set while this one means nothing."""
        return self.row.invalid_flag and _filled(self.row.invalid_flag, self.names)

    @cached_property
    def _form(self) -> ReadingForm:
        return ReadingForm(self.row.quantity, kind=self.row.kind, origin=self.row.origin)

    def component(self, chooser: float | None) -> str | None:
        """Path of the part it speaks of."""
        if self.row.component is None:
            return None
        number = {} if chooser is None else {"chooser": str(int(chooser) + 1)}
        return _filled(self.row.component, {**self.names, **number})

    def number(self, raw: float) -> Decimal:
        """The value in the quantity's unit."""
        scaled = Decimal(repr(raw) if isinstance(raw, float) else raw) * self.signal.scale
        value = (scaled + self.signal.offset) * self.factor + self.shift
        return -value if self.row.negate else value

    def reading(self, raw: float, chooser: float | None, *, invalid: bool = False) -> Reading | None:
        """The reading; absent when the device says that the value means nothing. None for a bit not set."""
        kind = QUANTITIES[self.row.quantity].kind
        component = self.component(chooser)
        finite = not isinstance(raw, float) or math.isfinite(raw)
        if invalid or raw in self.row.not_available or not finite:
            return Reading(
                self.row.quantity,
                None,
                index=self.index,
                component=component,
                kind=self.row.kind,
                absence=ReadingAbsence.NOT_READ,
                origin=self.row.origin,
            )
        if kind is ValueKind.NUMBER:
            number = self.number(raw)
            reading = self._form(number, self.index, component)
            return altered(reading, doubts=self.row.doubts) if self.row.doubts else reading
        value: str | bool
        if self.row.value is not None:
            if not raw:
                return None
            value = self.row.value
        elif kind is ValueKind.FLAG:
            value = bool(raw) is not self.row.negate
        else:
            value = self.signal.choices.get(int(raw), format(self.number(raw).normalize(), "f"))
        return Reading(
            self.row.quantity,
            value,
            index=self.index,
            component=component,
            origin=self.row.origin,
            doubts=self.row.doubts,
        )


@dataclass(frozen=True)
class SignalMap:
    """A map.

    Attributes:
        title: what it is the map of.
        rows: the first that fits a signal counts.
        messages: names of messages that the database must have.
        database: file name of the database beside the map; None where the user names it.
        sha256: hex digest that the database must have; None where it is not pinned.
        firmware: release of the device that database and map belong to; None where it is not said.
    """

    title: str
    rows: tuple[Row, ...]
    messages: tuple[str, ...] = ()
    database: str | None = None
    sha256: str | None = None
    firmware: str | None = None

    def fits(self, plans: Iterable[MessagePlan]) -> bool:
        """Whether the database has all messages that the map is about."""
        return bool(self.messages) and set(self.messages) <= {plan.name for plan in plans}

    def missing(self, plans: Sequence[MessagePlan]) -> list[str]:
        """A sentence for each row that no signal of the database has, which is a slip of the map's author."""
        return [
            f"row {number}: signal: no such signal, {row.spelt!r}"
            + (f" in message {row.message!r}" if row.message is not None else "")
            for number, row in enumerate(self.rows, 1)
            if not any(
                row.message in (None, plan.name) and row.pattern.fullmatch(signal.name)
                for plan in plans
                for signal in plan.signals
            )
        ]

    def meanings(self, plan: MessagePlan) -> tuple[Meaning, ...]:
        """What the signals of a message are, as far as the map knows."""
        found = []
        for signal in plan.signals:
            for row in self.rows:
                match = row.pattern.fullmatch(signal.name)
                if match is None or row.message not in (None, plan.name):
                    continue
                meaning = _meaning(signal, row, match.groupdict())
                if meaning is not None:
                    found.append(meaning)
                break
        return tuple(found)


def _meaning(signal: Signal, row: Row, names: Mapping[str, str]) -> Meaning | None:
    """The meaning; None when the signal's unit measures something else."""
    quantity = QUANTITIES[row.quantity]
    if quantity.kind is not ValueKind.NUMBER or quantity.unit is Unit.ONE:
        return Meaning(signal, row, names, Decimal(1), Decimal(0))
    spelling = row.unit or _SPELLINGS.get(signal.unit, signal.unit)
    if (special := _SPECIAL.get((spelling, quantity.unit))) is not None:
        return Meaning(signal, row, names, special, Decimal(0))
    try:
        shift = convert(Decimal(0), spelling, quantity.unit)
        factor = convert(Decimal(1), spelling, quantity.unit, places=_PLACES) - shift
    except ValueError:
        return None
    return Meaning(signal, row, names, factor, shift)


# As databases write units, and as `schemas.quantity` does.
_SPELLINGS: Final = {
    "deg C": "degC",
    "DegC": "degC",
    "C": "degC",
    "Celsius": "degC",
    "celsius": "degC",
    "Volts": "V",
    "Volt": "V",
    "v": "V",
    "Amps": "A",
    "Amp": "A",
    "a": "A",
    "KWh": "kWh",
    "KW": "kW",
    "percent": "%",
    "Percent": "%",
    "pct": "%",
}
# Coulombs are 1/3600 Ah, which does not end: as many places as a counter of 32 bits can show.
_SPECIAL: Final = {
    ("As", Unit.AMPERE_HOUR): Decimal(1) / Decimal(3600),
    ("C", Unit.AMPERE_HOUR): Decimal(1) / Decimal(3600),
}


def _filled(text: str, names: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: names.get(found[1], found[0]), text)


# Reading a map


def read_map(path: Path) -> SignalMap:
    """The map of a file.

    Raises:
        MapRefused: it cannot be read or is no map; the sentence names the row and what was expected.
    """
    try:
        return parse_map(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise MapRefused(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise MapRefused(f"{path}: expected TOML in UTF-8") from None


def parse_map(text: str, name: str) -> SignalMap:
    """The map that a TOML text states; see docs/protocols/dbc.md for its form.

    Raises:
        MapRefused: see `read_map`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MapRefused(f"{name}: expected TOML, came: {error}") from None
    allowed = {"title", "database", "sha256", "firmware", "messages", "row"}
    if unknown := sorted(set(document) - allowed):
        raise MapRefused(f"{name}: unknown key {unknown[0]!r}; known: {', '.join(sorted(allowed))}")
    for key in ("title", "database", "sha256", "firmware"):
        if not isinstance(document.get(key, ""), str):
            raise MapRefused(f"{name}: {key}: expected a text")
    rows = document.get("row", [])
    if not isinstance(rows, list) or not rows:
        raise MapRefused(f"{name}: expected at least one [[row]]")
    messages = document.get("messages", [])
    if not isinstance(messages, list) or not all(isinstance(one, str) for one in messages):
        raise MapRefused(f"{name}: messages: expected a list of names")
    made: list[Row] = []
    wrong: list[str] = []
    for number, row in enumerate(rows, 1):
        try:
            made.append(_row(row, f"{name}: row {number}"))
        except MapRefused as refused:
            wrong += refused.sentences
    if wrong:
        raise MapRefused(*wrong)
    return SignalMap(
        document.get("title", name),
        tuple(made),
        tuple(messages),
        document.get("database"),
        document.get("sha256"),
        document.get("firmware"),
    )


def _row(row: Any, place: str) -> Row:
    if not isinstance(row, dict):
        raise MapRefused(f"{place}: expected a table")
    wrong = [
        f"{place}: unknown key {key!r}; known: {', '.join(sorted(_ROW_KEYS))}"
        for key in sorted(set(row) - _ROW_KEYS)
    ]
    signal, quantity = row.get("signal"), row.get("quantity")
    if not isinstance(signal, str) or not signal:
        wrong.append(f'{place}: signal: expected the name of a signal, as in "CellVoltage_{{index}}"')
    if not isinstance(quantity, str) or quantity not in QUANTITIES:
        wrong.append(f"{place}: quantity: {unknown_quantity(quantity)}")
    texts = ("message", "unit", "component", "kind", "value", "invalid_flag")
    wrong += [f"{place}: {key}: expected a text" for key in texts if not isinstance(row.get(key, ""), str)]
    if (quantity == "event_count") is not ("kind" in row):
        wrong.append(f"{place}: kind belongs to event_count, and event_count needs it")
    if quantity in ("alarm", "warning", "protection") and "value" not in row:
        wrong.append(f"{place}: value: expected the name of the condition that the bit means")
    if row.get("index_from", 1) not in (0, 1):
        wrong.append(f"{place}: index_from: expected 0 or 1")
    if not isinstance(row.get("negate", False), bool):
        wrong.append(f"{place}: negate: expected true or false")
    try:
        origin = Origin(row.get("origin", "native"))
    except ValueError:
        wrong.append(f"{place}: origin: expected one of {', '.join(Origin)}")
    lists = {key: row.get(key, []) for key in ("not_available", "doubts")}
    kinds = {"not_available": int, "doubts": str}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(one, kinds[key]) for one in value):
            wrong.append(f"{place}: {key}: expected a list of {kinds[key].__name__}")
    if wrong:
        raise MapRefused(*wrong)
    return Row(
        _pattern(str(signal), place),
        str(quantity),
        row.get("message"),
        row.get("unit"),
        row.get("index_from", 1),
        row.get("component"),
        row.get("kind"),
        row.get("value"),
        row.get("negate", False),
        origin,
        frozenset(lists["not_available"]),
        row.get("invalid_flag"),
        tuple(lists["doubts"]),
        str(signal),
    )


def _pattern(signal: str, place: str) -> re.Pattern[str]:
    """Names with `{index}` and other numbers in braces, all else as written."""
    parts, at = [], 0
    for found in _PLACEHOLDER.finditer(signal):
        parts += [re.escape(signal[at : found.start()]), f"(?P<{found[1]}>[0-9]{{1,4}})"]
        at = found.end()
    try:
        return re.compile("".join([*parts, re.escape(signal[at:])]))
    except re.error:
        raise MapRefused(f"{place}: signal: a placeholder stands twice in {signal!r}") from None


def packaged() -> tuple[SignalMap, ...]:
    """The maps that ship with the project, each of a public system."""
    folder = resources.files("ingest") / "maps"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return tuple(parse_map(one.read_text("utf-8"), one.name) for one in files)


def digest(data: bytes) -> str:
    """What a map pins a database with."""
    return hashlib.sha256(data).hexdigest()


# Guessing


def _guess(pattern: str, quantity: str, **more: Any) -> Row:
    doubts = (GUESSED, SIGN_UNPROVEN) if quantity in ("current", "power") else (GUESSED,)
    return Row(re.compile(pattern, re.IGNORECASE), quantity, doubts=doubts, **more)


_OWNER: Final = r"(?:[a-z0-9]+_)?(?:bms|batt?(?:ery)?|pack|hv)?_?"
_CELL: Final = r"(?:[a-z0-9]+_)*cell_?"
GUESSES: Final = (
    _guess(_CELL + r"(?:volt(?:age)?|v|u)_?(?P<index>\d{1,3})", "cell_voltage"),
    _guess(_CELL + r"(?P<index>\d{1,3})_?(?:volt(?:age)?|v|u)", "cell_voltage"),
    _guess(_CELL + r"(?:temp(?:erature)?|t)_?(?P<index>\d{1,3})", "cell_temperature"),
    _guess(_CELL + r"(?P<index>\d{1,3})_?(?:temp(?:erature)?|t)", "cell_temperature"),
    _guess(r"(?:[a-z0-9]+_)*(?:min(?:imum)?|low(?:est)?)_?cell_?v(?:olt(?:age)?)?", "cell_voltage_min"),
    _guess(r"(?:[a-z0-9]+_)*cell_?v(?:olt(?:age)?)?_?min(?:imum)?", "cell_voltage_min"),
    _guess(r"(?:[a-z0-9]+_)*(?:max(?:imum)?|high(?:est)?)_?cell_?v(?:olt(?:age)?)?", "cell_voltage_max"),
    _guess(r"(?:[a-z0-9]+_)*cell_?v(?:olt(?:age)?)?_?max(?:imum)?", "cell_voltage_max"),
    _guess(
        r"(?:[a-z0-9]+_)*(?:min(?:imum)?|low(?:est)?)_?cell_?t(?:emp(?:erature)?)?", "cell_temperature_min"
    ),
    _guess(
        r"(?:[a-z0-9]+_)*(?:max(?:imum)?|high(?:est)?)_?cell_?t(?:emp(?:erature)?)?", "cell_temperature_max"
    ),
    _guess(_OWNER + r"(?:soc|state_?of_?charge)", "state_of_charge"),
    _guess(_OWNER + r"(?:soh|state_?of_?health)", "bms_reported_health"),
    _guess(r"(?:[a-z0-9]+_)?(?:bms|batt?(?:ery)?|pack|hv)_?(?:total_?)?(?:volt(?:age)?|v|u)", "voltage"),
    _guess(r"(?:[a-z0-9]+_)?(?:bms|batt?(?:ery)?|pack|hv)_?(?:total_?)?(?:curr(?:ent)?|i)", "current"),
    _guess(_OWNER + r"(?:cycle_?count|cycles|num_?cycles)", "cycle_count"),
)
GUESS: Final = SignalMap("names taken for what they say", GUESSES)


def guessed(plans: Iterable[MessagePlan]) -> SignalMap:
    """The guesses, with positions counted from the lowest number that the database's cells bear."""
    names = [signal.name for plan in plans for signal in plan.signals]
    first: dict[str, int] = {}
    for row in GUESSES:
        numbers = [
            int(match["index"])
            for name in names
            if "index" in row.pattern.groupindex and (match := row.pattern.fullmatch(name)) is not None
        ]
        if numbers:
            first[row.pattern.pattern] = min(numbers)
    rows = tuple(
        replace(row, index_from=0) if first.get(row.pattern.pattern) == 0 else row for row in GUESSES
    )
    return replace(GUESS, rows=rows)
