"""JSON that others wrote: one file, or several in a zip archive; UTF-8 or UTF-16, with or without a mark.

Numbers come as integers and Decimals, never as binary floats, and of any size that a double could hold; what
is out of range for a battery is refused later, with the attribute it was meant for. Length, depth, number of
files and what an archive unpacks to are bounded before anything is read.
"""

import io
import zipfile
import zlib
from typing import Any, Final

from passport.errors import InputRefused
from schemas.strict_json import StrictJsonError, loads

LIMIT_BYTES: Final = 4 * 1_048_576
MAX_DEPTH: Final = 40
MAX_FILES: Final = 40

_ENCODINGS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_ZIP: Final = b"PK\x03\x04"


def parse(data: bytes, name: str = "the document") -> Any:
    """The value of a JSON text.

    Raises:
        InputRefused: too long, of another encoding, not JSON with one meaning, or nested too deep.
    """
    if len(data) > LIMIT_BYTES:
        raise InputRefused(f"{name} has {len(data)} bytes; at most {LIMIT_BYTES} are read")
    try:
        return loads(_text(data), limit_bytes=2 * LIMIT_BYTES, max_depth=MAX_DEPTH, long_integers=True)
    except (StrictJsonError, UnicodeDecodeError) as wrong:
        raise InputRefused(f"{name} cannot be read: {wrong}") from None


def _text(data: bytes) -> str:
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode()


def files(data: bytes) -> dict[str, Any]:
    """The values of all JSON files of an archive by name; of a single text, under an empty name.

    Raises:
        InputRefused: the archive is damaged, encrypted or out of all proportion, or a text in it is refused.
    """
    if not data.startswith(_ZIP):
        return {"": parse(data)}
    if len(data) > LIMIT_BYTES:
        raise InputRefused(f"the archive has {len(data)} bytes; at most {LIMIT_BYTES} are read")
    try:
        return _unpacked(data)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,  # encrypted
        ValueError,
    ) as wrong:
        raise InputRefused(f"the archive cannot be unpacked: {str(wrong)[:200]}") from None


def _unpacked(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = LIMIT_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MAX_FILES:
            raise InputRefused(f"the archive holds {len(entries)} files; at most {MAX_FILES} are read")
        for entry in entries:
            if not entry.filename.lower().endswith(".json"):
                continue
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputRefused(f"{entry.filename[:80]!r} is packed by a method that is not read")
            with archive.open(entry) as stream:
                text = stream.read(left + 1)
            if len(text) > left:
                raise InputRefused(f"the archive unpacks to more than {LIMIT_BYTES} bytes")
            left -= len(text)
            found[entry.filename] = parse(text, repr(entry.filename[:80]))
    return found
