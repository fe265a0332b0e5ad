"""A device on a serial port: RS485 or RS232 adapters, UARTs, pseudo-terminals; pyserial, imported late."""

from typing import TYPE_CHECKING, Any, Self

from ingest.errors import TransportFailed

if TYPE_CHECKING:
    from serial import Serial

_PIECE_BYTES = 4096


class SerialLine:
    """An open serial port, 8 data bits, no parity, 1 stop bit; see `ingest.transports.base.Line`."""

    def __init__(self, path: str, baud: int) -> None:
        """Open the port for this program alone.

        Raises:
            TransportFailed: no such device, no permission, or in use; the sentence says what to check.
        """
        import serial

        self.address = f"serial:{path}?baud={baud}"
        self._broken = _failures()
        try:
            # Exclusive: two programs polling one bus would read each other's answers.
            self._port: Serial = serial.Serial(path, baud, timeout=0, write_timeout=5, exclusive=True)
        except self._broken as error:
            raise TransportFailed(f"{self.address}: {_why_not(error, path, baud)}") from error

    def send(self, data: bytes) -> None:
        """Put all bytes on the line and wait until they have left."""
        try:
            self._port.write(data)
            self._port.flush()
        except self._broken as error:
            raise TransportFailed(
                f"{self.address}: writing failed, is it still plugged in? {error}"
            ) from error

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived; empty when silent for `timeout_s`."""
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            waiting = min(self._port.in_waiting, _PIECE_BYTES) if first else 0
            return bytes(first + self._port.read(waiting)) if waiting else bytes(first)
        except self._broken as error:
            raise TransportFailed(
                f"{self.address}: reading failed, is it still plugged in? {error}"
            ) from error

    def discard(self) -> None:
        """Forget what has arrived unread."""
        try:
            self._port.reset_input_buffer()
        except self._broken as error:
            raise TransportFailed(f"{self.address}: the port is gone: {error}") from error

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def __enter__(self) -> Self:
        """The line itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


def _failures() -> tuple[type[Exception], ...]:
    """What a port raises when it refuses its settings or vanishes; POSIX ones have an error of their own."""
    import serial

    try:
        import termios
    except ImportError:
        return (serial.SerialException, OSError, ValueError)
    return (serial.SerialException, OSError, ValueError, termios.error)


def _why_not(error: Any, path: str, baud: int) -> str:
    text = str(error)
    number = getattr(error, "errno", None)
    if number == 2 or "No such file" in text:
        return "there is no such device; is the adapter plugged in? (ls /dev/ttyUSB* /dev/ttyACM* lists them)"
    if number == 13 or "Permission denied" in text:
        return "no permission; join the group that owns it (usually: adduser YOU dialout) and log in again"
    if "exclusively lock" in text or number in {11, 16}:
        return "another program holds the port; stop it first, a bus has one master"
    if "Inappropriate ioctl" in text or number == 25:
        return f"{path} is not a serial port; to read a file, give its name without `serial:`"
    if isinstance(error, ValueError):
        return f"the port refuses {baud} baud: {text}"
    return text
