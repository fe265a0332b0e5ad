"""A subject as trees of the eight submodels, with every loss.

What was spelt is understood again before it is handed out: a value that would come back otherwise, and whose
loss was not told, is told then. So no subject can lose a value in silence.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError

from passport.exports.aas.environment import Found
from passport.exports.aas.parts import PARTS
from passport.exports.aas.places import (
    CE,
    FILED,
    HAZARD_CLASSES,
    METALS,
    NO_PLACE,
    OWN_CLASSES,
    PLACES,
    SEPARATE_COLLECTION,
    STAGES,
    UNIT_TRAPS,
    VDI_2770,
    Place,
)
from passport.exports.aas.shape import Element, Shape
from passport.exports.aas.tree import LONGEST_TEXT, FileAt, Leaf, Texts, Tree, english, printable
from passport.exports.aas.understand import understand
from passport.exports.format import Loss, Subject, Why
from schemas.attribute import Attribute
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import Unit
from schemas.validation import MADE_BY_SERVICE, field_of
from schemas.values import Kind

STANDARD: Final = "EN 18223:2026"
_BY_NUMBER: Final = MappingProxyType({part.number: part for part in PARTS})
# Digits that a binary float of each type surely keeps. Source: IEEE 754, FLT_DIG and DBL_DIG.
_DIGITS: Final[Mapping[str, int]] = MappingProxyType({"xs:float": 6, "xs:double": 15})
_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pdf": "application/pdf",
        "html": "text/html",
        "htm": "text/html",
        "txt": "text/plain",
        "csv": "text/csv",
        "json": "application/json",
        "xml": "application/xml",
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "svg": "image/svg+xml",
        "zip": "application/zip",
    }
)


@dataclass
class _Speller:
    """Collects trees and losses for one subject."""

    subject: Subject
    trees: dict[str, Any] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # attributes that are in the document or in the losses

    def given(self, attribute: str) -> Any:
        """The value; from here on it is up to the caller to place it or to tell its loss.

        A nested value that lacks what its shape demands today is told here, and is None.
        """
        value = self.subject.given(attribute)
        if value is None:
            return None
        self.told.add(attribute)
        if REGISTRY[attribute].value.kind is Kind.STRUCTURE and not _whole(attribute, value):
            sentence = "It does not have the members that such a value has today."
            self.lose(attribute, Why.NO_PLACE, "", sentence)
            return None
        return value

    def lose(self, attribute: str, why: Why, path: str, sentence: str) -> None:
        self.losses.append(Loss(attribute, why, path, sentence))

    def put(self, place: Place, tree: Any) -> None:
        """Set what stands at the place; what is already there stays."""
        number, *names = place
        here = self.trees.setdefault(number, {})
        for name in names[:-1]:
            here = here.setdefault(name, {})
        here.setdefault(names[-1], tree)

    def as_of(self, attribute: str) -> Leaf | None:
        """The moment the value is true of; None where none is stated."""
        moment = self.subject.values[attribute].get("as_of")
        return Leaf(moment) if moment else None


def _whole(attribute: str, value: Any) -> bool:
    try:
        field_of(attribute).deserialize(value)
    except ValidationError:
        return False
    return True


def spell(subject: Subject) -> tuple[dict[str, Tree], list[Loss]]:
    """Number of the part to its tree, and the losses; parts about which nothing is stated are left out."""
    speller = _Speller(subject)
    for spell_some in (_plain, _nameplate, _footprint, _power, _events, _materials, _circularity):
        spell_some(speller)
    _documents(speller)
    _header(speller)
    for name, stated in subject.values.items():
        if "value" in stated and name not in speller.told:
            reason = NO_PLACE.get(name, "IDTA 02035 has no element for it")
            speller.lose(name, Why.NO_PLACE, "", f"{reason[0].upper()}{reason[1:]}.")
    _read_again(speller)
    return speller.trees, speller.losses


def path_of(place: Place) -> str:
    """The place as it is written in a report: `TechnicalData/GeneralInformation/BatteryMass`."""
    number, *names = place
    return "/".join((_BY_NUMBER[number].root.name, *names))


# ---------------------------------------------------------------------------------------------- plain values


def _plain(speller: _Speller) -> None:
    """Every attribute that has places of its own."""
    moments: dict[Place, list[str]] = {}
    for name, places in PLACES.items():
        value = speller.given(name)
        if value is None:
            continue
        for place in places:
            shape = _BY_NUMBER[place[0]].root.at(*place[1:])
            speller.put(place, _spelt(speller, REGISTRY[name], shape, value, place))
        if places[0][0] == "02035-5":
            moment = speller.subject.values[name].get("as_of")
            moments.setdefault(places[0][:-1], []).extend([moment] if moment else [])
        if name in UNIT_TRAPS:
            _trap(speller, name, places[0])
    for place, stated in moments.items():
        if stated:
            speller.put((*place, "LastUpdate"), Leaf(max(stated)))


def _trap(speller: _Speller, name: str, place: Place) -> None:
    unit = REGISTRY[name].value.unit
    assert unit is not None
    speller.lose(
        name,
        Why.RESPELT,
        path_of(place),
        f"Stands in {unit.value}, as the law has it, with the unit beside it; {UNIT_TRAPS[name]},"
        " so a reader who passes over the unit may be misled.",
    )


def _spelt(speller: _Speller, row: Attribute[Any], shape: Shape, value: Any, place: Place) -> Any:
    if row.value.many:
        return [Leaf(printable(one)) for one in value]
    if row.value.kind is Kind.NUMBER or (row.value.kind is Kind.INTEGER and not isinstance(value, str)):
        return _number(speller, row.id, value, shape, row.value.unit, path_of(place))
    if row.value.kind is Kind.DURATION_MONTHS:
        return Leaf(f"P{value}M")
    if row.value.kind is Kind.YEAR_MONTH:
        speller.lose(
            row.id,
            Why.RESPELT,
            path_of(place),
            f"Stands as the month {value} (xs:gYearMonth); the template has a day, and none is stated.",
        )
    return _words(speller, row.id, str(value), shape.kind, path_of(place))


def _words(speller: _Speller, name: str, text: str, kind: Element, path: str) -> Leaf | Texts:
    clean = printable(text)
    if clean != text:
        speller.lose(name, Why.RESPELT, path, "Characters that XML cannot hold are left out.")
    if kind is not Element.TEXTS:
        return Leaf(clean)
    if len(clean) > LONGEST_TEXT:
        speller.lose(
            name,
            Why.CUT,
            path,
            f"Cut after {LONGEST_TEXT} characters, the most a text in a language may have.",
        )
    return english(clean)


def _number(speller: _Speller, name: str, value: Any, shape: Shape, unit: Unit | None, path: str) -> Leaf:
    number = Decimal(str(value))
    beside = unit.value if unit is not None else ""
    if shape.xs == "xs:integer" and number != number.to_integral_value():
        whole = number.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        speller.lose(
            name,
            Why.ROUNDED,
            path,
            f"{number:f} {beside} is rounded to {whole:f}: the template has a whole number.",
        )
        return Leaf(f"{whole:f}", beside)
    if shape.xs == "xs:integer":
        return Leaf(f"{number.to_integral_value():f}", beside)
    digits = len(number.normalize().as_tuple().digits)
    if digits > _DIGITS.get(shape.xs, digits):
        speller.lose(
            name,
            Why.ROUNDED,
            path,
            f"The text is exact, but the template has {shape.xs}: a reader who takes it so keeps"
            f" {_DIGITS[shape.xs]} digits of {digits}.",
        )
    return Leaf(f"{number:f}", beside)


# ------------------------------------------------------------------------------------------------- nameplate


def _nameplate(speller: _Speller) -> None:
    address = speller.given("manufacturer_address")
    if address is not None:
        for member, name in _ADDRESS.items():
            if member in address:
                place = ("02035-1", "AddressInformation", name)
                speller.put(
                    place,
                    _words(speller, "manufacturer_address", address[member], Element.TEXTS, path_of(place)),
                )
    if speller.subject.given("battery_id") is None:
        speller.put(("02035-1", "URIOfTheProduct"), Leaf(speller.subject.identifier_url))
    markings = [*_symbols(speller), *_meanings(speller)]
    if markings:
        speller.put(("02035-1", "Markings"), markings)


_ADDRESS: Final = MappingProxyType(
    {"street": "Street", "postal_code": "Zipcode", "town": "CityTown", "country": "NationalCode"}
)
_MARKINGS: Final = "BatteryNameplate/Markings"


def _symbols(speller: _Speller) -> Iterable[Tree]:
    symbol = speller.given("separate_collection_symbol")
    if symbol is not None:
        yield {"MarkingName": Leaf(SEPARATE_COLLECTION), "MarkingFile": FileAt(symbol, media_type(symbol))}
    metals = speller.given("cadmium_lead_symbols")
    if metals == []:
        speller.lose(
            "cadmium_lead_symbols",
            Why.NO_PLACE,
            _MARKINGS,
            "That neither symbol is needed cannot be said; no marking stands there.",
        )
    for metal in metals or ():
        yield {"MarkingName": Leaf(metal)}
    ce = speller.given("ce_marking")
    if ce is not None:
        marking: dict[str, Any] = {"MarkingName": Leaf(CE)}
        if "notified_body" in ce:
            marking["MarkingAdditionalText"] = [Leaf(printable(ce["notified_body"]))]
        if "year" in ce:
            speller.lose(
                "ce_marking",
                Why.CUT,
                _MARKINGS,
                f"The year {ce['year']} is left out: a marking has days of issue and expiry alone.",
            )
        yield marking


def _meanings(speller: _Speller) -> Iterable[Tree]:
    """Labels with their meaning, languages of one label together as they follow each other."""
    together: list[tuple[str, list[Leaf]]] = []
    for one in speller.given("label_meaning") or ():
        text = Leaf(printable(f"[{one['language']}] {one['text']}"))
        if together and together[-1][0] == one["label"]:
            together[-1][1].append(text)
        else:
            together.append((one["label"], [text]))
    for label, said in together:
        yield {"MarkingName": Leaf(printable(label)), "MarkingAdditionalText": said}


# ------------------------------------------------------------------------------------------ carbon footprint


def _footprint(speller: _Speller) -> None:
    methods = [Leaf(printable(one)) for one in speller.given("cf_methodology") or ()]
    total = _carbon(speller, "cf_total", "kWh", tuple(STAGES.values()), methods)
    class_of = speller.given("cf_performance_class")
    study = speller.subject.given("cf_study_url")
    stages = [_carbon(speller, name, "kWh", (phase,), methods) for name, phase in STAGES.items()]
    absolute = _carbon(speller, "cf_absolute", "piece", tuple(STAGES.values()), methods)
    if total is None and (class_of or study or methods or any(stages) or absolute):
        total = _entry(None, "kWh", tuple(STAGES.values()), methods)
    if total is None:
        return
    if class_of:
        total["PerformanceClass"] = Leaf(printable(class_of))
    if study:
        total["WebLinkToPublicCarbonFootprintStudy"] = [Leaf(study)]
    speller.put(
        ("02035-3", "ProductCarbonFootprints"),
        [one for one in (total, *stages, absolute) if one is not None],
    )


def _carbon(
    speller: _Speller, name: str, unit: str, phases: Sequence[str], methods: list[Leaf]
) -> dict[str, Any] | None:
    value = speller.given(name)
    if value is None:
        return None
    place: Place = ("02035-3", "ProductCarbonFootprints", "PcfCO2eq")
    shape = _BY_NUMBER["02035-3"].root.at(*place[1:])
    number = _number(speller, name, value, shape, REGISTRY[name].value.unit, path_of(place))
    return _entry(number, unit, phases, methods)


def _entry(number: Leaf | None, unit: str, phases: Sequence[str], methods: list[Leaf]) -> dict[str, Any]:
    return {
        "PcfCalculationMethods": methods,
        "PcfCO2eq": number,
        "ReferenceImpactUnitForCalculation": Leaf(unit),
        "QuantityOfMeasureForCalculation": Leaf("1"),
        "LifeCyclePhases": [Leaf(phase) for phase in phases],
    }


# ------------------------------------------------------------------------------------------ power and events


def _power(speller: _Speller) -> None:
    place: Place = (*PLACES["maximum_permitted_power"][0][:-1], "OriginalPowerCapability")
    points = speller.given("original_power_capability")
    if points:
        shape = _BY_NUMBER["02035-4"].root.at(*place[1:])
        speller.put(
            place, [_point(speller, "original_power_capability", one, shape.entry, place) for one in points]
        )
        _say_left_out(speller, "original_power_capability", points, ("duration_s", "temperature"), place)
    place = ("02035-5", "RemainingPowerCapability")
    points = speller.given("remaining_power_capability")
    if points == []:
        speller.lose("remaining_power_capability", Why.CUT, path_of(place), "An empty list cannot be said.")
    if points:
        shape = _BY_NUMBER["02035-5"].root.at(*place[1:], "RemainingPowerCapabilityDynamicAt")
        moment = speller.as_of("remaining_power_capability")
        point = _point(speller, "remaining_power_capability", points[0], shape, place)
        speller.put(
            place,
            {
                "RemainingPowerCapabilityDynamicAt": {"RPCLastUpdated": moment, **point},
                "LastUpdate": moment,
            },
        )
        if len(points) > 1:
            speller.lose(
                "remaining_power_capability",
                Why.CUT,
                path_of(place),
                f"Of {len(points)} points the first stands there: part 5 has room for one.",
            )
        _say_left_out(speller, "remaining_power_capability", points[:1], ("duration_s", "temperature"), place)
        _trap(speller, "remaining_power_capability", place)


def _point(
    speller: _Speller, name: str, point: Mapping[str, Any], shape: Shape, place: Place
) -> dict[str, Leaf]:
    at, power = (part for part in shape.parts if part.name != "RPCLastUpdated")
    return {
        at.name: _number(speller, name, point["state_of_charge"], at, Unit.PERCENT, path_of(place)),
        power.name: _number(speller, name, point["power"], power, Unit.WATT, path_of(place)),
    }


def _say_left_out(
    speller: _Speller, name: str, entries: Iterable[Mapping[str, Any]], members: Sequence[str], place: Place
) -> None:
    """One loss for the members of nested values that have no element."""
    found = [member for member in members if any(member in entry for entry in entries)]
    if found:
        *first, last = (member.removesuffix("_s").replace("_", " ") for member in found)
        words = f"{', '.join(first)} and {last}" if first else last
        speller.lose(name, Why.CUT, path_of(place), f"Without {words}: the template has no element for it.")


def _events(speller: _Speller) -> None:
    place: Place = ("02035-5", "NegativeEvents")
    events = speller.given("negative_events")
    if events is None:
        return
    if not events:
        speller.lose(
            "negative_events", Why.NO_PLACE, path_of(place), "That no event is known cannot be said."
        )
        return
    speller.put(
        place,
        [
            {
                "NegativeEventValue": Leaf(printable(one["type"])),
                "LastUpdate": Leaf(one["at"]) if "at" in one else None,
            }
            for one in events
        ],
    )
    _say_left_out(speller, "negative_events", events, ("duration_s", "severity", "source"), place)


# ------------------------------------------------------------------------------------------------- materials


def _materials(speller: _Speller) -> None:
    materials = [*_composition(speller), *_critical(speller)]
    if materials:
        speller.put(("02035-6", "BatteryMaterials"), materials)
    _hazardous(speller)


def _composition(speller: _Speller) -> Iterable[Tree]:
    place: Place = ("02035-6", "BatteryMaterials")
    shape = _BY_NUMBER["02035-6"].root.at(*place[1:], "BatteryMaterialMass")
    entries = speller.given("material_composition") or ()
    for one in entries:
        material: dict[str, Any] = {
            "BatteryMaterialLocation": {"ComponentName": Leaf(printable(one["component"]))},
            "BatteryMaterialName": Leaf(printable(one["name"])),
        }
        if "cas_number" in one:
            material["BatteryMaterialIdentifier"] = Leaf(one["cas_number"])
        if "mass" in one:
            material["BatteryMaterialMass"] = _number(
                speller, "material_composition", one["mass"], shape, Unit.KILOGRAM, path_of(place)
            )
        if "critical" in one:
            material["IsCriticalRawMaterial"] = Leaf("true" if one["critical"] else "false")
        yield material
    _say_left_out(speller, "material_composition", entries, ("share",), place)
    if any("mass" not in one for one in entries):
        speller.lose(
            "material_composition",
            Why.CUT,
            path_of(place),
            "A material with a share alone stands without amount; such an entry is not read back.",
        )


def _critical(speller: _Speller) -> Iterable[Tree]:
    """Critical raw materials stand without a component, which tells them from the composition."""
    place: Place = ("02035-6", "BatteryMaterials")
    entries = speller.given("critical_raw_materials")
    if entries == []:
        speller.lose(
            "critical_raw_materials", Why.NO_PLACE, path_of(place), "That there is none cannot be said."
        )
    for one in entries or ():
        material: dict[str, Any] = {
            "BatteryMaterialName": Leaf(printable(one["name"])),
            "IsCriticalRawMaterial": Leaf("true"),
        }
        if "cas_number" in one:
            material["BatteryMaterialIdentifier"] = Leaf(one["cas_number"])
        yield material
    _say_left_out(speller, "critical_raw_materials", entries or (), ("share", "list_version"), place)


def _hazardous(speller: _Speller) -> None:
    place: Place = ("02035-6", "HazardousSubstances")
    substances = speller.given("hazardous_substances")
    locations = list(speller.given("hazardous_substance_location") or ())
    if substances == []:
        speller.lose(
            "hazardous_substances", Why.NO_PLACE, path_of(place), "That there is none cannot be said."
        )
    shape = _BY_NUMBER["02035-6"].root.at(*place[1:], "HazardousSubstanceConcentration")
    spelt = []
    for one in substances or ():
        entry: dict[str, Any] = {"HazardousSubstanceName": Leaf(printable(one["name"]))}
        if "hazard_class" in one:
            entry["HazardousSubstanceClass"] = Leaf(printable(one["hazard_class"]))
        if "concentration" in one:
            entry["HazardousSubstanceConcentration"] = _number(
                speller,
                "hazardous_substances",
                one["concentration"],
                shape,
                Unit.PERCENT_BY_MASS,
                path_of(place),
            )
        if "impact" in one:
            entry["HazardousSubstanceImpact"] = [Leaf(printable(one["impact"]))]
        if "cas_number" in one:
            entry["HazardousSubstanceIdentifier"] = Leaf(one["cas_number"])
        where = next((row for row in locations if _same_substance(row, one)), None)
        if where is not None:
            locations.remove(where)
        component = where["component"] if where is not None else one.get("location")
        if component is not None:
            entry["HazardousSubstanceLocation"] = {"ComponentName": Leaf(printable(component))}
        spelt.append(entry)
    if spelt:
        speller.put(place, spelt)
    _say_hazards(speller, substances or (), locations, place)


def _same_substance(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["name"], one.get("cas_number")) == (other["name"], other.get("cas_number"))


def _say_hazards(
    speller: _Speller, substances: Sequence[Mapping[str, Any]], left: Sequence[Any], place: Place
) -> None:
    classes = {one["hazard_class"] for one in substances if "hazard_class" in one}
    if unknown := sorted(classes - set(HAZARD_CLASSES)):
        speller.lose(
            "hazardous_substances",
            Why.RESPELT,
            path_of(place),
            f"The class {', '.join(unknown)} stands as it is; the model behind the template has others.",
        )
    if any("location" in one for one in substances):
        speller.lose(
            "hazardous_substances",
            Why.RESPELT,
            path_of(place),
            "The location stands beside the substance and is read back as its restricted location.",
        )
    if left:
        speller.lose(
            "hazardous_substance_location",
            Why.CUT,
            path_of(place),
            f"{len(left)} locations are left out: their substance is not in the list they would stand in.",
        )


# ----------------------------------------------------------------------------------------------- circularity


def _circularity(speller: _Speller) -> None:
    suppliers = [*_suppliers(speller), *_parts(speller)]
    if suppliers:
        speller.put(("02035-7", "SparePartSources"), suppliers)
    shares = [entry for metal in METALS if (entry := _shares(speller, metal))]
    if shares:
        speller.put(("02035-7", "RecycledContentInformation"), shares)


def _suppliers(speller: _Speller) -> Iterable[Tree]:
    place: Place = ("02035-7", "SparePartSources")
    entries = speller.given("spare_part_sources") or ()
    for one in entries:
        supplier: dict[str, Any] = {"NameOfSupplier": _supplier(speller, one["name"])}
        address = one.get("postal_address", {})
        spelt = {
            name: _supplier(speller, address[member])
            for member, name in _SUPPLIER.items()
            if member in address
        }
        if spelt:
            supplier["AddressOfSupplier"] = spelt
        if "email" in one:
            supplier["EmailAddressOfSupplier"] = {"EmailAddress": Leaf(one["email"])}
        if "web" in one:
            supplier["SupplierWebAddress"] = Leaf(one["web"])
        yield supplier
    _say_left_out(speller, "spare_part_sources", entries, ("telephone",), place)
    addresses = [one["postal_address"] for one in entries if "postal_address" in one]
    _say_left_out(speller, "spare_part_sources", addresses, ("town",), place)


_SUPPLIER: Final = MappingProxyType(
    {"country": "NationalCode", "postal_code": "PostalCode", "street": "Street"}
)


def _supplier(speller: _Speller, text: str) -> Leaf | Texts:
    return _words(
        speller, "spare_part_sources", text, Element.TEXTS, path_of(("02035-7", "SparePartSources"))
    )


def _parts(speller: _Speller) -> Iterable[Tree]:
    """Part numbers stand under a source without a name: who supplies which part is not stated."""
    numbers = speller.given("part_numbers")
    if numbers:
        yield {
            "Components": [
                {
                    "PartName": Leaf(printable(one["component"])),
                    "PartNumber": Leaf(printable(one["part_number"])),
                }
                for one in numbers
            ]
        }


def _shares(speller: _Speller, metal: str) -> Tree:
    place: Place = ("02035-7", "RecycledContentInformation")
    entry: dict[str, Any] = {}
    for prefix, name in (("pre_consumer", "PreConsumerShare"), ("post_consumer", "PostConsumerShare")):
        attribute = f"{prefix}_recycled_{metal}_share"
        value = speller.given(attribute)
        if value is not None:
            shape = _BY_NUMBER["02035-7"].root.at(*place[1:], name)
            entry[name] = _number(speller, attribute, value, shape, Unit.PERCENT, path_of(place))
    return {"RecycledMaterial": Leaf(METALS[metal]), **entry} if entry else {}


# ------------------------------------------------------------------------------------------------- documents


def media_type(address: str) -> str:
    """The kind of file, guessed from the end of its address."""
    suffix = urlsplit(address).path.rpartition(".")[2].lower()
    return _MEDIA_TYPES.get(suffix, "application/octet-stream")


def _documents(speller: _Speller) -> None:
    documents: dict[str, list[str]] = {}
    referred: dict[Place, list[Leaf]] = {}
    for name, filed in FILED.items():
        value = speller.given(name)
        if value is None:
            continue
        entries = value if isinstance(value, list) else [value]
        addresses = [one.get(filed.member) for one in entries] if filed.member else entries
        if filed.place is None and addresses:
            _say_filed(speller, name)
        for address in addresses:
            if address is None:
                continue
            documents.setdefault(address, [])
            if name not in documents[address]:
                documents[address].append(name)
            if filed.place is not None:
                referred.setdefault(filed.place, []).append(Leaf(address))
        if filed.member and any("description" in one for one in entries):
            speller.lose(
                name,
                Why.CUT,
                path_of(filed.place or ("02035-2",)),
                "Descriptions in words are left out: the template takes identifiers of documents.",
            )
        if not entries:
            speller.lose(name, Why.NO_PLACE, "", "That there is no such document cannot be said.")
    for place, identifiers in referred.items():
        if place[0] != "02035-3":  # the study stands in its entry already
            speller.put(place, identifiers)
    symbol = speller.subject.given("separate_collection_symbol")
    if documents:
        speller.put(("02035-2", "Documents"), [_document(*one) for one in documents.items()])
        _say_documents(speller)
    elif symbol:
        _say_media_type(speller, _MARKINGS)


def _say_filed(speller: _Speller, name: str) -> None:
    speller.lose(
        name,
        Why.RESPELT,
        "HandoverDocumentation/Documents",
        "No element is made for it: it is among the documents under its title, where a reader may not look.",
    )


def _say_documents(speller: _Speller) -> None:
    versions = "HandoverDocumentation/Documents[]/DocumentVersions[]"
    speller.lose(
        "",
        Why.MADE_UP,
        "HandoverDocumentation/Documents[]/DocumentClassifications",
        "Each document has a class of VDI 2770, chosen by us from the attribute it belongs to.",
    )
    _say_media_type(speller, f"{versions}/DigitalFiles")


def _say_media_type(speller: _Speller, path: str) -> None:
    speller.lose("", Why.MADE_UP, path, "The kind of each file is guessed from the end of its address.")


def _document(address: str, attributes: Sequence[str]) -> Tree:
    classes = [
        {"ClassName": english(name), "ClassId": Leaf(identifier), "ClassificationSystem": Leaf(VDI_2770)}
        for identifier, name in dict.fromkeys(FILED[attribute].of_class for attribute in attributes)
    ]
    ours = [
        {
            "ClassName": english(REGISTRY[attribute].title),
            "ClassId": Leaf(attribute),
            "ClassificationSystem": Leaf(f"{OWN_CLASSES} {REGISTRY_VERSION}"),
        }
        for attribute in attributes
    ]
    parts = urlsplit(address)
    return {
        "DocumentClassifications": [*classes, *ours],
        "DocumentIds": [
            {"DocumentDomainId": Leaf(parts.hostname or parts.scheme), "DocumentIdentifier": Leaf(address)}
        ],
        "DocumentVersions": [
            {
                "Title": english(REGISTRY[attributes[0]].title),
                "DigitalFiles": [FileAt(address, media_type(address))],
            }
        ],
    }


# ---------------------------------------------------------------------------------------------------- header


def _header(speller: _Speller) -> None:
    subject = speller.subject
    speller.put(
        ("02099-1", "digitalProductPassportId"), Leaf(speller.given("passport_id") or subject.passport_url)
    )
    speller.put(("02099-1", "uniqueProductIdentifier"), Leaf(subject.identifier_url))
    speller.given("dpp_granularity")
    speller.put(("02099-1", "granularity"), Leaf("Item"))
    version = speller.given("dpp_schema_version")
    speller.put(("02099-1", "dppSchemaVersion"), Leaf(STANDARD))
    if version is not None and version != STANDARD:
        speller.lose(
            "dpp_schema_version",
            Why.RESPELT,
            "DppMetadata/dppSchemaVersion",
            f"Names the standard of the header, {STANDARD}, and not our registry {version}.",
        )
    status = speller.given("dpp_status")
    if status is not None:
        speller.put(("02099-1", "dppStatus"), Leaf(status))
    moment = speller.given("dpp_last_updated_at") or _utc(subject)
    speller.put(("02099-1", "lastUpdate"), Leaf(moment))
    operator = subject.given("operator_identifier")
    speller.put(("02099-1", "economicOperatorId"), Leaf(printable(operator or subject.operator_did)))
    if operator is None:
        speller.lose(
            "",
            Why.RESPELT,
            "DppMetadata/economicOperatorId",
            "The identifier by which the operator signs stands there; this audience does not see another.",
        )
    own = speller.given("content_specification_ids")
    models = [
        part.root.meaning for part in PARTS if part.number in speller.trees and part.number != "02099-1"
    ]
    speller.put(
        ("02099-1", "contentSpecificationIds"), [Leaf(one) for one in dict.fromkeys([*(own or ()), *models])]
    )


def _utc(subject: Subject) -> str:
    return subject.issued_at.isoformat().replace("+00:00", "Z")


# --------------------------------------------------------------------------------------------- reading again


def _read_again(speller: _Speller) -> None:
    """Tell what would come back otherwise and was not told."""
    silent = speller.told - {loss.attribute for loss in speller.losses} - MADE_BY_SERVICE
    brought = understand(Found(trees=dict(speller.trees)))
    for name in REGISTRY:
        if name in silent and not _same(name, speller.subject.given(name), brought.facts.get(name)):
            speller.lose(name, Why.CUT, brought.paths.get(name, ""), "Read back, it does not say the same.")


def _same(name: str, given: Any, read: Any) -> bool:
    deserialize: Callable[[Any], Any] = field_of(name).deserialize
    try:
        return bool(read is not None and deserialize(given) == deserialize(read))
    except ValidationError:
        return False
