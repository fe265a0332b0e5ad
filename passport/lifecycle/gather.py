"""From stored columns to the few series that are folded, on the state's own units.

A row speaks of the battery as a whole (columns without a component) and of its cells (columns of any
component: the hottest cell of a rack is its hottest cell).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from passport.lifecycle.shape import BELIEVABLE, COUNTERS, LAST, LONGEST_WORD, TOLD_AND_USED
from schemas.reading import QUANTITIES
from schemas.samples import Bool, Chunk, Column, ColumnKey, Int64, Samples
from schemas.terms import Origin

_MILLI: Final = -3
_TENTH: Final = -1
EXPONENTS: Final = {
    "voltage": _MILLI,
    "current": _MILLI,
    "state_of_charge": _TENTH,
    "insulation_resistance": _MILLI,
}

# Which columns speak of the lowest and of the highest cell.
LOWEST_CELL: Final = frozenset({"cell_voltage", "cell_voltage_min"})
HIGHEST_CELL: Final = frozenset({"cell_voltage", "cell_voltage_max"})
COLDEST: Final = frozenset({"cell_temperature", "cell_temperature_min"})
HOTTEST: Final = frozenset({"cell_temperature", "cell_temperature_max"})
SURROUNDINGS: Final = frozenset({"ambient_temperature"})


# Neighbouring chunks are put together up to this many rows; more no longer helps, and leaves the cache.
_RUN_ROWS: Final = 1 << 16

Signature = tuple[object, ...]


@dataclass
class Run:
    """Neighbouring rows of one battery in one epoch of one source.

    Attributes:
        source, epoch: where they come from.
        samples: the rows.
        signature: equal for rows that have the same columns at the same scale.
    """

    source: str
    epoch: str
    samples: Samples
    signature: Signature


def runs(chunks: Iterable[Chunk]) -> list[Run]:
    """Chunks of one battery in fold order; neighbours of one epoch that look alike are put together."""
    found: list[tuple[str, str, Signature, list[Samples]]] = []
    rows = 0
    for chunk in chunks:
        if not len(chunk.samples):
            continue
        place = (chunk.source, chunk.epoch, _signature(chunk.samples))
        rows += len(chunk.samples)
        if found and found[-1][:3] == place and rows <= _RUN_ROWS:
            found[-1][3].append(chunk.samples)
        else:
            found.append((*place, [chunk.samples]))
            rows = len(chunk.samples)
    return [Run(source, epoch, _joined(parts), signature) for source, epoch, signature, parts in found]


def _signature(samples: Samples) -> Signature:
    found: list[object] = [samples.absolute, *samples.columns]
    for column in samples.columns.values():
        found += (column.exponent, column.origin)
    return tuple(found)


def _joined(parts: list[Samples]) -> Samples:
    if len(parts) == 1:
        return parts[0]
    time_ms, timed, columns = side_by_side(parts)
    return Samples(
        np.concatenate([part.sequence for part in parts]),
        time_ms,
        timed,
        columns,
        tuple(note for part in parts for note in part.notes),
        parts[0].absolute,
    )


def side_by_side(parts: Sequence[Samples]) -> tuple[Int64, Bool, dict[ColumnKey, Column]]:
    """Times and columns of parts with one signature, one part after the other."""
    if len(parts) == 1:
        return parts[0].time_ms, parts[0].timed, dict(parts[0].columns)
    columns = {}
    for key, several in zip(
        parts[0].columns, zip(*(part.columns.values() for part in parts), strict=True), strict=True
    ):
        columns[key] = Column(
            np.concatenate([column.values for column in several]),
            np.concatenate([column.valid for column in several]),
            several[0].exponent,
            several[0].origin,
        )
    return (
        np.concatenate([part.time_ms for part in parts]),
        np.concatenate([part.timed for part in parts]),
        columns,
    )


def doubted(samples: Samples) -> dict[str, set[int]]:
    """By column, the numbers of rows whose value is not used."""
    found: dict[str, set[int]] = {}
    for note in samples.notes:
        if note.doubts and not TOLD_AND_USED.issuperset(note.doubts):
            found.setdefault(note.key, set()).add(note.sequence)
    return found


def doubts_at(samples: Samples, key: ColumnKey, sequence: int) -> tuple[str, ...]:
    """Every doubt about one column of one row, sorted."""
    name = str(key)
    codes = {
        code
        for note in samples.notes
        if note.sequence == sequence and note.key == name
        for code in note.doubts
    }
    return tuple(sorted(codes))


def counter_name(key: ColumnKey) -> str | None:
    """Name of the counter that a column keeps; None for other columns."""
    if key.component is not None or key.index is not None or key.quantity not in COUNTERS:
        return None
    if key.quantity == "event_count":
        return f"event_count#{key.kind}" if key.kind and len(key.kind) <= LONGEST_WORD else None
    return key.quantity


def cell_of(samples: Samples, row: int, value: int, *, lowest: bool) -> str | None:
    """Name of the first cell that shows the lowest (or highest) voltage of a row; None where none is told."""
    quantities = LOWEST_CELL if lowest else HIGHEST_CELL
    out = doubted(samples)
    sequence = int(samples.sequence[row])
    low, high = BELIEVABLE["cell_voltage"]
    for key, column in samples.columns.items():
        if key.index is None or key.quantity not in quantities or column.origin is Origin.PLACEHOLDER:
            continue
        if not column.valid[row] or sequence in out.get(str(key), ()):
            continue
        name = f"{key.component}/{key.index}" if key.component else str(key.index)
        found = canonical(column.values[row : row + 1], column.exponent, _MILLI, low=low, high=high)
        if int(found[0]) == value and len(name) <= LONGEST_WORD:
            return name
    return None


def is_last(key: ColumnKey) -> bool:
    """Whether what this column last said is kept."""
    return key.component is None and key.index is None and key.quantity in LAST


@dataclass(frozen=True)
class Series:
    """One value per row, in the state's units; `valid` says where there is one that may be used."""

    values: Int64
    valid: Bool


