"""A site's file, its shared lines, its evidence, and a run in which some devices fail."""

import io
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.captures import Decoded, read_capture
from ingest.commands.gateway import _ended, command, view
from ingest.errors import SiteRefused, TransportFailed
from ingest.gateway import Pace
from ingest.plausibility import doubt
from ingest.protocol import Protocol, find
from ingest.protocols import jbd
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.serve import serve_tcp
from ingest.site.evidence import FrameLog, watched
from ingest.site.file import read_site
from ingest.site.lines import SharedLine, Turns, shared_lines
from ingest.site.run import SiteRun, State, Status
from ingest.transports.address import parse_address
from ingest.transports.base import BackOff
from schemas.reading import Reading
from tests.ingest.test_ingest_command import House

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUICK = Pace(answer_s=0.4, gap_s=0.1, longest_s=2.0, pause_s=0.0, flush_rows=2, flush_s=60.0)
HEAD = '[site]\nname = "yard"\ninterval_s = 0.05\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text)
    return path


def source(name: str, address: str, protocol: str = "jbd", more: str = 'bind = "B1"') -> str:
    return f'[[source]]\nname = "{name}"\naddress = "{address}"\nprotocol = "{protocol}"\n{more}\n'


# The file


def test_a_file_becomes_devices_in_its_order(tmp_path: Path) -> None:
    text = (
        '[site]\nname = "yard"\nevidence = "frames"\n\n'
        + source("scooter", "serial:/dev/ttyUSB0")
        + source(
            "racks",
            "serial:/dev/ttyUSB1?baud=115200",
            more="bus_addresses = [1, 2]\ninterval_s = 5\n"
            'bind."address/1" = "B2"\n'
            'create."address/2" = {category = "stationary", rated_capacity = 100.5}',
        )
    )
    site = read_site(write(tmp_path, text))
    assert site.evidence == tmp_path / "frames"
    assert [(one.source, one.bus_address, one.interval_s) for one in site.devices] == [
        ("yard/scooter", None, 10.0),
        ("yard/racks/1", 1, 5.0),
        ("yard/racks/2", 2, 5.0),
    ]
    assert [str(one.address) for one in site.devices] == [
        "serial:/dev/ttyUSB0?baud=9600",
        "serial:/dev/ttyUSB1?baud=115200",
        "serial:/dev/ttyUSB1?baud=115200",
    ]
    assert site.devices[1].parts[0].battery == "B2"
    assert site.devices[2].parts[0].facts == {"category": "stationary", "rated_capacity": "100.5"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("[site]\nname = 3\n", "site.toml:2: site.name: expected a name", id="name"),
        pytest.param('[site]\nname = "a"\n', "source: expected at least one [[source]]", id="no source"),
        pytest.param(
            HEAD + "colour = 1\n" + source("a", "tcp:h:1"),
            "site.toml:4: site.colour: is not a key here; known: name, interval_s, evidence",
            id="unknown key",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1") + source("a", "tcp:h:2", more='bind = "B2"'),
            "site.toml:10: source.name: 'a' is the name of another source too",
            id="name twice",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h"), "site.toml:6: source.address: tcp:h: expected", id="address"
        ),
        pytest.param(
            HEAD + source("a", "log.json"), "site.toml:6: source.address: 'log.json' names no line", id="file"
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", "xyz"),
            "site.toml:7: source.protocol: no protocol is called 'xyz'; known:",
            id="protocol",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more=""),
            "site.toml:4: source: a: neither bind nor create says which battery this is",
            id="unbound",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='[source.bind]\n"Module 1" = "B1"'),
            "site.toml:9: source.bind.Module 1: 'Module 1' is no part",
            id="part",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bind = "B1"\ninterval_s = -1'),
            "site.toml:9: source.interval_s: expected seconds above 0",
            id="interval",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bind = "B1"\nbus_address = 300'),
            "site.toml:9: source.bus_address: expected numbers from 0 to 255, each once, came 300",
            id="bus address",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bus_addresses = [1, 2]\nbind."address/1" = "B1"'),
            "a: nothing says which battery the device at address 2 is",
            id="address without battery",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1") + source("b", "tcp:h:1", more='bind = "B2"'),
            "site.toml:9: b: asks the same device as a; bind it once",
            id="one device twice",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1") + source("b", "tcp:h:2"),
            "site.toml:13: b: B1 is bound to a already",
            id="one battery twice",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bind = "B1"\nrole = "master"'),
            "site.toml:9: source.role: expected battery or meter, came 'master'",
            id="role",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bind = "B1"\nrole = "meter"'),
            "site.toml:4: source: a: a meter is no battery; leave out bind and create, or its role",
            id="meter with a battery",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more='bind = "B1"\nbus = 1'),
            "site.toml:9: source.bus: expected a name",
            id="bus",
        ),
        pytest.param(
            HEAD + source("a", "tcp:h:1", more="create = {category = [1]}"),
            "site.toml:8: source.create.category: expected a text or number, came [1]",
            id="fact",
        ),
        pytest.param("[site\n", "not TOML", id="no toml"),
    ],
)
def test_a_fault_is_told_with_key_and_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SiteRefused) as refused:
        read_site(write(tmp_path, text))
    assert sentence in str(refused.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SiteRefused) as refused:
        read_site(write(tmp_path, HEAD + source("a", "tcp:h", "xyz", more="interval_s = 0")))
    assert len(str(refused.value).splitlines()) == 4


