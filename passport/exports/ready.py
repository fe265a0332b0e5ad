"""BatteryPass-Ready 1.0: one document, whose demands differ between five categories of battery.

The fifth category, industrial without a battery management system, is ours by `industrial_subtype`.

Source: facts of the five category schemas of June 2026 (longlist 1.3): names, demands, types, ranges. Its
units are part of the document, and their names change capitals from field to field.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from passport.errors import InputRefused
from passport.exports import foreign_json
from passport.exports.exact_json import dumps
from passport.exports.format import Brought, Exported, Subject, Why
from passport.exports.places import (
    ADDRESS,
    COUNT,
    DAY,
    MOMENT,
    NOT_STATED,
    NOT_STATED_ADDRESS,
    NUMBER,
    SAME,
    SHARE,
    First,
    Joined,
    Listener,
    MonthAsDay,
    Place,
    Sheet,
    Turn,
    Whole,
    Words,
    address_text,
    is_address,
    text_address,
    whole,
)
from passport.exports.words import CHEMISTRIES_READ, country_code, months_after, warranty_ends
from schemas.terms import Category

TITLE: Final = "BatteryPass-Ready 1.0"

_ROOT: Final = "Battery_Passport"
_DATA: Final = f"{_ROOT}.IdentifiersAndProductData"
_PERFORMANCE: Final = f"{_ROOT}.PerformanceAndDurability"
_FOOTPRINT: Final = f"{_ROOT}.BatteryCarbonFootprint"
_MATERIALS: Final = f"{_ROOT}.BatteryMaterialsAndComposition"
_CIRCULARITY: Final = f"{_ROOT}.CircularityAndResourceEfficiency"
_SOURCING: Final = f"{_ROOT}.SupplyChainDueDiligence"
_LABELS: Final = f"{_ROOT}.SymbolsLabelsAndDocumentationOfConformity"

# Letters of the five categories in the table below.
_CATEGORY_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E": "electric vehicle battery",
        "L": "LMT battery",
        "O": "industrial/non-stationary battery",
        "S": "industrial/stationary battery",
        "N": "industrial battery without BMS",
    }
)
_LETTERS: Final[Mapping[Category, str]] = MappingProxyType(
    {Category.EV: "E", Category.LMT: "L", Category.INDUSTRIAL: "O", Category.STATIONARY: "S"}
)
_OF_LETTER: Final[Mapping[str, str]] = MappingProxyType(
    {"E": "ev", "L": "lmt", "O": "industrial", "S": "stationary", "N": "industrial"}
)
_ALL: Final = "ELOSN"


class _Row:
    """A place together with the categories that demand it and those that have it at all."""

    def __init__(self, place: Place, demanded: str = _ALL, free: str = "") -> None:
        self.place = place
        self.demanded = demanded
        self.known = demanded + free

    def for_letter(self, letter: str) -> Place:
        """The place as that category demands it."""
        one = self.place
        return Place(
            one.attribute,
            one.path,
            one.turn,
            demanded=letter in self.demanded,
            claim=one.claim,
            beside=one.beside,
            why=one.why,
            note=one.note,
            doubt=one.doubt,
        )


def _row(
    attribute: str, path: str, turn: Turn = SAME, demanded: str = _ALL, free: str = "", **more: Any
) -> _Row:
    return _Row(Place(attribute, path, turn, **more), demanded, free)


def _with_unit(
    attribute: str,
    path: str,
    names: tuple[str, str, str],
    turn: Turn,
    demanded: str = _ALL,
    free: str = "",
    **more: Any,
) -> _Row:
    """A value with its unit beside it: name of the value, name of the unit, the unit."""
    value, unit, symbol = names
    return _row(attribute, f"{path}.{value}", turn, demanded, free, beside={unit: symbol}, **more)


_PERCENT: Final = ("percentageValue", "percent", "%")
_PER_MONTH: Final = ("percentMonthValue", "percentMonth", "%/month")
_AMPERE_HOURS: Final = ("amperehourMiliamperehourValue", "ampereHourMiliamperehour", "Ah")
_KILOWATT_HOURS: Final = ("kilowattHourValue", "kilowattHour", "kWh")
_VOLTS: Final = ("voltValue", "volt", "V")
_WATTS: Final = ("wattValue", "watt", "W")
_CELSIUS: Final = ("celsiusValue", "degreeCelsius", "°C")
_FOOTPRINTS: Final = (
    "kgCO2-equivalentPerKilowattHourValue",
    "kgCO2-equivalentPerKilowattHour",
    "kgCO2-eq/kWh",
)

_STATUS: Final = Words(
    MappingProxyType(
        {word: word for word in ("original", "re-used", "remanufactured", "repurposed", "waste")}
    )
)
_PASSPORT_STATUS: Final = Words(
    MappingProxyType({word: word for word in ("Active", "Archived", "Inactive", "Marked-for-deletion")})
)

_ROWS: Final = (
    # identifiers and product data
    _row("dpp_schema_version", f"{_DATA}.DPPSchemaVersion"),
    _row("dpp_status", f"{_DATA}.DPPStatus.dppStatusValue", _PASSPORT_STATUS),
    _row("dpp_granularity", f"{_DATA}.DPPGranularity"),
    _row("dpp_last_updated_at", f"{_DATA}.Date-timeOfLatestUpdateOfDPP", MOMENT),
    _row("model_identifier", f"{_DATA}.BatteryModelIdentifier"),
    _row("serial_number", f"{_DATA}.BatterySerialNumber"),
    _row("manufacturer_identifier", f"{_DATA}.UniqueManufacturerIdentifier"),
    _row("facility_identifier", f"{_DATA}.UniqueFacilityIdentifier"),
    _row("manufacturing_date", f"{_DATA}.ManufacturingDate", MonthAsDay(), "ELOS"),
    _row("putting_into_service_date", f"{_DATA}.DateOfPuttingTheBatteryIntoService", DAY, "LS", "EO"),
    _with_unit("battery_mass", f"{_DATA}.BatteryMass", ("gramKgValue", "gramKg", "kg"), NUMBER),
    _row("battery_status", f"{_DATA}.BatteryStatus.batteryStatusValues", _STATUS),
    # performance
    _with_unit("remaining_capacity", f"{_PERFORMANCE}.RemainingCapacity", _AMPERE_HOURS, Whole(), "LS", "EO"),
    _with_unit("capacity_fade", f"{_PERFORMANCE}.CapacityFade", _PERCENT, SHARE),
    _with_unit(
        "certified_usable_energy",
        f"{_PERFORMANCE}.CertifiedUsableBatteryEnergy",
        _KILOWATT_HOURS,
        Whole(above_zero=True),
        "",
        "E",
    ),
    _with_unit(
        "remaining_energy", f"{_PERFORMANCE}.RemainingUsableBatteryEnergy", _KILOWATT_HOURS, Whole(), "", "E"
    ),
    _with_unit(
        "state_of_certified_energy", f"{_PERFORMANCE}.StateOfCertifiedEnergySOCE", _PERCENT, SHARE, "E"
    ),
    _with_unit("state_of_charge", f"{_PERFORMANCE}.StateOfChargeSoC", _PERCENT, SHARE),
    _with_unit("minimum_voltage", f"{_PERFORMANCE}.MinimumVoltage", _VOLTS, NUMBER),
    _with_unit("maximum_voltage", f"{_PERFORMANCE}.MaximumVoltage", _VOLTS, NUMBER),
    _with_unit("nominal_voltage", f"{_PERFORMANCE}.NominalVoltage", _VOLTS, NUMBER),
    _with_unit("power_fade", f"{_PERFORMANCE}.PowerFade", _PERCENT, SHARE),
    _with_unit("maximum_permitted_power", f"{_PERFORMANCE}.MaximumPermittedBatteryPower", _WATTS, Whole()),
    _with_unit(
        "power_energy_ratio",
        f"{_PERFORMANCE}.RatioBetweenNominalBatteryPowerAndBatteryEnergy",
        ("wattPerWattHourValue", "wattPerWattHour", "W/Wh"),
        Whole(above_zero=True),
        "",
        _ALL,
    ),
    _with_unit(
        "initial_round_trip_efficiency", f"{_PERFORMANCE}.InitialRoundTripEnergyEfficiency", _PERCENT, SHARE
    ),
    _with_unit(
        "round_trip_efficiency_50_cycle_life",
        f"{_PERFORMANCE}.RoundTripEnergyEfficiencyAt50OfCycleLife",
        _PERCENT,
        SHARE,
    ),
    _with_unit(
        "round_trip_efficiency_fade", f"{_PERFORMANCE}.EnergyRoundTripEfficiencyFade", _PERCENT, SHARE
    ),
    _with_unit(
        "internal_resistance_pack",
        f"{_PERFORMANCE}.InitialInternalResistanceOfBatteryCellAndPackModuleRecommended",
        ("ohmValue", "ohm", "Ohm"),
        Whole(above_zero=True),
        "ELOS",
    ),
    _with_unit(
        "internal_resistance_increase_pack",
        f"{_PERFORMANCE}.InternalResistanceIncreaseOfPackCellAndModuleRecommended",
        _PERCENT,
        SHARE,
        "ELOS",
    ),
    _row("expected_lifetime_years", f"{_PERFORMANCE}.ExpectedLifetimeInCalendarYears", NUMBER),
    _row(
        "expected_lifetime_cycles", f"{_PERFORMANCE}.ExpectedLifetime-NumberOfCharge-dischargeCycles", COUNT
    ),
    _row("full_cycles", f"{_PERFORMANCE}.NumberOfFullChargingAndDischargingCycles", COUNT, "ELOS"),
    _row("cycle_life_reference_test", f"{_PERFORMANCE}.Cycle-lifeReferenceTest", Joined()),
    _with_unit(
        "c_rate_cycle_life_test",
        f"{_PERFORMANCE}.C-rateOfRelevantCycle-lifeTest",
        ("amperePerAmpereHourValue", "amperePerAmpereHour", "A/Ah"),
        NUMBER,
    ),
    _with_unit(
        "capacity_threshold_exhaustion",
        f"{_PERFORMANCE}.CapacityThresholdForExhaustion",
        _PERCENT,
        SHARE,
        "E",
    ),
    _with_unit("temperature", f"{_PERFORMANCE}.TemperatureInformation", _CELSIUS, Whole()),
    _with_unit(
        "idle_temperature_min", f"{_PERFORMANCE}.TemperatureRangeIdleStateLowerBoundary", _CELSIUS, Whole()
    ),
    _with_unit(
        "idle_temperature_max", f"{_PERFORMANCE}.TemperatureRangeIdleStateUpperBoundary", _CELSIUS, Whole()
    ),
    _row("deep_discharge_count", f"{_PERFORMANCE}.NumberOfDeepDischargeEvents", COUNT, "LS", "EO"),
    _row("overcharge_count", f"{_PERFORMANCE}.NumberOfOverchargeEvents", COUNT, "", "ELOS"),
    _with_unit(
        "remaining_round_trip_efficiency",
        f"{_PERFORMANCE}.RemainingRoundTripEnergyEfficiency",
        _PERCENT,
        SHARE,
        "LS",
    ),
    _with_unit(
        "initial_self_discharge_rate",
        f"{_PERFORMANCE}.InitialSelf-dischargeRate",
        _PER_MONTH,
        SHARE,
        "",
        "LS",
    ),
    _with_unit(
        "self_discharge_rate_current",
        f"{_PERFORMANCE}.CurrentSelf-dischargeRate",
        _PER_MONTH,
        SHARE,
        "",
        "LS",
    ),
    _with_unit(
        "self_discharge_evolution", f"{_PERFORMANCE}.EvolutionOfSelf-dischargeRates", _PERCENT, SHARE, "LS"
    ),
    _with_unit("energy_throughput", f"{_PERFORMANCE}.EnergyThroughput", _KILOWATT_HOURS, NUMBER, "LS"),
    _with_unit(
        "capacity_throughput",
        f"{_PERFORMANCE}.CapacityThroughput",
        ("amperehourMiliamperehourValue", "amperehourMiliamperehour", "Ah"),
        NUMBER,
        "LS",
    ),
    _row(
        "time_above_temperature", f"{_PERFORMANCE}.TimeSpentInExtremeTemperaturesAboveBoundary", COUNT, "LS"
    ),
    _row(
        "time_below_temperature", f"{_PERFORMANCE}.TimeSpentInExtremeTemperaturesBelowBoundary", COUNT, "LS"
    ),
    _row(
        "charging_time_above_temperature",
        f"{_PERFORMANCE}.TimeSpentChargingDuringExtremeTemperaturesAboveBoundary",
        COUNT,
        "LS",
    ),
    _row(
        "charging_time_below_temperature",
        f"{_PERFORMANCE}.TimeSpentChargingDuringExtremeTemperaturesBelowBoundary",
        COUNT,
        "LS",
    ),
    # carbon footprint
    _with_unit(
        "cf_raw_material",
        f"{_FOOTPRINT}.ContributionOfRawMaterialAcquisitionAndPre-processingLifecycleStage",
        _FOOTPRINTS,
        NUMBER,
        claim=True,
    ),
    _with_unit(
        "cf_total", f"{_FOOTPRINT}.BatteryCarbonFootprintPerFunctionalUnit", _FOOTPRINTS, NUMBER, claim=True
    ),
    _with_unit(
        "cf_production",
        f"{_FOOTPRINT}.ContributionOfMainProductProductionLifecycleStage",
        _FOOTPRINTS,
        NUMBER,
        claim=True,
    ),
    _with_unit(
        "cf_distribution",
        f"{_FOOTPRINT}.ContributionOfDistributionLifecycleStage",
        _FOOTPRINTS,
        NUMBER,
        claim=True,
    ),
    _with_unit(
        "cf_end_of_life",
        f"{_FOOTPRINT}.ContributionOfEndOfLifeAndRecyclingLifecycleStage",
        _FOOTPRINTS,
        NUMBER,
        claim=True,
    ),
    _row("cf_performance_class", f"{_FOOTPRINT}.CarbonFootprintPerformanceClass", claim=True),
    _row("cf_study_url", f"{_FOOTPRINT}.WebLinkToPublicCarbonFootprintStudy", ADDRESS, claim=True),
    _with_unit(
        "cf_absolute",
        f"{_FOOTPRINT}.AbsoluteBatteryCarbonFootprint",
        ("kgCO2-equivalentValue", "kgCO2-equivalent", "kgCO2-eq"),
        Whole(),
        "",
        _ALL,
    ),
    # materials
    _row(
        "hazardous_substance_impacts",
        f"{_MATERIALS}.ImpactOfSubstancesOnEnvironmentHumanHealthSafetyPersons",
        Joined(),
    ),
    # circularity
    _row(
        "dismantling_manuals",
        f"{_CIRCULARITY}.DismantlingInformation-ManualsForTheRemovalAndTheDisassemblyOfTheBatteryPack",
        First(ADDRESS),
    ),
    _row("safety_measures", f"{_CIRCULARITY}.SafetyMeasures", First(ADDRESS)),
    *(
        _with_unit(
            f"{part.lower()}_consumer_recycled_{metal.lower()}_share",
            f"{_CIRCULARITY}.{part}-consumerRecycled{metal}Share",
            _PERCENT,
            SHARE,
            claim=True,
        )
        for part in ("Pre", "Post")
        for metal in ("Nickel", "Cobalt", "Lithium")
    ),
    _with_unit("recycled_lead_share", f"{_CIRCULARITY}.RecycledLeadShare", _PERCENT, SHARE, claim=True),
    _with_unit("renewable_content_share", f"{_CIRCULARITY}.RenewableContentShare", _PERCENT, SHARE),
    _row(
        "waste_prevention_info",
        f"{_CIRCULARITY}.InformationOnTheRoleOfEnd-usersInContributingToWastePrevention",
        ADDRESS,
    ),
    _row(
        "separate_collection_info",
        f"{_CIRCULARITY}.InformationOnTheRoleOfEnd-usersInContributingToTheSeparateCollectionOfWasteBatteries",
        ADDRESS,
    ),
    _row(
        "collection_and_treatment_info",
        f"{_CIRCULARITY}.InformationOnBatteryCollectionPreparationForSecondLifeAndOnTreatmentAtEndOfLife",
        ADDRESS,
    ),
    # due diligence
    _row("due_diligence_report_url", f"{_SOURCING}.InformationOfDueDiligenceReport", ADDRESS, claim=True),
    _row(
        "third_party_assurances", f"{_SOURCING}.ThirdPartyAssurancesOfRecognisedSchemes", Joined(), "", _ALL
    ),
    # labels and conformity
    _row("separate_collection_symbol", f"{_LABELS}.SeparateCollectionSymbol", ADDRESS),
    _row("carbon_footprint_label", f"{_LABELS}.CarbonFootprintLabel", ADDRESS, claim=True),
    _row("eu_declaration_of_conformity", f"{_LABELS}.EUDeclarationOfConformity", ADDRESS),
    _row("test_reports", f"{_LABELS}.ResultsOfTestReportsProvingCompliance", First(ADDRESS)),
)
PLACES: Final = tuple(row.place for row in _ROWS)

_NO_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "predecessor_passport_ids": "the format cannot name the passports of the original batteries",
        "waste_safety_instructions": "the format has no public safety text for waste batteries",
        "idle_temperature_reference_test": "the format has no reference test for the idle temperature range",
        "internal_resistance_cell": "the format holds one resistance: that of the pack stands there",
        "internal_resistance_module": "the format holds one resistance: that of the pack stands there",
        "internal_resistance_increase_cell": "the format holds one increase: that of the pack stands there",
        "internal_resistance_increase_module": "the format holds one increase: that of the pack stands there",
        "ohmic_resistance": "the format has no ohmic resistance",
        "negative_events": "the format counts deep discharges and overcharges alone",
        **{
            f"recycled_{metal}_share": "the format wants two parts, before and after the consumer"
            for metal in ("cobalt", "lithium", "nickel")
        },
        **{
            f"{part}_consumer_recycled_lead_share": "the format wants one share of lead"
            for part in ("pre", "post")
        },
    }
)
_RANGES: Final = (
    (
        "voltage_temperature_range",
        tuple(f"{_PERFORMANCE}.{name}" for name in ("MinimumVoltage", "MaximumVoltage", "NominalVoltage")),
    ),
    (
        "power_temperature_range",
        tuple(
            f"{_PERFORMANCE}.{name}" for name in ("OriginalPowerCapability", "MaximumPermittedBatteryPower")
        ),
    ),
)
_RATED: Final = f"{_PERFORMANCE}.RatedCapacity"
_WARRANTY: Final = f"{_DATA}.WarrantyPeriodOfTheBattery"
_PARTIES: Final = (("operator", "EconomicOperatorInformation"), ("manufacturer", "ManufacturerInformation"))
_POINTS: Final = (("80", "wattValueAt80SoC"), ("20", "wattValueAt20SoC"))


# -------------------------------------------------------------------------------------------------- writing


def export(subject: Subject) -> Exported:
    """The document of the battery's category."""
    sheet = Sheet(subject, TITLE)
    letter = _LETTERS[subject.category]
    if letter == "O" and sheet.value("industrial_subtype") == "without_bms":
        letter = "N"
    _write_identity(sheet, letter)
    for row in _ROWS:
        if letter in row.known:
            sheet.place([row.for_letter(letter)])
        elif sheet.value(row.place.attribute) is not None:
            sheet.say(
                row.place.attribute,
                Why.NO_PLACE,
                "",
                f"the format has it for other categories, not for {_CATEGORY_WORDS[letter]}",
            )
    _write_capacity(sheet)
    _write_power(sheet, letter)
    _write_ranges(sheet)
    _write_materials(sheet, letter)
    _write_circularity(sheet)
    _write_labels(sheet)
    losses = sheet.close(_NO_PLACE)
    return Exported(dumps(sheet.root), "application/json", ".ready.json", losses)


