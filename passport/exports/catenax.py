"""Catena-X battery_pass 6.1.0: one document with rated and dynamic values, each of the latter with its time.

Membership numbers (BPNL for companies, BPNA for places) are demanded of the operator and the manufacturer;
where none is declared, one stands there that says so. The passport is named by a UUID made from its address.

Source: io.catenax.battery.battery_pass 6.1.0, JSON schema of eclipse-tractusx/sldt-semantic-models at
9adcc37d (CC-BY-4.0), and its descriptions for what a value means.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Final

from passport.errors import InputRefused
from passport.exports import foreign_json
from passport.exports.exact_json import dumps
from passport.exports.format import Brought, Exported, Subject, Why
from passport.exports.places import (
    COUNT,
    DAY,
    NO_NUMBER,
    NOT_STATED,
    NUMBER,
    SAME,
    Listener,
    MomentAsDay,
    MonthAsDay,
    Number,
    Place,
    Sheet,
    Words,
    is_address,
    is_mark,
)
from passport.exports.words import CHEMISTRIES_READ
from schemas.registry import REGISTRY

TITLE: Final = "Catena-X battery_pass 6.1.0"
SPECIFICATION: Final = "urn:io.catenax.battery.battery_pass:6.1.0"

# All of these are right in form and say what they are.
NO_COMPANY: Final = "BPNLNOTSTATED000"
NO_PASSPORT: Final = "urn:uuid:00000000-0000-0000-0000-000000000000"  # RFC 9562: the nil UUID
NO_END: Final = "9999-12-31"
_COMPANY: Final = re.compile(r"BPNL[a-zA-Z0-9]{12}")
_FACILITY: Final = re.compile(r"BPNA[a-zA-Z0-9]{12}")

_CATEGORY: Final = Words(
    MappingProxyType({"ev": "EV", "lmt": "LMT", "industrial": "industrial"}),
    near=MappingProxyType({"stationary": "industrial"}),
)
_STATUS: Final = Words(
    MappingProxyType(
        {word: word for word in ("original", "repurposed", "re-used", "remanufactured", "waste")}
    )
)
_PASSPORT_STATUS: Final = Words(
    MappingProxyType({}),
    near=MappingProxyType(
        {"Active": "approved", "Archived": "expired", "Inactive": "invalid", "Marked-for-deletion": "invalid"}
    ),
)
_RATED: Final = "performance.rated"
_DYNAMIC: Final = "performance.dynamic"


def _dynamic(attribute: str, path: str, *, demanded: bool = True) -> Place:
    return Place(attribute, f"{_DYNAMIC}.{path}.value", NUMBER, demanded=demanded, time="time")


PLACES: Final = (
    Place("battery_category", "identification.category", _CATEGORY),
    Place("putting_into_service_date", "operation.intoServiceDate", DAY, demanded=False),
    Place(
        "warranty_period",
        "characteristics.warranty.lifeValue",
        COUNT,
        beside=MappingProxyType({"lifeUnit": "unit:month"}),
    ),
    Place("battery_status", "sustainability.status", _STATUS),
    # performance that was determined once
    Place("minimum_voltage", f"{_RATED}.voltage.min", NUMBER),
    Place("maximum_voltage", f"{_RATED}.voltage.max", NUMBER),
    Place("nominal_voltage", f"{_RATED}.voltage.nominal", NUMBER),
    Place("initial_round_trip_efficiency", f"{_RATED}.roundTripEfficiency.initial", NUMBER),
    Place("round_trip_efficiency_50_cycle_life", f"{_RATED}.roundTripEfficiency.50PercentLife", NUMBER),
    Place("certified_usable_energy", f"{_RATED}.energy.value", NUMBER, demanded=False),
    Place("internal_resistance_cell", f"{_RATED}.resistance.cell", NUMBER),
    Place("internal_resistance_module", f"{_RATED}.resistance.module", NUMBER, demanded=False),
    Place("internal_resistance_pack", f"{_RATED}.resistance.pack", NUMBER),
    Place("rated_capacity", f"{_RATED}.capacity.value", NUMBER),
    Place("capacity_threshold_exhaustion", f"{_RATED}.capacity.thresholdExhaustion", NUMBER),
    Place("idle_temperature_min", f"{_RATED}.temperature.lower", NUMBER),
    Place("idle_temperature_max", f"{_RATED}.temperature.upper", NUMBER),
    Place("initial_self_discharge_rate", f"{_RATED}.selfDischargingRate", NUMBER),
    Place("expected_lifetime_years", f"{_RATED}.lifetime.expectedYears", NUMBER),
    Place("expected_lifetime_cycles", f"{_RATED}.lifetime.cycleLifeTesting.cycles", COUNT),
    Place("cycle_test_depth_of_discharge", f"{_RATED}.lifetime.cycleLifeTesting.depthOfDischarge", NUMBER),
    Place("cycle_test_charge_rate", f"{_RATED}.lifetime.cycleLifeTesting.appliedChargeRate", NUMBER),
    Place("c_rate_cycle_life_test", f"{_RATED}.lifetime.cycleLifeTesting.appliedDischargeRate", NUMBER),
    # condition
    _dynamic("state_of_charge", "stateOfCharge"),
    _dynamic("full_cycles", "fullCycles"),
    Place("self_discharge_rate_current", f"{_DYNAMIC}.selfDischargingRate", NUMBER),
    _dynamic("power_fade", "power.fade"),
    _dynamic("capacity_fade", "capacity.fade"),
    _dynamic("capacity_throughput", "capacity.throughput"),
    _dynamic("remaining_capacity", "capacity.capacity"),
    _dynamic("round_trip_efficiency_fade", "roundTripEfficiency.fade"),
    _dynamic("remaining_round_trip_efficiency", "roundTripEfficiency.remaining"),
    _dynamic("internal_resistance_increase_pack", "resistance.increase.pack"),
    _dynamic("internal_resistance_increase_module", "resistance.increase.module", demanded=False),
    _dynamic("internal_resistance_increase_cell", "resistance.increase.cell"),
    _dynamic("ohmic_resistance", "resistance.remaining.pack"),
    _dynamic("state_of_certified_energy", "energy.soce"),
    _dynamic("remaining_energy", "energy.remaining"),
    _dynamic("energy_throughput", "energy.throughput", demanded=False),
    # papers and metadata
    Place("eu_declaration_id", "conformity.declarationOfConformityId", SAME, demanded=False),
    Place("placed_on_market_date", "commercial.placedOnMarket", DAY, demanded=False),
    Place("dpp_status", "metadata.status", _PASSPORT_STATUS, demanded=False),
    Place("dpp_issued_at", "metadata.issueDate", MomentAsDay()),
    Place("dpp_last_updated_at", "metadata.lastModification", MomentAsDay(), demanded=False),
    Place("registry_registration_id", "metadata.registrationIdentifier", SAME, demanded=False),
    Place("backup_reference", "metadata.backupReference", SAME),
)

# Lists of documents that hold addresses, or texts where we keep texts.
_DOCUMENTS: Final = (
    ("separate_collection_info", "sustainability.documents.separateCollection", True),
    ("waste_prevention_info", "sustainability.documents.wastePrevention", True),
    ("eu_declaration_of_conformity", "conformity.declarationOfConformity", True),
    ("test_reports", "conformity.resultOfTestReport", True),
    ("third_party_assurances", "conformity.thirdPartyAssurance", True),
    ("due_diligence_report_url", "conformity.dueDiligencePolicy", True),
    ("safety_measures", "safety.safetyMeasures", True),
    ("safe_discharging_instructions", "safety.safeDischarging", False),
    ("cycle_life_reference_test", f"{_RATED}.lifetime.report", True),
    ("idle_temperature_reference_test", f"{_RATED}.testReport", False),
    ("performance_calculation_notes", f"{_RATED}.performanceDocument", False),
)
_DISMANTLING: Final = (
    "dismantling_manuals",
    "dismantling_exploded_diagrams",
    "dismantling_sequences",
    "dismantling_fasteners",
    "dismantling_tools",
    "dismantling_warnings",
)
_WHOLE_LIFE: Final = "whole life cycle"
_STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cf_total": _WHOLE_LIFE,
        "cf_raw_material": "raw material acquisition and pre-processing",
        "cf_production": "main product production",
        "cf_distribution": "distribution",
        "cf_end_of_life": "end of life and recycling",
    }
)
_FOOTPRINT_UNIT: Final = "kg CO2e/kWh"
_FOOTPRINT_UNITS: Final = frozenset({"kgco2e/kwh", "kgco2/kwh", "kgco2-eq/kwh", "kgco2eq/kwh"})
_FOOTPRINT_TYPE: Final = "Climate Change Total"
_ACTIVE: Final = ("nickel", "lithium", "cobalt")
_RESTRICTED: Final = ("cadmium", "mercury", "lead")
_WEIGHTS: Final = MappingProxyType({"unit:kilogram": "kg", "unit:gram": "g", "unit:tonneMetricTon": "t"})
_SHARES: Final = MappingProxyType(
    {"unit:percent": 0, "unit:partPerMillion": -4, "unit:partPerThousand": -1, "unit:partPerBillionUs": -7}
)
_LONGEST_HEADER: Final = 100
_TEXT: Final = "text/plain"

_NO_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "manufacturing_date": "a day is wanted where a month is stated, and the place may stay empty",
        "waste_safety_instructions": "the format has no public safety text for waste batteries",
        "self_discharge_evolution": "the format has the two rates, not their evolution",
        "internal_resistance_current": "the format's current resistance is the ohmic one of Annex VII",
        "maximum_permitted_power": "the format has the rated power, not the maximum permitted one",
        "voltage_temperature_range": "the format has one temperature, not a range",
        "power_temperature_range": "the format has one temperature, not a range",
        "cf_absolute": "the format's footprints are told per kWh",
        "deep_discharge_count": "the format has documents on events, no counter",
        "overcharge_count": "the format has documents on events, no counter",
        "operating_environment_records": "the format has documents on the environment, no records",
        "spare_part_sources": "sources are named by their BPNL numbers alone",
        "recycled_content_document": "documents stand at metals with a recycled share, and none is stated",
        "renewable_content_share": "a share stands at each material of the composition, and none is listed",
        "dpp_schema_version": "the format names its own version there",
        **{
            f"{part}_consumer_recycled_{metal}_share": "the format holds the sum of the two parts"
            for part in ("pre", "post")
            for metal in ("cobalt", "lithium", "nickel", "lead")
        },
    }
)


# -------------------------------------------------------------------------------------------------- writing


def export(subject: Subject) -> Exported:
    """The document."""
    sheet = Sheet(subject, TITLE)
    sheet.put("specVersion", SPECIFICATION)
    _write_metadata(sheet)
    _write_identification(sheet)
    sheet.place(PLACES)
    _write_operation(sheet)
    _write_footprint(sheet)
    _write_metals(sheet)
    _write_substances(sheet)
    _write_composition(sheet)
    _write_performance(sheet)
    _write_papers(sheet)
    sheet.put(
        "sources",
        [
            {
                "header": "Signed record of the passport",
                "category": "Technical Documentation",
                "type": "URL",
                "content": subject.record_url,
            }
        ],
    )
    losses = sheet.close(_NO_PLACE)
    return Exported(dumps(sheet.root), "application/json", ".catenax.json", losses)


def passport_uuid(url: str) -> str:
    """The UUID of a passport, always the same for one address (RFC 9562, version 5)."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}"


