"""What the lifecycle needs of others, handed in by `app`; every call runs on an open transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from schemas.samples import Chunk


class Telemetry(Protocol):
    """Stored telemetry of a battery in the order of folding."""

    def order(self, connection: Connection, battery: str) -> Sequence[tuple[str, str, int]]:
        """Every (source, epoch) in the order of folding, with its number of rows."""

    def chunks(
        self, connection: Connection, battery: str, *, after: tuple[str, str, int] | None
    ) -> Iterable[Chunk]:
        """All rows in the order of folding, or those after (source, epoch, sequence)."""

    def max_gap_ms(self, connection: Connection, battery: str) -> Mapping[str, int]:
        """By source, the longest step between rows that still counts as observed time."""


class Load(Protocol):
    """Reads the stored bytes of a state."""

    def __call__(self, connection: Connection, battery_id: str, /) -> bytes | None:
        """None when the battery was never folded."""


class Save(Protocol):
    """Stores the bytes of a state."""

    def __call__(
        self, connection: Connection, battery_id: str, data: bytes, last_arrival: int, at: datetime, /
    ) -> None:
        """`last_arrival` is the journal's number of the newest rows that this folding met."""
