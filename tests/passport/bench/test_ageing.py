"""The simulated cell: its laws, and its truth found a second way."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.bench.ageing import MAKES, NEW, Ageing, aged, ageing_for, health
from passport.bench.brisk import brisk
from passport.bench.fleet import CELLS, Habit, _Pack, _Rows, plans, simulate
from schemas.samples import ColumnKey

MIXTURES = st.builds(
    Ageing,
    lithium=st.floats(0.1, 1.0),
    negative=st.floats(0.0, 0.6),
    positive=st.floats(0.0, 0.5),
    resistance=st.floats(0.0, 2.5),
)


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.name)
def test_a_new_cell_holds_what_its_maker_says(make):
    assert health(make, NEW) == pytest.approx(make.capacity, abs=1e-9)


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.name)
def test_a_voltage_at_rest_rises_with_charge_and_spans_the_limits(make):
    for ageing in (NEW, Ageing(0.2, 0.1, 0.1, 0.5)):
        cell = aged(make, ageing)
        assert (np.diff(cell.voltage) > 0).all()
        assert cell.charge_at(make.minimum_v) == pytest.approx(cell.empty, abs=2e-3)
        assert cell.charge_at(make.maximum_v) == pytest.approx(cell.full, abs=2e-3)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MAKES), MIXTURES, st.floats(0.05, 0.3))
def test_more_of_the_same_ageing_is_never_better(make, mixture, amount):
    assert health(make, mixture.times(amount * 1.2)) <= health(make, mixture.times(amount)) + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(MAKES), MIXTURES, st.floats(0.7, 0.95))
def test_a_wanted_health_is_met(make, mixture, wanted):
    assert health(make, ageing_for(make, mixture, wanted)) == pytest.approx(wanted, abs=1e-6)


def test_loss_of_lithium_alone_takes_about_its_own_share():
    # Nearly all lithium that cycles is between the limits, so what is bound is missing one for one.
    for make in MAKES:
        lost = health(make, NEW) - health(make, Ageing(lithium=0.1))
        assert lost == pytest.approx(0.1 * make.capacity, rel=0.15), make.name


def test_the_same_voltage_means_another_charge_once_the_cell_has_aged():
    # What makes the curve of the fresh cell a wrong reference: in the middle the shift is several points.
    for make in MAKES:
        fresh, old = aged(make, NEW), aged(make, ageing_for(make, Ageing(1.0, 0.6, 0.1, 1.0), 0.78))
        grid = np.linspace(make.minimum_v + 0.3, make.maximum_v - 0.1, 60)
        shift = [
            abs((fresh.charge_at(v) - fresh.empty) / (fresh.full - fresh.empty)
                - (old.charge_at(v) - old.empty) / (old.full - old.empty))
            for v in grid.tolist()
        ]  # fmt: skip
        assert max(shift) > 0.05, make.name


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.name)
def test_the_reference_capacity_is_what_a_slow_discharge_gives(make):
    ageing = ageing_for(make, Ageing(0.8, 0.3, 0.2, 1.5), 0.85)
    pack = _Pack(make, [ageing] * CELLS, np.zeros(CELLS), np.ones(CELLS))
    pack.temperature = 25.0
    rows = _Rows()
    # A third of the rated capacity per hour until the first cell ends it, in surroundings of 25 degC.
    step_s = 5.0
    for _ in range(20):
        if pack.run(np.full(200, -1 / 3), step_s, 25.0, rows, until_volts=(make.minimum_v, 9.0)):
            break
        pack.temperature = 25.0
    hours = step_s * sum(len(piece) for piece in rows.current) / 3600
    assert hours / 3 == pytest.approx(pack.capacity, abs=0.006)
    assert pack.soc == pytest.approx(0.0, abs=0.006)


def test_one_plan_gives_the_same_rows_every_time():
    plan = next(plans(MAKES[1], Habit.ANY, 1, seed=5, sessions=3))
    first, second = simulate(plan), simulate(plan)
    assert first.references == second.references
    for key, column in first.chunk.samples.columns.items():
        assert np.array_equal(column.values, second.chunk.samples.columns[key].values)
    assert simulate(replace(plan, seed=plan.seed + 1)).references != first.references


def test_the_state_of_charge_that_a_simulated_device_says_is_circular():
    # Counted with the rated capacity from 100 %: an aged pack is empty while it still says a quarter.
    plan = next(plans(MAKES[0], Habit.LOW_TO_FULL, 1, seed=9, health=(0.72, 0.73), sessions=12))
    found = simulate(plan)
    said = found.chunk.samples.columns[ColumnKey("state_of_charge")].values / 10
    deepest = min(one.start for one in found.charges)
    assert deepest < 0.1
    assert said.min() == pytest.approx(100 - 72 * (1 - deepest), abs=6)
    assert found.last_capacity_ah < 73


def test_voltage_stays_within_what_a_charger_would_allow():
    for make in MAKES:
        found = simulate(next(plans(make, Habit.LOW_TO_FULL, 1, seed=4, sessions=8)))
        columns = found.chunk.samples.columns
        assert columns[ColumnKey("cell_voltage_max")].values.max() < 1000 * make.maximum_v + 60
        assert columns[ColumnKey("cell_voltage_min")].values.min() > 1000 * make.minimum_v - 60
        assert sum(one.full for one in found.charges) >= 4


def test_charge_moved_between_empty_and_full_is_the_capacity():
    found = simulate(next(plans(MAKES[2], Habit.LOW_TO_FULL, 1, seed=6, sessions=10)))
    samples = found.chunk.samples
    current = samples.columns[ColumnKey("current")].values / 10
    time = samples.time_ms / 3_600_000
    inside = [one for one in found.charges if one.full and one.start < 0.3]
    assert inside
    for one in inside:
        rows = (samples.time_ms >= one.first_s * 1000) & (samples.time_ms <= one.last_s * 1000 + 1000)
        moved = np.trapezoid(current[rows], time[rows])
        share = one.end - one.start
        # The sensor's gain is off by half a percent or so, and nothing else is.
        assert moved / share == pytest.approx(found.capacity_at(one.last_s), rel=0.025)


def test_a_switched_load_shows_the_resistance_that_is_called_true():
    # By hand from the rows, at 25 degC only: the drop of the whole pack ten seconds after a step.
    pack = brisk(MAKES[1], 0.85, 3)
    columns = pack.chunk.samples.columns
    current = columns[ColumnKey("current")].values / 10
    volts = columns[ColumnKey("cell_voltage_min")].values / 1000
    warm = columns[ColumnKey("cell_temperature_max")].values
    found = [
        (volts[at - 1] - volts[at + 9]) / (current[at - 1] - current[at + 9]) * CELLS
        for at in range(1, len(current) - 9)
        if current[at] - current[at - 1] < -30
        and 23 <= warm[at] <= 27
        and abs(current[at + 9] - current[at]) < 1
    ]
    assert len(found) >= 8
    assert np.median(found) == pytest.approx(pack.ohm, rel=0.12)