def _write_metadata(sheet: Sheet) -> None:
    subject = sheet.subject
    sheet.put("metadata.version", str(subject.version))
    sheet.put("metadata.passportIdentifier", passport_uuid(subject.passport_url))
    sheet.say(
        "passport_id",
        Why.RESPELT,
        "metadata.passportIdentifier",
        f"a UUID is wanted: one made from {subject.passport_url} stands there",
    )
    originals = sheet.value("predecessor_passport_ids")
    if originals:
        sheet.put("metadata.predecessor", passport_uuid(originals[0]), "predecessor_passport_ids")
        sentence = (
            "one UUID is wanted: that of the first original passport stands there, made from its address"
        )
        sheet.say("predecessor_passport_ids", Why.CUT, "metadata.predecessor", sentence)
    elif originals is not None:
        sheet.put("metadata.predecessor", NO_PASSPORT, "predecessor_passport_ids")
        sheet.say(
            "predecessor_passport_ids",
            Why.RESPELT,
            "metadata.predecessor",
            "one is demanded even where there is none: the nil UUID says so",
        )
    else:
        sheet.demand("metadata.predecessor", NO_PASSPORT, "predecessor_passport_ids")
    ceased = sheet.value("passport_ceased_at")
    if ceased is not None:
        sheet.put("metadata.expirationDate", ceased, "passport_ceased_at")
        sentence = "the format's day is that until when a passport lasts, and is not read back as an end"
        sheet.say("passport_ceased_at", Why.RESPELT, "metadata.expirationDate", sentence)
    else:
        sheet.demand("metadata.expirationDate", NO_END, "passport_ceased_at")
    _write_company(sheet, "metadata.economicOperatorId", "operator_identifier")
    _write_company(sheet, "operation.manufacturer.manufacturer", "manufacturer_identifier")


