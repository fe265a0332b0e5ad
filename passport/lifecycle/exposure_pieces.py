"""How rows reach `exposure`: one by one, and as arrays of a wave; both end in the same bytes.

What a row lacks is taken from a row before it that told it within ten seconds: many devices tell current,
temperature and cells in frames of their own.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from passport.lifecycle.arrays import Flat, areas_of, at_points, counting, pieces_of, points_left, steps_of
from passport.lifecycle.basis import Basis
from passport.lifecycle.exposure import (
    HELD,
    HELD_MS,
    KINDS,
    LONG_GAP_MS,
    RATE_TEMPERATURES,
    RATES,
    Driver,
    Exposure,
    Kind,
    Level,
    Only,
    Piece,
    Points,
    cells_code,
    charge_code,
    heat_code,
)
from passport.lifecycle.gather import Rows, Series
from passport.lifecycle.limits import STEEP_ABOVE, STEEP_BELOW, STORED_WARM, Limits, limits_of
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Bool, Int64

# What a cell can show: nought is an open wire, and more no cell has.
_CELL_MV: Final = (1, 9_999)
_FAR: Final = 1 << 50  # further than any value: a limit that is not there
_PARTS_OF_C: Final = 100
_MILLI_BY_MICRO: Final = 1_000_000  # milliampere by micro-ohm, in mV
_CODES: Final = 1 << 12  # more than any code of a row


# --------------------------------------------------------------------------------------------- row by row


def take_row(
    state: LifecycleState, values: Mapping[str, int], time: int, max_gap_ms: int, basis: Basis
) -> None:
    """A row that counts."""
    limits = limits_of(basis)
    exposure, points = state.exposure, state.boundary.exposure
    _know(exposure, limits)
    if state.absolute:
        if exposure.seen_ms is not None:
            exposure.gap(exposure.seen_ms, time)
        exposure.seen_ms = time
        if _step(points.clock, time, max_gap_ms) is not None:
            assert points.clock is not None
            exposure.watched(points.clock, time)
    points.clock = time
    for name in HELD:
        if name in values:
            points.held[name] = (time, values[name])
    if "state_of_charge" in values:
        exposure.rainflow.take(values["state_of_charge"])
    row = _Row(values, time, points, exposure, limits)
    _clocks_of_row(row, max_gap_ms)
    for number, kind in enumerate(KINDS):
        judged = _judged(kind, row)
        if judged is None:
            continue
        level, excess, weight = judged
        piece = Piece(
            level,
            _step(points.kinds.get(number), time, max_gap_ms),
            0,
            1,
            excess,
            weight,
            0,
            time // 1000 if state.absolute else None,
            row.charge,
            _own_temperature(kind, row.hottest, row.coldest),
            row.current,
            row.framed,
        )
        exposure.take(number, piece)
        if number in exposure.open:
            points.kinds[number] = time
        else:
            points.kinds.pop(number, None)


def _know(exposure: Exposure, limits: Limits) -> None:
    """Keep by which limits is judged: they never change within a state, whose chain begins with them."""
    exposure.judged = _judged_by(limits)
    exposure.bounds = (limits.bound_cold, limits.bound_hot)


@lru_cache(maxsize=4096)
def _judged_by(limits: Limits) -> int:
    rated = limits.rated_mah is not None
    return sum(
        1 << number
        for number, kind in enumerate(KINDS)
        if getattr(limits, kind.limit) is not None
        and (rated or (kind.only is Only.ALWAYS and kind.driver is not Driver.UNLOADED))
    )


def _step(before: int | None, time: int, max_gap_ms: int) -> int | None:
    """The step from a point before; None where there is none, or one that is no time."""
    return time - before if before is not None and 0 <= time - before <= max_gap_ms else None


def _own_temperature(kind: Kind, hottest: int | None, coldest: int | None) -> int | None:
    """The sensor that an occasion of a kind is told with: the coldest one where it is judged by that."""
    return coldest if kind.driver is Driver.COLDEST else hottest


class _Row:
    """What a row tells, and what stands beside it."""

    def __init__(
        self, values: Mapping[str, int], time: int, points: Points, exposure: Exposure, limits: Limits
    ) -> None:
        self.values, self.time, self.points, self.exposure, self.limits = (
            values,
            time,
            points,
            exposure,
            limits,
        )
        self.current = self._beside("current")
        self.framed = self.current is not None and "current" not in values
        self.charge = self._beside("state_of_charge")
        self.hottest = self._beside("hottest")
        self.coldest = self._beside("coldest")
        self.cells = "cell_lowest" in values or "cell_highest" in values
        exposure.cells_told = exposure.cells_told or self.cells
        whole = None
        if not exposure.cells_told and "voltage" in values and limits.in_series:
            whole = (2 * values["voltage"] + limits.in_series) // (2 * limits.in_series)
        self.lowest = _cell(values.get("cell_lowest", whole))
        self.highest = _cell(values.get("cell_highest", whole))
        self.unloaded = self._unloaded()

    def _beside(self, name: str) -> int | None:
        time, value = self.points.held.get(name, (None, 0))
        return value if time is not None and 0 <= self.time - time <= HELD_MS else None

    def _unloaded(self) -> int | None:
        """The lowest cell without load, or corrected by the declared resistance and the row's own current."""
        gentle, resistance = self.limits.gentle_ma, self.limits.cell_uohm
        if self.lowest is None or self.current is None or gentle is None:
            return None
        if abs(self.current) <= gentle:
            return self.lowest
        if resistance is None or "current" not in self.values:
            return None
        return self.lowest - self.current * resistance // _MILLI_BY_MICRO

    def driver(self, which: Driver) -> int | None:
        """What a kind is judged by."""
        values = self.values
        if which is Driver.LOWEST:
            return self.lowest
        if which is Driver.UNLOADED:
            return self.unloaded
        if which is Driver.HIGHEST:
            return self.highest
        if which is Driver.COLDEST:
            return values.get("coldest")
        if which is Driver.HOTTEST:
            return values.get("hottest")
        if which is Driver.POWER:
            if "current" in values and "voltage" in values:
                return abs(values["current"] * values["voltage"]) // 1_000_000
            return None
        if which is Driver.SPREAD:
            if self.cells and self.lowest is not None and self.highest is not None:
                return self.highest - self.lowest
            return None
        if which is Driver.CHARGE:
            return values.get("state_of_charge")
        return values.get("insulation_resistance")


