"""A battery seen over time, from what versions say: findings, drawings and tables, worked out by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport.documents import drawing, seen
from schemas.registry import REGISTRY
from schemas.terms import RecordKind

_, CONDITION, ASSESSMENT = RecordKind
DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOSTILE = "<script>1</script>&\"'"


def at(days):
    return (BEGIN + days * DAY).isoformat().replace("+00:00", "Z")


def estimate(value, low, high, days, method="cap.trend.v1", evidence="A", **more):
    return {
        "value": value,
        "low": low,
        "high": high,
        "as_of": None if days is None else at(days),
        "method": method,
        "evidence_class": evidence,
        "calibrated": True,
        **more,
    }


def assessed(days, **members):
    wire = {"value": members, "source": "computed", "as_of": at(days)}
    return seen.Stage(ASSESSMENT, days + 1, BEGIN + days * DAY, {"second_life_assessment": wire})


def condition(days, **values):
    wires = {name: {"source": "computed", "as_of": at(days), **wire} for name, wire in values.items()}
    return seen.Stage(CONDITION, days + 1, BEGIN + days * DAY, wires)


def bands(*rows):
    return {
        "value": [
            {
                "temperature_from": low,
                "temperature_to": high,
                "charge_from": "0",
                "charge_to": "10",
                "time_s": s,
            }
            for low, high, s in rows
        ]
    }


def figure(stages, anchor):
    (found,) = [one for one in seen.figures(stages) if one.anchor == anchor]
    return found


def plain(text):
    return text.replace("\u00a0", " ")


def test_no_version_gives_no_figure():
    assert seen.figures([]) == ()


def test_versions_that_say_nothing_are_told_in_words_and_draw_nothing():
    empty = {name: {"absent": "not_provided"} for name in REGISTRY if REGISTRY[name].record is CONDITION}
    told = seen.figures([seen.Stage(CONDITION, 1, BEGIN, empty)])
    assert [one.anchor for one in told] == [
        *("capacity", "health", "resistance", "temperatures", "events", "watched", "sources")
    ]
    for one in told:
        assert one.finding.startswith("No ") or one.finding == "The newest versions state no value."
        assert (one.svg, one.rows) == ("", ())


@pytest.mark.parametrize(
    ("last", "said"),
    [
        pytest.param(("8.0", "7.6", "8.4"), "1.2 Ah less, beyond what the bands explain.", id="apart"),
        pytest.param(
            ("8.9", "8.5", "9.3"), "0.3 Ah less, but the bands overlap, so it may be no change.", id="overlap"
        ),
        pytest.param(("9.2", "8.8", "9.6"), "no difference.", id="same"),
        pytest.param(
            ("9.5", "9.1", "9.9"), "0.3 Ah more, but the bands overlap, so it may be no change.", id="more"
        ),
    ],
)
def test_a_fall_of_capacity_is_told_against_its_bands(last, said):
    stages = [
        assessed(0, capacity=estimate("9.2", "8.8", "9.6", 0)),
        assessed(90, capacity=estimate(*last, 90)),
    ]
    # 1 March and 90 days are 30 May.
    begin = f"Capacity went from 9.2 Ah (8.8 to 9.6) on 1 March 2026 to {last[0]} Ah ({last[1]} to {last[2]})"
    told = figure(stages, "capacity")
    assert plain(told.finding) == f"{begin} on 30 May 2026: {said}"
    assert [plain(row[0]) for row in told.rows] == ["1 March 2026", "30 May 2026"]


def test_one_figure_is_told_with_its_band_and_drawn():
    told = figure([assessed(0, capacity=estimate("9.2", "8.8", "9.6", 0))], "capacity")
    assert plain(told.finding) == (
        "Capacity was 9.2 Ah on 1 March 2026, between 8.8 and 9.6 Ah nine times in ten."
    )
    assert told.svg.count("<circle") == 1


def test_a_change_of_method_is_a_numbered_line_and_a_note():
    stages = [
        assessed(0, capacity=estimate("9.2", "8.8", "9.6", 0, "cap.classA.v1")),
        assessed(30, capacity=estimate("9.1", "8.7", "9.5", 30, "cap.trend.v1")),
        assessed(60, capacity=estimate("9.0", "8.6", "9.4", 60, "cap.trend.v1", "B")),
    ]
    told = figure(stages, "capacity")
    assert [plain(one) for one in told.notes] == [
        "1: from 31 March 2026 on by cap.trend.v1, class A, before by cap.classA.v1, class A.",
        "2: from 30 April 2026 on by cap.trend.v1, class B, before by cap.trend.v1, class A.",
    ]
    assert told.svg.count("stroke-dasharray") == 2


def test_what_condition_and_assessment_both_say_is_one_point_with_its_band():
    stages = [
        condition(0, remaining_capacity={"value": "9.200", "as_of": at(0), "method": "cap.trend.v1"}),
        assessed(0, capacity=estimate("9.2", "8.8", "9.6", 0)),
        assessed(7, capacity=estimate("9.2", "8.8", "9.6", 0)),
    ]
    told = figure(stages, "capacity")
    assert [row[1:3] for row in told.rows] == [("9.2", "8.8 to 9.6")]


def test_health_stands_beside_what_the_bms_says():
    stages = [
        assessed(0, health=estimate("92.0", "90.0", "94.0", 0), bms_reported_health="99"),
        assessed(30, health=estimate("86.0", "84.0", "88.0", 30), bms_reported_health="99"),
    ]
    told = figure(stages, "health")
    assert plain(told.finding).endswith(
        "6.0 points less, beyond what the bands explain. The BMS last said 99 %, 13.0 points apart from ours."
    )
    assert [row[0] for row in told.rows] == ["ours", "ours", "the BMS's", "the BMS's"]
    assert ">Ours</text>" in told.svg
    assert ">The BMS&#x27;s</text>" in told.svg


def test_bands_of_charge_are_added_up_by_temperature():
    # 3 h + 1 h at 20 to 25, 4 h at 25 to 30, 8 h at 30 to 35: 16 h in all, half of it warmest.
    hours = bands(("20", "25", 10_800), ("20", "25", 3_600), ("25", "30", 14_400), ("30", "35", 28_800))
    told = figure([condition(0, operating_environment_records=hours)], "temperatures")
    assert plain(told.finding) == (
        "Of 16 h of recorded time, the longest part, 50.0 %, was spent at 30 to 35 °C of the hottest sensor."
    )
    assert [tuple(map(plain, row)) for row in told.rows] == [
        ("20 to 25 °C", "4 h", "25.0 %"),
        ("25 to 30 °C", "4 h", "25.0 %"),
        ("30 to 35 °C", "8 h", "50.0 %"),
    ]


def test_what_was_watched_is_the_growth_of_recorded_time_between_versions():
    # 10 days of 24 h: 60 h of 240 h; then a sum that fell; then 120 h of 240 h.
    stages = [
        condition(days, operating_environment_records=bands(("20", "25", hours * 3600)))
        for days, hours in ((0, 100), (10, 160), (20, 50), (30, 170))
    ]
    told = figure(stages, "watched")
    assert [plain(row[3]) for row in told.rows] == ["25.0 %", "50.0 %"]
    # A share is seen against nought.
    assert ">0</text>" in told.svg
    # 180 h of 480 h
    assert "37.5\u00a0% of the time" in told.finding
    assert len(told.notes) == 1


def test_events_are_counted_by_kind_and_listed():
    events = [
        {"type": "hot_charge", "at": at(1), "duration_s": 900, "severity": "46.5 degC"},
        {"type": "hot_charge", "duration_s": 60},
        {"type": "deep_discharge", "at": at(2), "duration_s": 61, "severity": HOSTILE},
    ]
    stage = condition(5, negative_events={"value": events}, deep_discharge_count={"value": 4})
    told = figure([stage], "events")
    assert told.finding == (
        "The newest version lists 3 events of 2 kinds; the most frequent is hot charge (2)."
    )
    assert plain(told.notes[0]) == f"{REGISTRY['deep_discharge_count'].title}: 4, as of 6 March 2026."
    assert told.rows[1] == ("hot charge", "not stated", "60\u00a0s", "not stated")
    none = figure([condition(5, negative_events={"value": []})], "events")
    assert "none was seen" in none.finding
    assert none.svg == ""


def test_sources_are_counted_and_doubts_are_the_assessments_sentences():
    stages = [
        condition(0, full_cycles={"value": "7", "source": "bms_reported"}, state_of_charge={"value": "50"}),
        assessed(
            0,
            findings=[{"code": "x", "sentence": "The BMS says 99 %."}],
            capacity=estimate("9", "8", "10", 0, remarks=["Not calibrated."]),
        ),
    ]
    told = figure(stages, "sources")
    assert told.finding == (
        "Of the 3 values in the newest versions, by source: 2 computed, 1 reported by the BMS;"
        " 2 doubts are stated."
    )
    assert told.notes == ("The BMS says 99 %.", "Not calibrated.")


def test_versions_that_were_not_read_are_told():
    (told,) = [one for one in seen.figures([assessed(0)], 36) if one.anchor == "sources"]
    assert told.notes == ("1 of 37 versions were read, evenly from first to last.",)


def drawings(stages):
    return [one.svg for one in seen.figures(stages) if one.svg]


def test_a_drawing_is_xml_with_title_and_finding_and_nothing_to_run_or_fetch():
    stages = [
        assessed(0, capacity=estimate("9.2", "8.8", "9.6", 0, HOSTILE), health=estimate("92", "90", "94", 0)),
        condition(
            3,
            negative_events={"value": [{"type": HOSTILE, "at": at(2), "duration_s": 61}]},
            internal_resistance_current={"value": "0.02", "method": HOSTILE},
        ),
    ]
    made = drawings(stages)
    assert len(made) == 5
    space = "{http://www.w3.org/2000/svg}"
    for text in made:
        root = ET.fromstring(text)
        assert root.get("role") == "img"
        title, finding = root.find(f"{space}title"), root.find(f"{space}desc")
        assert title.text
        assert finding.text
        assert root.get("aria-labelledby").split() == [title.get("id"), finding.get("id")]
        assert {one.tag.removeprefix(space) for one in root.iter()} <= {
            *("svg", "title", "desc", "line", "text", "polyline", "polygon", "circle", "rect")
        }
        assert not [name for one in root.iter() for name in one.attrib if name in ("href", "style", "onload")]


def test_the_order_of_versions_and_a_second_run_change_no_byte():
    stages = [assessed(n, capacity=estimate(f"9.{9 - n}", "8", "11", n)) for n in range(5)]
    stages += [condition(n, remaining_capacity={"value": f"9.{9 - n}", "method": "m"}) for n in range(5)]
    assert seen.figures(stages) == seen.figures(list(reversed(stages))) == seen.figures(stages)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["1E+999", "-0", "NaN", at(1)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "low", "high", "as_of", "capacity", "health", "type", "time_s", "findings"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
NAMES = [name for name in REGISTRY if REGISTRY[name].record is not RecordKind.PASSPORT]


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.dictionaries(st.sampled_from(["value", "as_of", "method"]), JSON)
    )
)
def test_whatever_a_version_holds_is_drawn_or_told_and_never_breaks(values):
    for one in seen.figures([seen.Stage(kind, 1, BEGIN, values) for kind in (CONDITION, ASSESSMENT)]):
        assert one.finding
        if one.svg:
            ET.fromstring(one.svg)


@given(st.integers(0, 500), st.integers(2, 60))
def test_versions_that_are_read_hold_the_ends_in_rising_order(count, most):
    chosen = seen.spread(count, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    if count:
        assert (chosen[0], chosen[-1]) == (0, count - 1)


def test_the_axis_has_round_steps():
    axis = drawing.Axis.of([8.0, 9.6], 200, 40)
    assert [round(one, 6) for one in axis.ticks] == [8.0, 8.5, 9.0, 9.5, 10.0]
    assert (axis.at(8.0), axis.at(10.0)) == (200, 40)


def luminance(colour):
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", ["#ffffff", "#1a211e"], ids=["light", "dark"])
@pytest.mark.parametrize("colour", drawing.TRACKS)
def test_lines_and_bars_have_a_contrast_of_three_on_both_grounds_of_the_page(colour, ground):
    style = Path("templates/styles/page.css").read_text(encoding="utf-8")
    assert f"--card: {ground.replace('#ffffff', '#fff')};" in style
    high, low = sorted((luminance(colour), luminance(ground)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3
