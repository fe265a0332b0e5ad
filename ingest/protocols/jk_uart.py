"""JK (Jikong) on the wires of older boards, UART and RS485: frames 4E 57 with a list of tagged values.

    4E 57 length terminal(4) command source kind  data  record(4) 68 checksum(4)

Big-endian; the length counts everything behind the head. The checksum is the sum of all bytes before it,
of which the low 16 bits count. Data are tags, each followed by a value of known size. One request is spoken,
"read all" (06); writes (02) never are.

A recording may hold the data alone, without the frame. It is read when a stream begins with it and it is
whole from the first tag to the last, and every reading of it carries the doubt `no_checksum`.

Source: layout as restated in docs/protocols/jk-uart.md, proven on the data of one device.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import ClassVar, Final

from ingest.protocol import (
    U8,
    U16,
    U32,
    Certainty,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Protocol,
    Request,
    cell_voltages,
    legible,
)
from schemas.reading import Reading, ReadingForm, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

HEAD: Final = b"NW"
END: Final = 0x68
READ_ALL: Final = 0x06
_ASKS: Final = 0x00  # kind of a frame; 1 answers, 2 reports unasked
_ANSWERS: Final = 0x01
_HEAD_SIZE: Final = 11
_TAIL_SIZE: Final = 9
_CHECKSUM_SIZE: Final = 4
_LONGEST: Final = 1024

REQUESTS: Final = (
    Request("all", READ_ALL, "cells, temperatures, charge, counters, alarms, settings, texts"),
)

# Behind the number of the cell, one byte.
CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
_CELLS: Final = 0x79
_CELL_SIZE: Final = 3
_LAST_TAG: Final = 0xC0

# Numbers with one meaning, by tag.
FIELDS: Final[Mapping[int, Field]] = {
    0x83: Field("voltage", 0, U16, -2, Unit.VOLT),
    0x85: Field("state_of_charge", 0, U8, 0, Unit.PERCENT),
    0x87: Field("cycle_count", 0, U16, 0, Unit.ONE),
    0x89: Field("charge_throughput", 0, U32, 0, Unit.AMPERE_HOUR),
    0x8A: Field("cell_count", 0, U16, 0, Unit.ONE),
    0xAA: Field("nameplate_capacity", 0, U32, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
}
CURRENT: Final = Field("current", 0, U16, -2, Unit.AMPERE)
_CURRENT: Final = 0x84
_CHARGES: Final = 0x8000
_ZERO_CURRENT: Final = 10000
TEMPERATURES: Final[Mapping[int, Field]] = {
    0x80: Field("board_temperature", 0, U16, 0, Unit.CELSIUS),
    0x81: Field("cell_temperature", 0, U16, 0, Unit.CELSIUS, index=1),
    0x82: Field("cell_temperature", 0, U16, 0, Unit.CELSIUS, index=2),
}
_FREEZING: Final = 100
_COLDEST: Final = 140
_REMAINING: Final = ReadingForm("remaining_charge", origin=Origin.DERIVED)
OPERATING: Final = Field("operating_time", 0, U32, 0, Unit.SECOND)
_MINUTES: Final = 0xB6
LEARNED: Final = Field("full_charge_capacity", 0, U32, 0, Unit.AMPERE_HOUR)
_LEARNED: Final = 0xB9
_ALARMS: Final = 0x8B
_SWITCHES: Final = 0x8C
_CHEMISTRY: Final = 0xAF
CHEMISTRIES: Final = ("LFP", "ternary", "LTO")
_PASSWORD: Final = 0xB2
_PASSWORD_SIZE: Final = 10
_DATE: Final = 0xB5
_SOFTWARE: Final = 0xB7
_MAKER: Final = 0xBA
_UNWRITTEN: Final = b"Input"

# Sizes of values; a tag that is not here ends what can be read.
SIZES: Final[Mapping[int, int]] = {
    **dict.fromkeys((0x80, 0x81, 0x82, 0x83, 0x84), 2),
    **dict.fromkeys((0x85, 0x86), 1),
    **dict.fromkeys((0x87, 0x8A, 0x8B, 0x8C), 2),
    0x89: 4,
    **dict.fromkeys(range(0x8E, 0x9D), 2),
    0x9D: 1,
    **dict.fromkeys(range(0x9E, 0xA9), 2),
    0xA9: 1,
    0xAA: 4,
    0xAB: 1,
    0xAC: 1,
    0xAD: 2,
    0xAE: 1,
    _CHEMISTRY: 1,
    0xB0: 2,
    0xB1: 1,
    _PASSWORD: _PASSWORD_SIZE,
    0xB3: 1,
    0xB4: 8,
    _DATE: 4,
    _MINUTES: 4,
    _SOFTWARE: 15,
    0xB8: 1,
    _LEARNED: 4,
    _MAKER: 24,
    _LAST_TAG: 1,
}

# Bits of tag 8B, bit 0 first.
ALARMS: Final = (
    "low_charge",
    "mosfet_over_temperature",
    "pack_over_voltage",
    "pack_under_voltage",
    "over_temperature",
    "charge_over_current",
    "discharge_over_current",
    "cell_voltage_difference",
    "box_over_temperature",
    "under_temperature",
    "cell_over_voltage",
    "cell_under_voltage",
    "protection_309a",
    "protection_309b",
)

# Quantities decoded by hand.
ALSO: Final = (
    "alarm",
    "balancing_active",
    "charging_enabled",
    "chemistry",
    "discharging_enabled",
    "firmware_version",
    "manufacture_date",
    "remaining_charge",
    "serial_number",
)


def encode(data: bytes, *, kind: int = _ANSWERS, command: int = READ_ALL, source: int = 0) -> bytes:
    """A whole frame around the data."""
    length = _HEAD_SIZE + len(data) + _TAIL_SIZE - len(HEAD)
    body = HEAD + length.to_bytes(2, "big") + bytes(4) + bytes([command, source, kind])
    body += data + bytes(4) + bytes([END])
    return body + (sum(body) & 0xFFFF).to_bytes(4, "big")


def encode_request() -> bytes:
    """The bytes that ask for everything."""
    return encode(b"\x00", kind=_ASKS, source=3)


def encode_data(
    *,
    cells: Sequence[Decimal],
    board: int,
    temperatures: tuple[int, int],
    voltage: Decimal,
    current: Decimal,
    state_of_charge: int,
    cycles: int,
    throughput_ah: int,
    nameplate_ah: int,
    learned_ah: int,
    running_min: int,
    software: str,
    maker: str,
    chemistry: int = 0,
    made_on: str = "",
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    balancing: bool = False,
    alarms: Collection[str] = (),
    by_sign: bool = True,
) -> bytes:
    """Data of an answer, for simulators and fixtures; settings that nobody reads are left out.

    `by_sign` writes the current as protocol version 1 does, with a bit for charging; else around 10 000.
    """
    amount = int(abs(current).scaleb(2))
    if by_sign:
        raw = amount | (_CHARGES if current > 0 else 0)
    else:
        raw = _ZERO_CURRENT - (amount if current > 0 else -amount)
    switches = int(charging_enabled) | int(discharging_enabled) << 1 | int(balancing) << 2
    blocks = [b"".join(bytes([number]) + CELL.write(cell) for number, cell in enumerate(cells, 1))]
    values: list[tuple[int, bytes]] = [
        *(
            (tag, U16.write(_raw_degrees(d)))
            for tag, d in zip(TEMPERATURES, (board, *temperatures), strict=True)
        ),
        (0x83, FIELDS[0x83].write(voltage)),
        (_CURRENT, U16.write(raw)),
        (0x85, U8.write(state_of_charge)),
        (0x86, U8.write(2)),
        (0x87, U16.write(cycles)),
        (0x89, U32.write(throughput_ah)),
        (0x8A, U16.write(len(cells))),
        (_ALARMS, U16.write(sum(1 << ALARMS.index(name) for name in set(alarms)))),
        (_SWITCHES, U16.write(switches)),
        (0xAA, U32.write(nameplate_ah)),
        (_CHEMISTRY, U8.write(chemistry)),
        (_DATE, made_on.encode("ascii")[:4].ljust(4, b"\x00")),
        (_MINUTES, U32.write(running_min)),
        (_SOFTWARE, software.encode("ascii")[:15].ljust(15, b"_")),
        (_LEARNED, U32.write(learned_ah)),
        (_MAKER, maker.encode("ascii")[:24].ljust(24, b"\x00")),
        (_LAST_TAG, U8.write(int(by_sign))),
    ]
    data = bytes([_CELLS, len(blocks[0])]) + blocks[0]
    return data + b"".join(bytes([tag]) + value for tag, value in values)


def _raw_degrees(degrees: int) -> int:
    return degrees if degrees >= 0 else _FREEZING - degrees


class JkUartFramer(Framer):
    """Frames 4E 57; and where a stream begins with the data of one, such data without their frames."""

    starts = HEAD[:1] + bytes([_CELLS])

    def __init__(self) -> None:
        super().__init__()
        self._bare_to = 0  # up to here the stream was data without frames

    def _length(self, buffer: bytes) -> int | None:
        if buffer[0] == _CELLS:
            return self._bare_length(buffer)
        if len(buffer) > 1 and buffer[1] != HEAD[1]:
            raise Damage(
                Fault.DELIMITER,
                expected=f"{HEAD[1]:02x}",
                came=f"{buffer[1]:02x}",
                where="byte 1 of the frame",
                judged_bytes=2,
            )
        if len(buffer) < len(HEAD) + 2:
            return None
        length = len(HEAD) + int.from_bytes(buffer[2:4], "big")
        if not _HEAD_SIZE + _TAIL_SIZE <= length <= _LONGEST:
            raise Damage(
                Fault.LENGTH,
                expected=f"{_HEAD_SIZE + _TAIL_SIZE - 2} to {_LONGEST - 2} bytes behind the head",
                came=str(length - 2),
                where="byte 2 of the frame",
                judged_bytes=4,
            )
        return length

    def _bare_length(self, buffer: bytes) -> int | None:
        """Length of data without a frame, from the first tag to the last."""
        if self._position + len(self._buffer) - len(buffer) != self._bare_to:
            raise _not_data(1, buffer[0], "data without a frame only where a stream begins")
        if len(buffer) > 1 and (not buffer[1] or buffer[1] % _CELL_SIZE):
            raise _not_data(2, buffer[1], "three bytes for each cell")
        if len(buffer) < 2:
            return None
        at = 2
        for number in range(1, buffer[1] // _CELL_SIZE + 1):
            if at >= len(buffer):
                return None
            if buffer[at] != number:
                raise _not_data(at + 1, buffer[at], f"cell {number}")
            at += _CELL_SIZE
        while at < len(buffer):
            tag = buffer[at]
            size = SIZES.get(tag)
            if size is None:
                raise _not_data(at + 1, tag, "a tag of known size")
            at += 1 + size
            if tag == _LAST_TAG:
                return at
        return None

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[0] == _CELLS:
            self._bare_to = position + len(raw)
            return Frame(raw, position, command=READ_ALL, payload=raw)
        if raw[-_TAIL_SIZE + 4] != END:
            where = f"byte {len(raw) - 5} of the frame, its end"
            raise Damage(
                Fault.DELIMITER, expected=f"{END:02x}", came=f"{raw[-_TAIL_SIZE + 4]:02x}", where=where
            )
        total = sum(raw[:-_CHECKSUM_SIZE])
        came = int.from_bytes(raw[-_CHECKSUM_SIZE:], "big")
        # Boards fill two bytes and leave two at nought; a sum above 65 535 may stand in full.
        if came not in (total & 0xFFFF, total):
            where = f"byte {len(raw) - _CHECKSUM_SIZE} of the frame"
            raise Damage(
                Fault.CHECKSUM, expected=f"checksum {total & 0xFFFF:08x}", came=f"{came:08x}", where=where
            )
        payload = raw[_HEAD_SIZE:-_TAIL_SIZE]
        return Frame(raw, position, command=raw[8], payload=payload, is_request=raw[10] == _ASKS)


def _not_data(judged: int, came: int, expected: str) -> Damage:
    return Damage(
        Fault.DELIMITER,
        expected=expected,
        came=f"{came:02x}",
        where=f"byte {judged - 1} of the data",
        judged_bytes=judged,
    )


class JkUart(Protocol):
    """See the module."""

    name: ClassVar[str] = "jk-uart"
    title: ClassVar[str] = "JK / Jikong on wires (4E 57)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (115200,)

    def framer(self) -> Framer:
        """A new framer."""
        return JkUartFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of the read; there is one battery on a line, so `address` is not used."""
        del address
        self._row(name)
        return encode_request()

    def poll(self, address: int | None = None) -> list[bytes]:
        """Everything."""
        return [self.request("all", address)]

    def redact(self, raw: bytes) -> bytes:
        """The frame without the password of its settings; its own checksum is kept and no longer fits."""
        begin = _HEAD_SIZE if raw.startswith(HEAD) else 0
        walked = _walk(raw[begin:])
        if all(tag != _PASSWORD for tag, _, _ in walked):
            return raw
        blank = bytearray(raw)
        for tag, at, size in walked:
            if tag == _PASSWORD:
                blank[begin + at : begin + at + size] = bytes(max(0, min(size, len(raw) - begin - at)))
        return bytes(blank)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.command != READ_ALL:
            return []
        readings = _data(frame.payload)
        if frame.raw.startswith(HEAD):
            return readings
        return [altered(reading, doubts=(*reading.doubts, "no_checksum")) for reading in readings]


