"""What a lifecycle state holds, and its canonical bytes (docs/formats/state.md).

Everything is an exact integer: voltage in mV, current in mA (positive while charging), temperature in tenths
of a degree, charge in tenths of a percent, time in ms. Sums of charge are in 2·mA·ms and of energy in
2·mV·mA·ms: the trapezoid's factor one half is left out so that nothing is ever rounded. Python's integers
carry; nothing overflows.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

import cbor2

from passport.lifecycle.basis import Basis
from passport.lifecycle.exposure import Exposure, Points, points_from_bytes, points_to_bytes
from passport.lifecycle.packing import pack, unpack
from passport.lifecycle.resistances import Resistances, resistances_from
from passport.lifecycle.sessions import Sessions

VERSION: Final = 9
LARGEST_BYTES: Final = 4096

# Lower edges of the temperature bins 1 to 12 in tenths of a degree; bin 0 lies below the first.
TEMPERATURE_EDGES: Final = (-200, -100, 0, 100, 150, 200, 250, 300, 350, 400, 450, 600)
CHARGE_BINS: Final = 10  # of 10 % each; what is beyond 0 or 100 % falls into the outer ones

MOST_STRETCHES: Final = 6
MOST_EVENT_KINDS: Final = 8
MOST_CLOSED: Final = 2
MOST_DOUBTS: Final = 3
LONGEST_WORD: Final = 24

# Doubts that are told and used all the same; a value with any other doubt stays out of sums, residence,
# extremes and counters. What cannot be measured (a sentinel, a saturated field) must not become a
# measurement.
TOLD_AND_USED: Final = frozenset(
    {
        "boards_number",
        "before_installation",
        "cell_count_differs",
        "cells_against_pack",
        "charge_set",
        "clock_never_set",
        "clock_off",
        "clocks_disagree",
        "configuration_changed",
        "counter_fell",
        "counters_cleared",
        "cycles_from_throughput",
        "discharge_exceeds_charge",
        "energy_against_charge",
        "extremes_disordered",
        "groups_differ",
        "health_from_cycles",
        "health_placeholder",
        "health_rose",
        "index_out_of_range",
        "manufacturer_differs",
        "masters_answer",
        "messages_lost",
        "meaning_unproven",
        "mean_against_count",
        "modules_missing",
        "no_such_day",
        "parts_against_whole",
        "power_scale_off",
        "repeats_nominal",
        "sign_unproven",
        "reported_cell_count",
        "reported_missing",
        "two_senders",
        "unreadable_text",
        "whole_ampere_hours",
        "word_order",
    }
)

# Where sums, extremes and residence believe a value; beyond lies no battery. Canonical units.
BELIEVABLE: Final = {
    "voltage": (0, 10_000_000),
    "current": (-100_000_000, 100_000_000),
    "state_of_charge": (-100, 1_100),
    "temperature": (-1_000, 10_000),
    "cell_voltage": (-10_000, 100_000),
    "insulation_resistance": (0, 10**12),
    "counter": (0, 10**12),
}

COUNTERS: Final = (
    "cycle_count",
    "charge_in",
    "charge_out",
    "charge_throughput",
    "energy_in",
    "energy_out",
    "operating_time",
    "event_count",
)
LAST: Final = (
    "voltage",
    "current",
    "state_of_charge",
    "bms_reported_health",
    "remaining_charge",
    "full_charge_capacity",
    "nameplate_capacity",
    "remaining_energy",
    "insulation_resistance",
)

EXTREMES: Final = tuple(
    f"{name}_{end}"
    for name in ("voltage", "current", "cell_voltage", "temperature")
    for end in ("min", "max")
)

Stretch = tuple[int, int]  # first and last ms of an observed stretch


@dataclass
class Extreme:
    """The furthest value so far and when it was first reached; None where the row had no absolute time.

    `where` names the cell, as its column does (`5`, `module/2/5`); None of the whole, or where none is told.
    """

    value: int
    time_ms: int | None
    where: str | None = field(default=None, compare=False)


@dataclass
class Last:
    """What was last said, exactly as said; time None where the row had no absolute time."""

    value: str
    time_ms: int | None
    doubts: tuple[str, ...] = ()


@dataclass
class Counter:
    """A counter that a device keeps, in segments: a fall says that it began anew or that another BMS counts.

    Attributes:
        first: of the open segment.
        last: of the open segment.
        time_ms: of `last`; None where the row had no absolute time.
        carried: sum of the last values of segments closed by a fall, within this source.
        grown: sum of growth (last minus first) of all closed segments.
        segments: how many there were, the open one included.
        closed: first and last of the newest closed segments, oldest first.
        ended: True once another source speaks of the battery; what comes next opens a segment in any case.
    """

    first: int
    last: int
    time_ms: int | None
    carried: int = 0
    grown: int = 0
    segments: int = 1
    closed: list[tuple[int, int]] = field(default_factory=list)
    ended: bool = False

    @property
    def total(self) -> int:
        """What the device counted since it was new, resets of this source added up."""
        return self.carried + self.last

    @property
    def growth(self) -> int:
        """How far the counter ran while it was watched; never falls."""
        return self.grown + self.last - self.first

    def say(self, value: int, time_ms: int | None) -> None:
        """The next value."""
        if self.ended or value < self.last:
            self.grown += self.last - self.first
            self.carried = 0 if self.ended else self.carried + self.last
            self.segments += 1
            self.closed = [*self.closed, (self.first, self.last)][-MOST_CLOSED:]
            self.ended = False
            self.first = value
        self.last = value
        self.time_ms = time_ms


@dataclass
class Boundary:
    """The last believed point of each series in the current epoch, from which the next interval starts.

    Attributes:
        clock: time of the last row that counted.
        current: time and mA.
        power: time and mV·mA.
        temperature: time and bins of the hottest and coldest sensor (-1 where there is none).
        residence: time and bin of temperature x charge.
        session, exposure, step: time and what else each part keeps of its last point.
    """

    clock: int | None = None
    current: tuple[int, int] | None = None
    power: tuple[int, int] | None = None
    temperature: tuple[int, int, int] | None = None
    residence: tuple[int, int] | None = None
    session: tuple[int | None, ...] | None = None
    exposure: Points = field(default_factory=Points)
    step: tuple[int | None, ...] | None = None


@dataclass
class LifecycleState:
    """A battery's state: a function of its rows in the order of folding and of each source's longest gap.

    Attributes:
        source, epoch, sequence: the last folded row; sequence -1 before the first.
        chain: digest of the basis and of all (source, epoch, longest gap) entered so far, in order; tells
            whether the order of folding is still the one this state was folded in.
        absolute: whether times of the current epoch are absolute.
        across: True until the first counted row of an epoch that follows another of the same source.
        epochs: how many were entered.
        rows, untimed, overlapping: rows folded; those without time; those in a time that another source or
        epoch
            had covered already, which count for extremes alone.
        backwards: how often an absolute clock ran back; restarts: how often a test's relative time began
            anew. first_ms, last_ms: earliest and latest absolute time that counted. observed_ms, unknown_ms:
            steps between rows up to the longest gap, and beyond it. charge_in, charge_out, charge_ms: 2·mA·ms
            by direction; time they were summed over. energy_in, energy_out, energy_ms: 2·mV·mA·ms by
            direction; time they were summed over.
        residence: ms by bin, `temperature bin * 10 + charge bin`, hottest sensor.
        hot, cold: ms by temperature bin of the hottest and of the coldest sensor.
        resistances: what current steps and long rests said.
        extremes, counters, last: by name. `last_before`: what earlier sources last said.
        same_health: what this source last called its health, and in how many rows on end it said just that.
        exposure: events, clocks, cycles of charge, time watched by month.
        boundary: where the next interval starts.
        covered_sources, covered_epochs, covered: observed stretches of earlier sources, of this source's
        earlier
            epochs, of this epoch. `open`: the stretch that goes on.
        sessions: charges and discharges.
    """

    source: str = ""
    epoch: str = ""
    sequence: int = -1
    chain: str = ""
    absolute: bool = True
    across: bool = False
    epochs: int = 0
    rows: int = 0
    untimed: int = 0
    overlapping: int = 0
    backwards: int = 0
    restarts: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    observed_ms: int = 0
    unknown_ms: int = 0
    charge_in: int = 0
    charge_out: int = 0
    charge_ms: int = 0
    energy_in: int = 0
    energy_out: int = 0
    energy_ms: int = 0
    residence: dict[int, int] = field(default_factory=dict)
    hot: dict[int, int] = field(default_factory=dict)
    cold: dict[int, int] = field(default_factory=dict)
    extremes: dict[str, Extreme] = field(default_factory=dict)
    counters: dict[str, Counter] = field(default_factory=dict)
    last: dict[str, Last] = field(default_factory=dict)
    last_before: dict[str, Last] = field(default_factory=dict)
    same_health: tuple[str, int] | None = None
    exposure: Exposure = field(default_factory=Exposure)
    resistances: Resistances = field(default_factory=Resistances)
    boundary: Boundary = field(default_factory=Boundary)
    covered_sources: list[Stretch] = field(default_factory=list)
    covered_epochs: list[Stretch] = field(default_factory=list)
    covered: list[Stretch] = field(default_factory=list)
    open: Stretch | None = None
    sessions: Sessions = field(default_factory=Sessions)

    def begin(self, basis: Basis) -> None:
        """What is declared of the battery opens the chain; later calls change nothing."""
        if not self.epochs:
            self.chain = basis.digest

    def enter(self, source: str, epoch: str, *, absolute: bool, max_gap_ms: int) -> None:
        """Go on to another epoch (the same one again changes nothing).

        A new source starts with nothing but the sums: its clock, its counters and its last words are its own.
        """
        if (source, epoch) == (self.source, self.epoch):
            return
        self.chain = next_chain(self.chain, source, epoch, max_gap_ms)
        self.epochs += 1
        self.close_stretch()
        clock = self.boundary.clock
        if source != self.source:
            clock = None
            self._change_source()
        else:
            if not (absolute and self.absolute):
                clock = None
            self.covered_epochs = joined(self.covered_epochs, self.covered)
        self.covered = []
        self.boundary = Boundary(clock)
        self.across = clock is not None
        self.source, self.epoch, self.absolute = source, epoch, absolute

    def say_health(self, text: str, rows: int, *, all_of_them: bool) -> None:
        """It was said in so many rows on end; `all_of_them`: and never otherwise since the rows before."""
        known = self.same_health
        goes_on = all_of_them and known is not None and known[0] == text
        self.same_health = (text, rows + known[1] if goes_on and known is not None else rows)

    def _change_source(self) -> None:
        self.covered_sources = joined(self.covered_sources, [*self.covered_epochs, *self.covered])
        self.covered_epochs = []
        for name, said in self.last.items():
            before = self.last_before.get(name)
            if before is None or (said.time_ms or 0) >= (before.time_ms or 0):
                self.last_before[name] = said
        self.last = {}
        self.same_health = None
        self.exposure.change_source()
        for counter in self.counters.values():
            counter.ended = True

    def covered_before(self) -> list[Stretch]:
        """Stretches in which a row of the current epoch is the second to speak.

        Two runs of one device never speak of one moment, however wrong its clock: runs are only measured
        against other sources. Files of one source may overlap.
        """
        if not self.absolute:
            return []
        if self.epoch.startswith("sha256:"):
            return joined(self.covered_sources, self.covered_epochs, most=2 * MOST_STRETCHES)
        return self.covered_sources

    def close_stretch(self) -> None:
        """The open stretch has ended."""
        if self.open is not None:
            self.covered = joined(self.covered, [self.open])
            self.open = None

    def extreme(self, name: str, value: int, time_ms: int | None) -> bool:
        """Keep the value if it is further out than the one so far, and say so.

        `name` ends in `_max` or `_min`.
        """
        known = self.extremes.get(name)
        further = known is None or (value > known.value if name.endswith("_max") else value < known.value)
        if further:
            self.extremes[name] = Extreme(value, time_ms)
        return further

    def count(self, name: str, value: int, time_ms: int | None) -> None:
        """A counter's next value; kinds of events beyond the bound are not kept."""
        counter = self.counters.get(name)
        if counter is not None:
            counter.say(value, time_ms)
        elif "#" not in name or sum("#" in known for known in self.counters) < MOST_EVENT_KINDS:
            self.counters[name] = Counter(value, value, time_ms)

    def break_here(self) -> None:
        """No interval and no stretch reaches across what comes now."""
        self.boundary = Boundary()
        self.across = False
        self.close_stretch()

    def to_bytes(self) -> bytes:
        """Deterministic CBOR (RFC 8949, 4.2.1): the same state is the same bytes."""
        document = {
            "version": VERSION,
            "place": [
                self.source,
                self.epoch,
                self.sequence,
                self.chain,
                int(self.absolute),
                int(self.across),
            ],
            "rows": [
                self.epochs,
                self.rows,
                self.untimed,
                self.overlapping,
                self.backwards,
                self.restarts,
            ],
            "time": [self.first_ms, self.last_ms, self.observed_ms, self.unknown_ms],
            "charge": [self.charge_in, self.charge_out, self.charge_ms],
            "energy": [self.energy_in, self.energy_out, self.energy_ms],
            "residence": _pairs(self.residence),
            "hot": _pairs(self.hot),
            "cold": _pairs(self.cold),
            "extremes": _extremes(self.extremes),
            "counters": {name: pack(_counter(counter)) for name, counter in self.counters.items()},
            "last": {name: _last(said) for name, said in self.last.items()},
            "last_before": {name: _last(said) for name, said in self.last_before.items()},
            "same_health": list(self.same_health or ()),
            "exposure": self.exposure.to_bytes(),
            "resistances": self.resistances.to_list(),
            "boundary": [
                self.boundary.clock,
                self.boundary.current,
                self.boundary.power,
                self.boundary.temperature,
                self.boundary.residence,
                self.boundary.session,
                points_to_bytes(self.boundary.exposure, self.boundary.clock),
                self.boundary.step,
            ],
            "covered": _covered(
                self.covered_sources, self.covered_epochs, self.covered, [self.open] if self.open else []
            ),
            "sessions": self.sessions.to_list(),
        }
        return cbor2.dumps(document, canonical=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> "LifecycleState":
        """The inverse of `to_bytes`.

        Raises:
            ValueError: not a state, or one of a version that is not known here; fold the battery anew.
        """
        try:
            document = cbor2.loads(data)
            if document["version"] != VERSION:
                raise ValueError(f"expected version {VERSION}, found {document['version']}")
            return _state(document)
        except (cbor2.CBORDecodeError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"no lifecycle state: {error!r}") from error


def _pairs(bins: dict[int, int]) -> bytes:
    """Packed and sparse: bin, ms, bins further, ms..."""
    numbers: list[int] = []
    before = 0
    for where, spent in sorted(bins.items()):
        numbers += (where - before, spent)
        before = where
    return pack(numbers)


def _bins(data: bytes) -> dict[int, int]:
    numbers = _known(data)
    return dict(zip(accumulate(numbers[::2]), numbers[1::2], strict=True))


def _known(data: bytes) -> list[int]:
    numbers = unpack(data)
    if None in numbers:
        raise ValueError("packed integers lack a number")
    return [number for number in numbers if number is not None]


def _extremes(extremes: dict[str, Extreme]) -> list[Any]:
    """Value and ms of each name of `EXTREMES`, packed, null without; then of which cell, where told."""
    known = [extremes.get(name) for name in EXTREMES]
    numbers = [number for one in known for number in ((one.value, one.time_ms) if one else (None, None))]
    names = [one.where or "" if one else "" for one in known]
    return [pack(numbers), *(names if any(names) else ())]


def _extremes_from(stored: list[Any]) -> dict[str, Extreme]:
    data, *names = stored
    numbers = unpack(data)
    return {
        name: Extreme(value, time_ms, where or None)
        for name, value, time_ms, where in zip(
            EXTREMES, numbers[::2], numbers[1::2], names or [""] * len(EXTREMES), strict=True
        )
        if value is not None
    }


def _covered(*kinds: list[Stretch]) -> bytes:
    """Packed: of each kind how many, then the way from the end before to the start, and the length."""
    numbers: list[int] = []
    for stretches in kinds:
        numbers.append(len(stretches))
        before = 0
        for first, last in stretches:
            numbers += (first - before, last - first)
            before = last
    return pack(numbers)


def _covered_from(data: bytes) -> Iterator[list[Stretch]]:
    numbers = iter(_known(data))
    for count in numbers:
        before = 0
        stretches: list[Stretch] = []
        for _ in range(count):
            first = before + next(numbers)
            before = first + next(numbers)
            stretches.append((first, before))
        yield stretches


def _last(said: Last) -> list[Any]:
    return [said.value, said.time_ms, *said.doubts]


def _counter(counter: Counter) -> list[int | None]:
    return [
        counter.first,
        counter.last,
        counter.time_ms,
        counter.carried,
        counter.grown,
        counter.segments,
        int(counter.ended),
        *(number for pair in counter.closed for number in pair),
    ]


def _counter_from(data: bytes) -> Counter:
    row: list[Any] = unpack(data)
    first, last, time_ms, carried, grown, segments, ended, *closed = row
    pairs = list(zip(closed[::2], closed[1::2], strict=True))
    return Counter(first, last, time_ms, carried, grown, segments, pairs, bool(ended))


def _state(document: dict[str, Any]) -> LifecycleState:
    source, epoch, sequence, chain, absolute, across = document["place"]
    epochs, rows, untimed, overlapping, backwards, restarts = document["rows"]
    first_ms, last_ms, observed_ms, unknown_ms = document["time"]
    clock, current, power, temperature, residence, session, exposure, step = document["boundary"]
    sources, earlier, covered, opened = _covered_from(document["covered"])
    return LifecycleState(
        source=source,
        epoch=epoch,
        sequence=sequence,
        chain=chain,
        absolute=bool(absolute),
        across=bool(across),
        epochs=epochs,
        rows=rows,
        untimed=untimed,
        overlapping=overlapping,
        backwards=backwards,
        restarts=restarts,
        first_ms=first_ms,
        last_ms=last_ms,
        observed_ms=observed_ms,
        unknown_ms=unknown_ms,
        charge_in=document["charge"][0],
        charge_out=document["charge"][1],
        charge_ms=document["charge"][2],
        energy_in=document["energy"][0],
        energy_out=document["energy"][1],
        energy_ms=document["energy"][2],
        residence=_bins(document["residence"]),
        hot=_bins(document["hot"]),
        cold=_bins(document["cold"]),
        extremes=_extremes_from(document["extremes"]),
        counters={name: _counter_from(row) for name, row in document["counters"].items()},
        last={name: Last(row[0], row[1], tuple(row[2:])) for name, row in document["last"].items()},
        same_health=(document["same_health"][0], document["same_health"][1])
        if document["same_health"]
        else None,
        last_before={
            name: Last(row[0], row[1], tuple(row[2:])) for name, row in document["last_before"].items()
        },
        exposure=Exposure.from_bytes(document["exposure"]),
        resistances=resistances_from(document["resistances"]),
        boundary=Boundary(
            clock,
            (current[0], current[1]) if current else None,
            (power[0], power[1]) if power else None,
            (temperature[0], temperature[1], temperature[2]) if temperature else None,
            (residence[0], residence[1]) if residence else None,
            tuple(session) if session else None,
            points_from_bytes(exposure, clock),
            tuple(step) if step else None,
        ),
        covered_sources=sources,
        covered_epochs=earlier,
        covered=covered,
        open=opened[0] if opened else None,
        sessions=Sessions.from_list(document["sessions"]),
    )


def next_chain(chain: str, source: str, epoch: str, max_gap_ms: int) -> str:
    """The chain after one more epoch."""
    text = "\n".join((chain, source, epoch, str(max_gap_ms)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def joined(one: list[Stretch], other: list[Stretch], *, most: int = MOST_STRETCHES) -> list[Stretch]:
    """The union of stretches, ascending and apart; beyond `most` the smallest gaps are closed."""
    union: list[Stretch] = []
    for first, last in sorted([*one, *other]):
        if union and first <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], last))
        else:
            union.append((first, last))
    while len(union) > most:
        gaps = [union[at + 1][0] - union[at][1] for at in range(len(union) - 1)]
        at = gaps.index(min(gaps))
        union[at : at + 2] = [(union[at][0], union[at + 1][1])]
    return union
