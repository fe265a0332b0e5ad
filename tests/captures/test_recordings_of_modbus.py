"""Recordings of Modbus devices beside the project, and other people's readings of them."""

import json
from decimal import Decimal

from ingest import modbus
from ingest.captures import Decoded, read_capture
from ingest.protocol import find
from ingest.protocols import seplos_v3


def readings_of(path, protocol):
    return [r for one in read_capture(path, find(protocol)) if isinstance(one, Decoded) for r in one.readings]


def only(readings, quantity, component=None, index=None):
    values = {
        r.value
        for r in readings
        if (r.quantity, r.component) == (quantity, component) and index in (None, r.index)
    }
    assert len(values) == 1, (quantity, component, values)
    return values.pop()


PACK = {
    "pack_voltage_v": "voltage",
    "current_a": "current",
    "remaining_capacity_ah": "remaining_charge",
    "design_capacity_ah": "nameplate_capacity",
    "soc_pct": "state_of_charge",
    "soh_pct": "bms_reported_health",
    "cycle_count": "cycle_count",
}


def test_a_bank_of_two_seplos_packs_reads_as_others_read_it(shared):
    path = shared("captures-community/seplos/v3-ble-2packs.json")
    case = json.loads(path.read_text())
    expected, readings = case["expected"], readings_of(path, "seplos-v3")
    for theirs, ours in PACK.items():
        assert only(readings, ours) == Decimal(str(expected[theirs])), theirs
    assert only(readings, "module_count") == expected["pack_count"]
    assert only(readings, "charging_enabled") is expected["charge_fet_on"]
    assert only(readings, "discharging_enabled") is expected["discharge_fet_on"]
    assert not [r for r in readings if r.quantity in ("alarm", "protection")]
    for number, pack in enumerate(expected["packs"], 1):
        part = f"module/{number}"
        for theirs, ours in PACK.items():
            assert only(readings, ours, part) == Decimal(str(pack[theirs])), theirs
        for position, voltage in pack["cell_voltages_v"].items():
            assert only(readings, "cell_voltage", part, int(position)) == Decimal(str(voltage))
        degrees = [Decimal(str(one["value"])) for one in pack["temperatures_c"]]
        assert [only(readings, "cell_temperature", part, place) for place in (1, 2, 3, 4)] == degrees[:4]
        assert only(readings, "ambient_temperature", part) == degrees[4]
        assert only(readings, "board_temperature", part) == degrees[5]
        discharged = case["protocol_facts"]["packs_lifetime_discharged_ah"][number - 1]
        assert only(readings, "charge_out", part) == discharged


def test_payloads_of_seplos_without_head_and_checksum_are_doubted(shared):
    readings = readings_of(shared("captures-community/seplos/v3-eic-status-only.json"), "seplos-v3")
    assert only(readings, "charging_enabled") is True
    assert not [r for r in readings if r.quantity in ("alarm", "protection", "warning")]
    readings = readings_of(shared("captures-community/seplos/v3-spa-1.json"), "seplos-v3")
    assert [(r.quantity, r.value, r.doubts) for r in readings] == [
        ("cell_count", Decimal(16), ("no_checksum",))
    ]


def test_a_bank_is_asked_before_its_packs(shared):
    case = json.loads(shared("captures-community/seplos/v3-ble-2packs.json").read_text())
    bank = case["frames"][1]["hex"]
    decoder = seplos_v3.PROTOCOL.decoder()
    cycle = seplos_v3.PROTOCOL.poller(None, decoder).cycle()
    first = next(cycle)
    (frame,) = seplos_v3.PROTOCOL.framer().feed(bytes.fromhex(bank))
    decoder.decode(frame, request=first)
    asked = [first, *cycle]
    assert [request[0] for request in asked] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all(seplos_v3.PROTOCOL.permit(request) for request in asked)


def test_a_board_of_three_hundred_amperes_counts_current_in_coarse_steps():

    def current(limit):
        asked = modbus.encode_request(1, 4, 0x1000, 17)
        data = bytes.fromhex("14400064") + bytes(26) + limit.to_bytes(2, "big") + bytes(2)
        (frame,) = seplos_v3.PROTOCOL.framer().feed(modbus.encode_answer(1, 4, data))
        return only(seplos_v3.PROTOCOL.decode(frame, request=asked), "current", "module/1")

    assert current(200) == Decimal("1.00")
    assert current(300) == Decimal("10.0")
