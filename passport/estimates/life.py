"""How long a battery will last in a stated duty: in tiers, each with a band, or no number at all.

1. A model learned from the operator's own fleet of that model: not built yet.
2. A published ageing model of the chemistry (`life.published.v1`): loss = calendar + cycling, each a power of
   time or cycles whose rate follows from temperature, charge, depth and current. A factor is fitted to what
   this battery has lost, against a prior.
3. What is declared (`life.declared.v1`): cycles and years less those used, whichever runs out first.
4. Otherwise it is not determinable. Without a duty there is no number.

The ageing models and their valid ranges are BLAST-Lite's (NREL, BSD-3), fitted to tests of single cell types.
The battery's cell is another one as a rule, so the band is no narrower than a third of the remaining loss.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import exp, isfinite, log, sqrt, tanh
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from passport.estimates.estimate import NotDeterminable

PUBLISHED: Final = "life.published.v1"
DECLARED: Final = "life.declared.v1"

LONGEST_YEARS: Final = 40.0
_PRIOR_SD: Final = 0.4  # of the logarithm of the factor
_LEAST_SD: Final = log(1.35) / 1.645  # of a cell that is not the tested one
_OUTSIDE: Final = 1.5  # times the spread, outside of the tested range
_INFORMATIVE_LOSS: Final = 0.02
_Z: Final = 1.645  # half of a 90 % interval, in standard deviations
_DAYS: Final = 365.25
_TENTH: Final = Decimal("0.1")
_KELVIN: Final = 273.15

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Duty:
    """How a battery is used.

    Attributes:
        cycles_per_day: equivalent full cycles of the rated capacity.
        depth: of a cycle, 0 to 1.
        mean_charge: over time, 0 to 1.
        celsius: of the cells, over time.
        rate: current by rated capacity and hour.
    """

    cycles_per_day: float
    depth: float
    mean_charge: float
    celsius: float
    rate: float

    def to_wire(self) -> dict[str, str]:
        """Ready for JSON: a figure of life is nothing without it."""
        return {
            "cycles_per_day": f"{self.cycles_per_day:g}",
            "depth": f"{self.depth:g}",
            "mean_charge": f"{self.mean_charge:g}",
            "temperature_celsius": f"{self.celsius:g}",
            "rate_per_hour": f"{self.rate:g}",
        }


@dataclass(frozen=True)
class Past:
    """What the battery has behind it.

    Attributes:
        days: since it was made or put into service; None when neither day is known.
        cycles: equivalent full cycles; None when they were not counted.
        duty: how it was used on average; None when it was not seen.
    """

    days: float | None = None
    cycles: float | None = None
    duty: Duty | None = None


@dataclass(frozen=True)
class Health:
    """Capacity by rated capacity, 0 to 1, with its 90 % interval."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Life:
    """Remaining life in a duty.

    Attributes:
        low, value, high: years, to a tenth; 40 means "40 or more".
        cycles: equivalent full cycles in `value` years.
        threshold: share of rated capacity at which it ends.
        tier: `fleet`, `published` or `declared`.
        method: id with version, and what it is of.
        duty: for which it holds.
        remarks: sentences for whoever reads the figure.
    """

    low: Decimal
    value: Decimal
    high: Decimal
    cycles: int
    threshold: Decimal
    tier: str
    method: str
    duty: Duty
    remarks: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "value": str(self.value),
            "low": str(self.low),
            "high": str(self.high),
            "unit": "a",
            "cycles": self.cycles,
            "threshold": str(self.threshold),
            "tier": self.tier,
            "method": self.method,
            "duty": self.duty.to_wire(),
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class AgeingModel:
    """A published model of one cell type.

    Attributes:
        name: stands in the method id.
        source: where its figures are published.
        calendar: rate of calendar loss by kelvin and mean charge.
        calendar_power: of time, counted in `time_unit_days`.
        cycling: rate of cycling loss by kelvin, depth and current.
        cycling_power: of equivalent full cycles, counted in `cycle_unit`.
        celsius, depth: range in which it was fitted.
        fastest: highest current it was fitted at, by rated capacity and hour.
        first: share of rated capacity at which its cells began.
    """

    name: str
    source: str
    calendar: Callable[[float, float], float]
    calendar_power: float
    cycling: Callable[[float, float, float], float]
    cycling_power: float
    celsius: tuple[float, float]
    depth: tuple[float, float]
    fastest: float
    time_unit_days: float = 1.0
    cycle_unit: float = 1.0
    first: float = 1.0

    def outside(self, duty: Duty) -> tuple[str, ...]:
        """What of a duty lies outside of the range in which the model was fitted, in words."""
        said = []
        if not self.celsius[0] <= duty.celsius <= self.celsius[1]:
            said.append(f"{duty.celsius:g} °C (tested {self.celsius[0]:g} to {self.celsius[1]:g})")
        if not self.depth[0] <= duty.depth <= self.depth[1]:
            said.append(f"depth {duty.depth:g} (tested {self.depth[0]:g} to {self.depth[1]:g})")
        if duty.rate > self.fastest:
            said.append(f"current {duty.rate:g}/h (tested up to {self.fastest:g})")
        return tuple(said)

    def rates(self, duty: Duty) -> tuple[float, float]:
        """Of calendar and of cycling loss in a duty."""
        return _rates(self, duty)

    def losses(
        self,
        duty: Duty,
        days: float,
        cycles: float,
        *,
        factor: float = 1.0,
        before: tuple[float, float] = (0.0, 0.0),
    ) -> tuple[float, float]:
        """Calendar and cycling loss after so many days and cycles of a duty, on top of those before."""
        by_time, by_cycle = self.rates(duty)
        rates = (
            (factor * by_time, days / self.time_unit_days, self.calendar_power),
            (factor * by_cycle, cycles / self.cycle_unit, self.cycling_power),
        )
        calendar, cycling = (
            _grown(lost, rate, amount, power)
            for lost, (rate, amount, power) in zip(before, rates, strict=True)
        )
        return calendar, cycling


