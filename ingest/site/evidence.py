"""Frames kept as evidence: what was asked and what came, redacted, in files that `cellpass decode` reads.

A file is whole after every frame. It ends at a size, the next one begins, and the oldest ones go when there
are too many of a device.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from ingest.can import CanFrame, read_line, read_spelling
from ingest.protocol import Carrier, Frame, Framer, Protocol, Refused
from ingest.records import Record

LARGEST_BYTES: Final = 4 * 1024 * 1024
MOST_FILES: Final = 16
_HEAD: Final = b'{"frames": ['
_END: Final = b"\n]}\n"


class FrameLog:
    """The rotating files of one device.

    Attributes:
        folder: where they are; made when the first frame comes.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        now: Callable[[], datetime],
        *,
        largest_bytes: int = LARGEST_BYTES,
        most_files: int = MOST_FILES,
    ) -> None:
        self.folder = folder
        self._name = name.replace("/", "-")
        self._now = now
        self._largest, self._most = largest_bytes, most_files
        self._file: IO[bytes] | None = None
        self._end = 0

    def note(self, direction: str, raw: bytes) -> None:
        """Keep one frame; it is redacted already.

        Raises:
            OSError: the folder cannot be written.
        """
        self._write([{"dir": direction, "hex": raw.hex()}])

    def note_bus(self, direction: str, frames: Iterable[CanFrame]) -> None:
        """Keep frames of a CAN bus.

        Raises:
            OSError: the folder cannot be written.
        """
        self._write(
            [
                {
                    "dir": direction,
                    "id": f"{frame.identifier:0{8 if frame.extended else 3}X}",
                    "hex": frame.data.hex(),
                }
                for frame in frames
            ]
        )

    def _write(self, entries: list[Mapping[str, str]]) -> None:
        if not entries:
            return
        at = self._now()
        if self._file is None or self._end >= self._largest:
            self._begin(at)
        assert self._file is not None
        first = self._end == len(_HEAD)
        told = [json.dumps({"at": at.isoformat(), **entry}) for entry in entries]
        piece = ("\n" if first else ",\n").encode() + ",\n".join(told).encode()
        # One write over the old end: a file that is read meanwhile lacks at most its last frame's end.
        os.pwrite(self._file.fileno(), piece + _END, self._end)
        self._end += len(piece)

    def close(self) -> None:
        """End the file; the next frame begins another one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, at: datetime) -> None:
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stem = f"{self._name}.{at:%Y%m%dT%H%M%S}"
        path, number = self.folder / f"{stem}.json", 1
        while path.exists():
            number += 1
            path = self.folder / f"{stem}-{number}.json"
        self._file = path.open("xb", buffering=0)
        self._file.write(_HEAD + _END)
        self._end = len(_HEAD)
        kept = sorted(self.folder.glob(f"{self._name}.2*.json"), key=lambda one: one.stat().st_mtime_ns)
        for old in kept[: -self._most]:
            old.unlink(missing_ok=True)


def watched(protocol: Protocol, log: FrameLog) -> Protocol:
    """The protocol, with every frame that is asked or comes noted in the log, redacted.

    Of bytes that were not believed, those of a protocol with secrets are not kept: where a secret lies in a
    damaged frame nobody can say.
    """
    secretive = type(protocol).redact is not Protocol.redact
    inner = protocol

    class Watching(type(protocol)):  # type: ignore[misc]
        """The same protocol; its framers tell the log."""

        def framer(self) -> Framer:
            return _Noting(inner.framer(), note)

        def decoder(self) -> object:
            return inner.decoder()

        def permit(self, data: bytes) -> Frame:
            frame: Frame = inner.permit(data)
            log.note("tx", inner.redact(data))
            return frame

    def note(found: Frame | Refused) -> None:
        end = b"\n" if inner.carrier is Carrier.RECORDS else b""  # a record is a line
        if isinstance(found, Record) and found.head:
            return  # a table is served whole, again and again
        if isinstance(found, Frame):
            if not found.is_request:
                log.note("rx", inner.redact(found.raw) + end)
        elif not secretive:
            log.note("rx", found.raw + end)

    class OnBus(type(protocol)):  # type: ignore[misc]
        """The same protocol on a CAN bus: what is kept are the frames, before messages are made of them."""

        def framer(self) -> Framer:
            return _Overheard(inner.framer(), log)

        def decoder(self) -> object:
            return inner.decoder()

        def permit(self, data: bytes) -> Frame:
            frame: Frame = inner.permit(data)
            if (asked := read_spelling(data)) is not None:
                log.note_bus("tx", [asked])
            return frame

    if inner.carrier is Carrier.CAN and secretive:
        return protocol
    kind: type[Protocol] = OnBus if inner.carrier is Carrier.CAN else Watching
    out = object.__new__(kind)
    out.__dict__.update(inner.__dict__)
    return out


class _Noting(Framer):
    """A framer that tells what its inner one finds."""

    def __init__(self, inner: Framer, note: Callable[[Frame | Refused], None]) -> None:
        super().__init__()
        self._inner, self._note = inner, note

    def _length(self, buffer: bytes) -> int | None:
        return self._inner._length(buffer)  # noqa: SLF001 - it stands in for the inner one

    def _open(self, raw: bytes, position: int) -> Frame:
        return self._inner._open(raw, position)  # noqa: SLF001 - see above

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """What the inner one finds."""
        return self._noted(self._inner.feed(data))

    def flush(self) -> list[Frame | Refused]:
        """What the inner one finds at the end."""
        return self._noted(self._inner.flush())

    def _noted(self, found: list[Frame | Refused]) -> list[Frame | Refused]:
        for one in found:
            self._note(one)
        return found


class _Overheard(Framer):
    """A framer of a bus that tells every frame of it, also of those who say nothing that is read."""

    def __init__(self, inner: Framer, log: FrameLog) -> None:
        super().__init__()
        self._inner, self._log = inner, log
        self._rest = b""

    def _length(self, buffer: bytes) -> int | None:
        return self._inner._length(buffer)  # noqa: SLF001 - it stands in for the inner one

    def _open(self, raw: bytes, position: int) -> Frame:
        return self._inner._open(raw, position)  # noqa: SLF001 - see above

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """What the inner one finds."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        heard = (read_line(line.strip()) for line in lines if line.strip())
        self._log.note_bus("bus", [one for one in heard if isinstance(one, CanFrame)])
        return self._inner.feed(data)

    def flush(self) -> list[Frame | Refused]:
        """What the inner one finds at the end."""
        return self._inner.flush()
