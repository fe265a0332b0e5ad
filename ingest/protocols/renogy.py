"""Renogy smart batteries: Modbus registers from 1388 on, unit 48.

Cells come in tenths of a volt: too coarse to judge their spread. The state of charge is not told; it follows
from remaining charge and capacity.

Source: layout as restated in docs/protocols/renogy.md; no recording is at hand.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.modbus import Bits, Block, ModbusProtocol, Row, Text, Window, number
from ingest.protocol import I16, U16, U32, Certainty, Field
from schemas.reading import Reading
from schemas.terms import Origin, Unit

CELLS: Final = 0x1388
SENSORS: Final = 0x1399
PLACES: Final = 16
STATUS: Final = 0x13F2
_UNIT: Final = 0x30

ROWS: Final = (
    number(CELLS, "cell_count", U16, 0, Unit.ONE),
    number(0x13B2, "current", I16, -2, Unit.AMPERE),
    number(0x13B3, "voltage", U16, -1, Unit.VOLT),
    number(0x13B4, "remaining_charge", U32, -3, Unit.AMPERE_HOUR),
    number(0x13B6, "nameplate_capacity", U32, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    number(0x13B8, "cycle_count", U16, 0, Unit.ONE),
    Bits(STATUS, 1, "charging_enabled", {1: ""}),
    Bits(STATUS, 1, "discharging_enabled", {2: ""}),
    Text(0x13F6, 8, "serial_number"),
    Text(0x1402, 8, "model"),
    Text(0x140A, 2, "firmware_version"),
)
CELL: Final = Field("cell_voltage", 0, U16, -1, Unit.VOLT)
SENSOR: Final = Field("cell_temperature", 0, I16, -1, Unit.CELSIUS)
ALSO: Final = (
    "protection",
    "charging_enabled",
    "discharging_enabled",
    "serial_number",
    "model",
    "firmware_version",
)
ALSO_DERIVED: Final = ("state_of_charge",)
# Bits 1 to 3 of the status say what is switched on; every other one is a condition that no source here names.
_SWITCH_BITS: Final = 0b1110


class Renogy(ModbusProtocol):
    """See the module."""

    name: ClassVar[str] = "renogy"
    title: ClassVar[str] = "Renogy smart batteries (Modbus RTU)"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    unit: ClassVar[int] = _UNIT
    rows: ClassVar[Sequence[Row]] = ROWS
    blocks: ClassVar[tuple[Block, ...]] = (
        Block("charge", 3, 0x13B2, 7, "current, voltage, charge, capacity, cycles"),
        Block("cells", 3, CELLS, 34, "cells and sensors"),
        Block("status", 3, 0x13EC, 8, "conditions and switches"),
        Block("identity", 3, 0x13F0, 28, "serial number, name, version"),
    )
    asked_once: ClassVar[frozenset[str]] = frozenset({"identity"})

    def _window(self, window: Window) -> list[Reading]:
        readings = super()._window(window)
        if window.function != 3:
            return readings
        numbers = {r.quantity: r.value for r in readings if isinstance(r.value, Decimal)}
        remaining, capacity = numbers.get("remaining_charge"), numbers.get("nameplate_capacity")
        if remaining is not None and capacity:
            charge = (remaining * 100 / capacity).quantize(Decimal("0.1"))
            readings.append(Reading("state_of_charge", charge, origin=Origin.DERIVED))
        readings += [
            cell if cell.value else replace(cell, doubts=("not_fitted",))
            for cell in _counted(window, CELLS, CELL)
        ]
        return readings + _counted(window, SENSORS, SENSOR) + _conditions(window)


def _counted(window: Window, at: int, field: Field) -> list[Reading]:
    """The places behind a count, as many as it says."""
    count = U16.read(window.registers(at, 1), 0) if window.start <= at else None
    if count is None:
        return []
    return field.read_all(window.data, min(count, PLACES), base=2 * (at + 1 - window.start))


def _conditions(window: Window) -> list[Reading]:
    """Every bit that is set; what the switches show apart."""
    if not window.start <= STATUS < window.start + window.count:
        return []
    (bits,) = U16.read_all(window.registers(STATUS, 1), 0, 1)
    bits &= ~_SWITCH_BITS
    return [Reading("protection", f"unnamed_bit_{bit}") for bit in range(16) if bits >> bit & 1]


PROTOCOL: Final = Renogy()
