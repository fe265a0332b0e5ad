"""`cellpass commission`: which device speaks for which battery, from when to when, and who signed that."""

from typing import Any, Final

import click
import orjson

NOT_WELL: Final = 1


@click.group(
    "commission",
    short_help="Bind devices to batteries, and sign who spoke for what.",
    epilog="Example: cellpass commission bind BATTERY --source bms-7 --serial 2027-00131",
)
def command() -> None:
    """Bind devices to batteries for a time, by their ids and serial numbers and never by a bus address."""


@command.command(
    "bind", epilog="Example: cellpass commission bind BATTERY --source bank --component module/2"
)
@click.argument("battery")
@click.option("--source", required=True, help="The id given to the device.")
@click.option("--component", help="Which part of what it speaks of, such as module/2.")
@click.option("--node", metavar="PART", help="The part of the tree that it sits on.")
@click.option("--serial", help="The device's own number.")
@click.option("--address", help="Where it is on its bus; an observation.")
@click.pass_obj
def bind(
    house: Any,
    battery: str,
    *,
    source: str,
    component: str | None,
    node: str | None,
    serial: str | None,
    address: str | None,
) -> None:
    """From now on SOURCE speaks for BATTERY; signed at once."""
    from passport.ledger import batteries, components

    with house.writing() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        if node is not None:
            _check_node(connection, components, node, found.id)
        batteries.bind(
            connection,
            battery=found.id,
            source=source,
            component=component,
            at=house.now(),
            node=node,
            serial=serial,
            address=address,
        )
    house.sign_commissionings()
    click.echo(f"{source}{' ' + component if component else ''} speaks for {found.identifier}")


def _check_node(connection: Any, components: Any, node: str, battery: str) -> None:
    """Nothing, when the part is the battery or lies in it.

    Raises:
        Conflict: it does not.
    """
    from passport.errors import Conflict

    part = components.get(connection, node)
    around = [part, *components.ancestors(connection, node)]
    if all(one.battery != battery for one in around):
        raise Conflict(
            f"{part.name} does not lie in that battery; `cellpass component tree` shows where it is"
        )


@command.command("release", epilog="Example: cellpass commission release --source bms-7")
@click.option("--source", required=True, help="The id given to the device.")
@click.option("--component", help="Which part of what it speaks of.")
@click.pass_obj
def release(house: Any, *, source: str, component: str | None) -> None:
    """From now on SOURCE speaks for no battery; what it said until now stays where it is."""
    from passport.errors import NotFound
    from passport.ledger import batteries

    with house.writing() as connection:
        if (component or None) not in batteries.bound(connection, source):
            raise NotFound(f"source {source!r} is bound to no battery{' there' if component else ''}")
        batteries.release(connection, source=source, component=component, at=house.now())
    house.sign_commissionings()
    click.echo(f"{source} is released")


@command.command("list", epilog="Example: cellpass commission list BATTERY --json")
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per binding.")
@click.pass_obj
def list_(house: Any, battery: str, *, as_json: bool) -> None:
    """Show every binding of BATTERY, past ones too, and whether its signatures hold.

    Exit status 1 when one is missing or does not.
    """
    from passport import commissioning
    from passport.ledger import batteries
    from schemas.values import utc_text

    wrong = 0
    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        for one in commissioning.of_battery(connection, found.id):
            verdicts = commissioning.verify(connection, one, public_url=house.settings.public_url)
            wrong += sum(sentence is not None for _, sentence in verdicts)
            told = {
                "source": one.source,
                "component": one.component,
                "serial": one.serial,
                "node": one.node,
                "address": one.address,
                "from": utc_text(one.since),
                "to": utc_text(one.until) if one.until else None,
                "signed": {act: sentence is None for act, sentence in verdicts},
            }
            if as_json:
                statements = {act: token.decode() for act, token in one.statements.items()}
                click.echo(orjson.dumps(told | {"statements": statements}))
            else:
                click.echo(_line(told, verdicts))
    if wrong:
        raise SystemExit(NOT_WELL)


def _line(told: dict[str, Any], verdicts: Any) -> str:
    part = f" {told['component']}" if told["component"] else ""
    serial = f", serial {told['serial']}" if told["serial"] else ""
    signed = "; ".join(f"{act}: {'signed' if sentence is None else sentence}" for act, sentence in verdicts)
    return f"{told['source']}{part}{serial}  {told['from']} to {told['to'] or 'now'}  {signed}"
