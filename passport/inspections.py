"""Inspections: what a person found beside a battery, signed with the person's own key.

The operator names its inspectors by their public keys, from when to when. An inspector writes findings, one
for each gate that was looked at, and signs them anywhere; nothing of the service holds the private key. A
filed inspection is never changed.

What inspections say about a gate:

1. Only inspections of the last `VALID_DAYS` days count, each filed while its inspector was named.
2. The newest finding on a gate speaks. A clean one sets an earlier adverse one aside only by naming it
   (`resolves`); otherwise they contradict each other, and the gate stays open.
3. Inspections answer what data leave open; they never overrule a failure (`second_life.gates`).
"""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound, VerificationFailed
from passport.judgement.second_life.gates import GATES, Inspection
from passport.ledger import batteries
from passport.ledger.batteries import Battery
from passport.signing import base64url
from passport.signing.encode import json_bytes
from passport.signing.sign import parse_jws, thumbprint
from passport.signing.signer import RecordSigner
from passport.signing.statements import INSPECTION, read_statement, sign_statement
from schemas.identifier import identifier_url
from schemas.values import from_utc_text, utc_text

VALID_DAYS: Final = 180
LONGEST_SENTENCE: Final = 500
_GATE_IDS: Final = frozenset(gate.id for gate in GATES)
_CAPACITY_GATE: Final = "G12"
_MOST_OF_RATED: Final = Decimal("1.3")
_MEMBERS: Final = frozenset({"battery", "inspected_at", "finding", "resolves", "capacity"})
_FINDING: Final = frozenset({"gate", "clean", "sentence"})
_CAPACITY: Final = frozenset({"value_ah", "half_width_ah", "temperature_celsius", "sentence"})


@dataclass(frozen=True)
class Finding:
    """What was found about one gate.

    Attributes:
        gate: its id.
        clean: nothing speaks against it.
        sentence: what was seen or measured.
    """

    gate: str
    clean: bool
    sentence: str


@dataclass(frozen=True)
class MeasuredCapacity:
    """A reference test of the inspector's.

    Attributes:
        ampere_hours: measured.
        half_width: half of the interval that holds it nine times in ten.
        celsius: temperature of the test.
        sentence: instrument and procedure.
    """

    ampere_hours: Decimal
    half_width: Decimal
    celsius: Decimal
    sentence: str


@dataclass(frozen=True)
class Findings:
    """What an inspector signs.

    Attributes:
        battery: identifier URL.
        inspected_at: aware.
        findings: at most one for each gate.
        resolves: digests of earlier inspections whose adverse findings were dealt with.
        capacity: None without a capacity test.
    """

    battery: str
    inspected_at: datetime
    findings: tuple[Finding, ...]
    resolves: tuple[str, ...] = ()
    capacity: MeasuredCapacity | None = None

    def to_wire(self) -> dict[str, Any]:
        """The members of the statement."""
        wire: dict[str, Any] = {
            "battery": self.battery,
            "inspectedAt": utc_text(self.inspected_at),
            "findings": [{"gate": f.gate, "clean": f.clean, "sentence": f.sentence} for f in self.findings],
        }
        if self.resolves:
            wire["resolves"] = list(self.resolves)
        if self.capacity is not None:
            wire["capacity"] = {
                "value": str(self.capacity.ampere_hours),
                "halfWidth": str(self.capacity.half_width),
                "unit": "Ah",
                "temperatureCelsius": str(self.capacity.celsius),
                "sentence": self.capacity.sentence,
            }
        return wire


@dataclass(frozen=True)
class Inspector:
    """Somebody whose findings count.

    Attributes:
        kid: thumbprint of the key.
        name, qualification: as the operator states them.
        since, until: between which inspections may be filed; None while it goes on.
    """

    kid: str
    name: str
    qualification: str
    jwk: Mapping[str, Any]
    since: datetime
    until: datetime | None

    @property
    def did(self) -> str:
        """The key as a DID: `did:jwk`, which needs no directory."""
        return did_of(self.jwk)


@dataclass(frozen=True)
class Inspected:
    """A filed inspection.

    Attributes:
        digest: SHA-256 of the statement, hex.
        findings: what it says.
        inspector: who signed it.
        filed_at: when it was taken in.
        token: the statement.
    """

    digest: str
    findings: Findings
    inspector: Inspector
    filed_at: datetime
    token: bytes


