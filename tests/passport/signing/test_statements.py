"""Statements: signed by the signer's rules, read only as what they are, by whom they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import VerificationFailed
from passport.signing import statements
from passport.signing.keys import SignerProcess, SignerRefused
from passport.signing.sign import STATUS_LIST_TYPE, sign_record
from tests.passport.signing.records import ISSUED, ISSUER, unsigned

CONTENT = {"battery": "https://id.example.com/01/09520123456788/21/A", "source": "bms-7"}


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statements")
    with SignerProcess(folder / "keys", folder / "signer.sock") as running:
        made = running.signer("demo")
        made.ensure_key(ISSUER)
        yield made


def sign(signer, kind=statements.COMMISSIONING, **content):
    return statements.sign_statement(kind, content or CONTENT, issuer_did=ISSUER, signer=signer, at=ISSUED)


def read(signer, token, kind=statements.COMMISSIONING, issuer=ISSUER):
    return statements.read_statement(token, kind, issuer_did=issuer, keys=[signer.public_jwk])


def test_a_statement_says_who_what_and_when(signer):
    token = sign(signer)
    said = read(signer, token)
    assert said == {
        **CONTENT,
        "type": "Commissioning",
        "issuer": ISSUER,
        "issuedAt": ISSUED.isoformat().replace("+00:00", "Z"),
    }
    assert sign(signer) == token


def test_it_passes_for_no_other_kind_issuer_or_key(signer):
    token = sign(signer)
    with pytest.raises(VerificationFailed, match="expected a statement of type Another"):
        read(signer, token, kind="Another")
    with pytest.raises(VerificationFailed, match="expected a statement of did:web:other"):
        read(signer, token, issuer="did:web:other")
    with pytest.raises(VerificationFailed, match="has no key"):
        statements.read_statement(token, statements.COMMISSIONING, issuer_did=ISSUER, keys=[])


def test_no_record_is_a_statement_and_no_statement_a_record(signer):
    record = sign_record(unsigned().payload, signer, ISSUED)
    with pytest.raises(VerificationFailed, match="a statement has cellpass-statement"):
        read(signer, record)
    payload = statements.json_bytes({"type": "Commissioning", "issuer": ISSUER})
    for typ in (STATUS_LIST_TYPE, "JWT"):
        with pytest.raises(SignerRefused, match="is nothing that this signer signs"):
            sign_record(payload, signer, ISSUED, typ=typ)


def test_the_signer_signs_for_its_own_issuer_and_known_kinds_only(signer):
    for content in ({"type": "Commissioning", "issuer": "did:web:other"}, {"type": "Gift", "issuer": ISSUER}):
        with pytest.raises(SignerRefused):
            sign_record(statements.json_bytes(content), signer, ISSUED, typ=statements.STATEMENT_TYPE)


@pytest.mark.parametrize("content", [{"type": "x"}, {"issuer": "x"}, {"issuedAt": "x"}])
def test_the_common_members_are_not_for_a_kind_to_set(signer, content):
    with pytest.raises(ValueError, match="names its own members"):
        sign(signer, **content)


@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_one_changed_character_is_noticed(signer, data):
    token = bytearray(sign(signer))
    place = data.draw(st.integers(0, len(token) - 1))
    token[place] = data.draw(st.integers(33, 126).filter(lambda byte: byte != token[place]))
    with pytest.raises(VerificationFailed):
        read(signer, bytes(token))