def test_the_example_of_the_docs_is_fine() -> None:
    site = read_site(Path(__file__).parents[2] / "docs" / "site.example.toml")
    assert [one.source for one in site.devices] == [
        "yard/bank",
        "yard/inverter",
        "yard/cellar/2",
        "yard/cellar/18",
        "yard/scooter",
        "yard/portal",
        "yard/cloud",
    ]


def test_a_check_opens_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + source("a", "serial:/dev/does-not-exist"))
    result = CliRunner().invoke(command, [str(path), "--check"], obj=House(tmp_path))
    assert result.exit_code == 0
    assert result.output.startswith("yard: 1 device on 1 line; the file is fine")
    result = CliRunner().invoke(command, [str(tmp_path / "no.toml"), "--check"], obj=House(tmp_path))
    assert result.exit_code == 2
    assert "no.toml' does not exist" in result.output


# Lines


class Pipe:
    """A line that counts who talks on it at once."""

    address = "tcp:h:1"

    def __init__(self):
        self.closed = 0
        self.broken = False

    def send(self, data):
        if self.broken:
            raise TransportFailed("gone")

    def receive(self, timeout_s):
        return b"x"

    def discard(self):
        pass

    def close(self):
        self.closed += 1


def test_a_shared_line_is_opened_once_and_closed_by_the_last() -> None:
    address, pipes = parse_address("tcp:h:1"), []
    shared = SharedLine(address, lambda _: pipes.append(Pipe()) or pipes[-1])
    one, other = shared.open(address), shared.open(address)
    one.close()
    one.close()
    assert (len(pipes), pipes[0].closed) == (1, 0)
    assert other.receive(0) == b"x"
    other.close()
    assert pipes[0].closed == 1


def test_a_line_that_broke_is_lost_for_all_and_opened_anew_once() -> None:
    address, pipes = parse_address("tcp:h:1"), []
    shared = SharedLine(address, lambda _: pipes.append(Pipe()) or pipes[-1])
    one, other = shared.open(address), shared.open(address)
    pipes[0].broken = True
    with pytest.raises(TransportFailed):
        one.send(b"?")
    with pytest.raises(TransportFailed, match="the line was lost"):
        other.receive(0)
    one.close()
    other.close()
    again, too = shared.open(address), shared.open(address)
    assert len(pipes) == 2
    again.close()
    assert pipes[1].closed == 0
    assert too.receive(0) == b"x"


def test_a_port_at_two_speeds_is_one_port() -> None:
    slow, fast = parse_address("serial:/dev/x?baud=9600"), parse_address("serial:/dev/x?baud=115200")
    elsewhere = parse_address("tcp:h:1")
    lines = shared_lines([slow, fast, elsewhere])
    assert lines[slow] is lines[fast]
    assert lines[slow] is not lines[elsewhere]


def test_turns_are_taken_in_order_and_one_at_a_time() -> None:
    turns, order, talking = Turns(), [], []
    entered = threading.Barrier(2)

    def talk(name: int) -> None:
        with turns.turn():
            talking.append(name)
            assert len(talking) == 1
            order.append(name)
            talking.remove(name)

    with turns.turn():
        threads = []
        for name in range(5):
            threads.append(threading.Thread(target=talk, args=(name,)))
            threads[-1].start()
            while turns._next < name + 2:
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    del entered


# Evidence


