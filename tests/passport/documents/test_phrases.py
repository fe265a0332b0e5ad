"""Nested values in words: every member is said, with the unit that is its own."""

from datetime import date

import pytest

from passport.documents import phrases, values
from passport.documents.matrix import Judge, in_full
from passport.judgement.compliance import Shown
from schemas.registry import REGISTRY
from schemas.structures import STRUCTURES
from schemas.terms import Audience, Category
from schemas.values import Kind


def lines(attribute, value):
    shown = values.shown(REGISTRY[attribute], {"value": value, "unit": "kg", "source": "declared"})
    return [line.replace(values.NO_BREAK, " ") for line in shown.lines]


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        (
            "material_composition",
            [
                {
                    "component": "cathode",
                    "name": "lithium iron phosphate",
                    "cas_number": "15365-14-7",
                    "mass": "109.710",
                    "share": "30.0",
                    "critical": True,
                },
                {"component": "anode", "name": "graphite", "mass": "2", "critical": False},
            ],
            [
                (
                    "cathode: lithium iron phosphate, CAS 15365-14-7, 109.710 kg, 30.0 % by mass,"
                    " critical raw material"
                ),
                "anode: graphite, 2 kg",
            ],
        ),
        (
            "operator_address",
            {"street": "Main 1", "postal_code": "10115", "town": "Berlin", "country": "DE"},
            ["Main 1", "10115 Berlin", "Germany"],
        ),
        ("operator_address", {"town": "Gent", "country": "BE"}, ["Gent", "Belgium"]),
        (
            "spare_part_sources",
            [{"name": "Depot", "postal_address": {"town": "Gent", "country": "BE"}, "email": "p@d.example"}],
            ["Depot, Gent, Belgium, p@d.example"],
        ),
        ("power_temperature_range", {"lower": "-20", "upper": "55"}, [f"{values.MINUS}20 °C to 55 °C"]),
        (
            "original_power_capability",
            [{"state_of_charge": "80", "power": "172186", "duration_s": "10", "temperature": "25"}],
            [f"172{values.THIN_NO_BREAK}186 W at 80 % charge, for 10 s, at 25 °C"],
        ),
        ("dismantling_cell_layout", {"in_series": 96, "in_parallel": 2}, ["96 in series, 2 in parallel"]),
        (
            "repair_history",
            [{"at": "2027-03-01T10:00:00Z", "part": "module 3", "installed_serial": "M9"}],
            ["1 March 2027: module 3, M9 put in"],
        ),
        ("restricted_metals_content", [{"metal": "lead", "share": "0.001"}], ["lead: 0.001 % by mass"]),
        ("ce_marking", {"year": 2027}, ["2027"]),
        ("critical_raw_materials", [], ["None"]),
        ("part_numbers", [{"component": "BMS", "part_number": "X", "colour": "red"}], ["BMS: X, colour red"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_nested_value_is_said_as_one_would_say_it(attribute, value, expected):
    assert lines(attribute, value) == expected


def test_every_shape_that_people_declare_has_patterns_that_name_its_own_members():
    declared = {shape.name for shape in STRUCTURES.values() if not shape.open}
    assert set(phrases._PATTERNS) == declared
    for name, patterns in phrases._PATTERNS.items():
        named = {member for pattern in patterns for member in phrases._NAMES.findall(pattern)}
        assert named <= set(STRUCTURES[name].members), name
        flags = {member for shape, member in phrases._FLAGS if shape == name}
        assert named | flags == set(STRUCTURES[name].members), f"{name}: a member is left to its name"


def test_like_entries_stand_in_a_table_with_their_units():
    shape = STRUCTURES["power_point"]
    entries = [{"state_of_charge": "80", "power": "5"}, {"state_of_charge": "20", "power": "4"}]
    found = phrases.table(shape, entries, values.flat)
    assert [[cell.replace(values.NO_BREAK, " ") for cell in row] for row in found] == [
        ["state of charge", "power"],
        ["80 %", "5 W"],
        ["20 %", "4 W"],
    ]
    assert phrases.table(STRUCTURES["contact"], [{"name": "A", "postal_address": {}}], values.flat) == ()
    assert phrases.table(shape, [{**entries[0], "odd": "1"}, entries[1]], values.flat) == ()


def test_nested_rows_state_no_unit_of_their_own_beside_units_within():
    row = REGISTRY["material_composition"]
    assert row.value.kind is Kind.STRUCTURE
    wire = {
        "value": [{"component": "anode", "name": f"material {n}", "mass": "1"} for n in range(9)],
        "unit": "kg",
        "source": "declared",
    }
    stated = {"material_composition": wire}
    shown = Shown.of(stated, Category.EV, None, date(2027, 3, 1), voluntary=False)
    (full,) = in_full(stated, Judge(Audience.AUTHORITY, shown))
    assert full.table[0] == ("component", "name", "mass")
    assert full.table[1][2].replace(values.NO_BREAK, " ") == "1 kg"
    assert full.lines == ()
