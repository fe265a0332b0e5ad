"""BatteryPass data model 1.2: seven aspects as one JSON object, Performance as patched in 1.2.1.

An aspect by itself, a zip of aspects, UTF-16 as upstream stores it, and Performance 1.2.0 are read as well.

Source: github.com/batterypass/BatteryPassDataModel at 4c96de29, JSON schemas and SAMM units. Its required
keys are misspelt (`warrentyPeriod`, `batteryTechicalProperties`, `thirdPartyAussurances`,
`supplyChainIndicies`), and so they are here. Where its unit contradicts the Regulation, decision 0126 says
which one stands.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
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
    NO_NUMBER,
    NO_TIME,
    NOT_STATED,
    NOT_STATED_ADDRESS,
    NOT_STATED_EMAIL,
    NUMBER,
    SAME,
    AddressOfText,
    DayAsMoment,
    First,
    Listener,
    MonthAsDay,
    Number,
    Place,
    Sheet,
    Words,
    address_text,
    is_address,
    is_mark,
    text_address,
)
from passport.exports.words import (
    CHEMISTRIES_READ,
    address_parts,
    chemistry_short,
    warranty_ends,
)
from schemas.terms import BatteryStatus

TITLE: Final = "BatteryPass data model 1.2"

# Aspect: keys that no other aspect has at its top.
_ASPECTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "GeneralProductInformation": frozenset(
            {
                "productIdentifier",
                "batteryPassportIdentifier",
                "batteryCategory",
                "manufacturerInformation",
                "operatorInformation",
                "manufacturingDate",
                "batteryStatus",
                "batteryMass",
                "manufacturingPlace",
                "puttingIntoService",
                "warrentyPeriod",
            }
        ),
        "CarbonFootprint": frozenset(
            {
                "batteryCarbonFootprint",
                "carbonFootprintPerLifecycleStage",
                "carbonFootprintPerformanceClass",
                "carbonFootprintStudy",
                "absoluteCarbonFootprint",
            }
        ),
        "Circularity": frozenset(
            {
                "dismantlingAndRemovalInformation",
                "sparePartSources",
                "recycledContent",
                "safetyMeasures",
                "endOfLifeInformation",
                "renewableContent",
            }
        ),
        "Labels": frozenset({"declarationOfConformity", "resultOfTestReport", "labels"}),
        "MaterialComposition": frozenset({"batteryChemistry", "batteryMaterials", "hazardousSubstances"}),
        "Performance": frozenset({"batteryTechicalProperties", "batteryCondition"}),
        "SupplyChainDueDiligence": frozenset(
            {"supplyChainDueDiligenceReport", "thirdPartyAussurances", "supplyChainIndicies"}
        ),
    }
)

_STATUS: Final = Words(
    MappingProxyType(
        {
            BatteryStatus.ORIGINAL.value: "Original",
            BatteryStatus.REPURPOSED.value: "Repurposed",
            BatteryStatus.RE_USED.value: "Reused",
            BatteryStatus.REMANUFACTURED.value: "Remanufactured",
            BatteryStatus.WASTE.value: "Waste",
        }
    ),
    also=MappingProxyType({"re-used": "re-used"}),
)
_CATEGORY: Final = Words(MappingProxyType({word: word for word in ("ev", "lmt", "industrial", "stationary")}))

_GENERAL: Final = "GeneralProductInformation"
_IN_PERCENT: Final = (
    "the model's own unit is %, of what is not said; watts stand there, as the Regulation counts"
)
_AMPERE_HOURS: Final = (
    "the model's own unit is kWh, which remainingEnergy says already; ampere-hours stand there, as the"
    " Regulation counts"
)
_TECHNICAL: Final = "Performance.batteryTechicalProperties"
_CONDITION: Final = "Performance.batteryCondition"


def _dynamic(attribute: str, name: str, **more: Any) -> Place:
    """A value of the condition, with the time at which it held."""
    return Place(attribute, f"{_CONDITION}.{name}.{name}Value", NUMBER, time="lastUpdate", **more)


PLACES: Final = (
    Place("battery_category", f"{_GENERAL}.batteryCategory", _CATEGORY),
    Place("manufacturing_date", f"{_GENERAL}.manufacturingDate", MonthAsDay("T00:00:00Z")),
    Place("battery_status", f"{_GENERAL}.batteryStatus", _STATUS),
    Place("battery_mass", f"{_GENERAL}.batteryMass", NUMBER),
    Place("putting_into_service_date", f"{_GENERAL}.puttingIntoService", DayAsMoment()),
    # carbon footprint
    Place("cf_total", "CarbonFootprint.batteryCarbonFootprint", NUMBER, claim=True),
    Place("cf_performance_class", "CarbonFootprint.carbonFootprintPerformanceClass", SAME, claim=True),
    Place("cf_study_url", "CarbonFootprint.carbonFootprintStudy", ADDRESS, claim=True),
    Place("cf_absolute", "CarbonFootprint.absoluteCarbonFootprint", NUMBER, demanded=False),
    # circularity
    Place("safety_measures", "Circularity.safetyMeasures.safetyInstructions", First(ADDRESS)),
    Place("waste_prevention_info", "Circularity.endOfLifeInformation.wastePrevention", ADDRESS),
    Place("separate_collection_info", "Circularity.endOfLifeInformation.separateCollection", ADDRESS),
    Place(
        "collection_and_treatment_info", "Circularity.endOfLifeInformation.informationOnCollection", ADDRESS
    ),
    Place("renewable_content_share", "Circularity.renewableContent", NUMBER),
    # labels and conformity
    Place("eu_declaration_of_conformity", "Labels.declarationOfConformity", ADDRESS),
    Place("test_reports", "Labels.resultOfTestReport", First(ADDRESS)),
    # performance that was determined once
    Place(
        "maximum_permitted_power",
        f"{_TECHNICAL}.ratedMaximumPower",
        Number(places=-3, unit="kW"),
    ),
    Place(
        "power_energy_ratio",
        f"{_TECHNICAL}.powerCapabilityRatio",
        NUMBER,
        why=Why.RESPELT,
        note="the model's own unit is %; W/Wh stands there, as its description and the Regulation count",
        doubt="taken as W/Wh, although the model's own unit is %",
    ),
    Place("certified_usable_energy", f"{_TECHNICAL}.ratedEnergy", NUMBER),
    Place("expected_lifetime_cycles", f"{_TECHNICAL}.expectedNumberOfCycles", COUNT),
    Place("initial_self_discharge_rate", f"{_TECHNICAL}.initialSelfDischarge", NUMBER),
    Place("initial_round_trip_efficiency", f"{_TECHNICAL}.roundtripEfficiency", NUMBER),
    Place("rated_capacity", f"{_TECHNICAL}.ratedCapacity", NUMBER),
    Place("expected_lifetime_years", f"{_TECHNICAL}.expectedLifetime", Number(least=-32768, most=32767)),
    Place("nominal_voltage", f"{_TECHNICAL}.nominalVoltage", NUMBER),
    Place("minimum_voltage", f"{_TECHNICAL}.minimumVoltage", NUMBER),
    Place("maximum_voltage", f"{_TECHNICAL}.maximumVoltage", NUMBER),
    Place("capacity_threshold_exhaustion", f"{_TECHNICAL}.capacityThresholdForExhaustion", NUMBER),
    Place("cycle_life_reference_test", f"{_TECHNICAL}.lifetimeReferenceTest", First(AddressOfText())),
    Place("c_rate_cycle_life_test", f"{_TECHNICAL}.cRateLifeCycleTest", NUMBER),
    Place(
        "idle_temperature_min",
        f"{_TECHNICAL}.temperatureRangeIdleState.minimum",
        Number(least=-100, most=200),
    ),
    Place(
        "idle_temperature_max",
        f"{_TECHNICAL}.temperatureRangeIdleState.maximum",
        Number(least=-100, most=200),
    ),
    Place(
        "round_trip_efficiency_50_cycle_life", f"{_TECHNICAL}.roundTripEfficiencyat50PerCentCycleLife", NUMBER
    ),
    Place("round_trip_efficiency_fade", f"{_TECHNICAL}.roundTripEfficiencyFade", NUMBER),
    Place("power_fade", f"{_TECHNICAL}.powerFade", NUMBER),
    # condition
    _dynamic("energy_throughput", "energyThroughput"),
    _dynamic("capacity_throughput", "capacityThroughput"),
    _dynamic("full_cycles", "numberOfFullCycles"),
    _dynamic("state_of_certified_energy", "stateOfCertifiedEnergy"),
    _dynamic("capacity_fade", "capacityFade"),
    _dynamic("remaining_energy", "remainingEnergy"),
    _dynamic(
        "remaining_capacity",
        "remainingCapacity",
        why=Why.RESPELT,
        note=_AMPERE_HOURS,
        doubt="taken as Ah, although the model's own unit is kWh: compare it with the rated capacity",
    ),
    _dynamic("self_discharge_evolution", "evolutionOfSelfDischarge"),
    _dynamic("self_discharge_rate_current", "currentSelfDischargingRate"),
    _dynamic("remaining_round_trip_efficiency", "remainingRoundTripEnergyEfficiency"),
    _dynamic("state_of_charge", "stateOfCharge"),
    # due diligence
    Place(
        "due_diligence_report_url",
        "SupplyChainDueDiligence.supplyChainDueDiligenceReport",
        ADDRESS,
        claim=True,
    ),
    Place(
        "third_party_assurances",
        "SupplyChainDueDiligence.thirdPartyAussurances",
        First(ADDRESS),
        demanded=False,
    ),
)

_STAGES: Final = (
    ("cf_raw_material", "RawMaterialExtraction"),
    ("cf_production", "MainProduction"),
    ("cf_distribution", "Distribution"),
    ("cf_end_of_life", "Recycling"),
)
_METALS: Final = (("cobalt", "Cobalt"), ("nickel", "Nickel"), ("lithium", "Lithium"), ("lead", "Lead"))
_HEATS: Final = (
    ("time_above_temperature", "timeExtremeHighTemp"),
    ("time_below_temperature", "timeExtremeLowTemp"),
    ("charging_time_above_temperature", "timeExtremeHighTempCharging"),
    ("charging_time_below_temperature", "timeExtremeLowTempCharging"),
)
# How the model calls parts of a battery, and our rows for each.
_RESISTANCES: Final = (
    ("internal_resistance_pack", "pack"),
    ("internal_resistance_module", "module"),
    ("internal_resistance_cell", "cell"),
)
_INCREASES: Final = (
    ("internal_resistance_increase_pack", "pack"),
    ("internal_resistance_increase_module", "module"),
    ("internal_resistance_increase_cell", "cell"),
)
_DISMANTLING: Final = (
    ("dismantling_exploded_diagrams", "Drawing"),
    ("dismantling_sequences", "OtherManual"),
    ("dismantling_fasteners", "OtherManual"),
    ("dismantling_tools", "OtherManual"),
    ("dismantling_warnings", "OtherManual"),
)
_MEDIA_TYPES: Final = MappingProxyType(
    {
        ".pdf": "application/pdf",
        ".html": "text/html",
        ".htm": "text/html",
        ".txt": "text/plain",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".svg": "image/svg+xml",
        ".mp4": "video/mp4",
    }
)
# Its three hazard classes, and how the classes of Regulation (EC) No 1272/2008 begin that belong to them.
_HAZARDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AcuteToxicity": ("acutetox",),
        "SkinCorrosionOrIrritation": ("skincorr", "skinirrit"),
        "EyeDamageOrIrritation": ("eyedam", "eyeirrit", "seriouseyedam", "seriouseyeirrit"),
    }
)
# Label subject: the label as we name it, and words by which a label of ours belongs to it.
_LABELS: Final = (
    ("SeparateCollection", "separate collection", ("collection", "wheeled", "bin")),
    ("HazardousMaterial", "hazardous substances", ("hazard", "cadmium", "lead", "cd", "pb")),
    ("CarbonFootPrint", "carbon footprint", ("carbon",)),
    ("ExtinguishingAgent", "extinguishing agent", ("exting",)),
)
_SYMBOLS: Final = (
    ("SeparateCollection", "separate_collection_symbol"),
    ("CarbonFootPrint", "carbon_footprint_label"),
)
_DEEP: Final = "deep discharges counted: "
_OVER: Final = "overcharges counted: "
_EMAIL: Final = re.compile(r"[w.-]+@[w.-]+.[A-Za-z]{2,}")  # as published: the backslashes before w are lost
_SUPPLIER_EMAIL: Final = re.compile(r"[\w.-]+@[\w.-]+\.[A-Za-z]{2,}")
_CAS: Final = re.compile(r"[0-9]{2,7}-[0-9]{2}-[0-9]")

_NO_PLACE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "model_identifier": "the model has no identifier of the battery model",
        "predecessor_passport_ids": "the model cannot name the passports of the original batteries",
        "waste_safety_instructions": "the model has no public safety text for waste batteries",
        "idle_temperature_reference_test": "the model has no reference test for the idle temperature range",
        "internal_resistance_current": "the model holds the increase of the resistance, not the resistance",
        "ohmic_resistance": "the model has no ohmic resistance",
        "power": "the model holds the fade of the power, not the power",
        "rated_capacity_redetermined": "the model holds the fade of the capacity, not the capacity",
        "temperature": "the model holds times at extreme temperature, not the temperature",
        **{
            f"recycled_{metal}_share": "the model wants the share in two parts, before and after the consumer"
            for metal, _ in _METALS
        },
    }
)


# -------------------------------------------------------------------------------------------------- writing


def export(subject: Subject) -> Exported:
    """The seven aspects, those of which nothing is stated left out."""
    sheet = Sheet(subject, TITLE)
    _write_identity(sheet)
    sheet.place(PLACES)
    _write_footprint(sheet)
    _write_circularity(sheet)
    _write_labels(sheet)
    _write_materials(sheet)
    _write_performance(sheet)
    _write_due_diligence(sheet)
    losses = sheet.close(_NO_PLACE, tuple(_ASPECTS))
    document = {name: sheet.root[name] for name in _ASPECTS if name in sheet.root}
    return Exported(dumps(document), "application/json", ".batterypass.json", losses)


def passport_urn(passport_url: str) -> str:
    """An identifier as the model's pattern takes it, always the same for one passport.

    The pattern refuses every https address, every hyphen and every dot.
    """
    digest = hashlib.sha256(passport_url.encode()).digest()[:20]
    return f"urn:cellpass:{base64.b32encode(digest).decode().lower()}"


def _write_identity(sheet: Sheet) -> None:
    subject = sheet.subject
    sheet.put(f"{_GENERAL}.productIdentifier", subject.identifier_url, "battery_id")
    sheet.put(f"{_GENERAL}.batteryPassportIdentifier", passport_urn(subject.passport_url))
    sheet.say(
        "passport_id",
        Why.RESPELT,
        f"{_GENERAL}.batteryPassportIdentifier",
        f"the pattern refuses addresses: a name made from {subject.passport_url} stands there",
    )
    identifier = sheet.value("operator_identifier")
    if identifier is None:
        identifier = subject.operator_did
        sheet.say(
            "operator_identifier",
            Why.RESPELT,
            f"{_GENERAL}.operatorInformation.identifier",
            "this view states none: the operator's DID stands there",
        )
    contact = sheet.value("operator_contact") or {}
    if contact.get("web"):
        sheet.say(
            "operator_contact",
            Why.CUT,
            f"{_GENERAL}.operatorInformation.webAddress",
            "the model holds the web address alone",
        )
    _write_party(
        sheet,
        "operatorInformation",
        names=("operator_identifier", "operator_name", "operator_address", ""),
        identifier=identifier,
        web=contact.get("web"),
    )
    _write_party(
        sheet,
        "manufacturerInformation",
        names=(
            "manufacturer_identifier",
            "manufacturer_name",
            "manufacturer_address",
            "manufacturer_email",
        ),
        identifier=sheet.value("manufacturer_identifier"),
        web=sheet.value("manufacturer_web"),
    )
    if sheet.value("manufacturer_web"):
        sheet.put(
            f"{_GENERAL}.manufacturerInformation.webAddress",
            sheet.value("manufacturer_web"),
            "manufacturer_web",
        )
    place = sheet.value("manufacturing_place")
    where = f"{_GENERAL}.manufacturingPlace"
    if place is None:
        _address_gap(sheet, where, "manufacturing_place")
    else:
        way = ", ".join(place[name] for name in ("plant", "town") if place.get(name))
        _put_address(sheet, where, "manufacturing_place", place["country"], None, way or None)
        sheet.say(
            "manufacturing_place",
            Why.RESPELT,
            where,
            "a postal address is wanted: plant and town stand where the street would",
        )
    months = sheet.value("warranty_period")
    path = f"{_GENERAL}.warrentyPeriod"
    end = warranty_ends(sheet, months) if months is not None else None
    if end is None:
        if months is not None:
            sheet.say(
                "warranty_period", Why.NO_PLACE, path, "its end needs the day or month at which it began"
            )
        sheet.demand(path, None, "warranty_period")
        return
    sheet.put(path, f"--{end.day.month:02d}", "warranty_period")
    sheet.say(
        "warranty_period",
        Why.RESPELT,
        path,
        f"a month without its year is wanted: that in which {months} months end, counted from {end.start}",
    )


def _write_party(
    sheet: Sheet, party: str, *, names: tuple[str, str, str, str], identifier: str | None, web: str | None
) -> None:
    identified, named, addressed, mailed = names
    path = f"{_GENERAL}.{party}"
    for attribute, member, value in (
        (named, "contactName", sheet.value(named)),
        (identified, "identifier", identifier),
    ):
        if value is None:
            sheet.demand(f"{path}.{member}", NOT_STATED, attribute)
        else:
            sheet.put(f"{path}.{member}", value, attribute)
    address = sheet.value(addressed)
    if address is None:
        _address_gap(sheet, f"{path}.postalAddress", addressed)
    else:
        street = ", ".join(address[name] for name in ("street", "town") if address.get(name))
        _put_address(
            sheet, f"{path}.postalAddress", addressed, address["country"], address.get("postal_code"), street
        )
        sheet.say(
            addressed,
            Why.RESPELT,
            f"{path}.postalAddress",
            "there is no place for the town: it follows the street",
        )
    email = sheet.value(mailed) if mailed else None
    if email is not None and _EMAIL.fullmatch(email):
        sheet.put(f"{path}.emailAddress", email, mailed)
    elif email is not None:
        sheet.say(
            mailed,
            Why.NO_PLACE,
            f"{path}.emailAddress",
            "the published pattern refuses ordinary addresses, and the place may stay empty",
        )
    if web:
        sheet.put(f"{path}.webAddress", web)


def _put_address(
    sheet: Sheet, path: str, attribute: str, country: str, code: str | None, street: str | None
) -> None:
    sheet.put(f"{path}.addressCountry", country, attribute)
    for member, value in (("postalCode", code), ("streetAddress", street)):
        if value:
            sheet.put(f"{path}.{member}", value)
        else:
            sheet.demand(f"{path}.{member}", NOT_STATED)


def _address_gap(sheet: Sheet, path: str, attribute: str) -> None:
    for member in ("addressCountry", "postalCode", "streetAddress"):
        sheet.demand(f"{path}.{member}", NOT_STATED, attribute)


def _write_footprint(sheet: Sheet) -> None:
    path = "CarbonFootprint.carbonFootprintPerLifecycleStage"
    stages = [
        {"lifecycleStage": word, "carbonFootprint": Decimal(sheet.value(name))}
        for name, word in _STAGES
        if sheet.value(name) is not None
    ]
    if stages:
        sheet.put(path, stages, *(name for name, _ in _STAGES if sheet.value(name) is not None))
    else:
        sheet.demand(path, None, "cf_raw_material")


def _write_circularity(sheet: Sheet) -> None:
    agents = sheet.value("extinguishing_agent")
    path = "Circularity.safetyMeasures.extinguishingAgent"
    if agents:
        sheet.put(path, list(agents), "extinguishing_agent")
    else:
        sheet.demand(path, [NOT_STATED], "extinguishing_agent")
    _write_documents(sheet)
    _write_spare_parts(sheet)
    shares = []
    for metal, word in _METALS:
        names = [f"{part}_consumer_recycled_{metal}_share" for part in ("pre", "post")]
        parts = [sheet.value(name) for name in names]
        if None not in parts:
            shares.append(
                {
                    "preConsumerShare": Decimal(parts[0]),
                    "recycledMaterial": word,
                    "postConsumerShare": Decimal(parts[1]),
                }
            )
            sheet.put("Circularity.recycledContent", shares, *names)
            if sheet.value(f"recycled_{metal}_share") is not None:
                sheet.say(
                    f"recycled_{metal}_share",
                    Why.CUT,
                    "Circularity.recycledContent",
                    "the model holds the two parts, not their sum",
                )
        else:
            for name, part in zip(names, parts, strict=True):
                if part is not None:
                    sheet.say(
                        name, Why.NO_PLACE, "", "the model wants both parts, and the other is not stated"
                    )
    if not shares:
        sheet.demand("Circularity.recycledContent", [])


def _write_documents(sheet: Sheet) -> None:
    path = "Circularity.dismantlingAndRemovalInformation"
    entries = [_document("DismantlingManual", url) for url in sheet.value("dismantling_manuals") or ()]
    if entries:
        sheet.put(path, entries, "dismantling_manuals")
    for attribute, kind in _DISMANTLING:
        items = sheet.value(attribute) or ()
        documents = [item["document"] for item in items if item.get("document")]
        if documents:
            entries += [_document(kind, url) for url in documents]
            sheet.put(path, entries, attribute)
        if any(item.get("description") for item in items):
            sheet.say(
                attribute, Why.CUT, path, "the model takes documents alone: the descriptions are not there"
            )
        if documents and kind == "OtherManual":
            sheet.say(
                attribute, Why.RESPELT, path, "the model knows it as another manual, whatever it is about"
            )
    layout = sheet.value("dismantling_cell_layout") or {}
    if layout.get("document"):
        entries.append(_document("OtherManual", layout["document"]))
        sheet.put(path, entries, "dismantling_cell_layout")
        sheet.say(
            "dismantling_cell_layout", Why.CUT, path, "the model takes the document, not the numbers of cells"
        )
    if not entries:
        sheet.demand(path, [], "dismantling_manuals")


def _document(kind: str, url: str) -> dict[str, str]:
    ending = re.search(r"\.[a-z0-9]+$", url.partition("?")[0].lower())
    media_type = _MEDIA_TYPES.get(ending[0] if ending else "", "application/octet-stream")
    return {"documentType": kind, "mimeType": media_type, "documentURL": url}


def _write_spare_parts(sheet: Sheet) -> None:
    path = "Circularity.sparePartSources"
    sources, parts = sheet.value("spare_part_sources") or [], sheet.value("part_numbers") or []
    components = [{"partName": one["component"], "partNumber": one["part_number"]} for one in parts]
    entries = []
    for number, source in enumerate(sources):
        address = source.get("postal_address") or {}
        street = ", ".join(address[name] for name in ("street", "town") if address.get(name))
        email = source.get("email", "")
        entry = {
            "nameOfSupplier": source["name"],
            "addressOfSupplier": {
                "addressCountry": address.get("country", NOT_STATED),
                "streetAddress": street or NOT_STATED,
                "postalCode": address.get("postal_code", NOT_STATED),
            },
            "emailAddressOfSupplier": email if _SUPPLIER_EMAIL.fullmatch(email) else NOT_STATED_EMAIL,
            "supplierWebAddress": source.get("web", NOT_STATED_ADDRESS),
            "components": [] if number else components,
        }
        entries.append(entry)
        sheet.put(path, entries, "spare_part_sources")
        sheet.say(
            "spare_part_sources",
            Why.RESPELT,
            f"{path}[{number}]",
            "the telephone has no place, the town follows the street, and what the model demands and nobody"
            " stated is marked so",
        )
    if parts and not entries:
        entries = [
            {
                "nameOfSupplier": NOT_STATED,
                "addressOfSupplier": dict.fromkeys(
                    ("addressCountry", "streetAddress", "postalCode"), NOT_STATED
                ),
                "emailAddressOfSupplier": NOT_STATED_EMAIL,
                "supplierWebAddress": NOT_STATED_ADDRESS,
                "components": components,
            }
        ]
        sheet.put(path, entries)
        sheet.say(
            "spare_part_sources", Why.MADE_UP, path, "part numbers stand below a supplier: none is stated"
        )
    if parts:
        sheet.put(path, entries, "part_numbers")
    if len(entries) > 1 and parts:
        sheet.say(
            "part_numbers",
            Why.RESPELT,
            path,
            "part numbers stand below a supplier: the first one has them all",
        )
    if not entries:
        sheet.demand(path, [], "spare_part_sources")


def _write_labels(sheet: Sheet) -> None:
    entries: list[dict[str, Any]] = []
    path = "Labels.labels"
    meanings = sheet.value("label_meaning") or []
    symbols: dict[str, str] = {}
    for subject, attribute in _SYMBOLS:
        if sheet.value(attribute) is not None:
            symbols[subject] = sheet.value(attribute)
            sheet.put(path, entries, attribute)
    metals = sheet.value("cadmium_lead_symbols")
    if metals:
        symbols["HazardousMaterial"] = text_address(" ".join(metals))
        sheet.put(path, entries, "cadmium_lead_symbols")
        sheet.say(
            "cadmium_lead_symbols", Why.RESPELT, path, "an address is wanted: one that says the symbols"
        )
    elif metals is not None:
        sheet.say("cadmium_lead_symbols", Why.NO_PLACE, path, "the model cannot say that no symbol is due")
    told: list[Mapping[str, str]] = []
    for subject, ours, words in _LABELS:
        own = [one for one in meanings if _names(one["label"], words) and one not in told]
        told += own
        if not own and subject not in symbols:
            continue
        said: dict[str, str] = {}
        for one in own:
            said[one["language"]] = (
                f"{said[one['language']]} {one['text']}" if one["language"] in said else one["text"]
            )
        entries.append(
            {
                "labelingSymbol": symbols.get(subject, NOT_STATED_ADDRESS),
                "labelingMeaning": said,
                "labelingSubject": subject,
            }
        )
        sheet.put(path, entries)
        if own:
            sheet.put(path, entries, "label_meaning")
        if subject not in symbols:
            sheet.say("", Why.MADE_UP, path, f"no symbol is stated for {ours}: a mark stands there")
    if told:
        sheet.say("label_meaning", Why.RESPELT, path, "the model names four subjects, not the label")
    if len(told) < len(meanings):
        sheet.say(
            "label_meaning", Why.CUT, path, "the model knows four subjects: meanings of others are left out"
        )
    if not entries:
        sheet.demand(path, [], "label_meaning")


def _names(label: str, words: Sequence[str]) -> bool:
    return any(word.startswith(begin) for word in re.findall(r"[a-z]+", label.lower()) for begin in words)


def _write_materials(sheet: Sheet) -> None:
    chemistry, name = sheet.value("battery_chemistry"), sheet.value("battery_chemistry_name")
    path = "MaterialComposition.batteryChemistry"
    if chemistry is not None:
        sheet.put(f"{path}.shortName", chemistry_short(chemistry), "battery_chemistry")
    else:
        sheet.demand(f"{path}.shortName", NOT_STATED, "battery_chemistry")
    if name is not None:
        sheet.put(f"{path}.clearName", name, "battery_chemistry_name")
    else:
        sheet.demand(f"{path}.clearName", NOT_STATED, "battery_chemistry_name")
    _write_composition(sheet)
    _write_hazards(sheet)


def _write_composition(sheet: Sheet) -> None:
    path = "MaterialComposition.batteryMaterials"
    critical = sheet.value("critical_raw_materials")
    entries = []
    for one in sheet.value("material_composition") or ():
        flag = one.get("critical")
        if flag is None and critical is not None:
            flag = any(_is_same(one, other) for other in critical)
        lacks = [
            word
            for word, there in (
                ("a CAS number", _CAS.fullmatch(one.get("cas_number", ""))),
                ("a mass", one.get("mass")),
                ("whether it is critical", flag is not None),
            )
            if not there
        ]
        if lacks:
            sheet.say(
                "material_composition",
                Why.CUT,
                path,
                f"{one['name']!r} is left out: the model demands {' and '.join(lacks)}, which nobody stated",
            )
            continue
        entries.append(
            {
                "batteryMaterialLocation": {"componentName": one["component"]},
                "batteryMaterialIdentifier": one["cas_number"],
                "batteryMaterialName": one["name"],
                "batteryMaterialMass": Number(places=3).write(one["mass"]).value,
                "isCriticalRawMaterial": flag,
            }
        )
        sheet.put(path, entries, "material_composition")
        if one.get("share") is not None:
            sheet.say(
                "material_composition", Why.CUT, f"{path}[{len(entries) - 1}]", "the model has the mass alone"
            )
    if critical is not None:
        sheet.say(
            "critical_raw_materials",
            Why.CUT,
            path,
            "the model marks materials of the composition as critical; shares and the version of the list"
            " have no place",
        )
    if not entries:
        sheet.demand(path, [], "material_composition")


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one.get("cas_number") and other.get("cas_number"):
        return bool(one["cas_number"] == other["cas_number"])
    return bool(one["name"].strip().lower() == other["name"].strip().lower())


def _write_hazards(sheet: Sheet) -> None:
    path = "MaterialComposition.hazardousSubstances"
    substances = sheet.value("hazardous_substances")
    common = list(sheet.value("hazardous_substance_impacts") or ())
    places = sheet.value("hazardous_substance_location") or []
    entries: list[dict[str, Any]] = []
    for one in substances or ():
        word = _hazard(one.get("hazard_class", ""))
        where = one.get("location") or next(
            (other["component"] for other in places if _is_same(one, other)), NOT_STATED
        )
        lacks = [
            said
            for said, there in (
                ("one of its three hazard classes", word),
                ("a concentration", one.get("concentration")),
                ("a CAS number", _CAS.fullmatch(one.get("cas_number", ""))),
            )
            if not there
        ]
        if lacks:
            sheet.say(
                "hazardous_substances",
                Why.CUT,
                path,
                f"{one['name']!r} is left out: the model demands {' and '.join(lacks)}",
            )
            continue
        if word != one["hazard_class"]:
            sentence = f"the model has three hazard classes: {one['hazard_class']!r} became {word!r}"
            sheet.say("hazardous_substances", Why.RESPELT, path, sentence)
        own = [one["impact"]] if one.get("impact") else []
        entries.append(
            {
                "hazardousSubstanceClass": word,
                "hazardousSubstanceName": one["name"],
                "hazardousSubstanceConcentration": Decimal(one["concentration"]),
                "hazardousSubstanceImpact": list(dict.fromkeys([*own, *common])) or [NOT_STATED],
                "hazardousSubstanceLocation": {"componentName": where},
                "hazardousSubstanceIdentifier": one["cas_number"],
            }
        )
        if own:
            sentence = "the impact of one substance stands in one list with those of all"
            sheet.say("hazardous_substances", Why.RESPELT, path, sentence)
            sheet.say("hazardous_substance_impacts", Why.RESPELT, path, sentence)
    if substances is None:
        sheet.demand(path, None, "hazardous_substances")
        return
    sheet.put(path, entries, "hazardous_substances")
    if places:
        sheet.say("hazardous_substance_location", Why.CUT, path, "the place stands at the substance, once")
    if common and entries:
        sheet.say("hazardous_substance_impacts", Why.RESPELT, path, "all of them stand at every substance")


def _hazard(word: str) -> str | None:
    folded = re.sub(r"[^a-z]", "", word.lower())
    return next((one for one, begins in _HAZARDS.items() if folded.startswith(begins)), None)


def _write_performance(sheet: Sheet) -> None:
    path = f"{_TECHNICAL}.originalPowerCapability"
    points = sheet.value("original_power_capability")
    if points:
        sheet.put(
            path,
            [
                {"atSoC": Decimal(one["state_of_charge"]), "powerCapabilityAt": Decimal(one["power"])}
                for one in points
            ],
            "original_power_capability",
        )
        sheet.say("original_power_capability", Why.RESPELT, path, _IN_PERCENT)
        if any(one.get("duration_s") or one.get("temperature") for one in points):
            sheet.say("original_power_capability", Why.CUT, path, "duration and temperature have no place")
    else:
        sheet.demand(path, [], "original_power_capability")
    _write_parts(
        sheet, f"{_TECHNICAL}.initialInternalResistance", _RESISTANCES, "ohmicResistance", timed=False
    )
    _write_parts(
        sheet,
        f"{_CONDITION}.internalResistanceIncrease",
        _INCREASES,
        "internalResistanceIncreaseValue",
        timed=True,
    )
    _write_remaining_power(sheet)
    _write_heat(sheet)
    _write_events(sheet)


def _write_parts(
    sheet: Sheet, path: str, rows: Iterable[tuple[str, str]], member: str, *, timed: bool
) -> None:
    entries = []
    for attribute, part in rows:
        if sheet.value(attribute) is None:
            continue
        entry = {member: Decimal(sheet.value(attribute)), "batteryComponent": part}
        entries.append(entry | {"lastUpdate": sheet.as_of(attribute)} if timed else entry)
        sheet.put(path, entries, attribute)
    if not entries:
        sheet.demand(path, [], next(iter(rows))[0])


def _write_remaining_power(sheet: Sheet) -> None:
    points = sheet.value("remaining_power_capability")
    path = f"{_CONDITION}.remainingPowerCapability"
    if not points:
        gap = {"atSoC": NO_NUMBER, "powerCapabilityAt": NO_NUMBER, "rPCLastUpdated": NO_TIME}
        sheet.demand(
            f"{path}.remainingPowerCapabilityValue", gap, "remaining_power_capability", time="lastUpdate"
        )
        return
    best = max(points, key=lambda one: Decimal(one["state_of_charge"]))
    at = sheet.as_of("remaining_power_capability")
    sheet.put(
        f"{path}.remainingPowerCapabilityValue",
        {
            "atSoC": Decimal(best["state_of_charge"]),
            "powerCapabilityAt": Decimal(best["power"]),
            "rPCLastUpdated": at,
        },
        "remaining_power_capability",
    )
    sheet.put(f"{path}.lastUpdate", at)
    sheet.say("remaining_power_capability", Why.RESPELT, path, _IN_PERCENT)
    if len(points) > 1 or best.get("duration_s") or best.get("temperature"):
        sheet.say(
            "remaining_power_capability",
            Why.CUT,
            path,
            f"the model holds one point without duration or temperature: at {best['state_of_charge']} %",
        )


def _write_heat(sheet: Sheet) -> None:
    path = f"{_CONDITION}.temperatureInformation"
    times = []
    for attribute, member in _HEATS:
        if sheet.value(attribute) is None:
            sheet.demand(f"{path}.{member}", NO_NUMBER, attribute)
        else:
            sheet.put(f"{path}.{member}", sheet.value(attribute), attribute)
            times.append(sheet.as_of(attribute))
    if times:
        sheet.put(f"{path}.lastUpdate", min(times))  # nothing looks fresher than it is
    else:
        sheet.demand(f"{path}.lastUpdate", NO_TIME)


def _write_events(sheet: Sheet) -> None:
    path = f"{_CONDITION}.negativeEvents"
    entries = []
    for attribute, head in (("deep_discharge_count", _DEEP), ("overcharge_count", _OVER)):
        if sheet.value(attribute) is not None:
            entries.append(
                {"negativeEvent": f"{head}{sheet.value(attribute)}", "lastUpdate": sheet.as_of(attribute)}
            )
            sheet.put(path, entries, attribute)
            sheet.say(attribute, Why.RESPELT, path, "the model has no counter: it stands among the events")
    events = sheet.value("negative_events")
    entries += [
        {"negativeEvent": one["type"], "lastUpdate": one.get("at") or sheet.as_of("negative_events")}
        for one in events or ()
    ]
    if events is not None:
        sheet.put(path, entries, "negative_events")
        if any(set(one) - {"type", "at"} for one in events):
            sheet.say("negative_events", Why.CUT, path, "duration, severity and source have no place")
        if any(not one.get("at") for one in events):
            sheet.say("negative_events", Why.MADE_UP, path, "the model demands a time: that of the record")
    else:
        # Without an event, the list would say that nothing else happened.
        sheet.demand(
            path, [*entries, {"negativeEvent": NOT_STATED, "lastUpdate": NO_TIME}], "negative_events"
        )


def _write_due_diligence(sheet: Sheet) -> None:
    indices = sheet.value("supply_chain_indices")
    if indices:
        path = "SupplyChainDueDiligence.supplyChainIndicies"
        sheet.put(path, Decimal(indices[0]["value"]), "supply_chain_indices")
        sheet.say(
            "supply_chain_indices", Why.CUT, path, "the model holds one number, without its name and scale"
        )


# -------------------------------------------------------------------------------------------------- reading


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the names of aspects differ from tool to tool
    """Whether it holds at least one aspect with a member of its own; chapters of others have like names."""
    try:
        found = foreign_json.files(data)
        aspects, _ = _aspects(found)
    except InputRefused:
        return False
    en_18223 = any(isinstance(one, dict) and "digitalProductPassportId" in one for one in found.values())
    return not en_18223 and any(_ASPECTS[name] & body.keys() for name, body in aspects.items())


def read(data: bytes) -> Brought:
    """What all seven aspects say, one of them, or a zip of some.

    Raises:
        InputRefused: no aspect is in it, or one of them twice; damaged, or out of all proportion.
    """
    aspects, strangers = _aspects(foreign_json.files(data))
    if not aspects:
        raise InputRefused(
            f"expected aspects of the {TITLE}, together, one alone or in a zip ({', '.join(_ASPECTS)});"
            " found none"
        )
    listener = Listener(aspects)
    _read_identity(listener)
    _read_capacity(listener)
    listener.take(PLACES)
    _read_footprint(listener)
    _read_circularity(listener)
    _read_labels(listener)
    _read_materials(listener)
    _read_performance(listener)
    for stranger in strangers:
        listener.lose("", "", f"{stranger[:80]!r} is no aspect that we know")
    return listener.close(listener.get(f"{_GENERAL}.productIdentifier"))


def _aspects(found: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Aspects by name, and what was none of them."""
    aspects: dict[str, Any] = {}
    strangers: list[str] = []
    lower = {name.lower(): name for name in _ASPECTS}
    for file, value in found.items():
        if not isinstance(value, dict):
            strangers.append(file)
            continue
        named = {
            key: lower[key.lower()] for key in value if key.lower() in lower and isinstance(value[key], dict)
        }
        inside = {aspect: value[key] for key, aspect in named.items()}
        strangers += [key for key in value if named and key not in named]
        if not named:
            best = max(_ASPECTS, key=lambda aspect: len(_ASPECTS[aspect] & value.keys()))
            if not _ASPECTS[best] & value.keys():
                strangers.append(file)
                continue
            inside = {best: value}
        for aspect, body in inside.items():
            if aspect in aspects:
                raise InputRefused(f"the aspect {aspect} is there twice: bring one battery at a time")
            aspects[aspect] = body
    return aspects, strangers


