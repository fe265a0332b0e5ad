"""Issuing: what is written, what is refused, what everybody may see of it."""

import base64
import json
import re
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from passport import disclosure, issue
from passport.errors import Conflict, LogRefused, NotFound, SignerUnavailable, StoreUnavailable
from passport.issue import ASSESSMENT_LIFE, RecordGateClosed, view_of
from passport.ledger import batteries, database, leaves, operators, states, versions
from passport.ledger.direct import Direct
from passport.lifecycle.state import LifecycleState
from passport.signing import log
from passport.signing.keys import FileSigner, SignerProcess, SignerRefused
from passport.signing.verify import verify_file
from schemas.registry import REGISTRY, by_record
from schemas.terms import Audience, Disclosure, PassportStatus, RecordKind
from tests.passport.issuing import AFTER, BEFORE, NOW, OPERATOR, URL, installation

PASSPORT, CONDITION, ASSESSMENT = RecordKind
DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def lines_of(house, version, audience=Audience.LEGITIMATE_INTEREST, previous=None, now=NOW):
    with database.reading(house.engine) as connection:
        record = view_of(connection, version, audience).record
        keys = versions.jwks(connection, version.operator)["keys"]
        log_keys = [key.vkey for key in operators.log_keys(connection, version.operator)]
    lines = verify_file(record, jwks=keys, log_keys=log_keys, now=now, previous=previous)
    return {line.name: line.answer for line in lines}


def claims(version):
    part = version.jwt.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


# ------------------------------------------------------------------------------------------ what is written


def test_a_passport_says_something_of_every_row_and_verifies(house):
    battery = house.battery()
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW)
    said = claims(version)
    assert said["issuer"] == "did:web:id.example.com:o:example-cells"
    assert said["id"] == f"{URL}/r/{version.record_id}"
    assert said["simulated"] is True
    subject = said["credentialSubject"]
    assert subject["id"] == f"{URL}{battery.identifier}"
    assert subject["rated_capacity"] == {
        "value": "102",
        "unit": "Ah",
        "as_of": "2026-11-20T12:00:00Z",
        "source": "declared",
    }
    assert subject["passport_id"]["value"] == f"{URL}/p/{battery.passport_id}"
    assert subject["serial_number"]["value"] == "S0"
    assert subject["operator_name"]["value"] == "Example Cells GmbH"
    assert subject["dpp_status"]["value"] == "Active"
    assert subject["cf_total"] == {"absent": "not_yet_required"}
    assert subject["manufacturing_date"] == {"absent": "not_provided"}
    assert subject["capacity_threshold_exhaustion"] == {"absent": "not_applicable"}
    public = {row.id for row in by_record(PASSPORT) if row.disclosure is Disclosure.PUBLIC}
    assert set(subject) - {"id", "_sd"} == public
    assert len(subject["_sd"]) == len(by_record(PASSPORT)) - len(public)
    answers = lines_of(house, version)
    assert [answers[name] for name in ("signature", "disclosures", "validity", "issuer", "schema")] == [
        "yes"
    ] * 5


@pytest.mark.parametrize("kind", RecordKind)
def test_every_record_of_a_pack_from_before_the_day_is_marked_voluntary(house, kind):
    version = house.issuer.issue(house.battery().id, kind, now=NOW)
    assert (version.voluntary, version.incomplete) == (True, None)
    assert claims(version)["voluntary"] is True
    assert "incomplete" not in claims(version)
    with database.reading(house.engine) as connection:
        assert versions.by_record(connection, version.record_id) == version


@pytest.mark.parametrize("placed_on", [AFTER, None])
def test_a_pack_that_owes_a_passport_is_not_marked_voluntary(house, placed_on):
    version = house.issuer.issue(house.battery(placed_on=placed_on).id, PASSPORT, now=NOW, incomplete="x")
    assert version.voluntary is False
    assert "voluntary" not in claims(version)


