"""Economic operators and their published keys; a retired key stays published for ever."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound
from schemas.values import from_utc_text, utc_text

_ID_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True)
class Operator:
    """Who answers for a battery's passport, and whose key signs it.

    Attributes:
        id: short name in lower case, as it stands in addresses and names its key files.
        name: as registered.
        simulated: exists only in a demonstration.
    """

    id: str
    name: str
    simulated: bool
    created_at: datetime


@dataclass(frozen=True)
class LogKey:
    """The verifier key of an operator's log, in the C2SP form, with its life."""

    kid: str
    vkey: str
    valid_from: datetime
    retired_at: datetime | None


def create(connection: Connection, operator: str, *, name: str, simulated: bool, at: datetime) -> Operator:
    """The operator, made if it is not there; an existing one stays as it is.

    Raises:
        InputRefused: the id is not 1 to 40 lower-case letters, digits and inner dashes.
        Conflict: an operator of that id has another name.
    """
    if (
        not 0 < len(operator) <= 40
        or not _ID_CHARACTERS.issuperset(operator)
        or operator.strip("-") != operator
    ):
        raise InputRefused(
            f"an operator's id is 1 to 40 lower-case letters, digits and inner dashes; got {operator!r}"
        )
    connection.exec_driver_sql(
        "INSERT INTO operator (id, name, simulated, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING",
        (operator, name, int(simulated), utc_text(at)),
    )
    found = get(connection, operator)
    if found.name != name:
        raise Conflict(f"operator {operator!r} is already {found.name!r}, not {name!r}")
    return found


def get(connection: Connection, operator: str) -> Operator:
    """The operator of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.exec_driver_sql(
        "SELECT id, name, simulated, created_at FROM operator WHERE id = ?", (operator,)
    ).first()
    if row is None:
        raise NotFound(f"no operator {operator[:60]!r}")
    return Operator(row[0], row[1], bool(row[2]), from_utc_text(row[3]))


def all_operators(connection: Connection) -> list[Operator]:
    """Every operator, by id."""
    rows = connection.exec_driver_sql("SELECT id, name, simulated, created_at FROM operator ORDER BY id")
    return [Operator(row[0], row[1], bool(row[2]), from_utc_text(row[3])) for row in rows]


def publish_record_key(connection: Connection, operator: str, jwk: dict[str, Any], *, at: datetime) -> None:
    """Add a signing key to the operator's published set; publishing it again changes nothing.

    A key that comes after another retires it: from then on the older one only verifies.
    """
    key = orjson.dumps(jwk).decode()
    _publish(connection, operator, str(jwk["kid"]), purpose="record", public_key=key, at=at)


def publish_log_key(connection: Connection, operator: str, kid: str, vkey: str, *, at: datetime) -> None:
    """Add the verifier key of the operator's log; publishing it again changes nothing."""
    _publish(connection, operator, kid, purpose="log", public_key=vkey, at=at)


def _publish(
    connection: Connection, operator: str, kid: str, *, purpose: str, public_key: str, at: datetime
) -> None:
    known = connection.exec_driver_sql(
        "SELECT 1 FROM operator_key WHERE operator = ? AND kid = ?", (operator, kid)
    ).first()
    if known is not None:
        return
    connection.exec_driver_sql(
        "UPDATE operator_key SET retired_at = ? WHERE operator = ? AND purpose = ? AND retired_at IS NULL",
        (utc_text(at), operator, purpose),
    )
    connection.exec_driver_sql(
        "INSERT INTO operator_key (operator, kid, purpose, public_key, valid_from, retired_at, revoked_at)"
        " VALUES (?, ?, ?, ?, ?, NULL, NULL)",
        (operator, kid, purpose, public_key, utc_text(at)),
    )


def jwks(connection: Connection, operator: str) -> dict[str, Any]:
    """The operator's JSON Web Key Set, newest key first; retired keys are in it, revoked ones are not.

    Raises:
        NotFound: there is no such operator.
    """
    get(connection, operator)
    rows = connection.exec_driver_sql(
        "SELECT public_key FROM operator_key WHERE operator = ? AND purpose = 'record' AND revoked_at IS NULL"
        " ORDER BY valid_from DESC, kid",
        (operator,),
    )
    return {"keys": [orjson.loads(row[0]) for row in rows]}


def log_keys(connection: Connection, operator: str) -> list[LogKey]:
    """The verifier keys of the operator's log, newest first."""
    rows = connection.exec_driver_sql(
        "SELECT kid, public_key, valid_from, retired_at FROM operator_key"
        " WHERE operator = ? AND purpose = 'log' AND revoked_at IS NULL ORDER BY valid_from DESC, kid",
        (operator,),
    )
    return [
        LogKey(row[0], row[1], from_utc_text(row[2]), from_utc_text(row[3]) if row[3] else None)
        for row in rows
    ]