def _cell(value: int | None) -> int | None:
    return value if value is not None and _CELL_MV[0] <= value <= _CELL_MV[1] else None


def _judged(kind: Kind, row: _Row) -> tuple[int, int, int] | None:
    """Level, excess and weight; None where the row is no point of this kind."""
    limit: int | None = getattr(row.limits, kind.limit)
    value = row.driver(kind.driver)
    if limit is None or value is None:
        return None
    excess = limit - value if kind.below else value - limit
    applies = _applies(kind.only, row)
    if applies is None:
        return None
    if not applies:
        level = Level.CLEAR
    else:
        level = Level.HOLDS if excess > 0 else Level.NEAR if excess > -kind.margin else Level.CLEAR
    return level, excess, excess if not kind.charged else row.current or 0


def _applies(only: Only, row: _Row) -> bool | None:
    """Whether a kind applies now; None where that cannot be told, and the row is no point of it."""
    if only is Only.ALWAYS:
        return True
    slow = row.limits.slow_ma
    if row.current is None or slow is None:
        return None
    if only is Only.CHARGING:
        return row.current >= slow
    resting = abs(row.current) < slow
    if only is Only.RESTING:
        return resting
    if only is Only.RESTING_STEEP:
        return None if row.charge is None else resting and not STEEP_BELOW <= row.charge <= STEEP_ABOVE
    return None if row.hottest is None else resting and row.hottest > STORED_WARM


