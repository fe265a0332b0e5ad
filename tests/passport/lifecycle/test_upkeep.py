"""Refreshing: forward where only later rows came, anew where the order of folding changed."""

from datetime import UTC, datetime

import numpy as np
import pytest

from passport.lifecycle.basis import NOTHING_DECLARED, Basis
from passport.lifecycle.shape import LifecycleState
from passport.lifecycle.upkeep import refresh
from schemas.samples import Chunk, Column, ColumnKey, Samples

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Journal:
    """Stored telemetry in memory, in the order of folding; counts how many rows were asked for."""

    def __init__(self) -> None:
        self.stored: list[Chunk] = []
        self.gaps = {"bms": 600_000}
        self.read = 0

    def order(self, connection, battery):
        found: dict[tuple[str, str], int] = {}
        for chunk in self.stored:
            key = (chunk.source, chunk.epoch)
            found[key] = found.get(key, 0) + len(chunk.samples)
        return [(*key, rows) for key, rows in found.items()]

    def chunks(self, connection, battery, *, after):
        order = [(source, epoch) for source, epoch, _ in self.order(None, battery)]
        for chunk in self.stored:
            place = (order.index((chunk.source, chunk.epoch)), int(chunk.samples.sequence[0]))
            if after is None or place > (order.index(after[:2]), after[2]):
                self.read += len(chunk.samples)
                yield chunk

    def max_gap_ms(self, connection, battery):
        return self.gaps


class Shelf:
    """Where states are stored."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.saves: list[tuple[int, datetime]] = []

    def load(self, connection, battery):
        return self.data

    def save(self, connection, battery, data, last_arrival, at):
        self.data = data
        self.saves.append((last_arrival, at))


@pytest.fixture
def told():
    return Journal(), Shelf()


def rows(first, last, *, epoch="1", arrival=1):
    sequence = np.arange(first, last + 1)
    everywhere = np.ones(len(sequence), np.bool_)
    columns = {ColumnKey("current"): Column(sequence * 10, everywhere, -3)}
    return Chunk("B", "bms", epoch, arrival, Samples(sequence, sequence * 1000, everywhere, columns))


def run(journal, shelf, basis=NOTHING_DECLARED):
    return refresh(None, journal, "B", basis=basis, load=shelf.load, save=shelf.save, now=NOW)


def test_later_rows_are_folded_forward(told):
    journal, shelf = told
    journal.stored = [rows(1, 10)]
    run(journal, shelf)
    journal.stored.append(rows(11, 12, arrival=2))
    journal.read = 0
    state = run(journal, shelf)
    assert (state.rows, journal.read) == (12, 2)
    assert shelf.saves == [(1, NOW), (2, NOW)]


def test_nothing_new_saves_nothing(told):
    journal, shelf = told
    journal.stored = [rows(1, 10)]
    run(journal, shelf)
    run(journal, shelf)
    assert len(shelf.saves) == 1


def test_late_rows_fold_the_battery_anew(told):
    journal, shelf = told
    journal.stored = [rows(1, 10), rows(21, 30)]
    run(journal, shelf)
    journal.stored.insert(1, rows(11, 20, arrival=3))
    late = run(journal, shelf)
    fresh = run(journal, Shelf())
    assert late.to_bytes() == fresh.to_bytes()
    assert late.charge_ms == 29_000


def test_an_epoch_that_comes_in_before_folds_the_battery_anew(told):
    journal, shelf = told
    journal.stored = [rows(1, 10, epoch="2")]
    run(journal, shelf)
    journal.stored.insert(0, rows(1, 10, epoch="1", arrival=2))
    assert run(journal, shelf).to_bytes() == run(journal, Shelf()).to_bytes()


def test_another_longest_gap_folds_the_battery_anew(told):
    journal, shelf = told
    journal.stored = [rows(1, 2), rows(100, 101)]
    assert run(journal, shelf).unknown_ms == 0
    journal.gaps = {"bms": 60_000}
    assert run(journal, shelf).unknown_ms == 98_000


def test_a_corrected_rating_folds_the_battery_anew(told):
    journal, shelf = told
    journal.stored = [rows(1, 10)]
    before = run(journal, shelf, Basis(rated_mah=100_000)).chain
    journal.read = 0
    assert run(journal, shelf, Basis(rated_mah=102_000)).chain != before
    assert journal.read == 10


def test_a_stored_state_that_cannot_be_read_is_folded_anew(told):
    journal, shelf = told
    journal.stored = [rows(1, 10)]
    shelf.data = b'{"version":0}'
    assert run(journal, shelf).rows == 10


def test_a_battery_that_never_spoke_has_an_empty_state(told):
    journal, shelf = told
    state = run(journal, shelf)
    assert state == LifecycleState()
    assert shelf.data == LifecycleState().to_bytes()
