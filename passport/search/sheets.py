"""Lists to take home: what was found as CSV, JSON, XLSX or Parquet, with what the reader may read.

Numbers are numbers where the format knows them; words from outside never become a formula.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson

from passport.errors import InputRefused
from passport.search.asking import Reader, Row, wire
from passport.search.fields import FIELDS, Field, readable
from passport.search.index import METALS

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
RESTRICTED: Final = "restricted"


@dataclass(frozen=True)
class Column:
    """One column: its heading, how its values are told, and the field behind it, if there is one."""

    heading: str
    tell: Callable[[Row], str | None]
    field: Field | None = None

    @property
    def number(self) -> bool:
        """Whether its values are numbers, all but days."""
        return self.field is not None and bool(self.field.scale) and not self.field.day


def columns(reader: Reader, public_url: str) -> tuple[Column, ...]:
    """The columns of a reader's list; fields that the reader may nowhere read have none."""
    fields = [field for field in FIELDS.values() if readable(field, reader.audience)]
    single = readable(FIELDS["verdict"], reader.audience)
    found = [
        Column("passport_id", lambda row: row.passport_id),
        Column("page", lambda row: f"{public_url}/p/{row.passport_id}"),
        Column("operator", lambda row: row.operator),
        Column("contact", lambda row: row.contact),
        Column("simulated", lambda row: "simulated" if row.simulated else None),
        *(Column(_heading(field), _teller(field), field) for field in fields),
    ]
    if readable(FIELDS[METALS[0]], reader.audience):
        found.append(Column("metals_from", _metals_from))
    if single:
        found += [
            Column("condition_at", lambda row: row.condition_at),
            Column("inspect", lambda row: "; ".join(row.inspect or ()) or None),
            Column("offer_price_EUR", lambda row: row.offer["price"] if row.offer else None),
            Column("offer_until", lambda row: row.offer["until"] if row.offer else None),
            Column("offer_contact", lambda row: row.offer["contact"] if row.offer else None),
        ]
    return tuple(found)


def _heading(field: Field) -> str:
    return f"{field.name}_{field.unit}" if field.unit else field.name


def _teller(field: Field) -> Callable[[Row], str | None]:
    name = field.name
    return lambda row: RESTRICTED if name in row.withheld else row.values[name]


def _metals_from(row: Row) -> str | None:
    if METALS[0] in row.withheld or all(row.values[name] is None for name in METALS):
        return None
    return "computed" if row.metals_computed else "declared"


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def _csv(rows: Sequence[Row], told: Sequence[Column], public_url: str) -> bytes:
    del public_url
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([one.heading for one in told])
    for row in rows:
        # A number of ours may begin with a minus; a word from outside may not begin a formula.
        writer.writerow(
            [(one.tell(row) or "") if one.number else guarded(one.tell(row) or "") for one in told]
        )
    return out.getvalue().encode()


def _json(rows: Sequence[Row], told: Sequence[Column], public_url: str) -> bytes:
    del told
    return orjson.dumps({"batteries": [wire(row, public_url) for row in rows]}, option=orjson.OPT_INDENT_2)


def _xlsx(rows: Sequence[Row], told: Sequence[Column], public_url: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    del public_url
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Batteries")
    sheet.freeze_panes = "B2"
    head = []
    for one in told:
        cell = WriteOnlyCell(sheet, one.heading)
        cell.font = Font(bold=True)
        head.append(cell)
    sheet.append(head)
    for row in rows:
        line = []
        for one in told:
            text = one.tell(row)
            cell = WriteOnlyCell(sheet, text if text is None else _cell(one, text))
            if isinstance(cell.value, str):
                cell.data_type = "s"  # never a formula, whatever it begins with
            line.append(cell)
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(column: Column, text: str) -> Any:
    if text == RESTRICTED:
        return text
    if column.number:
        return float(text)
    if column.field is not None and column.field.day:
        return date.fromisoformat(text)
    # What no XML file can hold, no sheet can.
    return "".join(char for char in text if char >= " " or char in "\t\n\r")


def _parquet(rows: Sequence[Row], told: Sequence[Column], public_url: str) -> bytes:
    """Restricted values are null: a typed column holds no word for them."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise InputRefused(
            "Parquet needs pyarrow: "
            "pip install 'cellpass[analytics]', or in a checkout .venv/bin/pip install pyarrow"
        ) from error
    del public_url
    arrays, names = [], []
    for one in told:
        texts = [None if (text := one.tell(row)) == RESTRICTED else text for row in rows]
        if one.number:
            numbers = [None if text is None else Decimal(text) for text in texts]
            arrays.append(pa.array(numbers, pa.decimal128(38, 3)))
        elif one.field is not None and one.field.day:
            days = [None if text is None else date.fromisoformat(text) for text in texts]
            arrays.append(pa.array(days, pa.date32()))
        else:
            arrays.append(pa.array(texts, pa.string()))
        names.append(one.heading)
    out = io.BytesIO()
    parquet.write_table(pa.table(arrays, names=names), out, compression="zstd")
    return out.getvalue()


_Writer = Callable[[Sequence[Row], Sequence[Column], str], bytes]
FORMATS: Final[Mapping[str, tuple[str, _Writer]]] = {
    "csv": ("text/csv", _csv),
    "json": ("application/json", _json),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}


def sheet(
    name: str,
    rows: Sequence[Row],
    reader: Reader,
    public_url: str,
    *,
    more: Sequence[Column] = (),
) -> bytes:
    """The list in a format of `FORMATS`; `more` are columns of a special list, which stand last.

    Raises:
        InputRefused: the format needs what is not installed.
        KeyError: there is no such format.
    """
    return FORMATS[name][1](rows, (*columns(reader, public_url), *more), public_url)
