"""Recordings of small rack and house packs, and other people's readings of them."""

import json
from decimal import Decimal

from ingest.captures import Decoded, read_capture
from ingest.protocol import Refused, find

UP_NUMBERS = {
    "pack_voltage_v": "voltage",
    "current_a": "current",
    "soc_pct": "state_of_charge",
    "soh_pct": "bms_reported_health",
    "remaining_capacity_ah": "remaining_charge",
    "design_capacity_ah": "nameplate_capacity",
    "cycle_count": "cycle_count",
    "mosfet_temperature_c": "board_temperature",
    "ambient_temperature_c": "ambient_temperature",
    "max_cell_voltage_v": "cell_voltage_max",
    "mean_cell_voltage_v": "cell_voltage_mean",
    "min_cell_voltage_v": "cell_voltage_min",
    "cell_count": "cell_count",
    "discharge_fet_on": "discharging_enabled",
    "charge_fet_on": "charging_enabled",
    "balancing": "balancing_active",
}
UP_UPSTREAM = {
    "max_temperature": "cell_temperature_max",
    "min_temperature": "cell_temperature_min",
    "average_temperature": "cell_temperature_mean",
    "charge_voltage_limit": "charge_voltage_limit",
    "charge_current_limit": "charge_current_limit",
    "discharge_voltage_limit": "discharge_voltage_limit",
    "discharge_current_limit": "discharge_current_limit",
}


def readings_of(path, protocol):
    found = list(read_capture(path, find(protocol)))
    assert not [one for one in found if isinstance(one, Refused)]
    return [reading for one in found if isinstance(one, Decoded) for reading in one.readings]


def told(readings, quantity):
    return {r.index: r.value for r in readings if r.quantity == quantity}


def only(readings, quantity):
    (value,) = told(readings, quantity).values()
    return value


def test_a_jbd_up_pack_reads_as_others_read_it(shared):
    path = shared("captures-community/jbd/up16s020-addr1.json")
    case = json.loads(path.read_text(), parse_float=Decimal)
    readings = readings_of(path, "jbd-up16s")
    expected = case["expected"]
    for theirs, ours in UP_NUMBERS.items():
        assert only(readings, ours) == expected[theirs], theirs
    for theirs, ours in UP_UPSTREAM.items():
        assert only(readings, ours) == case["expected_upstream"][theirs]["value"], theirs
    volts = told(readings, "cell_voltage")
    assert len(volts) == expected["cell_count"]
    for place, volt in expected["cell_voltages_v"].items():
        assert volts[int(place)] == volt
    degrees = told(readings, "cell_temperature")
    assert degrees == {int(place): degree for place, degree in expected["temperatures_c"].items()}
    assert list(told(readings, "cell_voltage_max")) == [expected["max_voltage_cell_no"]]
    assert list(told(readings, "cell_voltage_min")) == [expected["min_voltage_cell_no"]]
    assert only(readings, "firmware_version") == case["expected_upstream"]["text_sensor:firmware_version"]
    assert only(readings, "charging") is False
    assert not told(readings, "protection")
    assert not told(readings, "alarm")
    assert {r.component for r in readings} == {"module/1"}
