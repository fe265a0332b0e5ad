"""Goals and the page that shows them: what is met, what is not, and drawings that say the same every time."""

import xml.etree.ElementTree as ET

import pytest

from passport.bench import plots, report
from passport.bench.accuracy import GOALS, Outcome, Report, Section
from passport.bench.plots import Plot, Series

SVG = "{http://www.w3.org/2000/svg}"
PLOT = Plot(
    "Stated <and> true",
    "Every mark is a battery & its line an interval.",
    "true, %",
    "stated, %",
    (
        Series("NMC", ((70.0, 71.0), (80.0, 79.0)), ((68.0, 74.0), (76.0, 82.0))),
        Series("measured", ((70.0, 70.0), (90.0, 90.0)), line=True),
    ),
    same=True,
)


@pytest.mark.parametrize(
    ("goal", "ours", "met"),
    [
        pytest.param("1", 1.0, True, id="at most, at the bound"),
        pytest.param("1", 1.01, False, id="at most, beyond"),
        pytest.param("5", 0.87, False, id="between, too low"),
        pytest.param("5", 0.9, True, id="between"),
        pytest.param("5", 0.95, False, id="between, too high"),
        pytest.param("9", 0.5, False, id="at least, below"),
        pytest.param("4", None, None, id="not measured"),
    ],
)
def test_a_goal_is_met_missed_or_not_measured(goal, ours, met):
    assert Outcome(goal, ours, 3).met is met


def test_no_goal_is_left_out_and_none_stands_twice():
    # Goals 11 to 13 are laws that other tests hold.
    whole = {number.rstrip("*").partition(" ")[0] for number in (goal.number for goal in GOALS)}
    assert whole == {str(number) for number in range(1, 11)}
    assert len({goal.number for goal in GOALS}) == len(GOALS)


def test_a_drawing_is_well_formed_the_same_every_time_and_within_its_frame():
    text = plots.svg(PLOT)
    assert text == plots.svg(PLOT)
    root = ET.fromstring(text)
    assert root.find(f"{SVG}title").text == "Stated <and> true"
    assert root.find(f"{SVG}desc").text == "Every mark is a battery & its line an interval."
    marks = root.findall(f"{SVG}circle")
    assert len(marks) == 3  # two batteries and the legend
    for mark in marks:
        assert 0 < float(mark.get("cx")) < plots.WIDTH
        assert 0 < float(mark.get("cy")) < plots.HEIGHT
    # More health stands higher and further right.
    first, second = marks[0], marks[1]
    assert float(first.get("cx")) < float(second.get("cx"))
    assert float(first.get("cy")) > float(second.get("cy"))


def test_one_point_or_none_can_be_drawn():
    for points in ((), ((1.0, 2.0),)):
        ET.fromstring(plots.svg(Plot("t", "f", "x", "y", (Series("one", points),))))


def test_the_page_names_goals_findings_and_inputs(tmp_path):
    found = Report(
        [Outcome("1", 0.8, 12), Outcome("2", None, 0, "not measured: data not at hand")],
        [Section("Some cells", ("What was found.",), ("cell", "error"), (("B1", "0.10"),), PLOT)],
        {"nasa": "0123456789abcdef"},
    )
    written = report.write(found, tmp_path)
    page = (tmp_path / report.PAGE).read_text(encoding="utf-8")
    assert [path.name for path in written] == ["accuracy.md", "some-cells.svg"]
    assert "| 1 | class A sessions" in page
    assert "| 0.80 points | yes | 12 |" in page
    assert "| not measured |  | not measured: data not at hand |" in page
    assert report.goals_of(page) == [(goal.number, goal.what) for goal in GOALS[:2]]
    assert report.digests_of(page)["nasa"] == "0123456789abcdef"
    assert report.digests_of(page)["simulation"] == report.simulation_digest()
    assert "](accuracy/some-cells.svg)" in page
    assert (tmp_path / "accuracy" / "some-cells.svg").read_text(encoding="utf-8") == plots.svg(PLOT)


def test_a_drawing_that_is_no_longer_made_is_taken_away(tmp_path):
    (tmp_path / "accuracy").mkdir()
    (tmp_path / "accuracy" / "old.svg").write_text("<svg/>", encoding="utf-8")
    report.write(Report(), tmp_path)
    assert list((tmp_path / "accuracy").iterdir()) == []
