"""Modbus devices that a map tells: `modbus:MAP.csv`, or one of this package (`modbus:three-level-ess`).

A map is a CSV file with a heading; lines that begin with `#` are remarks, and `# NAME = VALUE` among them
sets the title or a symbol. Each further line is a register, or a pattern that repeats by component:

    address    0x1000, or SYMBOL+1000 where a site decides (`modbus:MAP.csv?SYMBOL=2000`)
    words      registers it takes; of texts and bits any number
    type       u16 i16 u32 i32 u64 f32 string bits
    quantity   as readings name it; unit, scale and offset: value = raw * scale + offset, in `unit`

and, where they are needed, `function`, `word_order`, `unavailable`, `index`, `component`, `repeat`, `stride`,
`names`, `origin`, `note`. docs/maps/README.md tells each column with examples.

Source: the map; its reader is generic and proves nothing about a device.
"""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib import resources
from itertools import product
from math import prod
from pathlib import Path
from typing import ClassVar, Final, TypeVar
from urllib.parse import parse_qsl

from ingest.errors import MapRefused
from ingest.modbus import (
    COILS,
    DISCRETE_INPUTS,
    HOLDING_REGISTERS,
    READS,
    Bits,
    ModbusProtocol,
    Number,
    Row,
    Text,
    blocks_of,
    integer,
)
from ingest.protocol import Certainty, Field
from schemas.quantities import unknown_quantity
from schemas.reading import QUANTITIES, WIRE_UNITS, Quantity, ValueKind
from schemas.terms import Origin

T = TypeVar("T")

NEEDED: Final = ("address", "words", "type", "quantity")
COLUMNS: Final = (
    *NEEDED,
    "unit",
    "scale",
    "offset",
    "function",
    "word_order",
    "unavailable",
    "index",
    "component",
    "repeat",
    "stride",
    "names",
    "origin",
    "note",
)
WORDS: Final[Mapping[str, int]] = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "f32": 2}
TYPES: Final = (*WORDS, "string", "bits")
# Levels of a component; the last two number the readings of a part and are no part of its path.
LEVELS: Final = ("array", "rack", "cluster", "string", "module", "pack")
POSITIONS: Final = ("cell", "sensor")
MOST_ROWS: Final = 65_536
LARGEST_BYTES: Final = 4 * 1024 * 1024

# Units that a map may use, as a multiple of the unit of the quantity.
_MULTIPLES: Final[Mapping[str, Mapping[str, str]]] = {
    "V": {"V": "1", "mV": "0.001", "kV": "1000"},
    "A": {"A": "1", "mA": "0.001"},
    "W": {"W": "1", "kW": "1000"},
    "Ah": {"Ah": "1", "mAh": "0.001"},
    "kWh": {"kWh": "1", "Wh": "0.001", "MWh": "1000"},
    "%": {"%": "1"},
    "degC": {"degC": "1", "K": "1"},
    "ohm": {"ohm": "1", "mohm": "0.001", "uohm": "0.000001"},
    "kohm": {"kohm": "1", "ohm": "0.001", "Mohm": "1000"},
    "s": {"s": "1", "min": "60", "h": "3600"},
    "1": {"1": "1", "": "1"},
}
_KELVIN: Final = Decimal("-273.15")
_ADDRESS: Final = re.compile(r"(?:([A-Z][A-Za-z_]*)(?:\+|$))?(0x[0-9A-Fa-f]{1,4}|[0-9]{1,5})?")
_SETTING: Final = re.compile(r"#\s*([A-Za-z_]+)\s*=\s*(.+?)\s*,*$")
_LEVEL: Final = re.compile(r"([a-z]+)=([0-9]{1,5})")
_NAME: Final = re.compile(r"([0-9]{1,4})=([a-z][a-z0-9_]*)")
_PATH: Final = re.compile(r"[a-z]+/[0-9]+(?:/[a-z]+/[0-9]+)*")
_STRIDE: Final = re.compile(r"[A-Z][A-Za-z_]*|0x[0-9A-Fa-f]{1,4}|[0-9]{1,5}")