def test_where_nothing_is_owed_nothing_owed_is_missing_whatever_the_operator_wrote(house):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW, incomplete="tests are under way")
    assert version.incomplete is None
    assert "incomplete" not in claims(version)


def test_a_pack_whose_day_becomes_known_gets_a_version_that_says_so(house):
    battery = house.battery(placed_on=None)
    first = house.issuer.issue(battery.id, CONDITION, now=NOW, incomplete="x")
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("UPDATE battery SET placed_on = ?", (BEFORE.isoformat(),))
    second = house.issuer.issue(battery.id, CONDITION, now=NOW)
    assert [(one.version, one.voluntary) for one in (first, second)] == [(1, False), (2, True)]


def test_a_condition_is_all_disclosures(house):
    version = house.issuer.issue(house.battery().id, CONDITION, now=NOW)
    assert set(claims(version)["credentialSubject"]) == {"id", "_sd"}
    with database.reading(house.engine) as connection:
        values = view_of(connection, version, Audience.LEGITIMATE_INTEREST).values
    # A status that nobody declared is not stated, however likely "original" is.
    assert values["battery_status"] == {"absent": "not_provided"}
    assert values["full_cycles"] == {"absent": "not_provided"}


def test_a_condition_takes_what_the_state_knows(house):
    battery = house.battery()
    # 204 Ah out of a pack of 102 Ah: two full cycles. The state counts in 2*mA*ms.
    state = LifecycleState(
        charge_out=204 * 2 * 1000 * 3_600_000,
        charge_ms=1,
        first_ms=1_760_000_000_000,
        last_ms=1_760_000_000_000,
    )
    with database.writing(house.engine) as connection:
        states.save_state(connection, battery.id, state.to_bytes(), 1, NOW)
    version = house.issuer.issue(battery.id, CONDITION, now=NOW)
    with database.reading(house.engine) as connection:
        values = view_of(connection, version, Audience.LEGITIMATE_INTEREST).values
    assert values["full_cycles"]["value"] == "2.000"
    assert values["full_cycles"]["source"] == "computed"
    assert house.one("SELECT full_cycles FROM battery_search WHERE battery = ?", battery.id) == 200


def test_an_assessment_expires_and_never_says_eligible(house):
    battery = house.battery()
    house.issuer.issue(battery.id, PASSPORT, now=NOW)
    version = house.issuer.issue(battery.id, ASSESSMENT, now=NOW)
    assert version.valid_until == NOW + ASSESSMENT_LIFE
    assert claims(version)["validUntil"] == "2027-02-18T12:00:00Z"
    with database.reading(house.engine) as connection:
        values = view_of(connection, version, Audience.LEGITIMATE_INTEREST).values
    outcome = values["second_life_assessment"]["value"]
    assert outcome["verdict"] == "needs_inspection"
    # The passport just issued verifies; nobody compared the battery's serial number with it.
    assert outcome["reasons"][0]["answer"] == "unknown"
    assert "serial number" in outcome["reasons"][0]["reason"]
    assert len(outcome["reasons"]) == 13
    # Nothing was measured: no health, and as much of a value as the materials have.
    assert values["state_of_health"] == {"absent": "not_provided"}
    assert "grade" not in outcome
    worth = values["residual_value"]["value"]
    assert worth["amount"] == worth["recycling"]
    assert "health is not determinable, so no use is valued" in worth["reasons"]
    assert house.one("SELECT verdict FROM battery_search WHERE battery = ?", battery.id) == "needs_inspection"


def test_versions_are_chained_by_address_and_digest(house):
    battery = house.battery()
    first = house.issuer.issue(battery.id, PASSPORT, now=NOW)
    house.declare(battery, battery_mass=Decimal(44))
    second = house.issuer.issue(battery.id, PASSPORT, now=NOW + DAY)
    assert second.version == 2
    (quoted,) = claims(second)["relatedResource"]
    assert quoted["id"] == f"{URL}/r/{first.record_id}"
    assert lines_of(house, second, previous=first.jwt + b"~", now=NOW + DAY)["chain"] == "yes"
    with database.reading(house.engine) as connection:
        assert versions.history(connection, battery.id, PASSPORT) == [first, second]
        assert versions.latest(connection, battery.id, PASSPORT) == second
        assert versions.by_record(connection, first.record_id) == first


