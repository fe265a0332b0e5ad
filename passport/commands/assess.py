"""`cellpass assess`: may this battery have a second life, what must be inspected, what is it worth?"""

import sys
from typing import Any, Final

import click

NOT_ELIGIBLE: Final = 1
_MARKS: Final = {"pass": ("pass", "green"), "fail": ("FAIL", "red"), "unknown": ("unknown", "yellow")}
_VERDICTS: Final = {
    "not_eligible": "Not eligible for a second life: to be recycled.",
    "needs_inspection": "Not decided: what is unknown must be inspected first.",
    "eligible": "Eligible for a second life.",
}


@click.command(
    "assess",
    short_help="Answer the gates of second life for BATTERY.",
    epilog="Example: cellpass assess /01/09520123456788/21/ABC --json",
)
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(house: Any, battery: str, as_json: bool) -> None:
    """The thirteen gates' answers about BATTERY (URL, identifier path or id).

    What is unknown never passes: it becomes a line of what to inspect. Exit status 1 when it is not eligible.
    """
    from passport.issue import assessment_of
    from passport.judgement.residual_value import residual_value
    from passport.judgement.second_life.assess import Verdict
    from passport.ledger import batteries

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    house.refresh(found.id)
    with house.reading() as connection:
        outcome = assessment_of(connection, found, now=house.now())
    value = residual_value(health_estimated=False, prices_dated=False)
    if as_json:
        import orjson

        wire = {
            "battery": found.id,
            "identifier": found.identifier,
            "simulated": found.simulated,
            **outcome.to_wire(),
            "residual_value": value.to_wire(),
        }
        click.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
    else:
        _table(found, outcome, value)
    if outcome.verdict is Verdict.NOT_ELIGIBLE:
        sys.exit(NOT_ELIGIBLE)


def _table(battery: Any, outcome: Any, value: Any) -> None:
    simulated = "  [simulated]" if battery.simulated else ""
    click.echo(f"{battery.identifier}{simulated}\n{_VERDICTS[outcome.verdict.value]}\n")
    for result in outcome.results:
        word, colour = _MARKS[result.answer.value]
        mark = click.style(f"{word:8}", fg=colour)
        click.echo(f"{result.gate.id:4}{result.gate.name:24}{mark}{result.reason}")
    if outcome.inspect:
        click.echo("\nTo be inspected:")
        for line in outcome.inspect:
            click.echo(f"  {line}")
    click.echo("\nResidual value: not determined")
    for reason in value.reasons:
        click.echo(f"  {reason}")
