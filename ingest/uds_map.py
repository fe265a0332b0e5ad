"""A maker's data identifiers as a table of the user's states them: where a value lies and what it is.

CSV with a heading, or TOML with one `[[row]]` for each value; the columns are the same. See
docs/protocols/uds.md for them. Every fault names its row and column.
"""

import csv
import re
import struct
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeVar

from ingest.errors import MapRefused
from schemas.quantities import unknown_quantity
from schemas.quantity import convert
from schemas.reading import QUANTITIES, Quantity, Reading, ReadingForm, ValueKind
from schemas.terms import Origin, ReadingAbsence, Unit

NEEDED: Final = ("request", "did", "at", "type", "quantity")
COLUMNS: Final = (
    *NEEDED,
    "answer",
    "scale",
    "offset",
    "unit",
    "index",
    "name",
    "component",
    "unavailable",
    "origin",
)
LARGEST_BYTES: Final = 4 * 1024 * 1024
MOST_VALUES: Final = 10_000
# An answer of ISO-TP has at most 4095 bytes, three of which are the service and the identifier.
LAST_BYTE: Final = 4091
_MOST_BITS: Final = 64
_PLACES: Final = 12
_MOST_EXPONENT: Final = 12
_CONDITIONS: Final = ("alarm", "warning", "protection")

_IDENTIFIER: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{8}|7[0-9A-Fa-f]{2})")
_DID: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{4})")
_AT: Final = re.compile(r"([0-9]{1,4})(?:\.([0-7]))?")
_TYPE: Final = re.compile(r"([ui])([0-9]{1,2})(le)?|(f32)(le)?|text([0-9]{1,2})")
_INDEX: Final = re.compile(r"([0-9]{1,4})(?:\.\.([0-9]{1,4})(?:\+([0-9]{1,3}))?)?")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_PATH: Final = re.compile(r"[a-z]+/[0-9]+(?:/[a-z]+/[0-9]+)*")
_CODE: Final = re.compile(r"-?[0-9]{1,20}|0x[0-9A-Fa-f]{1,16}")

T = TypeVar("T")


@dataclass(frozen=True)
class Read:
    """One read that a table names: who is asked, who answers, for which identifier.

    Attributes:
        request: CAN identifier that is asked.
        answer: CAN identifier that answers.
        extended: True for 29 bits.
        did: data identifier.
    """

    request: int
    answer: int
    extended: bool
    did: int


@dataclass(frozen=True)
class _Type:
    """How a value lies in the data."""

    bits: int
    signed: bool = False
    little: bool = False
    floating: bool = False
    text: bool = False


@dataclass(frozen=True)
class Value:
    """One value behind a data identifier.

    Attributes:
        quantity: what it is.
        first: its first byte.
        end: behind its last byte.
        shift: bits behind it in its last byte.
        form: how it lies there.
        factor: turns the raw number into the quantity's unit.
        zero: added afterwards.
        index: position, where the quantity has one.
        name: what an event count counts, or which condition a bit means.
        component: path of the part; None for the whole.
        unavailable: raw values that mean none.
        origin: how the device comes to it.
        make: makes its readings; None where it is no number.
    """

    quantity: Quantity
    first: int
    end: int
    shift: int
    form: _Type
    factor: Decimal
    zero: Decimal
    index: int | None
    name: str | None
    component: str | None
    unavailable: frozenset[int]
    origin: Origin
    make: ReadingForm | None

    def reading(self, data: bytes) -> Reading | None:
        """The reading; None when the data end before it does, or for the bit of a condition not there."""
        piece = data[self.first : self.end]
        if len(piece) < self.end - self.first:
            return None
        if self.form.text:
            return self._text(piece)
        raw = self._raw(piece)
        if raw in self.unavailable:
            return self._absent(ReadingAbsence.NOT_READ)
        if self.make is None:
            if self.quantity.kind is ValueKind.FLAG:
                return self._said(bool(raw))
            return self._said(self.name or "") if raw else None
        if not self.form.floating:
            return self.make(raw * self.factor + self.zero, self.index, self.component)
        number = Decimal(repr(struct.unpack(">f", raw.to_bytes(4, "big"))[0]))
        if not number.is_finite():
            return self._absent(ReadingAbsence.NOT_READ)
        return self.make(number * self.factor + self.zero, self.index, self.component)

    def _raw(self, piece: bytes) -> int:
        bits = self.form.bits
        raw = int.from_bytes(piece, "little" if self.form.little else "big") >> self.shift & (1 << bits) - 1
        return raw - (1 << bits) if self.form.signed and raw >> bits - 1 else raw

    def _text(self, piece: bytes) -> Reading:
        text = piece.partition(b"\x00")[0].decode("ascii", "replace").strip()
        if not text:
            return self._absent(ReadingAbsence.NOT_SUPPORTED)
        clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
        return self._said(clean, ("unreadable_text",) if "\N{REPLACEMENT CHARACTER}" in clean else ())

    def _said(self, value: str | bool, doubts: tuple[str, ...] = ()) -> Reading:
        return Reading(
            self.quantity.name, value, self.index, self.component, origin=self.origin, doubts=doubts
        )

    def _absent(self, why: ReadingAbsence) -> Reading:
        kind = self.name if self.quantity.name == "event_count" else None
        return Reading(
            self.quantity.name, None, self.index, self.component, kind, absence=why, origin=self.origin
        )


