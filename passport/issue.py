"""The only road by which a new version is born.

Its steps, in the order in which they happen; nothing is visible before step 5:

0. Record: what is stated today of every row of the kind, from declared facts and the folded state.
1. Gate: what is owed and missing, and what is stated although it must stay empty. All reasons come at once.
2. Intent: one transaction reserves (battery, kind, version) and stores the exact payload, its salts inside.
3. Signature: over that payload, in the signer's process. Its time is the intent's, so that signing again
   after a crash gives the same bytes.
4. Release: one transaction appends the leaf, stores the version with its disclosures and ends the intent.
5. Visible: from the commit of step 4.
6. Checkpoint: the signer signs the size and root of a log whose leaves are already durable, so that what it
   remembers outside the database is never ahead of the database.

A crash between two steps leaves an intent. `recover` finishes it: never another content under a number that
may already be signed. It is voided only where it cannot be finished any more.
"""

import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine

from passport import disclosure, search
from passport.errors import (
    Conflict,
    GateClosed,
    LogRefused,
    NotFound,
    PassportError,
    SignerUnavailable,
    VerificationFailed,
)
from passport.judgement import compliance
from passport.judgement.second_life.assess import Assessment, assess
from passport.judgement.second_life.evidence import gather
from passport.ledger import batteries, leaves, operators, states, versions
from passport.ledger.batteries import Battery
from passport.ledger.database import reading, writing
from passport.ledger.versions import Version
from passport.lifecycle.state import LifecycleState, summary
from passport.settings import Settings
from passport.signing import base64url, encode, log, status
from passport.signing.sign import STATUS_LIST_TYPE, parse_jws, sign_record, verify_jws
from passport.signing.signer import Signer, SignerRefused
from schemas.identifier import identifier_url, new_serial, parse_path
from schemas.record import Record, Stated
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import (
    Absent,
    Audience,
    BatteryStatus,
    Disclosure,
    RecordKind,
    Source,
)
from schemas.values import from_utc_text, utc_text

_log = logging.getLogger(__name__)

CRASH_POINTS: Final = (
    "after_intent",
    "after_sign",
    "before_release",
    "after_release",
    "after_note",
    "after_checkpoint",
)
"""Where `CELLPASS_CRASH_AT` kills this process, for the tests that prove the steps above."""

ASSESSMENT_LIFE: Final = timedelta(days=90)
# How many versions share their transactions: a power cut undoes at most one group that nobody has seen.
GROUP: Final = 32
STATUS_LIST_LIFE: Final = timedelta(hours=24)
# How long an intent belongs to whoever opened it; after that anybody may finish it.
LEASE: Final = timedelta(seconds=60)
# Attributes that change with every version although nothing about the battery did.
_OF_THE_VERSION: Final = frozenset({"dpp_last_updated_at", "dpp_issued_at"})

RandomBytes = Callable[[int], bytes]


class RecordGateClosed(GateClosed):
    """The gate of step 1, with every finding that keeps it shut."""

    def __init__(self, battery: Battery, findings: Sequence[compliance.Finding]) -> None:
        """One sentence per finding."""
        self.findings = tuple(findings)
        lines = "\n".join(f"  {finding}" for finding in findings)
        answerable = all(finding.answerable for finding in findings)
        advice = '; state them, or issue with --incomplete "REASON"' if answerable else ""
        super().__init__(
            f"{battery.identifier}: {len(findings)} findings keep the gate shut{advice}\n{lines}"
        )


@dataclass(frozen=True)
class View:
    """What one audience may have of one version.

    Attributes:
        record: the signed part with the allowed disclosures, ready to be served and verified.
        values: attribute id to its stated value on the wire; only what the audience may see.
        withheld: attribute ids that the record holds and the audience may not see.
    """

    record: bytes
    values: Mapping[str, dict[str, Any]]
    withheld: frozenset[str]
    version: Version


@dataclass(frozen=True)
class Recovered:
    """What was done about unfinished intents.

    Attributes:
        finished: versions that are released now.
        voided: record ids of intents that could not be finished any more, each with the reason.
        waiting: record ids that need the signer, which is not there.
    """

    finished: tuple[Version, ...]
    voided: tuple[tuple[str, str], ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True)
class _Draft:
    """A record that passed the gate, with who will sign it and what it says of its own completeness."""

    battery: Battery
    record: Record
    voluntary: bool
    incomplete: str | None
    signer: Signer


