"""What is remembered of a source, so that a rule may ask how a value came about and how long a fault lasts.

A `Memory` belongs to one source (one device on a line, or one recording) and is told every batch of readings
in order of arrival, with its time where there is one. It grows with the number of parts and quantities of a
device and no further. It knows no clock and judges nothing: rules do, in `ingest.rules_of_value` and
`ingest.rules_of_time`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum, unique
from functools import cached_property
from typing import Final

from schemas.reading import Reading

# A device has few positions and parts; more is not remembered, so a hostile line cannot fill memory.
REMEMBERED: Final = 4096
# A value is that of another sender when every second one is alike and neighbours are not.
_TRACK: Final = 8
_POINTS: Final = 64

# A lower value of a counter is believed once it was said so often, over so long a time.
FALL_SAMPLES: Final = 3
FALL_S: Final = 30.0
# A higher level than time allows is believed once it stood for so long: a board that came with a preset.
JUMP_S: Final = 3600.0
# Samples that lie closer than this tell of all that happened between them.
DENSE_S: Final = 120.0
# So many of a source's usual periods without a word are silence, and never less than so many seconds.
SILENT_PERIODS: Final = 3
_SILENT_LEAST_S: Final = 30.0
# Until a period is known, a step up to this long is watched time.
_WATCHED_S: Final = 600.0

# A shorter text says too little to be half of a serial number.
_HALF: Final = 4

COUNTERS: Final = frozenset(
    {
        "cycle_count",
        "charge_in",
        "charge_out",
        "charge_throughput",
        "energy_in",
        "energy_out",
        "operating_time",
        "event_count",
    }
)
_TOLD_ONCE: Final = frozenset({"nameplate_capacity", "cell_count"})

Key = tuple[str, int | None]
_NOUGHT: Final = Decimal(0)


@unique
class Severity(StrEnum):
    """What a doubt calls for; the reading stays in every case but `REJECT`."""

    WARN = "warn"  # told, and used
    QUARANTINE = "quarantine"  # told, and not used in sums and extremes
    REJECT = "reject"  # the frame is refused, and with it all it says
    COMMISSION = "commission"  # kept aside from every battery until somebody says what it belongs to


@dataclass(frozen=True)
class Check:
    """One reason to distrust, as it is told to people.

    Attributes:
        code: what stands in a reading's `doubts`, and in the audit.
        number: of the rule that it belongs to; 0 for what is said about origins.
        severity: what it calls for.
        reason: a sentence for people.
        hold_s: how many seconds the condition lasts before it is told; 0 tells it at once.
    """

    code: str
    number: int
    severity: Severity
    reason: str
    hold_s: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A doubt that began or ended, for people, programs and the audit.

    Attributes:
        check: which one.
        component: part of the source; None for the whole device.
        sentence: what was seen.
        at: when it was told; None where no row had a time.
        source: id of the device; empty where the caller knows it.
        ended: True when it is over.
        parts: (source, component) of all that it speaks of, where it speaks of several.
    """

    check: Check
    component: str | None
    sentence: str
    at: datetime | None
    source: str = ""
    ended: bool = False
    parts: tuple[tuple[str, str | None], ...] = ()

    @property
    def detail(self) -> str:
        """One line for the audit: rule, code and part in front of the colon, the sentence behind it."""
        part = f" {self.component}" if self.component else ""
        return f"rule {self.check.number} {self.check.code}{part}: {self.sentence}"


