"""Resistance, power, efficiency, self-discharge, imbalance: worked out by hand, and when nothing is said."""

import csv
import gzip
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from passport.errors import InputRefused
from passport.estimates import efficiency, imbalance, observed, power, resistance, self_discharge
from passport.estimates.estimate import Estimate, NotDeterminable
from passport.lifecycle.basis import Basis
from passport.lifecycle.resistances import Place, Resistances, Rest
from passport.lifecycle.session import Session
from passport.lifecycle.shape import Counter, Extreme, LifecycleState
from passport.lifecycle.steps import resistance as of_step

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TODAY = 20_785  # days from 1970 to 28 November 2026
DAY_MS = 86_400_000
CYCLE = 2 * 3_600_000 * 100_000  # charge of one full cycle at 100 Ah, 2·mA·ms
NMC = Basis(chemistry="Li-ion NMC", rated_mah=100_000, in_series=100, minimum_mv=280_000, maximum_mv=420_000)
LFP = Basis(chemistry="Li-ion LFP", rated_mah=100_000, in_series=16, minimum_mv=40_000, maximum_mv=57_600)
MILD, COLD, WARM = 3, 1, 4  # bins of temperature


def state_with(*steps, cycles=0, young=False, day=TODAY, counter=None):
    """Steps as (heat bin, charge bin, direction, degrees, micro-ohm, count)."""
    state = LifecycleState(charge_out=int(cycles * CYCLE), charge_in=int(cycles * CYCLE))
    add(state.resistances, *steps, young=young, day=day)
    if counter is not None:
        state.counters["cycle_count"] = Counter(counter, counter + 100, None)
    return state


def add(kept, *steps, young=False, day=TODAY):
    for heat, charge, direction, degrees, micro_ohm, count in steps:
        for _ in range(count):
            kept.take(Place(heat, charge, direction), micro_ohm, 20 * degrees, day, young=young)


def session(direction=1, **changes):
    values = {
        "direction": direction,
        "start_s": 1_790_000_000,
        "absolute": True,
        "duration_s": 7_200,
        "charge": 900_000,  # 90 Ah
        "opposite": 0,
        "charge_to_limit": None,
        "energy": 0,
        "rest_before_s": 0,
        "rest_before_mv": None,
        "rest_after_s": 0,
        "rest_after_mv": None,
        "first_mv": 3600,
        "last_mv": 4190,
        "last_ma": 4_000,
        "mean_ma": 45_000,
        "soc_first": 100,
        "soc_last": 1000 if direction > 0 else 100,
        "coldest": 230,
        "hottest": 270,
        "mean_temperature": 250,
        "longest_step_s": 10,
        "windows": (),
        "cycles_before": 0,
        "spread_mv": None,
        **changes,
    }
    return Session(**values)


def with_sessions(monkeypatch, *sessions):
    """A state whose kept sessions are these."""
    state = LifecycleState()
    monkeypatch.setattr(type(state.sessions), "until_now", lambda *_: list(sessions))
    return state


def none(answer, code):
    assert isinstance(answer, NotDeterminable), answer
    assert answer.code == code
    assert answer.reason.endswith(".")


# Resistance.


def test_a_resistance_is_carried_to_25_degrees():
    # Ea 0.3 eV: 0.3 / 8.617333e-5 = 3481.4 K; 1/278.15 - 1/298.15 = 0.000241168; exp(-0.83960) = 0.43189
    assert resistance.at_reference(2000, 5, 0.3) == pytest.approx(863.8, abs=0.1)
    assert resistance.at_reference(2000, 25, 0.3) == 2000


def test_resistance_of_the_pack_is_that_of_a_cell_by_its_number():
    answer = resistance.estimate_resistance(state_with((MILD, 1, -1, 25, 1500, 20)), NMC, {}, NOW)
    assert isinstance(answer, Estimate)
    assert answer.value == Decimal("0.1500")  # 100 cells of 1.5 mOhm
    assert answer.method == "r.dc10s.v1"
    assert answer.low < answer.value < answer.high
    assert not answer.calibrated
    assert answer.conditions["duration_s"] == "10"
    assert any("busbars" in remark for remark in answer.remarks)
    assert answer.as_of == NOW