@dataclass(frozen=True)
class _Layout:
    """Which tags stand where; what has the same tags at the same places is laid out so.

    Attributes:
        values: tag, place and size of each value.
        heads: reads what decides it: every tag, and the count of the cells' bytes.
        tags: what stands there.
    """

    values: tuple[tuple[int, int, int], ...]
    heads: Callable[[bytes], tuple[int, ...]]
    tags: tuple[int, ...]


# Layouts by the length of the data: a board sends the same tags again and again.
_layouts: Final[dict[int, _Layout]] = {}
_LAYOUTS_KEPT: Final = 64


def _walk(data: bytes) -> Sequence[tuple[int, int, int]]:
    """Tag, place and size of each value, as far as tags are known; a value at the end may be cut."""
    known = _layouts.get(len(data))
    if known is not None and known.heads(data) == known.tags:
        return known.values
    found, heads = [], []
    at = 0
    while at < len(data):
        tag = data[at]
        heads.append(at)
        if tag == _CELLS and at + 1 < len(data):
            heads.append(at + 1)
            place, size = at + 2, data[at + 1]
        else:
            place, size = at + 1, SIZES.get(tag, 0)
            if not size:
                break
        found.append((tag, place, size))
        at = place + size
    if len(heads) > 1:
        if len(_layouts) >= _LAYOUTS_KEPT:
            _layouts.clear()
        read = itemgetter(*heads)
        _layouts[len(data)] = _Layout(tuple(found), read, read(data))
    return found


