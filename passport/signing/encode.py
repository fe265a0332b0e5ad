"""A record as the exact bytes that get signed, and the views cut from it.

A record is a W3C Verifiable Credential (data model 2.0) secured as SD-JWT: public attributes stand in clear,
each restricted attribute is one salted disclosure that is handed out or held back after signing. The form is
described field by field in docs/formats/record.md.

What the form must not tell: the caller passes every restricted attribute of the kind, also those without a
value, so that the number of digests is constant per registry version; digests are sorted, so their position
tells nothing; salts are fresh per attribute and version; a list is one disclosure, its length stays inside.

Source: RFC 9901 (SD-JWT) sections 4 and 9; W3C VC Data Model 2.0; W3C Securing VCs using JOSE and COSE 3.2.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

import orjson

from passport.signing import base64url
from schemas.strict_json import has_small_integers_alone, loads_own
from schemas.terms import RecordKind

VC_CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
CONTEXT_PATH: Final = "/ns/cellpass/v1"
REGISTRY_PATH: Final = "/schemas/registry/"
SCHEMA_TYPE: Final = "CellpassRegistry"
TYPES: Final[Mapping[RecordKind, str]] = {
    RecordKind.PASSPORT: "BatteryPassport",
    RecordKind.CONDITION: "BatteryCondition",
    RecordKind.ASSESSMENT: "BatteryAssessment",
}
SALT_BYTES: Final = 16
# Names that mean something to SD-JWT or JSON-LD and can therefore name no attribute.
RESERVED: Final = frozenset({"_sd", "_sd_alg", "...", "id", "type"})
# Sorted names; what has no form in JSON is refused and not guessed.
_EXACT: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_ATTRIBUTE_NAME: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
# Scheme and host of what is signed are lower case; the QR writes them in upper case.
_SIGNED_URL: Final = re.compile(r"https?://[^/A-Z?#\s]+(/[^?#\s]*)?\Z")


class Disclosure(NamedTuple):
    """One restricted attribute, ready to be handed out.

    Attributes:
        attribute: id of the attribute.
        encoded: base64url of `[salt, name, value]`, as it stands in a view.
        digest: base64url of the SHA-256 of `encoded`, as it stands in `_sd`.
    """

    attribute: str
    encoded: str
    digest: str


class Related(NamedTuple):
    """Another battery's record that this one quotes, because the one battery goes on as the other.

    Attributes:
        relation: what the other battery is: `predecessor` or `successor`.
        url: where its record is served.
        sri: digest of the record's signed part, as `digest_sri` writes it.
    """

    relation: str
    url: str
    sri: str


RELATIONS: Final = ("predecessor", "successor")


@dataclass(frozen=True)
class Unsigned:
    """What step "intent" of issuing stores: the payload to be signed and the disclosures it commits to."""

    payload: bytes
    disclosures: tuple[Disclosure, ...]


def unsigned(
    *,
    record_url: str,
    issuer_did: str,
    identifier_url: str,
    kind: RecordKind,
    version: int,
    valid_from: datetime,
    valid_until: datetime | None = None,
    public: Mapping[str, Any],
    disclosures: Sequence[Disclosure],
    registry_version: str,
    public_url: str,
    previous: tuple[str, bytes] | None,
    status: Mapping[str, Any] | None,
    simulated: bool,
    voluntary: bool,
    incomplete: str | None,
    related: Sequence[Related] = (),
    correction: str | None = None,
    handovers: Sequence[tuple[bytes, bytes]] = (),
) -> Unsigned:
    """The payload of one version and the disclosures that it commits to.

    Args:
        record_url: where this version is served; becomes the credential's id.
        issuer_did: `did:web` of the operator who answers for it.
        identifier_url: what the QR on the battery says, scheme and host in lower case.
        kind: which of the three records it is.
        version: from 1, without gaps, per battery and kind.
        valid_from: aware; written in UTC.
        valid_until: assessments expire; None for the other kinds.
        public: attribute id to stated value on the wire, in clear.
        disclosures: of everything restricted, from `disclose`.
        registry_version: the registry in whose words the attributes are meant.
        public_url: base of our own context and schema addresses.
        previous: URL and SHA-256 (32 bytes) of the signed part of the version before; None for version 1.
        status: a `BitstringStatusListEntry`; None where nothing can be revoked.
        simulated: True writes it into the record; False writes nothing.
        voluntary: no passport is owed for this battery; True writes it into the record, False writes nothing.
        incomplete: why the operator issues although something owed is missing, in the operator's words; None
            when nothing is.
        related: records of the batteries that this one came from or goes on as.
        correction: why the version before is corrected by this one, in the operator's words; None where this
            one only tells what is new.
        handovers: offers and acceptances by which responsibility came here from the issuer of the version
            before; empty where that one has the same issuer.

    Raises:
        TypeError: a float or another type that JSON has no exact form for.
        ValueError: a name, URL or version that cannot be signed; the sentence names it.
    """
    _check_arguments(record_url, identifier_url, public_url, version, previous)
    if incomplete is not None and not incomplete.strip():
        raise ValueError("an incomplete record says why, in words")
    if correction is not None and (previous is None or not correction.strip()):
        raise ValueError("a correction says why, in words, and has a version before it")
    both = public.keys() & {item.attribute for item in disclosures}
    if both:
        raise ValueError(f"public and restricted at once: {', '.join(sorted(both))}")
    for name in public:
        _check_name(name)
    digests = sorted(item.digest for item in disclosures)
    if len(set(digests)) != len(digests):
        raise ValueError("two disclosures have the same digest; the source of salts repeats itself")
    subject: dict[str, Any] = {"id": identifier_url, **public}
    if digests:
        subject["_sd"] = digests
    payload: dict[str, Any] = {
        "@context": [VC_CONTEXT, public_url + CONTEXT_PATH],
        "id": record_url,
        "type": ["VerifiableCredential", TYPES[kind]],
        "issuer": issuer_did,
        "validFrom": iso(valid_from),
        "credentialSchema": {"id": public_url + REGISTRY_PATH + registry_version, "type": SCHEMA_TYPE},
        "recordVersion": version,
        "registryVersion": registry_version,
        "credentialSubject": subject,
        "_sd_alg": "sha-256",
    }
    if valid_until is not None:
        payload["validUntil"] = iso(valid_until)
    if status is not None:
        payload["credentialStatus"] = dict(status)
    quoted = [{"id": previous[0], "digestSRI": _sri(previous[1])}] if previous is not None else []
    quoted += [{"id": one.url, "digestSRI": one.sri, "relation": one.relation} for one in related]
    if quoted:
        payload["relatedResource"] = quoted
    if handovers:
        payload["handovers"] = [
            {"offer": offer.decode("ascii"), "acceptance": acceptance.decode("ascii")}
            for offer, acceptance in handovers
        ]
    if correction is not None:
        payload["corrects"] = {"recordVersion": version - 1, "reason": correction}
    if simulated:
        payload["simulated"] = True
    if voluntary:
        payload["voluntary"] = True
    if incomplete is not None:
        payload["incomplete"] = incomplete
    return Unsigned(json_bytes(payload), tuple(disclosures))


def disclose(restricted: Mapping[str, Any], salt: Callable[[], bytes]) -> tuple[Disclosure, ...]:
    """One disclosure for each restricted attribute, in the order of their names.

    Args:
        restricted: attribute id to stated value on the wire; pass every restricted attribute of the kind,
            those without a value as `{"absent": ...}`, or the number of digests tells what is missing.
        salt: gives 16 fresh random bytes per call.

    Raises:
        TypeError: a float or another type that JSON has no exact form for.
        ValueError: a name or salt that cannot be used; the sentence names it.
    """
    for name in restricted:
        _check_name(name)
    return tuple(disclosure(name, restricted[name], salt()) for name in sorted(restricted))


def disclosure(attribute: str, value: Any, salt: bytes) -> Disclosure:
    """The disclosure of one attribute under a salt of 16 bytes.

    >>> disclosure("family_name", "Möbius", bytes.fromhex("ea2f2fb1aa04b3f3f9d4a0f6c8e5c3ad")).attribute
    'family_name'

    Raises:
        ValueError: the salt is not 128 bits long.
        TypeError: a float in the value.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, {len(salt)} came")
    absence = value.get("absent") if isinstance(value, dict) and len(value) == 1 else None
    named = _named_absence(attribute, absence) if isinstance(absence, str) else _named(attribute, value)
    encoded = base64url.encode_bytes(b'["' + base64url.encode_bytes(salt) + named)
    digest = base64url.encode_bytes(hashlib.sha256(encoded).digest())
    return Disclosure(attribute, encoded.decode(), digest.decode())


