"""What a protocol module offers: how to ask, how to find a frame, and what a frame says.

A module in `ingest/protocols/` holds one `PROTOCOL`, an instance of a class derived from `Protocol`. Bytes
go through a `Framer`, which proves length, delimiters and checksum and gives a `Frame`, or a `Refused` that
names what was expected, what came and where. `Protocol.decode` turns a proven frame into readings. Nothing
here waits, opens a line or knows the time.
"""

import importlib
import pkgutil
import re
import struct
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum, unique
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Final, Literal

from ingest.errors import FrameRefused, ProtocolUnknown, RequestForbidden
from schemas.reading import (
    QUANTITIES,
    Reading,
    ReadingForm,
    ValueKind,
    altered,
    copies,
    of_part,
    stamp,
    together,
    told,
)
from schemas.terms import Origin, ReadingAbsence, Unit

# So much of a damaged or foreign stretch is shown; the rest is only counted, so a report stays readable.
SHOWN_BYTES: Final = 512

# Names of conditions that devices report as alarm, warning, protection or event; one spelling for all.
CONDITIONS: Final = frozenset(
    {
        "cell_over_voltage",
        "cell_under_voltage",
        "cell_voltage_fault",
        "pack_over_voltage",
        "pack_under_voltage",
        "pack_voltage_fault",
        "charge_over_current",
        "charge_current_fault",
        "discharge_over_current",
        "discharge_current_fault",
        "short_circuit",
        "charge_over_temperature",
        "charge_under_temperature",
        "discharge_over_temperature",
        "discharge_under_temperature",
        "over_temperature",
        "under_temperature",
        "temperature_fault",
        "charge_timeout",
        "ambient_over_temperature",
        "ambient_under_temperature",
        "current_limiter_fault",
        "reverse_polarity",
        "output_connection_fault",
        "memory_fault",
        "clock_fault",
        "calibration_missing",
        "cell_fault",
        "fully_charged",
        "front_end_error",
        "software_lock",
        "high_charge",
        "fan_fault",
        "door_open",
        "current_difference",
        "configuration_fault",
        "battery_damaged",
        "input_over_voltage",
        "voltage_sensor_fault",
        "module_over_voltage",
        "module_under_voltage",
        "duplicate_address",
        "board_over_temperature",
        "charge_switch_fault",
        "discharge_switch_fault",
        "sense_wire_fault",
        "button_fault",
        "fire_suppression",
        "reverse_connection",
        "temperature_difference",
        "temperature_drop",
        "low_charge",
        "cell_disconnected",
        "current_limiting_fault",
        "aerosol_fault",
        "cell_imbalance",
        "internal_fault",
        "contactor_fault",
        "general_alarm",
        "box_over_temperature",
        "cell_wire_lost",
        "charge_mosfet_open",
        "charge_mosfet_over_temperature",
        "charge_mosfet_sensor_fault",
        "charge_mosfet_stuck",
        "discharge_mosfet_open",
        "discharge_mosfet_over_temperature",
        "discharge_mosfet_sensor_fault",
        "discharge_mosfet_stuck",
        "internal_communication_lost",
        "precharge_fault",
        "state_of_charge_high",
        "vehicle_communication_lost",
        "cell_count_mismatch",
        "cell_voltage_difference",
        "protection_309a",
        "protection_309b",
        "charge_short_circuit",
        "coprocessor_fault",
        "current_sensor_fault",
        "discharge_over_current_2",
        "discharge_over_current_3",
        "discharge_short_circuit",
        "discharge_switch_on_failed",
        "gps_disconnected",
        "mosfet_over_temperature",
        "parallel_module_fault",
        "password_unchanged",
        "remote_lock",
        "short_circuit_release_failed",
        "temperature_sensor_fault",
        "wire_resistance",
        "cell_communication_lost",
        "cell_group_fault",
        "cell_group_missing",
        "cell_over_temperature",
        "charge_error",
        "charge_stopped_by_protection",
        "current_sensor_missing",
        "leakage",
        "power_reduction",
        "power_reduction_cell_over_temperature",
        "power_reduction_high_current",
        "power_reduction_low_voltage",
        "power_reduction_over_temperature",
        "reset_by_low_supply",
        "reset_by_stack",
        "reset_by_watchdog",
        "pole_over_temperature",
        "insulation_fault",
        "interlock_fault",
        "pack_voltage_difference",
        "balancing_fault",
        "internal_communication_fault",
        "master_communication_lost",
        "slave_communication_lost",
        "slave_fault",
    }
)