def test_frames_are_kept_in_files_that_decode_reads(tmp_path: Path) -> None:
    log = FrameLog(tmp_path, "yard/scooter", lambda: NOON, largest_bytes=2_000, most_files=3)
    protocol = watched(jbd.PROTOCOL, log)
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    for _ in range(40):
        for request in protocol.poll():
            protocol.permit(request)
            framer = protocol.framer()
            (frame,) = framer.feed(device.hear(request))
            assert protocol.decoder().decode(frame, request=request)
    files = sorted(tmp_path.glob("yard-scooter.*.json"))
    assert len(files) == 3
    for path in files:
        found = list(read_capture(path, jbd.PROTOCOL))
        assert len(found) > 5
        assert all(isinstance(one, Decoded) and one.at == NOON for one in found)
    log.close()


def test_evidence_is_redacted_and_damaged_frames_of_a_secretive_protocol_are_left_out(tmp_path: Path) -> None:
    class Secretive(type(jbd.PROTOCOL)):
        name = "secretive"

        def redact(self, raw):
            return raw.replace(b"1234", b"\x00\x00\x00\x00")

    log = FrameLog(tmp_path, "d", lambda: NOON)
    protocol = watched(Secretive(), log)
    answer = jbd.encode_reply(jbd.PRODUCT, b"PIN1234")
    protocol.framer().feed(answer)
    protocol.framer().feed(answer[:-3] + b"\x00\x00" + answer[-1:])
    log.close()
    (path,) = tmp_path.glob("*.json")
    assert b"1234".hex() not in path.read_text()
    assert len(json.loads(path.read_text())["frames"]) == 1


def test_frames_of_a_bus_are_kept_with_those_that_nobody_reads(tmp_path: Path) -> None:
    log = FrameLog(tmp_path, "yard/bus", lambda: NOON)
    plain = find("can-pylontech")
    protocol = watched(plain, log)
    assert isinstance(protocol, type(plain))
    framer = protocol.framer()
    # Voltage, current and temperature; a share; a frame of 29 bits of somebody else, cut in two.
    lines = (
        b"(1795176000.000000) can0 356#1A14D2FFE600\n"
        b"(1795176000.010000) can0 355#47006300\n"
        b"(1795176000.020000) can0 18FF50E5#0102030405060708\n"
    )
    found = framer.feed(lines[:60]) + framer.feed(lines[60:])
    log.close()
    (path,) = tmp_path.glob("yard-bus.*.json")
    kept = json.loads(path.read_text())["frames"]
    assert [(one["dir"], one["id"], one["hex"]) for one in kept] == [
        ("bus", "356", "1a14d2ffe600"),
        ("bus", "355", "47006300"),
        ("bus", "18FF50E5", "0102030405060708"),
    ]
    again = [one for one in read_capture(path, plain) if isinstance(one, Decoded)]
    heard = [reading for one in found for reading in plain.decode(one)]
    assert [(r.quantity, r.value) for one in again for r in one.readings] == [
        (r.quantity, r.value) for r in heard
    ]
    assert ("voltage", Decimal("51.46")) in [(r.quantity, r.value) for r in heard]


@pytest.mark.parametrize("protocol", [jbd.PROTOCOL, pylontech.PROTOCOL])
def test_a_watched_protocol_is_the_protocol(tmp_path: Path, protocol: Protocol) -> None:
    seen = watched(protocol, FrameLog(tmp_path, "d", lambda: NOON))
    assert isinstance(seen, type(protocol))
    assert (seen.name, seen.poll(), seen.carrier) == (protocol.name, protocol.poll(), protocol.carrier)


# The run


class Run:
    """A site that runs until a condition holds."""

    def __init__(self, folder: Path, text: str):
        self.house = House(folder)
        self.house.batteries.known += ["B1", "B2", "B3", "B4", "B5"]
        self.ending = threading.Event()
        self.site = SiteRun(
            read_site(write(folder, text)),
            self.house,
            self.ending,
            monotonic=time.monotonic,
            pace=QUICK,
            back_off=BackOff(jitter=lambda: 0.0, first_s=0.02, most_s=0.05),
        )

    def until(self, holds) -> None:
        self.site.settle()
        deadline = time.monotonic() + 20

        def watch() -> None:
            if holds(self.site.statuses) or time.monotonic() > deadline:
                self.ending.set()
            self.ending.wait(0.01)

        self.site.run(watch)
        assert holds(self.site.statuses)


def rows(status) -> int:
    return sum(status.rows.values())


