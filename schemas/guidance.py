"""The Commission's data points behind the rows: guidance of 15 August 2026, which does not bind.

71 points are counted. Points 16 and 25 repeat others and have no row; some points are answered by several
rows, and the temperatures of the voltages belong to three of them. What a row without a point owes comes from
the law, from other acts, or from nowhere.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from schemas.terms import Category

DATA_POINTS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "passport_id": (1,),
        "battery_id": (1,),
        "model_identifier": (7,),
        "batch_number": (7,),
        "serial_number": (7,),
        "operator_identifier": (2,),
        "operator_name": (2,),
        "operator_address": (2,),
        "operator_role": (2,),
        "manufacturer_name": (3,),
        "manufacturer_address": (4,),
        "manufacturer_web": (5,),
        "manufacturer_email": (5,),
        "manufacturing_place": (8,),
        "manufacturing_date": (9,),
        "warranty_period": (35,),
        "battery_category": (6,),
        "battery_mass": (10,),
        "battery_status": (67,),
        "separate_collection_symbol": (40,),
        "cadmium_lead_symbols": (41,),
        "carbon_footprint_label": (18,),
        "extinguishing_agent": (14,),
        "label_meaning": (43,),
        "eu_declaration_of_conformity": (42,),
        "eu_declaration_id": (17,),
        "test_reports": (50,),
        "instructions_for_use": (44,),
        "cf_total": (17,),
        "cf_raw_material": (17,),
        "cf_production": (17,),
        "cf_distribution": (17,),
        "cf_end_of_life": (17,),
        "cf_performance_class": (18,),
        "cf_study_url": (17,),
        "cf_declaration_url": (17,),
        "cf_plant": (17,),
        "due_diligence_report_url": (19,),
        "battery_chemistry": (12,),
        "critical_raw_materials": (15,),
        "material_composition": (45,),
        "hazardous_substances": (13,),
        "hazardous_substance_impacts": (43,),
        "dismantling_manuals": (48,),
        "dismantling_exploded_diagrams": (48,),
        "dismantling_sequences": (48,),
        "dismantling_fasteners": (48,),
        "dismantling_tools": (48,),
        "dismantling_warnings": (48,),
        "dismantling_cell_layout": (48,),
        "part_numbers": (46,),
        "spare_part_sources": (47,),
        "safety_measures": (49,),
        "recycled_cobalt_share": (20,),
        "recycled_lithium_share": (21,),
        "recycled_nickel_share": (22,),
        "recycled_lead_share": (23,),
        "renewable_content_share": (24,),
        "waste_prevention_info": (43,),
        "separate_collection_info": (43,),
        "collection_and_treatment_info": (43,),
        "waste_safety_instructions": (43,),
        "rated_capacity": (11,),
        "minimum_voltage": (26,),
        "nominal_voltage": (27,),
        "maximum_voltage": (28,),
        "voltage_temperature_range": (26, 27, 28),
        "original_power_capability": (29,),
        "maximum_permitted_power": (30,),
        "power_limits": (30,),
        "power_temperature_range": (30,),
        "initial_round_trip_efficiency": (36,),
        "round_trip_efficiency_50_cycle_life": (37,),
        "internal_resistance_cell": (38,),
        "internal_resistance_pack": (38,),
        "expected_lifetime_cycles": (31,),
        "expected_lifetime_years": (60,),
        "cycle_life_reference_test": (32,),
        "c_rate_cycle_life_test": (39,),
        "capacity_threshold_exhaustion": (33,),
        "idle_temperature_min": (34,),
        "idle_temperature_max": (34,),
        "idle_temperature_reference_test": (34,),
        "rated_capacity_redetermined": (51,),
        "capacity_fade": (52,),
        "power": (53,),
        "power_fade": (54,),
        "internal_resistance_current": (55,),
        "internal_resistance_increase_pack": (56,),
        "round_trip_efficiency_current": (57,),
        "round_trip_efficiency_fade": (58,),
        "expected_lifetime_cycles_current": (59,),
        "expected_lifetime_years_current": (60,),
        "state_of_certified_energy": (61,),
        "remaining_capacity": (62,),
        "remaining_power_capability": (63,),
        "remaining_round_trip_efficiency": (64,),
        "self_discharge_evolution": (65,),
        "ohmic_resistance": (66,),
        "state_of_charge": (71,),
        "state_of_charge_records": (71,),
        "full_cycles": (68,),
        "temperature": (70,),
        "operating_environment_records": (70,),
        "deep_discharge_count": (69,),
        "negative_events": (69,),
        "accidents": (69,),
    }
)
# How many points the Commission counts as plainly mandatory on 18 February 2027; stationary has no column.
MANDATORY: Final[Mapping[Category, int]] = MappingProxyType(
    {Category.EV: 47, Category.LMT: 50, Category.INDUSTRIAL: 32}
)
REPETITIONS: Final = frozenset({16, 25})
HIGHEST: Final = 71


def data_points(attribute: str) -> tuple[int, ...]:
    """Numbers of the points that the attribute answers; empty where the guidance has none."""
    return DATA_POINTS.get(attribute, ())


def distinct(attributes: Iterable[str]) -> frozenset[int]:
    """The points that these attributes answer together, each once."""
    return frozenset(point for attribute in attributes for point in data_points(attribute))
