"""Long histories for many packs at once: weather, habits and the pack model, ten minutes by ten minutes.

What a pack is asked for (`DUTIES`) and where it stands (`CLIMATES`) is drawn beforehand from its seed; the
loop over time then holds only what depends on the step before: charge, heat and age. Currents are whole
milliamperes already inside the loop, so the charge that a reader integrates is the charge that moved.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

import numpy as np

from ingest.simulators.pack import Float, PackSpec, ageing_haste, open_circuit_v, resistance_factor
from schemas.samples import Column, ColumnKey, Int64, Samples

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_MONTH_S: Final = 30 * _DAY_S
_YEAR_S: Final = 365.25 * _DAY_S
# Near its target a charger gives way: current falls with this time constant, as under constant voltage.
_TAPER_S: Final = 3000.0
_BENCH_TAPER_S: Final = 600.0


@unique
class Trouble(StrEnum):
    """What can go wrong in a simulated year."""

    DEEP_DISCHARGE = "deep_discharge"  # left standing empty for days, below the cells' limit
    TELEMETRY_GAP = "telemetry_gap"  # three weeks without a word
    COUNTER_RESET = "counter_reset"  # the BMS is exchanged and counts cycles from nought


@dataclass(frozen=True)
class Climate:
    """Air around a pack, degC: yearly mean, half of the yearly swing, half of the daily swing, weather."""

    mean_degc: float
    season_degc: float
    day_degc: float
    weather_degc: float


CLIMATES: Final[Mapping[str, Climate]] = MappingProxyType(
    {
        "temperate": Climate(11.0, 9.0, 4.0, 2.5),
        "nordic": Climate(4.0, 13.0, 3.0, 3.5),
        "mediterranean": Climate(18.0, 8.0, 5.0, 2.0),
        "hot": Climate(31.0, 7.0, 6.0, 1.5),
        "indoors": Climate(20.0, 3.0, 1.0, 0.5),
    }
)


@dataclass(frozen=True)
class Grid:
    """The rows' times, split as habits need them; arrays have one entry per row.

    Attributes:
        step_s: seconds between rows.
        day: whole days since the first row's day.
        hour: of the day, 0 up to 24, with fraction.
        weekday: 0 is Monday.
        season: -1 in mid January, 1 in mid July.
        days: how many days the rows touch.
    """

    step_s: int
    day: Int64
    hour: Float
    weekday: Int64
    season: Float
    days: int


@dataclass(frozen=True)
class Demand:
    """What load and charger would like.

    Attributes:
        rate: current over rated capacity, per hour, positive while charging; one entry per row.
        target: state of charge up to which a charger goes, 0 to 1; one entry per row.
        floor: state of charge below which the load is switched off.
        taper_s: near its target, time constant of the charger's falling current.
    """

    rate: Float
    target: Float
    floor: float = 0.08
    taper_s: float = _TAPER_S


def _within(hour: Float, begin: Float, length: Float) -> Float:
    """1 in rows that lie inside the stretch of the day, else 0."""
    inside: Float = ((hour >= begin) & (hour < begin + length)).astype(np.float64)
    return inside


def _daily(grid: Grid, values: Float) -> Float:
    """One number per day, spread over the day's rows."""
    spread: Float = values[grid.day]
    return spread


def _ev(grid: Grid, random: np.random.Generator) -> Demand:
    """Commutes on working days, some long trips with a fast charge, a wall box at night."""
    working = grid.weekday < 5
    morning = _within(
        grid.hour,
        _daily(grid, random.normal(7.3, 0.25, grid.days)),
        _daily(grid, random.uniform(0.4, 0.8, grid.days)),
    )
    evening = _within(
        grid.hour,
        _daily(grid, random.normal(17.2, 0.4, grid.days)),
        _daily(grid, random.uniform(0.4, 0.9, grid.days)),
    )
    trip = _daily(grid, (random.random(grid.days) < 0.4).astype(np.float64)) * (grid.weekday == 5)
    nothing = np.zeros_like(grid.hour)
    out = _within(grid.hour, nothing + 9.5, nothing + 1.7)
    fast = _within(grid.hour, nothing + 11.5, nothing + 0.7) * trip
    home = _within(grid.hour, nothing + 16.0, nothing + 1.7)
    driving = working * (morning + evening) + trip * (out + home)
    # Cold cabins are heated: the same road takes more charge in winter.
    pull = np.clip(random.normal(0.22, 0.07, len(grid.hour)), 0.02, 0.6) * (1.0 - 0.15 * grid.season)
    plugged = _daily(grid, (random.random(grid.days) < 0.6).astype(np.float64))
    night = ((grid.hour >= 21.0) | (grid.hour < 6.3)) * plugged * (driving == 0)
    rate = -driving * pull + night * 0.12 + fast * 0.9
    target = np.where(
        fast > 0, 0.8, np.where(night > 0, _daily(grid, random.choice((0.8, 0.8, 0.9, 1.0), grid.days)), 0.0)
    )
    return Demand(rate, target)


