"""EN 18223 in both forms: all that is stated is there, both say the same, and what is read was written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import en18223, en18223_full, exact_json
from passport.exports.en18223_full import ATTRIBUTES, HEADER, camel, compress, members
from passport.exports.format import Brought, Subject, Why
from passport.signing.encode import REGISTRY_PATH
from schemas import strict_json
from schemas.attribute import Chapter
from schemas.registry import REGISTRY, REGISTRY_VERSION, frozen
from schemas.structures import STRUCTURES, Structure
from schemas.terms import Audience, Category
from schemas.validation import MADE_BY_SERVICE, field_of, load_facts
from schemas.values import Kind, ValueType
from tests.passport.exports.drawn import subjects
from tests.passport.exports.subjects import HOST, changed, everything, facts, subject

LAW = settings(deadline=None, database=None, max_examples=60)
FORMS = pytest.mark.parametrize("form", [en18223, en18223_full], ids=["compressed", "full"])
KINDS = {
    "SingleValuedDataElement": {"valueDataType", "value"},
    "MultiValuedDataElement": {"value"},
    "RelatedResource": {"contentType", "url"},
    "DataElementCollection": {"elements"},
}
# Beside those of its kind, an element may say these.
BESIDE = {
    "elementId",
    "objectType",
    "dictionaryReference",
    "valueDataType",
    "unit",
    "asOf",
    "source",
    "method",
}


def document(form: Any, made: Subject) -> dict[str, Any]:
    loaded: dict[str, Any] = strict_json.loads(form.export(made).data, limit_bytes=10_000_000)
    return loaded


def elements(of: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every element, at any depth."""
    for inner in (of.get("elements", []), of.get("value", [])):
        for one in inner if isinstance(inner, list) else ():
            if isinstance(one, dict):
                yield one
                yield from elements(one)


def expected(value: ValueType[Any], wire: Any) -> Any:
    """What the wire says, in camel case and with numbers; written down a second time."""
    if value.many:
        return [expected(replace(value, many=False), one) for one in wire]
    if value.kind is Kind.NUMBER:
        return Decimal(wire)
    if value.kind is not Kind.STRUCTURE:
        return wire
    shape = STRUCTURES[value.structure or ""]
    return {
        camel(name): wire[name] if (kind := shape.by_name[name].value) is None else expected(kind, wire[name])
        for name in wire
    }


@LAW
@given(subjects())
def test_every_stated_value_is_in_the_document(made: Subject) -> None:
    said = document(en18223, made)
    for name, wire in made.values.items():
        row = REGISTRY[name]
        if name == "dpp_schema_version":
            assert wire["value"] in said["dppSchemaVersion"] or name in {
                loss.attribute for loss in en18223.export(made).losses
            }
        else:
            assert said[camel(row.group.value)][camel(name)] == expected(row.value, wire["value"]), name


@LAW
@given(subjects())
def test_the_full_form_without_its_envelopes_is_the_compressed_form(made: Subject) -> None:
    full, compressed = document(en18223_full, made), document(en18223, made)
    assert {one["elementId"]: compress(one) for one in full["elements"]} == {
        name: value for name, value in compressed.items() if name not in HEADER
    }
    assert [(name, full[name]) for name in full if name != "elements"] == [
        (name, compressed[name]) for name in compressed if name in HEADER
    ]


@LAW
@given(subjects())
def test_the_compressed_form_gives_the_full_form_but_for_days_and_sources(made: Subject) -> None:
    bare = {
        name: {part: wire[part] for part in wire if part not in ("as_of", "source", "method")}
        for name, wire in made.values.items()
    }
    brought = en18223.read(en18223.export(made).data)
    again = {name: REGISTRY[name].value.to_wire(_loaded(name, raw)) for name, raw in brought.facts.items()}
    kept = {
        name: {**bare[name], "value": again.get(name, bare[name]["value"])} for name in bare
    }  # what the service writes itself is not a fact, and the same on both sides
    rebuilt = document(en18223_full, replace(made, values=kept))
    wanted = document(en18223_full, made)
    for element in elements(wanted):
        for part in ("asOf", "method"):
            element.pop(part, None)
        if "dictionaryReference" in element and "/attributes/" in element["dictionaryReference"]:
            element.pop("source", None)
    assert rebuilt == wanted


def _loaded(name: str, raw: Any) -> Any:
    # Judged by its form alone: what disagrees within a drawn value is not what is tried here.
    value = field_of(name).deserialize(raw)
    return tuple(value) if isinstance(value, list) else value


