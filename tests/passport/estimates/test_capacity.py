import csv
import gzip
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.estimates.capacity import Measurement, Refusal, classify, classify_all
from passport.estimates.estimate import EvidenceClass
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import Session
from tests.data import shared_files
from tests.passport.estimates.cells import Cell
from tests.passport.estimates.sessions_of import Row, grouped, sessions_of

CELL = Basis(
    chemistry="Li-ion NMC",
    category="stationary",
    rated_mah=10_000,
    in_series=1,
    minimum_mv=2500,
    maximum_mv=4200,
)
# A discharge from a full rest to the cut-off: 9.0 Ah in two hours.
FULL = Session(
    direction=-1,
    start_s=0,
    absolute=False,
    duration_s=7200,
    charge=90_500,
    opposite=0,
    charge_to_limit=90_000,
    energy=3300,
    rest_before_s=3600,
    rest_before_mv=4185,
    rest_after_s=600,
    rest_after_mv=3000,
    first_mv=4100,
    last_mv=2480,
    last_ma=4500,
    mean_ma=4500,
    soc_first=None,
    soc_last=None,
    coldest=240,
    hottest=300,
    mean_temperature=260,
    longest_step_s=10,
    windows=(),
    cycles_before=0,
    spread_mv=None,
)


def told(session: Session, basis: Basis = CELL, before: Session | None = None) -> Measurement:
    answer = classify(session, basis, before=before)
    assert isinstance(answer, Measurement), answer
    return answer


def refused(session: Session, basis: Basis = CELL, before: Session | None = None) -> str:
    answer = classify(session, basis, before=before)
    assert isinstance(answer, Refusal), answer
    return answer.code


def test_a_complete_discharge_counts_to_the_cut_off_and_no_further() -> None:
    measured = told(FULL)
    assert measured.evidence is EvidenceClass.A
    # 9.0 Ah; a cell that rests 15 mV below its maximum may be full.
    assert measured.capacity == pytest.approx(9.0)


def test_what_came_back_while_braking_is_taken_off() -> None:
    assert told(replace(FULL, opposite=5_000)).capacity == pytest.approx(8.5)


def test_a_discharge_that_nothing_shows_full_is_refused() -> None:
    half = replace(FULL, rest_before_mv=3900, first_mv=3850)
    assert refused(half) == "not_from_full"
    assert refused(replace(half, rest_before_mv=None, rest_before_s=0)) == "not_from_full"


def test_a_discharge_that_stops_before_the_cut_off_is_refused() -> None:
    assert refused(replace(FULL, charge_to_limit=None, last_mv=3300)) == "not_to_cut_off"


def test_a_cut_off_between_two_samples_still_counts() -> None:
    assert told(replace(FULL, charge_to_limit=None, charge=90_000, last_mv=2590)).sd > told(FULL).sd


def test_a_gap_spoils_a_session_and_slow_sampling_at_a_small_current_does_not() -> None:
    assert refused(replace(FULL, longest_step_s=300)) == "gap"
    slow = replace(FULL, longest_step_s=300, mean_ma=500, duration_s=64_800)
    assert told(slow).noise > told(replace(slow, longest_step_s=30)).noise


def test_rows_every_two_minutes_at_the_rated_current_still_count_and_are_less_sure() -> None:
    # Two minutes at 1 C are 3.3 % of the capacity, of which half is noise.
    coarse = replace(FULL, longest_step_s=120, mean_ma=10_000, duration_s=3_240)
    assert told(coarse).noise > told(replace(coarse, longest_step_s=30)).noise
    assert refused(replace(coarse, longest_step_s=150)) == "gap"


def test_without_a_temperature_the_doubt_is_wider_and_said() -> None:
    unread = told(replace(FULL, mean_temperature=None, coldest=None, hottest=None))
    assert unread.sd > told(FULL).sd
    assert unread.remarks == ("No temperature was read.",)


@pytest.mark.parametrize("degrees", [-50, 50, 140, 360, 600])
def test_outside_15_to_35_degrees_the_doubt_is_wider(degrees: int) -> None:
    assert told(replace(FULL, mean_temperature=degrees)).sd > told(FULL).sd


def test_the_loss_in_the_cold_is_marked_as_cold() -> None:
    assert told(replace(FULL, mean_temperature=40)).cold
    assert not told(replace(FULL, mean_temperature=160)).cold


