"""BatteryPass 1.2: seven aspects that their official schemas accept, and that read back."""

import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.errors import InputRefused
from passport.exports import batterypass, format_of
from passport.exports.format import Why
from schemas.terms import Audience, Category
from schemas.validation import FactsInvalid, load_facts
from tests.passport.exports import laws
from tests.passport.exports.subjects import changed, everything, facts, subject

QUICK = settings(deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ASPECTS = (
    "GeneralProductInformation",
    "CarbonFootprint",
    "Circularity",
    "Labels",
    "MaterialComposition",
    "Performance",
    "SupplyChainDueDiligence",
)

EXCEPTED: frozenset[str] = frozenset()


def version(aspect: str) -> str:
    return "1.2.1" if aspect == "Performance" else "1.2.0"


@pytest.fixture(scope="module")
def schemas(shared) -> dict[str, Any]:
    return {
        aspect: json.loads(
            shared(f"reference/batterypass/{aspect}-{version(aspect)}/{aspect}.schema.json").read_text()
        )
        for aspect in ASPECTS
    }


def complete(category: Category) -> Any:
    """Every value that the model has a place for, also those that the law does not ask of the category."""
    known = {name: value for other in Category for name, value in facts(other).items()}
    return everything(category, known | facts(category))


def missing(exported, schemas) -> list[str]:
    document = json.loads(exported.data)
    paths = [f"$.{aspect}" for aspect in ASPECTS if aspect not in document]
    for aspect, body in document.items():
        paths += laws.missing_places(body, schemas[aspect], f"$.{aspect}")
    return paths


@pytest.mark.parametrize("category", Category)
def test_all_seven_aspects_of_a_complete_battery_pass_their_official_schemas(category, schemas):
    exported = batterypass.export(complete(category))
    assert tuple(json.loads(exported.data)) == ASPECTS
    assert missing(exported, schemas) == []
    assert all(loss.why is not Why.UNFILLED for loss in exported.losses)


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("audience", Audience)
def test_what_the_schemas_miss_in_a_view_is_told_as_unfilled(category, audience, schemas):
    exported = batterypass.export(subject(category, audience))
    laws.check_that_missing_places_are_told(exported, missing(exported, schemas))


@QUICK
@given(laws.subjects())
def test_what_the_schemas_miss_is_told_and_nothing_else_is_wrong(schemas, some):
    exported = batterypass.export(some)
    laws.check_that_missing_places_are_told(exported, missing(exported, schemas))
    laws.check_that_losses_are_in_reading_order(exported)


@QUICK
@given(laws.subjects())
def test_nothing_is_lost_unsaid(some):
    laws.check_that_nothing_is_lost_unsaid(batterypass, some)
    laws.check_that_it_is_always_the_same(batterypass, some)


def test_units_are_those_of_the_model_where_they_make_sense():
    document = json.loads(batterypass.export(everything(Category.EV)).data)
    technical = document["Performance"]["batteryTechicalProperties"]
    assert technical["ratedMaximumPower"] == 250  # kW; 250,000 W are stated
    assert technical["powerCapabilityRatio"] == 3.05  # W/Wh, although the unit says %
    assert (
        document["Performance"]["batteryCondition"]["remainingCapacity"]["remainingCapacityValue"] == 116.62
    )
    masses = [one["batteryMaterialMass"] for one in document["MaterialComposition"]["batteryMaterials"]]
    assert masses == [121400, 67800, 9350]  # g
    assert document["GeneralProductInformation"]["batteryMass"] == 476.2  # kg


def test_the_identifier_of_a_passport_fits_the_pattern_and_never_changes():
    urn = batterypass.passport_urn("https://id.example.com/p/5QD3V4XK2MCWZ7YA")
    assert urn == "urn:cellpass:5x5xnv4vfaxkv3lgecc6y77uczitwnw7"


def test_words_of_the_status_are_respelt_both_ways():
    for ours, theirs in (("original", "Original"), ("re-used", "Reused"), ("waste", "Waste")):
        exported = batterypass.export(changed(everything(Category.EV), battery_status=ours))
        assert json.loads(exported.data)["GeneralProductInformation"]["batteryStatus"] == theirs
        assert "battery_status" not in laws.lost(exported)
        assert batterypass.read(exported.data).facts["battery_status"] == ours


def test_no_carbon_class_no_recycled_share_and_no_due_diligence_is_ever_made_up():
    few = everything(Category.STATIONARY, {"battery_category": "stationary", "cf_total": "71.25"})
    exported = batterypass.export(few)
    document = json.loads(exported.data)
    assert document["CarbonFootprint"] == {"batteryCarbonFootprint": 71.25}
    assert document.get("Circularity", {}).get("recycledContent", []) == []
    assert "SupplyChainDueDiligence" not in document
    unfilled = {loss.path for loss in exported.losses if loss.why is Why.UNFILLED}
    assert {"$.CarbonFootprint.carbonFootprintPerformanceClass", "$.SupplyChainDueDiligence"} <= unfilled


def test_unknown_is_never_zero():
    few = everything(Category.EV, {"rated_capacity": "117.5"})
    condition = json.loads(batterypass.export(few).data)["Performance"]["batteryCondition"]
    assert condition["stateOfCertifiedEnergy"] == {
        "stateOfCertifiedEnergyValue": -9999,
        "lastUpdate": "0001-01-01T00:00:00Z",
    }
    assert condition["negativeEvents"][0]["negativeEvent"] == "not stated"
    assert set(batterypass.read(batterypass.export(few).data).facts) <= {
        "rated_capacity",
        "operator_identifier",
    }


@pytest.mark.parametrize(
    ("stated", "written"),
    [
        ("Acute Tox. 3", "AcuteToxicity"),
        ("Skin corrosion 1A", "SkinCorrosionOrIrritation"),
        ("Serious eye damage 1", "EyeDamageOrIrritation"),
        ("Flam. Liq. 2", None),
    ],
)
def test_a_hazard_class_becomes_one_of_three_or_the_substance_is_left_out(stated, written):
    substance = {
        "hazard_class": stated,
        "name": "dimethyl carbonate",
        "cas_number": "616-38-6",
        "concentration": "4.1",
    }
    exported = batterypass.export(changed(everything(Category.EV), hazardous_substances=[substance]))
    found = json.loads(exported.data)["MaterialComposition"]["hazardousSubstances"]
    assert [one["hazardousSubstanceClass"] for one in found] == ([written] if written else [])
    whys = {loss.why for loss in exported.losses if loss.attribute == "hazardous_substances"}
    assert whys == ({Why.RESPELT} if written else {Why.CUT})


def test_a_warranty_is_the_month_in_which_it_ends_and_is_not_read_back():
    exported = batterypass.export(everything(Category.EV))
    assert json.loads(exported.data)["GeneralProductInformation"]["warrentyPeriod"] == "--03"
    assert "warranty_period" not in batterypass.read(exported.data).facts
    assert "warranty_period" in laws.lost(exported)


def test_a_capacity_that_repeats_the_energy_is_not_taken_for_ampere_hours():
    body = {
        "batteryCondition": {
            "remainingCapacity": {"remainingCapacityValue": 77.7, "lastUpdate": "2027-03-02T09:00:00Z"},
            "remainingEnergy": {"remainingEnergyValue": 77.7, "lastUpdate": "2027-03-02T09:00:00Z"},
        }
    }
    brought = batterypass.read(json.dumps(body).encode())
    assert set(brought.facts) == {"remaining_energy"}
    assert any(loss.attribute == "remaining_capacity" for loss in brought.losses)


def test_places_are_those_of_the_audited_table(shared):
    paths = laws.audited_paths(shared, "batterypass_path")
    for place in batterypass.PLACES:
        assert place.path == paths[place.attribute], place.attribute


@pytest.mark.parametrize("category", Category)
def test_every_attribute_of_the_audited_table_has_its_place(shared, category):
    paths = laws.audited_paths(shared, "batterypass_path")
    without = {
        loss.attribute
        for loss in batterypass.export(everything(category)).losses
        if loss.why is Why.NO_PLACE and not loss.path
    }
    assert without & set(paths) <= EXCEPTED


# ----------------------------------------------------------------------------------------- what others wrote


def test_the_official_samples_are_read_and_their_noise_is_refused_by_name(shared):
    samples = {
        aspect: shared(f"reference/batterypass/{aspect}-{version(aspect)}/{aspect}.example.json").read_bytes()
        for aspect in ASPECTS
    }
    with pytest.raises(FactsInvalid) as refused:
        load_facts(batterypass.read(samples["Performance"]).facts)
    noise = {
        "original_power_capability",
        "certified_usable_energy",
        "maximum_voltage",
        "maximum_permitted_power",
        "expected_lifetime_cycles",
        "full_cycles",
        "state_of_charge",
        "remaining_capacity",
        "state_of_certified_energy",
        "time_above_temperature",
    }
    assert noise <= set(refused.value.errors)
    with pytest.raises(FactsInvalid) as refused:
        load_facts(batterypass.read(samples["MaterialComposition"]).facts)
    assert "without blanks around it" in str(refused.value.errors["material_composition"])
    with pytest.raises(FactsInvalid) as refused:
        load_facts(batterypass.read(samples["Circularity"]).facts)
    assert "renewable_content_share" in refused.value.errors
    labels = batterypass.read(samples["Labels"])
    assert labels.facts["label_meaning"] == [
        {"label": "separate collection", "language": "en", "text": "Separate Collection"}
    ]
    general = batterypass.read(samples["GeneralProductInformation"])
    assert (general.identifier, general.facts["battery_status"]) == ("eOMtThyhVNLWUZNRcBaQKxI", "original")
    assert general.facts["manufacturing_date"] == "2025-06"


def test_the_previous_performance_is_read_too(shared):
    brought = batterypass.read(
        shared("reference/batterypass/Performance-1.2.0/Performance.example.json").read_bytes()
    )
    assert {"remaining_energy", "energy_throughput", "remaining_power_capability"} <= set(brought.facts)
    assert any(loss.path.endswith("temperatureRangeIdleState") for loss in brought.losses)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_an_aspect_alone_and_in_any_encoding_says_the_same(encoding):
    whole = json.loads(batterypass.export(everything(Category.LMT)).data)
    text = json.dumps(whole["Performance"], ensure_ascii=False)
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    brought = batterypass.read((mark + text).encode(encoding))
    assert load_facts(brought.facts)["rated_capacity"] == 14
    assert "battery_mass" not in brought.facts


def archive(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in entries.items():
            out.writestr(name, data)
    return made.getvalue()


def test_a_zip_of_aspects_says_what_the_whole_says():
    data = batterypass.export(everything(Category.EV)).data
    entries = {f"battery/{name}.json": json.dumps(body).encode() for name, body in json.loads(data).items()}
    brought = batterypass.read(archive(entries | {"battery/readme.txt": b"\x00"}))
    assert brought.facts == batterypass.read(data).facts
    assert batterypass.recognises(archive(entries), "battery.zip")


def test_one_aspect_twice_is_refused():
    body = json.dumps({"batteryCondition": {}}).encode()
    with pytest.raises(InputRefused, match="Performance is there twice"):
        batterypass.read(archive({"a.json": body, "b.json": body}))


def test_a_zip_out_of_all_proportion_is_refused():
    with pytest.raises(InputRefused, match="unpacks to more than"):
        batterypass.read(archive({"a.json": b" " * 20_000_000}))
    with pytest.raises(InputRefused, match="50 files"):
        batterypass.read(archive({f"{number}.json": b"{}" for number in range(50)}))


def test_what_is_no_aspect_is_refused_with_what_was_expected():
    with pytest.raises(InputRefused, match="expected aspects of the BatteryPass data model"):
        batterypass.read(b'{"Battery_Passport": {}}')
    assert not batterypass.recognises(b"\xff\xfe\x00", "x.json")


@QUICK
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"PK\x03\x04" + data))
def test_any_bytes_are_refused_in_words(data):
    laws.check_that_reading_refuses_or_tells(batterypass, data)


@QUICK
@given(laws.damaged(batterypass.export(everything(Category.EV)).data))
def test_any_value_anywhere_is_brought_told_or_refused(data):
    laws.check_that_reading_refuses_or_tells(batterypass, data)


@QUICK
@given(st.data())
def test_a_damaged_zip_is_refused_in_words(data):
    whole = archive({"a.json": b'{"batteryCondition": {}}'})
    place = data.draw(st.integers(4, len(whole) - 1))
    wrong = whole[:place] + data.draw(st.binary(min_size=1, max_size=3)) + whole[place + 1 :]
    laws.check_that_reading_refuses_or_tells(batterypass, wrong)


def test_the_command_line_knows_the_format():
    assert format_of("batterypass").TITLE == "BatteryPass data model 1.2"
