from dataclasses import replace
from decimal import Decimal

import pytest

from schemas.reading import Reading, ReadingForm, stamp
from schemas.terms import Origin


def test_a_form_makes_the_reading_that_the_checks_would_let_pass():
    form = ReadingForm("event_count", kind="deep_discharge", origin=Origin.DERIVED)
    made = form(Decimal(3), None, "string/2")
    plain = Reading(
        "event_count", Decimal(3), component="string/2", kind="deep_discharge", origin=Origin.DERIVED
    )
    assert (made, hash(made), made.to_wire()) == (plain, hash(plain), plain.to_wire())
    assert form(Decimal(4), 7) == Reading(
        "event_count", Decimal(4), index=7, kind="deep_discharge", origin=Origin.DERIVED
    )
    assert made.value == 3  # a later reading of the same form leaves an earlier one alone
    stamp([made], "ab")
    assert made == replace(plain, evidence="ab")
    with pytest.raises(TypeError):
        ReadingForm("model")
    with pytest.raises(ValueError, match="unknown quantity"):
        ReadingForm("volts")
