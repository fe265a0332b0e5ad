"""Who usually has a value: our reading, from how packs are made; no text of law says so.

Kept beside the rows, because it is decided by trades and not by the law. It tells an operator whom to ask;
nothing else depends on it.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class Holder(StrEnum):
    """Where an operator looks for a value first."""

    OPERATOR = "operator"
    PACK_MAKER = "pack_maker"
    CELL_MAKER = "cell_maker"
    TEST_LAB = "test_lab"
    CONFORMITY = "conformity"
    FOOTPRINT = "footprint"
    TAKE_BACK = "take_back"
    BMS = "bms"
    UNION_REGISTRY = "union_registry"
    SERVICE = "service"


WHO: Final[Mapping[Holder, str]] = MappingProxyType(
    {
        Holder.OPERATOR: "look in your own papers: orders, works, customs, contracts",
        Holder.PACK_MAKER: "ask whoever designed the pack: data sheet, drawings, service manual",
        Holder.CELL_MAKER: "ask the maker of the cells: data sheet, safety data sheet, composition",
        Holder.TEST_LAB: "ask the laboratory that tested the model: test reports by Annex IV",
        Holder.CONFORMITY: "ask whoever signs the declaration of conformity, and the notified body",
        Holder.FOOTPRINT: "ask whoever calculates the carbon footprint and its study",
        Holder.TAKE_BACK: "ask your producer responsibility organisation or recycler",
        Holder.BMS: "read the battery management system with `cellpass ingest`, or measure",
        Holder.UNION_REGISTRY: "ask the Union's registry with `cellpass register`",
        Holder.SERVICE: "nothing to do: it is written when a version is issued",
    }
)

_RECYCLED: Final = tuple(
    f"{part}recycled_{metal}_share"
    for metal in ("cobalt", "lithium", "nickel", "lead")
    for part in ("", "pre_consumer_", "post_consumer_")
)


def _holders() -> Mapping[Holder, tuple[str, ...]]:
    return {
        Holder.SERVICE: (
            *("passport_id", "battery_id", "dpp_schema_version", "dpp_status", "dpp_granularity"),
            *("dpp_last_updated_at", "dpp_issued_at", "measurement_metadata", "successor_passport_ids"),
            *("state_of_health", "residual_value", "second_life_assessment", "content_specification_ids"),
        ),
        Holder.OPERATOR: (
            *("model_identifier", "batch_number", "serial_number", "backup_reference"),
            *("operator_identifier", "operator_name", "operator_address", "operator_contact"),
            *("operator_role", "authorised_operator", "manufacturer_identifier", "manufacturer_name"),
            *("manufacturer_address", "manufacturer_web", "manufacturer_email", "facility_identifier"),
            *("manufacturing_place", "manufacturing_date", "placed_on_market_date"),
            *("putting_into_service_date", "warranty_period", "battery_category", "industrial_subtype"),
            *("battery_status", "status_history", "second_life_operation", "repair_history"),
            *("predecessor_passport_ids", "commodity_code", "data_carrier", "due_diligence_report_url"),
            *("due_diligence_exempt", "third_party_assurances", "supply_chain_indices"),
            *("instructions_for_use", "accidents", "further_use_evidence"),
        ),
        Holder.UNION_REGISTRY: ("registry_registration_id", "registration_proof"),
        Holder.PACK_MAKER: (
            *("battery_mass", "separate_collection_symbol", "extinguishing_agent", "cadmium_lead_symbols"),
            *("dismantling_manuals", "dismantling_exploded_diagrams", "dismantling_sequences"),
            *("dismantling_fasteners", "dismantling_tools", "dismantling_warnings"),
            *("dismantling_cell_layout", "part_numbers", "spare_part_sources", "safety_measures"),
            *("safe_discharging_instructions", "hazardous_substance_location", "rated_capacity"),
            *("minimum_voltage", "nominal_voltage", "maximum_voltage", "voltage_temperature_range"),
            *("maximum_permitted_power", "power_limits", "power_temperature_range"),
            *("power_energy_ratio", "idle_temperature_min", "idle_temperature_max"),
            *("capacity_threshold_exhaustion", "extreme_temperature_bounds", "certified_usable_energy"),
        ),
        Holder.CELL_MAKER: (
            *("battery_chemistry", "battery_chemistry_name", "critical_raw_materials"),
            *("material_composition", "hazardous_substances", "hazardous_substance_impacts"),
            *("restricted_metals_content", "svhc_substances", "internal_resistance_cell"),
            *("renewable_content_share", "recycled_content_year", "recycled_content_plant"),
            *("recycled_content_document", *_RECYCLED),
        ),
        Holder.TEST_LAB: (
            *("original_power_capability", "initial_round_trip_efficiency", "internal_resistance_pack"),
            *("round_trip_efficiency_50_cycle_life", "internal_resistance_module"),
            *("initial_self_discharge_rate", "expected_lifetime_cycles", "expected_lifetime_years"),
            *("cycle_life_reference_test", "c_rate_cycle_life_test", "cycle_test_charge_rate"),
            *("cycle_test_depth_of_discharge", "performance_calculation_notes"),
            *("idle_temperature_reference_test", "rated_capacity_redetermined"),
            *("expected_lifetime_cycles_current", "expected_lifetime_years_current"),
            *("round_trip_efficiency_fade", "power_fade"),
        ),
        Holder.CONFORMITY: (
            "eu_declaration_of_conformity",
            "eu_declaration_id",
            "test_reports",
            "ce_marking",
        ),
        Holder.FOOTPRINT: (
            *("cf_total", "cf_raw_material", "cf_production", "cf_distribution", "cf_end_of_life"),
            *("cf_performance_class", "carbon_footprint_label", "cf_study_url", "cf_declaration_url"),
            *("cf_plant", "cf_reference_year", "cf_total_service_energy", "cf_methodology", "cf_absolute"),
        ),
        Holder.TAKE_BACK: (
            *("label_meaning", "waste_prevention_info", "separate_collection_info"),
            *("collection_and_treatment_info", "waste_safety_instructions", "passport_ceased_at"),
        ),
        Holder.BMS: (
            *("capacity_fade", "power", "internal_resistance_current", "internal_resistance_increase_pack"),
            *("internal_resistance_increase_cell", "internal_resistance_increase_module"),
            *("round_trip_efficiency_current", "state_of_certified_energy", "remaining_energy"),
            *("remaining_capacity", "remaining_power_capability", "remaining_round_trip_efficiency"),
            *("self_discharge_rate_current", "self_discharge_evolution", "ohmic_resistance"),
            *("state_of_charge", "state_of_charge_records", "full_cycles", "energy_throughput"),
            *("capacity_throughput", "temperature", "operating_environment_records"),
            *("time_above_temperature", "time_below_temperature", "charging_time_above_temperature"),
            *("charging_time_below_temperature", "deep_discharge_count", "overcharge_count"),
            "negative_events",
        ),
    }


HOLDERS: Final[Mapping[str, Holder]] = MappingProxyType(
    {attribute: holder for holder, attributes in _holders().items() for attribute in attributes}
)
