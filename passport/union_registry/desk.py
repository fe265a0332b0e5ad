"""Registers batteries and archives their proofs, so that a kill at any moment loses and doubles nothing.

1. Who may be sent is decided; every other battery is left, with its reason.
2. Intent: an attempt with the exact body and its key is stored, in groups.
3. Request: sent as stored. An attempt that somebody left behind is looked up first, where a path for that is
   known; otherwise the same body goes out again under the same key, and a registry that has it says so.
4. Outcome: one transaction stores the registration, closes the attempt and notes that its proof is missing.
5. Proof: fetched and archived on another errand, as the registry gives it for 90 days.

One process at a time does this on one data folder. Nothing here runs by itself.
"""

import fcntl
import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from itertools import islice
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine

from passport.errors import Conflict, InputRefused, NotFound, RegistryRefused
from passport.issue import view_of
from passport.ledger import batteries, operators, registrations, versions
from passport.ledger.batteries import Battery
from passport.ledger.database import reading, writing
from passport.ledger.registrations import Attempt, How, Proof, Registration
from passport.ledger.versions import Version
from passport.settings import RegistrySettings, Settings
from passport.union_registry import wire
from passport.union_registry.client import RegistryClient
from passport.union_registry.proof import Comparison, compare
from schemas.identifier import identifier_url
from schemas.terms import Audience, PassportStatus, RecordKind
from schemas.values import utc_text

_log = logging.getLogger(__name__)

GROUP: Final = 64
CRASH_POINTS: Final = ("after_registration_intent", "after_registration_answer", "after_proof_answer")
"""Where `CELLPASS_CRASH_AT` kills this process, for the tests that prove the steps above."""


@unique
class Word(StrEnum):
    """What came of one battery."""

    REGISTERED = "registered"
    FOUND = "found"  # the registry had it already
    ALREADY = "already registered"
    SUBMITTED = "submitted"  # the registry examines it
    UNCLEAR = "unclear"  # the registry has something, and does not say under which identifier
    REFUSED = "refused"  # by the registry
    LEFT = "left"  # not sent


@dataclass(frozen=True)
class Outcome:
    """What came of one battery, and why.

    Attributes:
        registration: None unless it is registered.
        reason: for people; empty where the word says all.
        body: what was sent or would be; None where nothing was made.
    """

    battery: str
    identifier: str
    word: Word
    registration: Registration | None = None
    reason: str = ""
    body: bytes | None = None


@dataclass(frozen=True)
class ProofOutcome:
    """What came of fetching one proof.

    Attributes:
        proof: None when there is none.
        comparison: whether it fits the stored record; None without a proof.
        reason: why there is none.
    """

    registration: Registration
    identifier: str
    proof: Proof | None
    comparison: Comparison | None
    reason: str = ""


@dataclass(frozen=True)
class _Ready:
    """A battery that may be sent."""

    battery: Battery
    version: Version
    body: bytes


