"""Recorded bytes read back: the forms of a capture file; frames in order, with readings or a reason.

- JSON `{"frames": [{"dir": "tx"|"rx"|"bus", "hex": ...}]}`, with `chunks` or `ascii` in the place of `hex`;
- the same with `"note": "payload only"`, where a recorder kept no head and no checksum;
- JSON `{"exchanges": [{"tx": hex or null, "rx_chunks": [hex]}]}`;
- text lines of an ASCII protocol;
- for binary protocols raw bytes, or hex digits alone;
- for protocols of records their lines as they are, or a Parquet file;
- for protocols of a CAN bus logs as their tools write them (`ingest.can_logs`), or JSON
  `{"frames": [{"dir": "bus", "id": "351", "hex": ...}]}`.

Frames may be cut into fragments, joined or damaged. Text and raw bytes are streamed, so a log may be larger
than memory; JSON is read whole and therefore limited.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final

from ingest import can_logs
from ingest.can import (
    EXTENDED_LIMIT,
    STANDARD_LIMIT,
    Buses,
    BusFrame,
    CanFrame,
    CanProtocol,
    read_line,
)
from ingest.errors import CaptureRefused
from ingest.frames import hex_bytes
from ingest.parquet import PARQUET, parquet_rows
from ingest.protocol import Carrier, Damage, Frame, Framer, Protocol, Refused
from ingest.records import Record
from schemas.reading import Reading, altered
from schemas.strict_json import StrictJsonError, loads

JSON_LIMIT_BYTES: Final = 32 * 1024 * 1024
# The note of a frame that was stored without its head and checksum.
PAYLOAD_ONLY: Final = "payload only"
_BLOCK_BYTES: Final = 65536
# An answer is looked for among so many of the last requests: a late one is still understood.
_REQUESTS_KEPT: Final = 32
# The buses of a log are those of its first frames: each battery speaks at least every second or two.
_FRAMES_AHEAD: Final = 2000
_IDENTIFIER_DIGITS: Final = 8
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_HEX_TEXT: Final = frozenset(b"0123456789abcdefABCDEF \t\r\n")


@dataclass(frozen=True)
class Decoded:
    """One proven frame and what it says.

    Attributes:
        readings: in the order of the frame; empty when the frame holds nothing that is read.
        at: when it was recorded, aware; None when the capture does not say.
        ordinal: number of the frame among all that were yielded, refused ones included, from 0.
        raw: the frame, without the secrets that it may hold.
        after: how long after the beginning of the recording it was taken, where only that is known.
    """

    readings: tuple[Reading, ...]
    at: datetime | None
    ordinal: int
    raw: bytes
    after: timedelta | None = None


def read_capture(source: Path | bytes | IO[bytes], protocol: Protocol) -> Iterator[Decoded | Refused]:
    """Every frame of a capture in order of arrival.

    Requests are used to understand the answers and are not yielded.

    Raises:
        CaptureRefused: the file is JSON, and not a capture; or it is empty.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield from _read(_blocks(stream), protocol)
    elif isinstance(source, bytes):
        yield from _read(_blocks(BytesIO(source)), protocol)
    else:
        yield from _read(_blocks(source), protocol)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        yield block


def _read(blocks: Iterator[bytes], protocol: Protocol) -> Iterator[Decoded | Refused]:
    first = next(blocks, b"")
    if not first:
        raise CaptureRefused("expected a capture, came an empty file")
    session = _CanSession(protocol) if isinstance(protocol, CanProtocol) else _Session(protocol)
    whole = chain([first], blocks)
    if protocol.carrier is Carrier.RECORDS and not _is_capture(first):
        for block in parquet_rows(_limited(whole)) if first[:4] == PARQUET else whole:
            yield from session.feed("bus", block)
    elif first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        yield from _from_json(_limited(whole), session)
    elif isinstance(session, _CanSession):
        yield from session.log(can_logs.frames(whole))
    elif protocol.is_text and not (protocol.also_binary and _is_binary(first)):
        # Editors and loggers change line ends; a line feed stands for the carriage return of the wire.
        for block in whole:
            yield from session.feed("bus", block.replace(b"\n", b"\r"))
    elif _HEX_TEXT.issuperset(first):
        yield from _from_hex(whole, session)
    else:
        for block in whole:
            yield from session.feed("bus", block)
    yield from session.flush()


