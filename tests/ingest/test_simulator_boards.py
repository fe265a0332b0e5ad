"""Simulated boards of JK, Daly and ANT: recorded bytes from other people's values, and their packs told."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from ingest.protocol import Damage, Frame, find
from ingest.protocols import ant, daly_a5, daly_d2, jk, jk_uart
from ingest.simulators.boards import AntDevice, DalyA5Device, DalyD2Device, JkDevice, JkUartDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages, state_of_charge

DEVICES = {
    "ant": AntDevice,
    "daly-a5": DalyA5Device,
    "daly-d2": DalyD2Device,
    "jk": JkDevice,
    "jk-uart": JkUartDevice,
}
PACK = PackSpec("LFP", 14, 100.0, seed=7)


def told(device, *, address=None):
    """Everything that a polling cycle and the questions after connecting bring."""
    protocol = find(device.protocol.name)
    decoder = protocol.decoder()
    out = []
    for request in protocol.poll(address) + protocol.identify(address):
        asked = protocol.permit(request)
        frames = [one for one in protocol.framer().feed(device.hear(request)) if isinstance(one, Frame)]
        assert frames
        assert all(protocol.answers(one, asked) for one in frames)
        for frame in frames:
            out += decoder.decode(frame, request=request)
    return out


def value(readings, quantity, index=None):
    return [r.value for r in readings if r.quantity == quantity and r.index == index][-1]


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("seconds", [0, 900])
def test_a_board_tells_its_packs_state(name, seconds):
    device = DEVICES[name](LivePack(PACK))
    device.advance(seconds)
    readings = told(device)
    state = device.pack.state
    volts = [round(Decimal(float(volt)), 3) for volt in cell_voltages(PACK, state)]
    assert [value(readings, "cell_voltage", n) for n in range(1, 15)] == volts
    assert value(readings, "voltage") == pytest.approx(sum(volts), abs=Decimal("0.06"))
    current = value(readings, "current")
    assert float(current) == pytest.approx(state.current_a, abs=0.06)
    assert not any("sign_unproven" in r.doubts for r in readings)
    assert float(value(readings, "state_of_charge")) == pytest.approx(100 * state_of_charge(state), abs=0.6)
    assert value(readings, "nameplate_capacity") == 100
    assert value(readings, "charging_enabled") is True
    assert value(readings, "cell_temperature", 2) == pytest.approx(21, abs=2)


@pytest.mark.parametrize("name", DEVICES)
def test_a_board_does_not_answer_a_write(name):
    device = DEVICES[name](LivePack(PACK))
    write = {
        "ant": ant.encode_request(0x41, 0x0000, 0),
        "daly-a5": daly_a5.encode(0xD9, b"\x01", address=daly_a5.HOST),
        "daly-d2": daly_d2.encode_request(daly_d2.UNIT, 0x00A6, 1),
        "jk": jk.encode_request(0x1D, b"\x01\x00\x00\x00"),
        "jk-uart": jk_uart.encode(b"\xab\x01", kind=0, command=0x02, source=3),
    }[name]
    assert device.hear(write) == b""
    assert device.refused == [write]


@pytest.mark.parametrize("name", DEVICES)
def test_a_board_says_how_many_cells_it_can_watch(name):
    with pytest.raises(ValueError, match="at most"):
        DEVICES[name](LivePack(replace(PACK, cells_in_series=49)))


def test_a_jk_board_on_rs485_is_a_module():
    readings = told(JkDevice(LivePack(PACK)), address=4)
    assert {r.component for r in readings} == {"module/4"}
    assert value(readings, "cell_count") == 14


def test_an_answer_of_another_address_is_not_taken():
    device = JkDevice(LivePack(PACK))
    acknowledgement = device.hear(jk.encode_bus_request(jk.BUS_CELLS, 3))[-8:]
    (frame,) = jk.PROTOCOL.framer().feed(acknowledgement)
    with pytest.raises(Damage, match="of address"):
        jk.PROTOCOL.decode(frame, request=jk.encode_bus_request(jk.BUS_CELLS, 4))


def test_the_builder_of_jk_writes_what_is_read_of_a_recorded_frame(shared):
    """Bytes that nobody reads are left out; every other one is the recorded one."""
    case = json.loads(shared("captures-community/jk/jk02-24s-v10.json").read_text(), parse_float=Decimal)
    recorded = bytes.fromhex(case["frames"][1]["hex"])
    expected = case["expected"]
    built = jk.encode_cells(
        generation=jk.Generation.CELLS_24,
        cells=list(expected["cell_voltages_v"].values()),
        voltage=expected["pack_voltage_v"],
        current=Decimal(expected["current_a"]),
        state_of_charge=int(expected["soc_pct"]),
        remaining=expected["remaining_capacity_ah"],
        learned=Decimal(expected["full_charge_capacity_ah"]),
        cycles=expected["cycle_count"],
        throughput=Decimal("13.561"),
        health=int(expected["soh_pct"]),
        running_s=expected["bms_runtime_s"],
        board=expected["mosfet_temperature_c"],
        temperatures=tuple(expected["temperatures_c"].values()),
        charging_enabled=expected["charge_fet_on"],
        discharging_enabled=expected["discharge_fet_on"],
        counter=recorded[5],
    )
    read = [*range(60), *range(118, 134), *range(134, 138), *range(140, 159), *range(162, 168)]
    assert [built[at] for at in read] == [recorded[at] for at in read]


def test_the_builder_of_daly_writes_recorded_frames(shared):
    recorded = json.loads(shared("captures-community/daly/a5-95-cells.json").read_text(), parse_float=Decimal)
    cells = daly_a5.encode_cells(list(recorded["expected"]["cell_voltages_v"].values()))
    frames = [bytes.fromhex(entry["hex"]) for entry in recorded["frames"]]
    # The reserved last byte is 40 on this board.
    assert [daly_a5.encode(daly_a5.CELLS, one)[:11] for one in cells] == [frame[:11] for frame in frames[:6]]
    totals = daly_a5.encode_totals(Decimal("53.2"), Decimal("2.1"), Decimal("88.8"))
    (entry,) = json.loads(shared("captures-community/daly/a5-90-soc.json").read_text())["frames"]
    assert daly_a5.encode(daly_a5.TOTALS, totals).hex() == entry["hex"]


def test_the_builder_of_ant_writes_a_recorded_frame(shared):
    (entry,) = json.loads(shared("captures-community/ant/16zm-device-info.json").read_text())["frames"]
    built = ant.encode_information("16ZM", "16ZMUB00-211026A", bytes.fromhex("ff0b0000"))
    assert built.hex() == entry["hex"]