def _data(data: bytes) -> list[Reading]:
    values: dict[int, bytes] = {}
    for tag, place, size in _walk(data):
        value = data[place : place + size]
        if len(value) < size:
            raise Damage(
                Fault.LENGTH,
                expected=f"value of tag {tag:02X} ({size} bytes)",
                came=f"{len(value)} left",
                where=f"byte {place} of the data",
            )
        values[tag] = value
    readings = _cells(values.get(_CELLS, b""))
    numbers = {}
    for tag, field in FIELDS.items():
        if tag in values:
            reading = field.read(values[tag])
            assert reading is not None  # the size of the value is the field's
            numbers[tag] = reading
    readings += numbers.values()
    if _CURRENT in values:
        readings.append(_current(values[_CURRENT], values.get(_LAST_TAG, b"")))
    readings += [
        _degrees(field, int.from_bytes(values[tag], "big"))
        for tag, field in TEMPERATURES.items()
        if tag in values
    ]
    readings += _remaining(numbers)
    readings += _states(values)
    return readings + _texts(values)


def _cells(block: bytes) -> list[Reading]:
    if len(block) % _CELL_SIZE:
        raise Damage(
            Fault.LENGTH, expected="three bytes for each cell", came=f"{len(block)} bytes", where="tag 79"
        )
    count = len(block) // _CELL_SIZE
    volts = bytearray(2 * count)
    volts[::2], volts[1::2] = block[1::_CELL_SIZE], block[2::_CELL_SIZE]
    readings = cell_voltages(CELL, bytes(volts), count)
    numbers = block[::_CELL_SIZE]
    if numbers == bytes(range(1, count + 1)):
        return readings
    return [altered(cell, index=number) for cell, number in zip(readings, numbers, strict=True)]


