"""Recordings of CAN buses beside the project, and other people's readings of them."""

import json
from decimal import Decimal

import pytest

from ingest.captures import Decoded, read_capture
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
