"""Commissioning records, signed: from when to when a device spoke for which battery.

Binding a device is one row in the transaction of its first readings, where no key is at hand. The operator's
signature follows: `sign_pending` puts a statement under every beginning and every end that has none yet, with
the key of the operator that answers for the battery. A statement is never replaced.

A device is told by the id it was given, and by its serial number where it has one. The address on the bus
stands beside it as an observation: devices change places, and some bring the number of their slot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from passport.errors import VerificationFailed
from passport.ledger import batteries, operators
from passport.ledger.database import reading, writing
from passport.signing.sign import parse_jws
from passport.signing.signer import Signer
from passport.signing.statements import COMMISSIONING, read_statement, sign_statement
from schemas.identifier import identifier_url
from schemas.values import from_utc_text, utc_text

OPENED: Final = "opened"
CLOSED: Final = "closed"
_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Commissioning:
    """One binding of a device to a battery.

    Attributes:
        component: part of what the device speaks of; None for the whole device.
        until: None while it holds.
        node: id of the part that the device sits on; None where none was named.
        serial: the device's own number; None where it has none.
        address: where it was on its bus; an observation.
        statements: act to signed statement; empty until it was signed.
    """

    battery: str
    source: str
    component: str | None
    since: datetime
    until: datetime | None
    node: str | None
    serial: str | None
    address: str | None
    statements: dict[str, bytes]

    @property
    def unsigned(self) -> tuple[str, ...]:
        """The acts that nobody signed yet."""
        acts = (OPENED,) if self.until is None else (OPENED, CLOSED)
        return tuple(act for act in acts if act not in self.statements)


_COLUMNS: Final = (
    "c.battery, c.source, c.component, c.since, c.until, c.node, c.serial, c.address,"
    " (SELECT token FROM commissioning_statement AS s WHERE s.battery = c.battery AND s.source = c.source"
    "  AND s.component = c.component AND s.since = c.since AND s.act = 'opened'),"
    " (SELECT token FROM commissioning_statement AS s WHERE s.battery = c.battery AND s.source = c.source"
    "  AND s.component = c.component AND s.since = c.since AND s.act = 'closed')"
)


def of_battery(connection: Connection, battery_id: str) -> list[Commissioning]:
    """Every binding of the battery, past ones too, the oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM commissioning AS c WHERE battery = ?", (battery_id,)
    )
    return sorted((_commissioning(row) for row in rows), key=lambda one: (one.since, one.source))


def _pending(connection: Connection) -> list[Commissioning]:
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM commissioning AS c WHERE"
        " NOT EXISTS (SELECT 1 FROM commissioning_statement AS s WHERE s.battery = c.battery"
        "  AND s.source = c.source AND s.component = c.component AND s.since = c.since AND s.act = 'opened')"
        " OR (c.until IS NOT NULL AND NOT EXISTS (SELECT 1 FROM commissioning_statement AS s"
        "  WHERE s.battery = c.battery AND s.source = c.source AND s.component = c.component"
        "  AND s.since = c.since AND s.act = 'closed'))"
        " LIMIT ?",
        (_AT_ONCE,),
    )
    return [_commissioning(row) for row in rows]


def _commissioning(row: Any) -> Commissioning:
    statements = {act: bytes(token) for act, token in ((OPENED, row[8]), (CLOSED, row[9])) if token}
    return Commissioning(
        battery=row[0],
        source=row[1],
        component=row[2] or None,
        since=from_utc_text(row[3]),
        until=from_utc_text(row[4]) if row[4] else None,
        node=row[5],
        serial=row[6],
        address=row[7],
        statements=statements,
    )


def sign_pending(engine: Engine, signers: Callable[[str], Signer], *, public_url: str, now: datetime) -> int:
    """How many statements were signed and stored by this call.

    Raises:
        SignerUnavailable: a signer did not answer; what was signed before stays stored.
    """
    count = 0
    while True:
        with reading(engine) as connection:
            waiting = _pending(connection)
            owners = batteries.many(connection, list({one.battery for one in waiting}))
        if not waiting:
            return count
        signed = []
        for one in waiting:
            battery = owners[one.battery]
            signer = signers(battery.operator)
            did = operators.did(public_url, battery.operator)
            address = identifier_url(public_url, battery.identifier)
            for act in one.unsigned:
                token = sign_statement(
                    COMMISSIONING, _content(one, act, address), issuer_did=did, signer=signer, at=now
                )
                signed.append((one, act, token, signer))
        with writing(engine) as connection:
            _publish(connection, signed, owners, public_url=public_url, now=now)
            connection.exec_driver_sql(
                "INSERT INTO commissioning_statement (battery, source, component, since, act, token)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (one.battery, one.source, one.component or "", utc_text(one.since), act, token)
                    for one, act, token, _ in signed
                ],
            )
        count += len(signed)


def _publish(
    connection: Connection,
    signed: Sequence[tuple[Commissioning, str, bytes, Signer]],
    owners: dict[str, batteries.Battery],
    *,
    public_url: str,
    now: datetime,
) -> None:
    """The keys behind the statements, where no record has published them yet."""
    for operator, signer in {owners[one.battery].operator: signer for one, _, _, signer in signed}.items():
        did = operators.did(public_url, operator)
        operators.publish_record_key(connection, operator, signer.public_jwk, issuer_did=did, at=now)


def _content(one: Commissioning, act: str, battery: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "act": act,
        "battery": battery,
        "source": one.source,
        "component": one.component,
        "node": one.node,
        "serial": one.serial,
        "address": one.address,
        "from": utc_text(one.since),
        "to": utc_text(one.until) if act == CLOSED and one.until else None,
    }
    return {name: value for name, value in content.items() if value is not None}


def verify(
    connection: Connection, one: Commissioning, *, public_url: str
) -> tuple[tuple[str, str | None], ...]:
    """For each act whether its statement holds: None, or the sentence of what is wrong with it."""
    battery = batteries.get(connection, one.battery)
    address = identifier_url(public_url, battery.identifier)
    found: list[tuple[str, str | None]] = []
    for act in (OPENED, CLOSED):
        if act in one.unsigned:
            found.append((act, "nobody has signed it yet"))
        if act not in one.statements:
            continue
        found.append((act, _wrong(connection, one, act, address, public_url)))
    return tuple(found)


def _wrong(connection: Connection, one: Commissioning, act: str, address: str, public_url: str) -> str | None:
    """What is wrong with the statement; it may be signed by an operator that has handed over since."""
    token = one.statements[act]
    try:
        kid = parse_jws(token).header.get("kid")
        for operator in operators.all_operators(connection):
            keys = operators.jwks(connection, operator.id)["keys"]
            if any(key["kid"] == kid for key in keys):
                did = operators.did(public_url, operator.id)
                said = read_statement(token, COMMISSIONING, issuer_did=did, keys=keys)
                break
        else:
            return "no operator here signed it"
    except VerificationFailed as error:
        return str(error)
    told = {name: value for name, value in said.items() if name not in {"type", "issuer", "issuedAt"}}
    return None if told == _content(one, act, address) else "it says something else than the row"
