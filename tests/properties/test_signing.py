"""What must hold for every record: it reads back as written, and one flipped bit is noticed."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused, VerificationFailed
from passport.signing import base64url, encode, log, verify
from passport.signing.attachments import attachments
from passport.signing.disclosures import disclose
from passport.signing.sign import parse_jws, sign_record
from schemas.strict_json import loads
from schemas.terms import RecordKind
from tests.passport.signing.records import ISSUED, NOW, Issuer, halves, unsigned

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
EXACT = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT.filter(lambda name: name not in ("_sd", "...")), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in encode.RESERVED
)

# Other work on the machine must not fail a test: no deadline, and slow data is no complaint.
STEADY = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("keys"))


@STEADY
@given(public=st.dictionaries(NAMES, EXACT, max_size=6), restricted=st.dictionaries(NAMES, EXACT, max_size=6))
def test_a_record_read_back_is_the_record_written(issuer, public, restricted):
    public = {name: value for name, value in public.items() if name not in restricted}
    made = unsigned(public=public, restricted=restricted)
    jwt = sign_record(made.payload, issuer.signer, ISSUED)
    shown = [item.encoded for item in made.disclosures]
    claims = disclose(loads(parse_jws(jwt).payload), shown)
    subject = claims["credentialSubject"]
    del subject["id"]
    assert subject == {**public, **restricted}
    assert [encode.disclosed(text)[0] for text in shown] == sorted(restricted)


@STEADY
@given(restricted=st.dictionaries(NAMES, EXACT, min_size=1, max_size=6), data=st.data())
def test_a_view_shows_what_was_chosen_and_nothing_else(issuer, restricted, data):
    made = unsigned(public={}, restricted=restricted)
    chosen = data.draw(st.sets(st.sampled_from(sorted(restricted))))
    shown = [item.encoded for item in made.disclosures if item.attribute in chosen]
    claims = disclose(loads(made.payload), shown)
    assert claims["credentialSubject"].keys() == {"id", *chosen}


@STEADY
@given(data=st.data())
def test_one_flipped_bit_is_noticed(issuer, data):
    if not issuer.jwts:
        issuer.issue(RecordKind.CONDITION)
        made = unsigned(RecordKind.CONDITION)
        issuer.view = encode.view(issuer.jwts[0], [item.encoded for item in made.disclosures])
        assert verify.verify(issuer.view, jwks=issuer.jwks, now=NOW).good()
    position = data.draw(st.integers(0, len(issuer.view) - 1))
    changed = bytearray(issuer.view)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        verdict = verify.verify(bytes(changed), jwks=issuer.jwks, now=NOW)
    except InputRefused:
        return
    assert not verdict.good(())


@STEADY
@given(payload=EXACT, shown=st.lists(st.text("ABCabc012-_=~.", max_size=30), max_size=3))
def test_whatever_was_signed_gets_ten_answers_or_is_refused(issuer, payload, shown):
    jwt = sign_record(encode.json_bytes(payload), issuer.signer, ISSUED)
    assert len(verify.verify_file(encode.view(jwt, shown), jwks=issuer.jwks, now=NOW)) == 10


MEMBERS = [
    "@context",
    "type",
    "issuer",
    "iss",
    "validFrom",
    "validUntil",
    "credentialSchema",
    "credentialStatus",
    "credentialSubject",
    "relatedResource",
    "recordVersion",
    "registryVersion",
    "_sd_alg",
    "nbf",
    "exp",
    "iat",
    "vct",
    "name",
    "evidence",
]


@STEADY
@given(
    changes=st.dictionaries(st.sampled_from(MEMBERS), EXACT, min_size=1, max_size=3),
    typ=st.sampled_from(["vc+sd-jwt", "dc+sd-jwt", "vc+jwt"]),
)
def test_a_record_with_any_member_replaced_gets_ten_answers(issuer, changes, typ):
    payload = {**json.loads(unsigned().payload), **changes}
    jwt = sign_record(encode.json_bytes(payload), issuer.signer, ISSUED, typ=typ)
    data = jwt if typ == "vc+jwt" else jwt + b"~"
    found = verify.verify_file(
        data, jwks=issuer.jwks, now=NOW, subject="x", previous=jwt + b"~", status_list=jwt
    )
    assert len(found) == 10


@STEADY
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_file_is_judged_or_refused(data):
    for prefix in (b"", b"eyJ", b'{"format":"cellpass-bundle/1","record":', b"%PDF-1.7\n/Type /EmbeddedFile"):
        try:
            verify.verify_file(prefix + data, jwks=[], now=NOW, log_keys=[])
        except InputRefused:
            continue


@STEADY
@given(st.binary(max_size=200) | st.text("\n\u2014 ab+/=19cspogtlrf@vindex", max_size=120).map(str.encode))
def test_any_note_or_proof_is_read_or_refused(data):
    for read in (log.split_note, log.parse_checkpoint, log.parse_tlog_proof):
        for prefix in (b"", b"c2sp.org/tlog-proof@v1\nindex 1\n"):
            try:
                read(prefix + data)
            except VerificationFailed:
                continue


@STEADY
@given(st.binary(max_size=60))
def test_base64url_has_one_spelling_per_byte_string(data):
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    for other in (text + "=", text + "\n", " " + text, text + "A==", text + "AA"):
        try:
            assert base64url.decode(other) != data
        except ValueError:
            continue


@STEADY
@given(st.binary(max_size=200))
def test_any_pdf_is_searched_or_refused(data):
    try:
        attachments(
            b"%PDF-1.7\n1 0 obj << /Type /EmbeddedFile " + data + b">> stream\n" + data + b"\nendstream"
        )
    except InputRefused:
        return


@STEADY
@given(st.integers(1, 200), st.data())
def test_a_tree_grows_only_at_its_end(size, data):
    leaves = [log.leaf_hash(number.to_bytes(2)) for number in range(size)]
    first = data.draw(st.integers(0, size))
    index = data.draw(st.integers(0, size - 1))
    tree_root = log.root(leaves)
    log.verify_inclusion(leaves[index], index, size, log.inclusion_proof(index, leaves), tree_root)
    log.verify_consistency(
        first, size, log.consistency_proof(first, leaves), log.root(leaves[:first]), tree_root
    )


@pytest.mark.long
@pytest.mark.parametrize("number", range(20))
def test_every_byte_of_twenty_records_is_guarded(tmp_path, number):
    made_by = Issuer(tmp_path)
    kind = list(RecordKind)[number % 3]
    values = (
        {"rated_capacity": {"value": str(number), "unit": "Ah", "source": "declared"}}
        if number % 3 == 0
        else {}
    )
    public, restricted = halves(kind, values)
    jwt, made = made_by.issue(kind, public=public, restricted=restricted, version=1)
    data = encode.view(jwt, [item.encoded for item in made.disclosures])
    assert verify.verify(data, jwks=made_by.jwks, now=NOW).good()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position + number) % 8
        try:
            verdict = verify.verify(bytes(changed), jwks=made_by.jwks, now=NOW)
        except InputRefused:
            continue
        assert not verdict.good(()), position
