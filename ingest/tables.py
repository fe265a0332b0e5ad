"""The tables of ingestion: chunks of telemetry, the receipts given for them, and what was refused.

The battery comes first in every key, and nothing refers across batteries. Times are text, aware and UTC;
times of measurement are whole milliseconds since 1970. Rows are written by hand-written SQL in
`ingest.journal`; the classes are the schema.
"""

from typing import Final

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Column, Field, SQLModel


def _big(*, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary_key, nullable=nullable, autoincrement=False)


class TelemetryChunkRow(SQLModel, table=True):
    """Rows `first_sequence` to `last_sequence` of one epoch of one source, as `ingest.chunks` writes them."""

    __tablename__ = "telemetry_chunk"
    __table_args__ = (Index("telemetry_chunk_arrival", "battery", "arrival"),)

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    first_sequence: int = Field(sa_column=_big(primary_key=True))
    last_sequence: int = Field(sa_column=_big())
    count: int
    first_time_ms: int | None = Field(sa_column=_big(nullable=True))  # earliest; None when no row has a time
    last_time_ms: int | None = Field(sa_column=_big(nullable=True))  # latest
    arrival: int = Field(sa_column=_big())  # ascending within the battery
    enc: int
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    digest: str  # SHA-256 (hex) of the rows' content
    received_at: str
    evidence: str | None  # SHA-256 (hex) of the file or message the rows came in, when there is one


class TelemetryEpochRow(SQLModel, table=True):
    """What is known of one epoch of one source without opening its chunks."""

    __tablename__ = "telemetry_epoch"

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    rows: int = Field(sa_column=_big())
    absolute: bool  # False when its times count from an unknown start
    first_time_ms: int | None = Field(sa_column=_big(nullable=True))
    last_sequence: int = Field(sa_column=_big())
    contiguous: int | None = Field(sa_column=_big(nullable=True))  # None until number 0 or 1 has come
    woven: bool  # True when ranges of chunks overlap because late rows fell into the holes of others


class TelemetrySourceRow(SQLModel, table=True):
    """How often a source usually speaks of a battery; decides which silence is unknown time."""

    __tablename__ = "telemetry_source"

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    usual_period_ms: int = Field(sa_column=_big())


class ReceiptRow(SQLModel, table=True):
    """A batch that was accepted, so that the same bytes are known again without opening a chunk."""

    __tablename__ = "receipt"

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    first_sequence: int = Field(sa_column=_big(primary_key=True))
    digest: str = Field(primary_key=True)
    count: int
    received_at: str


class IntakeConflictRow(SQLModel, table=True):
    """A batch that was refused because other content already stands under one of its numbers."""

    __tablename__ = "intake_conflict"

    battery: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    sequence: int = Field(sa_column=_big(primary_key=True))  # the first number with other content
    digest: str = Field(primary_key=True)  # of the refused batch
    columns: str  # which columns differ, separated by spaces
    received_at: str


class SourceNoteRow(SQLModel, table=True):
    """What the reader of a broker's messages must know after a restart; no row of any battery.

    It is the source's, not a battery's: which messages of late are stored already, and what the births of a
    device said. It changes, and losing it loses no row.
    """

    __tablename__ = "source_note"

    source: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


TABLES: Final[tuple[type[SQLModel], ...]] = (
    TelemetryChunkRow,
    TelemetryEpochRow,
    TelemetrySourceRow,
    ReceiptRow,
    IntakeConflictRow,
    SourceNoteRow,
)
NAMES: Final = frozenset(str(table.__tablename__) for table in TABLES)

APPEND_ONLY: Final = ("receipt", "intake_conflict")
"""Tables whose rows are added, never changed and never taken away."""
