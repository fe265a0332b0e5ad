"""PACE: rack packs on RS232 and RS485 in ASCII, and the binary frames of the PACEEX app over a radio.

    ASCII    the frame of `ingest.ydt1363`, version 25 or 20
    binary   9A type(6) length data CRC(2) 9D                requests and answers alike

The binary form's CRC is CRC-16/MODBUS over everything before it, high byte first; a type names what is asked
and what is answered. An answer in ASCII does not: with the request at hand it is read as that, without it
must fit exactly one layout.

Which way the current flows, makers of the wired form disagree upon. The status answer (44) says whether the
pack charges or discharges, so a session that has seen one gives the current its sign from there; until then
the sign is as sent, with the doubt `sign_unproven`.

Source: as restated in docs/protocols/pace.md; analog values of both forms proven on recordings.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Final

from ingest.frames import crc16_modbus
from ingest.protocol import (
    I16,
    U8,
    U16,
    U32,
    Certainty,
    Cursor,
    Damage,
    Decoder,
    Fault,
    Field,
    FieldBlock,
    Frame,
    Framer,
    Integer,
    Poller,
    Protocol,
    Request,
    text_reading,
    wrong_sum,
)
from ingest.ydt1363 import (
    CELL_STATES,
    CHARGE_STATES,
    DISCHARGE_STATES,
    NORMAL,
    RETURN_CODES,
    START,
    TEMPERATURE_STATES,
    VOLTAGE_STATES,
    Layout,
    YdtFramer,
    cells,
    encode,
    only_fitting,
    state_alarm,
    states,
)
from schemas.reading import Reading, ReadingForm, altered, of_part, told
from schemas.terms import Origin, ReadingAbsence, Unit

VERSION: Final = 0x25
OLDER: Final = 0x20
FIRST: Final = 0x01  # address of a pack that is alone, and of the first of a bank
ALL: Final = 0xFF

ANALOG: Final = 0x42
STATUS: Final = 0x44
SOFTWARE: Final = 0xC1
SERIAL: Final = 0xC2

# Types of the binary form, six bytes read as one number.
APP_START: Final = 0x9A
APP_END: Final = 0x9D
APP_VERSIONS: Final = 0x000000010000
APP_SERIAL: Final = 0x000000020000
APP_SYSTEM: Final = 0x00000A000000
APP_PACK: Final = 0x00000A010000
APP_CELLS: Final = 0x00000A020000

REQUESTS: Final = (
    Request("status", STATUS, "states, protections, switches, direction of the current"),
    Request("analog", ANALOG, "cells, temperatures, current, voltage, charge, cycles"),
    Request("software", SOFTWARE, "software version"),
    Request("serial", SERIAL, "serial numbers of board and pack"),
    Request("status-20", STATUS, "the same of packs that speak version 20"),
    Request("analog-20", ANALOG, "the same of packs that speak version 20"),
    Request("app-system", APP_SYSTEM, "sums, charge, health, cycles, extremes; binary"),
    Request("app-pack", APP_PACK, "current, voltage, charge, health and cycles of one pack; binary"),
    Request("app-cells", APP_CELLS, "cells and temperatures of one pack; binary"),
    Request("app-serial", APP_SERIAL, "serial number; binary"),
    Request("app-versions", APP_VERSIONS, "software and hardware version; binary"),
)

I32: Final = Integer(4, signed=True)

CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
# The wired form counts tenths of a kelvin from 273.0, the app's from 273.1.
TEMPERATURE: Final = Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)
SWITCHES: Final = Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)
AMBIENT: Final = Field("ambient_temperature", 0, U16, -1, Unit.CELSIUS, zero=2730)
_SHARE: Final = ReadingForm("state_of_charge", origin=Origin.DERIVED)
_GROUPS: Final = 4

# Behind the temperatures; a count of further items stands at byte 6.
FIXED: Final = (
    Field("current", 0, I16, -2, Unit.AMPERE),
    Field("voltage", 2, U16, -3, Unit.VOLT),
    Field("remaining_charge", 4, U16, -2, Unit.AMPERE_HOUR),
)
_FIXED_SIZE: Final = 6
ITEMS: Final = (
    Field("full_charge_capacity", 0, U16, -2, Unit.AMPERE_HOUR),
    Field("cycle_count", 2, U16, 0, Unit.ONE),
    Field("nameplate_capacity", 4, U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
_FIXED_BLOCK: Final = FieldBlock(FIXED)
_ITEM_BLOCK: Final = FieldBlock(ITEMS)
_FEWEST_ITEMS: Final = 3
_MOST_ITEMS: Final = 4  # more is Seplos, whose items are others

PROTECTIONS: Final = (
    (
        "cell_over_voltage",
        "cell_under_voltage",
        "pack_over_voltage",
        "pack_under_voltage",
        "charge_over_current",
        "discharge_over_current",
        "short_circuit",
    ),
    (
        "charge_over_temperature",
        "discharge_over_temperature",
        "charge_under_temperature",
        "discharge_under_temperature",
        "mosfet_over_temperature",
        "ambient_over_temperature",
        "ambient_under_temperature",
    ),
)
# Bit 7 of the second byte is no fault: the pack was filled and has just learned its capacity.
FULLY_CHARGED: Final = 1 << 7
FAULTS: Final = {
    0: "charge_switch_fault",
    1: "discharge_switch_fault",
    2: "temperature_sensor_fault",
    4: "cell_fault",
    5: "front_end_error",
}
WARNINGS: Final = (
    (
        "cell_over_voltage",
        "cell_under_voltage",
        "pack_over_voltage",
        "pack_under_voltage",
        "charge_over_current",
        "discharge_over_current",
    ),
    (
        "charge_over_temperature",
        "discharge_over_temperature",
        "charge_under_temperature",
        "discharge_under_temperature",
        "ambient_over_temperature",
        "ambient_under_temperature",
        "mosfet_over_temperature",
        "low_charge",
    ),
)
_CHARGE_SWITCH: Final = 1 << 1
_DISCHARGE_SWITCH: Final = 1 << 2
_DISCHARGING: Final = 1 << 3
_CHARGING: Final = 1 << 5
# Protections (2), system, configuration, faults, balancing (2), warnings (2).
_STATUS_SIZE: Final = 9

_NUMBER_SIZE: Final = 20

SYSTEM: Final = (
    Field("module_count", 0, U8, 0, Unit.ONE),
    Field("current", 1, I32, -2, Unit.AMPERE),
    Field("voltage", 5, U32, -2, Unit.VOLT),
    Field("remaining_charge", 9, U32, -2, Unit.AMPERE_HOUR),
    Field("full_charge_capacity", 13, U32, -2, Unit.AMPERE_HOUR),
    Field("nameplate_capacity", 17, U32, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("state_of_charge", 21, U8, 0, Unit.PERCENT),
    Field("bms_reported_health", 22, U8, 0, Unit.PERCENT),
    Field("cycle_count", 23, U32, 0, Unit.ONE),
)
# Extremes with the pack and the position that have them: pack, position, value.
EXTREMES: Final = (
    Field("cell_voltage_max", 37, U16, -3, Unit.VOLT),
    Field("cell_voltage_min", 41, U16, -3, Unit.VOLT),
    Field("cell_temperature_max", 45, U16, -1, Unit.CELSIUS, zero=2731),
    Field("cell_temperature_min", 49, U16, -1, Unit.CELSIUS, zero=2731),
)
_SYSTEM_LEAST: Final = 27
APP_FIELDS: Final = (
    Field("current", 1, I16, -2, Unit.AMPERE),
    Field("voltage", 3, U16, -2, Unit.VOLT),
    Field("remaining_charge", 5, U16, -2, Unit.AMPERE_HOUR),
    Field("full_charge_capacity", 7, U16, -2, Unit.AMPERE_HOUR),
    Field("nameplate_capacity", 9, U16, -2, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("state_of_charge", 11, U8, 0, Unit.PERCENT),
    Field("bms_reported_health", 12, U8, 0, Unit.PERCENT),
    Field("cycle_count", 13, U16, 0, Unit.ONE),
)
_APP_PACK_LEAST: Final = 15
APP_VOLTAGE: Final = Field("voltage", 1, U16, -2, Unit.VOLT)
APP_TEMPERATURES: Final = (
    *(
        Field("cell_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731, index=index)
        for index in range(1, _GROUPS + 1)
    ),
    Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731),
    Field("ambient_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731),
)
_HARDWARE: Final = 56

ALSO: Final = (
    "cell_count",
    "charging_enabled",
    "discharging_enabled",
    "balancing_active",
    "alarm",
    "warning",
    "protection",
    "event",
    "serial_number",
    "firmware_version",
    "hardware_version",
)


def encode_request(command: int, *, address: int = FIRST, version: int = VERSION) -> bytes:
    """The bytes that ask; a command above one byte is a type of the binary form."""
    if command > 0xFF:
        return _app(command, bytes([1, address]) if command in (APP_PACK, APP_CELLS) else b"")
    return encode(version, address, command, b"" if command in (SOFTWARE, SERIAL) else bytes([address]))


def encode_reply(
    command: int, data: bytes, *, address: int = FIRST, return_code: int = 0, version: int = VERSION
) -> bytes:
    """The bytes of an answer."""
    if command > 0xFF:
        return _app(command, data)
    return encode(version, address, return_code, data)


def _app(kind: int, data: bytes) -> bytes:
    body = bytes([APP_START]) + kind.to_bytes(6, "big") + bytes([len(data)]) + data
    return body + crc16_modbus(body).to_bytes(2, "big") + bytes([APP_END])


@dataclass(frozen=True)
class Pack:
    """What one pack says of itself, for simulators and fixtures; units as the quantities have them.

    Attributes:
        cells: volts, cell 1 first.
        temperatures: four of the cells.
        switches: of the transistors.
        ambient: of the air.
        current: as sent.
        voltage: of the pack.
        remaining: charge in it.
        learned: capacity as learned.
        cycles: as counted.
        nominal: capacity as configured.
    """

    cells: Sequence[Decimal]
    temperatures: Sequence[Decimal]
    switches: Decimal
    ambient: Decimal
    current: Decimal
    voltage: Decimal
    remaining: Decimal
    learned: Decimal
    cycles: int
    nominal: Decimal


def encode_analog(packs: Sequence[Pack], *, number: int | None = None) -> bytes:
    """Data of an analog answer: of all packs when `number` is None, else of the one of that number."""
    data = bytes([0, len(packs) if number is None else number])
    for pack in packs:
        data += bytes([len(pack.cells)]) + b"".join(CELL.write(cell) for cell in pack.cells)
        data += bytes([len(pack.temperatures) + 2])
        data += b"".join(TEMPERATURE.write(value) for value in pack.temperatures)
        data += SWITCHES.write(pack.switches) + AMBIENT.write(pack.ambient)
        amounts = (pack.current, pack.voltage, pack.remaining)
        data += b"".join(row.write(value) for row, value in zip(FIXED, amounts, strict=True))
        data += bytes([_FEWEST_ITEMS])
        values = (pack.learned, Decimal(pack.cycles), pack.nominal)
        data += b"".join(row.write(value) for row, value in zip(ITEMS, values, strict=True))
    return data


def encode_status(
    *,
    cells: Sequence[int],
    temperatures: Sequence[int],
    protections: Collection[str] = (),
    warnings: Collection[str] = (),
    charging: bool = False,
    discharging: bool = False,
    charging_enabled: bool = True,
    discharging_enabled: bool = True,
    fully_charged: bool = False,
    faults: int = 0,
    balancing: int = 0,
    number: int = FIRST,
) -> bytes:
    """Data of a status answer of one pack: a state byte for each cell and sensor."""
    first, second = (_bits(names, protections) for names in PROTECTIONS)
    system = _CHARGE_SWITCH * charging_enabled | _DISCHARGE_SWITCH * discharging_enabled
    system |= _CHARGING * charging | _DISCHARGING * discharging
    head = bytes([0, number, len(cells), *cells, len(temperatures), *temperatures, NORMAL, NORMAL, NORMAL])
    tail = bytes([first, second | FULLY_CHARGED * fully_charged, system, 0, faults])
    return head + tail + U16.write(balancing) + bytes(_bits(names, warnings) for names in WARNINGS)


def _bits(names: Sequence[str], raised: Collection[str]) -> int:
    return sum(1 << bit for bit, name in enumerate(names) if name in raised)


def encode_app_system(pack: Pack, *, state_of_charge: int, health: int) -> bytes:
    """Data of the app's system answer of a pack that is alone."""
    values = {
        "module_count": Decimal(1),
        "current": pack.current,
        "voltage": pack.voltage,
        "remaining_charge": pack.remaining,
        "full_charge_capacity": pack.learned,
        "nameplate_capacity": pack.nominal,
        "state_of_charge": Decimal(state_of_charge),
        "bms_reported_health": Decimal(health),
        "cycle_count": Decimal(pack.cycles),
    }
    data = b"".join(row.write(values[row.quantity]) for row in SYSTEM) + bytes(8)
    for row, listed in zip(
        EXTREMES, (pack.cells, pack.cells, pack.temperatures, pack.temperatures), strict=True
    ):
        value = max(listed) if row.quantity.endswith("max") else min(listed)
        data += bytes([1, listed.index(value) + 1]) + row.write(value)
    return data


