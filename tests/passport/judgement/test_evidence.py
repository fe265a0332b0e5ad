"""Evidence is taken from the state and the facts as they are; what is not there stays unknown."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from passport.estimates.estimate import Estimate, EvidenceClass, NotDeterminable
from passport.estimates.health import health_of
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.evidence import condition_of, gather
from passport.judgement.second_life.gates import GATES, Evidence
from passport.lifecycle.basis import Basis
from passport.lifecycle.exposure import KINDS, NUMBERS, Clock, Exposure, Total
from passport.lifecycle.resistances import Resistances, Rest
from passport.lifecycle.state import Counter, Extreme, Last, LifecycleState
from schemas.terms import BatteryStatus, Unit

NOW = datetime(2026, 5, 11, tzinfo=UTC)
DAY_MS = 86_400_000
NOW_MS = 1_778_457_600_000


def gathered(state=None, placed_on=date(2026, 5, 1), **facts) -> Evidence:
    return gather(
        state, facts, placed_on=placed_on, signature_valid=None, open_recall=None, inspections={}, now=NOW
    )


def test_nothing_read_and_nothing_declared_is_no_evidence():
    assert gathered() == Evidence()


def test_declared_facts_are_taken_as_declared():
    evidence = gathered(battery_status="waste", battery_chemistry="Li-ion LFP", accidents=({"type": "fire"},))
    assert evidence.battery_status is BatteryStatus.WASTE
    assert evidence.chemistry == "Li-ion LFP"
    assert evidence.accidents is True
    assert gathered(accidents=()).accidents is None


def test_coverage_is_observed_time_by_time_in_service():
    state = LifecycleState(observed_ms=9 * DAY_MS)
    assert gathered(state).coverage == Decimal("0.9")
    assert gathered(state, putting_into_service_date=date(2026, 5, 2)).coverage == 1
    assert gathered(LifecycleState(observed_ms=900 * DAY_MS)).coverage == 1
    assert gathered(LifecycleState()).coverage == 0


def test_without_a_first_day_or_before_it_coverage_is_not_known():
    state = LifecycleState(observed_ms=9 * DAY_MS)
    assert gathered(state, placed_on=None).coverage is None
    assert gathered(state, placed_on=date(2026, 5, 11)).coverage is None
    assert gathered(state, placed_on=date(2027, 5, 11)).coverage is None


def test_a_temperature_read_once_covers_no_year():
    state = LifecycleState(
        observed_ms=10 * DAY_MS,
        hot={4: 2 * DAY_MS, 5: DAY_MS},
        extremes={"temperature_max": Extreme(250, None), "cell_voltage_min": Extreme(3300, None)},
    )
    evidence = gathered(state, battery_chemistry="Li-ion LFP")
    assert (evidence.coverage, evidence.temperature_coverage) == (1, Decimal("0.3"))
    # An extreme of cells does not tell for how long cells were read.
    assert evidence.cell_coverage == 0
    answers = {gate.id: gate.decide(evidence).answer.value for gate in GATES}
    assert {name: answers[name] for name in ("G6", "G7", "G8", "G11")} == {
        "G6": "unknown",
        "G7": "unknown",
        "G8": "unknown",
        "G11": "pass",
    }


def test_extremes_come_in_volts_and_degrees():
    state = LifecycleState(
        extremes={
            "cell_voltage_min": Extreme(2499, None),
            "cell_voltage_max": Extreme(3651, None),
            "temperature_max": Extreme(415, None),
            "temperature_min": Extreme(-50, None),
        }
    )
    evidence = gathered(state)
    assert evidence.lowest_cell_voltage == Decimal("2.499")
    assert evidence.highest_cell_voltage == Decimal("3.651")
    assert evidence.highest_temperature == Decimal("41.5")
    assert evidence.lowest_rested_cell_voltage is None


def watched(**totals) -> LifecycleState:
    """Nine of ten days of cells and temperatures, with these occasions."""
    exposure = Exposure(judged=2 ** len(KINDS) - 1)
    for clock in (Clock.CELLS, Clock.VOLTAGE, Clock.WITHOUT_LOAD, Clock.HEAT):
        exposure.clocks[clock] = 9 * DAY_MS
    exposure.totals = {NUMBERS[name]: total for name, total in totals.items()}
    return LifecycleState(exposure=exposure)


def test_cells_without_load_and_their_coverage_come_from_occasions():
    evidence = gathered(watched(), battery_chemistry="Li-ion LFP")
    assert evidence.cell_coverage == Decimal("0.9")
    assert (evidence.rested_low_count, evidence.rested_low_seconds) == (0, 0)
    assert evidence.severe_overvoltage_seconds == 0
    assert evidence.lowest_rested_cell_voltage is None
    state = watched(
        deep_discharge_severe=Total(2, 500, 400, worst=520), overvoltage_severe=Total(1, 61, 61, worst=40)
    )
    evidence = gathered(state, battery_chemistry="Li-ion LFP")
    # LFP is severely discharged below 1.500 V.
    assert evidence.lowest_rested_cell_voltage == Decimal("0.980")
    assert (evidence.rested_low_count, evidence.rested_low_seconds) == (2, 400)
    assert evidence.severe_overvoltage_seconds == 61
    answers = {gate.id: gate.decide(evidence).answer.value for gate in GATES}
    assert (answers["G6"], answers["G7"]) == ("fail", "fail")


def test_sag_under_load_counts_for_nothing_without_load():
    evidence = gathered(watched(deep_discharge=Total(7, 500, 400, worst=900)), battery_chemistry="Li-ion LFP")
    assert (evidence.rested_low_count, evidence.lowest_rested_cell_voltage) == (0, None)


def test_a_rested_cell_below_the_reject_value_for_one_row_leaves_it_open():
    state = watched()
    state.exposure.rested_low = 999
    evidence = gathered(state, battery_chemistry="Li-ion LFP")
    assert evidence.rested_low_count is None
    state.exposure.rested_low = 1000
    assert gathered(state, battery_chemistry="Li-ion LFP").rested_low_count == 0


def test_insulation_is_by_the_highest_voltage_of_the_pack():
    # 500 kilo-ohm at 400 V is 1250 ohm per volt
    state = LifecycleState(
        extremes={"voltage_max": Extreme(400_000, None)},
        last={"insulation_resistance": Last("500", NOW_MS - 3 * DAY_MS)},
    )
    evidence = gathered(state)
    assert (evidence.insulation_ohm_per_volt, evidence.insulation_age_days) == (1250, 3)
    state.last["insulation_resistance"].doubts = ("saturated",)
    assert gathered(state).insulation_ohm_per_volt is None


def test_a_distrusted_cell_a_reset_and_a_silence_are_noticed():
    state = LifecycleState(
        last={"cell_voltage_lowest": Last("0.0", None, ("implausible",)), "hottest": Last("20", None)},
        counters={"cycle_count": Counter(1, 2, None, segments=3), "charge_in": Counter(1, 2, None)},
        last_ms=NOW_MS - 40 * DAY_MS,
    )
    evidence = gathered(state)
    assert (evidence.sensors_doubted, evidence.resets, evidence.silent_days) == (True, 2, 40)
    state.last["cell_voltage_lowest"].doubts = ()
    assert gathered(state).sensors_doubted is False


def test_a_clock_ahead_of_ours_is_of_today():
    assert gathered(LifecycleState(last_ms=NOW_MS + DAY_MS)).silent_days == 0


@pytest.mark.parametrize(
    ("fall_mv", "taken"),
    [
        # NMC, 10 mV a percent, give or take two fifths; readings 2 mV; over a month.
        (20, Decimal("3.67")),  # 2 %, at most (20 + 2) / 6 = 3.67: passes by its upper end
        (60, Decimal("6.00")),  # 6 %, 4.1 to 10.3: neither
        (40, Decimal("5.01")),  # 4 %, 2.7 to 7.0: neither, though its middle lies below the bar
        (90, Decimal("9.00")),  # 9 %, 6.3 to 15.3: neither
        (150, Decimal("10.57")),  # 15 %, at least (150 - 2) / 14 = 10.57: fails by its lower end
        (0, None),  # less than can be told is not known, and no pass
    ],
)
def test_self_discharge_passes_by_its_upper_end(fall_mv, taken):
    first = 3_975
    settled = 1_770_000_000_000
    last = settled + int(30.4375 * DAY_MS)
    whole = {"first_mv": 100 * first, "last_mv": 100 * (first - fall_mv)}
    rest = Rest(settled, last, True, 0, settled, **whole)
    facts = {"rated_capacity": Decimal(100), "battery_chemistry": "Li-ion NMC"}
    facts["dismantling_cell_layout"] = {"in_series": 100}
    state = LifecycleState(resistances=Resistances(rests=[rest]))
    assert gathered(state, **facts).self_discharge == taken


def test_growth_and_efficiency_enter_the_condition_where_they_are_fresh():
    health = health_of([], Basis(), now=NOW)
    numbers = (Decimal(20), Decimal(15), Decimal(26))
    growth = Estimate(*numbers, Unit.PERCENT, "r.growth_own.v1", EvidenceClass.OBSERVED)
    found = condition_of(health, NOW, {"internal_resistance_increase_pack": growth})
    assert found == Condition(resistance_growth=Interval(Decimal(15), Decimal(20), Decimal(26)))
    stale = Estimate(*numbers, Unit.PERCENT, "r.growth_own.v1", EvidenceClass.OBSERVED, stale=True)
    reason = NotDeterminable("no_closed_loop", "None was recorded.")
    others = {"internal_resistance_increase_pack": stale, "remaining_round_trip_efficiency": reason}
    assert condition_of(health, NOW, others) == Condition()