def _write_identity(sheet: Sheet, letter: str) -> None:
    subject = sheet.subject
    sheet.put(
        f"{_DATA}.UniqueBatteryPassportIdentifierUniqueDPPIdentifier", subject.passport_url, "passport_id"
    )
    sheet.put(f"{_DATA}.UniqueBatteryIdentifierUniqueProductIdentifier", subject.identifier_url, "battery_id")
    sheet.put(f"{_DATA}.BatteryCategory.batteryCategoryValue", _CATEGORY_WORDS[letter], "battery_category")
    subtype = sheet.value("industrial_subtype")
    if subtype is not None and (letter, subtype) in (("N", "without_bms"), ("S", "stationary")):
        sheet.put(
            f"{_DATA}.BatteryCategory.batteryCategoryValue", _CATEGORY_WORDS[letter], "industrial_subtype"
        )
    elif subtype is not None:
        sentence = "the format parts stationary, without a management system, and all others"
        sheet.say("industrial_subtype", Why.CUT, f"{_DATA}.BatteryCategory", sentence)
    path = f"{_DATA}.UniqueEconomicOperatorIdentifier"
    if sheet.value("operator_identifier") is not None:
        sheet.put(path, sheet.value("operator_identifier"), "operator_identifier")
    else:
        sheet.put(path, subject.operator_did)
        sheet.say(
            "operator_identifier", Why.RESPELT, path, "this view states none: the operator's DID stands there"
        )
    for role, member in _PARTIES:
        _write_party(sheet, role, f"{_DATA}.{member}")
    place = sheet.value("manufacturing_place")
    path = f"{_DATA}.ManufacturingPlace"
    if place is None:
        sheet.demand(path, NOT_STATED, "manufacturing_place")
    else:
        parts = [place[name] for name in ("plant", "town", "country") if place.get(name)]
        sheet.put(path, ", ".join(parts), "manufacturing_place")
        if _place(", ".join(parts)) != place:
            sheet.say("manufacturing_place", Why.RESPELT, path, "it stands in one text")
    _write_warranty(sheet)


