"""Pylontech low-voltage packs on RS485: ASCII frames of the YD/T 1363 family, version 2.0.

The frame is `ingest.ydt1363`'s. An answer does not say what was asked: with the request at hand it is read
as that; without, it must fit exactly one layout to its last byte, else it is refused. Seplos V2 shares frame
and version but not the layout; PACE shares the frame, mostly under version 2.5; both are refused here.

The capacity called total does not fade over life: it is the rated one (`nameplate_capacity`), so health
cannot be read from remaining and total. Their ratio is given as state of charge, marked as derived.

Source: as restated in docs/protocols/pylontech-rs485.md; analog values proven on recordings of a bank of
three and of a single module.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import ClassVar, Final

from ingest.protocol import (
    I16,
    U8,
    U16,
    U24,
    Certainty,
    Cursor,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Protocol,
    Request,
)
from ingest.ydt1363 import (
    CELL_STATES,
    CHARGE_STATES,
    DISCHARGE_STATES,
    NORMAL,
    RETURN_CODES,
    TEMPERATURE_STATES,
    VOLTAGE_STATES,
    Layout,
    YdtFramer,
    cells,
    encode,
    only_fitting,
    state_alarm,
    states,
)
from schemas.reading import Reading, ReadingForm, altered, of_part, told
from schemas.terms import Origin, ReadingAbsence, Unit

VERSION: Final = 0x20

ANALOG: Final = 0x42
ALARMS: Final = 0x44
PROTOCOL_VERSION: Final = 0x4F
MANUFACTURER: Final = 0x51
LIMITS: Final = 0x92  # understood in a recording, not asked: nothing here needs it yet
SERIAL: Final = 0x93

MASTER: Final = 0x02  # the first module of a bank answers here
ALL: Final = 0xFF

REQUESTS: Final = (
    Request("analog", ANALOG, "cells, temperatures, current, voltage, charge and cycles of each module"),
    Request("alarms", ALARMS, "state of each cell, sensor and current; protections; switches"),
    Request("version", PROTOCOL_VERSION, "version of the protocol"),
    Request("manufacturer", MANUFACTURER, "device name, software version, maker"),
    Request("serial", SERIAL, "serial number of one module"),
)

CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
BOARD: Final = Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)
TEMPERATURE: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)

# What follows the temperatures of a module, in two forms told apart by the count of further items at byte 6.
_ITEMS: Final = 6
_SHORT: Final = 2
_LONG: Final = 4
COMMON: Final = (
    Field("current", 0, I16, -1, Unit.AMPERE),
    Field("voltage", 2, U16, -3, Unit.VOLT),
    Field("cycle_count", 9, U16, 0, Unit.ONE),
)
CHARGE: Final = {
    _SHORT: (
        Field("remaining_charge", 4, U16, -3, Unit.AMPERE_HOUR),
        Field("nameplate_capacity", 7, U16, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    ),
    _LONG: (
        Field("remaining_charge", 11, U24, -3, Unit.AMPERE_HOUR),
        Field("nameplate_capacity", 14, U24, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    ),
}
_SIZE: Final = {_SHORT: 11, _LONG: 17}
_SATURATED: Final = 0xFFFF
_SHARE: Final = ReadingForm("state_of_charge", origin=Origin.DERIVED)

# Bits of the first status byte; bit 3 is reserved.
PROTECTION_BITS: Final = {
    0: "pack_over_voltage",
    1: "cell_under_voltage",
    2: "charge_over_current",
    4: "discharge_over_current",
    5: "discharge_over_temperature",
    6: "charge_over_temperature",
    7: "pack_under_voltage",
}
_CHARGE_SWITCH: Final = 1 << 1
_DISCHARGE_SWITCH: Final = 1 << 2

# What the module allows, behind its number. The discharge current is sent negative; a limit is an amount.
LIMIT_FIELDS: Final = (
    Field("charge_voltage_limit", 1, U16, -3, Unit.VOLT),
    Field("discharge_voltage_limit", 3, U16, -3, Unit.VOLT),
    Field("charge_current_limit", 5, I16, -1, Unit.AMPERE),
    Field("discharge_current_limit", 7, I16, -1, Unit.AMPERE),
)
_LIMITS_SIZE: Final = 10
_CHARGE_ALLOWED: Final = 1 << 7
_DISCHARGE_ALLOWED: Final = 1 << 6

_NAME_SIZE, _VERSION_SIZE, _MAKER_SIZE = 10, 2, 20
_SERIAL_SIZE: Final = 16


def encode_request(
    command: int, *, address: int = MASTER, info: bytes = b"", version: int = VERSION
) -> bytes:
    """The bytes that ask. Builds any frame; what may be sent is `Protocol.request`'s to say."""
    return encode(version, address, command, info)


