"""`cellpass verify`: is this file genuine? Answered from the file and trusted keys, without a network."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from passport.signing.verify import Line, Verdict
    from schemas.terms import Category

_MARKS: Final = {"yes": ("yes", "green"), "no": ("NO", "red"), "unknown": ("unknown", "yellow")}
_ADVICE: Final = {
    "signature": "Do not rely on the content. Fetch the record again through the code on the battery, and"
    " check that the keys are the issuer's.",
    "disclosures": "Something was added, changed or cut after signing. Ask for the view again.",
    "validity": "Ask for the current version, or judge it at another time with --now.",
    "issuer": "Take the issuer's keys from its own site, not from where the file came from.",
    "schema": "The issuer signed content that is not as registered. Report it to the issuer.",
    "chain": "The history was changed or is incomplete. Ask the issuer for all versions.",
    "log": "The record is not in the log that you trust. Keep both and report it.",
    "subject": "The record belongs to another battery. Scan the code again.",
    "status": "The issuer withdrew this record. Ask for the current version.",
}


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
    """The time to judge by; the clock when none is given."""
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time; write 2026-11-20T12:00:00Z") from error
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no zone; write 2026-11-20T12:00:00Z")
    return moment


def _lines(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The lines that must say yes."""
    from passport.signing.verify import LINES, REQUIRED

    if text is None:
        return REQUIRED
    asked = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in asked if name not in LINES]:
        raise click.BadParameter(f"unknown: {', '.join(unknown)}; lines are {', '.join(LINES)}")
    if not asked:
        raise click.BadParameter(f"name at least one of {', '.join(LINES)}")
    return asked


