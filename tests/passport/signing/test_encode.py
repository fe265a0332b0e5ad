import base64
import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from passport.signing import encode
from schemas.terms import RecordKind
from tests.passport.signing.records import ABSENT, ISSUED, ISSUER, halves, stated, unsigned


def test_the_payload_is_a_credential_with_the_members_of_the_format():
    made = unsigned(
        values={"rated_capacity": stated("102", "Ah")},
        previous=("https://id.example.com/r/OLD", bytes(32)),
        version=2,
        simulated=True,
        voluntary=True,
        incomplete="carbon footprint follows",
    )
    payload = json.loads(made.payload)
    subject = payload.pop("credentialSubject")
    assert payload == {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://id.example.com/ns/cellpass/v1"],
        "_sd_alg": "sha-256",
        "credentialSchema": {
            "id": "https://id.example.com/schemas/registry/2027.01",
            "type": "CellpassRegistry",
        },
        "id": "https://id.example.com/r/RECORD1",
        "incomplete": "carbon footprint follows",
        "issuer": ISSUER,
        "recordVersion": 2,
        "registryVersion": "2027.01",
        "relatedResource": [
            {
                "id": "https://id.example.com/r/OLD",
                "digestSRI": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            }
        ],
        "simulated": True,
        "type": ["VerifiableCredential", "BatteryPassport"],
        "validFrom": "2026-11-20T12:00:00Z",
        "voluntary": True,
    }
    assert subject["id"] == "https://id.example.com/01/09520123456788/21/ABCDEFGHIJKLMNOP"
    assert subject["rated_capacity"] == {
        "value": "102",
        "unit": "Ah",
        "as_of": "2026-11-20T12:00:00Z",
        "source": "declared",
    }
    assert b" " not in made.payload.split(b'"incomplete"')[0]


def test_a_mark_stands_only_where_it_is_true():
    assert not {"simulated", "voluntary", "incomplete"} & json.loads(unsigned().payload).keys()


def test_an_assessment_says_until_when():
    until = datetime(2027, 5, 20, 12, 0, 0, 500_000, tzinfo=UTC)
    payload = json.loads(unsigned(RecordKind.ASSESSMENT, valid_until=until).payload)
    assert payload["type"] == ["VerifiableCredential", "BatteryAssessment"]
    assert payload["validUntil"] == "2027-05-20T12:00:00.500Z"


def test_a_restricted_value_is_not_in_the_payload():
    made = unsigned(RecordKind.CONDITION, {"remaining_capacity": stated("87.25", "Ah")})
    assert b"87.25" not in made.payload
    assert b"remaining_capacity" not in made.payload
    shown = {item.attribute: encode.disclosed(item.encoded) for item in made.disclosures}
    assert shown["remaining_capacity"] == ("remaining_capacity", stated("87.25", "Ah"))


def test_the_disclosure_of_the_rfc_has_the_digest_of_the_rfc():
    # RFC 9901 4.2.3: this disclosure, spelt by somebody else's program, has this digest.
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert encode.disclosure_digest(text) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert encode.disclosed(text) == ("family_name", "Möbius")


def test_a_disclosure_is_salt_name_and_value_in_compact_json():
    made = encode.disclosure("rated_capacity", {"value": "102"}, bytes(range(16)))
    decoded = base64.urlsafe_b64decode(made.encoded + "=" * (-len(made.encoded) % 4))
    assert decoded == b'["AAECAwQFBgcICQoLDA0ODw","rated_capacity",{"value":"102"}]'
    digest = base64.urlsafe_b64encode(hashlib.sha256(made.encoded.encode()).digest()).rstrip(b"=")
    assert made.digest == digest.decode()


@pytest.mark.parametrize("kind", list(RecordKind))
def test_the_number_of_digests_does_not_tell_how_much_is_known(kind: RecordKind):
    restricted = halves(kind, {})[1]
    sparse = {**restricted, next(iter(restricted)): {"value": "1"}}
    full = {name: {"value": "a long text " * 20} for name in restricted}
    payloads = [json.loads(unsigned(kind, restricted=half).payload) for half in (sparse, full)]
    counts = {len(payload["credentialSubject"]["_sd"]) for payload in payloads}
    assert counts == {{"passport": 30, "condition": 42, "assessment": 3}[kind.value]}
    assert len(json.dumps(payloads[0])) == len(json.dumps(payloads[1]))


def test_one_and_sixty_filled_attributes_make_payloads_of_one_length():
    names = [f"attribute_{number}" for number in range(60)]
    one = dict.fromkeys(names, ABSENT) | {"attribute_7": stated("1")}
    sixty = dict.fromkeys(names, stated(["an accident", "another", "a third"]))
    lengths = {len(unsigned(public={}, restricted=half).payload) for half in (one, sixty)}
    assert len(lengths) == 1


def test_digests_stand_in_an_order_that_tells_nothing():
    digests = json.loads(unsigned(RecordKind.CONDITION).payload)["credentialSubject"]["_sd"]
    assert digests == sorted(digests)


def test_fresh_salts_hide_which_attribute_changed():
    first = unsigned(RecordKind.CONDITION)
    numbers = iter(range(1000, 2000))
    second = unsigned(RecordKind.CONDITION, salt=lambda: next(numbers).to_bytes(16))
    assert not {item.digest for item in first.disclosures} & {item.digest for item in second.disclosures}


