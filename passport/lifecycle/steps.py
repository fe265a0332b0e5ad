"""Current steps: resistance from how far voltage moves when the current changes, found while rows are folded.

Rows that carry both voltage and current are looked at, in order; where they lie apart in time nothing can be
said of a step (V and I of two moments make a resistance that no cell has). The rules:

1. A current is *steady* from row to row while it changes by no more than C/50.
2. A step leads from the last row of a current that was steady for 2 s to the first row of another steady
   current, no more than 2 s later, and is at least C/5 large. Without a rated capacity there are none.
3. Over 1, 10 and 30 s: the first row from 0.25 s before that time on (at most 0.5, 1 and 2 s after it),
   counted from the first row of the new current, if the current held since and is within a tenth of the step.
   Else that resistance is absent.
4. Resistance is the change of voltage over the change of current: current is positive while charging, so both
   rise together. One that is not positive, or larger than a cell's can be, is refused and counted.
5. Temperature and charge are the last ones said, no longer than a minute ago.
6. A *rest* is a stretch of rows below C/1000. What it begins and ends with is kept where it lasted a week.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final

import numpy as np

from passport.lifecycle.arrays import (
    Flat,
    Steps,
    areas_of,
    at_points,
    before,
    counting,
    doubled,
    pieces_of,
    steps_of,
)
from passport.lifecycle.basis import Basis
from passport.lifecycle.gather import Rows, Series
from passport.lifecycle.resistances import (
    FIRST_CYCLES,
    LARGEST,
    LONG_REST_MS,
    SETTLING_MS,
    Rest,
    day_of,
    place_of,
)
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Bool, Int64

STEADY_MS: Final = 2_000
WITHIN_MS: Final = 2_000
AFTER_MS: Final = (1_000, 10_000, 30_000)
EARLY_MS: Final = 250
LATE_MS: Final = (500, 1_000, 2_000)
FRESH_MS: Final = 60_000
_SECONDS: Final = (1, 10, 30)
_PER_MAH: Final = 2 * 3_600_000  # 2·mA·ms
_ELAPSED: Final = 1 << 20  # ms; more than any time that is asked for


@dataclass(slots=True)
class Carried:
    """What the next row must know; all None where it was not read since the last break.

    Attributes:
        heat_ms, heat: when temperature was last read; twice it, tenths of a degree.
        charge_ms, charge: likewise the state of charge, tenths of a percent.
        cells_ms, low, high: likewise lowest and highest cell, mV.
        time, current, voltage: the last row with both.
        run_ms: since when the current has been steady.
        from_ms, from_ma, from_mv: the last row before a step; None when no step is being looked at.
        to_ma: current in the first row after it.
        one, ten: resistances over 1 and 10 s of that step.
    """

    heat_ms: int | None = None
    heat: int | None = None
    charge_ms: int | None = None
    charge: int | None = None
    cells_ms: int | None = None
    low: int | None = None
    high: int | None = None
    time: int | None = None
    current: int | None = None
    voltage: int | None = None
    run_ms: int | None = None
    from_ms: int | None = None
    from_ma: int | None = None
    from_mv: int | None = None
    to_ma: int | None = None
    one: int | None = None
    ten: int | None = None

    def no_step(self) -> None:
        """No step is being looked at."""
        self.from_ms = self.from_ma = self.from_mv = self.to_ma = self.one = self.ten = None


_UNREAD: Final = Carried()
_numbers: Final[Callable[[Carried], tuple[int | None, ...]]] = attrgetter(
    *(one.name for one in fields(Carried))
)
_NOTHING: Final = _numbers(_UNREAD)


def _left(carried: Carried) -> tuple[int | None, ...] | None:
    """What is kept of it; None where that is nothing."""
    numbers = _numbers(carried)
    return None if numbers == _NOTHING else numbers


def fresh(value: int | None, said_ms: int | None, time: int) -> int | None:
    """A value said no longer than a minute ago; else None."""
    return value if said_ms is not None and 0 <= time - said_ms <= FRESH_MS else None


def resistance(volts: int, amperes: int, in_series: int) -> int | None:
    """Micro-ohm of one cell from changes in mV and mA, half up; None where that is no cell's."""
    if amperes < 0:
        volts, amperes = -volts, -amperes
    whole = amperes * in_series
    found = (2 * 1_000_000 * volts + whole) // (2 * whole)
    return found if 0 < found <= LARGEST else None


