import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from passport.errors import InputRefused, VerificationFailed
from passport.signing import base64url, encode, keyset, log, status, verify
from passport.signing.bundle import bundle
from passport.signing.sign import sign_record
from schemas.registry import REGISTRY_VERSION
from schemas.terms import RecordKind
from tests.passport.signing.records import (
    IDENTIFIER,
    ISSUED,
    ISSUER,
    NOW,
    ORIGIN,
    PUBLIC_URL,
    Issuer,
    halves,
    stated,
    unsigned,
)

LIST_URL = f"{PUBLIC_URL}/o/example-batteries/status/1"


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


def lines(data, issuer, **arguments):
    given = {"jwks": issuer.jwks, "now": NOW, **arguments}
    return {line.name: line for line in verify.verify_file(data, **given)}


def answers(found):
    return {name: line.answer for name, line in found.items()}


GOOD = {
    "signature": "yes",
    "disclosures": "yes",
    "validity": "yes",
    "issuer": "yes",
    "schema": "yes",
    "chain": "yes",
    "log": "unknown",
    "timestamp": "unknown",
    "subject": "unknown",
    "status": "unknown",
}


def test_a_record_alone_with_the_keys_says_yes_to_what_is_required(issuer):
    jwt, made = issuer.issue(values={"rated_capacity": stated("102", "Ah")})
    found = lines(encode.view(jwt, [item.encoded for item in made.disclosures]), issuer)
    assert answers(found) == GOOD
    assert found["disclosures"].reason == "all 30 belong to the signed part"
    assert (
        found["schema"].reason == "104 public attributes and 30 of 30 restricted ones are as registry"
        f" {REGISTRY_VERSION} has them"
    )
    assert found["chain"].reason == "the first version"


def test_every_view_of_one_signature_verifies(issuer):
    jwt, made = issuer.issue(RecordKind.CONDITION, {"full_cycles": stated("12.5", "cycles")})
    for count in (0, 1, 7, len(made.disclosures)):
        found = lines(encode.view(jwt, [item.encoded for item in made.disclosures[:count]]), issuer)
        assert answers(found) == GOOD


def test_a_bundle_with_all_keys_answers_everything_but_the_time_stamp(issuer):
    first, _ = issuer.issue(status=status.status_entry(LIST_URL, 94_567))
    second, made = issuer.issue(status=status.status_entry(LIST_URL, 94_568))
    issuer.issue()
    payload = status.list_payload(
        list_url=LIST_URL,
        issuer_did=ISSUER,
        valid_from=ISSUED,
        valid_until=ISSUED + timedelta(days=7),
        bits=status.bitstring([94_567]),
    )
    status_list = sign_record(payload, issuer.signer, ISSUED, typ="vc+jwt")
    data = issuer.bundle(second, made.disclosures, previous=[first], status_list=status_list)
    qr = IDENTIFIER.replace(PUBLIC_URL, PUBLIC_URL.upper())
    found = lines(data, issuer, log_keys=[issuer.log_key], subject=qr)
    assert answers(found) == {
        **GOOD,
        "chain": "yes",
        "log": "yes",
        "timestamp": "unknown",
        "subject": "yes",
        "status": "yes",
    }
    assert found["chain"].reason == "version 2 and the 1 before it, back to the first"
    assert found["log"].reason == f"entry 1 of 3 in {ORIGIN}"
    assert found["status"].reason == "not revoked as of 2026-11-20T12:00:00Z"
    withdrawn = lines(issuer.bundle(first, status_list=status_list), issuer)
    assert withdrawn["status"].answer == "no"
    assert withdrawn["status"].reason == "set for 'revocation' as of 2026-11-20T12:00:00Z"


def test_without_keys_nothing_is_proven_and_the_rest_is_still_told(issuer):
    jwt, made = issuer.issue()
    found = lines(encode.view(jwt, [made.disclosures[0].encoded]), issuer, jwks=None)
    assert answers(found) == {**GOOD, "signature": "unknown", "issuer": "unknown"}
    assert found["signature"].reason == f"no keys given to check it with; it names key {issuer.signer.kid!r}"


