"""What was decided once for an installation and stays: the public URL that printed codes lead to."""

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from urllib.parse import quote

from sqlalchemy import Connection

from passport.ledger.database import FILE_NAME


def public_url(connection: Connection) -> str | None:
    """The URL under which records are issued here; None before the first issue."""
    found = connection.exec_driver_sql("SELECT value FROM fixed WHERE name = 'public_url'").scalar()
    return str(found) if found is not None else None


def peek_public_url(data_dir: Path) -> str | None:
    """The same, read before anything is opened or made; None where there is no database yet."""
    path = (data_dir / FILE_NAME).resolve()
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT value FROM fixed WHERE name = 'public_url'").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return None  # opening it in earnest will say what is wrong
    return str(row[0]) if row else None


def only_simulated(connection: Connection) -> bool:
    """Whether every battery here exists in a simulator only."""
    return connection.exec_driver_sql("SELECT 1 FROM battery WHERE simulated = 0 LIMIT 1").first() is None


def remove_demo(data_dir: Path) -> None:
    """Take away database, keys and cached documents of a demo; whoever calls made sure that it is one."""
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (data_dir / name).unlink(missing_ok=True)
    for folder in ("keys", "cache"):
        rmtree(data_dir / folder, ignore_errors=True)
