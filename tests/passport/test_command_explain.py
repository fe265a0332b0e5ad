"""`cellpass explain`: what it prints, what it answers to a misspelt name."""

import json

import pytest
from click.testing import CliRunner

from passport.commands.explain import command
from schemas.registry import REGISTRY


def run(*arguments):
    return CliRunner().invoke(command, list(arguments))


def test_explain_tells_the_duties_by_category():
    told = run("remaining_capacity")
    assert told.exit_code == 0
    assert "remaining_capacity: Remaining capacity" in told.output
    assert "duty ev          voluntary" in told.output
    assert "duty lmt         owed from 2027-02-18" in told.output
    assert "Regulation (EU) 2023/1542, Annex VII A(1)" in told.output


def test_explain_prints_one_json_object():
    told = json.loads(run("rated_capacity", "--json").output)
    assert told["unit"] == "Ah"
    assert told["record"] == "passport"
    assert told["readers"] == "everyone"
    assert told["feeds"] == ["nameplate_capacity"]
    assert told["docs"] == "docs/attributes.md#rated_capacity"


def test_a_misspelt_name_is_wrong_use_and_is_told_what_may_have_been_meant():
    told = run("rated_capcity")
    assert told.exit_code == 2
    assert "did you mean rated_capacity" in told.output


def test_a_name_like_nothing_at_all_is_refused_without_guessing():
    told = run("qqqq")
    assert told.exit_code == 2
    assert "did you mean" not in told.output


@pytest.mark.parametrize("attribute_id", REGISTRY)
def test_every_attribute_can_be_explained(attribute_id):
    assert run(attribute_id).exit_code == 0


def test_without_a_name_all_attributes_are_listed():
    told = run()
    assert told.exit_code == 0
    listed = [line.split()[0] for line in told.output.splitlines() if line.startswith("  ")]
    assert listed == list(REGISTRY)
    assert list(json.loads(run("--json").output)) == list(REGISTRY)


def test_help_shows_an_example():
    assert "Example: cellpass explain remaining_capacity" in run("--help").output
