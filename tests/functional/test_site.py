"""A whole site under `cellpass gateway`: every battery's state is what its simulator knows of it."""

import json
import threading
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command is run as a user runs it
from ingest.detect import detect
from ingest.gateway import Pace
from ingest.protocols import emus_serial, jbd, pylontech_rs485
from ingest.simulators.emus_serial import EmusDevice
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages, state_of_charge
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.serve import serve_pty, serve_tcp
from ingest.simulators.sunspec import SunSpecBank
from ingest.site.file import read_site
from ingest.site.run import SiteRun

# Models are found first, then read block by block; a cycle asks for no more than this.
ANSWERS_OF_A_STORE = 40
LFP = 'category = "stationary", chemistry = "LFP", rated_capacity = 50'


@dataclass
class Watched:
    """A simulated device that remembers how its packs stood when it answered of late.

    Attributes:
        device: the simulator.
        packs: its packs, by the component that speaks of each.
        resolution: of each quantity in its protocol.
        answers_in_a_cycle: how many requests its poll has.
        truths: by component, at its last answers: a cycle has several, and a pack moves between them.
    """

    device: object
    packs: dict[str | None, LivePack]
    resolution: dict[str, Decimal]
    answers_in_a_cycle: int
    truths: deque[dict[str | None, dict[str, Decimal]]] = field(default_factory=deque)

    def hear(self, data: bytes) -> bytes:
        answer = self.device.hear(data)
        if answer:
            self.truths.append({part: stands(pack) for part, pack in self.packs.items()})
            while len(self.truths) > self.answers_in_a_cycle:
                self.truths.popleft()
        return answer

    def quiet(self) -> None:
        self.device.quiet()

    def advance(self, seconds: float) -> None:
        self.device.advance(seconds)


def stands(pack: LivePack) -> dict[str, Decimal]:
    volts = cell_voltages(pack.spec, pack.state)
    return {
        "voltage": Decimal(float(volts.sum())),
        "current": Decimal(pack.state.current_a),
        "state_of_charge": Decimal(state_of_charge(pack.state) * 100),
        "cell_voltage_lowest": Decimal(float(volts.min())),
        "cell_voltage_highest": Decimal(float(volts.max())),
    }


def scooter() -> Watched:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    resolution = {
        "voltage": Decimal("0.01"),
        "current": Decimal("0.01"),
        "state_of_charge": Decimal(1),
        "cell_voltage_lowest": Decimal("0.001"),
        "cell_voltage_highest": Decimal("0.001"),
    }
    return Watched(JbdDevice(pack), {None: pack}, resolution, len(jbd.PROTOCOL.poll()))


def bank() -> Watched:
    packs = [LivePack(PackSpec("LFP", 15, 50.0, seed=n), state_of_charge=0.6 + n / 100) for n in (1, 2, 3)]
    resolution = {
        "voltage": Decimal("0.001"),
        "current": Decimal("0.1"),
        "state_of_charge": Decimal("0.1"),
        "cell_voltage_lowest": Decimal("0.001"),
        "cell_voltage_highest": Decimal("0.001"),
    }
    parts = {f"module/{n}": pack for n, pack in enumerate(packs, 1)}
    return Watched(PylontechBank(packs), parts, resolution, len(pylontech_rs485.PROTOCOL.poll()))


def forklift() -> Watched:
    pack = LivePack(PackSpec("LFP", 24, 200.0, seed=5), state_of_charge=0.7)
    resolution = {
        "voltage": Decimal("0.01"),
        "current": Decimal("0.1"),
        "state_of_charge": Decimal(1),
        "cell_voltage_lowest": Decimal("0.01"),
        "cell_voltage_highest": Decimal("0.01"),
    }
    return Watched(EmusDevice(pack), {None: pack}, resolution, len(emus_serial.PROTOCOL.poll()))


