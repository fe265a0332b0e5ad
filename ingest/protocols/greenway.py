"""Greenway, in light electric motorcycles (Sur-Ron, Segway X160 and X260, others): 46, 47 and 57 frames.

A host reads one parameter (46), the battery answers it (47); a motor controller on the same RS485 line says
its own state unasked (57). All of it may be listened to passively. What a controller repeats of the battery
is no reading: only the battery's own answers are, and a request without an answer says nothing.

Frame: command, address (u16 little-endian), parameter, length, data, sum of everything before it. A request
carries no data, its length is what it wants; the length of a 57 frame counts the checksum too.

Source: layout as restated in docs/protocols/greenway.md, proven on a radio recording of every parameter and
on two logs of a motorcycle's bus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from ingest.frames import sum8
from ingest.protocol import (
    U8,
    Certainty,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Integer,
    Protocol,
    Request,
    day_reading,
    text_reading,
)
from schemas.reading import Reading, altered
from schemas.terms import Origin, ReadingAbsence, Unit

READ: Final = 0x46
ANSWER: Final = 0x47
BROADCAST: Final = 0x57
BATTERY: Final = 0x0116
# High byte of every address that was ever seen; battery 0116, motor controller 0183.
_ADDRESS_HIGH: Final = 0x01
_HEAD: Final = 5

TEMPERATURES: Final = 8
VOLTAGE: Final = 9
CURRENT: Final = 10
CHARGE: Final = 13
HEALTH: Final = 14
REMAINING: Final = 15
LEARNED: Final = 16
STATISTICS: Final = 21
CYCLES: Final = 23
NAMEPLATE: Final = 24
DESIGN_VOLTAGE: Final = 25
VERSIONS: Final = 26
MADE_ON: Final = 27
MANUFACTURER: Final = 32
MODEL: Final = 33
CELL_MODEL: Final = 34
SERIAL: Final = 35
CELLS_LOW: Final = 36
CELLS_HIGH: Final = 37
HISTORY: Final = 38

REQUESTS: Final = (
    Request("temperatures", TEMPERATURES, "seven sensors"),
    Request("voltage", VOLTAGE, "of the pack"),
    Request("current", CURRENT, "of the pack"),
    Request("charge", CHARGE, "state of charge"),
    Request("health", HEALTH, "as the board computes it"),
    Request("remaining", REMAINING, "remaining charge"),
    Request("learned", LEARNED, "capacity as learned"),
    Request("statistics", STATISTICS, "charge taken in over life"),
    Request("cycles", CYCLES, "charge cycles"),
    Request("nameplate", NAMEPLATE, "capacity as designed"),
    Request("design-voltage", DESIGN_VOLTAGE, "voltage as designed"),
    Request("versions", VERSIONS, "software and hardware"),
    Request("made-on", MADE_ON, "day of manufacture"),
    Request("manufacturer", MANUFACTURER, "of the battery"),
    Request("model", MODEL, "of the battery"),
    Request("cell-model", CELL_MODEL, "of the cells"),
    Request("serial", SERIAL, "number of the battery"),
    Request("cells-low", CELLS_LOW, "voltages of cells 1 to 16"),
    Request("cells-high", CELLS_HIGH, "voltages of cells 17 to 32"),
    Request("history", HISTORY, "extremes over life"),
)
# How many bytes each read asks for.
LENGTHS: Final[Mapping[int, int]] = {
    TEMPERATURES: 8,
    VOLTAGE: 4,
    CURRENT: 4,
    CHARGE: 1,
    HEALTH: 1,
    REMAINING: 4,
    LEARNED: 4,
    STATISTICS: 12,
    CYCLES: 4,
    NAMEPLATE: 4,
    DESIGN_VOLTAGE: 4,
    VERSIONS: 8,
    MADE_ON: 3,
    MANUFACTURER: 16,
    MODEL: 32,
    CELL_MODEL: 16,
    SERIAL: 32,
    CELLS_LOW: 32,
    CELLS_HIGH: 32,
    HISTORY: 14,
}
_POLLED: Final = ("voltage", "current", "charge", "remaining", "temperatures", "cells-low", "cells-high")

I8: Final = Integer(1, signed=True)
U16L: Final = Integer(2, little=True)
U32L: Final = Integer(4, little=True)
I32L: Final = Integer(4, signed=True, little=True)

# One field for each parameter that is one number; the parameter is the key of `FIELDS`.
_VOLTAGE: Final = Field("voltage", 0, U32L, -3, Unit.VOLT)
_CURRENT: Final = Field("current", 0, I32L, -3, Unit.AMPERE)
# The motorcycle asks for one byte of it, the radio module sends four; the first is the number in both.
_CHARGE: Final = Field("state_of_charge", 0, U8, 0, Unit.PERCENT)
_HEALTH: Final = Field("bms_reported_health", 0, U8, 0, Unit.PERCENT)
_REMAINING: Final = Field("remaining_charge", 0, U32L, -3, Unit.AMPERE_HOUR)
_LEARNED: Final = Field("full_charge_capacity", 0, U32L, -3, Unit.AMPERE_HOUR)
_CHARGED: Final = Field("charge_in", 4, U32L, -3, Unit.AMPERE_HOUR)
_CYCLES: Final = Field("cycle_count", 0, U32L, 0, Unit.ONE)
_NAMEPLATE: Final = Field("nameplate_capacity", 0, U32L, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED)
_DESIGN: Final = Field("nominal_voltage", 0, U32L, -3, Unit.VOLT, origin=Origin.CONFIGURED)
HISTORY_FIELDS: Final = (
    Field("lifetime_current_min", 0, I32L, -3, Unit.AMPERE),
    Field("lifetime_current_max", 4, I32L, -3, Unit.AMPERE),
    Field("lifetime_cell_voltage_max", 8, U16L, -3, Unit.VOLT),
    Field("lifetime_cell_voltage_min", 10, U16L, -3, Unit.VOLT),
    Field("lifetime_temperature_max", 12, I8, 0, Unit.CELSIUS),
    Field("lifetime_temperature_min", 13, I8, 0, Unit.CELSIUS),
)
SENSOR: Final = Field("cell_temperature", 0, I8, 0, Unit.CELSIUS)
CELL: Final = Field("cell_voltage", 0, U16L, -3, Unit.VOLT)
NUMBERS: Final = (
    _VOLTAGE,
    _CURRENT,
    _CHARGE,
    _HEALTH,
    _REMAINING,
    _LEARNED,
    _CHARGED,
    _CYCLES,
    _NAMEPLATE,
    _DESIGN,
)
FIELDS: Final[Mapping[int, tuple[Field, ...]]] = {
    VOLTAGE: (_VOLTAGE,),
    CURRENT: (_CURRENT,),
    CHARGE: (_CHARGE,),
    HEALTH: (_HEALTH,),
    REMAINING: (_REMAINING,),
    LEARNED: (_LEARNED,),
    STATISTICS: (_CHARGED,),
    CYCLES: (_CYCLES,),
    NAMEPLATE: (_NAMEPLATE,),
    DESIGN_VOLTAGE: (_DESIGN,),
    HISTORY: HISTORY_FIELDS,
}
_TEXTS: Final[Mapping[int, str]] = {
    MANUFACTURER: "manufacturer",
    MODEL: "model",
    CELL_MODEL: "cell_model",
    SERIAL: "serial_number",
}
# Decoded by hand, beside the tables.
ALSO: Final = (*_TEXTS.values(), "manufacture_date", "hardware_version", "firmware_version")
ALSO_DERIVED: Final = ("cell_count",)

CELLS_IN_BLOCK: Final = 16
_SENSORS: Final = 7
_CELL_SENSORS: Final = 4
# So far from its neighbours a nought at the fourth sensor is no temperature; boards without it send nought.
_NO_SENSOR_DEGC: Final = 3


def _sealed(body: bytes) -> bytes:
    return body + bytes([sum8(body)])


def encode_request(parameter: int, length: int) -> bytes:
    """The bytes that ask the battery for so many bytes of a parameter."""
    return _sealed(bytes([READ]) + BATTERY.to_bytes(2, "little") + bytes([parameter, length]))


def encode_reply(parameter: int, data: bytes) -> bytes:
    """The battery's answer."""
    return _sealed(bytes([ANSWER]) + BATTERY.to_bytes(2, "little") + bytes([parameter, len(data)]) + data)


