"""Daly, register protocol 81 of home storage (DL series): up to 48 cells; answers begin with 51.

    request   81 03 start count CRC      answer   51 03 length data CRC

Big-endian registers, in other places than the D2 protocol has them. Cells and totals come in one block,
counters and switches in a second one, texts at 0178. Alarm registers differ between firmwares and are not
read.

Source: layout as restated in docs/protocols/daly-p81.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.daly import (
    ZERO_CURRENT,
    ZERO_DEGREES,
    Block,
    BlockFramer,
    encode_request,
    fits,
    start_of,
    text,
)
from ingest.protocol import U16, Certainty, Field, Frame, Framer, Protocol, Request
from schemas.reading import Reading
from schemas.terms import Origin, ReadingAbsence, Unit

UNIT: Final = 0x81
ANSWERING: Final = 0x51
CELLS: Final = 0x0000
CELLS_COUNT: Final = 64
STATUS: Final = 0x0041
STATUS_COUNT: Final = 62
SETTINGS: Final = 0x0100
SETTINGS_COUNT: Final = 81
INFORMATION: Final = 0x0178
INFORMATION_COUNT: Final = 74

REQUESTS: Final = (
    Request("cells", CELLS, "cells, temperatures, voltage, current, charge"),
    Request("status", STATUS, "remaining charge, cycles, switches, temperature of the MOSFETs"),
    Request("settings", SETTINGS, "capacity and chemistry as entered"),
    Request("information", INFORMATION, "versions and serial number"),
)
_COUNTS: Final[Mapping[int, int]] = {
    CELLS: CELLS_COUNT,
    STATUS: STATUS_COUNT,
    SETTINGS: SETTINGS_COUNT,
    INFORMATION: INFORMATION_COUNT,
}
# Some boards answer 65 registers of cells only.
_STARTS: Final[Mapping[int, int]] = {
    **{2 * count: start for start, count in _COUNTS.items()},
    2 * (CELLS_COUNT + 1): CELLS,
}

MOST_CELLS: Final = 48
_MOST_SENSORS: Final = 8
# Offsets are registers.
CELL: Final = Field("cell_voltage", 0x00, U16, -3, Unit.VOLT)
TEMPERATURE: Final = Field("cell_temperature", 0x30, U16, 0, Unit.CELSIUS, zero=ZERO_DEGREES)
FIELDS: Final = (
    Field("voltage", 0x38, U16, -1, Unit.VOLT),
    Field("current", 0x39, U16, -1, Unit.AMPERE, zero=ZERO_CURRENT),
    Field("state_of_charge", 0x3A, U16, -1, Unit.PERCENT),
    Field("cell_count", 0x3C, U16, 0, Unit.ONE),
    Field("remaining_charge", 0x4B, U16, -1, Unit.AMPERE_HOUR),
    Field("cycle_count", 0x4C, U16, 0, Unit.ONE),
    Field("board_temperature", 0x5A, U16, 0, Unit.CELSIUS, zero=ZERO_DEGREES),
    Field("nameplate_capacity", 0x100, U16, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
_CELLS: Final = 0x3C
_SENSORS: Final = 0x3D
_BALANCING: Final = 0x4D
_CHARGING: Final = 0x52
_DISCHARGING: Final = 0x53
_CHEMISTRY: Final = 0x109
CHEMISTRIES: Final = ("LFP", "ternary", "LTO")

# Texts, in bytes of the block at 0178.
_SOFTWARE: Final = slice(0, 28)
_HARDWARE: Final = slice(28, 42)
_SERIAL: Final = slice(42, 66)

# Quantities decoded by hand.
ALSO: Final = (
    "balancing_active",
    "charging_enabled",
    "chemistry",
    "discharging_enabled",
    "firmware_version",
    "hardware_version",
    "serial_number",
)


class DalyP81Framer(BlockFramer):
    """Requests 81 03 and answers 51 03."""

    starts = bytes([UNIT, ANSWERING])
    unit = UNIT
    answering_unit = ANSWERING


class DalyP81(Protocol):
    """See the module."""

    name: ClassVar[str] = "daly-p81"
    title: ClassVar[str] = "Daly home storage (81 03 / 51 03)"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS

    def framer(self) -> Framer:
        """A new framer."""
        return DalyP81Framer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        start = self._row(name).command
        return encode_request(UNIT, start, _COUNTS[start])

    def poll(self, address: int | None = None) -> list[bytes]:
        """Cells and status."""
        return [self.request(name, address) for name in ("cells", "status")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Settings and texts."""
        return [self.request(name, address) for name in ("settings", "information")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """An answer has as many registers as were asked for; it does not say which."""
        return fits(frame, request)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        start = start_of(frame, request, _STARTS)
        if start is None:
            return []
        if start == INFORMATION:
            return _information(frame.payload)
        block = Block(start, frame.payload)
        readings = block.cells(CELL, _CELLS, most=MOST_CELLS)
        readings += block.read(FIELDS)
        readings += block.series(TEMPERATURE, _SENSORS, most=_MOST_SENSORS)
        readings += block.flag("balancing_active", _BALANCING)
        readings += block.flag("charging_enabled", _CHARGING)
        readings += block.flag("discharging_enabled", _DISCHARGING)
        code = block.number(_CHEMISTRY)
        if code is not None and code < len(CHEMISTRIES):
            readings.append(Reading("chemistry", CHEMISTRIES[code], origin=Origin.CONFIGURED))
        return readings


def _information(data: bytes) -> list[Reading]:
    if len(data) < _SERIAL.stop:
        names = ("firmware_version", "hardware_version", "serial_number")
        return [Reading(name, None, absence=ReadingAbsence.NOT_READ) for name in names]
    return [
        text("firmware_version", data[_SOFTWARE]),
        text("hardware_version", data[_HARDWARE]),
        text("serial_number", data[_SERIAL]),
    ]


PROTOCOL: Final = DalyP81()
