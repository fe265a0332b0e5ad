"""Benchmarks of intake: bulk rows and stored chunks, against the plainest durable rows.

Rows and samples are made before the clock runs. Both sides write to one folder, so to one disk, with the same
promise: `synchronous=FULL`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest import chunks
from ingest.journal import accept
from ingest.journal.accept import chunk_values, insert_chunks
from schemas.measure import Paired, Ratio, paired
from schemas.samples import Column, ColumnKey, Int64, Samples

_ROWS: Final = 20_000
_BATCH: Final = 1000
_HOUR: Final = 3600
_HOURS: Final = 64
_ROUNDS: Final = 7
_SEED: Final = 20270218
_START_MS: Final = 1_767_225_600_000
_COLUMNS: Final = (
    " (battery TEXT, at INTEGER, voltage INTEGER, current INTEGER, temperature INTEGER,"
    " charge INTEGER, PRIMARY KEY (at, battery)) WITHOUT ROWID"
)
_TABLE: Final = f"CREATE TABLE bench_rows {_COLUMNS}"
_INSERT: Final = "INSERT INTO bench_rows VALUES (?, ?, ?, ?, ?, ?)"
_AGAINST: Final = "a row per sample by sqlite3 executemany in the fastest table, 1,000 a commit"


def run(house: Any, battery: str, folder: Path) -> Iterator[Ratio]:
    """Needs a house with one battery; writes into its own tables and sources."""
    yield _bulk(house, folder)
    yield from _chunks(house, battery, folder)


def _plain(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("DROP TABLE IF EXISTS bench_rows")
    connection.execute(_TABLE)
    return connection


def _batches() -> Iterator[list[list[tuple[Any, ...]]]]:
    """Rows of the same length for ever, in batches, never the same key twice."""
    for turn in count():
        first = turn * _ROWS
        yield [
            [("B", first + at + n, 51_000, -20_000, 231, 512) for n in range(_BATCH)]
            for at in range(0, _ROWS, _BATCH)
        ]


def _store_rows(plain: sqlite3.Connection, batches: list[list[tuple[Any, ...]]]) -> None:
    for batch in batches:
        plain.execute("BEGIN IMMEDIATE")
        plain.executemany(_INSERT, batch)
        plain.execute("COMMIT")


def _bulk(house: Any, folder: Path) -> Ratio:
    """The engine's bulk path against the driver's `executemany`, 1,000 rows a commit, same table."""
    with house.writing() as connection:
        connection.exec_driver_sql(_TABLE)
    rounds = 2 * _ROUNDS + 1
    own, raw = (iter(list(islice(_batches(), rounds + 1))) for _ in range(2))

    def ours() -> None:
        for batch in next(own):
            with house.writing() as connection:
                connection.exec_driver_sql(_INSERT, batch)

    with closing(_plain(folder)) as plain:
        times = paired(ours, lambda: _store_rows(plain, next(raw)), rounds=rounds)
    with house.writing() as connection:
        connection.exec_driver_sql("DROP TABLE bench_rows")
    mine, theirs = times.middle
    return Ratio(
        "SQLite bulk path",
        _ROWS / mine,
        _ROWS / theirs,
        "rows/s",
        0.90,
        at_most=False,
        against="sqlite3 executemany, 1,000 a commit, synchronous=FULL, same table",
        spread=times.spread(),
    )


def _series(random: np.random.Generator, first: int) -> Samples:
    """One hour at 1 Hz of a pack at work."""
    valid = np.ones(_HOUR, np.bool_)
    current = np.cumsum(random.integers(-400, 401, _HOUR)) % 60_000 - 30_000

    def column(values: Int64, exponent: int) -> Column:
        return Column(values.astype(np.int64), valid, exponent)

    return Samples(
        sequence=np.arange(first, first + _HOUR, dtype=np.int64),
        time_ms=_START_MS + 1000 * np.arange(first, first + _HOUR, dtype=np.int64),
        timed=valid,
        columns={
            ColumnKey("voltage"): column(51_000 + np.cumsum(random.integers(-3, 4, _HOUR)), -3),
            ColumnKey("current"): column(current, -3),
            ColumnKey("cell_temperature_max"): column(
                230 + np.cumsum(random.integers(0, 40, _HOUR) == 0), -1
            ),
            ColumnKey("state_of_charge"): column(900 - np.arange(_HOUR) // 12, -1),
        },
    )


def _chunks(house: Any, battery: str, folder: Path) -> Iterator[Ratio]:
    """Hours of samples against a row for each sample: storing alone, and the whole of accepting.

    Accepting checks, encodes, compares with what is stored and writes a receipt. A gateway that has many
    messages waiting puts them into one commit; a device that sends hour by hour waits for one commit each.
    """
    random = np.random.default_rng(_SEED)
    made = [_series(random, hour * _HOUR) for hour in range(_HOURS * (_ROUNDS + 1))]
    at = house.now()
    raw = _batches()

    def beside(ours: Callable[[], None]) -> Paired:
        rows = iter(list(islice(raw, _ROUNDS + 1)))
        with closing(_plain(folder)) as plain:
            return paired(ours, lambda: _store_rows(plain, next(rows)), rounds=_ROUNDS)

    def storing() -> Paired:
        place = (battery, "bench-stored", "1")
        stamp = at.isoformat()
        stored = iter(
            [
                chunk_values(place, one, chunks.encode(one), arrival=number, at=stamp, evidence=None)
                for number, one in enumerate(made)
            ]
        )

        def ours() -> None:
            with house.writing() as connection:
                insert_chunks(connection, list(islice(stored, _HOURS)))

        return beside(ours)

    def intake(source: str, a_commit: int) -> Paired:
        turn = count()

        def ours() -> None:
            first = next(turn) * _HOURS
            for begin in range(first, first + _HOURS, a_commit):
                with house.writing() as connection:
                    for samples in made[begin : begin + a_commit]:
                        accept(
                            connection,
                            battery=battery,
                            source=source,
                            epoch="1",
                            samples=samples,
                            received_at=at,
                        )

        return beside(ours)

    size = len(chunks.encode(made[0]).payload) / _HOUR
    note = f"{size:.2f} bytes a sample of four values"
    many = f"{note}; {_HOURS} hours a commit"
    yield _intake("chunks stored", storing(), 30.0, f"{many}; encoded before")
    yield _intake("samples accepted, many a commit", intake("bench-many", _HOURS), 30.0, many)
    yield _intake("samples accepted, one hour a commit", intake("bench-one", 1), None, note)


def _intake(name: str, times: Paired, bar: float | None, note: str) -> Ratio:
    mine, theirs = times.middle
    ours, raw = _HOURS * _HOUR / mine, _ROWS / theirs
    low, high = (one * _HOURS * _HOUR / _ROWS for one in times.spread())
    return Ratio(
        name,
        ours,
        raw,
        "samples/s",
        bar,
        at_most=False,
        against=_AGAINST,
        note=note,
        spread=(low, high),
    )
