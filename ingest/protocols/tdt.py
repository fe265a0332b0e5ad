"""TDT: packs that speak binary frames over a radio; start 7E, on some firmware 1E for requests.

    7E or 1E, version, address, 03, status, command, length(2), data, CRC(2), 0D     requests and answers

The CRC is CRC-16/MODBUS over everything before it, high byte first. Requests have no data. Some firmware puts
a one-byte sum into the field of the alarm answer (8D): such a sum is taken there, and in no other answer.

Older firmware ends the telemetry after the state of charge, newer adds a health: only what stands before the
CRC is read, so the CRC is never taken for a health.

Source: as restated in docs/protocols/tdt.md; telemetry, alarms and identity proven on recordings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final

from ingest.frames import crc16_modbus, sum8
from ingest.protocol import (
    U8,
    U16,
    Certainty,
    Cursor,
    Damage,
    Fault,
    Field,
    FieldBlock,
    Frame,
    Framer,
    Protocol,
    Request,
    text_reading,
    wrong_end,
    wrong_sum,
)
from ingest.ydt1363 import CELL_STATES, OTHER, TEMPERATURE_STATES, cells
from schemas.reading import Reading, ReadingForm, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

STARTS: Final = bytes([0x7E, 0x1E])
END: Final = 0x0D
ADDRESS: Final = 0x01
_FIXED: Final = 0x03  # fourth byte of every frame

TELEMETRY: Final = 0x8C
ALARMS: Final = 0x8D
IDENTITY: Final = 0x92

REQUESTS: Final = (
    Request("telemetry", TELEMETRY, "cells, temperatures, current, voltage, charge, cycles"),
    Request("alarms", ALARMS, "states of cells and sensors, problems, switches"),
    Request("identity", IDENTITY, "software version, maker, serial number"),
    Request("telemetry-1e", TELEMETRY, "the same of firmware that wants the start 1E"),
    Request("alarms-1e", ALARMS, "the same of firmware that wants the start 1E"),
    Request("identity-1e", IDENTITY, "the same of firmware that wants the start 1E"),
)

_ENVELOPE: Final = 11
_MOST: Final = 512

CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
AMBIENT: Final = Field("ambient_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)
SWITCHES: Final = Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)
TEMPERATURE: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)

# Behind the temperatures. Of the current's word the highest bit says that it flows out, the next one is set
# in every recording, the other fourteen are the amount.
CURRENT: Final = Field("current", 0, U16, -1, Unit.AMPERE)
_CURRENT: Final = ReadingForm("current")
_OUT: Final = 1 << 15
_ALWAYS: Final = 1 << 14
_AMOUNT: Final = _ALWAYS - 1
FIELDS: Final = (
    Field("voltage", 2, U16, -2, Unit.VOLT),
    Field("remaining_charge", 4, U16, -1, Unit.AMPERE_HOUR),
    Field("full_charge_capacity", 6, U16, -1, Unit.AMPERE_HOUR),
    Field("cycle_count", 8, U16, 0, Unit.ONE),
    Field("nameplate_capacity", 10, U16, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("state_of_charge", 12, U16, 0, Unit.PERCENT),
)
_BLOCK: Final = FieldBlock(FIELDS)
_LEAST: Final = 14
HEALTH: Final = Field("bms_reported_health", 14, U16, 0, Unit.PERCENT)
# Frames of version 1.x send whole amperes and ampere-hours.
_COARSE: Final = frozenset({"current", "remaining_charge", "full_charge_capacity", "nameplate_capacity"})

_TEXT: Final = 20
_DISCHARGE_SWITCH: Final = 1 << 1
_CHARGE_SWITCH: Final = 1 << 2
# Behind the states of the alarm answer: four bytes that are not known, two of problems, one of switches.
_UNKNOWN: Final = 4

ALSO: Final = (
    "cell_count",
    "charging_enabled",
    "discharging_enabled",
    "alarm",
    "firmware_version",
    "manufacturer",
    "serial_number",
)


def _sealed(body: bytes) -> bytes:
    return body + crc16_modbus(body).to_bytes(2, "big") + bytes([END])


def encode_request(command: int, *, start: int = STARTS[0]) -> bytes:
    """The bytes that ask; some firmware hears only those that start with 1E."""
    return _sealed(bytes([start, 0, ADDRESS, _FIXED, 0, command, 0, 0]))


def encode_reply(
    command: int, data: bytes, *, status: int = 0, version: int = 0, short_sum: bool = False
) -> bytes:
    """The bytes of an answer; `short_sum` puts a sum of one byte where the CRC belongs."""
    head = bytes([STARTS[0], version, ADDRESS, _FIXED, status, command])
    body = head + len(data).to_bytes(2, "big") + data
    return body + bytes([0, sum8(body), END]) if short_sum else _sealed(body)


@dataclass(frozen=True)
class Pack:
    """What a pack says of itself, for simulators and fixtures; units as the quantities have them.

    Attributes:
        cells: volts, cell 1 first.
        ambient: of the air.
        switches: of the transistors.
        temperatures: of the cells.
        current: positive while charging.
        voltage: of the pack.
        remaining: charge in it.
        full: charge when it is full.
        cycles: as counted.
        nominal: capacity as configured.
        state_of_charge: per cent.
        health: per cent; None for firmware that sends none.
    """

    cells: Sequence[Decimal]
    ambient: Decimal
    switches: Decimal
    temperatures: Sequence[Decimal]
    current: Decimal
    voltage: Decimal
    remaining: Decimal
    full: Decimal
    cycles: int
    nominal: Decimal
    state_of_charge: int
    health: int | None = None


def encode_telemetry(pack: Pack, *, whole: bool = False) -> bytes:
    """Data of a telemetry answer; `whole` in whole amperes and ampere-hours."""
    data = bytes([len(pack.cells)]) + b"".join(CELL.write(cell) for cell in pack.cells)
    data += bytes([2 + len(pack.temperatures)]) + AMBIENT.write(pack.ambient) + SWITCHES.write(pack.switches)
    data += b"".join(TEMPERATURE.write(value) for value in pack.temperatures)
    amount = CURRENT.raw(abs(pack.current), coarser=int(whole))
    data += U16.write(amount | _ALWAYS | (_OUT if pack.current < 0 else 0))
    values = (
        pack.voltage,
        pack.remaining,
        pack.full,
        Decimal(pack.cycles),
        pack.nominal,
        Decimal(pack.state_of_charge),
    )
    for row, value in zip(FIELDS, values, strict=True):
        data += row.write(value, coarser=int(whole and row.quantity in _COARSE))
    return data if pack.health is None else data + HEALTH.write(Decimal(pack.health))


def encode_alarms(
    *,
    cells: Sequence[int],
    temperatures: Sequence[int],
    problems: int = 0,
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
) -> bytes:
    """Data of an alarm answer: a state byte for each cell and sensor."""
    switches = _CHARGE_SWITCH * charging_enabled | _DISCHARGE_SWITCH * discharging_enabled
    head = bytes([len(cells), *cells, len(temperatures), *temperatures]) + bytes(_UNKNOWN)
    return head + U16.write(problems) + bytes([switches]) + bytes(7)


def encode_identity(*, version: str, maker: str, serial: str) -> bytes:
    """Data of an identity answer; at most twenty characters each."""
    return b"".join(text.encode().ljust(_TEXT, b"\x00") for text in (version, maker, serial))


class TdtFramer(Framer):
    """Frames of both starts, by their length."""

    starts = STARTS

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 3 and buffer[3] != _FIXED:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{_FIXED:02x}",
                came=f"{buffer[3]:02x}",
                where="byte 3 of the frame",
                judged_bytes=4,
            )
        if len(buffer) < 8:
            return None
        size = int.from_bytes(buffer[6:8], "big")
        if size > _MOST:
            raise Damage(
                Fault.LENGTH,
                expected=f"at most {_MOST} bytes",
                came=str(size),
                where="byte 6 of the frame",
                judged_bytes=8,
            )
        return _ENVELOPE + size

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[-1] != END:
            raise wrong_end(raw, END)
        expected, came = crc16_modbus(raw[:-3]), int.from_bytes(raw[-3:-1], "big")
        if expected != came and not _short_sum(raw, came):
            raise wrong_sum("CRC", expected, came, at=len(raw) - 3, digits=4)
        payload = raw[8:-3]
        is_request = not payload and not raw[4]
        return Frame(raw, position, raw[5], payload, is_request=is_request, status=raw[4])


def _short_sum(raw: bytes, came: int) -> bool:
    """Whether an alarm answer holds a byte sum, with or without the start, or the complement of one."""
    if raw[5] != ALARMS or not raw[8:-3] or came > 0xFF:
        return False
    with_start, without = sum8(raw[:-3]), sum8(raw[1:-3])
    return came in (with_start, without, -with_start & 0xFF, -without & 0xFF)


class Tdt(Protocol):
    """See the module."""

    name: ClassVar[str] = "tdt"
    title: ClassVar[str] = "TDT (7E or 1E .. 0D)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS

    def framer(self) -> Framer:
        """A new framer."""
        return TdtFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        return encode_request(self._row(name).command, start=STARTS[name.endswith("-1e")])

    def poll(self, address: int | None = None) -> list[bytes]:
        """Telemetry and alarms."""
        return [self.request(name, address) for name in ("telemetry", "alarms")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Software version, maker and serial number."""
        return [self.request("identity", address)]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Same command; units answer under addresses of their own."""
        return frame.command == request.command

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.status:
            return _unread(frame.command)
        if frame.command == TELEMETRY:
            return _telemetry(frame)
        if frame.command == ALARMS:
            return _alarms(frame)
        if frame.command == IDENTITY:
            return _identity(frame)
        return []  # a sound answer to something that someone else asked for


def _unread(command: int) -> list[Reading]:
    quantities: tuple[str, ...] = {
        TELEMETRY: ("current", *(row.quantity for row in FIELDS), "cell_voltage"),
        IDENTITY: ("firmware_version", "manufacturer", "serial_number"),
    }.get(command, ())
    return [Reading(quantity, None, absence=ReadingAbsence.NOT_READ) for quantity in quantities]


def _telemetry(frame: Frame) -> list[Reading]:
    cursor = Cursor(frame.payload, "telemetry")
    coarser = int(frame.raw[1] // 10 == 1)
    readings = cells(cursor, CELL)
    count = len(readings)
    sensors = cursor.number(U8, "count of temperatures")
    warmth = cursor.take(2 * sensors, f"{sensors} temperatures")
    for place, row in enumerate((AMBIENT, SWITCHES)):
        found = row.read(warmth, base=2 * place)
        readings += [found] if found is not None else []
    readings += TEMPERATURE.read_all(warmth, max(sensors - 2, 0), base=4)
    data = cursor.take(cursor.left, "amounts")
    if len(data) < _LEAST:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_LEAST} bytes behind the temperatures",
            came=str(len(data)),
            where=f"byte {cursor.at - len(data)} of the telemetry",
        )
    word = int.from_bytes(data[:2], "big")
    current = CURRENT.value(word & _AMOUNT, coarser=coarser)
    readings.append(_CURRENT(-current if word & _OUT else current))
    # The length was proven above.
    for found in _coarse(data) if coarser else _BLOCK.read(data):
        # No public source names this field; in every recording the charge over it is the state of charge.
        unproven = found.quantity == "full_charge_capacity"
        readings.append(altered(found, doubts=("meaning_unproven",)) if unproven else found)
    health = HEALTH.read(data)
    if health is not None:
        readings.append(health)
    readings.append(told("cell_count", Decimal(count)))
    return readings


def _coarse(data: bytes) -> list[Reading]:
    found = (row.read(data, coarser=int(row.quantity in _COARSE)) for row in FIELDS)
    return [reading for reading in found if reading is not None]


def _alarms(frame: Frame) -> list[Reading]:
    cursor = Cursor(frame.payload, "alarms")
    readings = []
    count = cursor.number(U8, "count of cells")
    for index, state in enumerate(cursor.take(count, f"states of {count} cells"), 1):
        if state:
            readings.append(told("alarm", CELL_STATES.get(state, CELL_STATES[OTHER]), index=index))
    sensors = cursor.number(U8, "count of temperatures")
    for number, state in enumerate(cursor.take(sensors, f"states of {sensors} temperatures"), -1):
        if state:
            name = TEMPERATURE_STATES.get(state, TEMPERATURE_STATES[OTHER])
            readings.append(told("alarm", name, index=number if number > 0 else None))
    cursor.take(_UNKNOWN, "states that are not known")
    problems = cursor.number(U16, "problems")
    readings += [told("alarm", f"unnamed_bit_{bit}") for bit in range(16) if problems >> bit & 1]
    switches = cursor.number(U8, "switches")
    readings.append(told("charging_enabled", bool(switches & _CHARGE_SWITCH)))
    readings.append(told("discharging_enabled", bool(switches & _DISCHARGE_SWITCH)))
    return readings


def _identity(frame: Frame) -> list[Reading]:
    data = frame.payload
    return [
        text_reading(quantity, data[_TEXT * place : _TEXT * (place + 1)])
        for place, quantity in enumerate(("firmware_version", "manufacturer", "serial_number"))
    ]


PROTOCOL: Final = Tdt()
