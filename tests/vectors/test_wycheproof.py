"""Project Wycheproof: what ES256 must accept and what it must not; every other algorithm is refused.

For ES256 every label holds. Among the labels of other algorithms are quirks: 372 and 373 (HS256) are called
valid and contain a `?`, which is no base64url; 367 and 370 (HS256) are called invalid and are well formed;
347 and 351 say ES521. None of them concerns us: whatever is not ES256 is refused whatever its label.
"""

import json

from passport.errors import VerificationFailed
from passport.signing import base64url
from passport.signing.sign import Jws, parse_jws, verify_jws


def accepted(jws: Jws, jwk: dict) -> bool:
    try:
        verify_jws(jws, jwk)
    except VerificationFailed:
        return False
    return True


def test_every_p1363_signature_is_judged_as_labelled(shared):
    suite = json.loads(shared("vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json").read_bytes())
    judged = []
    for group in suite["testGroups"]:
        key = jwk_of(group["publicKey"])
        for case in group["tests"]:
            jws = Jws({"alg": "ES256"}, b"", bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            judged.append((case["tcId"], case["result"], "valid" if accepted(jws, key) else "invalid"))
    assert [case for case in judged if case[1] != case[2]] == []
    assert len(judged) == suite["numberOfTests"] == 262
    assert {label for _, label, _ in judged} == {"valid", "invalid"}


def jwk_of(key: dict) -> dict:
    """The suite writes coordinates with a leading zero where ASN.1 would, and without those that are zero."""
    x, y = (base64url.encode(int(key[name], 16).to_bytes(32)) for name in ("wx", "wy"))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def test_every_es256_token_is_judged_as_labelled_and_no_other_is_accepted(shared):
    suite = json.loads(shared("vectors/wycheproof/json_web_signature_test.json").read_bytes())
    wrong, ours, others = [], 0, 0
    for group in suite["testGroups"]:
        key = group.get("public") or group["private"]
        for case in group["tests"]:
            # Some tokens come as JSON serialization; a record is compact.
            text = case["jws"] if isinstance(case["jws"], str) else json.dumps(case["jws"])
            try:
                answer = accepted(parse_jws(text.encode()), key)
            except VerificationFailed:
                answer = False
            is_es256 = (key.get("kty"), key.get("crv"), key.get("alg")) == ("EC", "P-256", "ES256")
            ours, others = ours + is_es256, others + (not is_es256)
            if answer != (is_es256 and case["result"] == "valid"):
                wrong.append((case["tcId"], case["comment"], case["result"]))
    assert wrong == []
    assert (ours, others) == (39, 362)
