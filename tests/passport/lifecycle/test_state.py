"""The fold, worked out by hand: sums, clocks, residence, extremes, counters, overlaps."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from passport.lifecycle import folding, reference
from passport.lifecycle.shape import (
    LARGEST_BYTES,
    MOST_EVENT_KINDS,
    Boundary,
    Counter,
    Extreme,
    Last,
    LifecycleState,
    joined,
)
from passport.lifecycle.summary import (
    amp_hours,
    coverage,
    full_cycles_throughput,
    kilowatt_hours,
    reported,
    summary,
)
from schemas.samples import Chunk, Column, ColumnKey, Note, Samples
from schemas.terms import Origin, Source
from tests.passport.lifecycle.test_exposure import full_exposure
from tests.passport.lifecycle.test_sessions import full_sessions
from tests.passport.lifecycle.test_steps import full_resistances

T0 = 1_770_000_000_000  # 2026-02-02T02:40:00Z
HOUR = 3_600_000
FILE_A, FILE_B = ("sha256:" + digit * 64 for digit in "ab")
CURRENT, VOLTAGE, CHARGE = ColumnKey("current"), ColumnKey("voltage"), ColumnKey("state_of_charge")
HEAT = ColumnKey("cell_temperature", 1)


def chunk(times, columns=None, *, epoch="1", source="bms", absolute=True, notes=(), first=1, exponents=None):
    """Times in ms after T0 (None: no time); columns map a key to values with None where there is none."""
    count = len(times)
    timed = np.array([time is not None for time in times], np.bool_)
    base = T0 if absolute else 0
    time_ms = np.array([base + time if time is not None else 0 for time in times], np.int64)
    found = {}
    for key, values in (columns or {}).items():
        exponent = (exponents or {}).get(key)
        if exponent is None:
            exponent = -1 if key.quantity in {"state_of_charge", "cell_temperature"} else -3
            exponent = 0 if key.quantity in {"cycle_count", "event_count"} else exponent
        valid = np.array([value is not None for value in values], np.bool_)
        found[key] = Column(np.array([value or 0 for value in values], np.int64), valid, exponent)
    samples = Samples(np.arange(first, first + count), time_ms, timed, found, tuple(notes), absolute)
    return Chunk("B", source, epoch, 1, samples)


@pytest.fixture(params=["arrays", "plain"])
def fold(request, monkeypatch):
    """Both ways of folding must give what was worked out by hand."""
    monkeypatch.setattr(folding, "SPARSE_ROWS", 0)
    chosen = folding.fold if request.param == "arrays" else reference.fold

    def run(*chunks, gaps=None):
        (state,) = chosen([LifecycleState()], [chunks], max_gap_ms=[gaps or {}])
        return state

    return run


def test_one_hour_at_ten_ampere_is_ten_ampere_hours(fold):
    state = fold(chunk([0, HOUR // 10 * 5, HOUR], {CURRENT: [10_000] * 3}), gaps={"bms": HOUR})
    assert amp_hours(state.charge_in) == Decimal("10.000")
    assert (state.charge_in, state.charge_out, state.charge_ms) == (72_000_000_000, 0, HOUR)


def test_energy_is_the_trapezoid_of_power_and_not_of_each_factor(fold):
    # (50 V * 10 A + 52 V * 20 A) / 2 over 60 s = 770 W * 60 s = 46,200 J = 12.8333 Wh
    state = fold(chunk([0, 60_000], {CURRENT: [10_000, 20_000], VOLTAGE: [50_000, 52_000]}))
    assert state.energy_in == (50_000 * 10_000 + 52_000 * 20_000) * 60_000
    assert kilowatt_hours(state.energy_in) == Decimal("0.013")
    assert (state.energy_out, state.energy_ms) == (0, 60_000)


def test_a_step_counts_in_the_direction_of_its_own_sum(fold):
    state = fold(chunk([0, 1000, 2000], {CURRENT: [3000, -1000, -1000]}))
    assert (state.charge_in, state.charge_out) == (2000 * 1000, 2000 * 1000)


def test_rows_without_a_current_do_not_cut_the_series_of_current(fold):
    # As of a device whose cell frames stand between its basic frames.
    state = fold(
        chunk([0, 500, 1000], {CURRENT: [1000, None, 1000], ColumnKey("cell_voltage", 1): [None, 3300, None]})
    )
    assert (state.charge_in, state.charge_ms, state.observed_ms) == (2000 * 1000, 1000, 1000)


@pytest.mark.parametrize(("step", "observed", "unknown"), [(600_000, 600_000, 0), (600_001, 0, 600_001)])
def test_a_silence_longer_than_the_longest_gap_is_unknown_time(fold, step, observed, unknown):
    state = fold(chunk([0, step], {CURRENT: [1000, 1000]}))
    assert (state.observed_ms, state.unknown_ms, state.charge_ms) == (observed, unknown, observed)


def test_the_longest_gap_is_each_sources_own(fold):
    state = fold(chunk([0, 61_000], {CURRENT: [1000, 1000]}), gaps={"bms": 60_000})
    assert (state.observed_ms, state.unknown_ms) == (0, 61_000)


def test_a_clock_that_runs_back_makes_no_negative_time_and_is_counted(fold):
    state = fold(chunk([0, 1000, -5000, -4000], {CURRENT: [1000] * 4}))
    assert (state.observed_ms, state.charge_ms, state.backwards, state.restarts) == (2000, 2000, 1, 0)
    assert state.charge_in == 2 * 2000 * 1000


def test_nothing_reaches_across_a_clock_that_ran_back(fold):
    # The current is missing in the row where the clock jumps: 0 s and 2 s must not be joined.
    state = fold(chunk([0, 1000, 500, 2000], {CURRENT: [1000, None, None, 1000]}))
    assert (state.backwards, state.charge_ms) == (1, 0)


def test_a_restart_of_test_time_opens_a_segment_and_is_no_fault(fold):
    state = fold(chunk([0, 1000, 0, 1000], {CURRENT: [1000] * 4}, absolute=False))
    assert (state.restarts, state.backwards, state.charge_ms) == (1, 0, 2000)
    assert (state.first_ms, state.last_ms) == (None, None)


def test_without_any_time_only_counters_and_extremes_are_kept(fold):
    state = fold(
        chunk([None, None], {CURRENT: [1000, 2000], ColumnKey("cycle_count"): [7, 8], CHARGE: [500, 510]})
    )
    assert (state.untimed, state.observed_ms, state.charge_ms, state.residence) == (2, 0, 0, {})
    assert state.extremes["current_max"] == Extreme(2000, None)
    assert state.counters["cycle_count"].last == 8
    assert state.last["state_of_charge"] == Last("51", None)


def test_a_new_run_of_a_device_begins_with_unknown_time(fold):
    state = fold(
        chunk([0, 1000], {CURRENT: [1000, 1000]}, epoch="1"),
        chunk([3000, 4000], {CURRENT: [1000, 1000]}, epoch="2"),
    )
    assert (state.observed_ms, state.unknown_ms, state.charge_ms, state.epochs) == (2000, 2000, 2000, 2)


def test_residence_goes_to_where_the_step_began(fold):
    state = fold(chunk([0, 1000, 3000], {HEAT: [250, 310, 100], CHARGE: [999, 1000, 0]}))
    # 25.0 degC is bin 7 (25 to 30), 31.0 degC is bin 8; 99.9 % is bin 9, and so is 100 %.
    assert state.residence == {79: 1000, 89: 2000}
    assert state.hot == {7: 1000, 8: 2000}


@pytest.mark.parametrize(
    ("tenths", "where"),
    [(-201, 0), (-200, 1), (-1, 2), (0, 3), (99, 3), (449, 10), (450, 11), (599, 11), (600, 12)],
)
def test_a_temperature_on_an_edge_belongs_above_it(fold, tenths, where):
    state = fold(chunk([0, 1000], {HEAT: [tenths, tenths]}))
    assert state.hot == {where: 1000}


def test_the_hottest_and_the_coldest_sensor_have_clocks_of_their_own(fold):
    columns = {HEAT: [240, 240], ColumnKey("cell_temperature", 2, "module/2"): [-10, None]}
    state = fold(chunk([0, 1000], columns))
    assert (state.hot, state.cold) == ({6: 1000}, {2: 1000})
    assert (state.last["hottest"].value, state.last["coldest"].value) == ("24", "24")
    assert state.extremes["temperature_min"] == Extreme(-10, T0)


def test_extremes_keep_when_they_were_first_reached(fold):
    state = fold(chunk([0, 1000, 2000], {CURRENT: [5, 9, 9], VOLTAGE: [3, 2, 2]}))
    assert state.extremes["current_max"] == Extreme(9, T0 + 1000)
    assert state.extremes["current_min"] == Extreme(5, T0)
    assert state.extremes["voltage_min"] == Extreme(2, T0 + 1000)


def test_a_doubted_value_enters_nothing_but_what_was_last_said(fold):
    note = Note(2, "current", None, None, ("saturated",))
    state = fold(chunk([0, 1000, 2000], {CURRENT: [1000, 999_999, 1000]}, notes=[note]))
    assert state.extremes["current_max"].value == 1000
    assert (state.charge_in, state.charge_ms) == (2000 * 2000, 2000)
    note = Note(3, "current", None, None, ("saturated",))
    state = fold(chunk([0, 1000, 2000], {CURRENT: [1000, 1000, 999_999]}, notes=[note]))
    assert state.last["current"] == Last("999.999", T0 + 2000, ("saturated",))


def test_a_doubt_that_only_warns_does_not_keep_a_value_out(fold):
    note = Note(2, "cell_voltage/1", None, None, ("cells_against_pack",))
    state = fold(chunk([0, 1000], {ColumnKey("cell_voltage", 1): [3300, 3400]}, notes=[note]))
    assert state.extremes["cell_voltage_max"].value == 3400


def test_what_no_battery_shows_and_placeholders_stay_out(fold):
    state = fold(chunk([0, 1000], {CURRENT: [100_000_001, 1000], HEAT: [250, 60_000]}))
    assert state.extremes["current_max"].value == 1000
    assert state.extremes["temperature_max"].value == 250
    made_up = chunk([0, 1000], {CURRENT: [1, 2]})
    column = made_up.samples.columns[CURRENT]
    made_up.samples.columns[CURRENT] = Column(column.values, column.valid, -3, Origin.PLACEHOLDER)
    assert (fold(made_up).extremes, fold(made_up).last) == ({}, {})


@pytest.mark.parametrize(
    ("value", "mA"), [(10_004, 1000), (10_005, 1000), (10_006, 1001), (10_015, 1002), (-10_005, -1000)]
)
def test_finer_values_are_rounded_once_half_to_even(fold, value, mA):  # noqa: N803
    state = fold(chunk([0], {CURRENT: [value]}, exponents={CURRENT: -4}))
    assert state.extremes["current_max"].value == mA


def test_sums_that_outgrow_64_bits_are_exact(fold):
    # 10 kV * 100 kA for nine hours in steps of an hour.
    rows = 10
    columns = {CURRENT: [100_000_000] * rows, VOLTAGE: [10_000_000] * rows}
    state = fold(chunk([HOUR * n for n in range(rows)], columns), gaps={"bms": HOUR})
    assert state.energy_in == 2 * 10**15 * 9 * HOUR
    assert kilowatt_hours(state.energy_in) == Decimal("9000000.000")


def test_many_large_steps_are_exact_in_two_halves(fold):
    rows = 200
    signs = [1 if n % 20 < 10 else -1 for n in range(rows)]
    columns = {CURRENT: [sign * 1_500_000 for sign in signs], VOLTAGE: [1_500_000] * rows}
    state = fold(chunk([600_000 * n for n in range(rows)], columns))
    power = 1_500_000 * 1_500_000
    # 20 blocks of ten rows: nine steps inside each, and nothing in the steps between them.
    assert state.energy_in == state.energy_out == 10 * 9 * 2 * power * 600_000


def test_a_counter_that_falls_opens_a_segment_and_the_total_goes_on(fold):
    key = ColumnKey("cycle_count")
    state = fold(chunk([0, 1000, 2000, 3000, 4000], {key: [100, 120, 3, 5, 4]}))
    counter = state.counters["cycle_count"]
    assert (counter.first, counter.last, counter.segments) == (4, 4, 3)
    assert counter.total == 120 + 5 + 4
    assert counter.growth == 20 + 2
    assert counter.closed == [(100, 120), (3, 5)]
    assert counter.time_ms == T0 + 4000


def test_another_source_counts_in_a_segment_of_its_own(fold):
    key = ColumnKey("cycle_count")
    state = fold(
        chunk([10_000, 11_000], {key: [50, 80]}, source="a"), chunk([0, 1000], {key: [20, 30]}, source="b")
    )
    counter = state.counters["cycle_count"]
    assert (counter.total, counter.growth, counter.segments) == (30, 40, 2)


def test_kinds_of_events_are_bounded_and_the_first_ones_stay(fold):
    columns = {ColumnKey("event_count", None, None, f"kind_{n:02}"): [1, 2] for n in range(20)}
    state = fold(chunk([0, 1000], columns))
    assert sorted(state.counters) == [f"event_count#kind_{n:02}" for n in range(MOST_EVENT_KINDS)]


def test_files_that_overlap_count_once(fold):
    ten = list(range(0, 10_000, 1000))
    state = fold(
        chunk(ten, {CURRENT: [1000] * 10}, epoch=FILE_A),
        chunk([5000 + time for time in ten], {CURRENT: [1000] * 10}, epoch=FILE_B),
    )
    # 0 to 9 s from the first; 10 to 14 s from the second; the step from 9 to 10 s belongs to neither.
    assert (state.charge_ms, state.overlapping) == (9000 + 4000, 5)
    assert (state.first_ms, state.last_ms) == (T0, T0 + 14_000)


def test_a_second_source_fills_the_gap_of_the_first_and_no_more(fold):
    first = [0, 1000, 2000, 5_000_000, 5_001_000]
    second = list(range(0, 10_000, 1000))
    state = fold(
        chunk(first, {CURRENT: [1000] * 5}, source="a"), chunk(second, {CURRENT: [1000] * 10}, source="b")
    )
    assert state.overlapping == 3  # 0, 1 and 2 s
    assert state.charge_ms == 2000 + 1000 + 6000


def test_runs_of_one_device_are_never_held_against_each_other(fold):
    # The clock was lost between the runs: the second run's rows are real all the same.
    state = fold(
        chunk([0, 1000], {CURRENT: [1000, 1000]}, epoch="1"),
        chunk([0, 1000], {CURRENT: [1000, 1000]}, epoch="2"),
    )
    assert (state.charge_ms, state.overlapping) == (2000, 0)


def test_overlapping_rows_still_count_for_extremes(fold):
    state = fold(
        chunk([0, 1000], {CURRENT: [1000, 1000]}, source="a"),
        chunk([0, 500], {CURRENT: [1, 5000]}, source="b"),
    )
    assert state.extremes["current_max"] == Extreme(5000, T0 + 500)
    assert state.last == {}
    assert reported(state)["current"] == Last("1", T0 + 1000)


def test_the_newest_word_wins_whichever_source_is_folded_last(fold):
    state = fold(chunk([9000], {CHARGE: [500]}, source="a"), chunk([0], {CHARGE: [900]}, source="b"))
    assert reported(state)["state_of_charge"] == Last("50", T0 + 9000)


def test_stretches_beyond_the_bound_close_their_smallest_gap():
    stretches = [(n * 100 + n * n, n * 100 + n * n + 50) for n in range(8)]
    union = joined(stretches, [])
    assert len(union) == 6
    assert union[0] == (0, 254)
    assert joined([(0, 5)], [(5, 9), (20, 30)]) == [(0, 9), (20, 30)]


def full_state() -> LifecycleState:
    """A state with everything that can be in it, at its longest."""
    late = 4_102_444_800_000
    big = 10**12
    word = "w" * 24
    state = LifecycleState("s" * 64, FILE_A, 2**53 - 1, "f" * 16, True, False, *[10**6] * 6)
    state.first_ms, state.last_ms, state.observed_ms, state.unknown_ms = late, late, big, big
    state.charge_in = state.charge_out = 10**20
    state.energy_in = state.energy_out = 10**26
    state.charge_ms = state.energy_ms = big
    # Twenty years spread over a third of the bins, which no battery does.
    state.residence = dict.fromkeys(range(30, 72), 10**9)
    state.hot = state.cold = dict.fromkeys(range(13), 10**10)
    for name in ("voltage", "current", "cell_voltage", "temperature"):
        state.extremes[f"{name}_min"] = state.extremes[f"{name}_max"] = Extreme(-100_000, late)
    for name in ("cycle_count", "charge_in", "charge_out", "operating_time", "event_count#deep_discharge"):
        state.counters[name] = Counter(10**7, 10**7, late, 10**8, 10**8, 9, [(1, 10**7)] * 2)
    for name in ("voltage", "current", "state_of_charge", "remaining_charge", "full_charge_capacity"):
        state.last[name] = Last("-123.4567", late, (word,))
        state.last_before[name] = Last("-123.4567", late, (word,))
    state.boundary = Boundary(late, (late, -(10**8)), (late, -(10**15)), (late, 12, 12), (late, 129))
    stretches = [(late - n * 10**6, late - n * 10**6 + 5) for n in range(6, 0, -1)]
    state.covered_sources, state.covered_epochs, state.covered = stretches, list(stretches), list(stretches)
    state.open = (late, late)
    return state


def test_a_full_state_stays_within_four_kilobytes():
    data = full_state().to_bytes()
    assert len(data) <= LARGEST_BYTES
    assert LifecycleState.from_bytes(data) == full_state()


def test_a_long_life_with_all_its_parts_stays_within_four_kilobytes():
    """Twenty years of a device, every part as full as its own test lets it be, and no doubts at present."""
    state = full_state()
    state.source, state.epoch = "bms-of-the-north-field", "1204"
    for said in (*state.last.values(), *state.last_before.values()):
        said.doubts = ()
    state.residence = dict.fromkeys(range(40, 60), 10**10)
    state.exposure = full_exposure()
    state.resistances = full_resistances()
    state.sessions = full_sessions()
    assert len(state.to_bytes()) <= LARGEST_BYTES


@pytest.mark.parametrize(
    "data", [b"", b"\xa0", b"\x80", b"\xa1gversion\x02", b"\xf6", b"\xff", b'{"version":1}']
)
def test_bytes_that_are_no_state_are_refused(data):
    with pytest.raises(ValueError, match=r"."):
        LifecycleState.from_bytes(data)


# What the registry is told.


def facts(**more):
    return {"rated_capacity": Decimal(100), **more}


def hour(fold, **columns):
    """An hour at -50 A and 50 V in steps of a minute."""
    times = [60_000 * n for n in range(61)]
    values = {CURRENT: [-50_000] * 61, VOLTAGE: [50_000] * 61, HEAT: [460] * 61, CHARGE: [750] * 61}
    return fold(chunk(times, {**values, **columns}))


def test_the_summary_states_what_was_measured_with_its_method(fold):
    found = summary(hour(fold), facts())
    end = datetime(2026, 2, 2, 3, 40, tzinfo=UTC)
    said = {name: (one.value, one.method, one.source, one.as_of) for name, one in found.items()}
    assert said == {
        "full_cycles": (Decimal("0.500"), "fec.dis_rated.observed.v1", Source.COMPUTED, end),
        "capacity_throughput": (Decimal("50.000"), "charge.observed.v1", Source.COMPUTED, end),
        "energy_throughput": (Decimal("2.500"), "energy.observed.v1", Source.COMPUTED, end),
        "state_of_charge": (Decimal(75), "soc.bms.v1", Source.BMS_REPORTED, end),
        "temperature": (Decimal(46), "temperature.hottest_cell.v1", Source.BMS_REPORTED, end),
        "operating_environment_records": (
            [
                {
                    "temperature_from": Decimal(45),
                    "temperature_to": Decimal(60),
                    "charge_from": Decimal(70),
                    "charge_to": Decimal(80),
                    "time_s": 3600,
                }
            ],
            "residence.hottest.v1",
            Source.COMPUTED,
            end,
        ),
    }
    assert full_cycles_throughput(hour(fold), Decimal(100)) == Decimal("0.250")


def test_nothing_measured_is_nothing_stated(fold):
    assert summary(LifecycleState(), facts()) == {}
    assert summary(fold(chunk([0], {CURRENT: [0]})), facts()) == {}
    assert full_cycles_throughput(LifecycleState(), Decimal(100)) is None


def test_without_a_rated_capacity_there_are_no_cycles(fold):
    assert "full_cycles" not in summary(hour(fold), {})


def test_time_beyond_a_bound_is_stated_only_where_it_can_be_told(fold):
    told = summary(hour(fold), facts(idle_temperature_max=Decimal(45), idle_temperature_min=Decimal(0)))
    assert (told["time_above_temperature"].value, told["time_below_temperature"].value) == (60, 0)
    inside_a_bin = summary(hour(fold), facts(idle_temperature_max=Decimal(42)))
    assert "time_above_temperature" not in inside_a_bin


@pytest.mark.parametrize(("minutes", "is_stated"), [(5, True), (6, False)], ids=["nine tenths", "less"])
def test_time_beyond_a_bound_is_not_stated_where_a_tenth_was_not_watched(fold, minutes, is_stated):
    # 59 steps of a minute and one gap of that and `minutes` more: 59 of 65 min are 0.908, 59 of 66 are 0.894.
    times = [60_000 * n for n in range(31)] + [60_000 * (n + minutes) for n in range(31, 61)]
    state = fold(chunk(times, {HEAT: [460] * 61}), gaps={"bms": 120_000})
    told = summary(state, facts(idle_temperature_max=Decimal(45), idle_temperature_min=Decimal(0)))
    assert ("time_above_temperature" in told) is is_stated
    assert ("time_below_temperature" in told) is is_stated


def test_a_devices_own_lifetime_counters_are_the_throughput(fold):
    counters = {ColumnKey("charge_in"): [7_000_000] * 61, ColumnKey("charge_out"): [6_000_000] * 61}
    found = summary(hour(fold), facts())
    assert found["capacity_throughput"].value == Decimal("50.000")
    times = [60_000 * n for n in range(61)]
    found = summary(fold(chunk(times, {CURRENT: [-50_000] * 61, **counters})), facts())
    assert found["capacity_throughput"].value == Decimal("13000.000")
    assert found["capacity_throughput"].source is Source.BMS_REPORTED
    assert found["full_cycles"].value == Decimal("60.000")


def test_a_doubted_charge_is_not_stated(fold):
    note = Note(1, "state_of_charge", None, None, ("charge_out_of_range",))
    assert "state_of_charge" not in summary(fold(chunk([0], {CHARGE: [500]}, notes=[note])), facts())


def test_the_health_a_bms_reports_stands_beside_and_is_not_stated_as_ours(fold):
    key = ColumnKey("bms_reported_health")
    state = fold(chunk([0], {key: [970]}, exponents={key: -1}))
    assert reported(state)["bms_reported_health"] == Last("97", T0)
    assert summary(state, facts()) == {}


def test_coverage_tells_what_the_sums_rest_on(fold):
    found = coverage(fold(chunk([0, 1000, 10_000_000], {CURRENT: [1, 1, 1]})))
    assert (found.observed, found.unknown) == (timedelta(seconds=1), timedelta(seconds=9999))
    assert (found.charge, found.energy, found.rows) == (timedelta(seconds=1), timedelta(0), 3)
    assert found.last == datetime(2026, 2, 2, 5, 26, 40, tzinfo=UTC)


@pytest.mark.parametrize("sparse", [0, 24], ids=["by arrays", "by rows"])
def test_a_health_that_is_repeated_is_counted_until_it_changes(monkeypatch, sparse):
    monkeypatch.setattr(folding, "SPARSE_ROWS", sparse)
    key = ColumnKey("bms_reported_health")

    def chunk(first, values, exponent=-1, source="bms"):
        count = len(values)
        column = Column(np.array(values, np.int64), np.ones(count, np.bool_), exponent)
        times = np.array([1_770_000_000_000 + 1000 * (first + n) for n in range(count)])
        samples = Samples(
            np.arange(first, first + count), times, np.ones(count, np.bool_), {key: column}, (), True
        )
        return Chunk("B", source, "1", 1, samples)

    (state,) = folding.fold([LifecycleState()], [[chunk(0, [960, 950, 950])]])
    assert state.same_health == ("95", 2)
    # The same, at another scale, in the next batch.
    (state,) = folding.fold([LifecycleState.from_bytes(state.to_bytes())], [[chunk(3, [9500] * 4, -2)]])
    assert state.same_health == ("95", 6)
    (state,) = folding.fold([state], [[chunk(7, [950, 951, 950])]])
    assert state.same_health == ("95", 1)
    (state,) = folding.fold([state], [[chunk(20, [950], source="other")]])
    assert state.same_health == ("95", 1)


def test_the_cell_that_went_furthest_is_named(fold):
    first, second = ColumnKey("cell_voltage", 1, "module/2"), ColumnKey("cell_voltage", 2, "module/2")
    state = fold(chunk([0, 1000, 2000], {first: [3300, 3290, 3295], second: [3300, 3310, 3280]}))
    assert (state.extremes["cell_voltage_min"].value, state.extremes["cell_voltage_min"].where) == (
        *(3280, "module/2/2"),
    )
    assert (state.extremes["cell_voltage_max"].value, state.extremes["cell_voltage_max"].where) == (
        *(3310, "module/2/2"),
    )
    back = LifecycleState.from_bytes(state.to_bytes())
    assert back.extremes["cell_voltage_min"].where == "module/2/2"


def test_of_equal_cells_the_first_is_named_and_without_a_number_none(fold):
    state = fold(chunk([0], {ColumnKey("cell_voltage", 3): [3300], ColumnKey("cell_voltage", 7): [3300]}))
    assert {state.extremes[name].where for name in ("cell_voltage_min", "cell_voltage_max")} == {"3"}
    state = fold(chunk([0], {ColumnKey("cell_voltage_min"): [3300], VOLTAGE: [52_800]}))
    assert state.extremes["cell_voltage_min"].where is None
    assert state.extremes["voltage_min"].where is None


def test_a_doubted_cell_is_not_named(fold):
    doubted = Note(1, "cell_voltage/3", None, None, ("saturated",))
    columns = {ColumnKey("cell_voltage", 3): [3300], ColumnKey("cell_voltage", 7): [3300]}
    assert fold(chunk([0], columns, notes=[doubted])).extremes["cell_voltage_min"].where == "7"
