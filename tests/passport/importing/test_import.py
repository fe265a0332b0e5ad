"""From files to the ledger: what is stated arrives exactly, what is wrong is named, and nothing by halves."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from passport.active_content.check import check
from passport.importing import apply, files, plan
from passport.importing.findings import ImportRefused, report
from passport.importing.plan import State
from passport.ledger import batteries, catalogue, database, operators, papers
from schemas.terms import Absent, Category, Disclosure, Level
from tests.databases import migrated
from tests.passport.importing.books import GTIN, book, items, models

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OPERATOR = "example-cells"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder with the tables and two operators, made once: migrations take longer than most tests."""
    folder = tmp_path_factory.mktemp("ready")
    opened = migrated(folder)
    with database.writing(opened) as connection:
        operators.create(connection, OPERATOR, name="Example Cells", simulated=False, at=NOW)
        operators.create(connection, "other", name="Another", simulated=False, at=NOW)
    opened.dispose()
    return folder


@pytest.fixture
def engine(ready, tmp_path):
    for file in ready.iterdir():
        shutil.copy(file, tmp_path)
    opened = database.open_database(tmp_path)
    yield opened
    opened.dispose()


def bring(engine, *given, operator=OPERATOR, partial=False, at=NOW, **how):
    entries = files.read([one if isinstance(one, tuple) else ("my.xlsx", one) for one in given], **how)
    with database.writing(engine) as connection:
        made = plan.make(connection, entries, operator=operator, today=at.date())
        plan.open_gate(made, partial=partial)
        apply.carry_out(connection, made, at=at, progress=lambda _done, _total: None)
    return made


def refused(engine, *given, **how):
    """Sentences of what is wrong; and nothing was written."""
    with pytest.raises(ImportRefused) as caught:
        bring(engine, *given, **how)
    with database.reading(engine) as connection:
        assert not batteries.every(connection)
        assert not catalogue.every(connection)
    return [str(one) for one in caught.value.findings if not one.warning]


def facts(engine, serial, gtin=GTIN):
    with database.reading(engine) as connection:
        found = batteries.by_identifier(connection, f"/01/{gtin}/21/{serial}")
        return batteries.facts(connection, found.id)


def counts(made):
    return {name: {state: n for state, n in each.items() if n} for name, each in made.counts().items()}


def revisions(engine):
    with database.reading(engine) as connection:
        return [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            for table in ("declaration", "product_declaration")
        ]


# ------------------------------------------------------------------------------------------- documents

URL = "https://id.example.com"


@pytest.fixture
def papered(engine):
    """Finds documents: `doc.txt`, `report.txt`, two of the name `twice.txt`, a withdrawn `gone.txt`."""

    def put(connection, name, data, operator=OPERATOR):
        return papers.put(
            connection,
            check(data),
            operator=operator,
            kind=papers.Kind.OTHER,
            title=name,
            language="en",
            version="1",
            disclosure=Disclosure.PUBLIC,
            file_name=name,
            at=NOW,
            by="test",
        )

    with database.writing(engine) as connection:
        put(connection, "doc.txt", b"declaration\n")
        put(connection, "report.txt", b"report\n")
        put(connection, "twice.txt", b"1\n")
        put(connection, "twice.txt", b"2\n")
        papers.withdraw(connection, put(connection, "gone.txt", b"3\n").id, why="wrong", at=NOW, by="test")
        put(connection, "foreign.txt", b"4\n", "other")

    def find(name):
        with database.reading(engine) as connection:
            return papers.address_of(connection, name, URL, operator=OPERATOR)

    return find


DECLARATION = papers.address(URL, check(b"declaration\n").sha256)
REPORT = papers.address(URL, check(b"report\n").sha256)


def test_a_cell_may_hold_the_name_of_a_document(engine, papered):
    stated = {
        "eu_declaration_of_conformity": "doc.txt",
        "test_reports": "report.txt; sha256:" + REPORT.rpartition("/")[2] + "; https://d.example.com/1.pdf",
        "dismantling_cell_layout.document": "doc.txt",
    }
    bring(engine, book({"models": models(**stated), "items": items("S1")}), documents=papered)
    found = facts(engine, "S1")
    assert found["eu_declaration_of_conformity"] == DECLARATION
    assert list(found["test_reports"]) == [
        REPORT,
        REPORT,
        "https://d.example.com/1.pdf",
    ]
    assert found["dismantling_cell_layout"]["document"] == DECLARATION


