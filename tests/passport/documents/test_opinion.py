"""What a page says of an assessment record, and of one that knows little."""

from datetime import UTC, datetime, timedelta

from passport.documents.opinion import opinion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIFE = {"value": "9.0", "low": "7.5", "high": "12.0"}
SAID = {
    "state_of_health": {"value": "84.1", "unit": "%"},
    "residual_value": {
        "value": {
            "amount": "-142.31",
            "low": "-299.60",
            "high": "-75.75",
            "currency": "EUR",
            "recycling": "-142.31",
            "recycling_low": "-299.60",
            "recycling_high": "-75.75",
            "reasons": ["a gate is open"],
            "contributions": [{"input": "cost.process", "at_low": "-83.51", "at_high": "-172.29"}],
        }
    },
    "second_life_assessment": {
        "value": {
            "verdict": "needs_inspection",
            "grade": "B",
            "score": "71.5",
            "health_low": "79.0",
            "health_high": "89.2",
            "inspect": ["G3 mechanical condition: look"],
            "reasons": [],
            "deductions": [
                {"points": "8.9", "sentence": "capacity left"},
                {"points": "0.0", "sentence": "nothing off"},
            ],
            "uses": [
                {"use": "backup", "title": "telecom and UPS backup", "fit": "fit"},
                {"use": "off_grid", "fit": "not_known", "binding": "rate is not known"},
            ],
            "remaining_life": {
                "backup": LIFE | {"high": "40.0"},
                "off_grid": {"not_determinable": "no_health", "reason": "no"},
            },
        }
    },
}


def told(stated=SAID, until=NOW + timedelta(days=90), now=NOW):
    return opinion(stated, valid_until=until, now=now)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def test_figures_come_with_their_bands():
    made = told()
    assert plain(made.health.text) == "84.1 %"
    assert plain(made.health.band) == "79.0 to 89.2 %, nine times in ten"
    assert (made.grade, made.score, made.provisional) == ("B", "71.5", True)
    assert made.deductions == (("8.9", "capacity left"),)
    now, materials = made.worth
    assert (now.title, plain(now.text)) == ("Now", "-142.31 EUR")
    assert plain(now.band) == "-299.60 to -75.75 EUR, eight times in ten"
    assert materials.title == "Its materials alone"
    assert plain(made.moved[0]) == "cost process: -172.29 to -83.51 EUR"


def test_each_use_has_its_sentence_and_its_years():
    backup, off_grid = told().uses
    assert (backup.title, backup.words, backup.why) == (
        "Telecom and UPS backup",
        "fit",
        "all that it asks is met",
    )
    assert plain(backup.years) == "7.5 to 40.0 or more years left in it"
    assert (off_grid.words, off_grid.why, off_grid.years) == ("not known", "rate is not known", "")


def test_a_record_of_an_older_registry_says_what_it_has():
    old = {"verdict": "needs_inspection", "reasons": [], "inspect": []}
    made = told({"second_life_assessment": {"value": old}, "residual_value": {"absent": "not_provided"}})
    assert (made.health.text, made.grade, made.worth, made.uses) == ("", "", (), ())
    assert made.reasons == ("no record of this battery states a value",)


def test_an_opinion_expires_and_may_not_be_there_at_all():
    assert told(now=NOW + timedelta(days=90)).expired
    assert not told().expired
    assert told({"second_life_assessment": {"absent": "not_provided"}}) is None
    assert told({}) is None
