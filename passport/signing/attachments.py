"""What is attached to a PDF, found without trusting the PDF.

Files attached to a PDF are streams of type EmbeddedFile, and a stream always stands in the open: it cannot
hide inside another object. So a search for such streams finds them all, without following the cross-reference
table, which an attacker writes as he likes. Nothing found here is believed: it is handed to the same steps as
any other file, and a PDF with two different records is refused.

Source: ISO 32000-2, 7.3.8 (streams) and 7.11.4 (embedded file streams).
"""

import re
import zlib
from typing import Final

from passport.errors import InputRefused

LARGEST_ATTACHMENT: Final = 16_777_216
MOST_ATTACHMENTS: Final = 64
_STREAM: Final = re.compile(rb"/Type\s*/EmbeddedFile\b")
_OBJECT: Final = re.compile(rb"[0-9]+\s+[0-9]+\s+obj\b")
_BEGIN: Final = re.compile(rb"stream\r?\n")
_END: Final = re.compile(rb"\r?\n?endstream\b")


def attachments(pdf: bytes) -> list[bytes]:
    """The files attached to a PDF, in their order in it.

    Raises:
        InputRefused: encrypted, packed in a way that is not read here, too large, or too many.
    """
    if re.search(rb"/Encrypt\b", pdf):
        raise InputRefused("the PDF is encrypted; save it without a password, or give the record itself")
    found = []
    for match in _STREAM.finditer(pdf):
        begin = _BEGIN.search(pdf, match.end())
        starts = [item.start() for item in _OBJECT.finditer(pdf, max(0, match.start() - 4096), match.start())]
        if begin is None or not starts:
            continue
        dictionary = pdf[starts[-1] : begin.start()]
        end = _END.search(pdf, begin.end())
        # `endobj` in between means that the name stood in an object without a stream.
        if end is None or b"endobj" in dictionary:
            continue
        found.append(_unpacked(dictionary, pdf[begin.end() : end.start()]))
        if len(found) > MOST_ATTACHMENTS:
            raise InputRefused(f"the PDF has more than {MOST_ATTACHMENTS} attachments")
    return found


def _unpacked(dictionary: bytes, data: bytes) -> bytes:
    """One attachment as a file."""
    filters = re.findall(rb"/([A-Za-z0-9]+Decode)\b", dictionary)
    if not filters:
        return data
    if filters != [b"FlateDecode"] or b"/DecodeParms" in dictionary:
        raise InputRefused("an attachment of the PDF is packed in a way that is not read here")
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(data, LARGEST_ATTACHMENT + 1)
    except zlib.error as error:
        raise InputRefused(f"an attachment of the PDF does not unpack: {error}") from error
    if len(content) > LARGEST_ATTACHMENT:
        raise InputRefused(f"an attachment of the PDF has more than {LARGEST_ATTACHMENT} bytes")
    return content
