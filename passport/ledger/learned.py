"""Keep and give back what was learned from one operator's batteries, as opaque documents.

Rows are added and never changed: an old method id names a digest, and what it names can still be read.
"""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from schemas.values import utc_text

WINDOWS = "windows"
CALIBRATION = "calibration"


def store(
    connection: Connection,
    *,
    operator: str,
    kind: str,
    model: str,
    digest: str,
    body: dict[str, Any],
    at: datetime,
) -> bool:
    """Add a revision; False when the newest one says the same."""
    newest = connection.exec_driver_sql(
        "SELECT revision, digest FROM learned WHERE operator = ? AND kind = ? AND model = ?"
        " ORDER BY revision DESC LIMIT 1",
        (operator, kind, model),
    ).first()
    if newest is not None and newest[1] == digest:
        return False
    connection.exec_driver_sql(
        "INSERT INTO learned (operator, kind, model, revision, digest, at, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            operator,
            kind,
            model,
            1 if newest is None else newest[0] + 1,
            digest,
            utc_text(at),
            orjson.dumps(body, option=orjson.OPT_SORT_KEYS),
        ),
    )
    return True


def newest(connection: Connection, operator: str, kind: str, model: str = "") -> dict[str, Any] | None:
    """The document of that operator and kind; None where nothing was learned."""
    row = connection.exec_driver_sql(
        "SELECT body FROM learned WHERE operator = ? AND kind = ? AND model = ?"
        " ORDER BY revision DESC LIMIT 1",
        (operator, kind, model),
    ).first()
    if row is None:
        return None
    body: dict[str, Any] = orjson.loads(row[0])
    return body