def _read_identity(listener: Listener) -> None:
    if listener.get(f"{_GENERAL}.batteryPassportIdentifier") is not None:
        listener.lose(
            "passport_id", f"{_GENERAL}.batteryPassportIdentifier", "the service names its passports itself"
        )
    for party, role in (("operatorInformation", "operator"), ("manufacturerInformation", "manufacturer")):
        path = f"{_GENERAL}.{party}"
        listener.bring(f"{role}_identifier", listener.get(f"{path}.identifier"), f"{path}.identifier")
        listener.bring(f"{role}_name", listener.get(f"{path}.contactName"), f"{path}.contactName")
        _read_address(listener, f"{path}.postalAddress", f"{role}_address")
        web, email = listener.get(f"{path}.webAddress"), listener.get(f"{path}.emailAddress")
        if role == "manufacturer":
            listener.bring("manufacturer_web", web, f"{path}.webAddress")
            listener.bring("manufacturer_email", email, f"{path}.emailAddress")
        else:
            listener.bring_contact("operator_contact", listener.get(f"{path}.contactName"), email, web, path)
    _read_address(listener, f"{_GENERAL}.manufacturingPlace", "manufacturing_place")
    if listener.get(f"{_GENERAL}.warrentyPeriod") is not None:
        listener.lose(
            "warranty_period", f"{_GENERAL}.warrentyPeriod", "a month without its year is no period"
        )


