"""`cellpass screen`, as typed on a command line."""

import json

import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command line is what is tested
from passport.errors import FormatRefused, InputRefused

FOLDER = "datasets/pulsebat-retired-ev/"


def run(tmp_path, *words):
    return CliRunner().invoke(app.cli, ["--data", str(tmp_path / "data"), *map(str, words)])


@pytest.fixture
def pulses(shared):
    return shared(f"{FOLDER}nmc-2.1ah-lab_pulses.csv")


@pytest.fixture
def halves(pulses, tmp_path):
    """Rows of every second cell, and of the others without their capacity."""
    head, *lines = pulses.read_text(encoding="utf-8").splitlines()
    columns = head.split(",")
    measured, soh = columns.index("measured_capacity_ah"), columns.index("soh")
    order = sorted({line.split(",")[0] for line in lines}, key=int)
    some, others = [head], [head]
    for line in lines:
        cells = line.split(",")
        if order.index(cells[0]) % 2:
            cells[measured] = cells[soh] = ""
            others.append(",".join(cells))
        else:
            some.append(line)
    for name, rows in (("some.csv", some), ("others.csv", others)):
        (tmp_path / name).write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def test_what_was_trained_answers_cells_it_has_not_seen(halves):
    words = ("screen", "train", halves / "some.csv", "--cell", "NMC-2.1", "--owner", "acme")
    said = run(halves, *words, "-o", halves / "model.json")
    assert said.exit_code == 0, said.output
    assert "17 cells, 170 rows" in said.output
    model = json.loads((halves / "model.json").read_bytes())
    assert model["owner"] == "acme"
    ask = ("screen", "apply", halves / "others.csv", "--model", halves / "model.json", "--cell")
    said = run(halves, *ask, "NMC-2.1", "--json")
    assert said.exit_code == 0, said.output
    answers = [json.loads(line) for line in said.output.splitlines()]
    assert len(answers) == 16
    assert {answer["method"] for answer in answers} == {f"soh.pulses.v1:{model['sha256'][:16]}"}
    said = run(halves, *ask, "NMC-2.1")
    assert "a screening, no test of capacity" in said.output


def test_another_type_and_a_broken_model_are_refused(halves):
    words = ("screen", "train", halves / "some.csv", "--cell", "NMC-2.1", "--owner", "acme")
    assert run(halves, *words, "-o", halves / "model.json").exit_code == 0
    ask = ("screen", "apply", halves / "others.csv", "--model", halves / "model.json", "--cell", "LFP-35")
    said = run(halves, *ask)
    assert isinstance(said.exception, InputRefused)
    assert "says nothing of 'LFP-35'" in str(said.exception)
    (halves / "model.json").write_text("{}", encoding="utf-8")
    assert isinstance(run(halves, *ask).exception, FormatRefused)


def test_training_needs_no_data_folder(halves):
    words = ("screen", "train", halves / "some.csv", "--cell", "NMC-2.1", "--owner", "acme")
    assert run(halves, *words, "-o", halves / "model.json").exit_code == 0
    assert not (halves / "data").exists()
