"""Rules between values: what cannot be is refused with a sentence, what is odd warns and refuses nothing."""

from datetime import date
from decimal import Decimal

import pytest

from schemas.plausibility import COUNTERS, RULES, counters, remarks
from schemas.registry import REGISTRY
from schemas.validation import FactsInvalid, cross_errors, cross_warnings, load_facts
from schemas.values import YearMonth

TODAY = date(2026, 11, 28)
LFP_16S = {"dismantling_cell_layout": {"cells": 16, "in_series": 16, "in_parallel": 1}}


def point(share, watts, **more):
    return {"state_of_charge": Decimal(share), "power": Decimal(watts), **more}


def material(component, name, **more):
    return {"component": component, "name": name, **more}


# Rule, facts that break it, and what its sentence says. Everything else about these facts is in order.
ERRORS = [
    (
        "minimum_voltage_below_nominal_voltage",
        {"minimum_voltage": Decimal(52), "nominal_voltage": Decimal(51)},
        "below",
    ),
    (
        "nominal_voltage_below_maximum_voltage",
        {"nominal_voltage": Decimal(58), "maximum_voltage": Decimal(58)},
        "below",
    ),
    (
        "minimum_voltage_below_maximum_voltage",
        {"minimum_voltage": Decimal(60), "maximum_voltage": Decimal(58)},
        "below",
    ),
    (
        "idle_temperature_min_below_idle_temperature_max",
        {"idle_temperature_min": Decimal(45), "idle_temperature_max": Decimal(-20)},
        "expected idle_temperature_min below idle_temperature_max",
    ),
    (
        "recycled_lead_within_100",
        {"pre_consumer_recycled_lead_share": Decimal(60), "post_consumer_recycled_lead_share": Decimal(41)},
        "within 100 %",
    ),
    (
        "recycled_cobalt_adds_up",
        {
            "recycled_cobalt_share": Decimal(20),
            "pre_consumer_recycled_cobalt_share": Decimal(5),
            "post_consumer_recycled_cobalt_share": Decimal(10),
        },
        "the sum of its two parts",
    ),
    (
        "stages_sum_to_total",
        {
            "cf_total": Decimal(60),
            **dict.fromkeys(("cf_raw_material", "cf_production", "cf_distribution"), Decimal(20)),
            "cf_end_of_life": Decimal(-4),
        },
        "within 1 %, got 56 and 60",
    ),
    (
        "footprint_of_the_whole",
        {"cf_absolute": Decimal(100), "cf_total": Decimal("0.06"), "cf_total_service_energy": Decimal(20000)},
        "1200 kg CO2e",
    ),
    (
        "manufacturing_date_before_placed_on_market_date",
        {"manufacturing_date": YearMonth(2026, 12), "placed_on_market_date": date(2026, 11, 30)},
        "not before the month of manufacturing_date",
    ),
    (
        "placed_on_market_date_before_putting_into_service_date",
        {"placed_on_market_date": "2027-03-01", "putting_into_service_date": "2027-02-28"},
        "got 2027-02-28 and 2027-03-01",
    ),
    (
        "putting_into_service_date_before_passport_ceased_at",
        {"putting_into_service_date": date(2027, 1, 1), "passport_ceased_at": date(2026, 1, 1)},
        "passport_ceased_at not before",
    ),
    (
        "subtype_of_industrial",
        {"battery_category": "ev", "industrial_subtype": "stationary"},
        "industrial batteries alone",
    ),
    (
        "material_composition_within_100",
        {
            "material_composition": [
                material("cathode", "LFP", share=Decimal(90)),
                material("cathode", "carbon", share=Decimal("10.5")),
                material("anode", "graphite", share=Decimal(95)),
            ]
        },
        "the shares of cathode to stay within 100 % together, got 100.5",
    ),
    (
        "critical_raw_materials_within_100",
        {
            "critical_raw_materials": [
                {"name": "lithium", "share": Decimal(70)},
                {"name": "graphite", "share": Decimal(40)},
            ]
        },
        "got 110",
    ),
    (
        "restricted_metals_content_once",
        {
            "restricted_metals_content": [
                {"metal": "lead", "share": Decimal("0.001")},
                {"metal": "lead", "share": Decimal("0.002")},
            ]
        },
        "got lead twice",
    ),
    (
        "masses_within_battery",
        {
            "material_composition": [material("casing", "steel", mass=Decimal(30))],
            "battery_mass": Decimal(29),
        },
        "within battery_mass, 29 kg; got 30 kg",
    ),
    (
        "no_more_modules_than_cells",
        {"dismantling_cell_layout": {"cells": 4, "modules": 8}},
        "no more modules than cells, got 8 and 4",
    ),
    ("cell_voltage", {**LFP_16S, "nominal_voltage": Decimal(400)}, "16 cells in series, got 25 V"),
    (
        "usable_energy",
        {
            "certified_usable_energy": Decimal(5200),
            "rated_capacity": Decimal(102),
            "nominal_voltage": Decimal("51.2"),
        },
        "near rated_capacity times nominal_voltage, 5.222 kWh",
    ),
    (
        "energy_density",
        {
            "rated_capacity": Decimal(102000),
            "nominal_voltage": Decimal("51.2"),
            "battery_mass": Decimal("43.5"),
        },
        "compare the units of battery_mass and rated_capacity",
    ),
    (
        "power_points_once",
        {"original_power_capability": [point(80, 5000), point(80, 5100), point(20, 4000)]},
        "got 80 % twice",
    ),
    (
        "capacity_fade",
        {
            "capacity_fade": Decimal(20),
            "rated_capacity_redetermined": Decimal(90),
            "rated_capacity": Decimal(100),
        },
        "10 %",
    ),
    (
        "resistance_increase",
        {
            "internal_resistance_increase_pack": Decimal(50),
            "internal_resistance_current": Decimal("0.022"),
            "internal_resistance_pack": Decimal("0.020"),
        },
        "10 %",
    ),
    (
        "efficiency_fade",  # in points instead of relative: from 96 to 84 is 12.5 %, not 12
        {
            "round_trip_efficiency_fade": Decimal(11),
            "round_trip_efficiency_current": Decimal(84),
            "initial_round_trip_efficiency": Decimal(96),
        },
        "relative to the initial efficiency, not in points: 12.5 %",
    ),
    (
        "certified_energy",
        {
            "state_of_certified_energy": Decimal(95),
            "remaining_energy": Decimal(54),
            "certified_usable_energy": Decimal(60),
        },
        "90 %",
    ),
]
WARNINGS = [
    (
        "cell_of_its_chemistry",
        {**LFP_16S, "nominal_voltage": Decimal(59), "battery_chemistry": "Li-ion LFP"},
        "3.0 to 3.4 V; 16 in series make 3.688 V each",
    ),
    (
        "symbol_of_the_chemistry",
        {"battery_chemistry": "Pb", "cadmium_lead_symbols": ()},
        "usually carries the symbol Pb",
    ),
    (
        "usual_usable_energy",
        {
            "certified_usable_energy": Decimal("5.6"),
            "rated_capacity": Decimal(102),
            "nominal_voltage": Decimal("51.2"),
        },
        "5.222 kWh",
    ),
    (
        "usual_energy_density",
        {"rated_capacity": Decimal(102), "nominal_voltage": Decimal("51.2"), "battery_mass": Decimal(10)},
        "15 to 350 Wh/kg",
    ),
    ("power_at_80_and_20", {"original_power_capability": [point(50, 5000)]}, "80 % and 20 % is not stated"),
    (
        "power_falls_with_charge",
        {"original_power_capability": [point(80, 4000), point(20, 5000)]},
        "rarely higher at 20 % than at 80 %",
    ),
    (
        "power_is_permitted",
        {
            "original_power_capability": [point(80, 5000), point(20, 4000)],
            "maximum_permitted_power": Decimal(4500),
        },
        "reaches 5000 W, above maximum_permitted_power, 4500 W",
    ),
    (
        "limits_are_permitted",
        {
            "power_limits": {"charge": Decimal(3000), "discharge": Decimal(6000)},
            "maximum_permitted_power": Decimal(4500),
        },
        "reach 6000 W",
    ),
    (
        "power_per_energy",
        {
            "power_energy_ratio": Decimal(100),
            "maximum_permitted_power": Decimal(5000),
            "rated_capacity": Decimal(100),
            "nominal_voltage": Decimal(50),
        },
        "1 W/Wh, far from power_energy_ratio, 100 W/Wh",
    ),
    (
        "efficiency_at_half_life",
        {"round_trip_efficiency_50_cycle_life": Decimal(97), "initial_round_trip_efficiency": Decimal(96)},
        "rarely rises",
    ),
    (
        "remaining_capacity",
        {"remaining_capacity": Decimal(120), "rated_capacity": Decimal(100)},
        "it is 120 % of it",
    ),
    ("warranty_within_life", {"warranty_period": 180, "expected_lifetime_years": Decimal(12)}, "longer than"),
    ("cells_have_milliohms", {"internal_resistance_cell": Decimal("1.5")}, "looks like another unit"),
    (
        "resistance_of_the_pack",
        {
            "internal_resistance_pack": Decimal("0.001"),
            "internal_resistance_cell": Decimal("0.001"),
            **LFP_16S,
        },
        "0.016 ohm by the layout",
    ),
    (
        "extreme_is_outside_idle",
        {
            "extreme_temperature_bounds": {"lower": Decimal(0), "upper": Decimal(60)},
            "idle_temperature_min": Decimal(-20),
            "idle_temperature_max": Decimal(45),
        },
        "outside of the idle temperature range",
    ),
    (
        "hazardous_substances_within_100",
        {
            "hazardous_substances": [
                {"name": "a", "concentration": Decimal(60)},
                {"name": "b", "concentration": Decimal(41)},
            ]
        },
        "got 101",
    ),
    ("unusual", {"capacity_fade": Decimal("-0.4")}, "capacity_fade is rarely below 0 %, got -0.4 %"),
    ("unusual", {"state_of_certified_energy": Decimal(101)}, "rarely above 100 %, got 101 %"),
]