def _current(value: bytes, version: bytes) -> Reading:
    """Version 1 has a bit for charging. Others count down from 10 000 while charging, and say less surely."""
    raw = int.from_bytes(value, "big")
    if version == b"\x01":
        amount = raw & ~_CHARGES
        return CURRENT.reading(amount if raw & _CHARGES else -amount)
    reading = CURRENT.reading(_ZERO_CURRENT - raw)
    return reading if version else altered(reading, doubts=("sign_unproven",))


def _degrees(field: Field, raw: int) -> Reading:
    """Above 100 the distance from 100 is below freezing."""
    if _FREEZING < raw <= _COLDEST:
        return field.reading(_FREEZING - raw)
    return field.reading(raw)


def _remaining(numbers: Mapping[int, Reading]) -> list[Reading]:
    """Charge as the share of the entered capacity: no finer than one percent of it."""
    share, capacity = numbers.get(0x85), numbers.get(0xAA)
    if share is None or capacity is None or not capacity.value:
        return []
    assert isinstance(share.value, Decimal)
    assert isinstance(capacity.value, Decimal)
    return [_REMAINING((share.value * capacity.value).scaleb(-2))]


def _states(values: Mapping[int, bytes]) -> list[Reading]:
    readings = []
    if _SWITCHES in values:
        bits = values[_SWITCHES][1]
        readings += [
            told("charging_enabled", bool(bits & 1)),
            told("discharging_enabled", bool(bits & 2)),
            told("balancing_active", bool(bits & 4)),
        ]
    alarms = int.from_bytes(values.get(_ALARMS, b""), "big")
    readings += (
        []
        if not alarms
        else [
            told("alarm", ALARMS[bit] if bit < len(ALARMS) else f"unnamed_bit_{bit}")
            for bit in range(16)
            if alarms >> bit & 1
        ]
    )
    code = values.get(_CHEMISTRY, b"\xff")[0]
    if code < len(CHEMISTRIES):
        readings.append(told("chemistry", CHEMISTRIES[code], origin=Origin.CONFIGURED))
    return readings


