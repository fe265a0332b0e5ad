"""Frames of a CAN bus: how they are spelt, put together, and read by tables of fields per identifier.

A CAN controller proves the checksum of a frame before anybody sees it, so what is left to prove here is the
length: data shorter than the fields of their identifier refuse the frame. Messages longer than one frame are
put together by a protocol's assembler. On a live line and in evidence a frame is spelt as `candump -L` does.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final
from typing import Protocol as Shape

from ingest.errors import ProtocolUnknown, RequestForbidden
from ingest.protocol import (
    SHOWN_BYTES,
    Carrier,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Protocol,
    Refused,
    Request,
)
from schemas.reading import Reading, altered
from schemas.reading import stamp as evidence

STANDARD_LIMIT: Final = 1 << 11
EXTENDED_LIMIT: Final = 1 << 29
# Flags that SocketCAN keeps above the 29 bits of an identifier.
_ERROR_FLAG: Final = 1 << 29
_WITHOUT_DESTINATION: Final = 0xF0  # from this format on the low byte belongs to the parameter group
# A stamp before 1990 counts from the start of the recording, or of the adapter: it is no date.
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DATE_S: Final = 631_152_000
_LAST_DATE_S: Final = 253_402_300_799
# A line of text longer than this is no frame.
_LONGEST_LINE: Final = 4096

# `(1700000000.123456) can0 351#1402FA007D00BD01`; FD frames have `##` and a digit of flags; `R` asks.
_LOGGED: Final = re.compile(
    rb"\((\d{1,11})\.(\d{1,9})\)\s+(\S+)\s+([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#"
    rb"(?:#[0-9A-Fa-f])?(R[0-9A-Fa-f]?|(?:[0-9A-Fa-f]{2}\.?)*)(?:\s+[RT])?\s*"
)
_SPELT: Final = re.compile(rb"([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#((?:[0-9A-Fa-f]{2})*)")
# `(000.000000)  can0  351   [8]  14 02 FA 00 7D 00 BD 01`, with or without a stamp and ASCII behind.
_SHOWN: Final = re.compile(
    rb"(?:\(([^)]*)\)\s+)?(\S+)\s+(?:(?:RX|TX)\s+[-BE ]*\s+)?([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})\s+"
    rb"\[\s*(\d{1,2})\]((?:\s+[0-9A-Fa-f]{2})*|\s+remote request)(?:\s+'.*)?\s*"
)


def stamp(seconds: int, nanoseconds: int = 0) -> datetime | None:
    """The time so many seconds after 1970; None when that is no date but a count from some start."""
    if not _FIRST_DATE_S <= seconds <= _LAST_DATE_S:
        return None
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


@dataclass(frozen=True, slots=True)
class CanFrame:
    """One frame of a bus, or one message that its recorder has put together already.

    Attributes:
        identifier: 11 or 29 bits.
        data: 0 to 8 bytes, to 64 on CAN FD; more when `assembled`.
        extended: True for an identifier of 29 bits.
        at: when it was heard, aware; None when that is not known.
        channel: which bus it was heard on; None when there is one.
        position: number of the frame in its stream, from 0.
        assembled: True when the recorder put the message together (CANboat).
    """

    identifier: int
    data: bytes
    extended: bool = False
    at: datetime | None = None
    channel: str | None = None
    position: int = 0
    assembled: bool = False

    @property
    def raw(self) -> bytes:
        """The canonical spelling, which is what evidence is taken of: `351#1402FA007D00BD01`."""
        return spell(self.identifier, self.data, extended=self.extended)

    def whole(self, data: bytes | None = None, *, command: int | None = None) -> "BusFrame":
        """The proven frame; `data` and `command` when a message was put together from several."""
        mine = self.data if data is None else data
        raw = self.raw if data is None else spell(self.identifier, mine, extended=self.extended)
        return BusFrame(
            raw,
            self.position,
            command=self.identifier if command is None else command,
            payload=mine,
            identifier=self.identifier,
            extended=self.extended,
            at=self.at,
            channel=self.channel,
        )

    def refuse(self, damage: Damage) -> Refused:
        """The report that this frame is not believed."""
        return Refused.of(damage, self.raw, self.position)


@dataclass(frozen=True)
class BusFrame(Frame):
    """A proven frame or message of a CAN bus.

    Attributes:
        identifier: of the frame, or of the first of several.
        extended: True for an identifier of 29 bits.
        at: when it was heard; None when that is not known.
        channel: which of several buses it was heard on; None when there is one.
    """

    identifier: int = 0
    extended: bool = False
    at: datetime | None = None
    channel: str | None = None


def spell(identifier: int, data: bytes, *, extended: bool = False) -> bytes:
    """A frame as `candump -L` spells it: 3 digits of identifier, or 8 of an extended one."""
    return (
        b"%08X#%b" % (identifier, data.hex().upper().encode())
        if extended
        else (b"%03X#%b" % (identifier, data.hex().upper().encode()))
    )


def read_spelling(raw: bytes) -> CanFrame | None:
    """The frame that is spelt so; None when nothing is."""
    found = _SPELT.fullmatch(raw)
    if found is None:
        return None
    extended = len(found[1]) == 8
    identifier = int(found[1], 16)
    if identifier >= (EXTENDED_LIMIT if extended else STANDARD_LIMIT):
        return None
    return CanFrame(identifier, bytes.fromhex(found[2].decode()), extended)


def read_line(line: bytes, position: int = 0) -> CanFrame | Refused | None:
    """What a line of candump says, `-L` or as it stands on a terminal; None for one that only asks (RTR)."""
    found = _LOGGED.fullmatch(line)
    if found is not None:
        seconds, fraction, channel, digits, data = found.groups()
        if data[:1] == b"R":
            return None
        at = stamp(int(seconds), int(fraction.ljust(9, b"0")))
        return _heard(line, digits, data.replace(b".", b""), at, channel, position)
    found = _SHOWN.fullmatch(line)
    if found is None:
        return _foreign(line, position)
    shown, channel, digits, count, data = found.groups()
    if b"remote" in data:
        return None
    frame = _heard(line, digits, b"".join(data.split()), _shown_stamp(shown), channel, position)
    if isinstance(frame, CanFrame) and len(frame.data) != int(count):
        damage = Damage(
            Fault.LENGTH,
            expected=f"{int(count)} bytes of data",
            came=f"{len(frame.data)}",
            where="the data of the frame",
        )
        return Refused.of(damage, line[:SHOWN_BYTES], position)
    return frame


def _heard(
    line: bytes, digits: bytes, data: bytes, at: datetime | None, channel: bytes, position: int
) -> CanFrame | Refused:
    identifier, extended = int(digits, 16), len(digits) == 8
    if identifier >= (EXTENDED_LIMIT if extended else STANDARD_LIMIT):
        what = "an error frame of the controller" if identifier & _ERROR_FLAG else digits.decode()
        damage = Damage(
            Fault.NOISE, expected="an identifier of 11 or 29 bits", came=what, where="the identifier"
        )
        return Refused.of(damage, line[:SHOWN_BYTES], position)
    return CanFrame(
        identifier,
        bytes.fromhex(data.decode()),
        extended,
        at,
        channel.decode("ascii", "replace"),
        position,
    )


def _shown_stamp(shown: bytes | None) -> datetime | None:
    """`-t a` writes seconds since 1970; `-t z` and `-t d` count; `-t A` is a local time of unknown zone."""
    if shown is None:
        return None
    seconds, point, fraction = shown.strip().partition(b".")
    if not point or not seconds.isdigit() or not fraction.isdigit() or len(seconds) > 11:
        return None
    return stamp(int(seconds), int(fraction[:9].ljust(9, b"0")))


def _foreign(line: bytes, position: int) -> Refused:
    damage = Damage(
        Fault.NOISE,
        expected="a line with a CAN frame, as in 351#1402FA007D00BD01",
        came=repr(line[:60].decode("ascii", "replace")),
        where="the line",
    )
    return Refused.of(damage, line[:SHOWN_BYTES], position)


# Parameter groups (SAE J1939, NMEA 2000)


def compose(priority: int, pgn: int, source: int, destination: int = 255) -> int:
    """The 29-bit identifier of a parameter group (J1939, NMEA 2000)."""
    low = destination if pgn >> 8 & 0xFF < _WITHOUT_DESTINATION else pgn & 0xFF
    return priority << 26 | (pgn & 0x3FF00 | low) << 8 | source


def parameter_group(identifier: int) -> int:
    """The number of the parameter group that a 29-bit identifier carries; its destination is left out."""
    group = identifier >> 8 & 0x3FFFF
    return group if group >> 8 & 0xFF >= _WITHOUT_DESTINATION else group & 0x3FF00


def source_address(identifier: int) -> int:
    """Who sent it."""
    return identifier & 0xFF


# Putting messages together


class Assembler(Shape):
    """Puts the frames of one bus together to messages."""

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """What this frame completes, and what it shows to be incomplete."""

    def flush(self) -> list[Frame | Refused]:
        """The bus has ended: what is still incomplete."""


class Single:
    """The assembler of protocols whose messages fit one frame."""

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """The frame."""
        return [frame.whole()]

    def flush(self) -> list[Frame | Refused]:
        """Nothing: no frame waits for another."""
        return []


class Buses:
    """Frames of one or several buses on their way to whole messages; each bus has its own assembler."""

    def __init__(self, protocol: "CanProtocol", channels: frozenset[str] = frozenset()) -> None:
        """`channels` are the buses known to be there; with several, each is a part of its own."""
        self._protocol = protocol
        self._channels = channels
        self._first: str | None = next(iter(channels)) if len(channels) == 1 else None
        self._assemblers: dict[str | None, Assembler] = {}

    def feed(self, frame: CanFrame) -> list[Frame | Refused]:
        """What this frame completes."""
        channel = frame.channel
        assembler = self._assemblers.get(channel)
        if assembler is None:
            if self._first is None and len(self._channels) < 2:
                self._first = channel
            assembler = self._assemblers[channel] = self._protocol.assembler()
        if channel is not None and channel == self._first:
            frame = CanFrame(
                frame.identifier,
                frame.data,
                frame.extended,
                frame.at,
                None,
                frame.position,
                frame.assembled,
            )
        return assembler.feed(frame)

    def flush(self) -> list[Frame | Refused]:
        """What is still incomplete on every bus."""
        return [found for assembler in self._assemblers.values() for found in assembler.flush()]


class CanFramer(Framer):
    """Finds messages in the text that `candump -L` writes, which is how a CAN line speaks here."""

    starts: ClassVar[bytes] = b"("

    def __init__(self, protocol: "CanProtocol") -> None:
        super().__init__()
        self._buses = Buses(protocol)
        self._rest = b""
        self._number = 0

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """Everything that became certain with these bytes, in order of the stream."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[: 2 * _LONGEST_LINE]
        return [found for line in lines for found in self._line(line)]

    def flush(self) -> list[Frame | Refused]:
        """The line has ended: its last words, and what they leave incomplete."""
        rest, self._rest = self._rest, b""
        return [*self._line(rest), *self._buses.flush()]

    def _line(self, line: bytes) -> list[Frame | Refused]:
        line = line.strip()
        if not line:
            return []
        found = read_line(line[:_LONGEST_LINE], self._number)
        self._number += 1
        if isinstance(found, CanFrame):
            return self._buses.feed(found)
        return [found] if found is not None else []

    def _length(self, buffer: bytes) -> int | None:
        raise NotImplementedError  # `feed` and `flush` go by lines

    def _open(self, raw: bytes, position: int) -> Frame:
        raise NotImplementedError  # `feed` and `flush` go by lines


