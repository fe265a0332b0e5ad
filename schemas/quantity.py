"""A decimal with a unit: read from text, turned into the unit of a row; conversion happens here alone.

Factors are exact fractions. A conversion that would not end (100 s in minutes) is refused unless the caller
says to how many places it may be rounded; rounding is half to even.
"""

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from schemas.terms import Unit

_MILLI, _MICRO, _KILO, _MEGA = Fraction(1, 1000), Fraction(1, 10**6), Fraction(1000), Fraction(10**6)
_ONE: Final = Fraction(1)


def _linear(**factors: Fraction) -> dict[str, tuple[Fraction, Fraction]]:
    return {symbol: (factor, Fraction(0)) for symbol, factor in factors.items()}


# Per target unit: spelling -> (factor, offset), target = value * factor + offset. Spellings keep their case:
# mW and MW differ by nine powers of ten.
_READS: Final[Mapping[Unit, Mapping[str, tuple[Fraction, Fraction]]]] = MappingProxyType(
    {
        Unit.VOLT: _linear(V=_ONE, mV=_MILLI, kV=_KILO),
        Unit.AMPERE: _linear(A=_ONE, mA=_MILLI, kA=_KILO),
        Unit.WATT: _linear(W=_ONE, mW=_MILLI, kW=_KILO, MW=_MEGA),
        Unit.AMPERE_HOUR: _linear(Ah=_ONE, mAh=_MILLI, kAh=_KILO),
        Unit.KILOWATT_HOUR: _linear(kWh=_ONE, Wh=_MILLI, mWh=_MICRO, MWh=_KILO),
        Unit.PERCENT: {"%": (_ONE, Fraction(0))},
        Unit.PERCENT_BY_MASS: {"% w/w": (_ONE, Fraction(0)), "%": (_ONE, Fraction(0))},
        Unit.PERCENT_PER_MONTH: {"%/month": (_ONE, Fraction(0)), "% per month": (_ONE, Fraction(0))},
        Unit.CELSIUS: {
            "°C": (_ONE, Fraction(0)),
            "degC": (_ONE, Fraction(0)),
            "d°C": (Fraction(1, 10), Fraction(0)),
            "K": (_ONE, Fraction(-27315, 100)),
            "°F": (Fraction(5, 9), Fraction(-160, 9)),
        },
        Unit.OHM: _linear(
            ohm=_ONE, Ohm=_ONE, Ω=_ONE, mohm=_MILLI, mOhm=_MILLI, mΩ=_MILLI, uohm=_MICRO, µΩ=_MICRO
        ),
        Unit.KILOOHM: _linear(kohm=_ONE, kOhm=_ONE, kΩ=_ONE, ohm=_MILLI, Ω=_MILLI, Mohm=_KILO, MΩ=_KILO),
        Unit.KILOGRAM: _linear(kg=_ONE, g=_MILLI, mg=_MICRO, t=_KILO),
        Unit.SECOND: _linear(s=_ONE, ms=_MILLI, min=Fraction(60), h=Fraction(3600)),
        Unit.MINUTE: _linear(min=_ONE, s=Fraction(1, 60), h=Fraction(60), d=Fraction(1440)),
        Unit.MONTH: _linear(month=_ONE, months=_ONE, a=Fraction(12), year=Fraction(12), years=Fraction(12)),
        Unit.YEAR: _linear(a=_ONE, year=_ONE, years=_ONE, month=Fraction(1, 12), months=Fraction(1, 12)),
        Unit.CYCLE: _linear(cycles=_ONE, cycle=_ONE),
        Unit.WATT_PER_WATT_HOUR: {"W/Wh": (_ONE, Fraction(0)), "kW/kWh": (_ONE, Fraction(0))},
        Unit.AMPERE_PER_AMPERE_HOUR: {
            "A/Ah": (_ONE, Fraction(0)),
            "1/h": (_ONE, Fraction(0)),
            "C": (_ONE, Fraction(0)),
        },
        Unit.KILOGRAM_CO2E: {"kg CO2e": (_ONE, Fraction(0)), "t CO2e": (_KILO, Fraction(0))},
        Unit.KILOGRAM_CO2E_PER_KILOWATT_HOUR: {
            "kg CO2e/kWh": (_ONE, Fraction(0)),
            "g CO2e/kWh": (_MILLI, Fraction(0)),
        },
        Unit.ONE: {"1": (_ONE, Fraction(0))},
    }
)
_NUMBER: Final = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*(.*?)\s*")


def spellings(unit: Unit) -> tuple[str, ...]:
    """How a value in that unit may be written, the unit itself first."""
    return tuple(_READS[unit])


def convert(value: Decimal, spelling: str, unit: Unit, *, places: int | None = None) -> Decimal:
    """The value in `unit`, exactly, or rounded half to even to `places` decimals.

    A value that is already in `unit` comes back as it came, trailing zeros included.

    Args:
        value: a finite number.
        spelling: unit it is given in, such as `mV`.
        unit: unit wanted.
        places: decimals to round to; None refuses what does not end.

    Raises:
        ValueError: the spelling measures something else, or the result does not end and `places` is None.

    >>> convert(Decimal("3425"), "mV", Unit.VOLT)
    Decimal('3.425')
    >>> convert(Decimal("298.15"), "K", Unit.CELSIUS)
    Decimal('25')
    """
    if not value.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    known = _READS[unit]
    # micro sign and ohm sign exist twice in Unicode; the table holds the Greek letters
    key = unicodedata.normalize("NFKC", spelling)
    if key not in known:
        raise ValueError(f"expected one of {', '.join(known)}; got the unit {spelling!r}")
    factor, offset = known[key]
    if factor == 1 and offset == 0:
        return value
    exact = Fraction(value) * factor + offset
    with localcontext() as context:
        context.prec = 200
        result = Decimal(exact.numerator) / Decimal(exact.denominator)
        if places is not None:
            return result.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
        if Fraction(result) != exact:
            raise ValueError(
                f"{value} {spelling} in {unit.value} does not end; say to how many places to round"
            )
        return Decimal(format(result.normalize(), "f"))


def split_number(text: str) -> tuple[Decimal, str]:
    """Number and unit of a text such as `102 Ah`; the unit is empty where none is written.

    Raises:
        ValueError: the text does not begin with a plain number; a decimal comma is named.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a number, optionally with its unit; got {text!r}")
    if match[2].startswith((",", "'", "_")) or re.match(r"[0-9.]", match[2]):
        raise ValueError(f"expected a point as decimal mark and no grouping, got {text!r}")
    return Decimal(match[1]), match[2]
