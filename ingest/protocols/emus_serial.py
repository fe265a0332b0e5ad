"""EMUS G1 over its serial line, USB or radio: sentences of ASCII text, one a line.

    NAME,field,field,...,CHECKSUM CR LF          three characters, hexadecimal fields, two digits

The checksum is CRC-8/MAXIM-DOW over everything up to and including the last comma. A host asks `NAME,?,`; the
control unit answers with one sentence or several of that name and sends the summaries unasked too. A sentence
names itself, so one that nobody asked for is understood as well as an answer. An empty first field says that
the cells are not heard, which is never nought.

Some names do more than tell: `SS1,c` and `LG1,c` clear statistics and log, SC1, RC1, RS1, FD1 and PW1 set,
calibrate, reset and log in. Nothing but `NAME,?` of the names listed here is ever sent.

Source: meanings as restated in docs/protocols/emus-serial.md from public readers of the protocol; two
published sentences prove checksum, charge and cell voltages. Rows of the tables hold the number of the field
in `offset`, counted from 0 behind the name; `STATISTICS` holds the identifier there.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from ingest.emus import FULL, LOW_DEGC, LOW_V, charging_error, doubted, protections
from ingest.frames import crc8_maxim
from ingest.protocol import (
    I16,
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

# No known sentence is half as long; a line that goes on for longer is none.
LONGEST: Final = 512

# Sentences that are known by name. A name seen right behind a checksum shows that a line end was lost.
NAMES: Final = frozenset(
    (
        *(
            "BB1",
            "BB2",
            "BC1",
            "BT1",
            "BT2",
            "BT3",
            "BT4",
            "BV1",
            "BV2",
            "CF2",
            "CG1",
            "CN1",
            "CN2",
            "CS1",
            "CV1",
        ),
        *(
            "DT1",
            "FD1",
            "IN1",
            "LG1",
            "OT1",
            "PW1",
            "PW2",
            "RC1",
            "RS1",
            "RS2",
            "SC1",
            "SS1",
            "ST1",
            "TC2",
            "TD1",
        ),
        "VR1",
    )
)


def command(name: str) -> int:
    """The number that stands for a sentence's name: its three characters."""
    return int.from_bytes(name.encode("ascii"), "big")


def _request(name: str, reads: str) -> Request:
    return Request(name.lower(), command(name), reads)


REQUESTS: Final = (
    _request("VR1", "type, serial number and firmware of the control unit"),
    _request("BV1", "number of cells, lowest, highest and mean voltage, total voltage"),
    _request("BV2", "voltage of every cell"),
    _request("BT1", "lowest, highest and mean temperature of the cell modules"),
    _request("BT2", "temperature of every cell module"),
    _request("BT3", "lowest, highest and mean temperature of the cells, where sensors are fitted"),
    _request("BT4", "temperature of every cell"),
    _request("BB1", "balancing as a whole"),
    _request("BB2", "balancing of every cell"),
    _request("BC1", "charge, capacity, state of charge"),
    _request("CV1", "total voltage and current"),
    _request("CS1", "what the charger is asked for"),
    _request("DT1", "speed, distance and consumption; nothing of it is read"),
    _request("ST1", "charging stage, last charging error, protections, power reduction"),
    _request("CG1", "which groups of cells on the internal CAN bus answer"),
    _request("IN1", "input pins; nothing of it is read"),
    _request("OT1", "output pins"),
    _request("LG1", "log of events"),
    _request("SS1", "statistics since they were cleared"),
    _request("RS2", "last five resets"),
    _request("TD1", "clock; nothing of it is read"),
)

# Answers of several sentences, which end when the line pauses.
_SEVERAL: Final = frozenset(command(name) for name in ("BV2", "BT2", "BT4", "BB2", "SS1", "LG1"))

_CELL: Final = Field("cell_voltage", 0, U8, -2, Unit.VOLT, zero=LOW_V)
_BOARD: Final = Field("board_temperature", 0, U8, 0, Unit.CELSIUS, zero=LOW_DEGC)
_SENSOR: Final = Field("cell_temperature", 0, U8, 0, Unit.CELSIUS, zero=LOW_DEGC)