def test_the_same_content_again_is_no_new_version(house):
    battery = house.battery()
    first = house.issuer.issue(battery.id, PASSPORT, now=NOW)
    assert house.issuer.issue(battery.id, PASSPORT, now=NOW + DAY) == first
    assert house.issuer.issue(battery.id, PASSPORT, now=NOW + DAY, force=True).version == 2


def test_another_passport_status_is_another_content(house):
    battery = house.battery()
    house.issuer.issue(battery.id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, battery.id, PassportStatus.INACTIVE)
    assert house.issuer.issue(battery.id, PASSPORT, now=NOW).version == 2


def test_an_opinion_near_its_end_is_renewed(house):
    battery = house.battery()
    first = house.issuer.issue(battery.id, ASSESSMENT, now=NOW)
    assert house.issuer.issue(battery.id, ASSESSMENT, now=NOW + 59 * DAY).version == first.version
    assert house.issuer.issue(battery.id, ASSESSMENT, now=NOW + 61 * DAY).version == 2


# ------------------------------------------------------------------------------------------ what is refused


def test_the_gate_says_everything_that_is_missing_at_once(house):
    battery = house.battery(placed_on=AFTER)
    with pytest.raises(RecordGateClosed) as caught:
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    missing = {finding.attribute for finding in caught.value.findings}
    assert {"manufacturing_date", "manufacturer_address", "expected_lifetime_cycles"} - missing == {
        "expected_lifetime_cycles"  # for stationary batteries it depends on a condition
    }
    assert "--incomplete" in str(caught.value)
    assert house.one("SELECT count(*) FROM intent") == 0


def test_a_reason_in_writing_opens_the_gate_and_stands_in_the_record(house):
    battery = house.battery(placed_on=AFTER)
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="tests are under way")
    assert claims(version)["incomplete"] == version.incomplete == "tests are under way"


def test_an_empty_reason_opens_nothing(house):
    with pytest.raises(RecordGateClosed):
        house.issuer.issue(house.battery(placed_on=AFTER).id, PASSPORT, now=NOW, incomplete="  ")


def test_no_reason_opens_the_gate_for_a_claim_without_its_act(house):
    battery = house.battery(cf_total=Decimal(61))
    with pytest.raises(RecordGateClosed, match="must stay empty") as caught:
        house.issuer.issue(battery.id, PASSPORT, now=NOW, incomplete="we know it")
    assert "--incomplete" not in str(caught.value)


def test_what_is_not_there_has_no_record(house):
    with pytest.raises(NotFound):
        house.issuer.issue("B" * 16, PASSPORT, now=NOW)


def test_another_public_url_is_refused_after_the_first_issue(house, tmp_path):
    battery = house.battery()
    house.issuer.issue(battery.id, PASSPORT, now=NOW)
    house.issuer.settings = replace(house.settings, public_url="https://other.example")
    with pytest.raises(Conflict, match=re.escape("issued under https://id.example.com")):
        house.issuer.issue(battery.id, PASSPORT, now=NOW, force=True)


def test_in_a_group_every_battery_has_its_own_outcome(house):
    good, gone, shut, stated = house.battery(), "B" * 16, house.battery(placed_on=AFTER), house.battery()
    before = house.issuer.issue(stated.id, PASSPORT, now=NOW)
    ids = [good.id, gone, shut.id, stated.id, good.id]
    outcomes = dict(house.issuer.issue_many(ids, PASSPORT, now=NOW + DAY))
    assert outcomes[good.id].version == 1
    assert isinstance(outcomes[gone], NotFound)
    assert isinstance(outcomes[shut.id], RecordGateClosed)
    assert outcomes[stated.id] == before
    assert house.one("SELECT count(*) FROM version") == 2


