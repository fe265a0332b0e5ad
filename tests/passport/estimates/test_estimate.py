from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.estimates.estimate import Estimate, EvidenceClass, NotDeterminable, rounded
from schemas.terms import Unit

FINITE = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the machine is shared
@given(FINITE, FINITE, FINITE, st.integers(0, 6))
def test_rounding_never_narrows_an_interval(one: float, other: float, third: float, places: int) -> None:
    low, value, high = sorted([one, other, third])
    middle, down, up = rounded(value, low, high, places=places)
    assert down <= Decimal(repr(low))
    assert up >= Decimal(repr(high))
    assert down <= middle <= up


def test_a_tie_goes_to_the_even_neighbour() -> None:
    assert rounded(0.125, 0.1, 0.2, places=2)[0] == Decimal("0.12")


def test_nought_has_no_sign() -> None:
    assert str(rounded(-0.001, -0.001, 0.0, places=1)[0]) == "0.0"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        rounded(1.0, 0.0, wrong, places=1)


def test_an_interval_holds_its_value() -> None:
    with pytest.raises(ValueError, match="low <= value <= high"):
        Estimate(Decimal(3), Decimal(1), Decimal(2), Unit.AMPERE_HOUR, "m.v1", EvidenceClass.A)


def test_a_figure_names_its_method() -> None:
    with pytest.raises(ValueError, match="method"):
        Estimate(Decimal(1), Decimal(1), Decimal(2), Unit.AMPERE_HOUR, "", EvidenceClass.A)


def test_numbers_travel_as_text_and_a_missing_figure_as_its_reason() -> None:
    figure = Estimate(
        Decimal("98.50"), Decimal("97.0"), Decimal("99.9"), Unit.AMPERE_HOUR, "cap.v1", EvidenceClass.A
    )
    wire = figure.to_wire()
    assert (wire["value"], wire["low"], wire["high"], wire["level"]) == ("98.50", "97.0", "99.9", "0.9")
    assert wire["as_of"] is None
    assert NotDeterminable("no_rest", "No rest was long enough.", "Leave it for a day.").to_wire() == {
        "not_determinable": "no_rest",
        "reason": "No rest was long enough.",
        "helps": "Leave it for a day.",
    }
