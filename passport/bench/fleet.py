"""Simulated batteries in use: packs of aged cells, habits of owners, a BMS that measures with errors.

What comes out is what a gateway would have stored, and beside it what only a reference test would tell. The
state of charge that the BMS says is counted with the rated capacity and set to 100 % at each full charge, as
many devices do; whoever divides by it finds the rated capacity for ever.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final

import numpy as np
import numpy.typing as npt

from passport.bench.ageing import (
    TAPER_RATE,
    Ageing,
    Cell,
    Float,
    Make,
    aged,
    ageing_for,
    colder,
    reference_window,
)
from passport.lifecycle.basis import Basis
from schemas.samples import Chunk, Column, ColumnKey, Samples

CELLS: Final = 8  # in series, each with its own ageing
USUAL_RATE: Final = 0.15  # at which most charges run: one charger at home, or solar cells of one size
_OTHER_RATES: Final = (0.1, 0.2, 0.3, 0.5, 0.8)
_STAGES: Final = 8  # into which the ageing of the time watched is cut
_START_S: Final = 1_735_689_600  # 2025-01-01T00:00:00Z
_DAY_S: Final = 86_400
_HEAT_J_PER_K_AH: Final = 25.0
_COOLING_S: Final = 9_000.0
_TAPER_STEP_S: Final = 10.0  # the end of a charge is steep
_LONGEST_TAPER: Final = 1080  # rows
_HYSTERESIS_SHARE: Final = 0.05  # of the capacity, over which the voltage at rest changes its side


@unique
class Habit(StrEnum):
    """How a battery is used. The first three are the habits of random partial charges."""

    ANY = "start 10-60 %, half end early"
    OFTEN_FULL = "start 0-50 %, 70 % to full"
    LOW_TO_FULL = "start 0-30 %, 90 % to full"
    HOME = "home storage, one cycle a day"
    SHALLOW = "start 45-70 %, never full"


@dataclass(frozen=True)
class Climate:
    """Surroundings of a battery, degC: mean of the year, half the swing of the seasons, spread by day."""

    mean: float
    swing: float
    daily: float = 3.0


TEMPERATE: Final = Climate(13.0, 10.0)
COLD: Final = Climate(3.0, 9.0)
INDOORS: Final = Climate(22.0, 3.0, 1.0)


@dataclass(frozen=True)
class Plan:
    """One battery to simulate.

    Attributes:
        make: of its cells.
        habit: of its owner.
        climate: where it stands.
        rated_ah: declared.
        health: share of the rated capacity that its reference test gives on the first day.
        fade: share lost over the time watched.
        sessions: how many charges are watched.
        days: over how many days they are spread.
        seed: of everything that is random.
    """

    make: Make
    habit: Habit
    climate: Climate
    rated_ah: float
    health: float
    fade: float
    sessions: int
    days: float
    seed: int


@dataclass(frozen=True)
class Reference:
    """What a reference test would have told at a moment.

    Attributes:
        at_s: seconds since 1970.
        capacity_ah: of the pack at C/3 and 25 degC.
        resistance_ohm: of the pack at 25 degC, all that grows within the hour.
    """

    at_s: int
    capacity_ah: float
    resistance_ohm: float


@dataclass(frozen=True)
class Charge:
    """What was true of one charge.

    Attributes:
        first_s, last_s: seconds since 1970, of its first and last row.
        start, end: state of charge of the cell that limits, shares of what the pack can hold.
        full: whether it ended by the taper at the upper limit.
    """

    first_s: int
    last_s: int
    start: float
    end: float
    full: bool


@dataclass(frozen=True)
class Simulated:
    """One battery: rows as stored, what is declared, and the truth.

    Attributes:
        plan: what was asked for.
        basis: declared facts.
        chunk: its rows.
        references: one for each stage of its ageing, ascending.
        charges: every charge.
    """

    plan: Plan
    basis: Basis
    chunk: Chunk
    references: tuple[Reference, ...]
    charges: tuple[Charge, ...]

    def capacity_at(self, at_s: float) -> float:
        """True capacity in Ah at a moment."""
        found = self.references[0]
        for one in self.references:
            if one.at_s <= at_s:
                found = one
        return found.capacity_ah

    @property
    def last_capacity_ah(self) -> float:
        """True capacity at the end of what was watched."""
        return self.references[-1].capacity_ah


@dataclass
class _Rows:
    """Rows as they truly were, piece by piece."""

    time_s: list[Float] = field(default_factory=list)
    current: list[Float] = field(default_factory=list)
    cells: list[Float] = field(default_factory=list)
    temperature: list[Float] = field(default_factory=list)
    full: list[npt.NDArray[np.bool_]] = field(default_factory=list)


class _Pack:
    """Cells in series and their true state; advanced by pieces of prescribed current.

    Charge is counted in units of a new cell's capacity; current in units of the rated capacity per hour,
    positive while charging, straight between two rows.
    """

    def __init__(self, make: Make, mixtures: Sequence[Ageing], lag: Float, ohms: Float) -> None:
        self.make = make
        self.lag = lag  # how far each cell stays behind at the top, shares of a new cell's capacity
        self.ohms = ohms
        self.per_rated = 1 / _rated_in_new(make)
        self.time_s = 0.0
        self.temperature = 20.0
        self.current = 0.0
        self.slow_current = 0.0
        self.side = 0.0
        self.charge: Float = np.zeros(len(mixtures))
        self.top: Float = np.zeros(len(mixtures))
        self.become(mixtures)

    def become(self, mixtures: Sequence[Ageing]) -> None:
        """The cells age to these losses; each keeps its distance from full."""
        below = self.top - self.charge
        cells = [aged(self.make, one) for one in mixtures]
        growth = np.array([1 + one.resistance for one in mixtures]) * self.ohms
        windows = [
            reference_window(self.make, cell, factor - 1)
            for cell, factor in zip(cells, growth.tolist(), strict=True)
        ]
        self.growth = growth
        self.empty = np.array([empty for empty, _ in windows])
        self.top = np.array([full for _, full in windows]) - self.lag
        self.low = np.array([cell.low for cell in cells])
        self.step = np.array([(cell.high - cell.low) / (len(cell.voltage) - 1) for cell in cells])
        self.curves = np.stack([cell.voltage for cell in cells])
        self.cells: list[Cell] = cells
        self.charge = self.top - below

    @property
    def capacity(self) -> float:
        """What the reference test gives, from full until the first cell is empty; rated capacities."""
        return float(np.min(self.top - self.empty)) * self.per_rated

    @property
    def soc(self) -> float:
        """Of the cell that ends the discharge; share of the pack's capacity."""
        return float(np.min(self.charge - self.empty)) * self.per_rated / self.capacity

    def _rested(self, charge: Float) -> Float:
        """Voltage at rest, same shape as `charge` (rows, cells)."""
        at = np.clip((charge - self.low) / self.step, 0.0, self.curves.shape[1] - 1.001)
        whole = at.astype(np.int64)
        cell = np.arange(len(self.low))
        left, right = self.curves[cell, whole], self.curves[cell, whole + 1]
        out: Float = left + (right - left) * (at - whole)
        return out

    def run(
        self,
        currents: Float,
        step_s: float,
        ambient: float,
        rows: _Rows,
        *,
        until_volts: tuple[float, float] | None = None,
        until_soc: float | None = None,
    ) -> bool:
        """Rows of prescribed currents; stops before the row that would break a limit.

        Args:
            currents: at the end of each step.
            step_s: seconds between rows.
            ambient: temperature of the surroundings.
            rows: where they are put.
            until_volts: volts of the lowest and highest cell at which to stop, whichever comes first.
            until_soc: state of charge at which to stop, in the direction of the currents.

        Returns: whether a limit of voltage ended it.
        """
        hours = step_s / 3600
        before = np.concatenate(([self.current], currents[:-1]))
        moved = np.cumsum((before + currents) / 2 * hours) / self.per_rated
        slow, side, heat = self._filters(currents, step_s, ambient)
        warm: Float = np.exp(self.make.activation_k * (1 / (heat + 273.15) - 1 / 298.15))
        charge: Float = self.charge[None, :] + moved[:, None]
        over: Float = (self.make.ohmic * currents + self.make.slow * slow) * warm
        volts: Float = (
            self._rested(charge)
            + over[:, None] * self.growth[None, :]
            + (self.make.hysteresis_v * side)[:, None]
        )
        count = len(currents)
        limited = False
        if until_volts is not None:
            broken = (volts.min(axis=1) <= until_volts[0]) | (volts.max(axis=1) >= until_volts[1])
            if broken.any():
                count, limited = int(np.argmax(broken)), True
        if until_soc is not None:
            share = np.min(charge - self.empty, axis=1) * self.per_rated / self.capacity
            reached = share <= until_soc if currents[0] < 0 else share >= until_soc
            if reached.any() and int(np.argmax(reached)) < count:
                count, limited = int(np.argmax(reached)), False
        if count == 0:
            return limited
        rows.time_s.append(self.time_s + step_s * np.arange(1, count + 1, dtype=np.float64))
        rows.current.append(currents[:count])
        rows.cells.append(volts[:count])
        rows.temperature.append(heat[:count])
        rows.full.append(np.zeros(count, np.bool_))
        self.time_s += step_s * count
        self.current = float(currents[count - 1])
        self.slow_current, self.side = float(slow[count - 1]), float(side[count - 1])
        self.temperature = float(heat[count - 1])
        self.charge = charge[count - 1]
        return limited

    def _filters(self, currents: Float, step_s: float, ambient: float) -> tuple[Float, Float, Float]:
        """What lags behind the current: the slow voltage, the side of the hysteresis, the temperature."""
        make = self.make
        keep = math.exp(-step_s / make.slow_s)
        cool = math.exp(-step_s / _COOLING_S)
        share = step_s / 3600 / _HYSTERESIS_SHARE
        warming = (make.ohmic + make.slow) * float(np.mean(self.growth)) * step_s / _HEAT_J_PER_K_AH
        slow, side, heat = self.slow_current, self.side, self.temperature
        out = []
        for current in currents.tolist():
            slow = current + (slow - current) * keep
            goal = 1.0 if current > 0 else -1.0
            side = goal + (side - goal) * math.exp(-abs(current) * share)
            factor = math.exp(make.activation_k * (1 / (heat + 273.15) - 1 / 298.15))
            heat = ambient + (heat - ambient) * cool + current * current * warming * factor
            out.append((slow, side, heat))
        whole = np.array(out)
        return whole[:, 0], whole[:, 1], whole[:, 2]

    def _leader(self, current: float, warm: float) -> int:
        """The cell that reaches the upper limit first, were this current to stay."""
        over = (self.make.ohmic + self.make.slow) * warm * current * self.growth + self.make.hysteresis_v
        left = [
            cell.charge_at(self.make.maximum_v - more) - charge
            for cell, more, charge in zip(self.cells, over.tolist(), self.charge.tolist(), strict=True)
        ]
        return int(np.argmin(left))

    def taper(self, ambient: float, rows: _Rows) -> None:
        """Charge at the upper limit until the current has fallen to C/20, then call it full."""
        make = self.make
        warm = colder(make.activation_k, self.temperature)
        leaders = [self._leader(current, warm) for current in (self.current, TAPER_RATE)]
        curves = {one: self.curves[one].tolist() for one in leaders}
        keep = math.exp(-_TAPER_STEP_S / make.slow_s)
        slow, before = self.slow_current, self.current
        hours = _TAPER_STEP_S / 3600 / self.per_rated
        moved = 0.0
        currents: list[float] = []

        def highest(current: float) -> float:
            lagging = current + (slow - current) * keep
            over = (make.ohmic * current + make.slow * lagging) * warm
            found = []
            for one, curve in curves.items():
                charge = float(self.charge[one]) + moved + (before + current) / 2 * hours
                at = (charge - float(self.low[one])) / float(self.step[one])
                whole = min(int(at), len(curve) - 2)
                rested = curve[whole] + (curve[whole + 1] - curve[whole]) * (at - whole)
                found.append(rested + over * float(self.growth[one]))
            return float(max(found)) + make.hysteresis_v

        while before > TAPER_RATE and len(currents) < _LONGEST_TAPER:
            least, most = 0.0, before
            for _ in range(14):
                current = (least + most) / 2
                if highest(current) > make.maximum_v:
                    most = current
                else:
                    least = current
            slow = least + (slow - least) * keep
            moved += (before + least) / 2 * hours
            before = least
            currents.append(least)
        if currents:
            self.run(np.array(currents), _TAPER_STEP_S, ambient, rows)
            rows.full[-1][-1] = True
        self.charge = self.top.copy()  # balancing has had its time


