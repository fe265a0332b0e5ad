"""Simulated devices answer as recorded ones do, obey no write, and live through bad lines."""

import json
import os
import socket
from datetime import date
from decimal import Decimal

import pytest

from ingest.commands.simulate import KINDS, usual_seed
from ingest.frames import crc16_modbus
from ingest.protocol import Frame, discover
from ingest.protocols import greenway, jbd, jbd_up16s, ninebot, seplos_v2
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.greenway import GreenwayDevice
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.jbd_up16s import JbdUpBank
from ingest.simulators.live import LivePack
from ingest.simulators.ninebot import NinebotDevice
from ingest.simulators.pack import PackSpec, Protection, cell_voltages, step
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.seplos_v2 import SeplosDevice
from ingest.simulators.serve import BadLine, serve_pty, serve_tcp

BIKE = PackSpec("NMC", 10, 14.0, seed=7)
MODULE = PackSpec("LFP", 15, 50.0, seed=7)


def board(spec: PackSpec = BIKE) -> JbdDevice:
    return JbdDevice(LivePack(spec))


def bank(count: int = 3) -> PylontechBank:
    return PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=seed)) for seed in range(count)])


def readings(protocol, answer, request):
    (frame,) = protocol.framer().feed(answer)
    assert isinstance(frame, Frame)
    return {(r.component, r.quantity, r.index): r.value for r in protocol.decode(frame, request=request)}


# Bytes


def test_the_builders_of_the_jbd_simulator_write_the_recorded_frames(shared):
    recorded = json.loads(shared("captures/aiobmsble/jbd-4s.capture.json").read_text())["exchanges"]
    # The values as another program read them from the recording.
    basic = jbd.encode_basic(
        voltage=Decimal("15.6"),
        current=Decimal("-2.87"),
        remaining=Decimal("4.98"),
        nominal=Decimal(5),
        cycles=42,
        made_on=date(2022, 3, 28),
        state_of_charge=100,
        cell_count=4,
        temperatures=[Decimal("22.4"), Decimal("22.3"), Decimal("21.7")],
        software=(8, 0),
    )
    assert jbd.encode_reply(jbd.BASIC, basic).hex() == recorded[0]["rx"]
    cells = jbd.encode_cells([Decimal(volt) for volt in ("3.43", "3.425", "3.432", "3.417")])
    assert recorded[1]["rx"].endswith(jbd.encode_reply(jbd.CELLS, cells).hex())


def test_the_builders_of_the_pylontech_simulator_write_the_recorded_frame(shared):
    recorded = shared("captures/pylontech-rs485/us2000-x3-analog.txt").read_bytes().strip()
    expected = json.loads(
        shared("captures/pylontech-rs485/us2000-x3-analog.expected.json").read_text(), parse_float=Decimal
    )["expected"]
    modules = [
        pylontech.Module(
            cells=module["CellVoltages"],
            board=module["AverageBMSTemperature"],
            temperatures=module["GroupedCellsTemperatures"],
            current=module["Current"],
            voltage=module["Voltage"],
            remaining=module["RemainingCapacity"],
            total=module["TotalCapacity"],
            cycles=module["CycleNumber"],
        )
        for module in expected["Module"]
    ]
    assert pylontech.encode_reply(pylontech.encode_analog(modules, flags=0x11)).strip() == recorded


def test_a_jbd_board_tells_its_packs_state():
    device = board()
    device.advance(600)
    (request, _) = jbd.PROTOCOL.poll()
    told = readings(jbd.PROTOCOL, device.hear(request), request)
    state, spec = device.pack.state, device.pack.spec
    assert told[None, "voltage", None] == round(Decimal(float(cell_voltages(spec, state).sum())), 2)
    assert told[None, "current", None] == round(Decimal(state.current_a), 2)
    assert state.current_a < 0
    assert told[None, "cell_count", None] == 10
    assert told[None, "nameplate_capacity", None] == 14
    assert told[None, "charging_enabled", None] is True
    assert told[None, "cell_temperature", 3] == pytest.approx(21, abs=3)