def names(cases):
    return [f"{case[0]}-{number}" for number, case in enumerate(cases)]


@pytest.mark.parametrize(("rule", "facts", "words"), ERRORS, ids=names(ERRORS))
def test_what_cannot_be_is_one_sentence_under_each_attribute(rule, facts, words):
    (remark,) = [one for one in remarks(facts) if not one.odd]
    assert remark.rule == rule
    assert words in remark.sentence
    errors = cross_errors(facts)
    assert set(errors) == set(remark.ids)
    assert all(said == [remark.sentence] for said in errors.values())


@pytest.mark.parametrize(("rule", "facts", "words"), WARNINGS, ids=names(WARNINGS))
def test_what_is_odd_warns_and_refuses_nothing(rule, facts, words):
    assert cross_errors(facts) == {}
    (remark,) = remarks(facts)
    assert (remark.rule, remark.odd) == (rule, True)
    assert words in remark.sentence
    assert cross_warnings(facts).keys() == set(remark.ids)


def test_every_rule_is_broken_by_a_case_above_or_is_one_of_a_kind_that_is():
    tried = {case[0] for case in (*ERRORS, *WARNINGS)}
    alike = {
        *(
            f"recycled_{metal}_{kind}"
            for metal in ("cobalt", "lithium", "nickel", "lead")
            for kind in ("within_100", "adds_up")
        ),
        "manufacturing_date_before_putting_into_service_date",
        "manufacturing_date_before_passport_ceased_at",
        "restricted_metals_content_within_100",
    }
    assert {rule.name for rule in RULES} <= tried | alike
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rules_name_attributes_of_the_registry():
    for rule in RULES:
        assert set(rule.ids) <= set(REGISTRY), rule.name


