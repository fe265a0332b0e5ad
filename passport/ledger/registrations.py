"""Which batteries are in the Union's registry, what is on its way there, and the proofs that were archived.

Registrations and proofs are added and never changed; an attempt is written before anybody is asked, so that
a crash leaves something to go on with. The registry gives a proof for 90 days and then no more.

Source: Implementing Regulation (EU) 2026/1778 Art. 8 and 9, as far as public summaries tell it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import Conflict, NotFound
from passport.ledger.database import marks
from schemas.values import from_utc_text, utc_text

PROOF_LIFE: Final = timedelta(days=90)
PRESSING: Final = timedelta(days=30)
"""So long before a proof cannot be fetched any more, its absence is told every day."""

OF_THE_REGISTRATION: Final = frozenset({"registry_registration_id", "registration_proof"})
"""The rows of a passport that speak of its registration."""


@unique
class How(StrEnum):
    """How a registration became known here."""

    ANSWERED = "answered"  # the registry answered our request with it
    FOUND = "found"  # the registry said that it had it already
    STATED = "stated"  # a person said so


@dataclass(frozen=True)
class Registration:
    """That a battery is in the Union's registry.

    Attributes:
        battery: battery id.
        registry_url: which registry.
        registered_at: not later than it happened; None when nobody knows, as the registry had it already.
        record_id: the newest passport when it was registered.
        version: its number.
        sha256: hex, of its signed part.
        entry: what was sent, as JSON; empty when a person stated the registration.
    """

    battery: str
    operator: str
    registry_url: str
    registration_id: str
    registered_at: datetime | None
    how: How
    record_id: str
    version: int
    sha256: str
    entry: bytes
    known_at: datetime

    @property
    def expires_at(self) -> datetime | None:
        """Until when the registry gives the proof; None when the day of registration is not known."""
        return self.registered_at + PROOF_LIFE if self.registered_at else None


@dataclass(frozen=True)
class Proof:
    """An archived proof, without its bytes.

    Attributes:
        number: from 1; the newest counts.
        sha256: hex, of the bytes as they came.
        origin: "registry", or "file" when a person brought it.
        expires_at: until when the registry gives it; None when nobody knows.
    """

    battery: str
    number: int
    registration_id: str
    media_type: str
    sha256: str
    origin: str
    fetched_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """A battery on its way into the registry.

    Attributes:
        idempotency_key: the same for every time that the same body is sent.
        body: exactly what is sent.
        submitted_at: since when the registry examines it; None before it said so.
        correlation: under which it speaks of the submission; None when it named nothing.
    """

    battery: str
    number: int
    operator: str
    registry_url: str
    idempotency_key: str
    record_id: str
    version: int
    sha256: str
    body: bytes
    opened_at: datetime
    submitted_at: datetime | None = None
    correlation: str | None = None


# ------------------------------------------------------------------------------------------- registrations

_COLUMNS: Final = (
    "battery, operator, registry_url, registration_id, registered_at, how, record_id, version, sha256, entry,"
    " known_at"
)


def registered(connection: Connection, battery_ids: Sequence[str]) -> frozenset[str]:
    """Those of the batteries that are in the registry: the condition `registered` of the duties."""
    rows = connection.exec_driver_sql(
        f"SELECT battery FROM registration WHERE battery IN ({marks(battery_ids)})", tuple(battery_ids)
    )
    return frozenset(row[0] for row in rows)


def many(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Registration]:
    """Registrations by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM registration WHERE battery IN ({marks(battery_ids)})", tuple(battery_ids)
    )
    return {row[0]: _registration(row) for row in rows}


def get(connection: Connection, battery_id: str) -> Registration:
    """The registration of a battery.

    Raises:
        NotFound: it is not registered, as far as is known here.
    """
    found = many(connection, [battery_id]).get(battery_id)
    if found is None:
        raise NotFound(f"battery {battery_id} is not registered, as far as is known here")
    return found


def every(connection: Connection) -> list[str]:
    """Ids of all registered batteries, in the order in which it became known."""
    rows = connection.exec_driver_sql("SELECT battery FROM registration ORDER BY known_at, battery")
    return [row[0] for row in rows]


def _registration(row: Any) -> Registration:
    return Registration(
        battery=row[0],
        operator=row[1],
        registry_url=row[2],
        registration_id=row[3],
        registered_at=from_utc_text(row[4]) if row[4] else None,
        how=How(row[5]),
        record_id=row[6],
        version=row[7],
        sha256=row[8],
        entry=bytes(row[9]),
        known_at=from_utc_text(row[10]),
    )


