"""Electric cars over their diagnostic socket: SAE J1979 service 01, UDS service 22, on ISO-TP.

Only the two reading services are known here. Standard values are read from service 01 and from the data
identifiers F400 to F4FF that repeat it; a maker's own identifiers from a table by the answering address. It
holds those of Hyundai's and Kia's E-GMP cars; `uds:TABLE.csv` reads, and asks for, those of a table of the
user's instead. An answer of several frames is put together by its lengths and numbers; what is incomplete is
refused.

Source: layouts as restated in docs/protocols/uds.md; the table of E-GMP is proven on recordings of cars.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

from ingest.can import Assembler, BusFrame, CanFrame, CanProtocol, Message, read_line, read_spelling
from ingest.errors import RequestForbidden
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
    Integer,
    Refused,
    Request,
)
from ingest.uds_map import DidMap, Read, read_map
from schemas.reading import Reading, altered
from schemas.terms import Unit

CURRENT_DATA: Final = 0x01
READ_BY_IDENTIFIER: Final = 0x22
POSITIVE: Final = 0x40
_REPEATS: Final = 0xF400  # identifiers F4xx are the parameters xx of service 01
EVERYBODY: Final = 0x7DF
BATTERY_CONTROL: Final = 0x7E4
BATTERY_ANSWERS: Final = 0x7EC

REMAINING: Final = 0x5B
SYSTEM: Final = 0x9A
HEALTH: Final = 0xB2
CERTIFIED: Final = 0xD2

# Parameters of which the standard says that they fit one frame.
REQUESTS: Final = (
    Request("remaining", EVERYBODY, "01 5B: remaining charge"),
    Request("health", EVERYBODY, "01 B2: state of health of the traction battery"),
    Request("certified", EVERYBODY, "01 D2: state of certified energy and range"),
)
_PADDING: Final = 0x55
# Go on to the end, without a pause between frames (ISO 15765-2); the answer to a first frame.
_GO_ON: Final = bytes([0x30, 0, 0]).ljust(8, bytes([_PADDING]))
_NEGATIVE: Final = b"\x7f"
_PENDING: Final = b"\x78"  # a control unit needs longer; its answer follows
_READ: Final = bytes([READ_BY_IDENTIFIER])


def _single(identifier: int, service: bytes) -> CanFrame:
    return CanFrame(identifier, (bytes([len(service)]) + service).ljust(8, bytes([_PADDING])))


ASKS: Final[Mapping[str, CanFrame]] = {
    "remaining": _single(EVERYBODY, bytes([CURRENT_DATA, REMAINING])),
    "health": _single(EVERYBODY, bytes([CURRENT_DATA, HEALTH])),
    "certified": _single(EVERYBODY, bytes([CURRENT_DATA, CERTIFIED])),
}

# Bytes of data of each parameter that is known here.
_LENGTHS: Final[Mapping[int, int]] = {REMAINING: 1, SYSTEM: 6, HEALTH: 1, CERTIFIED: 3}
# Shares of 255 in percent.
SHARES: Final[Mapping[int, str]] = {REMAINING: "state_of_charge", HEALTH: "bms_reported_health"}
CERTIFIED_SHARES: Final = ("state_of_certified_energy", "state_of_certified_range")
SYSTEM_CURRENT: Final = Field("current", 4, I16, -1, Unit.AMPERE)
_SYSTEM_VOLTAGE: Final = 2
ALSO: Final = (*SHARES.values(), *CERTIFIED_SHARES, "voltage")

# Identifiers of the battery control of E-GMP cars. Offsets count from the first byte behind the identifier.
I8: Final = Integer(1, signed=True)
_STATE_OF_CHARGE_AT: Final = 4  # halves of a percent
EGMP_STATE: Final = (
    Field("current", 10, I16, -1, Unit.AMPERE),
    Field("voltage", 12, U16, -1, Unit.VOLT),
    Field("cell_temperature_max", 14, I8, 0, Unit.CELSIUS),
    Field("cell_temperature_min", 15, I8, 0, Unit.CELSIUS),
    Field("charge_in", 30, U32, -1, Unit.AMPERE_HOUR),
    Field("charge_out", 34, U32, -1, Unit.AMPERE_HOUR),
    Field("energy_in", 38, U32, -1, Unit.KILOWATT_HOUR),
    Field("energy_out", 42, U32, -1, Unit.KILOWATT_HOUR),
    Field("operating_time", 46, U32, 0, Unit.SECOND),
)
# In steps of 20 mV, each with the number of its cell behind it.
EGMP_CELLS: Final = (
    Field("cell_voltage_max", 23, U8, -3, Unit.VOLT),
    Field("cell_voltage_min", 25, U8, -3, Unit.VOLT),
)
_CELL_STEP: Final = 20
EGMP_HEALTH: Final = (Field("bms_reported_health", 25, U16, -1, Unit.PERCENT),)
EGMP_CHARGES: Final = (
    Field("event_count", 4, U32, 0, Unit.ONE, kind="normal_charge"),
    Field("event_count", 8, U32, 0, Unit.ONE, kind="quick_charge"),
)
EGMP: Final[Mapping[int, tuple[Field, ...]]] = {0x0101: EGMP_STATE, 0x0105: EGMP_HEALTH, 0x0111: EGMP_CHARGES}

_MOST_PENDING: Final = 64
_SINGLE: Final = 0
_FIRST: Final = 1
_CONSECUTIVE: Final = 2


def is_diagnostic(frame: CanFrame) -> bool:
    """Whether a frame's identifier is one that testers and control units use."""
    if frame.extended:
        return frame.identifier >> 16 in (0x18DA, 0x18DB)
    return 0x700 <= frame.identifier <= 0x7FF