def _read_address(listener: Listener, path: str, attribute: str) -> None:
    members = {
        name: listener.get(f"{path}.{name}") for name in ("addressCountry", "postalCode", "streetAddress")
    }
    address = address_parts(members)
    if address is None:
        if any(value is not None for value in members.values()):
            listener.lose(attribute, path, "a country we know and a town behind the street were expected")
        return
    if attribute == "manufacturing_place":
        address = {"plant": address["street"], "town": address["town"], "country": address["country"]}
    listener.bring(attribute, address, path)


def _read_capacity(listener: Listener) -> None:
    """A remaining capacity that equals the remaining energy was meant in kWh, the model's own unit."""
    path = f"{_CONDITION}.remainingCapacity.remainingCapacityValue"
    capacity = listener.get(path)
    if capacity is not None and capacity == listener.get(
        f"{_CONDITION}.remainingEnergy.remainingEnergyValue"
    ):
        listener.lose(
            "remaining_capacity", path, "it repeats the remaining energy, so that it is no capacity in Ah"
        )
        listener.withhold("remaining_capacity")


def _read_footprint(listener: Listener) -> None:
    path = "CarbonFootprint.carbonFootprintPerLifecycleStage"
    words = {word: name for name, word in _STAGES}
    for entry in listener.entries(path):
        stage = entry.get("lifecycleStage")
        if isinstance(stage, str) and stage in words:
            listener.bring(words[stage], entry.get("carbonFootprint"), path)
        else:
            listener.lose("", path, f"no stage is called {str(stage)[:40]!r}")


