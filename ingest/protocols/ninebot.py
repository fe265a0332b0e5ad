"""Xiaomi M365 and Ninebot scooters (55 AA): the battery's registers, as its board and the radio say them.

A read names a register and a number of bytes; the answer holds as many 16-bit cells from there on, whatever
the block. The battery is addressed as 22 and answers as 25, or as 22 on some firmware; 20 and 23 are the
motor controller, which is never asked. What it says in passing is no reading of the battery, and its PIN is
blanked in whatever is stored or shown. Firmware from about 2019 on talks encrypted (55 AB, 5A A5), which is
refused here.

Source: layout as restated in docs/protocols/ninebot.md, proven on answers of two scooters.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

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
    wrong_sum,
)
from schemas.reading import Reading, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

MARKER: Final = b"\x55\xaa"
BATTERY: Final = 0x22
_BATTERY_ANSWERS: Final = 0x25
CONTROLLER: Final = 0x20
_CONTROLLER_ANSWERS: Final = 0x23
READ: Final = 0x01
WRITE: Final = 0x03
# Around the data: marker, length, address, command, register; and the checksum.
_HEAD: Final = 6
_CHECKSUM: Final = 2

IDENTITY: Final = 0x10
STATUS: Final = 0x30
HEALTH: Final = 0x3B
CELLS: Final = 0x40
CELL_PLACES: Final = 15
# Register and number of bytes of the controller's PIN, in ASCII digits.
PIN: Final = 0x17
_PIN_BYTES: Final = 6

REQUESTS: Final = (
    Request("identity", IDENTITY, "serial number, version, capacities, cycles, charges, day of manufacture"),
    Request("status", STATUS, "status, remaining charge, state of charge, current, voltage, temperatures"),
    Request("health", HEALTH, "as the board states it"),
    Request("cells", CELLS, "voltages of up to fifteen cells"),
)
LENGTHS: Final[Mapping[int, int]] = {IDENTITY: 34, STATUS: 14, HEALTH: 2, CELLS: 2 * CELL_PLACES}

U16L: Final = Integer(2, little=True)
I16L: Final = Integer(2, signed=True, little=True)

# Offsets are twice the register: the whole register file is one block of bytes, an answer a window on it.
FIELDS: Final = (
    Field("nameplate_capacity", 2 * 0x18, U16L, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("full_charge_capacity", 2 * 0x19, U16L, -3, Unit.AMPERE_HOUR),
    Field("cycle_count", 2 * 0x1B, U16L, 0, Unit.ONE),
    Field("event_count", 2 * 0x1C, U16L, 0, Unit.ONE, kind="charge"),
    Field("remaining_charge", 2 * 0x31, U16L, -3, Unit.AMPERE_HOUR),
    Field("state_of_charge", 2 * 0x32, U16L, 0, Unit.PERCENT),
    # One register file says tenths of a volt; the sum of the cells proves hundredths.
    Field("voltage", 2 * 0x34, U16L, -2, Unit.VOLT),
    Field("bms_reported_health", 2 * HEALTH, U16L, 0, Unit.PERCENT),
)
# On the wire negative while charging, as two of three sources have it; turned here.
CURRENT: Final = Field("current", 2 * 0x33, I16L, -2, Unit.AMPERE)
SENSOR: Final = Field("cell_temperature", 2 * 0x35, U8, 0, Unit.CELSIUS, zero=20)
CELL: Final = Field("cell_voltage", 2 * CELLS, U16L, -3, Unit.VOLT)
ALSO: Final = (
    "serial_number",
    "firmware_version",
    "manufacture_date",
    "charging",
    "protection",
    "balancing_active",
)
ALSO_DERIVED: Final = ("cell_count",)
_SENSORS: Final = 2
_SERIAL: Final = 2 * 0x10
_SERIAL_BYTES: Final = 14
_VERSION: Final = 2 * 0x17
_DATE: Final = 2 * 0x20
_STATUS: Final = 2 * STATUS
_BALANCING: Final = 2 * 0x36
_CHARGING_BIT: Final = 6
STATUS_BITS: Final[Mapping[int, str]] = {9: "pack_over_voltage", 10: "over_temperature"}
# A block of so many places is taken for the whole pack; every one of these scooters has ten cells.
_FEWEST_CELLS: Final = 10


def checksum(covered: bytes) -> int:
    """The ones' complement of the byte sum, 0..65535; `covered` runs from the length to the last data."""
    return ~sum(covered) & 0xFFFF