def _rated_in_new(make: Make) -> float:
    """A cell's rated capacity, in units of a new cell's capacity at its limits."""
    empty, full = reference_window(make, aged(make, Ageing()), 0.0)
    return (full - empty) / make.capacity


def simulate(plan: Plan) -> Simulated:
    """One battery's life as far as it is watched."""
    random = np.random.default_rng(plan.seed)
    make = plan.make
    mixture = Ageing(
        lithium=random.uniform(0.5, 1.0),
        negative=random.uniform(0.0, 0.6),
        positive=random.uniform(0.0, 0.5),
        resistance=random.uniform(0.8, 2.5),
    )
    first = ageing_for(make, mixture, plan.health)
    last = ageing_for(make, mixture, plan.health - plan.fade)
    spread = 1 + 0.05 * random.standard_normal(CELLS)
    extra = 0.004 * np.abs(random.standard_normal(CELLS))
    lag = 0.002 + 0.004 * np.abs(random.standard_normal(CELLS))
    lag[int(random.integers(CELLS))] = 0.0
    ohms = 1 + 0.04 * random.standard_normal(CELLS)

    def cells(stage: int) -> list[Ageing]:
        share = stage / (_STAGES - 1)
        now = first.times(1.0)
        now = Ageing(*(a + (b - a) * share for a, b in zip(_parts(now), _parts(last), strict=True)))
        return [
            Ageing(now.lithium * one + more, now.negative * one, now.positive * one, now.resistance)
            for one, more in zip(spread.tolist(), extra.tolist(), strict=True)
        ]

    pack = _Pack(make, cells(0), lag, ohms)
    pack.time_s = _START_S + random.uniform(0, _DAY_S)
    rows = _Rows()
    references: list[Reference] = []
    charges: list[Charge] = []
    stage = -1
    for number in range(plan.sessions):
        wanted = number * _STAGES // plan.sessions
        day_s = _START_S + plan.days * _DAY_S * (number + random.uniform(0, 0.5)) / plan.sessions
        if day_s > pack.time_s:
            pack.time_s = float(round(day_s))
            pack.current = pack.slow_current = 0.0
        if wanted != stage:
            stage = wanted
            pack.become(cells(stage))
            ohm = (make.ohmic + make.slow) * float(pack.growth.sum()) / plan.rated_ah
            references.append(Reference(int(pack.time_s), pack.capacity * plan.rated_ah, ohm))
        ambient = _ambient(plan.climate, pack.time_s, random)
        pack.temperature = ambient
        charges.append(_session(pack, plan.habit, ambient, random, rows))
    chunk = Chunk(f"{make.name}-{plan.seed}", "simulated", "1", 1, _measured(rows, plan, random))
    return Simulated(plan, _basis(plan), chunk, tuple(references), tuple(charges))


