"""The one door of the document store: bytes in, a `Checked` file or a typed refusal out.

The rules:

1. What a file is, its bytes decide; its name is never asked.
2. A file is one thing from its first byte to its last; what could be taken for two things is refused.
3. Taken are PDF, PNG, JPEG, WebP, SVG, JSON, CSV and plain text (so Markdown too). Everything else is named
   as what it is, and refused.
4. Nothing in it may run, open, fetch or send by itself. Ordinary links are fine.
5. Nothing is repaired and nothing is cut out: the bytes that come are the bytes that are kept.
6. A reader of many parts (PDF) works in a process of its own with limits of time and memory.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from passport.active_content import apart, kinds
from passport.errors import ContentTooLarge

LARGEST: Final = 25 * 1024 * 1024
"""Bytes of one document."""


@dataclass(frozen=True)
class Checked:
    """A file that passed; only `check` makes one.

    Attributes:
        data: the bytes, as they came.
        sha256: of the bytes, hex.
        media_type: as it is served.
        about: what was seen, in words: `PDF, 3 pages, 1 attachment`.
    """

    data: bytes
    sha256: str
    media_type: str
    about: str


def check(data: bytes) -> Checked:
    """The file with its real type.

    Raises:
        ContentForeign: not of a kind that is kept, or two things at once.
        ContentActive: something in it would run, open, fetch or send by itself.
        ContentUnreadable: it is damaged or locked, so that nobody can say what is in it.
        ContentTooLarge: over a limit of bytes, pages, objects, pixels, time or memory.
    """
    if len(data) > LARGEST:
        raise ContentTooLarge(
            f"a document has at most {LARGEST // 2**20} MiB; this one has {len(data) / 2**20:.1f} MiB"
        )
    inspect = apart.inspect_apart if data.startswith(b"%PDF-") else kinds.inspect
    media_type, about = inspect(data)
    return Checked(data, hashlib.sha256(data).hexdigest(), media_type, about)