def encode_cells(voltages: Sequence[Decimal]) -> bytes:
    """Data of one block of cells; at most sixteen voltages in volt, the rest of the block is nought."""
    return b"".join(CELL.write(voltage) for voltage in voltages).ljust(2 * CELLS_IN_BLOCK, b"\x00")


def encode_date(day: date) -> bytes:
    """Data of the day of manufacture."""
    return bytes([day.year - 2000, day.month, day.day])


def encode_history(extremes: Mapping[str, Decimal]) -> bytes:
    """Data of the extremes, by quantity."""
    return b"".join(field.write(extremes[field.quantity]) for field in HISTORY_FIELDS)


class GreenwayFramer(Framer):
    """Frames of one direction or of a whole bus; the sum is weak, so the address must look like one too."""

    starts = bytes([READ, ANSWER, BROADCAST])

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 2 and buffer[2] != _ADDRESS_HIGH:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{_ADDRESS_HIGH:02x}, the high byte of every address",
                came=f"{buffer[2]:02x}",
                where="byte 2 of the frame",
                judged_bytes=3,
            )
        if len(buffer) < _HEAD:
            return None
        if buffer[0] == READ:
            return _HEAD + 1
        if buffer[0] == BROADCAST:
            if buffer[4] == 0:
                raise Damage(
                    Fault.LENGTH,
                    expected="a length that counts the checksum",
                    came="0",
                    where="byte 4 of the frame",
                    judged_bytes=_HEAD,
                )
            return _HEAD + buffer[4]
        return _HEAD + buffer[4] + 1

    def _open(self, raw: bytes, position: int) -> Frame:
        expected, came = sum8(raw[:-1]), raw[-1]
        if expected != came:
            raise Damage(
                Fault.CHECKSUM,
                expected=f"checksum {expected:02x}",
                came=f"{came:02x}",
                where=f"byte {len(raw) - 1} of the frame",
            )
        address = int.from_bytes(raw[1:3], "little")
        # What a controller says unasked is a host's word too: no answer of a battery.
        return Frame(raw, position, raw[3], raw[_HEAD:-1], is_request=raw[0] != ANSWER, address=address)


