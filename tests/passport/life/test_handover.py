"""Responsibility goes from one operator to another by a two-sided act, and by nothing else."""

import json
from datetime import timedelta
from functools import cache

import pytest

from passport.errors import GateClosed, NotFound
from passport.issue import view_of
from passport.ledger import batteries, database, handovers, operators, versions
from passport.life import acts, handover
from passport.lifecycle.status import ActName
from passport.signing import encode
from passport.signing import handover as two_sided
from passport.signing.keys import SignerProcess
from passport.signing.signer import SignerRefused
from passport.signing.verify import verify
from passport.web import views
from schemas.terms import Audience, RecordKind
from tests.passport.issuing import NOW, OPERATOR, URL, installation

NEXT, THIRD = "second-cells", "third-cells"
LATER = NOW + timedelta(days=1)
ROLE = "importer"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One for all tests: the signer remembers what it signed, so each test takes batteries of its own."""
    folder = tmp_path_factory.mktemp("handover")
    with SignerProcess(folder / "keys", folder / "run" / "signer.sock") as process:

        @cache
        def signer(operator):
            remote = process.signer(operator)
            remote.ensure_key(operators.did(URL, operator))
            return remote

        with installation(folder, signers=signer) as made:
            with database.writing(made.engine) as connection:
                for name in (NEXT, THIRD):
                    operators.create(connection, name, name=f"{name} GmbH", simulated=True, at=NOW)
            yield made


def battery(house, **facts):
    made = house.battery(battery_status="original", **facts)
    house.issuer.issue(made.id, RecordKind.PASSPORT, now=NOW)
    house.issuer.issue(made.id, RecordKind.CONDITION, now=NOW)
    return made


def offered(house, one, to=NEXT, role=ROLE, now=NOW, **options):
    return handover.offer(house.issuer, one.id, to=to, role=role, now=now, **options)


def accept(house, offer, by=NEXT, now=LATER, **options):
    return handover.accept(house.issuer, offer.id, by=by, now=now, **options)


def responsible(house, one):
    with database.reading(house.engine) as connection:
        return batteries.get(connection, one.id).operator


def judged(house, one, kind=RecordKind.PASSPORT, *, keys_of=(OPERATOR, NEXT, THIRD)):
    with database.reading(house.engine) as connection:
        version = versions.latest(connection, one.id, kind)
        data = views.bundle(connection, view_of(connection, version, Audience.PUBLIC))
        keys = [key for name in keys_of for key in operators.jwks(connection, name)["keys"]]
    verdict = verify(data, jwks=keys, now=LATER + timedelta(days=30))
    return {line.name: line for line in verdict.lines}


def test_after_offer_and_acceptance_the_next_version_is_the_new_operator_s(house):
    one = battery(house)
    offer = offered(house, one)
    assert responsible(house, one) == OPERATOR
    told = accept(house, offer)
    assert responsible(house, one) == NEXT
    ((_, kind, version),) = told.issued
    assert (kind, version.version, version.operator) == (RecordKind.PASSPORT, 2, NEXT)
    with database.reading(house.engine) as connection:
        first, second = versions.history(connection, one.id, RecordKind.PASSPORT)
        assert (first.operator, second.operator) == (OPERATOR, NEXT)
        assert [name for name, _, _ in handovers.tenures(connection, one.id)] == [OPERATOR, NEXT]
        ((_, _, until), (_, since, still)) = handovers.tenures(connection, one.id)
        assert (until, since, still) == (LATER, LATER, None)
    lines = judged(house, one)
    assert (lines["chain"].answer, lines["issuer"].answer, lines["schema"].answer) == ("yes", "yes", "yes")
    assert house.one("SELECT operator FROM battery_search WHERE battery = ?", one.id) == NEXT


def test_the_other_records_follow_in_their_own_chains(house):
    one = battery(house)
    accept(house, offered(house, one))
    condition = house.issuer.issue(one.id, RecordKind.CONDITION, now=LATER, force=True)
    assert (condition.version, condition.operator) == (2, NEXT)
    assert judged(house, one, RecordKind.CONDITION)["chain"].answer == "yes"
    again = house.issuer.issue(one.id, RecordKind.PASSPORT, now=LATER, force=True)
    assert again.version == 3
    assert judged(house, one)["chain"].answer == "yes"


def test_through_two_hands_and_back_again(house):
    one = battery(house)
    accept(house, offered(house, one))
    accept(house, offered(house, one, THIRD, now=LATER), by=THIRD, now=LATER + timedelta(hours=1))
    # Nothing but a passport was issued in between: the condition goes from the first to the third.
    condition = house.issuer.issue(one.id, RecordKind.CONDITION, now=LATER + timedelta(hours=2))
    assert condition.operator == THIRD
    assert judged(house, one, RecordKind.CONDITION)["chain"].answer == "yes"
    back = offered(house, one, OPERATOR, now=LATER + timedelta(hours=3))
    accept(house, back, by=OPERATOR, now=LATER + timedelta(hours=4))
    assert responsible(house, one) == OPERATOR
    assert judged(house, one)["chain"].answer == "yes"


def test_accepting_twice_is_harmless_and_withdrawing_is_too(house):
    one = battery(house)
    offer = offered(house, one)
    accept(house, offer)
    assert accept(house, offer).issued == ()
    assert house.one("SELECT count(*) FROM version WHERE battery = ? AND kind = 'passport'", one.id) == 2
    with pytest.raises(handover.HandoverRefused, match="accepted it"):
        handover.withdraw(house.issuer, offer.id, now=LATER)
    other = offered(house, battery(house))
    assert handover.withdraw(house.issuer, other.id, now=LATER).state(LATER) == "withdrawn"
    assert handover.withdraw(house.issuer, other.id, now=LATER).state(LATER) == "withdrawn"
    with pytest.raises(handover.HandoverRefused, match="the offer is withdrawn"):
        accept(house, other)


def test_the_wrong_party_a_late_one_and_a_stale_offer_are_refused(house):
    one = battery(house)
    offer = offered(house, one, term=timedelta(days=3))
    with pytest.raises(handover.HandoverRefused, match=f"offered to {NEXT}, not to {THIRD}"):
        accept(house, offer, by=THIRD)
    with pytest.raises(handover.HandoverRefused, match="the offer is expired"):
        accept(house, offer, now=NOW + timedelta(days=3))
    house.issuer.issue(one.id, RecordKind.PASSPORT, now=LATER, force=True)
    with pytest.raises(handover.HandoverRefused, match="passport 2 was issued since"):
        accept(house, offer)
    assert responsible(house, one) == OPERATOR
    with pytest.raises(NotFound):
        handover.accept(house.issuer, "0" * 64, by=NEXT, now=LATER)
    with pytest.raises(handover.HandoverRefused, match="answers for it already"):
        offered(house, one, OPERATOR)
    with pytest.raises(handover.HandoverRefused, match="is no role of an operator"):
        offered(house, one, role="friend")


def test_an_old_offer_cannot_be_replayed_after_the_battery_came_back(house):
    one = battery(house)
    first, second = offered(house, one), offered(house, one, now=NOW + timedelta(minutes=1))
    accept(house, first)
    back = offered(house, one, OPERATOR, now=LATER)
    accept(house, back, by=OPERATOR, now=LATER + timedelta(hours=1))
    with pytest.raises(handover.HandoverRefused, match="was issued since"):
        accept(house, second, now=LATER + timedelta(hours=2))


def test_waste_goes_to_those_whom_the_law_names_and_keeps_its_passport(house):
    one = battery(house)
    with pytest.raises(handover.HandoverRefused, match="is not waste"):
        offered(house, one, role="waste_management_operator")
    acts.tell(house.issuer, one.id, ActName.WASTE, at=LATER, now=LATER)
    with pytest.raises(handover.HandoverRefused, match=r"is waste: .*producer.*\(Art. 57"):
        offered(house, one, now=LATER)
    accept(house, offered(house, one, role="waste_management_operator", now=LATER), now=LATER)
    assert responsible(house, one) == NEXT
    with database.reading(house.engine) as connection:
        assert batteries.get(connection, one.id).passport_id == one.passport_id
        version = versions.latest(connection, one.id, RecordKind.PASSPORT)
        values = view_of(connection, version, Audience.PUBLIC).values
    assert values["operator_role"]["value"] == "waste_management_operator"
    assert values["operator_name"]["value"] == f"{NEXT} GmbH"


# ----------------------------------------------------------------------------------------------- attacks


def stolen(house, one, to=NEXT):
    """The battery's row is moved without an act, as whoever writes to the database could."""
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("UPDATE battery SET operator = ? WHERE id = ?", (to, one.id))


