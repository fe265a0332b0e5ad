"""Lists to take home: what stands in them, read by other programs."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from passport import grants, search
from passport.ledger import database
from passport.search import offers, sheets
from schemas.terms import Audience
from tests.databases import migrated
from tests.passport.search.packs import Pack, judged, stated

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8000"
FORMULA = '=HYPERLINK("http://evil.example","x")'
INTEREST = grants.Principal(Audience.LEGITIMATE_INTEREST, key="k")
SCOPED = grants.Principal(Audience.LEGITIMATE_INTEREST, key="s", operator="second")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = migrated(tmp_path_factory.mktemp("sheets"))
    with database.writing(engine) as connection:
        facts = stated(model_identifier=FORMULA, rated_capacity="100", nominal_voltage="50")
        condition = stated(temperature="-3.5")
        search.index(
            connection, battery=Pack("A"), facts=facts, condition=condition, assessment=judged("84.1")
        )
        offers.put(connection, Pack("A"), price="900.50", now=NOW)
        search.index(connection, battery=Pack("B", operator="second"), assessment=judged("70"))
    yield engine
    engine.dispose()


def made(engine, form, reader=INTEREST):
    with database.reading(engine) as connection:
        rows = search.every(connection, [("order", "-health")], reader, today=NOW.date(), most=100)
    return sheets.sheet(form, rows, reader, URL)


def test_a_workbook_holds_numbers_and_days_and_no_formula(engine):
    sheet = load_workbook(io.BytesIO(made(engine, "xlsx"))).active
    head, first, second = ([cell.value for cell in row] for row in sheet.iter_rows())
    told = dict(zip(head, first, strict=True))
    assert told["health_%"] == 84.1
    assert told["rated_energy_kWh"] == 5
    assert told["temperature_°C"] == -3.5
    assert told["offered_since"].date() == date(2026, 11, 28)
    assert told["offer_price_EUR"] == "900.50"
    assert told["model"] == FORMULA
    assert sheet.cell(2, head.index("model") + 1).data_type == "s"
    assert told["use"] == "home_storage"
    assert dict(zip(head, second, strict=True))["rated_energy_kWh"] is None


def test_csv_disarms_formulas_and_leaves_numbers(engine):
    rows = list(csv.DictReader(io.StringIO(made(engine, "csv").decode())))
    assert rows[0]["model"] == "'" + FORMULA
    assert rows[0]["temperature_°C"] == "-3.5"
    assert rows[0]["health_%"] == "84.1"


def test_json_says_what_the_api_says(engine):
    told = json.loads(made(engine, "json"))["batteries"]
    assert told[0]["fields"]["health"] == {"value": "84.1", "unit": "%"}
    assert told[1]["passport_id"] == "PB"


def test_parquet_holds_typed_columns(engine):
    parquet = pytest.importorskip("pyarrow.parquet")
    told = parquet.read_table(io.BytesIO(made(engine, "parquet"))).to_pylist()
    assert told[0]["health_%"] == Decimal("84.1")
    assert told[0]["offered_since"] == date(2026, 11, 28)
    assert told[1]["rated_energy_kWh"] is None


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_a_list_holds_no_column_and_no_value_that_its_reader_may_not_read(engine, form):
    with database.reading(engine) as connection:
        public = search.every(connection, [], grants.VISITOR, today=NOW.date(), most=100)
    data = sheets.sheet(form, public, grants.VISITOR, URL)
    if form == "xlsx":
        cells = [cell.value for row in load_workbook(io.BytesIO(data)).active.iter_rows() for cell in row]
        text = " ".join(str(value) for value in cells)
    else:
        text = data.decode()
    for secret in ("84.1", "home_storage", "900.5", "casing"):
        assert secret not in text


def test_outside_the_scope_of_a_key_its_columns_say_restricted(engine):
    with database.reading(engine) as connection:
        rows = search.every(connection, [], SCOPED, today=NOW.date(), most=100)
    told = {
        row["passport_id"]: row
        for row in csv.DictReader(io.StringIO(sheets.sheet("csv", rows, SCOPED, URL).decode()))
    }
    assert told["PA"]["health_%"] == "restricted"
    assert told["PA"]["offer_contact"] == ""
    assert told["PB"]["health_%"] == "70"


def test_as_many_rows_as_asked_and_no_more(engine):
    with database.reading(engine) as connection:
        assert len(search.every(connection, [], INTEREST, today=NOW.date(), most=1)) == 1
