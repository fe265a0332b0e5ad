"""`cellpass document`: declarations, reports and manuals, brought once and named by passports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from passport.commands.copies import audience_option, output_option, write_down
from schemas.terms import Disclosure

_Command = TypeVar("_Command", bound=Callable[..., Any])

# As in `passport.ledger.papers.Kind`, which costs an import; a test compares.
KINDS = (
    "declaration_of_conformity",
    "test_report",
    "manual",
    "rescue_sheet",
    "safety",
    "dismantling",
    "due_diligence",
    "carbon_footprint_study",
    "recycled_content",
    "waste_information",
    "label",
    "certificate",
    "photo",
    "other",
)


@click.group(
    "document",
    short_help="Keep declarations, reports and manuals for passports to name.",
    epilog="Example: cellpass document add doc.pdf --kind declaration_of_conformity --language en"
    " --version 1 --audience public",
)
def command() -> None:
    """Keep declarations, test reports, manuals and sheets, for passports to name by their address.

    A document is brought once. Its address holds the SHA-256 of its bytes, so that a record that states the
    address signs the document with it.
    """


def _operator_option(words: str) -> Callable[[_Command], _Command]:
    return click.option("--operator", metavar="ID", help=words)


def _json_option(function: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")(function)


# ------------------------------------------------------------------------------------------------- bringing


@command.command(
    "add",
    short_help="Check FILEs and keep them; print the address of each.",
    epilog="Example: cellpass document add manual-de.pdf --kind manual --language de --version 3"
    " --audience public --title Betriebsanleitung",
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE...",
)
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What it is.")
@click.option("--language", required=True, metavar="TAG", help="BCP 47, as de or pt-BR; zxx without words.")
@click.option("--version", required=True, metavar="LABEL", help="As its maker calls it.")
@click.option(
    "--audience",
    "disclosure",
    type=click.Choice([one.value for one in Disclosure]),
    required=True,
    help="Who may read it: Annex XIII point 1, 2, 3 or 4.",
)
@click.option("--title", help="As people know it (default: the file's name); for a single FILE.")
@_operator_option("Whose it is (default: the one operator of this installation).")
@click.option("--supersedes", metavar="NAME", help="The document whose place it takes; for a single FILE.")
@_json_option
@click.pass_obj
def add(
    house: Any,
    *,
    files: tuple[Path, ...],
    kind: str,
    language: str,
    version: str,
    disclosure: str,
    title: str | None,
    operator: str | None,
    supersedes: str | None,
    as_json: bool,
) -> None:
    """Check FILEs and keep them, all or none; print the address of each.

    Taken are PDF, PNG, JPEG, WebP, SVG, JSON, CSV and text, at most 25 MiB each, with nothing in them that
    would run. The same bytes are kept once.
    """
    from passport.active_content.check import LARGEST, check
    from passport.errors import ContentTooLarge, InputRefused
    from passport.ledger import papers

    if len(files) > 1 and (title is not None or supersedes is not None):
        raise click.UsageError("--title and --supersedes are for a single FILE")
    checked = []
    for path in files:
        try:
            if path.stat().st_size > LARGEST:
                raise ContentTooLarge(f"a document has at most {LARGEST // 2**20} MiB")
            checked.append((path, check(path.read_bytes())))
        except InputRefused as error:
            raise type(error)(f"{path}: {error}; nothing was added") from error
    public_url = house.settings.public_url
    with house.writing() as connection:
        owner = _owner(house, connection, operator)
        replaced = (
            papers.find(connection, supersedes, public_url=public_url, operator=owner)[-1].id
            if supersedes
            else None
        )
        kept = [
            papers.put(
                connection,
                paper,
                operator=owner,
                kind=papers.Kind(kind),
                title=title or path.stem,
                language=language,
                version=version,
                disclosure=Disclosure(disclosure),
                file_name=path.name,
                at=house.now(),
                by="administrator",
                supersedes=replaced,
            )
            for path, paper in checked
        ]
        for edition in kept:
            _write_down(house, connection, "document add", edition)
    for edition in kept:
        if as_json:
            click.echo(orjson.dumps(_told(edition, public_url)))
        else:
            click.echo(papers.address(public_url, edition.sha256))
            click.echo(f"{edition.file_name}: {edition.about}; {_readers(edition)}", err=True)
    if house.settings.leads_to_this_machine_only and not as_json:
        click.echo(
            f"The address leads to this machine only: set public_url in {house.data_dir / 'cellpass.toml'}"
            " before a record states it.",
            err=True,
        )


def _owner(house: Any, connection: Any, operator: str | None) -> str:
    """Whose document it is.

    Raises:
        click.UsageError: there are several operators, and none was named.
    """
    from passport.ledger import operators, trial

    if operator is not None:
        return operators.get(connection, operator).id
    usual = operators.usual(connection)
    if usual is not None:
        return usual
    found = operators.all_operators(connection)
    if len(found) == 1:
        return found[0].id
    if found:
        listed = ", ".join(one.id for one in found)
        raise click.UsageError(f"say whose it is with --operator: {listed}")
    return operators.create(
        connection, trial.OPERATOR, name=trial.OPERATOR_NAME, simulated=False, at=house.now()
    ).id


# -------------------------------------------------------------------------------------------------- looking


@command.command(
    "list", short_help="List the documents.", epilog="Example: cellpass document list --kind manual"
)
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@_operator_option("Only of this operator.")
@click.option("--all", "withdrawn", is_flag=True, help="Withdrawn editions too.")
@_json_option
@click.pass_obj
def list_(house: Any, *, kind: str | None, operator: str | None, withdrawn: bool, as_json: bool) -> None:
    """List the documents, oldest first."""
    from passport.ledger import papers

    with house.reading() as connection:
        found = papers.every(
            connection,
            operator=operator,
            kind=papers.Kind(kind) if kind else None,
            withdrawn=withdrawn,
        )
    for edition in found:
        if as_json:
            click.echo(orjson.dumps(_told(edition, house.settings.public_url)))
            continue
        mark = f"  (withdrawn: {edition.withdrawn_why})" if edition.withdrawn_at else ""
        click.echo(
            f"{edition.id}  {edition.sha256[:12]}  {edition.kind.value:25}  {edition.language:5}"
            f"  {_readers(edition):24}  {edition.file_name}: {edition.title}, version {edition.version}{mark}"
        )
    if not found and not as_json:
        click.echo("No documents yet. Bring one with: cellpass document add FILE ...", err=True)


@command.command(
    "show",
    short_help="Tell everything about a document.",
    epilog="Example: cellpass document show manual-de.pdf",
)
@click.argument("name")
@_operator_option("Only of this operator.")
@_json_option
@click.pass_obj
def show(house: Any, name: str, *, operator: str | None, as_json: bool) -> None:
    """Tell everything about the document NAME: a file name, sha256:DIGEST, an address or an edition's id."""
    from passport.ledger import papers

    public_url = house.settings.public_url
    with house.reading() as connection:
        found = papers.find(connection, name, public_url=public_url, operator=operator)
    for number, edition in enumerate(found):
        told = _told(edition, public_url)
        if as_json:
            click.echo(orjson.dumps(told))
            continue
        if number:
            click.echo()
        for member, value in told.items():
            if value is not None:
                click.echo(f"{member.replace('_', ' '):14} {value}")


