"""`cellpass import`: models, batches and batteries from files, all or nothing."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from passport.errors import InputRefused

_WAITS: Final = "depends"
_SHOWN: Final = 50
_CATEGORIES: Final = ("ev", "lmt", "industrial", "stationary")
_FORMS: Final = (
    "auto",
    "xlsx",
    "csv",
    "json",
    "yaml",
    "idta",
    "aasx",
    "en18223",
    "en18223-full",
    "batterypass",
    "ready",
    "catenax",
    "untp",
)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command(
    "import",
    short_help="Import models, batches and batteries from files.",
    epilog="Example: cellpass import --example my.xlsx, then cellpass import my.xlsx --dry-run",
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--partial", is_flag=True, help="Import the rows that are right, although others are not.")
@click.option(
    "--format", "form", type=click.Choice(_FORMS), default="auto", show_default=True, help="Of the files."
)
@click.option(
    "--operator", metavar="ID", help="Who answers for the batteries; the only operator if not said."
)
@click.option(
    "--identifier", metavar="PATH", help="Which battery a foreign passport is of: /01/GTIN/21/SERIAL."
)
@click.option("--report", type=_FILE, metavar="FILE.csv", help="Write all findings as CSV.")
@click.option("--template", type=_FILE, metavar="FILE.xlsx", help="Write an empty workbook to fill in.")
@click.option("--example", type=_FILE, metavar="FILE.xlsx", help="Write a filled workbook that imports.")
@click.option(
    "--csv",
    "csv_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the template as CSV files.",
)
@click.option("--category", type=click.Choice(_CATEGORIES), help="Of the template or example.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(
    house: Any,
    files: tuple[Path, ...],
    *,
    dry_run: bool,
    partial: bool,
    form: str,
    operator: str | None,
    identifier: str | None,
    report: Path | None,
    template: Path | None,
    example: Path | None,
    csv_folder: Path | None,
    category: str | None,
    as_json: bool,
) -> None:
    """Import FILES, which belong together: a workbook, CSV files, JSON, YAML, or passports of other formats.

    Every cell that is wrong is named by sheet, row, column, rule and article. Without --partial all of it is
    imported, or nothing. Importing the same again changes nothing; a changed cell adds a revision. A template
    to fill in is made by --template, one that is filled by --example.
    """
    if template is not None or example is not None or csv_folder is not None:
        if files:
            raise click.UsageError("make a template, or import FILES; not both at once")
        _write_templates(template, example, csv_folder, category, house.now().date())
        return
    if not files:
        raise click.UsageError("name FILES to import, or make one with --template or --example")
    _bring(
        house,
        [(path.name, _bytes(path)) for path in files],
        dry_run=dry_run,
        partial=partial,
        form=form,
        operator=operator,
        identifier=identifier,
        report=report,
        as_json=as_json,
    )


class _Undone(Exception):
    """A dry run ends its transaction with this, so that all of it was tried and nothing of it stands."""


def _bytes(path: Path) -> bytes:
    """The file, or the beginning of one that is too large, which is then refused by its name."""
    from passport.importing.tables import MAX_FILE_BYTES

    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


# --------------------------------------------------------------------------------------------- templates


def _write_templates(
    template: Path | None, example: Path | None, csv_folder: Path | None, category: str | None, today: Any
) -> None:
    from passport.importing import example as examples
    from passport.importing import template as templates
    from schemas.terms import Category

    chosen = Category(category) if category is not None else None
    if template is not None:
        _write(template, templates.workbook(chosen, today))
        click.echo(f"{template}: fill in models and items, then cellpass import {template} --dry-run")
    if csv_folder is not None:
        csv_folder.mkdir(parents=True, exist_ok=True)
        for name, data in templates.csv_files(chosen, today).items():
            _write(csv_folder / name, data)
        click.echo(
            f"{csv_folder}: one file a sheet; leave out what you do not need, and import the rest together"
        )
    if example is not None:
        kind = chosen or Category.STATIONARY
        _write(example, templates.workbook(kind, today, content=examples.content(kind, today)))
        click.echo(f"{example}: one fictional model and three batteries; next: cellpass import {example}")


def _write(path: Path, data: bytes) -> None:
    if path.exists():
        raise InputRefused(f"{path} is there already: choose another name, or take it away")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputRefused(f"{path} cannot be written: {error.strerror}") from error


# ------------------------------------------------------------------------------------------------- import


def _bring(
    house: Any,
    files: Sequence[tuple[str, bytes]],
    *,
    dry_run: bool,
    partial: bool,
    form: str,
    operator: str | None,
    identifier: str | None,
    report: Path | None,
    as_json: bool,
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from passport.importing import apply, plan
    from passport.importing.findings import ImportRefused

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    now = house.now()
    made = None
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("reading", total=None)
            entries = _read(house, files, form=form, operator=operator, identifier=identifier)
            bar.update(task, description="comparing")
            with suppress(_Undone), house.writing() as connection:
                owner = _operator(connection, operator, now)
                made = plan.make(connection, entries, operator=owner, today=now.date())
                plan.open_gate(made, partial=partial)
                bar.update(task, description="checking" if dry_run else "importing")
                apply.carry_out(
                    connection,
                    made,
                    at=now,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
                if dry_run:
                    raise _Undone
    except ImportRefused as error:
        _report(report, error.findings)
        _refused(error, made, as_json=as_json)
        raise click.exceptions.Exit(3) from None
    assert made is not None
    _report(report, made.findings)
    _done(made, dry_run=dry_run, as_json=as_json)


def _read(
    house: Any, files: Sequence[tuple[str, bytes]], *, form: str, operator: str | None, identifier: str | None
) -> Any:
    """What the files state; the names of documents kept here are looked up for it."""
    from passport.importing import files as reading
    from passport.ledger import papers

    with house.reading() as connection:
        return reading.read(
            files,
            form=form,
            identifier=identifier,
            documents=lambda name: papers.address_of(
                connection, name, house.settings.public_url, operator=operator
            ),
        )


def _operator(connection: Any, said: str | None, now: Any) -> str:
    """Id of the operator whose batteries these will be; this installation's own is made with its first."""
    from passport.ledger import operators, trial

    if said is not None:
        found: str = operators.get(connection, said).id
        return found
    usual = operators.usual(connection)
    if usual is not None:
        return str(usual)
    others = [one.id for one in operators.all_operators(connection) if not one.simulated]
    if others:
        raise InputRefused(
            "there are several operators here: say whose batteries these are with "
            + " or ".join(f"--operator {one}" for one in others)
        )
    operators.create(connection, trial.OPERATOR, name=trial.OPERATOR_NAME, simulated=False, at=now)
    return trial.OPERATOR