def test_a_current_too_high_for_the_rating_is_refused() -> None:
    assert refused(replace(FULL, mean_ma=65_000, longest_step_s=1)) == "too_fast"
    fast = told(replace(FULL, mean_ma=40_000, last_ma=40_000, longest_step_s=1))
    assert fast.bias > 4
    assert fast.remarks == ("Measured at 4.0 times the rated current: more would come out slowly.",)


def test_a_sag_at_the_end_is_doubted() -> None:
    assert told(replace(FULL, last_ma=15_000)).noise > told(FULL).noise + 2


def test_what_a_bms_calls_state_of_charge_changes_nothing() -> None:
    # Trap 1: with the counted SoC, 9.05 Ah by 90.5 % would be 10 Ah, the rated capacity, for ever.
    assert told(replace(FULL, soc_first=1000, soc_last=95)) == told(FULL)


def test_a_charge_from_a_half_full_aged_cell_is_refused() -> None:
    # Trap 2: the curve of a fresh cell would read it 8 to 20 points wrong.
    cell = Cell("Li-ion NMC", health=0.75)
    for start in (0.15, 0.25, 0.45):
        (session,) = sessions_of(cell.run(start, 0.3), cell.basis)
        assert refused(session, cell.basis) == "not_from_empty"


def test_voltage_under_load_is_not_open_circuit() -> None:
    # Trap 3: under 1 C a half-full cell sags into the steep end; nothing says that it was empty.
    cell = Cell("Li-ion NMC", ohm=0.04)
    sunk, charged = sessions_of(
        cell.run(0.45, -1.5, rest_after=0) + [(90_000 + t, *row) for t, *row in cell.run(0.4, 0.2)],
        cell.basis,
    )
    assert sunk.last_mv is not None
    assert refused(charged, cell.basis) == "not_from_empty"


def test_lfp_says_nothing_in_the_middle() -> None:
    # Trap 4: rested twice for hours, and still no anchor at 30 % and 70 %.
    cell = Cell("Li-ion LFP")
    (session,) = sessions_of(cell.run(0.3, 0.3, until=0.7, rest_before=14_400, rest_after=14_400), cell.basis)
    assert refused(session, cell.basis) == "not_from_empty"


def test_a_charge_that_the_bms_calls_full_is_not_full() -> None:
    # Trap 8: "100 %" moves with the firmware; the voltage says where the charge ended.
    charge = replace(
        FULL,
        direction=1,
        first_mv=2700,
        rest_before_mv=2600,
        last_mv=4050,
        charge_to_limit=None,
        soc_first=0,
        soc_last=1000,
    )
    assert refused(charge) == "not_to_full"


def test_a_resistance_of_contactors_is_not_taken_for_missing_charge() -> None:
    # Trap 10: 0.3 V of drop at the first loaded row; the rest before it tells that it was full.
    assert told(replace(FULL, first_mv=3800)).capacity == pytest.approx(9.0)


def test_a_voltage_that_lags_by_a_sample_does_not_move_the_capacity() -> None:
    # Trap 11
    cell = Cell("Li-ion NMC")
    rows = cell.run(1.0, -0.5, step=10.0)
    late: list[Row] = [(t, rows[max(0, at - 1)][1], i, degrees) for at, (t, _, i, degrees) in enumerate(rows)]
    (one,), (other,) = sessions_of(rows, cell.basis), sessions_of(late, cell.basis)
    assert told(other, cell.basis).capacity == pytest.approx(told(one, cell.basis).capacity, rel=0.005)


# A charge of an LFP pack from a rest in the steep low end until the cliff: 80 Ah of 100 Ah.
LOW = replace(
    FULL,
    direction=1,
    charge=800_000,
    charge_to_limit=None,
    rest_before_s=9000,
    rest_before_mv=3000,
    first_mv=3150,
    last_mv=3650,
    last_ma=15_000,
    mean_ma=15_000,
    longest_step_s=60,
)
PACK = replace(CELL, chemistry="Li-ion LFP", rated_mah=100_000, maximum_mv=3650)


def test_the_lowest_cell_tells_how_much_was_left_in_a_pack() -> None:
    # The string ends with its lowest cell: 60 mV of spread around 3030 mV are a lowest cell at 3000 mV.
    alone = told(LOW, PACK)
    spread = told(replace(LOW, rest_before_mv=3030, spread_mv=60), PACK)
    assert spread.capacity == pytest.approx(alone.capacity)
    assert told(replace(LOW, rest_before_mv=3030), PACK).capacity > alone.capacity
    # By the bounds at 3000 mV, 2.3 to 3.4 percent were left: 80 Ah are 97.15 percent of 82.35 Ah; the end
    # of an LFP charge adds nothing that is known.
    assert alone.capacity == pytest.approx(80 / (1 - 0.0285), abs=0.01)