@lru_cache(maxsize=1024)
def _rates(model: AgeingModel, duty: Duty) -> tuple[float, float]:
    kelvin = duty.celsius + _KELVIN
    return model.calendar(kelvin, duty.mean_charge), model.cycling(kelvin, duty.depth, duty.rate)


def _grown(lost: float, rate: float, amount: float, power: float) -> float:
    """A loss that follows `rate * x**power`, after `amount` more of x."""
    if rate <= 0 or amount <= 0:
        return lost
    return float(rate * ((lost / rate) ** (1 / power) + amount) ** power)


def graphite_volts(charge: float) -> float:
    """Open-circuit potential of graphite against lithium, by the cell's state of charge (0 to 1).

    Source: Safari and Delacourt, J. Electrochem. Soc. 158 (2011) A562.
    """
    x = 0.0085 + charge * (0.78 - 0.0085)
    return (
        0.6379
        + 0.5416 * exp(-305.5309 * x)
        + 0.044 * tanh(-(x - 0.1958) / 0.1088)
        - 0.1978 * tanh((x - 1.0571) / 0.0854)
        - 0.6875 * tanh((x + 0.0117) / 0.0529)
        - 0.0175 * tanh((x - 0.5692) / 0.0875)
    )


def _nmc_kelvin(kelvin: float) -> float:
    return kelvin / (_KELVIN + 35)


_JEST = "doi 10.1016/j.est.2023.109042, by BLAST-Lite"

MODELS: Final[Mapping[str, AgeingModel]] = MappingProxyType(
    {
        "Li-ion LFP": AgeingModel(
            "lfp-gr-250ah",
            _JEST,
            calendar=lambda t, soc: 8.37e4 * exp(-5210 / t) * exp(-3560 * graphite_volts(soc) / t),
            calendar_power=0.526,
            cycling=lambda t, dod, c: (
                (4.38e-8 + 1.55e-8 * dod + 1.68e-7 * c) * (exp(2190 / t) + exp(-1.55e5 / t))
            ),
            cycling_power=0.828,
            celsius=(10, 45),
            depth=(0.8, 1),
            fastest=0.65,
        ),
        "Li-ion NCA": AgeingModel(
            "nca-gr-3ah",
            "doi 10.1149/2.0411609jes and 10.1149/1945-7111/abae37, by BLAST-Lite",
            calendar=lambda t, soc: 75.4 * exp(-3340 / t) * exp(353 * soc / t),
            calendar_power=0.512,
            cycling=lambda t, dod, c: (
                (1.86e-6 + 4.74e-11 * c + 1.77e-4 * dod) * (exp(3.34e-11 / t) + exp(-2.81e-9 / t))
            ),
            cycling_power=0.699,
            celsius=(15, 35),
            depth=(0.8, 1),
            fastest=0.5,
        ),
        "Li-ion NMC": AgeingModel(
            "nmc-gr-75ah-a",
            _JEST,
            calendar=lambda t, soc: (
                8.71e-7 * exp(10 * _nmc_kelvin(t) ** 3 / (graphite_volts(soc) / 0.123) ** (1 / 3))
            ),
            calendar_power=0.578,
            cycling=lambda t, dod, c: abs(
                0.0267
                + 1.64 * _nmc_kelvin(t) ** 3 * dod**0.5
                + 0.011 * exp(c**2 / _nmc_kelvin(t) ** 0.5)
                - 0.44 * exp(dod**0.5 * _nmc_kelvin(t) ** 2 * c**0.5)
            ),
            cycling_power=1.11,
            celsius=(10, 45),
            depth=(0.8, 1),
            fastest=2,
            time_unit_days=1e3,
            cycle_unit=1e4,
        ),
        "Li-ion LMO": AgeingModel(
            "lmo-gr-leaf-second-life",
            "doi 10.1109/EEEIC/ICPSEUROPE54979.2022.9854784 and 10.1016/j.est.2020.101695, by BLAST-Lite",
            calendar=lambda t, soc: 3.25e8 * exp(-7580 / t) * exp(162 * soc / t),
            calendar_power=0.464,
            cycling=lambda t, dod, c: 7.58e-5 + 0 * (t + dod + c),
            cycling_power=1.08,
            celsius=(20, 30),
            depth=(0.8, 1),
            fastest=1,
            first=0.7,
        ),
    }
)
"""By the words of `battery_chemistry`."""


