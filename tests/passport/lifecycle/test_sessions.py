"""Sessions, worked out by hand: where they begin and end, what is summed, which are kept."""

import cbor2
import numpy as np
import pytest

from passport.lifecycle import folding, reference
from passport.lifecycle.basis import Basis
from passport.lifecycle.sessions import LARGEST_KEPT_BYTES, WINDOW_EDGES, Going, Piece, Rest, Sessions, Sums
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

T0 = 1_770_000_000_000
# One cell of 10 Ah: 200 mA charges or discharges; its windows are those of LFP.
CELL = Basis("Li-ion LFP", "stationary", 10_000, 1, 2500, 3650)


@pytest.fixture(params=["arrays", "plain"])
def fold(request, monkeypatch):
    """Both ways of folding must give what was worked out by hand."""
    monkeypatch.setattr(folding, "SPARSE_ROWS", 0)
    chosen = folding.fold if request.param == "arrays" else reference.fold

    def run(*chunks, basis=CELL, gap=600_000, state=None):
        gaps = {"bms": gap, "other": gap}
        (found,) = chosen([state or LifecycleState()], [chunks], max_gap_ms=[gaps], basis=[basis])
        return found

    return run


def chunk(rows, *, epoch="1", source="bms", absolute=True, **columns):
    """Rows are (seconds, mA) or (seconds, mA, mV); further columns by name of quantity."""
    count = len(rows)
    series = {"current": [row[1] for row in rows], **columns}
    if len(rows[0]) > 2:
        series["voltage"] = [row[2] for row in rows]
    found = {}
    for name, values in series.items():
        valid = np.array([value is not None for value in values], np.bool_)
        exponent = -3 if "voltage" in name or name == "current" else -1
        found[ColumnKey(name)] = Column(np.array([v or 0 for v in values], np.int64), valid, exponent)
    base = T0 if absolute else 0
    time_ms = np.array([base + 1000 * row[0] for row in rows], np.int64)
    samples = Samples(np.arange(count), time_ms, np.ones(count, np.bool_), found, (), absolute)
    return Chunk("B", source, epoch, 1, samples)


def steady(start, count, ma, *, every=60, mv=3300):
    return [(start + every * n, ma, mv) for n in range(count)]