def _read_circularity(listener: Listener) -> None:
    path = "Circularity.safetyMeasures.extinguishingAgent"
    agents = listener.get(path)
    if isinstance(agents, list):
        agents = [one for one in agents if not is_mark(one)]
    listener.bring("extinguishing_agent", agents, path)
    path = "Circularity.recycledContent"
    for entry in listener.entries(path):
        metal = str(entry.get("recycledMaterial")).lower()
        if metal not in {name for name, _ in _METALS}:
            listener.lose("", path, f"no recycled share is known of {metal[:40]!r}")
            continue
        listener.bring(f"pre_consumer_recycled_{metal}_share", entry.get("preConsumerShare"), path)
        listener.bring(f"post_consumer_recycled_{metal}_share", entry.get("postConsumerShare"), path)
    path = "Circularity.dismantlingAndRemovalInformation"
    manuals, drawings = [], []
    for entry in listener.entries(path):
        url, kind = entry.get("documentURL"), entry.get("documentType")
        if kind in ("DismantlingManual", "RemovalManual"):
            manuals.append(url)
        elif kind == "Drawing":
            drawings.append({"document": url})
        else:
            listener.lose(
                "", path, f"what the document {str(url)[:80]!r} is about is not said ({str(kind)[:40]})"
            )
    listener.bring("dismantling_manuals", manuals, path)
    listener.bring("dismantling_exploded_diagrams", drawings, path)
    _read_spare_parts(listener)