def test_keys_inside_a_bundle_are_not_trusted_for_being_there(issuer):
    jwt, _ = issuer.issue()
    found = lines(issuer.bundle(jwt, jwks=issuer.jwks), issuer, jwks=None)
    assert found["signature"].answer == "unknown"
    assert "came with the file itself" in found["signature"].reason
    assert found["issuer"].answer == "unknown"


def test_an_enclosed_key_that_does_not_fit_is_a_no(issuer, tmp_path):
    jwt, _ = issuer.issue()
    other = Issuer(tmp_path / "other")
    found = lines(issuer.bundle(jwt, jwks=other.jwks), issuer, jwks=None)
    assert found["signature"].answer == "no"


def test_the_keys_of_somebody_else_say_no(issuer, tmp_path):
    jwt, _ = issuer.issue()
    other = Issuer(tmp_path / "other")
    found = lines(encode.view(jwt, []), issuer, jwks=other.jwks)
    assert found["signature"].answer == "no"
    assert found["issuer"] == verify.Line("issuer", "unknown", "not judged, because the signature failed")
    assert "the given key is not" in found["signature"].reason
    both = lines(encode.view(jwt, []), issuer, jwks=[*other.jwks, *issuer.jwks])
    assert both["signature"].answer == "yes"


def test_a_key_that_belongs_to_another_issuer_says_no(issuer):
    jwt, _ = issuer.issue(issuer_did="did:web:id.example.com:o:somebody-else")
    found = lines(encode.view(jwt, []), issuer)
    assert found["signature"].answer == "yes"
    assert found["issuer"].answer == "no"
    assert "belongs to 'did:web:id.example.com:o:example-batteries'" in found["issuer"].reason


def test_a_key_set_that_names_nobody_is_taken_and_said(issuer):
    jwt, _ = issuer.issue()
    found = lines(encode.view(jwt, []), issuer, jwks=[issuer.signer.public_jwk])
    assert found["issuer"].answer == "yes"
    assert found["issuer"].reason.endswith("the key set does not say whose key it is")


def test_keys_in_the_header_are_passed_over(issuer, tmp_path):
    forger = Issuer(tmp_path / "forger")
    payload = unsigned().payload
    header = {"alg": "ES256", "typ": "vc+sd-jwt", "kid": issuer.signer.kid, "iat": 1_795_176_000}
    for name, value in (
        ("jwk", forger.signer.public_jwk),
        ("jku", "https://forger.example/jwks"),
        ("x5u", "https://forger.example/x5c"),
        ("x5c", ["AAAA"]),
    ):
        head = f"{base64url.encode(json.dumps({**header, name: value}).encode())}.{base64url.encode(payload)}"
        jwt = f"{head}.{base64url.encode(forger.signer.sign(head.encode()))}~".encode()
        assert lines(jwt, issuer)["signature"].answer == "no"
        assert lines(jwt, issuer, jwks=None)["signature"].answer == "unknown"


def test_a_missing_tilde_a_tail_and_a_double_end_are_refused(issuer):
    jwt, made = issuer.issue()
    shown = [item.encoded for item in made.disclosures[:2]]
    whole = encode.view(jwt, shown)
    for data, sentence in (
        (whole[:-1], "text follows the last ~"),
        (jwt, "the final ~ is missing"),
        (whole + b"eyJ.e30.e30", "text follows the last ~"),
        (whole + b"~", "disclosure 3 is refused"),
        (whole[:-1] + b"\n", "text follows the last ~"),
        (encode.view(jwt, [*shown, shown[0]]), "disclosure 3 stands twice"),
    ):
        found = lines(data, issuer)
        assert found["signature"].answer == "yes"
        assert found["disclosures"].answer == "no", data
        assert sentence in found["disclosures"].reason


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_one_line_end_at_the_end_is_tolerated(issuer, end):
    jwt, _ = issuer.issue()
    assert lines(encode.view(jwt, []) + end, issuer)["disclosures"].answer == "yes"