def test_the_activation_energy_is_learned_where_its_own_bins_span_ten_kelvin():
    # 0.5 eV: 0.5 / 8.617333e-5 = 5802.3 K; between 5 and 25 degC exp(5802.3 * 0.000241168) = 4.0528
    cold = (COLD, 1, -1, 5, 4053, 20)
    kept = state_with((MILD, 1, -1, 25, 1000, 20), cold).resistances
    energy, _, learned = resistance.activation_energy(list(kept.by_place()))
    assert learned
    assert energy == pytest.approx(0.5, abs=0.001)
    level = resistance.level_of(kept)
    assert level.micro_ohm == pytest.approx(1000, rel=0.001)
    near = state_with((MILD, 1, -1, 25, 1000, 20), (MILD - 1, 1, -1, 16, 1300, 20)).resistances
    assert resistance.activation_energy(list(near.by_place()))[2] is False


def test_no_resistance_without_steps_temperature_or_the_right_sign():
    none(resistance.estimate_resistance(LifecycleState(), NMC, {}, NOW), "no_steps")
    none(resistance.estimate_resistance(state_with((MILD, 1, -1, 25, 1500, 4)), NMC, {}, NOW), "no_steps")
    none(resistance.estimate_resistance(LifecycleState(), Basis(), {}, NOW), "no_rated_capacity")
    none(resistance.estimate_resistance(state_with((6, 1, -1, 0, 1500, 20)), NMC, {}, NOW), "no_temperature")
    wrong = LifecycleState(resistances=Resistances(refused=12))
    none(resistance.estimate_resistance(wrong, NMC, {}, NOW), "steps_refused")


def test_ohmic_resistance_is_never_told_from_telemetry():
    found = observed.observed(state_with((MILD, 1, -1, 25, 1500, 60)), {"rated_capacity": 100}, NOW)
    none(found["ohmic_resistance"], "not_in_telemetry")
    assert isinstance(found["internal_resistance_current"], Estimate)


def test_growth_is_the_median_of_its_own_bins_and_winter_is_no_ageing():
    state = state_with((MILD, 1, -1, 25, 1000, 10), (COLD, 1, -1, 5, 2000, 10), young=True)
    # Later only the cold was seen: 64 steps of 2,400 where 2,000 had been.
    add(state.resistances, (COLD, 1, -1, 5, 2400, 64))
    add(state.resistances, (MILD, 1, -1, 25, 1200, 64))
    state.charge_out = 200 * CYCLE
    state.counters["cycle_count"] = Counter(3, 210, None)
    answer = resistance.estimate_growth(state, NMC, {}, NOW)
    assert isinstance(answer, Estimate)
    # 74 steps in each: the first 64 were halved, which leaves 5 early and 27 late ones, and 10 came after.
    # (5 * 1,000 + 37 * 1,200) / 42 = 1,176.2; the cold the same: 17.6 %.
    assert answer.value == Decimal("17.6")
    assert answer.method == "r.growth_own.v1"
    assert answer.low < 20 < answer.high


def test_growth_is_not_told_of_a_battery_whose_beginning_nobody_watched():
    state = state_with((MILD, 1, -1, 25, 1200, 60), young=True, cycles=200, counter=800)
    none(resistance.estimate_growth(state, NMC, {}, NOW), "beginning_not_watched")
    early = state_with((MILD, 1, -1, 25, 1200, 60), young=True, cycles=60, counter=0)
    none(resistance.estimate_growth(early, NMC, {}, NOW), "too_early")
    late = state_with((MILD, 1, -1, 25, 1200, 60), young=False, cycles=200, counter=0)
    none(resistance.estimate_growth(late, NMC, {}, NOW), "no_early_steps")
    answer = resistance.estimate_growth(state, NMC, {"internal_resistance_pack": Decimal("0.1")}, NOW)
    assert isinstance(answer, Estimate)
    assert answer.value == Decimal("20.0")  # 0.12 over 0.10 ohm
    assert answer.method == "r.growth_declared.v1"
    assert answer.high - answer.low > 40
    assert any("not known here" in remark for remark in answer.remarks)


