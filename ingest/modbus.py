"""What Modbus devices share: frames on a serial line or behind the TCP head, register tables, allowed reads.

    serial    unit function ... CRC-16 (low byte first)
    TCP       transaction (2) 0000 length (2) unit function ...

Functions 1 to 4 are read; nothing here can write. An answer does not say where it was read: only the request
does. An answer whose request is not known is understood when a table leaves one reading of its length, and is
otherwise sound and says nothing. Exception 02 means that the device does not offer the registers.

A protocol states `rows` (what lies where) and `blocks` (what is asked). A device on TCP is asked in the same
serial form; `ingest.transports.modbus` changes the head.

Source: Modbus Application Protocol V1.1b3, Modbus over Serial Line V1.02, Modbus Messaging on TCP/IP V1.0b.
"""

import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import ClassVar, Final

from ingest.errors import RequestForbidden
from ingest.frames import crc16_modbus
from ingest.protocol import Damage, Fault, Field, Frame, Framer, Integer, Protocol, Refused, Request
from schemas.reading import QUANTITIES, Reading, ReadingForm, ValueKind, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

COILS: Final = 1
DISCRETE_INPUTS: Final = 2
HOLDING_REGISTERS: Final = 3
INPUT_REGISTERS: Final = 4
READS: Final = frozenset({COILS, DISCRETE_INPUTS, HOLDING_REGISTERS, INPUT_REGISTERS})
_BITS: Final = frozenset({COILS, DISCRETE_INPUTS})
_EXCEPTION: Final = 0x80
_REQUESTS_KEPT: Final = 1024

MOST_REGISTERS: Final = 125
MOST_COILS: Final = 2000
ILLEGAL_ADDRESS: Final = 2
_HIGHEST_UNIT: Final = 247
_REQUEST_BYTES: Final = 8
_EXCEPTION_BYTES: Final = 5
_ANSWER_ENVELOPE: Final = 5
# Of a TCP frame: transaction, protocol and length, before the unit.
TCP_HEAD: Final = 6


@dataclass(frozen=True)
class LowWordFirst(Integer):
    """An integer of several registers that sends its least significant register first."""

    def read(self, data: bytes, offset: int) -> int | None:
        """The integer at `offset`; None when the data end before it does."""
        size = self.size
        piece = data[offset : offset + size]
        if len(piece) < size:
            return None
        if size == 4:
            return int.from_bytes(piece[2:] + piece[:2], "big", signed=self.signed)
        return int.from_bytes(_turned(piece), "big", signed=self.signed)

    def write(self, value: int) -> bytes:
        """Its bytes."""
        return _turned(value.to_bytes(self.size, "big", signed=self.signed))


