"""Whether a proof fits the stored record: yes, no, and honestly unknown."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from passport.ledger import versions
from passport.settings import RegistrySettings
from passport.union_registry.proof import compare, forms
from schemas.terms import RecordKind
from tests.passport.union_registry.offices import office, product


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A registration, two stored versions of its battery, and another battery's version."""
    with office(tmp_path_factory.mktemp("proof"), None) as at:
        battery, other = at.battery(), at.battery()
        at.issue(battery, force=True)
        at.desk.settings = replace(at.settings, registry=RegistrySettings(url="https://registry.example.com"))
        registration = at.desk.adopt(battery.id, "EU-1", registered_at=None)
        with at.reading() as connection:
            own = versions.history(connection, battery.id, RecordKind.PASSPORT)
            (strange,) = versions.history(connection, other.id, RecordKind.PASSPORT)
        yield registration, own, strange, product(battery)


def asked(case, content, **more):
    registration, own, _, named = case
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = compare(data, registration, own, product=named, **more)
    return found.match.value, found.version


def test_the_forms_are_the_bytes_that_leave_the_service(case):
    newest = case[1][-1]
    assert hashlib.sha256(forms(newest)["signed_part"]).hexdigest() == newest.sha256
    assert forms(newest)["served_record"] == newest.jwt + b"~"
    assert json.loads(forms(newest)["claims"])["credentialSubject"]


@pytest.mark.parametrize("form", ["signed_part", "served_record", "claims"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_hash_that_fits_is_a_yes_in_every_spelling(case, form, algorithm, number):
    digest = hashlib.new(algorithm, forms(case[1][number - 1])[form]).digest()
    text = base64.b64encode(digest).decode()
    url = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    claims = base64.urlsafe_b64encode(json.dumps({"hash": digest.hex()}).encode()).rstrip(b"=")
    for content in (
        {"registrationId": "EU-1", "passportHash": digest.hex()},
        {"deep": [{"digest": {"value": "x"}, "checksum": digest.hex().upper()}]},
        {"hash": f"{algorithm}:{digest.hex()}"},
        {"integrity": f"{algorithm}-{text}"},
        {"sha-256": url},
        {"anything": digest.hex()},
        b"e30." + claims + b".c2ln",
        b"%PDF-1.7 \x00\xff (" + digest.hex().encode() + b")",
        b"<proof><h>" + text.encode() + b"</h></proof>",
    ):
        assert asked(case, content) == ("yes", number), content


def test_a_hash_of_unknown_bytes_proves_nothing(case):
    strange = hashlib.sha256(b"a canonical form that nobody published").hexdigest()
    assert asked(case, {"hash": strange}) == ("unknown", None)
    # Unless the operator knows which bytes the registry hashes.
    assert asked(case, {"hash": strange}, hashed_form="served_record") == ("no", None)
    assert asked(case, {"hash": case[2].sha256}, hashed_form="signed_part") == ("no", None)
    served = hashlib.sha256(forms(case[1][0])["served_record"]).hexdigest()
    assert asked(case, {"hash": served}, hashed_form="signed_part") == ("no", None)
    assert asked(case, {"hash": served}, hashed_form="served_record") == ("yes", 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"paper",
        b"%PDF-1.7",
        b"\xff\xfe",
        {},
        {"hash": "short"},
        {"hash": ""},
        [],
        "text",
        b"a.b.c",
        b"{" * 99,
    ],
)
def test_what_holds_no_hash_cannot_be_compared(case, content):
    assert asked(case, content) == ("unknown", None)


@pytest.mark.parametrize("member", ["registrationId", "registryIdentifier", "uniqueProductIdentifier"])
def test_a_proof_of_something_else_is_a_no(case, member):
    good = case[1][0].sha256
    assert asked(case, {member: "something else", "hash": good}) == ("no", None)
    own = case[3] if member == "uniqueProductIdentifier" else "EU-1"
    assert asked(case, {member: own, "hash": good}) == ("yes", 1)