def test_without_an_act_no_version_is_drafted_and_the_signer_signs_none(house, monkeypatch):
    one = battery(house)
    stolen(house, one)
    with pytest.raises(GateClosed, match="nothing shows that second-cells answers"):
        house.issuer.issue(one.id, RecordKind.PASSPORT, now=LATER)
    monkeypatch.setattr(house.issuer, "_handovers", lambda *_: ())
    with pytest.raises(SignerRefused, match="cannot follow"):
        house.issuer.issue(one.id, RecordKind.PASSPORT, now=LATER)


def acts_of(house, one):
    with database.reading(house.engine) as connection:
        ((offer, acceptance),) = handovers.acts(connection, one.id, OPERATOR, NEXT)
    return offer, acceptance


def check(house, one, found, **changes):
    with database.reading(house.engine) as connection:
        first = versions.history(connection, one.id, RecordKind.PASSPORT)[0]
        sets = {
            operators.did(URL, name): operators.jwks(connection, name)["keys"]
            for name in (OPERATOR, NEXT, THIRD)
        }
        identifier = one.identifier
    asked = {
        "battery": f"{URL}{identifier}",
        "kind": RecordKind.PASSPORT,
        "giver": operators.did(URL, OPERATOR),
        "taker": operators.did(URL, NEXT),
        "quoted": encode.digest_sri(first.jwt),
        "keys_of": lambda did: sets[did],
        **changes,
    }
    return two_sided.check_acts(
        [{"offer": offer.decode(), "acceptance": acceptance.decode()} for offer, acceptance in found], **asked
    )