def test_a_jbd_board_tells_cells_product_and_counters():
    device = board()
    device.pack.state = step(BIKE, device.pack.state, 10, -200.0, 21.0)
    told = {}
    for request in (*jbd.PROTOCOL.poll(), *jbd.PROTOCOL.identify()):
        (frame,) = jbd.PROTOCOL.framer().feed(device.hear(request))
        for reading in jbd.PROTOCOL.decode(frame, request=request):
            told[reading.quantity, reading.index, reading.kind] = reading.value
    assert told["model", None, None] == "SIMULATED-JBD"
    assert told["event_count", None, "discharge_over_current"] == 1
    assert told["protection", None, None] == "discharge_over_current"
    cells = [told["cell_voltage", number, None] for number in range(1, 11)]
    assert sum(cells) == pytest.approx(told["voltage", None, None], abs=Decimal("0.02"))


def test_a_large_pack_counts_in_coarse_steps_instead_of_overflowing():
    device = board(PackSpec("LFP", 16, 560.0))
    device.pack.state = step(device.pack.spec, device.pack.state, 5, -400.0, 21.0)
    request = jbd.PROTOCOL.request("basic")
    told = readings(jbd.PROTOCOL, device.hear(request), request)
    assert told[None, "current", None] == -400
    assert told[None, "nameplate_capacity", None] == 560


def test_a_bank_answers_as_a_whole_and_each_module_alone():
    device = bank()
    whole = pylontech.PROTOCOL.request("analog")
    told = readings(pylontech.PROTOCOL, device.hear(whole), whole)
    assert told[None, "module_count", None] == 3
    assert {part for part, _, _ in told} == {None, "module/1", "module/2", "module/3"}
    one = pylontech.PROTOCOL.request("analog", 3)
    alone = readings(pylontech.PROTOCOL, device.hear(one), one)
    assert alone == {key: value for key, value in told.items() if key[0] == "module/2"}
    serial = pylontech.PROTOCOL.request("serial", 4)
    assert readings(pylontech.PROTOCOL, device.hear(serial), serial) == {
        ("module/3", "serial_number", None): "SIM0000000000002"
    }


def test_a_banks_alarms_name_the_modules_condition():
    device = bank(2)
    second = device.modules[1]
    second.state = step(second.spec, second.state, 4 * 3600, -20.0, 21.0)
    assert Protection.CELL_UNDER_VOLTAGE in second.state.protections
    request = pylontech.PROTOCOL.request("alarms")
    told = readings(pylontech.PROTOCOL, device.hear(request), request)
    assert told["module/2", "protection", None] == "cell_under_voltage"
    assert told["module/2", "discharging_enabled", None] is False
    assert told["module/1", "discharging_enabled", None] is True


def test_modules_of_a_bank_share_the_current():
    device = bank(3)
    device.advance(300)
    assert len({module.state.current_a for module in device.modules}) == 1
    assert device.modules[0].state.current_a != 0


