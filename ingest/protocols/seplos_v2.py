"""Seplos V2: packs on RS485 in ASCII, and the same content in binary frames over a radio.

    ASCII     the frame of `ingest.ydt1363`, version 20
    request   7E 10 address 46 command length(2) data CRC(2) 0D
    answer    7E 14 address command status length(2) data CRC(2) 0D

The binary form's CRC is CRC-16/XMODEM over everything between 7E and itself; its answers name what they
answer, those in ASCII do not: with the request at hand they are read as that, without they must fit exactly
one layout. What follows the remaining charge is announced by a count; old firmware ends earlier, and what is
not there stays absent. Pylontech and PACE announce 2, 4 or 3 such items, laid out otherwise: refused here.

Source: as restated in docs/protocols/seplos-v2.md; telemetry of both forms proven on recordings.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final

from ingest.frames import crc16_xmodem
from ingest.protocol import (
    I16,
    U8,
    U16,
    Certainty,
    Cursor,
    Damage,
    Fault,
    Field,
    FieldBlock,
    Frame,
    Framer,
    Protocol,
    Request,
    text_reading,
    wrong_end,
    wrong_sum,
)
from ingest.ydt1363 import (
    CELL_STATES,
    CHARGE_STATES,
    END,
    LITHIUM,
    NORMAL,
    RETURN_CODES,
    START,
    TEMPERATURE_STATES,
    VOLTAGE_STATES,
    Layout,
    YdtFramer,
    cells,
    encode,
    is_ascii,
    only_fitting,
    state_alarm,
    states,
)
from schemas.reading import Reading, altered, of_part, told
from schemas.terms import Origin, ReadingAbsence, Unit

VERSION: Final = 0x20
BINARY_REQUEST: Final = 0x10
BINARY_ANSWER: Final = 0x14

TELEMETRY: Final = 0x42
ALARMS: Final = 0x44
MODEL: Final = 0x51
SINGLE: Final = 0x61
PARALLEL: Final = 0x62

REQUESTS: Final = (
    Request("telemetry", TELEMETRY, "cells, temperatures, current, voltage, charge, cycles, health"),
    Request("alarms", ALARMS, "state of each cell and sensor, alarms, protections, switches"),
    Request("model", MODEL, "model and firmware; binary"),
    Request("single", SINGLE, "telemetry and alarms of one pack; binary"),
    Request("parallel", PARALLEL, "sums and extremes of packs in parallel; binary"),
)
_BINARY: Final = frozenset({MODEL, SINGLE, PARALLEL})

# Around the data of a binary frame; a longer one than any layout needs is damage, not a frame to wait for.
_ENVELOPE: Final = 10
_MOST: Final = 1024

CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
TEMPERATURE: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)
AMBIENT: Final = Field("ambient_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)
SWITCHES: Final = Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)

# Behind the temperatures; a count of further items stands at byte 6.
FIXED: Final = (
    Field("current", 0, I16, -2, Unit.AMPERE),
    Field("voltage", 2, U16, -2, Unit.VOLT),
    Field("remaining_charge", 4, U16, -2, Unit.AMPERE_HOUR),
)
_FIXED_SIZE: Final = 6
# The items in their order; what follows them is the voltage at the terminals and reserves.
ITEMS: Final = (
    Field("full_charge_capacity", 0, U16, -2, Unit.AMPERE_HOUR),
    Field("state_of_charge", 2, U16, -1, Unit.PERCENT),
    Field("nameplate_capacity", 4, U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("cycle_count", 6, U16, 0, Unit.ONE),
    Field("bms_reported_health", 8, U16, -1, Unit.PERCENT),
)
_FIXED_BLOCK: Final = FieldBlock(FIXED)
_ITEM_BLOCK: Final = FieldBlock(ITEMS)
_FEWEST_ITEMS: Final = 5
_MOST_ITEMS: Final = 24
# Of packs in parallel: these in steps ten times as large.
_COARSE: Final = frozenset({"current", "remaining_charge", "full_charge_capacity", "nameplate_capacity"})
EXTREMES: Final = (
    Field("cell_voltage_max", 1, U16, -3, Unit.VOLT),
    Field("cell_voltage_min", 3, U16, -3, Unit.VOLT),
    Field("cell_temperature_max", 6, U16, -1, Unit.CELSIUS, zero=2731),
    Field("cell_temperature_min", 8, U16, -1, Unit.CELSIUS, zero=2731),
)
_EXTREMES_SIZE: Final = 14

# Events 1 to 8 of the ASCII form: what a bit says and how grave it is. Bits that tell a state of no trouble
# (heating, waiting for a charge) are left out.
_A, _W, _P = "alarm", "warning", "protection"
EVENTS: Final[tuple[dict[int, tuple[str, str]], ...]] = (
    {
        0: (_A, "cell_voltage_fault"),
        1: (_A, "temperature_fault"),
        2: (_A, "current_sensor_fault"),
        4: (_A, "cell_voltage_difference"),
        5: (_A, "charge_switch_fault"),
        6: (_A, "discharge_switch_fault"),
        7: (_A, "current_limiter_fault"),
    },
    {
        0: (_W, "cell_over_voltage"),
        1: (_P, "cell_over_voltage"),
        2: (_W, "cell_under_voltage"),
        3: (_P, "cell_under_voltage"),
        4: (_W, "pack_over_voltage"),
        5: (_P, "pack_over_voltage"),
        6: (_W, "pack_under_voltage"),
        7: (_P, "pack_under_voltage"),
    },
    {
        0: (_W, "charge_over_temperature"),
        1: (_P, "charge_over_temperature"),
        2: (_W, "charge_under_temperature"),
        3: (_P, "charge_under_temperature"),
        4: (_W, "discharge_over_temperature"),
        5: (_P, "discharge_over_temperature"),
        6: (_W, "discharge_under_temperature"),
        7: (_P, "discharge_under_temperature"),
    },
    {
        0: (_W, "ambient_over_temperature"),
        1: (_P, "ambient_over_temperature"),
        2: (_W, "ambient_under_temperature"),
        3: (_P, "ambient_under_temperature"),
        4: (_P, "mosfet_over_temperature"),
        5: (_W, "mosfet_over_temperature"),
    },
    {
        0: (_W, "charge_over_current"),
        1: (_P, "charge_over_current"),
        2: (_W, "discharge_over_current"),
        3: (_P, "discharge_over_current"),
        4: (_P, "discharge_over_current"),
        5: (_P, "short_circuit"),
        6: (_P, "discharge_over_current"),
        7: (_P, "short_circuit"),
    },
    {
        0: (_P, "pack_over_voltage"),
        2: (_W, "low_charge"),
        3: (_P, "low_charge"),
        5: (_P, "reverse_polarity"),
        6: (_A, "output_connection_fault"),
    },
    {},
    {
        0: (_A, "memory_fault"),
        1: (_A, "clock_fault"),
        2: (_A, "calibration_missing"),
        3: (_A, "calibration_missing"),
        4: (_A, "calibration_missing"),
    },
)
_EVENT_BYTES: Final = (
    20  # what the count in the alarm answer says: events 1..6, states, events 7 and 8, reserve
)
_SWITCH_BYTE: Final = 6
_BALANCING: Final = 7
_LATER_EVENTS: Final = 12
_DISCHARGE_SWITCH: Final = 1 << 0
_CHARGE_SWITCH: Final = 1 << 1

# The model answer: what the pack speaks on CAN, its model, its version; the count of packs comes last.
_MODEL: Final = slice(20, 30)
_VERSION: Final = 30
_PACKS: Final = 35
_MODEL_SIZE: Final = 36

ALSO: Final = (
    "cell_count",
    "module_count",
    "model",
    "firmware_version",
    "charging_enabled",
    "discharging_enabled",
    "balancing_active",
    "alarm",
    "warning",
    "protection",
)


def _sealed(body: bytes) -> bytes:
    return bytes([START]) + body + crc16_xmodem(body).to_bytes(2, "big") + bytes([END])


def encode_request(command: int, *, address: int = 0, data: bytes | None = None) -> bytes:
    """The bytes that ask: binary for the commands that only the radio knows, else ASCII."""
    if command in _BINARY:
        data = (b"\x00" if command == SINGLE else b"") if data is None else data
        return _sealed(
            bytes([BINARY_REQUEST, address, LITHIUM, command]) + len(data).to_bytes(2, "big") + data
        )
    return encode(VERSION, address, command, bytes([address]) if data is None else data)


def encode_reply(command: int, data: bytes, *, address: int = 0, status: int = 0) -> bytes:
    """The bytes of an answer, in the form in which the command is asked."""
    if command in _BINARY:
        return _sealed(bytes([BINARY_ANSWER, address, command, status]) + len(data).to_bytes(2, "big") + data)
    return encode(VERSION, address, status, data)


@dataclass(frozen=True)
class Pack:
    """What one pack says of itself, for simulators and fixtures; units as the quantities have them.

    Attributes:
        cells: volts, cell 1 first.
        temperatures: of the cells; those of the air and the switches follow.
        ambient: of the air.
        switches: of the transistors.
        current: positive while charging.
        voltage: of the pack.
        remaining: charge in it.
        learned: capacity as learned.
        state_of_charge: per cent.
        nominal: capacity as configured.
        cycles: as counted.
        health: per cent.
    """

    cells: Sequence[Decimal]
    temperatures: Sequence[Decimal]
    ambient: Decimal
    switches: Decimal
    current: Decimal
    voltage: Decimal
    remaining: Decimal
    learned: Decimal
    state_of_charge: Decimal
    nominal: Decimal
    cycles: int
    health: Decimal


def encode_telemetry(pack: Pack, *, group: int = 1, items: int = 10) -> bytes:
    """Data of a telemetry answer; six items are the least that include the voltage at the terminals."""
    data = bytes([0, group, len(pack.cells)]) + b"".join(CELL.write(cell) for cell in pack.cells)
    data += bytes([len(pack.temperatures) + 2])
    data += b"".join(TEMPERATURE.write(value) for value in pack.temperatures)
    data += AMBIENT.write(pack.ambient) + SWITCHES.write(pack.switches)
    fixed = (pack.current, pack.voltage, pack.remaining)
    data += b"".join(field.write(value) for field, value in zip(FIXED, fixed, strict=True)) + bytes([items])
    values = (pack.learned, pack.state_of_charge, pack.nominal, Decimal(pack.cycles), pack.health)
    tail = b"".join(field.write(value) for field, value in zip(ITEMS, values, strict=True))
    return data + (tail + FIXED[1].write(pack.voltage)).ljust(2 * items, b"\x00")[: 2 * items]


def encode_parallel(pack: Pack, *, states: bytes = b"\x02\x03\x00") -> bytes:
    """Data of a parallel answer whose sums are those of this pack; `states`: system, switches, no events."""
    warmth = (max(pack.temperatures), min(pack.temperatures), pack.ambient, pack.switches)
    data = bytes([0, 0, len(pack.cells)]) + CELL.write(max(pack.cells)) + CELL.write(min(pack.cells))
    data += bytes([len(pack.temperatures) + 2]) + b"".join(TEMPERATURE.write(value) for value in warmth)
    amounts = (pack.current, pack.voltage, pack.remaining)
    for field, value in zip(FIXED, amounts, strict=True):
        data += field.write(value, coarser=int(field.quantity in _COARSE))
    values = (pack.learned, pack.state_of_charge, pack.nominal, Decimal(pack.cycles), pack.health)
    data += bytes([len(ITEMS)])
    for field, value in zip(ITEMS, values, strict=True):
        data += field.write(value, coarser=int(field.quantity in _COARSE))
    return data + states


def encode_alarms(
    *,
    cells: Sequence[int],
    temperatures: Sequence[int],
    raised: Collection[tuple[str, str]] = (),
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    balancing: Collection[int] = (),
    group: int = 1,
) -> bytes:
    """Data of an alarm answer: a state byte for each cell and sensor; `raised` out of `EVENTS`' values."""
    events = []
    for names in EVENTS:
        bits: dict[tuple[str, str], int] = {}
        for bit, name in names.items():
            bits.setdefault(name, bit)
        events.append(sum(1 << bit for name, bit in bits.items() if name in raised))
    switches = _DISCHARGE_SWITCH * discharging_enabled | _CHARGE_SWITCH * charging_enabled
    bled = sum(1 << cell - 1 for cell in set(balancing))
    block = bytes([*events[:6], switches, bled & 0xFF, bled >> 8, 0, 0, 0, *events[6:]])
    head = bytes([0, group, len(cells), *cells, len(temperatures), *temperatures, NORMAL, NORMAL])
    return head + bytes([_EVENT_BYTES]) + block.ljust(_EVENT_BYTES, b"\x00")