@command.command(
    "get",
    short_help="Write a document to a file.",
    epilog="Example: cellpass document get manual-de.pdf -o manual.pdf",
)
@click.argument("name")
@_operator_option("Only of this operator.")
@output_option("File to write (default: its own name; - for standard output).")
@click.pass_obj
def get(house: Any, name: str, *, operator: str | None, output: Path | None) -> None:
    """Write the document NAME: a file name, sha256:DIGEST, an address or an edition's id."""
    from passport.errors import DocumentAmbiguous
    from passport.ledger import papers

    with house.writing() as connection:
        found = papers.find(connection, name, public_url=house.settings.public_url, operator=operator)
        if len({one.sha256 for one in found}) > 1:
            listed = "; ".join(f"{one.id}: {one.words}" for one in found)
            raise DocumentAmbiguous(f"several documents are called {name!r}; give the id of one: {listed}")
        data = papers.content(connection, found[-1].sha256)
        if found[-1].disclosure is not Disclosure.PUBLIC:
            _write_down(house, connection, "document get", found[-1])
    if str(output) == "-":
        click.echo(data, nl=False)
        return
    target = output or Path(found[-1].file_name)
    target.write_bytes(data)
    click.echo(str(target))


# ---------------------------------------------------------------------------------------------- withdrawing


