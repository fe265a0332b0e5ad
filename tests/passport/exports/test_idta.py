"""IDTA 02035 with 02099-1: accepted by foreign tools, equal to the templates, nothing lost in silence."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aas_test_engines.file import check_json_data
from basyx.aas import model
from basyx.aas.adapter.json import read_aas_json_file
from hypothesis import example, given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import idta
from passport.exports.aas.parts import PARTS
from passport.exports.aas.places import FILED, NO_PLACE, PLACES, UNIT_TRAPS
from passport.exports.aas.shape import Element, Shape, folded, unversioned
from passport.exports.format import Brought, Subject, Why
from schemas.registry import REGISTRY
from schemas.terms import Audience, Category
from schemas.validation import MADE_BY_SERVICE, field_of, load_facts
from tests.passport.exports.drawn import subjects
from tests.passport.exports.subjects import changed, everything, facts, identifier_url, subject

LAW = settings(deadline=None, database=None, max_examples=30)
TEMPLATES = {
    "02035-1": "02035-1_DigitalNameplate-1.0",
    "02035-2": "02035-2_HandoverDocumentation-1.0",
    "02035-3": "02035-3_ProductCarbonFootprint-1.0",
    "02035-4": "02035-4_TechnicalData-1.0.1",
    "02035-5": "02035-5_ProductCondition-1.0.1",
    "02035-6": "02035-6_MaterialComposition-1.0.1",
    "02035-7": "02035-7_Circularity-1.0.1",
    "02099-1": "02099-1_DigitalProductPassport-1.0.1",
}
# Where our types differ from the templates on purpose; see the module `parts`.
OTHER_TYPES = {
    ("BatteryNameplate/DateOfManufacture", "xs:date", "xs:gYearMonth"),
    (
        "TechnicalData/TechnicalPropertyAreas/PowerCapability/OriginalPowerCapability[]/atSoc",
        "xs:unsignedInt",
        "xs:integer",
    ),
    (
        "TechnicalData/TechnicalPropertyAreas/Lifetime/ExpectedLifetimeInCalendarYears",
        "xs:unsignedInt",
        "xs:integer",
    ),
    ("TechnicalData/TechnicalPropertyAreas/Lifetime/ExpectedNumberOfCycles", "xs:unsignedInt", "xs:integer"),
    ("ProductCondition/NumberOfFullCycles/NumberOfFullCyclesValue", "xs:unsignedInt", "xs:integer"),
}


def environment(made: Subject) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(idta.export(made).data)
    return loaded


def same(name: str, value: Any, other: Any) -> bool:
    return bool(field_of(name).deserialize(value) == field_of(name).deserialize(other))


def elements(node: Mapping[str, Any], above: str = "", *, entry: bool = False) -> Iterator[tuple[str, Any]]:
    """Every element of a submodel with its path; entries of lists stand as `[]`."""
    name = str(node.get("idShort", ""))
    path = f"{above}[]" if entry else f"{above}/{name}" if above else name
    yield path, node
    below = node.get("submodelElements")
    if node["modelType"] in {"SubmodelElementCollection", "SubmodelElementList"}:
        below = node.get("value")
    for one in below or ():
        yield from elements(one, path, entry=node["modelType"] == "SubmodelElementList")


def at(whole: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The first element at a path."""
    found = (node for submodel in whole["submodels"] for here, node in elements(submodel) if here == path)
    return dict(next(found))


# ---------------------------------------------------------------------------------------------- foreign tools


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("audience", [*Audience, None])
def test_the_test_engines_and_the_sdk_accept_every_view(
    category: Category, audience: Audience | None
) -> None:
    made = everything(category) if audience is None else subject(category, audience)
    data = idta.export(made).data
    result = check_json_data(json.loads(data))
    assert result.ok(), result.to_dict()
    store = read_aas_json_file(io.StringIO(data.decode()), failsafe=False)
    shells = [one for one in store if isinstance(one, model.AssetAdministrationShell)]
    assert [one.asset_information.global_asset_id for one in shells] == [identifier_url(category)]
    assert len(list(store)) == 1 + len(json.loads(data)["submodels"])


@LAW
@given(subjects())
def test_the_test_engines_accept_any_subject(made: Subject) -> None:
    result = check_json_data(environment(made))
    assert result.ok(), result.to_dict()


