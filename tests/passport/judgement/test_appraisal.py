"""The conclusions put together: many give what each gives alone, and the parts speak of one condition."""

from decimal import Decimal

from passport.estimates.life import Duty, Life, Past
from passport.judgement.appraisal import Subject, appraise, appraise_many
from passport.judgement.second_life.assess import assess
from passport.judgement.second_life.condition import Condition, Interval
from passport.judgement.second_life.gates import Evidence
from passport.judgement.value_parameters import read_parameters

PARAMETERS = read_parameters()
FACTS = {
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": Decimal(100),
    "nominal_voltage": Decimal("51.2"),
}


def interval(low, value, high) -> Interval:
    return Interval(Decimal(low), Decimal(value), Decimal(high))


GOOD = Condition(
    health=interval(84, 86, 88),
    evidence_class="A",
    evidence_age_days=4,
    calibrated=True,
    resistance_growth=interval(5, 15, 30),
    usable=interval(97, 98, 99),
    efficiency=interval(92, 93, 94),
    severe_events=0,
    hot_share=Decimal(0),
    cold_charge_share=Decimal(0),
    fade_ratio=Decimal(1),
    rate_available=Decimal(1),
)
SEEN = Past(1200, 700, Duty(0.6, 0.8, 0.5, 25, 0.3))


def subject(condition=GOOD, facts=FACTS, past=SEEN, seed=b"one") -> Subject:
    return Subject(facts, assess(Evidence()), condition, past, seed)


def test_many_batteries_get_what_each_gets_alone():
    several = [
        subject(),
        subject(Condition()),
        subject(facts={}),
        subject(facts={**FACTS, "battery_chemistry": "Li-ion NMC"}, seed=b"two"),
        subject(past=Past()),
    ]
    assert appraise_many(several, PARAMETERS) == [appraise(one, PARAMETERS) for one in several]


def test_years_uses_and_value_speak_of_one_life():
    found = appraise(subject(), PARAMETERS)
    life = found.lives["home_storage"]
    assert isinstance(life, Life)
    (home,) = [one for one in found.uses if one.use.id == "home_storage"]
    (said,) = [one for one in home.constraints if one.name == "years"]
    assert format(life.low.normalize(), "f") in said.sentence
    assert set(found.value.uses) == {one.use.id for one in found.uses if one.fit.value != "not_fit"}


def test_open_gates_keep_the_value_at_that_of_materials():
    found = appraise(subject(), PARAMETERS)
    assert found.gates.verdict.value == "needs_inspection"
    assert found.value.value == found.value.recycling
    assert found.value.after_inspection.middle > found.value.recycling.middle


def test_what_cannot_be_diagnosed_is_dear_to_carry_only_until_it_is_inspected():
    found = appraise(subject(), PARAMETERS)
    # Carriage at three times 4 EUR/kWh for 5.12 kWh stands between the two, and more where its band is wide.
    assert found.value.recycling.middle < Decimal(-14) * Decimal("5.12") - 4
    assert found.value.after_inspection.low > found.value.recycling.low


def test_nothing_known_concludes_nothing_and_says_so():
    found = appraise(subject(Condition(), facts={}, past=Past()), PARAMETERS).to_wire()
    assert found["score"]["grade"] is None
    assert found["residual_value"]["determined"] is False
    assert {life["not_determinable"] for life in found["remaining_life"].values()} == {"no_health"}
    assert {one["fit"] for one in found["uses"]} == {"not_known"}