def _write_company(sheet: Sheet, path: str, attribute: str) -> None:
    value = sheet.value(attribute)
    if value is not None and _COMPANY.fullmatch(value):
        sheet.put(path, value, attribute)
        return
    if value is not None:
        sheet.say(attribute, Why.NO_PLACE, path, f"a BPNL number is wanted; {value!r} is none")
    sheet.demand(path, NO_COMPANY, attribute)


def _write_identification(sheet: Sheet) -> None:
    sheet.put("identification.idDmc", sheet.subject.identifier_url, "battery_id")
    _write_text(sheet, "battery_chemistry", "identification.chemistry")
    kind = "identification.identification.type"
    model = sheet.value("model_identifier")
    _write_text(sheet, "model_identifier", f"{kind}.manufacturerPartId")
    if model is None:
        sheet.demand(f"{kind}.nameAtManufacturer", NOT_STATED)
    else:
        sheet.put(f"{kind}.nameAtManufacturer", model)
        sentence = "a name is demanded and none is stated: the model identifier stands there again"
        sheet.say("model_identifier", Why.MADE_UP, f"{kind}.nameAtManufacturer", sentence)
    for attribute, member, key in (
        ("serial_number", "serial", "partInstanceId"),
        ("batch_number", "batch", "batchId"),
    ):
        if sheet.value(attribute) is not None:
            path = f"identification.identification.{member}"
            sheet.put(path, [{"key": key, "value": sheet.value(attribute)}], attribute)
    code = sheet.value("commodity_code")
    path = "identification.identification.codes"
    if code is not None:
        sheet.put(path, [{"key": "TARIC", "value": code}], "commodity_code")
    else:
        sheet.demand(path, [], "commodity_code")
    carrier = sheet.value("data_carrier") or {}
    for member, ours in (("carrierType", "kind"), ("carrierLayout", "place_on_battery")):
        path = f"identification.identification.dataCarrier.{member}"
        if carrier.get(ours):
            sheet.put(path, carrier[ours], "data_carrier")
        else:
            sheet.demand(path, NOT_STATED, "data_carrier")
    sheet.demand("identification.identification.classification", [])


def _write_text(sheet: Sheet, attribute: str, path: str) -> None:
    value = sheet.value(attribute)
    if value is None:
        sheet.demand(path, NOT_STATED, attribute)
    else:
        sheet.put(path, value, attribute)


def _write_operation(sheet: Sheet) -> None:
    path = "operation.manufacturer.facility"
    facility = sheet.value("facility_identifier")
    if facility is not None and _FACILITY.fullmatch(facility):
        sheet.put(path, [{"facility": facility}], "facility_identifier")
    else:
        if facility is not None:
            sheet.say(
                "facility_identifier", Why.NO_PLACE, path, f"a BPNA number is wanted; {facility!r} is none"
            )
        sheet.demand(path, [], "facility_identifier")
    path = "characteristics.physicalDimension.weight"
    mass = sheet.value("battery_mass")
    if mass is not None:
        sheet.put(f"{path}.value", Decimal(mass), "battery_mass")
        sheet.put(f"{path}.unit", "unit:kilogram")
    else:
        sheet.demand(f"{path}.value", NO_NUMBER, "battery_mass", {"unit": "unit:kilogram"})
    sheet.demand("commercial.purpose", [])
    parts = sheet.value("part_numbers")
    path = "handling.content.sparePart"
    if parts:
        entries = [
            {"manufacturerPartId": one["part_number"], "nameAtManufacturer": one["component"]}
            for one in parts
        ]
        sheet.put(path, entries, "part_numbers")
    else:
        sheet.demand(path, [], "part_numbers")
    sheet.put("handling.applicable", bool(parts))
    sheet.demand("handling.content.producer", [], "spare_part_sources")