def _read_spare_parts(listener: Listener) -> None:
    path = "Circularity.sparePartSources"
    sources, parts = [], []
    for entry in listener.entries(path):
        address = entry.get("addressOfSupplier")
        contact = {
            "name": entry.get("nameOfSupplier"),
            "postal_address": address_parts(address) if isinstance(address, dict) else None,
            "email": entry.get("emailAddressOfSupplier"),
            "web": entry.get("supplierWebAddress"),
        }
        contact = {name: value for name, value in contact.items() if value is not None and not is_mark(value)}
        if (
            isinstance(address, dict)
            and "postal_address" not in contact
            and not all(map(is_mark, address.values()))
        ):
            listener.lose(
                "spare_part_sources",
                path,
                "an address without a country we know, or without a town, is left out",
            )
        if "name" in contact and len(contact) > 1:
            sources.append(contact)
        elif contact:
            said = next(iter(contact.values()))
            listener.lose(
                "spare_part_sources", path, f"{str(said)[:80]!r} has no name, or no way to reach it"
            )
        components = entry.get("components")
        parts += [
            {"component": one.get("partName"), "part_number": one.get("partNumber")}
            for one in (components if isinstance(components, list) else ())
            if isinstance(one, dict)
        ]
    listener.bring("spare_part_sources", sources, path)
    listener.bring(
        "part_numbers", [part for place, part in enumerate(parts) if part not in parts[:place]], path
    )


