"""Each rule over one moment, from both sides; those with a hold time also before and after it."""

import pytest

from ingest.plausibility import DAMAGED, RULES, Severity
from ingest.protocol import Fault, Refused
from ingest.protocols import jbd
from tests.ingest.doubting import Source, said

PARTS = ("module/1", "module/2")


def cells(*volts, **place):
    return [said("cell_voltage", value, index=at, **place) for at, value in enumerate(volts, 1)]


def each(quantity, *values):
    return [said(quantity, value, component=part) for part, value in zip(PARTS, values, strict=True)]


# name: code, what raises it, what does not
AT_ONCE = {
    "a part is not heard": (
        "reported_missing",
        [said("alarm", "module_communication_fault")],
        [said("alarm", "cell_over_voltage")],
    ),
    "another count of cells": (
        "cell_count_differs",
        [*cells("3.3", "3.3"), said("cell_count", 3)],
        [*cells("3.3", "3.3"), said("cell_count", 2)],
    ),
    "the device miscounts": (
        "reported_cell_count",
        [said("protection", "cell_count_mismatch")],
        [said("protection", "short_circuit")],
    ),
    "cells beside the pack": (
        "cells_against_pack",
        [said("voltage", "6.80"), *cells("3.3", "3.3")],
        [said("voltage", "6.63"), *cells("3.3", "3.3")],
    ),
    "lowest above highest": (
        "extremes_disordered",
        [said("cell_voltage_min", "3.4"), said("cell_voltage_max", "3.3")],
        [said("cell_voltage_min", "3.3"), said("cell_voltage_max", "3.3")],
    ),
    "coldest above mean": (
        "extremes_disordered",
        [said("cell_temperature_min", "25"), said("cell_temperature_mean", "24")],
        [said("cell_temperature_min", "24"), said("cell_temperature_mean", "24")],
    ),
    "a seventeenth cell": (
        "index_out_of_range",
        [said("cell_count", 16), said("cell_voltage_max", "3.4", index=17)],
        [said("cell_count", 16), said("cell_voltage_max", "3.4", index=16)],
    ),
    "more out than in": (
        "discharge_exceeds_charge",
        [said("nameplate_capacity", 100), said("charge_in", 1000), said("charge_out", 1151)],
        [said("nameplate_capacity", 100), said("charge_in", 1000), said("charge_out", 1150)],
    ),
    "more out than in, capacity unknown": (
        "discharge_exceeds_charge",
        [said("charge_in", 200), said("charge_out", 211)],
        [said("charge_in", 50), said("charge_out", 60)],
    ),
    "energy without a voltage": (
        "energy_against_charge",
        # 100 Ah at 16 cells: 1.6 to 7.68 kWh.
        [said("cell_count", 16), said("charge_in", 100), said("energy_in", "8.0")],
        [said("cell_count", 16), said("charge_in", 100), said("energy_in", "5.2")],
    ),
    "energy by the present voltage": (
        "energy_against_charge",
        [said("voltage", 52), said("charge_out", 100), said("energy_out", "52")],
        [said("voltage", 52), said("charge_out", 100), said("energy_out", "5.1")],
    ),
    "no sensor": (
        "no_sensor",
        [said("cell_temperature", "-100")],
        [said("cell_temperature", "-20")],
    ),
    "absolute nought": ("no_sensor", [said("cell_temperature", "-273.1")], [said("cell_temperature", "60")]),
    "an unused input": (
        "unused_sensor",
        [said("cell_temperature", value, index=at) for at, value in enumerate(("0.0", "21.3", "20.9"), 1)],
        [said("cell_temperature", value, index=at) for at, value in enumerate(("0.0", "1.3", "0.9"), 1)],
    ),
    "a cell that is none": (
        "no_cell_voltage",
        [said("cell_voltage", "1.281")],
        [said("cell_voltage", "2.9")],
    ),
    "a lost cell": (
        "cell_lost",
        [said("cell_count", 1), said("cell_voltage", 0)],
        [said("cell_count", 1), said("cell_voltage", "3.3")],
    ),
    "all bits set": ("sentinel", [said("voltage", "655.35")], [said("voltage", "655.34")]),
    "the highest bit": ("sentinel", [said("charge_current_limit", "-3276.8")], [said("current", "-327.6")]),
    "nothing above the offset": ("sentinel", [said("current", "-3000.0")], [said("current", "-300.0")]),
    "a counter of 32 bits": (
        "sentinel",
        [said("charge_out", "4294967.295")],
        [said("charge_out", "65.535")],  # an amount like any other
    ),
    "charge above all": ("charge_out_of_range", [said("state_of_charge", 101)], [said("state_of_charge", 0)]),
    "health of nothing": (
        "health_out_of_range",
        [said("bms_reported_health", 0)],
        [said("bms_reported_health", "103.46")],
    ),
    "no capacity": (
        "capacity_zero",
        [said("nameplate_capacity", 0)],
        [said("nameplate_capacity", 50)],
    ),
    "nothing left": (
        "charge_nothing",
        [said("state_of_charge", 60), said("remaining_charge", 0)],
        [said("state_of_charge", 0), said("remaining_charge", 0)],
    ),
    "a corrupt counter": ("counter_corrupt", [said("cycle_count", 65001)], [said("cycle_count", 6500)]),
    "a tenth of the cells": (
        "scale_off",
        [*cells("3.3", "3.3"), said("voltage", "0.66")],
        [*cells("3.3", "3.3"), said("voltage", "6.60")],
    ),
    "ten times the mean": (
        "scale_off",
        [said("cell_count", 16), said("cell_voltage_mean", "3.300"), said("voltage", "528")],
        [said("cell_count", 16), said("cell_voltage_mean", "3.300"), said("voltage", "52.8")],
    ),
    "a voltage that 16 cells cannot have": (
        "scale_off",
        [said("cell_count", 16), said("voltage", "528")],
        [said("cell_count", 16), said("voltage", "52.8")],
    ),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_is_told_at_once(name):
    code, raising, quiet = AT_ONCE[name]
    assert code in Source().codes(0, *raising)
    assert code in Source().codes(None, *raising)
    assert code not in Source().codes(0, *quiet)


HELD = {
    "a module is missing": (
        "modules_missing",
        30,
        [said("module_count", 8), said("modules_online", 7)],
        [said("module_count", 8), said("modules_online", 8)],
    ),
    "groups that add up to less": (
        "groups_differ",
        60,
        [*each("cell_count", 8, 7), said("cell_count", 16)],
        [*each("cell_count", 8, 8), said("cell_count", 16)],
    ),
    "parallel parts of another count": (
        "groups_differ",
        60,
        [*each("cell_count", 15, 16), said("cell_count", 16)],
        [*each("cell_count", 16, 16), said("cell_count", 16)],
    ),
    "half a cell": (
        "mean_against_count",
        60,
        # 52.8 / 3.300 = 16.0; 54.5 / 3.300 = 16.51.
        [said("cell_count", 16), said("voltage", "54.5"), said("cell_voltage_mean", "3.300")],
        [said("cell_count", 16), said("voltage", "54.4"), said("cell_voltage_mean", "3.300")],
    ),
    "strings that do not add up": (
        "parts_against_whole",
        60,
        [*each("current", 10, 12), said("current", 40)],
        [*each("current", 10, 12), said("current", 22)],
    ),
    "modules beside the bank": (
        "parts_against_whole",
        60,
        [*each("voltage", "52.0", "52.2"), said("voltage", "53.5")],
        [*each("voltage", "52.0", "52.2"), said("voltage", "52.1")],
    ),
    "a bank that is its first module": (
        "bank_repeats_first",
        60,
        [*each("remaining_charge", "40.0", "31.5"), said("remaining_charge", "40.0")],
        [*each("remaining_charge", "40.0", "31.5"), said("remaining_charge", "71.5")],
    ),
    "power in the wrong scale": (
        "power_scale_off",
        30,
        [said("voltage", 52), said("current", 10), said("power", 5200)],
        [said("voltage", 52), said("current", 10), said("power", 520)],
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_what_must_last_before_it_is_told(name):
    code, hold_s, raising, quiet = HELD[name]
    source = Source()
    assert code not in source.codes(0, *raising)
    assert code not in source.codes(hold_s - 1, *raising)
    assert code in source.codes(hold_s, *raising)
    assert code not in source.codes(hold_s + 1, *quiet)
    assert code not in source.codes(hold_s + 2, *raising)  # it begins anew
    assert next(rule for rule in RULES if rule.code == code).hold_s == hold_s


@pytest.mark.parametrize("name", HELD)
def test_without_times_nothing_is_known_to_have_lasted(name):
    code, _, raising, quiet = HELD[name]
    source, calm = Source(), Source()
    for _ in range(20):
        assert code not in source.codes(None, *raising)
    for seconds in range(0, 600, 30):
        assert code not in calm.codes(seconds, *quiet)


def test_what_nobody_watched_is_not_known_to_have_lasted():
    raising = HELD["a module is missing"][2]
    source = Source()
    source.codes(0, *raising)
    assert "modules_missing" not in source.codes(7200, *raising)
    assert "modules_missing" in source.codes(7230, *raising)


def test_amounts_that_are_always_whole_were_cut_off():
    whole, fine = Source(), Source()
    for step in range(4):
        assert "whole_ampere_hours" not in whole.codes(step, said("remaining_charge", 80 - step))
    assert "whole_ampere_hours" in whole.codes(9, said("remaining_charge", 70))
    for step in range(9):
        assert "whole_ampere_hours" not in fine.codes(step, said("remaining_charge", f"{80 - step}.5"))


@pytest.mark.parametrize(
    ("protocol", "name", "doubted"),
    [
        ("can-victron", "PYLON", True),
        ("can-pylontech", "PYLON   ", False),
        ("pylontech-rs485", "PYLON", False),
        ("can-pylontech", "SOMEBODY", False),
        ("jbd", "PYLON", False),
        (None, "PYLON", False),
    ],
)
def test_the_name_of_one_brand_in_the_protocol_of_another(protocol, name, doubted):
    codes = Source(protocol=protocol).codes(0, said("manufacturer", name))
    assert ("manufacturer_differs" in codes) is doubted


def test_a_damaged_frame_is_refused_however_plausible_it_reads():
    frame = bytearray(jbd.PROTOCOL.request("basic"))
    frame[-2] ^= 1
    framer = jbd.PROTOCOL.framer()
    found = [*framer.feed(bytes(frame)), *framer.flush()]
    assert [one.fault for one in found if isinstance(one, Refused)] == [Fault.CHECKSUM]
    assert len(found) == 1
    assert DAMAGED.severity is Severity.REJECT