# ------------------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.number)
def test_what_is_written_exists_in_the_template_at_that_place(
    shared: Callable[[str], Path], part: Any
) -> None:
    file = shared(f"reference/idta/templates/{TEMPLATES[part.number]}.template.json")
    template = json.loads(file.read_text())["submodels"][0]
    known = dict(elements(template))
    differ = set()
    for category in Category:
        submodel = next(
            one for one in environment(everything(category))["submodels"] if meaning(one) == part.root.meaning
        )
        assert submodel["administration"].get("templateId") == template["administration"].get("templateId")
        for path, node in elements(submodel):
            if "/AddressInformation/" in path:
                continue  # the template drops in the contact information of another one, and is empty here
            there = known[path if "__" not in path or path.endswith("[]") else path.rpartition("__0")[0]]
            assert (node["modelType"], meaning(node)) == (there["modelType"], meaning(there)), path
            if node.get("valueType") != there.get("valueType"):
                differ.add((path, there.get("valueType"), node.get("valueType")))
    assert differ <= OTHER_TYPES


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.number)
def test_what_a_template_demands_and_what_it_offers_is_in_our_tables(
    shared: Callable[[str], Path], part: Any
) -> None:
    file = shared(f"reference/idta/templates/{TEMPLATES[part.number]}.template.json")
    template = json.loads(file.read_text())["submodels"][0]
    ours = {path: shape for path, shape in part.root.walk() if not shape.read_only}
    for path, node in elements(template):
        demanded = [one["value"] for one in node.get("qualifiers", ()) if one["type"].endswith("Cardinality")]
        shape = ours[path]
        if demanded and not path.endswith("[]"):
            assert shape.required == (demanded[0] in ("One", "OneToMany")), path


def meaning(node: Mapping[str, Any]) -> str:
    return str(node["semanticId"]["keys"][-1]["value"])


@pytest.mark.parametrize("category", Category)
def test_whatever_a_template_demands_stands_there_in_every_submodel_we_write(category: Category) -> None:
    for audience in Audience:
        whole = environment(subject(category, audience))
        for submodel in whole["submodels"]:
            shape = next(part.root for part in PARTS if part.root.name == submodel["idShort"])
            demand(shape, submodel["submodelElements"])


def demand(shape: Shape, written: list[Mapping[str, Any]]) -> None:
    by_name = {str(one["idShort"]): one for one in written}
    for part in shape.parts:
        if part.required and not part.read_only:
            assert part.name in by_name, f"{shape.name}/{part.name}"
        one = by_name.get(part.name)
        if one is not None and part.kind is Element.COLLECTION:
            demand(part, one.get("value", []))
        if one is not None and part.kind is Element.LIST and part.entry.kind is Element.COLLECTION:
            for entry in one.get("value", []):
                demand(part.entry, entry.get("value", []))


def test_parts_of_which_nothing_may_be_seen_are_left_out() -> None:
    public = environment(subject(Category.EV))
    names = {one["idShort"] for one in public["submodels"]}
    assert "ProductCondition" not in names
    assert {"DppMetadata", "BatteryNameplate", "TechnicalData", "Circularity"} <= names
    assert b"Test reports" not in idta.export(subject(Category.EV)).data


# ------------------------------------------------------------------------------------------------- round trip


@LAW
@given(subjects())
@example(everything(Category.EV))
@example(everything(Category.LMT))
@example(everything(Category.INDUSTRIAL))
@example(everything(Category.STATIONARY))
def test_every_value_is_read_back_or_named_in_the_losses(made: Subject) -> None:
    exported = idta.export(made)
    brought = idta.read(exported.data)
    named = {loss.attribute for loss in exported.losses}
    for name in made.values:
        value = made.given(name)
        if value is not None and name not in named | MADE_BY_SERVICE:
            assert name in brought.facts, name
            assert same(name, value, brought.facts[name]), name


@pytest.mark.parametrize("category", Category)
def test_what_comes_back_from_an_example_can_be_declared(category: Category) -> None:
    brought = idta.read(idta.export(everything(category)).data)
    assert len(load_facts(brought.facts)) > 60
    assert brought.identifier == identifier_url(category)
    assert set(brought.facts) <= set(brought.paths)


