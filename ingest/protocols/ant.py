"""ANT from 2021 on: UART, RS485 and Bluetooth; frames 7E A1 .. AA 55.

    7E A1 function address(2) length data CRC AA 55

Little-endian. The CRC-16/MODBUS covers everything from the second byte on. A request has the wanted length
and no data. Answers have the function of the request with 10 added. Behind the declared data and CRC of
device information stand four more bytes with a CRC of their own. Status (01) and device information (02) are
read; writes (51) and the dialogue with a password (23) are never spoken.

Source: layout as restated in docs/protocols/ant.md, proven on recordings of three devices.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from ingest.ant import directed, switches
from ingest.daly import text
from ingest.frames import crc16_modbus
from ingest.protocol import (
    Certainty,
    Damage,
    Fault,
    Field,
    FieldBlock,
    Frame,
    Framer,
    Integer,
    Protocol,
    Request,
    cell_voltages,
)
from schemas.reading import Reading, told
from schemas.terms import Origin, Unit

U16L: Final = Integer(2, little=True)
I16L: Final = Integer(2, signed=True, little=True)
U32L: Final = Integer(4, little=True)
I32L: Final = Integer(4, signed=True, little=True)

HEAD: Final = b"\x7e\xa1"
END: Final = b"\xaa\x55"
_HEAD_SIZE: Final = 6
_TAIL_SIZE: Final = 4
_EXTRA_SIZE: Final = 6  # four bytes and their CRC
_ANSWERS: Final = 0x10

ASK_STATUS: Final = 0x01
ASK_INFORMATION: Final = 0x02
STATUS: Final = ASK_STATUS | _ANSWERS
INFORMATION: Final = ASK_INFORMATION | _ANSWERS
_PASSWORD: Final = 0x23
_INFORMATION_AT: Final = 0x026C
_INFORMATION_SIZE: Final = 0x20
_STATUS_SIZE: Final = 0xBE

REQUESTS: Final = (
    Request("status", ASK_STATUS, "cells, temperatures, voltage, current, charge, health, counters"),
    Request("information", ASK_INFORMATION, "model and software version"),
)

# Offsets from the start of the frame.
_STATE: Final = 7
_SENSORS: Final = 8
_CELLS: Final = 9
_PROTECTIONS: Final = slice(10, 18)
_BALANCING: Final = slice(26, 34)
_MOST_CELLS: Final = 32
_MOST_SENSORS: Final = 6
CELL: Final = Field("cell_voltage", 34, U16L, -3, Unit.VOLT)
# Behind the cells.
TEMPERATURE: Final = Field("cell_temperature", 34, I16L, 0, Unit.CELSIUS)
# Behind cells and sensors.
BOARD: Final = Field("board_temperature", 34, I16L, 0, Unit.CELSIUS)
BALANCER: Final = Field("board_temperature", 36, I16L, 0, Unit.CELSIUS)
FIELDS: Final = (
    Field("voltage", 38, U16L, -2, Unit.VOLT),
    Field("state_of_charge", 42, U16L, 0, Unit.PERCENT),
    Field("bms_reported_health", 44, U16L, 0, Unit.PERCENT),
    Field("nameplate_capacity", 50, U32L, -6, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("remaining_charge", 54, U32L, -6, Unit.AMPERE_HOUR),
    Field("charge_throughput", 58, U32L, -3, Unit.AMPERE_HOUR),
    Field("operating_time", 66, U32L, 0, Unit.SECOND),
    Field("charge_out", 96, U32L, -3, Unit.AMPERE_HOUR),
    Field("charge_in", 100, U32L, -3, Unit.AMPERE_HOUR),
)
_BLOCK: Final = FieldBlock(FIELDS)
CURRENT: Final = Field("current", 40, I16L, -1, Unit.AMPERE)
POWER: Final = Field("power", 62, I32L, 0, Unit.WATT)
_CHARGE_SWITCH: Final = 46
_DISCHARGE_SWITCH: Final = 47
_LEAST: Final = 48  # so far a frame must go
_CHEMISTRY: Final = 94
CHEMISTRIES: Final = {0xFAF1: "ternary", 0xFAF2: "LFP", 0xFAF3: "LTO", 0xFAF4: "custom"}
_CHARGES: Final = {2: True, 3: False}
_MODEL: Final = slice(6, 22)
_SOFTWARE: Final = slice(22, 38)

# Quantities decoded by hand.
ALSO: Final = (
    "balancing_active",
    "cell_count",
    "charging_enabled",
    "chemistry",
    "discharging_enabled",
    "firmware_version",
    "model",
    "protection",
)


def _sealed(body: bytes) -> bytes:
    body = HEAD + body
    return body + crc16_modbus(body[1:]).to_bytes(2, "little")


def encode_request(function: int, address: int, size: int) -> bytes:
    """The bytes that ask."""
    return _sealed(bytes([function]) + address.to_bytes(2, "little") + bytes([size])) + END


def encode_answer(function: int, address: int, data: bytes) -> bytes:
    """The bytes of an answer."""
    return _sealed(bytes([function]) + address.to_bytes(2, "little") + bytes([len(data)]) + data) + END


def encode_information(model: str, software: str, extra: bytes = b"\xff\x00\x00\x00") -> bytes:
    """Device information, with the four bytes that are not declared."""
    data = model.encode("ascii")[:16].ljust(16, b"\x00") + software.encode("ascii")[:16].ljust(16, b"\x00")
    whole = encode_answer(INFORMATION, _INFORMATION_AT, data).removesuffix(END)
    return whole + extra + crc16_modbus(extra).to_bytes(2, "little") + END


def encode_status(
    *,
    cells: Sequence[Decimal],
    temperatures: Sequence[Decimal],
    board: Decimal,
    balancer: Decimal,
    current: Decimal,
    state_of_charge: int,
    health: int,
    nameplate: Decimal,
    remaining: Decimal,
    charge_out: Decimal,
    charge_in: Decimal,
    running_s: int,
    charge_switch: int = 1,
    discharge_switch: int = 1,
    balancing: Collection[int] = (),
    chemistry: int = 0xFAF2,
) -> bytes:
    """Status, for simulators and fixtures; the state follows from the current."""
    shift = 2 * (len(cells) + len(temperatures))
    frame = bytearray(112 + shift)

    def put(field: Field, base: int, value: Decimal) -> None:
        at = field.offset + base
        frame[at : at + field.integer.size] = field.write(value)

    frame[_STATE] = 2 if current > 0 else 3 if current < 0 else 1
    frame[_SENSORS], frame[_CELLS] = len(temperatures), len(cells)
    frame[_BALANCING] = sum(1 << cell - 1 for cell in set(balancing)).to_bytes(8, "little")
    for number, cell in enumerate(cells):
        put(CELL, 2 * number, cell)
    for number, degrees in enumerate(temperatures):
        put(TEMPERATURE, 2 * (len(cells) + number), degrees)
    total = sum(cells, Decimal(0))
    put(BOARD, shift, board)
    put(BALANCER, shift, balancer)
    put(CURRENT, shift, current)
    put(POWER, shift, total * current)
    values = (
        total,
        Decimal(state_of_charge),
        Decimal(health),
        nameplate,
        remaining,
        (charge_in + charge_out) / 2,
        Decimal(running_s),
        charge_out,
        charge_in,
    )
    for field, value in zip(FIELDS, values, strict=True):
        put(field, shift, value)
    frame[_CHARGE_SWITCH + shift], frame[_DISCHARGE_SWITCH + shift] = charge_switch, discharge_switch
    frame[_CHEMISTRY + shift : _CHEMISTRY + shift + 2] = U16L.write(chemistry)
    return encode_answer(STATUS, 0, bytes(frame[_HEAD_SIZE:]))


class AntFramer(Framer):
    """Frames 7E A1, which end by their length: AA 55 may stand in the data."""

    starts = HEAD[:1]

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 1 and buffer[1] != HEAD[1]:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{HEAD[1]:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=2,
            )
        if len(buffer) < _HEAD_SIZE:
            return None
        function, address = buffer[2], int.from_bytes(buffer[3:5], "little")
        if function in (ASK_STATUS, ASK_INFORMATION):
            return _HEAD_SIZE + _TAIL_SIZE
        extra = _EXTRA_SIZE if (function, address) == (INFORMATION, _INFORMATION_AT) else 0
        return _HEAD_SIZE + buffer[5] + _TAIL_SIZE + extra

    def _open(self, raw: bytes, position: int) -> Frame:
        if not raw.endswith(END):
            where = f"byte {len(raw) - 2} of the frame, its end"
            raise Damage(Fault.DELIMITER, expected=END.hex(), came=raw[-2:].hex(), where=where)
        function, address = raw[2], int.from_bytes(raw[3:5], "little")
        is_request = not function & _ANSWERS
        end = _HEAD_SIZE if function in (ASK_STATUS, ASK_INFORMATION) else _HEAD_SIZE + raw[5]
        _prove(raw, 1, end)
        if end + _TAIL_SIZE < len(raw):
            _prove(raw, end + 2, len(raw) - _TAIL_SIZE)
        return Frame(
            raw, position, command=function, payload=raw[:end], is_request=is_request, address=address
        )


def _prove(raw: bytes, begin: int, end: int) -> None:
    expected, came = crc16_modbus(raw[begin:end]), int.from_bytes(raw[end : end + 2], "little")
    if expected != came:
        where = f"byte {end} of the frame"
        raise Damage(Fault.CHECKSUM, expected=f"checksum {expected:04x}", came=f"{came:04x}", where=where)


class Ant(Protocol):
    """See the module."""

    name: ClassVar[str] = "ant"
    title: ClassVar[str] = "ANT (7E A1)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (19200, 9600)

    def framer(self) -> Framer:
        """A new framer."""
        return AntFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        command = self._row(name).command
        if command == ASK_STATUS:
            return encode_request(command, 0, _STATUS_SIZE)
        return encode_request(command, _INFORMATION_AT, _INFORMATION_SIZE)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Status."""
        return [self.request("status", address)]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Device information."""
        return [self.request("information", address)]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """The function of the request with 10 added, from the same place."""
        return frame.command == request.command | _ANSWERS and frame.address == request.address

    def redact(self, raw: bytes) -> bytes:
        """A request that opens a board without its password; its own checksum is left as it was."""
        if raw[:3] != HEAD + bytes([_PASSWORD]) or len(raw) <= _HEAD_SIZE:
            return raw
        end = min(len(raw), _HEAD_SIZE + raw[5])
        return raw[:_HEAD_SIZE] + bytes(end - _HEAD_SIZE) + raw[end:]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.command == STATUS:
            return _status(frame.payload)
        if frame.command == INFORMATION and frame.address == _INFORMATION_AT:
            return [
                text("model", frame.payload[_MODEL]),
                text("firmware_version", frame.payload[_SOFTWARE]),
            ]
        return []


def _status(data: bytes) -> list[Reading]:
    sensors, cells = (data[_SENSORS], data[_CELLS]) if len(data) > _CELLS else (0, 0)
    shift = 2 * (cells + sensors)
    if len(data) < _LEAST + shift or cells > _MOST_CELLS or sensors > _MOST_SENSORS:
        raise Damage(
            Fault.LENGTH,
            expected=f"at most {_MOST_CELLS} cells and {_MOST_SENSORS} sensors, and {_LEAST + shift} bytes",
            came=f"{cells} cells, {sensors} sensors and {len(data)} bytes",
            where="byte 8 of the frame",
        )
    readings = cell_voltages(CELL, data, cells)
    readings.append(told("cell_count", Decimal(cells)))
    readings += _BLOCK.read(data, base=shift)
    charges = _CHARGES.get(data[_STATE])
    for field in (CURRENT, POWER):
        reading = field.read(data, base=shift)
        if reading is not None:
            readings.append(directed(reading, charges=charges))
    readings += TEMPERATURE.read_all(data, sensors, base=2 * cells)
    # The switches' temperature last: it is the one that is kept where only one is.
    for field in (BALANCER, BOARD):
        reading = field.read(data, base=shift)
        assert reading is not None  # the length was proven above
        readings.append(reading)
    readings.append(told("balancing_active", any(data[_BALANCING])))
    readings += switches(data[_CHARGE_SWITCH + shift], data[_DISCHARGE_SWITCH + shift])
    readings += _bits("protection", data[_PROTECTIONS])
    name = CHEMISTRIES.get(U16L.read(data, _CHEMISTRY + shift) or 0)
    return [*readings, told("chemistry", name, origin=Origin.CONFIGURED)] if name else readings


def _bits(quantity: str, data: bytes) -> list[Reading]:
    """No public source names these bits; that one is set is told, what it means is not guessed."""
    bits = int.from_bytes(data, "little")
    return [told(quantity, f"unnamed_bit_{bit}") for bit in range(bits.bit_length()) if bits >> bit & 1]


PROTOCOL: Final = Ant()
