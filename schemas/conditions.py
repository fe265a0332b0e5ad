"""What duties depend on: conditions of fact, and acts that are still to come; each with its citation.

Of one battery a condition is known to hold, known not to hold, or not known. What is known is a small frozen
set of names and answers, `Circumstances`; a condition that it does not name is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from schemas.citation import (
    Act,
    Citation,
    annex_iv,
    annex_vii,
    annex_xiii,
    article,
    guidance,
    passport_registry,
    standardisation_request,
)
from schemas.terms import Category


@dataclass(frozen=True)
class Condition:
    """A fact about the battery or its operator on which a duty depends.

    Attributes:
        name: stable id, used in frozen copies, declarations and findings.
        title: the condition as the end of "owed where ...".
        otherwise: the opposite, as the end of "not owed, because ...".
        law: where it is written.
        doubt: what of it could not be verified; empty where nothing is in doubt.
    """

    name: str
    title: str
    otherwise: str
    law: tuple[Citation, ...]
    doubt: str = ""


Circumstances = frozenset[tuple[str, bool]]
"""Names of conditions, each with whether it holds."""

NOTHING_KNOWN: Final[Circumstances] = frozenset()


def known(circumstances: Circumstances, condition: Condition) -> bool | None:
    """Whether the condition holds; None where that is not known."""
    if (condition.name, True) in circumstances:
        return True
    return False if (condition.name, False) in circumstances else None


@dataclass(frozen=True)
class PendingAct:
    """An act that a duty awaits; it had not been adopted on the day `schemas.registry.LAW_AS_OF`.

    Attributes:
        name: stable id.
        title: what the act has to fix.
        law: the empowerment.
        earliest: by category, the first day the law names; the duty starts then or `months_after` months
            after the act enters into force, whichever is later. A category that is missing has no day.
        months_after: by category.
        remark: what the table cannot say.
        instead: by name of a condition, the first day where it holds, for every category it can hold for.
    """

    name: str
    title: str
    law: tuple[Citation, ...]
    earliest: Mapping[Category, date]
    months_after: Mapping[Category, int]
    remark: str = ""
    instead: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))

    def first_day(self, category: Category, circumstances: Circumstances) -> date | None:
        """The first day that the law names for such a battery; None where it names none."""
        for name, day in self.instead.items():
            if (name, True) in circumstances:
                return day
        return self.earliest.get(category)


CYCLIC_USE: Final = Condition(
    "cyclic_use",
    "the battery is used in cycles",
    "the battery is not used in cycles",
    (annex_iv("A", 5), guidance(31)),
)
INDUSTRIAL_APPLICABLE: Final = Condition(
    "industrial_applicable",
    "the parameter applies to the industrial battery (Annex IV reaches rechargeable ones above 2 kWh)",
    "the parameters of Annex IV do not reach this industrial battery",
    (article("10(1)"), article("77(2)")),
)
APPLICABLE: Final = Condition(
    "applicable",
    "the point applies to the battery and its use",
    "the point does not apply to the battery and its use",
    (article("77(2)"), guidance(57)),
)
POSSIBLE: Final = Condition(
    "possible",
    "the battery management system can determine it",
    "the battery management system cannot determine it",
    (annex_vii("A"), article("14(1)")),
)
APPROPRIATE: Final = Condition(
    "appropriate",
    "the date is meaningful for the battery",
    "the date has no meaning for the battery",
    (annex_vii("B", 1),),
)
TEMPERATURE_RELEVANT: Final = Condition(
    "temperature_relevant",
    "the stated values hold only within a range of temperature",
    "the stated values hold at every temperature of use",
    (annex_xiii("1(h)"), annex_xiii("1(i)")),
)
WARRANTY_GIVEN: Final = Condition(
    "warranty_given",
    "a commercial warranty is given",
    "no commercial warranty is given",
    (annex_xiii("1(m)"),),
)
HAS_PREDECESSOR: Final = Condition(
    "has_predecessor",
    "the battery was prepared for re-use or repurposing, repurposed or remanufactured",
    "the battery is in its first life",
    (article("77(7)"),),
)
RECYCLED: Final = Condition(
    "recycled", "the battery has been recycled", "the battery has not been recycled", (article("77(8)"),)
)
REGISTERED: Final = Condition(
    "registered",
    "the registry has issued it",
    "the registry has not issued one",
    (article("77(10)"), passport_registry("Art. 9")),
)
CADMIUM_OR_LEAD: Final = Condition(
    "cadmium_or_lead",
    "the battery holds more than 0.002 % cadmium or 0.004 % lead",
    "the battery holds neither more than 0.002 % cadmium nor more than 0.004 % lead",
    (article("13(5)"),),
)
DUE_DILIGENCE_BOUND: Final = Condition(
    "due_diligence_bound",
    "the operator is bound to due diligence (net turnover of EUR 40 million or more)",
    "the operator is exempt from due diligence",
    (article("47"), article("48(1)")),
)
COBALT_PRESENT: Final = Condition(
    "cobalt_present",
    "the active materials hold cobalt",
    "the active materials hold no cobalt",
    (article("8(1)"),),
)
LITHIUM_PRESENT: Final = Condition(
    "lithium_present",
    "the active materials hold lithium",
    "the active materials hold no lithium",
    (article("8(1)"),),
)
NICKEL_PRESENT: Final = Condition(
    "nickel_present",
    "the active materials hold nickel",
    "the active materials hold no nickel",
    (article("8(1)"),),
)
LEAD_PRESENT: Final = Condition(
    "lead_present", "the battery holds lead", "the battery holds no lead", (article("8(1)"),)
)
RECYCLED_SHARES_STATED: Final = Condition(
    "recycled_shares_stated",
    "recycled shares are stated",
    "no recycled share is stated",
    (article("8(1)"), annex_xiii("1(e)")),
)
# Of the whole battery: they change several rows at once, or whether a passport is owed at all.
HAS_BMS: Final = Condition(
    "has_bms",
    "the battery has a battery management system",
    "the battery has no battery management system",
    (article("14(1)"), standardisation_request("dynamic data")),
)
EXTERNAL_STORAGE: Final = Condition(
    "external_storage",
    "the battery has external storage only",
    "the battery stores its energy inside",
    (article("7(1)"), article("8(1)")),
)
ABOVE_2_KWH: Final = Condition(
    "above_2_kwh",
    "the industrial battery holds more than 2 kWh",
    "the industrial battery holds at most 2 kWh",
    (article("77(1)"),),
)
RECHARGEABLE: Final = Condition(
    "rechargeable", "the battery can be recharged", "the battery cannot be recharged", (article("10(1)"),)
)
FIRST_PLACED_BEFORE_ANNEX_IV: Final = Condition(
    "first_placed_before_annex_iv",
    "the original battery was placed on the market before 18 August 2024 and has since been given a new life",
    "the battery was not on the market before 18 August 2024",
    (article("10(4)"),),
    doubt=(
        "that Art. 10(4) frees such a battery also of the values that Annex XIII 4(a) takes from Annex IV (?)"
    ),
)

CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        condition.name: condition
        for condition in (
            CYCLIC_USE,
            INDUSTRIAL_APPLICABLE,
            APPLICABLE,
            POSSIBLE,
            APPROPRIATE,
            TEMPERATURE_RELEVANT,
            WARRANTY_GIVEN,
            HAS_PREDECESSOR,
            RECYCLED,
            REGISTERED,
            CADMIUM_OR_LEAD,
            DUE_DILIGENCE_BOUND,
            COBALT_PRESENT,
            LITHIUM_PRESENT,
            NICKEL_PRESENT,
            LEAD_PRESENT,
            RECYCLED_SHARES_STATED,
            HAS_BMS,
            EXTERNAL_STORAGE,
            ABOVE_2_KWH,
            RECHARGEABLE,
            FIRST_PLACED_BEFORE_ANNEX_IV,
        )
    }
)

_EXTERNAL_DECLARATION = "industrial batteries with external storage only: from 18 August 2030"
_EXTERNAL_CLASS = "industrial batteries with external storage only: from 18 February 2032"

CARBON_FOOTPRINT_DECLARATION: Final = PendingAct(
    "carbon_footprint_declaration",
    "calculation rules and format of the carbon footprint declaration",
    (article("7(1)"),),
    earliest=MappingProxyType(
        {
            Category.EV: date(2025, 2, 18),
            Category.LMT: date(2028, 8, 18),
            Category.INDUSTRIAL: date(2026, 2, 18),
            Category.STATIONARY: date(2026, 2, 18),
        }
    ),
    months_after=MappingProxyType(
        {Category.EV: 12, Category.LMT: 18, Category.INDUSTRIAL: 18, Category.STATIONARY: 18}
    ),
    remark=_EXTERNAL_DECLARATION,
    instead=MappingProxyType({EXTERNAL_STORAGE.name: date(2030, 8, 18)}),
)
CARBON_FOOTPRINT_CLASS: Final = PendingAct(
    "carbon_footprint_class",
    "performance classes of the carbon footprint and the label that shows them",
    (article("7(2)"),),
    earliest=MappingProxyType(
        {
            Category.EV: date(2026, 8, 18),
            Category.LMT: date(2030, 2, 18),
            Category.INDUSTRIAL: date(2027, 8, 18),
            Category.STATIONARY: date(2027, 8, 18),
        }
    ),
    months_after=MappingProxyType(
        {Category.EV: 18, Category.LMT: 18, Category.INDUSTRIAL: 18, Category.STATIONARY: 18}
    ),
    remark=_EXTERNAL_CLASS,
    instead=MappingProxyType({EXTERNAL_STORAGE.name: date(2032, 2, 18)}),
)
RECYCLED_CONTENT_METHOD: Final = PendingAct(
    "recycled_content_method",
    "method of calculating and verifying recycled content",
    (article("8(1)"),),
    earliest=MappingProxyType(
        {
            Category.EV: date(2028, 8, 18),
            Category.LMT: date(2033, 8, 18),
            Category.INDUSTRIAL: date(2028, 8, 18),
            Category.STATIONARY: date(2028, 8, 18),
        }
    ),
    months_after=MappingProxyType({Category.EV: 24, Category.INDUSTRIAL: 24, Category.STATIONARY: 24}),
    remark="batteries with external storage only are left out; for LMT the day stands alone",
)
INSTRUCTIONS_IN_PASSPORT: Final = PendingAct(
    "instructions_in_passport",
    "amendment that would put instructions for use among the public points",
    (Citation("Annex XIII 1(t), proposed", Act.OMNIBUS),),
    earliest=MappingProxyType({}),
    months_after=MappingProxyType({}),
)

PENDING_ACTS: Final[Mapping[str, PendingAct]] = MappingProxyType(
    {
        act.name: act
        for act in (
            CARBON_FOOTPRINT_DECLARATION,
            CARBON_FOOTPRINT_CLASS,
            RECYCLED_CONTENT_METHOD,
            INSTRUCTIONS_IN_PASSPORT,
        )
    }
)
