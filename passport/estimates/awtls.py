"""Approximate weighted total least squares: capacity from charges whose SoC change is itself doubtful.

Plain least squares takes the SoC change for exact and comes out too small. Here both axes are doubted. Six
sums are all that is kept; they fade, and two sets of sums merge.

It removes the bias of *random* errors of SoC. A reference that is wrong in the same way every time, such as
the open-circuit curve of a fresh cell under an aged one, passes straight through: the standard deviation here
is never published as an interval.

Source: G. L. Plett, Recursive approximate weighted total least squares estimation of battery cell total
capacity, J. Power Sources 196 (2011) 2319.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, isfinite, sqrt

import numpy as np


@dataclass(frozen=True)
class Sums:
    """Six sums and the clock they have faded to.

    Attributes:
        c: the sums.
        k: scale between the axes, the doubt in SoC change by the doubt in charge.
        clock: equivalent full cycles.
        count: how many pairs went in.
    """

    k: float
    c: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    clock: float = 0.0
    count: int = 0

    def faded(self, clock: float, forgetting: float) -> "Sums":
        """The sums as of a later clock."""
        share = exp(-forgetting * max(0.0, clock - self.clock))
        return Sums(self.k, _six(one * share for one in self.c), max(clock, self.clock), self.count)

    def add(
        self, x: float, y: float, *, sd_x: float, sd_y: float, clock: float, forgetting: float = 0.0
    ) -> "Sums":
        """With one more pair: SoC change x and charge y, each with its standard deviation."""
        old = self.faded(clock, forgetting)
        scaled, vy, vx = self.k * y, (self.k * sd_y) ** 2, sd_x**2
        new = (x * x / vy, x * scaled / vy, scaled**2 / vy, x * x / vx, x * scaled / vx, scaled**2 / vx)
        return Sums(self.k, _six(a + b for a, b in zip(old.c, new, strict=True)), old.clock, self.count + 1)

    def merged(self, other: "Sums", forgetting: float = 0.0) -> "Sums":
        """Both, as of the later clock."""
        clock = max(self.clock, other.clock)
        one, two = self.faded(clock, forgetting), other.faded(clock, forgetting)
        both = _six(a + b for a, b in zip(one.c, two.c, strict=True))
        return Sums(self.k, both, clock, self.count + other.count)


def solve(sums: Sums) -> tuple[float, float] | None:
    """Capacity and its nominal standard deviation; None when nothing fits."""
    c1, c2, c3, c4, c5, c6 = sums.c
    if sums.count == 0:
        return None
    roots = np.roots([c5, 2 * c4 - c1 - c6, 3 * (c2 - c5), c1 - 2 * c3 + c6, -c2])
    real = sorted(float(root.real) for root in roots if abs(root.imag) < 1e-9 * max(1.0, abs(root.real)))
    fits = [(_cost(sums, q), q) for q in real if q > 0]
    if not fits:
        return None
    q = min(fits)[1]
    curvature = (
        2
        / (q * q + 1) ** 4
        * (
            -2 * c5 * q**5
            + (3 * c1 - 6 * c4 + 3 * c6) * q**4
            + (16 * c5 - 12 * c2) * q**3
            + (10 * c3 + 6 * c4 - 8 * c1 - 8 * c6) * q**2
            + (12 * c2 - 8 * c5) * q
            + (c1 - 2 * c3 + c6)
        )
    )
    # What is left of the rounding stands for an exact fit.
    if not isfinite(curvature) or curvature <= 0:
        return None
    return q / sums.k, sqrt(2 / curvature) / sums.k


def _cost(sums: Sums, q: float) -> float:
    c1, c2, c3, c4, c5, c6 = sums.c
    return (c4 * q**4 - 2 * c5 * q**3 + (c1 + c6) * q**2 - 2 * c2 * q + c3) / (q * q + 1) ** 2


def _six(values: Iterable[float]) -> tuple[float, float, float, float, float, float]:
    one, two, three, four, five, six = values
    return one, two, three, four, five, six
