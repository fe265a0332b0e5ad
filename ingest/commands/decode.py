"""`cellpass decode`: a capture file to readings, without a database."""

import json
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import click

from ingest.captures import Decoded, read_capture
from ingest.errors import CaptureRefused, ProtocolUnknown
from ingest.plausibility import Memory, doubt
from ingest.protocol import Protocol, Refused, discover, find
from schemas.reading import altered

INPUT_REFUSED: Final = 3
FRAMES_TRIED: Final = 64
_SHOWN_BYTES: Final = 32


def _protocol(context: click.Context, parameter: click.Parameter, value: str) -> Protocol:
    del context, parameter
    try:
        return find(value)
    except ProtocolUnknown as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    "decode",
    epilog="Example: cellpass decode --protocol jbd recording.json",
    short_help="Read a recording of a BMS.",
)
@click.option(
    "--protocol",
    required=True,
    metavar="P",
    callback=_protocol,
    help="Name of the protocol; a wrong one lists them.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines, which is what this command always writes.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
def command(protocol: Protocol, file: Path, *, as_json: bool) -> None:
    """Print the readings of a recording, one JSON object on a line.

    FILE is JSON with "frames" or "exchanges", text lines, raw bytes, or for a CAN bus a log as its tool
    writes it (candump, CANboat, .asc, .blf, .trc, .mf4); "-" is standard input. Frames that fail their
    checksum, length or delimiters are printed on standard error, one JSON object on a line, with what was
    expected and what came. Exit status: 0 if any frame was read, 3 if none was, 2 for a protocol that does
    not exist.
    """
    del as_json
    name = "standard input" if str(file) == "-" else str(file)
    with click.open_file(str(file), "rb") as stream:
        sentence = _decode(stream, protocol)
    if sentence is None:
        return
    others = [] if str(file) == "-" else _others(file, protocol)
    advice = f"; it holds frames of {', '.join(others)}" if others else ""
    click.echo(json.dumps({"error": f"{name}: {sentence}{advice}"}), err=True)
    sys.exit(INPUT_REFUSED)


def _decode(stream: IO[bytes], protocol: Protocol) -> str | None:
    """Print what the stream holds; a sentence when that is nothing, else None."""
    memory = Memory(protocol=protocol.name)
    read = empty = 0
    refused: Counter[str] = Counter()
    try:
        for found in read_capture(stream, protocol):
            if isinstance(found, Decoded):
                read += bool(found.readings)
                empty += not found.readings
                for reading in doubt(found.readings, memory, at=found.at):
                    # A record that was taken at a known time was measured then, as `cellpass ingest` has it.
                    timed = altered(reading, measured_at=reading.measured_at or found.at)
                    click.echo(json.dumps(timed.to_wire(), ensure_ascii=False))
            else:
                refused[found.fault.value] += 1
                click.echo(json.dumps(_shown(found, is_terminal=sys.stderr.isatty())), err=True)
    except CaptureRefused as error:
        return str(error)
    if read:
        return None
    faults = ", ".join(f"{count} {fault}" for fault, count in refused.items()) or "nothing refused"
    without = f", {empty} sound but without anything that is read" if empty else ""
    return (
        f"expected at least one answer of {protocol.name} ({protocol.title}), came none ({faults}{without})"
    )


def _shown(refused: Refused, *, is_terminal: bool) -> dict[str, Any]:
    """The line for a refused frame; people get the beginning of its bytes, programs all that is kept."""
    wire = refused.to_wire()
    if is_terminal and len(refused.raw) > _SHOWN_BYTES:
        wire["hex"] = f"{refused.raw[:_SHOWN_BYTES].hex()}..."
    return wire


def _others(file: Path, protocol: Protocol) -> list[str]:
    """Names of other protocols that find readings near the beginning of the file."""
    names = []
    for other in discover().values():
        try:
            with file.open("rb") as stream:
                found = islice(read_capture(stream, other), FRAMES_TRIED) if other is not protocol else ()
                if any(isinstance(one, Decoded) and one.readings for one in found):
                    names.append(other.name)
        except CaptureRefused:
            return []
    return names
