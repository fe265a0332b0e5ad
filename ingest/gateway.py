"""From a line or a recording to the journal: poll, decode, doubt, sort by battery, store, tell.

Rules that hold here:

1. Every request passes `Protocol.permit` before it is sent; a device is only read.
2. A row is what one polling cycle, one interval of listening, or one frame of a recording, said. Nothing is
   repeated: when a device is silent there is no row, and when it answers half, the row holds half.
3. A reading goes to the battery that its component is bound to, and loses that component on the way: in the
   battery's own journal it speaks of the battery. What is bound to nobody is counted and told, not stored.
4. Rows of one cycle that speak of several batteries are stored in one transaction.
5. What a part says while its binding is frozen (another serial number, a firmware that the description was
   not written for, a finding about the site) is kept aside: counted and told, given to no battery.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import Final, Protocol

from sqlalchemy import Connection

from ingest import journal
from ingest.captures import read_capture
from ingest.errors import IngestError, JournalUnavailable, TransportFailed
from ingest.journal import Receipt
from ingest.plausibility import ASIDE, Finding, Memory, doubt, findings
from ingest.ports import Batteries
from ingest.protocol import Carrier, Damage, Frame, Framer, Refused
from ingest.protocol import Protocol as DeviceProtocol
from ingest.records import Record, RecordProtocol
from ingest.remembering import same_serial
from ingest.transports.address import Address
from ingest.transports.base import Answer, BackOff, FetchLine, Line
from schemas.reading import QUANTITIES, Reading, ValueKind, altered
from schemas.samples import Samples, SamplesBuilder

_log = logging.getLogger(__name__)

# After so many cycles without one answer since the start, the line is called silent.
SILENT_CYCLES: Final = 3
# Rows that a gateway holds while the journal cannot take them: a day at ten seconds, for a bank of ten.
MOST_HELD: Final = 86_400
# Rows of a recording that are stored in one transaction.
BATCH_ROWS: Final = 5_000
# A bus is listened to in pieces, so that a stop is noticed, and for long enough to hear a frame.
_LISTENING_PIECE_S: Final = 0.2
_SHORTEST_LISTENING_S: Final = 0.05
_IDENTITY: Final = ("serial_number", "manufacture_date")
_STORE_UNAVAILABLE: Final = "store_unavailable"
_CONDITIONS: Final = ("alarm", "warning", "protection")
# Findings of one recording that are kept; a device that is wrong throughout says the same again and again.
_MOST_FINDINGS: Final = 1000
# Of a recording: what began and ended is asked no more often; a bus has thousands of frames in a second.
_ASK_EVERY: Final = timedelta(seconds=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)  # where times that count from a start begin
_NOTHING_ASIDE: Final[Mapping[str | None, str]] = {}


class Unbound(IngestError):
    """What was heard speaks of several parts, and it is not said which battery each of them is."""

    code = "ingest.unbound"

    def __init__(self, components: Sequence[str]) -> None:
        super().__init__(
            f"these frames speak of {len(components)} parts ({', '.join(components)}), "
            "but only one battery is bound to the whole; bind each part to its battery"
        )
        self.components = tuple(components)


class AnotherDevice(IngestError):
    """The device on the line says it is another one than before."""

    code = "ingest.another_device"


# Who gets what


@dataclass(frozen=True)
class Routing:
    """Which battery each part of a device is.

    A part that alone is a battery loses its path on the way. Parts stay parts where one battery has several
    of them: strings under one master, or parts that are bound to the same battery.

    Attributes:
        bindings: component path to battery id; None stands for the whole device.
    """

    bindings: Mapping[str | None, str]

    @cached_property
    def _several(self) -> frozenset[str]:
        """Batteries that more than one path is bound to."""
        return frozenset(battery for battery, count in Counter(self.bindings.values()).items() if count > 1)

    def split(self, readings: Iterable[Reading]) -> tuple[dict[str, list[Reading]], Counter[str]]:
        """Readings by battery id, and how many speak of each part that is bound to nobody.

        Raises:
            Unbound: a battery is bound to the whole, and several parts speak.
        """
        readings = list(readings)
        whole = self.bindings.get(None)
        # A frame has many readings and few parts: each part is looked up once.
        paths = {part: self._bound(part) for part in {r.component for r in readings} if part}
        loose = sorted(part for part, path in paths.items() if path is None and not is_string(part))
        if whole is not None and len(loose) > 1:
            raise Unbound(loose)
        out: dict[str, list[Reading]] = {}
        unbound: Counter[str] = Counter()
        for reading in readings:
            part = reading.component
            path = paths[part] if part else None
            if part and path:
                battery = self.bindings[path]
                inner = part if battery in self._several else part[len(path) + 1 :] or None
                out.setdefault(battery, []).append(altered(reading, component=inner))
            elif whole is not None:
                # One part alone is the whole: a bank of one module is that module.
                mine = altered(reading, component=None) if part and not is_string(part) else reading
                out.setdefault(whole, []).append(mine)
            else:
                unbound[part or "the whole device"] += 1
        return out, unbound

    def is_whole(self, component: str) -> bool:
        """Whether what the part says goes to the battery that the whole device is."""
        return self._bound(component) is None

    def _bound(self, component: str) -> str | None:
        """The longest bound path that is `component` or a part above it; None when there is none."""
        paths = [path for path in self.bindings if path and (component + "/").startswith(path + "/")]
        return max(paths, key=len, default=None)


def is_string(component: str) -> bool:
    """Whether the part is a string: strings under one master are protected by it, so they are one battery."""
    return component.partition("/")[0] == "string"


class Sink(Protocol):
    """Takes rows by battery, all or nothing; its receipts mean that they are durable."""

    def __call__(self, rows: Mapping[str, Samples]) -> Sequence[Receipt]:
        """One receipt per battery.

        Raises:
            JournalUnavailable: nothing was stored; the same rows may be given again.
            SequenceConflict: other content is stored under one of the numbers.
        """


@dataclass(frozen=True)
class JournalSink:
    """The journal as a sink: rows and dirty marks of all batteries in one transaction.

    Attributes:
        writing: gives a write transaction that commits when its block ends.
        batteries: whose states are marked as older than their journal.
        source: id of the device, as at commissioning.
        epoch: this run of it, or the recording's digest.
        now: the time of acceptance.
        evidence: SHA-256 (hex) of the recording; None for a live line.
        period_s: usual seconds between rows; None when it is not known.
    """

    writing: Callable[[], AbstractContextManager[Connection]]
    batteries: Batteries
    source: str
    epoch: str
    now: Callable[[], datetime]
    evidence: str | None = None
    period_s: float | None = None

    def __call__(self, rows: Mapping[str, Samples]) -> Sequence[Receipt]:
        """See `Sink`."""
        try:
            return self._store(rows)
        except Exception as error:
            # The database is the passport side's, and so is its word for a full disk or an endless lock. Its
            # class is a stranger here; its code is documented.
            if getattr(error, "code", None) == _STORE_UNAVAILABLE:
                raise JournalUnavailable(str(error)) from error
            raise

    def _store(self, rows: Mapping[str, Samples]) -> Sequence[Receipt]:
        at = self.now()
        with journal.intake(self.writing, received_at=at) as connection:
            return self.accept(connection, rows, at=at)

    def accept(
        self, connection: Connection, rows: Mapping[str, Samples], *, at: datetime
    ) -> Sequence[Receipt]:
        """Rows and dirty marks on an open transaction; the receipts hold once it is committed.

        Raises:
            JournalUnavailable: as `Sink`.
            SequenceConflict: as `Sink`.
        """
        receipts = [
            journal.accept(
                connection,
                battery=battery,
                source=self.source,
                epoch=self.epoch,
                samples=samples,
                received_at=at,
                evidence=self.evidence,
            )
            for battery, samples in rows.items()
        ]
        for receipt in receipts:
            if self.period_s:
                journal.set_usual_period(
                    connection,
                    battery=receipt.battery,
                    source=self.source,
                    period_ms=max(1, round(self.period_s * 1000)),
                )
            if receipt.accepted:
                self.batteries.mark_dirty(connection, receipt.battery, at=at)
        return receipts


# What was heard


@dataclass
class Heard:
    """What a run came to, for people and programs.

    Attributes:
        read: frames that said something.
        empty: sound frames that said nothing that is read.
        refused: frames that were not believed, by fault.
        samples_of_refusal: the first few refusals as sentences.
        cycles: polling cycles, or frames of a recording.
        silent: cycles without one answer.
        unbound: readings of parts that are bound to nobody, by part.
        doubts: how often each doubt was raised.
        findings: doubts that began and ended, in order.
        last: newest reading of each quantity but the conditions, by battery.
        conditions: alarms, warnings and protections with the number of rows that reported them, by battery.
        rows: how many rows each battery got.
        receipts: summed over the run, by battery.
        first_at: time of the first row; None when none has a time.
        last_at: time of the last row.
        reconnects: how often the line was lost and found again.
        repeated: messages that a broker sent again and that are stored already.
    """

    read: int = 0
    empty: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    samples_of_refusal: list[str] = field(default_factory=list)
    cycles: int = 0
    silent: int = 0
    unbound: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    last: dict[str, dict[tuple[str, int | None, str | None], Reading]] = field(default_factory=dict)
    conditions: dict[str, Counter[str]] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    reconnects: int = 0
    repeated: int = 0

    def refuse(self, refused: Refused) -> None:
        """Note bytes that were not believed."""
        self.refused[refused.fault.value] += 1
        if len(self.samples_of_refusal) < 3:
            self.samples_of_refusal.append(refused.reason)

    def note(self, battery: str, at: datetime | None, readings: Iterable[Reading]) -> None:
        """Note a row."""
        known = self.last.setdefault(battery, {})
        for reading in readings:
            if reading.quantity in _CONDITIONS:
                if reading.value is not None:
                    self.conditions.setdefault(battery, Counter())[f"{reading.quantity} {reading.value}"] += 1
            elif QUANTITIES[reading.quantity].kind is not ValueKind.TEXT or reading.value is not None:
                known[reading.quantity, reading.index, reading.component] = reading
            self.doubts.update(reading.doubts)
        self.rows[battery] += 1
        if at is not None:
            self.first_at = min(at, self.first_at or at)
            self.last_at = max(at, self.last_at or at)

    def tell(self, news: Sequence[Finding]) -> None:
        """Note doubts that began or ended."""
        self.findings += news[: max(0, _MOST_FINDINGS - len(self.findings))]

    def stored(self, receipts: Iterable[Receipt]) -> None:
        """Add what the sink acknowledged."""
        for receipt in receipts:
            before = self.receipts.get(receipt.battery)
            self.receipts[receipt.battery] = replace(
                receipt,
                accepted=receipt.accepted + (before.accepted if before else 0),
                duplicates=receipt.duplicates + (before.duplicates if before else 0),
            )


_Add = Callable[[int, "datetime | None", dict[str, list[Reading]]], None]


class _Buffer:
    """Rows that wait for the sink, by battery; `absolute` is False when their times count from a start."""

    def __init__(self, *, absolute: bool = True) -> None:
        self._absolute = absolute
        self._rows: list[tuple[int, datetime | None, dict[str, list[Reading]]]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, sequence: int, at: datetime | None, parts: dict[str, list[Reading]]) -> None:
        self._rows.append((sequence, at, parts))

    def samples(self) -> dict[str, Samples]:
        builders: dict[str, SamplesBuilder] = {}
        for sequence, at, parts in self._rows:
            for battery, readings in parts.items():
                builders.setdefault(battery, SamplesBuilder(self._absolute)).add(sequence, at, readings)
        return {battery: builder.build() for battery, builder in builders.items()}

    def clear(self) -> None:
        self._rows.clear()


# Recordings


@dataclass(frozen=True)
class Survey:
    """What a recording speaks of, found before anything is stored.

    Attributes:
        components: parts that speak, sorted; empty when all is of the whole device.
        whole: True when something speaks of the whole device.
        read: frames that said something.
        first_at: earliest time that a frame carries; None when none does.
        period_s: median step between frames of different times; None with fewer than two times.
        relative: no frame carries a time, and some tell how long after the beginning they were taken.
    """

    components: tuple[str, ...]
    whole: bool
    read: int
    first_at: datetime | None
    period_s: float | None
    relative: bool = False


def survey(data: bytes, protocol: DeviceProtocol) -> tuple[Survey, Heard]:
    """Read a recording once without storing; the second value tells what was refused.

    Raises:
        CaptureRefused: the file is no capture.
    """
    heard = Heard()
    parts: set[str | None] = set()
    times: list[float] = []
    first_at: datetime | None = None
    after = False
    for found in read_capture(data, protocol):
        if isinstance(found, Refused):
            heard.refuse(found)
            continue
        after |= found.after is not None and bool(found.readings)
        heard.read += bool(found.readings)
        heard.empty += not found.readings
        parts |= {reading.component for reading in found.readings}
        if found.at is not None and found.readings:
            times.append(found.at.timestamp())
            first_at = min(found.at, first_at or found.at)
    named = tuple(sorted(part for part in parts if part is not None))
    steps = sorted(after - before for before, after in pairwise(sorted(set(times))))
    period_s = steps[len(steps) // 2] if steps else None
    relative = after and first_at is None
    return Survey(named, None in parts, heard.read, first_at, period_s, relative), heard


def replay(
    data: bytes,
    protocol: DeviceProtocol,
    routing: Routing,
    sink: Sink,
    *,
    start: datetime | None = None,
    memory: Memory | None = None,
    relative: bool = False,
) -> Heard:
    """Store a recording: a row per frame, numbered by the frame's ordinal.

    Frames without a time get `start`: they were recorded then, and how long they took stays unknown.
    Rows that know how long after the beginning they were taken get that much later a time; with `relative`
    and no `start` they keep that as their time, and what they add up to has no date.
    `memory` is that of the source, where something is known of it already.

    Raises:
        CaptureRefused: the file is no capture.
        Unbound: several parts speak, and one battery is bound to the whole.
        SequenceConflict: other content is stored under the same number.
        JournalUnavailable: the rest was not stored; the same call again stores it.
    """
    relative = relative and start is None
    heard, buffer = Heard(), _Buffer(absolute=not relative)
    memory = memory or Memory(protocol=protocol.name)
    last: datetime | None = None
    asked: datetime | None = None
    for found in read_capture(data, protocol):
        heard.cycles += 1
        if isinstance(found, Refused):
            heard.refuse(found)
            if last is not None:
                memory.frame(last, sound=False)
            continue
        heard.read += bool(found.readings)
        heard.empty += not found.readings
        at = found.at if found.at is not None else start
        if found.at is None and start is not None and found.after is not None:
            at = start + found.after
        if found.at is not None:
            last = found.at
            if asked is None or abs(last - asked) >= _ASK_EVERY:
                # Before the row is taken in: silence that it ends is seen only now.
                asked = last
                heard.tell(findings(memory, last))
            memory.frame(last, sound=True)
        doubted = doubt(found.readings, memory, at=found.at)
        row = _BEGINNING + found.after if relative and found.after is not None else at
        take(found.ordinal, at, doubted, routing=routing, heard=heard, add=buffer.add, row=row)
        if len(buffer) >= BATCH_ROWS:
            heard.stored(sink(buffer.samples()))
            buffer.clear()
    if len(buffer):
        heard.stored(sink(buffer.samples()))
    heard.tell(findings(memory, last) if last is not None else memory.news())
    return heard


def take(
    sequence: int,
    at: datetime | None,
    readings: Sequence[Reading],
    *,
    routing: Routing,
    heard: Heard,
    add: _Add,
    aside: Mapping[str | None, str] = _NOTHING_ASIDE,
    row: datetime | None = None,
) -> None:
    """Sort one row's readings by battery and hand them on; what is frozen stays aside.

    `row` is the time that the row is stored with, where it is another than that of its readings.
    """
    free, frozen = [], Counter[str]()
    for reading in readings:
        code = next((code for code in reading.doubts if code in ASIDE), None) or _frozen(reading, aside)
        if code is None:
            free.append(reading)
        else:
            frozen[f"{reading.component or 'the whole device'}, kept aside: {code}"] += 1
            heard.doubts.update(reading.doubts)
    parts, unbound = routing.split(free)
    heard.unbound += unbound + frozen
    for battery, mine in parts.items():
        heard.note(battery, at, mine)
    if parts:
        found = {battery: [_at(r, at) for r in mine] for battery, mine in parts.items()}
        add(sequence, row or at, found)


def _frozen(reading: Reading, aside: Mapping[str | None, str]) -> str | None:
    """The code of the site's finding that keeps a part, or one around it, aside."""
    if not aside:
        return None
    path = (reading.component or "") + "/"
    # Another source's thread may add to it or lift something meanwhile.
    found = list(aside.items())
    return next((code for part, code in found if part is None or path.startswith(part + "/")), None)