def encode_app_pack(pack: Pack, *, state_of_charge: int, health: int) -> bytes:
    """Data of the app's answer about one pack."""
    values = {
        "current": pack.current,
        "voltage": pack.voltage,
        "remaining_charge": pack.remaining,
        "full_charge_capacity": pack.learned,
        "nameplate_capacity": pack.nominal,
        "state_of_charge": Decimal(state_of_charge),
        "bms_reported_health": Decimal(health),
        "cycle_count": Decimal(pack.cycles),
    }
    return b"\x02" + b"".join(row.write(values[row.quantity]) for row in APP_FIELDS)


def encode_app_cells(pack: Pack) -> bytes:
    """Data of the app's answer about cells; temperatures stand beside the first six."""
    warmth = [row.write(value) for row, value in zip(APP_TEMPERATURES, _warmth(pack), strict=False)]
    warmth += [bytes(2)] * (len(pack.cells) - len(warmth))
    pairs = (CELL.write(cell) + value for cell, value in zip(pack.cells, warmth, strict=False))
    return b"\x02" + APP_VOLTAGE.write(pack.voltage) + bytes([len(pack.cells)]) + b"".join(pairs)


def _warmth(pack: Pack) -> tuple[Decimal, ...]:
    return (*pack.temperatures[:_GROUPS], pack.switches, pack.ambient)


