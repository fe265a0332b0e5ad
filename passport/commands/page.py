"""`cellpass page`: the page of one battery as a file."""

from pathlib import Path
from typing import Any

import click

from passport.commands.copies import audience_option, output_option, write_down


@click.command(
    "page",
    short_help="Write the passport page of BATTERY as one HTML file.",
    epilog="Example: cellpass page /01/09521234543213/21/ABC -o passport.html",
)
@click.argument("battery")
@audience_option("Whose page it is; other pages than the public one say so.")
@output_option()
@click.pass_obj
def command(house: Any, *, battery: str, audience: str, output: Path | None) -> None:
    """Write the passport page of BATTERY (URL, identifier path or id) as one HTML file without script."""
    from passport.documents import page
    from passport.ledger import batteries
    from passport.web.public import load
    from schemas.terms import Audience

    public_url = house.settings.public_url
    with house.reading() as connection:
        found = batteries.find(connection, battery, public_url)
        made = load(connection, found, public_url, Audience(audience))
    write_down(house, Audience(audience), action="read", battery=found.id, detail="page")
    html = page.render(page.context(made))
    if output is None or str(output) == "-":
        click.echo(html, nl=False)
        return
    output.write_text(html, encoding="utf-8")
    click.echo(str(output))
