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
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, ClassVar, Final, NamedTuple

import orjson
from sqlalchemy import Connection, Engine

from passport import disclosure, search
from passport.appraising import appraised, health_of_battery, read_inputs, state_of
from passport.errors import (
    Conflict,
    Forbidden,
    GateClosed,
    LogRefused,
    NotFound,
    PassportError,
    SignerUnavailable,
    StoreUnavailable,
)
from passport.estimates import annex_vii, observed
from passport.judgement import compliance
from passport.judgement.opinions import OF_THE_MOMENT
from passport.judgement.value_parameters import ValueParameters, read_parameters
from passport.ledger import (
    batteries,
    handovers,
    leaves,
    life,
    operators,
    registrations,
    versions,
)
from passport.ledger.batteries import Battery
from passport.ledger.database import marks, reading, writing
from passport.ledger.direct import Direct
from passport.ledger.facts import Declared, is_absent
from passport.ledger.life import PREDECESSOR, SUCCESSOR, Life
from passport.ledger.versions import Version
from passport.lifecycle.state import summary
from passport.lifecycle.status import ENDED
from passport.settings import Settings
from passport.signing import base64url, encode, log, status
from passport.signing.sign import STATUS_LIST_TYPE, sign_record, sign_records
from passport.signing.signer import Signer, SignerRefused
from schemas.circumstances import circumstances_of
from schemas.conditions import Circumstances
from schemas.identifier import identifier_url, new_serial, serial_of
from schemas.record import Record, Stated
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import (
    Absent,
    Audience,
    Category,
    Disclosure,
    Level,
    PassportStatus,
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
GROUP: Final = 64
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


class PassportEnded(Forbidden):
    """The battery was recycled: what is true of it alone is not given out any more (Art. 77(8))."""

    code: ClassVar[str] = "passport_ended"
    status: ClassVar[int] = 410


@dataclass(frozen=True)
class View:
    """What one audience may have of one version.

    Attributes:
        signed: the signed part with the allowed disclosures.
        values: attribute id to its stated value on the wire; only what the audience may see.
        withheld: attribute ids that the record holds and the audience may not see.
        exposed: those of them that stand in clear in the signed part, because the registry of the record was
            more open than the one in force. Nobody can cut them out of signed bytes.
        ended: the passport has ceased, and the version is one of those before its last.
        ends: the passport has ceased, and the version is its last.
    """

    signed: bytes
    values: Mapping[str, dict[str, Any]]
    withheld: frozenset[str]
    version: Version
    exposed: frozenset[str] = frozenset()
    ended: bool = False
    ends: bool = False

    @property
    def record(self) -> bytes:
        """The signed part with the allowed disclosures, ready to be served and verified.

        Raises:
            Forbidden: the signed part itself tells what the audience may not see any more.
            PassportEnded: it speaks of a battery that was recycled.
        """
        if self.ended:
            raise PassportEnded(
                "the battery was recycled and its passport has ceased (Art. 77(8)); its last record tells"
                " what is true of its model"
            )
        if self.exposed:
            raise Forbidden(
                f"version {self.version.version} was signed under registry {self.version.registry_version}"
                f" and holds in clear what is restricted since: {', '.join(sorted(self.exposed))}. Its page"
                " shows the rest; a version issued now can be handed out."
            )
        return self.signed


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
    """A record that passed the gate, with who will sign it and what it says of its own completeness.

    Attributes:
        stamp: what it was made from; another one in the database means that it must be made again.
        last: the newest version when it was drafted; None before the first.
        public: what it says in clear, by attribute id on the wire.
        restricted: likewise what becomes disclosures; every restricted row is there, digests tell nothing.
        disclosures: of what is restricted; None where `last` says all of this already.
        related: quoted records of the batteries that it came from or goes on as.
        correction: why the newest version is corrected by this one; None where it only tells what is new.
        handovers: by which responsibility came here since the newest version; empty where it has the issuer.
    """

    battery: Battery
    stamp: "_Stamp"
    last: Version | None
    registry_version: str
    public: Mapping[str, Any]
    restricted: Mapping[str, Any]
    disclosures: tuple[encode.Disclosure, ...] | None
    voluntary: bool
    incomplete: str | None
    signer: Signer
    related: tuple[encode.Related, ...]
    correction: str | None
    handovers: tuple[tuple[bytes, bytes], ...]


_Stamp = tuple[Any, ...]


@dataclass(frozen=True)
class _Order:
    """What a caller asked to be issued."""

    kind: RecordKind
    now: datetime
    incomplete: str | None
    force: bool


@dataclass
class _Group:
    """Some batteries on the road together.

    Attributes:
        outcomes: by battery id, the newest version or why there is none; at the end every battery is in it.
    """

    battery_ids: Sequence[str]
    order: _Order
    drafts: list[_Draft]
    outcomes: dict[str, Version | PassportError]


@dataclass(frozen=True)
class _Intent:
    """A version on its way.

    Attributes:
        said: what search is told, by attribute id on the wire: in clear and in disclosures. None where it
            was read from the database.
    """

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
    said: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Signed:
    """An intent with its signature, not yet visible."""

    intent: _Intent
    jwt: bytes
    kid: str

    def version(self, leaf_index: int) -> Version:
        """What is released."""
        intent = self.intent
        return Version(
            battery=intent.battery,
            kind=intent.kind,
            version=intent.version,
            record_id=intent.record_id,
            jwt=self.jwt,
            sha256=encode.jwt_sha256(self.jwt),
            issued_at=intent.opened_at,
            registry_version=intent.registry_version,
            kid=self.kid,
            leaf_index=leaf_index,
            operator=intent.operator,
            status_index=intent.status_index,
            voluntary=intent.voluntary,
            incomplete=intent.incomplete,
            simulated=intent.simulated,
            status_list=intent.status_list,
            valid_until=intent.valid_until,
        )


# An intent, the name of the key, and the signed part or why there is none.
_Answer = tuple[_Intent, str, bytes | SignerUnavailable]


# ------------------------------------------------------------------------------------------- 0. the record


class _Word(NamedTuple):
    """What is stated of one row, and how that is written; both are shared by many records."""

    stated: Stated[Any]
    wire: dict[str, Any]


def record_of(
    connection: Connection, battery: Battery, kind: RecordKind, *, public_url: str, now: datetime
) -> Record:
    """What is stated today of every row of the kind. A row without a value says why."""
    return standing_of(connection, battery, kind, public_url=public_url, now=now).record


@dataclass(frozen=True)
class Standing:
    """How one record of a battery would stand if it were issued now.

    Attributes:
        record: what is stated today.
        findings: what the gate would say, contradictions first.
        circumstances: which conditions of the law are known, and whether they hold.
        placed_on: the day that decides what is owed; None while it is not known.
    """

    record: Record
    findings: tuple[compliance.Finding, ...]
    circumstances: Circumstances
    placed_on: date | None


def standing_of(
    connection: Connection, battery: Battery, kind: RecordKind, *, public_url: str, now: datetime
) -> Standing:
    """What a version of that kind would say and be told at the gate today."""
    known = _read_about(connection, [battery.id], kind)[battery.id]
    words = _words(connection, known, kind, public_url=public_url, now=now)
    record = _blank(known, kind, now).stating({name: word.stated for name, word in words.items()})
    return Standing(record, _findings(known, record, now), known.circumstances, known.placed_on)


def _findings(known: "_Known", record: Record, now: datetime) -> tuple[compliance.Finding, ...]:
    battery = known.battery
    return (
        *compliance.contradictions(record.kind, known.facts, known.declared.circumstances),
        *compliance.gaps(record, battery.category, known.placed_on, now.date(), known.circumstances),
    )


@dataclass(frozen=True)
class _Known:
    """What is read of a battery for its record.

    Attributes:
        first_issued_at: when its first passport was; None before it was, and for the other kinds.
        registered: what is known of its place in the Union's registry, by attribute id: value, since when.
        life: what happened to it, and which batteries it is linked with.
    """

    battery: Battery
    declared: Declared
    operator_name: str
    first_issued_at: datetime | None
    registered: Mapping[str, tuple[Any, datetime]]
    life: Life

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What is known by attribute id, of both records: declared, told by its life, or by the registry."""
        facts = self.declared.wired
        if self.registered:
            facts = {**facts, **{name: value for name, (value, _) in self.registered.items()}}
        if self.life is not life.EMPTY:
            for kind in (RecordKind.PASSPORT, RecordKind.CONDITION):
                lived = self.life.words(kind, self.declared)
                facts = {**facts, **{name: one.value for name, one in lived.items() if one.value is not None}}
        return facts

    @cached_property
    def circumstances(self) -> Circumstances:
        """Which conditions of the law are known of the battery, and whether they hold."""
        return circumstances_of(self.facts, self.declared.circumstances)

    @cached_property
    def placed_on(self) -> date | None:
        """The day that decides what is owed: the one that the record will state, where it states one."""
        wire = self.declared.wired.get("placed_on_market_date")
        return date.fromisoformat(wire) if isinstance(wire, str) else self.battery.placed_on


def _read_about(connection: Connection, battery_ids: Sequence[str], kind: RecordKind) -> dict[str, _Known]:
    """The same for a group, in a few statements; a battery that is not there is left out."""
    found = batteries.many(connection, battery_ids)
    declared = batteries.declared(connection, battery_ids)
    names = {one: operators.get(connection, one).name for one in {each.operator for each in found.values()}}
    passport = kind is RecordKind.PASSPORT
    first = versions.first_issued(connection, battery_ids, kind) if passport else {}
    registered = registrations.stated(connection, battery_ids) if passport else {}
    lives = life.lives(connection, battery_ids)
    return {
        battery_id: _Known(
            battery,
            declared[battery_id],
            names[battery.operator],
            first.get(battery_id),
            registered.get(battery_id, {}),
            lives.get(battery_id, life.EMPTY),
        )
        for battery_id, battery in found.items()
    }


def _stamps(connection: Connection, battery_ids: Sequence[str]) -> dict[str, _Stamp]:
    """By battery, what changes whenever anything that a record is made from does."""
    rows = connection.exec_driver_sql(
        "SELECT id, operator, passport_status, notice_revision,"
        " (SELECT max(revision) FROM declaration WHERE battery = battery.id),"
        " (SELECT max(revision) FROM product_declaration WHERE product = battery.model),"
        " (SELECT max(revision) FROM product_declaration WHERE product = battery.batch),"
        " (SELECT last_arrival || ' ' || updated_at FROM lifecycle_state WHERE battery = battery.id),"
        " (SELECT max(sequence) FROM life_event WHERE battery = battery.id),"
        " (SELECT count(*) FROM version WHERE battery = battery.id),"
        " (SELECT count(*) FROM inspection WHERE battery = battery.id),"
        " (SELECT count(*) FROM registration WHERE battery = battery.id),"
        " (SELECT count(*) FROM registration_proof WHERE battery = battery.id)"
        f" FROM battery WHERE id IN ({marks(battery_ids)})",
        tuple(battery_ids),
    )
    return {row[0]: tuple(row) for row in rows}


def _blank(known: _Known, kind: RecordKind, now: datetime) -> Record:
    battery = known.battery
    return compliance.blank(kind, battery.category, known.placed_on, now.date(), known.circumstances)


def _words(
    connection: Connection,
    known: _Known,
    kind: RecordKind,
    *,
    public_url: str,
    now: datetime,
    parameters: ValueParameters | None = None,
) -> dict[str, _Word]:
    """What is stated today, by attribute id; rows without a value are left out.

    Args:
        connection: a reading one.
        known: the battery.
        kind: of the record.
        public_url: scheme and host as they are signed.
        now: aware.
        parameters: for an assessment, prices, costs and rates; None takes the packaged ones.
    """
    battery, declared = known.battery, known.declared
    # What a nearer layer says replaces what its model or batch said.
    words = {
        name: _declared_word(name, wire, layer.at)
        for layer in declared.layers
        for name, wire in layer.wired.items()
        if name in REGISTRY and REGISTRY[name].record is kind
    }
    # What happened counts over what was declared before it did.
    lived = known.life.words(kind, declared) if known.life is not life.EMPTY else {}
    if kind is RecordKind.PASSPORT:
        words |= _of_the_service(known, public_url=public_url, now=now)
        return words | {name: _Word(one, one.to_wire(REGISTRY[name])) for name, one in lived.items()}
    if kind is RecordKind.CONDITION:
        computed = _computed(connection, known, now) | lived
    else:
        parameters = parameters if parameters is not None else read_parameters()
        computed = appraised(read_inputs(connection, battery, now=now), parameters).opinions(parameters)
    return words | {name: _Word(one, one.to_wire(REGISTRY[name])) for name, one in computed.items()}


def _computed(connection: Connection, known: _Known, now: datetime) -> dict[str, Stated[Any]]:
    """What the folded state tells. Of it, what the battery's category may state is published."""
    state = state_of(connection, known.battery.id)
    if state is None:
        return {}
    battery = known.battery
    rulings = compliance.rulings(battery.category, known.placed_on, now.date(), known.circumstances)
    facts = known.declared.values()
    health = health_of_battery(connection, battery, state, facts, now=now)
    told = summary(state, facts) | observed.stated(state, facts, now)
    told |= annex_vii.stated(battery.category, health, facts)
    return {
        name: one
        for name, one in told.items()
        if REGISTRY[name].record is RecordKind.CONDITION and rulings[name].may_be_stated
    }


def _of_the_service(known: _Known, *, public_url: str, now: datetime) -> dict[str, _Word]:
    """Rows that the service itself knows; what an operator declared about them is not asked."""
    battery, facts, moment = known.battery, known.declared.wired, now.astimezone(UTC)
    own: dict[str, Any] = {
        "passport_id": f"{public_url}/p/{battery.passport_id}",
        "battery_id": identifier_url(public_url, battery.identifier),
    }
    if "serial_number" not in facts and (serial := serial_of(battery.identifier)) is not None:
        own["serial_number"] = serial
    shared: dict[str, Any] = {
        "dpp_schema_version": REGISTRY_VERSION,
        "dpp_status": battery.passport_status,
        "dpp_granularity": "item",
        "dpp_last_updated_at": moment,
        "dpp_issued_at": known.first_issued_at or moment,
        "battery_category": battery.category,
    }
    # Whoever signs is named as it is known here, whatever a file said.
    shared["operator_name"] = known.operator_name
    # What only one battery has is not worth remembering.
    return (
        {name: _new_word(name, value, moment) for name, value in own.items()}
        | {name: _word(name, value, moment) for name, value in shared.items()}
        | {name: _new_word(name, value, since) for name, (value, since) in known.registered.items()}
    )


def _new_word(name: str, value: Any, as_of: datetime) -> _Word:
    row = REGISTRY[name]
    stated = Stated.of(row, value, source=Source.DECLARED, as_of=as_of)
    return _Word(stated, stated.to_wire(row))


# A fleet says the same of most rows: each is checked and written once, not once for each battery.
_word: Final = lru_cache(maxsize=8192, typed=True)(_new_word)


@lru_cache(maxsize=8192, typed=True)
def _flat_word(name: str, wire: str | int, as_of: datetime) -> _Word:
    return _new_word(name, REGISTRY[name].value.from_wire(wire), as_of)


_FLAT: Final = frozenset({str, int, bool})
_NOT_APPLICABLE: Final = _Word(Stated.missing(Absent.NOT_APPLICABLE), {"absent": Absent.NOT_APPLICABLE.value})


def _declared_word(name: str, wire: Any, as_of: datetime) -> _Word:
    if type(wire) in _FLAT:
        return _flat_word(name, wire, as_of)
    if is_absent(wire):
        return _NOT_APPLICABLE
    # A list or nested value is known by its spelling, so that a model's composition is judged once.
    return _nested_word(name, orjson.dumps(wire), as_of)


@lru_cache(maxsize=4096)
def _nested_word(name: str, spelling: bytes, as_of: datetime) -> _Word:
    return _new_word(name, REGISTRY[name].value.from_wire(orjson.loads(spelling)), as_of)


# ----------------------------------------------------------------------------------------------- the view


def view_of(connection: Connection, version: Version, audience: Audience) -> View:
    """What the audience may have of the version: the one way to values for pages, papers, queries and files.

    Who may see an attribute is asked of the registry in force; what it does not know is withheld. An erased
    value is not provided any more, and says so. Of a battery that was recycled nobody sees what is true of it
    alone, and nothing of its condition.
    """
    over = _has_ended(connection, version.battery)
    clear = _claims(version.jwt)["credentialSubject"]
    values: dict[str, dict[str, Any]] = {}
    exposed: set[str] = set()
    withheld: set[str] = set()
    allowed: list[str] = []
    for name, wire in clear.items():
        if name in {"id", "_sd"}:
            continue
        if disclosure.may_see_attribute(audience, name):
            values[name] = wire
        else:
            exposed.add(name)
    for stored in versions.disclosures(connection, version):
        if not disclosure.may_see_attribute(audience, stored.attribute):
            withheld.add(stored.attribute)
        elif stored.encoded is None:
            values[stored.attribute] = {"absent": Absent.NOT_PROVIDED.value}
        else:
            allowed.append(stored.encoded)
            values[stored.attribute] = _disclosed(stored.encoded)
    if over:
        gone = values.keys() if version.kind is not RecordKind.PASSPORT else values.keys() & _INDIVIDUAL
        if version.kind is not RecordKind.PASSPORT or any("value" in values[name] for name in gone):
            kept = {name: wire for name, wire in values.items() if name not in gone}
            return View(b"", kept, frozenset(withheld | exposed | gone), version, ended=True)
    ordered = {name: values[name] for name in REGISTRY if name in values}
    signed = encode.view(version.jwt, allowed)
    return View(signed, ordered, frozenset(withheld | exposed), version, frozenset(exposed), ends=over)


def _has_ended(connection: Connection, battery_id: str) -> bool:
    status = connection.exec_driver_sql(
        "SELECT passport_status FROM battery WHERE id = ?", (battery_id,)
    ).scalar()
    return status in _ENDED_WORDS


_ENDED_WORDS: Final = frozenset(status.value for status in ENDED)
_RECORD: Final = (
    "SELECT v.jwt, v.kind, v.registry_version, b.passport_status FROM version AS v"
    " JOIN battery AS b ON b.id = v.battery WHERE v.record_id = ?"
)


def public_record(direct: Direct, record_id: str) -> tuple[RecordKind, bytes] | None:
    """A record of any kind as the public may have it, ready to be served; None when there is none.

    The same bytes as `view_of` gives. What the registry in force restricts is a disclosure in its records, so
    that the public gets the signed part and nothing else; of a record of another registry the view is made.

    Raises:
        StoreUnavailable: the database cannot be read.
        Forbidden: it holds in clear what the registry in force restricts.
        PassportEnded: it speaks of a battery that was recycled.
    """
    try:
        row = direct.one(_RECORD, (record_id,))
        if row is None:
            return None
        if row[2] == REGISTRY_VERSION and row[3] not in _ENDED_WORDS:
            return RecordKind(row[1]), row[0] + b"~"
    except sqlite3.Error:
        direct.forget()
    with reading(direct.engine) as connection:
        version = versions.by_record(connection, record_id)
        if version is None:
            return None
        return version.kind, view_of(connection, version, Audience.PUBLIC).record


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
        self.random_bytes = random_bytes
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

    def _parameters(self, kind: RecordKind) -> ValueParameters | None:
        """Prices, costs and rates as they are set for this installation; of an assessment alone."""
        return read_parameters(self.settings.value_parameters) if kind is RecordKind.ASSESSMENT else None

    # ------------------------------------------------------------------------------------------- issuing

    def findings(
        self, connection: Connection, battery: Battery, kind: RecordKind, *, now: datetime
    ) -> tuple[compliance.Finding, ...]:
        """What the gate would say today."""
        return standing_of(connection, battery, kind, public_url=self.public_url, now=now).findings

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
        order = _Order(kind, now, incomplete, force)
        ((_, outcome),) = self._issue_groups([[battery_id]], order)
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
        groups = iter(lambda: list(islice(waiting, GROUP)), [])
        yield from self._issue_groups(groups, _Order(kind, now, incomplete, force))

    def _issue_groups(
        self, groups: Iterable[Sequence[str]], order: _Order
    ) -> Iterator[tuple[str, Version | PassportError]]:
        """The road, group by group. While the signer works on one, the next is drafted."""
        todo = iter(groups)
        group = self._prepare(next(todo, ()), order)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="signing") as beside:
            while group.battery_ids:
                # 2.
                intents, signers = self._reserve(group)
                _reach("after_intent")
                # 3.
                upcoming = next(todo, ())
                signing = beside.submit(_jwts, intents, signers) if intents and upcoming else None
                following: _Group | StoreUnavailable | LogRefused
                try:
                    following = self._prepare(upcoming, order)
                except (StoreUnavailable, LogRefused) as error:
                    following = error  # raised below, once this group is through
                answers = signing.result() if signing else _jwts(intents, signers)
                signed = self._signed(answers, group.outcomes)
                _reach("after_sign")
                # 4. and 5.
                if signed:
                    with writing(self.engine) as connection:
                        group.outcomes |= self._release(connection, signed, order.now)
                        _reach("before_release")
                _reach("after_release")
                # 6.
                for operator in {one.intent.operator for one in signed}:
                    self._checkpoint_or_later(operator, signers[operator], order.now)
                yield from [(battery_id, group.outcomes[battery_id]) for battery_id in group.battery_ids]
                if not isinstance(following, _Group):
                    raise following
                group = following

    def _prepare(self, battery_ids: Sequence[str], order: _Order) -> _Group:
        """Steps 0 and 1 on one consistent moment; nothing is written but what others left unfinished."""
        group = _Group(battery_ids, order, [], {})
        if battery_ids:
            # A version that somebody left behind comes first: its number may already be signed.
            self._finish_abandoned(battery_ids, order.kind, order.now, group.outcomes)
            with reading(self.engine) as connection:
                asked = [battery_id for battery_id in battery_ids if battery_id not in group.outcomes]
                group.drafts = self._drafts(connection, asked, order, group.outcomes)
        return group

    def _drafts(
        self,
        connection: Connection,
        battery_ids: Sequence[str],
        order: _Order,
        outcomes: dict[str, Version | PassportError],
    ) -> list[_Draft]:
        """Steps 0 and 1; `outcomes` gets why there is no draft."""
        drafts = []
        known = _read_about(connection, battery_ids, order.kind)
        newest = versions.latest_of(connection, battery_ids, order.kind)
        stamps = _stamps(connection, battery_ids)
        for battery_id in battery_ids:
            if battery_id not in known:
                outcomes[battery_id] = NotFound(f"no battery has the id {battery_id[:40]}")
                continue
            if (settled := _settled(known[battery_id].battery, newest.get(battery_id), order)) is not None:
                outcomes[battery_id] = settled
                continue
            try:
                drafts.append(
                    self._draft(
                        connection, known[battery_id], newest.get(battery_id), stamps[battery_id], order
                    )
                )
            except (NotFound, GateClosed, SignerUnavailable) as error:
                outcomes[battery_id] = error
        return drafts

    def _draft(
        self, connection: Connection, known: _Known, last: Version | None, stamp: _Stamp, order: _Order
    ) -> _Draft:
        battery, kind, now = known.battery, order.kind, order.now
        words = _words(
            connection, known, kind, public_url=self.public_url, now=now, parameters=self._parameters(kind)
        )
        record = _blank(known, kind, now).stating({name: word.stated for name, word in words.items()})
        reason = self._gate(known, record, order.incomplete, now)
        public, restricted = _blank_wires(
            kind, battery.category, known.placed_on, now.date(), known.circumstances
        )
        public, restricted = public.copy(), restricted.copy()
        for name, word in words.items():
            (public if name in _PUBLIC else restricted)[name] = word.wire
        if battery.passport_status in ENDED:
            _cut_to_class_data(public, restricted)
        voluntary = compliance.voluntary(known.placed_on, battery.category, known.circumstances)
        marks_of = (voluntary, reason)
        correction = known.life.correction(kind, last.version) if last is not None else None
        same = (
            last is not None
            and not order.force
            and correction is None
            and last.operator == battery.operator
            and _same(connection, last, {**public, **restricted}, marks_of, now)
        )
        return _Draft(
            battery=battery,
            stamp=stamp,
            last=last,
            registry_version=record.registry_version,
            public=public,
            restricted=restricted,
            disclosures=None if same else encode.disclose(restricted, self._salts(len(restricted))),
            voluntary=marks_of[0],
            incomplete=reason,
            signer=self.signers(battery.operator),
            related=self._related(connection, known.life) if kind is RecordKind.PASSPORT else (),
            correction=correction,
            handovers=self._handovers(connection, battery, last),
        )

    def _handovers(
        self, connection: Connection, battery: Battery, last: Version | None
    ) -> tuple[tuple[bytes, bytes], ...]:
        """The acts by which the issuer may be another one than that of the newest version."""
        if last is None or last.operator == battery.operator:
            return ()
        acts = handovers.acts(connection, battery.id, last.operator, battery.operator)
        if not acts:
            raise GateClosed(
                f"{battery.identifier}: version {last.version} is {last.operator}'s, and nothing shows that"
                f" {battery.operator} answers for the battery since; hand it over with `cellpass handover`"
            )
        return tuple(acts)

    def _related(self, connection: Connection, lived: Life) -> tuple[encode.Related, ...]:
        """The quoted records: of each original its last one before, of each successor its first one."""
        found = [
            encode.Related(PREDECESSOR, link.record_url, link.record_sri)
            for link in lived.linked(PREDECESSOR)
            if link.record_url is not None and link.record_sri is not None
        ]
        followers = [link.other for link in lived.linked(SUCCESSOR) if link.other is not None]
        firsts = versions.firsts(connection, followers, RecordKind.PASSPORT) if followers else {}
        found += [
            encode.Related(
                SUCCESSOR, self.record_url(firsts[name].record_id), encode.digest_sri(firsts[name].jwt)
            )
            for name in followers
            if name in firsts
        ]
        return tuple(found)

    def _salts(self, count: int) -> Callable[[], bytes]:
        """So many fresh salts, drawn in one piece."""
        size = encode.SALT_BYTES
        drawn = self.random_bytes(size * count)
        salts = iter([drawn[at : at + size] for at in range(0, len(drawn), size)])
        return lambda: next(salts)

    def _checkpoint_or_later(self, operator: str, signer: Signer, now: datetime) -> None:
        """The versions are visible already; a signer that is gone now signs it when it is back."""
        try:
            self.checkpoint(operator, now, signer=signer)
        except SignerUnavailable as error:
            _log.warning("the log of %s waits for its checkpoint: %s", operator, error)

    def _gate(self, known: _Known, record: Record, incomplete: str | None, now: datetime) -> str | None:
        """Step 1: why something owed is missing, in the operator's words; None where nothing is."""
        findings = _findings(known, record, now)
        shut = compliance.closing(findings, incomplete=bool(incomplete and incomplete.strip()))
        if shut:
            raise RecordGateClosed(known.battery, shut)
        missing = any(finding.closes_gate for finding in findings)
        return incomplete.strip() if incomplete and missing else None

    def _reserve(self, group: _Group) -> tuple[list[_Intent], dict[str, Signer]]:
        """Step 2: the intents, stored, and who signs them; the outcomes get whom nothing is signed for."""
        if not group.drafts:
            return [], {}
        order, outcomes = group.order, group.outcomes
        with writing(self.engine) as connection:
            self._fix_public_url(connection, order.now)
            battery_ids = [draft.battery.id for draft in group.drafts]
            opened = _opened(connection, battery_ids, order.kind)
            new: list[_Draft] = []
            for draft in self._of_now(connection, group):
                battery = draft.battery
                if battery.id in opened:
                    version, since = opened[battery.id]
                    outcomes[battery.id] = Conflict(
                        f"{order.kind.value} version {version} of {battery.identifier} is on its way"
                        f" since {since}; try again in {LEASE.seconds} s"
                    )
                elif draft.disclosures is None and draft.last is not None:
                    outcomes[battery.id] = draft.last
                else:
                    new.append(draft)
            signers = {draft.battery.operator: draft.signer for draft in new}
            intents = []
            for operator, signer in signers.items():
                own = [draft for draft in new if draft.battery.operator == operator]
                record_ids = [new_serial(self.random_bytes(10)) for _ in own]
                places = versions.reserve_status(connection, operator, record_ids, self._random_below)
                intents += [
                    self._intent(draft, order, record_id, place)
                    for draft, record_id, place in zip(own, record_ids, places, strict=True)
                ]
                self._publish_keys(connection, operator, signer, order.now)
            _store_intents(connection, intents)
        return intents, signers

    def _of_now(self, connection: Connection, group: _Group) -> list[_Draft]:
        """The drafts; where something changed since one was made, it is made again in the writer's turn."""
        stamps = _stamps(connection, [draft.battery.id for draft in group.drafts])
        old = [draft.battery.id for draft in group.drafts if draft.stamp != stamps.get(draft.battery.id)]
        if not old:
            return group.drafts
        again = self._drafts(connection, old, group.order, group.outcomes)
        return [draft for draft in group.drafts if draft.battery.id not in set(old)] + again

    def _intent(self, draft: _Draft, order: _Order, record_id: str, place: tuple[int, int]) -> _Intent:
        """What will be signed: the exact payload of the version after the newest, salts inside."""
        battery, last, kind, now = draft.battery, draft.last, order.kind, order.now
        version = last.version + 1 if last else 1
        valid_until = now + ASSESSMENT_LIFE if kind is RecordKind.ASSESSMENT else None
        unsigned = encode.unsigned(
            record_url=self.record_url(record_id),
            issuer_did=operators.did(self.public_url, battery.operator),
            identifier_url=identifier_url(self.public_url, battery.identifier),
            kind=kind,
            version=version,
            valid_from=now,
            valid_until=valid_until,
            public=draft.public,
            disclosures=draft.disclosures or (),
            registry_version=draft.registry_version,
            public_url=self.public_url,
            previous=(self.record_url(last.record_id), bytes.fromhex(last.sha256)) if last else None,
            status=status.status_entry(self.status_list_url(battery.operator, place[0]), place[1]),
            simulated=battery.simulated,
            voluntary=draft.voluntary,
            incomplete=draft.incomplete,
            related=draft.related,
            correction=draft.correction,
            handovers=draft.handovers,
        )
        return _Intent(
            battery=battery.id,
            record_id=record_id,
            kind=kind,
            version=version,
            operator=battery.operator,
            opened_at=now,
            waiting=False,
            valid_until=valid_until,
            status_list=place[0],
            status_index=place[1],
            voluntary=draft.voluntary,
            incomplete=draft.incomplete,
            simulated=battery.simulated,
            registry_version=draft.registry_version,
            payload=unsigned.payload,
            disclosures=tuple((one.attribute, one.encoded) for one in unsigned.disclosures),
            said={**draft.public, **draft.restricted},
        )

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

    def _signed(
        self, answers: Iterable[_Answer], outcomes: dict[str, Version | PassportError]
    ) -> list[_Signed]:
        """Those of step 3 that are signed; of the others the outcomes and the database get to know why."""
        signed, waiting = [], []
        for intent, kid, jwt in answers:
            if not isinstance(jwt, SignerUnavailable):
                signed.append(_Signed(intent, jwt, kid))
                continue
            outcomes[intent.battery] = jwt
            if isinstance(jwt, SignerRefused):
                self._void(intent, str(jwt))
            else:
                waiting.append(intent)
        if waiting:
            self._wait(waiting)
        return signed

    def _release(
        self, connection: Connection, signed: Sequence[_Signed], now: datetime
    ) -> dict[str, Version | Conflict]:
        """Step 4: by battery, the released version, or why there is none."""
        intents = [one.intent for one in signed]
        record_ids = [intent.record_id for intent in intents]
        # Somebody else may have finished or voided an intent while it was being signed.
        outcomes: dict[str, Version | Conflict] = {
            version.battery: version for version in versions.by_records(connection, record_ids).values()
        }
        still_open = _still_open(connection, record_ids)
        released: list[tuple[Version, _Intent]] = []
        for operator in dict.fromkeys(intent.operator for intent in intents):
            own = []
            for one in signed:
                intent = one.intent
                if intent.operator != operator or intent.battery in outcomes:
                    continue
                if intent.record_id in still_open:
                    own.append(one)
                else:
                    outcomes[intent.battery] = Conflict(
                        f"version {intent.version} of {intent.battery} was voided while it was being signed"
                    )
            first = leaves.append_all(
                connection,
                operator,
                [(one.jwt, one.intent.battery, one.intent.kind, one.intent.version) for one in own],
            )
            released += [(one.version(leaf), one.intent) for leaf, one in enumerate(own, first)]
        if not released:
            return outcomes
        versions.add(connection, [(version, intent.disclosures) for version, intent in released], at=now)
        connection.exec_driver_sql(
            "DELETE FROM intent WHERE battery = ? AND record_id = ?",
            [(version.battery, version.record_id) for version, _ in released],
        )
        life.no_longer_due(connection, [(version.battery, version.kind) for version, _ in released])
        new = [
            version.battery
            for version, _ in released
            if version.kind is RecordKind.PASSPORT and version.version == 1
        ]
        if new:
            life.snapshot(connection, new, life.PLACING, at=now)
        _index(connection, released)
        connection.exec_driver_sql(
            "DELETE FROM page_cache WHERE battery = ?", [(version.battery,) for version, _ in released]
        )
        return outcomes | {version.battery: version for version, _ in released}

    def _wait(self, intents: Sequence[_Intent]) -> None:
        """The signer is not there: whoever comes next may finish the intents."""
        with writing(self.engine) as connection:
            connection.exec_driver_sql(
                "UPDATE intent SET waiting = 1 WHERE battery = ? AND record_id = ?",
                [(intent.battery, intent.record_id) for intent in intents],
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
            intents = _open_intents(
                connection, f"AND kind = ? AND battery IN ({marks(battery_ids)})", (kind.value, *battery_ids)
            )
        for intent in intents:
            if intent.waiting or now - intent.opened_at > LEASE:
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
        trouble: dict[str, Version | PassportError] = {}
        signed = self._signed(_jwts([intent], {intent.operator: signer}), trouble)
        if not signed:
            error = trouble[intent.battery]
            if isinstance(error, SignerUnavailable) and not isinstance(error, SignerRefused):
                raise error
            return None
        with writing(self.engine) as connection:
            version = self._release(connection, signed, now)[intent.battery]
        if isinstance(version, Conflict):
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
        finished += [
            outcome
            for _, _, outcome in self.issue_due(now)
            if isinstance(outcome, Version) and outcome.issued_at == now
        ]
        for operator in self._behind():
            try:
                self.checkpoint(operator, now)
            except SignerUnavailable as error:
                _log.warning("the log of %s waits for its checkpoint: %s", operator, error)
        return Recovered(tuple(finished), tuple(voided), tuple(waiting))

    def would_issue(
        self,
        connection: Connection,
        battery: Battery,
        kind: RecordKind,
        *,
        incomplete: str | None,
        now: datetime,
    ) -> None:
        """Nothing, when the gate would let a version pass as things stand in this transaction.

        Raises:
            RecordGateClosed: as `issue` would.
        """
        known = _read_about(connection, [battery.id], kind)[battery.id]
        words = _words(
            connection, known, kind, public_url=self.public_url, now=now, parameters=self._parameters(kind)
        )
        record = _blank(known, kind, now).stating({name: word.stated for name, word in words.items()})
        self._gate(known, record, incomplete, now)

    def issue_due(
        self, now: datetime, only: Iterable[str] | None = None
    ) -> list[tuple[str, RecordKind, Version | PassportError]]:
        """What acts asked for and was not issued yet, with what came of each, in the order of the acts.

        A condition that the gate keeps back is not asked for again; a passport is, until it can be issued.

        Args:
            now: aware; becomes `validFrom`.
            only: ids of batteries; None for all.
        """
        with reading(self.engine) as connection:
            waiting = life.due(connection)
        wanted = set(only) if only is not None else None
        outcomes: list[tuple[str, RecordKind, Version | PassportError]] = []
        for one in waiting:
            if wanted is not None and one.battery not in wanted:
                continue
            order = _Order(one.kind, now, one.incomplete, force=False)
            ((_, outcome),) = self._issue_groups([[one.battery]], order)
            unchanged = isinstance(outcome, Version)
            if unchanged or (isinstance(outcome, GateClosed) and one.kind is not RecordKind.PASSPORT):
                with writing(self.engine) as connection:
                    life.no_longer_due(connection, [(one.battery, one.kind)])
            outcomes.append((one.battery, one.kind, outcome))
        return outcomes

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

    def status_list(self, operator: str, number: int, as_of: datetime) -> bytes:
        """One signed status list of an operator (`vc+jwt`), good for a day.

        The same bytes for the same moment, until a version is revoked: the list is then of that later moment.

        Args:
            operator: whose list.
            number: which of its lists.
            as_of: aware, not after now; what the list says held then.

        Raises:
            NotFound: there is no such operator, or no such list yet.
            SignerUnavailable: the signer did not answer.
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
            newest = connection.exec_driver_sql(
                "SELECT max(revoked_at) FROM status_entry"
                " WHERE operator = ? AND status_list = ? AND revoked_at IS NOT NULL",
                (operator, number),
            ).scalar()
        if newest is not None:
            as_of = max(as_of, from_utc_text(newest))
        payload = status.list_payload(
            list_url=self.status_list_url(operator, number),
            issuer_did=operators.did(self.public_url, operator),
            valid_from=as_of,
            valid_until=as_of + STATUS_LIST_LIFE,
            bits=bits,
        )
        return sign_record(payload, self.signers(operator), as_of, typ=STATUS_LIST_TYPE)


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


def _jwts(intents: Sequence[_Intent], signers: Mapping[str, Signer]) -> list[_Answer]:
    """Step 3, nothing of which touches the database.

    The same bytes however often it is asked.
    """
    answers: list[_Answer] = []
    for operator, signer in signers.items():
        own = [intent for intent in intents if intent.operator == operator]
        try:
            kid = signer.kid
            jwts = sign_records([(intent.payload, intent.opened_at) for intent in own], signer)
        except SignerUnavailable as error:
            answers += [(intent, "", error) for intent in own]
        else:
            answers += [(intent, kid, jwt) for intent, jwt in zip(own, jwts, strict=True)]
    return answers


# What an ended passport still says of the single battery: which one it was, and that it ended.
KEPT_AFTER_THE_END: Final = frozenset(
    {
        "passport_id",
        "battery_id",
        "predecessor_passport_ids",
        "successor_passport_ids",
        "dpp_status",
        "dpp_granularity",
        "dpp_last_updated_at",
        "dpp_issued_at",
        "operator_name",
        "passport_ceased_at",
    }
)
_INDIVIDUAL: Final = frozenset(
    name for name, row in REGISTRY.items() if row.level is Level.ITEM and name not in KEPT_AFTER_THE_END
)


def _cut_to_class_data(public: dict[str, Any], restricted: dict[str, Any]) -> None:
    """Art. 77(8): the passport ceases; what is true of the single battery alone is said no more."""
    for side in (public, restricted):
        for name in side.keys() & _INDIVIDUAL:
            side[name] = _NOT_APPLICABLE.wire


def _settled(battery: Battery, last: Version | None, order: _Order) -> Version | Conflict | None:
    """What stands without a draft: of an ended passport its last version; None where one is to be drafted."""
    if battery.passport_status not in ENDED:
        return None
    if order.kind is RecordKind.PASSPORT and (last is None or not _says_ended(last)):
        return None  # the last version, which says that it ceased
    if last is not None and not order.force:
        return last
    return Conflict(
        f"{battery.identifier}: the battery was recycled and its passport has ceased; no {order.kind.value}"
        " is issued any more (Art. 77(8))"
    )


def _says_ended(version: Version) -> bool:
    stated = _claims(version.jwt)["credentialSubject"].get("dpp_status", {}).get("value")
    return stated in _ENDED_WORDS


_PUBLIC: Final = frozenset(name for name, row in REGISTRY.items() if row.disclosure is Disclosure.PUBLIC)


@lru_cache(maxsize=512)
def _blank_wires(
    kind: RecordKind, category: Category, placed_on: date | None, today: date, circumstances: Circumstances
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a blank record says in clear and in disclosures; to be copied, not changed."""
    wires = compliance.blank(kind, category, placed_on, today, circumstances).to_wire()
    return (
        {name: wire for name, wire in wires.items() if name in _PUBLIC},
        {name: wire for name, wire in wires.items() if name not in _PUBLIC},
    )


def _same(
    connection: Connection,
    last: Version,
    values: Mapping[str, Any],
    marks_of: tuple[bool, str | None],
    now: datetime,
) -> bool:
    """Whether the newest version says this already, salts and times aside; an old opinion is renewed."""
    if last.registry_version != REGISTRY_VERSION or (last.voluntary, last.incomplete) != marks_of:
        return False
    if last.valid_until is not None and last.valid_until - now < ASSESSMENT_LIFE / 3:
        return False
    return timeless_words(connection, last) == _timeless(values)


def timeless_words(connection: Connection, version: Version) -> dict[str, Any]:
    """What a stored version says, restricted rows too, without its times: for comparing, never for showing.

    An erased value is None, which is like no value.
    """
    said = {
        name: wire
        for name, wire in _claims(version.jwt)["credentialSubject"].items()
        if name not in {"id", "_sd"}
    }
    words: dict[str, Any] = _timeless(said)
    for stored in versions.disclosures(connection, version):
        if stored.encoded is None:
            words[stored.attribute] = None
        else:
            words |= _timeless({stored.attribute: _disclosed(stored.encoded)})
    return words


def _timeless(values: Mapping[str, Any]) -> dict[str, Any]:
    timeless = {
        name: {key: value for key, value in wire.items() if key != "as_of"}
        for name, wire in values.items()
        if name not in _OF_THE_VERSION
    }
    for name in OF_THE_MOMENT.keys() & timeless.keys():
        value = timeless[name].get("value")
        if isinstance(value, Mapping):
            kept = {member: said for member, said in value.items() if member not in OF_THE_MOMENT[name]}
            timeless[name] = {**timeless[name], "value": kept}
    return timeless


def _index(connection: Connection, released: Sequence[tuple[Version, _Intent]]) -> None:
    """What the versions, all of one kind, say, in the search rows of their batteries."""
    found = batteries.many(connection, [version.battery for version, _ in released])
    entries = []
    for version, intent in released:
        battery, said = found[version.battery], _said(intent)
        if battery.passport_status is not PassportStatus.ACTIVE:
            continue
        if version.kind is RecordKind.PASSPORT:
            entries.append(search.entry(battery, facts=said))
        elif version.kind is RecordKind.CONDITION:
            entries.append(search.entry(battery, condition=said, condition_at=version.issued_at))
        else:
            entries.append(search.entry(battery, assessment=said))
    search.write(connection, entries)


def _said(intent: _Intent) -> Mapping[str, Any]:
    """What search knows of an intent, by attribute id."""
    if intent.said is not None:
        return intent.said
    clear = orjson.loads(intent.payload)["credentialSubject"]
    return {**clear, **{name: _disclosed(encoded) for name, encoded in intent.disclosures}}


def _checkpoint_size(connection: Connection, operator: str) -> int:
    newest = leaves.newest_checkpoint(connection, operator)
    return newest.size if newest else 0


_INTENT_COLUMNS: Final = (
    "battery, record_id, kind, version, operator, opened_at, waiting, valid_until, status_list, status_index,"
    " voluntary, incomplete, simulated, registry_version, payload, disclosures"
)


def _store_intents(connection: Connection, intents: Sequence[_Intent]) -> None:
    if not intents:
        return
    connection.exec_driver_sql(
        f"INSERT INTO intent ({_INTENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
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
            )
            for intent in intents
        ],
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


def _opened(
    connection: Connection, battery_ids: Sequence[str], kind: RecordKind
) -> dict[str, tuple[int, str]]:
    """Versions of that kind on their way, by battery: (number, since when)."""
    rows = connection.exec_driver_sql(
        "SELECT battery, version, opened_at FROM intent"
        f" WHERE void_reason IS NULL AND kind = ? AND battery IN ({marks(battery_ids)})",
        (kind.value, *battery_ids),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _still_open(connection: Connection, record_ids: Sequence[str]) -> set[str]:
    """Those of the record ids that are still intents."""
    rows = connection.exec_driver_sql(
        f"SELECT record_id FROM intent WHERE void_reason IS NULL AND record_id IN ({marks(record_ids)})",
        tuple(record_ids),
    )
    return {row[0] for row in rows}
