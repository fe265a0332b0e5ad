"""`cellpass import` as a person types it."""

import json

from click.testing import CliRunner

import app  # noqa: TID251 - the command as it is installed
from passport.errors import InputRefused
from passport.importing.files import FORMS
from tests.passport.importing.books import GTIN, book, items, models


def run(tmp_path, *words):
    said = CliRunner().invoke(app.cli, ["--data", str(tmp_path / "data"), *map(str, words)])
    return said.exit_code, said.output


def test_a_newcomer_comes_from_an_example_to_issued_passports(tmp_path):
    source = tmp_path / "my.xlsx"
    expected = f"{source}: one fictional model and three batteries; next: cellpass import {source}\n"
    assert run(tmp_path, "import", "--example", source) == (0, expected)
    counted = "models  1 new\nbatches 1 new\nitems   3 new\n"
    checked = f"{counted}Checked only; without --dry-run this is imported.\n"
    assert run(tmp_path, "import", source, "--dry-run") == (0, checked)
    assert run(tmp_path, "operator", "list", "--json") == (0, "")
    imported = f"{counted}Next: cellpass gaps, then cellpass issue --all\n"
    assert run(tmp_path, "import", source) == (0, imported)
    status, said = run(tmp_path, "import", source, "--json")
    told = json.loads(said)
    assert (status, told["outcome"], told["counts"]["items"]["unchanged"]) == (0, "imported", 3)
    assert run(tmp_path, "gaps")[0] == 0
    status, said = run(tmp_path, "issue", "--all", "--kind", "all", "--json")
    address, *issued = said.splitlines()
    assert "leads to this machine only" in address
    assert (status, [json.loads(line)["incomplete"] for line in issued]) == (0, [None] * 9)


def test_wrong_cells_are_told_counted_and_reported_and_nothing_is_imported(tmp_path):
    source = tmp_path / "my.xlsx"
    rows = items(*(f"S{n}" for n in range(60)), state_of_charge="5 kg")
    source.write_bytes(book({"models": models(), "items": rows}))
    report = tmp_path / "report.csv"
    status, said = run(tmp_path, "import", source, "--report", report)
    assert status == 3
    lines = said.splitlines()
    assert lines[0] == "To correct (60)"
    assert lines[1].startswith(
        "  items!C2 state_of_charge   expected one of %; got the unit 'kg' [value] (Annex XIII 4(d)"
    )
    assert lines[51] == "  and 10 more; --report FILE.csv writes all of them"
    assert lines[-1].startswith("Error: nothing was imported: 60 to correct")
    assert len(report.read_text(encoding="utf-8-sig").splitlines()) == 61
    status, said = run(tmp_path, "import", source, "--json")
    assert (status, json.loads(said)["findings"][59]["row"]) == (3, 61)
    status, said = run(tmp_path, "import", source, "--partial")
    assert status == 0
    assert "left out 60 with findings" in said


def test_an_untouched_template_says_that_it_states_nothing_and_is_not_overwritten(tmp_path):
    source = tmp_path / "t.xlsx"
    assert run(tmp_path, "import", "--template", source, "--csv", tmp_path / "t", "--category", "lmt")[0] == 0
    said = "The files state no model, no batch and no battery: nothing to import.\n"
    assert run(tmp_path, "import", source) == (0, said)
    assert run(tmp_path, "import", *sorted((tmp_path / "t").glob("*.csv"))) == (0, said)
    status, said = CliRunner().invoke(app.cli, ["import", "--template", str(source)]).exit_code, source
    assert status != 0


def test_a_document_is_named_as_it_was_added(tmp_path):
    source = tmp_path / "my.xlsx"
    source.write_bytes(
        book({"models": models(separate_collection_symbol="symbol.txt"), "items": items("S1")})
    )
    status, said = run(tmp_path, "import", source)
    assert (status, "models!F2 separate_collection_symbol" in said, "no document 'symbol.txt'" in said) == (
        3,
        True,
        True,
    )


def test_several_operators_must_be_told_apart(tmp_path):
    source = tmp_path / "my.xlsx"
    source.write_bytes(book({"models": models(), "items": items("S1")}))
    for name in ("acme", "other"):
        assert run(tmp_path, "operator", "add", name, "--name", name.title())[0] == 0
    words = ["--data", str(tmp_path / "data"), "import", str(source)]
    refused = CliRunner().invoke(app.cli, words).exception
    assert isinstance(refused, InputRefused)
    assert "--operator acme or --operator other" in str(refused)
    assert run(tmp_path, "import", source, "--operator", "acme")[0] == 0
    status, said = run(tmp_path, "import", source, "--operator", "other")
    assert status == 3
    assert f"another operator answers for /01/{GTIN}/21/S1" in said


def test_the_option_names_every_form_that_is_read():
    command = app.cli.get_command(None, "import")
    assert tuple(next(one.type.choices for one in command.params if one.name == "form")) == FORMS


def test_wrong_use_is_told(tmp_path):
    assert run(tmp_path, "import")[0] == 2
    source = tmp_path / "my.xlsx"
    source.write_bytes(b"")
    assert run(tmp_path, "import", source, "--template", tmp_path / "t.xlsx")[0] == 2
    assert run(tmp_path, "import", source)[0] == 3
