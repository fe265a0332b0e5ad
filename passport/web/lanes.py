"""Waiting is rationed, so that a page always finds a thread.

A server has few threads. A client that announces a body and sends none holds one for as long as it likes,
a document that is being made holds one for a second, a signer that hangs for ten. Therefore:

1. what waits stands in a lane; a lane has few places, and all lanes together fewer than there are threads;
2. where every place is taken, the answer is 503 with Retry-After at once, not after a wait;
3. a large document is read while it is sent, so a slow reader costs a place and not its memory;
4. telemetry waits only for who has shown a key, forms have a lane of their own: nobody without a key stands
   in the way of a device.
"""

import threading
from types import TracebackType
from typing import ClassVar, Final

from passport.errors import PassportError


class Busy(PassportError):
    """Too many others are being waited for; the same request will do in a moment."""

    code: ClassVar[str] = "busy"
    status: ClassVar[int] = 503
    retry_after: ClassVar[int] = 2  # seconds


class Lane:
    """A place for a few to wait; `with lane:` takes one, or raises `Busy`."""

    def __init__(self, name: str, places: int) -> None:
        """`name` says to people what is being waited for."""
        self.name = name
        self.places = places
        self._free = threading.BoundedSemaphore(places)

    def __enter__(self) -> None:
        """Take a place.

        Raises:
            Busy: there is none.
        """
        self.take()

    def take(self) -> None:
        """Take a place, to be given back by `give_back`.

        Raises:
            Busy: there is none.
        """
        if not self._free.acquire(blocking=False):
            raise Busy(f"{self.places} {self.name} are being waited for, and no more at once; try again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place back."""
        self.give_back()

    def give_back(self) -> None:
        """Another may have it."""
        self._free.release()


BATCHES: Final = Lane("batches of telemetry", 2)
FORMS: Final = Lane("forms", 1)
DOCUMENTS: Final = Lane("documents", 3)
SIGNATURES: Final = Lane("signatures", 1)
READERS: Final = Lane("readers of large documents", 12)
THREADS: Final = BATCHES.places + FORMS.places + DOCUMENTS.places + SIGNATURES.places + READERS.places + 3
"""How many threads one worker of the server needs: three are left when every lane is full."""
