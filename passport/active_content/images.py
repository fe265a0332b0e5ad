"""PNG, JPEG and WebP, walked from the first byte to the last without decoding a pixel.

Source: PNG (ISO/IEC 15948) 5; JPEG (ITU-T T.81) Annex B; WebP container (RFC 9649) 2.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from passport.errors import ContentForeign, ContentTooLarge, ContentUnreadable

MOST_PIXELS: Final = 100_000_000
_MOST_CHUNKS: Final = 100_000

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def inspect_image(data: bytes) -> tuple[str, str] | None:
    """Media type and words of a picture; None for what is none.

    Raises:
        ContentUnreadable: damaged, or cut.
        ContentForeign: something stands behind its end.
        ContentTooLarge: more pixels than any document needs.
    """
    if data.startswith(_PNG):
        return "image/png", f"PNG, {_size(*_png(data))}"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", f"JPEG, {_size(*_jpeg(data))}"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp", f"WebP, {_size(*_webp(data))}"
    return None


def _size(width: int, height: int) -> str:
    if not width or not height:
        raise ContentUnreadable("the picture says that it has no width or no height")
    if width * height > MOST_PIXELS:
        raise ContentTooLarge(
            f"a picture has at most {MOST_PIXELS // 10**6} million pixels; this one says {width} x {height}"
        )
    return f"{width} x {height} pixels"


def _cut(kind: str, place: int) -> ContentUnreadable:
    return ContentUnreadable(f"the {kind} is damaged or cut at byte {place}; save it again")


def _behind(kind: str, count: int) -> ContentForeign:
    return ContentForeign(f"{count} bytes stand behind the end of the {kind}; save it again without them")


def _png(data: bytes) -> tuple[int, int]:
    place, size, pixels = len(_PNG), (0, 0), False
    for number in range(_MOST_CHUNKS):
        length = int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        end = place + 12 + length
        if end > len(data) or (number == 0) != (name == b"IHDR"):
            raise _cut("PNG", place)
        if zlib.crc32(data[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _cut("PNG", place)
        if number == 0:
            if length != 13:
                raise _cut("PNG", place)
            size = (
                int.from_bytes(data[place + 8 : place + 12], "big"),
                int.from_bytes(data[place + 12 : place + 16], "big"),
            )
        pixels = pixels or name == b"IDAT"
        if name == b"IEND":
            if end != len(data):
                raise _behind("PNG", len(data) - end)
            if not pixels:
                raise _cut("PNG", place)
            return size
        place = end
    raise ContentTooLarge(f"a PNG has at most {_MOST_CHUNKS} parts")


def _jpeg(data: bytes) -> tuple[int, int]:
    size = (0, 0)
    for marker, place, length in _segments(data):
        if marker in _FRAMES and length >= 7:
            size = (
                int.from_bytes(data[place + 5 : place + 7], "big"),
                int.from_bytes(data[place + 3 : place + 5], "big"),
            )
    return size


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, place of its length field and length, up to the end of the picture, which ends the file."""
    place = 2
    for _ in range(_MOST_CHUNKS):
        if data[place : place + 1] != b"\xff":
            raise _cut("JPEG", place)
        while data[place + 1 : place + 2] == b"\xff":  # fill bytes
            place += 1
        marker = int.from_bytes(data[place + 1 : place + 2], "big")
        place += 2
        if marker == 0xD9:
            if place != len(data):
                raise _behind("JPEG", len(data) - place)
            return
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            raise _cut("JPEG", place)
        yield marker, place, length
        place += length
        if marker == 0xDA:
            place = _after_scan(data, place)
    raise ContentTooLarge(f"a JPEG has at most {_MOST_CHUNKS} parts")


def _after_scan(data: bytes, place: int) -> int:
    """Where the next marker stands: 0xFF that is neither stuffed nor a restart."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise _cut("JPEG", len(data))
        following = data[place + 1]
        if following == 0xFF:
            place += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            place += 2
        else:
            return place


def _webp(data: bytes) -> tuple[int, int]:
    whole = 8 + int.from_bytes(data[4:8], "little")
    if whole > len(data):
        raise _cut("WebP", len(data))
    if whole < len(data):
        raise _behind("WebP", len(data) - whole)
    place, size, pixels = 12, (0, 0), False
    for _ in range(_MOST_CHUNKS):
        if place == whole:
            if not pixels:
                raise _cut("WebP", place)
            return size
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = data[place + 8 : place + 8 + min(length, 16)]
        if place + 8 + length > whole:
            raise _cut("WebP", place)
        if name == b"VP8X" and length >= 10:
            size = (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
        elif name == b"VP8L" and length >= 5:
            bits = int.from_bytes(body[1:5], "little")
            size = size if any(size) else ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif name == b"VP8 " and length >= 10:
            seen = (
                int.from_bytes(body[6:8], "little") & 0x3FFF,
                int.from_bytes(body[8:10], "little") & 0x3FFF,
            )
            size = size if any(size) else seen
        pixels = pixels or name in (b"VP8 ", b"VP8L", b"ANMF")
        place += 8 + length + length % 2
    raise ContentTooLarge(f"a WebP has at most {_MOST_CHUNKS} parts")