def _write_footprint(sheet: Sheet) -> None:
    path = "sustainability.carbonFootprint"
    studies = _papers([sheet.value("cf_study_url")], "cf_study_url") + _papers(
        sheet.value("cf_methodology") or [], "cf_methodology"
    )
    declarations = _papers([sheet.value("cf_declaration_url")], "cf_declaration_url")
    plant = sheet.value("cf_plant")
    facility = [{"facility": plant}] if plant is not None and _FACILITY.fullmatch(plant) else []
    entries: list[dict[str, Any]] = []
    for attribute, stage in _STAGES.items():
        value = sheet.value(attribute)
        if value is None:
            continue
        if Decimal(value) < 0:
            sheet.say(
                attribute, Why.NO_PLACE, path, "the format refuses values below 0, and with them a credit"
            )
            continue
        whole_life = attribute == "cf_total"
        entry = {
            "value": Decimal(value),
            "unit": _FOOTPRINT_UNIT,
            "type": _FOOTPRINT_TYPE,
            "lifecycle": stage,
            "rulebook": studies if whole_life else [],
            "declaration": declarations if whole_life else [],
            "manufacturingPlant": facility if whole_life else [],
        }
        if whole_life and sheet.value("cf_performance_class") is not None:
            entry["performanceClass"] = sheet.value("cf_performance_class")
        entries.append(entry)
        sheet.put(path, entries, attribute)
        if whole_life:
            stated = ("cf_study_url", "cf_methodology", "cf_declaration_url", "cf_performance_class")
            sheet.hold(*(name for name in stated if sheet.value(name)))
            if facility:
                sheet.put(path, entries, "cf_plant")
    if plant is not None and not facility:
        sheet.say("cf_plant", Why.NO_PLACE, path, f"a BPNA number is wanted; {plant!r} is none")
    if not entries:
        sheet.demand(path, [], "cf_total")


def _paper(content: str, header: str) -> dict[str, str]:
    return {
        "contentType": "URL" if is_address(content) else _TEXT,
        "header": header[:_LONGEST_HEADER],
        "content": content,
    }


def _papers(values: Sequence[str | None], attribute: str) -> list[dict[str, str]]:
    return [_paper(value, REGISTRY[attribute].title) for value in values if value is not None]


def _recycled(sheet: Sheet, metal: str) -> Decimal | None:
    """The share of one metal; of two stated parts, their sum. None where nobody stated one."""
    share = sheet.value(f"recycled_{metal}_share")
    if share is not None:
        sheet.hold(f"recycled_{metal}_share")
        return Decimal(share)
    parts = [sheet.value(f"{part}_consumer_recycled_{metal}_share") for part in ("pre", "post")]
    if None in parts:
        return None
    for part in ("pre", "post"):
        name = f"{part}_consumer_recycled_{metal}_share"
        sheet.say(name, Why.CUT, "materials", "the format holds the sum of the two parts")
    name = f"recycled_{metal}_share"
    sheet.say(name, Why.RESPELT, "materials", "nobody stated the sum of the two parts: it is worked out")
    return Decimal(parts[0]) + Decimal(parts[1])


def _critical(sheet: Sheet, name: str, cas_number: str | None = None) -> bool | None:
    """Whether the list of critical raw materials names it; None where no list is stated."""
    listed = sheet.value("critical_raw_materials")
    if listed is None:
        return None
    return any(
        (cas_number is not None and one.get("cas_number") == cas_number)
        or name.lower() in one["name"].lower().split()
        for one in listed
    )


def _where(sheet: Sheet, name: str) -> str:
    """The component that holds the material, by the composition."""
    entries = sheet.value("material_composition") or ()
    return next((one["component"] for one in entries if name in one["name"].lower().split()), NOT_STATED)


def _write_metals(sheet: Sheet) -> None:
    if sheet.value("critical_raw_materials") is not None:
        sentence = "the format marks materials as critical; shares and the list they come from have no place"
        sheet.say("critical_raw_materials", Why.CUT, "materials", sentence)
    stated = sheet.value("restricted_metals_content") or []
    contents = {one["metal"]: one["share"] for one in reversed(stated)}
    if [one["metal"] for one in stated] != [metal for metal in _RESTRICTED if metal in contents]:
        sentence = "one content of each metal has a place, in the order of the format"
        sheet.say("restricted_metals_content", Why.CUT, "materials.hazardous", sentence)
    for metal in _ACTIVE:
        _write_metal(sheet, f"materials.active.{metal}", metal, recycled=True)
    for path, metal in (
        ("materials.active.lead", "lead"),
        *((f"materials.hazardous.{metal}", metal) for metal in _RESTRICTED),
    ):
        _write_metal(sheet, path, metal, recycled=metal == "lead")
        sheet.demand(f"{path}.impactOfSubstances", [])
        if metal in contents:
            sheet.put(f"{path}.concentration", Decimal(contents[metal]), "restricted_metals_content")
        else:
            sheet.demand(f"{path}.concentration", None, "restricted_metals_content")
        sheet.put(f"{path}.materialUnit", "unit:percent")


def _write_metal(sheet: Sheet, path: str, metal: str, *, recycled: bool) -> None:
    sheet.put(f"{path}.location", _where(sheet, metal))
    if recycled:
        share = _recycled(sheet, metal)
        if share is None:
            sheet.demand(f"{path}.recycled", None, f"recycled_{metal}_share")
        else:
            sheet.put(f"{path}.recycled", share)
    critical = _critical(sheet, metal)
    if critical is None:
        sheet.demand(f"{path}.critical", None, "critical_raw_materials")
    else:
        sheet.put(f"{path}.critical", critical)
    if recycled and sheet.has(f"{path}.recycled") and sheet.value("recycled_content_document") is not None:
        papers = _papers([sheet.value("recycled_content_document")], "recycled_content_document")
        sheet.put(f"{path}.documentation", papers, "recycled_content_document")
    else:
        sheet.demand(f"{path}.documentation", [])


