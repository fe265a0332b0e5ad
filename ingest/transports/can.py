"""A CAN bus through python-can: socketcan, virtual buses, USB adapters; imported late.

The line gives text as `candump -L` writes it and takes frames in their canonical spelling. It is opened to
listen; what a protocol without requests never asks, nobody sends. An adapter set to listen only (`ip link set
can0 type can bitrate 500000 listen-only on`) does not even confirm the frames of others.
"""

from typing import TYPE_CHECKING, Any, Self

from ingest.can import read_spelling, spell
from ingest.errors import TransportFailed

if TYPE_CHECKING:
    import can

# So many frames are taken at once; a full bus brings some 4000 in a second.
_MOST_FRAMES = 512
_ERROR_FLAG = 1 << 29


class CanLine:
    """An open CAN bus; see `ingest.transports.base.Line`."""

    def __init__(self, interface: str, channel: str, bit_rate: int) -> None:
        """Open the bus.

        Raises:
            TransportFailed: no such adapter, no permission, no driver, or python-can is not installed.
        """
        self.address = f"can:{interface}:{channel}"
        try:
            import can
        except ImportError as error:
            raise TransportFailed(
                f"{self.address}: python-can is not installed; install the extra `can`"
            ) from error
        self._can = can
        self._channel = "".join(channel.split()) or "bus"
        self._broken = (can.CanError, OSError, ValueError, NotImplementedError, ImportError, TypeError)
        try:
            self._bus: can.BusABC = can.Bus(channel=channel, interface=interface, bitrate=bit_rate)
        except self._broken as error:
            raise TransportFailed(f"{self.address}: {_why_not(error, interface, channel)}") from error

    def send(self, data: bytes) -> None:
        """Put one frame on the bus, given in its canonical spelling."""
        frame = read_spelling(data)
        if frame is None:
            raise TransportFailed(f"{self.address}: {data[:40]!r} is no frame of a bus")
        message = self._can.Message(
            arbitration_id=frame.identifier, data=frame.data, is_extended_id=frame.extended
        )
        try:
            self._bus.send(message, timeout=1.0)
        except self._broken as error:
            raise TransportFailed(f"{self.address}: the bus does not take a frame: {error}") from error

    def receive(self, timeout_s: float) -> bytes:
        """Lines of the frames that have arrived; empty when silent for `timeout_s`."""
        lines: list[bytes] = []
        try:
            message = self._bus.recv(timeout_s)
            while message is not None and len(lines) < _MOST_FRAMES:
                lines.append(self._line(message))
                message = self._bus.recv(0)
            if message is not None:
                lines.append(self._line(message))
        except self._broken as error:
            raise TransportFailed(
                f"{self.address}: the bus is gone, is it still up and plugged in? {error}"
            ) from error
        return b"".join(lines)

    def _line(self, message: "can.Message") -> bytes:
        if message.is_remote_frame:
            return b""
        if message.is_error_frame:
            identifier = message.arbitration_id & (_ERROR_FLAG - 1) | _ERROR_FLAG
            spelt = spell(identifier, bytes(message.data), extended=True)
        else:
            spelt = spell(message.arbitration_id, bytes(message.data), extended=bool(message.is_extended_id))
        return b"(%.6f) %b %b\n" % (max(0.0, message.timestamp), self._channel.encode(), spelt)

    def discard(self) -> None:
        """Nothing: on a bus every frame is news."""

    def close(self) -> None:
        """Leave the bus."""
        self._bus.shutdown()

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


def _why_not(error: Any, interface: str, channel: str) -> str:
    text = str(error) or type(error).__name__
    number = getattr(error, "errno", None) or getattr(error, "error_code", None)
    if "interface" in text.lower() and "unknown" in text.lower():
        return f"python-can knows no interface {interface!r}; a kernel device is can:socketcan:can0"
    if interface == "socketcan" and number == 97:
        return "this system has no CAN; its kernel lacks the modules (`modprobe can_raw`)"
    if interface == "socketcan" and (number == 19 or "No such device" in text):
        return f"there is no {channel}; `ip -brief link` lists them, `ip link set {channel} up` starts one"
    if number in (1, 13):
        return "no permission to use the bus"
    return text
