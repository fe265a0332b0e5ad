"""Many devices at once: a thread for each, one journal, and no device that stops another.

1. Devices on one line take turns, a whole polling cycle at a time.
2. A line that breaks, or on which nothing answers, is tried again after a wait that doubles; each such start
   is an epoch of its own.
3. A device that cannot be right stops for itself and says why: another serial number on its line, several
   parts where one battery is bound, other content under the same number.
4. Rows go to the journal one device after another.
5. What each says is compared with what the others say (`ingest.site_rules`); a part whose binding a finding
   freezes is kept aside from its battery, and what began or ended is written into the audit.
6. The commissioning records are read again and again: a part that was bound anew, released or bound to
   another battery goes on as they say, without a new start of the run.
"""

import logging
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from functools import partial
from typing import Any, Final, Protocol

from ingest.errors import IngestError, JournalUnavailable, SiteRefused, TransportFailed
from ingest.gateway import Clock, Gateway, JournalSink, Pace, Routing, run_epoch
from ingest.journal import Receipt
from ingest.messages import EPOCH, JournalMessages, MessageGateway
from ingest.plausibility import Memory
from ingest.ports import Batteries, Records
from ingest.protocol import Protocol as DeviceProtocol
from ingest.records import RecordProtocol
from ingest.site.evidence import FrameLog, watched
from ingest.site.file import Device, Part, Site
from ingest.site.lines import SharedLine, shared_lines
from ingest.site.watch import SiteWatch
from ingest.transports.address import BROKERS, FETCHED, Address
from ingest.transports.base import BackOff, Line
from schemas.reading import Reading
from schemas.samples import Samples

_log = logging.getLogger(__name__)

# How often the commissioning records are read.
LOOK_EVERY_S: Final = 5.0
_NEWS_EVERY_S: Final = 0.5
# Where `Status.last` keeps what a meter says.
METERED: Final = ""
# How the log tells that a device waits or has stopped; who shows devices leaves these out.
STATE_TOLD: Final = "%s %s: %s"
# A device's clock, or a portal's, may be so far behind when its device is commissioned.
CLOCKS_DIFFER: Final = timedelta(hours=1)
_STORE_UNAVAILABLE: Final = "store_unavailable"
_SHOWN: Final = ("voltage", "current", "state_of_charge", "bms_reported_health")


class House(Protocol):
    """What a site takes from `app`."""

    @property
    def batteries(self) -> Batteries:
        """The passport side."""

    @property
    def records(self) -> Records:
        """Commissioned serial numbers, and the audit."""

    def writing(self) -> Any:
        """One write transaction, durable when the block ends."""

    def reading(self) -> Any:
        """One consistent read."""

    def now(self) -> datetime:
        """The time."""


@unique
class State(StrEnum):
    """What a device is at."""

    STARTING = "starting"
    POLLING = "polling"
    WAITING = "waiting"  # the line failed; it is tried again
    STOPPED = "stopped"  # a person must look
    ENDED = "ended"


@dataclass(frozen=True)
class News:
    """Who a device's parts are now.

    Attributes:
        bindings: all of them.
        changed: parts that were bound anew or released, with the serial number that was written down.
    """

    bindings: Mapping[str | None, str]
    changed: Mapping[str | None, str | None]


@dataclass
class Status:
    """How one device is doing; written by its thread, read by whoever shows it.

    Attributes:
        device: which one.
        batteries: by component.
        state: what it is at.
        reason: why it waits or has stopped; empty otherwise.
        starts: how often its line was begun, each an epoch.
        rows: rows that have a receipt, by battery.
        cycles: polling cycles of earlier starts.
        doubts: raised in earlier starts.
        refused: frames that were not believed in earlier starts.
        unbound: readings of parts that nobody is bound to, in earlier starts.
        gateway: of the present start; None between starts.
        last: the newest shown values of each battery, kept over starts.
        last_at: when something was last heard.
        news: what was commissioned anew and its thread has not taken in yet.
    """

    device: Device
    batteries: Mapping[str | None, str] = field(default_factory=dict)
    state: State = State.STARTING
    reason: str = ""
    starts: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unbound: Counter[str] = field(default_factory=Counter)
    gateway: Gateway | MessageGateway | None = None
    last: dict[str, dict[str, Reading]] = field(default_factory=dict)
    last_at: datetime | None = None
    news: queue.SimpleQueue[News] = field(default_factory=queue.SimpleQueue)

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "source": self.device.source,
            "address": str(self.device.address),
            "protocol": self.device.protocol.name,
            "state": self.state.value,
            "reason": self.reason or None,
            "starts": self.starts,
            "cycles": self.total_cycles,
            "batteries": {part or "": battery for part, battery in self.batteries.items()},
            "rows": dict(self.rows),
            "refused": dict(self._with("refused")),
            "doubts": dict(self._with("doubts")),
            "unbound": dict(self._with("unbound")),
            "last_at": self.last_at.isoformat() if self.last_at else None,
        }

    @property
    def total_cycles(self) -> int:
        """Polling cycles of all starts."""
        gateway = self.gateway
        return self.cycles + (gateway.heard.cycles if gateway else 0)

    def _with(self, name: str) -> Counter[str]:
        mine: Counter[str] = getattr(self, name)
        gateway = self.gateway
        return mine + getattr(gateway.heard, name) if gateway else mine

    def silent_parts(self) -> list[str]:
        """Bound parts that have not said a thing though the device has."""
        if self.last_at is None:
            return []
        return sorted(part or "" for part, battery in self.batteries.items() if not self.rows[battery])


