"""The folding across many batteries at once: NumPy on integers, in segments of a battery and an epoch.

It gives the same bytes as `reference`, whose rules it follows; where few rows come, `reference` does the work
itself.

All rows of a wave (at most one run of each battery) stand in flat arrays. An interval runs from the row
before in the same segment, or from the boundary that the state carries; `reduceat` sums each segment.
Products that outgrow 64 bits are summed in two halves, or by Python's integers where even one of them does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from passport.lifecycle import reference
from passport.lifecycle.gather import (
    Rows,
    Run,
    Series,
    canonical,
    counter_exponent,
    counter_name,
    doubted,
    is_last,
    rows_of,
    runs,
    within,
)
from passport.lifecycle.shape import (
    BELIEVABLE,
    CHARGE_BINS,
    TEMPERATURE_EDGES,
    Extreme,
    Last,
    LifecycleState,
    Stretch,
)
from schemas.samples import Bool, Chunk, Int64, Samples
from schemas.terms import Origin

SPARSE_ROWS = 6  # below this many rows a segment, arrays cost more than they save
_WAVE_ROWS = 1 << 20
_SAFE = 1 << 62
_NONE = np.iinfo(np.int64).min
_EDGES = np.array(TEMPERATURE_EDGES, np.int64)


def fold(
    states: Sequence[LifecycleState],
    chunks: Sequence[Sequence[Chunk]],
    *,
    max_gap_ms: Sequence[Mapping[str, int]] | None = None,
) -> list[LifecycleState]:
    """The states after the chunks.

    Args:
        states: one for each battery, in any order; they are changed and given back.
        chunks: for each battery, what follows its state, in the order of folding.
        max_gap_ms: for each battery, the longest step that still counts as observed, by source; ten minutes
            where
            nothing is said.
    """
    todo: list[tuple[LifecycleState, list[Run], Mapping[str, int]]] = []
    for number, (state, own) in enumerate(zip(states, chunks, strict=True)):
        gaps = max_gap_ms[number] if max_gap_ms is not None else {}
        todo.append((state, runs(own), gaps))
    wave = 0
    while any(wave < len(parts) for _, parts, _ in todo):
        segments: list[_Segment] = []
        rows = 0
        for state, parts, gaps in todo:
            if wave >= len(parts):
                continue
            run = parts[wave]
            gap = gaps.get(run.source, reference.DEFAULT_GAP_MS)
            state.enter(run.source, run.epoch, absolute=run.absolute, max_gap_ms=gap)
            if len(run) < SPARSE_ROWS:
                reference.fold_run(state, run, gap)
                continue
            segments.append(_segment(state, run, gap))
            rows += len(run)
            if rows >= _WAVE_ROWS:
                _fold_wave(segments)
                segments, rows = [], 0
        if segments:
            _fold_wave(segments)
        wave += 1
    return list(states)


@dataclass
class _Segment:
    """One run of one battery as arrays; `overlap` is None when no row stands in covered time."""

    state: LifecycleState
    gap: int
    rows: Rows
    overlap: Bool | None
    absolute: bool


def _segment(state: LifecycleState, run: Run, gap: int) -> _Segment:
    parts = [rows_of(samples) for samples in run.parts]
    before = state.covered_before()
    overlaps = [_overlap(rows, before) for rows in parts]
    for samples, rows, overlap in zip(run.parts, parts, overlaps, strict=True):
        _say(state, samples, rows, overlap)
    state.rows += len(run)
    state.sequence = int(run.parts[-1].sequence[-1])
    overlap = None
    if any(part is not None for part in overlaps):
        overlap = np.concatenate(
            [
                part if part is not None else np.zeros(len(rows.timed), np.bool_)
                for part, rows in zip(overlaps, parts, strict=True)
            ]
        )
    return _Segment(state, gap, _together(parts), overlap, run.absolute)


def _overlap(rows: Rows, before: list[Stretch]) -> Bool | None:
    if not before:
        return None
    inside = np.zeros(len(rows.timed), np.bool_)
    for first, last in before:
        inside |= (rows.time_ms >= first) & (rows.time_ms <= last)
    inside &= rows.timed
    return inside if inside.any() else None


def _together(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return Rows(
        np.concatenate([rows.time_ms for rows in parts]),
        np.concatenate([rows.timed for rows in parts]),
        *(_concatenated(parts, name) for name in _SERIES),
    )


_SERIES = ("voltage", "current", "state_of_charge", "cell_lowest", "cell_highest", "coldest", "hottest")


def _concatenated(parts: Sequence[Rows], name: str) -> Series | None:
    series = [getattr(rows, name) for rows in parts]
    if all(one is None for one in series):
        return None
    values = [
        one.values if one is not None else np.zeros(len(rows.timed), np.int64)
        for one, rows in zip(series, parts, strict=True)
    ]
    valid = [
        one.valid if one is not None else np.zeros(len(rows.timed), np.bool_)
        for one, rows in zip(series, parts, strict=True)
    ]
    return Series(np.concatenate(values), np.concatenate(valid))


# What is kept of columns rather than of rows: counters and last words.


def _say(state: LifecycleState, samples: Samples, rows: Rows, overlap: Bool | None) -> None:
    found: list[tuple[int, str, Int64, Int64]] = []
    out = doubted(samples)
    for key, column in samples.columns.items():
        if column.origin is Origin.PLACEHOLDER:
            continue
        name = counter_name(key)
        last = is_last(key)
        if name is None and not last:
            continue
        valid = column.valid if overlap is None else column.valid & ~overlap
        if last and valid.any():
            at = len(valid) - 1 - int(np.argmax(valid[::-1]))
            reference.said_last(state, samples, key, column, row=at, stamp=_stamp(samples, at))
        if name is not None:
            low, high = BELIEVABLE["counter"]
            values = canonical(column.values, column.exponent, counter_exponent(name), low=low, high=high)
            valid = within(values, valid, low, high)
            if out and (avoid := out.get(str(key))):
                valid = valid & ~np.isin(samples.sequence, np.fromiter(avoid, np.int64, len(avoid)))
            where = np.flatnonzero(valid)
            if len(where):
                found.append((int(where[0]), name, where, values))
    for _, name, where, values in sorted(found, key=lambda counter: counter[:2]):
        _count(state, samples, name, where, values[where])
    for name, series, exponent in (
        ("cell_voltage_lowest", rows.cell_lowest, -3),
        ("cell_voltage_highest", rows.cell_highest, -3),
        ("coldest", rows.coldest, -1),
        ("hottest", rows.hottest, -1),
    ):
        if series is None:
            continue
        valid = series.valid if overlap is None else series.valid & ~overlap
        if valid.any():
            at = len(valid) - 1 - int(np.argmax(valid[::-1]))
            text = reference.decimal_text(int(series.values[at]), exponent)
            state.last[name] = Last(text, _stamp(samples, at))


def _stamp(samples: Samples, row: int) -> int | None:
    return int(samples.time_ms[row]) if samples.absolute and samples.timed[row] else None


def _count(state: LifecycleState, samples: Samples, name: str, where: Int64, values: Int64) -> None:
    state.count(name, int(values[0]), _stamp(samples, int(where[0])))
    counter = state.counters.get(name)
    if counter is None:
        return
    for fall in np.flatnonzero(np.diff(values) < 0).tolist():
        counter.last = int(values[fall])
        counter.say(int(values[fall + 1]), None)
    counter.last = int(values[-1])
    counter.time_ms = _stamp(samples, int(where[-1]))


# What is kept of rows: one flat array over all segments of a wave.


@dataclass
class _Flat:
    """Rows that count (with a time, outside covered time) of all segments, and what separates them.

    Attributes:
        segments: the segments.
        count: rows of each segment, counting or not.
        keep: which of all rows count; None when all do.
        time: of the rows that count.
        owner: segment of each row that counts.
        barrier: grows at every row that no interval may reach across.
        barrier_start: value of `barrier` before each segment's first row.
        barrier_end: value that a point must have to be carried on; -1 where nothing is.
    """

    segments: list[_Segment]
    count: Int64
    keep: Bool | None
    time: Int64
    owner: Int64
    barrier: Int64 | None
    barrier_start: Int64
    barrier_end: Int64


def _fold_wave(segments: list[_Segment]) -> None:
    count = np.array([len(segment.rows.timed) for segment in segments], np.int64)
    starts = np.concatenate(([0], np.cumsum(count)[:-1]))
    time = _cat([segment.rows.time_ms for segment in segments])
    timed = _cat([segment.rows.timed for segment in segments])
    together = [_flat_series(segments, name) for name in _SERIES]
    series = dict(zip(_SERIES, together, strict=True))
    _extremes(segments, series, starts, time, timed)
    overlap = None
    if any(segment.overlap is not None for segment in segments):
        overlap = np.concatenate(
            [
                segment.overlap
                if segment.overlap is not None
                else np.zeros(len(segment.rows.timed), np.bool_)
                for segment in segments
            ]
        )
    flat = _clock(segments, count, time, timed, overlap)
    if flat is None:
        return
    _integrals(flat, series)
    _residence(flat, series)


_Array = TypeVar("_Array", Int64, Bool)


def _cat(arrays: list[_Array]) -> _Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _flat_series(segments: list[_Segment], name: str) -> Series | None:
    if len(segments) == 1:
        found: Series | None = getattr(segments[0].rows, name)
        return found
    return _concatenated([segment.rows for segment in segments], name)


def _extremes(
    segments: list[_Segment], series: dict[str, Series | None], starts: Int64, time: Int64, timed: Bool
) -> None:
    ends = np.append(starts[1:], len(time))
    for name, low, high in (
        ("voltage", "voltage", "voltage"),
        ("current", "current", "current"),
        ("cell_voltage", "cell_lowest", "cell_highest"),
        ("temperature", "coldest", "hottest"),
    ):
        for which, wanted, lowest in ((f"{name}_min", low, True), (f"{name}_max", high, False)):
            one = series[wanted]
            if one is None:
                continue
            missing = np.iinfo(np.int64).max if lowest else _NONE
            values = one.values if one.valid.all() else np.where(one.valid, one.values, missing)
            reduce = np.minimum if lowest else np.maximum
            best = reduce.reduceat(values, starts).tolist()
            for at, value in enumerate(best):
                if value == missing:
                    continue
                state = segments[at].state
                known = state.extremes.get(which)
                if known is not None and (value >= known.value if lowest else value <= known.value):
                    continue
                begin = int(starts[at])
                row = begin + int(np.argmax(values[begin : ends[at]] == value))
                stamp = int(time[row]) if segments[at].absolute and timed[row] else None
                state.extremes[which] = Extreme(value, stamp)


def _clock(
    segments: list[_Segment], count: Int64, time: Int64, timed: Bool, overlap: Bool | None
) -> _Flat | None:
    """Fold the clock of all segments; what the series need afterwards. None when no row counts."""
    all_timed = bool(timed.all())
    owner = np.repeat(np.arange(len(segments)), count)
    keep: Bool | None = None
    if not all_timed or overlap is not None:
        keep = timed if overlap is None else timed & ~overlap
        untimed = np.bincount(owner[~timed], minlength=len(segments))
        for segment, number in zip(segments, untimed.tolist(), strict=True):
            segment.state.untimed += number
    covered: Int64 | None = None
    if overlap is not None:
        # How many covered rows came before each row: two counting rows with another number are kept apart.
        covered = np.cumsum(overlap)
        number = np.bincount(owner[overlap], minlength=len(segments))
        for segment, rows in zip(segments, number.tolist(), strict=True):
            segment.state.overlapping += rows
    ends = np.cumsum(count) - 1
    covered_start = np.zeros(len(segments), np.int64)
    covered_end = covered_start
    if covered is not None:
        covered_end = covered[ends]
        covered_start = np.concatenate(([0], covered_end[:-1]))
    if keep is not None:
        owner_all, time_all = owner, time
        owner, time = owner_all[keep], time_all[keep]
        covered = covered[keep] if covered is not None else None
    present, first = (
        np.unique(owner, return_index=True)
        if keep is not None
        else (np.arange(len(segments)), ends - count + 1)
    )
    _only_covered(segments, present, covered_start, covered_end)
    if not len(present):
        return None
    gap = np.array([segment.gap for segment in segments], np.int64)
    previous = np.empty_like(time)
    previous[1:] = time[:-1]
    clocks = [segments[at].state.boundary.clock for at in present.tolist()]
    previous[first] = [clock if clock is not None else 0 for clock in clocks]
    step = time - previous
    begins = np.zeros(len(time), np.bool_)  # nothing before it to take a step from
    begins[first] = [clock is None for clock in clocks]
    if covered is not None:
        before = np.empty_like(covered)
        before[1:] = covered[:-1]
        before[first] = covered_start[present]
        begins |= covered != before
    across = np.zeros(len(time), np.bool_)
    across[first] = [segments[at].state.across for at in present.tolist()]
    across &= ~begins
    step[begins] = 0
    back = (step < 0) & ~across
    longest = gap[owner] if len(segments) > 1 else gap[0]
    unknown = ((step > longest) | across) & (step > 0)
    observed = np.where(unknown | (step < 0), 0, step)
    _write_clock(segments, present, first, observed=observed, unknown=np.where(unknown, step, 0), back=back)
    _stretches(segments, present, first, time, begins | back | unknown | across)
    hard = back if covered is None else back | (covered != before)
    barrier: Int64 | None = None
    barrier_start = np.zeros(len(segments), np.int64)
    barrier_end = np.zeros(len(segments), np.int64)
    if hard.any():
        barrier = np.cumsum(hard)
        last = np.append(first[1:], len(time)) - 1
        barrier_end[present] = barrier[last]
        barrier_start[present] = np.concatenate(([0], barrier[last][:-1]))
    last = np.append(first[1:], len(time)) - 1
    trailing = np.zeros(len(segments), np.bool_)
    if covered is not None:
        trailing[present] = covered[last] != covered_end[present]
    for at, row in zip(present.tolist(), last.tolist(), strict=True):
        state = segments[at].state
        state.across = False
        state.boundary.clock = int(time[row])
        if trailing[at]:
            state.close_stretch()
            state.boundary.clock = None
            barrier_end[at] = -1
    return _Flat(segments, count, keep, time, owner, barrier, barrier_start, barrier_end)


def _only_covered(segments: list[_Segment], present: Int64, start: Int64, end: Int64) -> None:
    """Segments without a row that counts; one with covered rows forgets where it was."""
    if len(present) == len(segments):
        return
    counting = set(present.tolist())
    for at, segment in enumerate(segments):
        if at not in counting and start[at] != end[at]:
            segment.state.break_here()


def _write_clock(
    segments: list[_Segment], present: Int64, first: Int64, *, observed: Int64, unknown: Int64, back: Bool
) -> None:
    seen = np.add.reduceat(observed, first).tolist()
    unseen = np.add.reduceat(unknown, first).tolist()
    backs = np.add.reduceat(back.astype(np.int64), first).tolist()
    for number, at in enumerate(present.tolist()):
        state = segments[at].state
        state.observed_ms += seen[number]
        state.unknown_ms += unseen[number]
        if segments[at].absolute:
            state.backwards += backs[number]
        else:
            state.restarts += backs[number]


def _stretches(segments: list[_Segment], present: Int64, first: Int64, time: Int64, cut: Bool) -> None:
    """Observed stretches of absolute time: they end where the next row begins anew."""
    low = np.minimum.reduceat(time, first).tolist()
    high = np.maximum.reduceat(time, first).tolist()
    last = (np.append(first[1:], len(time)) - 1).tolist()
    cuts = np.flatnonzero(cut)
    bounds = np.searchsorted(cuts, np.append(first, len(time))).tolist()
    for number, at in enumerate(present.tolist()):
        if not segments[at].absolute:
            continue
        state = segments[at].state
        state.first_ms = low[number] if state.first_ms is None else min(state.first_ms, low[number])
        state.last_ms = high[number] if state.last_ms is None else max(state.last_ms, high[number])
        begin = int(first[number])
        opened = state.open[0] if state.open is not None else int(time[begin])
        for row in cuts[bounds[number] : bounds[number + 1]].tolist():
            if row > begin:
                state.open = (opened, int(time[row - 1]))
            state.close_stretch()
            opened = int(time[row])
        state.open = (opened, int(time[last[number]]))


@dataclass
class _Steps:
    """Intervals of one series: from the point before in the same segment, or from the state's boundary.

    Attributes:
        rows: index of each point among the rows that count; None when every row is a point.
        present, first: segments that have points, and where they begin.
        time, step: of each point; `step` is 0 where no interval ends.
        carried: for each segment present, whether its boundary is the point before.
    """

    rows: Int64 | None
    present: Int64
    first: Int64
    last: Int64
    time: Int64
    step: Int64
    carried: list[bool]


def _steps(flat: _Flat, points: Bool | None, boundaries: list[int | None]) -> _Steps | None:
    """Intervals between the rows where `points` is True.

    Args:
        flat: the wave.
        points: over rows that count; None when all are points.
        boundaries: time of the boundary by segment; None where there is none.
    """
    if points is None:
        rows, time, owner, barrier = None, flat.time, flat.owner, flat.barrier
    else:
        rows = np.flatnonzero(points)
        time, owner = flat.time[rows], flat.owner[rows]
        barrier = flat.barrier[rows] if flat.barrier is not None else None
    if not len(time):
        return None
    first = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    present = owner[first]
    previous = np.empty_like(time)
    previous[1:] = time[:-1]
    previous[first] = [boundaries[at] or 0 for at in present.tolist()]
    step = time - previous
    carried = [boundaries[at] is not None for at in present.tolist()]
    apart = np.zeros(len(time), np.bool_)
    apart[first] = [not one for one in carried]
    if barrier is not None:
        before = np.empty_like(barrier)
        before[1:] = barrier[:-1]
        before[first] = flat.barrier_start[present]
        apart |= barrier != before
    if len(flat.segments) > 1:
        longest = np.array([segment.gap for segment in flat.segments], np.int64)[owner]
    else:
        longest = np.array(flat.segments[0].gap)
    apart |= (step > longest) | (step < 0)
    step[apart] = 0
    last = np.append(first[1:], len(time)) - 1
    return _Steps(rows, present, first, last, time, step, carried)


def _carried_on(flat: _Flat, steps: _Steps | None) -> list[int]:
    """By segment, which point is the next boundary; -1 keeps the old one, -2 leaves none."""
    fate = np.full(len(flat.segments), -1, np.int64)
    # A barrier anywhere in the segment spoils what was carried into it.
    fate[flat.barrier_start != flat.barrier_end] = -2
    if steps is not None:
        fate[steps.present] = steps.last
        if flat.barrier is not None or (flat.barrier_end == -1).any():
            barrier = np.zeros(len(steps.last), np.int64)
            if flat.barrier is not None:
                at = steps.last if steps.rows is None else steps.rows[steps.last]
                barrier = flat.barrier[at]
            lost = barrier != flat.barrier_end[steps.present]
            fate[steps.present[lost]] = -2
    return [int(one) for one in fate.tolist()]


def _counting(flat: _Flat, series: Series | None) -> Series | None:
    if series is None or flat.keep is None:
        return series
    return Series(series.values[flat.keep], series.valid[flat.keep])


def _points(*valid: Bool) -> Bool | None:
    """Rows where all are valid; None when that is every row."""
    both = valid[0]
    for one in valid[1:]:
        both = both & one
    return None if both.all() else both


def _integrals(flat: _Flat, series: dict[str, Series | None]) -> None:
    states = [segment.state for segment in flat.segments]
    current, voltage = _counting(flat, series["current"]), _counting(flat, series["voltage"])
    steps = area_in = area_out = None
    values = None
    if current is not None:
        points = _points(current.valid)
        steps = _steps(flat, points, [s.boundary.current[0] if s.boundary.current else None for s in states])
        if steps is not None:
            values = current.values if steps.rows is None else current.values[steps.rows]
            carried = [states[at].boundary.current for at in steps.present.tolist()]
            area_in, area_out = integrate(
                values, steps.step, steps.first, [c[1] if c else 0 for c in carried]
            )
            spent = np.add.reduceat(steps.step, steps.first).tolist()
            for number, at in enumerate(steps.present.tolist()):
                states[at].charge_in += area_in[number]
                states[at].charge_out += area_out[number]
                states[at].charge_ms += spent[number]
    for at, row in enumerate(_carried_on(flat, steps)):
        if row >= 0 and steps is not None and values is not None:
            states[at].boundary.current = (int(steps.time[row]), int(values[row]))
        elif row == -2:
            states[at].boundary.current = None
    steps, values = None, None
    if current is not None and voltage is not None:
        points = _points(current.valid, voltage.valid)
        steps = _steps(flat, points, [s.boundary.power[0] if s.boundary.power else None for s in states])
        if steps is not None:
            values = (
                current.values * voltage.values
                if steps.rows is None
                else (current.values[steps.rows] * voltage.values[steps.rows])
            )
            carried = [states[at].boundary.power for at in steps.present.tolist()]
            area_in, area_out = integrate(
                values, steps.step, steps.first, [c[1] if c else 0 for c in carried]
            )
            spent = np.add.reduceat(steps.step, steps.first).tolist()
            for number, at in enumerate(steps.present.tolist()):
                states[at].energy_in += area_in[number]
                states[at].energy_out += area_out[number]
                states[at].energy_ms += spent[number]
    for at, row in enumerate(_carried_on(flat, steps)):
        if row >= 0 and steps is not None and values is not None:
            states[at].boundary.power = (int(steps.time[row]), int(values[row]))
        elif row == -2:
            states[at].boundary.power = None


def integrate(
    values: Int64, step: Int64, first: Int64, carried: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Twice the trapezoid sums of each segment: what went in, and what went out (both positive), exactly.

    Args:
        values: of each point.
        step: ms since the point before; 0 where no interval ends.
        first: where the segments begin.
        carried: for each segment, the value at the point before its first.
    """
    pair = np.empty_like(values)
    np.add(values[1:], values[:-1], out=pair[1:])
    pair[first] = values[first] + np.array(carried, np.int64)
    largest = max(abs(int(pair.min())), abs(int(pair.max())))
    longest = int(step.max())
    if largest * longest >= _SAFE:
        return _integrate_long(pair, step, first)
    area = pair * step
    entering = np.maximum(area, 0)
    if largest * longest * len(area) < _SAFE:
        whole = np.add.reduceat(area, first).tolist()
        into = np.add.reduceat(entering, first).tolist()
    else:
        whole, into = _halves(area, first), _halves(entering, first)
    return into, [part - total for part, total in zip(into, whole, strict=True)]