def _read_labels(listener: Listener) -> None:
    path = "Labels.labels"
    meanings = []
    names = {subject: ours for subject, ours, _ in _LABELS}
    symbols = dict(_SYMBOLS)
    for entry in listener.entries(path):
        subject, symbol, said = (
            entry.get(name) for name in ("labelingSubject", "labelingSymbol", "labelingMeaning")
        )
        if not isinstance(subject, str) or subject not in names:
            listener.lose("", path, f"no label is known for {str(subject)[:40]!r}")
            continue
        if subject in symbols and not is_mark(symbol):
            listener.bring(symbols[subject], symbol, path)
        elif subject == "HazardousMaterial" and not is_mark(symbol):
            text = address_text(symbol)
            words = text.split() if isinstance(text, str) and not is_address(text) else []
            if words:
                listener.bring("cadmium_lead_symbols", words, path)
            else:
                listener.lose("cadmium_lead_symbols", path, "an address does not say whether it is Cd or Pb")
        if isinstance(said, dict):
            meanings += [
                {"label": names[subject], "language": language, "text": text}
                for language, text in said.items()
            ]
    listener.bring("label_meaning", meanings, path)


def _read_materials(listener: Listener) -> None:
    path = "MaterialComposition.batteryChemistry"
    short = listener.get(f"{path}.shortName")
    chemistry = CHEMISTRIES_READ.get(short.strip().lower(), short) if isinstance(short, str) else short
    listener.bring("battery_chemistry", chemistry, f"{path}.shortName")
    listener.bring("battery_chemistry_name", listener.get(f"{path}.clearName"), f"{path}.clearName")
    path = "MaterialComposition.batteryMaterials"
    materials = []
    for entry in listener.entries(path):
        where = entry.get("batteryMaterialLocation")
        mass = entry.get("batteryMaterialMass")
        one = {
            "component": where.get("componentName") if isinstance(where, dict) else None,
            "name": entry.get("batteryMaterialName"),
            "cas_number": entry.get("batteryMaterialIdentifier"),
            "mass": None if mass is None else Number(unit="g").read(mass).value,
            "critical": entry.get("isCriticalRawMaterial"),
        }
        materials.append({name: value for name, value in one.items() if value is not None})
    listener.bring("material_composition", materials, path)
    path = "MaterialComposition.hazardousSubstances"
    substances, impacts = [], []
    for entry in listener.entries(path):
        where = entry.get("hazardousSubstanceLocation")
        one = {
            "hazard_class": entry.get("hazardousSubstanceClass"),
            "name": entry.get("hazardousSubstanceName"),
            "cas_number": entry.get("hazardousSubstanceIdentifier"),
            "concentration": entry.get("hazardousSubstanceConcentration"),
            "location": where.get("componentName") if isinstance(where, dict) else None,
        }
        substances.append(
            {name: value for name, value in one.items() if value is not None and not is_mark(value)}
        )
        said = entry.get("hazardousSubstanceImpact")
        impacts += [text for text in (said if isinstance(said, list) else ()) if not is_mark(text)]
    listener.bring("hazardous_substances", substances, path, even_empty=listener.get(path) == [])
    listener.bring(
        "hazardous_substance_impacts",
        [text for place, text in enumerate(impacts) if text not in impacts[:place]],
        path,
    )