def test_one_failing_source_does_not_stop_the_others(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    with serve_tcp(JbdDevice(pack)) as fine, serve_tcp(JbdDevice(pack)) as foreign:
        text = (
            HEAD
            + source("fine", fine)
            + source("nobody", "tcp:127.0.0.1:9", more='bind = "B2"')
            + source("foreign", foreign, "pylontech-rs485", more='bind = "B3"')
        )
        run = Run(tmp_path, text)
        run.until(lambda all_: rows(all_[0]) >= 6 and all_[1].starts > 2 and all_[2].starts > 1)
    good, nobody, foreign_status = run.site.statuses
    assert "nobody listens on this port" in nobody.reason
    assert "nothing answered" in foreign_status.reason or "no answer of" in foreign_status.reason
    assert (good.starts, good.state) == (1, State.ENDED)
    assert sum(chunk.samples.__len__() for chunk in run.house.rows("B1")) == rows(good)
    assert run.house.rows("B2") == []


def test_a_source_that_comes_back_is_read_again(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    with serve_tcp(JbdDevice(pack)) as address:
        port = int(address.rpartition(":")[2])
    run = Run(tmp_path, HEAD + source("late", address))
    holder: dict[str, object] = {}

    def holds(all_) -> bool:
        if all_[0].state is State.WAITING and "line" not in holder:
            holder["line"] = serve_tcp(JbdDevice(pack), port=port)
            holder["line"].__enter__()
        return rows(all_[0]) >= 2

    try:
        run.until(holds)
    finally:
        if "line" in holder:
            holder["line"].__exit__(None, None, None)
    assert run.site.statuses[0].reason == ""
    assert run.site.statuses[0].starts >= 2


def test_another_device_on_a_line_stops_that_source_alone(tmp_path: Path) -> None:
    first = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=1))])
    second = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=2))])
    with serve_tcp(first) as one, serve_tcp(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))) as two:
        text = HEAD + source("bank", one, "pylontech-rs485") + source("other", two, more='bind = "B2"')
        run = Run(tmp_path, text)
        # The exchanged module answers under the same address with another serial number.
        gateway_of = run.site._gateway

        def always_asked(status, protocol):
            gateway = gateway_of(status, protocol)
            cycle = gateway._cycle
            gateway._cycle = lambda line, *, with_identity: cycle(line, with_identity=True)
            return gateway

        run.site._gateway = always_asked

        def holds(all_) -> bool:
            if rows(all_[0]) >= 2:
                first.modules = second.modules
            return all_[0].state is State.STOPPED and rows(all_[1]) >= 2

        run.until(holds)
    assert "was it exchanged?" in run.site.statuses[0].reason
    assert run.site.statuses[1].state is State.ENDED


def test_devices_on_one_line_take_turns(tmp_path: Path) -> None:
    packs = [LivePack(PackSpec("LFP", 15, 50.0, seed=n)) for n in (1, 2, 3)]
    with serve_tcp(PylontechBank(packs)) as address:
        more = "bus_addresses = [2, 3, 4]\n" + "\n".join(f'bind."address/{n}" = "B{n}"' for n in (2, 3, 4))
        run = Run(tmp_path, HEAD + source("bank", address, "pylontech-rs485", more=more))
        run.until(lambda all_: all(rows(one) >= 4 for one in all_))
    assert [one.starts for one in run.site.statuses] == [1, 1, 1]
    assert sum(sum(one.refused.values()) for one in run.site.statuses) == 0
    sources = Counter(one.device.source for one in run.site.statuses)
    assert sources == {"yard/bank/2": 1, "yard/bank/3": 1, "yard/bank/4": 1}


