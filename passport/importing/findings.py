"""What is found wrong in a file, each with its place; and how it is told."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from passport.errors import InputRefused
from schemas.registry import REGISTRY

_CITATIONS: Final = 2


class ImportRefused(InputRefused):
    """Nothing was imported.

    Attributes:
        findings: all that is wrong, in reading order.
    """

    code = "input.import"

    def __init__(self, sentence: str, findings: Sequence["Finding"] = ()) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands.

    Attributes:
        sheet: name of a sheet or a CSV file, or of the list in a document.
        row: as a spreadsheet program counts, from 1; None for a whole sheet or column.
        column: likewise, from 1; None for a whole sheet or row.
        path: within a document instead of row and column, such as `items[3].rated_capacity`.
    """

    sheet: str
    row: int | None = None
    column: int | None = None
    path: str = ""

    def __str__(self) -> str:
        """`items!F17`, `items!17`, `items!F`, or the path."""
        if self.path:
            return self.path
        if self.row is None and self.column is None:
            return self.sheet
        return f"{self.sheet}!{letters(self.column) if self.column else ''}{self.row or ''}"


def letters(column: int) -> str:
    """A column as a spreadsheet program names it.

    >>> letters(1), letters(28)
    ('A', 'AB')
    """
    said = ""
    while column:
        column, rest = divmod(column - 1, 26)
        said = chr(65 + rest) + said
    return said


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or deserves a look.

    Attributes:
        rule: stable word for the kind of trouble; `docs/import.md` lists them.
        attribute: id, or the heading of the column; empty where none is concerned.
        sentence: what was expected and what came.
        warning: nothing is refused because of it.
        whole: it concerns a sheet or a file, so that no row of it can be trusted.
    """

    place: Place
    rule: str
    attribute: str
    sentence: str
    warning: bool = False
    whole: bool = False

    @property
    def law(self) -> str:
        """Where the attribute is written, short; empty where no text asks for it."""
        row = REGISTRY.get(self.attribute.partition(".")[0])
        return "; ".join(str(citation) for citation in row.law[:_CITATIONS]) if row is not None else ""

    @property
    def where(self) -> str:
        """Place and attribute; once where the place is a path that ends with it."""
        place = str(self.place)
        return place if place.endswith(self.attribute) else f"{place} {self.attribute}"

    def __str__(self) -> str:
        """`items!F17 rated_capacity: expected ..., got ... (Annex XIII 1(g))`."""
        return f"{self.where}: {self.sentence}" + (f" ({self.law})" if self.law else "")

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "place": str(self.place),
            "sheet": self.place.sheet,
            "row": self.place.row,
            "column": letters(self.place.column) if self.place.column else None,
            "rule": self.rule,
            "attribute": self.attribute,
            "sentence": self.sentence,
            "law": self.law,
            "warning": self.warning,
        }


def harmless(text: str) -> str:
    """The text as a CSV cell that no spreadsheet program takes for a formula.

    >>> harmless("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def report(findings: Iterable[Finding]) -> bytes:
    """All findings as CSV for a spreadsheet program: UTF-8 with its mark, no cell runs as a formula."""
    said = io.StringIO(newline="")
    writer = csv.writer(said)
    writer.writerow(["place", "sheet", "row", "column", "rule", "attribute", "sentence", "law", "kind"])
    for one in findings:
        wire = one.to_wire()
        row = [wire[name] for name in ("place", "sheet", "row", "column", "rule", "attribute")]
        row += [wire["sentence"], wire["law"], "warning" if one.warning else "refused"]
        writer.writerow([harmless("" if cell is None else str(cell)) for cell in row])
    return b"\xef\xbb\xbf" + said.getvalue().encode()
