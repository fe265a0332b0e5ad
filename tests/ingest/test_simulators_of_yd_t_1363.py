"""Simulated packs of the YD/T 1363 family and TDT say what they are, and obey no write."""

from decimal import Decimal

import pytest

from ingest.protocol import Frame
from ingest.protocols import pace, tdt
from ingest.simulators.live import LivePack
from ingest.simulators.pace import PaceBank
from ingest.simulators.pack import PackSpec, cell_voltages
from ingest.simulators.tdt import TdtDevice
from ingest.ydt1363 import encode


def packs(count):
    return [LivePack(PackSpec("LFP", 16, 100.0, seed=seed)) for seed in range(count)]


def told_by(device, protocol, requests):
    """The last word on each quantity, read with one memory as a gateway does."""
    decoder = protocol.decoder()
    told = {}
    for request in requests:
        for frame in protocol.framer().feed(device.hear(request)):
            assert isinstance(frame, Frame)
            assert frame.status == 0
            for reading in decoder.decode(frame, request=request):
                told[reading.component, reading.quantity, reading.index] = reading
    return told


def test_a_pace_line_says_what_each_pack_is_and_the_sign_is_settled():
    device = PaceBank(packs(2))
    device.advance(600)
    for address, part in ((1, None), (2, "pack/2")):
        told = told_by(device, pace.PROTOCOL, pace.PROTOCOL.poll(address))
        pack = device.packs[address - 1]
        current = told[part, "current", None]
        assert current.value == round(Decimal(pack.state.current_a), 2) < 0
        assert current.doubts == ()
        volts = Decimal(float(cell_voltages(pack.spec, pack.state).sum()))
        assert told[part, "voltage", None].value == round(volts, 3)
        assert told[part, "nameplate_capacity", None].value == 100


def test_a_pace_pack_answers_every_question_of_the_app():
    device = PaceBank(packs(1))
    rows = [row.name for row in pace.REQUESTS if row.name.startswith("app-")]
    told = told_by(device, pace.PROTOCOL, [pace.PROTOCOL.request(name) for name in rows])
    assert told[None, "serial_number", None].value == "SIM00000000000"
    assert told[None, "cell_voltage", 16].value > 3
    assert told[None, "module_count", None].value == 1
    assert not device.refused


def test_a_pace_gateway_asks_in_both_versions_until_one_is_answered():
    device = PaceBank(packs(1))
    decoder = pace.PROTOCOL.decoder()
    poller = pace.PROTOCOL.poller(1, decoder)
    first = list(poller.cycle())
    assert [request[1:3] for request in first] == [b"25", b"20"] * 2
    (frame,) = pace.PROTOCOL.framer().feed(device.hear(first[0]))
    decoder.decode(frame, request=first[0])
    assert list(poller.cycle()) == pace.PROTOCOL.poll(1)


@pytest.mark.parametrize("command", [0x45, 0x99, 0xAF])
def test_a_pace_pack_obeys_no_write(command):
    device = PaceBank(packs(1))
    before = device.packs[0].state
    request = encode(0x25, 1, command, b"\x01")
    (answer,) = pace.PROTOCOL.framer().feed(device.hear(request))
    assert answer.status == 0x04
    assert device.refused == [request]
    assert device.packs[0].state is before


def test_a_tdt_board_says_what_its_pack_is_whatever_start_is_asked_with():
    device = TdtDevice(packs(1)[0])
    device.advance(600)
    for mark in ("", "-1e"):
        names = [f"{name}{mark}" for name in ("telemetry", "alarms", "identity")]
        told = told_by(device, tdt.PROTOCOL, [tdt.PROTOCOL.request(name) for name in names])
        state, spec = device.pack.state, device.pack.spec
        assert told[None, "current", None].value == round(Decimal(state.current_a), 1) < 0
        volts = Decimal(float(cell_voltages(spec, state).sum()))
        assert told[None, "voltage", None].value == round(volts, 2)
        assert told[None, "charging_enabled", None].value is True
        assert told[None, "serial_number", None].value == "SIM0000000000000"
        assert (None, "bms_reported_health", None) not in told


def test_a_tdt_board_obeys_no_write():
    device = TdtDevice(packs(1)[0])
    before = device.pack.state
    (answer,) = tdt.PROTOCOL.framer().feed(device.hear(tdt.encode_request(0x90)))
    assert answer.status
    assert device.pack.state is before
    assert len(device.refused) == 1