def test_a_group_drafted_ahead_says_what_was_declared_meanwhile(house, monkeypatch):
    monkeypatch.setattr(issue, "GROUP", 2)
    owned = [house.battery() for _ in range(3)]
    road = house.issuer.issue_many([one.id for one in owned], PASSPORT, now=NOW)
    next(road)
    # The third battery was drafted while the first two were being signed.
    house.declare(owned[2], battery_mass=Decimal(99))
    *_, (battery_id, version) = road
    assert battery_id == owned[2].id
    assert claims(version)["credentialSubject"]["battery_mass"]["value"] == "99"


def test_whoever_stops_asking_leaves_nothing_half_done(house, monkeypatch):
    monkeypatch.setattr(issue, "GROUP", 2)
    owned = [house.battery() for _ in range(6)]
    road = house.issuer.issue_many([one.id for one in owned], PASSPORT, now=NOW)
    next(road)
    road.close()
    assert house.one("SELECT count(*) FROM version") == 2
    assert house.one("SELECT count(*) FROM intent") == 0
    assert house.one("SELECT max(size) FROM checkpoint") == 2


def test_in_a_fleet_only_what_has_changed_is_issued(house, monkeypatch):
    monkeypatch.setattr(issue, "GROUP", 2)
    owned = [house.battery() for _ in range(5)]
    ids = [one.id for one in owned]
    first = dict(house.issuer.issue_many(ids, PASSPORT, now=NOW))
    house.declare(owned[3], battery_mass=Decimal(44))
    second = dict(house.issuer.issue_many(ids, PASSPORT, now=NOW + DAY))
    assert [second[one].version for one in ids] == [1, 1, 1, 2, 1]
    assert all(second[one] == first[one] for one in ids if one != owned[3].id)


def test_a_store_that_fails_for_the_next_group_lets_this_one_through(house, monkeypatch):
    monkeypatch.setattr(issue, "GROUP", 2)
    owned = [house.battery() for _ in range(4)]
    prepare, calls = house.issuer._prepare, []

    def failing(battery_ids, order):
        calls.append(battery_ids)
        if len(calls) == 2:
            raise StoreUnavailable("the disk is full")
        return prepare(battery_ids, order)

    monkeypatch.setattr(house.issuer, "_prepare", failing)
    road = house.issuer.issue_many([one.id for one in owned], PASSPORT, now=NOW)
    assert [next(road)[1].version, next(road)[1].version] == [1, 1]
    with pytest.raises(StoreUnavailable):
        next(road)
    assert house.one("SELECT count(*) FROM intent") == 0


def test_a_fleet_comes_in_several_groups_and_one_log(house):
    ids = [house.battery().id for _ in range(150)]
    outcomes = dict(house.issuer.issue_many(ids, PASSPORT, now=NOW))
    assert list(outcomes) == ids
    assert sorted(version.leaf_index for version in outcomes.values()) == list(range(150))
    assert house.one("SELECT max(size) FROM checkpoint") == 150
    house.issuer.check_log(NOW)


# -------------------------------------------------------------------------------------------- who sees what


@pytest.mark.parametrize("audience", Audience)
def test_a_view_holds_what_its_audience_may_see_and_nothing_else(house, audience):
    battery = house.battery()
    for kind in RecordKind:
        version = house.issuer.issue(battery.id, kind, now=NOW)
        with database.reading(house.engine) as connection:
            view = view_of(connection, version, audience)
        rows = {row.id for row in by_record(kind)}
        allowed = rows & disclosure.visible(audience)
        assert set(view.values) == allowed
        assert view.withheld == rows - allowed
        assert list(view.values) == [name for name in REGISTRY if name in allowed]
        disclosed = view.record.decode().split("~")[1:-1]
        restricted = {n for n in allowed if REGISTRY[n].disclosure is not Disclosure.PUBLIC}
        assert len(disclosed) == len(restricted)
        assert lines_of(house, version, audience)["signature"] == "yes"


