"""Recordings of batteries of light vehicles, and other people's readings of them."""

import json
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Refused, find
from ingest.protocols import ninebot
from tests.data import shared_files

NUMBERS = {
    "pack_voltage_v": "voltage",
    "current_a": "current",
    "soc_pct": "state_of_charge",
    "soh_pct": "bms_reported_health",
    "cycle_count": "cycle_count",
    "remaining_capacity_ah": "remaining_charge",
    "full_charge_capacity_ah": "full_charge_capacity",
    "design_capacity_ah": "nameplate_capacity",
    "design_voltage_v": "nominal_voltage",
    "cell_count": "cell_count",
}
TEXTS = {
    "manufacture_date": "manufacture_date",
    "serial_number": "serial_number",
    "manufacturer": "manufacturer",
    "model": "model",
    "cell_model": "cell_model",
    "sw_version": "firmware_version",
}
EXTREMES = {
    "max_discharge_current_a": "lifetime_current_min",
    "max_charge_current_a": "lifetime_current_max",
    "max_cell_voltage_v": "lifetime_cell_voltage_max",
    "min_cell_voltage_v": "lifetime_cell_voltage_min",
    "max_temperature_c": "lifetime_temperature_max",
    "min_temperature_c": "lifetime_temperature_min",
}
# Worked out from other values, given as conditions by name, or not decoded (docs/protocols).
SEEN_OTHERWISE = {"power_w", "cell_voltage_spread_v", "alarm_bits", "bms_clock"}


def exact(number):
    return Decimal(str(number))


def readings_of(path, protocol):
    found = list(read_capture(path, find(protocol)))
    assert not [one for one in found if isinstance(one, Refused)]
    return [reading for one in found if isinstance(one, Decoded) for reading in one.readings]


def only(readings, quantity, **place):
    values = {
        r.value
        for r in readings
        if r.quantity == quantity and all(getattr(r, k) == v for k, v in place.items())
    }
    assert len(values) == 1, (quantity, place, values)
    return values.pop()


def check(readings, expected):
    for theirs, value in expected.items():
        if theirs in NUMBERS:
            assert only(readings, NUMBERS[theirs]) == exact(value), theirs
        elif theirs in TEXTS:
            assert only(readings, TEXTS[theirs]) == value, theirs
        elif theirs == "cell_voltages_v":
            volts = {str(r.index): r.value for r in readings if r.quantity == "cell_voltage"}
            assert volts == {place: exact(volt) for place, volt in value.items()}
        elif theirs == "temperatures_c":
            listed = value.values() if isinstance(value, dict) else [one["value"] for one in value]
            degrees = {r.index: r.value for r in readings if r.quantity == "cell_temperature"}
            assert degrees == {place: exact(degree) for place, degree in enumerate(listed, 1)}
        elif theirs == "charging":
            assert only(readings, "charging") is value
        elif theirs == "lifetime_extremes":
            for name, extreme in value.items():
                assert only(readings, EXTREMES[name]) == exact(extreme), name
        else:
            assert theirs in SEEN_OTHERWISE, theirs


def test_a_greenway_battery_on_the_radio_reads_as_others_read_it(shared):
    path = shared("captures-community/greenway/ble-20s-light-ev.json")
    readings = readings_of(path, "greenway")
    check(readings, json.loads(path.read_text())["expected"])
    assert not any(r.quantity in ("alarm", "protection", "warning") for r in readings)


@pytest.mark.parametrize(
    "path", shared_files("captures-community/greenway/rs485-bus-log-*.json"), ids=lambda path: path.stem
)
def test_a_bus_log_gives_the_battery_s_own_answers_and_nothing_else(path):
    expected = json.loads(path.read_text())["expected"]
    readings = readings_of(path, "greenway")
    volts = [r.value for r in readings if r.quantity == "voltage"]
    assert len(volts) == expected["battery_voltage_replies"]
    assert {r.value for r in readings if r.quantity == "state_of_charge"} == {
        exact(value) for value in expected["soc_pct_values"]
    }
    if expected["pack_voltage_v_min"] is None:
        assert readings == []
    else:
        assert (min(volts), max(volts)) == (
            exact(expected["pack_voltage_v_min"]),
            exact(expected["pack_voltage_v_max"]),
        )
        assert {r.doubts for r in readings if (r.quantity, r.index) == ("cell_temperature", 4)} == {
            ("no_sensor",)
        }


def test_every_message_of_a_bus_log_is_a_sound_frame(shared):
    for path in shared_files("captures-community/greenway/rs485-bus-log-*.json"):
        case = json.loads(path.read_text())
        line = b"".join(bytes.fromhex(frame["hex"]) for frame in case["frames"])
        framer = find("greenway").framer()
        assert len(framer.feed(line)) == case["expected"]["messages_with_valid_checksum"]
        assert framer.flush() == []


@pytest.mark.parametrize(
    "path", shared_files("captures-community/ninebot/*.json"), ids=lambda path: path.stem
)
def test_a_scooter_s_battery_reads_as_others_read_it(path):
    check(readings_of(path, "ninebot"), json.loads(path.read_text())["expected"])


def test_a_pin_that_passes_by_is_not_shown():
    path = Path(__file__).parent / "ninebot" / "bus-with-controller.json"
    pin = b"246813"
    assert pin.hex() in path.read_text()
    found = list(read_capture(path, find("ninebot")))
    assert not any(pin in one.raw for one in found)
    assert any(b"******" in one.raw for one in found)
    # The same in a frame that is refused, cut anywhere.
    answer = next(
        entry["hex"] for entry in json.loads(path.read_text())["frames"] if pin.hex() in entry["hex"]
    )
    whole = bytes.fromhex(answer)
    for cut in range(1, len(whole)):
        for refused in read_capture(whole[:cut], find("ninebot")):
            assert pin[:1] not in refused.raw[20:]  # where its first digit lies


def test_a_pin_that_is_written_is_not_shown_either():
    write = ninebot.encode_reply(ninebot.PIN, b"135790", address=ninebot.CONTROLLER)
    assert b"135790" not in find("ninebot").redact(write)
    read = ninebot.encode_request(ninebot.PIN, 6, address=ninebot.CONTROLLER)
    assert find("ninebot").redact(read) == read


def test_the_evidence_of_a_frame_is_the_hash_of_what_may_be_kept():
    class Secretive(type(find("ninebot"))):
        def redact(self, raw):
            return b"kept"

    (frame,) = find("ninebot").framer().feed(ninebot.encode_reply(0x32, b"\x40\x00"))
    (reading,) = Secretive().decode(frame)
    assert reading.evidence == sha256(b"kept").hexdigest()