@dataclass(slots=True)
class Counted:
    """A device's counter, and what to think of its newest value.

    Attributes:
        believed: the last value that was believed; at: its time.
        high: what it was believed to be before it fell; None when it never did.
        verdict: "", "unsettled" (lower, not yet confirmed), "fell" (confirmed by this value) or "jumped".
        grew: whether the newest value is higher than the one before.
        returns: how often another level came and went.
    """

    believed: Decimal
    at: datetime | None
    high: Decimal | None = None
    verdict: str = ""
    grew: bool = False
    returns: int = 0
    _samples: int = 0
    _since: datetime | None = None
    _jumped: tuple[Decimal, datetime] | None = None

    def say(self, value: Decimal, at: datetime | None, allowed: Decimal | None) -> None:
        """The next value; `allowed` is the most it can have grown since `self.at`, None if nobody knows."""
        self.grew = value > self.believed
        if value < self.believed:
            self._fall(value, at)
            return
        if self._samples:
            self.returns += 1
        self._samples, self._since = 0, None
        if allowed is not None and self.believed and value - self.believed > allowed:
            back = self.high is not None and self.high <= value <= self.high + allowed
            if not back and at is not None and not self._settled(value, at):
                self.verdict = "jumped"
                return
        if self.verdict == "jumped":
            self.returns += 1
        self.believed, self.at, self.verdict, self._jumped = value, at, "", None

    def _fall(self, value: Decimal, at: datetime | None) -> None:
        self._samples += 1
        self._since = self._since or at
        lasted = at is None or self._since is None or (at - self._since).total_seconds() >= FALL_S
        if self._samples < FALL_SAMPLES or not lasted:
            self.verdict = "unsettled"
            return
        self.high, self.believed, self.at, self.verdict = self.believed, value, at, "fell"
        self._samples, self._since, self._jumped = 0, None, None

    def _settled(self, value: Decimal, at: datetime) -> bool:
        """Whether the higher level has stood for so long that it is taken as it is."""
        if self._jumped is None or value < self._jumped[0]:
            self._jumped = (value, at)
        return (at - self._jumped[1]).total_seconds() >= JUMP_S


@dataclass
class Part:
    """What one part of a source said.

    Attributes:
        values: the last number of each quantity and position.
        texts: the last text of each quantity.
        changed: settings whose newest value is another one than before.
        counters: by quantity and kind.
        same: analogue values that are bit for bit what they were in the batch before.
        tracks: the last few voltages.
        peak: greatest current so far, either way.
        charge_step: change of the state of charge that nothing explains, in points; None when there is none.
        health_low: lowest health since the part was commissioned.
        health_since: the present health, and the cycles at which it was first said.
        points: health by cycles.
        whole: how many different amounts of remaining charge came, all of them whole; -1 once one was not.
        counted_out: cycle counts that were exactly throughput over nameplate; -1 once one was not.
        last_at: when it last spoke; period_s: how often it usually does; steps: intervals seen.
    """

    values: dict[Key, Decimal] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    counters: dict[tuple[str, str | None], Counted] = field(default_factory=dict)
    same: set[Key] = field(default_factory=set)
    tracks: deque[Decimal] = field(default_factory=lambda: deque(maxlen=_TRACK))
    peak: Decimal | None = None
    charge_step: Decimal | None = None
    charge_at: datetime | None = None
    health_low: Decimal | None = None
    health_since: tuple[Decimal, Decimal | None] | None = None
    points: dict[Decimal, Decimal] = field(default_factory=dict)
    whole: int = 0
    counted_out: int = 0
    counted_at: Decimal | None = None
    last_at: datetime | None = None
    period_s: float | None = None
    steps: int = 0

    def heard(self, at: datetime) -> None:
        """It spoke; several frames of one moment are one word."""
        if self.last_at is not None and at > self.last_at:
            step = (at - self.last_at).total_seconds()
            self.steps += 1
            # Slowly upwards, quickly downwards: a gap does not make a source slow.
            known = self.period_s
            self.period_s = step if known is None else min(known * 1.1, (known * 7 + step) / 8)
        if self.last_at is None or at > self.last_at:
            self.last_at = at

    def silent_for(self, now: datetime) -> float | None:
        """Seconds without a word when that is silence; None while it is not, or cannot be told."""
        if self.last_at is None or self.period_s is None or self.steps < SILENT_PERIODS:
            return None
        seconds = (now - self.last_at).total_seconds()
        return seconds if seconds > max(_SILENT_LEAST_S, SILENT_PERIODS * self.period_s) else None


