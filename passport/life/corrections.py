"""Corrections: what was wrong is said anew, with a reason, and what was said stays readable.

A correction is a declaration, an event, and a next version that says which one it corrects and why. A record
that should never have been issued is withdrawn: it stays where it is, and the status list says so.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound
from passport.issue import Issuer
from passport.ledger import batteries, life, operators, versions
from passport.ledger.database import writing
from passport.ledger.life import Due
from passport.ledger.versions import Version
from passport.life.acts import ActRefused, Told
from passport.lifecycle.status import ENDED
from schemas.registry import REGISTRY
from schemas.terms import RecordKind
from schemas.values import utc_text

LONGEST_REASON = 1_000
# What follows from acts and is not declared beside them.
_OF_ACTS = frozenset(
    {
        "predecessor_passport_ids",
        "successor_passport_ids",
        "status_history",
        "passport_ceased_at",
        "second_life_operation",
    }
)


def correct(
    issuer: Issuer,
    battery_id: str,
    facts: Mapping[str, Any],
    *,
    reason: str,
    now: datetime,
    by: str | None = None,
    incomplete: str | None = None,
) -> Told:
    """The battery with other facts, and the versions that say what they correct.

    Args:
        issuer: the road.
        battery_id: whose.
        facts: validated; None withdraws one.
        reason: in words; everybody may read it.
        now: aware.
        by: who corrects, in words; None is its operator.
        incomplete: why versions may be issued although something owed is missing; None is the reason under
            which the newest one was.

    Raises:
        InputRefused: no reason, or no fact.
        ActRefused: the passport has ended, or a fact follows from what happened.
        Conflict: all of it stands so already.
        RecordGateClosed: the next passport could not be issued; nothing was done.
        FactRefused, NotFound: as for a declaration.
    """
    why = _reason(reason)
    if not facts:
        raise InputRefused("a correction names at least one attribute")
    with writing(issuer.engine) as connection:
        battery = batteries.get(connection, battery_id)
        if battery.passport_status in ENDED:
            raise ActRefused(f"{battery.identifier}: its passport has ended; nothing is corrected any more")
        decided = set(_OF_ACTS)
        if life.life_of(connection, battery.id).status is not None:
            decided.add(life.STATUS_ROW)
        if strange := sorted(decided & facts.keys()):
            raise ActRefused(
                f"{', '.join(strange)}: that follows from what happened; `cellpass life` tells it"
            )
        who = by or operators.get(connection, battery.operator).name
        before = batteries.declared(connection, [battery.id])[battery.id].wired
        batteries.declare(connection, battery.id, facts, at=now, by=who)
        after = batteries.declared(connection, [battery.id])[battery.id].wired
        changed = sorted(name for name in facts if before.get(name) != after.get(name))
        if not changed:
            raise Conflict(f"{battery.identifier}: {', '.join(sorted(facts))} stands so already")
        last = _issued(connection, battery.id, {REGISTRY[name].record for name in changed})
        life.append(
            connection,
            battery,
            life.CORRECTED,
            at=now,
            now=now,
            by=who,
            detail={
                "reason": why,
                "attributes": changed,
                "corrects": {kind.value: version.version for kind, version in last.items()},
            },
        )
        dues = [Due(battery.id, kind, incomplete or version.incomplete) for kind, version in last.items()]
        for due in dues:
            if due.kind is RecordKind.PASSPORT:
                corrected = batteries.get(connection, battery.id)
                issuer.would_issue(connection, corrected, due.kind, incomplete=due.incomplete, now=now)
        life.ask_for(connection, dues, now=now)
    return Told(battery, tuple(issuer.issue_due(now, [battery.id])))


def withdraw(issuer: Issuer, record: str, *, reason: str, now: datetime) -> Version:
    """The version that was issued in error; its page and the status list say so. The first word stays.

    Args:
        issuer: for addresses and the database.
        record: its id, or its address.
        reason: in words; everybody may read it.
        now: aware.

    Raises:
        InputRefused: no reason.
        NotFound: there is no such record.
        Conflict: it is withdrawn already.
    """
    why = _reason(reason)
    name = record.strip().rstrip("/").rpartition("/")[2]
    with writing(issuer.engine) as connection:
        version = versions.by_record(connection, name)
        if version is None:
            raise NotFound(f"no record has the id {name[:60]!r}; `cellpass history` lists a battery's")
        since = versions.revoked_at(connection, version)
        if since is not None:
            raise Conflict(f"record {name} was withdrawn on {utc_text(since)} already")
        battery = batteries.get(connection, version.battery)
        versions.revoke(connection, version, why=why, at=now)
        life.append(
            connection,
            battery,
            life.WITHDRAWN,
            at=now,
            now=now,
            by=operators.get(connection, version.operator).name,
            detail={
                "record": version.record_id,
                "kind": version.kind.value,
                "version": version.version,
                "reason": why,
            },
        )
        batteries.show_again(connection, battery.id)
    return version


def _issued(connection: Connection, battery_id: str, kinds: set[RecordKind]) -> dict[RecordKind, Version]:
    """The newest version of each of these kinds; a kind of which none was issued is left out."""
    newest = {kind: versions.latest(connection, battery_id, kind) for kind in RecordKind if kind in kinds}
    return {kind: version for kind, version in newest.items() if version is not None}


def _reason(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_REASON:
        raise InputRefused(f"say why in 1 to {LONGEST_REASON} characters: the reason stands in the history")
    return text.strip()
