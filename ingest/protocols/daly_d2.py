"""Daly, register protocol D2 of the H, K, M and S series: Bluetooth and wires, up to 32 cells.

    request   D2 03 start count CRC      answer   D2 03 length data CRC

Big-endian registers. Status begins at register 0 and is as long as was asked: 62 and 80 registers are usual.
Settings (80) and versions (A9) are read once. The password's registers are never asked for, and what they
answer to someone else is blanked.

Source: layout as restated in docs/protocols/daly-d2.md, proven on recordings.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from ingest.daly import (
    READ,
    ZERO_CURRENT,
    ZERO_DEGREES,
    Block,
    BlockFramer,
    conditions,
    encode_answer,
    encode_conditions,
    encode_request,
    fits,
    registers_of,
    signed_power,
    start_of,
    text,
)
from ingest.protocol import U16, Certainty, Field, Frame, Framer, Protocol, Request
from schemas.reading import Reading, told
from schemas.terms import Origin, Unit

UNIT: Final = 0xD2
STATUS: Final = 0x0000
STATUS_COUNT: Final = 62
MORE: Final = 0x003E
MORE_COUNT: Final = 9
SETTINGS: Final = 0x0080
SETTINGS_COUNT: Final = 41
VERSIONS: Final = 0x00A9
VERSIONS_COUNT: Final = 32

REQUESTS: Final = (
    Request("status", STATUS, "cells, temperatures, voltage, current, charge, cycles, switches, alarms"),
    Request("more", MORE, "temperature of the MOSFETs"),
    Request("settings", SETTINGS, "capacity and chemistry as entered"),
    Request("versions", VERSIONS, "versions of software and hardware"),
)
_COUNTS: Final[Mapping[int, int]] = {
    STATUS: STATUS_COUNT,
    MORE: MORE_COUNT,
    SETTINGS: SETTINGS_COUNT,
    VERSIONS: VERSIONS_COUNT,
}
# Blocks told by their length in bytes; every longer answer is status.
_STARTS: Final[Mapping[int, int]] = {
    **dict.fromkeys(range(2 * STATUS_COUNT, 252, 2), STATUS),
    **{2 * count: start for start, count in _COUNTS.items()},
}
_PASSWORD_SIZE: Final = 6

MOST_CELLS: Final = 32
_MOST_SENSORS: Final = 8
# Offsets are registers.
CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
TEMPERATURE: Final = Field("cell_temperature", 32, U16, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
FIELDS: Final = (
    Field("voltage", 40, U16, -1, Unit.VOLT),
    Field("current", 41, U16, -1, Unit.AMPERE, zero=ZERO_CURRENT),
    Field("state_of_charge", 42, U16, -1, Unit.PERCENT),
    Field("remaining_charge", 48, U16, -1, Unit.AMPERE_HOUR),
    Field("cell_count", 49, U16, 0, Unit.ONE),
    Field("cycle_count", 51, U16, 0, Unit.ONE),
)
POWER: Final = Field("power", 57, U16, 0, Unit.WATT, origin=Origin.DERIVED)
BOARD: Final = Field("board_temperature", 66, U16, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
_CURRENT: Final = 41
_CELLS: Final = 49
_SENSORS: Final = 50
_BALANCING: Final = 52
_CHARGING: Final = 53
_DISCHARGING: Final = 54
_ALARMS: Final = 58

SETTING_FIELDS: Final = (
    Field("nameplate_capacity", SETTINGS, U16, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
_CHEMISTRY: Final = 0x89
CHEMISTRIES: Final = ("LFP", "ternary", "LTO")

# Quantities decoded by hand.
ALSO: Final = (
    "alarm",
    "balancing_active",
    "charging_enabled",
    "chemistry",
    "discharging_enabled",
    "firmware_version",
    "hardware_version",
    "warning",
)


def encode_status(
    *,
    cells: Sequence[Decimal],
    temperatures: Sequence[Decimal],
    voltage: Decimal,
    current: Decimal,
    state_of_charge: Decimal,
    remaining: Decimal,
    cycles: int,
    board: Decimal | None = None,
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    balancing: bool = False,
    state: int = 0,
    active: Collection[tuple[str, str]] = (),
) -> dict[int, int]:
    """Registers of status, for simulators and fixtures; `active` are quantity and name of conditions."""
    values = {number: CELL.raw(cell) for number, cell in enumerate(cells)}
    values |= {TEMPERATURE.offset + n: TEMPERATURE.raw(degrees) for n, degrees in enumerate(temperatures)}
    numbers = (voltage, current, state_of_charge, remaining, Decimal(len(cells)), Decimal(cycles))
    values |= {field.offset: field.raw(number) for field, number in zip(FIELDS, numbers, strict=True)}
    values |= {
        43: CELL.raw(max(cells)),
        44: CELL.raw(min(cells)),
        47: state,
        _SENSORS: len(temperatures),
        _BALANCING: int(balancing),
        _CHARGING: int(charging_enabled),
        _DISCHARGING: int(discharging_enabled),
        56: CELL.raw(max(cells) - min(cells)),
        POWER.offset: int(abs(voltage * current)),
    }
    told = encode_conditions(active)
    # Registers from the highest byte on: temperatures, voltages; spreads, currents; board, switches.
    for number in range(3):
        values[_ALARMS + number] = told[2 * number + 1] << 8 | told[2 * number]
    if board is not None:
        values[BOARD.offset] = BOARD.raw(board)
    return values


def encode_versions(software: str, hardware: str) -> bytes:
    """An answer with the versions."""
    texts = (software.encode("ascii")[:32], hardware.encode("ascii")[:32])
    return encode_answer(UNIT, b"".join(text.ljust(32, b"\x00") for text in texts))


def encode_settings(nameplate: Decimal, chemistry: int = 0) -> dict[int, int]:
    """Registers of the settings that are read."""
    return {SETTINGS: SETTING_FIELDS[0].raw(nameplate), _CHEMISTRY: chemistry}


def encode_reply(start: int, count: int, values: Mapping[int, int]) -> bytes:
    """An answer with these registers; what is not given is nought."""
    return encode_answer(UNIT, registers_of(values, start, count))


class DalyD2Framer(BlockFramer):
    """Frames D2 03."""

    starts = bytes([UNIT])
    unit = answering_unit = UNIT


class DalyD2(Protocol):
    """See the module."""

    name: ClassVar[str] = "daly-d2"
    title: ClassVar[str] = "Daly register protocol (D2 03)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS

    def framer(self) -> Framer:
        """A new framer."""
        return DalyD2Framer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        start = self._row(name).command
        return encode_request(UNIT, start, _COUNTS[start])

    def poll(self, address: int | None = None) -> list[bytes]:
        """Status, and the registers behind it."""
        return [self.request(name, address) for name in ("status", "more")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Settings and versions."""
        return [self.request(name, address) for name in ("settings", "versions")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """An answer has as many registers as were asked for; it does not say which."""
        return fits(frame, request)

    def redact(self, raw: bytes) -> bytes:
        """An answer of three registers may be the password: blanked, with its own checksum left as it was."""
        if raw[:3] != bytes((UNIT, READ, _PASSWORD_SIZE)):
            return raw
        return raw[:3] + bytes(min(_PASSWORD_SIZE, len(raw) - 3)) + raw[3 + _PASSWORD_SIZE :]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        start = start_of(frame, request, _STARTS)
        if start is None:
            return []
        if start == VERSIONS:
            return _versions(frame.payload)
        block = Block(start, frame.payload)
        readings = block.cells(CELL, _CELLS, most=MOST_CELLS)
        readings += block.read(FIELDS)
        readings += _power(block)
        readings += block.series(TEMPERATURE, _SENSORS, most=_MOST_SENSORS)
        if block.number(BOARD.offset):
            readings += block.read([BOARD])
        readings += block.flag("balancing_active", _BALANCING)
        readings += block.flag("charging_enabled", _CHARGING)
        readings += block.flag("discharging_enabled", _DISCHARGING)
        readings += _conditions(block)
        readings += block.read(SETTING_FIELDS)
        return readings + _chemistry(block)


def _power(block: Block) -> list[Reading]:
    power, current = block.number(POWER.offset), block.number(_CURRENT)
    if power is None or current is None:
        return []
    return [signed_power(POWER, power, current)]


def _conditions(block: Block) -> list[Reading]:
    """Four registers, the low byte of each first."""
    data = block.bytes_of(_ALARMS, 4)
    if len(data) < 8:
        return []
    return conditions(b"".join(data[at : at + 2][::-1] for at in range(0, 8, 2)))


def _chemistry(block: Block) -> list[Reading]:
    code = block.number(_CHEMISTRY)
    if code is None or code >= len(CHEMISTRIES):
        return []
    return [told("chemistry", CHEMISTRIES[code], origin=Origin.CONFIGURED)]


def _versions(data: bytes) -> list[Reading]:
    """Two texts of 32 bytes; on some boards of 16."""
    size = 16 if 0 in data[:16] and data[16:32].strip(b"\x00 ") else 32
    return [text("firmware_version", data[:size]), text("hardware_version", data[size : 2 * size])]


PROTOCOL: Final = DalyD2()