@dataclass
class _Standing:
    """A condition that holds: since when, and when it was last seen."""

    since: datetime
    last: datetime


@dataclass
class _Open:
    """A doubt that was told and is not over."""

    check: Check
    sentence: str
    at: datetime | None


@dataclass
class Memory:
    """What one source said so far; one Memory for each source.

    Attributes:
        protocol: name of the protocol, where it is known.
        firmware: release that the decoder's description was written for; None for any.
        installed_at: before this moment the source cannot have measured; None when it is not known.
        expected: serial numbers as commissioned, by component.
        aside: parts that are kept aside from every battery, with the code of the doubt that says why.
        parts: what each part said.
        clock_spread: how far the parts' own times of the newest batch lie apart.
        frames: times of the newest frames, and whether they were sound.
    """

    protocol: str | None = None
    firmware: str | None = None
    installed_at: datetime | None = None
    expected: Mapping[str | None, str] = field(default_factory=dict)
    aside: dict[str | None, str] = field(default_factory=dict)
    parts: dict[str | None, Part] = field(default_factory=dict)
    _count: int = 0
    _serials: dict[str | None, str] = field(default_factory=dict)
    _standing: dict[tuple[str, str | None, str, int | None], _Standing] = field(default_factory=dict)
    _open: dict[tuple[str, str | None], _Open] = field(default_factory=dict)
    _news: list[Finding] = field(default_factory=list)
    _raised: set[tuple[str, str | None]] = field(default_factory=set)
    _first_at: datetime | None = None
    _last_at: datetime | None = None
    _watched_s: float = 0.0
    clock_spread: timedelta = timedelta(0)
    frames: deque[tuple[datetime, bool]] = field(default_factory=lambda: deque(maxlen=200))

    # ------------------------------------------------------------------------------------ taking in

    def note_all(self, readings: Sequence[Reading], at: datetime | None) -> None:
        """Take in a batch before it is judged."""
        if at is not None:
            self._watch(at)
        own = {
            reading.component: reading.measured_at
            for reading in readings
            if reading.measured_at is not None and reading.component is not None
        }
        self.clock_spread = max(own.values()) - min(own.values()) if len(own) > 1 else timedelta(0)
        for part in self.parts.values():
            part.changed.clear()
            part.charge_step = None
        speaking = {reading.component for reading in readings}
        for name in speaking:
            known = self._part(name)
            if known is not None:
                known.same.clear()
                if at is not None:
                    known.heard(at)
        for reading in readings:
            self.note(reading, at)
        for name in speaking:
            if name in self.parts:
                _note_together(self.parts[name])

    def note(self, reading: Reading, at: datetime | None = None) -> None:
        """Take in one reading."""
        part = self._part(reading.component)
        if part is None or reading.value is None:
            return
        if isinstance(reading.value, str):
            self._note_text(part, reading, reading.value)
        elif isinstance(reading.value, Decimal):
            self._note_number(part, reading, reading.value, at)

    def _part(self, component: str | None) -> Part | None:
        part = self.parts.get(component)
        if part is None and len(self.parts) < REMEMBERED:
            part = self.parts[component] = Part()
        return part

    def _note_text(self, part: Part, reading: Reading, value: str) -> None:
        name = reading.quantity
        if name == "serial_number":
            self._note_serial(reading, value)
        elif name == "chemistry" and part.texts.get(name, value) != value:
            part.changed.add(name)
        elif name == "firmware_version" and self.firmware is not None and value != self.firmware:
            self.aside.setdefault(reading.component, "firmware_differs")
        part.texts[name] = value

    def _note_serial(self, reading: Reading, value: str) -> None:
        if reading.doubts or not value.strip("0 "):
            return  # a device without a number says nought
        component = reading.component
        before = self._serials.setdefault(component, self.expected.get(component, value))
        if not same_serial(before, value):
            self.aside.setdefault(component, "slot_shift")
        elif len(value) > len(before):
            self._serials[component] = value

    def _note_number(self, part: Part, reading: Reading, value: Decimal, at: datetime | None) -> None:
        name, key = reading.quantity, (reading.quantity, reading.index)
        before = part.values.get(key)
        if before is None and key not in part.values:
            if self._count >= REMEMBERED:
                return
            self._count += 1
        part.values[key] = value
        if name == "cell_voltage":
            if before == value:
                part.same.add(key)
        elif name == "voltage":
            if before == value:
                part.same.add(key)
            part.tracks.append(value)
        elif name == "current":
            size = abs(value)
            if part.peak is None or size > part.peak:
                part.peak = size
        elif name in COUNTERS:
            self._note_counter(part, reading, value, at)
        elif name == "state_of_charge":
            _note_charge(part, before, value, at)
        elif name == "remaining_charge" and before != value and part.whole >= 0:
            part.whole = part.whole + 1 if value == value.to_integral_value() else -1
        if name in _TOLD_ONCE and before is not None and before != value:
            part.changed.add(name)

    def _note_counter(self, part: Part, reading: Reading, value: Decimal, at: datetime | None) -> None:
        where = (reading.quantity, reading.kind)
        counter = part.counters.get(where)
        if counter is None:
            part.counters[where] = Counted(value, at)
        else:
            counter.say(value, at, _allowed(part, reading.quantity, counter.at, at))

    def _watch(self, at: datetime) -> None:
        self._first_at = self._first_at or at
        if self._last_at is not None and at > self._last_at:
            step = (at - self._last_at).total_seconds()
            periods = [part.period_s for part in self.parts.values() if part.period_s is not None]
            longest = max(_SILENT_LEAST_S, SILENT_PERIODS * min(periods)) if periods else _WATCHED_S
            if step <= longest:
                self._watched_s += step
        if self._last_at is None or at > self._last_at:
            self._last_at = at

    # -------------------------------------------------------------------------- what the gateway says

    def frame(self, at: datetime, *, sound: bool) -> None:
        """A frame came; damaged ones are told so that bursts are seen."""
        self.frames.append((at, sound))

    def commissioned(self, component: str | None, serial: str | None = None) -> None:
        """Somebody said what the part is now, or what was exchanged in it: it begins anew."""
        self.parts.pop(component, None)
        self.aside.pop(component, None)
        self._serials.pop(component, None)
        self.expected = {part: known for part, known in self.expected.items() if part != component}
        if serial is not None:
            self._serials[component] = serial
            self.expected = {**self.expected, component: serial}

    # ------------------------------------------------------------------------------------ for rules

    def about(self, component: str | None, at: datetime | None = None) -> "Known":
        """What is known of one part."""
        return Known(self.parts.get(component) or Part(), self, component, at)

    def kept_aside(self, component: str | None) -> str | None:
        """The code that keeps a part aside: its own, that of a part around it, or a shift beside it."""
        if not self.aside:
            return None
        at = component
        while at is not None:
            if at in self.aside:
                return self.aside[at]
            if self.shifted_beside(at) is not None:
                return "slot_shift"
            at = parent(at)
        return self.aside.get(None)

    def shifted_beside(self, component: str) -> str | None:
        """The part beside this one that changed, where this one never said its own number; None otherwise."""
        if component in self._serials:
            return None
        return next(
            (
                part
                for part, code in self.aside.items()
                if code == "slot_shift" and part and _kind(part) == _kind(component)
            ),
            None,
        )

    def serial(self, component: str | None) -> str | None:
        """The number by which the part is known."""
        return self._serials.get(component)

    def who_had(self, serial: str, component: str | None) -> str | None:
        """Another part that is known by a serial number."""
        return next((n for n, known in self._serials.items() if known == serial and n != component), None)

    def coverage(self, now: datetime) -> tuple[timedelta, Decimal] | None:
        """How long the source is known, and the share of it that was watched; None before the second row."""
        if self._first_at is None or now <= self._first_at:
            return None
        known = now - self._first_at
        return known, min(Decimal(1), Decimal(str(self._watched_s)) / Decimal(str(known.total_seconds())))

    @property
    def last_at(self) -> datetime | None:
        """When the source last spoke."""
        return self._last_at

    def lasts(self, check: Check, reading: Reading, at: datetime | None, *, holds: bool) -> bool:
        """Whether a condition has lasted for the check's hold time; without times it is never known."""
        key = (check.code, reading.component, reading.quantity, reading.index)
        if not holds or at is None:
            self._standing.pop(key, None)
            return False
        standing = self._standing.get(key)
        if standing is None or (at - standing.last).total_seconds() > max(check.hold_s, _WATCHED_S):
            # What was not watched for longer than the hold time is not known to have lasted.
            if len(self._standing) < REMEMBERED:
                self._standing[key] = _Standing(at, at)
            return False
        standing.last = max(at, standing.last)
        return (at - standing.since).total_seconds() >= check.hold_s

    # --------------------------------------------------------------------------------- what is news

    def tell(self, check: Check, component: str | None, at: datetime | None, say: Callable[[], str]) -> None:
        """A doubt was raised; it is news when it was not standing."""
        key = (check.code, component)
        known = self._open.get(key)
        self._raised.add(key)
        if known is not None:
            known.at = at or known.at
        elif len(self._open) < REMEMBERED:
            sentence = say()
            self._open[key] = _Open(check, sentence, at)
            self._news.append(Finding(check, component, sentence, at))

    def raised(self) -> frozenset[tuple[str, str | None]]:
        """The doubts raised since this was last asked: code and part."""
        raised, self._raised = frozenset(self._raised), set()
        return raised

    def hold(self, doubts: Iterable[tuple[str, str | None]], now: datetime) -> None:
        """What these were raised on is still what is told: they hold now."""
        for key in doubts:
            if (known := self._open.get(key)) is not None:
                known.at = now

    def end(self, now: datetime, after_s: float) -> None:
        """Doubts that were not raised for so long are over."""
        for key, known in list(self._open.items()):
            if known.at is not None and (now - known.at).total_seconds() > max(after_s, known.check.hold_s):
                del self._open[key]
                self._news.append(Finding(known.check, key[1], known.sentence, now, ended=True))

    def news(self) -> list[Finding]:
        """What began or ended since this was last asked."""
        news, self._news = self._news, []
        return news