class Desk:
    """Registers batteries of one installation at one registry."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Nobody is contacted yet.

        Args:
            engine: the opened and migrated database.
            settings: of the installation.
            now: the time; aware.
            random_bytes: for the keys of requests.
        """
        self.engine = engine
        self.settings = settings
        self._now = now
        self._random_bytes = random_bytes

    @property
    def registry(self) -> RegistrySettings:
        """Section `[registry]`.

        Raises:
            InputRefused: there is none, so that nobody is contacted.
        """
        if self.settings.registry is None:
            raise InputRefused(
                "no registry is configured: say where it is in DATA/cellpass.toml, section [registry];"
                " until then nobody is contacted"
            )
        return self.settings.registry

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The right to register here, for one process at a time; the system ends it with the process.

        Raises:
            Conflict: another process has it.
        """
        with (self.settings.data_dir / "register.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    f"another `cellpass register` is at work on {self.settings.data_dir}; wait for it"
                ) from error
            yield

    # -------------------------------------------------------------------------------------- 1. who is sent

    def candidates(self, connection: Connection) -> list[str]:
        """Batteries with an active passport that is owed and not registered; what is on its way comes first.

        Voluntary passports are sent when they are named, simulated batteries to a test environment only.
        """
        rows = connection.exec_driver_sql(
            "SELECT b.id FROM battery AS b JOIN version AS v ON v.battery = b.id AND v.kind = ?"
            " AND v.version = (SELECT max(version) FROM version WHERE battery = b.id AND kind = v.kind)"
            " WHERE b.passport_status = ? AND b.simulated = ?"
            " AND NOT EXISTS (SELECT 1 FROM registration WHERE battery = b.id)"
            " AND (v.voluntary = 0 OR EXISTS"
            " (SELECT 1 FROM registration_attempt WHERE battery = b.id AND closed_at IS NULL))"
            " ORDER BY b.created_at, b.id",
            (
                RecordKind.PASSPORT.value,
                PassportStatus.ACTIVE.value,
                int(self.registry.test_environment),
            ),
        )
        return [row[0] for row in rows]

    def look(self, battery_ids: Sequence[str]) -> list[Outcome]:
        """What would be done about each battery, without asking anybody or writing anything.

        A battery that would be sent is `left` with the reason "would be sent", and its body.
        """
        outcomes: list[Outcome] = []
        with reading(self.engine) as connection:
            for group in _groups(battery_ids):
                ready, told = self._sorted(connection, group)
                told |= {
                    one.battery.id: Outcome(
                        one.battery.id,
                        one.battery.identifier,
                        Word.LEFT,
                        reason="would be sent",
                        body=one.body,
                    )
                    for one in ready
                }
                outcomes += [told[battery_id] for battery_id in group]
        return outcomes

    def _sorted(
        self, connection: Connection, battery_ids: Sequence[str]
    ) -> tuple[list[_Ready], dict[str, Outcome]]:
        """Who may be sent, and of all others what is to be told."""
        found = batteries.many(connection, battery_ids)
        newest = versions.latest_of(connection, battery_ids, RecordKind.PASSPORT)
        there = registrations.many(connection, battery_ids)
        several = len(operators.all_operators(connection)) > 1
        ready: list[_Ready] = []
        told: dict[str, Outcome] = {}
        for battery_id in battery_ids:
            battery, version = found[battery_id], newest.get(battery_id)
            if battery_id in there:
                told[battery_id] = Outcome(
                    battery_id, battery.identifier, Word.ALREADY, registration=there[battery_id]
                )
                continue
            try:
                passport = self._allowed(battery, version)
                body = self._body(connection, battery, passport, several=several)
            except _Left as left:
                told[battery_id] = Outcome(battery_id, battery.identifier, Word.LEFT, reason=str(left))
            else:
                ready.append(_Ready(battery, passport, body))
        return ready, told

    def _allowed(self, battery: Battery, version: Version | None) -> Version:
        """The passport that may be sent."""
        if version is None:
            raise _Left(f"no passport is issued yet: cellpass issue {battery.identifier}")
        if battery.passport_status is not PassportStatus.ACTIVE:
            raise _Left(f"its passport is {battery.passport_status.value.lower()}, not active")
        if battery.simulated and not self.registry.test_environment:
            raise _Left(
                "it is simulated; only a test environment ([registry] test_environment) may hear of it"
            )
        if self.registry.test_environment and not battery.simulated:
            raise _Left(
                "a registration in a test environment is none; only simulated batteries are sent there"
            )
        if self.settings.leads_to_this_machine_only and not self.registry.is_here:
            raise _Left(
                f"its passport is at {self.settings.public_url}, which the registry cannot read;"
                " it needs a public_url that the world can reach"
            )
        return version

    def _body(self, connection: Connection, battery: Battery, version: Version, *, several: bool) -> bytes:
        registry, url = self.registry, self.settings.public_url
        said = view_of(connection, version, Audience.AUTHORITY).values.get("operator_identifier", {})
        stated, configured = said.get("value"), registry.operator_identifier
        if stated is not None and configured is not None and stated != configured and not several:
            raise _Left(
                f"its passport names {stated!r} as the operator's identifier, [registry] operator_identifier"
                f" {configured!r}; correct one of them"
            )
        if stated is None and several:
            configured = None  # of several operators a setting cannot tell which one is meant
        operator = stated or configured
        if operator is None:
            raise _Left(
                "the identifier of its operator is not known: state operator_identifier for the battery"
                " and issue again" + ("" if several else ", or set it in section [registry]")
            )
        backup = registry.backup_operator_identifier
        return wire.entry(
            product=identifier_url(url, battery.identifier),
            passport=f"{url}/p/{battery.passport_id}",
            operator=operator,
            endpoint=url,
            backup=(registry.backup_operator_member, backup) if backup else None,
        )

    # ------------------------------------------------------------------------------------- 2. to 4. the road

    def register(self, client: RegistryClient, battery_ids: Iterable[str]) -> Iterator[Outcome]:
        """What came of each battery, as soon as it is durable; to be called within `alone`.

        Raises:
            RegistryUnavailable: no answer, or none that can be read; what was done is done, and the same
                call again goes on.
            RegistryRefused: whoever asks is not let in.
            StoreUnavailable: the database could not take it.
        """
        for group in _groups(battery_ids):
            with reading(self.engine) as connection:
                ready, told = self._sorted(connection, group)
            # 2.
            attempts, fresh = self._intend(ready)
            _reach("after_registration_intent")
            current = {one.battery.id: one for one in ready}
            for battery_id in group:
                if battery_id not in attempts:
                    yield told[battery_id]
                    continue
                # 3. and 4.
                yield self._carry(
                    client, attempts[battery_id], current[battery_id], fresh=battery_id in fresh
                )

    def _intend(self, ready: Sequence[_Ready]) -> tuple[dict[str, Attempt], set[str]]:
        """An open attempt for each battery, and which of them are new."""
        if not ready:
            return {}, set()
        now = self._now()
        with writing(self.engine) as connection:
            attempts = registrations.open_attempts(connection, [one.battery.id for one in ready])
            fresh = set()
            for one in ready:
                before = attempts.get(one.battery.id)
                if before is not None and before.registry_url == self.registry.url:
                    continue
                if before is not None:
                    # Whether another registry has it is for a person to find out.
                    raise Conflict(
                        f"{one.battery.identifier} is on its way to {before.registry_url} since"
                        f" {utc_text(before.opened_at)}; [registry] url is now {self.registry.url}."
                        f" Finish it there, or state what came of it: cellpass register adopt"
                    )
                attempt = Attempt(
                    battery=one.battery.id,
                    number=registrations.last_number(connection, one.battery.id) + 1,
                    operator=one.battery.operator,
                    registry_url=self.registry.url,
                    idempotency_key=str(UUID(bytes=self._random_bytes(16), version=4)),
                    record_id=one.version.record_id,
                    version=one.version.version,
                    sha256=one.version.sha256,
                    body=one.body,
                    opened_at=now,
                )
                registrations.open_attempt(connection, attempt)
                attempts[one.battery.id] = attempt
                fresh.add(one.battery.id)
        return attempts, fresh

    def _carry(self, client: RegistryClient, attempt: Attempt, one: _Ready, *, fresh: bool) -> Outcome:
        """Step 3 and 4 for one battery."""
        names = _names(attempt.body, correlation=attempt.correlation)
        if attempt.submitted_at is not None:
            examined = client.submission(names)
            return self._examined(attempt, one, examined) if examined else self._still(attempt, one)
        before = None if fresh else client.look_up(names)
        if before is not None and before.registration_id is not None:
            # Its answer was lost, or somebody else was faster.
            return self._registered(attempt, one, before.registration_id, how=How.FOUND, at=None)
        sent_at = self._now()
        answer = client.register(
            attempt.body, key=attempt.idempotency_key, product=names[wire.PRODUCT_MEMBER]
        )
        _reach("after_registration_answer")
        if answer.kind is wire.Kind.REGISTERED and answer.registration_id is not None:
            # What the registry reads is the passport of now, not the one of a request that was lost.
            now = replace(
                attempt,
                record_id=one.version.record_id,
                version=one.version.version,
                sha256=one.version.sha256,
            )
            return self._registered(now, one, answer.registration_id, how=How.ANSWERED, at=sent_at)
        if answer.kind is wire.Kind.ACCEPTED:
            with writing(self.engine) as connection:
                registrations.submitted(connection, attempt, correlation=answer.correlation, at=sent_at)
            return self._still(replace(attempt, correlation=answer.correlation), one, answer.words)
        if answer.kind is wire.Kind.EXISTS:
            return self._exists(client, attempt, one, answer)
        reason = answer.words or f"the registry answered {answer.status} without a word"
        with writing(self.engine) as connection:
            registrations.refused(connection, attempt, why=f"{answer.status}: {reason}", at=self._now())
        return self._told(attempt, one, Word.REFUSED, reason)

    def _examined(self, attempt: Attempt, one: _Ready, answer: wire.Answer) -> Outcome:
        """What became of a submission."""
        if answer.registration_id is None:
            return self._still(attempt, one, answer.words)
        return self._registered(
            attempt, one, answer.registration_id, how=How.ANSWERED, at=attempt.submitted_at
        )

    def _exists(self, client: RegistryClient, attempt: Attempt, one: _Ready, answer: wire.Answer) -> Outcome:
        """The registry has the battery, or this very request: under which identifier?"""
        found = answer
        if answer.registration_id is None:
            names = _names(attempt.body, correlation=answer.correlation)
            found = client.look_up(names) or answer
        if found.registration_id is not None:
            # Whether by us or by somebody else, and when, nobody can tell.
            return self._registered(attempt, one, found.registration_id, how=How.FOUND, at=None)
        said = f" ({answer.words})" if answer.words else ""
        return self._told(
            attempt,
            one,
            Word.UNCLEAR,
            f"the registry has it already and does not say under which identifier{said}; look there, then"
            f" state it: cellpass register adopt {one.battery.identifier} IDENTIFIER",
        )

    def _registered(
        self, attempt: Attempt, one: _Ready, registration_id: str, *, how: How, at: datetime | None
    ) -> Outcome:
        registration = Registration(
            battery=attempt.battery,
            operator=attempt.operator,
            registry_url=attempt.registry_url,
            registration_id=registration_id,
            registered_at=at,
            how=how,
            record_id=attempt.record_id,
            version=attempt.version,
            sha256=attempt.sha256,
            entry=attempt.body,
            known_at=self._now(),
        )
        with writing(self.engine) as connection:
            registrations.add(connection, registration)
        word = Word.REGISTERED if how is How.ANSWERED else Word.FOUND
        return Outcome(attempt.battery, one.battery.identifier, word, registration, body=attempt.body)

    def _told(self, attempt: Attempt, one: _Ready, word: Word, reason: str) -> Outcome:
        return Outcome(attempt.battery, one.battery.identifier, word, reason=reason, body=attempt.body)

    def _still(self, attempt: Attempt, one: _Ready, words: str = "") -> Outcome:
        under = f" under {attempt.correlation}" if attempt.correlation else ""
        said = f" ({words})" if words else ""
        how = (
            "run the command again later"
            if self.registry.submission_path is not None
            else "look there, then state the identifier: cellpass register adopt BATTERY IDENTIFIER"
        )
        return self._told(attempt, one, Word.SUBMITTED, f"the registry examines it{under}{said}; {how}")

    # ------------------------------------------------------------------------------ what a person has found

    def adopt(self, battery_id: str, registration_id: str, *, registered_at: datetime | None) -> Registration:
        """The registration that a person read in the registry; to be called within `alone`.

        Args:
            battery_id: whose.
            registration_id: the registry's identifier.
            registered_at: when; None when that is not known, so that its proof is looked for at once.

        Raises:
            NotFound: there is no such battery.
            InputRefused: the identifier is none, the day is ahead, or no passport is issued.
            Conflict: the battery is registered under another identifier.
        """
        text, now = registration_id.strip(), self._now()
        if not 0 < len(text) <= wire.MAX_IDENTIFIER or not text.isprintable():
            raise InputRefused(
                f"a registration identifier is a text of at most {wire.MAX_IDENTIFIER} characters;"
                f" got {registration_id[:80]!r}"
            )
        if registered_at is not None and registered_at > now:
            raise InputRefused(f"{utc_text(registered_at)} is still ahead; when was it registered?")
        with writing(self.engine) as connection:
            battery = batteries.get(connection, battery_id)
            version = versions.latest(connection, battery_id, RecordKind.PASSPORT)
            if version is None:
                raise InputRefused(f"{battery.identifier} has no passport yet, so it cannot be registered")
            self._allowed_by_hand(battery)
            sent = registrations.open_attempts(connection, [battery_id]).get(battery_id)
            registration = Registration(
                battery=battery_id,
                operator=battery.operator,
                registry_url=sent.registry_url if sent else self.registry.url,
                registration_id=text,
                registered_at=registered_at,
                how=How.STATED,
                record_id=sent.record_id if sent else version.record_id,
                version=sent.version if sent else version.version,
                sha256=sent.sha256 if sent else version.sha256,
                entry=sent.body if sent else b"",
                known_at=now,
            )
            registrations.add(connection, registration)
            return registrations.get(connection, battery_id)

    def give_up(self, battery_id: str, reason: str) -> Attempt:
        """The attempt that is over because a person says so; to be called within `alone`.

        Raises:
            NotFound: nothing is on its way for the battery.
        """
        with writing(self.engine) as connection:
            attempt = registrations.open_attempts(connection, [battery_id]).get(battery_id)
            if attempt is None:
                raise NotFound(f"nothing is on its way into a registry for battery {battery_id}")
            registrations.refused(connection, attempt, why=f"given up: {reason}", at=self._now())
        return attempt

    def _allowed_by_hand(self, battery: Battery) -> None:
        if battery.simulated != self.registry.test_environment:
            raise InputRefused(
                f"{battery.identifier} is simulated, and the registry is no test environment"
                if battery.simulated
                else f"{battery.identifier} is real, and a registration in a test environment is none"
            )

    # ------------------------------------------------------------------------------------------ 5. the proofs

    def fetch_proofs(self, client: RegistryClient, battery_ids: Sequence[str]) -> Iterator[ProofOutcome]:
        """The proof of each registered battery, archived as it came; to be called within `alone`.

        Raises:
            InputRefused: nobody said where proofs are fetched.
            NotFound: a battery is not registered.
            RegistryUnavailable: no answer; what was archived stays.
            RegistryRefused: whoever asks is not let in, or the registry said no.
        """
        for battery_id in battery_ids:
            with reading(self.engine) as connection:
                registration = registrations.get(connection, battery_id)
                battery = batteries.get(connection, battery_id)
            if registration.registry_url != self.registry.url:
                raise RegistryRefused(
                    f"{battery.identifier} is registered at {registration.registry_url}; [registry] url is"
                    f" {self.registry.url}"
                )
            names = self._proof_names(battery, registration)
            answer = client.proof(names)
            _reach("after_proof_answer")
            if answer is None:
                yield ProofOutcome(
                    registration, battery.identifier, None, None, self._none_there(registration)
                )
                continue
            content, media_type = answer
            yield self.keep_proof(battery_id, content, media_type=media_type, origin="registry")

    def keep_proof(self, battery_id: str, content: bytes, *, media_type: str, origin: str) -> ProofOutcome:
        """Archive a proof as it came, and say whether it fits the stored record. A misfit is kept and told.

        Raises:
            NotFound: the battery is not registered.
        """
        with writing(self.engine) as connection:
            registration = registrations.get(connection, battery_id)
            battery = batteries.get(connection, battery_id)
            proof = registrations.archive(
                connection, registration, content, media_type=media_type, origin=origin, at=self._now()
            )
            comparison = self._compared(connection, battery, registration, content)
        return ProofOutcome(registration, battery.identifier, proof, comparison)

    def compared(self, connection: Connection, battery: Battery) -> Comparison | None:
        """Whether the newest archived proof fits the stored record; None when there is no proof."""
        proof = registrations.proofs(connection, [battery.id]).get(battery.id)
        if proof is None:
            return None
        content = registrations.content(connection, proof)
        return self._compared(connection, battery, registrations.get(connection, battery.id), content)

    def _compared(
        self, connection: Connection, battery: Battery, registration: Registration, content: bytes
    ) -> Comparison:
        registry = self.settings.registry
        return compare(
            content,
            registration,
            versions.history(connection, battery.id, RecordKind.PASSPORT),
            product=self._proof_names(battery, registration)[wire.PRODUCT_MEMBER],
            hashed_form=registry.hashed_form if registry else None,
        )

    def _proof_names(self, battery: Battery, registration: Registration) -> dict[str, str]:
        url = self.settings.public_url
        made = {
            wire.PRODUCT_MEMBER: identifier_url(url, battery.identifier),
            "digitalProductPassportId": f"{url}/p/{battery.passport_id}",
        }
        sent = _names(registration.entry) if registration.entry else {}
        return {**made, **sent, "registrationId": registration.registration_id}

    def _none_there(self, registration: Registration) -> str:
        ends = registration.expires_at
        if ends is not None and ends < self._now():
            return f"the registry gives none any more; its 90 days ended on {ends:%Y-%m-%d}"
        return "the registry has none yet; run the command again later"


class _Left(Exception):
    """Why a battery is not sent."""


def _names(body: bytes, *, correlation: str | None = None) -> dict[str, str]:
    """What stands in the places of a path, by name."""
    members: dict[str, Any] = orjson.loads(body)
    names = {
        name: str(members[name])
        for name in (wire.PRODUCT_MEMBER, "digitalProductPassportId")
        if name in members
    }
    return names | ({"correlationId": correlation} if correlation else {})


def _groups(battery_ids: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(dict.fromkeys(battery_ids))
    return iter(lambda: list(islice(waiting, GROUP)), [])


def _reach(point: str) -> None:
    """Die here, as a power cut would have it, when a test asked for it."""
    if os.environ.get("CELLPASS_CRASH_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