def store() -> Watched:
    packs = [
        LivePack(PackSpec("LFP", 16, 100.0, seed=n), state_of_charge=0.5 + n / 100) for n in (11, 12, 13)
    ]
    resolution = {
        "voltage": Decimal("0.1"),
        "current": Decimal("0.1"),
        "state_of_charge": Decimal(1),
    }
    parts = {f"string/{n}": pack for n, pack in enumerate(packs, 1)}
    return Watched(SunSpecBank(packs), parts, resolution, ANSWERS_OF_A_STORE)


DEVICES = {
    "scooter": (scooter, "jbd", serve_pty),
    "bank": (bank, "pylontech-rs485", serve_tcp),
    "forklift": (forklift, "emus-serial", serve_tcp),
    "store": (store, "sunspec", serve_tcp),
}


def site_file(folder: Path, addresses: dict[str, str], devices: dict[str, Watched]) -> Path:
    lines = ['[site]\nname = "yard"\nevidence = "frames"\ninterval_s = 1\n']
    for name, address in addresses.items():
        protocol = DEVICES[name][1]
        lines.append(f'[[source]]\nname = "{name}"\naddress = "{address}"\nprotocol = "{protocol}"')
        lines += [
            f'create."{part}" = {{{LFP}}}' if part else f"create = {{{LFP}}}" for part in devices[name].packs
        ]
        lines.append("")
    path = folder / "site.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    "seconds", [pytest.param(8, id="short"), pytest.param(600, id="ten-minutes", marks=pytest.mark.long)]
)
def test_every_battery_of_a_site_stands_as_its_simulator_does(tmp_path: Path, seconds: int) -> None:
    devices = {name: make() for name, (make, _, _) in DEVICES.items()}
    house = app.House(tmp_path / "data")
    with ExitStack() as stack:
        stack.callback(house.close)
        addresses = {
            name: stack.enter_context(serve(devices[name])) for name, (_, _, serve) in DEVICES.items()
        }
        path = site_file(tmp_path, addresses, devices)
        result = CliRunner().invoke(
            app.cli,
            ["--data", str(tmp_path / "data"), "gateway", str(path), "--for", str(seconds), "--json"],
        )
        assert result.exit_code == 0, result.output
        wire = json.loads(result.stdout)
        for source in wire["sources"]:
            device = devices[source["source"].removeprefix("yard/")]
            assert source["state"] == "ended"
            assert source["starts"] == 1
            for part, battery in source["batteries"].items():
                state = house.refresh(battery)
                assert state.rows == source["rows"][battery] >= seconds * 0.4
                truths = [truth[part or None] for truth in device.truths]
                assert_stands(state, truths, device.resolution)
    for path in (tmp_path / "frames").glob("*.json"):
        name = path.name.partition(".")[0].removeprefix("yard-")
        assert [one.protocol for one in detect(path.read_bytes()).candidates] == [DEVICES[name][1]]


def assert_stands(state: object, truths: list[dict[str, Decimal]], resolution: dict[str, Decimal]) -> None:
    for quantity, step in resolution.items():
        said = Decimal(state.last[quantity].value)
        least, most = min(one[quantity] for one in truths), max(one[quantity] for one in truths)
        assert least - step <= said <= most + step, f"{quantity}: said {said}, was {least:.4f} to {most:.4f}"


def test_a_device_of_the_site_is_only_read(tmp_path: Path) -> None:
    watched = scooter()
    asked: list[bytes] = []
    hear = watched.device.hear
    watched.device.hear = lambda data: (asked.append(data), hear(data))[1]
    with serve_tcp(watched) as address:
        path = tmp_path / "site.toml"
        path.write_text(
            f'[site]\nname = "yard"\ninterval_s = 0.2\n[[source]]\nname = "scooter"\naddress = "{address}"\n'
            f'protocol = "jbd"\ncreate = {{{LFP}}}\n'
        )
        result = CliRunner().invoke(
            app.cli, ["--data", str(tmp_path / "data"), "gateway", str(path), "--for", "1.5"]
        )
    assert result.exit_code == 0, result.output
    reads = {jbd.PROTOCOL.request(row.name) for row in jbd.PROTOCOL.requests}
    assert asked
    assert set(asked) <= reads
    assert watched.device.refused == []


