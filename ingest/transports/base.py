"""What every line to a device offers, and how long to wait before trying it again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self


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
