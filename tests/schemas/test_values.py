"""Values, citations and words that rows are written with."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from schemas.citation import (
    Act,
    Citation,
    annex,
    annex_iv,
    annex_vi,
    annex_vii,
    annex_xiii,
    article,
    guidance,
)
from schemas.explain import duty_words, explain, value_words
from schemas.registry import REGISTRY
from schemas.terms import Category, Unit
from schemas.values import YearMonth, from_utc_text, integer, list_of, number, one_of, plain, text


@pytest.mark.parametrize(
    ("citation", "short", "full"),
    [
        (annex_xiii("4(b)"), "Annex XIII 4(b)", "Regulation (EU) 2023/1542, Annex XIII 4(b)"),
        (annex_vii("A"), "Annex VII A", "Regulation (EU) 2023/1542, Annex VII A"),
        (annex_vii("B", 5), "Annex VII B(5)", "Regulation (EU) 2023/1542, Annex VII B(5)"),
        (annex_vi("C"), "Annex VI C", "Regulation (EU) 2023/1542, Annex VI C"),
        (annex_iv("A", 1), "Annex IV A(1)", "Regulation (EU) 2023/1542, Annex IV A(1)"),
        (annex("IX"), "Annex IX", "Regulation (EU) 2023/1542, Annex IX"),
        (article("77(3)"), "Art. 77(3)", "Regulation (EU) 2023/1542, Art. 77(3)"),
        (Citation("Art. 13", Act.ECODESIGN), "ESPR Art. 13", "Regulation (EU) 2024/1781, Art. 13"),
        (
            guidance(31),
            "Commission guidance point 31",
            "Commission guidance on battery passport data points, 2.0, point 31",
        ),
    ],
)
def test_citations_are_printed_the_same_everywhere(citation, short, full):
    assert str(citation) == short
    assert citation.full == full


def test_only_places_in_annex_xiii_of_the_batteries_act_are_points():
    assert annex_xiii("2(c)").annex_xiii_point == "2(c)"
    assert annex("XIV").annex_xiii_point is None
    assert Citation("Annex XIII 1(t), proposed", Act.OMNIBUS).annex_xiii_point is None
    assert annex_vii("A", 1).in_annex_vii
    assert not annex_vi("A", 1).in_annex_vii
    assert not annex("VIII").in_annex_vii


def test_months_are_ordered_and_never_get_a_day():
    assert YearMonth(2026, 12) < YearMonth(2027, 1)
    assert str(YearMonth(2027, 1)) == "2027-01"
    assert YearMonth.parse("2027-01") == YearMonth(2027, 1)
    for wrong in ("2027-00", "2027-13", "2027-1", "2027", "27-01", "2027-01-01", "٢٠٢٧-٠١"):
        with pytest.raises(ValueError, match="month"):
            YearMonth.parse(wrong)


def test_plain_refuses_what_json_cannot_say():
    with pytest.raises(TypeError, match="binary float"):
        plain({"a": [1.5]})
    with pytest.raises(TypeError, match="text as a name"):
        plain({1: 2})
    with pytest.raises(TypeError, match="no spelling"):
        plain({"a": object()})
    with pytest.raises(ValueError, match="finite"):
        plain([Decimal("Infinity")])
    assert plain({"a": (Decimal("1E+2"), date(2027, 1, 2), YearMonth(2027, 1), None, True)}) == {
        "a": ["100", "2027-01-02", "2027-01", None, True]
    }


def test_times_with_another_zone_are_turned_into_utc():
    assert from_utc_text("2026-11-20T13:00:00+01:00") == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (number(Unit.OHM, above=0), "decimal number, written as text, in Ω, more than 0"),
        (
            number(Unit.PERCENT, at_least=0, at_most=100),
            "decimal number, written as text, in %, from 0 to 100",
        ),
        (
            number(Unit.PERCENT, at_most=100, usually_at_least=0),
            "decimal number, written as text, in %, at most 100, rarely below 0",
        ),
        (integer(at_least=0), "whole number, at least 0"),
        (list_of(text()), "list: text"),
        (one_of("Cd", "Pb"), "one of Cd, Pb"),
    ],
)
def test_values_in_words(value, words):
    assert value_words(value) == words


@pytest.mark.parametrize(
    ("attribute_id", "category", "words"),
    [
        ("manufacturer_name", Category.EV, "owed from 2027-02-18"),
        ("warranty_period", Category.EV, "owed from 2027-02-18 where a commercial warranty is given"),
        ("batch_number", Category.LMT, "voluntary"),
        ("state_of_certified_energy", Category.LMT, "not applicable"),
        ("cf_total", Category.LMT, "empty until an act exists, not before 2028-08-18"),
        ("cf_absolute", Category.EV, "empty until an act exists, not before 2025-02-18; then voluntary"),
        ("instructions_for_use", Category.EV, "empty until an act exists; then voluntary"),
    ],
)
def test_duties_in_words(attribute_id, category, words):
    assert duty_words(REGISTRY[attribute_id], category) == words


def test_an_explanation_is_plain_json():
    told = explain("full_cycles").to_json()
    assert told["unit"] == "cycles"
    assert told["feed_role"] == "computed"
    assert "charge_in" in told["feeds"]
    assert told["duty"]["ev"] == "owed from 2027-02-18 where the point applies to the battery and its use"
