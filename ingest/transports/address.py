"""Which line it is.

`serial:/dev/ttyUSB0`, `tcp:192.0.2.7:8899`, `modbus:192.0.2.7`, `can:socketcan:can0`,
`http://192.0.2.7/status.json`, `mqtt:192.0.2.7/site/+/pack`, or `ble:C8:47:80:12:34:56`.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ingest.errors import ProtocolUnknown, SourceUnknown, TransportFailed
from ingest.protocol import Carrier, Protocol
from ingest.transports.base import Access, Line

SCHEMES: Final = ("serial", "tcp", "can", "modbus", "http", "https", "ble", "mqtt", "mqtts")
# Messages come from these, each whole; nothing is sent to a device behind them.
BROKERS: Final = ("mqtt", "mqtts")
HTTP: Final = ("http", "https")
# Whole answers are fetched from these: messages and tables, read by a map, and what a library decoded.
FETCHED: Final = (*HTTP, "ble")
# For people who named none of them.
LINES: Final = f"{', '.join(f'{scheme}:' for scheme in SCHEMES)} as in serial:/dev/ttyUSB0 or tcp:HOST:PORT"
_LATER: Final = ("nats", "udp")
_BLE_PLACE: Final = re.compile(r"[^?\x00-\x1f]{1,100}(?:\?type=[a-z0-9_]{1,40})?")
_MAC: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_HIGHEST_PORT: Final = 65_535
_BROKER_FILES: Final = ("login", "ca", "certificate", "key")
_BROKER_OPTIONS: Final = (*_BROKER_FILES, "client", "version")
_CAN_PLACE: Final = re.compile(r"[a-z0-9_-]+:[^?]+")


@dataclass(frozen=True)
class Address:
    """One device's line.

    Attributes:
        scheme: one of `SCHEMES`.
        place: path of the port, host, interface and channel of a CAN bus, all that follows `http://`, or
            address or name of a Bluetooth device with its `?type=`.
        number: baud rate, TCP port, or bit rate.
        access: files that a request over HTTP needs.
        topic: filter of the messages that a broker is asked for.
        options: of a broker, by name: files `login`, `ca`, `certificate` and `key`, and `client`, `version`.
    """

    scheme: str
    place: str
    number: int
    access: Access = field(default_factory=Access)
    topic: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """The spelling that parses to the same."""
        if self.scheme == "serial":
            return f"serial:{self.place}?baud={self.number}"
        if self.scheme == "can":
            return f"can:{self.place}?bitrate={self.number}"
        if self.scheme in HTTP:
            return f"{self.scheme}://{self.place}"
        if self.scheme == "ble":
            return f"ble:{self.place}"
        place = f"{self.scheme}:{f'[{self.place}]' if ':' in self.place else self.place}:{self.number}"
        if self.scheme in BROKERS:
            told = "&".join(f"{name}={quote(value, safe='/')}" for name, value in self.options)
            return f"{place}/{quote(self.topic, safe='/+#$ ')}" + (f"?{told}" if told else "")
        return place

    def beside(self, folder: Path) -> "Address":
        """The same, with the files of a broker looked for in this folder unless their path is whole."""
        told = [(n, str(folder / v) if n in _BROKER_FILES else v) for n, v in self.options]
        return replace(self, options=tuple(told))

    def refuses(self, protocol: Protocol) -> str | None:
        """Why the protocol cannot be read there; None when it can."""
        if (self.scheme == "ble") is not (protocol.name == "ble"):
            return f"{self}: the protocol ble is read from ble: and files, and nothing else is read there"
        if self.scheme in BROKERS:
            return self._refuses_messages(protocol)
        is_fetched, is_whole = self.scheme in FETCHED, protocol.carrier is Carrier.RECORDS
        if is_fetched and not is_whole:
            return f"{self}: answers there are read with json:MAP.toml or csv:MAP.toml, not {protocol.name}"
        if is_whole and not is_fetched:
            return f"{self}: {protocol.name} is read from mqtt:, http:, https: and files"
        return None

    def _refuses_messages(self, protocol: Protocol) -> str | None:
        if protocol.carrier is Carrier.RECORDS and hasattr(protocol, "reader"):
            try:
                protocol.reader()
            except ProtocolUnknown as refusal:
                return f"{self}: {refusal}"
            return None
        return (
            f"{self}: messages of a broker are read with json:MAP.toml or sparkplug:MAP.toml, "
            f"not {protocol.name}"
        )

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
        if self.scheme == "ble":
            from ingest.transports.ble import BleLine

            return BleLine(self.place)
        if self.scheme in HTTP:
            from ingest.transports.http import HttpLine

            return HttpLine(str(self), self.access)
        if self.scheme in BROKERS:
            raise TransportFailed(f"{self}: messages come from a broker; it is no line")
        from ingest.transports.tcp import TcpLine

        return TcpLine(self.place, self.number)


def parse_address(text: str, *, default_baud: int = 9600) -> Address | None:
    """The address, or None when `text` names no line but a file.

    Raises:
        SourceUnknown: it begins like an address and is none.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in {*SCHEMES, *_LATER}:
        return None
    if scheme in _LATER:
        raise SourceUnknown(f"{text}: {scheme}: is not built yet; there are {':, '.join(SCHEMES)}: and files")
    if scheme == "serial":
        return _serial(text, rest, default_baud)
    if scheme == "can":
        return _can(text, rest, default_baud)
    if scheme in HTTP:
        return _http(text)
    if scheme == "ble":
        return _ble(text, rest)
    if scheme in BROKERS:
        return _broker(text, scheme, rest)
    if scheme == "modbus" and ":" not in rest.rpartition("]")[2]:
        rest += ":502"  # the port that the standard gives
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("//").strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) <= _HIGHEST_PORT:
        raise SourceUnknown(
            f"{text}: expected {scheme}:HOST:PORT with a port from 1 to 65535, as in {scheme}:192.0.2.7:8899"
        )
    return Address(scheme, host, int(port))