@pytest.mark.parametrize("kind", RecordKind)
def test_the_short_road_to_a_record_gives_the_public_view(house, kind):
    battery = house.battery()
    house.issuer.issue(battery.id, kind, now=NOW)
    version = house.issuer.issue(battery.id, kind, now=NOW, force=True)
    with database.reading(house.engine) as connection:
        expected = view_of(connection, version, Audience.PUBLIC).record
    found = issue.public_record(Direct(house.engine), version.record_id)
    assert found == (kind, expected)
    assert expected == version.jwt + b"~"
    assert issue.public_record(Direct(house.engine), "A" * 16) is None


def test_the_short_road_leaves_records_of_other_registries_to_the_view(house, monkeypatch):
    version = house.issuer.issue(house.battery().id, CONDITION, now=NOW)
    monkeypatch.setattr(issue, "REGISTRY_VERSION", "2099.01")
    monkeypatch.setattr(
        disclosure, "may_see_attribute", lambda audience, name: name == "battery_status" and audience
    )
    _, record = issue.public_record(Direct(house.engine), version.record_id)
    assert [json.loads(base64.urlsafe_b64decode(one + b"=="))[1] for one in record.split(b"~")[1:-1]] == [
        "battery_status"
    ]


def test_where_the_short_road_is_closed_the_usual_one_is_taken(house):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    direct = Direct(house.engine)
    direct._address = "file:/nonexistent/cellpass.db"
    assert issue.public_record(direct, version.record_id) == (PASSPORT, version.jwt + b"~")


def test_an_erased_value_is_gone_and_everything_else_still_verifies(house, tmp_path):
    battery = house.battery(commodity_code="canary-8507600000")
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        assert "canary" in json.dumps(view_of(connection, version, Audience.AUTHORITY).values)
        versions.erase_disclosure(connection, version, "commodity_code", why="trade secret", at=NOW)
        versions.erase_disclosure(connection, version, "commodity_code", why="again", at=NOW)
    with database.reading(house.engine) as connection:
        view = view_of(connection, version, Audience.AUTHORITY)
        stored = {one.attribute: one.encoded for one in versions.disclosures(connection, version)}
    assert view.values["commodity_code"] == {"absent": "not_provided"}
    assert stored["commodity_code"] is None
    assert lines_of(house, version, Audience.AUTHORITY)["disclosures"] == "yes"
    assert house.one("SELECT count(*) FROM audit WHERE action = 'erase'") == 1
    with database.writing(house.engine) as connection, pytest.raises(NotFound):
        versions.erase_disclosure(connection, version, "rated_capacity", why="x", at=NOW)


def test_an_attribute_that_the_registry_does_not_know_is_withheld(house, monkeypatch):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    monkeypatch.setattr(disclosure, "REGISTRY", {k: v for k, v in REGISTRY.items() if k != "battery_mass"})
    with database.reading(house.engine) as connection:
        view = view_of(connection, version, Audience.AUTHORITY)
    assert "battery_mass" in view.withheld
    assert "battery_mass" not in view.values


# ------------------------------------------------------------------------------------------ log and status


def test_every_version_is_proven_by_the_newest_checkpoint(house):
    issued = [house.issuer.issue(house.battery().id, PASSPORT, now=NOW) for _ in range(5)]
    with database.reading(house.engine) as connection:
        newest = versions.checkpoint(connection, OPERATOR)
        (key,) = operators.log_keys(connection, OPERATOR)
        checkpoint = log.open_checkpoint(newest.note, key.vkey)
        assert (checkpoint.size, checkpoint.origin) == (5, "id.example.com/o/example-cells")
        for version in issued:
            proof = log.parse_tlog_proof(versions.tlog_proof(connection, version))
            leaf = log.leaf_hash(version.jwt)
            log.verify_inclusion(leaf, proof.index, 5, proof.hashes, checkpoint.root)


