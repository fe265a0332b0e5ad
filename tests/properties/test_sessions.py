"""The law of sessions: however rows are cut, by arrays or one by one, the same ones are found."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.journal import rows
from passport.lifecycle import folding, reference
from passport.lifecycle.basis import Basis
from passport.lifecycle.sessions import WINDOW_EDGES, shares
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples

# 10 Ah, so that 200 mA is the smallest current that charges; some batteries read cells, some do not.
_CELL = Basis("Li-ion LFP", None, 10_000, 1, 2500, 3650)
_TINY = Basis("Li-ion NMC", None, 60, 1, 3000, 4200)
_STEPS = st.sampled_from([0, 1000, 1000, 10_000, 30_000, 60_000, 61_000, 200_000, 301_000, 600_001, -1000])


@st.composite
def duties(draw: st.DrawFn) -> Samples:
    """Stretches of charging, discharging and idling, each of a few rows."""
    current: list[int] = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from([10_000, 9500, 2000, 200, 199, 0, -1, -200, -5000, -10_000]))
        current += [kind + draw(st.sampled_from([0, 0, 100, -100]))] * draw(st.integers(1, 6))
    count = len(current)
    steps = draw(st.lists(_STEPS, min_size=count, max_size=count))
    every = draw(st.sampled_from([1000, 30_000, None]))
    time_ms = np.arange(count) * every if every else np.cumsum(steps)
    everywhere = np.ones(count, np.bool_)
    volts = st.sampled_from(
        [2400, 2500, 2600, 3000, 3199, 3300, 3370, 3410, 3450, 3500, 3560, 3650, 3700, 4200]
    )
    columns = {ColumnKey("current"): Column(np.array(current, np.int64), everywhere, -3)}
    for key, values in (
        (ColumnKey("voltage"), volts),
        (ColumnKey("cell_voltage_min"), volts),
        (ColumnKey("cell_voltage_max"), volts),
        (ColumnKey("state_of_charge"), st.integers(0, 1000)),
        (ColumnKey("cell_temperature_max"), st.integers(-50, 450)),
        (ColumnKey("ambient_temperature"), st.integers(-50, 450)),
    ):
        if not draw(st.booleans()):
            continue
        drawn = np.array(draw(st.lists(values, min_size=count, max_size=count)), np.int64)
        valid = everywhere
        if draw(st.booleans()):
            valid = np.array(
                draw(st.lists(st.sampled_from([True, True, False]), min_size=count, max_size=count))
            )
        if valid.any():
            exponent = -3 if "voltage" in key.quantity else -1
            columns[key] = Column(np.where(valid, drawn, 0), valid, exponent)
    return Samples(np.arange(count), time_ms.astype(np.int64), everywhere, columns, (), draw(st.booleans()))


def check_any_cut_finds_the_same_sessions(samples, basis, cuts):
    """Row by row, by arrays at once, and by arrays cut anywhere (through stored bytes)."""
    (plain,) = reference.fold([LifecycleState()], [[Chunk("B", "bms", "1", 1, samples)]], basis=[basis])
    index = np.arange(len(samples))
    bounds = [0, *sorted(set(cuts)), len(samples)]
    pieces = [rows.take(samples, (index >= a) & (index < b)) for a, b in pairwise(bounds) if a < b]
    before, folding.SPARSE_ROWS = folding.SPARSE_ROWS, 0
    try:
        state = LifecycleState()
        for piece in pieces:
            (state,) = folding.fold([state], [[Chunk("B", "bms", "1", 1, piece)]], basis=[basis])
            state = LifecycleState.from_bytes(state.to_bytes())
        (whole,) = folding.fold([LifecycleState()], [[Chunk("B", "bms", "1", 1, samples)]], basis=[basis])
    finally:
        folding.SPARSE_ROWS = before
    assert list(whole.sessions) == list(plain.sessions)
    assert whole.to_bytes() == plain.to_bytes()
    assert state.to_bytes() == plain.to_bytes()
    return plain


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(duties(), st.sampled_from([_CELL, _TINY]), st.lists(st.integers(1, 40), max_size=5))
def test_any_cut_finds_the_same_sessions(samples, basis, cuts):
    check_any_cut_finds_the_same_sessions(samples, basis, cuts)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(duties(), st.sampled_from([_CELL, _TINY]), st.lists(st.integers(1, 40), max_size=5))
def test_any_cut_finds_the_same_sessions_at_length(samples, basis, cuts):
    check_any_cut_finds_the_same_sessions(samples, basis, cuts)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(duties(), st.sampled_from([_CELL, _TINY]))
def test_sessions_follow_each_other_and_never_move_more_than_was_moved(samples, basis):
    state = check_any_cut_finds_the_same_sessions(samples, basis, [])
    found = list(state.sessions)
    for direction, moved in ((1, state.charge_in), (-1, state.charge_out)):
        told = sum(one.charge if one.direction == direction else one.opposite for one in found)
        assert told * 720_000 <= moved + len(found) * 720_000  # each is rounded to a tenth of a mAh
    if samples.time_ms.tolist() == sorted(samples.time_ms.tolist()):
        for one, other in pairwise(found):
            assert one.start_s + one.duration_s <= other.start_s
    for one in found:
        assert one.charge_to_limit is None or one.charge_to_limit <= one.charge
        assert sum(moved for _, moved in one.windows) <= one.charge + len(one.windows)


@given(st.integers(0, 10**15), st.integers(2000, 4000), st.integers(2000, 4000))
def test_shares_are_the_whole_where_the_grid_covers_the_step(area, before, now):
    edges = WINDOW_EDGES["Li-ion LFP"]
    shared = dict(shares(edges, area, before, now))
    assert all(part >= 0 for part in shared.values())
    if edges[0] <= min(before, now) and max(before, now) < edges[-1]:
        assert sum(shared.values()) == area
    else:
        assert sum(shared.values()) <= area
