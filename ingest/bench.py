"""Benchmarks of intake: bulk rows and stored chunks, against the plainest durable rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest import chunks
from ingest.journal import accept
from schemas.measure import Ratio, paired
from schemas.samples import Column, ColumnKey, Int64, Samples

_ROWS: Final = 20_000
_BATCH: Final = 1000
_HOUR: Final = 3600
_SEED: Final = 20270218
_START_MS: Final = 1_767_225_600_000
_TABLE: Final = (
    "CREATE TABLE {name} (battery TEXT, at INTEGER, voltage INTEGER, current INTEGER, temperature INTEGER,"
    " charge INTEGER, PRIMARY KEY (at, battery)) WITHOUT ROWID"
)
_INSERT: Final = "INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?)"


def run(house: Any, battery: str, folder: Path) -> Iterator[Ratio]:
    """Needs a house with one battery; writes into its own tables and sources."""
    yield _bulk(house, folder)
    yield _chunks(house, battery, folder)


def _plain(folder: Path, name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_TABLE.format(name=name))
    return connection


def _bulk(house: Any, folder: Path) -> Ratio:
    """The engine's bulk path against the driver's `executemany`, 1,000 rows a commit, same table."""
    turn = count()
    with house.writing() as connection:
        connection.exec_driver_sql(_TABLE.format(name="bench_rows"))
    insert = _INSERT.format(name="bench_rows")

    def rows() -> list[list[tuple[Any, ...]]]:
        first = next(turn) * _ROWS
        return [
            [("B", first + at + n, 51_000, -20_000, 231, 512) for n in range(_BATCH)]
            for at in range(0, _ROWS, _BATCH)
        ]

    with closing(_plain(folder, "bench_rows")) as plain:

        def ours() -> None:
            for batch in rows():
                with house.writing() as connection:
                    connection.exec_driver_sql(insert, batch)

        def theirs() -> None:
            for batch in rows():
                plain.execute("BEGIN IMMEDIATE")
                plain.executemany(insert, batch)
                plain.execute("COMMIT")

        mine, raw = paired(ours, theirs)
    with house.writing() as connection:
        connection.exec_driver_sql("DROP TABLE bench_rows")
    return Ratio(
        "SQLite bulk path",
        _ROWS / mine,
        _ROWS / raw,
        "rows/s",
        0.90,
        at_most=False,
        against="sqlite3 executemany, 1,000 a commit, synchronous=FULL, same table",
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


def _chunks(house: Any, battery: str, folder: Path) -> Ratio:
    """Accepting hours of samples, encoding and receipts included, against a row for each sample."""
    random = np.random.default_rng(_SEED)
    turn = count()
    hours = 24

    with closing(_plain(folder, "sample")) as plain:

        def ours() -> None:
            first = next(turn) * hours * _HOUR
            for hour in range(hours):
                with house.writing() as connection:
                    accept(
                        connection,
                        battery=battery,
                        source="bench",
                        epoch="1",
                        samples=_series(random, first + hour * _HOUR),
                        received_at=house.now(),
                    )

        def theirs() -> None:
            first = next(turn) * hours * _HOUR
            for at in range(first, first + hours * _HOUR, _BATCH):
                plain.execute("BEGIN IMMEDIATE")
                plain.executemany(
                    _INSERT.format(name="sample"),
                    [("B", at + n, 51_000, -20_000, 231, 512) for n in range(_BATCH)],
                )
                plain.execute("COMMIT")

        mine, raw = paired(ours, theirs, rounds=3)
    size = len(chunks.encode(_series(random, 0)).payload) / _HOUR
    return Ratio(
        "stored chunks, accepted and durable",
        hours * _HOUR / mine,
        hours * _HOUR / raw,
        "samples/s",
        30.0,
        at_most=False,
        against="a row per sample in the fastest table, 1,000 a commit",
        note=f"{size:.2f} bytes a sample of four values; one commit an hour of data",
    )