@FORMS
@LAW
@given(made=subjects())
def test_what_is_read_is_what_was_written(form: Any, made: Subject) -> None:
    brought: Brought = form.read(form.export(made).data)
    declared = {name for name in made.values if name not in MADE_BY_SERVICE and name != "battery_id"}
    assert set(brought.facts) == declared == set(brought.paths)
    for name, raw in brought.facts.items():
        loaded = REGISTRY[name].value.to_wire(_loaded(name, raw))
        row = REGISTRY[name]
        assert expected(row.value, loaded) == expected(row.value, made.given(name)), name
    assert brought.identifier == made.identifier_url
    lost = {loss.attribute for loss in brought.losses}
    assert lost - {""} == set(made.values) & MADE_BY_SERVICE - {"dpp_schema_version"}


@FORMS
@pytest.mark.parametrize("category", Category)
def test_a_complete_battery_comes_back_as_it_was_declared(form: Any, category: Category) -> None:
    brought = form.read(form.export(everything(category)).data)
    wanted = {name: value for name, value in facts(category).items() if name not in MADE_BY_SERVICE}
    del wanted["battery_id"]
    loaded = load_facts(brought.facts)
    assert {name: REGISTRY[name].value.to_wire(value) for name, value in loaded.items()} == wanted
    assert brought.predecessors == tuple(facts(category)["predecessor_passport_ids"])


@FORMS
@pytest.mark.parametrize("audience", Audience)
def test_the_same_subject_gives_the_same_bytes_in_whatever_order_its_values_stand(
    form: Any, audience: Audience
) -> None:
    made = subject(Category.EV, audience)
    turned = replace(made, values=dict(reversed(made.values.items())))
    assert form.export(made) == form.export(turned)


@pytest.mark.parametrize("audience", Audience)
def test_the_full_form_keeps_the_shape_of_the_standard(audience: Audience) -> None:
    full = document(en18223_full, subject(Category.STATIONARY, audience))
    assert list(full)[:7] == list(HEADER[:7])
    assert set(full) <= {*HEADER, "elements"}
    for element in elements(full):
        assert element.keys() >= {"elementId", "objectType"} | KINDS[element["objectType"]], element
        assert element.keys() <= BESIDE | KINDS[element["objectType"]], element
    names = [one["elementId"] for one in full["elements"]]
    assert names == [camel(one.value) for one in Chapter if camel(one.value) in names] + ["record"]


def test_units_days_and_sources_stand_in_the_full_form() -> None:
    made = subject(Category.STATIONARY, Audience.LEGITIMATE_INTEREST)
    told = {one["elementId"]: one for one in elements(document(en18223_full, made))}
    assert told["ratedCapacity"] == {
        "elementId": "ratedCapacity",
        "objectType": "SingleValuedDataElement",
        "dictionaryReference": f"{HOST}/schemas/registry/{REGISTRY_VERSION}#/attributes/rated_capacity",
        "valueDataType": "xsd:decimal",
        "value": 204,
        "unit": "Ah",
        "asOf": "2027-03-02T09:00:00Z",
        "source": "declared",
    }
    assert told["remainingCapacity"]["source"] == "bms_reported"
    first = told["materialComposition"]["value"][0]
    mass = next(one for one in first["elements"] if one["elementId"] == "mass")
    assert (mass["value"], mass["unit"]) == (Decimal("25.1"), "kg")


def test_the_compressed_form_names_each_day_and_source_it_leaves_out() -> None:
    made = subject(Category.STATIONARY)
    exported = en18223.export(made)
    cut = [loss.attribute for loss in exported.losses if loss.why is Why.CUT]
    stated = [name for name in REGISTRY if made.given(name) is not None and name != "dpp_schema_version"]
    assert cut == stated
    assert en18223.export(replace(made, values={})).losses[0].why is Why.MADE_UP


def test_every_dictionary_reference_leads_into_the_frozen_registry() -> None:
    registry = json.loads(json.dumps(frozen()))
    seen = 0
    for category in Category:
        for element in elements(document(en18223_full, everything(category))):
            if "dictionaryReference" not in element:
                continue
            address, _, pointer = element["dictionaryReference"].partition("#/")
            assert address == f"{HOST}{REGISTRY_PATH}{REGISTRY_VERSION}"
            place = registry
            for step in pointer.split("/"):
                place = place[step]
            assert "title" in place or "kind" in place
            seen += 1
    assert seen > 700


