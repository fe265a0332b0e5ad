"""Batteries of heavy vehicles on SAE J1939: groups of a high-voltage energy storage, faults, names.

A message longer than a frame is announced to everybody (BAM) and follows in numbered frames; one that goes
to a single control unit is not put together. Many control units speak on such a bus: faults and names are
taken only of those that have told a state of a battery. Nothing is ever asked.

Source: docs/protocols/j1939-hvess.md.
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
from ingest.protocol import (
    U8,
    Certainty,
    Damage,
    Decoder,
    Fault,
    Field,
    Frame,
    Integer,
    Refused,
    text_reading,
)
from schemas.reading import Reading, altered
from schemas.terms import ReadingAbsence, Unit

U16: Final = Integer(2, little=True)

POWER: Final = 61584
CHARGE: Final = 61585
TEMPERATURES: Final = 61586
BUS: Final = 61589
STATUS: Final = 61590
HISTORY: Final = 64606
ACTIVE_FAULTS: Final = 65226
FORMER_FAULTS: Final = 65227
COMPONENT: Final = 65259

# One bit of a field in the unit of its row.
STEPS: Final[Mapping[str, int]] = {
    "voltage": 5,
    "current": 5,
    "state_of_charge": 15625,
    "cell_temperature_max": 3125,
    "cell_temperature_min": 3125,
    "bms_reported_health": 4,
}
_KELVIN: Final = 273 * 10**5
_AMPERE: Final = 1600 * 10**2
MESSAGES: Final = table(
    Message(
        POWER,
        "energy storage, data 1",
        8,
        (
            Field("voltage", 4, U16, -2, Unit.VOLT),
            Field("current", 6, U16, -2, Unit.AMPERE, zero=_AMPERE),
        ),
    ),
    Message(CHARGE, "energy storage, data 2", 2, (Field("state_of_charge", 0, U16, -7, Unit.PERCENT),)),
    Message(
        TEMPERATURES,
        "energy storage, data 3",
        4,
        (
            Field("cell_temperature_max", 0, U16, -5, Unit.CELSIUS, zero=_KELVIN),
            Field("cell_temperature_min", 2, U16, -5, Unit.CELSIUS, zero=_KELVIN),
        ),
    ),
    # The voltage of the bus behind the contactors, and the coolant: neither is the battery's.
    Message(BUS, "energy storage, data 6", 2),
    Message(STATUS, "energy storage, status 1", 6),
    Message(HISTORY, "energy storage, history", 1, (Field("bms_reported_health", 0, U8, -1, Unit.PERCENT),)),
    Message(ACTIVE_FAULTS, "active faults (DM1)", 6),
    Message(FORMER_FAULTS, "former faults (DM2)", 6),
    Message(COMPONENT, "component identification", 1),
)
ALSO: Final = ("alarm", "manufacturer", "model", "serial_number")
_OF_BATTERIES: Final = frozenset({POWER, CHARGE, TEMPERATURES, BUS, STATUS, HISTORY})
NAMES: Final = ("manufacturer", "model", "serial_number")

# Above these a field says something else than a number; read in the high byte of two.
_LAST_NUMBER: Final = 0xFA
_NOT_AVAILABLE: Final = 0xFF

# Where status 1 keeps a state: first bit, number of bits, and what its code for an error means.
STATES: Final = (
    (20, 2, "interlock_fault"),
    (40, 4, "contactor_fault"),
    (44, 4, "internal_fault"),
)

_LAMPS: Final = 2
_FAULT_BYTES: Final = 4
_FRAME_BYTES: Final = 8
_OLD_CONVERSION: Final = 0x80
_ALL_ONES: Final = 0x7FFFF

# The transport protocol
_CONNECTION: Final = 0xEC00
_DATA: Final = 0xEB00
_EVERYBODY: Final = 0xFF
_ANNOUNCE: Final = 32
_PACKET: Final = 7
_SIZES: Final = range(_FRAME_BYTES + 1, 255 * _PACKET + 1)
_MOST_PENDING: Final = 256


@dataclass
class _Pending:
    """A message that is not whole yet."""

    first: CanFrame
    group: int
    length: int
    data: bytearray
    number: int = 1


class Announced:
    """Puts messages together that are announced to everybody; a source sends one at a time."""

    def __init__(self) -> None:
        self._pending: dict[int, _Pending] = {}

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """What this frame completes, and what it shows to be incomplete."""
        group = parameter_group(frame.identifier) if frame.extended and not frame.assembled else 0
        if group not in (_CONNECTION, _DATA):
            return [frame.whole()]
        if frame.identifier >> 8 & 0xFF != _EVERYBODY:
            return []
        if len(frame.data) != _FRAME_BYTES:
            damage = Damage(
                Fault.LENGTH, expected="8 bytes", came=f"{len(frame.data)}", where=f"a frame of {group}"
            )
            return [frame.refuse(damage)]
        source = source_address(frame.identifier)
        if group == _DATA:
            return self._go_on(source, frame)
        return self._begin(source, frame) if frame.data[0] == _ANNOUNCE else []

    def flush(self) -> list[Frame | Refused]:
        """The bus has ended: what is still incomplete."""
        pending, self._pending = self._pending, {}
        return [_broken_off(one, "the end") for one in pending.values()]

    def _begin(self, source: int, frame: CanFrame) -> list[Frame | Refused]:
        before = self._pending.pop(source, None)
        out: list[Frame | Refused] = [] if before is None else [_broken_off(before, "another message")]
        length, packets = int.from_bytes(frame.data[1:3], "little"), frame.data[3]
        if length not in _SIZES or packets != -(-length // _PACKET):
            damage = Damage(
                Fault.LENGTH,
                expected=f"{_SIZES.start} to {_SIZES.stop - 1} bytes in frames of {_PACKET}",
                came=f"{length} bytes in {packets}",
                where="the announcement",
            )
            return [*out, frame.refuse(damage)]
        group = int.from_bytes(frame.data[5:8], "little") & 0x3FFFF
        self._pending[source] = _Pending(frame, group, length, bytearray())
        return out

    def _go_on(self, source: int, frame: CanFrame) -> list[Frame | Refused]:
        pending, number = self._pending.get(source), frame.data[0]
        if pending is None:
            damage = Damage(
                Fault.TRUNCATED,
                expected="an announcement",
                came=f"frame {number}",
                where=f"a message of source {source}",
            )
            return [frame.refuse(damage)]
        if number != pending.number:
            del self._pending[source]
            return [_broken_off(pending, f"frame {number}")]
        pending.number += 1
        pending.data += frame.data[1:]
        if len(pending.data) < pending.length:
            return []
        del self._pending[source]
        first = pending.first
        identifier = compose(first.identifier >> 26, pending.group, source)
        data = bytes(pending.data[: pending.length])
        whole = CanFrame(identifier, data, first.extended, first.at, first.channel, first.position)
        return [whole.whole()]


def _broken_off(pending: _Pending, came: str) -> Refused:
    damage = Damage(
        Fault.TRUNCATED,
        expected=f"frame {pending.number} of a message of {pending.length} bytes",
        came=came,
        where=f"group {pending.group} of source {source_address(pending.first.identifier)}",
    )
    return pending.first.refuse(damage)


@dataclass
class Known:
    """A decoder that takes faults and names only of control units that told a state of a battery."""

    protocol: CanProtocol
    _batteries: set[tuple[str | None, int]] = field(default_factory=set)
    _waiting: dict[tuple[str | None, int], list[Reading]] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self.protocol.decode(frame, request=request)
        key = self.protocol.key(frame)
        if key not in MESSAGES or not isinstance(frame, BusFrame) or frame.is_request:
            return readings
        source = (frame.channel, source_address(frame.identifier))
        if source in self._batteries:
            return readings
        if key in _OF_BATTERIES:
            self._batteries.add(source)
            return [*self._waiting.pop(source, []), *readings]
        if key == COMPONENT and (len(self._waiting) < _MOST_PENDING or source in self._waiting):
            self._waiting[source] = readings
        return []


class J1939Hvess(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "j1939-hvess"
    title: ClassVar[str] = "SAE J1939: high-voltage energy storage"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    baud_rates: ClassVar[tuple[int, ...]] = (250_000, 500_000)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    extended: ClassVar[bool] = True

    def assembler(self) -> Assembler:
        """One for announced messages."""
        return Announced()

    def decoder(self) -> Decoder:
        """One that knows which control units are batteries."""
        return Known(self)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """See `CanProtocol.spoken`."""
        del part
        return CanFrame(compose(6, number, source), data, extended=True)

    def key(self, frame: Frame) -> int | None:
        """The parameter group."""
        is_extended = isinstance(frame, BusFrame) and frame.extended
        return parameter_group(frame.command) if is_extended else None

    def part(self, frame: Frame) -> str:
        """The control unit by its address."""
        return f"source/{source_address(frame.command)}"

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        part = self.part(frame)
        match message.identifier:
            case 65226:
                return _faults(data, part, ())
            case 65227:
                return _faults(data, part, ("past_event",))
            case 65259:
                return _names(data, part)
            case 61590:
                return _states(data, part)
        return [_number(row, data, part) for row in message.fields]


def _number(row: Field, data: bytes, part: str) -> Reading:
    """The number, or why there is none; see `_LAST_NUMBER`."""
    high = data[row.offset + row.integer.size - 1]
    if high > _LAST_NUMBER:
        absence = ReadingAbsence.NOT_SUPPORTED if high == _NOT_AVAILABLE else ReadingAbsence.NOT_READ
        return Reading(row.quantity, None, component=part, absence=absence)
    raw = row.integer.read(data, row.offset)
    assert raw is not None
    found = row.reading(raw * STEPS[row.quantity], component=part)
    doubts: tuple[str, ...] = ("meaning_unproven",)
    if row.quantity == "current" and found.value:
        doubts = ("meaning_unproven", "sign_unproven")
    return altered(found, doubts=doubts)


def _states(data: bytes, part: str) -> list[Reading]:
    """The states that hold their code for an error: all ones but the lowest bit."""
    bits = int.from_bytes(data[:6], "little")
    return [
        Reading("alarm", name, component=part, doubts=("place_unproven",))
        for first, size, name in STATES
        if bits >> first & (1 << size) - 1 == (1 << size) - 2
    ]


def _faults(data: bytes, part: str, doubts: tuple[str, ...]) -> list[Reading]:
    """Faults of four bytes behind the lamps; one frame holds one of them, and two bytes of padding.

    Raises:
        Damage: a fault is cut off.
    """
    body = data[_LAMPS : _LAMPS + _FAULT_BYTES] if len(data) <= _FRAME_BYTES else data[_LAMPS:]
    if len(body) % _FAULT_BYTES:
        raise Damage(
            Fault.LENGTH,
            expected=f"faults of {_FAULT_BYTES} bytes",
            came=f"{len(body)} bytes",
            where="behind the lamps",
        )
    readings = []
    for at in range(0, len(body), _FAULT_BYTES):
        low, middle, high, counted = body[at : at + _FAULT_BYTES]
        number, mode = low | middle << 8 | high >> 5 << 16, high & 0x1F
        if number in (0, _ALL_ONES):
            continue
        unsure = ("meaning_unproven",) if counted & _OLD_CONVERSION else ()
        name = f"spn_{number}_fmi_{mode}"
        readings.append(Reading("alarm", name, component=part, doubts=(*doubts, *unsure)))
    return readings


def _names(data: bytes, part: str) -> list[Reading]:
    """Maker, model and serial number, with asterisks behind them."""
    words = data.rstrip(b"\xff").split(b"*")
    words += [b""] * (len(NAMES) - len(words))
    return [
        altered(text_reading(quantity, word), component=part)
        for quantity, word in zip(NAMES, words, strict=False)
    ]


PROTOCOL: Final = J1939Hvess()
