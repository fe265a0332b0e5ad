"""ANT before 2021: answers of 140 bytes, AA 55 AA FF, to the request DB DB 00 00 00 00.

Big-endian. The checksum is the sum of the bytes from the fifth to the last but two. Nothing in the frame says
whether the battery charges, and projects disagree about the sign of the current, so current and power carry
`sign_unproven`. Writes (A5 A5) are never spoken.

Source: layout as restated in docs/protocols/ant-legacy.md, proven on recordings of two devices.
"""

from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.ant import directed, switches
from ingest.daly import or_unfitted
from ingest.frames import sum8
from ingest.protocol import (
    I16,
    U8,
    U16,
    U32,
    Certainty,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Integer,
    Protocol,
    Request,
)
from schemas.reading import Reading
from schemas.terms import Origin, Unit

I32: Final = Integer(4, signed=True)
HEAD: Final = b"\xaa\x55\xaa\xff"
ASK: Final = b"\xdb\xdb"
SIZE: Final = 140
_ASK_SIZE: Final = 6
_CHECKSUM: Final = 138
STATUS: Final = 0x00

REQUESTS: Final = (Request("status", STATUS, "everything that the board tells"),)

CELL: Final = Field("cell_voltage", 6, U16, -3, Unit.VOLT)
TEMPERATURE: Final = Field("cell_temperature", 91, I16, 0, Unit.CELSIUS)
FIELDS: Final = (
    Field("voltage", 4, U16, -1, Unit.VOLT),
    Field("state_of_charge", 74, U8, 0, Unit.PERCENT),
    Field("nameplate_capacity", 75, U32, -6, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("remaining_charge", 79, U32, -6, Unit.AMPERE_HOUR),
    Field("charge_throughput", 83, U32, -3, Unit.AMPERE_HOUR),
    Field("operating_time", 87, U32, 0, Unit.SECOND),
    Field("cell_count", 123, U8, 0, Unit.ONE),
)
DIRECTED: Final = (
    Field("current", 70, I32, -1, Unit.AMPERE),
    Field("power", 111, I32, 0, Unit.WATT),
)
_CELLS: Final = 123
_MOST_CELLS: Final = 32
_SENSORS: Final = 6
_USUAL_SENSORS: Final = 4
_CHARGE_SWITCH: Final = 103
_DISCHARGE_SWITCH: Final = 104
_BALANCED: Final = slice(132, 136)

# Quantities decoded by hand.
ALSO: Final = ("balancing_active", "charging_enabled", "discharging_enabled", "protection")


def encode_request() -> bytes:
    """The bytes that ask for status."""
    body = bytes([STATUS, 0, 0])
    return ASK + body + bytes([sum8(body)])


class AntLegacyFramer(Framer):
    """Answers of 140 bytes and requests of 6."""

    starts = HEAD[:1] + ASK[:1]

    def _length(self, buffer: bytes) -> int | None:
        head, size = (HEAD, SIZE) if buffer[0] == HEAD[0] else (ASK, _ASK_SIZE)
        for at, (came, expected) in enumerate(zip(buffer, head, strict=False)):
            if came != expected:
                raise Damage(
                    Fault.DELIMITER,
                    expected=f"{expected:02x}",
                    came=f"{came:02x}",
                    where=f"byte {at} of the frame",
                    judged_bytes=at + 1,
                )
        return size if len(buffer) >= len(head) else None

    def _open(self, raw: bytes, position: int) -> Frame:
        is_request = len(raw) == _ASK_SIZE
        if is_request:
            at, size, expected = _ASK_SIZE - 1, 2, sum8(raw[2:-1])
        else:
            at, size, expected = _CHECKSUM, 4, sum(raw[4:_CHECKSUM]) & 0xFFFF
        came = int.from_bytes(raw[at:], "big")
        if expected != came:
            raise Damage(
                Fault.CHECKSUM,
                expected=f"checksum {expected:0{size}x}",
                came=f"{came:0{size}x}",
                where=f"byte {at} of the frame",
            )
        command = raw[2] if is_request else STATUS
        return Frame(raw, position, command=command, payload=raw, is_request=is_request)


class AntLegacy(Protocol):
    """See the module."""

    name: ClassVar[str] = "ant-legacy"
    title: ClassVar[str] = "ANT before 2021 (AA 55 AA FF)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (9600, 19200)

    def framer(self) -> Framer:
        """A new framer."""
        return AntLegacyFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of the read; there is one battery on a line, so `address` is not used."""
        del address
        self._row(name)
        return encode_request()

    def poll(self, address: int | None = None) -> list[bytes]:
        """Status."""
        return [self.request("status", address)]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        data = frame.payload
        count = min(data[_CELLS], _MOST_CELLS)
        readings = [or_unfitted(cell) for cell in CELL.read_all(data, count)]
        for field in FIELDS:
            reading = field.read(data)
            assert reading is not None  # the frame has 140 bytes
            readings.append(reading)
        for field in DIRECTED:
            reading = field.read(data)
            assert reading is not None
            readings.append(directed(reading, charges=None))
        sensors = TEMPERATURE.read_all(data, _SENSORS)
        readings += [_or_absent(sensor) for sensor in sensors]
        readings.append(Reading("balancing_active", any(data[_BALANCED])))
        return readings + switches(data[_CHARGE_SWITCH], data[_DISCHARGE_SWITCH])


def _or_absent(sensor: Reading) -> Reading:
    """Boards have places for six sensors and usually four of them; the other two then show nought."""
    if sensor.value == Decimal(0) and (sensor.index or 0) > _USUAL_SENSORS:
        return replace(sensor, doubts=("sensor_may_be_absent",))
    return sensor


PROTOCOL: Final = AntLegacy()
