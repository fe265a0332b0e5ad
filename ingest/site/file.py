"""The file of a site, `SITE.toml`, read and checked; what is wrong is told with its key and its line.

    [site]
    name = "yard"               # names the devices for life, together with the names of the sources
    interval_s = 10             # from one polling cycle to the next, unless a source says otherwise
    evidence = "evidence"       # keep every frame there, redacted; a relative folder lies beside this file

    [[source]]
    name = "bank"
    address = "tcp:192.0.2.7:8899"
    protocol = "pylontech-rs485"
    bind = {"module/1" = "BATTERY", "module/2" = "BATTERY"}
    bus = "cellar"              # sources on one DC bus bear one name

    [[source]]
    name = "inverter"
    address = "modbus:192.0.2.8"
    protocol = "sunspec"
    role = "meter"              # voltage and current of the whole bus; no battery
    bus = "cellar"

    [[source]]
    name = "racks"
    address = "serial:/dev/ttyUSB0?baud=9600"
    protocol = "jbd"
    bus_addresses = [1, 2]
    create."address/1" = {category = "stationary", chemistry = "LFP", rated_capacity = 100}
    bind."address/2" = "BATTERY"

`bind = "BATTERY"` and `create = {category = ...}` speak of the whole device. What `create` states is made at
the first start and found again at every later one.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ingest.errors import IngestError, ProtocolUnknown, SiteRefused, TransportFailed
from ingest.protocol import Protocol, find
from ingest.site_rules import Role
from ingest.transports.address import HTTP, LINES, Address, parse_address
from ingest.transports.base import Access

_SITE_KEYS: Final = ("name", "interval_s", "evidence")
_SOURCE_KEYS: Final = (
    "name",
    "address",
    "protocol",
    "bus_address",
    "bus_addresses",
    "interval_s",
    "bind",
    "create",
    "role",
    "bus",
    "token_file",
    "headers_file",
    "ca_file",
)
_HTTP_KEYS: Final = ("token_file", "headers_file", "ca_file")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_PART: Final = re.compile(r"[a-z0-9_-]+/[A-Za-z0-9_.-]+(/[a-z0-9_-]+/[A-Za-z0-9_.-]+)*")
_LONGEST_INTERVAL_S: Final = 86_400
_MOST_SOURCES: Final = 500
_BY_ADDRESS: Final = re.compile(r"address/(\d+)(?:/(.+))?")


@dataclass(frozen=True)
class Part:
    """What one part of a device is.

    Attributes:
        component: path; None for the whole device.
        battery: URL, identifier path or id of a battery that exists; None to make one.
        facts: declared facts of a battery to make.
        line: where the file says so.
    """

    component: str | None
    battery: str | None
    facts: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True)
class Device:
    """One device on one line, polled by itself.

    Attributes:
        source: its name in the journal, for life.
        name: of its source in the file, with its bus address where there are several.
        address: of its line, as `parse_address` gives it.
        protocol: what it speaks.
        bus_address: which device on a shared bus; None for whoever answers.
        interval_s: from one polling cycle to the next.
        parts: which battery each part is; none for a meter.
        bus: name of the DC bus that it is on; None when the file does not say.
        line: where its source begins in the file.
    """

    source: str
    name: str
    address: Address
    protocol: Protocol
    bus_address: int | None
    interval_s: float
    parts: tuple[Part, ...]
    line: int
    bus: str | None = None


@dataclass(frozen=True)
class Site:
    """A checked file.

    Attributes:
        name: of the site.
        evidence: folder for frames; None to keep none.
        devices: in the order of the file.
    """

    name: str
    evidence: Path | None
    devices: tuple[Device, ...]


Refusals = Callable[[Mapping[str, str]], Mapping[str, Sequence[str]]]


def read_site(path: Path, refusals: Refusals | None = None) -> Site:
    """The site that the file describes; nothing is opened.

    Args:
        path: of the file.
        refusals: tells why a battery with such facts would not be made; None to leave that to the making.

    Raises:
        SiteRefused: with every fault that was found, each with its key and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SiteRefused(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SiteRefused(f"{path}: expected UTF-8 text, came other bytes at {error.start}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteRefused(f"{path}: not TOML: {error}") from error
    return _Reader(path, document, _lines(text), refusals).site()


# Where a key stands

Place = tuple[str | int, ...]
_HEADER: Final = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)
_WORD: Final = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


def _lines(text: str) -> Mapping[Place, int]:
    """The line of each table and key, which `tomllib` does not tell; an inline table's keys have its own."""
    found: dict[Place, int] = {}
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header:
            table = _resolve(_words(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            place = table
            for word in _words(key[1]):
                place = (*place, word)
                found.setdefault(place, number)
    return found


def _words(text: str) -> list[str]:
    return [one or two or three for one, two, three in _WORD.findall(text)]


def _resolve(words: list[str], counts: Mapping[Place, int]) -> Place:
    """The table of a header: a word that names an array means its newest entry."""
    place: Place = ()
    for number, word in enumerate(words, 1):
        place = (*place, word)
        if place in counts and number < len(words):
            place = (*place, counts[place])
    return place


# The file against what it may say


class _Reader:
    """Collects every fault before it refuses, so that one look at the file is enough."""

    def __init__(
        self, path: Path, document: Mapping[str, Any], lines: Mapping[Place, int], refusals: Refusals | None
    ) -> None:
        self._path, self._document, self._lines = path, document, lines
        self._refusals = refusals
        self._faults: list[tuple[int, str]] = []

    def site(self) -> Site:
        self._known((), self._document, ("site", "source"))
        head = self._table(("site",), self._document.get("site", {}))
        self._known(("site",), head, _SITE_KEYS)
        name = self._named(("site", "name"), head.get("name"))
        interval_s = self._interval(("site", "interval_s"), head.get("interval_s", 10))
        evidence = head.get("evidence")
        if evidence is not None and (not isinstance(evidence, str) or not evidence):
            self._fault(("site", "evidence"), f"expected the name of a folder, came {evidence!r}")
            evidence = None
        sources = self._document.get("source", [])
        if not isinstance(sources, list) or not sources:
            self._fault(("source",), "expected at least one [[source]]")
            sources = []
        if len(sources) > _MOST_SOURCES:
            self._fault(("source",), f"expected at most {_MOST_SOURCES} sources, came {len(sources)}")
            sources = sources[:_MOST_SOURCES]
        devices: list[Device] = []
        seen: dict[str, Place] = {}
        for number, source in enumerate(sources):
            place: Place = ("source", number)
            table = self._table(place, source)
            own = self._named((*place, "name"), table.get("name"))
            if own in seen:
                self._fault((*place, "name"), f"{own!r} is the name of another source too")
            seen[own] = place
            devices += self._source(place, table, name, own, interval_s)
        self._one_device_each(devices)
        self._one_source_each(devices)
        if self._faults:
            told = [f"{self._path}:{line}: {sentence}" for line, sentence in sorted(self._faults)]
            raise SiteRefused("\n".join(told))
        folder = None if evidence is None else self._path.parent / evidence
        return Site(name, folder, tuple(devices))

    def _source(
        self, place: Place, table: Mapping[str, Any], site: str, name: str, interval_s: float
    ) -> Iterator[Device]:
        self._known(place, table, _SOURCE_KEYS)
        protocol = self._protocol((*place, "protocol"), table.get("protocol"))
        address = self._address((*place, "address"), table.get("address"), protocol)
        access = self._access(place, table, address)
        if "interval_s" in table:
            interval_s = self._interval((*place, "interval_s"), table["interval_s"])
        numbers = self._numbers(place, table)
        parts = [
            *self._binds((*place, "bind"), table.get("bind", {})),
            *self._creates((*place, "create"), table.get("create", {})),
        ]
        bus = self._named((*place, "bus"), table["bus"]) if "bus" in table else None
        is_meter = self._is_meter((*place, "role"), table.get("role", Role.BATTERY.value))
        if is_meter and parts:
            self._fault(place, f"{name}: a meter is no battery; leave out bind and create, or its role")
        if not parts and not is_meter:
            self._fault(
                place,
                f"{name}: neither bind nor create says which battery this is; what measures a whole bus has "
                'role = "meter"',
            )
        twice = {part.component for part in parts if sum(p.component == part.component for p in parts) > 1}
        for component in sorted(twice, key=str):
            self._fault(place, f"{name}: {component or 'the whole device'} is stated twice")
        if protocol is None or address is None:
            return
        address = replace(address, access=access)
        line = self._line(place)
        for number in numbers:
            several = len(numbers) > 1
            mine = list(self._of(number, parts)) if several else parts
            if not mine and not is_meter:
                self._fault(place, f"{name}: nothing says which battery the device at address {number} is")
            own = f"{name}/{number}" if several else name
            yield Device(f"{site}/{own}", own, address, protocol, number, interval_s, tuple(mine), line, bus)
        if len(numbers) > 1:
            self._all_used(place, name, numbers, parts)

    def _of(self, number: int | None, parts: list[Part]) -> Iterator[Part]:
        """The parts of the device at one bus address: `address/2`, `address/2/module/1`."""
        for part in parts:
            found = _BY_ADDRESS.fullmatch(part.component or "")
            if found and int(found[1]) == number:
                yield Part(found[2], part.battery, part.facts, part.line)

    def _all_used(self, place: Place, name: str, numbers: list[int | None], parts: list[Part]) -> None:
        for part in parts:
            found = _BY_ADDRESS.fullmatch(part.component or "")
            if not found or int(found[1]) not in numbers:
                self._fault(
                    place,
                    f"{name}: with bus_addresses each part begins with address/N, one of "
                    f"{', '.join(str(number) for number in numbers)}; came {part.component or 'the whole'}",
                )

    def _protocol(self, place: Place, value: Any) -> Protocol | None:
        if not isinstance(value, str) or not value:
            self._fault(place, f"expected the name of a protocol, came {_shown(value)}")
            return None
        kind, colon, argument = value.partition(":")
        if colon and argument and not Path(argument).is_absolute():
            value = f"{kind}:{self._path.parent / argument}"
        try:
            return find(value)
        except (ProtocolUnknown, IngestError) as error:
            self._fault(place, str(error))
            return None

    def _address(self, place: Place, value: Any, protocol: Protocol | None) -> Address | None:
        if not isinstance(value, str) or not value:
            self._fault(place, f"expected an address like tcp:192.0.2.7:8899, came {_shown(value)}")
            return None
        try:
            baud = protocol.baud_rates[0] if protocol is not None else 9600
            address = parse_address(value, default_baud=baud)
        except TransportFailed as error:
            self._fault(place, str(error))
            return None
        if address is None:
            self._fault(place, f"{value!r} names no line; there are {LINES}")
            return None
        if protocol is not None and (refusal := address.refuses(protocol)) is not None:
            self._fault(place, refusal)
        return address.beside(self._path.parent)

    def _is_meter(self, place: Place, value: Any) -> bool:
        if value not in tuple(Role):
            self._fault(place, f"expected {' or '.join(Role)}, came {_shown(value)}")
        return bool(value == Role.METER)

    def _access(self, place: Place, table: Mapping[str, Any], address: Address | None) -> Access:
        """The files of a source over HTTP; relative ones lie beside the site's file."""
        files: dict[str, Path] = {}
        for key in _HTTP_KEYS:
            if key not in table:
                continue
            name = table[key]
            if not isinstance(name, str) or not name:
                self._fault((*place, key), f"expected the name of a file, came {_shown(name)}")
            elif address is not None and address.scheme not in HTTP:
                self._fault((*place, key), "is for http: and https: alone")
            else:
                files[key] = self._path.parent / name
        return Access(**files)

    def _numbers(self, place: Place, table: Mapping[str, Any]) -> list[int | None]:
        if "bus_address" in table and "bus_addresses" in table:
            self._fault((*place, "bus_addresses"), "bus_address and bus_addresses exclude each other")
        if "bus_address" in table:
            values, key = [table["bus_address"]], "bus_address"
        elif "bus_addresses" in table:
            values, key = table["bus_addresses"], "bus_addresses"
        else:
            return [None]
        fine = isinstance(values, list) and values and all(type(v) is int and 0 <= v <= 255 for v in values)
        if not fine or len(set(values)) != len(values):
            self._fault(
                (*place, key), f"expected numbers from 0 to 255, each once, came {_shown(table[key])}"
            )
            return [None]
        return list(values)

    def _binds(self, place: Place, value: Any) -> Iterator[Part]:
        if isinstance(value, str) and value:
            yield Part(None, value, line=self._line(place))
            return
        for component, battery in self._table(place, value).items():
            here = (*place, component)
            if not isinstance(battery, str) or not battery:
                self._fault(here, f"expected the URL, path or id of a battery, came {_shown(battery)}")
            elif self._is_part(here, component):
                yield Part(component, battery, line=self._line(here))

    def _creates(self, place: Place, value: Any) -> Iterator[Part]:
        table = self._table(place, value)
        nested = {key: facts for key, facts in table.items() if isinstance(facts, dict)}
        flat = {key: fact for key, fact in table.items() if key not in nested}
        if flat:
            yield Part(None, None, self._facts(place, flat), self._line(place))
        for component, facts in nested.items():
            here = (*place, component)
            if not facts:
                self._fault(here, "expected at least one fact of the battery to make")
            elif self._is_part(here, component):
                yield Part(component, None, self._facts(here, facts), self._line(here))

    def _facts(self, place: Place, facts: Mapping[str, Any]) -> Mapping[str, str]:
        """The facts as typed words; those that the passport side would refuse are faults too."""
        words: dict[str, str] = {}
        for name, value in facts.items():
            if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
                self._fault((*place, name), f"expected a text or number, came {_shown(value)}")
            else:
                words[name] = str(value)
        refused = self._refusals(words) if self._refusals is not None else {}
        for name, sentences in refused.items():
            if name in words or name not in facts:
                self._fault((*place, name), "; ".join(sentences))
        return words

    def _is_part(self, place: Place, component: str) -> bool:
        if not _PART.fullmatch(component):
            self._fault(
                place, f'{component!r} is no part; expected one like "module/2" or "string/1/module/2"'
            )
            return False
        return True

    def _one_device_each(self, devices: list[Device]) -> None:
        """Two sources that ask the same device would count its rows twice."""
        seen: dict[tuple[str, int | None, str], Device] = {}
        for device in devices:
            key = (str(device.address), device.bus_address, device.protocol.name)
            before = seen.setdefault(key, device)
            if before is not device:
                self._faults.append(
                    (device.line, f"{device.name}: asks the same device as {before.name}; bind it once")
                )

    def _one_source_each(self, devices: list[Device]) -> None:
        seen: dict[str, str] = {}
        for device in devices:
            for part in device.parts:
                if part.battery is None:
                    continue
                before = seen.setdefault(part.battery, device.name)
                if before != device.name:
                    self._faults.append(
                        (part.line, f"{device.name}: {part.battery} is bound to {before} already")
                    )

    def _named(self, place: Place, value: Any) -> str:
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            self._fault(
                place, f"expected a name of letters, digits, '.', '_' and '-', up to 48, came {_shown(value)}"
            )
            return f"?{len(self._faults)}"
        return value

    def _interval(self, place: Place, value: Any) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 < value <= _LONGEST_INTERVAL_S
        ):
            self._fault(
                place, f"expected seconds above 0 and up to {_LONGEST_INTERVAL_S}, came {_shown(value)}"
            )
            return 10.0
        return float(value)

    def _table(self, place: Place, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._fault(place, f"expected a table, came {_shown(value)}")
        return {}

    def _known(self, place: Place, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self._fault((*place, key), f"is not a key here; known: {', '.join(known)}")

    def _fault(self, place: Place, sentence: str) -> None:
        key = ".".join(str(word) for word in place if not isinstance(word, int))
        self._faults.append((self._line(place), f"{key}: {sentence}"))

    def _line(self, place: Place) -> int:
        """Of the key, or of the nearest thing around it that has one."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:80]
