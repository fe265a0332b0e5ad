"""JBD, also sold as Xiaoxiang, LLT, Overkill and under many brands: UART, RS485, BLE; frames DD .. 77.

    request   DD A5 command length data checksum 77
    answer    DD command status length data checksum 77

The checksum is the two's complement of the byte sum from the third byte to the end of the data. It therefore
does not cover an answer's command byte: only matching an answer to its request does. Registers 03 (basic
information), 04 (cells), 05 (product name) and AA (protection counters) are read. Never spoken: writes (5A),
the register E1 that switches the transistors, and the FF AA dialogue that opens locked units.

Source: layout and bit names as restated in docs/protocols/jbd.md, proven on recordings of six devices. The UP
series behind the same app speaks another protocol and is refused here.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from ingest.frames import sum16_complement
from ingest.protocol import (
    I16,
    U8,
    U16,
    Certainty,
    Cursor,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Protocol,
    Request,
    day_reading,
    text_reading,
    wrong_end,
    wrong_sum,
)
from schemas.reading import Reading, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

START: Final = 0xDD
END: Final = 0x77
READ: Final = 0xA5
WRITE: Final = 0x5A
STATUS_FINE: Final = 0x00
STATUS_ERROR: Final = 0x80

BASIC: Final = 0x03
CELLS: Final = 0x04
PRODUCT: Final = 0x05
COUNTERS: Final = 0xAA

REQUESTS: Final = (
    Request("basic", BASIC, "voltage, current, charge, cycles, date, protections, switches, temperatures"),
    Request("cells", CELLS, "voltage of every cell"),
    Request("product", PRODUCT, "product name; not a serial number"),
    Request("counters", COUNTERS, "how often each protection acted over the board's life"),
)

# Head, status, length, checksum and end around the data.
_ENVELOPE: Final = 7

# Register 03, fixed part of 23 bytes. Nominal and remaining are unsigned: a 560 Ah pack goes negative else.
FIELDS: Final = (
    Field("voltage", 0, U16, -2, Unit.VOLT),
    Field("current", 2, I16, -2, Unit.AMPERE),
    Field("remaining_charge", 4, U16, -2, Unit.AMPERE_HOUR),
    # Written by a person with the maker's tool, so configured, never learned.
    Field("nameplate_capacity", 6, U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("cycle_count", 8, U16, 0, Unit.ONE),
    Field("state_of_charge", 19, U8, 0, Unit.PERCENT),
    Field("cell_count", 21, U8, 0, Unit.ONE),
)
TEMPERATURE: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)
_FIXED: Final = 23
_DATE: Final = 10
_BALANCING: Final = 12
_PROTECTIONS: Final = 16
_SOFTWARE: Final = 18
_SWITCHES: Final = 20
_SENSORS: Final = 22

# Extension after the temperatures, on newer firmware; may end early.
LEARNED: Final = Field("full_charge_capacity", 3, U16, -2, Unit.AMPERE_HOUR)
_EXTENSION_ALARMS: Final = 1
_COARSE: Final = 0x80  # of its first byte: current and capacities in steps ten times as large
_SCALED: Final = frozenset({"current", "remaining_charge", "nameplate_capacity", "full_charge_capacity"})

CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)

# Bits of the protection word, bit 0 first.
PROTECTIONS: Final = (
    "cell_over_voltage",
    "cell_under_voltage",
    "pack_over_voltage",
    "pack_under_voltage",
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_temperature",
    "discharge_under_temperature",
    "charge_over_current",
    "discharge_over_current",
    "short_circuit",
    "front_end_error",
    "software_lock",
    "charge_timeout",
)

# Register AA, eleven u16 in this order; what follows them is not known.
COUNTER_KINDS: Final = (
    "short_circuit",
    "charge_over_current",
    "discharge_over_current",
    "cell_over_voltage",
    "cell_under_voltage",
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_temperature",
    "discharge_under_temperature",
    "pack_over_voltage",
    "pack_under_voltage",
)
# Read by hand, beside the field tables.
ALSO: Final = (
    *("manufacture_date", "firmware_version", "model", "balancing_active", "charging_enabled"),
    *("discharging_enabled", "protection", "alarm"),
)
COUNTER_FIELDS: Final = tuple(
    Field("event_count", 2 * number, U16, 0, Unit.ONE, kind=kind) for number, kind in enumerate(COUNTER_KINDS)
)

# Quantities that an error answer leaves unread, by register.
_UNREAD: Final[Mapping[int, tuple[str, ...]]] = {
    BASIC: tuple(field.quantity for field in FIELDS),
    CELLS: ("cell_voltage",),
    PRODUCT: ("model",),
}


def _sealed(head: bytes, covered: bytes) -> bytes:
    return head + covered + sum16_complement(covered).to_bytes(2, "big") + bytes([END])


def encode_request(command: int, data: bytes = b"") -> bytes:
    """The bytes that ask for a register. What may be sent is `Protocol.request`'s to say."""
    return _sealed(bytes([START, READ]), bytes([command, len(data)]) + data)


