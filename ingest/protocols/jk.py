"""JK (Jikong) over Bluetooth and, in the PB series, over RS485: answers of 300 bytes, 55 AA EB 90.

    request   AA 55 90 EB command length value(13) sum            20 bytes
    answer    55 AA EB 90 type counter ... sum                    300 bytes
    on RS485  address 10 16 20|1E|1C 00 01 02 00 00 CRC           answered with the same 300 bytes

The sum is the lowest byte of the sum of all bytes before it. Three generations of firmware lay the cell data
out differently: with 24 cells, with 32 cells, and (JK04) as floating-point numbers. Which one it is shows in
the frame itself, because mean, mask and pack voltage must fit the cells; the device information breaks a tie.
What JK calls the resistance of a cell is that of its sense wire and is not read. Read: cells (96), device
information (97), event log (A1), and their three equivalents on RS485. Writes are never spoken.

Source: layout as restated in docs/protocols/jk.md, proven on recordings of six devices.
"""

import math
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import Enum, unique
from typing import ClassVar, Final

from ingest.frames import crc16_modbus, sum8
from ingest.protocol import (
    U8,
    Certainty,
    Damage,
    Decoder,
    Fault,
    Field,
    Frame,
    Framer,
    Integer,
    Protocol,
    Request,
    wrong_sum,
)
from schemas.reading import Reading, altered
from schemas.terms import Origin, ReadingAbsence, Unit

U16L: Final = Integer(2, little=True)
I16L: Final = Integer(2, signed=True, little=True)
U32L: Final = Integer(4, little=True)
I32L: Final = Integer(4, signed=True, little=True)

ANSWER: Final = b"\x55\xaa\xeb\x90"
ASK: Final = b"\xaa\x55\x90\xeb"
# What the radio module says by itself between frames.
AT: Final = b"AT\r\n"
SIZE: Final = 300
_ASK_SIZE: Final = 20
_VALUE_SIZE: Final = 13

# Types of answers.
SETTINGS: Final = 0x01
CELLS: Final = 0x02
INFORMATION: Final = 0x03
LOG: Final = 0x05

ASK_CELLS: Final = 0x96
ASK_INFORMATION: Final = 0x97
ASK_LOG: Final = 0xA1
_READY: Final = 0xC8  # the board confirms a request in the form of one
BUS_CELLS: Final = 0x1620
BUS_SETTINGS: Final = 0x161E
BUS_INFORMATION: Final = 0x161C

REQUESTS: Final = (
    Request("cells", ASK_CELLS, "settings once, then cells, voltage, current, charge, counters, alarms"),
    Request("information", ASK_INFORMATION, "model, versions, serial number, date"),
    Request("log", ASK_LOG, "last events by the board's running time; firmware from 2024"),
    Request("bus_cells", BUS_CELLS, "cells of a PB board on RS485"),
    Request("bus_settings", BUS_SETTINGS, "settings of a PB board on RS485"),
    Request("bus_information", BUS_INFORMATION, "device information of a PB board on RS485"),
)
# The type that ends the answer to a request.
_ENDS: Final[Mapping[int, int]] = {
    ASK_CELLS: CELLS,
    ASK_INFORMATION: INFORMATION,
    ASK_LOG: LOG,
    BUS_CELLS: CELLS,
    BUS_SETTINGS: SETTINGS,
    BUS_INFORMATION: INFORMATION,
}

# On RS485 the request has the form of a Modbus write of one register, and is acknowledged like one.
_BUS_FUNCTION: Final = 0x10
_BUS_ASK_SIZE: Final = 11
_BUS_ACK_SIZE: Final = 8
_BUS_HEAD: Final = 6
_BUS_REST: Final = bytes((0x00, 0x01, 0x02, 0x00, 0x00))
MOST_ADDRESS: Final = 15


@unique
class Generation(Enum):
    """How a firmware lays out the cell data."""

    JK04 = "floating-point numbers"
    CELLS_24 = "24 cells"
    CELLS_32 = "32 cells"


# Software up to this major version is the named generation; larger ones are `CELLS_32`.
_LAST_JK04: Final = 4
_LAST_24: Final = 10
_WIDE_SERIAL_FROM: Final = 15
# Firmware that is known to fill the places of chemistry and log size.
_EXTRAS_FROM: Final = 14