def _write_party(sheet: Sheet, role: str, path: str) -> None:
    name, address = sheet.value(f"{role}_name"), sheet.value(f"{role}_address")
    trade = "registeredTradeNameOrRegisteredTrademark"
    if name is None:
        sheet.demand(f"{path}.name", NOT_STATED, f"{role}_name")
        sheet.demand(f"{path}.{trade}", NOT_STATED, f"{role}_name")
    else:
        sheet.put(f"{path}.name", name, f"{role}_name")
        sheet.put(f"{path}.{trade}", name)
        sheet.say(
            f"{role}_name",
            Why.MADE_UP,
            f"{path}.{trade}",
            "a trade name or mark is demanded and none is stated: the name stands there again",
        )
    if address is None:
        sheet.demand(f"{path}.postalAddress", NOT_STATED, f"{role}_address")
    else:
        text = ", ".join(
            address[member] for member in ("street", "postal_code", "town", "country") if address.get(member)
        )
        sheet.put(f"{path}.postalAddress", text, f"{role}_address")
        if _address(text) != address:
            sheet.say(f"{role}_address", Why.RESPELT, f"{path}.postalAddress", "it stands in one text")
    if role == "manufacturer":
        members = (("webAddress", "web"), ("e-mailAddress", "email"))
        for member, ours in members:
            if sheet.value(f"manufacturer_{ours}") is not None:
                sheet.put(f"{path}.{member}", sheet.value(f"manufacturer_{ours}"), f"manufacturer_{ours}")
        return
    contact = sheet.value("operator_contact") or {}
    for member, ours in (("webAddress", "web"), ("e-mailAddress", "email")):
        if contact.get(ours):
            sheet.put(f"{path}.{member}", contact[ours], "operator_contact")
            sheet.say("operator_contact", Why.CUT, path, "the format holds web and e-mail address alone")


