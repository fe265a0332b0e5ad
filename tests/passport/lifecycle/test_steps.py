"""Current steps and long rests, worked out by hand."""

import cbor2
import numpy as np
import pytest

from passport.lifecycle import folding, reference
from passport.lifecycle.basis import Basis
from passport.lifecycle.resistances import (
    LARGEST,
    MOST_BINS,
    MOST_FIRST,
    MOST_LATELY,
    Bin,
    Place,
    Resistances,
    Rest,
    place_of,
)
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

T0 = 1_770_000_000_000  # day 20486 since 1970
DAY, HOUR = 86_400_000, 3_600_000
CURRENT, VOLTAGE = ColumnKey("current"), ColumnKey("voltage")
CHARGE, HEAT = ColumnKey("state_of_charge"), ColumnKey("cell_temperature", 1)
LOW, HIGH = ColumnKey("cell_voltage", 1), ColumnKey("cell_voltage", 2)
PACK = Basis(rated_mah=100_000, in_series=16)


def chunk(times, columns, *, epoch="1", absolute=True, first=1):
    base = T0 if absolute else 0
    found = {}
    for key, values in columns.items():
        exponent = -1 if key.quantity in {"state_of_charge", "cell_temperature"} else -3
        valid = np.array([value is not None for value in values], np.bool_)
        found[key] = Column(np.array([value or 0 for value in values], np.int64), valid, exponent)
    count = len(times)
    time_ms = np.array([base + time for time in times], np.int64)
    sequence = np.arange(first, first + count)
    return Chunk(
        "B", "bms", epoch, 1, Samples(sequence, time_ms, np.ones(count, np.bool_), found, (), absolute)
    )


@pytest.fixture(params=["arrays", "plain"])
def fold(request, monkeypatch):
    """Both ways of folding must give what was worked out by hand."""
    monkeypatch.setattr(folding, "SPARSE_ROWS", 0)
    chosen = folding.fold if request.param == "arrays" else reference.fold

    def run(*chunks, basis=PACK, gap=600_000):
        (state,) = chosen([LifecycleState()], [chunks], basis=[basis], max_gap_ms=[{"bms": gap}])
        return state.resistances

    return run


def load_step(before=0, after=-50_000, *, rest_mv=52_800, one_mv=52_000, ten_mv=51_600, late_mv=51_200):
    """Rows of one second: five before the step, 35 from it on; the voltage sags in three stages."""
    times = [1000 * at for at in range(40)]
    current = [before] * 5 + [after] * 35
    voltage = [rest_mv] * 5 + [52_100] + [one_mv] * 8 + [ten_mv] * 20 + [late_mv] * 6
    return times, {CURRENT: current, VOLTAGE: voltage, CHARGE: [600] * 40, HEAT: [250] * 40}


def test_a_load_step_gives_a_resistance_of_one_cell_over_one_ten_and_thirty_seconds(fold):
    kept = fold(chunk(*load_step()))
    # New current from row 5 on. 10 s later is row 15: (51,600 - 52,800) mV / -50,000 mA = 24 mOhm of the
    # pack, 1.5 mOhm of a cell. 1 s: row 6, -800 / -50,000 = 16 mOhm, 1 mOhm. 30 s: row 35, -1,600 -> 2 mOhm.
    place = Place(3, 1, -1)  # 20 to 30 degC, above 30 % of charge, discharging
    assert kept.bins == {place.code: Bin(1, 1500, 500, 1, 1500, 2_250_000, 500, 20486)}
    assert kept.related == {(1, -1): (1, 1000, 1500), (30, -1): (1, 2000, 1500)}
    assert kept.refused == 0


def test_a_charge_step_raises_the_voltage_and_belongs_to_charging(fold):
    times, columns = load_step(after=50_000, one_mv=53_600, ten_mv=54_000, late_mv=54_400)
    columns[VOLTAGE][5] = 53_500
    kept = fold(chunk(times, columns))
    # (54,000 - 52,800) / 50,000 = 24 mOhm: the same sign, because current is positive while charging.
    assert [(place.direction, one.sum) for place, one in kept.by_place()] == [(1, 1500)]


def test_a_load_that_ends_belongs_to_discharging_too(fold):
    times, columns = load_step(before=-50_000, after=0, rest_mv=51_600, one_mv=52_400, ten_mv=52_800)
    kept = fold(chunk(times, columns))
    assert [(place.direction, one.sum) for place, one in kept.by_place()] == [(-1, 1500)]


