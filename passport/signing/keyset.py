"""Published keys as a verifier is given them: which key, for whom, from when to when, revoked since when.

A key set is what somebody trusts; where it came from is for that person to judge. Accepted are a JWKS, a
single JWK, a list of JWKs, a DID document, and a trust bundle with several operators' keys. Beside the
members of RFC 7517 a key may carry, as in OpenID Federation 1.0 (historical keys), `iss`, `nbf`, `exp` and
`revoked: {"revoked_at": ..., "log_size": ...}`; the last number is ours: how many leaves the operator's log
had when the key was revoked.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from passport.errors import InputRefused, VerificationFailed
from passport.signing.sign import ALGORITHM, Jws, thumbprint, verify_jws
from schemas.strict_json import StrictJsonError, loads

MOST_KEYS: Final = 1_000
TRUST_FORMAT: Final = "cellpass-trust/1"


def read_keys(data: bytes) -> list[dict[str, Any]]:
    """The keys in a file that somebody trusts.

    Raises:
        InputRefused: not strict JSON, no keys, or a private key among them.
    """
    try:
        document = loads(data)
    except StrictJsonError as error:
        raise InputRefused(f"the key file is refused: {error}") from error
    keys = _keys(document)
    if not keys or len(keys) > MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise InputRefused("the key file holds no keys: expected a JWKS, a JWK or a DID document")
    if any("d" in key for key in keys):
        raise InputRefused("the key file holds a private key; verifying needs the public half alone")
    return keys


def read_log_keys(data: bytes) -> list[str]:
    """The log keys in a trust bundle; none in any other key file.

    Raises:
        InputRefused: not strict JSON.
    """
    try:
        document = loads(data)
    except StrictJsonError as error:
        raise InputRefused(f"the key file is refused: {error}") from error
    keys = [key for operator in _operators(document) for key in operator.get("log_keys", [])]
    return [key for key in keys if isinstance(key, str)]


def trust_bundle(operators: Sequence[tuple[str, str, Sequence[Mapping[str, Any]], Sequence[str]]]) -> bytes:
    """The public keys of several operators in one file, to be handed on by somebody who is trusted.

    Args:
        operators: per operator its DID, its name, its public keys and its log keys.
    """
    listed = [
        {"issuer": did, "name": name, "jwks": {"keys": [dict(key) for key in keys]}, "log_keys": list(logs)}
        for did, name, keys, logs in operators
    ]
    return (
        json.dumps({"format": TRUST_FORMAT, "operators": listed}, ensure_ascii=False, indent=1).encode()
        + b"\n"
    )


def _operators(document: Any) -> list[dict[str, Any]]:
    """The operators of a trust bundle; none in any other document."""
    if not isinstance(document, dict) or document.get("format") != TRUST_FORMAT:
        return []
    operators = document.get("operators")
    return [entry for entry in operators if isinstance(entry, dict)] if isinstance(operators, list) else []


def _keys(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return []
    if operators := _operators(document):
        # A key speaks for the operator under whose name it stands, whatever it says of itself.
        return [
            {**key, "iss": operator.get("issuer")} if isinstance(key, dict) else None
            for operator in operators
            for key in _keys(operator.get("jwks"))
        ]
    if isinstance(document.get("keys"), list):
        return list(document["keys"])
    if isinstance(document.get("verificationMethod"), list):
        return [_from_method(method, document.get("id")) for method in document["verificationMethod"]]
    if "publicKeyJwk" in document:
        return [_from_method(document, document.get("controller"))]
    return [document] if "kty" in document else []


def _from_method(method: Any, controller: Any) -> Any:
    """The key of a verification method, bound to whoever controls it."""
    if not isinstance(method, dict) or not isinstance(method.get("publicKeyJwk"), dict):
        return None
    return {"iss": controller, **method["publicKeyJwk"]}


def published(
    jwk: Mapping[str, Any],
    *,
    issuer_did: str,
    valid_from: datetime,
    valid_until: datetime | None = None,
    revoked_at: datetime | None = None,
    log_size: int | None = None,
) -> dict[str, Any]:
    """A public key as it stands in an operator's JWKS.

    Args:
        jwk: from `Signer.public_jwk`.
        issuer_did: whose records it signs.
        valid_from: when it began to sign.
        valid_until: when it was replaced; None while it signs.
        revoked_at: since when it must not be trusted; None when it was not revoked.
        log_size: leaves in the operator's log at that moment; records before it stay good.
    """
    key = {**jwk, "iss": issuer_did, "nbf": int(valid_from.timestamp())}
    if valid_until is not None:
        key["exp"] = int(valid_until.timestamp())
    if revoked_at is not None:
        key["revoked"] = {"revoked_at": int(revoked_at.timestamp())}
        if log_size is not None:
            key["revoked"]["log_size"] = log_size
    return key


def fitting_key(jws: Jws, keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The key that the signature was made with.

    The header's `kid` only chooses among the given keys; without one, or with one that none of them has, each
    is tried. Nothing in the token can bring a key of its own.

    Raises:
        VerificationFailed: no key fits.
    """
    kid = jws.header.get("kid")
    named = [key for key in keys if kid is not None and kid in (key.get("kid"), _thumbprint(key))]
    reason = "no keys were given"
    for key in named or keys:
        try:
            verify_jws(jws, key)
        except VerificationFailed as error:
            # With one candidate its own reason says most.
            reason = f"{error}"
        else:
            # A key without a name of its own cannot contradict the header.
            if kid is None or named or "kid" not in key:
                return key
            reason = f"the header names key {kid!r:.60}, another of the given keys fits"
    if not named and len(keys) > 1:
        reason = f"it fits none of the {len(keys)} given keys"
    elif not named and kid is not None and keys:
        reason = f"the given key is not {kid!r:.60}, and {reason}"
    raise VerificationFailed(reason)


def interval(key: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """From when to when a key signed; None where it does not say."""
    return _date(key.get("nbf"), "nbf"), _date(key.get("exp"), "exp")


def revocation(key: Mapping[str, Any]) -> tuple[datetime, int | None] | None:
    """Since when a key is revoked, and how long the log was then; None when it is not revoked."""
    revoked = key.get("revoked")
    if revoked is None:
        return None
    at = _date(revoked.get("revoked_at"), "revoked_at") if isinstance(revoked, dict) else None
    if at is None:
        raise VerificationFailed("the key is marked as revoked and does not say since when")
    size = revoked.get("log_size")
    return at, size if isinstance(size, int) and not isinstance(size, bool) else None


def names(key: Mapping[str, Any]) -> str:
    """How a key is called in a sentence."""
    return repr(key.get("kid") or _thumbprint(key) or ALGORITHM)[:60]


def _thumbprint(key: Mapping[str, Any]) -> str | None:
    try:
        return thumbprint(key)
    except (KeyError, TypeError):
        return None


def _date(value: Any, name: str) -> datetime | None:
    """A NumericDate of RFC 7519."""
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise VerificationFailed(f"{name} is {value!r:.40}, which is no date in seconds") from error