def _report(path: Path | None, findings: Any) -> None:
    from passport.importing.findings import report

    if path is not None:
        try:
            path.write_bytes(report(findings))
        except OSError as error:
            raise InputRefused(f"{path} cannot be written: {error.strerror}") from error


def _refused(error: Any, made: Any, *, as_json: bool) -> None:
    if as_json:
        import orjson

        told = {
            "outcome": "refused",
            "reason": str(error),
            "counts": made.counts() if made is not None else None,
            "findings": [one.to_wire() for one in error.findings],
        }
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        return
    _findings(error.findings)
    click.echo(f"Error: {error}", err=True)


def _done(made: Any, *, dry_run: bool, as_json: bool) -> None:
    counts = made.counts()
    if as_json:
        import orjson

        told = {
            "outcome": "checked" if dry_run else "imported",
            "operator": made.operator,
            "counts": counts,
            "left_out": made.left_out,
            "findings": [one.to_wire() for one in made.findings],
        }
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        return
    _findings(made.findings)
    if not any(sum(each.values()) for each in counts.values()):
        click.echo("The files state no model, no batch and no battery: nothing to import.")
        return
    for name, each in counts.items():
        said = ", ".join(f"{number:,} {state}" for state, number in each.items() if number)
        if said:
            click.echo(f"{name:8}{said}")
    if made.left_out:
        click.echo(f"left out {made.left_out:,} with findings; correct them and import again")
    changed = any(each["new"] or each["changed"] for each in counts.values())
    if not changed:
        click.echo("All of this stands already: nothing was changed.")
    elif dry_run:
        click.echo("Checked only; without --dry-run this is imported.")
    else:
        click.echo("Next: cellpass gaps, then cellpass issue --all")


def _findings(findings: Any) -> None:
    """At most so many, aligned, what is refused before what is only remarked on.

    What only waits for something else that is wrong comes last, one line for each thing it waits for.
    """
    for warning, heading in ((False, "To correct"), (True, "To look at")):
        told = [one for one in findings if one.warning is warning and one.rule != _WAITS]
        waiting = Counter(one.sentence for one in findings if one.warning is warning and one.rule == _WAITS)
        if not told and not waiting:
            continue
        click.echo(f"{heading} ({len(told):,})", err=True)
        shown = told[:_SHOWN]
        width = min(44, max((len(one.where) for one in shown), default=0))
        for one in shown:
            law = f" ({one.law})" if one.law else ""
            click.echo(f"  {one.where:{width}}  {one.sentence} [{one.rule}]{law}", err=True)
        if len(told) > len(shown):
            click.echo(
                f"  and {len(told) - len(shown):,} more; --report FILE.csv writes all of them", err=True
            )
        for sentence, count in waiting.items():
            click.echo(f"  {count:,} rows wait: {sentence}", err=True)
