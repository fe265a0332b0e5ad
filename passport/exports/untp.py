"""UNTP Digital Product Passport 0.7.0 (UN/CEFACT, May 2026): the generic passport, with batteries as guests.

UNTP knows products, parties, plants, claims; of batteries it knows nothing, and there is no finished battery
extension. So the few members that it shares with us are filled, and everything that is stated stands in
`characteristics`, its place for what an industry needs: chapter by chapter as in the signed record, explained
by the third context. A reader without that context sees a product with documents, parties and a weight.

The document is a credential without a signature, in JSON-LD; `relatedDocument` leads to the signed record.
Claims, materials and packaging of UNTP are not written: they demand criteria and countries of origin that
nobody states here.

Source: data-models of uncefact/tests-untp 3bdbb989, packages/untp-utils/artefacts (schema and context 0.7.0).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from passport.errors import InputRefused
from passport.exports import exact_json
from passport.exports.en18223_full import DATED, Leaf, Reader, load, registry_url
from passport.exports.format import Brought, Exported, Loss, Subject, Why
from schemas.attribute import Chapter
from schemas.registry import REGISTRY, by_chapter
from schemas.structures import COUNTRIES
from schemas.terms import Category
from schemas.values import Kind, utc_text

TITLE: Final = "UNTP Digital Product Passport 0.7.0"
CONTEXTS: Final = (
    "https://www.w3.org/ns/credentials/v2",
    "https://vocabulary.uncefact.org/untp/0.7.0/context/",
)
# The media type of credentials without a signature (W3C VC data model 2.0).
MEDIA_TYPE: Final = "application/vc"
NOT_STATED: Final = "not stated"
_AT: Final = "$.credentialSubject"
_ANCHOR: Final = "a {} is demanded with an address of its own; an anchor of the passport stands there"
UNKNOWN_COUNTRY: Final = "ZZ"  # never given to a country by ISO 3166-1

_REGULATION: Final = "http://data.europa.eu/eli/reg/2023/1542/oj"
_CATEGORIES: Final[Mapping[Category, str]] = MappingProxyType(
    {
        Category.EV: "electric vehicle battery",
        Category.LMT: "light means of transport battery",
        Category.INDUSTRIAL: "industrial battery",
        Category.STATIONARY: "stationary battery energy storage system",
    }
)
_SCHEMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "01": ("https://www.gs1.org/standards/id-keys/gtin", "GS1 GTIN with serial number"),
        "8004": ("https://www.gs1.org/standards/id-keys/global-individual-asset-identifier-giai", "GS1 GIAI"),
    }
)
# Roles that both sides have; every other operator is called `operator`.
_ROLES: Final = frozenset({"manufacturer", "importer", "distributor", "remanufacturer"})
# Source: UN/ECE Recommendation 20.
_MASSES: Final[Mapping[str, str]] = MappingProxyType({"KGM": "kg", "GRM": "g", "TNE": "t"})


# ------------------------------------------------------------------------------------------------- writing


def export(subject: Subject) -> Exported:
    """The subject as a product with characteristics."""
    losses: list[Loss] = []
    address = urlsplit(subject.passport_url)
    context = f"{address.scheme}://{address.netloc}/ns/cellpass/v1"
    document: dict[str, Any] = {
        "@context": [*CONTEXTS, context],
        "type": ["DigitalProductPassport", "VerifiableCredential"],
        "id": subject.passport_url,
        "issuer": {
            "type": ["CredentialIssuer"],
            "id": subject.operator_did,
            "name": subject.given("operator_name") or NOT_STATED,
        },
        "validFrom": utc_text(subject.issued_at),
        "name": f"Battery passport of {subject.given('model_identifier') or subject.identifier_url}",
    }
    if subject.given("operator_name") is None:
        losses.append(
            _made_up("operator_name", "$.issuer.name", "an issuer is demanded with a name; none is stated")
        )
    if subject.simulated:
        document["simulated"] = True
    document["credentialSubject"] = _product(subject, losses)
    losses.sort(key=lambda loss: _ORDER[loss.attribute])
    return Exported(exact_json.dumps(document), MEDIA_TYPE, ".untp.json", tuple(losses))


_ORDER: Final[Mapping[str, int]] = MappingProxyType({name: place for place, name in enumerate(REGISTRY)})


def _made_up(attribute: str, path: str, sentence: str) -> Loss:
    return Loss(attribute, Why.MADE_UP, path, sentence)


def _product(subject: Subject, losses: list[Loss]) -> dict[str, Any]:
    if (model := subject.given("model_identifier")) is None:
        losses.append(
            _made_up(
                "model_identifier",
                f"{_AT}.name",
                "a product is demanded with a name; without a model it is called by its category",
            )
        )
    mass = exact_json.number(subject.given("battery_mass") or "0")
    made: dict[str, Any] = {
        "type": ["Product"],
        "id": subject.identifier_url,
        "name": model or _CATEGORIES[subject.category],
        "idScheme": _scheme(subject),
        "modelNumber": model,
        "batchNumber": subject.given("batch_number"),
        "itemNumber": subject.given("serial_number"),
        "idGranularity": "item",
        "productCategory": [
            {
                "code": subject.category.value,
                "name": _CATEGORIES[subject.category],
                "schemeId": _REGULATION,
                "schemeName": "Categories of batteries, Regulation (EU) 2023/1542",
            }
        ],
        "relatedDocument": list(_documents(subject)),
        "relatedParty": _parties(subject, losses),
        "producedAtFacility": _facility(subject, losses),
        "countryOfProduction": {"countryCode": _country(subject, losses)},
        "dimensions": {"weight": {"value": mass, "unit": "KGM"}}
        if subject.given("battery_mass") is not None and not isinstance(mass, str)
        else None,
        "characteristics": _characteristics(subject),
    }
    return {name: value for name, value in made.items() if value is not None}


def _scheme(subject: Subject) -> dict[str, Any]:
    """GS1 where the identifier is one; else the operator made it, whose scheme it then is."""
    first = urlsplit(subject.identifier_url).path.split("/")[1:2]
    own = (subject.operator_did, subject.given("operator_name") or NOT_STATED)
    address, name = _SCHEMES.get(first[0] if first else "", own)
    return {"type": ["IdentifierScheme"], "id": address, "name": name}


def _documents(subject: Subject) -> Iterator[dict[str, Any]]:
    yield {
        "linkURL": subject.record_url,
        "linkName": "The signed record from which this document was made",
        "mediaType": "application/vc+sd-jwt",
    }
    for row in REGISTRY.values():
        value = subject.given(row.id)
        if row.value.kind is not Kind.DOCUMENT or value is None:
            continue
        for url in value if row.value.many else [value]:
            meaning = f"{registry_url(subject)}#/attributes/{row.id}"
            yield {"linkURL": url, "linkName": row.title, "linkType": meaning}


def _parties(subject: Subject, losses: list[Loss]) -> list[dict[str, Any]]:
    """Manufacturer and operator, as far as they have a name."""
    found = []
    if (name := subject.given("manufacturer_name")) is not None:
        number, web = subject.given("manufacturer_identifier"), subject.given("manufacturer_web")
        if not _is_uri(number):
            losses.append(
                _made_up(
                    "manufacturer_identifier", f"{_AT}.relatedParty[0].party.id", _ANCHOR.format("party")
                )
            )
        address = number if _is_uri(number) else f"{subject.passport_url}#manufacturer"
        found.append({"role": "manufacturer", "party": _party(address, name, number, web)})
    if (name := subject.given("operator_name")) is not None:
        role = subject.given("operator_role")
        if role is not None and role not in _ROLES:
            sentence = (
                f"UNTP has no role {role!r}; the party is called `operator`, characteristics say the word"
            )
            losses.append(
                Loss("operator_role", Why.RESPELT, f"{_AT}.relatedParty[{len(found)}].role", sentence)
            )
        party = _party(subject.operator_did, name, subject.given("operator_identifier"), None)
        found.append({"role": role if role in _ROLES else "operator", "party": party})
    return found


def _party(address: str, name: str, number: str | None, web: str | None) -> dict[str, Any]:
    made = {
        "type": ["Party"],
        "id": address,
        "name": name,
        "registeredId": number,
        "organisationWebsite": web,
    }
    return {member: value for member, value in made.items() if value is not None}


def _facility(subject: Subject, losses: list[Loss]) -> dict[str, Any]:
    place = subject.given("manufacturing_place") or {}
    number = subject.given("facility_identifier")
    name = place.get("plant") or place.get("town")
    if name is None:
        losses.append(
            _made_up(
                "manufacturing_place",
                f"{_AT}.producedAtFacility.name",
                "a plant is demanded with a name; none is stated",
            )
        )
    if not _is_uri(number):
        losses.append(
            _made_up("facility_identifier", f"{_AT}.producedAtFacility.id", _ANCHOR.format("plant"))
        )
    address = number if _is_uri(number) else f"{subject.passport_url}#facility"
    made = {"type": ["Facility"], "id": address, "name": name or NOT_STATED}
    return made | ({"registeredId": number} if number is not None else {})


def _country(subject: Subject, losses: list[Loss]) -> str:
    country = (subject.given("manufacturing_place") or {}).get("country")
    if country is None:
        losses.append(
            _made_up(
                "manufacturing_place",
                f"{_AT}.countryOfProduction.countryCode",
                f"a country is demanded; {UNKNOWN_COUNTRY} is no country's code",
            )
        )
    return country or UNKNOWN_COUNTRY


def _is_uri(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(("https://", "http://", "urn:", "did:"))


def _characteristics(subject: Subject) -> dict[str, Any]:
    """Everything that is stated, as in the record."""
    found: dict[str, Any] = {}
    for chapter in Chapter:
        stated = {
            row.id: dict(subject.values[row.id])
            for row in by_chapter(chapter)
            if subject.given(row.id) is not None
        }
        if stated:
            found[chapter.value] = stated
    return found


# ------------------------------------------------------------------------------------------------- reading


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the content tells it
    """Whether this is a passport of UNTP, of this or another edition."""
    try:
        return _is_passport(load(data))
    except InputRefused:
        return False


def _is_passport(document: Mapping[str, Any]) -> bool:
    kinds, contexts = document.get("type"), document.get("@context")
    return (
        isinstance(kinds, list)
        and "DigitalProductPassport" in kinds
        and isinstance(contexts, list)
        and any(isinstance(one, str) and "uncefact.org" in one for one in contexts)
    )


def read(data: bytes) -> Brought:
    """What the product and its characteristics say, in our words.

    Raises:
        InputRefused: not of this format or edition, damaged, or out of all proportion.
    """
    document = load(data)
    if not _is_passport(document):
        raise InputRefused("expected a DigitalProductPassport with a context of UNTP")
    product = document.get("credentialSubject")
    if not isinstance(product, dict):
        raise InputRefused("$.credentialSubject: expected a product")
    if "product" in product and "idGranularity" not in product:
        raise InputRefused(
            "this is UNTP before 0.7.0, where the product stood inside the subject; 0.7.0 is read"
        )
    reader = _Reader()
    reader.characteristics(product.get("characteristics"))
    reader.product(product)
    if product.get("idGranularity") != "item":
        reader.leave(
            Why.NOT_READ,
            f"{_AT}.idGranularity",
            "a passport here is of one battery, not of a model or batch",
        )
    reader.leave(
        Why.NOT_READ,
        "$",
        "id, issuer, validity, status and proof are not taken over: a new passport gets its own",
    )
    identifier = product.get("id")
    return reader.result(identifier if isinstance(identifier, str) and identifier else None)


# What the product itself says and where it goes; what is not here is left.
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"modelNumber": "model_identifier", "batchNumber": "batch_number", "itemNumber": "serial_number"}
)
_SEEN: Final = frozenset(
    {
        *_NAMES,
        *("type", "id", "name", "idScheme", "idGranularity", "characteristics", "productionDate"),
        *("countryOfProduction", "producedAtFacility", "relatedParty", "relatedDocument", "dimensions"),
        "productCategory",
    }
)


class _Reader(Reader):
    """Reads a product: its characteristics first, then what only the product says."""

    def characteristics(self, told: Any) -> None:
        """Chapters of stated values are ours; anything else is somebody else's extension."""
        dated = False
        for chapter, values in told.items() if isinstance(told, Mapping) else ():
            path = f"{_AT}.characteristics.{chapter[:60]}"
            if chapter not in set(Chapter) or not isinstance(values, Mapping):
                self.leave(Why.NOT_READ, path, "an extension that is not known here")
                continue
            for name, stated in values.items():
                if isinstance(stated, Mapping) and "value" in stated:
                    unit = stated.get("unit")
                    leaf = Leaf(
                        stated["value"], f"{path}.{name[:60]}", unit if isinstance(unit, str) else None
                    )
                    self.attribute(name, leaf, leaf.path)
                    dated = dated or "as_of" in stated or "source" in stated
                else:
                    self.leave(Why.NOT_READ, f"{path}.{name[:60]}", "no stated value")
        if dated:
            self.leave(Why.NOT_READ, f"{_AT}.characteristics", DATED)

    def product(self, product: Mapping[str, Any]) -> None:
        """What UNTP itself has names for."""
        for theirs, ours in _NAMES.items():
            if isinstance(product.get(theirs), str):
                self.otherwise(ours, product[theirs], f"{_AT}.{theirs}")
        self._weight(product.get("dimensions"))
        self._production(product)
        for place, each in enumerate(_list(product.get("relatedParty"))):
            self._party(each, f"{_AT}.relatedParty[{place}]")
        for place, each in enumerate(_list(product.get("relatedDocument"))):
            if (
                "/attributes/" not in str(each.get("linkType"))
                and each.get("mediaType") != "application/vc+sd-jwt"
            ):
                self.leave(
                    Why.NOT_READ, f"{_AT}.relatedDocument[{place}]", "nothing says what document this is"
                )
        for name in product:
            if name not in _SEEN:
                self.leave(Why.NOT_READ, f"{_AT}.{name[:60]}", "no attribute here says it")

    def _weight(self, dimensions: Any) -> None:
        if not isinstance(dimensions, Mapping):
            return
        for name, measure in dimensions.items():
            path = f"{_AT}.dimensions.{name[:60]}"
            unit = _MASSES.get(str(measure.get("unit"))) if isinstance(measure, Mapping) else None
            if name != "weight" or unit is None:
                self.leave(Why.NOT_READ, path, "no attribute here says it, or not in this unit")
            else:
                self.otherwise("battery_mass", {"value": measure.get("value"), "unit": unit}, path)

    def _production(self, product: Mapping[str, Any]) -> None:
        day = product.get("productionDate")
        if isinstance(day, str):
            path = f"{_AT}.productionDate"
            if "manufacturing_date" not in self.facts and len(day) > len("2027-01"):
                self.leave(
                    Why.CUT,
                    path,
                    f"the day of {day[:10]} is left out: a month is stated here",
                    "manufacturing_date",
                )
            self.otherwise("manufacturing_date", day[:7], path)
        plant = product.get("producedAtFacility")
        number = plant.get("registeredId") if isinstance(plant, Mapping) else None
        if isinstance(number, str):
            self.otherwise("facility_identifier", number, f"{_AT}.producedAtFacility.registeredId")
        country = product.get("countryOfProduction")
        code = country.get("countryCode") if isinstance(country, Mapping) else None
        if isinstance(code, str) and code in COUNTRIES:
            name = plant.get("name") if isinstance(plant, Mapping) else None
            known = {"plant": name} if isinstance(name, str) and name != NOT_STATED else {}
            self.otherwise("manufacturing_place", {"country": code, **known}, f"{_AT}.countryOfProduction")
        elif code != UNKNOWN_COUNTRY:
            self.leave(Why.NOT_READ, f"{_AT}.countryOfProduction", "no country is named")

    def _party(self, each: Mapping[str, Any], path: str) -> None:
        party = each.get("party")
        if each.get("role") not in ("manufacturer", "producer") or not isinstance(party, Mapping):
            if "operator_name" not in self.facts:
                self.leave(Why.NOT_READ, path, f"the party {str(each.get('role'))[:40]!r} is nobody here")
            return
        for theirs, ours in (
            ("name", "manufacturer_name"),
            ("registeredId", "manufacturer_identifier"),
            ("organisationWebsite", "manufacturer_web"),
        ):
            if isinstance(party.get(theirs), str):
                self.otherwise(ours, party[theirs], f"{path}.party.{theirs}")


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