@dataclass(frozen=True)
class Known:
    """What a rule may ask about the part that a reading speaks of."""

    part: Part
    memory: Memory
    component: str | None
    at: datetime | None

    @property
    def values(self) -> dict[Key, Decimal]:
        """The last numbers of the part."""
        return self.part.values

    def get(self, quantity: str) -> Decimal | None:
        """The last value of a quantity that has no position; None when it never came."""
        return self.part.values.get((quantity, None))

    def extreme(self, quantity: str) -> Decimal | None:
        """The last value of a quantity whatever position it names; None when it never came."""
        return next((value for (name, _), value in self.part.values.items() if name == quantity), None)

    def all_of(self, quantity: str) -> tuple[Decimal, ...]:
        """The last values of a quantity at all its positions."""
        return tuple(value for (name, _), value in self.part.values.items() if name == quantity)

    @cached_property
    def positions(self) -> int:
        """How many cell positions were ever read."""
        return len(self.all_of("cell_voltage"))

    @cached_property
    def cells(self) -> tuple[Decimal, ...]:
        """The last voltages of the cells that show one."""
        return tuple(value for value in self.all_of("cell_voltage") if value)

    @cached_property
    def cell_sum(self) -> Decimal | None:
        """The sum of all cells that the device counts; None while one of them is missing."""
        count = self.get("cell_count")
        if not self.cells or (count is not None and len(self.cells) != count):
            return None
        return sum(self.cells, _NOUGHT)

    @cached_property
    def below(self) -> dict[str, Part]:
        """The parts directly inside this one, in order of their names."""
        inside = {n: part for n, part in self.memory.parts.items() if n and parent(n) == self.component}
        return dict(sorted(inside.items(), key=lambda one: (len(one[0]), one[0])))

    def of_below(self, quantity: str) -> list[Decimal]:
        """A quantity of every part inside, in order; empty unless all that are online say it."""
        found = [part.values.get((quantity, None)) for part in self.below.values()]
        said = [value for value in found if value is not None]
        online = self.get("modules_online")
        whole = len(said) > 1 and len(said) == len(found) and (online is None or online == len(said))
        return said if whole else []