def did_of(jwk: Mapping[str, Any]) -> str:
    """`did:jwk` of a P-256 key.

    >>> did_of({"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "kid": "never in it"})[:20]
    'did:jwk:eyJjcnYiOiJQ'
    """
    plain = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return f"did:jwk:{base64url.encode(json_bytes(plain))}"


# What an inspector writes


def template(battery: Battery, *, public_url: str, gates: Sequence[str], now: datetime) -> str:
    """A file of findings to fill in: one entry for each of these gates, with what to do."""
    lines = [
        "# Fill in what was looked at; take away every entry that was not.",
        "# Then: cellpass inspect sign FILE --key KEY --password-file SECRET",
        f'battery = "{identifier_url(public_url, battery.identifier)}"',
        f"inspected_at = {utc_text(now)}",
        "# resolves = []  # digests of earlier inspections whose findings were dealt with",
    ]
    for gate in (one for one in GATES if one.id in gates):
        lines += [
            "",
            f"# {gate.id} {gate.name}: {gate.question}",
            f"# {gate.inspect[:1].upper()}{gate.inspect[1:]}.",
            "[[finding]]",
            f'gate = "{gate.id}"',
            "clean = false",
            'sentence = ""',
        ]
    lines += [
        "",
        "# A complete discharge from full, where one was measured:",
        "# [capacity]",
        '# value_ah = "98.3"',
        '# half_width_ah = "0.5"',
        '# temperature_celsius = "25"',
        '# sentence = "instrument, procedure"',
        "",
    ]
    return "\n".join(lines)