def test_an_act_counts_for_its_battery_record_and_parties_alone(house):
    one, other = battery(house), battery(house)
    accept(house, offered(house, one))
    accept(house, offered(house, other))
    own, foreign = acts_of(house, one), acts_of(house, other)
    assert check(house, one, [own]) == 1
    for found, changes, told in (
        ([], {}, "without a hand-over"),
        ([foreign], {}, "of another battery"),
        ([(own[0], foreign[1])], {}, "of another battery"),
        ([(own[1], own[0])], {}, "expected a statement of type|has no key"),
        ([own], {"quoted": "sha256-AAAA"}, "another passport record"),
        ([own], {"kind": RecordKind.CONDITION}, "another condition record"),
        ([own], {"taker": operators.did(URL, THIRD)}, "handed over to"),
        ([own], {"giver": operators.did(URL, THIRD)}, "has no key"),
        ([own, own], {}, "has no key"),
    ):
        with pytest.raises(Exception, match=told):
            check(house, one, found, **changes)


@pytest.mark.parametrize("which", ["offer", "acceptance"])
def test_a_tampered_statement_is_noticed_wherever_it_was_touched(house, which):
    one = battery(house)
    accept(house, offered(house, one))
    offer, acceptance = acts_of(house, one)
    token = offer if which == "offer" else acceptance
    for place in range(0, len(token), 97):
        if token[place : place + 1] == b".":
            continue
        swapped = b"A" if token[place : place + 1] != b"A" else b"B"
        touched = token[:place] + swapped + token[place + 1 :]
        pair = (touched, acceptance) if which == "offer" else (offer, touched)
        with pytest.raises(Exception, match=r"."):
            check(house, one, [pair])


def test_a_chain_whose_issuer_changes_without_keys_is_unknown_and_without_an_act_wrong(house):
    one = battery(house)
    accept(house, offered(house, one))
    lines = judged(house, one, keys_of=(NEXT,))
    assert lines["chain"].answer == "unknown"
    assert "keys of" in lines["chain"].reason
    with database.reading(house.engine) as connection:
        version = versions.latest(connection, one.id, RecordKind.PASSPORT)
        payload = json.loads(encode.base64url.decode(version.jwt.split(b".")[1].decode()))
    assert set(payload["handovers"][0]) == {"offer", "acceptance"}
