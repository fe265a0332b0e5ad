"""The folding across many batteries at once: NumPy on integers, in segments of a battery and an epoch.

It gives the same bytes as `reference`, whose rules it follows; where few rows come, `reference` does the work
itself.

All rows of a wave (at most one run of each battery) stand in flat arrays. An interval runs from the row
before in the same segment, or from the boundary that the state carries; `reduceat` sums each segment.
Products that outgrow 64 bits are summed in two halves, or by Python's integers where even one of them does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from passport.lifecycle import reference
from passport.lifecycle.arrays import (
    Flat,
    Segment,
    Steps,
    at_points,
    common,
    counting,
    integrate,
    points_left,
    steps_of,
)
from passport.lifecycle.basis import NOTHING_DECLARED, Basis
from passport.lifecycle.gather import (
    Rows,
    Run,
    Series,
    Signature,
    canonical,
    cell_of,
    counter_exponent,
    counter_name,
    doubted,
    is_last,
    rows_of,
    runs,
    side_by_side,
    trusted,
    within,
)
from passport.lifecycle.parts import PARTS
from passport.lifecycle.shape import (
    BELIEVABLE,
    CHARGE_BINS,
    TEMPERATURE_EDGES,
    Extreme,
    Last,
    LifecycleState,
)
from schemas.samples import Bool, Chunk, Column, ColumnKey, Int64
from schemas.terms import Origin

# Where few rows of few batteries come, arrays cost more than they save.
SPARSE_ROWS = 24
SPARSE_BATTERIES = 8
_ALONE_ROWS = 4096
_GROUP_ROWS = 1 << 16
_EDGES = np.array(TEMPERATURE_EDGES, np.int64)


def fold(
    states: Sequence[LifecycleState],
    chunks: Sequence[Sequence[Chunk]],
    *,
    max_gap_ms: Sequence[Mapping[str, int]] | None = None,
    basis: Sequence[Basis] | None = None,
) -> list[LifecycleState]:
    """The states after the chunks.

    Args:
        states: one for each battery, in any order; they are changed and given back.
        chunks: for each battery, what follows its state, in the order of folding.
        max_gap_ms: for each battery, the longest step that still counts as observed, by source; ten minutes
            where nothing is said.
        basis: for each battery, what is declared of it; nothing where none is given.
    """
    todo: list[tuple[LifecycleState, list[Run], Mapping[str, int], Basis]] = []
    for number, (state, own) in enumerate(zip(states, chunks, strict=True)):
        gaps = max_gap_ms[number] if max_gap_ms is not None else {}
        known = basis[number] if basis is not None else NOTHING_DECLARED
        state.begin(known)
        todo.append((state, runs(own), gaps, known))
    wave = 0
    while todo:
        todo = [one for one in todo if wave < len(one[1])]
        alike: dict[Signature, list[Segment]] = {}
        group: list[Segment] = []
        latest: Signature = ()
        for state, parts, gaps, known in todo:
            run = parts[wave]
            gap = gaps.get(run.source, reference.DEFAULT_GAP_MS)
            state.enter(run.source, run.epoch, absolute=run.samples.absolute, max_gap_ms=gap)
            rows = len(run.samples)
            if rows < SPARSE_ROWS and len(todo) < SPARSE_BATTERIES:
                reference.fold_rows(state, run.samples, gap, known)
            elif rows >= _ALONE_ROWS:
                _fold_group([Segment(state, gap, run.samples, known)])
            else:
                if run.signature != latest:  # hashing column names is dear; most neighbours are alike
                    latest = run.signature
                    group = alike.setdefault(latest, [])
                group.append(Segment(state, gap, run.samples, known))
        for group in alike.values():
            for some in _by_rows(group):
                _fold_group(some)
        wave += 1
    return list(states)


def _by_rows(group: list[Segment]) -> Iterator[list[Segment]]:
    """Portions that stay in the cache."""
    some: list[Segment] = []
    rows = 0
    for segment in group:
        some.append(segment)
        rows += len(segment.samples)
        if rows >= _GROUP_ROWS:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _fold_group(segments: list[Segment]) -> None:
    """Fold segments with the same columns; each state is in at most one of them."""
    lengths = [len(segment.samples) for segment in segments]
    count = np.array(lengths, np.int64)
    ends = np.cumsum(count)
    starts = ends - count
    time, timed, columns = side_by_side([segment.samples for segment in segments])
    distrusted = _distrusted(segments, starts)
    rows = rows_of(time, timed, columns, distrusted)
    overlap = _overlap(segments, starts, ends, time, timed)
    for segment, length in zip(segments, lengths, strict=True):
        segment.state.rows += length
        segment.state.sequence = int(segment.samples.sequence[-1])
    _extremes(segments, rows, starts, ends)
    said = _Said(segments, time, timed, overlap, starts, ends)
    _count(said, columns, distrusted)
    _last_words(said, columns, rows)
    flat = _clock(segments, count, time, timed, overlap)
    if flat is not None:
        for part in PARTS:
            part.take_wave(flat, rows)
        _integrals(flat, rows)
        _residence(flat, rows)


def _distrusted(segments: list[Segment], starts: Int64) -> dict[str, list[int]]:
    """By column, places of rows whose value is not used."""
    found: dict[str, list[int]] = {}
    for segment, start in zip(segments, starts.tolist(), strict=True):
        if not segment.samples.notes:
            continue
        for name, sequences in doubted(segment.samples).items():
            at = np.searchsorted(segment.samples.sequence, sorted(sequences))
            found.setdefault(name, []).extend((at + start).tolist())
    return found


def _overlap(segments: list[Segment], starts: Int64, ends: Int64, time: Int64, timed: Bool) -> Bool | None:
    """Rows in time that was covered before; None when there are none."""
    inside: Bool | None = None
    for segment, start, end in zip(segments, starts.tolist(), ends.tolist(), strict=True):
        for first, last in segment.state.covered_before():
            if inside is None:
                inside = np.zeros(len(time), np.bool_)
            own = time[start:end]
            inside[start:end] |= (own >= first) & (own <= last)
    if inside is None:
        return None
    inside &= timed
    return inside if inside.any() else None


# What is kept of columns rather than of intervals: counters and last words.


@dataclass(frozen=True)
class _Said:
    """Segments side by side, and how to tell when something was said."""

    segments: list[Segment]
    time: Int64
    timed: Bool
    overlap: Bool | None
    starts: Int64
    ends: Int64

    def stamp(self, at: int, row: int) -> int | None:
        """Absolute time of a row of segment `at`; None without one."""
        return int(self.time[row]) if self.segments[at].absolute and self.timed[row] else None

    def rows(self, valid: Bool) -> Bool:
        """The rows among `valid` that still count."""
        return valid if self.overlap is None else valid & ~self.overlap

    def last(self, series: Series) -> Iterator[tuple[int, int, int, int | None]]:
        """Segment, row, value and time of the last row that counts, where one does."""
        counting = self.rows(series.valid)
        rows = self.ends - 1
        if not counting[rows].all():
            marks = np.where(counting, np.arange(len(counting)), -1)
            rows = np.maximum.reduceat(marks, self.starts)
        absolute = self.segments[0].absolute  # part of the signature that all segments share
        times, timed = self.time[rows].tolist(), self.timed[rows].tolist()
        values = series.values[rows].tolist()
        for at, row in enumerate(rows.tolist()):
            if row >= 0:
                yield at, row, values[at], times[at] if absolute and timed[at] else None


def _last_words(said: _Said, columns: Mapping[ColumnKey, Column], rows: Rows) -> None:
    for key, column in columns.items():
        if not is_last(key) or column.origin is Origin.PLACEHOLDER:
            continue
        if key.quantity == reference.HEALTH:
            _same_health(said, column)
        for at, row, value, stamp in said.last(Series(column.values, column.valid)):
            segment = said.segments[at]
            if segment.samples.notes:
                own = row - int(said.starts[at])
                whose = segment.samples.columns[key]
                reference.said_last(segment.state, segment.samples, key, whose, row=own, stamp=stamp)
            else:
                segment.state.last[key.quantity] = Last(reference.decimal_text(value, column.exponent), stamp)
    for name, series, exponent in (
        ("cell_voltage_lowest", rows.cell_lowest, -3),
        ("cell_voltage_highest", rows.cell_highest, -3),
        ("coldest", rows.coldest, -1),
        ("hottest", rows.hottest, -1),
    ):
        if series is not None:
            for at, _, value, stamp in said.last(series):
                said.segments[at].state.last[name] = Last(reference.decimal_text(value, exponent), stamp)


def _same_health(said: _Said, column: Column) -> None:
    """In how many rows on end each battery was said to be just as healthy."""
    counting = said.rows(column.valid)
    for segment, start, end in zip(said.segments, said.starts.tolist(), said.ends.tolist(), strict=True):
        own = column.values[start:end][counting[start:end]]
        if len(own):
            others = np.flatnonzero(own != own[-1])
            alike = len(own) - 1 - int(others[-1]) if len(others) else len(own)
            text = reference.decimal_text(int(own[-1]), column.exponent)
            segment.state.say_health(text, alike, all_of_them=not len(others))


def _count(said: _Said, columns: Mapping[ColumnKey, Column], distrusted: Mapping[str, list[int]]) -> None:
    # A bounded number of event kinds is kept, first come, first served: counters begin in order of rows.
    begun: list[tuple[int, int, str, Int64, Int64]] = []
    low, high = BELIEVABLE["counter"]
    for key, column in columns.items():
        name = counter_name(key)
        if name is None or column.origin is Origin.PLACEHOLDER:
            continue
        values = canonical(column.values, column.exponent, counter_exponent(name), low=low, high=high)
        valid = said.rows(within(values, column.valid, low, high))
        valid = trusted(valid, distrusted.get(str(key)))
        where = np.flatnonzero(valid)
        bounds = np.searchsorted(where, np.append(said.starts, len(values))).tolist()
        begun.extend(
            (at, int(where[begin]), name, where[begin:end], values)
            for at, (begin, end) in enumerate(pairwise(bounds))
            if begin < end
        )
    for at, _, name, where, values in sorted(begun, key=lambda one: one[:3]):
        _count_one(said, at, name, where, values[where])


def _count_one(said: _Said, at: int, name: str, where: Int64, values: Int64) -> None:
    state = said.segments[at].state
    state.count(name, int(values[0]), said.stamp(at, int(where[0])))
    counter = state.counters.get(name)
    if counter is None:
        return
    for fall in np.flatnonzero(values[1:] < values[:-1]).tolist():
        counter.last = int(values[fall])
        counter.say(int(values[fall + 1]), None)
    counter.last = int(values[-1])
    counter.time_ms = said.stamp(at, int(where[-1]))


def _extremes(segments: list[Segment], rows: Rows, starts: Int64, ends: Int64) -> None:
    for name, low, high in (
        ("voltage", rows.voltage, rows.voltage),
        ("current", rows.current, rows.current),
        ("cell_voltage", rows.cell_lowest, rows.cell_highest),
        ("temperature", rows.coldest, rows.hottest),
    ):
        for which, series, lowest in ((f"{name}_min", low, True), (f"{name}_max", high, False)):
            if series is None:
                continue
            missing = np.iinfo(np.int64).max if lowest else np.iinfo(np.int64).min
            values = series.values if series.valid.all() else np.where(series.valid, series.values, missing)
            best = (np.minimum if lowest else np.maximum).reduceat(values, starts)
            further = [
                at
                for at, value in enumerate(best.tolist())
                if value != missing
                and (
                    (known := segments[at].state.extremes.get(which)) is None
                    or (value < known.value if lowest else value > known.value)
                )
            ]
            if further:
                where = _first_rows(values, best, starts, ends, further)
                for at, row in zip(further, where, strict=True):
                    stamped = segments[at].absolute and rows.timed[row]
                    stamp = int(rows.time_ms[row]) if stamped else None
                    value, cell = int(best[at]), None
                    if name == "cell_voltage":
                        own = row - int(starts[at])
                        cell = cell_of(segments[at].samples, own, value, lowest=lowest)
                    segments[at].state.extremes[which] = Extreme(value, stamp, cell)


def _first_rows(values: Int64, best: Int64, starts: Int64, ends: Int64, wanted: list[int]) -> list[int]:
    """The first row of each wanted segment that shows its best value."""
    if len(wanted) * 64 < len(values):
        return [int(starts[at]) + int(np.argmax(values[starts[at] : ends[at]] == best[at])) for at in wanted]
    hits = np.flatnonzero(values == np.repeat(best, ends - starts))
    return hits[np.searchsorted(hits, starts[wanted])].tolist()  # type: ignore[no-any-return]


def _clock(
    segments: list[Segment], count: Int64, time: Int64, timed: Bool, overlap: Bool | None
) -> Flat | None:
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
    gaps = {segment.gap for segment in segments}
    gap = gaps.pop() if len(gaps) == 1 else np.array([segment.gap for segment in segments], np.int64)
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
    longest = gap if isinstance(gap, int) else gap[owner]
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
    return Flat(segments, count, keep, time, owner, present, first, gap, barrier, barrier_start, barrier_end)


def _only_covered(segments: list[Segment], present: Int64, start: Int64, end: Int64) -> None:
    """Segments without a row that counts; one with covered rows forgets where it was."""
    if len(present) == len(segments):
        return
    counting = set(present.tolist())
    for at, segment in enumerate(segments):
        if at not in counting and start[at] != end[at]:
            segment.state.break_here()


def _write_clock(
    segments: list[Segment], present: Int64, first: Int64, *, observed: Int64, unknown: Int64, back: Bool
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


def _stretches(segments: list[Segment], present: Int64, first: Int64, time: Int64, cut: Bool) -> None:
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


def _integrals(flat: Flat, rows: Rows) -> None:
    states = [segment.state for segment in flat.segments]
    current, voltage = counting(flat, rows.current), counting(flat, rows.voltage)
    if current is None:
        for boundary, _ in points_left(flat, None):
            boundary.current = boundary.power = None
        return
    before = [state.boundary.current for state in states]
    steps = steps_of(flat, common(current.valid), [one[0] if one else None for one in before])
    mine = at_points(current.values, steps)
    for state, area_in, area_out, spent in _areas(flat, steps, mine, before):
        state.charge_in += area_in
        state.charge_out += area_out
        state.charge_ms += spent
    for boundary, point in points_left(flat, steps, mine):
        boundary.current = (point[0], point[1]) if point else None
    if voltage is None:
        for boundary, _ in points_left(flat, None):
            boundary.power = None
        return
    before = [state.boundary.power for state in states]
    both = common(current.valid, voltage.valid)
    steps = steps_of(flat, both, [one[0] if one else None for one in before])
    mine = at_points(current.values, steps) * at_points(voltage.values, steps)
    for state, area_in, area_out, spent in _areas(flat, steps, mine, before):
        state.energy_in += area_in
        state.energy_out += area_out
        state.energy_ms += spent
    for boundary, point in points_left(flat, steps, mine):
        boundary.power = (point[0], point[1]) if point else None


def _areas(
    flat: Flat, steps: Steps | None, values: Int64, before: Sequence[tuple[int, int] | None]
) -> Iterator[tuple[LifecycleState, int, int, int]]:
    """By segment with points: its state, what went in and out, and over which time."""
    if steps is None:
        return
    present = steps.present.tolist()
    carried = [one[1] if (one := before[at]) else 0 for at in present]
    areas_in, areas_out = integrate(values, steps.step, steps.first, carried)
    spent = np.add.reduceat(steps.step, steps.first).tolist()
    for number, at in enumerate(present):
        yield flat.segments[at].state, areas_in[number], areas_out[number], spent[number]


def _residence(flat: Flat, rows: Rows) -> None:
    hot, cold = counting(flat, rows.hottest), counting(flat, rows.coldest)
    hot_bin = _temperature_bins(hot)
    cold_bin = hot_bin if _same(cold, hot) else _temperature_bins(cold)
    _temperatures(flat, hot_bin, cold_bin)
    charge = counting(flat, rows.state_of_charge)
    if hot is None or hot_bin is None or charge is None:
        for boundary, _ in points_left(flat, None):
            boundary.residence = None
        return
    before = [segment.state.boundary.residence for segment in flat.segments]
    steps = steps_of(flat, common(hot.valid, charge.valid), [one[0] if one else None for one in before])
    tenths = at_points(charge.values, steps)
    where = at_points(hot_bin, steps) * CHARGE_BINS + np.clip(tenths // 100, 0, CHARGE_BINS - 1)
    if steps is not None:
        present = steps.present.tolist()
        carried = [one[1] if (one := before[at]) else -1 for at in present]
        _spend(steps, where, carried, [flat.segments[at].state.residence for at in present])
    for boundary, point in points_left(flat, steps, where):
        boundary.residence = (point[0], point[1]) if point else None


def _temperatures(flat: Flat, hot_bin: Int64 | None, cold_bin: Int64 | None) -> None:
    some = [bins for bins in (hot_bin, cold_bin) if bins is not None]
    if not some:
        for boundary, _ in points_left(flat, None):
            boundary.temperature = None
        return
    before = [segment.state.boundary.temperature for segment in flat.segments]
    points = common((some[0] >= 0) if some[0] is some[-1] else (some[0] >= 0) | (some[-1] >= 0))
    steps = steps_of(flat, points, [one[0] if one else None for one in before])
    none = np.full(len(some[0]), -1, np.int64)
    hots = at_points(none if hot_bin is None else hot_bin, steps)
    colds = at_points(none if cold_bin is None else cold_bin, steps)
    if steps is not None:
        present = steps.present.tolist()
        states = [flat.segments[at].state for at in present]
        for bins, place in ((hots, 1), (colds, 2)):
            carried = [one[place] if (one := before[at]) else -1 for at in present]
            _spend(steps, bins, carried, [state.hot if place == 1 else state.cold for state in states])
    for boundary, point in points_left(flat, steps, hots, colds):
        boundary.temperature = (point[0], point[1], point[2]) if point else None


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


_BINS = (len(TEMPERATURE_EDGES) + 1) * CHARGE_BINS


def _spend(steps: Steps, bins: Int64, carried: list[int], targets: list[dict[int, int]]) -> None:
    """Give each step to the bin in which it began."""
    # Neighbouring steps mostly begin in one bin: each such stretch is summed at once.
    place = np.empty_like(bins)
    place[1:] = bins[:-1]
    place[steps.first] = carried
    change = np.empty(len(place), np.bool_)
    np.not_equal(place[1:], place[:-1], out=change[1:])
    change[steps.first] = True
    where = np.flatnonzero(change)
    spent = np.add.reduceat(steps.step, where)
    owner = np.searchsorted(steps.first, where, side="right") - 1
    began = place[where]
    wanted = (began >= 0) & (spent > 0)
    key = owner[wanted] * _BINS + began[wanted]
    found, which = np.unique(key, return_inverse=True)
    # Weights are floats, and exact: steps are at most an hour, so sums stay below 2**53.
    sums = np.bincount(which, weights=spent[wanted])
    for one, amount in zip(found.tolist(), sums.astype(np.int64).tolist(), strict=True):
        target, at = targets[one // _BINS], one % _BINS
        target[at] = target.get(at, 0) + amount
