"""The page of accuracy speaks of today's goals, simulation and data; measuring anew takes minutes.

`cellpass bench accuracy --write docs` makes it. That the estimators are still those it measured is asked by
the long tests, for figures may lag behind a change of code by a day, but not for ever.
"""

import re
from pathlib import Path

import pytest

from passport.bench import datasets, report
from passport.bench.accuracy import GOALS
from tests.data import ROOT

DOCS = Path(__file__).parents[2] / "docs"
ANEW = "run: cellpass bench accuracy --write docs"
MOST_BYTES = 60_000


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / report.PAGE).read_text(encoding="utf-8")


def test_every_goal_stands_on_the_page_in_its_words(page):
    assert report.goals_of(page) == [(goal.number, goal.what) for goal in GOALS], ANEW


def test_the_page_was_made_from_this_simulation_and_these_data(page):
    named = report.digests_of(page)
    assert named["simulation"] == report.simulation_digest(), ANEW
    for folder in ("nasa-pcoe-18650", "essl1-lfp-102ah", "pulsebat-retired-ev", "ev-cloud-telemetry"):
        files = sorted((ROOT / "datasets" / folder).glob("*"))
        if files:
            assert named[folder] == datasets.digest(files), f"{folder}: {ANEW}"


@pytest.mark.long
def test_the_page_measured_the_estimators_as_they_are(page):
    assert report.digests_of(page)["estimators"] == report.estimators_digest(), ANEW


def test_every_drawing_is_shown_with_its_finding_and_its_numbers(page):
    shown = re.findall(r"!\[[^\]]+: ([^\]]+)\]\(accuracy/([a-z0-9-]+\.svg)\)", page)
    assert {name for _, name in shown} == {path.name for path in (DOCS / report.FOLDER).iterdir()}
    for part in page.split("\n## ")[1:]:
        drawn = re.search(r"!\[[^\]]+: ([^\]]+)\]", part)
        if drawn:
            assert f"\n{drawn[1]}\n" in part, "the finding stands as text too"
            assert "\n|---|" in part, "a drawing has its table"
    for path in (DOCS / report.FOLDER).iterdir():
        assert path.stat().st_size <= MOST_BYTES, path.name


def test_a_missed_goal_says_so(page):
    for line in re.findall(r"^\| \S+ \| .+$", page, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[4] in ("**no**", "not measured"):
            assert cells[6], f"goal {cells[0]} needs its reason"