def _is_capture(first: bytes) -> bool:
    """Whether JSON is one of our captures, and not a message: a message ends with its line."""
    line, _, rest = first.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if line[:1] != b"{":
        return False
    try:
        message = loads(line, limit_bytes=JSON_LIMIT_BYTES)
    except StrictJsonError:
        return b'"frames"' in first or b'"exchanges"' in first
    return not rest.strip() and isinstance(message, dict) and "frames" in message and "protocol" in message


def _is_binary(first: bytes) -> bool:
    """Hex digits alone, or bytes that no text has."""
    return _HEX_TEXT.issuperset(first) or not first.isascii() or b"\x00" in first


def _limited(blocks: Iterator[bytes]) -> bytes:
    data = bytearray()
    for block in blocks:
        data += block
        if len(data) > JSON_LIMIT_BYTES:
            raise CaptureRefused(
                f"expected at most {JSON_LIMIT_BYTES} bytes of JSON, came more; "
                "split the capture, or store it as raw bytes, which are streamed"
            )
    return bytes(data)


def _from_hex(blocks: Iterator[bytes], session: "_Session") -> Iterator[Decoded | Refused]:
    half = b""
    for block in blocks:
        digits = half + b"".join(block.split())
        half = digits[len(digits) & ~1 :]
        try:
            data = hex_bytes(digits[: len(digits) & ~1].decode("ascii", "replace"))
        except ValueError:
            raise CaptureRefused(
                "expected hex digits to the end, as the file begins; came other text"
            ) from None
        yield from session.feed("bus", data)
    if half:
        raise CaptureRefused(
            f"expected two hex digits for each byte, came a single {half.decode()!r} at the end"
        )


