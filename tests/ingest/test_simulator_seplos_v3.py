"""A simulated Seplos bank says what its packs are, within the steps of the protocol."""

from ingest import modbus
from ingest.plausibility import Memory, doubt
from ingest.protocol import Frame
from ingest.protocols import seplos_v3
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages, state_of_charge
from ingest.simulators.seplos_v3 import SeplosBank

PROTOCOL = seplos_v3.PROTOCOL


def bank():
    device = SeplosBank([LivePack(PackSpec("LFP", 15, 100.0, seed=seed)) for seed in (1, 2)])
    device.advance(300)
    return device


def test_nothing_is_doubted_but_what_the_protocol_itself_doubts():
    device, decoder, memory = bank(), PROTOCOL.decoder(), Memory(protocol="seplos-v3")
    codes = set()
    for request in PROTOCOL.poller(None, decoder).cycle():
        (frame,) = PROTOCOL.framer().feed(device.hear(request))
        for reading in doubt(decoder.decode(frame, request=request), memory):
            codes |= {(code, reading.component) for code in reading.doubts}
            if reading.quantity == "bms_reported_health":
                assert 98 < reading.value <= 100
    own = {"meaning_unproven", "not_fitted"}  # of the rated capacity, and of a place without a cell
    assert {code for code, _ in codes} == own


def test_a_cycle_reads_the_bank_and_each_pack_as_they_are():
    device, decoder = bank(), PROTOCOL.decoder()
    readings = []
    for request in PROTOCOL.poller(None, decoder).cycle():
        (frame,) = PROTOCOL.framer().feed(device.hear(request))
        assert isinstance(frame, Frame)
        assert frame.status == 0
        readings += decoder.decode(frame, request=request)
    said = {(r.quantity, r.component, r.index): r for r in readings}
    for number, pack in enumerate(device.packs, 1):
        part = f"module/{number}"
        for place, volt in enumerate(cell_voltages(pack.spec, pack.state), 1):
            assert abs(float(said["cell_voltage", part, place].value) - float(volt)) <= 0.00051
        assert said["cell_voltage", part, 16].doubts == ("not_fitted",)
        assert abs(float(said["current", part, None].value) - pack.state.current_a) <= 0.0051
        charge = 100 * state_of_charge(pack.state)
        assert abs(float(said["state_of_charge", part, None].value) - charge) <= 0.051
        assert said["charging_enabled", part, None].value is True
        assert said["cell_temperature", part, 5].value is None
    assert said["module_count", None, None].value == 2
    total = sum(pack.state.current_a for pack in device.packs)
    assert abs(float(said["current", None, None].value) - total) <= 0.061
    assert not [r for r in readings if r.quantity in ("alarm", "protection")]


def test_it_obeys_no_write_and_offers_no_other_register():
    device = bank()
    assert device.hear(bytes.fromhex("01060010000189cf")) == b""
    asked = modbus.encode_request(1, 3, 0x1000, 4)
    assert device.hear(asked) == modbus.encode_exception(1, 3, 2)
    assert device.hear(modbus.encode_request(9, 4, 0x1000, 17)) == b""
