"""The simulated pack obeys what every pack obeys: charge is conserved, heat flows, limits open switches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.protocol import CONDITIONS
from ingest.simulators.pack import (
    CHEMISTRIES,
    PackSpec,
    Protection,
    cell_voltages,
    cycle_count,
    new_pack,
    open_circuit_v,
    resistance_factor,
    state_of_charge,
    step,
    warmed,
)
from ingest.simulators.years import CLIMATES, DUTIES, Trouble, simulate_years
from schemas.samples import ColumnKey, Samples

HOUSE = PackSpec("LFP", 16, 100.0)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def column(samples: Samples, quantity: str) -> np.ndarray:
    return samples.columns[ColumnKey(quantity)].values


def test_conditions_are_spelt_as_protocols_spell_them():
    assert {condition.value for condition in Protection} <= CONDITIONS


@pytest.mark.parametrize("chemistry", CHEMISTRIES.values(), ids=lambda row: row.name)
def test_open_circuit_voltage_rises_with_charge_inside_the_limits(chemistry):
    volts = open_circuit_v(chemistry, np.linspace(0, 1, 201))
    assert np.all(np.diff(volts) > 0)
    assert chemistry.minimum_v < volts[0] or chemistry.minimum_v == pytest.approx(volts[0], abs=0.2)
    assert volts[-1] < chemistry.maximum_v


def test_open_circuit_voltage_of_the_table_and_between_its_points():
    nmc = CHEMISTRIES["NMC"]
    assert open_circuit_v(nmc, 0.5) == pytest.approx(3.72)
    assert open_circuit_v(nmc, 0.55) == pytest.approx((3.72 + 3.81) / 2)
    # Below empty: 3.00 - 0.02 * 20.
    assert open_circuit_v(nmc, -0.02) == pytest.approx(2.60)


def test_resistance_is_one_at_25_degrees_and_grows_in_the_cold():
    # exp(2000 * (1/273.15 - 1/298.15)) = exp(0.61396) = 1.8477
    assert resistance_factor(2000, [25.0, 0.0]) == pytest.approx([1.0, 1.8477], abs=1e-3)


def test_heat_settles_where_loss_equals_gain():
    # 10 W on 100 J/K with a time constant of 50 s: 10 * 50 / 100 = 5 K above the air in the end.
    after = {"ambient_degc": 20.0, "heat_w": 10.0, "heat_capacity_j_per_k": 100.0, "time_constant_s": 50.0}
    assert warmed(20.0, **after, dt_s=1e6) == pytest.approx(25.0)
    # After one time constant 1 - 1/e of the way: 20 + 5 * 0.63212.
    assert warmed(20.0, **after, dt_s=50.0) == pytest.approx(23.1606, abs=1e-4)


def test_the_same_seed_gives_the_same_cells_and_another_seed_others():
    assert np.array_equal(new_pack(HOUSE).capacity_as, new_pack(HOUSE).capacity_as)
    assert not np.array_equal(
        new_pack(HOUSE).capacity_as, new_pack(PackSpec("LFP", 16, 100.0, seed=2)).capacity_as
    )


def test_an_hour_at_20_amperes_moves_20_ampere_hours():
    before = new_pack(HOUSE, state_of_charge=0.5)
    after = step(HOUSE, before, 3600.0, 20.0, 25.0)
    leak_ah = 0.02 * 100.0 / 720.0  # two hundredths of the capacity in a month of 720 hours
    moved = (after.charge_as - before.charge_as) / 3600.0
    assert moved == pytest.approx(np.full(16, 20.0 - leak_ah), abs=0.001)
    assert after.charged_as == pytest.approx(72_000.0)
    assert after.discharged_as == 0.0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1.0, 1800.0), st.floats(-250.0, 150.0), st.floats(-25.0, 60.0)), max_size=8),
    st.integers(0, 1000),
)
def test_charge_is_conserved_whatever_is_asked_for(history, seed):
    spec = PackSpec("NMC", 7, 100.0, seed=seed)
    state = new_pack(spec)
    for seconds, current, air in history:
        before = state
        state = step(spec, state, seconds, current, air)
        flowed = (state.charged_as - before.charged_as) - (state.discharged_as - before.discharged_as)
        lost = flowed - (state.charge_as - before.charge_as)
        # What did not arrive leaked or was bled; it never exceeds both, and never comes from nowhere.
        assert np.all(lost >= -1e-6)
        assert np.all(lost <= seconds * (0.1 + 0.03 * 360_000.0 / 2_592_000.0))
        assert state.charged_as >= before.charged_as
        assert state.discharged_as >= before.discharged_as
        assert cycle_count(spec, state) >= cycle_count(spec, before)
        assert all(state.protection_counts[name] >= n for name, n in before.protection_counts.items())


def test_an_empty_pack_stops_discharging_and_still_takes_charge():
    state = step(HOUSE, new_pack(HOUSE, state_of_charge=0.05), 7200.0, -50.0, 25.0)
    assert Protection.CELL_UNDER_VOLTAGE in state.protections
    assert state.current_a == 0.0
    assert not state.discharging_enabled
    assert state.protection_counts[Protection.CELL_UNDER_VOLTAGE] == 1
    charged = step(HOUSE, state, 1800.0, 20.0, 25.0)
    assert charged.current_a == 20.0
    assert charged.discharging_enabled


def test_a_full_pack_stops_charging():
    state = step(HOUSE, new_pack(HOUSE, state_of_charge=0.98), 7200.0, 50.0, 25.0)
    assert state.protections & {Protection.CELL_OVER_VOLTAGE, Protection.PACK_OVER_VOLTAGE}
    assert state.current_a == 0.0
    assert float(cell_voltages(HOUSE, state).max()) <= 3.65
    assert state_of_charge(state) <= 1.0


def test_a_frozen_pack_takes_no_charge_but_gives_some():
    frozen = new_pack(HOUSE, temperature_degc=-10.0)
    assert step(HOUSE, frozen, 60.0, 20.0, -10.0).current_a == 0.0
    assert step(HOUSE, frozen, 60.0, -20.0, -10.0).current_a == -20.0


def test_too_large_a_current_opens_the_switch():
    state = step(HOUSE, new_pack(HOUSE), 10.0, -250.0, 25.0)
    assert state.protections == {Protection.DISCHARGE_OVER_CURRENT}
    assert state.current_a == 0.0


def test_balancing_levels_cells_near_full():
    spec = PackSpec("NMC", 4, 20.0, seed=3, capacity_spread=0.0)
    state = new_pack(spec, state_of_charge=0.93)
    uneven = state.charge_as.copy()
    uneven[2] += 0.02 * 72_000.0
    state = step(spec, replace(state, charge_as=uneven), 1200.0, 1.0, 25.0)
    assert state.balancing == (False, False, True, False)


@pytest.mark.parametrize("wrong", [(-1.0, 0.0, 20.0), (float("nan"), 0.0, 20.0), (1.0, float("inf"), 20.0)])
def test_nonsense_is_a_callers_mistake(wrong):
    with pytest.raises(ValueError, match="expected finite numbers"):
        step(HOUSE, new_pack(HOUSE), *wrong)


def test_an_unknown_chemistry_names_the_known_ones():
    with pytest.raises(ValueError, match="LFP, NMC, LMO, LTO"):
        PackSpec("unobtainium", 16, 100.0)


# Years


def test_every_duty_in_every_climate_stays_physical():
    packs = [
        PackSpec("LFP", 16, 100.0, seed=number, duty=duty, climate=climate)
        for number, (duty, climate) in enumerate((d, c) for d in DUTIES for c in CLIMATES)
    ]
    spring = datetime(2026, 3, 20, tzinfo=UTC)  # in winter nobody rides
    histories = simulate_years(packs, spring, spring + timedelta(days=60))
    for samples in histories:
        assert len(samples) == 60 * 144
        assert np.all(np.diff(samples.sequence) == 1)
        low, high = column(samples, "cell_voltage_min"), column(samples, "cell_voltage_max")
        assert np.all(low <= high)
        # A pack's voltage is the sum of 16 cells between the two, each rounded to a millivolt.
        assert np.all(column(samples, "voltage") >= 16 * low - 16)
        assert np.all(column(samples, "voltage") <= 16 * high + 16)
        assert low.min() > 2000
        assert high.max() <= 3700
        charge = column(samples, "state_of_charge")
        assert charge.min() >= 0
        assert charge.max() <= 1000
        assert np.all(np.diff(column(samples, "cycle_count")) >= 0)
        assert np.abs(column(samples, "current")).max() > 1000
        assert column(samples, "cell_temperature_max").max() < 600


def test_the_integral_of_current_is_the_change_of_charge():
    packs = [
        PackSpec("NMC", 100, 150.0, seed=5, duty="ev"),
        PackSpec("LFP", 16, 102.0, seed=6, duty="stationary", climate="indoors"),
    ]
    for pack, samples in zip(
        packs, simulate_years(packs, NEW_YEAR, NEW_YEAR + timedelta(days=120)), strict=True
    ):
        charge = column(samples, "state_of_charge") / 1000.0 * pack.rated_capacity_ah
        moved = np.concatenate(([0.0], np.cumsum(column(samples, "current")[1:] / 1000.0 / 6.0)))
        leak = 0.02 * pack.rated_capacity_ah * np.arange(len(samples)) / (30 * 144)
        # Fade makes a state of charge weigh a little less towards the end: 2 % of the capacity bound it all.
        assert np.abs(charge - charge[0] - (moved - leak)).max() < 0.02 * pack.rated_capacity_ah


def test_the_counted_cycles_are_the_discharge_over_the_rated_capacity():
    pack = PackSpec("LFP", 16, 100.0, seed=1, duty="forklift", full_cycles=210.0)
    (samples,) = simulate_years([pack], NEW_YEAR, NEW_YEAR + timedelta(days=200))
    current = column(samples, "current") / 1000.0
    discharged = -np.minimum(current, 0).sum() / 6.0
    assert column(samples, "cycle_count")[0] == 210
    assert column(samples, "cycle_count")[-1] == int(210 + discharged / 100.0)


def test_a_year_is_the_same_again_and_does_not_depend_on_its_neighbours():
    pack, other = (
        PackSpec("NMC", 10, 14.0, seed=9, duty="lmt"),
        PackSpec("LTO", 20, 40.0, seed=4, duty="standby"),
    )
    end = NEW_YEAR + timedelta(days=20)
    alone, beside = simulate_years([pack], NEW_YEAR, end)[0], simulate_years([other, pack], NEW_YEAR, end)[1]
    for key in alone.columns:
        assert np.array_equal(alone.columns[key].values, beside.columns[key].values)


def test_winter_is_colder_than_summer_and_the_south_warmer_than_the_north():
    packs = [PackSpec("NMC", 100, 150.0, seed=1, duty="ev", climate=name) for name in ("nordic", "hot")]
    nordic, hot = simulate_years(packs, NEW_YEAR, NEW_YEAR + timedelta(days=365), step_s=3600)
    cold = column(nordic, "cell_temperature_min")
    assert cold[:720].mean() < cold[4200:4920].mean() - 150
    assert column(hot, "cell_temperature_min").mean() > cold.mean() + 200


def test_troubles_show_where_they_should():
    def with_trouble(trouble):
        return PackSpec("LFP", 16, 100.0, seed=2, duty="stationary", climate="indoors", troubles=(trouble,))

    packs = [with_trouble(trouble) for trouble in Trouble]
    deep, gap, reset = simulate_years(packs, NEW_YEAR, NEW_YEAR + timedelta(days=90))
    # Deep discharge: below 2.0 V a cell for hours, and above it before.
    low = column(deep, "cell_voltage_min")
    assert low.min() < 2000
    assert low[: 59 * 144].min() > 2500
    # Gap: three weeks between two rows, and 21 * 144 rows fewer.
    assert max(b - a for a, b in pairwise(gap.time_ms.tolist())) == 21 * 86_400_000 + 600_000
    assert len(gap) == 90 * 144 - 21 * 144
    # Reset: the counter falls to nought once.
    falls = np.flatnonzero(np.diff(column(reset, "cycle_count")) < 0)
    assert len(falls) == 1
    assert column(reset, "cycle_count")[falls[0] + 1] == 0


@pytest.mark.parametrize(
    ("pack", "end", "sentence"),
    [
        (HOUSE, NEW_YEAR, "no row of 600 s"),
        (HOUSE, datetime(2026, 2, 1), "need a zone"),
        (PackSpec("LFP", 16, 100.0, duty="racing"), NEW_YEAR + timedelta(days=1), "unknown duty 'racing'"),
        (PackSpec("LFP", 16, 100.0, climate="lunar"), NEW_YEAR + timedelta(days=1), "unknown climate"),
    ],
    ids=["nothing between", "no zone", "duty", "climate"],
)
def test_a_year_that_cannot_be_is_refused(pack, end, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulate_years([pack], NEW_YEAR, end)
