"""Rows of a wave as flat arrays: what separates them, and how stretches of them are summed.

A *point* is a row that counts and has the values a series needs. A *piece* is a stretch of neighbouring
points of one segment with one code, with an unbroken step from each to the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from passport.lifecycle.basis import Basis
from passport.lifecycle.gather import Series
from passport.lifecycle.shape import Boundary, LifecycleState
from schemas.samples import Bool, Int64, Samples

_SAFE = 1 << 62


@dataclass
class Segment:
    """One run of one battery."""

    state: LifecycleState
    gap: int
    samples: Samples
    basis: Basis

    @property
    def absolute(self) -> bool:
        """Whether times count from 1970."""
        return self.samples.absolute


@dataclass
class Flat:
    """Rows that count (with a time, outside covered time) of all segments, and what separates them.

    Attributes:
        segments: the segments.
        count: rows of each segment, counting or not.
        keep: which of all rows count; None when all do.
        time: of the rows that count.
        owner: segment of each row that counts.
        present, first: segments with rows that count, and where they begin.
        gap: longest step, of all or by segment.
        barrier: grows at every row that no interval may reach across.
        barrier_start: value of `barrier` before each segment's first row.
        barrier_end: value that a point must have to be carried on; -1 where nothing is.
    """

    segments: list[Segment]
    count: Int64
    keep: Bool | None
    time: Int64
    owner: Int64
    present: Int64
    first: Int64
    gap: int | Int64
    barrier: Int64 | None
    barrier_start: Int64
    barrier_end: Int64


@dataclass
class Steps:
    """Intervals of one series: from the point before in the same segment, or from the state's boundary.

    Attributes:
        rows: index of each point among the rows that count; None when every row is a point.
        present, first, last: segments that have points, where they begin and end.
        time, step: of each point; `step` is 0 where no interval ends.
        joined: whether an unbroken step leads into each point.
    """

    rows: Int64 | None
    present: Int64
    first: Int64
    last: Int64
    time: Int64
    step: Int64
    joined: Bool


def steps_of(flat: Flat, points: Bool | None, boundaries: list[int | None]) -> Steps | None:
    """Intervals between the rows where `points` is True.

    Args:
        flat: the wave.
        points: over rows that count; None when all are points.
        boundaries: time of the boundary by segment; None where there is none.
    """
    rows = None
    time, first, present, barrier = flat.time, flat.first, flat.present, flat.barrier
    if points is not None:
        rows = np.flatnonzero(points)
        if not len(rows):
            return None
        time = flat.time[rows]
        owner = flat.owner[rows]
        first = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
        present = owner[first]
        barrier = flat.barrier[rows] if flat.barrier is not None else None
    step = np.empty_like(time)
    np.subtract(time[1:], time[:-1], out=step[1:])
    before = [boundaries[at] for at in present.tolist()]
    step[first] = time[first] - np.array([one if one is not None else 0 for one in before], np.int64)
    longest = flat.gap if isinstance(flat.gap, int) else flat.gap[flat.owner if rows is None else owner]
    counts = (step >= 0) & (step <= longest)
    counts[first] &= np.array([one is not None for one in before], np.bool_)
    if barrier is not None:
        crossed = np.empty(len(barrier), np.bool_)
        np.not_equal(barrier[1:], barrier[:-1], out=crossed[1:])
        crossed[first] = barrier[first] != flat.barrier_start[present]
        counts &= ~crossed
    step *= counts
    last = np.append(first[1:], len(time)) - 1
    return Steps(rows, present, first, last, time, step, counts)


def points_left(
    flat: Flat, steps: Steps | None, *values: Int64
) -> Iterator[tuple[Boundary, tuple[int, ...] | None]]:
    """The boundaries that change, each with its next point (time, then values); None leaves none."""
    # A barrier anywhere in a segment spoils what was carried into it.
    spoilt = flat.barrier_start != flat.barrier_end
    present: list[int] = []
    if steps is not None:
        present = steps.present.tolist()
        kept = np.ones(len(present), np.bool_)
        if flat.barrier is not None:
            at = steps.last if steps.rows is None else steps.rows[steps.last]
            kept = flat.barrier[at] == flat.barrier_end[steps.present]
        elif spoilt.any():
            kept = ~spoilt[steps.present]
        points = zip(
            steps.time[steps.last].tolist(), *(one[steps.last].tolist() for one in values), strict=True
        )
        for number, point, keep in zip(present, points, kept.tolist(), strict=True):
            yield flat.segments[number].state.boundary, point if keep else None
    if spoilt.any():
        for number in set(np.flatnonzero(spoilt).tolist()).difference(present):
            yield flat.segments[number].state.boundary, None


def counting(flat: Flat, series: Series | None) -> Series | None:
    """A series without the rows that do not count."""
    if series is None or flat.keep is None:
        return series
    return Series(series.values[flat.keep], series.valid[flat.keep])


def common(*valid: Bool) -> Bool | None:
    """Rows where all are valid; None when that is every row."""
    both = valid[0]
    for one in valid[1:]:
        both = both & one
    return None if both.all() else both


def at_points(values: Int64, steps: Steps | None) -> Int64:
    """Values of rows that count, at the points."""
    if steps is None:
        return values[:0]
    return values if steps.rows is None else values[steps.rows]


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
    return areas_of(doubled(values, first, carried), step, first)


def areas_of(pair: Int64, step: Int64, first: Int64) -> tuple[list[int], list[int]]:
    """Sums of `pair * step` of each stretch: the positive ones, and the negative ones as a positive sum."""
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


def doubled(values: Int64, first: Int64, carried: Sequence[int]) -> Int64:
    """Value before plus value now, for each point; `carried` is the value before each segment."""
    pair = np.empty_like(values)
    np.add(values[1:], values[:-1], out=pair[1:])
    pair[first] = values[first] + np.array(carried, np.int64)
    return pair


def before(values: Int64, first: Int64, carried: Sequence[int]) -> Int64:
    """The value of the point before; `carried` is the one before each segment."""
    found = np.empty_like(values)
    found[1:] = values[:-1]
    found[first] = carried
    return found


@dataclass
class Pieces:
    """Stretches of neighbouring points with one code.

    The step into a point belongs to that point, so what is summed over two halves of a piece is what is
    summed over the whole: a piece may be cut anywhere, and a state must come out the same.

    Attributes:
        owner: number of the segment of each piece.
        first, last: its first and last point.
        joined: whether an unbroken step leads into its first point.
    """

    owner: Int64
    first: Int64
    last: Int64
    joined: Bool

    def total(self, values: Int64) -> Int64:
        """Sum over each piece; it must fit into 64 bits."""
        return np.add.reduceat(values, self.first)

    def least(self, values: Int64) -> Int64:
        """Smallest value of each piece."""
        return np.minimum.reduceat(values, self.first)

    def most(self, values: Int64) -> Int64:
        """Largest value of each piece."""
        return np.maximum.reduceat(values, self.first)

    def first_where(self, wanted: Bool) -> Int64:
        """The first point of each piece where `wanted` holds; -1 where none does."""
        if wanted[self.first].all():
            return self.first
        beyond = len(wanted)
        found = self.least(np.where(wanted, np.arange(beyond), beyond))
        return np.where(found < beyond, found, -1)

    def last_where(self, wanted: Bool) -> Int64:
        """The last point of each piece where `wanted` holds; -1 where none does."""
        if wanted[self.last].all():
            return self.last
        return self.most(np.where(wanted, np.arange(len(wanted)), -1))


def pieces_of(steps: Steps, code: Int64) -> Pieces:
    """Points cut where the code changes, where a step is broken, and between segments."""
    cut = np.empty(len(code), np.bool_)
    np.not_equal(code[1:], code[:-1], out=cut[1:])
    cut[steps.first] = True
    cut |= ~steps.joined
    first = np.flatnonzero(cut)
    last = np.append(first[1:], len(code)) - 1
    at = np.searchsorted(steps.first, first, side="right") - 1
    return Pieces(steps.present[at], first, last, steps.joined[first])
