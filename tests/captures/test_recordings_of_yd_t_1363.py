"""Recordings of the YD/T 1363 family and TDT, and other people's readings of them.

Every case of these families beside the project is walked; one whose folder or name is new is found by itself.
"""

import json
from decimal import Decimal

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Fault, discover, find
from tests.data import shared_files

# Folder or beginning of the name, as the collections have it, and what we call the protocol.
FAMILIES = {
    "seplos/v2": "seplos-v2",
    "seplos-v2": "seplos-v2",
    "pace/": "pace",
    "pace-": "pace",
    "tdt/": "tdt",
    "tdt-": "tdt",
}
CASES = [
    (path, protocol)
    for start, protocol in FAMILIES.items()
    for path in shared_files(f"captures-community/{start}*.json")
]
EXCHANGES = [
    (path, protocol)
    for start, protocol in FAMILIES.items()
    for path in shared_files(f"captures/aiobmsble/{start}*.capture.json")
]

# Their neutral names for one number of the whole pack, and upstream's.
NUMBERS = {
    "pack_voltage_v": "voltage",
    "current_a": "current",
    "remaining_capacity_ah": "remaining_charge",
    "full_charge_capacity_ah": "full_charge_capacity",
    "design_capacity_ah": "nameplate_capacity",
    "cycle_count": "cycle_count",
    "soc_pct": "state_of_charge",
    "soh_pct": "bms_reported_health",
    "cell_count": "cell_count",
    "voltage": "voltage",
    "current": "current",
    "cycle_charge": "remaining_charge",
    "design_capacity": "nameplate_capacity",
    "cycles": "cycle_count",
    "battery_level": "state_of_charge",
    "battery_health": "bms_reported_health",
    "pack_count": "module_count",
}
FLAGS = {
    "charge_fet_on": "charging_enabled",
    "discharge_fet_on": "discharging_enabled",
    "chrg_mosfet": "charging_enabled",
    "dischrg_mosfet": "discharging_enabled",
}
TEMPERATURES = {"cell_temperature", "ambient_temperature", "board_temperature"}
# What they work out from other values, and what we give by name or not at all.
DERIVED = {
    "power_w",
    "cell_voltage_spread_v",
    "mean_cell_voltage_v",
    "min_cell_voltage_v",
    "max_cell_voltage_v",
    "min_voltage_cell_no",
    "max_voltage_cell_no",
    "port_voltage_v",
    "alarm_bits",
    "delta_voltage",
    "cycle_capacity",
    "power",
    "battery_charging",
    "temperature",
    "runtime",
    "temp_sensors",
    "balancer",
    "heater",
    "problem",
    "problem_code",
}


def exact(number):
    return Decimal(str(number))


def pack_of(path, protocol):
    """Readings of the pack itself; sums over several are parts of their own."""
    found = read_capture(path, find(protocol))
    return [
        r
        for one in found
        if isinstance(one, Decoded)
        for r in one.readings
        if r.component in (None, "pack/1")
    ]


def check(readings, expected):
    for theirs, value in expected.items():
        if theirs in NUMBERS:
            values = {r.value for r in readings if r.quantity == NUMBERS[theirs]}
            assert values, theirs
            assert all(abs(one - exact(value)) < Decimal("0.5") for one in values), (theirs, values)
            assert any(abs(one - exact(value)) <= Decimal("0.001") for one in values), (theirs, values)
        elif theirs in FLAGS:
            assert {r.value for r in readings if r.quantity == FLAGS[theirs]} == {value}
        elif theirs in ("cell_voltages_v", "cell_voltages"):
            cells = {r.index: r.value for r in readings if r.quantity == "cell_voltage"}
            listed = value.items() if isinstance(value, dict) else enumerate(value, 1)
            for position, voltage in listed:
                assert cells[int(position)] == exact(voltage)
        elif theirs in ("temperatures_c", "temp_values"):
            listed = value.values() if isinstance(value, dict) else value
            degrees = [exact(one["value"] if isinstance(one, dict) else one) for one in listed]
            told = [r.value for r in readings if r.quantity in TEMPERATURES and not r.doubts]
            assert sorted(told) == sorted(degrees)
        else:
            assert theirs in DERIVED, theirs


@pytest.mark.parametrize(("path", "protocol"), CASES, ids=lambda one: getattr(one, "stem", one))
def test_a_case_reads_as_others_read_it_or_is_refused(path, protocol):
    case = json.loads(path.read_text())
    readings = pack_of(path, protocol)
    if case["expected_reject"]:
        assert readings == []
        return
    check(readings, case["expected"])
    for theirs in case.get("must_not_report", {}):
        assert not any(r.quantity == NUMBERS[theirs] for r in readings), theirs


@pytest.mark.parametrize(("path", "protocol"), EXCHANGES, ids=lambda one: getattr(one, "stem", one))
def test_an_exchange_over_a_radio_reads_as_others_read_it(path, protocol):
    expected = json.loads(path.with_name(path.name.replace(".capture.", ".expected.")).read_text())
    check(pack_of(path, protocol), expected["expected"])


def test_a_seplos_sum_over_packs_is_never_the_pack(shared):
    path = shared("captures/aiobmsble/seplos-v2-16s.capture.json")
    found = read_capture(path, find("seplos-v2"))
    sums = [r for one in found if isinstance(one, Decoded) for r in one.readings if r.component == "system"]
    told = {r.quantity: r.value for r in sums}
    # 215, 4372 and 8400 in steps of a tenth.
    assert told["current"] == Decimal("21.5")
    assert told["remaining_charge"] == Decimal("437.2")
    assert told["full_charge_capacity"] == Decimal("840.0")


@pytest.mark.parametrize("protocol", sorted({*FAMILIES.values()} & {*discover()}))
def test_no_recording_of_another_protocol_gives_a_reading(protocol):
    own = {path for path, name in [*CASES, *EXCHANGES] if name == protocol}
    others = [
        *shared_files("captures-community/*/*.json"),
        *shared_files("captures/aiobmsble/*.capture.json"),
    ]
    others += shared_files("captures/pylontech-rs485/*.txt")
    for path in others:
        if path not in own:
            assert pack_of(path, protocol) == [], path


def test_a_pylontech_bank_is_no_seplos_pack(shared):
    path = shared("captures/pylontech-rs485/up2500-single-analog.txt")
    (found,) = read_capture(path, find("seplos-v2"))
    assert found.fault is Fault.FOREIGN


def test_what_no_source_names_is_told_with_a_doubt(shared):
    readings = pack_of(shared("captures-community/tdt/16s6t-v0-0.json"), "tdt")
    (full,) = [r for r in readings if r.quantity == "full_charge_capacity"]
    assert (full.value, full.doubts) == (Decimal("108.3"), ("meaning_unproven",))
    told = {r.quantity: r.value for r in readings}
    assert told["serial_number"] == "60326016207270001"
    assert told["firmware_version"] == "6032_10016S000_L_41"
