import json

import pytest
from click.testing import CliRunner

from ingest.commands.decode import _shown, command
from ingest.protocol import Fault, Refused, discover, openers
from ingest.protocols import jbd, pylontech_rs485

CELLS = jbd.encode_reply(jbd.CELLS, b"\x0d\x0b\x00\x00")


def run(*arguments, stdin=None):
    result = CliRunner().invoke(command, [str(one) for one in arguments], input=stdin)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, lines, result.stderr


def test_readings_are_lines_of_json(tmp_path):
    path = tmp_path / "cells.bin"
    path.write_bytes(CELLS)
    status, lines, errors = run("--protocol", "jbd", path)
    assert status == 0
    assert errors == ""
    assert lines[0] == {
        "quantity": "cell_voltage",
        "index": 1,
        "component": None,
        "kind": None,
        "value": "3.339",
        "absence": None,
        "unit": "V",
        "origin": "native",
        "measured_at": None,
        "doubts": [],
    }
    assert (lines[1]["value"], lines[1]["doubts"]) == ("0.000", ["not_fitted"])


def test_a_record_with_a_time_was_measured_then(tmp_path):
    path = tmp_path / "drive.log"
    # A state of charge of 40 % and of health of 99 %, as candump -L writes the frame.
    path.write_text("(1763640000.500000) can0 355#2800630000000000\n")
    _, lines, _ = run("--protocol", "can-victron", path)
    # 1 763 640 000 s after 1970, by date(1).
    assert {line["measured_at"] for line in lines} == {"2025-11-20T12:00:00.500000Z"}
    assert ("state_of_charge", "40") in {(line["quantity"], line["value"]) for line in lines}


def test_people_see_the_beginning_of_refused_bytes_and_programs_all():
    refused = Refused(Fault.NOISE, "noise", bytes(range(40)), 40, 0)
    assert _shown(refused, is_terminal=True)["hex"] == bytes(range(32)).hex() + "..."
    assert _shown(refused, is_terminal=False)["hex"] == bytes(range(40)).hex()


def test_one_good_frame_among_bad_ones_is_enough(tmp_path):
    path = tmp_path / "mixed.bin"
    path.write_bytes(b"\x01\x02" + CELLS[:-1] + b"\x78" + CELLS)
    status, lines, errors = run("--protocol", "jbd", path)
    assert status == 0
    assert len(lines) == 2
    refused = [json.loads(line) for line in errors.splitlines()]
    assert [one["refused"] for one in refused] == ["noise", "delimiter"]
    assert (refused[1]["expected"], refused[1]["came"]) == ("77", "78")


def test_standard_input_is_a_file_too():
    status, lines, _ = run("--protocol", "jbd", "-", stdin=CELLS)
    assert status == 0
    assert len(lines) == 2


def test_a_recording_of_another_protocol_is_told(tmp_path):
    path = tmp_path / "bank.txt"
    path.write_bytes(pylontech_rs485.encode_reply(pylontech_rs485.encode_serial("EX1")))
    status, lines, errors = run("--protocol", "jbd", path)
    assert status == 3
    assert lines == []
    sentence = json.loads(errors.splitlines()[-1])["error"]
    assert "expected at least one answer of jbd" in sentence
    assert "came none (1 noise)" in sentence
    assert sentence.endswith("it holds frames of pylontech-rs485")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"frames": [], "frames": []}', b"[" * 100_000, b"hello"])
def test_what_is_no_recording_ends_with_three_and_a_sentence(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    status, lines, errors = run("--protocol", "jbd", path)
    assert status == 3
    assert lines == []
    assert "expected" in json.loads(errors.splitlines()[-1])["error"]


def test_requests_alone_are_nothing_read(tmp_path):
    path = tmp_path / "requests.bin"
    path.write_bytes(jbd.encode_request(jbd.CELLS))
    status, _, errors = run("--protocol", "jbd", path)
    assert status == 3
    assert "nothing refused" in errors


def test_an_unknown_protocol_is_wrong_use_and_lists_the_known(tmp_path):
    path = tmp_path / "cells.bin"
    path.write_bytes(CELLS)
    status, _, errors = run("--protocol", "jdb", path)
    assert status == 2
    assert f"known: {', '.join([*discover(), *(f'{kind}:FILE' for kind in openers())])}" in errors


def test_help_has_an_example():
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "cellpass decode --protocol jbd recording.json" in result.stdout
