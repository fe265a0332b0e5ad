"""What the law asks of a record and what the record says, compared row by row.

A finding is a sentence with its citation, never an exception. Some findings close the gate of issuing. Of
those, one that says "missing" can be answered for in writing (`--incomplete`); one that says "must stay
empty" cannot, nor one that says "contradiction": a claim without a basis is not published.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas import circumstances as conditions
from schemas.attribute import Attribute
from schemas.citation import Citation
from schemas.conditions import NOTHING_KNOWN, Circumstances
from schemas.guidance import data_points
from schemas.record import Record, Stated
from schemas.registry import PASSPORTS_START, REGISTRY, Ruling, obligation, passport_owed
from schemas.terms import Absent, Category, Obligation, RecordKind


@unique
class Verdict(StrEnum):
    """What a finding says of one attribute."""

    MISSING = "missing"  # owed, and nothing is stated
    MUST_STAY_EMPTY = "must_stay_empty"  # stated, although it may not be yet or at all
    CONTRADICTION = "contradiction"  # two statements of which one must be wrong
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
        inferred: a contradiction with something that was inferred, not stated; the inference may be wrong.
        condition: name of the condition on which it depends; None where there is none.
        closes_gate: a version is not issued while this stands.
        answerable: somebody may take responsibility in writing instead.
    """

    attribute: str
    title: str
    verdict: Verdict
    sentence: str
    citations: tuple[Citation, ...]
    inferred: bool = False
    condition: str | None = None

    @cached_property
    def closes_gate(self) -> bool:
        """Whether a version is refused because of it."""
        if self.verdict is Verdict.CONTRADICTION:
            return not self.inferred
        return self.verdict is Verdict.MISSING or self.verdict is Verdict.MUST_STAY_EMPTY

    @cached_property
    def answerable(self) -> bool:
        """Whether `--incomplete` with a reason opens the gate all the same."""
        return self.verdict is not Verdict.MUST_STAY_EMPTY and self.verdict is not Verdict.CONTRADICTION

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
            "data_points": list(data_points(self.attribute)),
            "condition": self.condition,
            "closes_gate": self.closes_gate,
            "answerable": self.answerable,
        }