def integer(type_: str, *, little: bool = False) -> Integer:
    """How `u16`, `i32` and their like lie in registers; `little` puts the least significant one first."""
    kind = LowWordFirst if little else Integer
    return kind(int(type_[1:]) // 8, signed=type_.startswith("i"))


U32_LOW: Final = LowWordFirst(4)
I32_LOW: Final = LowWordFirst(4, signed=True)
I32: Final = Integer(4, signed=True)
U64: Final = Integer(8)


def _turned(data: bytes) -> bytes:
    return b"".join(data[at : at + 2] for at in range(len(data) - 2, -1, -2))


# Bytes of frames


def encode_request(unit: int, function: int, start: int, count: int) -> bytes:
    """The bytes that ask for `count` registers or coils from `start` on; `permit` says what may be sent."""
    return _sealed(struct.pack(">BBHH", unit, function, start, count))


def encode_answer(unit: int, function: int, data: bytes) -> bytes:
    """The bytes of an answer, as a device sends them."""
    return _sealed(bytes([unit, function, len(data)]) + data)


def encode_exception(unit: int, function: int, code: int) -> bytes:
    """The bytes of a refusal, as a device sends them."""
    return _sealed(bytes([unit, function | _EXCEPTION, code]))


def as_tcp(raw: bytes, transaction: int) -> bytes:
    """A serial frame with the TCP head in the place of its checksum."""
    return struct.pack(">HHH", transaction, 0, len(raw) - 2) + raw[:-2]


def as_serial(raw: bytes) -> bytes:
    """A TCP frame with a checksum in the place of its head."""
    return _sealed(raw[TCP_HEAD:])


def _sealed(body: bytes) -> bytes:
    return body + crc16_modbus(body).to_bytes(2, "little")


def _is_request_head(function: int, start: int, count: int) -> bool:
    most = MOST_COILS if function in _BITS else MOST_REGISTERS
    return 0 < count <= most and start + count <= 0x10000


class ModbusFramer(Framer):
    """Frames of both forms; a stream is of one.

    A serial frame has no delimiter. What begins with a unit and a function of reading may be a request of
    eight bytes or an answer as long as its third byte says; whichever length the checksum proves is taken,
    the shorter one first. A stream whose first bytes are a TCP head that agrees with itself is one of TCP.
    """

    starts = bytes(range(256))  # a transaction's number on TCP begins with any byte

    def __init__(self, asked: frozenset[tuple[int, int, int]] = frozenset()) -> None:
        """`asked` (function, start, count) tells a request from an answer of three bytes that looks alike."""
        super().__init__()
        self._asked = asked
        self._tcp: bool | None = None

    def _search(self, out: list[Frame | Refused], *, final: bool) -> None:
        if self._tcp is None and not self._settle(final=final):
            return
        super()._search(out, final=final)

    def _settle(self, *, final: bool) -> bool:
        """Whether it is known which form the stream has; from its first bytes, once."""
        head = bytes(self._buffer[: TCP_HEAD + 6])
        if any(head[2:5]) or _proves(head[:_REQUEST_BYTES]):
            self._tcp = False
            return True
        # A refusal is the shortest frame; a request has six bytes behind its head, known by all of them.
        needed = TCP_HEAD + (6 if head[5:6] == b"\x06" else 3)
        if len(head) < needed and not final:
            return False
        self._tcp = _tcp_length(head) is not None
        return True

    def _refuse(self, damage: Damage, view: bytes, position: int, out: list[Frame | Refused]) -> None:
        # Any byte may begin a frame: of a damaged stretch the first one speaks for those that follow it.
        if self._in_damage and damage.fault is Fault.DELIMITER:
            return
        super()._refuse(damage, view, position, out)

    def _onward(self, buffer: bytes, begin: int) -> int:
        if self._tcp:
            return begin
        head = _HEAD.search(buffer, begin)
        return len(buffer) if head is None else head.start()

    def _length(self, buffer: bytes) -> int | None:
        if self._tcp:
            return self._tcp_frame(buffer)
        self._plausible(buffer)
        if len(buffer) < 3:
            return None
        function, third = buffer[1], buffer[2]
        if function & _EXCEPTION:
            if not 0 < third < 0x10:
                raise _no_head("an exception code", third, 2)
            return _EXCEPTION_BYTES
        lengths = self._lengths(buffer)
        if not lengths:
            raise _no_head("a count of bytes or registers", third, 2)
        whole = [length for length in lengths if len(buffer) >= length]
        for length in whole:
            if _proves(buffer[:length]):
                return length
        return max(lengths)

    def _plausible(self, buffer: bytes) -> None:
        if buffer[0] > _HIGHEST_UNIT:
            raise _no_head("a unit from 0 to 247", buffer[0], 0)
        if len(buffer) > 1 and buffer[1] & ~_EXCEPTION not in READS:
            raise _no_head("a function from 1 to 4", buffer[1], 1)

    def _lengths(self, buffer: bytes) -> list[int]:
        """The lengths that a frame with this head can have, the shorter one first."""
        function, third = buffer[1], buffer[2]
        lengths = []
        # Registers come in twos; what asks for nothing is no request.
        if third and (function in _BITS or third % 2 == 0) and third <= 2 * MOST_REGISTERS:
            lengths.append(_ANSWER_ENVELOPE + third)
        if len(buffer) < 6 or _is_request_head(function, *struct.unpack_from(">HH", buffer, 2)):
            lengths.append(_REQUEST_BYTES)
        return sorted(set(lengths))

    def _tcp_frame(self, buffer: bytes) -> int | None:
        if len(buffer) < TCP_HEAD + 3:
            return None
        length = _tcp_length(buffer)
        if length is None:
            raise Damage(
                Fault.DELIMITER,
                expected="a TCP head that agrees with its frame",
                came=buffer[: TCP_HEAD + 3].hex(),
                where="the head",
                judged_bytes=TCP_HEAD + 3,
            )
        return length

    def _open(self, raw: bytes, position: int) -> Frame:
        if self._tcp:
            return self._frame(raw, raw[TCP_HEAD:], position)
        if not _proves(raw):
            expected = crc16_modbus(raw[:-2]).to_bytes(2, "little").hex()
            where = f"byte {len(raw) - 2} of the frame"
            raise Damage(Fault.CHECKSUM, expected=f"checksum {expected}", came=raw[-2:].hex(), where=where)
        return self._frame(raw, raw[:-2], position)

    def _frame(self, raw: bytes, body: bytes, position: int) -> Frame:
        unit, function = body[0], body[1]
        if function & _EXCEPTION:
            return Frame(raw, position, function & ~_EXCEPTION, b"", address=unit, status=body[2])
        is_request = len(body) == 6
        if is_request and body[2] == 3:
            is_request = function not in _BITS or (function, *struct.unpack(">HH", body[2:])) in self._asked
        payload = body[2:] if is_request else body[3:]
        return Frame(raw, position, function, payload, is_request=is_request, address=unit)


# What passes `_plausible`, as far as it is there.
_HEAD: Final = re.compile(rb"[\x00-\xf7](?:[\x01-\x04\x81-\x84]|\Z)")


def _proves(raw: bytes) -> bool:
    return len(raw) > 4 and crc16_modbus(raw[:-2]) == int.from_bytes(raw[-2:], "little")


def _tcp_length(buffer: bytes) -> int | None:
    """Whole length of the TCP frame that begins the buffer; None when its head contradicts itself."""
    if len(buffer) < TCP_HEAD + 3 or buffer[2] or buffer[3] or buffer[4]:
        return None
    length, function, third = buffer[5], buffer[7], buffer[8]
    if function & ~_EXCEPTION not in READS:
        return None
    if function & _EXCEPTION:
        return TCP_HEAD + length if length == 3 else None
    if length == 6 and len(buffer) >= TCP_HEAD + 6:
        start, count = struct.unpack_from(">HH", buffer, TCP_HEAD + 2)
        if _is_request_head(function, start, count):
            return TCP_HEAD + length
    return TCP_HEAD + length if third and length == 3 + third else None


def _no_head(expected: str, came: int, at: int) -> Damage:
    return Damage(
        Fault.DELIMITER,
        expected=expected,
        came=f"{came:02x}",
        where=f"byte {at} of the frame",
        judged_bytes=at + 1,
    )


# Tables: what lies where


@dataclass(frozen=True)
class Window:
    """Registers or coils that an answer brought.

    Attributes:
        unit: of the device.
        function: 1 to 4.
        start: address of the first one.
        count: how many.
        data: their bytes: two for each register, eight coils in each.
    """

    unit: int
    function: int
    start: int
    count: int
    data: bytes

    def registers(self, address: int, count: int) -> bytes:
        """The bytes of registers that lie within."""
        begin = 2 * (address - self.start)
        return self.data[begin : begin + 2 * count]

    def bit(self, address: int) -> bool:
        """One coil that lies within."""
        number = address - self.start
        return bool(self.data[number >> 3] >> (number & 7) & 1)


class Row(ABC):
    """One row of a register table.

    Attributes:
        address: of its first register or coil, counted from 0 as on the wire.
        count: how many it takes.
        function: that reads it.
    """

    address: int
    count: int
    function: int

    @abstractmethod
    def read(self, window: Window) -> Iterable[Reading]:
        """What it says; `window` holds all of it."""

    @abstractmethod
    def absent(self, why: ReadingAbsence) -> Iterable[Reading]:
        """What is told when the device did not give it."""


@dataclass(frozen=True)
class Number(Row):
    """A number in one register or several.

    Attributes:
        address: see `Row`.
        field: what it is and how it lies in its registers; its offset is 0.
        function: see `Row`.
        component: part that it speaks of.
        unavailable: raw values that mean that there is none.
        factor: what the field's value is multiplied with, where no power of ten does.
        shift: what is added then.
        doubts: why it is distrusted wherever it stands.
        doubted: raw values that are told with the doubt beside them.
        floating: an IEEE 754 number of 32 bits, which the integer holds as it lies.
    """

    address: int
    field: Field
    function: int = HOLDING_REGISTERS
    component: str | None = None
    unavailable: frozenset[int] = frozenset()
    factor: Decimal | None = None
    shift: Decimal | None = None
    doubts: tuple[str, ...] = ()
    doubted: Mapping[int, str] | None = None
    floating: bool = False

    @property
    def count(self) -> int:  # type: ignore[override]
        """Registers that the integer takes."""
        return (self.field.integer.size + 1) // 2

    def read(self, window: Window) -> Iterable[Reading]:
        """The reading; absent for a value that means none."""
        row = self.field
        raw = row.integer.read(window.data, 2 * (self.address - window.start) + row.offset)
        if raw is None:
            return ()
        if raw in self.unavailable:
            return self.absent(ReadingAbsence.NOT_SUPPORTED)
        value = self._floating(raw) if self.floating else row.value(raw)
        if value is None:
            return self.absent(ReadingAbsence.NOT_SUPPORTED)
        if self.factor is not None:
            value *= self.factor
        if self.shift is not None:
            value += self.shift
        doubts = self.doubts
        if self.doubted and raw in self.doubted:
            doubts = (*doubts, self.doubted[raw])
        if not doubts:
            return (self._form(value, row.index, self.component),)
        return (altered(self._form(value, row.index, self.component), doubts=doubts),)

    @cached_property
    def _form(self) -> ReadingForm:
        return ReadingForm(self.field.quantity, kind=self.field.kind, origin=self.field.origin)

    def absent(self, why: ReadingAbsence) -> Iterator[Reading]:
        """The quantity without a value."""
        row = self.field
        yield Reading(
            row.quantity, None, index=row.index, component=self.component, kind=row.kind, absence=why
        )

    def _floating(self, raw: int) -> Decimal | None:
        number = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
        value = Decimal(format(number, ".7g"))
        return value if value.is_finite() else None


@dataclass(frozen=True)
class Text(Row):
    """A text, two characters in each register.

    Attributes:
        address: see `Row`.
        count: see `Row`.
        quantity: a quantity of texts.
        function: see `Row`.
        component: part that it speaks of.
        low_byte_first: whether a register holds its second character in its high byte.
    """

    address: int
    count: int
    quantity: str
    function: int = HOLDING_REGISTERS
    component: str | None = None
    low_byte_first: bool = False
    origin: Origin = Origin.NATIVE

    def read(self, window: Window) -> Iterator[Reading]:
        """The text; absent when it is empty."""
        data = window.registers(self.address, self.count)
        if self.low_byte_first:
            data = b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))
        yield text_reading(self.quantity, data, component=self.component, origin=self.origin)

    def absent(self, why: ReadingAbsence) -> Iterator[Reading]:
        """The quantity without a text."""
        yield Reading(self.quantity, None, component=self.component, absence=why)


