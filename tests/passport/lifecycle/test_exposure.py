"""Events, clocks and cycles worked out by hand: what begins an occasion, what ends it, what never does."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from passport.lifecycle import folding, reference
from passport.lifecycle.basis import NOTHING_DECLARED, Basis, basis_of
from passport.lifecycle.exposure import (
    KINDS,
    LONG_GAP_MS,
    MOST_MONTHS,
    MOST_OCCASIONS,
    NUMBERS,
    TELEMETRY_GAP,
    Clock,
    Exposure,
    Occasion,
    Points,
    Total,
    month_name,
    points_to_bytes,
)
from passport.lifecycle.limits import CHEMISTRIES, Limits, limits_of
from passport.lifecycle.rainflow import MOST_TURNS, Rainflow
from passport.lifecycle.shape import LifecycleState
from passport.lifecycle.summary import summary
from schemas.attributes.materials import battery_chemistry
from schemas.samples import Chunk, Column, ColumnKey, Note, Samples

T0 = 1_770_000_000_000  # 2026-02-02T02:40:00Z
S = 1000
LOW, HIGH = ColumnKey("cell_voltage_min"), ColumnKey("cell_voltage_max")
CURRENT, VOLTAGE = ColumnKey("current"), ColumnKey("voltage")
COLD, HOT = ColumnKey("cell_temperature_min"), ColumnKey("cell_temperature_max")
CHARGE, INSULATION = ColumnKey("state_of_charge"), ColumnKey("insulation_resistance")
TENTHS = {"state_of_charge", "cell_temperature_min", "cell_temperature_max"}
LFP = Basis(chemistry="Li-ion LFP", rated_mah=100_000, in_series=16)


def chunk(times, columns, *, source="bms", epoch="1", absolute=True, notes=()):
    """Seconds after T0; values in mV, mA, tenths and kilo-ohms, None where there is none."""
    time_ms = np.array([(T0 if absolute else 0) + int(time * S) for time in times], np.int64)
    found = {}
    for key, values in columns.items():
        valid = np.array([value is not None for value in values], np.bool_)
        exponent = -1 if key.quantity in TENTHS else 0 if key == INSULATION else -3
        found[key] = Column(np.array([value or 0 for value in values], np.int64), valid, exponent)
    sequence = np.arange(1, len(times) + 1)
    samples = Samples(sequence, time_ms, np.ones(len(times), np.bool_), found, tuple(notes), absolute)
    return Chunk("B", source, epoch, 1, samples)


@pytest.fixture(params=["arrays", "plain", "arrays, row by row"])
def fold(request, monkeypatch):
    """Every way of folding must give what was worked out by hand."""
    monkeypatch.setattr(folding, "SPARSE_ROWS", 0)

    def run(*chunks, basis=LFP) -> Exposure:
        if request.param == "plain":
            (state,) = reference.fold([LifecycleState()], [chunks], basis=[basis])
            return state.exposure
        if request.param == "arrays":
            (state,) = folding.fold([LifecycleState()], [chunks], basis=[basis])
            return state.exposure
        state = LifecycleState()
        for one in chunks:
            samples = one.samples
            for row in range(len(samples)):
                part = slice(row, row + 1)
                columns = {
                    key: replace(column, values=column.values[part], valid=column.valid[part])
                    for key, column in samples.columns.items()
                }
                notes = tuple(note for note in samples.notes if note.sequence == row + 1)
                piece = Samples(
                    samples.sequence[part],
                    samples.time_ms[part],
                    samples.timed[part],
                    columns,
                    notes,
                    samples.absolute,
                )
                state = LifecycleState.from_bytes(state.to_bytes())
                (state,) = folding.fold([state], [[replace(one, samples=piece)]], basis=[basis])
        return state.exposure

    return run


def low_cells(fold, times, values, **more):
    return fold(chunk(times, {LOW: values}, **more)).known("deep_discharge")


# ------------------------------------------------------------------------------------------------ occasions


def test_two_rows_three_seconds_apart_below_the_limit_are_one_occasion(fold):
    # LFP: below 2.00 V. 50 and 100 mV below it; the second row's excess counts for the 3 s before it.
    exposure = fold(
        chunk(
            [0, 3, 6, 70],
            {
                LOW: [1950, 1900, 2100, 2100],
                CURRENT: [-500] * 4,
                CHARGE: [20, 15, 15, 15],
                HOT: [210] * 4,
            },
        )
    )
    assert exposure.known("deep_discharge") == Total(count=1, held_s=3, longest_s=3, worst=100)
    assert [one for one in exposure.newest if one.kind == NUMBERS["deep_discharge"]] == [
        Occasion(0, T0 // S, 3000, 100, 300_000, 20, 210, -500, 2, entered=True)
    ]


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ([0, 100, 200], [1900, 2200, 2200]),
        ([0, 2.9, 10], [1900, 1900, 2200]),
        ([0, 1, 2, 3, 4], [1900, 2050, 1900, 2050, 1900]),
        ([0, 700], [1900, 1900]),
        ([0, 10], [2000, 2000]),
    ],
    ids=["one row", "less than three seconds", "never two in a row", "a gap between them", "at the limit"],
)
def test_what_is_no_occasion(fold, times, values):
    assert low_cells(fold, times, values).count == 0


def test_an_occasion_ends_after_a_minute_beyond_the_margin_and_not_before(fold):
    # At 2.05 V (within 100 mV) it goes on; it is then clear for 59 s, and falls again: still one.
    times = [0, 10, 20, 620, 1220, 1230, 1289, 1290, 1300, 1310, 1370, 1380, 1390]
    values = [1900, 1900, 2050, 2050, 2099, 2100, 2100, 1990, 1990, 2100, 2100, 1900, 1900]
    total = low_cells(fold, times, values)
    # The first: 0 to 1300 s, ended by being clear from 1310 to 1370 s; the second: 1380 to 1390 s.
    assert (total.count, total.held_s, total.longest_s, total.worst) == (2, 1310, 1300, 100)


def test_a_gap_is_no_time_of_an_occasion_and_does_not_end_it(fold):
    times = [0, 10, 10_010, 10_020]
    total = low_cells(fold, times, [1900] * 4)
    assert (total.count, total.held_s) == (1, 20)
    # Clear after the gap: it ended somewhere in it, and what comes then is another.
    total = low_cells(fold, [0, 10, 10_010, 10_020, 10_030], [1900, 1900, 2500, 1900, 1900])
    assert (total.count, total.held_s) == (2, 20)


def test_an_occasion_goes_on_into_the_next_run_of_the_same_device_but_not_into_another_source(fold):
    rows = {LOW: [1900, 1900]}
    one = fold(chunk([0, 10], rows), chunk([20, 30], rows, epoch="2")).known("deep_discharge")
    assert (one.count, one.held_s) == (1, 20)
    two = fold(chunk([0, 10], rows), chunk([20, 30], rows, source="other")).known("deep_discharge")
    assert (two.count, two.held_s) == (2, 20)


def test_sag_under_load_is_counted_to_the_letter_and_is_no_abuse(fold):
    # 50 A of 100 Ah: half a C. The law's word counts it; the safety gate does not see it.
    exposure = fold(chunk([0, 10, 20], {LOW: [1400] * 3, CURRENT: [-50_000] * 3}))
    assert exposure.known("deep_discharge").count == 1
    assert exposure.known("deep_discharge_compensated").count == 0
    assert exposure.known("deep_discharge_severe").count == 0
    # 10 A is a tenth of a C, and taken for no load.
    exposure = fold(chunk([0, 10, 20], {LOW: [1400] * 3, CURRENT: [-10_000] * 3}))
    assert exposure.known("deep_discharge_compensated").count == 1
    assert exposure.known("deep_discharge_severe") == Total(1, 20, 20, 100)


def test_rows_under_load_are_no_points_of_the_kind_without_load(fold):
    # Between two rested rows below the limit the load is on: neither clear nor holding.
    exposure = fold(chunk([0, 10, 20], {LOW: [1900, 2500, 1900], CURRENT: [0, 50_000, 0]}))
    assert exposure.known("deep_discharge_compensated") == Total(1, 20, 20, 100)
    assert exposure.known("deep_discharge").count == 0


def test_under_load_the_declared_resistance_corrects_the_voltage(fold):
    # 16 milliohm over 16 cells: 1 milliohm each, 50 mV at 50 A.
    basis = replace(LFP, pack_uohm=16_000)
    rows = {LOW: [1951, 1951, 1950], CURRENT: [-50_000] * 3}
    assert fold(chunk([0, 10, 20], rows), basis=basis).known("deep_discharge_compensated").count == 0
    rows = {LOW: [1949, 1940, 1900], CURRENT: [-50_000] * 3}
    exposure = fold(chunk([0, 10, 20], rows), basis=basis)
    assert exposure.known("deep_discharge_compensated") == Total(1, 20, 20, 50)
    assert exposure.rested_low == 1950
    # A current of another row is not good enough for that.
    frames = {LOW: [None, 1900, 1900], CURRENT: [-50_000, None, None]}
    assert fold(chunk([0, 1, 6], frames), basis=basis).known("deep_discharge_compensated").count == 0


def test_without_current_or_rated_capacity_nothing_is_judged_as_without_load(fold):
    assert fold(chunk([0, 10], {LOW: [1900] * 2})).known("deep_discharge_compensated").count == 0
    exposure = fold(chunk([0, 10], {LOW: [1900] * 2, CURRENT: [0, 0]}), basis=Basis(chemistry="Li-ion LFP"))
    assert exposure.can_tell("deep_discharge")
    assert not exposure.can_tell("deep_discharge_compensated")


def test_a_current_told_in_a_frame_of_its_own_stands_for_ten_seconds(fold):
    frames = {LOW: [None, 1900, None, 1900], CURRENT: [0, None, 0, None]}
    assert fold(chunk([0, 1, 5, 6], frames)).known("deep_discharge_compensated").count == 1
    late = {LOW: [None, 1900, 1900], CURRENT: [0, None, None]}
    assert fold(chunk([0, 11, 15], late)).known("deep_discharge_compensated").count == 0


def test_cells_told_in_several_frames_are_one_battery(fold):
    # Current, then cells 1 to 4 (one of them low), then cells 5 to 8, each second.
    times = [second + part / 10 for second in range(6) for part in (0, 1, 2)]
    rows = {CURRENT: [0, None, None] * 6, LOW: [None, 1900, 3300] * 6}
    assert fold(chunk(times, rows)).known("deep_discharge") == Total(1, 5, 5, 100)
    # Rows that tell everything at once are held to the rule.
    whole = {CURRENT: [0] * 12, LOW: [1900, 3300] * 6}
    assert fold(chunk([n / 2 for n in range(12)], whole)).known("deep_discharge").count == 0
    # Five seconds without a low cell are too long.
    times = [0, 0.1, 0.2, 4, 5.1, 5.2, 6]
    rows = {CURRENT: [0, None, None, 0, None, None, None], LOW: [None, 1900, 3300, None, 3300, 1900, 3300]}
    assert fold(chunk(times, rows)).known("deep_discharge").count == 0


def test_the_battery_by_its_cells_stands_in_only_where_no_cell_is_ever_told(fold):
    # 31.2 V by 16 cells is 1.95 V each.
    exposure = fold(chunk([0, 10], {VOLTAGE: [31_200, 31_200]}))
    assert exposure.known("deep_discharge") == Total(1, 10, 10, 50)
    both = {VOLTAGE: [31_200] * 4, LOW: [2500, None, None, 2500]}
    assert fold(chunk([0, 10, 20, 30], both)).known("deep_discharge").count == 0
    without = fold(chunk([0, 10], {VOLTAGE: [31_200] * 2}), basis=replace(LFP, in_series=None))
    assert not without.can_tell("deep_discharge")


@pytest.mark.parametrize("glitch", [0, 65_535, -5])
def test_what_no_cell_shows_is_no_event(fold, glitch):
    exposure = fold(chunk([0, 10, 20], {LOW: [glitch] * 3, HIGH: [glitch] * 3}))
    assert exposure.totals == {}
    assert exposure.clocks[Clock.VOLTAGE] == 0


def test_a_doubted_value_is_no_event(fold):
    notes = [Note(row, str(LOW), None, None, ("frozen",)) for row in (1, 2, 3)]
    assert fold(chunk([0, 10, 20], {LOW: [1900] * 3}, notes=notes)).totals == {}


def test_overvoltage_and_how_long_the_worst_of_it_lasted(fold):
    times, values = [0, 30, 60, 90, 120, 200], [3800, 4050, 4050, 4050, 3600, 3500]
    exposure = fold(chunk(times, {HIGH: values}))
    assert exposure.known("overvoltage") == Total(1, 90, 90, 350)
    assert exposure.known("overvoltage_severe") == Total(1, 60, 60, 50)


def test_charging_in_the_cold_counts_the_charge(fold):
    # -5 degC, 20 A for 60 s after the first row: 20,000 mA * 60,000 ms.
    exposure = fold(chunk([0, 30, 60], {COLD: [-50] * 3, HOT: [50] * 3, CURRENT: [20_000] * 3}))
    assert exposure.known("cold_charge") == Total(1, 60, 60, 50, 1_200_000_000)
    # A fiftieth of a C is where charging begins.
    assert fold(chunk([0, 30], {COLD: [-50] * 2, CURRENT: [1999] * 2})).known("cold_charge").count == 0
    assert fold(chunk([0, 30], {COLD: [-50] * 2, CURRENT: [2000] * 2})).known("cold_charge").count == 1


def test_the_end_of_charging_ends_the_occasion_after_a_minute(fold):
    times = [0, 10, 20, 50, 60, 70]
    exposure = fold(chunk(times, {HOT: [470] * 6, CURRENT: [9000, 9000, 0, 0, 9000, 9000]}))
    assert (exposure.known("hot_charge").count, exposure.known("hot_charge").held_s) == (1, 70)
    times = [0, 10, 20, 80, 90, 100]
    exposure = fold(chunk(times, {HOT: [470] * 6, CURRENT: [9000, 9000, 0, 0, 9000, 9000]}))
    assert (exposure.known("hot_charge").count, exposure.known("hot_charge").held_s) == (2, 20)
    assert exposure.known("hot_idle").count == 1


@pytest.mark.parametrize(("tenths", "count"), [(799, 0), (800, 1)])
def test_eighty_degrees_are_thermal_abuse_of_any_chemistry(fold, tenths, count):
    exposure = fold(chunk([0, 5], {HOT: [tenths] * 2}), basis=NOTHING_DECLARED)
    assert exposure.known("thermal_abuse").count == count


def test_declared_limits_win_over_those_of_the_chemistry(fold):
    declared = replace(LFP, minimum_mv=40_000, maximum_mv=57_600, idle_coldest=50, idle_hottest=300)
    rows = {LOW: [2490] * 2, HIGH: [3610] * 2, HOT: [310] * 2, COLD: [40] * 2, CURRENT: [0, 0]}
    exposure = fold(chunk([0, 5], rows), basis=declared)
    counted = {KINDS[number].name: total.worst for number, total in exposure.totals.items()}
    known = {name: exposure.known(name).worst for name in counted}
    assert known == {
        "deep_discharge": 10,
        "deep_discharge_compensated": 10,
        "overvoltage": 10,
        "hot_idle": 10,
        "cold_idle": 10,
    }


def test_more_than_the_permitted_power(fold):
    rows = {VOLTAGE: [50_000] * 3, CURRENT: [-21_000, -22_000, -10_000]}
    exposure = fold(chunk([0, 5, 10], rows), basis=replace(LFP, maximum_w=1000))
    assert exposure.known("over_power") == Total(1, 5, 5, 100)


def test_cells_that_rest_apart_are_imbalance_only_where_the_voltage_tells(fold):
    half_hours = [600 * n for n in range(5)]
    rows = {LOW: [3300] * 5, HIGH: [3331] * 5, CURRENT: [0] * 5, CHARGE: [960] * 5}
    assert fold(chunk(half_hours, rows)).known("imbalance") == Total(1, 2400, 2400, 1)
    assert fold(chunk(half_hours[:3], {k: v[:3] for k, v in rows.items()})).known("imbalance").count == 0
    assert fold(chunk(half_hours, {**rows, CHARGE: [500] * 5})).known("imbalance").count == 0
    assert fold(chunk(half_hours, {**rows, HIGH: [3330] * 5})).known("imbalance").count == 0


def test_insulation_below_500_ohms_per_volt(fold):
    # 500 ohm/V at 57.6 V is 28.8 kilo-ohm.
    basis = replace(LFP, maximum_mv=57_600)
    assert fold(chunk([0, 5], {INSULATION: [28, 28]}), basis=basis).known("isolation_fault").worst == 800
    assert fold(chunk([0, 5], {INSULATION: [29, 29]}), basis=basis).known("isolation_fault").count == 0


def test_long_storage_adds_up_over_gaps_and_takes_thirty_days(fold):
    # Fifty minutes of rows a day.
    def stored(days):
        times = [86_400 * day + 600 * n for day in range(days) for n in range(6)]
        rows = {CHARGE: [900] * len(times), CURRENT: [0] * len(times), HOT: [310] * len(times)}
        return chunk(times, rows)

    (state,) = folding.fold([LifecycleState()], [[stored(863)]], basis=[LFP])
    assert state.exposure.known("long_storage_high_soc").count == 0  # 863 * 3000 s are 29.97 days
    (state,) = folding.fold([LifecycleState()], [[stored(864)]], basis=[LFP])
    assert state.exposure.known("long_storage_high_soc") == Total(1, 2_592_000, 2_592_000, 100)


def test_a_week_without_a_word_is_a_gap_and_no_exposure(fold):
    week = LONG_GAP_MS // S
    exposure = fold(chunk([0, week, 2 * week + 1], {HOT: [900] * 3}))
    assert exposure.totals == {TELEMETRY_GAP: Total(1, week + 1, week + 1)}
    assert exposure.clocks == [0] * len(Clock)
    assert [(one.start_s, one.held_ms) for one in exposure.newest] == [(T0 // S + week, (week + 1) * S)]


def test_a_chemistry_without_limits_is_not_judged(fold):
    rows = {LOW: [100] * 3, HIGH: [9000] * 3, CURRENT: [9000] * 3, HOT: [790] * 3, COLD: [-400] * 3}
    exposure = fold(chunk([0, 5, 10], rows), basis=Basis(chemistry="other", rated_mah=100_000))
    assert exposure.totals == {}
    assert not exposure.can_tell("deep_discharge")
    assert not exposure.can_tell("cold_charge")
    assert exposure.can_tell("thermal_abuse")


def test_the_newest_occasions_are_kept_and_all_are_counted(fold):
    times = [200 * n + step for n in range(20) for step in (0, 5, 10, 80)]
    exposure = fold(chunk(times, {LOW: [1900, 1900, 2500, 2500] * 20}))
    assert exposure.known("deep_discharge").count == 20
    starts = [one.start_s - T0 // S for one in exposure.newest]
    assert starts == [200 * n for n in range(20 - MOST_OCCASIONS, 20)]


def test_what_goes_on_is_told_with_what_has_ended(fold):
    exposure = fold(chunk([0, 5, 10, 80, 100, 130], {LOW: [1900, 1900, 2500, 2500, 1950, 1950]}))
    assert exposure.known("deep_discharge") == Total(2, 35, 30, 100)
    assert [one.start_s - T0 // S for one in exposure.occasions()] == [0, 100]


# --------------------------------------------------------------------------------------------------- clocks


def test_clocks_run_by_the_declared_idle_range(fold):
    basis = replace(LFP, idle_coldest=0, idle_hottest=400)
    rows = {HOT: [401, 400, 401, 401], COLD: [0, -1, -1, 300], CURRENT: [0, 0, 5000, 5000]}
    exposure = fold(chunk([0, 10, 30, 60], rows), basis=basis)
    clocks = {clock.name: exposure.clocks[clock] // S for clock in Clock}
    assert clocks == {
        "ABOVE_BOUND": 10 + 30,
        "BELOW_BOUND": 20 + 30,
        "CHARGING_ABOVE_BOUND": 30,
        "CHARGING_BELOW_BOUND": 30,
        "CHARGING_HOT": 0,
        "CHARGING_COLD": 30,
        "CHARGING": 30,
        "HEAT_AND_CURRENT": 60,
        "HEAT": 60,
        "CELLS": 0,
        "VOLTAGE": 0,
        "WITHOUT_LOAD": 0,
    }
    assert exposure.bounds == (0, 400)


def test_time_of_charging_by_temperature_and_rate(fold):
    # Bins: below 0, from 0, 10, 25 and 45 degC; below C/5, from C/5, C/2 and 1 C.
    rows = {COLD: [-1, 0, 99, 250, 450], CURRENT: [2000, 20_000, 49_999, 50_000, 100_000]}
    exposure = fold(chunk([0, 1, 3, 7, 15], rows))
    assert exposure.rates == {0 * 4 + 0: 1000, 1 * 4 + 1: 2000 + 4000, 3 * 4 + 2: 8000}


def test_coverage_of_cells_and_of_cells_without_load(fold):
    rows = {LOW: [3300] * 4, CURRENT: [0, 50_000, 0, 0]}
    exposure = fold(chunk([0, 10, 30, 700], rows))  # the last step is beyond the longest gap
    assert exposure.clocks[Clock.CELLS] == 30_000
    assert exposure.clocks[Clock.WITHOUT_LOAD] == 10_000
    exposure = fold(chunk([0, 10], {VOLTAGE: [52_000] * 2}))
    assert (exposure.clocks[Clock.CELLS], exposure.clocks[Clock.VOLTAGE]) == (0, 10_000)


def test_watched_time_by_month(fold):
    # T0 is 2 February 2026, 02:40; 27 days to the first of March are 2,332,800 s minus 2 h 40 min.
    to_march = 27 * 86_400 - 9_600
    times = [0, 120, to_march - 60, to_march + 60]
    exposure = fold(chunk(times, {CURRENT: [0] * 4}))
    assert {month_name(month): minutes for month, minutes in exposure.months.items()} == {
        "2026-02": 3,
        "2026-03": 1,
    }


def test_only_the_newest_months_are_kept():
    exposure = Exposure()
    for year in range(3):
        exposure.watched(year * 366 * 86_400_000, (year * 366 + 200) * 86_400_000)
    assert len(exposure.months) <= MOST_MONTHS
    assert month_name(max(exposure.months)) == "1972-07"
    before = dict(exposure.months)
    exposure.watched(0, 86_400_000)
    assert exposure.months == before


# --------------------------------------------------------------------------------------------------- cycles


def test_rainflow_of_the_example_in_the_standard():
    # ASTM E1049, figure 6, shifted and scaled by 100: -2 1 -3 5 -1 3 -4 4 -2.
    flow = Rainflow()
    for value in (200, 500, 100, 900, 300, 700, 0, 800, 200):
        flow.take(value)
    # The standard counts 0.5 of range 3, 1.5 of 4, 0.5 of 6, 1.0 of 8 and 0.5 of 9.
    by_depth = {}
    for where, halves in flow.counted().items():
        by_depth[where // 5] = by_depth.get(where // 5, 0) + halves
    assert by_depth == {3: 1, 4: 3, 6: 1, 8: 2, 9: 1}


def test_a_full_cycle_is_one_of_the_deepest_and_small_ones_are_noise(fold):
    exposure = fold(chunk([0, 1, 2, 3, 4], {CHARGE: [0, 1000, 990, 1000, 0]}))
    assert exposure.rainflow.counted() == {9 * 5 + 2: 2}


def test_the_stack_of_turning_points_is_bounded():
    flow = Rainflow()
    for number in range(60):
        flow.take(500 + (300 - 4 * number) * (-1) ** number)
    assert len(flow.turns) <= MOST_TURNS
    # 59 ranges, of which those of 20 and more are counted: 596, 588, ... down to 20 and beyond.
    assert sum(flow.counted().values()) == len([n for n in range(59) if 596 - 8 * n >= 20])


# -------------------------------------------------------------------------------------------------- summary

FACTS = {
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": Decimal(100),
    "idle_temperature_min": Decimal(0),
    "idle_temperature_max": Decimal("41.5"),
}


def told(*chunks, facts=FACTS):
    (state,) = folding.fold([LifecycleState()], [chunks], basis=[basis_of(facts)])
    return {name: (one.value, one.method) for name, one in summary(state, facts).items()}


def test_counts_and_clocks_are_stated_with_their_methods():
    rows = {LOW: [1900] * 4, HIGH: [3300] * 4, CURRENT: [3000] * 4, HOT: [420] * 4, COLD: [-10] * 4}
    found = told(chunk([0, 30, 60, 150], rows))
    assert found["deep_discharge_count"] == (1, "events.occasion.v1")
    assert found["overcharge_count"] == (0, "events.occasion.v1")
    assert found["time_above_temperature"] == (2, "clock.exposure.v1")
    assert found["time_below_temperature"] == (2, "clock.exposure.v1")
    assert found["charging_time_above_temperature"] == (2, "clock.exposure.v1")
    assert found["charging_time_below_temperature"] == (2, "clock.exposure.v1")
    events, method = found["negative_events"]
    assert method == "events.newest.v1"
    at = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
    assert {event["type"]: event for event in events} == {
        "deep_discharge": {"type": "deep_discharge", "at": at, "duration_s": 150, "severity": "1.900 V"},
        "cold_charge": {"type": "cold_charge", "at": at, "duration_s": 150, "severity": "-1.0 degC"},
    }


def test_what_was_not_watched_is_not_stated_as_nought():
    found = told(chunk([0, 30], {CURRENT: [0, 0]}))
    never = {"deep_discharge_count", "overcharge_count", "negative_events", "time_above_temperature"}
    assert never.isdisjoint(found)
    # One row tells nothing of time either.
    assert never.isdisjoint(told(chunk([0], {LOW: [3300], HIGH: [3300], HOT: [250], CURRENT: [0]})))


def test_a_chemistry_without_limits_has_no_counts():
    rows = {LOW: [100] * 2, HIGH: [9000] * 2, CURRENT: [0] * 2, HOT: [250] * 2}
    found = told(chunk([0, 30], rows), facts={**FACTS, "battery_chemistry": "other"})
    assert {"deep_discharge_count", "overcharge_count", "negative_events"}.isdisjoint(found)


def test_a_clock_is_not_stated_where_too_little_was_watched():
    rows = {HOT: [420] * 3, CURRENT: [0] * 3}
    assert "time_above_temperature" in told(chunk([0, 600, 660], rows))
    assert "time_above_temperature" not in told(chunk([0, 600, 1280], rows))


def test_nothing_happened_is_said_where_it_could_have_been_seen():
    rows = {LOW: [3300] * 2, HIGH: [3300] * 2, CURRENT: [0] * 2, HOT: [250] * 2}
    assert told(chunk([0, 30], rows))["negative_events"] == ([], "events.newest.v1")


# --------------------------------------------------------------------------------------------------- limits


def test_limits_are_kept_by_words_of_the_registry():
    words = set(battery_chemistry.value.members)
    assert set(CHEMISTRIES) <= words
    assert words - set(CHEMISTRIES) == {"Li-metal", "Ni-Cd", "other"}


def test_limits_rise_from_reject_to_severe_high():
    for name, own in CHEMISTRIES.items():
        order = [own.reject, own.low_severe, own.low, own.high, own.high_severe]
        known = [one for one in order if one is not None]
        assert known == sorted(known), name
        degrees = [own.charge_cold_severe, own.charge_cold, own.charge_hot, own.charge_hot_severe]
        known = [one for one in degrees if one is not None]
        assert known == sorted(known), name


def test_nothing_declared_gives_no_limit_but_that_of_abuse():
    assert limits_of(NOTHING_DECLARED) == Limits()
    assert [kind.name for kind in KINDS if getattr(Limits(), kind.limit) is not None] == [
        "thermal_abuse",
        "long_storage_high_soc",
    ]


def test_bounds_of_extreme_temperature_come_before_the_idle_range():
    facts = {"idle_temperature_min": 0, "idle_temperature_max": 40}
    assert (basis_of(facts).idle_coldest, basis_of(facts).idle_hottest) == (0, 400)
    facts["extreme_temperature_bounds"] = {"lower": "-5", "upper": "45.5"}
    assert (basis_of(facts).idle_coldest, basis_of(facts).idle_hottest) == (-50, 455)


# ---------------------------------------------------------------------------------------------------- bytes


def full_exposure() -> Exposure:
    """Twenty years of a battery to which nearly everything happened, with three occasions going on."""
    start = 2_400_000_000
    made = Exposure(cells_told=True, seen_ms=start * S, judged=2 ** len(KINDS) - 1, bounds=(-200, 600))
    for number in [*range(12), TELEMETRY_GAP]:
        made.totals[number] = Total(1000, 10**6, 10**5, 900, 10**12 if number in {5, 6} else 0)
    made.newest = [
        Occasion(number, start + number * 10**5, 10**7, 999, 10**9, 999, -99, -99_900, 2, entered=True)
        for number in range(MOST_OCCASIONS)
    ]
    for number in (0, 1, 7):
        made.open[number] = Occasion(
            number, start, 10**9, 999, 10**11, 999, 399, -99_999, 2, entered=True, slack_ms=10**5, clear_ms=99
        )
    made.clocks = [6 * 10**11] * len(Clock)
    made.rates = dict.fromkeys(range(12), 10**10)
    made.rainflow = Rainflow([999 if n % 2 else 500 for n in range(10)], dict.fromkeys(range(20), 8_000))
    made.months = dict.fromkeys(range(24_000, 24_000 + MOST_MONTHS), 44_640)
    return made


def test_a_full_exposure_stays_within_nine_hundred_bytes():
    made = full_exposure()
    data = made.to_bytes()
    assert Exposure.from_bytes(data) == made
    points = Points(0, dict.fromkeys(("current", "state_of_charge", "hottest", "coldest"), (0, 99_999)))
    points.heat = points.charging = points.cells = (0, 300)
    points.kinds = dict.fromkeys((0, 1, 7), 0)
    assert len(data) + len(points_to_bytes(points, 0)) <= 900


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x03", full_exposure().to_bytes() + b"\x01"])
def test_bytes_that_are_no_exposure_are_refused(data):
    with pytest.raises(ValueError, match=r"."):
        Exposure.from_bytes(data)