def _at(reading: Reading, at: datetime | None) -> Reading:
    return reading if reading.measured_at is not None or at is None else altered(reading, measured_at=at)


# Live lines


@dataclass(frozen=True)
class Pace:
    """How a device is asked; the defaults are polite to a slow one on a shared bus.

    Attributes:
        interval_s: from the start of one cycle to the start of the next.
        answer_s: how long to wait for the first byte of an answer.
        gap_s: an answer that pauses for longer has ended.
        longest_s: an answer that goes on for longer is not one.
        pause_s: between an answer and the next request.
        flush_rows: store after so many rows.
        flush_s: store at least so often.
    """

    interval_s: float = 10.0
    answer_s: float = 1.0
    gap_s: float = 0.3
    longest_s: float = 6.0
    pause_s: float = 0.05
    flush_rows: int = 30
    flush_s: float = 10.0


@dataclass(frozen=True)
class Clock:
    """Time, handed in.

    Attributes:
        now: aware, UTC.
        monotonic: seconds that never step back.
        wait: sleeps so many seconds, or less; True when the run is to end.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]


class Identities:
    """What the parts of one device said of who they are."""

    def __init__(self, address: Address, routing: Routing, memory: Memory) -> None:
        self._address, self._routing, self._memory = address, routing, memory
        self._said: dict[tuple[str | None, str], object] = {}

    @property
    def serials(self) -> Mapping[str | None, str]:
        """Serial numbers that parts said of themselves."""
        said = {part: value for (part, name), value in self._said.items() if name == "serial_number"}
        return {part: value for part, value in said.items() if isinstance(value, str)}

    def commissioned(self, routing: Routing, changed: Mapping[str | None, str | None]) -> None:
        """Parts that were bound anew or released begin anew, with the serial number that was written down."""
        self._routing = routing
        for part, serial in changed.items():
            self._memory.commissioned(part, serial)
            for name in _IDENTITY:
                self._said.pop((part, name), None)

    def check(self, readings: Iterable[Reading]) -> None:
        """Stop when another device speaks: its rows belong to another battery.

        Where parts are bound each by itself, only the one that changed is kept aside (`slot_shift`).

        Raises:
            AnotherDevice: a serial number or manufacture date is another one than before.
        """
        for reading in readings:
            if reading.quantity not in _IDENTITY or reading.value is None or reading.doubts:
                continue
            part = reading.component
            before = self._said.setdefault((part, reading.quantity), reading.value)
            if reading.quantity == "serial_number" and part is None:
                before = self._memory.expected.get(None, before)
            if same_serial(str(before), str(reading.value)) or not str(reading.value).strip("0 "):
                continue
            if part is None or self._routing.is_whole(part):
                raise AnotherDevice(
                    f"{self._address}: {part or 'the device'} said {reading.quantity} "
                    f"{before!r} and now says {reading.value!r}; was it exchanged? "
                    "Nothing of the new one was stored. Bind it to its own battery under another --source"
                )


class Gateway:
    """Polls one line until it is told to stop.

    Attributes:
        heard: what the run came to so far.
    """

    def __init__(
        self,
        address: Address,
        protocol: DeviceProtocol,
        routing: Routing,
        sink: Sink,
        *,
        clock: Clock,
        back_off: BackOff,
        pace: Pace | None = None,
        bus_address: int | None = None,
        on_receipts: Callable[[Sequence[Receipt]], None] | None = None,
        on_findings: Callable[[Sequence[Finding]], None] | None = None,
        on_readings: Callable[[datetime, Sequence[Reading]], None] | None = None,
        memory: Memory | None = None,
        aside: Mapping[str | None, str] = _NOTHING_ASIDE,
        opener: Callable[[Address], Line] = Address.open,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: the line.
            protocol: what is spoken on it.
            routing: which battery each part is.
            sink: takes the rows.
            clock: the time.
            back_off: how long to wait for a line that is gone.
            pace: how the device is asked.
            bus_address: chooses a device on a shared bus; None asks whoever answers, or the whole bank.
            on_receipts: is told what was stored.
            on_findings: is told which doubts began and ended, once in a cycle.
            on_readings: is given every cycle's doubted readings with their time, before they are sorted by
                battery; a site's rules compare them with those of other sources.
            memory: what is known of the source already, such as its commissioned serial numbers.
            aside: parts that the site's rules keep aside; read in every cycle, so it may change meanwhile.
            opener: opens the line.
        """
        self.heard = Heard()
        self._address = address
        self._protocol = protocol
        self._decoder = protocol.decoder()
        self._poller = protocol.poller(bus_address, self._decoder)
        self._routing = routing
        self._sink = sink
        self._clock = clock
        self._back_off = back_off
        self._waits = back_off.waits()
        self._pace = pace or Pace()
        self._bus_address = bus_address
        self._on_receipts = on_receipts
        self._open = opener
        self._buffer = _Buffer()
        self._memory = memory or Memory(protocol=protocol.name)
        self._on_findings, self._on_readings, self._aside = on_findings, on_readings, aside
        self._identity = Identities(address, routing, self._memory)
        self._came_bytes = 0
        self._bus: Framer | None = None
        # Of what is fetched: the last answer's version, and what it told.
        self._version: str | None = None
        self._telling: object = None
        self._doubts_told: frozenset[tuple[str, str | None]] = frozenset()
        self._flushed_at = clock.monotonic()

    @property
    def serials(self) -> Mapping[str | None, str]:
        """Serial numbers that parts said of themselves in this run."""
        return self._identity.serials

    def recommission(
        self, bindings: Mapping[str | None, str], changed: Mapping[str | None, str | None]
    ) -> None:
        """Go on with other bindings; parts that were commissioned anew begin anew. Between two cycles only.

        Args:
            bindings: all of them, as for `Routing`.
            changed: parts that were bound anew or released, with the serial number that was written down.
        """
        self._routing = Routing(bindings)
        self._identity.commissioned(self._routing, changed)

    def run(self, count: int | None = None) -> Heard:
        """Poll `count` cycles, or until stopped; everything that was heard is stored before it returns.

        Raises:
            TransportFailed: the line cannot be opened, or nothing on it ever answered.
            Unbound: several parts speak, and one battery is bound to the whole.
            AnotherDevice: the serial number changed.
            SequenceConflict: see `Sink`.
            JournalUnavailable: rows could not be stored and no more can be held.
        """
        line = self._open(self._address)
        fresh = True
        try:
            while (count is None or self.heard.cycles < count) and not self._clock.wait(0):
                began = self._clock.monotonic()
                try:
                    fresh = not self._cycle(line, with_identity=fresh) and fresh
                except TransportFailed as failure:
                    line.close()
                    self._flush(final=False)
                    found = self._reconnect(failure)
                    if found is None:
                        break
                    line, fresh = found, True
                    continue
                self._flush_when_due()
                last = count is not None and self.heard.cycles >= count
                if not last and self._clock.wait(
                    max(0.0, began + self._pace.interval_s - self._clock.monotonic())
                ):
                    break
        finally:
            line.close()
            self._flush(final=True)
        return self.heard

    def _cycle(self, line: Line, *, with_identity: bool) -> bool:
        """One row: all requests of the protocol's poll, answered or not. Whether anything answered.

        Once after connecting the device is also asked who it is, as soon as it answers at all.
        """
        if isinstance(line, FetchLine):
            return self._fetch(line)
        if self._protocol.carrier is Carrier.CAN:
            return self._listen(line)
        identities = self._protocol.identify(self._bus_address) if with_identity else []
        self.heard.cycles += 1
        sequence = self.heard.cycles
        readings: list[Reading] = []
        at: datetime | None = None
        lost: TransportFailed | None = None
        polls = zip(self._poller.cycle(), repeat(False))
        for number, (request, is_identity) in enumerate(chain(polls, zip(identities, repeat(True)))):
            if number and self._clock.wait(self._pace.pause_s):
                break
            if is_identity and at is None:
                break
            try:
                answer = self._ask(line, request)
            except TransportFailed as failure:
                lost = failure
                break
            if answer is not None:
                # A cycle takes less than its interval: its row carries the time of its first answer.
                at = at or self._clock.now()
                readings += answer
        if at is not None:
            self._waits = self._back_off.waits()
            self._same_device(readings)
            if readings:
                self._row(sequence, at, readings)
        self._tell()
        if lost is not None:
            raise lost
        if at is None:
            self._silence()
        return at is not None

    def _listen(self, line: Line) -> bool:
        """One row: the last word of everything that a bus said within one interval. Whether it spoke.

        Most batteries on a bus speak unasked, and nothing is sent to them; to those that must be asked go the
        requests of their poll, once in each interval.
        """
        self.heard.cycles += 1
        sequence = self.heard.cycles
        until = self._clock.monotonic() + max(self._pace.interval_s, _SHORTEST_LISTENING_S)
        # Messages of several frames may begin in one interval and end in the next.
        self._bus = self._bus or self._protocol.framer()
        said: dict[tuple[object, ...], Reading] = {}
        at: datetime | None = None
        lost: TransportFailed | None = None
        try:
            turns = _Turns(self._protocol, line, self._pace, self._clock)
            turns.begin(self._protocol.poll(self._bus_address))
            while ((left := until - self._clock.monotonic()) > 0 or turns.busy) and not self._clock.wait(0):
                data = line.receive(min(left, _LISTENING_PIECE_S) if left > 0 else _LISTENING_PIECE_S)
                self._came_bytes += len(data)
                found = self._bus.feed(data)
                turns.go_on(data, found)
                for readings in self._overheard(found):
                    at = self._clock.now()
                    for reading in readings:
                        what = reading.value if reading.quantity in _CONDITIONS else None
                        key = (reading.quantity, reading.index, reading.component, reading.kind, what)
                        said[key] = reading
        except TransportFailed as failure:
            lost, self._bus = failure, None
        if at is not None:
            self._waits = self._back_off.waits()
            self._same_device(said.values())
            if said:
                self._row(sequence, at, list(said.values()))
        self._tell()
        if lost is not None:
            raise lost
        if at is None and not self._clock.wait(0):
            self._silence()
        return at is not None

    def _fetch(self, line: FetchLine) -> bool:
        """One row: what the answer says, of a table its last row. Whether anything answered.

        An answer that has not changed since, or tells the same of the same time, is no new row.
        """
        self.heard.cycles += 1
        try:
            answer = line.fetch(self._version)
        except TransportFailed:
            self._tell()
            raise
        said = answer is None or self._told(self.heard.cycles, answer)
        if said:
            self._waits = self._back_off.waits()
            # An answer may tell of an hour ago, and the same again: what is doubted of it is doubted now.
            self._memory.hold(self._doubts_told, self._clock.now())
        self._tell()
        if not said:
            self._silence()
        return said

    def _told(self, sequence: int, answer: Answer) -> bool:
        """Whether the answer told anything; what is new in it becomes the row."""
        _log.debug("%s > %d bytes", self._address, len(answer.body))
        self._came_bytes += len(answer.body)
        now = self._clock.now()
        assert isinstance(self._protocol, RecordProtocol)  # `Address.refuses` was asked before
        framer = self._protocol.framer()
        record = (framer.feed(self._protocol.as_stream(answer.body)) + framer.flush())[-1:]
        said = [reading for readings in self._overheard(record) for reading in readings]
        if not said:
            return False
        self._version = answer.version
        self._same_device(said)
        at = record[0].at if isinstance(record[0], Record) else None
        telling = (at, [(r.quantity, r.index, r.component, r.kind, r.value, r.absence) for r in said])
        if at is None or telling != self._telling:
            self._memory.raised()
            self._row(sequence, at or now, said)
            self._doubts_told = self._memory.raised()
        self._telling = telling
        return True

    def _row(self, sequence: int, at: datetime, readings: Sequence[Reading]) -> None:
        """Doubt what was said in one interval, show it to the site's rules, and sort it by battery."""
        doubted = doubt(readings, self._memory, at=at)
        if self._on_readings is not None:
            self._on_readings(at, doubted)
        take(
            sequence,
            at,
            doubted,
            routing=self._routing,
            heard=self.heard,
            add=self._buffer.add,
            aside=self._aside,
        )

    def _overheard(self, found: Iterable[Frame | Refused]) -> Iterator[list[Reading]]:
        """What each message of a bus says that this protocol reads."""
        for one in found:
            if isinstance(one, Refused):
                self.heard.refuse(one)
                self._memory.frame(self._clock.now(), sound=False)
                continue
            try:
                readings = self._decoder.decode(one)
            except Damage as damage:
                self.heard.refuse(Refused.of(damage, one.raw, one.position))
                self._memory.frame(self._clock.now(), sound=False)
                continue
            self._memory.frame(self._clock.now(), sound=True)
            self.heard.read += bool(readings)
            self.heard.empty += not readings
            if readings:
                yield readings

    def _tell(self) -> None:
        """Pass on which doubts began or ended; silence is one of them."""
        news = findings(self._memory, self._clock.now())
        self.heard.tell(news)
        if news and self._on_findings is not None:
            self._on_findings(news)

    def _ask(self, line: Line, request: bytes) -> list[Reading] | None:
        """What the device answers; None when it does not, or not believably.

        Raises:
            RequestForbidden: the request is not on the allow-list.
            TransportFailed: the line is gone.
        """
        # 1. Only what may be asked is ever sent.
        asked = self._protocol.permit(request)
        # 2. A late answer to an earlier request is not an answer to this one.
        line.discard()
        _log.debug("%s < %s", self._address, request.hex())
        line.send(request)
        # 3. Whatever comes until the answer is whole, or the line pauses.
        framer = self._protocol.framer()
        answer = _Answer(asked)
        began = self._clock.monotonic()
        patience = self._pace.answer_s
        while (left := began + self._pace.longest_s - self._clock.monotonic()) > 0:
            data = line.receive(min(patience, left))
            if not data:
                break
            _log.debug("%s > %s", self._address, data.hex())
            self._came_bytes += len(data)
            patience = self._pace.gap_s
            self._understand(framer.feed(data), answer)
            if answer.is_whole:
                return answer.readings
        self._understand(framer.flush(), answer)
        return answer.readings

    def _understand(self, found: Iterable[Frame | Refused], answer: "_Answer") -> None:
        for one in found:
            if isinstance(one, Refused):
                self.heard.refuse(one)
                self._memory.frame(self._clock.now(), sound=False)
                continue
            if one.is_request:
                continue  # adapters without direction control hear themselves
            try:
                readings = self._decoder.decode(one, request=answer.request.raw)
            except Damage as damage:
                self.heard.refuse(Refused.of(damage, one.raw, one.position))
                self._memory.frame(self._clock.now(), sound=False)
                continue
            self._memory.frame(self._clock.now(), sound=True)
            self.heard.read += bool(readings)
            self.heard.empty += not readings
            answer.readings = [*(answer.readings or ()), *readings]
            if self._protocol.is_last(one, answer.request):
                answer.is_whole = True
                return

    def _silence(self) -> None:
        heard = self.heard
        heard.silent += 1
        is_asked = self._protocol.carrier is Carrier.STREAM
        if heard.read or (heard.empty and is_asked):
            _log.warning("%s: no answer in cycle %d; nothing is stored for it", self._address, heard.cycles)
            return
        if heard.cycles >= SILENT_CYCLES:
            raise NeverAnswered(self._why_silent())
        _log.warning("%s: no answer yet", self._address)

    def _why_silent(self) -> str:
        heard, name = self.heard, f"{self._protocol.name} ({self._protocol.title})"
        if self._protocol.carrier is Carrier.CAN:
            rates = " or ".join(f"{rate // 1000} kbit/s" for rate in self._protocol.baud_rates)
            if heard.empty:
                return (
                    f"{self._address}: {heard.empty} frames in {heard.cycles} intervals, none of {name}; "
                    "is it another profile, or another bus?"
                )
            return (
                f"{self._address}: the bus is open, but no frame came in {heard.cycles} intervals; check the "
                f"bit rate ({name} uses {rates}), both ends of the cable, that the bus has 120 ohm at each "
                "end, and that the battery is awake"
            )
        first = f" First refusal: {heard.samples_of_refusal[0]}." if heard.samples_of_refusal else ""
        if self._protocol.carrier is Carrier.RECORDS:
            return (
                f"{self._address}: {heard.cycles} answers came, and {name} finds nothing in them; does the "
                f"map name what stands there?{first}"
            )
        if self._came_bytes:
            return (
                f"{self._address}: {self._came_bytes} bytes came in {heard.cycles} cycles, but no answer of "
                f"{name}; is it another protocol, another baud rate, or a bad cable?{first}"
            )
        rates = " or ".join(str(rate) for rate in self._protocol.baud_rates)
        serial = self._address.scheme == "serial"
        checks = f"the baud rate ({name} uses {rates})" if serial else "the port"
        return (
            f"{self._address}: the line is open, but nothing answered {heard.cycles} times; check {checks}, "
            "the device's bus address, that A and B are not exchanged, and that the battery is awake"
        )

    def _same_device(self, readings: Iterable[Reading]) -> None:
        """Stop when another device answers: its rows belong to another battery."""
        self._identity.check(readings)

    def _reconnect(self, failure: TransportFailed) -> Line | None:
        """The line again, after waiting; None when the run is to end.

        Raises:
            TransportFailed: the last attempt's, when attempts are limited.
        """
        if isinstance(failure, NeverAnswered):
            raise failure
        _log.warning("%s; trying again", failure)
        # A line that opens and breaks at once is no better: waits begin anew only after an answer.
        for wait_s in self._waits:
            if self._clock.wait(wait_s):
                return None
            try:
                line = self._open(self._address)
            except TransportFailed as again:
                failure = again
                _log.info("%s", again)
            else:
                self.heard.reconnects += 1
                return line
        raise failure

    def _flush_when_due(self) -> None:
        due = self._clock.monotonic() - self._flushed_at >= self._pace.flush_s
        if len(self._buffer) >= self._pace.flush_rows or (due and len(self._buffer)):
            self._flush(final=False)

    def _flush(self, *, final: bool) -> None:
        """Store what waits. Rows stay when the journal cannot take them, as long as memory is sane.

        Raises:
            JournalUnavailable: this was the last chance, or too many rows wait.
        """
        self._flushed_at = self._clock.monotonic()
        if not len(self._buffer):
            return
        try:
            receipts = self._sink(self._buffer.samples())
        except JournalUnavailable as unavailable:
            if final or len(self._buffer) >= MOST_HELD:
                raise JournalUnavailable(
                    f"{unavailable} ({len(self._buffer)} rows were heard and not stored)"
                ) from unavailable
            _log.error("%s; %d rows wait in memory", unavailable, len(self._buffer))
            return
        except IngestError:
            # Refused for what they are: the same rows would be refused again.
            self._buffer.clear()
            raise
        self._buffer.clear()
        self.heard.stored(receipts)
        if self._on_receipts is not None:
            self._on_receipts(receipts)


