"""The few questions that are asked all day, answered by one prepared statement each.

A pooled connection, a transaction and its result object cost several times what SQLite needs to find a row by
its key. Here every thread has one read-only driver connection of its own; a statement is its own transaction.
An engine that is not SQLite has no such road: callers then go the usual one.
"""

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine


class Direct:
    """Reads of one SQLite file, past the engine.

    Attributes:
        engine: the usual road to the same database.
    """

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened yet."""
        self.engine = engine
        self._local = threading.local()
        self._address = str(engine.url.database) if engine.dialect.name == "sqlite" else ""

    def one(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The first row of the answer; None when there is none.

        Raises:
            sqlite3.Error: the store is no SQLite file, or cannot be read.
        """
        row: tuple[Any, ...] | None = self.execute()(query, values).fetchone()
        return row

    def execute(self) -> Callable[..., sqlite3.Cursor]:
        """`execute` of this thread's connection, opened on first use.

        Raises:
            sqlite3.Error: as for `one`.
        """
        execute: Callable[..., sqlite3.Cursor] | None = getattr(self._local, "execute", None)
        if execute is None:
            if not self._address:
                raise sqlite3.OperationalError("the store is no SQLite file")
            address = self._address if self._address.startswith("file:") else f"file:{self._address}"
            connection = sqlite3.connect(
                f"{address}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA mmap_size=268435456")
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
            execute = self._local.execute = connection.execute
        return execute

    def forget(self) -> None:
        """Open this thread's connection anew next time; after trouble."""
        self._local.__dict__.clear()
