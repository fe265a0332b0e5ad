"""Released registries stay readable, and whatever became stricter was decided in writing."""

import copy
import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from schemas import registries
from schemas.history import registry_of, versions
from schemas.history.changes import DECIDED, Stricter, stricter
from schemas.registry import REGISTRY, REGISTRY_VERSION

PROJECT = Path(__file__).parents[2]
# Released copies are never edited: a record that was signed under one is read in its words for ever.
RELEASED = {"2026.11": "2b709348f757d366", "2026.12": "6dc94e9a2b8f7909"}  # beginnings of their SHA-256


def test_the_current_registry_is_the_newest():
    assert versions()[-1] == REGISTRY_VERSION


@pytest.mark.parametrize("version", sorted(set(versions()) - {REGISTRY_VERSION}))
def test_a_released_copy_is_as_it_was_released(version):
    data = (PROJECT / "schemas" / "history" / f"{version}.json").read_bytes()
    assert hashlib.sha256(data).hexdigest().startswith(RELEASED[version])


@pytest.mark.parametrize("version", versions())
def test_every_released_registry_can_be_read_as_rows(version):
    frozen = registry_of(version)
    for name, row in frozen["attributes"].items():
        made = registries._row(name, row, frozen)
        assert (made.id, made.title, made.disclosure) == (name, row["title"], row["disclosure"])
        assert [citation.full for citation in made.law] == row["law"]
        assert made.cardinality == row["cardinality"], name
        assert made.value.unit == row["unit"]


def test_the_current_copy_read_as_rows_is_the_current_registry():
    frozen = registry_of(REGISTRY_VERSION)
    for name, row in REGISTRY.items():
        made = registries._row(name, frozen["attributes"][name], frozen)
        # Words of a list are text in a frozen copy; the Python class behind them is not frozen.
        assert made == replace(row, value=replace(row.value, words=None)), name


@pytest.mark.parametrize(("older", "newer"), list(pairwise(versions())))
def test_every_stricter_change_has_a_written_decision(older, newer):
    found = stricter(registry_of(older), registry_of(newer))
    decided = DECIDED[older, newer]
    assert found == set(decided), "list each with the number of its decision in schemas/history/changes.py"
    for number in decided.values():
        assert list((PROJECT / "docs" / "decisions").glob(f"{number}-*.md")), number


def changed(name, **cells):
    after = copy.deepcopy(dict(registry_of(REGISTRY_VERSION)))
    after["attributes"][name].update(cells)
    return stricter(registry_of(REGISTRY_VERSION), after)


OWED = {"obligation": "owed", "condition": None}
OWED_BY_ALL = {"duty": dict.fromkeys(("ev", "lmt", "industrial", "stationary"), OWED)}
CHEMISTRIES = registry_of(REGISTRY_VERSION)["attributes"]["battery_chemistry"]["members"]


@pytest.mark.parametrize(
    ("name", "cells", "what"),
    [
        (
            "batch_number",
            {"duty": dict.fromkeys(("ev", "lmt", "industrial", "stationary"), OWED)},
            "more is owed",
        ),
        (
            "warranty_period",
            {"duty": dict.fromkeys(("ev", "lmt", "industrial", "stationary"), OWED)},
            "more is owed",
        ),
        ("rated_capacity", {"bounds": {"above": "1"}}, "narrower range"),
        ("rated_capacity", {"bounds": {"above": "0", "at_most": "9"}}, "narrower range"),
        ("rated_capacity", {"unit": "kWh"}, "another form"),
        ("rated_capacity", {"since": None, "awaits": "carbon_footprint_class"}, "awaits an act"),
        ("rated_capacity", {"since": "2026-02-18"}, "another first day"),
        ("rated_capacity", {"disclosure": "individual"}, "another disclosure"),
        ("test_reports", {"disclosure": "public"}, "another disclosure"),
        ("rated_capacity", {"stays_empty_before": True}, "awaits an act"),
        ("battery_chemistry", {"members": ["Pb"]}, "fewer words"),
        ("test_reports", {"cardinality": "2..*"}, "narrower range"),
        ("rated_capacity", {"record": "condition"}, "another record"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_stricter_change_is_found(name, cells, what):
    assert changed(name, **cells) == {Stricter(name, what)}


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("rated_capacity", {"bounds": {}}),
        ("rated_capacity", {"title": "Capacity as rated"}),
        ("capacity_fade", {"bounds": {"at_most": "100", "usually_at_least": "5"}}),
        (
            "battery_chemistry",
            {
                "members": [
                    *registry_of(REGISTRY_VERSION)["attributes"]["battery_chemistry"]["members"],
                    "new",
                ]
            },
        ),
        ("cf_total", {"awaits": None}),
    ],
    ids=["wider range", "title", "what is usual", "one word more", "no act awaited any more"],
)
def test_a_milder_change_needs_no_decision(name, cells):
    assert changed(name, **cells) == set()


def test_a_retired_row_and_a_structure_that_asks_for_more_are_found():
    before = registry_of(REGISTRY_VERSION)
    after = copy.deepcopy(dict(before))
    del after["attributes"]["batch_number"]
    after["structures"]["contact"]["members"]["email"]["required"] = True
    del after["structures"]["contact"]["members"]["telephone"]
    del after["exemptions"]["industrial_without_bms"]
    assert stricter(before, after) == {
        Stricter("batch_number", "retired"),
        Stricter("contact.email", "newly required"),
        Stricter("contact.telephone", "retired"),
        Stricter("industrial_without_bms", "an exemption less"),
    }
