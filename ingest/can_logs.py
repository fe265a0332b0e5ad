"""Recordings of CAN buses as their tools write them, read back frame by frame.

Read here: `candump -L` and what candump shows on a terminal, CANboat plain lines. Through python-can, which
is an extra: Vector `.asc` and `.blf`, PEAK `.trc`. ASAM `.mf4` only where asammdf is installed as well, in a
process of its own, because that package takes seconds and a hundred megabytes to load.

Stamps since 1970 are times. Stamps that count from the start of a recording, and local times whose zone the
file does not say (`.asc`, `.trc`), are none: such frames have no time.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from io import BufferedReader, RawIOBase, TextIOWrapper
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ingest.can import EXTENDED_LIMIT, STANDARD_LIMIT, CanFrame, compose, read_line, stamp
from ingest.errors import CaptureRefused
from ingest.protocol import Damage, Fault, Refused

Found = CanFrame | Refused
# `2016-02-28T19:57:02.824Z,6,127508,4,255,8,0b,46,0a,00,00,00,00,00`: time, priority, PGN, source,
# destination, length, data. The time is kept apart: devices write several forms.
_CANBOAT: Final = re.compile(
    rb"([0-9][0-9TZ:. +-]{7,40}),([0-7]),(\d{1,6}),(\d{1,3}),(\d{1,3}),(\d{1,3})((?:,[0-9A-Fa-f]{2})*),?\s*"
)
_HIGHEST_SOURCE: Final = 255
_LONGEST_LINE: Final = 4096
_MF4_SECONDS: Final = 600


def frames(blocks: Iterator[bytes]) -> Iterator[Found]:
    """The frames of a recording in order; what is no frame as a refusal.

    Raises:
        CaptureRefused: it is of no form that is read here, or breaks off, or its reader is not installed.
    """
    first = next(blocks, b"")
    whole = chain([first], blocks)
    if first.startswith(b"LOGG"):
        return _by_python_can(whole, _blf)
    if first.startswith((b"MDF ", b"UnFinMF ")):
        return _mf4(whole)
    head = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b";"):
        return _by_python_can(whole, _trc)
    if re.match(rb"(date|base) ", head):
        return _by_python_can(whole, _asc)
    return _lines(whole)


# Lines


def _lines(blocks: Iterator[bytes]) -> Iterator[Found]:
    number = 0
    rest = b""
    for block in chain(blocks, [b"\n"]):
        lines = (rest + block).split(b"\n")
        # A line without an end is no frame, and is not held in memory.
        rest = lines.pop()[: 2 * _LONGEST_LINE]
        for ended in lines:
            line = ended.strip(b" \t\r\xef\xbb\xbf\x00")
            if not line or line.startswith(b"#"):
                continue
            found = _line(line[:_LONGEST_LINE], number)
            if found is not None:
                yield found
            number += 1


def _line(line: bytes, position: int) -> Found | None:
    if line[:1] == b"(":
        return read_line(line, position)
    found = _CANBOAT.fullmatch(line)
    if found is None:
        return read_line(line, position)
    at, priority, pgn, source, destination, count, data = found.groups()
    numbers = int(priority), int(pgn), int(source), int(destination)
    if not (numbers[1] < 1 << 18 and max(numbers[2:]) <= _HIGHEST_SOURCE):
        return read_line(line, position)
    payload = bytes.fromhex(data.replace(b",", b"").decode())
    if len(payload) != int(count):
        return _short(line, int(count), len(payload), position)
    return CanFrame(
        compose(*numbers), payload, extended=True, at=_canboat_time(at), position=position, assembled=True
    )


def _short(line: bytes, expected: int, came: int, position: int) -> Refused:
    damage = Damage(
        Fault.LENGTH, expected=f"{expected} bytes of data", came=f"{came}", where="the data of the line"
    )
    return Refused.of(damage, line, position)


def _canboat_time(text: bytes) -> datetime | None:
    """An aware time; None for one without a zone, and for a clock that was never set."""
    try:
        at = datetime.fromisoformat(text.decode())
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return stamp(int(at.timestamp()), at.microsecond * 1000)


# Through python-can


class _Stream(RawIOBase):
    """Blocks as a file that can only be read onwards."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._blocks, b"")
        piece = self._rest[: len(buffer)]
        buffer[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


def _blf(can: Any, stream: BufferedReader) -> Any:
    return can.BLFReader(stream)


def _asc(can: Any, stream: BufferedReader) -> Any:
    return can.ASCReader(TextIOWrapper(stream, "ascii", "replace"))


def _trc(can: Any, stream: BufferedReader) -> Any:
    return can.TRCReader(TextIOWrapper(stream, "ascii", "replace"))


def _by_python_can(blocks: Iterator[bytes], opener: Callable[[Any, BufferedReader], Any]) -> Iterator[Found]:
    try:
        import can
    except ImportError:
        raise CaptureRefused(
            "expected python-can to read this kind of log, came an installation without it; "
            "install the extra `can`, or convert the log with `candump -L`"
        ) from None
    dated = opener is _blf
    number = 0
    try:
        for message in opener(can, BufferedReader(_Stream(blocks))):
            if message.is_remote_frame or message.is_error_frame:
                continue
            extended = bool(message.is_extended_id)
            identifier = int(message.arbitration_id)
            # python-can does not prove what a file calls an identifier.
            yield CanFrame(
                identifier & (EXTENDED_LIMIT - 1 if extended else STANDARD_LIMIT - 1),
                bytes(message.data),
                extended,
                _seconds(message.timestamp) if dated else None,
                None if message.channel is None else str(message.channel),
                number,
            )
            number += 1
    except CaptureRefused:
        raise
    except Exception as error:
        # Readers of damaged files raise whatever they stumble over.
        raise CaptureRefused(
            f"expected a log as its tool writes it, came something else behind frame {number}: "
            f"{type(error).__name__} {str(error)[:80]}"
        ) from error


def _seconds(value: float) -> datetime | None:
    whole = int(value)
    return stamp(whole, round((value - whole) * 1e6) * 1000) if value >= 0 else None


# Through asammdf

_MF4_PROGRAM: Final = """
import sys
from asammdf import MDF
import numpy as np
with MDF(sys.argv[1]) as mdf:
    out = open(sys.argv[2], "w")
    start = mdf.start_time.timestamp()
    rows = []
    for number, group in enumerate(mdf.groups):
        names = {channel.name for channel in group.channels}
        if not {"CAN_DataFrame", "CAN_DataFrame.ID", "CAN_DataFrame.DataBytes"} <= names:
            continue
        ids = mdf.get("CAN_DataFrame.ID", group=number)
        data = mdf.get("CAN_DataFrame.DataBytes", group=number).samples
        lengths = mdf.get("CAN_DataFrame.DataLength", group=number).samples
        try:
            buses = mdf.get("CAN_DataFrame.BusChannel", group=number).samples
        except Exception:
            buses = np.ones(len(ids.samples), dtype="u1")
        try:
            wide = mdf.get("CAN_DataFrame.IDE", group=number).samples
        except Exception:
            wide = ids.samples > 0x7FF
        for t, i, w, b, n, d in zip(ids.timestamps, ids.samples, wide, buses, lengths, data):
            i = int(i) & 0x1FFFFFFF
            spelt = "%08X" % i if w or i > 0x7FF else "%03X" % i
            rows.append((start + float(t), "can%d %s#%s" % (int(b), spelt, bytes(d[: int(n)]).hex())))
    rows.sort(key=lambda row: row[0])
    for at, row in rows:
        out.write("(%.6f) %s\\n" % (at, row))
    out.close()
"""


def _mf4(blocks: Iterator[bytes]) -> Iterator[Found]:
    with TemporaryDirectory(prefix="cellpass-mf4-") as folder:
        measured, written = Path(folder) / "log.mf4", Path(folder) / "log.txt"
        with measured.open("wb") as file:
            for block in blocks:
                file.write(block)
        try:
            run = subprocess.run(  # noqa: S603 - our own program, by the interpreter that runs us
                [sys.executable, "-c", _MF4_PROGRAM, str(measured), str(written)],
                capture_output=True,
                timeout=_MF4_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CaptureRefused(
                f"expected an MF4 log that can be read within {_MF4_SECONDS} s, came a longer one"
            ) from None
        if run.returncode or not written.exists():
            why = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason"]
            missing = "ModuleNotFoundError" in why[0]
            raise CaptureRefused(
                "expected asammdf to read an MF4 log, came an installation without it; install it, or "
                "convert the log with `candump -L`"
                if missing
                else f"expected an MF4 log with raw CAN frames, came one that cannot be read: {why[0][:120]}"
            )
        with written.open("rb") as lines:
            yield from _lines(iter(lambda: lines.read(65536), b""))


def channels_at_the_beginning(found: list[Found]) -> frozenset[str]:
    """The buses that the first frames of a recording come from."""
    return frozenset(one.channel for one in found if isinstance(one, CanFrame) and one.channel is not None)