def _parts(one: Ageing) -> tuple[float, float, float, float]:
    return one.lithium, one.negative, one.positive, one.resistance


def _basis(plan: Plan) -> Basis:
    return Basis(
        chemistry=plan.make.chemistry,
        category="stationary" if plan.habit is Habit.HOME else "ev",
        rated_mah=round(plan.rated_ah * 1000),
        in_series=CELLS,
        minimum_mv=round(plan.make.minimum_v * 1000) * CELLS,
        maximum_mv=round(plan.make.maximum_v * 1000) * CELLS,
    )


def _ambient(climate: Climate, at_s: float, random: np.random.Generator) -> float:
    """Temperature of a day; nobody charges in frost without heating the battery first."""
    season = math.cos(2 * math.pi * ((at_s - _START_S) / _DAY_S - 20) / 365.25)
    return max(1.0, climate.mean - climate.swing * season + climate.daily * random.standard_normal())


def _session(pack: _Pack, habit: Habit, ambient: float, random: np.random.Generator, rows: _Rows) -> Charge:
    """A discharge to where the habit lets it end, a rest, a charge, a rest."""
    start, end = _ends(habit, random)
    make = pack.make
    pack.run(np.zeros(int(random.integers(2, 8))), 60.0, ambient, rows)
    limits = (make.minimum_v, 99.0)
    if pack.soc > start:
        home = habit is Habit.HOME
        load = _household(random) if home else _drive(random)
        pack.run(load, 60.0 if home else 30.0, ambient, rows, until_volts=limits, until_soc=start)
    rest = math.exp(random.uniform(math.log(10), math.log(420)))
    pack.run(np.zeros(max(2, int(min(rest, 40)))), 60.0, ambient, rows)
    if rest > 40:
        pack.run(np.zeros(int((rest - 40) / 5) + 1), 300.0, ambient, rows)
    began, first_s = pack.soc, pack.time_s
    rate = USUAL_RATE if random.random() < 0.7 else float(random.choice(_OTHER_RATES))
    step_s = 60.0 if rate < 0.3 else 30.0
    count = int(1.4 * 3600 / rate / step_s)
    currents = _sun(count, rate, random) if habit is Habit.HOME else np.full(count, rate)
    limits = (0.0, make.maximum_v)
    limited = pack.run(
        currents, step_s, ambient, rows, until_volts=limits, until_soc=None if end >= 1 else end
    )
    full = limited and end >= 1
    if full:
        pack.taper(ambient, rows)
    finished, last_s = pack.soc, pack.time_s
    pack.run(np.zeros(int(random.integers(2, 45))), 60.0, ambient, rows)
    return Charge(int(first_s), int(last_s), began, finished, full)


