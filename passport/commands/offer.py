"""`cellpass offer`: a battery is offered for sale by the operator that answers for it."""

from typing import Any

import click
import orjson


@click.command(
    "offer",
    short_help="Offer BATTERY for sale, or end the offer.",
    epilog="Example: cellpass offer /01/09521234543213/21/A1 --price 900 --contact sales@example.org",
)
@click.argument("battery")
@click.option("--price", help="Euro for the whole battery.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day of the offer (default: in 90 days).",
)
@click.option("--contact", help="Web or mail address (default: what the passport says of the operator).")
@click.option("--withdraw", is_flag=True, help="End the offer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(
    house: Any,
    *,
    battery: str,
    price: str | None,
    until: Any,
    contact: str | None,
    withdraw: bool,
    as_json: bool,
) -> None:
    """Offer BATTERY for sale: readers with a legitimate interest see since when, price and contact.

    The offer stands in the search alone; it is in no signed record. Whoever runs this speaks for the operator
    that answers for the battery.
    """
    from passport.grants import audit_administrator
    from passport.ledger import batteries
    from passport.search import offers

    if withdraw and (price is not None or until is not None or contact is not None):
        raise click.UsageError("--withdraw takes no price, day or contact")
    now = house.now()
    with house.writing() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        if withdraw:
            offers.withdraw(connection, found, now=now)
            told: dict[str, str | None] = {}
        else:
            last = until.date() if until is not None else None
            made = offers.put(connection, found, price=price, until=last, contact=contact, now=now)
            told = made.to_wire()
        words = (
            "withdrawn" if withdraw else ", ".join(f"{name} {value}" for name, value in told.items() if value)
        )
        audit_administrator(
            connection, action="offer", now=now, battery=found.id, detail=f"by {found.operator}: {words}"
        )
    if as_json:
        click.echo(orjson.dumps({"battery": found.id, "operator": found.operator, "offer": told or None}))
    else:
        click.echo(f"{found.id}  {found.operator}  offer {words}")
