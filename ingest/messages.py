"""From a broker to the journal: messages are read, doubted, sorted by battery, stored, and then acknowledged.

Rules that hold here:

1. A row is what one message said of one moment.
2. A message is acknowledged once its rows are durable, and not before; many share one commit.
3. A message that comes again is known again: the last ones of a source are noted with their rows, and a row
   with a time of its own has the number that this time gives it (docs/decisions/0243).
4. A message that is not believed, or speaks of no bound part, is counted, told and acknowledged: it would be
   the same the next time.
5. Nothing is published.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, Protocol, Self

from ingest import journal
from ingest.errors import IngestError, JournalUnavailable, TransportFailed
from ingest.gateway import Clock, Heard, Identities, JournalSink, Routing, Unbound, is_string, take
from ingest.journal import OtherContent, Receipt
from ingest.plausibility import STALE, Finding, Memory, doubt, findings
from ingest.protocol import Damage, Fault, Refused
from ingest.records import Message, MessageReader, RecordProtocol, Said
from ingest.transports.address import Address
from ingest.transports.base import BackOff
from schemas.reading import Reading, stamp
from schemas.samples import Samples, SamplesBuilder

_log = logging.getLogger(__name__)

# All rows of a broker's source stand in one epoch, in the order of their times.
EPOCH: Final = "1"
# Messages of one commit, and how long the first of them waits for others.
BATCH: Final = 1_000
LINGER_S: Final = 0.25
# Brokers that were not told otherwise stop after so many messages until the first is acknowledged.
_USUAL_WINDOW: Final = 20
_QUIET_S: Final = 0.003
_PATIENCE_S: Final = 0.5
# Messages that are known again; never fewer than a broker may have under way.
REMEMBERED: Final = 4_000
_SLOTS: Final = 2_048
_KEY_BYTES: Final = 8
_SEEN: Final = "seen/"
_READER: Final = "reader/"
_ASK_EVERY_S: Final = 1.0
_SILENT_S: Final = 60.0
# A time is believed when it is no more than this ahead; one that steps back further is told afterwards.
_MINUTE: Final = timedelta(minutes=1)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING_ASIDE: Final[Mapping[str | None, str]] = {}
_DAMAGED: Final = frozenset({Fault.DELIMITER, Fault.LENGTH, Fault.TRUNCATED, Fault.FOREIGN})


class Feed(Protocol):
    """An open session with a broker."""

    def receive(self, timeout_s: float, most: int) -> list[Message]:
        """Messages that have arrived, in order; empty when none came within `timeout_s`.

        Raises:
            TransportFailed: the broker is gone.
        """

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker, in the order of arrival, that it may forget these."""

    def close(self) -> None:
        """Leave; may be called twice."""

    def __enter__(self) -> Self:
        """The feed itself."""

    def __exit__(self, *error: object) -> None:
        """Close."""


class MessageSink(Protocol):
    """Takes rows by battery and notes of the source, all or nothing; its receipts mean: durable."""

    def __call__(
        self, rows: Mapping[str, Samples], *, notes: Mapping[str, bytes | None]
    ) -> Sequence[Receipt]:
        """One receipt per battery.

        Raises:
            JournalUnavailable: nothing was stored; the same may be given again.
            OtherContent: other content is stored under one of the numbers; nothing was stored.
        """


@dataclass(frozen=True)
class JournalMessages(JournalSink):
    """The journal as a sink for messages: rows, dirty marks and notes in one transaction."""

    def notes(self) -> Mapping[str, bytes]:
        """What earlier runs of the source noted.

        Raises:
            JournalUnavailable: the database cannot be read.
        """
        with _available(), self.writing() as connection:
            return journal.notes(connection, self.source)

    def __call__(
        self,
        rows: Mapping[str, Samples],
        *,
        notes: Mapping[str, bytes | None] = _NOTHING_ASIDE,  # type: ignore[assignment]
    ) -> Sequence[Receipt]:
        """See `MessageSink`."""
        at = self.now()
        with _available(), self.writing() as connection:
            receipts = self.accept(connection, rows, at=at)
            journal.note(connection, self.source, notes)
        journal.crash_here("intake.before_answer")
        return receipts


@contextmanager
def _available() -> Iterator[None]:
    """As `JournalSink`: the passport side's word for a full disk becomes ours."""
    try:
        with journal.available():
            yield
    except Exception as error:
        if getattr(error, "code", None) == "store_unavailable":
            raise JournalUnavailable(str(error)) from error
        raise


def open_feed(address: Address, source: str) -> Feed:
    """A session with a broker for a source.

    Raises:
        TransportFailed: with what to check.
    """
    from ingest.transports.mqtt import MqttFeed

    return MqttFeed(address, source)


