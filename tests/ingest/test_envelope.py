"""The HTTP batch: one strict JSON object, named errors, nothing half stored."""

import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from ingest import journal
from ingest.errors import EnvelopeRefused, SequenceConflict
from ingest.journal import envelope
from schemas.samples import ColumnKey, Note

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def document(**changes):
    whole = {
        "source": "gw-17",
        "epoch": "7",
        "sequence": {"first": 1201, "count": 3},
        "time_ms": [1_790_000_000_000, 1_790_000_001_000, None],
        "columns": [
            {"quantity": "current", "unit": "A", "exponent": -3, "values": [12_500, 12_480, None]},
            {"quantity": "cell_voltage", "index": 1, "unit": "V", "values": ["3.301", "3.3025", "3.30"]},
            {"quantity": "protection", "values": [None, "over_current", None]},
            {"quantity": "charging_enabled", "values": [True, False, None]},
        ],
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def column(**changes):
    usual = {"quantity": "current", "unit": "A", "exponent": -3, "values": [1, 2, 3]}
    return document(columns=[{k: v for k, v in {**usual, **changes}.items() if v is not ...}])


def parse(whole) -> envelope.Batch:
    return envelope.parse(json.dumps(whole).encode())


def test_a_batch_is_read_column_by_column():
    batch = parse(document())
    rows = batch.samples
    assert (batch.source, batch.epoch, rows.absolute) == ("gw-17", "7", True)
    assert rows.sequence.tolist() == [1201, 1202, 1203]
    assert rows.timed.tolist() == [True, True, False]
    current = rows.columns[ColumnKey("current")]
    assert [current.decimal(row) for row in range(3)] == [Decimal("12.500"), Decimal("12.480"), None]
    cell = rows.columns[ColumnKey("cell_voltage", 1)]
    assert [cell.decimal(row) for row in range(3)] == [
        Decimal("3.3010"),
        Decimal("3.3025"),
        Decimal("3.3000"),
    ]
    assert cell.exponent == -4
    flag = rows.columns[ColumnKey("charging_enabled")]
    assert (flag.values.tolist(), flag.valid.tolist()) == ([1, 0, 0], [True, True, False])
    assert rows.notes == (Note(1202, "protection", "over_current"),)


@pytest.mark.parametrize(
    ("whole", "sentence"),
    [
        ([], "a batch is a JSON object, found a list"),
        (document(source=...), "source: Missing data"),
        (document(colour="red"), "colour: Unknown field"),
        (document(columns=...), "columns: Missing data"),
        (document(absolute="yes"), "absolute: Not a valid boolean"),
        (document(sequence=[1, 3, 3]), "column sequence, row 2: expected a number above 3, found 3"),
        (document(sequence=[1, None, 3]), "column sequence, row 1: expected a number, found None"),
        (document(sequence=[-1, 2, 3]), "column sequence, row 0: expected 0 to 9007199254740991, found -1"),
        (document(sequence="1-3"), "sequence: expected a list of numbers or first and count, found a text"),
        (document(sequence={"first": 1}), "sequence: count: Missing data"),
        (document(time_ms=[1, 2]), "time_ms: expected 3 values, one for each row, found 2 values"),
        (document(time_ms=[1, 2, "3"]), "column time_ms, row 2: expected an integer"),
        (document(time_ms=[1, 2, 10**15]), "column time_ms, row 2: expected"),
        (column(quantity="colour"), "columns.0.quantity: is not a quantity"),
        (column(unit=...), "column current: expected unit A, found None"),
        (column(unit="mA"), "column current: expected unit A, found 'mA'"),
        (column(values=[1, 2]), "column current: expected 3 values, one for each row, found 2 values"),
        (
            column(values=[1, 2.5, 3]),
            "column current, row 1: expected an integer (or decimal strings throughout)",
        ),
        (column(values=[1, True, 3]), "column current, row 1: expected an integer"),
        (column(values=[1, "2", 3]), "column current, row 1: expected an integer"),
        (
            column(values=["1", "0x2", "3"]),
            "column current, row 1: expected a plain decimal number, found 0x2",
        ),
        (
            column(values=["1", "1e5", "3"]),
            "column current, row 1: expected a plain decimal number, found 1e5",
        ),
        (column(values=["1", "NaN", "3"]), "column current, row 1: expected a plain decimal number"),
        (column(values=["1", "٣", "3"]), "column current, row 1: expected a plain decimal number"),
        (
            column(values=[1, 2 * 10**8, 3]),
            "row 1: expected -100000000e-3 to 100000000e-3, found 200000000e-3",
        ),
        (column(exponent=99), "columns.0.exponent: Must be greater than"),
        (column(index=1), "column current/1: current has no positions"),
        (column(kind="x"), "column current#x: a kind names what an event_count counts"),
        (column(component="../etc"), "columns.0.component: is no part"),
        (column(origin="guessed"), "columns.0.origin: Must be one of"),
        (column(quantity="cell_voltage", unit="V"), "column cell_voltage: expected an index"),
        (column(quantity="event_count", unit=...), "column event_count: a kind names"),
        (
            column(quantity="alarm", unit=..., exponent=..., values=[1, None, None]),
            "column alarm, row 0: expected a text",
        ),
        (column(quantity="alarm", unit=..., exponent=..., values=["\x07", None, None]), "printable"),
        (document(columns=document()["columns"] + document()["columns"][:1]), "column current stands twice"),
    ],
)
def test_what_is_wrong_is_named_with_column_and_row(whole, sentence):
    with pytest.raises(EnvelopeRefused) as caught:
        parse(whole)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"source":"a","source":"b"}',
        b'{"time_ms":[NaN]}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"source":"\\ud800"}',
        b'{"time_ms":[1e999]}',
        b'{"time_ms":[9007199254740993]}',
    ],
)
def test_what_is_not_strict_json_is_refused(body):
    with pytest.raises(EnvelopeRefused):
        envelope.parse(body)