def test_a_document_of_json_is_found_by_its_name_too(engine, papered):
    text = json.dumps(
        {
            "models": [
                {"model_identifier": "EX-5", "battery_category": "stationary", "test_reports": ["report.txt"]}
            ]
        }
    )
    bring(engine, ("a.json", text.encode()), documents=papered)
    with database.reading(engine) as connection:
        (product,) = catalogue.every(connection)
        layer = catalogue.declared(connection, [product.id])[product.id]
    assert layer.wired["test_reports"] == [REPORT]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dok.txt", "no document 'dok.txt'.*did you mean 'doc.txt'"),
        ("foreign.txt", "no document 'foreign.txt'"),
        ("twice.txt", "2 documents are called 'twice.txt'"),
        ("gone.txt", "was withdrawn: wrong"),
        ("sha256:" + "0" * 64, "no document 'sha256:0"),
        (f"{URL}/d/{'0' * 64}", "no document"),
    ],
)
def test_a_name_that_means_no_document_is_a_finding_at_its_cell(engine, papered, name, sentence):
    sheets = {"models": models(eu_declaration_of_conformity=name), "items": items("S1")}
    said = refused(engine, book(sheets), documents=papered)[0]
    assert said.startswith("models!F2 eu_declaration_of_conformity")
    assert re.search(sentence, said)


# ------------------------------------------------------------------------------------------ what arrives


def test_a_model_and_its_batteries_arrive_with_their_values(engine):
    made = bring(
        engine,
        book(
            {
                "models": models(
                    **{
                        "operator_address.town": "Leipzig",
                        "operator_address.country": "DE",
                        "warranty_given?": "yes",
                        "cadmium_lead_symbols": "n/a",
                        "test_reports": "https://d.example.com/1.pdf; https://d.example.com/2.pdf",
                    }
                ),
                "items": items(
                    "S1",
                    "S2",
                    placed_on_market_date=date(2027, 2, 18),
                    manufacturing_date="2027-01",
                    state_of_charge=30.5,
                ),
                "material_composition": [
                    ["model_identifier", "component", "name", "cas_number", "mass [g]"],
                    ["EX-5", "anode", "Graphite", "7782-42-5", 6300],
                    ["EX-5", "cathode", "Lithium iron phosphate", "15365-14-7", 14000],
                ],
            }
        ),
    )
    assert counts(made) == {"models": {"new": 1}, "batches": {}, "items": {"new": 2}}
    found = facts(engine, "S2")
    assert found["rated_capacity"] == Decimal(100)
    assert found["nominal_voltage"] == Decimal("51.2")
    assert found["operator_address"] == {"town": "Leipzig", "country": "DE"}
    assert found["test_reports"] == ("https://d.example.com/1.pdf", "https://d.example.com/2.pdf")
    assert found["placed_on_market_date"] == date(2027, 2, 18)
    assert str(found["manufacturing_date"]) == "2027-01"
    assert found["state_of_charge"] == Decimal("30.5")
    assert [entry["mass"] for entry in found["material_composition"]] == ["6.3", "14"]
    with database.reading(engine) as connection:
        (model,) = catalogue.every(connection)
        layer = catalogue.declared(connection, [model.id])[model.id]
        (first, _) = batteries.every(connection)
    assert layer.circumstances == {"warranty_given": True}
    assert layer.wired["cadmium_lead_symbols"] == {"absent": "not_applicable"}
    assert (first.category, first.placed_on, first.model) == (
        Category.STATIONARY,
        date(2027, 2, 18),
        model.id,
    )


def test_units_are_turned_into_the_row_s_own_in_cells_and_in_headings(engine):
    sheet = models()
    sheet[0][3], sheet[1][3] = "rated_capacity [mAh]", 102_000
    sheet[0][4], sheet[1][4] = "nominal_voltage", "51200 mV"
    bring(engine, book({"models": sheet, "items": items("S1")}))
    assert (facts(engine, "S1")["rated_capacity"], facts(engine, "S1")["nominal_voltage"]) == (
        102,
        Decimal("51.2"),
    )