def _lmt(grid: Grid, random: np.random.Generator) -> Demand:
    """A light vehicle: two rides on most working days, fewer in winter, charged full in the evening."""
    rides = random.random(grid.days) < 0.85
    riding = (
        _daily(grid, rides.astype(np.float64))
        * (grid.weekday < 5)
        * (grid.season > random.uniform(-0.9, -0.6))
    )
    nothing = np.zeros_like(grid.hour)
    morning = _within(grid.hour, _daily(grid, random.normal(7.8, 0.2, grid.days)), nothing + 0.67)
    evening = _within(grid.hour, _daily(grid, random.normal(16.8, 0.5, grid.days)), nothing + 0.67)
    pull = np.clip(random.normal(0.42, 0.12, len(grid.hour)), 0.05, 0.9)
    charging = _within(grid.hour, nothing + 18.5, nothing + 5.0) * _daily(
        grid, (random.random(grid.days) < 0.7).astype(float)
    )
    rate = -riding * (morning + evening) * pull + charging * 0.25
    return Demand(rate, np.where(charging > 0, 1.0, 0.0))


def _stationary(grid: Grid, random: np.random.Generator) -> Demand:
    """A house with a roof: sun by day as season and clouds allow, the evening's load after it."""
    half_day = 6.0 + 2.2 * grid.season
    from_noon = np.abs(grid.hour - 12.5)
    sun = np.cos(from_noon / half_day * np.pi / 2.0) * (from_noon < half_day)
    clouds = np.clip(
        _daily(grid, random.beta(2.0, 1.3, grid.days)) + random.normal(0, 0.12, len(grid.hour)), 0.03, 1.0
    )
    harvest = 0.32 * sun * clouds * (0.75 + 0.25 * grid.season)
    evening = np.exp(-(((grid.hour - 19.5) / 2.4) ** 2)) * 0.11
    load = 0.022 + evening + np.clip(random.normal(0, 0.01, len(grid.hour)), -0.015, 0.08)
    return Demand(harvest - load, np.full_like(sun, 1.0), floor=0.1)


def _forklift(grid: Grid, random: np.random.Generator) -> Demand:
    """Two shifts on working days, charged at noon and at night."""
    working = (grid.weekday < 5) * 1.0
    lunch = (grid.hour >= 12.0) & (grid.hour < 12.75)
    shift = ((grid.hour >= 6.0) & (grid.hour < 21.5) & ~lunch) * working
    pull = np.clip(random.gamma(2.0, 0.03, len(grid.hour)), 0.0, 0.5)
    charging = (lunch & (grid.weekday < 5)) | (grid.hour >= 22.0) | (grid.hour < 5.5)
    rate = -shift * pull + np.where(charging, np.where(lunch, 0.45, 0.25), 0.0)
    return Demand(rate, np.where(charging, 1.0, 0.0), floor=0.15)


def _standby(grid: Grid, random: np.random.Generator) -> Demand:
    """Uninterruptible supply: kept full, tested for half an hour every fourth week, a few short cuts."""
    test = (grid.day % 28 == 3) & (grid.hour >= 10.0) & (grid.hour < 10.5)
    cuts = _daily(grid, (random.random(grid.days) < 0.015).astype(np.float64)) * (
        (grid.hour >= 15.0) & (grid.hour < 15.4)
    )
    away = (test | (cuts > 0)) * 1.0
    return Demand(-away * 0.6 + (1.0 - away) * 0.2, np.full(len(grid.hour), 1.0), floor=0.1)


def _bench(grid: Grid, _random: np.random.Generator) -> Demand:
    """A test bench: each day charged full at night, rested, emptied slowly by day, rested again."""
    charging = (grid.hour < 8.0) | (grid.hour >= 20.0)
    emptying = (grid.hour >= 10.0) & (grid.hour < 18.0)
    rate = np.where(charging, 0.2, 0.0) - np.where(emptying, 0.2, 0.0)
    return Demand(rate, np.where(charging, 1.0, 0.0), floor=0.0, taper_s=_BENCH_TAPER_S)


DUTIES: Final[Mapping[str, Callable[[Grid, np.random.Generator], Demand]]] = MappingProxyType(
    {
        "ev": _ev,
        "lmt": _lmt,
        "stationary": _stationary,
        "forklift": _forklift,
        "standby": _standby,
        "bench": _bench,
    }
)