def _write_warranty(sheet: Sheet) -> None:
    months = sheet.value("warranty_period")
    end = warranty_ends(sheet, months) if months is not None else None
    if end is None:
        if months is not None:
            sentence = "a day is wanted: to count one, the day or month at which it began is needed"
            sheet.say("warranty_period", Why.NO_PLACE, _WARRANTY, sentence)
        sheet.demand(_WARRANTY, DAY.mark, "warranty_period")
        return
    sheet.put(_WARRANTY, end.day.isoformat(), "warranty_period")
    sentence = f"its last day is wanted instead of {months} months: they are counted from {end.start}"
    sheet.say("warranty_period", Why.MADE_UP if end.guessed else Why.RESPELT, _WARRANTY, sentence)


def _write_capacity(sheet: Sheet) -> None:
    """In Ah; in mAh where that saves it from being rounded."""
    value = sheet.value("rated_capacity")
    if value is None:
        unit = {_AMPERE_HOURS[1]: _AMPERE_HOURS[2]}
        sheet.demand(f"{_RATED}.{_AMPERE_HOURS[0]}", Whole().mark, "rated_capacity", unit)
        return
    number, unit_word = Decimal(value), "Ah"
    if whole(number) != number:
        number, unit_word = number * 1000, "mAh"
    near = whole(number)
    sheet.put(f"{_RATED}.{_AMPERE_HOURS[0]}", near, "rated_capacity")
    sheet.put(f"{_RATED}.{_AMPERE_HOURS[1]}", unit_word)
    if near != number:
        sheet.say(
            "rated_capacity", Why.ROUNDED, _RATED, f"whole mAh are wanted: {value} Ah became {near} mAh"
        )