def _direction(start: int, end: int) -> int:
    """1 where a step belongs to charging, -1 to discharging: the side of the larger current."""
    both = start + end
    return 1 if both > 0 or (both == 0 and end > start) else -1


@dataclass(slots=True)
class _Step:
    """A step whose resistances are being looked for."""

    from_ma: int
    from_mv: int
    to_ma: int
    one: int | None = None
    ten: int | None = None

    def at(
        self, which: int, time: int, current: int, voltage: int, *, carried: Carried, context: "_Context"
    ) -> None:
        """The row that is so long after the step; `carried` says what was last read then."""
        change = current - self.from_ma
        rated = context.rated
        if abs(change) * 5 < rated or abs(current - self.to_ma) * 10 > abs(change):
            return
        found = resistance(voltage - self.from_mv, change, context.in_series)
        direction = _direction(self.from_ma, current)
        kept = context.state.resistances
        if which == 0:
            self.one = found
        elif which == 1:
            self.ten = found
            if found is None:
                kept.refused += 1
                return
            heat = fresh(carried.heat, carried.heat_ms, time)
            place = place_of(heat, fresh(carried.charge, carried.charge_ms, time), direction)
            day = day_of(time, absolute=context.state.absolute)
            kept.take(place, found, heat, day, young=context.young)
            if self.one is not None:
                kept.relate(1, direction, self.one, found)
        elif found is not None and self.ten is not None:
            kept.relate(30, direction, found, self.ten)


@dataclass(slots=True)
class _Context:
    """Whose step it is."""

    state: LifecycleState
    rated: int
    in_series: int
    young: bool


def _young(charge_out: int, rated: int) -> bool:
    return charge_out < FIRST_CYCLES * rated * _PER_MAH


# ------------------------------------------------------------------------------------------- row by row


def take_row(
    state: LifecycleState, values: Mapping[str, int], time: int, max_gap_ms: int, basis: Basis
) -> None:
    """The next row that counts."""
    rated = basis.rated_mah
    if not rated:
        return
    carried = Carried(*(state.boundary.step or _NOTHING))
    some = [values[name] for name in ("hottest", "coldest") if name in values]
    if some:
        carried.heat_ms, carried.heat = time, some[0] + some[-1]
    if "state_of_charge" in values:
        carried.charge_ms, carried.charge = time, values["state_of_charge"]
    if "cell_lowest" in values and "cell_highest" in values:
        carried.cells_ms, carried.low, carried.high = time, values["cell_lowest"], values["cell_highest"]
    if "current" in values and "voltage" in values:
        current, voltage = values["current"], values["voltage"]
        joined = carried.time is not None and 0 <= time - carried.time <= max_gap_ms
        _rest_row(state, carried, time, current, voltage, joined=joined, rated=rated)
        _step_row(state, carried, time, current, voltage, joined=joined, basis=basis)
        carried.time, carried.current, carried.voltage = time, current, voltage
    state.boundary.step = _left(carried)


def _step_row(
    state: LifecycleState,
    carried: Carried,
    time: int,
    current: int,
    voltage: int,
    *,
    joined: bool,
    basis: Basis,
) -> None:
    rated = basis.rated_mah or 0
    if not joined:
        carried.no_step()
        carried.run_ms = time
        return
    was_ms, was_ma, was_mv = carried.time or 0, carried.current or 0, carried.voltage or 0
    run_ms = carried.run_ms if carried.run_ms is not None else time
    if abs(current - was_ma) * 50 > rated:
        if was_ms - run_ms >= STEADY_MS:
            carried.from_ms, carried.from_ma, carried.from_mv = was_ms, was_ma, was_mv
        carried.run_ms, carried.to_ma, carried.one, carried.ten = time, current, None, None
        if carried.from_ms is None or time - carried.from_ms > WITHIN_MS:
            carried.no_step()
        return
    if carried.from_ma is None or carried.from_mv is None or carried.to_ma is None:
        return
    step = _Step(carried.from_ma, carried.from_mv, carried.to_ma, carried.one, carried.ten)
    context = _Context(state, rated, basis.in_series or 1, _young(state.charge_out, rated))
    for which, wanted in enumerate(AFTER_MS):
        if was_ms - run_ms < wanted - EARLY_MS <= time - run_ms <= wanted + LATE_MS[which]:
            step.at(which, time, current, voltage, carried=carried, context=context)
    carried.one, carried.ten = step.one, step.ten
    if time - run_ms >= AFTER_MS[-1] - EARLY_MS:
        carried.no_step()


