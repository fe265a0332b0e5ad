"""Released versions and their disclosures. Only `passport.issue` adds a version, nothing changes one."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import NotFound
from passport.ledger import leaves
from passport.ledger.database import marks
from passport.ledger.leaves import StoredCheckpoint
from passport.ledger.operators import Operator, all_operators, jwks
from passport.signing.log import tlog_proof as proof_file
from passport.signing.status import LEAST_ENTRIES
from schemas.terms import RecordKind
from schemas.values import from_utc_text, utc_text

__all__ = [
    "StoredDisclosure",
    "Version",
    "by_record",
    "checkpoint",
    "disclosures",
    "erase_disclosure",
    "history",
    "jwks",
    "latest",
    "operators",
    "tlog_proof",
]


@dataclass(frozen=True)
class Version:
    """One released version.

    Attributes:
        battery: battery id.
        version: from 1, without gaps, per battery and kind.
        record_id: random; the version is served at {public_url}/r/{record_id}.
        jwt: the exact signed bytes, without disclosures.
        sha256: hex, of `jwt`.
        issued_at: what the record says as `validFrom`.
        valid_until: only assessments expire; None for the other kinds.
        kid: names the key that signed.
        leaf_index: place in the operator's log, from 0.
        status_list: number of the operator's status list.
        status_index: place in that list.
        voluntary: no passport is owed for the battery.
        incomplete: why it was issued although something owed was missing; None when nothing was.
    """

    battery: str
    kind: RecordKind
    version: int
    record_id: str
    jwt: bytes
    sha256: str
    issued_at: datetime
    registry_version: str
    kid: str
    leaf_index: int
    operator: str
    status_index: int
    voluntary: bool
    incomplete: str | None
    simulated: bool
    status_list: int = 0
    valid_until: datetime | None = None


@dataclass(frozen=True)
class StoredDisclosure:
    """One disclosure of a version; `encoded` is None once it was erased."""

    attribute: str
    encoded: str | None


_COLUMNS: Final = (
    "battery, kind, version, record_id, jwt, sha256, issued_at, registry_version, kid, leaf_index, operator,"
    " status_index, incomplete, simulated, status_list, valid_until, voluntary"
)


def latest(connection: Connection, battery_id: str, kind: RecordKind) -> Version | None:
    """The newest released version of that kind; None before the first."""
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version WHERE battery = ? AND kind = ? ORDER BY version DESC LIMIT 1",
        (battery_id, kind.value),
    ).first()
    return _version(row) if row is not None else None


def latest_of(connection: Connection, battery_ids: Sequence[str], kind: RecordKind) -> dict[str, Version]:
    """The newest released version of that kind by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version AS v WHERE battery IN ({marks(battery_ids)}) AND kind = ?"
        " AND version = (SELECT max(version) FROM version WHERE battery = v.battery AND kind = v.kind)",
        (*battery_ids, kind.value),
    )
    return {row[0]: _version(row) for row in rows}


def latest_numbers(connection: Connection, battery_ids: Sequence[str], kind: RecordKind) -> dict[str, int]:
    """The number of the newest version of that kind by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT battery, max(version) FROM version WHERE battery IN ({marks(battery_ids)}) AND kind = ?"
        " GROUP BY battery",
        (*battery_ids, kind.value),
    )
    return {row[0]: row[1] for row in rows}


def by_records(connection: Connection, record_ids: Sequence[str]) -> dict[str, Version]:
    """Released versions by record id; an unknown id is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version WHERE record_id IN ({marks(record_ids)})", tuple(record_ids)
    )
    return {row[3]: _version(row) for row in rows}


def by_record(connection: Connection, record_id: str) -> Version | None:
    """The version of that record id; None when there is none."""
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version WHERE record_id = ?", (record_id,)
    ).first()
    return _version(row) if row is not None else None


