"""What a battery was exposed to: events counted as occasions, clocks, cycles, time watched by month.

The rules of an occasion, so that two programs count alike:

1. A point is a row that counts and tells what a kind of event needs. It *holds* beyond the limit, is *near*
   within a margin on the good side of it, and is *clear* beyond the margin (or where the kind does not apply,
   as charging kinds while nothing is charged).
2. An occasion begins with the first of at least two holding points in a row that span at least three
   seconds (some kinds ask for longer). Anything but a holding point between them begins it anew. A device
   that tells its cells in frames of their own tells other cells in between: a row without a current, after
   one with it, begins nothing anew within five seconds of a holding point.
3. It ends when only clear points came for 60 s; near points neither end it nor count towards the end.
4. It lasts from its first to its last holding point. Steps beyond the source's longest gap, across a clock
   that ran back or into another epoch are no time; they end nothing themselves: the next point goes on with
   the occasion, or ends it if it is clear. Two holding points with such a step between them begin nothing
   (kinds of long storage add their time up across such steps).
5. The sum of the excess takes each holding point's excess for the step that leads to it. Kinds of charging
   sum the charge instead.
6. Another source ends what is open: it is another eye.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum, unique
from typing import Final

from passport.lifecycle.packing import pack, unpack
from passport.lifecycle.rainflow import Rainflow

MOST_OCCASIONS: Final = 16
MOST_MONTHS: Final = 24
ENTER_MS: Final = 3_000
LEAVE_MS: Final = 60_000
HELD_MS: Final = 10_000  # so long a value stands for rows of other frames that lack it
LONG_GAP_MS: Final = 7 * 86_400_000
FRAMES_MS: Final = 5_000
REST_MS: Final = 1_800_000
LONG_STORAGE_MS: Final = 30 * 86_400_000
_MARGIN_MV: Final = 100
_MARGIN_K: Final = 20
_MINUTE_MS: Final = 60_000
_LOG_MA: Final = 100  # an ended occasion is told to the tenth of an ampere and the second
_MONTHS_A_YEAR: Final = 12
_MINUTES_A_DAY: Final = 1440
_DAYS_IN_400_YEARS: Final = 146_097
_DAYS_TO_1970: Final = 719_468


class Level(IntEnum):
    """Where a point stands to a limit."""

    CLEAR = 0
    NEAR = 1
    HOLDS = 2


@unique
class Driver(StrEnum):
    """What a kind is judged by."""

    LOWEST = "lowest"  # cell, or the battery's voltage by its cells in series where no cell is ever told
    UNLOADED = "unloaded"  # the lowest without load, or corrected by the declared resistance
    HIGHEST = "highest"
    COLDEST = "coldest"
    HOTTEST = "hottest"
    POWER = "power"
    SPREAD = "spread"
    CHARGE = "charge"
    INSULATION = "insulation"


@unique
class Only(StrEnum):
    """When a kind applies; at other times its points are clear."""

    ALWAYS = "always"
    CHARGING = "charging"
    RESTING = "resting"
    RESTING_STEEP = "resting where the voltage tells cells apart"
    RESTING_WARM = "resting above 30 degC"


@unique
class Clock(IntEnum):
    """Time in ms, by its place in `Exposure.clocks`."""

    ABOVE_BOUND = 0  # the hottest sensor above the declared idle range
    BELOW_BOUND = 1  # the coldest sensor below it
    CHARGING_ABOVE_BOUND = 2
    CHARGING_BELOW_BOUND = 3
    CHARGING_HOT = 4  # above the chemistry's limit of charging
    CHARGING_COLD = 5
    CHARGING = 6  # at a known temperature
    HEAT_AND_CURRENT = 7  # both known, charging or not
    HEAT = 8  # a temperature known
    CELLS = 9  # the voltage of cells known
    VOLTAGE = 10  # that, or the battery's by its cells in series
    WITHOUT_LOAD = 11  # that, without load or corrected for it


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        name: as published.
        driver: what it is judged by.
        below: holds below the limit; above it otherwise.
        limit: attribute of `limits.Limits`.
        margin: beyond the limit, in the driver's unit.
        only: when it applies.
        enter_ms: how long it must hold at least.
        patient: its time adds up across steps that are no time.
        charged: its sum is charge (mA·ms) and not excess.
        watched: the clock that tells for how long it could be seen; None where no clock does.
    """

    name: str
    driver: Driver
    below: bool
    limit: str
    margin: int
    only: Only = Only.ALWAYS
    enter_ms: int = ENTER_MS
    patient: bool = False
    charged: bool = False
    watched: Clock | None = None

    @property
    def number(self) -> int:
        """Its place in the table."""
        return NUMBERS[self.name]