def _rest_row(
    state: LifecycleState,
    carried: Carried,
    time: int,
    current: int,
    voltage: int,
    *,
    joined: bool,
    rated: int,
) -> None:
    kept = state.resistances
    idle = abs(current) * 1000 <= rated
    if not (joined and idle):
        kept.rest_ended()
    if not idle:
        return
    rest = kept.resting
    if rest is None:
        rest = kept.resting = Rest(time, time, state.absolute)
    else:
        rest.area += (current + (carried.current or 0)) * (time - rest.last_ms)
    _rest_on(rest, carried, time, voltage)


def _rest_on(rest: Rest, carried: Carried, time: int, voltage: int) -> None:
    """A row of a rest: what it says, beside its current."""
    low = fresh(carried.low, carried.cells_ms, time)
    high = fresh(carried.high, carried.cells_ms, time)
    rest.last_ms = time
    if rest.settled_ms is None and time - rest.start_ms >= SETTLING_MS:
        rest.settled_ms, rest.first_mv, rest.first_low, rest.first_high = time, voltage, low, high
    rest.last_mv, rest.last_low, rest.last_high = voltage, low, high
    rest.heat = fresh(carried.heat, carried.heat_ms, time)


# -------------------------------------------------------------------------------------- many rows at once


def take_wave(flat: Flat, rows: Rows) -> None:
    """The rows of a wave."""
    rated = np.array([segment.basis.rated_mah or 0 for segment in flat.segments], np.int64)
    if not rated.any():
        return
    wave = _Wave(flat, rows, rated)
    wave.rests()
    wave.steps()
    wave.leave()


