"""Issuing, reading and verifying records, against the plainest durable insert and read of the same bytes."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final

from passport.ledger import versions
from passport.signing.verify import verify_file
from schemas.measure import Ratio, paired
from schemas.terms import Audience, RecordKind

_TIMES: Final = 60


def run(house: Any, battery: str, folder: Path) -> Iterator[Ratio]:
    """Needs a house with one issued battery."""
    from passport.issue import view_of

    now = house.now()
    blob = os.urandom(20_000)
    numbers = count()
    with closing(sqlite3.connect(folder / "yardstick.db", isolation_level=None)) as plain:
        plain.execute("PRAGMA journal_mode=WAL")
        plain.execute("PRAGMA synchronous=FULL")
        plain.execute("CREATE TABLE blob (id INTEGER PRIMARY KEY, data BLOB)")

        def insert() -> None:
            for _ in range(_TIMES):
                plain.execute("INSERT INTO blob VALUES (?, ?)", (next(numbers), blob))

        def issue() -> None:
            for _ in range(_TIMES):
                house.issuer.issue(battery, RecordKind.PASSPORT, now=now, incomplete="benchmark", force=True)

        ours, theirs = paired(issue, insert, rounds=3)
        yield Ratio(
            "issue a version",
            _TIMES / ours,
            _TIMES / theirs,
            "versions/s",
            0.4,
            at_most=False,
            against="raw 20 KB insert, one commit each, synchronous=FULL",
            note="gate, intent, signature in another process, leaf, checkpoint, search row: three commits",
        )

        with house.reading() as connection:
            version = versions.latest(connection, battery, RecordKind.PASSPORT)
            assert version is not None

            def read() -> None:
                for _ in range(2000):
                    connection.exec_driver_sql(
                        "SELECT jwt FROM version WHERE battery = ? AND kind = ? AND version = ?",
                        (version.battery, version.kind.value, version.version),
                    ).fetchone()

            def read_raw() -> None:
                for _ in range(2000):
                    plain.execute("SELECT data FROM blob WHERE id = 7").fetchone()

            ours, theirs = paired(read, read_raw)
            yield Ratio(
                "read a signed record",
                2000 / ours,
                2000 / theirs,
                "reads/s",
                0.5,
                at_most=False,
                against="raw BLOB read by key, sqlite3",
                note=f"{len(version.jwt) / 1000:.1f} KB signed part",
            )
            record = view_of(connection, version, Audience.LEGITIMATE_INTEREST).record
            from passport.ledger import operators

            keys = operators.jwks(connection, version.operator)["keys"]

        def verify() -> None:
            for _ in range(20):
                verify_file(record, jwks=keys, now=now)

        ours, _ = paired(verify, lambda: None)
        yield Ratio(
            "verify a record",
            ours / 20 * 1000,
            None,
            "ms",
            3.0,
            at_most=True,
            against="absolute bar",
            note=f"{len(record) / 1000:.1f} KB, all ten lines",
        )
