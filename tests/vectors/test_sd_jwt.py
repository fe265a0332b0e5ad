"""RFC 9901: its complete example, and its test cases issued by another program and read by us."""

import warnings
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import yaml

from passport.signing import keyset, verify
from passport.signing.disclosures import disclose
from passport.signing.sign import parse_jws, verify_jws
from schemas.strict_json import loads
from tests.data import shared_files

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sd_jwt.common import SDObj
    from sd_jwt.issuer import SDJWTIssuer
    from sd_jwt.utils.yaml_specification import _yaml_load_specification

SPECIFICATIONS = [
    path
    for folder in ("testcases", "spec-examples")
    for path in shared_files(f"vectors/sd-jwt/{folder}/*.yml")
    if path.stem != "settings"
]
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def example(shared):
    token = shared("vectors/sd-jwt/rfc9901-a3-sd-jwt-vc.txt").read_bytes()
    return token, keyset.read_keys(shared("vectors/sd-jwt/rfc9901-a5-issuer-key.json").read_bytes())


def test_the_complete_example_of_the_rfc_verifies_until_it_expires(shared):
    token, keys = example(shared)
    verdict = verify.verify(token, jwks=keys, now=NOW)
    assert verdict.good()
    assert verdict.claims["given_name"] == "Erika"
    assert verdict.claims["address"]["locality"] == "Köln"
    assert verdict.claims["age_equal_or_over"]["65"] is False
    # exp 1883000000
    late = verify.verify(token, jwks=keys, now=datetime(2029, 9, 1, 23, 33, 20, tzinfo=UTC))
    assert [line.name for line in late.lines if line.answer == "no"] == ["validity"]


def test_every_view_of_the_example_verifies_and_one_swapped_disclosure_does_not(shared):
    token, keys = example(shared)
    jwt, *shown, _ = token.strip().split(b"~")
    # Later disclosures are inside the one of `address`; without it they belong to nothing.
    for count in range(4):
        assert verify.verify(b"~".join([jwt, *shown[:count], b""]), jwks=keys, now=NOW).good()
    stranger = b"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    swapped = verify.verify(b"~".join([jwt, shown[0], stranger, b""]), jwks=keys, now=NOW)
    assert [line.name for line in swapped.lines if line.answer == "no"] == ["disclosures"]


@pytest.mark.parametrize("path", SPECIFICATIONS or [None], ids=lambda path: path.stem if path else "absent")
def test_cases_of_the_specification_give_the_claims_they_were_made_from(path, shared):
    if path is None:
        pytest.skip("no test data beside the project: vectors/sd-jwt")
    with path.open() as file:
        case = _yaml_load_specification(file)
    settings = yaml.safe_load(shared("vectors/sd-jwt/testcases/settings.yml").read_text())
    key = settings["key_settings"]["issuer_keys"][0]
    claims = case["user_claims"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jwcrypto.jwk import JWK

        issued = SDJWTIssuer(claims, JWK(**key), add_decoy_claims=case.get("add_decoy_claims", False))
    jwt, *shown, end = issued.sd_jwt_issuance.split("~")
    assert end == ""
    jws = parse_jws(jwt.encode())
    verify_jws(jws, {name: key[name] for name in ("kty", "crv", "x", "y")})
    payload = loads(jws.payload)
    assert disclose(payload, shown) == plain(claims)
    if case.get("holder_disclosed_claims") == {} and "expect_verified_user_claims" in case:
        assert disclose(payload, []) == case["expect_verified_user_claims"]


def plain(value):
    """The claims as the issuer meant them, without the marks for what can be disclosed."""
    if isinstance(value, SDObj):
        return plain(value.value)
    if isinstance(value, dict):
        return {plain(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    # Numbers with a fraction are read as they are written, not as the nearest double.
    return Decimal(str(value)) if isinstance(value, float) else value
