"""Batteries on NMEA 2000, the network of ships: parameter groups, fast packets, one part for each instance.

A source address is claimed anew whenever the network starts and says nothing lasting; the NAME of 64 bits
that a device claims it with does, so readings of a battery carry it as soon as it was heard.

Source: docs/protocols/nmea2000.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from ingest.can import (
    Assembler,
    BusFrame,
    CanFrame,
    CanProtocol,
    Message,
    compose,
    parameter_group,
    source_address,
    table,
)
from ingest.protocol import Certainty, Damage, Decoder, Fault, Field, Frame, Integer, Refused
from schemas.reading import Reading
from schemas.terms import Origin, ReadingAbsence, Unit

U8: Final = Integer(1)
U16: Final = Integer(2, little=True)
I16: Final = Integer(2, signed=True, little=True)

DETAILED: Final = 127506
STATUS: Final = 127508
CONFIGURATION: Final = 127513
STORAGE_DYNAMIC: Final = 127491
STORAGE_STATIC: Final = 127495
ADDRESS_CLAIM: Final = 60928

_KELVIN: Final = 27315  # hundredths
MESSAGES: Final = table(
    Message(
        STATUS,
        "battery status",
        7,
        (
            Field("voltage", 1, I16, -2, Unit.VOLT),
            Field("current", 3, I16, -1, Unit.AMPERE),
            Field("cell_temperature_mean", 5, U16, -2, Unit.CELSIUS, zero=_KELVIN),
        ),
    ),
    Message(
        DETAILED,
        "DC detailed status",
        9,
        (
            Field("state_of_charge", 3, U8, 0, Unit.PERCENT),
            Field("bms_reported_health", 4, U8, 0, Unit.PERCENT),
            Field("remaining_charge", 9, U16, 0, Unit.AMPERE_HOUR),
        ),
    ),
    Message(
        CONFIGURATION,
        "battery configuration",
        8,
        (Field("nameplate_capacity", 3, U16, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),),
    ),
    Message(
        STORAGE_DYNAMIC,
        "electric energy storage, dynamic",
        14,
        (
            Field("state_of_charge", 1, U8, 0, Unit.PERCENT),
            Field("cell_temperature_max", 4, U16, -2, Unit.CELSIUS, zero=_KELVIN),
            Field("cell_temperature_min", 6, U16, -2, Unit.CELSIUS, zero=_KELVIN),
            Field("cell_temperature_mean", 8, U16, -2, Unit.CELSIUS, zero=_KELVIN),
            Field("discharge_current_limit", 10, I16, -1, Unit.AMPERE),
            Field("charge_current_limit", 12, I16, -1, Unit.AMPERE),
        ),
    ),
    Message(
        STORAGE_STATIC,
        "electric energy storage, information",
        18,
        (
            Field("bms_reported_health", 15, U8, 0, Unit.PERCENT),
            Field("cycle_count", 16, U16, 0, Unit.ONE),
        ),
    ),
    Message(ADDRESS_CLAIM, "address claim", 8),
)
ALSO: Final = ("chemistry", "serial_number")
# Where the number of the battery stands.
_INSTANCE_AT: Final[Mapping[int, int]] = {DETAILED: 1}
_BATTERY: Final = 0  # DC type of 127506; others are alternators, converters, panels, wind
_NO_TYPE: Final = 0xFF
CHEMISTRIES: Final = ("Pb", "Li", "NiCd", "ZnO", "NiMH")
_NO_CHEMISTRY: Final = 0xF

FAST: Final = frozenset({DETAILED, CONFIGURATION, STORAGE_DYNAMIC, STORAGE_STATIC})
# Lengths that messages of several frames are known to have; CANboat lines of single frames are told by them.
_LENGTHS: Final[Mapping[int, frozenset[int]]] = {
    DETAILED: frozenset({9, 11}),
    CONFIGURATION: frozenset({8, 9, 10}),
    STORAGE_DYNAMIC: frozenset(range(14, 20)),
    STORAGE_STATIC: frozenset(range(18, 30)),
}
_FIRST_DATA: Final = 6
_NEXT_DATA: Final = 7
_FRAME_BYTES: Final = 8
_LONGEST: Final = _FIRST_DATA + 31 * _NEXT_DATA
_MOST_PENDING: Final = 256

Key = tuple[int, int]


@dataclass
class _Pending:
    """A message that is not whole yet."""

    first: CanFrame
    length: int
    data: bytearray
    counter: int = 1


class FastPackets:
    """Puts messages of several frames together: five bits count frames, three bits tell messages apart."""

    def __init__(self) -> None:
        self._pending: dict[Key, _Pending] = {}

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """What this frame completes, and what it shows to be incomplete."""
        group = parameter_group(frame.identifier) if frame.extended else 0
        if group not in FAST or self._is_whole(frame, group):
            return [frame.whole()]
        if len(frame.data) < 2:
            damage = Damage(
                Fault.LENGTH, expected="2 to 8 bytes", came=f"{len(frame.data)}", where=f"a frame of {group}"
            )
            return [frame.refuse(damage)]
        counter = frame.data[0] & 0x1F
        key = (frame.identifier, frame.data[0] >> 5)
        return self._begin(key, frame) if counter == 0 else self._go_on(key, frame, counter)

    def flush(self) -> list[Frame | Refused]:
        """The bus has ended: what is still incomplete."""
        pending, self._pending = self._pending, {}
        return [_broken_off(one) for one in pending.values()]

    def _is_whole(self, frame: CanFrame, group: int) -> bool:
        """Whether the recorder put it together; some write the frames as they came."""
        data = frame.data
        if not frame.assembled:
            return len(data) > _FRAME_BYTES
        if len(data) != _FRAME_BYTES:
            return True
        if data[0] & 0x1F == 0:
            return data[1] not in _LENGTHS[group]
        pending = self._pending.get((frame.identifier, data[0] >> 5))
        return pending is None or pending.counter != data[0] & 0x1F

    def _begin(self, key: Key, frame: CanFrame) -> list[Frame | Refused]:
        out: list[Frame | Refused] = []
        before = self._pending.pop(key, None)
        if before is not None:
            out.append(_broken_off(before))
        length = frame.data[1]
        if not 0 < length <= _LONGEST:
            expected = f"1 to {_LONGEST} bytes"
            damage = Damage(Fault.LENGTH, expected=expected, came=f"{length}", where="byte 1 of the frame")
            return [*out, frame.refuse(damage)]
        if len(self._pending) >= _MOST_PENDING:
            out.append(_broken_off(self._pending.pop(next(iter(self._pending)))))
        return out + self._extended(key, _Pending(frame, length, bytearray(frame.data[2:])))

    def _go_on(self, key: Key, frame: CanFrame, counter: int) -> list[Frame | Refused]:
        pending = self._pending.get(key)
        if pending is None or pending.counter != counter:
            expected = "the first frame" if pending is None else f"frame {pending.counter}"
            damage = Damage(
                Fault.TRUNCATED,
                expected=f"{expected} of a message",
                came=f"frame {counter}",
                where=f"a message of {parameter_group(frame.identifier)}",
            )
            lost = [] if pending is None else [_broken_off(self._pending.pop(key))]
            return [*lost, frame.refuse(damage)]
        pending.counter += 1
        pending.data += frame.data[1:]
        return self._extended(key, pending)

    def _extended(self, key: Key, pending: _Pending) -> list[Frame | Refused]:
        if len(pending.data) < pending.length:
            self._pending[key] = pending
            return []
        self._pending.pop(key, None)
        return [pending.first.whole(bytes(pending.data[: pending.length]))]


def _broken_off(pending: _Pending) -> Refused:
    group = parameter_group(pending.first.identifier)
    damage = Damage(
        Fault.TRUNCATED,
        expected=f"{pending.length} bytes of {group}",
        came=f"{len(pending.data)} bytes",
        where=f"frame {pending.counter} of the message",
    )
    return pending.first.refuse(damage)


@dataclass
class Named:
    """A decoder that adds the NAME of its device to a battery, once claimed and whenever it changes."""

    protocol: CanProtocol
    _names: dict[tuple[str | None, int], str] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self.protocol.decode(frame, request=request)
        if not isinstance(frame, BusFrame) or frame.is_request:
            return readings
        source = (frame.channel, source_address(frame.identifier))
        if self.protocol.key(frame) == ADDRESS_CLAIM:
            if len(self._names) < _MOST_PENDING or source in self._names:
                self._names[source] = f"{int.from_bytes(frame.payload[:8], 'little'):016X}"
            return readings
        name = self._names.get(source)
        part = readings[0].component if readings else None
        if name is None or part is None or self._told.get(part) == name:
            return readings
        self._told[part] = name
        serial = f"{name}/{part.rpartition('/')[2]}"
        return [
            *readings,
            *self.protocol.sealed(frame, [Reading("serial_number", serial, component=_path(frame))]),
        ]


class Nmea2000(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "nmea2000"
    title: ClassVar[str] = "NMEA 2000"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    baud_rates: ClassVar[tuple[int, ...]] = (250_000,)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    extended: ClassVar[bool] = True

    def assembler(self) -> Assembler:
        """One for fast packets."""
        return FastPackets()

    def decoder(self) -> Decoder:
        """One that remembers who has which source address."""
        return Named(self)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """See `CanProtocol.spoken`."""
        del part
        return CanFrame(compose(6, number, source), data, extended=True)

    def key(self, frame: Frame) -> int | None:
        """The parameter group."""
        is_extended = isinstance(frame, BusFrame) and frame.extended
        return parameter_group(frame.command) if is_extended else None

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        if message.identifier == ADDRESS_CLAIM:
            return []
        if message.identifier == DETAILED and data[2] not in (_BATTERY, _NO_TYPE):
            return []
        part = _path(frame)
        readings = [
            _read(row, data, part) for row in message.fields if len(data) >= row.offset + row.integer.size
        ]
        if message.identifier == CONFIGURATION:
            readings.append(_chemistry(data[2] >> 4, part))
        return readings


def _path(frame: Frame) -> str:
    at = _INSTANCE_AT.get(parameter_group(frame.command), 0)
    return f"source/{source_address(frame.command)}/instance/{frame.payload[at]}"


def _read(row: Field, data: bytes, part: str) -> Reading:
    """The number, or why there is none: all ones are "not available", the two codes below errors."""
    raw = row.integer.read(data, row.offset)
    assert raw is not None
    most = (1 << 8 * row.integer.size - int(row.integer.signed)) - 1
    if raw >= most - 2:
        absence = ReadingAbsence.NOT_SUPPORTED if raw == most else ReadingAbsence.NOT_READ
        return Reading(row.quantity, None, component=part, absence=absence, origin=row.origin)
    return row.reading(raw, component=part)


def _chemistry(code: int, part: str) -> Reading:
    if code >= len(CHEMISTRIES):
        absence = ReadingAbsence.NOT_SUPPORTED if code == _NO_CHEMISTRY else ReadingAbsence.NOT_READ
        return Reading("chemistry", None, component=part, absence=absence, origin=Origin.CONFIGURED)
    return Reading("chemistry", CHEMISTRIES[code], component=part, origin=Origin.CONFIGURED)


PROTOCOL: Final = Nmea2000()