ORDERLY = {
    "battery_category": "stationary",
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": "102",
    "minimum_voltage": "44.8",
    "nominal_voltage": "51.2",
    "maximum_voltage": "58.4",
    "battery_mass": "43.5",
    "dismantling_cell_layout": {"cells": 16, "in_series": 16, "in_parallel": 1, "modules": 1},
    "original_power_capability": [
        {"state_of_charge": "80", "power": "5000"},
        {"state_of_charge": "20", "power": "4000"},
    ],
    "maximum_permitted_power": "5000",
    "power_energy_ratio": "1",
    "initial_round_trip_efficiency": "96",
    "round_trip_efficiency_50_cycle_life": "94",
    "manufacturing_date": "2026-10",
    "placed_on_market_date": "2026-11-01",
    "putting_into_service_date": "2026-11-20",
    "internal_resistance_cell": "0.0005",
    "internal_resistance_pack": "0.010",
    "capacity_fade": "0",
    "rated_capacity_redetermined": "102",
    "material_composition": [{"component": "cathode", "name": "LFP", "mass": "14", "share": "32"}],
}


def test_an_orderly_pack_meets_no_rule():
    facts = load_facts(ORDERLY, today=TODAY)
    assert remarks(facts, today=TODAY) == ()
    assert remarks({name: row for name, row in ORDERLY.items() if name != "battery_category"}) == ()


