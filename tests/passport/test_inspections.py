"""Inspections: written by hand, signed with a key of one's own, filed, and what they say about a gate."""

import json
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport import inspections
from passport.appraising import assessment_of
from passport.errors import Conflict, InputRefused, NotFound, VerificationFailed
from passport.inspections import Finding, Findings, MeasuredCapacity
from passport.judgement.second_life.gates import Answer
from passport.ledger import database, life, notices
from passport.lifecycle.status import ActName
from passport.signing.base64url import decode
from passport.signing.keys import RecordKey, create_record_key
from schemas.identifier import identifier_url
from schemas.terms import BatteryStatus, Level
from tests.passport.issuing import NOW, URL, installation

EARLIER = NOW - timedelta(days=2)


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "inspector.pem"
    create_record_key(path, password=b"secret")
    return RecordKey(path, b"secret")


def name(house, key, who="First Inspector", at=EARLIER):
    with database.writing(house.engine) as connection:
        return inspections.add_inspector(
            connection, name=who, qualification="level 3", jwk=key.public_jwk, at=at
        )


def findings(house, battery, *told, at=EARLIER, **more) -> Findings:
    made = tuple(Finding(gate, clean, f"looked at {gate}") for gate, clean in told)
    return Findings(identifier_url(URL, battery.identifier), at, made, **more)


def file(house, token, now=NOW):
    with database.writing(house.engine) as connection:
        return inspections.file(connection, token, public_url=URL, now=now)[1]


def gate(house, battery, wanted="G3", now=NOW):
    with database.reading(house.engine) as connection:
        outcome = assessment_of(connection, battery, now=now)
    return next(one for one in outcome.results if one.gate.id == wanted)


def test_a_clean_finding_answers_an_open_gate(house, key):
    battery = house.battery()
    assert gate(house, battery).answer is Answer.UNKNOWN
    name(house, key)
    file(house, inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW))
    said = gate(house, battery)
    assert said.answer is Answer.PASS
    assert said.reason == "inspected: looked at G3 (First Inspector, 2026-11-18)"


def test_an_adverse_finding_fails_the_gate(house, key):
    battery = house.battery()
    name(house, key)
    file(house, inspections.sign(findings(house, battery, ("G3", False)), key, now=NOW))
    assert gate(house, battery).answer is Answer.FAIL


def test_a_clean_finding_after_an_adverse_one_leaves_the_gate_open_until_it_names_it(house, key, tmp_path):
    battery = house.battery()
    other_path = tmp_path / "other.pem"
    create_record_key(other_path, password=None)
    other = RecordKey(other_path)
    name(house, key)
    name(house, other, "Second Inspector")
    adverse = findings(house, battery, ("G3", False), at=NOW - timedelta(days=9))
    first = file(house, inspections.sign(adverse, key, now=NOW))
    file(house, inspections.sign(findings(house, battery, ("G3", True)), other, now=NOW))
    said = gate(house, battery)
    assert said.answer is Answer.UNKNOWN
    assert "First Inspector found what Second Inspector does not" in said.reason
    resolving = findings(house, battery, ("G3", True), at=NOW, resolves=(first.digest,))
    file(house, inspections.sign(resolving, other, now=NOW))
    assert gate(house, battery).answer is Answer.PASS


def test_a_later_adverse_finding_always_speaks(house, key):
    battery = house.battery()
    name(house, key)
    file(
        house,
        inspections.sign(findings(house, battery, ("G3", True), at=NOW - timedelta(days=9)), key, now=NOW),
    )
    file(house, inspections.sign(findings(house, battery, ("G3", False)), key, now=NOW))
    assert gate(house, battery).answer is Answer.FAIL


def test_an_old_inspection_says_nothing_any_more(house, key):
    battery = house.battery()
    name(house, key)
    file(house, inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW))
    assert gate(house, battery, now=EARLIER + timedelta(days=180)).answer is Answer.PASS
    assert gate(house, battery, now=EARLIER + timedelta(days=181)).answer is Answer.UNKNOWN


