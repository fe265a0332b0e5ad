from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from passport.estimates.conformal import Calibration, Group
from passport.estimates.estimate import Estimate, NotDeterminable
from passport.estimates.health import Health, health_of
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import Session
from tests.passport.estimates.test_capacity import CELL, FULL

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FRESH = replace(FULL, absolute=True, start_s=int(NOW.timestamp()) - 8000)


def known(sessions: list[Session], basis: Basis = CELL, **more) -> Health:
    return health_of(sessions, basis, now=more.pop("now", NOW), **more)


def test_a_complete_discharge_gives_capacity_and_health_with_interval() -> None:
    wire = known([FRESH]).to_wire()
    assert wire["capacity_ah"]["value"] == 9.0
    assert wire["health_pct"]["value"] == 90.0
    assert wire["health_pct"]["low"] < 85
    assert wire["health_pct"]["high"] > 95
    assert (wire["method"], wire["evidence_class"], wire["calibrated"]) == ("cap.classA.v1", "A", False)
    assert wire["as_of"] == "2026-11-27T23:46:40Z"
    assert wire["not_determinable"] is None
    assert wire["sessions"]["informative"] == {"A": 1}


def test_nothing_informative_is_no_figure_but_a_reason() -> None:
    wire = known([replace(FRESH, rest_before_mv=3900, first_mv=3850)]).to_wire()
    assert wire["capacity_ah"] is None
    assert wire["health_pct"] is None
    assert wire["not_determinable"]["not_determinable"] == "no_informative_session"
    assert wire["sessions"]["refused"] == {"not_from_full": 1}
    assert known([]).to_wire()["not_determinable"]["not_determinable"] == "no_session"


def test_in_the_cold_there_is_a_capacity_and_no_health() -> None:
    found = known([replace(FRESH, mean_temperature=40)])
    assert isinstance(found.capacity, Estimate)
    assert found.capacity.conditions["temperature_celsius"] == "4.0"
    assert isinstance(found.health, NotDeterminable)
    assert found.health.code == "cold_only"


def test_the_rating_and_the_first_capacity_are_two_references() -> None:
    # Trap 7: cells that start at 108 % of their rating.
    first = replace(FRESH, charge_to_limit=108_000, charge=108_100)
    later = [replace(first, charge_to_limit=97_200, cycles_before=n * 1000) for n in range(400, 412)]
    found = known([first, *later])
    assert isinstance(found.health, Estimate)
    assert isinstance(found.since_first, Estimate)
    assert found.health.value == pytest.approx(Decimal("97.2"), abs=Decimal("0.5"))
    assert found.since_first.value == pytest.approx(Decimal(90), abs=Decimal("0.5"))


def test_without_a_rated_capacity_there_is_no_health() -> None:
    found = known([FRESH], replace(CELL, rated_mah=None))
    assert isinstance(found.capacity, Estimate)
    assert isinstance(found.health, NotDeterminable)


def test_an_interval_widens_with_age_and_a_figure_grows_stale() -> None:
    widths = []
    for days in (0, 30, 89, 91, 400):
        found = known([FRESH], now=NOW + timedelta(days=days)).health
        assert isinstance(found, Estimate)
        widths.append(found.high - found.low)
        assert found.stale is (days > 90)
    assert widths == sorted(widths)
    assert widths[-1] > widths[0]
    cycled = known([FRESH], cycles=52.0).health
    assert isinstance(cycled, Estimate)
    assert cycled.stale


def test_nominal_sigma_is_not_published_as_an_interval() -> None:
    # Trap 5: 30 equal sessions make a small sigma and no narrow interval.
    found = known([replace(FRESH, cycles_before=n * 1000) for n in range(30)]).health
    assert isinstance(found, Estimate)
    assert not found.calibrated
    assert found.high - found.low >= 10


def test_with_references_of_enough_batteries_the_interval_is_calibrated() -> None:
    calibration = Calibration("operator", (Group("Li-ion NMC", "A", 12, 40, 2.5, 0.91, 0.08),))
    found = known([FRESH], calibration=calibration).health
    assert isinstance(found, Estimate)
    assert found.calibrated
    # 2.5 standard deviations of about one point to each side
    assert Decimal(4) < found.high - found.low < Decimal(8)
    other = known([FRESH], replace(CELL, chemistry="Li-ion LCO"), calibration=calibration).health
    assert isinstance(other, Estimate)
    assert not other.calibrated


def test_a_bms_that_says_something_else_is_a_finding() -> None:
    found = known([FRESH], bms_reported=Decimal("98.0"))
    assert [one.code for one in found.findings] == ["bms_health_disagrees"]
    assert "+8.0" in found.findings[0].sentence
    assert known([FRESH], bms_reported=Decimal("92.0")).findings == ()


def test_a_health_that_never_moves_is_called_a_placeholder() -> None:
    found = known([], bms_reported=Decimal("95.0"), bms_doubts=("health_placeholder",))
    assert [one.code for one in found.findings] == ["bms_health_placeholder"]
    assert found.bms_reported == Decimal("95.0")


def test_95_percent_for_two_thousand_samples_is_called_a_placeholder() -> None:
    assert known([], bms_reported=Decimal("95.0"), bms_rows=1999).findings == ()
    (finding,) = known([], bms_reported=Decimal("95.0"), bms_rows=2000).findings
    assert finding.code == "bms_health_placeholder"
    # A new battery may well say 100 for years, and 93 is nobody's constant.
    assert known([], bms_reported=Decimal("93.0"), bms_rows=9000).findings == ()
    assert known([], bms_reported=Decimal(100), bms_rows=9000).findings == ()


def test_equal_inputs_give_equal_bytes() -> None:
    sessions = [replace(FRESH, cycles_before=n * 1000, charge_to_limit=90_000 - 70 * n) for n in range(20)]
    assert known(sessions).to_wire() == known(list(sessions)).to_wire()
