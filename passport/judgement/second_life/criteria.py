"""The eight criteria of a grade: each takes points off a hundred, by the pessimistic end of what is known.

Nothing that is not known is given away: an unknown criterion takes off its full weight, so that hiding a bad
value never pays. Deductions add up, so each line of the list is exactly its share of the score.

Weights and bounds are engineering defaults: no public standard states any.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum, unique
from typing import Any, Final

import orjson

from passport.judgement.second_life.condition import Condition

METHOD: Final = "score.v1"
SOURCE: Final = "engineering default"
_HUNDRED: Final = Decimal(100)
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True)
class Scale:
    """A straight line from no deduction to the full one, between two figures; beyond them, its ends."""

    none_at: Decimal
    full_at: Decimal

    def part(self, figure: Decimal) -> Decimal:
        """0 to 1."""
        return min(max((figure - self.none_at) / (self.full_at - self.none_at), Decimal(0)), Decimal(1))


@dataclass(frozen=True)
class Criterion:
    """One criterion.

    Attributes:
        id: stable name.
        title: in words.
        weight: points it can take off.
        unit: of its figure, as read by people.
        scale: from none to all of the weight.
        figure: the pessimistic end of what is known; None when it is not known.
        helps: what makes it known.
    """

    id: str
    title: str
    weight: Decimal
    unit: str
    scale: Scale
    figure: Callable[[Condition], Decimal | None]
    helps: str


def _years(condition: Condition) -> Decimal | None:
    """The longest life that any use leaves it, at its pessimistic end."""
    return max((one.low for one in condition.years.values()), default=None)


def _stress(condition: Condition) -> Decimal | None:
    """The worst of three, percent of its bound: five severe events, 15 % hot time, 2 % cold charge."""
    parts = (
        (condition.severe_events, Scale(Decimal(0), Decimal(5))),
        (condition.hot_share, Scale(Decimal(1), Decimal(15))),
        (condition.cold_charge_share, Scale(Decimal(0), Decimal(2))),
    )
    known = [scale.part(Decimal(figure)) for figure, scale in parts if figure is not None]
    return _HUNDRED * max(known) if len(known) == len(parts) else None


def _imbalance(condition: Condition) -> Decimal | None:
    return None if condition.usable is None else _HUNDRED - condition.usable.low


def _evidence(condition: Condition) -> Decimal | None:
    """0 for a fresh calibrated complete session, 100 for the device's own word or nothing."""
    if condition.evidence_class is None or condition.evidence_age_days is None:
        return None
    by_class = {"A": 0, "B": 20, "C": 40}.get(condition.evidence_class, 100)
    older = min(max(condition.evidence_age_days - 30, 0), 150) * Decimal(40) / 150
    return min(by_class + older + (0 if condition.calibrated else 20), _HUNDRED)


def _low(name: str) -> Callable[[Condition], Decimal | None]:
    return lambda condition: None if (one := getattr(condition, name)) is None else one.low


def _high(name: str) -> Callable[[Condition], Decimal | None]:
    return lambda condition: None if (one := getattr(condition, name)) is None else one.high


def _criterion(
    name: str,
    title: str,
    weight: int,
    bounds: tuple[int | str, int | str],
    unit: str,
    figure: Callable[[Condition], Decimal | None],
    helps: str,
) -> Criterion:
    scale = Scale(Decimal(bounds[0]), Decimal(bounds[1]))
    return Criterion(name, title, Decimal(weight), unit, scale, figure, helps)


CRITERIA: Final = (
    _criterion(
        "health",
        "capacity left, lower end",
        30,
        (90, 60),
        "% of rated",
        _low("health"),
        "a slow charge from empty to full, or a complete discharge from full",
    ),
    _criterion(
        "years",
        "years left in the use that leaves most, lower end",
        20,
        (10, 2),
        "a",
        _years,
        "a capacity figure and a stated duty",
    ),
    _criterion(
        "resistance",
        "growth of resistance, upper end",
        15,
        (20, 150),
        "%",
        _high("resistance_growth"),
        "rows at least every two seconds while the current steps",
    ),
    _criterion(
        "imbalance",
        "capacity out of reach for imbalance",
        10,
        (1, 12),
        "%",
        _imbalance,
        "cell voltages at rest near full and near empty",
    ),
    _criterion(
        "efficiency",
        "round-trip efficiency, lower end",
        5,
        (95, 82),
        "%",
        _low("efficiency"),
        "a discharge and charge from full to full",
    ),
    _criterion(
        "stress",
        "worst of severe events, hot time, cold charging",
        10,
        (0, 100),
        "% of the bound",
        _stress,
        "a history of temperature and cell voltages",
    ),
    _criterion(
        "fade",
        "fade now by early fade",
        5,
        ("1.2", 3),
        "times",
        lambda condition: condition.fade_ratio,
        "capacity figures over at least half of its life",
    ),
    _criterion(
        "evidence",
        "weakness of the evidence",
        5,
        (0, 100),
        "%",
        _evidence,
        "a fresh complete charge or discharge",
    ),
)


