"""From a laboratory's file to a capacity with its interval, by the commands that a person types."""

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app import cli  # noqa: TID251 - the commands as a person has them
from passport.errors import InputRefused
from tests.data import shared_files
from tests.passport.estimates.cells import Cell
from tests.passport.estimates.sessions_of import Row, grouped

CELL = "category=stationary,cells_in_series=1"
CREATE = f"{CELL},chemistry=NMC,rated_capacity=10,minimum_voltage=2.5,maximum_voltage=4.19"


@dataclass
class Laboratory:
    """A data folder and a folder for files."""

    folder: Path

    def run(self, *words: str, status: int = 0) -> str:
        done = CliRunner().invoke(cli, ["--data", str(self.folder / "data"), *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return done.stdout

    def file(self, name: str, rows: list[Row], temperature: str = "temperature_t1_celsius") -> str:
        """A Battery Data Format file; time begins where the rows say."""
        path = self.folder / f"{name}.bdf.csv"
        lines = [f"test_time_second,voltage_volt,current_ampere,{temperature}"]
        lines += [f"{t:.3f},{v:.4f},{i:.4f},{25 if c is None else c}" for t, v, i, c in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def ingest(self, name: str, rows: list[Row], create: str = CREATE) -> str:
        told = json.loads(
            self.run("ingest", self.file(name, rows), "--protocol", "bdf", "--create", create, "--json")
        )
        return str(told["batteries"][0]["battery"])

    def health(self, battery: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("assess", battery, "--json"))
        return found


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def _after(rows: list[Row], more: list[Row]) -> list[Row]:
    start = rows[-1][0] + 60
    return [*rows, *((start + t, v, i, c) for t, v, i, c in more)]


def test_a_complete_discharge_and_charge_give_capacity_and_health(laboratory: Laboratory) -> None:
    cell = Cell("Li-ion NMC", health=0.86)
    rows = _after(cell.run(1.0, -0.4), cell.run(0.0, 0.3))
    battery = laboratory.ingest("cycle", rows)
    found = laboratory.health(battery)
    share = 100 * cell.capacity / cell.rated
    assert abs(found["health_pct"]["value"] - share) < 1
    assert found["health_pct"]["low"] < share < found["health_pct"]["high"]
    assert abs(found["capacity_ah"]["value"] - cell.capacity) < 0.1
    assert found["sessions"]["informative"] == {"A": 2}
    assert (found["evidence_class"], found["calibrated"], found["as_of"]) == ("A", False, None)
    table = laboratory.run("assess", battery)
    assert "not calibrated" in table
    assert "remaining_capacity" in table


def test_a_partial_charge_gives_no_figure(laboratory: Laboratory) -> None:
    cell = Cell("Li-ion NMC", health=0.86)
    found = laboratory.health(laboratory.ingest("partial", cell.run(0.3, 0.3, until=0.8)))
    assert found["capacity_ah"] is None
    assert found["not_determinable"]["not_determinable"] == "no_informative_session"
    assert found["sessions"]["refused"] == {"not_from_empty": 1}


def test_a_file_that_ends_with_the_session_is_read_to_its_last_row(laboratory: Laboratory) -> None:
    cell = Cell("Li-ion NMC", health=0.9)
    rows = [row for row in cell.run(0.0, 0.5, rest_before=60) if row[2]]
    found = laboratory.health(laboratory.ingest("charge", rows))
    assert abs(found["capacity_ah"]["value"] - cell.capacity) < 0.1


def test_test_time_that_begins_anew_with_each_cycle_is_read(laboratory: Laboratory) -> None:
    rows: list[Row] = []
    for health in (0.95, 0.93, 0.91):
        rows += Cell("Li-ion NMC", health=health).run(1.0, -0.4, rest_after=600)
    found = laboratory.health(laboratory.ingest("cycles", rows))
    last = Cell("Li-ion NMC", health=0.91)
    assert found["counts"]["sessions"] == 3
    assert abs(found["capacity_ah"]["value"] - last.capacity) < 0.15


def test_a_condition_record_states_the_capacity_with_its_method(laboratory: Laboratory) -> None:
    cell = Cell("Li-ion NMC", health=0.86)
    battery = laboratory.ingest("cycle", cell.run(1.0, -0.4))
    laboratory.run("issue", battery, "--kind", "all", "--incomplete", "trial")
    page = laboratory.run("page", battery, "--audience", "legitimate_interest")
    assert "cap.classA.v1" in page
    assert f"{cell.capacity:.1f}"[:3] in page


def test_what_nine_batteries_were_measured_to_calibrates_the_tenth(laboratory: Laboratory) -> None:
    lines = ["battery,measured_at,capacity_ah"]
    for number in range(9):
        cell = Cell("Li-ion NMC", health=0.8 + 0.02 * number)
        battery = laboratory.ingest(f"cell{number}", cell.run(1.0, -0.4))
        off = 0.02 * (number - 4)
        lines.append(f"{battery},,{cell.capacity + off:.4f}")
    references = laboratory.folder / "references.csv"
    references.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = json.loads(laboratory.run("calibrate", "--references", str(references), "--json"))
    (group,) = told["calibration"]["groups"]
    assert (group["chemistry"], group["evidence"], group["batteries"]) == ("Li-ion NMC", "A", 9)
    assert group["coverage"] >= 0.8
    tenth = Cell("Li-ion NMC", health=0.87)
    found = laboratory.health(laboratory.ingest("tenth", tenth.run(1.0, -0.4)))
    assert found["calibrated"]
    assert found["health_pct"]["high"] - found["health_pct"]["low"] < 6
    again = json.loads(laboratory.run("calibrate", "--references", str(references), "--json"))
    assert again["calibration"]["digest"] == told["calibration"]["digest"]
    assert "by 9 batteries" in laboratory.run("calibrate", "--references", str(references))


def test_references_that_are_no_table_are_refused(laboratory: Laboratory) -> None:
    laboratory.ingest("cell", Cell("Li-ion NMC").run(1.0, -0.4))
    wrong = laboratory.folder / "wrong.csv"
    wrong.write_text("cell,ah\nx,1\n", encoding="utf-8")
    done = CliRunner().invoke(
        cli, ["--data", str(laboratory.folder / "data"), "calibrate", "--references", str(wrong)]
    )
    assert "expected the columns battery, measured_at, capacity_ah" in str(done.exception)


# ------------------------------------------------------------------------------------------------ real cells


def _table(pattern: str) -> tuple[list[dict[str, str]], dict[str, dict[str, str]], str]:
    files = shared_files(pattern)
    if not files:
        pytest.skip("test data beside the project are not there")
    with gzip.open(files[0], "rt") as stream:
        rows = list(csv.DictReader(stream))
    by = next(iter(rows[0]))
    with files[1].open() as stream:
        truth = {line[by]: line for line in csv.DictReader(stream)}
    return rows, truth, by


def _rows(lines: list[dict[str, str]]) -> list[Row]:
    return [
        (float(r["time_s"]), float(r["voltage_v"]), float(r["current_a"]), float(r["temperature_c"]))
        for r in lines
    ]


@pytest.mark.parametrize(
    ("pattern", "create", "unit", "wanted"),
    [
        pytest.param(
            "datasets/nasa-pcoe-18650/B0005_[dt]*",
            f"{CELL},chemistry=LCO,rated_capacity=2,minimum_voltage=2.7,maximum_voltage=4.2",
            "capacity_ah",
            ("1", "60", "168"),
            id="nasa",
        ),
        pytest.param(
            "datasets/essl1-lfp-102ah/cell1_*",
            f"{CELL},chemistry=LFP,rated_capacity=102,minimum_voltage=2.5,maximum_voltage=3.65",
            "soh_label",
            ("2", "100", "300"),
            id="essl1",
        ),
    ],
)
def test_a_published_cell_is_told_within_a_point(
    laboratory: Laboratory, pattern: str, create: str, unit: str, wanted: tuple[str, ...]
) -> None:
    rows, truth, by = _table(pattern)
    cycles = grouped(rows, by)
    names = list(cycles)
    for name in wanted:
        upto = names[max(0, names.index(name) - 4) : names.index(name) + 1]
        parts: list[Row] = []
        for one in upto:
            parts += _rows(cycles[one])
        found = laboratory.health(laboratory.ingest(name, parts, create))
        known = float(truth[name][unit])
        health = 100 * known if unit == "soh_label" else 100 * known / 2
        assert abs(found["health_pct"]["value"] - health) < 1.5
        assert found["health_pct"]["low"] <= health <= found["health_pct"]["high"]
        assert found["sessions"]["informative"] == {"A": len(upto)}


def test_switched_loads_give_a_resistance_and_the_reason_for_what_is_not_told(laboratory: Laboratory) -> None:
    # 10 Ah; every minute 5 A for 30 s. 3.700 V at rest, 0.1 V less under load from the first second on.
    rows: list[Row] = [
        (float(t), 3.6 if t % 60 >= 30 else 3.7, -5.0 if t % 60 >= 30 else 0.0, 25.0) for t in range(900)
    ]
    battery = laboratory.ingest("steps", rows)
    told = laboratory.health(battery)["observed"]
    # 0.1 V / 5 A = 20 mOhm
    assert told["internal_resistance_current"]["value"] == "0.02000"
    assert told["internal_resistance_current"]["method"] == "r.dc10s.v1"
    # 2.5 V * (3.98 V - 2.5 V) / 20 mOhm = 185 W
    assert told["remaining_power_capability"]["value"] == "185"
    assert told["ohmic_resistance"]["not_determinable"] == "not_in_telemetry"
    assert told["self_discharge_rate_current"]["not_determinable"] == "no_long_rest"
    assert told["remaining_round_trip_efficiency"]["not_determinable"] == "no_closed_loop"
    table = laboratory.run("assess", battery)
    assert "internal_resistance_current         0.02000" in table


def test_every_figure_leads_back_to_rows_declarations_and_prices(laboratory: Laboratory) -> None:
    cell = Cell("Li-ion NMC", health=0.86)
    rows = cell.run(1.0, -0.4)
    battery = laboratory.ingest("cycle", rows)
    graph = json.loads(laboratory.run("assess", battery, "--json", "--why"))
    nodes = {node["id"]: node for node in graph["nodes"]}
    below: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        assert edge["rests_on"] in nodes
        below.setdefault(edge["of"], []).append(edge["rests_on"])
    # Where nothing rests on anything, it is a source, or somebody says that there is none.
    sources = {"readings", "fact", "inspection", "learned", "parameter", "record"}
    for name, node in nodes.items():
        assert name in below or node["kind"] in sources or not node["known"], node
    assert {"health", "capacity", "grade", "score", "verdict", "value", "recycling", "life:off_grid"} <= set(
        nodes
    )
    (session,) = [node for node in nodes.values() if node["kind"] == "session"]
    (read,) = [nodes[name] for name in below[session["id"]]]
    # One discharge: as many rows of the file as carry its current.
    active = [number for number, row in enumerate(rows) if row[2]]
    assert read["said"]["rows"] == len(active)
    assert read["said"]["last"] - read["said"]["first"] == active[-1] - active[0]
    told = laboratory.run("assess", battery, "--why", "health")
    assert told.startswith("Health is ")
    assert f"Rows {read['said']['first']} to {read['said']['last']} of source" in told
    assert "rated_capacity is 10 Ah, declared of this battery on" in told
    assert "price.metal.cobalt is 56 USD/kg" in laboratory.run("assess", battery, "--why", "recycling")
    with pytest.raises(InputRefused, match=r"no figure 'colour' here; known: .*gate:G1"):
        laboratory.run("assess", battery, "--why", "colour")


def test_the_state_lists_the_capacity_that_each_session_tells(laboratory: Laboratory) -> None:
    rows: list[Row] = []
    for health in (0.95, 0.91):
        rows += Cell("Li-ion NMC", health=health).run(1.0, -0.4, rest_after=600)
    battery = laboratory.ingest("cycles", rows)
    first, last = json.loads(laboratory.run("state", battery, "--json"))["capacity_history"]
    for one, health in ((first, 0.95), (last, 0.91)):
        assert abs(float(one["capacity_ah"]) - Cell("Li-ion NMC", health=health).capacity) < 0.15
        assert one["at"] is None
    table = laboratory.run("state", battery)
    listed = table.partition("Capacity by session, each alone, nine times in ten\n")[2].splitlines()[:3]
    assert listed[0] == "  By cap.classA.v1, class A:"
    assert [line.split()[-5] for line in listed[1:]] == [first["capacity_ah"], last["capacity_ah"]]