def first_issued(connection: Connection, battery_ids: Sequence[str], kind: RecordKind) -> dict[str, datetime]:
    """When version 1 of that kind was issued, by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT battery, issued_at FROM version WHERE battery IN ({marks(battery_ids)})"
        " AND kind = ? AND version = 1",
        (*battery_ids, kind.value),
    )
    return {row[0]: from_utc_text(row[1]) for row in rows}


def firsts(connection: Connection, battery_ids: Sequence[str], kind: RecordKind) -> dict[str, Version]:
    """Version 1 of that kind by battery id; a battery without one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version"
        f" WHERE battery IN ({marks(battery_ids)}) AND kind = ? AND version = 1",
        (*battery_ids, kind.value),
    )
    return {row[0]: _version(row) for row in rows}


def history(connection: Connection, battery_id: str, kind: RecordKind) -> list[Version]:
    """Every released version of that kind, oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM version WHERE battery = ? AND kind = ? ORDER BY version",
        (battery_id, kind.value),
    )
    return [_version(row) for row in rows]


def _version(row: Any) -> Version:
    return Version(
        battery=row[0],
        kind=RecordKind(row[1]),
        version=row[2],
        record_id=row[3],
        jwt=bytes(row[4]),
        sha256=row[5],
        issued_at=from_utc_text(row[6]),
        registry_version=row[7],
        kid=row[8],
        leaf_index=row[9],
        operator=row[10],
        status_index=row[11],
        voluntary=bool(row[16]),
        incomplete=row[12],
        simulated=bool(row[13]),
        status_list=row[14],
        valid_until=from_utc_text(row[15]) if row[15] else None,
    )


def add(
    connection: Connection,
    released: Sequence[tuple[Version, Iterable[tuple[str, str]]]],
    *,
    at: datetime,
) -> None:
    """Store released versions, each with its disclosures (attribute, encoded); for `passport.issue` alone."""
    connection.exec_driver_sql(
        f"INSERT INTO version ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                version.battery,
                version.kind.value,
                version.version,
                version.record_id,
                version.jwt,
                version.sha256,
                utc_text(version.issued_at),
                version.registry_version,
                version.kid,
                version.leaf_index,
                version.operator,
                version.status_index,
                version.incomplete,
                int(version.simulated),
                version.status_list,
                utc_text(version.valid_until) if version.valid_until else None,
                int(version.voluntary),
            )
            for version, _ in released
        ],
    )
    rows = [
        (version.battery, version.kind.value, version.version, *one)
        for version, disclosed in released
        for one in disclosed
    ]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO disclosure (battery, kind, version, attribute, encoded, erased_at, erased_why)"
            " VALUES (?, ?, ?, ?, ?, NULL, NULL)",
            rows,
        )
    moment = utc_text(at)
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, 'issue', ?, NULL, NULL, ?)",
        [
            (
                moment,
                f"operator:{version.operator}",
                version.battery,
                f"{version.kind.value} {version.version}",
            )
            for version, _ in released
        ],
    )


# --------------------------------------------------------------------------------------------- disclosures


def disclosures(connection: Connection, version: Version) -> list[StoredDisclosure]:
    """The disclosures of a version by attribute name; an erased one stands there without its value."""
    rows = connection.exec_driver_sql(
        "SELECT attribute, encoded FROM disclosure WHERE battery = ? AND kind = ? AND version = ?"
        " ORDER BY attribute",
        (version.battery, version.kind.value, version.version),
    )
    return [StoredDisclosure(row[0], row[1]) for row in rows]


def erase_disclosure(
    connection: Connection, version: Version, attribute: str, *, why: str, at: datetime
) -> None:
    """Erase one disclosed value for good; signature, chain and log of the version stay valid.

    Erasing again changes nothing.

    Raises:
        NotFound: the version has no such disclosure.
    """
    place = (version.battery, version.kind.value, version.version, attribute)
    found = connection.exec_driver_sql(
        "SELECT erased_at FROM disclosure WHERE battery = ? AND kind = ? AND version = ? AND attribute = ?",
        place,
    ).first()
    if found is None:
        raise NotFound(f"record {version.record_id} has no disclosure {attribute!r}")
    if found[0] is not None:
        return
    connection.exec_driver_sql(
        "UPDATE disclosure SET encoded = NULL, erased_at = ?, erased_why = ?"
        " WHERE battery = ? AND kind = ? AND version = ? AND attribute = ?",
        (utc_text(at), why, *place),
    )
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, 'erase', ?, NULL, ?, ?)",
        (
            utc_text(at),
            f"operator:{version.operator}",
            version.battery,
            why,
            f"{version.record_id} {attribute}",
        ),
    )


# ------------------------------------------------------------------------------------------------- the log


def operators(connection: Connection) -> list[Operator]:
    """Every operator, by id."""
    return all_operators(connection)


def checkpoint(connection: Connection, operator: str) -> StoredCheckpoint | None:
    """The newest signed checkpoint of the operator's log; None before the first."""
    return leaves.newest_checkpoint(connection, operator)