def segment(identifier: int, payload: bytes) -> list[CanFrame]:
    """The frames of a message, as a control unit sends them."""
    if len(payload) < 8:
        return [_single(identifier, payload)]
    frames = [CanFrame(identifier, (0x1000 | len(payload)).to_bytes(2, "big") + payload[:6])]
    for number, at in enumerate(range(6, len(payload), 7), 1):
        data = bytes([0x20 | number & 0xF]) + payload[at : at + 7]
        frames.append(CanFrame(identifier, data.ljust(8, bytes([_PADDING]))))
    return frames


@dataclass
class _Pending:
    """A message of which frames are missing yet."""

    first: CanFrame
    length: int
    data: bytearray
    number: int = 1
    spelt: list[bytes] = field(default_factory=list)


class IsoTp:
    """Puts answers of several frames together; frames of others on the bus pass as they are."""

    def __init__(self) -> None:
        self._pending: dict[tuple[int, bool], _Pending] = {}

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """What this frame completes, and what it shows to be incomplete."""
        if frame.assembled or not is_diagnostic(frame) or not frame.data:
            return [frame.whole()]
        kind, key = frame.data[0] >> 4, (frame.identifier, frame.extended)
        if kind == _CONSECUTIVE:
            return self._go_on(key, frame)
        if kind not in (_SINGLE, _FIRST):
            return []  # flow control
        out = self._break_off(key)
        if kind == _SINGLE:
            length = frame.data[0] & 0xF
            if not 0 < length < len(frame.data):
                return [*out, frame.refuse(_wrong_length(length, len(frame.data) - 1))]
            return [*out, frame.whole(frame.data[1 : 1 + length])]
        length = int.from_bytes(frame.data[:2], "big") & 0xFFF
        if len(frame.data) != 8 or length < 8:
            return [*out, frame.refuse(_wrong_length(length, len(frame.data) - 2))]
        if len(self._pending) >= _MOST_PENDING:
            out += self._break_off(next(iter(self._pending)))
        self._pending[key] = _Pending(frame, length, bytearray(frame.data[2:]))
        return out

    def flush(self) -> list[Frame | Refused]:
        """The bus has ended: what is still incomplete."""
        return [refused for key in list(self._pending) for refused in self._break_off(key)]

    def _go_on(self, key: tuple[int, bool], frame: CanFrame) -> list[Frame | Refused]:
        pending = self._pending.get(key)
        if pending is None:
            damage = Damage(
                Fault.TRUNCATED,
                expected="the first frame of a message",
                came=f"frame {frame.data[0] & 0xF}",
                where=f"identifier {frame.identifier:X}",
            )
            return [frame.refuse(damage)]
        if frame.data[0] & 0xF != pending.number & 0xF:
            return self._break_off(key, came=f"frame {frame.data[0] & 0xF}")
        pending.data += frame.data[1:]
        pending.number += 1
        if len(pending.data) >= pending.length:
            del self._pending[key]
            return [pending.first.whole(bytes(pending.data[: pending.length]))]
        if len(frame.data) < 8:
            return self._break_off(key, came=f"a frame of {len(frame.data)} bytes", pending=pending)
        return []

    def _break_off(
        self, key: tuple[int, bool], *, came: str = "another message", pending: _Pending | None = None
    ) -> list[Frame | Refused]:
        pending = self._pending.pop(key, pending)
        if pending is None:
            return []
        damage = Damage(
            Fault.TRUNCATED,
            expected=f"frame {pending.number & 0xF} of a message of {pending.length} bytes",
            came=came,
            where=f"identifier {pending.first.identifier:X}",
        )
        return [pending.first.refuse(damage)]