def test_an_inspection_never_overrules_a_failure(house, key):
    battery = house.battery(battery_status="waste")
    before = gate(house, battery, "G2")
    assert before.answer is Answer.FAIL
    name(house, key)
    file(house, inspections.sign(findings(house, battery, ("G2", True)), key, now=NOW))
    assert gate(house, battery, "G2") == before


def test_an_open_recall_fails_the_second_gate_until_it_ends(house):
    battery = house.battery()
    with database.writing(house.engine) as connection:
        recall, _ = notices.add(
            connection,
            target=battery.id,
            level=Level.ITEM,
            kind=notices.Kind.RECALL,
            title="Cells may short",
            text="Do not charge.",
            now=NOW,
        )
    said = gate(house, battery, "G2")
    assert said.answer is Answer.FAIL
    assert "a safety recall is open" in said.reason
    with database.writing(house.engine) as connection:
        notices.end(connection, recall.id, why="repaired", now=NOW)
    assert gate(house, battery, "G2").answer is Answer.UNKNOWN


def test_a_battery_that_became_waste_is_known_as_waste(house):
    battery = house.battery(battery_status="original")
    with database.writing(house.engine) as connection:
        life.append(
            connection,
            battery,
            ActName.WASTE,
            at=NOW,
            now=NOW,
            by=battery.operator,
            battery_status=BatteryStatus.WASTE,
            detail={},
        )
    said = gate(house, battery, "G2", now=NOW + timedelta(minutes=1))
    assert said.answer is Answer.FAIL
    assert "the battery is waste" in said.reason


def test_nobody_files_under_a_key_that_is_not_named(house, key):
    battery = house.battery()
    token = inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW)
    with pytest.raises(VerificationFailed, match="no inspector who is named here"):
        file(house, token)


def test_nobody_files_under_a_key_that_has_ended_and_what_was_filed_stays(house, key):
    battery = house.battery()
    named = name(house, key)
    token = inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW)
    file(house, token)
    later = NOW + timedelta(days=1)
    with database.writing(house.engine) as connection:
        inspections.end_inspector(connection, named.kid, at=later)
    another = inspections.sign(findings(house, battery, ("G4", True)), key, now=NOW)
    with pytest.raises(VerificationFailed, match="no longer named"):
        file(house, another, now=later)
    assert gate(house, battery, now=later).answer is Answer.PASS
    with pytest.raises(NotFound), database.writing(house.engine) as connection:
        inspections.end_inspector(connection, named.kid, at=later)


def test_every_flipped_bit_of_a_statement_is_noticed(house, key):
    battery = house.battery()
    name(house, key)
    token = inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW)
    dots = [at for at, byte in enumerate(token) if byte == ord(".")]
    for at in range(0, len(token) - 1, 7):
        if at in dots:
            continue
        changed = bytearray(token)
        changed[at] ^= 1
        with pytest.raises((VerificationFailed, InputRefused)):
            file(house, bytes(changed))


def test_the_same_inspection_is_filed_once(house, key):
    battery = house.battery()
    name(house, key)
    token = inspections.sign(findings(house, battery, ("G3", True)), key, now=NOW)
    assert file(house, token).digest == file(house, token + b"\n").digest
    assert house.one("SELECT count(*) FROM inspection") == 1


def test_an_inspection_of_another_battery_changes_nothing_here(house, key):
    battery, other = house.battery(), house.battery()
    name(house, key)
    file(house, inspections.sign(findings(house, other, ("G3", True)), key, now=NOW))
    assert gate(house, battery).answer is Answer.UNKNOWN
    lost = Findings(f"{URL}/01/09520123456788/21/NOWHERE", EARLIER, (Finding("G3", True, "looked"),))
    with pytest.raises(NotFound):
        file(house, inspections.sign(lost, key, now=NOW))


def test_a_capacity_out_of_proportion_is_refused(house, key):
    battery = house.battery()  # rated 102 Ah
    name(house, key)
    for value, fits in (("98.3", True), ("132.6", True), ("5000", False)):
        test = MeasuredCapacity(Decimal(value), Decimal("0.5"), Decimal(25), "by the book")
        token = inspections.sign(findings(house, battery, ("G3", True), capacity=test), key, now=NOW)
        if fits:
            file(house, token)
            continue
        with pytest.raises(InputRefused, match="rated 102 Ah"):
            file(house, token)


