"""A device behind a TCP socket: serial-to-Ethernet converters, gateways, our simulators."""

import contextlib
import socket
from typing import Self

from ingest.errors import TransportFailed

_PIECE_BYTES = 4096


class TcpLine:
    """An open TCP connection; see `ingest.transports.base.Line`."""

    def __init__(self, host: str, port: int, *, connect_timeout_s: float = 5.0) -> None:
        """Connect.

        Raises:
            TransportFailed: nobody listens there, or the name is unknown.
        """
        self.address = f"tcp:{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout=connect_timeout_s)
        except ConnectionRefusedError as error:
            raise TransportFailed(
                f"{self.address}: nobody listens on this port; is the gateway or simulator running, "
                "and is this the port that it printed?"
            ) from error
        except socket.gaierror as error:
            raise TransportFailed(f"{self.address}: the host name {host!r} is not known here") from error
        except TimeoutError as error:
            raise TransportFailed(
                f"{self.address}: no connection within {connect_timeout_s:g} s; "
                "check the address, the cable and firewalls on the way"
            ) from error
        except (OSError, OverflowError) as error:
            raise TransportFailed(f"{self.address}: cannot connect: {error}") from error
        # A request is a few bytes and waits for its answer: sending at once costs nothing.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Put all bytes on the line."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise TransportFailed(f"{self.address}: the connection broke while sending: {error}") from error

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived; empty when silent for `timeout_s`."""
        try:
            # Zero would mean "do not block" and answer with another error.
            self._socket.settimeout(max(timeout_s, 0.001))
            data = self._socket.recv(_PIECE_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise TransportFailed(f"{self.address}: the connection broke: {error}") from error
        if not data:
            raise TransportFailed(f"{self.address}: the other side closed the connection")
        return data

    def discard(self) -> None:
        """Forget what has arrived unread."""
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):
            while self._socket.recv(_PIECE_BYTES):
                pass

    def close(self) -> None:
        """Give the connection back."""
        self._socket.close()

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()
