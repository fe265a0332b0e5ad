"""Reading the journal in the order of folding, and keeping it compact."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from ingest import chunks
from ingest.journal import rows
from ingest.journal.accept import chunk_values, insert_chunks
from ingest.journal.database import available
from schemas.samples import Chunk, Samples

_DAY_MS: Final = 86_400_000
_DAY_ROWS: Final = 86_400
_DEFAULT_PERIOD_MS: Final = 60_000


@dataclass(frozen=True)
class _Stored:
    """A row of telemetry_chunk without its payload opened."""

    first: int
    last: int
    count: int
    first_time_ms: int | None
    arrival: int
    payload: bytes
    received_at: str
    evidence: str | None


class StoredTelemetry:
    """The journal as the passport side reads it (`passport.lifecycle.ports.Telemetry`)."""

    def chunks(
        self, connection: Connection, battery: str, *, after: tuple[str, str, int] | None
    ) -> Iterator[Chunk]:
        """See `iter_chunks`."""
        return iter_chunks(connection, battery, after=after)

    def order(self, connection: Connection, battery: str) -> tuple[tuple[str, str, int], ...]:
        """See `epoch_order`."""
        return epoch_order(connection, battery)

    def max_gap_ms(self, connection: Connection, battery: str) -> dict[str, int]:
        """See `max_gap_ms`."""
        return max_gap_ms(connection, battery)


def holders(connection: Connection, epoch: str) -> tuple[str, ...]:
    """Batteries that have rows of an epoch, as of a file's digest."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT battery FROM telemetry_epoch WHERE epoch = ? ORDER BY battery", (epoch,)
    )
    return tuple(row[0] for row in rows)


def epoch_order(connection: Connection, battery: str) -> tuple[tuple[str, str, int], ...]:
    """Every (source, epoch) of a battery in the order of folding, with its number of rows.

    Sources by name. Within one: runs of the device by number, then files by their earliest time (the digest
    breaks ties), then files without absolute times by digest.
    """
    found = connection.exec_driver_sql(
        "SELECT source, epoch, absolute, first_time_ms, rows FROM telemetry_epoch WHERE battery = ?",
        (battery,),
    )
    return tuple((row[0], row[1], row[4]) for row in sorted(found, key=lambda row: _place(row[:4])))


def _place(row: Sequence[object]) -> tuple[str, int, int, str]:
    source, epoch, absolute, first_time_ms = row
    assert isinstance(source, str)
    assert isinstance(epoch, str)
    if epoch.isdigit():
        return (source, 0, int(epoch), "")
    if absolute and isinstance(first_time_ms, int):
        return (source, 1, first_time_ms, epoch)
    return (source, 2, 0, epoch)


def max_gap_ms(connection: Connection, battery: str) -> dict[str, int]:
    """By source, the longest step between rows that still counts as observed: ten periods, 60 s to 1 h.

    A source whose period nobody stated is taken to speak once a minute.
    """
    found = connection.exec_driver_sql(
        "SELECT e.source, s.usual_period_ms "
        "FROM (SELECT DISTINCT source FROM telemetry_epoch WHERE battery = ?) e "
        "LEFT JOIN telemetry_source s ON s.battery = ? AND s.source = e.source",
        (battery, battery),
    )
    return {row[0]: min(max(10 * (row[1] or _DEFAULT_PERIOD_MS), 60_000), 3_600_000) for row in found}


def stored_chunks(connection: Connection, battery: str, after_arrival: int | None = None) -> list[Chunk]:
    """Stored rows of a battery in the order of folding; with `after_arrival` only chunks that came later.

    Raises:
        ChunkCorrupt: a stored chunk cannot be read.
    """
    return list(iter_chunks(connection, battery, after_arrival=after_arrival))


def iter_chunks(
    connection: Connection,
    battery: str,
    *,
    after_arrival: int | None = None,
    after: tuple[str, str, int] | None = None,
) -> Iterator[Chunk]:
    """As `stored_chunks`, one opened at a time.

    With `after` (source, epoch, sequence) that row and all before it are left out.

    Ranges of one epoch never overlap in what is returned: where late rows were woven into the holes of a
    chunk, it is given in pieces.

    Raises:
        ChunkCorrupt: a stored chunk cannot be read.
    """
    waiting = after is not None
    for source, epoch, _ in epoch_order(connection, battery):
        beyond = -1
        if after is not None and waiting:
            if (source, epoch) != after[:2]:
                continue
            waiting = False
            beyond = after[2]
        place = (battery, source, epoch)
        for group in _apart(_stored(connection, place, after_arrival, beyond=beyond)):
            parts = [(stored.arrival, chunks.decode(stored.payload)) for stored in group]
            for arrival, part in rows.woven(parts):
                kept = part if int(part.sequence[0]) > beyond else rows.take(part, part.sequence > beyond)
                if len(kept):
                    yield Chunk(battery, source, epoch, arrival, kept)


