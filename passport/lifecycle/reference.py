"""The folding written down plainly, row by row: what `folding` must equal byte for byte, and its yardstick.

The rules, in the order in which a row meets them:

1. Extremes take every believed value.
2. A row in a time that another source or epoch has covered counts no further: it is one of `overlapping`.
3. What was last said and counters take the row.
4. A row without a time counts no further.
5. The clock: a step up to the longest gap is observed time, a longer one unknown time. A step back is no time
   at
   all, and nothing reaches across it. The first step into a new epoch is unknown time in any case.
6. The parts (`parts`) take the row.
7. Each series takes the step from its own last row: charge and energy by the trapezoid, in or out by the sign
   of
   the step's own sum; residence by where the step began.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from passport.lifecycle.basis import NOTHING_DECLARED, Basis
from passport.lifecycle.gather import (
    COLDEST,
    EXPONENTS,
    HIGHEST_CELL,
    HOTTEST,
    LOWEST_CELL,
    SURROUNDINGS,
    cell_of,
    counter_exponent,
    counter_name,
    doubted,
    doubts_at,
    is_last,
    runs,
)
from passport.lifecycle.parts import PARTS
from passport.lifecycle.shape import (
    BELIEVABLE,
    CHARGE_BINS,
    LONGEST_WORD,
    MOST_DOUBTS,
    TEMPERATURE_EDGES,
    Last,
    LifecycleState,
    Stretch,
)
from schemas.samples import Chunk, Column, ColumnKey, Samples
from schemas.terms import Origin

HEALTH = "bms_reported_health"
DEFAULT_GAP_MS = 600_000


def fold(
    states: Sequence[LifecycleState],
    chunks: Sequence[Sequence[Chunk]],
    *,
    max_gap_ms: Sequence[Mapping[str, int]] | None = None,
    basis: Sequence[Basis] | None = None,
) -> list[LifecycleState]:
    """As `folding.fold`: the states after the chunks; the given ones are changed and given back."""
    for number, (state, own) in enumerate(zip(states, chunks, strict=True)):
        gaps = max_gap_ms[number] if max_gap_ms is not None else {}
        known = basis[number] if basis is not None else NOTHING_DECLARED
        state.begin(known)
        for run in runs(own):
            gap = gaps.get(run.source, DEFAULT_GAP_MS)
            state.enter(run.source, run.epoch, absolute=run.samples.absolute, max_gap_ms=gap)
            fold_rows(state, run.samples, gap, known)
    return list(states)


def fold_rows(
    state: LifecycleState, samples: Samples, max_gap_ms: int, basis: Basis = NOTHING_DECLARED
) -> None:
    """Fold rows of the epoch that the state has entered."""
    before = state.covered_before()
    cells = _Cells(samples)
    times = samples.time_ms.tolist()
    timed = samples.timed.tolist()
    sequence = samples.sequence.tolist()
    state.rows += len(sequence)
    state.sequence = sequence[-1]
    for row, time in enumerate(times):
        stamp = time if timed[row] and samples.absolute else None
        values = cells.row(row)
        _extremes(state, values, stamp, samples, row)
        if stamp is not None and _covered(before, stamp):
            state.overlapping += 1
            state.break_here()
            continue
        cells.say(state, row, stamp)
        _last_of_cells(state, values, stamp)
        if not timed[row]:
            state.untimed += 1
            continue
        _clock(state, time, max_gap_ms)
        for part in PARTS:
            part.take_row(state, values, time, max_gap_ms, basis)
        _series(state, values, time, max_gap_ms)


def _covered(stretches: list[Stretch], time: int) -> bool:
    return any(first <= time <= last for first, last in stretches)


def _extremes(
    state: LifecycleState, values: dict[str, int], stamp: int | None, samples: Samples, row: int
) -> None:
    for name, low, high in (
        ("voltage", "voltage", "voltage"),
        ("current", "current", "current"),
        ("cell_voltage", "cell_lowest", "cell_highest"),
        ("temperature", "coldest", "hottest"),
    ):
        if low in values:
            _extreme(state, f"{name}_min", values[low], stamp, samples, row)
        if high in values:
            _extreme(state, f"{name}_max", values[high], stamp, samples, row)


def _extreme(
    state: LifecycleState, which: str, value: int, stamp: int | None, samples: Samples, row: int
) -> None:
    if state.extreme(which, value, stamp) and which.startswith("cell_voltage"):
        state.extremes[which].where = cell_of(samples, row, value, lowest=which.endswith("_min"))


def _last_of_cells(state: LifecycleState, values: dict[str, int], stamp: int | None) -> None:
    for name, series, exponent in (
        ("cell_voltage_lowest", "cell_lowest", -3),
        ("cell_voltage_highest", "cell_highest", -3),
        ("coldest", "coldest", -1),
        ("hottest", "hottest", -1),
    ):
        if series in values:
            state.last[name] = Last(decimal_text(values[series], exponent), stamp)


def _clock(state: LifecycleState, time: int, max_gap_ms: int) -> None:
    clock = state.boundary.clock
    stretch = state.open
    if clock is not None:
        step = time - clock
        if state.across:
            state.unknown_ms += max(step, 0)
        elif step < 0:
            if state.absolute:
                state.backwards += 1
            else:
                state.restarts += 1
            state.break_here()
            stretch = None
        elif step <= max_gap_ms:
            state.observed_ms += step
        else:
            state.unknown_ms += step
            state.close_stretch()
            stretch = None
    state.across = False
    state.boundary.clock = time
    if state.absolute:
        state.open = (stretch[0], time) if stretch else (time, time)
        state.first_ms = time if state.first_ms is None else min(state.first_ms, time)
        state.last_ms = time if state.last_ms is None else max(state.last_ms, time)


def _series(state: LifecycleState, values: dict[str, int], time: int, max_gap_ms: int) -> None:
    boundary = state.boundary
    current, voltage = values.get("current"), values.get("voltage")
    if current is not None:
        if boundary.current and 0 < (step := time - boundary.current[0]) <= max_gap_ms:
            area = (boundary.current[1] + current) * step
            state.charge_in += max(area, 0)
            state.charge_out += max(-area, 0)
            state.charge_ms += step
        boundary.current = (time, current)
        if voltage is not None:
            power = voltage * current
            if boundary.power and 0 < (step := time - boundary.power[0]) <= max_gap_ms:
                area = (boundary.power[1] + power) * step
                state.energy_in += max(area, 0)
                state.energy_out += max(-area, 0)
                state.energy_ms += step
            boundary.power = (time, power)
    hot = temperature_bin(values["hottest"]) if "hottest" in values else -1
    cold = temperature_bin(values["coldest"]) if "coldest" in values else -1
    if hot >= 0 or cold >= 0:
        if boundary.temperature and 0 < (step := time - boundary.temperature[0]) <= max_gap_ms:
            _add(state.hot, boundary.temperature[1], step)
            _add(state.cold, boundary.temperature[2], step)
        boundary.temperature = (time, hot, cold)
    if hot >= 0 and "state_of_charge" in values:
        if boundary.residence and 0 < (step := time - boundary.residence[0]) <= max_gap_ms:
            _add(state.residence, boundary.residence[1], step)
        boundary.residence = (time, hot * CHARGE_BINS + charge_bin(values["state_of_charge"]))


def _add(bins: dict[int, int], where: int, step: int) -> None:
    if where >= 0:
        bins[where] = bins.get(where, 0) + step


def temperature_bin(tenths: int) -> int:
    """0 to 12; a value on an edge belongs above it."""
    return bisect_right(TEMPERATURE_EDGES, tenths)


def charge_bin(tenths: int) -> int:
    """0 to 9."""
    return min(max(tenths // 100, 0), CHARGE_BINS - 1)


def integrate(
    values: Sequence[int], step: Sequence[int], first: Sequence[int], carried: Sequence[int]
) -> tuple[list[int], list[int]]:
    """As `arrays.integrate`: twice the trapezoid sums of each segment, in and out."""
    into: list[int] = []
    out: list[int] = []
    for begin, end, before in zip(first, [*first[1:], len(values)], carried, strict=True):
        entered = left = 0
        for row in range(begin, end):
            area = (before + values[row]) * step[row]
            if area > 0:
                entered += area
            else:
                left -= area
            before = values[row]  # noqa: PLW2901 (the point before the next)
        into.append(entered)
        out.append(left)
    return into, out


def decimal_text(value: int, exponent: int) -> str:
    """The shortest plain decimal text of `value * 10**exponent`."""
    if exponent >= 0:
        return str(value * 10**exponent)
    digits = str(abs(value)).rjust(1 - exponent, "0")
    whole, part = digits[:exponent], digits[exponent:].rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if part else ''}{part}"


def rounded(value: int, exponent: int, wanted: int) -> int:
    """`value * 10**exponent` in units of `10**wanted`, half to even."""
    if exponent >= wanted:
        coarse: int = value * 10 ** (exponent - wanted)
        return coarse
    factor: int = 10 ** (wanted - exponent)
    quotient, rest = divmod(value, factor)
    return quotient + (2 * rest > factor or (2 * rest == factor and quotient % 2 == 1))


class _Cells:
    """The columns of a chunk as lists, with a way to ask for one row."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._sequence = samples.sequence.tolist()
        out = doubted(samples)
        self._series: list[tuple[str, str, str, list[int], list[bool], int, set[int]]] = []
        self._counters: list[tuple[str, list[int], list[bool], int, set[int]]] = []
        self._last: list[tuple[ColumnKey, Column]] = []
        for key, column in samples.columns.items():
            avoid = out.get(str(key), set())
            if (name := counter_name(key)) is not None and column.origin is not Origin.PLACEHOLDER:
                values, valid = column.values.tolist(), column.valid.tolist()
                self._counters.append((name, values, valid, column.exponent, avoid))
            if is_last(key) and column.origin is not Origin.PLACEHOLDER:
                self._last.append((key, column))
            if column.origin is not Origin.PLACEHOLDER:
                for series, kind in _series_of(key):
                    values, valid = column.values.tolist(), column.valid.tolist()
                    self._series.append((series, kind, key.quantity, values, valid, column.exponent, avoid))
        self._counters.sort(key=lambda counter: counter[0])

    def row(self, row: int) -> dict[str, int]:
        """Believed values of the row by series, in the state's units."""
        found: dict[str, int] = {}
        sequence = self._sequence[row]
        for series, kind, _, values, valid, exponent, avoid in self._series:
            if not valid[row] or sequence in avoid:
                continue
            value = rounded(values[row], exponent, -1 if kind in {"temperature", "state_of_charge"} else -3)
            low, high = BELIEVABLE[kind]
            if not low <= value <= high:
                continue
            if series in found:
                pick = min if series in {"cell_lowest", "coldest"} else max
                value = pick(found[series], value)
            found[series] = value
        return found

    def say(self, state: LifecycleState, row: int, stamp: int | None) -> None:
        """Counters and last words of the row."""
        sequence = self._sequence[row]
        for name, values, valid, exponent, avoid in self._counters:
            if not valid[row] or sequence in avoid:
                continue
            value = rounded(values[row], exponent, counter_exponent(name))
            if BELIEVABLE["counter"][0] <= value <= BELIEVABLE["counter"][1]:
                state.count(name, value, stamp)
        for key, column in self._last:
            if column.valid[row]:
                said_last(state, self._samples, key, column, row=row, stamp=stamp)
                if key.quantity == HEALTH:
                    text = decimal_text(int(column.values[row]), column.exponent)
                    state.say_health(text, 1, all_of_them=True)


def said_last(
    state: LifecycleState, samples: Samples, key: ColumnKey, column: Column, *, row: int, stamp: int | None
) -> None:
    """Keep what a column says in a row, with its doubts."""
    doubts = doubts_at(samples, key, int(samples.sequence[row])) if samples.notes else ()
    short = tuple(code[:LONGEST_WORD] for code in doubts[:MOST_DOUBTS])
    state.last[key.quantity] = Last(decimal_text(int(column.values[row]), column.exponent), stamp, short)


def _series_of(key: ColumnKey) -> list[tuple[str, str]]:
    """Which series a column speaks in, and whose bounds hold."""
    if key.quantity in EXPONENTS:
        whole = key.component is None and key.index is None
        return [(key.quantity, key.quantity)] if whole else []
    found: list[tuple[str, str]] = []
    for series, kind, quantities in (
        ("cell_lowest", "cell_voltage", LOWEST_CELL),
        ("cell_highest", "cell_voltage", HIGHEST_CELL),
        ("coldest", "temperature", COLDEST),
        ("hottest", "temperature", HOTTEST),
        ("ambient", "temperature", SURROUNDINGS),
    ):
        if key.quantity in quantities:
            found.append((series, kind))
    return found
