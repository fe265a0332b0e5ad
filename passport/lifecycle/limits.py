"""Where an event begins, by chemistry, and what a battery's own declaration makes of it.

The table is the fallback: a limit that is declared of the battery wins. A chemistry that is not in the table
has no limit here, and what would be judged by it is not determinable; it is never nought. Cell voltages in
mV, temperatures in tenths of a degree.

Source: engineering defaults after common cell datasheets; the mechanisms (plating below 0 °C, copper
dissolution on deep over-discharge, oxidation on over-charge, dissolution of manganese when stored hot) are
literature, the figures are not. None is a limit of the law.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from passport.lifecycle.basis import Basis


@dataclass(frozen=True)
class ChemistryLimits:
    """What one chemistry bears; None where no figure is agreed upon.

    Attributes:
        low, low_severe: a cell below this is deeply discharged; below the second one, damaged by it.
        reject, reject_for_a_day: a cell that was below this without load is not used again; the second one
            when it stayed there for more than 24 hours.
        high, high_severe: a cell above this is overcharged; above the second one, dangerously.
        charge_cold, charge_cold_severe, charge_hot, charge_hot_severe: bounds of temperature while charging.
        use_cold, use_hot: bounds of temperature in any use.
        store_hot, store_hot_severe: bounds of temperature at rest.
        spread: a difference between rested cells beyond this is imbalance.
    """

    low: int | None = None
    low_severe: int | None = None
    reject: int | None = None
    reject_for_a_day: int | None = None
    high: int | None = None
    high_severe: int | None = None
    charge_cold: int | None = None
    charge_cold_severe: int | None = None
    charge_hot: int | None = None
    charge_hot_severe: int | None = None
    use_cold: int | None = None
    use_hot: int | None = None
    store_hot: int | None = None
    store_hot_severe: int | None = None
    spread: int | None = None


NOTHING_KNOWN: Final = ChemistryLimits()
_LAYERED_OXIDE: Final = ChemistryLimits(
    low=2500,
    low_severe=2000,
    reject=1500,
    reject_for_a_day=2000,
    high=4250,
    high_severe=4350,
    charge_cold=0,
    charge_cold_severe=-100,
    charge_hot=450,
    charge_hot_severe=550,
    use_cold=-200,
    use_hot=600,
    store_hot=450,
    store_hot_severe=600,
    spread=50,
)

# Keyed by the words of the attribute `battery_chemistry`. Lithium metal, nickel-cadmium and "other" (titanate
# among them) have no row: their limits lie too far apart.
CHEMISTRIES: Final[Mapping[str, ChemistryLimits]] = MappingProxyType(
    {
        "Li-ion NMC": _LAYERED_OXIDE,
        "Li-ion NCA": _LAYERED_OXIDE,
        "Li-ion LCO": replace(_LAYERED_OXIDE, low=2750, store_hot_severe=None),
        "Li-ion LMO": replace(
            _LAYERED_OXIDE, charge_hot_severe=500, use_hot=550, store_hot=400, store_hot_severe=None
        ),
        "Li-ion LFP": replace(
            _LAYERED_OXIDE,
            low=2000,
            low_severe=1500,
            reject=1000,
            reject_for_a_day=1500,
            high=3700,
            high_severe=4000,
            charge_hot_severe=600,
            spread=30,
        ),
        "Na-ion": ChemistryLimits(
            low=1500,
            low_severe=1000,
            high=4050,
            high_severe=4150,
            charge_cold=-100,
            charge_cold_severe=-200,
            charge_hot=450,
            charge_hot_severe=600,
            use_cold=-300,
            use_hot=600,
            store_hot=500,
        ),
        "Ni-MH": ChemistryLimits(
            low=900,
            low_severe=500,
            high=1600,
            high_severe=1750,
            charge_cold=0,
            charge_hot=450,
            charge_hot_severe=550,
            use_cold=-200,
            use_hot=600,
            store_hot=450,
        ),
        "Pb": ChemistryLimits(
            low=1750,
            low_severe=1500,
            high=2500,
            high_severe=2650,
            charge_cold=-100,
            charge_hot=450,
            charge_hot_severe=550,
            use_cold=-300,
            use_hot=550,
            store_hot=400,
        ),
    }
)

THERMAL_ABUSE: Final = 800  # any cell or module of any chemistry, ever
INSULATION_PASS: Final = 500  # ohm per volt
INSULATION_FAIL: Final = 100
STORED_FULL: Final = 800  # tenths of a percent
STORED_WARM: Final = 300
STEEP_BELOW: Final = 100  # tenths of a percent: where the voltage tells cells apart
STEEP_ABOVE: Final = 950


@dataclass(frozen=True)
class Limits:
    """The limits of one battery in the state's units; None: not determinable.

    Attributes:
        low, low_severe, high, high_severe: of one cell, mV.
        charge_cold, charge_hot, idle_cold, idle_hot, use_hot: tenths of a degree; `thermal_abuse` likewise.
        bound_cold, bound_hot: the declared idle range alone, by which the law's clocks run.
        power: the maximum permitted power, W.
        spread: between rested cells, mV.
        insulation: ohms.
        stored_full: tenths of a percent.
        rated_mah: rated capacity; with it, `slow_ma` (a fiftieth of it an hour) parts charging from rest,
            and `gentle_ma` (a tenth) voltage without load from voltage under load.
        in_series: cells in series.
        cell_uohm: declared resistance of the battery by its cells in series, micro-ohm.
    """

    low: int | None = None
    low_severe: int | None = None
    high: int | None = None
    high_severe: int | None = None
    charge_cold: int | None = None
    charge_hot: int | None = None
    idle_cold: int | None = None
    idle_hot: int | None = None
    use_hot: int | None = None
    thermal_abuse: int | None = THERMAL_ABUSE - 1  # an event holds beyond its limit, and this one at 80
    bound_cold: int | None = None
    bound_hot: int | None = None
    power: int | None = None
    spread: int | None = None
    insulation: int | None = None
    stored_full: int | None = STORED_FULL
    rated_mah: int | None = None
    in_series: int | None = None
    cell_uohm: int | None = None

    @property
    def slow_ma(self) -> int | None:
        """Below this a battery rests; None without a rated capacity."""
        return None if self.rated_mah is None else max(self.rated_mah // 50, 1)

    @property
    def gentle_ma(self) -> int | None:
        """Up to this a cell's voltage is taken for its voltage without load; None likewise."""
        return None if self.rated_mah is None else max(self.rated_mah // 10, 1)


@lru_cache(maxsize=4096)
def limits_of(basis: Basis) -> Limits:
    """The limits that hold for a battery: the declared ones, else its chemistry's."""
    own = CHEMISTRIES.get(basis.chemistry or "", NOTHING_KNOWN)
    rated = basis.rated_mah if basis.rated_mah and basis.rated_mah > 0 else None
    series = basis.in_series if basis.in_series and basis.in_series > 0 else None
    pack = basis.maximum_mv
    return Limits(
        low=_first(basis.cell_minimum_mv, own.low),
        low_severe=own.low_severe,
        high=_first(basis.cell_maximum_mv, own.high),
        high_severe=own.high_severe,
        charge_cold=own.charge_cold,
        charge_hot=own.charge_hot,
        idle_cold=_first(basis.idle_coldest, own.use_cold),
        idle_hot=_first(basis.idle_hottest, own.store_hot),
        use_hot=own.use_hot,
        bound_cold=basis.idle_coldest,
        bound_hot=basis.idle_hottest,
        power=basis.maximum_w or None,
        spread=own.spread,
        insulation=None if not pack else INSULATION_PASS * pack // 1000,
        rated_mah=rated,
        in_series=series,
        cell_uohm=None if not basis.pack_uohm or series is None else basis.pack_uohm // series,
    )


def _first(declared: int | None, fallback: int | None) -> int | None:
    return declared if declared is not None else fallback
