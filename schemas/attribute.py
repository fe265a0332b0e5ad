"""Attribute: the shape of one row of the registry, and what the law asks of it.

Disclosure, duty, applies and law have no default: a row that forgets one does not start.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Final, Generic, TypeVar

from schemas.citation import Citation
from schemas.conditions import Condition, PendingAct
from schemas.terms import Category, Disclosure, Level, Obligation, RecordKind
from schemas.values import ValueType

T = TypeVar("T")


@unique
class Chapter(StrEnum):
    """The chapters of the passport, in reading order; each is a file in `schemas/attributes/`."""

    GENERAL = "general"
    LABELS = "labels"
    CARBON_FOOTPRINT = "carbon_footprint"
    DUE_DILIGENCE = "due_diligence"
    MATERIALS = "materials"
    CIRCULARITY = "circularity"
    PERFORMANCE = "performance"
    DYNAMIC = "dynamic"


@dataclass(frozen=True)
class Demand:
    """What is asked of one category; `OWED.where(CONDITION)` narrows it."""

    obligation: Obligation
    condition: Condition | None = None

    def where(self, condition: Condition) -> "Demand":
        """The same demand, for batteries that meet the condition."""
        return Demand(self.obligation, condition)


OWED: Final = Demand(Obligation.OWED)
VOLUNTARY: Final = Demand(Obligation.VOLUNTARY)
NOT_APPLICABLE: Final = Demand(Obligation.NOT_APPLICABLE)


@dataclass(frozen=True)
class Duty:
    """What the law asks, category by category, once it applies; all four are always written."""

    ev: Demand
    lmt: Demand
    industrial: Demand  # above 2 kWh, other than stationary storage
    stationary: Demand

    def of(self, category: Category) -> Demand:
        """The demand on one category."""
        return {
            Category.EV: self.ev,
            Category.LMT: self.lmt,
            Category.INDUSTRIAL: self.industrial,
            Category.STATIONARY: self.stationary,
        }[category]


def everyone(demand: Demand) -> Duty:
    """The same demand on all four categories."""
    return Duty(ev=demand, lmt=demand, industrial=demand, stationary=demand)


@dataclass(frozen=True)
class Applies:
    """From when a duty holds.

    Attributes:
        since: first day of placing on the market on which the duty holds; None while an act is awaited.
        awaits: the act without which there is no duty and no value; None when nothing is awaited.
        stays_empty_before: True when a value stated earlier than `since` would be a claim without a basis.
    """

    since: date | None = None
    awaits: PendingAct | None = None
    stays_empty_before: bool = False


def since(year: int, month: int, day: int, *, stays_empty_before: bool = False) -> Applies:
    """Batteries placed on the market on that day or later."""
    return Applies(since=date(year, month, day), stays_empty_before=stays_empty_before)


def awaits(act: PendingAct) -> Applies:
    """No duty, and no value, until the act exists."""
    return Applies(awaits=act)


@dataclass(frozen=True)
class Attribute(Generic[T]):
    """One regulated attribute: what the law decides about it, and nothing else.

    Attributes:
        id: the one spelling: constant, key in the record, anchor on the page.
        title: English name, in the law's words.
        group: its chapter.
        value: what a value may be.
        level: what a value is true of; `BATCH` stands for model, plant and year.
        updates: True when the value changes during the life of the battery.
        disclosure: who may see it, by the points of Annex XIII.
        duty: what is asked of each category.
        applies: from when.
        law: where it is written; empty where no text asks for it.
        record: in which signed record it lives.
        note: what a reader must know to fill or to read it; a `?` marks what could not be verified.
    """

    id: str
    title: str
    group: Chapter
    value: ValueType[T]
    level: Level
    updates: bool
    disclosure: Disclosure
    duty: Duty
    applies: Applies
    law: tuple[Citation, ...]
    record: RecordKind
    note: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of its duty, each once, in the order of the categories."""
        found = [self.duty.of(category).condition for category in Category]
        return tuple(dict.fromkeys(condition for condition in found if condition is not None))

    @property
    def cardinality(self) -> str:
        """`1`, `0..1`, `0..*`, `1..*`...: how many values a complete record holds.

        One value is certain only where every category owes it without condition and no act is awaited.
        """
        if self.value.many:
            most = "*" if self.value.at_most_items is None else str(self.value.at_most_items)
            return f"{self.value.at_least_items}..{most}"
        certain = self.applies.awaits is None and all(self.duty.of(category) == OWED for category in Category)
        return "1" if certain else "0..1"

    @property
    def annex_xiii_points(self) -> tuple[str, ...]:
        """The cited points of Annex XIII: `("4(b)",)`; empty where none is cited."""
        return tuple(point for c in self.law if (point := c.annex_xiii_point) is not None)