def test_steps_of_a_laboratory_cell_agree_with_its_impedance(shared):
    """The first reading after the current was switched on is 23 s late: near the sum of Re and Rct."""
    folder = "datasets/nasa-pcoe-18650/"
    truth = list(csv.DictReader(shared(f"{folder}B0045_steps_truth.csv").read_text("utf-8").splitlines()))
    rows = {}
    with gzip.open(shared(f"{folder}B0045_timeseries.csv.gz"), "rt", encoding="utf-8") as series:
        for row in csv.DictReader(series):
            rows.setdefault(row["step_no"], []).append(row)
    impedance, ratios = None, []
    for step in truth:
        if step["re_ohm"]:
            impedance = float(step["re_ohm"]) + float(step["rct_ohm"])
        if step["type"] == "discharge" and impedance and step["step_no"] in rows:
            (volts, amperes), (later_volts, later_amperes) = (
                [round(1000 * float(row[name])) for name in ("voltage_v", "current_a")]
                for row in rows[step["step_no"]][:2]
            )
            if abs(later_amperes - amperes) > 400:
                found = of_step(later_volts - volts, later_amperes - amperes, 1)
                ratios.append(found / 1e6 / impedance)
    assert len(ratios) == 9
    assert all(0.7 < ratio < 0.9 for ratio in ratios)


# Power.


def test_power_follows_from_voltage_and_resistance():
    state = state_with((MILD, 1, -1, 25, 2000, 20), (MILD, 0, -1, 25, 2500, 20))
    answer = power.estimate_power(state, NMC, {}, NOW, percent=80)
    # 100 cells * 2.8 V * (3.98 V - 2.8 V) / 2 mOhm = 165.2 kW
    assert answer.value == Decimal(165_200)
    low = power.estimate_power(state, NMC, {}, NOW, percent=20)
    # 100 * 2.8 * (3.54 - 2.8) / 2.5 mOhm = 82.88 kW
    assert low.value == Decimal(82_880)
    assert low.low < low.value < low.high


def test_power_is_no_more_than_declared_and_needs_the_minimum_voltage():
    state = state_with((MILD, 1, -1, 25, 2000, 20))
    capped = power.estimate_power(state, replace(NMC, maximum_w=100_000), {}, NOW, percent=80)
    assert (capped.value, capped.high) == (Decimal(100_000), Decimal(100_000))
    bare = replace(NMC, minimum_mv=None)
    none(power.estimate_power(state, bare, {}, NOW, percent=80), "no_minimum_voltage")
    sodium = replace(NMC, chemistry="Na-ion")
    none(power.estimate_power(state, sodium, {}, NOW, percent=80), "no_curve")
    none(power.estimate_power(LifecycleState(), NMC, {}, NOW, percent=80), "no_steps")
    elsewhere = power.estimate_power(state, NMC, {}, NOW, percent=20)
    assert any("another range of charge" in remark for remark in elsewhere.remarks)


# Efficiency.


def loop(*, energy_out=30_000, energy_in=32_000, charge_out=900_000, charge_in=900_000, soc_last=1000):
    return (
        session(1),
        session(-1, start_s=1_790_010_000, charge=charge_out, energy=energy_out),
        session(1, start_s=1_790_020_000, charge=charge_in, energy=energy_in, soc_last=soc_last),
    )


