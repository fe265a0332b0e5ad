"""Economic operators and their published keys; a retired key stays published for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound
from passport.signing.keyset import published
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


def usual(connection: Connection) -> str | None:
    """The id of the one real operator; None where there is none yet, or several to choose from."""
    real = [one.id for one in all_operators(connection) if not one.simulated]
    return real[0] if len(real) == 1 else None


def did(public_url: str, operator: str) -> str:
    """The operator's `did:web`; its document is served at {public_url}/o/{operator}/did.json.

    >>> did("http://127.0.0.1:8000", "acme")
    'did:web:127.0.0.1%3A8000:o:acme'
    """
    return f"did:web:{public_url.partition('://')[2].replace(':', '%3A')}:o:{operator}"


def log_origin(public_url: str, operator: str) -> str:
    """The name of the operator's transparency log: an address without scheme.

    >>> log_origin("https://id.example.com", "acme")
    'id.example.com/o/acme'
    """
    return f"{public_url.partition('://')[2]}/o/{operator}"


def publish_record_key(
    connection: Connection, operator: str, jwk: Mapping[str, Any], *, issuer_did: str, at: datetime
) -> None:
    """Add a signing key to the operator's published set; publishing it again changes nothing.

    A key that comes after another retires it: from then on the older one only verifies.
    """
    key = orjson.dumps({**jwk, "iss": issuer_did}).decode()
    _publish(connection, operator, str(jwk["kid"]), purpose="record", public_key=key, at=at)


def publish_log_key(connection: Connection, operator: str, vkey: str, *, at: datetime) -> None:
    """Add the verifier key of the operator's log (C2SP form); publishing it again changes nothing."""
    _publish(connection, operator, vkey.split("+")[1], purpose="log", public_key=vkey, at=at)


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
        "INSERT INTO operator_key (operator, kid, purpose, public_key, valid_from) VALUES (?, ?, ?, ?, ?)",
        (operator, kid, purpose, public_key, utc_text(at)),
    )


def revoke_key(connection: Connection, operator: str, kid: str, *, log_size: int, at: datetime) -> None:
    """Say that a key must not be trusted from now on; records logged before stay good. The first word stays.

    Raises:
        NotFound: the operator has no such key.
    """
    place = (operator, kid)
    if (
        connection.exec_driver_sql("SELECT 1 FROM operator_key WHERE operator = ? AND kid = ?", place).first()
        is None
    ):
        raise NotFound(f"operator {operator!r} has no key {kid[:60]!r}")
    connection.exec_driver_sql(
        "UPDATE operator_key SET revoked_at = ?, revoked_log_size = ?"
        " WHERE operator = ? AND kid = ? AND revoked_at IS NULL",
        (utc_text(at), log_size, *place),
    )


def jwks(connection: Connection, operator: str) -> dict[str, Any]:
    """The operator's JSON Web Key Set, newest key first; retired and revoked keys are in it, marked as such.

    Raises:
        NotFound: there is no such operator.
    """
    get(connection, operator)
    rows = connection.exec_driver_sql(
        "SELECT public_key, valid_from, retired_at, revoked_at, revoked_log_size FROM operator_key"
        " WHERE operator = ? AND purpose = 'record' ORDER BY valid_from DESC, kid",
        (operator,),
    )
    return {"keys": [_published(*row) for row in rows]}


def _published(
    text: str, valid_from: str, retired_at: str | None, revoked_at: str | None, log_size: int | None
) -> dict[str, Any]:
    jwk = orjson.loads(text)
    return published(
        jwk,
        issuer_did=jwk["iss"],
        valid_from=from_utc_text(valid_from),
        valid_until=from_utc_text(retired_at) if retired_at else None,
        revoked_at=from_utc_text(revoked_at) if revoked_at else None,
        log_size=log_size,
    )


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
