"""What is known of a battery: from its facts, from what people say, and where the two disagree."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.circumstances import circumstances_of, clues, contradictions
from schemas.conditions import CONDITIONS, known


def knows(facts, declared=None):
    return dict(circumstances_of(facts, declared or {}))


def test_nothing_declared_is_nothing_known():
    assert circumstances_of({}, {}) == frozenset()
    assert known(frozenset(), CONDITIONS["has_bms"]) is None


@pytest.mark.parametrize(
    ("chemistry", "cobalt", "nickel", "lithium", "lead"),
    [
        ("Li-ion LFP", False, False, True, None),
        ("Li-ion NMC", True, True, True, None),
        ("Li-ion NCA", True, True, True, None),
        ("Li-ion LCO", True, None, True, None),
        ("Li-ion LMO", None, None, True, None),
        ("Na-ion", None, None, None, None),
        ("Ni-MH", None, True, False, None),
        ("Pb", False, False, False, True),
        ("other", None, None, None, None),
    ],
)
def test_a_chemistry_tells_only_what_it_is_sure_to_hold(chemistry, cobalt, nickel, lithium, lead):
    found = knows({"battery_chemistry": chemistry})
    metals = (found.get(f"{metal}_present") for metal in ("cobalt", "nickel", "lithium", "lead"))
    assert tuple(metals) == (cobalt, nickel, lithium, lead)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"cadmium": "0.002", "lead": "0.004"}, False),  # at the threshold is not above it
        ({"cadmium": "0.0021", "lead": "0"}, True),
        ({"lead": "0.0041"}, True),
        ({"lead": "0.001"}, None),  # of cadmium nothing is said
        ({"mercury": "0.1"}, None),
    ],
    ids=["both at the threshold", "cadmium above", "lead above", "lead alone", "mercury alone"],
)
def test_symbols_are_needed_above_the_thresholds_of_article_13(shares, expected):
    content = [{"metal": metal, "share": share} for metal, share in shares.items()]
    assert knows({"restricted_metals_content": content}).get("cadmium_or_lead") is expected


@pytest.mark.parametrize(
    ("capacity", "voltage", "expected"),
    [("40", "50", False), ("40.1", "50", True), (Decimal(102), Decimal("51.2"), True), ("100", None, None)],
)
def test_two_kilowatt_hours_are_the_rated_capacity_times_the_nominal_voltage(capacity, voltage, expected):
    facts = {"rated_capacity": capacity} | ({"nominal_voltage": voltage} if voltage is not None else {})
    assert knows(facts).get("above_2_kwh") is expected


@pytest.mark.parametrize(
    ("facts", "condition", "expected"),
    [
        ({"warranty_period": 96}, "warranty_given", True),
        ({"warranty_period": {"absent": "not_applicable"}}, "warranty_given", False),
        ({"warranty_period": {"absent": "not_provided"}}, "warranty_given", None),
        ({"predecessor_passport_ids": ["https://id.example.com/p/A"]}, "has_predecessor", True),
        ({"predecessor_passport_ids": []}, "has_predecessor", False),
        ({"battery_status": "repurposed"}, "has_predecessor", True),
        ({"battery_status": "original"}, "has_predecessor", False),
        ({"battery_status": "waste"}, "has_predecessor", None),
        # the original of a new pack: its status is that of the new life, which has another passport
        (
            {"battery_status": "repurposed", "successor_passport_ids": ["https://id.example.com/p/B"]},
            "has_predecessor",
            None,
        ),
        ({"industrial_subtype": "without_bms"}, "has_bms", False),
        ({"industrial_subtype": "external_storage"}, "external_storage", True),
        ({"industrial_subtype": "other"}, "external_storage", False),
        ({"due_diligence_exempt": True}, "due_diligence_bound", False),
        ({"due_diligence_exempt": False}, "due_diligence_bound", True),
        ({"passport_ceased_at": "2040-01-01"}, "recycled", True),
        ({"registry_registration_id": "EU-1"}, "registered", True),
    ],
)
def test_a_fact_answers_its_condition(facts, condition, expected):
    assert knows(facts).get(condition) is expected


def test_a_metal_counts_in_the_active_materials_alone_and_lead_everywhere():
    def holding(component, name, cas_number=""):
        entry = {"component": component, "name": name, "cas_number": cas_number, "mass": "1"}
        return knows({"material_composition": [entry]})

    assert holding("Cathode", "NMC 622", "182442-95-1")["cobalt_present"] is True
    assert "nickel_present" not in holding("Casing", "nickel", "7440-02-0")
    assert "cobalt_present" not in holding("Cathode", "cobalt-free oxide")
    assert holding("Terminal", "Lead")["lead_present"] is True


def test_what_follows_from_one_condition_for_another():
    assert knows({}, {"rechargeable": False}) == {
        "rechargeable": False,
        "industrial_applicable": False,
        "cyclic_use": False,
    }
    assert knows({"industrial_subtype": "without_bms"})["possible"] is False
    # what is said outright is never replaced
    assert knows({}, {"has_bms": False, "possible": True})["possible"] is True


def test_what_people_say_counts_before_a_clue_and_the_contradiction_is_a_sentence():
    facts = {"battery_chemistry": "Li-ion LFP", "warranty_period": 96}
    declared = {"nickel_present": True, "warranty_given": False}
    found = knows(facts, declared)
    assert (found["nickel_present"], found["warranty_given"]) == (True, False)
    told = {one.condition.name: one for one in contradictions(facts, declared)}
    assert told["warranty_given"].sentence == (
        "it is declared that no commercial warranty is given, but warranty_period is stated: correct one of"
        " the two"
    )
    assert told["warranty_given"].firm
    assert told["warranty_given"].attribute == "warranty_period"
    assert not told["nickel_present"].firm  # a maker may know better than a table of chemistries


def test_facts_that_disagree_leave_the_condition_unknown_and_are_told():
    facts = {"battery_status": "original", "predecessor_passport_ids": ["https://id.example.com/p/A"]}
    assert "has_predecessor" not in knows(facts)
    (told,) = contradictions(facts, {})
    assert "names passports, but battery_status is original" in told.sentence
    assert told.firm


def test_two_declarations_that_cannot_both_be_true_are_told():
    (told,) = contradictions({}, {"has_bms": False, "possible": True})
    assert told.condition.name == "possible"
    assert told.attribute == ""


def test_absences_and_values_on_the_wire_are_no_clue_by_accident():
    absences = {name: {"absent": "not_provided"} for name in ("battery_chemistry", "rated_capacity")}
    assert clues({**absences, "material_composition": {"absent": "restricted"}}) == ()


NAMES = st.sampled_from(sorted(CONDITIONS))


@settings(deadline=None, database=None)
@given(st.dictionaries(NAMES, st.booleans()))
def test_every_declaration_counts_as_it_was_made(declared):
    found = knows({"battery_chemistry": "Li-ion NMC", "industrial_subtype": "without_bms"}, declared)
    assert found.items() >= declared.items()