def _write_power(sheet: Sheet, letter: str) -> None:
    for attribute, name, demanded in (
        ("original_power_capability", "OriginalPowerCapability", True),
        ("remaining_power_capability", "RemainingPowerCapability", letter in "LS"),
    ):
        path = f"{_PERFORMANCE}.{name}"
        points = sheet.value(attribute) or []
        if letter == "N" and not demanded:
            if points:
                sheet.say(attribute, Why.NO_PLACE, "", "the format has it for other categories")
            continue
        found = {
            level: next((one for one in points if Decimal(one["state_of_charge"]) == Decimal(level)), None)
            for level, _ in _POINTS
        }
        if not any(found.values()):
            if points:
                sheet.say(attribute, Why.NO_PLACE, path, "the format wants the power at 80 and at 20 % alone")
            if demanded:
                for _, member in _POINTS:
                    sheet.demand(f"{path}.{member}", Whole().mark, attribute, {"watt": "W"})
            continue
        for level, member in _POINTS:
            point = found[level]
            if point is None:
                sheet.demand(f"{path}.{member}", Whole().mark, attribute)
                continue
            turned = Whole().write(point["power"])
            sheet.put(f"{path}.{member}", turned.value, attribute)
            if turned.why is not None:
                sheet.say(attribute, turned.why, f"{path}.{member}", turned.sentence)
        sheet.put(f"{path}.watt", "W")
        if len(points) > sum(point is not None for point in found.values()) or any(
            one.get("duration_s") or one.get("temperature") for one in points
        ):
            sentence = "the format holds the power at 80 and at 20 %, without duration and temperature"
            sheet.say(attribute, Why.CUT, path, sentence)


def _write_ranges(sheet: Sheet) -> None:
    for attribute, paths in _RANGES:
        value = sheet.value(attribute)
        if value is None:
            continue
        upper, lower = (Whole().write(value[bound]) for bound in ("upper", "lower"))
        if upper.value == lower.value:
            sheet.say(
                attribute,
                Why.NO_PLACE,
                "",
                "in whole degrees, which the format forces, nothing is left of it",
            )
            continue
        for path in paths:
            if not sheet.has(path):
                continue
            for member, turned in (("Upper", upper), ("Lower", lower)):
                sheet.put(f"{path}.temperatureRange{member}Boundary", "°C")
                sheet.put(f"{path}.temperatureRange{member}BoundaryValue", turned.value, attribute)
                if turned.why is not None:
                    sheet.say(attribute, turned.why, path, turned.sentence)