def read_findings(text: str) -> Findings:
    """The findings in a file.

    Raises:
        InputRefused: it is no TOML, or a member is missing, unknown or not of its kind; it is named.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputRefused(f"the findings are no TOML: {error}") from None
    _only(document, _MEMBERS, "the findings")
    at = document.get("inspected_at")
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InputRefused("inspected_at: expected a moment with its zone, as in 2026-11-28T09:30:00Z")
    capacity = document.get("capacity")
    return _checked(
        battery=document.get("battery"),
        at=at,
        findings=document.get("finding", []),
        resolves=document.get("resolves", []),
        capacity=None if capacity is None else _capacity(capacity),
    )


def _capacity(table: Any) -> MeasuredCapacity:
    if not isinstance(table, Mapping):
        raise InputRefused("capacity: expected a table")
    _only(table, _CAPACITY, "capacity")
    value, half, celsius = (
        _decimal(table.get(name), f"capacity.{name}")
        for name in ("value_ah", "half_width_ah", "temperature_celsius")
    )
    if value <= 0 or half <= 0 or half >= value:
        raise InputRefused("capacity: expected a positive value and a half width below it")
    return MeasuredCapacity(value, half, celsius, _sentence(table.get("sentence"), "capacity.sentence"))


def _decimal(value: Any, place: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) > 1_000_000:
        raise InputRefused(f'{place}: expected a number as text, as in "98.3"; got {value!r}')
    return number


def _sentence(value: Any, place: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not 3 <= len(text) <= LONGEST_SENTENCE or not text.isprintable():
        raise InputRefused(
            f"{place}: expected what was seen or measured, in 3 to {LONGEST_SENTENCE} characters"
        )
    return text


def _only(table: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := sorted(set(table) - known):
        raise InputRefused(f"{place}: unknown member {unknown[0]!r}; known: {', '.join(sorted(known))}")


def _checked(
    *, battery: Any, at: datetime, findings: Any, resolves: Any, capacity: MeasuredCapacity | None
) -> Findings:
    if not isinstance(battery, str) or not battery:
        raise InputRefused("battery: expected its address, as on its label")
    if not isinstance(findings, list) or not (findings or capacity):
        raise InputRefused("finding: expected at least one [[finding]] or a [capacity]")
    made: list[Finding] = []
    for number, one in enumerate(findings, 1):
        place = f"finding {number}"
        if not isinstance(one, Mapping):
            raise InputRefused(f"{place}: expected a table")
        _only(one, _FINDING, place)
        if one.get("gate") not in _GATE_IDS:
            raise InputRefused(f"{place}: gate: expected G1 to G13, got {one.get('gate')!r}")
        if not isinstance(one.get("clean"), bool):
            raise InputRefused(f"{place}: clean: expected true or false")
        if any(one["gate"] == other.gate for other in made):
            raise InputRefused(f"{place}: {one['gate']} was told already")
        made.append(Finding(one["gate"], one["clean"], _sentence(one.get("sentence"), f"{place}: sentence")))
    if capacity is None and any(one.gate == _CAPACITY_GATE and one.clean for one in made):
        raise InputRefused(f"{_CAPACITY_GATE} is answered by a measurement: add [capacity]")
    if not isinstance(resolves, list) or not all(_is_digest(digest) for digest in resolves):
        raise InputRefused("resolves: expected a list of digests, 64 hex digits each")
    return Findings(battery, at, tuple(made), tuple(resolves), capacity)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def sign(findings: Findings, key: RecordSigner, *, now: datetime) -> bytes:
    """The signed statement.

    Raises:
        InputRefused: the inspection lies ahead of now.
    """
    if findings.inspected_at > now:
        raise InputRefused("inspected_at lies ahead of now")
    return sign_statement(
        INSPECTION, findings.to_wire(), issuer_did=did_of(key.public_jwk), signer=key, at=now
    )


# Inspectors


def add_inspector(
    connection: Connection, *, name: str, qualification: str, jwk: Mapping[str, Any], at: datetime
) -> Inspector:
    """Inspections under this key may be filed from now on.

    Raises:
        InputRefused: it is no public P-256 key, or holds a private part.
        Conflict: the key is somebody's already.
    """
    if "d" in jwk:
        raise InputRefused("this is a private key: only its public half is named here")
    try:
        if (jwk["kty"], jwk["crv"]) != ("EC", "P-256") or any(
            len(base64url.decode(jwk[c])) != 32 for c in "xy"
        ):
            raise InputRefused("expected a P-256 key")
        kid = thumbprint(jwk)
    except (KeyError, TypeError, ValueError) as error:
        raise InputRefused("expected a public P-256 key as a JWK with kty, crv, x and y") from error
    if not name.strip() or not qualification.strip():
        raise InputRefused("an inspector has a name and a qualification")
    if any(one.kid == kid for one in inspectors(connection)):
        raise Conflict("this key is named already")
    plain = {member: jwk[member] for member in ("kty", "crv", "x", "y")}
    connection.exec_driver_sql(
        "INSERT INTO inspector (kid, name, qualification, jwk, since, until) VALUES (?, ?, ?, ?, ?, NULL)",
        (kid, name.strip(), qualification.strip(), orjson.dumps(plain).decode(), utc_text(at)),
    )
    return Inspector(kid, name.strip(), qualification.strip(), {**plain, "kid": kid}, at, None)


def end_inspector(connection: Connection, kid: str, *, at: datetime) -> None:
    """Nothing more is filed under this key; earlier inspections stay.

    Raises:
        NotFound: nobody has that key, or it has ended.
    """
    done = connection.exec_driver_sql(
        "UPDATE inspector SET until = ? WHERE kid = ? AND until IS NULL", (utc_text(at), kid)
    )
    if done.rowcount != 1:
        raise NotFound(f"no inspector has the key {kid[:60]!r}")


def inspectors(connection: Connection) -> list[Inspector]:
    """Everybody who was ever named, the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT kid, name, qualification, jwk, since, until FROM inspector ORDER BY since, kid"
    )
    return [
        Inspector(
            row[0],
            row[1],
            row[2],
            {**orjson.loads(row[3]), "kid": row[0]},
            from_utc_text(row[4]),
            from_utc_text(row[5]) if row[5] else None,
        )
        for row in rows
    ]


# Filing and reading


