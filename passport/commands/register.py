"""`cellpass register`: into the Union's registry, and the proofs out of it before it is too late."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from passport.union_registry import Outcome
    from passport.union_registry.desk import ProofOutcome
    from passport.union_registry.overview import Standing

NEGATIVE: Final = 1
DEFAULT: Final = "batteries"


class _WordMayBeLeftOut(click.Group):
    """`register BATTERY` means `register batteries BATTERY`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in where the first thing after `--data` is no command."""
        at = 0
        while at < len(args) and args[at].split("=")[0] == "--data":
            at += 1 if "=" in args[at] else 2
        if at < len(args) and args[at] not in {*self.commands, *ctx.help_option_names}:
            args = [*args[:at], DEFAULT, *args[at:]]
        return super().parse_args(ctx, args)


@click.group(
    "register",
    cls=_WordMayBeLeftOut,
    short_help="Register batteries in the Union's registry; archive the proofs.",
    epilog="Example: cellpass register --all --dry-run",
)
def command() -> None:
    """Register batteries in the Union's registry, and archive their proofs.

    Nobody is contacted until section [registry] of DATA/cellpass.toml names the registry, and then only by
    these commands. The word `batteries` may be left out.
    """


def _print(wire: dict[str, Any]) -> None:
    import orjson

    click.echo(orjson.dumps(wire))


def _desk(house: Any) -> Any:
    from passport.union_registry import Desk

    return Desk(house.engine, house.settings, now=house.now)


def _ids(house: Any, named: Sequence[str]) -> list[str]:
    from passport.ledger import batteries

    with house.reading() as connection:
        return [batteries.find(connection, one, house.settings.public_url).id for one in named]


@contextmanager
def _progress(doing: str, total: int) -> Iterator[Any]:
    """A bar on a terminal; what advances it by one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda: bar.advance(task)


# -------------------------------------------------------------------------------------------- registering


