"""Batteries: found by whatever a person has, declared without forgetting, bound to one device at a time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from passport.errors import Conflict, FactRefused, IdentifierRefused, InputRefused, NotFound
from passport.ledger import batteries, database, operators, states
from schemas.terms import Category, PassportStatus
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "https://id.example.com"
PATH = "/01/09520123456788/21/BAT%2F26"


@pytest.fixture
def connection(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as opened:
        operators.create(opened, "example-cells", name="Example Cells", simulated=True, at=NOW)
        yield opened
    engine.dispose()


def made(connection, path=PATH, **changes):
    numbers = count(1 if path == PATH else 77)
    given = {
        "operator": "example-cells",
        "category": Category.STATIONARY,
        "identifier_path": path,
        "facts": {"rated_capacity": Decimal("102.50"), "manufacturer_name": "Example Cells"},
        "placed_on": date(2026, 5, 1),
        "simulated": True,
        "at": NOW,
        "random_bytes": lambda n: next(numbers).to_bytes(n),
    }
    return batteries.create(connection, **{**given, **changes})


def test_ids_are_random_and_the_passport_has_one_of_its_own(connection):
    battery = made(connection)
    assert (battery.id, battery.passport_id) == ("AAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAC")


@pytest.mark.parametrize(
    "argument",
    [
        PATH,
        "AAAAAAAAAAAAAAAB",
        "aaaaaaaaaaaaaaab",
        "AAAAAAAAAAAAAAAC",
        f"{URL}{PATH}",
        f"HTTPS://ID.EXAMPLE.COM{PATH}",
        f"https://ID.example.com:443{PATH}",
        f"{URL}{PATH}?linkType=all",
        f"{URL}/p/AAAAAAAAAAAAAAAC",
        "/p/AAAAAAAAAAAAAAAC",
        f" {PATH} ",
    ],
)
def test_a_battery_is_found_by_whatever_a_person_has(connection, argument):
    battery = made(connection)
    assert batteries.find(connection, argument, URL) == battery


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("https://elsewhere.example" + PATH, "leads to another service"),
        ("https://id.example.com:x" + PATH, "leads to another service"),
        (f"{URL}/01/09520123456788/21/OTHER", "no battery has the identifier"),
        (f"{URL}/01/09520123456789/21/BAT", "names no battery"),
        ("BBBBBBBBBBBBBBBB", "no battery and no passport"),
        ("<script>", "is no URL"),
        ("", "is no URL"),
        ("/01/" + "9" * 300, "names no battery"),
    ],
)
def test_what_is_not_found_is_said_with_what_was_looked_for(connection, argument, said):
    made(connection)
    with pytest.raises(NotFound, match=said) as caught:
        batteries.find(connection, argument, URL)
    assert len(str(caught.value)) < 300


def test_two_batteries_never_share_an_identifier(connection):
    made(connection)
    with pytest.raises(Conflict, match="already here"):
        made(connection)


@pytest.mark.parametrize("path", ["/01/09520123456788", "/01/09520123456788/21/BAT/26", "BAT", "/8004/x/"])
def test_only_a_canonical_identifier_of_one_battery_is_taken(connection, path):
    with pytest.raises(IdentifierRefused):
        made(connection, path=path)


def test_an_operator_must_be_known(connection):
    with pytest.raises(NotFound, match="no operator"):
        made(connection, operator="nobody")


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a" * 41, "../x"])
def test_an_operators_id_is_a_file_name_and_nothing_else(connection, name):
    with pytest.raises(InputRefused, match="lower-case"):
        operators.create(connection, name, name="x", simulated=False, at=NOW)


def test_an_operator_keeps_its_name(connection):
    assert operators.create(connection, "example-cells", name="Example Cells", simulated=True, at=NOW)
    with pytest.raises(Conflict, match="already"):
        operators.create(connection, "example-cells", name="Other", simulated=True, at=NOW)


def test_facts_are_read_back_as_they_were_declared(connection):
    battery = made(connection)
    assert batteries.facts(connection, battery.id) == {
        "rated_capacity": Decimal("102.50"),
        "manufacturer_name": "Example Cells",
    }


def test_declaring_adds_a_revision_and_forgets_none(connection):
    battery = made(connection)
    later = NOW + timedelta(days=1)
    batteries.declare(connection, battery.id, {"battery_mass": Decimal(24)}, at=later, by="import")
    batteries.declare(connection, battery.id, {"battery_mass": Decimal(24)}, at=later, by="import")
    batteries.declare(connection, battery.id, {"manufacturer_name": None}, at=later, by="import")
    rows = connection.exec_driver_sql(
        "SELECT revision, by, facts FROM declaration ORDER BY revision"
    ).fetchall()
    assert [(row[0], row[1]) for row in rows] == [(1, "operator"), (2, "import"), (3, "import")]
    assert rows[0][2] == b'{"manufacturer_name":"Example Cells","rated_capacity":"102.50"}'
    assert batteries.facts(connection, battery.id) == {
        "rated_capacity": Decimal("102.50"),
        "battery_mass": Decimal(24),
    }
    assert batteries.declared_at(connection, battery.id) == later


def test_a_counter_that_falls_is_refused_and_starts_anew_once_it_was_withdrawn(connection):
    battery = made(connection)
    batteries.declare(connection, battery.id, {"deep_discharge_count": 7}, at=NOW, by="test")
    with pytest.raises(FactRefused, match="expected at least 7, as declared before, got 3"):
        batteries.declare(connection, battery.id, {"deep_discharge_count": 3}, at=NOW, by="test")
    batteries.declare(connection, battery.id, {"deep_discharge_count": None}, at=NOW, by="test")
    batteries.declare(connection, battery.id, {"deep_discharge_count": 3}, at=NOW, by="test")
    assert batteries.facts(connection, battery.id)["deep_discharge_count"] == 3


def test_a_fact_must_be_an_attribute(connection):
    battery = made(connection)
    with pytest.raises(FactRefused, match="colour"):
        batteries.declare(connection, battery.id, {"colour": "red"}, at=NOW, by="x")


def test_facts_of_nothing_are_not_found(connection):
    for ask in (batteries.facts, batteries.declared_at, batteries.get):
        with pytest.raises(NotFound):
            ask(connection, "B" * 16)


def test_a_device_speaks_for_one_battery_at_a_time(connection):
    one, other = made(connection), made(connection, path="/01/09520123456788/21/OTHER")
    batteries.bind(connection, battery=one.id, source="rack-1", component="module/1", at=NOW)
    batteries.bind(connection, battery=one.id, source="rack-1", component="module/1", at=NOW)
    batteries.bind(connection, battery=other.id, source="rack-1", component="module/2", at=NOW)
    assert batteries.bound(connection, "rack-1") == {"module/1": one.id, "module/2": other.id}
    with pytest.raises(Conflict, match="speaks for battery"):
        batteries.bind(connection, battery=other.id, source="rack-1", component="module/1", at=NOW)
    batteries.release(connection, source="rack-1", component="module/1", at=NOW + timedelta(days=1))
    batteries.bind(
        connection, battery=other.id, source="rack-1", component="module/1", at=NOW + timedelta(days=2)
    )
    assert batteries.bound(connection, "rack-1") == {"module/1": other.id, "module/2": other.id}
    assert batteries.first_bound(connection, one.id) == NOW
    assert batteries.bound_since(connection, "rack-1") == {
        "module/1": NOW + timedelta(days=2),
        "module/2": NOW,
    }
    assert batteries.first_bound(connection, "B" * 16) is None


def test_the_whole_device_has_no_component(connection):
    battery = made(connection)
    batteries.bind(connection, battery=battery.id, source="pack", component=None, at=NOW)
    assert batteries.bound(connection, "pack") == {None: battery.id}


def test_binding_to_nothing_is_refused(connection):
    with pytest.raises(NotFound):
        batteries.bind(connection, battery="B" * 16, source="pack", component=None, at=NOW)


def test_the_longest_waiting_battery_is_folded_first(connection):
    for name, minutes in (("X", 2), ("Y", 1), ("X", 0)):
        batteries.mark_dirty(connection, name, at=NOW + timedelta(minutes=minutes))
    assert batteries.dirty(connection) == ["Y", "X"]
    assert batteries.dirty(connection, 1) == ["Y"]
    batteries.clear_dirty(connection, "Y")
    assert batteries.dirty(connection) == ["X"]


def test_a_state_is_the_bytes_last_saved(connection):
    assert states.load_state(connection, "X") is None
    states.save_state(connection, "X", b"one", 1, NOW)
    states.save_state(connection, "X", b"two", 2, NOW)
    assert states.load_state(connection, "X") == b"two"


def test_another_status_shows_on_the_next_request(connection):
    battery = made(connection)
    batteries.set_status(connection, battery.id, PassportStatus.INACTIVE)
    after = batteries.get(connection, battery.id)
    assert (after.passport_status, after.notice_revision) == (PassportStatus.INACTIVE, 1)


def test_all_batteries_or_one_operators(connection):
    operators.create(connection, "other", name="Other", simulated=False, at=NOW)
    one = made(connection)
    two = made(connection, path="/01/09520123456788/21/OTHER", operator="other", at=NOW + timedelta(1))
    assert batteries.every(connection) == [one, two]
    assert batteries.every(connection, "other") == [two]