def _halves(area: Int64, first: Int64) -> list[int]:
    high = np.add.reduceat(area >> 32, first).tolist()
    low = np.add.reduceat(area & 0xFFFFFFFF, first).tolist()
    return [(upper << 32) + lower for upper, lower in zip(high, low, strict=True)]


def _integrate_long(pair: Int64, step: Int64, first: Int64) -> tuple[list[int], list[int]]:
    into: list[int] = []
    out: list[int] = []
    for begin, end in pairwise([*first.tolist(), len(pair)]):
        areas = [a * b for a, b in zip(pair[begin:end].tolist(), step[begin:end].tolist(), strict=True)]
        into.append(sum(area for area in areas if area > 0))
        out.append(-sum(area for area in areas if area < 0))
    return into, out


def _residence(flat: _Flat, series: dict[str, Series | None]) -> None:
    states = [segment.state for segment in flat.segments]
    hot, cold = _counting(flat, series["hottest"]), _counting(flat, series["coldest"])
    charge = _counting(flat, series["state_of_charge"])
    hot_bin = _temperature_bins(hot)
    cold_bin = hot_bin if cold is hot or _same(cold, hot) else _temperature_bins(cold)
    steps = None
    if hot_bin is not None or cold_bin is not None:
        some = [bins >= 0 for bins in (hot_bin, cold_bin) if bins is not None]
        points = _points(some[0] | some[-1])
        boundaries = [s.boundary.temperature[0] if s.boundary.temperature else None for s in states]
        steps = _steps(flat, points, boundaries)
    hots = colds = None
    if steps is not None:
        none = np.full(len(steps.time), -1, np.int64)
        hots = none if hot_bin is None else hot_bin if steps.rows is None else hot_bin[steps.rows]
        colds = none if cold_bin is None else cold_bin if steps.rows is None else cold_bin[steps.rows]
        carried = [states[at].boundary.temperature or (0, -1, -1) for at in steps.present.tolist()]
        bins = len(TEMPERATURE_EDGES) + 1
        _spend(
            steps, hots, [one[1] for one in carried], [states[at].hot for at in steps.present.tolist()], bins
        )
        _spend(
            steps,
            colds,
            [one[2] for one in carried],
            [states[at].cold for at in steps.present.tolist()],
            bins,
        )
    for at, row in enumerate(_carried_on(flat, steps)):
        if row >= 0 and steps is not None and hots is not None and colds is not None:
            states[at].boundary.temperature = (int(steps.time[row]), int(hots[row]), int(colds[row]))
        elif row == -2:
            states[at].boundary.temperature = None
    steps, where = None, None
    if hot is not None and hot_bin is not None and charge is not None:
        points = _points(hot.valid, charge.valid)
        steps = _steps(
            flat, points, [s.boundary.residence[0] if s.boundary.residence else None for s in states]
        )
        if steps is not None:
            tenths = charge.values if steps.rows is None else charge.values[steps.rows]
            row_bins = hot_bin if steps.rows is None else hot_bin[steps.rows]
            where = row_bins * CHARGE_BINS + np.clip(tenths // 100, 0, CHARGE_BINS - 1)
            before = [states[at].boundary.residence or (0, -1) for at in steps.present.tolist()]
            targets = [states[at].residence for at in steps.present.tolist()]
            _spend(
                steps, where, [one[1] for one in before], targets, (len(TEMPERATURE_EDGES) + 1) * CHARGE_BINS
            )
    for at, row in enumerate(_carried_on(flat, steps)):
        if row >= 0 and steps is not None and where is not None:
            states[at].boundary.residence = (int(steps.time[row]), int(where[row]))
        elif row == -2:
            states[at].boundary.residence = None


def _same(one: Series | None, other: Series | None) -> bool:
    if one is None or other is None:
        return False
    return one.values is other.values and one.valid is other.valid


def _temperature_bins(series: Series | None) -> Int64 | None:
    """Bin by row, -1 where there is no value."""
    if series is None:
        return None
    bins = np.searchsorted(_EDGES, series.values, side="right").astype(np.int64)
    if not series.valid.all():
        bins[~series.valid] = -1
    return bins


def _spend(
    steps: _Steps, bins: Int64, carried: list[int], targets: list[dict[int, int]], number: int
) -> None:
    """Give each step to the bin in which it began."""
    began = np.empty_like(bins)
    began[1:] = bins[:-1]
    began[steps.first] = carried
    place = began + np.repeat(np.arange(len(targets)) * number, np.diff(np.append(steps.first, len(bins))))
    spent = steps.step
    wanted = (began >= 0) & (spent > 0)
    if not wanted.all():
        place, spent = place[wanted], spent[wanted]
    # Weights are floats, and exact: steps are at most an hour, so sums stay below 2**53.
    if len(targets) * number <= 4 * len(place) + 1024:
        sums = np.bincount(place, weights=spent, minlength=0)
        filled = np.flatnonzero(sums)
        pairs = zip(filled.tolist(), sums[filled].astype(np.int64).tolist(), strict=True)
    else:
        filled, which = np.unique(place, return_inverse=True)
        sums = np.bincount(which, weights=spent)
        pairs = zip(filled.tolist(), sums.astype(np.int64).tolist(), strict=True)
    for key, amount in pairs:
        target, where = targets[key // number], key % number
        target[where] = target.get(where, 0) + amount