def test_a_version_without_a_checkpoint_has_no_proof_yet(house, monkeypatch):
    monkeypatch.setattr(house.issuer, "checkpoint", lambda *_args, **_more: None)
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    with database.reading(house.engine) as connection, pytest.raises(NotFound, match="no checkpoint covers"):
        versions.tlog_proof(connection, version)


def test_a_revoked_version_is_set_in_its_signed_list(house):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    other = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        versions.revoke(connection, version, why="wrong pack", at=NOW)
        assert versions.revoked_at(connection, version) == NOW
        assert versions.revoked_at(connection, other) is None
    signed = house.issuer.status_list(OPERATOR, 0, NOW)
    for one, answer in ((version, "no"), (other, "yes")):
        with database.reading(house.engine) as connection:
            record = view_of(connection, one, Audience.PUBLIC).record
            keys = versions.jwks(connection, OPERATOR)["keys"]
        lines = {line.name: line for line in verify_file(record, jwks=keys, now=NOW, status_list=signed)}
        assert lines["status"].answer == answer, lines["status"]
    with pytest.raises(NotFound, match="no status list 1"):
        house.issuer.status_list(OPERATOR, 1, NOW)


def test_a_status_list_keeps_its_bytes_until_something_is_revoked(house):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    first = house.issuer.status_list(OPERATOR, 0, NOW)
    assert house.issuer.status_list(OPERATOR, 0, NOW) == first
    with database.writing(house.engine) as connection:
        versions.revoke(connection, version, why="wrong pack", at=NOW + DAY)
    later = house.issuer.status_list(OPERATOR, 0, NOW)
    with database.reading(house.engine) as connection:
        keys = versions.jwks(connection, OPERATOR)["keys"]
    lines = verify_file(version.jwt + b"~", jwks=keys, now=NOW + DAY, status_list=later)
    (answer,) = (line for line in lines if line.name == "status")
    assert (answer.answer, answer.reason) == ("no", "set for 'revocation' as of 2026-11-21T12:00:00Z")


def test_a_taken_place_in_a_status_list_is_drawn_again(tmp_path):
    drawn = iter([7, 7, 8])
    with installation(tmp_path, random_below=lambda _: next(drawn)) as house:
        places = [house.issuer.issue(house.battery().id, PASSPORT, now=NOW).status_index for _ in range(2)]
    assert places == [7, 8]


def test_a_new_key_retires_the_old_one_and_both_stay_published(house):
    version = house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        jwk = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "newer"}
        operators.publish_record_key(connection, OPERATOR, jwk, issuer_did="did:web:x", at=NOW + DAY)
        newest, oldest = versions.jwks(connection, OPERATOR)["keys"]
        assert (newest["kid"], "exp" in newest) == ("newer", False)
        assert (oldest["kid"], oldest["exp"]) == (version.kid, 1795262400)  # 2026-11-21T12:00:00Z
        operators.revoke_key(connection, OPERATOR, version.kid, log_size=1, at=NOW + DAY)
        revoked = versions.jwks(connection, OPERATOR)["keys"][1]["revoked"]
        assert revoked == {"revoked_at": 1795262400, "log_size": 1}
        with pytest.raises(NotFound):
            operators.revoke_key(connection, OPERATOR, "nobody", log_size=1, at=NOW)


# ------------------------------------------------------------------------------------------------- trouble


class Gone(FileSigner):
    """A signer that does not answer, or refuses."""

    def __init__(self, path, trouble):
        super().__init__(path)
        self.trouble: Exception | None = trouble

    def sign(self, signing_input):
        if self.trouble:
            raise self.trouble
        return super().sign(signing_input)


@pytest.fixture
def silent(house):
    signer = Gone(house.settings.keys_dir / f"{OPERATOR}.pem", SignerUnavailable("gone"))
    house.issuer.signers = lambda _: signer
    return signer


