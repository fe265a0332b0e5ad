"""What a fact about the whole battery changes in several rows at once; each with its citation.

A row's own condition stands in the row. An exemption names the places of the law that it reaches, so that a
row which cites one of them is reached without being named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from schemas.attribute import Attribute
from schemas.citation import Act, Citation, article
from schemas.conditions import (
    EXTERNAL_STORAGE,
    FIRST_PLACED_BEFORE_ANNEX_IV,
    HAS_BMS,
    Circumstances,
    Condition,
)
from schemas.terms import Category, Obligation, RecordKind


@dataclass(frozen=True)
class Exemption:
    """One such change.

    Attributes:
        name: stable id, used in frozen copies.
        condition: the fact.
        holds: the answer to it that brings the change.
        categories: of which batteries.
        places: beginnings of places in the batteries act; a row that cites one of them is reached.
        record: only rows of that record; None for rows of every record.
        conditional_alone: reaches only what is asked on a condition.
        answer: what is asked then: nothing (`NOT_APPLICABLE`), or nothing but a voluntary value.
        law: where it is written.
        besides: rows that it does not reach although they cite such a place.
    """

    name: str
    condition: Condition
    holds: bool
    categories: frozenset[Category]
    places: tuple[str, ...]
    record: RecordKind | None
    answer: Obligation
    law: tuple[Citation, ...]
    conditional_alone: bool = False
    besides: frozenset[str] = frozenset()

    def reaches(self, attribute: Attribute[Any], category: Category) -> bool:
        """Whether it changes what is asked of the attribute."""
        if category not in self.categories or attribute.id in self.besides:
            return False
        if self.record is not None and attribute.record is not self.record:
            return False
        if self.conditional_alone and attribute.duty.of(category).condition is None:
            return False
        return any(
            citation.act is Act.BATTERIES and citation.place.startswith(self.places)
            for citation in attribute.law
        )

    @property
    def reason(self) -> str:
        """The fact, as a sentence's end."""
        return self.condition.title if self.holds else self.condition.otherwise


# "Annex VII " with its blank, because Annex VIII is another.
_DYNAMIC: Final = ("Annex XIII 4(b)", "Annex XIII 4(d)", "Annex VII ")
_INDUSTRIAL: Final = frozenset({Category.INDUSTRIAL, Category.STATIONARY})
# An accident and a day of putting into service are told by people, not by a battery management system.
_TOLD_BY_PEOPLE: Final = frozenset({"accidents", "putting_into_service_date"})


def _exemptions() -> tuple[Exemption, ...]:
    return (
        Exemption(
            "industrial_without_bms",
            HAS_BMS,
            False,
            categories=frozenset({Category.INDUSTRIAL}),
            places=_DYNAMIC,
            record=RecordKind.CONDITION,
            answer=Obligation.NOT_APPLICABLE,
            law=HAS_BMS.law,
            besides=_TOLD_BY_PEOPLE,
        ),
        # Art. 14(1) asks a management system of these batteries. Saying that there is none excuses nobody
        # from what the law asks without condition; what it asks where possible or applicable is out of reach.
        Exemption(
            "conditional_without_bms",
            HAS_BMS,
            False,
            categories=frozenset({Category.EV, Category.LMT, Category.STATIONARY}),
            places=_DYNAMIC,
            record=RecordKind.CONDITION,
            answer=Obligation.NOT_APPLICABLE,
            law=HAS_BMS.law,
            conditional_alone=True,
            besides=_TOLD_BY_PEOPLE,
        ),
        Exemption(
            "recycled_content_of_external_storage",
            EXTERNAL_STORAGE,
            True,
            categories=_INDUSTRIAL,
            places=("Art. 8(1)",),
            record=None,
            answer=Obligation.NOT_APPLICABLE,
            law=(article("8(1)"),),
        ),
        Exemption(
            "annex_iv_of_earlier_batteries",
            FIRST_PLACED_BEFORE_ANNEX_IV,
            True,
            categories=frozenset(Category),
            places=("Annex IV A",),
            record=RecordKind.CONDITION,
            answer=Obligation.VOLUNTARY,
            law=(article("10(4)"),),
        ),
    )


EXEMPTIONS: Final[Mapping[str, Exemption]] = MappingProxyType({one.name: one for one in _exemptions()})


def exemption(
    attribute: Attribute[Any], category: Category, circumstances: Circumstances
) -> Exemption | None:
    """The first exemption that reaches the attribute of such a battery; None when none does."""
    for one in EXEMPTIONS.values():
        if (one.condition.name, one.holds) in circumstances and one.reaches(attribute, category):
            return one
    return None
