"""A device on Modbus TCP, as a line that speaks the serial form: only the head is changed on the way.

Protocols and recordings so know one form. Which answer belongs to which request is told by the transaction
number here; an answer to an earlier request is dropped.
"""

import time
from typing import Self

from ingest import modbus
from ingest.errors import TransportFailed
from ingest.transports.tcp import TcpLine

_LONGEST_BYTES = 260


class ModbusLine:
    """An open Modbus TCP connection; see `ingest.transports.base.Line`."""

    def __init__(self, host: str, port: int, *, connect_timeout_s: float = 5.0) -> None:
        """Connect.

        Raises:
            TransportFailed: nobody listens there, or the name is unknown.
        """
        self.address = f"modbus:{host}:{port}"
        self._line = TcpLine(host, port, connect_timeout_s=connect_timeout_s)
        self._transaction = 0
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Put a request on the line; `data` is one serial frame, its checksum is not sent."""
        self._transaction = self._transaction % 0xFFFF + 1
        self._line.send(modbus.as_tcp(data, self._transaction))

    def receive(self, timeout_s: float) -> bytes:
        """The answer in its serial form; empty when none was whole within `timeout_s`."""
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            answer = self._answer()
            if answer:
                return answer
            self._buffer += self._line.receive(left)
        return self._answer()

    def _answer(self) -> bytes:
        """The first answer to the last request that is whole."""
        while len(self._buffer) >= modbus.TCP_HEAD:
            length = modbus.TCP_HEAD + int.from_bytes(self._buffer[4:6], "big")
            if self._buffer[2:4] != b"\0\0" or not modbus.TCP_HEAD + 2 < length <= _LONGEST_BYTES:
                came = self._buffer[: modbus.TCP_HEAD].hex()
                raise TransportFailed(f"{self.address}: expected a head of Modbus TCP, came {came}")
            if len(self._buffer) < length:
                break
            frame, self._buffer = self._buffer[:length], self._buffer[length:]
            if int.from_bytes(frame[:2], "big") == self._transaction:
                return modbus.as_serial(frame)
        return b""

    def discard(self) -> None:
        """Forget what has arrived unread; what still comes has an older number."""
        self._buffer = b""
        self._line.discard()

    def close(self) -> None:
        """Give the connection back."""
        self._line.close()

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()
