"""Statements: what is signed besides records and status lists, such as which device speaks for what.

A statement is a compact JWS (ES256) over strict JSON with three members in common: `type`, one of `KINDS`;
`issuer`, the DID of the operator or inspector; `issuedAt`, UTC. The rest belongs to its kind. A verifier
wants the kind it asks for, the issuer it expects and a key of that issuer, so that no statement passes for
another, or for a record.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from passport.errors import VerificationFailed
from passport.signing.encode import json_bytes
from passport.signing.sign import parse_jws, sign_record, verify_jws
from passport.signing.signer import RecordSigner
from schemas.strict_json import StrictJsonError, loads_own
from schemas.values import plain, utc_text

STATEMENT_TYPE: Final = "cellpass-statement+jwt"
COMMISSIONING: Final = "Commissioning"
OFFER: Final = "HandoverOffer"
ACCEPTANCE: Final = "HandoverAcceptance"
WITHDRAWAL: Final = "HandoverWithdrawal"
INSPECTION: Final = "Inspection"
KINDS: Final = frozenset({COMMISSIONING, OFFER, ACCEPTANCE, WITHDRAWAL, INSPECTION})
_COMMON: Final = frozenset({"type", "issuer", "issuedAt"})


def sign_statement(
    kind: str, content: Mapping[str, Any], *, issuer_did: str, signer: RecordSigner, at: datetime
) -> bytes:
    """The signed statement; the same content and moment give the same bytes.

    Raises:
        SignerUnavailable: the signer did not answer, or refused.
    """
    if kind not in KINDS or _COMMON & content.keys():
        raise ValueError(f"a statement is one of {', '.join(sorted(KINDS))} and names its own members")
    payload = {**content, "type": kind, "issuer": issuer_did, "issuedAt": utc_text(at)}
    return sign_record(json_bytes(plain(payload)), signer, at, typ=STATEMENT_TYPE)


def read_statement(
    token: bytes, kind: str, *, issuer_did: str, keys: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the statement says, once its signature, kind and issuer are proven.

    Args:
        token: the compact JWS.
        kind: which statement is asked for.
        issuer_did: who must have signed it.
        keys: that issuer's public keys, retired ones too.

    Raises:
        VerificationFailed: another kind or issuer, no such key, or a signature that does not fit.
    """
    jws = parse_jws(token)
    if jws.header.get("typ") != STATEMENT_TYPE:
        raise VerificationFailed(f"typ is {jws.header.get('typ')!r}; a statement has {STATEMENT_TYPE}")
    key = next((key for key in keys if key.get("kid") == jws.header.get("kid")), None)
    if key is None:
        raise VerificationFailed(f"{issuer_did} has no key {str(jws.header.get('kid'))[:60]!r}")
    verify_jws(jws, key)
    try:
        content = loads_own(jws.payload)
    except StrictJsonError as error:
        raise VerificationFailed(f"the statement is refused: {error}") from error
    if not isinstance(content, dict) or content.get("type") != kind:
        raise VerificationFailed(f"expected a statement of type {kind}")
    if content.get("issuer") != issuer_did:
        raise VerificationFailed(f"expected a statement of {issuer_did}, it is of {content.get('issuer')!r}")
    return content