def test_without_a_signer_nothing_is_visible_and_the_version_waits(house, silent):
    battery = house.battery()
    with pytest.raises(SignerUnavailable):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    assert house.one("SELECT count(*) FROM version") == 0
    assert house.issuer.recover(NOW).waiting == (house.one("SELECT record_id FROM intent"),)
    silent.trouble = None
    house.declare(battery, battery_mass=Decimal(44))
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW + DAY)
    assert version.version == 2  # the one that waited went first, as its number may already have been signed
    assert house.one("SELECT count(*) FROM intent") == 0


def test_a_signer_that_is_gone_for_the_checkpoint_signs_it_later(house, silent, monkeypatch):
    silent.trouble = None
    monkeypatch.setattr(silent, "checkpoint_size", lambda: (_ for _ in ()).throw(SignerUnavailable("gone")))
    house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    assert house.one("SELECT count(*) FROM checkpoint") == 0
    monkeypatch.undo()
    house.issuer.recover(NOW)
    assert house.one("SELECT size FROM checkpoint") == 1


def test_what_the_signer_refuses_is_void_and_its_number_free(house, silent):
    battery = house.battery()
    silent.trouble = SignerRefused("version 7 was signed last")
    with pytest.raises(SignerUnavailable):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    assert house.one("SELECT void_reason FROM intent") == "version 7 was signed last"
    assert house.one("SELECT length(payload) + length(disclosures) FROM intent") == 0
    silent.trouble = None
    assert house.issuer.issue(battery.id, PASSPORT, now=NOW).version == 1


def test_an_intent_that_was_overtaken_is_voided(house, silent):
    battery = house.battery()
    with pytest.raises(SignerUnavailable):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("UPDATE intent SET version = 5")
    recovered = house.issuer.recover(NOW)
    assert [reason for _, reason in recovered.voided] == ["version 0 was released last"]


def test_somebody_elses_version_on_its_way_is_a_conflict_until_its_lease_ends(house, silent):
    battery = house.battery()
    with pytest.raises(SignerUnavailable):
        house.issuer.issue(battery.id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("UPDATE intent SET waiting = 0")
    silent.trouble = None
    with pytest.raises(Conflict, match="on its way"):
        house.issuer.issue(battery.id, PASSPORT, now=NOW + timedelta(seconds=60))
    assert house.issuer.issue(battery.id, PASSPORT, now=NOW + timedelta(seconds=61)).version == 1


def test_of_two_racing_issuers_one_wins(house, tmp_path):
    battery = house.battery()
    both_read = threading.Barrier(2)
    results: list[object] = []

    def run() -> None:
        both_read.wait()
        try:
            results.append(house.issuer.issue(battery.id, PASSPORT, now=NOW, force=True))
        except Conflict as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    released = [one for one in results if not isinstance(one, Conflict)]
    assert len(results) == 2
    assert released
    with database.reading(house.engine) as connection:
        history = versions.history(connection, battery.id, PASSPORT)
        assert [version.version for version in history] == list(range(1, len(released) + 1))
        assert leaves.size(connection, OPERATOR) == len(released)
    house.issuer.check_log(NOW)


def test_many_threads_on_many_batteries_leave_one_whole_log(house):
    owned = [house.battery() for _ in range(4)]
    errors: list[BaseException] = []

    def run(battery) -> None:
        try:
            for kind in RecordKind:
                house.issuer.issue(battery.id, kind, now=NOW)
        except BaseException as error:  # noqa: BLE001 - handed to the assertion
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in owned]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading(house.engine) as connection:
        assert leaves.size(connection, OPERATOR) == versions.checkpoint(connection, OPERATOR).size == 12
    house.issuer.check_log(NOW)


