"""Templates and examples: what is asked has a column, and facts survive the trip through a sheet."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from passport.importing import apply, example, files, layout, plan, template
from passport.importing.layout import Content
from passport.importing.reading import LISTS, NOT_DECLARED, SHEETS
from passport.issue import record_of
from passport.judgement import compliance
from passport.ledger import batteries, catalogue, database, operators
from passport.ledger.catalogue import may_state
from schemas.registry import REGISTRY
from schemas.terms import Category, Level, RecordKind
from schemas.validation import load_facts
from tests.databases import migrated
from tests.passport.exports import subjects

TODAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OPERATOR = "example-cells"
EVERY = [None, *Category]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    opened = migrated(tmp_path_factory.mktemp("ledger"))
    with database.writing(opened) as connection:
        operators.create(connection, OPERATOR, name="Example Cells", simulated=False, at=NOW)
    yield opened
    opened.dispose()


class Undone(Exception):
    """What a test wrote is not kept."""


def bring(connection, *given):
    entries = files.read(list(given))
    made = plan.make(connection, entries, operator=OPERATOR, today=TODAY)
    plan.open_gate(made, partial=False)
    apply.carry_out(connection, made, at=NOW, progress=lambda _done, _total: None)
    return made


def headings(sheet):
    return {column.heading.partition(" [")[0].partition(".")[0].rstrip("?") for column in sheet.columns}


@pytest.mark.parametrize("category", EVERY)
def test_an_untouched_template_states_nothing(category):
    entries = files.read([("t.xlsx", template.workbook(category, TODAY))])
    assert (entries.by_key, entries.all_findings()) == ({}, [])
    entries = files.read(list(template.csv_files(category, TODAY).items()))
    assert (entries.by_key, entries.all_findings()) == ({}, [])


@pytest.mark.parametrize("category", EVERY)
def test_what_may_be_stated_has_a_column_and_what_may_not_has_none(category):
    sheets = layout.sheets(category, TODAY)
    found = {name for sheet in sheets for name in headings(sheet)} | {sheet.name for sheet in sheets}
    for row in REGISTRY.values():
        rulings = [
            compliance.rulings(one, None, TODAY)[row.id] for one in ([category] if category else Category)
        ]
        wanted = any(ruling.may_be_stated for ruling in rulings) and row.id not in NOT_DECLARED
        assert (row.id in found) == wanted, row.id


def test_every_column_of_a_template_is_read():
    for sheet in layout.sheets(None, TODAY, everything=True):
        assert len(sheet.name) <= 31, "a sheet's name in a workbook"
        level = SHEETS.get(sheet.name)
        for column in sheet.columns:
            assert (
                level is None
                or column.word == "key"
                or column.heading.endswith("?")
                or may_state(level, column.name)
            )
    entries = files.read([("t.xlsx", template.workbook(None, TODAY, everything=True))])
    assert entries.all_findings() == []


def test_a_template_has_drop_downs_notes_and_protected_headings():
    book = load_workbook(io.BytesIO(template.workbook(Category.EV, TODAY)))
    assert book.sheetnames[:4] == ["READ ME", "models", "batches", "items"]
    assert set(book.sheetnames[4:]) <= {*LISTS, "lists"}
    page = book["models"]
    by_heading = {cell.value: cell for cell in page[1]}
    lists = {str(rule.sqref): rule for rule in page.data_validations.dataValidation if rule.type == "list"}
    letter = by_heading["battery_category"].column_letter
    assert lists[f"{letter}4:{letter}20000"].formula1 == '"ev,lmt,industrial,stationary"'
    letter = by_heading["operator_address.country"].column_letter
    assert lists[f"{letter}4:{letter}20000"].formula1.startswith("'lists'!$A$2")
    assert book["lists"]["A2"].value == "AD"
    note = by_heading["rated_capacity [Ah]"].comment.text
    assert "Annex XIII 1(g)" in note
    assert "Seen by: everyone" in note
    assert page.protection.sheet
    assert by_heading["rated_capacity [Ah]"].protection.locked
    assert not page.column_dimensions[letter].protection.locked
    assert page.column_dimensions["A"].number_format == "@"
    assert not any(cell.data_type == "f" for one in book for row in one.iter_rows() for cell in row)


def test_the_read_me_tells_what_is_not_asked_and_why():
    page = load_workbook(io.BytesIO(template.workbook(Category.EV, TODAY)))["READ ME"]
    said = {row[0]: row[3] for row in page.iter_rows(values_only=True) if row[0]}
    assert "stays empty until an act" in said["cf_total"]
    assert "does not apply to category ev" in said["energy_throughput"]


@pytest.mark.parametrize("category", Category)
def test_an_example_imports_without_a_finding_and_leaves_nothing_missing(engine, category):
    given = example.content(category, TODAY)
    book = ("my.xlsx", template.workbook(category, TODAY, content=given))
    sheets = list(template.csv_files(category, TODAY, content=given).items())
    with pytest.raises(Undone), database.writing(engine) as connection:
        made = bring(connection, book)
        assert made.findings == []
        assert {name: each["new"] for name, each in made.counts().items()} == {
            "models": 1,
            "batches": 1,
            "items": 3,
        }
        for battery in batteries.every(connection):
            for kind in (RecordKind.PASSPORT, RecordKind.CONDITION):
                record = record_of(connection, battery, kind, public_url="https://id.example.com", now=NOW)
                findings = compliance.gaps(record, battery.category, battery.placed_on, TODAY)
                assert [str(one) for one in findings if one.closes_gate] == []
        again = bring(connection, *sheets)
        assert {name: each["unchanged"] for name, each in again.counts().items()} == {
            "models": 1,
            "batches": 1,
            "items": 3,
        }
        raise Undone


def declarable(category: Category, *, level: Level) -> dict[str, Any]:
    facts = {
        name: value
        for name, value in subjects.facts(category).items()
        # The examples live after TODAY, which cannot be declared today.
        if name not in NOT_DECLARED and name not in ("putting_into_service_date", "passport_ceased_at")
    }
    if level is Level.ITEM:
        return {
            n: v
            for n, v in facts.items()
            if not may_state(Level.MODEL, n) and n not in ("serial_number", "batch_number")
        }
    return {n: v for n, v in facts.items() if may_state(Level.MODEL, n)}


@pytest.mark.parametrize("category", Category)
@settings(
    deadline=None,
    database=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_facts_spread_over_sheets_come_back_as_they_were(engine, category, data):
    """Any choice of a complete battery's facts, by workbook or by CSV files."""
    keys = {"model_identifier": "EX-5", "gtin": subjects.GTINS[category]}
    model, item = declarable(category, level=Level.MODEL), declarable(category, level=Level.ITEM)
    model.pop("model_identifier", None)
    chosen = [
        {name: value for name, value in facts.items() if data.draw(st.booleans(), label=name)}
        for facts in (model, item)
    ]
    chosen[0]["battery_category"] = category.value
    content = Content()
    content.add(Level.MODEL, keys, chosen[0], {"warranty_given": True})
    content.add(Level.ITEM, {**keys, "serial_number": "S1"}, chosen[1], {"cyclic_use": False})
    if data.draw(st.booleans(), label="csv"):
        given = list(template.csv_files(category, TODAY, content=content).items())
    else:
        given = [("my.xlsx", template.workbook(category, TODAY, content=content))]
    with pytest.raises(Undone), database.writing(engine) as connection:
        made = bring(connection, *given)
        assert made.refused == []
        (battery,) = batteries.every(connection)
        expected = load_facts({**chosen[0], **chosen[1], "model_identifier": "EX-5", "serial_number": "S1"})
        found = batteries.facts(connection, battery.id)
        assert {name: REGISTRY[name].value.to_wire(value) for name, value in found.items()} == {
            name: REGISTRY[name].value.to_wire(value) for name, value in expected.items()
        }
        (product,) = catalogue.every(connection)
        assert catalogue.declared(connection, [product.id])[product.id].circumstances == {
            "warranty_given": True
        }
        raise Undone


def test_csv_templates_are_sheets_with_a_mark_and_run_nothing():
    content = example.content(Category.EV, TODAY)
    for name, data in template.csv_files(Category.EV, TODAY, content=content).items():
        assert data.startswith(b"\xef\xbb\xbf"), name
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        assert not any(cell[:1] in ("=", "@") for row in rows for cell in row)
