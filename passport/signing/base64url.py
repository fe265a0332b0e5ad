"""Base64url as JOSE demands it: one spelling per byte string.

Python's decoder skips what it does not know and ignores stray bits in the last character, so that one signed
byte string has many spellings. Each of them would be a different leaf of the log with the same meaning.

Source: RFC 7515 section 2, RFC 4648 sections 3.2, 3.3, 3.5 and 5.
"""

import base64
import re
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*\Z")


def encode(data: bytes) -> str:
    """The bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes that `encode` writes as exactly this text.

    Raises:
        ValueError: another alphabet, padding, blanks, an impossible length, or bits that encode nothing.
    """
    if not _ALPHABET.match(text):
        wrong = next(index for index, character in enumerate(text) if not _ALPHABET.match(character))
        raise ValueError(f"{text[wrong]!r} at position {wrong} is not base64url without padding")
    if len(text) % 4 == 1:
        raise ValueError(f"{len(text)} characters are no whole number of bytes in base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError(f"the last character {text[-1]!r} carries bits that encode nothing")
    return data
