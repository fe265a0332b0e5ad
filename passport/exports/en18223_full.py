"""EN 18223:2026, full form: every stated value as a data element with its type, unit, day and source.

The header is the one of Table 1 of the standard. Behind it stands one collection per chapter, each element
named by its attribute in camel case and pointing into the frozen registry of this service, which says what
it means. A nested value is a collection, a list of nested values is a multi-valued element that holds
collections, a document is a related resource. `unit`, `asOf`, `source` and `method` are members of ours: the
standard leaves the unit to the dictionary and knows no date or source of a single value.

The text of the standard is not public. Header and kinds of elements are as in IDTA 02099-1 1.0.1, OPC
30450-1 1.0.0 and the EN 18222 contract of openepcis-dpp-ready 418d091c; where these differ (`elements` or
`value` inside a collection, `contentType` owed or not), one is written and both are read.

The compressed form (`en18223`) is made from the elements here and read by the same code.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from passport.errors import InputRefused
from passport.exports import exact_json
from passport.exports.format import Brought, Exported, Loss, Subject, Why
from schemas import strict_json
from schemas.attribute import Attribute, Chapter
from schemas.registry import OPINIONS, REGISTRY, REGISTRY_VERSION, by_chapter
from schemas.structures import STRUCTURES, Structure
from schemas.terms import PassportStatus
from schemas.validation import MADE_BY_SERVICE
from schemas.values import Kind, ValueType, utc_text

TITLE: Final = "EN 18223:2026, full form"
EDITION: Final = "EN 18223:2026"
MEDIA_TYPE: Final = "application/json"
LIMIT_BYTES: Final = 4 * strict_json.LIMIT_BYTES
# A complete passport has some 170 elements; beyond this a document is no passport.
MOST_LOSSES: Final = 2000
DATED: Final = "days and sources are not taken over: whoever imports declares now"
_WRITTEN_BY_SERVICE: Final = "the service writes this itself when it issues a version"

# Header members in the order of Table 1; those of the second line may be missing.
HEADER: Final = (
    *("digitalProductPassportId", "uniqueProductIdentifier", "granularity", "dppSchemaVersion", "dppStatus"),
    *("lastUpdated", "economicOperatorId", "facilityId", "contentSpecificationIds"),
)
# Not of the standard: where the signed record is that the document was made from.
RECORD: Final = "record"

# The four words of the standard; a law may add others.
_STATUS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PassportStatus.ACTIVE: "active",
        PassportStatus.INACTIVE: "inactive",
        PassportStatus.ARCHIVED: "archived",
    }
)
_XSD: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.NUMBER: "xsd:decimal",
        Kind.INTEGER: "xsd:integer",
        Kind.DURATION_MONTHS: "xsd:integer",
        Kind.TEXT: "xsd:string",
        Kind.ENUMERATION: "xsd:string",
        Kind.URI: "xsd:anyURI",
        Kind.DOCUMENT: "xsd:anyURI",
        Kind.DATE: "xsd:date",
        Kind.YEAR_MONTH: "xsd:gYearMonth",
        Kind.DATETIME: "xsd:dateTime",
        Kind.FLAG: "xsd:boolean",
    }
)


def camel(name: str) -> str:
    """A name of ours as the standard spells names.

    >>> camel("round_trip_efficiency_50_cycle_life")
    'roundTripEfficiency50CycleLife'
    """
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


CHAPTERS: Final[Mapping[str, Chapter]] = MappingProxyType({camel(one.value): one for one in Chapter})
# Our own spelling is read as well as the standard's.
ATTRIBUTES: Final[Mapping[str, Attribute[Any]]] = MappingProxyType(
    {spelling: row for row in REGISTRY.values() for spelling in (row.id, camel(row.id))}
)


@cache
def members(shape: Structure) -> Mapping[str, str]:
    """Names of a structure's members by either spelling."""
    return {spelling: name for name in shape.members for spelling in (name, camel(name))}


