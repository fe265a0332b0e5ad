"""Whether a proof of registration speaks of the bytes that are stored here: yes, no or unknown.

A proof holds a hash of the registered version (Implementing Regulation (EU) 2026/1778 Art. 9). Neither its
form nor the algorithm, nor which bytes are hashed, is published. So every digest in it is compared with every
form in which a version leaves this service; one that fits is a yes. One that does not fit proves nothing,
unless the operator has said which form the registry hashes (`[registry] hashed_form`) or the proof names
another registration or another battery.

The registry's signature on a proof is not checked: no key for it is published.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from passport.ledger.registrations import Registration
from passport.ledger.versions import Version
from passport.signing import base64url
from passport.union_registry import wire
from schemas import strict_json

_ALGORITHMS: Final = ("sha256", "sha384", "sha512")
_LENGTHS: Final = frozenset(hashlib.new(name).digest_size for name in _ALGORITHMS)
_HASH_MEMBER: Final = re.compile(r"hash|digest|checksum|sha[-_]?\d", re.IGNORECASE)
_PREFIX: Final = re.compile(r"(?:urn:)?(?:sha[-_]?\d{3})[:=-]", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_JWS: Final = re.compile(rb"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*(?:~.*)?", re.DOTALL)
_LIMIT: Final = 1_048_576


@unique
class Match(StrEnum):
    """Whether a proof fits the stored record."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        sentence: why, for people.
        version: number of the version that the proof fits; None unless it fits one.
    """

    match: Match
    sentence: str
    version: int | None = None


def compare(
    content: bytes,
    registration: Registration,
    versions: Sequence[Version],
    *,
    product: str,
    hashed_form: str | None = None,
) -> Comparison:
    """Whether the proof speaks of a stored version of the registered battery.

    Args:
        content: the proof as it came.
        registration: what is known here of the registration.
        versions: every passport version of the battery.
        product: the battery's identifier as it was sent.
        hashed_form: which bytes the registry hashes, as the operator knows it; None: not known.
    """
    document = _document(content)
    if document is not None and (other := _speaks_of_another(document, registration, product)):
        return Comparison(Match.NO, other)
    known = {
        digest: (version.version, form, algorithm)
        for version in versions
        for form, data in forms(version).items()
        if hashed_form in {None, form}
        for algorithm in _ALGORITHMS
        for digest in [hashlib.new(algorithm, data).digest()]
    }
    named = _digests(document) if document is not None else None
    fitting = (
        [digest for digest in known if digest in named] if named is not None else _inside(content, known)
    )
    if fitting:
        number, form, algorithm = known[max(fitting, key=lambda digest: known[digest][0])]
        words = f"it holds the {algorithm} of version {number} ({form.replace('_', ' ')})"
        return Comparison(Match.YES, words, number)
    if named and hashed_form is not None:
        return Comparison(
            Match.NO,
            f"its hash is that of no stored version ({hashed_form.replace('_', ' ')}) of the battery",
        )
    if named:
        return Comparison(
            Match.UNKNOWN,
            "its hash is of bytes that are not known here: which form of a passport the registry hashes is"
            " not published ([registry] hashed_form)",
        )
    return Comparison(Match.UNKNOWN, "it holds no hash that can be read, so it cannot be compared")


def forms(version: Version) -> dict[str, bytes]:
    """The bytes in which a version leaves this service, by the name that `hashed_form` gives them."""
    return {
        "signed_part": version.jwt,
        "served_record": version.jwt + b"~",
        "claims": base64url.decode(version.jwt.split(b".")[1].decode("ascii")),
    }


def _document(content: bytes) -> Any:
    """The JSON value that a proof is, or that its signed form carries; None when it is something else."""
    text = content.strip()
    if (signed := _JWS.fullmatch(text)) is not None:
        try:
            text = base64url.decode(signed[1].decode("ascii"))
        except ValueError:
            return None
    try:
        return strict_json.loads(text, limit_bytes=_LIMIT)
    except strict_json.StrictJsonError:
        return None


def _members(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, with the name of the member that holds it or its list."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [(str(key), below) for key, below in one.items()]
        elif isinstance(one, list):
            waiting += [(name, below) for below in one]
        elif isinstance(one, str):
            yield name, one


def _speaks_of_another(document: Any, registration: Registration, product: str) -> str | None:
    """In words, that the proof names another registration or battery; None when it does not."""
    named = list(_members(document))
    for members, ours, what in (
        (wire.REGISTRATION_MEMBERS, registration.registration_id, "registration"),
        ((wire.PRODUCT_MEMBER,), product, "battery"),
    ):
        said = {text for name, text in named if name in members}
        if said and ours not in said:
            return f"it speaks of another {what}: {min(said)[:120]!r}, not {ours!r}"
    return None


def _digests(document: Any) -> set[bytes]:
    """The digests that a JSON value names: under a member called so, or of a digest's length in hex."""
    found = set()
    for name, text in _members(document):
        bare = _PREFIX.sub("", text.strip())
        named = bool(_HASH_MEMBER.search(name)) or bare != text.strip()
        for digest in _decoded(bare, hexadecimal_alone=not named):
            if len(digest) in _LENGTHS:
                found.add(digest)
    return found


def _decoded(text: str, *, hexadecimal_alone: bool) -> Iterator[bytes]:
    if len(text) > 200:
        return
    if _HEX.fullmatch(text) and len(text) % 2 == 0:
        yield bytes.fromhex(text)
    if hexadecimal_alone:
        return
    try:
        yield base64.b64decode(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return


_TO_STANDARD: Final = str.maketrans("-_", "+/")


def _inside(content: bytes, known: Mapping[bytes, object]) -> list[bytes]:
    """Those of the digests that stand somewhere in the bytes, in hex or base64."""
    lower = content.lower()
    return [
        digest
        for digest in known
        if digest.hex().encode() in lower
        or base64.b64encode(digest).rstrip(b"=") in content
        or base64.urlsafe_b64encode(digest).rstrip(b"=") in content
    ]