def test_facts_as_they_are_stored_are_judged_alike():
    wired = {name: REGISTRY[name].value.to_wire(value) for name, value in load_facts(ORDERLY).items()}
    assert remarks(wired, today=TODAY) == ()
    wired["battery_mass"] = "13"
    assert [one.rule for one in remarks(wired) if not one.odd] == ["masses_within_battery"]


@pytest.mark.parametrize(
    ("facts", "rule", "odd"),
    [
        ({"manufacturing_date": YearMonth(2027, 12)}, "lies_ahead", True),
        ({"putting_into_service_date": date(2026, 11, 29)}, "not_in_the_future", False),
        ({"passport_ceased_at": "2026-12-01"}, "not_in_the_future", False),
        ({"placed_on_market_date": date(2028, 2, 18)}, "lies_ahead", True),
    ],
    ids=["made in 13 months", "in service tomorrow", "ceased next month", "placed in two years"],
)
def test_a_day_that_tells_the_past_is_not_ahead(facts, rule, odd):
    (found,) = remarks(facts, today=TODAY)
    assert (found.rule, found.odd) == (rule, odd)
    assert remarks(facts) == ()


def test_this_month_and_today_are_not_ahead():
    facts = {"manufacturing_date": YearMonth(2026, 11), "putting_into_service_date": TODAY}
    assert remarks(facts, today=TODAY) == ()
    # a passport may be prepared before its battery is made
    prepared = {"manufacturing_date": YearMonth(2027, 1), "placed_on_market_date": date(2027, 2, 18)}
    assert remarks(prepared, today=TODAY) == ()


def test_loading_refuses_what_cannot_be_and_takes_what_is_odd():
    with pytest.raises(FactsInvalid) as caught:
        load_facts({"putting_into_service_date": "2027-01-01"}, today=TODAY)
    assert "not after today, 2026-11-28" in caught.value.errors["putting_into_service_date"][0]
    assert load_facts({"internal_resistance_cell": "1.5"}) == {"internal_resistance_cell": Decimal("1.5")}


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_that_falls_is_refused_and_one_that_was_withdrawn_starts_anew(name):
    (remark,) = counters({name: 120}, {name: "119"})
    assert (remark.ids, remark.odd) == ((name,), False)
    assert "expected at least 120, as declared before, got 119" in remark.sentence
    assert counters({name: 120}, {name: 120}) == counters({name: 120}, {}) == counters({}, {name: 1}) == ()
