"""UNTP 0.7.0: a product that its schema accepts, all that is stated in its characteristics, and back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import untp
from passport.exports.format import Brought, Subject, Why
from passport.signing import encode
from schemas import strict_json
from schemas.registry import REGISTRY
from schemas.terms import Audience, Category
from schemas.validation import MADE_BY_SERVICE, field_of, load_facts
from tests.passport.exports.drawn import subjects
from tests.passport.exports.subjects import HOST, changed, everything, facts, subject

LAW = settings(deadline=None, database=None, max_examples=50)

# The schema of 0.7.0 as far as we write it: what is owed, and where nothing else may stand.
OWED = {
    "": {"@context", "id", "issuer", "validFrom", "name", "credentialSubject"},
    "issuer": {"id", "name"},
    "credentialSubject": {
        *("id", "name", "idScheme", "idGranularity", "productCategory"),
        *("producedAtFacility", "countryOfProduction"),
    },
    "idScheme": {"id", "name"},
    "producedAtFacility": {"id", "name"},
    "productCategory": {"code", "name", "schemeId", "schemeName"},
    "relatedDocument": {"linkURL", "linkName"},
    "relatedParty": {"role", "party"},
    "party": {"id", "name"},
    "countryOfProduction": {"countryCode"},
    "weight": {"value", "unit"},
}
CLOSED = {
    "productCategory": {"definition"},
    "relatedDocument": {"digestMultibase", "mediaType", "linkType"},
    "relatedParty": set(),
    "countryOfProduction": {"countryName"},
    "weight": {"upperTolerance", "lowerTolerance"},
}
URIS = {"id", "linkURL", "schemeId", "organisationWebsite"}
ROLES = {
    *("owner", "producer", "manufacturer", "processor", "remanufacturer", "recycler", "operator"),
    *("serviceProvider", "inspector", "certifier", "logisticsProvider", "carrier", "consignor", "consignee"),
    *("importer", "exporter", "distributor", "retailer", "brandOwner", "regulator"),
}


def document(made: Subject) -> dict[str, Any]:
    loaded: dict[str, Any] = strict_json.loads(untp.export(made).data, limit_bytes=10_000_000)
    return loaded


def objects(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object outside of the characteristics, with the name of the member that holds it."""
    if isinstance(value, list):
        for one in value:
            yield from objects(one, name)
    elif isinstance(value, dict):
        yield name, value
        for inner, one in value.items():
            if inner != "characteristics":
                yield from objects(one, inner)


@LAW
@given(subjects())
def test_the_document_keeps_to_the_schema(made: Subject) -> None:
    whole = document(made)
    assert whole["@context"][:2] == list(untp.CONTEXTS)
    for name, one in objects(whole):
        assert one.keys() >= OWED.get(name, set()), name
        if name in CLOSED:
            assert one.keys() <= OWED[name] | CLOSED[name], name
        for member in URIS & one.keys():
            assert urlsplit(one[member]).scheme, (name, member)
        assert one.get("role", "operator") in ROLES
    assert not isinstance(
        whole["credentialSubject"].get("dimensions", {}).get("weight", {}).get("value"), str
    )


@LAW
@given(subjects())
def test_everything_that_is_stated_stands_in_the_characteristics_as_in_the_record(made: Subject) -> None:
    told = document(made)["credentialSubject"]["characteristics"]
    assert {name: one for values in told.values() for name, one in values.items()} == made.values
    assert all(REGISTRY[name].group.value == chapter for chapter, values in told.items() for name in values)
    assert {loss.why for loss in untp.export(made).losses} <= {Why.MADE_UP, Why.RESPELT}


@LAW
@given(subjects())
def test_what_is_read_is_what_was_written(made: Subject) -> None:
    brought = untp.read(untp.export(made).data)
    declared = {name for name in made.values if name not in MADE_BY_SERVICE and name != "battery_id"}
    assert set(brought.facts) == declared == set(brought.paths)
    for name, raw in brought.facts.items():
        # Judged by its form alone: what disagrees within a drawn value is not what is tried here.
        value = field_of(name).deserialize(raw)
        loaded = tuple(value) if isinstance(value, list) else value
        assert REGISTRY[name].value.to_wire(loaded) == made.given(name), name
    assert brought.identifier == made.identifier_url
    assert {loss.attribute for loss in brought.losses} - {""} == set(made.values) & MADE_BY_SERVICE


