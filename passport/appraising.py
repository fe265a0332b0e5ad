"""Appraising a battery: what is known of it is read, judged, and can be judged again later.

Whatever an appraisal rests on is one `Inputs`, read at one moment. Each of its parts has a digest, and the
signed assessment states them: who has the same parts works out the same opinions, byte for byte. `recompute`
does that for a stored record, and names what has changed where it cannot.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from passport import inspections
from passport.errors import Conflict, InputRefused, VerificationFailed
from passport.estimates.capacity import classify_all
from passport.estimates.conformal import Calibration
from passport.estimates.estimate import Answer
from passport.estimates.health import Health
from passport.estimates.inspected import with_measured
from passport.estimates.observed import observed
from passport.estimates.of_state import health_of_state
from passport.estimates.windows import WindowModel
from passport.inspections import Inspected
from passport.judgement import explanation
from passport.judgement.appraisal import Appraisal, Subject, appraise
from passport.judgement.opinions import opinions
from passport.judgement.second_life.assess import Assessment, assess
from passport.judgement.second_life.criteria import POLICY
from passport.judgement.second_life.evidence import condition_of, gather
from passport.judgement.second_life.history import lived, past_of
from passport.judgement.value_parameters import ValueParameters
from passport.ledger import batteries, learned, life, notices, operators, states, versions
from passport.ledger.batteries import Battery
from passport.ledger.facts import Declared
from passport.ledger.versions import Version
from passport.lifecycle.basis import basis_of
from passport.lifecycle.ports import Telemetry
from passport.lifecycle.session import Session
from passport.lifecycle.state import LifecycleState
from passport.signing import base64url, encode
from passport.signing.sign import parse_jws, verify_jws
from schemas.record import Stated
from schemas.registry import OPINIONS, REGISTRY, REGISTRY_VERSION
from schemas.terms import Absent, BatteryStatus, RecordKind
from schemas.values import utc_text

# What a change of each input means, for people.
WORDS: Final[Mapping[str, str]] = {
    "state": "newer readings were folded, or older ones anew",
    "facts": "what is declared of the battery is another",
    "passport": "another passport record is the newest",
    "inspections": "other inspections count",
    "windows": "the learned voltage windows are others",
    "calibration": "the calibration of the operator is another",
    "status": "its life made something else of it",
    "recalls": "other recalls are open",
    "parameters": "the prices, costs and rates are others",
    "policy": "the criteria of the grade are others",
}


@dataclass(frozen=True)
class Inputs:
    """All that an appraisal rests on.

    Attributes:
        battery: which.
        declared: its facts, with who declared them when.
        state_bytes: the folded state as it is stored; None when nothing was ever read.
        passport: its newest passport record; None before the first.
        passport_verifies: whether that record's signature fits the operator's published key; None without.
        status: what its life last made of it; None while nothing happened to it.
        recalls: ids of the recalls that are open for it.
        inspected: the filed inspections, the oldest first.
        windows, calibration: what was learned from its operator's batteries; None where nothing was.
        now: as of when; aware.
    """

    battery: Battery
    declared: Declared
    state_bytes: bytes | None
    passport: Version | None
    passport_verifies: bool | None
    status: BatteryStatus | None
    recalls: tuple[str, ...]
    inspected: tuple[Inspected, ...]
    windows: Mapping[str, Any] | None
    calibration: Mapping[str, Any] | None
    now: datetime

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Declared facts by attribute id, as Python values; its life goes before what was declared of it."""
        declared = self.declared.values()
        return declared if self.status is None else {**declared, "battery_status": self.status.value}

    @cached_property
    def state(self) -> LifecycleState | None:
        """The folded state; None when nothing was ever read."""
        return LifecycleState.from_bytes(self.state_bytes) if self.state_bytes is not None else None

    @cached_property
    def seed(self) -> bytes:
        """What the points of the value are shifted by."""
        return bytes.fromhex(self.passport.sha256) if self.passport is not None else self.battery.id.encode()

    def digests(self, parameters: ValueParameters) -> dict[str, Any]:
        """SHA-256 of each part, of the parameters and of the policy, hex; what there is not is left out."""
        placed_on = self.battery.placed_on
        facts = {
            "facts": dict(self.declared.wired),
            "category": self.battery.category.value,
            "placed_on": placed_on.isoformat() if placed_on is not None else "",
        }
        found: dict[str, Any] = {
            "state": _sha256(self.state_bytes) if self.state_bytes is not None else None,
            "facts": _sha256(encode.json_bytes(facts)),
            "passport": self.passport.sha256 if self.passport is not None else None,
            "inspections": [one.digest for one in self.inspected] or None,
            "status": self.status.value if self.status is not None else None,
            "recalls": list(self.recalls) or None,
            "windows": _learned(self.windows),
            "calibration": _learned(self.calibration),
            "parameters": parameters.digest,
            "policy": POLICY,
        }
        return {name: digest for name, digest in found.items() if digest is not None}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _learned(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else _sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def read_inputs(connection: Connection, battery: Battery, *, now: datetime) -> Inputs:
    """What is stored of a battery, as far as it was there by `now`.

    Of the folded state, the facts and what was learned only the newest is kept.

    Raises:
        VerificationFailed: a stored inspection does not verify.
    """
    passport = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    if passport is not None and passport.issued_at > now:
        every = versions.history(connection, battery.id, RecordKind.PASSPORT)
        passport = next((one for one in reversed(every) if one.issued_at <= now), None)
    windows, calibration = _learned_of(connection, battery)
    return Inputs(
        battery=battery,
        declared=batteries.declared(connection, [battery.id])[battery.id],
        state_bytes=states.load_state(connection, battery.id),
        passport=passport,
        passport_verifies=_verifies(connection, passport) if passport is not None else None,
        status=_status(connection, battery, now),
        recalls=tuple(
            one.id
            for one in notices.of(connection, battery.id)
            if one.kind is notices.Kind.RECALL and one.since <= now
        ),
        inspected=tuple(one for one in inspections.of_battery(connection, battery.id) if one.filed_at <= now),
        windows=windows,
        calibration=calibration,
        now=now,
    )


def _status(connection: Connection, battery: Battery, now: datetime) -> BatteryStatus | None:
    """What the life of a battery last made of it by `now`; None before the first such event."""
    events = reversed(life.life_of(connection, battery.id).events)
    return next((one.battery_status for one in events if one.battery_status and one.at <= now), None)


def _verifies(connection: Connection, version: Version) -> bool:
    """Whether the stored record's signature fits the operator's published key."""
    keys = {key["kid"]: key for key in operators.jwks(connection, version.operator)["keys"]}
    try:
        verify_jws(parse_jws(version.jwt), keys[version.kid])
    except (VerificationFailed, KeyError):
        return False
    return True


# ---------------------------------------------------------------------------------------------- conclusions


def state_of(connection: Connection, battery_id: str) -> LifecycleState | None:
    """The folded state of a battery; None when nothing was ever folded."""
    data = states.load_state(connection, battery_id)
    return LifecycleState.from_bytes(data) if data is not None else None


def health_of_battery(
    connection: Connection,
    battery: Battery,
    state: LifecycleState | None,
    facts: Mapping[str, Any],
    *,
    now: datetime,
) -> Health:
    """Capacity and health as they are known now, with what was learned from its operator's batteries."""
    return _health(state, facts, *_learned_of(connection, battery), now)


def windows_of(connection: Connection, battery: Battery) -> WindowModel | None:
    """Windows learned for a battery's model, by which partial charges tell a capacity; None without any."""
    windows, _ = _learned_of(connection, battery)
    return WindowModel.from_wire(windows) if windows is not None else None


def health_of(inputs: Inputs) -> Health:
    """The same from what was read; a capacity that an inspector measured counts where it is the newer one."""
    health = _health(inputs.state, inputs.facts, inputs.windows, inputs.calibration, inputs.now)
    tested = inspections.measured_capacity(inputs.inspected, inputs.now)
    if tested is None:
        return health
    statement, measured = tested
    return with_measured(
        health,
        ampere_hours=measured.ampere_hours,
        half_width=measured.half_width,
        celsius=measured.celsius,
        at=statement.findings.inspected_at,
        rated=inputs.facts.get("rated_capacity"),
        now=inputs.now,
    )


def _health(
    state: LifecycleState | None,
    facts: Mapping[str, Any],
    windows: Mapping[str, Any] | None,
    calibration: Mapping[str, Any] | None,
    now: datetime,
) -> Health:
    return health_of_state(
        state,
        facts,
        now=now,
        model=WindowModel.from_wire(windows) if windows is not None else None,
        calibration=Calibration.from_wire(calibration) if calibration is not None else None,
    )


def _learned_of(
    connection: Connection, battery: Battery
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Windows of its model and calibration of its operator, the newest of each."""
    windows = None
    if battery.model is not None:
        windows = learned.newest(connection, battery.operator, learned.WINDOWS, battery.model)
    return windows, learned.newest(connection, battery.operator, learned.CALIBRATION)


def gates_of(inputs: Inputs, health: Health) -> Assessment:
    """The second-life gates' answers."""
    return assess(
        gather(
            inputs.state,
            inputs.facts,
            placed_on=inputs.battery.placed_on,
            signature_valid=inputs.passport_verifies,
            open_recall=True if inputs.recalls else None,
            inspections=inspections.answers(inputs.inspected, inputs.now),
            now=inputs.now,
            health=health,
        )
    )


def assessment_of(connection: Connection, battery: Battery, *, now: datetime) -> Assessment:
    """The gates' answers for a battery as it is known now."""
    inputs = read_inputs(connection, battery, now=now)
    return gates_of(inputs, health_of(inputs))


@dataclass(frozen=True)
class Appraised:
    """What is known and concluded of one battery.

    Attributes:
        inputs: what it rests on.
        health: what is known of its capacity.
        observed: what use tells beside it, by attribute id.
        conclusions: gates, life, score, uses, value.
    """

    inputs: Inputs
    health: Health
    observed: Mapping[str, Answer]
    conclusions: Appraisal

    def opinions(self, parameters: ValueParameters) -> dict[str, Stated[Any]]:
        """What an assessment record states of them."""
        return opinions(self.conclusions, self.health, self.inputs.digests(parameters), now=self.inputs.now)


def appraised(inputs: Inputs, parameters: ValueParameters) -> Appraised:
    """Everything that is concluded, at these prices, costs and rates."""
    health = health_of(inputs)
    others = observed(inputs.state, inputs.facts, inputs.now) if inputs.state is not None else {}
    known = (inputs.state, inputs.facts, inputs.battery.placed_on, inputs.now)
    subject = Subject(
        inputs.facts,
        gates_of(inputs, health),
        lived(condition_of(health, inputs.now, others), *known),
        past_of(*known),
        inputs.seed,
    )
    return Appraised(inputs, health, others, appraise(subject, parameters))


# ------------------------------------------------------------------------------------------------------ why


def why(
    connection: Connection, telemetry: Telemetry, done: Appraised, parameters: ValueParameters
) -> explanation.Graph:
    """The graph of an appraisal: every figure back to rows, declarations, findings and prices.

    All stored rows are walked once, to name those that each session is made of.

    Args:
        connection: a reading one.
        telemetry: reader of stored rows.
        done: what was appraised.
        parameters: those it was appraised at.
    """
    inputs = done.inputs
    digests = inputs.digests(parameters)
    basis = basis_of(inputs.facts)
    model = WindowModel.from_wire(inputs.windows) if inputs.windows is not None else None
    sessions = inputs.state.sessions.until_now(basis) if inputs.state is not None else []
    spans = _spans(connection, telemetry, inputs.battery.id, sessions)
    sources = explanation.Sources(
        passport=digests.get("passport"),
        state=digests.get("state"),
        spans=tuple(
            explanation.Span(source, epoch, rows)
            for source, epoch, rows in telemetry.order(connection, inputs.battery.id)
        ),
        sessions=tuple(
            explanation.Told(session, answer, tuple(own))
            for session, answer, own in zip(
                sessions, classify_all(sessions, basis, model), spans, strict=True
            )
        ),
        facts=_declared(inputs),
        inspections=tuple(
            explanation.Inspection(
                one.digest,
                one.inspector.name,
                one.findings.inspected_at,
                tuple(finding.gate for finding in one.findings.findings),
                one.findings.capacity is not None,
            )
            for one in inspections.current(inputs.inspected, inputs.now)
        ),
        learned={name: digests[name] for name in ("windows", "calibration") if name in digests},
        parameters=parameters,
    )
    return explanation.explain(done.conclusions, done.health, done.observed, sources)


def _declared(inputs: Inputs) -> dict[str, explanation.Fact]:
    """Each fact with whose it is and since when; what a nearer layer says counts."""
    layers = inputs.declared.layers
    found = {}
    for number, layer in enumerate(layers):
        of = "this battery" if number == len(layers) - 1 else "its model or batch"
        for name, wire in layer.wired.items():
            if name not in inputs.facts:
                continue
            words = wire if isinstance(wire, str) else orjson.dumps(wire).decode()
            unit = REGISTRY[name].value.unit
            found[name] = explanation.Fact(f"{words} {unit}" if unit is not None else words, of, layer.at)
    return found


def _spans(
    connection: Connection, telemetry: Telemetry, battery_id: str, sessions: Sequence[Session]
) -> list[list[explanation.Span]]:
    """For each session, the rows in its time by source and epoch, in the order of folding."""
    found: list[dict[tuple[str, str], explanation.Span]] = [{} for _ in sessions]
    if not sessions:
        return []
    for chunk in telemetry.chunks(connection, battery_id, after=None):
        samples = chunk.samples
        for session, spans in zip(sessions, found, strict=True):
            if session.absolute is not samples.absolute:
                continue
            first, last = session.start_s * 1000, (session.start_s + session.duration_s) * 1000 + 999
            within = samples.timed & (samples.time_ms >= first) & (samples.time_ms <= last)
            inside = samples.sequence[within]
            if not len(inside):
                continue
            key = (chunk.source, chunk.epoch)
            low, high, count = int(inside[0]), int(inside[-1]), len(inside)
            if (before := spans.get(key)) is not None and before.first is not None:
                low, count = before.first, before.rows + count
            spans[key] = explanation.Span(*key, count, low, high)
    return [list(one.values()) for one in found]


# ------------------------------------------------------------------------------------------ the same again


@dataclass(frozen=True)
class Recomputed:
    """A stored assessment beside what is worked out anew as of its moment.

    Attributes:
        version: the stored record.
        same: by opinion, whether its bytes are the same, with the record's own digests of inputs; None where
            they were erased.
        changed: inputs that are not those of the record, by name, each with what that means.
    """

    version: Version
    same: Mapping[str, bool | None]
    changed: Mapping[str, str]

    @property
    def confirmed(self) -> bool:
        """Whether it rests on the same inputs, and every opinion that is still there is the same."""
        answers = [one for one in self.same.values() if one is not None]
        return bool(answers) and all(answers) and not self.changed

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "record": self.version.record_id,
            "version": self.version.version,
            "as_of": utc_text(self.version.issued_at),
            "sha256": self.version.sha256,
            "confirmed": self.confirmed,
            "opinions": dict(self.same),
            "changed": dict(self.changed),
        }


def recompute(
    connection: Connection, battery: Battery, version: Version, parameters: ValueParameters
) -> Recomputed:
    """The opinions of a stored assessment, worked out anew as of its moment and compared byte for byte.

    Each is written as a disclosure under the salt of the stored one, so that the same bytes have the digest
    that was signed.

    Raises:
        InputRefused: the record is no assessment of this battery.
        Conflict: it was signed in the words of another registry, whose opinions are not worked out any more.
    """
    if version.kind is not RecordKind.ASSESSMENT or version.battery != battery.id:
        raise InputRefused(f"{version.record_id} is no assessment of {battery.identifier}")
    if version.registry_version != REGISTRY_VERSION:
        raise Conflict(
            f"{version.record_id} speaks of registry {version.registry_version}; opinions are worked out in"
            f" the words of {REGISTRY_VERSION} alone"
        )
    stored = {
        one.attribute: one.encoded
        for one in versions.disclosures(connection, version)
        if one.attribute in OPINIONS
    }
    inputs = read_inputs(connection, battery, now=version.issued_at)
    digests = inputs.digests(parameters)
    whole = stored.get("second_life_assessment")
    # Without the opinion that states them nobody can say what the others rested on.
    rested_on = digests if whole is None else encode.disclosed(whole)[1]["value"]["inputs"]
    anew = appraised(inputs, parameters)
    stated = opinions(anew.conclusions, anew.health, rested_on, now=inputs.now)
    return Recomputed(
        version,
        {name: _same(name, encoded, stated) for name, encoded in stored.items()},
        {name: words for name, words in WORDS.items() if rested_on.get(name) != digests.get(name)},
    )


def _same(name: str, encoded: str | None, stated: Mapping[str, Stated[Any]]) -> bool | None:
    """Whether what is stated gives the same disclosure under its salt; None where it was erased."""
    if encoded is None:
        return None
    salt = base64url.decode(orjson.loads(base64url.decode(encoded))[0])
    one = stated.get(name, Stated.missing(Absent.NOT_PROVIDED))
    return encode.disclosure(name, one.to_wire(REGISTRY[name]), salt).encoded == encoded