def _write_materials(sheet: Sheet, letter: str) -> None:
    path = f"{_MATERIALS}.BatteryChemistry"
    chemistry, name = sheet.value("battery_chemistry"), sheet.value("battery_chemistry_name")
    if chemistry is None or (chemistry == "other" and name is None):
        sheet.demand(f"{path}.additionallyPossibleValue", NOT_STATED, "battery_chemistry")
        if chemistry is not None:
            sheet.say("battery_chemistry", Why.NO_PLACE, path, "`other` needs a name, and none is stated")
    elif chemistry == "other" or (letter == "N" and chemistry != "Pb"):
        sheet.put(f"{path}.additionallyPossibleValue", name or chemistry, "battery_chemistry")
        if name is not None:
            sheet.put(f"{path}.additionallyPossibleValue", name, "battery_chemistry_name")
        if letter == "N" and chemistry != "other":
            sheet.say("battery_chemistry", Why.RESPELT, path, "the format knows lead alone for this category")
    else:
        sheet.put(f"{path}.chemicalCodeValue", chemistry, "battery_chemistry")
        if name is not None:
            sheet.put(f"{path}.additionallyPossibleValue", name, "battery_chemistry_name")
    for attribute, member in (
        ("material_composition", "MaterialsUsedInCathodeAnodeAndElectrolyte"),
        ("hazardous_substances", "HazardousSubstances"),
        ("critical_raw_materials", "CriticalRawMaterials"),
    ):
        _write_sentence(sheet, attribute, f"{_MATERIALS}.{member}")


def _write_sentence(sheet: Sheet, attribute: str, path: str) -> None:
    """A list of structures as one text, which nobody can take apart again for sure."""
    entries = sheet.value(attribute)
    if entries is None:
        sheet.demand(path, NOT_STATED, attribute)
        return
    sheet.put(path, "; ".join(_said(one) for one in entries) or "none", attribute)
    if entries:
        sheet.say(attribute, Why.RESPELT, path, "one text is wanted for the whole list: it is not read back")


_UNITS: Final = MappingProxyType({"mass": " kg", "share": " % w/w", "concentration": " % w/w"})
_HEADS: Final = MappingProxyType({"cas_number": "CAS ", "list_version": "list ", "component": "in "})


def _said(one: Mapping[str, Any]) -> str:
    extra = [
        f"{_HEADS.get(name, '')}{value}{_UNITS.get(name, '')}"
        for name, value in one.items()
        if name not in ("name", "critical") and value is not None
    ]
    extra += ["critical"] if one.get("critical") else []
    return f"{one['name']} ({', '.join(extra)})" if extra else str(one["name"])


def _write_circularity(sheet: Sheet) -> None:
    path = f"{_CIRCULARITY}.PartNumbersForComponents"
    parts = sheet.value("part_numbers")
    if parts:
        text = "; ".join(f"{one['component']}: {one['part_number']}" for one in parts)
        sheet.put(path, text_address(text), "part_numbers")
        sheet.say(
            "part_numbers", Why.RESPELT, path, "an address is wanted: the part numbers stand in it as text"
        )
    else:
        sheet.demand(path, NOT_STATED_ADDRESS, "part_numbers")
    path = f"{_CIRCULARITY}.InformationOnSourcesOfSpareParts"
    sources = sheet.value("spare_part_sources")
    if not sources:
        sheet.demand(path, NOT_STATED_ADDRESS, "spare_part_sources")
        return
    web = next((one["web"] for one in sources if one.get("web")), None)
    sheet.put(path, web or text_address("; ".join(one["name"] for one in sources)), "spare_part_sources")
    sheet.say(
        "spare_part_sources",
        Why.CUT,
        path,
        "one address is wanted: what else is known of sources has no place",
    )


def _write_labels(sheet: Sheet) -> None:
    path = f"{_LABELS}.SymbolsForCadmiumAndLead"
    metals = sheet.value("cadmium_lead_symbols")
    if metals is None:
        sheet.demand(path, NOT_STATED_ADDRESS, "cadmium_lead_symbols")
    else:
        sheet.put(path, text_address(" ".join(metals) or "none"), "cadmium_lead_symbols")
        sheet.say(
            "cadmium_lead_symbols",
            Why.RESPELT,
            path,
            "an address is wanted, even of none: it says the symbols",
        )
    path = f"{_LABELS}.ExtinguishingAgent"
    agents = sheet.value("extinguishing_agent")
    if agents:
        turned = Joined().write(agents)
        sheet.put(f"{path}.extinguishingAgent", turned.value, "extinguishing_agent")
        if turned.why is not None:
            sheet.say("extinguishing_agent", turned.why, path, turned.sentence)
    else:
        sheet.demand(f"{path}.extinguishingAgent", NOT_STATED, "extinguishing_agent")
    path = f"{_LABELS}.MeaningOfLabelsAndSymbols"
    meanings = sheet.value("label_meaning")
    if meanings:
        language = "en" if any(one["language"] == "en" for one in meanings) else meanings[0]["language"]
        chosen = [one for one in meanings if one["language"] == language]
        sheet.put(path, "; ".join(f"{one['label']}: {one['text']}" for one in chosen), "label_meaning")
        sheet.say("label_meaning", Why.CUT, path, f"one text is wanted: that in the language {language}")
    else:
        sheet.demand(path, NOT_STATED, "label_meaning")
    indices = sheet.value("supply_chain_indices")
    if indices:
        path = f"{_SOURCING}.SupplyChainIndices"
        told = [f"{one['name']}: {one['value']}" for one in indices]
        sheet.put(path, "; ".join(told), "supply_chain_indices")
        sheet.say(
            "supply_chain_indices",
            Why.RESPELT,
            path,
            "one text is wanted, without scales: it is not read back",
        )
    path = f"{_PERFORMANCE}.InformationOnAccidents"
    accidents = sheet.value("accidents")
    if accidents is None:
        sheet.demand(path, NOT_STATED_ADDRESS, "accidents")
        return
    told = [", ".join(str(value) for value in one.values() if value) for one in accidents]
    sheet.put(path, text_address("; ".join(told) or "none"), "accidents")
    sheet.say("accidents", Why.RESPELT, path, "an address is wanted, even of none: the text stands in it")


