"""Templates: workbooks and CSV files made from the layout, with drop-downs and explanations.

Rows that begin with `#` are remarks: the titles and duties below the headings are skipped when the file is
read, so that an untouched template states nothing.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from passport.importing import layout
from passport.importing.findings import harmless, letters
from passport.importing.layout import Cells, Content, Sheet
from passport.importing.reading import KEYS
from schemas.registry import LAW_AS_OF
from schemas.structures import COUNTRIES, Form
from schemas.terms import Category
from schemas.values import Kind

_LAST_ROW: Final = 20_000
_README: Final = "READ ME"
_LISTS: Final = "lists"
_FIRST_ROW: Final = 4
_MAX_INLINE: Final = 250  # what a drop-down may hold without a range
_MAX_PROMPT: Final = 250
_MAX_NOTE: Final = 1_500
_COLOURS: Final = {
    layout.KEY: "1F3A5F",
    layout.OWED: "2E6B4F",
    layout.CONDITIONAL: "8A6D1B",
    layout.MAY: "6B6B6B",
}
_WORDS: Final = {
    layout.KEY: "names the row",
    layout.OWED: "owed",
    layout.CONDITIONAL: "owed if it applies; else n/a",
    layout.MAY: "may be stated",
}
# What a protected sheet still lets people do; what it protects are the headings.
_ALLOWED: Final = (
    "formatCells",
    "formatColumns",
    "formatRows",
    "insertRows",
    "deleteRows",
    "deleteColumns",
    "sort",
    "autoFilter",
)
_TEXT_FORMAT: Final = "@"
_HOW: Final = (
    "Fill in the sheets models (one row each), batches if there are any, and items (one row a battery).",
    "What has several entries, such as a composition, has a sheet of its own: one row an entry.",
    "The first row of a sheet names attributes: leave it. Columns may be moved or taken out.",
    "Rows that begin with # are remarks; this sheet, lists, and sheets whose name begins with # are skipped.",
    "An empty cell states nothing and changes nothing. n/a says that the attribute does not apply.",
    "none, in a list, says that there are none. withdraw takes back what was declared before.",
    "Numbers are in the unit of their heading; 102000 mAh, as text, is turned into it.",
    "Several entries in one cell are parted by semicolons, or by line breaks.",
    "Days are written 2027-02-18, months 2027-02, times 2027-02-18T12:00:00Z.",
    "Formulas, merged cells, hidden rows, columns and sheets are refused: nobody sees what they say.",
    "Check with `cellpass import FILE --dry-run`, then import with `cellpass import FILE`: all, or nothing.",
)


def workbook(
    category: Category | None, today: date, *, content: Content | None = None, everything: bool = False
) -> bytes:
    """A workbook to fill in, or filled with `content`."""
    from openpyxl import Workbook

    book = Workbook()
    rows = content.rows if content is not None else {}
    _readme(book.active, category, today)
    countries = f"'{_LISTS}'!$A$2:$A${len(COUNTRIES) + 1}"
    for sheet in layout.sheets(category, today, everything=everything):
        own = rows.get(sheet.name, [])
        _sheet(book.create_sheet(sheet.name), layout.used(sheet, own), own, countries)
    lists = book.create_sheet(_LISTS)
    lists.append(["countries (ISO 3166-1)"])
    for country in sorted(COUNTRIES):
        lists.append([country])
    book.active = book.sheetnames.index("models")
    # Only one sheet may be selected, or typing would go into several.
    for one in book.worksheets:
        one.sheet_view.tabSelected = one.title == "models"
    book.properties.creator = "Cellpass"
    book.properties.title = "Batteries to import"
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def csv_files(category: Category | None, today: date, *, content: Content | None = None) -> dict[str, bytes]:
    """The same as CSV files: name to content, UTF-8 with its mark."""
    rows = content.rows if content is not None else {}
    files = {}
    for sheet in layout.sheets(category, today):
        own = rows.get(sheet.name, [])
        files[f"{sheet.name}.csv"] = _csv(layout.used(sheet, own), own)
    return files


def _csv(sheet: Sheet, rows: Sequence[Cells]) -> bytes:
    said = io.StringIO(newline="")
    writer = csv.writer(said)
    writer.writerow([column.heading for column in sheet.columns])
    for remark in _remarks(sheet):
        writer.writerow(remark)
    for row in rows:
        cells = [row.get(_plain(column.heading)) for column in sheet.columns]
        writer.writerow([_csv_cell(cell) for cell in cells])
    return b"\xef\xbb\xbf" + said.getvalue().encode()


def _csv_cell(cell: Any) -> str:
    if isinstance(cell, (Decimal, int)):
        return format(Decimal(cell), "f")
    return "" if cell is None else harmless(str(cell)) if str(cell)[:1] in "=@" else str(cell)


def _plain(heading: str) -> str:
    return heading.partition(" [")[0]


def _remarks(sheet: Sheet) -> list[list[str]]:
    titles = [column.title for column in sheet.columns]
    duties = [_WORDS[column.word] for column in sheet.columns]
    return [[f"# {titles[0]}", *titles[1:]], [f"# {duties[0]}", *duties[1:]]]


def _sheet(page: Any, sheet: Sheet, rows: Sequence[Cells], countries: str) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill, Protection

    wrapped = Alignment(wrap_text=True, vertical="top")
    title, duty = _remarks(sheet)
    for number, column in enumerate(sheet.columns, 1):
        letter = letters(number)
        colour = _COLOURS[column.word]
        dimension = page.column_dimensions[letter]
        dimension.width = max(14, min(28, len(column.heading) + 2))
        dimension.protection = Protection(locked=False)
        dimension.number_format = _format(column)
        head = page.cell(1, number, column.heading)
        head.font = Font(bold=True, color="FFFFFF")
        head.fill = PatternFill("solid", fgColor=colour)
        head.alignment = wrapped
        note = Comment(column.help[:_MAX_NOTE], "Cellpass")
        note.width, note.height = 380, 220
        head.comment = note
        for row, text in ((2, title[number - 1]), (3, duty[number - 1])):
            cell = page.cell(row, number, text)
            cell.font = Font(italic=row == 3, color=colour, size=9)
            cell.alignment = wrapped
        _validate(page, column, letter, countries)
    for row_number, cells in enumerate(rows, _FIRST_ROW):
        for number, column in enumerate(sheet.columns, 1):
            _put(page, row_number, number, column, cells.get(_plain(column.heading)))
    page.freeze_panes = page.cell(_FIRST_ROW, 3 if sheet.columns[1].name in KEYS else 2)
    page.row_dimensions[1].height = 32
    page.row_dimensions[2].height = 48
    page.protection.sheet = True
    for allowed in _ALLOWED:
        setattr(page.protection, allowed, False)


def _format(column: layout.Place) -> str:
    """The format of a column's cells: text, wherever a program would otherwise make something else of it."""
    kind = column.value.kind if column.value is not None else Kind.TEXT
    if kind is Kind.DATE:
        return "yyyy-mm-dd"
    return "General" if kind in (Kind.NUMBER, Kind.INTEGER, Kind.DURATION_MONTHS) else _TEXT_FORMAT


