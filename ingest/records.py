"""Messages and rows that are whole already: what files and brokers deliver instead of frames of a line.

A record is a line of text: a row of a table (with the head of its table, so that it stands for itself) or a
message as JSON. What proves it is its form: the columns are there, the JSON is JSON. Nothing is ever asked.
"""

import csv
import typing
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from ingest.errors import ProtocolUnknown, RequestForbidden
from ingest.protocol import Carrier, Damage, Fault, Frame, Framer, Protocol, Refused, Request
from schemas.reading import Reading

LONGEST_LINE: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record(Frame):
    """A row or a message.

    Attributes:
        at: when it was measured, or else when it arrived; None when neither is known.
        after: how long after the beginning of its recording, where only that is known.
        topic: of a message that has one.
        head: of the table, for a row.
    """

    at: datetime | None = None
    after: timedelta | None = None
    topic: str | None = None
    head: bytes = b""


# What a broker delivers


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a broker delivered it.

    Attributes:
        topic: where it was published.
        payload: its bytes.
        retained: True when the broker kept it from earlier; when it arrived says nothing then.
        repeated: True when the broker has sent it before and got no acknowledgement.
        number: that the broker gave it for acknowledgement; 0 where it wants none.
    """

    topic: str
    payload: bytes
    retained: bool = False
    repeated: bool = False
    number: int = 0


@dataclass(frozen=True)
class Said:
    """What a message said of one moment.

    Attributes:
        at: when, as the message tells; None when it does not, so that its arrival is the time.
        readings: what was said.
        late: True for what was kept and is sent afterwards.
    """

    at: datetime | None
    readings: list[Reading]
    late: bool = False


@dataclass(frozen=True)
class Ended:
    """A part that said that it ends, or of which somebody said it: what it told before holds no longer.

    Attributes:
        component: which part; None for the whole.
        sentence: for people.
    """

    component: str | None
    sentence: str


class MessageReader(typing.Protocol):
    """Reads the messages of one source in order of arrival."""

    def read(self, message: Message) -> Sequence[Said]:
        """What a message says, by moment; empty when that is nothing.

        Raises:
            Damage: it is not believed, or cannot be understood.
        """

    def ended(self) -> Sequence[Ended]:
        """Parts that ended since this was last asked."""

    def noted(self) -> Mapping[str, bytes]:
        """What must be known after a restart, as far as it changed since this was last asked.

        Nothing under a name means that it need not be known any more.
        """

    def recall(self, noted: Mapping[str, bytes]) -> None:
        """Take in what an earlier run noted."""


class PlainReader:
    """A reader for messages that each stand for themselves."""

    def ended(self) -> Sequence[Ended]:
        """None does."""
        return ()

    def noted(self) -> Mapping[str, bytes]:
        """Nothing."""
        return {}

    def recall(self, noted: Mapping[str, bytes]) -> None:
        """Nothing is needed."""


# Lines of a recording


class LineFramer(Framer):
    """Takes a stream line by line."""

    starts: ClassVar[bytes] = b"\n"

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._begin = 0

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """The records of all lines that are whole now."""
        self._rest += data.replace(b"\r", b"\n")
        out: list[Frame | Refused] = []
        *lines, rest = self._rest.split(b"\n")
        for line in lines:
            self._take(line, out)
            self._begin += len(line) + 1
        self._rest = rest
        if len(rest) > LONGEST_LINE:
            self._take(rest, out)
            self._begin += len(rest)
            self._rest = b""
        return out

    def flush(self) -> list[Frame | Refused]:
        """The record of the last line, which has no end."""
        out: list[Frame | Refused] = []
        self._take(self._rest, out)
        self._begin += len(self._rest)
        self._rest = b""
        return out

    def _take(self, line: bytes, out: list[Frame | Refused]) -> None:
        line = line.removeprefix(_BOM).strip()
        if not line:
            return
        try:
            found = self.record(_limited(line), self._begin)
        except Damage as damage:
            out.append(Refused.of(damage, line, self._begin))
        else:
            if found is not None:
                out.append(found)

    @abstractmethod
    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a line; None when it is none, such as the head of a table.

        Raises:
            Damage: it is not what it should be.
        """

    def _length(self, buffer: bytes) -> int | None:
        raise NotImplementedError  # `feed` and `flush` go by lines

    def _open(self, raw: bytes, position: int) -> Frame:
        raise NotImplementedError  # `feed` and `flush` go by lines


def _limited(line: bytes) -> bytes:
    if len(line) <= LONGEST_LINE:
        return line
    raise Damage(
        Fault.LENGTH,
        expected=f"a line of at most {LONGEST_LINE} bytes",
        came=f"{len(line)} or more",
        where="the line",
    )


def cells(line: bytes, delimiter: str = ",") -> list[str]:
    """The cells of one row.

    Raises:
        Damage: it is no text, or a quotation in it does not end.
    """
    try:
        (row,) = csv.reader([line.decode("utf-8")], delimiter=delimiter, strict=True)
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        raise Damage(
            Fault.DELIMITER, expected="a row of cells in UTF-8", came=str(error), where="the row"
        ) from None
    return [cell.strip() for cell in row]


class RecordProtocol(Protocol):
    """A protocol whose frames are records."""

    carrier: ClassVar[Carrier] = Carrier.RECORDS
    requests: ClassVar[tuple[Request, ...]] = ()
    is_text: ClassVar[bool] = True

    def as_stream(self, document: bytes) -> bytes:
        """A whole answer as it would stand in a recording, record after record."""
        return document

    def reader(self) -> MessageReader:
        """A new reader of a broker's messages.

        Raises:
            ProtocolUnknown: its records are no messages.
        """
        raise ProtocolUnknown(
            f"{self.name} is read from files; messages of a broker need json:MAP.toml or sparkplug:MAP.toml"
        )

    def poll(self, address: int | None = None) -> list[bytes]:
        """Nothing is asked."""
        del address
        return []

    def request(self, name: str, address: int | None = None) -> bytes:
        """There is none.

        Raises:
            RequestForbidden: always.
        """
        del address
        raise RequestForbidden(f"{self.name}: no read is called {name!r}; allowed: none, nothing is asked")

    def answers(self, frame: Frame, request: Frame) -> bool:
        """No record answers a request."""
        del frame, request
        return False