def test_a_list_is_one_disclosure():
    made = unsigned(public={}, restricted={"negative_events": stated(["a", "b", "c"])})
    assert len(made.disclosures) == 1


REFUSED = {
    "a float": ({"public": {"x": {"value": 1.5}}}, TypeError, "1.5 is a float"),
    "a float deep inside": ({"restricted": {"x": {"value": [{"a": 0.1}]}}}, TypeError, "0.1 is a float"),
    "NaN": ({"public": {"x": float("nan")}}, TypeError, "nan is a float"),
    "a Decimal": ({"public": {"x": Decimal("1.5")}}, TypeError, "is a Decimal"),
    "a float in the status": ({"status": {"statusListIndex": 1.0}}, TypeError, "1.0 is a float"),
    "a name that is no text": ({"public": {"x": {1: "a"}}}, TypeError, "a name is text, 1 came"),
    "half a surrogate pair": ({"public": {"x": "\ud800"}}, ValueError, "half a surrogate pair"),
    "an attribute named _sd": ({"restricted": {"_sd": ABSENT}}, ValueError, "'_sd' cannot name an attribute"),
    "an attribute named ...": ({"restricted": {"...": ABSENT}}, ValueError, "'...' cannot name an attribute"),
    "an attribute named id": ({"public": {"id": ABSENT}}, ValueError, "'id' cannot name an attribute"),
    "an attribute named like JSON-LD": (
        {"public": {"@id": "x"}},
        ValueError,
        "'@id' cannot name an attribute",
    ),
    "public and restricted": (
        {"public": {"x": ABSENT}, "restricted": {"x": ABSENT}},
        ValueError,
        "at once: x",
    ),
    "a short salt": ({"salt": lambda: b"123"}, ValueError, "a salt has 16 bytes, 3 came"),
    "a salt that repeats": (
        {"restricted": {"x": ABSENT, "y": ABSENT}, "salt": lambda: bytes(16), "public": {}},
        None,
        "",
    ),
    "a host in upper case": ({"identifier_url": "HTTPS://ID.EXAMPLE.COM/01/1"}, ValueError, "in lower case"),
    "a query": ({"record_url": "https://id.example.com/r/1?x=y"}, ValueError, "no query"),
    "a public URL with a slash": ({"public_url": "https://id.example.com/"}, ValueError, "without a slash"),
    "version 0": ({"version": 0}, ValueError, "version 0"),
    "version 2 without a first": ({"version": 2}, ValueError, "version 2 without a predecessor"),
    "version 1 with one before": (
        {"previous": ("https://id.example.com/r/0", bytes(32))},
        ValueError,
        "version 1 with a predecessor",
    ),
    "a digest of another length": (
        {"version": 2, "previous": ("https://id.example.com/r/0", b"12")},
        ValueError,
        "a SHA-256 has 32 bytes, 2 came",
    ),
    "a time without a zone": ({"valid_from": ISSUED.replace(tzinfo=None)}, ValueError, "needs a zone"),
}


def test_an_incomplete_record_says_why():
    with pytest.raises(ValueError, match="in words"):
        unsigned(incomplete="  ")


@pytest.mark.parametrize(("changes", "error", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_signed_exactly_is_refused(changes, error, sentence):
    if error is None:
        # Equal salts are only caught where they would make equal digests: same name, same value.
        assert len(unsigned(**changes).disclosures) == 2
        return
    with pytest.raises(error, match=sentence.replace(".", r"\.")):
        unsigned(**changes)


def test_the_context_defines_every_member_of_our_own():
    context = json.loads(encode.context_document())["@context"]
    assert {"value", "unit", "as_of", "source", "absent", "recordVersion"} <= context.keys()
    assert {"simulated", "voluntary", "incomplete"} <= context.keys()
    assert context["@vocab"].startswith("urn:uuid:")


def test_a_digest_is_quoted_in_hex_and_as_subresource_integrity():
    # SHA-256 of "abc", FIPS 180-4.
    assert encode.jwt_sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert encode.digest_sri(b"abc") == "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


def test_every_character_is_written_as_the_careful_writer_writes_it():
    for first in range(0, 0x110000, 0x400):
        text = "".join(chr(code) for code in range(first, first + 0x400) if not 0xD800 <= code <= 0xDFFF)
        for value in ([text], {text: [*text][:64]}):
            expected = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
            assert encode.json_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": True, "ä": None, "Z": [1, "2.50"]}, '{"Z":[1,"2.50"],"a":true,"b":1,"ä":null}'),
        ((1, (2, [])), "[1,[2,[]]]"),
        (2**70, "1180591620717411303424"),
        ({"a": -(2**53), "null": "null"}, '{"a":-9007199254740992,"null":"null"}'),
        ({"kind": RecordKind.PASSPORT}, '{"kind":"passport"}'),
        ("2026-11-20T12:00:00.250Z", '"2026-11-20T12:00:00.250Z"'),
    ],
)
def test_what_has_an_exact_form_is_written_compact_with_sorted_names(value, expected):
    assert encode.json_bytes(value) == expected.encode()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        [1e300],
        {"a": float("nan")},
        {"a": float("-inf")},
        Decimal("1.5"),
        ISSUED,
        ISSUED.date(),
        {1: 2},
        {None: 1},
        b"x",
        {"a": {1, 2}},
        encode.Unsigned(b"", ()),
    ],
)
def test_what_has_no_exact_form_is_not_signed(value):
    with pytest.raises(TypeError):
        encode.json_bytes(value)
