"""The law of the fold: however rows are cut and in any order of arrival, the state ends in the same bytes."""

from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from ingest import journal
from ingest.journal import rows
from passport.lifecycle import folding, reference
from passport.lifecycle.arrays import integrate
from passport.lifecycle.basis import NOTHING_DECLARED, Basis
from passport.lifecycle.shape import LARGEST_BYTES, LifecycleState
from passport.lifecycle.upkeep import refresh
from schemas.samples import Chunk, Column, ColumnKey, Note, Samples
from schemas.terms import Origin

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILES = ["sha256:" + digit * 64 for digit in "abc"]
TELEMETRY = journal.StoredTelemetry()

# Few values with ties, both signs, edges of bins, sentinels and what lies beyond belief.
_COLUMNS = {
    ColumnKey("current"): (
        st.sampled_from([0, 1, -1, 299, 300, 14_000, 15_000, -15_000, -15_000, 100_000_000, 2**40]),
        [-3, -3, -4, -1],
    ),
    ColumnKey("voltage"): (
        st.sampled_from([0, 40_000, 44_000, 51_200, 52_000, 53_760, 57_600, 58_400, -5, 10_000_000]),
        [-3, -3, -5],
    ),
    ColumnKey("state_of_charge"): (st.sampled_from([0, 99, 100, 500, 1000, 1100, 1500]), [-1, -2]),
    ColumnKey("cell_voltage", 1): (st.sampled_from([3300, 3301, 1900, 2050, 3800, 0, 65_535]), [-3]),
    ColumnKey("cell_voltage", 2): (st.sampled_from([3299, 3302, 1400, 3650, 4000]), [-3, -4]),
    ColumnKey("insulation_resistance"): (st.sampled_from([1, 30, 31, 5000]), [0]),
    ColumnKey("bms_reported_health"): (st.sampled_from([950, 950, 950, 940]), [-1, -1, -2]),
    ColumnKey("cell_temperature", 1, "module/2"): (
        st.sampled_from([-200, -201, 0, 250, 449, 450, 599]),
        [-1],
    ),
    ColumnKey("cell_temperature_max"): (st.sampled_from([251, 300, 601]), [-1]),
    ColumnKey("ambient_temperature"): (st.sampled_from([-50, 200, 310]), [-1]),
    ColumnKey("cycle_count"): (st.sampled_from([0, 1, 5, 6, 7, 120]), [0]),
    ColumnKey("event_count", None, None, "over_current"): (st.sampled_from([0, 1, 2]), [0]),
    ColumnKey("event_count", None, None, "deep_discharge"): (st.sampled_from([0, 3, 4]), [0]),
    ColumnKey("charging_enabled"): (st.sampled_from([0, 1]), [0]),
}
_STEPS = st.sampled_from(
    [0, 1, 1000, 1000, 1000, 30_000, 60_000, 300_000, 599_999, 600_000, 600_001, 4_000_000, -1, -5000]
)
# Hardly any charge is a session of the smallest one; without a rating there are none at all.
_BASES = st.sampled_from(
    [
        NOTHING_DECLARED,
        Basis(rated_mah=20),
        Basis("Li-ion LFP", "stationary", 20, 16, 40_000, 58_400),
        Basis("Li-ion LFP", "stationary", 15_000, 16, 44_000, 57_600, 0, 300, 500),
        Basis("Li-ion NMC", "LMT", 20, 14, 42_000, 53_000),
    ]
)