class SiteRun:
    """A site while it runs.

    Attributes:
        statuses: one for each device, in the order of the file.
    """

    def __init__(
        self,
        site: Site,
        house: House,
        ending: threading.Event,
        *,
        monotonic: Callable[[], float],
        opener: Callable[[Address], Line] = Address.open,
        pace: Pace | None = None,
        back_off: BackOff | None = None,
    ) -> None:
        self.statuses = [Status(device) for device in site.devices]
        self._site, self._house, self._ending = site, house, ending
        self._monotonic = monotonic
        self._pace = pace or Pace()
        self._back_off = back_off or BackOff(jitter=random.random)
        self._lines = shared_lines([device.address for device in site.devices], opener)
        self._storing = threading.Lock()
        self._watch = SiteWatch(house.writing, house.records, house.now)
        self._memories: dict[str, Memory] = {}
        self._since: dict[str, dict[str | None, datetime]] = {}
        self._looked_at = monotonic()
        self._epoch_lock = threading.Lock()
        self._last_epoch = 0

    def settle(self) -> None:
        """Find and make the batteries of all devices, and write down which part is which; all or nothing.

        What was made at an earlier start is bound already and not made again.

        Raises:
            SiteRefused: a battery is not known, or bound elsewhere; the sentence names the source.
        """
        with self._house.writing() as connection:
            for status in self.statuses:
                device = status.device
                known = self._house.batteries.bound(connection, device.source)
                bound: dict[str | None, str] = {}
                for part in device.parts:
                    try:
                        bound[part.component] = self._battery(connection, device, part, known)
                    except ValueError as error:
                        raise SiteRefused(f"line {part.line}: {device.name}: {error}") from error
                status.batteries = bound
                # One answer over HTTP may be read by several maps: that is no address that is given twice.
                line = None if device.address.scheme in FETCHED else str(device.address)
                self._watch.add(
                    device.source, bound, line=line, bus_address=device.bus_address, bus=device.bus
                )
                since = dict(self._house.records.since(connection, device.source))
                self._since[device.source] = since
                self._memories[device.source] = Memory(
                    protocol=device.protocol.name,
                    firmware=getattr(device.protocol, "firmware", None),
                    installed_at=min(since.values()) - CLOCKS_DIFFER if since else None,
                    expected=dict(self._house.records.serials(connection, device.source)),
                )

    def _battery(self, connection: Any, device: Device, part: Part, known: Mapping[str | None, str]) -> str:
        batteries, now = self._house.batteries, self._house.now()
        if part.battery is None and part.component in known:
            return known[part.component]
        if part.battery is None:
            battery = batteries.create(connection, part.facts, at=now)
        else:
            battery = batteries.resolve(connection, part.battery)
        batteries.bind(connection, battery=battery, source=device.source, component=part.component, at=now)
        return battery

    def run(self, watch: Callable[[], None]) -> None:
        """Read until the run is to end; `watch` is called again and again meanwhile and waits by itself."""
        threads = [
            threading.Thread(target=self._keep, args=(status,), name=status.device.source, daemon=True)
            for status in self.statuses
        ]
        for thread in threads:
            thread.start()
        try:
            # A device that has stopped waits for a commissioning; where all have, nobody would come by it.
            while not self._ending.is_set() and any(
                thread.is_alive() and status.state is not State.STOPPED
                for thread, status in zip(threads, self.statuses, strict=True)
            ):
                watch()
                if self._monotonic() - self._looked_at >= LOOK_EVERY_S:
                    self.look()
        finally:
            self._ending.set()
            for thread in threads:
                # An answer is waited for no longer than `Pace` says; what is stored then has its receipt.
                thread.join(timeout=60)

    def look(self) -> None:
        """Read the commissioning records, and tell each device whose parts were bound anew or released."""
        self._looked_at = self._monotonic()
        try:
            with self._house.reading() as connection:
                for status in self.statuses:
                    self._compare(connection, status)
        except Exception as error:
            # As in `JournalSink`: a database that is busy now is asked again later.
            if getattr(error, "code", None) != _STORE_UNAVAILABLE:
                raise
            _log.warning("commissioning records cannot be read: %s", error)

    def _compare(self, connection: Any, status: Status) -> None:
        source = status.device.source
        before, since = self._since[source], dict(self._house.records.since(connection, source))
        parts = {part for part in {*before, *since} if before.get(part) != since.get(part)}
        if not parts:
            return
        serials = self._house.records.serials(connection, source)
        bound = self._house.batteries.bound(connection, source)
        known = parts | set(status.batteries)
        bindings = {part: battery for part, battery in bound.items() if part in known}
        self._since[source], status.batteries = since, bindings
        self._watch.commissioned(source, bindings, parts)
        status.news.put(News(bindings, {part: serials.get(part) for part in parts}))
        for part in sorted(parts, key=str):
            to = f"is {bindings[part]}" if part in bindings else "is released"
            _log.warning("%s %s %s, as commissioned", source, part or "as a whole", to)

    def _keep(self, status: Status) -> None:
        """One device until the end: started again as often as it takes."""
        device = status.device
        log = None
        protocol = device.protocol
        if self._site.evidence is not None:
            log = FrameLog(self._site.evidence, device.source, self._house.now)
            protocol = watched(protocol, log)
        waits = self._back_off.waits()
        while not self._ending.is_set():
            gateway = self._gateway(status, protocol)
            stopped = False
            status.gateway, status.starts, status.state = gateway, status.starts + 1, State.POLLING
            try:
                gateway.run()
                break
            except (TransportFailed, JournalUnavailable) as error:
                self._tell(status, State.WAITING, str(error))
            except OSError as error:
                self._tell(status, State.WAITING, f"frames cannot be kept: {error}")
            except IngestError as error:
                self._tell(status, State.STOPPED, str(error))
                stopped = True
            except Exception as error:  # noqa: BLE001 - one device must never stop the others
                _log.debug("%s", device.source, exc_info=True)
                self._tell(status, State.STOPPED, f"a fault of this program: {error!r}")
                break
            finally:
                self._add_up(status, gateway)
            if stopped and not self._commissioned_anew(status, gateway):
                break
            if gateway.heard.read:
                waits = self._back_off.waits()
            wait_s = next(waits, None)
            if wait_s is None or self._ending.wait(wait_s):
                break
        if status.state is not State.STOPPED:
            status.state = State.ENDED
        if log is not None:
            log.close()

    def _commissioned_anew(self, status: Status, gateway: Gateway | MessageGateway) -> bool:
        """Wait until somebody commissions a device that has stopped; False when the run ends before."""
        while not self._ending.wait(_NEWS_EVERY_S):
            if take_news(status, gateway):
                status.reason = ""
                return True
        return False

    def _tell(self, status: Status, state: State, reason: str) -> None:
        status.reason, status.state = reason, state
        level = logging.ERROR if state is State.STOPPED else logging.WARNING
        _log.log(level, STATE_TOLD, status.device.name, state.value, reason)

    def _add_up(self, status: Status, gateway: Gateway | MessageGateway) -> None:
        heard = gateway.heard
        status.gateway = None
        status.cycles += heard.cycles
        status.doubts += heard.doubts
        status.refused += heard.refused
        status.unbound += heard.unbound

    def _gateway(self, status: Status, protocol: DeviceProtocol) -> Gateway | MessageGateway:
        device = status.device
        if device.address.scheme in BROKERS:
            assert isinstance(protocol, RecordProtocol)  # `Address.refuses` was asked before
            return self._messages(status, protocol)
        line = self._lines[device.address]
        sink = JournalSink(
            self._house.writing,
            self._house.batteries,
            source=device.source,
            epoch=self._epoch(),
            now=self._house.now,
            period_s=device.interval_s,
        )
        return _TurnedGateway(
            device.address,
            protocol,
            Routing(status.batteries),
            _Noted(status, sink, self._storing, self._house.now),
            clock=Clock(self._house.now, self._monotonic, self._ending.wait),
            back_off=self._back_off,
            pace=replace(self._pace, interval_s=device.interval_s),
            bus_address=device.bus_address,
            on_readings=partial(self._heard, status),
            on_findings=partial(self._watch.tell, device.source),
            memory=self._memories.get(device.source),
            aside=self._watch.aside(device.source),
            opener=line.open,
        ).on(line, status)

    def _heard(self, status: Status, at: datetime, readings: Sequence[Reading]) -> None:
        """Show a row to the site's rules; what a meter says is shown and stored for nobody."""
        status.last_at = self._house.now()
        if not status.device.parts:
            status.last[METERED] = {reading.quantity: reading for reading in _wanted(readings)}
        self._watch.heard(status.device.source, at, readings)

    def _messages(self, status: Status, protocol: RecordProtocol) -> MessageGateway:
        device = status.device
        sink = JournalMessages(
            self._house.writing,
            self._house.batteries,
            source=device.source,
            epoch=EPOCH,
            now=self._house.now,
            period_s=device.interval_s,
        )
        gateway = MessageGateway(
            device.address,
            protocol,
            Routing(status.batteries),
            _Noted(status, sink, self._storing, self._house.now),
            source=device.source,
            clock=Clock(self._house.now, self._monotonic, self._ending.wait),
            back_off=self._back_off,
            notes=sink.notes,
            before=lambda: take_news(status, gateway),
            on_readings=partial(self._heard, status),
            on_findings=partial(self._watch.tell, device.source),
            memory=self._memories.get(device.source),
            aside=self._watch.aside(device.source),
        )
        return gateway

    def _epoch(self) -> str:
        """Of one start: the clock's, and never one that was given before."""
        with self._epoch_lock:
            self._last_epoch = max(self._last_epoch + 1, int(run_epoch(self._house.now())))
            return str(self._last_epoch)


