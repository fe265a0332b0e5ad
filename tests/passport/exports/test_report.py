"""The loss report as a person reads it, and which formats an installation has."""

import pytest

from passport import exports
from passport.errors import InputRefused
from passport.exports import report
from passport.exports.format import Loss, Why
from schemas.terms import Category
from tests.passport.exports.subjects import changed, subject

LOSSES = (
    Loss("rated_capacity", Why.CUT, "$.a", "its day has no place"),
    Loss("nominal_voltage", Why.CUT, "$.b", "its day has no place"),
    Loss("battery_status", Why.NO_PLACE, "", "the format has no status of the battery"),
    Loss("", Why.MADE_UP, "$.contentType", "demanded of documents; a neutral one stands there"),
    Loss("battery_mass", Why.ROUNDED, "$.mass", "98.4 kg became 98 kg"),
)


def test_attributes_with_one_sentence_are_told_together_and_by_their_titles() -> None:
    assert report.in_words(LOSSES) == (
        "\n"
        "Left out: the format has no place for it (1)\n"
        "- Status of the battery: the format has no status of the battery\n"
        "\n"
        "Kept in part (2)\n"
        "- its day has no place\n"
        "    Rated capacity; Nominal voltage\n"
        "\n"
        "Rounded: the format forces fewer digits (1)\n"
        "- Mass: 98.4 kg became 98 kg\n"
        "\n"
        "Filled in: the format demands it and nobody stated it (1)\n"
        "- $.contentType: demanded of documents; a neutral one stands there\n"
    )
    assert report.in_words(()) == ""


def test_every_reason_has_its_words() -> None:
    assert set(report.HEADINGS) == set(Why)
    for why in Why:
        assert report.HEADINGS[why] in report.in_words([Loss("", why, "", "a sentence")])


def test_the_summary_counts_each_stated_value_once_by_its_worst_loss() -> None:
    made = subject(Category.EV)
    stated = sum(made.given(name) is not None for name in made.values)
    assert report.summary(made, ()) == f"{stated} stated values: {stated} as they are."
    twice = [*LOSSES, Loss("rated_capacity", Why.NO_PLACE, "", "gone")]
    counted = f"{stated} stated values: {stated - 3} as they are, 1 left out, 1 in part, 1 rounded."
    assert report.summary(made, twice) == counted  # the status is not public, so it is not stated here
    nothing = changed(made, **dict.fromkeys(made.values))
    assert report.summary(nothing, LOSSES) == "0 stated values: none."


def test_a_format_is_found_by_its_name_and_a_strange_one_is_refused_with_what_there_is() -> None:
    for name in exports.available():
        assert exports.format_of(name).TITLE
    with pytest.raises(InputRefused, match=r"no format is called 'xml'; known are .*en18223-full"):
        exports.format_of("xml")


def test_a_format_that_an_installation_comes_without_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "FORMATS", {"untp": "gone", "en18223": "en18223"})
    assert exports.available() == ("en18223",)
    with pytest.raises(InputRefused, match=r"comes without the format 'untp'; it has en18223$"):
        exports.format_of("untp")
