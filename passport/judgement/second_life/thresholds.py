"""The bars of the gates as data: at which cell voltage a chemistry is damaged, how much history is enough.

Source: figures of cells stand in `passport.lifecycle.limits`, by which events are counted, with their source;
the others are engineering defaults. None is a limit of the law.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from passport.lifecycle import limits

SOURCE: Final = "engineering default after common cell datasheets"


@dataclass(frozen=True)
class VoltageLimits:
    """Cell voltages in volts.

    Attributes:
        reject_below: a rested cell below this is not used again.
        reject_below_for_a_day: likewise, when it stayed there for more than 24 hours.
        severe_above: a cell above this for more than 60 s is not used again.
    """

    reject_below: Decimal
    reject_below_for_a_day: Decimal
    severe_above: Decimal


def _limits() -> Mapping[str, VoltageLimits]:
    return MappingProxyType(
        {
            name: VoltageLimits(_milli(own.reject), _milli(own.reject_for_a_day), _milli(own.high_severe))
            for name, own in limits.CHEMISTRIES.items()
            if own.reject is not None and own.reject_for_a_day is not None and own.high_severe is not None
        }
    )


def _milli(value: int) -> Decimal:
    return Decimal(value).scaleb(-3)


# Keyed by the words of the attribute `battery_chemistry`. A chemistry that is not here has no such limit
# (sodium-ion stands 0 V) or none that is agreed upon; its gates stay unknown.
LIMITS: Final[Mapping[str, VoltageLimits]] = _limits()

THERMAL_ABUSE: Final = Decimal(limits.THERMAL_ABUSE) / 10  # degC, any cell or module, ever
COVERAGE_FOR_EXTREMES: Final = Decimal("0.95")  # share of days in service whose extremes are known
COVERAGE_FOR_HISTORY: Final = Decimal("0.90")
SEVERE_SECONDS: Final = Decimal(60)
A_DAY_SECONDS: Final = Decimal(86_400)
INSULATION_PASS: Final = Decimal(limits.INSULATION_PASS)  # ohm per volt
INSULATION_FAIL: Final = Decimal(limits.INSULATION_FAIL)
INSULATION_AGE_DAYS: Final = 90
CAPACITY_AGE_DAYS: Final = 180
DRIFT_PASS: Final = Decimal(3)  # times the median of the fleet
DRIFT_FAIL: Final = Decimal(10)
SELF_DISCHARGE_PASS: Final = Decimal(5)  # percent per month
SELF_DISCHARGE_FAIL: Final = Decimal(10)
LAST_WORD_DAYS: Final = 30  # a BMS that was silent for longer is not known to respond
