"""A payload with its header and signature: the compact JWS that is stored, logged and served.

One algorithm: ES256. The key decides it, the header only repeats it, and nothing inside a token ever chooses
a key or an algorithm. Why ES256: docs/decisions/0041.

ECDSA leaves the second valid signature (r, n - s) to whoever holds the first. It is accepted here, because
other programs make such signatures and RFC 7515 knows no low-s rule; it is another byte string, so its leaf
is not in the log, and the log step reports it.

Source: RFC 7515 (JWS) sections 4, 5 and 7.1; RFC 7518 section 3.4 (ES256); RFC 7638 (thumbprint).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from passport.errors import SignerUnavailable, VerificationFailed
from passport.signing import base64url
from passport.signing.encode import json_bytes
from passport.signing.signer import RecordSigner
from schemas.strict_json import StrictJsonError, loads_own

ALGORITHM: Final = "ES256"
RECORD_TYPE: Final = "vc+sd-jwt"
STATUS_LIST_TYPE: Final = "vc+jwt"
_COORDINATE_BYTES: Final = 32
_LIMIT_BYTES: Final = 4_194_304


@dataclass(frozen=True)
class Jws:
    """A compact JWS taken apart, not yet verified.

    Attributes:
        header: the protected header.
        payload: the bytes that were signed, decoded once from base64url.
        signing_input: what the signature is over, as it stands in the token.
        signature: r || s, 64 bytes.
    """

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes


def sign_record(
    payload: bytes, signer: RecordSigner, issued_at: datetime, *, typ: str = RECORD_TYPE
) -> bytes:
    """The compact JWS over a payload: the issuer-signed part of a record, in ASCII.

    Args:
        payload: exact bytes from `encode.unsigned`.
        signer: holds the operator's key.
        issued_at: aware; the header's `iat` in whole seconds, so that signing again gives the same bytes.
        typ: `vc+sd-jwt` for records, `vc+jwt` for what has no disclosures.

    Raises:
        SignerUnavailable: the signer did not answer, or refused.
    """
    signing_input = unsigned_jws(payload, kid=signer.kid, issued_at=issued_at, typ=typ)
    return signing_input + b"." + base64url.encode(signer.sign(signing_input)).encode()


def sign_records(
    payloads: Sequence[tuple[bytes, datetime]], signer: RecordSigner, *, typ: str = RECORD_TYPE
) -> list[bytes | SignerUnavailable]:
    """For each payload with its time of issue the same bytes as `sign_record`, or why there are none."""
    inputs = [
        unsigned_jws(payload, kid=signer.kid, issued_at=issued_at, typ=typ) for payload, issued_at in payloads
    ]
    return [
        signed
        if isinstance(signed, SignerUnavailable)
        else signing_input + b"." + base64url.encode(signed).encode()
        for signing_input, signed in zip(inputs, signer.sign_many(inputs), strict=True)
    ]


def unsigned_jws(payload: bytes, *, kid: str, issued_at: datetime, typ: str) -> bytes:
    """Header and payload as the signature covers them."""
    if issued_at.tzinfo is None:
        raise ValueError(f"a time of issue needs a zone, {issued_at.isoformat()} has none")
    header = {"alg": ALGORITHM, "iat": int(issued_at.timestamp()), "kid": kid, "typ": typ}
    return f"{base64url.encode(json_bytes(header))}.{base64url.encode(payload)}".encode()


def parse_jws(token: bytes) -> Jws:
    """The parts of a compact JWS.

    Raises:
        VerificationFailed: not three pieces of strict base64url around a strict JSON header.
    """
    pieces = token.split(b".")
    if len(pieces) != 3:
        raise VerificationFailed(f"a signed part is three pieces between two dots, {len(pieces)} came")
    decoded = []
    for name, piece in zip(("header", "payload", "signature"), pieces, strict=True):
        try:
            decoded.append(base64url.decode(piece.decode("ascii")))
        except ValueError as error:
            raise VerificationFailed(f"the {name} is not base64url: {_plain(error)}") from error
    header_bytes, payload, signature = decoded
    try:
        header = loads_own(header_bytes, limit_bytes=_LIMIT_BYTES)
    except StrictJsonError as error:
        raise VerificationFailed(f"the header is refused: {error}") from error
    if not isinstance(header, dict):
        raise VerificationFailed("the header is no JSON object")
    return Jws(header, payload, token.rpartition(b".")[0], signature)


def verify_jws(jws: Jws, jwk: Mapping[str, Any]) -> None:
    """Nothing, when the ES256 signature fits the key and the header claims nothing else.

    Raises:
        VerificationFailed: another algorithm, an extension we do not understand, a key that must not or
            cannot verify, a signature of another length, or one that does not fit.
    """
    algorithm = jws.header.get("alg")
    if algorithm != ALGORITHM:
        raise VerificationFailed(f"the header says alg {algorithm!r}; only {ALGORITHM} is accepted")
    # RFC 7515 4.1.11: a critical extension that is not understood makes the token invalid; RFC 7797: b64.
    for extension in ("crit", "b64"):
        if extension in jws.header:
            raise VerificationFailed(f"the header has {extension!r}, which nothing here understands")
    if len(jws.signature) != 2 * _COORDINATE_BYTES:
        raise VerificationFailed(f"an ES256 signature has 64 bytes, {len(jws.signature)} came")
    key = public_key(jwk)
    r = int.from_bytes(jws.signature[:_COORDINATE_BYTES])
    s = int.from_bytes(jws.signature[_COORDINATE_BYTES:])
    try:
        key.verify(encode_dss_signature(r, s), jws.signing_input, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise VerificationFailed("the signature does not fit the signed bytes and this key") from None


def public_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a JWK that may verify ES256.

    Raises:
        VerificationFailed: another type, curve, algorithm or purpose, or no point of the curve.
    """
    expected = {"kty": "EC", "crv": "P-256"}
    for name, value in expected.items():
        if jwk.get(name) != value:
            raise VerificationFailed(f"the key has {name} {jwk.get(name)!r}; {ALGORITHM} needs {value}")
    if jwk.get("alg", ALGORITHM) != ALGORITHM:
        raise VerificationFailed(f"the key is for {jwk['alg']!r}, not for {ALGORITHM}")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise VerificationFailed("the key is not meant for signatures (`use`, `key_ops`)")
    try:
        x, y = (base64url.decode(jwk[name]) for name in ("x", "y"))
        if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
            raise VerificationFailed(f"a coordinate of P-256 has 32 bytes, {len(x)} and {len(y)} came")
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
        return numbers.public_key()
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationFailed(f"the key is no point on P-256: {_plain(error)}") from error


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638 thumbprint of a P-256 key: the `kid` of all our records."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return base64url.encode(hashlib.sha256(json_bytes(members)).digest())


def _plain(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02x} at position {error.start}"
    return f"{error}" if str(error) else type(error).__name__
