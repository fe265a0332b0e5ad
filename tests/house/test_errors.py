"""The table of errors in docs/errors.md is the two error trees as they are when everything is loaded."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import ingest
import passport
from ingest.errors import IngestError
from passport.errors import PassportError
from passport.web import errors

PROJECT = Path(__file__).parents[2]
# Programs that run when they are imported as such: scripts of Alembic and the entry of `python -m`.
NOT_IMPORTED = re.compile(r"\.migrations\b|\.__main__$")
ROW = re.compile(
    r"\| `(?P<name>[\w.]+)` \| `(?P<code>[\w.]+)` \| (?P<http>\d{3}) \| (?P<exit>[123-]) \| (?P<advice>.+) \|"
)


def _below(error: type[Exception]) -> Iterator[type[Exception]]:
    yield error
    for child in error.__subclasses__():
        yield from _below(child)


@cache
def _trees() -> dict[str, type[Exception]]:
    """Every error class of the two packages by its full name."""
    packages: tuple[ModuleType, ...] = (ingest, passport)
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not NOT_IMPORTED.search(found.name):
                importlib.import_module(found.name)
    found_classes = (one for root in (PassportError, IngestError) for one in _below(root))
    return {
        f"{one.__module__}.{one.__qualname__}": one
        for one in found_classes
        if one.__module__.partition(".")[0] in ("ingest", "passport")
    }


@cache
def _table() -> dict[str, re.Match[str]]:
    lines = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    read = [match for line in rows if (match := ROW.fullmatch(line))]
    assert len(read) == len(rows), "a row of docs/errors.md has another form than the others"
    names = [match["name"] for match in read]
    assert len(set(names)) == len(names), "a class stands twice in docs/errors.md"
    return {match["name"]: match for match in read}


def test_the_table_has_a_row_for_every_error_and_no_other():
    assert sorted(_table()) == sorted(_trees())


@pytest.mark.parametrize("name", sorted(_table()))
def test_a_row_tells_the_code_and_the_status_that_the_web_answers(name):
    row, error = _table()[name], _trees()[name]
    # Some errors are made of more than a sentence; how they are described does not depend on it.
    status, code, _, _ = errors.describe(error.__new__(error))
    assert (row["code"], int(row["http"])) == (code, status)


def test_a_code_that_stands_twice_is_a_class_and_its_refinement():
    by_code: dict[str, type[Exception]] = {}
    for name in _table():
        error = _trees()[name]
        first = by_code.setdefault(error.code, error)
        assert issubclass(error, first) or issubclass(first, error), name


@pytest.mark.parametrize("module", ["ingest/errors.py", "passport/errors.py"])
def test_the_tree_at_the_top_of_a_file_draws_its_classes(module):
    text = (PROJECT / module).read_text(encoding="utf-8")
    drawn = re.findall(r"^[│├└─ ]*(\w+)", text.split('"""')[1].partition("\n\n")[2], re.MULTILINE)
    assert drawn == re.findall(r"^class (\w+)", text, re.MULTILINE)
