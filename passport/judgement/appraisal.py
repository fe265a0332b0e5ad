"""Everything that is concluded about one battery, put together: gates, life, score, uses, value.

Each part is an opinion with a method of its own; together they are what the assessment record states.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from passport.estimates.estimate import NotDeterminable
from passport.estimates.life import Health, Life, Past, remaining_life
from passport.judgement.residual_value import ResidualValue
from passport.judgement.second_life.assess import Assessment
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.criteria import KNEE, Score, score
from passport.judgement.second_life.uses import USES, Match, match
from passport.judgement.value_parameters import ValueParameters
from passport.judgement.valuing import value_of

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


def appraise(
    facts: Mapping[str, Any],
    gates: Assessment,
    condition: Condition,
    past: Past,
    parameters: ValueParameters,
    *,
    seed: bytes,
) -> Appraisal:
    """The conclusions from what is declared, answered and estimated.

    Args:
        facts: declared facts by attribute id.
        gates: answers of the gates.
        condition: what was estimated; its years are worked out here.
        past: what the battery has behind it.
        parameters: prices, costs and rates.
        seed: digest of the record that is appraised.
    """
    health = None
    if condition.health is not None:
        ends = (condition.health.low, condition.health.value, condition.health.high)
        health = Health(*(float(one / _HUNDRED) for one in ends))
    lives = {
        use.id: remaining_life(
            duty=use.duty,
            threshold=use.end,
            health=health,
            past=past,
            chemistry=facts.get("battery_chemistry"),
            declared_cycles=_number(facts.get("expected_lifetime_cycles")),
            declared_years=_number(facts.get("expected_lifetime_years")),
            knee_suspected=condition.fade_ratio is not None and condition.fade_ratio >= KNEE,
        )
        for use in USES
    }
    years = {
        use: Interval(life.low, life.value, life.high)
        for use, life in lives.items()
        if isinstance(life, Life)
    }
    known = replace(condition, years=years)
    return Appraisal(
        gates, lives, score(known), match(known), value_of(facts, gates, known, parameters, seed=seed)
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
