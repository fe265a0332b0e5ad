"""Category x day x condition -> answer, for every data point of the Commission and every point of the law.

Written down a second time: the states of the 71 points on 18 February 2027 from the prose of the guidance
(2.0) and its three columns, the points of the law from its articles. Each cell is then asked on four days and
with every condition known and not known. The table beside the project is compared where it is there.
"""

import csv
from datetime import date

import pytest

from schemas.conditions import CONDITIONS
from schemas.guidance import DATA_POINTS, MANDATORY, distinct
from schemas.registry import REGISTRY, obligation
from schemas.terms import Category, Obligation

EV, LMT, INDUSTRIAL, STATIONARY = Category.EV, Category.LMT, Category.INDUSTRIAL, Category.STATIONARY
EVE, FIRST, DUE_DILIGENCE = date(2027, 2, 17), date(2027, 2, 18), date(2027, 8, 18)
LATER = date(2029, 1, 1)
OWED, VOLUNTARY, NOT_APPLICABLE = Obligation.OWED, Obligation.VOLUNTARY, Obligation.NOT_APPLICABLE
PENDING, MUST_STAY_EMPTY = Obligation.PENDING, Obligation.MUST_STAY_EMPTY

# Columns EV, LMT, industrial: M mandatory, C conditional, O optional, P waits for an act or day, - empty.
GUIDANCE = """
 1 MMM   2 MMM   3 MMM   4 MMM   5 OOO   6 MMM   7 MMM   8 MMM   9 MMM  10 MMM
11 MMM  12 MMM  13 MMM  14 MMM  15 MMM  16 ---  17 PPP  18 PPP  19 PPP  20 PPP
21 PPP  22 PPP  23 PPP  24 MMM  25 ---  26 MMM  27 MMM  28 MMM  29 MMM  30 MMM
31 MMC  32 MMC  33 M--  34 MMM  35 CCC  36 MMC  37 MMC  38 MMM  39 MMC  40 MMM
41 CCC  42 MMM  43 MMM  44 PPP  45 MMM  46 MMM  47 MMM  48 MMM  49 MMM  50 MMM
51 MMC  52 MMC  53 MMC  54 MMC  55 MMC  56 MMC  57 CCC  58 CCC  59 MMC  60 MMC
61 M--  62 -MC  63 -MC  64 -MC  65 -MC  66 -MC  67 MMM  68 CCC  69 CCC  70 CCC
71 CCC
"""
WORDS = GUIDANCE.split()
STATES = {
    int(point): dict(zip((EV, LMT, INDUSTRIAL), states, strict=True))
    for point, states in zip(WORDS[::2], WORDS[1::2], strict=True)
}

# Which of the points' rows carry the state; others of the same point only go with it.
CARRIES = {
    5: {"manufacturer_web", "manufacturer_email"},
    7: {"model_identifier", "serial_number"},
    26: {"minimum_voltage"},
    27: {"nominal_voltage"},
    28: {"maximum_voltage"},
    30: {"maximum_permitted_power"},
    69: {"negative_events", "accidents"},
    70: {"temperature"},
    71: {"state_of_charge"},
}
# Where the law and the guidance differ, and the law was followed; (point, category) to (answer, condition).
LAW_INSTEAD = {
    # Annex VII A(2), (3), (5) say "where possible"
    **{(point, LMT): (OWED, "possible") for point in (63, 64, 66)},
    # Art. 14(1): stationary storage alone, so other industrial batteries owe no health
    **{(point, INDUSTRIAL): (VOLUNTARY, None) for point in (62, 63)},
    **{(point, INDUSTRIAL): (NOT_APPLICABLE, None) for point in (64, 65, 66)},
    # Annex VII does not forbid electric vehicles to state it
    **{(point, EV): (VOLUNTARY, None) for point in (62, 63)},
}
# Fact on which a conditional point depends, by the words of the guidance and of the article behind it.
CONDITION = {
    31: "cyclic_use",
    35: "warranty_given",
    41: "cadmium_or_lead",
    59: "cyclic_use",
    **dict.fromkeys((32, 36, 37, 39, 51, 52, 53, 54, 55, 56, 60), "industrial_applicable"),
    **dict.fromkeys((57, 58, 68, 69, 70, 71), "applicable"),
}
ACT = {
    17: "carbon_footprint_declaration",
    18: "carbon_footprint_class",
    **dict.fromkeys((20, 21, 22, 23), "recycled_content_method"),
    44: "instructions_in_passport",
}


