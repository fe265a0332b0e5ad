"""The table of attributes beside the project, cell by cell; deviations stand here by name and reason."""

import csv

import pytest

from schemas.registry import REGISTRY
from schemas.terms import Category, Disclosure, Obligation, Unit
from schemas.values import Kind

ACCESS = {
    "public": Disclosure.PUBLIC,
    "legitimate_interest": Disclosure.INTEREST_AND_AUTHORITIES,
    "authorities": Disclosure.AUTHORITIES,
    "individual_battery_legitimate_interest": Disclosure.INDIVIDUAL,
}
DUTY = {
    "required": Obligation.OWED,
    "voluntary": Obligation.VOLUNTARY,
    "not_applicable": Obligation.NOT_APPLICABLE,
}
UNIT = {
    "": None,
    "UTC": None,  # a zone, not a unit
    "currency": None,  # stands inside the structure
    "months": Unit.MONTH,
    "kg": Unit.KILOGRAM,
    "kgCO2e/kWh": Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR,
    "kgCO2e": Unit.KILOGRAM_CO2E,
    "kWh": Unit.KILOWATT_HOUR,
    "% w/w": Unit.PERCENT_BY_MASS,
    "%": Unit.PERCENT,
    "Ah": Unit.AMPERE_HOUR,
    "V": Unit.VOLT,
    "°C": Unit.CELSIUS,
    "W": Unit.WATT,
    "W/Wh": Unit.WATT_PER_WATT_HOUR,
    "%/month": Unit.PERCENT_PER_MONTH,
    "Ohm": Unit.OHM,
    "cycles": Unit.CYCLE,
    "years": Unit.YEAR,
    "A/Ah": Unit.AMPERE_PER_AMPERE_HOUR,
    "minute": Unit.MINUTE,
}
KINDS = {
    "uri": {Kind.URI, Kind.DOCUMENT},
    "string": {Kind.TEXT},
    "object": {Kind.STRUCTURE},
    "enum": {Kind.ENUMERATION},
    "datetime": {Kind.DATETIME},
    "date": {Kind.DATE},
    "year_month": {Kind.YEAR_MONTH},
    "duration": {Kind.DURATION_MONTHS},
    "decimal": {Kind.NUMBER},
    "integer": {Kind.INTEGER},
    "boolean": {Kind.FLAG},
}
# Words we add to a closed list.
MORE_MEMBERS = {"battery_chemistry": {"other"}}  # new chemistries need a way out, spelt out in another row
# Lower and upper bounds of calendar years keep typing errors out; the table has none.
OWN_BOUNDS = {
    *("cf_reference_year", "recycled_content_year", "warranty_period"),
    "state_of_health",  # a new battery often has more than its rating
}
# What says in other words what an awaited act will define waits with it, although the table does not mark it.
WAITS_TOO = {
    *("cf_reference_year", "cf_total_service_energy", "cf_methodology", "cf_absolute"),
    *("recycled_content_year", "recycled_content_plant", "recycled_content_document"),
    *(
        f"{when}_consumer_recycled_{metal}_share"
        for when in ("pre", "post")
        for metal in ("cobalt", "lithium", "nickel", "lead")
    ),
}
# Its day is known, so it is dated instead of awaited.
DATED = {"due_diligence_report_url"}


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def table(shared):
    return rows(shared("reference/attributes.csv"))


@pytest.fixture(scope="module")
def cross(shared):
    return rows(shared("reference/attributes_xref.csv"))


def test_the_registry_has_179_rows():
    assert len(REGISTRY) == 179


def test_ids_are_those_of_the_table_in_the_same_order(table):
    chapters = list(dict.fromkeys(line["group"] for line in table))
    expected = [line["id"] for chapter in chapters for line in table if line["group"] == chapter]
    assert list(REGISTRY) == expected


def test_chapter_level_access_unit_and_change_are_those_of_the_table(table):
    for line in table:
        row = REGISTRY[line["id"]]
        assert row.group.value == line["group"], row.id
        assert row.level.value == line["level"], row.id
        assert row.disclosure is ACCESS[line["access"]], row.id
        assert row.value.unit is UNIT[line["unit"]], row.id
        assert row.updates is (line["static_or_dynamic"] == "dynamic"), row.id


def test_duties_of_the_four_categories_are_those_of_the_table(table):
    for line in table:
        row = REGISTRY[line["id"]]
        for pair in line["categories"].split(";"):
            name, word = pair.split("=")
            assert row.duty.of(Category(name.lower())).obligation is DUTY[word], (row.id, name)


def test_kinds_and_lists_are_those_of_the_table(table):
    for line in table:
        row = REGISTRY[line["id"]]
        many = line["datatype"].startswith("array<")
        base = line["datatype"].removeprefix("array<").removesuffix(">")
        assert row.value.many is many, row.id
        assert row.value.kind in KINDS[base], row.id


def test_how_many_values_a_record_holds_is_as_in_the_table(table):
    different = {}
    for line in table:
        row = REGISTRY[line["id"]]
        if row.cardinality != line["cardinality"]:
            different[row.id] = (line["cardinality"], row.cardinality)
    assert different == {}


def test_bounds_and_words_are_those_of_the_table(cross):
    for line in cross:
        row = REGISTRY[line["id"]]
        if row.value.kind in (Kind.NUMBER, Kind.INTEGER) and row.id not in OWN_BOUNDS:
            low = row.value.above if line["minimum_exclusive"] == "yes" else row.value.at_least
            assert str(low if low is not None else "") == line["minimum"], row.id
            assert str(row.value.at_most if row.value.at_most is not None else "") == line["maximum"], row.id
        if line["enum"]:
            more = MORE_MEMBERS.get(row.id, set())
            assert set(row.value.members) - more == set(line["enum"].split("|")), row.id


def test_what_the_guidance_leaves_pending_waits_for_an_act(cross):
    pending = {line["id"] for line in cross if line["ec_feb2027_ev"] == "pending"}
    waiting = {row.id for row in REGISTRY.values() if row.applies.awaits}
    assert pending - waiting == DATED
    assert waiting - pending == WAITS_TOO
    assert all(REGISTRY[name].applies.stays_empty_before for name in DATED)


def test_where_the_table_doubts_the_note_says_so(table, cross):
    cells = {line["id"]: " ".join([*line.values()]) for line in table}
    for line in cross:
        # web addresses hold no question mark in either table, so every mark is a doubt
        cells[line["id"]] += " ".join(line.values())
    for attribute_id, text in cells.items():
        if "?" in text:
            assert "(?)" in REGISTRY[attribute_id].note, attribute_id


def test_no_note_repeats_a_sentence_of_the_table(table):
    for line in table:
        note = REGISTRY[line["id"]].note
        for sentence in line["notes"].replace(";", ".").split(". "):
            words = sentence.strip(" .")
            if len(words) > 60:
                assert words not in note, (line["id"], words)