@dataclass(frozen=True)
class _Intent:
    battery: str
    record_id: str
    kind: RecordKind
    version: int
    operator: str
    opened_at: datetime
    waiting: bool
    valid_until: datetime | None
    status_list: int
    status_index: int
    voluntary: bool
    incomplete: str | None
    simulated: bool
    registry_version: str
    payload: bytes
    disclosures: tuple[tuple[str, str], ...]


# ------------------------------------------------------------------------------------------- 0. the record


def record_of(
    connection: Connection, battery: Battery, kind: RecordKind, *, public_url: str, now: datetime
) -> Record:
    """What is stated today of every row of the kind. A row without a value says why."""
    facts = batteries.facts(connection, battery.id)
    as_of = batteries.declared_at(connection, battery.id)
    rulings = compliance.rulings(battery.category, battery.placed_on, now.date())
    stated: dict[str, Stated[Any]] = {
        name: Stated.of(REGISTRY[name], value, source=Source.DECLARED, as_of=as_of)
        for name, value in facts.items()
        if REGISTRY[name].record is kind
    }
    if kind is RecordKind.PASSPORT:
        stated |= _of_the_service(connection, battery, facts, public_url=public_url, now=now)
    elif kind is RecordKind.CONDITION:
        stated.setdefault(
            "battery_status",
            Stated.of(
                REGISTRY["battery_status"],
                BatteryStatus.ORIGINAL,
                source=Source.DECLARED,
                as_of=battery.created_at,
            ),
        )
        state = state_of(connection, battery.id)
        if state is not None:
            # Everything is computed for every battery; what its category may state is published.
            stated |= {
                name: one
                for name, one in summary(state, facts).items()
                if REGISTRY[name].record is kind and rulings[name].may_be_stated
            }
    else:
        outcome = assessment_of(connection, battery, now=now)
        stated["second_life_assessment"] = Stated.of(
            REGISTRY["second_life_assessment"],
            {key: value for key, value in outcome.to_wire().items() if key != "method"},
            source=Source.COMPUTED,
            as_of=now,
            method=outcome.method,
        )

    return Record.filled(kind, stated, lambda attribute: compliance.absence(rulings[attribute.id]))


def _of_the_service(
    connection: Connection, battery: Battery, facts: Mapping[str, Any], *, public_url: str, now: datetime
) -> dict[str, Stated[Any]]:
    """Rows that the service itself knows; what an operator declared about them is not asked."""
    serial = dict(parse_path(battery.identifier).ais).get("21")
    known: dict[str, Any] = {
        "passport_id": f"{public_url}/p/{battery.passport_id}",
        "battery_id": identifier_url(public_url, battery.identifier),
        "dpp_schema_version": REGISTRY_VERSION,
        "dpp_status": battery.passport_status,
        "dpp_granularity": "item",
        "dpp_last_updated_at": now,
        "dpp_issued_at": versions.first_issued_at(connection, battery.id, RecordKind.PASSPORT) or now,
        "battery_category": battery.category,
    }
    if serial is not None and "serial_number" not in facts:
        known["serial_number"] = serial
    if "operator_name" not in facts:
        known["operator_name"] = operators.get(connection, battery.operator).name
    return {
        name: Stated.of(REGISTRY[name], value, source=Source.DECLARED, as_of=now)
        for name, value in known.items()
    }


def state_of(connection: Connection, battery_id: str) -> LifecycleState | None:
    """The folded state of a battery; None when nothing was ever folded."""
    data = states.load_state(connection, battery_id)
    return LifecycleState.from_bytes(data) if data is not None else None


def assessment_of(connection: Connection, battery: Battery, *, now: datetime) -> Assessment:
    """The second-life gates' answers for a battery as it is known now."""
    facts = batteries.facts(connection, battery.id)
    facts.setdefault("battery_status", BatteryStatus.ORIGINAL)
    latest = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    return assess(
        gather(
            state_of(connection, battery.id),
            facts,
            placed_on=battery.placed_on,
            signature_valid=_verifies(connection, latest) if latest is not None else None,
            serial_known=any(ai == "21" for ai, _ in parse_path(battery.identifier).ais) or None,
            now=now,
        )
    )


def _verifies(connection: Connection, version: Version) -> bool:
    """Whether the stored record's signature fits the operator's published key."""
    keys = {key["kid"]: key for key in operators.jwks(connection, version.operator)["keys"]}
    try:
        verify_jws(parse_jws(version.jwt), keys[version.kid])
    except (VerificationFailed, KeyError):
        return False
    return True


# ----------------------------------------------------------------------------------------------- the view


