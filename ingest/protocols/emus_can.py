"""EMUS G1 on a CAN bus: identifiers of 29 bits, a base of one control unit above sixteen bits of message.

The base is a setting, 0x19B5 as delivered; other control units on the same bus have others. A message is sent
on its own or when somebody sends its identifier with nothing in it; here nothing is ever sent, so the control
unit has to be set to broadcast. Data are big-endian. The total voltage stands with its low word first; some
read it straight, so the number of cells and their mean decide. No counter over life travels on CAN.

Source: layouts as restated in docs/protocols/emus-can.md; unproven on hardware.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.can import Assembler, BusFrame, CanFrame, CanProtocol, Message, read_bases, table, too_short
from ingest.emus import LOW_DEGC, LOW_V, charging_error, doubted, protections
from ingest.protocol import (
    I16,
    U8,
    U16,
    U32,
    Certainty,
    Decoder,
    Field,
    Frame,
    Refused,
)
from schemas.reading import Reading
from schemas.terms import Unit

DEFAULT_BASE: Final = 0x19B5
# The base as delivered and those that further control units were seen with.
BASES: Final = (0x19B5, 0x19B6, 0x19B7, 0x19B8)

_STATES, _VOLTAGES, _BOARDS, _BALANCING, _FLAGS, _SENSORS = 0x0000, 0x0001, 0x0002, 0x0003, 0x0007, 0x0008
_CELLS, _BOARD_GROUP, _RATES, _SENSOR_GROUP = 0x0100, 0x0200, 0x0300, 0x0800
_CHARGE, _ENERGY = 0x0500, 0x0600
_GROUP: Final = 8

CELL: Final = Field("cell_voltage", 0, U8, -2, Unit.VOLT, zero=LOW_V)
BOARD: Final = Field("board_temperature", 0, U8, 0, Unit.CELSIUS, zero=LOW_DEGC)
SENSOR: Final = Field("cell_temperature", 0, U8, 0, Unit.CELSIUS, zero=LOW_DEGC)
VOLTAGES: Final = (
    Field("cell_voltage_min", 0, U8, -2, Unit.VOLT, zero=LOW_V),
    Field("cell_voltage_max", 1, U8, -2, Unit.VOLT, zero=LOW_V),
    Field("cell_voltage_mean", 2, U8, -2, Unit.VOLT, zero=LOW_V),
)
TOTAL: Final = Field("voltage", 3, U32, -2, Unit.VOLT)
BOARDS: Final = (Field("board_temperature", 2, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),)
SENSORS: Final = (
    Field("cell_temperature_min", 0, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("cell_temperature_max", 1, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("cell_temperature_mean", 2, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
)
FLOWS: Final = (
    Field("current", 0, I16, -1, Unit.AMPERE),
    Field("remaining_charge", 2, U16, -1, Unit.AMPERE_HOUR),
)
PERCENT: Final = Field("state_of_charge", 6, U8, 0, Unit.PERCENT)
HUNDREDTHS: Final = Field("state_of_charge", 5, U16, -2, Unit.PERCENT)
ENERGY: Final = (Field("remaining_energy", 2, U16, -2, Unit.KILOWATT_HOUR),)
ALSO: Final = ("cell_count", "balancing_active", "alarm", "warning", "protection")

# By what stands in the lower sixteen bits; messages of groups stand here under their first one.
MESSAGES: Final = table(
    Message(_STATES, "pins, live cells, charging", 8),
    Message(_VOLTAGES, "summary of cell voltages, total voltage", 7, (*VOLTAGES, TOTAL)),
    Message(_BOARDS, "summary of module temperatures", 3, BOARDS),
    Message(_BALANCING, "summary of balancing", 3),
    Message(_FLAGS, "protections, power reduction, validity", 5),
    Message(_SENSORS, "summary of cell temperatures", 3, SENSORS),
    Message(_CELLS, "cell voltages of a group", 1, (CELL,)),
    Message(_BOARD_GROUP, "module temperatures of a group", 1, (BOARD,)),
    Message(_RATES, "balancing rates of a group", 1),
    Message(_SENSOR_GROUP, "cell temperatures of a group", 1, (SENSOR,)),
    Message(_CHARGE, "current, charge", 7, (*FLOWS, PERCENT)),
    Message(_ENERGY, "energy", 4, ENERGY),
)
_GROUPS: Final = frozenset({_CELLS, _BOARD_GROUP, _RATES, _SENSOR_GROUP})

# Which validity flag speaks of what, as the sources of the CAN side order them.
_VALIDITY: Final = {
    _VOLTAGES: 0,
    _CELLS: 0,
    _BOARDS: 1,
    _BOARD_GROUP: 1,
    _BALANCING: 2,
    _RATES: 2,
    _STATES: 3,
    _SENSORS: 5,
    _SENSOR_GROUP: 5,
}
_LEAKAGE_PIN: Final = 1 << 3
_REDUCTION_PIN: Final = 1 << 4
# A series string of more cells than this is not built; a total beyond it is read in the wrong order.
_MOST_CELLS: Final = 1024
_MOST_PERCENT: Final = 100
_MOST_HUNDREDTHS: Final = 10_000


@dataclass
class ControlUnit:
    """What one control unit said before, as far as later frames need it.

    Attributes:
        live: cells that answer; None until it was told.
        valid: validity flags; None until they were told.
    """

    live: int | None = None
    valid: int | None = None


class _Asking:
    """Takes frames apart from those that only ask for a message."""

    def __init__(self, protocol: "EmusCan") -> None:
        self._protocol = protocol

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """The frame; with no byte it is a request, and with a single one where that is too short."""
        whole = frame.whole()
        if len(frame.data) > 1:
            return [whole]
        key = self._protocol.key(whole)
        message = self._protocol.messages.get(key) if key is not None else None
        asks = message is not None and len(frame.data) < message.least
        return [replace(whole, is_request=True)] if asks else [whole]

    def flush(self) -> list[Frame | Refused]:
        """Nothing: no frame waits for another."""
        return []


class EmusCan(CanProtocol):
    """See the module.

    Attributes:
        bases: of the control units that are listened to.
    """

    name: ClassVar[str] = "emus-can"
    title: ClassVar[str] = "EMUS G1 on CAN"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    baud_rates: ClassVar[tuple[int, ...]] = (250_000, 500_000)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    extended: ClassVar[bool] = True

    def __init__(self, bases: Iterable[int] = BASES) -> None:
        self.bases = tuple(bases)

    def tuned(self, argument: str) -> "EmusCan":
        """The same for control units of other bases: `emus-can:0x10B5`, or several with commas."""
        return EmusCan(read_bases(self.name, argument))

    def assembler(self) -> Assembler:
        """One that knows requests."""
        return _Asking(self)

    def decoder(self) -> Decoder:
        """One that remembers live cells, validity, and which control units speak."""
        return _Units(self)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """A frame of control unit number `part`; `source` is the group of a message of groups."""
        base = self.bases[part % len(self.bases)]
        group = source & 0xFF if number in _GROUPS else 0
        return CanFrame(base << 16 | number | group, data, self.extended)

    def key(self, frame: Frame) -> int | None:
        """The message; None for another base or an unknown message."""
        if not isinstance(frame, BusFrame) or not frame.extended or frame.identifier >> 16 not in self.bases:
            return None
        number = frame.identifier & 0xFFFF
        group = number & 0xFF00
        key = group if group in _GROUPS else number
        return key if key in self.messages else None

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        base = frame.command >> 16
        return self.told(message, data, frame, ControlUnit(), _unit(base) if base != DEFAULT_BASE else None)

    def told(
        self, message: Message, data: bytes, frame: Frame, unit: ControlUnit, component: str | None
    ) -> list[Reading]:
        """What the data say, given what the control unit said before; also notes what later frames need."""
        group = frame.command & 0xFF
        match message.identifier:
            case 0x0000:
                readings = _states(data, unit)
            case 0x0001:
                readings = [*_bytes(VOLTAGES, data), _total(data, unit)]
            case 0x0007:
                readings = _flags(data, unit)
            case 0x0003:
                readings = [Reading("balancing_active", data[1] > 0)]
            case 0x0300:
                first = group * _GROUP + 1
                readings = [
                    Reading("balancing_active", rate > 0, index=n) for n, rate in enumerate(data, first)
                ]
            case 0x0100 | 0x0200 | 0x0800:
                readings = _of_group(message.fields[0], data, group)
            case 0x0500:
                readings = [row.reading(row.integer.read(data, row.offset) or 0) for row in FLOWS]
                readings.append(_state_of_charge(data))
            case _:
                readings = _bytes(message.fields, data)
        if message.identifier == _BOARD_GROUP:
            # Only by analogy with the other groups.
            readings = [replace(one, doubts=(*one.doubts, "place_unproven")) for one in readings]
        bit = _VALIDITY.get(message.identifier)
        if unit.valid is not None and bit is not None and not unit.valid >> bit & 1:
            readings = [replace(one, doubts=(*one.doubts, "not_valid")) for one in readings]
        if component is not None:
            readings = [replace(one, component=component) for one in readings]
        return readings


def _unit(base: int) -> str:
    return f"unit/0x{base:04x}"


@dataclass
class _Units:
    """Reads the frames of one session; with several control units each of them is a part of its own."""

    protocol: EmusCan
    _known: dict[str | None, dict[int, ControlUnit]] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        del request
        key = self.protocol.key(frame)
        if frame.is_request or key is None or not isinstance(frame, BusFrame):
            return []
        message = self.protocol.messages[key]
        if len(frame.payload) < message.least:
            raise too_short(message, frame.payload)
        units = self._known.setdefault(frame.channel, {})
        base = frame.identifier >> 16
        unit = units.setdefault(base, ControlUnit())
        part = _unit(base) if base != DEFAULT_BASE or len(units) > 1 else None
        readings = self.protocol.told(message, frame.payload, frame, unit, part)
        return self.protocol.sealed(frame, readings)


def _bytes(fields: Iterable[Field], data: bytes) -> list[Reading]:
    readings = []
    for row in fields:
        raw = row.integer.read(data, row.offset)
        if raw is not None:
            readings.append(doubted(row, raw, row.reading(raw)))
    return readings


def _of_group(row: Field, data: bytes, group: int) -> list[Reading]:
    readings = row.read_all(data, len(data), first=group * _GROUP + 1)
    return [doubted(row, raw, reading) for raw, reading in zip(data, readings, strict=True)]


def _states(data: bytes, unit: ControlUnit) -> list[Reading]:
    """0x0000: pins in and out, live cells in bytes 2 (high) and 7 (low), last charging error."""
    unit.live = data[2] << 8 | data[7]
    readings = [Reading("cell_count", Decimal(unit.live))]
    if data[0] & _LEAKAGE_PIN:
        readings.append(Reading("alarm", "leakage"))
    if data[1] & _REDUCTION_PIN:
        readings.append(Reading("warning", "power_reduction"))
    return readings + charging_error(data[6])


def _flags(data: bytes, unit: ControlUnit) -> list[Reading]:
    """0x0007: low and high byte of the protections, power reduction, what is valid."""
    unit.valid = data[4]
    readings = protections(data[0] | data[3] << 8)
    if data[1]:
        readings.append(Reading("warning", "power_reduction"))
    return readings


def _total(data: bytes, unit: ControlUnit) -> Reading:
    """The total voltage, in the order of bytes that fits the cells.

    The documented order has the low word first. When only the straight one fits, it is taken with a doubt;
    when neither does, the documented one stays, with a doubt that keeps it out of sums.
    """
    documented = int.from_bytes(data[5:7] + data[3:5], "big")
    straight = int.from_bytes(data[3:7], "big")
    mean = data[2] - LOW_V  # in hundredths of a volt, as the total is
    if _fits(documented, mean, unit.live):
        return TOTAL.reading(documented)
    if _fits(straight, mean, unit.live):
        return replace(TOTAL.reading(straight), doubts=("word_order",))
    return replace(TOTAL.reading(documented), doubts=("contradicts_cells",))


def _fits(total: int, mean: int, live: int | None) -> bool:
    """Whether a total is that of the live cells, within half a cell or 1 %; None: of any number of cells."""
    if live:
        off = abs(total - live * mean)
        return off * 2 <= mean or off * 100 <= live * mean
    return total <= _MOST_CELLS * mean


def _state_of_charge(data: bytes) -> Reading:
    """Whole percent in byte 6, as most read it; one source reads bytes 5 and 6 as hundredths."""
    whole, fine = data[6], data[5] << 8 | data[6]
    if not data[5]:
        return PERCENT.reading(whole)
    if whole > _MOST_PERCENT and fine <= _MOST_HUNDREDTHS:
        return replace(HUNDREDTHS.reading(fine), doubts=("scale_unproven",))
    return replace(PERCENT.reading(whole), doubts=("scale_unproven",))


PROTOCOL: Final = EmusCan()
