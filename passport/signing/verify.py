"""Is it genuine? Each step answers one question about a file, without a network and without asking us.

 1. signature    The bytes were signed with ES256 by one of the keys that the reader trusts.
 2. disclosures  Every disclosure belongs to one digest in the signed part, and none is left over.
 3. validity     `now` lies between the dates in the record.
 4. issuer       The key speaks for the issuer named in the record, and was good when it signed.
 5. schema       The content has the form that its kind demands; for our records, attribute by attribute.
 6. chain        It quotes the version before it, and the given earlier versions are those; likewise the
                 records of the batteries that this one came from or goes on as.
 7. log          It is a leaf of the log: inclusion proof, and a checkpoint signed by a trusted log key.
 8. timestamp    A third party confirms the time of the checkpoint.
 9. subject      It speaks of the battery whose identifier was scanned.
10. status       It was not revoked, as of the date of a status list.

Every step answers yes, no or unknown with a reason, and no answer stands for another. A step raises
`VerificationFailed` for no and `_Unknown` for unknown; `verify_file` turns each into its line.

What is not trusted: keys, addresses and algorithms inside the file (`jwk`, `jku`, `x5u`, `x5c`, the `jwks` of
a bundle, keys beside a proof); the order of a PDF; any clock but `now`. A signature that fits an enclosed key
alone is unknown, not yes: whoever forges a record can enclose a key with it. When step 1 says no, the steps
that read signed content say unknown, because there is no signed content.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from passport.errors import InputRefused, VerificationFailed
from passport.signing import data_model
from passport.signing.disclosures import disclose
from passport.signing.document import LIMIT_JSON, Document, read_document
from passport.signing.encode import RELATIONS, digest_sri
from passport.signing.handover import check_acts
from passport.signing.keyset import fitting_key, interval, names, read_keys, revocation
from passport.signing.log import (
    leaf_hash,
    open_checkpoint,
    parse_checkpoint,
    parse_tlog_proof,
    parse_vkey,
    split_note,
    verify_inclusion,
)
from passport.signing.sign import Jws, parse_jws
from passport.signing.status import LIST_TYPE, entry_is_set
from schemas.strict_json import StrictJsonError, loads

Answer = Literal["yes", "no", "unknown"]

LINES: Final = (
    "signature",
    "disclosures",
    "validity",
    "issuer",
    "schema",
    "chain",
    "log",
    "timestamp",
    "subject",
    "status",
)
REQUIRED: Final = ("signature", "disclosures", "validity", "issuer", "schema")
# What says whether a record may be believed must stand in clear: whoever hands it on could leave it out.
# draft-ietf-oauth-sd-jwt-vc 3.2.2.2 and W3C VC-JOSE-COSE 3.2.1.
NEVER_HIDDEN: Final = frozenset(
    {
        "iss",
        "nbf",
        "exp",
        "cnf",
        "vct",
        "status",
        "@context",
        "type",
        "issuer",
        "validFrom",
        "validUntil",
        "credentialSchema",
        "credentialStatus",
        "relatedResource",
    }
)
# RFC 7519 4.1.5 allows a few minutes for clocks that differ.
LEEWAY: Final = timedelta(seconds=60)
_TYPES: Final = {"vc+sd-jwt": True, "dc+sd-jwt": True, "vc+jwt": False}


class _Unknown(Exception):
    """The question cannot be answered with what was given; the sentence says what is missing."""


@dataclass(frozen=True)
class Line:
    """One answer.

    Attributes:
        name: one of `LINES`.
        answer: "yes", "no" or "unknown".
        reason: a sentence fragment: what was found, or what is missing and how to get it.
    """

    name: str
    answer: Answer
    reason: str


@dataclass(frozen=True)
class Verdict:
    """All lines and, for whoever prints them, what the record says it is.

    Attributes:
        lines: one per name in `LINES`, in that order.
        claims: signed claims with their disclosures; None when there are none to read.
    """

    lines: tuple[Line, ...]
    claims: Mapping[str, Any] | None

    def good(self, required: Sequence[str] = REQUIRED) -> bool:
        """Whether every required line says yes and no line says no."""
        return all(line.answer == "yes" or line.name not in required for line in self.lines) and not any(
            line.answer == "no" for line in self.lines
        )


def verify_file(
    data: bytes,
    *,
    jwks: Sequence[Mapping[str, Any]] | None,
    log_keys: Sequence[str] = (),
    now: datetime,
    subject: str | None = None,
    previous: bytes | None = None,
    status_list: bytes | None = None,
) -> tuple[Line, ...]:
    """The ten lines about a file.

    Args:
        data: a record, a bundle, or a PDF with one of them attached.
        jwks: public keys that the reader trusts, as `keyset.read_keys` gives them; None when there are none.
        log_keys: keys of logs that the reader trusts, as `log.vkey` writes them.
        now: aware; the only clock.
        subject: the identifier that was scanned; None leaves that line unknown.
        previous: the record before this one, in any form this function reads.
        status_list: a signed status list fetched by the reader.

    Raises:
        InputRefused: the file, an argument or a key is nothing that could be verified.
    """
    return verify(
        data,
        jwks=jwks,
        log_keys=log_keys,
        now=now,
        subject=subject,
        previous=previous,
        status_list=status_list,
    ).lines


def verify(
    data: bytes,
    *,
    jwks: Sequence[Mapping[str, Any]] | None,
    log_keys: Sequence[str] = (),
    now: datetime,
    subject: str | None = None,
    previous: bytes | None = None,
    status_list: bytes | None = None,
) -> Verdict:
    """As `verify_file`, with the claims for whoever shows them."""
    if now.tzinfo is None:
        raise InputRefused("the time to judge by needs a zone, as in 2026-11-20T12:00:00Z")
    for key in log_keys:
        try:
            parse_vkey(key)
        except ValueError as error:
            raise InputRefused(str(error)) from error
    document = read_document(data)
    earlier = document.previous
    if previous is not None:
        given = read_document(previous)
        earlier = (given.jwt, *given.previous)
    work = _Work(
        document=document,
        jwks=jwks,
        log_keys=tuple(log_keys),
        now=now,
        subject=subject,
        previous=earlier,
        status_list=(status_list.strip() if status_list is not None else document.status_list),
    )
    # The issuer of a revoked key is judged by the log, so the log is asked first; the order shown stays.
    order = sorted(enumerate(LINES, start=1), key=lambda item: (item[1] == "issuer", item[0]))
    answers = {name: _line(number, name, work) for number, name in order}
    lines = tuple(answers[name] for name in LINES)
    return Verdict(lines, work.claims or work.payload or None)


def verify_record(
    data: bytes,
    *,
    jwks: Sequence[Mapping[str, Any]],
    now: datetime,
    log_keys: Sequence[str] = (),
    required: Sequence[str] = REQUIRED,
    subject: str | None = None,
    previous: bytes | None = None,
) -> Mapping[str, Any]:
    """The claims of a record, when every required step says yes and none says no.

    Raises:
        VerificationFailed: names the first step that does not, with its number and reason.
        InputRefused: the file is nothing that could be verified.
    """
    verdict = verify(data, jwks=jwks, now=now, log_keys=log_keys, subject=subject, previous=previous)
    for number, line in enumerate(verdict.lines, start=1):
        if line.answer == "no" or (line.answer == "unknown" and line.name in required):
            raise VerificationFailed(f"step {number} ({line.name}): {line.answer}, {line.reason}")
    assert verdict.claims is not None
    return verdict.claims


@dataclass
class _Work:
    """What the steps know and find out."""

    document: Document
    jwks: Sequence[Mapping[str, Any]] | None
    log_keys: tuple[str, ...]
    now: datetime
    subject: str | None
    previous: tuple[bytes, ...]
    status_list: bytes | None
    jws: Jws | None = None
    key: Mapping[str, Any] | None = None
    forged: bool = False
    payload: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    logged_at: int | None = None


def _line(number: int, name: str, work: _Work) -> Line:
    """The answer of one step."""
    if work.forged and name != "timestamp":
        return Line(name, "unknown", "not judged, because the signature failed")
    try:
        return Line(name, "yes", _STEPS[number - 1](work))
    except _Unknown as answer:
        return Line(name, "unknown", str(answer))
    except VerificationFailed as error:
        work.forged = work.forged or name == "signature"
        return Line(name, "no", str(error))


# Step 1
def _signature(work: _Work) -> str:
    """The bytes were signed with ES256 by a trusted key."""
    jws = work.jws = parse_jws(work.document.jwt)
    typ = jws.header.get("typ")
    if not isinstance(typ, str) or typ not in _TYPES:
        raise VerificationFailed(f"the header says typ {typ!r:.60}; expected one of {', '.join(_TYPES)}")
    try:
        payload = loads(jws.payload, limit_bytes=LIMIT_JSON)
    except StrictJsonError as error:
        raise VerificationFailed(f"the signed payload is refused: {error}") from error
    if not isinstance(payload, dict):
        raise VerificationFailed("the signed payload is no object")
    if work.jwks is not None:
        try:
            work.key = fitting_key(jws, work.jwks)
        except VerificationFailed as error:
            # A claim and no more; it helps whoever took the keys of another operator.
            said = _of(payload, "issuer") or payload.get("iss")
            raise VerificationFailed(f"{error}; it claims to be from {said!r:.80}") from None
        work.payload = payload
        return f"ES256 by key {names(work.key)}"
    enclosed = work.document.enclosed_keys
    if enclosed:
        key = fitting_key(jws, enclosed)
        work.payload = payload
        raise _Unknown(f"fits key {names(key)}, which came with the file itself; give the issuer's keys")
    # Without a key nothing is proven, but an algorithm or form that no key could save is wrong already.
    if jws.header.get("alg") != "ES256" or len(jws.signature) != 64:
        raise VerificationFailed(f"the header says alg {jws.header.get('alg')!r:.60}; only ES256 is accepted")
    work.payload = payload
    raise _Unknown(f"no keys given to check it with; it names key {jws.header.get('kid')!r:.60}")


# Step 2
def _disclosures(work: _Work) -> str:
    """Every disclosure belongs to one digest in the signed part, and none is left over."""
    document = work.document
    assert work.jws is not None
    with_tildes = _TYPES[work.jws.header["typ"]]
    if with_tildes and not document.tildes:
        raise VerificationFailed("the final ~ is missing; without it something may have been cut off")
    if document.tildes and not with_tildes:
        raise VerificationFailed(f"a {work.jws.header['typ']} has no disclosures")
    if document.tail:
        raise VerificationFailed(
            "text follows the last ~: a cut disclosure, or a holder's proof not read here"
        )
    claims = disclose(work.payload, document.disclosures)
    if hidden := claims.keys() - work.payload.keys() & NEVER_HIDDEN:
        raise VerificationFailed(f"{', '.join(sorted(hidden))} was signed so that it can be hidden")
    work.claims = claims
    if not document.disclosures:
        return "none in this view, nothing hidden among the public claims"
    return f"all {len(document.disclosures)} belong to the signed part"


# Step 3
def _validity(work: _Work) -> str:
    """`now` lies between the dates in the record."""
    claims = work.claims or work.payload
    begins = [(name, data_model.moment(claims[name], name)) for name in ("validFrom",) if name in claims]
    ends = [(name, data_model.moment(claims[name], name)) for name in ("validUntil",) if name in claims]
    begins += [("nbf", moment) for moment in _numeric(claims, "nbf")]
    ends += [("exp", moment) for moment in _numeric(claims, "exp")]
    if issued_at := _issued_at(work):
        begins.append(("iat", issued_at))
    for name, moment in begins:
        if work.now + LEEWAY < moment:
            raise VerificationFailed(f"not valid before {_day(moment)} ({name}), judged at {_day(work.now)}")
    for name, moment in ends:
        if work.now >= moment:
            raise VerificationFailed(f"expired on {_day(moment)} ({name}), judged at {_day(work.now)}")
    if not begins and not ends:
        raise _Unknown("it says nothing about when it is valid")
    since = f"since {_day(max(moment for _, moment in begins))}" if begins else "from the beginning"
    until = f"until {_day(min(moment for _, moment in ends))}" if ends else "without an end"
    return f"valid {since}, {until}"


# Step 4
def _issuer(work: _Work) -> str:
    """The key speaks for the issuer named in the record, and was good when it signed."""
    claims = work.claims or work.payload
    named = {name for name in (_of(claims, "issuer"), claims.get("iss")) if isinstance(name, str)}
    if len(named) > 1:
        raise VerificationFailed(f"it names two issuers: {', '.join(sorted(map(repr, named)))}")
    if work.key is None:
        raise _Unknown(f"it says {next(iter(named), None)!r:.80}; give that issuer's keys with --keys")
    holder = work.key.get("iss")
    if not named:
        raise _Unknown("it names no issuer; the key is one of those that you trust")
    if holder is not None and holder not in named:
        raise VerificationFailed(
            f"key {names(work.key)} belongs to {holder!r:.80}, not to {named.pop()!r:.80}"
        )
    _check_interval(work, work.key)
    bound = "" if holder is not None else "; the key set does not say whose key it is"
    return f"{named.pop()!r:.80}, key {names(work.key)} among the keys you trust{bound}"


def _check_interval(work: _Work, key: Mapping[str, Any]) -> None:
    """The key was good when it signed: by the record's word if retired, by the log's if revoked."""
    signed_at = _issued_at(work)
    begin, end = interval(key)
    if signed_at is not None and begin is not None and signed_at + LEEWAY < begin:
        raise VerificationFailed(f"signed on {_day(signed_at)}, before the key began on {_day(begin)}")
    if signed_at is not None and end is not None and signed_at >= end:
        raise VerificationFailed(f"signed on {_day(signed_at)}, after the key was retired on {_day(end)}")
    revoked = revocation(key)
    if revoked is None:
        return
    at, log_size = revoked
    if signed_at is None or signed_at >= at:
        raise VerificationFailed(f"key {names(key)} was revoked on {_day(at)}, before this was signed")
    # Whoever stole the key can write any date into the record; only its place in the log cannot be backdated.
    if work.logged_at is None or log_size is None:
        raise _Unknown(f"key {names(key)} was revoked on {_day(at)}; no log proof shows this is older")
    if work.logged_at >= log_size:
        raise VerificationFailed(
            f"key {names(key)} was revoked at {log_size} log entries, this is entry {work.logged_at}"
        )


# Step 5
def _schema(work: _Work) -> str:
    """The content has the form that its kind demands."""
    claims = work.claims
    assert work.jws is not None
    if not claims:
        raise _Unknown("step 2 failed: there are no claims to judge")
    # Until 2024 the drafts of SD-JWT VC used the name that W3C credentials have now.
    older = "vct" in claims and "@context" not in claims and not data_model.is_ours(claims)
    if work.jws.header["typ"] == "dc+sd-jwt" or older:
        data_model.check_sd_jwt_vc(claims)
        return f"an SD-JWT VC of type {claims['vct']!r:.80}; its own rules are not known here"
    if not data_model.is_ours(claims):
        data_model.check_credential(claims)
        return "a W3C credential, data model 2.0; its own vocabulary is not known here"
    if work.jws.header["typ"] != "vc+sd-jwt" or set(work.jws.header) != {"alg", "typ", "kid", "iat"}:
        raise VerificationFailed("the header of a record has exactly alg, typ vc+sd-jwt, kid and iat")
    try:
        return data_model.check_record(work.payload, claims)
    except data_model.UnknownRegistry as answer:
        raise _Unknown(str(answer)) from answer


# Step 6
def _chain(work: _Work) -> str:
    """It quotes the version before it, and the given records are those that it quotes."""
    claims = work.payload
    if not data_model.is_ours(claims):
        raise _Unknown("only records of this service quote their predecessor")
    quoted, others = _quoted(claims)
    version = claims.get("recordVersion")
    if not isinstance(version, int) or version < 1:
        raise VerificationFailed(f"recordVersion is {version!r:.40}; versions are counted from 1")
    if version == 1 and quoted is not None:
        raise VerificationFailed("version 1 quotes an earlier one")
    if version > 1 and quoted is None:
        raise VerificationFailed(f"version {version!r:.20} does not quote an earlier one")
    lineage = _lineage(work, claims, others)
    if version == 1:
        return f"the first version{lineage}"
    if not work.previous:
        raise _Unknown(f"version {version} quotes the one before it; give that one with --previous{lineage}")
    later = claims
    for earlier in work.previous:
        if _quoted(later)[0] != digest_sri(earlier):
            raise VerificationFailed(
                f"the given version before {later.get('recordVersion')} is not the quoted one"
            )
        later = _follows(work, later, earlier)
    reached = later.get("recordVersion")
    back = "to the first" if reached == 1 else f"to version {reached}"
    return f"version {version} and the {len(work.previous)} before it, back {back}{lineage}"


def _quoted(claims: Mapping[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
    """The digest of the version before (None where there is none), and the quoted records of others."""
    related = claims.get("relatedResource", [])
    if not isinstance(related, list) or not all(isinstance(one, dict) for one in related):
        raise VerificationFailed("relatedResource is no list of quoted records")
    if not all(isinstance(one.get("digestSRI"), str) for one in related):
        raise VerificationFailed("a record is quoted without a digest")
    before = [one for one in related if "relation" not in one]
    others = [one for one in related if "relation" in one]
    if len(before) > 1:
        raise VerificationFailed("relatedResource is not exactly one earlier version")
    if strange := {str(one["relation"]) for one in others} - set(RELATIONS):
        raise VerificationFailed(f"it quotes a record as {', '.join(sorted(strange))!r:.60}")
    return (before[0]["digestSRI"] if before else None), others


def _lineage(work: _Work, claims: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """Which batteries it came from and goes on as, once the given records are those that it quotes.

    Followed as far back as records were given. The end of a sentence, empty where it names none.
    """
    named = {relation: _passports(claims, relation) for relation in RELATIONS}
    if not others:
        if any(named.values()):
            return "; other batteries' passports are named without a record"
        return ""
    given = {digest_sri(part): part for part in work.document.related}
    missing, unsigned = 0, 0
    seen: set[str] = set()
    todo = [(claims, one) for one in others]
    while todo:
        of, one = todo.pop()
        digest = one["digestSRI"]
        if digest not in given:
            if any(_says_id(part, one.get("id")) for part in given.values()):
                raise VerificationFailed(f"the given record {one.get('id')!r:.120} is not the quoted one")
            missing += of is claims
            continue
        other = _related(of, one, given[digest])
        if digest not in seen:
            seen.add(digest)
            unsigned += not _signed_by_issuer(work, given[digest], other)
            back = _quoted(other)[1] if one["relation"] == "predecessor" else []
            todo += [(other, deeper) for deeper in back if deeper["relation"] == "predecessor"]
    if missing:
        raise _Unknown(
            f"it quotes {len(others)} records of other batteries, {missing} not given; the bundle has them"
        )
    words = [
        f"{phrase} {count} other{'s' * (count > 1)}"
        for relation, phrase in (("predecessor", "it came from"), ("successor", "it goes on as"))
        if (count := sum(one["relation"] == relation for one in others))
    ]
    if further := len(seen) - len(others):
        words.append(f"{further} more behind these")
    rest = len(named["predecessor"]) - sum(one["relation"] == "predecessor" for one in others)
    if rest > 0:
        words.append(f"{rest} predecessors are named without a record")
    if unsigned:
        words.append(f"signatures of {unsigned} not checked, their issuers' keys were not given")
    return "; " + ", ".join(words)


def _passports(claims: Mapping[str, Any], relation: str) -> list[Any]:
    """The passports that a record names as those before or after it."""
    subject = claims.get("credentialSubject")
    stated = subject.get(f"{relation}_passport_ids") if isinstance(subject, dict) else None
    value = stated.get("value") if isinstance(stated, dict) else None
    return value if isinstance(value, list) else []


def _passport_of(claims: Mapping[str, Any]) -> Any:
    subject = claims.get("credentialSubject")
    stated = subject.get("passport_id") if isinstance(subject, dict) else None
    return stated.get("value") if isinstance(stated, dict) else None


def _says_id(part: bytes, record_url: Any) -> bool:
    try:
        claims = loads(parse_jws(part).payload, limit_bytes=LIMIT_JSON)
    except (StrictJsonError, VerificationFailed):
        return False
    return isinstance(claims, dict) and claims.get("id") == record_url


def _related(of: Mapping[str, Any], quoted: Mapping[str, Any], part: bytes) -> dict[str, Any]:
    """The claims of another battery's record, when both sides name each other as they should."""
    try:
        claims = loads(parse_jws(part).payload, limit_bytes=LIMIT_JSON)
    except StrictJsonError as error:
        raise VerificationFailed(f"a quoted record is refused: {error}") from error
    if not isinstance(claims, dict) or not data_model.is_ours(claims) or claims.get("id") != quoted.get("id"):
        raise VerificationFailed(f"what is quoted as {quoted.get('id')!r:.120} is another record")
    if _passport_of(claims) not in _passports(of, quoted["relation"]):
        raise VerificationFailed(
            f"it quotes a record of {_passport_of(claims)!r:.120}, which it does not name as"
            f" {quoted['relation']}"
        )
    if quoted["relation"] == "successor" and _passport_of(of) not in _passports(claims, "predecessor"):
        raise VerificationFailed("what it goes on as does not name it as its predecessor")
    return claims


