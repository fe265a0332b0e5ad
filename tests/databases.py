"""The ledger's database, migrated once and copied for each test: migrations take longer than most tests.

That they run and what they leave is tested in `tests/passport/ledger/test_database.py`, without this.
"""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from passport.ledger import database


@cache
def _empty() -> bytes:
    """The file of an empty database with all tables, its log written back into it."""
    with tempfile.TemporaryDirectory() as folder:
        engine = database.open_database(Path(folder))
        database.upgrade(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return (Path(folder) / database.FILE_NAME).read_bytes()


def migrated(folder: Path) -> Engine:
    """The engine of a data folder's database, which has all tables."""
    file = folder / database.FILE_NAME
    if not file.exists():
        file.write_bytes(_empty())
    engine = database.open_database(folder)
    database.upgrade(engine)  # finds nothing to do, unless the file was there before
    return engine