def view_of(connection: Connection, version: Version, audience: Audience) -> View:
    """What the audience may have of the version: the one way to values for pages, papers, queries and files.

    Who may see an attribute is asked of the registry in force; what it does not know is withheld. An erased
    value is not provided any more, and says so.
    """
    clear = _claims(version.jwt)["credentialSubject"]
    values: dict[str, dict[str, Any]] = {}
    withheld: set[str] = set()
    allowed: list[str] = []
    for name, wire in clear.items():
        if name in {"id", "_sd"}:
            continue
        if disclosure.may_see_attribute(audience, name):
            values[name] = wire
        else:
            withheld.add(name)
    for stored in versions.disclosures(connection, version):
        if not disclosure.may_see_attribute(audience, stored.attribute):
            withheld.add(stored.attribute)
        elif stored.encoded is None:
            values[stored.attribute] = {"absent": Absent.NOT_PROVIDED.value}
        else:
            allowed.append(stored.encoded)
            values[stored.attribute] = _disclosed(stored.encoded)
    ordered = {name: values[name] for name in REGISTRY if name in values}
    return View(encode.view(version.jwt, allowed), ordered, frozenset(withheld), version)


def _claims(jwt: bytes) -> dict[str, Any]:
    """The claims of a record of our own ledger."""
    claims: dict[str, Any] = orjson.loads(base64url.decode(jwt.split(b".")[1].decode("ascii")))
    return claims