class _TurnedGateway(Gateway):
    """A gateway whose cycles wait for their turn on the line."""

    _shared: SharedLine
    _status: Status

    def on(self, shared: SharedLine, status: Status) -> "_TurnedGateway":
        """The same, on this line."""
        self._shared, self._status = shared, status
        return self

    def _cycle(self, line: Line, *, with_identity: bool) -> bool:
        # Who was commissioned anew is asked who it is: what was known of it is forgotten.
        with_identity = take_news(self._status, self) or with_identity
        with self._shared.turns.turn():
            if self._clock.wait(self._pace.pause_s):
                return True  # the run is to end: neither an answer nor silence
            return super()._cycle(line, with_identity=with_identity)


def take_news(status: Status, gateway: Gateway | MessageGateway) -> bool:
    """Whether anything was commissioned anew; called by the device's own thread."""
    changed = False
    while True:
        try:
            news = status.news.get_nowait()
        except queue.Empty:
            return changed
        gateway.recommission(news.bindings, news.changed)
        changed = True


@dataclass(frozen=True)
class _Noted:
    """A sink that stores one device after another and keeps what is shown of each."""

    status: Status
    sink: Callable[..., Sequence[Receipt]]
    storing: threading.Lock
    now: Callable[[], datetime]

    def __call__(self, rows: Mapping[str, Samples], **beside: Any) -> Sequence[Receipt]:
        """See `Sink`; what stands `beside` the rows is stored with them."""
        with self.storing:
            receipts = self.sink(rows, **beside)
        status = self.status
        for receipt in receipts:
            status.rows[receipt.battery] += receipt.accepted
        status.last_at = self.now()
        if status.gateway is not None:
            status.last |= shown(status.gateway)
            status.state, status.reason = State.POLLING, ""
        return receipts


def shown(gateway: Gateway | MessageGateway) -> dict[str, dict[str, Reading]]:
    """The newest values of each battery that a person looks at first."""
    out: dict[str, dict[str, Reading]] = {}
    for battery, values in list(gateway.heard.last.items()):
        wanted = _wanted(list(values.values()))
        out[battery] = {reading.quantity: reading for reading in wanted}
    return out


def _wanted(readings: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.quantity in _SHOWN and reading.component is None]