def encode_reply(
    info: bytes, *, address: int = MASTER, return_code: int = 0x00, version: int = VERSION
) -> bytes:
    """The bytes of an answer, as a module sends them; it does not name the command it answers."""
    return encode(version, address, return_code, info)


@dataclass(frozen=True)
class Module:
    """What one module says of itself, for simulators and fixtures.

    Attributes:
        cells: volts, cell 1 first.
        board: temperature of the board in degC.
        temperatures: of groups of cells in degC.
        current: amperes, positive while charging.
        voltage: volts.
        remaining: ampere-hours.
        total: ampere-hours, the rated ones.
        cycles: as counted.
    """

    cells: Sequence[Decimal]
    board: Decimal
    temperatures: Sequence[Decimal]
    current: Decimal
    voltage: Decimal
    remaining: Decimal
    total: Decimal
    cycles: int


def encode_analog(modules: Sequence[Module], *, number: int | None = None, flags: int = 0x10) -> bytes:
    """INFO of an analog answer: of a bank when `number` is None, else of the one module of that number.

    A module of 65.535 Ah or more is written in the long form, as real ones do.
    """
    info = bytes([flags, len(modules) if number is None else number])
    for module in modules:
        info += bytes([len(module.cells)]) + b"".join(CELL.write(cell) for cell in module.cells)
        info += bytes([1 + len(module.temperatures)]) + BOARD.write(module.board)
        info += b"".join(TEMPERATURE.write(value) for value in module.temperatures)
        form = _SHORT if max(module.total, module.remaining) < Decimal("65.535") else _LONG
        block = bytearray(_SIZE[form])
        block[4:6] = block[7:9] = U16.write(_SATURATED)
        block[_ITEMS] = form
        values = {
            "current": module.current,
            "voltage": module.voltage,
            "cycle_count": Decimal(module.cycles),
            "remaining_charge": module.remaining,
            "nameplate_capacity": module.total,
        }
        for field in (*COMMON, *CHARGE[form]):
            block[field.offset : field.offset + field.integer.size] = field.write(values[field.quantity])
        info += bytes(block)
    return info


@dataclass(frozen=True)
class ModuleAlarms:
    """What one module says is wrong with it, for simulators and fixtures.

    Attributes:
        cells: one state byte per cell (0 normal, 1 below, 2 above its limit, F0 other).
        temperatures: one state byte per sensor, the board's first.
        charge_current: state byte.
        voltage: state byte.
        discharge_current: state byte.
        protections: names out of `PROTECTION_BITS`.
        charging_enabled: charge switch closed.
        discharging_enabled: discharge switch closed.
        faulty_cells: positions 1..16 whose voltage measurement failed.
    """

    cells: Sequence[int]
    temperatures: Sequence[int]
    charge_current: int = NORMAL
    voltage: int = NORMAL
    discharge_current: int = NORMAL
    protections: Collection[str] = ()
    charging_enabled: bool = True
    discharging_enabled: bool = True
    faulty_cells: Collection[int] = ()


def encode_alarms(modules: Sequence[ModuleAlarms], *, number: int | None = None, flags: int = 0x10) -> bytes:
    """INFO of an alarm answer: of a bank when `number` is None, else of the one module of that number."""
    info = bytes([flags, len(modules) if number is None else number])
    for module in modules:
        info += bytes([len(module.cells), *module.cells, len(module.temperatures), *module.temperatures])
        info += bytes([module.charge_current, module.voltage, module.discharge_current])
        protections = sum(1 << bit for bit, name in PROTECTION_BITS.items() if name in module.protections)
        switches = _CHARGE_SWITCH * module.charging_enabled | _DISCHARGE_SWITCH * module.discharging_enabled
        faults = sum(1 << cell - 1 for cell in set(module.faulty_cells))
        # Bit 3 of the second byte says that the module is powered, which it is when it answers.
        info += bytes([protections, switches | 1 << 3, 0, faults & 0xFF, faults >> 8])
    return info