def test_values_come_back_exactly_though_the_report_warns_of_their_unit_or_type() -> None:
    made = everything(Category.EV)
    brought = idta.read(idta.export(made).data)
    for name in (*UNIT_TRAPS, "manufacturing_date"):
        if made.given(name) is not None and name != "remaining_power_capability":
            assert brought.facts[name] == made.given(name)
    assert brought.facts["internal_resistance_cell"] == "0.00085"


def test_the_report_names_what_has_no_place() -> None:
    losses = idta.export(everything(Category.STATIONARY)).losses
    left_out = {loss.attribute for loss in losses if loss.why is Why.NO_PLACE and not loss.path}
    assert left_out >= {
        "model_identifier",
        "predecessor_passport_ids",
        "cycle_life_reference_test",
        "idle_temperature_reference_test",
        "ohmic_resistance",
        "internal_resistance_current",
        "power",
        "recycled_lithium_share",
    }
    assert left_out.isdisjoint(PLACES)
    assert set(NO_PLACE) <= set(REGISTRY) - set(PLACES)


def test_losses_stand_in_reading_order_with_those_of_the_format_last() -> None:
    losses = idta.export(everything(Category.EV)).losses
    order = [*REGISTRY, ""]
    places = [order.index(loss.attribute) for loss in losses]
    assert places == sorted(places)


def test_the_same_subject_gives_the_same_bytes() -> None:
    assert idta.export(everything(Category.LMT)) == idta.export(everything(Category.LMT))


# --------------------------------------------------------------------------------------- one by one, written


def test_whole_numbers_are_rounded_half_to_even_and_the_report_says_so() -> None:
    made = changed(everything(Category.EV), initial_round_trip_efficiency="96.5", full_cycles="15.5")
    whole, losses = environment(made), idta.export(made).losses
    place = "TechnicalData/TechnicalPropertyAreas/RoundTripEnergyEfficiency/InitialRoundTripEnergyEfficiency"
    assert at(whole, place)["value"] == "96"
    assert at(whole, "ProductCondition/NumberOfFullCycles/NumberOfFullCyclesValue")["value"] == "16"
    said = {loss.attribute: loss.sentence for loss in losses if loss.why is Why.ROUNDED}
    assert said["initial_round_trip_efficiency"].startswith("96.5 % is rounded to 96")


def test_a_number_that_a_binary_float_would_shorten_stays_exact_and_is_told() -> None:
    made = changed(everything(Category.EV), battery_mass="476.2034567")
    exported = idta.export(made)
    assert (
        at(json.loads(exported.data), "TechnicalData/GeneralInformation/BatteryMass")["value"]
        == "476.2034567"
    )
    assert ("battery_mass", Why.ROUNDED) in {(loss.attribute, loss.why) for loss in exported.losses}


def test_units_stand_beside_their_numbers() -> None:
    node = at(
        environment(everything(Category.LMT)), "ProductCondition/RemainingCapacity/RemainingCapacityValue"
    )
    content = node["embeddedDataSpecifications"][0]["dataSpecificationContent"]
    assert (node["value"], content["unit"]) == ("13.895", "Ah")


def test_a_month_is_never_given_a_day() -> None:
    node = at(environment(everything(Category.EV)), "BatteryNameplate/DateOfManufacture")
    assert (node["valueType"], node["value"]) == ("xs:gYearMonth", "2027-01")


def test_the_header_is_that_of_the_standard() -> None:
    whole = environment(subject(Category.EV))
    header = {one["idShort"]: one.get("value") for one in at(whole, "DppMetadata")["submodelElements"]}
    assert header["granularity"] == "Item"
    assert header["dppSchemaVersion"] == "EN 18223:2026"
    assert header["economicOperatorId"] == "did:web:id.example.com:o:example-batteries"
    authority = environment(subject(Category.EV, Audience.AUTHORITY))
    assert at(authority, "DppMetadata/economicOperatorId")["value"] == "9520123000003"
    assert at(authority, "DppMetadata/facilityId")["value"] == "9520123000027"


def test_each_audience_has_submodels_of_its_own() -> None:
    names = [
        {one["id"] for one in environment(subject(Category.EV, audience))["submodels"]}
        for audience in Audience
    ]
    assert not names[0] & names[1]
    assert not names[1] & names[2]


