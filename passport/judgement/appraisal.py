"""Everything that is concluded about one battery, put together: gates, life, score, uses, value.

Each part is an opinion with a method of its own; together they are what the assessment record states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from passport.estimates.estimate import NotDeterminable
from passport.estimates.life import Health, Life, Past, Question, remaining_lives
from passport.judgement.residual_value import ResidualValue
from passport.judgement.second_life.assess import Assessment
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.criteria import KNEE, Score, score
from passport.judgement.second_life.uses import USES, Match, match
from passport.judgement.value_parameters import ValueParameters
from passport.judgement.valuing import Valued, values_of

_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True)
class Appraisal:
    """The conclusions about one battery.

    Attributes:
        gates: the answers of the gates and the verdict.
        lives: remaining life by use, or why there is none.
        score: points, grade and every deduction. It is provisional while a gate is open.
        uses: every use with what decides about it.
        value: what it is worth.
    """

    gates: Assessment
    lives: Mapping[str, Life | NotDeterminable]
    score: Score
    uses: tuple[Match, ...]
    value: ResidualValue

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        gates = self.gates.to_wire()
        return {
            "verdict": gates["verdict"],
            "reasons": gates["reasons"],
            "inspect": gates["inspect"],
            "gates_method": gates["method"],
            "remaining_life": {use: life.to_wire() for use, life in self.lives.items()},
            "score": self.score.to_wire(),
            "uses": [one.to_wire() for one in self.uses],
            "residual_value": self.value.to_wire(),
        }


@dataclass(frozen=True)
class Subject:
    """What is known of one battery.

    Attributes:
        facts: declared facts by attribute id.
        gates: answers of the gates.
        condition: what was estimated; its years are worked out here.
        past: what the battery has behind it.
        seed: digest of the record that is appraised.
    """

    facts: Mapping[str, Any]
    gates: Assessment
    condition: Condition
    past: Past
    seed: bytes


def appraise(subject: Subject, parameters: ValueParameters) -> Appraisal:
    """The conclusions from what is declared, answered and estimated, at these prices, costs and rates."""
    return appraise_many([subject], parameters)[0]


def appraise_many(subjects: Sequence[Subject], parameters: ValueParameters) -> list[Appraisal]:
    """The conclusions about each battery; the same as about each alone, and many at once are cheaper."""
    asked = [question for one in subjects for question in _questions(one)]
    answers = iter(remaining_lives(asked))
    lives = [{use.id: next(answers) for use in USES} for _ in subjects]
    known = [replace(one.condition, years=_years(own)) for one, own in zip(subjects, lives, strict=True)]
    uses = [match(one) for one in known]
    valued = [
        Valued(one.facts, one.gates, condition, matches, one.seed)
        for one, condition, matches in zip(subjects, known, uses, strict=True)
    ]
    parts = zip(subjects, lives, known, uses, values_of(valued, parameters), strict=True)
    return [
        Appraisal(one.gates, own, score(condition), matches, value)
        for one, own, condition, matches, value in parts
    ]


def _questions(one: Subject) -> list[Question]:
    health = None
    if one.condition.health is not None:
        ends = (one.condition.health.low, one.condition.health.value, one.condition.health.high)
        health = Health(*(float(end / _HUNDRED) for end in ends))
    fade = one.condition.fade_ratio
    return [
        Question(
            duty=use.duty,
            threshold=use.end,
            health=health,
            past=one.past,
            chemistry=one.facts.get("battery_chemistry"),
            declared_cycles=_number(one.facts.get("expected_lifetime_cycles")),
            declared_years=_number(one.facts.get("expected_lifetime_years")),
            knee_suspected=fade is not None and fade >= KNEE,
        )
        for use in USES
    ]


def _years(lives: Mapping[str, Life | NotDeterminable]) -> dict[str, Interval]:
    return {
        use: Interval(life.low, life.value, life.high)
        for use, life in lives.items()
        if isinstance(life, Life)
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
