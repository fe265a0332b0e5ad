"""Rows of telemetry cut, joined and compared; nothing here knows of a database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.samples import Bool, Column, ColumnKey, Int64, Note, Samples

_INT64_MAX = 2**63 - 1


@dataclass(frozen=True)
class Difference:
    """The first number under which two batches say different things, and which columns differ there."""

    sequence: int
    columns: tuple[str, ...]


def take(samples: Samples, keep: Bool) -> Samples:
    """The rows where `keep` is True; columns that have no value left are left out."""
    sequence = samples.sequence[keep]
    columns = {
        key: Column(column.values[keep], valid, column.exponent, column.origin)
        for key, column in samples.columns.items()
        if (valid := column.valid[keep]).any()
    }
    notes = samples.notes
    if notes and len(sequence) < len(samples):
        kept = set(sequence.tolist())
        notes = tuple(note for note in notes if note.sequence in kept)
    return Samples(sequence, samples.time_ms[keep], samples.timed[keep], columns, notes, samples.absolute)


def join(parts: Sequence[Samples]) -> Samples:
    """All rows of parts that share no number, in ascending order.

    Raises:
        ValueError: a number stands in two parts, times are absolute in one and relative in another, origins
            of a
            column differ, or a value does not fit at the finer of two exponents.
    """
    if len(parts) == 1:
        return parts[0]
    if len({part.absolute for part in parts}) > 1:
        raise ValueError("absolute and relative times do not join")
    sequence = np.concatenate([part.sequence for part in parts])
    ascending = bool(np.all(sequence[1:] > sequence[:-1]))
    order = slice(None) if ascending else np.argsort(sequence, kind="stable")
    sequence = sequence[order]
    if not bool(np.all(sequence[1:] > sequence[:-1])):
        raise ValueError("a sequence number stands in two parts")
    keys = dict.fromkeys(key for part in parts for key in part.columns)
    columns = {key: _join_column(key, parts, order) for key in sorted(keys, key=str)}
    notes = [note for part in parts for note in part.notes]
    if not ascending:
        notes.sort(key=lambda note: note.sequence)
    return Samples(
        sequence,
        np.concatenate([part.time_ms for part in parts])[order],
        np.concatenate([part.timed for part in parts])[order],
        columns,
        tuple(notes),
        parts[0].absolute,
    )


def _join_column(key: ColumnKey, parts: Sequence[Samples], order: Int64 | slice) -> Column:
    present = [part.columns[key] for part in parts if key in part.columns]
    if len({column.origin for column in present}) > 1:
        raise ValueError(f"origins of {key} differ")
    exponent = min(column.exponent for column in present)
    values: list[Int64] = []
    valid: list[Bool] = []
    for part in parts:
        column = part.columns.get(key)
        if column is None:
            values.append(np.zeros(len(part), np.int64))
            valid.append(np.zeros(len(part), np.bool_))
        else:
            values.append(rescaled(column, exponent))
            valid.append(column.valid)
    return Column(np.concatenate(values)[order], np.concatenate(valid)[order], exponent, present[0].origin)


def woven(parts: Sequence[tuple[int, Samples]]) -> list[tuple[int, Samples]]:
    """The same rows, cut so that ranges no longer overlap; each piece with the arrival number of its part."""
    if len(parts) == 1:
        return list(parts)
    sequence = np.concatenate([part.sequence for _, part in parts])
    owner = np.concatenate([np.full(len(part), at) for at, (_, part) in enumerate(parts)])
    order = np.argsort(sequence, kind="stable")
    sequence, owner = sequence[order], owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    ends = np.append(starts[1:], len(owner)) - 1
    pieces: list[tuple[int, Samples]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        arrival, part = parts[int(owner[start])]
        keep = (part.sequence >= sequence[start]) & (part.sequence <= sequence[end])
        pieces.append((arrival, take(part, keep)))
    return pieces


def rescaled(column: Column, exponent: int) -> Int64:
    """The column's integers at a finer (smaller) exponent.

    Raises:
        ValueError: a value does not fit 64 bits there.
    """
    factor: int = 10 ** (column.exponent - exponent)
    if factor == 1:
        return column.values
    if (
        len(column.values)
        and max(abs(int(column.values.min())), abs(int(column.values.max()))) * factor > _INT64_MAX
    ):
        raise ValueError("a value does not fit a stored integer at the finer exponent")
    return column.values * factor


def first_difference(stored: Samples, sent: Samples) -> Difference | None:
    """Where two batches that hold the same numbers first disagree; None when they say the same.

    How a value is scaled and how a device came to it are not content: both may change with the way rows were
    cut into batches. A column that is missing says the same as one without a value.
    """
    wrong = np.zeros(len(sent), np.bool_)
    by_column: dict[str, Bool] = {}
    clock = (stored.timed != sent.timed) | (stored.timed & (stored.time_ms != sent.time_ms))
    by_column["time"] = clock
    for key in stored.columns.keys() | sent.columns.keys():
        by_column[str(key)] = _unequal(stored.columns.get(key), sent.columns.get(key), len(sent))
    if stored.notes != sent.notes:
        for sequence, name in _unequal_notes(stored.notes, sent.notes):
            marks = by_column.setdefault(name, np.zeros(len(sent), np.bool_))
            marks[np.searchsorted(sent.sequence, sequence)] = True
    for marks in by_column.values():
        wrong |= marks
    if not wrong.any():
        return None
    row = int(np.argmax(wrong))
    names = tuple(sorted(name for name, marks in by_column.items() if marks[row]))
    return Difference(int(sent.sequence[row]), names)


def _unequal(one: Column | None, other: Column | None, rows: int) -> Bool:
    if one is None or other is None:
        present = one or other
        return present.valid if present is not None else np.zeros(rows, np.bool_)
    exponent = min(one.exponent, other.exponent)
    try:
        unequal = rescaled(one, exponent) != rescaled(other, exponent)
    except ValueError:
        pairs = [one.decimal(row) != other.decimal(row) for row in range(rows)]
        return np.array(pairs, np.bool_)
    different: Bool = (one.valid != other.valid) | (one.valid & other.valid & unequal)
    return different


def _unequal_notes(stored: Iterable[Note], sent: Iterable[Note]) -> set[tuple[int, str]]:
    def by_place(notes: Iterable[Note]) -> dict[tuple[int, str], list[tuple[str, str, tuple[str, ...]]]]:
        places: dict[tuple[int, str], list[tuple[str, str, tuple[str, ...]]]] = {}
        for note in notes:
            said = (note.text or "", note.absence or "", tuple(sorted(note.doubts)))
            places.setdefault((note.sequence, note.key), []).append(said)
        return {place: sorted(said) for place, said in places.items()}

    one, other = by_place(stored), by_place(sent)
    return {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}
