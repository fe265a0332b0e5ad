"""Single gates at their bars."""

from decimal import Decimal

import pytest

from passport.judgement.second_life.assess import Verdict, assess
from passport.judgement.second_life.gates import GATES, Evidence
from schemas.terms import BatteryStatus

BY_ID = {gate.id: gate for gate in GATES}
D = Decimal
LFP = "Li-ion LFP"
NMC = "Li-ion NMC"
FULL = D("0.95")

CASES = {
    "a valid record and the same serial number": (
        "G1",
        {"signature_valid": True, "serial_matches": True},
        "pass",
    ),
    "another serial number": ("G1", {"signature_valid": True, "serial_matches": False}, "fail"),
    "a valid record, serial numbers never compared": ("G1", {"signature_valid": True}, "unknown"),
    "a record whose signature is not valid": (
        "G1",
        {"signature_valid": False, "serial_matches": True},
        "fail",
    ),
    "no record yet": ("G1", {"serial_matches": True}, "unknown"),
    "waste": ("G2", {"battery_status": BatteryStatus.WASTE}, "fail"),
    "original, but no word of the maker": ("G2", {"battery_status": BatteryStatus.ORIGINAL}, "unknown"),
    "no recall": ("G2", {"battery_status": BatteryStatus.RE_USED, "open_recall": False}, "pass"),
    "an open recall": ("G2", {"battery_status": BatteryStatus.ORIGINAL, "open_recall": True}, "fail"),
    "never inspected": ("G3", {}, "unknown"),
    "declared accident": ("G4", {"accidents": True}, "fail"),
    "declared none, no signal, complete": (
        "G4",
        {"accidents": False, "crash_flag": False, "coverage": D(1)},
        "pass",
    ),
    "declared none, history incomplete": (
        "G4",
        {"accidents": False, "crash_flag": False, "coverage": D("0.94")},
        "unknown",
    ),
    "insulation at the bar": ("G5", {"insulation_ohm_per_volt": D(500), "insulation_age_days": 90}, "pass"),
    "insulation between": ("G5", {"insulation_ohm_per_volt": D(100), "insulation_age_days": 1}, "unknown"),
    "insulation low": ("G5", {"insulation_ohm_per_volt": D(99), "insulation_age_days": 1}, "fail"),
    "insulation low, long ago": (
        "G5",
        {"insulation_ohm_per_volt": D(99), "insulation_age_days": 91},
        "unknown",
    ),
    "LFP at its long-stay limit": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("1.5"), "cell_coverage": FULL},
        "pass",
    ),
    "LFP just below it": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("1.499"), "cell_coverage": FULL},
        "unknown",
    ),
    "LFP below the reject value, load unknown": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("0.9"), "cell_coverage": FULL},
        "unknown",
    ),
    "LFP below the reject value at rest": (
        "G6",
        {"chemistry": LFP, "lowest_rested_cell_voltage": D("0.99"), "cell_coverage": D(0)},
        "fail",
    ),
    "LFP below the reject value for a moment, and watched without load": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("0.9"), "rested_low_count": 0, "cell_coverage": FULL},
        "pass",
    ),
    "the same with too little history": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("0.9"), "rested_low_count": 0, "cell_coverage": D("0.9")},
        "unknown",
    ),
    "LFP below 1.5 V without load for a day": (
        "G6",
        {
            "chemistry": LFP,
            "lowest_cell_voltage": D("1.2"),
            "lowest_rested_cell_voltage": D("1.2"),
            "rested_low_count": 1,
            "rested_low_seconds": D(86_400),
            "cell_coverage": FULL,
        },
        "pass",
    ),
    "and for longer": (
        "G6",
        {
            "chemistry": LFP,
            "lowest_cell_voltage": D("1.2"),
            "lowest_rested_cell_voltage": D("1.2"),
            "rested_low_count": 1,
            "rested_low_seconds": D(86_401),
            "cell_coverage": FULL,
        },
        "fail",
    ),
    "the same voltage is too low for NMC": (
        "G6",
        {"chemistry": NMC, "lowest_cell_voltage": D("1.5"), "cell_coverage": FULL},
        "unknown",
    ),
    "good extremes, little history": (
        "G6",
        {"chemistry": LFP, "lowest_cell_voltage": D("2.8"), "cell_coverage": D("0.949")},
        "unknown",
    ),
    "sodium-ion has no limit": (
        "G6",
        {"chemistry": "Na-ion", "lowest_cell_voltage": D(3), "cell_coverage": FULL},
        "unknown",
    ),
    "NMC at its severe limit": (
        "G7",
        {"chemistry": NMC, "highest_cell_voltage": D("4.35"), "cell_coverage": FULL},
        "pass",
    ),
    "NMC above, for how long unknown": (
        "G7",
        {"chemistry": NMC, "highest_cell_voltage": D("4.351"), "cell_coverage": FULL},
        "unknown",
    ),
    "NMC above for a minute": (
        "G7",
        {
            "chemistry": NMC,
            "highest_cell_voltage": D("4.4"),
            "severe_overvoltage_seconds": D(60),
            "cell_coverage": FULL,
        },
        "unknown",
    ),
    "NMC above for longer": (
        "G7",
        {
            "chemistry": NMC,
            "highest_cell_voltage": D("4.4"),
            "severe_overvoltage_seconds": D(61),
            "cell_coverage": FULL,
        },
        "fail",
    ),
    "79.9 degC": ("G8", {"highest_temperature": D("79.9"), "temperature_coverage": FULL}, "pass"),
    "80 degC, whatever else was recorded": ("G8", {"highest_temperature": D(80)}, "fail"),
    "no temperature": ("G8", {"temperature_coverage": D(1)}, "unknown"),
    "cool, little history": (
        "G8",
        {"highest_temperature": D(25), "temperature_coverage": D("0.5")},
        "unknown",
    ),
    "cells hold their charge": ("G9", {"cell_drift_ratio": D(3), "self_discharge": D(5)}, "pass"),
    "one cell drifts": ("G9", {"cell_drift_ratio": D("10.1"), "self_discharge": D(1)}, "fail"),
    "drift between": ("G9", {"cell_drift_ratio": D(10), "self_discharge": D(1)}, "unknown"),
    "BMS in order": (
        "G10",
        {"silent_days": 30, "protections": (), "sensors_doubted": False, "resets": 0},
        "pass",
    ),
    "BMS silent": (
        "G10",
        {"silent_days": 31, "protections": (), "sensors_doubted": False, "resets": 0},
        "unknown",
    ),
    "a protection is active": (
        "G10",
        {"silent_days": 0, "protections": ("x",), "sensors_doubted": False, "resets": 0},
        "unknown",
    ),
    "a cell is distrusted": (
        "G10",
        {"silent_days": 0, "protections": (), "sensors_doubted": True, "resets": 0},
        "unknown",
    ),
    "counters began anew": (
        "G10",
        {"silent_days": 0, "protections": (), "sensors_doubted": False, "resets": 1},
        "unknown",
    ),
    "nine days in ten": ("G11", {"coverage": D("0.9")}, "pass"),
    "less": ("G11", {"coverage": D("0.899")}, "unknown"),
    "nothing stored here": ("G11", {"coverage": D(0)}, "unknown"),
    "history declared lost": ("G11", {"coverage": D(1), "history_lost": True}, "fail"),
    "capacity measured lately": (
        "G12",
        {"capacity_age_days": 180, "capacity_below_every_use": False},
        "pass",
    ),
    "capacity too small": ("G12", {"capacity_age_days": 1, "capacity_below_every_use": True}, "fail"),
    "capacity measured long ago": (
        "G12",
        {"capacity_age_days": 181, "capacity_below_every_use": False},
        "unknown",
    ),
    "never diagnosed for transport": ("G13", {}, "unknown"),
}


