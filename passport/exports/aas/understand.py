"""Trees of the eight submodels as facts in our words, with the place of each and every loss.

A value is taken as the file says it; whether it may be stated is judged later, by those who load facts. What
is in the file and was not taken is named by its path, so that nothing disappears on the way in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from passport.exports.aas.environment import Found
from passport.exports.aas.parts import PARTS
from passport.exports.aas.places import (
    CE,
    FILED,
    METALS,
    OWN_CLASSES,
    PLACES,
    STAGES,
    Place,
)
from passport.exports.aas.shape import unversioned
from passport.exports.aas.tree import End, FileAt, Leaf, Texts, Tree, ends
from passport.exports.format import Brought, Loss, Why
from schemas.attribute import Attribute
from schemas.quantity import spellings
from schemas.registry import REGISTRY
from schemas.terms import BatteryStatus, Unit
from schemas.values import Kind

# Units as the models behind the templates name them. Source: urn:samm:org.eclipse.esmf.samm:unit:2.1.0.
_UNIT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "percent": "%",
        "kilogram": "kg",
        "gram": "g",
        "watt": "W",
        "kilowatt": "kW",
        "volt": "V",
        "ohm": "Ω",
        "milliohm": "mΩ",
        "amperehour": "Ah",
        "kilowatthour": "kWh",
        "degreecelsius": "°C",
        "minuteunitoftime": "min",
        "year": "a",
        "month": "month",
        "cycle": "cycles",
    }
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_SPOKEN: Final = re.compile(r"\[([A-Za-z0-9-]{2,12})\] (.*)", re.DOTALL)
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2})-[0-9]{2}(?:T.*)?")
_PERIOD: Final = re.compile(r"P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?")
# Pack, module and cell resistances beyond this are milliohms that lost their prefix.
_RESISTANCE_DOUBTED_FROM: Final = Decimal(10)


@dataclass
class _Reader:
    """Takes ends out of trees and remembers which."""

    trees: Mapping[str, Tree]
    facts: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)

    def lose(self, attribute: str, why: Why, path: str, sentence: str) -> None:
        self.losses.append(Loss(attribute, why, path, sentence))

    def at(self, place: Place) -> Any:
        """What stands at a place; None where nothing does."""
        here: Any = self.trees.get(place[0])
        for name in place[1:]:
            here = here.get(name) if isinstance(here, Mapping) else None
        return here

    def entries(self, place: Place) -> list[Tree]:
        """The entries of a list of collections; none where there is no such list."""
        here = self.at(place)
        return [one for one in here if isinstance(one, Mapping)] if isinstance(here, list) else []

    def state(self, attribute: str, value: Any, path: str) -> None:
        """Take a fact over; empty ones are no facts."""
        if value not in (None, "", [], {}):
            self.facts[attribute] = value
            self.paths[attribute] = path

    def text(self, end: Any, attribute: str = "") -> str:
        """The words of an end, in English where there are several languages; empty where it has none."""
        if not isinstance(end, (Leaf, Texts, FileAt)):
            return ""
        self.taken.add(id(end))
        if isinstance(end, Texts):
            return self._of_languages(end, attribute)
        return (end.text if isinstance(end, Leaf) else end.address).strip()

    def _of_languages(self, end: Texts, attribute: str) -> str:
        english = next((text for language, text in end.by_language if language.split("-")[0] == "en"), None)
        chosen = english if english is not None else end.by_language[0][1]
        if any(text != chosen for _, text in end.by_language):
            self.lose(
                attribute,
                Why.CUT,
                end.path,
                f"One of {len(end.by_language)} languages is taken over; the attribute holds one text.",
            )
        return chosen.strip()

    def number(self, end: Any, unit: Unit | None, attribute: str) -> Any:
        """The number as facts are stated: text, with its unit where the file gives one that we can convert.

        None where it is no number, or in a unit of another quantity; that is told.
        """
        text = self.text(end, attribute)
        if not text:
            return None
        path = end.path
        if _NUMBER.fullmatch(text) is None or (plain := _plain(text)) is None:
            self.lose(attribute, Why.NOT_READ, path, f"Expected a number, got {text[:60]!r}.")
            return None
        said = end.unit if isinstance(end, Leaf) else ""
        if not said or unit is None:
            return plain
        symbol = _UNIT_NAMES.get(said.rpartition("#")[2].casefold(), said)
        if symbol in spellings(unit):
            return plain if symbol == unit.value else {"value": plain, "unit": symbol}
        if unit is Unit.PERCENT_PER_MONTH and symbol == "%":
            self.lose(
                attribute, Why.RESPELT, path, "The file says % without a time; it is read as % per month."
            )
            return plain
        self.lose(attribute, Why.NOT_READ, path, f"Expected {unit.value}, got {plain} {said[:40]}.")
        return None


def _plain(text: str) -> str | None:
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        return None


def understand(found: Found) -> Brought:
    """What the trees say; the identifier is that of the product, else of the asset."""
    reader = _Reader(found.trees)
    for read_some in (
        _plain_values,
        _of_version_1_0,
        _address,
        _markings,
        _footprint,
        _power,
        _events,
        _materials,
        _circularity,
    ):
        read_some(reader)
    _documents(reader)
    identifier = _header(reader) or found.asset
    _pass_over(reader)
    for path, sentence in found.unknown:
        reader.lose("", Why.NOT_READ, path, f"Not read: {sentence}.")
    for tree in found.trees.values():
        for end in ends(tree):
            if id(end) not in reader.taken:
                reader.lose("", Why.NOT_READ, end.path, f"Not read: {_quoted(end)}; no attribute says it.")
    order = {name: number for number, name in enumerate(REGISTRY)}
    return Brought(
        facts=MappingProxyType({name: reader.facts[name] for name in REGISTRY if name in reader.facts}),
        paths=MappingProxyType(reader.paths),
        identifier=identifier,
        losses=tuple(sorted(reader.losses, key=lambda loss: order.get(loss.attribute, len(order)))),
    )


def _quoted(end: End) -> str:
    text = (
        end.by_language[0][1]
        if isinstance(end, Texts)
        else end.text
        if isinstance(end, Leaf)
        else end.address
    )
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


# ---------------------------------------------------------------------------------------------- plain values


def _plain_values(reader: _Reader) -> None:
    for name, places in PLACES.items():
        row = REGISTRY[name]
        for place in places:
            end = reader.at(place)
            if end is None:
                continue
            value = _fact(reader, row, end)
            path = _path(end)
            if value is None:
                continue
            if name in reader.facts:
                if reader.facts[name] != value:
                    reader.lose(
                        name,
                        Why.CUT,
                        path,
                        f"{_short(value)} stands there, and {reader.paths[name]} is believed.",
                    )
                continue
            reader.state(name, value, path)
            _doubt(reader, name)


def _of_version_1_0(reader: _Reader) -> None:
    """What part 4 lost in version 1.0.1, and the models behind it partly kept."""
    article = reader.at(("02035-4", "GeneralInformation", "ManufacturerArticleNumber"))
    reader.state("model_identifier", reader.text(article, "model_identifier"), _path(article))
    tests = reader.at(("02035-4", "TechnicalPropertyAreas", "Lifetime", "cycleLifeReferenceTest"))
    names = [text for end in _listed(tests) if (text := reader.text(end, "cycle_life_reference_test"))]
    reader.state("cycle_life_reference_test", names, _path(tests))


def _path(tree: Any) -> str:
    first = next(ends(tree), None)
    return first.path if first is not None else ""


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _fact(reader: _Reader, row: Attribute[Any], end: Any) -> Any:
    if row.value.many:
        texts = (
            [reader.text(one, row.id) for one in end] if isinstance(end, list) else [reader.text(end, row.id)]
        )
        return [text for text in texts if text] or None
    kind = row.value.kind
    if kind in (Kind.NUMBER, Kind.INTEGER):
        number = reader.number(end, row.value.unit, row.id)
        whole = kind is Kind.INTEGER and isinstance(number, str) and re.fullmatch(r"-?[0-9]{1,15}", number)
        return int(number) if whole else number
    text = reader.text(end, row.id)
    if not text:
        return None
    path = _path(end)
    if kind is Kind.YEAR_MONTH:
        return _month(reader, row.id, text, path)
    if kind is Kind.DURATION_MONTHS:
        return _months(reader, row.id, text, path)
    if kind is Kind.DATE:
        return text[:10] if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|Z|[+-]|$)", text) else text
    if kind is Kind.ENUMERATION:
        return _word(reader, row, text, path)
    return text


def _month(reader: _Reader, name: str, text: str, path: str) -> str:
    day = _DAY.match(text)
    if day is None:
        return text[:7] if re.fullmatch(r"[0-9]{4}-[0-9]{2}(?:Z|[+-].*)?", text) else text
    reader.lose(name, Why.CUT, path, f"Of {text[:10]} the month is taken over; the law asks for no day.")
    return day[1]


def _months(reader: _Reader, name: str, text: str, path: str) -> int | None:
    period = _PERIOD.fullmatch(text)
    if period is not None and (period[1] or period[2]):
        return 12 * int(period[1] or 0) + int(period[2] or 0)
    reader.lose(
        name, Why.NOT_READ, path, f"Expected a length in years and months such as P96M, got {text[:40]!r}."
    )
    return None


_STATUSES: Final = MappingProxyType(
    {re.sub(r"[^a-z]", "", status.value): status.value for status in BatteryStatus}
)


def _word(reader: _Reader, row: Attribute[Any], text: str, path: str) -> str:
    """A word of the row's list, in any case; a foreign word stays for the judgement of those who load it."""
    if row.id == "battery_status":
        return _STATUSES.get(re.sub(r"[^a-z]", "", text.casefold()), text)
    folded = text.casefold()
    fits = [word for word in row.value.members if word.casefold() == folded]
    fits = fits or [word for word in row.value.members if word.casefold().split()[-1] == folded]
    if row.id == "battery_chemistry" and not fits:
        reader.lose(
            row.id, Why.RESPELT, path, f"The chemistry {text[:60]!r} is no word of ours; it is `other`."
        )
        return "other"
    return fits[0] if len(fits) == 1 else text


