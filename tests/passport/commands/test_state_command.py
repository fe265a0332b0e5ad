"""What `cellpass state` tells of events and clocks."""

import json
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from passport.commands import state as command
from passport.lifecycle import folding
from passport.lifecycle.basis import basis_of
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

T0 = 1_770_000_000_000  # 2026-02-02T02:40:00Z
BATTERY = SimpleNamespace(id="b1", identifier="/01/1/21/X", simulated=False)
FACTS = {
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": Decimal(100),
    "idle_temperature_max": Decimal(40),
}
EXPONENTS = {"current": -3, "cell_voltage_min": -3, "cell_temperature_max": -1, "state_of_charge": -1}


def told(facts):
    """A quarter of an hour of charging at 20 A in the warmth, the lowest cell first below 2 V."""
    count = 16
    columns = {
        "current": [20_000] * count,
        "cell_voltage_min": [1900, 1950] + [3300] * (count - 2),
        "cell_temperature_max": [465] * count,
        "state_of_charge": [10 * n for n in range(count)],
    }
    every = np.ones(count, np.bool_)
    samples = Samples(
        np.arange(1, count + 1),
        T0 + 60_000 * np.arange(count),
        every,
        {
            ColumnKey(name): Column(np.array(values, np.int64), every, EXPONENTS[name])
            for name, values in columns.items()
        },
    )
    (state,) = folding.fold(
        [LifecycleState()], [[Chunk("b1", "bms", "1", 1, samples)]], basis=[basis_of(facts)]
    )
    return {**command.tell(BATTERY, state, facts), "cells": []}


def test_events_clocks_and_what_cannot_be_judged_are_told():
    exposure = json.loads(orjson.dumps(told(FACTS)["exposure"]))
    assert exposure["events"]["deep_discharge"] == {
        "count": 1,
        "seconds": 60,
        "longest_s": 60,
        "worst": "1.900 V",
    }
    # 20 A over the 900 s after the first row are 5 Ah.
    assert exposure["events"]["hot_charge"] == {
        "count": 1,
        "seconds": 900,
        "longest_s": 900,
        "worst": "46.5 degC",
        "charge_ah": "5.000",
    }
    assert exposure["events"]["over_temperature"] == {"count": 0}
    assert exposure["events"]["over_power"] is None
    assert exposure["events"]["cold_idle"] == {"count": 0}
    assert exposure["newest"] == [
        {
            "kind": kind,
            "start": "2026-02-02T02:40:00Z",
            "duration_s": seconds,
            "worst": worst,
            "state_of_charge": "0.0",
            "temperature": "46.5",
            "current": "20.000",
        }
        for kind, seconds, worst in (("deep_discharge", 60, "1.900 V"), ("hot_charge", 900, "46.5 degC"))
    ]
    assert exposure["clocks_s"]["charging_above_bound"] == 900
    assert exposure["bounds"] == {"lower": None, "upper": "40.0"}
    assert exposure["charging"] == [
        {"temperature": "45 °C and above", "rate": "0.2 to 0.5 C", "seconds": 900}
    ]
    assert exposure["cycles"] == [{"depth": "10-20 %", "mean": "0-20 %", "cycles": "0.5"}]
    assert exposure["months"] == {"2026-02": {"minutes": 15, "share": 0.0004}}


@pytest.mark.parametrize("facts", [{}, {"battery_chemistry": "other"}])
def test_without_limits_nothing_is_told_as_nought(facts):
    events = told(facts)["exposure"]["events"]
    judged = {name for name, event in events.items() if event is not None}
    assert judged == {"thermal_abuse", "telemetry_gap", "clock_jump"}


def test_the_table_names_events_and_what_is_not_determinable(capsys):
    command._table(told(FACTS))
    said = capsys.readouterr().out
    assert "deep discharge                       1  1 min 0 s in all, worst 1.900 V" in said
    assert "Not determinable:" in said
    assert "over power" in " ".join(said.partition("Not determinable:")[2].split())
    assert "charging above bound" in said
    assert "2026-02" in said
    assert "negative events" not in said  # a list is for --json


def test_no_line_of_the_table_is_wider_than_a_terminal(capsys):
    command._table(told(FACTS))
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if len(line) > 79] == []
    assert "16 rows in 1 epoch, 2026-02-02T02:40:00Z to 2026-02-02T02:55:00Z" in said


def short(current_ma, seconds, *, absolute):
    """Two rows at 3.7 V, so many seconds apart, with a counter whose name is long."""
    every = np.ones(2, np.bool_)
    samples = Samples(
        np.array([1, 2]),
        (T0 if absolute else 0) + np.array([0, 1000 * seconds]),
        every,
        {
            ColumnKey("current"): Column(np.full(2, current_ma), every, -3),
            ColumnKey("voltage"): Column(np.full(2, 3700), every, -3),
            ColumnKey("event_count", kind="charge_under_temperature"): Column(np.full(2, 7), every, 0),
            ColumnKey("cycle_count"): Column(np.full(2, 3), every, 0),
        },
        absolute=absolute,
    )
    facts = {**FACTS, "rated_capacity": Decimal("0.04")}
    (state,) = folding.fold(
        [LifecycleState()], [[Chunk("b1", "bms", "1", 1, samples)]], basis=[basis_of(facts)]
    )
    return {**command.tell(BATTERY, state, facts), "cells": []}


def test_the_sums_of_a_small_cell_have_digits_that_tell(capsys):
    # 2 mA over 60 s are 1/30 mAh; at 3.7 V that is 0.123 mWh, less than a thousandth of a watt-hour.
    command._table(short(-2, 60, absolute=True))
    lines = {line[2:34].strip(): line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["capacity throughput"][2:4] == ["0.033", "mAh"]
    assert lines["energy throughput"][2:4] == ["0", "Wh"]


def test_a_short_recording_without_dates_is_told_in_few_words(capsys):
    command._table(short(-2, 3, absolute=False))
    said = capsys.readouterr().out
    assert "2 rows in 1 epoch, no absolute time\n" in said
    assert "observed 0 min 3 s" in said
    assert "1 segment\n" in said
    assert "segments" not in said


def test_a_month_tells_the_minutes_that_something_was_read_in(capsys):
    command._table(told(FACTS))
    said = capsys.readouterr().out
    assert "Minutes of each month in which something was read" in said
    assert "15 min  below 1 %" in said


def test_counters_stand_below_each_other_however_long_their_names(capsys):
    command._table(short(-2, 3, absolute=True))
    said = capsys.readouterr().out.partition("Counters of the device")[2].splitlines()[1:3]
    assert len({line.index("1 segment") for line in said}) == 1