def test_too_much_is_told_apart_from_wrong():
    with pytest.raises(envelope.EnvelopeTooLarge, match="at most 1048576 bytes"):
        envelope.parse(b" " * (1_048_576 + 1))
    with pytest.raises(envelope.EnvelopeTooLarge, match="rows"):
        parse(document(sequence={"first": 1, "count": 10**9}))
    with pytest.raises(envelope.EnvelopeTooLarge, match="columns"):
        parse(document(columns=[{}] * 1025))
    assert envelope.EnvelopeTooLarge.status == 413


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    ),
    st.sampled_from(
        ["source", "epoch", "sequence", "time_ms", "columns", "absolute", "values", "unit", "index"]
    ),
)
def test_anything_in_any_place_is_a_batch_or_a_refusal(value, where):
    whole = document()
    if where in {"values", "unit", "index"}:
        whole["columns"][0][where] = value
    else:
        whole[where] = value
    with suppress(EnvelopeRefused):
        parse(whole)


@dataclass(frozen=True)
class Sender:
    right: str = "intake"
    battery: str | None = "B"
    operator: str | None = None


class Batteries:
    """The passport side as intake sees it, kept in memory."""

    def __init__(self, bindings=None) -> None:
        self.bindings = dict(bindings or {})
        self.dirty: list[str] = []

    def bound(self, connection, source):
        return {part: battery for (name, part), battery in self.bindings.items() if name == source}

    def bind(self, connection, *, battery, source, component, at):
        self.bindings[source, component] = battery

    def mark_dirty(self, connection, battery, *, at):
        self.dirty.append(battery)

    def resolve(self, connection, argument):
        raise AssertionError

    def create(self, connection, facts, *, at):
        raise AssertionError


@pytest.fixture
def writing():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        journal.upgrade(connection)

    @contextmanager
    def transaction():
        with engine.begin() as connection:
            yield connection

    yield transaction
    engine.dispose()


