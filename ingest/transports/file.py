"""A recording on disk: its bytes, and the digest that names them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.errors import SourceUnknown, TransportFailed
from ingest.transports.address import LINES

LARGEST_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Recording:
    """A file as it was read.

    Attributes:
        path: as it was given.
        data: all of it.
        sha256: hex digest of `data`; the same recording under another name is the same recording.
    """

    path: Path
    data: bytes
    sha256: str


def read_recording(path: Path) -> Recording:
    """The whole file.

    Raises:
        TransportFailed: there is no such file, it may not be read, or it is larger than one gibibyte.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise TransportFailed(
                f"{path}: {size:,} bytes, expected at most {LARGEST_BYTES:,}; split the recording by day"
            )
        with path.open("rb") as file:  # a pipe or a device has no size: no more is read than is taken
            data = file.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise TransportFailed(f"{path}: it does not end, expected at most {LARGEST_BYTES:,} bytes")
    except FileNotFoundError as error:
        raise SourceUnknown(f"{path}: there is no such file; a device is given as {LINES}") from error
    except IsADirectoryError as error:
        raise TransportFailed(f"{path}: this is a folder; give one file") from error
    except PermissionError as error:
        raise TransportFailed(f"{path}: no permission to read it") from error
    except OSError as error:
        raise TransportFailed(f"{path}: cannot be read: {error}") from error
    return Recording(path, data, hashlib.sha256(data).hexdigest())
