"""A battery pack that behaves like one: cells in series with their spread, heat, ageing and a BMS.

Nothing here describes a real product. The tables are typical shapes, invented for simulation and rounded;
they hold for a demonstration, a test's opponent and a newcomer's first device, and for nothing else.

The physics are small functions on NumPy arrays. `step` applies them to the cells of one pack, second by
second; `years.simulate_years` applies the same functions to many packs at once, ten minutes by ten minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

ZERO_CELSIUS_K: Final = 273.15
REFERENCE_K: Final = 298.15
LONGEST_SUBSTEP_S: Final = 10.0


@unique
class Protection(StrEnum):
    """What makes a BMS open a switch; spelt as `ingest.protocol.CONDITIONS`."""

    CELL_OVER_VOLTAGE = "cell_over_voltage"
    CELL_UNDER_VOLTAGE = "cell_under_voltage"
    PACK_OVER_VOLTAGE = "pack_over_voltage"
    PACK_UNDER_VOLTAGE = "pack_under_voltage"
    CHARGE_OVER_TEMPERATURE = "charge_over_temperature"
    CHARGE_UNDER_TEMPERATURE = "charge_under_temperature"
    DISCHARGE_OVER_TEMPERATURE = "discharge_over_temperature"
    DISCHARGE_UNDER_TEMPERATURE = "discharge_under_temperature"
    CHARGE_OVER_CURRENT = "charge_over_current"
    DISCHARGE_OVER_CURRENT = "discharge_over_current"


STOPS_CHARGE: Final = frozenset(
    {
        Protection.CELL_OVER_VOLTAGE,
        Protection.PACK_OVER_VOLTAGE,
        Protection.CHARGE_OVER_TEMPERATURE,
        Protection.CHARGE_UNDER_TEMPERATURE,
        Protection.CHARGE_OVER_CURRENT,
    }
)
STOPS_DISCHARGE: Final = frozenset(Protection) - STOPS_CHARGE


@dataclass(frozen=True)
class Chemistry:
    """One cell chemistry, typical and invented for simulation.

    Attributes:
        name: as declared facts spell it.
        state_of_charge: grid of the table, 0 to 1, ascending.
        open_circuit_v: rested cell voltage at each grid point.
        minimum_v: BMS limit of the lowest cell.
        nominal_v: of one cell.
        maximum_v: BMS limit of the highest cell.
        balance_v: above it, cells that lead are bled.
        charge_degc: permitted cell temperatures while charging, lowest and highest.
        discharge_degc: the same while discharging.
        resistance_ohm_ah: ohmic resistance of a new cell at 25 degC times its rated capacity.
        activation_k: how fast resistance grows in the cold (exponent over 1/T).
        cycle_fade: share of capacity lost by one equivalent full cycle at 25 degC.
        calendar_fade: share lost by the square root of one year at 25 degC.
        self_discharge: share of capacity lost in a month of rest.
    """

    name: str
    state_of_charge: tuple[float, ...]
    open_circuit_v: tuple[float, ...]
    minimum_v: float
    nominal_v: float
    maximum_v: float
    balance_v: float
    charge_degc: tuple[float, float]
    discharge_degc: tuple[float, float]
    resistance_ohm_ah: float
    activation_k: float
    cycle_fade: float
    calendar_fade: float
    self_discharge: float


_GRID: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0)
_LFP_V: Final = (2.60, 3.05, 3.18, 3.25, 3.28, 3.29, 3.295, 3.30, 3.325, 3.33, 3.335, 3.36, 3.50)
_NMC_V: Final = (3.00, 3.35, 3.45, 3.55, 3.61, 3.66, 3.72, 3.81, 3.91, 4.00, 4.08, 4.14, 4.18)
_LMO_V: Final = (3.20, 3.55, 3.65, 3.78, 3.86, 3.91, 3.96, 4.00, 4.04, 4.07, 4.11, 4.15, 4.18)
_LTO_V: Final = (1.70, 2.00, 2.10, 2.17, 2.21, 2.24, 2.27, 2.31, 2.36, 2.42, 2.50, 2.60, 2.68)
_COMMON_DEGC: Final = ((0.0, 45.0), (-20.0, 60.0))
_WIDE_DEGC: Final = ((-20.0, 55.0), (-30.0, 60.0))

CHEMISTRIES: Final[Mapping[str, Chemistry]] = MappingProxyType(
    {
        row.name: row
        for row in (
            Chemistry(
                "LFP", _GRID, _LFP_V, 2.5, 3.2, 3.65, 3.38, *_COMMON_DEGC, 0.06, 2200, 4e-5, 0.02, 0.02
            ),
            Chemistry(
                "NMC", _GRID, _NMC_V, 2.8, 3.65, 4.2, 4.1, *_COMMON_DEGC, 0.09, 2000, 8e-5, 0.025, 0.02
            ),
            Chemistry(
                "LMO", _GRID, _LMO_V, 3.0, 3.8, 4.2, 4.12, *_COMMON_DEGC, 0.07, 1900, 1.2e-4, 0.04, 0.03
            ),
            Chemistry("LTO", _GRID, _LTO_V, 1.5, 2.3, 2.8, 2.55, *_WIDE_DEGC, 0.03, 1500, 1.5e-5, 0.01, 0.03),
        )
    }
)


def open_circuit_v(chemistry: Chemistry, state_of_charge: npt.ArrayLike) -> Float:
    """Rested cell voltage in volt, same shape as `state_of_charge` (0 to 1), straight between the points.

    Below empty it falls steeply, as an over-discharged cell does; above full it rises by 2 V per unit.
    """
    charge = np.asarray(state_of_charge, dtype=np.float64)
    inside: Float = np.interp(charge, chemistry.state_of_charge, chemistry.open_circuit_v)
    below = np.minimum(charge, 0.0) * 20.0
    above = np.maximum(charge - 1.0, 0.0) * 2.0
    return np.maximum(inside + below + above, 0.0)


def resistance_factor(activation_k: npt.ArrayLike, temperature_degc: npt.ArrayLike) -> Float:
    """How many times its resistance at 25 degC a cell has at this temperature; more than 1 in the cold."""
    kelvin = np.maximum(np.asarray(temperature_degc, dtype=np.float64), -60.0) + ZERO_CELSIUS_K
    factor: Float = np.exp(np.asarray(activation_k, dtype=np.float64) * (1.0 / kelvin - 1.0 / REFERENCE_K))
    return factor


def warmed(
    temperature_degc: npt.ArrayLike,
    *,
    ambient_degc: npt.ArrayLike,
    heat_w: npt.ArrayLike,
    heat_capacity_j_per_k: npt.ArrayLike,
    time_constant_s: npt.ArrayLike,
    dt_s: float,
) -> Float:
    """Temperature after `dt_s` of constant heat and surroundings: the exact solution, stable at any step."""
    constant = np.asarray(time_constant_s, dtype=np.float64)
    settled = np.asarray(ambient_degc) + np.asarray(heat_w) * constant / np.asarray(heat_capacity_j_per_k)
    result: Float = settled + (np.asarray(temperature_degc) - settled) * np.exp(-dt_s / constant)
    return result


def ageing_haste(temperature_degc: npt.ArrayLike) -> Float:
    """How many times faster than at 25 degC a cell ages; doubles with every 15 K."""
    haste: Float = 2.0 ** ((np.asarray(temperature_degc, dtype=np.float64) - 25.0) / 15.0)
    return haste


@dataclass(frozen=True)
class PackSpec:
    """How one pack is built; everything else follows.

    Attributes:
        chemistry: key of `CHEMISTRIES`.
        cells_in_series: how many.
        rated_capacity_ah: of every cell.
        seed: decides the cells' spread and, in a simulated year, weather and habits.
        duty: key of `years.DUTIES`: how the pack is used.
        climate: key of `years.CLIMATES`: where it stands.
        health: share of the rated capacity that it starts with.
        full_cycles: equivalent full cycles that it starts with.
        charge_limit_c: most charging current, in units of rated capacity per hour.
        discharge_limit_c: most discharging current, likewise.
        capacity_spread: standard deviation of the cells' capacities, as a share.
        time_constant_s: in which the pack loses 63 % of its excess over the surroundings.
        troubles: what goes wrong in a simulated year; see `years.Trouble`.
    """

    chemistry: str
    cells_in_series: int
    rated_capacity_ah: float
    seed: int = 1
    duty: str = "stationary"
    climate: str = "temperate"
    health: float = 1.0
    full_cycles: float = 0.0
    charge_limit_c: float = 1.0
    discharge_limit_c: float = 2.0
    capacity_spread: float = 0.005
    time_constant_s: float = 10_800.0
    troubles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A caller's mistake raises a plain error."""
        if self.chemistry not in CHEMISTRIES:
            raise ValueError(
                f"chemistry {self.chemistry!r} is not simulated; known: {', '.join(CHEMISTRIES)}"
            )
        if self.cells_in_series < 1 or not self.rated_capacity_ah > 0:
            raise ValueError(
                f"a pack has at least one cell and some capacity; "
                f"got {self.cells_in_series} cells, {self.rated_capacity_ah} Ah"
            )

    @property
    def cell(self) -> Chemistry:
        """The chemistry's row."""
        return CHEMISTRIES[self.chemistry]

    @property
    def minimum_v(self) -> float:
        """Of the pack: below it the BMS stops discharging."""
        return self.cell.minimum_v * self.cells_in_series

    @property
    def maximum_v(self) -> float:
        """Of the pack: above it the BMS stops charging."""
        return self.cell.maximum_v * self.cells_in_series

    @property
    def cell_resistance_ohm(self) -> float:
        """Of a new cell at 25 degC; grows as capacity fades."""
        return self.cell.resistance_ohm_ah / self.rated_capacity_ah * (1.0 + 2.0 * (1.0 - self.health))

    @property
    def cell_heat_capacity_j_per_k(self) -> float:
        """About 20 J/K per ampere-hour, housing included; invented for simulation."""
        return 20.0 * self.rated_capacity_ah


