"""Steps and rests are found alike by arrays and row by row, however rows are cut."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.lifecycle import folding, reference, resistances, steps
from passport.lifecycle.basis import Basis
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

BASES = (Basis(rated_mah=100_000, in_series=4), Basis(rated_mah=10_000), Basis())
PLACES = (("a", "1"), ("a", "2"), ("b", "1"), ("a", "sha256:" + "a" * 64), ("b", "sha256:" + "b" * 64))
SEEDS = st.integers(0, 2**32)  # a history is too long to be drawn value by value


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Rests of seconds, few bins, few steps and few cycles, so that short histories reach every rule."""
    for module in (steps, resistances):
        monkeypatch.setattr(module, "LONG_REST_MS", 9_000)
        monkeypatch.setattr(module, "FIRST_CYCLES", 0.004)
    monkeypatch.setattr(steps, "SETTLING_MS", 3_000)
    monkeypatch.setattr(resistances, "MOST_BINS", 3)
    monkeypatch.setattr(resistances, "MOST_LATELY", 4)
    monkeypatch.setattr(folding, "SPARSE_ROWS", 0)


def samples(draw: Random) -> Samples:
    times, currents = [0], [0]
    while len(times) < draw.randint(10, 120):
        current = draw.choice([0, 0, 50, 20_000, -20_000, -50_000, 10_000, -10_000, 3_000])
        step = draw.choice([1000, 1000, 500, 2000, 250])
        if draw.random() < 0.1:
            times.append(times[-1] + draw.choice([59_000, 60_000, 700_000, -3_000, 0]))
            currents.append(current)
        for _ in range(draw.choice([1, 1, 2, 3, 5, 12, 14, 34, 40])):
            times.append(times[-1] + step + draw.choice([0, 0, 60]))
            currents.append(current + draw.choice([0, 0, 0, 100, -100, 600]))
    count = len(times)
    found = {}

    def column(key: ColumnKey, values: list[int], exponent: int, share: float) -> None:
        valid = np.array([draw.random() < share for _ in values])
        if valid.any():
            found[key] = Column(np.where(valid, np.array(values, np.int64), 0), valid, exponent)

    column(ColumnKey("current"), currents, -3, draw.choice([1, 1, 0.9]))
    voltages = [13_000 + one // 10 + draw.randint(-3, 3) for one in currents]
    column(ColumnKey("voltage"), voltages, -3, draw.choice([1, 1, 0.9]))
    for key, low, high, exponent in (
        (ColumnKey("state_of_charge"), 0, 1000, -1),
        (ColumnKey("cell_temperature", 1), -50, 450, -1),
        (ColumnKey("cell_temperature_max"), -50, 450, -1),
        (ColumnKey("cell_voltage", 1), 3000, 3500, -3),
        (ColumnKey("cell_voltage_max"), 3000, 3500, -3),
    ):
        if draw.random() < 0.6:
            column(key, [draw.randint(low, high) for _ in times], exponent, draw.choice([1, 0.7]))
    timed = (
        np.array([draw.random() < 0.97 for _ in times]) if draw.random() < 0.3 else np.ones(count, np.bool_)
    )
    start = draw.choice([0, 1_770_000_000_000, 1_770_000_030_000])
    time_ms = np.where(timed, np.array(times) + start, 0).astype(np.int64)
    return Samples(np.arange(1, count + 1), time_ms, timed, found, (), draw.random() < 0.8)


def history(draw: Random) -> list[Chunk]:
    return [Chunk("B", *place, 1, samples(draw)) for place in sorted(draw.sample(PLACES, draw.randint(1, 3)))]


def part(whole: Samples, begin: int, end: int) -> Samples:
    columns = {
        key: Column(one.values[begin:end], one.valid[begin:end], one.exponent, one.origin)
        for key, one in whole.columns.items()
    }
    rows = slice(begin, end)
    return Samples(whole.sequence[rows], whole.time_ms[rows], whole.timed[rows], columns, (), whole.absolute)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_arrays_find_what_is_found_row_by_row(seed):
    draw = Random(seed)
    batteries = [history(draw) for _ in range(draw.randint(1, 3))]
    bases = [draw.choice(BASES) for _ in batteries]
    arrays = folding.fold([LifecycleState() for _ in batteries], batteries, basis=bases)
    plain = reference.fold([LifecycleState() for _ in batteries], batteries, basis=bases)
    assert [one.resistances for one in arrays] == [one.resistances for one in plain]
    assert [one.to_bytes() for one in arrays] == [one.to_bytes() for one in plain]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_any_cut_of_the_rows_ends_in_the_same_bytes(seed):
    draw = Random(seed)
    chunks, basis = history(draw), draw.choice(BASES)
    (whole,) = reference.fold([LifecycleState()], [chunks], basis=[basis])
    state = LifecycleState()
    for chunk in chunks:
        count = len(chunk.samples)
        for begin, end in pairwise(sorted({0, count, *(draw.randint(0, count) for _ in range(6))})):
            piece = Chunk("B", chunk.source, chunk.epoch, 1, part(chunk.samples, begin, end))
            chosen = draw.choice([folding.fold, folding.fold, reference.fold])
            (state,) = chosen([LifecycleState.from_bytes(state.to_bytes())], [[piece]], basis=[basis])
    assert state.to_bytes() == whole.to_bytes()


def test_the_histories_drawn_reach_steps_and_rests():
    draw = Random(1)
    states = [reference.fold([LifecycleState()], [history(draw)], basis=[BASES[0]])[0] for _ in range(40)]
    assert sum(one.early for state in states for one in state.resistances.bins.values()) > 5
    assert sum(one.lately for state in states for one in state.resistances.bins.values()) > 15
    assert sum(len(state.resistances.rests) for state in states) > 5
    assert any(state.resistances.related for state in states)
