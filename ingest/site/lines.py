"""Lines that several devices share: one bus or socket is opened once, and who asks on it takes turns."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self, TypeVar

from ingest.errors import TransportFailed
from ingest.transports.address import FETCHED, Address
from ingest.transports.base import Line

_T = TypeVar("_T")


class Turns:
    """Who came first asks first; nobody is passed over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = 0
        self._serving = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and hold it while the block runs."""
        with self._changed:
            mine = self._next
            self._next += 1
            self._changed.wait_for(lambda: self._serving == mine)
        try:
            yield
        finally:
            with self._changed:
                self._serving += 1
                self._changed.notify_all()


class SharedLine:
    """One line for all who sit on it; opened by the first, closed by the last, anew after it broke.

    Attributes:
        turns: what a polling cycle holds while it lasts.
    """

    def __init__(self, address: Address, opener: Callable[[Address], Line] = Address.open) -> None:
        self.turns = Turns()
        self._address, self._opener = address, opener
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._users = 0

    def open(self, address: Address) -> Line:
        """A handle on the line, for one device.

        Answers are fetched by each for itself: what is new to one was perhaps told to another.

        Raises:
            TransportFailed: it cannot be opened.
        """
        if address.scheme in FETCHED:
            return self._opener(address)
        assert address == self._address
        with self._lock:
            if self._line is None:
                self._line = self._opener(address)
                self._users = 0
            self._users += 1
            return _Handle(self, self._line)

    def broke(self, line: Line) -> None:
        """The line is gone for everyone; the next who opens it opens it anew."""
        with self._lock:
            if self._line is line:
                self._line = None
                line.close()

    def leave(self, line: Line) -> None:
        """One user fewer; the last one closes."""
        with self._lock:
            if self._line is not line:
                return
            self._users -= 1
            if self._users <= 0:
                self._line = None
                line.close()

    def is_open(self, line: Line) -> bool:
        """Whether this is still the line."""
        return self._line is line


class _Handle:
    """The line as one of its devices sees it."""

    def __init__(self, shared: SharedLine, line: Line) -> None:
        self.address = line.address
        self._shared, self._line = shared, line
        self._left = False

    def send(self, data: bytes) -> None:
        """See `Line`."""
        self._tried(lambda: self._line.send(data))

    def receive(self, timeout_s: float) -> bytes:
        """See `Line`."""
        return self._tried(lambda: self._line.receive(timeout_s))

    def discard(self) -> None:
        """See `Line`."""
        self._tried(self._line.discard)

    def close(self) -> None:
        """Leave the line to the others."""
        if not self._left:
            self._left = True
            self._shared.leave(self._line)

    def __enter__(self) -> Self:
        """The handle."""
        return self

    def __exit__(self, *error: object) -> None:
        """Leave."""
        self.close()

    def _tried(self, act: Callable[[], _T]) -> _T:
        if not self._shared.is_open(self._line):
            raise TransportFailed(f"{self.address}: the line was lost")
        try:
            return act()
        except TransportFailed:
            self._shared.broke(self._line)
            raise


def shared_lines(
    addresses: list[Address], opener: Callable[[Address], Line] = Address.open
) -> Mapping[Address, SharedLine]:
    """One shared line for each different place; a port at two speeds is still one port."""
    by_place: dict[tuple[str, str, int], SharedLine] = {}
    out = {}
    for address in addresses:
        place = (address.scheme, address.place, 0 if address.scheme == "serial" else address.number)
        if place not in by_place:
            by_place[place] = SharedLine(address, opener)
        out[address] = by_place[place]
    return out