FOREIGN = {
    "of another record": lambda made: encode.disclosure("rated_capacity", stated("999", "Ah"), bytes(16)),
    "named _sd": lambda made: encode.disclosure("_sd", ["x"], bytes(16)),
    "named ...": lambda made: encode.disclosure("...", "x", bytes(16)),
}


@pytest.mark.parametrize("disclosure", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_disclosure_that_nothing_refers_to_is_refused(issuer, disclosure):
    jwt, made = issuer.issue()
    found = lines(encode.view(jwt, [disclosure(made).encoded]), issuer)
    assert found["signature"].answer == "yes"
    assert found["disclosures"].answer == "no"
    assert found["schema"].answer == "unknown"


def signed_view(issuer, payload, disclosures=()):
    return encode.view(sign_record(encode.json_bytes(payload), issuer.signer, ISSUED), disclosures)


def encoded(*parts):
    return base64url.encode(json.dumps(["c2FsdA", *parts]).encode())


def digest(text):
    return encode.disclosure_digest(text)


CLAIM = encoded("a", 1)
ELEMENT = encoded(1)
NESTED = encoded("outer", {"_sd": [digest(CLAIM)]})
TRICKS = {
    "a digest that stands twice": ({"_sd": [digest(CLAIM), digest(CLAIM)]}, [CLAIM], "stands twice"),
    "a decoy that stands twice": ({"_sd": ["x"], "b": {"_sd": ["x"]}}, [], "stands twice"),
    "a claim beside one of its name": ({"a": 0, "_sd": [digest(CLAIM)]}, [CLAIM], "of the same name"),
    "a claim in the place of an element": (
        {"b": [{"...": digest(CLAIM)}]},
        [CLAIM],
        "an array element is expected",
    ),
    "an element in the place of a claim": ({"_sd": [digest(ELEMENT)]}, [ELEMENT], "a claim is expected"),
    "an element with company": ({"b": [{"...": digest(ELEMENT), "c": 1}]}, [ELEMENT], "has other claims too"),
    "a claim named ...": ({"b": {"...": "x"}}, [], "named `...`"),
    "a claim named _sd inside": (
        {"_sd": [digest(encoded("_sd", []))]},
        [encoded("_sd", [])],
        "a claim named _sd",
    ),
    "digests that are no array": ({"_sd": "x"}, [], "no array"),
    "a digest that is no text": ({"_sd": [1]}, [], "a digest is no text"),
    "another hash": ({"_sd_alg": "md5", "_sd": []}, [], "the digests are made with 'md5'"),
    "a hash that is a list": ({"_sd_alg": ["sha-256"]}, [], "the digests are made with"),
    "a nested one without the outer": ({"_sd": [digest(NESTED)]}, [CLAIM], "belongs to nothing"),
    "a disclosure of four parts": ({}, [encoded("a", 1, 2)], "no array of salt"),
    "a disclosure without a salt": ({}, [base64url.encode(b'[1,"a",2]')], "no array of salt"),
    "a name that is no text": ({}, [encoded(5, 1)], "no text"),
    "a name twice inside": ({}, [base64url.encode(b'["s","a",{"x":1,"x":2}]')], "stands twice in one object"),
    "no base64url": ({}, ["a+b="], "not base64url"),
    "an end that can be hidden": (
        {"_sd": [digest(encoded("exp", 1))]},
        [encoded("exp", 1)],
        "exp was signed so that it can be hidden",
    ),
    "claims too deep": ({"b": [[[]]] * 1}, [], None),
}


@pytest.mark.parametrize(("claims", "shown", "sentence"), TRICKS.values(), ids=TRICKS.keys())
def test_whatever_lets_two_readers_see_different_claims_is_refused(issuer, claims, shown, sentence):
    found = lines(signed_view(issuer, claims, shown), issuer)
    assert found["signature"].answer == "yes"
    if sentence is None:
        assert found["disclosures"].answer == "yes"
    else:
        assert found["disclosures"].answer == "no"
        assert sentence in found["disclosures"].reason


def test_disclosures_inside_disclosures_are_followed_and_not_without_end(issuer):
    found = lines(signed_view(issuer, {"_sd": [digest(NESTED)]}, [NESTED, CLAIM]), issuer)
    assert found["disclosures"].answer == "yes"
    text = CLAIM
    shown = [text]
    for number in range(120):
        text = encoded(f"n{number}", {"_sd": [digest(text)]})
        shown.append(text)
    deep = lines(signed_view(issuer, {"_sd": [digest(text)]}, shown), issuer)
    assert deep["disclosures"].answer == "no"
    assert "deeper than 100 levels" in deep["disclosures"].reason


@pytest.mark.parametrize("typ", ["JWT", "dc+jwt", "vc+sd-jwt ", "VC+SD-JWT", None, 5, ["vc+sd-jwt"]])
def test_another_type_in_the_header_is_refused(issuer, typ):
    head = f"{base64url.encode(json.dumps({'alg': 'ES256', 'typ': typ}).encode())}.{base64url.encode(b'{}')}"
    data = f"{head}.{base64url.encode(issuer.signer.sign(head.encode()))}~".encode()
    assert lines(data, issuer)["signature"].reason.startswith("the header says typ")


def test_a_plain_credential_has_no_tilde(issuer):
    jwt = sign_record(unsigned().payload, issuer.signer, ISSUED, typ="vc+jwt")
    assert lines(jwt + b"~", issuer)["disclosures"].reason == "a vc+jwt has no disclosures"


def test_dates_are_judged_by_the_given_time_alone(issuer):
    until = ISSUED + timedelta(days=180)
    jwt, _ = issuer.issue(RecordKind.ASSESSMENT, valid_until=until)
    data = encode.view(jwt, [])
    assert lines(data, issuer, now=ISSUED)["validity"].answer == "yes"
    early = lines(data, issuer, now=ISSUED - timedelta(minutes=2))["validity"]
    assert early.answer == "no"
    assert early.reason.startswith("not valid before 2026-11-20T12:00:00Z")
    late = lines(data, issuer, now=until)["validity"]
    assert late.answer == "no"
    assert late.reason.startswith("expired on 2027-05-19T12:00:00Z (validUntil)")
    assert lines(data, issuer, now=until - timedelta(seconds=1))["validity"].answer == "yes"


def key_with(issuer, **changes):
    return [keyset.published(issuer.signer.public_jwk, issuer_did=ISSUER, **changes)]


def test_a_retired_key_is_good_for_what_it_signed_in_its_time(issuer):
    jwt, _ = issuer.issue()
    data = encode.view(jwt, [])
    began = ISSUED - timedelta(days=300)
    good = key_with(issuer, valid_from=began, valid_until=ISSUED + timedelta(days=1))
    assert lines(data, issuer, jwks=good, now=NOW + timedelta(days=900))["issuer"].answer == "yes"
    retired = key_with(issuer, valid_from=began, valid_until=ISSUED)
    assert "after the key was retired" in lines(data, issuer, jwks=retired)["issuer"].reason
    future = key_with(issuer, valid_from=ISSUED + timedelta(days=1))
    assert "before the key began" in lines(data, issuer, jwks=future)["issuer"].reason


def test_a_revoked_key_is_good_only_for_what_the_log_shows_to_be_older(issuer):
    old, _ = issuer.issue()
    issuer.issue()
    new, _ = issuer.issue()
    revoked_at = ISSUED + timedelta(hours=1)
    began = ISSUED - timedelta(days=300)
    keys = key_with(issuer, valid_from=began, revoked_at=revoked_at, log_size=2)
    logged = {"jwks": keys, "log_keys": [issuer.log_key]}
    assert lines(issuer.bundle(old), issuer, **logged)["issuer"].answer == "yes"
    # Backdated by whoever stole the key: its own date says before, its place in the log says after.
    late = lines(issuer.bundle(new), issuer, **logged)["issuer"]
    assert late.answer == "no"
    assert late.reason.endswith("was revoked at 2 log entries, this is entry 2")
    alone = lines(encode.view(old, []), issuer, **logged)["issuer"]
    assert alone.answer == "unknown"
    assert "no log proof shows this is older" in alone.reason
    after = key_with(issuer, valid_from=began, revoked_at=ISSUED, log_size=2)
    assert lines(issuer.bundle(old), issuer, **{**logged, "jwks": after})["issuer"].answer == "no"


def test_a_record_that_is_not_as_registered_is_told_apart_from_one_that_is_forged(issuer):
    public, restricted = halves(RecordKind.PASSPORT, {})
    missing = dict(public)
    del missing["rated_capacity"]
    for changes, sentence in (
        ({"public": missing}, "public attributes are missing: rated_capacity"),
        ({"public": {**public, "full_cycles": stated("1", "cycles")}}, "it belongs to the condition record"),
        ({"public": {**public, "invented": stated("1")}}, "'invented' is no attribute of a passport record"),
        ({"public": {**public, "rated_capacity": stated("1", "kWh")}}, "expected Ah, got kWh"),
        ({"public": {**public, "rated_capacity": stated("many", "Ah")}}, "not as the registry says"),
        ({"public": {**public, "rated_capacity": "102"}}, "not as the registry says"),
        ({"restricted": dict(list(restricted.items())[1:])}, "29 digests came, registry has 30"),
        (
            {
                "public": {**public, "due_diligence_exempt": {"absent": "not_provided"}},
                "restricted": {n: v for n, v in restricted.items() if n != "due_diligence_exempt"},
            },
            "due_diligence_exempt stands in the wrong place: its class is authorities",
        ),
    ):
        jwt, _ = Issuer(issuer.folder).issue(**changes)
        found = lines(encode.view(jwt, []), issuer)
        assert found["signature"].answer == "yes"
        assert found["schema"].answer == "no", sentence
        assert sentence in found["schema"].reason


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("simulated", False, "simulated is False; it is true or not there"),
        ("voluntary", "yes", "voluntary is 'yes'; it is true or not there"),
        ("incomplete", " ", "incomplete is ' '; expected a reason in words"),
        ("incomplete", True, "incomplete is True; expected a reason in words"),
    ],
)
def test_a_mark_is_true_or_not_there_and_a_reason_is_in_words(issuer, member, value, sentence):
    claims = json.loads(unsigned().payload)
    jwt = sign_record(encode.json_bytes({**claims, member: value}), issuer.signer, ISSUED)
    found = lines(encode.view(jwt, []), issuer)
    assert found["signature"].answer == "yes"
    assert (found["schema"].answer, found["schema"].reason) == ("no", sentence)