def _write_substances(sheet: Sheet) -> None:
    path = "materials.hazardous.other"
    substances = sheet.value("hazardous_substances")
    if substances is None:
        return
    common = sheet.value("hazardous_substance_impacts") or []
    places = sheet.value("hazardous_substance_location") or []
    entries: list[dict[str, Any]] = []
    for one in substances:
        critical = _critical(sheet, one["name"], one.get("cas_number"))
        lacks = [
            said
            for said, there in (
                ("a concentration", one.get("concentration") is not None),
                ("whether it is critical", critical is not None),
            )
            if not there
        ]
        if lacks:
            sentence = f"{one['name']!r} is left out: the format demands {' and '.join(lacks)}"
            sheet.say("hazardous_substances", Why.CUT, path, sentence)
            continue
        where = one.get("location") or next(
            (other["component"] for other in places if other["name"] == one["name"]), NOT_STATED
        )
        own = [one["impact"]] if one.get("impact") else []
        header = REGISTRY["hazardous_substance_impacts"].title
        entries.append(
            {
                "materialIdentification": _identified(one),
                "concentration": Decimal(one["concentration"]),
                "materialUnit": "unit:percent",
                "location": where,
                "critical": critical,
                "impactOfSubstances": [_paper(text, "Impact") for text in own]
                + [_paper(text, header) for text in common],
                "documentation": [],
            }
        )
        if one.get("hazard_class"):
            sheet.say("hazardous_substances", Why.CUT, path, "the format has no hazard class")
    sheet.put(path, entries, "hazardous_substances")
    if common and entries:
        sheet.say("hazardous_substance_impacts", Why.RESPELT, path, "all of them stand at every substance")
    if places:
        sheet.say("hazardous_substance_location", Why.CUT, path, "the place stands at the substance, once")


def _identified(one: Mapping[str, Any]) -> list[dict[str, str]]:
    if one.get("cas_number"):
        return [{"type": "CAS", "name": one["name"], "id": one["cas_number"]}]
    return [{"type": "IUPAC", "name": one["name"], "id": one["name"]}]


def _write_composition(sheet: Sheet) -> None:
    """Materials of which everything that is demanded is stated; a recycled share is never made up."""
    path = "materials.composition"
    renewable = sheet.value("renewable_content_share")
    entries: list[dict[str, Any]] = []
    for one in sheet.value("material_composition") or ():
        share, worked_out = _mass_share(sheet, one)
        metal = next((name for name in (*_ACTIVE, "lead") if name == one["name"].lower()), None)
        recycled = _recycled(sheet, metal) if metal is not None else None
        critical = one.get("critical")
        if critical is None:
            critical = _critical(sheet, one["name"], one.get("cas_number"))
        lacks = [
            said
            for said, value in (
                ("a share", share),
                ("a recycled share of its own", recycled),
                ("a renewable share", renewable),
                ("whether it is critical", critical),
            )
            if value is None
        ]
        if lacks:
            sentence = (
                f"{one['name']!r} is left out: the format demands {' and '.join(lacks)}, which nobody stated"
            )
            sheet.say("material_composition", Why.CUT, path, sentence)
            continue
        entries.append(
            {
                "id": _identified(one),
                "concentration": share,
                "unit": "unit:percent",
                "location": one["component"],
                "critical": critical,
                "recycled": recycled,
                "renewable": Decimal(renewable),
                "documentation": [],
            }
        )
        sheet.put(path, entries, "material_composition", "renewable_content_share")
        sentence = "the format wants it of each material: that of the whole battery stands there"
        sheet.say("renewable_content_share", Why.RESPELT, path, sentence)
        if worked_out:
            sheet.say(
                "material_composition", Why.ROUNDED, path, "shares are worked out from masses, to 0.0001 %"
            )
        elif one.get("mass") is not None:
            sheet.say("material_composition", Why.CUT, path, "the format has the share, not the mass")
    if not entries:
        sheet.demand(path, [], "material_composition")


def _mass_share(sheet: Sheet, one: Mapping[str, Any]) -> tuple[Decimal | None, bool]:
    """The share by mass, and whether it was worked out from masses."""
    if one.get("share") is not None:
        return Decimal(one["share"]), False
    battery = sheet.value("battery_mass")
    if one.get("mass") is None or battery is None:
        return None, False
    share = Decimal(one["mass"]) / Decimal(battery) * 100
    if share > 100:
        return None, False
    return share.quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN), True


def _write_performance(sheet: Sheet) -> None:
    path = f"{_RATED}.power"
    points = sheet.value("original_power_capability") or []
    for level, member in (("20", "at20SoC"), ("80", "at80SoC")):
        found = next((one for one in points if Decimal(one["state_of_charge"]) == Decimal(level)), None)
        if found is None:
            sheet.demand(f"{path}.{member}", NO_NUMBER, "original_power_capability")
        else:
            sheet.put(f"{path}.{member}", Decimal(found["power"]), "original_power_capability")
    if points:
        best = max(points, key=lambda one: Decimal(one["power"]))
        sheet.put(f"{path}.value", Decimal(best["power"]), "original_power_capability")
        sentence = (
            f"the rated power is demanded: the highest stated stands there, at {best['state_of_charge']} %;"
            " of the points, those at 80 and 20 % have a place, without duration and temperature"
        )
        sheet.say("original_power_capability", Why.CUT, path, sentence)
    else:
        sheet.demand(f"{path}.value", NO_NUMBER, "original_power_capability")
    path = f"{_RATED}.roundTripEfficiency.depthOfDischarge"
    depth = sheet.value("cycle_test_depth_of_discharge")
    if depth is not None:
        sheet.put(path, Decimal(depth))
        sentence = "the efficiency test has none of its own: that of the cycle-life test stands there"
        sheet.say("cycle_test_depth_of_discharge", Why.RESPELT, path, sentence)
    else:
        sheet.demand(path, NO_NUMBER, "cycle_test_depth_of_discharge")
    sheet.demand(f"{_RATED}.lifetime.cycleLifeTesting.temperature", NO_NUMBER)
    sheet.demand(f"{_DYNAMIC}.resistance.remaining.cell.value", NO_NUMBER, time="time")
    path = f"{_DYNAMIC}.power.remaining"
    points = sheet.value("remaining_power_capability") or []
    if points:
        best = max(points, key=lambda one: Decimal(one["state_of_charge"]))
        sheet.put(f"{path}.value", Decimal(best["power"]), "remaining_power_capability")
        sheet.put(f"{path}.time", sheet.as_of("remaining_power_capability"))
        sentence = f"one value is wanted, without its state of charge: that at {best['state_of_charge']} %"
        sheet.say("remaining_power_capability", Why.CUT, path, sentence)
    else:
        sheet.demand(f"{path}.value", NO_NUMBER, "remaining_power_capability", time="time")
    events = sheet.value("negative_events")
    if events:
        path = f"{_DYNAMIC}.negativeEvents"
        told = [_paper(", ".join(str(value) for value in one.values()), one["type"]) for one in events]
        sheet.put(path, told, "negative_events")
        sheet.say(
            "negative_events", Why.RESPELT, path, "documents are wanted: each event is a text, not read back"
        )