def _ends(habit: Habit, random: np.random.Generator) -> tuple[float, float]:
    """State of charge at which the discharge and the charge are to end; 1 is until full."""
    early = float(random.uniform(0.6, 0.95))
    if habit is Habit.ANY:
        return float(random.uniform(0.1, 0.6)), early if random.random() < 0.5 else 1.0
    if habit is Habit.OFTEN_FULL:
        return float(random.uniform(0.0, 0.5)), early if random.random() < 0.3 else 1.0
    if habit is Habit.LOW_TO_FULL:
        return float(random.uniform(0.0, 0.3)), early if random.random() < 0.1 else 1.0
    if habit is Habit.HOME:
        return float(random.uniform(0.02, 0.3)), early if random.random() < 0.3 else 1.0
    return float(random.uniform(0.45, 0.7)), float(random.uniform(0.72, 0.9))


def _drive(random: np.random.Generator) -> Float:
    """Driving: a load that follows road and foot, braking that gives back, stops."""
    count = 900
    wander = np.convolve(random.standard_normal(count + 9), np.full(10, 0.1), mode="valid")[:count]
    current = -0.35 - 0.5 * wander - 0.1 * random.standard_normal(count)
    braking = random.random(count) < 0.1
    current[braking] = random.uniform(0.05, 0.4, int(braking.sum()))
    stop = random.random(count) < 0.08
    current[stop] = -0.01
    out: Float = np.clip(current, -1.5, 0.5)
    out[:80] = np.minimum(out[:80], -0.05)  # a full battery takes nothing back
    out[0] = -0.2  # a first step away from rest, so that the direction is known
    return out