def _stored(
    connection: Connection,
    place: tuple[str, str, str],
    after_arrival: int | None = None,
    *,
    beyond: int = -1,
    payloads: bool = True,
) -> list[_Stored]:
    payload = "payload" if payloads else "x''"
    found = connection.exec_driver_sql(
        "SELECT first_sequence, last_sequence, count, first_time_ms, arrival, "
        f"{payload}, received_at, evidence "
        "FROM telemetry_chunk WHERE battery = ? AND source = ? AND epoch = ? AND arrival > ? "
        "AND last_sequence > ? ORDER BY first_sequence",
        (*place, -1 if after_arrival is None else after_arrival, beyond),
    )
    return [_Stored(*row) for row in found]


def _apart(stored: Iterable[_Stored]) -> list[list[_Stored]]:
    """Groups of chunks whose ranges overlap; nearly always one chunk each."""
    groups: list[list[_Stored]] = []
    reach = -1
    for chunk in stored:
        if chunk.first <= reach:
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
        reach = max(reach, chunk.last)
    return groups


def compact(connection: Connection, battery: str) -> int:
    """Join small chunks of each epoch to at most one a day; how many chunks there are fewer.

    No row changes. A joined chunk carries the highest arrival number of its parts, so whoever folded all
    parts has nothing new to fold, and whoever folded only some sees rows at or before its place and folds
    anew.

    Raises:
        ChunkCorrupt: a stored chunk cannot be read; nothing is changed.
    """
    fewer = 0
    with available():
        for source, epoch, _ in epoch_order(connection, battery):
            place = (battery, source, epoch)
            # Payloads are read only of what is joined: most of a long history stays as it is.
            for group in _days(_apart(_stored(connection, place, payloads=False))):
                fewer += _merge(connection, place, group)
            remaining = _apart(_stored(connection, place, payloads=False))
            connection.exec_driver_sql(
                "UPDATE telemetry_epoch SET woven = ? WHERE battery = ? AND source = ? AND epoch = ?",
                (any(len(group) > 1 for group in remaining), *place),
            )
    return fewer


def _days(groups: Iterable[list[_Stored]]) -> list[list[_Stored]]:
    """Neighbouring groups that belong to one day, or to one day's worth of rows where there is no time."""
    days: list[list[_Stored]] = []
    day: object = None
    count = 0
    for group in groups:
        first = group[0]
        own: object = first.first_time_ms // _DAY_MS if first.first_time_ms is not None else "untimed"
        size = sum(chunk.count for chunk in group)
        if days and own == day and (own != "untimed" or count + size <= _DAY_ROWS):
            days[-1].extend(group)
            count += size
        else:
            days.append(list(group))
            day, count = own, size
    return days


def _merge(connection: Connection, place: tuple[str, str, str], group: list[_Stored]) -> int:
    if len(group) < 2:
        return 0
    own = {stored.first for stored in group}
    payloads = connection.exec_driver_sql(
        "SELECT first_sequence, payload FROM telemetry_chunk "
        "WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence BETWEEN ? AND ?",
        (*place, min(own), max(own)),
    )
    parts = [chunks.decode(payload) for first, payload in payloads if first in own]
    try:
        samples: Samples = rows.join(parts)
        encoded = chunks.encode(samples)
    except ValueError:
        return 0  # too large for one chunk, or a column changed its origin: they stay apart
    connection.exec_driver_sql(
        "DELETE FROM telemetry_chunk WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence = ?",
        [(*place, stored.first) for stored in group],
    )
    evidence = {stored.evidence for stored in group}
    arrival = max(stored.arrival for stored in group)
    received_at = max(stored.received_at for stored in group)
    only = evidence.pop() if len(evidence) == 1 else None
    insert_chunks(
        connection, [chunk_values(place, samples, encoded, arrival=arrival, at=received_at, evidence=only)]
    )
    return len(group) - 1