def add(connection: Connection, one: Registration) -> None:
    """Store a registration; the same again changes nothing. The attempt behind it, if any, is closed.

    Raises:
        Conflict: the battery is registered under another identifier.
    """
    before = many(connection, [one.battery]).get(one.battery)
    if before is not None and before.registration_id != one.registration_id:
        raise Conflict(
            f"battery {one.battery} is registered as {before.registration_id} since"
            f" {utc_text(before.known_at)}; now the registry is said to call it {one.registration_id}."
            " Nothing was changed; ask the registry which one holds."
        )
    moment = utc_text(one.known_at)
    if before is None:
        connection.exec_driver_sql(
            f"INSERT INTO registration ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.battery,
                one.operator,
                one.registry_url,
                one.registration_id,
                utc_text(one.registered_at) if one.registered_at else None,
                one.how.value,
                one.record_id,
                one.version,
                one.sha256,
                one.entry,
                moment,
            ),
        )
        connection.exec_driver_sql(
            "INSERT INTO proof_missing (battery, expires_at) VALUES (?, ?)",
            (one.battery, utc_text(one.expires_at) if one.expires_at else None),
        )
        _audit(connection, one.battery, one.operator, "register", one.registration_id, one.known_at)
    connection.exec_driver_sql(
        "UPDATE registration_attempt SET closed_at = ?, outcome = 'registered', detail = ?"
        " WHERE battery = ? AND closed_at IS NULL",
        (moment, one.registration_id, one.battery),
    )


def _audit(
    connection: Connection, battery_id: str, operator: str, action: str, detail: str, at: datetime
) -> None:
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, ?, ?, NULL, NULL, ?)",
        (utc_text(at), f"operator:{operator}", action, battery_id, detail),
    )


def stated(
    connection: Connection, battery_ids: Sequence[str]
) -> dict[str, Mapping[str, tuple[Any, datetime]]]:
    """What a passport says of the registration: by battery id, attribute id to (value, since when).

    A battery that is not registered is left out, as is the proof of one that has none.
    """
    rows = connection.exec_driver_sql(
        "SELECT r.battery, r.registration_id, r.known_at, p.registration_id, p.sha256, p.fetched_at"
        " FROM registration AS r LEFT JOIN registration_proof AS p ON p.battery = r.battery AND p.number ="
        " (SELECT max(number) FROM registration_proof WHERE battery = r.battery)"
        f" WHERE r.battery IN ({marks(battery_ids)})",
        tuple(battery_ids),
    )
    found: dict[str, Mapping[str, tuple[Any, datetime]]] = {}
    for battery_id, registration_id, known_at, proven_id, digest, fetched_at in rows:
        words: dict[str, tuple[Any, datetime]] = {
            "registry_registration_id": (registration_id, from_utc_text(known_at))
        }
        if digest is not None:
            moment = from_utc_text(fetched_at)
            proof = {"registration_id": proven_id, "sha256": digest, "fetched_at": moment}
            words["registration_proof"] = (proof, moment)
        found[battery_id] = words
    return found


# ------------------------------------------------------------------------------------------------- attempts

_ATTEMPT: Final = (
    "battery, number, operator, registry_url, idempotency_key, record_id, version, sha256, body, opened_at,"
    " submitted_at, correlation"
)


def open_attempts(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Attempt]:
    """What is on its way, by battery id; a battery for which nobody was asked is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_ATTEMPT} FROM registration_attempt"
        f" WHERE closed_at IS NULL AND battery IN ({marks(battery_ids)})",
        tuple(battery_ids),
    )
    return {row[0]: _attempt(row) for row in rows}


def unfinished(connection: Connection) -> list[Attempt]:
    """Everything that is on its way, oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT {_ATTEMPT} FROM registration_attempt WHERE closed_at IS NULL ORDER BY opened_at, battery"
    )
    return [_attempt(row) for row in rows]


def _attempt(row: Any) -> Attempt:
    return Attempt(
        battery=row[0],
        number=row[1],
        operator=row[2],
        registry_url=row[3],
        idempotency_key=row[4],
        record_id=row[5],
        version=row[6],
        sha256=row[7],
        body=bytes(row[8]),
        opened_at=from_utc_text(row[9]),
        submitted_at=from_utc_text(row[10]) if row[10] else None,
        correlation=row[11],
    )


def last_number(connection: Connection, battery_id: str) -> int:
    """How many attempts there were for a battery."""
    return int(
        connection.exec_driver_sql(
            "SELECT coalesce(max(number), 0) FROM registration_attempt WHERE battery = ?", (battery_id,)
        ).scalar_one()
    )


