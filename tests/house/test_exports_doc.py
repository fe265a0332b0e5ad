"""The page of formats says of each what never fits, and that is what its code leaves out today.

`python -m tests.house.test_exports_doc` writes the table anew.
"""

from pathlib import Path

from passport.exports import available, format_of
from passport.exports.format import Why
from schemas.registry import REGISTRY
from schemas.terms import Category
from tests.passport.exports.subjects import everything

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "exports.md"
BEGIN, END = "<!-- what never fits: generated -->\n", "<!-- end -->\n"


def never_fits(name: str) -> list[str]:
    """Ids of the attributes that the format has no place for, whatever the category, in reading order."""
    form = format_of(name)
    stated: set[str] = set()
    placed: set[str] = set()
    for category in Category:
        subject = everything(category)
        lost = {loss.attribute for loss in form.export(subject).losses if loss.why is Why.NO_PLACE}
        stated |= set(subject.values)
        placed |= set(subject.values) - lost
    return [one for one in REGISTRY if one in stated - placed]


def table() -> str:
    """The generated part of the page."""
    rows = []
    for name in available():
        left = ", ".join(f"`{one}`" for one in never_fits(name)) or "nothing"
        rows.append(f"| `{name}` | {format_of(name).TITLE} | {left} |")
    return "\n".join(["| format | version | attributes without any place |", "|---|---|---|", *rows]) + "\n"


def test_the_table_of_what_never_fits_is_what_the_code_leaves_out() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition(BEGIN)
    assert rest.partition(END)[0] == table(), "run: python -m tests.house.test_exports_doc"


def test_every_format_has_its_words() -> None:
    page = PAGE.read_text(encoding="utf-8")
    prose = page.replace(page.partition(BEGIN)[2].partition(END)[0], "")
    assert [name for name in available() if f"`{name}`" not in prose] == []


if __name__ == "__main__":
    whole = PAGE.read_text(encoding="utf-8")
    before, _, behind = whole.partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + behind.partition(END)[2], encoding="utf-8")