def _household(random: np.random.Generator) -> Float:
    """An evening and a night at home: a base load and appliances that come and go."""
    count = 2400
    base = np.full(count, -0.06)
    for begin in random.integers(0, count, 40).tolist():
        base[begin : begin + int(random.integers(3, 60))] -= random.uniform(0.05, 0.25)
    out: Float = np.clip(base, -0.5, 0.0)
    return out


def _sun(count: int, rate: float, random: np.random.Generator) -> Float:
    """A day of sun over solar cells, with clouds."""
    hours = np.linspace(0.15, math.pi - 0.15, count)
    clouds = np.convolve(random.uniform(0.4, 1.0, count + 14), np.full(15, 1 / 15), mode="valid")[:count]
    out: Float = np.maximum(rate * np.sin(hours) * clouds * 1.6, 0.06)
    return out


def _measured(rows: _Rows, plan: Plan, random: np.random.Generator) -> Samples:
    """What the BMS makes of it: a gain that is a little off, an offset, noise, whole digits."""
    time = np.concatenate(rows.time_s)
    rated = plan.rated_ah
    gain, offset = 1 + 0.005 * random.standard_normal(), 0.05 * random.standard_normal()
    current = np.concatenate(rows.current) * rated * gain + offset
    cells = np.concatenate(rows.cells) * 1000
    cells += 1.0 * random.standard_normal(cells.shape)
    heat = np.concatenate(rows.temperature)
    said = _counted(time, current, np.concatenate(rows.full), rated)
    count = len(time)
    valid = np.ones(count, np.bool_)
    columns = {
        ColumnKey("voltage"): (np.round(cells.sum(axis=1) / 100), -1),
        ColumnKey("current"): (np.round(current * 10), -1),
        ColumnKey("cell_voltage_min"): (np.round(cells.min(axis=1)), -3),
        ColumnKey("cell_voltage_max"): (np.round(cells.max(axis=1)), -3),
        ColumnKey("cell_temperature_min"): (np.round(heat - 0.6), 0),
        ColumnKey("cell_temperature_max"): (np.round(heat + 0.6), 0),
        ColumnKey("state_of_charge"): (np.round(said * 2) * 5, -1),
    }
    return Samples(
        np.arange(count, dtype=np.int64),
        np.round(time * 1000).astype(np.int64),
        valid,
        {
            key: Column(values.astype(np.int64), valid, exponent)
            for key, (values, exponent) in columns.items()
        },
    )