class _Turns:
    """The requests of one interval on a bus: all at once, or each after the answer to the one before.

    Attributes:
        busy: whether requests or an answer are still to come.
    """

    def __init__(self, protocol: DeviceProtocol, line: Line, pace: Pace, clock: Clock) -> None:
        self._protocol = protocol
        self._line = line
        self._pace = pace
        self._clock = clock
        self._waiting: list[bytes] = []
        self._asked: Frame | None = None
        self._until = 0.0

    @property
    def busy(self) -> bool:
        """See the class."""
        return bool(self._waiting) or self._asked is not None

    def begin(self, requests: list[bytes]) -> None:
        """Send all, or the first.

        Raises:
            RequestForbidden: one is not on the allow-list; nothing was sent.
        """
        for request in requests:
            self._protocol.permit(request)
        if self._protocol.by_turns:
            self._waiting = list(reversed(requests))
            self._next()
            return
        for request in requests:
            self._line.send(request)

    def go_on(self, heard: bytes, found: Iterable[Frame | Refused]) -> None:
        """What this calls for: flow control, or the next request once the last is answered or given up."""
        if self._asked is None:
            return
        if onward := self._protocol.onward(heard, self._asked):
            self._line.send(onward)
            self._until = self._clock.monotonic() + self._pace.longest_s
        asked = self._asked
        if (
            any(isinstance(one, Frame) and self._protocol.is_last(one, asked) for one in found)
            or self._clock.monotonic() >= self._until
        ):
            self._next()

    def _next(self) -> None:
        self._asked = None
        if self._waiting:
            request = self._waiting.pop()
            self._asked = self._protocol.permit(request)
            self._line.send(request)
            self._until = self._clock.monotonic() + self._pace.answer_s


@dataclass
class _Answer:
    """What came to one request so far; None when nothing believable did."""

    request: Frame
    readings: list[Reading] | None = None
    is_whole: bool = False


class NeverAnswered(TransportFailed):
    """The line is open and nothing on it ever answered; trying again would not help."""


def run_epoch(now: datetime) -> str:
    """The number of a live run: milliseconds since 1970 at its start, so a later run has a greater one."""
    return str(int(now.timestamp() * 1000))