@dataclass(frozen=True)
class Wrong:
    """One cell of a map that cannot be understood.

    Attributes:
        line: in the file, from 1.
        column: its heading; empty when it is the line as a whole.
        sentence: what was expected, and what came.
    """

    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        """For people."""
        return (
            f"line {self.line}, {self.column}: {self.sentence}"
            if self.column
            else (f"line {self.line}: {self.sentence}")
        )


@dataclass(frozen=True)
class RegisterMap:
    """A map as it was read.

    Attributes:
        title: for people.
        rows: what lies where, patterns written out.
        left_out: lines whose address needs a symbol that nobody set.
        symbols: those symbols.
    """

    title: str
    rows: tuple[Row, ...]
    left_out: tuple[int, ...]
    symbols: tuple[str, ...]


class MapProtocol(ModbusProtocol):
    """A device that a map describes."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    baud_rates: ClassVar[tuple[int, ...]] = (9600, 19200, 38400, 57600, 115200)

    def __init__(self, argument: str, found: RegisterMap) -> None:
        """Of a map that was read; the allow-list is what its rows need."""
        self.name = f"modbus:{argument}"  # type: ignore[misc]
        self.title = found.title  # type: ignore[misc]
        self.rows = found.rows  # type: ignore[misc]
        self.blocks = blocks_of(found.rows)  # type: ignore[misc]
        super().__init__()


def open_protocol(argument: str) -> MapProtocol:
    """The protocol of a map: a file, or the name of one of this package, with `?SYMBOL=VALUE&LEVEL=COUNT`.

    Raises:
        MapRefused: the sentence names the first wrong cell and how many there are.
    """
    found, wrong = read_map(argument)
    if wrong:
        more = f" (and {len(wrong) - 1} more; `cellpass map check` lists them)" if len(wrong) > 1 else ""
        raise MapRefused(f"{argument}: {wrong[0]}{more}")
    assert found is not None
    return MapProtocol(argument, found)


def packaged() -> list[str]:
    """Names of the maps of this package."""
    folder = resources.files("ingest") / "maps"
    return sorted(
        entry.name.removesuffix(".csv") for entry in folder.iterdir() if entry.name.endswith(".csv")
    )


def read_map(argument: str) -> tuple[RegisterMap | None, list[Wrong]]:
    """The map, or everything that is wrong with it.

    Raises:
        MapRefused: there is no such file.
    """
    place, _, query = argument.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    return parse_map(_text(place), given, name=place)


def _text(place: str) -> str:
    if place in packaged():
        return (resources.files("ingest") / "maps" / f"{place}.csv").read_text("utf-8")
    path = Path(place)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise MapRefused(
            f"{place}: expected a CSV file or one of {', '.join(packaged())}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from None
    if len(data) > LARGEST_BYTES:
        raise MapRefused(f"{place}: expected a map of at most {LARGEST_BYTES:,} bytes, came more")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MapRefused(f"{place}: expected UTF-8, came another encoding at byte {error.start}") from None


def parse_map(
    text: str, given: Mapping[str, str], *, name: str = "map"
) -> tuple[RegisterMap | None, list[Wrong]]:
    """The map in a text, or everything that is wrong with it; `given` sets symbols and counts of levels."""
    wrong: list[Wrong] = []
    settings: dict[str, str] = {}
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        setting = _SETTING.fullmatch(line.strip())
        if setting:
            settings[setting[1]] = setting[2]
        elif line.strip(" ,") and not line.startswith("#"):
            lines.append((number, line))
    if not lines:
        return None, [Wrong(1, "", f"expected a heading with {', '.join(NEEDED)}, came nothing")]
    reader = _Reader({**settings, **given}, wrong)
    rows: list[Row] = []
    left_out: list[int] = []
    heading_line, heading = lines[0]
    columns = [cell.strip().lower() for cell in _cells(heading)]
    unknown = [column for column in columns if column and column not in COLUMNS]
    known = f"no column is called so; known: {', '.join(COLUMNS)}"
    wrong += [Wrong(heading_line, column, known) for column in unknown]
    wrong += [
        Wrong(heading_line, column, "the column is missing") for column in NEEDED if column not in columns
    ]
    if wrong:
        return None, wrong
    for number, line in lines[1:]:
        cells = _cells(line)
        if any(cell.strip() for cell in cells[len(columns) :]):
            wrong.append(Wrong(number, "", f"expected {len(columns)} cells, came {len(cells)}"))
            continue
        record = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
        made = reader.rows(number, record)
        if made is None:
            left_out.append(number)
        rows += made or []
        if len(rows) > MOST_ROWS:
            wrong.append(
                Wrong(number, "repeat", f"expected at most {MOST_ROWS:,} registers in a map, came more")
            )
            break
    wrong += [
        Wrong(heading_line, "", f"{level}={given[level]}: no line repeats by {level}")
        for level in sorted(set(given) & {*LEVELS, *POSITIONS} - reader.levels)
    ]
    if not rows and not wrong:
        symbols = ", ".join(sorted(reader.unset)) or "nothing"
        wrong.append(Wrong(heading_line, "", f"expected registers, came none; {symbols} must be set"))
    if wrong:
        return None, wrong
    title = settings.get("title", f"Modbus device of {Path(name).name}")
    return RegisterMap(title, tuple(rows), tuple(left_out), tuple(sorted(reader.unset))), []


def _cells(line: str) -> list[str]:
    return next(csv.reader([line]), [])


class _Cell(Exception):
    """A cell is wrong; its column and sentence."""


class _Reader:
    """Turns lines into rows and notes what is wrong."""

    def __init__(self, settings: Mapping[str, str], wrong: list[Wrong]) -> None:
        self._settings = settings
        self._wrong = wrong
        self.unset: set[str] = set()
        self.levels: set[str] = set()

    def rows(self, line: int, record: Mapping[str, str]) -> list[Row] | None:
        """The rows of a line; None when its address needs a symbol that is not set."""
        before = len(self._wrong)

        def cell(column: str, default: str = "") -> str:
            return record.get(column) or default

        def tried(column: str, read: Callable[[], T], instead: T) -> T:
            try:
                return read()
            except _Cell as error:
                self._wrong.append(Wrong(line, column, str(error)))
                return instead

        quantity = tried("quantity", lambda: _quantity(cell("quantity")), None)
        type_ = tried("type", lambda: _one_of(cell("type"), TYPES), "")
        words = tried("words", lambda: _words(cell("words", "1"), type_), 1)
        function = tried("function", lambda: _function(cell("function", "3"), type_), HOLDING_REGISTERS)
        whole: list[tuple[str, int]] = []
        zero: int | None = 0
        address = tried("address", lambda: self._address(cell("address")), zero)
        levels = tried("repeat", lambda: self._levels(cell("repeat")), whole)
        nowhere: list[int | None] = [0] * len(levels)
        strides = tried("stride", lambda: self._strides(cell("stride"), levels), nowhere)
        index = tried("index", lambda: _index(cell("index"), levels), None)
        component = tried("component", lambda: _component(cell("component")), "")
        origin = tried("origin", lambda: _origin(cell("origin", "native")), Origin.NATIVE)
        little = (
            tried("word_order", lambda: _one_of(cell("word_order", "big"), ("big", "little")), "big")
            == "little"
        )
        no_codes: frozenset[int] = frozenset()
        no_names: dict[int, str] = {}
        unavailable = tried("unavailable", lambda: _codes(cell("unavailable"), type_), no_codes)
        names = tried("names", lambda: _names(cell("names"), type_, quantity), no_names)
        factor, shift = Decimal(1), Decimal(0)
        if quantity is not None and quantity.kind is ValueKind.NUMBER:
            factor, shift = tried("unit", lambda: _unit(cell("unit"), quantity), (factor, shift))
        scale = tried("scale", lambda: _decimal(cell("scale", "1")), Decimal(1))
        if scale == 0:
            self._wrong.append(Wrong(line, "scale", "expected a number other than 0"))
        offset = tried("offset", lambda: _decimal(cell("offset", "0")), Decimal(0))
        if quantity is not None and type_:
            tried("type", lambda: _fits(quantity, type_), None)
        if len(self._wrong) > before:
            return []
        assert quantity is not None
        if address is None or None in strides:
            return None
        made: list[Row] = []
        for steps in product(*(range(count) for _, count in levels)):
            at = address + sum(step * (stride or 0) for step, stride in zip(steps, strides, strict=True))
            most = 0x10000 - words
            if at > most:
                self._wrong.append(Wrong(line, "address", f"expected at most {most}, came {at}"))
                return []
            path = [component] if component else []
            position = index
            for (level, _), step in zip(levels, steps, strict=True):
                if level in POSITIONS:
                    position = step + 1
                else:
                    path.append(f"{level}/{step + 1}")
            part = "/".join(path) or None
            if type_ == "string":
                made.append(Text(at, words, quantity.name, function, part, origin=origin))
            elif type_ == "bits":
                made.append(Bits(at, words, quantity.name, names, function, part))
            else:
                row = Field(
                    quantity.name,
                    0,
                    integer("u32" if type_ == "f32" else type_, little=little),
                    0,
                    quantity.unit,
                    index=position,
                    kind=cell("names") or None if quantity.name == "event_count" else None,
                    origin=origin,
                )
                made.append(
                    Number(
                        at,
                        row,
                        function,
                        part,
                        unavailable,
                        factor=scale * factor,
                        shift=offset * factor + shift,
                        floating=type_ == "f32",
                    )
                )
        return made

    def _symbol(self, name: str) -> int | None:
        text = self._settings.get(name)
        if text is None:
            self.unset.add(name)
            return None
        if not re.fullmatch(r"0x[0-9A-Fa-f]{1,4}|[0-9]{1,5}", text):
            raise _Cell(f"{name}: expected a number, as in ?{name}=2000, came {text!r}")
        return int(text, 0) if text.startswith("0x") else int(text)

    def _address(self, text: str) -> int | None:
        match = _ADDRESS.fullmatch(text)
        if not text or match is None:
            raise _Cell(f"expected an address from 0 to 65535, as 4096, 0x1000 or P+12, came {text!r}")
        base = self._symbol(match[1]) if match[1] else 0
        offset = match[2] or "0"
        number = int(offset, 16) if offset.startswith("0x") else int(offset)
        if number > 0xFFFF:
            raise _Cell(f"expected an address from 0 to 65535, came {text!r}")
        return None if base is None else base + number

    def _levels(self, text: str) -> list[tuple[str, int]]:
        levels = []
        for piece in text.split():
            match = _LEVEL.fullmatch(piece)
            if match is None or match[1] not in (*LEVELS, *POSITIONS):
                known = ", ".join((*LEVELS, *POSITIONS))
                raise _Cell(f"expected LEVEL=COUNT with a level of {known}, came {piece!r}")
            count = self._settings.get(match[1], match[2])
            if not re.fullmatch(r"[0-9]{1,5}", count) or not 0 < int(count) <= MOST_ROWS:
                raise _Cell(f"expected a count from 1 to {MOST_ROWS}, came {match[1]}={count}")
            levels.append((match[1], int(count)))
        if len({level for level, _ in levels}) < len(levels):
            raise _Cell(f"expected each level once, came {text!r}")
        total = prod(count for _, count in levels)
        if total > MOST_ROWS:
            raise _Cell(f"expected at most {MOST_ROWS:,} registers, came {total:,}")
        self.levels |= {level for level, _ in levels}
        return levels

    def _strides(self, text: str, levels: list[tuple[str, int]]) -> list[int | None]:
        pieces = text.split()
        if len(pieces) != len(levels):
            raise _Cell(f"expected {len(levels)} distances, one for each level of repeat, came {text!r}")
        strides: list[int | None] = []
        for piece, (_, count) in zip(pieces, levels, strict=True):
            if not _STRIDE.fullmatch(piece):
                raise _Cell(f"expected registers from one to the next, as 12 or 0x400, came {piece!r}")
            if piece[0].isdigit():
                strides.append(int(piece, 16) if piece.startswith("0x") else int(piece))
            else:  # a distance between one thing is not needed
                strides.append(self._symbol(piece) if count > 1 or piece in self._settings else 0)
        return strides


def _quantity(text: str) -> Quantity:
    if text not in QUANTITIES:
        raise _Cell(unknown_quantity(text))
    return QUANTITIES[text]


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise _Cell(f"expected one of {', '.join(allowed)}, came {text!r}")
    return text


def _words(text: str, type_: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 < int(text) <= 125:
        raise _Cell(f"expected a number of registers from 1 to 125, came {text!r}")
    if type_ in WORDS and int(text) != WORDS[type_]:
        raise _Cell(f"expected {WORDS[type_]}, which is what {type_} takes, came {text}")
    return int(text)


def _function(text: str, type_: str) -> int:
    if text not in {str(one) for one in READS}:
        raise _Cell(f"expected a function that reads, 1 to 4, came {text!r}")
    function = int(text)
    if function in (COILS, DISCRETE_INPUTS) and type_ not in ("bits", ""):
        raise _Cell(f"expected type bits with function {function}, came {type_}")
    return function


def _index(text: str, levels: list[tuple[str, int]]) -> int | None:
    if not text:
        return None
    if any(level in POSITIONS for level, _ in levels):
        raise _Cell("expected no index where the line repeats by cell or sensor")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise _Cell(f"expected a position from 1, came {text!r}")
    return int(text)


def _component(text: str) -> str:
    if text and not _PATH.fullmatch(text):
        raise _Cell(f"expected a path as module/2 or rack/1/module/2, came {text!r}")
    return text


def _origin(text: str) -> Origin:
    try:
        return Origin(text)
    except ValueError:
        raise _Cell(f"expected one of {', '.join(one.value for one in Origin)}, came {text!r}") from None


def _codes(text: str, type_: str) -> frozenset[int]:
    bits = 16 * WORDS.get(type_, 1)
    codes = set()
    for piece in text.split():
        if not re.fullmatch(r"-?[0-9]{1,20}|0x[0-9A-Fa-f]{1,16}", piece):
            raise _Cell(f"expected raw values, as 0xFFFF 0x8000, came {piece!r}")
        code = int(piece, 16) if piece.startswith("0x") else int(piece)
        if not -(1 << bits - 1) <= code < 1 << bits:
            raise _Cell(f"expected a raw value of {bits} bits, came {piece}")
        # A code is written as it lies in the registers; a signed type reads it as a negative number.
        codes.add(code - (1 << bits) if type_.startswith("i") and code >= 1 << bits - 1 else code)
    return frozenset(codes)


def _names(text: str, type_: str, quantity: Quantity | None) -> dict[int, str]:
    names: dict[int, str] = {}
    if type_ != "bits":
        counts = quantity is not None and quantity.name == "event_count"
        if counts != bool(re.fullmatch(r"[a-z][a-z0-9_]*", text)):
            raise _Cell(f"expected names with bits, and what an event_count counts, came {text!r}")
        return names
    for piece in text.split():
        match = _NAME.fullmatch(piece)
        if match is None:
            raise _Cell(f"expected BIT=name, as 0=over_temperature, came {piece!r}")
        names[int(match[1])] = match[2]
    return names


def _unit(text: str, quantity: Quantity) -> tuple[Decimal, Decimal]:
    own = "1" if quantity.unit.value in ("", "1") else WIRE_UNITS.get(quantity.unit, quantity.unit.value)
    allowed = _MULTIPLES.get(own, {own: "1"})
    if text not in allowed:
        raise _Cell(f"expected a unit of {quantity.name}: {', '.join(filter(None, allowed))}, came {text!r}")
    return Decimal(allowed[text]), _KELVIN if text == "K" else Decimal(0)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 12:
        raise _Cell(f"expected a number, came {text!r}")
    return number


def _fits(quantity: Quantity, type_: str) -> None:
    kind = {"string": (ValueKind.TEXT,), "bits": (ValueKind.TEXT, ValueKind.FLAG)}.get(
        type_, (ValueKind.NUMBER,)
    )
    conditions = quantity.name in ("alarm", "warning", "protection")
    if quantity.kind not in kind or (type_ == "bits" and quantity.kind is ValueKind.TEXT and not conditions):
        raise _Cell(f"{quantity.name} cannot be of type {type_}")