def encode_model(*, model: str, version: tuple[int, int], packs: int = 1) -> bytes:
    """Data of a model answer; at most ten characters of model."""
    return b"CAN:NONE".ljust(20) + model.encode().ljust(10) + bytes([*version, 1, 1, 0, packs])


class SeplosFramer(YdtFramer):
    """Both forms; the character behind `~` tells which."""

    def __init__(self) -> None:
        """For answers of version 20."""
        super().__init__(versions=(VERSION,))

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) < 2:
            return None
        if is_ascii(buffer):
            return super()._length(buffer)
        if buffer[1] not in (BINARY_REQUEST, BINARY_ANSWER):
            raise Damage(
                Fault.DELIMITER,
                expected=f"a hexadecimal character, {BINARY_REQUEST:02x} or {BINARY_ANSWER:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=1,
            )
        if len(buffer) < 7:
            return None
        size = int.from_bytes(buffer[5:7], "big")
        if size > _MOST:
            raise Damage(
                Fault.LENGTH,
                expected=f"at most {_MOST} bytes",
                came=str(size),
                where="byte 5 of the frame",
                judged_bytes=7,
            )
        return _ENVELOPE + size

    def _open(self, raw: bytes, position: int) -> Frame:
        if is_ascii(raw):
            return super()._open(raw, position)
        if raw[-1] != END:
            raise wrong_end(raw, END)
        expected, came = crc16_xmodem(raw[1:-3]), int.from_bytes(raw[-3:-1], "big")
        if expected != came:
            raise wrong_sum("CRC", expected, came, at=len(raw) - 3, digits=4)
        payload = raw[7:-3]
        if raw[1] == BINARY_ANSWER:
            return Frame(raw, position, raw[3], payload, address=raw[2], status=raw[4])
        if raw[3] != LITHIUM:
            raise Damage(
                Fault.FOREIGN,
                expected=f"device type {LITHIUM:02x}",
                came=f"{raw[3]:02x}",
                where="byte 3 of the frame",
            )
        return Frame(raw, position, raw[4], payload, is_request=True, address=raw[2])


