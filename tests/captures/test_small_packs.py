"""Recordings of JK, Daly and ANT boards beside the project, and other people's readings of them.

The names on the left of each table are theirs, the words on the right ours; the tables were written by hand.
"""

import json
import math
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Refused, find
from tests.data import shared_files

CASES = [
    *shared_files("captures-community/jk/*.json"),
    *shared_files("captures-community/daly/*.json"),
    *shared_files("captures-community/ant/*.json"),
]

NUMBERS = {
    "pack_voltage_v": ("voltage", "0.01"),
    "current_a": ("current", "0.01"),
    "soc_pct": ("state_of_charge", "0"),
    "soh_pct": ("bms_reported_health", "0"),
    "remaining_capacity_ah": ("remaining_charge", "0.01"),
    "full_charge_capacity_ah": ("full_charge_capacity", "0"),
    "design_capacity_ah": ("nameplate_capacity", "0"),
    "cycle_count": ("cycle_count", "0"),
    "cell_count": ("cell_count", "0"),
    "bms_runtime_s": ("operating_time", "0"),
    "lifetime_charge_throughput_ah": ("charge_throughput", "0.5"),
    "lifetime_charge_throughput_ah_at_186": ("charge_throughput", "0"),
    "lifetime_charged_ah": ("charge_in", "0"),
    "lifetime_discharged_ah": ("charge_out", "0"),
    "mosfet_temperature_c": ("board_temperature", "0"),
    "soh_pct_at_190": ("bms_reported_health", "0"),
}
TEXTS = {
    "hw_version": "hardware_version",
    "sw_version": "firmware_version",
    "model": "model",
    "manufacture_date": "manufacture_date",
    "serial_number": "serial_number",
    "serial_number_field_at_86": "serial_number",
}
FLAGS = {
    "charge_fet_on": "charging_enabled",
    "discharge_fet_on": "discharging_enabled",
    "balancing": "balancing_active",
}
EVENT_KINDS = {"power_on_count": "power_on", "event_log_count": "log_entries"}
CHEMISTRIES = {"LFP": "LFP", "Ternary Lithium": "ternary"}
# Daly's conditions, level and name.
ALARMS = {
    ("alarm", "charging_mos_over_temperature_warning"): ("alarm", "charge_mosfet_over_temperature"),
    ("warning", "charging_temperature_too_high"): ("warning", "charge_over_temperature"),
    ("warning", "voltage_difference_too_high"): ("warning", "cell_voltage_difference"),
}
# An old ANT board sends no capacity: theirs is guessed from charge and share, and cycles from that.
GUESSED = {"legacy-ble-16s": {"design_capacity_ah", "cycle_count"}}
# What they work out from other values, follows from the cells, or is a switch of a heater or balancer.
NOT_OURS = {
    "balance_current_a",
    "balancing_bits",
    "cell_voltage_spread_v",
    "device_name",
    "heater_on",
    "max_cell_voltage_v",
    "max_voltage_cell_no",
    "mean_cell_voltage_v",
    "min_cell_voltage_v",
    "min_voltage_cell_no",
    "note",
    "lifetime_charge_time_s",
    "lifetime_discharge_time_s",
    "temperature_sensor_count",
    "uptime_s",
}


def exact(number):
    return Decimal(str(number))


def read(path, protocol):
    found = list(read_capture(path, find(protocol)))
    assert not any(isinstance(one, Refused) for one in found), path.stem
    return [reading for one in found if isinstance(one, Decoded) for reading in one.readings]


def only(readings, quantity, *, origin=None, **place):
    values = {
        r.value
        for r in readings
        if r.quantity == quantity
        and origin in (None, r.origin)
        and all(getattr(r, k) == v for k, v in place.items())
    }
    assert len(values) == 1, (quantity, place, values)
    return values.pop()


def protocol_of(path):
    case = json.loads(path.read_text())
    if case["protocol"] == "jk":
        return "jk-uart" if path.stem.startswith("uart") else "jk"
    head = case["frames"][-1]["hex"][:4]
    return {"a501": "daly-a5", "d203": "daly-d2", "5103": "daly-p81", "7ea1": "ant", "aa55": "ant-legacy"}[
        head
    ]


