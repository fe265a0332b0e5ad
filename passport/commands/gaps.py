"""`cellpass gaps`: what is owed, what is pending, what must stay empty; each with its article."""

import sys
from datetime import date
from typing import Any, Final

import click

NOT_COMPLIANT: Final = 1
_HEADINGS: Final = {
    "must_stay_empty": "Stated, and must stay empty",
    "missing": "Owed, and missing",
    "contradiction": "Said in two ways: correct one of them",
    "conditional": "Owed if it applies: state it, or state that it does not apply",
    "pending": "Pending: an act is awaited, nothing to do today",
}


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no day; write 2027-02-18") from error


@click.command(
    "gaps",
    short_help="Say what the records of BATTERY, or of each battery, still owe.",
    epilog="Example: cellpass gaps /01/09520123456788/21/ABC --date 2027-02-18",
)
@click.argument("battery", required=False)
@click.option("--date", "day", callback=_day, metavar="D", help="Judge as on this day instead of today.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per battery.")
@click.pass_obj
def command(house: Any, battery: str | None, day: date | None, as_json: bool) -> None:
    """What BATTERY's records still owe; without BATTERY, a line for each.

    A battery is judged by the day on which it was placed on the market. Exit status 1 when something keeps
    the gate of issuing shut.
    """
    from passport.ledger import batteries

    now = house.now()
    if day is not None:
        now = now.replace(year=day.year, month=day.month, day=day.day)
    shut = False
    with house.reading() as connection:
        found = (
            batteries.every(connection)
            if battery is None
            else [batteries.find(connection, battery, house.settings.public_url)]
        )
        for one in found:
            outcome = _judge(house, connection, one, now)
            shut = shut or outcome["closes_gate"]
            if as_json:
                import orjson

                click.echo(
                    orjson.dumps({key: value for key, value in outcome.items() if key != "findings_in_words"})
                )
            elif battery is None:
                click.echo(_line(outcome))
            else:
                _table(outcome)
    if shut:
        sys.exit(NOT_COMPLIANT)


def _judge(house: Any, connection: Any, battery: Any, now: Any) -> dict[str, Any]:
    from passport.issue import circumstances_today, findings_of
    from passport.judgement import compliance
    from schemas.terms import RecordKind

    findings: list[compliance.Finding] = []
    for kind in (RecordKind.PASSPORT, RecordKind.CONDITION):
        findings += findings_of(connection, battery, kind, public_url=house.settings.public_url, now=now)
    circumstances = circumstances_today(connection, battery.id)
    return {
        "battery": battery.id,
        "identifier": battery.identifier,
        "category": battery.category.value,
        "placed_on": battery.placed_on.isoformat() if battery.placed_on else None,
        "judged_on": now.date().isoformat(),
        "voluntary": compliance.voluntary(battery.placed_on, battery.category, circumstances),
        "closes_gate": any(finding.closes_gate for finding in findings),
        "findings": [finding.to_wire() for finding in findings],
        "findings_in_words": [(finding.verdict.value, str(finding)) for finding in findings],
    }


def _line(outcome: dict[str, Any]) -> str:
    verdicts = [finding["verdict"] for finding in outcome["findings"]]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict.replace('_', ' ')}"
        for verdict in _HEADINGS
        if verdict in verdicts
    )
    voluntary = "voluntary; " if outcome["voluntary"] else ""
    return f"{outcome['identifier']}  {outcome['category']}  {voluntary}{counts or 'nothing owed is missing'}"


def _table(outcome: dict[str, Any]) -> None:
    placed = outcome["placed_on"] or "a day that is not known: the duty is assumed"
    click.echo(f"{outcome['identifier']}  {outcome['category']}, placed on the market on {placed}")
    if outcome["voluntary"]:
        from passport.judgement import compliance
        from schemas.terms import Category

        click.echo(f"Voluntary passport. {compliance.voluntary_words(Category(outcome['category']))}")
    for verdict, heading in _HEADINGS.items():
        sentences = [sentence for found, sentence in outcome["findings_in_words"] if found == verdict]
        if sentences:
            click.echo(f"\n{heading} ({len(sentences)})")
            for sentence in sentences:
                click.echo(f"  {sentence}")
    if not outcome["findings"]:
        click.echo("Nothing owed is missing.")
