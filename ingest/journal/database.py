"""Migrations of the journal's tables, and which database errors mean "send it again later"."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, exc, text

from ingest.errors import JournalUnavailable

VERSION_TABLE: Final = "alembic_version_ingest"
HEAD: Final = "0002"  # the newest revision in migrations/versions; a test compares

_LATER: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another connection holds a table",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
}


@contextmanager
def available() -> Iterator[None]:
    """Turns a database that cannot take the batch now into one error of ours.

    Raises:
        JournalUnavailable: disk full, read-only or locked; nothing of the batch is stored.
    """
    try:
        yield
    except exc.DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", None)
        reason = _LATER.get(code & 0xFF) if isinstance(code, int) else None
        if reason is None:
            raise
        raise JournalUnavailable(
            f"{reason}; nothing of the batch was stored. Send it again later."
        ) from error


def revision(connection: Connection) -> str | None:
    """The revision of the journal's tables; None before the first migration."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return str(found) if found is not None else None


def upgrade(database: Connection | Engine) -> None:
    """Bring the journal's tables to the newest revision; nothing is done when they are.

    With a connection the caller's transaction is used, and the caller commits.

    Raises:
        JournalUnavailable: the database cannot be written.
    """
    with available():
        if isinstance(database, Connection):
            _upgrade(database)
            return
        with database.connect() as connection, connection.begin():
            if revision(connection) == HEAD:
                return
        # A writer says so at the start where the engine knows the option; two processes then take turns.
        with database.connect() as bare:
            connection = bare.execution_options(cellpass_writer=True)
            with connection.begin():
                _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    if revision(connection) == HEAD:
        return
    # Alembic is only imported when there is something to do: it would cost every command its start.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
