"""Recordings of real devices beside the project, and other people's readings of them.

The names on the left of each table are theirs, the words on the right ours; the table was written by hand.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Fault, find
from tests.data import shared_files

JBD = shared_files("captures-community/jbd/*.json")
UP_SERIES = "up16s020-addr1"

# Their neutral names for one number of the whole pack.
NUMBERS = {
    "pack_voltage_v": "voltage",
    "current_a": "current",
    "remaining_capacity_ah": "remaining_charge",
    "design_capacity_ah": "nameplate_capacity",
    "cycle_count": "cycle_count",
    "soc_pct": "state_of_charge",
    "cell_count": "cell_count",
}
FLAGS = {
    "charge_fet_on": "charging_enabled",
    "discharge_fet_on": "discharging_enabled",
    "balancing": "balancing_active",
}
CONDITIONS = {
    "cell_overvoltage": "cell_over_voltage",
    "cell_undervoltage": "cell_under_voltage",
    "pack_overvoltage": "pack_over_voltage",
    "pack_undervoltage": "pack_under_voltage",
    "battery_overvoltage": "pack_over_voltage",
    "battery_undervoltage": "pack_under_voltage",
    "charge_overtemperature": "charge_over_temperature",
    "charge_undertemperature": "charge_under_temperature",
    "discharge_overtemperature": "discharge_over_temperature",
    "discharge_undertemperature": "discharge_under_temperature",
    "charge_overcurrent": "charge_over_current",
    "discharge_overcurrent": "discharge_over_current",
    "short_circuit": "short_circuit",
}
# What they work out from other values; we do not pass a sum on as a reading.
DERIVED = {"power_w", "cell_voltage_spread_v", "mean_cell_voltage_v"}
# Bit fields that we give by name, extremes that follow from the cells, and counts of what is listed.
SEEN_OTHERWISE = {
    "alarm_bits",
    "fet_bits",
    "balancing_bits",
    "temperature_sensor_count",
    "min_cell_voltage_v",
    "max_cell_voltage_v",
    "min_voltage_cell_no",
    "max_voltage_cell_no",
}


def exact(number):
    return Decimal(str(number))


def readings_of(path, protocol):
    return [r for one in read_capture(path, find(protocol)) if isinstance(one, Decoded) for r in one.readings]


def only(readings, quantity, **place):
    values = {
        r.value
        for r in readings
        if r.quantity == quantity and all(getattr(r, k) == v for k, v in place.items())
    }
    assert len(values) == 1, (quantity, place, values)
    return values.pop()


@pytest.mark.parametrize("path", JBD, ids=lambda path: path.stem)
def test_a_jbd_recording_reads_as_others_read_it(path):
    case = json.loads(path.read_text())
    readings = readings_of(path, "jbd")
    if case["expected_reject"] or path.stem == UP_SERIES:
        assert readings == []
        return
    expected = case["expected"]
    for theirs, value in expected.items():
        if theirs in NUMBERS:
            assert only(readings, NUMBERS[theirs]) == exact(value), theirs
        elif theirs in FLAGS:
            assert only(readings, FLAGS[theirs]) is value
        elif theirs == "cell_voltages_v":
            for position, voltage in value.items():
                assert only(readings, "cell_voltage", index=int(position)) == exact(voltage)
        elif theirs == "temperatures_c":
            listed = value.values() if isinstance(value, dict) else value
            degrees = [exact(one["value"] if isinstance(one, dict) else one) for one in listed]
            for position, degree in enumerate(degrees, 1):
                assert only(readings, "cell_temperature", index=position) == degree
            assert len({r.index for r in readings if r.quantity == "cell_temperature"}) == len(degrees)
        elif theirs == "active_protections":
            active = {r.value for r in readings if r.quantity == "protection"}
            for condition, is_active in value.items():
                assert (CONDITIONS[condition] in active) is is_active
        elif theirs == "protection_counters":
            for condition, count in value.items():
                assert only(readings, "event_count", kind=CONDITIONS[condition]) == count
        elif theirs == "sw_version":
            assert only(readings, "firmware_version") == str(value)
        elif theirs == "model":
            assert only(readings, "model") == value
        else:
            assert theirs in DERIVED | SEEN_OTHERWISE, theirs
    made_on = case.get("protocol_facts", {}).get("manufacture_date")
    if made_on:
        assert only(readings, "manufacture_date") == made_on


def test_the_extension_of_a_real_frame_holds_what_the_board_learned(shared):
    readings = readings_of(shared("captures-community/jbd/unit-flag-10ma.json"), "jbd")
    learned = [r for r in readings if r.quantity == "full_charge_capacity"]
    assert [(r.value, r.doubts) for r in learned] == [(Decimal("65.69"), ())]


def test_the_up_series_is_not_taken_for_jbd(shared):
    found = list(read_capture(shared(f"captures-community/jbd/{UP_SERIES}.json"), find("jbd")))
    assert [one.fault for one in found] == [Fault.NOISE]
    assert "start marker (dd)" in found[0].reason


def test_fragments_and_late_answers_of_a_radio_line_are_understood(shared):
    path = shared("captures/aiobmsble/jbd-4s.capture.json")
    expected = json.loads(shared("captures/aiobmsble/jbd-4s.expected.json").read_text())["expected"]
    readings = readings_of(path, "jbd")
    for theirs, ours in {
        "voltage": "voltage",
        "current": "current",
        "cycle_charge": "remaining_charge",
        "design_capacity": "nameplate_capacity",
        "cycles": "cycle_count",
        "battery_level": "state_of_charge",
        "cell_count": "cell_count",
    }.items():
        assert only(readings, ours) == exact(expected[theirs])
    assert only(readings, "charging_enabled") is expected["chrg_mosfet"]
    assert only(readings, "discharging_enabled") is expected["dischrg_mosfet"]
    for position, voltage in enumerate(expected["cell_voltages"], 1):
        assert only(readings, "cell_voltage", index=position) == exact(voltage)
    for position, sensor in enumerate(expected["temp_values"], 1):
        assert only(readings, "cell_temperature", index=position) == exact(sensor["value"])
    assert not any(r.quantity == "protection" for r in readings)


MODULE = {
    "AverageBMSTemperature": "board_temperature",
    "Current": "current",
    "Voltage": "voltage",
    "CycleNumber": "cycle_count",
    "RemainingCapacity": "remaining_charge",
    "TotalCapacity": "nameplate_capacity",
    "NumberOfCells": "cell_count",
}


def check_module(readings, expected, component):
    mine = [r for r in readings if r.component == component]
    for theirs, ours in MODULE.items():
        assert only(mine, ours) == exact(expected[theirs]), (component, theirs)
    voltages = {r.index: r.value for r in mine if r.quantity == "cell_voltage"}
    assert voltages == {n: exact(v) for n, v in enumerate(expected["CellVoltages"], 1)}
    degrees = {r.index: r.value for r in mine if r.quantity == "cell_temperature"}
    assert degrees == {n: exact(t) for n, t in enumerate(expected["GroupedCellsTemperatures"], 1)}
    assert len(degrees) + 1 == expected["NumberOfTemperatures"]


def test_a_bank_of_three_modules_is_three_parts(shared):
    path = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    expected = json.loads(shared("captures/pylontech-rs485/us2000-x3-analog.expected.json").read_text())
    readings = readings_of(path, "pylontech-rs485")
    modules = expected["expected"]["Module"]
    assert only(readings, "module_count") == len(modules) == 3
    for place, module in enumerate(modules, 1):
        check_module(readings, module, f"module/{place}")
    assert {r.component for r in readings} == {None, "module/1", "module/2", "module/3"}
    # 0.67 over all modules; each holds 33.5 of 50.
    assert {r.value for r in readings if r.quantity == "state_of_charge"} == {Decimal("67.0")}


def test_a_single_module_names_its_place_and_uses_the_long_form(shared):
    path = shared("captures/pylontech-rs485/up2500-single-analog.txt")
    expected = json.loads(shared("captures/pylontech-rs485/up2500-single-analog.expected.json").read_text())
    readings = readings_of(path, "pylontech-rs485")
    # What upstream calls NumberOfModule is the bus address 2 that was asked: the first place of the bank.
    assert expected["expected"]["NumberOfModule"] == 2
    check_module(readings, expected["expected"], "module/1")
    assert {r.component for r in readings} == {"module/1"}
    assert only(readings, "state_of_charge") == Decimal("86.0")


@pytest.mark.parametrize(
    "path",
    [
        *shared_files("captures-community/seplos/v2*.json"),
        *shared_files("captures-community/pace/*.json"),
        *shared_files("captures/aiobmsble/seplos-v2*.capture.json"),
        *shared_files("captures/aiobmsble/pace-16s.capture.json"),
    ],
    ids=lambda path: path.stem,
)
def test_cousins_with_the_same_frame_are_refused_not_misread(path: Path):
    found = list(read_capture(path, find("pylontech-rs485")))
    assert found
    assert not any(isinstance(one, Decoded) for one in found)


HOUSE = ("eg4", "felicity", "lithionics", "pylontech-rt", "renogy")


@pytest.mark.parametrize(
    "path",
    [*shared_files("captures-community/*/*.json"), *shared_files("captures/aiobmsble/*.capture.json")],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_no_recording_of_another_protocol_gives_a_reading(path: Path):
    for name in ("jbd", "pylontech-rs485", "greenway", "ninebot", "jbd-up16s", *HOUSE):
        if path.stem == UP_SERIES and name == "jbd-up16s":
            continue
        if path.parent.name != name and not path.stem.startswith(name):
            assert readings_of(path, name) == []
