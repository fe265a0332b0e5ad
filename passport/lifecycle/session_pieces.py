"""From rows to the pieces that `sessions` takes: one by one, and by arrays over a wave.

Points are the rows with a current. The voltage that ends a direction is that of the highest cell while
charging and of the lowest while discharging, or the battery's by its cells in series where no cell is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from passport.lifecycle.arrays import (
    Flat,
    Pieces,
    Steps,
    areas_of,
    at_points,
    before,
    common,
    counting,
    pieces_of,
    points_left,
    steps_of,
)
from passport.lifecycle.basis import Basis
from passport.lifecycle.gather import Rows, Series
from passport.lifecycle.sessions import (
    WINDOW_EDGES,
    Piece,
    Sums,
    Windows,
    limit_of,
    shares,
    threshold_ma,
    together,
    unsteady,
)
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Bool, Int64

_SAFE = 1 << 62
ANEW_MV = 300
"""A cell's voltage that turns by more, at a current no smaller, begins anew: what lay between is not here."""
_MISSING = -(1 << 40)  # no series shows it
_NOTHING = Sums()

Directions = npt.NDArray[np.int8]


def take_row(
    state: LifecycleState, values: Mapping[str, int], time: int, max_gap_ms: int, basis: Basis
) -> None:
    """A piece of one row."""
    threshold = threshold_ma(basis)
    current = values.get("current")
    if current is None or threshold is None:
        return
    voltage = values.get("voltage")
    up, down, middle = _cell_mv(values, voltage, basis)
    direction = (current >= threshold) - (current <= -threshold)
    known = state.boundary.session
    step = time - known[0] if known is not None and known[0] is not None else -1
    joined = 0 <= step <= max_gap_ms
    if not joined or known is None:
        known, step = (time, 0, None, None, None), 0
    state.boundary.session = (time, current, voltage, up, down)
    _, ma, mv, *cell = known
    was_ma, was_mv = ma or 0, cell[0] if direction > 0 else cell[1]
    cell_mv = up if direction > 0 else down if direction < 0 else middle
    limit = limit_of(basis, direction)
    area = (was_ma + current) * step
    sums = Sums(max(area, 0), max(-area, 0), longest=step)
    if voltage is None or mv is None:
        sums.unpowered = step
    else:
        power = (mv * was_ma + voltage * current) * step
        sums.energy_in, sums.energy_out = max(power, 0), max(-power, 0)
    coldest, hottest = _temperatures(values)
    if coldest is not None and hottest is not None:
        sums.heat, sums.heat_ms = (coldest + hottest) * step, step
    was_direction = (was_ma >= threshold) - (was_ma <= -threshold)
    anew = False
    if direction and direction == was_direction and was_mv is not None and cell_mv is not None:
        anew = (was_mv - cell_mv) * direction > ANEW_MV and 10 * abs(current) >= 9 * abs(was_ma)
    was_mv = None if anew else was_mv
    entered = sums.moved(direction)
    entry = None
    if not direction or anew:
        entry, sums = sums, Sums()
    sums.coldest, sums.hottest = coldest, hottest
    windows: Windows = {}
    steady = direction and direction == was_direction
    if steady and step and was_mv is not None and cell_mv is not None:
        smallest, largest = sorted((abs(was_ma), abs(current)))
        edges = WINDOW_EDGES.get(basis.chemistry or "", ())
        for number, area in shares(edges, entered, was_mv, cell_mv):
            windows[number] = None if unsteady(smallest, largest) else (area, smallest, largest)
    spread = None
    if "cell_highest" in values and "cell_lowest" in values:
        spread = values["cell_highest"] - values["cell_lowest"]
    soc = values.get("state_of_charge")
    piece = Piece(
        direction,
        direction != 0 and limit is not None and cell_mv is not None and (cell_mv - limit) * direction >= 0,
        joined and not anew,
        time,
        time,
        sums,
        entry,
        entered,
        was_mv,
        cell_mv,
        cell_mv,
        cell_mv,
        abs(current),
        soc,
        soc,
        spread,
        windows,
    )
    state.sessions.take(piece, basis, (state.charge_in, state.charge_out), absolute=state.absolute)