def check_temperatures(readings, value):
    """A map by position; or a list with roles, in the order of the frame."""
    sensors = {r.index: r.value for r in readings if r.quantity == "cell_temperature"}
    boards = [r.value for r in readings if r.quantity == "board_temperature"][::-1]
    if isinstance(value, dict):
        told = {**sensors}
        # ANT counts the two sensors of the board behind those of the cells.
        told |= {len(sensors) + number: degrees for number, degrees in enumerate(boards, 1)}
        for position, degrees in value.items():
            assert told[int(position)] == exact(degrees), position
        return
    generic = [exact(one["value"]) for one in value if one["role"] == "generic"]
    assert [sensors[position] for position in range(1, len(generic) + 1)] == generic
    for one in value:
        if one["role"] == "mosfet":
            assert exact(one["value"]) in boards


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recording_reads_as_others_read_it(path):
    case = json.loads(path.read_text())
    readings = read(path, protocol_of(path))
    assert not any(r.quantity == "cell_resistance" for r in readings)
    for theirs, value in (case["expected"] | case.get("protocol_facts", {})).items():
        if theirs not in GUESSED.get(path.stem, ()):
            check(readings, theirs, value)


def check(readings, theirs, value):
    if theirs in NUMBERS:
        quantity, tolerance = NUMBERS[theirs]
        assert abs(only(readings, quantity) - exact(value)) <= Decimal(tolerance), theirs
    elif theirs in TEXTS:
        assert only(readings, TEXTS[theirs]) == value
    elif theirs in FLAGS:
        assert only(readings, FLAGS[theirs]) is value
    elif theirs in EVENT_KINDS:
        assert only(readings, "event_count", kind=EVENT_KINDS[theirs]) == value
    elif theirs == "cell_voltages_v":
        for position, volts in value.items():
            assert only(readings, "cell_voltage", index=int(position)) == exact(volts)
    elif theirs == "temperatures_c":
        check_temperatures(readings, value)
    elif theirs == "power_w":
        told = [r.value for r in readings if r.quantity == "power"]
        # Where a board sends none, it is theirs to work out.
        product = only(readings, "voltage") * only(readings, "current")
        assert math.isclose(told[0] if told else product, value, rel_tol=0.005, abs_tol=0.01)
    elif theirs == "full_charge_capacity_ah_integer_part":
        assert int(only(readings, "full_charge_capacity")) == value
    elif theirs == "manufacture_date_yymmdd":
        assert only(readings, "manufacture_date").replace("-", "") == f"20{value}"
    elif theirs == "cell_chemistry":
        assert only(readings, "chemistry") == CHEMISTRIES[value]
    elif theirs == "alarm_bits":
        assert bool(value) == any(r.quantity in ("alarm", "warning", "protection") for r in readings)
    elif theirs in ("current_magnitude_a", "power_magnitude_w"):
        quantity = theirs.partition("_")[0]
        assert abs(only(readings, quantity)) == exact(value)
        # None of these frames says whether the battery charges.
        assert all(bool(r.value) == ("sign_unproven" in r.doubts) for r in readings if r.quantity == quantity)
    elif theirs == "active_alarms":
        active = {(r.quantity, r.value) for r in readings if r.quantity in ("alarm", "warning")}
        assert active == {ALARMS[one["level"], one["alarm"]] for one in value}
    elif theirs == "current_raw_tenths_minus_30000":
        assert only(readings, "current") == exact(value) / 10
        assert all("sign_unproven" in r.doubts for r in readings if r.quantity == "current")
    elif theirs == "events":
        for kind in ("boot", "charge_under_temperature"):
            assert only(readings, "event_count", kind=kind) == 1
    else:
        assert theirs in NOT_OURS, theirs