class _Said:
    """A series' rows that have a value, and which was the last one said at a row."""

    def __init__(self, flat: Flat, valid: Bool | None, *values: Int64) -> None:
        self._flat = flat
        self.where = np.flatnonzero(valid) if valid is not None else np.empty(0, np.int64)
        self._values = values

    def last(self, at: int, row: int, carried: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Time and values last said at a row of a segment; `carried` where that was before the wave."""
        flat = self._flat
        place = int(np.searchsorted(self.where, row, side="right")) - 1
        block = int(flat.barrier[row]) if flat.barrier is not None else int(flat.barrier_start[at])
        if place >= 0:
            found = int(self.where[place])
            if int(flat.owner[found]) == at:
                if flat.barrier is not None and int(flat.barrier[found]) != block:
                    return (None,) * len(carried)
                return (int(flat.time[found]), *(int(one[found]) for one in self._values))
        return carried if block == int(flat.barrier_start[at]) else (None,) * len(carried)


class _Wave:
    """The rows of a wave that carry both voltage and current, and what was last said beside them."""

    def __init__(self, flat: Flat, rows: Rows, rated: Int64) -> None:
        self.flat, self.rated = flat, rated
        self.carried = [Carried(*(segment.state.boundary.step or _NOTHING)) for segment in flat.segments]
        heat = _both(counting(flat, rows.hottest), counting(flat, rows.coldest))
        self.heat = _Said(flat, heat.valid if heat else None, *((heat.values,) if heat else ()))
        charge = counting(flat, rows.state_of_charge)
        self.charge = _Said(flat, charge.valid if charge else None, *((charge.values,) if charge else ()))
        low, high = counting(flat, rows.cell_lowest), counting(flat, rows.cell_highest)
        if low is not None and high is not None:
            self.cells = _Said(flat, low.valid & high.valid, low.values, high.values)
        else:
            self.cells = _Said(flat, None)
        self._all_current = counting(flat, rows.current)
        self._series: Steps | None = None
        self._moved: dict[int, tuple[Int64, Sequence[int] | Int64]] = {}
        current, voltage = self._all_current, counting(flat, rows.voltage)
        points: Steps | None = None
        if current is not None and voltage is not None:
            wanted = current.valid & voltage.valid & (rated > 0)[flat.owner]
            points = steps_of(flat, wanted, [one.time for one in self.carried])
            self.current, self.voltage = at_points(current.values, points), at_points(voltage.values, points)
        self.points = points
        self.runs: _Runs | None = None
        if points is not None:
            self.runs = _Runs(points, self.current, self.voltage, rated, self.carried)

    def _at(self, at: int, row: int) -> Carried:
        """What was last said at a row of a segment, temperature, charge and cells."""
        old = self.carried[at]
        return Carried(
            *self.heat.last(at, row, (old.heat_ms, old.heat)),
            *self.charge.last(at, row, (old.charge_ms, old.charge)),
            *self.cells.last(at, row, (old.cells_ms, old.low, old.high)),
        )

    def _row(self, point: int) -> int:
        assert self.points is not None
        return point if self.points.rows is None else int(self.points.rows[point])

    # Rests.

    def rests(self) -> None:
        """Go through the stretches without current."""
        points = self.points
        if points is None:
            return
        idle = np.abs(self.current) * 1000 <= self.rated[self.flat.owner[self._rows()]]
        pieces = pieces_of(points, idle.astype(np.int64))
        lasted = points.time[pieces.last] - points.time[pieces.first]
        begins = np.concatenate(([True], pieces.owner[1:] != pieces.owner[:-1]))
        ends = np.append(begins[1:], True)
        was = [one.current or 0 for one in (self.carried[at] for at in points.present.tolist())]
        pair = doubled(self.current, points.first, was)
        for number in np.flatnonzero(begins | ends | (lasted >= LONG_REST_MS)).tolist():
            first, last = int(pieces.first[number]), int(pieces.last[number])
            at = int(pieces.owner[number])
            kept = self.flat.segments[at].state.resistances
            joined = bool(pieces.joined[number]) and bool(idle[first])
            if not (begins[number] and joined):
                # Whatever lay between was too short to be kept, and ended what was open.
                kept.rest_ended()
            if idle[first]:
                self._rest(at, first, last, pair)

    def _rest(self, at: int, first: int, last: int, pair: Int64) -> None:
        points = self.points
        assert points is not None
        state = self.flat.segments[at].state
        rest = state.resistances.resting
        begin = first
        if rest is None:
            start = int(points.time[first])
            rest = state.resistances.resting = Rest(start, start, state.absolute)
            begin = first + 1
        if begin <= last:
            into, out = areas_of(pair[begin : last + 1], points.step[begin : last + 1], np.zeros(1, np.int64))
            rest.area += into[0] - out[0]
        if rest.settled_ms is None:
            settled = first + int(
                np.searchsorted(points.time[first : last + 1], rest.start_ms + SETTLING_MS, side="left")
            )
            if settled <= last:
                _rest_on(
                    rest,
                    self._at(at, self._row(settled)),
                    int(points.time[settled]),
                    int(self.voltage[settled]),
                )
        _rest_on(rest, self._at(at, self._row(last)), int(points.time[last]), int(self.voltage[last]))

    def _rows(self) -> Int64:
        assert self.points is not None
        return np.arange(len(self.points.time)) if self.points.rows is None else self.points.rows

    # Steps.

    def steps(self) -> None:
        """Measure every step that ends in this wave."""
        runs = self.runs
        if runs is None:
            return
        steps: dict[int, _Step] = {}
        found: list[tuple[int, int, int]] = []  # point, which of the times, run
        for which in (2, 1, 0):
            wanted, late = AFTER_MS[which], LATE_MS[which]
            # Over 1 s only where it will be put beside the 10 s: in this wave, or in the next.
            some = runs.reaching(AFTER_MS[1] - EARLY_MS) if which == 0 else runs.valid
            found += [
                (point, which, run) for run, point in runs.rows_after(some, wanted - EARLY_MS, wanted + late)
            ]
        context: _Context | None = None
        for point, which, run in sorted(found):
            at = int(runs.owner[point])
            if context is None or context.state is not self.flat.segments[at].state:
                segment = self.flat.segments[at]
                context = _Context(
                    segment.state, int(self.rated[at]), segment.basis.in_series or 1, young=True
                )
            step = steps.get(run)
            if step is None:
                step = steps[run] = runs.step(run, self.carried[at])
            beside = None
            if which == 1:
                row = self._row(int(runs.point[point]))
                context.young, beside = self._young(at, row), self._at(at, row)
            moment, amperes, volts = int(runs.time[point]), int(runs.current[point]), int(runs.voltage[point])
            step.at(which, moment, amperes, volts, carried=beside or _UNREAD, context=context)
        runs.measured = steps

    def _young(self, at: int, row: int) -> bool:
        """Whether the battery is in its first cycles at a row: charge out before that row's own step."""
        segment = self.flat.segments[at]
        rated = int(self.rated[at])
        if not _young(segment.state.charge_out, rated):
            return False
        so_far = self._charge_out(at)
        until = int(np.searchsorted(so_far[0], row, side="left"))
        return _young(segment.state.charge_out + (int(so_far[1][until - 1]) if until else 0), rated)

    def _charge_out(self, at: int) -> tuple[Int64, Sequence[int] | Int64]:
        """Rows of a segment with a current, and the charge that went out up to each."""
        if at in self._moved:
            return self._moved[at]
        if self._series is None:
            assert self._all_current is not None
            known = [segment.state.boundary.current for segment in self.flat.segments]
            times = [one[0] if one else None for one in known]
            self._series = steps_of(self.flat, self._all_current.valid, times)
        series = self._series
        assert series is not None
        assert self._all_current is not None
        where = int(np.searchsorted(series.present, at))
        begin, end = int(series.first[where]), int(series.last[where]) + 1
        rows = np.arange(begin, end) if series.rows is None else series.rows[begin:end]
        point = self.flat.segments[at].state.boundary.current
        pair = doubled(self._all_current.values[rows], np.zeros(1, np.int64), [point[1] if point else 0])
        self._moved[at] = (rows, _cumulated(pair, series.step[begin:end]))
        return self._moved[at]

    # What is carried on.

    def leave(self) -> None:
        """Write down for every segment what its next row must know."""
        flat = self.flat
        ends = np.append(flat.first[1:], len(flat.time)) - 1
        for at, last in zip(flat.present.tolist(), ends.tolist(), strict=True):
            if not self.rated[at]:
                continue
            boundary = flat.segments[at].state.boundary
            end = int(flat.barrier_end[at])
            if end == -1:
                boundary.step = None
                continue
            left = self._at(at, last)
            if self.runs is None or not self.runs.leave(
                at, end if flat.barrier is not None else None, self, left
            ):
                old = self.carried[at]
                if end == int(flat.barrier_start[at]):
                    for name in _OF_STEPS:
                        setattr(left, name, getattr(old, name))
            boundary.step = _left(left)


_OF_STEPS: Final = (
    "time",
    "current",
    "voltage",
    "run_ms",
    "from_ms",
    "from_ma",
    "from_mv",
    "to_ma",
    "one",
    "ten",
)


def _cumulated(pair: Int64, step: Int64) -> Sequence[int] | Int64:
    """Charge that went out up to each point, 2·mA·ms."""
    if max(abs(int(pair.min())), abs(int(pair.max()))) * int(step.max()) * len(pair) < 1 << 62:
        return np.cumsum(np.maximum(-pair * step, 0))
    return list(accumulate(max(-a * b, 0) for a, b in zip(pair.tolist(), step.tolist(), strict=True)))


def _both(hot: Series | None, cold: Series | None) -> Series | None:
    """Hottest plus coldest; twice the one where the other is missing."""
    if hot is None or cold is None:
        one = hot or cold
        return None if one is None else Series(2 * one.values, one.valid)
    hots = np.where(hot.valid, hot.values, cold.values)
    colds = np.where(cold.valid, cold.values, hot.values)
    return Series(hots + colds, hot.valid | cold.valid)


class _Runs:
    """Stretches of steady current, with those that were carried into the wave put before them.

    What a segment brings along becomes points of its own: the two ends of the current before the step, and
    the first and last row of the current after it. They are marked as not `real`, so that nothing that was
    measured before is measured again.
    """

    def __init__(
        self, points: Steps, current: Int64, voltage: Int64, rated: Int64, carried: list[Carried]
    ) -> None:
        """Cut points into runs."""
        present = points.present.tolist()
        brought = [
            _brought(carried[at]) if joined else []
            for at, joined in zip(present, points.joined[points.first].tolist(), strict=True)
        ]
        lengths = np.array([len(some) for some in brought], np.int64)
        counts = points.last - points.first + 1
        shift = np.repeat(np.cumsum(lengths), counts)
        place = np.arange(len(points.time)) + shift
        size = len(points.time) + int(lengths.sum())
        self.time, self.current, self.voltage = (np.zeros(size, np.int64) for _ in range(3))
        self.owner = np.zeros(size, np.int64)
        self.point = np.full(size, -1, np.int64)
        self.time[place], self.current[place], self.voltage[place] = points.time, current, voltage
        owners = np.repeat(points.present, counts)
        self.owner[place] = owners
        self.point[place] = np.arange(len(points.time))
        starts = np.ones(size, np.bool_)
        breaks = np.zeros(size, np.bool_)
        breaks[place] = ~points.joined
        for at, some, first in zip(present, brought, place[points.first].tolist(), strict=True):
            for number, (time, amperes, volts, start) in enumerate(some, first - len(some)):
                self.time[number], self.current[number], self.voltage[number] = time, amperes, volts
                self.owner[number] = at
                starts[number] = start
                breaks[number] = number == first - len(some)
        was = before(self.current, np.zeros(1, np.int64), [0])
        changed = np.abs(self.current - was) * 50 > rated[self.owner]
        starts[place] = breaks[place] | changed[place]
        self.run = np.cumsum(starts) - 1
        self.first = np.flatnonzero(starts)
        self.last = np.append(self.first[1:], size) - 1
        elapsed = self.time - self.time[self.first][self.run]
        self._elapsed = np.minimum(elapsed, _ELAPSED)
        chain = np.cumsum(breaks)[self.first]
        steady = elapsed[self.last] >= STEADY_MS
        numbers = np.arange(len(self.first))
        latest = np.maximum.accumulate(np.where(steady, numbers, -1))
        self._origin = np.concatenate(([-1], latest[:-1]))
        origin = np.maximum(self._origin, 0)
        self.valid = (
            (self._origin >= 0)
            & ~breaks[self.first]
            & (chain[origin] == chain)
            & (self.time[self.first] - self.time[self.last[origin]] <= WITHIN_MS)
        )
        self.measured: dict[int, _Step] = {}

    def reaching(self, elapsed: int) -> Bool:
        """Runs after a step that last so long, or still go on."""
        goes_on = np.append(self.owner[self.first[1:]] != self.owner[self.last[:-1]], True)
        found: Bool = self.valid & ((self._elapsed[self.last] >= elapsed) | goes_on)
        return found

    def rows_after(self, runs: Bool, earliest: int, latest: int) -> list[tuple[int, int]]:
        """Run and first point that is so long after the run's first, where that is a row of this wave."""
        some = np.flatnonzero(runs & (self._elapsed[self.last] >= earliest))
        if not len(some):
            return []
        key = self.run * (2 * _ELAPSED) + self._elapsed
        point = np.searchsorted(key, some * (2 * _ELAPSED) + earliest)
        good = (self.point[point] >= 0) & (self._elapsed[point] <= latest)
        return list(zip(some[good].tolist(), point[good].tolist(), strict=True))

    def step(self, run: int, carried: Carried) -> _Step:
        """The step that led into a run; what was measured of it before this wave is in `carried`."""
        origin, first = int(self.last[self._origin[run]]), int(self.first[run])
        step = _Step(int(self.current[origin]), int(self.voltage[origin]), int(self.current[first]))
        if self.point[first] < 0:
            step.one, step.ten = carried.one, carried.ten
        return step

    def leave(self, at: int, block: int | None, wave: _Wave, left: Carried) -> bool:
        """Write down the last run of a segment; False where the segment has no row in its last block."""
        points = wave.points
        assert points is not None
        where = int(np.searchsorted(points.present, at))
        if where == len(points.present) or int(points.present[where]) != at:
            return False
        final = int(points.last[where])
        if block is not None and wave.flat.barrier is not None:
            row = final if points.rows is None else int(points.rows[final])
            if int(wave.flat.barrier[row]) != block:
                return True  # after the last break there was none
        end = int(np.searchsorted(self.owner, at, side="right")) - 1
        run = int(self.run[end])
        left.time, left.current, left.voltage = (
            int(one[end]) for one in (self.time, self.current, self.voltage)
        )
        left.run_ms = int(self.time[self.first[run]])
        if self.valid[run] and left.time - left.run_ms < AFTER_MS[-1] - EARLY_MS:
            step = self.measured.get(run) or self.step(run, wave.carried[at])
            origin = int(self.last[self._origin[run]])
            left.from_ms, left.from_ma, left.from_mv = int(self.time[origin]), step.from_ma, step.from_mv
            left.to_ma, left.one, left.ten = step.to_ma, step.one, step.ten
        return True


def _brought(carried: Carried) -> list[tuple[int, int, int, bool]]:
    """Time, current, voltage and whether a run starts, of the points that a segment brings along."""
    some: list[tuple[int, int, int, bool]] = []
    values: Any = carried
    if carried.from_ms is not None:
        some += [
            (values.from_ms - STEADY_MS, values.from_ma, values.from_mv, True),
            (values.from_ms, values.from_ma, values.from_mv, False),
        ]
    first = values.current if values.to_ma is None else values.to_ma
    return [
        *some,
        (values.run_ms, first, values.voltage, True),
        (values.time, values.current, values.voltage, False),
    ]