def _cell_mv(
    values: Mapping[str, int], voltage: int | None, basis: Basis
) -> tuple[int | None, int | None, int | None]:
    """Voltage of the cell that ends charging, of the one that ends discharging, and between both."""
    lowest, highest = values.get("cell_lowest"), values.get("cell_highest")
    count = basis.in_series
    each = (2 * voltage + count) // (2 * count) if voltage is not None and count else None
    middle = each if lowest is None or highest is None else (lowest + highest) // 2
    return each if highest is None else highest, each if lowest is None else lowest, middle


def _temperatures(values: Mapping[str, int]) -> tuple[int | None, int | None]:
    """The coldest and hottest cell; the surroundings where no cell is read."""
    cold, hot = values.get("coldest"), values.get("hottest")
    if cold is None and hot is None:
        cold = hot = values.get("ambient")
    return hot if cold is None else cold, cold if hot is None else hot


def take_wave(flat: Flat, rows: Rows) -> None:
    """The pieces of all segments of a wave."""
    known = [segment.state.boundary.session for segment in flat.segments]
    thresholds = [threshold_ma(segment.basis) or 0 for segment in flat.segments]
    current = counting(flat, rows.current)
    steps = None
    if current is not None and any(thresholds):
        steps = steps_of(flat, common(current.valid), [one[0] if one else None for one in known])
    if current is None or steps is None:
        for boundary, _ in points_left(flat, None):
            boundary.session = None
        return
    points = _points(flat, rows, steps, at_points(current.values, steps), thresholds)
    code = (points.direction.astype(np.int64) + 1) * 2 + points.beyond
    pieces = pieces_of(steps, code + 6 * np.cumsum(points.anew) if points.anew.any() else code)
    moved = [(segment.state.charge_in, segment.state.charge_out) for segment in flat.segments]
    for owner, piece in _pieces(points, pieces, flat, rows):
        if thresholds[owner]:
            segment, (into, out) = flat.segments[owner], moved[owner]
            segment.state.sessions.take(piece, segment.basis, (into, out), absolute=segment.absolute)
            also = piece.entry or _NOTHING
            moved[owner] = (into + piece.sums.into + also.into, out + piece.sums.out + also.out)
    for boundary, point in points_left(flat, steps, points.ma, points.mv, points.up, points.down):
        boundary.session = None if point is None else (*point[:2], *map(_known, point[2:]))
    for segment, threshold in zip(flat.segments, thresholds, strict=True):
        if not threshold:
            segment.state.boundary.session = None


@dataclass
class _Points:
    """What pieces are made of, one entry per point; `_MISSING` where a value is.

    Attributes:
        steps: the intervals that lead to them.
        owner: segment.
        ma, mv: current and voltage; up, down, cell: of the cell that ends charging, of the one that ends
            discharging, of the one that ends what the point does.
        was_ma, was_mv, was_cell: of the point before, 0 or missing where no unbroken step leads from it;
            the cell is the one that ends what this point does.
        direction, was_direction: 1, -1 or 0.
        beyond: whether the cell is at or beyond the limit.
        anew: whether the step into it cannot be one of the same charge or discharge.
    """

    steps: Steps
    owner: Int64
    ma: Int64
    mv: Int64
    up: Int64
    down: Int64
    cell: Int64
    was_ma: Int64
    was_mv: Int64
    was_cell: Int64
    direction: Directions
    was_direction: Directions
    beyond: Bool
    anew: Bool