def rows_of(point):
    carried = CARRIES.get(point)
    return carried or {name for name, points in DATA_POINTS.items() if point in points}


CELLS = [
    pytest.param(point, category, state, id=f"{point}-{category.value}-{state}")
    for point, states in STATES.items()
    for category, state in states.items()
]


def test_the_transcription_has_71_points_and_the_commissions_counts():
    assert list(STATES) == list(range(1, 72))
    for category, count in {EV: 47, LMT: 50, INDUSTRIAL: 32}.items():
        assert sum(states[category] == "M" for states in STATES.values()) == count == MANDATORY[category]


@pytest.mark.parametrize(("point", "category", "state"), CELLS)
def test_a_cell_of_the_guidance_on_the_first_day(point, category, state):
    for name in rows_of(point):
        ruling = obligation(REGISTRY[name], category, FIRST, FIRST)
        expected, condition = LAW_INSTEAD.get((point, category), (None, None))
        if expected is not None:
            assert ruling.obligation is expected, name
        elif state == "M":
            assert (ruling.obligation, condition) == (OWED, None), name
        elif state == "C":
            assert ruling.obligation is OWED, name
            condition = CONDITION[point]
        elif state == "O":
            assert ruling.obligation is VOLUNTARY, name
        elif state == "P":
            assert ruling.obligation in (PENDING, MUST_STAY_EMPTY), name
            assert not ruling.may_be_stated
            if point in ACT:
                assert ruling.awaits.name == ACT[point], name
            continue
        else:
            assert ruling.obligation is NOT_APPLICABLE, name
        assert (ruling.condition.name if ruling.condition else None) == condition, name
        assert point in ruling.data_points


@pytest.mark.parametrize(("point", "category", "state"), CELLS)
def test_a_cell_of_the_guidance_with_its_condition_known(point, category, state):
    """Whatever is open becomes plain or falls away, and nothing else moves."""
    for name in rows_of(point):
        open_ = obligation(REGISTRY[name], category, FIRST, FIRST)
        if open_.condition is None:
            continue
        yes = obligation(REGISTRY[name], category, FIRST, FIRST, frozenset({(open_.condition.name, True)}))
        no = obligation(REGISTRY[name], category, FIRST, FIRST, frozenset({(open_.condition.name, False)}))
        assert yes.condition is None
        assert yes.obligation is open_.obligation
        assert no.obligation is NOT_APPLICABLE
        assert no.article in CONDITIONS[open_.condition.name].law
    if state == "M" and (point, category) not in LAW_INSTEAD:
        for name in rows_of(point):
            # No single answer to a condition of another row frees from a plain duty.
            for condition in sorted(set(CONDITIONS) - {"above_2_kwh", "first_placed_before_annex_iv"}):
                for holds in (True, False):
                    ruling = obligation(
                        REGISTRY[name], category, FIRST, FIRST, frozenset({(condition, holds)})
                    )
                    freed_without_bms = condition == "has_bms" and not holds and category is INDUSTRIAL
                    assert ruling.obligation is OWED or freed_without_bms, (name, condition, holds)


@pytest.mark.parametrize(("point", "category", "state"), CELLS)
def test_a_cell_of_the_guidance_on_other_days(point, category, state):
    for name in rows_of(point):
        row = REGISTRY[name]
        before = obligation(row, category, EVE, LATER)
        assert before.obligation is not OWED
        if state in "MC" and (point, category) not in LAW_INSTEAD:
            assert before.obligation is VOLUNTARY
            assert obligation(row, category, LATER, LATER).obligation is OWED
        if state == "P" and point != 19:
            # no act had been adopted, so no day changes anything
            for day in (FIRST, DUE_DILIGENCE, LATER):
                assert not obligation(row, category, day, day).may_be_stated


