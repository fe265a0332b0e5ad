"""Everything that follows from one row: for `cellpass explain`, and for the generated `docs/attributes.md`.

`python -m schemas.explain --markdown` prints that page, `--frozen` the frozen copy of the current registry.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from schemas.attribute import Attribute, Chapter
from schemas.citation import CONSOLIDATED
from schemas.feeds import FEEDS
from schemas.registry import LAW_AS_OF, REGISTRY, REGISTRY_VERSION, by_chapter, frozen
from schemas.structures import STRUCTURES
from schemas.terms import Category, Disclosure, Obligation
from schemas.values import Kind, ValueType

DOCS: Final = "docs/attributes.md"

# Art. 77(2) in words; `passport.disclosure` decides, and a test holds the two against each other.
READERS: Final[Mapping[Disclosure, str]] = MappingProxyType(
    {
        Disclosure.PUBLIC: "everyone",
        Disclosure.INTEREST_AND_AUTHORITIES: "legitimate interest and authorities",
        Disclosure.AUTHORITIES: "authorities, not legitimate interest",
        Disclosure.INDIVIDUAL: "legitimate interest, not authorities",
    }
)

_CATEGORY_WORDS: Final[Mapping[Category, str]] = MappingProxyType(
    {
        Category.EV: "EV",
        Category.LMT: "LMT",
        Category.INDUSTRIAL: "industrial",
        Category.STATIONARY: "stationary",
    }
)

_WIRE_WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.NUMBER: "decimal number, written as text",
        Kind.INTEGER: "whole number",
        Kind.TEXT: "text",
        Kind.URI: "absolute address (https, http, urn, did)",
        Kind.DOCUMENT: "address of a document",
        Kind.DATE: "day, YYYY-MM-DD",
        Kind.YEAR_MONTH: "month, YYYY-MM",
        Kind.DATETIME: "time with zone, kept in UTC",
        Kind.DURATION_MONTHS: "whole months",
        Kind.FLAG: "true or false",
        Kind.ENUMERATION: "one of a list",
        Kind.STRUCTURE: "structured value",
    }
)


@dataclass(frozen=True)
class Explanation:
    """What follows from one row, ready to print or to send.

    Attributes:
        id: the attribute.
        title: its name.
        chapter: where it stands.
        record: in which signed record it lives.
        level: what a value is true of.
        updates: True when it changes during life.
        value: the value in words, with range and members.
        unit: symbol; None where there is none.
        cardinality: how many values a complete record holds.
        disclosure: its class.
        readers: who may see it, in words.
        duty: category to what is asked, from when and on which condition.
        law: citations in full.
        feeds: quantities of a BMS behind it; empty when people declare it.
        feed_role: reported, computed or compared; None when no device feeds it.
        note: what a reader must know.
        docs: where the page tells it.
    """

    id: str
    title: str
    chapter: str
    record: str
    level: str
    updates: bool
    value: str
    unit: str | None
    cardinality: str
    disclosure: str
    readers: str
    duty: Mapping[str, str]
    law: tuple[str, ...]
    feeds: tuple[str, ...]
    feed_role: str | None
    note: str
    docs: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            name: dict(value)
            if isinstance(value, Mapping)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in vars(self).items()
        }


def explain(attribute_id: str) -> Explanation:
    """Everything that follows from the row.

    Raises:
        KeyError: the registry does not know the id; `schemas.validation.near_misses` may help.
    """
    row = REGISTRY[attribute_id]
    feed = FEEDS.get(row.id)
    return Explanation(
        id=row.id,
        title=row.title,
        chapter=row.group.value,
        record=row.record.value,
        level=row.level.value,
        updates=row.updates,
        value=value_words(row.value),
        unit=row.value.unit.value if row.value.unit else None,
        cardinality=row.cardinality,
        disclosure=row.disclosure.value,
        readers=READERS[row.disclosure],
        duty=MappingProxyType({category.value: duty_words(row, category) for category in Category}),
        law=tuple(citation.full for citation in row.law),
        feeds=feed.quantities if feed else (),
        feed_role=feed.role.value if feed else None,
        note=row.note,
        docs=f"{DOCS}#{row.id}",
    )


def value_words(value: ValueType[Any]) -> str:
    """The value in words: `decimal number, written as text, in Ah, more than 0`."""
    words = _WIRE_WORDS[value.kind]
    if value.kind is Kind.STRUCTURE:
        shape = STRUCTURES[value.structure or ""]
        words = f"structured value: {shape.title} ({', '.join(shape.members)})"
    if value.members:
        words = f"one of {', '.join(value.members)}"
    if value.unit is not None:
        words += f", in {value.unit.value}"
    if value.above is not None:
        words += f", more than {value.above}"
    if value.at_least is not None and value.at_most is not None:
        words += f", from {value.at_least} to {value.at_most}"
    elif value.at_least is not None:
        words += f", at least {value.at_least}"
    elif value.at_most is not None:
        words += f", at most {value.at_most}"
    if value.usually_at_least is not None:
        words += f", rarely below {value.usually_at_least}"
    if value.usually_at_most is not None:
        words += f", rarely above {value.usually_at_most}"
    return f"list: {words}" if value.many else words


def duty_words(row: Attribute[Any], category: Category) -> str:
    """What is asked of the category: `owed from 2027-02-18 where the battery is used in cycles`."""
    demand = row.duty.of(category)
    if demand.obligation is Obligation.NOT_APPLICABLE:
        return "not applicable"
    act = row.applies.awaits
    if act is not None:
        earliest = act.earliest.get(category)
        words = "empty until an act exists" + (f", not before {earliest.isoformat()}" if earliest else "")
        return words if demand.obligation is Obligation.OWED else f"{words}; then voluntary"
    if demand.obligation is Obligation.VOLUNTARY:
        return "voluntary"
    assert row.applies.since is not None
    words = f"owed from {row.applies.since.isoformat()}"
    words += ", empty before" if row.applies.stays_empty_before else ""
    return words + (f" where {demand.condition.title}" if demand.condition else "")


def _short_duty(row: Attribute[Any], category: Category) -> str:
    demand = row.duty.of(category)
    if demand.obligation is Obligation.NOT_APPLICABLE:
        return "no"
    if row.applies.awaits is not None:
        return "awaits"
    if demand.obligation is Obligation.VOLUNTARY:
        return "may"
    return "if" if demand.condition else "owed"


def markdown() -> str:
    """The page `docs/attributes.md`: one table to look over, then every row."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Attributes of the passport"
    yield ""
    yield "Generated from the rows in `schemas/attributes/` by `python -m schemas.explain --markdown`."
    yield f"Registry {REGISTRY_VERSION}, law as of {LAW_AS_OF.isoformat()},"
    yield f"Regulation (EU) 2023/1542 in its consolidated version {CONSOLIDATED}."
    yield "A place without an act stands in that regulation."
    yield "A question mark in brackets marks what could not be verified."
    yield ""
    yield (
        "In the tables: **owed** without condition, **if** owed on a condition, **may** voluntary, **awaits**"
        " an act that does not exist and stays empty, **no** not applicable. Nothing is owed for batteries"
        " placed on the market before 18 February 2027. *From the BMS* names the readings that bear on an"
        " attribute; what this version works out of them is listed in `passport/lifecycle/summary.py`."
    )
    for chapter in Chapter:
        yield ""
        yield f"## {chapter.value.replace('_', ' ').capitalize()}"
        yield ""
        yield "| attribute | unit | record | seen by | EV | LMT | industrial | stationary |"
        yield "|---|---|---|---|---|---|---|---|"
        for row in by_chapter(chapter):
            duties = " | ".join(_short_duty(row, category) for category in Category)
            unit = row.value.unit.value if row.value.unit else ""
            link = f"[{row.id}](#{row.id})"
            yield f"| {link} | {unit} | {row.record.value} | {READERS[row.disclosure]} | {duties} |"
        for row in by_chapter(chapter):
            yield ""
            yield from _entry(row)


