"""A simulated cell that ages as cells do: two electrodes whose windows shift against each other.

It is the truth against which estimates are measured, so it shares nothing with them: no curve, no ageing
law. What a cell can hold is what its electrodes can exchange between two voltages. Loss of lithium slides
one electrode along the other, loss of active material shortens one; the voltage of the whole changes its
shape with both, and its resistance grows.

Charge is counted in units of what the new cell holds between its limits of voltage; how much that is of the
rated capacity is the maker's word (`Make.capacity`).

The bounds of `passport.estimates` come from other fits of graphite and LFP; of NMC811 there is one fit, and
it stands in both places, with another negative electrode here.

Source: graphite and NMC532: Mohtat et al., J. Electrochem. Soc. 167 (2020) 110561; NMC811: Chen et al., J.
Electrochem. Soc. 167 (2020) 080534; LFP: Afshar, Morris and Khajepour, arXiv 1709.03970 (2017).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Potential = Callable[[Float], Float]

REFERENCE_RATE: Final = 1 / 3  # of the reference test, in units of the rated capacity per hour
TAPER_RATE: Final = 1 / 20  # at which a full charge ends
_GRID: Final = 1500
_BEYOND: Final = 0.03  # of the window, that the curve is known beyond both of its ends
_KELVIN: Final = 273.15


def _graphite(x: Float) -> Float:
    out: Float = 0.063 + 0.8 * np.exp(-75 * (x + 0.001))
    for height, middle, width in (
        (0.0120, 0.127, 0.016),
        (0.0118, 0.155, 0.016),
        (0.0035, 0.220, 0.020),
        (0.0095, 0.190, 0.013),
        (0.0145, 0.490, 0.020),
        (0.0800, 1.030, 0.055),
    ):
        out = out - height * np.tanh((x - middle) / width)
    return out


def _nmc811(y: Float) -> Float:
    out: Float = (
        4.4875
        - 0.8090 * y
        - 0.0428 * np.tanh(18.5138 * (y - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (y - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (y - 0.3120))
    )
    return out


def _nmc532(y: Float) -> Float:
    out: Float = (
        np.polyval((-2.2166, 3.5146, -2.0843, 1.6225, -1.6518, 4.3452), y)
        - 0.5623e-4 * np.exp(109.451 * y - 100.006)
    ).astype(np.float64)
    return out


def _lfp(y: Float) -> Float:
    out: Float = 3.4077 - 0.020269 * y + 0.5 * np.exp(-150 * y) - 0.9 * np.exp(-30 * (1 - y))
    return out


@dataclass(frozen=True)
class Make:
    """A kind of cell, as its maker builds it.

    Resistances are ohm times the rated ampere-hours, at 25 degC.

    Attributes:
        name: as a report calls it.
        chemistry: word of the attribute `battery_chemistry`.
        negative, positive: potential of each electrode against lithium, by its filling.
        negative_full, negative_empty: filling of the negative electrode of a new full and empty cell.
        positive_range: between which the positive electrode's filling is looked for.
        minimum_v, maximum_v: limits of use.
        capacity: what a new cell holds, as a share of its rated capacity.
        ohmic, slow: resistance at once, and what is added with `slow_s`.
        slow_s: time constant of the slow part.
        activation_k: how fast resistance grows in the cold (exponent over 1/T).
        hysteresis_v: half the distance between the curves of charge and discharge at rest.
    """

    name: str
    chemistry: str
    negative: Potential
    positive: Potential
    negative_full: float
    negative_empty: float
    positive_range: tuple[float, float]
    minimum_v: float
    maximum_v: float
    capacity: float
    ohmic: float
    slow: float
    slow_s: float
    activation_k: float
    hysteresis_v: float


NMC811: Final = Make(
    "NMC811",
    "Li-ion NMC",
    _graphite,
    _nmc811,
    0.8321,
    0.0040,
    (0.2, 0.97),
    2.8,
    4.2,
    1.03,
    0.055,
    0.05,
    400.0,
    2800.0,
    0.004,
)
NMC532: Final = Make(
    "NMC532",
    "Li-ion NMC",
    _graphite,
    _nmc532,
    0.8321,
    0.0040,
    (0.02, 0.97),
    3.0,
    4.2,
    1.0,
    0.05,
    0.04,
    300.0,
    3000.0,
    0.003,
)
LFP: Final = Make(
    "LFP",
    "Li-ion LFP",
    _graphite,
    _lfp,
    0.8321,
    0.0040,
    (0.0005, 0.995),
    2.5,
    3.65,
    1.02,
    0.04,
    0.03,
    500.0,
    3200.0,
    0.008,
)
MAKES: Final = (NMC811, NMC532, LFP)


@dataclass(frozen=True)
class Ageing:
    """What a cell has lost, as shares.

    Attributes:
        lithium: of the new cell's capacity, bound for good.
        negative, positive: of each electrode's material.
        resistance: by which resistance has grown; 0.3 is 30 % more.
    """

    lithium: float = 0.0
    negative: float = 0.0
    positive: float = 0.0
    resistance: float = 0.0

    def times(self, factor: float) -> "Ageing":
        """The same mixture, more or less of it."""
        return Ageing(
            self.lithium * factor, self.negative * factor, self.positive * factor, self.resistance * factor
        )


NEW: Final = Ageing()


@dataclass(frozen=True)
class Cell:
    """One aged cell: its voltage at rest over the charge in its negative electrode.

    Attributes:
        low, high: charge at the first and last point of `voltage`.
        voltage: at evenly spaced points, ascending.
        empty, full: charge where the voltage at rest is the lower and the upper limit.
    """

    low: float
    high: float
    voltage: Float
    empty: float
    full: float

    def charge_at(self, volts: float) -> float:
        """Charge at which the voltage at rest is `volts`."""
        grid = np.linspace(self.low, self.high, len(self.voltage))
        return float(np.interp(volts, self.voltage, grid))


@cache
def _new_electrodes(make: Make) -> tuple[float, float, float]:
    """Size of the negative and the positive electrode, and the lithium between them, of a new cell."""
    y = np.linspace(*make.positive_range, 20_001)
    potential = make.positive(y)  # falls as the electrode fills
    ends = np.array([make.negative_full, make.negative_empty])
    wanted = np.array([make.maximum_v, make.minimum_v]) + make.negative(ends)
    full, empty = np.interp(-wanted, -potential, y)
    negative = 1 / (make.negative_full - make.negative_empty)
    positive = float(1 / (empty - full))
    return negative, positive, float(make.negative_full * negative + full * positive)


def aged(make: Make, ageing: Ageing) -> Cell:
    """The cell after its losses."""
    negative, positive, lithium = _new_electrodes(make)
    negative *= 1 - ageing.negative
    positive *= 1 - ageing.positive
    lithium -= ageing.lithium
    # The charge in the negative electrode can be no more than both electrodes allow.
    least = max(0.0, lithium - positive * make.positive_range[1])
    most = min(negative * 0.995, lithium - positive * make.positive_range[0])
    charge = np.linspace(least, most, 4 * _GRID)
    voltage = _ascending(make.positive((lithium - charge) / positive) - make.negative(charge / negative))
    empty = float(np.interp(make.minimum_v, voltage, charge))
    full = float(np.interp(make.maximum_v, voltage, charge))
    beyond = _BEYOND * (full - empty)
    low, high = max(least, empty - beyond), min(most, full + beyond)
    points = np.linspace(low, high, _GRID)
    curve = _ascending(make.positive((lithium - points) / positive) - make.negative(points / negative))
    return Cell(low, high, curve, empty, full)


def _ascending(voltage: Float) -> Float:
    """The curve, made strictly ascending where a fit of the literature runs flat or back."""
    out: Float = np.maximum.accumulate(voltage) + 1e-9 * np.arange(len(voltage))
    return out


def reference_window(make: Make, cell: Cell, resistance: float) -> tuple[float, float]:
    """Charge at the end and at the beginning of the reference test: empty and full, at 25 degC.

    A full charge ends as the current has tapered to C/20 at the upper limit; C/3 then ends at the lower one.

    Args:
        make: kind of cell.
        cell: the cell.
        resistance: growth of resistance, as a share.
    """
    whole = (make.ohmic + make.slow) * (1 + resistance)
    full = cell.charge_at(make.maximum_v - make.hysteresis_v - TAPER_RATE * whole)
    empty = cell.charge_at(make.minimum_v + make.hysteresis_v + REFERENCE_RATE * whole)
    return empty, full


def health(make: Make, ageing: Ageing) -> float:
    """What the reference test gives, as a share of the rated capacity."""
    empty, full = reference_window(make, aged(make, ageing), ageing.resistance)
    new_empty, new_full = reference_window(make, aged(make, NEW), 0.0)
    return (full - empty) / (new_full - new_empty) * make.capacity


def ageing_for(make: Make, mixture: Ageing, wanted: float) -> Ageing:
    """As much of a mixture as brings a cell to this health; nothing where a new cell has no more."""
    low, high = 0.0, 1.0
    while health(make, mixture.times(high)) > wanted and high < 64:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        if health(make, mixture.times(middle)) > wanted:
            low = middle
        else:
            high = middle
    return mixture.times(low)


def colder(activation_k: float, temperature_degc: float) -> float:
    """How many times its resistance at 25 degC a cell has at this temperature."""
    return float(np.exp(activation_k * (1 / (temperature_degc + _KELVIN) - 1 / (25 + _KELVIN))))
