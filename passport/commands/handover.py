"""`cellpass handover`: responsibility for a battery goes to another operator by a two-sided act."""

from datetime import timedelta
from typing import Any

import click
import orjson


@click.group(
    "handover",
    short_help="Hand responsibility for a battery to another operator.",
    epilog="Example: cellpass handover offer A --to second-life --role repurposer",
)
def command() -> None:
    """Hand over responsibility: one operator offers, the other accepts, both sign (Art. 77(4), (7))."""


@command.command(
    "offer", epilog="Example: cellpass handover offer A --to works --role waste_management_operator"
)
@click.argument("battery")
@click.option("--to", required=True, metavar="OPERATOR", help="Who may accept it.")
@click.option("--role", required=True, help="What that operator will be: a word of `operator_role`.")
@click.option(
    "--days", type=click.IntRange(1, 365), default=14, show_default=True, help="How long the offer stands."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def offer(house: Any, *, battery: str, to: str, role: str, days: int, as_json: bool) -> None:
    """Offer responsibility for BATTERY; its operator signs."""
    from passport.ledger import batteries
    from passport.life import handover

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    made = handover.offer(
        house.issuer, found.id, to=to, role=role, now=house.now(), term=timedelta(days=days)
    )
    _say(made, house.now(), as_json=as_json)
    if not as_json:
        click.echo(f"{to} accepts it with: cellpass handover accept {made.id[:12]} --by {to}", err=True)


@command.command("accept", epilog="Example: cellpass handover accept 3f2a9c11 --by works")
@click.argument("offer_id", metavar="OFFER")
@click.option("--by", required=True, metavar="OPERATOR", help="Who accepts; the one it was offered to.")
@click.option("--as", "words", metavar="FACT=VALUE,...", help="What the new operator says of itself.")
@click.option("--into", type=click.Path(exists=True, dir_okay=False), help="The same as a JSON file.")
@click.option("--incomplete", metavar="REASON", help="Issue although something owed is missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def accept(
    house: Any,
    *,
    offer_id: str,
    by: str,
    words: str | None,
    into: str | None,
    incomplete: str | None,
    as_json: bool,
) -> None:
    """Accept OFFER (its id, or the first characters): the operator signs, and answers from now on.

    What was said of the operator before holds no more; --into takes a file such as
    {"operator_identifier": "...", "operator_address": {"town": "Gent", "country": "BE"}}.
    """
    from pathlib import Path

    from passport.commands.life import declared, say
    from passport.issue import RecordGateClosed
    from passport.life import handover

    facts = declared(words, Path(into) if into else None)
    try:
        told = handover.accept(
            house.issuer, offer_id, by=by, now=house.now(), facts=facts, incomplete=incomplete
        )
    except RecordGateClosed as closed:
        if any(finding.attribute.startswith("operator_") for finding in closed.findings):
            click.echo(f"{by} says of itself what is owed of it, with --as or --into FILE:", err=True)
        raise
    say(house, told, as_json=as_json)


@command.command("withdraw", epilog="Example: cellpass handover withdraw 3f2a9c11")
@click.argument("offer_id", metavar="OFFER")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def withdraw(house: Any, *, offer_id: str, as_json: bool) -> None:
    """Withdraw OFFER; the operator who made it signs."""
    from passport.life import handover

    _say(handover.withdraw(house.issuer, offer_id, now=house.now()), house.now(), as_json=as_json)


@command.command("list", epilog="Example: cellpass handover list --battery A --json")
@click.option("--battery", help="Only this battery's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per offer, signed statements inside.")
@click.pass_obj
def list_(house: Any, *, battery: str | None, as_json: bool) -> None:
    """List offers and what became of them."""
    from passport.ledger import batteries, handovers

    with house.reading() as connection:
        one = batteries.find(connection, battery, house.settings.public_url).id if battery else None
        found = handovers.every(connection, one)
    for made in found:
        _say(made, house.now(), as_json=as_json)
    if not found and not as_json:
        click.echo("Nothing was offered yet.", err=True)


def _say(made: Any, now: Any, *, as_json: bool) -> None:
    from schemas.values import utc_text

    if not as_json:
        click.echo(
            f"{made.id[:12]}  {made.state(now):9}  {made.battery}  {made.giver} to {made.taker}"
            f" as {made.role}, until {made.expires_at:%Y-%m-%d}"
        )
        return
    told = {
        "id": made.id,
        "state": made.state(now),
        "battery": made.battery,
        "from": made.giver,
        "to": made.taker,
        "role": made.role,
        "expires_at": utc_text(made.expires_at),
        "offer": made.offer.decode(),
        "acceptance": made.acceptance.decode() if made.acceptance else None,
        "withdrawal": made.withdrawal.decode() if made.withdrawal else None,
    }
    click.echo(orjson.dumps(told))