def _doubt(reader: _Reader, name: str) -> None:
    """Say it where a bare number looks like one of another unit."""
    value = reader.facts[name]
    if not isinstance(value, str):
        return
    if name.startswith("internal_resistance_") and "increase" not in name:
        looks_like = "milliohm" if Decimal(value) >= _RESISTANCE_DOUBTED_FROM else ""
    elif name == "remaining_capacity" and isinstance(rated := reader.facts.get("rated_capacity"), str):
        looks_like = "kWh" if Decimal(value) < Decimal(rated) / 5 else ""
    else:
        return
    if looks_like:
        unit = REGISTRY[name].value.unit
        assert unit is not None
        reader.lose(
            name,
            Why.RESPELT,
            reader.paths[name],
            f"Read as {value} {unit.value}, as the law has it; it looks like {looks_like}: check it.",
        )


# ------------------------------------------------------------------------------------------------- nameplate


def _address(reader: _Reader) -> None:
    tree = reader.at(("02035-1", "AddressInformation"))
    if isinstance(tree, Mapping):
        names = {"street": "Street", "postal_code": "Zipcode", "town": "CityTown", "country": "NationalCode"}
        _postal(reader, "manufacturer_address", tree, names)


def _postal(reader: _Reader, attribute: str, tree: Tree, names: Mapping[str, str]) -> dict[str, str] | None:
    """An address; None, and told, where it lacks what an address of ours must have."""
    address = {
        member: text for member, name in names.items() if (text := reader.text(tree.get(name), attribute))
    }
    if not address:
        return None
    path = _path(tree)
    if not {"town", "country"} <= address.keys():
        reader.lose(
            attribute,
            Why.NOT_READ,
            path,
            f"The address {_short(', '.join(address.values()))} has no town or no country and is left out.",
        )
        return None
    if attribute == "manufacturer_address":
        reader.state(attribute, address, path)
    return address