@unique
class Certainty(StrEnum):
    """How sure we are of a protocol; shown wherever its readings are."""

    PROVEN = "proven on recordings"
    UNPROVEN = "unproven on hardware"


@unique
class Carrier(StrEnum):
    """What a protocol's frames travel on."""

    STREAM = "stream"  # bytes of a line; a framer finds the frames
    CAN = "can"  # frames of a CAN bus, see `ingest.can`
    RECORDS = "records"  # messages or rows that are whole already


@unique
class Fault(StrEnum):
    """Why bytes were not believed."""

    NOISE = "noise"  # no start marker
    DELIMITER = "delimiter"  # a byte that never changes is another one
    LENGTH = "length"  # the declared length contradicts itself or what came
    CHECKSUM = "checksum"
    TRUNCATED = "truncated"  # the stream ended inside a frame
    FOREIGN = "foreign"  # a sound frame of another protocol or version
    UNMATCHED = "unmatched"  # an answer to something that was not asked
    TOPIC = "topic"  # a message under a topic that the map does not read
    UNDATED = "undated"  # kept by a broker without its time, or with one that cannot be read
    BACKWARDS = "time_fell"  # a row's time falls and the next row's is back where it was
    UNBORN = "before_birth"  # data of a device that has not said yet what they mean


class Damage(FrameRefused):
    """One failed proof of a frame.

    Attributes:
        fault: which kind.
        expected: what would have been right, for people.
        came: what stood there instead.
        where: the place within the frame.
        judged_bytes: how many bytes of the stream this speaks of; None for the whole frame.
    """

    def __init__(
        self, fault: Fault, *, expected: str, came: str, where: str, judged_bytes: int | None = None
    ) -> None:
        super().__init__(fault, expected, where, came)
        self.fault = fault
        self.expected = expected
        self.came = came
        self.where = where
        self.judged_bytes = judged_bytes

    def __str__(self) -> str:
        """The sentence; only made when somebody reads it, as a search through noise fails at most bytes."""
        if not self.args:
            return ""
        fault, expected, where, came = self.args
        return f"{fault}: expected {expected} at {where}, came {came}"


def wrong_sum(what: str, expected: int, came: int, *, at: int, digits: int) -> Damage:
    """That a checksum of so many hexadecimal digits, at byte `at` of the frame, is another one."""
    return Damage(
        Fault.CHECKSUM,
        expected=f"{what} {expected:0{digits}x}",
        came=f"{came:0{digits}x}",
        where=f"byte {at} of the frame",
    )


def wrong_end(raw: bytes, end: int) -> Damage:
    """That a frame does not end with its end marker."""
    where = f"byte {len(raw) - 1} of the frame, its end"
    return Damage(Fault.DELIMITER, expected=f"{end:02x}", came=f"{raw[-1]:02x}", where=where)


@dataclass(frozen=True)
class Frame:
    """One frame whose length, delimiters and checksum were right.

    Attributes:
        raw: the whole frame as it stood on the line.
        position: offset of its first byte in the stream, counted from 0.
        command: what it asks or answers, as the protocol numbers it.
        payload: the data between head and checksum.
        is_request: True when a host asks, False when a battery answers.
        address: bus address, None where the protocol has none.
        status: the device's return code, 0 for fine; 0 in requests.
    """

    raw: bytes
    position: int
    command: int
    payload: bytes
    is_request: bool = False
    address: int | None = None
    status: int = 0


@dataclass(frozen=True)
class Refused:
    """Bytes that are not believed, with the reason.

    Attributes:
        fault: which kind.
        reason: a sentence for people.
        raw: the bytes, at most `SHOWN_BYTES` of them.
        length: how many bytes there were.
        position: offset of the first one in the stream.
        expected: see `Damage`; empty for noise.
        came: see `Damage`.
        where: see `Damage`.
    """

    fault: Fault
    reason: str
    raw: bytes
    length: int
    position: int
    expected: str = ""
    came: str = ""
    where: str = ""

    @classmethod
    def of(cls, damage: Damage, raw: bytes, position: int) -> "Refused":
        """The report of a failed proof on `raw`."""
        return cls(
            damage.fault,
            str(damage),
            bytes(raw[:SHOWN_BYTES]),
            len(raw),
            position,
            damage.expected,
            damage.came,
            damage.where,
        )

    def to_wire(self) -> dict[str, Any]:
        """The line that `cellpass decode` writes for it, ready for JSON."""
        return {
            "refused": self.fault.value,
            "reason": self.reason,
            "expected": self.expected or None,
            "came": self.came or None,
            "where": self.where or None,
            "position": self.position,
            "length": self.length,
            "hex": self.raw.hex(),
        }