def _read_performance(listener: Listener) -> None:
    path = f"{_TECHNICAL}.originalPowerCapability"
    points = [_point(entry) for entry in listener.entries(path)]
    listener.bring("original_power_capability", points, path)
    if points:
        listener.lose(
            "original_power_capability", path, "taken as W, although the model's own unit is %", Why.RESPELT
        )
    _read_parts(listener, f"{_TECHNICAL}.initialInternalResistance", _RESISTANCES, "ohmicResistance")
    _read_parts(
        listener, f"{_CONDITION}.internalResistanceIncrease", _INCREASES, "internalResistanceIncreaseValue"
    )
    _read_remaining_power(listener)
    for attribute, member in _HEATS:
        path = f"{_CONDITION}.temperatureInformation.{member}"
        listener.bring(attribute, listener.get(path), path)
    listener.get(f"{_CONDITION}.temperatureInformation.lastUpdate")
    _read_events(listener)
    _read_of_1_2_0(listener)
    path = "SupplyChainDueDiligence.supplyChainIndicies"
    if listener.get(path) is not None:
        listener.lose("supply_chain_indices", path, "a number without the name of its index")


def _point(entry: Mapping[str, Any]) -> dict[str, Any]:
    one = {"state_of_charge": entry.get("atSoC"), "power": entry.get("powerCapabilityAt")}
    return {name: value for name, value in one.items() if value is not None}


