"""What every line to a device offers, and how long to wait before trying it again."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from ingest.errors import RequestForbidden


class Line(Protocol):
    """A line that is open; bytes go in and out, nothing is decoded."""

    address: str

    def send(self, data: bytes) -> None:
        """Put all bytes on the line.

        Raises:
            TransportFailed: the line is gone.
        """

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived, as soon as anything has; empty when the line stayed silent for `timeout_s`.

        Raises:
            TransportFailed: the line is gone.
        """

    def discard(self) -> None:
        """Forget what has arrived unread: the rest of an answer nobody waits for any more."""

    def close(self) -> None:
        """Give the line back; may be called twice."""

    def __enter__(self) -> Self:
        """The line itself."""

    def __exit__(self, *error: object) -> None:
        """Close."""


@dataclass(frozen=True)
class Access:
    """Files that a request needs; each is read when the line is opened.

    Attributes:
        token_file: one word, sent as `Authorization: Bearer`; None for none.
        headers_file: lines `Name: value`; None for none.
        ca_file: certificates of the authority to trust, PEM; None for the machine's own.
    """

    token_file: Path | None = None
    headers_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What a fetched line answered.

    Attributes:
        body: all of it.
        version: name that the other side gives to this state of it; None when it gives none.
    """

    body: bytes
    version: str | None = None


class FetchLine(ABC):
    """A line from which whole answers are fetched; nothing is sent on it, and nothing comes unasked."""

    address: str

    @abstractmethod
    def fetch(self, known: str | None) -> Answer | None:
        """The answer; None when it is still the one whose version is `known`.

        Raises:
            TransportFailed: none came, or none that can be taken.
        """

    def send(self, data: bytes) -> None:
        """Nothing is sent.

        Raises:
            RequestForbidden: always.
        """
        del data
        raise RequestForbidden(f"{self.address}: nothing is sent there; it is only fetched")

    def receive(self, timeout_s: float) -> bytes:
        """Nothing comes unasked."""
        del timeout_s
        return b""

    def discard(self) -> None:  # noqa: B027  # a line's method, and here there is nothing to do
        """Nothing waits."""

    @abstractmethod
    def close(self) -> None:
        """Give the line back; may be called twice."""

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


@dataclass(frozen=True)
class BackOff:
    """How long to wait before each next attempt: doubling, with a cap, spread by chance.

    Attributes:
        first_s: wait after the first failure.
        most_s: longest wait.
        attempts: how many waits in all; None for as long as it takes.
        jitter: gives a number from 0 to 1; handed in, so that a test knows it.
    """

    jitter: Callable[[], float]
    first_s: float = 0.5
    most_s: float = 30.0
    attempts: int | None = None

    def waits(self) -> Iterator[float]:
        """Seconds to wait, one after another; each between half and the whole of the doubled time."""
        number = 0
        while self.attempts is None or number < self.attempts:
            # The exponent is held small: 2 ** 2000 is no wait but an overflow.
            whole = min(self.most_s, self.first_s * 2.0 ** min(number, 32))
            yield whole * (0.5 + 0.5 * self.jitter())
            number += 1
