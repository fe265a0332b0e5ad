"""Tokens of other programs and of the RFCs: read as they are, accepted only when they are ES256."""

import json

import pytest

from passport.errors import VerificationFailed
from passport.signing.sign import parse_jws, verify_jws

COOKBOOK = [
    "jws-4_1.rsa_v15_signature",
    "jws-4_2.rsa-pss_signature",
    "jws-4_3.ecdsa_signature",
    "jws-4_4.hmac-sha2_integrity_protection",
]


@pytest.mark.parametrize("name", COOKBOOK)
def test_examples_of_rfc_7520_are_read_and_refused_for_their_algorithm(shared, name):
    example = json.loads(shared(f"vectors/jose/{name}.json").read_bytes())
    jws = parse_jws(example["output"]["compact"].encode())
    assert jws.payload.decode() == example["input"]["payload"]
    with pytest.raises(VerificationFailed, match="only ES256 is accepted"):
        verify_jws(jws, example["input"]["key"])


def test_a_detached_payload_is_another_payload(shared):
    example = json.loads(shared("vectors/jose/jws-4_5.signature_with_detached_content.json").read_bytes())
    assert parse_jws(example["output"]["compact"].encode()).payload == b""


def test_samples_of_another_library_are_read_and_refused_for_their_algorithm(shared):
    samples = json.loads(shared("vectors/jose/joserfc-jws_examples.json").read_bytes())
    compact = [sample["compact"] for sample in samples["tests"] if "compact" in sample]
    assert len(compact) == 6
    for token in compact:
        assert parse_jws(token.encode()).payload == b"hello"
        with pytest.raises(VerificationFailed, match="only ES256 is accepted"):
            verify_jws(parse_jws(token.encode()), {"kty": "EC", "crv": "P-256"})
