"""`cellpass assess`: how healthy is this battery, may it have a second life, and what is it worth?"""

import sys
from typing import Any, Final

import click

NOT_ELIGIBLE: Final = 1
NOT_CONFIRMED: Final = 1
LATEST: Final = "latest"
EVERYTHING: Final = "everything"
_FIRST: Final = ("health", "verdict", "grade", "value", "after_inspection")
_MARKS: Final = {"pass": ("pass", "green"), "fail": ("FAIL", "red"), "unknown": ("unknown", "yellow")}
_FITS: Final = {"fit": ("fit", "green"), "not_fit": ("not fit", "red"), "not_known": ("not known", "yellow")}
_VERDICTS: Final = {
    "not_eligible": "Not eligible for a second life: to be recycled.",
    "needs_inspection": "Not decided: what is unknown must be inspected first.",
    "eligible": "Eligible for a second life.",
}


@click.command(
    "assess",
    short_help="Tell health, second life and value of BATTERY.",
    epilog="Example: cellpass assess /01/09520123456788/21/ABC --json",
)
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--check",
    "record",
    metavar="RECORD",
    help="Work a stored assessment out anew as of its moment: its address or id, or latest.",
)
@click.option(
    "--why",
    "figure",
    is_flag=False,
    flag_value=EVERYTHING,
    metavar="[FIGURE]",
    help="What a figure rests on, down to readings and prices: health, grade, value, gate:G6 ...",
)
@click.pass_obj
def command(house: Any, *, battery: str, as_json: bool, record: str | None, figure: str | None) -> None:
    """Health of BATTERY (URL, identifier path or id), and the thirteen gates' answers about it.

    Capacity and health come with their interval, method and evidence, or with the reason why there are none.

    What is unknown never passes: it becomes a line of what to inspect. Exit status 1 when it is not eligible,
    and with --check when the opinions are not the same to the byte.
    """
    from passport.appraising import appraised, read_inputs
    from passport.estimates import annex_vii
    from passport.estimates.observed import powers, spread
    from passport.judgement.second_life.assess import Verdict
    from passport.judgement.value_parameters import read_parameters
    from passport.ledger import batteries

    parameters = read_parameters(house.settings.value_parameters)

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    if record is not None:
        _check(house, found, record, parameters, as_json=as_json)
        return
    house.refresh(found.id)
    with house.reading() as connection:
        inputs = read_inputs(connection, found, now=house.now())
    told = appraised(inputs, parameters)
    if figure is not None:
        _why(house, told, parameters, figure, as_json=as_json)
        return
    appraisal, health, facts, state = told.conclusions, told.health, inputs.facts, inputs.state
    legal = annex_vii.view(found.category, health, facts, told.observed)
    beside = dict(told.observed)
    if state is not None:
        low = powers(state, facts, inputs.now)[20]
        beside |= {"power_at_20_percent": low, "cell_spread": spread(state, facts, inputs.now)}
    if as_json:
        import orjson

        wire = {
            "battery": found.id,
            "identifier": found.identifier,
            "simulated": found.simulated,
            **health.to_wire(),
            "annex_vii": {name: answer.to_wire() for name, answer in legal.items()},
            "observed": {name: answer.to_wire() for name, answer in beside.items()},
            **appraisal.to_wire(),
        }
        click.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
    else:
        _health(health, legal, {name: one for name, one in beside.items() if name not in legal})
        _table(found, appraisal)
    if appraisal.gates.verdict is Verdict.NOT_ELIGIBLE:
        sys.exit(NOT_ELIGIBLE)


def _why(house: Any, told: Any, parameters: Any, figure: str, *, as_json: bool) -> None:
    """The graph under one figure, or under all of them."""
    from passport.appraising import why

    with house.reading() as connection:
        graph = why(connection, house.telemetry, told, parameters)
    if as_json:
        import orjson

        part = graph if figure == EVERYTHING else graph.under(figure)
        click.echo(orjson.dumps(part.to_wire(), option=orjson.OPT_INDENT_2))
        return
    for name in _FIRST if figure == EVERYTHING else (figure,):
        if figure == EVERYTHING and name not in graph.nodes:
            continue
        for depth, sentence in graph.under(name).sentences(name):
            click.echo(f"{'  ' * depth}{sentence}")
        click.echo("")
    if figure == EVERYTHING:
        click.echo(f"Figures: {', '.join(graph.figures)}")