_READABLE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command(
    "verify",
    short_help="Check a record, bundle or PDF line by line, without a network.",
    epilog="Example: cellpass verify passport.sd-jwt --keys operator.jwks.json --subject"
    " https://id.example.com/01/09520123456788/21/ABC",
)
@click.argument("file", type=_READABLE)
@click.option(
    "--keys", type=_READABLE, multiple=True, help="Keys you trust: JWKS, JWK, DID document or trust bundle."
)
@click.option(
    "--log-key", "log_keys", multiple=True, metavar="KEY", help="Log key you trust: name+id+key, or a file."
)
@click.option("--now", callback=_moment, metavar="TIME", help="Judge at this time instead of now.")
@click.option("--subject", metavar="URL", help="What you scanned; must be what the record speaks of.")
@click.option("--previous", type=_READABLE, help="The version before this one.")
@click.option("--status", type=_READABLE, help="A status list that you fetched.")
@click.option(
    "--require",
    callback=_lines,
    metavar="LINE,...",
    help="Lines that must say yes; default signature,disclosures,validity,issuer,schema.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    file: Path,
    *,
    keys: tuple[Path, ...],
    log_keys: tuple[str, ...],
    now: Any,
    subject: str | None,
    previous: Path | None,
    status: Path | None,
    require: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check FILE (a record, a bundle, a PDF, or - for standard input) line by line.

    Each line says yes, no or unknown, with its reason. Exit status 0: every required line says yes and none
    says no. 1: not so. 3: the file is nothing that could be checked. No network is used.
    """
    from passport.errors import InputRefused
    from passport.signing.keyset import read_keys, read_log_keys
    from passport.signing.verify import verify

    try:
        key_files = [_read(path) for path in keys]
        trusted = [key for data in key_files for key in read_keys(data)] if keys else None
        logs = [key for data in key_files for key in read_log_keys(data)]
        verdict = verify(
            _read(file),
            jwks=trusted,
            log_keys=[*logs, *(line for text in log_keys for line in _log_keys(text))],
            now=now,
            subject=subject,
            previous=_read(previous) if previous else None,
            status_list=_read(status) if status else None,
        )
    except InputRefused as error:
        if as_json:
            _print_json({"good": False, "refused": str(error)})
        else:
            click.echo(f"Refused: {error}", err=True)
        sys.exit(3)
    good = verdict.good(require)
    if as_json:
        _print_json(_as_json(verdict, require, good=good))
    else:
        _print(file, verdict, require, good=good)
    sys.exit(0 if good else 1)


def _read(path: Path) -> bytes:
    """The bytes of a file or of standard input; more than could be a record is not read."""
    from passport.signing.document import LARGEST_FILE_BYTES

    limit = LARGEST_FILE_BYTES + 1
    if str(path) == "-":
        return sys.stdin.buffer.read(limit)
    with path.open("rb") as file:
        return file.read(limit)


def _log_keys(text: str) -> list[str]:
    """A log key, or the keys in a file, one per line."""
    path = Path(text)
    if "+" in text and not path.is_file():
        return [text]
    if not path.is_file():
        raise click.BadParameter(f"{text!r} is neither name+id+key nor a file", param_hint="--log-key")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _as_json(verdict: "Verdict", required: Sequence[str], *, good: bool) -> dict[str, Any]:
    lines = [
        {
            "line": line.name,
            "answer": line.answer,
            "required": line.name in required,
            "reason": line.reason,
        }
        for line in verdict.lines
    ]
    return {"good": good, "record": _description(verdict.claims), "lines": lines}


def _print_json(value: Mapping[str, Any]) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False))


def _description(claims: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the record says it is, as far as texts and numbers go."""
    if not claims:
        return {}
    issuer, subject = claims.get("issuer", claims.get("iss")), claims.get("credentialSubject")
    said = {
        "type": claims.get("type", claims.get("vct")),
        "issuer": issuer.get("id") if isinstance(issuer, dict) else issuer,
        "subject": subject.get("id") if isinstance(subject, dict) else claims.get("sub"),
        "version": claims.get("recordVersion"),
        "id": claims.get("id"),
        "simulated": claims.get("simulated", False),
        "voluntary": claims.get("voluntary"),
        "incomplete": claims.get("incomplete"),
    }
    return {name: value for name, value in said.items() if isinstance(value, str | int | list)}


def _category(claims: "Mapping[str, Any] | None") -> "Category | None":
    """The category that a record states in clear; None where it states none of ours."""
    from schemas.terms import Category

    subject = (claims or {}).get("credentialSubject")
    stated = subject.get("battery_category") if isinstance(subject, dict) else None
    value = stated.get("value") if isinstance(stated, dict) else None
    return next((category for category in Category if category.value == value), None)


def _print(file: Path, verdict: "Verdict", required: Sequence[str], *, good: bool) -> None:
    """A table for a terminal: words first, colour only beside them."""
    said = _description(verdict.claims)
    click.echo(f"{file}")
    for name in ("subject", "issuer", "type", "version"):
        if name in said:
            value = said[name][-1:] if isinstance(said[name], list) else said[name]
            click.echo(f"  says {name:12} {_plain(value[0] if isinstance(value, list) and value else value)}")
    if said.get("simulated"):
        click.echo("  SIMULATED: this record describes no real battery.")
    if said.get("voluntary") is True:
        from passport.judgement.compliance import voluntary_words

        click.echo(f"  VOLUNTARY, says the issuer: {voluntary_words(_category(verdict.claims))}")
    if "incomplete" in said:
        click.echo(f"  INCOMPLETE, says the issuer: {_plain(said['incomplete'])}")
    click.echo()
    for line in verdict.lines:
        word, colour = _MARKS[line.answer]
        mark = click.style(f"{word:8}", fg=colour, bold=line.answer == "no")
        star = "*" if line.name in required else " "
        click.echo(f"{star} {line.name:12} {mark} {_wrapped(_plain(line.reason))}")
    click.echo("\n* must say yes")
    failing = [line for line in verdict.lines if _fails(line, required)]
    click.echo("Every required line says yes." if good else f"Not verified: {_names(failing)}.")
    for line in failing:
        # What is unknown says itself what to give.
        if line.answer == "no" and line.name in _ADVICE:
            click.echo(f"{line.name}: {_ADVICE[line.name]}")


def _wrapped(reason: str) -> str:
    """The reason in a column of its own on a terminal, on one line in a file."""
    import shutil
    import textwrap

    if not sys.stdout.isatty():
        return reason
    width = max(40, shutil.get_terminal_size().columns - 25)
    return textwrap.fill(reason, width, subsequent_indent=" " * 24, break_on_hyphens=False)


def _fails(line: "Line", required: Sequence[str]) -> bool:
    return line.answer == "no" or (line.answer == "unknown" and line.name in required)


def _names(lines: Sequence["Line"]) -> str:
    return ", ".join(f"{line.name} ({line.answer})" for line in lines)


def _plain(value: object) -> str:
    """One line that cannot steer a terminal, whatever the record says."""
    return "".join(character if character.isprintable() else "\ufffd" for character in str(value))[:300]
