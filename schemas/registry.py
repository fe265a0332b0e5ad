"""The registry: all rows in reading order, the day of the law they tell, and what they mean for one battery.

Importing it checks it: a row that contradicts itself or a rule below stops the program with a sentence.

Where a row lives, checked against the row:
    1. `assessment`: the three opinions of the service.
    2. `condition`: rows that cite Annex XIII point 4 or Annex VII, and the rest of the chapter `dynamic`.
    3. `passport`: everything else.
Exceptions stand in `RECORD_EXCEPTIONS`, each with its reason.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, cast

from schemas.attribute import Attribute, Chapter
from schemas.attributes import (
    carbon_footprint,
    circularity,
    due_diligence,
    dynamic,
    general,
    labels,
    materials,
    performance,
)
from schemas.citation import Act, Citation, article
from schemas.conditions import (
    ABOVE_2_KWH,
    CONDITIONS,
    NOTHING_KNOWN,
    PENDING_ACTS,
    Circumstances,
    Condition,
    PendingAct,
    known,
)
from schemas.exemptions import EXEMPTIONS, Exemption, exemption
from schemas.guidance import data_points
from schemas.structures import STRUCTURES, Structure
from schemas.terms import Category, Disclosure, Obligation, RecordKind

REGISTRY_VERSION: Final[str] = "2027.01"
LAW_AS_OF: Final[date] = date(2026, 11, 20)
PASSPORTS_START: Final[date] = date(2027, 2, 18)  # Art. 77(1)

_FILES: Final[Mapping[Chapter, types.ModuleType]] = MappingProxyType(
    {
        Chapter.GENERAL: general,
        Chapter.LABELS: labels,
        Chapter.CARBON_FOOTPRINT: carbon_footprint,
        Chapter.DUE_DILIGENCE: due_diligence,
        Chapter.MATERIALS: materials,
        Chapter.CIRCULARITY: circularity,
        Chapter.PERFORMANCE: performance,
        Chapter.DYNAMIC: dynamic,
    }
)

# Art. 77(2) and the headings of Annex XIII: which class a cited point implies.
DISCLOSURE_OF_POINT: Final[Mapping[str, Disclosure]] = MappingProxyType(
    {
        "1": Disclosure.PUBLIC,
        "2": Disclosure.INTEREST_AND_AUTHORITIES,
        "3": Disclosure.AUTHORITIES,
        "4": Disclosure.INDIVIDUAL,
    }
)
# A row whose class differs from what its cited point implies; none today.
DISCLOSURE_EXCEPTIONS: Final[Mapping[str, str]] = MappingProxyType({})

OPINIONS: Final[frozenset[str]] = frozenset({"state_of_health", "residual_value", "second_life_assessment"})
RECORD_EXCEPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "manufacturing_date": "label information of point 1(a), public; Annex VII only repeats it",
        "certified_usable_energy": "a public figure of the model; Annex VII only divides by it",
        "further_use_evidence": "a document for authorities, who do not see point 4",
    }
)


def _collect() -> Mapping[str, Attribute[Any]]:
    """All rows by id, chapter by chapter.

    Raises:
        ValueError: a row sits under another name or in another file than it says. An id can therefore come
            twice only in one file, which mypy refuses because every row is `Final`.
    """
    found: dict[str, Attribute[Any]] = {}
    for chapter, file in _FILES.items():
        for name, row in vars(file).items():
            if not isinstance(row, Attribute):
                continue
            if row.id != name:
                raise ValueError(f"{file.__name__}.{name}: the row calls itself {row.id!r}")
            if row.group is not chapter:
                raise ValueError(
                    f"{row.id}: the row says chapter {row.group.value}, its file is {chapter.value}"
                )
            found[row.id] = row
    return MappingProxyType(found)


def _record_by_rule(row: Attribute[Any]) -> RecordKind:
    if row.id in OPINIONS:
        return RecordKind.ASSESSMENT
    if row.id in RECORD_EXCEPTIONS:
        return RecordKind.PASSPORT
    individual = any(point.startswith("4") for point in row.annex_xiii_points)
    if individual or any(citation.in_annex_vii for citation in row.law) or row.group is Chapter.DYNAMIC:
        return RecordKind.CONDITION
    return RecordKind.PASSPORT


def _contradictions(row: Attribute[Any]) -> Iterator[str]:
    """Sentences about what in the row disagrees with itself or with a rule."""
    for point in row.annex_xiii_points:
        implied = DISCLOSURE_OF_POINT[point[0]]
        if row.disclosure is not implied and row.id not in DISCLOSURE_EXCEPTIONS:
            yield f"cites Annex XIII {point}, which is {implied.value}; its class is {row.disclosure.value}"
    if row.record is not (by_rule := _record_by_rule(row)):
        yield f"lives in {row.record.value}; the rule says {by_rule.value}"
    if row.record is not RecordKind.PASSPORT and row.disclosure is not Disclosure.INDIVIDUAL:
        yield f"{row.record.value} holds individual rows alone; its class is {row.disclosure.value}"
    if row.value.structure is not None and row.value.structure not in STRUCTURES:
        yield f"names the unknown structure {row.value.structure!r}"
    if (row.applies.since is None) == (row.applies.awaits is None):
        yield "needs either a first day or an awaited act"


REGISTRY: Final[Mapping[str, Attribute[Any]]] = _collect()

_WRONG: Final = [f"{row.id}: {sentence}" for row in REGISTRY.values() for sentence in _contradictions(row)]
if _WRONG:
    raise ValueError("the registry contradicts itself:\n" + "\n".join(_WRONG))


def by_record(kind: RecordKind) -> tuple[Attribute[Any], ...]:
    """The rows that live in one kind of record, in reading order."""
    return tuple(row for row in REGISTRY.values() if row.record is kind)


def by_chapter(chapter: Chapter) -> tuple[Attribute[Any], ...]:
    """The rows of one chapter, in reading order."""
    return tuple(row for row in REGISTRY.values() if row.group is chapter)


def by_disclosure(disclosure: Disclosure) -> tuple[Attribute[Any], ...]:
    """The rows of one disclosure class, in reading order."""
    return tuple(row for row in REGISTRY.values() if row.disclosure is disclosure)


@dataclass(frozen=True)
class Ruling:
    """What the law asks of one attribute for one battery on one day.

    Attributes:
        obligation: the answer.
        reason: the answer as a sentence, for findings and pages.
        citations: where it is written.
        data_points: numbers of the Commission's data points that the attribute answers; it may be none.
        condition: fact on which an owed value still depends; None when it is owed without condition.
        awaits: the act that is missing; None when none is.
        decided_by: the known fact that decided the answer; None when none did.
        may_be_stated: False where a value would be a claim without a basis, or about something that the
            category does not have.
    """

    obligation: Obligation
    reason: str
    citations: tuple[Citation, ...]
    data_points: tuple[int, ...]
    condition: Condition | None = None
    awaits: PendingAct | None = None
    decided_by: Condition | None = None
    may_be_stated: bool = True

    @property
    def article(self) -> Citation | None:
        """The place that a reader looks up first; None where no text asks for the attribute."""
        binding = (citation for citation in self.citations if citation.act is Act.BATTERIES)
        return next(binding, self.citations[0] if self.citations else None)


def obligation(
    attribute: Attribute[Any],
    category: Category,
    placed_on: date | None,
    today: date,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Ruling:
    """What the law asks of the attribute, by the first of these rules that fits.

    1. Not applicable to the category.
    2. An exemption reaches it (`schemas.exemptions`): the exemption's answer.
    3. Its condition is known not to hold: `NOT_APPLICABLE`.
    4. An act is awaited: `PENDING` where it will be owed, `MUST_STAY_EMPTY` where it only anticipates it.
    5. The day on which stating it begins to make sense has not come: `MUST_STAY_EMPTY`.
    6. Its row asks for nothing: `VOLUNTARY`.
    7. No passport is owed for the battery, by the day of placing or by its energy: `VOLUNTARY`.
    8. Owed: plainly where there is no condition or it is known to hold, else with the condition.

    Args:
        attribute: a row.
        category: the battery's.
        placed_on: day of placing on the market. None when unknown or still ahead: the duty is then assumed,
            since not knowing the day excuses from nothing.
        today: the day of the question; it decides what may be stated, never what is owed.
        circumstances: which conditions are known to hold or not to hold of the battery.
    """
    demand, points, law = attribute.duty.of(category), data_points(attribute.id), attribute.law
    act, first_day = attribute.applies.awaits, attribute.applies.since
    # 1. category
    if demand.obligation is Obligation.NOT_APPLICABLE:
        reason = f"does not apply to category {category.value}"
        return Ruling(demand.obligation, reason, law, points, may_be_stated=False)
    too_early = first_day is not None and attribute.applies.stays_empty_before and today < first_day
    statable = act is None and not too_early
    # 2. exemption
    exempt = exemption(attribute, category, circumstances) if circumstances else None
    if exempt is not None and (statable or exempt.answer is Obligation.NOT_APPLICABLE):
        return Ruling(
            exempt.answer,
            f"not owed, because {exempt.reason}",
            tuple(dict.fromkeys((*exempt.law, *law))),
            points,
            decided_by=exempt.condition,
            may_be_stated=statable,
        )
    # 3. a condition that does not hold
    condition, holding = demand.condition, cast("Condition | None", None)
    if condition is not None and circumstances:
        holds = known(circumstances, condition)
        if holds is False:
            return Ruling(
                Obligation.NOT_APPLICABLE,
                f"not owed, because {condition.otherwise}",
                tuple(dict.fromkeys((*condition.law, *law))),
                points,
                decided_by=condition,
                may_be_stated=statable,
            )
        if holds:
            condition, holding = None, condition
    # 4. awaited act
    if act is not None:
        earliest = act.first_day(category, circumstances)
        day = f"; not before {earliest.isoformat()}" if earliest else ""
        reason = f"stays empty until an act gives {act.title}{day}"
        owed = demand.obligation is Obligation.OWED
        word = Obligation.PENDING if owed else Obligation.MUST_STAY_EMPTY
        return Ruling(word, reason, act.law, points, condition, act, holding, may_be_stated=False)
    assert first_day is not None  # the registry checks that a row has one or the other
    # 5. too early to state
    if too_early:
        reason = f"stays empty before {first_day.isoformat()}, when the duty behind it begins"
        return Ruling(
            Obligation.MUST_STAY_EMPTY,
            reason,
            law,
            points,
            condition,
            decided_by=holding,
            may_be_stated=False,
        )
    # 6. the row asks for nothing
    if demand.obligation is Obligation.VOLUNTARY:
        return Ruling(demand.obligation, "may be stated, is not owed", law, points)
    # 7. no passport is owed, or not yet this part of it
    if placed_on is not None and placed_on < first_day:
        reason = (
            f"placed on the market on {placed_on.isoformat()}, before the duty of {first_day.isoformat()}"
        )
        return Ruling(Obligation.VOLUNTARY, reason, (article("77(1)"), *law), points)
    if not passport_owed(category, circumstances):
        reason = f"no passport is owed, because {ABOVE_2_KWH.otherwise}"
        return Ruling(
            Obligation.VOLUNTARY,
            reason,
            tuple(dict.fromkeys((*ABOVE_2_KWH.law, *law))),
            points,
            decided_by=ABOVE_2_KWH,
        )
    # 8. the row's own word
    reason = f"owed from {first_day.isoformat()}"
    if holding is not None:
        reason += f", because {holding.title}"
    elif condition is not None:
        reason += f" where {condition.title}"
    more = condition or holding
    return Ruling(
        demand.obligation,
        reason,
        tuple(dict.fromkeys((*law, *(more.law if more else ())))),
        points,
        condition,
        decided_by=holding,
    )


def passport_owed(category: Category, circumstances: Circumstances) -> bool:
    """Whether such a battery owes a passport, if it is placed on the market from `PASSPORTS_START` on.

    Only an industrial battery may be too small, and it has to be known (Art. 77(1)).
    """
    industrial = category in (Category.INDUSTRIAL, Category.STATIONARY)
    return not (industrial and known(circumstances, ABOVE_2_KWH) is False)


def frozen() -> dict[str, Any]:
    """The registry as plain JSON: the frozen copy of this version, for old records and other languages."""
    return {
        "registry_version": REGISTRY_VERSION,
        "law_as_of": LAW_AS_OF.isoformat(),
        "attributes": {row.id: _frozen_row(row) for row in REGISTRY.values()},
        "structures": {shape.name: _frozen_structure(shape) for shape in STRUCTURES.values()},
        "conditions": {one.name: _frozen_condition(one) for one in CONDITIONS.values()},
        "acts": {act.name: _frozen_act(act) for act in PENDING_ACTS.values()},
        "exemptions": {one.name: _frozen_exemption(one) for one in EXEMPTIONS.values()},
    }


def _frozen_condition(condition: Condition) -> dict[str, Any]:
    return {
        "title": condition.title,
        "otherwise": condition.otherwise,
        "law": [citation.full for citation in condition.law],
        "doubt": condition.doubt,
    }


def _frozen_act(act: PendingAct) -> dict[str, Any]:
    return {
        "title": act.title,
        "law": [citation.full for citation in act.law],
        "earliest": {category.value: day.isoformat() for category, day in act.earliest.items()},
        "months_after": {category.value: months for category, months in act.months_after.items()},
        "remark": act.remark,
        "instead": {name: day.isoformat() for name, day in act.instead.items()},
    }


def _frozen_exemption(one: Exemption) -> dict[str, Any]:
    return {
        "condition": one.condition.name,
        "holds": one.holds,
        "answer": one.answer.value,
        "reaches": {
            category.value: [row.id for row in REGISTRY.values() if one.reaches(row, category)]
            for category in Category
            if category in one.categories
        },
        "law": [citation.full for citation in one.law],
    }


def _frozen_structure(shape: Structure) -> dict[str, Any]:
    return {
        "title": shape.title,
        "members": {
            member.name: {
                "kind": member.value.kind.value if member.value else None,
                "unit": member.value.unit.value if member.value and member.value.unit else None,
                "members": list(member.value.members) if member.value else [],
                "structure": member.value.structure if member.value else None,
                "required": member.required,
                "form": member.form.value if member.form else None,
            }
            for member in shape.fields
        },
    }


def _frozen_row(row: Attribute[Any]) -> dict[str, Any]:
    value = row.value
    bounds = {
        name: str(bound)
        for name in ("at_least", "above", "at_most", "usually_at_least", "usually_at_most")
        if (bound := getattr(value, name)) is not None
    }
    return {
        "title": row.title,
        "group": row.group.value,
        "kind": value.kind.value,
        "many": value.many,
        "cardinality": row.cardinality,
        "unit": value.unit.value if value.unit else None,
        "bounds": bounds,
        "members": list(value.members),
        "structure": value.structure,
        "level": row.level.value,
        "updates": row.updates,
        "disclosure": row.disclosure.value,
        "duty": {
            category.value: {
                "obligation": (demand := row.duty.of(category)).obligation.value,
                "condition": demand.condition.name if demand.condition else None,
            }
            for category in Category
        },
        "since": row.applies.since.isoformat() if row.applies.since else None,
        "awaits": row.applies.awaits.name if row.applies.awaits else None,
        "stays_empty_before": row.applies.stays_empty_before,
        "law": [citation.full for citation in row.law],
        "data_points": list(data_points(row.id)),
        "record": row.record.value,
        "note": row.note,
    }