def test_without_a_count_of_cells_it_is_the_battery_and_without_a_rating_there_is_none(fold):
    kept = fold(chunk(*load_step()), basis=Basis(rated_mah=100_000))
    assert [one.sum for _, one in kept.by_place()] == [24_000]
    assert fold(chunk(*load_step()), basis=Basis(in_series=16)) == Resistances()


def test_voltage_and_current_of_different_rows_make_no_resistance(fold):
    times, columns = load_step()
    # As of a device that says current and voltage in turn: no row has both.
    columns[CURRENT] = [value if at % 2 else None for at, value in enumerate(columns[CURRENT])]
    columns[VOLTAGE] = [value if at % 2 == 0 else None for at, value in enumerate(columns[VOLTAGE])]
    assert fold(chunk(times, columns)).bins == {}


def test_a_voltage_that_lags_behind_is_refused_and_counted(fold):
    times, columns = load_step(ten_mv=52_900)  # rises under load
    kept = fold(chunk(times, columns))
    assert (kept.bins, kept.refused) == ({}, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda times, columns: columns[CURRENT].__setitem__(slice(5, 40), [-19_900] * 35), "below C/5"),
        (lambda times, columns: columns[CURRENT].__setitem__(3, 5_000), "not steady for 2 s before"),
        (lambda times, columns: columns[CURRENT].__setitem__(10, -60_000), "not steady for 10 s after"),
        (
            lambda times, columns: columns[CURRENT].__setitem__(
                slice(5, 40), [-50_000 + 1000 * at for at in range(35)]
            ),
            "a ramp by a fifth of the step",
        ),
        (
            lambda times, columns: times.__setitem__(slice(5, 40), [time + 1500 for time in times[5:]]),
            "2.5 s between the rows",
        ),
    ],
)
def test_what_is_no_step_gives_no_resistance(fold, change, why):
    times, columns = load_step()
    change(times, columns)
    assert fold(chunk(times, columns)).bins == {}, why


def test_a_current_that_rises_over_one_row_in_between_is_a_step(fold):
    times, columns = load_step()
    columns[CURRENT][5] = -25_000  # the new current is there at row 6: 10 s later is row 16
    assert [one.sum for _, one in fold(chunk(times, columns)).by_place()] == [1500]


def test_a_row_that_comes_too_late_after_ten_seconds_gives_none(fold):
    times, columns = load_step()
    keep = [at for at in range(40) if not 14 < at < 17]  # rows at 10 and 11 s are missing
    some = {key: [values[at] for at in keep] for key, values in columns.items()}
    kept = fold(chunk([times[at] for at in keep], some))
    assert (kept.bins, kept.related) == ({}, {})


def test_temperature_and_charge_are_the_last_said_within_a_minute(fold):
    times, columns = load_step()
    columns[HEAT] = [55, *[None] * 39]
    columns[CHARGE] = [299, *[None] * 39]
    assert [place for place, _ in fold(chunk(times, columns)).by_place()] == [Place(1, 0, -1)]
    early = {key: [values[0], *values] for key, values in columns.items()}
    early[HEAT][1] = early[CHARGE][1] = None
    kept = fold(chunk([-46_000, *times], early))  # said 61 s before the row at 15 s
    assert [place for place, _ in kept.by_place()] == [Place(6, 2, -1)]


def test_a_break_between_the_rows_of_a_step_leaves_none(fold):
    times, columns = load_step()
    for cut in (3, 5, 10):
        later = {key: values[cut:] for key, values in columns.items()}
        sooner = {key: values[:cut] for key, values in columns.items()}
        kept = fold(chunk(times[:cut], sooner), chunk(times[cut:], later, epoch="2"))
        assert kept.bins == {}, cut


def test_bins_lie_between_their_edges():
    assert [place_of(2 * heat, 500, 1).heat for heat in (-1, 0, 99, 100, 200, 300, 399, 400)] == [
        *(0, 1, 1, 2, 3, 4, 4, 5)
    ]
    assert [place_of(500, charge, 1).charge for charge in (-5, 299, 300, 1000)] == [0, 0, 1, 1]
    for code in range(42):
        assert Place.of_code(code).code == code


