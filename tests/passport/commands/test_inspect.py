"""`cellpass inspect` as an inspector and an operator type it."""

import json

import pytest
from click.testing import CliRunner

from app import House  # noqa: TID251 - the command line is what is tried
from passport.commands.inspect import command
from passport.ledger import batteries, database, operators
from schemas.terms import Category
from tests.passport.issuing import FACTS, NOW


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "data", public_url="https://id.example.com")
    yield made
    made.close()


@pytest.fixture
def battery(house):
    with database.writing(house.engine) as connection:
        operators.create(connection, "example-cells", name="Example Cells", simulated=True, at=NOW)
        return batteries.create(
            connection,
            operator="example-cells",
            category=Category.STATIONARY,
            identifier_path="/01/09520123456788/21/INS1",
            facts=dict(FACTS),
            placed_on=None,
            simulated=True,
            at=NOW,
        )


def run(house, *arguments, status=0):
    result = CliRunner().invoke(command, [str(one) for one in arguments], obj=house, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def test_from_a_checklist_to_an_answered_gate(house, battery, tmp_path):
    (tmp_path / "password").write_text("a good one\n")
    made = run(house, "key", tmp_path / "inspector.pem", "--password-file", tmp_path / "password")
    assert "did:jwk:" in made.stderr
    assert b"ENCRYPTED" in (tmp_path / "inspector.pem").read_bytes()
    (tmp_path / "inspector.jwk").write_text(made.stdout)
    run(house, "inspector", "add", "First", "--qualification", "level 3", "--key", tmp_path / "inspector.jwk")
    text = run(house, "checklist", battery.id).stdout
    assert "# G3 mechanical condition:" in text
    head, *entries = text.split("[[finding]]")
    (entry,) = [one for one in entries if 'gate = "G3"' in one]
    entry = entry.replace("clean = false", "clean = true").replace('sentence = ""', 'sentence = "no leak"')
    entry = entry.partition("\n\n")[0]
    (tmp_path / "findings.toml").write_text(f"{head}[[finding]]{entry}\n")
    signed = ("--key", tmp_path / "inspector.pem", "--password-file", tmp_path / "password")
    run(house, "sign", tmp_path / "findings.toml", *signed)
    filed = json.loads(run(house, "file", tmp_path / "findings.jws", "--json").stdout)
    assert "G3 mechanical condition" not in filed["open"]
    assert "no leak" in run(house, "list", battery.id).stdout
    (listed,) = run(house, "list", battery.id, "--json").stdout.splitlines()
    assert json.loads(listed)["findings"] == [{"gate": "G3", "clean": True, "sentence": "no leak"}]
    (known,) = run(house, "inspector", "list", "--json").stdout.splitlines()
    run(house, "inspector", "end", json.loads(known)["kid"])
    assert "ended" in run(house, "inspector", "list").stdout


def test_a_battery_without_inspections_is_told_so(house, battery):
    assert run(house, "list", battery.id).stdout == "Nobody has inspected it.\n"


def test_an_empty_password_is_wrong_use(house, tmp_path):
    (tmp_path / "password").write_text("\n")
    run(house, "key", tmp_path / "inspector.pem", "--password-file", tmp_path / "password", status=2)