def test_a_running_site_follows_what_is_commissioned_beside_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    house = app.House(data)
    ending = threading.Event()
    with ExitStack() as stack:
        stack.callback(house.close)
        address = stack.enter_context(serve_tcp(scooter()))
        path = tmp_path / "site.toml"
        path.write_text(
            f'[site]\nname = "yard"\ninterval_s = 0.1\n[[source]]\nname = "scooter"\naddress = "{address}"\n'
            f'protocol = "jbd"\ncreate = {{{LFP}}}\n'
        )
        run = SiteRun(read_site(path), house, ending, monotonic=time.monotonic, pace=Pace(flush_rows=2))
        run.settle()
        (status,) = run.statuses
        (first,) = status.batteries.values()
        with house.writing() as connection:
            other = house.batteries.create(
                connection, {"category": "stationary", "rated_capacity": "50"}, at=house.now()
            )
        steps = [
            (lambda: status.rows[first] >= 2, ("release", "--source", "yard/scooter")),
            (lambda: bool(status._with("unbound")), ("bind", other, "--source", "yard/scooter")),
            (lambda: status.rows[other] >= 2, None),
        ]
        deadline = time.monotonic() + 60

        def watch() -> None:
            holds, words = steps[0]
            if holds():
                steps.pop(0)
                if words is None:
                    ending.set()
                    return
                result = CliRunner().invoke(app.cli, ["--data", str(data), "commission", *words])
                assert result.exit_code == 0, result.output
                run.look()
            ending.wait(0.02)
            if time.monotonic() > deadline:
                ending.set()

        run.run(watch)
        assert steps == []
        assert status.starts == 1
        assert house.refresh(first).rows == status.rows[first]
        assert house.refresh(other).rows == status.rows[other]


def test_a_check_judges_the_facts_and_tells_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        '[site]\nname = "yard"\n'
        '[[source]]\nname = "a"\naddress = "tcp:127.0.0.1:9"\nprotocol = "jbd"\n'
        'create = {category = "stationary", rated_capacity = "x", colour = "red"}\n'
        '[[source]]\nname = "b"\naddress = "tcp:127.0.0.1:8"\nprotocol = "jbd"\n'
        "create = {rated_capacity = 5}\n"
        '[[source]]\nname = "c"\naddress = "tcp:127.0.0.1:7"\nprotocol = "pylontech-rs485"\n'
        'create."module/1" = {category = "stationery", cells = 0}\n'
    )
    command = ["--data", str(tmp_path / "data"), "gateway", str(path)]
    result = CliRunner().invoke(app.cli, [*command, "--check"])
    assert result.exit_code == 3
    assert not (tmp_path / "data").exists(), "a check opens nothing"
    places = [line.removeprefix("Error: ").removeprefix(f"{path}:") for line in result.stderr.splitlines()]
    assert [place.rsplit(": ", 1)[0].partition(": expected")[0] for place in places][:2] == [
        "7: source.create.colour",
        "7: source.create.rated_capacity",
    ]
    assert "12: source.create.category: is needed: one of ev, lmt, industrial, stationary" in places
    assert any(place.startswith("17: source.create.module/1.battery_category: ") for place in places)
    assert any(place.startswith("17: source.create.module/1.cells: ") for place in places)
    assert CliRunner().invoke(app.cli, command).exit_code == 3, "a run refuses it too"


def test_facts_that_a_check_accepts_are_accepted_by_a_run(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        f'[site]\nname = "yard"\n[[source]]\nname = "a"\naddress = "tcp:127.0.0.1:9"\n'
        f'protocol = "jbd"\ncreate = {{{LFP}}}\n'
    )
    command = ["--data", str(tmp_path / "data"), "gateway", str(path)]
    result = CliRunner().invoke(app.cli, [*command, "--check"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app.cli, [*command, "--for", "0.2"])
    assert "a as a whole is " in result.stderr, "the battery was made, though nothing answered"