def test_the_operator_is_named_by_its_number_only_where_the_reader_may_see_it() -> None:
    public = document(en18223, subject(Category.EV))
    authority = document(en18223, subject(Category.EV, Audience.AUTHORITY))
    assert public["economicOperatorId"] == "did:web:id.example.com:o:example-batteries"
    assert "facilityId" not in public
    assert (authority["economicOperatorId"], authority["facilityId"]) == ("9520123000003", "9520123000027")


@pytest.mark.parametrize(
    ("status", "word", "told"),
    [
        ("Active", "active", False),
        ("Archived", "archived", False),
        ("Inactive", "inactive", False),
        ("Marked-for-deletion", "inactive", True),
        (None, "active", True),
    ],
)
def test_a_status_without_a_word_in_the_standard_is_told(status: str | None, word: str, told: bool) -> None:
    made = changed(subject(Category.EV), dpp_status=status)
    assert document(en18223_full, made)["dppStatus"] == word
    losses = [loss.path for loss in en18223_full.export(made).losses]
    assert ("$.dppStatus" in losses) is told


def test_digits_are_those_of_the_record() -> None:
    made = changed(subject(Category.EV), rated_capacity="117.500", cf_absolute="9007199254740993")
    data = en18223.export(made).data
    assert b'"ratedCapacity": 117.500,' in data
    assert b'"cfAbsolute": "9007199254740993"' in data, "beyond what every reader of JSON can hold"


def test_names_differ_in_camel_case_too() -> None:
    assert len({camel(name) for name in REGISTRY}) == len(REGISTRY)
    assert {ATTRIBUTES[camel(name)].id for name in REGISTRY} == set(REGISTRY)
    for shape in STRUCTURES.values():
        assert {members(shape)[camel(name)] for name in shape.members} == set(shape.members)
    assert not {camel(one.value) for one in Chapter} & {*HEADER, "record", *map(camel, REGISTRY)}


# --------------------------------------------------------------------------------------- what strangers write

HEAD = {
    "digitalProductPassportId": "https://other.example/dpp/1",
    "uniqueProductIdentifier": "https://id.example.com/01/09520123456788/21/A1",
    "granularity": "Item",
    "dppSchemaVersion": "EN 18223:2026",
    "dppStatus": "Active",
    "lastUpdate": "2026-11-01T00:00:00Z",
    "economicOperatorId": "LEI:9845002B6B074505A715",
    "facilityId": "urn:example:plant:4",
}


def told(brought: Brought) -> dict[str, str]:
    return {loss.path: loss.sentence for loss in brought.losses}


def test_the_full_form_of_others_is_read_too() -> None:
    foreign = HEAD | {
        "elements": [
            {
                "elementId": "TechnicalData",
                "objectType": "DataElementCollection",
                "value": [{"elementId": "colour", "objectType": "SingleValuedDataElement", "value": "red"}],
            },
            {
                "elementId": "performance",
                "objectType": "DataElementCollection",
                "value": [
                    {"elementId": "ratedCapacity", "value": "102.5", "unitOfMeasure": "Ah"},
                    {"elementId": "certifiedUsableEnergy", "value": 5300, "unit": "Wh"},
                    {
                        "elementId": "powerTemperatureRange",
                        "objectType": "DataElementCollection",
                        "elements": [
                            {"elementId": "lower", "value": 0},
                            {"elementId": "upper", "value": "45"},
                            {"elementId": "mean", "value": 20},
                        ],
                    },
                ],
            },
            {
                "elementId": "batteryChemistryName",
                "objectType": "MultiLanguageDataElement",
                "value": [
                    {"language": "de", "value": "Eisenphosphat"},
                    {"language": "en", "value": "iron phosphate"},
                ],
            },
            {"elementId": "euDeclarationOfConformity", "url": "https://example.com/doc.pdf"},
            {"elementId": "euDeclarationOfConformity", "url": "https://example.com/other.pdf"},
        ]
    }
    brought = en18223_full.read(json.dumps(foreign).encode())
    assert brought.facts == {
        "operator_identifier": "LEI:9845002B6B074505A715",
        "facility_identifier": "urn:example:plant:4",
        "battery_chemistry_name": "iron phosphate",
        "eu_declaration_of_conformity": "https://example.com/doc.pdf",
        "rated_capacity": {"value": "102.5", "unit": "Ah"},
        "certified_usable_energy": {"value": 5300, "unit": "Wh"},
        "power_temperature_range": {"lower": 0, "upper": "45"},
    }
    assert load_facts(brought.facts)["certified_usable_energy"] == Decimal("5.3")
    assert set(told(brought)) == {
        "$",
        "$.elements[0]",
        "$.elements[1].value[2].elements[2]",
        "$.elements[2]",
        "$.elements[4]",
    }
    assert brought.paths["rated_capacity"] == "$.elements[1].value[0]"