def _counted(time: Float, current: Float, full: npt.NDArray[np.bool_], rated: float) -> Float:
    """State of charge as a BMS counts it, percent: by the rated capacity, 100 at each full charge."""
    step = np.minimum(np.diff(time, prepend=time[0]), 600.0)
    moved = current * step / 36 / rated
    said, out = 100.0, np.empty(len(time))
    for at, (one, done) in enumerate(zip(moved.tolist(), full.tolist(), strict=True)):
        said = 100.0 if done else min(100.0, max(0.0, said + one))
        out[at] = said
    return out


def plans(
    make: Make,
    habit: Habit,
    count: int,
    *,
    seed: int,
    health: tuple[float, float] = (0.7, 1.0),
    climate: Climate = TEMPERATE,
    sessions: int = 40,
) -> Iterator[Plan]:
    """Batteries of one make and habit, their health spread evenly between two values."""
    random = np.random.default_rng(seed)
    low, high = health[0], min(health[1], make.capacity - 0.01)
    for number in range(count):
        wanted = low + (high - low) * (number + float(random.uniform(0, 1))) / count
        fade = float(random.uniform(0.005, 0.03))
        days = float(random.uniform(300, 700))
        yield Plan(make, habit, climate, 100.0, wanted, fade, sessions, days, seed * 1000 + number)
