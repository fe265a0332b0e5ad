"""`cellpass pdf`: the compliance PDF of one battery."""

from pathlib import Path
from typing import Any

import click

from passport.commands.copies import audience_option, output_option, write_down


@click.command(
    "pdf",
    short_help="Write the compliance PDF of BATTERY, signed record inside.",
    epilog="Example: cellpass pdf /01/09521234543213/21/ABC --audience authority -o passport.pdf",
)
@click.argument("battery")
@audience_option("Whose copy it is; it is named on every page.")
@output_option("File to write (default: a name from the serial number).", allow_dash=False)
@click.option(
    "--evaluation",
    is_flag=True,
    help="Instead, the record of evaluation of Art. 73, from the newest assessment and the inspections.",
)
@click.pass_obj
def command(house: Any, *, battery: str, audience: str, output: Path | None, evaluation: bool) -> None:
    """Write the compliance PDF of BATTERY (URL, identifier path or id), with the signed record inside."""
    if evaluation:
        _evaluation(house, battery, output)
        return
    from passport.documents import pdf
    from passport.ledger import batteries
    from passport.web.documents import pdf_context
    from schemas.terms import Audience

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        context = pdf_context(connection, found, Audience(audience), public_url=house.settings.public_url)
    write_down(house, context.audience, action="read", battery=found.id, detail="pdf")
    renderer = pdf.Renderer(house.data_dir / "cache" / "pdf")
    try:
        data = renderer.pdf(context)
    finally:
        renderer.close()
    target = output or Path(pdf.file_name(context))
    target.write_bytes(data)
    click.echo(str(target))


def _evaluation(house: Any, battery: str, output: Path | None) -> None:
    """It tells of the condition, so it is a copy for a legitimate interest, and written down as one."""
    from passport.documents import evaluation, pdf
    from passport.ledger import batteries
    from passport.web.documents import evaluation_of
    from schemas.terms import Audience

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        made = evaluation_of(connection, found, public_url=house.settings.public_url, now=house.now())
    write_down(house, Audience.LEGITIMATE_INTEREST, action="read", battery=found.id, detail="evaluation")
    renderer = pdf.Renderer(None)
    try:
        data = renderer.render(evaluation.html(made), made.as_of, made.attached)
    finally:
        renderer.close()
    target = output or Path(f"evaluation-{found.passport_id}.pdf")
    target.write_bytes(data)
    click.echo(str(target))
