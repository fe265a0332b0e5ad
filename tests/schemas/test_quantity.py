"""Units: conversions worked out by hand; what does not end is refused unless rounding is asked for."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.quantity import convert, spellings, split_number
from schemas.registry import REGISTRY
from schemas.terms import Unit

fast = settings(max_examples=60, deadline=None, database=None)


@pytest.mark.parametrize(
    ("value", "spelling", "unit", "expected"),
    [
        ("3425", "mV", Unit.VOLT, "3.425"),
        ("102000", "mAh", Unit.AMPERE_HOUR, "102"),
        ("5120", "Wh", Unit.KILOWATT_HOUR, "5.12"),
        ("2.5", "kW", Unit.WATT, "2500"),
        ("0.35", "mohm", Unit.OHM, "0.00035"),
        ("0.35", "mΩ", Unit.OHM, "0.00035"),
        ("350", "\u03bcΩ", Unit.OHM, "0.00035"),  # Greek mu
        ("350", "\u00b5\u2126", Unit.OHM, "0.00035"),  # micro sign, ohm sign
        ("298.15", "K", Unit.CELSIUS, "25"),
        ("77", "°F", Unit.CELSIUS, "25"),
        ("-40", "°F", Unit.CELSIUS, "-40"),
        ("90", "s", Unit.MINUTE, "1.5"),
        ("2", "h", Unit.MINUTE, "120"),
        ("8", "years", Unit.MONTH, "96"),
        ("42500", "g", Unit.KILOGRAM, "42.5"),
        ("0.5", "C", Unit.AMPERE_PER_AMPERE_HOUR, "0.5"),
        ("61000", "g CO2e/kWh", Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR, "61"),
        ("500", "kohm", Unit.KILOOHM, "500"),
    ],
)
def test_conversions_by_hand(value, spelling, unit, expected):
    assert str(convert(Decimal(value), spelling, unit)) == expected


def test_a_value_in_its_own_unit_comes_back_as_it_came():
    assert str(convert(Decimal("102.00"), "Ah", Unit.AMPERE_HOUR)) == "102.00"


def test_a_conversion_that_does_not_end_is_refused_or_rounded_on_request():
    with pytest.raises(ValueError, match="does not end"):
        convert(Decimal(100), "s", Unit.MINUTE)
    assert str(convert(Decimal(100), "s", Unit.MINUTE, places=2)) == "1.67"
    # half to even: 30 s and 90 s are half minutes
    assert str(convert(Decimal(30), "s", Unit.MINUTE, places=0)) == "0"
    assert str(convert(Decimal(90), "s", Unit.MINUTE, places=0)) == "2"


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("Ah", Unit.KILOWATT_HOUR),
        ("kWh", Unit.AMPERE_HOUR),
        ("mw", Unit.WATT),
        ("", Unit.VOLT),
        ("%", Unit.VOLT),
    ],
)
def test_another_quantity_is_refused(spelling, unit):
    with pytest.raises(ValueError, match="expected one of"):
        convert(Decimal(1), spelling, unit)


def test_charge_is_never_energy():
    assert "kWh" not in spellings(Unit.AMPERE_HOUR)
    assert "Ah" not in spellings(Unit.KILOWATT_HOUR)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        convert(Decimal("NaN"), "mV", Unit.VOLT)


def test_every_unit_of_a_row_can_be_written():
    for row in REGISTRY.values():
        if row.value.unit is not None:
            assert row.value.unit.value in spellings(row.value.unit)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("102", "102", ""),
        (" 102 Ah ", "102", "Ah"),
        ("102Ah", "102", "Ah"),
        ("-3.5e-3 V", "-0.0035", "V"),
        (".5", "0.5", ""),
        ("5.", "5", ""),
        ("98.5 %", "98.5", "%"),
        ("0.25 % w/w", "0.25", "% w/w"),
    ],
)
def test_number_and_unit_are_parted(text, number, unit):
    assert split_number(text) == (Decimal(number), unit)


@pytest.mark.parametrize(
    "text", ["", "Ah", "3,65", "1 234", "1_000", "1'000", "0x10", "NaN", "Infinity", "--1", "1..2"]
)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        convert(*split_number(text), Unit.AMPERE_HOUR)


@given(st.integers(-(10**15), 10**15))
@fast
def test_millis_are_exact_for_every_integer(raw):
    assert convert(Decimal(raw), "mV", Unit.VOLT) * 1000 == raw
