"""JBD UP series (UP16S and relatives; rack packs of one bus): function 78, CRC-16/MODBUS.

The same app as the classic board, another protocol: address, function (78 read, 79 write), first and last
register, length, data, checksum. A pack answers a read of 1000 to 10A0 with its whole state. Several packs
share a line; each is the part `module/ADDRESS`.

Source: layout as restated in docs/protocols/jbd-up16s.md, proven on a recording of one of two packs on a bus.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import ClassVar, Final

from ingest.frames import crc16_modbus
from ingest.protocol import (
    U16,
    U32,
    Certainty,
    Cursor,
    Damage,
    Fault,
    Field,
    FieldBlock,
    Frame,
    Framer,
    Protocol,
    Refused,
    Request,
    cell_voltages,
    text_reading,
    wrong_sum,
)
from schemas.reading import Reading, of_part, told
from schemas.terms import Origin, Unit

READ: Final = 0x78
WRITE: Final = 0x79
STATE: Final = 0x1000
STATE_END: Final = 0x10A0
FIRST_ADDRESS: Final = 1
LAST_ADDRESS: Final = 247
_HEAD: Final = 8
_MOST_DATA: Final = 512

REQUESTS: Final = (Request("state", STATE, "everything that a pack says of itself"),)

# Fixed part of the block.
FIELDS: Final = (
    Field("voltage", 0, U16, -2, Unit.VOLT),
    Field("current", 4, U32, -2, Unit.AMPERE, zero=300_000),
    Field("state_of_charge", 8, U16, -2, Unit.PERCENT),
    Field("remaining_charge", 10, U16, -2, Unit.AMPERE_HOUR),
    Field("nameplate_capacity", 12, U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("board_temperature", 16, U16, -1, Unit.CELSIUS, zero=500),
    Field("ambient_temperature", 18, U16, -1, Unit.CELSIUS, zero=500),
    Field("bms_reported_health", 22, U16, 0, Unit.PERCENT),
    Field("cycle_count", 36, U16, 0, Unit.ONE),
    Field("cell_voltage_mean", 46, U16, -3, Unit.VOLT),
    Field("cell_temperature_mean", 56, U16, -1, Unit.CELSIUS, zero=500),
    Field("charge_voltage_limit", 58, U16, -1, Unit.VOLT),
    Field("charge_current_limit", 60, U16, -1, Unit.AMPERE),
    Field("discharge_voltage_limit", 62, U16, -1, Unit.VOLT),
    Field("discharge_current_limit", 64, U16, -1, Unit.AMPERE),
    Field("cell_count", 66, U16, 0, Unit.ONE),
)
_BLOCK: Final = FieldBlock(FIELDS)
# Each stands two bytes behind the number of the cell or sensor that it belongs to.
EXTREMES: Final = (
    Field("cell_voltage_max", 40, U16, -3, Unit.VOLT),
    Field("cell_voltage_min", 44, U16, -3, Unit.VOLT),
    Field("cell_temperature_max", 50, U16, -1, Unit.CELSIUS, zero=500),
    Field("cell_temperature_min", 54, U16, -1, Unit.CELSIUS, zero=500),
)
CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
SENSOR: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=500)
ALSO: Final = (
    "charging",
    "protection",
    "alarm",
    "charging_enabled",
    "discharging_enabled",
    "balancing_active",
    "firmware_version",
    "model",
)
_FIXED: Final = 68
_OPERATION: Final = 20
_PROTECTIONS: Final = 24
_ALARMS: Final = 28
_SWITCHES: Final = 32
_MODEL_BYTES: Final = 30
IDLE: Final = 0
CHARGING: Final = 1
DISCHARGING: Final = 2

# Bits, bit 0 first. A second threshold of the same condition is the same condition.
PROTECTIONS: Final = (
    "cell_over_voltage",
    "cell_under_voltage",
    "pack_over_voltage",
    "pack_under_voltage",
    "charge_over_current",
    "charge_over_current",
    "discharge_over_current",
    "discharge_over_current",
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_temperature",
    "discharge_under_temperature",
    "board_over_temperature",
    "ambient_over_temperature",
    "ambient_under_temperature",
    "cell_imbalance",
    "temperature_difference",
    "low_charge",
    "short_circuit",
    "cell_disconnected",
    "temperature_drop",
    "charge_switch_fault",
    "discharge_switch_fault",
    "current_limiting_fault",
    "aerosol_fault",
    "fully_charged",
    "front_end_error",
)
ALARMS: Final = (
    "cell_over_voltage",
    "cell_under_voltage",
    "pack_over_voltage",
    "pack_under_voltage",
    "charge_over_current",
    "discharge_over_current",
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_temperature",
    "discharge_under_temperature",
    "board_over_temperature",
    "ambient_over_temperature",
    "ambient_under_temperature",
    "cell_imbalance",
    "temperature_difference",
    "low_charge",
    "memory_fault",
    "clock_fault",
)


def _sealed(body: bytes) -> bytes:
    return body + crc16_modbus(body).to_bytes(2, "little")


def _head(address: int, function: int, length: int) -> bytes:
    return bytes([address, function]) + b"".join(U16.write(n) for n in (STATE, STATE_END, length))


def encode_request(address: int) -> bytes:
    """The bytes that ask a pack for its state."""
    return _sealed(_head(address, READ, 0))


def encode_reply(address: int, data: bytes) -> bytes:
    """The bytes of an answer, as a pack sends them."""
    return _sealed(_head(address, READ, len(data)) + data)


@dataclass(frozen=True)
class State:
    """What a pack says of itself, for simulators and fixtures.

    Attributes:
        numbers: the quantities of `FIELDS` except those that follow from the lists below; without one, 0.
        cells: volts.
        temperatures: degrees.
        operation: `IDLE`, `CHARGING` or `DISCHARGING`.
        protections: names of `PROTECTIONS`.
        alarms: names of `ALARMS`.
        charging_enabled: the charge switch.
        discharging_enabled: the discharge switch.
        balancing: a bit for each cell.
        software: major and minor.
        model: at most thirty letters.
    """

    numbers: Mapping[str, Decimal]
    cells: Sequence[Decimal]
    temperatures: Sequence[Decimal]
    operation: int = IDLE
    protections: Sequence[str] = ()
    alarms: Sequence[str] = ()
    charging_enabled: bool = True
    discharging_enabled: bool = True
    balancing: int = 0
    software: tuple[int, int] = (1, 0)
    model: str = ""


def encode_state(state: State) -> bytes:
    """Data of the block from 1000 on."""
    data = bytearray(_FIXED)

    def put(offset: int, piece: bytes) -> None:
        data[offset : offset + len(piece)] = piece

    numbers = dict(state.numbers)
    numbers["cell_count"] = Decimal(len(state.cells))
    for quantity, values, step in (
        ("cell_voltage_mean", state.cells, Decimal("0.001")),
        ("cell_temperature_mean", state.temperatures, Decimal("0.1")),
    ):
        if values:  # a board cuts what its step does not show
            mean = sum(values, Decimal(0)) / len(values)
            numbers[quantity] = mean.quantize(step, rounding=ROUND_FLOOR)
    for field in FIELDS:
        put(field.offset, field.write(numbers.get(field.quantity, Decimal(0))))
    for field, values, pick in zip(
        EXTREMES,
        (state.cells, state.cells, state.temperatures, state.temperatures),
        (max, min) * 2,
        strict=True,
    ):
        if values:
            put(field.offset - 2, U16.write(values.index(pick(values)) + 1) + field.write(pick(values)))
    put(_OPERATION, U16.write(state.operation))
    for offset, names, active in (
        (_PROTECTIONS, PROTECTIONS, state.protections),
        (_ALARMS, ALARMS, state.alarms),
    ):
        put(offset, U32.write(sum(1 << names.index(name) for name in set(active))))
    put(_SWITCHES, U16.write(int(state.discharging_enabled) | int(state.charging_enabled) << 1))
    data += b"".join(CELL.write(cell) for cell in state.cells)
    data += U16.write(len(state.temperatures)) + b"".join(SENSOR.write(one) for one in state.temperatures)
    data += U32.write(state.balancing) + bytes(state.software)
    return bytes(data + state.model.encode().ljust(_MODEL_BYTES, b"\x00")[:_MODEL_BYTES])


# An address with a function behind it, as far as it is there.
_HEAD_OF_ANY: Final = re.compile(rb"[\x01-\xf7](?:[\x78\x79]|\Z)")


class UpFramer(Framer):
    """Frames without a delimiter: a head that can be one, and the checksum."""

    starts = bytes(range(FIRST_ADDRESS, LAST_ADDRESS + 1))

    def _refuse(self, damage: Damage, view: bytes, position: int, out: list[Frame | Refused]) -> None:
        # Nearly any byte may begin a frame: of a damaged stretch the first one speaks for the rest.
        if self._in_damage and damage.fault is Fault.DELIMITER:
            return
        super()._refuse(damage, view, position, out)

    def _onward(self, buffer: bytes, begin: int) -> int:
        head = _HEAD_OF_ANY.search(buffer, begin)
        return len(buffer) if head is None else head.start()

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 1 and buffer[1] not in (READ, WRITE):
            raise Damage(
                Fault.DELIMITER,
                expected=f"function {READ:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=2,
            )
        if len(buffer) < _HEAD:
            return None
        length = int.from_bytes(buffer[6:8], "big")
        if length > _MOST_DATA:
            raise Damage(
                Fault.LENGTH,
                expected=f"at most {_MOST_DATA} bytes of data",
                came=str(length),
                where="byte 6 of the frame",
                judged_bytes=_HEAD,
            )
        return _HEAD + length + 2

    def _open(self, raw: bytes, position: int) -> Frame:
        expected, came = crc16_modbus(raw[:-2]), int.from_bytes(raw[-2:], "little")
        if expected != came:
            raise wrong_sum("checksum", expected, came, at=len(raw) - 2, digits=4)
        payload = raw[_HEAD:-2]
        asks = raw[1] == WRITE or not payload
        return Frame(raw, position, int.from_bytes(raw[2:4], "big"), payload, is_request=asks, address=raw[0])


class JbdUp(Protocol):
    """See the module."""

    name: ClassVar[str] = "jbd-up16s"
    title: ClassVar[str] = "JBD UP series (UP16S; function 78)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (9600, 115200)

    def framer(self) -> Framer:
        """A new framer."""
        return UpFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; without an address the first pack is asked."""
        self._row(name)
        return encode_request(FIRST_ADDRESS if address is None else address)

    def poll(self, address: int | None = None) -> list[bytes]:
        """The state of one pack."""
        return [self.request("state", address)]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        return of_part(_state(frame.payload), f"module/{frame.address}") if frame.command == STATE else []