def test_the_highest_cell_tells_how_full_a_pack_was() -> None:
    alone = told(FULL)
    assert told(replace(FULL, rest_before_mv=4165, spread_mv=40)).capacity == pytest.approx(alone.capacity)


def test_a_short_rest_counts_half_and_is_doubted_more() -> None:
    # 2.85 percent were left after a long rest; half of them, 1.425, are added after twenty minutes.
    short, long = told(replace(LOW, rest_before_s=1200), PACK), told(LOW, PACK)
    assert short.capacity == pytest.approx(80 / (1 - 0.01425), abs=0.01)
    assert short.noise > long.noise
    # Just after its load a cell may be drained: nothing is added.
    assert told(replace(LOW, rest_before_s=60), PACK).capacity == pytest.approx(80.0)


def test_a_start_that_may_mean_several_percent_is_class_c() -> None:
    # An oxide cell at rest at 3.2 V holds 2 percent with one graphite and 8 with another.
    charge = replace(
        FULL,
        direction=1,
        charge=90_000,
        charge_to_limit=None,
        rest_before_mv=3200,
        first_mv=3600,
        last_mv=4200,
        last_ma=400,
    )
    assert told(charge).evidence is EvidenceClass.C
    assert told(charge).noise > 2.5
    assert told(replace(charge, rest_before_mv=2900)).evidence is EvidenceClass.A


def test_an_lfp_rest_near_ten_percent_is_class_c_and_an_oxide_one_is_refused() -> None:
    # At 3170 mV between 5.38 and 10.9 percent: 8.14 in the middle, 2.8 to either side.
    at_nine = told(replace(LOW, rest_before_mv=3170, first_mv=3260), PACK)
    assert at_nine.evidence is EvidenceClass.C
    assert at_nine.capacity == pytest.approx(80 / (1 - 0.0814), abs=0.01)
    # After twenty minutes half of it is added, and the rest of it may be missing still: at 3150 mV the middle
    # is 6.9, so 3.45 is added.
    short = told(replace(LOW, rest_before_s=1200, rest_before_mv=3150, first_mv=3260), PACK)
    assert short.capacity == pytest.approx(80 / (1 - 0.0345), abs=0.01)
    assert short.evidence is EvidenceClass.C
    # Where it may be ten percent and is not known to three, nothing is said.
    assert refused(replace(LOW, rest_before_mv=3190, first_mv=3260), PACK) == "not_from_empty"
    # An oxide cell at 3.3 V may hold 4 or 11 percent.
    oxide = replace(FULL, direction=1, rest_before_mv=3300, first_mv=3600, last_mv=4200, last_ma=400)
    assert refused(oxide) == "not_from_empty"


def test_an_offset_of_the_sensor_while_idle_is_not_charge() -> None:
    # Trap 12: 0.02 A over ten hours of rest would be 0.2 Ah of a 10 Ah cell.
    cell = Cell("Li-ion NMC")
    rows = cell.run(1.0, -0.5, rest_before=36_000)
    idle = [(t, v, i or 0.02, degrees) for t, v, i, degrees in rows]
    (one,), (other,) = sessions_of(rows, cell.basis), sessions_of(idle, cell.basis)
    assert told(other, cell.basis).capacity == pytest.approx(told(one, cell.basis).capacity, rel=0.001)


def test_a_charge_counts_from_the_cut_off_that_the_discharge_before_it_reached() -> None:
    charge = replace(
        FULL,
        direction=1,
        start_s=7800,
        charge=90_700,
        charge_to_limit=70_000,
        rest_before_s=600,
        rest_before_mv=3450,
        first_mv=3600,
        last_mv=4200,
        last_ma=400,
    )
    # Nothing in its own voltage says empty; the discharge before ended 0.05 Ah beyond the cut-off.
    assert refused(charge) == "not_from_empty"
    measured = told(charge, before=FULL)
    assert measured.capacity == pytest.approx((9.07 - 0.05) / (1 - 0.0), rel=0.001)


def test_a_session_of_another_clock_is_no_witness() -> None:
    charge = replace(FULL, direction=1, start_s=100, rest_before_mv=3450, first_mv=3600, last_mv=4200)
    assert refused(replace(charge, last_ma=400), before=FULL) == "not_from_empty"