def encode_manufacturer(*, device: str, software: tuple[int, int], maker: str) -> bytes:
    """INFO of a manufacturer answer; at most ten characters of device and twenty of maker."""
    return (
        device.encode().ljust(_NAME_SIZE, b"\x00") + bytes(software) + maker.encode().ljust(_MAKER_SIZE, b"-")
    )


def encode_serial(serial: str, *, number: int = MASTER) -> bytes:
    """INFO of a serial-number answer; at most 16 characters."""
    return bytes([number]) + serial.encode().ljust(_SERIAL_SIZE, b"\x00")


def encode_limits(
    *,
    charge_voltage: Decimal,
    discharge_voltage: Decimal,
    charge_current: Decimal,
    discharge_current: Decimal,
    number: int = MASTER,
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
) -> bytes:
    """INFO of an answer about limits; volts and amperes, both currents as amounts."""
    values = (charge_voltage, discharge_voltage, charge_current, -discharge_current)
    status = _CHARGE_ALLOWED * charging_enabled | _DISCHARGE_ALLOWED * discharging_enabled
    fields = b"".join(field.write(value) for field, value in zip(LIMIT_FIELDS, values, strict=True))
    return bytes([number]) + fields + bytes([status])


class PylontechRs485(Protocol):
    """See the module."""

    name: ClassVar[str] = "pylontech-rs485"
    title: ClassVar[str] = "Pylontech RS485 (YD/T 1363, version 2.0)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    is_text: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (115200, 9600)

    def framer(self) -> Framer:
        """A new framer."""
        return YdtFramer(versions=(VERSION,))

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read: of the whole bank through its master when `address` is None.

        A serial number can be asked of one module only; without an address it is the master's.
        """
        row = self._row(name)
        asked = MASTER if address is None else address
        if row.command in (PROTOCOL_VERSION, MANUFACTURER):
            return encode_request(row.command, address=asked)
        whole = address is None and row.command != SERIAL
        return encode_request(row.command, address=asked, info=bytes([ALL if whole else asked]))

    def poll(self, address: int | None = None) -> list[bytes]:
        """Analog values and alarms, of the whole bank when `address` is None."""
        return [self.request(name, address) for name in ("analog", "alarms")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Maker, device and serial number of one module, the master when `address` is None."""
        return [self.request(name, address) for name in ("manufacturer", "serial")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """An answer names its module, not its command."""
        return frame.address == request.address

    def _asked_address(self, frame: Frame) -> int | None:
        whole = frame.address == MASTER and frame.payload in (b"", bytes([ALL]))
        return None if whole else frame.address

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        if frame.status:
            return _unread(request, frame.status)
        if request is not None:
            layout = _LAYOUTS.get(request.command)
            return layout(frame, request) if layout else []
        if not frame.payload:
            return []  # an answer about the version: its head says all
        return only_fitting(frame, _LAYOUTS)


def _unread(request: Frame | None, code: int) -> list[Reading]:
    """The module refused: what was asked is not supported or was not read."""
    if request is None:
        return []
    quantities = {
        ANALOG: ("voltage", "current", "remaining_charge", "cycle_count", "cell_voltage"),
        MANUFACTURER: ("model", "manufacturer", "firmware_version"),
        SERIAL: ("serial_number",),
        LIMITS: tuple(field.quantity for field in LIMIT_FIELDS),
    }.get(request.command, ())
    absent = (
        ReadingAbsence.NOT_SUPPORTED if RETURN_CODES[code] == "command unknown" else ReadingAbsence.NOT_READ
    )
    address = request.address or 0
    number = request.payload[0] if request.payload else address
    part = None if number == ALL else _component(address, number)
    return [Reading(quantity, None, component=part, absence=absent) for quantity in quantities]


def _component(address: int, number: int) -> str:
    """Path of the module that names itself by `number` in an answer from `address`.

    Modules answer at 2, 3, ... within the group that the high digit tells. One that names itself by this
    address has its place from it, so the first is 1 here as in a whole bank's answer. What other numbers
    count is not known for sure: they keep a name of their own, which no place in a bank can be taken for.
    """
    low = number & 0xF
    return _place(address, low - 1) if number == address and low >= MASTER else f"number/{number}"


def _place(address: int, place: int) -> str:
    group = address >> 4
    return f"group/{group}/module/{place}" if group else f"module/{place}"


def _blocks(
    frame: Frame,
    request: Frame | None,
    cursor: Cursor,
    block: Callable[[Cursor], list[Reading]],
) -> tuple[list[Reading], bool]:
    """Readings of every module block to the end of the data, and whether it was an answer of the whole bank.

    The second byte counts the modules when all were asked and numbers the one that was asked alone. Only the
    count of blocks that are really there tells which, when the request is not at hand.
    """
    cursor.take(1, "flags")
    stated = cursor.number(U8, "count of modules, or number of the module")
    blocks = []
    while cursor.left:
        blocks.append(block(cursor))
        if len(blocks) > max(stated, 1):
            break
    asked = request.payload[0] if request is not None and request.payload else None
    address = frame.address or 0
    if asked is not None and asked != ALL:
        bank = False
        if stated != asked:
            raise Damage(
                Fault.UNMATCHED, expected=f"module {asked:02X}", came=f"module {stated:02X}", where="byte 1"
            )
    else:
        bank = asked == ALL or len(blocks) != 1 or (stated == 1 and address != 1)
    count = stated if bank else 1
    if len(blocks) != count or not blocks:
        raise Damage(
            Fault.LENGTH,
            expected=f"data of {count} module{'s' if count != 1 else ''}",
            came=f"data of {len(blocks)}, and {cursor.left} more bytes",
            where="the data",
        )
    cursor.end()
    named = []
    for place, readings in enumerate(blocks, 1):
        part = _place(address, place) if bank else _component(address, stated)
        named += of_part(readings, part)
    return named, bank


def _analog(frame: Frame, request: Frame | None) -> list[Reading]:
    readings, bank = _blocks(frame, request, Cursor(frame.payload, "analog values"), _analog_module)
    return [told("module_count", Decimal(frame.payload[1])), *readings] if bank else readings


def _analog_module(cursor: Cursor) -> list[Reading]:
    readings = cells(cursor, CELL)
    count = len(readings)
    sensors = cursor.number(U8, "count of temperatures")
    data = cursor.take(sensors * 2, f"{sensors} temperatures")
    readings += _found(BOARD.read(data))
    readings += TEMPERATURE.read_all(data, sensors - 1, base=2)
    form = cursor.data[cursor.at + _ITEMS] if cursor.left > _ITEMS else None
    if form not in _SIZE:
        raise Damage(
            Fault.LENGTH,
            expected="2 or 4 further items",
            came="the end of the data" if form is None else str(form),
            where=f"byte {cursor.at + _ITEMS} of the analog values",
        )
    data = cursor.take(_SIZE[form], "current, voltage, charge and cycles")
    for field in COMMON:
        readings += _found(field.read(data))
    for field in CHARGE[form]:
        (reading,) = _found(field.read(data))
        # The short form ends at 65.535 Ah; a field full of ones says "more", not a charge.
        full = form == _SHORT and U16.read(data, field.offset) == _SATURATED
        readings.append(altered(reading, doubts=("saturated",)) if full else reading)
    readings.append(told("cell_count", Decimal(count)))
    return readings + _state_of_charge(readings)


def _state_of_charge(readings: Iterable[Reading]) -> list[Reading]:
    """Remaining over rated charge in steps of 0.1 %, derived; none when the rated one is 0."""
    values = {reading.quantity: reading.value for reading in readings}
    remaining, total = values["remaining_charge"], values["nameplate_capacity"]
    assert isinstance(remaining, Decimal)
    assert isinstance(total, Decimal)
    if not total:
        return []
    share = (100 * remaining / total).quantize(Decimal("0.1"))
    return [_SHARE(share)]


def _found(reading: Reading | None) -> list[Reading]:
    return [] if reading is None else [reading]


def _alarms(frame: Frame, request: Frame | None) -> list[Reading]:
    """Five status bytes end a module's block, on newer firmware six; the data fit one of the two exactly."""
    try:
        return _blocks(frame, request, Cursor(frame.payload, "alarms"), _alarm_module)[0]
    except Damage as five:
        try:
            block = partial(_alarm_module, status_size=6)
            return _blocks(frame, request, Cursor(frame.payload, "alarms"), block)[0]
        except Damage:
            raise five from None


def _alarm_module(cursor: Cursor, *, status_size: int = 5) -> list[Reading]:
    readings = []
    for index, state in enumerate(states(cursor, "cells"), 1):
        readings += state_alarm(state, CELL_STATES, cursor, index)
    for number, state in enumerate(states(cursor, "temperatures")):
        readings += state_alarm(state, TEMPERATURE_STATES, cursor, number or None)
    for names in (CHARGE_STATES, VOLTAGE_STATES, DISCHARGE_STATES):
        readings += state_alarm(cursor.number(U8, "states"), names, cursor, None)
    protections, switches, _, low, high = cursor.take(status_size, "status")[:5]
    readings += [
        told("protection", PROTECTION_BITS.get(bit, f"unnamed_bit_{bit}"))
        for bit in range(8)
        if protections >> bit & 1
    ]
    faulty = low | high << 8
    readings += [told("alarm", "cell_voltage_fault", index=bit + 1) for bit in range(16) if faulty >> bit & 1]
    readings.append(told("charging_enabled", bool(switches & _CHARGE_SWITCH)))
    readings.append(told("discharging_enabled", bool(switches & _DISCHARGE_SWITCH)))
    return readings


def _manufacturer(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    cursor = Cursor(frame.payload, "manufacturer data")
    device = cursor.take(_NAME_SIZE, "device name")
    major, minor = cursor.take(_VERSION_SIZE, "software version")
    maker = cursor.take(_MAKER_SIZE, "maker")
    cursor.end()
    address = frame.address or 0
    part = _component(address, address)
    # Inside a bank the master answers this for every address, so another address proves nothing.
    doubts = () if address & 0xF == MASTER else ("masters_answer",)
    return [
        _text("model", device.rstrip(b"\x00 "), part, doubts),
        Reading("firmware_version", f"{major}.{minor}", component=part, doubts=doubts),
        _text("manufacturer", maker.rstrip(b"\x00 -"), part, doubts),
    ]


def _limits(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    cursor = Cursor(frame.payload, "limits")
    data = cursor.take(_LIMITS_SIZE, "number, limits and status")
    cursor.end()
    part = _component(frame.address or 0, data[0])
    readings = []
    for field in LIMIT_FIELDS:
        reading = field.read(data, component=part)
        assert reading is not None
        assert isinstance(reading.value, Decimal)
        readings.append(replace(reading, value=abs(reading.value)))
    status = data[-1]
    return [
        *readings,
        told("charging_enabled", bool(status & _CHARGE_ALLOWED), component=part),
        told("discharging_enabled", bool(status & _DISCHARGE_ALLOWED), component=part),
    ]


def _serial(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    cursor = Cursor(frame.payload, "serial number")
    number = cursor.number(U8, "number of the module")
    serial = cursor.take(_SERIAL_SIZE, "serial number")
    cursor.end()
    return [_text("serial_number", serial.rstrip(b"\x00 "), _component(frame.address or 0, number), ())]


def _text(quantity: str, data: bytes, component: str, doubts: tuple[str, ...]) -> Reading:
    if not data:
        return Reading(quantity, None, component=component, absence=ReadingAbsence.NOT_SUPPORTED)
    text = data.decode("ascii", "replace")
    clean = "".join(char if char.isprintable() else "�" for char in text)
    doubts = (*doubts, "unreadable_text") if "�" in clean else doubts
    return Reading(quantity, clean, component=component, doubts=doubts)


# Layouts by the command that asks for them. Their sizes tell apart what has a fixed one.
_LAYOUTS: Final[dict[int, Layout]] = {
    ANALOG: _analog,
    ALARMS: _alarms,
    MANUFACTURER: _manufacturer,
    LIMITS: _limits,
    SERIAL: _serial,
}

# Read by hand, beside the field tables.
ALSO: Final = (
    *("alarm", "protection", "charging_enabled", "discharging_enabled", "module_count", "model"),
    *("manufacturer", "firmware_version", "serial_number", "cell_count"),
)
ALSO_DERIVED: Final = ("state_of_charge",)

PROTOCOL: Final = PylontechRs485()
