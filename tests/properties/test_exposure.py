"""Laws of exposure: cut anywhere, by arrays or by rows, the same bytes; cycles as another program counts."""

from itertools import pairwise

import numpy as np
import pytest
import rainflow
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from passport.lifecycle import folding, reference
from passport.lifecycle.basis import NOTHING_DECLARED, Basis
from passport.lifecycle.exposure import KINDS, Exposure, minutes_of, month_name
from passport.lifecycle.rainflow import MOST_TURNS, SMALLEST, Rainflow, cycle_bin
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

T0 = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LFP = Basis(
    chemistry="Li-ion LFP",
    rated_mah=20_000,
    in_series=16,
    maximum_mv=58_400,
    idle_coldest=0,
    idle_hottest=300,
    maximum_w=500,
    pack_uohm=333_000,
)
BASES = [NOTHING_DECLARED, LFP, Basis(chemistry="Li-ion NMC", minimum_mv=32_500, in_series=13)]
EXPONENTS = {
    "voltage": -3,
    "current": -3,
    "cell_voltage_min": -3,
    "cell_voltage_max": -3,
    "cell_temperature_max": -1,
    "cell_temperature_min": -1,
    "state_of_charge": -1,
    "insulation_resistance": 0,
}
# By column: where a walk begins, how far it goes in a row, and its bounds: around the limits of the bases.
WALKS = {
    "voltage": (32_600, 400, 28_000, 60_000),
    "current": (0, 900, -15_000, 30_000),
    "cell_voltage_min": (2_100, 70, 900, 4_500),
    "cell_voltage_max": (3_650, 60, 1_000, 4_500),
    "cell_temperature_max": (300, 25, -150, 820),
    "cell_temperature_min": (0, 15, -150, 100),
    "state_of_charge": (500, 90, 0, 1000),
    "insulation_resistance": (30, 2, 1, 60),
}


def walk(random, count, start, stride, low, high):
    """A walk that often stays where it is."""
    if random.random() < 0.4:
        start = int(random.integers(low, high + 1))
    strides = random.integers(-stride, stride + 1, count) * (random.random(count) < random.random() ** 3)
    return np.clip(start + np.cumsum(strides), low, high)


def epoch(random, absolute):
    """Rows of one epoch, some columns in rows of their own as in frames."""
    count = int(random.integers(1, 120))
    few = random.choice([0, 900, 1000, 2000, 3000, 30_000, 60_000, 400_000, 500_000], 3)
    steps = random.choice(few, count)
    rare = random.random(count) < 0.03
    steps[rare] = random.choice([-4000, 700_000, 700_000_000, 3_000_000], int(rare.sum()))
    timed = random.random(count) > random.choice([0, 0, 0.1])
    time = np.where(timed, (T0 if absolute else 0) + np.cumsum(steps), 0)
    framed = random.random() < 0.3
    shapes = WALKS
    if random.random() < 0.2:  # at rest, and full
        shapes = {**WALKS, "current": (0, 0, 0, 0), "state_of_charge": (970, 0, 970, 970)}
    columns = {}
    for name, shape in shapes.items():
        if random.random() < 0.2:
            continue
        valid = random.random(count) > random.choice([0, 0, 0.1])
        if framed:
            valid &= random.integers(0, 3, count) == 0
        if not valid.any():
            continue
        values = np.where(valid, walk(random, count, *shape), 0).astype(np.int64)
        columns[ColumnKey(name)] = Column(values, valid, EXPONENTS[name])
    return Samples(
        np.arange(1, count + 1), time.astype(np.int64), timed.astype(np.bool_), columns, (), absolute
    )


def history(random):
    found = []
    for source in ("a", "b")[: int(random.integers(1, 3))]:
        epochs = int(random.integers(1, 4))
        found += [
            Chunk("B", source, str(number), 1, epoch(random, random.random() < 0.8))
            for number in range(epochs)
        ]
    return found


def cut(chunk, at):
    samples = chunk.samples
    bounds = [0, *sorted({place for place in at if 0 < place < len(samples)}), len(samples)]
    for begin, end in pairwise(bounds):
        part = slice(begin, end)
        columns = {
            key: Column(column.values[part], column.valid[part], column.exponent)
            for key, column in samples.columns.items()
        }
        piece = Samples(
            samples.sequence[part], samples.time_ms[part], samples.timed[part], columns, (), samples.absolute
        )
        yield Chunk(chunk.battery, chunk.source, chunk.epoch, 1, piece)


