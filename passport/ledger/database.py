"""The one database of an installation: opening, transactions, migrations; a dialect's ways stand only here.

The rules, which the promises of durability rest on:

1. WAL with `synchronous=FULL`: a commit that returned is on disk.
2. A writer says so at the start (`BEGIN IMMEDIATE`): it waits for its turn once, and what it read stays true
   until it commits.
3. A full disk, a read-only file, a lock that never ends and a file that is damaged or somebody else's are
   one trouble to callers: `StoreUnavailable`.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import NullPool

from passport.errors import StoreUnavailable

FILE_NAME: Final = "cellpass.db"
VERSION_TABLE: Final = "alembic_version_passport"
HEAD: Final = "0014"  # the newest revision in migrations/versions; a test compares

_WRITER: Final = "cellpass_writer"
_BUSY_TIMEOUT_S: Final = 10.0
# Each waits as long as an ordinary transaction does.
_UPGRADE_ATTEMPTS: Final = 12
_MMAP_BYTES: Final = 256 * 1024 * 1024
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=OFF",
    # What was erased is overwritten: a disclosure that must go is gone from the file as well.
    "PRAGMA secure_delete=ON",
    f"PRAGMA mmap_size={_MMAP_BYTES}",
)
_UNAVAILABLE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another connection holds a table",
    sqlite3.SQLITE_IOERR: "the disk refused to read or write",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_PERM: "the database file may not be used",
}
_DAMAGED_ADVICE: Final = (
    f"{FILE_NAME} is damaged, or no SQLite database; nothing was changed. Put back a copy of the data folder."
)
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})


def open_database(data_dir: Path, *, readonly: bool = False) -> Engine:
    """The engine of DATA/cellpass.db; the file is made on first use unless `readonly`.

    Raises:
        StoreUnavailable: the file cannot be opened, or is read-only where writing was asked for.
    """
    path = data_dir / FILE_NAME
    query = {"uri": "true", "mode": "ro" if readonly else "rwc"}
    engine = create_engine(
        URL.create("sqlite+cellpass", database=f"file:{quote(str(path.resolve()))}", query=query),
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False, "cached_statements": 256},
        **({"poolclass": NullPool} if readonly else {"pool_size": 8, "max_overflow": 24}),
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # `_Dialect.do_begin` alone decides where a transaction starts.
        connection.isolation_level = None
        try:
            for pragma in _PRAGMAS if not readonly else (*_PRAGMAS[2:], "PRAGMA query_only=ON"):
                connection.execute(pragma)
        except UnicodeDecodeError as error:  # the driver quotes a damaged page as if it were text
            raise StoreUnavailable(_DAMAGED_ADVICE) from error

    @event.listens_for(engine, "checkin")
    def _given_back(_connection: Any, record: Any) -> None:
        record.info.pop(_WRITER, None)

    return engine


class _Dialect(SQLiteDialect_pysqlite):
    """SQLite as SQLAlchemy knows it, except that transactions begin by rule 2.

    An event listener could do the same, at the price of asking for listeners at every statement.
    """

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        """The driver's own transaction handling is switched off: only here one starts."""
        writer = _WRITER in dbapi_connection.info
        dbapi_connection.driver_connection.execute("BEGIN IMMEDIATE" if writer else "BEGIN")

    def set_connection_execution_options(self, connection: Connection, opts: Mapping[str, Any]) -> None:
        """`cellpass_writer` makes a connection begin as a writer, until it is given back."""
        super().set_connection_execution_options(connection, opts)
        if opts.get(_WRITER):
            connection.info[_WRITER] = True


registry.register("sqlite.cellpass", __name__, "_Dialect")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: durable when the block ends, undone when it raises.

    Raises:
        StoreUnavailable: the disk is full, the file read-only, or another writer never let go.
    """
    try:
        with engine.connect() as connection:
            connection.info[_WRITER] = True
            with connection.begin():
                yield connection
    except exc.DBAPIError as error:
        if (sentence := _unavailable(error.orig)) is None:
            raise
        raise StoreUnavailable(sentence) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read: everything in the block sees the same moment.

    Raises:
        StoreUnavailable: the file cannot be read.
    """
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except exc.DBAPIError as error:
        if (sentence := _unavailable(error.orig)) is None:
            raise
        raise StoreUnavailable(sentence) from error


def _unavailable(error: BaseException | None) -> str | None:
    """In words, why the database could not take or give anything; None for any other trouble."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    if code & 0xFF in _DAMAGED:
        return _DAMAGED_ADVICE
    reason = _UNAVAILABLE.get(code & 0xFF)
    return reason and f"{reason}; nothing was changed. Free space or rights, then try again."


def marks(values: Sequence[object]) -> str:
    """So many places for values, for `IN (...)`; callers ask for groups, never for a fleet.

    >>> marks(["a", "b"])
    '?, ?'
    """
    return ", ".join("?" * len(values))


def part_of_blob(
    connection: Connection, table: str, column: str, key: str, value: str, offset: int, count: int
) -> bytes | None:
    """So many bytes of a blob from an offset, without reading the whole of it; None where there is none.

    Args:
        connection: the caller's; only a moment of it is used.
        table: its table.
        column: the blob's column; neither name comes from outside.
        key: the column that finds the row.
        value: what it holds.
        offset: first byte.
        count: how many, fewer at the end.
    """
    if connection.dialect.name != "sqlite":
        query = text(f"SELECT substr({column}, :first, :count) FROM {table} WHERE {key} = :value")
        part = connection.execute(query, {"first": offset + 1, "count": count, "value": value}).scalar()
        return None if part is None else bytes(part)
    row = connection.execute(
        text(f"SELECT rowid FROM {table} WHERE {key} = :value"), {"value": value}
    ).scalar()
    if row is None:
        return None
    driver: Any = connection.connection.driver_connection
    try:
        blob = driver.blobopen(table, column, row, readonly=True)
    except sqlite3.OperationalError as error:
        if "type null" in str(error):
            return None
        raise
    with blob:
        blob.seek(offset)
        found: bytes = blob.read(count)
        return found


def upgrade(engine: Engine) -> None:
    """Bring the ledger's tables to the newest revision; nothing is done when they are.

    Processes starting together are served one after the other, as the migration is one write transaction; who
    comes second waits for it longer than for an ordinary one.

    Raises:
        StoreUnavailable: the database cannot be written, is somebody else's, or of a newer release.
    """
    for attempt in range(1, _UPGRADE_ATTEMPTS + 1):
        with reading(engine) as connection:
            found = revision(connection)
            if found == HEAD:
                return
            _refuse_foreign(connection, found)
        try:
            _migrate(engine)
        except StoreUnavailable:
            if attempt == _UPGRADE_ATTEMPTS:
                raise


def _migrate(engine: Engine) -> None:
    # Alembic is only imported when there is something to do: it would cost every command its start.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_foreign(connection: Connection, found: str | None) -> None:
    """Tables are only made in an empty file, and only brought forward."""
    tables = connection.dialect.get_table_names(connection)
    if tables and not any(name.startswith("alembic_version_") for name in tables):
        raise StoreUnavailable(
            f"{FILE_NAME} is another program's database: expected Cellpass's tables, found"
            f" {', '.join(sorted(tables)[:5])}; nothing was changed. Choose another folder with --data."
        )
    if found is not None and found > HEAD:
        raise StoreUnavailable(
            f"{FILE_NAME} was written by a newer Cellpass (revision {found}, this one knows {HEAD});"
            " nothing was changed. Use that release."
        )


def revision(connection: Connection) -> str | None:
    """The revision of the ledger's tables; None before the first migration."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return str(found) if found is not None else None
