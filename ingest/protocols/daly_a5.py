"""Daly, A5 protocol: UART, RS485 and Bluetooth of the J, T, A, U, W and ND series; frames of 13 bytes.

    A5 address command 08 data(8) sum

Host addresses are 40 on wires and 80 over Bluetooth; a battery answers as 01. Big-endian. Answers of several
frames number them in their first byte. The sum is the lowest byte of the sum of all bytes before it. Reads
are 50 to 57 and 90 to 98; what switches or writes (D9, DA, 21, ...) is never spoken.

Devices disagree whether a current above 30000 charges or discharges. Only together with the state of the
same moment (93) is the direction told; otherwise the reading carries `sign_unproven`.

Source: layout as restated in docs/protocols/daly-a5.md, proven on recordings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from ingest.daly import (
    CONDITION_NAMES,
    ZERO_CURRENT,
    ZERO_DEGREES,
    conditions,
    encode_conditions,
    or_unfitted,
    text,
)
from ingest.frames import sum8
from ingest.protocol import (
    U8,
    U16,
    U32,
    Certainty,
    Damage,
    Decoder,
    Fault,
    Field,
    Frame,
    Framer,
    Protocol,
    Request,
)
from schemas.reading import Reading, altered
from schemas.terms import Origin, ReadingAbsence, Unit

START: Final = 0xA5
LENGTH: Final = 0x08
SIZE: Final = 13
HOST: Final = 0x40
_HOSTS: Final = frozenset({HOST, 0x80})
BATTERY: Final = 0x01

RATED: Final = 0x50
MADE: Final = 0x53
CODE: Final = 0x57
TOTALS: Final = 0x90
CELL_EXTREMES: Final = 0x91
TEMPERATURE_EXTREMES: Final = 0x92
STATE: Final = 0x93
STATUS: Final = 0x94
CELLS: Final = 0x95
TEMPERATURES: Final = 0x96
BALANCING: Final = 0x97
FAILURES: Final = 0x98

REQUESTS: Final = (
    Request("rated", RATED, "capacity as entered"),
    Request("made", MADE, "date of manufacture"),
    Request("code", CODE, "battery code, a text of several frames"),
    Request("totals", TOTALS, "voltage, current, charge"),
    Request("cell_extremes", CELL_EXTREMES, "highest and lowest cell"),
    Request("temperature_extremes", TEMPERATURE_EXTREMES, "highest and lowest temperature"),
    Request("state", STATE, "charging or discharging, switches, remaining charge"),
    Request("status", STATUS, "number of cells and sensors, cycles"),
    Request("cells", CELLS, "voltage of every cell, several frames"),
    Request("temperatures", TEMPERATURES, "temperatures, several frames"),
    Request("balancing", BALANCING, "which cells are balanced"),
    Request("failures", FAILURES, "warnings and alarms"),
)
_SEVERAL: Final = frozenset({CODE, CELLS, TEMPERATURES})

VOLTAGE: Final = Field("voltage", 0, U16, -1, Unit.VOLT)
CURRENT: Final = Field("current", 4, U16, -1, Unit.AMPERE, zero=ZERO_CURRENT)
CHARGE: Final = Field("state_of_charge", 6, U16, -1, Unit.PERCENT)
REMAINING: Final = Field("remaining_charge", 4, U32, -3, Unit.AMPERE_HOUR)
CELL_COUNT: Final = Field("cell_count", 0, U8, 0, Unit.ONE)
CYCLES: Final = Field("cycle_count", 5, U16, 0, Unit.ONE)
NAMEPLATE: Final = Field("nameplate_capacity", 0, U32, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED)
CELL: Final = Field("cell_voltage", 1, U16, -3, Unit.VOLT)
TEMPERATURE: Final = Field("cell_temperature", 1, U8, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
_CELL_MAX: Final = Field("cell_voltage_max", 0, U16, -3, Unit.VOLT)
_CELL_MIN: Final = Field("cell_voltage_min", 3, U16, -3, Unit.VOLT)
_HOT: Final = Field("cell_temperature_max", 0, U8, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
_COLD: Final = Field("cell_temperature_min", 2, U8, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
# Each extreme with the place of its position.
EXTREMES: Final = {
    CELL_EXTREMES: ((_CELL_MAX, 2), (_CELL_MIN, 5)),
    TEMPERATURE_EXTREMES: ((_HOT, 1), (_COLD, 3)),
}
_CELLS_A_FRAME: Final = 3
_SENSORS_A_FRAME: Final = 7
_SENSORS: Final = 1
_MOST_FRAMES: Final = 16
_CHARGING: Final = 1
_DISCHARGING: Final = 2
_BALANCED: Final = 6
_CODE_FRAMES: Final = 5
# Only seven of the eight bytes have public names; the last one is a number.
_NAMED_BYTES: Final = 7

# Quantities decoded by hand, and the names of conditions.
ALSO: Final = (
    "alarm",
    "balancing_active",
    "charging_enabled",
    "discharging_enabled",
    "manufacture_date",
    "serial_number",
    "warning",
)
ALARM_NAMES: Final = CONDITION_NAMES


def encode(command: int, data: bytes, *, address: int = BATTERY) -> bytes:
    """One frame; the data are filled with nought to eight bytes."""
    body = bytes([START, address, command, LENGTH]) + data.ljust(LENGTH, b"\x00")
    return body + bytes([sum8(body)])


def encode_totals(voltage: Decimal, current: Decimal, charge: Decimal) -> bytes:
    """Data of 90; a positive current is written above 30000."""
    return VOLTAGE.write(voltage) + bytes(2) + CURRENT.write(current) + CHARGE.write(charge)


def encode_state(
    current: Decimal, *, charging_enabled: bool, discharging_enabled: bool, heartbeat: int, remaining: Decimal
) -> bytes:
    """Data of 93; the state follows from the current."""
    state = _CHARGING if current > 0 else _DISCHARGING if current < 0 else 0
    head = bytes([state, charging_enabled, discharging_enabled, heartbeat & 0xFF])
    return head + REMAINING.write(remaining)


def encode_status(cells: int, sensors: int, cycles: int) -> bytes:
    """Data of 94."""
    return bytes([cells, sensors, 0, 0, 0]) + CYCLES.write(Decimal(cycles))


def encode_cells(volts: Sequence[Decimal]) -> list[bytes]:
    """Data of every frame of 95."""
    return [
        bytes([at // _CELLS_A_FRAME + 1])
        + b"".join(CELL.write(cell) for cell in volts[at : at + _CELLS_A_FRAME])
        for at in range(0, len(volts), _CELLS_A_FRAME)
    ]


def encode_temperatures(degrees: Sequence[Decimal]) -> list[bytes]:
    """Data of every frame of 96."""
    return [
        bytes([at // _SENSORS_A_FRAME + 1])
        + b"".join(TEMPERATURE.write(one) for one in degrees[at : at + _SENSORS_A_FRAME])
        for at in range(0, len(degrees), _SENSORS_A_FRAME)
    ]


def encode_failures(active: Iterable[tuple[str, str]]) -> bytes:
    """Data of 98, from quantity and name of each condition."""
    return encode_conditions(active)


def encode_code(words: str) -> list[bytes]:
    """Data of every frame of 57."""
    size = LENGTH - 1
    data = words.encode("ascii")[: _CODE_FRAMES * size].ljust(_CODE_FRAMES * size, b"\x00")
    return [bytes([number + 1]) + data[size * number :][:size] for number in range(_CODE_FRAMES)]


def encode_extremes(command: int, volts: Sequence[Decimal], degrees: Sequence[Decimal]) -> list[bytes]:
    """Data of 91 or 92."""
    values = volts if command == CELL_EXTREMES else degrees
    data = bytearray(LENGTH)
    for (field, place), value in zip(EXTREMES[command], (max(values), min(values)), strict=True):
        data[field.offset : field.offset + field.integer.size] = field.write(value)
        data[place] = values.index(value) + 1
    return [bytes(data)]


class DalyA5Framer(Framer):
    """Frames A5, always 13 bytes."""

    starts = bytes([START])

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 3 and buffer[3] != LENGTH:
            raise Damage(
                Fault.LENGTH,
                expected=f"length {LENGTH:02x}",
                came=f"{buffer[3]:02x}",
                where="byte 3 of the frame",
                judged_bytes=4,
            )
        return SIZE if len(buffer) > 3 else None

    def _open(self, raw: bytes, position: int) -> Frame:
        expected, came = sum8(raw[:-1]), raw[-1]
        if expected != came:
            where = f"byte {SIZE - 1} of the frame"
            raise Damage(Fault.CHECKSUM, expected=f"checksum {expected:02x}", came=f"{came:02x}", where=where)
        return Frame(raw, position, command=raw[2], payload=raw[4:-1], is_request=raw[1] in _HOSTS)


class DalyA5(Protocol):
    """See the module."""

    name: ClassVar[str] = "daly-a5"
    title: ClassVar[str] = "Daly (A5)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS

    def framer(self) -> Framer:
        """A new framer."""
        return DalyA5Framer()

    def decoder(self) -> Decoder:
        """Remembers state and counts, which the frames that need them do not hold."""
        return _Session()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        return encode(self._row(name).command, b"", address=HOST)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Counts before what is counted, and the state right before the current."""
        names = ("status", "state", "totals", "cells", "temperatures", "balancing", "failures")
        return [self.request(name, address) for name in names]

    def identify(self, address: int | None = None) -> list[bytes]:
        """What was entered: capacity, date, code."""
        return [self.request(name, address) for name in ("rated", "made", "code")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Same command."""
        return frame.command == request.command

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Cells, temperatures and code come in several frames, and none says that it is the last."""
        del request
        return frame.command not in _SEVERAL

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        return _told(frame, cells=None, sensors=None, state=None)


class _Session(DalyA5):
    """One connection."""

    def __init__(self) -> None:
        self._cells: int | None = None
        self._sensors: int | None = None
        self._state: int | None = None
        self._code: dict[int, bytes] = {}

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.command == STATUS:
            self._cells, self._sensors = frame.payload[0] or None, frame.payload[_SENSORS]
        elif frame.command == STATE:
            self._state = frame.payload[0]
        elif frame.command == CODE:
            return self._code_text(frame.payload)
        readings = _told(frame, cells=self._cells, sensors=self._sensors, state=self._state)
        if frame.command == TOTALS:
            self._state = None  # of this moment only
        return readings

    def _code_text(self, data: bytes) -> list[Reading]:
        """The code, once its frames have all come."""
        if not 1 <= data[0] <= _CODE_FRAMES:
            return []
        self._code[data[0]] = data[1:]
        if len(self._code) < _CODE_FRAMES:
            return []
        whole = b"".join(self._code[number] for number in range(1, _CODE_FRAMES + 1))
        self._code.clear()
        return [text("serial_number", whole)]


def _told(frame: Frame, *, cells: int | None, sensors: int | None, state: int | None) -> list[Reading]:
    """Readings of one frame, with what is known from others; None is not known."""
    data, command = frame.payload, frame.command
    if command == TOTALS:
        return [*_all(data, VOLTAGE), _current(data, state), *_all(data, CHARGE)]
    if command == STATE:
        switches = [Reading("charging_enabled", bool(data[1])), Reading("discharging_enabled", bool(data[2]))]
        return [*switches, *_all(data, REMAINING)]
    if command == STATUS:
        return _all(data, CELL_COUNT, CYCLES)
    if command == CELLS:
        return _cells(data, cells)
    if command == TEMPERATURES:
        return _temperatures(data, sensors)
    if command in EXTREMES:
        pairs = ((field.read(data, index=data[at] or None)) for field, at in EXTREMES[command])
        return [reading for reading in pairs if reading is not None]
    if command == BALANCING:
        return [Reading("balancing_active", any(data[:_BALANCED]))]
    if command == FAILURES:
        return conditions(data[:_NAMED_BYTES])
    if command == RATED:
        return _all(data, NAMEPLATE)
    return [_manufacture_date(data)] if command == MADE else []


def _all(data: bytes, *fields: Field) -> list[Reading]:
    return [reading for field in fields if (reading := field.read(data)) is not None]


def _current(data: bytes, state: int | None) -> Reading:
    reading = CURRENT.read(data)
    assert reading is not None  # the data have eight bytes
    assert isinstance(reading.value, Decimal)
    if not reading.value:
        return reading
    if state == _CHARGING:
        return replace(reading, value=abs(reading.value))
    if state == _DISCHARGING:
        return replace(reading, value=-abs(reading.value))
    return altered(reading, doubts=("sign_unproven",))


def _cells(data: bytes, count: int | None) -> list[Reading]:
    """Three cells of a frame. Without a count, a frame of noughts is one that has no cells."""
    number = data[0]
    if not 1 <= number <= _MOST_FRAMES:
        return []
    first = _CELLS_A_FRAME * (number - 1) + 1
    cells = CELL.read_all(data, _CELLS_A_FRAME, first=first)
    if count is None:
        fitted = [place for place, cell in enumerate(cells) if cell.value]
        cells = cells[: fitted[-1] + 1] if fitted else []
    else:
        cells = cells[: max(0, count - first + 1)]
    return [or_unfitted(cell) for cell in cells]


def _temperatures(data: bytes, count: int | None) -> list[Reading]:
    """Seven sensors of a frame. Without a count, nought (-40 degC) is taken for no sensor at all."""
    number = data[0]
    if not 1 <= number <= _MOST_FRAMES:
        return []
    first = _SENSORS_A_FRAME * (number - 1) + 1
    sensors = TEMPERATURE.read_all(data, _SENSORS_A_FRAME, first=first)
    if count is None:
        return [sensor for sensor, raw in zip(sensors, data[1:], strict=True) if raw]
    return sensors[: max(0, count - first + 1)]


def _manufacture_date(data: bytes) -> Reading:
    year, month, day = 2000 + data[2], data[3], data[4]
    if not any(data[2:5]):
        return Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)
    try:
        date(year, month, day)
    except ValueError:
        return Reading("manufacture_date", f"{year}-{month:02d}-{day:02d}", doubts=("no_such_day",))
    return Reading("manufacture_date", f"{year}-{month:02d}-{day:02d}")


PROTOCOL: Final = DalyA5()