# -------------------------------------------------------------------------------------------------- reading


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the content says enough
    """Whether the document stands below `Battery_Passport`."""
    try:
        value = foreign_json.parse(data)
    except InputRefused:
        return False
    return isinstance(value, dict) and isinstance(value.get(_ROOT), dict)


def read(data: bytes) -> Brought:
    """What the document says.

    Raises:
        InputRefused: it does not stand below `Battery_Passport`; damaged, or out of all proportion.
    """
    value = foreign_json.parse(data)
    if not isinstance(value, dict) or not isinstance(value.get(_ROOT), dict):
        raise InputRefused(f"expected a document of {TITLE}, which stands below {_ROOT!r}; found none")
    listener = Listener(value)
    _read_identity(listener)
    _read_capacity(listener)
    listener.take(PLACES)
    _read_power(listener)
    _read_ranges(listener)
    _read_materials(listener)
    _read_circularity(listener)
    _read_labels(listener)
    return listener.close(listener.get(f"{_DATA}.UniqueBatteryIdentifierUniqueProductIdentifier"))


def _read_identity(listener: Listener) -> None:
    path = f"{_DATA}.UniqueBatteryPassportIdentifierUniqueDPPIdentifier"
    if listener.get(path) is not None:
        listener.lose("passport_id", path, "the service names its passports itself")
    path = f"{_DATA}.BatteryCategory.batteryCategoryValue"
    word = listener.get(path)
    letter = next((one for one, said in _CATEGORY_WORDS.items() if said == word), None)
    listener.bring("battery_category", _OF_LETTER[letter] if letter else word, path)
    if letter in ("S", "N"):
        listener.bring("industrial_subtype", "stationary" if letter == "S" else "without_bms", path)
    path = f"{_DATA}.UniqueEconomicOperatorIdentifier"
    listener.bring("operator_identifier", listener.get(path), path)
    for role, member in _PARTIES:
        _read_party(listener, role, f"{_DATA}.{member}")
    path = f"{_DATA}.ManufacturingPlace"
    where = listener.get(path)
    place = _place(where) if isinstance(where, str) else None
    if place is not None:
        listener.bring("manufacturing_place", place, path)
    elif where is not None:
        listener.lose("manufacturing_place", path, "expected a text that ends in a country we know")
    _read_warranty(listener)


def _read_party(listener: Listener, role: str, path: str) -> None:
    name = listener.get(f"{path}.name")
    listener.bring(f"{role}_name", name, f"{path}.name")
    trade = listener.get(f"{path}.registeredTradeNameOrRegisteredTrademark")
    if trade is not None and trade != name:
        listener.lose(f"{role}_name", path, f"the trade name {str(trade)[:80]!r} has no row of its own")
    text = listener.get(f"{path}.postalAddress")
    address = _address(text) if isinstance(text, str) else None
    if address is not None:
        listener.bring(f"{role}_address", address, f"{path}.postalAddress")
    elif text is not None:
        listener.lose(
            f"{role}_address", f"{path}.postalAddress", "expected a text that ends in town and country"
        )
    web, email = listener.get(f"{path}.webAddress"), listener.get(f"{path}.e-mailAddress")
    if role == "manufacturer":
        listener.bring("manufacturer_web", web, f"{path}.webAddress")
        listener.bring("manufacturer_email", email, f"{path}.e-mailAddress")
    else:
        listener.bring_contact("operator_contact", name, email, web, path)


def _address(text: str) -> dict[str, str] | None:
    """Street, postal code, town and country of one text; None where it does not end in town and country."""
    parts = [one.strip() for one in text.split(",")]
    country = country_code(parts[-1])
    if country is None or len(parts) < 2 or not all(parts):
        return None
    address = {"town": parts[-2], "country": country}
    rest = parts[:-2]
    if rest and re.fullmatch(r"[A-Z0-9][A-Z0-9 -]{1,11}", rest[-1]) and any(c.isdigit() for c in rest[-1]):
        address["postal_code"] = rest.pop()
    if rest:
        address["street"] = ", ".join(rest)
    return address


def _place(text: str) -> dict[str, str] | None:
    """Plant, town and country of one text; None where it does not end in a country."""
    parts = [one.strip() for one in text.split(",")]
    country = country_code(parts[-1])
    if country is None or not all(parts):
        return None
    place = {"country": country}
    if len(parts) > 1:
        place["town"] = parts[-2]
    if len(parts) > 2:
        place["plant"] = ", ".join(parts[:-2])
    return place


