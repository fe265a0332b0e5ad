"""`cellpass export`, as typed on a command line."""

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from passport.commands import export
from passport.errors import InputRefused, NotFound
from passport.exports import available, en18223
from passport.ledger import database
from schemas.registry import REGISTRY
from schemas.terms import RecordKind
from tests.passport.issuing import NOW, installation


class House:
    """What the command is given."""

    def __init__(self, made):
        self.made, self.settings = made, made.settings

    def now(self):
        return NOW

    @contextmanager
    def reading(self):
        with database.reading(self.made.engine) as connection:
            yield connection

    @contextmanager
    def writing(self):
        with database.writing(self.made.engine) as connection:
            yield connection


@pytest.fixture
def made(tmp_path):
    with installation(tmp_path) as here:
        yield here


@pytest.fixture
def battery(made):
    battery = made.battery()
    for kind in (RecordKind.PASSPORT, RecordKind.CONDITION):
        made.issuer.issue(battery.id, kind, now=NOW, incomplete="trial")
    return battery


def run(made, *arguments, refused=False):
    result = CliRunner().invoke(
        export.command, [str(one) for one in arguments], obj=House(made), catch_exceptions=refused
    )
    return result.exception if refused else result


def audited(made):
    return [
        made.one(f"SELECT {column} FROM audit ORDER BY id DESC LIMIT 1")
        for column in ("action", "audience", "detail")
    ]


def test_the_document_goes_to_standard_output_and_the_losses_beside_it(made, battery):
    ran = run(made, battery.identifier, "--format", "en18223")
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["performance"]["ratedCapacity"] == 102
    first, *rest = ran.stderr.splitlines()
    assert first.startswith("EN 18223:2026, compressed form: ")
    assert "Kept in part" in ran.stderr
    assert any(REGISTRY["nominal_voltage"].title in line for line in rest)


def test_a_file_is_named_and_the_report_goes_where_it_is_told(made, battery, tmp_path):
    file, report = tmp_path / "x.json", tmp_path / "losses.txt"
    ran = run(made, battery.identifier, "--format", "en18223", "-o", file, "--losses", report)
    assert (ran.stdout, ran.stderr) == (f"{file}\n", "")
    assert en18223.recognises(file.read_bytes(), file.name)
    assert "Kept in part" in report.read_text(encoding="utf-8")
    ran = run(made, battery.identifier, "--format", "en18223", "-o", file, "--losses", "-")
    assert ran.stdout == report.read_text(encoding="utf-8")


def test_a_machine_reads_format_file_and_losses(made, battery, tmp_path):
    file = tmp_path / "x.json"
    ran = run(made, battery.identifier, "--format", "en18223", "-o", file, "--json")
    told = json.loads(ran.stdout)
    assert (told["format"], told["file"]) == ("en18223", str(file))
    assert {"attribute", "title", "why", "path", "sentence"} == set(told["losses"][0])
    assert ran.exit_code == 0, "losses are no failure"


@pytest.mark.parametrize("options", [["--json"], ["--losses", "-"], ["-o", "-", "--json"]])
def test_document_and_report_are_never_mixed(made, battery, options):
    ran = run(made, battery.identifier, "--format", "en18223", *options)
    assert ran.exit_code == 2
    assert "mixed" in ran.stderr


def test_a_restricted_copy_is_written_into_the_audit_and_a_public_one_is_not(made, battery):
    before = made.one("SELECT count(*) FROM audit")
    run(made, battery.identifier, "--format", "en18223-full")
    assert made.one("SELECT count(*) FROM audit") == before
    ran = run(made, battery.identifier, "--format", "en18223-full", "--audience", "authority")
    assert audited(made) == ["read", "authority", "export en18223-full"]
    assert json.loads(ran.stdout)["elements"]


def test_a_strange_format_and_a_battery_without_a_record_are_refused_by_name(made):
    battery = made.battery()
    error = run(made, battery.identifier, "--format", "xml", refused=True)
    assert isinstance(error, InputRefused)
    assert "no format is called 'xml'" in str(error)
    error = run(made, battery.identifier, "--format", "en18223", refused=True)
    assert isinstance(error, NotFound)
    assert "cellpass issue" in str(error)


@pytest.mark.parametrize("name", available())
def test_every_format_that_is_there_exports_a_battery_with_little_declared(made, battery, tmp_path, name):
    file = tmp_path / "out"
    ran = run(made, battery.identifier, "--format", name, "-o", file, "--json")
    assert ran.exit_code == 0, ran.stderr
    assert file.stat().st_size > 100
    losses = json.loads(ran.stdout)["losses"]
    assert all(loss["sentence"] and loss["why"] for loss in losses)
