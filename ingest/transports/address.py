"""Which line it is: `serial:/dev/ttyUSB0`, `tcp:192.0.2.7:8899`, `modbus:192.0.2.7`, `can:socketcan:can0`."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from ingest.errors import TransportFailed
from ingest.transports.base import Line

SCHEMES: Final = ("serial", "tcp", "can", "modbus")
_LATER: Final = ("mqtt", "nats", "udp", "ble", "http", "https")
_HIGHEST_PORT: Final = 65_535
_CAN_PLACE: Final = re.compile(r"[a-z0-9_-]+:[^?]+")


@dataclass(frozen=True)
class Address:
    """One device's line.

    Attributes:
        scheme: one of `SCHEMES`.
        place: path of the port, host, or interface and channel of a CAN bus.
        number: baud rate, TCP port, or bit rate.
    """

    scheme: str
    place: str
    number: int

    def __str__(self) -> str:
        """The spelling that parses to the same."""
        if self.scheme == "serial":
            return f"serial:{self.place}?baud={self.number}"
        if self.scheme == "can":
            return f"can:{self.place}?bitrate={self.number}"
        return f"{self.scheme}:{f'[{self.place}]' if ':' in self.place else self.place}:{self.number}"

    def open(self) -> Line:
        """The line, open.

        Raises:
            TransportFailed: with what to check.
        """
        if self.scheme == "serial":
            from ingest.transports.serial import SerialLine

            return SerialLine(self.place, self.number)
        if self.scheme == "can":
            from ingest.transports.can import CanLine

            interface, _, channel = self.place.partition(":")
            return CanLine(interface, channel, self.number)
        if self.scheme == "modbus":
            from ingest.transports.modbus import ModbusLine

            return ModbusLine(self.place, self.number)
        from ingest.transports.tcp import TcpLine

        return TcpLine(self.place, self.number)


def parse_address(text: str, *, default_baud: int = 9600) -> Address | None:
    """The address, or None when `text` names no line but a file.

    Raises:
        TransportFailed: it begins like an address and is none.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in {*SCHEMES, *_LATER}:
        return None
    if scheme in _LATER:
        raise TransportFailed(
            f"{text}: {scheme}: is not built yet; there are serial:, tcp:, modbus:, can: and files"
        )
    if scheme == "serial":
        return _serial(text, rest, default_baud)
    if scheme == "can":
        return _can(text, rest, default_baud)
    if scheme == "modbus" and ":" not in rest.rpartition("]")[2]:
        rest += ":502"  # the port that the standard gives
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("//").strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) <= _HIGHEST_PORT:
        raise TransportFailed(
            f"{text}: expected {scheme}:HOST:PORT with a port from 1 to 65535, as in {scheme}:192.0.2.7:8899"
        )
    return Address(scheme, host, int(port))


def _serial(text: str, rest: str, default_baud: int) -> Address:
    path, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    baud = options.pop("baud", str(default_baud))
    if not path:
        raise TransportFailed(f"{text}: expected serial:PORT, as in serial:/dev/ttyUSB0?baud=9600")
    if options:
        raise TransportFailed(f"{text}: unknown option {', '.join(sorted(options))}; the only option is baud")
    if not baud.isascii() or not baud.isdigit() or not 50 <= int(baud[:8]) <= 4_000_000:
        raise TransportFailed(f"{text}: expected a baud rate from 50 to 4000000, got {baud!r}")
    return Address("serial", path, int(baud))


def _can(text: str, rest: str, default_bit_rate: int) -> Address:
    place, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    rate = options.pop("bitrate", str(default_bit_rate))
    if not _CAN_PLACE.fullmatch(place):
        raise TransportFailed(
            f"{text}: expected can:INTERFACE:CHANNEL, as in can:socketcan:can0 or can:slcan:/dev/ttyACM0"
        )
    if options:
        raise TransportFailed(
            f"{text}: unknown option {', '.join(sorted(options))}; the only option is bitrate"
        )
    if not rate.isascii() or not rate.isdigit() or not 1000 <= int(rate[:8]) <= 8_000_000:
        raise TransportFailed(f"{text}: expected a bit rate from 1000 to 8000000, got {rate!r}")
    return Address("can", place, int(rate))
