"""Workbooks (XLSX) read cell by cell, with their traps named: formulas, merged and hidden cells, bombs.

Numbers come as decimals: a workbook stores what was typed as 3.425 as the double 3.4249999999999998, so a
number is read to the 15 significant digits that the program shows. Days are told from numbers by the format
of their cell. Nothing is computed, no macro and no link is looked at.

Source: ECMA-376 part 1, 18.2 (workbook), 18.3 (worksheet), 18.4 (shared strings), 18.8 (styles), 22.9.2.19
(escapes in text); part 2 (packages).
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from math import isfinite
from posixpath import join, normpath
from typing import IO, Any, Final
from xml.parsers import expat  # a document type declaration ends the reading, see `_parser`

from passport.importing.findings import ImportRefused, letters
from passport.importing.tables import MAX_CELL_TEXT, Budget, Fault, Row, Table, Value, build, whole
from schemas.values import YearMonth

MAX_ENTRIES: Final = 2_000
MAX_UNPACKED: Final = 256 * 1024 * 1024
# Real sheets reach 60 : 1; only what is large enough to hurt is judged by its ratio.
MAX_RATIO: Final = 200
_SMALL: Final = 4 * 1024 * 1024
MAX_STRINGS: Final = 1_000_000
MAX_SHEETS: Final = 300
_MAX_MERGES_TOLD: Final = 5
_BLOCK: Final = 64 * 1024

OLE2: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(data: bytes, skipped: Callable[[str], bool]) -> list[Table]:
    """The sheets of a workbook, in its order.

    Args:
        data: the file.
        skipped: whether a sheet of that name is of no interest, hidden or not.

    Raises:
        ImportRefused: it is no workbook, damaged, encrypted, a bomb, or declares entities.
    """
    if data.startswith(OLE2):
        raise ImportRefused(
            "expected a workbook as .xlsx, got the older binary form, or a workbook with a password:"
            " save it as .xlsx without a password"
        )
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            _check_package(package)
            return list(_sheets(package, skipped))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError) as error:
        raise ImportRefused(f"the workbook is damaged, or no workbook: {error}") from error
    except (expat.ExpatError, LookupError, ValueError, OverflowError) as error:
        raise ImportRefused(f"the workbook is damaged: {str(error)[:200]}") from error
    except Exception as error:
        # zlib and lzma have error classes of their own, which are not named alike in every build.
        if type(error).__module__ in ("zlib", "lzma", "_lzma"):
            raise ImportRefused(f"the workbook is damaged: {error}") from error
        raise


def _check_package(package: zipfile.ZipFile) -> None:
    """Refuse what would fill the memory, before anything is unpacked.

    The reader of an entry stops at the size that its header declares, so what is checked here is binding.
    """
    entries = package.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ImportRefused(
            f"the workbook has {len(entries):,} parts; more than {MAX_ENTRIES:,} are not read"
        )
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise ImportRefused("the workbook has two parts of one name: two readers would see two workbooks")
    for entry in entries:
        if entry.flag_bits & 1:
            raise ImportRefused("the workbook is encrypted: save it without a password")
        if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
            raise ImportRefused(
                f"{entry.filename[:80]} unpacks to {entry.file_size:,} bytes, more than {MAX_RATIO} times its"
                " packed size: that is a bomb, no sheet"
            )
    if (total := sum(entry.file_size for entry in entries)) > MAX_UNPACKED:
        raise ImportRefused(
            f"the workbook unpacks to {total:,} bytes; more than {MAX_UNPACKED:,} are not read: import in"
            " several files"
        )


# ------------------------------------------------------------------------------------------------- parts


def _sheets(package: zipfile.ZipFile, skipped: Callable[[str], bool]) -> Iterator[Table]:
    book = _Book()
    _parse(package, "xl/workbook.xml", book.start, None, None)
    if not book.sheets:
        raise ImportRefused("the workbook has no sheets")
    if len(book.sheets) > MAX_SHEETS:
        raise ImportRefused(f"the workbook has more than {MAX_SHEETS} sheets")
    targets = _targets(package)
    strings = _strings(package)
    formats = _formats(package)
    budget = Budget()
    for name, relation, state in book.sheets:
        if skipped(name):
            continue
        if relation not in targets:
            raise ImportRefused(f"the workbook is damaged: the sheet {name[:60]!r} is not in it")
        reader = _SheetReader(name, strings, formats, epoch_1904=book.epoch_1904)
        with package.open(targets[relation]) as stream:
            table = build(name, reader.rows(stream), budget)
        table.findings += reader.findings(table)
        if state != "visible" and (table.heading or table.rows):
            table.findings.append(
                whole(name, "hidden", "the sheet is hidden and holds data: show it, or take it out")
            )
        yield table


class _Book:
    """The list of sheets."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.epoch_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = _LOCAL[name]
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((attributes.get("name", ""), relation, attributes.get("state", "visible")))
        elif name == "workbookPr":
            self.epoch_1904 = attributes.get("date1904", "0") in ("1", "true")