def _entry(row: Attribute[Any]) -> Iterator[str]:
    told = explain(row.id)
    yield f"### {told.id}"
    yield ""
    yield f"**{told.title}.** {told.note}".strip()
    yield ""
    yield f"- value: {told.value}; {told.cardinality} per record"
    changes = "changes during life" if told.updates else "fixed"
    yield f"- of the {told.level}, {changes}; lives in the {told.record} record; seen by {told.readers}"
    yield f"- duty: {_duty_line(told)}"
    if told.feeds:
        yield f"- from the BMS ({told.feed_role}): {', '.join(f'`{name}`' for name in told.feeds)}"
    yield f"- law: {'; '.join(str(citation) for citation in row.law) or 'none asks for it'}"


def _duty_line(told: Explanation) -> str:
    """Categories with the same duty in one clause: `EV, LMT owed from 2027-02-18; industrial ...`."""
    clauses: dict[str, list[str]] = {}
    for name, words in told.duty.items():
        clauses.setdefault(words, []).append(_CATEGORY_WORDS[Category(name)])
    if len(clauses) == 1:
        return next(iter(clauses))
    return "; ".join(f"{', '.join(names)} {words}" for words, names in clauses.items())


def frozen_text() -> str:
    """The frozen copy of the current registry, as its file holds it."""
    return json.dumps(frozen(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    printers = {"--markdown": markdown, "--frozen": frozen_text}
    if len(sys.argv) != 2 or sys.argv[1] not in printers:
        sys.exit(f"expected one of {', '.join(printers)}")
    sys.stdout.write(printers[sys.argv[1]]())
