"""Commissioning records: bound in one transaction, signed afterwards, checked like any other claim."""

from datetime import timedelta

import pytest

from passport import commissioning
from passport.errors import SignerUnavailable, VerificationFailed
from passport.ledger import batteries, database, operators
from passport.signing.statements import COMMISSIONING, read_statement
from tests.passport.issuing import NOW, OPERATOR, URL, installation

LATER = NOW + timedelta(days=3)


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def bind(house, battery, source="bms-7", at=NOW, **more):
    with database.writing(house.engine) as connection:
        batteries.bind(connection, battery=battery.id, source=source, component=None, at=at, **more)


def release(house, source="bms-7", at=LATER):
    with database.writing(house.engine) as connection:
        batteries.release(connection, source=source, component=None, at=at)


def sign(house, at=NOW):
    return commissioning.sign_pending(house.engine, house.issuer.signers, public_url=URL, now=at)


def records(house, battery):
    with database.reading(house.engine) as connection:
        return commissioning.of_battery(connection, battery.id)


def verdicts(house, one):
    with database.reading(house.engine) as connection:
        return dict(commissioning.verify(connection, one, public_url=URL))


def test_a_binding_is_signed_once_at_its_beginning_and_once_at_its_end(house):
    battery = house.battery()
    bind(house, battery, serial="2027-131", address="rs485:3")
    assert verdicts(house, records(house, battery)[0]) == {"opened": "nobody has signed it yet"}
    assert [sign(house), sign(house)] == [1, 0]
    release(house)
    assert [sign(house, LATER), sign(house, LATER)] == [1, 0]
    (one,) = records(house, battery)
    assert verdicts(house, one) == {"opened": None, "closed": None}
    with database.reading(house.engine) as connection:
        keys = operators.jwks(connection, OPERATOR)["keys"]
    did = operators.did(URL, OPERATOR)
    said = read_statement(one.statements["closed"], COMMISSIONING, issuer_did=did, keys=keys)
    assert said == {
        "type": "Commissioning",
        "issuer": did,
        "issuedAt": "2026-11-23T12:00:00Z",
        "act": "closed",
        "battery": f"{URL}{battery.identifier}",
        "source": "bms-7",
        "serial": "2027-131",
        "address": "rs485:3",
        "from": "2026-11-20T12:00:00Z",
        "to": "2026-11-23T12:00:00Z",
    }


def test_a_device_that_moves_leaves_a_signed_trace_at_both_batteries(house):
    first, second = house.battery(), house.battery()
    bind(house, first)
    release(house)
    bind(house, second, at=LATER)
    assert sign(house, LATER) == 3
    assert [one.until for one in records(house, first)] == [LATER]
    assert [one.since for one in records(house, second)] == [LATER]


def test_a_row_that_was_changed_afterwards_is_noticed(house):
    battery = house.battery()
    bind(house, battery, serial="A")
    sign(house)
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("UPDATE commissioning SET serial = 'B'")
    assert verdicts(house, records(house, battery)[0]) == {"opened": "it says something else than the row"}


def test_a_statement_of_another_battery_does_not_fit(house):
    first, second = house.battery(), house.battery()
    bind(house, first)
    sign(house)
    (one,) = records(house, first)
    stolen = commissioning.Commissioning(**{**vars(one), "battery": second.id})
    assert verdicts(house, stolen) == {"opened": "it says something else than the row"}


def changed(one, token):
    return commissioning.Commissioning(**{**vars(one), "statements": {"opened": bytes(token)}})


def test_a_changed_signature_and_a_strangers_key_are_told_apart(house):
    battery = house.battery()
    bind(house, battery)
    sign(house)
    (one,) = records(house, battery)
    token = bytearray(one.statements["opened"])
    token[-10] = ord("A") if token[-10] != ord("A") else ord("B")
    sentence = "the signature does not fit the signed bytes and this key"
    assert verdicts(house, changed(one, token)) == {"opened": sentence}
    with pytest.raises(VerificationFailed, match="has no key"):
        read_statement(one.statements["opened"], COMMISSIONING, issuer_did="did:web:x", keys=[])
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("DELETE FROM operator_key")
    assert verdicts(house, one) == {"opened": "no operator here signed it"}


def test_without_a_signer_the_binding_stands_and_waits(tmp_path):
    def nobody(_operator):
        raise SignerUnavailable("the signer does not answer")

    with installation(tmp_path, signers=nobody) as house:
        battery = house.battery()
        bind(house, battery)
        with pytest.raises(SignerUnavailable):
            sign(house)
        assert records(house, battery)[0].unsigned == ("opened",)


def test_many_bindings_are_signed_in_pieces(house, monkeypatch):
    monkeypatch.setattr(commissioning, "_AT_ONCE", 5)
    battery = house.battery()
    for number in range(12):
        bind(house, battery, source=f"bms-{number}")
    assert sign(house) == 12
    assert all(one.unsigned == () for one in records(house, battery))
