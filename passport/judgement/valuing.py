"""From what is declared and estimated of a battery to what its value is worked out from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from passport.judgement.residual_value import (
    Band,
    ResidualValue,
    ValueInputs,
    grade_of,
    metals_from_composition,
    residual_values,
)
from passport.judgement.second_life.assess import Assessment, Verdict
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.gates import Answer
from passport.judgement.second_life.uses import Fit, Match
from passport.judgement.value_parameters import ValueParameters

_COMPLETE_HISTORY = "G11"  # the gate that knows whether a history is complete
_TRANSPORT = "G13"
_HUNDRED = Decimal(100)


def rated_kwh(facts: Mapping[str, Any]) -> float | None:
    """Certified usable energy, else rated capacity times nominal voltage; None without either."""
    certified = facts.get("certified_usable_energy")
    if certified is not None:
        return float(certified)
    capacity, voltage = facts.get("rated_capacity"), facts.get("nominal_voltage")
    if capacity is None or voltage is None:
        return None
    return float(Decimal(str(capacity)) * Decimal(str(voltage)) / 1000)


@dataclass(frozen=True)
class Valued:
    """What one battery is valued by.

    Attributes:
        facts: declared facts by attribute id.
        gates: answers of the gates.
        condition: what was estimated.
        uses: which uses it is fit for, as `match` tells.
        seed: digest of the record that is valued.
    """

    facts: Mapping[str, Any]
    gates: Assessment
    condition: Condition
    uses: tuple[Match, ...]
    seed: bytes


def values_of(batch: Sequence[Valued], parameters: ValueParameters) -> list[ResidualValue]:
    """The value of each battery, as far as facts, gates and condition tell.

    What cannot be diagnosed is carried as damaged. Once inspected, it would not be, so what it is worth after
    an inspection is worked out without.
    """
    inputs = [_inputs(one) for one in batch]
    known = [one for one in inputs if one is not None]
    sound = [
        replace(one, damaged_transport=False) for one in known if one.safety is None and one.damaged_transport
    ]
    results, after = iter(residual_values(known, parameters)), iter(residual_values(sound, parameters))
    found: list[ResidualValue] = []
    for one in inputs:
        if one is None:
            reason = "neither certified energy nor rated capacity with nominal voltage is declared"
            found.append(ResidualValue(None, None, None, {}, None, (), (reason,), parameters.digest))
            continue
        result = next(results)
        if one.safety is None and one.damaged_transport:
            then = next(after)
            result = replace(result, after_inspection=then.after_inspection, uses=then.uses, best=then.best)
        found.append(result)
    return found


def _inputs(one: Valued) -> ValueInputs | None:
    """What the value is worked out from; None without a rated energy."""
    facts, condition = one.facts, one.condition
    size = rated_kwh(facts)
    if size is None or size <= 0:
        return None
    answers = {result.gate.id: result.answer for result in one.gates.results}
    years = {
        use: Band(float(life.low), float(life.value), float(life.high))
        for use, life in condition.years.items()
    }
    return ValueInputs(
        seed=one.seed,
        rated_kwh=size,
        chemistry=facts.get("battery_chemistry"),
        grade=grade_of(facts.get("battery_chemistry_name")),
        masses=metals_from_composition(facts.get("material_composition")),
        health=_band(condition.health, _HUNDRED),
        usable=_band(condition.usable, _HUNDRED) or Band(1.0, 1.0, 1.0),
        years=years,
        # What is not known to be unfit is valued for the case that an inspection finds it fit.
        uses=tuple(match.use.id for match in one.uses if match.fit is not Fit.NOT_FIT),
        history_complete=answers.get(_COMPLETE_HISTORY) is Answer.PASS,
        damaged_transport=answers.get(_TRANSPORT) is not Answer.PASS,
        safety={Verdict.ELIGIBLE: True, Verdict.NOT_ELIGIBLE: False}.get(one.gates.verdict),
    )


def _band(one: Interval | None, whole: Decimal) -> Band | None:
    return None if one is None else Band(*(float(end / whole) for end in (one.low, one.value, one.high)))