def test_a_full_disk_leaves_nothing_half_issued(house):
    battery = house.battery()
    house.issuer.issue(battery.id, PASSPORT, now=NOW)
    seen = 0
    for spare in range(40):
        with database.reading(house.engine) as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar()
        _limit(house, used + spare)
        before = house.one("SELECT count(*) FROM version")
        try:
            house.issuer.issue(battery.id, PASSPORT, now=NOW, force=True)
        except StoreUnavailable:
            seen += 1
            assert house.one("SELECT count(*) FROM version") in {before, before + 1}
            assert house.one("SELECT count(*) FROM version") == house.one("SELECT count(*) FROM log_leaf")
        _limit(house, 1_000_000)
        house.issuer.recover(NOW)
        assert house.one("SELECT count(*) FROM intent") == 0
        if seen and house.one("SELECT count(*) FROM version") > before:
            break
    assert seen >= 1
    house.issuer.check_log(NOW)
    with database.reading(house.engine) as connection:
        chain = versions.history(connection, battery.id, PASSPORT)
        assert [one.version for one in chain] == list(range(1, len(chain) + 1))


def _limit(house, pages: int) -> None:
    """Let the database file have so many pages, on every pooled connection."""
    house.engine.dispose()

    def small(connection, _record) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    for listener in getattr(house, "limits", []):
        event.remove(house.engine, "connect", listener)
    house.limits = [small]
    event.listen(house.engine, "connect", small)


# --------------------------------------------------------------------------------------------- the log


def test_a_whole_log_is_accepted(house):
    house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    house.issuer.check_log(NOW)


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("log_leaf", "DELETE FROM log_leaf WHERE leaf_index = 2", "2 leaves for 3 versions"),
        (
            "log_leaf",
            "UPDATE log_leaf SET leaf_hash = zeroblob(32) WHERE leaf_index = 1",
            "do not lead to the root",
        ),
        ("log_node", "UPDATE log_node SET hash = zeroblob(32)", "stored nodes"),
        ("log_node", "DELETE FROM log_node", "has no node"),
        (
            "version",
            "DELETE FROM version WHERE leaf_index = 2; DELETE FROM log_leaf WHERE leaf_index = 2",
            "has 2 leaves, its last checkpoint 3",
        ),
    ],
)
def test_a_log_that_somebody_touched_is_refused(house, table, change, said):
    for _ in range(3):
        house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
    with database.writing(house.engine) as connection:
        for name in ("version", "log_leaf", "log_node"):
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}_no_{verb}")
        for statement in change.split("; "):
            connection.exec_driver_sql(statement)
    with pytest.raises(LogRefused, match=said):
        house.issuer.check_log(NOW)


def test_a_restored_old_back_up_refuses_to_run(tmp_path):
    with SignerProcess(tmp_path / "keys", tmp_path / "run" / "signer.sock") as process:

        def signer(operator):
            remote = process.signer(operator)
            remote.ensure_key(operators.did(URL, operator))
            return remote

        with installation(tmp_path, signers=signer) as house:
            battery = house.battery()
            house.issuer.issue(battery.id, PASSPORT, now=NOW)
            house.issuer.check_log(NOW)
            with (
                closing(sqlite3.connect(tmp_path / database.FILE_NAME)) as source,
                closing(sqlite3.connect(tmp_path / "backup.db")) as target,
            ):
                source.backup(target)
            house.issuer.issue(house.battery().id, PASSPORT, now=NOW)
        for rest in tmp_path.glob(f"{database.FILE_NAME}*"):
            rest.unlink()
        (tmp_path / "backup.db").rename(tmp_path / database.FILE_NAME)
        with installation(tmp_path, signers=signer) as house:
            assert house.one("SELECT count(*) FROM version") == 1
            with pytest.raises(LogRefused, match="old back-up"):
                house.issuer.check_log(NOW)


def test_the_operator_is_named_as_it_is_known_here_whatever_was_declared(house):
    battery = house.battery(operator_name="Somebody Else plc")
    version = house.issuer.issue(battery.id, PASSPORT, now=NOW)
    with database.reading(house.engine) as connection:
        view = issue.view_of(connection, version, Audience.PUBLIC)
    assert view.values["operator_name"]["value"] == "Example Cells GmbH"