def encode_app_text(*texts: str) -> bytes:
    """Data of the app's answer about the serial number (one text) or the versions (two)."""
    if len(texts) == 1:
        return bytes([len(texts[0])]) + texts[0].encode()
    software, hardware = texts
    head = b"\x00" + bytes([len(software)]) + software.encode()
    return head.ljust(_HARDWARE, b"\x00") + bytes([len(hardware)]) + hardware.encode()


def encode_serial(pack: str, *, board: str = "BOARD") -> bytes:
    """Data of an answer about serial numbers."""
    return board.encode().ljust(_NUMBER_SIZE) + pack.encode().ljust(_NUMBER_SIZE)


class PaceFramer(YdtFramer):
    """Both forms; the start tells which."""

    starts = bytes([START, APP_START])

    def __init__(self) -> None:
        """For answers of versions 25 and 20."""
        super().__init__(versions=(VERSION, OLDER))

    def _length(self, buffer: bytes) -> int | None:
        if buffer[0] == START:
            return super()._length(buffer)
        return 11 + buffer[7] if len(buffer) > 7 else None

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[0] == START:
            return super()._open(raw, position)
        if raw[-1] != APP_END:
            where = f"byte {len(raw) - 1} of the frame, its end"
            raise Damage(Fault.DELIMITER, expected=f"{APP_END:02x}", came=f"{raw[-1]:02x}", where=where)
        expected, came = crc16_modbus(raw[:-3]), int.from_bytes(raw[-3:-1], "big")
        if expected != came:
            raise wrong_sum("CRC", expected, came, at=len(raw) - 3, digits=4)
        # Both directions look alike; a request names at most a pack, an answer says more.
        payload = raw[8:-3]
        return Frame(raw, position, int.from_bytes(raw[1:7], "big"), payload, is_request=len(payload) <= 2)


