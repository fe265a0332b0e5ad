"""Registering: who is sent, what is sent, what answers mean, and that nobody is ever sent twice."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from passport.errors import Conflict, InputRefused, NotFound, RegistryRefused, RegistryUnavailable
from passport.issue import view_of
from passport.ledger import batteries, database, registrations, versions
from passport.ledger.registrations import How
from passport.union_registry import Word
from passport.union_registry.overview import reminder, standings
from schemas.terms import Audience, PassportStatus, RecordKind
from tests.passport.issuing import URL
from tests.passport.union_registry import stub_registry
from tests.passport.union_registry.offices import (
    OPERATOR_IDENTIFIER,
    START,
    VOLUNTARY,
    office,
    product,
)


@pytest.fixture
def registry():
    with stub_registry.running() as running:
        yield running


@pytest.fixture
def at(tmp_path, registry):
    with office(tmp_path, registry) as made:
        yield made


def said(at, battery, audience=Audience.AUTHORITY):
    with at.reading() as connection:
        newest = versions.latest(connection, battery.id, RecordKind.PASSPORT)
        return view_of(connection, newest, audience).values


# ------------------------------------------------------------------------------------------- what is sent


def test_the_request_has_the_members_of_the_operation_and_no_other(at, registry):
    battery = at.battery()
    (outcome,) = at.register(battery)
    assert outcome.word is Word.REGISTERED
    ((method, path, headers, body),) = registry.requests
    assert (method, path) == ("POST", "/v1/registerDPP")
    assert json.loads(body) == {
        "uniqueProductIdentifier": product(battery),
        "digitalProductPassportId": f"{URL}/p/{battery.passport_id}",
        "uniqueEconomicOperatorIdentifier": OPERATOR_IDENTIFIER,
        "dppApiEndpoint": URL,
    }
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    found = at.registration(battery)
    assert (found.registration_id, found.how, found.registered_at) == ("EU-REG-0001", How.ANSWERED, START)
    assert found.entry == body
    with at.reading() as connection:
        version = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    assert (found.version, found.sha256) == (1, version.sha256)


def test_who_keeps_the_back_up_copy_is_named_under_the_configured_member(tmp_path, registry):
    more = {"backup_operator_identifier": "DE999", "backup_operator_member": "backUp"}
    with office(tmp_path, registry, **more) as at:
        at.register(at.battery())
    assert json.loads(registry.requests[0][3])["backUp"] == "DE999"


def test_the_setting_names_the_operator_where_the_passport_does_not(tmp_path, registry):
    with office(tmp_path, registry, operator_identifier="FR1") as at:
        silent = at.battery(operator_identifier=None)
        other = at.battery(operator_identifier="FR2")
        (sent, left) = at.register(silent, other)
        assert sent.word is Word.REGISTERED
        assert (left.word, "correct one of them" in left.reason) == (Word.LEFT, True)
        # Of two operators the setting cannot tell which one is meant.
        unclear = at.battery(operator_identifier=None, operator="other-cells")
        (left,) = at.register(unclear)
        assert "operator is not known" in left.reason
        assert at.register(other)[0].word is Word.REGISTERED
    assert json.loads(registry.requests[0][3])["uniqueEconomicOperatorIdentifier"] == "FR1"


def test_nobody_is_contacted_while_no_registry_is_named(tmp_path, registry):
    with office(tmp_path, None) as at:
        battery = at.battery()
        with pytest.raises(InputRefused, match="no registry is configured"):
            at.register(battery)
    assert registry.requests == []


# --------------------------------------------------------------------------------------------- who is sent


def test_all_means_active_passports_that_are_owed_and_not_registered(at, registry):
    owed, done = at.battery(), at.battery()
    voluntary = at.battery(placed_on=VOLUNTARY)
    simulated = at.battery(simulated=True)
    unissued = at.battery(issued=False)
    ended = at.battery()
    with database.writing(at.engine) as connection:
        batteries.set_status(connection, ended.id, PassportStatus.ARCHIVED)
    at.register(done)
    with at.reading() as connection:
        assert at.desk.candidates(connection) == [owed.id]
    registry.requests.clear()
    outcomes = at.register(voluntary, simulated, unissued, ended, done)
    assert [one.word for one in outcomes] == [Word.REGISTERED, Word.LEFT, Word.LEFT, Word.LEFT, Word.ALREADY]
    assert [bool(one.reason) for one in outcomes] == [False, True, True, True, False]
    assert len(registry.requests) == 1


def test_a_test_environment_hears_of_simulated_batteries_alone(tmp_path, registry):
    with office(tmp_path, registry, test_environment=True) as at:
        real, simulated = at.battery(), at.battery(simulated=True)
        with at.reading() as connection:
            assert at.desk.candidates(connection) == [simulated.id]
        assert [one.word for one in at.register(real, simulated)] == [Word.LEFT, Word.REGISTERED]
        with pytest.raises(InputRefused, match="test environment is none"):
            at.desk.adopt(real.id, "X", registered_at=None)


def test_looking_asks_nobody_and_writes_nothing(at, registry):
    battery, unissued = at.battery(), at.battery(issued=False)
    would, left = at.desk.look([battery.id, unissued.id])
    assert json.loads(would.body)["uniqueProductIdentifier"] == product(battery)
    assert left.body is None
    assert registry.requests == []
    assert at.one("SELECT count(*) FROM registration_attempt") == 0


# ----------------------------------------------------------------------------------------- what is answered


@pytest.mark.parametrize("dialect", ["bare", "wrapper", "draft", "words"])
@pytest.mark.parametrize("twice", ["conflict", "same"])
def test_every_dialect_registers_and_adopts_what_is_there(at, registry, dialect, twice):
    registry.dialect, registry.twice = dialect, twice
    first, second = at.battery(), at.battery()
    registry.registrations.append((product(second), "MADE-BY-HAND"))
    assert [one.word for one in at.register(first, second)] == [
        Word.REGISTERED,
        Word.FOUND if twice == "conflict" else Word.REGISTERED,
    ]
    assert at.registration(second).registration_id == "MADE-BY-HAND"
    assert at.one("SELECT count(*) FROM registration_attempt WHERE outcome = 'registered'") == 2
    if twice == "conflict":
        # Who registered it, and when, nobody can tell.
        assert (at.registration(second).how, at.registration(second).registered_at) == (How.FOUND, None)


def test_a_conflict_without_an_identifier_is_looked_up(at, registry):
    registry.twice = "bare conflict"
    battery = at.battery()
    registry.registrations.append((product(battery), "MADE-BY-HAND"))
    (outcome,) = at.register(battery)
    assert (outcome.word, at.registration(battery).registration_id) == (Word.FOUND, "MADE-BY-HAND")


def test_a_conflict_that_nobody_can_look_up_waits_for_a_person(tmp_path, registry):
    registry.twice = "bare conflict"
    with office(tmp_path, registry, lookup_path=None) as at:
        battery = at.battery()
        registry.registrations.append((product(battery), "MADE-BY-HAND"))
        for _ in range(2):
            (outcome,) = at.register(battery)
            assert outcome.word is Word.UNCLEAR
            assert "cellpass register adopt" in outcome.reason
        keys = {headers["Idempotency-Key"] for _, _, headers, _ in registry.requests}
        assert len(keys) == 1
        at.desk.adopt(battery.id, "MADE-BY-HAND", registered_at=None)
        assert at.register(battery)[0].word is Word.ALREADY
        assert at.one("SELECT outcome FROM registration_attempt") == "registered"


def test_a_refusal_is_told_in_the_registry_s_words_and_may_be_tried_again(at, registry):
    battery, other = at.battery(), at.battery()
    registry.faults.append(
        stub_registry.answering(422, {"title": "no model", "detail": "of \x1b[31mbatteries"})
    )
    refused, sent = at.register(battery, other)
    assert (refused.word, refused.reason) == (Word.REFUSED, "no model; of [31mbatteries")
    assert sent.word is Word.REGISTERED
    assert at.registration(battery) is None
    assert at.register(battery)[0].word is Word.REGISTERED
    assert at.one("SELECT group_concat(outcome) FROM registration_attempt WHERE battery = ?", battery.id) == (
        "refused,registered"
    )


def test_an_examined_passport_is_not_sent_again(at, registry):
    registry.examines = True
    battery = at.battery()
    (outcome,) = at.register(battery)
    assert (outcome.word, "under c-1" in outcome.reason) == (Word.SUBMITTED, True)
    (outcome,) = at.register(battery)
    assert (outcome.word, "being examined" in outcome.reason) == (Word.SUBMITTED, True)
    registry.decide()
    at.later(days=2)
    (outcome,) = at.register(battery)
    assert outcome.word is Word.REGISTERED
    # The registry had it since it was submitted, at the earliest.
    assert at.registration(battery).registered_at == START
    assert [request[0] for request in registry.requests] == ["POST", "GET", "GET"]


def test_a_submission_that_was_turned_down_is_given_up_and_sent_anew(tmp_path, registry):
    registry.examines = True
    with office(tmp_path, registry, submission_path=None) as at:
        battery = at.battery()
        at.register(battery)
        assert at.register(battery)[0].word is Word.SUBMITTED
        assert len(registry.requests) == 1
        at.desk.give_up(battery.id, "turned down in its pages")
        registry.examines = False
        assert at.register(battery)[0].word is Word.REGISTERED
        with pytest.raises(NotFound, match="nothing is on its way"):
            at.desk.give_up(battery.id, "again")


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "token_file"), (403, "verified"), (404, "register_path"), (405, "register_path"), (501, "url")],
)
def test_whoever_is_not_let_in_stops_at_once(at, registry, status, said):
    first, second = at.battery(), at.battery()
    registry.faults.append(stub_registry.answering(status))
    with pytest.raises(RegistryRefused, match=said):
        at.register(first, second)
    assert len(registry.requests) == 1
    assert [one.word for one in at.register(first, second)] == [Word.REGISTERED] * 2


# ------------------------------------------------------------------------------------------ what goes wrong


def test_a_lost_answer_is_found_again_without_a_second_request(at, registry):
    battery = at.battery()
    registry.faults.append(stub_registry.losing_the_answer)
    with pytest.raises(RegistryUnavailable, match="run the command again"):
        at.register(battery)
    assert at.registration(battery) is None
    (outcome,) = at.register(battery)
    assert outcome.word is Word.FOUND
    assert [request[0] for request in registry.requests] == ["POST", "GET"]
    assert registry.identifiers(product(battery)) == [at.registration(battery).registration_id]


@pytest.mark.parametrize("twice", ["conflict", "same", "key"])
def test_without_a_look_up_the_same_request_goes_out_under_the_same_key(tmp_path, registry, twice):
    registry.twice = twice
    with office(tmp_path, registry, lookup_path=None) as at:
        battery = at.battery()
        registry.faults.append(stub_registry.losing_the_answer)
        with pytest.raises(RegistryUnavailable):
            at.register(battery)
        at.issue(battery, force=True)
        at.later(hours=1)
        (outcome,) = at.register(battery)
        assert outcome.registration is not None
        first, second = registry.requests
        assert first[3] == second[3]
        assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"]
    assert len(registry.registrations) == 1


def test_another_answer_than_the_stored_one_is_refused(at, registry):
    battery = at.battery()
    at.register(battery)
    with pytest.raises(Conflict, match="ask the registry which one holds"):
        at.desk.adopt(battery.id, "ANOTHER", registered_at=None)
    assert at.desk.adopt(battery.id, "EU-REG-0001", registered_at=None).how is How.ANSWERED


def test_an_answer_about_another_battery_is_none(at, registry):
    battery = at.battery()
    registry.faults.append(
        stub_registry.answering(201, {"registrationId": "X", "uniqueProductIdentifier": "https://else"})
    )
    with pytest.raises(RegistryUnavailable, match="speaks of https://else"):
        at.register(battery)
    assert at.registration(battery) is None


def test_one_process_at_a_time(at):
    with at.desk.alone(), pytest.raises(Conflict, match="is at work"), at.desk.alone():
        pass


def test_what_is_on_its_way_to_one_registry_does_not_go_to_another(tmp_path, registry):
    with office(tmp_path, registry) as at:
        battery = at.battery()
        registry.faults.append(stub_registry.losing_the_answer)
        with pytest.raises(RegistryUnavailable):
            at.register(battery)
    with stub_registry.running() as other, office(tmp_path, other) as at:
        with pytest.raises(Conflict, match="is on its way to"):
            at.register(battery)
        assert other.requests == []


FAULTS = {
    "none": None,
    "500": stub_registry.answering(500),
    "429": stub_registry.answering(429, None, Retry_After="1"),
    "refusal": stub_registry.answering(422),
    "lost": stub_registry.losing_the_answer,
    "broken": stub_registry.breaking,
    "nonsense": stub_registry.answering(201, b"{"),
    "no identifier": stub_registry.answering(201, {}),
    "denied": stub_registry.answering(403),
}


@given(
    faults=st.lists(st.sampled_from(list(FAULTS)), max_size=12),
    dialect=st.sampled_from(["bare", "wrapper", "draft", "words"]),
    twice=st.sampled_from(["conflict", "bare conflict", "same", "key"]),
    looked_up=st.booleans(),
    examines=st.booleans(),
)
@hypothesis_settings(deadline=None, database=None, max_examples=15)
def test_whatever_fails_no_battery_is_registered_twice(
    tmp_path_factory, faults, dialect, twice, looked_up, examines
):
    more = {} if looked_up else {"lookup_path": None}
    with (
        stub_registry.running() as registry,
        office(tmp_path_factory.mktemp("office"), registry, **more) as at,
    ):
        registry.dialect, registry.twice, registry.examines = dialect, twice, examines
        made = [at.battery() for _ in range(2)]
        registry.faults.extend(FAULTS[name] or (lambda _: False) for name in faults)
        for _ in range(len(faults) + 3):
            try:
                at.register(*made)
            except (RegistryUnavailable, RegistryRefused):
                continue
            finally:
                registry.decide()
        assert [len(registry.identifiers(product(one))) for one in made] == [1, 1]
        for one in made:
            found = at.registration(one)
            if found is None:
                # It was registered, its answer lost, and this registry tells nobody under which identifier.
                assert twice == "bare conflict"
                assert not looked_up
            else:
                assert registry.identifiers(product(one)) == [found.registration_id]
        assert at.one("SELECT count(*) FROM registration") == len(
            {*[o.id for o in made if at.registration(o)]}
        )


# -------------------------------------------------------------------------------- what the passport says


def test_the_next_version_states_the_registration_and_then_the_proof(at, registry):
    battery = at.battery()
    assert said(at, battery)["registry_registration_id"] == {"absent": "not_provided"}
    at.register(battery)
    with at.reading() as connection:
        assert registrations.registered(connection, [battery.id, "OTHER"]) == {battery.id}
    at.later(hours=1)
    assert at.issue(battery).version == 2
    assert said(at, battery)["registry_registration_id"]["value"] == "EU-REG-0001"
    assert "registry_registration_id" not in said(at, battery, Audience.PUBLIC)
    assert at.issue(battery).version == 2
    at.later(hours=1)
    (fetched,) = at.fetch(battery)
    assert at.issue(battery).version == 3
    stated = said(at, battery)["registration_proof"]["value"]
    assert stated == {
        "registration_id": "EU-REG-0001",
        "sha256": fetched.proof.sha256,
        "fetched_at": "2027-03-01T11:00:00Z",
    }
    at.later(hours=1)
    assert at.issue(battery).version == 3


def test_a_registration_between_draft_and_intent_is_in_the_version(at):
    battery = at.battery()
    with at.reading() as connection:
        from passport import issue

        before = issue._stamps(connection, [battery.id])
    at.register(battery)
    with at.reading() as connection:
        between = issue._stamps(connection, [battery.id])
    at.fetch(battery)
    with at.reading() as connection:
        after = issue._stamps(connection, [battery.id])
    assert len({str(before), str(between), str(after)}) == 3


# ------------------------------------------------------------------------------------------------- proofs


def test_a_proof_is_archived_as_it_came_and_once(at, registry):
    battery = at.battery()
    at.register(battery)
    with at.reading() as connection:
        assert registrations.missing(connection) == [battery.id]
    registry.proofs["EU-REG-0001"] = (b"%PDF-1.7 whatever", "application/pdf")
    for _ in range(2):
        (outcome,) = at.fetch(battery)
        assert outcome.proof.sha256 == sha256(b"%PDF-1.7 whatever").hexdigest()
        assert outcome.proof.expires_at == START + timedelta(days=90)
    with at.reading() as connection:
        assert registrations.content(connection, outcome.proof) == b"%PDF-1.7 whatever"
        assert registrations.missing(connection) == []
    assert at.one("SELECT count(*) FROM registration_proof") == 1
    registry.proofs["EU-REG-0001"] = (b"another", "text/plain")
    (outcome,) = at.fetch(battery)
    assert outcome.proof.number == 2


def test_a_proof_that_is_not_there_is_said_with_its_days(at, registry):
    battery = at.battery()
    at.register(battery)
    registry.registrations.clear()
    (outcome,) = at.fetch(battery)
    assert (outcome.proof, "none yet" in outcome.reason) == (None, True)
    at.later(days=91)
    (outcome,) = at.fetch(battery)
    assert outcome.reason == "the registry gives none any more; its 90 days ended on 2027-05-30"


def test_where_nobody_knows_how_to_fetch_a_proof_a_file_is_archived(tmp_path, registry):
    with office(tmp_path, registry, proof_path=None) as at:
        battery = at.battery()
        with pytest.raises(NotFound, match="is not registered"):
            at.desk.keep_proof(battery.id, b"x", media_type="text/plain", origin="file")
        at.register(battery)
        with pytest.raises(InputRefused, match="--file"):
            at.fetch(battery)
        kept = at.desk.keep_proof(battery.id, b"paper", media_type="text/plain", origin="file")
        assert (kept.proof.origin, kept.comparison.match) == ("file", "unknown")


def test_what_a_person_states_is_written_once(at):
    battery, unissued = at.battery(), at.battery(issued=False)
    day = datetime(2027, 2, 25, tzinfo=UTC)
    found = at.desk.adopt(battery.id, " EU-9 ", registered_at=day)
    assert (found.registration_id, found.how, found.registered_at) == ("EU-9", How.STATED, day)
    assert found.expires_at == day + timedelta(days=90)
    for wrong in ("", "a\nb", "x" * 2001):
        with pytest.raises(InputRefused, match="identifier is a text"):
            at.desk.adopt(battery.id, wrong, registered_at=None)
    with pytest.raises(InputRefused, match="still ahead"):
        at.desk.adopt(battery.id, "EU-9", registered_at=START + timedelta(days=1))
    with pytest.raises(InputRefused, match="no passport yet"):
        at.desk.adopt(unissued.id, "EU-9", registered_at=None)


# ------------------------------------------------------------------------------------ days that are left


def test_a_missing_proof_presses_in_its_last_thirty_days(at):
    battery = at.battery()
    at.register(battery)

    def standing():
        with at.reading() as connection:
            (one,) = standings(connection, [battery.id], at.now())
            return one.days_left, one.pressing, reminder(connection, at.now())

    assert standing() == (90, False, None)
    at.later(days=59)
    assert standing() == (31, False, None)
    at.later(days=1)
    assert standing() == (
        30,
        True,
        (
            "1 proof of registration is not archived; the registry gives it until 2027-05-30, 30 more days:"
            " cellpass register proofs"
        ),
    )
    at.later(days=31)
    left, pressing, sentence = standing()
    assert (left, pressing) == (-1, True)
    assert "has stopped giving it on 2027-05-30" in sentence
    at.desk.keep_proof(battery.id, b"late", media_type="text/plain", origin="file")
    assert standing() == (-1, False, None)


def test_a_registration_of_unknown_day_presses_at_once(at):
    battery = at.battery()
    at.desk.adopt(battery.id, "EU-1", registered_at=None)
    with at.reading() as connection:
        (one,) = standings(connection, [battery.id], at.now())
        assert (one.days_left, one.pressing) == (None, True)
        assert "is not known" in reminder(connection, at.now())


def test_a_passport_that_says_something_else_than_the_registered_one_is_told(at):
    def changed():
        with at.reading() as connection:
            (one,) = standings(connection, [battery.id], at.now())
            return one.newest, one.changed_since

    battery = at.battery()
    at.register(battery)
    assert changed() == (1, False)
    # What the registration itself adds is no change, nor is a version of another hour.
    at.later(hours=1)
    at.issue(battery)
    at.fetch(battery)
    at.issue(battery, force=True)
    assert changed() == (3, False)
    at.made.declare(battery, battery_mass=Decimal(44))
    at.issue(battery)
    assert changed() == (4, True)
