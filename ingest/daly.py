"""What the three protocols of Daly share: names of conditions, and blocks of registers on a Modbus-like line.

    request   unit 03 start count CRC-16      answer   unit' 03 length data CRC-16 (low byte first)

An answer does not say where it was read. Who asked knows; who listens tells by the length, because each block
has its own. Nothing here can write.

Source: layouts as restated in docs/protocols/daly-a5.md, daly-d2.md and daly-p81.md.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from ingest.frames import crc16_modbus
from ingest.protocol import Damage, Fault, Field, Frame, Framer, legible, wrong_sum
from schemas.reading import Reading, altered, told
from schemas.terms import ReadingAbsence

READ: Final = 0x03
_REQUEST_SIZE: Final = 8
_ENVELOPE: Final = 5
# An answer has at least one register, so its length byte is no high byte of a start below 0x0200.
_HIGH_STARTS: Final = (0x00, 0x01)
ZERO_CURRENT: Final = 30000
ZERO_DEGREES: Final = 40
_NOTHING: Final = 0xFFFF

# Two levels of each, from bit 0 of a byte: warning, then alarm.
_VOLTAGES: Final = ("cell_over_voltage", "cell_under_voltage", "pack_over_voltage", "pack_under_voltage")
_TEMPERATURES: Final = (
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_temperature",
    "discharge_under_temperature",
)
_CURRENTS: Final = ("charge_over_current", "discharge_over_current", "state_of_charge_high", "low_charge")
_SPREADS: Final = ("cell_voltage_difference", "temperature_difference")
# One level each.
_SWITCHES: Final = (
    "charge_mosfet_over_temperature",
    "discharge_mosfet_over_temperature",
    "charge_mosfet_sensor_fault",
    "discharge_mosfet_sensor_fault",
    "charge_mosfet_stuck",
    "discharge_mosfet_stuck",
    "charge_mosfet_open",
    "discharge_mosfet_open",
)
_BOARD: Final = (
    "front_end_error",
    "cell_wire_lost",
    "temperature_sensor_fault",
    "memory_fault",
    "clock_fault",
    "precharge_fault",
    "vehicle_communication_lost",
    "internal_communication_lost",
)


def _two_levels(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((level, name) for name in names for level in ("warning", "alarm"))


# Byte by byte, as 0x98 of the A5 protocol sends them: quantity and name of each bit, bit 0 first.
BYTES: Final = (
    _two_levels(_VOLTAGES),
    _two_levels(_TEMPERATURES),
    _two_levels(_CURRENTS),
    _two_levels(_SPREADS),
    tuple(("alarm", name) for name in _SWITCHES),
    tuple(("alarm", name) for name in _BOARD),
)
CONDITION_NAMES: Final = frozenset(name for byte in BYTES for _, name in byte)


def conditions(data: bytes) -> list[Reading]:
    """Readings of every set bit; what has no public name is told by its byte and bit."""
    readings = []
    for number, byte in enumerate(data):
        if not byte:
            continue
        names = BYTES[number] if number < len(BYTES) else ()
        for bit in range(8):
            if byte >> bit & 1:
                quantity, name = (
                    names[bit] if bit < len(names) else ("alarm", f"unnamed_bit_{8 * number + bit}")
                )
                readings.append(told(quantity, name))
    return readings


def encode_conditions(names: Iterable[tuple[str, str]]) -> bytes:
    """Eight bytes with the bits of these quantities and names set, for simulators and fixtures."""
    wanted = set(names)
    told = bytearray(8)
    for number, byte in enumerate(BYTES):
        told[number] = sum(1 << bit for bit, one in enumerate(byte) if one in wanted)
    return bytes(told)


def encode_request(unit: int, start: int, count: int) -> bytes:
    """The bytes that ask for registers."""
    body = bytes([unit, READ]) + start.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + crc16_modbus(body).to_bytes(2, "little")


def encode_answer(unit: int, data: bytes) -> bytes:
    """The bytes of an answer."""
    body = bytes([unit, READ, len(data)]) + data
    return body + crc16_modbus(body).to_bytes(2, "little")


class BlockFramer(Framer):
    """Requests and answers of one family, told apart by their first or third byte."""

    unit: ClassVar[int]
    answering_unit: ClassVar[int]

    def _length(self, buffer: bytes) -> int | None:
        if len(buffer) > 1 and buffer[1] != READ:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{READ:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=2,
            )
        if len(buffer) < 3:
            return None
        if self._asks(buffer):
            return _REQUEST_SIZE
        if not buffer[2] or buffer[2] % 2:
            raise Damage(
                Fault.LENGTH,
                expected="two bytes for each register",
                came=str(buffer[2]),
                where="byte 2 of the frame",
                judged_bytes=3,
            )
        return _ENVELOPE + buffer[2]

    def _asks(self, buffer: bytes) -> bool:
        if self.unit != self.answering_unit:
            return buffer[0] == self.unit
        return buffer[2] in _HIGH_STARTS

    def _open(self, raw: bytes, position: int) -> Frame:
        expected, came = crc16_modbus(raw[:-2]), int.from_bytes(raw[-2:], "little")
        if expected != came:
            raise wrong_sum("checksum", expected, came, at=len(raw) - 2, digits=4)
        if self._asks(raw):
            start = int.from_bytes(raw[2:4], "big")
            return Frame(raw, position, command=start, payload=raw[4:6], is_request=True)
        return Frame(raw, position, command=READ, payload=raw[3:-2])


def fits(frame: Frame, request: Frame) -> bool:
    """Whether an answer has as many registers as were asked for."""
    return len(frame.payload) == 2 * int.from_bytes(request.payload, "big")


def start_of(frame: Frame, request: Frame | None, starts: Mapping[int, int]) -> int | None:
    """Where an answer was read; without its request by its length; None when no block has that length."""
    return request.command if request is not None else starts.get(len(frame.payload))


class Block:
    """Registers from a place on, as far as they came."""

    def __init__(self, start: int, data: bytes) -> None:
        self.start = start
        self.data = data
        self.words = struct.unpack_from(f">{len(data) // 2}H", data)

    def number(self, register: int) -> int | None:
        """The register; None when it did not come, or holds the filling of an unfitted device."""
        at = register - self.start
        if not 0 <= at < len(self.words):
            return None
        value = self.words[at]
        return None if value == _NOTHING else value

    def bytes_of(self, register: int, count: int) -> bytes:
        """Registers as bytes; shorter when they did not all come."""
        at = 2 * (register - self.start)
        return self.data[at : at + 2 * count] if at >= 0 else b""

    def read(self, fields: Iterable[Field]) -> list[Reading]:
        """Readings of the fields that came; a field's offset is its register."""
        return [field.reading(raw) for field in fields if (raw := self.number(field.offset)) is not None]

    def series(self, field: Field, count_in: int, *, most: int) -> list[Reading]:
        """Positions from the field's register on, as many as another register says, at most so many."""
        count = self.number(count_in)
        if count is None:
            return []
        begin = field.offset - self.start
        end = min(begin + min(count, most), len(self.words))
        raws = self.words[max(begin, 0) : max(end, 0)]
        readings = field.series(raws, first=1 + max(-begin, 0))
        if _NOTHING in raws:
            readings = [one for one, raw in zip(readings, raws, strict=True) if raw != _NOTHING]
        return readings

    def cells(self, field: Field, count_in: int, *, most: int) -> list[Reading]:
        """Cell voltages likewise; at nought with a doubt."""
        readings = self.series(field, count_in, most=most)
        return readings if all(one.value for one in readings) else [or_unfitted(one) for one in readings]

    def flag(self, quantity: str, register: int) -> list[Reading]:
        """Whether the register is not nought; nothing when it did not come."""
        raw = self.number(register)
        return [] if raw is None else [told(quantity, bool(raw))]


def or_unfitted(cell: Reading) -> Reading:
    """The cell; at nought with a doubt."""
    return cell if cell.value else altered(cell, doubts=("not_fitted",))


def signed_power(power: Field, raw: int, current: int) -> Reading:
    """The amount that the board sends, with the direction of the raw current."""
    return power.reading(raw if current >= ZERO_CURRENT else -raw)


def text(quantity: str, data: bytes) -> Reading:
    """A text up to its first nought; absent when nobody wrote it."""
    words = data.split(b"\x00")[0].strip().decode("ascii", "replace")
    if not words:
        return Reading(quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
    return legible(quantity, words)


def registers_of(values: Mapping[int, int], start: int, count: int) -> bytes:
    """Registers as they are sent; what is not given is nought. For simulators and fixtures."""
    return b"".join(values.get(register, 0).to_bytes(2, "big") for register in range(start, start + count))
