"""`cellpass label`: labels with QR code and plain identifier, one file per battery."""

from pathlib import Path
from typing import Any

import click

from passport.errors import Conflict, PassportError


@click.command(
    "label",
    short_help="Write a label for each BATTERY.",
    epilog="Example: cellpass label /01/09521234543213/21/ABC -o labels --format svg",
)
@click.argument("batteries_", metavar="BATTERY...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write into (default: the current one).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "png"]),
    default="svg",
    show_default=True,
    help="svg: code and identifier at true size; png: the code alone at 600 dpi.",
)
@click.option(
    "--module-mm",
    type=click.FloatRange(0.25, 5),
    default=0.5,
    show_default=True,
    help="Side of one module; 0.396 mm is the least for labels, 0.5 mm for packs.",
)
@click.pass_obj
def command(house: Any, *, batteries_: tuple[str, ...], folder: Path, form: str, module_mm: float) -> None:
    """Write a label for each BATTERY (URL, identifier path or id)."""
    from passport.documents import qr
    from passport.documents.page import file_stem
    from passport.ledger import batteries, fixed, versions
    from passport.web.public import label_lines
    from schemas.identifier import qr_text
    from schemas.terms import RecordKind

    public_url = house.settings.public_url
    with house.reading() as connection:
        signed = fixed.public_url(connection)
    if signed not in (None, public_url):
        raise Conflict(
            f"records here are issued under {signed}; public_url is now {public_url}, and a code with it"
            " would contradict them. Set it back."
        )
    folder.mkdir(parents=True, exist_ok=True)
    refused = 0
    for argument in batteries_:
        try:
            with house.reading() as connection:
                battery = batteries.find(connection, argument, public_url)
                lines = label_lines(connection, battery)
                issued = versions.latest(connection, battery.id, RecordKind.PASSPORT) is not None
        except PassportError as error:
            click.echo(f"{argument}: {error}", err=True)
            refused += 1
            continue
        target = folder / f"{file_stem(battery.identifier)}.{form}"
        if form == "png":
            target.write_bytes(qr.png(qr_text(public_url, battery.identifier), module_mm=module_mm))
        else:
            label = qr.label(
                public_url,
                battery.identifier,
                module_mm=module_mm,
                lines=lines,
                simulated=battery.simulated,
            )
            target.write_text(label, encoding="utf-8")
        click.echo(str(target))
        if not issued:
            click.echo(
                f"{argument}: no passport is issued yet; the code leads nowhere until one is", err=True
            )
    if refused:
        raise SystemExit(3)