def encode_reply(command: int, data: bytes, *, status: int = STATUS_FINE) -> bytes:
    """The bytes of an answer, as a battery sends them."""
    return _sealed(bytes([START, command]), bytes([status, len(data)]) + data)


def encode_basic(
    *,
    voltage: Decimal,
    current: Decimal,
    remaining: Decimal,
    nominal: Decimal,
    cycles: int,
    made_on: date,
    state_of_charge: int,
    cell_count: int,
    temperatures: Sequence[Decimal],
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    balancing: Collection[int] = (),
    protections: Collection[str] = (),
    software: tuple[int, int] = (2, 0),
    learned: Decimal | None = None,
    coarse: bool = False,
) -> bytes:
    """Data of register 03, for simulators and fixtures.

    Units as the quantities have them; `balancing` names cells from 1 to 32; `learned` adds the nine bytes of
    the extension; `coarse` uses the steps of 0.1 A and 0.1 Ah, which need the extension.
    """
    values = {
        "voltage": voltage,
        "current": current,
        "remaining_charge": remaining,
        "nameplate_capacity": nominal,
        "cycle_count": Decimal(cycles),
        "state_of_charge": Decimal(state_of_charge),
        "cell_count": Decimal(cell_count),
    }
    data = bytearray(_FIXED)
    for field in FIELDS:
        coarser = int(coarse and field.quantity in _SCALED)
        data[field.offset : field.offset + field.integer.size] = field.write(
            values[field.quantity], coarser=coarser
        )
    data[_DATE : _DATE + 2] = U16.write((made_on.year - 2000) << 9 | made_on.month << 5 | made_on.day)
    bits = sum(1 << cell - 1 for cell in set(balancing))
    data[_BALANCING : _BALANCING + 4] = U16.write(bits & 0xFFFF) + U16.write(bits >> 16)
    data[_PROTECTIONS : _PROTECTIONS + 2] = U16.write(
        sum(1 << PROTECTIONS.index(name) for name in set(protections))
    )
    data[_SOFTWARE] = software[0] << 4 | software[1]
    data[_SWITCHES] = int(charging_enabled) | int(discharging_enabled) << 1
    data[_SENSORS] = len(temperatures)
    for temperature in temperatures:
        data += TEMPERATURE.write(temperature)
    if learned is not None or coarse:
        data += bytes([_COARSE if coarse else 0]) + U16.write(0)
        data += LEARNED.write(learned or Decimal(0), coarser=int(coarse))
        data += data[4:6] + U16.write(0)
    return bytes(data)


def encode_cells(voltages: Sequence[Decimal]) -> bytes:
    """Data of register 04; volts, cell 1 first."""
    return b"".join(CELL.write(voltage) for voltage in voltages)


def encode_counters(counts: Mapping[str, int]) -> bytes:
    """Data of register AA; kinds left out are zero. 24 bytes, as real boards send, the last two zero."""
    return b"".join(U16.write(counts.get(kind, 0)) for kind in COUNTER_KINDS) + bytes(2)


class JbdFramer(Framer):
    """Frames DD .. 77; requests and answers have their length at the same place."""

    starts = bytes([START])

    def _length(self, buffer: bytes) -> int | None:
        if (
            len(buffer) > 2
            and buffer[1] not in (READ, WRITE)
            and buffer[2] not in (STATUS_FINE, STATUS_ERROR)
        ):
            raise Damage(
                Fault.DELIMITER,
                expected="status 00 or 80",
                came=f"{buffer[2]:02x}",
                where="byte 2 of the frame",
                judged_bytes=3,
            )
        return _ENVELOPE + buffer[3] if len(buffer) > 3 else None

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[-1] != END:
            raise wrong_end(raw, END)
        expected, came = sum16_complement(raw[2:-3]), int.from_bytes(raw[-3:-1], "big")
        if expected != came:
            raise wrong_sum("checksum", expected, came, at=len(raw) - 3, digits=4)
        payload = raw[4:-3]
        if raw[1] in (READ, WRITE):
            return Frame(raw, position, command=raw[2], payload=payload, is_request=True)
        return Frame(raw, position, command=raw[1], payload=payload, status=raw[2])


