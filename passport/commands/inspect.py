"""`cellpass inspect`: findings of a person beside a battery, signed with the person's own key."""

import sys
from pathlib import Path
from typing import Any

import click
import orjson


@click.group(
    "inspect",
    short_help="Write, sign and file what an inspector found.",
    epilog="Example: cellpass inspect checklist BATTERY > findings.toml",
)
def command() -> None:
    """Checklists, signed findings, and the inspectors whose findings count."""


@command.command("checklist", epilog="Example: cellpass inspect checklist BATTERY > findings.toml")
@click.argument("battery")
@click.option("--all", "every", is_flag=True, help="All thirteen gates, not only those that are open.")
@click.pass_obj
def checklist(house: Any, *, battery: str, every: bool) -> None:
    """A file of findings to fill in, with what to look at for each open gate of BATTERY."""
    from passport import inspections
    from passport.appraising import assessment_of
    from passport.judgement.second_life.gates import Answer
    from passport.ledger import batteries

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
    house.refresh(found.id)
    with house.reading() as connection:
        outcome = assessment_of(connection, found, now=house.now())
    gates = [one.gate.id for one in outcome.results if every or one.answer is Answer.UNKNOWN]
    text = inspections.template(found, public_url=house.settings.public_url, gates=gates, now=house.now())
    click.echo(text, nl=False)


@command.command(
    "key", epilog="Example: cellpass inspect key inspector.pem --password-file secret > inspector.jwk"
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Holds the password that encrypts the key.",
)
def key(*, path: Path, password_file: Path) -> None:
    """Make the inspector's own key at PATH, and print its public half for the operator."""
    from passport.inspections import did_of
    from passport.signing.keys import RecordKey, create_record_key

    password = _password(password_file)
    create_record_key(path, password=password)
    made = RecordKey(path, password)
    click.echo(orjson.dumps(made.public_jwk, option=orjson.OPT_INDENT_2))
    click.echo(
        f"{did_of(made.public_jwk)}\nThe key stays in {path}; only what was printed is given away.", err=True
    )


@command.command(
    "sign", epilog="Example: cellpass inspect sign findings.toml --key inspector.pem --password-file secret"
)
@click.argument("findings", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Holds the password of the key.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: FINDINGS with .jws.")
@click.pass_obj
def sign(house: Any, *, findings: Path, key_file: Path, password_file: Path, out: Path | None) -> None:
    """Sign FINDINGS with the inspector's key; needs no data folder and no network."""
    from passport import inspections
    from passport.errors import InputRefused
    from passport.signing.keys import RecordKey

    try:
        text = findings.read_text("utf-8")
    except UnicodeDecodeError:
        raise InputRefused(f"{findings}: expected UTF-8 text") from None
    token = inspections.sign(
        inspections.read_findings(text), RecordKey(key_file, _password(password_file)), now=house.now()
    )
    target = out or findings.with_suffix(".jws")
    target.write_bytes(token)
    click.echo(f"signed: {target}")


@command.command("file", epilog="Example: cellpass inspect file findings.jws")
@click.argument("statement", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def file(house: Any, *, statement: Path, as_json: bool) -> None:
    """Take in a signed inspection and tell what it changes."""
    from passport import inspections
    from passport.appraising import assessment_of

    now = house.now()
    with house.writing() as connection:
        battery, made = inspections.file(
            connection, statement.read_bytes(), public_url=house.settings.public_url, now=now
        )
    house.refresh(battery.id)
    with house.reading() as connection:
        outcome = assessment_of(connection, battery, now=now)
    open_gates = [line.split(":")[0] for line in outcome.inspect]
    if as_json:
        told = {
            "battery": battery.id,
            "digest": made.digest,
            "inspector": made.inspector.name,
            "verdict": outcome.verdict.value,
            "open": open_gates,
        }
        click.echo(orjson.dumps(told))
        return
    click.echo(f"filed: {battery.identifier}, by {made.inspector.name}, {made.digest[:12]}")
    click.echo(f"verdict: {outcome.verdict.value}; open: {', '.join(open_gates) or 'no gate'}")


@command.command("list", epilog="Example: cellpass inspect list BATTERY --json")
@click.argument("battery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_(house: Any, *, battery: str, as_json: bool) -> None:
    """Every inspection of BATTERY, the oldest first; each signature is verified anew."""
    from passport import inspections
    from passport.ledger import batteries
    from schemas.values import utc_text

    with house.reading() as connection:
        found = batteries.find(connection, battery, house.settings.public_url)
        filed = inspections.of_battery(connection, found.id)
    for one in filed:
        if as_json:
            told = {"digest": one.digest, "inspector": one.inspector.name, **one.findings.to_wire()}
            click.echo(orjson.dumps(told))
            continue
        click.echo(f"{utc_text(one.findings.inspected_at)}  {one.inspector.name}  {one.digest[:12]}")
        for finding in one.findings.findings:
            click.echo(f"  {finding.gate:4}{'clean  ' if finding.clean else 'FINDING'}  {finding.sentence}")
        if one.findings.capacity is not None:
            test = one.findings.capacity
            click.echo(f"  capacity {test.ampere_hours} Ah, within {test.half_width}  {test.sentence}")
    if not filed and not as_json:
        click.echo("Nobody has inspected it.")


@command.group("inspector", epilog="Example: cellpass inspect inspector list")
def inspector() -> None:
    """Whose findings count."""


@inspector.command(
    "add",
    epilog="Example: cellpass inspect inspector add NAME --qualification 'level 3' --key inspector.jwk",
)
@click.argument("name")
@click.option("--qualification", required=True, help="What makes this person an inspector.")
@click.option("--key", "jwk", type=click.File("rb"), required=True, help="The public half, as a JWK.")
@click.pass_obj
def add(house: Any, *, name: str, qualification: str, jwk: Any) -> None:
    """Findings signed with this key count from now on."""
    from passport import inspections
    from passport.errors import InputRefused

    try:
        public = orjson.loads(jwk.read())
    except orjson.JSONDecodeError as error:
        raise InputRefused("expected a public key as a JWK") from error
    if not isinstance(public, dict):
        raise InputRefused("expected a public key as a JWK")
    with house.writing() as connection:
        made = inspections.add_inspector(
            connection, name=name, qualification=qualification, jwk=public, at=house.now()
        )
    click.echo(f"{made.name}: {made.kid}")


@inspector.command("end", epilog="Example: cellpass inspect inspector end KID")
@click.argument("kid")
@click.pass_obj
def end(house: Any, *, kid: str) -> None:
    """Nothing more is filed under this key; earlier inspections stay."""
    from passport import inspections

    with house.writing() as connection:
        inspections.end_inspector(connection, kid, at=house.now())
    click.echo(f"ended: {kid}")


@inspector.command("list", epilog="Example: cellpass inspect inspector list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_inspectors(house: Any, *, as_json: bool) -> None:
    """Everybody who was ever named."""
    from passport import inspections
    from schemas.values import utc_text

    with house.reading() as connection:
        known = inspections.inspectors(connection)
    for one in known:
        until = utc_text(one.until) if one.until else None
        if as_json:
            told = {"kid": one.kid, "name": one.name, "qualification": one.qualification, "until": until}
            click.echo(orjson.dumps(told))
        else:
            click.echo(f"{one.kid}  {one.name}, {one.qualification}{'  ended ' + until if until else ''}")


def _password(path: Path) -> bytes:
    password = path.read_bytes().strip()
    if not password:
        click.echo(f"{path}: expected a password, the file is empty", err=True)
        sys.exit(2)
    return password