def test_the_same_again_changes_nothing_and_a_changed_cell_adds_one_revision(engine):
    first = book({"models": models(), "items": items("S1", "S2", state_of_charge=30)})
    bring(engine, first)
    before = revisions(engine)
    made = bring(engine, first, at=NOW + timedelta(days=1))
    assert counts(made) == {"models": {"unchanged": 1}, "batches": {}, "items": {"unchanged": 2}}
    assert revisions(engine) == before
    rows = items("S1", "S2", state_of_charge=30)
    rows[2][2] = 31
    made = bring(engine, book({"models": models(), "items": rows}), at=NOW + timedelta(days=2))
    assert counts(made)["items"] == {"changed": 1, "unchanged": 1}
    assert [now - then for now, then in zip(revisions(engine), before, strict=True)] == [1, 0]
    assert facts(engine, "S2")["state_of_charge"] == 31


def test_withdraw_takes_back_and_an_empty_cell_does_not(engine):
    bring(engine, book({"models": models(), "items": items("S1", state_of_charge=30, temperature=20)}))
    bring(
        engine, book({"models": models(), "items": items("S1", state_of_charge="withdraw", temperature=None)})
    )
    found = facts(engine, "S1")
    assert "state_of_charge" not in found
    assert found["temperature"] == 20


def test_batteries_of_a_model_that_is_here_need_only_a_row_of_their_own(engine):
    bring(engine, book({"models": models()}))
    path = f"/01/{GTIN}/21/S9"
    sheet = [["battery_id", "model_identifier"], [f"https://id.example.com{path}", "EX-5"]]
    bring(engine, book({"items": sheet}))
    assert facts(engine, "S9")["rated_capacity"] == 100


def test_batches_lie_between(engine):
    sheet = [["model_identifier", "batch_number", "manufacturing_date"], ["EX-5", "L1", "2027-01"]]
    rows = [["model_identifier", "batch_number", "serial_number"], ["EX-5", "L1", "S1"], ["EX-5", "L2", "S2"]]
    wrong = refused(engine, book({"models": models(), "batches": sheet, "items": rows}))
    assert wrong == [
        (
            "items!B3 batch_number: the model 'EX-5' has no batch 'L2': add it to batches"
            " (Annex XIII 1(a); Annex VI A(2))"
        )
    ]
    bring(engine, book({"models": models(), "batches": sheet, "items": rows[:2]}))
    assert str(facts(engine, "S1")["manufacturing_date"]) == "2027-01"


def test_csv_files_that_belong_together_and_one_flat_file_say_the_same(engine):
    together = [
        (
            "models.csv",
            f"model_identifier;gtin;battery_category;rated_capacity\nEX-5;{GTIN};lmt;14.5\n".encode(),
        ),
        ("items.csv", b"model_identifier;serial_number\nEX-5;0001\n"),
        ("part_numbers.csv", b"model_identifier;component;part_number\nEX-5;fuse;F-1\n"),
    ]
    bring(engine, *together)
    assert facts(engine, "0001")["part_numbers"] == ({"component": "fuse", "part_number": "F-1"},)
    flat = (
        "gtin,serial_number,model_identifier,battery_category,rated_capacity,state_of_charge\n"
        f"{GTIN},0002,EX-5,lmt,14.5,50\n{GTIN},0003,EX-5,lmt,14.5,51\n"
    )
    made = bring(engine, ("export 2027.csv", flat.encode()))
    assert counts(made) == {"models": {"unchanged": 1}, "batches": {}, "items": {"new": 2}}
    assert facts(engine, "0003")["state_of_charge"] == 51


def test_a_flat_file_that_contradicts_itself_about_a_model_is_refused(engine):
    heading = "gtin,serial_number,model_identifier,battery_category,rated_capacity"
    flat = f"{heading}\n{GTIN},1,EX-5,lmt,14.5\n{GTIN},2,EX-5,lmt,15\n"
    (wrong, *_) = refused(engine, ("export.csv", flat.encode()))
    assert wrong.startswith("export!E3 rated_capacity: contradicts export!E2")


DOCUMENT = {
    "models": [
        {
            "model_identifier": "EX-5",
            "gtin": GTIN,
            "battery_category": "ev",
            "rated_capacity": "156",
            "part_numbers": [{"component": "fuse", "part_number": "F-1"}],
            "cadmium_lead_symbols": {"absent": "not_applicable"},
            "circumstances": {"warranty_given": False},
        }
    ],
    "items": [{"model_identifier": "EX-5", "serial_number": "S1", "accidents": []}],
}


