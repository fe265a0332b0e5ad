"""`cellpass audit`: who read what, for which purpose."""

from typing import Any

import click
import orjson


@click.command(
    "audit",
    short_help="Show the newest entries of the audit.",
    epilog="Example: cellpass audit --battery /01/09521234543213/21/ABC --json",
)
@click.option("--battery", help="Only this battery: URL, identifier path or id.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many, newest first."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def command(house: Any, *, battery: str | None, limit: int, as_json: bool) -> None:
    """Show the newest entries of the audit: key, action, battery, purpose; never an address."""
    from passport.ledger import batteries

    names = ("at", "actor", "action", "battery", "audience", "purpose", "detail")
    with house.reading() as connection:
        scope = batteries.find(connection, battery, house.settings.public_url).id if battery else None
        where, values = ("WHERE battery = ?", (scope, limit)) if scope else ("", (limit,))
        rows = connection.exec_driver_sql(
            f"SELECT {', '.join(names)} FROM audit {where} ORDER BY id DESC LIMIT ?", values
        ).all()
    for row in rows:
        if as_json:
            click.echo(orjson.dumps(dict(zip(names, row, strict=True))))
        else:
            click.echo("  ".join(str(cell) for cell in row if cell))
    if not rows and not as_json:
        click.echo(
            "Nothing is written down yet: reads of the public are not, restricted reads are.", err=True
        )
