"""Recordings of CAN buses beside the project, and other people's readings of them."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nmea2000.decoder import NMEA2000Decoder

from ingest.captures import Decoded, read_capture
from ingest.plausibility import Memory, doubt
from ingest.protocol import discover, find
from schemas.terms import Origin

# Their names for one number, and where we have it.
PYTES = {
    "charge_voltage_limit_V": "charge_voltage_limit",
    "charge_current_limit_A": "charge_current_limit",
    "discharge_current_limit_A": "discharge_current_limit",
    "discharge_voltage_limit_V": "discharge_voltage_limit",
    "cell_voltage_max_V": "cell_voltage_max",
    "cell_voltage_min_V": "cell_voltage_min",
    "cell_temperature_max_C": "cell_temperature_max",
    "cell_temperature_min_C": "cell_temperature_min",
    "soh_percent": "bms_reported_health",
    "cycles": "cycle_count",
    "voltage_V": "voltage",
    "current_A": "current",
    "temperature_C": "cell_temperature_mean",
    "full_capacity_Ah": "full_charge_capacity",
    "remaining_capacity_Ah": "remaining_charge",
    "manufacturer": "manufacturer",
    "charge_enabled": "charging_enabled",
    "discharge_enabled": "discharging_enabled",
    "modules_online": "modules_online",
    "lifetime_charged_energy_kWh": "energy_in",
    "lifetime_discharged_energy_kWh": "energy_out",
}


def plain(value):
    """A value of theirs as ours are."""
    return value if isinstance(value, bool | str) or value is None else Decimal(str(value))


def test_a_recording_of_native_pytes_reads_as_others_read_it(shared):
    path = shared("captures/pylontech-can/pytes-native.candump.log")
    case = json.loads(shared("captures/pylontech-can/pytes-native.expected.json").read_text())
    found = list(read_capture(path, find("can-pytes")))
    assert all(isinstance(one, Decoded) and one.at is None for one in found)
    readings = [reading for one in found for reading in one.readings]
    said = {reading.quantity: reading for reading in readings if reading.quantity != "state_of_charge"}
    expected = dict(case["expected"])
    for theirs, ours in PYTES.items():
        assert said[ours].value == plain(expected.pop(theirs)), theirs
    assert said["cell_voltage_max"].index == expected.pop("cell_number_max_voltage_raw")
    assert said["cell_voltage_min"].index == expected.pop("cell_number_min_voltage_raw")
    assert said["module_count"].value == said["modules_online"].value + expected.pop("modules_offline")
    charges = [
        (reading.value, reading.origin) for reading in readings if reading.quantity == "state_of_charge"
    ]
    assert charges == [
        (plain(expected.pop("soc_percent_coarse")), Origin.NATIVE),
        (plain(expected.pop("soc_percent_fine")), Origin.DERIVED),
    ]
    assert expected == {}


@pytest.mark.parametrize("name", sorted(set(discover()) - {"can-pytes"}))
def test_no_other_protocol_reads_native_pytes(shared, name):
    path = shared("captures/pylontech-can/pytes-native.candump.log")
    found = list(read_capture(path, find(name)))
    assert not any(isinstance(one, Decoded) and one.readings for one in found)


# NMEA 2000

NMEA = {
    "voltage": "voltage",
    "current": "current",
    "stateOfCharge": "state_of_charge",
    "stateOfHealth": "bms_reported_health",
    "remainingCapacity": "remaining_charge",
}


def close(value, theirs):
    """Theirs are floats; a thousandth is less than any step of the wire."""
    return value is None if theirs is None else abs(value - Decimal(str(theirs))) < Decimal("0.001")


@pytest.mark.parametrize("name", ["dirona-battery", "susteranna-battery"])
def test_a_recording_of_a_ship_reads_as_others_read_it(shared, name):
    path = shared(f"captures/nmea2000/{name}.raw")
    case = json.loads(shared(f"captures/nmea2000/{name}.expected.json").read_text())
    found = list(read_capture(path, find("nmea2000")))
    assert len(found) == sum(case["counts"].values())
    assert all(isinstance(one, Decoded) for one in found)
    compared = 0
    for row in case["expected"]:
        if "fields" not in row:
            continue
        fields, one = row["fields"], found[row["line_index"]]
        if fields.get("dcType") not in (None, "Battery"):
            assert one.readings == ()
            continue
        said = {reading.quantity: reading.value for reading in one.readings}
        part = f"source/{row['src']}/instance/{fields['instance']}"
        assert {reading.component for reading in one.readings} == {part}
        for theirs, ours in NMEA.items():
            if theirs in fields:
                assert close(said.get(ours), fields[theirs]), (row, theirs)
                compared += 1
        if "temperature" in fields:
            kelvin = fields["temperature"]
            celsius = None if kelvin is None else Decimal(str(kelvin)) - Decimal("273.15")
            assert close(said["cell_temperature_mean"], celsius)
    assert compared > 10


def test_nought_kelvin_is_doubted_and_stays(shared):
    path = shared("captures/nmea2000/dirona-battery.raw")
    first = next(iter(read_capture(path, find("nmea2000"))))
    doubted = doubt(first.readings, Memory())
    (temperature,) = [reading for reading in doubted if reading.quantity == "cell_temperature_mean"]
    assert temperature.value == Decimal("-273.15")
    assert temperature.doubts


def test_a_battery_configuration_reads_as_others_read_it(shared):
    expected = json.loads(shared("captures/nmea2000/canboat-127513.expected.json").read_text())["expected"]
    (one,) = read_capture(shared("captures/nmea2000/canboat-127513.raw"), find("nmea2000"))
    said = {reading.quantity: reading for reading in one.readings}
    assert one.at is None
    assert said["nameplate_capacity"].value == expected["Capacity"]
    assert said["chemistry"].value == expected["Chemistry"]
    assert said["chemistry"].component == f"source/61/instance/{expected['Instance']}"


DRAWN = {
    127508: (8, {"voltage": "voltage", "current": "current", "temperature": "cell_temperature_mean"}),
    127506: (11, {k: v for k, v in NMEA.items() if k not in ("voltage", "current")}),
    127491: (
        20,
        {
            "stateOfCharge": "state_of_charge",
            "highestCellTemperature": "cell_temperature_max",
            "lowestCellTemperature": "cell_temperature_min",
            "averageCellTemperature": "cell_temperature_mean",
            "maxDischargeCurrent": "discharge_current_limit",
            "maxChargeCurrent": "charge_current_limit",
        },
    ),
    127495: (26, {"stateOfHealth": "bms_reported_health", "batteryCycleCounter": "cycle_count"}),
}


@pytest.mark.parametrize("group", sorted(DRAWN))
def test_drawn_messages_read_as_the_package_nmea2000_reads_them(group):
    length, names = DRAWN[group]
    oracle = NMEA2000Decoder()

    @settings(max_examples=60, deadline=None)
    @given(st.binary(min_size=length, max_size=length))
    def run(data):
        if group == 127506:
            data = data[:2] + b"\x00" + data[3:]  # a battery
        line = f"2026-11-28T10:00:00.000Z,6,{group},4,255,{length},{data.hex(',')}"
        theirs = {field.id: field.value for field in oracle.decode(line).fields}
        (one,) = read_capture(line.encode(), find("nmea2000"))
        said = {reading.quantity: reading.value for reading in one.readings}
        for name, quantity in names.items():
            value = theirs[name]
            if value is not None and "emperature" in name:
                value = Decimal(str(value)) - Decimal("273.15")
            # The oracle reads the codes for errors as numbers; here they are absent.
            if said[quantity] is not None or value is None:
                assert close(said[quantity], value), (name, data)

    run()