def _signed_by_issuer(work: _Work, part: bytes, claims: Mapping[str, Any]) -> bool:
    """Whether a quoted record's signature is its issuer's; False where that issuer's keys were not given."""
    issuer = _of(claims, "issuer")
    keys = [key for key in work.jwks or () if key.get("iss") == issuer]
    if not keys:
        return False
    fitting_key(parse_jws(part), keys)
    return True


def _follows(work: _Work, later: Mapping[str, Any], earlier: bytes) -> dict[str, Any]:
    """The claims of the version before, when it is of the same battery and kind and one lower."""
    try:
        claims = loads(parse_jws(earlier).payload, limit_bytes=LIMIT_JSON)
    except StrictJsonError as error:
        raise VerificationFailed(f"an earlier version is refused: {error}") from error
    if not isinstance(claims, dict) or not data_model.is_ours(claims):
        raise VerificationFailed("an earlier version is no record")
    same = all(_of(claims, name) == _of(later, name) for name in ("type", "credentialSubject"))
    if not same or claims.get("recordVersion") != later["recordVersion"] - 1:
        raise VerificationFailed("the quoted version is of another battery, kind or number")
    giver, taker = _of(claims, "issuer"), _of(later, "issuer")
    if giver != taker:
        # An issuer changes by a two-sided act and not otherwise; the later record carries it.
        check_acts(
            later.get("handovers"),
            battery=str(_of(later, "credentialSubject")),
            kind=data_model.kind_of(later),
            giver=str(giver),
            taker=str(taker),
            quoted=digest_sri(earlier),
            keys_of=lambda did: _keys_of(work, did),
        )
    return claims