def test_a_record_in_the_words_of_an_unknown_registry_is_unknown_not_wrong(issuer):
    jwt, _ = issuer.issue(registry_version="2031.02")
    found = lines(encode.view(jwt, []), issuer)
    assert found["schema"].answer == "unknown"
    assert (
        found["schema"].reason == "it uses registry '2031.02'; this program knows 2026.11, 2026.12, 2027.01"
    )


def test_the_chain_is_followed_as_far_as_versions_are_given(issuer):
    first, _ = issuer.issue()
    second, _ = issuer.issue()
    third, _ = issuer.issue()
    data = encode.view(third, [])
    assert lines(data, issuer)["chain"].answer == "unknown"
    one = lines(data, issuer, previous=encode.view(second, []))["chain"]
    assert (one.answer, one.reason) == ("yes", "version 3 and the 1 before it, back to version 2")
    both = lines(issuer.bundle(third, previous=[second, first]), issuer)["chain"]
    assert (both.answer, both.reason) == ("yes", "version 3 and the 2 before it, back to the first")
    for wrong in ([first], [second, second], [first, second]):
        assert lines(issuer.bundle(third, previous=wrong), issuer)["chain"].answer == "no"


def test_a_quoted_version_must_be_of_the_same_battery_and_number(issuer):
    first, _ = issuer.issue()
    other, _ = issuer.issue(identifier_url=IDENTIFIER[:-1] + "Q")
    assert lines(encode.view(other, []), issuer, previous=encode.view(first, []))["chain"].answer == "no"