def _markings(reader: _Reader) -> None:
    meanings: list[dict[str, str]] = []
    metals: list[str] = []
    path = ""
    for one in reader.entries(("02035-1", "Markings")):
        path = path or _path(one)
        name = reader.text(one.get("MarkingName"))
        extra = one.get("MarkingAdditionalText")
        said = extra if isinstance(extra, list) else [extra]
        spoken = [(end, _SPOKEN.fullmatch(end.text)) for end in said if isinstance(end, Leaf)]
        if spoken and all(match for _, match in spoken):
            for end, match in spoken:
                reader.taken.add(id(end))
                if match is not None:
                    meanings.append({"label": name, "language": match[1], "text": match[2]})
        elif name.casefold() in ("cd", "pb"):
            metals.append(name.capitalize())
        elif "separate collection" in name.casefold() or "weee" in name.casefold():
            _symbol(reader, one)
        elif name.casefold() in (CE.casefold(), "ce", *_CE_MEANINGS):
            _ce(reader, one, said)
        elif name:
            reader.lose("", Why.NOT_READ, _path(one), f"Not read: the marking {_short(name)}.")
    reader.state("cadmium_lead_symbols", list(dict.fromkeys(metals)), path)
    reader.state("label_meaning", meanings, path)


_CE_MEANINGS: Final = ("0173-1#07-daa603#004", "0173-1%2307-daa603%23004")  # ECLASS: CE marking


