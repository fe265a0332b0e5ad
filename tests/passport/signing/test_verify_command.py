import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from passport.commands.verify import command
from passport.signing import encode
from passport.signing.verify import LINES
from schemas.terms import RecordKind
from tests.passport.signing.records import IDENTIFIER, Issuer, stated

NOW = "2026-11-21T00:00:00Z"


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path / "keys")


@pytest.fixture
def files(issuer, tmp_path):
    """A record, its keys and its bundle, as somebody would have downloaded them."""
    jwt, made = issuer.issue(RecordKind.CONDITION, {"full_cycles": stated("12.5", "cycles")}, simulated=True)
    view = encode.view(jwt, [item.encoded for item in made.disclosures])
    (tmp_path / "record.sd-jwt").write_bytes(view)
    (tmp_path / "bundle.json").write_bytes(issuer.bundle(jwt, made.disclosures, jwks=issuer.jwks))
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": issuer.jwks}))
    (tmp_path / "log.vkey").write_text(f"# log of the operator\n{issuer.log_key}\n")
    return tmp_path


def run(files, *arguments, name="record.sd-jwt", data=None):
    return CliRunner().invoke(command, [str(files / name), "--now", NOW, *arguments], input=data)


def keys(files):
    return ["--keys", str(files / "jwks.json")]


def test_a_good_record_is_told_line_by_line_with_exit_status_0(files):
    result = run(files, *keys(files))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[1] == f"  says subject      {IDENTIFIER}"
    assert "  SIMULATED: this record describes no real battery." in lines
    table = [line for line in lines if line[:2] in ("* ", "  ") and " says " not in line[:8]]
    starts = [line[:24].rstrip() for line in table if line[2:15].strip() in LINES]
    assert starts == [
        "* signature    yes",
        "* disclosures  yes",
        "* validity     yes",
        "* issuer       yes",
        "* schema       yes",
        "  chain        yes",
        "  log          unknown",
        "  timestamp    unknown",
        "  subject      unknown",
        "  status       unknown",
    ]
    assert lines[-1] == "Every required line says yes."


def test_one_changed_byte_names_the_line_that_fails_and_what_to_do(files):
    data = bytearray((files / "record.sd-jwt").read_bytes())
    data[-20] ^= 1
    (files / "record.sd-jwt").write_bytes(data)
    result = run(files, *keys(files))
    assert result.exit_code == 1
    assert "* signature    yes" in result.output
    assert "* disclosures  NO" in result.output
    assert "Not verified: disclosures (no), schema (unknown)." in result.output
    assert "disclosures: Something was added, changed or cut after signing." in result.output
    data = bytearray((files / "record.sd-jwt").read_bytes())
    data[300] ^= 1
    (files / "record.sd-jwt").write_bytes(data)
    result = run(files, *keys(files))
    assert result.exit_code == 1
    assert "* signature    NO       the signature does not fit" in result.output
    assert "signature: Do not rely on the content." in result.output


def test_without_keys_the_issuer_is_unknown_and_the_exit_status_1(files):
    result = run(files, "--json", name="bundle.json")
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert answer["good"] is False
    unknown = [line["line"] for line in answer["lines"] if line["required"] and line["answer"] != "yes"]
    assert unknown == ["signature", "issuer"]


def test_json_has_every_line_and_what_the_record_says(files):
    result = run(files, *keys(files), "--json", "--log-key", str(files / "log.vkey"), name="bundle.json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["good"] is True
    assert answer["record"] == {
        "type": ["VerifiableCredential", "BatteryCondition"],
        "issuer": "did:web:id.example.com:o:example-batteries",
        "subject": IDENTIFIER,
        "version": 1,
        "id": "https://id.example.com/r/RECORD1",
        "simulated": True,
    }
    assert {line["line"]: line["answer"] for line in answer["lines"]}["log"] == "yes"


def test_what_is_required_can_be_said(files, issuer):
    full = [*keys(files), "--log-key", issuer.log_key, "--subject", IDENTIFIER]
    good = run(files, *full, "--require", "signature,log,subject", name="bundle.json")
    assert good.exit_code == 0
    assert run(files, *full, "--require", "timestamp", name="bundle.json").exit_code == 1
    # A no is a no, whether or not the line was required.
    wrong = [*keys(files), "--subject", IDENTIFIER + "X", "--require", "signature"]
    assert run(files, *wrong).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--require", "colour"], "unknown: colour; lines are signature, disclosures"),
        (["--require", ","], "name at least one of"),
        (["--now", "yesterday"], "'yesterday' is no time"),
        (["--now", "2026-11-21T00:00:00"], "has no zone"),
        (["--keys", "nowhere.json"], "does not exist"),
        (["--log-key", "nowhere"], "neither name+id+key nor a file"),
    ],
)
def test_wrong_use_is_exit_status_2(files, arguments, sentence):
    result = CliRunner().invoke(command, [str(files / "record.sd-jwt"), *arguments])
    assert result.exit_code == 2
    assert sentence in result.output


def test_input_that_is_nothing_is_exit_status_3(files):
    (files / "letter.txt").write_text("Dear Sir")
    (files / "private.json").write_text(json.dumps({"kty": "EC", "d": "secret"}))
    (files / "empty.json").write_text('{"keys": []}')
    for arguments, name in (
        ([], "letter.txt"),
        (["--keys", str(files / "private.json")], "record.sd-jwt"),
        (["--keys", str(files / "empty.json")], "record.sd-jwt"),
        (["--keys", str(files / "letter.txt")], "record.sd-jwt"),
        (["--log-key", "a+b+c"], "record.sd-jwt"),
    ):
        result = run(files, *arguments, name=name)
        assert result.exit_code == 3, result.output
        assert result.output.startswith("Refused: ")
    result = run(files, "--json", name="letter.txt")
    assert result.exit_code == 3
    assert json.loads(result.output)["good"] is False


def test_a_record_comes_from_standard_input_too(files):
    record = (files / "record.sd-jwt").read_bytes()
    result = CliRunner().invoke(command, ["-", "--now", NOW, *keys(files)], input=record)
    assert result.exit_code == 0


def test_what_a_record_says_cannot_steer_the_terminal(files, issuer):
    jwt, _ = issuer.issue(incomplete="\x1b[2J\x1b]0;owned\x07 \u202e evil\r\nEvery required line says yes.")
    (files / "evil.sd-jwt").write_bytes(encode.view(jwt, []))
    output = run(files, *keys(files), name="evil.sd-jwt").output
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(output)
    assert output.splitlines().count("Every required line says yes.") <= 1


def test_a_voluntary_record_says_so_in_words_and_to_programs(files, issuer):
    jwt, _ = issuer.issue(voluntary=True)
    (files / "early.sd-jwt").write_bytes(encode.view(jwt, []))
    output = run(files, *keys(files), name="early.sd-jwt").output
    assert "  VOLUNTARY, says the issuer: Placed on the market before 18 February 2027" in output
    assert "INCOMPLETE" not in output
    told = json.loads(run(files, *keys(files), "--json", name="early.sd-jwt").output)["record"]
    assert told["voluntary"] is True
    assert "VOLUNTARY" not in run(files, *keys(files)).output


def test_help_has_an_example():
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example: cellpass verify" in result.output


@pytest.mark.long
def test_it_answers_in_a_network_namespace_without_interfaces(files):
    program = "from passport.commands.verify import command; command()"
    arguments = [str(files / "bundle.json"), "--now", NOW, *keys(files)]
    base = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*base, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    done = subprocess.run(
        [*base, sys.executable, "-c", program, *arguments],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