def test_a_record_that_is_not_in_the_log_is_told(issuer, tmp_path):
    jwt, _ = issuer.issue()
    issuer.issue()
    proof = issuer.proof(0)
    other = Issuer(tmp_path / "other")
    record = encode.view(jwt, [])
    trusted = {"log_keys": [issuer.log_key]}
    assert lines(bundle(record, proof=proof), issuer, **trusted)["log"].answer == "yes"
    assert lines(bundle(record, proof=proof), issuer)["log"].answer == "unknown"
    stranger = lines(bundle(record, proof=proof), issuer, log_keys=[log.vkey("x.example", bytes(32))])["log"]
    assert stranger.answer == "no"
    impostor = lines(bundle(record, proof=proof), issuer, log_keys=[other.log_key])["log"]
    assert impostor.answer == "no"
    unlogged = sign_record(unsigned().payload, issuer.signer, ISSUED + timedelta(seconds=1))
    assert lines(bundle(unlogged + b"~", proof=proof), issuer, **trusted)["log"].answer == "no"


def test_the_second_spelling_of_a_signature_is_not_the_logged_record(issuer):
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    jwt, _ = issuer.issue()
    head, _, signature = jwt.rpartition(b".")
    raw = base64url.decode(signature.decode())
    other = (
        head + b"." + base64url.encode(raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)).encode()
    )
    found = lines(bundle(other + b"~", proof=issuer.proof(0)), issuer, log_keys=[issuer.log_key])
    assert found["signature"].answer == "yes"
    assert found["log"].answer == "no"
    assert "these bytes are not in the log" in found["log"].reason