def file(
    connection: Connection, token: bytes, *, public_url: str, now: datetime
) -> tuple[Battery, Inspected]:
    """Take in a signed inspection; the same one again changes nothing.

    Raises:
        VerificationFailed: the signature does not fit, or nobody who is named signed it.
        InputRefused: it speaks of no battery here, or says something that no inspection says.
    """
    known = {one.kid: one for one in inspectors(connection)}
    made = _read(token.strip(), known, filed_at=now)
    if made.findings.inspected_at > now:
        raise InputRefused("the inspection lies ahead of now")
    battery = batteries.find(connection, made.findings.battery, public_url)
    if made.findings.battery != identifier_url(public_url, battery.identifier):
        raise InputRefused("the inspection does not name the battery by the address on its label")
    rated = batteries.facts(connection, battery.id).get("rated_capacity")
    test = made.findings.capacity
    if test is not None and rated is not None and test.ampere_hours > _MOST_OF_RATED * Decimal(str(rated)):
        raise InputRefused(
            f"a capacity of {test.ampere_hours} Ah was measured on a battery that is rated {rated} Ah;"
            " correct the figure, or the rating"
        )
    connection.exec_driver_sql(
        "INSERT INTO inspection (battery, digest, inspector, inspected_at, filed_at, token)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            battery.id,
            made.digest,
            made.inspector.kid,
            utc_text(made.findings.inspected_at),
            utc_text(now),
            made.token,
        ),
    )
    batteries.mark_dirty(connection, battery.id, at=now)
    return battery, made


def of_battery(connection: Connection, battery_id: str) -> list[Inspected]:
    """Every filed inspection of a battery, the oldest first.

    Raises:
        VerificationFailed: a stored statement does not verify; nothing may be concluded from it.
    """
    rows = connection.exec_driver_sql(
        "SELECT token, filed_at FROM inspection WHERE battery = ? ORDER BY inspected_at, digest",
        (battery_id,),
    ).all()
    if not rows:
        return []
    known = {one.kid: one for one in inspectors(connection)}
    return [_read(bytes(row[0]), known, filed_at=from_utc_text(row[1])) for row in rows]


def _read(token: bytes, known: Mapping[str, Inspector], *, filed_at: datetime) -> Inspected:
    kid = str(parse_jws(token).header.get("kid"))
    inspector = known.get(kid)
    if inspector is None:
        raise VerificationFailed(f"no inspector who is named here has the key {kid[:60]!r}")
    said = read_statement(token, INSPECTION, issuer_did=inspector.did, keys=[inspector.jwk])
    findings = _from_wire(said)
    if inspector.until is not None and filed_at >= inspector.until:
        raise VerificationFailed(f"{inspector.name} was no longer named as an inspector when this was filed")
    return Inspected(hashlib.sha256(token).hexdigest(), findings, inspector, filed_at, token)


def _from_wire(said: Mapping[str, Any]) -> Findings:
    try:
        capacity = said.get("capacity")
        return _checked(
            battery=said["battery"],
            at=from_utc_text(said["inspectedAt"]),
            findings=said.get("findings", []),
            resolves=said.get("resolves", []),
            capacity=None
            if capacity is None
            else _capacity(
                {
                    "value_ah": capacity["value"],
                    "half_width_ah": capacity["halfWidth"],
                    "temperature_celsius": capacity["temperatureCelsius"],
                    "sentence": capacity["sentence"],
                }
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputRefused("the statement is no inspection as they are written here") from error


def current(filed: Sequence[Inspected], now: datetime) -> list[Inspected]:
    """Those that still count, the oldest first."""
    return [one for one in filed if now - one.findings.inspected_at <= timedelta(days=VALID_DAYS)]


def answers(filed: Sequence[Inspected], now: datetime) -> dict[str, Inspection]:
    """What inspections say about each gate, by the rules above.

    Args:
        filed: of one battery, the oldest first.
        now: aware.
    """
    counting = current(filed, now)
    resolved = {digest for one in counting for digest in one.findings.resolves}
    found: dict[str, Inspection] = {}
    for gate in sorted(_GATE_IDS):
        said = [
            (one, finding) for one in counting for finding in one.findings.findings if finding.gate == gate
        ]
        if not said:
            continue
        newest, last = said[-1]
        adverse = [one for one, finding in said if not finding.clean and one.digest not in resolved]
        if last.clean and adverse:
            found[gate] = Inspection(
                None,
                f"inspections contradict each other: {adverse[-1].inspector.name} found what"
                f" {newest.inspector.name} does not, and nothing resolves {adverse[-1].digest[:12]}",
            )
            continue
        day = newest.findings.inspected_at.date().isoformat()
        found[gate] = Inspection(last.clean, f"{last.sentence} ({newest.inspector.name}, {day})")
    return found


def measured_capacity(filed: Sequence[Inspected], now: datetime) -> tuple[Inspected, MeasuredCapacity] | None:
    """The newest capacity test that counts; None without one."""
    tested = [(one, one.findings.capacity) for one in current(filed, now) if one.findings.capacity]
    return tested[-1] if tested else None
