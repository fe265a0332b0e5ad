"""Pylontech RT batteries (12 V, RT12100): Modbus registers from 1016 on, serial number from 2000 on.

No cell is told: only the highest and the lowest, and the warmest and the coldest place. The power has no
sign, the energy over life no direction.

Source: layout as restated in docs/protocols/pylontech-rt.md, proven on a recording of one battery.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

from ingest.modbus import Block, ModbusProtocol, Number, Row, Text, Window, number
from ingest.protocol import I16, U16, Certainty, Field
from schemas.reading import Reading
from schemas.terms import Origin, Unit

_CHARGE: Final = number(0x101C, "state_of_charge", U16, 0, Unit.PERCENT)
_NAMEPLATE: Final = number(0x1022, "nameplate_capacity", U16, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED)
ROWS: Final = (
    number(0x1016, "voltage", U16, -2, Unit.VOLT),
    number(0x1017, "current", I16, -1, Unit.AMPERE),
    number(0x1018, "cell_voltage_max", U16, -3, Unit.VOLT),
    number(0x1019, "cell_voltage_min", U16, -3, Unit.VOLT),
    number(0x101A, "cell_temperature_max", I16, -1, Unit.CELSIUS),
    number(0x101B, "cell_temperature_min", I16, -1, Unit.CELSIUS),
    _CHARGE,
    number(0x101D, "bms_reported_health", U16, 0, Unit.PERCENT),
    Number(0x101E, Field("power", 0, U16, 0, Unit.WATT), doubts=("sign_unproven",)),
    Number(0x1020, Field("energy_throughput", 0, U16, -1, Unit.KILOWATT_HOUR), doubts=("meaning_unproven",)),
    _NAMEPLATE,
    Text(0x2000, 8, "serial_number"),
)
# Decoded by hand, beside the table.
ALSO: Final = ("serial_number",)
ALSO_DERIVED: Final = ("remaining_charge",)


class PylontechRt(ModbusProtocol):
    """See the module."""

    name: ClassVar[str] = "pylontech-rt"
    title: ClassVar[str] = "Pylontech RT (Modbus RTU)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    rows: ClassVar[Sequence[Row]] = ROWS
    blocks: ClassVar[tuple[Block, ...]] = (
        Block("state", 3, 0x1016, 13, "voltage, current, extremes, charge, health, energy, capacity"),
        Block("serial", 3, 0x2000, 8, "serial number"),
    )
    asked_once: ClassVar[frozenset[str]] = frozenset({"serial"})

    def _window(self, window: Window) -> list[Reading]:
        readings = super()._window(window)
        numbers = {r.quantity: r.value for r in readings if isinstance(r.value, Decimal)}
        charge, nameplate = numbers.get("state_of_charge"), numbers.get("nameplate_capacity")
        if charge is not None and nameplate:
            remaining = charge * nameplate / 100
            readings.append(Reading("remaining_charge", remaining, origin=Origin.DERIVED))
        return readings


PROTOCOL: Final = PylontechRt()