@pytest.mark.parametrize(
    ("scanned", "answer"),
    [
        (IDENTIFIER, "yes"),
        ("HTTPS://ID.EXAMPLE.COM/01/09520123456788/21/ABCDEFGHIJKLMNOP", "yes"),
        (IDENTIFIER + "?linkType=all", "yes"),
        (IDENTIFIER.lower(), "no"),
        (IDENTIFIER + "/", "no"),
        ("https://id.example.org/01/09520123456788/21/ABCDEFGHIJKLMNOP", "no"),
        ("http://id.example.com/01/09520123456788/21/ABCDEFGHIJKLMNOP", "no"),
        ("http://[", "no"),
        ("", "no"),
    ],
)
def test_the_scanned_identifier_is_compared_without_case_of_scheme_and_host(issuer, scanned, answer):
    jwt, _ = issuer.issue()
    assert lines(encode.view(jwt, []), issuer, subject=scanned)["subject"].answer == answer


def test_a_status_list_counts_only_from_the_issuer_and_in_its_time(issuer, tmp_path):
    jwt, _ = issuer.issue(status=status.status_entry(LIST_URL, 5))
    other = Issuer(tmp_path / "other")

    def judged(signer=issuer.signer, typ="vc+jwt", now=NOW, **changes):
        arguments = {
            "list_url": LIST_URL,
            "issuer_did": ISSUER,
            "valid_from": ISSUED,
            "valid_until": ISSUED + timedelta(days=7),
            "bits": status.bitstring([]),
        }
        signed = sign_record(status.list_payload(**{**arguments, **changes}), signer, ISSUED, typ=typ)
        return lines(encode.view(jwt, []), issuer, status_list=signed + b"\n", now=now)["status"].answer

    assert judged() == "yes"
    assert judged(signer=other.signer) == "no"
    assert judged(typ="vc+sd-jwt") == "no"
    assert judged(issuer_did="did:web:other.example") == "no"
    assert judged(list_url=LIST_URL + "2") == "no"
    assert judged(purpose="suspension") == "no"
    assert judged(bits=status.bitstring([5])) == "no"
    assert judged(now=ISSUED + timedelta(days=7)) == "unknown"
    assert judged(valid_from=NOW + timedelta(days=1)) == "no"
    assert lines(encode.view(jwt, []), issuer)["status"].answer == "unknown"