def test_carbon_is_a_total_of_all_stages_one_entry_per_stage_and_the_piece() -> None:
    entries = at(environment(everything(Category.EV)), "CarbonFootprint/ProductCarbonFootprints")["value"]
    told = [{one["idShort"]: one.get("value") for one in entry["value"]} for entry in entries]
    assert [one["PcfCO2eq"] for one in told] == ["71.25", "48.6", "20.4", "1.85", "0.4", "7018125"]
    assert [one["ReferenceImpactUnitForCalculation"] for one in told] == ["kWh"] * 5 + ["piece"]
    assert [len(one["LifeCyclePhases"]) for one in told] == [4, 1, 1, 1, 1, 4]
    assert {one["QuantityOfMeasureForCalculation"] for one in told} == {"1"}


def test_a_simulated_battery_says_so() -> None:
    made = replace(subject(Category.EV), simulated=True)
    assert "Simulated" in environment(made)["assetAdministrationShells"][0]["description"][0]["text"]
    assert any("simulated" in loss.sentence for loss in idta.export(made).losses)


def test_a_loss_that_nobody_thought_of_is_found_by_reading_again() -> None:
    twice = "https://documents.example.com/one.pdf"
    made = changed(
        everything(Category.EV),
        dismantling_manuals=[twice],
        dismantling_exploded_diagrams=[{"document": twice}],
    )
    exported = idta.export(made)
    brought = idta.read(exported.data)
    differ = {
        name
        for name in ("dismantling_manuals", "dismantling_exploded_diagrams")
        if brought.facts.get(name) != made.given(name)
    }
    assert differ
    assert differ <= {loss.attribute for loss in exported.losses if "Read back" in loss.sentence}


def test_texts_too_long_for_a_language_are_cut_and_characters_without_xml_dropped() -> None:
    made = changed(
        everything(Category.EV), manufacturer_name="x" * 1200, battery_chemistry_name="a" + chr(0xFFFE) + "b"
    )
    exported = idta.export(made)
    assert check_json_data(json.loads(exported.data)).ok()
    whys = {(loss.attribute, loss.why) for loss in exported.losses}
    assert {("manufacturer_name", Why.CUT), ("battery_chemistry_name", Why.RESPELT)} <= whys


# ------------------------------------------------------------------------------------------- made by others


def filled(path: str, value: Any, *, name: str = "", semantic: str = "") -> bytes:
    """Our own export with one element changed, as another tool would have made it."""
    whole = environment(everything(Category.EV))
    for submodel in whole["submodels"]:
        for here, node in elements(submodel):
            if here == path:
                node["value"] = value
                node.pop("embeddedDataSpecifications", None)
                if name:
                    node["idShort"] = name
                node["semanticId"]["keys"][0]["value"] = semantic or meaning(node)
    return json.dumps(whole).encode()


RESISTANCE = "TechnicalData/TechnicalPropertyAreas/Resistance/InitialInternalResistanceOnBatteryCellLevel"


@pytest.mark.parametrize(
    ("name", "semantic"),
    [
        ("InitialInternalResistanceAtBatteryCellLevel", "urn:unknown"),
        ("Anything", "0173-1#02-ABL844#009"),
        ("Anything", "urn:irdi:0173-1#02-ABL844#002"),
        ("initialinternalresistanceonbatterycelllevel", "urn:unknown"),
    ],
    ids=["name of the model", "another version", "prefixed identifier", "other case"],
)
def test_an_element_is_found_by_its_meaning_or_by_one_of_its_names(name: str, semantic: str) -> None:
    brought = idta.read(filled(RESISTANCE, "0.5", name=name, semantic=semantic))
    assert brought.facts["internal_resistance_cell"] == "0.5"
    assert brought.paths["internal_resistance_cell"].endswith(f"/{name}")


def test_milliohms_that_lost_their_prefix_are_doubted_and_not_changed() -> None:
    brought = idta.read(filled(RESISTANCE, "67"))
    assert brought.facts["internal_resistance_cell"] == "67"
    assert "milliohm" in sentence(brought, "internal_resistance_cell")