def _wrong_length(said: int, there: int) -> Damage:
    return Damage(
        Fault.LENGTH, expected="a length that the frame can have", came=f"{said} of {there}", where="byte 0"
    )


class Uds(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "uds"
    title: ClassVar[str] = "Electric cars: SAE J1979 and UDS"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    messages: ClassVar[Mapping[int, Message]] = {}
    asks: ClassVar[Mapping[str, CanFrame]] = ASKS
    polled: ClassVar[tuple[str, ...]] = tuple(ASKS)
    takes_file: ClassVar[bool] = True
    by_turns: ClassVar[bool] = True  # a control unit takes one request at a time

    def tuned(self, argument: str) -> "Uds":
        """The same for the identifiers of a table: `uds:TABLE.csv` or `uds:TABLE.toml`.

        Raises:
            MapRefused: it cannot be read, or a cell is wrong; the sentence names row and column.
        """
        return TableOfIdentifiers(argument, read_map(Path(argument)))

    def subject(self, raw: bytes) -> bytes:
        """Who answers about what: the identifier, the service, and its parameter or data identifier."""
        identifier, _, data = raw.partition(b"#")
        return identifier + b"#" + data[: 4 if data.startswith(b"41") else 6]

    def assembler(self) -> Assembler:
        """One for ISO-TP."""
        return IsoTp()

    def answers(self, frame: Frame, request: Frame) -> bool:
        """Whether it comes from who was asked, and speaks of the same parameter or identifier."""
        if (
            len(request.payload) < 3
            or not isinstance(frame, BusFrame)
            or not self._from_asked(frame, request)
        ):
            return False
        asked = request.payload[1:4] if request.payload[1:2] == _READ else request.payload[1:3]
        said = frame.payload
        if said[:1] == _NEGATIVE and request.command != EVERYBODY:
            return said[1:2] == asked[:1] and said[2:3] != _PENDING
        return said[:1] == bytes([asked[0] + POSITIVE]) and said[1 : len(asked)] == asked[1:]

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """Whether it answers the request; all else on the bus does not end the waiting."""
        return self.answers(frame, request)

    def onward(self, heard: bytes, request: Frame) -> bytes:
        """Flow control when the answer's first frame is among what was heard."""
        for line in heard.splitlines():
            frame = read_line(line.strip())
            if isinstance(frame, CanFrame) and len(frame.data) == 8 and frame.data[0] >> 4 == _FIRST:
                whole = frame.whole(frame.data[2:])
                if self.answers(whole, request):
                    return CanFrame(_physical(frame, request), _GO_ON, frame.extended).raw
        return b""

    def _from_asked(self, frame: BusFrame, request: Frame) -> bool:
        """Everybody is asked at once; any control unit of the standard may answer."""
        del request
        return not frame.extended and 0x7E8 <= frame.identifier <= 0x7EF

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, BusFrame)
        if not is_diagnostic(CanFrame(frame.identifier, b"", frame.extended)):
            return []
        data = frame.payload
        if data[:1] == bytes([CURRENT_DATA + POSITIVE]):
            return _parameters(data[1:])
        if data[:1] == bytes([READ_BY_IDENTIFIER + POSITIVE]) and len(data) >= 3:
            identifier = int.from_bytes(data[1:3], "big")
            if identifier & 0xFF00 == _REPEATS and not self._is_tabled(frame, identifier):
                return _parameter(identifier & 0xFF, data[3:])
            return self._by_identifier(frame, identifier, data[3:])
        return []

    def _is_tabled(self, frame: BusFrame, identifier: int) -> bool:
        """Whether a table of the user's says what the identifier means."""
        del frame, identifier
        return False

    def _by_identifier(self, frame: BusFrame, identifier: int, data: bytes) -> list[Reading]:
        """What a maker's own identifier says."""
        if (frame.identifier, frame.extended) == (BATTERY_ANSWERS, False):
            return _egmp(identifier, data)
        return []

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        raise NotImplementedError  # nothing here lies by the identifier of a frame