@dataclass(frozen=True)
class PackState:
    """One pack at one moment. Arrays hold one entry per cell, in series order.

    Attributes:
        charge_as: charge in each cell, ampere-seconds.
        capacity_as: what each cell can hold now.
        resistance_ohm: ohmic, of each cell at 25 degC.
        polarisation_v: voltage of each cell's RC pair.
        temperature_degc: of each cell.
        current_a: that flows, positive while charging; 0 where the BMS has opened a switch.
        charged_as: charge taken in over life.
        discharged_as: charge given out over life.
        full_cycles: of the life before this state's counters.
        protections: conditions now active.
        protection_counts: how often each became active.
        balancing: which cells are being bled.
    """

    charge_as: Float
    capacity_as: Float
    resistance_ohm: Float
    polarisation_v: Float
    temperature_degc: Float
    current_a: float = 0.0
    charged_as: float = 0.0
    discharged_as: float = 0.0
    full_cycles: float = 0.0
    protections: frozenset[Protection] = frozenset()
    protection_counts: Mapping[Protection, int] = field(default_factory=dict)
    balancing: tuple[bool, ...] = ()

    @property
    def charging_enabled(self) -> bool:
        """Whether the charging switch is closed."""
        return not self.protections & STOPS_CHARGE

    @property
    def discharging_enabled(self) -> bool:
        """Whether the discharging switch is closed."""
        return not self.protections & STOPS_DISCHARGE


