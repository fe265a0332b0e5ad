"""Other programs accept our records, and see in them what we see."""

import warnings
from datetime import UTC, datetime

import pytest
from openvc import P256SigningKey
from openvc.proof.sd_jwt import ProofError, SdJwtVcProofSuite

from passport.signing import encode, verify
from schemas.terms import RecordKind
from tests.passport.signing.records import ISSUER, NOW, Issuer, stated

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from jwcrypto.jwk import JWK
    from sd_jwt.verifier import SDJWTVerifier

VALUES = {
    RecordKind.PASSPORT: {
        "rated_capacity": stated("102", "Ah"),
        "manufacturer_name": stated("Möbius & Söhne 電池"),
    },
    RecordKind.CONDITION: {"full_cycles": stated("12.5", "cycles"), "temperature": stated("-3.1", "°C")},
    RecordKind.ASSESSMENT: {},
}


# The other program judges dates by the machine's clock and cannot be told another.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.mark.parametrize("kind", list(RecordKind))
@pytest.mark.parametrize("count", [0, 1, None], ids=["public", "one", "all"])
def test_openvc_accepts_our_record_and_reads_the_same(issuer, kind, count):
    jwt, made = issuer.issue(kind, VALUES[kind], simulated=True, valid_from=LONG_AGO)
    view = encode.view(jwt, [item.encoded for item in made.disclosures[:count]])
    other = SdJwtVcProofSuite().verify(view.decode(), public_key_jwk=issuer.signer.public_jwk)
    ours = verify.verify(view, jwks=issuer.jwks, now=NOW)
    assert other.issuer == ISSUER
    assert other.typ == "vc+sd-jwt"
    assert other.vcdm
    assert {
        name: value for name, value in other.claims.items() if name not in ("_sd_alg", "iss")
    } == ours.claims


@pytest.mark.parametrize("kind", list(RecordKind))
def test_sd_jwt_python_reads_the_same_payload(issuer, kind):
    jwt, made = issuer.issue(kind, VALUES[kind])
    view = encode.view(jwt, [item.encoded for item in made.disclosures])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        key = JWK(**{name: value for name, value in issuer.signer.public_jwk.items() if name != "use"})
        other = SDJWTVerifier(view.decode(), lambda *_: key).get_verified_payload()
    assert other == verify.verify(view, jwks=issuer.jwks, now=NOW).claims


def test_openvc_refuses_what_we_refuse(issuer):
    jwt, made = issuer.issue(valid_from=LONG_AGO)
    whole = encode.view(jwt, [item.encoded for item in made.disclosures])
    stranger = encode.disclosure("rated_capacity", "1", bytes(16)).encoded
    changed = bytearray(whole)
    changed[len(jwt) // 2] ^= 1
    for data in (
        bytes(changed),
        encode.view(jwt, [stranger]),
        encode.view(jwt, [made.disclosures[0].encoded] * 2),
        whole[:-1],
    ):
        with pytest.raises(ProofError):
            SdJwtVcProofSuite().verify(data.decode(), public_key_jwk=issuer.signer.public_jwk)
        assert not verify.verify(data, jwks=issuer.jwks, now=NOW).good()


FOREIGN = {"iss": "https://issuer.example", "model": "Example 48", "mass": 12.5}


def test_we_accept_the_sd_jwt_vc_of_another_program():
    key = P256SigningKey.generate(kid="https://issuer.example#key-1")
    token = SdJwtVcProofSuite().issue(
        FOREIGN, signing_key=key, disclosable=["model", "mass"], vct="urn:example:battery", decoys=3
    )
    unnamed = {**key.public_jwk(), "iss": "https://issuer.example"}
    # That program writes the machine's time into the token.
    now = datetime(2100, 1, 1, tzinfo=UTC)
    verdict = verify.verify(token.encode(), jwks=[unnamed], now=now)
    assert verdict.good(), verdict.lines
    assert verdict.claims["model"] == "Example 48"
    assert verify.verify(token.encode(), jwks=[{**unnamed, "kid": key.kid}], now=now).good()
    assert not verify.verify(token.encode(), jwks=[{**unnamed, "kid": "another"}], now=now).good()
    assert not verify.verify(token.encode(), jwks=[], now=now).good()
