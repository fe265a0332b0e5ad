"""`cellpass ingest`: a recording or a live line into the journal, under the battery that each part is."""

import json
import logging
import random
import re
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn, Protocol
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Connection

from ingest.commands.ending import ends_on_signals
from ingest.commands.ingest_report import Bound, Report, iso
from ingest.commands.words import plural
from ingest.errors import IngestError, JournalUnavailable, ProtocolUnknown, SourceUnknown, TransportFailed
from ingest.gateway import (
    Clock,
    Gateway,
    JournalSink,
    Pace,
    Routing,
    Sink,
    Unbound,
    is_string,
    replay,
    run_epoch,
    survey,
)
from ingest.journal import Receipt, holders
from ingest.messages import EPOCH, Feed, JournalMessages, MessageGateway, open_feed, speaking
from ingest.plausibility import Memory
from ingest.ports import Batteries, Records
from ingest.protocol import Carrier, find
from ingest.protocol import Protocol as DeviceProtocol
from ingest.records import Message, RecordProtocol
from ingest.trail import Trail
from ingest.transports.address import BROKERS, HTTP, Address, parse_address
from ingest.transports.base import Access, BackOff
from ingest.transports.file import read_recording
from schemas.samples import Samples

INPUT_REFUSED: Final = 3
FILE_SOURCE: Final = "file"
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
# A broker is listened to for so long after the first message that says something, before parts are bound.
_FIRST_S: Final = 2.0
_MOST_FIRST: Final = 1_000
_TOLD_AFTER_S: Final = 10.0
_NEXT_FACT: Final = re.compile(r",(?=[a-z][a-z0-9_]*=)")


class House(Protocol):
    """What this command takes from `app`."""

    @property
    def batteries(self) -> Batteries:
        """The passport side."""

    @property
    def records(self) -> Records:
        """Commissioned serial numbers, and the audit."""

    @property
    def settings(self) -> Any:
        """`public_url` and `timezone` are read."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One write transaction, durable when the block ends."""

    def refresh(self, battery_id: str) -> object:
        """Fold what is new in the journal into the battery's state."""

    def now(self) -> datetime:
        """The time."""


@dataclass(frozen=True)
class Part:
    """One wish of the command line: what a component is.

    Attributes:
        component: path; None for the whole device.
        battery: URL, identifier path or id of a battery that exists; None to create one.
        facts: declared facts of a battery to create; empty for one that exists.
    """

    component: str | None
    battery: str | None
    facts: Mapping[str, str]


def _protocol(context: click.Context, parameter: click.Parameter, value: str) -> DeviceProtocol:
    del context, parameter
    try:
        return find(value)
    except ProtocolUnknown as error:
        raise click.BadParameter(str(error)) from None


