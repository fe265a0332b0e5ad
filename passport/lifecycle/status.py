"""Two state machines as data: what may happen to a battery, and what that does to it and to its passport.

The battery's status is the law's word (Annex XIII 4(c)); the passport's is another thing (EN 18223). An `Act`
says from which of both it may start and where it leads, who does it, and where that is written. Everything
else follows: what is possible, and why something else is not.

Readings of ours, where no text decides: after preparation for re-use a battery is re-used, after preparation
for repurposing repurposed; the originals of a new life carry the same word as what was made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from schemas.citation import Citation, article
from schemas.terms import BatteryStatus, PassportStatus

ORIGINAL, REPURPOSED, RE_USED, REMANUFACTURED, WASTE = BatteryStatus
ACTIVE, ARCHIVED, INACTIVE, DELETION = PassportStatus

_IN_USE: Final = (ORIGINAL, RE_USED, REPURPOSED, REMANUFACTURED)


@unique
class Actor(StrEnum):
    """Who may do an act."""

    OPERATOR = "the responsible economic operator"
    SECOND_LIFE = "the operator who places the battery on the market again"
    TREATMENT = "the recycler or waste management operator"


@unique
class ActName(StrEnum):
    """What may happen; the word stands in the history."""

    PREPARATION_FOR_REUSE = "preparation_for_reuse"
    PREPARATION_FOR_REPURPOSING = "preparation_for_repurposing"
    REPURPOSING = "repurposing"
    REMANUFACTURING = "remanufacturing"
    REPAIR = "repair"
    WASTE = "waste"
    RECEIVED = "received"
    RECYCLED = "recycled"
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    DELETION = "deletion"


@dataclass(frozen=True)
class Act:
    """One thing that may happen to a battery.

    Attributes:
        title: as read by people.
        battery: from which status to which; None is a status that nobody stated, and a status that stays.
        passport: from which status of the passport to which.
        who: whose act it is.
        effect: what follows, in a sentence.
        law: where it is written.
        command: how it is told here.
    """

    name: ActName
    title: str
    battery: Mapping[BatteryStatus | None, BatteryStatus | None]
    passport: Mapping[PassportStatus, PassportStatus]
    who: Actor
    effect: str
    law: tuple[Citation, ...]
    command: str

    @property
    def starts_new_life(self) -> bool:
        """Whether a new battery with a new passport comes of it."""
        return self.name in NEW_LIVES


@dataclass(frozen=True)
class Standing:
    """Where a battery and its passport are.

    Attributes:
        battery: None while nobody stated it.
        suspended: the passport is inactive because its operator suspended it, and not for a successor.
    """

    battery: BatteryStatus | None
    passport: PassportStatus
    suspended: bool = False

    def __str__(self) -> str:
        """In words: `original, passport Active`."""
        return f"{self.battery.value if self.battery else 'of no stated status'}, passport {self.passport}"


NEW_LIVES: Final = frozenset(
    {
        ActName.PREPARATION_FOR_REUSE,
        ActName.PREPARATION_FOR_REPURPOSING,
        ActName.REPURPOSING,
        ActName.REMANUFACTURING,
    }
)
_SUPERSEDED: Final = MappingProxyType({ACTIVE: INACTIVE})
_STAYS_ACTIVE: Final = MappingProxyType({ACTIVE: ACTIVE})
_UNTIL_THE_END: Final = MappingProxyType({ACTIVE: ACTIVE, INACTIVE: INACTIVE})
_ANY: Final[Mapping[BatteryStatus | None, None]] = MappingProxyType(dict.fromkeys((None, *BatteryStatus)))


def _all_to(
    end: BatteryStatus | None, *starts: BatteryStatus | None
) -> Mapping[BatteryStatus | None, BatteryStatus | None]:
    return MappingProxyType(dict.fromkeys(starts, end))


_NEW_PASSPORT: Final = "a new passport linked to this one comes of it; this one leads on to it"


def _acts() -> tuple[Act, ...]:
    return (
        Act(
            ActName.PREPARATION_FOR_REUSE,
            "Preparation for re-use",
            _all_to(RE_USED, WASTE),
            _SUPERSEDED,
            Actor.SECOND_LIFE,
            _NEW_PASSPORT,
            (article("3(1)(29)"), article("45"), article("73"), article("77(7)")),
            "cellpass life reuse",
        ),
        Act(
            ActName.PREPARATION_FOR_REPURPOSING,
            "Preparation for repurposing",
            _all_to(REPURPOSED, WASTE),
            _SUPERSEDED,
            Actor.SECOND_LIFE,
            _NEW_PASSPORT,
            (article("3(1)(30)"), article("45"), article("73"), article("77(7)")),
            "cellpass life repurpose",
        ),
        Act(
            ActName.REPURPOSING,
            "Repurposing",
            _all_to(REPURPOSED, *_IN_USE),
            _SUPERSEDED,
            Actor.SECOND_LIFE,
            _NEW_PASSPORT,
            (article("3(1)(31)"), article("45"), article("77(7)")),
            "cellpass life repurpose",
        ),
        Act(
            ActName.REMANUFACTURING,
            "Remanufacturing",
            _all_to(REMANUFACTURED, *_IN_USE, WASTE),
            _SUPERSEDED,
            Actor.SECOND_LIFE,
            _NEW_PASSPORT,
            (article("3(1)(32)"), article("45"), article("77(7)")),
            "cellpass life remanufacture",
        ),
        Act(
            ActName.REPAIR,
            "Repair",
            _all_to(None, None, *_IN_USE),
            _STAYS_ACTIVE,
            Actor.OPERATOR,
            "passport and status stay; the repair stands in the history",
            (article("77(4)"),),
            "cellpass life repair",
        ),
        Act(
            ActName.WASTE,
            "Becoming waste",
            _all_to(WASTE, None, *_IN_USE),
            _STAYS_ACTIVE,
            Actor.OPERATOR,
            "the passport stays; responsibility moves to producer, its organisation or waste operator",
            (article("57(1)"), article("57(8)"), article("77(7)")),
            "cellpass life waste",
        ),
        Act(
            ActName.RECEIVED,
            "Receipt for treatment",
            _all_to(WASTE, None, *BatteryStatus),
            _UNTIL_THE_END,
            Actor.TREATMENT,
            "the battery is waste, if it was not before",
            (article("70"), article("77(7)")),
            "cellpass life received",
        ),
        Act(
            ActName.RECYCLED,
            "Recycling",
            _all_to(None, WASTE),
            MappingProxyType({ACTIVE: ARCHIVED, INACTIVE: ARCHIVED}),
            Actor.TREATMENT,
            "the passport ceases; what is true of the model stays readable",
            (article("71"), article("77(8)")),
            "cellpass life recycled",
        ),
        Act(
            ActName.SUSPENSION,
            "Suspension of the passport",
            _ANY,
            MappingProxyType({ACTIVE: INACTIVE}),
            Actor.OPERATOR,
            "the passport is not in force until it is resumed",
            (article("77(4)"),),
            "cellpass life suspend",
        ),
        Act(
            ActName.RESUMPTION,
            "Resumption of the passport",
            _ANY,
            MappingProxyType({INACTIVE: ACTIVE}),
            Actor.OPERATOR,
            "the passport is in force again",
            (article("77(4)"),),
            "cellpass life resume",
        ),
        Act(
            ActName.DELETION,
            "Marking for deletion",
            _ANY,
            MappingProxyType({ARCHIVED: DELETION}),
            Actor.OPERATOR,
            "nothing is deleted by it: it says that nobody needs the data of the ended passport",
            (article("77(8)"),),
            "cellpass life delete",
        ),
    )


ACTS: Final[Mapping[ActName, Act]] = MappingProxyType({act.name: act for act in _acts()})
ENDED: Final = frozenset({ARCHIVED, DELETION})
"""Passports that ceased: class data stay, and nothing is issued any more."""


def after(act: Act, standing: Standing) -> Standing:
    """Where the act leads to; ask `obstacle` first."""
    battery = act.battery[standing.battery]
    return Standing(
        standing.battery if battery is None else battery,
        act.passport[standing.passport],
        suspended=act.name is ActName.SUSPENSION,
    )


def possible(standing: Standing) -> tuple[Act, ...]:
    """What may happen next, in the order of the table."""
    return tuple(act for act in ACTS.values() if obstacle(act, standing) is None)


def obstacle(act: Act, standing: Standing) -> str | None:
    """Why the act may not happen now, and what may, in a sentence; None when it may."""
    reason = _reason(act, standing)
    if reason is None:
        return None
    law = "; ".join(str(citation) for citation in act.law)
    others = [one.title.lower() for one in ACTS.values() if _reason(one, standing) is None]
    rest = f"possible now: {', '.join(others)}" if others else "nothing can happen to it any more"
    return f"{act.title.lower()} is not possible: {reason} ({law}); {rest}"


def _reason(act: Act, standing: Standing) -> str | None:
    if standing.passport not in act.passport:
        if standing.passport in ENDED:
            return "the passport has ended, the battery was recycled"
        if standing.passport is INACTIVE:
            return "the passport is suspended" if standing.suspended else "the battery goes on elsewhere"
        needed = " or ".join(status.value for status in act.passport)
        return f"the passport is {standing.passport.value}, not {needed}"
    if act.name is ActName.RESUMPTION and not standing.suspended:
        return "the battery goes on under another passport; it was not suspended"
    if standing.battery in act.battery:
        return None
    if standing.battery is None:
        return (
            "nobody stated the battery's status; say it with"
            " `cellpass correct BATTERY battery_status=original --reason ...`"
        )
    starts = ", ".join(status.value for status in act.battery if status is not None)
    return f"it starts from {starts}, and the battery is {standing.battery.value}"


def operation_for(standing: Standing, end: BatteryStatus) -> ActName:
    """Which of the acts of new life gives that status: from waste a preparation, otherwise the act itself."""
    if end is RE_USED:
        return ActName.PREPARATION_FOR_REUSE
    if end is REMANUFACTURED:
        return ActName.REMANUFACTURING
    return ActName.PREPARATION_FOR_REPURPOSING if standing.battery is WASTE else ActName.REPURPOSING