def check(seed):
    random = np.random.default_rng(seed)
    batteries = [history(random) for _ in range(int(random.integers(1, 4)))]
    bases = [BASES[int(random.integers(0, 3))] if random.random() < 0.4 else LFP for _ in batteries]
    plain = reference.fold([LifecycleState() for _ in batteries], batteries, basis=bases)
    expected = [state.to_bytes() for state in plain]
    before, folding.SPARSE_ROWS = folding.SPARSE_ROWS, 0
    try:
        arrays = folding.fold([LifecycleState() for _ in batteries], batteries, basis=bases)
        assert [state.exposure for state in arrays] == [state.exposure for state in plain]
        assert [state.to_bytes() for state in arrays] == expected
        folding.SPARSE_ROWS = int(random.choice([0, 8]))
        for number, chunks in enumerate(batteries):
            state = LifecycleState()
            for chunk in chunks:
                for piece in cut(chunk, random.integers(1, 120, int(random.integers(0, 6))).tolist()):
                    state = LifecycleState.from_bytes(state.to_bytes())
                    (state,) = folding.fold([state], [[piece]], basis=[bases[number]])
            assert state.to_bytes() == expected[number]
    finally:
        folding.SPARSE_ROWS = before
    for state in plain:
        assert Exposure.from_bytes(state.exposure.to_bytes()).to_bytes() == state.exposure.to_bytes()
    return plain


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_arrays_rows_and_any_cut_end_in_the_same_bytes(seed):
    check(seed)


@pytest.mark.long
@settings(max_examples=5000, deadline=None)
@given(st.integers(0, 2**32))
def test_arrays_rows_and_any_cut_end_in_the_same_bytes_at_length(seed):
    check(seed)


def test_the_walks_reach_every_kind_of_event_that_needs_no_month():
    """The law above would hold of nothing if nothing happened."""
    seen = set()
    for seed in range(60):
        for state in check(seed):
            seen.update(KINDS[number].name for number in state.exposure.totals if number < len(KINDS))
    assert seen >= {kind.name for kind in KINDS if kind.enter_ms < 86_400_000}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_no_clock_and_no_count_runs_backwards(seed):
    random = np.random.default_rng(seed)
    state = LifecycleState()
    before = [0] * 40
    for chunk in history(random):
        for piece in cut(chunk, random.integers(1, 120, 4).tolist()):
            (state,) = folding.fold([state], [[piece]], basis=[LFP])
            exposure = state.exposure
            now = [
                *exposure.clocks,
                sum(exposure.rates.values()),
                sum(exposure.rainflow.halves.values()),
                *(exposure.known(kind.name).count for kind in KINDS),
            ]
            assert all(one >= other for one, other in zip(now, before, strict=False))
            before = now


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 1000), max_size=80))
def test_cycles_are_those_of_the_rainflow_package(values):
    assume(len(values) != 2)  # of two points alone the package counts nothing
    expected: dict[int, int] = {}
    for depth, mean, count, _, _ in rainflow.extract_cycles(values):
        if depth >= SMALLEST:
            where = cycle_bin(int(depth), int(2 * mean))
            expected[where] = expected.get(where, 0) + int(2 * count)
    mine = Rainflow()
    for value in values:
        mine.take(value)
    if len(mine.turns) < MOST_TURNS:  # beyond, the oldest range leaves the stack as half a cycle
        assert mine.counted() == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_cycles_of_long_random_walks_are_those_of_the_package(seed):
    random = np.random.default_rng(seed)
    values = np.clip(500 + np.cumsum(random.integers(-60, 61, 3000)), 0, 1000).tolist()
    expected: dict[int, int] = {}
    for depth, mean, count, _, _ in rainflow.extract_cycles(values):
        if depth >= SMALLEST:
            where = cycle_bin(int(depth), int(2 * mean))
            expected[where] = expected.get(where, 0) + int(2 * count)
    mine = Rainflow()
    for value in values:
        mine.take(value)
    assert len(mine.turns) < MOST_TURNS
    assert mine.counted() == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(10**12, 3 * 10**12), st.integers(0, 10**11), st.lists(st.floats(0, 1), max_size=5))
def test_minutes_by_month_do_not_depend_on_the_cut(begin, length, cuts):
    whole, parts = Exposure(), Exposure()
    whole.watched(begin, begin + length)
    bounds = [begin, *sorted(begin + int(length * part) for part in cuts), begin + length]
    for one, other in pairwise(bounds):
        parts.watched(one, other)
    assert parts.months == whole.months
    assert all(minutes <= minutes_of(month) for month, minutes in whole.months.items())


def test_months_have_the_lengths_of_the_calendar():
    leap = 2024 * 12 + 1
    assert (month_name(leap), minutes_of(leap)) == ("2024-02", 29 * 1440)
    assert (month_name(leap + 12), minutes_of(leap + 12)) == ("2025-02", 28 * 1440)