@dataclass
class _Row:
    number: int
    at: datetime | None
    parts: dict[str, list[Reading]]


@dataclass
class _Batch:
    """Messages of one commit and what came of them."""

    rows: dict[int, _Row] = field(default_factory=dict)
    keys: dict[bytes, None] = field(default_factory=dict)

    def free(self, number: int) -> int:
        """The number, or the next one that no row of the batch has."""
        while number in self.rows:
            number += 1
        return number

    def samples(self) -> dict[str, Samples]:
        builders: dict[str, SamplesBuilder] = {}
        for row in self.rows.values():
            for battery, readings in row.parts.items():
                builders.setdefault(battery, SamplesBuilder()).add(row.number, row.at, readings)
        return {battery: builder.build() for battery, builder in builders.items()}

    def give_way(self, number: int) -> None:
        """Another row stands under this number: the batch's own takes the next one that is free."""
        row = self.rows.pop(number)
        row.number = self.free(number + 1)
        self.rows[row.number] = row


class _Seen:
    """The keys of the last messages of a source, in memory and as notes."""

    def __init__(self, notes: Mapping[str, bytes]) -> None:
        self._keys: set[bytes] = set()
        self._stored: deque[tuple[str, list[bytes]]] = deque()
        self._count = 0
        self._next = 1
        for name, content in sorted(notes.items()):
            keys = [content[at : at + _KEY_BYTES] for at in range(0, len(content), _KEY_BYTES)]
            self._next = int(name.removeprefix(_SEEN)) + 1
            self._take(name, keys)

    def __contains__(self, key: bytes) -> bool:
        return key in self._keys

    def add(self, new: Iterable[bytes]) -> dict[str, bytes | None]:
        """Take in the keys of a batch; the notes that say so, and those that are too old."""
        keys = list(new)
        if not keys:
            return {}
        name = f"{_SEEN}{self._next:016d}"
        self._next += 1
        self._take(name, keys)
        changes: dict[str, bytes | None] = {name: b"".join(keys)}
        while self._count - len(self._stored[0][1]) >= REMEMBERED:
            old, gone = self._stored.popleft()
            self._count -= len(gone)
            self._keys.difference_update(gone)
            changes[old] = None
        return changes

    def _take(self, name: str, keys: list[bytes]) -> None:
        self._stored.append((name, keys))
        self._keys.update(keys)
        self._count += len(keys)