def test_json_and_yaml_have_one_layout(engine):
    bring(engine, ("my.json", json.dumps(DOCUMENT).encode()))
    assert facts(engine, "S1")["accidents"] == ()
    import yaml

    made = bring(engine, ("my.yaml", yaml.safe_dump(DOCUMENT).encode()))
    assert counts(made) == {"models": {"unchanged": 1}, "batches": {}, "items": {"unchanged": 1}}


def test_a_document_names_its_places_by_path(engine):
    wrong = {
        **DOCUMENT,
        "items": [{"model_identifier": "EX-5", "serial_number": "S1", "state_of_charge": "5 kg", "x": 1}],
    }
    said = refused(engine, ("my.json", json.dumps(wrong).encode()))
    assert said == [
        "items[1].state_of_charge: expected one of %; got the unit 'kg' (Annex XIII 4(d); Art. 3(1)(27))",
        "items[1].x: no attribute is called 'x'",
    ]


# -------------------------------------------------------------------------------------------- what is wrong

WRONG = [
    (
        "a unit in the wrong column",
        {"rated_capacity": "100 V"},
        "models!D2 rated_capacity: expected one of Ah, mAh, kAh; got the unit 'V'",
    ),
    (
        "a decimal comma",
        {"rated_capacity": "99,5"},
        "models!D2 rated_capacity: expected a point as decimal mark",
    ),
    (
        "a day for a number",
        {"rated_capacity": date(2027, 5, 3)},
        "models!D2 rated_capacity: expected a number, got the day",
    ),
    ("out of range", {"rated_capacity": -1}, "models!D2 rated_capacity: expected more than 0 Ah, got -1 Ah"),
    ("an unknown word", {"battery_category": "car"}, "models!C2 battery_category: expected one of ev, lmt"),
    (
        "a formula",
        {"rated_capacity": "=50*2"},
        "models!D2 rated_capacity: expected a value, got the formula =50*2",
    ),
    (
        "voltages that cross",
        {"minimum_voltage": 60},
        "models!E2 nominal_voltage: expected minimum_voltage below",
    ),
    (
        "a CAS number in no list",
        {"material_composition": "graphite"},
        "models!F2 material_composition: its entries stand in the sheet",
    ),
    ("a command", {"manufacturer_name": "=cmd|' /C calc'!A0"}, "manufacturer_name: expected a value, got"),
    ("a member that is missing", {"operator_address.street": "Musterweg"}, "models!F2 operator_address"),
    ("an unknown column", {"capacity": 5}, "models!F1 capacity: no attribute is called 'capacity'"),
    ("a column of the battery", {"state_of_charge": 5}, "models!F1 state_of_charge: is true of one battery"),
    (
        "a unit in a heading",
        {"battery_mass [V]": 5},
        "models!F1 battery_mass [V]: expected one of kg, g, mg, t in the heading",
    ),
    ("a condition nobody knows", {"sunny?": "yes"}, "models!F1 sunny?: no condition is called 'sunny'"),
    (
        "a condition with another word",
        {"warranty_given?": "perhaps"},
        "models!F2 warranty_given?: expected yes or no",
    ),
    (
        "a country",
        {"manufacturing_place.country": "Germany"},
        "models!F2 manufacturing_place.country: expected a country",
    ),
    ("a column of the service", {"dpp_status": "Active"}, "models!F1 dpp_status: written by the service"),
]