@dataclass(frozen=True)
class Question:
    """What is asked about one battery and one duty.

    Attributes:
        duty: how it will be used; None when nobody said.
        threshold: share of rated capacity at which that use ends, 0 to 1.
        health: what it has now; None when it is not determinable.
        past: what it has behind it.
        chemistry: word of `battery_chemistry`.
        declared_cycles: expected life in cycles, as the maker declares it.
        declared_years: expected life in years, likewise.
        knee_suspected: its fade has become faster; halves the lower end.
    """

    duty: Duty | None
    threshold: float
    health: Health | None
    past: Past
    chemistry: str | None
    declared_cycles: float | None = None
    declared_years: float | None = None
    knee_suspected: bool = False


def remaining_lives(questions: Sequence[Question]) -> list[Life | NotDeterminable]:
    """The answer to each question; the same as to each alone."""
    answers: list[Life | NotDeterminable | None] = [_without_model(one) for one in questions]
    open_places = [place for place, answer in enumerate(answers) if answer is None]
    curves = [_curve(questions[place]) for place in open_places]
    ends = _ends(curves)
    for place, curve, (low, value, high) in zip(open_places, curves, ends, strict=True):
        one = questions[place]
        assert one.duty is not None
        years = (low / 2 if one.knee_suspected else low, value, high)
        method = f"{PUBLISHED}:{curve.model.name}"
        answers[place] = _life(years, one.duty, one.threshold, "published", method, tuple(curve.remarks))
    return [answer for answer in answers if answer is not None]


def remaining_life(question: Question) -> Life | NotDeterminable:
    """The remaining life of a battery in a duty."""
    return remaining_lives([question])[0]


def _without_model(one: Question) -> Life | NotDeterminable | None:
    """The answer where no ageing model is needed; None where one gives it."""
    if one.duty is None:
        return NotDeterminable("no_duty", "how the battery will be used is not stated", "state a duty")
    if one.health is not None and one.health.value <= one.threshold:
        remarks = ("it is at its end for this use",)
        return _life((0.0, 0.0, 0.0), one.duty, one.threshold, "published", PUBLISHED, remarks)
    if one.chemistry in MODELS and one.health is not None:
        return None
    if one.declared_cycles is not None or one.declared_years is not None:
        return _declared(one, one.duty)
    if one.health is None:
        return NotDeterminable(
            "no_health",
            "neither a capacity nor a declared life is known",
            "a slow charge from empty to full, or a declared life in cycles or years",
        )
    return NotDeterminable(
        "no_model",
        f"no ageing model of {one.chemistry or 'an unknown chemistry'} is here, and no life is declared",
        "a declared life in cycles or years, or a fleet of the same model",
    )


@dataclass(frozen=True)
class _Curve:
    """How the loss of one battery goes on, at three factors: the slow end, the middle, the fast end.

    Attributes:
        lost: so far, by end and part (calendar, cycling).
        rates: of both parts, by end; powers and units of their law, per year.
        end: loss at which the use ends.
    """

    model: AgeingModel
    lost: tuple[tuple[float, float], ...]
    rates: tuple[tuple[float, float], ...]
    per_year: tuple[float, float]
    end: float
    remarks: list[str]


