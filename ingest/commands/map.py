"""`cellpass map check`: whether a map of registers can be used, and everything that is wrong with it."""

import json
import sys
from typing import Final

import click

JUDGED_NEGATIVE: Final = 1
INPUT_REFUSED: Final = 3


@click.group("map", short_help="Check a map of registers.", epilog="Example: cellpass map check pack.csv")
def command() -> None:
    """Maps tell the registers of a Modbus device; docs/maps/README.md says how to write one."""


@command.command(
    "check",
    short_help="Name every wrong cell of a map.",
    epilog="\b\nExamples:\n"
    "  cellpass map check pack.csv\n"
    "  cellpass map check 'three-level-ess?P=2000&S=100&cluster=4'",
)
@click.argument("register_map", metavar="MAP")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def check(register_map: str, *, as_json: bool) -> None:
    """Name every wrong cell of MAP, a file or the name of a map of this package.

    Symbols and counts follow a question mark, as in pack.csv?P=2000&module=16. Exit status: 0 when the map
    can be used, 1 when cells are wrong, 3 when there is no such file.
    """
    from ingest.errors import MapRefused
    from ingest.modbus import blocks_of
    from ingest.protocols.modbus import read_map

    try:
        found, wrong = read_map(register_map)
    except MapRefused as refused:
        click.echo(json.dumps({"error": str(refused)}) if as_json else str(refused), err=True)
        sys.exit(INPUT_REFUSED)
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
