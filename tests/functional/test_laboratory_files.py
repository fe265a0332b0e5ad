"""A laboratory's file becomes a battery with a health: real commands on tables of published cells.

The tables are made on the fly from the data beside the project, in the ways laboratories write them: one
clock or one that begins anew, one file or one a cycle, with a temperature or without. What is expected comes
from the truth files alone. Tolerances are wider than what is reached, so that they hold for sister cells.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passport.bench import datasets
from passport.bench.datasets import Layout, Record
from tests.data import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "datasets").is_dir(), reason="no test data beside the project")

LCO = "category=industrial,chemistry=Li-ion LCO,rated_capacity=2,cells_in_series=1,maximum_voltage=4.2"
LFP = (
    "category=stationary,chemistry=LFP,rated_capacity=102,cells_in_series=1,"
    "minimum_voltage=2.5,maximum_voltage=3.65"
)


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.setenv("CELLPASS_TEST_DATA", str(ROOT))


def command(data: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "--data", str(data), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # `assess` ends with 1 where a second life is judged out of the question.
    assert done.returncode in ((0, 1) if words[0] == "assess" else (0,)), (words, done.stderr[-2000:])
    assert "Traceback" not in done.stderr
    return done.stdout


def assessed(tmp_path: Path, record: Record, facts: str, layout: Layout = Layout.RUNNING) -> dict:
    """What `cellpass assess` says of the health after the record's files."""
    data = tmp_path / "data"
    if layout is Layout.FILES:
        tables = [replace(record, cycles=(one,)).table() for one in record.cycles]
    else:
        tables = [record.table(layout)]
    battery = None
    for number, table in enumerate(tables):
        path = tmp_path / f"{number:03d}.bdf.csv"
        path.write_bytes(table)
        whose = ["--create", facts] if battery is None else ["--bind", battery]
        told = json.loads(command(data, "ingest", str(path), "--protocol", "bdf", *whose, "--json"))
        battery = battery or found_in(told)
    return json.loads(command(data, "assess", battery, "--json"))


def found_in(told: dict) -> str:
    (bound,) = told["batteries"]
    return bound["battery"]


def last_truth(record: Record, rated: float) -> float:
    known = record.truth[np.isfinite(record.truth)]
    return 100 * float(known[-1]) / rated


@pytest.mark.parametrize(
    ("name", "cut_off", "layout", "warm"),
    [
        pytest.param("B0005", "2.7", Layout.RESTARTING, False, id="a clock that begins anew, no temperature"),
        pytest.param("B0005", "2.7", Layout.RUNNING, True, id="one clock", marks=pytest.mark.long),
        pytest.param("B0007", "2.2", Layout.RUNNING, False, id="lower cut-off", marks=pytest.mark.long),
        pytest.param("B0007", "2.2", Layout.RESTARTING, True, id="both", marks=pytest.mark.long),
    ],
)
def test_discharges_alone_give_the_health_of_the_last_one(tmp_path, name, cut_off, layout, warm):
    record = datasets.nasa(name).until(12)
    if not warm:
        record = record.without_temperature()
    health = assessed(tmp_path, record, f"{LCO},minimum_voltage={cut_off}", layout)
    true = last_truth(record, 2.0)
    assert health["health_pct"]["value"] == pytest.approx(true, abs=2.0)
    assert health["health_pct"]["low"] <= true <= health["health_pct"]["high"]
    assert health["evidence_class"] == "A"


@pytest.mark.long
def test_a_file_for_each_discharge_is_as_good_as_one_file(tmp_path):
    record = datasets.nasa("B0005").until(4)
    health = assessed(tmp_path, record, f"{LCO},minimum_voltage=2.7", Layout.FILES)
    assert health["health_pct"]["value"] == pytest.approx(last_truth(record, 2.0), abs=2.0)


@pytest.mark.parametrize(
    ("cell", "layout"),
    [
        pytest.param(1, Layout.RUNNING, id="one clock"),
        pytest.param(1, Layout.RESTARTING, id="a clock that begins anew", marks=pytest.mark.long),
        pytest.param(6, Layout.RESTARTING, id="at 58 degC", marks=pytest.mark.long),
    ],
)
def test_full_charges_alone_give_the_health_of_a_storage_cell(tmp_path, cell, layout):
    whole = datasets.essl1(cell)
    # From the middle of its life, where it has lost something.
    record = replace(whole, cycles=whole.cycles[200:215])
    health = assessed(tmp_path, record, LFP, layout)
    true = last_truth(record, 102.0)
    assert health["health_pct"]["value"] == pytest.approx(true, abs=2.0)
    assert health["health_pct"]["low"] <= true <= health["health_pct"]["high"]


def test_the_middle_of_a_charge_gives_no_health(tmp_path):
    whole = datasets.essl1(1)
    middle = tuple(datasets.middle(one, 0.2, 0.8) for one in whole.cycles[200:215])
    health = assessed(tmp_path, replace(whole, cycles=middle), LFP)
    assert health["health_pct"] is None
    assert health["capacity_ah"] is None
    assert health["not_determinable"]["not_determinable"] == "no_informative_session"


def test_a_cold_cell_is_not_called_aged(tmp_path):
    # 1.08 Ah of 2 Ah in its first discharge: temperature, not age.
    record = datasets.nasa_cold("B0045").until(8)
    health = assessed(tmp_path, record, f"{LCO},minimum_voltage=2.7")
    assert health["health_pct"] is None
    assert health["not_determinable"]["not_determinable"] == "cold_only"
    assert health["capacity_ah"]["value"] == pytest.approx(
        float(record.truth[~np.isnan(record.truth)][-1]), abs=0.08
    )


@pytest.mark.long
def test_a_charge_and_a_discharge_that_follow_each_other_agree(tmp_path):
    # The same cell, both directions in one file, taken for warm: only its temperature is left out.
    record = datasets.nasa_cold("B0045").until(8).without_temperature()
    health = assessed(tmp_path, record, f"{LCO},minimum_voltage=2.7")
    truth = record.truth[np.isfinite(record.truth)]
    assert 100 * truth.min() / 2 - 3 <= health["health_pct"]["value"] <= 100 * truth.max() / 2 + 3


def test_a_file_with_wrong_times_is_told_and_never_counted_as_exposure(tmp_path):
    (path,) = (ROOT / "datasets" / "bdf-examples").glob("*Time_Bug.bdf.csv")
    data = tmp_path / "data"
    facts = "category=lmt,chemistry=NMC,rated_capacity=6.55"
    told = json.loads(
        command(data, "ingest", str(path), "--protocol", "bdf", "--create", facts, "--json").splitlines()[-1]
    )
    # Nineteen rows have a 0.000 between later times; the last row is 125 628.170 s after the first.
    assert told["frames"]["refused"] == {"time_fell": 19}
    state = json.loads(command(data, "state", told["batteries"][0]["battery"], "--json"))
    assert state["coverage"]["unknown_s"] == 0
    assert state["coverage"]["observed_s"] == 125_628
    assert state["coverage"]["rows"] == 13_086 - 19