def test_a_passport_of_a_model_says_so_and_a_flat_one_is_read() -> None:
    foreign = HEAD | {"granularity": "model", "ratedCapacity": 102, "colour": "red", "record": "x"}
    brought = en18223.read(json.dumps(foreign).encode())
    assert brought.facts["rated_capacity"] == 102
    assert {"$.granularity", "$.colour", "$.record", "$.lastUpdate"} <= set(told(brought))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "JSON"),
        (b"[]", "object, got list"),
        (b'{"a": 1}', "header"),
        (json.dumps(HEAD | {"elements": [{}]}).encode(), "elementId"),
        (
            json.dumps(
                HEAD | {"elements": [{"elementId": "x", "objectType": "DataElementCollection"}]}
            ).encode(),
            "list of elements",
        ),
        (b'{"digitalProductPassportId": 1, "dppSchemaVersion": "EN 18223", "x": NaN}', "NaN"),
        (json.dumps(HEAD | {f"x{n}": 1 for n in range(2001)}).encode(), "2000 places"),
    ],
)
def test_what_is_no_such_passport_is_refused_by_name(content: bytes, sentence: str) -> None:
    for form in (en18223, en18223_full):
        try:
            form.read(content)
        except InputRefused as refused:
            if sentence in str(refused):
                return
    pytest.fail(f"no form said {sentence!r}")


def test_each_form_knows_its_own_and_refuses_the_other() -> None:
    made = subject(Category.LMT)
    compressed, full = en18223.export(made).data, en18223_full.export(made).data
    assert en18223.recognises(compressed, "x.json")
    assert not en18223.recognises(full, "x.json")
    assert en18223_full.recognises(full, "x.json")
    assert not en18223_full.recognises(compressed, "x.json")
    with pytest.raises(InputRefused, match="full form"):
        en18223.read(full)
    with pytest.raises(InputRefused, match="compressed form"):
        en18223_full.read(compressed)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("elementId", "objectType", "elements", "value", "url", "unit", "language", "general"),
                    *("ratedCapacity", "labelMeaning", "operatorAddress", "batteryChemistryName", "record"),
                    *("text", "predecessorPassportIds", "passportId", "stateOfHealth", "testReports"),
                ]
            ),
            inner
            | st.sampled_from(
                [
                    "DataElementCollection",
                    "MultiValuedDataElement",
                    "MultiLanguageDataElement",
                    "ratedCapacity",
                ]
            ),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@FORMS
@settings(deadline=None, database=None, max_examples=80)
@given(body=st.dictionaries(st.sampled_from(["elements", "general", "x", *HEADER]), _JSON, max_size=4))
def test_any_json_is_read_or_refused(form: Any, body: dict[str, Any]) -> None:
    data = json.dumps(HEAD | body).encode()
    assert form.recognises(data, "") in (True, False)
    try:
        brought = form.read(data)
    except InputRefused:
        return
    assert set(brought.facts) <= set(REGISTRY) - MADE_BY_SERVICE
    assert set(brought.paths) == set(brought.facts)


@FORMS
@settings(deadline=None, database=None, max_examples=60)
@given(place=st.integers(0, 7000), change=st.binary(max_size=3))
def test_damaged_bytes_are_read_or_refused(form: Any, place: int, change: bytes) -> None:
    whole = form.export(subject(Category.LMT)).data
    damaged = whole[:place] + change + whole[place + len(change) :]
    form.recognises(damaged, "x")
    try:
        form.read(damaged)
    except InputRefused:
        return


@LAW
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_the_writer_writes_what_json_reads(value: Any) -> None:
    assert json.loads(exact_json.dumps({"": value})) == {"": value}


def test_the_writer_refuses_binary_floats() -> None:
    with pytest.raises(TypeError, match="float"):
        exact_json.dumps({"x": 1.5})


def test_a_structure_of_the_service_is_written_as_it_stands() -> None:
    shape: Structure = STRUCTURES["second_life_assessment"]
    value = {
        "operation": "repurposing",
        "verdict": "unknown",
        "reasons": [{"gate": "age"}, "b"],
        "inspect": [],
    }
    assert set(value) <= set(shape.members)
    made = changed(subject(Category.EV), second_life_assessment=value)
    assert document(en18223, made)["dynamic"]["secondLifeAssessment"] == value
    assert "an opinion" in told(en18223.read(en18223.export(made).data))["$.dynamic.secondLifeAssessment"]