@pytest.mark.parametrize(
    ("requests", "make"),
    [
        (jbd.PROTOCOL, board),
        (pylontech.PROTOCOL, bank),
        (seplos_v2.PROTOCOL, lambda: SeplosDevice(LivePack(PackSpec("LFP", 16, 100.0, seed=7)))),
        (greenway.PROTOCOL, lambda: GreenwayDevice(LivePack(PackSpec("NMC", 20, 38.0, seed=7)))),
        (ninebot.PROTOCOL, lambda: NinebotDevice(LivePack(BIKE))),
        (jbd_up16s.PROTOCOL, lambda: JbdUpBank([LivePack(PackSpec("LFP", 16, 100.0, seed=7))])),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_every_request_of_the_allow_list_is_answered_with_a_sound_frame(requests, make):
    device = make()
    for row in requests.requests:
        request = requests.request(row.name)
        (frame,) = requests.framer().feed(device.hear(request))
        assert frame.status == 0
        # Only the answer about the version says all in its head.
        assert requests.decode(frame, request=request) or row.name == "version"
    assert not device.refused


def test_two_kinds_in_one_site_have_other_serial_numbers():
    # A bank has up to twelve modules, each with a seed of its own.
    seeds = [usual_seed(name) + module for name in KINDS for module in range(12)]
    assert len(set(seeds)) == 12 * len(KINDS)


def test_a_simulator_is_named_as_its_protocol():
    assert set(KINDS) <= set(discover())


# Writes


@pytest.mark.parametrize(
    "write",
    [
        "dd5ae10200031a",  # switch the transistors off; checksum filled in below
        "dd5a0a0201000000",  # charge low into a register
        "dda5e100ff1f77",  # a register that nobody may read
    ],
)
def test_a_jbd_board_obeys_no_write(write):
    raw = bytes.fromhex(write)
    body = raw[2:4] + bytes(raw[3])
    request = raw[:2] + body + (-sum(body) & 0xFFFF).to_bytes(2, "big") + b"\x77"
    device = board()
    before = device.pack.state
    answer = device.hear(request)
    assert answer[2] == 0x80
    assert device.refused == [request]
    assert device.pack.state is before


def test_the_builders_of_the_greenway_simulator_write_the_recorded_frames(shared):
    case = json.loads(
        shared("captures-community/greenway/ble-20s-light-ev.json").read_text(), parse_float=Decimal
    )
    recorded = {frame["parameter"]: frame["hex"] for frame in case["frames"]}
    extremes = case["expected"]["lifetime_extremes"]
    history = greenway.encode_history(
        {
            "lifetime_current_min": extremes["max_discharge_current_a"],
            "lifetime_current_max": extremes["max_charge_current_a"],
            "lifetime_cell_voltage_max": extremes["max_cell_voltage_v"],
            "lifetime_cell_voltage_min": extremes["min_cell_voltage_v"],
            "lifetime_temperature_max": Decimal(extremes["max_temperature_c"]),
            "lifetime_temperature_min": Decimal(extremes["min_temperature_c"]),
        }
    )
    assert greenway.encode_reply(greenway.HISTORY, history).hex() == recorded[38]
    volts = list(case["expected"]["cell_voltages_v"].values())
    for parameter, block in ((greenway.CELLS_LOW, volts[:16]), (greenway.CELLS_HIGH, volts[16:])):
        assert greenway.encode_reply(parameter, greenway.encode_cells(block)).hex() == recorded[parameter]
    made_on = greenway.encode_date(date.fromisoformat(case["expected"]["manufacture_date"]))
    assert greenway.encode_reply(greenway.MADE_ON, made_on + b"\x00").hex() == recorded[27]


def test_a_greenway_battery_says_what_its_pack_is():
    device = GreenwayDevice(LivePack(PackSpec("NMC", 20, 38.0, seed=7)))
    device.advance(600)
    told = {}
    for request in greenway.PROTOCOL.poll() + greenway.PROTOCOL.identify():
        told |= readings(greenway.PROTOCOL, device.hear(request), request)
    volts = cell_voltages(device.pack.spec, device.pack.state)
    assert told[None, "cell_count", None] == 20
    assert abs(float(told[None, "voltage", None]) - volts.sum()) < 0.001
    assert abs(float(told[None, "cell_voltage", 20]) - volts[19]) < 0.001
    assert abs(float(told[None, "current", None]) - device.pack.state.current_a) < 0.001
    assert told[None, "lifetime_current_min", None] <= told[None, "current", None] < 0
    assert told[None, "nameplate_capacity", None] == 38
    assert told[None, "serial_number", None] == "SIM26030200007"


def test_a_greenway_battery_is_silent_to_what_may_not_be_asked():
    device = GreenwayDevice(LivePack(BIKE))
    request = greenway.encode_request(160, 16)
    assert device.hear(request) == b""
    assert device.refused == [request]


def test_the_builders_of_the_ninebot_simulator_write_the_recorded_frames(shared):
    case = json.loads(
        shared("captures-community/ninebot/m365-runtime-85pct.json").read_text(), parse_float=Decimal
    )
    expected = case["expected"]
    numbers = dict.fromkeys((field.quantity for field in ninebot.FIELDS), Decimal(0))
    numbers |= {
        "remaining_charge": expected["remaining_capacity_ah"],
        "state_of_charge": Decimal(expected["soc_pct"]),
        "voltage": expected["pack_voltage_v"],
    }
    file = ninebot.encode_registers(
        serial="",
        version=(0, 0, 0),
        made_on=date(2020, 1, 1),
        numbers=numbers,
        current=expected["current_a"],
        temperatures=[Decimal(degree) for degree in expected["temperatures_c"].values()],
        cells=[],
        charging=False,
    )
    answer = ninebot.encode_reply(0x31, file[2 * 0x31 : 2 * 0x36])
    assert answer.hex() == case["frames"][0]["hex"]


def test_a_scooter_s_battery_says_what_its_pack_is():
    device = NinebotDevice(LivePack(BIKE, state_of_charge=0.205))
    device.advance(1800)  # the charger is at work by now
    told = {}
    for request in ninebot.PROTOCOL.poll() + ninebot.PROTOCOL.identify():
        told |= readings(ninebot.PROTOCOL, device.hear(request), request)
    assert told[None, "cell_count", None] == 10
    assert told[None, "charging", None] is True
    assert told[None, "event_count", None] == 1
    assert abs(float(told[None, "current", None]) - device.pack.state.current_a) < 0.01
    volts = cell_voltages(device.pack.spec, device.pack.state)
    assert abs(float(told[None, "voltage", None]) - volts.sum()) < 0.01
    assert told[None, "manufacture_date", None] == "2026-03-02"


def test_a_scooter_s_battery_obeys_no_write():
    device = NinebotDevice(LivePack(BIKE))
    write = bytes.fromhex("55aa0422037901005cff")  # switch off
    assert device.hear(write) == b""
    assert device.refused == [write]


def test_the_builders_of_the_jbd_up_simulator_write_the_recorded_frame(shared):
    case = json.loads(shared("captures-community/jbd/up16s020-addr1.json").read_text(), parse_float=Decimal)
    recorded = bytes.fromhex(case["frames"][0]["hex"])
    (frame,) = jbd_up16s.PROTOCOL.framer().feed(recorded)
    told = {
        (r.quantity, r.index): r.value
        for r in jbd_up16s.PROTOCOL.decode(frame)
        if isinstance(r.value, Decimal)
    }
    expected = case["expected"]
    state = jbd_up16s.State(
        numbers={quantity: value for (quantity, index), value in told.items() if index is None},
        cells=[told["cell_voltage", place] for place in range(1, expected["cell_count"] + 1)],
        temperatures=list(expected["temperatures_c"].values()),
        software=(12, 4),
        model="JBD48100000",
    )
    written = jbd_up16s.encode_state(state)
    unread = {*range(2, 4), 14, 15, *range(34, 36)}
    assert len(written) <= len(frame.payload)
    assert [at for at, byte in enumerate(written) if byte != frame.payload[at] and at not in unread] == []


def test_packs_of_a_jbd_up_bus_answer_at_their_addresses():
    device = JbdUpBank([LivePack(PackSpec("LFP", 16, 100.0, seed=seed)) for seed in (1, 2)])
    device.advance(600)
    for number, pack in enumerate(device.modules, 1):
        request = jbd_up16s.PROTOCOL.request("state", number)
        told = readings(jbd_up16s.PROTOCOL, device.hear(request), request)
        part = f"module/{number}"
        volts = cell_voltages(pack.spec, pack.state)
        assert abs(float(told[part, "voltage", None]) - volts.sum()) <= 0.005
        assert abs(float(told[part, "cell_voltage", 16]) - volts[15]) <= 0.0005
        assert abs(float(told[part, "current", None]) - pack.state.current_a) <= 0.005
        assert told[part, "charging", None] is (pack.state.current_a > 0)
    assert device.hear(jbd_up16s.PROTOCOL.request("state", 3)) == b""


def test_a_jbd_up_bus_obeys_no_write():
    device = JbdUpBank([LivePack(PackSpec("LFP", 16, 100.0, seed=1))])
    body = bytes.fromhex("0179290229040006114a42440000")  # both switches off
    write = body + crc16_modbus(body).to_bytes(2, "little")
    assert device.hear(write) == b""
    assert device.refused == [write]


def test_a_bank_obeys_no_write():
    device = bank()
    request = pylontech.encode_request(0x95, info=b"\x02")  # switch the module off
    answer = device.hear(request)
    assert answer[:9] == b"~20024604"
    assert device.refused == [request]


def test_nobody_answers_for_an_address_that_is_not_there():
    assert bank(2).hear(pylontech.PROTOCOL.request("analog", 9)) == b""


# Life


def test_load_and_charger_take_turns_within_the_limits():
    pack = LivePack(MODULE)
    seen = set()
    for _ in range(24 * 6):
        pack.advance(600)
        seen.add((pack.state.current_a > 0) - (pack.state.current_a < 0))
        volts = cell_voltages(MODULE, pack.state)
        assert volts.min() >= 2.5
        assert volts.max() <= 3.66
        assert not pack.state.protections
    assert seen >= {-1, 1}


# Lines


def ask(address: str, request: bytes, expected: int) -> bytes:
    host, port = address.removeprefix("tcp:").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(request)
        return _read(lambda: line.recv(4096), expected)


def _read(more, expected: int) -> bytes:
    data = b""
    while len(data) < expected:
        piece = more()
        if not piece:
            break
        data += piece
    return data


def test_a_tcp_line_serves_one_caller_after_another():
    request = jbd.PROTOCOL.request("cells")
    with serve_tcp(board()) as address:
        for _ in range(3):
            assert ask(address, request, 27)[:4] == bytes.fromhex("dd040014")


def test_a_request_in_pieces_is_answered_once_whole():
    request = jbd.PROTOCOL.request("cells")
    with serve_tcp(board()) as address:
        host, port = address.removeprefix("tcp:").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(request[:3])
            line.sendall(request[3:])
            assert len(_read(lambda: line.recv(4096), 27)) == 27


def test_a_pseudo_terminal_is_raw_and_serves_again_after_it_was_closed():
    request = pylontech.PROTOCOL.request("analog")
    with serve_pty(bank(1)) as address:
        path = address.removeprefix("serial:").partition("?")[0]
        for _ in range(2):
            descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
            try:
                os.write(descriptor, request)
                answer = b""
                while not answer.endswith(b"\r"):
                    answer += os.read(descriptor, 4096)
            finally:
                os.close(descriptor)
            (frame,) = pylontech.PROTOCOL.framer().feed(answer)
            assert isinstance(frame, Frame)


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (BadLine(silence=1.0), lambda good, came: came == b""),
        (
            BadLine(noise=1.0),
            lambda good, came: (
                len(came) == len(good) and all(a != b for a, b in zip(good, came, strict=True))
            ),
        ),
        (BadLine(duplicate=1.0), lambda good, came: came == bytes(b for byte in good for b in (byte, byte))),
        (BadLine(truncate=1.0), lambda good, came: good.startswith(came) and len(came) < len(good)),
        (BadLine(garbage=1.0), lambda good, came: came.endswith(good) and len(came) > len(good)),
        (BadLine(hang_up_after=5), lambda good, came: came == good[:5]),
    ],
    ids=["silence", "noise", "duplicate", "truncate", "garbage", "hang up"],
)
def test_a_bad_line_is_bad_in_the_way_that_was_asked_for(bad, check):
    request = jbd.PROTOCOL.request("product")
    good = board().hear(request)
    with serve_tcp(board(), bad_line=bad) as address:
        host, port = address.removeprefix("tcp:").split(":")
        with socket.create_connection((host, int(port)), timeout=0.4) as line:
            line.sendall(request)
            came = b""
            try:
                while piece := line.recv(4096):
                    came += piece
            except TimeoutError:
                pass
    assert check(good, came)


def test_a_seplos_board_says_what_its_pack_is():
    device = SeplosDevice(LivePack(PackSpec("LFP", 16, 100.0, seed=7)))
    device.advance(600)
    told = {}
    for request in seplos_v2.PROTOCOL.poll():
        told |= readings(seplos_v2.PROTOCOL, device.hear(request), request)
    state, spec = device.pack.state, device.pack.spec
    assert told[None, "voltage", None] == round(Decimal(float(cell_voltages(spec, state).sum())), 2)
    assert told[None, "current", None] == round(Decimal(state.current_a), 2) < 0
    assert told[None, "nameplate_capacity", None] == 100
    assert told[None, "charging_enabled", None] is True
    radio = seplos_v2.PROTOCOL.request("single")
    same = readings(seplos_v2.PROTOCOL, device.hear(radio), radio)
    assert same.items() <= told.items()