def _read_parts(listener: Listener, path: str, rows: Iterable[tuple[str, str]], member: str) -> None:
    words = {part: attribute for attribute, part in rows}
    for entry in listener.entries(path):
        part = entry.get("batteryComponent")
        if isinstance(part, str) and part in words:
            listener.bring(words[part], entry.get(member), path)
        else:
            listener.lose("", path, f"no part of a battery is called {str(part)[:40]!r}")


def _read_remaining_power(listener: Listener) -> None:
    path = f"{_CONDITION}.remainingPowerCapability"
    inner = f"{path}.remainingPowerCapabilityValue"
    listener.get(f"{path}.lastUpdate")
    found = [listener.get(inner)] if isinstance(listener.get(inner), dict) else []
    # Performance 1.2.0 has a list of them.
    found += [entry.get("remainingPowerCapabilityValue") for entry in listener.entries(path)]
    points = [
        point
        for one in found
        if isinstance(one, dict) and not is_mark(one.get("atSoC")) and (point := _point(one))
    ]
    listener.bring("remaining_power_capability", points, path)
    if points:
        listener.lose(
            "remaining_power_capability", path, "taken as W, although the model's own unit is %", Why.RESPELT
        )


def _read_events(listener: Listener) -> None:
    path = f"{_CONDITION}.negativeEvents"
    events, unknown = [], not listener.is_list(path)
    for entry in listener.entries(path):
        said, at = entry.get("negativeEvent"), entry.get("lastUpdate")
        unknown |= is_mark(said)
        count = re.fullmatch(r"(deep discharges|overcharges) counted: ([0-9]{1,15})", str(said))
        if count is not None:
            row = "deep_discharge_count" if count[1] == "deep discharges" else "overcharge_count"
            listener.bring(row, int(count[2]), path)
        elif said is not None and not is_mark(said):
            zoned = isinstance(at, str) and re.search(r"T.*(Z|[+-][0-9]{2}:[0-9]{2})$", at)
            events.append({"type": said} | ({"at": at} if zoned else {}))
    listener.bring("negative_events", events, path, even_empty=not unknown)


def _read_of_1_2_0(listener: Listener) -> None:
    """Keys that the patch to 1.2.1 renamed or made objects of."""
    for attribute, path in (
        ("remaining_energy", f"{_CONDITION}.remainingEnergy.remainingEnergyalue"),
        (
            "self_discharge_rate_current",
            f"{_CONDITION}.currentSelfDischargingRate.currentSelfDischargingRateEntity",
        ),
        (
            "self_discharge_evolution",
            f"{_CONDITION}.evolutionOfSelfDischarge.evolutionOfSelfDischargeEntityValue",
        ),
    ):
        listener.bring(attribute, listener.get(path), path)
    for attribute, name in (
        ("energy_throughput", "energyThroughput"),
        ("capacity_throughput", "capacityThroughput"),
    ):
        path = f"{_CONDITION}.{name}"
        if listener.is_number(path):
            listener.bring(attribute, listener.get(path), path)