_UNREADABLE: Final = "\N{REPLACEMENT CHARACTER}"
_STRUCT_CODES: Final = MappingProxyType({1: "B", 2: "H", 4: "I", 8: "Q"})


@lru_cache(maxsize=1 << 16)
def _scaled(number: int, exponent: int) -> Decimal:
    """The scaled number; devices say the same few thousand numbers over and over."""
    return Decimal(number).scaleb(exponent)


@dataclass(frozen=True)
class Integer:
    """How an integer lies in the bytes: size in bytes, signed or not, byte order."""

    size: int
    signed: bool = False
    little: bool = False

    def read(self, data: bytes, offset: int) -> int | None:
        """The integer at `offset`; None when the data end before it does."""
        size = self.size
        piece = data[offset : offset + size]
        if len(piece) != size:
            return None
        return int.from_bytes(piece, "little" if self.little else "big", signed=self.signed)

    def whole(self, piece: bytes) -> int:
        """The integer that all of these bytes are."""
        return int.from_bytes(piece, "little" if self.little else "big", signed=self.signed)

    def read_all(self, data: bytes, offset: int, count: int) -> tuple[int, ...]:
        """So many of them, one behind the other, from `offset`; only those that are whole."""
        count = min(count, (len(data) - offset) // self.size)
        if count <= 0:
            return ()
        code = _STRUCT_CODES.get(self.size)
        if code is None:
            pieces = (data[offset + self.size * number :][: self.size] for number in range(count))
            order: Literal["little", "big"] = "little" if self.little else "big"
            return tuple(int.from_bytes(piece, order, signed=self.signed) for piece in pieces)
        letter = code.lower() if self.signed else code
        return struct.unpack_from(f"{'<' if self.little else '>'}{count}{letter}", data, offset)

    def write(self, value: int) -> bytes:
        """Its bytes.

        Raises:
            OverflowError: the value does not fit.
        """
        return value.to_bytes(self.size, "little" if self.little else "big", signed=self.signed)


U8: Final = Integer(1)
U16: Final = Integer(2)
I16: Final = Integer(2, signed=True)
U24: Final = Integer(3)
U32: Final = Integer(4)


@dataclass(frozen=True)
class Field:
    """One row of a protocol's field table: where a number lies and what it is.

    Attributes:
        quantity: a key of `QUANTITIES`.
        offset: of its first byte in the payload or block.
        integer: how it lies there.
        exponent: the value is (raw - zero) * 10**exponent.
        unit: in which the scaled value is; must be the quantity's own.
        zero: raw value that means nought (2731 for tenths of a kelvin read as degC).
        index: position, where the quantity has one.
        kind: what an event count counts.
        origin: how the device comes to it.
        source: where the layout is written down, when not the module's own source.
    """

    quantity: str
    offset: int
    integer: Integer
    exponent: int
    unit: Unit
    zero: int = 0
    index: int | None = None
    kind: str | None = None
    origin: Origin = Origin.NATIVE
    source: str = ""

    def __post_init__(self) -> None:
        """A row cannot name a quantity that is no number, or its wrong unit."""
        row = QUANTITIES.get(self.quantity)
        if row is None:
            raise ValueError(f"field table: unknown quantity {self.quantity!r}")
        if row.kind is not ValueKind.NUMBER:
            raise ValueError(f"field table: {self.quantity} is no number; decode it by hand")
        if row.unit is not self.unit:
            raise ValueError(f"field table: {self.quantity} is in {row.unit}, the row says {self.unit}")

    @cached_property
    def _form(self) -> ReadingForm:
        return ReadingForm(self.quantity, kind=self.kind, origin=self.origin, index=self.index)

    def value(self, raw: int, *, coarser: int = 0) -> Decimal:
        """What the raw integer means, in the quantity's unit; `coarser` adds to the exponent."""
        return _scaled(raw - self.zero, self.exponent + coarser)

    def reading(
        self, raw: int, *, coarser: int = 0, index: int | None = None, component: str | None = None
    ) -> Reading:
        """The reading that a raw integer gives; `index` replaces the row's own, for blocks that repeat."""
        return self._form(_scaled(raw - self.zero, self.exponent + coarser), index, component)

    def read_all(
        self, data: bytes, count: int, *, base: int = 0, first: int = 1, component: str | None = None
    ) -> list[Reading]:
        """Readings of so many positions, one behind the other from `base + offset`, as far as they are whole.

        `first` is the index of the first one.
        """
        numbers = self.integer.read_all(data, base + self.offset, count)
        return of_part(self.series(numbers, first=first), component)

    def series(self, numbers: Iterable[int], *, first: int = 1) -> list[Reading]:
        """Readings of raw integers, one position behind the other; `first` is the index of the first one."""
        zero, exponent = self.zero, self.exponent
        return self._form.series([_scaled(raw - zero, exponent) for raw in numbers], first=first)

    def raw(self, value: Decimal, *, coarser: int = 0) -> int:
        """The raw integer nearest to a value; the inverse of `value` for what the field can hold."""
        return int(value.scaleb(-self.exponent - coarser).to_integral_value()) + self.zero

    def read(
        self,
        data: bytes,
        *,
        base: int = 0,
        coarser: int = 0,
        index: int | None = None,
        component: str | None = None,
    ) -> Reading | None:
        """The reading at `base + offset`; None when the data end before it.

        `index` and `component` are for blocks that repeat.
        """
        raw = self.integer.read(data, base + self.offset)
        if raw is None:
            return None
        return self._form(_scaled(raw - self.zero, self.exponent + coarser), index, component)

    def write(self, value: Decimal, *, coarser: int = 0) -> bytes:
        """The bytes of a value, for simulators and fixtures.

        Raises:
            OverflowError: the value does not fit the field.
        """
        return self.integer.write(self.raw(value, coarser=coarser))


def cell_voltages(field: Field, data: bytes, count: int, *, base: int = 0) -> list[Reading]:
    """So many cell voltages, one behind the other from `base + offset`, as far as they are whole.

    Nought is not fitted, or its wire is broken: the position stays, and the zero is no voltage.
    """
    cells = field.read_all(data, count, base=base)
    begin = base + field.offset
    if data.find(b"\x00\x00", begin, begin + count * field.integer.size) < 0:
        return cells
    return [cell if cell.value else altered(cell, doubts=("not_fitted",)) for cell in cells]


class FieldBlock:
    """Fields of one block that are read at once, in the order of their table.

    Fields that overlap, go backwards or have an odd size are refused, as
    this is a mistake of the table's author.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        """Compile the table.

        Raises:
            ValueError: the fields do not follow each other, or mix byte orders.
        """
        self.fields = tuple(fields)
        orders = {field.integer.little for field in fields if field.integer.size > 1}
        pieces, end = [], 0
        for field in fields:
            code = _STRUCT_CODES.get(field.integer.size)
            gap = field.offset - end
            if code is None or gap < 0 or len(orders) > 1 or type(field.integer) is not Integer:
                raise ValueError(f"field block: {field.quantity} cannot be read with those before it")
            pieces.append(f"{gap}x{code.lower() if field.integer.signed else code}")
            end = field.offset + field.integer.size
        self._struct = struct.Struct(("<" if True in orders else ">") + "".join(pieces))
        self._forms = tuple(field._form for field in fields)  # noqa: SLF001
        self._scales = tuple((field.zero, field.exponent) for field in fields)
        self.size = self._struct.size

    def read(self, data: bytes, *, base: int = 0, component: str | None = None) -> list[Reading]:
        """The readings from `base` on; those that lie behind the end of the data are not there."""
        if len(data) - base < self.size:
            found = (field.read(data, base=base, component=component) for field in self.fields)
            return [reading for reading in found if reading is not None]
        numbers = self._struct.unpack_from(data, base)
        values = [
            _scaled(raw - zero, exponent) for raw, (zero, exponent) in zip(numbers, self._scales, strict=True)
        ]
        return of_part(together(self._forms, values), component)


@dataclass(frozen=True)
class Request:
    """One entry of a protocol's allow-list.

    Attributes:
        name: what it is called here.
        command: as the protocol numbers it.
        reads: what the answer holds, for people.
    """

    name: str
    command: int
    reads: str


@cache
def _any_of(starts: bytes) -> re.Pattern[bytes]:
    """What finds the next start marker."""
    return re.compile(b"[" + b"".join(b"\\x%02x" % start for start in starts) + b"]")


class Framer(ABC):
    """Finds frames in a stream that comes in arbitrary pieces.

    A frame begins at a start marker and ends by its length, never by its end marker. When a proof fails, the
    search goes on one byte after the failed start, so a sound frame behind or inside damage is still found.
    What lies inside a reported stretch, and what follows it up to the next start marker, is not reported
    again. The result does not depend on the pieces. The buffer never holds more than one frame of the
    greatest length and one slice of what is fed.
    """

    # First bytes of a frame, each one byte, and what they are called where a list of them would tell nobody
    # anything; bytes that may stand between frames without a word.
    starts: ClassVar[bytes]
    start_words: ClassVar[str] = ""
    quiet: ClassVar[bytes] = b""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0  # of the buffer's first byte in the stream
        self._reported_to = 0  # stream offset up to which a refusal already speaks
        self._in_damage = False  # no sound frame has come since the last refusal
        self._noise = bytearray()
        self._noise_length = 0  # up to its last byte that is not quiet
        self._noise_seen = 0
        self._noise_position = 0

    @abstractmethod
    def _length(self, buffer: bytes) -> int | None:
        """Whole length in bytes of the frame that begins the buffer; None while its head is incomplete.

        Raises:
            Damage: this cannot be the head of a frame; it says how many bytes show that.
        """

    @abstractmethod
    def _open(self, raw: bytes, position: int) -> Frame:
        """The proven frame.

        Raises:
            Damage: a delimiter or the checksum is wrong.
        """

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """Everything that became certain with these bytes, in order of the stream."""
        out: list[Frame | Refused] = []
        # A piece larger than any frame is taken in slices: memory stays bounded whatever a caller hands in.
        for begin in range(0, len(data), 4096):
            self._buffer += data[begin : begin + 4096]
            self._search(out, final=False)
        return out

    def flush(self) -> list[Frame | Refused]:
        """The stream has ended or fallen silent: what is left is refused, unless a frame hides in it."""
        out: list[Frame | Refused] = []
        self._search(out, final=True)
        self._end_noise(out)
        return out

    def _search(self, out: list[Frame | Refused], *, final: bool) -> None:
        buffer = bytes(self._buffer)
        begin = 0
        while begin < len(buffer):
            if self._in_damage and (begin := self._onward(buffer, begin)) == len(buffer):
                break
            if buffer[begin] not in self.starts:
                begin = self._skip(buffer, begin)
                continue
            view = buffer[begin:]
            position = self._position + begin
            try:
                frame = self._attempt(view, position, final=final)
            except Damage as damage:
                self._refuse(damage, view, position, out)
                begin += 1
                continue
            if frame is None:
                break
            self._end_noise(out)
            out.append(frame)
            begin += len(frame.raw)
            # A frame inside a refused stretch proves that the stretch lied about its length.
            self._reported_to = self._position + begin
            self._in_damage = False
        del self._buffer[:begin]
        self._position += begin

    def _attempt(self, view: bytes, position: int, *, final: bool) -> Frame | None:
        """The frame that begins the view; None while more bytes may still come.

        Raises:
            Damage: a proof failed, or the stream has ended inside it.
        """
        length = self._length(view)
        if length is not None and len(view) >= length:
            return self._open(view[:length], position)
        if not final:
            return None
        raise Damage(
            Fault.TRUNCATED,
            expected="a whole head" if length is None else f"{length} bytes",
            came=f"{len(view)} bytes",
            where="the end of the stream",
            judged_bytes=len(view),
        )

    def _refuse(self, damage: Damage, view: bytes, position: int, out: list[Frame | Refused]) -> None:
        if position < self._reported_to:
            return
        self._end_noise(out)
        judged = damage.judged_bytes
        if judged is None:
            judged = self._length(view) or len(view)
        raw = view[:judged]
        out.append(Refused.of(damage, raw, position))
        self._reported_to = position + len(raw)
        self._in_damage = True

    def _onward(self, buffer: bytes, begin: int) -> int:
        """Inside damage: the next place where a frame can begin; its end for none.

        A framer overrides it where most bytes may begin a frame and what follows them shows that none does.
        """
        del buffer
        return begin

    def _skip(self, buffer: bytes, begin: int) -> int:
        """Move past bytes that are no start; note what nobody has reported. The next place to look."""
        start = _any_of(self.starts).search(buffer, begin)
        end = len(buffer) if start is None else start.start()
        if not self._in_damage:
            self._hear(buffer[begin:end], self._position + begin)
        return end

    def _hear(self, skipped: bytes, position: int) -> None:
        """Add to the noise; bytes that may stand between frames count only when noise is on both sides."""
        if not self._noise_seen:
            loud = skipped.lstrip(self.quiet)
            position += len(skipped) - len(loud)
            skipped = loud
            self._noise_position = position
        self._noise += skipped[: SHOWN_BYTES - len(self._noise)]
        loud_bytes = len(skipped.rstrip(self.quiet))
        if loud_bytes:
            self._noise_length = self._noise_seen + loud_bytes
        self._noise_seen += len(skipped)

    def _end_noise(self, out: list[Frame | Refused]) -> None:
        if self._noise_length:
            words = self.start_words or " or ".join(f"{start:02x}" for start in self.starts)
            expected = f"a start marker ({words})"
            came = f"{self._noise_length} other byte" + ("s" if self._noise_length > 1 else "")
            damage = Damage(Fault.NOISE, expected=expected, came=came, where=f"byte {self._noise_position}")
            refused = Refused.of(damage, bytes(self._noise[: self._noise_length]), self._noise_position)
            out.append(replace(refused, length=self._noise_length))
        self._noise.clear()
        self._noise_length = self._noise_seen = 0


# Answers of so few readings are remembered, so many of them.
_FEW: Final = 8
_ANSWERS_KEPT: Final = 256


class Decoder(typing.Protocol):
    """Reads proven frames in order of arrival."""

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""


class Poller(typing.Protocol):
    """Asks one device, cycle after cycle."""

    def cycle(self) -> Iterator[bytes]:
        """The requests of one cycle; each is made after the answers to those before it were decoded."""


class Protocol(ABC):
    """One protocol. A subclass states the class attributes and the four methods.

    Attributes:
        name: as in `--protocol` and in the folder of its captures.
        title: for people.
        certainty: shown wherever its readings are.
        requests: the allow-list; nothing else is ever sent.
        is_text: True when frames are lines of ASCII, so that a log of it is a text file.
        also_binary: True when a text protocol has a binary form too, so that a log may be either.
        baud_rates: of a serial line, the usual one first.
        carrier: what its frames travel on.
        by_turns: True when a request on a bus waits for the answer to the one before.
        repeats: True when what an answer says follows from its bytes and its request alone. States and texts
            come again unchanged for hours; such a short answer is then read once and told again.
        takes_file: True when a file of the user's behind its name tunes it, as in `uds:TABLE.csv`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    certainty: ClassVar[Certainty]
    requests: ClassVar[tuple[Request, ...]]
    is_text: ClassVar[bool] = False
    also_binary: ClassVar[bool] = False
    baud_rates: ClassVar[tuple[int, ...]] = (9600,)
    carrier: ClassVar[Carrier] = Carrier.STREAM
    by_turns: ClassVar[bool] = False
    repeats: ClassVar[bool] = False
    takes_file: ClassVar[bool] = False

    @abstractmethod
    def framer(self) -> Framer:
        """A new framer, with an empty buffer."""

    @abstractmethod
    def poll(self, address: int | None = None) -> list[bytes]:
        """The requests of one polling cycle, in order; None asks whatever answers first on the line."""

    def identify(self, address: int | None = None) -> list[bytes]:
        """Requests that are worth asking once after connecting; their answers seldom change."""
        del address
        return []

    @abstractmethod
    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one request of the allow-list.

        Raises:
            RequestForbidden: no entry of that name.
        """

    @abstractmethod
    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        """What a proven answer says; readings made for this call, none of them kept.

        Raises:
            Damage: the payload contradicts its own lengths, or is another protocol's.
        """

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Whether the answer can belong to the request: same command and address."""
        return frame.command == request.command and frame.address == request.address

    def still_open(self, asked: list[Frame], answered: int) -> list[Frame]:
        """The requests that later answers may belong to, once `asked[answered]` has been answered.

        Where answers do not say what they answer, a request is used up by its answer.
        """
        del answered
        return asked

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Whether the answer to the request is whole with this frame; else it ends when the line pauses."""
        del frame, request
        return True

    def onward(self, heard: bytes, request: Frame) -> bytes:
        """What a bus needs so that the answer goes on, as ISO-TP's flow control; empty for nothing.

        It is part of the read: it asks for nothing and changes nothing. Used where requests take turns.
        """
        del heard, request
        return b""

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """What a proven frame says, each reading with the frame's hash as evidence.

        A request says nothing. With `request`, an answer to something else is refused.

        Raises:
            FrameRefused: always a `Damage`, which names expected, came and where.
            RequestForbidden: `request` is no request of this protocol.
        """
        if frame.is_request:
            return []
        key = (frame.raw, request)
        if self.repeats and (known := self._told_before.get(key)) is not None:
            readings = copies(known[1])
            stamp(readings, known[0])
            return readings
        asked = self._parse_request(request) if request is not None else None
        if asked is not None and not self.answers(frame, asked):
            raise Damage(
                Fault.UNMATCHED,
                expected=f"an answer to command {asked.command:02x} of address {_address(asked)}",
                came=f"one to {frame.command:02x} of address {_address(frame)}",
                where="the head",
            )
        # The hash of what may be kept: one over a short secret would give it away.
        evidence = sha256(self.redact(frame.raw)).hexdigest()
        readings = self._readings(frame, asked)
        if self.repeats and len(readings) <= _FEW:
            if len(self._told_before) >= _ANSWERS_KEPT:
                self._told_before.clear()
            self._told_before[key] = (evidence, copies(readings))
        stamp(readings, evidence)
        return readings

    @cached_property
    def _told_before(self) -> dict[tuple[bytes, bytes | None], tuple[str, list[Reading]]]:
        return {}

    def poller(self, address: int | None, decoder: "Decoder") -> Poller:
        """What asks a device; one whose requests follow from earlier answers looks into its decoder."""
        del decoder
        return _Same(self, address)

    def decoder(self) -> "Decoder":
        """What reads the frames of one session; a protocol whose frames need earlier ones gives a new one."""
        return self

    def tuned(self, argument: str) -> "Protocol":
        """The same protocol with a setting of the installation, as in `emus-can:0x10B5`.

        Raises:
            ProtocolUnknown: it has none, or not such a one.
        """
        raise ProtocolUnknown(f"{self.name} has nothing to set; came {argument!r}")

    def redact(self, raw: bytes) -> bytes:
        """The frame as it may be stored or shown: passcodes and PINs blanked, all else as it was."""
        return raw

    def whole(self, payload: bytes) -> bytes | None:
        """The frame around a payload that was recorded without; None where the payload does not tell it."""
        del payload
        return None

    def permit(self, data: bytes) -> Frame:
        """The request in these bytes, when it is on the allow-list and nothing else is with it.

        Raises:
            RequestForbidden: the sentence names what is allowed.
        """
        frame = self._parse_request(data)
        allowed = [row for row in self.requests if row.command == frame.command]
        if not any(self.request(row.name, self._asked_address(frame)) == data for row in allowed):
            names = ", ".join(f"{row.name} ({row.command:02x})" for row in self.requests)
            raise RequestForbidden(
                f"{self.name}: request {data.hex()} is not on the list of reads; allowed: {names}"
            )
        return frame

    def _asked_address(self, frame: Frame) -> int | None:
        """The `address` argument that would have built this request."""
        return frame.address

    def _row(self, name: str) -> Request:
        for row in self.requests:
            if row.name == name:
                return row
        names = ", ".join(row.name for row in self.requests)
        raise RequestForbidden(f"{self.name}: no read is called {name!r}; allowed: {names}")

    def _parse_request(self, data: bytes) -> Frame:
        """The request in these bytes; the same few are asked over and over, so they are remembered."""
        return _parsed(self, data)

    def _one_request(self, data: bytes) -> Frame:
        framer = self.framer()
        found = framer.feed(data) + framer.flush()
        if len(found) == 1 and isinstance(found[0], Frame) and found[0].is_request:
            return found[0]
        raise RequestForbidden(f"{self.name}: {data[:64].hex()} is not one request of this protocol")


@dataclass(frozen=True)
class _Same:
    """Asks the same in every cycle."""

    protocol: Protocol
    address: int | None

    def cycle(self) -> Iterator[bytes]:
        return iter(self.protocol.poll(self.address))


@lru_cache(maxsize=1024)
def _parsed(protocol: Protocol, data: bytes) -> Frame:
    return protocol._one_request(data)  # noqa: SLF001  # the memory of `_parse_request`


def _address(frame: Frame) -> str:
    return "any" if frame.address is None else f"{frame.address:02x}"


class Cursor:
    """Reads a payload from front to back; what it hands out it has proven to be there.

    Attributes:
        data: the payload.
        name: what it is, for people.
        at: bytes already taken.
    """

    __slots__ = ("at", "data", "name")

    def __init__(self, data: bytes, name: str) -> None:
        """At the first byte."""
        self.data = data
        self.name = name
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return len(self.data) - self.at

    def take(self, size: int, what: str) -> bytes:
        """The next bytes.

        Raises:
            Damage: fewer are left.
        """
        begin = self.at
        piece = self.data[begin : begin + size]
        if len(piece) < size:
            raise Damage(
                Fault.LENGTH,
                expected=f"{what} ({size} byte{'s' if size != 1 else ''})",
                came=f"{len(piece)} left",
                where=f"byte {begin} of the {self.name}",
            )
        self.at = begin + size
        return piece

    def number(self, integer: Integer, what: str) -> int:
        """The next integer.

        Raises:
            Damage: fewer bytes are left than it needs.
        """
        return integer.whole(self.take(integer.size, what))

    def end(self) -> None:
        """Nothing may be left.

        Raises:
            Damage: something is.
        """
        if self.left:
            raise Damage(
                Fault.LENGTH,
                expected=f"the end of the {self.name}",
                came=f"{self.left} more bytes",
                where=f"byte {self.at} of the {self.name}",
            )


def text_reading(quantity: str, data: bytes, *, origin: Origin = Origin.NATIVE) -> Reading:
    """A text up to its first zero byte, without blanks around it; absent when nothing is left of it."""
    text = data.partition(b"\x00")[0].decode("ascii", "replace").strip()
    if not text:
        return Reading(quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
    return legible(quantity, text, origin=origin)


def legible(quantity: str, text: str, *, origin: Origin = Origin.NATIVE) -> Reading:
    """A text; with a mark in the place of each character that cannot be printed, and then a doubt."""
    clean = text if text.isprintable() else "".join(c if c.isprintable() else _UNREADABLE for c in text)
    reading = told(quantity, clean, origin=origin)
    return altered(reading, doubts=("unreadable_text",)) if _UNREADABLE in clean else reading


def day_reading(quantity: str, year: int, month: int, day: int) -> Reading:
    """A day as ISO text; one that the calendar does not have stays, with its doubt."""
    text = f"{year}-{month:02d}-{day:02d}"
    try:
        date(year, month, day)
    except ValueError:
        return Reading(quantity, text, doubts=("no_such_day",))
    return Reading(quantity, text)


@cache
def _names() -> frozenset[str]:
    package = importlib.import_module("ingest.protocols")
    return frozenset(entry.name for entry in pkgutil.iter_modules(package.__path__))


def _modules() -> list[ModuleType]:
    return [importlib.import_module(f"ingest.protocols.{name}") for name in sorted(_names())]


@cache
def openers() -> Mapping[str, Callable[[str], Protocol]]:
    """What opens the protocols that a file of the user's describes (`dbc:FILE`), by the word in front.

    A module in `ingest/protocols` that has a function `open_protocol` instead of a `PROTOCOL` is one.
    """
    found = {module.__name__.rpartition(".")[2]: module for module in _modules()}
    return {
        name: module.open_protocol
        for name, module in sorted(found.items())
        if hasattr(module, "open_protocol")
    }


def files() -> list[str]:
    """The words in front of a file that describes a protocol, also where they are one alone (`uds`)."""
    return sorted([*openers(), *(name for name, one in discover().items() if one.takes_file)])


@cache
def discover() -> Mapping[str, Protocol]:
    """Every protocol that needs no file, by name, found by looking in the folder `ingest/protocols`."""
    found: dict[str, Protocol] = {}
    for module in _modules():
        if hasattr(module, "open_protocol"):
            continue
        protocol = module.PROTOCOL
        if not isinstance(protocol, Protocol) or protocol.name in found:
            raise TypeError(f"{module.__name__}: PROTOCOL is no protocol, or its name is taken")
        found[protocol.name] = protocol
    return dict(sorted(found.items()))


def find(name: str) -> Protocol:
    """The protocol of that name, or the one that a file describes (`modbus:MAP.csv`).

    Raises:
        ProtocolUnknown: the sentence lists the known ones, or says what is wrong with the file.
    """
    kind, colon, argument = name.partition(":")
    # Only the module of that name is imported: all of them cost a command most of a second.
    file = kind.replace("-", "_")
    if kind == file.replace("_", "-") and file in _names():
        module = importlib.import_module(f"ingest.protocols.{file}")
        if not hasattr(module, "open_protocol"):
            protocol: Protocol = module.PROTOCOL
            return protocol.tuned(argument) if colon else protocol
        if colon:
            opened: Protocol = module.open_protocol(argument)
            return opened
    known = ", ".join([*discover(), *(f"{kind}:FILE" for kind in files())])
    raise ProtocolUnknown(f"no protocol is called {name!r}; known: {known}")
