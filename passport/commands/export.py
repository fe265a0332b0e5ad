"""`cellpass export`: one battery in somebody else's format, with what is lost on the way."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from passport.commands.copies import audience_option, output_option, write_down
from passport.exports import available

DASH: Final = "-"


@click.command(
    "export",
    short_help="Write BATTERY in another format, and say what is lost in it.",
    epilog="Example: cellpass export /01/09521234543213/21/ABC --format en18223 -o passport.json",
)
@click.argument("battery")
@click.option("--format", "name", required=True, metavar="FORMAT", help=f"One of {', '.join(available())}.")
@audience_option("Within whose rights; a restricted copy is written into the audit.")
@output_option("File to write (default: standard output).")
@click.option(
    "--losses",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where the loss report goes; - is standard output (default: beside messages, on standard error).",
)
@click.option(
    "--json", "as_json", is_flag=True, help="The loss report as JSON; it then goes to standard output."
)
@click.pass_obj
def command(
    house: Any,
    *,
    battery: str,
    name: str,
    audience: str,
    output: Path | None,
    losses: Path | None,
    as_json: bool,
) -> None:
    """Write the newest signed passport of BATTERY (URL, identifier path or id) as FORMAT spells it.

    What FORMAT cannot hold, rounds, respells or makes up is reported, attribute by attribute. Losses are no
    failure: the exit status is 0.
    """
    from passport import exports
    from passport.exporting import subject_of
    from passport.exports import report
    from passport.ledger import batteries
    from schemas.terms import Audience

    to_output = output is None or str(output) == DASH
    losses_to_output = str(losses) == DASH if losses is not None else as_json
    if to_output and losses_to_output:
        raise click.UsageError("document and loss report would be mixed: name a file with -o or --losses")
    form = exports.format_of(name)
    seen_by = Audience(audience)
    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        subject = subject_of(connection, found, seen_by, public_url=house.settings.public_url)
    exported = form.export(subject)
    if to_output and sys.stdout.isatty() and not _is_text(exported.data):
        raise click.UsageError(f"{form.TITLE} is not for a terminal: name a file with -o")
    write_down(house, seen_by, action="read", battery=found.id, detail=f"export {name}")
    if to_output:
        click.echo(exported.data, nl=False)
    else:
        assert output is not None
        output.write_bytes(exported.data)
    if as_json:
        told = _as_json(name, None if to_output else str(output), exported.losses)
    else:
        told = f"{form.TITLE}: {report.summary(subject, exported.losses)}\n{report.in_words(exported.losses)}"
        if not to_output and not losses_to_output:
            click.echo(str(output))
    if losses_to_output:
        click.echo(told, nl=False)
    elif losses is None:
        click.echo(told, nl=False, err=True)
    else:
        losses.write_text(told, encoding="utf-8")


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


def _as_json(name: str, file: str | None, losses: Any) -> str:
    import orjson

    told = {"format": name, "file": file, "losses": [loss.to_wire() for loss in losses]}
    return orjson.dumps(told).decode() + "\n"