def _curve(one: Question) -> _Curve:
    assert one.duty is not None
    assert one.health is not None
    assert one.chemistry is not None
    model, duty, health = MODELS[one.chemistry], one.duty, one.health
    remarks = [f"model of {model.name} ({model.source})"]
    lost = [max(0.0, model.first - share) / model.first for share in (health.high, health.value, health.low)]
    factor, spread, share = _fitted(model, duty, lost, one.past, remarks)
    spread = max(spread, _LEAST_SD)
    if outside := model.outside(duty):
        spread *= _OUTSIDE
        remarks.append(f"outside of what was tested: {', '.join(outside)}")
    if one.knee_suspected:
        remarks.append("its fade has become faster, so the lower end is halved")
    rates = model.rates(duty)
    factors = [factor * exp(shift) for shift in (-_Z * spread, 0.0, _Z * spread)]
    return _Curve(
        model,
        tuple((loss * share, loss * (1 - share)) for loss in lost),
        tuple((one_factor * rates[0], one_factor * rates[1]) for one_factor in factors),
        (_DAYS / model.time_unit_days, _DAYS * duty.cycles_per_day / model.cycle_unit),
        max(0.0, model.first - one.threshold) / model.first,
        remarks,
    )


def _ends(curves: Sequence[_Curve]) -> list[tuple[float, float, float]]:
    """Years until each curve reaches its end, at most `LONGEST_YEARS`: lower end, middle, upper end."""
    if not curves:
        return []
    lost = np.array([one.lost for one in curves])
    rates = np.maximum(np.array([one.rates for one in curves]), 1e-300)
    powers = np.array([[(one.model.calendar_power, one.model.cycling_power)] for one in curves])
    per_year = np.array([[one.per_year] for one in curves])
    end = np.array([[one.end] for one in curves])
    begun = (lost / rates) ** (1 / powers)

    def total(years: Floats) -> Floats:
        grown: Floats = (rates * (begun + per_year * years[..., None]) ** powers).sum(axis=-1)
        return grown

    low = np.zeros(lost.shape[:2])
    high = np.full(lost.shape[:2], LONGEST_YEARS)
    for _ in range(16):  # to a thousandth of a year
        middle = (low + high) / 2
        short = total(middle) < end
        low = np.where(short, middle, low)
        high = np.where(short, high, middle)
    years = np.where(lost.sum(axis=-1) >= end, 0.0, (low + high) / 2)
    years = np.where(total(np.full_like(years, LONGEST_YEARS)) < end, LONGEST_YEARS, years)
    return [(fast, middle, slow) for slow, middle, fast in years.tolist()]


def _fitted(
    model: AgeingModel, duty: Duty, lost: list[float], past: Past, remarks: list[str]
) -> tuple[float, float, float]:
    """Factor on the model's rates, spread of its logarithm, and the calendar's share of what was lost."""
    before = past.duty or duty
    if past.duty is None:
        remarks.append("how it was used before is not known; the same duty is assumed")
    days = past.days
    cycles = past.cycles if past.cycles is not None else (days or 0.0) * before.cycles_per_day
    if days is None or model.first < 1:
        # Nothing to hold the loss against: the model's own rates, and half of the loss to each part.
        return 1.0, _PRIOR_SD, 0.5
    parts = model.losses(before, days, cycles)
    predicted = sum(parts)
    if predicted <= 0:
        return 1.0, _PRIOR_SD, 0.5
    share = parts[0] / predicted
    if lost[1] < _INFORMATIVE_LOSS:
        remarks.append("it has lost too little to correct the model by")
        return 1.0, _PRIOR_SD, share
    noise = (lost[2] - lost[0]) / (2 * _Z) / lost[1]
    weight = _PRIOR_SD**2 / (_PRIOR_SD**2 + noise**2)
    return exp(weight * log(lost[1] / predicted)), _PRIOR_SD * sqrt(1 - weight), share


def _declared(one: Question, duty: Duty) -> Life | NotDeterminable:
    left = []
    past = one.past
    if one.declared_cycles is not None and past.cycles is not None and duty.cycles_per_day > 0:
        left.append((one.declared_cycles - past.cycles) / duty.cycles_per_day / _DAYS)
    if one.declared_years is not None and past.days is not None:
        left.append(one.declared_years - past.days / _DAYS)
    if not left:
        return NotDeterminable(
            "no_past",
            "a life is declared, and neither its cycles so far nor its first day is known",
            "the day of putting into service, or counted cycles",
        )
    value = max(0.0, min(left))
    remarks = ("declared life less what is used, whichever runs out first; nothing of it was measured",)
    return _life((value * 0.5, value, value * 1.5), duty, one.threshold, "declared", DECLARED, remarks)


def _life(
    ends: tuple[float, float, float],
    duty: Duty,
    threshold: float,
    tier: str,
    method: str,
    remarks: tuple[str, ...],
) -> Life:
    assert all(isfinite(one) for one in ends)
    low, value, high = (Decimal(round(min(one, LONGEST_YEARS) * 10)).scaleb(-1) for one in ends)
    cycles = round(float(value) * _DAYS * duty.cycles_per_day)
    return Life(low, value, high, cycles, Decimal(repr(threshold)), tier, method, duty, remarks)
