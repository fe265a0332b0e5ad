"""The bars of the gates as data: at which cell voltage a chemistry is damaged, how much history is enough.

Source: practice of published cell datasheets; the mechanisms (copper dissolution on deep over-discharge,
plating and oxidation on over-charge) are literature, the figures are engineering defaults. None is a limit of
the law.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

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


def _limits(reject: str, reject_for_a_day: str, severe: str) -> VoltageLimits:
    return VoltageLimits(Decimal(reject), Decimal(reject_for_a_day), Decimal(severe))


# Keyed by the words of the attribute `battery_chemistry`. A chemistry that is not here has no such limit
# (sodium-ion stands 0 V) or none that is agreed upon; its gates stay unknown.
LIMITS: Final[Mapping[str, VoltageLimits]] = MappingProxyType(
    {
        "Li-ion NMC": _limits("1.50", "2.00", "4.35"),
        "Li-ion NCA": _limits("1.50", "2.00", "4.35"),
        "Li-ion LCO": _limits("1.50", "2.00", "4.35"),
        "Li-ion LMO": _limits("1.50", "2.00", "4.35"),
        "Li-ion LFP": _limits("1.00", "1.50", "4.00"),
    }
)

THERMAL_ABUSE: Final = Decimal(80)  # degC, any cell or module, ever
COVERAGE_FOR_EXTREMES: Final = Decimal("0.95")  # share of days in service whose extremes are known
COVERAGE_FOR_HISTORY: Final = Decimal("0.90")
SEVERE_SECONDS: Final = Decimal(60)
INSULATION_PASS: Final = Decimal(500)  # ohm per volt
INSULATION_FAIL: Final = Decimal(100)
INSULATION_AGE_DAYS: Final = 90
CAPACITY_AGE_DAYS: Final = 180
DRIFT_PASS: Final = Decimal(3)  # times the median of the fleet
DRIFT_FAIL: Final = Decimal(10)
SELF_DISCHARGE_PASS: Final = Decimal(5)  # percent per month
SELF_DISCHARGE_FAIL: Final = Decimal(10)
LAST_WORD_DAYS: Final = 30  # a BMS that was silent for longer is not known to respond
