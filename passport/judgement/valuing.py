"""From what is declared and estimated of a battery to what its value is worked out from."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from passport.judgement.residual_value import (
    Band,
    ResidualValue,
    ValueInputs,
    grade_of,
    metals_from_composition,
    residual_value,
)
from passport.judgement.second_life.assess import Assessment, Verdict
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.gates import Answer
from passport.judgement.second_life.uses import Fit, match
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


def value_of(
    facts: Mapping[str, Any],
    outcome: Assessment,
    condition: Condition,
    parameters: ValueParameters,
    *,
    seed: bytes,
) -> ResidualValue:
    """The value of a battery, as far as facts, gates and condition tell.

    Args:
        facts: declared facts by attribute id.
        outcome: answers of the gates.
        condition: what was estimated.
        parameters: prices, costs and rates.
        seed: digest of the record that is valued.
    """
    size = rated_kwh(facts)
    if size is None or size <= 0:
        reason = "neither certified energy nor rated capacity with nominal voltage is declared"
        return ResidualValue(None, None, None, {}, None, (), (reason,), parameters.digest)
    answers = {one.gate.id: one.answer for one in outcome.results}
    inputs = ValueInputs(
        seed=seed,
        rated_kwh=size,
        chemistry=facts.get("battery_chemistry"),
        grade=grade_of(facts.get("battery_chemistry_name")),
        masses=metals_from_composition(facts.get("material_composition")),
        health=_band(condition.health, _HUNDRED),
        usable=_band(condition.usable, _HUNDRED) or Band(1.0, 1.0, 1.0),
        years={
            use: Band(float(one.low), float(one.value), float(one.high))
            for use, one in condition.years.items()
        },
        # What is not known to be unfit is valued for the case that an inspection finds it fit.
        uses=tuple(one.use.id for one in match(condition) if one.fit is not Fit.NOT_FIT),
        history_complete=answers.get(_COMPLETE_HISTORY) is Answer.PASS,
        damaged_transport=answers.get(_TRANSPORT) is not Answer.PASS,
        safety={Verdict.ELIGIBLE: True, Verdict.NOT_ELIGIBLE: False}.get(outcome.verdict),
    )
    result = residual_value(inputs, parameters)
    if outcome.verdict is not Verdict.NEEDS_INSPECTION or not inputs.damaged_transport:
        return result
    # What cannot be diagnosed is carried as damaged. Once inspected, it would not be.
    sound = residual_value(replace(inputs, damaged_transport=False), parameters)
    return replace(result, after_inspection=sound.after_inspection, uses=sound.uses, best=sound.best)


def _band(one: Interval | None, whole: Decimal) -> Band | None:
    return None if one is None else Band(*(float(end / whole) for end in (one.low, one.value, one.high)))