@unique
class Grade(StrEnum):
    """What a battery is good for; D is for recycling or for parts."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


# Lowest score and lowest health (its pessimistic end) of a grade; what reaches none of them is D.
BOUNDS: Final = (
    (Grade.A, Decimal(80), Decimal(80)),
    (Grade.B, Decimal(65), Decimal(70)),
    (Grade.C, Decimal(50), Decimal(60)),
)
# A fade that has become so much faster is a suspected knee. It leaves this grade at best, and so does a fade
# that is not known: hiding it would pay otherwise.
KNEE: Final = Decimal("2.5")
KNEE_CAP: Final = Grade.B


@dataclass(frozen=True)
class Deduction:
    """What one criterion takes off.

    Attributes:
        criterion: which.
        figure: what it went by; None when it is not known.
        points: taken off, 0 to the weight.
    """

    criterion: Criterion
    figure: Decimal | None
    points: Decimal

    @property
    def sentence(self) -> str:
        """The deduction in words."""
        one = self.criterion
        if self.figure is None:
            return f"{one.title} is not known: {_points(self.points)} taken off; {one.helps} would tell"
        return f"{one.title}: {_plain(self.figure)} {one.unit}, {_points(self.points)} taken off"

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "criterion": self.criterion.id,
            "weight": str(self.criterion.weight),
            "figure": None if self.figure is None else _plain(self.figure),
            "unit": self.criterion.unit,
            "points": str(self.points),
            "known": self.figure is not None,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Score:
    """A hundred less the deductions.

    Attributes:
        points: 0 to 100, to a tenth.
        grade: None when health is not known: what is not known has no grade.
        deductions: one for each criterion, in their order.
        policy: digest of criteria, bounds and this method.
    """

    points: Decimal
    grade: Grade | None
    deductions: tuple[Deduction, ...]
    policy: str
    method: str = METHOD

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON, and for the assessment record."""
        return {
            "points": str(self.points),
            "grade": self.grade.value if self.grade is not None else None,
            "deductions": [one.to_wire() for one in self.deductions],
            "policy": self.policy,
            "method": self.method,
        }


def score(condition: Condition) -> Score:
    """The score and grade of a condition."""
    deductions = tuple(_deduction(one, condition) for one in CRITERIA)
    points = _HUNDRED - sum((one.points for one in deductions), Decimal(0))
    return Score(points, _grade(points, condition), deductions, POLICY)


def _deduction(criterion: Criterion, condition: Condition) -> Deduction:
    figure = criterion.figure(condition)
    if figure is None:
        return Deduction(criterion, None, criterion.weight)
    # Rounded up: a score is never better than what it rests on.
    taken = criterion.weight * criterion.scale.part(figure)
    return Deduction(criterion, figure, taken.quantize(_TENTH, ROUND_CEILING))


def _grade(points: Decimal, condition: Condition) -> Grade | None:
    if condition.health is None:
        return None
    low = condition.health.low
    found = next((grade for grade, least, health in BOUNDS if points >= least and low >= health), Grade.D)
    suspected = condition.fade_ratio is None or condition.fade_ratio >= KNEE
    return max(found, KNEE_CAP) if suspected else found


def _plain(figure: Decimal) -> str:
    return format(figure.quantize(_TENTH).normalize() + 0, "f")


def _points(points: Decimal) -> str:
    return f"{_plain(points)} point{'' if points == 1 else 's'}"


def _policy() -> str:
    rows = [[one.id, str(one.weight), str(one.scale.none_at), str(one.scale.full_at)] for one in CRITERIA]
    bounds = [[grade.value, str(least), str(health)] for grade, least, health in BOUNDS]
    text = orjson.dumps([METHOD, rows, bounds, str(KNEE), KNEE_CAP.value])
    return hashlib.sha256(text).hexdigest()


POLICY: Final = _policy()
