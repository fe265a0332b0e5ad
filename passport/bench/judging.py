"""Assessing: one battery from its stored state, and a fleet from what is known of each of its batteries."""

from collections.abc import Iterator
from decimal import Decimal
from statistics import median
from typing import Any, Final

from passport.appraising import appraised, read_inputs
from passport.estimates.life import Duty, Past
from passport.judgement.appraisal import Subject, appraise_many
from passport.judgement.second_life.assess import assess
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.gates import Evidence
from passport.judgement.value_parameters import read_parameters
from passport.ledger import batteries
from schemas.measure import Ratio, seconds

_ROUNDS: Final = 3
_ALONE: Final = 50
_FLEET: Final = 2_000
_FACTS: Final = {
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": Decimal(102),
    "nominal_voltage": Decimal("51.2"),
}


def run(house: Any, battery_id: str) -> Iterator[Ratio]:
    """Needs a house with one battery."""
    parameters = read_parameters()
    with house.reading() as connection:
        battery = batteries.get(connection, battery_id)

        def alone() -> None:
            for _ in range(_ALONE):
                appraised(read_inputs(connection, battery, now=house.now()), parameters)

        alone()
        spent = median(seconds(alone) for _ in range(_ROUNDS))
    yield Ratio(
        "assess one battery",
        1000 * spent / _ALONE,
        None,
        "ms",
        5.0,
        at_most=True,
        against="absolute bar; facts, state, inspections and records are read from the database each time",
    )
    fleet = [subject(number) for number in range(_FLEET)]
    spent = median(seconds(lambda: appraise_many(fleet, parameters)) for _ in range(_ROUNDS))
    yield Ratio(
        "assess a fleet anew",
        _FLEET / spent,
        None,
        "batteries/s",
        5000.0,
        at_most=False,
        against="absolute bar, one core; lives, score, uses and value of each, from what is known of it",
        note=f"{_FLEET:,} batteries, every one unlike the others",
    )


def subject(number: int) -> Subject:
    """A battery whose figures follow from its number."""
    health = Decimal(650 + number * 37 % 350) / 10
    wide = Decimal(number % 5 + 1)
    condition = Condition(
        health=Interval(health - wide, health, health + wide),
        evidence_class="ABC"[number % 3],
        evidence_age_days=number % 200,
        resistance_growth=Interval(Decimal(5), Decimal(10 + number % 60), Decimal(120)),
        usable=Interval(Decimal(90), Decimal(95), Decimal(99)),
        efficiency=Interval(Decimal(88), Decimal(92), Decimal(95)),
        severe_events=number % 4,
        hot_share=Decimal(number % 7),
        cold_charge_share=Decimal(0),
        fade_ratio=Decimal(10 + number % 20) / 10,
        rate_available=Decimal(1),
    )
    past = Past(500.0 + number % 2500, 100.0 + number % 1500, Duty(0.5, 0.8, 0.5, 24, 0.3))
    return Subject(_FACTS, assess(Evidence()), condition, past, number.to_bytes(4))
