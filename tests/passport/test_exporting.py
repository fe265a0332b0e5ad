"""A battery as a format is handed it: of signed records alone, and within the rights of the audience."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from passport import disclosure
from passport.errors import NotFound
from passport.exporting import subject_of
from passport.exports.format import Subject
from passport.ledger import batteries, database, versions
from passport.ledger.batteries import Battery
from schemas.registry import REGISTRY
from schemas.terms import Audience, RecordKind
from tests.passport.issuing import NOW, OPERATOR, URL, Installation, installation

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    with installation(tmp_path) as made:
        yield made


def taken(house: Installation, battery: Battery, audience: Audience = Audience.PUBLIC) -> Subject:
    with database.reading(house.engine) as connection:
        return subject_of(connection, battery, audience, public_url=URL)


def test_a_battery_without_a_signed_record_is_not_exported_and_the_next_step_is_said(
    house: Installation,
) -> None:
    battery = house.battery()
    with pytest.raises(NotFound, match=r"no passport record .* cellpass gaps .* cellpass issue"):
        taken(house, battery)


def test_a_subject_tells_the_newest_record_and_where_it_is(house: Installation) -> None:
    battery = house.battery()
    house.issuer.issue(battery.id, RecordKind.PASSPORT, now=NOW, incomplete="trial")
    house.declare(battery, model_identifier="EX-6")
    newest = house.issuer.issue(battery.id, RecordKind.PASSPORT, now=LATER, incomplete="trial")
    house.declare(battery, model_identifier="EX-7")  # declared and not yet signed
    made = taken(house, battery)
    assert made.given("model_identifier") == "EX-6"
    assert (made.version, made.issued_at, made.record_sha256) == (2, LATER, newest.sha256)
    assert made.record_url == f"{URL}/r/{newest.record_id}"
    assert made.passport_url == f"{URL}/p/{battery.passport_id}" == made.given("passport_id")
    assert made.identifier_url == f"{URL}{battery.identifier}" == made.given("battery_id")
    assert made.operator_did == f"did:web:id.example.com:o:{OPERATOR}"
    assert made.simulated


@pytest.mark.parametrize("audience", Audience)
def test_no_value_goes_to_an_audience_that_may_not_see_it(house: Installation, audience: Audience) -> None:
    battery = house.battery()
    for kind, moment in (
        (RecordKind.PASSPORT, NOW),
        (RecordKind.CONDITION, LATER),
        (RecordKind.ASSESSMENT, LATER),
    ):
        house.issuer.issue(battery.id, kind, now=moment, incomplete="trial")
    made = taken(house, battery, audience)
    assert set(made.values) <= disclosure.visible(audience)
    kinds = {REGISTRY[name].record for name in made.values}
    sees_condition = audience is Audience.LEGITIMATE_INTEREST
    assert kinds == ({RecordKind.PASSPORT, RecordKind.CONDITION} if sees_condition else {RecordKind.PASSPORT})
    assert made.issued_at == (LATER if sees_condition else NOW)
    with database.reading(house.engine) as connection:
        found = batteries.get(connection, battery.id)
        passport = versions.latest(connection, found.id, RecordKind.PASSPORT)
    assert passport is not None
    assert made.record_sha256 == passport.sha256
