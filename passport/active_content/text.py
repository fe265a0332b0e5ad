"""Plain text, Markdown, CSV and JSON: UTF-8, without control characters, without what a host would run."""

import csv
import io
import re
from typing import Final

from passport.errors import ContentActive, ContentForeign
from schemas.strict_json import StrictJsonError, loads

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f]")
# Markdown may hold HTML, and somebody's viewer would run it.
_HTML: Final = re.compile(
    r"<\s*/?\s*(script|iframe|object|embed|form|meta|link|base|html|body|svg|style|frameset|applet)\b"
    r"|<[a-z][^<>]{0,500}\son[a-z]{3,24}\s*="
    r"|(?:\]\(|\]:|<)\s*(?:javascript|vbscript|data)\s*:",
    re.IGNORECASE,
)
# What a spreadsheet takes for a formula: numbers with a sign are numbers.
_FORMULA: Final = re.compile(r"[=@\t\r]|[+-](?![0-9.,\s%]*(?:[eE][+-]?[0-9]+)?[^A-Za-z(|!]{0,8}\Z)")
_SEPARATORS: Final = (",", ";", "\t")
_DEEPEST: Final = 64


def decoded(data: bytes) -> str:
    """The characters of a text.

    Raises:
        ContentForeign: not UTF-8, or control characters that no text has.
    """
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentForeign(
            f"the bytes are of no kind that is kept, and no UTF-8 text (byte {error.start});"
            " save a text as UTF-8, anything else as PDF"
        ) from error
    if (found := _CONTROL.search(words)) is not None:
        raise ContentForeign(
            f"a control character U+{ord(found[0]):04X} stands at character {found.start() + 1};"
            " a text has none"
        )
    return words


def inspect_text(words: str) -> tuple[str, str]:
    """Media type and words of a text.

    Raises:
        ContentActive: HTML that would run, or cells that a spreadsheet would run.
        ContentForeign: JSON that readers would understand differently.
    """
    if (found := _HTML.search(words)) is not None:
        raise ContentActive(
            f"HTML that would run stands in line {words.count(chr(10), 0, found.start()) + 1}:"
            f" {found[0].strip()[:40]!r}"
        )
    lines = words.count("\n") + (not words.endswith("\n"))
    if words.lstrip()[:1] in ("{", "["):
        try:
            loads(words, limit_bytes=len(words.encode()), max_depth=_DEEPEST)
        except StrictJsonError as error:
            if _looks_like_json(words):
                raise ContentForeign(f"this looks like JSON and is none: {error}") from error
        else:
            return "application/json", "JSON"
    if (separator := _separator(words)) is not None:
        _refuse_formulas(words, separator)
        return "text/csv", f"CSV, {lines} lines"
    return "text/plain", f"text, {lines} line{'' if lines == 1 else 's'}"


def _looks_like_json(words: str) -> bool:
    """Whether it begins as JSON does; a Markdown line may begin with a bracket too."""
    return re.match(r'\s*(?:\{\s*(?:"|\})|\[\s*(?:[\[{"\]0-9-]|true|false|null))', words) is not None


def _separator(words: str) -> str | None:
    """What parts the cells of a CSV file; None for any other text.

    Every line has as many cells as the first, and there are at least two of both.
    """
    head = words[:65_536]
    complete = len(head) == len(words)
    for separator in _SEPARATORS:
        try:
            rows = [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row]
        except csv.Error:
            continue
        rows = rows if complete else rows[:-1]
        if len(rows) > 1 and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
            return separator
    return None


def _refuse_formulas(words: str, separator: str) -> None:
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=separator)
    try:
        for row in reader:
            for number, cell in enumerate(row, 1):
                if _FORMULA.match(cell):
                    raise ContentActive(
                        f"a spreadsheet would run cell {number} of line {reader.line_num} as a formula:"
                        f" {cell[:40]!r}; write a value"
                    )
    except csv.Error as error:
        raise ContentForeign(f"this looks like CSV and is none: line {reader.line_num}, {error}") from error
