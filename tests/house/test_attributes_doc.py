"""Generated files are what their generator prints today."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.explain import frozen_text, markdown
from schemas.guidance import DATA_POINTS, HIGHEST, REPETITIONS, distinct
from schemas.history import registry_of, versions
from schemas.holders import HOLDERS, WHO
from schemas.registry import REGISTRY, REGISTRY_VERSION, frozen

PROJECT = Path(__file__).parents[2]


def test_the_page_of_attributes_is_up_to_date():
    committed = (PROJECT / "docs" / "attributes.md").read_text(encoding="utf-8")
    assert committed == markdown(), "run: python -m schemas.explain --markdown > docs/attributes.md"


def test_the_page_has_an_anchor_for_every_attribute():
    headings = [line[4:] for line in markdown().splitlines() if line.startswith("### ")]
    assert headings == list(REGISTRY)


def test_the_frozen_copy_of_the_current_registry_equals_the_live_one():
    path = PROJECT / "schemas" / "history" / f"{REGISTRY_VERSION}.json"
    assert path.read_text(encoding="utf-8") == frozen_text(), (
        "rows changed after the registry was released: raise REGISTRY_VERSION and freeze a new copy"
    )
    assert registry_of(REGISTRY_VERSION) == frozen()


def test_an_unknown_version_of_the_registry_is_refused_with_the_known_ones():
    assert REGISTRY_VERSION in versions()
    with pytest.raises(KeyError, match=r"no registry of version '2019\.01'; released: 2026\.11"):
        registry_of("2019.01")


@pytest.mark.parametrize("option", ["--markdown", "--frozen"])
def test_the_generators_run_as_a_program(option):
    done = subprocess.run(
        [sys.executable, "-m", "schemas.explain", option], cwd=PROJECT, capture_output=True, check=True
    )
    expected = markdown() if option == "--markdown" else frozen_text()
    assert done.stdout.decode("utf-8") == expected


def test_the_generator_refuses_what_it_does_not_know():
    done = subprocess.run(
        [sys.executable, "-m", "schemas.explain"], cwd=PROJECT, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"--markdown" in done.stderr


def test_every_row_has_somebody_to_ask_and_only_rows_do():
    assert set(HOLDERS) == set(REGISTRY)
    assert set(HOLDERS.values()) == set(WHO)


def test_data_points_are_those_of_rows_and_the_repetitions_have_none():
    assert set(DATA_POINTS) <= set(REGISTRY)
    assert distinct(REGISTRY) | REPETITIONS == set(range(1, HIGHEST + 1))
