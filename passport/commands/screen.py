"""`cellpass screen`: how much capacity retired cells have left, from a few short pulses on each."""

from pathlib import Path
from typing import Any, Final

import click

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_NONE_ANSWERED: Final = 1


@click.group(
    "screen",
    short_help="Estimate capacity of retired cells from short pulses.",
    epilog="Example: cellpass screen apply pulses.csv --model model.json --cell ACME-21",
)
def command() -> None:
    """Estimate the capacity of retired cells from short pulses, by a model trained on cells of their type.

    The columns of a table of pulses are told in docs/screening.md.
    """


@command.command(
    "train",
    epilog="Example: cellpass screen train measured.csv --cell ACME-21 --owner acme -o model.json",
)
@click.argument("pulses", type=_FILE, metavar="PULSES")
@click.option("--cell", required=True, help="Type of the cells, as their maker writes it.")
@click.option("--owner", required=True, help="Who may use what is learned.")
@click.option("--temperature", type=float, default=25, show_default=True, help="Of the pulses, degC.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.pass_obj
def train(house: Any, pulses: Path, cell: str, owner: str, temperature: float, output: Path) -> None:
    """Learn from PULSES on cells whose capacity was measured; write the model and print its error.

    The error is that of cells left out of training, one after the other.
    """
    import orjson

    from passport.estimates import screening
    from passport.estimates.pulses import read

    document = screening.train(
        read(pulses.read_bytes()),
        cell=cell,
        owner=owner,
        made=house.now().date(),
        temperature=temperature,
    )
    output.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    trained, error, interval = (document[name] for name in ("trained_on", "left_out_one_by_one", "interval"))
    click.echo(
        f"{trained['cells']} cells, {trained['rows']} rows,"
        f" {trained['lowest_percent']:g} to {trained['highest_percent']:g} % of the rated capacity\n"
        f"cells left out: mean error {error['mean_absolute_error']:g} points,"
        f" median {error['median_absolute_error']:g};"
        f" {error['refused']} refused; saying the mean errs by {error['predicting_the_mean']:g}\n"
        f"interval of nine in ten: +-{interval['all_rows']:g} points"
        f" with {interval['rows']} rows or more of a cell, else +-{interval['one_row']:g}\n"
        f"model {document['sha256'][:16]} of {owner}: {output}"
    )


@command.command(
    "apply",
    epilog="Example: cellpass screen apply pulses.csv --model model.json --cell ACME-21 --json",
)
@click.argument("pulses", type=_FILE, metavar="PULSES")
@click.option("--model", "model_file", type=_FILE, required=True, help="What `screen train` wrote.")
@click.option("--cell", required=True, help="Type of the cells; must be the model's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per cell and line.")
@click.pass_context
def apply(context: click.Context, pulses: Path, model_file: Path, cell: str, *, as_json: bool) -> None:
    """Estimate the capacity of each cell in PULSES, per cent of the rated one, with its interval.

    Rows that lie outside of what the model was trained on are refused, each with its reason. Exit status 1
    when no cell got an answer.
    """
    import orjson

    from passport.estimates import screening
    from passport.estimates.pulses import read

    model = screening.load(model_file.read_bytes())
    answers = screening.screen(model, read(pulses.read_bytes()), cell=cell)
    for answer in answers:
        if as_json:
            click.echo(orjson.dumps({**answer.to_wire(), "method": model.method}))
            continue
        click.echo(_line(answer))
        for reason in answer.refused:
            click.echo(f"    {reason}")
    if not as_json:
        known = model.document
        click.echo(
            f"by {model.method} of {known['owner']}, {known['made']}:"
            f" pulses at {known['temperature_c']:g} degC; a screening, no test of capacity"
        )
    if all(answer.value is None for answer in answers):
        context.exit(_NONE_ANSWERED)


def _line(answer: Any) -> str:
    if answer.value is None:
        return f"{answer.battery:20} no answer"
    interval = f"({answer.low:.1f} to {answer.high:.1f})"
    return (
        f"{answer.battery:20} {answer.value:5.1f} % {interval:18}"
        f" {answer.resistance_mohm:8.3f} mOhm  {answer.rows} rows"
    )