def _points(flat: Flat, rows: Rows, steps: Steps, ma: Int64, thresholds: list[int]) -> _Points:
    owner = np.repeat(steps.present, steps.last - steps.first + 1)
    known = [flat.segments[at].state.boundary.session for at in steps.present.tolist()]
    mv = _values(flat, rows.voltage, steps)
    each = _each(mv, _spread([segment.basis.in_series or 0 for segment in flat.segments], owner))
    up = down = middle = each
    if rows.cell_lowest is not None or rows.cell_highest is not None:
        lowest, highest = _values(flat, rows.cell_lowest, steps), _values(flat, rows.cell_highest, steps)
        up = np.where(highest == _MISSING, each, highest)
        down = np.where(lowest == _MISSING, each, lowest)
        both = (lowest != _MISSING) & (highest != _MISSING)
        middle = np.where(both, (lowest + highest) // 2, each)
    apart = np.flatnonzero(~steps.joined)

    def previous(values: Int64, place: int, none: int = _MISSING) -> Int64:
        carried = [one[place] if one else None for one in known]
        found = before(values, steps.first, [_MISSING if one is None else one for one in carried])
        found[apart] = none
        return found

    was_ma = previous(ma, 1, 0)
    was_up = previous(up, 3)
    alike = down is up and all(one is None or one[3] == one[4] for one in known)
    was_down = was_up if alike else previous(down, 4)
    threshold = _spread([one or 1 << 40 for one in thresholds], owner)
    direction = (ma >= threshold).astype(np.int8) - (ma <= -threshold)
    cell, was_cell = up, was_up
    if not alike:
        cell = np.where(direction > 0, up, np.where(direction < 0, down, middle))
        was_cell = np.where(direction > 0, was_up, was_down)
    was_direction = (was_ma >= threshold).astype(np.int8) - (was_ma <= -threshold)
    anew = (direction != 0) & (direction == was_direction) & (cell != _MISSING) & (was_cell != _MISSING)
    anew &= ((was_cell - cell) * direction > ANEW_MV) & (10 * np.abs(ma) >= 9 * np.abs(was_ma))
    if anew.any():
        was_cell = np.where(anew, _MISSING, was_cell)
    return _Points(
        steps,
        owner,
        ma,
        mv,
        up,
        down,
        cell,
        was_ma,
        previous(mv, 2, 0),
        was_cell,
        direction,
        was_direction,
        _beyond(flat, owner, direction, cell),
        anew,
    )


def _spread(values: list[int], owner: Int64) -> int | Int64:
    """What holds for the segment of each point; one number where it holds for all."""
    return values[0] if len(set(values)) == 1 else np.array(values)[owner]


def _values(flat: Flat, series: Series | None, steps: Steps) -> Int64:
    counted = counting(flat, series)
    if counted is None:
        return np.full(len(steps.time), _MISSING)
    if counted.valid.all():
        return at_points(counted.values, steps)
    return at_points(np.where(counted.valid, counted.values, _MISSING), steps)


def _each(mv: Int64, in_series: int | Int64) -> Int64:
    """Voltage of one of cells in series, to the nearest mV; missing where their number is."""
    count = np.maximum(in_series, 1)
    found: Int64 = (2 * mv + count) // (2 * count)
    missing = (mv == _MISSING) | (np.asarray(in_series) < 1)
    if missing.any():
        found[missing] = _MISSING
    return found


def _beyond(flat: Flat, owner: Int64, direction: Directions, cell: Int64) -> Bool:
    limits = [(limit_of(segment.basis, 1), limit_of(segment.basis, -1)) for segment in flat.segments]
    never = 1 << 40
    highest = _spread([never if one is None else one for one, _ in limits], owner)
    lowest = _spread([-2 * never if one is None else one for _, one in limits], owner)
    low: Bool = (direction < 0) & (cell <= lowest) & (cell != _MISSING)
    return low | ((direction > 0) & (cell >= highest))


def _known(value: int) -> int | None:
    return None if value == _MISSING else value


def _list(values: Int64) -> list[int | None]:
    return [None if value == _MISSING else value for value in values.tolist()]


def _at(values: Int64, where: Int64) -> list[int | None]:
    """Values at places; None where the place is -1."""
    return [
        None if at < 0 else value for at, value in zip(where.tolist(), values[where].tolist(), strict=True)
    ]


def _pieces(points: _Points, pieces: Pieces, flat: Flat, rows: Rows) -> Iterator[tuple[int, Piece]]:
    """The pieces in order, each with its segment."""
    steps, first, last = points.steps, pieces.first, pieces.last
    # Of an idle piece, and of one that begins anew, the step into it is summed apart.
    aside = (points.direction[first] == 0) | points.anew[first]
    inner = steps.step.copy()
    inner[first[aside]] = 0
    pair = points.ma + points.was_ma
    into, out = areas_of(pair, inner, first)
    power = points.ma * points.mv + points.was_ma * points.was_mv
    # Where no step leads, nothing lacks a voltage.
    powered = (points.mv != _MISSING) & (points.was_mv != _MISSING)
    powered |= steps.step == 0
    if powered.all():
        unpowered = [0] * len(first)
        energy_in, energy_out = areas_of(power, inner, first)
    else:
        power = np.where(powered, power, 0)
        energy_in, energy_out = areas_of(power, inner, first)
        unpowered = pieces.total(np.where(powered, 0, inner)).tolist()
    heats = _heats(flat, rows, steps, pieces, inner)
    said = points.cell != _MISSING
    soc = _values(flat, rows.state_of_charge, steps)
    soc_said = soc != _MISSING
    spreads: list[int | None] = [None] * len(first)
    if rows.cell_lowest is not None and rows.cell_highest is not None:
        lowest, highest = _values(flat, rows.cell_lowest, steps), _values(flat, rows.cell_highest, steps)
        spreads = _at(highest - lowest, pieces.last_where((lowest != _MISSING) & (highest != _MISSING)))
    least = points.cell if said.all() else np.where(said, points.cell, 1 << 40)
    windows = _windows(points, pieces, flat)
    for number, values in enumerate(
        zip(
            pieces.owner.tolist(),
            points.direction[first].tolist(),
            points.beyond[first].tolist(),
            (pieces.joined & ~points.anew[first]).tolist(),
            aside.tolist(),
            steps.time[first].tolist(),
            steps.time[last].tolist(),
            pair[first].tolist(),
            power[first].tolist(),
            steps.step[first].tolist(),
            powered[first].tolist(),
            pieces.most(inner).tolist(),
            _list(points.was_cell[first]),
            _at(points.cell, pieces.first_where(said)),
            _at(points.cell, pieces.last_where(said)),
            pieces.least(least).tolist(),
            _list(pieces.most(points.cell)),
            np.abs(points.ma[last]).tolist(),
            _at(soc, pieces.first_where(soc_said)),
            _at(soc, pieces.last_where(soc_said)),
            spreads,
            strict=True,
        )
    ):
        owner, direction, beyond, joined, spared, begin, end = values[:7]
        (twice, twice_power, step, has_power, longest), more = values[7:12], values[12:]
        was_cell, first_mv, last_mv, smallest, largest, last_ma, soc_first, soc_last, spread = more
        sums = Sums(
            into[number],
            out[number],
            energy_in[number],
            energy_out[number],
            unpowered[number],
            longest=longest,
        )
        entry = None
        entered = twice * step * direction
        if spared:
            area, work = twice * step, twice_power * step
            unread = 0 if has_power else step
            entry = Sums(max(area, 0), max(-area, 0), max(work, 0), max(-work, 0), unread, longest=step)
        if heats is not None:
            heat, heat_ms, sums.heat, sums.heat_ms, sums.coldest, sums.hottest = heats[number]
            if entry is not None:
                entry.heat, entry.heat_ms = heat, heat_ms
        yield (
            owner,
            Piece(
                direction,
                beyond,
                joined,
                begin,
                end,
                sums,
                entry,
                max(entered, 0),
                was_cell,
                first_mv,
                last_mv,
                None if first_mv is None else smallest if direction < 0 else largest,
                last_ma,
                soc_first,
                soc_last,
                spread,
                windows.get(number, {}),
            ),
        )


def _heats(
    flat: Flat, rows: Rows, steps: Steps, pieces: Pieces, inner: Int64
) -> list[tuple[int, int, int, int, int | None, int | None]] | None:
    """By piece: heat and time of its entry, of its inner steps, coldest and hottest; None without any."""
    if rows.coldest is None and rows.hottest is None and rows.ambient is None:
        return None
    hot = _values(flat, rows.hottest, steps)
    cold = hot if rows.coldest is None else _values(flat, rows.coldest, steps)
    if rows.ambient is not None:
        ambient = _values(flat, rows.ambient, steps)
        neither = (cold == _MISSING) & (hot == _MISSING)
        cold, hot = np.where(neither, ambient, cold), np.where(neither, ambient, hot)
    if cold is not hot:
        cold, hot = np.where(cold == _MISSING, hot, cold), np.where(hot == _MISSING, cold, hot)
    said = cold != _MISSING
    warmth, time, spent, least = cold + hot, steps.step, inner, cold
    if not said.all():
        warmth, time, spent = np.where(said, warmth, 0), np.where(said, time, 0), np.where(said, inner, 0)
        least = np.where(said, cold, 1 << 40)
    first = pieces.first
    return list(
        zip(
            (warmth[first] * time[first]).tolist(),
            time[first].tolist(),
            pieces.total(warmth * spent).tolist(),
            pieces.total(spent).tolist(),
            [None if one > 1 << 39 else one for one in pieces.least(least).tolist()],
            _list(pieces.most(hot)),
            strict=True,
        )
    )


def _windows(points: _Points, pieces: Pieces, flat: Flat) -> dict[int, Windows]:
    """By piece, what was moved in each voltage window."""
    found: dict[int, Windows] = {}
    step, direction = points.steps.step, points.direction
    steady = (direction != 0) & (points.was_direction == direction) & (step > 0)
    steady &= (points.cell != _MISSING) & (points.was_cell != _MISSING)
    grids = [WINDOW_EDGES.get(segment.basis.chemistry or "", ()) for segment in flat.segments]
    for edges in sorted(set(grids)):
        if not edges:
            continue
        mine = steady
        if len(set(grids)) > 1:
            mine = steady & np.array([grid == edges for grid in grids])[points.owner]
        where = np.flatnonzero(mine)
        if len(where):
            _share(found, points, pieces, where, edges)
    return found


def _share(
    found: dict[int, Windows], points: _Points, pieces: Pieces, where: Int64, edges: Sequence[int]
) -> None:
    """Share the charge of steps among windows; `where` are the points that the steps lead to."""
    now, was = points.cell[where], points.was_cell[where]
    one, other = np.abs(points.ma[where]), np.abs(points.was_ma[where])
    area = (one + other) * points.steps.step[where]
    smallest, largest = np.minimum(one, other), np.maximum(one, other)
    lengths = pieces.last - pieces.first + 1
    number = np.repeat(np.arange(len(lengths)), lengths)[where]
    table = _window_table(tuple(edges))
    window = table[np.clip(now, 0, len(table) - 1)]
    within = window == table[np.clip(was, 0, len(table) - 1)]
    if int(area.max()) * len(area) >= _SAFE:
        within[:] = False
    crossing = ~within
    inside = within & (window >= 0) & (window < len(edges) - 1)
    if inside.any():
        key = (number * len(edges) + window)[inside]
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        for which, moved, small, large in zip(
            key[first].tolist(),
            np.add.reduceat(area[inside], first).tolist(),
            np.minimum.reduceat(smallest[inside], first).tolist(),
            np.maximum.reduceat(largest[inside], first).tolist(),
            strict=True,
        ):
            at, within_grid = divmod(which, len(edges))
            _put(found, at, within_grid, moved, small, large)
    for at, moved, small, large, low, high in zip(
        number[crossing].tolist(),
        area[crossing].tolist(),
        smallest[crossing].tolist(),
        largest[crossing].tolist(),
        was[crossing].tolist(),
        now[crossing].tolist(),
        strict=True,
    ):
        for which, share in shares(edges, moved, low, high):
            _put(found, at, which, share, small, large)


@cache
def _window_table(edges: tuple[int, ...]) -> Int64:
    """By mV, the number of the window: -1 below the first edge, and of one too many from the last on."""
    table: Int64 = np.searchsorted(edges, np.arange(edges[-1] + 1), side="right") - 1
    return table


def _put(found: dict[int, Windows], piece: int, window: int, moved: int, smallest: int, largest: int) -> None:
    mine = found.setdefault(piece, {})
    some = None if unsteady(smallest, largest) else (moved, smallest, largest)
    mine[window] = together(mine[window], some) if window in mine else some