def _state(data: bytes) -> list[Reading]:
    """What the block says, as far as it goes; lists must be as long as they say."""
    readings = _BLOCK.read(data)
    for field in EXTREMES:
        reading = field.read(data, index=U16.read(data, field.offset - 2))
        if reading is not None:
            readings.append(reading)
    operation = U16.read(data, _OPERATION)
    if operation in (IDLE, CHARGING, DISCHARGING):
        readings.append(told("charging", operation == CHARGING))
    readings += _conditions("protection", PROTECTIONS, U32.read(data, _PROTECTIONS) or 0)
    readings += _conditions("alarm", ALARMS, U32.read(data, _ALARMS) or 0)
    switches = U16.read(data, _SWITCHES)
    if switches is not None:
        readings.append(told("discharging_enabled", bool(switches & 1)))
        readings.append(told("charging_enabled", bool(switches & 2)))
    return readings if len(data) < _FIXED else readings + _lists(data)


def _conditions(quantity: str, names: Sequence[str], bits: int) -> list[Reading]:
    if not bits:
        return []
    active = dict.fromkeys(
        names[bit] if bit < len(names) else f"unnamed_bit_{bit}" for bit in range(32) if bits >> bit & 1
    )
    return [told(quantity, name) for name in active]


def _lists(data: bytes) -> list[Reading]:
    """Cells and sensors, each list behind its count, then what stands behind them."""
    cursor = Cursor(data, "state")
    cursor.take(_FIXED - 2, "fixed part")
    count = cursor.number(U16, "number of cells")
    readings = cell_voltages(CELL, cursor.take(2 * count, f"{count} cells"), count)
    if not cursor.left:
        return readings
    count = cursor.number(U16, "number of sensors")
    readings += SENSOR.read_all(cursor.take(2 * count, f"{count} sensors"), count)
    if cursor.left >= U32.size:
        balancing = cursor.number(U32, "balancing")
        readings.append(told("balancing_active", bool(balancing)))
    if cursor.left >= 2:
        major, minor = cursor.take(2, "software")
        readings.append(told("firmware_version", f"{major}.{minor}"))
    if cursor.left >= _MODEL_BYTES:
        readings.append(text_reading("model", cursor.take(_MODEL_BYTES, "model")))
    return readings


PROTOCOL: Final = JbdUp()