class Jbd(Protocol):
    """See the module."""

    name: ClassVar[str] = "jbd"
    title: ClassVar[str] = "JBD / Xiaoxiang / LLT (DD .. 77)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (9600,)

    def framer(self) -> Framer:
        """A new framer."""
        return JbdFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; there is one battery on a line, so `address` is not used."""
        del address
        return encode_request(self._row(name).command)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Basic information and cells."""
        return [self.request(name, address) for name in ("basic", "cells")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Product name and protection counters."""
        return [self.request(name, address) for name in ("product", "counters")]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.status != STATUS_FINE:
            return _unread(frame.command)
        if frame.command == BASIC:
            return _basic(frame.payload)
        if frame.command == CELLS:
            return _cells(frame.payload)
        if frame.command == PRODUCT:
            return [text_reading("model", frame.payload)]
        if frame.command == COUNTERS:
            return _counters(frame.payload)
        return []  # a sound answer to a register that someone else asked for


def _unread(command: int) -> list[Reading]:
    """The device knows the register and refuses it (03, 04), or does not know it (05, AA)."""
    if command == COUNTERS:
        absent = ReadingAbsence.NOT_SUPPORTED
        return [Reading("event_count", None, kind=kind, absence=absent) for kind in COUNTER_KINDS]
    absent = ReadingAbsence.NOT_SUPPORTED if command == PRODUCT else ReadingAbsence.NOT_READ
    return [Reading(quantity, None, absence=absent) for quantity in _UNREAD.get(command, ())]


def _basic(data: bytes) -> list[Reading]:
    cursor = Cursor(data, "basic information")
    cursor.take(_FIXED, "fixed part")
    sensors = data[_SENSORS]
    cursor.take(sensors * TEMPERATURE.integer.size, f"{sensors} temperatures")
    extension = cursor.take(cursor.left, "extension")
    coarser = int(bool(extension) and bool(extension[0] & _COARSE))

    readings = []
    for field in FIELDS:
        raw = field.integer.read(data, field.offset)
        assert raw is not None  # the fixed part was taken above
        readings.append(field.reading(raw, coarser=coarser if field.quantity in _SCALED else 0))
    readings.append(_manufacture_date(int.from_bytes(data[_DATE : _DATE + 2], "big")))
    readings.append(Reading("firmware_version", f"{data[_SOFTWARE] >> 4}.{data[_SOFTWARE] & 0xF}"))
    readings.append(told("balancing_active", any(data[_BALANCING : _BALANCING + 4])))
    readings.append(told("charging_enabled", bool(data[_SWITCHES] & 1)))
    readings.append(told("discharging_enabled", bool(data[_SWITCHES] & 2)))
    bits = int.from_bytes(data[_PROTECTIONS : _PROTECTIONS + 2], "big")
    readings += [
        told("protection", PROTECTIONS[bit] if bit < len(PROTECTIONS) else f"unnamed_bit_{bit}")
        for bit in range(16)
        if bits >> bit & 1
    ]
    readings += TEMPERATURE.read_all(data, sensors, base=_FIXED)
    return readings + _extension(extension, nominal=data[6:8], coarser=coarser)


def _extension(extension: bytes, *, nominal: bytes, coarser: int) -> list[Reading]:
    """What stands behind the temperatures, as far as it goes; some units stop two bytes short."""
    readings = []
    alarms = U16.read(extension, _EXTENSION_ALARMS) or 0
    # No public source names these bits; that one is set is told, what it means is not guessed.
    readings += [told("alarm", f"unnamed_bit_{bit}") for bit in range(16) if alarms >> bit & 1]
    learned = LEARNED.read(extension, coarser=coarser)
    if learned is not None:
        # Chins packs repeat the nominal capacity here, so an equal figure shows nothing learned.
        repeats = extension[LEARNED.offset : LEARNED.offset + 2] == nominal
        doubts = ("repeats_nominal",) if repeats else ()
        readings.append(altered(learned, doubts=doubts))
    return readings


def _manufacture_date(packed: int) -> Reading:
    """Bits 15..9 year since 2000, 8..5 month, 4..0 day; all zero means that nobody set it."""
    if packed == 0:
        return Reading("manufacture_date", None, absence=ReadingAbsence.NOT_SUPPORTED)
    return day_reading("manufacture_date", 2000 + (packed >> 9), packed >> 5 & 0xF, packed & 0x1F)


def _cells(data: bytes) -> list[Reading]:
    if len(data) % 2:
        raise Damage(
            Fault.LENGTH, expected="two bytes for each cell", came=f"{len(data)} bytes", where="the length"
        )
    # Nought is not fitted, or its wire is broken: the position stays, and the zero is no voltage.
    return [
        cell if cell.value else altered(cell, doubts=("not_fitted",))
        for cell in CELL.read_all(data, len(data) // 2)
    ]


def _counters(data: bytes) -> list[Reading]:
    Cursor(data, "protection counters").take(2 * len(COUNTER_KINDS), "eleven counters")
    return [reading for field in COUNTER_FIELDS if (reading := field.read(data)) is not None]


PROTOCOL: Final = Jbd()
