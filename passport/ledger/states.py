"""Folded states of batteries as opaque bytes; what they mean is `passport.lifecycle`'s affair."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from passport.ledger.database import marks
from schemas.values import utc_text


def load_state(connection: Connection, battery_id: str) -> bytes | None:
    """The bytes last saved; None when the battery was never folded."""
    row = connection.exec_driver_sql(
        "SELECT data FROM lifecycle_state WHERE battery = ?", (battery_id,)
    ).first()
    return bytes(row[0]) if row is not None else None


def load_states(connection: Connection, battery_ids: Sequence[str]) -> dict[str, bytes]:
    """The same for several, by battery id; one that was never folded is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT battery, data FROM lifecycle_state WHERE battery IN ({marks(battery_ids)})",
        tuple(battery_ids),
    )
    return {row[0]: bytes(row[1]) for row in rows}


def save_state(connection: Connection, battery_id: str, data: bytes, last_arrival: int, at: datetime) -> None:
    """Replace the battery's state; `last_arrival` is the journal's number of the newest folded rows."""
    connection.exec_driver_sql(
        "INSERT INTO lifecycle_state (battery, data, last_arrival, updated_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (battery) DO UPDATE SET data = excluded.data, last_arrival = excluded.last_arrival,"
        " updated_at = excluded.updated_at",
        (battery_id, data, last_arrival, utc_text(at)),
    )