def _check(house: Any, battery: Any, record: str, parameters: Any, *, as_json: bool) -> None:
    """A stored assessment beside what is worked out anew; what is stored is not brought up before."""
    from passport.appraising import recompute
    from passport.errors import NotFound
    from passport.ledger import versions
    from schemas.terms import RecordKind

    with house.reading() as connection:
        if record == LATEST:
            version = versions.latest(connection, battery.id, RecordKind.ASSESSMENT)
        else:
            version = versions.by_record(connection, record.rpartition("/r/")[2])
        if version is None:
            raise NotFound(f"{battery.identifier}: no such assessment was issued")
        told = recompute(connection, battery, version, parameters)
    if as_json:
        import orjson

        click.echo(orjson.dumps(told.to_wire(), option=orjson.OPT_INDENT_2))
    else:
        click.echo(f"{battery.identifier}: assessment {version.version} of {told.to_wire()['as_of']}")
        for name, same in told.same.items():
            word = {True: "the same bytes", False: "other bytes", None: "was erased"}[same]
            click.echo(f"  {name:24}{word}")
        for name, words in told.changed.items():
            click.echo(f"  since then: {words} ({name})")
        if not told.confirmed and not told.changed:
            click.echo("  The inputs are the same: this program works it out otherwise than the one before.")
    if not told.confirmed:
        sys.exit(NOT_CONFIRMED)


def _health(health: Any, legal: Any, beside: Any) -> None:
    told = health.to_wire()
    click.echo("Health")
    for title, figure, unit in (
        ("capacity", told["capacity_ah"], "Ah"),
        ("by rated capacity", told["health_pct"], "%"),
        ("by first capacity on record", told["since_first_pct"], "%"),
    ):
        if figure is not None:
            words = f"{figure['value']} {unit}   (90 %: {figure['low']} to {figure['high']})"
            click.echo(f"  {title:28}{words}")
    if told["method"] is not None:
        sure = "calibrated" if told["calibrated"] else "not calibrated"
        old = ", stale" if told["stale"] else ""
        since = told["as_of"] or "a day not known"
        click.echo(f"  {'class':28}{told['evidence_class']}, {sure}, as of {since}{old}; {told['method']}")
    missing = told["not_determinable"]
    if missing is not None:
        _line("  not determinable: ", f"{missing['reason']} {missing['helps']}".rstrip())
    if told["bms_reported_health"] is not None:
        click.echo(f"  {'as its BMS says':28}{told['bms_reported_health']} %")
    for line in [*told["remarks"], *(one["sentence"] for one in told["findings"])]:
        _line("  ", line)
    for name, answer in (*legal.items(), *beside.items()):
        one = answer.to_wire()
        words = f"not determinable: {one['reason']}" if "value" not in one else _figure(one)
        _line(f"  {name:36}", words)
    click.echo("")


def _figure(one: Any) -> str:
    return f"{one['value']} {one['unit']}   (90 %: {one['low']} to {one['high']})"


def _table(battery: Any, appraisal: Any) -> None:
    outcome = appraisal.gates
    simulated = "  [simulated]" if battery.simulated else ""
    click.echo(f"{battery.identifier}{simulated}\n{_VERDICTS[outcome.verdict.value]}\n")
    for result in outcome.results:
        word, colour = _MARKS[result.answer.value]
        mark = click.style(f"{word:8}", fg=colour)
        _line(f"{result.gate.id:4}{result.gate.name:24}{mark}", result.reason)
    if outcome.inspect:
        click.echo("\nTo be inspected:")
        for line in outcome.inspect:
            _line("  ", line, hanging=4)
    score = appraisal.score
    grade = f"grade {score.grade}" if score.grade is not None else "no grade, for its health is not known"
    provisional = ", provisional until it is inspected" if outcome.inspect else ""
    click.echo(f"\nScore {score.points} of 100: {grade}{provisional}")
    for one in score.deductions:
        if one.points:
            _line(f"  {-one.points:>6}  ", one.sentence)
    click.echo("\nUses")
    for match in appraisal.uses:
        word, colour = _FITS[match.fit.value]
        why = match.binding.sentence if match.binding is not None else "all that it asks is met"
        _line(f"  {match.use.title:44}{click.style(f'{word:10}', fg=colour)}", why)
        if match.binding is not None and match.binding.counterfactual:
            _line(f"  {'':54}", match.binding.counterfactual)
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
        _line("  ", reason)


def _line(head: str, text: str, *, hanging: int = 0) -> None:
    """Head and text, broken to the width of the terminal; further lines stand below the text."""
    import shutil
    import textwrap

    indent = len(click.unstyle(head)) + hanging
    width = max(shutil.get_terminal_size((110, 24)).columns, indent + 30)
    lines = textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False) or [""]
    click.echo(head + lines[0])
    for line in lines[1:]:
        click.echo(" " * indent + line)
