"""`cellpass issue`: a new signed version where something has changed."""

import sys
from typing import Any, Final

import click

from passport.errors import Conflict

ALL: Final = "all"
NOT_COMPLIANT: Final = 1


@click.command(
    "issue",
    epilog='Example: cellpass issue --all --incomplete "tests of the pilot series are under way"',
)
@click.argument("battery", required=False)
@click.option("--all", "every", is_flag=True, help="Every battery of this installation.")
@click.option(
    "--kind",
    type=click.Choice(["passport", "condition", "assessment", ALL]),
    default="passport",
    show_default=True,
    help="Which record.",
)
@click.option(
    "--incomplete",
    metavar="REASON",
    help="Issue although something owed is missing; the reason is written into the record.",
)
@click.option("--force", is_flag=True, help="Issue a new version although nothing has changed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per record.")
@click.pass_obj
def command(
    house: Any,
    battery: str | None,
    every: bool,
    kind: str,
    incomplete: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Issue BATTERY's record (URL, identifier path or id), or every battery's.

    What is owed and missing keeps the gate shut; all of it is said at once. Exit status 1 when a gate stayed
    shut.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from passport.ledger import batteries
    from schemas.terms import RecordKind

    if every == (battery is not None):
        raise click.UsageError("name one BATTERY, or --all")
    if incomplete is not None and not incomplete.strip():
        raise click.UsageError("--incomplete needs a reason in words")
    with house.reading() as connection:
        found = (
            batteries.every(connection)
            if battery is None
            else [batteries.find(connection, battery, house.settings.public_url)]
        )
    kinds = list(RecordKind) if kind == ALL else [RecordKind(kind)]
    outcomes: list[dict[str, Any]] = []
    console = Console(stderr=True)
    columns = (TextColumn("issuing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=len(found) < 2) as bar:
        task = bar.add_task("issuing", total=len(found) * len(kinds))
        for one in found:
            for what in kinds:
                outcomes.append(_one(house, one, what, incomplete=incomplete, force=force))
                _say(outcomes[-1], as_json=as_json)
                bar.advance(task)
    if any(outcome["outcome"] == "refused" for outcome in outcomes):
        sys.exit(NOT_COMPLIANT)


def _one(house: Any, battery: Any, kind: Any, *, incomplete: str | None, force: bool) -> dict[str, Any]:
    """Issue one record; what came of it, ready for JSON."""
    from passport.issue import RecordGateClosed
    from schemas.values import utc_text

    said: dict[str, Any] = {"battery": battery.id, "identifier": battery.identifier, "kind": kind.value}
    now = house.now()
    try:
        version = house.issuer.issue(battery.id, kind, now=now, incomplete=incomplete, force=force)
    except RecordGateClosed as error:
        findings = [finding.to_wire() for finding in error.findings]
        return {**said, "outcome": "refused", "reason": str(error), "findings": findings}
    except Conflict as error:
        return {**said, "outcome": "refused", "reason": str(error), "findings": []}
    return {
        **said,
        "outcome": "issued" if version.issued_at == now else "unchanged",
        "version": version.version,
        "record": house.issuer.record_url(version.record_id),
        "sha256": version.sha256,
        "issued_at": utc_text(version.issued_at),
        "incomplete": version.incomplete,
    }


def _say(outcome: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(outcome))
    elif outcome["outcome"] == "refused":
        click.echo(outcome["reason"], err=True)
    else:
        words = f"{outcome['identifier']}  {outcome['kind']} {outcome['version']}  {outcome['outcome']}"
        reason = f"  ({outcome['incomplete']})" if outcome["incomplete"] else ""
        click.echo(f"{words}  {outcome['record']}{reason}")