def _read_warranty(listener: Listener) -> None:
    """The months between the end and the day it was counted from, where they are whole."""
    end = _day(listener.get(_WARRANTY))
    if listener.get(_WARRANTY) is None:
        return
    service = _day(listener.get(f"{_DATA}.DateOfPuttingTheBatteryIntoService"))
    start = service or _day(listener.get(f"{_DATA}.ManufacturingDate"))
    if start is not None and end is not None:
        months = (end.year - start.year) * 12 + end.month - start.month
        if months > 0 and months_after(start, months) == end:
            listener.bring("warranty_period", months, _WARRANTY)
            sentence = f"the format holds its last day: {months} months were counted from {start}"
            listener.lose("warranty_period", _WARRANTY, sentence, Why.RESPELT)
            return
    listener.lose(
        "warranty_period", _WARRANTY, "its last day alone, without a beginning to count months from"
    )


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        return None


def _read_capacity(listener: Listener) -> None:
    value = listener.get(f"{_RATED}.{_AMPERE_HOURS[0]}")
    unit = listener.get(f"{_RATED}.{_AMPERE_HOURS[1]}")
    if value == 0:
        listener.lose("rated_capacity", _RATED, "0 is what rounding leaves of a small value")
        return
    if value is not None and unit is not None and unit != "Ah" and not isinstance(value, (dict, list)):
        value = {"value": value, "unit": str(unit)}
    listener.bring("rated_capacity", value, _RATED)


def _read_power(listener: Listener) -> None:
    for attribute, name in (
        ("original_power_capability", "OriginalPowerCapability"),
        ("remaining_power_capability", "RemainingPowerCapability"),
    ):
        path = f"{_PERFORMANCE}.{name}"
        found = ((level, listener.get(f"{path}.{member}")) for level, member in _POINTS)
        points = [{"state_of_charge": level, "power": value} for level, value in found if value is not None]
        unit = listener.get(f"{path}.watt")
        if points and unit not in (None, "W"):
            listener.lose(attribute, path, f"expected W, got {str(unit)[:40]!r}")
        listener.bring(attribute, points, path)


def _read_ranges(listener: Listener) -> None:
    for attribute, paths in _RANGES:
        for path in paths:
            bounds = {}
            for bound, member in (("lower", "Lower"), ("upper", "Upper")):
                listener.get(f"{path}.temperatureRange{member}Boundary")
                bounds[bound] = listener.get(f"{path}.temperatureRange{member}BoundaryValue")
            if None not in bounds.values():
                listener.bring(attribute, bounds, path)


def _read_materials(listener: Listener) -> None:
    path = f"{_MATERIALS}.BatteryChemistry"
    code, other = (
        listener.get(f"{path}.{name}") for name in ("chemicalCodeValue", "additionallyPossibleValue")
    )
    if code is None and isinstance(other, str):
        code = CHEMISTRIES_READ.get(other.strip().lower(), "other")
    listener.bring("battery_chemistry", code, path)
    listener.bring("battery_chemistry_name", other, path)
    for attribute, member in (
        ("material_composition", "MaterialsUsedInCathodeAnodeAndElectrolyte"),
        ("hazardous_substances", "HazardousSubstances"),
        ("critical_raw_materials", "CriticalRawMaterials"),
    ):
        path = f"{_MATERIALS}.{member}"
        text = listener.get(path)
        if text == "none" and attribute != "material_composition":
            listener.bring(attribute, [], path, even_empty=True)
        elif text is not None:
            listener.lose(attribute, path, "a text for people, where a list with numbers is kept")


def _read_circularity(listener: Listener) -> None:
    path = f"{_CIRCULARITY}.PartNumbersForComponents"
    raw = listener.get(path)
    text = address_text(raw)
    if raw is not None and text != raw:
        parts = [piece.rpartition(": ") for piece in text.split("; ")]
        listener.bring(
            "part_numbers",
            [{"component": name, "part_number": number} for name, _, number in parts if name and number],
            path,
        )
    elif raw is not None:
        listener.lose("part_numbers", path, f"a document where a list is kept: {str(raw)[:80]}")
    path = f"{_CIRCULARITY}.InformationOnSourcesOfSpareParts"
    raw = listener.get(path)
    if isinstance(raw, str) and is_address(raw):
        host = raw.partition("://")[2].partition("/")[0] or raw
        listener.bring("spare_part_sources", [{"name": host, "web": raw}], path)
        listener.lose(
            "spare_part_sources", path, "an address alone: its host stands for the name", Why.RESPELT
        )
    elif raw is not None:
        listener.lose("spare_part_sources", path, "a name without a way to reach anybody")


def _read_labels(listener: Listener) -> None:
    path = f"{_LABELS}.SymbolsForCadmiumAndLead"
    raw = listener.get(path)
    text = address_text(raw)
    if raw is not None and text != raw:
        listener.bring("cadmium_lead_symbols", [] if text == "none" else text.split(), path, even_empty=True)
    elif raw is not None:
        listener.lose("cadmium_lead_symbols", path, "an address does not say whether it is Cd or Pb")
    path = f"{_LABELS}.ExtinguishingAgent.extinguishingAgent"
    agent = listener.get(path)
    if agent is not None:
        listener.bring("extinguishing_agent", Joined().read(agent).value, path)
    path = f"{_LABELS}.MeaningOfLabelsAndSymbols"
    if listener.get(path) is not None:
        listener.lose("label_meaning", path, "a text for people, where a list by label and language is kept")
    path = f"{_PERFORMANCE}.InformationOnAccidents"
    raw = listener.get(path)
    sourcing = f"{_SOURCING}.SupplyChainIndices"
    if listener.get(sourcing) is not None:
        listener.lose(
            "supply_chain_indices", sourcing, "a text for people, where a list with numbers is kept"
        )
    if raw is not None and address_text(raw) == "none":
        listener.bring("accidents", [], path, even_empty=True)
    elif raw is not None:
        listener.lose("accidents", path, f"an address where a list is kept: {str(raw)[:80]}")
