"""The three opinions of the assessment record: health, value and second life, as they are signed.

What is not known is left out, and a sentence beside it says why; nothing of it is a zero. Numbers are text.
The same appraisal of the same inputs gives the same bytes.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from passport.estimates import annex_vii
from passport.estimates.estimate import Estimate
from passport.estimates.health import Health
from passport.judgement.appraisal import Appraisal
from passport.judgement.residual_value import Amount, ResidualValue
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.terms import Source

# Members that change with the moment and the inputs although no conclusion does.
OF_THE_MOMENT: Final[Mapping[str, frozenset[str]]] = {
    "residual_value": frozenset({"on"}),
    "second_life_assessment": frozenset({"inputs"}),
}


def opinions(
    appraisal: Appraisal, health: Health, inputs: Mapping[str, Any], *, now: datetime
) -> dict[str, Stated[Any]]:
    """What the assessment record states, by attribute id. A health that is stale or not known is left out.

    Args:
        appraisal: everything that was concluded.
        health: what is known of its capacity.
        inputs: digest of each thing that it was concluded from.
        now: as of when; aware.
    """
    return {
        **annex_vii.state_of_health(health),
        "residual_value": Stated.of(
            REGISTRY["residual_value"],
            dict(_value(appraisal.value, now)),
            source=Source.COMPUTED,
            as_of=now,
            method=appraisal.value.method,
        ),
        "second_life_assessment": Stated.of(
            REGISTRY["second_life_assessment"],
            {**_second_life(appraisal, health), "inputs": dict(inputs)},
            source=Source.COMPUTED,
            as_of=now,
            method=appraisal.gates.method,
        ),
    }


def _value(value: ResidualValue, now: datetime) -> Iterator[tuple[str, Any]]:
    """What it is worth. Without an amount, the reasons say why there is none."""
    if value.value is not None:
        yield "amount", str(value.value.middle)
        yield "low", str(value.value.low)
        yield "high", str(value.value.high)
        yield "currency", "EUR"
    yield from _amount("recycling", value.recycling)
    yield from _amount("after_inspection", value.after_inspection)
    if value.best is not None:
        yield "best_use", value.best
    yield "uses", {name: known(amount.to_wire()) for name, amount in value.uses.items()}
    yield "contributions", [one.to_wire() for one in value.contributions]
    yield "reasons", list(value.reasons)
    yield "method", value.method
    yield "parameters", value.parameters
    yield "on", now.date().isoformat()


def _amount(name: str, amount: Amount | None) -> Iterator[tuple[str, str]]:
    if amount is not None:
        yield name, str(amount.middle)
        yield f"{name}_low", str(amount.low)
        yield f"{name}_high", str(amount.high)


def _second_life(appraisal: Appraisal, health: Health) -> dict[str, Any]:
    gates, score = appraisal.gates, appraisal.score
    said: dict[str, Any] = {
        "verdict": gates.verdict.value,
        "reasons": [one.to_wire() for one in gates.results],
        "inspect": list(gates.inspect),
        "grade": score.grade.value if score.grade is not None else None,
        "score": str(score.points),
        "deductions": [one.to_wire() for one in score.deductions],
        "score_method": score.method,
        "policy": score.policy,
        "uses": [
            {
                "use": one.use.id,
                "title": one.use.title,
                "fit": one.fit.value,
                "binding": one.binding.sentence if one.binding is not None else None,
                "counterfactual": (one.binding.counterfactual or None) if one.binding is not None else None,
            }
            for one in appraisal.uses
        ],
        "remaining_life": {use: life.to_wire() for use, life in appraisal.lives.items()},
        "health": health.health.to_wire(),
        "capacity": health.capacity.to_wire(),
        "calibrated": isinstance(health.health, Estimate) and health.health.calibrated,
        "findings": [one.to_wire() for one in health.findings],
    }
    if isinstance(health.health, Estimate):
        said |= {"health_low": str(health.health.low), "health_high": str(health.health.high)}
    if health.bms_reported is not None:
        said["bms_reported_health"] = str(health.bms_reported)
    told: dict[str, Any] = known(said)
    return told


def known(value: Any) -> Any:
    """The value without members that are None, at any depth.

    >>> known({"a": None, "b": [{"c": "1", "d": None}]})
    {'b': [{'c': '1'}]}
    """
    if isinstance(value, Mapping):
        return {name: known(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [known(one) for one in value]
    return value
