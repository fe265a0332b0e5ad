"""`cellpass notice`: recalls, safety notices and information on models, batches and batteries."""

from typing import Any

import click
import orjson

from passport.commands.words import counted


@click.group(
    "notice",
    short_help="Add, list and end recalls and safety notices.",
    epilog='Example: cellpass notice add --kind recall --model R-102 --title "Loose busbar" --text "Stop."',
)
def command() -> None:
    """Add, list and end notices; they stand on every page concerned from the next request on."""


@command.command(
    "add",
    epilog='Example: cellpass notice add --kind safety --battery A --title "Keep dry" --text "Do not ..."',
)
@click.option(
    "--kind", type=click.Choice(["recall", "safety", "information"]), required=True, help="How urgent it is."
)
@click.option("--model", help="All batteries of this model: its identifier, or its id.")
@click.option("--batch", help="All batteries of this batch: its number, or its id.")
@click.option("--battery", help="One battery: URL, identifier path or id.")
@click.option("--operator", help="Whose model or batch, where several have one of that name.")
@click.option("--title", required=True, help="A few words.")
@click.option("--text", required=True, help="What to do, in sentences.")
@click.option("--url", help="Where more is told.")
@click.option("--language", default="en", show_default=True, help="Of title and text.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def add(
    house: Any,
    *,
    kind: str,
    model: str | None,
    batch: str | None,
    battery: str | None,
    operator: str | None,
    title: str,
    text: str,
    url: str | None,
    language: str,
    as_json: bool,
) -> None:
    """Add a notice on a model, a batch or a battery; what was made of them is concerned too."""
    from passport.grants import audit_administrator
    from passport.ledger import batteries, notices
    from schemas.terms import Level

    named = [(Level.MODEL, model), (Level.BATCH, batch), (Level.ITEM, battery)]
    chosen = [(level, name) for level, name in named if name is not None]
    if len(chosen) != 1:
        raise click.UsageError("say what it is about: one of --model, --batch, --battery")
    ((level, name),) = chosen
    with house.writing() as connection:
        if level is Level.ITEM:
            target = batteries.find(connection, name, house.settings.public_url).id
        else:
            target = _product(connection, level, name, operator)
        notice, pages = notices.add(
            connection,
            target=target,
            level=level,
            kind=notices.Kind(kind),
            title=title,
            text=text,
            url=url,
            language=language,
            now=house.now(),
            random_bytes=house.issuer.random_bytes,
        )
        audit_administrator(
            connection, action="notice add", now=house.now(), detail=f"{notice.id} {kind} {level} {name}"
        )
    _say(notice, pages, as_json=as_json)


def _product(connection: Any, level: Any, name: str, operator: str | None) -> str:
    from passport.errors import NotFound
    from passport.ledger import catalogue

    found = [
        one
        for one in catalogue.every(connection, operator)
        if one.level is level and name in (one.name, one.id)
    ]
    if not found:
        raise NotFound(f"no {level.value} is called {name[:80]!r}; batteries without one are named singly")
    if len(found) > 1:
        ids = ", ".join(f"{one.id} ({one.operator})" for one in found)
        raise click.UsageError(f"several are called {name!r}; name one by its id: {ids}")
    return str(found[0].id)


@command.command("list", epilog="Example: cellpass notice list --ended --json")
@click.option("--battery", help="Only those that concern this battery.")
@click.option("--ended", is_flag=True, help="Those that ended, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_(house: Any, *, battery: str | None, ended: bool, as_json: bool) -> None:
    """List the notices that stand."""
    from passport.ledger import batteries, notices

    with house.reading() as connection:
        if battery is None:
            found = notices.every(connection, ended=ended)
        else:
            one = batteries.find(connection, battery, house.settings.public_url)
            found = notices.of(connection, one.id, ended=ended)
    for notice in found:
        if as_json:
            click.echo(orjson.dumps({**notices.told(notice), "target": notice.target}))
            continue
        until = f" to {notice.ended_at:%Y-%m-%d} ({notice.ended_why})" if notice.ended_at else ""
        click.echo(
            f"{notice.id}  {notice.kind:11}  {notice.level:5} {notice.target}"
            f"  {notice.since:%Y-%m-%d}{until}  {notice.title}"
        )
    if not found and not as_json:
        click.echo("No notices stand.", err=True)


@command.command("end", epilog='Example: cellpass notice end NOTICE --reason "all packs were exchanged"')
@click.argument("notice")
@click.option("--reason", required=True, help="Why, in words; stays in the history.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def end(house: Any, *, notice: str, reason: str, as_json: bool) -> None:
    """End NOTICE: it leaves the pages and stays in the history."""
    from passport.grants import audit_administrator
    from passport.ledger import notices

    with house.writing() as connection:
        ended, pages = notices.end(connection, notice, why=reason, now=house.now())
        audit_administrator(connection, action="notice end", now=house.now(), detail=ended.id)
    _say(ended, pages, as_json=as_json)


def _say(notice: Any, pages: int, *, as_json: bool) -> None:
    from passport.ledger import notices

    if as_json:
        click.echo(orjson.dumps({**notices.told(notice), "target": notice.target, "batteries": pages}))
        return
    word = "ended" if notice.ended_at else "stands"
    click.echo(f"{notice.id}  {notice.kind} {word} on the pages of {counted(pages, 'battery', 'batteries')}")