def test_a_charge_between_two_rests_is_one_session_with_both_of_them(fold):
    rows = [*steady(0, 31, 0, mv=3250), *steady(31 * 60, 31, 6000, mv=3400), *steady(62 * 60, 11, 0, mv=3350)]
    state = fold(chunk(rows, cell_temperature_max=[250] * 73, state_of_charge=[100] * 31 + [160] * 42))
    (one,) = state.sessions
    # 30 steps of a minute at 6 A, and half a step at each end: 31 minutes, 3.1 Ah.
    assert (one.direction, one.charge, one.opposite) == (1, 31_000, 0)
    assert (one.start_s, one.duration_s, one.absolute) == (T0 // 1000 + 1860, 1800, True)
    assert (one.rest_before_s, one.rest_before_mv) == (1800, 3250)
    assert (one.rest_after_s, one.rest_after_mv) == (600, 3350)
    assert (one.first_mv, one.last_mv, one.last_ma, one.mean_ma) == (3400, 3400, 6000, 6200)
    assert (one.soc_first, one.soc_last) == (160, 160)
    assert (one.coldest, one.hottest, one.mean_temperature, one.longest_step_s) == (250, 250, 250, 60)
    # Power is summed as a trapezoid as well: 31 minutes at 6 A and 3.4 V.
    assert one.energy == 1054
    assert (state.sessions.charges, state.sessions.discharges) == (1, 0)


def test_the_rest_after_still_grows_while_rows_come(fold):
    rows = [*steady(0, 31, 6000), *steady(1860, 7, 0)]
    state = fold(chunk(rows))
    assert [one.rest_after_s for one in state.sessions] == [360]


def test_without_a_rated_capacity_there_are_no_sessions(fold):
    state = fold(chunk([*steady(0, 31, 6000), *steady(1860, 20, 0)]), basis=Basis(chemistry="Li-ion LFP"))
    assert state.sessions == Sessions()
    assert state.boundary.session is None


@pytest.mark.parametrize(("ma", "sessions"), [(199, 0), (200, 1), (-199, 0), (-200, 1)])
def test_a_fiftieth_of_the_rated_capacity_is_a_current(fold, ma, sessions):
    state = fold(chunk([*steady(0, 61, ma), *steady(3660, 11, 0)]))
    assert state.sessions.charges + state.sessions.discharges == sessions


@pytest.mark.parametrize(("pause", "sessions"), [(300, 1), (301, 2)])
def test_a_pause_of_five_minutes_is_absorbed_and_no_longer_one(fold, pause, sessions):
    rows = [*steady(0, 11, 6000), (605, 0, 3300), (600 + pause, 6000, 3300), (900 + pause, 6000, 3300)]
    state = fold(chunk([*rows, *steady(1000 + pause, 11, 0)]))
    assert state.sessions.charges == sessions


@pytest.mark.parametrize(("lasting", "charges", "discharges"), [(60, 0, 1), (61, 1, 2)])
def test_regeneration_of_a_minute_belongs_to_the_discharge_and_more_is_a_charge(
    fold, lasting, charges, discharges
):
    rows = [*steady(0, 11, -6000), (601, 6000, 3300), (601 + lasting, 6000, 3300)]
    rows += [*steady(602 + lasting, 11, -6000), *steady(1300, 11, 0)]
    state = fold(chunk(rows))
    assert (state.sessions.charges, state.sessions.discharges) == (charges, discharges)
    if not charges:
        (one,) = state.sessions
        # A minute at 6 A against it; the steps of a second between both directions cancel out.
        assert one.opposite == 1000
        assert one.duration_s == 602 + 60 + 600


def test_a_gap_ends_a_session_and_what_follows_is_not_its_rest(fold):
    rows = [*steady(0, 11, 6000), *steady(1201, 11, 0), *steady(1861, 11, 6000), *steady(2521, 11, 0)]
    first, second = fold(chunk(rows)).sessions
    assert (first.rest_after_s, first.charge) == (0, 10_000)
    assert (second.rest_before_s, second.charge) == (600, 11_000)


def test_a_clock_that_runs_back_ends_a_session(fold):
    state = fold(chunk([*steady(0, 11, 6000), *steady(300, 11, 6000), *steady(960, 11, 0)]))
    assert [one.charge for one in state.sessions] == [10_000, 10_500]


def test_a_restart_of_test_time_ends_a_session(fold):
    rows = [*steady(0, 11, -6000), *steady(0, 11, -6000), *steady(0, 11, -6000)]
    state = fold(chunk(rows, absolute=False))
    assert [(one.start_s, one.charge, one.absolute) for one in state.sessions] == [(0, 10_000, False)] * 2
    assert state.sessions.going is not None


@pytest.mark.parametrize(
    ("turned", "ma", "sessions"), [(301, 5000, 2), (300, 5000, 1), (700, 4499, 1), (700, 9000, 2)]
)
def test_a_voltage_that_turns_at_a_current_no_smaller_begins_another_charge(fold, turned, ma, sessions):
    # A file of charges alone, 5 A for ten minutes each, 30 s apart.
    first, second = steady(0, 11, 5000, mv=3640), steady(630, 11, ma, mv=3640 - turned)
    state = fold(chunk(first + second))
    found = state.sessions.until_now(CELL)
    assert len(found) == sessions
    if sessions == 2:
        # The step between counts for neither: ten minutes at 5 A are 0.8333 Ah.
        assert found[0].charge == 8333


def test_another_epoch_ends_a_session_and_it_keeps_its_own_kind_of_time(fold):
    state = fold(
        chunk(steady(0, 11, 6000), absolute=False),
        chunk(steady(0, 11, 6000), epoch="2"),
        chunk(steady(0, 2, 0), epoch="3"),
    )
    assert [(one.absolute, one.charge) for one in state.sessions] == [(False, 10_000), (True, 10_000)]


def test_rows_in_covered_time_end_a_session(fold):
    covered = chunk(steady(660, 2, 6000, every=1), source="a")
    state = fold(covered, chunk([*steady(0, 21, 6000, every=60)], source="other"))
    (one,) = state.sessions
    assert (one.duration_s, one.charge) == (600, 10_000)
    assert state.sessions.going is not None
    assert state.sessions.going.start_ms == T0 + 720_000


def test_charge_to_the_limit_ends_where_the_line_of_voltage_meets_it(fold):
    # 6 A from 3.0 V; from 2.6 to 2.4 V within a minute: the limit of 2.5 V lies half-way.
    rows = [*steady(0, 10, -6000, mv=3000), (600, -6000, 2600), (660, -6000, 2400), *steady(661, 8, 0)]
    (one,) = fold(chunk(rows)).sessions
    assert one.charge_to_limit == 10_500
    assert one.charge == 11_000 + 8  # half a second at the end


def test_charge_to_the_limit_while_charging_ends_at_the_highest_cell(fold):
    rows = [(0, 6000, 3300), (60, 6000, 3400), (120, 6000, 3500), *steady(130, 8, 0)]
    state = fold(chunk(rows, cell_voltage_max=[3300, 3650, 3700, *[3400] * 8]))
    assert [one.charge_to_limit for one in state.sessions] == [1000]


def test_a_session_that_begins_beyond_the_limit_never_reaches_it(fold):
    rows = [*steady(0, 5, -6000, mv=2400), *steady(300, 5, -6000, mv=2600), *steady(600, 8, 0)]
    (one,) = fold(chunk(rows)).sessions
    assert one.charge_to_limit is None


def test_charge_in_windows_is_shared_along_the_line_of_voltage(fold):
    # 0.1 Ah a minute. From 3.10 to 3.30 V in a minute: half below 3.20 V, 0.04 Ah to 3.28, 0.01 Ah above.
    volts = [3100, 3300, 3300, 3340, 3400]
    rows = [(60 * n, 6000, mv) for n, mv in enumerate(volts)]
    (one,) = fold(chunk([*rows, *steady(300, 7, 0)])).sessions
    # 3.28 to 3.32: 0.01, a whole minute at 3.30, and half of the minute to 3.34.
    # 3.32 to 3.36: half of a minute to 3.34, and a third of the one to 3.40; 3.36 to 3.38: a third.
    assert one.windows == ((3200, 400), (3280, 1600), (3320, 833), (3360, 333), (3380, 333))


def test_windows_at_an_unsteady_current_or_not_crossed_are_left_out(fold):
    rows = [(0, 6000, 3290), (60, 6000, 3330), (120, 5399, 3350), (180, 5399, 3390), *steady(240, 7, 0)]
    (one,) = fold(chunk(rows)).sessions
    # 3.28 to 3.32 was entered within, 3.32 to 3.36 saw both currents, 3.38 to 3.40 was not left.
    assert [edge for edge, _ in one.windows] == [3360]


def test_other_chemistries_have_no_windows(fold):
    rows = [*steady(0, 31, 6000, mv=3100), *steady(1860, 31, 6000, mv=3600), *steady(3720, 9, 0)]
    (one,) = fold(chunk(rows), basis=Basis("Pb", None, 10_000, 1)).sessions
    assert one.windows == ()


def test_a_pack_is_told_per_cell(fold):
    rows = [*steady(0, 31, -6000, mv=51_204), *steady(1860, 7, 0, mv=52_808)]
    (one,) = fold(chunk(rows), basis=Basis("Li-ion LFP", None, 10_000, 16)).sessions
    assert (one.first_mv, one.rest_after_mv) == (3200, 3301)
    (unknown,) = fold(chunk(rows), basis=Basis("Li-ion LFP", None, 10_000)).sessions
    assert (unknown.first_mv, unknown.rest_after_mv) == (None, None)


def test_the_lowest_cell_ends_a_discharge_and_a_rest_lies_between_both(fold):
    rows = [*steady(0, 6, 0), *steady(360, 31, -6000), *steady(2220, 7, 0)]
    low, high = [3300] * 6 + [3100] * 31 + [3200] * 7, [3310] * 6 + [3250] * 31 + [3230] * 7
    (one,) = fold(chunk(rows, cell_voltage_min=low, cell_voltage_max=high)).sessions
    assert (one.rest_before_mv, one.spread_mv, one.first_mv, one.rest_after_mv) == (3305, 10, 3100, 3215)


def test_the_surroundings_serve_where_no_cell_is_read(fold):
    rows = [*steady(0, 31, -6000), *steady(1860, 7, 0)]
    (one,) = fold(chunk(rows, ambient_temperature=[210] * 20 + [230] * 18)).sessions
    # 19 of 31 minutes ended at 21.0 degrees, 12 at 23.0, the one out of it among them: 21.77.
    assert (one.coldest, one.hottest, one.mean_temperature) == (210, 230, 218)
    (cells,) = fold(chunk(rows, ambient_temperature=[210] * 38, cell_temperature_max=[300] * 38)).sessions
    assert cells.hottest == 300


def test_cycles_before_a_session_are_what_was_watched_until_then(fold):
    rows = [*steady(0, 101, -6000), *steady(6060, 11, 0), *steady(6720, 31, 6000), *steady(8580, 11, 0)]
    first, second = fold(chunk(rows)).sessions
    assert (first.cycles_before, second.cycles_before) == (0, 1005)  # 100.5 minutes at 6 A are 10.05 Ah


def test_the_cell_that_a_chunk_before_said_is_the_one_before(fold):
    # In the second chunk no cell is read: the limit is met on the line from the cell to the battery.
    first = chunk([(0, -6000, 3300), (60, -6000, 3300)], cell_voltage_min=[2700, 2600])
    second = chunk([(120, -6000, 2400), *steady(121, 8, 0)])
    second.samples.sequence[:] += 2
    state = fold(second, state=fold(first))
    assert [one.charge_to_limit for one in state.sessions] == [1500]


def day(start, *, ma=6000, minutes=30):
    """A charge and a rest, in seconds from a start."""
    return [*steady(start, minutes + 1, ma), *steady(start + 60 * minutes + 60, 7, 0)]


def test_large_sessions_stay_while_small_ones_go(fold):
    rows = [*day(0, minutes=90)]
    for n in range(1, 60):
        rows += day(n * 20_000, minutes=3)
    state = fold(chunk(rows), gap=600_000)
    found = list(state.sessions)
    assert state.sessions.charges == 60
    assert found[0].charge == 90_000 + 500
    assert found[-1].start_s == T0 // 1000 + 59 * 20_000
    assert sum(map(len, state.sessions.kept)) <= LARGEST_KEPT_BYTES
    assert [one.start_s for one in found] == sorted(one.start_s for one in found)


def test_a_thousandth_of_the_rated_capacity_is_no_session(fold):
    state = fold(chunk([(0, 6000, 3300), (5, 6000, 3300), *steady(10, 8, 0)]))
    # 7.5 s at 6 A are 12.5 mAh, a little more than a thousandth of 10 Ah.
    assert state.sessions.charges == 1
    assert fold(chunk([(0, 6000, 3300), (1, 6000, 3300), *steady(2, 8, 0)])).sessions.charges == 0


def test_sums_of_sessions_beyond_64_bits_are_exact(fold):
    rows = [(3600 * n, 100_000_000, 10_000_000) for n in range(20)]
    state = fold(chunk([*rows, (72_000, 0, 10_000_000)]), basis=Basis(rated_mah=10**9), gap=3_600_000)
    (one,) = state.sessions
    # 19.5 hours at 100 kA are 1.95 GAh, at 10 kV 19.5 TWh.
    assert (one.charge, one.energy) == (19_500_000_000, 1_950_000_000_000)


def full_sessions() -> Sessions:
    """Sessions of a battery of 300 Ah, with all windows, as many as may be kept; one goes on, one turns."""
    rated = Basis("Li-ion LFP", "stationary", 300_000, 16, 40_000, 58_400)
    made = Sessions(charges=9_999, discharges=9_999)
    edges = WINDOW_EDGES["Li-ion LFP"]
    windows = dict.fromkeys(range(len(edges) - 1), (10**11, 150000, 151000))
    sums = Sums(*[2 * 10**12] * 2, *[7 * 10**15] * 2, 0, 10**10, 2 * 10**7, 60_000, 150, 450)
    few = Sums(*[10**10] * 2, *[10**14] * 2, 0, 10**8, 300_000, 60_000, 150, 450)
    rest = Rest(T0, T0 + 10**9, 3_300, 20)
    for n in range(100):
        made.turned = None
        made.going = Going(
            (-1) ** n, True, T0 + n * 10**8, T0 + n * 10**8 + 2 * 10**7, 9_999_999, rest, sums, None,
            2_900, 3_650, 3_650, 15_000, 50, 1000, near=True, to_limit=2 * 10**12, windows=dict(windows),
        )  # fmt: skip
        made.rest = None
        made.take(idle_piece(T0 + n * 10**8 + 3 * 10**7), rated, (0, 0), absolute=True)
    going = made.going = Going(
        1, True, T0, T0 + 2 * 10**7, 9_999_999, rest, sums, few, 2_900, 3_650, 3_650, 15_000, 50, 1000,
        near=True, to_limit=2 * 10**12, windows=windows,
    )  # fmt: skip
    made.turned = Going(-1, True, T0, T0 + 10_000, 9_999_999, rest, few, None, 3_300, 3_290, 3_290, 15_000)
    made.rest = rest
    assert going.windows
    return made


def idle_piece(time_ms):
    return Piece(
        0, False, True, time_ms, time_ms, Sums(), Sums(), 0, None, None, None, None, 0, None, None, None, {}
    )


def test_the_fullest_sessions_keep_within_their_share_of_a_state():
    made = full_sessions()
    assert len(list(made)) == 10
    assert len(cbor2.dumps(made.to_list(), canonical=True)) <= 1_150


def test_sessions_come_back_from_bytes(fold):
    rows = [*steady(0, 6, 0), *steady(360, 31, -6000, mv=3390), (2221, 6000, 3395), (2231, -6000, 3300)]
    state = fold(chunk([*day(-8000), *rows]))
    again = LifecycleState.from_bytes(state.to_bytes())
    assert again.sessions == state.sessions
    assert list(again.sessions) == list(state.sessions)
