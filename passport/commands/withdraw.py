"""`cellpass withdraw`: a record that should not have been issued is withdrawn."""

from typing import Any

import click
import orjson


@click.command(
    "withdraw",
    short_help="Withdraw RECORD, which was issued in error.",
    epilog='Example: cellpass withdraw ABCDEFGHIJKLMNOP --reason "issued for another battery"',
)
@click.argument("record")
@click.option("--reason", required=True, help="Why, in words; stands on the page, for everybody.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(house: Any, *, record: str, reason: str, as_json: bool) -> None:
    """Withdraw RECORD (its id or address): page and status list say so; it stays in log and history.

    A record that a newer one replaces is not withdrawn for that: superseding is not withdrawing.
    """
    from passport.life import corrections
    from schemas.values import utc_text

    now = house.now()
    version = corrections.withdraw(house.issuer, record, reason=reason, now=now)
    told = {
        "record": version.record_id,
        "battery": version.battery,
        "kind": version.kind.value,
        "version": version.version,
        "withdrawn_at": utc_text(now),
    }
    if as_json:
        click.echo(orjson.dumps(told))
        return
    click.echo(f"{version.battery}  {version.kind.value} {version.version} withdrawn")
    click.echo("The next version is issued with `cellpass issue --force`.", err=True)
