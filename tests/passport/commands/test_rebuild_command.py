"""`cellpass rebuild` on a real data folder: states made anew, compared, gone on with after a stop."""

import json
import shutil

import cbor2
import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command line is what is tried
from passport.commands import rebuild
from passport.ledger import states
from passport.lifecycle import upkeep

FACTS = (
    "category=stationary,chemistry=LFP,rated_capacity=10,cells_in_series=1"
    ",minimum_voltage=2.5,maximum_voltage=3.65"
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A data folder with two batteries: an hour of charge, an hour of rest, every ten seconds."""
    folder = tmp_path_factory.mktemp("filled")
    for number in (1, 2):
        lines = ["unix_time_second,test_time_second,voltage_volt,current_ampere"]
        for n in range(720):
            amps = 5 if n < 360 else 0
            lines.append(f"{1_770_000_000 + 10 * n},{10 * n},{3.2 + number / 100:.3f},{amps}")
        file = folder / f"{number}.csv"
        file.write_text("\n".join(lines))
        words = ["ingest", str(file), "--protocol", "bdf", "--create", FACTS]
        said = CliRunner().invoke(app.cli, ["--data", str(folder / "data"), *words])
        assert said.exit_code == 0, said.output
    house = app.House(folder / "data")
    house.sweep()
    house.close()
    return folder / "data"


@pytest.fixture
def house(filled, tmp_path):
    """A house of one's own with the two batteries."""
    shutil.copytree(filled, tmp_path / "data")
    opened = app.House(tmp_path / "data")
    yield opened
    opened.close()


def run(house, *words):
    return CliRunner().invoke(rebuild.command, words, obj=house)


def ids(house):
    with house.reading() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql("SELECT id FROM battery"))


def kept(house, battery):
    with house.reading() as connection:
        return states.load_state(connection, battery)


def spoil(house, battery, data):
    with house.writing() as connection:
        states.save_state(connection, battery, data, 1, house.now())


def test_states_that_are_right_stay_as_they_are(house):
    before = [kept(house, battery) for battery in ids(house)]
    said = run(house, "--all", "--json")
    assert (said.exit_code, json.loads(said.stdout)) == (
        0,
        {"rows": 1440, "same": 2, "made": 0, "different": []},
    )
    assert [kept(house, battery) for battery in ids(house)] == before
    assert not (house.data_dir / rebuild.FILE).exists()


def test_a_state_that_differs_is_told_and_replaced(house):
    one, other = ids(house)
    right = kept(house, one)
    wrong = cbor2.loads(right)
    wrong["charge"][0] += 1
    spoil(house, one, cbor2.dumps(wrong, canonical=True))
    said = run(house, one, other, "--json")
    told = json.loads(said.stdout)
    assert (said.exit_code, told["same"]) == (1, 1)
    assert [(found["battery"], found["members"]) for found in told["different"]] == [(one, ["charge"])]
    assert kept(house, one) == right
    assert run(house, one).exit_code == 0


@pytest.mark.parametrize("data", [b"no state", b'{"version":1}', b"\xa1gversion\x02"])
def test_a_state_that_is_older_or_none_is_made(house, data):
    one, _ = ids(house)
    right = kept(house, one)
    spoil(house, one, data)
    said = run(house, one)
    assert said.exit_code == 0
    assert said.stdout == "1 state from 720 rows: 0 as kept, 1 made, 0 replaced\n"
    assert kept(house, one) == right


def later(house, battery):
    """Two more rows, not folded yet."""
    late = house.data_dir.parent / "late.csv"
    late.write_text(
        "unix_time_second,test_time_second,voltage_volt,current_ampere\n"
        "1770010000,0,3.2,-5\n1770010010,10,3.2,-5\n"
    )
    words = ["ingest", str(late), "--protocol", "bdf", "--bind", battery]
    assert CliRunner().invoke(app.cli, ["--data", str(house.data_dir), *words]).exit_code == 0


def test_rows_that_wait_to_be_folded_are_no_difference(house):
    one, _ = ids(house)
    later(house, one)
    said = run(house, one)
    assert (said.exit_code, said.stdout) == (0, "1 state from 722 rows: 1 as kept, 0 made, 0 replaced\n")


class Interrupted:
    """Stored telemetry whose reader is stopped after so many chunks, as by Ctrl-C."""

    def __init__(self, telemetry, chunks):
        self.telemetry, self.left, self.read = telemetry, chunks, 0

    def __getattr__(self, name):
        return getattr(self.telemetry, name)

    def chunks(self, connection, battery, *, after):
        for chunk in self.telemetry.chunks(connection, battery, after=after):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.read += len(chunk.samples)
            yield chunk


def test_an_interrupted_run_goes_on_where_it_was(house, monkeypatch):
    one, other = ids(house)
    later(house, other)
    house.refresh(other)
    right = [kept(house, battery) for battery in (one, other)]
    for battery in (one, other):
        spoil(house, battery, b"older")
    monkeypatch.setattr(upkeep, "_BATCH_ROWS", 1)
    reader = Interrupted(house.telemetry, 2)
    monkeypatch.setattr(house, "telemetry", reader)
    said = run(house, "--all")
    assert (said.exit_code, said.stderr) == (130, "Interrupted; the same command goes on from here.\n")
    reader.left, reader.read = -1, 0
    again = run(house, "--all", "--json")
    assert again.stderr == "An interrupted run goes on; 1 states were made before.\n"
    assert json.loads(again.stdout) == {"rows": 1442, "same": 0, "made": 2, "different": []}
    assert reader.read == 2
    assert [kept(house, battery) for battery in (one, other)] == right


def test_another_selection_or_restart_begins_anew(house):
    path = house.data_dir / rebuild.FILE
    noted = rebuild.Run(path, "all", through="ZZZZ")
    noted.note(force=True)
    assert json.loads(run(house, ids(house)[0], "--json").stdout)["same"] == 1
    noted.note(force=True)
    assert json.loads(run(house, "--all", "--restart", "--json").stdout)["same"] == 2
    path.write_text("no JSON")
    assert json.loads(run(house, "--all", "--json").stdout)["same"] == 2


@pytest.mark.parametrize("words", [[], ["--all", "01/09520123456788"]])
def test_batteries_are_named_or_all_of_them(house, words):
    assert run(house, *words).exit_code == 2
