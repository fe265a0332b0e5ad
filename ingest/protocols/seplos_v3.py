"""Seplos 3.0 (also XZH): Modbus RTU at 19200 baud, the master pack answering for the bank as unit 0.

    unit 0      0x2000 bank, 0x2100 its extremes, coils from 0x2200 its events
    unit n      0x1000 pack, 0x1100 its cells, coils from 0x1200 its events, 0x1300 settings, 0x1700 texts

Registers are read with function 4, coils with function 1. Words of 32 bits come least significant register
first. A pack is told as `module/n` by its unit; what unit 0 says of the bank speaks of the whole device. How
many packs there are is known from the bank, so a gateway asks it first.

Source: the maker's register document V0.3, restated in docs/protocols/seplos-v3.md; proven on a recording of
a bank of two packs.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.modbus import (
    COILS,
    I32_LOW,
    INPUT_REGISTERS,
    U32_LOW,
    Bits,
    Block,
    ModbusProtocol,
    Number,
    Row,
    Text,
    Window,
    encode_answer,
    number,
)
from ingest.protocol import I16, U16, Certainty, Decoder, Frame, Integer, Poller
from schemas.reading import Reading, altered
from schemas.terms import Origin, ReadingAbsence, Unit

BANK_UNIT: Final = 0
MOST_PACKS: Final = 16
CELLS: Final = 16
BANK: Final = 0x2000
EXTREMES: Final = 0x2100
BANK_EVENTS: Final = 0x2200
PACK: Final = 0x1000
PACK_CELLS: Final = 0x1100
PACK_EVENTS: Final = 0x1200
_SETTINGS: Final = 0x1300
_CAPACITY: Final = 0x1358
_TEXTS: Final = 0x1700
# Temperatures are tenths of a kelvin; 0.0 degC on a register that the maker calls reserved is no sensor.
KELVIN: Final = 2731
# Boards of more than this many amperes count current in steps of 0.1 A, the others of 0.01 A.
FINE_MOST_A: Final = 200
_CURRENT: Final = 0x1001
_DISCHARGE_LIMIT: Final = 0x100F


def _row(address: int, quantity: str, integer: Integer, exponent: int, unit: Unit, **more: object) -> Number:
    more["function"] = INPUT_REGISTERS
    return number(address, quantity, integer, exponent, unit, **more)  # type: ignore[arg-type]


BANK_ROWS: Final = (
    _row(0x2000, "voltage", U32_LOW, -2, Unit.VOLT),
    _row(0x2002, "current", I32_LOW, -1, Unit.AMPERE),
    _row(0x2004, "remaining_charge", U32_LOW, -2, Unit.AMPERE_HOUR),
    _row(0x2006, "full_charge_capacity", U32_LOW, -2, Unit.AMPERE_HOUR),
    _row(0x2008, "charge_out", U32_LOW, 1, Unit.AMPERE_HOUR),
    _row(0x200A, "nameplate_capacity", U32_LOW, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    _row(0x2010, "discharge_current_limit", U32_LOW, -1, Unit.AMPERE),
    _row(0x2012, "charge_current_limit", U32_LOW, -1, Unit.AMPERE),
    _row(0x2014, "charge_voltage_limit", U16, -1, Unit.VOLT),
    _row(0x2015, "discharge_voltage_limit", U16, -1, Unit.VOLT),
    _row(0x2016, "module_count", U16, 0, Unit.ONE),
    _row(0x2017, "cycle_count", U16, 0, Unit.ONE),
    _row(0x2018, "state_of_charge", U16, -1, Unit.PERCENT),
    _row(0x2019, "bms_reported_health", U16, -1, Unit.PERCENT),
    _row(0x2100, "cell_voltage_max", U16, -3, Unit.VOLT),
    _row(0x2101, "cell_voltage_min", U16, -3, Unit.VOLT),
    _row(0x2108, "cell_temperature_max", I16, -1, Unit.CELSIUS),
    _row(0x2109, "cell_temperature_min", I16, -1, Unit.CELSIUS),
    _row(0x210A, "cell_temperature_mean", I16, -1, Unit.CELSIUS),
)
PACK_ROWS: Final = (
    _row(0x1000, "voltage", U16, -2, Unit.VOLT),
    _row(_CURRENT, "current", I16, -2, Unit.AMPERE),
    _row(0x1002, "remaining_charge", U16, -2, Unit.AMPERE_HOUR),
    _row(0x1003, "full_charge_capacity", U16, -2, Unit.AMPERE_HOUR),
    # The maker calls it "battery capacity" here and "total" there; others take it for the rated one.
    replace(
        _row(0x1003, "nameplate_capacity", U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
        doubts=("meaning_unproven",),
    ),
    _row(0x1004, "charge_out", U16, 1, Unit.AMPERE_HOUR),
    _row(0x1005, "state_of_charge", U16, -1, Unit.PERCENT),
    _row(0x1006, "bms_reported_health", U16, -1, Unit.PERCENT),
    _row(0x1007, "cycle_count", U16, 0, Unit.ONE),
    _row(0x1008, "cell_voltage_mean", U16, -3, Unit.VOLT),
    _row(0x1009, "cell_temperature_mean", U16, -1, Unit.CELSIUS, zero=KELVIN),
    _row(0x100A, "cell_voltage_max", U16, -3, Unit.VOLT),
    _row(0x100B, "cell_voltage_min", U16, -3, Unit.VOLT),
    _row(0x100C, "cell_temperature_max", U16, -1, Unit.CELSIUS, zero=KELVIN),
    _row(0x100D, "cell_temperature_min", U16, -1, Unit.CELSIUS, zero=KELVIN),
    _row(_DISCHARGE_LIMIT, "discharge_current_limit", U16, 0, Unit.AMPERE),
    _row(0x1010, "charge_current_limit", U16, 0, Unit.AMPERE),
)
CELL_ROWS: Final = (
    *(
        replace(
            _row(PACK_CELLS + place, "cell_voltage", U16, -3, Unit.VOLT, index=place + 1),
            doubted={0: "not_fitted"},
        )
        for place in range(CELLS)
    ),
    *(
        _row(0x1110 + place, "cell_temperature", U16, -1, Unit.CELSIUS, zero=KELVIN, index=place + 1)
        for place in range(4)
    ),
    *(
        _row(
            0x1114 + place,
            "cell_temperature",
            U16,
            -1,
            Unit.CELSIUS,
            zero=KELVIN,
            index=place + 5,
            unavailable=[KELVIN],
        )
        for place in range(4)
    ),
    _row(0x1118, "ambient_temperature", U16, -1, Unit.CELSIUS, zero=KELVIN),
    _row(0x1119, "board_temperature", U16, -1, Unit.CELSIUS, zero=KELVIN),
)
SETTING_ROWS: Final = (
    _row(0x1301, "cell_count", U16, 0, Unit.ONE, origin=Origin.CONFIGURED),
    _row(_CAPACITY, "nameplate_capacity", U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
TEXT_ROWS: Final = (
    Text(0x1700, 10, "manufacturer", INPUT_REGISTERS),
    Text(0x170A, 10, "model", INPUT_REGISTERS),
    Text(0x1714, 1, "firmware_version", INPUT_REGISTERS),
    Text(0x1724, 15, "serial_number", INPUT_REGISTERS),
)

# Events, eight coils each, in the order of the maker's tables: number of the table, alarms, protections.
ALARMS: Final = {
    "voltage": {
        0: "cell_over_voltage",
        2: "cell_under_voltage",
        4: "pack_over_voltage",
        6: "pack_under_voltage",
    },
    "cell temperature": {
        0: "charge_over_temperature",
        2: "charge_under_temperature",
        4: "discharge_over_temperature",
        6: "discharge_under_temperature",
    },
    "other temperature": {0: "over_temperature", 2: "under_temperature", 4: "board_over_temperature"},
    "current": {0: "charge_over_current", 3: "discharge_over_current"},
    "lockout": {},
    "charge": {2: "low_charge", 4: "cell_voltage_difference"},
    "switches": {},
    "balancing": {4: "cell_voltage_fault"},
    "hardware": {
        0: "temperature_fault",
        1: "front_end_error",
        2: "charge_switch_fault",
        3: "discharge_switch_fault",
        4: "cell_voltage_fault",
        5: "sense_wire_fault",
        6: "button_fault",
        7: "fire_suppression",
    },
}
PROTECTIONS: Final = {
    "voltage": {
        1: "cell_over_voltage",
        3: "cell_under_voltage",
        5: "pack_over_voltage",
        7: "pack_under_voltage",
    },
    "cell temperature": {
        1: "charge_over_temperature",
        3: "charge_under_temperature",
        5: "discharge_over_temperature",
        7: "discharge_under_temperature",
    },
    "other temperature": {1: "over_temperature", 3: "under_temperature", 5: "board_over_temperature"},
    "current": {
        1: "charge_over_current",
        2: "charge_over_current",
        4: "discharge_over_current",
        5: "discharge_over_current",
        6: "short_circuit",
    },
    "lockout": {
        0: "short_circuit",
        1: "reverse_connection",
        2: "charge_over_current",
        3: "discharge_over_current",
    },
    "charge": {3: "low_charge"},
}


def _events(system_state: int) -> tuple[Row, ...]:
    """Rows of the events whose system state is at this coil; the tables follow it, eight coils each."""
    rows: list[Row] = []
    for place, table in enumerate(ALARMS, 1):
        at = system_state + 8 * place
        for quantity, names in (("alarm", ALARMS[table]), ("protection", PROTECTIONS.get(table, {}))):
            if names:
                rows.append(Bits(at, 8, quantity, names, COILS, all_named=False))
    switches = system_state + 8 * 7
    rows.append(Bits(switches, 8, "discharging_enabled", {0: "on"}, COILS))
    rows.append(Bits(switches, 8, "charging_enabled", {1: "on"}, COILS))
    return tuple(rows)


EVENT_ROWS: Final = (
    *_events(BANK_EVENTS),
    Bits(0x2240, 8, "balancing_active", {0: "on"}, COILS),
    *_events(0x1240),
    Bits(0x1230, 16, "balancing_active", dict.fromkeys(range(16), "on"), COILS),
)
ALSO: Final = (
    "alarm",
    "protection",
    "charging_enabled",
    "discharging_enabled",
    "balancing_active",
    "manufacturer",
    "model",
    "firmware_version",
    "serial_number",
)

SYSTEM: Final = ("bank", "extremes", "bank-events")
PACKS: Final = ("pack", "cells", "events")
BLOCKS: Final = (
    Block("bank", INPUT_REGISTERS, BANK, 26, "voltage, current, charge, cycles, limits", BANK_UNIT),
    Block("extremes", INPUT_REGISTERS, EXTREMES, 22, "highest and lowest of the bank", BANK_UNIT),
    Block("bank-events", COILS, BANK_EVENTS, 80, "alarms, protections and switches of the bank", BANK_UNIT),
    Block("pack", INPUT_REGISTERS, PACK, 17, "a pack: voltage, current, charge, health, cycles, limits"),
    Block("cells", INPUT_REGISTERS, PACK_CELLS, 26, "voltages and temperatures of a pack"),
    Block("events", COILS, PACK_EVENTS, 144, "alarms, protections, switches and balancing of a pack"),
    Block("settings", INPUT_REGISTERS, _SETTINGS, 53, "number of cells, as somebody set it"),
    Block("capacity", INPUT_REGISTERS, _CAPACITY, 1, "rated capacity, as somebody set it"),
    Block("texts", INPUT_REGISTERS, _TEXTS, 51, "maker, name, firmware, serial number"),
)


class SeplosV3(ModbusProtocol):
    """See the module."""

    name: ClassVar[str] = "seplos-v3"
    title: ClassVar[str] = "Seplos 3.0 / XZH (Modbus RTU)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    rows = (*BANK_ROWS, *PACK_ROWS, *CELL_ROWS, *SETTING_ROWS, *TEXT_ROWS, *EVENT_ROWS)
    blocks = BLOCKS
    unit: ClassVar[int] = BANK_UNIT
    baud_rates: ClassVar[tuple[int, ...]] = (19200, 9600)

    def poll(self, address: int | None = None) -> list[bytes]:
        """The bank; with `address`, that pack alone."""
        return [self.request(name, address) for name in (SYSTEM if address is None else PACKS)]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Settings and texts of a pack; which packs a bank has is not known yet."""
        if address is None:
            return []
        return [self.request(name, address) for name in ("settings", "capacity", "texts")]

    def decoder(self) -> "SeplosDecoder":
        """A new one, which learns how many packs there are."""
        return SeplosDecoder(self)

    def poller(self, address: int | None, decoder: Decoder) -> Poller:
        """The bank and each of its packs; with `address`, that pack alone."""
        if address is None and isinstance(decoder, SeplosDecoder):
            return _Bank(self, decoder)
        return super().poller(address, decoder)

    def whole(self, payload: bytes) -> bytes | None:
        """The frame around a payload; its length tells which block it is."""
        for block in BLOCKS:
            size = block.count // 8 if block.function == COILS else 2 * block.count
            if size == len(payload) and block.name in {"bank-events", "events", "settings", "texts"}:
                return encode_answer(BANK_UNIT if block.unit is not None else 1, block.function, payload)
        return None

    def _window(self, window: Window) -> list[Reading]:
        readings = super()._window(window)
        if window.start >= BANK:
            return readings
        part = f"module/{window.unit}"
        for reading in readings:  # just made, and nobody else holds them
            object.__setattr__(reading, "component", part)
        if not _is_coarse(window):
            return readings
        return [
            replace(one, value=one.value * 10)
            if one.quantity == "current" and isinstance(one.value, Decimal)
            else one
            for one in readings
        ]

    def _refused(self, window: Window, why: ReadingAbsence) -> list[Reading]:
        readings = super()._refused(window, why)
        if window.start >= BANK:
            return readings
        return [altered(reading, component=f"module/{window.unit}") for reading in readings]


def _is_coarse(window: Window) -> bool:
    if not window.start <= _CURRENT <= _DISCHARGE_LIMIT < window.start + window.count:
        return False
    return int.from_bytes(window.registers(_DISCHARGE_LIMIT, 1), "big") > FINE_MOST_A


class SeplosDecoder:
    """Reads frames and remembers how many packs the bank has.

    Attributes:
        packs: as unit 0 said last; 0 before it has.
    """

    def __init__(self, protocol: SeplosV3) -> None:
        self._protocol = protocol
        self.packs = 0

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self._protocol.decode(frame, request=request)
        for reading in readings:
            if reading.quantity == "module_count" and isinstance(reading.value, Decimal):
                self.packs = min(int(reading.value), MOST_PACKS)
        return readings


class _Bank:
    """Asks the bank, then its packs."""

    def __init__(self, protocol: SeplosV3, decoder: SeplosDecoder) -> None:
        self._protocol = protocol
        self._decoder = decoder

    def cycle(self) -> Iterator[bytes]:
        yield from self._protocol.poll()
        for unit in range(1, self._decoder.packs + 1):
            yield from self._protocol.poll(unit)


PROTOCOL: Final = SeplosV3()