class Greenway(Protocol):
    """See the module."""

    name: ClassVar[str] = "greenway"
    title: ClassVar[str] = "Greenway (Sur-Ron, Segway X160/X260; 46/47/57)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (9600,)

    def framer(self) -> Framer:
        """A new framer."""
        return GreenwayFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; a line has one battery, always at the same address."""
        del address
        command = self._row(name).command
        return encode_request(command, LENGTHS[command])

    def poll(self, address: int | None = None) -> list[bytes]:
        """What changes while riding and charging."""
        return [self.request(name, address) for name in _POLLED]

    def identify(self, address: int | None = None) -> list[bytes]:
        """What changes seldom: who it is, and its counters."""
        return [self.request(row.name, address) for row in REQUESTS if row.name not in _POLLED]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        parameter, data = frame.command, frame.payload
        if frame.address != BATTERY:
            return []  # an answer of the motor controller
        if parameter in FIELDS:
            return [reading for field in FIELDS[parameter] if (reading := field.read(data)) is not None]
        if parameter in _TEXTS:
            return [text_reading(_TEXTS[parameter], data)]
        if parameter in (CELLS_LOW, CELLS_HIGH):
            return _cells(data, first=1 if parameter == CELLS_LOW else 1 + CELLS_IN_BLOCK)
        if parameter == TEMPERATURES:
            return _temperatures(data)
        if parameter == VERSIONS:
            return _versions(data)
        if parameter == MADE_ON:
            return _made_on(data)
        return []  # status words and clock: sound, and nobody has published what their bits say


def _cells(data: bytes, *, first: int) -> list[Reading]:
    """The voltages of one block up to its last fitted place; the layout has places for 32 cells.

    A nought between fitted cells stays, as not fitted. When the block is not full, the pack ends in it.
    """
    if len(data) % 2:
        raise Damage(
            Fault.LENGTH, expected="two bytes for each cell", came=f"{len(data)} bytes", where="the length"
        )
    found = CELL.read_all(data, CELLS_IN_BLOCK, first=first)
    while found and not found[-1].value:
        del found[-1]
    readings = [cell if cell.value else altered(cell, doubts=("not_fitted",)) for cell in found]
    if found and (first > 1 or len(found) < min(CELLS_IN_BLOCK, len(data) // 2)):
        count = Decimal(first - 1 + len(found))
        readings.append(Reading("cell_count", count, origin=Origin.DERIVED))
    return readings


def _temperatures(data: bytes) -> list[Reading]:
    """Sensors 1 to 4 at cells, then discharge switch, charge switch and soft start."""
    readings = SENSOR.read_all(data, _SENSORS)
    for place, reading in enumerate(readings):
        if place >= _CELL_SENSORS:
            readings[place] = altered(reading, doubts=("role_unproven",))
    if len(readings) >= _CELL_SENSORS and data[_CELL_SENSORS - 1] == 0:
        others = [reading.value for reading in readings[: _CELL_SENSORS - 1]]
        if all(isinstance(value, Decimal) and abs(value) > _NO_SENSOR_DEGC for value in others):
            place = _CELL_SENSORS - 1
            readings[place] = replace(readings[place], doubts=("no_sensor",))
    return readings


def _versions(data: bytes) -> list[Reading]:
    """Two numbers each, the minor one first, then four letters that name the firmware."""
    readings = []
    if len(data) >= 2:
        readings.append(Reading("firmware_version", f"{data[1]}.{data[0]}"))
    if len(data) >= 4:
        readings.append(Reading("hardware_version", f"{data[3]}.{data[2]}"))
    return readings


def _made_on(data: bytes) -> list[Reading]:
    if len(data) < 3:
        return []
    year, month, day = data[:3]
    if not (year or month or day):
        return [Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)]
    return [day_reading("manufacture_date", 2000 + year, month, day)]


PROTOCOL: Final = Greenway()
