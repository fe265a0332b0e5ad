"""Subjects for the tests of formats: complete, plausible batteries of all four categories, by hand.

`facts(category)` holds a value for every row that the category may state, spelt as the wire spells it.
`subject(category, audience)` is what `cellpass export` would hand to a format: rows the audience may not
see are not there at all, rows of no meaning for the category are absent with their reason. `everything` is
no audience of the law; it hands a format every value at once, so that no place goes untried.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from passport.disclosure import may_see_attribute
from passport.exports.format import Subject
from schemas.registry import OPINIONS, REGISTRY
from schemas.terms import Audience, Category, Obligation, RecordKind

HOST: Final = "https://id.example.com"
ISSUED: Final = datetime(2027, 3, 2, 9, 30, tzinfo=UTC)
OPERATOR_DID: Final = "did:web:id.example.com:o:example-batteries"
SERIALS: Final[Mapping[Category, str]] = {
    Category.EV: "EV800NMC27A00042",
    Category.LMT: "LM36NMC27B001234",
    Category.INDUSTRIAL: "IN48PB27C0000077",
    Category.STATIONARY: "ST51LFP27D000900",
}
GTINS: Final[Mapping[Category, str]] = {
    Category.EV: "09520123456788",
    Category.LMT: "09520123456795",
    Category.INDUSTRIAL: "09520123456801",
    Category.STATIONARY: "09520123456818",
}


def identifier_url(category: Category) -> str:
    """What the code on the battery says."""
    return f"{HOST}/01/{GTINS[category]}/21/{SERIALS[category]}"


def passport_url(category: Category) -> str:
    """The identifier of its passport: another than that of the battery."""
    return f"{HOST}/passports/{SERIALS[category]}-1"


def _document(name: str) -> str:
    return f"https://documents.example.com/{name}"


def _general(category: Category) -> dict[str, Any]:
    return {
        "passport_id": passport_url(category),
        "battery_id": identifier_url(category),
        "batch_number": "2027-W03-L2",
        "serial_number": SERIALS[category],
        "registry_registration_id": "EUDPP-2027-000451872",
        "registration_proof": {
            "registration_id": "EUDPP-2027-000451872",
            "document": _document("registry/EUDPP-2027-000451872.json"),
            "sha256": "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8550",
            "fetched_at": "2027-03-02T08:12:45Z",
        },
        "predecessor_passport_ids": [],
        "successor_passport_ids": [],
        "dpp_schema_version": "EN 18223:2026",
        "content_specification_ids": ["https://id.example.com/schemas/2026.12"],
        "dpp_status": "Active",
        "dpp_granularity": "item",
        "dpp_last_updated_at": "2027-03-02T09:30:00Z",
        "dpp_issued_at": "2027-03-02T09:30:00Z",
        "backup_reference": "https://backup.example.net/passports/" + SERIALS[category],
        "operator_identifier": "9520123000003",
        "operator_name": "Example Batteries SE",
        "operator_address": {
            "street": "Musterstraße 12",
            "postal_code": "38440",
            "town": "Wolfsburg",
            "country": "DE",
        },
        "operator_contact": {
            "name": "Passport desk",
            "email": "passport@batteries.example.com",
            "telephone": "+49 5361 555 0100",
            "web": "https://batteries.example.com/passport",
        },
        "operator_role": "manufacturer",
        "authorised_operator": [
            {
                "operator": "Example Hosting GmbH",
                "identifier": "9520123000010",
                "scope": "storage and publication of passports",
                "from": "2027-01-01",
                "to": "2031-12-31",
                "document": _document("authorisations/hosting-2027.pdf"),
            }
        ],
        "manufacturer_identifier": "9520123000003",
        "manufacturer_name": "Example Batteries SE",
        "manufacturer_address": {
            "street": "Musterstraße 12",
            "postal_code": "38440",
            "town": "Wolfsburg",
            "country": "DE",
        },
        "manufacturer_web": "https://batteries.example.com",
        "manufacturer_email": "info@batteries.example.com",
        "facility_identifier": "9520123000027",
        "manufacturing_place": {"country": "SE", "town": "Skellefteå", "plant": "Line 2"},
        "manufacturing_date": "2027-01",
        "placed_on_market_date": "2027-02-20",
        "putting_into_service_date": "2027-03-01",
        "warranty_period": 96,
        "battery_category": category.value,
        "battery_status": "original",
        "status_history": [
            {"status": "original", "at": "2027-02-20T00:00:00Z", "operator": "Example Batteries SE"}
        ],
        "repair_history": [
            {
                "at": "2027-02-26T14:05:00Z",
                "part": "contactor",
                "part_number": "CT-500-12",
                "removed_serial": "CT50012-11871",
                "installed_serial": "CT50012-12044",
                "operator": "Example Service AB",
            }
        ],
        "commodity_code": "8507600090",
        "data_carrier": {"kind": "QR code", "place_on_battery": "housing, beside the type plate"},
    }


def _labels() -> dict[str, Any]:
    return {
        "separate_collection_symbol": _document("labels/separate-collection.png"),
        "cadmium_lead_symbols": [],
        "carbon_footprint_label": _document("labels/carbon-footprint-class.png"),
        "extinguishing_agent": ["Water mist, fire class F-500", "Water, large amounts"],
        "label_meaning": [
            {
                "label": "crossed-out wheeled bin",
                "language": "en",
                "text": "This battery must be collected separately from household waste.",
            },
            {
                "label": "crossed-out wheeled bin",
                "language": "de",
                "text": "Diese Batterie ist getrennt vom Hausmüll zu sammeln.",
            },
        ],
        "eu_declaration_of_conformity": _document("declarations/eu-doc-2027-0117.pdf"),
        "eu_declaration_id": "EU-DoC-2027-0117",
        "test_reports": [_document("reports/un38-3.pdf"), _document("reports/performance-annex-iv.pdf")],
        "ce_marking": {"notified_body": "0999", "year": 2027},
        "instructions_for_use": _document("manuals/instructions-for-use.pdf"),
    }


def _footprint() -> dict[str, Any]:
    return {
        "cf_total": "71.25",
        "cf_raw_material": "48.6",
        "cf_production": "20.4",
        "cf_distribution": "1.85",
        "cf_end_of_life": "0.4",
        "cf_performance_class": "B",
        "cf_study_url": _document("carbon/study-public.pdf"),
        "cf_declaration_url": _document("carbon/declaration.pdf"),
        "cf_plant": "9520123000027",
        "cf_reference_year": 2026,
        "cf_total_service_energy": "98500",
        "cf_methodology": ["EN ISO 14067:2018", "PEFCR for batteries"],
        "cf_absolute": "7018125",
        "due_diligence_report_url": _document("due-diligence/report-2026.pdf"),
        "due_diligence_exempt": False,
        "third_party_assurances": [_document("due-diligence/assurance-2026.pdf")],
        "supply_chain_indices": [
            {"name": "Responsible sourcing score", "value": "72.5", "scale": "0 to 100"}
        ],
    }


def _lithium_ion(
    cathode: str,
    active: str,
    active_cas: str,
    masses: tuple[str, str, str] = ("121.4", "67.8", "9.35"),  # cathode, anode, electrolyte; kg
) -> dict[str, Any]:
    return {
        "battery_chemistry": f"Li-ion {cathode}",
        "battery_chemistry_name": f"{active} cathode, graphite anode, LiPF6 in carbonates",
        "critical_raw_materials": [
            {"name": "lithium", "cas_number": "7439-93-2", "share": "1.9", "list_version": "2024/1252"},
            {"name": "natural graphite", "cas_number": "7782-42-5", "share": "14.2"},
        ],
        "material_composition": [
            {
                "component": "cathode",
                "name": active,
                "cas_number": active_cas,
                "mass": masses[0],
                "share": "25.5",
                "critical": True,
            },
            {
                "component": "anode",
                "name": "graphite",
                "cas_number": "7782-42-5",
                "mass": masses[1],
                "critical": True,
            },
            {
                "component": "electrolyte",
                "name": "lithium hexafluorophosphate",
                "cas_number": "21324-40-3",
                "mass": masses[2],
                "critical": False,
            },
        ],
        "hazardous_substances": [
            {
                "hazard_class": "AcuteToxicity",
                "name": "lithium hexafluorophosphate",
                "cas_number": "21324-40-3",
                "concentration": "1.96",
                "location": "electrolyte",
                "impact": "H301 Toxic if swallowed",
            },
            {
                "hazard_class": "SkinCorrosionOrIrritation",
                "name": "ethylene carbonate",
                "cas_number": "96-49-1",
                "concentration": "4.1",
            },
        ],
        "hazardous_substance_location": [
            {"name": "lithium hexafluorophosphate", "cas_number": "21324-40-3", "component": "electrolyte"}
        ],
        "hazardous_substance_impacts": ["Electrolyte hydrolyses to hydrogen fluoride when it meets water."],
        "restricted_metals_content": [{"metal": "lead", "share": "0.0006"}],
        "svhc_substances": [
            {
                "name": "1,2-dimethoxyethane",
                "cas_number": "110-71-4",
                "share": "0.11",
                "scip_number": "6f5a8c1e-5d0c-4d5b-9a57-2a1f1d1f1c10",
            }
        ],
    }


def _lead_acid() -> dict[str, Any]:
    return {
        "battery_chemistry": "Pb",
        "battery_chemistry_name": "Lead dioxide cathode, lead anode, dilute sulphuric acid",
        "critical_raw_materials": [
            {"name": "antimony", "cas_number": "7440-36-0", "share": "0.8", "list_version": "2024/1252"}
        ],
        "material_composition": [
            {
                "component": "grids",
                "name": "lead",
                "cas_number": "7439-92-1",
                "mass": "402",
                "critical": False,
            },
            {
                "component": "electrolyte",
                "name": "sulphuric acid",
                "cas_number": "7664-93-9",
                "mass": "138.5",
                "critical": False,
            },
            {
                "component": "grids",
                "name": "antimony",
                "cas_number": "7440-36-0",
                "share": "0.8",
                "critical": True,
            },
        ],
        "hazardous_substances": [
            {
                "hazard_class": "SkinCorrosionOrIrritation",
                "name": "sulphuric acid",
                "cas_number": "7664-93-9",
                "concentration": "19.2",
                "location": "electrolyte",
                "impact": "H314 Causes severe skin burns and eye damage",
            }
        ],
        "hazardous_substance_location": [
            {"name": "sulphuric acid", "cas_number": "7664-93-9", "component": "electrolyte"}
        ],
        "hazardous_substance_impacts": ["Spilt acid harms water organisms."],
        "restricted_metals_content": [
            {"metal": "lead", "share": "63.5"},
            {"metal": "cadmium", "share": "0.0002"},
        ],
        "svhc_substances": [
            {"name": "lead", "cas_number": "7439-92-1", "share": "63.5", "scip_number": "6f5a8c1e-0000"}
        ],
    }


def _circularity(cells: int, in_series: int, in_parallel: int, modules: int) -> dict[str, Any]:
    return {
        "dismantling_manuals": [
            _document("dismantling/manual-en.pdf"),
            _document("dismantling/manual-de.pdf"),
        ],
        "dismantling_exploded_diagrams": [{"document": _document("dismantling/exploded.pdf")}],
        "dismantling_sequences": [
            {"description": "Open the service disconnect and wait ten minutes."},
            {
                "description": "Lift the lid; follow the drawing.",
                "document": _document("dismantling/sequence.pdf"),
            },
        ],
        "dismantling_fasteners": [{"description": "24 screws M6x20, Torx 30, to be unlocked."}],
        "dismantling_tools": [{"description": "Insulated Torx 30 driver, 1000 V gloves, lifting gear."}],
        "dismantling_warnings": [
            {
                "description": "Do not lift at the connectors.",
                "document": _document("dismantling/warnings.pdf"),
            }
        ],
        "dismantling_cell_layout": {
            "cells": cells,
            "in_series": in_series,
            "in_parallel": in_parallel,
            "modules": modules,
            "document": _document("dismantling/layout.pdf"),
        },
        "part_numbers": [
            {"component": "module", "part_number": "MOD-12S-01"},
            {"component": "battery management system", "part_number": "BMS-96-03"},
        ],
        "spare_part_sources": [
            {
                "name": "Example Parts AB",
                "postal_address": {
                    "street": "Storgatan 4",
                    "postal_code": "931 31",
                    "town": "Skellefteå",
                    "country": "SE",
                },
                "email": "parts@parts.example.com",
                "telephone": "+46 910 555 010",
                "web": "https://parts.example.com",
            }
        ],
        "safety_measures": [_document("safety/measures-en.pdf")],
        "safe_discharging_instructions": [_document("safety/discharging-en.pdf")],
        "recycled_content_year": 2026,
        "recycled_content_plant": "9520123000027",
        "recycled_content_document": _document("recycled/content-2026.pdf"),
        "renewable_content_share": "2.4",
        "waste_prevention_info": _document("waste/prevention.html"),
        "separate_collection_info": _document("waste/collection.html"),
        "collection_and_treatment_info": _document("waste/treatment.html"),
        "waste_safety_instructions": _document("waste/safety.html"),
    }


def _recycled(metal: str, before: str, after: str, share: str) -> dict[str, Any]:
    return {
        f"recycled_{metal}_share": share,
        f"pre_consumer_recycled_{metal}_share": before,
        f"post_consumer_recycled_{metal}_share": after,
    }


def _performance() -> dict[str, Any]:
    """What hardly differs between the categories."""
    return {
        "voltage_temperature_range": {"lower": "-20", "upper": "55"},
        "power_temperature_range": {"lower": "0", "upper": "45"},
        "initial_round_trip_efficiency": "96.4",
        "round_trip_efficiency_50_cycle_life": "93.1",
        "initial_self_discharge_rate": "2.1",
        "expected_lifetime_cycles": 3000,
        "expected_lifetime_years": "12.5",
        "cycle_life_reference_test": ["IEC 62660-1:2018", "EN 50604-1:2016"],
        "c_rate_cycle_life_test": "0.5",
        "cycle_test_charge_rate": "0.33",
        "cycle_test_depth_of_discharge": "80",
        "performance_calculation_notes": "Resistance from the voltage drop after 18 s at 1C, 50 %, 25 °C.",
        "idle_temperature_min": "-30",
        "idle_temperature_max": "60",
        "idle_temperature_reference_test": "IEC 62619:2022, clause 7.2.4",
    }


def _dynamic() -> dict[str, Any]:
    """What hardly differs between the categories."""
    return {
        "capacity_fade": "0.75",
        "power_fade": "0.4",
        "internal_resistance_increase_pack": "1.25",
        "internal_resistance_increase_cell": "1.1",
        "internal_resistance_increase_module": "1.15",
        "round_trip_efficiency_current": "96.1",
        "round_trip_efficiency_fade": "0.311",
        "expected_lifetime_cycles_current": 2990,
        "expected_lifetime_years_current": "12.4",
        "remaining_round_trip_efficiency": "96.1",
        "self_discharge_rate_current": "2.2",
        "self_discharge_evolution": "4.76",
        "state_of_charge": "63.5",
        "state_of_charge_records": [
            {"from": "0", "to": "20", "time_s": 3600},
            {"from": "20", "to": "80", "time_s": 412200},
        ],
        "full_cycles": "14.25",
        "temperature": "21.5",
        "operating_environment_records": [
            {
                "temperature_from": "10",
                "temperature_to": "25",
                "charge_from": "20",
                "charge_to": "80",
                "time_s": 388800,
            }
        ],
        "time_above_temperature": 12,
        "time_below_temperature": 0,
        "charging_time_above_temperature": 3,
        "charging_time_below_temperature": 0,
        "extreme_temperature_bounds": {"lower": "-20", "upper": "50"},
        "deep_discharge_count": 1,
        "overcharge_count": 0,
        "negative_events": [
            {
                "type": "deep discharge",
                "at": "2027-02-28T23:10:00Z",
                "duration_s": 340,
                "severity": "low",
                "source": "battery management system",
            }
        ],
        "accidents": [
            {
                "type": "mechanical shock",
                "on": "2027-02-27",
                "description": "Dropped by 10 cm from a pallet; inspected without finding.",
            }
        ],
        "further_use_evidence": {
            "test": _document("evidence/condition-test.pdf"),
            "contract": _document("evidence/contract.pdf"),
            "transport": "Packed by P903, single layer, fixed.",
        },
        "measurement_metadata": {
            "originator": "battery management system",
            "method": "fold.v1",
            "software_version": "2026.12",
        },
    }


def _power(high: str, low: str) -> list[dict[str, Any]]:
    return [
        {"state_of_charge": "80", "power": high, "duration_s": "10", "temperature": "25"},
        {"state_of_charge": "20", "power": low, "duration_s": "10", "temperature": "25"},
    ]


_OF_CATEGORY: Final[Mapping[Category, Mapping[str, Any]]] = {
    Category.EV: {
        **_lithium_ion("NMC", "lithium nickel manganese cobalt oxide", "346417-97-8"),
        **_circularity(384, 192, 2, 16),
        **_recycled("cobalt", "6.5", "10", "16.5"),
        **_recycled("lithium", "2.25", "4", "6.25"),
        **_recycled("nickel", "3", "3.75", "6.75"),
        "model_identifier": "EV-800-NMC-82",
        "battery_mass": "476.2",
        "rated_capacity": "117.5",
        "certified_usable_energy": "78.4",
        "minimum_voltage": "576",
        "nominal_voltage": "697.5",
        "maximum_voltage": "806.4",
        "original_power_capability": _power("210000", "141500"),
        "maximum_permitted_power": "250000",
        "power_limits": {"charge": "180000", "discharge": "250000"},
        "power_energy_ratio": "3.05",
        "internal_resistance_cell": "0.00085",
        "internal_resistance_pack": "0.0824",
        "internal_resistance_module": "0.0102",
        "capacity_threshold_exhaustion": "70",
        "rated_capacity_redetermined": "116.62",
        "power": "209160",
        "internal_resistance_current": "0.08343",
        "state_of_certified_energy": "99.1",
        "remaining_energy": "77.7",
        "remaining_capacity": "116.62",
        "remaining_power_capability": _power("209160", "140900"),
    },
    Category.LMT: {
        **_lithium_ion(
            "NMC", "lithium nickel manganese cobalt oxide", "346417-97-8", ("0.75", "0.42", "0.06")
        ),
        **_circularity(40, 10, 4, 1),
        **_recycled("cobalt", "4", "12.5", "16.5"),
        **_recycled("lithium", "1.5", "4.75", "6.25"),
        **_recycled("nickel", "2", "4.5", "6.5"),
        "model_identifier": "LM-36-14",
        "battery_mass": "2.95",
        "rated_capacity": "14",
        "minimum_voltage": "28",
        "nominal_voltage": "36",
        "maximum_voltage": "42",
        "original_power_capability": _power("540", "380.5"),
        "maximum_permitted_power": "750",
        "power_limits": {"charge": "168", "discharge": "750"},
        "power_energy_ratio": "1.49",
        "internal_resistance_cell": "0.0325",
        "internal_resistance_pack": "0.0931",
        "internal_resistance_module": "0.0931",
        "rated_capacity_redetermined": "13.895",
        "power": "537.8",
        "internal_resistance_current": "0.09426",
        "remaining_capacity": "13.895",
        "remaining_power_capability": _power("537.8", "378.9"),
        "ohmic_resistance": "0.0742",
        "energy_throughput": "14.18",
        "capacity_throughput": "399",
    },
    Category.INDUSTRIAL: {
        **_lead_acid(),
        **_circularity(24, 24, 1, 1),
        **_recycled("lead", "15", "72.5", "87.5"),
        "model_identifier": "IN-48-PB-500",
        "industrial_subtype": "other",
        "battery_mass": "702.5",
        "cadmium_lead_symbols": ["Pb"],
        "rated_capacity": "500",
        "minimum_voltage": "43.2",
        "nominal_voltage": "48",
        "maximum_voltage": "57.6",
        "original_power_capability": _power("9600", "7200"),
        "maximum_permitted_power": "12000",
        "power_limits": {"charge": "4800", "discharge": "12000"},
        "power_energy_ratio": "0.4",
        "internal_resistance_cell": "0.00042",
        "internal_resistance_pack": "0.0115",
        "internal_resistance_module": "0.0115",
        "initial_round_trip_efficiency": "84",
        "round_trip_efficiency_50_cycle_life": "81.5",
        "expected_lifetime_cycles": 1500,
        "rated_capacity_redetermined": "496.25",
        "power": "9561.6",
        "internal_resistance_current": "0.01164",
        "round_trip_efficiency_current": "83.7",
        "round_trip_efficiency_fade": "0.357",
        "expected_lifetime_cycles_current": 1490,
        "remaining_capacity": "496.25",
        "remaining_power_capability": _power("9561.6", "7170"),
        "commodity_code": "8507208000",
    },
    Category.STATIONARY: {
        **_lithium_ion("LFP", "lithium iron phosphate", "15365-14-7", ("25.1", "14.0", "1.95")),
        **_circularity(32, 16, 2, 2),
        **_recycled("lithium", "2", "4.5", "6.5"),
        "model_identifier": "ST-51-LFP-10",
        "industrial_subtype": "stationary",
        "battery_mass": "98.4",
        "rated_capacity": "204",
        "minimum_voltage": "44.8",
        "nominal_voltage": "51.2",
        "maximum_voltage": "58.4",
        "original_power_capability": _power("7800", "6100"),
        "maximum_permitted_power": "10240",
        "power_limits": {"charge": "5120", "discharge": "10240"},
        "power_energy_ratio": "0.75",
        "internal_resistance_cell": "0.00067",
        "internal_resistance_pack": "0.00736",
        "internal_resistance_module": "0.00552",
        "predecessor_passport_ids": [
            f"{HOST}/passports/EV800NMC23A00007-1",
            f"{HOST}/passports/EV800NMC23A00008-1",
        ],
        "successor_passport_ids": [f"{HOST}/passports/ST51LFP31D000004-1"],
        "passport_ceased_at": "2031-05-04",
        "second_life_operation": "repurposing",
        "operator_role": "repurposer",
        "battery_status": "repurposed",
        "status_history": [
            {"status": "original", "at": "2023-06-01T00:00:00Z"},
            {"status": "repurposed", "at": "2027-02-20T00:00:00Z", "operator": "Example Batteries SE"},
        ],
        "expected_lifetime_cycles": 6000,
        "rated_capacity_redetermined": "202.47",
        "power": "7768.8",
        "internal_resistance_current": "0.007452",
        "expected_lifetime_cycles_current": 5985,
        "remaining_capacity": "202.47",
        "remaining_power_capability": _power("7768.8", "6075.6"),
        "ohmic_resistance": "0.00588",
        "energy_throughput": "297.6",
        "capacity_throughput": "5814",
    },
}
# Such a value would contradict the rest of the example; each is stated by another category.
_LEFT_OUT: Final[Mapping[Category, frozenset[str]]] = {
    category: frozenset(
        row.id for row in REGISTRY.values() if row.duty.of(category).obligation is Obligation.NOT_APPLICABLE
    )
    for category in Category
}


def facts(category: Category) -> dict[str, Any]:
    """Every value of the example battery, in reading order: attribute id to value as the wire spells it."""
    known = {
        **_general(category),
        **_labels(),
        **_footprint(),
        **_performance(),
        **_dynamic(),
        **_OF_CATEGORY[category],
    }
    return {name: known[name] for name in REGISTRY if name in known and name not in _LEFT_OUT[category]}


def stated(name: str, value: Any) -> dict[str, Any]:
    """The value of an attribute as a view states it."""
    row = REGISTRY[name]
    source = "declared" if row.record is RecordKind.PASSPORT else "bms_reported"
    wire = {"value": value, "as_of": "2027-03-02T09:00:00Z", "source": source}
    return wire | {"unit": row.value.unit.value} if row.value.unit is not None else wire


def _made(category: Category, audience: Audience, values: Mapping[str, Any]) -> Subject:
    return Subject(
        values=values,
        category=category,
        audience=audience,
        identifier_url=identifier_url(category),
        passport_url=passport_url(category),
        operator_did=OPERATOR_DID,
        issued_at=ISSUED,
        version=3,
        record_url=f"{HOST}/r/{SERIALS[category]}-3",
        record_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        simulated=False,
    )


def everything(category: Category, values: Mapping[str, Any] | None = None) -> Subject:
    """All values at once, whoever may see them; `values` replaces the example's facts."""
    chosen = facts(category) if values is None else values
    return _made(
        category, Audience.LEGITIMATE_INTEREST, {name: stated(name, value) for name, value in chosen.items()}
    )


def subject(category: Category, audience: Audience = Audience.PUBLIC) -> Subject:
    """The example battery as one audience may see it."""
    known = facts(category)
    values = {}
    for name in REGISTRY:
        if name in OPINIONS or not may_see_attribute(audience, name):
            continue
        if name in known:
            values[name] = stated(name, known[name])
        else:
            left_out = name in _LEFT_OUT[category]
            values[name] = {"absent": "not_applicable" if left_out else "not_provided"}
    return _made(category, audience, values)


def changed(original: Subject, **values: Any) -> Subject:
    """The subject with other values of some attributes; None takes a value away."""
    new = dict(original.values)
    for name, value in values.items():
        new[name] = {"absent": "not_provided"} if value is None else stated(name, value)
    return replace(original, values=new)