def _keys_of(work: _Work, did: str) -> list[Mapping[str, Any]]:
    """The trusted keys of an issuer who signed a hand-over."""
    keys = [key for key in work.jwks or () if key.get("iss") == did]
    if not keys:
        raise _Unknown(f"responsibility was handed over, and keys of {did!r:.80} were not given")
    return keys


def _of(claims: Mapping[str, Any], name: str) -> Any:
    value = claims.get(name)
    return value.get("id") if isinstance(value, dict) else value


# Step 7
def _log(work: _Work) -> str:
    """It is a leaf of a log whose key the reader trusts."""
    if work.document.proof is None:
        raise _Unknown("the file has no log proof; the bundle has one")
    proof = parse_tlog_proof(work.document.proof)
    text, signatures = split_note(proof.note)
    checkpoint = parse_checkpoint(text)
    # The path is checked first: a proof of other bytes is wrong whoever signed the checkpoint.
    verify_inclusion(
        leaf_hash(work.document.jwt), proof.index, checkpoint.size, proof.hashes, checkpoint.root
    )
    trusted = [key for key in work.log_keys if parse_vkey(key)[0] in {name for name, _ in signatures}]
    if not work.log_keys:
        raise _Unknown(
            f"the path fits a checkpoint of {checkpoint.origin!r:.80}; give its key with --log-key"
        )
    if not trusted:
        raise VerificationFailed(
            f"the checkpoint of {checkpoint.origin!r:.80} is signed by no log key you trust"
        )
    failure: VerificationFailed | None = None
    for key in trusted:
        try:
            open_checkpoint(proof.note, key)
        except VerificationFailed as error:
            failure = error
        else:
            work.logged_at = proof.index
            return f"entry {proof.index} of {checkpoint.size} in {checkpoint.origin}"
    assert failure is not None
    raise failure