@pytest.mark.parametrize(("gate", "evidence", "answer"), CASES.values(), ids=CASES)
def test_a_gate_answers_at_its_bar(gate, evidence, answer):
    said = BY_ID[gate].decide(Evidence(**evidence))
    assert (said.answer.value, bool(said.reason)) == (answer, True)


def test_the_best_that_readings_can_say_is_needs_inspection():
    outcome = assess(
        Evidence(
            signature_valid=True,
            serial_matches=True,
            battery_status=BatteryStatus.ORIGINAL,
            open_recall=False,
            coverage=D(1),
            cell_coverage=D(1),
            temperature_coverage=D(1),
            chemistry=LFP,
            lowest_cell_voltage=D("2.9"),
            highest_cell_voltage=D("3.55"),
            highest_temperature=D(41),
            silent_days=0,
            protections=(),
            sensors_doubted=False,
            resets=0,
        )
    )
    passed = [result.gate.id for result in outcome.results if result.answer.value == "pass"]
    assert passed == ["G1", "G2", "G6", "G7", "G8", "G10", "G11"]
    assert outcome.verdict is Verdict.NEEDS_INSPECTION
    assert [line.split()[0] for line in outcome.inspect] == ["G3", "G4", "G5", "G9", "G12", "G13"]
    wire = outcome.to_wire()
    assert wire["verdict"] == "needs_inspection"
    assert wire["reasons"][7] == {
        "gate": "G8",
        "name": "thermal abuse",
        "answer": "pass",
        "reason": (
            "the temperature was recorded over 100% of the days in service; nothing was hotter than 41 °C"
        ),
        "resolver": "computed",
    }