REFUSED = {
    "a picture": b"\x89PNG\r\n\x1a\n",
    "nothing": b"",
    "a letter": b"Dear Sir or Madam",
    "JSON that is no bundle": b'{"a": 1}',
    "a bundle of another format": b'{"format": "cellpass-bundle/2", "record": "eyJ.e.e~"}',
    "a bundle without a record": b'{"format": "cellpass-bundle/1"}',
    "a bundle with a stranger": b'{"format": "cellpass-bundle/1", "record": "eyJ.e.e~", "x": 1}',
    "a bundle with a name twice": b'{"format": "cellpass-bundle/1", "record": "eyJ.e.e~", "format": "x"}',
    "keys that are none": b'{"format": "cellpass-bundle/1", "record": "eyJ.e.e~", "jwks": []}',
    "previous that is no list": b'{"format": "cellpass-bundle/1", "record": "eyJ.e.e~", "previous": "a"}',
    "a PDF without attachments": b"%PDF-1.7\n%%EOF",
    "deep brackets": b'{"format":' + b"[" * 100_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_record_is_refused_as_input(issuer, data):
    with pytest.raises(InputRefused):
        lines(data, issuer)


def test_a_bad_log_key_or_a_time_without_a_zone_is_the_callers_mistake(issuer):
    jwt, _ = issuer.issue()
    with pytest.raises(InputRefused, match="log key"):
        lines(jwt + b"~", issuer, log_keys=["nonsense"])
    with pytest.raises(InputRefused, match="needs a zone"):
        lines(jwt + b"~", issuer, now=datetime(2026, 11, 21))


def test_verify_record_gives_claims_or_names_the_step(issuer):
    jwt, made = issuer.issue(RecordKind.CONDITION, {"full_cycles": stated("12.5", "cycles")})
    shown = [item.encoded for item in made.disclosures]
    claims = verify.verify_record(encode.view(jwt, shown), jwks=issuer.jwks, now=NOW)
    assert claims["credentialSubject"]["full_cycles"] == stated("12.5", "cycles")
    assert "_sd" not in claims["credentialSubject"]
    with pytest.raises(VerificationFailed, match=r"step 2 \(disclosures\): no"):
        verify.verify_record(encode.view(jwt, [*shown, shown[0]]), jwks=issuer.jwks, now=NOW)
    with pytest.raises(VerificationFailed, match=r"step 1 \(signature\): no"):
        verify.verify_record(encode.view(jwt, shown), jwks=[], now=NOW)


def small(issuer):
    """A record small enough to change every byte of it; its schema is wrong, everything else is right."""
    return issuer.issue(public={"manufacturer_name": stated("Example Cells")}, restricted={"a": 1, "b": 2})


def test_any_changed_byte_of_a_record_is_refused(issuer):
    jwt, made = small(issuer)
    data = encode.view(jwt, [item.encoded for item in made.disclosures])
    required = ("signature", "disclosures", "validity", "issuer")
    assert lines(data, issuer)["disclosures"].answer == "yes"
    for position in range(len(data)):
        # The lowest bit gives the neighbour in base64url; the highest leaves ASCII.
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= bit
            try:
                found = verify.verify(bytes(changed), jwks=issuer.jwks, now=NOW)
            except InputRefused:
                continue
            assert any(line.answer == "no" for line in found.lines if line.name in required), position


def test_any_changed_byte_of_a_log_proof_is_refused(issuer):
    jwt, _ = small(issuer)
    for _ in range(4):
        issuer.issue()
    proof = issuer.proof(0)
    for position in range(len(proof)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(proof)
            changed[position] ^= bit
            try:
                data = bundle(jwt + b"~", proof=bytes(changed))
            except UnicodeDecodeError:
                continue
            found = lines(data, issuer, log_keys=[issuer.log_key])
            assert found["log"].answer == "no", (position, bit)


def test_the_verdict_is_good_only_when_required_is_yes_and_nothing_is_no(issuer):
    jwt, _ = issuer.issue()
    verdict = verify.verify(encode.view(jwt, []), jwks=issuer.jwks, now=NOW)
    assert verdict.good()
    assert not verdict.good(("log",))
    wrong = verify.verify(encode.view(jwt, []), jwks=issuer.jwks, now=NOW, subject="https://other.example/")
    assert not wrong.good()
    assert not wrong.good(("signature",))


def test_a_fingerprint_is_the_digest_of_the_signed_part(issuer):
    jwt, made = issuer.issue()
    data = encode.view(jwt, [made.disclosures[0].encoded])
    assert verify.fingerprint(data) == hashlib.sha256(jwt).hexdigest()


def test_revoked_without_a_date_is_no_answer_to_build_on(issuer):
    jwt, _ = issuer.issue()
    key = {**issuer.jwks[0], "revoked": {"reason": "x"}}
    assert lines(encode.view(jwt, []), issuer, jwks=[key])["issuer"].answer == "no"


def test_times_of_a_foreign_token_are_numbers(issuer):
    claims = {"vct": "x", "iss": "https://a.example", "exp": "tomorrow"}
    head = f"{base64url.encode(json.dumps({'alg': 'ES256', 'typ': 'dc+sd-jwt'}).encode())}."
    head += base64url.encode(json.dumps(claims).encode())
    data = f"{head}.{base64url.encode(issuer.signer.sign(head.encode()))}~".encode()
    found = lines(data, issuer, jwks=[issuer.signer.public_jwk], now=datetime(2026, 1, 1, tzinfo=UTC))
    assert found["validity"].reason == "exp is 'tomorrow', which is no date in seconds"


def test_an_sd_jwt_vc_of_an_older_draft_has_the_type_of_our_records(issuer):
    claims = {"vct": "urn:example:battery", "iss": "https://a.example", "iat": 1_700_000_000}
    found = lines(signed_view(issuer, claims), issuer, jwks=[issuer.signer.public_jwk])
    assert answers(found)["schema"] == "yes"
    assert found["schema"].reason.startswith("an SD-JWT VC of type 'urn:example:battery'")
    claimed = lines(signed_view(issuer, {**claims, "type": ["BatteryPassport"]}), issuer)
    assert claimed["schema"].answer == "no"


def test_a_trust_bundle_binds_keys_to_operators_and_brings_log_keys(issuer, tmp_path):
    other = Issuer(tmp_path / "other")
    stolen = {**other.signer.public_jwk, "iss": ISSUER}
    data = keyset.trust_bundle(
        [
            (ISSUER, "Example Batteries", issuer.jwks, [issuer.log_key]),
            ("did:web:other.example", "Example Other", [stolen], []),
        ]
    )
    keys = keyset.read_keys(data)
    assert [key["iss"] for key in keys] == [ISSUER, "did:web:other.example"]
    jwt, _ = issuer.issue()
    found = lines(issuer.bundle(jwt), issuer, jwks=keys, log_keys=keyset.read_log_keys(data))
    assert [found[name].answer for name in ("signature", "issuer", "log")] == ["yes"] * 3
    forged, _ = other.issue()
    assert lines(encode.view(forged, []), issuer, jwks=keys)["issuer"].answer == "no"
    assert keyset.read_log_keys(json.dumps({"keys": issuer.jwks}).encode()) == []


def test_a_failed_signature_says_whom_the_record_claims_to_be_from(issuer, tmp_path):
    jwt, _ = issuer.issue()
    other = Issuer(tmp_path / "other")
    reason = lines(encode.view(jwt, []), issuer, jwks=other.jwks)["signature"].reason
    assert reason.endswith(f"it claims to be from {ISSUER!r}")