def test_what_was_made_once_is_found_again(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    with serve_tcp(JbdDevice(pack)) as address:
        text = HEAD + source("scooter", address, more='create = {category = "lmt"}')
        run = Run(tmp_path, text)
        run.until(lambda all_: rows(all_[0]) >= 2)
        made = dict(run.site.statuses[0].batteries)
        again = SiteRun(
            read_site(tmp_path / "site.toml"), run.house, threading.Event(), monotonic=time.monotonic
        )
        again.settle()
    assert again.statuses[0].batteries == made
    assert len(run.house.batteries.facts) == 1


def test_an_unknown_battery_is_told_with_its_line(tmp_path: Path) -> None:
    run = Run(tmp_path, HEAD + source("a", "tcp:127.0.0.1:9", more='bind = "NO-SUCH"'))
    with pytest.raises(SiteRefused, match="line 8: a: no battery is known under 'NO-SUCH'"):
        run.site.settle()


# Commissioning while it runs


class Rules:
    """Commissions anew as soon as a condition holds, once."""

    def __init__(self, run: Run):
        self.run, self.done = run, False

    def once(self, holds: bool, act) -> None:
        if holds and not self.done:
            self.done = True
            act(self.run.house.batteries)
            self.run.site.look()


def test_a_stopped_device_goes_on_as_it_was_commissioned_anew(tmp_path: Path) -> None:
    first = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=1))])
    second = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=2))])
    with serve_tcp(first) as one, serve_tcp(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))) as two:
        text = HEAD + source("bank", one, "pylontech-rs485") + source("other", two, more='bind = "B2"')
        run = Run(tmp_path, text)
        rules, gateway_of = Rules(run), run.site._gateway

        def always_asked(status, protocol):
            gateway = gateway_of(status, protocol)
            cycle = gateway._cycle
            gateway._cycle = lambda line, *, with_identity: cycle(line, with_identity=True)
            return gateway

        run.site._gateway = always_asked

        def exchange(batteries) -> None:
            batteries.release("yard/bank")
            batteries.bind(None, battery="B3", source="yard/bank", component=None, at=datetime.now(UTC))

        def holds(all_) -> bool:
            if rows(all_[0]) >= 2:
                first.modules = second.modules
            rules.once(all_[0].state is State.STOPPED, exchange)
            return all_[0].rows["B3"] >= 2

        run.until(holds)
    status = run.site.statuses[0]
    assert (status.starts, status.state, status.reason) == (2, State.ENDED, "")
    volts = {battery: set(run.house.values(battery, "serial_number")) for battery in ("B1", "B3")}
    assert not volts["B1"] & volts["B3"]


def test_a_frozen_binding_is_lifted_while_the_run_goes_on(tmp_path: Path) -> None:
    bank = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=n)) for n in (1, 2)])
    with serve_tcp(bank) as one, serve_tcp(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))) as two:
        text = (
            HEAD
            + source("bank", one, "pylontech-rs485", more='bind = {"module/1" = "B1", "module/2" = "B2"}')
            + source("other", two, more='bind = "B3"')
        )
        run = Run(tmp_path, text)
        run.site.settle()
        # Module 1 answers with another number than was commissioned; module 2 is never asked for its own.
        run.site._memories["yard/bank"].expected = {"module/1": "H999999999999999"}
        run.site.settle = lambda: None
        rules = Rules(run)

        def recommission(batteries) -> None:
            assert run.house.rows("B1") == run.house.rows("B2") == [], "kept aside so far"
            batteries.release("yard/bank", "module/1")
            batteries.bind(None, battery="B1", source="yard/bank", component="module/1", at=datetime.now(UTC))

        def holds(all_) -> bool:
            rules.once(all_[0]._with("unbound")["module/1, kept aside: slot_shift"] > 0, recommission)
            return all_[0].rows["B1"] >= 2 and all_[0].rows["B2"] >= 2 and rows(all_[1]) >= 2

        run.until(holds)
    status = run.site.statuses[0]
    assert status.starts == 1
    assert status.unbound["module/2, kept aside: slot_shift"] > 0


def test_a_part_that_was_released_goes_to_nobody_from_then_on(tmp_path: Path) -> None:
    with serve_tcp(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))) as address:
        run = Run(tmp_path, HEAD + source("scooter", address))
        rules = Rules(run)

        def holds(all_) -> bool:
            rules.once(rows(all_[0]) >= 2, lambda batteries: batteries.release("yard/scooter"))
            return bool(all_[0]._with("unbound"))

        run.until(holds)
    assert run.site.statuses[0].batteries == {}
    assert run.site.statuses[0].unbound.keys() == {"the whole device"}


def test_what_a_feed_tells_of_days_before_its_commissioning_is_doubted(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        '[time]\nat = "/ts"\nform = "unix"\n[[row]]\nat = "/u"\nquantity = "voltage"\n'
    )
    run = Run(tmp_path, HEAD + source("portal", "http://127.0.0.1:9/", "json:map.toml"))
    before = datetime.now(UTC)
    run.site.settle()
    memory = run.site._memories["yard/portal"]
    for age, doubts in ((timedelta(days=2), ("before_installation",)), (timedelta(minutes=5), ())):
        told = Reading("voltage", Decimal(52), measured_at=before - age)
        (doubted,) = doubt([told], memory, at=before - age)
        assert doubted.doubts == doubts


