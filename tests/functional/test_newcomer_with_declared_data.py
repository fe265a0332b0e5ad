"""From the example workbook to passports and a second life, and what a newcomer is told on the way."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

import app  # noqa: TID251 - the command line is what is tried


def run(folder: Path, *words: str, status: int = 0) -> Result:
    said = CliRunner().invoke(app.cli, ["--data", str(folder), *words])
    assert said.exit_code == status, (said.output, said.exception)
    return said


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """A folder with three issued EV packs, and what `issue` said on standard error."""
    folder = tmp_path_factory.mktemp("fleet")
    data, book = folder / "data", folder / "ev.xlsx"
    run(data, "operator", "add", "acme", "--name", "Acme Batteries GmbH")
    run(data, "import", "--example", str(book), "--category", "ev")
    run(data, "import", str(book))
    return data, run(data, "issue", "--all").stderr


def identifiers(data: Path) -> list[str]:
    told = run(data, "gaps", "--json").stdout.splitlines()
    return [json.loads(line)["identifier"] for line in told if json.loads(line)["category"] == "ev"]


def test_the_first_records_say_that_their_address_is_for_ever(fleet):
    data, said = fleet
    assert "These records name http://127.0.0.1:8000, which leads to this machine only" in said
    assert "leads to this machine" not in run(data, "issue", "--all").stderr


def test_a_label_with_another_address_than_the_records_is_refused(fleet, tmp_path):
    data, _ = fleet
    settings = data / "cellpass.toml"
    settings.write_text('public_url = "https://pp.example.com"\n', encoding="utf-8")
    try:
        refused = CliRunner().invoke(
            app.cli, ["--data", str(data), "label", identifiers(data)[0], "-o", str(tmp_path)]
        )
    finally:
        settings.unlink()
    assert "records here are issued under http://127.0.0.1:8000" in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


def test_two_ev_packs_become_a_stationary_one_that_inherits_their_model(fleet):
    data, _ = fleet
    first, second = identifiers(data)[:2]
    told = run(
        data,
        *("life", "repurpose", "--from", first, "--from", second, "--inherit"),
        *("--as", "category=stationary,rated_capacity=120"),
    )
    assert "passport 1 issued" in told.stdout
    # Its condition record still waits for a bench, so that something is missing.
    rows = [json.loads(line) for line in run(data, "gaps", "--json", status=1).stdout.splitlines()]
    (made,) = [row for row in rows if row["category"] == "stationary"]
    # What a vehicle's battery states and a stationary one may not is not carried over.
    missing = [one["attribute"] for one in made["findings"] if one["verdict"] == "must_stay_empty"]
    assert missing == []


def test_rows_that_only_wait_are_told_in_one_line(tmp_path):
    data, book = tmp_path / "data", tmp_path / "ev.xlsx"
    run(data, "operator", "add", "acme", "--name", "Acme Batteries GmbH")
    run(data, "import", "--example", str(book), "--category", "ev")
    workbook = load_workbook(book)
    models = workbook["models"]
    heads = [cell.value for cell in models[1]]
    column = next(place for place, head in enumerate(heads, 1) if str(head).startswith("battery_mass"))
    row = next(
        number for number in range(2, 10) if not str(models.cell(number, 1).value or "#").startswith("#")
    )
    models.cell(row, column).value = "heavy"
    workbook.save(book)
    said = CliRunner().invoke(app.cli, ["--data", str(data), "import", str(book)])
    assert said.exit_code == 3
    assert "To correct (1)" in said.output
    assert "3 rows wait: its batch" in said.output


def test_another_operators_name_in_a_file_is_remarked_on(tmp_path):
    data, book = tmp_path / "data", tmp_path / "one.json"
    run(data, "operator", "add", "acme", "--name", "Acme Batteries GmbH")
    model = {"model_identifier": "M", "battery_category": "ev", "operator_name": "Somebody Else plc"}
    book.write_text(json.dumps({"models": [model]}), encoding="utf-8")
    said = run(data, "import", str(book))
    assert "records are signed by 'Acme Batteries GmbH' and name it, not 'Somebody Else plc'" in said.stderr