def same_serial(one: str, other: str) -> bool:
    """Whether two texts are one serial number; a half of it that came alone is no other one."""
    short, long = sorted((one.strip(), other.strip()), key=len)
    return short == long or (len(short) >= _HALF and short in long)


def parent(component: str) -> str | None:
    """The part around a part: `string/1` for `string/1/module/2`, None for the whole device."""
    pieces = component.split("/")
    return "/".join(pieces[:-2]) or None


def _kind(component: str) -> str:
    """The path without the last number: parts of one kind in one part have it in common."""
    return component.rpartition("/")[0]


def _capacity(part: Part) -> Decimal | None:
    learned = part.values.get(("full_charge_capacity", None))
    return learned or part.values.get(("nameplate_capacity", None))


def _allowed(part: Part, quantity: str, since: datetime | None, at: datetime | None) -> Decimal | None:
    """The most a counter can have grown in a time; None when nobody knows."""
    if since is None or at is None or at < since:
        return None
    seconds = Decimal((at - since).total_seconds())
    hours = seconds / 3600
    if quantity == "cycle_count":
        return 1 + 4 * hours
    if quantity == "operating_time":
        return seconds * Decimal("1.1") + 3700  # some count in hours
    if quantity == "event_count":
        return None
    capacity = _capacity(part)
    if part.peak is not None and seconds <= DENSE_S:
        charge = part.peak * hours * Decimal("1.2") + 1
    elif capacity:
        charge = 6 * capacity * hours + 1
    else:
        return None
    if quantity.startswith("charge"):
        return 2 * charge if quantity == "charge_throughput" else charge
    voltage = part.values.get(("voltage", None))
    return charge * voltage * Decimal("1.3") / 1000 + Decimal("0.1") if voltage else None


