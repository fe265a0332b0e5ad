"""Battery modules on CANopen, profile CiA 418: objects that are read one by one through a node's SDO server.

An answer that fits one frame says of itself which object it is, so those that others ask for are read as
well. Process data are not: their layout is the node's own. Nothing but reads ("upload") is ever sent.

Source: docs/protocols/cia418.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from ingest.can import BusFrame, CanFrame, CanProtocol, Message, read_spelling, table, too_short
from ingest.errors import RequestForbidden
from ingest.protocol import (
    U8,
    Certainty,
    Damage,
    Decoder,
    Fault,
    Field,
    Frame,
    Integer,
    Request,
    text_reading,
)
from schemas.reading import Reading, altered
from schemas.terms import Origin, ReadingAbsence, Unit

U16: Final = Integer(2, little=True)
I16: Final = Integer(2, signed=True, little=True)
U32: Final = Integer(4, little=True)

ASKED: Final = 0x600
ANSWERED: Final = 0x580
_NODES: Final = range(1, 128)
_READ: Final = 0x40
_ABORT: Final = 0x80
_KIND: Final = 0xE0
_IN_ONE_FRAME: Final = 2
_SIZE_TOLD: Final = 1
_HEAD: Final = 4
# Codes of an abort: there is no such object, no such place in it.
_NOT_THERE: Final = frozenset({0x06020000, 0x06090011})

# Objects: index and sub-index in one number.
DEVICE_TYPE: Final = 0x100000
PROFILE: Final = 418
SERIAL: Final = (0x603001, 0x603002, 0x603003)

# One bit of an object in the unit of its row.
STEPS: Final[Mapping[str, int]] = {
    "cell_temperature_mean": 125,
    "voltage": 9_765_625,
    "charge_current_limit": 625,
}
MESSAGES: Final = table(
    Message(DEVICE_TYPE, "type of the device", 4),
    Message(0x601000, "temperature", 4, (Field("cell_temperature_mean", 0, I16, -3, Unit.CELSIUS),)),
    Message(
        0x602002,
        "capacity",
        4,
        (Field("nameplate_capacity", 0, U16, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),),
    ),
    Message(
        0x602004,
        "number of cells",
        4,
        (Field("cell_count", 0, U16, 0, Unit.ONE, origin=Origin.CONFIGURED),),
    ),
    *(Message(number, "serial number, four characters", 4) for number in SERIAL),
    Message(0x605000, "charge over life", 4, (Field("charge_in", 0, U32, 0, Unit.AMPERE_HOUR),)),
    Message(0x606000, "voltage", 4, (Field("voltage", 0, U32, -10, Unit.VOLT),)),
    Message(0x607000, "requested current", 4, (Field("charge_current_limit", 0, U16, -4, Unit.AMPERE),)),
    Message(0x608100, "state of charge", 4, (Field("state_of_charge", 0, U8, 0, Unit.PERCENT),)),
)
ALSO: Final = ("serial_number",)
_DOUBTS: Final[Mapping[str, tuple[str, ...]]] = {"charge_in": ("scale_unproven",), "cell_count": ()}
# Figures of which a nought says that nobody filled them.
_FILLED: Final = frozenset({"nameplate_capacity", "cell_count", "voltage"})

OBJECTS: Final[Mapping[str, int]] = {
    "device_type": DEVICE_TYPE,
    "temperature": 0x601000,
    "capacity": 0x602002,
    "cells": 0x602004,
    "serial_1": SERIAL[0],
    "serial_2": SERIAL[1],
    "serial_3": SERIAL[2],
    "charge": 0x605000,
    "voltage": 0x606000,
    "requested_current": 0x607000,
    "state_of_charge": 0x608100,
}
REQUESTS: Final = tuple(
    Request(name, ASKED, f"object {number >> 8:04X}:{number & 0xFF:02X}, {MESSAGES[number].title}")
    for name, number in OBJECTS.items()
)


def head(command: int, number: int) -> bytes:
    """The first four bytes of a question or an answer about an object."""
    return bytes([command, number >> 8 & 0xFF, number >> 16, number & 0xFF])


def size_of(number: int) -> int:
    """How many bytes an object has."""
    fields = MESSAGES[number].fields
    return fields[0].integer.size if fields else 4


def answer(node: int, number: int, data: bytes) -> CanFrame:
    """The answer of a node about an object; `data` lie behind its head."""
    command = _READ | (4 - size_of(number)) << 2 | _IN_ONE_FRAME | _SIZE_TOLD
    return CanFrame(ANSWERED + node, head(command, number) + data[:4])


@dataclass
class Modules:
    """A decoder that joins serial numbers and passes over nodes that said that they are something else."""

    protocol: CanProtocol
    _profiles: dict[tuple[str | None, int], int] = field(default_factory=dict)
    _letters: dict[tuple[str | None, int], dict[int, bytes]] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self.protocol.decode(frame, request=request)
        key = self.protocol.key(frame)
        if key is None or not isinstance(frame, BusFrame) or frame.is_request:
            return readings
        node, data = (frame.channel, frame.identifier), frame.payload
        is_answer = data[0] != _ABORT
        if key == DEVICE_TYPE and is_answer:
            self._profiles[node] = int.from_bytes(data[4:6], "little")
        if self._profiles.get(node, PROFILE) != PROFILE:
            return []
        if key not in SERIAL or not is_answer:
            return readings
        letters = self._letters.setdefault(node, {})
        letters[key] = data[_HEAD:]
        if len(letters) < len(SERIAL):
            return readings
        words = b"".join(letters[number] for number in SERIAL)
        letters.clear()
        serial = text_reading("serial_number", words)
        doubts = (*serial.doubts, "meaning_unproven") if serial.value else ()
        made = altered(serial, component=_part(frame), doubts=doubts)
        return [*readings, *self.protocol.sealed(frame, [made])]


class Cia418(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "cia418"
    title: ClassVar[str] = "CANopen battery modules (CiA 418)"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (125_000, 250_000, 500_000)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    polled: ClassVar[Sequence[str]] = tuple(OBJECTS)

    def request(self, name: str, address: int | None = None) -> bytes:
        """The question to a node about an object, by its name; node 1 when none is named.

        Raises:
            RequestForbidden: the name is not on the list, or there is no such node.
        """
        node = 1 if address is None else address
        number = OBJECTS[self._row(name).name]
        if node not in _NODES:
            raise RequestForbidden(f"{self.name}: a node has a number from 1 to 127, not {node}")
        return CanFrame(ASKED + node, head(_READ, number) + bytes(4)).raw

    def _parse_request(self, data: bytes) -> Frame:
        frame = read_spelling(data)
        if frame is None or frame.extended or frame.identifier - ASKED not in _NODES:
            raise RequestForbidden(
                f"{self.name}: {data[:64].hex()} is not one request of this protocol; only reads are allowed"
            )
        return replace(frame.whole(command=ASKED), is_request=True, address=frame.identifier - ASKED)

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Whether it is the node that was asked, about the object that was asked for."""
        node = request.address or 0
        return frame.command == ANSWERED + node and frame.payload[1:4] == request.payload[1:4]

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Whether it is the answer; others speak on the bus in between."""
        return self.answers(frame, request)

    def decoder(self) -> Decoder:
        """One that joins serial numbers."""
        return Modules(self)

    def subject(self, raw: bytes) -> bytes:
        """The node and the object."""
        identifier, _, data = raw.partition(b"#")
        return identifier + b"#" + data[2:8]

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """See `CanProtocol.spoken`."""
        del part
        return answer(source & 0x7F or 1, number, data)

    def key(self, frame: Frame) -> int | None:
        """The object that an answer of one frame, or a refusal to answer, is about."""
        data = frame.payload
        if not isinstance(frame, BusFrame) or frame.extended or len(data) < _HEAD:
            return None
        if frame.command - ANSWERED not in _NODES:
            return None
        is_whole = data[0] & _KIND == _READ and data[0] & _IN_ONE_FRAME
        if not is_whole and data[0] != _ABORT:
            return None
        return data[2] << 16 | data[1] << 8 | data[3]

    def part(self, frame: Frame) -> str:
        """The node."""
        return _part(frame)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        key = self.key(frame)
        message = self.messages.get(key) if key is not None else None
        if message is None:
            return []
        data = frame.payload[_HEAD:]
        if len(data) < message.least:
            raise too_short(message, data)
        return self._message(message, data, frame)

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        part, command = _part(frame), frame.payload[0]
        if command == _ABORT:
            there = int.from_bytes(data, "little") not in _NOT_THERE
            absence = ReadingAbsence.NOT_READ if there else ReadingAbsence.NOT_SUPPORTED
            rows = [(row.quantity, row.origin) for row in message.fields]
            if message.identifier == SERIAL[0]:
                rows = [("serial_number", Origin.NATIVE)]
            return [
                Reading(name, None, component=part, absence=absence, origin=origin) for name, origin in rows
            ]
        size, due = 4 - (command >> 2 & 3), size_of(message.identifier)
        if command & _SIZE_TOLD and size != due:
            raise Damage(
                Fault.LENGTH,
                expected=f"{due} bytes ({message.title})",
                came=f"{size}",
                where=f"object {message.identifier >> 8:04X}:{message.identifier & 0xFF:02X}",
            )
        return [_number(row, data, part) for row in message.fields]


def _part(frame: Frame) -> str:
    return f"node/{frame.command - ANSWERED}"


def _number(row: Field, data: bytes, part: str) -> Reading:
    raw = row.integer.read(data, row.offset)
    assert raw is not None
    found = row.reading(raw * STEPS.get(row.quantity, 1), component=part)
    doubts = _DOUBTS.get(row.quantity, ("meaning_unproven",))
    if not raw and row.quantity in _FILLED:
        doubts = (*doubts, "unfilled")
    return altered(found, doubts=doubts)


PROTOCOL: Final = Cia418()