def test_interleaved_pieces_of_a_radio_line_of_jk_are_understood(shared):
    path = shared("captures/aiobmsble/jikong-jk02-24s.capture.json")
    expected = json.loads(shared("captures/aiobmsble/jikong-jk02-24s.expected.json").read_text())["expected"]
    readings = read(path, "jk")
    for theirs, ours in {
        "voltage": "voltage",
        "current": "current",
        "battery_level": "state_of_charge",
        "battery_health": "bms_reported_health",
        "cycle_charge": "remaining_charge",
        # Named so upstream; it is what the board learned.
        "design_capacity": "full_charge_capacity",
        "cycles": "cycle_count",
        "cell_count": "cell_count",
    }.items():
        assert only(readings, ours) == exact(expected[theirs]), theirs
    assert only(readings, "charging_enabled") is expected["chrg_mosfet"]
    assert only(readings, "discharging_enabled") is expected["dischrg_mosfet"]
    assert [r.value for r in readings if r.quantity == "cell_voltage"] == [
        exact(volts) for volts in expected["cell_voltages"]
    ]
    degrees = [r.value for r in readings if r.quantity in ("cell_temperature", "board_temperature")]
    assert sorted(degrees) == sorted(exact(one["value"]) for one in expected["temp_values"])


def test_pieces_of_a_radio_line_of_ant_are_understood(shared):
    expected = json.loads(shared("captures/aiobmsble/ant-22s.expected.json").read_text())["expected"]
    readings = read(shared("captures/aiobmsble/ant-22s.capture.json"), "ant")
    for theirs, ours in {
        "voltage": "voltage",
        "current": "current",
        "power": "power",
        "battery_level": "state_of_charge",
        "battery_health": "bms_reported_health",
        "cycle_charge": "remaining_charge",
        "design_capacity": "nameplate_capacity",
        "cell_count": "cell_count",
    }.items():
        assert only(readings, ours) == exact(expected[theirs]), theirs
    assert int(only(readings, "charge_throughput")) == expected["total_charge"]
    assert [r.value for r in readings if r.quantity == "cell_voltage"] == [
        exact(volts) for volts in expected["cell_voltages"]
    ]
    degrees = [r.value for r in readings if r.quantity in ("cell_temperature", "board_temperature")]
    assert sorted(degrees) == sorted(exact(one["value"]) for one in expected["temp_values"])
    assert not any(r.quantity == "cycle_count" for r in readings)


def frames_of(path: Path) -> list[bytes]:
    return [bytes.fromhex(entry["hex"]) for entry in json.loads(path.read_text())["frames"]]


@pytest.mark.parametrize("path", shared_files("captures-community/jk/*.json"), ids=lambda path: path.stem)
def test_no_passcode_of_a_recording_is_told_or_kept(path):
    protocol = find(protocol_of(path))
    secrets = (b"1234\x00", b"0000\x00", b"123456", b"140703", b"617477", b"12345\x00")
    for raw in frames_of(path):
        kept = protocol.redact(raw)
        assert len(kept) == len(raw)
        if raw[4:5] == b"\x03":
            assert not any(secret in kept[6:] for secret in secrets)
            # All that is read of the frame is still there.
            assert (kept[:62], kept[78:86]) == (raw[:62], raw[78:86])
    told = " ".join(str(r.value) for r in read(path, protocol.name))
    assert not any(secret.rstrip(b"\x00").decode() in told.split() for secret in secrets)


@pytest.mark.parametrize(
    "stem", ["ble-poll-jk02_32s", "jk02-24s-v10", "jk02-32s-v14", "jk02-32s-v19", "issue377-b2a8s30p"]
)
def test_the_cells_alone_tell_their_layout(shared, stem):
    """The device information left out, the readings that do not depend on it are the same."""
    path = shared(f"captures-community/jk/{stem}.json")
    protocol = find("jk")
    whole = {(r.quantity, r.index): r.value for r in read(path, "jk")}
    (raw,) = [frame for frame in frames_of(path) if frame[4:5] == b"\x02"]
    (frame,) = protocol.framer().feed(raw)
    alone = protocol.decode(frame)
    assert len(alone) > 25
    assert all(whole[r.quantity, r.index] == r.value for r in alone)
