from dataclasses import replace
from decimal import Decimal

import pytest

from passport.estimates import annex_vii
from passport.estimates.estimate import Estimate, NotDeterminable
from schemas.terms import Category, Source
from tests.passport.estimates.test_capacity import CELL
from tests.passport.estimates.test_health import FRESH, known

# 9.05 Ah with 3.30 V are 29.87 Wh; to the cut-off 9.0 Ah.
FRESH = replace(FRESH, energy=2987)


def test_each_category_has_its_own_parameters() -> None:
    health = known([FRESH])
    names = {one: list(annex_vii.view(one, health, {}, {})) for one in Category}
    assert names == {
        Category.EV: ["state_of_certified_energy"],
        Category.LMT: [
            "remaining_capacity",
            "remaining_power_capability",
            "remaining_round_trip_efficiency",
            "self_discharge_evolution",
            "ohmic_resistance",
        ],
        Category.STATIONARY: [
            "remaining_capacity",
            "remaining_power_capability",
            "remaining_round_trip_efficiency",
            "self_discharge_evolution",
            "ohmic_resistance",
        ],
        Category.INDUSTRIAL: [],
    }


def test_certified_energy_is_energy_by_what_was_certified() -> None:
    answer = annex_vii.certified_energy(known([FRESH]), {"certified_usable_energy": Decimal("0.0330")})
    assert isinstance(answer, Estimate)
    # 9.0 Ah * 3.3006 V = 29.7 Wh of 33 Wh
    assert answer.value == Decimal("90.0")
    assert answer.low < answer.value < answer.high


def test_without_certified_energy_there_is_no_state_of_it() -> None:
    answer = annex_vii.certified_energy(known([FRESH]), {})
    assert isinstance(answer, NotDeterminable)
    assert answer.code == "no_certified_energy"


def test_a_record_states_what_rests_on_a_complete_session() -> None:
    found = annex_vii.stated(Category.STATIONARY, known([FRESH]), {})
    assert set(found) == {"remaining_capacity", "capacity_fade"}
    assert found["remaining_capacity"].value == Decimal("9.000")
    assert found["capacity_fade"].value == Decimal("10.0")
    assert found["remaining_capacity"].source is Source.COMPUTED
    assert found["remaining_capacity"].method == "cap.classA.v1"
    vehicle = annex_vii.stated(Category.EV, known([FRESH]), {"certified_usable_energy": Decimal("0.0330")})
    assert vehicle["state_of_certified_energy"].value == Decimal("90.0")


@pytest.mark.parametrize("why", ["cold", "nothing", "stale"])
def test_a_record_states_nothing_in_the_cold_nothing_stale_and_nothing_unknown(why: str) -> None:
    health = {
        "cold": known([replace(FRESH, mean_temperature=40)]),
        "nothing": known([]),
        "stale": known([FRESH], cycles=60.0),
    }[why]
    for category in Category:
        assert annex_vii.stated(category, health, {"certified_usable_energy": Decimal(1)}) == {}


def test_an_assessment_states_health_above_the_rating_too() -> None:
    found = annex_vii.state_of_health(known([FRESH]))
    assert found["state_of_health"].value == Decimal("90.0")
    above = annex_vii.state_of_health(known([replace(FRESH, charge_to_limit=103_000)]))
    assert above["state_of_health"].value == Decimal("103.0")
    assert annex_vii.state_of_health(known([])) == {}


def test_a_charge_counts_less_its_losses() -> None:
    charge = replace(
        FRESH, direction=1, rest_before_mv=2600, first_mv=2700, last_mv=4200, last_ma=300, charge=90_000
    )
    charged, drawn = known([charge], CELL).energy, known([FRESH], CELL).energy
    assert isinstance(charged, Estimate)
    assert isinstance(drawn, Estimate)
    assert charged.value < drawn.value
    assert charged.high - charged.low > drawn.high - drawn.low