def text_reading(
    quantity: str, data: bytes, *, component: str | None = None, origin: Origin = Origin.NATIVE
) -> Reading:
    """The text in these bytes; absent when it is empty or never written (all ones)."""
    text = data.split(b"\x00")[0].strip().decode("ascii", "replace")
    if not text or not data.strip(b"\xff\x00"):
        return Reading(quantity, None, component=component, absence=ReadingAbsence.NOT_SUPPORTED)
    clean = "".join(char if char.isprintable() else "\ufffd" for char in text)
    doubts = ("unreadable_text",) if "\ufffd" in clean else ()
    return Reading(quantity, clean, component=component, origin=origin, doubts=doubts)


@dataclass(frozen=True)
class Bits(Row):
    """Conditions or switches, one in each bit of a register, or in each coil.

    Attributes:
        address: see `Row`.
        count: see `Row`; of several registers the first one holds the highest bits.
        quantity: `alarm`, `warning`, `protection`: each bit that is set is told by name; or a quantity of
            flags, which is then true when any named bit is set.
        names: of bits, bit 0 or coil 0 first in number; of a flag the names are not told.
        function: see `Row`.
        component: part that it speaks of.
        all_named: whether a bit without a name is told as `unnamed_bit_N`.
    """

    address: int
    count: int
    quantity: str
    names: Mapping[int, str]
    function: int = HOLDING_REGISTERS
    component: str | None = None
    all_named: bool = True

    def read(self, window: Window) -> Iterator[Reading]:
        """A reading for each bit that is set, or one flag."""
        if self.function in _BITS:
            coils = int.from_bytes(window.data, "little") >> (self.address - window.start)
            bits = coils & ((1 << self.count) - 1)
        else:
            bits = int.from_bytes(window.registers(self.address, self.count), "big")
        if QUANTITIES[self.quantity].kind is ValueKind.FLAG:
            on = any(bits >> bit & 1 for bit in self.names)
            yield told(self.quantity, on, component=self.component)
            return
        while bits:
            bit = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            if bit in self.names:
                yield told(self.quantity, self.names[bit], component=self.component)
            elif self.all_named:
                yield Reading(self.quantity, f"unnamed_bit_{bit}", component=self.component)

    def absent(self, why: ReadingAbsence) -> Iterator[Reading]:
        """The quantity without a value."""
        yield Reading(self.quantity, None, component=self.component, absence=why)


