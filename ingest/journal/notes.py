"""What the reader of a broker's messages knows after a restart, written in the transaction of its rows."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ingest.journal.database import available


def notes(connection: Connection, source: str) -> dict[str, bytes]:
    """All notes of a source, by name in ascending order."""
    found = connection.exec_driver_sql(
        "SELECT name, content FROM source_note WHERE source = ? ORDER BY name", (source,)
    )
    return {row[0]: bytes(row[1]) for row in found}


def note(connection: Connection, source: str, changes: Mapping[str, bytes | None]) -> None:
    """Write notes, and take away those that are None.

    Raises:
        JournalUnavailable: disk full, read-only or locked.
    """
    with available():
        for name, content in changes.items():
            if content is None:
                connection.exec_driver_sql(
                    "DELETE FROM source_note WHERE source = ? AND name = ?", (source, name)
                )
                continue
            connection.exec_driver_sql(
                "INSERT INTO source_note (source, name, content) VALUES (?, ?, ?) "
                "ON CONFLICT (source, name) DO UPDATE SET content = excluded.content",
                (source, name, content),
            )
