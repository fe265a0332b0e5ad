"""A filled workbook for the first try: one fictional model, one batch and three batteries of it.

Its product numbers carry GS1's prefix for examples, its documents lie at addresses that lead nowhere.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from passport.importing.layout import Content
from passport.importing.reading import BATCH, GTIN, MODEL, SERIAL
from schemas.registry import REGISTRY
from schemas.terms import Category, Level, Obligation

PLACED_ON: Final = date(2027, 2, 18)
_DOCUMENTS: Final = "https://documents.example.com/"
_MAKER: Final = "Example Batteries GmbH"
_BATCH: Final = "2027-03"

# By category: what differs from one battery to the next.
_OWN: Final[Mapping[Category, Mapping[str, Any]]] = {
    Category.EV: {
        MODEL: "EXAMPLE EV-56",
        GTIN: "09520123456825",
        "cells": 112,
        "volts": ("280", "358.4", "408.8"),
        "rated_capacity": "156",
        "battery_mass": "372",
        "power": ("120000", "96000"),
        "internal_resistance_cell": "0.0007",
        "internal_resistance_pack": "0.085",
        "expected_lifetime_cycles": 2000,
        "certified_usable_energy": "55.9",
        "capacity_threshold_exhaustion": "80",
    },
    Category.LMT: {
        MODEL: "EXAMPLE LMT-540",
        GTIN: "09520123456832",
        "cells": 12,
        "volts": ("30", "38.4", "43.8"),
        "rated_capacity": "14",
        "battery_mass": "3.9",
        "power": ("500", "350"),
        "internal_resistance_cell": "0.004",
        "internal_resistance_pack": "0.062",
        "expected_lifetime_cycles": 1000,
    },
    Category.INDUSTRIAL: {
        MODEL: "EXAMPLE TRACTION-16",
        GTIN: "09520123456849",
        "cells": 24,
        "volts": ("60", "76.8", "87.6"),
        "rated_capacity": "210",
        "battery_mass": "185",
        "power": ("16000", "12800"),
        "internal_resistance_cell": "0.0005",
        "internal_resistance_pack": "0.018",
        "expected_lifetime_cycles": 4000,
    },
    Category.STATIONARY: {
        MODEL: "EXAMPLE HOME-5",
        GTIN: "09520123456856",
        "cells": 16,
        "volts": ("44.8", "51.2", "57.6"),
        "rated_capacity": "100",
        "battery_mass": "46.5",
        "power": ("5000", "4200"),
        "internal_resistance_cell": "0.0006",
        "internal_resistance_pack": "0.012",
        "expected_lifetime_cycles": 6000,
    },
}


def content(category: Category, today: date) -> Content:
    """What the example states for that category: all that is owed, and little else."""
    own = _OWN[category]
    made = Content()
    model, item = _model(category), _item(category)
    made.add(
        Level.MODEL,
        {MODEL: own[MODEL], GTIN: own[GTIN]},
        _asked(model, category, today),
        {"due_diligence_bound": False, "cadmium_or_lead": False, "warranty_given": True},
    )
    made.add(
        Level.BATCH,
        {MODEL: own[MODEL], BATCH: _BATCH},
        _asked({"manufacturing_date": "2027-01"}, category, today),
    )
    for number in range(1, 4):
        keys = {
            MODEL: own[MODEL],
            BATCH: _BATCH,
            GTIN: own[GTIN],
            SERIAL: f"EX{category.value.upper()}{number:05}",
        }
        told = {**item, **_measured(item, number)}
        made.add(
            Level.ITEM,
            keys,
            _asked(told, category, today),
            {"has_predecessor": False, "recycled": False, "registered": False},
        )
    return made


def _asked(facts: Mapping[str, Any], category: Category, today: date) -> dict[str, Any]:
    """The facts that the category may state today, in reading order."""
    from passport.judgement import compliance

    rulings = compliance.rulings(category, PLACED_ON, today)
    known = {name: value for name, value in facts.items() if rulings[name].may_be_stated}
    owed = {name for name in known if rulings[name].obligation is Obligation.OWED}
    return {name: known[name] for name in REGISTRY if name in known and (name in owed or name in _WANTED)}


# Voluntary, and wanted all the same.
_WANTED: Final = frozenset({"placed_on_market_date", "certified_usable_energy", "operator_contact"})


def _document(name: str) -> str:
    return f"{_DOCUMENTS}{name}"


def _model(category: Category) -> dict[str, Any]:
    own = _OWN[category]
    low, nominal, high = own["volts"]
    most, less = own["power"]
    address = {"street": "Musterweg 1", "postal_code": "04103", "town": "Leipzig", "country": "DE"}
    return {
        "battery_category": category.value,
        "operator_identifier": "9520123000003",
        "operator_address": address,
        "operator_contact": {"name": "Passport desk", "email": "passport@batteries.example.com"},
        "operator_role": "manufacturer",
        "manufacturer_identifier": "9520123000003",
        "manufacturer_name": _MAKER,
        "manufacturer_address": address,
        "manufacturing_place": {"country": "DE", "town": "Leipzig", "plant": "Hall 2"},
        "warranty_period": 120,
        "battery_mass": own["battery_mass"],
        "separate_collection_symbol": _document("separate-collection.svg"),
        "cadmium_lead_symbols": {"absent": "not_applicable"},
        "extinguishing_agent": ["water", "carbon dioxide"],
        "label_meaning": [
            {
                "label": "crossed-out wheeled bin",
                "language": "en",
                "text": "Do not put this battery into household waste: bring it to a collection point.",
            }
        ],
        "eu_declaration_of_conformity": _document("declaration-of-conformity.pdf"),
        "test_reports": [_document("test-report-safety.pdf"), _document("test-report-capacity.pdf")],
        "battery_chemistry": "Li-ion LFP",
        "critical_raw_materials": [
            {"name": "Lithium", "cas_number": "7439-93-2", "share": "1.4"},
            {"name": "Natural graphite", "cas_number": "7782-42-5", "share": "14.5"},
            {"name": "Phosphorus", "cas_number": "7723-14-0", "share": "5.9"},
            {"name": "Copper", "cas_number": "7440-50-8", "share": "9.1"},
        ],
        "material_composition": [
            {
                "component": "cathode",
                "name": "Lithium iron phosphate",
                "cas_number": "15365-14-7",
                "share": "31",
            },
            {"component": "anode", "name": "Graphite", "cas_number": "7782-42-5", "share": "14.5"},
            {"component": "current collectors", "name": "Copper", "cas_number": "7440-50-8", "share": "9.1"},
            {
                "component": "current collectors",
                "name": "Aluminium",
                "cas_number": "7429-90-5",
                "share": "6.2",
            },
            {
                "component": "electrolyte",
                "name": "Ethylene carbonate",
                "cas_number": "96-49-1",
                "share": "6.5",
            },
            {
                "component": "electrolyte",
                "name": "Dimethyl carbonate",
                "cas_number": "616-38-6",
                "share": "6.1",
            },
            {
                "component": "electrolyte",
                "name": "Lithium hexafluorophosphate",
                "cas_number": "21324-40-3",
                "share": "1.6",
            },
        ],
        "hazardous_substances": [
            {
                "name": "Lithium hexafluorophosphate",
                "cas_number": "21324-40-3",
                "hazard_class": "Skin corrosion 1A",
                "concentration": "1.6",
                "location": "electrolyte",
            }
        ],
        "hazardous_substance_impacts": [
            "The electrolyte burns skin and eyes; with water it forms hydrogen fluoride, which is toxic."
        ],
        "dismantling_manuals": [_document("dismantling-manual.pdf")],
        "dismantling_exploded_diagrams": [{"document": _document("exploded-diagram.pdf")}],
        "dismantling_sequences": [
            {"description": "Discharge, open the cover, part the bus bars, lift the modules."}
        ],
        "dismantling_fasteners": [
            {"description": "12 screws M6, hexalobular; modules are screwed, not glued."}
        ],
        "dismantling_tools": [{"description": "Insulated socket T30, torque wrench 2 to 20 Nm."}],
        "dismantling_warnings": [
            {"description": "Cells stay under voltage: wear insulating gloves, part no cell."}
        ],
        "dismantling_cell_layout": {"cells": own["cells"], "in_series": own["cells"], "in_parallel": 1},
        "part_numbers": [
            {"component": "battery management system", "part_number": "EX-BMS-16"},
            {"component": "module", "part_number": "EX-MOD-4"},
        ],
        "spare_part_sources": [
            {
                "name": f"{_MAKER}, spare parts",
                "postal_address": address,
                "email": "parts@batteries.example.com",
            }
        ],
        "safety_measures": [_document("safety-measures.pdf")],
        "renewable_content_share": "0",
        "waste_prevention_info": _document("waste-prevention.html"),
        "separate_collection_info": _document("separate-collection.html"),
        "collection_and_treatment_info": _document("collection-and-treatment.html"),
        "waste_safety_instructions": _document("waste-safety.html"),
        "rated_capacity": own["rated_capacity"],
        "certified_usable_energy": own.get("certified_usable_energy", "5"),
        "minimum_voltage": low,
        "nominal_voltage": nominal,
        "maximum_voltage": high,
        "voltage_temperature_range": {"lower": "0", "upper": "45"},
        "original_power_capability": [
            {"state_of_charge": "80", "power": most},
            {"state_of_charge": "20", "power": less},
        ],
        "maximum_permitted_power": most,
        "power_temperature_range": {"lower": "0", "upper": "45"},
        "initial_round_trip_efficiency": "95",
        "round_trip_efficiency_50_cycle_life": "92",
        "internal_resistance_cell": own["internal_resistance_cell"],
        "internal_resistance_pack": own["internal_resistance_pack"],
        "expected_lifetime_cycles": own["expected_lifetime_cycles"],
        "expected_lifetime_years": "15",
        "cycle_life_reference_test": ["IEC 62620:2014, 6.6.1"],
        "c_rate_cycle_life_test": "0.5",
        "capacity_threshold_exhaustion": own.get("capacity_threshold_exhaustion", "80"),
        "idle_temperature_min": "-10",
        "idle_temperature_max": "45",
        "idle_temperature_reference_test": "IEC 62620:2014, 6.3.2",
    }


def _item(category: Category) -> dict[str, Any]:
    own = _OWN[category]
    most, less = own["power"]
    return {
        "placed_on_market_date": PLACED_ON.isoformat(),
        "battery_status": "original",
        "capacity_fade": "0",
        "power": most,
        "power_fade": "0",
        "internal_resistance_current": own["internal_resistance_pack"],
        "internal_resistance_increase_pack": "0",
        "round_trip_efficiency_current": "95",
        "round_trip_efficiency_fade": "0",
        "expected_lifetime_cycles_current": own["expected_lifetime_cycles"],
        "expected_lifetime_years_current": "15",
        "state_of_certified_energy": "100",
        "remaining_power_capability": [
            {"state_of_charge": "80", "power": most},
            {"state_of_charge": "20", "power": less},
        ],
        "remaining_round_trip_efficiency": "95",
        "self_discharge_evolution": "0",
        "ohmic_resistance": own["internal_resistance_pack"],
        "full_cycles": "0",
        "energy_throughput": "0",
        "capacity_throughput": "0",
        "temperature": "21",
        "time_above_temperature": 0,
        "time_below_temperature": 0,
        "charging_time_above_temperature": 0,
        "charging_time_below_temperature": 0,
        "deep_discharge_count": 0,
        "negative_events": [],
        "accidents": [],
        "rated_capacity_redetermined": own["rated_capacity"],
        "remaining_capacity": own["rated_capacity"],
        "state_of_charge": "30",
    }


def _measured(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What differs a little between batteries of a model, as the end-of-line test would find it."""
    rated = Decimal(item["rated_capacity_redetermined"])
    found = format(rated + (rated * number / 500).quantize(Decimal("0.01")), "f")
    return {
        "rated_capacity_redetermined": found,
        "remaining_capacity": found,
        "state_of_charge": str(29 + number),
    }
