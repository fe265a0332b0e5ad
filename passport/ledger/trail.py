"""The audit as what is doubted writes and reads it: one entry when a doubt begins, one when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from passport.ledger.database import marks
from schemas.values import from_utc_text, utc_text

DOUBT: Final = "doubt"
DOUBT_ENDED: Final = "doubt ended"


@dataclass(frozen=True)
class Doubted:
    """A doubt about a battery's device that is not over.

    Attributes:
        source: id of the device.
        what: rule, code and part, such as `rule 9 slot_shift module/2`.
        sentence: what was seen.
        since: when it was written down.
    """

    battery: str
    source: str
    what: str
    sentence: str
    since: datetime


def write(
    connection: Connection, *, at: datetime, actor: str, action: str, battery: str | None, detail: str
) -> None:
    """One entry of the audit."""
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, ?, ?, NULL, NULL, ?)",
        (utc_text(at), actor, action, battery, detail),
    )


def standing(connection: Connection, battery_ids: Sequence[str]) -> tuple[Doubted, ...]:
    """Doubts that began and did not end, the oldest first."""
    if not battery_ids:
        return ()
    rows = connection.exec_driver_sql(
        "SELECT at, actor, action, battery, detail FROM audit"
        f" WHERE action IN (?, ?) AND battery IN ({marks(battery_ids)}) ORDER BY id",
        (DOUBT, DOUBT_ENDED, *battery_ids),
    )
    found: dict[tuple[str, str, str], Doubted] = {}
    for at, actor, action, battery, detail in rows:
        what, _, sentence = detail.partition(": ")
        source = actor.removeprefix("device:")
        key = (battery, source, what)
        if action == DOUBT_ENDED:
            found.pop(key, None)
        else:
            found.setdefault(key, Doubted(battery, source, what, sentence, from_utc_text(at)))
    return tuple(found.values())