def test_a_cell_still_rested_as_the_cut_off_left_it_is_empty_whatever_its_clock() -> None:
    drained = replace(FULL, rest_after_mv=3450)
    charge = replace(
        FULL, direction=1, start_s=100, rest_before_mv=3455, first_mv=3600, last_mv=4200, last_ma=400
    )
    assert told(charge, before=drained).evidence is EvidenceClass.A
    assert refused(replace(charge, rest_before_mv=3480), before=drained) == "not_from_empty"
    # On the plateau of LFP the same voltage says nothing.
    flat = replace(CELL, chemistry="Li-ion LFP", maximum_mv=3650)
    plateau = replace(charge, rest_before_mv=3290, last_mv=3650, first_mv=3350)
    assert refused(plateau, flat, before=replace(FULL, rest_after_mv=3290)) == "not_from_empty"


def test_a_charge_that_ends_at_full_current_leaves_charge_out() -> None:
    charge = replace(FULL, direction=1, rest_before_mv=2600, first_mv=2700, last_mv=4200, last_ma=4500)
    assert refused(charge) == "not_tapered"


def test_a_charger_that_holds_a_little_below_the_declared_maximum_is_believed_when_it_tapers() -> None:
    charge = replace(FULL, direction=1, rest_before_mv=2600, first_mv=2700, last_mv=4180, last_ma=300)
    assert told(charge).noise > told(replace(charge, last_mv=4200)).noise
    assert refused(replace(charge, last_mv=4150)) == "not_to_full"
    flat = replace(CELL, chemistry="Li-ion LFP", maximum_mv=3650)
    held = replace(charge, last_mv=3450)
    assert told(held, flat).evidence is EvidenceClass.A
    assert refused(replace(held, last_ma=3000), flat) == "not_to_full"


def test_of_a_lead_battery_no_charge_tells_the_capacity() -> None:
    lead = replace(CELL, chemistry="Pb")
    assert refused(replace(FULL, direction=1), lead) == "charge_of_chemistry"


def test_a_pack_of_cells_in_series_is_read_by_its_cell() -> None:
    pack = replace(CELL, in_series=14, minimum_mv=35_000, maximum_mv=58_800)
    assert told(FULL, pack).capacity == pytest.approx(9.0)


def test_between_two_rests_in_the_steep_ends_is_class_c() -> None:
    cell = Cell("Li-ion NMC")
    (session,) = sessions_of(cell.run(0.05, 0.3, until=0.97, rest_before=7200, rest_after=7200), cell.basis)
    measured = told(session, cell.basis)
    assert measured.evidence is EvidenceClass.C
    assert abs(measured.capacity - cell.capacity) / cell.rated < 0.05


@pytest.mark.parametrize("chemistry", ["Li-ion NMC", "Li-ion LFP"])
@pytest.mark.parametrize("direction", [1, -1])
def test_complete_sessions_of_aged_cells_are_within_one_point(chemistry: str, direction: int) -> None:
    chance = np.random.default_rng(7)
    off = []
    for _ in range(25):
        cell = Cell(chemistry, health=float(chance.uniform(0.75, 1)), ohm=float(chance.uniform(0.003, 0.01)))
        rate = direction * float(chance.uniform(0.1, 0.5))
        (session,) = sessions_of(cell.run(0.0 if direction > 0 else 1.0, rate, noise=chance), cell.basis)
        off.append(100 * (told(session, cell.basis).capacity - cell.capacity) / cell.rated)
    assert sqrt(sum(one * one for one in off) / len(off)) <= 1.0


@pytest.mark.parametrize("chemistry", ["Li-ion NMC", "Li-ion LFP"])
def test_random_partial_sessions_are_hardly_ever_taken_for_complete(chemistry: str) -> None:
    chance = np.random.default_rng(11)
    sessions = wrong = 0
    for _ in range(250):
        cell = Cell(chemistry, health=float(chance.uniform(0.72, 1)), ohm=float(chance.uniform(0.003, 0.012)))
        rate, rest = float(chance.uniform(0.1, 1)), float(chance.choice([60, 1800, 7200]))
        ends = sorted(chance.uniform(0, 1, 2))
        to_the_end = chance.random() < 0.5
        if chance.random() < 0.5:
            rows = cell.run(
                ends[0], rate, until=None if to_the_end else ends[1], rest_before=rest, noise=chance
            )
        else:
            rows = cell.run(
                ends[1], -rate, until=None if to_the_end else ends[0], rest_before=rest, noise=chance
            )
        for answer in classify_all(sessions_of(rows, cell.basis), cell.basis):
            sessions += 1
            if isinstance(answer, Measurement):
                wrong += abs(answer.capacity - cell.capacity) / cell.rated > 0.05
    assert sessions > 200
    assert wrong / sessions < 0.01


