"""`cellpass correct`: what was wrong is said anew, with a reason."""

from pathlib import Path
from typing import Any

import click


@click.command(
    "correct",
    short_help="Correct declared facts of BATTERY; the next version says why.",
    epilog='Example: cellpass correct A rated_capacity=102 --reason "typing mistake"',
)
@click.argument("battery")
@click.argument("facts", nargs=-1, metavar="FACT=VALUE...")
@click.option("--into", type=click.Path(exists=True, dir_okay=False), help="Facts as a JSON file, too.")
@click.option("--reason", required=True, help="Why, in words; stands in the record, for everybody.")
@click.option("--by", help="Who corrects, in words; default: who answers for the battery.")
@click.option("--incomplete", metavar="REASON", help="Issue although something owed is missing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(
    house: Any,
    *,
    battery: str,
    facts: tuple[str, ...],
    into: str | None,
    reason: str,
    by: str | None,
    incomplete: str | None,
    as_json: bool,
) -> None:
    """Correct FACTs of BATTERY (URL, identifier path or id); what was said before stays in the history."""
    from passport.commands.life import declared_pairs, say
    from passport.ledger import batteries
    from passport.life import corrections

    given = declared_pairs(facts, Path(into) if into else None)
    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    told = corrections.correct(
        house.issuer, found.id, given, reason=reason, now=house.now(), by=by, incomplete=incomplete
    )
    say(house, told, as_json=as_json)