class MessageGateway:
    """Listens to one source at a broker until it is told to stop.

    Attributes:
        heard: what the run came to so far; a cycle is a message that is no repetition.
    """

    def __init__(
        self,
        address: Address,
        protocol: RecordProtocol,
        routing: Routing,
        sink: MessageSink,
        *,
        source: str,
        clock: Clock,
        back_off: BackOff,
        notes: Callable[[], Mapping[str, bytes]],
        before: Callable[[], object] | None = None,
        on_receipts: Callable[[Sequence[Receipt]], None] | None = None,
        on_findings: Callable[[Sequence[Finding]], None] | None = None,
        on_readings: Callable[[datetime, Sequence[Reading]], None] | None = None,
        memory: Memory | None = None,
        aside: Mapping[str | None, str] = _NOTHING_ASIDE,
        opener: Callable[[Address, str], Feed] = open_feed,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: the broker and the filter.
            protocol: what the messages are.
            routing: which battery each part is.
            sink: takes the rows.
            source: id of the source, under which the broker keeps the session.
            clock: the time.
            back_off: how long to wait for a broker that is gone.
            notes: gives what earlier runs of the source noted.
            before: is called before messages are taken, where bindings may change.
            on_receipts: is told what was stored.
            on_findings: is told which doubts began and ended.
            on_readings: is given the doubted readings of each message with their time.
            memory: what is known of the source already, such as its commissioned serial numbers.
            aside: parts that the site's rules keep aside.
            opener: opens the session.
        """
        self.heard = Heard()
        self._address, self._source, self._sink = address, source, sink
        self._routing, self._clock, self._back_off = routing, clock, back_off
        self._on_receipts, self._on_findings, self._on_readings = on_receipts, on_findings, on_readings
        self._aside, self._opener, self._before = aside, opener, before
        self._memory = memory or Memory(protocol=protocol.name)
        # What is told afterwards is judged by itself: it would look like counters that fall.
        self._late = Memory(protocol=protocol.name, expected=dict(self._memory.expected))
        self._identity = Identities(address, routing, self._memory)
        self._reader: MessageReader = protocol.reader()
        self._notes = notes
        self._seen = _Seen({})
        self._loose: set[str] = set()
        self._waits = back_off.waits()
        self._newest: datetime | None = None
        self._last_number = 0
        self._ended: list[Finding] = []
        self._asked_at = clock.monotonic()
        self._spoke_at = clock.monotonic()
        self._silence_told = False

    @property
    def serials(self) -> Mapping[str | None, str]:
        """Serial numbers that parts said of themselves in this run."""
        return self._identity.serials

    def recommission(
        self, bindings: Mapping[str | None, str], changed: Mapping[str | None, str | None]
    ) -> None:
        """As `Gateway.recommission`; between two commits only."""
        self._routing = Routing(bindings)
        self._loose.clear()
        self._identity.commissioned(self._routing, changed)
        for part, serial in changed.items():
            self._late.commissioned(part, serial)

    def run(
        self, count: int | None = None, *, feed: Feed | None = None, held: Sequence[Message] = ()
    ) -> Heard:
        """Take in `count` messages, or all until stopped; what was taken in is stored before it returns.

        Args:
            count: how many messages.
            feed: a session that is open already.
            held: messages that were received from it and are not acknowledged.

        Raises:
            TransportFailed: the broker cannot be reached.
            Unbound: several parts speak, and one battery is bound to the whole.
            AnotherDevice: the serial number changed.
            JournalUnavailable: rows could not be stored; the broker keeps their messages.
        """
        self._recall(self._notes())
        feed = feed or self._opener(self._address, self._source)
        try:
            if held:
                self._store(feed, held)
                self._tell()
            while not self._is_over(count):
                if self._before is not None:
                    self._before()
                left = None if count is None else count - self.heard.cycles
                try:
                    messages = self._collect(feed, BATCH if left is None else min(left, BATCH))
                except TransportFailed as failure:
                    feed.close()
                    found = self._reconnect(failure)
                    if found is None:
                        break
                    feed = found
                    continue
                self._store(feed, messages)
                self._tell()
        finally:
            feed.close()
        return self.heard

    def _recall(self, notes: Mapping[str, bytes]) -> None:
        mine = {name: one for name, one in notes.items() if name.startswith(_SEEN)}
        self._seen = _Seen(mine)
        self._reader.recall(
            {name.removeprefix(_READER): one for name, one in notes.items() if name.startswith(_READER)}
        )

    def _is_over(self, count: int | None) -> bool:
        return (count is not None and self.heard.cycles >= count) or self._clock.wait(0)

    def _collect(self, feed: Feed, most: int) -> list[Message]:
        """Messages for one commit: as many as come without a pause, or within a short while."""
        messages = feed.receive(_PATIENCE_S, most)
        began = self._clock.monotonic()
        while messages and len(messages) < most:
            left = began + LINGER_S - self._clock.monotonic()
            if left <= 0:
                break
            # A broker that waits for an acknowledgement sends nothing: it is not kept waiting.
            wait_s = min(left, _QUIET_S) if len(messages) >= _USUAL_WINDOW else left
            try:
                more = feed.receive(wait_s, most - len(messages))
            except TransportFailed:
                break  # what has come is stored; the next call says it again
            if not more and len(messages) >= _USUAL_WINDOW:
                break
            messages += more
        return messages

    def _store(self, feed: Feed, messages: Sequence[Message]) -> None:
        """Read, store, acknowledge."""
        if not messages:
            return
        batch = _Batch()
        for message in messages:
            self._take(message, batch)
        noted = {f"{_READER}{name}": content or None for name, content in self._reader.noted().items()}
        receipts: Sequence[Receipt] = ()
        if batch.rows or noted:
            notes = {**self._seen.add(batch.keys), **noted}
            receipts = self._committed(batch, notes)
            self._waits = self._back_off.waits()
        feed.acknowledge(messages)
        self.heard.stored(receipts)
        if receipts and self._on_receipts is not None:
            self._on_receipts(receipts)

    def _committed(self, batch: _Batch, notes: Mapping[str, bytes | None]) -> Sequence[Receipt]:
        while True:
            try:
                return self._sink(batch.samples(), notes=notes)
            except OtherContent as conflict:
                # Another message of the same moment has the number: one in two thousand such pairs.
                batch.give_way(conflict.difference.sequence)

    def _take(self, message: Message, batch: _Batch) -> None:
        """What one message says goes into the batch."""
        heard = self.heard
        self._spoke_at = self._clock.monotonic()
        digest = blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=32).digest()
        key = digest[:_KEY_BYTES]
        is_known = key in self._seen or key in batch.keys
        if message.repeated and not is_known:
            numbered = _numbered(digest, message)
            is_known = numbered in self._seen or numbered in batch.keys
        if is_known:
            heard.repeated += 1
            return
        heard.cycles += 1
        now = self._clock.now()
        try:
            found = self._reader.read(message)
        except Damage as damage:
            heard.refuse(Refused.of(damage, message.payload, 0))
            if damage.fault in _DAMAGED:
                self._memory.frame(now, sound=False)
            _log.debug("%s %s: %s", self._address, message.topic, damage)
            return
        self._memory.frame(now, sound=True)
        heard.read += bool(found)
        heard.empty += not found
        is_timed = True
        for said in found:
            stamp(said.readings, digest.hex())
            is_timed = self._row(said, digest, now, batch) and is_timed
        if is_timed or message.number:
            batch.keys[key if is_timed else _numbered(digest, message)] = None
        for end in self._reader.ended():
            _log.warning("%s: %s", self._source, end.sentence)
            self._ended.append(Finding(STALE, end.component, end.sentence, now))

    def _row(self, said: Said, digest: bytes, now: datetime, batch: _Batch) -> bool:
        """A row of what was said of one moment; whether its number follows from a time of its own."""
        self._one_whole(said.readings)
        at = said.at
        is_timed = at is not None and _START <= at <= now + _MINUTE
        if at is None or not is_timed:
            # A clock that is ahead is doubted (`clock_off`), and the row stands where it arrived.
            at = now
            self._last_number = max(self._last_number + 1, _number(now, 0))
            number = batch.free(self._last_number)
        else:
            slot = int.from_bytes(digest[_KEY_BYTES : _KEY_BYTES + 2], "big") % _SLOTS
            number = batch.free(_number(at, slot))
        is_late = said.late or (self._newest is not None and at < self._newest - _MINUTE)
        if is_late:
            doubted = doubt(said.readings, self._late, at=at)
        else:
            self._newest = max(at, self._newest or at)
            doubted = doubt(said.readings, self._memory, at=at)
            self._identity.check(doubted)
            if self._on_readings is not None:
                self._on_readings(at, doubted)

        def add(number: int, at: datetime | None, parts: dict[str, list[Reading]]) -> None:
            batch.rows[number] = _Row(number, at, parts)

        take(number, at, doubted, routing=self._routing, heard=self.heard, add=add, aside=self._aside)
        return is_timed

    def _one_whole(self, readings: Sequence[Reading]) -> None:
        """A battery that is bound to the whole is one part: each message may speak of another.

        Raises:
            Unbound: several parts spoke.
        """
        if None not in self._routing.bindings:
            return
        for part in {reading.component for reading in readings} - self._loose:
            if part is None or is_string(part) or not self._routing.is_whole(part):
                continue
            self._loose.add(part)
        if len(self._loose) > 1:
            raise Unbound(sorted(self._loose))

    def _tell(self) -> None:
        """Pass on which doubts began or ended, once a second."""
        now = self._clock.monotonic()
        if not self._silence_told and now - self._spoke_at >= _SILENT_S:
            self._silence_told = True
            _log.warning(
                "%s: connected, and no message came for a minute; is it the right topic filter, and may this "
                "user read it?",
                self._address,
            )
        if now - self._asked_at < _ASK_EVERY_S and not self._ended:
            return
        self._asked_at = now
        news = [*self._ended, *findings(self._memory, self._clock.now())]
        self._ended.clear()
        self.heard.tell(news)
        if news and self._on_findings is not None:
            self._on_findings(news)

    def _reconnect(self, failure: TransportFailed) -> Feed | None:
        """The session again, after waiting; None when the run is to end.

        Raises:
            TransportFailed: the last attempt's, when attempts are limited.
        """
        _log.warning("%s; trying again", failure)
        for wait_s in self._waits:
            if self._clock.wait(wait_s):
                return None
            try:
                feed = self._opener(self._address, self._source)
            except TransportFailed as again:
                failure = again
                _log.info("%s", again)
            else:
                self.heard.reconnects += 1
                return feed
        raise failure


def _numbered(digest: bytes, message: Message) -> bytes:
    """The key of a message without a time: equal ones are told apart by the broker's number."""
    return blake2b(digest + message.number.to_bytes(2, "big"), digest_size=_KEY_BYTES).digest()


def _number(at: datetime, slot: int) -> int:
    """The number of a row: its time in milliseconds, and a place within it."""
    return (at - _START) // timedelta(milliseconds=1) * _SLOTS + slot


def speaking(
    protocol: RecordProtocol, messages: Iterable[Message]
) -> tuple[list[str | None], dict[str | None, str]]:
    """Which parts messages speak of, and which serial numbers they say; for a first look, nothing is kept."""
    reader = protocol.reader()
    parts: set[str | None] = set()
    serials: dict[str | None, str] = {}
    for message in messages:
        try:
            found = reader.read(message)
        except IngestError:
            continue
        for said in found:
            for reading in said.readings:
                parts.add(reading.component)
                if reading.quantity == "serial_number" and isinstance(reading.value, str):
                    serials[reading.component] = reading.value
    return sorted(parts, key=str), serials