# Cell data; offsets as 24-cell firmware has them. 32-cell firmware has them later, by the shifts.
CELL: Final = Field("cell_voltage", 6, U16L, -3, Unit.VOLT)
_MOST: Final[Mapping[Generation, int]] = {Generation.CELLS_24: 24, Generation.CELLS_32: 32}
_MASK_SHIFT: Final[Mapping[Generation, int]] = {Generation.CELLS_24: 0, Generation.CELLS_32: 16}
_SHIFT: Final[Mapping[Generation, int]] = {Generation.CELLS_24: 0, Generation.CELLS_32: 32}
_MASK: Final = 54
MEAN: Final = Field("cell_voltage_mean", 58, U16L, -3, Unit.VOLT)

FIELDS: Final = (
    Field("voltage", 118, U32L, -3, Unit.VOLT),
    Field("current", 126, I32L, -3, Unit.AMPERE),
    Field("state_of_charge", 141, U8, 0, Unit.PERCENT),
    Field("remaining_charge", 142, U32L, -3, Unit.AMPERE_HOUR),
    # Learned by the board; the rated one stands in the settings.
    Field("full_charge_capacity", 146, U32L, -3, Unit.AMPERE_HOUR),
    # Both begin anew when a user enters the capacity again.
    Field("cycle_count", 150, U32L, 0, Unit.ONE),
    Field("charge_throughput", 154, U32L, -3, Unit.AMPERE_HOUR),
    Field("bms_reported_health", 158, U8, 0, Unit.PERCENT),
    Field("operating_time", 162, U32L, 0, Unit.SECOND),
)
POWER: Final = Field("power", 122, U32L, -3, Unit.WATT, origin=Origin.DERIVED)
_CURRENT: Final = FIELDS[1]
_VOLTAGE: Final = 118
_CAPACITY: Final = "full_charge_capacity"
_BALANCING: Final = 140
_CHARGING: Final = 166
_DISCHARGING: Final = 167

TEMPERATURES: Final = (
    Field("cell_temperature", 130, I16L, -1, Unit.CELSIUS, index=1),
    Field("cell_temperature", 132, I16L, -1, Unit.CELSIUS, index=2),
)
# The same places in both generations hold other things: these are absolute.
BOARD: Final[Mapping[Generation, Field]] = {
    Generation.CELLS_24: Field("board_temperature", 134, I16L, -1, Unit.CELSIUS),
    Generation.CELLS_32: Field("board_temperature", 144, I16L, -1, Unit.CELSIUS),
}
MORE_TEMPERATURES: Final = (
    Field("cell_temperature", 256, I16L, -1, Unit.CELSIUS, index=3),
    Field("cell_temperature", 258, I16L, -1, Unit.CELSIUS, index=4),
)
_MORE: Final = slice(256, 260)
ENTRIES: Final = Field("event_count", 266, U16L, 0, Unit.ONE, kind="log_entries")
_ALARM_AT: Final[Mapping[Generation, tuple[int, Integer]]] = {
    Generation.CELLS_24: (136, U16L),
    Generation.CELLS_32: (166, U32L),
}
_CHEMISTRY: Final = 275
CHEMISTRIES: Final = ("LFP", "ternary", "LTO")

# Bits of the alarm word, bit 0 first.
ALARMS: Final = (
    "wire_resistance",
    "mosfet_over_temperature",
    "cell_count_mismatch",
    "current_sensor_fault",
    "cell_over_voltage",
    "pack_over_voltage",
    "charge_over_current",
    "charge_short_circuit",
    "charge_over_temperature",
    "charge_under_temperature",
    "coprocessor_fault",
    "cell_under_voltage",
    "pack_under_voltage",
    "discharge_over_current",
    "discharge_short_circuit",
    "discharge_over_temperature",
    "charge_switch_fault",
    "discharge_switch_fault",
    "gps_disconnected",
    "password_unchanged",
    "discharge_switch_on_failed",
    "over_temperature",
    "temperature_sensor_fault",
    "parallel_module_fault",
    "short_circuit_release_failed",
    "discharge_over_current_2",
    "discharge_over_current_3",
    "discharge_under_temperature",
    "remote_lock",
)