def _symbol(reader: _Reader, marking: Tree) -> None:
    end = marking.get("MarkingFile")
    address = reader.text(end)
    if _absolute(address):
        reader.state("separate_collection_symbol", address, _path(end))
    elif address:
        reader.lose(
            "separate_collection_symbol",
            Why.NOT_READ,
            _path(end),
            f"The file {_short(address)} has no address.",
        )


def _ce(reader: _Reader, marking: Tree, said: Sequence[Any]) -> None:
    bodies = [text for end in said if (text := reader.text(end, "ce_marking"))]
    if bodies:
        reader.state("ce_marking", {"notified_body": bodies[0]}, _path(marking))
    if len(bodies) > 1:
        reader.lose(
            "ce_marking", Why.CUT, _path(marking), "Of several additional texts the first is taken over."
        )


# ------------------------------------------------------------------------------------------ carbon footprint


def _footprint(reader: _Reader) -> None:
    for one in reader.entries(("02035-3", "ProductCarbonFootprints")):
        path = _path(one)
        phases = [reader.text(end) for end in _listed(one.get("LifeCyclePhases"))]
        name = _carbon_name(reader, one, phases)
        methods = [text for end in _listed(one.get("PcfCalculationMethods")) if (text := reader.text(end))]
        if "cf_methodology" not in reader.facts:
            reader.state("cf_methodology", methods, path)
        if (
            class_of := reader.text(one.get("PerformanceClass"))
        ) and "cf_performance_class" not in reader.facts:
            reader.state("cf_performance_class", class_of, _path(one.get("PerformanceClass")))
        end = one.get("PcfCO2eq")
        if end is None:
            continue
        if not name or name in reader.facts:
            reader.lose(
                "cf_total",
                Why.NOT_READ,
                path,
                f"The footprint {_short(reader.text(end))} of {_short(', '.join(phases))} is none we know.",
            )
            continue
        reader.state(name, reader.number(end, REGISTRY[name].value.unit, name), _path(end))