def _targets(package: zipfile.ZipFile) -> dict[str, str]:
    """Id of a relation to the name of its part."""
    found: dict[str, str] = {}

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if _LOCAL[name] == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            found[attributes.get("Id", "")] = (
                target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            )

    _parse(package, "xl/_rels/workbook.xml.rels", start, None, None)
    return {relation: part for relation, part in found.items() if part in package.namelist()}


def _strings(package: zipfile.ZipFile) -> list[str]:
    """The shared texts; runs of one text are joined, readings for pronunciation are left out."""
    if "xl/sharedStrings.xml" not in package.namelist():
        return []
    found: list[str] = []
    parts: list[str] = []
    inside = {"t": 0, "rPh": 0}

    def start(name: str, _attributes: Mapping[str, str]) -> None:
        name = _LOCAL[name]
        if name in inside:
            inside[name] += 1
        elif name == "si":
            parts.clear()

    def end(name: str) -> None:
        name = _LOCAL[name]
        if name in inside:
            inside[name] -= 1
        elif name == "si":
            if len(found) >= MAX_STRINGS:
                raise ImportRefused(f"the workbook has more than {MAX_STRINGS:,} different texts")
            found.append(_unescaped("".join(parts)))

    def text(said: str) -> None:
        if inside["t"] and not inside["rPh"]:
            parts.append(said)

    _parse(package, "xl/sharedStrings.xml", start, end, text)
    return found


_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


# Source: ECMA-376 part 1, 18.8.30, formats that need not be written out.
_BUILT_IN: Final[Mapping[int, str]] = {
    **dict.fromkeys((9, 10), "percent"),
    **dict.fromkeys((14, 15, 16, 22, *range(27, 32), 36, *range(50, 59)), "day"),
    17: "month",
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47), "time"),
}
_NOT_FORMAT: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')