@dataclass(frozen=True)
class Block:
    """One read of the allow-list.

    Attributes:
        name: what it is called here.
        function: 1 to 4.
        start: address of the first register or coil.
        count: how many.
        reads: what the answer holds, for people.
        unit: the unit that has it, where it is not the one that is asked for.
    """

    name: str
    function: int
    start: int
    count: int
    reads: str
    unit: int | None = None

    def __post_init__(self) -> None:
        """A block is what one request can read."""
        if self.function not in READS or not _is_request_head(self.function, self.start, self.count):
            raise ValueError(f"block {self.name}: no request can read it")


def blocks_of(rows: Iterable[Row]) -> tuple[Block, ...]:
    """The fewest reads that ask for these rows and for no register that no row names."""
    spans: list[list[int]] = []  # function, start, end
    for row in sorted(rows, key=lambda row: (row.function, row.address)):
        most = MOST_COILS if row.function in _BITS else MOST_REGISTERS
        end = row.address + row.count
        if spans:
            function, start, last = spans[-1]
            if function == row.function and row.address <= last and max(last, end) - start <= most:
                spans[-1][2] = max(last, end)
                continue
        spans.append([row.function, row.address, end])
    return tuple(
        Block(f"{_NAMES[function]}-{start}", function, start, end - start, f"{end - start} from {start} on")
        for function, start, end in spans
    )