@command.command(
    DEFAULT,
    short_help="Register each BATTERY, or all whose passport is owed.",
    epilog="Example: cellpass register /01/09520123456788/21/ABC --dry-run --json",
)
@click.argument("battery", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every battery with an active passport that is owed.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; ask nobody, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per battery.")
@click.pass_obj
def register(house: Any, *, battery: tuple[str, ...], every: bool, dry_run: bool, as_json: bool) -> None:
    """Register each BATTERY (URL, identifier path or id); one that is registered already is told.

    Voluntary passports are sent only when they are named. A run that was stopped goes on where it stopped.
    Exit status 1 when a battery was refused or not sent.
    """
    from passport.union_registry import RegistryClient, Word

    if every == bool(battery):
        raise click.UsageError("name at least one BATTERY, or --all")
    desk = _desk(house)
    _ = desk.registry  # refused before anything else where there is none
    if every:
        with house.reading() as connection:
            wanted = desk.candidates(connection)
    else:
        wanted = _ids(house, battery)
    if dry_run:
        looked = desk.look(wanted)
        for outcome in looked:
            _tell(outcome, as_json=as_json, dry_run=True)
        if not looked:
            click.echo("Nothing is left to register.", err=True)
        if any(outcome.word is Word.LEFT and outcome.body is None for outcome in looked):
            sys.exit(NEGATIVE)
        return
    counts = dict.fromkeys(Word, 0)
    with (
        desk.alone(),
        RegistryClient(desk.registry, now=house.now) as client,
        _progress("registering", len(wanted)) as advance,
    ):
        for outcome in desk.register(client, wanted):
            counts[outcome.word] += 1
            _tell(outcome, as_json=as_json, dry_run=False)
            advance()
    said = ", ".join(f"{count} {word.value}" for word, count in counts.items() if count)
    click.echo(f"{said or 'Nothing is left to register'}.", err=True)
    if counts[Word.REGISTERED] or counts[Word.FOUND]:
        click.echo(
            "Now archive the proofs (cellpass register proofs), and issue again so that the passports state"
            " them (cellpass issue).",
            err=True,
        )
    if counts[Word.REFUSED] or counts[Word.UNCLEAR] or counts[Word.LEFT]:
        sys.exit(NEGATIVE)


def _tell(outcome: "Outcome", *, as_json: bool, dry_run: bool) -> None:
    import orjson

    from schemas.values import utc_text

    registration = outcome.registration
    word = "would be sent" if dry_run and outcome.body is not None else outcome.word.value
    if as_json:
        wire: dict[str, Any] = {
            "battery": outcome.battery,
            "identifier": outcome.identifier,
            "outcome": word,
            "reason": outcome.reason or None,
        }
        if registration is not None:
            ends = registration.expires_at
            wire |= {
                "registration_id": registration.registration_id,
                "registered_at": utc_text(registration.registered_at) if registration.registered_at else None,
                "proof_until": utc_text(ends) if ends else None,
                "version": registration.version,
                "record_sha256": registration.sha256,
            }
        if outcome.body is not None:
            wire["request"] = orjson.loads(outcome.body)
        _print(wire)
        return
    line = f"{outcome.identifier}  {word}"
    if registration is not None:
        line += f"  {registration.registration_id}"
    elif outcome.body is not None and dry_run:
        line += f"  {outcome.body.decode()}"
    elif outcome.reason:
        line += f"  {outcome.reason}"
    click.echo(line)


@command.command(
    "adopt",
    short_help="State the registration that the registry shows for BATTERY.",
    epilog="Example: cellpass register adopt /01/09520123456788/21/ABC REG-7 --on 2027-02-18",
)
@click.argument("battery")
@click.argument("identifier")
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day of the registration; without it the proof counts as due at once.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def adopt(house: Any, *, battery: str, identifier: str, on: datetime | None, as_json: bool) -> None:
    """Write down that BATTERY is registered as IDENTIFIER, as read in the registry's own pages.

    For registrations made by hand, and for answers that were lost. It is written once and never changed.
    """
    from schemas.values import utc_text

    desk = _desk(house)
    (battery_id,) = _ids(house, [battery])
    # The day alone is known: the proof ends no later than if it had been its first moment.
    moment = on.replace(tzinfo=UTC) if on else None
    with desk.alone():
        registration = desk.adopt(battery_id, identifier, registered_at=moment)
    ends = registration.expires_at
    if as_json:
        _print(
            {
                "battery": battery_id,
                "registration_id": registration.registration_id,
                "registered_at": utc_text(registration.registered_at) if registration.registered_at else None,
                "proof_until": utc_text(ends) if ends else None,
            }
        )
        return
    until = f"until {ends:%Y-%m-%d}" if ends else "for an unknown time"
    click.echo(f"Registered as {registration.registration_id}; the registry gives the proof {until}.")


@command.command(
    "give-up",
    short_help="End what is on its way for BATTERY.",
    epilog="Example: cellpass register give-up /01/09520123456788/21/ABC --reason 'turned down: no model'",
)
@click.argument("battery")
@click.option("--reason", required=True, help="Why, in words; it is kept.")
@click.pass_obj
def give_up(house: Any, *, battery: str, reason: str) -> None:
    """End BATTERY's request after the registry turned it down elsewhere than in an answer.

    The next `cellpass register` sends a new one. Look in the registry first: what it may have accepted must
    not be sent anew.
    """
    if not reason.strip():
        raise click.UsageError("--reason needs a reason in words")
    desk = _desk(house)
    (battery_id,) = _ids(house, [battery])
    with desk.alone():
        attempt = desk.give_up(battery_id, reason.strip())
    click.echo(f"Attempt {attempt.number} is over.", err=True)


# -------------------------------------------------------------------------------------------------- proofs


@command.command(
    "proofs",
    short_help="Fetch and archive the proofs that are missing.",
    epilog="Example: cellpass register proofs /01/09520123456788/21/ABC --file proof.pdf",
)
@click.argument("battery", nargs=-1)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Archive this proof, which was downloaded by hand, for the one BATTERY.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per battery.")
@click.pass_obj
def proofs(house: Any, *, battery: tuple[str, ...], file: Path | None, as_json: bool) -> None:
    """Fetch and archive the proof of each BATTERY, or every proof that is missing, the most urgent first.

    Each is kept as it came and compared with the stored record. Exit status 1 when one could not be had, or
    speaks of something else.
    """
    from passport.ledger import registrations
    from passport.union_registry import RegistryClient

    desk = _desk(house)
    if file is not None:
        if len(battery) != 1:
            raise click.UsageError("--file needs the one BATTERY that it proves the registration of")
        (battery_id,) = _ids(house, battery)
        with desk.alone():
            content, media_type = _read(file)
            brought = desk.keep_proof(battery_id, content, media_type=media_type, origin="file")
        if not _tell_proof(brought, as_json=as_json):
            sys.exit(NEGATIVE)
        return
    if battery:
        wanted = _ids(house, battery)
    else:
        with house.reading() as connection:
            wanted = registrations.missing(connection)
    well = True
    with (
        desk.alone(),
        RegistryClient(desk.registry, now=house.now) as client,
        _progress("fetching proofs", len(wanted)) as advance,
    ):
        for outcome in desk.fetch_proofs(client, wanted):
            well = _tell_proof(outcome, as_json=as_json) and well
            advance()
    if not wanted:
        click.echo("No proof is missing.", err=True)
    if not well:
        sys.exit(NEGATIVE)


def _read(file: Path) -> tuple[bytes, str]:
    """Content and media type of a proof that was downloaded by hand."""
    import mimetypes

    from passport.errors import InputRefused
    from passport.union_registry.client import PROOF_LIMIT_BYTES

    with file.open("rb") as stream:
        content = stream.read(PROOF_LIMIT_BYTES + 1)
    if not 0 < len(content) <= PROOF_LIMIT_BYTES:
        raise InputRefused(f"{file}: a proof has 1 to {PROOF_LIMIT_BYTES} bytes; got {len(content)} or more")
    return content, mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _tell_proof(outcome: "ProofOutcome", *, as_json: bool) -> bool:
    """Print what came of a proof; whether all is well with it."""
    from schemas.values import utc_text

    proof, compared = outcome.proof, outcome.comparison
    well = proof is not None and (compared is None or compared.match != "no")
    if as_json:
        wire: dict[str, Any] = {
            "battery": outcome.registration.battery,
            "identifier": outcome.identifier,
            "registration_id": outcome.registration.registration_id,
            "archived": proof is not None,
            "reason": outcome.reason or None,
        }
        if proof is not None:
            wire |= {
                "sha256": proof.sha256,
                "media_type": proof.media_type,
                "fetched_at": utc_text(proof.fetched_at),
            }
        if compared is not None:
            wire |= {
                "fits_record": compared.match.value,
                "fits_version": compared.version,
                "why": compared.sentence,
            }
        _print(wire)
    elif proof is None or compared is None:
        click.echo(f"{outcome.identifier}  no proof  {outcome.reason}")
    else:
        click.echo(
            f"{outcome.identifier}  archived  sha256 {proof.sha256}\n"
            f"  fits the record: {compared.match.value}; {compared.sentence}"
        )
    return well


@command.command(
    "proof",
    short_help="Write the archived proof of BATTERY as it came.",
    epilog="Example: cellpass register proof /01/09520123456788/21/ABC -o proof.pdf",
)
@click.argument("battery")
@click.option(
    "-o",
    "--output",
    type=click.File("wb"),
    default="-",
    help="File to write (default: standard output).",
)
@click.pass_obj
def proof(house: Any, *, battery: str, output: Any) -> None:
    """Write the newest archived proof of BATTERY, byte for byte as the registry gave it."""
    from passport.errors import NotFound
    from passport.ledger import registrations

    (battery_id,) = _ids(house, [battery])
    with house.reading() as connection:
        found = registrations.proofs(connection, [battery_id]).get(battery_id)
        if found is None:
            raise NotFound(f"no proof of registration is archived for {battery[:120]}")
        content = registrations.content(connection, found)
    output.write(content)


# -------------------------------------------------------------------------------------------------- status


@command.command(
    "status",
    short_help="Say what is registered, and which proofs are missing.",
    epilog="Example: cellpass register status --json",
)
@click.argument("battery", nargs=-1)
@click.option("--compare", is_flag=True, help="Compare the archived proofs with the stored records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per battery.")
@click.pass_obj
def status(house: Any, *, battery: tuple[str, ...], compare: bool, as_json: bool) -> None:
    """Say of each BATTERY, or of all, whether it is registered and whether its proof is archived.

    Exit status 1 when a proof is missing that the registry gives for 30 more days at most, or no longer, or
    for a time that is not known.
    """
    from itertools import islice

    from passport.ledger import registrations
    from passport.union_registry.desk import GROUP
    from passport.union_registry.overview import standings

    desk, now = _desk(house), house.now()
    named = _ids(house, battery)
    pressing = seen = 0
    with house.reading() as connection:
        away = [one.battery for one in registrations.unfinished(connection)]
        waiting = iter(named or dict.fromkeys([*registrations.every(connection), *away]))
        for group in iter(lambda: list(islice(waiting, GROUP)), []):
            for one in standings(connection, group, now):
                seen += 1
                pressing += one.pressing
                compared = desk.compared(connection, one.battery) if compare or named else None
                _show(one, compared, as_json=as_json)
        unregistered = len(desk.candidates(connection)) if house.settings.registry else None
    if not as_json:
        if not seen:
            click.echo("Nothing is registered.", err=True)
        if unregistered and not named:
            click.echo(f"{unregistered} passports are owed and not registered.", err=True)
        if house.settings.registry is None:
            click.echo("No registry is configured (section [registry]); nobody is contacted.", err=True)
    if pressing:
        click.echo(f"{pressing} proofs must be fetched now: cellpass register proofs", err=True)
        sys.exit(NEGATIVE)


def _show(one: "Standing", compared: Any, *, as_json: bool) -> None:
    from schemas.values import utc_text

    registration, archived = one.registration, one.proof
    if as_json:
        wire: dict[str, Any] = {
            "battery": one.battery.id,
            "identifier": one.battery.identifier,
            "registration_id": registration.registration_id if registration else None,
            "registered_at": utc_text(registration.registered_at)
            if registration and registration.registered_at
            else None,
            "how": registration.how.value if registration else None,
            "registered_version": registration.version if registration else None,
            "newest_version": one.newest,
            "changed_since": one.changed_since,
            "on_its_way_since": utc_text(one.attempt.opened_at) if one.attempt else None,
            "examined_since": utc_text(one.attempt.submitted_at)
            if one.attempt and one.attempt.submitted_at
            else None,
            "proof_sha256": archived.sha256 if archived else None,
            "proof_fetched_at": utc_text(archived.fetched_at) if archived else None,
            "days_left": None if archived else one.days_left,
            "pressing": one.pressing,
        }
        if compared is not None:
            wire |= {"fits_record": compared.match.value, "why": compared.sentence}
        _print(wire)
        return
    if registration is None:
        assert one.attempt is not None
        doing = "examined by the registry" if one.attempt.submitted_at else "on its way"
        since = one.attempt.submitted_at or one.attempt.opened_at
        click.echo(f"{one.battery.identifier}  {doing} since {since:%Y-%m-%d}")
        return
    click.echo(f"{one.battery.identifier}  {registration.registration_id}  {_proof_in_words(one)}")
    if compared is not None:
        click.echo(f"  fits the record: {compared.match.value}; {compared.sentence}")
    if one.changed_since:
        click.echo(
            f"  version {registration.version} was registered, and version {one.newest} says something else;"
            " whether the registry wants to hear of it is not published"
        )


def _proof_in_words(one: "Standing") -> str:
    if one.proof is not None:
        return f"proof archived on {one.proof.fetched_at:%Y-%m-%d}"
    if one.days_left is None:
        return "proof missing, since when is not known: fetch it now"
    if one.days_left < 0:
        return f"proof missing, the registry has stopped giving it {-one.days_left} days ago"
    return f"proof missing, {one.days_left} days left"
