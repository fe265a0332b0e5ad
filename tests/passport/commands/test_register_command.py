"""`cellpass register` as a person types it."""

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from passport.commands import register
from passport.errors import InputRefused, RegistryUnavailable
from passport.ledger import database, registrations
from tests.passport.union_registry import stub_registry
from tests.passport.union_registry.offices import START, VOLUNTARY, office


class House:
    """What a command is given."""

    def __init__(self, at):
        self.at = at
        self.engine, self.settings = at.engine, at.settings

    def now(self):
        return self.at.now()

    @contextmanager
    def reading(self):
        with database.reading(self.engine) as connection:
            yield connection


@pytest.fixture
def registry():
    with stub_registry.running() as running:
        yield running


@pytest.fixture
def at(tmp_path, registry):
    with office(tmp_path, registry) as made:
        yield made


def run(at, *words):
    return CliRunner().invoke(register.command, list(words), obj=House(at))


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_word_batteries_may_be_left_out(at, registry):
    battery = at.battery()
    looked = run(at, battery.identifier, "--dry-run")
    assert (looked.exit_code, registry.requests) == (0, [])
    assert looked.output.startswith(f'{battery.identifier}  would be sent  {{"uniqueProductIdentifier":')
    assert run(at, "batteries", battery.id, "--dry-run").output == looked.output
    assert run(at).exit_code == 2
    assert "Register batteries" in run(at, "--help").output


def test_all_registers_what_is_owed_and_says_what_comes_next(at):
    made, voluntary = [at.battery(), at.battery()], at.battery(placed_on=VOLUNTARY)
    result = run(at, "--all")
    assert result.exit_code == 0, result.output
    # Batteries of one moment come in the order of their ids, which are random.
    told = [line.split("  ") for line in result.stdout.splitlines()]
    assert {line[0] for line in told} == {one.identifier for one in made}
    assert [line[1:] for line in told] == [["registered", "EU-REG-0001"], ["registered", "EU-REG-0002"]]
    assert "2 registered." in result.stderr
    assert "cellpass register proofs" in result.stderr
    again = run(at, "--all")
    assert (again.exit_code, "Nothing is left to register" in again.stderr) == (0, True)
    assert "Nothing is left to register" in run(at, "--all", "--dry-run").stderr
    named = run(at, voluntary.identifier, made[0].id, "--json")
    assert named.exit_code == 0
    first, second = lines(named)
    assert first["outcome"] == "registered"
    assert first["registered_at"] == "2027-03-01T09:00:00Z"
    assert first["proof_until"] == "2027-05-30T09:00:00Z"
    assert first["request"]["uniqueProductIdentifier"].endswith(voluntary.identifier)
    assert second["outcome"] == "already registered"
    assert second["registration_id"] in {"EU-REG-0001", "EU-REG-0002"}


def test_a_refusal_ends_with_1_and_an_absent_registry_with_an_error(at, registry):
    first, second = at.battery(), at.battery()
    registry.faults.append(stub_registry.answering(400, {"detail": "no model for batteries"}))
    result = run(at, first.id, second.id)
    assert result.exit_code == 1
    assert "refused  no model for batteries" in result.stdout
    assert "1 registered, 1 refused." in result.stderr
    registry.faults.append(stub_registry.breaking)
    assert isinstance(run(at, first.id).exception, RegistryUnavailable)
    assert run(at, at.battery(issued=False).id, "--dry-run").exit_code == 1


def test_without_a_section_nobody_is_asked_and_status_says_so(tmp_path):
    with office(tmp_path, None) as at:
        at.battery()
        assert isinstance(run(at, "--all").exception, InputRefused)
        result = run(at, "status")
        assert result.exit_code == 0
        assert "No registry is configured" in result.stderr


def test_proofs_are_fetched_written_out_and_compared(at, registry, tmp_path):
    battery = at.battery()
    with at.reading() as connection:
        from passport.ledger import versions
        from schemas.terms import RecordKind

        stored = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    registry.hash_of = lambda _: stored.jwt
    assert "Nothing is registered" in run(at, "status").stderr
    run(at, battery.id)
    assert "proof missing, 90 days left" in run(at, "status").stdout
    result = run(at, "proofs")
    assert result.exit_code == 0, result.output
    assert "fits the record: yes; it holds the sha256 of version 1 (signed part)" in result.stdout
    written = tmp_path / "proof.json"
    assert run(at, "proof", battery.id, "-o", str(written)).exit_code == 0
    assert json.loads(written.read_bytes())["registrationId"] == "EU-REG-0001"
    assert "No proof is missing" in run(at, "proofs").stderr
    shown = run(at, "status", battery.identifier).stdout
    assert "proof archived on 2027-03-01" in shown
    assert "fits the record: yes" in shown
    (told,) = lines(run(at, "status", "--compare", "--json"))
    assert (told["fits_record"], told["pressing"], told["days_left"]) == ("yes", False, None)


def test_a_proof_from_a_file_that_speaks_of_another_is_kept_and_told(at, tmp_path):
    battery = at.battery()
    run(at, battery.id)
    path = tmp_path / "proof.json"
    path.write_text('{"registrationId": "EU-OTHER"}')
    result = run(at, "proofs", battery.id, "--file", str(path), "--json")
    assert result.exit_code == 1
    (told,) = lines(result)
    assert (told["archived"], told["fits_record"], told["media_type"]) == (True, "no", "application/json")
    assert run(at, "proofs", "--file", str(path)).exit_code == 2
    path.write_bytes(b"")
    assert isinstance(run(at, "proofs", battery.id, "--file", str(path)).exception, InputRefused)


def test_status_ends_with_1_while_a_proof_presses(at):
    battery, away = at.battery(), at.battery()
    run(at, battery.id)
    assert run(at, "status").exit_code == 0
    at.later(days=61)
    result = run(at, "status")
    assert result.exit_code == 1
    assert "proof missing, 29 days left" in result.stdout
    assert "1 passports are owed and not registered" in result.stderr
    at.later(days=31)
    assert "stopped giving it 2 days ago" in run(at, "status").stdout
    (told,) = lines(run(at, "status", "--json", battery.id))
    assert (told["pressing"], told["days_left"]) == (True, -2)
    assert run(at, "status", away.id).exit_code == 0


def test_what_is_examined_or_adopted_is_shown(at, registry):
    registry.examines = True
    battery = at.battery()
    result = run(at, battery.id)
    assert (result.exit_code, "submitted" in result.stdout) == (0, True)
    assert "examined by the registry since 2027-03-01" in run(at, "status").stdout
    adopted = run(at, "adopt", battery.id, "EU-7", "--on", "2027-03-01")
    assert adopted.output == "Registered as EU-7; the registry gives the proof until 2027-05-30.\n"
    (told,) = lines(run(at, "status", "--json"))
    assert (told["how"], told["on_its_way_since"]) == ("stated", None)
    other = at.battery()
    run(at, other.id)
    assert run(at, "give-up", other.id, "--reason", " ").exit_code == 2
    assert run(at, "give-up", other.id, "--reason", "turned down").exit_code == 0
    with at.reading() as connection:
        assert registrations.unfinished(connection) == []
    unknown = at.battery()
    assert "for an unknown time" in run(at, "adopt", unknown.id, "EU-8").output
    assert run(at, "status").exit_code == 1
    assert at.now() == START