class Pace(Protocol):
    """See the module."""

    name: ClassVar[str] = "pace"
    title: ClassVar[str] = "PACE (wired in ASCII, PACEEX app in binary)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    repeats: ClassVar[bool] = True
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    is_text: ClassVar[bool] = True
    also_binary: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (9600, 19200)

    def framer(self) -> Framer:
        """A new framer."""
        return PaceFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; the first pack answers at address 1."""
        version = OLDER if name.endswith("-20") else VERSION
        asked = FIRST if address is None else address
        return encode_request(self._row(name).command, address=asked, version=version)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Status, which gives the current its sign, and analog values; in ASCII, version 25."""
        return [self.request(name, address) for name in ("status", "analog")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Software version and serial numbers."""
        return [self.request(name, address) for name in ("software", "serial")]

    def answers(self, frame: Frame, request: Frame) -> bool:
        """A binary answer names its type, one in ASCII its pack and version."""
        if frame.raw[0] == APP_START or request.raw[0] == APP_START:
            return frame.raw[0] == request.raw[0] and frame.command == request.command
        return frame.address == request.address and (bool(frame.status) or frame.raw[1:3] == request.raw[1:3])

    def still_open(self, asked: list[Frame], answered: int) -> list[Frame]:
        """An answer in ASCII uses its request up: the next one is to another."""
        wired = asked[answered].raw[0] == START
        return [*asked[:answered], *asked[answered + 1 :]] if wired else asked

    def decoder(self) -> "Session":
        """What remembers which way the current flows."""
        return Session(self)

    def poller(self, address: int | None, decoder: Decoder) -> Poller:
        """Asks in both versions until one is answered."""
        return _Polling(self, address, decoder)

    def _asked_address(self, frame: Frame) -> int | None:
        if frame.raw[0] == APP_START:
            return frame.payload[1] if len(frame.payload) == 2 else None
        return frame.address

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        if frame.raw[0] == APP_START:
            app = _APP.get(frame.command)
            return app(frame, request) if app else []
        if frame.status:
            return _unread(request, frame)
        if request is None:
            return only_fitting(frame, _FITTED) if frame.payload else []
        layout = _LAYOUTS.get(request.command)
        return layout(frame, request) if layout else []


@dataclass
class Session:
    """Reads the answers of one line, and gives the current the direction that the last status told."""

    protocol: Pace
    spoken: int | None = None  # the version that answers; None until one did
    _charging: dict[str | None, bool] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`.

        Raises:
            FrameRefused: as there.
            RequestForbidden: as there.
        """
        readings = self.protocol.decode(frame, request=request)
        if frame.raw[0] != START or frame.is_request:
            return readings
        if not frame.status:
            self.spoken = int(frame.raw[1:3], 16)
        self._note(frame, readings)
        return [self._signed(one) if one.quantity == "current" else one for one in readings]

    def _note(self, frame: Frame, readings: Sequence[Reading]) -> None:
        parts = [one.component for one in readings if one.quantity == "charging_enabled"]
        if parts:
            for part, system in zip(parts, _systems(frame), strict=True):
                charging, discharging = bool(system & _CHARGING), bool(system & _DISCHARGING)
                if charging != discharging:
                    self._charging[part] = charging
                else:
                    self._charging.pop(part, None)

    def _signed(self, reading: Reading) -> Reading:
        charging = self._charging.get(reading.component)
        if reading.quantity != "current" or charging is None or not isinstance(reading.value, Decimal):
            return reading
        amount = abs(reading.value)
        doubts = tuple(doubt for doubt in reading.doubts if doubt != "sign_unproven")
        return altered(reading, value=amount if charging else -amount, doubts=doubts)


@dataclass(frozen=True)
class _Polling:
    """Both versions in turn until one answers, then that."""

    protocol: Pace
    address: int | None
    decoder: Decoder

    def cycle(self) -> Iterator[bytes]:
        spoken = self.decoder.spoken if isinstance(self.decoder, Session) else VERSION
        for name in ("status", "analog"):
            if spoken in (None, VERSION):
                yield self.protocol.request(name, self.address)
            if spoken in (None, OLDER):
                yield self.protocol.request(f"{name}-20", self.address)


def _unread(request: Frame | None, frame: Frame) -> list[Reading]:
    quantities: tuple[str, ...] = {
        ANALOG: (*(row.quantity for row in (*FIXED, *ITEMS)), "cell_voltage"),
        SOFTWARE: ("firmware_version",),
        SERIAL: ("serial_number",),
    }.get(request.command if request else 0, ())
    unknown = RETURN_CODES[frame.status] == "command unknown"
    absent = ReadingAbsence.NOT_SUPPORTED if unknown else ReadingAbsence.NOT_READ
    return [Reading(name, None, component=_part(frame.address), absence=absent) for name in quantities]


def _part(address: int | None) -> str | None:
    """The first pack is the device; further ones are parts by their number."""
    return f"pack/{address}" if address is not None and address > FIRST and address != ALL else None


def _of(part: str | None, readings: list[Reading]) -> list[Reading]:
    return of_part(readings, part)


def _packs(frame: Frame, block: Callable[[Cursor], list[Reading]], name: str) -> list[Reading]:
    """Readings of every pack to the end of the data; several are counted in front, one is numbered."""
    cursor = Cursor(frame.payload, name)
    cursor.take(1, "flags")
    stated = cursor.number(U8, "count of packs, or number of the pack")
    found = [block(cursor)]
    while cursor.left:
        found.append(block(cursor))
    if len(found) == 1:
        return _of(_part(frame.address), found[0])
    if len(found) != stated:
        raise Damage(
            Fault.LENGTH, expected=f"data of {stated} packs", came=f"data of {len(found)}", where="byte 1"
        )
    named = [_of(f"pack/{number}", readings) for number, readings in enumerate(found, 1)]
    return [told("module_count", Decimal(stated)), *(one for readings in named for one in readings)]


def _analog(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    return _packs(frame, _analog_pack, "analog values")


def _analog_pack(cursor: Cursor) -> list[Reading]:
    readings = cells(cursor, CELL)
    count = len(readings)
    sensors = cursor.number(U8, "count of temperatures")
    data = cursor.take(2 * sensors, f"{sensors} temperatures")
    readings += TEMPERATURE.read_all(data, min(sensors, _GROUPS))
    for place, row in ((_GROUPS, SWITCHES), (_GROUPS + 1, AMBIENT)):
        readings += _present([row.read(data, base=2 * place)])
    data = cursor.take(_FIXED_SIZE, "current, voltage and charge")
    fixed = _FIXED_BLOCK.read(data)
    fixed[0] = altered(fixed[0], doubts=("sign_unproven",)) if fixed[0].value else fixed[0]
    items = cursor.number(U8, "count of further items")
    if not _FEWEST_ITEMS <= items <= _MOST_ITEMS:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_FEWEST_ITEMS} or {_MOST_ITEMS} further items",
            came=str(items),
            where=f"byte {cursor.at - 1} of the analog values",
        )
    data = cursor.take(2 * items, "further items")
    further = _ITEM_BLOCK.read(data)
    if data[0:2] == data[4:6]:
        further[0] = altered(further[0], doubts=("repeats_nominal",))
    return [*readings, *fixed, *further, *_charge(fixed, further), told("cell_count", Decimal(count))]