def tlog_proof(connection: Connection, version: Version) -> bytes:
    """The `.tlog-proof` file of a version, against the newest checkpoint.

    Raises:
        NotFound: no signed checkpoint covers the version yet.
    """
    newest = leaves.newest_checkpoint(connection, version.operator)
    if newest is None or newest.size <= version.leaf_index:
        raise NotFound(f"no checkpoint covers record {version.record_id} yet; one is signed within the hour")
    path = leaves.inclusion(connection, version.operator, version.leaf_index, newest.size)
    return proof_file(version.leaf_index, path, newest.note)


# -------------------------------------------------------------------------------------------- status lists


def reserve_status(
    connection: Connection,
    operator: str,
    record_ids: Sequence[str],
    random_below: Callable[[int], int] = secrets.randbelow,
) -> list[tuple[int, int]]:
    """For each record a random free place in the operator's newest status list: (list number, index).

    A list is filled to one half, so that a free place is found at the second try on average. The log counts
    the released versions, so that no list has to be counted. Needs the writer's turn.
    """
    number = leaves.size(connection, operator) // (LEAST_ENTRIES // 2)
    places: list[int] = []
    taken: set[int] = set()
    while missing := len(record_ids) - len(places):
        drawn = [random_below(LEAST_ENTRIES) for _ in range(missing)]
        rows = connection.exec_driver_sql(
            "SELECT status_index FROM status_entry WHERE operator = ? AND status_list = ?"
            f" AND status_index IN ({marks(drawn)})",
            (operator, number, *drawn),
        )
        taken.update(row[0] for row in rows)
        for index in drawn:
            if index not in taken:
                taken.add(index)
                places.append(index)
    if places:
        connection.exec_driver_sql(
            "INSERT INTO status_entry (operator, status_list, status_index, record_id, revoked_at, reason)"
            " VALUES (?, ?, ?, ?, NULL, NULL)",
            [(operator, number, *one) for one in zip(places, record_ids, strict=True)],
        )
    return [(number, index) for index in places]


def revoked(connection: Connection, operator: str, number: int) -> list[int]:
    """The places of revoked versions in one status list of the operator, ascending."""
    rows = connection.exec_driver_sql(
        "SELECT status_index FROM status_entry"
        " WHERE operator = ? AND status_list = ? AND revoked_at IS NOT NULL ORDER BY status_index",
        (operator, number),
    )
    return [row[0] for row in rows]


def withdrawn(connection: Connection, battery_id: str, kind: RecordKind) -> dict[int, str]:
    """Why versions of a battery were withdrawn, by number; one that was not is left out."""
    rows = connection.exec_driver_sql(
        "SELECT v.version, s.reason FROM version AS v JOIN status_entry AS s ON s.record_id = v.record_id"
        " WHERE v.battery = ? AND v.kind = ? AND s.revoked_at IS NOT NULL",
        (battery_id, kind.value),
    )
    return {row[0]: row[1] or "" for row in rows}


def revoke(connection: Connection, version: Version, *, why: str, at: datetime) -> None:
    """Say of a version that it was issued in error; superseding is not revoking. The first moment stays."""
    connection.exec_driver_sql(
        "UPDATE status_entry SET revoked_at = ?, reason = ? WHERE record_id = ? AND revoked_at IS NULL",
        (utc_text(at), why, version.record_id),
    )


def revoked_at(connection: Connection, version: Version) -> datetime | None:
    """Since when the version is revoked; None while it is not."""
    found = connection.exec_driver_sql(
        "SELECT revoked_at FROM status_entry WHERE record_id = ?", (version.record_id,)
    ).scalar()
    return from_utc_text(found) if found else None
