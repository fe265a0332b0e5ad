"""What mypy refuses before a program runs: mistakes in rows and in their use, planted one by one."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

HEAD = """
from decimal import Decimal
from typing import Final
from schemas.attribute import OWED, Attribute, Chapter, everyone, since
from schemas.attributes.general import operator_name
from schemas.attributes.performance import rated_capacity
from schemas.citation import article
from schemas.record import Record, Stated
from schemas.terms import Disclosure, Level, RecordKind, Source, Unit
from schemas.values import number
"""
ROW = """
{name}: Final = Attribute(
    "example",
    title="Example",
    group=Chapter.GENERAL,
    value=number(Unit.{unit}),
    level=Level.ITEM,
    updates=False,
    {disclosure}
    duty=everyone({duty}),
    applies=since(2027, 2, 18),
    law=({law}),
    record=RecordKind.PASSPORT,
)
"""
GOOD = {
    "name": "example",
    "unit": "VOLT",
    "disclosure": "disclosure=Disclosure.PUBLIC,",
    "duty": "OWED",
    "law": 'article("1"),',
}


def row(**changes):
    return ROW.format(**{**GOOD, **changes})


MISTAKES = {
    "a row pasted twice": (row() + row(), "Cannot redefine an existing name as final|already defined"),
    "a misspelt unit": (row(unit="VOLTS"), "has no attribute"),
    "a forgotten disclosure": (row(disclosure=""), 'Missing named argument "disclosure"|Missing positional'),
    "a demand that is none": (row(duty='"owed"'), "incompatible type"),
    "a citation without its comma": (row(law='article("1")'), "incompatible type"),
    "dividing text": (
        "def f(r: Record) -> object:\n s = r.get(operator_name)\n return s and s.value and s.value / 2\n",
        "Unsupported",
    ),
    "forgetting that a record may be silent": (
        "def f(r: Record) -> object:\n    return r.get(rated_capacity).value\n",
        'has no attribute "value"',
    ),
    "a float for a decimal": (
        "s = Stated.of(rated_capacity, 1.5, source=Source.DECLARED)\n",
        "incompatible|Cannot infer|expected",
    ),
}


def mypy(tmp_path, body):
    file = tmp_path / "planted.py"
    file.write_text(HEAD + body)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_a_good_row_and_typed_access_pass(tmp_path):
    use = "def f(r: Record) -> Decimal | None:\n s = r.get(rated_capacity)\n return s.value if s else None\n"
    done = mypy(tmp_path, row() + use)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mypy_refuses(tmp_path, mistake):
    body, sentence = MISTAKES[mistake]
    done = mypy(tmp_path, body)
    assert done.returncode != 0
    assert any(part in done.stdout for part in sentence.split("|")), done.stdout