def _disclosed(encoded: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(base64url.decode(encoded))[2]
    return value


# ----------------------------------------------------------------------------------------------- the road


class Issuer:
    """Issues versions for every operator of one installation."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        signers: Callable[[str], Signer],
        *,
        random_bytes: RandomBytes = secrets.token_bytes,
        random_below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Nothing is asked of anybody yet.

        Args:
            engine: the opened and migrated database.
            settings: for the public URL.
            signers: gives the signer of an operator, its keys made.
            random_bytes: for ids and salts.
            random_below: for places in status lists.
        """
        self.engine = engine
        self.settings = settings
        self.signers = signers
        self._random_bytes = random_bytes
        self._random_below = random_below

    @property
    def public_url(self) -> str:
        """Scheme and host as they are signed."""
        return self.settings.public_url

    def record_url(self, record_id: str) -> str:
        """Where a version is served."""
        return f"{self.public_url}/r/{record_id}"

    def status_list_url(self, operator: str, number: int) -> str:
        """Where a status list of an operator is served."""
        return f"{self.public_url}/o/{operator}/status/{number}"

    # ------------------------------------------------------------------------------------------- issuing

    def findings(
        self, connection: Connection, battery: Battery, kind: RecordKind, *, now: datetime
    ) -> tuple[compliance.Finding, ...]:
        """What the gate would say today."""
        record = record_of(connection, battery, kind, public_url=self.public_url, now=now)
        return compliance.gaps(record, battery.category, battery.placed_on, now.date())

    def issue(
        self,
        battery_id: str,
        kind: RecordKind,
        *,
        now: datetime,
        incomplete: str | None = None,
        force: bool = False,
    ) -> Version:
        """The newest version after this call: a new one, or the stored one where nothing has changed.

        Args:
            battery_id: whose record.
            kind: which record.
            now: aware; becomes `validFrom`.
            incomplete: why it may be issued although something owed is missing; written into the record where
                something is. Of a voluntary passport nothing is owed.
            force: issue a new version although nothing has changed.

        Raises:
            NotFound: there is no such battery.
            RecordGateClosed: something owed is missing, or something is stated that must stay empty.
            Conflict: another version of this kind is on its way, or the public URL has changed.
            SignerUnavailable: the version is kept and will be finished when the signer is back.
            StoreUnavailable: the database could not take it; nothing is visible.
            LogRefused: the version is released, but the signer remembers another log.
        """
        ((_, outcome),) = self._issue_group([battery_id], kind, now=now, incomplete=incomplete, force=force)
        if isinstance(outcome, PassportError):
            raise outcome
        return outcome

    def issue_many(
        self,
        battery_ids: Iterable[str],
        kind: RecordKind,
        *,
        now: datetime,
        incomplete: str | None = None,
        force: bool = False,
    ) -> Iterator[tuple[str, Version | PassportError]]:
        """Each battery id with its newest version or with why there is none, as soon as its group is done.

        A group shares the transactions of steps 2, 4 and 6: many versions wait for few writes to disk.

        Raises:
            Conflict: the public URL has changed.
            StoreUnavailable: the database could not take a group; of that group nothing is visible.
            LogRefused: as for `issue`.
        """
        waiting = iter(dict.fromkeys(battery_ids))
        while group := list(islice(waiting, GROUP)):
            yield from self._issue_group(group, kind, now=now, incomplete=incomplete, force=force)

    def _issue_group(
        self,
        battery_ids: Sequence[str],
        kind: RecordKind,
        *,
        now: datetime,
        incomplete: str | None,
        force: bool,
    ) -> list[tuple[str, Version | PassportError]]:
        outcomes: dict[str, Version | PassportError] = {}
        # A version that somebody left behind comes first: its number may already be signed.
        self._finish_abandoned(battery_ids, kind, now, outcomes)
        # 0. and 1. on one consistent moment
        drafts: list[_Draft] = []
        with reading(self.engine) as connection:
            for battery_id in battery_ids:
                if battery_id in outcomes:
                    continue
                try:
                    drafts.append(self._draft(connection, battery_id, kind, incomplete, now))
                except (NotFound, GateClosed, SignerUnavailable) as error:
                    outcomes[battery_id] = error
        # 2.
        intents: list[tuple[_Intent, Signer]] = []
        if drafts:
            with writing(self.engine) as connection:
                self._fix_public_url(connection, now)
                for draft in drafts:
                    try:
                        found = self._reserve(connection, draft, now=now, force=force)
                    except Conflict as error:
                        outcomes[draft.battery.id] = error
                        continue
                    if isinstance(found, Version):
                        outcomes[draft.battery.id] = found
                    else:
                        intents.append((found, draft.signer))
                for operator, signer in {one.operator: signer for one, signer in intents}.items():
                    self._publish_keys(connection, operator, signer, now)
        _reach("after_intent")
        # 3.
        signed: list[tuple[_Intent, Signer, bytes]] = []
        for intent, signer in intents:
            try:
                signed.append((intent, signer, self._sign(intent, signer)))
            except SignerUnavailable as error:
                outcomes[intent.battery] = error
        _reach("after_sign")
        # 4. and 5.
        if signed:
            with writing(self.engine) as connection:
                for intent, signer, jwt in signed:
                    try:
                        outcomes[intent.battery] = self._release(connection, intent, jwt, signer.kid, now)
                    except Conflict as error:
                        outcomes[intent.battery] = error
                _reach("before_release")
        _reach("after_release")
        # 6.
        for operator, signer in {intent.operator: signer for intent, signer, _ in signed}.items():
            self._checkpoint_or_later(operator, signer, now)
        return [(battery_id, outcomes[battery_id]) for battery_id in battery_ids]

    def _draft(
        self, connection: Connection, battery_id: str, kind: RecordKind, incomplete: str | None, now: datetime
    ) -> "_Draft":
        battery = batteries.get(connection, battery_id)
        record = record_of(connection, battery, kind, public_url=self.public_url, now=now)
        reason = self._gate(battery, record, incomplete, now)
        voluntary = compliance.voluntary(battery.placed_on)
        return _Draft(battery, record, voluntary, reason, self.signers(battery.operator))

    def _checkpoint_or_later(self, operator: str, signer: Signer, now: datetime) -> None:
        """The versions are visible already; a signer that is gone now signs it when it is back."""
        try:
            self.checkpoint(operator, now, signer=signer)
        except SignerUnavailable as error:
            _log.warning("the log of %s waits for its checkpoint: %s", operator, error)

    def _gate(self, battery: Battery, record: Record, incomplete: str | None, now: datetime) -> str | None:
        """Step 1: why something owed is missing, in the operator's words; None where nothing is."""
        findings = compliance.gaps(record, battery.category, battery.placed_on, now.date())
        shut = compliance.closing(findings, incomplete=bool(incomplete and incomplete.strip()))
        if shut:
            raise RecordGateClosed(battery, shut)
        missing = any(finding.closes_gate for finding in findings)
        return incomplete.strip() if incomplete and missing else None

    def _reserve(
        self, connection: Connection, draft: "_Draft", *, now: datetime, force: bool
    ) -> "_Intent | Version":
        """Step 2: the intent, or the newest version where it says the same already."""
        battery, record, incomplete = draft.battery, draft.record, draft.incomplete
        if (opened := _open_intent(connection, battery.id, record.kind)) is not None:
            raise Conflict(
                f"{record.kind.value} version {opened.version} of {battery.identifier} is on its way"
                f" since {utc_text(opened.opened_at)}; try again in {LEASE.seconds} s"
            )
        last = versions.latest(connection, battery.id, record.kind)
        public, restricted = _split(record)
        marks = (draft.voluntary, incomplete)
        if last is not None and not force and _same(connection, last, {**public, **restricted}, marks, now):
            return last
        record_id = new_serial(self._random_bytes(10))
        number, index = versions.reserve_status(connection, battery.operator, record_id, self._random_below)
        valid_until = now + ASSESSMENT_LIFE if record.kind is RecordKind.ASSESSMENT else None
        unsigned = encode.unsigned(
            record_url=self.record_url(record_id),
            issuer_did=operators.did(self.public_url, battery.operator),
            identifier_url=identifier_url(self.public_url, battery.identifier),
            kind=record.kind,
            version=last.version + 1 if last else 1,
            valid_from=now,
            valid_until=valid_until,
            public=public,
            restricted=restricted,
            registry_version=record.registry_version,
            public_url=self.public_url,
            previous=(self.record_url(last.record_id), bytes.fromhex(last.sha256)) if last else None,
            status=status.status_entry(self.status_list_url(battery.operator, number), index),
            simulated=battery.simulated,
            voluntary=draft.voluntary,
            incomplete=incomplete,
            salt=lambda: self._random_bytes(encode.SALT_BYTES),
        )
        intent = _Intent(
            battery=battery.id,
            record_id=record_id,
            kind=record.kind,
            version=last.version + 1 if last else 1,
            operator=battery.operator,
            opened_at=now,
            waiting=False,
            valid_until=valid_until,
            status_list=number,
            status_index=index,
            voluntary=draft.voluntary,
            incomplete=incomplete,
            simulated=battery.simulated,
            registry_version=record.registry_version,
            payload=unsigned.payload,
            disclosures=tuple((one.attribute, one.encoded) for one in unsigned.disclosures),
        )
        _store_intent(connection, intent)
        return intent

    def _fix_public_url(self, connection: Connection, now: datetime) -> None:
        """The address that codes are printed with is decided by the first issue."""
        connection.exec_driver_sql(
            "INSERT INTO fixed (name, value, fixed_at) VALUES ('public_url', ?, ?) ON CONFLICT DO NOTHING",
            (self.public_url, utc_text(now)),
        )
        fixed = connection.exec_driver_sql("SELECT value FROM fixed WHERE name = 'public_url'").scalar()
        if fixed != self.public_url:
            raise Conflict(
                f"records here are issued under {fixed}; public_url is now {self.public_url}. Set it back."
            )

    def _publish_keys(self, connection: Connection, operator: str, signer: Signer, now: datetime) -> None:
        operators.publish_record_key(
            connection,
            operator,
            signer.public_jwk,
            issuer_did=operators.did(self.public_url, operator),
            at=now,
        )
        vkey = log.vkey(operators.log_origin(self.public_url, operator), signer.log_public_key)
        operators.publish_log_key(connection, operator, vkey, at=now)

    def _sign(self, intent: _Intent, signer: Signer) -> bytes:
        """Step 3: the same bytes however often it is asked."""
        try:
            return sign_record(intent.payload, signer, intent.opened_at)
        except SignerRefused as error:
            self._void(intent, str(error))
            raise
        except SignerUnavailable:
            self._wait(intent)
            raise

    def _release(
        self, connection: Connection, intent: _Intent, jwt: bytes, kid: str, now: datetime
    ) -> Version:
        if (already := versions.by_record(connection, intent.record_id)) is not None:
            return already
        if not _still_open(connection, intent):
            raise Conflict(
                f"version {intent.version} of {intent.battery} was voided while it was being signed"
            )
        place = {"battery": intent.battery, "kind": intent.kind, "version": intent.version}
        version = Version(
            battery=intent.battery,
            kind=intent.kind,
            version=intent.version,
            record_id=intent.record_id,
            jwt=jwt,
            sha256=encode.jwt_sha256(jwt),
            issued_at=intent.opened_at,
            registry_version=intent.registry_version,
            kid=kid,
            leaf_index=leaves.append(connection, intent.operator, jwt, **place),  # type: ignore[arg-type]
            operator=intent.operator,
            status_index=intent.status_index,
            voluntary=intent.voluntary,
            incomplete=intent.incomplete,
            simulated=intent.simulated,
            status_list=intent.status_list,
            valid_until=intent.valid_until,
        )
        versions.add(connection, version, intent.disclosures, at=now)
        connection.exec_driver_sql(
            "DELETE FROM intent WHERE battery = ? AND record_id = ?", (intent.battery, intent.record_id)
        )
        _index(connection, version, intent.disclosures)
        connection.exec_driver_sql("DELETE FROM page_cache WHERE battery = ?", (intent.battery,))
        return version

    def _wait(self, intent: _Intent) -> None:
        """The signer is not there: whoever comes next may finish the intent."""
        with writing(self.engine) as connection:
            connection.exec_driver_sql(
                "UPDATE intent SET waiting = 1 WHERE battery = ? AND record_id = ?",
                (intent.battery, intent.record_id),
            )

    def _void(self, intent: _Intent, reason: str) -> None:
        with writing(self.engine) as connection:
            connection.exec_driver_sql(
                "UPDATE intent SET void_reason = ?, payload = x'', disclosures = x''"
                " WHERE battery = ? AND record_id = ?",
                (reason, intent.battery, intent.record_id),
            )
        _log.warning("version %s of battery %s is void: %s", intent.version, intent.battery, reason)

    # ---------------------------------------------------------------------------------------- recovering

    def _finish_abandoned(
        self,
        battery_ids: Sequence[str],
        kind: RecordKind,
        now: datetime,
        outcomes: dict[str, Version | PassportError],
    ) -> None:
        """Finish what was left behind for these batteries; `outcomes` gets why one could not be finished."""
        with reading(self.engine) as connection:
            intents = _open_intents(connection, "AND kind = ?", (kind.value,))
        asked = set(battery_ids)
        for intent in intents:
            if intent.battery in asked and (intent.waiting or now - intent.opened_at > LEASE):
                try:
                    self._resume(intent, now)
                except SignerUnavailable as error:
                    outcomes[intent.battery] = error

    def _resume(self, intent: _Intent, now: datetime) -> Version | None:
        """The version that an intent became, by whoever finished it; None when it had to be voided.

        Raises:
            SignerUnavailable: the signer is not there; the intent keeps waiting.
        """
        with reading(self.engine) as connection:
            last = versions.latest(connection, intent.battery, intent.kind)
        if last is not None and last.record_id == intent.record_id:
            return last
        if intent.version != (last.version if last else 0) + 1:
            self._void(intent, f"version {last.version if last else 0} was released last")
            return None
        signer = self.signers(intent.operator)
        try:
            jwt = self._sign(intent, signer)
        except SignerRefused:
            return None
        with writing(self.engine) as connection:
            try:
                version = self._release(connection, intent, jwt, signer.kid, now)
            except Conflict:
                return None
        self._checkpoint_or_later(intent.operator, signer, now)
        return version

    def recover(self, now: datetime) -> Recovered:
        """Finish or void every intent that a crash left behind; to be called at start.

        Raises:
            LogRefused: the signer remembers another log.
        """
        with reading(self.engine) as connection:
            intents = _open_intents(connection)
        finished, voided, waiting = [], [], []
        for intent in intents:
            try:
                version = self._resume(intent, now)
            except SignerUnavailable as error:
                _log.warning("version %s of battery %s waits: %s", intent.version, intent.battery, error)
                waiting.append(intent.record_id)
                continue
            if version is not None:
                finished.append(version)
            else:
                voided.append((intent.record_id, self._void_reason(intent)))
        for operator in self._behind():
            try:
                self.checkpoint(operator, now)
            except SignerUnavailable as error:
                _log.warning("the log of %s waits for its checkpoint: %s", operator, error)
        return Recovered(tuple(finished), tuple(voided), tuple(waiting))

    def _void_reason(self, intent: _Intent) -> str:
        with reading(self.engine) as connection:
            return str(
                connection.exec_driver_sql(
                    "SELECT void_reason FROM intent WHERE battery = ? AND record_id = ?",
                    (intent.battery, intent.record_id),
                ).scalar()
            )

    def _behind(self) -> list[str]:
        """Operators whose log has leaves that no checkpoint covers."""
        with reading(self.engine) as connection:
            return [
                one.id
                for one in operators.all_operators(connection)
                if leaves.size(connection, one.id) > _checkpoint_size(connection, one.id)
            ]

    # ------------------------------------------------------------------------------------------- the log

    def checkpoint(self, operator: str, now: datetime, *, signer: Signer | None = None) -> None:
        """Step 6: a signed checkpoint over all leaves of the operator, unless the newest one covers them.

        The writer's turn is held while the signer works, so that two workers never ask for two heads.

        Raises:
            LogRefused: the signer remembers a log that this one does not extend.
            SignerUnavailable: the signer did not answer.
        """
        with writing(self.engine) as connection:
            count, signed = leaves.size(connection, operator), _checkpoint_size(connection, operator)
            if count == signed:
                return
            root = leaves.root(connection, operator, count)
            text = log.checkpoint_text(operators.log_origin(self.public_url, operator), count, root)
            note = self._signed_note(
                connection,
                operator,
                text=text,
                signed=signed,
                count=count,
                signer=signer or self.signers(operator),
            )
            _reach("after_note")
            leaves.add_checkpoint(connection, operator, count=count, tree_root=root, note=note, at=now)
        _reach("after_checkpoint")

    def _signed_note(
        self, connection: Connection, operator: str, *, text: bytes, signed: int, count: int, signer: Signer
    ) -> bytes:
        """The note, proven to extend what the signer signed last.

        That may be a checkpoint which a crash kept us from storing: its size then lies between our last one
        and the leaves that are durable.
        """
        first = signer.checkpoint_size()
        first = signed if first is None else first
        if first > count:
            raise LogRefused(
                f"the signer of {operator} remembers a log of {first} leaves, here are {count}."
                " Was an old back-up restored? Restore the newest one."
            )
        try:
            return signer.sign_note(text, leaves.consistency(connection, operator, first, count))
        except SignerRefused as error:
            raise LogRefused(
                f"the log of {operator} with {count} leaves does not extend the {first} leaves that its"
                f" signer remembers: {error}"
            ) from error

    def check_log(self, now: datetime) -> None:
        """Nothing, when every operator's log is whole and extends what its signer remembers.

        Raises:
            LogRefused: leaves, versions, nodes or checkpoints disagree, or the signer remembers a longer log.
            SignerUnavailable: the signer did not answer.
        """
        with reading(self.engine) as connection:
            names = [one.id for one in operators.all_operators(connection)]
        for operator in names:
            with reading(self.engine) as connection:
                count = _check_tree(connection, operator)
            if not count:
                continue
            self.checkpoint(operator, now)
            with reading(self.engine) as connection:
                root = leaves.root(connection, operator, count)
                text = log.checkpoint_text(operators.log_origin(self.public_url, operator), count, root)
                self._signed_note(
                    connection,
                    operator,
                    text=text,
                    signed=count,
                    count=count,
                    signer=self.signers(operator),
                )

    # ------------------------------------------------------------------------------------- status lists

    def status_list(self, operator: str, number: int, now: datetime) -> bytes:
        """One signed status list of an operator (`vc+jwt`), good for a day.

        Raises:
            NotFound: there is no such operator, or no such list yet.
        """
        with reading(self.engine) as connection:
            operators.get(connection, operator)
            known = connection.exec_driver_sql(
                "SELECT 1 FROM status_entry WHERE operator = ? AND status_list = ? LIMIT 1",
                (operator, number),
            ).first()
            if known is None:
                raise NotFound(f"operator {operator!r} has no status list {number}")
            bits = status.bitstring(versions.revoked(connection, operator, number))
        payload = status.list_payload(
            list_url=self.status_list_url(operator, number),
            issuer_did=operators.did(self.public_url, operator),
            valid_from=now,
            valid_until=now + STATUS_LIST_LIFE,
            bits=bits,
        )
        return sign_record(payload, self.signers(operator), now, typ=STATUS_LIST_TYPE)


def _check_tree(connection: Connection, operator: str) -> int:
    """Number of leaves, after the stored tree was computed anew from them."""
    hashes = leaves.all_hashes(connection, operator)
    released = connection.exec_driver_sql(
        "SELECT count(*) FROM version WHERE operator = ?", (operator,)
    ).scalar_one()
    if released != len(hashes):
        raise LogRefused(f"the log of {operator} has {len(hashes)} leaves for {released} versions")
    newest = leaves.newest_checkpoint(connection, operator)
    signed = newest.size if newest else 0
    if signed > len(hashes):
        raise LogRefused(f"the log of {operator} has {len(hashes)} leaves, its last checkpoint {signed}")
    if newest is not None and log.root(hashes[:signed]) != newest.root:
        raise LogRefused(
            f"the first {signed} leaves of {operator} do not lead to the root of its last checkpoint"
        )
    try:
        stored = leaves.root(connection, operator, len(hashes))
    except ValueError as error:
        raise LogRefused(str(error)) from error
    if stored != log.root(hashes):
        raise LogRefused(f"the stored nodes of the log of {operator} do not fit its leaves")
    return len(hashes)


# ------------------------------------------------------------------------------------------------ helpers


def _reach(point: str) -> None:
    """Die here, as a power cut would have it, when a test asked for it."""
    if os.environ.get("CELLPASS_CRASH_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)


def _split(record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """Public and restricted values on the wire; every restricted row is there: digests tell nothing."""
    wire = record.to_wire()
    public = {name: value for name, value in wire.items() if REGISTRY[name].disclosure is Disclosure.PUBLIC}
    return public, {name: value for name, value in wire.items() if name not in public}


def _same(
    connection: Connection,
    last: Version,
    values: Mapping[str, Any],
    marks: tuple[bool, str | None],
    now: datetime,
) -> bool:
    """Whether the newest version says this already, salts and times aside; an old opinion is renewed."""
    if last.registry_version != REGISTRY_VERSION or (last.voluntary, last.incomplete) != marks:
        return False
    if last.valid_until is not None and last.valid_until - now < ASSESSMENT_LIFE / 3:
        return False
    said = {
        name: wire
        for name, wire in _claims(last.jwt)["credentialSubject"].items()
        if name not in {"id", "_sd"}
    }
    for stored in versions.disclosures(connection, last):
        if stored.encoded is None:
            return False
        said[stored.attribute] = _disclosed(stored.encoded)
    return _timeless(said) == _timeless(values)


def _timeless(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in wire.items() if key != "as_of"}
        for name, wire in values.items()
        if name not in _OF_THE_VERSION
    }


def _index(connection: Connection, version: Version, disclosed: Iterable[tuple[str, str]]) -> None:
    """What the version says, in the battery's search row."""
    battery = batteries.get(connection, version.battery)
    if version.kind is RecordKind.PASSPORT:
        search.index(connection, battery=battery, facts=_claims(version.jwt)["credentialSubject"])
        return
    values = {name: _disclosed(encoded) for name, encoded in disclosed}
    if version.kind is RecordKind.CONDITION:
        search.index(connection, battery=battery, condition=values, condition_at=version.issued_at)
        return
    outcome = values["second_life_assessment"].get("value", {})
    search.index(connection, battery=battery, verdict=outcome.get("verdict"), inspect=outcome.get("inspect"))


def _checkpoint_size(connection: Connection, operator: str) -> int:
    newest = leaves.newest_checkpoint(connection, operator)
    return newest.size if newest else 0


_INTENT_COLUMNS: Final = (
    "battery, record_id, kind, version, operator, opened_at, waiting, valid_until, status_list, status_index,"
    " voluntary, incomplete, simulated, registry_version, payload, disclosures"
)


def _store_intent(connection: Connection, intent: _Intent) -> None:
    connection.exec_driver_sql(
        f"INSERT INTO intent ({_INTENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intent.battery,
            intent.record_id,
            intent.kind.value,
            intent.version,
            intent.operator,
            utc_text(intent.opened_at),
            int(intent.waiting),
            utc_text(intent.valid_until) if intent.valid_until else None,
            intent.status_list,
            intent.status_index,
            int(intent.voluntary),
            intent.incomplete,
            int(intent.simulated),
            intent.registry_version,
            intent.payload,
            orjson.dumps(intent.disclosures),
        ),
    )


def _open_intents(connection: Connection, where: str = "", values: tuple[Any, ...] = ()) -> list[_Intent]:
    rows = connection.exec_driver_sql(
        f"SELECT {_INTENT_COLUMNS} FROM intent WHERE void_reason IS NULL {where}"
        " ORDER BY opened_at, record_id",
        values,
    )
    return [
        _Intent(
            battery=row[0],
            record_id=row[1],
            kind=RecordKind(row[2]),
            version=row[3],
            operator=row[4],
            opened_at=from_utc_text(row[5]),
            waiting=bool(row[6]),
            valid_until=from_utc_text(row[7]) if row[7] else None,
            status_list=row[8],
            status_index=row[9],
            voluntary=bool(row[10]),
            incomplete=row[11],
            simulated=bool(row[12]),
            registry_version=row[13],
            payload=bytes(row[14]),
            disclosures=tuple((name, encoded) for name, encoded in orjson.loads(row[15])),
        )
        for row in rows
    ]


def _open_intent(connection: Connection, battery_id: str, kind: RecordKind) -> _Intent | None:
    found = _open_intents(connection, "AND battery = ? AND kind = ?", (battery_id, kind.value))
    return found[0] if found else None


def _still_open(connection: Connection, intent: _Intent) -> bool:
    found = connection.exec_driver_sql(
        "SELECT 1 FROM intent WHERE battery = ? AND record_id = ? AND void_reason IS NULL",
        (intent.battery, intent.record_id),
    )
    return found.first() is not None