def _clocks_of_row(row: _Row, max_gap_ms: int) -> None:
    exposure, points, values, limits, time = row.exposure, row.points, row.values, row.limits, row.time
    if not (row.lowest is None and row.highest is None):
        if row.unloaded is not None:
            known = exposure.rested_low
            exposure.rested_low = row.unloaded if known is None else min(row.unloaded, known)
        code = cells_code(cells=row.cells, unloaded=row.unloaded is not None)
        points.cells = _spend(points.cells, time, max_gap_ms, exposure.spend_cells, code)
    hottest, coldest = values.get("hottest"), values.get("coldest")
    if hottest is None and coldest is None:
        return
    above = hottest is not None and limits.bound_hot is not None and hottest > limits.bound_hot
    below = coldest is not None and limits.bound_cold is not None and coldest < limits.bound_cold
    code = heat_code(above=above, below=below)
    points.heat = _spend(points.heat, time, max_gap_ms, exposure.spend_heat, code)
    if row.current is None or limits.slow_ma is None or not limits.rated_mah:
        return
    code = 0
    if row.current >= limits.slow_ma:
        degrees = coldest if coldest is not None else hottest
        assert degrees is not None
        rate = bisect_right(RATES, row.current * _PARTS_OF_C // limits.rated_mah)
        code = charge_code(
            where=bisect_right(RATE_TEMPERATURES, degrees) * (len(RATES) + 1) + rate,
            above=above,
            below=below,
            hot=hottest is not None and limits.charge_hot is not None and hottest > limits.charge_hot,
            cold=coldest is not None and limits.charge_cold is not None and coldest < limits.charge_cold,
        )
    points.charging = _spend(points.charging, time, max_gap_ms, exposure.spend_charging, code)


def _spend(
    point: tuple[int, int] | None, time: int, max_gap_ms: int, spend: Callable[[int, int], None], code: int
) -> tuple[int, int]:
    """Give the step to where it began; the point that the next one starts from."""
    if point is not None and (step := _step(point[0], time, max_gap_ms)):
        spend(point[1], step)
    return time, code


# ----------------------------------------------------------------------------------------------- as arrays


def take_wave(flat: Flat, rows: Rows) -> None:
    """The rows of a wave."""
    wave = _wave(flat, rows)
    _clock_of_wave(wave)
    _cycles(wave)
    _clocks_of_wave(wave)
    for number, kind in enumerate(KINDS):
        _watch(wave, number, kind)


@dataclass
class _Beside:
    """Held values by row."""

    values: Int64
    valid: Bool

    def at(self, row: int) -> int | None:
        return int(self.values[row]) if self.valid[row] else None


@dataclass
class _Wave:
    """A wave with what its rows tell.

    Attributes:
        flat: the wave.
        exposures: of each segment; `points` and `limits` likewise.
        spoilt: numbers of segments with a break anywhere.
        own: series of rows that count, by name.
        beside: the same held for ten seconds.
        cells: rows that tell of a cell, believed or not.
        lowest, highest: of cells, or of the battery by its cells in series; `unloaded`: the lowest without
            load, or corrected for it.
    """

    flat: Flat
    exposures: list[Exposure]
    points: list[Points]
    limits: list[Limits]
    spoilt: set[int]
    own: dict[str, Series | None]
    beside: dict[str, _Beside]
    cells: Bool
    lowest: Series | None
    highest: Series | None
    unloaded: Series | None = None

    @cached_property
    def framed(self) -> Bool:
        """Rows without a current of their own, after one that had it."""
        beside, own = self.beside["current"].valid, self.own["current"]
        return beside if own is None else beside & ~own.valid

    @cached_property
    def alike(self) -> bool:
        """Whether all segments have the same limits."""
        return all(one is self.limits[0] for one in self.limits)

    @cached_property
    def reach(self) -> dict[Driver, tuple[int, int] | None]:
        """Lowest and highest value of a driver, rows without one included; None where there is no series."""
        return {}

    def limit(self, name: str) -> int | Int64 | None:
        """A limit, of all or by row; `_FAR` where a segment has none; None where no segment has one."""
        if self.alike:
            limit: int | None = getattr(self.limits[0], name)
            return limit
        found = [getattr(limits, name) for limits in self.limits]
        kinds = set(found)
        if kinds == {None}:
            return None
        if len(kinds) == 1:
            return int(found[0])
        by_segment = np.array([_FAR if one is None else one for one in found], np.int64)
        spread: Int64 = by_segment[self.flat.owner]
        return spread


def _wave(flat: Flat, rows: Rows) -> _Wave:
    states = [segment.state for segment in flat.segments]
    own = {
        name: counting(flat, series)
        for name, series in (
            ("voltage", rows.voltage),
            ("current", rows.current),
            ("state_of_charge", rows.state_of_charge),
            ("cell_lowest", rows.cell_lowest),
            ("cell_highest", rows.cell_highest),
            ("coldest", rows.coldest),
            ("hottest", rows.hottest),
            ("insulation_resistance", rows.insulation_resistance),
        )
    }
    wave = _Wave(
        flat,
        [state.exposure for state in states],
        [state.boundary.exposure for state in states],
        [limits_of(segment.basis) for segment in flat.segments],
        set(np.flatnonzero(flat.barrier_start != flat.barrier_end).tolist()),
        own,
        {},
        np.zeros(len(flat.time), np.bool_),
        None,
        None,
    )
    for at in flat.present.tolist():
        _know(wave.exposures[at], wave.limits[at])
    wave.beside = {name: _held(wave, name) for name in HELD}
    _cells_of(wave)
    wave.unloaded = _unloaded(wave)
    return wave


def _held(wave: _Wave, name: str) -> _Beside:
    """By row, what was last told within ten seconds, by the row itself or one before it."""
    flat, series = wave.flat, wave.own[name]
    carried = [points.held.get(name) for points in wave.points]
    present = flat.present.tolist()
    if series is not None and series.valid.all():
        last = np.append(flat.first[1:], len(flat.time)) - 1
        for at, row in zip(present, last.tolist(), strict=True):
            _keep(wave, at, name, (int(flat.time[row]), int(series.values[row])), row)
        for at in wave.spoilt.difference(present):
            wave.points[at].held.pop(name, None)
        return _Beside(series.values, series.valid)
    count = len(flat.time)
    if series is None and not any(carried):
        return _Beside(np.zeros(count, np.int64), np.zeros(count, np.bool_))
    begin = np.repeat(flat.first, np.diff(np.append(flat.first, count)))
    valid = series.valid if series is not None else np.zeros(count, np.bool_)
    source = np.maximum.accumulate(np.where(valid, np.arange(count), -1))
    own = source >= begin
    source = np.where(own, source, 0)
    told = [one if one is not None else (-_FAR, 0) for one in carried]
    times = np.array([one[0] for one in told], np.int64)[flat.owner]
    values = np.array([one[1] for one in told], np.int64)[flat.owner]
    times = np.where(own, flat.time[source], times)
    if series is not None:
        values = np.where(own, series.values[source], values)
    age = flat.time - times
    usable = (age >= 0) & (age <= HELD_MS)
    if flat.barrier is not None:
        usable &= flat.barrier == np.where(own, flat.barrier[source], flat.barrier_start[flat.owner])
    ends = (np.append(flat.first[1:], count) - 1).tolist()
    for at, row in zip(present, ends, strict=True):
        if own[row]:
            _keep(wave, at, name, (int(times[row]), int(values[row])), int(source[row]))
        elif at in wave.spoilt:
            wave.points[at].held.pop(name, None)
    for at in wave.spoilt.difference(present):
        wave.points[at].held.pop(name, None)
    return _Beside(values, usable)


def _keep(wave: _Wave, at: int, name: str, point: tuple[int, int], row: int) -> None:
    barrier = wave.flat.barrier
    end = wave.flat.barrier_end[at]
    if end == (barrier[row] if barrier is not None else wave.flat.barrier_start[at]):
        wave.points[at].held[name] = point
    else:
        wave.points[at].held.pop(name, None)


def _cells_of(wave: _Wave) -> None:
    """The lowest and highest cell by row, and whether each source tells cells at all."""
    low, high = wave.own["cell_lowest"], wave.own["cell_highest"]
    voltage, flat = wave.own["voltage"], wave.flat
    told: Bool | None = None
    for series in (low, high):
        if series is not None:
            told = series.valid if told is None else told | series.valid
    whole: Series | None = None
    series_of = [
        limits.in_series if limits.in_series and not exposure.cells_told else 0
        for limits, exposure in zip(wave.limits, wave.exposures, strict=True)
    ]
    if voltage is not None and any(series_of):
        number = np.array(series_of, np.int64)[flat.owner]
        usable = voltage.valid & (number > 0)
        if told is not None:
            # Only before the first row of its segment that tells a cell.
            seen = np.cumsum(told)
            begun: Int64 = seen[flat.first] - told[flat.first]
            rows = np.diff(np.append(flat.first, len(flat.time)))
            usable &= seen == np.repeat(begun, rows)
        if usable.any():
            number = np.maximum(number, 1)
            whole = Series((2 * voltage.values + number) // (2 * number), usable)
    if told is not None:
        some = np.logical_or.reduceat(told, flat.first).tolist()
        for at, tells in zip(flat.present.tolist(), some, strict=True):
            wave.exposures[at].cells_told = wave.exposures[at].cells_told or tells
    wave.lowest, wave.highest = _either(low, whole), _either(high, whole)
    if told is not None:
        wave.cells = told


def _unloaded(wave: _Wave) -> Series | None:
    """As `_Row._unloaded`, by arrays."""
    lowest, current, gentle = wave.lowest, wave.beside["current"], wave.limit("gentle_ma")
    if lowest is None or gentle is None:
        return None
    known = lowest.valid & current.valid & _is_there(gentle)
    without_load = np.abs(current.values) <= gentle
    resistance, own = wave.limit("cell_uohm"), wave.own["current"]
    if resistance is None or own is None:
        return Series(lowest.values, known & without_load)
    corrected = lowest.values - current.values * resistance // _MILLI_BY_MICRO
    correctable = own.valid & _is_there(resistance)
    return Series(np.where(without_load, lowest.values, corrected), known & (without_load | correctable))


def _either(cell: Series | None, whole: Series | None) -> Series | None:
    """Of a cell, or by the whole battery where that may stand for it; only what a cell can show."""
    if cell is None and whole is None:
        return None
    if cell is None or whole is None:
        only = cell if cell is not None else whole
        assert only is not None
        values, valid = only.values, only.valid
    else:
        values = np.where(cell.valid, cell.values, whole.values)
        valid = cell.valid | whole.valid
    low, high = _CELL_MV
    if int(values.min()) < low or int(values.max()) > high:
        valid = valid & (values >= low) & (values <= high)
    return Series(values, valid)


def _clock_of_wave(wave: _Wave) -> None:
    flat = wave.flat
    last = (np.append(flat.first[1:], len(flat.time)) - 1).tolist()
    absolute = flat.segments[0].absolute  # part of the signature that all segments share
    if absolute:
        step = np.diff(flat.time, prepend=0)
        step[flat.first] = 0
        long = np.flatnonzero(step > LONG_GAP_MS)
        bounds = np.searchsorted(long, np.append(flat.first, len(flat.time))).tolist()
        for number, (at, end) in enumerate(zip(flat.present.tolist(), last, strict=True)):
            exposure = wave.exposures[at]
            if exposure.seen_ms is not None:
                exposure.gap(exposure.seen_ms, int(flat.time[flat.first[number]]))
            for row in long[bounds[number] : bounds[number + 1]].tolist():
                exposure.gap(int(flat.time[row - 1]), int(flat.time[row]))
            exposure.seen_ms = int(flat.time[end])
    steps = steps_of(flat, None, [points.clock for points in wave.points])
    if steps is None:
        return
    if absolute:
        pieces = pieces_of(steps, np.zeros(len(flat.time), np.int64))
        for at, first, end, joined in zip(
            pieces.owner.tolist(),
            pieces.first.tolist(),
            pieces.last.tolist(),
            pieces.joined.tolist(),
            strict=True,
        ):
            begin = int(steps.time[first]) - (int(steps.step[first]) if joined else 0)
            wave.exposures[at].watched(begin, int(steps.time[end]))
    for boundary, point in points_left(flat, steps):
        boundary.exposure.clock = point[0] if point else None


def _cycles(wave: _Wave) -> None:
    charge, flat = wave.own["state_of_charge"], wave.flat
    if charge is None:
        return
    values, owner = charge.values, flat.owner
    if not charge.valid.all():
        rows = np.flatnonzero(charge.valid)
        if not len(rows):
            return
        values, owner = values[rows], owner[rows]
    moved = np.empty(len(values), np.bool_)
    moved[0] = True
    np.not_equal(values[1:], values[:-1], out=moved[1:])
    moved[1:] |= owner[1:] != owner[:-1]
    values, owner = values[moved], owner[moved]
    starts = np.concatenate(([True], owner[1:] != owner[:-1]))
    rising = np.concatenate(([False], values[1:] > values[:-1]))
    turns = np.ones(len(values), np.bool_)
    between = ~(starts[:-1] | starts[1:])  # neither first nor last of a segment
    turns[:-1][between] = (rising[:-1] != rising[1:])[between]
    for at, value in zip(owner[turns].tolist(), values[turns].tolist(), strict=True):
        wave.exposures[at].rainflow.take(value)


def _clocks_of_wave(wave: _Wave) -> None:
    flat = wave.flat
    current = wave.beside["current"]
    _voltage_clock(wave)
    hot, cold = wave.own["hottest"], wave.own["coldest"]
    told = [series.valid for series in (hot, cold) if series is not None]
    if not told:
        _forget(wave, "heat")
        _forget(wave, "charging")
        return
    known = told[0] if len(told) == 1 or told[0] is told[1] else told[0] | told[1]
    above, below = _beyond(wave, hot, "bound_hot", below=False), _beyond(wave, cold, "bound_cold", below=True)
    _spend_wave(wave, "heat", known, above + 2 * below)
    slow, rated = wave.limit("slow_ma"), wave.limit("rated_mah")
    if slow is None or rated is None:
        _forget(wave, "charging")
        return
    points = known & current.valid & _is_there(rated)
    code = np.zeros(len(flat.time), np.int64)
    rows = np.flatnonzero(points & (current.values >= slow))
    if len(rows):
        degrees = _coldest(hot, cold)[rows]
        amps = current.values[rows] * _PARTS_OF_C
        capacity = rated if isinstance(rated, int) else rated[rows]
        # As `bisect_right` does row by row; a few comparisons are faster than a search.
        where = np.zeros(len(rows), np.int64)
        for edge in RATE_TEMPERATURES:
            where += degrees >= edge
        where *= len(RATES) + 1
        for edge in RATES:
            where += amps >= edge * capacity
        flags = above + 2 * below
        flags += 4 * _beyond(wave, hot, "charge_hot", below=False)
        flags += 8 * _beyond(wave, cold, "charge_cold", below=True)
        bins = charge_code(where=0, above=True, below=False, hot=False, cold=False) - 1
        code[rows] = 1 + where + bins * flags[rows]
    _spend_wave(wave, "charging", points, code)


def _coldest(hot: Series | None, cold: Series | None) -> Int64:
    """The coldest sensor by row, or the hottest where there is no other."""
    if cold is None or hot is None:
        only = hot if cold is None else cold
        assert only is not None
        return only.values
    return cold.values if cold.valid.all() else np.where(cold.valid, cold.values, hot.values)


def _voltage_clock(wave: _Wave) -> None:
    sides = [series.valid for series in (wave.lowest, wave.highest) if series is not None]
    if not sides:
        _forget(wave, "cells")
        return
    known = sides[0] if len(sides) == 1 else sides[0] | sides[1]
    code = wave.cells.astype(np.int64)  # as of `cells_code`
    if wave.unloaded is not None:
        code += cells_code(cells=False, unloaded=True) * wave.unloaded.valid
        _rested_low(wave, np.where(wave.unloaded.valid, wave.unloaded.values, _FAR))
    _spend_wave(wave, "cells", known, code)


def _rested_low(wave: _Wave, values: Int64) -> None:
    lowest = np.minimum.reduceat(values, wave.flat.first).tolist()
    for at, value in zip(wave.flat.present.tolist(), lowest, strict=True):
        if value < _FAR:
            exposure = wave.exposures[at]
            known = exposure.rested_low
            exposure.rested_low = value if known is None else min(value, known)


def _is_there(limit: int | Int64) -> Bool:
    return np.asarray(limit) < _FAR


def _beyond(wave: _Wave, series: Series | None, limit: str, *, below: bool) -> Int64:
    """1 by row where a series is beyond a limit."""
    bound = wave.limit(limit)
    if series is None or bound is None:
        return np.zeros(len(wave.flat.time), np.int64)
    beyond = series.values < bound if below else series.values > bound
    return (beyond & series.valid & _is_there(bound)).astype(np.int64)


def _forget(wave: _Wave, name: str) -> None:
    """No point of a series came: a break forgets the one before."""
    for at in wave.spoilt:
        setattr(wave.points[at], name, None)


def _spend_wave(wave: _Wave, name: str, points: Bool, code: Int64) -> None:
    """Give each step of a series to the code in which it began."""
    flat = wave.flat
    before: list[tuple[int, int] | None] = [getattr(one, name) for one in wave.points]
    mask = None if points.all() else points
    steps = steps_of(flat, mask, [one[0] if one else None for one in before])
    if steps is None:
        _forget(wave, name)
        return
    codes = at_points(code, steps)
    place = np.empty_like(codes)
    place[1:] = codes[:-1]
    place[steps.first] = [one[1] if (one := before[at]) else 0 for at in steps.present.tolist()]
    change = np.empty(len(place), np.bool_)
    np.not_equal(place[1:], place[:-1], out=change[1:])
    change[steps.first] = True
    where = np.flatnonzero(change)
    spent = np.add.reduceat(steps.step, where)
    owner = steps.present[np.searchsorted(steps.first, where, side="right") - 1]
    wanted = spent > 0
    key = owner[wanted] * _CODES + place[where][wanted]
    found, which = np.unique(key, return_inverse=True)
    # Weights are floats, and exact: steps are at most an hour, so sums stay below 2**53.
    sums = np.bincount(which, weights=spent[wanted]).astype(np.int64).tolist()
    for one, ms in zip(found.tolist(), sums, strict=True):
        getattr(wave.exposures[one // _CODES], f"spend_{name}")(one % _CODES, ms)
    for boundary, point in points_left(flat, steps, codes):
        setattr(boundary.exposure, name, (point[0], point[1]) if point else None)


def _driver(wave: _Wave, which: Driver) -> Series | None:
    own = wave.own
    if which is Driver.LOWEST:
        return wave.lowest
    if which is Driver.UNLOADED:
        return wave.unloaded
    if which is Driver.HIGHEST:
        return wave.highest
    if which is Driver.POWER:
        current, voltage = own["current"], own["voltage"]
        if current is None or voltage is None:
            return None
        return Series(np.abs(current.values * voltage.values) // 1_000_000, current.valid & voltage.valid)
    if which is Driver.SPREAD:
        low, high, lower, upper = own["cell_lowest"], own["cell_highest"], wave.lowest, wave.highest
        if low is None or high is None or lower is None or upper is None:
            return None
        valid = low.valid & high.valid & lower.valid & upper.valid
        return Series(upper.values - lower.values, valid)
    name = {Driver.COLDEST: "coldest", Driver.HOTTEST: "hottest", Driver.CHARGE: "state_of_charge"}
    return own[name.get(which, "insulation_resistance")]


def _watch(wave: _Wave, number: int, kind: Kind) -> None:
    """Hand the pieces of a kind to the segments where anything holds or is open."""
    flat = wave.flat
    active = {at for at, exposure in enumerate(wave.exposures) if number in exposure.open}
    found = _points_of(wave, kind, wanted=bool(active))
    if found is None:
        _break_kind(wave, number, active)
        return
    points, level, excess = found
    some = set(np.unique(flat.owner[points & (level == Level.HOLDS)]).tolist()) | active
    if not some:
        return
    if len(some) < len(flat.segments):
        chosen = np.zeros(len(flat.segments), np.bool_)
        chosen[list(some)] = True
        points = points & chosen[flat.owner]
    steps = steps_of(flat, None if points.all() else points, [one.kinds.get(number) for one in wave.points])
    if steps is None:
        _break_kind(wave, number, active)
        return
    rows = np.arange(len(flat.time)) if steps.rows is None else steps.rows
    levels, over = level[rows], excess[rows]
    weight = wave.beside["current"].values[rows] if kind.charged else over
    framed = wave.framed[rows]
    pieces = pieces_of(steps, levels + len(Level) * framed)
    inner = steps.step.copy()
    inner[pieces.first] = 0
    totals = areas_of(np.where(levels == Level.HOLDS, weight, 0), inner, pieces.first)[0]
    absolute = flat.segments[0].absolute
    temperature = wave.beside["coldest" if kind.driver is Driver.COLDEST else "hottest"]
    for at, first, last, joined, worst, total in zip(
        pieces.owner.tolist(),
        pieces.first.tolist(),
        pieces.last.tolist(),
        pieces.joined.tolist(),
        pieces.most(over).tolist(),
        totals,
        strict=True,
    ):
        exposure = wave.exposures[at]
        if levels[first] != Level.HOLDS and number not in exposure.open:
            continue
        row, begin = int(rows[first]), int(steps.time[first])
        piece = Piece(
            int(levels[first]),
            int(steps.step[first]) if joined else None,
            int(steps.time[last]) - begin,
            last - first + 1,
            worst,
            int(weight[first]),
            total,
            begin // 1000 if absolute else None,
            wave.beside["state_of_charge"].at(row),
            temperature.at(row),
            wave.beside["current"].at(row),
            bool(framed[first]),
        )
        exposure.take(number, piece)
    for boundary, point in points_left(flat, steps):
        if point is not None:
            boundary.exposure.kinds[number] = point[0]
        else:
            boundary.exposure.kinds.pop(number, None)
    for at in some:
        if number not in wave.exposures[at].open:
            wave.points[at].kinds.pop(number, None)


def _break_kind(wave: _Wave, number: int, active: Iterable[int]) -> None:
    """No point of a kind came: a break forgets the one before."""
    for at in wave.spoilt.intersection(active):
        wave.points[at].kinds.pop(number, None)


def _points_of(wave: _Wave, kind: Kind, *, wanted: bool) -> tuple[Bool, Int64, Int64] | None:
    """Points, levels and excess by row; None where none is a point, or none holds and none is `wanted`."""
    limit = wave.limit(kind.limit)
    if limit is None or (not wanted and isinstance(limit, int) and not _reaches(wave, kind, limit)):
        return None
    series = _driver(wave, kind.driver)
    if series is None:
        return None
    excess = limit - series.values if kind.below else series.values - limit
    points = series.valid & _is_there(limit)
    holds = excess > 0
    if not wanted and not (points & holds).any():
        return None
    if kind.only is Only.ALWAYS:
        applies = holds | True
    else:
        known = _applies_by_row(wave, kind.only)
        if known is None:
            return None
        applies, told = known
        points = points & told
    level = np.where(applies, np.where(holds, Level.HOLDS, np.where(excess > -kind.margin, Level.NEAR, 0)), 0)
    return points, level, excess


def _reaches(wave: _Wave, kind: Kind, limit: int) -> bool:
    """Whether any row of any segment may lie beyond the limit; cheaper than to look at each."""
    if kind.driver not in wave.reach:
        wave.reach[kind.driver] = _bounds(wave, kind.driver)
    bounds = wave.reach[kind.driver]
    return bounds is not None and (bounds[0] < limit if kind.below else bounds[1] > limit)


def _bounds(wave: _Wave, which: Driver) -> tuple[int, int] | None:
    if which is Driver.POWER:
        current, voltage = wave.own["current"], wave.own["voltage"]
        if current is None or voltage is None:
            return None
        most = [max(abs(int(one.values.min())), abs(int(one.values.max()))) for one in (current, voltage)]
        return 0, most[0] * most[1] // 1_000_000
    series = _driver(wave, which)
    return None if series is None else (int(series.values.min()), int(series.values.max()))


def _applies_by_row(wave: _Wave, only: Only) -> tuple[Bool, Bool] | None:
    """Whether a kind applies, and whether that can be told; None where it never can."""
    slow = wave.limit("slow_ma")
    current = wave.beside["current"]
    if slow is None:
        return None
    told = current.valid & _is_there(slow)
    if only is Only.CHARGING:
        return current.values >= slow, told
    resting = np.abs(current.values) < slow
    if only is Only.RESTING:
        return resting, told
    if only is Only.RESTING_STEEP:
        charge = wave.beside["state_of_charge"]
        steep = (charge.values < STEEP_BELOW) | (charge.values > STEEP_ABOVE)
        return resting & steep, told & charge.valid
    hottest = wave.beside["hottest"]
    return resting & (hottest.values > STORED_WARM), told & hottest.valid