def test_kilowatt_hours_in_the_place_of_a_charge_are_doubted() -> None:
    brought = idta.read(filled("ProductCondition/RemainingCapacity/RemainingCapacityValue", "5.2"))
    assert "kWh" in sentence(brought, "remaining_capacity")


def test_a_unit_beside_a_number_is_kept_for_conversion_and_a_foreign_one_is_told() -> None:
    assert idta.read(with_unit("mΩ")).facts["internal_resistance_cell"] == {"value": "0.00085", "unit": "mΩ"}
    assert (
        idta.read(with_unit("urn:samm:org.eclipse.esmf.samm:unit:2.1.0#ohm")).facts[
            "internal_resistance_cell"
        ]
        == "0.00085"
    )
    brought = idta.read(with_unit("kWh"))
    assert "internal_resistance_cell" not in brought.facts
    assert "kWh" in sentence(brought, "internal_resistance_cell")


def with_unit(unit: str) -> bytes:
    whole = environment(everything(Category.EV))
    for submodel in whole["submodels"]:
        for here, node in elements(submodel):
            if here == RESISTANCE:
                node["embeddedDataSpecifications"][0]["dataSpecificationContent"]["unit"] = unit
    return json.dumps(whole).encode()


def test_a_full_date_of_manufacture_gives_its_month() -> None:
    brought = idta.read(filled("BatteryNameplate/DateOfManufacture", "2022-01-15"))
    assert brought.facts["manufacturing_date"] == "2022-01"
    assert "2022-01-15" in sentence(brought, "manufacturing_date")


@pytest.mark.parametrize("spelt", ["Original", "original", "ORIGINAL"])
def test_a_status_is_read_in_any_case(spelt: str) -> None:
    brought = idta.read(filled("BatteryNameplate/LifeCycleStage", spelt))
    assert brought.facts["battery_status"] == "original"


@pytest.mark.parametrize("spelt", ["Reused", "re-used", "Re-Used"])
def test_re_used_is_read_with_and_without_its_hyphen(spelt: str) -> None:
    assert idta.read(filled("BatteryNameplate/LifeCycleStage", spelt)).facts["battery_status"] == "re-used"


def test_unknown_elements_and_submodels_are_named_with_their_paths() -> None:
    whole = environment(everything(Category.EV))
    whole["submodels"].append({"modelType": "Submodel", "id": "urn:x:1", "idShort": "TimeSeries"})
    nameplate = at(whole, "BatteryNameplate")["submodelElements"]
    nameplate.append(
        {"modelType": "Property", "idShort": "Colour", "valueType": "xs:string", "value": "blue"}
    )
    losses = idta.read(json.dumps(whole).encode()).losses
    not_read = {loss.path for loss in losses if loss.why is Why.NOT_READ}
    assert {"TimeSeries", "BatteryNameplate/Colour"} <= not_read


def test_documents_without_an_address_are_named_and_not_invented() -> None:
    whole = environment(everything(Category.EV))
    list_of = at(whole, "BatteryNameplate/EUDeclarationOfConformity")
    list_of["value"][0]["value"] = "XF90-884"
    brought = idta.read(json.dumps(whole).encode())
    assert "eu_declaration_of_conformity" not in brought.facts
    assert "XF90-884" in sentence(brought, "eu_declaration_of_conformity")


def test_where_a_substance_is_becomes_the_restricted_row_and_never_a_public_one() -> None:
    brought = idta.read(idta.export(everything(Category.INDUSTRIAL)).data)
    assert all("location" not in one for one in brought.facts["hazardous_substances"])
    assert (
        brought.facts["hazardous_substance_location"]
        == facts(Category.INDUSTRIAL)["hazardous_substance_location"]
    )


def sentence(brought: Brought, attribute: str) -> str:
    return " ".join(loss.sentence for loss in brought.losses if loss.attribute == attribute)


@pytest.mark.parametrize("number", sorted(TEMPLATES))
def test_the_official_templates_with_their_example_values_are_read(
    shared: Callable[[str], Path], number: str
) -> None:
    file = shared(f"reference/idta/templates/{TEMPLATES[number]}.template.json")
    brought = idta.read(file.read_bytes())
    unread = [
        loss for loss in brought.losses if not loss.attribute and "template does not have" in loss.sentence
    ]
    assert not unread
    if number == "02035-4":
        assert brought.facts["warranty_period"] == 96
        assert brought.facts["rated_capacity"] == "210"