def _carbon_name(reader: _Reader, entry: Tree, phases: Sequence[str]) -> str:
    """Which attribute a footprint is; empty where none."""
    unit = reader.text(entry.get("ReferenceImpactUnitForCalculation")).casefold()
    quantity = reader.text(entry.get("QuantityOfMeasureForCalculation")) or "1"
    if _NUMBER.fullmatch(quantity) is None or Decimal(quantity) != 1:
        return ""
    if unit == "piece":
        return "cf_absolute" if len(phases) != 1 else ""
    if unit != "kwh":
        return ""
    if len(phases) != 1:
        return "cf_total"
    code = phases[0].split(" ")[0].upper()
    return {spelt.split(" ")[0]: name for name, spelt in STAGES.items()}.get(code, "")


def _listed(tree: Any) -> list[Any]:
    return tree if isinstance(tree, list) else [] if tree is None else [tree]


# ------------------------------------------------------------------------------------------ power and events


def _power(reader: _Reader) -> None:
    place: Place = (*PLACES["maximum_permitted_power"][0][:-1], "OriginalPowerCapability")
    points = [
        _point(reader, "original_power_capability", one.get("atSoc"), one.get("powerCapabilityAt"))
        for one in reader.entries(place)
    ]
    known = [point for point in points if point is not None]
    reader.state("original_power_capability", known, _path(reader.at(place)))
    here = reader.at(("02035-5", "RemainingPowerCapability", "RemainingPowerCapabilityDynamicAt"))
    if isinstance(here, Mapping):
        point = _point(reader, "remaining_power_capability", here.get("AtSoC"), here.get("PowerCapabilityAt"))
        reader.state("remaining_power_capability", [point] if point else None, _path(here))


def _point(reader: _Reader, name: str, charge: Any, power: Any) -> dict[str, Any] | None:
    at = reader.number(charge, Unit.PERCENT, name)
    watts = reader.number(power, Unit.WATT, name)
    if at is None or watts is None:
        return None
    return {"state_of_charge": at, "power": watts}