def _write_papers(sheet: Sheet) -> None:
    for attribute, path, demanded in _DOCUMENTS:
        value = sheet.value(attribute)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if values or (value is not None and not demanded):
            sheet.put(path, _papers(values, attribute), attribute)
        elif demanded:
            sheet.demand(path, [], attribute)
            if value is not None:
                sheet.say(attribute, Why.CUT, path, "an empty list says there that nobody handed one over")
    path = "safety.dismantling"
    papers: list[dict[str, str]] = []
    for attribute in _DISMANTLING:
        for one in sheet.value(attribute) or ():
            if isinstance(one, str):
                papers += _papers([one], attribute)
            else:
                papers += _papers([one.get("document"), one.get("description")], attribute)
                if one.get("document") and one.get("description"):
                    sheet.say(attribute, Why.RESPELT, path, "document and description stand there as two")
            sheet.put(path, papers, attribute)
    if not papers:
        sheet.demand(path, [], "dismantling_manuals")
    agents = sheet.value("extinguishing_agent")
    path = "safety.usableExtinguishAgent"
    if agents:
        entries = [{"media": one, "fireClass": NOT_STATED} for one in agents]
        sheet.put(path, entries, "extinguishing_agent")
        sheet.say(
            "", Why.MADE_UP, path, "a fire class is demanded, and no attribute says it: a mark stands there"
        )
    else:
        sheet.demand(path, [], "extinguishing_agent")
    path = "safety.meaningOfLabels"
    meanings = sheet.value("label_meaning")
    if meanings:
        entries = [_paper(one["text"], f"{one['label'][:80]} ({one['language']})") for one in meanings]
        sheet.put(path, entries, "label_meaning")
        if any(len(one["label"]) > 80 for one in meanings):
            sheet.say("label_meaning", Why.CUT, path, "headings are short: labels are cut")
    else:
        sheet.demand(path, [], "label_meaning")


# -------------------------------------------------------------------------------------------------- reading


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the content says enough
    """Whether it names the model, or has the chapters that no other passport has."""
    try:
        return _is_ours(foreign_json.parse(data))
    except InputRefused:
        return False


