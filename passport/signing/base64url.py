"""Base64url as JOSE demands it: one spelling per byte string.

Python's decoder skips what it does not know and ignores stray bits in the last character, so that one signed
byte string has many spellings. Each of them would be a different leaf of the log with the same meaning.

Source: RFC 7515 section 2, RFC 4648 sections 3.2, 3.3, 3.5 and 5.
"""

import binascii
from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BYTES: Final = _ALPHABET.encode()
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
# What the last character may be, by the length modulo 4: the bits that are left over are zero.
_LAST: Final = {2: _BYTES[::16], 3: _BYTES[::4]}


def encode(data: bytes) -> str:
    """The bytes in base64url without padding."""
    return encode_bytes(data).decode()


def encode_bytes(data: bytes) -> bytes:
    """The same as ASCII."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(text: str) -> bytes:
    """The bytes that `encode` writes as exactly this text.

    Raises:
        ValueError: another alphabet, padding, blanks, an impossible length, or bits that encode nothing.
        TypeError: no text, as a stranger's JSON may have it.
    """
    if not isinstance(text, str):
        raise TypeError(f"base64url is text, {type(text).__name__} came")
    characters = text.encode("utf-8", "surrogatepass")
    if characters.translate(None, _BYTES):
        wrong = next(index for index, character in enumerate(text) if character not in _ALPHABET)
        raise ValueError(f"{text[wrong]!r} at position {wrong} is not base64url without padding")
    over = len(text) % 4
    if over == 1:
        raise ValueError(f"{len(text)} characters are no whole number of bytes in base64url")
    if over and characters[-1] not in _LAST[over]:
        raise ValueError(f"the last character {text[-1]!r} carries bits that encode nothing")
    return binascii.a2b_base64(characters.translate(_TO_STANDARD) + b"=" * (-over % 4))