def gaps(
    record: Record,
    category: Category,
    placed_on: date | None,
    today: date,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> tuple[Finding, ...]:
    """Every finding on the record's rows, in reading order.

    Args:
        record: what is stated today; a row without a value says why.
        category: the battery's.
        placed_on: day of placing on the market; None while unknown: the duty is then assumed.
        today: the day of the question.
        circumstances: which conditions are known of the battery.
    """
    ruled = rulings(category, placed_on, today, circumstances)
    usual = _of_blank(record.kind, category, placed_on, today, circumstances)
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
    sentence = ruling.reason
    if verdict is Verdict.CONTRADICTION:
        sentence = f"declared not applicable, and {sentence}"
    condition = ruling.condition.name if ruling.condition else None
    return Finding(row.id, row.title, verdict, sentence, ruling.citations, condition=condition)


def contradictions(
    kind: RecordKind, facts: Mapping[str, Any], declared: Mapping[str, bool]
) -> tuple[Finding, ...]:
    """Findings on what is declared of conditions and by facts, and cannot both be true.

    Args:
        kind: of the record in which the facts are stated; what contradicts no fact belongs to the passport.
        facts: attribute id to declared value on the wire.
        declared: condition to whether somebody said that it holds.
    """
    found = []
    for one in conditions.contradictions(facts, declared):
        row = REGISTRY.get(one.attribute)
        if (row.record if row else RecordKind.PASSPORT) is kind:
            found.append(
                Finding(
                    one.attribute or one.condition.name,
                    row.title if row else one.condition.name.replace("_", " ").capitalize(),
                    Verdict.CONTRADICTION,
                    one.sentence,
                    one.condition.law,
                    inferred=not one.firm,
                    condition=one.condition.name,
                )
            )
    return tuple(found)


class _Usual(NamedTuple):
    """What a blank record says of a row, what is found about that, and what about any value."""

    blank: Stated[Any]
    if_blank: Finding | None
    if_stated: Finding | None


@lru_cache(maxsize=512)
def blank(
    kind: RecordKind,
    category: Category,
    placed_on: date | None,
    today: date,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Record:
    """A record that states nothing, for every row why not; one for all batteries of which this is known."""
    ruled = rulings(category, placed_on, today, circumstances)
    return Record.filled(kind, {}, lambda attribute: absence(ruled[attribute.id]))


@lru_cache(maxsize=512)
def _of_blank(
    kind: RecordKind,
    category: Category,
    placed_on: date | None,
    today: date,
    circumstances: Circumstances,
) -> Mapping[str, _Usual]:
    """By row of that kind of record, what is found about it in nearly every record."""
    ruled = rulings(category, placed_on, today, circumstances)
    values = blank(kind, category, placed_on, today, circumstances).values
    return {
        name: _Usual(
            stated,
            _finding(ruled[name], REGISTRY[name], stated=False, absent=stated.absent),
            _finding(ruled[name], REGISTRY[name], stated=True, absent=None),
        )
        for name, stated in values.items()
    }


@lru_cache(maxsize=512)
def rulings(
    category: Category,
    placed_on: date | None,
    today: date,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Mapping[str, Ruling]:
    """What the law asks of every row, by attribute id; the same for all batteries of which this is known."""
    return MappingProxyType(
        {name: obligation(row, category, placed_on, today, circumstances) for name, row in REGISTRY.items()}
    )


def _verdict(ruling: Ruling, *, stated: bool, absent: Absent | None) -> Verdict | None:
    if stated:
        return None if ruling.may_be_stated else Verdict.MUST_STAY_EMPTY
    # Somebody said that it does not apply. That answers a condition, and it contradicts a plain duty.
    denied = absent is Absent.NOT_APPLICABLE
    if ruling.obligation is not Obligation.OWED and ruling.obligation is not Obligation.PENDING:
        return None
    if denied:
        return Verdict.CONTRADICTION if ruling.condition is None else None
    if ruling.obligation is Obligation.PENDING:
        return Verdict.PENDING
    return Verdict.MISSING if ruling.condition is None else Verdict.CONDITIONAL


def absence(ruling: Ruling) -> Absent:
    """Why a row without a value has none, in the word that goes into the record."""
    return _ABSENCES.get(ruling.obligation, Absent.NOT_PROVIDED)


_ABSENCES: Final[Mapping[Obligation, Absent]] = {
    Obligation.NOT_APPLICABLE: Absent.NOT_APPLICABLE,
    Obligation.PENDING: Absent.NOT_YET_REQUIRED,
    Obligation.MUST_STAY_EMPTY: Absent.NOT_YET_REQUIRED,
}


@dataclass(frozen=True)
class Tally:
    """How much of what is owed is there.

    Attributes:
        owed: rows owed without condition.
        stated: those of them that have a value.
        conditional: rows owed on a condition that is not known.
        answered: those of them that have a value, or are declared not applicable.
        pending: rows that wait for an act.
        must_stay_empty: rows that may not be stated, stated or not.
        voluntary: rows that nobody asks for.
        not_applicable: rows that do not concern this battery.
    """

    owed: int
    stated: int
    conditional: int
    answered: int
    pending: int
    must_stay_empty: int
    voluntary: int
    not_applicable: int

    def __add__(self, other: "Tally") -> "Tally":
        """Both records counted together."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Tally(*(one + two for one, two in pairs))


def tally(record: Record, ruled: Mapping[str, Ruling]) -> Tally:
    """The rows of the record by what is asked of them."""
    rows = [(ruled[name], stated) for name, stated in record.values.items() if name in ruled]
    plain = [stated for ruling, stated in rows if _asks(ruling) and ruling.condition is None]
    open_ = [stated for ruling, stated in rows if _asks(ruling) and ruling.condition is not None]
    words = [ruling.obligation for ruling, _ in rows]
    return Tally(
        owed=len(plain),
        stated=sum(stated.value is not None for stated in plain),
        conditional=len(open_),
        answered=sum(stated.value is not None or stated.absent is Absent.NOT_APPLICABLE for stated in open_),
        pending=words.count(Obligation.PENDING),
        must_stay_empty=words.count(Obligation.MUST_STAY_EMPTY),
        voluntary=words.count(Obligation.VOLUNTARY),
        not_applicable=words.count(Obligation.NOT_APPLICABLE),
    )


def _asks(ruling: Ruling) -> bool:
    return ruling.obligation is Obligation.OWED


def closing(findings: Iterable[Finding], *, incomplete: bool) -> tuple[Finding, ...]:
    """The findings that keep the gate shut; with `incomplete`, only those that nobody may answer for."""
    return tuple(one for one in findings if one.closes_gate and not (incomplete and one.answerable))


@dataclass(frozen=True)
class Shown:
    """A signed record as its reader sees it, and what it was judged by: no more than the record itself tells.

    Whoever shows a record judges nothing anew. Its absences say what did not apply and what was not yet
    required; its mark says whether anything is owed; and of conditions only that is known which follows from
    the values in this copy. So the page, the document and the signed record say the same, whatever was
    declared since.

    Attributes:
        category: the battery's.
        placed_on: day of placing on the market; None while unknown.
        voluntary: the record's own mark.
        today: the day of the record.
        circumstances: from the values in this copy.
    """

    category: Category
    placed_on: date | None
    voluntary: bool
    today: date
    circumstances: Circumstances

    @classmethod
    def of(
        cls,
        stated: Mapping[str, Mapping[str, Any]],
        category: Category,
        placed_on: date | None,
        today: date,
        *,
        voluntary: bool,
    ) -> "Shown":
        """Made from what is stated on the wire, absences included."""
        facts = {name: wire.get("value", wire) for name, wire in stated.items()}
        # A day that was declared after the record was made says nothing of the record.
        if placed_on is not None and placed_on < PASSPORTS_START and not voluntary:
            placed_on = None
        return cls(category, placed_on, voluntary, today, conditions.circumstances_of(facts, {}))

    def ruling(self, attribute: Attribute[Any]) -> Ruling:
        """What the law asked of the attribute, a row of the registry that the record names."""
        return obligation(attribute, self.category, self.placed_on, self.today, self.circumstances)


VOLUNTARY: Final = "Placed on the market before 18 February 2027, so no passport is owed (Art. 77(1))."
"""What `voluntary` means, for people."""
VOLUNTARY_INDUSTRIAL: Final = (
    "Placed on the market before 18 February 2027, or an industrial battery of at most 2 kWh, so no passport"
    " is owed (Art. 77(1))."
)


def voluntary(
    placed_on: date | None, category: Category | None = None, circumstances: Circumstances = NOTHING_KNOWN
) -> bool:
    """Whether no passport is owed for the battery, so that its own is a courtesy (Art. 77(1))."""
    if placed_on is not None and placed_on < PASSPORTS_START:
        return True
    return category is not None and not passport_owed(category, circumstances)


def voluntary_words(category: Category | None) -> str:
    """What the mark `voluntary` means for a battery of that category, or of an unknown one.

    Which of two reasons holds is not told: the day of placing on the market is not for everyone.
    """
    return VOLUNTARY if category in (Category.EV, Category.LMT) else VOLUNTARY_INDUSTRIAL