# ------------------------------------------------------------------------------------------------- writing


def registry_url(subject: Subject) -> str:
    """The frozen registry in whose words the subject speaks; its address resolves."""
    version = subject.given("dpp_schema_version")
    known = version if isinstance(version, str) and _VERSION.fullmatch(version) else REGISTRY_VERSION
    parts = urlsplit(subject.passport_url)
    return f"{parts.scheme}://{parts.netloc}/schemas/registry/{known}"


_VERSION: Final = re.compile(r"[0-9]{4}\.[0-9]{2}")
_OWN_REGISTRY: Final = re.compile(r"https?://[^/]+/schemas/registry/[0-9]{4}\.[0-9]{2}")


def header(subject: Subject) -> dict[str, Any]:
    """The members of Table 1.

    `economicOperatorId` is the identifier that the operator states, where the audience may see it; else the
    operator's DID, which everybody sees.
    """
    told = subject.given("dpp_status")
    specifications = [*(subject.given("content_specification_ids") or []), registry_url(subject)]
    made = {
        "digitalProductPassportId": subject.passport_url,
        "uniqueProductIdentifier": subject.identifier_url,
        "granularity": "item",
        "dppSchemaVersion": EDITION,
        "dppStatus": "active" if told is None else _STATUS.get(told, "inactive"),
        "lastUpdated": utc_text(subject.issued_at),
        "economicOperatorId": subject.given("operator_identifier") or subject.operator_did,
        "facilityId": subject.given("facility_identifier"),
        "contentSpecificationIds": list(dict.fromkeys(specifications)),
    }
    return {name: value for name, value in made.items() if value is not None}


def header_losses(subject: Subject) -> Iterator[Loss]:
    """What the header cannot say as the record says it."""
    told = subject.given("dpp_status")
    if told is None:
        yield Loss(
            "dpp_status",
            Why.MADE_UP,
            "$.dppStatus",
            "the header demands a status and none is stated; `active` stands there",
        )
    elif told not in _STATUS:
        sentence = f"the standard has no word for {told!r}; the header says `inactive`, the element the word"
        yield Loss("dpp_status", Why.RESPELT, "$.dppStatus", sentence)
    if (edition := subject.given("dpp_schema_version")) not in (None, EDITION):
        yield Loss(
            "dpp_schema_version",
            Why.RESPELT,
            "$.dppSchemaVersion",
            f"the header names the edition of the standard; the record says {edition!r},"
            " which contentSpecificationIds leads to",
        )


def chapters(subject: Subject) -> list[dict[str, Any]]:
    """One collection per chapter that has a value, and where the signed record is."""
    found = []
    for chapter in Chapter:
        elements = [
            _stated(subject, row)
            for row in by_chapter(chapter)
            if row.id != "dpp_schema_version" and subject.given(row.id) is not None
        ]
        if elements:
            found.append(_collection(camel(chapter.value), elements))
    return [*found, _record(subject)]


def _record(subject: Subject) -> dict[str, Any]:
    """Where the proof is: this document is not signed, the record it was made from is."""
    elements = [
        _plain("url", Kind.URI, subject.record_url),
        _plain("sha256", Kind.TEXT, subject.record_sha256),
        _plain("version", Kind.INTEGER, subject.version),
        _plain("audience", Kind.TEXT, subject.audience.value),
        _plain("simulated", Kind.FLAG, value=subject.simulated),
    ]
    return _collection(RECORD, elements)


def _collection(name: str, elements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"elementId": name, "objectType": "DataElementCollection", "elements": elements}


def _plain(name: str, kind: Kind, value: Any) -> dict[str, Any]:
    made = {"elementId": name, "objectType": "SingleValuedDataElement", "valueDataType": _XSD[kind]}
    return made | {"value": value}