@dataclass(frozen=True)
class Rows:
    """What the folding looks at, one entry per row; a series is None where no row has a value."""

    time_ms: Int64
    timed: Bool
    voltage: Series | None
    current: Series | None
    state_of_charge: Series | None
    cell_lowest: Series | None
    cell_highest: Series | None
    coldest: Series | None
    hottest: Series | None
    ambient: Series | None
    insulation_resistance: Series | None


def rows_of(
    time_ms: Int64, timed: Bool, columns: Mapping[ColumnKey, Column], distrusted: Mapping[str, list[int]]
) -> Rows:
    """The series of columns; `distrusted` names rows (by place) whose value is not used, by column."""
    groups: dict[str, list[Series]] = {}
    for key, column in columns.items():
        if column.origin is Origin.PLACEHOLDER:
            continue
        quantity = key.quantity
        rows = distrusted.get(str(key)) if distrusted else None
        if quantity in EXPONENTS:
            if key.component is None and key.index is None:
                groups[quantity] = [_series(column, quantity, EXPONENTS[quantity], rows)]
        elif quantity in LOWEST_CELL or quantity in HIGHEST_CELL:
            series = _series(column, "cell_voltage", _MILLI, rows)
            if quantity in LOWEST_CELL:
                groups.setdefault("cell_lowest", []).append(series)
            if quantity in HIGHEST_CELL:
                groups.setdefault("cell_highest", []).append(series)
        elif quantity in SURROUNDINGS:
            groups.setdefault("ambient", []).append(_series(column, "temperature", _TENTH, rows))
        elif quantity in COLDEST or quantity in HOTTEST:
            series = _series(column, "temperature", _TENTH, rows)
            if quantity in COLDEST:
                groups.setdefault("coldest", []).append(series)
            if quantity in HOTTEST:
                groups.setdefault("hottest", []).append(series)
    return Rows(
        time_ms,
        timed,
        _outermost(groups.get("voltage"), highest=True),
        _outermost(groups.get("current"), highest=True),
        _outermost(groups.get("state_of_charge"), highest=True),
        _outermost(groups.get("cell_lowest"), highest=False),
        _outermost(groups.get("cell_highest"), highest=True),
        _outermost(groups.get("coldest"), highest=False),
        _outermost(groups.get("hottest"), highest=True),
        _outermost(groups.get("ambient"), highest=True),
        _outermost(groups.get("insulation_resistance"), highest=False),
    )


def _series(column: Column, kind: str, exponent: int, rows: list[int] | None) -> Series:
    low, high = BELIEVABLE[kind]
    values = canonical(column.values, column.exponent, exponent, low=low, high=high)
    return Series(values, trusted(within(values, column.valid, low, high), rows))


def trusted(valid: Bool, rows: list[int] | None) -> Bool:
    """`valid`, without these rows."""
    if not rows:
        return valid
    kept = valid.copy()
    kept[rows] = False
    return kept


def within(values: Int64, valid: Bool, low: int, high: int) -> Bool:
    """`valid`, and between the bounds."""
    if len(values) and (int(values.min()) < low or int(values.max()) > high):
        return valid & (values >= low) & (values <= high)
    return valid


def canonical(values: Int64, exponent: int, wanted: int, *, low: int, high: int) -> Int64:
    """Integers at `10**exponent` as integers at `10**wanted`.

    Finer values are rounded once, half to even. What would lie outside `low` to `high` may come back as any
    value outside of it.
    """
    if exponent == wanted:
        return values
    if exponent > wanted:
        factor = 10 ** (exponent - wanted)
        coarse: Int64 = np.clip(values, low // factor - 1, high // factor + 1) * factor
        return coarse
    factor = 10 ** min(wanted - exponent, 18)
    quotient = values // factor
    rest = values - quotient * factor
    half = factor // 2
    up = (rest > half) | ((rest == half) & ((quotient & 1) == 1))
    finer: Int64 = quotient + up
    return finer


def _outermost(group: list[Series] | None, *, highest: bool) -> Series | None:
    """By row, the highest (or lowest) of the values that may be used."""
    if not group:
        return None
    if len(group) == 1:
        return group[0] if group[0].valid.any() else None
    missing = np.iinfo(np.int64).min if highest else np.iinfo(np.int64).max
    best = np.where(group[0].valid, group[0].values, missing)
    valid = group[0].valid
    pick = np.maximum if highest else np.minimum
    for series in group[1:]:
        pick(best, np.where(series.valid, series.values, missing), out=best)
        valid = valid | series.valid
    return Series(best, valid) if valid.any() else None


def counter_exponent(name: str) -> int:
    """The exponent at which a counter is kept."""
    return QUANTITIES[name.partition("#")[0]].exponent
