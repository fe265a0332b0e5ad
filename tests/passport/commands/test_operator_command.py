"""`cellpass operator`: who answers for batteries here, and who does when nobody is named."""

import json

import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command line is what is tried
from passport.ledger import batteries, operators


@pytest.fixture
def say(tmp_path):
    def run(*words: str, status: int = 0):
        said = CliRunner().invoke(app.cli, ["--data", str(tmp_path), *words])
        assert said.exit_code == status, said.output
        return said.stdout

    return run


def test_an_operator_is_added_once_and_listed(say):
    told = json.loads(say("operator", "add", "acme", "--name", "Acme Batteries GmbH", "--json"))
    assert told == {
        "id": "acme",
        "name": "Acme Batteries GmbH",
        "did": "did:web:127.0.0.1%3A8000:o:acme",
        "usual": True,
    }
    say("operator", "add", "acme", "--name", "Acme Batteries GmbH")
    (listed,) = [json.loads(line) for line in say("operator", "list", "--json").splitlines()]
    assert (listed["id"], listed["batteries"], listed["simulated"]) == ("acme", 0, False)


def test_the_name_of_an_operator_stays(say, tmp_path):
    say("operator", "add", "acme", "--name", "Acme")
    said = CliRunner().invoke(app.cli, ["--data", str(tmp_path), "operator", "add", "acme", "--name", "B"])
    assert said.exit_code != 0
    assert "operator 'acme' is already 'Acme', not 'B'" in str(said.exception)


@pytest.mark.parametrize("name", ["Acme", "a b", "-a", "", "a" * 41])
def test_an_id_that_cannot_stand_in_an_address_is_refused(say, tmp_path, name):
    said = CliRunner().invoke(
        app.cli, ["--data", str(tmp_path), "operator", "add", "--name", "A", "--", name]
    )
    assert said.exit_code != 0
    assert "1 to 40 lower-case letters" in str(said.exception)


def test_two_operators_leave_the_choice_to_whoever_imports(say):
    say("operator", "add", "acme", "--name", "Acme")
    told = json.loads(say("operator", "add", "bolt", "--name", "Bolt", "--json"))
    assert told["usual"] is False


def test_a_trial_battery_belongs_to_the_one_real_operator(tmp_path):
    house = app.House(tmp_path)
    with house.writing() as connection:
        operators.create(connection, "demo", name="Demo", simulated=True, at=house.now())
        operators.create(connection, "acme", name="Acme", simulated=False, at=house.now())
        made = house.batteries.create(connection, {"category": "lmt"}, at=house.now())
        assert batteries.get(connection, made).operator == "acme"
        operators.create(connection, "bolt", name="Bolt", simulated=False, at=house.now())
        other = house.batteries.create(connection, {"category": "lmt"}, at=house.now())
        assert batteries.get(connection, other).operator == "operator"
    house.close()