@pytest.mark.parametrize(("change", "sentence"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_a_wrong_cell_is_named_by_its_place_and_nothing_is_imported(engine, change, sentence):
    said = refused(engine, book({"models": models(**change), "items": items("S1")}))
    assert any(sentence in one for one in said), said


def test_the_article_stands_behind_the_sentence(engine):
    (said, *_) = refused(engine, book({"models": models(rated_capacity=-1)}))
    assert said.endswith("(Annex XIII 1(a); Annex XIII 1(g))")


DAYS = [
    ("31.02.2027", "there is no such day: 31.02.2027"),
    ("2027-02-31", "there is no such day: 2027-02-31"),
    ("03/04/2027", "two countries"),
    ("18.02.2027", "expected a day as YYYY-MM-DD"),
    (46436, "got the number 46436"),
    ("soon", "expected a day as YYYY-MM-DD"),
]


@pytest.mark.parametrize(("day", "sentence"), DAYS)
def test_a_day_that_never_was_or_that_nobody_can_read_is_named(engine, day, sentence):
    (said,) = refused(engine, book({"models": models(), "items": items("S1", placed_on_market_date=day)}))
    assert said.startswith("items!C2 placed_on_market_date: ")
    assert sentence in said


def test_a_serial_that_stands_twice_is_named_in_the_file_and_found_in_the_ledger(engine):
    (said,) = refused(engine, book({"models": models(), "items": items("S1", "S2", "S1")}))
    assert said == f"items!4: /01/{GTIN}/21/S1 stands in items!2 already: each item has one row"
    bring(engine, book({"models": models(), "items": items("S1")}))
    made = bring(engine, book({"models": models(), "items": items("S1", "S2")}))
    assert counts(made)["items"] == {"new": 1, "unchanged": 1}


def test_wrong_entries_of_lists_are_named_by_their_own_row_and_column(engine):
    sheet = [
        ["model_identifier", "component", "name", "cas_number", "share"],
        ["EX-5", "anode", "Graphite", "7782-42-5", 14.5],
        ["EX-5", "cathode", None, "7782-42-6", 31],
        ["EX-6", "cathode", "x", None, 1],
    ]
    said = refused(engine, book({"models": models(), "items": items("S1"), "material_composition": sheet}))
    assert any(
        one.startswith("material_composition!D3 material_composition.cas_number: the CAS number")
        for one in said
    )
    assert any(
        one.startswith("material_composition!C3 material_composition.name: expected a value, got none")
        for one in said
    )


def test_a_hidden_sheet_is_refused_and_a_sheet_for_people_is_not(engine):
    def hide(made):
        made["items"].sheet_state = "hidden"

    data = book({"READ ME": [["hello"]], "# notes": [["x"]], "models": models(), "items": items("S1")}, hide)
    (said,) = refused(engine, data)
    assert said == "items: the sheet is hidden and holds data: show it, or take it out"
    (said, *_) = refused(engine, book({"models": models(), "Tabelle1": [["x"], [1]]}))
    assert said.startswith("Tabelle1: no sheet is called 'Tabelle1'")


def test_another_operator_s_battery_is_refused(engine):
    bring(engine, book({"models": models(), "items": items("S1")}), operator="other")
    with pytest.raises(ImportRefused) as caught:
        bring(engine, book({"models": models(), "items": items("S1", state_of_charge=5)}))
    assert "another operator answers for" in str(caught.value.findings[0])
    assert "state_of_charge" not in facts(engine, "S1")


def test_another_category_is_refused_of_a_model_and_of_a_battery(engine):
    bring(engine, book({"models": models(), "items": items("S1")}))
    for sheets in (
        {"models": models(battery_category="ev")},
        {"items": [["gtin", "serial_number", "battery_category"], [GTIN, "S1", "ev"]]},
        {"models": models(), "items": items("S2", battery_category="ev")},
    ):
        with pytest.raises(ImportRefused) as caught:
            bring(engine, book(sheets))
        assert [one.rule for one in caught.value.findings] == ["category"]


def test_a_battery_that_came_without_a_model_joins_one_and_keeps_it(engine):
    with database.writing(engine) as connection:
        batteries.create(
            connection,
            operator=OPERATOR,
            category=Category.STATIONARY,
            identifier_path=f"/01/{GTIN}/21/S1",
            facts={"temperature": Decimal(20)},
            placed_on=None,
            simulated=False,
            at=NOW,
        )
    sheets = book({"models": models(), "items": items("S1")})
    assert counts(bring(engine, sheets))["items"] == {"changed": 1}
    found = facts(engine, "S1")
    assert (found["rated_capacity"], found["temperature"]) == (100, 20)
    assert counts(bring(engine, sheets))["items"] == {"unchanged": 1}
    other = {
        "models": models(model_identifier="EX-6"),
        "items": [["model_identifier", "serial_number"], ["EX-6", "S1"]],
    }
    with pytest.raises(ImportRefused) as caught:
        bring(engine, book(other))
    assert [one.rule for one in caught.value.findings] == ["model"]


def test_partial_imports_what_is_right_and_leaves_out_what_depends_on_what_is_not(engine):
    sheet = models()
    sheet.append(["EX-6", "09520123456795", "ev", -5, 350])
    rows = [
        ["model_identifier", "serial_number", "state_of_charge"],
        ["EX-5", "S1", 30],
        ["EX-5", "S2", "x"],
        ["EX-6", "S3", 30],
    ]
    made = bring(engine, book({"models": sheet, "items": rows}), partial=True)
    assert counts(made) == {"models": {"new": 1}, "batches": {}, "items": {"new": 1}}
    assert made.left_out == 3
    assert facts(engine, "S1")["state_of_charge"] == 30


def test_partial_does_not_trust_a_sheet_with_an_unknown_column(engine):
    refused(engine, book({"models": models(capacity=3), "items": items("S1")}), partial=True)


def test_what_the_gate_will_not_let_pass_is_a_warning_said_once(engine):
    made = bring(
        engine,
        book(
            {
                "models": models(cf_total=61, rated_capacity="n/a"),
                "items": items("S1", "S2", energy_throughput="n/a"),
            }
        ),
    )
    said = [(str(one.place), one.attribute, one.rule, one.warning) for one in made.findings]
    assert said == [
        ("models!D2", "rated_capacity", "law", True),
        ("models!F2", "cf_total", "law", True),
        ("items!C2", "energy_throughput", "law", True),
    ]
    assert "(and in 1 more)" in made.findings[2].sentence


def test_what_contradicts_a_condition_is_a_warning_with_both_sides(engine):
    sheet = models(**{"warranty_given?": "no", "warranty_period": 120})
    made = bring(engine, book({"models": sheet, "items": items("S1")}))
    said = [(str(one.place), one.attribute) for one in made.findings if one.rule == "law"]
    assert ("models!G2", "warranty_period") in said


def test_the_report_is_csv_that_runs_nothing(engine):
    with pytest.raises(ImportRefused) as caught:
        bring(engine, book({"models": models(manufacturer_name="=1+1")}))
    data = report(caught.value.findings)
    assert data.startswith(b"\xef\xbb\xbfplace,sheet,row")
    assert b"\n=" not in data


def test_files_that_state_nothing_plan_nothing(engine):
    assert counts(bring(engine, book({"models": [["model_identifier"]]}))) == {
        "models": {},
        "batches": {},
        "items": {},
    }


def test_numbers_of_a_sheet_make_serials_only_where_nothing_was_lost(engine):
    bring(engine, book({"models": models(gtin=9520123456788), "items": items(100001)}))
    assert facts(engine, "100001")["serial_number"] == "100001"
    with pytest.raises(ImportRefused) as caught:
        bring(engine, book({"models": models(), "items": items(1.5)}))
    assert any("expected text, got the number 1.5" in str(one) for one in caught.value.findings)


# ------------------------------------------------------------------------------------------ all or nothing

CHILD = """
import os, signal, sys
from pathlib import Path
from passport.importing import apply, files, plan
from passport.ledger import database
from tests.passport.importing.test_import import NOW, OPERATOR
engine = database.open_database(Path(sys.argv[1]))
entries = files.read([("my.xlsx", Path(sys.argv[2]).read_bytes())])
def progress(done, total):
    if done >= 500:
        os.kill(os.getpid(), signal.SIGKILL)
with database.writing(engine) as connection:
    made = plan.make(connection, entries, operator=OPERATOR, today=NOW.date())
    plan.open_gate(made, partial=False)
    apply.carry_out(connection, made, at=NOW, progress=progress)
"""


def test_a_kill_in_the_middle_leaves_nothing(engine, tmp_path):
    source = tmp_path / "my.xlsx"
    source.write_bytes(book({"models": models(), "items": items(*(f"S{n}" for n in range(600)))}))
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(source)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    with database.reading(engine) as connection:
        assert not batteries.every(connection)
        assert not catalogue.every(connection)
    made = bring(engine, source.read_bytes())
    assert counts(made)["items"] == {"new": 600}


def test_entries_say_where_they_stand(engine):
    entries = files.read([("my.xlsx", book({"models": models(), "items": items("S1")}))])
    (item,) = entries.of(Level.ITEM)
    assert str(item.place_of("serial_number")) == "items!B2"
    with database.reading(engine) as connection:
        made = plan.make(connection, entries, operator=OPERATOR, today=NOW.date())
    assert [one.state for one in made.items] == [State.NEW]
    assert Absent.NOT_APPLICABLE not in item.facts.values()