def _is_ours(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    named = "catenax.battery.battery_pass:" in str(value.get("specVersion", ""))[:200]
    chapters = {"identification", "operation", "characteristics", "metadata", "performance", "conformity"}
    return named or chapters <= value.keys()


def read(data: bytes) -> Brought:
    """What the document says.

    Raises:
        InputRefused: it is no battery_pass of Catena-X; damaged, or out of all proportion.
    """
    value = foreign_json.parse(data)
    if not _is_ours(value):
        raise InputRefused(f"expected a document of {TITLE}, with identification, performance and metadata")
    listener = Listener(value)
    listener.get("specVersion")
    _read_warranty(listener)
    listener.take(PLACES)
    _read_identification(listener)
    _read_operation(listener)
    _read_footprint(listener)
    _read_metals(listener)
    _read_substances(listener)
    _read_composition(listener)
    _read_performance(listener)
    _read_papers(listener)
    original = listener.get("metadata.predecessor")
    known = isinstance(original, str) and original.removeprefix("urn:uuid:").strip("0-") != ""
    return listener.close(listener.get("identification.idDmc"), (str(original),) if known else ())


def _read_warranty(listener: Listener) -> None:
    path = "characteristics.warranty"
    value, unit = listener.get(f"{path}.lifeValue"), listener.get(f"{path}.lifeUnit")
    if unit == "unit:month" or value is None:
        return
    if unit == "unit:year" and not isinstance(value, (dict, list, str, bool)):
        listener.bring("warranty_period", {"value": value, "unit": "a"}, path)
    else:
        listener.lose("warranty_period", path, f"{str(unit)[:40]!r} cannot be told in whole months")
    listener.withhold("warranty_period")


def _read_identification(listener: Listener) -> None:
    chemistry = listener.get("identification.chemistry")
    known = (
        CHEMISTRIES_READ.get(chemistry.strip().lower(), chemistry)
        if isinstance(chemistry, str)
        else chemistry
    )
    listener.bring("battery_chemistry", known, "identification.chemistry")
    kind = "identification.identification.type"
    model = listener.get(f"{kind}.manufacturerPartId")
    listener.bring("model_identifier", model, f"{kind}.manufacturerPartId")
    name = listener.get(f"{kind}.nameAtManufacturer")
    if name is not None and name != model:
        listener.lose("", f"{kind}.nameAtManufacturer", "the name of the part has no row")
    for attribute, member, key in (
        ("serial_number", "serial", "partInstanceId"),
        ("batch_number", "batch", "batchId"),
    ):
        path = f"identification.identification.{member}"
        for entry in listener.entries(path):
            if entry.get("key") == key:
                listener.bring(attribute, entry.get("value"), path)
            else:
                listener.lose("", path, f"the key {str(entry.get('key'))[:40]!r} has no row")
    path = "identification.identification.codes"
    for entry in listener.entries(path):
        if str(entry.get("key")).upper() in ("TARIC", "CN", "HS"):
            listener.bring("commodity_code", entry.get("value"), path)
        else:
            listener.lose("", path, f"the code {str(entry.get('key'))[:40]!r} has no row")
    path = "identification.identification.dataCarrier"
    carrier = listener.get(f"{path}.carrierType")
    where = listener.get(f"{path}.carrierLayout")
    if carrier is not None:
        word = "QR code" if str(carrier).strip().lower() in ("qr", "qr-code", "qr code") else carrier
        listener.bring(
            "data_carrier", {"kind": word} | ({} if where is None else {"place_on_battery": where}), path
        )


def _read_operation(listener: Listener) -> None:
    path = "operation.manufacturer.manufacturingDate"
    made = listener.get(path)
    if made is not None:
        turned = MonthAsDay().read(made)
        listener.bring("manufacturing_date", turned.value, path)
        listener.lose("manufacturing_date", path, turned.sentence or "a day was expected", Why.CUT)
    for attribute, path in (
        ("operator_identifier", "metadata.economicOperatorId"),
        ("manufacturer_identifier", "operation.manufacturer.manufacturer"),
    ):
        value = listener.get(path)
        listener.bring(attribute, None if value == NO_COMPANY else value, path)
    path = "operation.manufacturer.facility"
    for entry in listener.entries(path):
        listener.bring("facility_identifier", entry.get("facility"), path)
    path = "characteristics.physicalDimension.weight"
    mass, unit = listener.get(f"{path}.value"), listener.get(f"{path}.unit")
    if mass is not None:
        word = _WEIGHTS.get(str(unit), str(unit))
        listener.bring("battery_mass", Number(unit=word).read(mass).value if word != "kg" else mass, path)
    ends = listener.get("metadata.expirationDate")
    if ends is not None and ends != NO_END:
        listener.lose(
            "passport_ceased_at", "metadata.expirationDate", "a day until when, not one on which it ended"
        )
    if listener.get("metadata.passportIdentifier") is not None:
        listener.lose("passport_id", "metadata.passportIdentifier", "the service names its passports itself")
    listener.get("metadata.version")
    listener.get("handling.applicable")
    path = "handling.content.sparePart"
    parts = [
        {"component": entry.get("nameAtManufacturer"), "part_number": entry.get("manufacturerPartId")}
        for entry in listener.entries(path)
    ]
    if listener.get("handling.applicable") is not False:
        listener.bring("part_numbers", parts, path)


def _read_footprint(listener: Listener) -> None:
    path = "sustainability.carbonFootprint"
    stages = {stage: attribute for attribute, stage in _STAGES.items()}
    for entry in listener.entries(path):
        stage = str(entry.get("lifecycle")).strip().lower()
        unit = re.sub(r"\s", "", str(entry.get("unit"))).lower()
        if entry.get("type") != _FOOTPRINT_TYPE or unit not in _FOOTPRINT_UNITS or stage not in stages:
            sentence = (
                f"a footprint of {str(entry.get('type'))[:40]!r} for {stage[:40]!r} in"
                f" {str(entry.get('unit'))[:40]!r} is none that we know"
            )
            listener.lose("", path, sentence)
            continue
        listener.bring(stages[stage], entry.get("value"), path)
        listener.bring("cf_performance_class", entry.get("performanceClass"), path)
        for attribute, member in (("cf_study_url", "rulebook"), ("cf_declaration_url", "declaration")):
            papers = _objects(entry.get(member))
            methods = [one for one in papers if _is_method(one)] if attribute == "cf_study_url" else []
            links = [one.get("content") for one in papers if one not in methods]
            listener.bring(attribute, links[0] if links else None, path)
            listener.bring("cf_methodology", [one.get("content") for one in methods], path)
        for one in _objects(entry.get("manufacturingPlant")):
            listener.bring("cf_plant", one.get("facility"), path)


def _is_method(paper: Mapping[str, Any]) -> bool:
    """Whether it names a method: as we write one, or as a text that is no address."""
    content = paper.get("content")
    return paper.get("header") == REGISTRY["cf_methodology"].title or not (
        isinstance(content, str) and is_address(content)
    )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _read_metals(listener: Listener) -> None:
    for metal in (*_ACTIVE, "lead"):
        path = f"materials.active.{metal}"
        listener.bring(f"recycled_{metal}_share", listener.get(f"{path}.recycled"), f"{path}.recycled")
        listener.get(f"{path}.location")
        listener.get(f"{path}.critical")
        for paper in listener.entries(f"{path}.documentation"):
            listener.bring("recycled_content_document", paper.get("content"), f"{path}.documentation")
    if listener.facts.get("recycled_lead_share") is not None:
        for paper in listener.entries("materials.hazardous.lead.documentation"):
            if paper.get("content") != listener.facts.get("recycled_content_document"):
                listener.lose("", "materials.hazardous.lead.documentation", "a document on lead has no row")
    listener.bring(
        "recycled_lead_share",
        listener.get("materials.hazardous.lead.recycled"),
        "materials.hazardous.lead.recycled",
    )
    contents: list[dict[str, Any]] = []
    for path, metal in (
        *((f"materials.hazardous.{metal}", metal) for metal in _RESTRICTED),
        ("materials.active.lead", "lead"),
    ):
        share = _percent(listener.get(f"{path}.concentration"), listener.get(f"{path}.materialUnit"))
        listener.get(f"{path}.location")
        listener.get(f"{path}.critical")
        if share is not None and all(one["metal"] != metal for one in contents):
            contents.append({"metal": metal, "share": share})
    listener.bring("restricted_metals_content", contents, "materials.hazardous")


def _percent(value: Any, unit: Any) -> Any:
    """A concentration in % by mass where the unit is a share by mass that we know; as it is otherwise."""
    places = _SHARES.get(unit) if isinstance(unit, str) else None
    if places is None or not isinstance(value, (int, Decimal)) or isinstance(value, bool):
        return {"value": value, "unit": str(unit)[:40]} if value is not None and places is None else value
    return Number(places=places).write(value).value


def _read_substances(listener: Listener) -> None:
    path = "materials.hazardous.other"
    substances, impacts = [], []
    common = REGISTRY["hazardous_substance_impacts"].title
    for entry in listener.entries(path):
        one = _named(entry.get("materialIdentification")) | {
            "concentration": _percent(entry.get("concentration"), entry.get("materialUnit")),
            "location": entry.get("location"),
        }
        for paper in _objects(entry.get("impactOfSubstances")):
            if paper.get("header") == common:
                impacts.append(paper.get("content"))
            else:
                one["impact"] = paper.get("content")
        substances.append(
            {name: value for name, value in one.items() if value is not None and not is_mark(value)}
        )
    listener.bring("hazardous_substances", substances, path, even_empty=listener.get(path) == [])
    fresh = [text for place, text in enumerate(impacts) if text not in impacts[:place]]
    listener.bring("hazardous_substance_impacts", fresh, path)


def _named(value: Any) -> dict[str, Any]:
    """Name and CAS number of the first identification; an EC number stays where it stands."""
    for one in _objects(value):
        return {"name": one.get("name")} | ({"cas_number": one.get("id")} if one.get("type") == "CAS" else {})
    return {}


def _read_composition(listener: Listener) -> None:
    path = "materials.composition"
    materials = []
    for entry in listener.entries(path):
        one = _named(entry.get("id")) | {
            "component": entry.get("location"),
            "share": _percent(entry.get("concentration"), entry.get("unit")),
            "critical": entry.get("critical"),
        }
        materials.append({name: value for name, value in one.items() if value is not None})
    listener.bring("material_composition", materials, path)
    shares = [entry.get("renewable") for entry in listener.entries(path)]
    if shares and all(one == shares[0] for one in shares):
        listener.bring("renewable_content_share", shares[0], path)
    elif shares:
        listener.lose("renewable_content_share", path, "it differs between the materials")


def _read_performance(listener: Listener) -> None:
    path = f"{_RATED}.power"
    found = (
        (level, listener.get(f"{path}.{member}")) for level, member in (("80", "at80SoC"), ("20", "at20SoC"))
    )
    points = [{"state_of_charge": level, "power": value} for level, value in found if value is not None]
    listener.bring("original_power_capability", points, path)
    rated = listener.get(f"{path}.value")
    if rated is not None and all(one["power"] != rated for one in points):
        listener.lose(
            "original_power_capability", f"{path}.value", "a rated power without its state of charge"
        )
    path = f"{_DYNAMIC}.power.remaining"
    listener.get(f"{path}.time")
    if listener.get(f"{path}.value") is not None:
        listener.lose("remaining_power_capability", path, "a power without its state of charge")
    depth = f"{_RATED}.roundTripEfficiency.depthOfDischarge"
    if listener.get(depth) is not None:
        listener.lose("", depth, "conditions of the efficiency test have no row")
    path = f"{_DYNAMIC}.resistance.remaining.cell"
    listener.get(f"{path}.time")
    path = f"{_DYNAMIC}.negativeEvents"
    for entry in listener.entries(path):
        listener.lose("negative_events", path, f"a document, not an event: {str(entry.get('header'))[:80]!r}")


def _read_papers(listener: Listener) -> None:
    for attribute, path, demanded in _DOCUMENTS:
        row = REGISTRY[attribute].value
        contents = [entry.get("content") for entry in listener.entries(path)]
        if not contents:
            if row.many and not demanded:
                listener.bring(attribute, [], path, even_empty=listener.is_list(path))
            continue
        listener.bring(attribute, contents if row.many else contents[0], path)
        if not row.many and len(contents) > 1:
            listener.lose(attribute, path, f"one is kept: the first of {len(contents)} is taken", Why.CUT)
    path = "safety.dismantling"
    titles = {REGISTRY[attribute].title[:_LONGEST_HEADER]: attribute for attribute in _DISMANTLING}
    found: dict[str, list[Any]] = {}
    for entry in listener.entries(path):
        attribute = titles.get(str(entry.get("header")), "dismantling_manuals")
        content = entry.get("content")
        if attribute != "dismantling_manuals":
            content = {"description" if entry.get("contentType") == _TEXT else "document": content}
        found.setdefault(attribute, []).append(content)
    for attribute, contents in found.items():
        listener.bring(attribute, contents, path)
    path = "safety.usableExtinguishAgent"
    agents = [entry.get("media") for entry in listener.entries(path)]
    listener.bring("extinguishing_agent", [one for one in agents if one is not None], path)
    path = "safety.meaningOfLabels"
    meanings = []
    for entry in listener.entries(path):
        match = re.fullmatch(r"(.*) \(([A-Za-z-]+)\)", str(entry.get("header")), re.DOTALL)
        if match is not None and entry.get("contentType") == _TEXT:
            meanings.append({"label": match[1], "language": match[2], "text": entry.get("content")})
        else:
            listener.lose("label_meaning", path, f"a document: {str(entry.get('content'))[:80]!r}")
    listener.bring("label_meaning", meanings, path)
    for entry in listener.entries("sources"):
        if entry.get("header") != "Signed record of the passport":
            listener.lose("", "sources", f"a document of its own: {str(entry.get('content'))[:80]!r}")