def _stated(subject: Subject, row: Attribute[Any]) -> dict[str, Any]:
    wire = subject.values[row.id]
    registry = registry_url(subject)
    element = _element(camel(row.id), row.value, wire["value"], f"{registry}#/attributes/{row.id}", registry)
    if row.value.structure is None and "unit" in wire:
        element["unit"] = wire["unit"]  # inside a nested value each member has its own
    for ours, theirs in (("as_of", "asOf"), ("source", "source"), ("method", "method")):
        if ours in wire:
            element[theirs] = wire[ours]
    return element


def _element(name: str, value: ValueType[Any], wire: Any, meaning: str, registry: str) -> dict[str, Any]:
    """What the wire says, as an element; `meaning` is where its words are explained."""
    if not value.many:
        return _single(name, value, wire, meaning, registry)
    base = _base(name, "MultiValuedDataElement", meaning)
    if value.kind in (Kind.STRUCTURE, Kind.DOCUMENT):
        entries = [_single(str(place), value, each, meaning, registry) for place, each in enumerate(wire, 1)]
        return base | {"value": entries}
    return base | {"valueDataType": _XSD[value.kind], "value": [_scalar(value.kind, each) for each in wire]}


def _base(name: str, kind: str, meaning: str) -> dict[str, Any]:
    return {"elementId": name, "objectType": kind, "dictionaryReference": meaning}


def _single(name: str, value: ValueType[Any], wire: Any, meaning: str, registry: str) -> dict[str, Any]:
    if value.kind is Kind.STRUCTURE:
        shape = STRUCTURES[value.structure or ""]
        known = [one for one in shape.members if one in wire]
        others = [one for one in wire if one not in shape.by_name]  # of an older registry
        inner = [_member(shape, one, wire[one], registry) for one in known]
        inner += [_unshaped(camel(one), wire[one], meaning) for one in others]
        return _base(name, "DataElementCollection", meaning) | {"elements": inner}
    if value.kind is Kind.DOCUMENT:
        # Nobody states what kind of file an address leads to; this is the type for "not known".
        told = {"contentType": "application/octet-stream", "url": wire}
        return _base(name, "RelatedResource", meaning) | told
    typed = {"valueDataType": _XSD[value.kind], "value": _scalar(value.kind, wire)}
    return _base(name, "SingleValuedDataElement", meaning) | typed


def _member(shape: Structure, name: str, wire: Any, registry: str) -> dict[str, Any]:
    member = shape.by_name[name]
    meaning = f"{registry}#/structures/{shape.name}/members/{name}"
    if member.value is None:
        return _unshaped(camel(name), wire, meaning)
    element = _element(camel(name), member.value, wire, meaning, registry)
    if member.value.unit is not None:
        element["unit"] = member.value.unit.value
    return element


def _unshaped(name: str, wire: Any, meaning: str) -> dict[str, Any]:
    """A member of an opinion, which has no declared type: by what stands there."""
    if isinstance(wire, Mapping):
        inner = [_unshaped(camel(key), each, meaning) for key, each in wire.items()]
        return _base(name, "DataElementCollection", meaning) | {"elements": inner}
    if isinstance(wire, list):
        entries = [
            _unshaped(str(place), each, meaning) if isinstance(each, Mapping | list) else each
            for place, each in enumerate(wire, 1)
        ]
        return _base(name, "MultiValuedDataElement", meaning) | {"value": entries}
    kind = Kind.FLAG if isinstance(wire, bool) else Kind.INTEGER if isinstance(wire, int) else Kind.TEXT
    return _base(name, "SingleValuedDataElement", meaning) | {"valueDataType": _XSD[kind], "value": wire}


def _scalar(kind: Kind, wire: Any) -> Any:
    return exact_json.number(wire) if kind is Kind.NUMBER else wire


def _has_documents(elements: Any) -> bool:
    if isinstance(elements, list):
        return any(_has_documents(one) for one in elements)
    if not isinstance(elements, Mapping):
        return False
    return elements.get("objectType") == "RelatedResource" or any(
        _has_documents(elements.get(inside)) for inside in ("elements", "value")
    )


