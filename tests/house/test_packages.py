"""Every package says at its top what it is for, what it may import, and what it must never do."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOTS = ("schemas", "ingest", "passport", "templates")
PACKAGES = sorted(
    str(path.parent.relative_to(PROJECT)) for root in ROOTS for path in (PROJECT / root).rglob("__init__.py")
)
PURPOSE, MAY, NEVER = range(3)


def sentences(package: str) -> list[str]:
    text = (PROJECT / package / "__init__.py").read_text(encoding="utf-8")
    told = ast.get_docstring(ast.parse(text)) or ""
    # A sentence ends with a full stop before a capital letter or the end.
    return [one for one in re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(told.split())) if one]


def test_there_are_packages_to_look_at():
    assert {"schemas", "ingest", "passport", "passport/web", "ingest/protocols"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_opens_with_three_sentences(package):
    told = sentences(package)
    assert len(told) == 3, told
    assert re.search(r"\bmay import\b", told[MAY])
    assert re.search(r"\bmust never\b", told[NEVER])
    assert "must" not in told[PURPOSE]


def test_every_folder_with_code_is_a_package():
    folders = {
        str(path.parent.relative_to(PROJECT))
        for root in ROOTS
        for path in (PROJECT / root).rglob("*.py")
        if "migrations" not in path.parts
    }
    assert folders == set(PACKAGES)