DidMap = Mapping[Read, tuple[Value, ...]]


def read_map(path: Path) -> DidMap:
    """The table of a file: what is read, and the values of each read.

    Raises:
        MapRefused: it cannot be read, or a cell is wrong; the sentence names row and column.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise MapRefused(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > LARGEST_BYTES:
        raise MapRefused(f"{path}: expected a table of at most {LARGEST_BYTES:,} bytes, came more")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MapRefused(f"{path}: expected UTF-8, came another encoding at byte {error.start}") from None
    return parse_map(text, str(path))


def parse_map(text: str, name: str) -> DidMap:
    """The table that a text states; TOML where the name ends so, else CSV.

    Raises:
        MapRefused: see `read_map`.
    """
    records = _toml(text, name) if name.lower().endswith(".toml") else _csv(text, name)
    found: dict[Read, list[Value]] = {}
    count = 0
    wrong: list[str] = []
    known: set[str] = set(COLUMNS)
    for number, record in records:
        unknown = [column for column in record if column not in known]
        wrong += [
            f"{name}: row {number}, column {one}: no column is called so; known: {', '.join(COLUMNS)}"
            for one in unknown
        ]
        known.update(unknown)
        try:
            read, values = _Row(f"{name}: row {number}", record).made()
        except MapRefused as refused:
            # Cells that need no other cell are all judged; the first of the others is enough.
            alone = _Row(f"{name}: row {number}", record).faults()
            wrong += dict.fromkeys([*alone, *refused.sentences])
            continue
        found.setdefault(read, []).extend(values)
        count += len(values)
        if count > MOST_VALUES:
            raise MapRefused(f"{name}: row {number}: expected at most {MOST_VALUES:,} values, came more")
    if wrong:
        raise MapRefused(*wrong)
    if not found:
        raise MapRefused(f"{name}: expected at least one row with {', '.join(NEEDED)}, came none")
    asked: dict[tuple[int, bool, int], Read] = {}
    for read in found:
        first = asked.setdefault((read.request, read.extended, read.did), read)
        if first != read:
            raise MapRefused(
                f"{name}: column answer: {read.request:X} {read.did:04X} is answered by {first.answer:X} in "
                f"one row and by {read.answer:X} in another"
            )
    return {read: tuple(values) for read, values in found.items()}


def _csv(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Rows with the numbers of their lines."""
    columns: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip(" ,") or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        if columns is None:
            columns = [cell.lower() for cell in cells]
            if missing := [column for column in NEEDED if column not in columns]:
                raise MapRefused(f"{name}: row {number}, column {missing[0]}: the column is missing")
            continue
        if any(cells[len(columns) :]):
            raise MapRefused(f"{name}: row {number}: expected {len(columns)} cells, came {len(cells)}")
        yield number, dict(zip(columns, cells, strict=False))