def test_version_1_0_of_part_4_still_gives_its_article_number(shared: Callable[[str], Path]) -> None:
    file = shared("reference/idta/templates/02035-4_TechnicalData-1.0.template.json")
    brought = idta.read(file.read_bytes())
    assert brought.facts["model_identifier"] == "A123-456"
    assert brought.facts["internal_resistance_increase_module"] == "10"


# --------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "environment"),
        (b"null", "environment"),
        (b"{}", "environment"),
        (b'{"submodels": []}', "submodels of IDTA 02035"),
        (b'{"submodels": [7]}', "submodels of IDTA 02035"),
        (b'{"submodels": [{"modelType": "Submodel", "idShort": "TimeSeries"}]}', "submodels of IDTA 02035"),
        (b'{"submodels": [], "submodels": []}', "twice"),
        (b"[" * 5000, "nested"),
        (b" " * 5_000_000, "at most"),
        (b'<?xml version="1.0"?><environment/>', "environment"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b"<a><b></a>", "XML"),
    ],
)
def test_what_is_no_environment_is_refused_with_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        idta.read(data)


def test_two_batteries_in_one_file_are_refused() -> None:
    whole = environment(everything(Category.EV))
    whole["assetAdministrationShells"] += environment(everything(Category.LMT))["assetAdministrationShells"]
    with pytest.raises(InputRefused, match="one battery"):
        idta.read(json.dumps(whole).encode())
    whole = environment(everything(Category.EV))
    whole["submodels"] += environment(everything(Category.LMT))["submodels"]
    with pytest.raises(InputRefused, match="each part once"):
        idta.read(json.dumps(whole).encode())


@LAW
@given(st.binary(max_size=400))
@example(b'{"submodels": [{"idShort": "Circularity", "submodelElements": {"a": 1}}]}')
@example(b'[{"idShort": "Circularity", "semanticId": 3, "submodelElements": [[], {"value": {}}]}]')
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    assert isinstance(idta.recognises(data, "x"), bool)
    try:
        brought = idta.read(data)
    except InputRefused:
        return
    assert isinstance(brought, Brought)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999", "P1Y"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "text", "x"]), inner)
    ),
    max_leaves=6,
)


@LAW
@given(st.data())
def test_an_export_with_anything_in_the_place_of_anything_is_read_or_refused(data: st.DataObject) -> None:
    whole: Any = json.loads(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        here, key = whole, data.draw(st.sampled_from(["submodels", "assetAdministrationShells"]))
        for _ in range(data.draw(st.integers(0, 9))):
            below = here[key]
            if not isinstance(below, (dict, list)) or not below:
                break
            keys = sorted(below) if isinstance(below, dict) else list(range(len(below)))
            here, key = below, data.draw(st.sampled_from(keys))
        here[key] = data.draw(JSON)
    try:
        brought = idta.read(json.dumps(whole).encode())
    except InputRefused:
        return
    assert isinstance(brought, Brought)
    for loss in brought.losses:
        assert loss.sentence
        assert not loss.attribute or loss.attribute in REGISTRY


WHOLE = idta.export(everything(Category.LMT)).data


# ------------------------------------------------------------------------------------------------- the tables


def test_every_attribute_with_a_place_is_a_row_and_every_place_is_in_a_shape() -> None:
    roots = {part.number: part.root for part in PARTS}
    for name, places in PLACES.items():
        assert name in REGISTRY
        for number, *names in places:
            assert roots[number].at(*names)
    for name, filed in FILED.items():
        assert REGISTRY[name]
        if filed.place is not None:
            assert roots[filed.place[0]].at(*filed.place[1:]).kind is Element.LIST


def test_names_and_meanings_are_compared_without_number_and_version() -> None:
    assert folded("Markings__07__") == "markings"
    assert unversioned("0173-1#02-ABI500#003/0173-1#01-AHF579#003") == "0173-1#02-abi500/0173-1#01-ahf579"
    assert unversioned("urn:iridi:0173-1#02-ABL851#001") == unversioned("0173-1#02-ABL851#002")