_POLARISATION_SHARE: Final = 0.5
_POLARISATION_S: Final = 45.0
_BALANCE_LEAD_V: Final = 0.005
_BALANCE_A: Final = 0.1


def new_pack(spec: PackSpec, *, state_of_charge: float = 0.5, temperature_degc: float = 25.0) -> PackState:
    """A pack at rest; its cells differ a little, the same way for the same seed."""
    random = np.random.default_rng(spec.seed)
    count = spec.cells_in_series
    capacity = spec.rated_capacity_ah * 3600.0 * spec.health
    capacities = capacity * (1.0 + spec.capacity_spread * random.standard_normal(count))
    lead = 0.2 * spec.capacity_spread * random.standard_normal(count)
    return PackState(
        charge_as=np.clip(state_of_charge + lead, 0.0, 1.0) * capacities,
        capacity_as=capacities,
        resistance_ohm=spec.cell_resistance_ohm * (1.0 + 0.03 * random.standard_normal(count)),
        polarisation_v=np.zeros(count),
        temperature_degc=np.full(count, temperature_degc) + np.linspace(-0.3, 0.3, count),
        full_cycles=spec.full_cycles,
        protection_counts={},
        balancing=(False,) * count,
    )


def cell_voltages(spec: PackSpec, state: PackState) -> Float:
    """Terminal voltage of each cell under the present current, volt."""
    factor = resistance_factor(spec.cell.activation_k, state.temperature_degc)
    rested = open_circuit_v(spec.cell, state.charge_as / state.capacity_as)
    volts: Float = np.maximum(
        rested + state.current_a * state.resistance_ohm * factor + state.polarisation_v, 0.0
    )
    return volts


