"""What the law asks of a record and what the record says, compared row by row.

A finding is a sentence with its citation, never an exception. Some findings close the gate of issuing. Of
those, one that says "missing" can be answered for in writing (`--incomplete`); one that says "must stay
empty" cannot: a claim without a basis is not published.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas.attribute import Attribute
from schemas.citation import Citation
from schemas.record import Record, Stated
from schemas.registry import PASSPORTS_START, REGISTRY, Ruling, obligation
from schemas.terms import Absent, Category, Obligation, RecordKind


@unique
class Verdict(StrEnum):
    """What a finding says of one attribute."""

    MISSING = "missing"  # owed, and nothing is stated
    MUST_STAY_EMPTY = "must_stay_empty"  # stated, although it may not be yet or at all
    CONDITIONAL = "conditional"  # owed if a fact holds that nobody has stated
    PENDING = "pending"  # an act is awaited; nothing to do today


@dataclass(frozen=True)
class Finding:
    """One thing that a record's owner should know.

    Attributes:
        attribute: id.
        title: as read by people.
        sentence: what the law says here and now.
        citations: where it is written.
        closes_gate: a version is not issued while this stands.
        answerable: somebody may take responsibility in writing instead.
    """

    attribute: str
    title: str
    verdict: Verdict
    sentence: str
    citations: tuple[Citation, ...]

    @cached_property
    def closes_gate(self) -> bool:
        """Whether a version is refused because of it."""
        return self.verdict is Verdict.MISSING or self.verdict is Verdict.MUST_STAY_EMPTY

    @cached_property
    def answerable(self) -> bool:
        """Whether `--incomplete` with a reason opens the gate all the same."""
        return self.verdict is not Verdict.MUST_STAY_EMPTY

    def __str__(self) -> str:
        """`Rated capacity: missing; owed from 2027-02-18 (Annex XIII 1(g))`."""
        law = "; ".join(dict.fromkeys(str(citation) for citation in self.citations))
        return f"{self.title}: {self.verdict.value.replace('_', ' ')}; {self.sentence}" + (
            f" ({law})" if law else ""
        )

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "attribute": self.attribute,
            "title": self.title,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "citations": [str(citation) for citation in self.citations],
            "closes_gate": self.closes_gate,
        }


def gaps(record: Record, category: Category, placed_on: date | None, today: date) -> tuple[Finding, ...]:
    """Every finding on the record's rows, in reading order.

    Args:
        record: what is stated today; a row without a value says why.
        category: the battery's.
        placed_on: day of placing on the market; None while unknown: the duty is then assumed.
        today: the day of the question.
    """
    ruled = rulings(category, placed_on, today)
    usual = _of_blank(record.kind, category, placed_on, today)
    found = []
    for name, stated in record.values.items():
        known = usual.get(name)
        if known is None:
            continue  # a record of an older registry; what its row owed is not judged by today's
        if stated.value is not None:
            finding = known.if_stated
        elif stated is known.blank:
            finding = known.if_blank
        else:
            finding = _finding(ruled[name], REGISTRY[name], stated=False, absent=stated.absent)
        if finding is not None:
            found.append(finding)
    return tuple(found)


def _finding(ruling: Ruling, row: Attribute[Any], *, stated: bool, absent: Absent | None) -> Finding | None:
    verdict = _verdict(ruling, stated=stated, absent=absent)
    if verdict is None:
        return None
    return Finding(row.id, row.title, verdict, ruling.reason, ruling.citations)


class _Usual(NamedTuple):
    """What a blank record says of a row, what is found about that, and what about any value."""

    blank: Stated[Any]
    if_blank: Finding | None
    if_stated: Finding | None


@lru_cache(maxsize=256)
def blank(kind: RecordKind, category: Category, placed_on: date | None, today: date) -> Record:
    """A record that states nothing, for every row why not; one for all batteries of a day and category."""
    ruled = rulings(category, placed_on, today)
    return Record.filled(kind, {}, lambda attribute: absence(ruled[attribute.id]))


@lru_cache(maxsize=256)
def _of_blank(
    kind: RecordKind, category: Category, placed_on: date | None, today: date
) -> Mapping[str, _Usual]:
    """By row of that kind of record, what is found about it in nearly every record."""
    ruled = rulings(category, placed_on, today)
    values = blank(kind, category, placed_on, today).values
    return {
        name: _Usual(
            stated,
            _finding(ruled[name], REGISTRY[name], stated=False, absent=stated.absent),
            _finding(ruled[name], REGISTRY[name], stated=True, absent=None),
        )
        for name, stated in values.items()
    }


@lru_cache(maxsize=256)
def rulings(category: Category, placed_on: date | None, today: date) -> Mapping[str, Ruling]:
    """What the law asks of every row, by attribute id; the same for all batteries of a day and category."""
    return MappingProxyType(
        {name: obligation(row, category, placed_on, today) for name, row in REGISTRY.items()}
    )


def _verdict(ruling: Ruling, *, stated: bool, absent: Absent | None) -> Verdict | None:
    if stated:
        return None if ruling.may_be_stated else Verdict.MUST_STAY_EMPTY
    if ruling.obligation is Obligation.PENDING:
        return Verdict.PENDING
    if ruling.obligation is not Obligation.OWED:
        return None
    if ruling.condition is None:
        return Verdict.MISSING
    # Somebody said that the condition does not hold; silence leaves the question open.
    return None if absent is Absent.NOT_APPLICABLE else Verdict.CONDITIONAL


def absence(ruling: Ruling) -> Absent:
    """Why a row without a value has none, in the word that goes into the record."""
    return _ABSENCES.get(ruling.obligation, Absent.NOT_PROVIDED)


_ABSENCES: Final[Mapping[Obligation, Absent]] = {
    Obligation.NOT_APPLICABLE: Absent.NOT_APPLICABLE,
    Obligation.PENDING: Absent.NOT_YET_REQUIRED,
    Obligation.MUST_STAY_EMPTY: Absent.NOT_YET_REQUIRED,
}


def closing(findings: Iterable[Finding], *, incomplete: bool) -> tuple[Finding, ...]:
    """The findings that keep the gate shut; with `incomplete`, only those that nobody may answer for."""
    return tuple(one for one in findings if one.closes_gate and not (incomplete and one.answerable))


VOLUNTARY: Final = "Placed on the market before 18 February 2027, so no passport is owed (Art. 77(1))."
"""What `voluntary` means, for people."""


def voluntary(placed_on: date | None) -> bool:
    """Whether the battery came before passports were owed, so that its own is a courtesy (Art. 77(1))."""
    return placed_on is not None and placed_on < PASSPORTS_START