def test_a_key_is_named_once_and_never_with_its_private_half(house, key):
    name(house, key)
    with pytest.raises(Conflict):
        name(house, key, "Somebody Else")
    for jwk in ({**key.public_jwk, "d": "secret"}, {"kty": "RSA"}, {**key.public_jwk, "x": "AA"}, {}):
        with pytest.raises(InputRefused), database.writing(house.engine) as connection:
            inspections.add_inspector(connection, name="X", qualification="Y", jwk=jwk, at=NOW)


def test_an_inspection_ahead_of_now_is_refused(house, key):
    battery = house.battery()
    ahead = findings(house, battery, ("G3", True), at=NOW + timedelta(hours=1))
    with pytest.raises(InputRefused, match="ahead of now"):
        inspections.sign(ahead, key, now=NOW)


def test_the_did_is_the_key_itself(house, key):
    named = name(house, key)
    assert json.loads(decode(named.did.removeprefix("did:jwk:"))) == {
        member: key.public_jwk[member] for member in ("crv", "kty", "x", "y")
    }


# What is written by hand.


def test_a_filled_in_template_is_read_as_it_was_written(house):
    battery = house.battery()
    text = inspections.template(battery, public_url=URL, gates=["G3", "G5"], now=NOW)
    assert text.count("[[finding]]") == 2
    filled = text.replace("clean = false", "clean = true").replace('sentence = ""', 'sentence = "sound"', 2)
    filled = filled.replace("# [capacity]", "[capacity]").replace("# value_ah", "value_ah")
    filled = filled.replace("# half_width_ah", "half_width_ah").replace(
        "# temperature_celsius", "temperature_celsius"
    )
    filled = filled.replace('# sentence = "instrument', 'sentence = "instrument')
    read = inspections.read_findings(filled)
    assert [finding.gate for finding in read.findings] == ["G3", "G5"]
    assert all(finding.clean for finding in read.findings)
    assert str(read.capacity.ampere_hours) == "98.3"
    assert read.inspected_at == NOW


def test_an_empty_template_is_refused_with_its_first_gap(house):
    text = inspections.template(house.battery(), public_url=URL, gates=["G3"], now=NOW)
    with pytest.raises(InputRefused, match="finding 1: sentence"):
        inspections.read_findings(text)


GOOD = 'battery = "https://id.example.com/x"\ninspected_at = 2026-11-18T12:00:00Z\n'
ONE = '[[finding]]\ngate = "G3"\nclean = true\nsentence = "sound"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("battery =", "no TOML"),
        (GOOD, "at least one"),
        (GOOD + ONE + ONE, "told already"),
        (GOOD + ONE.replace("G3", "G14"), "G1 to G13"),
        (GOOD + ONE.replace("true", '"yes"'), "true or false"),
        (GOOD + ONE.replace("sound", "x\\u0007"), "sentence"),
        (GOOD + ONE.replace("sound", "s" * 501), "sentence"),
        (GOOD + 'by = "me"\n' + ONE, "unknown member 'by'"),
        (GOOD.replace("Z", "") + ONE, "with its zone"),
        (GOOD + 'resolves = ["abc"]\n' + ONE, "64 hex digits"),
        (GOOD + "[capacity]\nvalue_ah = 98\n", "number as text"),
        (
            GOOD
            + '[capacity]\nvalue_ah = "9"\nhalf_width_ah = "9"\n'
            + 'temperature_celsius = "25"\nsentence = "test"\n',
            "half width below it",
        ),
        (GOOD.replace("https", "", 1).replace("://id.example.com/x", "") + ONE, "expected its address"),
    ],
)
def test_faulty_findings_are_refused_by_name(text, said):
    with pytest.raises(InputRefused, match=said):
        inspections.read_findings(text)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_findings_or_refused(text):
    with suppress(InputRefused):
        inspections.read_findings(text)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_an_inspection_or_refused(data):
    with pytest.raises((VerificationFailed, InputRefused)):
        inspections._read(data, {}, filed_at=NOW)
