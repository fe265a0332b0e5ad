"""How registered batteries stand: which proofs are archived, which are missing, how long there is time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from passport.issue import timeless_words
from passport.ledger import batteries, registrations, versions
from passport.ledger.batteries import Battery
from passport.ledger.registrations import OF_THE_REGISTRATION, PRESSING, Attempt, Proof, Registration
from schemas.terms import RecordKind


@dataclass(frozen=True)
class Standing:
    """How one battery stands.

    Attributes:
        registration: None while it is on its way.
        attempt: None unless it is on its way.
        proof: the newest that is archived; None when none is.
        newest: number of the newest passport version; None before the first.
        changed_since: the newest passport says something else than the registered one, apart from the
            registration itself.
        days_left: whole days for which the registry still gives the proof, negative once they are over; None
            when the day of registration is not known.
    """

    battery: Battery
    registration: Registration | None
    attempt: Attempt | None
    proof: Proof | None
    newest: int | None
    changed_since: bool
    days_left: int | None

    @property
    def pressing(self) -> bool:
        """Whether a proof is missing that must be fetched soon, or should have been."""
        if self.registration is None or self.proof is not None:
            return False
        return self.days_left is None or self.days_left <= PRESSING.days


def standings(connection: Connection, battery_ids: Sequence[str], now: datetime) -> list[Standing]:
    """How these batteries stand, in that order; one that is neither registered nor on its way is left out."""
    found = batteries.many(connection, battery_ids)
    there = registrations.many(connection, battery_ids)
    away = registrations.open_attempts(connection, battery_ids)
    archived = registrations.proofs(connection, battery_ids)
    newest = versions.latest_numbers(connection, battery_ids, RecordKind.PASSPORT)
    return [
        Standing(
            battery=found[one],
            registration=there.get(one),
            attempt=away.get(one),
            proof=archived.get(one),
            newest=newest.get(one),
            changed_since=_changed(connection, there.get(one), newest.get(one)),
            days_left=_days_left(there.get(one), now),
        )
        for one in battery_ids
        if one in there or one in away
    ]


def _changed(connection: Connection, registration: Registration | None, newest: int | None) -> bool:
    if registration is None or newest is None or newest == registration.version:
        return False
    before = versions.by_record(connection, registration.record_id)
    now = versions.latest(connection, registration.battery, RecordKind.PASSPORT)
    assert before is not None  # versions are never taken away
    assert now is not None
    words, then = timeless_words(connection, now), timeless_words(connection, before)
    return any(
        words.get(name) != then.get(name) for name in {*words, *then} if name not in OF_THE_REGISTRATION
    )


def _days_left(registration: Registration | None, now: datetime) -> int | None:
    if registration is None or registration.expires_at is None:
        return None
    return (registration.expires_at - now) // timedelta(days=1)


def reminder(connection: Connection, now: datetime) -> str | None:
    """What an operator should be told every day of missing proofs; None when there is nothing to tell."""
    count, first = registrations.pressing(connection, now)
    if not count:
        return None
    one = count == 1
    proofs = "1 proof of registration is" if one else f"{count} proofs of registration are"
    if first is None:
        when = "since when it is registered is not known" if one else "since when is not known"
    elif first < now:
        when = f"the registry has stopped giving {'it' if one else 'the first'} on {first:%Y-%m-%d}"
    else:
        days = (first - now) // timedelta(days=1)
        when = f"the registry gives {'it' if one else 'the first'} until {first:%Y-%m-%d}, {days} more days"
    return f"{proofs} not archived; {when}: cellpass register proofs"
