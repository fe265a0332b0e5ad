"""Decision records and change notes have one form, and their indexes leave none out."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
DECISIONS = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
CHANGES = sorted(path.name for path in (DOCS / "changes").glob("[0-9]*.md"))


def read(folder: str, name: str) -> str:
    return (DOCS / folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_a_number_a_day_and_its_sections(name):
    text = read("decisions", name)
    assert re.match(rf"# {name[:4]} \S", text)
    assert re.search(r"^Status: (accepted|replaced by \d{4}), \d{1,2} [A-Z][a-z]+ \d{4}$", text, re.MULTILINE)
    sections = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    order = [one for one in sections if one in ("Context", "Decision", "Consequences")]
    assert order == ["Context", "Decision", "Consequences"]


def test_the_index_lists_every_decision_with_its_title():
    listed = re.findall(r"^- \[(\d{4})\]\(([\w.-]+)\) (.+)$", read("decisions", "README.md"), re.MULTILINE)
    assert [file for _, file, _ in listed] == DECISIONS
    for number, file, title in listed:
        assert read("decisions", file).startswith(f"# {number} {title}\n"), file


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_says_before_after_and_whom_it_concerns(name):
    text = read("changes", name)
    assert text.startswith("# ")
    for word in ("Before", "After", "Concern"):
        assert re.search(rf"^(\*\*)?{word}", text, re.MULTILINE | re.IGNORECASE) or f"**{word}" in text, word


def test_links_between_the_documents_lead_somewhere():
    links = [
        (path, target)
        for path in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert [f"{path.name}: {target}" for path, target in links if not (path.parent / target).exists()] == []
