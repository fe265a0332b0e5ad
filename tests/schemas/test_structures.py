"""Nested values: what is taken, and by which sentence the rest is refused."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from schemas.registry import OPINIONS, REGISTRY
from schemas.structures import COUNTRIES, STRUCTURES, Form, cas_check_digit, check_form
from schemas.validation import MADE_BY_SERVICE, FactsInvalid, load_facts
from schemas.values import Kind, plain

STRUCTURED = [row for row in REGISTRY.values() if row.value.kind is Kind.STRUCTURE]
DECLARED = [row for row in STRUCTURED if row.id not in OPINIONS | MADE_BY_SERVICE]

COMPOSITION = {
    "component": "cathode",
    "name": "Lithium iron phosphate",
    "cas_number": "15365-14-7",
    "mass": "61.25",
    "critical": True,
}


def refused(attribute_id: str, raw: Any) -> list[str]:
    with pytest.raises(FactsInvalid) as caught:
        load_facts({attribute_id: raw})
    return caught.value.errors[attribute_id]


def test_a_list_of_structures_is_taken_with_decimals_and_keeps_its_members_order():
    facts = load_facts({"material_composition": [dict(reversed(COMPOSITION.items()))]})
    (entry,) = facts["material_composition"]
    assert entry == {**COMPOSITION, "mass": Decimal("61.25")}
    assert list(entry) == ["component", "name", "cas_number", "mass", "critical"]
    assert REGISTRY["material_composition"].value.to_wire((entry,)) == [COMPOSITION]


def test_a_structure_within_a_structure_is_judged_too():
    contact = {"name": "Parts Depot", "postal_address": {"town": "Gent", "country": "BE"}}
    assert load_facts({"spare_part_sources": [contact]})["spare_part_sources"] == (contact,)
    (sentence,) = refused(
        "spare_part_sources", [{**contact, "postal_address": {"town": "Gent", "country": "Belgium"}}]
    )
    assert sentence.startswith("entry 1: postal_address: country: expected a country by its two capital")


def test_units_inside_a_structure_are_turned_into_the_members_unit():
    facts = load_facts({"material_composition": [{**COMPOSITION, "mass": "61250 g"}]})
    assert facts["material_composition"][0]["mass"] == Decimal("61.25")


@pytest.mark.parametrize(
    ("attribute_id", "raw", "sentence"),
    [
        ("material_composition", [{**COMPOSITION, "cas_number": "15365-14-8"}], "check digit would be 7"),
        ("material_composition", [{**COMPOSITION, "cas_number": "7439-93-2 "}], "without blanks"),
        ("material_composition", [{**COMPOSITION, "cas_number": "231-545-4"}], "looks like an EC number"),
        ("material_composition", [{**COMPOSITION, "mass": "-1"}], "entry 1: mass: expected at least 0 kg"),
        ("material_composition", [{**COMPOSITION, "weight": "1"}], "weight: no member of one material"),
        ("material_composition", [{"component": "anode", "name": "Graphite"}], "at least one of mass, share"),
        ("material_composition", [{"component": "anode", "mass": "1"}], "name: expected a value, got none"),
        ("material_composition", [], "entries"),
        ("material_composition", [COMPOSITION, "graphite"], "entry 2: expected an object (one material: "),
        ("power_temperature_range", {"lower": "60", "upper": "-20"}, "expected lower below upper"),
        ("power_temperature_range", {"lower": "0", "upper": "0"}, "expected lower below upper"),
        ("dismantling_cell_layout", {"cells": 95, "in_series": 16, "in_parallel": 6}, "got 95"),
        ("operator_address", {"town": "Gent", "country": "be"}, "two capital letters"),
        ("label_meaning", [{"label": "bin", "language": "english", "text": "no"}], "language as `de`"),
        ("operator_contact", {"name": "A", "email": "info@example"}, "e-mail address"),
        ("restricted_metals_content", [{"metal": "zinc", "share": "1"}], "one of mercury, cadmium, lead"),
        ("negative_events", [{"type": "overheat", "at": "2026-01-01T00:00:00"}], "zone"),
        ("original_power_capability", [{"state_of_charge": "80", "power": 0.5}], "binary float"),
    ],
)
def test_what_is_wrong_inside_is_named_by_entry_and_member(attribute_id, raw, sentence):
    assert sentence in " ".join(refused(attribute_id, raw))


def test_everything_wrong_inside_one_structure_is_said_at_once():
    said = refused("material_composition", [{"cas_number": "1-1-1", "mass": "x", "bogus": 1}])
    assert [sentence.split(": ")[1] for sentence in said] == [
        "bogus",
        "component",
        "name",
        "cas_number",
        "mass",
    ]


@pytest.mark.parametrize("row", DECLARED, ids=lambda row: row.id)
@pytest.mark.parametrize("raw", [{"bogus": "1"}, "text", 7, {}], ids=str)
def test_no_structure_takes_a_stranger(row, raw):
    wrapped = [raw] if row.value.many else raw
    assert refused(row.id, wrapped)


def test_every_declared_structure_has_typed_members_and_a_condition_that_something_is_said():
    for row in DECLARED:
        shape = STRUCTURES[row.value.structure or ""]
        assert not shape.open
        assert shape.any_of or any(member.required for member in shape.fields), shape.name
        assert set(shape.any_of) <= set(shape.members)


# Numbers as published for common substances: water, lithium, cobalt, LiFePO4, graphite, caffeine.
@pytest.mark.parametrize(
    "number", ["7732-18-5", "7439-93-2", "7440-48-4", "15365-14-7", "7782-42-5", "58-08-2"]
)
def test_published_cas_numbers_pass_and_no_other_check_digit_does(number):
    digits = number[:-2].replace("-", "")
    assert str(cas_check_digit(digits)) == number[-1]
    verdicts = [check_form(Form.CAS, f"{number[:-1]}{digit}") for digit in range(10)]
    assert [verdict is None for verdict in verdicts].count(True) == 1


def test_all_member_states_are_countries():
    members = """AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"""
    assert set(members.split()) <= COUNTRIES
    assert len(COUNTRIES) == 249


def test_what_was_taken_can_be_written():
    facts = load_facts(
        {
            "repair_history": [{"at": "2027-03-01T10:00:00Z", "part": "module 3", "removed_serial": "A"}],
            "ce_marking": {"year": 2027},
        }
    )
    written: Mapping[str, Any] = plain(facts)
    assert written["repair_history"][0]["at"] == "2027-03-01T10:00:00Z"
    assert written["ce_marking"] == {"year": 2027}
