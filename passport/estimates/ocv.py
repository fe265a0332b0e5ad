"""Steep ends of the open-circuit voltage: how empty or how full a cell is, at least and at most.

Only the ends are here. In the middle the curve of an aged cell is not that of a fresh one, and an LFP cell
says nothing there at all.

The bounds come from published half-cell potentials, put together for a fresh cell and for cells that lost a
third of their lithium; the wider of what they give is taken. Retired cells that were measured widened them:
28 of LFP hold 5 to 7 percent at 3.16 to 3.2 V, less than the fits say, and 47 of LMO from hybrid cars, whose
negative electrode is no plain graphite, hold 5 to 18 percent at 2.8 to 3.2 V, far more.

Source: NMC 811 and graphite with silicon, Chen et al., J. Electrochem. Soc. 167 (2020) 080534; LFP and
graphite, Safari and Delacourt, J. Electrochem. Soc. 158 (2011) A562; LCO, Doyle's thesis as in Dualfoil
(1998), with the graphite of Chen et al. and of Dualfoil; LMO, Doyle et al., J. Electrochem. Soc. 143 (1996)
1890, with the same two. NCA is taken as NMC; no fit of its own was found that gives back its measurements.
NMC with other graphites, Dualfoil's and Safari and Delacourt's. Retired cells: Tao et al., Nat. Commun.
(2024), PulseBat, half of the batteries.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from passport.lifecycle.basis import Basis

Points = tuple[tuple[int, float, float], ...]


@dataclass(frozen=True)
class Ends:
    """What is known of both ends of one chemistry.

    Attributes:
        empty: (mV, least and most SoC in percent), ascending; above the last point nothing is said.
        base_mv: the voltage at which the curve is taken for empty.
        full_mv_per_point: slope below the maximum, the flattest published; None where the end is a cliff.
        full_mv: where the end is a cliff, a cell at or above this is within `full_points` of full.
        full_points: see there.
        sure_end_mv: a charge at up to the rated current that ends so far below the maximum is complete within
            one percent.
        tapers: whether a charge without falling current at the maximum leaves much out.
        drained_mv: a cell under load at or below this is empty within one percent.
        rest_s: how long it rests until its voltage is taken for open-circuit.
    """

    empty: Points
    base_mv: int
    full_mv_per_point: float | None
    full_mv: int
    full_points: float
    sure_end_mv: int
    tapers: bool
    drained_mv: int
    rest_s: int

    def soc_at_low_end(self, mv: int, minimum_mv: int | None) -> tuple[float, float] | None:
        """Least and most SoC in percent of a cell at rest; None above the steep end."""
        points = self.empty
        if mv > points[-1][0]:
            return None
        least, most = _between(points, mv)
        if minimum_mv is not None and minimum_mv > self.base_mv:
            # Empty is where the maker says so: what lies below does not count.
            below_least, below_most = _between(points, min(minimum_mv, points[-1][0]))
            least, most = max(least - below_most, 0.0), max(most - below_least, 0.0)
        return least, most

    def missing_at_high_end(self, mv: float, maximum_mv: int) -> tuple[float, float] | None:
        """Least and most that a cell at rest misses to full, percent; None where its voltage cannot tell.

        A cell that was just charged full rests up to 30 mV below the maximum.
        """
        if self.full_mv_per_point is None:
            return (0.0, self.full_points) if mv >= self.full_mv else None
        gap = max(0.0, maximum_mv - mv)
        return max(0.0, gap - _RELAXED_MV) / _STEEPEST_MV_PER_POINT, gap / self.full_mv_per_point


_RELAXED_MV: Final = 30
_STEEPEST_MV_PER_POINT: Final = 16.0


def _between(points: Points, mv: int) -> tuple[float, float]:
    if mv <= points[0][0]:
        return 0.0, points[0][2]
    where = min(bisect_right(points, mv, key=lambda point: point[0]), len(points) - 1)
    (low_mv, low_least, low_most), (high_mv, high_least, high_most) = points[where - 1], points[where]
    part = (mv - low_mv) / (high_mv - low_mv)
    return low_least + part * (high_least - low_least), low_most + part * (high_most - low_most)


_NMC: Final = Ends(
    empty=(
        (2800, 0.0, 1.7),
        (2900, 0.0, 2.6),
        (3000, 0.3, 3.7),
        (3100, 1.0, 5.5),
        (3150, 1.4, 6.8),
        (3200, 1.7, 8.2),
        (3250, 2.1, 9.7),
        (3300, 2.7, 11.1),
        (3350, 3.5, 12.7),
    ),
    base_mv=2500,
    full_mv_per_point=10.0,
    full_mv=0,
    full_points=0.0,
    sure_end_mv=15,
    tapers=True,
    drained_mv=2800,
    rest_s=1800,
)
_LCO: Final = Ends(
    empty=(
        (2800, 0.0, 0.8),
        (3000, 0.3, 1.6),
        (3200, 0.8, 2.7),
        (3300, 1.5, 3.5),
        (3400, 2.3, 4.8),
        (3500, 3.7, 6.9),
        (3550, 4.9, 8.3),
        (3600, 8.4, 10.5),
    ),
    base_mv=2500,
    full_mv_per_point=7.0,
    full_mv=0,
    full_points=0.0,
    sure_end_mv=15,
    tapers=True,
    drained_mv=2800,
    rest_s=1800,
)
_LMO: Final = Ends(
    empty=(
        (2600, 0.0, 3.0),
        (2700, 0.0, 4.5),
        (2800, 0.0, 6.5),
        (2900, 0.1, 9.0),
        (3000, 0.3, 12.5),
    ),
    base_mv=2500,
    full_mv_per_point=5.0,
    full_mv=0,
    full_points=0.0,
    sure_end_mv=15,
    tapers=True,
    drained_mv=2600,
    rest_s=1800,
)
_LFP: Final = Ends(
    empty=(
        (2800, 0.0, 1.0),
        (2900, 0.8, 1.8),
        (2950, 1.5, 2.5),
        (3000, 2.3, 3.4),
        (3050, 3.2, 4.8),
        (3100, 3.6, 6.6),
        (3150, 4.7, 9.1),
        (3200, 6.4, 13.6),
    ),
    base_mv=2500,
    full_mv_per_point=None,
    full_mv=3400,
    full_points=3.0,
    sure_end_mv=60,
    tapers=False,
    drained_mv=2600,
    rest_s=7200,
)
ENDS: Final[Mapping[str, Ends]] = MappingProxyType(
    {
        "Li-ion NMC": _NMC,
        "Li-ion NCA": _NMC,
        "Li-ion LCO": _LCO,
        "Li-ion LMO": _LMO,
        "Li-ion LFP": _LFP,
    }
)
# Of a lithium-ion cell of unnamed chemistry its maximum voltage tells the kind of curve; the least steep
# bounds of that kind are then taken.
_UNNAMED_OXIDE: Final = Ends(
    empty=_LMO.empty,
    base_mv=2500,
    full_mv_per_point=5.0,
    full_mv=0,
    full_points=0.0,
    sure_end_mv=15,
    tapers=True,
    drained_mv=2800,
    rest_s=1800,
)


def ends_of(basis: Basis) -> Ends | None:
    """The ends of a battery's cells; None where nothing is published, as of sodium or lead."""
    if (known := ENDS.get(basis.chemistry or "")) is not None:
        return known
    if basis.chemistry not in {None, "other"} or basis.cell_maximum_mv is None:
        return None
    if 4100 <= basis.cell_maximum_mv <= 4500:
        return _UNNAMED_OXIDE
    return _LFP if 3500 <= basis.cell_maximum_mv <= 3800 else None