def test_only_the_first_cycles_count_as_early():
    kept = Resistances()
    place = Place(3, 1, -1)
    for _ in range(MOST_FIRST + 5):
        kept.take(place, 1000, 500, None, young=True)
    kept.take(place, 2000, 500, None, young=False)
    found = kept.bins[place.code]
    assert (found.early, found.early_sum) == (30, 30_000)
    assert (found.lately, found.sum) == (36, 37_000)


def test_old_steps_count_half_when_many_are_there():
    kept = Resistances()
    place = Place(3, 1, -1)
    for _ in range(MOST_LATELY):
        kept.take(place, 1001, 501, None, young=False)
    kept.take(place, 2000, 501, None, young=False)
    found = kept.bins[place.code]
    # 64 * 1001 = 64,064, half of it 32,032; squares 64 * 1,002,001 / 2 = 32,064,032
    assert (found.lately, found.sum, found.squares) == (33, 34_032, 36_064_032)


def test_the_bin_with_the_fewest_steps_makes_room():
    kept = Resistances()
    for code in range(MOST_BINS):
        for _ in range(1 if code == 4 else 2):
            kept.take(Place.of_code(code), 1000, 0, None, young=False)
    kept.take(Place.of_code(40), 1000, 0, None, young=False)
    assert len(kept.bins) == MOST_BINS
    assert 4 not in kept.bins
    assert 40 in kept.bins


def full_resistances() -> Resistances:
    """Everything that can be kept, at its longest."""
    kept = Resistances(refused=10**6)
    for code in range(42 - MOST_BINS, 42):
        for _ in range(MOST_LATELY):
            kept.take(Place.of_code(code), LARGEST, 20_000, 60_000, young=True)
    for seconds in (1, 30):
        for direction in (-1, 1):
            for _ in range(MOST_LATELY):
                kept.relate(seconds, direction, LARGEST, LARGEST)
    longest = Rest(T0, T0 + 400 * DAY, True, 10**15, T0 + 4 * HOUR, *(10**7, 10**5, 10**5) * 2, -2000)
    kept.rests = [longest, longest]
    kept.resting = longest
    return kept


def test_the_fullest_is_six_hundred_bytes_at_most():
    assert len(cbor2.dumps(full_resistances().to_list(), canonical=True)) <= 600


def week_of_rest(hours=173, *, current=0):
    """One row an hour; the lowest cell falls by 1 mV every ten hours, the others stay."""
    times = [HOUR * at for at in range(hours)]
    low = [3300 - at // 10 for at in range(hours)]
    return times, {
        CURRENT: [current] * hours,
        VOLTAGE: [52_800 - at // 10 for at in range(hours)],
        LOW: low,
        HIGH: [3302] * hours,
        HEAT: [210] * hours,
    }


def test_a_week_of_rest_is_kept_from_when_the_voltage_had_settled(fold):
    times, columns = week_of_rest()
    for values, last in zip(columns.values(), (-50_000, 52_000, 3200, 3250, 210), strict=True):
        values.append(last)
    kept = fold(chunk([*times, HOUR * 173], columns), gap=HOUR)
    # Settled at 4 h, last row at 172 h: 168 h are seven days.
    assert kept.resting is None
    (rest,) = kept.rests
    assert (rest.settled_ms, rest.last_ms) == (T0 + 4 * HOUR, T0 + 172 * HOUR)
    assert (rest.first_mv, rest.first_low, rest.first_high) == (52_800, 3300, 3302)
    assert (rest.last_mv, rest.last_low, rest.last_high) == (52_783, 3283, 3302)
    assert (rest.area, rest.heat, rest.lasted_ms) == (0, 420, 7 * DAY)


def test_an_hour_less_or_a_gap_is_no_week_of_rest(fold):
    times, columns = week_of_rest(172)
    assert fold(chunk(times, columns), gap=HOUR).long_rests() == []
    times, columns = week_of_rest()
    assert fold(chunk(times, columns), gap=HOUR - 1).long_rests() == []


def test_a_small_current_in_a_rest_is_summed_and_a_larger_one_ends_it(fold):
    kept = fold(chunk(*week_of_rest(current=-100)), gap=HOUR)
    (rest,) = kept.long_rests()
    assert kept.rests == []  # it goes on
    assert rest.area == -200 * 172 * HOUR  # twice 17.2 Ah, in mA·ms: what must be taken off
    assert fold(chunk(*week_of_rest(current=-101)), gap=HOUR).long_rests() == []
