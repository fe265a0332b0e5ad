"""Puts a simulated device on a TCP socket or a pseudo-terminal, over a line as good or as bad as wanted."""

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.simulators.live import Device, Speaker

_PIECE_BYTES: Final = 4096
_TICK_S: Final = 0.05


@dataclass(frozen=True)
class BadLine:
    """What the line does to answers; all zero is a good line. Chances are from 0 to 1, drawn from `seed`.

    Attributes:
        noise: chance of each byte to have one bit flipped.
        duplicate: chance of each byte to arrive twice.
        truncate: chance of an answer to be cut at a random place.
        silence: chance of an answer to be lost.
        garbage: chance of random bytes in front of an answer.
        pieces: answers come in pieces of so many bytes; 0 for whole.
        hang_up_after: the line breaks for good after so many bytes of answers; None for never.
        seed: of the draws.
    """

    noise: float = 0.0
    duplicate: float = 0.0
    truncate: float = 0.0
    silence: float = 0.0
    garbage: float = 0.0
    pieces: int = 0
    hang_up_after: int | None = None
    seed: int = 1


class _Spoiler:
    """Applies a `BadLine`, answer by answer."""

    def __init__(self, line: BadLine) -> None:
        self._line = line
        self._random = np.random.default_rng(line.seed)
        self._sent = 0

    def spoil(self, answer: bytes) -> list[bytes]:
        """The pieces that arrive of an answer.

        Raises:
            BrokenPipeError: the line has had its last byte; `args` hold what still arrives.
        """
        line, random = self._line, self._random
        if not answer or random.random() < line.silence:
            return []
        out = bytearray()
        if random.random() < line.garbage:
            out += random.bytes(int(random.integers(1, 24)))
        for byte in answer:
            flipped = byte ^ (1 << int(random.integers(8))) if random.random() < line.noise else byte
            out += bytes([flipped]) * (2 if random.random() < line.duplicate else 1)
        if random.random() < line.truncate:
            del out[int(random.integers(len(out))) :]
        if line.hang_up_after is not None and self._sent + len(out) >= line.hang_up_after:
            raise BrokenPipeError(bytes(out[: max(0, line.hang_up_after - self._sent)]))
        self._sent += len(out)
        size = line.pieces or len(out) or 1
        return [bytes(out[begin : begin + size]) for begin in range(0, len(out), size)]


class _Server(threading.Thread):
    """Answers one line at a time until told to stop; the device lives on between callers."""

    def __init__(self, device: Device, bad_line: BadLine, speed: float, clock: Callable[[], float]) -> None:
        super().__init__(name="simulated device", daemon=True)
        self._device = device
        self._spoiler = _Spoiler(bad_line)
        self._speed = speed
        self._clock = clock
        self._last = clock()
        self._ending = threading.Event()

    def stop(self) -> None:
        """End, and wait until it has."""
        self._ending.set()
        self.join(timeout=10)

    def _live(self) -> None:
        now = self._clock()
        self._device.advance((now - self._last) * self._speed)
        self._last = now

    def _talk(self, descriptor: int) -> None:
        """Until the caller hangs up or the server ends."""
        while not self._ending.is_set():
            self._live()
            if isinstance(self._device, Speaker) and not self._pass_on(descriptor, self._device.speak()):
                return
            ready, _, _ = select.select([descriptor], [], [], _TICK_S)
            if not ready:
                self._device.quiet()
                continue
            data = os.read(descriptor, _PIECE_BYTES)
            if not data:
                return
            self._live()
            if not self._pass_on(descriptor, self._device.hear(data)):
                return

    def _pass_on(self, descriptor: int, said: bytes) -> bool:
        """Write what the line leaves of it; False when the line has had its last byte."""
        try:
            pieces = self._spoiler.spoil(said)
        except BrokenPipeError as last:
            os.write(descriptor, last.args[0])
            return False
        for piece in pieces:
            _write_all(descriptor, piece)
        return True


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class _TcpServer(_Server):
    def __init__(self, listener: socket.socket, *rest: object) -> None:
        super().__init__(*rest)  # type: ignore[arg-type]
        self._listener = listener

    def run(self) -> None:
        while not self._ending.is_set():
            self._live()
            ready, _, _ = select.select([self._listener], [], [], _TICK_S)
            if not ready:
                continue
            caller, _ = self._listener.accept()
            # A caller that vanishes is no trouble of the device's.
            with caller, contextlib.suppress(OSError):
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._talk(caller.fileno())


class _PtyServer(_Server):
    def __init__(self, descriptor: int, *rest: object) -> None:
        super().__init__(*rest)  # type: ignore[arg-type]
        self._descriptor = descriptor

    def run(self) -> None:
        with contextlib.suppress(OSError):
            self._talk(self._descriptor)


@contextlib.contextmanager
def serve_tcp(
    device: Device,
    *,
    port: int = 0,
    bad_line: BadLine | None = None,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """The device on a TCP port of this machine alone; gives its address. Port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = _TcpServer(listener, device, bad_line or BadLine(), speed, clock)
        server.start()
        try:
            yield f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()


@contextlib.contextmanager
def serve_pty(
    device: Device,
    *,
    bad_line: BadLine | None = None,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """The device on a pseudo-terminal; gives the address to ingest from. The far end is opened raw."""
    import pty
    import tty

    ours, theirs = pty.openpty()
    try:
        # Raw: a terminal would echo requests and turn bytes into signals.
        tty.setraw(theirs)
        server = _PtyServer(ours, device, bad_line or BadLine(), speed, clock)
        server.start()
        try:
            yield f"serial:{os.ttyname(theirs)}?baud=9600"
        finally:
            server.stop()
    finally:
        # `theirs` stays open while serving: with no holder the terminal would hang up between callers.
        os.close(theirs)
        os.close(ours)
