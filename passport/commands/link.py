"""`cellpass link`: is this a right GS1 Digital Link or IEC 61406 link?"""

import json
import sys
from typing import Any

import click

LONGEST_LINE = 65_536


@click.command(
    "link",
    short_help="Parse and check a GS1 Digital Link or IEC 61406 link.",
    epilog="Example: cellpass link 'https://id.example.com/01/09521234543213/21/ABC'",
)
@click.argument("uri")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(uri: str, as_json: bool) -> None:
    """Parse and check a link; - reads one per line and prints one JSON line each.

    Exit status 1 when the link is not valid; with - always 0, as each line has its own answer.
    """
    if uri == "-":
        _lines()
        return
    told = judged(uri)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    elif told["valid"]:
        click.echo(f"valid {told['scheme']} link, canonical {told['canonical']}")
        for ai, value in told["identifiers"].items():
            click.echo(f"  ({ai}) {value}")
    else:
        click.echo(f"not valid: {told['reason']}")
    raise SystemExit(0 if told["valid"] else 1)


def _lines() -> None:
    for line in sys.stdin.buffer:
        told = judged(line.rstrip(b"\r\n").decode("utf-8", "replace")[:LONGEST_LINE])
        click.echo(json.dumps(told, ensure_ascii=False))


def judged(uri: str) -> dict[str, Any]:
    """The answer about one link; `identifiers` are values by application identifier."""
    from schemas.identifier import LinkInvalid, parse_link

    try:
        link = parse_link(uri)
    except LinkInvalid as error:
        return {
            "uri": uri,
            "valid": False,
            "reason": str(error),
            "scheme": None,
            "identifiers": {},
            "canonical": None,
        }
    return {
        "uri": uri,
        "valid": True,
        "reason": None,
        "scheme": link.scheme,
        "identifiers": dict(link.ais),
        "canonical": link.canonical,
    }