def _toml(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Rows with their numbers, from 1; numbers become the text that a CSV would hold."""
    try:
        document: Mapping[str, Any] = tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise MapRefused(f"{name}: expected TOML, came: {error}") from None
    rows = document.get("row")
    if set(document) != {"row"} or not isinstance(rows, list):
        raise MapRefused(f"{name}: expected [[row]] and nothing else")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise MapRefused(f"{name}: row {number}: expected a table")
        for column, cell in row.items():
            if not isinstance(cell, str | int) or isinstance(cell, bool):
                raise MapRefused(f"{name}: row {number}, column {column}: expected a text or a number")
        yield number, {column: str(cell).strip() for column, cell in row.items()}


class _Cell(Exception):
    """A cell is wrong; its sentence."""


class _Row:
    """One row of a table on its way to values."""

    def __init__(self, place: str, record: Mapping[str, str]) -> None:
        self._place = place
        self._record = record

    def made(self) -> tuple[Read, list[Value]]:
        """The read and its values."""
        request, extended = self._cell("request", _identifier)
        answer = self._cell("answer", lambda text: _answer(text, request, extended=extended))
        read = Read(request, answer, extended, self._cell("did", _did))
        quantity = self._cell("quantity", _quantity)
        form = self._cell("type", lambda text: _type(text, quantity))
        factor, zero = self._cell("unit", lambda text: _unit(text, quantity))
        scale = self._cell("scale", _decimal, "1")
        if not scale:
            raise self._wrong("scale", "expected a number other than 0")
        offset = self._cell("offset", _decimal, "0")
        name = self._cell("name", lambda text: _name(text, quantity))
        component = self._cell("component", _component)
        unavailable = self._cell("unavailable", lambda text: _codes(text, form))
        origin = self._cell("origin", _origin, Origin.NATIVE.value)
        at = self._cell("at", lambda text: _at(text, form))
        number = quantity.kind is ValueKind.NUMBER
        kind = name if quantity.name == "event_count" else None
        make = ReadingForm(quantity.name, kind=kind, origin=origin) if number else None
        values = []
        for index, bits in self._cell("index", lambda text: _positions(text, quantity, form)):
            begin = at + bits
            end = -(-(begin + form.bits) // 8)
            if end > LAST_BYTE:
                raise self._wrong("at", f"expected a value that ends by byte {LAST_BYTE}, came byte {end}")
            shift = 8 * end - begin - form.bits
            values.append(
                Value(
                    quantity,
                    begin // 8,
                    end,
                    shift,
                    form,
                    scale * factor,
                    offset * factor + zero,
                    index,
                    name,
                    component,
                    unavailable,
                    origin,
                    make,
                )
            )
        return read, values

    def faults(self) -> Iterator[str]:
        """What is wrong with the cells that can be judged by themselves."""
        alone: tuple[tuple[str, Callable[[str], object], str], ...] = (
            ("request", _identifier, ""),
            ("did", _did, ""),
            ("quantity", _quantity, ""),
            ("scale", _decimal, "1"),
            ("offset", _decimal, "0"),
            ("component", _component, ""),
            ("origin", _origin, Origin.NATIVE.value),
        )
        for column, read, default in alone:
            try:
                self._cell(column, read, default)
            except MapRefused as refused:
                yield from refused.sentences

    def _cell(self, column: str, read: Callable[[str], T], default: str = "") -> T:
        try:
            return read(self._record.get(column) or default)
        except _Cell as error:
            raise self._wrong(column, str(error)) from None

    def _wrong(self, column: str, sentence: str) -> MapRefused:
        return MapRefused(f"{self._place}, column {column}: {sentence}")


def _identifier(text: str) -> tuple[int, bool]:
    match = _IDENTIFIER.fullmatch(text)
    number = int(match[1], 16) if match else 0
    extended = match is not None and len(match[1]) == 8
    if match is None or (extended and number >> 16 not in (0x18DA, 0x18DB)):
        raise _Cell(f"expected an identifier of diagnosis, 700 to 7FF or 18DAxxxx, came {text!r}")
    return number, extended


def _answer(text: str, request: int, *, extended: bool) -> int:
    """Who answers: the identifier named, or the usual one of the request."""
    if text:
        number, long = _identifier(text)
        if long is not extended:
            raise _Cell(f"expected an identifier as long as that of the request, came {text!r}")
        return number
    if extended:
        if request >> 16 == 0x18DA:
            return request & 0xFFFF0000 | (request & 0xFF) << 8 | request >> 8 & 0xFF
    elif 0x7E0 <= request <= 0x7E7:
        return request + 8
    raise _Cell(f"expected the identifier that answers {request:X}, which no rule tells, came nothing")


def _did(text: str) -> int:
    match = _DID.fullmatch(text)
    if match is None:
        raise _Cell(f"expected four hexadecimal digits, as 0101, came {text!r}")
    return int(match[1], 16)


def _quantity(text: str) -> Quantity:
    if text not in QUANTITIES:
        raise _Cell(unknown_quantity(text))
    return QUANTITIES[text]


def _type(text: str, quantity: Quantity) -> _Type:
    match = _TYPE.fullmatch(text)
    if match is None:
        raise _Cell(f"expected u1 to u64, i2 to i64 or f32, also with le, or text1 to text99, came {text!r}")
    sign, bits, little, floating, floating_little, length = match.groups()
    if length:
        form = _Type(8 * int(length), text=True)
    elif floating:
        form = _Type(32, little=bool(floating_little), floating=True)
    else:
        form = _Type(int(bits), sign == "i", bool(little))
        least = 2 if form.signed else 1
        if not least <= form.bits <= _MOST_BITS or (little and form.bits % 8):
            raise _Cell(f"expected {least} to {_MOST_BITS} bits, whole bytes with le, came {text!r}")
    if not form.bits:
        raise _Cell(f"expected a text of at least one byte, came {text!r}")
    is_text = quantity.kind is ValueKind.TEXT and quantity.name not in _CONDITIONS
    if form.text is not is_text:
        wanted = "text" if is_text else "a number of bits"
        raise _Cell(f"expected {wanted}, which is what {quantity.name} is, came {text!r}")
    if form.floating and quantity.kind is not ValueKind.NUMBER:
        raise _Cell(f"expected a bit, which is what {quantity.name} is, came {text!r}")
    return form


def _at(text: str, form: _Type) -> int:
    match = _AT.fullmatch(text)
    if match is None:
        raise _Cell(f"expected bytes behind the identifier, as 4, or BYTE.BIT, as 4.7, came {text!r}")
    byte = int(match[1])
    if match[2] is None:
        # A value that fills no whole bytes ends with its last byte, as a number is written.
        return 8 * byte + -form.bits % 8
    if form.little or form.text or form.floating:
        raise _Cell(f"expected a whole byte for this type, came {text!r}")
    # Bits are numbered as people do, 7 the highest; the one named is the highest of the value.
    return 8 * byte + 7 - int(match[2])


def _positions(text: str, quantity: Quantity, form: _Type) -> list[tuple[int | None, int]]:
    """Positions and how many bits each lies behind the first."""
    if not text:
        return [(None, 0)]
    match = _INDEX.fullmatch(text)
    if match is None or not quantity.indexed:
        wanted = "a position, as 3, 1..12 or 1..12+2" if quantity.indexed else f"none for {quantity.name}"
        raise _Cell(f"expected {wanted}, came {text!r}")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last:
        raise _Cell(f"expected positions from 1 upwards, came {text!r}")
    step = 8 * int(match[3]) if match[3] else form.bits
    if step < form.bits:
        raise _Cell(f"expected a distance of at least the {form.bits} bits of a value, came {text!r}")
    return [(index, step * (index - first)) for index in range(first, last + 1)]


def _name(text: str, quantity: Quantity) -> str | None:
    needed = quantity.name == "event_count" or quantity.name in _CONDITIONS
    if needed is not bool(_NAME.fullmatch(text)) or (text and not needed):
        raise _Cell(f"expected what an event_count counts, or which condition a bit means, came {text!r}")
    return text or None


def _component(text: str) -> str | None:
    if text and not _PATH.fullmatch(text):
        raise _Cell(f"expected a path as module/2, came {text!r}")
    return text or None


def _codes(text: str, form: _Type) -> frozenset[int]:
    codes = set()
    for piece in text.split():
        if not _CODE.fullmatch(piece):
            raise _Cell(f"expected raw values, as 0xFFFF 0x8000, came {piece!r}")
        code = int(piece, 16) if piece.startswith("0x") else int(piece)
        if form.text or not -(1 << form.bits - 1) <= code < 1 << form.bits:
            raise _Cell(f"expected raw values of {form.bits} bits, came {piece!r}")
        # A code is written as it lies there; a signed type reads it as a negative number.
        codes.add(code - (1 << form.bits) if form.signed and code >= 1 << form.bits - 1 else code)
    return frozenset(codes)


def _origin(text: str) -> Origin:
    try:
        return Origin(text)
    except ValueError:
        raise _Cell(f"expected one of {', '.join(one.value for one in Origin)}, came {text!r}") from None


def _unit(text: str, quantity: Quantity) -> tuple[Decimal, Decimal]:
    """Factor and shift from the unit of the row to the quantity's own."""
    if quantity.kind is not ValueKind.NUMBER or quantity.unit is Unit.ONE:
        if text not in ("", "1"):
            raise _Cell(f"expected no unit for {quantity.name}, came {text!r}")
        return Decimal(1), Decimal(0)
    try:
        shift = convert(Decimal(0), text, quantity.unit)
        factor = convert(Decimal(1), text, quantity.unit, places=_PLACES) - shift
    except ValueError as error:
        raise _Cell(str(error)) from None
    return factor.normalize(), shift


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > _MOST_EXPONENT:
        raise _Cell(f"expected a number, came {text!r}")
    return number