def state_of_charge(state: PackState) -> float:
    """What a BMS would show, 0 to 1: of the weakest cell, as the string ends with it."""
    return float(np.clip(np.min(state.charge_as / state.capacity_as), 0.0, 1.0))


def cycle_count(spec: PackSpec, state: PackState) -> int:
    """Equivalent full cycles: discharge over rated capacity, whole ones."""
    return int(state.full_cycles + state.discharged_as / (spec.rated_capacity_ah * 3600.0))


def step(spec: PackSpec, state: PackState, dt_s: float, current_a: float, ambient_degc: float) -> PackState:
    """The pack after `dt_s` seconds in which load or charger asked for `current_a` (positive charges).

    The BMS opens a switch where a limit is broken and closes it when the cause is gone by a margin; then the
    current that flows is 0, whatever was asked for. Long times are taken in pieces of at most ten seconds.

    Raises:
        ValueError: the time is negative or a number is not finite.
    """
    if not (dt_s >= 0 and math.isfinite(dt_s) and math.isfinite(current_a) and math.isfinite(ambient_degc)):
        raise ValueError(
            f"expected finite numbers and no negative time; got {dt_s} s, {current_a} A, {ambient_degc} degC"
        )
    pieces = max(1, math.ceil(dt_s / LONGEST_SUBSTEP_S)) if dt_s else 0
    for _ in range(pieces):
        state = _piece(spec, state, dt_s / pieces, current_a, ambient_degc)
    return state


def _piece(spec: PackSpec, state: PackState, dt_s: float, asked_a: float, ambient_degc: float) -> PackState:
    # 1. The switches, as they stand for this direction; too large a current opens them before anything flows.
    protections = _protections(spec, state, asked_a)
    stopped = protections & (STOPS_CHARGE if asked_a > 0 else STOPS_DISCHARGE)
    current = 0.0 if stopped else asked_a
    # 2. Charge: the same current through all cells, less what balancing bleeds and what leaks.
    leak = spec.cell.self_discharge * state.capacity_as / (30 * 86_400.0)
    bleed = np.where(state.balancing, _BALANCE_A, 0.0)
    charge = np.maximum(state.charge_as + (current - leak - bleed) * dt_s, -0.1 * state.capacity_as)
    # 3. The RC pair and the heat of the resistances.
    factor = resistance_factor(spec.cell.activation_k, state.temperature_degc)
    resistance = state.resistance_ohm * factor
    decay = math.exp(-dt_s / _POLARISATION_S)
    polarisation = state.polarisation_v * decay + current * resistance * _POLARISATION_SHARE * (1.0 - decay)
    heat = current * current * resistance + polarisation * polarisation / (resistance * _POLARISATION_SHARE)
    temperature = warmed(
        state.temperature_degc,
        ambient_degc=ambient_degc,
        heat_w=heat,
        heat_capacity_j_per_k=spec.cell_heat_capacity_j_per_k,
        time_constant_s=spec.time_constant_s,
        dt_s=dt_s,
    )
    # 4. Slow fade of what the cells can hold.
    moved = abs(current) * dt_s / 2.0 / (spec.rated_capacity_ah * 3600.0)
    haste = float(ageing_haste(temperature.mean()))
    capacity = state.capacity_as * (1.0 - min(0.5, spec.cell.cycle_fade * moved * haste))
    counts = dict(state.protection_counts)
    for new in protections - state.protections:
        counts[new] = counts.get(new, 0) + 1
    after = replace(
        state,
        charge_as=charge,
        capacity_as=capacity,
        polarisation_v=polarisation,
        temperature_degc=temperature,
        current_a=current,
        charged_as=state.charged_as + max(current, 0.0) * dt_s,
        discharged_as=state.discharged_as + max(-current, 0.0) * dt_s,
        protections=protections,
        protection_counts=counts,
    )
    return replace(after, balancing=_balancing(spec, after))