# A kind's place in this table is its number in stored states: rows are added at the end, never moved.
_BELOW: Final = True
KINDS: Final = (
    Kind("deep_discharge", Driver.LOWEST, _BELOW, "low", _MARGIN_MV, watched=Clock.VOLTAGE),
    Kind(
        "deep_discharge_compensated",
        *(Driver.UNLOADED, _BELOW, "low", _MARGIN_MV),
        watched=Clock.WITHOUT_LOAD,
    ),
    Kind(
        "deep_discharge_severe",
        *(Driver.UNLOADED, _BELOW, "low_severe", _MARGIN_MV),
        watched=Clock.WITHOUT_LOAD,
    ),
    Kind("overvoltage", Driver.HIGHEST, not _BELOW, "high", _MARGIN_MV, watched=Clock.VOLTAGE),
    Kind("overvoltage_severe", Driver.HIGHEST, not _BELOW, "high_severe", _MARGIN_MV, watched=Clock.VOLTAGE),
    Kind(
        "cold_charge",
        *(Driver.COLDEST, _BELOW, "charge_cold", _MARGIN_K, Only.CHARGING),
        charged=True,
        watched=Clock.HEAT_AND_CURRENT,
    ),
    Kind(
        "hot_charge",
        *(Driver.HOTTEST, not _BELOW, "charge_hot", _MARGIN_K, Only.CHARGING),
        charged=True,
        watched=Clock.HEAT_AND_CURRENT,
    ),
    Kind(
        "hot_idle",
        *(Driver.HOTTEST, not _BELOW, "idle_hot", _MARGIN_K, Only.RESTING),
        watched=Clock.HEAT_AND_CURRENT,
    ),
    Kind(
        "cold_idle",
        *(Driver.COLDEST, _BELOW, "idle_cold", _MARGIN_K, Only.RESTING),
        watched=Clock.HEAT_AND_CURRENT,
    ),
    Kind("over_temperature", Driver.HOTTEST, not _BELOW, "use_hot", _MARGIN_K, watched=Clock.HEAT),
    Kind("thermal_abuse", Driver.HOTTEST, not _BELOW, "thermal_abuse", _MARGIN_K, watched=Clock.HEAT),
    Kind("over_power", Driver.POWER, not _BELOW, "power", 0),
    Kind("imbalance", Driver.SPREAD, not _BELOW, "spread", 5, Only.RESTING_STEEP, REST_MS),
    Kind("isolation_fault", Driver.INSULATION, _BELOW, "insulation", 1000),
    Kind(
        "long_storage_high_soc",
        *(Driver.CHARGE, not _BELOW, "stored_full", 10, Only.RESTING_WARM, LONG_STORAGE_MS),
        patient=True,
    ),
    Kind(
        "long_storage_low_v",
        *(Driver.LOWEST, _BELOW, "low", _MARGIN_MV, Only.RESTING, LONG_STORAGE_MS),
        patient=True,
        watched=Clock.WITHOUT_LOAD,
    ),
)
NUMBERS: Final = {kind.name: number for number, kind in enumerate(KINDS)}
TELEMETRY_GAP: Final = 64  # counted by the clock, not by a driver
NAMES: Final = {**{number: kind.name for number, kind in enumerate(KINDS)}, TELEMETRY_GAP: "telemetry_gap"}


