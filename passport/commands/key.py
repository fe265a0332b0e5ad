"""`cellpass key`: who may read what, until when."""

from datetime import timedelta
from typing import Any

import click
import orjson


@click.group(
    "key",
    epilog="Example: cellpass key create --audience legitimate_interest --purpose 'recycling' --days 90",
)
def command() -> None:
    """Make, list and revoke API keys."""


@command.command("create", epilog="Example: cellpass key create --audience authority --purpose 'case 12'")
@click.option(
    "--audience",
    type=click.Choice(["legitimate_interest", "authority"]),
    help="Whose view the key opens: Annex XIII points 1, 2 and 4, or points 1, 2 and 3.",
)
@click.option("--device", is_flag=True, help="A device's key instead: it sends telemetry and reads nothing.")
@click.option(
    "--purpose", required=True, help="Why, in words; stands in the audit beside every restricted read."
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Days until it ends."
)
@click.option("--operator", help="Only batteries of this operator.")
@click.option("--battery", help="Only this battery: URL, identifier path or id.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def create(
    house: Any,
    *,
    audience: str | None,
    device: bool,
    purpose: str,
    days: int,
    operator: str | None,
    battery: str | None,
    as_json: bool,
) -> None:
    """Make a key and show it, this once only."""
    from passport import grants
    from passport.ledger import batteries
    from schemas.terms import Audience
    from schemas.values import utc_text

    if device == (audience is not None):
        raise click.UsageError("give either --audience or --device")
    now = house.now()
    with house.writing() as connection:
        scope = batteries.find(connection, battery, house.settings.public_url).id if battery else None
        key = grants.create(
            connection,
            audience=Audience(audience) if audience else None,
            right=grants.Right.INTAKE if device else grants.Right.READ,
            purpose=purpose,
            operator=operator,
            battery=scope,
            now=now,
            expires_at=now + timedelta(days=days),
        )
    handle = key.split("_")[1]
    if as_json:
        ends = utc_text(now + timedelta(days=days))
        click.echo(orjson.dumps({"key": key, "handle": handle, "expires_at": ends}))
        return
    click.echo(key)
    click.echo(
        f"Shown once. Only its digest is kept; speak of it as {handle}. It ends in {days} days.", err=True
    )


@command.command("list", epilog="Example: cellpass key list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_keys(house: Any, *, as_json: bool) -> None:
    """Show all keys; never the keys themselves."""
    from passport import grants
    from schemas.values import utc_text

    with house.reading() as connection:
        rows = grants.keys(connection)
    for row in rows:
        state = row.state(house.now())
        if as_json:
            times = {name: at and utc_text(at) for name, at in vars(row).items() if name.endswith("_at")}
            click.echo(orjson.dumps({**vars(row), **times, "state": state}))
        else:
            scope = row.battery or row.operator or "all batteries"
            who = row.audience or "device"
            click.echo(
                f"{row.handle}  {state:8}  {who:20}  until {row.expires_at:%Y-%m-%d}  {scope}  {row.purpose}"
            )
    if not rows and not as_json:
        click.echo("No keys yet. Make one with: cellpass key create --audience ... --purpose ...", err=True)


@command.command("revoke", epilog="Example: cellpass key revoke ceirceir")
@click.argument("handle")
@click.pass_obj
def revoke(house: Any, handle: str) -> None:
    """End the key HANDLE; its next request is refused."""
    from passport import grants

    with house.writing() as connection:
        grants.revoke(connection, handle, now=house.now())
    click.echo(f"Revoked {handle.split('_')[1] if '_' in handle else handle}.", err=True)