class SeplosV2(Protocol):
    """See the module."""

    name: ClassVar[str] = "seplos-v2"
    title: ClassVar[str] = "Seplos V2 (RS485 in ASCII, radio in binary)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    is_text: ClassVar[bool] = True
    also_binary: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (19200, 9600)

    def framer(self) -> Framer:
        """A new framer."""
        return SeplosFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; the first pack answers at address 0."""
        return encode_request(self._row(name).command, address=address or 0)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Telemetry and alarms, in ASCII."""
        return [self.request(name, address) for name in ("telemetry", "alarms")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """A binary answer names its command, one in ASCII does not."""
        ascii_form = is_ascii(frame.raw)
        return (
            frame.address == request.address
            and ascii_form == is_ascii(request.raw)
            and (ascii_form or frame.command == request.command)
        )

    def still_open(self, asked: list[Frame], answered: int) -> list[Frame]:
        """An answer in ASCII uses its request up: the next one is to another."""
        return [*asked[:answered], *asked[answered + 1 :]] if is_ascii(asked[answered].raw) else asked

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        ascii_form = is_ascii(frame.raw)
        command = None if request is None and ascii_form else (request or frame).command
        if frame.status:
            return _unread(command, frame)
        if command is None:
            return only_fitting(frame, _FITTED) if frame.payload else []
        layout = _LAYOUTS.get(command)
        return layout(frame, request) if layout else []


def _part(frame: Frame) -> str | None:
    """The first pack is the device; further ones on the line are parts by their address."""
    return f"pack/{frame.address}" if frame.address else None


def _unread(command: int | None, frame: Frame) -> list[Reading]:
    quantities: tuple[str, ...] = {
        TELEMETRY: (*(field.quantity for field in (*FIXED, *ITEMS)), "cell_voltage"),
        SINGLE: (*(field.quantity for field in (*FIXED, *ITEMS)), "cell_voltage"),
        MODEL: ("model", "firmware_version"),
    }.get(command or 0, ())
    unknown = RETURN_CODES.get(frame.status) == "command unknown"
    absent = ReadingAbsence.NOT_SUPPORTED if unknown else ReadingAbsence.NOT_READ
    return [Reading(quantity, None, component=_part(frame), absence=absent) for quantity in quantities]


def _of(part: str | None, readings: list[Reading]) -> list[Reading]:
    return of_part(readings, part)


def _temperatures(cursor: Cursor) -> list[Reading]:
    """Those of the cells, then of the air and of the switches."""
    count = cursor.number(U8, "count of temperatures")
    data = cursor.take(2 * count, f"{count} temperatures")
    groups = max(count - 2, 0)
    readings = TEMPERATURE.read_all(data, groups)
    for place, field in ((groups, AMBIENT), (groups + 1, SWITCHES)):
        reading = field.read(data, base=2 * place)
        readings += [reading] if reading is not None else []
    return readings


def _amounts(cursor: Cursor, *, coarser: bool) -> list[Reading]:
    """Current, voltage and charge, and as many further items as are announced and there."""
    data = cursor.take(_FIXED_SIZE, "current, voltage and charge")
    readings = _read(FIXED, data, coarser=True) if coarser else _FIXED_BLOCK.read(data)
    items = cursor.number(U8, "count of further items")
    if not _FEWEST_ITEMS <= items <= _MOST_ITEMS:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_FEWEST_ITEMS} to {_MOST_ITEMS} further items",
            came=str(items),
            where=f"byte {cursor.at - 1} of the telemetry",
        )
    data = cursor.take(2 * min(items, cursor.left // 2), "further items")
    readings += _read(ITEMS, data, coarser=True) if coarser else _ITEM_BLOCK.read(data)
    if data[0:2] == data[4:6] and len(data) >= 6:
        learned = next(n for n, one in enumerate(readings) if one.quantity == "full_charge_capacity")
        readings[learned] = altered(readings[learned], doubts=("repeats_nominal",))
    return readings


def _read(fields: Sequence[Field], data: bytes, *, coarser: bool) -> list[Reading]:
    found = (
        field.read(data, coarser=int(coarser and field.quantity in _COARSE))
        for field in fields
        if field.offset + field.integer.size <= len(data)
    )
    return [reading for reading in found if reading is not None]


def _telemetry(frame: Frame, request: Frame | None) -> list[Reading]:
    cursor = Cursor(frame.payload, "telemetry")
    cursor.take(2, "flags")
    readings = cells(cursor, CELL)
    count = len(readings)
    readings += _temperatures(cursor)
    readings += _amounts(cursor, coarser=False)
    readings.append(told("cell_count", Decimal(count)))
    if request is None and is_ascii(frame.raw):
        cursor.end()  # nothing else says what this answers
    return _of(_part(frame), readings)


def _single(frame: Frame, request: Frame | None) -> list[Reading]:
    """Telemetry, and on newer firmware the states behind it."""
    del request
    cursor = Cursor(frame.payload, "telemetry")
    cursor.take(2, "flags")
    readings = cells(cursor, CELL)
    count = len(readings)
    warmth = _temperatures(cursor)
    readings += [*warmth, *_amounts(cursor, coarser=False), told("cell_count", Decimal(count))]
    if cursor.left >= count + len(warmth) + 5:
        for index, state in enumerate(cursor.take(count, "states of cells"), 1):
            readings += state_alarm(state, CELL_STATES, cursor, index, own=True)
        for number, state in enumerate(cursor.take(len(warmth), "states of temperatures"), 1):
            index_or_none = number if number <= len(warmth) - 2 else None
            readings += state_alarm(state, TEMPERATURE_STATES, cursor, index_or_none, own=True)
        readings += state_alarm(cursor.number(U8, "state"), CHARGE_STATES, cursor, None, own=True)
        readings += state_alarm(cursor.number(U8, "state"), VOLTAGE_STATES, cursor, None, own=True)
        readings += _switches_and_events(cursor)
        if cursor.left >= 2:
            readings.append(told("balancing_active", any(cursor.take(2, "balancing"))))
    return _of(_part(frame), readings)


def _switches_and_events(cursor: Cursor) -> list[Reading]:
    """System state, switches, and events behind their count, in an order that no source proves."""
    cursor.take(1, "system state")
    switches = cursor.number(U8, "switches")
    count = cursor.number(U8, "count of events")
    events = cursor.take(min(count, cursor.left), "events")
    named = [
        told("alarm", f"unnamed_event_{number}_bit_{bit}")
        for number, byte in enumerate(events, 1)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]
    return [*_flags(switches), *named]


def _flags(switches: int) -> list[Reading]:
    return [
        told("charging_enabled", bool(switches & _CHARGE_SWITCH)),
        told("discharging_enabled", bool(switches & _DISCHARGE_SWITCH)),
    ]


def _parallel(frame: Frame, request: Frame | None) -> list[Reading]:
    """What all packs in parallel are together; never taken for the pack that says it."""
    del request
    cursor = Cursor(frame.payload, "parallel data")
    cursor.take(2, "flags")
    data = cursor.take(_EXTREMES_SIZE, "extremes")
    readings = _read(EXTREMES, data, coarser=False)
    readings += _amounts(cursor, coarser=True)
    if cursor.left >= 3:
        readings += _switches_and_events(cursor)
    part = _part(frame)
    return _of("system" if part is None else f"{part}/system", readings)


def _alarms(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    cursor = Cursor(frame.payload, "alarms")
    cursor.take(2, "flags")
    readings = []
    for index, state in enumerate(states(cursor, "cells"), 1):
        if state != NORMAL:
            readings += state_alarm(state, CELL_STATES, cursor, index, own=True)
    sensors = states(cursor, "temperatures")
    for number, state in enumerate(sensors, 1):
        if state == NORMAL:
            continue
        index_or_none = number if number <= len(sensors) - 2 else None
        readings += state_alarm(state, TEMPERATURE_STATES, cursor, index_or_none, own=True)
    # One state for both directions of the current.
    readings += state_alarm(cursor.number(U8, "state"), CHARGE_STATES, cursor, None, own=True)
    readings += state_alarm(cursor.number(U8, "state"), VOLTAGE_STATES, cursor, None, own=True)
    count = cursor.number(U8, "count of event bytes")
    if count < _BALANCING + 2:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_EVENT_BYTES} event bytes",
            came=str(count),
            where=f"byte {cursor.at - 1} of the alarms",
        )
    block = cursor.take(count, "events and states")
    cursor.end()
    for number, names in enumerate(EVENTS):
        place = number if number < _SWITCH_BYTE else number - _SWITCH_BYTE + _LATER_EVENTS
        bits = block[place] if place < len(block) else 0
        if not bits:
            continue
        active = dict.fromkeys(name for bit, name in names.items() if bits >> bit & 1)
        readings += [told(quantity, value) for quantity, value in active]
    readings += _flags(block[_SWITCH_BYTE])
    readings.append(told("balancing_active", any(block[_BALANCING : _BALANCING + 2])))
    return _of(_part(frame), readings)


def _model(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    data = frame.payload
    if len(data) < _MODEL_SIZE:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_MODEL_SIZE} bytes of model data",
            came=str(len(data)),
            where="the length",
        )
    readings = [
        text_reading("model", data[_MODEL]),
        Reading("firmware_version", f"{data[_VERSION]}.{data[_VERSION + 1]}"),
        told("module_count", Decimal(data[_PACKS])),
    ]
    return _of(_part(frame), readings)


_FITTED: Final[dict[int, Layout]] = {TELEMETRY: _telemetry, ALARMS: _alarms}
_LAYOUTS: Final[dict[int, Callable[[Frame, Frame | None], list[Reading]]]] = {
    **_FITTED,
    MODEL: _model,
    SINGLE: _single,
    PARALLEL: _parallel,
}

PROTOCOL: Final = SeplosV2()
