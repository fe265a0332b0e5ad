"""Tables of cells with their places: what every kind of sheet comes down to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from passport.importing.findings import Finding, Place
from schemas.values import YearMonth

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 1_000
MAX_CELLS: Final = 2_000_000
MAX_CELL_TEXT: Final = 32_767  # what a cell of a spreadsheet program holds

# Words that a spreadsheet program writes where a formula failed.
ERROR_WORDS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell without a value that can be taken; `rule` and `sentence` say why.

    Attributes:
        parts: the sentence as its parts, where several things are wrong with several members.
    """

    rule: str
    sentence: str
    parts: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is wrong, one by one."""
        return self.parts or (self.sentence,)


Value: TypeAlias = str | Decimal | bool | date | datetime | YearMonth | Fault


@dataclass(slots=True)
class Row:
    """One row with something in it.

    Attributes:
        number: as a spreadsheet program counts, from 1.
        cells: column, from 1, to its value; empty cells are left out.
        hidden: a person who looks at the sheet does not see it.
    """

    number: int
    cells: dict[int, Value]
    hidden: bool = False


@dataclass
class Table:
    """One sheet, or one CSV file.

    Attributes:
        name: of the sheet, or of the file without its ending.
        heading: column, from 1, to the text of the first row with something in it.
        heading_row: the number of that row.
        rows: below it, without remarks (rows that begin with `#`).
        findings: what is wrong with the sheet as a whole.
    """

    name: str
    heading: dict[int, str] = field(default_factory=dict)
    heading_row: int = 1
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class TooMuch(Exception):
    """A limit is passed; the sentence says which, and what to do."""


class Budget:
    """How many cells a whole file may hold."""

    def __init__(self) -> None:
        """Nothing is spent."""
        self._left = MAX_CELLS

    def spend(self, cells: int) -> None:
        """Count these cells.

        Raises:
            TooMuch: there are more than the limit.
        """
        self._left -= cells
        if self._left < 0:
            raise TooMuch(f"more than {MAX_CELLS:,} cells with content: import in several files")


def build(name: str, rows: Iterable[Row], budget: Budget) -> Table:
    """The table of these rows, which come in order; empty ones are skipped.

    A limit that is passed becomes a finding, and reading ends there.
    """
    table = Table(name)
    try:
        for row in _counted(rows, budget):
            if not table.heading:
                table.heading_row = row.number
                table.heading = {column: _heading(value) for column, value in row.cells.items()}
                if row.hidden:
                    table.findings.append(
                        whole(name, "hidden", "the row with the headings is hidden", row=row.number)
                    )
            elif not _is_remark(row):
                table.rows.append(row)
    except TooMuch as limit:
        table.findings.append(whole(name, "limit", str(limit)))
    return table


def whole(
    sheet: str, rule: str, sentence: str, *, row: int | None = None, column: int | None = None
) -> Finding:
    """A finding that concerns the whole sheet."""
    return Finding(Place(sheet, row, column), rule, "", sentence, whole=True)


def _counted(rows: Iterable[Row], budget: Budget) -> Iterator[Row]:
    count = 0
    for row in rows:
        if not row.cells:
            continue
        count += 1
        if count > MAX_ROWS:
            raise TooMuch(f"more than {MAX_ROWS:,} rows with content: import in several files")
        if max(row.cells) > MAX_COLUMNS:
            raise TooMuch(f"content beyond column {MAX_COLUMNS:,}: what belongs together stands together")
        budget.spend(len(row.cells))
        yield row


def _heading(value: Value) -> str:
    return value.strip() if isinstance(value, str) else ""


def _is_remark(row: Row) -> bool:
    first = row.cells[min(row.cells)]
    return isinstance(first, str) and first.lstrip().startswith("#") and first.strip() not in ERROR_WORDS