_NAMES: Final[Mapping[int, str]] = {1: "coils", 2: "inputs", 3: "holding", 4: "input-registers"}


class ModbusProtocol(Protocol):
    """A protocol on Modbus, told by tables.

    Attributes:
        rows: what lies where.
        blocks: what is asked; the allow-list is exactly this.
        unit: that is asked when none is chosen.
        asked_once: names of blocks that are asked after connecting only.
    """

    rows: ClassVar[Sequence[Row]] = ()
    blocks: ClassVar[tuple[Block, ...]]
    unit: ClassVar[int] = 1
    asked_once: ClassVar[frozenset[str]] = frozenset()
    baud_rates: ClassVar[tuple[int, ...]] = (9600, 19200, 115200)

    def __init__(self) -> None:
        """The list of reads follows from the blocks."""
        if "requests" not in vars(type(self)):
            self.requests = tuple(  # type: ignore[misc]
                Request(block.name, block.function, block.reads) for block in self.blocks
            )

    @cached_property
    def _asked(self) -> frozenset[tuple[int, int, int]]:
        return frozenset((block.function, block.start, block.count) for block in self.blocks)

    @cached_property
    def _plans(self) -> dict[tuple[int, int, int], tuple[Row, ...]]:
        return {}

    def framer(self) -> Framer:
        """A new framer for either form."""
        return ModbusFramer(self._asked)

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; `address` is the unit."""
        for block in self.blocks:
            if block.name == name:
                return encode_request(self._unit(block, address), block.function, block.start, block.count)
        self._row(name)  # says what there is
        raise AssertionError(name)

    def _unit(self, block: Block, address: int | None) -> int:
        if block.unit is not None:
            return block.unit
        return self.unit if address is None else address

    def poll(self, address: int | None = None) -> list[bytes]:
        """Every block, in the order of the table."""
        return [self.request(b.name, address) for b in self.blocks if b.name not in self.asked_once]

    def identify(self, address: int | None = None) -> list[bytes]:
        """The blocks that seldom change."""
        return [self.request(b.name, address) for b in self.blocks if b.name in self.asked_once]

    def permit(self, data: bytes) -> Frame:
        """The request in these bytes, when it reads exactly one block of the list."""
        frame = self._parse_request(data)
        start, count = struct.unpack(">HH", frame.payload)
        for block in self.blocks:
            same = (block.function, block.start, block.count) == (frame.command, start, count)
            if same and block.unit in (None, frame.address):
                return frame
        allowed = ", ".join(f"{b.name} ({b.function:02x}, {b.start}, {b.count})" for b in self.blocks)
        raise RequestForbidden(
            f"{self.name}: request {data.hex()} is not on the list of reads; allowed: {allowed}"
        )

    def _parse_request(self, data: bytes) -> Frame:
        known = self._parsed.get(data)
        if known is None:
            known = super()._parse_request(data)
            if len(self._parsed) < _REQUESTS_KEPT:  # a host asks the same few things again and again
                self._parsed[data] = known
        return known

    @cached_property
    def _parsed(self) -> dict[bytes, Frame]:
        return {}

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Whether the answer can belong to the request: same unit and function, as much as was asked for."""
        if frame.command != request.command or frame.address != request.address:
            return False
        if _is_tcp(frame) and _is_tcp(request) and frame.raw[:2] != request.raw[:2]:
            return False  # on TCP each pair has its number
        count = int.from_bytes(request.payload[2:], "big")
        return bool(frame.status) or len(frame.payload) == _data_bytes(frame.command, count)

    def still_open(self, asked: list[Frame], answered: int) -> list[Frame]:
        """All but the one answered; on a serial line none before it either."""
        begin = 0 if _is_tcp(asked[answered]) else answered + 1
        return asked[begin:answered] + asked[answered + 1 :]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        if request is not None:
            start, count = struct.unpack(">HH", request.payload)
        else:
            unasked = self._only_block(frame)
            if unasked is None:
                return []
            start, count = unasked.start, unasked.count
        assert frame.address is not None
        window = Window(frame.address, frame.command, start, count, frame.payload)
        if frame.status:
            absence = (
                ReadingAbsence.NOT_SUPPORTED if frame.status == ILLEGAL_ADDRESS else ReadingAbsence.NOT_READ
            )
            return self._refused(window, absence)
        return self._window(window)

    def _only_block(self, frame: Frame) -> Block | None:
        """The only block that the answer can be, when nobody knows what was asked."""
        if frame.status:
            return None
        fitting = [
            block
            for block in self.blocks
            if block.function == frame.command
            and block.unit in (None, frame.address)
            and _data_bytes(block.function, block.count) == len(frame.payload)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _rows_in(self, window: Window) -> tuple[Row, ...]:
        """The rows that lie wholly within a window."""
        key = (window.function, window.start, window.count)
        plan = self._plans.get(key)
        if plan is None:
            end = window.start + window.count
            plan = tuple(
                row
                for row in self.rows
                if row.function == window.function
                and window.start <= row.address
                and row.address + row.count <= end
            )
            if len(self._plans) < 1024:  # a stranger on the bus may ask for anything
                self._plans[key] = plan
        return plan

    def _window(self, window: Window) -> list[Reading]:
        """What registers that came say; a protocol whose rows depend on each other has its own."""
        return [reading for row in self._rows_in(window) for reading in row.read(window)]

    def _refused(self, window: Window, why: ReadingAbsence) -> list[Reading]:
        """What is told of registers that the device refused."""
        return [reading for row in self._rows_in(window) for reading in row.absent(why)]


def _data_bytes(function: int, count: int) -> int:
    return (count + 7) // 8 if function in _BITS else 2 * count


def _is_tcp(frame: Frame) -> bool:
    """Whether a frame has the TCP head; a serial one begins with its unit and function."""
    return len(frame.raw) > TCP_HEAD + 1 and not _proves(frame.raw)


def number(
    address: int,
    quantity: str,
    integer: Integer,
    exponent: int,
    unit: Unit,
    *,
    zero: int = 0,
    index: int | None = None,
    kind: str | None = None,
    origin: Origin = Origin.NATIVE,
    function: int = HOLDING_REGISTERS,
    component: str | None = None,
    unavailable: Iterable[int] = (),
) -> Number:
    """A `Number` in one line: value = (raw - zero) * 10**exponent."""
    row = Field(quantity, 0, integer, exponent, unit, zero=zero, index=index, kind=kind, origin=origin)
    return Number(address, row, function, component, frozenset(unavailable))
