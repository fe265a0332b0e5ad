"""`cellpass history`: the whole life of a battery, as one list."""

from itertools import groupby
from typing import Any

import click
import orjson


@click.command(
    "history",
    short_help="Tell all that happened to BATTERY and its records.",
    epilog="Example: cellpass history /01/09520123456788/21/ABC --json",
)
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per entry.")
@click.pass_obj
def command(house: Any, *, battery: str, as_json: bool) -> None:
    """Tell what was declared, issued, corrected, handed over and done to BATTERY, oldest first."""
    from passport.grants import audit_administrator
    from passport.ledger import batteries, life
    from passport.life.history import history

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        entries = history(connection, found)
        standing = life.standing_of(connection, found)
    with house.writing() as connection:
        audit_administrator(connection, action="read", now=house.now(), battery=found.id, detail="history")
    if as_json:
        for entry in entries:
            click.echo(orjson.dumps(entry.to_wire()))
        return
    click.echo(f"{found.identifier}  {standing}{'  [simulated]' if found.simulated else ''}")
    for day, those in groupby(entries, key=lambda entry: entry.at.date()):
        click.echo(f"\n{day.isoformat()}")
        for entry in those:
            who = f"  ({entry.by})" if entry.by else ""
            click.echo(f"  {entry.at:%H:%M}  {entry.title}{': ' if entry.words else ''}{entry.words}{who}")
