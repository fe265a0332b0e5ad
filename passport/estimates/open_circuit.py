"""Open-circuit voltage of one cell over its charge, coarsely: what a resistance and a slope are put beside.

These are usual curves of a fresh cell, good to some tens of mV; an aged cell's middle lies elsewhere. They
serve where an interval takes that in, and never to tell a state of charge from a voltage.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

# State of charge in percent and mV, ascending.
_LAYERED: Final = (
    *((0, 3000), (5, 3320), (10, 3430), (20, 3540), (30, 3600), (40, 3640), (50, 3690), (60, 3780)),
    *((70, 3880), (80, 3980), (90, 4080), (100, 4190)),
)
_MANGANESE: Final = (
    (0, 3000),
    (5, 3520),
    (10, 3700),
    (20, 3810),
    (50, 3950),
    (80, 4050),
    (90, 4100),
    (100, 4190),
)
_PHOSPHATE: Final = (
    *((0, 2600), (5, 3050), (10, 3200), (20, 3260), (30, 3290), (40, 3300), (60, 3310), (70, 3330)),
    *((90, 3340), (95, 3345), (100, 3420)),
)
CURVES: Final[Mapping[str, tuple[tuple[int, int], ...]]] = MappingProxyType(
    {
        "Li-ion NMC": _LAYERED,
        "Li-ion NCA": _LAYERED,
        "Li-ion LCO": _LAYERED,
        "Li-ion LMO": _MANGANESE,
        "Li-ion LFP": _PHOSPHATE,
    }
)
STEEP: Final = 5.0  # mV for each percent; below, a voltage tells no charge
UNSURE_MV: Final = 40  # of a curve, nine times in ten


def voltage_at(chemistry: str | None, percent: float) -> float | None:
    """Voltage in mV at a state of charge; None where no curve is known."""
    curve = CURVES.get(chemistry or "")
    if curve is None:
        return None
    for (low, low_mv), (high, high_mv) in pairwise(curve):
        if low <= percent <= high:
            return low_mv + (high_mv - low_mv) * (percent - low) / (high - low)
    return None


def slope_at(chemistry: str | None, mv: float) -> float | None:
    """Change in mV for each percent of charge at a voltage; None without a curve, or beyond its ends."""
    curve = CURVES.get(chemistry or "")
    if curve is None:
        return None
    for (low, low_mv), (high, high_mv) in pairwise(curve):
        if low_mv <= mv <= high_mv:
            return (high_mv - low_mv) / (high - low)
    return None
