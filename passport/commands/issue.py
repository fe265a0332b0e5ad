"""`cellpass issue`: a new signed version where something has changed."""

import sys
from typing import Any, Final

import click

from passport.errors import Conflict, PassportError

ALL: Final = "all"
NOT_COMPLIANT: Final = 1


@click.command(
    "issue",
    short_help="Issue signed records of BATTERY, or of every battery.",
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

    from passport.ledger import batteries, fixed
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
        waiting = set(batteries.dirty(connection, limit=1_000_000))
        first = fixed.public_url(connection) is None
    kinds = list(RecordKind) if kind == ALL else [RecordKind(kind)]
    if kind != RecordKind.PASSPORT:
        for one in found:
            if one.id in waiting:  # a condition is of the newest readings
                house.refresh(one.id)
    if first:
        _warn_of_address(house)
    refused = whole = 0
    console = Console(stderr=True)
    columns = (TextColumn("issuing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    by_id = {one.id: one for one in found}
    now = house.now()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("issuing", total=len(found) * len(kinds))
        for what in kinds:
            road = house.issuer.issue_many(by_id, what, now=now, incomplete=incomplete, force=force)
            for battery_id, outcome in road:
                told = _told(house, by_id[battery_id], what, outcome, now)
                refused += told["outcome"] == "refused"
                whole += told["outcome"] != "refused" and told["incomplete"] is None
                _say(told, as_json=as_json, in_full=battery is not None)
                bar.advance(task)
    if incomplete is not None and whole:
        click.echo(f"The reason is not written where nothing owed is missing: {whole} of these.", err=True)
    if refused:
        sys.exit(NOT_COMPLIANT)


def _warn_of_address(house: Any) -> None:
    """The first record decides the address for ever: whoever has not chosen one is told."""
    settings = house.settings
    if settings.leads_to_this_machine_only:
        click.echo(
            f"These records name {settings.public_url}, which leads to this machine only; that cannot be"
            " changed later. For batteries on sale begin with an empty data folder and write public_url"
            f" into {house.data_dir}/cellpass.toml first.",
            err=True,
        )


def _told(house: Any, battery: Any, kind: Any, outcome: Any, now: Any) -> dict[str, Any]:
    """What came of one record, ready for JSON. What nobody can answer for by facts is raised."""
    from passport.issue import RecordGateClosed
    from schemas.values import utc_text

    said: dict[str, Any] = {"battery": battery.id, "identifier": battery.identifier, "kind": kind.value}
    if isinstance(outcome, RecordGateClosed):
        findings = [finding.to_wire() for finding in outcome.findings]
        return {**said, "outcome": "refused", "reason": str(outcome), "findings": findings}
    if isinstance(outcome, Conflict):
        return {**said, "outcome": "refused", "reason": str(outcome), "findings": []}
    if isinstance(outcome, PassportError):
        raise outcome
    return {
        **said,
        "outcome": "issued" if outcome.issued_at == now else "unchanged",
        "version": outcome.version,
        "record": house.issuer.record_url(outcome.record_id),
        "sha256": outcome.sha256,
        "issued_at": utc_text(outcome.issued_at),
        "voluntary": outcome.voluntary,
        "incomplete": outcome.incomplete,
    }


def _say(outcome: dict[str, Any], *, as_json: bool, in_full: bool) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(outcome))
    elif outcome["outcome"] == "refused":
        sentence, _, rest = outcome["reason"].partition("\n")
        click.echo(outcome["reason"] if in_full and rest else f"{outcome['kind']}: {sentence}", err=True)
    else:
        words = f"{outcome['identifier']}  {outcome['kind']} {outcome['version']}  {outcome['outcome']}"
        marks = ["voluntary"] * outcome["voluntary"] + [outcome["incomplete"]] * bool(outcome["incomplete"])
        click.echo(f"{words}  {outcome['record']}" + "".join(f"  ({mark})" for mark in marks))