def simulate_years(
    packs: Sequence[PackSpec], start: datetime, end: datetime, step_s: int = 600
) -> list[Samples]:
    """What each pack's BMS would have told from `start` up to, not including, `end`; in the order of `packs`.

    Rows are `step_s` seconds apart and numbered from 1; a row's current is the mean since the row before,
    its other values are those of its moment. Columns: voltage, current, state_of_charge, cell_voltage_min
    and _max, cell_temperature_min and _max, cycle_count.

    Raises:
        ValueError: a time has no zone, no row fits, or a duty, climate or trouble is unknown.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a zone")
    count = int((end - start).total_seconds() // step_s)
    if count < 1 or step_s < 1:
        raise ValueError(f"no row of {step_s} s lies between {start} and {end}")
    if not packs:
        return []
    _check(packs)
    grid = _grid(start, count, step_s)
    run = _run(packs, grid)
    first_ms = (start - _EPOCH) // timedelta(milliseconds=1)
    time_ms = first_ms + np.arange(count, dtype=np.int64) * (step_s * 1000)
    return [_samples(pack, number, run, time_ms) for number, pack in enumerate(packs)]


def _check(packs: Sequence[PackSpec]) -> None:
    for pack in packs:
        for kind, name, known in (("duty", pack.duty, DUTIES), ("climate", pack.climate, CLIMATES)):
            if name not in known:
                raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(known)}")
        for trouble in pack.troubles:
            Trouble(trouble)


def _grid(start: datetime, count: int, step_s: int) -> Grid:
    seconds = start.hour * 3600 + start.minute * 60 + start.second + np.arange(count, dtype=np.int64) * step_s
    day = seconds // _DAY_S
    day_of_year = (start.timetuple().tm_yday + seconds / _DAY_S) % 365.25
    return Grid(
        step_s=step_s,
        day=day,
        hour=(seconds % _DAY_S) / 3600.0,
        weekday=(start.weekday() + day) % 7,
        season=-np.cos((day_of_year - 15.0) / 365.25 * 2.0 * np.pi),
        days=int(day[-1]) + 1,
    )


def _ambient(climate: Climate, grid: Grid, random: np.random.Generator) -> Float:
    weather = random.standard_normal(grid.days + 6)
    smooth = np.convolve(weather, np.full(7, 1 / np.sqrt(7)), "valid")
    daily = -np.cos((grid.hour - 4.0) / 24.0 * 2.0 * np.pi)
    air: Float = (
        climate.mean_degc
        + climate.season_degc * grid.season
        + climate.day_degc * daily
        + climate.weather_degc * _daily(grid, smooth)
    )
    return air


@dataclass(frozen=True)
class _Run:
    """What the loop found; arrays are rows x packs."""

    current_a: Float
    charge: Float  # state of charge, 0 to 1, may be below nought
    temperature_degc: Float
    ambient_degc: Float
    resistance_ohm: Float  # of one cell at its temperature
    discharged_as: Float


def _run(packs: Sequence[PackSpec], grid: Grid) -> _Run:
    rows, width, dt = len(grid.hour), len(packs), float(grid.step_s)
    rate, target, ambient = (np.empty((rows, width)) for _ in range(3))
    floor, tapers = np.empty((rows, width)), np.empty(width)
    for n, pack in enumerate(packs):
        random = np.random.default_rng([pack.seed, 1])
        demand = DUTIES[pack.duty](grid, random)
        rate[:, n], target[:, n], floor[:, n] = demand.rate, demand.target, demand.floor
        tapers[n] = demand.taper_s
        ambient[:, n] = _ambient(CLIMATES[pack.climate], grid, random)
        if Trouble.DEEP_DISCHARGE in pack.troubles:
            _leave_empty(grid, rate[:, n], target[:, n], floor[:, n])
    rated = np.array([pack.rated_capacity_ah for pack in packs])
    limits = [
        np.array([getattr(pack, name) for pack in packs]) for name in ("charge_limit_c", "discharge_limit_c")
    ]
    wanted = np.clip(rate, -limits[1], limits[0]) * rated

    def of_cell(name: str) -> Float:
        return np.array([getattr(pack.cell, name) for pack in packs], dtype=np.float64)

    cycle_fade, calendar_fade = of_cell("cycle_fade"), of_cell("calendar_fade")
    activation = of_cell("activation_k")
    new = rated * 3600.0 * np.array([pack.health for pack in packs])
    ohm = new_ohm = np.array([pack.cell_resistance_ohm for pack in packs])
    heat_capacity = np.array([pack.cell_heat_capacity_j_per_k for pack in packs])
    constant = np.array([pack.time_constant_s for pack in packs])
    decay, per_watt = np.exp(-dt / constant), constant / heat_capacity
    leak_share = of_cell("self_discharge") / _MONTH_S * dt
    coldest = np.array([pack.cell.charge_degc[0] for pack in packs])
    taper = np.maximum(tapers, dt)
    rows_a_day = max(1, _DAY_S // grid.step_s)

    current, charge, warmth, resistance, given = (np.empty((rows, width)) for _ in range(5))
    capacity, held = new.copy(), 0.6 * new
    temperature = ambient[0].copy()
    cycle_age, calendar_age, discharged = np.zeros(width), np.zeros(width), np.zeros(width)
    for row in range(rows):
        # 1. The current that limits, target and floor leave of what is wanted, in whole milliamperes.
        most = np.maximum((target[row] * capacity - held) / taper, 0.0) * (temperature > coldest)
        least = np.minimum((floor[row] * capacity - held) / dt, 0.0)
        amperes = np.rint(np.minimum(np.maximum(wanted[row], least), most) * 1000.0) / 1000.0
        # 2. Charge.
        held = held + amperes * dt - leak_share * capacity
        discharged = discharged - np.minimum(amperes, 0.0) * dt
        # 3. Heat.
        ohms = ohm * resistance_factor(activation, temperature)
        settled = ambient[row] + amperes * amperes * ohms * per_watt
        temperature = settled + (temperature - settled) * decay
        current[row], charge[row], warmth[row] = amperes, held / capacity, temperature
        resistance[row], given[row] = ohms, discharged
        # 4. Once a day, age: by what moved and by time, faster in the warm.
        if row % rows_a_day == rows_a_day - 1:
            day = slice(row + 1 - rows_a_day, row + 1)
            haste = ageing_haste(warmth[day].mean(axis=0))
            cycle_age = cycle_age + haste * np.abs(current[day]).sum(axis=0) * dt / (2.0 * rated * 3600.0)
            calendar_age = calendar_age + haste * haste * (rows_a_day * dt / _YEAR_S)
            lost = cycle_fade * cycle_age + calendar_fade * np.sqrt(calendar_age)
            capacity = new * np.maximum(1.0 - lost, 0.2)
            ohm = new_ohm * (1.0 + 2.0 * lost)
    return _Run(current, charge, warmth, ambient, resistance, given)


def _leave_empty(grid: Grid, rate: Float, target: Float, floor: Float) -> None:
    """Two thirds into the time the charger is away for eight days and a small load is never switched off."""
    first = grid.days * 2 // 3
    away = (grid.day >= first) & (grid.day < first + 8)
    rate[away], target[away], floor[away] = -0.012, 0.0, -0.05


def _samples(pack: PackSpec, number: int, run: _Run, time_ms: Int64) -> Samples:
    current, charge = run.current_a[:, number], run.charge[:, number]
    # Cells are level when full and drift apart by capacity: the weakest and the strongest bound the rest.
    spread = pack.capacity_spread * np.sqrt(2.0 * np.log(max(pack.cells_in_series, 2)))
    ohmic = current * run.resistance_ohm[:, number]
    weak = open_circuit_v(pack.cell, 1.0 - (1.0 - charge) / (1.0 - spread)) + ohmic * 1.03
    strong = open_circuit_v(pack.cell, 1.0 - (1.0 - charge) / (1.0 + spread)) + ohmic * 0.97
    temperature = run.temperature_degc[:, number]
    uneven = 0.2 + 0.15 * np.abs(temperature - run.ambient_degc[:, number])
    cycles = np.floor(pack.full_cycles + run.discharged_as[:, number] / (pack.rated_capacity_ah * 3600.0))
    if Trouble.COUNTER_RESET in pack.troubles:
        seam = len(cycles) * 3 // 5
        cycles[seam:] -= cycles[seam]
    columns = {
        "voltage": (pack.cells_in_series * (weak + strong) / 2.0, -3),
        "current": (current, -3),
        "state_of_charge": (np.clip(charge, 0.0, 1.0) * 100.0, -1),
        "cell_voltage_min": (np.minimum(weak, strong), -3),
        "cell_voltage_max": (np.maximum(weak, strong), -3),
        "cell_temperature_min": (temperature - uneven, -1),
        "cell_temperature_max": (temperature + uneven, -1),
        "cycle_count": (cycles, 0),
    }
    kept = np.ones(len(time_ms), np.bool_)
    if Trouble.TELEMETRY_GAP in pack.troubles:
        begin = time_ms[0] + (time_ms[-1] - time_ms[0]) // 3
        kept = (time_ms < begin) | (time_ms >= begin + 21 * _DAY_S * 1000)
    rows = int(kept.sum())
    every = np.ones(rows, np.bool_)
    every.setflags(write=False)
    return Samples(
        sequence=np.arange(1, rows + 1, dtype=np.int64),
        time_ms=time_ms[kept],
        timed=every,
        columns={
            ColumnKey(name): Column(np.rint(values[kept] * 10.0**-exponent).astype(np.int64), every, exponent)
            for name, (values, exponent) in sorted(columns.items())
        },
    )
