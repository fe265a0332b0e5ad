"""`cellpass map check`: whether a map can be used, and everything that is wrong with it."""

import json
import sys
from pathlib import Path
from typing import Final

import click

_KINDS: Final = ("csv", "dbc", "json", "sparkplug", "uds")
# Columns that only a table of UDS identifiers has.
_OF_UDS: Final = frozenset({"request", "did"})
JUDGED_NEGATIVE: Final = 1
WRONG_USE: Final = 2


@click.group(
    "map", short_help="Check a map of registers or messages.", epilog="Example: cellpass map check pack.csv"
)
def command() -> None:
    """Maps tell what registers, messages or tables hold.

    docs/maps/README.md says how to write one for a Modbus device, docs/protocols/json.md, csv.md and
    sparkplug.md for messages and tables, dbc.md for a CAN database and uds.md for identifiers of a car.
    """


@command.command(
    "check",
    short_help="Name every wrong cell of a map.",
    epilog="\b\nExamples:\n"
    "  cellpass map check pack.csv\n"
    "  cellpass map check 'three-level-ess?P=2000&S=100&cluster=4'\n"
    "  cellpass map check json:cloud.toml",
)
@click.argument("register_map", metavar="MAP")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(register_map: str, *, as_json: bool) -> None:
    """Name every wrong cell of MAP, a file or the name of a map of this package.

    Before the file of another kind stands csv:, dbc:, json:, sparkplug: or uds:, as in --protocol. Symbols
    and counts follow a question mark, as in pack.csv?P=2000&module=16. Exit status: 0 when the map can be
    used, 1 when cells are wrong, 2 when there is no such file. Commands that use a map end with 2 when it is
    wrong.
    """
    from ingest.errors import MapRefused
    from ingest.modbus import blocks_of
    from ingest.protocols.modbus import read_map

    kind, colon, path = register_map.partition(":")
    if colon and kind in _KINDS:
        _check_file(register_map, Path(path), as_json=as_json)
        return
    if _is_of_uds(Path(register_map)):
        _check_file(f"uds:{register_map}", Path(register_map), as_json=as_json)
        return
    try:
        found, wrong = read_map(register_map)
    except MapRefused as refused:
        click.echo(json.dumps({"error": str(refused)}) if as_json else str(refused), err=True)
        sys.exit(WRONG_USE)
    blocks = blocks_of(found.rows) if found else ()
    if as_json:
        document = {
            "usable": found is not None,
            "title": found.title if found else None,
            "registers": len(found.rows) if found else 0,
            "reads": [{"function": one.function, "start": one.start, "count": one.count} for one in blocks],
            "left_out": list(found.left_out) if found else [],
            "unset": list(found.symbols) if found else [],
            "wrong": [
                {"line": one.line, "column": one.column or None, "sentence": one.sentence} for one in wrong
            ],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    elif found:
        click.echo(f"{found.title}: {len(found.rows)} readings in {len(blocks)} reads")
        if found.left_out:
            lines = ", ".join(str(line) for line in found.left_out)
            names = ", ".join(f"?{symbol}=..." for symbol in found.symbols)
            click.echo(f"left out: lines {lines}; set {names}")
    else:
        for one in wrong:
            click.echo(str(one))
    if wrong:
        sys.exit(JUDGED_NEGATIVE)


def _is_of_uds(path: Path) -> bool:
    """Whether the heading of a table names what only UDS has; whatever else is wrong is told later."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            heading = next((line for line in file if line.strip(" ,\n") and not line.startswith("#")), "")
    except (OSError, ValueError):
        return False
    return {cell.strip().lower() for cell in heading.split(",")} >= _OF_UDS


def _check_file(name: str, path: Path, *, as_json: bool) -> None:
    """Maps and tables of all kinds but registers: everything that is wrong."""
    from ingest.errors import MapRefused, ProtocolUnknown
    from ingest.protocol import find

    try:
        protocol = find(name)
    except (MapRefused, ProtocolUnknown) as refused:
        is_there = path.is_file()
        sentences = refused.sentences if isinstance(refused, MapRefused) else (str(refused),)
        if as_json:
            wrong = [{"line": None, "column": None, "sentence": one} for one in sentences]
            told = {"usable": False, "wrong": wrong} if is_there else {"error": str(refused)}
            click.echo(json.dumps(told, ensure_ascii=False), err=not is_there)
        else:
            click.echo("\n".join(sentences), err=not is_there)
        sys.exit(JUDGED_NEGATIVE if is_there else WRONG_USE)
    if as_json:
        click.echo(json.dumps({"usable": True, "title": protocol.title, "wrong": []}, ensure_ascii=False))
    else:
        click.echo(f"{protocol.title}: can be used")