def _binds(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[Part]:
    del context, parameter
    return [_bind(value) for value in values]


def _bind(value: str) -> Part:
    """`module/2=BATTERY` or `BATTERY`; an identifier path or URL is never taken for a component."""
    component, equals, battery = value.partition("=")
    if not equals or value.startswith("/") or "://" in component:
        component, battery = "", value
    if not battery or (equals and not component and battery != value):
        raise click.BadParameter(f"expected BATTERY or COMPONENT=BATTERY, got {value!r}")
    return Part(component or None, battery, {})


def _creates(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[Part]:
    del context, parameter
    return [_create(value) for value in values]


def _create(value: str) -> Part:
    """`k=v,k=v`, with `module/2=` in front for a part; names of facts have no slash, paths of parts do."""
    component, equals, rest = value.partition("=")
    if not equals or "/" not in component:
        component, rest = "", value
    facts: dict[str, str] = {}
    for entry in _NEXT_FACT.split(rest):
        name, equals, text = entry.partition("=")
        if not equals or not name or not text:
            raise click.BadParameter(f"expected FACT=VALUE,FACT=VALUE,..., got {entry!r} in {value!r}")
        if name in facts:
            raise click.BadParameter(f"{name} is stated twice in {value!r}")
        facts[name] = text
    return Part(component or None, None, facts)


def _timezone(context: click.Context, parameter: click.Parameter, value: str | None) -> ZoneInfo | None:
    del context, parameter
    if value is None:
        return None
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise click.BadParameter(
            f"no time zone is called {value!r}; expected one like Europe/Berlin"
        ) from None


def _start(text: str | None, zone: ZoneInfo | None) -> datetime | None:
    if text is None:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected an ISO time like 2026-11-20T12:00:00Z, got {text!r}", param_hint="--start"
        ) from None
    if start.tzinfo is None:
        if zone is None:
            raise click.BadParameter(
                f"{text!r} has no zone; write it as {text}Z or +01:00, or give --timezone",
                param_hint="--start",
            )
        start = start.replace(tzinfo=zone)
    return start.astimezone(UTC)


@click.command(
    "ingest",
    short_help="Store what a BMS says, live or recorded.",
    epilog="\b\nExamples:\n"
    "  cellpass ingest log.json --protocol jbd --create category=stationary,rated_capacity=102\n"
    "  cellpass ingest bank.txt --protocol pylontech-rs485 --bind module/1=ID1 --bind module/2=ID2\n"
    "  cellpass ingest serial:/dev/ttyUSB0?baud=9600 --protocol jbd --bind ID --interval 10\n"
    "  cellpass ingest mqtt:192.0.2.7/site/+/pack --protocol json:map.toml --bind ID",
)
@click.argument("source", metavar="SOURCE")
@click.option("--protocol", required=True, metavar="P", callback=_protocol, help="A wrong one lists them.")
@click.option(
    "--bind",
    "binds",
    multiple=True,
    metavar="[COMPONENT=]BATTERY",
    callback=_binds,
    help="Which battery the device, or one part of it, is: URL, identifier path or id. Repeatable.",
)
@click.option(
    "--create",
    "creates",
    multiple=True,
    metavar="[COMPONENT=]FACT=VALUE,...",
    callback=_creates,
    help="First make a battery with just these declared facts, and bind it. Repeatable.",
)
@click.option(
    "--source",
    "name",
    metavar="NAME",
    help="Name of the device, to keep for its life. A line has its address otherwise; a recording has none.",
)
@click.option("--start", metavar="TIME", help="When a recording without times was made.")
@click.option("--timezone", "zone", metavar="Z", callback=_timezone, help="Of a --start without zone.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N polling cycles.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, max=86_400),
    metavar="S",
    help="Seconds from one polling cycle to the next; 10 when not given.",
)
@click.option("--token-file", metavar="FILE", type=_FILE, help="Bearer token for https:; one word.")
@click.option("--headers-file", metavar="FILE", type=_FILE, help="Headers for http: and https:, one a line.")
@click.option("--ca-file", metavar="FILE", type=_FILE, help="Authority to trust for https:, PEM.")
@click.option("--bus-address", type=click.IntRange(0, 255), metavar="N", help="Ask only the device at N.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output at the end.")
@click.pass_obj
def command(
    house: House,
    *,
    source: str,
    protocol: DeviceProtocol,
    binds: list[Part],
    creates: list[Part],
    name: str | None,
    start: str | None,
    zone: ZoneInfo | None,
    count: int | None,
    interval: float | None,
    token_file: Path | None,
    headers_file: Path | None,
    ca_file: Path | None,
    bus_address: int | None,
    as_json: bool,
) -> None:
    """Read SOURCE and store it under the batteries it speaks of.

    SOURCE is a recording (see `cellpass decode`), serial:PORT?baud=N, tcp:HOST:PORT, can:INTERFACE:CHANNEL
    (python-can; a CAN bus is listened to, and a row is what one interval brought), mqtt:HOST/TOPIC-FILTER or
    mqtts: with TLS (a row is a message, and --count counts them), http://HOST/PATH or https:// (JSON or a
    table, read with json:MAP.toml or csv:MAP.toml; its last row counts), or ble:ADDRESS (Bluetooth, with the
    extra `ble`). A recording that was read before changes nothing. A live line is polled until Ctrl-C; it is
    only ever read. Exit status: 0 if anything was stored or known already, 2 for wrong use, 3 when nothing
    could be read.
    """
    parts = [*binds, *creates]
    named = house.settings.timezone
    zone = zone or (ZoneInfo(named) if named else None)
    job: _Recording | _Live | _Broker
    _distinct(parts)
    try:
        address = parse_address(source, default_baud=protocol.baud_rates[0])
        access = Access(token_file, headers_file, ca_file)
        if access != Access() and (address is None or address.scheme not in HTTP):
            raise click.UsageError("--token-file, --headers-file and --ca-file are for http: and https:")
        if address is None:
            if count or interval is not None or bus_address is not None:
                raise click.UsageError(
                    "--count, --interval and --bus-address are for live lines, not for a file"
                )
            job = _Recording(house, source, protocol, parts, name, start=_start(start, zone))
        else:
            address = replace(address, access=access)
            if (refusal := address.refuses(protocol)) is not None:
                raise click.UsageError(refusal)
            if start is not None:
                raise click.UsageError("--start is for recordings; a live line has the time of its answers")
            pace = Pace() if interval is None else Pace(interval_s=interval)
            kind = _Broker if address.scheme in BROKERS else _Live
            job = kind(house, address, protocol, parts, name, pace=pace, count=count, bus_address=bus_address)
        report = job.run()
    except Unbound as unbound:
        _refuse(
            f"{source}: {unbound}\n{_ready_made(source, protocol, parts, unbound.components)}",
            as_json=as_json,
        )
    except JournalUnavailable as error:
        _refuse(
            f"{source}: {error}. What has a receipt is stored; run the same command again", as_json=as_json
        )
    except SourceUnknown as error:
        raise click.UsageError(str(error)) from error
    except IngestError as error:
        text = str(error)
        _refuse(text if text.startswith(source.partition("?")[0]) else f"{source}: {text}", as_json=as_json)
    for bound in report.bound:
        house.refresh(bound.battery)
    click.echo(json.dumps(report.to_wire(), ensure_ascii=False) if as_json else report.to_text())


def _distinct(parts: Sequence[Part]) -> None:
    seen: set[str | None] = set()
    for part in parts:
        if part.component in seen:
            raise click.UsageError(f"{part.component or 'the whole device'} is bound twice")
        seen.add(part.component)


def _refuse(sentence: str, *, as_json: bool) -> NoReturn:
    click.echo(
        json.dumps({"error": sentence}, ensure_ascii=False) if as_json else f"Error: {sentence}", err=True
    )
    sys.exit(INPUT_REFUSED)


def _ready_made(
    source: str, protocol: DeviceProtocol, parts: Sequence[Part], components: Sequence[str]
) -> str:
    """The command line that would do, with the user's own words where they fit."""
    words = ["cellpass", "ingest", source, "--protocol", protocol.name]
    facts = next((part.facts for part in parts if part.facts), None)
    for number, component in enumerate(components, 1):
        if facts:
            stated = ",".join(f"{name}={value}" for name, value in facts.items())
            words += ["--create", f"{component}={stated}"]
        else:
            words += ["--bind", f"{component}=BATTERY{number}"]
    return "Say which battery each part is, for example:\n  " + " ".join(shlex.quote(word) for word in words)


# The two kinds of source


def _settle(
    house: House,
    parts: Sequence[Part],
    source: str,
    at: datetime,
    *,
    commission: bool,
    serials: Mapping[str | None, str] = MappingProxyType({}),
) -> tuple[Bound, ...]:
    """Make and find the batteries, and write down which part is which; all or nothing."""
    try:
        with house.writing() as connection:
            if not parts:
                known = house.batteries.bound(connection, source)
                if not known:
                    raise click.UsageError(
                        f"source {source!r} is bound to no battery yet; say --bind BATTERY "
                        "or --create FACT=VALUE,..."
                    )
                return tuple(Bound(part, battery, created=False) for part, battery in known.items())
            bound = []
            for part in parts:
                if part.battery is None:
                    battery = house.batteries.create(connection, part.facts, at=house.now())
                else:
                    battery = house.batteries.resolve(connection, part.battery)
                if commission:
                    house.batteries.bind(
                        connection,
                        battery=battery,
                        source=source,
                        component=part.component,
                        at=at,
                        serial=serials.get(part.component),
                    )
                bound.append(Bound(part.component, battery, created=part.battery is None))
            return tuple(bound)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _memory(house: House, protocol: DeviceProtocol, source: str) -> Memory:
    """What is known of a source before it speaks: which serial numbers were commissioned."""
    with house.writing() as connection:
        serials = house.records.serials(connection, source)
    return Memory(
        protocol=protocol.name, firmware=getattr(protocol, "firmware", None), expected=dict(serials)
    )


def _trail(house: House, source: str, bound: Iterable[Bound]) -> Trail:
    bindings = {each.component: each.battery for each in bound}
    return Trail(house.writing, house.records, source, bindings, house.now)


def _check_parts(parts: Sequence[Part], components: Sequence[str]) -> None:
    """The parts of the command line against those that speak, before anything is made or stored.

    Raises:
        Unbound: one battery for several parts.
    """
    named = [part.component for part in parts if part.component]
    for component in named:
        if not any((heard + "/").startswith(component + "/") for heard in components):
            speak = ", ".join(components) or "only the whole device"
            raise click.UsageError(f"{component} is bound, but does not speak; speaking: {speak}")
    _one_whole(parts, components)


class _Recording:
    """A file: surveyed first, stored then."""

    def __init__(
        self,
        house: House,
        path: str,
        protocol: DeviceProtocol,
        parts: Sequence[Part],
        name: str | None,
        *,
        start: datetime | None,
    ) -> None:
        self._house, self._protocol, self._parts = house, protocol, parts
        self._file = read_recording(Path(path))
        self._name = name
        self._start = start

    def run(self) -> Report:
        found, heard = survey(self._file.data, self._protocol)
        if not found.read:
            refused = (
                ", ".join(f"{count} {fault}" for fault, count in heard.refused.items()) or "nothing refused"
            )
            raise TransportFailed(
                f"expected at least one answer of {self._protocol.name} ({self._protocol.title}), "
                f"came none ({refused}); is it a recording of another protocol?"
            )
        if self._start is not None and found.first_at is not None:
            raise click.UsageError(f"--start: this recording has its own times, from {iso(found.first_at)}")
        _check_parts(self._parts, found.components)
        # A file given by hand is a delivery, not a device: only a named device has a commissioning record.
        source = self._name or FILE_SOURCE
        at = found.first_at or self._start or self._house.now()
        epoch = f"sha256:{self._file.sha256}"
        self._refuse_a_second_battery(epoch)
        bound = _settle(self._house, self._parts, source, at, commission=self._name is not None)
        sink = JournalSink(
            self._house.writing,
            self._house.batteries,
            source=source,
            epoch=epoch,
            now=self._house.now,
            evidence=self._file.sha256,
            period_s=found.period_s,
        )
        routing = Routing({each.component: each.battery for each in bound})
        memory = _memory(self._house, self._protocol, source)
        heard = replay(
            self._file.data,
            self._protocol,
            routing,
            sink,
            start=self._start,
            memory=memory,
            relative=found.relative,
        )
        # A recording that was read before says nothing new, and nothing new is doubted.
        if any(receipt.accepted for receipt in heard.receipts.values()):
            with _quietly():
                _trail(self._house, source, bound)(heard.findings)
        return Report(source, epoch, self._protocol, bound, heard, _public_url(self._house), "frame")

    def _refuse_a_second_battery(self, epoch: str) -> None:
        """One recording tells of one battery a part: making another from the same bytes is a slip."""
        if not any(part.facts for part in self._parts):
            return
        with self._house.writing() as connection:
            known = holders(connection, epoch)
        if known:
            raise click.UsageError(
                f"--create: this recording is already stored under {', '.join(known)};"
                f" to read it again use --bind {known[0]}"
            )


class _Live:
    """A line: asked once to learn what speaks, then polled until it is enough."""

    def __init__(
        self,
        house: House,
        address: Address,
        protocol: DeviceProtocol,
        parts: Sequence[Part],
        name: str | None,
        *,
        pace: Pace,
        count: int | None,
        bus_address: int | None,
    ) -> None:
        self._house, self._address, self._protocol, self._parts = house, address, protocol, parts
        # Where a broker's files lie says nothing of the device.
        self._source = name or str(replace(address, options=()))
        self._pace, self._count, self._bus_address = pace, count, bus_address
        self._ending = threading.Event()

    def run(self) -> Report:
        with ends_on_signals(self._ending), _warnings_shown():
            components, serials = self._listen()
            if self._ending.is_set():
                raise TransportFailed(f"{self._address}: stopped before anything was stored")
            _check_parts(self._parts, components)
            now = self._house.now()
            bound = _settle(self._house, self._parts, self._source, now, commission=True, serials=serials)
            epoch = run_epoch(now)
            sink = JournalSink(
                self._house.writing,
                self._house.batteries,
                source=self._source,
                epoch=epoch,
                now=self._house.now,
                period_s=self._pace.interval_s or None,
            )
            heard = self._gateway(
                Routing({each.component: each.battery for each in bound}),
                sink,
                on_receipts=_tell_receipts,
                on_findings=_trail(self._house, self._source, bound),
            ).run(self._count)
        return Report(
            self._source,
            epoch,
            self._protocol,
            bound,
            heard,
            _public_url(self._house),
            "polling cycle",
            told=True,
        )

    def _listen(self) -> tuple[list[str], Mapping[str | None, str]]:
        """Parts that speak, and their serial numbers: polled without storing, until something answers.

        Raises:
            TransportFailed: nothing answers.
        """
        gateway = self._gateway(Routing({}), _nothing, listening=True)
        heard = gateway.run()
        parts = sorted(part for part in heard.unbound if part != "the whole device")
        serials = dict(gateway.serials)
        if len(parts) == 1:
            serials.setdefault(None, serials.get(parts[0], ""))  # one part alone is the whole
        return parts, {part: serial for part, serial in serials.items() if serial}

    def _gateway(
        self,
        routing: Routing,
        sink: Sink,
        *,
        on_receipts: Callable[[Sequence[Receipt]], None] | None = None,
        on_findings: Trail | None = None,
        listening: bool = False,
    ) -> Gateway:
        gateway: Gateway

        def wait(seconds: float) -> bool:
            return (listening and bool(gateway.heard.unbound)) or self._ending.wait(seconds)

        # Parts of a bus speak one after another, most within two seconds.
        first_s = 3.0 if self._protocol.carrier is Carrier.CAN else min(1.0, self._pace.interval_s)
        gateway = Gateway(
            self._address,
            self._protocol,
            routing,
            sink,
            clock=Clock(self._house.now, time.monotonic, wait),
            # A run that is to end by itself does not wait for ever for a line that is gone.
            back_off=BackOff(jitter=random.random, attempts=6 if listening or self._count else None),
            pace=replace(self._pace, interval_s=first_s) if listening else self._pace,
            bus_address=self._bus_address,
            on_receipts=on_receipts,
            on_findings=on_findings,
            memory=None if listening else _memory(self._house, self._protocol, self._source),
        )
        return gateway


class _Broker(_Live):
    """A broker: listened to until parts speak, then taken in message by message."""

    def run(self) -> Report:
        assert isinstance(self._protocol, RecordProtocol)  # `Address.refuses` was asked before
        protocol = self._protocol
        host = str(replace(self._address, topic="", options=())).removesuffix("/")
        click.echo(f"listening at {host} for {self._address.topic}", err=True)
        with ends_on_signals(self._ending), _warnings_shown(), open_feed(self._address, self._source) as feed:
            held = self._first(feed, protocol)
            if self._ending.is_set():
                told = _nothing_yet(protocol, held)
                raise TransportFailed(f"{self._address}: stopped before anything was stored; {told}")
            parts, serials = speaking(protocol, held)
            _one_whole(self._parts, [part for part in parts if part is not None])
            bound = _settle(
                self._house, self._parts, self._source, self._house.now(), commission=True, serials=serials
            )
            sink = JournalMessages(
                self._house.writing,
                self._house.batteries,
                source=self._source,
                epoch=EPOCH,
                now=self._house.now,
                period_s=self._pace.interval_s or None,
            )
            heard = MessageGateway(
                self._address,
                protocol,
                Routing({each.component: each.battery for each in bound}),
                sink,
                source=self._source,
                clock=Clock(self._house.now, time.monotonic, self._ending.wait),
                back_off=BackOff(jitter=random.random, attempts=6 if self._count else None),
                notes=sink.notes,
                on_receipts=_tell_receipts,
                on_findings=_trail(self._house, self._source, bound),
                memory=_memory(self._house, protocol, self._source),
            ).run(self._count, feed=feed, held=held)
        return Report(
            self._source, EPOCH, protocol, bound, heard, _public_url(self._house), "message", told=True
        )

    def _first(self, feed: Feed, protocol: RecordProtocol) -> list[Message]:
        """Messages until one says something, and for a little longer; none is acknowledged yet."""
        held: list[Message] = []
        until: float | None = None
        told = time.monotonic() + _TOLD_AFTER_S
        while not self._ending.is_set() and len(held) < (self._count or _MOST_FIRST):
            if until is not None and time.monotonic() >= until:
                break
            try:
                fresh = feed.receive(0.1, min(self._count or _MOST_FIRST, _MOST_FIRST) - len(held))
            except TransportFailed:
                if not held:
                    raise
                break  # what was heard is taken in, and then the session is opened again
            held += fresh
            if until is None and fresh and speaking(protocol, held)[0]:
                until = time.monotonic() + min(_FIRST_S, self._pace.interval_s)
            if until is None and time.monotonic() >= told:
                click.echo(f"{self._address}: {_nothing_yet(protocol, held)}", err=True)
                told = time.monotonic() + 10 * _TOLD_AFTER_S
        return held


def _nothing_yet(protocol: RecordProtocol, held: Sequence[Message]) -> str:
    if not held:
        return "connected, no message yet; is it the right topic filter, and may this user read it?"
    came = f"{plural(len(held), 'message')} came"
    if speaking(protocol, held)[0]:
        return came
    why: dict[str, str] = {}
    reader = protocol.reader()
    for message in held:
        try:
            reader.read(message)
        except IngestError as error:
            why.setdefault(message.topic, str(error))
    told = "; ".join(f"{topic}: {reason}" for topic, reason in list(why.items())[:3])
    return f"{came}, and {protocol.name} finds nothing in them. {told}"


def _one_whole(parts: Sequence[Part], components: Sequence[str]) -> None:
    """One battery for the whole, and several parts that speak, do not fit; silent parts may speak later.

    Raises:
        Unbound: they do not fit.
    """
    named = [part.component for part in parts if part.component]
    loose = [
        one
        for one in components
        if not is_string(one) and not any((one + "/").startswith(part + "/") for part in named)
    ]
    if len(loose) > 1 and any(part.component is None for part in parts):
        raise Unbound(loose)


def _nothing(rows: Mapping[str, Samples]) -> Sequence[Receipt]:
    """A sink for listening: nothing is bound, so nothing comes."""
    del rows
    return []


def _public_url(house: House) -> str:
    return str(house.settings.public_url).rstrip("/")


def _tell_receipts(receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        # Messages are numbered by their time: no row of them is the last of a row of rows.
        reached = "" if receipt.contiguous is None else f" up to cycle {receipt.contiguous}"
        click.echo(
            f"stored {plural(receipt.accepted, 'row')} of {receipt.battery}{reached}"
            f"; receipt {receipt.digest[:16]}",
            err=True,
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """What the report tells in a moment is not told on standard error as well."""
    logger, handler = logging.getLogger("ingest"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """What the gateway warns of, on standard error while it runs."""
    logger = logging.getLogger("ingest")
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