def _named(attribute: str, value: Any) -> bytes:
    """How `[salt, attribute, value]` goes on after the salt."""
    return b'",' + json_bytes([attribute, value])[1:]


@lru_cache(maxsize=4096)
def _named_absence(attribute: str, word: str) -> bytes:
    """The same for what nearly every record says of nearly every restricted row."""
    return _named(attribute, {"absent": word})


def disclosure_digest(encoded: str) -> str:
    """What stands in `_sd` for a disclosure: the digest of its characters, not of what they encode."""
    return base64url.encode(hashlib.sha256(encoded.encode("ascii")).digest())


def disclosed(encoded: str) -> tuple[str, Any]:
    """Attribute id and value of a disclosure of ours.

    Raises:
        ValueError: not base64url of `[salt, name, value]` in strict JSON.
    """
    parts = loads_own(base64url.decode(encoded))
    if not (
        isinstance(parts, list)
        and len(parts) == 3
        and isinstance(parts[0], str)
        and isinstance(parts[1], str)
    ):
        raise ValueError("a disclosure of an attribute is an array of salt, name and value")
    return parts[1], parts[2]


def view(jwt: bytes, disclosures: Iterable[str]) -> bytes:
    """The signed part followed by the given disclosures: what one audience gets.

    >>> view(b"a.b.c", ["d", "e"])
    b'a.b.c~d~e~'
    """
    return b"~".join([jwt, *(encoded.encode("ascii") for encoded in disclosures), b""])