class TableOfIdentifiers(Uds):
    """Reads what a table of the user's names, and asks for nothing else.

    The parameters of the standard are still read from recordings; the table of E-GMP is not, as another car
    may mean something else by the same numbers.
    """

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def __init__(self, argument: str, known: DidMap) -> None:
        """A table by the name of its file."""
        self.name = f"uds:{argument}"  # type: ignore[misc]  # of this file, not of the class
        self.title = f"Identifiers of {Path(argument).name}"  # type: ignore[misc]
        self._values = {(read.answer, read.extended, read.did): values for read, values in known.items()}
        self._answers = {(read.request, read.extended): read.answer for read in known}
        named = {_title(read): read for read in known}
        self.requests = tuple(  # type: ignore[misc]
            Request(name, read.request, f"22 {read.did:04X}: {len(known[read])} values")
            for name, read in named.items()
        )
        self.asks = {  # type: ignore[misc]
            name: replace(
                _single(read.request, _READ + read.did.to_bytes(2, "big")),
                extended=read.extended,
            )
            for name, read in named.items()
        }
        self.polled = tuple(self.asks)  # type: ignore[misc]

    def _parse_request(self, data: bytes) -> Frame:
        frame = read_spelling(data)
        if frame is None:
            raise RequestForbidden(f"{self.name}: {data[:64].hex()} is not one request of this protocol")
        return replace(frame.whole(), is_request=True)

    def _from_asked(self, frame: BusFrame, request: Frame) -> bool:
        assert isinstance(request, BusFrame)
        answer = self._answers.get((request.identifier, request.extended))
        return (frame.identifier, frame.extended) == (answer, request.extended)

    def _is_tabled(self, frame: BusFrame, identifier: int) -> bool:
        return (frame.identifier, frame.extended, identifier) in self._values

    def _by_identifier(self, frame: BusFrame, identifier: int, data: bytes) -> list[Reading]:
        values = self._values.get((frame.identifier, frame.extended, identifier), ())
        return [reading for value in values if (reading := value.reading(data)) is not None]


def _title(read: Read) -> str:
    return f"{read.request:X}-{read.did:04X}"


def _physical(answer: CanFrame, request: Frame) -> int:
    """Who is told to go on: who was asked, or, where everybody was, who answers."""
    return request.command if request.command != EVERYBODY else answer.identifier - 8


def _parameters(data: bytes) -> list[Reading]:
    """The parameters of one answer; what follows an unknown one has an unknown place."""
    readings = []
    while data and data[0] in _LENGTHS:
        length = _LENGTHS[data[0]]
        readings += _parameter(data[0], data[1 : 1 + length])
        data = data[1 + length :]
    return readings


def _parameter(number: int, data: bytes) -> list[Reading]:
    if number not in _LENGTHS:
        return []
    if len(data) < _LENGTHS[number]:
        raise Damage(
            Fault.LENGTH,
            expected=f"{_LENGTHS[number]} bytes of parameter {number:02X}",
            came=f"{len(data)}",
            where="the answer",
        )
    if number in SHARES:
        return [_share(SHARES[number], data[0])]
    if number == CERTIFIED:
        # A first byte says which of the two are there; nought where one is not is no state.
        return [
            _share(name, data[1 + bit]) for bit, name in enumerate(CERTIFIED_SHARES) if data[0] >> bit & 1
        ]
    raw = int.from_bytes(data[_SYSTEM_VOLTAGE : _SYSTEM_VOLTAGE + 2], "big")
    if not raw:
        return []  # the car does not tell it
    voltage = (Decimal(raw) / 64).quantize(Decimal("0.001"))
    current = SYSTEM_CURRENT.reading(int.from_bytes(data[4:6], "big", signed=True))
    return [Reading("voltage", voltage), _unproven(current)]


def _share(quantity: str, raw: int) -> Reading:
    return Reading(quantity, (Decimal(raw) * 100 / 255).quantize(Decimal("0.1")))


def _unproven(current: Reading) -> Reading:
    return altered(current, doubts=("sign_unproven",)) if current.value else current


def _egmp(identifier: int, data: bytes) -> list[Reading]:
    readings = [
        _unproven(reading) if reading.quantity == "current" else reading
        for row in EGMP.get(identifier, ())
        if (reading := row.read(data)) is not None
    ]
    if identifier == 0x0101:
        if len(data) > _STATE_OF_CHARGE_AT:
            readings.append(Reading("state_of_charge", Decimal(data[_STATE_OF_CHARGE_AT]) / 2))
        readings += [
            row.reading(data[row.offset] * _CELL_STEP, index=data[row.offset + 1] or None)
            for row in EGMP_CELLS
            if len(data) > row.offset + 1
        ]
    return readings


PROTOCOL: Final = Uds()