def receive(writing, whole, batteries, sender=None):
    body = json.dumps(whole).encode()
    return envelope.receive(body, sender or Sender(), writing=writing, batteries=batteries, now=NOW)


def test_a_received_batch_is_stored_and_its_battery_marked(writing):
    batteries = Batteries()
    answer = receive(writing, document(), batteries)
    (receipt,) = answer["receipts"]
    assert (answer["source"], answer["epoch"]) == ("gw-17", "7")
    assert (receipt["battery"], receipt["accepted"], receipt["duplicates"]) == ("B", 3, 0)
    assert batteries.dirty == ["B"]
    assert receive(writing, document(), batteries)["receipts"][0]["duplicates"] == 3
    assert batteries.dirty == ["B"]


def test_parts_go_to_the_batteries_they_are_bound_to(writing):
    batteries = Batteries({("gw-17", "module/1"): "ONE", ("gw-17", "module/2"): "TWO"})
    columns = [
        {"quantity": "current", "unit": "A", "component": "module/1", "exponent": -3, "values": [1, 2, 3]},
        {"quantity": "current", "unit": "A", "component": "module/2", "exponent": -3, "values": [4, 5, 6]},
        {"quantity": "alarm", "component": "module/2", "values": ["hot", None, None]},
    ]
    receive(writing, document(columns=columns), batteries, Sender(battery=None))
    with writing() as connection:
        (one,) = journal.stored_chunks(connection, "ONE")
        (two,) = journal.stored_chunks(connection, "TWO")
    assert one.samples.columns[ColumnKey("current")].values.tolist() == [1, 2, 3]
    assert two.samples.columns[ColumnKey("current")].values.tolist() == [4, 5, 6]
    assert two.samples.notes == (Note(1201, "alarm", "hot"),)


def test_a_part_that_is_bound_to_nobody_refuses_the_whole_batch(writing):
    batteries = Batteries({("gw-17", "module/1"): "ONE"})
    columns = [
        {"quantity": "current", "unit": "A", "component": f"module/{n}", "exponent": -3, "values": [1, 2, 3]}
        for n in (1, 2)
    ]
    with pytest.raises(EnvelopeRefused, match="module/2 of source gw-17 is bound to no battery"):
        receive(writing, document(columns=columns), batteries, Sender(battery=None))
    with writing() as connection:
        assert journal.stored_chunks(connection, "ONE") == []


def test_a_conflict_in_one_part_stores_nothing_of_the_others_and_is_written_down(writing):
    batteries = Batteries({("gw-17", "module/1"): "ONE", ("gw-17", "module/2"): "TWO"})

    def columns(one, two):
        return [
            {"quantity": "current", "unit": "A", "component": f"module/{n}", "exponent": -3, "values": values}
            for n, values in ((1, one), (2, two))
        ]

    receive(writing, document(columns=columns([1, 2, 3], [4, 5, 6])[1:]), batteries, Sender(battery=None))
    with pytest.raises(SequenceConflict):
        receive(writing, document(columns=columns([1, 2, 3], [4, 5, 7])), batteries, Sender(battery=None))
    with writing() as connection:
        assert journal.stored_chunks(connection, "ONE") == []
        refused = connection.exec_driver_sql("SELECT battery, sequence FROM intake_conflict").all()
    assert [tuple(row) for row in refused] == [("TWO", 1203)]


@pytest.mark.parametrize(
    ("sender", "sentence"),
    [
        (Sender(right="read"), "this key reads"),
        (Sender(battery=None, operator="acme"), "names its battery"),
        (Sender(battery="C"), "not bound to this key's battery"),
    ],
)
def test_a_key_sends_only_what_it_speaks_of(writing, sender, sentence):
    with pytest.raises(envelope.SenderRefused, match=sentence):
        receive(writing, document(), Batteries({("gw-17", None): "B"}), sender)