def _sealed(body: bytes) -> bytes:
    return MARKER + body + checksum(body).to_bytes(2, "little")


def encode_request(register: int, length: int, *, address: int = BATTERY) -> bytes:
    """The bytes that read so many bytes from a register on; `Protocol.request` says what may be sent."""
    return _sealed(bytes([3, address, READ, register, length]))


def encode_reply(register: int, data: bytes, *, address: int = _BATTERY_ANSWERS) -> bytes:
    """The bytes of an answer, as a battery sends them."""
    return _sealed(bytes([len(data) + 2, address, READ, register]) + data)


def encode_registers(
    *,
    serial: str,
    version: tuple[int, int, int],
    made_on: date,
    numbers: Mapping[str, Decimal],
    current: Decimal,
    temperatures: Sequence[Decimal],
    cells: Sequence[Decimal],
    charging: bool,
    balancing: int = 0,
    protections: Sequence[str] = (),
) -> bytes:
    """The register file 00 to 4F of a battery, for simulators; answers are windows on it.

    `numbers` holds the quantities of `FIELDS`; `current` is positive while charging; `balancing` has a bit
    for each cell.
    """
    file = bytearray(2 * 0x50)

    def put(offset: int, data: bytes) -> None:
        file[offset : offset + len(data)] = data

    for field in FIELDS:
        put(field.offset, field.write(numbers[field.quantity]))
    put(_SERIAL, serial.encode().ljust(_SERIAL_BYTES, b"\x00")[:_SERIAL_BYTES])
    put(_VERSION, U16L.write(version[0] << 8 | version[1] << 4 | version[2]))
    put(_DATE, U16L.write((made_on.year - 2000) << 9 | made_on.month << 5 | made_on.day))
    bits = sum(1 << bit for bit, name in STATUS_BITS.items() if name in protections)
    put(_STATUS, U16L.write(1 | int(charging) << _CHARGING_BIT | bits))
    put(CURRENT.offset, CURRENT.write(-current))
    put(SENSOR.offset, b"".join(SENSOR.write(degree) for degree in temperatures[:_SENSORS]))
    put(_BALANCING, U16L.write(balancing))
    put(CELL.offset, b"".join(CELL.write(cell) for cell in cells[:CELL_PLACES]))
    return bytes(file)


class NinebotFramer(Framer):
    """Frames 55 AA; requests and answers have their length at the same place."""

    starts = MARKER[:1]

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 1 and buffer[1] != MARKER[1]:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{MARKER[1]:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=2,
            )
        if len(buffer) > 2 and buffer[2] < 2:
            raise Damage(
                Fault.LENGTH,
                expected="a length of 2 and more",
                came=str(buffer[2]),
                where="byte 2 of the frame",
                judged_bytes=3,
            )
        return _HEAD + buffer[2] - 2 + _CHECKSUM if len(buffer) > 2 else None

    def _open(self, raw: bytes, position: int) -> Frame:
        expected, came = checksum(raw[2:-2]), int.from_bytes(raw[-2:], "little")
        if expected != came:
            raise wrong_sum("checksum", expected, came, at=len(raw) - 2, digits=4)
        address, command, payload = raw[3], raw[4], raw[_HEAD:-_CHECKSUM]
        # Only an answer from 22 itself looks like a request; a read carries one byte, a register two.
        asks = address in (BATTERY, CONTROLLER) and not (command == READ and len(payload) > 1)
        owner = {_BATTERY_ANSWERS: BATTERY, _CONTROLLER_ANSWERS: CONTROLLER}.get(address, address)
        return Frame(
            raw, position, raw[5], payload, is_request=asks, address=owner, status=int(command != READ)
        )