def _measured(rows: list[dict[str, str]], basis: Basis) -> list[Measurement]:
    parts = [
        (float(r["time_s"]), float(r["voltage_v"]), float(r["current_a"]), float(r["temperature_c"]))
        for r in rows
    ]
    return [one for one in classify_all(sessions_of(parts, basis), basis) if isinstance(one, Measurement)]


@pytest.mark.parametrize(("name", "cut_off"), [("B0005", 2700), ("B0007", 2200)])
def test_complete_discharges_of_nasa_cells_give_their_capacity(name: str, cut_off: int) -> None:
    files = shared_files(f"datasets/nasa-pcoe-18650/{name}_*")
    if not files:
        pytest.skip("test data beside the project are not there")
    with gzip.open(files[0], "rt") as stream:
        rows = grouped(csv.DictReader(stream), "discharge_no")
    with files[1].open() as stream:
        truth = {line["discharge_no"]: float(line["capacity_ah"]) for line in csv.DictReader(stream)}
    basis = Basis("Li-ion LCO", "stationary", 2000, 1, cut_off, 4200)
    off = []
    for number, part in rows.items():
        (measured,) = _measured(part, basis)
        off.append(100 * (measured.capacity - truth[number]) / 2)
    assert len(off) == 168
    assert sqrt(sum(one * one for one in off) / len(off)) <= 1.0


@pytest.mark.parametrize("number", [1, 6])
def test_complete_charges_of_storage_cells_give_their_health(number: int) -> None:
    files = shared_files(f"datasets/essl1-lfp-102ah/cell{number}_*")
    if not files:
        pytest.skip("test data beside the project are not there")
    with gzip.open(files[0], "rt") as stream:
        rows = grouped(csv.DictReader(stream), "cycle")
    with files[1].open() as stream:
        truth = {line["cycle"]: 100 * float(line["soh_label"]) for line in csv.DictReader(stream)}
    basis = Basis("Li-ion LFP", "stationary", 102_000, 1, 2500, 3650)
    off = []
    for cycle, part in rows.items():
        if cycle in truth:
            off += [100 * one.capacity / 102 - truth[cycle] for one in _measured(part, basis)]
    assert len(off) > 0.95 * len(rows)
    assert sqrt(sum(one * one for one in off) / len(off)) <= 1.0


_MV = st.one_of(st.none(), st.integers(1500, 4500))
_ANY = st.builds(
    replace,
    st.just(FULL),
    direction=st.sampled_from([1, -1]),
    charge=st.integers(0, 200_000),
    opposite=st.integers(0, 100_000),
    charge_to_limit=st.one_of(st.none(), st.integers(0, 200_000)),
    rest_before_s=st.integers(0, 20_000),
    rest_before_mv=_MV,
    rest_after_s=st.integers(0, 20_000),
    rest_after_mv=_MV,
    first_mv=_MV,
    last_mv=_MV,
    last_ma=st.integers(0, 50_000),
    mean_ma=st.integers(0, 50_000),
    mean_temperature=st.one_of(st.none(), st.integers(-300, 800)),
    longest_step_s=st.integers(0, 4000),
    cycles_before=st.integers(0, 10_000_000),
)
_NOTHING_SHOWN = st.builds(
    replace,
    _ANY,
    rest_before_mv=st.integers(3500, 4000),
    first_mv=st.integers(3550, 4000),
    rest_after_mv=st.integers(3500, 4000),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)
@given(_ANY, st.sampled_from(["Li-ion NMC", "Li-ion LFP", "Li-ion LCO", "Na-ion", "Pb", None]))
def test_whatever_a_session_holds_the_answer_is_finite_or_a_refusal(
    session: Session, chemistry: str | None
) -> None:
    answer = classify(session, replace(CELL, chemistry=chemistry))
    if isinstance(answer, Measurement):
        assert 0 < answer.capacity < 13.01
        assert 1 <= answer.sd < 1000


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_NOTHING_SHOWN)
def test_a_session_that_shows_no_end_of_the_cell_is_never_a_figure(session: Session) -> None:
    assert isinstance(classify(session, CELL), Refusal)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_ANY)
def test_without_declared_limits_there_is_no_figure(session: Session) -> None:
    bare = replace(session, charge_to_limit=None)
    assert isinstance(classify(bare, Basis(chemistry="Li-ion NMC", rated_mah=10_000)), Refusal)
