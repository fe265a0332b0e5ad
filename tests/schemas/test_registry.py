"""The registry checks itself: planted mistakes are told by name, rows are found where they say they are."""

from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import pytest

from schemas import registry
from schemas.attribute import OWED, Chapter, everyone
from schemas.attributes import dynamic, general, labels, performance
from schemas.conditions import CONDITIONS
from schemas.exemptions import EXEMPTIONS
from schemas.feeds import FEEDS
from schemas.reading import QUANTITIES
from schemas.registry import (
    REGISTRY,
    by_chapter,
    by_disclosure,
    by_record,
)
from schemas.structures import STRUCTURES
from schemas.terms import Category, Disclosure, RecordKind, Unit


def complaints(row):
    return list(registry._contradictions(row))


def test_the_constant_in_the_chapter_is_the_row_in_the_registry():
    assert REGISTRY["remaining_capacity"] is dynamic.remaining_capacity
    assert REGISTRY["rated_capacity"] is performance.rated_capacity


def test_records_split_the_rows_134_42_3():
    counts = {kind: len(by_record(kind)) for kind in RecordKind}
    assert counts == {RecordKind.PASSPORT: 134, RecordKind.CONDITION: 42, RecordKind.ASSESSMENT: 3}


def test_the_condition_and_assessment_records_hold_individual_rows_alone():
    for kind in (RecordKind.CONDITION, RecordKind.ASSESSMENT):
        assert {row.disclosure for row in by_record(kind)} == {Disclosure.INDIVIDUAL}


def test_status_and_placing_on_the_market_live_in_the_condition_record():
    assert general.battery_status.record is RecordKind.CONDITION
    assert general.placed_on_market_date.record is RecordKind.CONDITION


def test_chapters_and_classes_cover_the_registry_once():
    assert sum(len(by_chapter(chapter)) for chapter in Chapter) == len(REGISTRY)
    assert sum(len(by_disclosure(disclosure)) for disclosure in Disclosure) == len(REGISTRY)


def test_a_row_whose_class_disagrees_with_its_point_is_told():
    wrong = replace(labels.test_reports, disclosure=Disclosure.PUBLIC)
    assert complaints(wrong) == ["cites Annex XIII 3, which is authorities; its class is public"]


def test_a_row_in_the_wrong_record_is_told():
    wrong = replace(dynamic.state_of_charge, record=RecordKind.PASSPORT)
    assert complaints(wrong) == ["lives in passport; the rule says condition"]


def test_a_public_row_in_the_condition_record_is_told():
    wrong = replace(general.manufacturing_date, record=RecordKind.CONDITION)
    assert "condition holds individual rows alone; its class is public" in complaints(wrong)


def test_a_row_with_an_unknown_structure_is_told():
    value = replace(general.operator_address.value, structure="nowhere")
    assert complaints(replace(general.operator_address, value=value)) == [
        "names the unknown structure 'nowhere'"
    ]


def test_a_row_without_a_day_and_without_an_act_is_told():
    applies = replace(general.operator_name.applies, since=None)
    assert complaints(replace(general.operator_name, applies=applies)) == [
        "needs either a first day or an awaited act"
    ]


@pytest.mark.parametrize(
    ("name", "row", "sentence"),
    [
        ("other_name", general.operator_name, "the row calls itself 'operator_name'"),
        (
            "operator_name",
            replace(general.operator_name, group=Chapter.LABELS),
            "the row says chapter labels",
        ),
    ],
    ids=["id differs from name", "file differs from chapter"],
)
def test_a_misplaced_row_stops_the_program(monkeypatch, name, row, sentence):
    file = SimpleNamespace(__name__="planted", **{name: row})
    monkeypatch.setattr(registry, "_FILES", {Chapter.GENERAL: file})
    with pytest.raises(ValueError, match=sentence):
        registry._collect()


def test_an_id_in_two_files_stops_the_program(monkeypatch):
    copies = {
        chapter: SimpleNamespace(__name__=chapter.value, operator_name=general.operator_name)
        for chapter in (Chapter.GENERAL, Chapter.LABELS)
    }
    monkeypatch.setattr(registry, "_FILES", copies)
    with pytest.raises(ValueError, match="the row says chapter general, its file is labels"):
        registry._collect()


def test_every_structure_and_condition_is_used_by_a_row():
    assert {row.value.structure for row in REGISTRY.values()} - {None} == set(STRUCTURES)
    of_rows = {condition.name for row in REGISTRY.values() for condition in row.conditions}
    of_exemptions = {exemption.condition.name for exemption in EXEMPTIONS.values()}
    # above 2 kWh decides whether a passport is owed, rechargeable what Annex IV reaches
    assert of_rows | of_exemptions | {"above_2_kwh", "rechargeable"} == set(CONDITIONS)
    assert of_rows.isdisjoint(of_exemptions)


def test_feeds_name_known_attributes_and_quantities():
    assert FEEDS.keys() <= REGISTRY.keys()
    for feed in FEEDS.values():
        assert set(feed.quantities) <= QUANTITIES.keys()


def test_rows_and_the_registry_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        general.operator_name.title = "other"
    with pytest.raises(TypeError):
        REGISTRY["operator_name"] = general.operator_name


def test_numbers_have_a_unit_and_titles_are_one_line_each():
    for row in REGISTRY.values():
        assert row.title
        assert "\n" not in row.title + row.note
        if row.value.kind.value == "number":
            assert row.value.unit is not None


def test_titles_are_different_from_each_other():
    titles = [row.title for row in REGISTRY.values()]
    assert len(set(titles)) == len(titles)


def test_the_same_demand_can_be_written_once_for_all():
    duty = everyone(OWED)
    assert {duty.of(category) for category in Category} == {OWED}


def test_cardinality_follows_from_duty_and_list():
    assert general.operator_name.cardinality == "1"
    assert general.warranty_period.cardinality == "0..1"
    assert labels.cadmium_lead_symbols.cardinality == "0..2"
    assert labels.test_reports.cardinality == "1..*"
    assert performance.rated_capacity.value.unit is Unit.AMPERE_HOUR