def _serial(text: str, rest: str, default_baud: int) -> Address:
    path, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    baud = options.pop("baud", str(default_baud))
    if not path:
        raise SourceUnknown(f"{text}: expected serial:PORT, as in serial:/dev/ttyUSB0?baud=9600")
    if options:
        raise SourceUnknown(f"{text}: unknown option {', '.join(sorted(options))}; the only option is baud")
    if not baud.isascii() or not baud.isdigit() or not 50 <= int(baud[:8]) <= 4_000_000:
        raise SourceUnknown(f"{text}: expected a baud rate from 50 to 4000000, got {baud!r}")
    return Address("serial", path, int(baud))


def _can(text: str, rest: str, default_bit_rate: int) -> Address:
    place, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    rate = options.pop("bitrate", str(default_bit_rate))
    if not _CAN_PLACE.fullmatch(place):
        raise SourceUnknown(
            f"{text}: expected can:INTERFACE:CHANNEL, as in can:socketcan:can0 or can:slcan:/dev/ttyACM0"
        )
    if options:
        raise SourceUnknown(
            f"{text}: unknown option {', '.join(sorted(options))}; the only option is bitrate"
        )
    if not rate.isascii() or not rate.isdigit() or not 1000 <= int(rate[:8]) <= 8_000_000:
        raise SourceUnknown(f"{text}: expected a bit rate from 1000 to 8000000, got {rate!r}")
    return Address("can", place, int(rate))


def _http(text: str) -> Address:
    """A URL without a name and password in it: it is shown, logged and names the source."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise SourceUnknown(f"{text[:200]}: {error}") from None
    if url.username is not None or url.password is not None:
        raise SourceUnknown(
            f"{url.scheme}://{host or ''}: a name or password in the address would be shown and stored; put "
            "what it needs into a headers_file or token_file"
        )
    if not host or url.fragment or not text.isascii() or not text.isprintable() or " " in text or port == 0:
        raise SourceUnknown(
            f"{text[:200]}: expected {url.scheme}://HOST/PATH, as in {url.scheme}://192.0.2.7/status.json"
        )
    usual = 443 if url.scheme == "https" else 80
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in {None, usual} else f"{shown}:{port}"
    query = f"?{url.query}" if url.query else ""
    return Address(url.scheme, f"{place}{url.path or '/'}{query}", port or usual)


def _ble(text: str, rest: str) -> Address:
    device, mark, kind = rest.partition("?")
    device = device.upper() if ":" in device else device
    if not _BLE_PLACE.fullmatch(rest) or (":" in device and not _MAC.fullmatch(device)):
        raise SourceUnknown(
            f"{text[:200]}: expected ble:ADDRESS or ble:NAME, as in ble:C8:47:80:12:34:56 or "
            "ble:JBD-SP04S020?type=jbd_bms"
        )
    return Address("ble", f"{device}{mark}{kind}", 0)


def _broker(text: str, scheme: str, rest: str) -> Address:
    rest, _, query = rest.removeprefix("//").partition("?")
    place, _, topic = rest.partition("/")
    if "@" in place:
        raise SourceUnknown(
            f"{scheme}: a user name or password in the address would stand in logs; write them in a file, "
            "user on the first line and password on the second, and name it: ?login=FILE"
        )
    host, colon, port = place.rpartition(":") if ":" in place.rpartition("]")[2] else (place, "", "")
    host = host.strip("[]")
    number = port if colon else ("8883" if scheme == "mqtts" else "1883")
    topic = unquote(topic)
    if not host or not number.isascii() or not number.isdigit() or not 0 < int(number[:6]) <= _HIGHEST_PORT:
        raise SourceUnknown(
            f"{text}: expected {scheme}:HOST[:PORT]/TOPIC-FILTER, as in {scheme}:192.0.2.7/site/+/telemetry"
        )
    levels = topic.split("/")
    if (
        not topic
        or "\0" in topic
        or len(topic.encode()) > 65_535
        or any("#" in level for level in levels[:-1])
        or any(len(level) > 1 and ("+" in level or "#" in level) for level in levels)
    ):
        raise SourceUnknown(
            f"{text}: expected a topic filter after the host, with + for one level and # at its end, as in "
            f"{scheme}:{place}/site/+/telemetry"
        )
    told = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(told) - set(_BROKER_OPTIONS)):
        raise SourceUnknown(f"{text}: unknown option {unknown[0]}; there are {', '.join(_BROKER_OPTIONS)}")
    if told.get("version", "5") not in {"5", "3.1.1"}:
        raise SourceUnknown(f"{text}: expected version=5 or version=3.1.1")
    if ("key" in told) and "certificate" not in told:
        raise SourceUnknown(f"{text}: a key belongs to a certificate; name both")
    if scheme == "mqtt" and {"ca", "certificate"} & set(told):
        raise SourceUnknown(f"{text}: certificates are for mqtts:")
    return Address(scheme, host, int(number), topic=topic, options=tuple(sorted(told.items())))
