"""From stored columns to the few series that are folded, on the state's own units.

A row speaks of the battery as a whole (columns without a component) and of its cells (columns of any
component: the hottest cell of a rack is its hottest cell).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from passport.lifecycle.shape import BELIEVABLE, COUNTERS, LAST, LONGEST_WORD, TOLD_AND_USED
from schemas.reading import QUANTITIES
from schemas.samples import Bool, Chunk, Column, ColumnKey, Int64, Samples
from schemas.terms import Origin

_MILLI: Final = -3
_TENTH: Final = -1
EXPONENTS: Final = {"voltage": _MILLI, "current": _MILLI, "state_of_charge": _TENTH}
CELL_EXPONENTS: Final = {"cell_voltage": _MILLI, "temperature": _TENTH}

# Which columns speak of the lowest and of the highest cell.
LOWEST_CELL: Final = frozenset({"cell_voltage", "cell_voltage_min"})
HIGHEST_CELL: Final = frozenset({"cell_voltage", "cell_voltage_max"})
COLDEST: Final = frozenset({"cell_temperature", "cell_temperature_min"})
HOTTEST: Final = frozenset({"cell_temperature", "cell_temperature_max"})


@dataclass(frozen=True)
class Run:
    """Neighbouring chunks of one battery in one epoch of one source.

    Attributes:
        source, epoch: where they come from.
        parts: the rows.
    """

    source: str
    epoch: str
    parts: tuple[Samples, ...]

    @property
    def absolute(self) -> bool:
        """Whether times count from 1970."""
        return self.parts[0].absolute

    def __len__(self) -> int:
        """How many rows."""
        return sum(len(part) for part in self.parts)


def runs(chunks: Iterable[Chunk]) -> list[Run]:
    """Chunks of one battery in fold order, put together by epoch."""
    found: list[tuple[str, str, list[Samples]]] = []
    for chunk in chunks:
        if not len(chunk.samples):
            continue
        if found and found[-1][:2] == (chunk.source, chunk.epoch):
            found[-1][2].append(chunk.samples)
        else:
            found.append((chunk.source, chunk.epoch, [chunk.samples]))
    return [Run(source, epoch, tuple(parts)) for source, epoch, parts in found]


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


def rows_of(samples: Samples) -> Rows:
    """The series of a chunk."""
    out = doubted(samples)
    groups: dict[str, list[Series]] = {}
    for key, column in samples.columns.items():
        if column.origin is Origin.PLACEHOLDER:
            continue
        quantity = key.quantity
        if quantity in EXPONENTS and key.component is None and key.index is None:
            exponent = EXPONENTS[quantity]
            groups[quantity] = [_series(samples, key, column, kind=quantity, exponent=exponent, out=out)]
            continue
        if quantity in LOWEST_CELL or quantity in HIGHEST_CELL:
            series = _series(samples, key, column, kind="cell_voltage", exponent=_MILLI, out=out)
            if quantity in LOWEST_CELL:
                groups.setdefault("cell_lowest", []).append(series)
            if quantity in HIGHEST_CELL:
                groups.setdefault("cell_highest", []).append(series)
        elif quantity in COLDEST or quantity in HOTTEST:
            series = _series(samples, key, column, kind="temperature", exponent=_TENTH, out=out)
            if quantity in COLDEST:
                groups.setdefault("coldest", []).append(series)
            if quantity in HOTTEST:
                groups.setdefault("hottest", []).append(series)
    return Rows(
        samples.time_ms,
        samples.timed,
        _outermost(groups.get("voltage"), highest=True),
        _outermost(groups.get("current"), highest=True),
        _outermost(groups.get("state_of_charge"), highest=True),
        _outermost(groups.get("cell_lowest"), highest=False),
        _outermost(groups.get("cell_highest"), highest=True),
        _outermost(groups.get("coldest"), highest=False),
        _outermost(groups.get("hottest"), highest=True),
    )


def _series(
    samples: Samples, key: ColumnKey, column: Column, *, kind: str, exponent: int, out: dict[str, set[int]]
) -> Series:
    low, high = BELIEVABLE[kind]
    values = canonical(column.values, column.exponent, exponent, low=low, high=high)
    valid = within(values, column.valid, low, high)
    if out and (rows := out.get(str(key))):
        valid = valid & ~np.isin(samples.sequence, np.fromiter(rows, np.int64, len(rows)))
    return Series(values, valid)


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
