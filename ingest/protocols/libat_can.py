"""LiBat on CAN, version 1: identifiers of 29 bits, base, a zero byte and an operation.

    base high   base low   00   operation

A request is the identifier with no data; the device answers with the same identifier. Of several operations
the maker's public pages tell the name and no layout: those are told as not read, and nothing is guessed.
Two devices left at the base as delivered answer under one identifier, which shows when values take turns.

Source: public pages of the maker as restated in docs/protocols/libat-can.md; unproven on hardware.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar, Final

from ingest.can import Assembler, BusFrame, CanFrame, CanProtocol, Message, read_bases, table
from ingest.protocol import U8, Certainty, Decoder, Field, Frame, Refused
from schemas.reading import Reading
from schemas.terms import ReadingAbsence, Unit

DEFAULT_BASE: Final = 0x0AAA
_LOW_V: Final = -200  # a byte of 0 is 2.00 V

HELLO, STATUS, VOLTAGES, CURRENTS, POWER, TEMPERATURES, ONE_CELL = range(0x01, 0x08)
CELLS, CELL_TEMPERATURES, SLEEP = 0x08, 0x40, 0x70
_GROUP: Final = 8
_FULL: Final = 0xFF

CHARGE: Final = (Field("state_of_charge", 0, U8, 0, Unit.PERCENT),)
EXTREMES: Final = (
    Field("cell_voltage_min", 0, U8, -2, Unit.VOLT, zero=_LOW_V),
    Field("cell_voltage_max", 1, U8, -2, Unit.VOLT, zero=_LOW_V),
)
CELL: Final = Field("cell_voltage", 0, U8, -2, Unit.VOLT, zero=_LOW_V)

# By operation; what is broadcast in groups stands under its first one.
MESSAGES: Final = table(
    Message(HELLO, "hello", 0),
    Message(STATUS, "pack status", 1, CHARGE),
    Message(VOLTAGES, "pack voltages", 5, EXTREMES),
    Message(CURRENTS, "currents", 1),
    Message(POWER, "power and energy", 1),
    Message(TEMPERATURES, "temperatures", 1),
    Message(ONE_CELL, "voltage of one cell", 1),
    Message(CELLS, "cell voltages", 1, (CELL,)),
    Message(CELL_TEMPERATURES, "cell temperatures", 1),
    Message(SLEEP, "sleep", 0),
)
# Operations whose layout nobody published, and what they would tell.
UNREAD: Final[Mapping[int, tuple[str, ...]]] = {
    CURRENTS: ("current",),
    POWER: ("power", "remaining_energy"),
    TEMPERATURES: ("cell_temperature",),
    CELL_TEMPERATURES: ("cell_temperature",),
}
ALSO: Final = ("alarm",)

# So many values of one operation are compared; neighbours so far apart, every second one so near.
_TRACK: Final = 6
_APART: Final = 3
_ALIKE: Final = 1


class _Asking:
    """Takes frames apart from those that only ask: no data."""

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """The frame."""
        whole = frame.whole()
        return [whole if frame.data else replace(whole, is_request=True)]

    def flush(self) -> list[Frame | Refused]:
        """Nothing: no frame waits for another."""
        return []


class LibatCan(CanProtocol):
    """See the module.

    Attributes:
        bases: of the devices that are listened to.
    """

    name: ClassVar[str] = "libat-can"
    title: ClassVar[str] = "LiBat on CAN, version 1"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    baud_rates: ClassVar[tuple[int, ...]] = (250_000, 500_000)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    extended: ClassVar[bool] = True

    def __init__(self, bases: Iterable[int] = (DEFAULT_BASE,)) -> None:
        self.bases = tuple(bases)

    def tuned(self, argument: str) -> "LibatCan":
        """The same for devices of other bases: `libat-can:0x0AAB`, or several with commas."""
        return LibatCan(read_bases(self.name, argument))

    def assembler(self) -> Assembler:
        """One that knows requests."""
        return _Asking()

    def decoder(self) -> Decoder:
        """One that notices when two devices answer under one identifier."""
        return _Tracks(self)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """A frame of device number `part`; `source` is the group of what is broadcast in groups."""
        base = self.bases[part % len(self.bases)]
        group = source % 8 if number in (CELLS, CELL_TEMPERATURES) else 0
        return CanFrame(base << 16 | number + group, data, self.extended)

    def key(self, frame: Frame) -> int | None:
        """The operation; None for another base or an unknown one."""
        if not isinstance(frame, BusFrame) or not frame.extended or frame.identifier >> 16 not in self.bases:
            return None
        number = frame.identifier & 0xFFFF
        if CELLS <= number < CELL_TEMPERATURES:
            return CELLS
        if CELL_TEMPERATURES <= number < SLEEP:
            return CELL_TEMPERATURES
        return number if number in self.messages else None

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        readings = _told(message, data, (frame.command & 0xFFFF) - CELLS)
        if len(self.bases) > 1:
            part = f"unit/0x{frame.command >> 16:04x}"
            return [replace(one, component=part) for one in readings]
        return readings


def _told(message: Message, data: bytes, group: int) -> list[Reading]:
    number = message.identifier
    if number in UNREAD:
        return [Reading(name, None, absence=ReadingAbsence.NOT_READ) for name in UNREAD[number]]
    if number == CELLS:
        # That each byte is a cell, and that groups are of eight, is suspected from the message of extremes.
        readings = CELL.read_all(data, len(data), first=group * _GROUP + 1)
        found = zip(data, readings, strict=True)
        return [replace(one, doubts=(*_ends(raw), "place_unproven")) for raw, one in found]
    readings = []
    for row in message.fields:
        raw = data[row.offset]
        doubts = _ends(raw) if row.unit is Unit.VOLT else ()
        reading = row.reading(raw)
        readings.append(replace(reading, doubts=doubts) if doubts else reading)
    return readings


def _ends(raw: int) -> tuple[str, ...]:
    """Doubts at the ends of a byte's scale."""
    if raw == _FULL:
        return ("saturated",)
    return () if raw else ("lowest_of_scale",)


@dataclass
class _Tracks:
    """Reads the frames of one session; remembers the last values of what two devices would contradict in."""

    protocol: LibatCan
    _tracks: dict[tuple[str | None, int], deque[int]] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self.protocol.decode(frame, request=request)
        key = self.protocol.key(frame)
        if frame.is_request or key not in (STATUS, VOLTAGES) or not isinstance(frame, BusFrame):
            return readings
        track = self._tracks.setdefault((frame.channel, frame.identifier), deque(maxlen=_TRACK))
        track.append(frame.payload[0])
        if not _take_turns(list(track)):
            return readings
        part = f"unit/0x{frame.identifier >> 16:04x}" if len(self.protocol.bases) > 1 else None
        alarm = Reading("alarm", "duplicate_address", component=part)
        return [*readings, *self.protocol.sealed(frame, [alarm])]


def _take_turns(values: list[int]) -> bool:
    """Whether every second value is alike and neighbours are apart, over a full track."""
    if len(values) < _TRACK:
        return False
    apart = all(abs(a - b) >= _APART for a, b in pairwise(values))
    return apart and all(abs(a - b) <= _ALIKE for a, b in zip(values, values[2:], strict=False))


PROTOCOL: Final = LibatCan()