def open_attempt(connection: Connection, attempt: Attempt) -> None:
    """Store an attempt before anybody is asked."""
    connection.exec_driver_sql(
        f"INSERT INTO registration_attempt ({_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        (
            attempt.battery,
            attempt.number,
            attempt.operator,
            attempt.registry_url,
            attempt.idempotency_key,
            attempt.record_id,
            attempt.version,
            attempt.sha256,
            attempt.body,
            utc_text(attempt.opened_at),
        ),
    )


def submitted(connection: Connection, attempt: Attempt, *, correlation: str | None, at: datetime) -> None:
    """The registry has it and examines it; it is not sent again."""
    connection.exec_driver_sql(
        "UPDATE registration_attempt SET submitted_at = ?, correlation = ?"
        " WHERE battery = ? AND number = ? AND closed_at IS NULL",
        (utc_text(at), correlation, attempt.battery, attempt.number),
    )


def refused(connection: Connection, attempt: Attempt, *, why: str, at: datetime) -> None:
    """The registry said no, or a person did: the attempt is over, and the next one is another."""
    connection.exec_driver_sql(
        "UPDATE registration_attempt SET closed_at = ?, outcome = 'refused', detail = ?"
        " WHERE battery = ? AND number = ? AND closed_at IS NULL",
        (utc_text(at), why, attempt.battery, attempt.number),
    )


# --------------------------------------------------------------------------------------------------- proofs

_PROOF: Final = (
    "battery, number, registration_id, media_type, sha256, origin, fetched_at, expires_at"  # without content
)


def proofs(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Proof]:
    """The newest archived proof by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_PROOF} FROM registration_proof AS p WHERE battery IN ({marks(battery_ids)})"
        " AND number = (SELECT max(number) FROM registration_proof WHERE battery = p.battery)",
        tuple(battery_ids),
    )
    return {row[0]: _proof(row) for row in rows}


def _proof(row: Any) -> Proof:
    return Proof(
        battery=row[0],
        number=row[1],
        registration_id=row[2],
        media_type=row[3],
        sha256=row[4],
        origin=row[5],
        fetched_at=from_utc_text(row[6]),
        expires_at=from_utc_text(row[7]) if row[7] else None,
    )


def content(connection: Connection, proof: Proof) -> bytes:
    """The bytes of a proof as they came."""
    return bytes(
        connection.exec_driver_sql(
            "SELECT content FROM registration_proof WHERE battery = ? AND number = ?",
            (proof.battery, proof.number),
        ).scalar_one()
    )


def archive(
    connection: Connection,
    registration: Registration,
    data: bytes,
    *,
    media_type: str,
    origin: str,
    at: datetime,
) -> Proof:
    """The proof, kept from now on; bytes that are the newest proof already are not stored twice."""
    battery_id, digest = registration.battery, sha256(data).hexdigest()
    before = proofs(connection, [battery_id]).get(battery_id)
    if before is not None and before.sha256 == digest:
        return before
    proof = Proof(
        battery=battery_id,
        number=before.number + 1 if before else 1,
        registration_id=registration.registration_id,
        media_type=media_type,
        sha256=digest,
        origin=origin,
        fetched_at=at,
        expires_at=registration.expires_at,
    )
    connection.exec_driver_sql(
        f"INSERT INTO registration_proof ({_PROOF}, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            battery_id,
            proof.number,
            proof.registration_id,
            media_type,
            digest,
            origin,
            utc_text(at),
            utc_text(proof.expires_at) if proof.expires_at else None,
            data,
        ),
    )
    connection.exec_driver_sql("DELETE FROM proof_missing WHERE battery = ?", (battery_id,))
    _audit(connection, battery_id, registration.operator, "archive proof", digest, at)
    return proof


def missing(connection: Connection, battery_ids: Sequence[str] | None = None) -> list[str]:
    """Registered batteries whose proof is not archived, the most urgent first."""
    where = f"WHERE battery IN ({marks(battery_ids)})" if battery_ids is not None else ""
    # Where the day is not known nobody can say that there is time.
    rows = connection.exec_driver_sql(
        f"SELECT battery FROM proof_missing {where} ORDER BY coalesce(expires_at, ''), battery",
        tuple(battery_ids or ()),
    )
    return [row[0] for row in rows]


def pressing(connection: Connection, now: datetime) -> tuple[int, datetime | None]:
    """How many proofs are missing in their last 30 days, past them or of unknown day; the first day known."""
    row = connection.exec_driver_sql(
        "SELECT count(*), min(expires_at) FROM proof_missing WHERE expires_at IS NULL OR expires_at <= ?",
        (utc_text(now + PRESSING),),
    ).one()
    return row[0], from_utc_text(row[1]) if row[1] else None