@st.composite
def epochs(draw: st.DrawFn, *, absolute: bool | None = None, largest: int = 24) -> Samples:
    count = draw(st.integers(1, largest))
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 5]), min_size=count, max_size=count))
    sequence = np.cumsum(gaps)
    start = draw(st.sampled_from([0, 1_770_000_000_000, 1_770_000_100_000, 1_770_003_000_000]))
    steps = draw(st.lists(_STEPS, min_size=count, max_size=count))
    time_ms = start + np.cumsum(steps)
    if absolute is None:
        absolute = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        timed = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    else:
        timed = np.ones(count, np.bool_)
    time_ms = np.where(timed, time_ms, 0)
    columns = {}
    notes = []
    for key in draw(st.lists(st.sampled_from(list(_COLUMNS)), unique=True, max_size=8)):
        values, exponents = _COLUMNS[key]
        drawn = np.array(draw(st.lists(values, min_size=count, max_size=count)), np.int64)
        valid = np.array(draw(st.lists(st.sampled_from([True, True, False]), min_size=count, max_size=count)))
        if draw(st.booleans()):
            valid = np.ones(count, np.bool_)
        if not valid.any():
            continue
        origin = draw(st.sampled_from([Origin.NATIVE, Origin.NATIVE, Origin.NATIVE, Origin.PLACEHOLDER]))
        columns[key] = Column(np.where(valid, drawn, 0), valid, draw(st.sampled_from(exponents)), origin)
        for row in draw(st.lists(st.integers(0, count - 1), unique=True, max_size=2)):
            doubts = draw(st.sampled_from([("saturated",), ("cell_count_differs",), ("a", "b", "c", "d")]))
            notes.append(Note(int(sequence[row]), str(key), None, None, doubts))
    notes.sort(key=lambda note: (note.sequence, note.key))
    return Samples(
        sequence.astype(np.int64), time_ms.astype(np.int64), timed, columns, tuple(notes), absolute
    )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str, Samples]]:
    places = draw(
        st.lists(
            st.tuples(st.sampled_from(["bms", "gateway"]), st.sampled_from(["2", "10", *FILES])),
            unique=True,
            min_size=1,
            max_size=4,
        )
    )
    return [(source, epoch, draw(epochs())) for source, epoch in places]


def cut(samples: Samples, at: list[int]) -> list[Samples]:
    """Consecutive pieces, cut before the given rows."""
    index = np.arange(len(samples))
    bounds = [0, *sorted(set(at)), len(samples)]
    pieces = [rows.take(samples, (index >= a) & (index < b)) for a, b in pairwise(bounds)]
    return [piece for piece in pieces if len(piece)]


def database() -> Connection:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _plain(connection, _record):
        connection.isolation_level = None

    connection = engine.connect()
    journal.upgrade(connection)
    connection.exec_driver_sql("CREATE TABLE state (battery TEXT PRIMARY KEY, data BLOB)")
    connection.commit()
    return connection


def load(connection, battery):
    row = connection.exec_driver_sql("SELECT data FROM state WHERE battery = ?", (battery,)).first()
    return row[0] if row else None


def save(connection, battery, data, last_arrival, at):
    connection.exec_driver_sql("INSERT OR REPLACE INTO state VALUES (?, ?)", (battery, data))


def refreshed(connection, battery="B", basis=NOTHING_DECLARED):
    state = refresh(connection, TELEMETRY, battery, basis=basis, load=load, save=save, now=NOW)
    return state.to_bytes()


def accept(connection, source, epoch, samples):
    return journal.accept(
        connection, battery="B", source=source, epoch=epoch, samples=samples, received_at=NOW
    )


@settings(max_examples=120, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=3), st.integers(0, 3), st.data())
def test_arrays_and_plain_python_end_in_the_same_bytes(batteries, sparse, data):
    bases = [data.draw(_BASES) for _ in batteries]
    chunks = [
        [
            Chunk("B", source, epoch, 1, samples)
            for source, epoch, samples in sorted(history, key=lambda h: h[:2])
        ]
        for history in batteries
    ]
    before, folding.SPARSE_ROWS = folding.SPARSE_ROWS, (0, 0, 6, 12)[sparse]
    try:
        arrays = folding.fold([LifecycleState() for _ in chunks], chunks, basis=bases)
    finally:
        folding.SPARSE_ROWS = before
    plain = reference.fold([LifecycleState() for _ in chunks], chunks, basis=bases)
    assert [state.to_bytes() for state in arrays] == [state.to_bytes() for state in plain]


@settings(max_examples=80, deadline=None)
@given(histories(), st.data())
def test_folding_piece_by_piece_equals_folding_at_once(history, data):
    ordered = [Chunk("B", *place, 1, samples) for *place, samples in sorted(history, key=lambda h: h[:2])]
    pieces = [
        Chunk("B", chunk.source, chunk.epoch, 1, piece)
        for chunk in ordered
        for piece in cut(chunk.samples, data.draw(st.lists(st.integers(1, 24), max_size=5)))
    ]
    basis = [data.draw(_BASES)]
    before, folding.SPARSE_ROWS = folding.SPARSE_ROWS, data.draw(st.sampled_from([0, 6]))
    try:
        (whole,) = folding.fold([LifecycleState()], [ordered], basis=basis)
        state = LifecycleState()
        for piece in pieces:
            (state,) = folding.fold([LifecycleState.from_bytes(state.to_bytes())], [[piece]], basis=basis)
    finally:
        folding.SPARSE_ROWS = before
    assert state.to_bytes() == whole.to_bytes()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_any_split_and_any_order_of_arrival_end_in_the_same_state(history, data):
    check_any_split_and_order(history, data)


