"""`cellpass detect`: which protocol a recording, or whatever answers on a line, speaks."""

import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from ingest.errors import IngestError, SourceUnknown, TransportFailed

if TYPE_CHECKING:
    from ingest.detect import Detection
    from ingest.protocol import Decoder, Protocol
    from ingest.transports.address import Address
    from ingest.transports.base import Line

NONE_FITS: Final = 1
WRONG_USE: Final = 2
INPUT_REFUSED: Final = 3
# A line is asked slowly: an answer to one request must be over before the next one is sent.
_ANSWER_S: Final = 0.6
_GAP_S: Final = 0.15
_PAUSE_S: Final = 0.1
_MOST_BYTES: Final = 16_384
# So many reads of one protocol are enough to know it.
_MOST_READS: Final = 64


@click.command(
    "detect",
    short_help="Say which protocols a recording or a line may be in.",
    epilog="\b\nExamples:\n"
    "  cellpass detect recording.json\n"
    "  cellpass detect tcp:192.0.2.7:8899\n"
    "  cellpass detect serial:/dev/ttyUSB0",
)
@click.argument("source", metavar="SOURCE")
@click.option(
    "--listen",
    "listen_s",
    type=click.FloatRange(0, 600),
    default=2.0,
    show_default=True,
    help="Seconds to listen on a line before anything is asked.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(*, source: str, listen_s: float, as_json: bool) -> None:
    """Name the protocols that SOURCE may be in, likeliest first, each with its reasons.

    SOURCE is a recording (see `cellpass decode`), serial:PORT or tcp:HOST:PORT. On a line this command
    listens first and then sends the reads of each protocol in turn, one after another, slowly, and nothing
    but reads of the allow-lists. A candidate is a candidate: the operator says which one it is. Exit status:
    0 when there is a candidate, 1 when there is none, 2 when there is no such file or address, 3 when SOURCE
    cannot be read.
    """
    from ingest.detect import detect
    from ingest.transports.address import parse_address

    try:
        address = parse_address(source)
        if address is None:
            data = _recorded(source)
        else:
            data, source = _heard(address, source, listen_s)
        found = detect(data)
    except SourceUnknown as error:
        click.echo(json.dumps({"error": str(error)}) if as_json else f"Error: {error}", err=True)
        sys.exit(WRONG_USE)
    except IngestError as error:
        text = str(error) if str(error).startswith(source.partition("?")[0]) else f"{source}: {error}"
        click.echo(json.dumps({"error": text}) if as_json else f"Error: {text}", err=True)
        sys.exit(INPUT_REFUSED)
    if as_json:
        wire = {"source": source, **found.to_wire()}
        for one in wire["candidates"]:
            one["next"] = _next(source, one["protocol"], one["parts"])
        click.echo(json.dumps(wire, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(source, found)))
    if not found.candidates:
        sys.exit(NONE_FITS)


def _next(source: str, protocol: str, parts: "Sequence[str]") -> str:
    """The command that stores it; one part alone is the whole device."""
    binds = ["BATTERY"]
    if len(parts) > 1:
        binds = [f"{part}=BATTERY{number}" for number, part in enumerate(parts, 1)]
    said = " ".join(f"--bind {shlex.quote(bind)}" for bind in binds)
    return f"cellpass ingest {shlex.quote(source)} --protocol {protocol} {said}"


def _lines(source: str, found: "Detection") -> Iterator[str]:
    if not found.candidates:
        yield f"{source}: no protocol fits."
    for number, one in enumerate(found.candidates, 1):
        yield f"{number}. {one.protocol} ({one.title}; {one.certainty.value})"
        yield from (f"   - {reason}" for reason in one.reasons)
        yield f"   next: {_next(source, one.protocol, one.parts)}"
    if found.settle:
        yield "More than one fits; what would settle it:"
        yield from (f"   - {sentence}" for sentence in found.settle)
    if found.turned_down:
        yield "Turned down:"
        for one in found.turned_down[:8]:
            yield f"   - {one.protocol}: {one.reasons[-1] if not one.accepted else 'explains too little'}"


def _recorded(path: str) -> bytes:
    from pathlib import Path

    from ingest.transports.file import read_recording

    return read_recording(Path(path)).data


def _heard(address: "Address", source: str, listen_s: float) -> tuple[bytes, str]:
    """What a line says, unasked and asked, as a recording; and the address with its rate.

    Raises:
        TransportFailed: it cannot be opened, or nothing came at all.
    """
    from ingest.detect import detect, exchanges

    if address.scheme not in ("serial", "tcp"):
        raise TransportFailed(
            f"{source}: this command asks on serial: and tcp: alone; record what {address.scheme}: says, "
            "a bus with candump -L, and give it the recording"
        )
    # A rate given with the address is the operator's word; else every rate that a protocol names is tried.
    protocols = _protocols()
    rates = [address.number]
    if address.scheme == "serial" and "baud=" not in source:
        rates = list(dict.fromkeys(rate for one in protocols for rate in one.baud_rates))
    heard: list[tuple[bytes | None, bytes]] = []
    for rate in rates:
        here: list[tuple[bytes | None, bytes]] = []
        with replace(address, number=rate).open() as line:
            came = _all_of(line, listen_s, listen_s) if listen_s else b""
            if came:
                here.append((None, came))
            if not came or not detect(exchanges(here)).candidates:
                asked = [one for one in protocols if address.scheme != "serial" or rate in one.baud_rates]
                here += _ask_all(line, asked, list(here))
        heard += here
        if any(came for _, came in here) and detect(exchanges(here)).candidates:
            return exchanges(here), str(replace(address, number=rate))
    if not any(came for _, came in heard):
        raise TransportFailed(
            f"{source}: nothing came, asked or unasked; check that A and B are not exchanged, that the "
            "battery is awake, and that no other program asks on this line"
        )
    return exchanges(heard), source


def _protocols() -> "list[Protocol]":
    """Those that can be asked on a line."""
    from ingest.protocol import Carrier, discover

    return [one for one in discover().values() if one.carrier is Carrier.STREAM]


def _ask_all(
    line: "Line", protocols: "list[Protocol]", heard: "Sequence[tuple[bytes | None, bytes]]" = ()
) -> Iterator[tuple[bytes, bytes]]:
    """Each read of each protocol's poll, until all that was heard, with what came before, has a candidate."""
    from ingest.detect import detect, exchanges

    before = list(heard)
    for protocol in protocols:
        here = []
        decoder = protocol.decoder()
        for request in islice(protocol.poller(None, decoder).cycle(), _MOST_READS):
            protocol.permit(request)
            line.discard()
            line.send(request)
            here.append((request, _all_of(line, _ANSWER_S, _GAP_S)))
            time.sleep(_PAUSE_S)
            if not here[-1][1]:
                break  # who is silent to the first read is silent to the others
            _learn(protocol, decoder, *here[-1])
        yield from here
        before += here
        # A device may refuse the read of another protocol, or answer it by chance: that ends nothing.
        if any(came for _, came in here) and detect(exchanges(before)).candidates:
            return


def _learn(protocol: "Protocol", decoder: "Decoder", request: bytes, came: bytes) -> None:
    """Let the decoder see an answer: where a device's registers lie may follow from earlier ones."""
    from ingest.protocol import Damage, Frame

    framer = protocol.framer()
    for one in [*framer.feed(came), *framer.flush()]:
        if isinstance(one, Frame):
            with suppress(Damage):
                decoder.decode(one, request=request)


def _all_of(line: "Line", first_s: float, gap_s: float) -> bytes:
    data = bytearray()
    began, patience = time.monotonic(), first_s
    while len(data) < _MOST_BYTES and time.monotonic() - began < max(first_s, 3.0):
        piece = line.receive(patience)
        if not piece:
            break
        data += piece
        patience = gap_s
    return bytes(data)
