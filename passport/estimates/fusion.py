"""One capacity out of many measurements: a local linear trend over equivalent full cycles.

State: capacity and its change by cycle. The axis is cycles, not days, so that a fast cycler and a home
storage are filtered alike. A complete session that is fresh decides almost alone: what the filter adds is
memory of the trend, and a gate against sessions that do not fit.

Everything is in percent of the rated capacity (of the first capacity where none is declared).

A measurement that lies more than three standard deviations off is put aside. When three in a row lie off on
the same side, the battery has changed and not the measurement: the gate opens and `capacity_step` is told.

Sessions in the cold are a series of their own: their loss is temperature. They speak only while there is
nothing else, and never of health.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Final

from passport.estimates import awtls
from passport.estimates.capacity import Measurement, Refusal
from passport.estimates.estimate import EvidenceClass

METHOD: Final = "cap.trend.v1"

FLOOR: Final = 1.0  # no session counts as surer than this
_WANDER: Final = 1.5  # standard deviation by which capacity differs from session to session or by cycle
_TREND: Final = 0.1  # of the change by cycle, at first
_TREND_WANDER: Final = 0.01
_GATE: Final = 3.0
_IN_A_ROW: Final = 3
_FORGETTING: Final = 0.01  # by cycle, of partial charges: half is gone after 70 cycles
_GROWTH_PER_CYCLE: Final = 0.05  # percent by which doubt grows with each cycle that is not measured
GROWTH_PER_DAY: Final = 0.01


@dataclass(frozen=True)
class Fused:
    """The capacity after the last accepted measurement.

    Attributes:
        capacity: percent of `unit`.
        unit: Ah that are 100 percent.
        sd: standard deviation, percent, of noise and bias together.
        trend: change by cycle, percent.
        newest: the last accepted measurement.
        best: class of the strongest evidence among the newest ones.
        accepted, put_aside: how many measurements counted.
        stepped: a change that reopened the gate.
        first: the first accepted capacity, percent.
        cold: all of it was measured in the cold.
        temperature: mean of the accepted measurements; None where none was read.
    """

    capacity: float
    unit: float
    sd: float
    trend: float
    newest: Measurement
    best: EvidenceClass
    accepted: int
    put_aside: int
    stepped: bool
    first: float
    cold: bool
    temperature: float | None


@dataclass
class _State:
    """Mean and covariance of capacity and trend."""

    level: float
    trend: float
    p_level: float
    p_cross: float
    p_trend: float

    def predicted(self, cycles: float) -> "_State":
        """After so many cycles more."""
        step = max(cycles, 0.0)
        noise = _WANDER**2 * max(step, 1.0)
        return _State(
            self.level + self.trend * step,
            self.trend,
            self.p_level + 2 * step * self.p_cross + step * step * self.p_trend + noise,
            self.p_cross + step * self.p_trend,
            self.p_trend + _TREND_WANDER**2 * max(step, 1.0),
        )

    def corrected(self, off: float, variance: float) -> "_State":
        """With a measurement that lies `off` the prediction."""
        total = self.p_level + variance
        gain, gain_trend = self.p_level / total, self.p_cross / total
        return _State(
            self.level + gain * off,
            self.trend + gain_trend * off,
            (1 - gain) * self.p_level,
            (1 - gain) * self.p_cross,
            self.p_trend - gain_trend * self.p_cross,
        )


def fuse(told: Sequence[Measurement | Refusal], rated: float | None) -> Fused | None:
    """The capacity that a battery's measurements give together; None when there is none.

    Args:
        told: what each session said, in order.
        rated: rated capacity, Ah; None where none is declared.
    """
    measured = [one for one in told if isinstance(one, Measurement)]
    warm = [one for one in measured if not one.cold]
    series = _partial_together(warm or measured)
    if not series:
        return None
    unit = rated or series[0].capacity
    least_bias = min(one.bias for one in series)
    state: _State | None = None
    newest, at = series[0], series[0].cycles
    accepted: list[Measurement] = []
    side, in_a_row, put_aside, stepped = 0, 0, 0, False
    for one in series:
        value = 100 * one.capacity / unit
        # What all share is not noise between them; what one has more than the surest is.
        variance = max(one.noise, FLOOR) ** 2 + (one.bias - least_bias) ** 2
        if state is None:
            state = _State(value, 0.0, variance, 0.0, _TREND**2)
        else:
            ahead = state.predicted(one.cycles - at)
            off = value - ahead.level
            if abs(off) > _GATE * sqrt(ahead.p_level + variance):
                own = 1 if off > 0 else -1
                in_a_row = in_a_row + 1 if own == side else 1
                side, put_aside = own, put_aside + 1
                if in_a_row < _IN_A_ROW:
                    continue
                stepped = True
                state = _State(value, ahead.trend, variance, 0.0, _TREND**2)
            else:
                state = ahead.corrected(off, variance)
        side, in_a_row = 0, 0
        newest, at = one, one.cycles
        accepted.append(one)
    assert state is not None
    degrees = [one.temperature for one in accepted if one.temperature is not None]
    return Fused(
        state.level,
        unit,
        hypot(sqrt(state.p_level), least_bias),
        state.trend,
        newest,
        min((one.evidence for one in accepted[-_IN_A_ROW:]), key=list(EvidenceClass).index),
        len(accepted),
        put_aside,
        stepped,
        100 * accepted[0].capacity / unit,
        not warm,
        sum(degrees) / len(degrees) if degrees else None,
    )


def aged(fused: Fused, *, days: float, cycles: float) -> float:
    """Standard deviation so many days and cycles after the newest measurement, percent; never smaller."""
    grown = hypot(GROWTH_PER_DAY * max(days, 0.0), _GROWTH_PER_CYCLE * max(cycles, 0.0))
    return hypot(fused.sd, grown)


def _partial_together(measured: list[Measurement]) -> list[Measurement]:
    """Class C sessions put together as they come: both of their axes are doubted."""
    found: list[Measurement] = []
    sums: awtls.Sums | None = None
    for one in measured:
        if one.span is None:
            found.append(one)
            continue
        change, sd_change, charge = one.span
        sd_charge = max(0.005 * charge, 1e-6)
        if sums is None:
            sums = awtls.Sums(sd_change / sd_charge, clock=one.cycles)
        sums = sums.add(
            change, charge, sd_x=sd_change, sd_y=sd_charge, clock=one.cycles, forgetting=_FORGETTING
        )
        solved = awtls.solve(sums)
        found.append(one if solved is None else replace(one, capacity=solved[0]))
    return found