@pytest.mark.long
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_any_split_and_any_order_of_arrival_end_in_the_same_state_at_length(history, data):
    check_any_split_and_order(history, data)


def check_any_split_and_order(history, data):
    basis = data.draw(_BASES)
    with closing(database()) as connection:
        for source, epoch, samples in history:
            accept(connection, source, epoch, samples)
        expected = refreshed(connection, basis=basis)
    batches = []
    for source, epoch, samples in history:
        for _ in range(data.draw(st.integers(1, 2))):  # the same rows may be sent again in another split
            cuts = data.draw(st.lists(st.integers(1, 24), max_size=4))
            batches += [(source, epoch, piece) for piece in cut(samples, cuts)]
    order = data.draw(st.permutations(batches))
    with closing(database()) as connection:
        for number, (source, epoch, piece) in enumerate(order):
            accept(connection, source, epoch, piece)
            if data.draw(st.booleans()):
                refreshed(connection, basis=basis)
            if number % 3 == 2 and data.draw(st.booleans()):
                journal.compact(connection, "B")
        final = refreshed(connection, basis=basis)
        assert final == expected
        journal.compact(connection, "B")
        assert refreshed(connection, basis=basis) == expected
        connection.exec_driver_sql("DELETE FROM state")
        assert refreshed(connection, basis=basis) == expected


@settings(max_examples=50, deadline=None)
@given(epochs(), st.data())
def test_rows_dealt_out_at_random_come_back_as_they_were(samples, data):
    """Not only ranges: late rows may fall into the holes of chunks that are stored already."""
    deal = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(samples), max_size=len(samples))))
    with closing(database()) as connection:
        accepted = 0
        for hand in data.draw(st.permutations([0, 1, 2])):
            accepted += accept(connection, "bms", "1", rows.take(samples, deal == hand)).accepted
        accepted += accept(connection, "bms", "1", samples).accepted
        assert accepted == len(samples)
        stored = [chunk.samples for chunk in journal.stored_chunks(connection, "B")]
        sequence = np.concatenate([part.sequence for part in stored])
        assert sequence.tolist() == samples.sequence.tolist()
        for part in stored:
            mine = rows.take(samples, np.isin(samples.sequence, part.sequence))
            assert rows.first_difference(part, mine) is None


@settings(max_examples=80, deadline=None)
@given(histories())
def test_a_state_read_back_is_the_state_and_stays_small(history):
    chunks = [Chunk("B", *place, 1, samples) for *place, samples in sorted(history, key=lambda h: h[:2])]
    (state,) = folding.fold([LifecycleState()], [chunks])
    data = state.to_bytes()
    assert LifecycleState.from_bytes(data).to_bytes() == data
    assert len(data) <= LARGEST_BYTES


@settings(max_examples=80, deadline=None)
@given(epochs(), st.data())
def test_no_sum_and_no_counter_runs_backwards(samples, data):
    state = LifecycleState()
    seen: list[int] = [0] * 8
    growth: dict[str, int] = {}
    total: dict[str, int] = {}
    for piece in cut(samples, data.draw(st.lists(st.integers(1, 24), max_size=6))):
        (state,) = folding.fold([state], [[Chunk("B", "bms", "1", 1, piece)]])
        now = [
            state.charge_in,
            state.charge_out,
            state.energy_in,
            state.energy_out,
            state.observed_ms,
            state.unknown_ms,
            sum(state.residence.values()),
            state.rows,
        ]
        assert all(after >= before for after, before in zip(now, seen, strict=True))
        for name, counter in state.counters.items():
            assert counter.growth >= growth.get(name, 0)
            assert counter.total >= total.get(name, 0)
            growth[name], total[name] = counter.growth, counter.total
        seen = now


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(-(10**15), 10**15) | st.integers(-5, 5), st.integers(0, 3_600_000)),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_sums_by_arrays_are_the_sums_by_hand_however_large(segments, data):
    flat = [point for segment in segments for point in segment]
    first = [sum(map(len, segments[:at])) for at in range(len(segments))]
    carried = data.draw(st.lists(st.integers(-(10**15), 10**15), min_size=len(first), max_size=len(first)))
    values, steps = [value for value, _ in flat], [step for _, step in flat]
    sums = integrate(np.array(values), np.array(steps), np.array(first), carried)
    assert sums == reference.integrate(values, steps, first, carried)