def test_a_loop_from_full_to_full_gives_energy_out_over_energy_in(monkeypatch):
    answer = efficiency.estimate_efficiency(with_sessions(monkeypatch, *loop()), NMC, {}, NOW)
    assert isinstance(answer, Estimate)
    # 300 Wh / 320 Wh = 93.75 %, half to even
    assert answer.value == Decimal("93.8")
    assert answer.method == "rte.full_to_full.v1"
    assert answer.low < Decimal("93.75") < answer.high
    assert answer.conditions == {"mean_c_rate": "0.45", "temperature_celsius": "25"}


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "charge_in": 915_000
        },  # 1.6 % more went in than came out: not as full as before, or a session is lost
        {"soc_last": 900},  # did not end full
        {"charge_out": 400_000, "charge_in": 400_000},  # less than half of the battery
        {"energy_out": 33_000},  # more came out than went in
        {"energy_out": None},  # voltage was not read
    ],
)
def test_a_loop_that_does_not_close_gives_none(monkeypatch, wrong):
    state = with_sessions(monkeypatch, *loop(**wrong))
    none(efficiency.estimate_efficiency(state, NMC, {}, NOW), "no_closed_loop")


def test_a_charge_that_ended_before_its_current_fell_is_not_full():
    early = session(1, soc_last=None, charge_to_limit=900_000, last_ma=40_000)
    assert not efficiency.is_full(early, NMC)
    assert efficiency.is_full(replace(early, last_ma=5_000), NMC)
    assert efficiency.is_full(early, LFP)
    assert not efficiency.is_full(session(-1, soc_last=1000), NMC)


def test_all_that_flowed_counts_where_the_unknown_ends_are_small():
    def after(cycles, share):
        into = cycles * CYCLE * 50_000  # at 50 V
        return LifecycleState(
            charge_in=cycles * CYCLE,
            charge_out=cycles * CYCLE,
            charge_ms=1,
            energy_in=into,
            energy_out=into * share // 100,
            energy_ms=1,
        )

    answer = efficiency.estimate_efficiency(after(100, 94), LFP, {}, NOW)
    # A hundred full energies: not knowing the ends is 1 %, sensors 0.5 %.
    assert (answer.value, answer.low, answer.high) == (Decimal("94.0"), Decimal("92.5"), Decimal("95.5"))
    assert answer.method == "rte.totals.v1"
    none(efficiency.estimate_efficiency(after(40, 94), LFP, {}, NOW), "no_closed_loop")
    gaps = after(100, 94)
    gaps.charge_out -= 2 * CYCLE
    none(efficiency.estimate_efficiency(gaps, LFP, {}, NOW), "no_closed_loop")


# Self-discharge.


def rest(first_mv, last_mv, *, days=30.4375, in_series=100, area=0, **changes):
    start = 1_780_000_000_000
    settled = start + 4 * 3_600_000
    last = settled + int(days * DAY_MS)
    whole = {"first_mv": first_mv * in_series, "last_mv": last_mv * in_series}
    return Rest(start, last, True, area, settled, **{**whole, **changes})


def test_self_discharge_is_the_fall_of_voltage_by_the_slope():
    # NMC between 3,880 and 3,980 mV: 10 mV for each percent. 20 mV in one month: 2 %.
    answer = self_discharge.by_voltage(rest(3950, 3930), NMC)
    assert isinstance(answer, Estimate)
    assert answer.value == Decimal("2.00")
    # (20 - 2) / 14 = 1.286 and (20 + 2) / 6 = 3.667
    assert (answer.low, answer.high) == (Decimal("1.28"), Decimal("3.67"))


def test_the_flat_middle_of_lfp_says_nothing_and_a_steep_place_does():
    none(self_discharge.by_voltage(rest(3300, 3299, in_series=16), LFP), "flat_curve")
    # 3,050 to 3,200 mV is 30 mV for each percent.
    assert self_discharge.by_voltage(rest(3160, 3100, in_series=16), LFP).value == Decimal("2.00")