def jwt_sha256(jwt: bytes) -> str:
    """SHA-256 of the issuer-signed part in hex: the one stable digest of a version."""
    return hashlib.sha256(jwt).hexdigest()


def digest_sri(jwt: bytes) -> str:
    """The same digest as the next version quotes it, `sha256-` and base64 (W3C Subresource Integrity)."""
    return _sri(hashlib.sha256(jwt).digest())


def context_document() -> bytes:
    """The JSON-LD context that defines our terms, as it is served under `CONTEXT_PATH`."""
    return (resources.files("passport.signing") / "context.json").read_bytes()


def iso(moment: datetime) -> str:
    """An aware time in UTC as it is signed, with milliseconds only where there are any.

    >>> iso(datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC))
    '2026-11-20T12:00:00.250Z'
    """
    if moment.tzinfo is None:
        raise ValueError(f"a signed time needs a zone, {moment.isoformat()} has none")
    precision = "milliseconds" if moment.microsecond // 1000 else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def json_bytes(value: Any) -> bytes:
    """Compact JSON in UTF-8 with sorted names: written once, then the bytes are the record.

    Raises:
        TypeError: a float or Decimal; decimals are signed as strings.
        ValueError: text with half a surrogate pair.
    """
    try:
        text = orjson.dumps(value, option=_EXACT)
    except TypeError:
        return _careful_bytes(value)
    # The fast writer knows binary floats, and writes one that is no number as null.
    if b"null" in text or not has_small_integers_alone(text):
        return _careful_bytes(value)
    return text


def _careful_bytes(value: Any) -> bytes:
    """The same bytes, after every value was looked at; this is where refusals get their sentence."""
    _check_exact(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a surrogate pair cannot be signed: {error.object[error.start]!r}") from error


def _check_exact(value: Any) -> None:
    """Refuse whatever two programs could write or read differently."""
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise TypeError(f"a name is text, {name!r} came")
            _check_exact(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_exact(inner)
    else:
        raise TypeError(f"{value!r} is a {type(value).__name__}; what is signed has decimals as strings")


@lru_cache(maxsize=1024)
def _check_name(name: str) -> None:
    if name in RESERVED or not _ATTRIBUTE_NAME.match(name):
        raise ValueError(
            f"{name!r} cannot name an attribute: expected lower-case letters, digits and _, not reserved"
        )


def _check_arguments(
    record_url: str, identifier_url: str, public_url: str, version: int, previous: tuple[str, bytes] | None
) -> None:
    for url in (record_url, identifier_url, public_url):
        if not _SIGNED_URL.match(url):
            raise ValueError(
                f"{url!r} cannot be signed: expected http(s) with the host in lower case, no query"
            )
    if public_url.endswith("/"):
        raise ValueError(f"the public URL ends without a slash, {public_url!r} came")
    if version < 1 or (version == 1) != (previous is None):
        raise ValueError(f"version {version} with{'out' if previous is None else ''} a predecessor")


def _sri(digest: bytes) -> str:
    if len(digest) != 32:
        raise ValueError(f"a SHA-256 has 32 bytes, {len(digest)} came")
    return "sha256-" + base64.b64encode(digest).decode()
