"""The demonstration's fleet says only what may be said, and differs enough to be worth looking at."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from ingest.simulators.fleet import BENCH_STEP_S, FIRST_OWED, fleet, history, on_the_bench, retired
from ingest.simulators.years import CLIMATES, simulate_years
from schemas.identifier import parse_path
from schemas.samples import ColumnKey
from schemas.terms import Category
from schemas.validation import facts_from_text

TODAY = date(2026, 11, 20)
PACKS = fleet(7, TODAY)


def test_there_are_two_dozen_of_every_kind():
    assert len(PACKS) >= 24
    kinds = Counter(pack.category for pack in PACKS)
    assert set(kinds) == set(Category)
    assert min(kinds.values()) >= 4


def test_most_have_a_year_behind_them_and_some_are_new():
    aged = [pack for pack in PACKS if pack.spec is not None]
    new = [pack for pack in PACKS if pack.spec is None]
    assert len(aged) >= 18
    assert len(new) >= 6
    assert {pack.category for pack in new} == set(Category)
    assert all(pack.placed_on >= date(2027, 2, 18) for pack in new)
    assert all(pack.placed_on < date(2025, 11, 20) for pack in aged)


@pytest.mark.parametrize("today", [date(2026, 11, 20), date(2027, 2, 18), date(2029, 5, 1)])
def test_dates_hold_on_any_day(today):
    for pack in fleet(7, today):
        if pack.spec is None:
            assert pack.placed_on >= FIRST_OWED
        else:
            assert pack.placed_on < FIRST_OWED
            assert datetime(*pack.placed_on.timetuple()[:3], tzinfo=UTC) < history(today)[0]


def test_the_fleet_is_the_same_again_and_another_seed_another_one():
    assert fleet(7, TODAY) == PACKS
    assert {pack.serial for pack in fleet(8, TODAY)}.isdisjoint(pack.serial for pack in PACKS)


def test_serials_are_sixteen_characters_of_base32_and_unique():
    serials = [pack.serial for pack in PACKS]
    assert len(set(serials)) == len(PACKS)
    assert all(
        len(serial) == 16 and set(serial) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for serial in serials
    )


def test_item_numbers_have_the_example_prefix_and_right_check_digits():
    for pack in PACKS:
        assert pack.model.gtin.startswith("0952")
        # The check digit once more, by GS1's table: weights 3 and 1 from the left of the first 13 digits.
        total = sum(
            int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(pack.model.gtin[:13])
        )
        assert int(pack.model.gtin[13]) == -total % 10
        assert parse_path(pack.identifier_path).path == pack.identifier_path


def test_the_check_digit_of_one_item_by_hand():
    # 0952 000001101: 3*(0+5+0+0+0+1+1) + (9+2+0+0+1+0) = 21 + 12 = 33, so 7.
    assert PACKS[0].model.gtin == "09520000011017"


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: f"{pack.model.name}-{pack.serial[:4]}")
def test_every_declared_fact_is_acceptable(pack):
    facts = facts_from_text(pack.facts)
    assert facts["battery_category"] == pack.category
    assert facts["placed_on_market_date"] == pack.placed_on
    assert facts["minimum_voltage"] < facts["nominal_voltage"] < facts["maximum_voltage"]
    assert isinstance(facts["rated_capacity"], Decimal)
    assert 10 < facts["initial_round_trip_efficiency"] < 100


def test_nothing_is_said_that_no_act_allows():
    for pack in PACKS:
        for name in pack.facts:
            assert not name.startswith(
                ("cf_", "carbon_", "recycled_", "due_diligence", "pre_consumer", "post_consumer")
            )


def test_makers_are_plainly_fictional():
    for pack in PACKS:
        assert pack.facts["manufacturer_name"].startswith("Example ")
        assert "simulated" in pack.facts["manufacturer_name"]
        assert all("example.com" in value for value in pack.facts.values() if value.startswith("http"))


def test_industrial_and_stationary_batteries_are_above_two_kilowatt_hours_so_that_the_law_knows_them():
    for pack in PACKS:
        if pack.category in (Category.INDUSTRIAL, Category.STATIONARY):
            assert Decimal(pack.facts["nominal_voltage"]) * Decimal(pack.facts["rated_capacity"]) > 2000


def test_a_year_of_the_whole_fleet_shows_the_stories():
    aged = [pack for pack in PACKS if pack.spec is not None]
    assert {pack.spec.climate for pack in aged} == set(CLIMATES)
    start, end = history(TODAY)
    assert (end - start).days == 365
    assert end == datetime(2026, 11, 20, tzinfo=UTC)
    # Hourly steps: the stories are the same, and the test is quick.
    samples = simulate_years([pack.spec for pack in aged], start, end, step_s=3600)

    def lowest(number):
        return samples[number].columns[ColumnKey("cell_voltage_min")].values.min() / 1000

    for number, pack in enumerate(aged):
        cycles = samples[number].columns[ColumnKey("cycle_count")].values
        if "deep_discharge" in pack.spec.troubles:
            assert lowest(number) < pack.spec.cell.minimum_v
        else:
            assert lowest(number) > pack.spec.cell.minimum_v - 0.3
        assert bool(np.any(np.diff(cycles) < 0)) == ("counter_reset" in pack.spec.troubles)
        expected = 365 * 24 - (21 * 24 if "telemetry_gap" in pack.spec.troubles else 0)
        assert len(samples[number]) == expected


def test_retired_packs_are_the_same_for_the_same_seed_and_all_different():
    packs = list(retired(7, TODAY, 60))
    assert [pack.serial for pack in packs] == [pack.serial for pack in retired(7, TODAY, 60)]
    assert len({pack.identifier_path for pack in packs}) == 60
    assert len({pack.spec.health for pack in packs}) > 50
    assert len({pack.model.name for pack in packs}) == 6
    assert all(pack.placed_on < FIRST_OWED for pack in packs)
    for pack in packs[:10]:
        facts_from_text(pack.facts)  # refuses what may not be declared


def test_on_the_bench_a_pack_gives_what_its_health_left_of_its_rating():
    pack = next(iter(retired(7, TODAY, 1)))
    start, end = on_the_bench(TODAY)
    (told,) = simulate_years([pack.spec], start, end, BENCH_STEP_S)
    current = told.columns[ColumnKey("current")].values
    # the second day, from ten to six: full to empty
    rows = slice(24 * 60 + 10 * 60, 24 * 60 + 18 * 60)
    given_ah = -current[rows].sum() * BENCH_STEP_S / 3_600_000
    assert given_ah == pytest.approx(pack.model.capacity_ah * pack.spec.health, rel=0.01)
    charge = told.columns[ColumnKey("state_of_charge")].values
    assert charge[24 * 60 + 9 * 60] >= 995  # tenths of a percent
    assert charge[24 * 60 + 18 * 60] <= 5
