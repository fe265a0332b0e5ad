"""Corrections say what they correct and why; nothing that was said is gone; withdrawn is not superseded."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import Conflict, InputRefused, NotFound
from passport.issue import view_of
from passport.ledger import batteries, database, operators, versions
from passport.life import acts, corrections
from passport.life.history import history
from passport.lifecycle.status import ActName
from passport.signing import base64url
from passport.signing.verify import verify
from schemas.terms import Audience, RecordKind
from tests.passport.issuing import NOW, OPERATOR, installation

LATER = NOW + timedelta(days=1)


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def issued(house, **facts):
    made = house.battery(**facts)
    house.issuer.issue(made.id, RecordKind.PASSPORT, now=NOW)
    return made


def correct(house, battery, reason="typing mistake", now=LATER, **facts):
    return corrections.correct(house.issuer, battery.id, facts, reason=reason, now=now)


def versions_of(house, battery, kind=RecordKind.PASSPORT):
    with database.reading(house.engine) as connection:
        return versions.history(connection, battery.id, kind)


def payload(version):
    return json.loads(base64url.decode(version.jwt.split(b".")[1].decode()))


def told(house, battery):
    with database.reading(house.engine) as connection:
        return history(connection, batteries.get(connection, battery.id))


def test_the_next_version_says_which_it_corrects_and_why(house):
    battery = issued(house)
    correct(house, battery, rated_capacity=Decimal(100))
    first, second = versions_of(house, battery)
    assert payload(second)["corrects"] == {"recordVersion": 1, "reason": "typing mistake"}
    assert payload(first)["credentialSubject"]["rated_capacity"]["value"] == "102"
    assert payload(second)["credentialSubject"]["rated_capacity"]["value"] == "100"
    with database.reading(house.engine) as connection:
        keys = operators.jwks(connection, OPERATOR)["keys"]
        record = view_of(connection, second, Audience.PUBLIC).record
    lines = {
        line.name: line.answer for line in verify(record, jwks=keys, now=LATER, previous=first.jwt).lines
    }
    assert (lines["schema"], lines["chain"]) == ("yes", "yes")
    # A further version tells what is new and corrects nothing.
    third = house.issuer.issue(battery.id, RecordKind.PASSPORT, now=LATER, force=True)
    assert "corrects" not in payload(third)


def test_only_the_records_that_held_it_are_issued_anew(house):
    battery = issued(house)
    house.issuer.issue(battery.id, RecordKind.CONDITION, now=NOW)
    outcome = correct(house, battery, expected_lifetime_years=Decimal(9))
    assert [kind for _, kind, _ in outcome.issued] == [RecordKind.CONDITION]
    assert len(versions_of(house, battery)) == 1
    assert payload(versions_of(house, battery, RecordKind.CONDITION)[1])["corrects"]["recordVersion"] == 1


def test_a_correction_without_reason_or_change_or_of_what_acts_decide_is_refused(house):
    battery = issued(house, battery_status="original")
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(InputRefused, match="say why"):
            correct(house, battery, reason=reason, rated_capacity=Decimal(1))
    with pytest.raises(InputRefused, match="at least one attribute"):
        correct(house, battery)
    with pytest.raises(Conflict, match="stands so already"):
        correct(house, battery, rated_capacity=Decimal(102))
    with pytest.raises(acts.ActRefused, match="follows from what happened"):
        correct(house, battery, second_life_operation="repurposing")
    # While nothing happened the declared status may be wrong; afterwards it follows from the acts.
    correct(house, battery, battery_status="re-used")
    acts.tell(house.issuer, battery.id, ActName.WASTE, at=LATER, now=LATER)
    with pytest.raises(acts.ActRefused, match="battery_status: that follows"):
        correct(house, battery, battery_status="original")
    acts.tell(house.issuer, battery.id, ActName.RECYCLED, at=LATER, now=LATER)
    with pytest.raises(acts.ActRefused, match="its passport has ended"):
        correct(house, battery, rated_capacity=Decimal(1))


def test_a_withdrawn_record_stays_and_says_so(house):
    battery = issued(house)
    (first,) = versions_of(house, battery)
    address = house.issuer.record_url(first.record_id)
    corrections.withdraw(house.issuer, address, reason="of another battery", now=LATER)
    with pytest.raises(Conflict, match="already"):
        corrections.withdraw(house.issuer, first.record_id, reason="again", now=LATER)
    with pytest.raises(NotFound):
        corrections.withdraw(house.issuer, "AAAAAAAAAAAAAAAA", reason="x", now=LATER)
    with database.reading(house.engine) as connection:
        keys = operators.jwks(connection, OPERATOR)["keys"]
        record = view_of(connection, first, Audience.PUBLIC).record
        assert versions.withdrawn(connection, battery.id, RecordKind.PASSPORT) == {1: "of another battery"}
    listed = house.issuer.status_list(OPERATOR, first.status_list, LATER)
    lines = {line.name: line for line in verify(record, jwks=keys, now=LATER, status_list=listed).lines}
    assert lines["status"].answer == "no"
    assert versions_of(house, battery) == [first]


def test_the_history_tells_all_of_it_in_order(house):
    battery = issued(house, battery_status="original")
    correct(house, battery, rated_capacity=Decimal(100))
    acts.record_repair(house.issuer, battery.id, part="fuse", at=LATER, now=LATER + timedelta(hours=1))
    acts.tell(
        house.issuer, battery.id, ActName.WASTE, at=LATER + timedelta(days=1), now=LATER + timedelta(days=1)
    )
    corrections.withdraw(
        house.issuer, versions_of(house, battery)[0].record_id, reason="wrong", now=LATER + timedelta(days=2)
    )
    entries = told(house, battery)
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    kinds = [entry.kind for entry in entries]
    assert kinds.count("declared") == 2
    assert {"issued", "corrected", "repair", "waste", "withdrawn", "snapshot", "stated"} <= set(kinds)
    (second,) = [e for e in entries if e.kind == "issued" and e.detail["corrects"]]
    assert second.words == "passport 2, corrects 1: typing mistake"
    for entry in entries:
        json.dumps(entry.to_wire())


@settings(max_examples=10, deadline=None, database=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["rated_capacity", "battery_mass"]), st.integers(1, 4)),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_that_was_declared_or_signed_is_ever_gone(steps, tmp_path_factory):
    with installation(tmp_path_factory.mktemp("corrections")) as house:
        battery = issued(house)
        seen: list[bytes] = [version.jwt for version in versions_of(house, battery)]
        declared = 1
        for number, (name, value) in enumerate(steps):
            try:
                correct(
                    house,
                    battery,
                    reason=f"reason {number}",
                    now=LATER + timedelta(hours=number),
                    **{name: Decimal(value)},
                )
            except Conflict:
                continue
            declared += 1
            now = versions_of(house, battery)
            assert [version.jwt for version in now[: len(seen)]] == seen
            assert payload(now[-1])["corrects"]["reason"] == f"reason {number}"
            seen = [version.jwt for version in now]
        assert house.one("SELECT count(*) FROM declaration WHERE battery = ?", battery.id) == declared
        assert len(seen) == declared