class _Session:
    """Both directions of one line, and what was asked on it."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self._decoder = protocol.decoder()
        self._framers: dict[str, Framer] = {}
        self._asked: list[Frame] = []
        self._ordinal = 0
        self.unsolicited = False
        self.is_unproven = False

    def feed(
        self, direction: str, data: bytes, *, at: datetime | None = None, entry: str = ""
    ) -> Iterator[Decoded | Refused]:
        """What these bytes complete."""
        framer = self._framers.setdefault(direction, self.protocol.framer())
        for found in framer.feed(data):
            yield from self._one(found, direction, at, entry)

    def flush(self) -> Iterator[Decoded | Refused]:
        """What the end of the capture leaves."""
        for direction, framer in self._framers.items():
            for found in framer.flush():
                yield from self._one(found, direction, None, "")

    def _one(
        self, found: Frame | Refused, direction: str, at: datetime | None, entry: str
    ) -> Iterator[Decoded | Refused]:
        if isinstance(found, Frame):
            if found.is_request:
                self._asked = [*self._asked, found][-_REQUESTS_KEPT:]
                return
            try:
                readings = self._decoder.decode(found, request=self._request_for(found, direction))
            except Damage as damage:
                found = Refused.of(damage, found.raw, found.position)
            else:
                if isinstance(found, BusFrame | Record) and found.at is not None:
                    at = found.at
                if self.is_unproven:
                    readings = [altered(one, doubts=(*one.doubts, "no_checksum")) for one in readings]
                after = found.after if isinstance(found, Record) else None
                raw = self.protocol.redact(found.raw)
                yield Decoded(tuple(readings), at, self._ordinal, raw, after)
                self._ordinal += 1
                return
        reason = f"{entry}: {found.reason}" if entry else found.reason
        yield replace(found, reason=reason, raw=self.protocol.redact(found.raw))
        self._ordinal += 1

    def _request_for(self, frame: Frame, direction: str) -> bytes | None:
        """The newest request that the answer fits; None when it may have come unasked."""
        if self.unsolicited or not self._asked:
            return None
        for number in reversed(range(len(self._asked))):
            request = self._asked[number]
            if self.protocol.answers(frame, request):
                self._asked = self.protocol.still_open(self._asked, number)
                return request.raw
        # Who listens on a bus may have missed the request; who asked knows that this was not asked.
        return None if direction == "bus" else self._asked[-1].raw


class _CanSession(_Session):
    """What was heard on one or several CAN buses."""

    def __init__(self, protocol: CanProtocol) -> None:
        super().__init__(protocol)
        self._bus_protocol = protocol
        self._buses = Buses(protocol)
        self._heard = 0

    def log(self, found: Iterator[can_logs.Found]) -> Iterator[Decoded | Refused]:
        """What the frames of a log say."""
        ahead = list(islice(found, _FRAMES_AHEAD))
        self._buses = Buses(self._bus_protocol, can_logs.channels_at_the_beginning(ahead))
        for one in chain(ahead, found):
            yield from self.hear(one)

    def expect(self, entries: list[Any]) -> None:
        """Learn which buses the entries of a JSON capture come from."""
        named = [entry.get("channel") for entry in entries if isinstance(entry, dict)]
        channels = frozenset(str(channel)[:40] for channel in named if channel is not None)
        self._buses = Buses(self._bus_protocol, channels)

    def hear(self, one: can_logs.Found, entry: str = "") -> Iterator[Decoded | Refused]:
        """What one frame completes."""
        if isinstance(one, Refused):
            yield from self._one(one, "bus", None, entry)
            return
        for whole in self._buses.feed(one):
            yield from self._one(whole, "bus", None, entry)

    def entry(self, entry: Mapping[str, Any], place: str) -> Iterator[Decoded | Refused]:
        """What an entry of a JSON capture says: one frame; one that we sent is not an answer."""
        number, self._heard = self._heard, self._heard + 1
        if "ascii" in entry:
            found = read_line(_ascii(entry["ascii"], f"{place}.ascii", is_text=False).strip(), number)
        else:
            found = _can_frame(entry, place, number)
        if found is not None and entry["dir"] != "tx":
            yield from self.hear(found, place)

    def feed(
        self, direction: str, data: bytes, *, at: datetime | None = None, entry: str = ""
    ) -> Iterator[Decoded | Refused]:
        """Nothing: bytes without an identifier are no frame of a bus."""
        del direction, at
        raise CaptureRefused(
            f'{entry}: expected "id" and "hex" of a CAN frame, came bytes: {data[:20].hex()}'
        )

    def flush(self) -> Iterator[Decoded | Refused]:
        """What the end of the recording leaves incomplete."""
        for one in self._buses.flush():
            yield from self._one(one, "bus", None, "")


def _can_frame(entry: Mapping[str, Any], place: str, number: int) -> CanFrame:
    if "id" not in entry or "hex" not in entry:
        raise CaptureRefused(f'{place}: expected "id" and "hex" of a CAN frame, came {", ".join(entry)}')
    value = entry["id"]
    digits = value.removeprefix("0x").removeprefix("0X") if isinstance(value, str) else ""
    if 0 < len(digits) <= _IDENTIFIER_DIGITS and _HEX_DIGITS.issuperset(digits):
        identifier = int(digits, 16)
    else:
        identifier = value if isinstance(value, int) and not isinstance(value, bool) else -1
    extended = entry.get("extended", len(digits) == _IDENTIFIER_DIGITS or identifier >= STANDARD_LIMIT)
    limit = EXTENDED_LIMIT if extended else STANDARD_LIMIT
    if not isinstance(extended, bool) or not 0 <= identifier < limit:
        raise CaptureRefused(
            f'{place}.id: expected an identifier as hex digits ("351", "18F21422"), came {str(value)[:40]!r}'
        )
    channel = entry.get("channel")
    at = _time(entry["at"], f"{place}.at") if entry.get("at") is not None else None
    return CanFrame(
        identifier,
        _hex(entry["hex"], f"{place}.hex"),
        extended,
        at,
        None if channel is None else str(channel)[:40],
        number,
    )


def _from_json(data: bytes, session: _Session) -> Iterator[Decoded | Refused]:
    try:
        document = loads(data, limit_bytes=JSON_LIMIT_BYTES)
    except StrictJsonError as error:
        raise CaptureRefused(f"expected a capture as JSON, came: {error}") from None
    if not isinstance(document, dict):
        raise CaptureRefused(f'expected an object with "frames" or "exchanges", came {_kind(document)}')
    if ("frames" in document) == ("exchanges" in document):
        names = ", ".join(list(document)[:8]) or "nothing"
        raise CaptureRefused(f'expected an object with either "frames" or "exchanges", came one with {names}')
    if "frames" in document:
        if isinstance(session, _CanSession):
            session.expect(_list(document["frames"], "frames"))
        for number, entry in enumerate(_list(document["frames"], "frames")):
            place = f"frames[{number}]"
            yield from _frame_entry(_object(entry, place), place, session)
    else:
        for number, entry in enumerate(_list(document["exchanges"], "exchanges")):
            place = f"exchanges[{number}]"
            yield from _exchange(_object(entry, place), place, session)


def _frame_entry(entry: Mapping[str, Any], place: str, session: _Session) -> Iterator[Decoded | Refused]:
    direction = entry.get("dir")
    if direction not in ("tx", "rx", "bus"):
        raise CaptureRefused(f'{place}.dir: expected "tx", "rx" or "bus", came {direction!r}')
    if isinstance(session, _CanSession):
        yield from session.entry(entry, place)
        return
    if "hex" in entry:
        pieces = [_hex(entry["hex"], f"{place}.hex")]
    elif "chunks" in entry:
        pieces = _hexes(entry["chunks"], f"{place}.chunks")
    elif "ascii" in entry:
        pieces = [_ascii(entry["ascii"], f"{place}.ascii", is_text=session.protocol.is_text)]
    else:
        raise CaptureRefused(f'{place}: expected one of "hex", "chunks" or "ascii", came {", ".join(entry)}')
    at = _time(entry["at"], f"{place}.at") if entry.get("at") is not None else None
    # Some recorders keep what lies between head and checksum; nothing proves it any more.
    whole = session.protocol.whole(b"".join(pieces)) if entry.get("note") == PAYLOAD_ONLY else None
    session.is_unproven = whole is not None
    for piece in pieces if whole is None else [whole]:
        yield from session.feed(direction, piece, at=at, entry=place)


def _exchange(entry: Mapping[str, Any], place: str, session: _Session) -> Iterator[Decoded | Refused]:
    if "tx" not in entry or "rx_chunks" not in entry:
        raise CaptureRefused(f'{place}: expected "tx" and "rx_chunks", came {", ".join(entry) or "nothing"}')
    # `null` says that nobody asked: what follows must be understood by itself.
    session.unsolicited = entry["tx"] is None
    if entry["tx"] is not None:
        yield from session.feed("tx", _hex(entry["tx"], f"{place}.tx"), entry=place)
    for piece in _hexes(entry["rx_chunks"], f"{place}.rx_chunks"):
        yield from session.feed("rx", piece, entry=place)


def _ascii(value: Any, place: str, *, is_text: bool) -> bytes:
    if not isinstance(value, str) or not value.isascii():
        raise CaptureRefused(f"{place}: expected ASCII text, came {_kind(value)}")
    data = value.encode()
    # People write such a frame without its line end.
    return data if not is_text or data.endswith((b"\r", b"\n")) else data + b"\r"


def _hex(value: Any, place: str) -> bytes:
    if not isinstance(value, str):
        raise CaptureRefused(f"{place}: expected hex digits, came {_kind(value)}")
    try:
        return hex_bytes(value)
    except ValueError:
        raise CaptureRefused(f"{place}: expected two hex digits for each byte, came {value[:40]!r}") from None


def _hexes(value: Any, place: str) -> list[bytes]:
    return [_hex(piece, f"{place}[{number}]") for number, piece in enumerate(_list(value, place))]


def _time(value: Any, place: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise CaptureRefused(f"{place}: expected an ISO time with its zone, came {str(value)[:40]!r}")
    return at


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise CaptureRefused(f"{place}: expected a list, came {_kind(value)}")
    return value


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CaptureRefused(f"{place}: expected an object, came {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    """A JSON value's type in people's words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
