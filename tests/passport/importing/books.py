"""Workbooks for tests, some written by openpyxl, some by hand where a program would refuse to."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from openpyxl import Workbook

from passport.importing.findings import ImportRefused

GTIN: Final = "09520123456788"
MODEL_FACTS: Final[Mapping[str, Any]] = {
    "model_identifier": "EX-5",
    "gtin": GTIN,
    "battery_category": "stationary",
    "rated_capacity": 100,
    "nominal_voltage": 51.2,
}


def book(
    sheets: Mapping[str, Sequence[Sequence[Any]]], change: Callable[[Workbook], object] | None = None
) -> bytes:
    """A workbook of these rows; `change` may do more to it."""
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append(list(row))
    if change is not None:
        change(made)
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def models(**more: Any) -> list[list[Any]]:
    """The sheet of one model."""
    facts = {**MODEL_FACTS, **more}
    return [list(facts), list(facts.values())]


def items(*serials: str, **more: Any) -> list[list[Any]]:
    """The sheet of batteries of that model."""
    return [
        ["model_identifier", "serial_number", *more],
        *(["EX-5", serial, *more.values()] for serial in serials),
    ]


def parts(data: bytes) -> dict[str, bytes]:
    """The parts of a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def packed(found: Mapping[str, bytes]) -> bytes:
    """The parts as a package again."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in found.items():
            package.writestr(name, content)
    return data.getvalue()


def sheet_xml(data: bytes, change: Callable[[bytes], bytes], name: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The workbook with one part changed."""
    found = parts(data)
    found[name] = change(found[name])
    return packed(found)


def answers(read: Callable[[], object]) -> bool:
    """Whether a reader gives something, or refuses with a sentence; whatever else it raises goes through."""
    try:
        read()
    except ImportRefused as refused:
        return bool(str(refused))
    return True
