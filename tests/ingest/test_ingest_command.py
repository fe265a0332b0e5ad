"""`cellpass ingest` and `cellpass simulate` from the command line, with a real journal under them."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine

from ingest import journal
from ingest.commands import ingest as ingest_command
from ingest.commands.ingest import command
from ingest.gateway import Pace
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.serve import BadLine, serve_pty, serve_tcp
from schemas.samples import ColumnKey

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FACTS = "category=stationary,chemistry=LFP,rated_capacity=50"


class Passports:
    """The passport side as ingestion sees it, in memory; refuses what the real one refuses."""

    def __init__(self):
        self.known, self.bindings, self.dirty, self.facts, self.serials = [], {}, set(), {}, {}
        self.bound_at = {}

    def resolve(self, connection, argument):
        if argument not in self.known:
            raise ValueError(f"no battery is known under {argument!r}")
        return argument

    def create(self, connection, facts, *, at):
        if "rated_capacity" in facts and not facts["rated_capacity"].isdigit():
            raise ValueError(f"rated_capacity: expected a number, got {facts['rated_capacity']!r}")
        name = f"NEW{len(self.known)}"
        self.known.append(name)
        self.facts[name] = dict(facts)
        return name

    def refusals(self, facts):
        if "rated_capacity" in facts and not facts["rated_capacity"].isdigit():
            return {"rated_capacity": [f"expected a number, got {facts['rated_capacity']!r}"]}
        return {}

    def bind(self, connection, *, battery, source, component, at, serial=None):
        self.serials.setdefault((source, component), serial)
        self.bound_at.setdefault((source, component), at)
        if self.bindings.setdefault((source, component), battery) != battery:
            raise ValueError(
                f"{component or 'the whole'} of {source} is bound to {self.bindings[source, component]}"
            )

    def release(self, source, component=None):
        for table in (self.bindings, self.serials, self.bound_at):
            table.pop((source, component), None)

    def bound(self, connection, source):
        return {part: battery for (name, part), battery in self.bindings.items() if name == source}

    def mark_dirty(self, connection, battery, *, at):
        self.dirty.add(battery)


class Records:
    """Commissioned serial numbers, and an audit in memory."""

    def __init__(self, passports):
        self.passports, self.entries = passports, []

    def serials(self, connection, source):
        known = self.passports.serials
        return {part: serial for (name, part), serial in known.items() if name == source and serial}

    def since(self, connection, source):
        known = self.passports.bound_at
        return {part: at for (name, part), at in known.items() if name == source}

    def audit(self, connection, *, at, actor, action, battery, detail):
        self.entries.append((actor, action, battery, detail))


class House:
    """A data folder with a journal in it."""

    def __init__(self, folder: Path):
        self.engine = create_engine(f"sqlite:///{folder / 'cellpass.db'}")
        journal.upgrade(self.engine)
        self.batteries = Passports()
        self.records = Records(self.batteries)
        self.settings = SimpleNamespace(public_url="http://127.0.0.1:8000", timezone=None)
        self.refreshed = []

    @contextmanager
    def writing(self):
        with self.engine.begin() as connection:
            yield connection

    reading = writing

    def refresh(self, battery):
        self.refreshed.append(battery)

    def now(self):
        return datetime.now(UTC)

    def rows(self, battery):
        with self.engine.connect() as connection:
            return list(journal.stored_chunks(connection, battery))

    def values(self, battery, quantity, index=None):
        key = ColumnKey(quantity, index)
        found = [
            chunk.samples.columns[key].decimal(row)
            for chunk in self.rows(battery)
            if key in chunk.samples.columns
            for row in range(len(chunk.samples))
        ]
        return [str(value) for value in found if value is not None]


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.engine.dispose()


def run(house, *words):
    return CliRunner().invoke(command, [str(word) for word in words], obj=house)


def know(house, *names):
    house.batteries.known += names


# Recordings


def test_a_recording_of_one_pack_is_stored_under_its_battery(house, shared):
    know(house, "PACK")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    result = run(house, path, "--protocol", "jbd", "--bind", "PACK")
    assert result.exit_code == 0, result.output
    # The recording holds the basic information three times and the cells once.
    assert house.values("PACK", "voltage") == ["15.600", "15.600", "15.600"]
    assert house.values("PACK", "cell_voltage", 3) == ["3.432"]
    assert "voltage 15.60 V" in result.output
    assert "4 cells, 3.417 to 3.432 V" in result.output
    assert "http://127.0.0.1:8000/i/PACK" in result.output
    assert house.refreshed == ["PACK"]
    assert house.batteries.dirty == {"PACK"}
    assert house.batteries.bindings == {}


def test_three_modules_go_to_three_batteries_in_one_run(house, shared):
    know(house, "A", "B", "C")
    path = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    binds = [word for part, name in enumerate("ABC", 1) for word in ("--bind", f"module/{part}={name}")]
    result = run(house, path, "--protocol", "pylontech-rs485", *binds, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [entry["battery"] for entry in told["batteries"]] == ["A", "B", "C"]
    assert [house.values(name, "voltage") for name in "ABC"] == [["49.545"], ["49.520"], ["49.504"]]
    assert [house.values(name, "current") for name in "ABC"] == [["-2.600"], ["-2.500"], ["-2.700"]]
    assert told["epoch"].startswith("sha256:")
    assert told["batteries"][0]["receipt"]["accepted"] == 1
    assert {"quantity": "voltage", "value": "49.545"}.items() <= told["batteries"][0]["readings"][
        [r["quantity"] for r in told["batteries"][0]["readings"]].index("voltage")
    ].items()


def test_the_same_recording_again_changes_nothing_even_under_another_name(house, shared, tmp_path):
    know(house, "PACK")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    copy = tmp_path / "copy of it.json"
    copy.write_bytes(path.read_bytes())
    first = json.loads(run(house, path, "--protocol", "jbd", "--bind", "PACK", "--json").stdout)
    second = json.loads(run(house, copy, "--protocol", "jbd", "--bind", "PACK", "--json").stdout)
    (before, after) = (told["batteries"][0]["receipt"] for told in (first, second))
    assert (before["accepted"], before["duplicates"]) == (after["duplicates"], after["accepted"])
    assert after["accepted"] == 0


def test_several_parts_for_one_battery_are_refused_with_a_line_to_copy(house, shared):
    know(house, "A")
    path = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    result = run(house, path, "--protocol", "pylontech-rs485", "--bind", "A")
    assert result.exit_code == 3
    assert "module/1, module/2, module/3" in result.stderr
    assert (
        f"cellpass ingest {path} --protocol pylontech-rs485 "
        "--bind module/1=BATTERY1 --bind module/2=BATTERY2 --bind module/3=BATTERY3"
    ) in result.stderr
    assert house.rows("A") == []


def test_the_line_to_copy_makes_batteries_when_one_was_to_be_made(house, shared):
    path = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    refused = run(house, path, "--protocol", "pylontech-rs485", "--create", FACTS)
    assert refused.exit_code == 3
    assert house.batteries.known == []
    line = refused.stderr.strip().splitlines()[-1].split()
    result = run(house, *line[2:])
    assert result.exit_code == 0, result.output
    assert house.batteries.known == ["NEW0", "NEW1", "NEW2"]
    assert house.batteries.facts["NEW2"] == {
        "category": "stationary",
        "chemistry": "LFP",
        "rated_capacity": "50",
    }
    assert house.values("NEW2", "voltage") == ["49.504"]


def test_a_battery_is_made_from_facts_and_the_next_step_is_printed(house, shared):
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    result = run(house, path, "--protocol", "jbd", "--create", "category=lmt,model_identifier=A, B and C=D")
    assert result.exit_code == 0, result.output
    assert house.batteries.facts["NEW0"] == {"category": "lmt", "model_identifier": "A, B and C=D"}
    assert "battery NEW0, made just now" in result.output
    assert "cellpass issue NEW0" in result.output
    again = run(house, path, "--protocol", "jbd", "--bind", "NEW0")
    assert "http://127.0.0.1:8000/i/NEW0" in again.output


def test_a_recording_that_is_stored_already_makes_no_second_battery(house, shared):
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    assert run(house, path, "--protocol", "jbd", "--create", "category=lmt").exit_code == 0
    again = run(house, path, "--protocol", "jbd", "--create", "category=lmt")
    assert again.exit_code == 2
    assert "--bind NEW0" in again.output
    assert house.batteries.known == ["NEW0"]


def test_a_named_source_is_commissioned_and_remembered(house, shared):
    know(house, "PACK", "OTHER")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    assert run(house, path, "--protocol", "jbd", "--bind", "PACK", "--source", "bike").exit_code == 0
    assert house.batteries.bindings == {("bike", None): "PACK"}
    assert run(house, path, "--protocol", "jbd", "--source", "bike").exit_code == 0
    other = run(house, path, "--protocol", "jbd", "--bind", "OTHER", "--source", "bike")
    assert other.exit_code == 2
    assert "bound to PACK" in other.output


def test_a_recording_of_another_protocol_is_refused(house, shared):
    know(house, "PACK")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    result = run(house, path, "--protocol", "pylontech-rs485", "--bind", "PACK")
    assert result.exit_code == 3
    assert "is it a recording of another protocol?" in result.stderr
    assert house.rows("PACK") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty file"),
        (b'{"frames": [], "frames": []}', "frames"),
        (b'{"frames": [{"dir": "rx", "hex": "zz"}]}', "expected two hex digits"),
        (b"[" * 100_000, "JSON"),
        (b'{"frames": NaN}', "JSON"),
        (bytes(range(256)) * 40, "came none"),
    ],
    ids=["empty", "duplicate names", "no hex", "deep", "NaN", "random bytes"],
)
def test_a_broken_recording_is_refused_with_a_reason(house, tmp_path, content, sentence):
    know(house, "PACK")
    path = tmp_path / "broken"
    path.write_bytes(content)
    result = run(house, path, "--protocol", "jbd", "--bind", "PACK")
    assert result.exit_code == 3, result.output
    assert sentence in result.stderr
    assert str(path) in result.stderr


def test_a_refusal_is_json_where_json_was_asked_for(house, tmp_path):
    path = tmp_path / "empty"
    path.touch()
    result = run(house, path, "--protocol", "jbd", "--bind", "X", "--json")
    assert result.exit_code == 3
    assert "empty file" in json.loads(result.stderr)["error"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--bind", "NOBODY"], "no battery is known under 'NOBODY'"),
        (["--bind", "PACK", "--bind", "PACK"], "the whole device is bound twice"),
        (["--bind", "module/9=PACK"], "module/9 is bound, but does not speak"),
        (["--bind", "=PACK"], "expected BATTERY or COMPONENT=BATTERY"),
        (["--create", "category"], "expected FACT=VALUE"),
        (["--create", "category=lmt,category=ev"], "stated twice"),
        (["--create", "rated_capacity=lots"], "rated_capacity: expected a number"),
        ([], "bound to no battery yet"),
        (["--bind", "PACK", "--count", "3"], "are for live lines"),
        (["--bind", "PACK", "--start", "yesterday"], "expected an ISO time"),
        (["--bind", "PACK", "--start", "2026-11-20T12:00:00"], "has no zone"),
        (["--bind", "PACK", "--timezone", "Mars/Olympus"], "no time zone is called"),
        (["--bind", "PACK", "--protocol", "nope"], "known: "),
    ],
)
def test_wrong_use_is_told_and_stores_nothing(house, shared, words, sentence):
    know(house, "PACK")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    result = run(house, path, "--protocol", "jbd", *words)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())
    assert house.rows("PACK") == []


def test_identifier_paths_and_urls_are_batteries_and_not_components(house, shared):
    names = ["/01/09520000000004/21/AB=C", "https://id.example/01/09520000000004/21/X?a=b"]
    know(house, *names)
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    for name in names:
        assert run(house, path, "--protocol", "jbd", "--bind", name).exit_code == 0
        assert house.values(name, "cell_voltage", 1) == ["3.430"]


@pytest.mark.parametrize("where", ["on the command line", "in the settings"])
def test_the_time_of_a_recording_can_be_stated_in_a_time_zone(house, shared, where):
    know(house, "PACK")
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    words = ["--start", "2026-11-20T13:00:00"]
    if where == "in the settings":
        house.settings.timezone = "Europe/Berlin"
    else:
        words += ["--timezone", "Europe/Berlin"]
    result = run(house, path, "--protocol", "jbd", "--bind", "PACK", "--json", *words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["first_at"] == "2026-11-20T12:00:00Z"
    (chunk,) = house.rows("PACK")
    assert set(chunk.samples.time_ms.tolist()) == {1795176000000}


# Live lines


def bank(count):
    return PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=seed)) for seed in range(count)])


def test_a_live_bank_is_stored_with_receipts(house):
    know(house, "A", "B")
    with serve_tcp(bank(2)) as address:
        words = ["--protocol", "pylontech-rs485", "--bind", "module/1=A", "--bind", "module/2=B"]
        result = run(house, address, *words, "--count", "3", "--interval", "0.01")
    assert result.exit_code == 0, result.output
    assert len(house.values("A", "voltage")) == len(house.values("B", "voltage")) == 3
    assert result.stderr.count("stored 3 rows of") == 2
    assert "15 cells" in result.stdout
    assert "module/2 -> battery B" in result.stdout
    assert house.batteries.bindings == {(address, "module/1"): "A", (address, "module/2"): "B"}
    assert house.refreshed == ["A", "B"]
    (chunk,) = house.rows("A")
    assert chunk.samples.sequence.tolist() == [1, 2, 3]
    assert int(chunk.epoch) > 1_700_000_000_000


def test_a_second_run_is_another_epoch_of_the_same_source(house):
    know(house, "PACK")
    with serve_pty(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0)))) as address:
        for _ in range(2):
            words = [
                "--protocol",
                "jbd",
                "--bind",
                "PACK",
                "--source",
                "bike",
                "--count",
                "2",
                "--interval",
                "0",
            ]
            result = run(house, address, *words)
            assert result.exit_code == 0, result.output
    first, second = (int(chunk.epoch) for chunk in house.rows("PACK"))
    assert first < second
    assert {chunk.source for chunk in house.rows("PACK")} == {"bike"}


def test_a_live_bank_for_one_battery_is_refused_before_anything_is_made(house):
    with serve_tcp(bank(3)) as address:
        result = run(house, address, "--protocol", "pylontech-rs485", "--create", FACTS, "--count", "1")
    assert result.exit_code == 3
    assert f"--create module/3={FACTS}" in result.stderr
    assert house.batteries.known == []


def test_a_silent_line_is_refused_before_anything_is_made(house, monkeypatch):
    monkeypatch.setattr(ingest_command, "Pace", partial(Pace, answer_s=0.05))
    with serve_tcp(bank(1), bad_line=BadLine(silence=1.0)) as address:
        result = run(house, address, "--protocol", "jbd", "--create", FACTS, "--interval", "0")
    assert result.exit_code == 3
    assert "nothing answered 3 times" in result.stderr
    assert house.batteries.known == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp:127.0.0.1:1", "nobody listens"),
        ("serial:/dev/ttyNONE7", "no such device"),
        ("no-such-file.json", "there is no such file"),
        ("nats:broker:4222", "not built yet"),
        ("serial:/dev/ttyNONE7?baud=abc", "expected a baud rate from 50"),
    ],
)
def test_a_line_that_cannot_be_opened_says_what_to_check(house, address, sentence):
    result = run(house, address, "--protocol", "jbd", "--bind", "X")
    is_wrong_use = address.startswith(("no-such-file", "nats:", "serial:/dev/ttyNONE7?"))
    assert result.exit_code == (2 if is_wrong_use else 3)
    assert sentence in result.stderr


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {here!r}]
from test_ingest_command import House
from ingest.commands.ingest import command
house = House(Path({folder!r}))
house.batteries.known.append("PACK")
command([{address!r}, "--protocol", "jbd", "--bind", "PACK", "--interval", "0.01"], obj=house)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_a_signal_ends_a_run_with_everything_stored(house, tmp_path, number):
    root, here = str(Path(__file__).parents[2]), str(Path(__file__).parent)
    with serve_tcp(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0)))) as address:
        program = PROGRAM.format(root=root, here=here, folder=str(tmp_path), address=address)
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        assert process.stderr.readline().startswith("stored 30 rows of PACK")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        watchdog.cancel()
    assert process.returncode == 0, err
    told = int(re.search(r"stored (\d+) rows? \(one per polling cycle\)", out)[1])
    assert told >= 30
    assert len(house.values("PACK", "voltage")) == told


# The simulator's own command


def test_the_simulate_command_prints_an_address_that_can_be_ingested(house, tmp_path):
    know(house, "A", "B")
    root = str(Path(__file__).parents[2])
    program = "from ingest.commands.simulate import command; command()"
    words = ["pylontech-rs485", "--modules", "2", "--tcp", "0", "--speed", "60"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    watchdog = threading.Timer(20, process.kill)
    watchdog.start()
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"tcp:127\.0\.0\.1:\d+", address)
        result = run(
            house,
            address,
            *["--protocol", "pylontech-rs485", "--bind", "module/1=A", "--bind", "module/2=B"],
            *["--count", "2", "--interval", "0.2"],
        )
        assert result.exit_code == 0, result.output
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert "Simulated" in err
    assert len(house.values("A", "voltage")) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["jbd", "--modules", "2"], "has one battery"),
        (["jbd", "--tcp", "0", "--pty"], "exclude each other"),
        (["pylontech-rs485", "--cells", "24"], "24 cells reach 87.6 V"),
        (["nope"], "'jbd'"),
    ],
)
def test_a_wrong_simulation_is_wrong_use(words, sentence):
    from ingest.commands.simulate import command as simulate

    result = CliRunner().invoke(simulate, words)
    assert result.exit_code == 2
    assert sentence in result.stderr


# What is doubted is written down


def test_each_doubt_of_a_recording_is_told_once(house, tmp_path, capfd):
    know(house, "B1", "B2")
    words = ["--bind", "module/1=B1", "--bind", "module/2=B2"]
    result = run(house, swapped(tmp_path, 0, 60), "--protocol", "pylontech-rs485", *words)
    assert result.exit_code == 0, result.output
    said = result.output + capfd.readouterr().err
    for part in ("module/1", "module/2"):
        assert said.count(f"rule 9 slot_shift {part}: {part} had the serial number SIM") == 1
    assert "Doubt slot_shift" not in said


def swapped(tmp_path, *moments):
    """A recording of a bank of two that answers at each moment; its modules change places at the end."""
    packs = [LivePack(PackSpec("LFP", 15, 50.0, seed=seed)) for seed in (5, 6)]
    frames = []
    for number, moment in enumerate(moments):
        device = PylontechBank(packs if number < len(moments) - 1 else packs[::-1])
        for name in ("serial", "analog"):
            for address in (2, 3):
                request = pylontech.PROTOCOL.request(name, address=address)
                at = (NOON + timedelta(seconds=moment)).isoformat()
                frames.append({"dir": "tx", "hex": request.hex(), "at": at})
                frames.append({"dir": "rx", "hex": device.hear(request).hex(), "at": at})
    path = tmp_path / "bank.json"
    path.write_text(json.dumps({"frames": frames}))
    return path


def test_a_doubt_is_an_entry_of_the_audit_and_a_recording_read_again_adds_none(house, tmp_path):
    know(house, "ONE", "TWO")
    words = (swapped(tmp_path, 0, 10), "--protocol", "pylontech-rs485")
    words = (*words, "--bind", "module/1=ONE", "--bind", "module/2=TWO", "--json")
    first = json.loads(run(house, *words).stdout)
    told = [(one["rule"], one["code"], one["component"], one["severity"]) for one in first["findings"]]
    assert (9, "slot_shift", "module/1", "commission") in told
    shifts = [entry for entry in house.records.entries if "slot_shift" in entry[3]]
    assert [(actor, action, battery) for actor, action, battery, _ in shifts] == [
        ("device:file", "doubt", "ONE"),
        ("device:file", "doubt", "TWO"),
    ]
    assert shifts[0][3].startswith("rule 9 slot_shift module/1: module/1 had the serial number SIM")
    assert shifts[0][3].endswith("(seen 2026-11-20T12:00:10+00:00)")
    assert "module/1, kept aside: slot_shift" in first["unbound"]
    before = len(house.records.entries)
    assert run(house, *words).exit_code == 0
    assert len(house.records.entries) == before


def test_a_live_device_leaves_its_serial_number_in_the_commissioning_record(house):
    know(house, "ONE", "TWO")
    with serve_tcp(bank(2)) as address:
        words = (address, "--protocol", "pylontech-rs485", "--count", "1", "--interval", "0", "--source", "b")
        result = run(house, *words, "--bind", "module/1=ONE", "--bind", "module/2=TWO")
    assert result.exit_code == 0, result.output
    serials = house.batteries.serials
    assert serials["b", "module/1"].startswith("SIM")
    assert serials["b", "module/1"] != serials["b", "module/2"]


def test_a_device_that_was_exchanged_between_two_runs_is_kept_aside(house):
    know(house, "ONE", "TWO")
    house.batteries.serials = {("b", "module/1"): "ANOTHER"}
    with serve_tcp(bank(2)) as address:
        words = (address, "--protocol", "pylontech-rs485", "--count", "2", "--interval", "0", "--source", "b")
        result = run(house, *words, "--bind", "module/1=ONE", "--bind", "module/2=TWO")
    assert "module/1, kept aside: slot_shift" in result.output
    # Only the master's number is asked; whether the other one moved too, nobody knows.
    assert [battery for _, _, battery, detail in house.records.entries if "slot_shift" in detail] == [
        "ONE",
        "TWO",
    ]
    assert house.rows("ONE") == house.rows("TWO") == []
