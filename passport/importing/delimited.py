"""CSV files read with their traps named: encodings, delimiters, quotes; what a cell means is judged later."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final

from passport.importing.findings import ImportRefused
from passport.importing.tables import (
    ERROR_WORDS,
    MAX_CELL_TEXT,
    Budget,
    Fault,
    Row,
    Table,
    Value,
    build,
)

DELIMITERS: Final = (",", ";", "\t")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_HEADING_LINE: Final = 1_000_000


def read(name: str, data: bytes) -> Table:
    """The table in the file; `name` is what its places are called.

    Raises:
        ImportRefused: another encoding than UTF-8 or UTF-16 with a mark, or quotes that do not close.
    """
    text = decoded(data)
    delimiter, text = _delimiter(text)
    csv.field_size_limit(MAX_CELL_TEXT + 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return build(name, _rows(reader), Budget())
    except csv.Error as error:
        raise ImportRefused(f"{name}: line {reader.line_num} is no CSV: {error}") from error


def decoded(data: bytes) -> str:
    """The text of a file that says, or shows, its encoding.

    Raises:
        ImportRefused: neither UTF-8 nor UTF-16 with its mark; the sentence says where it stops being so.
    """
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    if not encoding:
        raise ImportRefused("the file is UTF-32: save it as UTF-8")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ImportRefused(f"the file says it is UTF-16, and is not, at byte {error.start}") from None
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportRefused(
            f"the file is not UTF-8: byte 0x{data[len(mark) + error.start]:02x} in line {line}. Save it as"
            " CSV UTF-8: it was perhaps saved as Windows or Latin text, and a guess would change its names"
        ) from None
    if "\0" in text:
        hint = "UTF-16 without its mark" if text.count("\0") > len(text) // 4 else "binary data"
        raise ImportRefused(f"the file holds zero bytes, as {hint} does: save it as CSV UTF-8")
    return text


def _delimiter(text: str) -> tuple[str, str]:
    """What parts the cells, told by the first line outside quotes; and the text without a line `sep=;`."""
    first, mark, rest = text.partition("\n")
    said = first.rstrip("\r")
    if said[:4].lower() == "sep=" and said[4:] in DELIMITERS:
        return said[4], rest if mark else ""
    start = len(text) - len(text.lstrip("\r\n \t"))
    quoted = False
    counts = dict.fromkeys(DELIMITERS, 0)
    for character in text[start : start + _LONGEST_HEADING_LINE]:
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted:
            break
        elif character in counts and not quoted:
            counts[character] += 1
    return max(DELIMITERS, key=lambda one: counts[one]), text


def _rows(reader: Iterator[list[str]]) -> Iterator[Row]:
    for number, cells in enumerate(reader, 1):
        yield Row(
            number,
            {column: _value(cell) for column, cell in enumerate(cells, 1) if cell and not cell.isspace()},
        )


def _value(cell: str) -> Value:
    if cell.strip() in ERROR_WORDS:
        return Fault("error_cell", f"the cell shows {cell.strip()}: a formula failed there")
    return cell