# Temperature and rate of charging; a value on an edge belongs above it. Rate in hundredths of C.
RATE_TEMPERATURES: Final = (0, 100, 250, 450)
RATES: Final = (20, 50, 100)
_RATE_BINS: Final = len(RATES) + 1
_CHARGE_BINS: Final = (len(RATE_TEMPERATURES) + 1) * _RATE_BINS


def heat_code(*, above: bool, below: bool) -> int:
    """The code of a row's temperature against the declared bounds."""
    return above + 2 * below


def cells_code(*, cells: bool, unloaded: bool) -> int:
    """The code of a row's voltages."""
    return cells + 2 * unloaded


def charge_code(*, where: int, above: bool, below: bool, hot: bool, cold: bool) -> int:
    """The code of a row while charging in bin `where`; 0 is not charging."""
    return 1 + where + _CHARGE_BINS * (above + 2 * below + 4 * hot + 8 * cold)


@dataclass
class Total:
    """All occasions of a kind that have ended, and the number of those that have begun.

    Attributes:
        count: how many have begun.
        held_s, longest_s: time of the ended ones, and of the longest of them.
        worst: furthest beyond the limit, in the driver's unit.
        charged: mA·ms, for kinds of charging.
    """

    count: int = 0
    held_s: int = 0
    longest_s: int = 0
    worst: int = 0
    charged: int = 0


@dataclass
class Occasion:
    """One occasion, going on or ended.

    Attributes:
        kind: number of its kind.
        start_s: of its first holding point, since 1970; None without absolute time.
        held_ms: from its first to its last holding point, without what was not watched.
        worst: furthest beyond the limit, in the driver's unit.
        total: excess (or current, for kinds of charging) by time, unit·ms.
        charge, temperature, current: at its first point, tenths of a percent and of a degree, mA; None where
            not told within `HELD_MS`.
        points: holding points in a row, at most 2.
        entered: whether it counts.
        slack_ms: time since its last holding point.
        clear_ms: time between the clear points that came last; None when the last one was not clear.
    """

    kind: int
    start_s: int | None
    held_ms: int = 0
    worst: int = 0
    total: int = 0
    charge: int | None = None
    temperature: int | None = None
    current: int | None = None
    points: int = 0
    entered: bool = False
    slack_ms: int = 0
    clear_ms: int | None = None


@dataclass(frozen=True)
class Piece:
    """Neighbouring points of one level with unbroken steps between them; a single point is one, too.

    Attributes:
        level: of all of them.
        step: unbroken time from the point before; None where there is none.
        span: from first to last point.
        points: how many.
        worst: largest excess.
        weight: excess (or current) of the first point.
        total: of the others' by the steps that lead to them.
        start_s, charge, temperature, current: of the first point, as in `Occasion`.
        framed: whether they are frames of a device that tells its current in others.
    """

    level: int
    step: int | None
    span: int
    points: int
    worst: int
    weight: int
    total: int
    start_s: int | None
    charge: int | None
    temperature: int | None
    current: int | None
    framed: bool


@dataclass
class Points:
    """Last points in the current epoch; every break forgets them.

    Attributes:
        clock: time of the last row that counted.
        held: what was last told: time and value, by name.
        heat, charging, cells: time and code.
        kinds: by number of an occasion that goes on, the time of its last point.
    """

    clock: int | None = None
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    heat: tuple[int, int] | None = None
    charging: tuple[int, int] | None = None
    cells: tuple[int, int] | None = None
    kinds: dict[int, int] = field(default_factory=dict)


HELD: Final = ("current", "state_of_charge", "hottest", "coldest")