def test_what_cannot_be_measured_is_never_nought():
    answer = self_discharge.by_voltage(rest(3950, 3950), NMC)
    none(answer, "below_resolution")
    assert "Less than 0.4 %" in answer.reason  # 2 mV / 6 mV a percent = 0.33
    none(self_discharge.by_voltage(rest(3950, 3960), NMC), "below_resolution")
    none(self_discharge.estimate_self_discharge(LifecycleState(), NMC, {}, NOW), "no_long_rest")


def test_an_offset_of_the_current_or_a_small_load_spoils_a_rest():
    # 0.2 % of 100 Ah is 200 mAh; 0.1 A over a week would be 16.8 Ah.
    moved = -2 * 3_600_000 * 201
    none(self_discharge.by_voltage(rest(3950, 3930, area=moved), NMC), "not_at_rest")


def test_a_cell_that_falls_behind_its_neighbours_is_told():
    lame = rest(3950, 3948, first_low=3948, first_high=3952, last_low=3900, last_high=3951)
    none(self_discharge.by_voltage(lame, NMC), "below_resolution")
    lame = rest(3950, 3940, first_low=3948, first_high=3952, last_low=3900, last_high=3951)
    answer = self_discharge.by_voltage(lame, NMC)
    # The distance grew from 4 to 51 mV: 47 mV at 10 mV a percent.
    assert any("a further 4.7 % a month" in remark for remark in answer.remarks)


def refilled(charge, *, area=0):
    before = session(1, start_s=1_780_000_000, duration_s=3_600)
    start = before.start_s + 3_600 + int(30.4375 * 86_400)
    after = session(1, start_s=start, charge=charge)
    quiet = Rest((before.start_s + 3_660) * 1000, (start - 60) * 1000, True, area)
    return [before, after], [quiet]


def test_a_refill_after_a_month_is_what_was_lost():
    sessions, rests = refilled(30_000)  # 3 Ah of 100 Ah
    answer = self_discharge.by_refill(sessions, rests, LFP)
    assert (answer.value, answer.low, answer.high) == (Decimal("3.00"), Decimal("2.50"), Decimal("3.50"))
    assert answer.method == "sd.refill.v1"
    # 1 Ah of it was seen to flow out.
    sessions, rests = refilled(30_000, area=-2 * 3_600_000 * 1000)
    assert self_discharge.by_refill(sessions, rests, LFP).value == Decimal("2.00")


def test_a_refill_says_nothing_when_nobody_watched_or_it_was_small():
    sessions, rests = refilled(30_000)
    none(self_discharge.by_refill(sessions, [], LFP), "no_refill")
    early = [replace(sessions[0], soc_last=900), sessions[1]]
    none(self_discharge.by_refill(early, rests, LFP), "no_refill")
    sessions, rests = refilled(4_000)  # 0.4 %: full is not always equally full
    none(self_discharge.by_refill(sessions, rests, LFP), "below_resolution")


def test_evolution_is_the_change_from_the_declared_rate():
    state = LifecycleState(resistances=Resistances(rests=[rest(3950, 3930)]))
    facts = {"initial_self_discharge_rate": Decimal("1.6")}
    answer = self_discharge.estimate_evolution(state, NMC, facts, NOW)
    assert answer.value == Decimal(25)  # 2.00 over 1.6
    none(self_discharge.estimate_evolution(state, NMC, {}, NOW), "no_initial_rate")
    none(self_discharge.estimate_evolution(LifecycleState(), NMC, facts, NOW), "no_long_rest")


# Imbalance.


def test_three_figures_and_the_weakest_cell_by_its_name():
    # Capacities 100, 98, 80: the mean 92.67 hides cell 3. Cell 3 is empty first, cell 2 is full first.
    found = imbalance.balance_of({"1": 60, "2": 62, "3": 40}, {"1": 40, "2": 36, "3": 40})
    assert (found.weakest, found.first_empty, found.first_full) == ("3", "3", "2")
    assert found.ageing == pytest.approx(92.6667, abs=1e-3)
    assert (found.usable, found.recoverable, found.by_balancing) == (76, 80, 4)


