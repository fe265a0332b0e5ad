"""The journal: where readings become durable, once, however they were cut and in any order of arrival.

It may import tables, chunks and the vocabulary; every call runs on the caller's open transaction.
It must never open or end a transaction of its own, and never answer before the caller's commit.
"""

from ingest.journal.accept import (
    CRASH_POINTS,
    OtherContent,
    Receipt,
    accept,
    crash_here,
    intake,
    note_conflict,
    set_usual_period,
    usual_period_ms,
)
from ingest.journal.database import available, upgrade
from ingest.journal.notes import note, notes
from ingest.journal.store import (
    StoredTelemetry,
    compact,
    epoch_order,
    holders,
    max_gap_ms,
    stored_chunks,
)

__all__ = [
    "CRASH_POINTS",
    "OtherContent",
    "Receipt",
    "StoredTelemetry",
    "accept",
    "available",
    "compact",
    "crash_here",
    "epoch_order",
    "holders",
    "intake",
    "max_gap_ms",
    "note",
    "note_conflict",
    "notes",
    "set_usual_period",
    "stored_chunks",
    "upgrade",
    "usual_period_ms",
]