def _texts(values: Mapping[int, bytes]) -> list[Reading]:
    readings = []
    if _MINUTES in values:
        readings.append(OPERATING.reading(60 * int.from_bytes(values[_MINUTES], "big")))
    learned = LEARNED.read(values.get(_LEARNED, b""))
    if learned is not None:
        # Nothing is learned before firmware 10.10, which leaves the place at nought.
        absent = Reading(LEARNED.quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
        readings.append(learned if learned.value else absent)
    if _DATE in values:
        readings.append(_manufacture_date(values[_DATE]))
    if _SOFTWARE in values:
        readings.append(_text("firmware_version", values[_SOFTWARE]))
    if _MAKER in values:
        text = values[_MAKER]
        readings.append(_text("serial_number", b"" if text.startswith(_UNWRITTEN) else text))
    return readings


def _manufacture_date(text: bytes) -> Reading:
    """Four digits, year and month."""
    digits = text.rstrip(b"\x00 ")
    if not digits.strip(b"0"):
        return Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)
    if len(digits) != len("YYMM") or not digits.isdigit():
        return altered(_text("manufacture_date", digits), doubts=("no_such_day",))
    written = f"20{digits[:2].decode()}-{digits[2:].decode()}"
    reading = told("manufacture_date", written)
    return reading if 1 <= int(digits[2:]) <= 12 else altered(reading, doubts=("no_such_day",))


def _text(quantity: str, data: bytes) -> Reading:
    text = data.rstrip(b"\x00 ").decode("ascii", "replace")
    if not text:
        return Reading(quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
    return legible(quantity, text)


PROTOCOL: Final = JkUart()
