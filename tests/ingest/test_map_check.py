"""`cellpass map check` on maps of every kind: all faults at once, in our words."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.commands.map import command
from ingest.errors import MapRefused, ProtocolUnknown
from ingest.protocol import find

DATABASE = """VERSION ""
BU_: V
BO_ 256 Pack: 8 V
 SG_ Volt : 0|16@1+ (0.1,0) [0|0] "V" V
"""
UDS_HEAD = "request,did,at,type,unit,quantity\n"


def check(name: str, *more: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(command, ["check", name, *more])
    return result.exit_code, (result.stdout + result.stderr).splitlines()


@pytest.mark.parametrize("kind", ["json", "csv", "sparkplug"])
def test_every_fault_of_a_map_of_messages_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "map.toml"
    at = "/u" if kind == "json" else "u"
    path.write_text(
        f'colour = "red"\n[[row]]\nat = "{at}"\nquantity = "soc"\norigin = "felt"\n'
        f'[[row]]\nat = "{at}"\nquantity = "voltage"\n'
        f'[[row]]\nat = "{at}"\nquantity = "voltage"\nunit = "A"\nfactor = 2\n'
    )
    code, lines = check(f"{kind}:{path}")
    assert code == 1
    assert [line.removeprefix(f"{path}: ").split(";")[0].split(" from")[0][:24] for line in lines] == [
        "unknown key 'colour'",
        "row 1: quantity: no quan",
        "row 1: origin: expected ",
        "row 3: unknown key 'fact",
        lines[4].removeprefix(f"{path}: ")[:24],
    ]
    assert lines[4].startswith(f"{path}: row 3: unit: ")
    assert "did you mean state_of_charge?" in lines[1]
    wire = json.loads(check(f"{kind}:{path}", "--json")[1][0])
    assert [one["sentence"] for one in wire["wrong"]] == lines
    with pytest.raises(MapRefused, match=r"unknown key 'colour'.*and 4 more; `cellpass map check`"):
        find(f"{kind}:{path}")


@pytest.mark.parametrize("prefix", ["uds:", ""], ids=["with its word", "by its heading"])
def test_every_row_of_a_table_of_identifiers_is_judged(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "car.csv"
    path.write_text(
        UDS_HEAD + "7E4,0101,4,u8,%,soc\n7E4,0101,5,u8,%,state_of_charge\n7FF0,01,4,u8,V,voltage\n"
    )
    code, lines = check(f"{prefix}{path}")
    assert code == 1
    assert [line.removeprefix(f"{path}: ").split(":")[0] for line in lines] == [
        "row 2, column quantity",
        "row 4, column request",
        "row 4, column did",
    ]
    path.write_text(UDS_HEAD + "7E4,0101,5,u8,%,state_of_charge\n")
    assert check(f"{prefix}{path}")[0] == 0


def test_a_database_is_checked_and_a_signal_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack.dbc").write_text(DATABASE)
    path = tmp_path / "map.toml"
    row = 'quantity = "voltage"\n'
    path.write_text(
        f'database = "pack.dbc"\n[[row]]\nsignal = "Volt"\n{row}[[row]]\nsignal = "Vlot"\n{row}'
        f'[[row]]\nsignal = "Cell_{{index}}"\nmessage = "Pack"\nquantity = "cell_voltage"\n'
    )
    code, lines = check(f"dbc:{path}")
    assert code == 1
    assert lines == [
        f"{path}: row 2: signal: no such signal, 'Vlot'",
        f"{path}: row 3: signal: no such signal, 'Cell_{{index}}' in message 'Pack'",
    ]
    path.write_text(f'database = "pack.dbc"\n[[row]]\nsignal = "Volt"\n{row}')
    assert check(f"dbc:{path}")[0] == 0


def test_every_fault_of_a_map_of_signals_is_named(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(
        'database = "pack.dbc"\n[[row]]\nsignal = ""\nquantity = "soc"\n'
        '[[row]]\nsignal = "A"\nquantity = "alarm"\nnegate = 1\n'
    )
    code, lines = check(f"dbc:{path}")
    assert code == 1
    assert [line.removeprefix(f"{path}: ").rsplit(": expected")[0].split(": no")[0] for line in lines] == [
        "row 1: signal",
        "row 1: quantity",
        "row 2: value",
        "row 2: negate",
    ]


def test_a_database_that_is_none_is_told_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "pack.dbc"
    path.write_text(DATABASE.replace("[0|0]", "[0|0"))
    code, lines = check(f"dbc:{path}")
    assert (code, lines) == (
        1,
        [f"{path}: expected a CAN database, came a text that none can be at line 4"],
    )


@pytest.mark.parametrize("kind", ["csv:", "dbc:", "json:", "sparkplug:", "uds:", ""])
def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path, kind: str) -> None:
    code, lines = check(f"{kind}{tmp_path / 'none.csv'}")
    assert code == 2
    assert "none.csv" in lines[0]


def test_a_wrong_protocol_is_told_of_every_kind_of_file() -> None:
    with pytest.raises(ProtocolUnknown, match="sparkplug:FILE, uds:FILE"):
        find("nonsense")
