"""Responsibility handed over on one installation (Art. 77(4), (7)): offer, acceptance, withdrawal.

1. The giving operator signs an offer for one operator, until one day, over the passport's newest record.
2. The receiving operator signs the acceptance over the offer's bytes. Only then `battery.operator` changes,
   in the transaction that keeps the acceptance, and in which the gate is asked for the next passport.
3. That passport is signed by the new operator, quotes the version before it, and carries both statements.
   Older versions keep their issuer.

An offer ends by acceptance, withdrawal, its day, or a newer passport. Accepting twice changes nothing.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from sqlalchemy import Connection

from passport.errors import Conflict
from passport.issue import Issuer
from passport.ledger import batteries, catalogue, handovers, life, operators, versions
from passport.ledger.batteries import Battery
from passport.ledger.database import reading, writing
from passport.ledger.handovers import Offer
from passport.ledger.life import Due
from passport.ledger.versions import Version
from passport.life.acts import Told, passport_address
from passport.lifecycle.status import ENDED
from passport.signing import encode, handover
from passport.signing.handover import Quoted
from schemas.identifier import identifier_url
from schemas.registry import REGISTRY
from schemas.terms import BatteryStatus, PassportStatus, RecordKind
from schemas.values import utc_text

USUAL_TERM: Final = timedelta(days=14)
# Who answers for waste (Art. 57(1), (8), 77(7)); nobody else takes it over, and they take over nothing else.
WASTE_ROLES: Final = frozenset(
    {"producer", "producer_responsibility_organisation", "waste_management_operator"}
)
ROLES: Final = tuple(REGISTRY["operator_role"].value.members)


class HandoverRefused(Conflict):
    """The offer does not stand, is for somebody else, or responsibility cannot go there."""

    code: ClassVar[str] = "handover_refused"


def offer(
    issuer: Issuer,
    battery_id: str,
    *,
    to: str,
    role: str,
    now: datetime,
    term: timedelta = USUAL_TERM,
) -> Offer:
    """The signed offer of the battery's operator.

    Args:
        issuer: for signer and addresses.
        battery_id: whose responsibility is offered.
        to: id of the operator who may accept it.
        role: what that one will be, a word of `operator_role`.
        now: aware.
        term: how long it stands.

    Raises:
        HandoverRefused: nothing to hand over, to oneself, or in a role that does not fit the battery.
        NotFound: there is no such battery or operator.
        SignerUnavailable: the signer did not answer.
    """
    if role not in ROLES:
        raise HandoverRefused(f"{role[:40]!r} is no role of an operator; one of {', '.join(ROLES)}")
    with reading(issuer.engine) as connection:
        battery = batteries.get(connection, battery_id)
        operators.get(connection, to)
        last = _handable(connection, battery, to, role)
    token = handover.sign_offer(
        battery=identifier_url(issuer.public_url, battery.identifier),
        passport=passport_address(issuer, battery),
        to=operators.did(issuer.public_url, to),
        role=role,
        expires_at=now + term,
        last=_quoted(issuer, last),
        issuer_did=operators.did(issuer.public_url, battery.operator),
        signer=issuer.signers(battery.operator),
        at=now,
    )
    made = Offer(
        hashlib.sha256(token).hexdigest(), battery.id, battery.operator, to, role, now, now + term, token
    )
    with writing(issuer.engine) as connection:
        handovers.add(connection, made)
        _audit(connection, made, f"operator:{made.giver}", "handover offer", now)
    return made


def accept(
    issuer: Issuer,
    offer_id: str,
    *,
    by: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    incomplete: str | None = None,
) -> Told:
    """The operator to whom it was offered answers for the battery from now on.

    Args:
        issuer: the road.
        offer_id: the offer, or its first characters.
        by: id of the operator who accepts.
        now: aware.
        facts: validated, what the new operator says of itself (address, contact).
        incomplete: why the next passport may be issued although something owed is missing; None is the reason
            under which the newest one was.

    Raises:
        HandoverRefused: the offer is for somebody else, withdrawn, expired, or of an older passport.
        NotFound: there is no such offer.
        RecordGateClosed: the next passport could not be issued; nothing was done.
        SignerUnavailable: the signer did not answer; nothing was done.
    """
    with reading(issuer.engine) as connection:
        found = handovers.get(connection, offer_id)
        battery = batteries.get(connection, found.battery)
        if found.taker == by and found.acceptance is not None:
            return Told(battery, ())
        lasts = _check(connection, issuer, found, battery, by, now)
    token = handover.sign_acceptance(
        found.offer,
        battery=identifier_url(issuer.public_url, battery.identifier),
        lasts={kind: _quoted(issuer, last) for kind, last in lasts.items()},
        issuer_did=operators.did(issuer.public_url, by),
        signer=issuer.signers(by),
        at=now,
    )
    with writing(issuer.engine) as connection:
        battery = batteries.get(connection, found.battery)
        if handovers.get(connection, found.id).acceptance is not None:
            return Told(battery, ())
        if _check(connection, issuer, handovers.get(connection, found.id), battery, by, now) != lasts:
            raise HandoverRefused(f"{battery.identifier}: a record was issued meanwhile; accept again")
        handovers.end(connection, found, "acceptance", token, at=now)
        handovers.move(connection, battery, by, offer=found.id, at=now)
        name = operators.get(connection, by).name
        _restate(connection, battery, name, found.role, facts or {}, now)
        life.append(
            connection,
            battery,
            life.HANDED_OVER,
            at=now,
            now=now,
            by=name,
            detail={"from": found.giver, "to": by, "role": found.role, "offer": found.id},
        )
        _audit(connection, found, f"operator:{by}", "handover accept", now)
        last = lasts[RecordKind.PASSPORT]
        reason = incomplete or last.incomplete
        moved = batteries.get(connection, battery.id)
        issuer.would_issue(connection, moved, RecordKind.PASSPORT, incomplete=reason, now=now)
        life.ask_for(connection, [Due(battery.id, RecordKind.PASSPORT, reason)], now=now)
    return Told(moved, tuple(issuer.issue_due(now, [battery.id])))


def withdraw(issuer: Issuer, offer_id: str, *, now: datetime) -> Offer:
    """The offer, which does not stand any more; withdrawing twice changes nothing.

    Raises:
        HandoverRefused: it was accepted.
        NotFound: there is no such offer.
    """
    with reading(issuer.engine) as connection:
        found = handovers.get(connection, offer_id)
        battery = batteries.get(connection, found.battery)
    if found.withdrawal is not None:
        return found
    if found.acceptance is not None:
        raise HandoverRefused(f"{battery.identifier}: {found.taker} accepted it; offer it back instead")
    token = handover.sign_withdrawal(
        found.offer,
        battery=identifier_url(issuer.public_url, battery.identifier),
        issuer_did=operators.did(issuer.public_url, found.giver),
        signer=issuer.signers(found.giver),
        at=now,
    )
    with writing(issuer.engine) as connection:
        if handovers.get(connection, found.id).acceptance is not None:
            raise HandoverRefused(f"{battery.identifier}: {found.taker} accepted it meanwhile")
        handovers.end(connection, found, "withdrawal", token, at=now)
        _audit(connection, found, f"operator:{found.giver}", "handover withdraw", now)
        return handovers.get(connection, found.id)


def _handable(connection: Connection, battery: Battery, to: str, role: str) -> Version:
    """The newest passport, when responsibility for the battery can go to that operator in that role."""
    if battery.operator == to:
        raise HandoverRefused(f"{battery.identifier}: {to} answers for it already")
    if battery.passport_status in ENDED:
        raise HandoverRefused(f"{battery.identifier}: its passport has ended; nobody answers for it any more")
    if battery.passport_status is not PassportStatus.ACTIVE:
        raise HandoverRefused(
            f"{battery.identifier}: its passport is not in force; hand over what it goes on as"
        )
    waste = life.standing_of(connection, battery).battery is BatteryStatus.WASTE
    if waste != (role in WASTE_ROLES):
        fitting = ", ".join(name for name in ROLES if (name in WASTE_ROLES) == waste)
        what = "waste" if waste else "not waste"
        raise HandoverRefused(
            f"{battery.identifier} is {what}: its operator is then one of {fitting} (Art. 57, 77(7))"
        )
    last = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    if last is None:
        raise HandoverRefused(f"{battery.identifier} has no passport yet; `cellpass issue` it first")
    return last


def _check(
    connection: Connection, issuer: Issuer, found: Offer, battery: Battery, by: str, now: datetime
) -> dict[RecordKind, Version]:
    """The newest record of each kind, when the operator may accept the offer now."""
    if found.taker != by:
        raise HandoverRefused(f"{battery.identifier}: it was offered to {found.taker}, not to {by}")
    state = found.state(now)
    if state != "open":
        raise HandoverRefused(f"{battery.identifier}: the offer is {state}; ask {found.giver} for a new one")
    if battery.operator != found.giver:
        raise HandoverRefused(f"{battery.identifier}: {found.giver} does not answer for it any more")
    last = _handable(connection, battery, by, found.role)
    did = operators.did(issuer.public_url, found.giver)
    keys = operators.jwks(connection, found.giver)["keys"]
    said = handover.read_offer(found.offer, issuer_did=did, keys=keys)
    if said["lastRecord"] != _quoted(issuer, last).to_wire():
        raise HandoverRefused(
            f"{battery.identifier}: passport {last.version} was issued since;"
            f" ask {found.giver} for a new offer"
        )
    newest = {kind: versions.latest(connection, battery.id, kind) for kind in RecordKind}
    return {kind: version for kind, version in newest.items() if version is not None}


def _restate(
    connection: Connection, battery: Battery, name: str, role: str, facts: Mapping[str, Any], now: datetime
) -> None:
    """What was declared of the operator before is said no more; what the new one says of itself is."""
    cleared = dict.fromkeys(catalogue.OF_THE_OPERATOR)
    said = {**cleared, "operator_name": name, "operator_role": role, **facts}
    batteries.declare(connection, battery.id, said, at=now, by=name)


def _quoted(issuer: Issuer, version: Version) -> Quoted:
    return Quoted(issuer.record_url(version.record_id), encode.digest_sri(version.jwt))


def _audit(connection: Connection, found: Offer, actor: str, action: str, now: datetime) -> None:
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, ?, ?, NULL, NULL, ?)",
        (utc_text(now), actor, action, found.battery, found.id),
    )
