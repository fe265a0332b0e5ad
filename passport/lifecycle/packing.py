"""Many small integers in few bytes: seven bits a byte, low ones first, the top bit saying that more follow.

Zero is None, and an integer n is 2n + 1, or -2n for a negative one. Short where numbers are small.
"""

from collections.abc import Iterable


def pack(numbers: Iterable[int | None]) -> bytes:
    """The bytes of integers of any size, None among them.

    >>> pack([None, 0, -1, 63, 64]).hex()
    '0001027f8101'
    """
    out = bytearray()
    for number in numbers:
        rest = 0 if number is None else 2 * number + 1 if number >= 0 else -2 * number
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
    return bytes(out)


def unpack(data: bytes) -> list[int | None]:
    """The integers of `pack`.

    Raises:
        ValueError: the last number is cut off.
    """
    found: list[int | None] = []
    rest = shift = 0
    for byte in data:
        rest |= (byte & 0x7F) << shift
        if byte > 0x7F:
            shift += 7
            continue
        found.append(None if not rest else rest >> 1 if rest & 1 else -(rest >> 1))
        rest = shift = 0
    if shift:
        raise ValueError("packed integers are cut off")
    return found