def _formats(package: zipfile.ZipFile) -> list[str]:
    """By number of a cell's style: `day`, `month`, `time`, `percent` or nothing."""
    if "xl/styles.xml" not in package.namelist():
        return []
    own: dict[int, str] = {}
    found: list[str] = []
    inside = {"cellXfs": False}

    def start(name: str, attributes: Mapping[str, str]) -> None:
        name = _LOCAL[name]
        if name == "numFmt":
            own[int(attributes["numFmtId"])] = _told(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            inside["cellXfs"] = True
        elif name == "xf" and inside["cellXfs"]:
            number = int(attributes.get("numFmtId", "0"))
            found.append(own.get(number, _BUILT_IN.get(number, "")))

    def end(name: str) -> None:
        if _LOCAL[name] == "cellXfs":
            inside["cellXfs"] = False

    _parse(package, "xl/styles.xml", start, end, None)
    return found


def _told(code: str) -> str:
    """What a format code shows of a number."""
    letters_ = _NOT_FORMAT.sub("", code.partition(";")[0]).lower()
    if "general" in letters_:
        return ""
    if "d" in letters_ or ("y" in letters_ and "m" not in letters_):
        return "day"
    if "y" in letters_:
        return "month"
    if "h" in letters_ or "s" in letters_:
        return "time"
    return "percent" if "%" in letters_ else ""


def _parse(
    package: zipfile.ZipFile,
    part: str,
    start: Callable[[str, Mapping[str, str]], None] | None,
    end: Callable[[str], None] | None,
    text: Callable[[str], None] | None,
) -> None:
    parser = _parser(start, end, text)
    with package.open(part) as stream:
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
    parser.Parse(b"", True)


def _parser(start: Any, end: Any, text: Any) -> expat.XMLParserType:
    """A parser that refuses document types, and with them every entity; names come as they are written."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def doctype(*_: object) -> None:
        raise ImportRefused(
            "the workbook holds a document type declaration, which no spreadsheet program writes: it could"
            " pull in other files"
        )

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    return parser


_MAX_NAMES: Final = 1_000


class _Locals(dict[str, str]):
    """Names as written to names without their prefix, each looked at once."""

    def __missing__(self, name: str) -> str:
        local = name.rpartition(":")[2]
        if len(self) < _MAX_NAMES:
            self[name] = local
        return local


_LOCAL: Final = _Locals()


# ------------------------------------------------------------------------------------------------- sheets

_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's days have no zone
_DAY_ZERO_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_NEVER_WAS: Final = 60  # 29 February 1900, which the program believes in
_LAST_DAY: Final = 2_958_465  # 31 December 9999


class _SheetReader:
    """One sheet, streamed."""

    def __init__(self, name: str, strings: list[str], formats: list[str], *, epoch_1904: bool) -> None:
        self._name = name
        self._strings = strings
        self._formats = formats
        self._epoch = _DAY_ZERO_1904 if epoch_1904 else _DAY_ZERO
        self._done: list[Row] = []
        self._row = Row(0, {})
        self._column = 0
        self._kind = "n"
        self._style = 0
        self._formula: str | None = None
        self._text: list[str] = []
        self._value: str | None = None
        self._reading = False
        self._pronounced = False
        self._merged: list[str] = []
        self._hidden_columns: list[tuple[int, int]] = []

    def rows(self, stream: IO[bytes]) -> Iterator[Row]:
        """The rows, as far as they are asked for."""
        parser = _parser(self._start, self._end, self._characters)
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
            yield from self._done
            self._done.clear()
        parser.Parse(b"", True)
        yield from self._done

    def findings(self, table: Table) -> Iterator[Any]:
        """What is wrong with the sheet as a whole, once it is read."""
        if self._merged:
            told = ", ".join(self._merged[:_MAX_MERGES_TOLD])
            more = f" and {len(self._merged) - _MAX_MERGES_TOLD} more" * (
                len(self._merged) > _MAX_MERGES_TOLD
            )
            yield whole(
                self._name,
                "merged",
                f"merged cells {told}{more}: whose value it is cannot be told; unmerge them",
            )
        for first, last in self._hidden_columns:
            for column in table.heading:
                if first <= column <= last:
                    yield whole(
                        self._name,
                        "hidden",
                        f"column {letters(column)} is hidden and has a heading: show it, or take it out",
                        column=column,
                    )

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = _LOCAL[name]
        if name == "c":
            reference = attributes.get("r")
            self._column = _column(reference) if reference is not None else self._column + 1
            self._kind = attributes.get("t", "n")
            self._style = int(attributes.get("s", "0"))
            self._formula = None
            self._value = None
        elif name in ("v", "f", "t"):
            self._reading = not self._pronounced
            self._text.clear()
        elif name == "row":
            number = attributes.get("r")
            following = self._row.number + 1
            hidden = attributes.get("hidden", "0") in ("1", "true")
            self._row = Row(int(number) if number is not None else following, {}, hidden)
            if self._row.number < following:
                raise ImportRefused(f"the sheet {self._name[:60]!r} is damaged: its rows are not in order")
            self._column = 0
        elif name == "mergeCell":
            self._merged.append(attributes.get("ref", "?")[:20])
        elif name == "col" and attributes.get("hidden", "0") in ("1", "true"):
            self._hidden_columns.append((int(attributes["min"]), int(attributes["max"])))
        elif name == "rPh":
            self._pronounced = True

    def _end(self, name: str) -> None:
        name = _LOCAL[name]
        if name == "c":
            if (value := self._cell()) is not None:
                self._row.cells[self._column] = value
        elif name == "v":
            self._value = "".join(self._text)
            self._reading = False
        elif name == "t":
            if self._reading:
                self._value = (self._value or "") + "".join(self._text)
            self._reading = False
        elif name == "rPh":
            self._pronounced = False
        elif name == "f":
            self._formula = "".join(self._text)
            self._reading = False
        elif name == "row":
            self._done.append(self._row)

    def _characters(self, said: str) -> None:
        if self._reading:
            self._text.append(said)

    def _cell(self) -> Value | None:
        value, kind = self._value, self._kind
        if self._formula is not None:
            return Fault(
                "formula",
                f"expected a value, got the formula ={self._formula[:60]}: copy it and paste it as value",
            )
        if value is None:
            return None
        if kind == "s":
            return _text(self._strings[int(value)])
        if kind in ("inlineStr", "str"):
            return _text(_unescaped(value))
        if kind == "b":
            return value in ("1", "true")
        if kind == "e":
            return Fault("error_cell", f"the cell shows {value[:20]}: a formula failed there")
        if kind == "d":
            return _text(value.removesuffix("Z").removesuffix("T00:00:00"))
        return self._number(value) if value else None

    def _number(self, text: str) -> Value:
        number = _decimal(text)
        shown = self._formats[self._style] if self._style < len(self._formats) else ""
        if not shown:
            return number
        if shown == "percent":
            return f"{format((number * 100).normalize(), 'f')} %"
        if shown == "time":
            return Fault(
                "date", f"expected a value, got a time of day ({text[:20]} in the format of a clock)"
            )
        return self._day(number, month=shown == "month")

    def _day(self, number: Decimal, *, month: bool) -> Value:
        first = _NEVER_WAS + 1 if self._epoch is _DAY_ZERO else 0
        if not first <= number <= _LAST_DAY:
            return Fault(
                "date", f"the cell has the format of a day, and {number} is no day on or after 1900-03-01"
            )
        at = self._epoch + timedelta(seconds=round(float(number) * 86_400))
        if number != number.to_integral_value():
            return at
        if month and at.day == 1:
            return YearMonth(at.year, at.month)
        return date(at.year, at.month, at.day)


def _text(text: str) -> Value | None:
    if not text or text.isspace():
        return None
    if len(text) > MAX_CELL_TEXT:
        return Fault("text", f"expected at most {MAX_CELL_TEXT:,} characters, got {len(text):,}")
    return text


@lru_cache(maxsize=65_536)
def _decimal(text: str) -> Decimal:
    """The number as the program shows it: 15 significant digits of the double it stores.

    Raises:
        ValueError: it is no number.
    """
    if text.isdecimal() and len(text) <= 15:
        return Decimal(text)
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:40]!r} is no number")
    shown = Decimal(format(number, ".15g"))
    return Decimal(format(shown, "f")) if abs(shown.adjusted()) < 40 else shown


@lru_cache(maxsize=4096)
def _letters_to_number(word: str) -> int:
    number = 0
    for letter in word:
        number = number * 26 + ord(letter) - 64
    return number


def _column(reference: str) -> int:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ImportRefused(f"the workbook is damaged: {reference[:20]!r} is no place of a cell")
    return _letters_to_number(match[1])