def test_what_measures_the_bus_is_heard_and_stored_for_nobody(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    with serve_tcp(JbdDevice(pack)) as one, serve_tcp(JbdDevice(pack)) as two:
        meter = 'role = "meter"\nbus = "cellar"'
        text = (
            HEAD + source("pack", one, more='bind = "B1"\nbus = "cellar"') + source("shunt", two, more=meter)
        )
        run = Run(tmp_path, text)
        run.until(lambda all_: rows(all_[0]) >= 2 and all_[1].last_at is not None)
    described = run.site._watch.memory.described
    assert [(one.role.value, one.bus) for one in described.values()] == [
        ("battery", "cellar"),
        ("meter", "cellar"),
    ]
    assert rows(run.site.statuses[1]) == 0
    assert run.site.statuses[1].last[""]["voltage"].value == run.site.statuses[0].last["B1"]["voltage"].value


# The command


def test_the_command_stores_and_tells(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    house = House(tmp_path)
    with serve_tcp(JbdDevice(pack)) as address:
        path = write(tmp_path, HEAD + source("scooter", address, more='create = {category = "lmt"}'))
        result = CliRunner().invoke(command, [str(path), "--for", "1.2"], obj=house)
    assert result.exit_code == 0, result.output
    assert "yard/scooter as a whole is NEW0" in result.stderr
    assert "yard/scooter polling" in result.stderr
    assert result.stdout.startswith("yard/scooter: ")
    assert house.refreshed == ["NEW0"]


def test_a_site_where_nothing_answers_ends_with_three(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + source("a", "tcp:127.0.0.1:9", more='create = {category = "lmt"}'))
    result = CliRunner().invoke(command, [str(path), "--for", "0.3", "--json"], obj=House(tmp_path))
    assert result.exit_code == 3
    (told,) = json.loads(result.stdout)["sources"]
    assert told["state"] == "ended"
    assert "nobody listens" in told["reason"]


def test_the_table_shows_values_doubts_and_reasons(tmp_path: Path) -> None:
    pack = LivePack(PackSpec("NMC", 10, 14.0, seed=7))
    with serve_tcp(JbdDevice(pack)) as address:
        text = HEAD + source("scooter", address) + source("gone", "tcp:127.0.0.1:9", more='bind = "B2"')
        run = Run(tmp_path, text)
        run.until(lambda all_: rows(all_[0]) >= 4 and all_[1].reason)
    text = drawn(run, 240)
    volts = run.site.statuses[0].last["B1"]["voltage"].value
    assert isinstance(volts, Decimal)
    assert f"{volts:f}" in text
    assert "health %" in text
    assert "nobody listens on this port" in text
    # At the width of a plain terminal: names whole, values whole, a reason on one line below.
    lines = drawn(run, 80).splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if line.lstrip().startswith("scooter")]
    assert f"{volts:f}" in row
    assert "ended" in row
    assert not any("yard" in line or "health %" in line for line in lines)
    (reason,) = [line for line in lines if line.startswith("gone: ")]
    assert "127.0.0.1:9" in reason


def drawn(run, width: int) -> str:
    """What a terminal so wide shows."""
    from rich.console import Console

    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view(run.site.statuses, datetime.now(UTC) + timedelta(seconds=2), width))
    return console.export_text()


def test_without_a_terminal_what_a_device_is_at_is_told_once(tmp_path: Path, capfd) -> None:
    path = write(tmp_path, HEAD + source("gone", "tcp:127.0.0.1:9", more='create = {category = "lmt"}'))
    result = CliRunner().invoke(command, [str(path), "--for", "0.4"], obj=House(tmp_path))
    said = result.stderr + capfd.readouterr().err
    assert said.count("waiting: ") == 1


def test_totals_of_a_bank_whose_modules_are_bound_are_no_loss(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + source("bank", "tcp:127.0.0.1:9", more='bind = "B1"'))
    (device,) = read_site(path).devices
    status = Status(device, {"module/1": "B1"}, State.ENDED, rows=Counter(B1=1))
    status.unbound = Counter({"the whole device": 506})
    assert list(_ended([status])) == [
        "yard/bank: 1 row of 1 battery stored",
        "  totals of the whole device, which no battery is bound to: 506 readings",
    ]
