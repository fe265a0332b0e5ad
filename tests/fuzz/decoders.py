"""A coverage-guided run over every decoder; not collected by pytest, since it ends by the clock.

    pip install atheris
    python tests/fuzz/decoders.py -max_total_time=300

The first byte of an input chooses the protocol and the second the form (a line of a serial port, or a capture
file). The corpus begins with the own captures. Anything but readings and typed refusals is a crash, which
atheris stores as a file that reproduces it.
"""

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import atheris  # noqa: E402  # the path comes first

with atheris.instrument_imports(include=["ingest", "schemas"]):
    from ingest.captures import Decoded, read_capture
    from ingest.errors import CaptureRefused
    from ingest.plausibility import Memory, doubt
    from ingest.protocol import Carrier, Damage, Frame, discover

    # The modules of the protocols are imported here, so that they are instrumented too.
    PROTOCOLS = list(discover().values())


def one(data: bytes) -> None:
    """One input: both roads that bytes can come by."""
    if len(data) < 3:
        return
    protocol = PROTOCOLS[data[0] % len(PROTOCOLS)]
    rest = data[2:]
    if data[1] & 1 and protocol.carrier is not Carrier.RECORDS:
        framer, decoder = protocol.framer(), protocol.decoder()
        for found in framer.feed(rest) + framer.flush():
            if isinstance(found, Frame):
                try:
                    decoder.decode(found)
                except Damage:
                    continue
        return
    memory = Memory()
    try:
        for read in read_capture(rest, protocol):
            if isinstance(read, Decoded):
                doubt(read.readings, memory)
    except CaptureRefused:
        return


def seeds(folder: Path) -> None:
    """The own captures as inputs: as files, and their frames as bytes of a line."""
    for number, protocol in enumerate(PROTOCOLS):
        for path in sorted((ROOT / "tests" / "captures" / protocol.name).glob("*")):
            text = path.read_bytes()
            (folder / f"{protocol.name}-{path.name}").write_bytes(bytes([number, 0]) + text)
            if path.suffix != ".json":
                continue
            frames = json.loads(text).get("frames", [])
            line = b"".join(
                bytes.fromhex(entry["hex"]) if "hex" in entry else entry.get("ascii", "").encode() + b"\r"
                for entry in frames
                if "id" not in entry
            )
            if line:
                (folder / f"{protocol.name}-{path.stem}-line").write_bytes(bytes([number, 1]) + line)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cellpass-fuzz-") as corpus:
        seeds(Path(corpus))
        atheris.Setup([*sys.argv, "-max_len=4096", corpus], one)
        atheris.Fuzz()