class Ninebot(Protocol):
    """See the module."""

    name: ClassVar[str] = "ninebot"
    title: ClassVar[str] = "Xiaomi M365 / Ninebot scooters (55 AA)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (115200,)

    def framer(self) -> Framer:
        """A new framer."""
        return NinebotFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read of the battery; its address is always the same."""
        del address
        register = self._row(name).command
        return encode_request(register, LENGTHS[register])

    def poll(self, address: int | None = None) -> list[bytes]:
        """Status with the current beside it, and cells."""
        return [self.request(name, address) for name in ("status", "cells")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Who it is, its counters and its health."""
        return [self.request(name, address) for name in ("identity", "health")]

    def redact(self, raw: bytes) -> bytes:
        """The controller's PIN blanked, wherever a frame in these bytes has or writes it."""
        blanked = bytearray(raw)
        at = raw.find(MARKER)
        while at >= 0:
            head = raw[at : at + _HEAD]
            if len(head) == _HEAD and head[3] in (CONTROLLER, _CONTROLLER_ANSWERS):
                data, end = at + _HEAD, min(at + _HEAD + max(head[2] - 2, 0), len(raw))
                begin = max(data + 2 * (PIN - head[5]), data)
                end = min(data + 2 * (PIN - head[5]) + _PIN_BYTES, end)
                if head[4] != READ or head[2] != 3:
                    blanked[begin:end] = b"*" * max(end - begin, 0)
            at = raw.find(MARKER, at + 1)
        return bytes(blanked)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.address != BATTERY or frame.status:
            return []  # the controller's word, or what somebody wrote
        return _Window(frame.command, frame.payload).readings()


class _Window:
    """Part of the register file, as one answer shows it."""

    def __init__(self, register: int, data: bytes) -> None:
        self._first = 2 * register
        self._data = data

    def _piece(self, offset: int, size: int) -> bytes:
        """The bytes at an offset of the file; empty unless all of them are in the window."""
        begin = offset - self._first
        return self._data[begin : begin + size] if 0 <= begin <= len(self._data) - size else b""

    def readings(self) -> list[Reading]:
        """Everything that lies whole in the window."""
        base = -self._first
        readings = []
        if serial := self._piece(_SERIAL, _SERIAL_BYTES):
            readings.append(text_reading("serial_number", serial))
        if version := self._piece(_VERSION, 2):
            number = int.from_bytes(version, "little")
            text = f"{number >> 8}.{number >> 4 & 0xF}.{number & 0xF}"
            readings.append(Reading("firmware_version", text))
        readings += [
            field.reading(int.from_bytes(piece, "little"))
            for field in FIELDS
            if (piece := self._piece(field.offset, field.integer.size))
        ]
        if packed := self._piece(_DATE, 2):
            readings.append(_made_on(int.from_bytes(packed, "little")))
        status = self._piece(_STATUS, 2)
        if status:
            readings += _status(int.from_bytes(status, "little"))
        if raw := self._piece(CURRENT.offset, 2):
            charging = bool(int.from_bytes(status, "little") >> _CHARGING_BIT & 1) if status else None
            readings.append(_current(int.from_bytes(raw, "little", signed=True), charging=charging))
        if self._piece(SENSOR.offset, _SENSORS):
            readings += SENSOR.read_all(self._data, _SENSORS, base=base)
        if balancing := self._piece(_BALANCING, 2):
            readings.append(told("balancing_active", any(balancing)))
        return readings + self._cells()

    def _cells(self) -> list[Reading]:
        """Cells up to the last fitted place; a nought between fitted ones stays, as not fitted."""
        skipped = max((self._first - CELL.offset + 1) // 2, 0)
        offset = CELL.offset + 2 * skipped - self._first
        if offset < 0 or skipped >= CELL_PLACES:
            return []
        found = [
            CELL.reading(raw, index=index)
            for index, raw in enumerate(U16L.read_all(self._data, offset, CELL_PLACES - skipped), skipped + 1)
        ]
        places = len(found)
        while found and not found[-1].value:
            del found[-1]
        readings = [cell if cell.value else altered(cell, doubts=("not_fitted",)) for cell in found]
        if found and not skipped and (places > len(found) or places >= _FEWEST_CELLS):
            readings.append(Reading("cell_count", Decimal(len(found)), origin=Origin.DERIVED))
        return readings


def _status(bits: int) -> list[Reading]:
    readings = [told("charging", bool(bits >> _CHARGING_BIT & 1))]
    return readings + [told("protection", name) for bit, name in STATUS_BITS.items() if bits >> bit & 1]


def _current(raw: int, *, charging: bool | None) -> Reading:
    """The current; its sign is sure when it is nought, or when the same frame says that it charges."""
    if charging:
        return CURRENT.reading(abs(raw))
    reading = CURRENT.reading(-raw)
    return altered(reading, doubts=("sign_unproven",)) if raw else reading


def _made_on(packed: int) -> Reading:
    """Bits 15..9 year since 2000, 8..5 month, 4..0 day; all zero means that nobody set it."""
    if packed == 0:
        return Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)
    return day_reading("manufacture_date", 2000 + (packed >> 9), packed >> 5 & 0xF, packed & 0x1F)


PROTOCOL: Final = Ninebot()
