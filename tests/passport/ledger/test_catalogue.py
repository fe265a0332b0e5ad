"""Models and batches: declared once, true of every battery of theirs, never able to speak for one alone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from passport.errors import Conflict, FactRefused, NotFound
from passport.issue import record_of
from passport.ledger import batteries, catalogue, database, operators
from schemas.registry import REGISTRY
from schemas.terms import Absent, Category, Level, RecordKind, Source
from tests.databases import migrated

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
OPERATOR = "example-cells"


@pytest.fixture
def connection(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as opened:
        operators.create(opened, OPERATOR, name="Example Cells", simulated=False, at=NOW)
        operators.create(opened, "other", name="Another", simulated=False, at=NOW)
        yield opened
    engine.dispose()


def model(connection, name="EX-5", at=NOW, circumstances=None, **facts):
    return catalogue.put(
        connection,
        operator=OPERATOR,
        level=Level.MODEL,
        name=name,
        facts=facts,
        circumstances=circumstances,
        at=at,
        by="test",
    )


def batch(connection, parent, name="L1", at=NOW, **facts):
    return catalogue.put(
        connection,
        operator=OPERATOR,
        level=Level.BATCH,
        name=name,
        parent=parent.id,
        facts=facts,
        at=at,
        by="test",
    )


def battery(connection, serial="S1", **changes):
    given = {
        "operator": OPERATOR,
        "category": Category.EV,
        "identifier_path": f"/01/09520123456788/21/{serial}",
        "facts": {},
        "placed_on": date(2027, 3, 1),
        "simulated": False,
        "at": NOW,
    }
    return batteries.create(connection, **{**given, **changes})


def revisions(connection):
    return connection.exec_driver_sql("SELECT count(*) FROM product_declaration").scalar()


def test_the_nearer_layer_counts_and_each_fact_keeps_its_day(connection):
    made = model(connection, rated_capacity=Decimal(100), manufacturer_name="Example Cells")
    lot = batch(connection, made, at=LATER, rated_capacity=Decimal(101))
    one = battery(connection, model=made.id, batch=lot.id, facts={"battery_mass": Decimal(400)})
    assert batteries.facts(connection, one.id) == {
        "model_identifier": "EX-5",
        "batch_number": "L1",
        "rated_capacity": Decimal(101),
        "manufacturer_name": "Example Cells",
        "battery_mass": Decimal(400),
    }
    record = record_of(connection, one, RecordKind.PASSPORT, public_url="https://id.example.com", now=LATER)
    stated = {name: record.get(REGISTRY[name]) for name in ("rated_capacity", "manufacturer_name")}
    assert {name: (one.value, one.as_of, one.source) for name, one in stated.items() if one} == {
        "rated_capacity": (Decimal(101), LATER, Source.DECLARED),
        "manufacturer_name": ("Example Cells", NOW, Source.DECLARED),
    }


def test_a_changed_model_changes_what_its_batteries_say_and_no_others(connection):
    first, second = model(connection, rated_capacity=Decimal(100)), model(connection, "EX-6")
    mine, other = (
        battery(connection, "A", model=first.id),
        battery(connection, "B", model=second.id),
    )
    model(connection, at=LATER, rated_capacity=Decimal(99))
    assert batteries.facts(connection, mine.id)["rated_capacity"] == Decimal(99)
    assert "rated_capacity" not in batteries.facts(connection, other.id)
    assert catalogue.batteries_of(connection, first.id) == [mine.id]


def test_declaring_the_same_again_adds_no_revision_and_none_withdraws(connection):
    made = model(connection, rated_capacity=Decimal(100))
    assert model(connection, at=LATER, rated_capacity=Decimal(100)) == made
    assert revisions(connection) == 1
    model(connection, at=LATER, rated_capacity=None)
    assert revisions(connection) == 2
    assert set(catalogue.declared(connection, [made.id])[made.id].wired) == {"model_identifier"}


def test_circumstances_go_down_from_model_to_battery_and_may_be_withdrawn(connection):
    made = model(connection, circumstances={"warranty_given": True, "cyclic_use": True})
    one = battery(connection, model=made.id, circumstances={"cyclic_use": False})

    def known():
        return batteries.declared(connection, [one.id])[one.id].circumstances

    assert known() == {"warranty_given": True, "cyclic_use": False}
    batteries.declare(connection, one.id, {}, circumstances={"cyclic_use": None}, at=LATER, by="test")
    assert known() == {"warranty_given": True, "cyclic_use": True}
    with pytest.raises(FactRefused, match="not a condition: sunny; known are "):
        batteries.declare(connection, one.id, {}, circumstances={"sunny": True}, at=LATER, by="test")


def test_an_absence_is_declared_and_stands_in_the_record(connection):
    made = model(connection, warranty_period=Absent.NOT_APPLICABLE)
    one = battery(connection, model=made.id)
    assert "warranty_period" not in batteries.facts(connection, one.id)
    record = record_of(connection, one, RecordKind.PASSPORT, public_url="https://id.example.com", now=NOW)
    stated = record.get(REGISTRY["warranty_period"])
    assert stated is not None
    assert stated.absent is Absent.NOT_APPLICABLE
    with pytest.raises(FactRefused, match="nobody declares 'not_provided'"):
        model(connection, warranty_period=Absent.NOT_PROVIDED)


@pytest.mark.parametrize("attribute", ["serial_number", "battery_id", "repair_history", "capacity_fade"])
def test_what_is_true_of_one_battery_is_refused_of_a_model(connection, attribute):
    with pytest.raises(FactRefused, match=f"{attribute} is true of one battery, not of a model"):
        model(connection, **{attribute: "x"})


def test_a_product_keeps_its_name(connection):
    with pytest.raises(FactRefused, match="contradicts the name of the model"):
        model(connection, model_identifier="EX-9")
    for name in ("", " ", "x" * 201):
        with pytest.raises(FactRefused, match="1 to 200 characters"):
            model(connection, name)


def test_a_battery_takes_the_model_and_batch_of_its_own_operator_only(connection):
    first, second = model(connection), model(connection, "EX-6")
    lot = batch(connection, first)
    with pytest.raises(Conflict, match="batch 'L1' belongs to another model"):
        battery(connection, model=second.id, batch=lot.id)
    with pytest.raises(NotFound, match="operator 'other' has no model"):
        battery(connection, operator="other", model=first.id)
    with pytest.raises(NotFound, match="has no batch"):
        battery(connection, model=first.id, batch=first.id)
    assert batteries.every(connection) == []


def test_two_batches_of_one_number_belong_to_two_models(connection):
    lots = [batch(connection, model(connection, name)) for name in ("EX-5", "EX-6")]
    assert lots[0].id != lots[1].id
    assert [one.level for one in catalogue.every(connection)] == ["model", "model", "batch", "batch"]


def test_many_batteries_come_all_or_not_at_all(connection):
    news = [
        batteries.New(OPERATOR, Category.EV, f"/01/09520123456788/21/{serial}", {}, None, simulated=False)
        for serial in ("A", "B", "A")
    ]
    with pytest.raises(Conflict, match="/21/A is already here"):
        batteries.create_many(connection, news, at=NOW, by="test")
    assert batteries.every(connection) == []
    made = batteries.create_many(connection, news[:2], at=NOW, by="test")
    assert [one.identifier[-1] for one in made] == ["A", "B"]
    assert batteries.get(connection, made[1].id) == made[1]
    assert batteries.create_many(connection, [], at=NOW, by="test") == []


def test_the_day_of_placing_follows_its_declaration(connection):
    one = battery(connection, placed_on=None)
    batteries.declare(connection, one.id, {"placed_on_market_date": date(2027, 4, 2)}, at=LATER, by="test")
    assert batteries.get(connection, one.id).placed_on == date(2027, 4, 2)
    batteries.declare(connection, one.id, {"battery_mass": Decimal(4)}, at=LATER, by="test")
    assert batteries.get(connection, one.id).placed_on == date(2027, 4, 2)


def test_what_a_model_says_of_its_operator_ends_with_the_hand_over(connection):
    made = model(connection, operator_identifier="9520123000003", manufacturer_name="Example Cells")
    one, other = battery(connection, "A", model=made.id), battery(connection, "B", model=made.id)
    connection.exec_driver_sql("UPDATE battery SET operator = 'other' WHERE id = ?", (one.id,))
    found = batteries.declared(connection, [one.id, other.id])
    assert "operator_identifier" not in found[one.id].wired
    assert found[one.id].wired["manufacturer_name"] == "Example Cells"
    assert found[other.id].wired["operator_identifier"] == "9520123000003"