def _charge(fixed: Sequence[Reading], further: Sequence[Reading]) -> list[Reading]:
    """Remaining over learned charge in steps of 0.1 %, derived; none when nothing was learned."""
    remaining, learned = fixed[2].value, further[0].value
    assert isinstance(remaining, Decimal)
    assert isinstance(learned, Decimal)
    if not learned:
        return []
    share = (100 * remaining / learned).quantize(Decimal("0.1"))
    return [_SHARE(share)]


def _present(found: Iterable[Reading | None]) -> list[Reading]:
    return [reading for reading in found if reading is not None]


def _status(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    return _packs(frame, _status_pack, "status")


def _status_pack(cursor: Cursor) -> list[Reading]:
    readings = []
    for index, state in enumerate(states(cursor, "cells"), 1):
        if state != NORMAL:
            readings += state_alarm(state, CELL_STATES, cursor, index, own=True)
    for number, state in enumerate(states(cursor, "temperatures"), 1):
        if state == NORMAL:
            continue
        place = number if number <= _GROUPS else None
        readings += state_alarm(state, TEMPERATURE_STATES, cursor, place, own=True)
    for names in (CHARGE_STATES, VOLTAGE_STATES, DISCHARGE_STATES):
        readings += state_alarm(cursor.number(U8, "states"), names, cursor, None, own=True)
    block = cursor.take(_STATUS_SIZE, "protections, switches and warnings")
    system, faults = block[2], block[4]
    readings += _named("protection", block[0], PROTECTIONS[0])
    readings += _named("protection", block[1], PROTECTIONS[1])
    if block[1] & FULLY_CHARGED:
        readings.append(told("event", "fully_charged"))
    readings += [told("alarm", name) for bit, name in FAULTS.items() if faults >> bit & 1]
    readings += _named("warning", block[7], WARNINGS[0])
    readings += _named("warning", block[8], WARNINGS[1])
    readings.append(told("charging_enabled", bool(system & _CHARGE_SWITCH)))
    readings.append(told("discharging_enabled", bool(system & _DISCHARGE_SWITCH)))
    readings.append(told("balancing_active", any(block[5:7])))
    return readings


def _named(quantity: str, byte: int, names: Sequence[str]) -> list[Reading]:
    return [told(quantity, name) for bit, name in enumerate(names) if byte >> bit & 1] if byte else []


def _systems(frame: Frame) -> Iterator[int]:
    """The system byte of every pack of a status answer that was read."""
    cursor = Cursor(frame.payload, "status")
    cursor.take(2, "flags")
    while cursor.left:
        states(cursor, "cells")
        states(cursor, "temperatures")
        yield cursor.take(3 + _STATUS_SIZE, "states and status")[5]


def _software(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    return _of(_part(frame.address), [text_reading("firmware_version", frame.payload)])


def _serial(frame: Frame, request: Frame | None) -> list[Reading]:
    """The pack's number stands behind the board's; alone, the first one is the board's."""
    del request
    board, pack = frame.payload[:_NUMBER_SIZE], frame.payload[_NUMBER_SIZE : 2 * _NUMBER_SIZE]
    reading = text_reading("serial_number", pack)
    if reading.value is None:
        reading = text_reading("serial_number", board)
        if reading.value is not None:
            reading = altered(reading, doubts=(*reading.doubts, "boards_number"))
    return _of(_part(frame.address), [reading])


def _app_part(request: Frame | None) -> str | None:
    return _part(request.payload[1]) if request is not None and len(request.payload) == 2 else None


def _app_system(frame: Frame, request: Frame | None) -> list[Reading]:
    """Sums over all packs; of a pack that is alone they are its own."""
    del request
    cursor = Cursor(frame.payload, "system data")
    cursor.take(_SYSTEM_LEAST, "amounts")
    readings = _present(row.read(frame.payload) for row in SYSTEM)
    alone = frame.payload[0] <= 1
    for row in EXTREMES:
        found = row.read(frame.payload)
        if found is not None:
            position = frame.payload[row.offset - 1]
            readings.append(altered(found, index=position or None) if alone else found)
    return _of(None if alone else "system", _learned(readings))


def _learned(readings: list[Reading]) -> list[Reading]:
    values = {reading.quantity: reading.value for reading in readings}
    if values["full_charge_capacity"] != values["nameplate_capacity"]:
        return readings
    return [
        altered(one, doubts=("repeats_nominal",)) if one.quantity == "full_charge_capacity" else one
        for one in readings
    ]


def _app_pack(frame: Frame, request: Frame | None) -> list[Reading]:
    Cursor(frame.payload, "pack data").take(_APP_PACK_LEAST, "amounts")
    return _of(_app_part(request), _learned(_present(row.read(frame.payload) for row in APP_FIELDS)))


def _app_cells(frame: Frame, request: Frame | None) -> list[Reading]:
    """Cells and temperatures in pairs; only the first six temperatures are known to be any."""
    cursor = Cursor(frame.payload, "cell data")
    cursor.take(3, "voltage")
    count = cursor.number(U8, "count of cells")
    data = cursor.take(4 * count, f"{count} cells with temperatures")
    pairs = U16.read_all(data, 0, 2 * count)
    readings = _present([APP_VOLTAGE.read(frame.payload)])
    for index, raw in enumerate(pairs[::2], 1):
        cell = CELL.reading(raw, index=index)
        readings.append(cell if raw else altered(cell, doubts=("not_fitted",)))
    readings += [row.reading(raw) for row, raw in zip(APP_TEMPERATURES, pairs[1::2], strict=False) if raw]
    readings.append(told("cell_count", Decimal(count)))
    return _of(_app_part(request), readings)


def _app_serial(frame: Frame, request: Frame | None) -> list[Reading]:
    del request
    cursor = Cursor(frame.payload, "serial number")
    return [text_reading("serial_number", cursor.take(cursor.number(U8, "length"), "serial number"))]


def _app_versions(frame: Frame, request: Frame | None) -> list[Reading]:
    """A flag, then texts behind their lengths at fixed places."""
    del request
    readings = []
    for quantity, place in (("firmware_version", 1), ("hardware_version", _HARDWARE)):
        cursor = Cursor(frame.payload, "versions")
        cursor.take(min(place, cursor.left), "what stands before")
        if cursor.left:
            text = cursor.take(cursor.number(U8, "length"), quantity.replace("_", " "))
            readings.append(text_reading(quantity, text))
    return readings


# Layouts that an answer without its request is tried with.
_FITTED: Final[dict[int, Layout]] = {ANALOG: _analog, STATUS: _status}
_LAYOUTS: Final[dict[int, Layout]] = {**_FITTED, SOFTWARE: _software, SERIAL: _serial}
_APP: Final[dict[int, Layout]] = {
    APP_SYSTEM: _app_system,
    APP_PACK: _app_pack,
    APP_CELLS: _app_cells,
    APP_SERIAL: _app_serial,
    APP_VERSIONS: _app_versions,
}

PROTOCOL: Final = Pace()