@command.command(
    "withdraw",
    short_help="Stop giving out a document.",
    epilog="Example: cellpass document withdraw manual-de.pdf --why 'page 4 named a wrong torque'",
)
@click.argument("name")
@click.option("--why", required=True, help="In words; whoever follows the address reads them.")
@click.option("--erase", is_flag=True, help="Take the bytes away for ever; digest, title and reason stay.")
@_operator_option("Only of this operator.")
@_json_option
@click.pass_obj
def withdraw(house: Any, name: str, *, why: str, erase: bool, operator: str | None, as_json: bool) -> None:
    """Stop giving out the document NAME: a file name, sha256:DIGEST, an address or an edition's id.

    Records that name it stay as they were signed; its address answers that it was withdrawn, when and why,
    and pages that name it say so.
    """
    from passport.errors import DocumentAmbiguous
    from passport.ledger import papers

    public_url = house.settings.public_url
    with house.writing() as connection:
        found = papers.find(connection, name, public_url=public_url, operator=operator)
        open_ = [one for one in found if one.withdrawn_at is None] or found[-1:]
        if len(open_) > 1:
            listed = "; ".join(f"{one.id}: {one.words}, {one.operator}" for one in open_)
            raise DocumentAmbiguous(f"{name!r} has several editions; give the id of one: {listed}")
        edition = papers.withdraw(
            connection, open_[0].id, why=why, at=house.now(), by="administrator", erase=erase
        )
        _write_down(house, connection, "document erase" if erase else "document withdraw", edition)
    if as_json:
        click.echo(orjson.dumps(_told(edition, public_url)))
        return
    click.echo(f"Withdrawn: {edition.words}{', its bytes erased' if edition.erased else ''}.", err=True)


# --------------------------------------------------------------------------------------------------- export


@command.command(
    "export",
    short_help="Write the documents that a battery's records name.",
    epilog="Example: cellpass document export --battery /01/09521234543213/21/ABC -o documents.zip",
)
@click.option("--battery", required=True, help="Whose records name them: URL, identifier path or id.")
@audience_option("Which documents: those that this audience may read.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A new folder, or a file that ends in .zip.",
)
@_json_option
@click.pass_obj
def export(house: Any, *, battery: str, audience: str, output: Path, as_json: bool) -> None:
    """Write every document that a battery's newest records name, with a manifest and a list of digests.

    `sha256sum -c SHA256SUMS` checks the files; the digests are those in the signed record's addresses.
    """
    from passport import library
    from passport.ledger import batteries
    from schemas.terms import Audience

    if output.exists() and (output.suffix != ".zip" or output.is_dir()):
        raise click.UsageError(f"{output} is already there; name a new folder or a .zip file")
    public_url = house.settings.public_url
    reader = Audience(audience)
    with house.reading() as connection:
        found = batteries.find(connection, battery, public_url)
        parcel = library.parcel(connection, found, reader, public_url, at=house.now())
    write_down(house, reader, action="read", battery=found.id, detail="documents")
    if output.suffix == ".zip":
        output.write_bytes(parcel.zipped())
    else:
        output.mkdir(parents=True)
        for name, data in parcel.files.items():
            (output / name).write_bytes(data)
    for one in parcel.manifest["documents"]:
        if as_json:
            click.echo(orjson.dumps(one))
        else:
            click.echo(f"{one['state']:20}  {one.get('file') or one['address']}", err=True)
    if not as_json:
        click.echo(str(output))


# ---------------------------------------------------------------------------------------------------- words


def _readers(edition: Any) -> str:
    return str(edition.disclosure.value)


def _told(edition: Any, public_url: str) -> dict[str, Any]:
    from passport.ledger import papers
    from schemas.values import utc_text

    return {
        "address": papers.address(public_url, edition.sha256),
        "id": edition.id,
        "sha256": edition.sha256,
        "operator": edition.operator,
        "kind": edition.kind.value,
        "title": edition.title,
        "language": edition.language,
        "version": edition.version,
        "audience": edition.disclosure.value,
        "file_name": edition.file_name,
        "media_type": edition.media_type,
        "about": edition.about,
        "size": edition.size,
        "added_at": utc_text(edition.added_at),
        "by": edition.by,
        "supersedes": edition.supersedes,
        "withdrawn_at": edition.withdrawn_at and utc_text(edition.withdrawn_at),
        "withdrawn_why": edition.withdrawn_why or None,
        "erased": edition.erased or None,
    }


def _write_down(house: Any, connection: Any, action: str, edition: Any) -> None:
    """The audit row of an act on a document, in the same transaction."""
    from passport import grants

    grants.audit_administrator(
        connection, action=action, now=house.now(), detail=f"{edition.id} {edition.words}"
    )
