"""`cellpass assess`: may this battery have a second life, what must be inspected, what is it worth?"""

import sys
from typing import Any, Final

import click

NOT_ELIGIBLE: Final = 1
_MARKS: Final = {"pass": ("pass", "green"), "fail": ("FAIL", "red"), "unknown": ("unknown", "yellow")}
_FITS: Final = {"fit": ("fit", "green"), "not_fit": ("not fit", "red"), "not_known": ("not known", "yellow")}
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
    from passport.issue import appraisal_of
    from passport.judgement.second_life.assess import Verdict
    from passport.judgement.value_parameters import read_parameters
    from passport.ledger import batteries

    parameters = read_parameters(house.settings.value_parameters)

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    house.refresh(found.id)
    with house.reading() as connection:
        appraisal = appraisal_of(connection, found, parameters, now=house.now())
    if as_json:
        import orjson

        wire = {
            "battery": found.id,
            "identifier": found.identifier,
            "simulated": found.simulated,
            **appraisal.to_wire(),
        }
        click.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
    else:
        _table(found, appraisal)
    if appraisal.gates.verdict is Verdict.NOT_ELIGIBLE:
        sys.exit(NOT_ELIGIBLE)


def _table(battery: Any, appraisal: Any) -> None:
    outcome = appraisal.gates
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
    score = appraisal.score
    grade = f"grade {score.grade}" if score.grade is not None else "no grade, for its health is not known"
    provisional = ", provisional until it is inspected" if outcome.inspect else ""
    click.echo(f"\nScore {score.points} of 100: {grade}{provisional}")
    for one in score.deductions:
        if one.points:
            click.echo(f"  {-one.points:>6}  {one.sentence}")
    click.echo("\nUses")
    for match in appraisal.uses:
        word, colour = _FITS[match.fit.value]
        why = match.binding.sentence if match.binding is not None else "all that it asks is met"
        click.echo(f"  {match.use.title:44}{click.style(f'{word:10}', fg=colour)}{why}")
        if match.binding is not None and match.binding.counterfactual:
            click.echo(f"  {'':54}{match.binding.counterfactual}")
    _value(appraisal.value)


def _value(value: Any) -> None:
    click.echo("\nResidual value")
    if value.value is None:
        click.echo("  not determined")
    for title, amount in (
        ("now", value.value),
        ("after an inspection that finds nothing", value.after_inspection),
        ("of its materials", value.recycling),
    ):
        if amount is not None:
            click.echo(f"  {title:40}{amount.middle:>12} EUR   (80 %: {amount.low} to {amount.high})")
    for one in value.contributions:
        click.echo(f"  moved by {one.name}: {one.at_low} to {one.at_high} EUR")
    for reason in value.reasons:
        click.echo(f"  {reason}")
