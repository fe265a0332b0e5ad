"""Accepting a batch: each row is stored once, whatever way the same rows were cut into batches.

The steps, on the caller's open transaction:

1. Refuse what has no place: empty names, numbers below zero, an epoch that is neither a number nor a file's
   digest.
2. The same batch again (same numbers, same digest) is known by its receipt: nothing is opened.
3. A batch beyond everything stored of its epoch is written as it came.
4. Otherwise the stored rows in its range are opened and compared: equal rows are duplicates, other content
   under
   the same number is a conflict and the first stays; rows that are new are cut out and written.
5. Epoch and receipt are written beside the rows, so that one commit makes all of it durable.

The receipt is an answer only after the caller's commit.
"""

import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from sqlalchemy import Connection

from ingest import chunks
from ingest.errors import EnvelopeRefused, SequenceConflict
from ingest.journal import rows
from ingest.journal.database import available
from schemas.samples import Int64, Samples

CRASH_POINTS: Final = ("intake.before_insert", "intake.before_commit", "intake.before_answer")
"""Named moments at which a test kills the process, through the environment variable CELLPASS_CRASH_AT."""

LARGEST_SEQUENCE: Final = 2**53 - 1  # what every JSON reader can hold
EARLIEST_MS: Final = -62_135_596_800_000  # the first and the last moment that a calendar can name:
LATEST_MS: Final = 253_402_300_799_999  # years 1 to 9999
_EPOCH: Final = re.compile(r"(0|[1-9][0-9]{0,15}|sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Receipt:
    """What became of a batch.

    Attributes:
        accepted: rows that are new.
        duplicates: rows that were stored before, with the same content.
        contiguous: every number from 0 or 1 up to this one is stored, so the device may forget them; None
            while
            neither 0 nor 1 has come.
        digest: SHA-256 (hex) of the batch's rows.
    """

    battery: str
    source: str
    epoch: str
    accepted: int
    duplicates: int
    contiguous: int | None
    digest: str


class OtherContent(SequenceConflict):
    """A conflict with what `note_conflict` needs to write it down."""

    def __init__(
        self, battery: str, source: str, epoch: str, difference: rows.Difference, digest: str
    ) -> None:
        super().__init__(
            f"source {source}, epoch {epoch}: other content is already stored under number "
            f"{difference.sequence} (differs in: {', '.join(difference.columns)}). The first stays; nothing "
            "of this batch was stored. A device that starts to count again needs a new epoch."
        )
        self.battery = battery
        self.source = source
        self.epoch = epoch
        self.difference = difference
        self.digest = digest


@dataclass(frozen=True)
class _Epoch:
    """A row of telemetry_epoch."""

    absolute: bool
    first_time_ms: int | None
    last_sequence: int
    contiguous: int | None
    woven: bool


def accept(
    connection: Connection,
    *,
    battery: str,
    source: str,
    epoch: str,
    samples: Samples,
    received_at: datetime,
    evidence: str | None = None,
) -> Receipt:
    """Store what is new of a batch; durable once the caller commits.

    Args:
        connection: the caller's open write transaction.
        battery: battery id that the source is bound to.
        source: id given at commissioning.
        epoch: decimal number of the device's run, or `sha256:` and the digest of a file.
        samples: the rows, numbered from 0 or 1 within the epoch.
        received_at: aware.
        evidence: SHA-256 (hex) of the message or file the rows came in.

    Raises:
        EnvelopeRefused: source, epoch or numbers are malformed, or absolute and relative times are mixed.
        OtherContent: a SequenceConflict; see `intake` for how its audit row survives the refusal.
        JournalUnavailable: disk full, read-only or locked.
    """
    _check(source, epoch, samples, received_at)
    place = (battery, source, epoch)
    if not len(samples):
        known = _epoch(connection, place)
        return Receipt(*place, 0, 0, known.contiguous if known else None, chunks.encode(samples).digest)
    pieces = _fitting(samples)
    encoded = [chunks.encode(piece) for piece in pieces]
    digest = encoded[0].digest if len(encoded) == 1 else _joint_digest(encoded)
    first = int(samples.sequence[0])
    with available():
        known = _epoch(connection, place)
        if known is not None and _receipt_given(connection, place, first, digest):
            return Receipt(*place, 0, len(samples), known.contiguous, digest)
        if known is not None and known.absolute != samples.absolute:
            raise EnvelopeRefused(
                f"epoch {epoch} of source {source} began with {_kind(known.absolute)} times; "
                f"this batch has {_kind(samples.absolute)} ones. Use another epoch."
            )
        woven = False
        if known is not None and first <= known.last_sequence:
            pieces, woven = _new_rows(connection, place, known, samples, digest)
            encoded = [chunks.encode(piece) for piece in pieces]
        crash_here("intake.before_insert")
        at = received_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        _insert(connection, place, pieces, encoded, at=at, evidence=evidence)
        contiguous = _write_epoch(connection, place, known, samples, pieces, woven=woven)
        connection.exec_driver_sql(
            "INSERT INTO receipt (battery, source, epoch, first_sequence, digest, count, received_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*place, first, digest, len(samples), at),
        )
    accepted = sum(len(piece) for piece in pieces)
    crash_here("intake.before_commit")
    return Receipt(*place, accepted, len(samples) - accepted, contiguous, digest)


def _check(source: str, epoch: str, samples: Samples, received_at: datetime) -> None:
    if not source or len(source) > 128 or not source.isprintable():
        raise EnvelopeRefused(f"a source is named by 1 to 128 printable characters, found {source[:140]!r}")
    if not _EPOCH.fullmatch(epoch):
        raise EnvelopeRefused(
            "an epoch is a decimal number without leading zeros, or 'sha256:' and 64 hex digits; "
            f"found {epoch[:80]!r}"
        )
    if received_at.tzinfo is None:
        raise ValueError("received_at needs a zone")
    sequence = samples.sequence
    if len(sequence) and not (int(sequence[0]) >= 0 and int(sequence[-1]) <= LARGEST_SEQUENCE):
        raise EnvelopeRefused(
            f"row numbers go from 0 to {LARGEST_SEQUENCE}, found {sequence[0]} to {sequence[-1]}"
        )
    if len(sequence) > 1 and not bool(np.all(sequence[1:] > sequence[:-1])):
        raise EnvelopeRefused("row numbers do not ascend")
    earliest, latest = _time_span(samples)
    if earliest is not None and latest is not None and not EARLIEST_MS <= earliest <= latest <= LATEST_MS:
        raise EnvelopeRefused(f"times go from {EARLIEST_MS} to {LATEST_MS} ms, found {earliest} to {latest}")


def _kind(absolute: bool) -> str:
    return "absolute" if absolute else "relative"


def _fitting(samples: Samples) -> list[Samples]:
    """The batch in pieces that fit a chunk; nearly always one."""
    most = min(chunks.MAX_ROWS, chunks.MAX_CELLS // (len(samples.columns) + 2))
    if len(samples) <= most:
        return [samples]
    index = np.arange(len(samples))
    return [rows.take(samples, (index >= at) & (index < at + most)) for at in range(0, len(samples), most)]


def _joint_digest(encoded: list[chunks.Encoded]) -> str:
    return hashlib.sha256("".join(part.digest for part in encoded).encode()).hexdigest()


def _epoch(connection: Connection, place: tuple[str, str, str]) -> _Epoch | None:
    found = connection.exec_driver_sql(
        "SELECT absolute, first_time_ms, last_sequence, contiguous, woven FROM telemetry_epoch "
        "WHERE battery = ? AND source = ? AND epoch = ?",
        place,
    ).first()
    return _Epoch(bool(found[0]), found[1], found[2], found[3], bool(found[4])) if found else None


def _receipt_given(connection: Connection, place: tuple[str, str, str], first: int, digest: str) -> bool:
    query = (
        "SELECT 1 FROM receipt "
        "WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence = ? AND digest = ?"
    )
    return connection.exec_driver_sql(query, (*place, first, digest)).first() is not None


def _new_rows(
    connection: Connection, place: tuple[str, str, str], known: _Epoch, samples: Samples, digest: str
) -> tuple[list[Samples], bool]:
    """Step 4: rows that are not stored yet, cut where stored chunks lie, and whether one is woven in."""
    first, last = int(samples.sequence[0]), int(samples.sequence[-1])
    fresh = np.ones(len(samples), np.bool_)
    firsts: list[int] = []
    lasts: list[int] = []
    for begin, end, payload in _in_range(connection, place, known, first, last):
        firsts.append(begin)
        lasts.append(end)
        if end < first:
            continue
        stored = chunks.decode(payload)
        both = np.isin(samples.sequence, stored.sequence, assume_unique=True)
        if not both.any():
            continue
        shared = np.isin(stored.sequence, samples.sequence, assume_unique=True)
        difference = rows.first_difference(rows.take(stored, shared), rows.take(samples, both))
        if difference is not None:
            raise OtherContent(*place, difference, digest)
        fresh &= ~both
    if not fresh.any():
        return [], False
    before = np.searchsorted(np.array(firsts, np.int64), samples.sequence, side="right")
    reach = np.maximum.accumulate(np.array([-1, *lasts], np.int64))
    inside = samples.sequence <= reach[before]
    return (
        [
            piece
            for gap in np.unique(before[fresh])
            for within in (False, True)
            if len(piece := rows.take(samples, fresh & (before == gap) & (inside == within)))
        ],
        bool((fresh & inside).any()),
    )


def _in_range(
    connection: Connection, place: tuple[str, str, str], known: _Epoch, first: int, last: int
) -> list[tuple[int, int, bytes]]:
    """Stored chunks whose range may touch `first` to `last`, ascending; with the one before, for its end."""
    if known.woven:
        floor = "AND last_sequence >= ?"
        values: tuple[object, ...] = (*place, last, first)
    else:
        # Ranges are apart: only the last chunk that begins at or before `first` can reach into the batch.
        floor = (
            "AND first_sequence >= COALESCE((SELECT MAX(first_sequence) FROM telemetry_chunk "
            "WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence <= ?), ?)"
        )
        values = (*place, last, *place, first, first)
    found = connection.exec_driver_sql(
        "SELECT first_sequence, last_sequence, payload FROM telemetry_chunk "
        "WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence <= ? "
        f"{floor} ORDER BY first_sequence",
        values,
    )
    return [(row[0], row[1], row[2]) for row in found]


def _insert(
    connection: Connection,
    place: tuple[str, str, str],
    pieces: list[Samples],
    encoded: list[chunks.Encoded],
    *,
    at: str,
    evidence: str | None,
) -> None:
    if not pieces:
        return
    highest = connection.exec_driver_sql(
        "SELECT MAX(arrival) FROM telemetry_chunk WHERE battery = ?", (place[0],)
    ).scalar()
    insert_chunks(
        connection,
        [
            chunk_values(place, piece, stored, arrival=arrival, at=at, evidence=evidence)
            for arrival, (piece, stored) in enumerate(zip(pieces, encoded, strict=True), (highest or 0) + 1)
        ],
    )


def chunk_values(
    place: tuple[str, str, str],
    samples: Samples,
    stored: chunks.Encoded,
    *,
    arrival: int,
    at: str,
    evidence: str | None,
) -> tuple[object, ...]:
    """The row of telemetry_chunk for encoded rows."""
    earliest, latest = _time_span(samples)
    return (
        *place,
        int(samples.sequence[0]),
        int(samples.sequence[-1]),
        len(samples),
        earliest,
        latest,
        arrival,
        chunks.ENC,
        stored.payload,
        stored.digest,
        at,
        evidence,
    )


def insert_chunks(connection: Connection, values: list[tuple[object, ...]]) -> None:
    """Write rows made by `chunk_values`."""
    connection.exec_driver_sql(
        "INSERT INTO telemetry_chunk (battery, source, epoch, first_sequence, last_sequence, count, "
        "first_time_ms, last_time_ms, arrival, enc, payload, digest, received_at, evidence) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def _time_span(samples: Samples) -> tuple[int | None, int | None]:
    times: Int64 = samples.time_ms if samples.timed.all() else samples.time_ms[samples.timed]
    return (int(times.min()), int(times.max())) if len(times) else (None, None)


def _write_epoch(
    connection: Connection,
    place: tuple[str, str, str],
    known: _Epoch | None,
    samples: Samples,
    pieces: list[Samples],
    *,
    woven: bool,
) -> int | None:
    """Bring telemetry_epoch up to date; the highest contiguous number."""
    first, last = int(samples.sequence[0]), int(samples.sequence[-1])
    earliest, _ = _time_span(samples)
    contiguous = known.contiguous if known else None
    if contiguous is None or first <= contiguous + 1:
        contiguous = _contiguous(connection, place, contiguous, samples, beyond=known is not None)
    fresh = sum(len(piece) for piece in pieces)
    if known is None:
        connection.exec_driver_sql(
            "INSERT INTO telemetry_epoch (battery, source, epoch, rows, absolute, first_time_ms, "
            "last_sequence, contiguous, woven) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*place, fresh, samples.absolute, earliest, last, contiguous, woven),
        )
    elif pieces:
        times = [time for time in (known.first_time_ms, earliest) if time is not None]
        connection.exec_driver_sql(
            "UPDATE telemetry_epoch SET rows = rows + ?, first_time_ms = ?, last_sequence = ?, "
            "contiguous = ?, woven = ? WHERE battery = ? AND source = ? AND epoch = ?",
            (
                fresh,
                min(times) if times else None,
                max(known.last_sequence, last),
                contiguous,
                known.woven or woven,
                *place,
            ),
        )
    return contiguous


def _contiguous(
    connection: Connection,
    place: tuple[str, str, str],
    reached: int | None,
    samples: Samples,
    *,
    beyond: bool,
) -> int | None:
    """From `reached`, how far numbers run without a hole once `samples` are stored."""
    reached = _run_on(reached, samples.sequence)
    while beyond:
        # What came earlier and waited behind a hole may now follow on.
        after = -1 if reached is None else reached
        found = connection.exec_driver_sql(
            "SELECT first_sequence, last_sequence, count, payload FROM telemetry_chunk "
            "WHERE battery = ? AND source = ? AND epoch = ? AND first_sequence <= ? AND last_sequence > ? "
            "ORDER BY first_sequence DESC LIMIT 1",
            (*place, after + 1 if reached is not None else 1, after),
        ).first()
        if found is None:
            return reached
        dense = found[1] - found[0] + 1 == found[2]
        further = found[1] if dense else _run_on(reached, chunks.decode(found[3]).sequence)
        if further is None or (reached is not None and further <= reached):
            return reached
        reached = further
    return reached


def _run_on(reached: int | None, sequence: Int64) -> int | None:
    if reached is None:
        if int(sequence[0]) > 1:
            return None
        reached = int(sequence[0]) - 1
    at = int(np.searchsorted(sequence, reached + 1))
    rest = sequence[at:]
    steps = rest - np.arange(len(rest))
    run = int(np.count_nonzero(steps == reached + 1))
    return reached + run


def set_usual_period(connection: Connection, *, battery: str, source: str, period_ms: int) -> None:
    """State how often a source usually speaks.

    Ten times this (at least 60 s, at most 1 h) is the longest silence that still counts as observed. Changing
    it makes the next refresh fold the battery anew.
    """
    if period_ms <= 0:
        raise ValueError(f"a period is longer than nothing, found {period_ms} ms")
    with available():
        connection.exec_driver_sql(
            "INSERT INTO telemetry_source (battery, source, usual_period_ms) VALUES (?, ?, ?) "
            "ON CONFLICT (battery, source) DO UPDATE SET usual_period_ms = excluded.usual_period_ms "
            "WHERE usual_period_ms != excluded.usual_period_ms",
            (battery, source, period_ms),
        )


def usual_period_ms(samples: Samples) -> int | None:
    """The median step between rows, for a log whose period nobody stated; None with fewer than two times."""
    times = samples.time_ms[samples.timed]
    steps = np.diff(times)
    steps = np.sort(steps[steps > 0])
    return int(steps[len(steps) // 2]) if len(steps) else None


def note_conflict(connection: Connection, conflict: OtherContent, *, at: datetime) -> None:
    """Write a refusal down, once, on another transaction than the refused one, which is undone."""
    connection.exec_driver_sql(
        "INSERT INTO intake_conflict (battery, source, epoch, sequence, digest, columns, received_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            conflict.battery,
            conflict.source,
            conflict.epoch,
            conflict.difference.sequence,
            conflict.digest,
            " ".join(conflict.difference.columns),
            at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        ),
    )


@contextmanager
def intake(
    writing: Callable[[], AbstractContextManager[Connection]], *, received_at: datetime
) -> Iterator[Connection]:
    """One write transaction for one message; it may be answered when the block has ended, and not before.

    A conflict undoes the whole message, is written down in a second transaction, and goes on to the caller.

    Example: `with intake(lambda: writing(engine), received_at=now) as connection: receipt =
        accept(connection, ...)`

    Raises:
        SequenceConflict: as `accept` raised it.
        JournalUnavailable: disk full, read-only or locked.
    """
    try:
        with available(), writing() as connection:
            yield connection
    except OtherContent as conflict:
        with available(), writing() as connection:
            note_conflict(connection, conflict, at=received_at)
        raise
    crash_here("intake.before_answer")


def crash_here(point: str) -> None:
    """Kill this process when the environment names this point: durability is tested with real processes."""
    if os.environ.get("CELLPASS_CRASH_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
