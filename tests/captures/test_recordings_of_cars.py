"""Recorded answers of electric cars, and other people's readings of them with their corrections."""

import json
import re
from decimal import Decimal

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import find
from tests.data import shared_files

FILES = shared_files("captures/uds-obdb/*.yaml")
# Theirs on the left. They lack the tenth of the counters: see the corrections beside the recordings.
STATE = {
    "IONIQ5_HVBAT_SOC": ("state_of_charge", 1),
    "IONIQ5_BATTERY_CURRENT": ("current", 1),
    "IONIQ5_BATTERY_MAX_T": ("cell_temperature_max", 1),
    "IONIQ5_BATTERY_MIN_T": ("cell_temperature_min", 1),
    "IONIQ5_MAXIMUM_CELL_VOLTAGE": ("cell_voltage_max", 1),
    "IONIQ5_MINIMUM_CELL_VOLTAGE": ("cell_voltage_min", 1),
    "IONIQ5_CUMULATIVE_CHARGE_CURRENT": ("charge_in", 10),
    "IONIQ5_CUMULATIVE_DISCHARGE_CURRENT": ("charge_out", 10),
    "IONIQ5_CUMULATIVE_ENERGY_CHARGED": ("energy_in", 10),
    "IONIQ5_CUMULATIVE_ENERGY_DISCHARGED": ("energy_out", 10),
    "IONIQ5_BATTERY_WORK_TIME_TOTAL_SEC": ("operating_time", 1),
    "IONIQ5_HVBAT_SOH": ("bms_reported_health", 1),
    "IONIQ5_NORMAL_CHARGING_COUNT": ("event_count:normal_charge", 1),
    "IONIQ5_QUICK_CHARGING_COUNT": ("event_count:quick_charge", 1),
}
CORRECTED = {
    "soc_percent": "state_of_charge",
    "current_A": "current",
    "pack_voltage_V": "voltage",
    "cell_max_V": "cell_voltage_max",
    "cell_min_V": "cell_voltage_min",
    "lifetime_charge_Ah": "charge_in",
    "lifetime_discharge_Ah": "charge_out",
    "lifetime_charge_kWh": "energy_in",
    "lifetime_discharge_kWh": "energy_out",
    "operating_time_s": "operating_time",
}


def cases(path):
    """Expected values and a log of the frames, case by case."""
    for block in path.read_text().split("- expected_values:")[1:]:
        values, _, response = block.partition("response:")
        expected = {name: Decimal(value) for name, value in re.findall(r"(IONIQ5_\w+): (-?[\d.]+)", values)}
        frames = re.findall(r"7EC([0-9A-F]+)\s", response + "\n")
        # A last frame may be cut behind its last byte of data; half a byte is none.
        log = "".join(f"(0000000000.000000) can0 7EC#{data[: len(data) & ~1]}\n" for data in frames)
        yield expected, log.encode()


def told(log):
    found = [one for one in read_capture(log, find("uds")) if isinstance(one, Decoded)]
    return {
        f"{r.quantity}:{r.kind}" if r.kind else r.quantity: r.value for one in found for r in one.readings
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_whole_answer_of_a_car_reads_as_others_read_it(path):
    checked = 0
    for expected, log in cases(path):
        readings = told(log)
        checked += bool(readings)
        for theirs, (ours, tenths) in STATE.items():
            # They cut a current at 230 A.
            if readings and theirs in expected and (ours != "current" or abs(expected[theirs]) < 230):
                assert readings[ours] * tenths == expected[theirs], (theirs, log)
    # Some are folded so that a frame is lost; those are refused, and no value is made of them.
    assert checked >= 0.9 * len(list(cases(path)))


def test_corrected_values_are_ours(shared):
    path = shared("captures/uds-obdb/ioniq5-2022-7E4-220101.yaml")
    corrections = json.loads(
        shared("captures/uds-obdb/ioniq5-2022-7E4-220101.corrections.json").read_text(), parse_float=Decimal
    )
    logs = [log for _, log in cases(path)]
    for case in corrections["corrected_expected_for_some_cases"]:
        readings = told(logs[case["index"]])
        for theirs, ours in CORRECTED.items():
            assert readings[ours] == case[theirs], (case["index"], theirs)
