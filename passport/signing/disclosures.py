"""A signed payload and some disclosures as the claims they stand for, by the rules of RFC 9901 section 7.1.

Whatever could let two readers see different claims is refused: a disclosure that nothing refers to, a digest
that stands twice, a claim that would replace another, names with a meaning of their own.
"""

from collections.abc import Sequence
from typing import Any, Final

from passport.errors import VerificationFailed
from passport.signing import base64url
from passport.signing.encode import disclosure_digest
from schemas.strict_json import StrictJsonError, loads

HASH_ALGORITHM: Final = "sha-256"
MOST_DISCLOSURES: Final = 10_000
# Disclosures may hold digests of further disclosures; nobody nests deeper than this in earnest.
DEEPEST: Final = 100
_LIMIT_BYTES: Final = 4_194_304


def disclose(payload: dict[str, Any], encoded: Sequence[str]) -> dict[str, Any]:
    """The claims with every given disclosure in its place, without `_sd`, `_sd_alg` and undisclosed elements.

    Args:
        payload: the signed claims as parsed.
        encoded: the disclosures of a view, as they stand between its tildes.

    Raises:
        VerificationFailed: another hash, or a disclosure that is malformed, double, or not referred to once.
    """
    algorithm = payload.get("_sd_alg", HASH_ALGORITHM)
    if algorithm != HASH_ALGORITHM:
        raise VerificationFailed(
            f"the digests are made with {algorithm!r:.60}; only {HASH_ALGORITHM} is accepted"
        )
    if len(encoded) > MOST_DISCLOSURES:
        raise VerificationFailed(f"{len(encoded)} disclosures came, at most {MOST_DISCLOSURES} are read")
    walk = _Walk({}, set(), set())
    for number, text in enumerate(encoded, start=1):
        digest, parts = _parse(number, text)
        if digest in walk.found:
            raise VerificationFailed(f"disclosure {number} stands twice")
        walk.found[digest] = (number, parts)
    claims: dict[str, Any] = walk.resolve({k: v for k, v in payload.items() if k != "_sd_alg"}, 0)
    for digest, (number, parts) in walk.found.items():
        if digest not in walk.used:
            name = f" of {parts[1]!r:.60}" if len(parts) == 3 else ""
            raise VerificationFailed(f"disclosure {number}{name} belongs to nothing that was signed")
    return claims


def _parse(number: int, text: str) -> tuple[str, list[Any]]:
    """Digest and content of one disclosure: salt and value, with the claim's name between them."""
    try:
        parts = loads(base64url.decode(text), limit_bytes=_LIMIT_BYTES)
    except StrictJsonError as error:
        raise VerificationFailed(f"disclosure {number} is refused: {error}") from error
    except ValueError as error:
        raise VerificationFailed(f"disclosure {number} is not base64url: {error}") from error
    if not isinstance(parts, list) or len(parts) not in (2, 3) or not isinstance(parts[0], str):
        raise VerificationFailed(f"disclosure {number} is no array of salt, name and value")
    if len(parts) == 3:
        if not isinstance(parts[1], str):
            raise VerificationFailed(f"disclosure {number} names its claim with something that is no text")
        if parts[1] in ("_sd", "..."):
            raise VerificationFailed(f"disclosure {number} discloses a claim named {parts[1]}")
    return disclosure_digest(text), parts


class _Walk:
    """One pass through the claims, which puts disclosures in their places."""

    def __init__(self, found: dict[str, tuple[int, list[Any]]], seen: set[str], used: set[str]) -> None:
        self.found = found
        self.seen = seen
        self.used = used

    def resolve(self, value: Any, depth: int) -> Any:
        """The value with its disclosures, itself and below."""
        if depth > DEEPEST:
            raise VerificationFailed(f"claims nest deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list):
            return self._array(value, depth)
        return value

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        if "..." in value:
            raise VerificationFailed("a claim is named `...`")
        claims = {name: self.resolve(inner, depth + 1) for name, inner in value.items() if name != "_sd"}
        digests = value.get("_sd", [])
        if not isinstance(digests, list):
            raise VerificationFailed("`_sd` is no array of digests")
        for digest in digests:
            parts = self._take(digest, 3)
            if parts is None:
                continue
            _, name, inner = parts
            if name in claims:
                raise VerificationFailed(f"the claim {name!r:.60} is disclosed beside one of the same name")
            claims[name] = self.resolve(inner, depth + 1)
        return claims

    def _array(self, value: list[Any], depth: int) -> list[Any]:
        elements = []
        for element in value:
            if not (isinstance(element, dict) and "..." in element):
                elements.append(self.resolve(element, depth + 1))
                continue
            if len(element) > 1:
                raise VerificationFailed("an element stands for a disclosure and has other claims too")
            parts = self._take(element["..."], 2)
            if parts is not None:
                elements.append(self.resolve(parts[1], depth + 1))
        return elements

    def _take(self, digest: Any, length: int) -> list[Any] | None:
        """What a digest stands for; None when it is not disclosed, or is a decoy."""
        if not isinstance(digest, str):
            raise VerificationFailed("a digest is no text")
        if digest in self.seen:
            raise VerificationFailed(f"the digest {digest!r:.60} stands twice")
        self.seen.add(digest)
        if digest not in self.found:
            return None
        number, parts = self.found[digest]
        if len(parts) != length:
            kind = "a claim" if length == 3 else "an array element"
            raise VerificationFailed(f"disclosure {number} stands where {kind} is expected")
        self.used.add(digest)
        return parts
