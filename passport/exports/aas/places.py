"""Where each attribute stands: a place per plain value, a list per kind of document, and what has no place.

Nested values (addresses, markings, materials, suppliers, points of power) are spelt in `spell` and read in
`understand`, where their members are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Place = tuple[str, ...]  # number of the part, then names

_AREAS: Final = ("02035-4", "TechnicalPropertyAreas")
_RESISTANCE: Final = (*_AREAS, "Resistance")
_LIFETIME: Final = (*_AREAS, "Lifetime")


def _measured(name: str) -> tuple[Place, ...]:
    return (("02035-5", name, f"{name}Value"),)


def _area(*names: str) -> tuple[Place, ...]:
    return ((*_AREAS, *names),)


# The first place is read first; where another says something else, that is a loss.
PLACES: Final[Mapping[str, tuple[Place, ...]]] = MappingProxyType(
    {
        "battery_id": (("02035-1", "URIOfTheProduct"), ("02099-1", "uniqueProductIdentifier")),
        "serial_number": (("02035-1", "SerialNumber"),),
        "operator_identifier": (("02035-1", "OperatorIdentifier"),),
        "manufacturer_identifier": (
            ("02035-1", "ManufacturerIdentifier"),
            ("02035-4", "GeneralInformation", "ManufacturerIdentifier"),
        ),
        "manufacturer_name": (
            ("02035-1", "ManufacturerName"),
            ("02035-4", "GeneralInformation", "ManufacturerName"),
        ),
        "manufacturer_web": (("02035-1", "AddressInformation", "AddressOfAdditionalLink"),),
        "manufacturer_email": (("02035-1", "AddressInformation", "Email", "EmailAddress"),),
        "facility_identifier": (("02035-1", "UniqueFacilityIdentifier"), ("02099-1", "facilityId")),
        "manufacturing_date": (("02035-1", "DateOfManufacture"),),
        "putting_into_service_date": (("02035-1", "DateOfPuttingIntoService"),),
        "warranty_period": (("02035-4", "GeneralInformation", "WarrantyInformation", "WarrantyPeriod"),),
        "battery_category": (("02035-4", "GeneralInformation", "BatteryCategory"),),
        "battery_mass": (("02035-4", "GeneralInformation", "BatteryMass"),),
        "battery_status": (("02035-1", "LifeCycleStage"),),
        "battery_chemistry": (("02035-6", "BatteryChemistry", "ShortName"),),
        "battery_chemistry_name": (("02035-6", "BatteryChemistry", "ClearName"),),
        "extinguishing_agent": (("02035-7", "SafetyMeasures", "ExtinguishingAgents"),),
        "renewable_content_share": (("02035-7", "RenewableContent"),),
        "rated_capacity": _area("CapacityEnergyVoltage", "RatedCapacity"),
        "certified_usable_energy": _area("CapacityEnergyVoltage", "CertifiedUsableBatteryEnergy"),
        "minimum_voltage": _area("CapacityEnergyVoltage", "MinVoltage"),
        "nominal_voltage": _area("CapacityEnergyVoltage", "NominalVoltage"),
        "maximum_voltage": _area("CapacityEnergyVoltage", "MaxVoltage"),
        "maximum_permitted_power": _area("PowerCapability", "MaximumPermittedBatteryPower"),
        "power_energy_ratio": _area("PowerCapability", "RatioNorminalBatteryPowerAndBatteryEnergy"),
        "initial_round_trip_efficiency": _area(
            "RoundTripEnergyEfficiency", "InitialRoundTripEnergyEfficiency"
        ),
        "round_trip_efficiency_50_cycle_life": _area(
            "RoundTripEnergyEfficiency", "RoundTripEnergyEfficiencyAt50PercentOfCycleLife"
        ),
        "initial_self_discharge_rate": _area("RoundTripEnergyEfficiency", "InitialSelfDischargingRate"),
        "internal_resistance_cell": ((*_RESISTANCE, "InitialInternalResistanceOnBatteryCellLevel"),),
        "internal_resistance_pack": ((*_RESISTANCE, "InitialInternalResistanceOnBatteryPackLevel"),),
        "internal_resistance_module": ((*_RESISTANCE, "InitialInternalResistanceOnBatteryModuleLevel"),),
        "expected_lifetime_cycles": ((*_LIFETIME, "ExpectedNumberOfCycles"),),
        "expected_lifetime_years": ((*_LIFETIME, "ExpectedLifetimeInCalendarYears"),),
        "c_rate_cycle_life_test": ((*_LIFETIME, "CRateOfRelevantCycleLifeTest"),),
        "capacity_threshold_exhaustion": ((*_LIFETIME, "CapacityThresholdExhaustion"),),
        "idle_temperature_min": _area("Temperature", "TemperatureRangeIdleState_LowerBoundary"),
        "idle_temperature_max": _area("Temperature", "TemperatureRangeIdleState_UpperBoundary"),
        "capacity_fade": _area("CapacityEnergyVoltage", "CapacityFade"),
        "power_fade": _area("PowerCapability", "PowerFade"),
        "internal_resistance_increase_pack": (
            (*_RESISTANCE, "InternalResistanceIncreaseOfBatteryPackLevel"),
        ),
        "internal_resistance_increase_cell": (
            (*_RESISTANCE, "InternalResistanceIncreaseOfBatteryCellLevel"),
        ),
        "internal_resistance_increase_module": (
            (*_RESISTANCE, "InternalResistanceIncreaseOfBatteryModuleLevel"),
        ),
        "round_trip_efficiency_fade": _area("RoundTripEnergyEfficiency", "EnergyRoundTripEfficiencyFade"),
        "state_of_certified_energy": _measured("StateOfCertifiedEnergy"),
        "remaining_energy": _measured("RemainingEnergy"),
        "remaining_capacity": _measured("RemainingCapacity"),
        "remaining_round_trip_efficiency": _measured("RemainingRoundTripEnergyEfficiency"),
        "self_discharge_rate_current": _measured("CurrentSelfDischargingRate"),
        "self_discharge_evolution": _measured("EvolutionOfSelfDischarge"),
        "state_of_charge": _measured("StateOfCharge"),
        "full_cycles": _measured("NumberOfFullCycles"),
        "energy_throughput": _measured("EnergyThroughput"),
        "capacity_throughput": _measured("CapacityThroughput"),
        "temperature": (("02035-5", "TemperatureInformation", "MeasuredTemp"),),
        "time_above_temperature": (("02035-5", "TemperatureInformation", "TimeExtremeHighTemp"),),
        "time_below_temperature": (("02035-5", "TemperatureInformation", "TimeExtremeLowTemp"),),
        "charging_time_above_temperature": (
            ("02035-5", "TemperatureInformation", "TimeExtremeHighTempCharging"),
        ),
        "charging_time_below_temperature": (
            ("02035-5", "TemperatureInformation", "TimeExtremeLowTempCharging"),
        ),
    }
)

# What the models behind the templates say about a unit, where the law says otherwise.
UNIT_TRAPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "remaining_capacity": "the model behind the template calls it kWh",
        "remaining_power_capability": "the model behind the template calls it %",
        "power_energy_ratio": "the model behind the template calls it %",
        "initial_self_discharge_rate": "the model behind the template says % without a time",
        "self_discharge_rate_current": "the model behind the template says % without a time",
        "internal_resistance_cell": "the template's own example is plainly in milliohm",
        "internal_resistance_pack": "the template's own example is plainly in milliohm",
        "internal_resistance_module": "the template's own example is plainly in milliohm",
    }
)


@dataclass(frozen=True)
class Filed:
    """How the documents of one attribute are filed.

    Attributes:
        of_class: class of VDI 2770 and its English name.
        place: the list of document identifiers that names them; None where part 2 alone holds them.
        member: of the nested value, the member that is a document; empty where the value is the document.
    """

    of_class: tuple[str, str]
    place: Place | None = None
    member: str = ""


_CERTIFICATES: Final = ("02-04", "Certificates, declarations")
_OPERATION: Final = ("03-02", "Operation")
_SAFETY: Final = ("03-03", "General safety")
_DRAWINGS: Final = ("02-02", "Drawings, plans")
_REPAIR: Final = ("03-05", "Repair")
_DISMANTLING: Final = ("02035-7", "DismantlingAndRemovalInformation")

# Several attributes may share a list; which document is whose stands in the document's classification.
FILED: Final[Mapping[str, Filed]] = MappingProxyType(
    {
        "carbon_footprint_label": Filed(_CERTIFICATES),
        "eu_declaration_of_conformity": Filed(_CERTIFICATES, ("02035-1", "EUDeclarationOfConformity")),
        "test_reports": Filed(_CERTIFICATES, ("02035-1", "ResultsOfTestReportsProvingCompliance")),
        "instructions_for_use": Filed(_OPERATION),
        "cf_study_url": Filed(
            _CERTIFICATES, ("02035-3", "ProductCarbonFootprints", "WebLinkToPublicCarbonFootprintStudy")
        ),
        "cf_declaration_url": Filed(_CERTIFICATES),
        "due_diligence_report_url": Filed(_CERTIFICATES),
        "third_party_assurances": Filed(_CERTIFICATES),
        "dismantling_manuals": Filed(_REPAIR, _DISMANTLING),
        "dismantling_exploded_diagrams": Filed(_DRAWINGS, _DISMANTLING, "document"),
        "dismantling_sequences": Filed(_REPAIR, _DISMANTLING, "document"),
        "dismantling_fasteners": Filed(_REPAIR, _DISMANTLING, "document"),
        "dismantling_tools": Filed(_REPAIR, _DISMANTLING, "document"),
        "dismantling_warnings": Filed(_SAFETY, _DISMANTLING, "document"),
        "safety_measures": Filed(_SAFETY, ("02035-7", "SafetyMeasures", "SafetyInstructions")),
        "safe_discharging_instructions": Filed(_SAFETY),
        "recycled_content_document": Filed(_CERTIFICATES),
        "waste_prevention_info": Filed(_SAFETY, ("02035-7", "EndOfLifeInformation", "WastePrevention")),
        "separate_collection_info": Filed(_SAFETY, ("02035-7", "EndOfLifeInformation", "SeparateCollection")),
        "collection_and_treatment_info": Filed(
            _SAFETY, ("02035-7", "EndOfLifeInformation", "InformationOnCollection")
        ),
        "waste_safety_instructions": Filed(_SAFETY),
    }
)
VDI_2770: Final = "VDI2770:2020"
OWN_CLASSES: Final = "Cellpass registry"  # its class identifiers are the attributes' own

# The four stages of the law as the template's value list spells them. Source: IDTA 02035-3-1-0.
STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cf_raw_material": "A1 - raw material supply (and upstream production)",
        "cf_production": "A3 - production",
        "cf_distribution": "A4 - transport to final destination",
        "cf_end_of_life": "C3 - recycling, waste treatment",
    }
)
METALS: Final[Mapping[str, str]] = MappingProxyType(
    {"cobalt": "Cobalt", "lithium": "Lithium", "nickel": "Nickel", "lead": "Lead"}
)
HAZARD_CLASSES: Final = ("AcuteToxicity", "SkinCorrosionOrIrritation", "EyeDamageOrIrritation")
SEPARATE_COLLECTION: Final = "Separate collection symbol"
CE: Final = "CE marking"

_SUM: Final = "part 7 has the shares before and after consumers; the law's figure is their sum"
# Why there is no place, where more can be said than that.
NO_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "model_identifier": "part 4 dropped the article number in version 1.0.1, and no other part has one",
        "predecessor_passport_ids": "no part links a passport to those of the original batteries",
        "successor_passport_ids": "no part links a passport to those that follow it",
        "cycle_life_reference_test": "part 4 dropped the element in version 1.0.1",
        "idle_temperature_reference_test": "part 4 has the range without its test",
        "ohmic_resistance": "part 5 leaves out the fifth value of Annex VII A",
        "internal_resistance_current": "part 4 has its increase, no part the resistance of today",
        "power": "part 4 has its fade, no part the power of today",
        "rated_capacity_redetermined": "part 4 has the fade, no part the capacity found again",
        "round_trip_efficiency_current": "part 4 has its fade, no part the efficiency of today",
        "accidents": "part 5 takes identifiers of documents, no words",
        "deep_discharge_count": "part 5 lists events in words and counts none",
        "overcharge_count": "part 5 lists events in words and counts none",
        "hazardous_substance_impacts": "part 6 has impacts of single substances alone",
        "cf_total_service_energy": "part 3 wants 1 as the quantity, whatever the unit",
        "recycled_cobalt_share": _SUM,
        "recycled_lithium_share": _SUM,
        "recycled_nickel_share": _SUM,
        "recycled_lead_share": _SUM,
        "manufacturing_place": "the address in part 1 is the manufacturer's, not the plant's",
        "expected_lifetime_cycles_current": "part 4 has the statement of the model alone",
        "expected_lifetime_years_current": "part 4 has the statement at placing on the market alone",
    }
)