# Settings, JK02.
SETTING_FIELDS: Final = (
    Field("charge_current_limit", 50, U32L, -3, Unit.AMPERE, origin=Origin.CONFIGURED),
    Field("discharge_current_limit", 62, U32L, -3, Unit.AMPERE, origin=Origin.CONFIGURED),
    Field("cell_count", 114, U32L, 0, Unit.ONE, origin=Origin.CONFIGURED),
    Field("nameplate_capacity", 130, U32L, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
_NAMEPLATE: Final = SETTING_FIELDS[3]
_LOWEST: Final = 10  # under-voltage protection of a cell, mV; JK04 has nought here
JK04_COUNT: Final = Field("cell_count", 34, U32L, 0, Unit.ONE, origin=Origin.CONFIGURED)

# Cell data of JK04.
_FLOATS: Final = struct.Struct("<24f")
_FLOAT_MASK: Final = 214
_FLOAT_MEAN: Final = 202
_FLOAT_BALANCING: Final = 220
FLOAT_TIME: Final = Field("operating_time", 286, U32L, 0, Unit.SECOND)
_MILLI: Final = Decimal("0.001")
_PLAUSIBLE: Final = 6.0  # no cell shows more, volts

# Device information.
_MODEL: Final = slice(6, 22)
_HARDWARE: Final = slice(22, 30)
_SOFTWARE: Final = slice(30, 38)
POWER_ON: Final = Field("event_count", 42, U32L, 0, Unit.ONE, kind="power_on")
_DATE: Final = slice(78, 86)
_SERIAL: Final = slice(86, 102)
_NARROW: Final = 11
# Passcodes, and texts that owners enter.
_SECRETS: Final = (slice(62, 78), slice(102, 118), slice(118, 134), slice(134, 150))

# Event log: count, then five bytes each.
_LOG_COUNT: Final = 6
_LOG_FIRST: Final = 11
_LOG_MOST: Final = 50
_LOG_STEP: Final = 5
EVENTS: Final[Mapping[int, str]] = {
    0x01: "boot",
    0x0B: "mosfet_over_temperature",
    0x0D: "current_sensor_fault",
    0x0F: "coprocessor_fault",
    0x11: "cell_over_voltage",
    0x13: "pack_over_voltage",
    0x15: "charge_over_current",
    0x17: "charge_short_circuit",
    0x19: "charge_over_temperature",
    0x1B: "charge_under_temperature",
    0x1D: "cell_under_voltage",
    0x1F: "pack_under_voltage",
    0x21: "discharge_over_current",
    0x23: "discharge_short_circuit",
    0x25: "discharge_over_temperature",
    0x27: "watchdog_reset",
    0x39: "charge_switch_fault",
    0x3A: "discharge_switch_fault",
    0x3C: "cell_count_mismatch",
    0x40: "discharge_over_current_2",
    0x41: "discharge_over_current_3",
    0x42: "short_circuit_release_failed",
    0x48: "discharge_under_temperature",
}
_CELL_OVER: Final = range(0x64, 0x84)
_CELL_UNDER: Final = range(0xC8, 0xE8)

# Quantities decoded by hand.
ALSO: Final = (
    "alarm",
    "balancing_active",
    "cell_count",
    "charging_enabled",
    "chemistry",
    "discharging_enabled",
    "firmware_version",
    "hardware_version",
    "manufacture_date",
    "model",
    "serial_number",
)


def encode_request(command: int, value: bytes = b"") -> bytes:
    """The bytes that ask over the radio. What may be sent is `Protocol.request`'s to say."""
    body = ASK + bytes([command, len(value)]) + value.ljust(_VALUE_SIZE, b"\x00")
    return body + bytes([sum8(body)])


def encode_bus_request(register: int, address: int) -> bytes:
    """The bytes that ask one board on RS485."""
    body = bytes([address, _BUS_FUNCTION]) + register.to_bytes(2, "big") + _BUS_REST
    return body + crc16_modbus(body).to_bytes(2, "little")


def encode_bus_acknowledgement(register: int, address: int) -> bytes:
    """What a board on RS485 sends after its 300 bytes."""
    body = bytes([address, _BUS_FUNCTION]) + register.to_bytes(2, "big") + _BUS_REST[:2]
    return body + crc16_modbus(body).to_bytes(2, "little")


def encode_answer(kind: int, data: bytes, *, counter: int = 0) -> bytes:
    """A frame of 300 bytes; `data` begins at byte 6 and is filled with nought.

    Raises:
        ValueError: more data than a frame holds.
    """
    if len(data) > SIZE - 7:
        raise ValueError(f"expected at most {SIZE - 7} bytes of data, got {len(data)}")
    body = (ANSWER + bytes([kind, counter & 0xFF]) + data).ljust(SIZE - 1, b"\x00")
    return body + bytes([sum8(body)])


def encode_cells(
    *,
    generation: Generation,
    cells: Sequence[Decimal],
    current: Decimal,
    state_of_charge: int,
    remaining: Decimal,
    learned: Decimal,
    cycles: int,
    throughput: Decimal,
    health: int,
    running_s: int,
    board: Decimal,
    temperatures: tuple[Decimal, Decimal],
    voltage: Decimal | None = None,
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    balancing: bool = False,
    alarms: Collection[str] = (),
    wires: Sequence[int] = (),
    entries: int = 0,
    chemistry: int = 0,
    counter: int = 0,
) -> bytes:
    """A frame of cell data of 24- or 32-cell firmware, for simulators and fixtures.

    Units as the quantities have them; `wires` are the lead resistances in milliohm, which nobody reads;
    `voltage` is the sum of the cells when left out; `entries` and `chemistry` only in 32-cell firmware.
    """
    frame = bytearray(SIZE)
    shift, middle = _SHIFT[generation], _MASK_SHIFT[generation]

    def put(integer: Integer, at: int, value: int) -> None:
        frame[at : at + integer.size] = integer.write(value)

    for number, cell in enumerate(cells):
        put(U16L, CELL.offset + 2 * number, CELL.raw(cell))
    put(U32L, _MASK + middle, (1 << len(cells)) - 1)
    fitted = [cell for cell in cells if cell]
    total = sum(cells, Decimal(0)) if voltage is None else voltage
    if fitted:
        put(U16L, MEAN.offset + middle, MEAN.raw(sum(fitted, Decimal(0)) / len(fitted)))
        put(U16L, MEAN.offset + middle + 2, CELL.raw(max(fitted) - min(fitted)))
    for number, wire in enumerate(wires):
        put(U16L, 64 + middle + 2 * number, wire)
    values = {
        "voltage": total,
        "current": current,
        "state_of_charge": Decimal(state_of_charge),
        "remaining_charge": remaining,
        _CAPACITY: learned,
        "cycle_count": Decimal(cycles),
        "charge_throughput": throughput,
        "bms_reported_health": Decimal(health),
        "operating_time": Decimal(running_s),
    }
    for field in FIELDS:
        put(field.integer, field.offset + shift, field.raw(values[field.quantity]))
    put(U32L, POWER.offset + shift, abs(POWER.raw(total * current)))
    for field, degrees in zip(TEMPERATURES, temperatures, strict=True):
        put(field.integer, field.offset + shift, field.raw(degrees))
    put(I16L, BOARD[generation].offset, BOARD[generation].raw(board))
    at, integer = _ALARM_AT[generation]
    put(integer, at, sum(1 << ALARMS.index(name) for name in set(alarms)))
    frame[_BALANCING + shift] = int(balancing)
    frame[_CHARGING + shift] = int(charging_enabled)
    frame[_DISCHARGING + shift] = int(discharging_enabled)
    if generation is Generation.CELLS_32:
        put(U16L, ENTRIES.offset, entries)
        frame[_CHEMISTRY] = chemistry
    return encode_answer(CELLS, bytes(frame[6 : SIZE - 1]), counter=counter)


def encode_settings(
    *,
    cell_count: int,
    nameplate: Decimal,
    charge_limit: Decimal,
    discharge_limit: Decimal,
    lowest_mv: int = 2600,
    highest_mv: int = 3650,
    counter: int = 0,
) -> bytes:
    """A frame of settings, for simulators and fixtures."""
    frame = bytearray(SIZE)
    for at, value in ((_LOWEST, lowest_mv), (14, lowest_mv + 100), (18, highest_mv), (22, highest_mv - 100)):
        frame[at : at + 4] = U32L.write(value)
    values = (charge_limit, discharge_limit, Decimal(cell_count), nameplate)
    for field, amount in zip(SETTING_FIELDS, values, strict=True):
        frame[field.offset : field.offset + 4] = field.write(amount)
    return encode_answer(SETTINGS, bytes(frame[6 : SIZE - 1]), counter=counter)


def encode_information(
    *,
    model: str,
    hardware: str,
    software: str,
    serial: str,
    made_on: date | None,
    power_on: int = 1,
    name: str = "",
    passcode: str = "",
    settings_passcode: str = "",
    counter: int = 0,
) -> bytes:
    """A frame of device information, for simulators and fixtures."""
    frame = bytearray(SIZE)

    def put(place: slice, text: str) -> None:
        frame[place] = text.encode("ascii")[: place.stop - place.start].ljust(
            place.stop - place.start, b"\x00"
        )

    put(_MODEL, model)
    put(_HARDWARE, hardware)
    put(_SOFTWARE, software)
    put(slice(46, 62), name)
    put(_SECRETS[0], passcode)
    put(_DATE, made_on.strftime("%y%m%d") if made_on else "")
    put(_SERIAL, serial)
    put(_SECRETS[2], settings_passcode)
    frame[POWER_ON.offset : POWER_ON.offset + 4] = U32L.write(power_on)
    return encode_answer(INFORMATION, bytes(frame[6 : SIZE - 1]), counter=counter)


def encode_log(entries: Sequence[tuple[int, int]], *, counter: int = 0) -> bytes:
    """A frame of the event log: running time in seconds and code of each entry, at most fifty."""
    data = U32L.write(len(entries)) + b"\x00"
    data += b"".join(U32L.write(seconds) + bytes([code]) for seconds, code in entries[:_LOG_MOST])
    return encode_answer(LOG, data, counter=counter)


class JkFramer(Framer):
    """Answers of 300 bytes, requests over the radio and on RS485, and the radio module's `AT`."""

    starts = bytes([ANSWER[0], ASK[0], AT[0], *range(1, MOST_ADDRESS + 1)])
    quiet = b"\x00"

    def _length(self, buffer: bytes) -> int | None:
        first = buffer[0]
        if first <= MOST_ADDRESS:
            return _bus_length(buffer)
        head, size = {ANSWER[0]: (ANSWER, SIZE), ASK[0]: (ASK, _ASK_SIZE), AT[0]: (AT, len(AT))}[first]
        return size if _begins(buffer, head) else None

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[0] <= MOST_ADDRESS:
            return _open_bus(raw, position)
        if raw == AT:
            return Frame(raw, position, command=_READY, payload=b"")
        expected, came = sum8(raw[:-1]), raw[-1]
        if expected != came:
            raise wrong_sum("checksum", expected, came, at=len(raw) - 1, digits=2)
        if raw[0] == ANSWER[0]:
            return Frame(raw, position, command=raw[4], payload=raw)
        is_request = raw[4] != _READY
        return Frame(raw, position, command=raw[4], payload=raw[6:-1], is_request=is_request)


def _begins(buffer: bytes, head: bytes) -> bool:
    """Whether the whole head is there.

    Raises:
        Damage: a byte of it is another one; so many bytes are judged as show that, whatever follows.
    """
    if buffer.startswith(head):
        return True
    for at, (came, expected) in enumerate(zip(buffer, head, strict=False)):
        if came != expected:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{expected:02x}",
                came=f"{came:02x}",
                where=f"byte {at} of the frame",
                judged_bytes=at + 1,
            )
    return False


def _bus_length(buffer: bytes) -> int | None:
    """Length of a request on RS485 or of its acknowledgement.

    Raises:
        Damage: neither can begin like this.
    """
    _begins(buffer, bytes((buffer[0], _BUS_FUNCTION, BUS_CELLS >> 8)))
    if len(buffer) < _BUS_ACK_SIZE:
        return None
    if crc16_modbus(buffer[:_BUS_HEAD]) == int.from_bytes(buffer[_BUS_HEAD:_BUS_ACK_SIZE], "little"):
        return _BUS_ACK_SIZE
    return _BUS_ASK_SIZE


def _open_bus(raw: bytes, position: int) -> Frame:
    expected, came = crc16_modbus(raw[:-2]), int.from_bytes(raw[-2:], "little")
    if expected != came:
        raise wrong_sum("checksum", expected, came, at=len(raw) - 2, digits=4)
    is_request = len(raw) == _BUS_ASK_SIZE
    register = int.from_bytes(raw[2:4], "big")
    command = register if is_request else _READY
    return Frame(raw, position, command, payload=raw[4:-2], is_request=is_request, address=raw[0])


class Jk(Protocol):
    """See the module."""

    name: ClassVar[str] = "jk"
    title: ClassVar[str] = "JK / Jikong (55 AA EB 90)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (115200, 9600)

    def framer(self) -> Framer:
        """A new framer."""
        return JkFramer()

    def decoder(self) -> Decoder:
        """Remembers what the device information and the settings said."""
        return _Session()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; only those on RS485 have an address, 1 when none is given."""
        command = self._row(name).command
        if command > 0xFF:
            return encode_bus_request(command, 1 if address is None else address)
        return encode_request(command)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Cell data: over the radio without an address, of a PB board on RS485 with one."""
        return [self.request("cells" if address is None else "bus_cells", address)]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Device information; and what `poll` does not bring."""
        if address is None:
            return [self.request("information"), self.request("log")]
        return [self.request("bus_information", address), self.request("bus_settings", address)]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Over the radio a board sends cell data unasked; on RS485 an answer fits what was asked."""
        if frame.command == _READY:
            return frame.address is None or frame.address == request.address
        if request.address is None:
            return True
        return _ENDS.get(request.command) == frame.command

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Whether this frame is the last of an answer; settings may come before cells, `AT` before all."""
        return _ENDS.get(request.command) == frame.command

    def redact(self, raw: bytes) -> bytes:
        """Device information without passcodes and owners' texts.

        The frame keeps its own checksum, which then no longer fits: a redacted frame cannot be taken for the
        one that came.
        """
        blank = bytearray(raw)
        begin = raw.find(ANSWER)
        while begin >= 0:
            if raw[begin + 4 : begin + 5] == bytes([INFORMATION]):
                _blank(blank, begin)
            begin = raw.find(ANSWER, begin + 1)
        return bytes(blank)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        return self._told(frame, request, None, None)

    def _told(
        self, frame: Frame, request: Frame | None, major: int | None, nameplate: Decimal | None
    ) -> list[Reading]:
        """Readings; `major` is the version of the software, `nameplate` the rated capacity, if known."""
        raw = frame.raw
        if frame.command == CELLS and len(raw) == SIZE:
            readings = _cells(raw, major, nameplate)
        elif frame.command == SETTINGS:
            readings = _settings(raw)
        elif frame.command == INFORMATION:
            readings = _information(raw)
        elif frame.command == LOG:
            readings = _log(raw)
        else:
            return []
        if request is not None and request.address is not None:
            return [altered(reading, component=f"module/{request.address}") for reading in readings]
        return readings


class _Session(Jk):
    """One connection: what was told earlier helps to read what comes later. By bus address."""

    def __init__(self) -> None:
        self._major: dict[int | None, int] = {}
        self._nameplate: dict[int | None, Decimal] = {}

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        who = request.address if request is not None else None
        if frame.command == INFORMATION:
            major = _major(frame.raw)
            if major is not None:
                self._major[who] = major
        elif frame.command == SETTINGS and _is_jk02(frame.raw):
            raw = _NAMEPLATE.integer.read(frame.raw, _NAMEPLATE.offset)
            assert raw is not None
            self._nameplate[who] = _NAMEPLATE.value(raw)
        return self._told(frame, request, self._major.get(who), self._nameplate.get(who))


def _blank(frame: bytearray, begin: int) -> None:
    """Zero the secrets of device information that begins here; a cut frame is blanked as far as it goes."""
    places = [(begin + place.start, begin + place.stop) for place in _SECRETS]
    field = bytes(frame[begin + _SERIAL.start : begin + _SERIAL.stop])
    serial = _serial(field, _major(bytes(frame[begin:])))
    places.append((begin + _SERIAL.start + len(serial), begin + _SERIAL.stop))
    for start, stop in places:
        frame[start:stop] = bytes(max(0, min(stop, len(frame)) - start))


def _major(raw: bytes) -> int | None:
    """The first number of the software version; None when there is none."""
    digits = raw[_SOFTWARE].lstrip(b"Vv ").split(b".")[0]
    return int(digits) if digits.isdigit() else None


def _generation_of(major: int) -> Generation:
    if major <= _LAST_JK04:
        return Generation.JK04
    return Generation.CELLS_24 if major <= _LAST_24 else Generation.CELLS_32


def _generation(raw: bytes, major: int | None) -> Generation | None:
    """How the frame is laid out; None when neither the frame nor the device information tells."""
    if _are_floats(raw):
        return Generation.JK04
    fits = {generation: _fit(raw, generation) for generation in (Generation.CELLS_24, Generation.CELLS_32)}
    narrow, wide = fits[Generation.CELLS_24], fits[Generation.CELLS_32]
    if max(narrow, wide) > 1 and narrow != wide:
        return Generation.CELLS_24 if narrow > wide else Generation.CELLS_32
    return _generation_of(major) if major is not None else None


def _are_floats(raw: bytes) -> bool:
    """Whether the cells are floating-point volts; the halves of such numbers are no millivolts."""
    cells = _FLOATS.unpack_from(raw, CELL.offset)
    some = [cell for cell in cells if cell]
    return bool(some) and all(0.1 < cell < _PLAUSIBLE for cell in some)


def _fit(raw: bytes, generation: Generation) -> int:
    """How well a frame fits a layout, 0 to 4: pack voltage, mean and mask against the cells."""
    cells = CELL.integer.read_all(raw, CELL.offset, _MOST[generation])
    fitted = [cell for cell in cells if cell]
    if not fitted:
        return 0
    total = sum(fitted)
    middle = _MASK_SHIFT[generation]
    voltage = U32L.read(raw, _VOLTAGE + _SHIFT[generation]) or 0
    mean = U16L.read(raw, MEAN.offset + middle) or 0
    mask = U32L.read(raw, _MASK + middle) or 0
    count = mask.bit_count()
    # 2 % and a volt: the board measures the pack by itself, and a cell may have lost its wire.
    points = 2 * int(bool(voltage) and abs(total - voltage) <= voltage // 50 + 1000)
    points += int(abs(total // len(fitted) - mean) <= mean // 20 + 5)
    return points + int(len(fitted) <= count == mask.bit_length() <= len(cells))


def _cells(raw: bytes, major: int | None, nameplate: Decimal | None) -> list[Reading]:
    generation = _generation(raw, major)
    if generation is None:
        # No cell shows a voltage and nobody said which firmware this is: nothing here can be placed.
        absent = ReadingAbsence.NOT_READ
        return [Reading(field.quantity, None, absence=absent) for field in FIELDS]
    if generation is Generation.JK04:
        return _float_cells(raw)
    shift, middle = _SHIFT[generation], _MASK_SHIFT[generation]
    cells = CELL.read_all(raw, _MOST[generation])
    mask = U32L.read(raw, _MASK + middle) or 0
    readings = [
        cell if cell.value else altered(cell, doubts=("not_fitted",))
        for number, cell in enumerate(cells)
        if cell.value or mask >> number & 1
    ]
    if mask:
        readings.append(Reading("cell_count", Decimal(mask.bit_count())))
    for field in FIELDS:
        reading = field.read(raw, base=shift)
        assert reading is not None  # the frame has 300 bytes
        if field.quantity == _CAPACITY and reading.value == nameplate:
            reading = altered(reading, doubts=("repeats_nominal",))
        readings.append(reading)
    readings.append(_power(raw, shift))
    readings += _temperatures(raw, generation)
    readings.append(Reading("balancing_active", bool(raw[_BALANCING + shift])))
    readings.append(Reading("charging_enabled", bool(raw[_CHARGING + shift])))
    readings.append(Reading("discharging_enabled", bool(raw[_DISCHARGING + shift])))
    at, integer = _ALARM_AT[generation]
    bits = integer.read(raw, at) or 0
    readings += [
        Reading("alarm", ALARMS[bit] if bit < len(ALARMS) else f"unnamed_bit_{bit}")
        for bit in range(bits.bit_length())
        if bits >> bit & 1
    ]
    if generation is Generation.CELLS_32:
        readings += _extras(raw, sure=major is not None and major >= _EXTRAS_FROM)
    return readings


def _power(raw: bytes, shift: int) -> Reading:
    """The board sends an amount without direction; the current has one."""
    amount, current = U32L.read(raw, POWER.offset + shift), I32L.read(raw, _CURRENT.offset + shift)
    assert amount is not None
    assert current is not None
    return POWER.reading(-amount if current < 0 else amount)


def _temperatures(raw: bytes, generation: Generation) -> list[Reading]:
    """Sensors 3 and 4 have a place from some firmware on; older ones leave it all nought."""
    wanted = [
        (BOARD[generation], 0),
        *((field, _SHIFT[generation]) for field in TEMPERATURES),
    ]
    if generation is Generation.CELLS_32 and any(raw[_MORE]):
        wanted += [(field, 0) for field in MORE_TEMPERATURES]
    return [reading for field, shift in wanted if (reading := field.read(raw, base=shift)) is not None]


def _extras(raw: bytes, *, sure: bool) -> list[Reading]:
    """Size of the log and chemistry; nought says something only where the firmware is known to fill them."""
    readings = []
    entries = ENTRIES.read(raw)
    assert entries is not None
    if entries.value or sure:
        readings.append(entries)
    code = raw[_CHEMISTRY]
    if (code or sure) and code < len(CHEMISTRIES):
        readings.append(Reading("chemistry", CHEMISTRIES[code], origin=Origin.CONFIGURED))
    return readings


def _float_cells(raw: bytes) -> list[Reading]:
    cells = _FLOATS.unpack_from(raw, CELL.offset)
    mask = U32L.read(raw, _FLOAT_MASK) or 0
    readings = []
    for number, cell in enumerate(cells):
        if cell:
            readings.append(Reading("cell_voltage", _milli(cell), index=number + 1))
        elif mask >> number & 1:
            doubts = ("not_fitted",)
            readings.append(Reading("cell_voltage", Decimal(0), index=number + 1, doubts=doubts))
    if mask:
        readings.append(Reading("cell_count", Decimal(mask.bit_count())))
    (mean,) = struct.unpack_from("<f", raw, _FLOAT_MEAN)
    if math.isfinite(mean) and 0 < mean < _PLAUSIBLE:
        readings.append(Reading("cell_voltage_mean", _milli(mean)))
    time = FLOAT_TIME.read(raw)
    assert time is not None
    return [*readings, time, Reading("balancing_active", bool(raw[_FLOAT_BALANCING]))]


def _milli(volts: float) -> Decimal:
    return Decimal(volts).quantize(_MILLI)


def _is_jk02(raw: bytes) -> bool:
    """Whether settings are laid out as integers: JK04 has nought where the lowest cell voltage stands."""
    return bool(U32L.read(raw, _LOWEST))


def _settings(raw: bytes) -> list[Reading]:
    if _is_jk02(raw):
        return [reading for field in SETTING_FIELDS if (reading := field.read(raw)) is not None]
    count = JK04_COUNT.read(raw)
    assert count is not None
    return [count] if count.value else []


def _information(raw: bytes) -> list[Reading]:
    power_on = POWER_ON.read(raw)
    assert power_on is not None
    return [
        _text("model", _until_nought(raw[_MODEL])),
        _text("hardware_version", _until_nought(raw[_HARDWARE])),
        _text("firmware_version", _until_nought(raw[_SOFTWARE])),
        _text("serial_number", _serial(raw[_SERIAL], _major(raw))),
        _manufacture_date(_until_nought(raw[_DATE])),
        power_on,
    ]


def _serial(field: bytes, major: int | None) -> bytes:
    """The serial number. Older firmware has a passcode behind its eleven characters."""
    wide = major is not None and major >= _WIDE_SERIAL_FROM
    return _until_nought(field[: len(field) if wide else _NARROW]).split(b" ")[0]


def _until_nought(data: bytes) -> bytes:
    return data.split(b"\x00")[0]


def _manufacture_date(text: bytes) -> Reading:
    """Six digits, year month day."""
    digits = text.strip()
    if not digits.strip(b"0"):
        return Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)
    shown = digits.decode("ascii", "replace")
    if len(digits) != len("YYMMDD") or not digits.isdigit():
        return replace(_text("manufacture_date", digits), doubts=("no_such_day",))
    written = f"20{shown[:2]}-{shown[2:4]}-{shown[4:]}"
    try:
        date.fromisoformat(written)
    except ValueError:
        return Reading("manufacture_date", written, doubts=("no_such_day",))
    return Reading("manufacture_date", written)


def _log(raw: bytes) -> list[Reading]:
    """How many entries there are, and how often each kind of event stands among the last fifty."""
    total = U32L.read(raw, _LOG_COUNT) or 0
    counts: dict[str, int] = {}
    for number in range(min(total, _LOG_MOST)):
        code = raw[_LOG_FIRST + _LOG_STEP * number + 4]
        name = _event(code)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    readings = [Reading("event_count", Decimal(total), kind="log_entries")]
    return readings + [
        Reading(
            "event_count", Decimal(count), kind=name, origin=Origin.DERIVED, doubts=("last_entries_only",)
        )
        for name, count in sorted(counts.items())
    ]


def _event(code: int) -> str | None:
    """What an entry tells of the battery; None for switches, settings and ends of a condition."""
    if code in _CELL_OVER:
        return "cell_over_voltage"
    return "cell_under_voltage" if code in _CELL_UNDER else EVENTS.get(code)


def _text(quantity: str, data: bytes) -> Reading:
    text = data.strip().decode("ascii", "replace")
    if not text:
        return Reading(quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
    clean = "".join(char if char.isprintable() else "�" for char in text)
    return Reading(quantity, clean, doubts=("unreadable_text",) if "�" in clean else ())


PROTOCOL: Final = Jk()
