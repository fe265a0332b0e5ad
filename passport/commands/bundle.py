"""`cellpass bundle`: what somebody needs to verify offline, in one file."""

from pathlib import Path
from typing import Any

import click

from passport.commands.copies import audience_option, output_option, write_down


@click.command(
    "bundle",
    short_help="Write BATTERY's record with its proofs, or all operators' keys.",
    epilog="Example: cellpass bundle -o trust.json, or cellpass bundle /01/09521234543213/21/ABC -o p.json",
)
@click.argument("battery", required=False)
@click.option(
    "--kind",
    type=click.Choice(["passport", "condition", "assessment"]),
    default="passport",
    show_default=True,
    help="Which of the battery's records.",
)
@audience_option("Whose view of the record.")
@output_option()
@click.pass_obj
def command(house: Any, *, battery: str | None, kind: str, audience: str, output: Path | None) -> None:
    """Write the newest record of BATTERY with its proofs; without BATTERY, the keys of all operators.

    The keys of all operators are a trust bundle: `cellpass verify --keys` takes it. Hand it on by a way that
    its reader trusts, apart from the records.
    """
    data = _record(house, battery, kind, audience) if battery else _trust(house)
    if output is None or str(output) == "-":
        click.echo(data, nl=False)
        return
    output.write_bytes(data)
    click.echo(str(output))


def _record(house: Any, argument: str, kind: str, audience: str) -> bytes:
    from passport.errors import NotFound
    from passport.issue import view_of
    from passport.ledger import batteries, versions
    from passport.web import views
    from schemas.terms import Audience, RecordKind

    with house.reading() as connection:
        found = batteries.find(connection, argument, house.settings.public_url)
        version = versions.latest(connection, found.id, RecordKind(kind))
        if version is None:
            raise NotFound(
                f"no {kind} record was issued for {found.identifier} yet; cellpass issue makes one"
            )
        view = view_of(connection, version, Audience(audience))
    write_down(house, Audience(audience), action="read", battery=found.id, detail=f"signed {kind}")
    listed = views.status_list(house.issuer, version, now=house.now())
    with house.reading() as connection:
        return views.bundle(connection, view, status_list=listed)


def _trust(house: Any) -> bytes:
    from passport.ledger import operators
    from passport.signing.keyset import trust_bundle

    with house.reading() as connection:
        return trust_bundle(
            [
                (
                    operators.did(house.settings.public_url, one.id),
                    one.name,
                    operators.jwks(connection, one.id)["keys"],
                    [key.vkey for key in operators.log_keys(connection, one.id)],
                )
                for one in operators.all_operators(connection)
            ]
        )