@pytest.mark.parametrize("category", Category)
def test_a_complete_battery_comes_back_as_it_was_declared(category: Category) -> None:
    brought = untp.read(untp.export(everything(category)).data)
    wanted = {name: value for name, value in facts(category).items() if name not in MADE_BY_SERVICE}
    del wanted["battery_id"]
    loaded = load_facts(brought.facts)
    assert {name: REGISTRY[name].value.to_wire(value) for name, value in loaded.items()} == wanted


@pytest.mark.parametrize("audience", Audience)
def test_the_same_subject_gives_the_same_bytes_in_whatever_order_its_values_stand(audience: Audience) -> None:
    made = subject(Category.LMT, audience)
    assert untp.export(made) == untp.export(replace(made, values=dict(reversed(made.values.items()))))


def test_what_is_demanded_and_not_stated_is_made_up_and_told() -> None:
    bare = replace(subject(Category.EV), values={}, simulated=True)
    exported = untp.export(bare)
    product = document(bare)["credentialSubject"]
    assert product["name"] == "electric vehicle battery"
    assert product["countryOfProduction"] == {"countryCode": "ZZ"}
    assert product["producedAtFacility"]["name"] == "not stated"
    assert "relatedParty" in product
    assert product["relatedParty"] == []
    assert document(bare)["simulated"] is True
    assert [(loss.attribute, loss.path.rpartition(".")[2]) for loss in exported.losses] == [
        ("model_identifier", "name"),
        ("operator_name", "name"),
        ("facility_identifier", "id"),
        ("manufacturing_place", "name"),
        ("manufacturing_place", "countryCode"),
    ]
    assert untp.read(exported.data).facts == {}, "what was made up is not read as a fact"


def test_a_role_that_untp_does_not_know_is_told_and_kept_in_the_characteristics() -> None:
    made = subject(Category.STATIONARY)
    parties = document(made)["credentialSubject"]["relatedParty"]
    assert [one["role"] for one in parties] == ["manufacturer", "operator"]
    (loss,) = [loss for loss in untp.export(made).losses if loss.why is Why.RESPELT]
    assert (loss.attribute, loss.path) == ("operator_role", "$.credentialSubject.relatedParty[1].role")
    alone = changed(made, manufacturer_name=None)
    (loss,) = [loss for loss in untp.export(alone).losses if loss.why is Why.RESPELT]
    assert loss.path == "$.credentialSubject.relatedParty[0].role"


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("/01/09520123456788/21/A", "https://www.gs1.org/standards/id-keys/gtin"),
        ("/8004/952012345A", "https://www.gs1.org/standards/id-keys/global-individual-asset-identifier-giai"),
        ("/i/AAAA", "did:web:id.example.com:o:example-batteries"),
    ],
)
def test_the_scheme_of_an_identifier_is_the_one_it_comes_from(path: str, scheme: str) -> None:
    made = replace(subject(Category.EV), identifier_url=HOST + path)
    assert document(made)["credentialSubject"]["idScheme"]["id"] == scheme


def test_the_third_context_is_ours_and_says_nothing_that_untp_protects() -> None:
    assert document(subject(Category.EV))["@context"][2] == HOST + encode.CONTEXT_PATH
    terms = json.loads(encode.context_document())["@context"]
    # UNTP protects its types, which begin with a capital letter, and these.
    assert not terms.keys() & {"untp", "schema", "renderMethodPrefix", "type", "id", "issuingSoftware"}
    assert not terms.keys() & {"DigitalProductPassport", "Party", "Facility", "Product", "Claim", "Criterion"}
    assert terms["xsd"] == "http://www.w3.org/2001/XMLSchema#", "a protected term may be said again as it is"


# --------------------------------------------------------------------------------------- what strangers write

FOREIGN = {
    "@context": list(untp.CONTEXTS),
    "type": ["VerifiableCredential", "DigitalProductPassport"],
    "id": "https://other.example/vc/1",
    "issuer": {"id": "did:web:other.example", "name": "Other"},
    "validFrom": "2026-05-05T00:00:00Z",
    "name": "x",
    "credentialSubject": {
        "type": ["Product"],
        "id": "https://id.example.com/01/09520123456788/21/A1",
        "name": "600 Ah battery",
        "idScheme": {"id": "https://example.com", "name": "x"},
        "modelNumber": "M-1",
        "batchNumber": "B-1",
        "itemNumber": "A1",
        "idGranularity": "item",
        "productCategory": [],
        "producedAtFacility": {"id": "https://example.com/f", "name": "Plant 4", "registeredId": "F-4"},
        "countryOfProduction": {"countryCode": "SE", "countryName": "Sweden"},
        "productionDate": "2027-01-17",
        "dimensions": {
            "weight": {"value": 98400.5, "unit": "GRM"},
            "length": {"value": 840, "unit": "MMT"},
        },
        "relatedParty": [
            {"role": "retailer", "party": {"id": "https://example.com/r", "name": "Shop"}},
            {
                "role": "manufacturer",
                "party": {
                    "id": "https://example.com/p",
                    "name": "Example Works",
                    "registeredId": "556-1",
                    "organisationWebsite": "https://works.example.com",
                },
            },
        ],
        "relatedDocument": [{"linkURL": "https://example.com/x.pdf", "linkName": "Manual"}],
        "performanceClaim": [{}],
        "characteristics": {
            "colour": "red",
            "performance": {"rated_capacity": {"value": "102"}, "voltage": 3, "hue": {"value": 1}},
        },
    },
}