@dataclass
class Exposure:
    """What a battery was exposed to so far.

    Attributes:
        totals: by number of a kind.
        newest: the newest occasions that ended, by their start.
        open: by number of a kind, the one that goes on or may become one.
        clocks: ms by `Clock`.
        rates: ms of charging by bin, `temperature bin * 4 + rate bin`, coldest sensor.
        rainflow: cycles of the state of charge that the BMS tells.
        months: watched minutes by month (year * 12 + month - 1).
        cells_told: whether this source has ever told the voltage of a cell.
        seen_ms: last absolute time of this source.
        judged: bits of the kinds that had a limit; what had none was never counted.
        rested_low: lowest voltage of a cell without load (or corrected for it), however short; None when none
            was told.
        bounds: lower and upper bound of temperature by which the clocks ran; None where none is declared.
    """

    totals: dict[int, Total] = field(default_factory=dict)
    newest: list[Occasion] = field(default_factory=list)
    open: dict[int, Occasion] = field(default_factory=dict)
    clocks: list[int] = field(default_factory=lambda: [0] * len(Clock))
    rates: dict[int, int] = field(default_factory=dict)
    rainflow: Rainflow = field(default_factory=Rainflow)
    months: dict[int, int] = field(default_factory=dict)
    cells_told: bool = False
    seen_ms: int | None = None
    judged: int = 0
    rested_low: int | None = None
    bounds: tuple[int | None, int | None] = (None, None)

    def change_source(self) -> None:
        """Another source speaks from now on."""
        for number in sorted(self.open):
            self._end(number)
        self.open = {}
        self.rainflow.settle()
        self.cells_told = False
        self.seen_ms = None

    def take(self, number: int, piece: Piece) -> None:
        """The next piece of a kind; without an open occasion only a holding one does anything."""
        known = self.open.get(number)
        if piece.level == Level.HOLDS:
            self._hold(number, piece, known)
        elif known is not None:
            self._rest(number, piece, known)

    def _hold(self, number: int, piece: Piece, known: Occasion | None) -> None:
        kind = KINDS[number]
        broken = piece.step is None
        if known is None or (broken and not known.entered and not kind.patient):
            known = Occasion(
                number,
                piece.start_s,
                charge=piece.charge,
                temperature=piece.temperature,
                current=piece.current,
            )
            self.open[number] = known
        elif piece.step is not None:
            known.held_ms += known.slack_ms + piece.step
            known.total += piece.weight * piece.step
        else:
            known.held_ms += known.slack_ms
        known.slack_ms, known.clear_ms = 0, None
        known.held_ms += piece.span
        known.total += piece.total
        known.worst = max(known.worst, piece.worst)
        known.points = min(known.points + piece.points, 2)
        if not known.entered and known.points > 1 and known.held_ms >= kind.enter_ms:
            known.entered = True
            self.totals.setdefault(number, Total()).count += 1

    def _rest(self, number: int, piece: Piece, known: Occasion) -> None:
        if not known.entered:
            since = None if piece.step is None else known.slack_ms + piece.step + piece.span
            if piece.framed and since is not None and since < FRAMES_MS:
                known.slack_ms = since
            else:
                del self.open[number]
            return
        clear = piece.level == Level.CLEAR
        if piece.step is None:
            if clear:
                self._end(number)
                return
            known.clear_ms = None
        elif clear:
            known.slack_ms += piece.step
            known.clear_ms = known.clear_ms + piece.step if known.clear_ms is not None else 0
        if clear:
            assert known.clear_ms is not None
            known.clear_ms += piece.span
        else:
            known.slack_ms += piece.step or 0
            known.clear_ms = None
        known.slack_ms += piece.span
        if known.clear_ms is not None and known.clear_ms >= LEAVE_MS:
            self._end(number)

    def _end(self, number: int) -> None:
        known = self.open.pop(number)
        if not known.entered:
            return
        total = self.totals[number]
        total.held_s += known.held_ms // 1000
        total.longest_s = max(total.longest_s, known.held_ms // 1000)
        total.worst = max(total.worst, known.worst)
        if _charged(number):
            total.charged += known.total
        self._remember(known)

    def _remember(self, ended: Occasion) -> None:
        kept = Occasion(
            ended.kind,
            ended.start_s,
            ended.held_ms // 1000 * 1000,
            ended.worst,
            ended.total // 1000 * 1000,
            ended.charge,
            ended.temperature,
            None if ended.current is None else ended.current // _LOG_MA * _LOG_MA,
            2,
            entered=True,
        )
        self.newest = sorted([*self.newest, kept], key=_order)[-MOST_OCCASIONS:]

    def gap(self, begin_ms: int, end_ms: int) -> None:
        """Nothing was told between two moments of absolute time."""
        length = end_ms - begin_ms
        if length > LONG_GAP_MS:
            total = self.totals.setdefault(TELEMETRY_GAP, Total())
            total.count += 1
            total.held_s += length // 1000
            total.longest_s = max(total.longest_s, length // 1000)
            self._remember(Occasion(TELEMETRY_GAP, begin_ms // 1000, length))

    def watched(self, begin_ms: int, end_ms: int) -> None:
        """Observed time between two moments; may be cut anywhere, for it counts whole minutes that passed."""
        begin, end = begin_ms // _MINUTE_MS, end_ms // _MINUTE_MS
        if begin == end:
            return
        for month, minutes in _by_month(begin, end):
            known = self.months.get(month)
            if known is not None:
                self.months[month] = known + minutes
            elif not self.months or month > max(self.months) - MOST_MONTHS:
                self.months[month] = minutes
                oldest = max(self.months) - MOST_MONTHS
                self.months = {when: spent for when, spent in self.months.items() if when > oldest}

    def spend_heat(self, code: int, ms: int) -> None:
        """Time that began in a row of `heat_code`."""
        self.clocks[Clock.HEAT] += ms
        for bit, clock in ((1, Clock.ABOVE_BOUND), (2, Clock.BELOW_BOUND)):
            if code & bit:
                self.clocks[clock] += ms

    def spend_charging(self, code: int, ms: int) -> None:
        """Time that began in a row of `charge_code`."""
        self.clocks[Clock.HEAT_AND_CURRENT] += ms
        if not code:
            return
        flags, where = divmod(code - 1, _CHARGE_BINS)
        self.clocks[Clock.CHARGING] += ms
        self.rates[where] = self.rates.get(where, 0) + ms
        for bit, clock in (
            (1, Clock.CHARGING_ABOVE_BOUND),
            (2, Clock.CHARGING_BELOW_BOUND),
            (4, Clock.CHARGING_HOT),
            (8, Clock.CHARGING_COLD),
        ):
            if flags & bit:
                self.clocks[clock] += ms

    def spend_cells(self, code: int, ms: int) -> None:
        """Time that began in a row of `cells_code`."""
        self.clocks[Clock.VOLTAGE] += ms
        for bit, clock in ((1, Clock.CELLS), (2, Clock.WITHOUT_LOAD)):
            if code & bit:
                self.clocks[clock] += ms

    def known(self, name: str) -> Total:
        """All occasions of a kind, the one that goes on included."""
        number = NUMBERS.get(name, TELEMETRY_GAP)
        total = self.totals.get(number, Total())
        going = self.open.get(number)
        if going is None or not going.entered:
            return total
        held_s = going.held_ms // 1000
        return Total(
            total.count,
            total.held_s + held_s,
            max(total.longest_s, held_s),
            max(total.worst, going.worst),
            total.charged + (going.total if _charged(number) else 0),
        )

    def can_tell(self, name: str) -> bool:
        """Whether a kind had a limit, and was seen for any time where a clock tells."""
        kind = KINDS[NUMBERS[name]]
        seen = kind.watched is None or self.clocks[kind.watched] > 0
        return bool(self.judged >> kind.number & 1) and seen

    def occasions(self) -> list[Occasion]:
        """The newest occasions, by start; those that go on included."""
        going = [one for one in self.open.values() if one.entered]
        return sorted([*self.newest, *going], key=_order)

    def to_bytes(self) -> bytes:
        """All of it in packed integers."""
        return pack(self._numbers())

    def _numbers(self) -> Iterator[int | None]:
        yield from (int(self.cells_told), self.seen_ms, self.judged, self.rested_low, *self.bounds)
        yield len(self.totals)
        for number, total in sorted(self.totals.items()):
            yield from (number, total.count, total.held_s, total.longest_s, total.worst)
            if _charged(number):
                yield total.charged
        yield len(self.newest)
        before = 0
        for one in self.newest:
            yield one.kind
            yield None if one.start_s is None else one.start_s - before
            before = before if one.start_s is None else one.start_s
            yield from (one.held_ms // 1000, one.worst, one.total // 1000)
            current = None if one.current is None else one.current // _LOG_MA
            yield from (one.charge, one.temperature, current)
        yield len(self.open)
        for _, one in sorted(self.open.items()):
            yield from (one.kind, one.start_s, one.held_ms, one.worst, one.total, one.charge)
            yield from (one.temperature, one.current, one.points, int(one.entered))
            yield from (one.slack_ms, one.clear_ms)
        yield from self.clocks
        for bins in (self.rates, self.rainflow.halves):
            yield len(bins)
            for where, amount in sorted(bins.items()):
                yield from (where, amount)
        yield len(self.rainflow.turns)
        yield from self.rainflow.turns
        oldest = min(self.months, default=0)
        span = range(oldest, max(self.months, default=-1) + 1)
        yield from (len(span), oldest)
        yield from (self.months.get(month, 0) for month in span)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Exposure":
        """The inverse of `to_bytes`.

        Raises:
            ValueError: not such bytes.
        """
        numbers = _Numbers(data)
        made = cls(cells_told=bool(numbers.one()), seen_ms=numbers.maybe())
        made.judged, made.rested_low = numbers.one(), numbers.maybe()
        made.bounds = (numbers.maybe(), numbers.maybe())
        for _ in range(numbers.one()):
            number = numbers.one()
            total = made.totals[number] = Total(*numbers.several(4))
            if _charged(number):
                total.charged = numbers.one()
        before = 0
        for _ in range(numbers.one()):
            kind, since = numbers.one(), numbers.maybe()
            start = None if since is None else before + since
            before = before if start is None else start
            ended = Occasion(kind, start, points=2, entered=True)
            held_s, ended.worst, ended.total = numbers.several(3)
            ended.held_ms, ended.total = held_s * 1000, ended.total * 1000
            ended.charge, ended.temperature, current = (numbers.maybe() for _ in range(3))
            ended.current = None if current is None else current * _LOG_MA
            made.newest.append(ended)
        for _ in range(numbers.one()):
            going = Occasion(numbers.one(), numbers.maybe())
            going.held_ms, going.worst, going.total = numbers.several(3)
            going.charge, going.temperature, going.current = (numbers.maybe() for _ in range(3))
            going.points, entered, going.slack_ms = numbers.several(3)
            going.entered, going.clear_ms = bool(entered), numbers.maybe()
            made.open[going.kind] = going
        made.clocks = numbers.several(len(Clock))
        for bins in (made.rates, made.rainflow.halves):
            for _ in range(numbers.one()):
                where, amount = numbers.several(2)
                bins[where] = amount
        made.rainflow.turns = numbers.several(numbers.one())
        span, oldest = numbers.several(2)
        for month, minutes in enumerate(numbers.several(span), oldest):
            if minutes:
                made.months[month] = minutes
        numbers.end()
        return made


def _charged(number: int) -> bool:
    return number < len(KINDS) and KINDS[number].charged


def _order(one: Occasion) -> tuple[int, ...]:
    """By start, those without a time first; whole, so that it does not matter in which order they end."""
    beside = (-1 if value is None else value for value in (one.charge, one.temperature, one.current))
    return (-1 if one.start_s is None else one.start_s, one.kind, one.held_ms, one.worst, one.total, *beside)


class _Numbers:
    """Packed integers, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(unpack(data))

    def maybe(self) -> int | None:
        for number in self._left:
            return number
        raise ValueError("exposure is cut off")

    def one(self) -> int:
        number = self.maybe()
        if number is None:
            raise ValueError("exposure lacks a number")
        return number

    def several(self, count: int) -> list[int]:
        return [self.one() for _ in range(count)]

    def end(self) -> None:
        for _ in self._left:
            raise ValueError("exposure is followed by more")


def points_to_bytes(points: Points, clock: int | None) -> bytes:
    """Last points; times by their distance to the clock, since most are its own."""
    return pack(_point_numbers(points, clock or 0))


def _point_numbers(points: Points, clock: int) -> Iterator[int | None]:
    yield None if points.clock is None else clock - points.clock
    for name in HELD:
        time, value = points.held.get(name, (None, 0))
        if time is None or not 0 <= clock - time <= HELD_MS:  # it can never be used again
            yield None
        else:
            yield from (clock - time, value)
    for point in (points.heat, points.charging, points.cells):
        if point is None:
            yield None
        else:
            yield from (clock - point[0], point[1])
    for number, time in sorted(points.kinds.items()):
        yield from (number, clock - time)


def points_from_bytes(data: bytes, clock: int | None) -> Points:
    """The inverse of `points_to_bytes`.

    Raises:
        ValueError: not such bytes.
    """
    clock = clock or 0
    left = unpack(data)
    made = Points()
    numbers = _Numbers(data)
    age = numbers.maybe()
    made.clock = None if age is None else clock - age
    for name in HELD:
        age = numbers.maybe()
        if age is not None:
            made.held[name] = (clock - age, numbers.one())
    found: list[tuple[int, int] | None] = []
    for _ in range(3):
        age = numbers.maybe()
        found.append(None if age is None else (clock - age, numbers.one()))
    made.heat, made.charging, made.cells = found
    used = 1 + len(HELD) + len(made.held) + 3 + sum(point is not None for point in found)
    for _ in range((len(left) - used) // 2):
        number, age = numbers.several(2)
        made.kinds[number] = clock - age
    numbers.end()
    return made


def _by_month(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Minutes of each month between two minutes since 1970."""
    while begin < end:
        month, after = _month_of(begin)
        until = min(end, after)
        yield month, until - begin
        begin = until


def _month_of(minute: int) -> tuple[int, int]:
    """The month of a minute (year * 12 + month - 1), and the first minute of the next one."""
    # Whole calendar arithmetic: a device's clock may stand where no date type reaches.
    day = minute // _MINUTES_A_DAY
    month = day * _MONTHS_A_YEAR * 400 // _DAYS_IN_400_YEARS + 1970 * _MONTHS_A_YEAR
    while _first_day(month) > day:
        month -= 1
    while _first_day(month + 1) <= day:
        month += 1
    return month, _first_day(month + 1) * _MINUTES_A_DAY


def _first_day(month: int) -> int:
    """Days from 1970 to the first of a month."""
    year, number = divmod(month - 2, _MONTHS_A_YEAR)  # years begin in March: the leap day comes last
    days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * number + 2) // 5 - _DAYS_TO_1970


def month_name(month: int) -> str:
    """As in `2026-11`."""
    return f"{month // _MONTHS_A_YEAR:04}-{month % _MONTHS_A_YEAR + 1:02}"


def minutes_of(month: int) -> int:
    """How long a month is."""
    return (_first_day(month + 1) - _first_day(month)) * _MINUTES_A_DAY