CELLS: Final = (_CELL,)
BOARDS: Final = (_BOARD,)
SENSORS: Final = (_SENSOR,)
SUMMARY_V: Final = (
    Field("cell_count", 0, U16, 0, Unit.ONE),
    Field("cell_voltage_min", 1, U8, -2, Unit.VOLT, zero=LOW_V),
    Field("cell_voltage_max", 2, U8, -2, Unit.VOLT, zero=LOW_V),
    Field("cell_voltage_mean", 3, U8, -2, Unit.VOLT, zero=LOW_V),
    Field("voltage", 4, U32, -2, Unit.VOLT),
)
# Lowest and highest temperature of a module have no quantity; BT2 tells the temperature of each.
SUMMARY_BOARDS: Final = (Field("board_temperature", 3, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),)
SUMMARY_SENSORS: Final = (
    Field("cell_temperature_min", 1, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("cell_temperature_max", 2, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("cell_temperature_mean", 3, U8, 0, Unit.CELSIUS, zero=LOW_DEGC),
)
CHARGE: Final = (Field("state_of_charge", 2, U16, -2, Unit.PERCENT),)
PACK: Final = (
    Field("voltage", 0, U32, -2, Unit.VOLT),
    Field("current", 1, I16, -1, Unit.AMPERE),
)
# What the control unit asks of the charger is what it allows now.
CHARGER: Final = (
    Field("charge_voltage_limit", 2, U16, -1, Unit.VOLT),
    Field("charge_current_limit", 3, U16, -1, Unit.AMPERE),
)


def _count(identifier: int, kind: str) -> Field:
    return Field("event_count", identifier, U32, 0, Unit.ONE, kind=kind)


# SS1. Left out, because no quantity fits or the meaning is not known: 4 and 5 (seconds of discharging and of
# charging), 6 (pulses of a wheel), 12, 17 and 49 (spreads), 40 to 44, and all from 50.
STATISTICS: Final = (
    Field("charge_out", 0, U32, 0, Unit.AMPERE_HOUR),
    Field("charge_in", 1, U32, 0, Unit.AMPERE_HOUR),
    Field("energy_out", 2, U32, -3, Unit.KILOWATT_HOUR),
    Field("energy_in", 3, U32, -3, Unit.KILOWATT_HOUR),
    _count(7, "statistics_cleared"),
    Field("discharge_current_highest", 8, U32, -1, Unit.AMPERE),
    Field("charge_current_highest", 9, U32, -1, Unit.AMPERE),
    Field("cell_voltage_lowest", 10, U32, -2, Unit.VOLT, zero=LOW_V),
    Field("cell_voltage_highest", 11, U32, -2, Unit.VOLT, zero=LOW_V),
    Field("voltage_lowest", 13, U32, -2, Unit.VOLT),
    Field("voltage_highest", 14, U32, -2, Unit.VOLT),
    Field("board_temperature_lowest", 15, U32, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("board_temperature_highest", 16, U32, 0, Unit.CELSIUS, zero=LOW_DEGC),
    _count(18, "start"),
    _count(19, "cell_under_voltage"),
    _count(20, "cell_over_voltage"),
    _count(21, "discharge_over_current"),
    _count(22, "charge_over_current"),
    _count(23, "over_temperature"),
    _count(24, "leakage"),
    _count(25, "cell_communication_lost"),
    _count(26, "power_reduction_low_voltage"),
    _count(27, "power_reduction_high_current"),
    _count(28, "power_reduction_over_temperature"),
    _count(29, "charger_connected"),
    _count(30, "charger_disconnected"),
    _count(31, "charge_preheating"),
    _count(32, "charge_precharging"),
    _count(33, "charge_main"),
    _count(34, "charge_balancing"),
    _count(35, "charge_finished"),
    _count(36, "charge_error"),
    _count(37, "charge_retry"),
    _count(38, "trip"),
    _count(39, "charge_restart"),
    _count(45, "cell_over_temperature"),
    _count(46, "power_reduction_cell_over_temperature"),
    Field("cell_temperature_lowest", 47, U32, 0, Unit.CELSIUS, zero=LOW_DEGC),
    Field("cell_temperature_highest", 48, U32, 0, Unit.CELSIUS, zero=LOW_DEGC),
)
_STATISTIC: Final = {row.offset: row for row in STATISTICS}
_TOTALS: Final = tuple(row for row in STATISTICS if row.offset <= 3)
_EXTREMES: Final = frozenset(
    row.offset for row in STATISTICS if row.quantity.endswith(("_lowest", "_highest"))
)
_WITH_CELL: Final = frozenset({10, 11, 47, 48})
# Public readers disagree on these scales by a factor of ten.
_OPEN_SCALES: Final = frozenset(range(10, 15))

# Event codes of LG1 that tell of harm; their ends, and what is no harm, are not passed on.
LOGGED: Final = {
    2: "cell_communication_lost",
    4: "cell_under_voltage",
    6: "cell_over_voltage",
    8: "discharge_over_current",
    10: "charge_over_current",
    12: "over_temperature",
    14: "leakage",
    16: "power_reduction_low_voltage",
    18: "power_reduction_high_current",
    20: "power_reduction_over_temperature",
    29: "charge_error",
    42: "cell_over_temperature",
    44: "power_reduction_cell_over_temperature",
}
# Bits of a reset's source that are no ordinary start.
RESETS: Final = {2: "reset_by_low_supply", 3: "reset_by_watchdog", 5: "reset_by_stack"}
# States of a current sensor or a group of cells on the internal CAN bus.
_ABSENT, _FINE, _ERROR, _SILENT = range(4)
_LOW_BATTERY: Final = 0x10

ALSO: Final = (
    "remaining_charge",
    "nameplate_capacity",
    "balancing_active",
    "module_count",
    "modules_online",
    "alarm",
    "warning",
    "protection",
    "hardware_version",
    "serial_number",
    "firmware_version",
)

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_COULOMBS: Final = Decimal(3600)
_FINEST_AH: Final = Decimal("0.0001")

_LINE_END: Final = re.compile(rb"[\r\n]")
_HEAD: Final = re.compile(rb"[A-Z]{2}[0-9],")
_TAIL: Final = re.compile(rb",[0-9A-F]{2}\Z")
_WHOLE: Final = re.compile(rb"[A-Z]{2}[0-9],(?:.*,)?[0-9A-F]{2}\Z", re.DOTALL)
_JOINT: Final = re.compile(
    b",[0-9A-F]{2}(?=(?:" + b"|".join(name.encode() for name in sorted(NAMES)) + b"),)"
)
_NUMBERS: Final = re.compile(rb"[0-9A-Fa-f,]*")
_WIDEST: Final = 8


# Writing


def encode_sentence(name: str, *fields: str) -> bytes:
    """The bytes of one sentence. What may be sent is `Protocol.request`'s to say."""
    covered = ",".join((name, *fields, "")).encode("ascii")
    return covered + f"{crc8_maxim(covered):02X}\r\n".encode()


def encode_request(name: str) -> bytes:
    """The bytes that ask for a sentence."""
    return encode_sentence(name, "?")


def _text(row: Field, value: Decimal) -> str:
    return row.write(value).hex().upper()


def encode_row(name: str, table: Sequence[Field], values: Sequence[Decimal], *, fields: int) -> bytes:
    """A sentence of so many fields with these values of the table in it, for simulators and fixtures.

    Raises:
        OverflowError: a value does not fit its field.
    """
    texts = [""] * fields
    for row, value in zip(table, values, strict=True):
        texts[row.offset] = _text(row, value)
    return encode_sentence(name, *texts)


def encode_group(name: str, values: Sequence[Decimal], *, string: int = 0, first: int = 0) -> bytes:
    """A sentence BV2, BT2 or BT4 of up to eight cells in the string; both are counted from 0."""
    row = {"BV2": _CELL, "BT2": _BOARD, "BT4": _SENSOR}[name]
    data = "".join(_text(row, value) for value in values)
    return encode_sentence(name, f"{string:02X}", f"{first:04X}", f"{len(values):02X}", data)


def encode_charge(*, remaining_ah: Decimal, capacity_ah: Decimal, state_of_charge: Decimal) -> bytes:
    """A sentence BC1."""
    charge, capacity = (round(value * 3600) for value in (remaining_ah, capacity_ah))
    return encode_sentence("BC1", f"{charge:08X}", f"{capacity:08X}", _text(CHARGE[0], state_of_charge))


def encode_statistic(identifier: int, raw: int, *, info: int = 0, seconds: int = 0) -> bytes:
    """A sentence SS1; `seconds` since 2000."""
    return encode_sentence("SS1", f"{identifier:02X}", f"{raw:08X}", f"{info:08X}", f"{seconds:08X}")


# Finding


class EmusFramer(Framer):
    """Lines, ended by carriage return, line feed, both, or the name of the next sentence."""

    starts = bytes(range(ord("A"), ord("Z") + 1))
    start_words = "the name of a sentence"
    quiet = b"\r\n"

    def _length(self, buffer: bytes) -> int | None:
        end = _LINE_END.search(buffer, 0, LONGEST + 1)
        joint = _JOINT.search(buffer, 0, end.start() if end else LONGEST)
        if joint is not None and _proven(buffer[: joint.end()]):
            return joint.end()
        if end is not None:
            return end.end()
        # Nothing is judged before its line is there, so that a damaged line is one refusal.
        if len(buffer) <= LONGEST:
            return None
        raise Damage(
            Fault.LENGTH,
            expected=f"a line end within {LONGEST} bytes",
            came="none",
            where="the line",
            judged_bytes=LONGEST,
        )

    def _open(self, raw: bytes, position: int) -> Frame:
        sentence = raw.rstrip(b"\r\n")
        # Within a refused line any three digits may look like a name, and one in 256 like a whole sentence.
        known = position >= self._reported_to or sentence[:3].decode("latin-1") in NAMES
        if not _HEAD.match(sentence) or not known:
            raise Damage(
                Fault.DELIMITER,
                expected="two capitals, a digit and a comma",
                came=ascii(sentence[:4].decode("latin-1")),
                where="byte 0 of the line",
            )
        if not _TAIL.search(sentence):
            raise Damage(
                Fault.DELIMITER,
                expected="a comma and two digits of checksum",
                came=ascii(sentence[-3:].decode("latin-1")),
                where=f"byte {max(0, len(sentence) - 3)} of the line, its end",
            )
        expected, came = f"{crc8_maxim(sentence[:-2]):02X}", sentence[-2:].decode()
        if expected != came:
            where = f"byte {len(sentence) - 2} of the line"
            raise Damage(Fault.CHECKSUM, expected=f"checksum {expected}", came=came, where=where)
        body = sentence[4:-3]
        first = body.partition(b",")[0]
        return Frame(
            raw, position, int.from_bytes(sentence[:3], "big"), body, is_request=first in (b"?", b"c")
        )

    def _attempt(self, view: bytes, position: int, *, final: bool) -> Frame | None:
        # The last line of a file may have no end; its checksum proves it all the same.
        if final and len(view) <= LONGEST and _proven(view):
            return self._open(view, position)
        return super()._attempt(view, position, final=final)


def _proven(sentence: bytes) -> bool:
    if not _WHOLE.match(sentence) or _LINE_END.search(sentence):
        return False
    return f"{crc8_maxim(sentence[:-2]):02X}".encode() == sentence[-2:]


# Reading


class EmusSerial(Protocol):
    """See the module."""

    name: ClassVar[str] = "emus-serial"
    title: ClassVar[str] = "EMUS G1, serial"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    is_text: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (57600,)

    def framer(self) -> Framer:
        """A new framer."""
        return EmusFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one control unit on a line, so `address` is not used."""
        del address
        return encode_request(self._row(name).name.upper())

    def poll(self, address: int | None = None) -> list[bytes]:
        """Pack, charge, every cell, states, topology and statistics."""
        names = ("bv1", "bv2", "bt2", "bt4", "bb1", "cv1", "bc1", "st1", "cg1", "ss1")
        return [self.request(name, address) for name in names]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Who the control unit is."""
        return [self.request("vr1", address)]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """A sentence names itself, so what is sent unasked between the answers is as good as they."""
        del frame, request
        return True

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Details and statistics come as several sentences; others may come in between."""
        return frame.command == request.command and frame.command not in _SEVERAL

    def decoder(self) -> Decoder:
        """One that remembers whether the battery has several strings."""
        return _Strings(self)

    def redact(self, raw: bytes) -> bytes:
        """The password of a log-in (PW1, PW2) blanked, sign by sign."""
        if raw[:2] != b"PW":
            return raw
        head, rest = raw[:4], raw[4:]
        return head + re.sub(rb"[^,?\r\n]", b"*", rest)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        read = _SENTENCES.get(frame.command)
        return read(_Fields(frame.payload)) if read else []


class _Strings:
    """Reads sentences; names the first string too, once another one has spoken."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._several = False

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self._protocol.decode(frame, request=request)
        if frame.command not in _OF_STRINGS or not readings:
            return readings
        if readings[0].component is not None:
            self._several = True
        elif self._several and readings[0].value is not None:
            return [altered(reading, component=_string(0)) for reading in readings]
        return readings


def _string(number: int) -> str:
    """Path of a string, counted from 1 as cells are; a control unit counts from 0."""
    return f"string/{number + 1}"


class _Fields:
    """The fields of one sentence behind its name."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._texts = body.split(b",")

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def is_empty(self) -> bool:
        """The control unit has nothing to say."""
        return not self._texts[0]

    def at_least(self, count: int) -> None:
        """There are so many fields, all of them numbers.

        Raises:
            Damage: there are not.
        """
        if len(self._texts) < count:
            raise Damage(
                Fault.LENGTH, expected=f"at least {count} fields", came=str(len(self)), where="the sentence"
            )
        if not _NUMBERS.fullmatch(self._body) or max(map(len, self._texts)) > 2 * _WIDEST:
            raise Damage(
                Fault.FOREIGN,
                expected="fields of hexadecimal digits",
                came="other characters or longer ones",
                where="the sentence",
            )

    def number(self, place: int, *, signed: bool = False) -> int | None:
        """The number in a field; None when the field is empty or not there."""
        text = self._texts[place] if place < len(self._texts) else b""
        if not text or len(text) > _WIDEST:
            return None
        raw = int(text, 16)
        bits = 4 * len(text)
        return raw - (1 << bits) if signed and raw >> bits - 1 else raw

    def data(self, place: int) -> bytes:
        """The bytes run together in a field.

        Raises:
            Damage: half a byte is left over.
        """
        text = self._texts[place]
        if len(text) % 2:
            raise Damage(
                Fault.LENGTH,
                expected="two digits for each byte",
                came=f"{len(text)} digits",
                where="the array",
            )
        return bytes.fromhex(text.decode())

    def text(self, place: int) -> str:
        """A field as it stands; empty when it is not there."""
        return self._texts[place].decode("ascii", "replace").strip() if place < len(self._texts) else ""


def _not_read(*quantities: str) -> list[Reading]:
    return [Reading(quantity, None, absence=ReadingAbsence.NOT_READ) for quantity in quantities]


def _rows(fields: _Fields, table: Sequence[Field]) -> list[Reading]:
    """A reading of each row; an empty field is not read, and with an empty first one nothing is."""
    if fields.is_empty:
        return _not_read(*(row.quantity for row in table))
    readings = []
    for row in table:
        raw = fields.number(row.offset, signed=row.integer.signed)
        if raw is None:
            readings += _not_read(row.quantity)
        else:
            readings.append(doubted(row, raw, row.reading(raw)))
    return readings


def _summary(table: Sequence[Field]) -> Callable[[_Fields], list[Reading]]:
    """Reads BV1, BT1, BT3: number of cells, lowest, highest, mean."""

    def read(fields: _Fields) -> list[Reading]:
        fields.at_least(1 if fields.is_empty else 4)
        if not fields.is_empty and fields.number(0) == 0:
            # No cell is heard: what follows are no measurements.
            counted = [Reading("cell_count", Decimal(0))] if table is SUMMARY_V else []
            return counted + _not_read(*(row.quantity for row in table if row.quantity != "cell_count"))
        return _rows(fields, table)

    return read


def _group(row: Field) -> Callable[[_Fields], list[Reading]]:
    """Reads BV2, BT2, BT4: string, first cell, number of cells, a byte for each."""

    def read(fields: _Fields) -> list[Reading]:
        place = _placed(fields)
        if place is None:
            return _not_read(row.quantity)
        component, first, data = place
        readings = row.read_all(data, len(data), first=first + 1, component=component)
        if not (0 in data or FULL in data):
            return readings
        return [doubted(row, raw, reading) for raw, reading in zip(data, readings, strict=True)]

    return read


def _placed(fields: _Fields) -> tuple[str | None, int, bytes] | None:
    """Part, first cell (from 0) and bytes of a group; None when the cells are not heard.

    Raises:
        Damage: the bytes are not as many as the sentence says.
    """
    if fields.is_empty:
        return None
    fields.at_least(4)
    string, first, size = (fields.number(place) for place in range(3))
    data = fields.data(3)
    if string is None or first is None or not size:
        return None
    if len(data) != size:
        raise Damage(
            Fault.LENGTH, expected=f"{size} bytes, one for each cell", came=str(len(data)), where="the array"
        )
    return _string(string) if string else None, first, data


def _balancing(fields: _Fields) -> list[Reading]:
    """BB1: at work when the highest rate is not nought."""
    fields.at_least(1 if fields.is_empty else 3)
    highest = fields.number(2)
    if fields.is_empty or highest is None:
        return _not_read("balancing_active")
    return [Reading("balancing_active", highest > 0)]


def _balancing_group(fields: _Fields) -> list[Reading]:
    place = _placed(fields)
    if place is None:
        return _not_read("balancing_active")
    component, first, data = place
    return [
        Reading("balancing_active", rate > 0, index=index, component=component)
        for index, rate in enumerate(data, first + 1)
    ]


def _charge(fields: _Fields) -> list[Reading]:
    """BC1: coulombs. The capacity is a setting of the control unit, so it shows nothing learned."""
    if fields.is_empty:
        return _not_read("remaining_charge", "nameplate_capacity", "state_of_charge")
    fields.at_least(3)
    readings = []
    for place, quantity, origin in (
        (0, "remaining_charge", Origin.NATIVE),
        (1, "nameplate_capacity", Origin.CONFIGURED),
    ):
        coulombs = fields.number(place)
        if coulombs is None:
            readings += _not_read(quantity)
        else:
            charge = (coulombs / _COULOMBS).quantize(_FINEST_AH)
            readings.append(Reading(quantity, charge, origin=origin))
    return readings + _rows(fields, CHARGE)


def _pack(fields: _Fields) -> list[Reading]:
    fields.at_least(1 if fields.is_empty else 2)
    return _rows(fields, PACK)


def _charger(fields: _Fields) -> list[Reading]:
    """CS1: with no charger there is nobody who is asked."""
    if fields.is_empty:
        return _not_read(*(row.quantity for row in CHARGER))
    fields.at_least(4)
    return _rows(fields, CHARGER) if fields.number(0) else []


def _status(fields: _Fields) -> list[Reading]:
    """ST1."""
    if fields.is_empty:
        return _not_read("protection")
    fields.at_least(7)
    error, flags, reduced = (fields.number(place) for place in (1, 5, 6))
    readings = _not_read("protection") if flags is None else protections(flags)
    if reduced:
        # Which bit means which cause is not known for sure.
        readings.append(Reading("warning", "power_reduction"))
    return readings + charging_error(error or 0)


def _topology(fields: _Fields) -> list[Reading]:
    """CG1: the current sensor's state; cells and state of each group on the internal CAN bus."""
    if fields.is_empty:
        return _not_read("module_count", "modules_online")
    fields.at_least(1)
    readings = []
    sensor = fields.number(0)
    if sensor in (_ERROR, _SILENT):
        name = "current_sensor_missing" if sensor == _SILENT else "current_sensor_fault"
        readings.append(Reading("alarm", name))
    states = [fields.number(place) for place in range(2, len(fields), 2)]
    known = [state for state in states if state is not None and state != _ABSENT]
    readings.append(Reading("module_count", Decimal(len(known))))
    readings.append(Reading("modules_online", Decimal(sum(state != _SILENT for state in known))))
    for number, state in enumerate(states, 1):
        if state in (None, _ABSENT, _FINE):
            continue
        name = "cell_group_missing" if state == _SILENT else "cell_group_fault"
        readings.append(Reading("alarm", name, index=number))
    return readings


def _outputs(fields: _Fields) -> list[Reading]:
    """OT1: of the pins only the one that warns."""
    fields.at_least(1)
    return [Reading("warning", "low_charge")] if (fields.number(0) or 0) & _LOW_BATTERY else []


def _since_2000(seconds: int | None) -> datetime | None:
    """A time stamp; None for nought, which nobody set. The clock is taken for UTC."""
    return _EPOCH + timedelta(seconds=seconds) if seconds else None


def _log(fields: _Fields) -> list[Reading]:
    """LG1: sequence number, event code, something, time stamp. The places are suspected, not known."""
    if fields.is_empty:
        return []
    fields.at_least(4)
    name = LOGGED.get(fields.number(1) or 0)
    if name is None:
        return []
    at = _since_2000(fields.number(3))
    return [Reading("alarm", name, measured_at=at, doubts=("past_event", "place_unproven"))]


def _resets(fields: _Fields) -> list[Reading]:
    """RS2: pairs of time stamp and source."""
    if fields.is_empty:
        return []
    fields.at_least(2)
    readings = []
    for place in range(0, len(fields) - 1, 2):
        at, source = _since_2000(fields.number(place)), fields.number(place + 1) or 0
        readings += [
            Reading("warning", name, measured_at=at, doubts=("past_event",))
            for bit, name in RESETS.items()
            if source >> bit & 1
        ]
    return readings


def _statistic(fields: _Fields) -> list[Reading]:
    """SS1: identifier, value, further information, time stamp."""
    if fields.is_empty:
        return _not_read(*(row.quantity for row in _TOTALS))
    fields.at_least(2)
    identifier = fields.number(0)
    row = _STATISTIC.get(-1 if identifier is None else identifier)
    if row is None:
        return []
    raw = fields.number(1, signed=row.offset in _EXTREMES)
    if raw is None:
        return [Reading(row.quantity, None, kind=row.kind, absence=ReadingAbsence.NOT_READ)]
    if row.offset not in _EXTREMES:
        return [row.reading(raw)]
    # A discharge may be told with its sign; the name says the direction.
    value = row.value(abs(raw) if row.unit is Unit.AMPERE else raw)
    cell = fields.number(2) if row.offset in _WITH_CELL else None
    return [
        Reading(
            row.quantity,
            value,
            index=None if cell is None else cell + 1,
            measured_at=_since_2000(fields.number(3)),
            doubts=("scale_unproven",) if row.offset in _OPEN_SCALES else (),
        )
    ]


def _version(fields: _Fields) -> list[Reading]:
    """VR1: of the control unit, as it writes them."""
    names = ("hardware_version", "serial_number", "firmware_version")
    if fields.is_empty:
        return _not_read(*names)
    readings = []
    for place, quantity in enumerate(names):
        text = "".join(char if char.isprintable() else "�" for char in fields.text(place))
        doubts = ("unreadable_text",) if "�" in text else ()
        readings += [Reading(quantity, text, doubts=doubts)] if text else _not_read(quantity)
    return readings


_SENTENCES: Final[dict[int, Callable[[_Fields], list[Reading]]]] = {
    command("VR1"): _version,
    command("BV1"): _summary(SUMMARY_V),
    command("BV2"): _group(_CELL),
    command("BT1"): _summary(SUMMARY_BOARDS),
    command("BT2"): _group(_BOARD),
    command("BT3"): _summary(SUMMARY_SENSORS),
    command("BT4"): _group(_SENSOR),
    command("BB1"): _balancing,
    command("BB2"): _balancing_group,
    command("BC1"): _charge,
    command("CV1"): _pack,
    command("CS1"): _charger,
    command("ST1"): _status,
    command("CG1"): _topology,
    command("OT1"): _outputs,
    command("LG1"): _log,
    command("SS1"): _statistic,
    command("RS2"): _resets,
}
_OF_STRINGS: Final = frozenset(command(name) for name in ("BV2", "BT2", "BT4", "BB2"))

PROTOCOL: Final = EmusSerial()