def export(subject: Subject) -> Exported:
    """The subject as data elements; nothing that is stated is left out."""
    elements = chapters(subject)
    losses = list(header_losses(subject))
    if _has_documents(elements):
        losses.append(
            Loss(
                "",
                Why.MADE_UP,
                "$..contentType",
                "documents are demanded with a content type, which nobody states;"
                " application/octet-stream stands for not known",
            )
        )
    document = header(subject) | {"elements": elements}
    return Exported(exact_json.dumps(document), MEDIA_TYPE, ".en18223-full.json", tuple(losses))


# ------------------------------------------------------------------------------------------------- reading


def compress(element: Mapping[str, Any]) -> Any:
    """The value of an element without its envelope, as the compressed form says it."""
    match element["objectType"]:
        case "DataElementCollection":
            return {one["elementId"]: compress(one) for one in element["elements"]}
        case "RelatedResource":
            return element["url"]
        case "MultiValuedDataElement":
            return [compress(one) if isinstance(one, Mapping) else one for one in element["value"]]
        case _:
            return element["value"]


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the content tells it
    """Whether this is a passport with a list of elements."""
    try:
        return is_passport(document := load(data)) and isinstance(document.get("elements"), list)
    except InputRefused:
        return False


def is_passport(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object has the header of the standard."""
    edition = document.get("dppSchemaVersion")
    names_it = isinstance(edition, str) and "18223" in edition
    return "digitalProductPassportId" in document and (names_it or "uniqueProductIdentifier" in document)


def load(data: bytes) -> Mapping[str, Any]:
    """The JSON object of a document.

    Raises:
        InputRefused: no JSON with one meaning, or no object.
    """
    try:
        document = strict_json.loads(data, limit_bytes=LIMIT_BYTES)
    except strict_json.StrictJsonError as wrong:
        raise InputRefused(f"expected a passport as JSON: {wrong}") from None
    if not isinstance(document, dict):
        raise InputRefused(f"expected a passport as a JSON object, got {type(document).__name__}")
    return document


def read(data: bytes) -> Brought:
    """What the elements say, in our words.

    Raises:
        InputRefused: not of this format, damaged, or out of all proportion.
    """
    document = load(data)
    if not is_passport(document):
        raise InputRefused(f"expected the header of {EDITION} (digitalProductPassportId and others)")
    if not isinstance(document.get("elements"), list):
        raise InputRefused("expected a list of elements; without one it may be the compressed form (en18223)")
    reader = Reader()
    content = reader.collected(document["elements"], "$.elements")
    return reader.brought(document, content)


@dataclass(frozen=True)
class Leaf:
    """A value with where it stood and, in the full form, the unit beside it."""

    value: Any
    path: str
    unit: str | None = None


@dataclass
class Reader:
    """Reads one document: takes values over and writes down what it leaves."""

    facts: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def leave(self, why: Why, path: str, sentence: str, attribute: str = "") -> None:
        """Write down what is not taken over.

        Raises:
            InputRefused: a document that holds thousands of foreign things is no passport.
        """
        if len(self.losses) >= MOST_LOSSES:
            raise InputRefused(f"more than {MOST_LOSSES} places of the document mean nothing here")
        self.losses.append(Loss(attribute, why, path[:300], sentence))

    # from elements to what the compressed form says, with paths and units

    def collected(self, elements: list[Any], path: str) -> dict[str, Leaf]:
        """The elements of a collection by their names."""
        found: dict[str, Leaf] = {}
        for place, element in enumerate(elements):
            here = f"{path}[{place}]"
            if not isinstance(element, dict) or not isinstance(element.get("elementId"), str):
                raise InputRefused(f"{here}: expected a data element with an elementId")
            name = element["elementId"]
            if name in found:
                self.leave(
                    Why.NOT_READ, here, f"a second element is called {name[:60]!r}; the first is taken"
                )
                continue
            found[name] = self._opened(element, here)
        return found

    def _opened(self, element: Mapping[str, Any], path: str) -> Leaf:
        inside = element.get("elements", element.get("value"))
        if element.get("objectType") == "DataElementCollection" or "elements" in element:
            if not isinstance(inside, list):
                raise InputRefused(f"{path}: expected a list of elements in a collection")
            within = "elements" if "elements" in element else "value"
            return Leaf(self.collected(inside, f"{path}.{within}"), path)
        if element.get("objectType") == "RelatedResource" or ("url" in element and "value" not in element):
            return Leaf(element.get("url"), path)
        if element.get("objectType") != "MultiLanguageDataElement" and isinstance(inside, list):
            return Leaf(
                [
                    self._opened(one, f"{path}.value[{place}]")
                    if isinstance(one, dict) and ("objectType" in one or "elementId" in one)
                    else one
                    for place, one in enumerate(inside)
                ],
                path,
            )
        unit = element.get("unit", element.get("unitOfMeasure"))
        return Leaf(inside, path, unit if isinstance(unit, str) else None)

    # from either form to facts

    def brought(self, document: Mapping[str, Any], content: Mapping[str, Any]) -> Brought:
        """What the header and the content say. `content` holds values, or leaves of the full form."""
        for name, inner in content.items():
            value, path, _ = _parts(inner, f"$.{name[:60]}")
            if name in CHAPTERS and isinstance(value, Mapping):
                for each, held in value.items():
                    self.attribute(each, held, f"{path}.{each[:60]}")
            elif name == RECORD and isinstance(value, Mapping):
                self.leave(Why.NOT_READ, path, "the signed record it was made from is not taken over")
            else:
                self.attribute(name, inner, path)
        identifier = self._header(document)
        if self._dated(document):
            self.leave(Why.NOT_READ, "$..asOf", DATED)
        return self.result(identifier)

    def result(self, identifier: str | None) -> Brought:
        """All that was taken over, in reading order, without what the service writes itself."""
        named = self.facts.get("predecessor_passport_ids")
        known = [name for name in REGISTRY if name in self.facts and name not in MADE_BY_SERVICE]
        predecessors = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
        return Brought(
            facts={name: self.facts[name] for name in known},
            paths={name: self.paths[name] for name in known},
            identifier=identifier,
            predecessors=tuple(predecessors),
            losses=tuple(self.losses),
        )

    def attribute(self, name: str, inner: Any, path: str) -> None:
        """Take the value of one attribute over, or write down why not."""
        value, path, unit = _parts(inner, path)
        row = ATTRIBUTES.get(name)
        if row is None:
            self.leave(Why.NOT_READ, path, f"no attribute here is called {name[:60]!r}")
        elif row.id in self.paths:
            self.leave(Why.NOT_READ, path, f"said before at {self.paths[row.id]}", row.id)
        elif row.id in OPINIONS:
            self.leave(Why.NOT_READ, path, "an opinion of the service that wrote it, not a fact", row.id)
        elif value is None:
            self.leave(Why.NOT_READ, path, "there is no value", row.id)
        elif row.id == "battery_id":
            return  # it is the identifier, which the header says
        else:
            self.paths[row.id] = path
            raw = _with_unit(self._value(row.value, value, path, row.id), unit)
            self.facts[row.id] = raw
            if row.id in MADE_BY_SERVICE:
                self.leave(Why.NOT_READ, path, _WRITTEN_BY_SERVICE, row.id)

    def _value(self, kind: ValueType[Any], value: Any, path: str, attribute: str) -> Any:
        if kind.many and isinstance(value, list):
            entries = [_parts(each, f"{path}[{place}]") for place, each in enumerate(value)]
            return [
                _with_unit(self._one(kind, each, where, attribute), unit) for each, where, unit in entries
            ]
        return self._one(kind, value, path, attribute)

    def _one(self, kind: ValueType[Any], value: Any, path: str, attribute: str) -> Any:
        if kind.kind is Kind.STRUCTURE and isinstance(value, Mapping):
            return self._members(STRUCTURES[kind.structure or ""], value, path, attribute)
        if kind.kind in (Kind.DOCUMENT, Kind.URI) and isinstance(value, Mapping):
            return bare(value.get("url"))
        if kind.kind is Kind.TEXT and isinstance(value, list):
            return self._language(value, path, attribute)
        return bare(value)

    def _members(self, shape: Structure, value: Mapping[str, Any], path: str, attribute: str) -> Any:
        found: dict[str, Any] = {}
        known = members(shape)
        for name, inner in value.items():
            held, where, unit = _parts(inner, f"{path}.{name[:60]}")
            member = known.get(name)
            if member is None or member in found:
                self.leave(
                    Why.NOT_READ, where, f"{shape.title} has no member called {name[:60]!r}", attribute
                )
            elif (kind := shape.by_name[member].value) is None:
                found[member] = bare(held)
            else:
                found[member] = _with_unit(self._value(kind, held, where, attribute), unit)
        return found

    def _language(self, texts: list[Any], path: str, attribute: str) -> Any:
        """The English text of several, or the first: a text of ours has one language."""
        told = [one for one in map(bare, texts) if isinstance(one, Mapping) and "value" in one]
        if not told:
            return bare(texts)
        chosen = next((one for one in told if str(one.get("language", "")).startswith("en")), told[0])
        if len(told) > 1:
            words = f"of {len(told)} languages only {str(chosen.get('language'))[:20]!r} is taken over"
            self.leave(Why.CUT, path, words, attribute)
        return chosen["value"]

    def _header(self, document: Mapping[str, Any]) -> str | None:
        """The identifier; what the header alone says becomes a fact."""
        if document.get("granularity") not in ("item", "Item"):
            self.leave(
                Why.NOT_READ, "$.granularity", "a passport here is of one battery, not of a model or batch"
            )
        operator = document.get("economicOperatorId")
        if isinstance(operator, str) and not operator.startswith("did:"):
            self.otherwise("operator_identifier", operator, "$.economicOperatorId")
        if isinstance(document.get("facilityId"), str):
            self.otherwise("facility_identifier", document["facilityId"], "$.facilityId")
        named = document.get("contentSpecificationIds")
        if isinstance(named, list) and (
            foreign := [one for one in named if not (isinstance(one, str) and _OWN_REGISTRY.fullmatch(one))]
        ):
            self.otherwise("content_specification_ids", foreign, "$.contentSpecificationIds")
        self.leave(
            Why.NOT_READ,
            "$",
            "id, status, edition and time of the passport itself are not taken over: a new one gets its own",
        )
        identifier = document.get("uniqueProductIdentifier")
        return identifier if isinstance(identifier, str) and identifier else None

    def otherwise(self, attribute: str, value: Any, path: str) -> None:
        """A value from another place, unless the attribute has one."""
        self.facts.setdefault(attribute, value)
        self.paths.setdefault(attribute, path)

    def _dated(self, document: Mapping[str, Any]) -> bool:
        """Whether an element of the full form says its day or its source."""
        waiting: list[Any] = [document.get("elements")]
        while waiting:
            match waiting.pop():
                case list() as several:
                    waiting += several
                case dict() as one:
                    if "asOf" in one or "source" in one:
                        return True
                    waiting += [one.get("elements"), one.get("value")]
        return False


def _parts(inner: Any, path: str) -> tuple[Any, str, str | None]:
    """Value, place and unit of what may be a leaf of the full form."""
    return (inner.value, inner.path, inner.unit) if isinstance(inner, Leaf) else (inner, path, None)


def _with_unit(raw: Any, unit: str | None) -> Any:
    return raw if unit is None or isinstance(raw, Mapping | list) else {"value": raw, "unit": unit}


def bare(value: Any) -> Any:
    """The same without leaves, at any depth."""
    if isinstance(value, Leaf):
        return bare(value.value)
    if isinstance(value, Mapping):
        return {name: bare(each) for name, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value
