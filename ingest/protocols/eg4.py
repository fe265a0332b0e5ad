"""EG4 LL and LifePower4 batteries: 39 Modbus registers from 0 on.

Places for sixteen cells and six sensors stand in every answer; the count of cells says how many are fitted.
Older firmware leaves remaining charge and capacity at nought, which is no charge: they are absent then.

Source: layout as restated in docs/protocols/eg4.md, proven on a recording of one battery.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

from ingest.modbus import Bits, Block, ModbusProtocol, Row, Window, number
from ingest.protocol import I16, U16, U32, Certainty, Field, Integer
from schemas.reading import Reading, altered
from schemas.terms import Origin, Unit

CELL_PLACES: Final = 16
# Switches on the case choose the unit.
LAST_UNIT: Final = 64
SENSOR_PLACES: Final = 6
_CELLS_AT: Final = 2
_SENSORS_AT: Final = 33
_COUNT_AT: Final = 36
# A nought so far from the board's own temperature is no sensor; nor is what no battery survives.
_NO_SENSOR_DEGC: Final = 3
_TOO_COLD_DEGC: Final = -45

ROWS: Final = (
    number(0, "voltage", U16, -2, Unit.VOLT),
    number(1, "current", I16, -1, Unit.AMPERE),
    number(18, "board_temperature", I16, 0, Unit.CELSIUS),
    number(21, "remaining_charge", U16, -1, Unit.AMPERE_HOUR, unavailable=(0,)),
    number(23, "bms_reported_health", U16, 0, Unit.PERCENT),
    number(24, "state_of_charge", U16, 0, Unit.PERCENT),
    # No source names the bits: that one is set is told, what it means is not guessed.
    Bits(26, 1, "warning", {}),
    Bits(27, 1, "protection", {}),
    Bits(28, 1, "alarm", {}),
    number(29, "cycle_count", U32, 0, Unit.ONE),
    number(_COUNT_AT, "cell_count", U16, 0, Unit.ONE),
    number(37, "nameplate_capacity", U16, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED, unavailable=(0,)),
    Bits(38, 1, "balancing_active", dict.fromkeys(range(CELL_PLACES), "")),
)
CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
SENSOR: Final = Field("cell_temperature", 0, Integer(1, signed=True), 0, Unit.CELSIUS)

# Decoded by rows that are no `Field`.
ALSO: Final = ("warning", "protection", "alarm", "balancing_active")


class Eg4(ModbusProtocol):
    """See the module."""

    name: ClassVar[str] = "eg4"
    title: ClassVar[str] = "EG4 LL / LifePower4 (Modbus RTU)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    rows: ClassVar[Sequence[Row]] = ROWS
    blocks: ClassVar[tuple[Block, ...]] = (
        Block("state", 3, 0, 39, "everything that a battery says of itself"),
    )

    def _window(self, window: Window) -> list[Reading]:
        if window.unit > LAST_UNIT:
            return []  # Daly boards answer as unit 210 with blocks of any length
        readings = super()._window(window)
        if window.function == 3 and window.start == 0:
            readings += _cells(window) + _sensors(window)
        return readings


def _cells(window: Window) -> list[Reading]:
    """As many as the device counts; without its count, up to the last place that shows a voltage."""
    found = CELL.read_all(window.data, CELL_PLACES, base=2 * _CELLS_AT)
    count = U16.read(window.data, 2 * _COUNT_AT)
    while found and (len(found) > count if count is not None else not found[-1].value):
        del found[-1]
    return [cell if cell.value else altered(cell, doubts=("not_fitted",)) for cell in found]


def _sensors(window: Window) -> list[Reading]:
    board = I16.read(window.data, 2 * 18)
    return [
        altered(sensor, doubts=("no_sensor",)) if _is_missing(sensor.value, board) else sensor
        for sensor in SENSOR.read_all(window.data, SENSOR_PLACES, base=2 * _SENSORS_AT)
    ]


def _is_missing(degrees: Decimal | str | bool | None, board: int | None) -> bool:
    assert isinstance(degrees, Decimal)
    if degrees < _TOO_COLD_DEGC:
        return True
    return not degrees and board is not None and abs(board) > _NO_SENSOR_DEGC


PROTOCOL: Final = Eg4()
