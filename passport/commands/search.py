"""`cellpass search`: the recyclers' question, from the command line; batches and lists to take home."""

from pathlib import Path
from typing import Any

import click
import orjson

from passport.commands.copies import audience_option, output_option, write_down
from passport.commands.words import counted
from schemas.terms import Audience

FORMATS = ("csv", "json", "xlsx", "parquet")
MOST_ROWS = 100_000


class FindsByDefault(click.Group):
    """A group whose first word may also be a filter: then it finds."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `find` before what names no subcommand."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["find", *args]
        return super().parse_args(ctx, args)


@click.group(
    "search",
    cls=FindsByDefault,
    short_help="Find batteries by what is known of them.",
    epilog="Example: cellpass search chemistry=LFP use=home_storage rated_energy_min=2 --order -health",
)
def command() -> None:
    """Find batteries, put batches together, keep questions. Without a subcommand: find."""


_AUDIENCE = audience_option(
    "Within whose rights to ask; the administrator's own machine may choose.", Audience.LEGITIMATE_INTEREST
)
_OUTPUT = output_option("File for the list, with --format (default: standard output).")


@command.command(
    "find", epilog="Example: cellpass search chemistry=LFP health_min=80 --format xlsx -o list.xlsx"
)
@click.argument("filters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--order", help="Field to sort by; a minus before it turns the order round.")
@click.option("--limit", type=click.IntRange(1, 200), default=30, show_default=True, help="Rows of one page.")
@click.option("--cursor", help="Where the last page ended.")
@_AUDIENCE
@click.option("--json", "as_json", is_flag=True, help="One JSON object per battery and line.")
@click.option("--counts", is_flag=True, help="How the found batteries divide, instead of a page of them.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="The whole list, not one page, in this format."
)
@_OUTPUT
@click.pass_obj
def find(
    house: Any,
    *,
    filters: tuple[str, ...],
    order: str | None,
    limit: int,
    cursor: str | None,
    audience: str,
    as_json: bool,
    counts: bool,
    form: str | None,
    output: Path | None,
) -> None:
    """Find batteries by what is known of them. Without filters: all, by rated energy."""
    from passport import grants, search

    pairs = _pairs(filters)
    if order is not None:
        pairs.append(("order", order))
    who, today = grants.Principal(Audience(audience)), house.now().date()
    if counts:
        _count(house, pairs, who, as_json=as_json)
        return
    if form is not None:
        with house.reading() as connection:
            rows = search.every(connection, pairs, who, today=today, most=MOST_ROWS)
        _take_home(house, form, rows, who, output, detail=search.told(search.parse(pairs), len(rows)))
        return
    pairs += [
        (name, value) for name, value in (("limit", str(limit)), ("cursor", cursor)) if value is not None
    ]
    with house.reading() as connection:
        question = search.parse(pairs)
        page = search.query(connection, question, who, today=today)
    write_down(house, Audience(audience), action="search", detail=search.told(question, len(page.rows)))
    for row in page.rows:
        _say(row, house.settings.public_url, as_json=as_json)
    if page.cursor is not None:
        click.echo(f"More: --cursor {page.cursor}", err=True)
    elif not page.rows:
        click.echo("No battery fits.", err=True)


@command.command(
    "assemble",
    epilog="Example: cellpass search assemble --model EX-5 --kwh 500 --format xlsx -o batch.xlsx",
)
@click.argument("filters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--model", required=True, help="Model identifier: a batch is of one model.")
@click.option("--kwh", required=True, help="Usable energy that is wanted, in kWh.")
@click.option(
    "--spread", default="3", show_default=True, help="Percent of health between the best and the worst pack."
)
@_AUDIENCE
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="The list in this format.")
@_OUTPUT
@click.pass_obj
def assemble(
    house: Any,
    *,
    filters: tuple[str, ...],
    model: str,
    kwh: str,
    spread: str,
    audience: str,
    as_json: bool,
    form: str | None,
    output: Path | None,
) -> None:
    """Put packs of one model, alike in health, together to the energy wanted; exit 1 where none reach it.

    Further filters narrow the packs. The fewest packs are taken.
    """
    from passport import grants
    from passport.search import assembly

    who = grants.Principal(Audience(audience))
    with house.reading() as connection:
        batch = assembly.assemble(
            connection,
            who,
            model=model,
            energy=assembly.number("kwh", kwh),
            spread=assembly.number("spread", spread),
            filters=_pairs(filters),
            today=house.now().date(),
        )
    detail = f"batch of {model[:60]}; {kwh} kWh within {spread} %; {len(batch.rows)} packs"
    if form is not None and batch.rows:
        _take_home(house, form, batch.rows, who, output, detail=detail, more=assembly.columns(batch))
        click.echo(assembly.sentence(batch), err=True)
        return
    write_down(house, Audience(audience), action="search", detail=detail)
    if as_json:
        click.echo(orjson.dumps(assembly.to_wire(batch, house.settings.public_url)))
    else:
        for row in batch.rows:
            _say(row, house.settings.public_url, as_json=False)
        click.echo(assembly.sentence(batch), err=True)
    if not batch.rows:
        raise click.exceptions.Exit(1)


@command.command(
    "save",
    epilog="Example: cellpass search save 'LFP at home' chemistry=LFP use=home_storage"
    " --key ceirceir --webhook https://example.org/hook",
)
@click.argument("name")
@click.argument("filters", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--key", "handle", required=True, help="Handle of the key within whose rights it asks.")
@click.option("--webhook", required=True, help="Where new matches are sent: https, or http on this machine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def save(
    house: Any, *, name: str, filters: tuple[str, ...], handle: str, webhook: str, as_json: bool
) -> None:
    """Keep a question; what newly fits it is sent to a webhook while the service runs.

    The secret that messages are signed with is shown, this once only.
    """
    from passport import grants, watching
    from passport.errors import NotFound
    from passport.search import saved

    now = house.now()
    with house.writing() as connection:
        who = grants.by_handle(connection, handle, now)
        if who is None:
            raise NotFound(
                f"no key that reads now has the handle {handle[:16]!r}; `cellpass key list` shows them"
            )
        made = saved.save(
            connection,
            who,
            name=name,
            handle=handle,
            pairs=_pairs(filters),
            url=webhook,
            now=now,
            random_bytes=house.issuer.random_bytes,
        )
        grants.audit_administrator(
            connection,
            action="search save",
            now=now,
            audience=who.audience,
            purpose=who.purpose,
            detail=f"{made.id} under {handle}: {' '.join(filters)}",
        )
    secret = watching.secret_of(house.data_dir, made.id)
    if as_json:
        click.echo(orjson.dumps({"id": made.id, "secret": secret}))
        return
    click.echo(f"{made.id}  {secret}")
    click.echo("The id, and the secret of its messages, shown once. See docs/search.md.", err=True)


@command.command("list", epilog="Example: cellpass search list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--messages", is_flag=True, help="The newest messages, and what became of them.")
@click.pass_obj
def list_saved(house: Any, *, as_json: bool, messages: bool) -> None:
    """Show saved searches, or the messages that were sent for them; never a secret."""
    from passport.search import saved
    from schemas.values import utc_text

    with house.reading() as connection:
        found = [] if messages else saved.every(connection)
        sent = saved.deliveries(connection) if messages else []
    for one in found:
        told = {
            "id": one.id,
            "name": one.name,
            "key": one.handle,
            "question": [f"{name}={text}" for name, text in one.pairs],
            "webhook": one.url,
            "created_at": utc_text(one.created_at),
        }
        line = f"{one.id}  {one.handle}  {one.name}: {' '.join(told['question'])}  {one.url}"
        click.echo(orjson.dumps(told) if as_json else line)
    for message in sent:
        said: dict[str, Any] = {
            "id": message.id,
            "search": message.search,
            "batteries": message.batteries,
            "made_at": utc_text(message.made_at),
            "attempts": message.attempts,
            "state": message.state.value,
            "told": message.told,
        }
        line = "  ".join(str(value) for value in said.values())
        click.echo(orjson.dumps(said) if as_json else line)


@command.command("remove", epilog="Example: cellpass search remove ABCDEFGHIJKLMNOP")
@click.argument("saved_id", metavar="ID")
@click.pass_obj
def remove(house: Any, saved_id: str) -> None:
    """Forget a saved search; messages that were not delivered yet are given up."""
    from passport import grants
    from passport.search import saved

    with house.writing() as connection:
        gone = saved.remove(connection, saved_id)
        grants.audit_administrator(connection, action="search remove", now=house.now(), detail=gone.id)
    click.echo(f"Removed {gone.id} {gone.name}.", err=True)


def _pairs(filters: tuple[str, ...]) -> list[tuple[str, str]]:
    from passport import search

    pairs = []
    for one in filters:
        name, sign, value = one.partition("=")
        if not sign:
            raise click.UsageError(
                f"expected NAME=VALUE, got {one!r}; names: {', '.join(search.parameters())}"
            )
        pairs.append((name, value))
    return pairs


def _say(row: Any, public_url: str, *, as_json: bool) -> None:
    from passport import search

    if as_json:
        click.echo(orjson.dumps(search.wire(row, public_url)))
        return
    known = [f"{name} {value}" for name, value in row.values.items() if value is not None]
    mark = "  (simulated)" if row.simulated else ""
    click.echo(f"{row.passport_id}  {', '.join(known)}{mark}")


def _count(house: Any, pairs: list[tuple[str, str]], who: Any, *, as_json: bool) -> None:
    from passport import search
    from passport.search import facets

    question = search.parse(pairs)
    with house.reading() as connection:
        found = facets.facets(connection, question, who, today=house.now().date())
    write_down(house, who.audience, action="search", detail=f"counts; {search.told(question, found.counted)}")
    if as_json:
        click.echo(orjson.dumps(facets.to_wire(found)))
        return
    for one in found.facets:
        told = [f"{word} {number}" for word, number in one.counts]
        told += [f"unknown {one.unknown}"] if one.unknown else []
        click.echo(f"{one.field.name:15} {', '.join(told) or '-'}")
    more = "" if found.complete else " at least; counting stopped there"
    click.echo(f"{counted(found.counted, 'battery', 'batteries')}{more}", err=True)


def _take_home(
    house: Any, form: str, rows: Any, who: Any, output: Path | None, *, detail: str, more: Any = ()
) -> None:
    from passport.search import sheets

    data = sheets.sheet(form, rows, who, house.settings.public_url, more=more)
    write_down(house, who.audience, action="export", detail=f"{form}; {detail}")
    if output is None or str(output) == "-":
        click.echo(data, nl=False)
    else:
        output.write_bytes(data)
        click.echo(f"{counted(len(rows), 'battery', 'batteries')} in {output}", err=True)