def _events(reader: _Reader) -> None:
    place: Place = ("02035-5", "NegativeEvents")
    events = []
    for one in reader.entries(place):
        kind = reader.text(one.get("NegativeEventValue"), "negative_events")
        if not kind:
            continue
        event = {"type": kind}
        end = one.get("LastUpdate")
        if moment := reader.text(end):
            if re.search(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$", moment):
                event["at"] = moment
            else:
                reader.lose(
                    "negative_events",
                    Why.NOT_READ,
                    _path(end),
                    f"The time {moment[:40]} has no zone and is left out.",
                )
        events.append(event)
    reader.state("negative_events", events, _path(reader.at(place)))


# ------------------------------------------------------------------------------------------------- materials


def _materials(reader: _Reader) -> None:
    composition: list[dict[str, Any]] = []
    critical: list[dict[str, Any]] = []
    place: Place = ("02035-6", "BatteryMaterials")
    for one in reader.entries(place):
        entry = _named(
            reader, one, "BatteryMaterialName", "BatteryMaterialIdentifier", "material_composition"
        )
        where = one.get("BatteryMaterialLocation")
        component = reader.text(where.get("ComponentName") if isinstance(where, Mapping) else None)
        mass = reader.number(one.get("BatteryMaterialMass"), Unit.KILOGRAM, "material_composition")
        flag = reader.text(one.get("IsCriticalRawMaterial")).casefold()
        if not entry["name"]:
            reader.lose("material_composition", Why.NOT_READ, _path(one), "A material has no name.")
        elif component and mass is None:
            reader.lose(
                "material_composition",
                Why.NOT_READ,
                _path(one),
                f"The material {_short(entry['name'])} has no mass and is left out.",
            )
        elif component:
            entry = {"component": component, **entry, "mass": mass}
            entry |= {"critical": flag in ("true", "1")} if flag else {}
            composition.append(entry)
        elif flag in ("true", "1"):
            critical.append(entry)
            if mass is not None:
                reader.lose(
                    "critical_raw_materials", Why.CUT, _path(one), "A mass without a component is left out."
                )
        else:
            reader.lose(
                "material_composition",
                Why.NOT_READ,
                _path(one),
                f"The material {_short(entry.get('name', ''))} has no component and is left out.",
            )
    reader.state("material_composition", composition, _path(reader.at(place)))
    reader.state("critical_raw_materials", critical, _path(reader.at(place)))
    _hazardous(reader)


def _named(reader: _Reader, tree: Tree, name: str, identifier: str, attribute: str) -> dict[str, Any]:
    said = {"name": reader.text(tree.get(name), attribute)}
    number = reader.text(tree.get(identifier), attribute)
    if number:
        said["cas_number"] = number
    return said


def _hazardous(reader: _Reader) -> None:
    place: Place = ("02035-6", "HazardousSubstances")
    attribute = "hazardous_substances"
    substances: list[dict[str, Any]] = []
    locations: list[dict[str, Any]] = []
    for one in reader.entries(place):
        named = _named(reader, one, "HazardousSubstanceName", "HazardousSubstanceIdentifier", attribute)
        if not named["name"]:
            reader.lose(attribute, Why.NOT_READ, _path(one), "A substance has no name.")
            continue
        entry: dict[str, Any] = {}
        if class_of := reader.text(one.get("HazardousSubstanceClass"), attribute):
            entry["hazard_class"] = class_of
        entry |= named
        share = reader.number(one.get("HazardousSubstanceConcentration"), Unit.PERCENT_BY_MASS, attribute)
        if share is not None:
            entry["concentration"] = share
        impacts = [text for end in _listed(one.get("HazardousSubstanceImpact")) if (text := reader.text(end))]
        if impacts:
            entry["impact"] = "; ".join(impacts)
        if len(impacts) > 1:
            reader.lose(
                attribute, Why.RESPELT, _path(one), "Several impacts are one text, parted by semicolons."
            )
        substances.append(entry)
        where = one.get("HazardousSubstanceLocation")
        if component := reader.text(where.get("ComponentName") if isinstance(where, Mapping) else None):
            locations.append({**named, "component": component})
    reader.state(attribute, substances, _path(reader.at(place)))
    # Where a substance is belongs to point 2(a), which the public does not see.
    reader.state("hazardous_substance_location", locations, _path(reader.at(place)))


# ----------------------------------------------------------------------------------------------- circularity


def _circularity(reader: _Reader) -> None:
    contacts: list[dict[str, Any]] = []
    numbers: dict[tuple[str, str], None] = {}
    place: Place = ("02035-7", "SparePartSources")
    for one in reader.entries(place):
        contact = _supplier(reader, one)
        if contact is not None:
            contacts.append(contact)
        for part in _listed(one.get("Components")):
            if isinstance(part, Mapping):
                pair = (
                    reader.text(part.get("PartName"), "part_numbers"),
                    reader.text(part.get("PartNumber"), "part_numbers"),
                )
                if any(pair):
                    numbers[pair] = None
    reader.state("spare_part_sources", contacts, _path(reader.at(place)))
    reader.state(
        "part_numbers",
        [{"component": component, "part_number": number} for component, number in numbers],
        _path(reader.at(place)),
    )
    _recycled(reader)


def _supplier(reader: _Reader, tree: Tree) -> dict[str, Any] | None:
    attribute = "spare_part_sources"
    contact: dict[str, Any] = {}
    if name := reader.text(tree.get("NameOfSupplier"), attribute):
        contact["name"] = name
    address = tree.get("AddressOfSupplier")
    if isinstance(address, Mapping):
        names = {"street": "Street", "postal_code": "PostalCode", "country": "NationalCode"}
        _postal(reader, attribute, address, names)
    email = tree.get("EmailAddressOfSupplier")
    if text := reader.text(email.get("EmailAddress") if isinstance(email, Mapping) else email, attribute):
        contact["email"] = text
    if web := reader.text(tree.get("SupplierWebAddress"), attribute):
        contact["web"] = web
    if contact and (contact.keys() == {"name"} or "name" not in contact):
        reader.lose(
            attribute,
            Why.NOT_READ,
            _path(tree),
            f"The source {_short(contact)} lacks a name or a way to reach it.",
        )
        return None
    return contact or None


def _recycled(reader: _Reader) -> None:
    by_word = {word.casefold(): metal for metal, word in METALS.items()}
    for one in reader.entries(("02035-7", "RecycledContentInformation")):
        word = reader.text(one.get("RecycledMaterial"))
        metal = by_word.get(word.casefold())
        if metal is None:
            reader.lose("", Why.NOT_READ, _path(one), f"Not read: recycled content of {_short(word)}.")
            continue
        for prefix, name in (("pre_consumer", "PreConsumerShare"), ("post_consumer", "PostConsumerShare")):
            attribute = f"{prefix}_recycled_{metal}_share"
            value = reader.number(one.get(name), Unit.PERCENT, attribute)
            if attribute not in reader.facts:
                reader.state(attribute, value, _path(one))


# ------------------------------------------------------------------------------------------------- documents


@dataclass(frozen=True)
class _Document:
    """One document of part 2: the address it is read at, empty where it has none, and whose it is."""

    address: str
    attributes: tuple[str, ...]
    title: str
    path: str


def _documents(reader: _Reader) -> None:
    filed, known = _filed(reader)
    addresses: dict[str, list[str]] = {}
    referred: set[str] = set()
    for place, attributes in _lists().items():
        for end in _identifiers(reader, place):
            identifier = reader.text(end)
            document = known.get(identifier)
            referred.add(identifier)
            address = document.address if document is not None and document.address else identifier
            whose = [name for name in (document.attributes if document else ()) if name in attributes]
            name = whose[0] if whose else attributes[0]
            if not _absolute(address):
                reader.lose(
                    name,
                    Why.NOT_READ,
                    end.path,
                    f"The document {_short(identifier)} has no address; store the file and name it.",
                )
                continue
            addresses.setdefault(name, []).append(address)
            reader.paths.setdefault(name, end.path)
    for identifier, document in filed:
        alone = [name for name in document.attributes if FILED[name].place is None]
        for name in alone:
            if _absolute(document.address):
                addresses.setdefault(name, []).append(document.address)
                reader.paths.setdefault(name, document.path)
        if not alone and identifier not in referred:
            reader.lose(
                "",
                Why.NOT_READ,
                document.path,
                f"Not read: the document {_short(document.title or identifier)}; no part names it.",
            )
    for name, found in addresses.items():
        _state_documents(reader, name, found)


def _state_documents(reader: _Reader, name: str, addresses: list[str]) -> None:
    path = reader.paths[name]
    row = REGISTRY[name]
    if FILED[name].member:
        reader.state(name, [{FILED[name].member: address} for address in addresses], path)
    elif row.value.many:
        reader.state(name, addresses, path)
    else:
        reader.state(name, addresses[0], path)
        if len(addresses) > 1:
            reader.lose(name, Why.CUT, path, f"Of {len(addresses)} documents the first is taken over.")


def _lists() -> dict[Place, list[str]]:
    """Each list of document identifiers with the attributes that may stand there, the usual one first."""
    lists: dict[Place, list[str]] = {}
    for name, one in FILED.items():
        if one.place is not None:
            lists.setdefault(one.place, []).append(name)
    return lists


def _identifiers(reader: _Reader, place: Place) -> Iterable[Leaf]:
    here: list[Any] = []
    if place[0] == "02035-3":
        for entry in reader.entries(place[:-1]):
            here += _listed(entry.get(place[-1]))
    else:
        here = _listed(reader.at(place))
    return [end for end in here if isinstance(end, Leaf) and end.text.strip()]


def _filed(reader: _Reader) -> tuple[list[tuple[str, _Document]], dict[str, _Document]]:
    """The documents of part 2 in order, and by identifier."""
    filed: list[tuple[str, _Document]] = []
    for one in reader.entries(("02035-2", "Documents")):
        for end in ends(one):
            reader.taken.add(id(end))
        identifiers = [
            reader.text(entry.get("DocumentIdentifier"))
            for entry in _listed(one.get("DocumentIds"))
            if isinstance(entry, Mapping)
        ]
        attributes = [
            reader.text(entry.get("ClassId"))
            for entry in _listed(one.get("DocumentClassifications"))
            if isinstance(entry, Mapping)
            and reader.text(entry.get("ClassificationSystem")).startswith(OWN_CLASSES)
        ]
        document = _Document(
            _file_of(one),
            tuple(name for name in dict.fromkeys(attributes) if name in FILED),
            _title_of(one),
            _path(one),
        )
        filed.append((identifiers[0] if identifiers else "", document))
    return filed, dict(reversed(filed))


def _file_of(document: Tree) -> str:
    """The first address of the newest version; empty where its files are inside the package."""
    for version in reversed(_listed(document.get("DocumentVersions"))):
        for end in _listed(version.get("DigitalFiles") if isinstance(version, Mapping) else None):
            if isinstance(end, FileAt) and _absolute(end.address):
                return end.address
    return ""


def _title_of(document: Tree) -> str:
    for version in _listed(document.get("DocumentVersions")):
        title = version.get("Title") if isinstance(version, Mapping) else None
        if isinstance(title, Texts):
            return title.by_language[0][1]
    return ""


def _absolute(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("urn", "did") or (parts.scheme in ("http", "https") and bool(parts.netloc))


# ---------------------------------------------------------------------------------------------------- header


# What the service writes itself whenever it issues a version.
_MADE_HERE: Final = MappingProxyType(
    {
        "digitalProductPassportId": "passport_id",
        "dppSchemaVersion": "dpp_schema_version",
        "dppStatus": "dpp_status",
        "granularity": "dpp_granularity",
        "lastUpdate": "dpp_last_updated_at",
    }
)
_KNOWN_MODELS: Final = frozenset(unversioned(part.root.meaning) for part in PARTS)


def _header(reader: _Reader) -> str | None:
    """The identifier of the product; what the service writes itself is passed over, and that is told."""
    header = reader.trees.get("02099-1", {})
    for name, attribute in _MADE_HERE.items():
        if reader.text(header.get(name)):
            sentence = "Not taken over: the passport made from this file gets its own."
            reader.lose(attribute, Why.NOT_READ, _path(header.get(name)), sentence)
    operator = header.get("economicOperatorId")
    text = reader.text(operator)
    if text and "operator_identifier" not in reader.facts:
        if text.startswith("did:"):
            reader.lose(
                "",
                Why.NOT_READ,
                _path(operator),
                f"Not taken over: {_short(text)}, by which its operator signs.",
            )
        else:
            reader.state("operator_identifier", text, _path(operator))
    models = [reader.text(end) for end in _listed(header.get("contentSpecificationIds"))]
    own = [text for text in models if text and unversioned(text) not in _KNOWN_MODELS]
    reader.state("content_specification_ids", own, _path(header.get("contentSpecificationIds")))
    identifier = reader.facts.get("battery_id")
    return identifier if isinstance(identifier, str) else None


def _pass_over(reader: _Reader) -> None:
    """The times of measurement: facts are stated as of the import, so these stay behind, told once."""
    moments = [
        end
        for end in ends(reader.trees.get("02035-5", {}))
        if isinstance(end, Leaf)
        and id(end) not in reader.taken
        and end.path.rpartition("/")[2] in ("LastUpdate", "RPCLastUpdated")
    ]
    reader.taken.update(id(end) for end in moments)
    if moments:
        newest = max(end.text for end in moments)
        reader.lose(
            "",
            Why.NOT_READ,
            moments[0].path,
            f"The times of {len(moments)} measurements are not taken over (newest {newest[:40]}).",
        )