@pytest.mark.parametrize("category", Category)
def test_due_diligence_by_day_and_turnover(category):
    """Regulation (EU) 2025/1561 and Art. 47: from 18 August 2027, operators of EUR 40 million and more."""
    row = REGISTRY["due_diligence_report_url"]

    def answer(placed, today, *known):
        return obligation(row, category, placed, today, frozenset(known)).obligation

    bound, exempt = ("due_diligence_bound", True), ("due_diligence_bound", False)
    assert answer(FIRST, date(2027, 8, 17)) is MUST_STAY_EMPTY
    assert answer(FIRST, date(2027, 8, 17), bound) is MUST_STAY_EMPTY
    assert answer(FIRST, date(2027, 8, 17), exempt) is NOT_APPLICABLE
    assert answer(FIRST, DUE_DILIGENCE, bound) is VOLUNTARY  # placed before the duty
    assert answer(DUE_DILIGENCE, DUE_DILIGENCE, bound) is OWED
    assert answer(DUE_DILIGENCE, DUE_DILIGENCE, exempt) is NOT_APPLICABLE
    assert answer(None, DUE_DILIGENCE, bound) is OWED


# Points of the law that have no data point: Annex VII part B, Art. 77(7) and (8), Art. 77(10).
BEYOND = {
    "energy_throughput": {LMT: None, STATIONARY: None},
    "capacity_throughput": {LMT: None, STATIONARY: None},
    "time_above_temperature": {LMT: None, STATIONARY: None},
    "time_below_temperature": {LMT: None, STATIONARY: None},
    "charging_time_above_temperature": {LMT: None, STATIONARY: None},
    "charging_time_below_temperature": {LMT: None, STATIONARY: None},
    "putting_into_service_date": {LMT: "appropriate", STATIONARY: "appropriate"},
    "predecessor_passport_ids": dict.fromkeys(Category, "has_predecessor"),
    "second_life_operation": dict.fromkeys(Category, "has_predecessor"),
    "passport_ceased_at": dict.fromkeys(Category, "recycled"),
    "registry_registration_id": dict.fromkeys(Category, "registered"),
}


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("category", Category)
def test_what_the_law_asks_beyond_the_guidance(name, category):
    ruling = obligation(REGISTRY[name], category, FIRST, FIRST)
    assert ruling.data_points == ()
    if category in BEYOND[name]:
        assert ruling.obligation is OWED
        assert (ruling.condition.name if ruling.condition else None) == BEYOND[name][category]
    else:
        assert ruling.obligation is not OWED


# What a stationary battery owes beyond another industrial one: Art. 14(1) with Annex VII.
MORE_OF_STATIONARY = {
    *("remaining_capacity", "remaining_power_capability", "remaining_round_trip_efficiency"),
    *("self_discharge_evolution", "ohmic_resistance", "energy_throughput", "capacity_throughput"),
    *("time_above_temperature", "time_below_temperature", "putting_into_service_date"),
    *("charging_time_above_temperature", "charging_time_below_temperature", "deep_discharge_count"),
}


def test_stationary_storage_is_industrial_and_owes_article_14_besides():
    def owed(category):
        return {
            name
            for name, row in REGISTRY.items()
            if obligation(row, category, FIRST, FIRST).obligation is OWED
        }

    assert owed(STATIONARY) - owed(INDUSTRIAL) == MORE_OF_STATIONARY
    assert owed(INDUSTRIAL) <= owed(STATIONARY)


# ------------------------------------------------------------------------- the table beside the project

STATE_OF = {"mandatory": "M", "conditional": "C", "optional": "O", "pending": "P", "not_to_be_filled": "-"}


@pytest.fixture(scope="module")
def cross(shared):
    with shared("reference/attributes_xref.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_and_points_are_those_of_the_table(cross):
    table = {
        line["id"]: tuple(int(point) for point in line["ec_datapoint"].split(";"))
        for line in cross
        if line["ec_datapoint"]
    }
    assert table == dict(DATA_POINTS)


def test_the_states_are_those_of_the_table(cross):
    for line in cross:
        for point in DATA_POINTS.get(line["id"], ()):
            if line["id"] not in rows_of(point):
                continue
            for category in (EV, LMT, INDUSTRIAL):
                state = STATE_OF[line[f"ec_feb2027_{category.value}"]]
                assert state == STATES[point][category], (point, line["id"], category)


@pytest.mark.parametrize("category", [EV, LMT, INDUSTRIAL])
def test_the_counts_of_the_table_are_the_commissions(cross, category):
    mandatory = [line["id"] for line in cross if line[f"ec_feb2027_{category.value}"] == "mandatory"]
    assert len(distinct(mandatory)) == MANDATORY[category]
