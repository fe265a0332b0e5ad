"""`cellpass operator`: the economic operators that answer for batteries here."""

from typing import Any

import click
import orjson

from passport.commands.words import counted


@click.group(
    "operator",
    short_help="Add and list the economic operators that sign here.",
    epilog='Example: cellpass operator add acme --name "Acme Batteries GmbH"',
)
def command() -> None:
    """Add and list the economic operators that answer for batteries and sign their records."""


@command.command("add", epilog='Example: cellpass operator add acme --name "Acme Batteries GmbH"')
@click.argument("operator", metavar="ID")
@click.option("--name", required=True, help="As registered; it stands on pages and in records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def add(house: Any, operator: str, name: str, *, as_json: bool) -> None:
    """Add an operator; ID is a short name in lower case that stands in addresses for ever.

    While it is the only one, `cellpass import` and `cellpass ingest --create` make batteries for it. Its keys
    are made when the first record is signed. Adding it again changes nothing.
    """
    from passport.ledger import operators

    if not name.strip() or len(name) > 300:
        raise click.UsageError("--name is 1 to 300 characters")
    with house.writing() as connection:
        made = operators.create(connection, operator, name=name.strip(), simulated=False, at=house.now())
        usual = operators.usual(connection)
    did = operators.did(house.settings.public_url, made.id)
    if as_json:
        click.echo(orjson.dumps({"id": made.id, "name": made.name, "did": did, "usual": usual == made.id}))
        return
    click.echo(f"{made.id}  {made.name}  {did}")
    if usual is None:
        click.echo("There are several operators: say --operator when you import.", err=True)


@command.command("list", epilog="Example: cellpass operator list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_(house: Any, *, as_json: bool) -> None:
    """List the operators of this installation, with how many batteries each answers for."""
    from passport.ledger import operators

    with house.reading() as connection:
        found = operators.all_operators(connection)
        rows = connection.exec_driver_sql("SELECT operator, count(*) FROM battery GROUP BY operator")
        counts = {row[0]: row[1] for row in rows}
    for one in found:
        batteries = counts.get(one.id, 0)
        if as_json:
            told = {
                "id": one.id,
                "name": one.name,
                "did": operators.did(house.settings.public_url, one.id),
                "simulated": one.simulated,
                "batteries": batteries,
            }
            click.echo(orjson.dumps(told))
        else:
            mark = "  (simulated)" if one.simulated else ""
            click.echo(f"{one.id}  {one.name}  {counted(batteries, 'battery', 'batteries')}{mark}")