def _note_charge(part: Part, before: Decimal | None, value: Decimal, at: datetime | None) -> None:
    since, part.charge_at = part.charge_at, at
    if before is None or since is None or at is None or min(value, before) < 0 or max(value, before) > 100:
        return
    seconds = (at - since).total_seconds()
    if not 0 < seconds <= DENSE_S:
        return
    capacity = _capacity(part)
    explained = Decimal(2)
    if capacity and part.peak:
        explained = 100 * part.peak * Decimal(str(seconds)) / 3600 / capacity
    if abs(value - before) > 5 + explained:
        part.charge_step = value - before


def _note_together(part: Part) -> None:
    """What must be seen together, whichever came first in the batch."""
    cycles, health = part.values.get(("cycle_count", None)), part.values.get(("bms_reported_health", None))
    if health is not None:
        _note_health(part, health, cycles)
    if cycles:
        _note_cycles(part, cycles)


def _note_health(part: Part, value: Decimal, cycles: Decimal | None) -> None:
    if not _NOUGHT < value <= 110:
        return
    if part.health_low is None or value < part.health_low:
        part.health_low = value
    since = part.health_since
    if since is None or since[0] != value or since[1] is None:
        part.health_since = (value, cycles)
    if cycles and len(part.points) < _POINTS:
        part.points.setdefault(cycles, value)


def _note_cycles(part: Part, cycles: Decimal) -> None:
    through = part.values.get(("charge_throughput", None)) or part.values.get(("charge_out", None))
    nameplate = part.values.get(("nameplate_capacity", None))
    if part.counted_out < 0 or not through or not nameplate:
        return
    if through // nameplate != cycles:
        part.counted_out = -1
    elif cycles != part.counted_at:
        part.counted_out += 1
        part.counted_at = cycles