def told(brought: Brought) -> dict[str, str]:
    return {loss.path.removeprefix("$.credentialSubject."): loss.sentence for loss in brought.losses}


def test_a_passport_of_somebody_else_is_read_as_far_as_it_speaks_of_us() -> None:
    brought = untp.read(json.dumps(FOREIGN).encode())
    assert brought.facts.keys() == {
        *("model_identifier", "batch_number", "serial_number", "manufacturer_name", "manufacturer_web"),
        *("manufacturer_identifier", "facility_identifier", "manufacturing_place", "manufacturing_date"),
        *("battery_mass", "rated_capacity"),
    }
    loaded = load_facts(brought.facts)
    assert str(loaded["battery_mass"]) == "98.4005"
    assert str(loaded["manufacturing_date"]) == "2027-01"
    assert loaded["manufacturing_place"] == {"country": "SE", "plant": "Plant 4"}
    assert set(told(brought)) == {
        *("$", "characteristics.colour", "characteristics.performance.voltage"),
        *("characteristics.performance.hue", "dimensions.length", "productionDate", "relatedParty[0]"),
        *("relatedDocument[0]", "performanceClaim"),
    }
    assert "17" in told(brought)["productionDate"]
    assert brought.paths["battery_mass"] == "$.credentialSubject.dimensions.weight"


def test_a_passport_of_a_batch_says_so() -> None:
    batch = FOREIGN | {"credentialSubject": {**FOREIGN["credentialSubject"], "idGranularity": "batch"}}  # type: ignore[dict-item]
    assert "not of a model or batch" in told(untp.read(json.dumps(batch).encode()))["idGranularity"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "JSON"),
        (b"{}", "context of UNTP"),
        (json.dumps(FOREIGN | {"credentialSubject": []}).encode(), "expected a product"),
        (
            json.dumps(FOREIGN | {"credentialSubject": {"product": {}, "granularityLevel": "item"}}).encode(),
            "before 0.7.0",
        ),
    ],
)
def test_what_is_no_such_passport_is_refused_by_name(content: bytes, sentence: str) -> None:
    with pytest.raises(InputRefused, match=sentence):
        untp.read(content)


def test_it_knows_its_own() -> None:
    assert untp.recognises(untp.export(subject(Category.EV)).data, "x.json")
    assert untp.recognises(json.dumps(FOREIGN).encode(), "")
    assert not untp.recognises(b'{"type": ["VerifiableCredential"], "@context": []}', "")
    assert not untp.recognises(b"\xff", "")


_PLACES = sorted({*FOREIGN["credentialSubject"], "value", "unit", "general", "performance", "rated_capacity"})  # type: ignore[misc]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["SE", "KGM", "manufacturer", "2027", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*_PLACES, "weight", "role", "party", "countryCode", "registeredId", "linkType"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(deadline=None, database=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(_PLACES), _JSON, max_size=6))
def test_any_json_is_read_or_refused(body: Mapping[str, Any]) -> None:
    data = json.dumps(FOREIGN | {"credentialSubject": body}).encode()
    try:
        brought = untp.read(data)
    except InputRefused:
        return
    assert set(brought.facts) == set(brought.paths) <= set(REGISTRY) - MADE_BY_SERVICE


@settings(deadline=None, database=None, max_examples=80)
@given(place=st.integers(0, 9000), change=st.binary(max_size=3))
def test_damaged_bytes_are_read_or_refused(place: int, change: bytes) -> None:
    whole = untp.export(subject(Category.LMT)).data
    damaged = whole[:place] + change + whole[place + len(change) :]
    untp.recognises(damaged, "x")
    try:
        untp.read(damaged)
    except InputRefused:
        return
