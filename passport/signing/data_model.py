"""Whether a document has the form its kind demands: ours, any W3C credential, or an SD-JWT VC.

For our own records everything is checked against the registry. For others only the data model is: what their
own vocabulary demands is theirs to say.

Source: W3C VC Data Model 2.0, section 4; draft-ietf-oauth-sd-jwt-vc section 3.2.2; docs/formats/record.md.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from passport.errors import VerificationFailed
from passport.signing.encode import CONTEXT_PATH, REGISTRY_PATH, SCHEMA_TYPE, TYPES, VC_CONTEXT
from schemas.record import stated_from_wire
from schemas.registries import known_versions, rows_by_record, rows_of
from schemas.terms import Disclosure, RecordKind

_KINDS: Final[Mapping[str, RecordKind]] = {name: kind for kind, name in TYPES.items()}
_REQUIRED: Final = frozenset(
    {
        "@context",
        "id",
        "type",
        "issuer",
        "validFrom",
        "credentialSchema",
        "recordVersion",
        "registryVersion",
        "credentialSubject",
    }
)
# What a record says of itself that is either true or not there.
_MARKS: Final = frozenset({"simulated", "voluntary"})
_OPTIONAL: Final = _MARKS | {
    "validUntil",
    "credentialStatus",
    "relatedResource",
    "incomplete",
    "corrects",
    "handovers",
}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+\Z")
_LANGUAGE_VALUE: Final = frozenset({"@value", "@language", "@direction"})
# W3C XML Schema dateTimeStamp: a date and time with its zone.
_MOMENT: Final = re.compile(
    r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
# Parts of a credential that must each say their type; those that must also have an id; an id is a URL anyway.
_TYPED: Final = ("credentialStatus", "credentialSchema", "termsOfUse", "evidence", "refreshService", "proof")
_IDENTIFIED: Final = ("credentialSchema", "relatedResource")


class UnknownRegistry(Exception):
    """The record speaks the words of a registry that this program does not know, such as a later one."""


def is_ours(claims: Mapping[str, Any]) -> bool:
    """Whether a credential says that it is one of our records."""
    types = claims.get("type")
    return isinstance(types, list) and any(isinstance(name, str) and name in _KINDS for name in types)


def kind_of(claims: Mapping[str, Any]) -> RecordKind:
    """Which of our records it is; ask `is_ours` first."""
    return next(_KINDS[name] for name in claims["type"] if isinstance(name, str) and name in _KINDS)


def moment(value: Any, name: str) -> datetime:
    """A time of a credential, aware.

    Raises:
        VerificationFailed: no dateTimeStamp, or a day that no calendar has.
    """
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise VerificationFailed(
            f"{name} is {value!r:.60}; expected a time with its zone, 2026-11-20T12:00:00Z"
        )
    try:
        # Python reads at most six digits of a second.
        return datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value))
    except ValueError as error:
        raise VerificationFailed(f"{name} is {value!r:.60}, which no calendar has") from error


def check_record(payload: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """What was found right about one of our records.

    Args:
        payload: the signed claims, with `_sd` and `_sd_alg`.
        claims: the same with the given disclosures in their places.

    Raises:
        VerificationFailed: something is missing, unknown, in the wrong class, or not as the registry says.
        UnknownRegistry: it speaks of another registry than the one here.
    """
    check_credential(claims)
    names = set(payload) - {"_sd_alg"}
    if missing := _REQUIRED - names:
        raise VerificationFailed(f"the record lacks {', '.join(sorted(missing))}")
    if unknown := names - _REQUIRED - _OPTIONAL:
        raise VerificationFailed(f"the record has unknown members: {', '.join(map(repr, sorted(unknown)))}")
    for name in _MARKS & names:
        if claims[name] is not True:
            raise VerificationFailed(f"{name} is {claims[name]!r:.60}; it is true or not there")
    if "incomplete" in names and not (isinstance(claims["incomplete"], str) and claims["incomplete"].strip()):
        raise VerificationFailed(f"incomplete is {claims['incomplete']!r:.60}; expected a reason in words")
    if "corrects" in names:
        _check_correction(claims["corrects"], claims["recordVersion"])
    kind = kind_of(claims)
    if claims["type"] != ["VerifiableCredential", TYPES[kind]]:
        raise VerificationFailed("a record has exactly two types, VerifiableCredential first")
    context = claims["@context"]
    if not (isinstance(context, list) and len(context) == 2 and str(context[1]).endswith(CONTEXT_PATH)):
        raise VerificationFailed(f"a record has two contexts, the second ending in {CONTEXT_PATH}")
    version, registry = claims["recordVersion"], claims["registryVersion"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise VerificationFailed(f"recordVersion is {version!r:.60}; versions are counted from 1")
    schema, subject = claims["credentialSchema"], claims["credentialSubject"]
    if not isinstance(schema, dict) or not isinstance(subject, dict) or "id" not in subject:
        raise VerificationFailed("a record has one schema, and one subject with an id")
    if schema.get("type") != SCHEMA_TYPE or not str(schema.get("id")).endswith(f"{REGISTRY_PATH}{registry}"):
        raise VerificationFailed("credentialSchema and registryVersion name different registries")
    if not isinstance(registry, str) or registry not in known_versions():
        raise UnknownRegistry(
            f"it uses registry {registry!r:.40}; this program knows {', '.join(known_versions())}"
        )
    return _check_attributes(kind, registry, payload, claims)


def _check_correction(told: Any, version: Any) -> None:
    """What the operator says was wrong with the version before."""
    if not (
        isinstance(told, dict)
        and told.keys() == {"recordVersion", "reason"}
        and isinstance(told["reason"], str)
        and told["reason"].strip()
    ):
        raise VerificationFailed(f"corrects is {told!r:.60}; expected a recordVersion and a reason in words")
    if not isinstance(version, int) or told["recordVersion"] != version - 1:
        raise VerificationFailed(f"it corrects version {told['recordVersion']!r:.20}, not the one before it")


def _check_attributes(
    kind: RecordKind, registry: str, payload: Mapping[str, Any], claims: Mapping[str, Any]
) -> str:
    """Every attribute in its class and of its form; the number of digests as its own registry has it."""
    rows = {row.id: row for row in rows_by_record(registry, kind)}
    public = {name for name, row in rows.items() if row.disclosure is Disclosure.PUBLIC}
    clear = payload["credentialSubject"]
    stated = {name: value for name, value in claims["credentialSubject"].items() if name != "id"}
    for name, wire in stated.items():
        row = rows.get(name)
        if row is None:
            known = rows_of(registry).get(name)
            elsewhere = f"; it belongs to the {known.record} record" if known is not None else ""
            raise VerificationFailed(f"{name!r:.60} is no attribute of a {kind} record{elsewhere}")
        if (name in clear) != (name in public):
            raise VerificationFailed(f"{name} stands in the wrong place: its class is {row.disclosure}")
        try:
            stated_from_wire(row, wire)
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise VerificationFailed(f"not as the registry says: {error}") from error
    if missing := public - stated.keys():
        raise VerificationFailed(f"public attributes are missing: {', '.join(sorted(missing))}")
    digests = clear.get("_sd", [])
    if len(digests) != len(rows) - len(public):
        raise VerificationFailed(f"{len(digests)} digests came, registry has {len(rows) - len(public)}")
    disclosed = len(stated) - len(public)
    return (
        f"{len(public)} public attributes and {disclosed} of {len(digests)} restricted ones are as"
        f" registry {registry} has them"
    )


def check_credential(claims: Mapping[str, Any]) -> None:
    """Nothing, when the claims have the form of a W3C credential.

    Raises:
        VerificationFailed: the first thing that is not.
    """
    _check_context(claims.get("@context"))
    _check_types(claims.get("type"))
    _check_identified("issuer", claims.get("issuer"), required=True)
    if "id" in claims:
        _check_url("id", claims["id"])
    for name in ("validFrom", "validUntil"):
        if name in claims:
            moment(claims[name], name)
    subjects = _each(claims.get("credentialSubject"))
    if not subjects or not all(isinstance(subject, dict) and subject for subject in subjects):
        raise VerificationFailed("credentialSubject says nothing of anybody")
    for subject in subjects:
        if "id" in subject:
            _check_url("credentialSubject.id", subject["id"])
    for name in {*_TYPED, *_IDENTIFIED} & claims.keys():
        _check_part(name, claims[name])
    for name in ("name", "description"):
        _check_language(name, claims.get(name))
        if isinstance(claims.get("issuer"), dict):
            _check_language(f"issuer.{name}", claims["issuer"].get(name))


def check_sd_jwt_vc(claims: Mapping[str, Any]) -> None:
    """Nothing, when the claims have the form of an SD-JWT VC.

    Raises:
        VerificationFailed: it names no type.
    """
    if not isinstance(claims.get("vct"), str) or not claims["vct"]:
        raise VerificationFailed("an SD-JWT VC names its type in `vct`")


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _check_context(context: Any) -> None:
    entries = _each(context)
    if not entries or entries[0] != VC_CONTEXT:
        raise VerificationFailed(f"the first @context is {VC_CONTEXT}")
    terms: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, str):
            _check_url("@context", entry)
        elif isinstance(entry, dict):
            _check_terms(entry, terms)
        else:
            raise VerificationFailed("a @context is a URL or an object")


def _check_terms(entry: Mapping[str, Any], terms: dict[str, Any]) -> None:
    """JSON-LD 1.1, 4.1.11: a protected term is not given another meaning."""
    for term, meaning in entry.items():
        if term in terms and terms[term] != meaning:
            raise VerificationFailed(f"@context gives the protected term {term!r:.60} another meaning")
    if entry.get("@protected") is True:
        terms.update({term: meaning for term, meaning in entry.items() if not term.startswith("@")})


def _check_types(types: Any) -> None:
    names = _each(types)
    if not all(isinstance(name, str) for name in names) or "VerifiableCredential" not in names:
        raise VerificationFailed("type does not contain VerifiableCredential")


def _check_part(name: str, value: Any) -> None:
    for part in _each(value):
        if not isinstance(part, dict):
            raise VerificationFailed(f"{name} is no object")
        kinds = _each(part.get("type"))
        if name in _TYPED and not (kinds and all(isinstance(kind, str) for kind in kinds)):
            raise VerificationFailed(f"{name} does not say its type")
        if name in _IDENTIFIED and "id" not in part:
            raise VerificationFailed(f"{name} has no id")
        if "id" in part:
            _check_url(f"{name}.id", part["id"])


def _check_identified(name: str, value: Any, *, required: bool) -> None:
    """A URL, or an object that has one."""
    if value is None and not required:
        return
    _check_url(name, value.get("id") if isinstance(value, dict) else value)


def _check_url(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _SCHEME.match(value):
        raise VerificationFailed(f"{name} is {value!r:.60}; expected a URL")
    try:
        urlsplit(value)
    except ValueError as error:
        raise VerificationFailed(f"{name} is {value!r:.60}; expected a URL") from error


def _check_language(name: str, value: Any) -> None:
    """Text, or text with its language and direction and nothing else."""
    for item in _each(value):
        if isinstance(item, str):
            continue
        if not isinstance(item, dict) or not isinstance(item.get("@value"), str):
            raise VerificationFailed(f"{name} is no text")
        if extra := set(item) - _LANGUAGE_VALUE:
            raise VerificationFailed(
                f"{name} has more than a text, its language and direction: {sorted(extra)}"
            )
