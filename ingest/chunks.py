"""The stored form of telemetry: one compressed chunk of columns per (battery, source, epoch, range).

Layout and reasons are in docs/formats/chunk.md. In short: per column the differences of neighbouring values,
folded to unsigned numbers, in the narrowest of 0, 1, 2, 4 or 8 bytes, byte planes apart, all planes of the
chunk compressed as one zstd frame behind a small header.

Encoding is deterministic before compression: the digest is taken there, so it does not change with zstd's
version.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import orjson
import zstandard

from ingest.errors import IngestError
from schemas.samples import Bool, Column, ColumnKey, Int64, Note, Samples
from schemas.terms import Origin

ENC: Final = 1
MAX_ROWS: Final = 1 << 20
MAX_CELLS: Final = 1 << 23
_MAX_RAW: Final = 96 << 20
_LEVEL: Final = 3
_PREFIX: Final = struct.Struct("<BII")  # enc, length of the raw body, length of the header within it
_WIDTHS: Final[dict[int, np.dtype[Any]]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_SIGNED: Final[dict[int, np.dtype[Any]]] = {width: np.dtype(f"<i{width}") for width in _WIDTHS}

Bytes8 = npt.NDArray[np.uint8]


class ChunkCorrupt(IngestError):
    """Stored bytes are no chunk: damaged, forged, or of an encoding this version does not know."""

    code: ClassVar[str] = "ingest.chunk_corrupt"


@dataclass(frozen=True)
class Encoded:
    """A chunk ready to be stored.

    Attributes:
        payload: the bytes, encoding number first.
        digest: SHA-256 (hex) of the rows' content before compression.
    """

    payload: bytes
    digest: str


def encode(samples: Samples) -> Encoded:
    """The rows as stored bytes, and the digest of their content.

    Raises:
        ValueError: more rows or cells than one chunk may hold; the caller cuts the batch first.
    """
    rows = len(samples)
    if rows > MAX_ROWS or rows * (len(samples.columns) + 2) > MAX_CELLS:
        raise ValueError(f"{rows} rows of {len(samples.columns)} columns do not fit one chunk")
    planes: list[bytes] = []
    groups: dict[tuple[str, str | None, str | None, tuple[str, ...]], int] = {}
    group = [groups.setdefault((n.key, n.text, n.absence, n.doubts), len(groups)) for n in samples.notes]
    header = {
        "absolute": samples.absolute,
        "rows": rows,
        "sequence": _pack(samples.sequence, planes),
        "time": _pack_masked(samples.time_ms, samples.timed, planes),
        "columns": [
            [
                str(key),
                column.exponent,
                column.origin.value,
                *_pack_masked(column.values, column.valid, planes),
            ]
            for key, column in sorted(samples.columns.items(), key=lambda item: str(item[0]))
        ],
    }
    if samples.notes:
        header["groups"] = [[key, text, absence, list(doubts)] for key, text, absence, doubts in groups]
        header["notes"] = len(group)
        header["note_group"] = _pack(np.array(group, np.int64), planes)
        header["note_sequence"] = _pack(np.array([n.sequence for n in samples.notes], np.int64), planes)
    head = orjson.dumps(header)
    raw = b"".join((head, *planes))
    if len(raw) > _MAX_RAW:
        raise ValueError(f"{len(raw)} bytes of columns do not fit one chunk")
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(raw)
    return Encoded(_PREFIX.pack(ENC, len(raw), len(head)) + packed, hashlib.sha256(raw).hexdigest())


def decode(payload: bytes) -> Samples:
    """The rows that `encode` was given, exactly.

    Never allocates more than a chunk may hold, whatever the header claims.

    Raises:
        ChunkCorrupt: damaged or forged bytes, or an unknown encoding number.
    """
    try:
        return _decode(payload)
    except ChunkCorrupt:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        OverflowError,
        struct.error,
        zstandard.ZstdError,
    ) as error:
        raise ChunkCorrupt(f"a stored chunk of {len(payload)} bytes cannot be read: {error}") from error


def _decode(payload: bytes) -> Samples:
    enc, raw_length, head_length = _PREFIX.unpack_from(payload)
    if enc != ENC:
        raise ChunkCorrupt(f"encoding {enc} is not known here; expected {ENC}")
    if raw_length > _MAX_RAW or head_length > raw_length:
        raise ChunkCorrupt(f"the header claims {raw_length} bytes; a chunk holds at most {_MAX_RAW}")
    packed = payload[_PREFIX.size :]
    if zstandard.frame_content_size(packed) != raw_length:
        raise ChunkCorrupt("the compressed part does not have the length that the header claims")
    raw = zstandard.ZstdDecompressor().decompress(
        packed, max_output_size=raw_length, read_across_frames=False, allow_extra_data=False
    )
    if len(raw) != raw_length:
        raise ChunkCorrupt(f"expected {raw_length} bytes of columns, found {len(raw)}")
    header = orjson.loads(raw[:head_length])
    reader = _Reader(memoryview(raw)[head_length:])
    rows = _count(header["rows"], MAX_ROWS)
    if rows * (len(header["columns"]) + 2) > MAX_CELLS:
        raise ChunkCorrupt(f"{rows} rows of {len(header['columns'])} columns are more than a chunk holds")
    sequence = reader.unpack(rows, header["sequence"])
    if rows > 1 and not bool(np.all(sequence[1:] > sequence[:-1])):
        raise ChunkCorrupt("sequence numbers do not ascend")
    time_ms, timed = reader.unpack_masked(rows, header["time"])
    columns: dict[ColumnKey, Column] = {}
    for name, exponent, origin, *packing in header["columns"]:
        values, valid = reader.unpack_masked(rows, packing)
        columns[_key(name)] = Column(values, valid, _small(exponent), Origin(origin))
    if len(columns) != len(header["columns"]):
        raise ChunkCorrupt("a column stands twice")
    notes = _notes(header, reader) if "notes" in header else ()
    reader.end()
    return Samples(sequence, time_ms, timed, columns, notes, _flag(header["absolute"]))


@lru_cache(maxsize=4096)
def _key(name: str) -> ColumnKey:
    """The same key object for the same name, so that columns are told alike at a glance."""
    return ColumnKey.parse(name)


def _notes(header: dict[str, Any], reader: "_Reader") -> tuple[Note, ...]:
    count = _count(header["notes"], MAX_CELLS)
    groups = [
        (_text(key), _optional(text), _optional(absence), tuple(map(_text, doubts)))
        for key, text, absence, doubts in header["groups"]
    ]
    group = reader.unpack(count, header["note_group"])
    sequence = reader.unpack(count, header["note_sequence"])
    if count and not (int(group.min()) >= 0 and int(group.max()) < len(groups)):
        raise ChunkCorrupt("a note refers to nothing")
    pairs = zip(sequence.tolist(), group.tolist(), strict=True)
    return tuple(Note(number, *groups[which]) for number, which in pairs)


def _pack(values: Int64, planes: list[bytes]) -> list[int]:
    """`[width, first, step]`; differences go to `planes`, unless all equal `step` (width 0)."""
    if len(values) == 0:
        return [0, 0, 0]
    first = int(values[0])
    if len(values) == 1:
        return [0, first, 0]
    delta = np.diff(values)  # wraps modulo 2**64, and so does the sum when reading: exact all the same
    step = int(delta[0])
    lowest, highest = int(delta.min()), int(delta.max())
    if lowest == highest:
        return [0, first, step]
    # Zigzag: small negative and small positive differences both become small unsigned numbers.
    reach = max(highest, ~lowest)
    width = 1 if reach < 1 << 7 else 2 if reach < 1 << 15 else 4 if reach < 1 << 31 else 8
    narrow = delta.astype(_SIGNED[width]) if width < 8 else delta
    folded = (narrow << 1) ^ (narrow >> (8 * width - 1))
    folded_bytes = np.ascontiguousarray(folded).view(np.uint8).reshape(-1, width)
    planes.append(folded_bytes.T.tobytes())
    return [width, first, 0]


def _pack_masked(values: Int64, valid: Bool, planes: list[bytes]) -> list[int]:
    """`[mask, *packing]`; mask 1 means all rows have a value, 0 that a bitmap comes first."""
    if bool(valid.all()):
        return [1, *_pack(values, planes)]
    planes.append(np.packbits(valid).tobytes())
    return [0, *_pack(values[valid], planes)]


class _Reader:
    """Takes planes off the raw body in order; refuses to read beyond it."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    def take(self, length: int) -> Bytes8:
        if length > len(self._body) - self._at:
            raise ChunkCorrupt("the columns end too early")
        part = np.frombuffer(self._body, np.uint8, length, self._at)
        self._at += length
        return part

    def end(self) -> None:
        if self._at != len(self._body):
            raise ChunkCorrupt(f"{len(self._body) - self._at} bytes follow the last column")

    def unpack(self, count: int, packing: Sequence[int]) -> Int64:
        width, first, step = packing
        values = np.empty(count, np.int64)
        if count == 0:
            return values
        values[0] = first
        if width == 0:
            values[1:] = step
        else:
            planes = self.take((count - 1) * width).reshape(width, count - 1)
            folded = np.ascontiguousarray(planes.T).reshape(-1).view(_WIDTHS[width])
            half = folded >> 1
            values[1:] = (half ^ -(folded & 1)).view(_SIGNED[width])
        return np.cumsum(values, out=values)

    def unpack_masked(self, rows: int, packing: Sequence[int]) -> tuple[Int64, Bool]:
        mask, *rest = packing
        if mask == 1:
            return self.unpack(rows, rest), np.ones(rows, np.bool_)
        valid = np.unpackbits(self.take((rows + 7) // 8), count=rows).astype(np.bool_)
        values = np.zeros(rows, np.int64)
        values[valid] = self.unpack(int(valid.sum()), rest)
        return values, valid


def _count(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ChunkCorrupt(f"expected a count up to {most}, found {value!r}")
    return value


def _small(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -18 <= value <= 18:
        raise ChunkCorrupt(f"expected an exponent between -18 and 18, found {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ChunkCorrupt(f"expected true or false, found {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ChunkCorrupt(f"expected a text, found {value!r}")
    return value


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)
