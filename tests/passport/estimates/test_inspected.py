"""A measured capacity counts where it is the newer one, with the inspector's interval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from passport.estimates.estimate import Estimate, NotDeterminable
from passport.estimates.health import health_of
from passport.estimates.inspected import with_measured
from tests.passport.estimates.test_capacity import CELL, FULL

NOW = datetime(2026, 11, 28, tzinfo=UTC)
DAY = timedelta(days=1)
TEST = {"ampere_hours": Decimal("8.8"), "half_width": Decimal("0.1"), "celsius": Decimal(25), "now": NOW}


def by_sessions(age: timedelta):
    start = int((NOW - age).timestamp()) - FULL.duration_s
    return health_of([replace(FULL, absolute=True, start_s=start)], CELL, now=NOW)


def test_a_newer_test_takes_the_place_of_the_sessions():
    found = with_measured(by_sessions(5 * DAY), at=NOW, rated=Decimal(10), **TEST)
    assert isinstance(found.health, Estimate)
    assert (found.health.value, found.health.low, found.health.high) == (
        Decimal("88.00"),
        Decimal("87.00"),
        Decimal("89.00"),
    )
    assert (found.health.method, found.health.evidence_class.value) == ("cap.inspected.v1", "A")
    assert found.informative == {"A": 1}


def test_an_older_test_changes_nothing():
    ours = by_sessions(1 * DAY)
    assert with_measured(ours, at=NOW - 5 * DAY, rated=Decimal(10), **TEST) == ours


@pytest.mark.parametrize("celsius", ["14.9", "35.1", "-5"])
def test_a_test_in_the_cold_or_heat_changes_nothing(celsius):
    ours = by_sessions(5 * DAY)
    assert with_measured(ours, at=NOW, rated=Decimal(10), **TEST | {"celsius": Decimal(celsius)}) == ours


def test_the_interval_widens_with_time_and_grows_stale():
    nothing = health_of([], CELL, now=NOW)
    fresh = with_measured(nothing, at=NOW, rated=Decimal(10), **TEST)
    old = with_measured(nothing, at=NOW - 100 * DAY, rated=Decimal(10), **TEST)
    assert isinstance(fresh.health, Estimate)
    assert isinstance(old.health, Estimate)
    # sqrt(1 + (1.645 * 0.01 * 100)²) = 1.925 points
    assert old.health.high - old.health.value == Decimal("1.93")
    assert (fresh.health.stale, old.health.stale) == (False, True)


def test_without_a_rating_there_is_a_capacity_alone():
    found = with_measured(health_of([], CELL, now=NOW), at=NOW, rated=None, **TEST)
    assert isinstance(found.capacity, Estimate)
    assert isinstance(found.health, NotDeterminable)
    assert found.health.code == "no_rated_capacity"
