"""What a fleet teaches, on sessions that the folding itself found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from passport.estimates.capacity import Measurement, classify_all
from passport.estimates.estimate import EvidenceClass
from passport.estimates.learning import Learned, Member, Reference, learn
from passport.lifecycle import folding
from passport.lifecycle.session import Session
from passport.lifecycle.shape import LifecycleState
from schemas.samples import Chunk, Column, ColumnKey, Samples
from tests.passport.estimates.cells import Cell
from tests.passport.estimates.sessions_of import Row

START = 1_760_000_000.0


def _folded(rows: list[Row], cell: Cell) -> tuple[Session, ...]:
    count = len(rows)
    everywhere = np.ones(count, np.bool_)
    columns = {
        ColumnKey(name): Column(np.array([round(row[at] * 1000) for row in rows], np.int64), everywhere, -3)
        for name, at in (("voltage", 1), ("current", 2), ("cell_temperature_max", 3))
    }
    times = np.array([round((START + row[0]) * 1000) for row in rows], np.int64)
    chunk = Chunk("B", "bms", "1", 1, Samples(np.arange(count), times, everywhere, columns, (), True))
    (state,) = folding.fold([LifecycleState()], [[chunk]], basis=[cell.basis])
    return tuple(state.sessions.until_now(cell.basis))


def _member(name: str, chance: np.random.Generator, chemistry: str) -> Member:
    rows: list[Row] = []
    cell = Cell(chemistry)
    for health in np.linspace(1.0, 0.8, 5):
        cell = Cell(chemistry, health=float(health), ohm=float(chance.uniform(0.005, 0.008)))
        start = rows[-1][0] + 5000 if rows else 0.0
        rows += [(start + t, v, i, c) for t, v, i, c in cell.run(0.0, 0.3, noise=chance)]
    return Member(name, "model", cell.basis, _folded(rows, cell))


@pytest.fixture(scope="module", params=["Li-ion NMC", "Li-ion LFP"])
def fleet(request) -> list[Member]:
    chance = np.random.default_rng(6)
    return [_member(f"b{number}", chance, request.param) for number in range(4)]


@pytest.fixture(scope="module")
def learned(fleet: list[Member]) -> Learned:
    return learn(fleet, [], "operator")


def test_partial_charges_of_another_battery_are_told_through_a_learned_window(
    fleet: list[Member], learned: Learned
) -> None:
    chemistry = fleet[0].basis.chemistry
    assert chemistry is not None
    model = learned.models["model"]
    off = []
    for health in (0.97, 0.91, 0.84):
        cell = Cell(chemistry, health=health, ohm=0.0065)
        sessions = _folded(cell.run(0.15, 0.3), cell)
        assert not any(isinstance(one, Measurement) for one in classify_all(sessions, cell.basis))
        (told,) = classify_all(sessions, cell.basis, model)
        assert isinstance(told, Measurement)
        assert told.evidence is EvidenceClass.B
        off.append(abs(told.capacity - cell.capacity) / cell.rated)
    assert max(off) < 0.02


def test_windows_are_scored_on_batteries_that_were_left_out(learned: Learned) -> None:
    (group,) = learned.calibration.groups
    assert (group.evidence, group.batteries, group.quantile) == ("B", 4, None)
    assert group.references > 4


def test_two_batteries_teach_no_window(fleet: list[Member]) -> None:
    assert learn(fleet[:2], [], "operator").models == {}


def test_the_order_of_the_fleet_does_not_matter(fleet: list[Member], learned: Learned) -> None:
    again = learn(fleet[::-1], [], "operator")
    assert again == learned
    assert again.models["model"].digest == learned.models["model"].digest


def test_a_reference_is_held_against_what_was_known_by_then(fleet: list[Member]) -> None:
    alone = replace(fleet[0], model=None)
    by_then = alone.sessions[1]
    ended = datetime.fromtimestamp(by_then.start_s + by_then.duration_s, UTC)
    told = classify_all(alone.sessions[:2], alone.basis)[1]
    assert isinstance(told, Measurement)
    good = learn([alone], [Reference("b0", told.capacity, ended + timedelta(days=1))], "operator")
    assert good.calibration.groups[0].references == 1
    # Before the first session nothing was known, and nothing is compared.
    early = learn([alone], [Reference("b0", told.capacity, ended - timedelta(days=30))], "operator")
    assert early.calibration.groups == ()
    assert learn([alone], [Reference("another", 9.0, None)], "operator").calibration.groups == ()