# Reading messages


@dataclass(frozen=True)
class Message:
    """One row of a protocol's table: what the data of one identifier hold.

    Attributes:
        identifier: of the frame; what `CanProtocol.key` gives for messages that span several identifiers.
        title: for people.
        least: so many bytes at least; shorter data refuse the frame.
        fields: numbers; those that lie behind the end of the data are not there.
    """

    identifier: int
    title: str
    least: int
    fields: tuple[Field, ...] = ()


def table(*messages: Message) -> Mapping[int, Message]:
    """Messages by identifier.

    Raises:
        ValueError: an identifier stands twice.
    """
    found = {message.identifier: message for message in messages}
    if len(found) != len(messages):
        raise ValueError("message table: an identifier stands twice")
    return found


class CanProtocol(Protocol):
    """A protocol on a CAN bus. Most battery systems speak unasked, so the list of requests is empty.

    Attributes:
        messages: the field tables, by identifier.
        extended: True when its identifiers have 29 bits.
        asks: the frame of each request of the allow-list, by name.
        polled: names of the requests of one polling cycle.
    """

    carrier: ClassVar[Carrier] = Carrier.CAN
    requests: ClassVar[tuple[Request, ...]] = ()
    # On a bus these are bit rates.
    baud_rates: ClassVar[tuple[int, ...]] = (500_000,)
    messages: ClassVar[Mapping[int, Message]]
    extended: ClassVar[bool] = False
    asks: ClassVar[Mapping[str, CanFrame]] = {}
    polled: ClassVar[Sequence[str]] = ()

    def framer(self) -> Framer:
        """A reader of the text form of a bus; see `CanFramer`."""
        return CanFramer(self)

    def assembler(self) -> Assembler:
        """What puts the frames of one bus together; by default each frame is a message."""
        return Single()

    def poll(self, address: int | None = None) -> list[bytes]:
        """The requests of one cycle, spelt; none for those that speak unasked."""
        return [self.request(name, address) for name in self.polled]

    def request(self, name: str, address: int | None = None) -> bytes:
        """The spelling of one request of the allow-list."""
        del address
        return self.asks[self._row(name).name].raw

    def _parse_request(self, data: bytes) -> Frame:
        frame = read_spelling(data)
        if frame is None or frame.extended is not self.extended:
            raise RequestForbidden(f"{self.name}: {data[:64].hex()} is not one request of this protocol")
        return replace(frame.whole(), is_request=True)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """A frame that row `number` of `messages` reads; `source` and `part` where identifiers hold such."""
        del source, part
        return CanFrame(number, data, self.extended)

    def subject(self, raw: bytes) -> bytes:
        """What a spelt frame is about; several different subjects are what a profile is known by."""
        return raw.partition(b"#")[0].split(b" ")[-1]

    def key(self, frame: Frame) -> int | None:
        """Which row of `messages` reads the frame; None when none does."""
        extended = isinstance(frame, BusFrame) and frame.extended
        return frame.command if extended is self.extended else None

    def part(self, frame: Frame) -> str | None:
        """Which part of what is on the bus the frame speaks of; None for protocols with one battery a bus."""
        del frame
        return None

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`. Answers on a bus carry their identifier, so `request` is not needed."""
        del request
        readings = [] if frame.is_request else self._readings(frame, None)
        return self.sealed(frame, readings) if readings else readings

    def sealed(self, frame: Frame, readings: list[Reading]) -> list[Reading]:
        """New readings with their evidence; where several buses are heard, the bus is the part they name."""
        channel = frame.channel if isinstance(frame, BusFrame) else None
        if channel is not None:
            bus = f"bus/{channel}"
            readings = [
                altered(reading, component=f"{bus}/{reading.component}" if reading.component else bus)
                for reading in readings
            ]
        evidence(readings, sha256(frame.raw).hexdigest())
        return readings

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        key = self.key(frame)
        message = self.messages.get(key) if key is not None else None
        if message is None:
            return []
        data = frame.payload
        if len(data) < message.least:
            raise too_short(message, data)
        return self._message(message, data, frame)

    @abstractmethod
    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        """What data of a sufficient length say.

        Raises:
            Damage: they contradict themselves.
        """


def too_short(message: Message, data: bytes) -> Damage:
    """That data end before the fields of their identifier do."""
    return Damage(
        Fault.LENGTH,
        expected=f"at least {message.least} bytes of data ({message.title})",
        came=f"{len(data)}",
        where=f"the length of {message.identifier:X}",
    )


def numbers(
    fields: Sequence[Field], data: bytes, *, index: int | None = None, component: str | None = None
) -> Iterator[Reading]:
    """The readings of those fields that the data are long enough for."""
    for field in fields:
        reading = field.read(data, index=index, component=component)
        if reading is not None:
            yield reading


def read_bases(name: str, argument: str) -> tuple[int, ...]:
    """The upper bits of identifiers that a person names: `0x19B5`, or several with commas.

    Raises:
        ProtocolUnknown: these are none.
    """
    try:
        bases = [int(text, 16) for text in argument.split(",")]
    except ValueError:
        bases = []
    if not bases or not all(0 <= base < EXTENDED_LIMIT >> 16 for base in bases):
        raise ProtocolUnknown(
            f"{name}: expected bases from 0x0000 to 0x1FFF, as in {name}:0x1234 or {name}:0x1234,0x1235; "
            f"came {argument!r}"
        )
    return tuple(dict.fromkeys(bases))
