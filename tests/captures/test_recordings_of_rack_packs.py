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


# Their name on the left; what they work out, or take for what it is not, is left out on purpose.
HOUSE = {
    "voltage": "voltage",
    "current": "current",
    "battery_health": "bms_reported_health",
    "battery_level": "state_of_charge",
    "cycles": "cycle_count",
    "design_capacity": "nameplate_capacity",
    "cycle_charge": "remaining_charge",
}
WORKED_OUT = {"power", "delta_voltage", "battery_charging", "problem", "temperature", "cycle_capacity"}
WORKED_OUT |= {"runtime", "temp_sensors"}


def house(shared, name, protocol):
    """Readings, and what others expect apart from single numbers."""
    expected = json.loads(
        shared(f"captures/aiobmsble/{name}.expected.json").read_text(), parse_float=Decimal
    )["expected"]
    readings = readings_of(shared(f"captures/aiobmsble/{name}.capture.json"), protocol)
    for theirs, ours in HOUSE.items():
        if theirs in expected:
            assert set(told(readings, ours).values()) == {expected[theirs]}, theirs
    if expected.get("problem_code") == 0:
        assert not any(r.quantity in ("alarm", "protection", "warning") and r.value for r in readings)
    rest = expected.keys() - HOUSE.keys() - WORKED_OUT - {"problem_code"}
    return readings, {name: expected[name] for name in rest}


def test_an_eg4_battery_reads_as_others_read_it(shared):
    readings, rest = house(shared, "eg4-4s-modbus", "eg4")
    assert list(told(readings, "cell_voltage").values()) == rest["cell_voltages"]
    degrees = [sensor["value"] for sensor in rest["temp_values"]]
    assert [only(readings, "board_temperature"), *told(readings, "cell_temperature").values()] == degrees
    # What they give as -56 and 0 degC are places without a sensor.
    doubts = [r.doubts for r in readings if r.quantity == "cell_temperature"]
    assert doubts == [()] + [("no_sensor",)] * 5
    assert only(readings, "cell_count") == rest["cell_count"]
    assert only(readings, "balancing_active") is bool(rest["balancer"])
    # Nought Ah at 48 % is no charge.
    assert only(readings, "remaining_charge") is None
    assert only(readings, "nameplate_capacity") is None


def test_a_pylontech_rt_battery_reads_as_others_read_it(shared):
    for name in ("pylontech-rt12100-modbus", "pylontech-rt12100-modbus-cold"):
        readings, rest = house(shared, name, "pylontech-rt")
        # They take the highest and the lowest cell for two cells.
        high, low = rest["cell_voltages"]
        assert (only(readings, "cell_voltage_max"), only(readings, "cell_voltage_min")) == (high, low)
        warm, cold = (sensor["value"] for sensor in rest["temp_values"])
        assert only(readings, "cell_temperature_max") == warm
        assert only(readings, "cell_temperature_min") == cold
        assert not told(readings, "cell_voltage")
        assert not told(readings, "cell_count")
        assert only(readings, "power") == Decimal(63)
        assert only(readings, "energy_throughput") == Decimal(296)


def test_a_felicity_battery_reads_as_others_read_it(shared):
    readings, rest = house(shared, "felicity-json", "felicity")
    assert list(told(readings, "cell_voltage").values()) == rest["cell_voltages"]
    degrees = [sensor["value"] for sensor in rest["temp_values"]]
    assert list(told(readings, "cell_temperature").values()) == degrees
    assert told(readings, "cell_voltage_max") == {3: Decimal("3.297")}
    assert told(readings, "cell_voltage_min") == {1: Decimal("3.296")}
    assert only(readings, "serial_number") == "100011002424470238"


def test_a_lithionics_battery_reads_as_others_read_it(shared):
    readings, rest = house(shared, "lithionics-ascii-stream", "lithionics")
    assert list(told(readings, "cell_voltage").values()) == rest["cell_voltages"]
    degrees = [sensor["value"] for sensor in rest["temp_values"]]
    assert list(told(readings, "cell_temperature").values()) == degrees
    assert only(readings, "charge_out") == rest["total_charge"]