# Step 8
def _timestamp(work: _Work) -> str:
    """A third party confirms the time of the checkpoint."""
    del work
    raise _Unknown("no time stamp of a third party; this version of the program reads none")


# Step 9
def _subject(work: _Work) -> str:
    """It speaks of the battery whose identifier was scanned."""
    subject = work.payload.get("credentialSubject")
    signed = subject.get("id") if isinstance(subject, dict) else work.payload.get("sub")
    if work.subject is None:
        raise _Unknown(f"it speaks of {signed!r:.120}; give what you scanned with --subject")
    if not isinstance(signed, str) or _comparable(signed) != _comparable(work.subject):
        raise VerificationFailed(f"it speaks of {signed!r:.120}, scanned was {work.subject!r:.120}")
    return f"it speaks of {signed!r:.120}; a copied code cannot be told from the real one"


def _comparable(url: str) -> tuple[str, str]:
    """Scheme and host without case, path as it is; a query or fragment is the way to it, not its name."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise VerificationFailed(f"{url!r:.120} is no URL") from error
    return f"{parts.scheme}://{parts.netloc}".lower(), parts.path


# Step 10
def _status(work: _Work) -> str:
    """It was not revoked, as of the date of a status list."""
    entry = work.payload.get("credentialStatus")
    if entry is None:
        raise _Unknown("it names no status list")
    entries = entry if isinstance(entry, list) else [entry]
    if work.status_list is None:
        raise _Unknown("no status list given; fetch it from the address in the record, give it with --status")
    if work.jwks is None:
        raise _Unknown("a status list was given, but no keys to check it with")
    jws = parse_jws(work.status_list)
    key = fitting_key(jws, work.jwks)
    try:
        credential = loads(jws.payload, limit_bytes=LIMIT_JSON)
    except StrictJsonError as error:
        raise VerificationFailed(f"the status list is refused: {error}") from error
    if jws.header.get("typ") != "vc+jwt" or LIST_TYPE not in _types(credential):
        raise VerificationFailed(f"the status list is no vc+jwt of type {LIST_TYPE}")
    if _of(credential, "issuer") != _of(work.payload, "issuer") or revocation(key) is not None:
        raise VerificationFailed("the status list is not from the issuer of the record")
    as_of = data_model.moment(credential.get("validFrom"), "validFrom of the status list")
    if "validUntil" in credential and work.now >= data_model.moment(credential["validUntil"], "validUntil"):
        raise _Unknown(f"the status list is of {_day(as_of)} and has expired; fetch a newer one")
    if as_of > work.now + LEEWAY:
        raise VerificationFailed(f"the status list is of {_day(as_of)}, which is yet to come")
    for item in entries:
        if not isinstance(item, dict):
            raise VerificationFailed("credentialStatus is no object")
        if entry_is_set(item, credential):
            raise VerificationFailed(f"set for {item.get('statusPurpose')!r:.40} as of {_day(as_of)}")
    return f"not revoked as of {_day(as_of)}"


def _types(credential: Any) -> list[Any]:
    types = credential.get("type") if isinstance(credential, dict) else None
    return types if isinstance(types, list) else []


def _issued_at(work: _Work) -> datetime | None:
    """When it says that it was signed: our header, else RFC 7519's claim."""
    assert work.jws is not None
    for source in (work.jws.header, work.claims or work.payload):
        # Some write a text into `iat`; RFC 7519 has a number there, anything else is passed over.
        if isinstance(source.get("iat"), int):
            return _numeric(source, "iat")[0]
    return None


def _numeric(source: Mapping[str, Any], name: str) -> list[datetime]:
    """A NumericDate, as a list of one or none."""
    if name not in source:
        return []
    try:
        return [datetime.fromtimestamp(float(source[name]), UTC)]
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise VerificationFailed(f"{name} is {source[name]!r:.40}, which is no date in seconds") from error


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_STEPS: Final[tuple[Callable[[_Work], str], ...]] = (
    _signature,
    _disclosures,
    _validity,
    _issuer,
    _schema,
    _chain,
    _log,
    _timestamp,
    _subject,
    _status,
)


def fingerprint(data: bytes) -> str:
    """SHA-256 of the issuer-signed part in a file, in hex: what a registry or a letter would quote."""
    return hashlib.sha256(read_document(data).jwt).hexdigest()


__all__ = [
    "LINES",
    "REQUIRED",
    "Document",
    "Line",
    "Verdict",
    "fingerprint",
    "read_document",
    "read_keys",
    "verify",
    "verify_file",
    "verify_record",
]
