"""`cellpass search`: the recyclers' question, from the command line."""

from typing import Any

import click
import orjson

from passport.commands.copies import audience_option, write_down
from schemas.terms import Audience


@click.command(
    "search",
    epilog="Example: cellpass search chemistry=LFP rated_energy_min=2 --order -full_cycles",
)
@click.argument("filters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--order", help="Field to sort by; a minus before it turns the order round.")
@click.option("--limit", type=click.IntRange(1, 200), default=30, show_default=True, help="Rows of one page.")
@click.option("--cursor", help="Where the last page ended.")
@audience_option(
    "Within whose rights to ask; the administrator's own machine may choose.", Audience.LEGITIMATE_INTEREST
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per battery and line.")
@click.pass_obj
def command(
    house: Any,
    *,
    filters: tuple[str, ...],
    order: str | None,
    limit: int,
    cursor: str | None,
    audience: str,
    as_json: bool,
) -> None:
    """Find batteries by what is known of them. Without filters: all, by rated energy."""
    from passport import grants, search

    pairs = []
    for one in filters:
        name, sign, value = one.partition("=")
        if not sign:
            raise click.UsageError(
                f"expected NAME=VALUE, got {one!r}; names: {', '.join(search.parameters())}"
            )
        pairs.append((name, value))
    given = (("order", order), ("limit", str(limit)), ("cursor", cursor))
    pairs += [(name, value) for name, value in given if value is not None]
    with house.reading() as connection:
        question = search.parse(pairs)
        page = search.query(
            connection, question, grants.Principal(Audience(audience)), today=house.now().date()
        )
    write_down(house, Audience(audience), action="search", detail=search.told(question, len(page.rows)))
    for row in page.rows:
        if as_json:
            click.echo(orjson.dumps(search.wire(row, house.settings.public_url)))
        else:
            known = [f"{name} {value}" for name, value in row.values.items() if value is not None]
            mark = "  (simulated)" if row.simulated else ""
            click.echo(f"{row.passport_id}  {', '.join(known)}{mark}")
    if page.cursor is not None:
        click.echo(f"More: --cursor {page.cursor}", err=True)
    elif not page.rows:
        click.echo("No battery fits.", err=True)