def _protections(spec: PackSpec, state: PackState, asked_a: float) -> frozenset[Protection]:
    """Conditions active at present voltages and temperatures; hysteresis keeps those that are barely gone."""
    volts = cell_voltages(spec, state)
    cell, active = spec.cell, state.protections
    low, high, pack = float(volts.min()), float(volts.max()), float(volts.sum())
    cold, hot = float(state.temperature_degc.min()), float(state.temperature_degc.max())
    span = cell.maximum_v - cell.minimum_v
    margin_v, pack_margin_v = 0.05 * span, 0.05 * span * spec.cells_in_series

    def above(name: Protection, value: float, limit: float, margin: float) -> bool:
        return value > (limit - margin if name in active else limit)

    def below(name: Protection, value: float, limit: float, margin: float) -> bool:
        return value < (limit + margin if name in active else limit)

    # A temperature limit speaks of a direction: it stands only while that direction is asked for.
    charging, discharging = asked_a > 0, asked_a < 0
    name = Protection
    conditions = {
        name.CELL_OVER_VOLTAGE: above(name.CELL_OVER_VOLTAGE, high, cell.maximum_v, margin_v),
        name.CELL_UNDER_VOLTAGE: below(name.CELL_UNDER_VOLTAGE, low, cell.minimum_v, margin_v),
        name.PACK_OVER_VOLTAGE: above(name.PACK_OVER_VOLTAGE, pack, spec.maximum_v, pack_margin_v),
        name.PACK_UNDER_VOLTAGE: below(name.PACK_UNDER_VOLTAGE, pack, spec.minimum_v, pack_margin_v),
        name.CHARGE_OVER_TEMPERATURE: charging
        and above(name.CHARGE_OVER_TEMPERATURE, hot, cell.charge_degc[1], 3.0),
        name.CHARGE_UNDER_TEMPERATURE: charging
        and below(name.CHARGE_UNDER_TEMPERATURE, cold, cell.charge_degc[0], 3.0),
        name.DISCHARGE_OVER_TEMPERATURE: discharging
        and above(name.DISCHARGE_OVER_TEMPERATURE, hot, cell.discharge_degc[1], 3.0),
        name.DISCHARGE_UNDER_TEMPERATURE: discharging
        and below(name.DISCHARGE_UNDER_TEMPERATURE, cold, cell.discharge_degc[0], 3.0),
        name.CHARGE_OVER_CURRENT: asked_a > spec.charge_limit_c * spec.rated_capacity_ah,
        name.DISCHARGE_OVER_CURRENT: -asked_a > spec.discharge_limit_c * spec.rated_capacity_ah,
    }
    return frozenset(each for each, holds in conditions.items() if holds)


def _balancing(spec: PackSpec, state: PackState) -> tuple[bool, ...]:
    volts = cell_voltages(spec, state)
    if state.current_a <= 0 or float(volts.max()) < spec.cell.balance_v:
        return (False,) * spec.cells_in_series
    leads = (volts >= spec.cell.balance_v) & (volts > volts.min() + _BALANCE_LEAD_V)
    return tuple(bool(lead) for lead in leads)
