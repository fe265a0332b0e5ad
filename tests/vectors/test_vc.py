"""W3C test material: VC-JOSE-COSE tokens and VC data model 2.0 documents."""

import json
from datetime import UTC, datetime

import pytest

from passport.errors import VerificationFailed
from passport.signing import data_model, keyset, verify
from tests.data import shared_files

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DOCUMENTS = [path for path in shared_files("vectors/vcdm2/*.json") if path.name[:3] in ("cre", "iss")]


def test_the_es256_credential_of_vc_jose_cose_verifies(shared):
    token = shared("vectors/vc-jose-cose/input/credential-jose-minimal.txt").read_bytes()
    keys = keyset.read_keys(shared("vectors/vc-jose-cose/input/vm-p256.json").read_bytes())
    found = {line.name: line for line in verify.verify_file(token, jwks=keys, now=NOW)}
    for name in verify.REQUIRED:
        assert found[name].answer == "yes", found[name]
    assert "'https://example.issuer/vc-jose-cose'" in found["issuer"].reason
    assert "does not say whose key" not in found["issuer"].reason


OTHERS = {
    "credential-issuer-match-signed.txt": ("vm-ed25519.json", "'EdDSA'"),
    "credential-sdjwt-nested.txt": ("vm-p521.json", "'ES512'"),
    "credential-sdjwt-selective.txt": ("vm-p384.json", "'ES384'"),
    "presentation-jose-multiple.txt": ("vm-p384.json", "typ 'vp+jwt'"),
    "presentation-sdjwt-selective.txt": ("vm-p384.json", "typ 'vp+sd-jwt'"),
}


@pytest.mark.parametrize(("name", "key", "sentence"), [(name, *other) for name, other in OTHERS.items()])
def test_other_algorithms_and_presentations_are_refused_by_name(shared, name, key, sentence):
    token = shared(f"vectors/vc-jose-cose/input/{name}").read_bytes()
    keys = keyset.read_keys(shared(f"vectors/vc-jose-cose/input/{key}").read_bytes())
    line = verify.verify_file(token, jwks=keys, now=NOW)[0]
    assert line.answer == "no"
    assert sentence in line.reason


@pytest.mark.parametrize("path", DOCUMENTS or [None], ids=lambda path: path.name if path else "absent")
def test_credentials_of_the_data_model_suite_are_judged_as_their_names_say(path):
    if path is None:
        pytest.skip("no test data beside the project: vectors/vcdm2")
    text = path.read_text().replace("PAST DATE", "2020-01-01T00:00:00Z")
    document = json.loads(text.replace("FUTURE DATE", "2040-01-01T00:00:00Z"))
    # The suite leaves the issuer to the program under test, except where its absence is the case.
    if path.name != "credential-no-issuer-fail.json":
        document.setdefault("issuer", "https://issuer.example/1")
    if isinstance(document.get("issuer"), dict):
        document["issuer"].setdefault("id", "https://issuer.example/1")
    if path.name.endswith("-ok.json"):
        data_model.check_credential(document)
    else:
        with pytest.raises(VerificationFailed):
            data_model.check_credential(document)