def test_cells_of_equal_capacity_that_stand_apart_lose_only_what_balancing_brings_back():
    found = imbalance.balance_of({"1": 50, "2": 45}, {"1": 50, "2": 55})
    assert (found.ageing, found.usable, found.recoverable) == (100, 95, 100)


def test_cells_must_be_the_same_on_both_sides():
    with pytest.raises(InputRefused, match="the same cells"):
        imbalance.balance_of({"1": 50}, {"2": 50})
    with pytest.raises(InputRefused, match="no negative"):
        imbalance.balance_of({"1": -1}, {"1": 50})


def test_a_spread_of_rested_cells_counts_only_where_the_curve_is_steep(monkeypatch):
    steep = session(1, rest_before_s=7_200, rest_before_mv=3140, spread_mv=60)
    flat = session(1, rest_before_s=7_200, rest_before_mv=3300, spread_mv=20)
    state = with_sessions(monkeypatch, steep, flat)
    state.extremes["cell_voltage_min"] = Extreme(2710, None, "module/2/5")
    answer = imbalance.estimate_imbalance(state, LFP, {}, NOW)
    assert answer.value == Decimal("2.0")  # 60 mV at 30 mV a percent
    assert answer.remarks == ("Of all cells module/2/5 went lowest so far, to 2.710 V.",)
    usable = imbalance.estimate_usable(state, LFP, {}, NOW)
    # At most (60 + 2) / 18 = 3.44 apart, at least (60 - 2) / 42 = 1.38.
    assert (usable.value, usable.low, usable.high) == (Decimal("98.0"), Decimal("96.5"), Decimal("98.7"))
    none(imbalance.estimate_imbalance(with_sessions(monkeypatch, flat), LFP, {}, NOW), "flat_curve")
    short = replace(steep, rest_before_s=7_199)
    none(imbalance.estimate_imbalance(with_sessions(monkeypatch, short), LFP, {}, NOW), "no_rested_cells")


# What is signed, graded and gated.


def test_a_signed_record_states_what_is_sure_and_leaves_out_the_rest(monkeypatch):
    facts = {
        "rated_capacity": Decimal(100),
        "battery_chemistry": "Li-ion NMC",
        "minimum_voltage": Decimal(280),
    }
    facts["dismantling_cell_layout"] = {"in_series": 100}
    state = with_sessions(monkeypatch, *loop())
    add(state.resistances, (MILD, 1, -1, 25, 1500, 20))
    found = observed.stated(state, facts, NOW)
    assert {name: (one.value, one.method) for name, one in found.items()} == {
        "internal_resistance_current": (Decimal("0.1500"), "r.dc10s.v1"),
        "remaining_round_trip_efficiency": (Decimal("93.8"), "rte.full_to_full.v1"),
        "round_trip_efficiency_current": (Decimal("93.8"), "rte.full_to_full.v1"),
    }
    later = datetime(2027, 6, 1, tzinfo=UTC)
    assert observed.stated(state, facts, later) == {}  # all of it is stale by then
    state.resistances.rests = [rest(3950, 3930)]
    assert "self_discharge_rate_current" not in observed.stated(state, facts, NOW)  # by a usual curve


def test_growth_since_it_was_first_watched_is_shown_and_not_signed():
    state = state_with((MILD, 1, -1, 25, 1000, 30), young=True, cycles=200)
    add(state.resistances, (MILD, 1, -1, 25, 1200, 64))
    facts = {"rated_capacity": Decimal(100)}
    answer = observed.observed(state, facts, NOW)["internal_resistance_increase_pack"]
    assert isinstance(answer, Estimate)
    assert resistance.FIRST_WATCHED in answer.remarks
    assert "internal_resistance_increase_pack" not in observed.stated(state, facts, NOW)
    state.counters["cycle_count"] = Counter(0, 210, None)
    assert "internal_resistance_increase_pack" in observed.stated(state, facts, NOW)