def _put(page: Any, row: int, number: int, column: layout.Place, value: Any) -> None:
    from openpyxl.styles import Protection

    cell = page.cell(row, number)
    cell.protection = Protection(locked=False)
    cell.number_format = _format(column)
    if value is None:
        return
    if isinstance(value, str):
        cell.value = value
        cell.data_type = "s"  # whatever it begins with, it is no formula
        cell.number_format = _TEXT_FORMAT
    else:
        cell.value = float(value) if isinstance(value, Decimal) and value % 1 else value
        if isinstance(value, Decimal) and not value % 1:
            cell.value = int(value)
        cell.number_format = "yyyy-mm-dd" if isinstance(value, date) else "General"


def _validate(page: Any, column: layout.Place, letter: str, countries: str) -> None:
    """A drop-down or a range, which warns and does not forbid: n/a and values with a unit are fine too."""
    from openpyxl.worksheet.datavalidation import DataValidation

    value = column.value
    options: dict[str, Any] = {}
    joined = ",".join(column.choices)
    if column.choices and len(joined) <= _MAX_INLINE and not any("," in one for one in column.choices):
        options = {"type": "list", "formula1": f'"{joined}"'}
    elif column.form is Form.COUNTRY:
        options = {"type": "list", "formula1": countries}
    elif value is not None and value.kind in (Kind.NUMBER, Kind.INTEGER, Kind.DURATION_MONTHS):
        options = _range(value)
    rule = DataValidation(allow_blank=True, errorStyle="warning", **options)
    rule.promptTitle = _plain(column.heading)[-32:]
    rule.prompt = column.help[:_MAX_PROMPT]
    rule.showInputMessage = True
    rule.showErrorMessage = bool(options)
    rule.errorTitle = "Not as expected"
    rule.error = "The import would refuse this, unless it is n/a or a value with its unit."
    rule.add(f"{letter}{_FIRST_ROW}:{letter}{_LAST_ROW}")
    page.add_data_validation(rule)


def _range(value: Any) -> dict[str, Any]:
    kind = "decimal" if value.kind is Kind.NUMBER else "whole"
    low = value.at_least if value.at_least is not None else value.above
    if low is not None and value.at_most is not None:
        return {"type": kind, "operator": "between", "formula1": str(low), "formula2": str(value.at_most)}
    if low is not None:
        operator = "greaterThan" if value.at_least is None else "greaterThanOrEqual"
        return {"type": kind, "operator": operator, "formula1": str(low)}
    return {"type": kind, "operator": "greaterThan", "formula1": "-1000000000"}


def _readme(page: Any, category: Category | None, today: date) -> None:
    """How to fill it in; every column once more; and what has none."""
    from openpyxl.styles import Alignment, Font

    page.title = _README
    bold, wrapped = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    what = (
        f"batteries of the category {category.value}"
        if category is not None
        else "batteries of every category"
    )
    lines: list[list[str]] = [
        [f"Import of {what}"],
        [f"As asked on {today.isoformat()}; the law as of {LAW_AS_OF.isoformat()}. This is no legal advice."],
        [],
        *([line] for line in _HOW),
        [],
        ["column", "sheet", "title", "what", "", "stated"],
    ]
    head = {1, len(lines)}
    for sheet in layout.sheets(category, today):
        lines += [
            [column.heading, sheet.name, column.title, column.help, "", _WORDS[column.word]]
            for column in sheet.columns
        ]
    lines += [[], ["Not asked: no column, and nothing to state today"]]
    head.add(len(lines))
    lines += [[row.id, "", row.title, reason] for row, reason in layout.not_asked(category, today)]
    for number, line in enumerate(lines, 1):
        for place, text in enumerate(line, 1):
            if text:
                cell = page.cell(number, place, text)
                cell.alignment = wrapped if place > 1 else Alignment(vertical="top")
                if number in head:
                    cell.font = bold
    for letter, width in (("A", 44), ("B", 24), ("C", 44), ("D", 90), ("E", 2), ("F", 26)):
        page.column_dimensions[letter].width = width
