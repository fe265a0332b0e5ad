"""Simulated packs read once a second while their load comes and goes: what resistance is estimated from.

The truth is what ten seconds after a step make of the pack's ohmic and slow resistance at 25 degC. The pack
stands in the seasons, so that it is measured at other temperatures than that.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from passport.bench.ageing import Ageing, Float, Make, ageing_for
from passport.bench.fleet import CELLS, COLD, Habit, Plan, _ambient, _basis, _measured, _Pack, _Rows
from passport.lifecycle.basis import Basis
from schemas.samples import Chunk

_VISITS: Final = 12  # over a year
_DAY_S: Final = 86_400.0
_START_S: Final = 1_735_689_600.0  # 2025-01-01T00:00:00Z
_OVER_S: Final = 10.0
_RATED_AH: Final = 100.0


@dataclass(frozen=True)
class Brisk:
    """One pack.

    Attributes:
        name: of it.
        basis: declared facts.
        chunk: its rows.
        ohm: its resistance over 10 s at 25 degC.
    """

    name: str
    basis: Basis
    chunk: Chunk
    ohm: float


def brisk(make: Make, health: float, seed: int) -> Brisk:
    """A pack of this health, visited in every season."""
    random = np.random.default_rng(seed)
    plan = Plan(make, Habit.HOME, COLD, _RATED_AH, health, 0.0, _VISITS, 365.0, seed)
    growth = float(random.uniform(0.8, 2.5))
    mixture = ageing_for(make, Ageing(0.8, 0.3, 0.2, growth), health)
    ohms = 1 + 0.04 * random.standard_normal(CELLS)
    lag = 0.002 + 0.004 * np.abs(random.standard_normal(CELLS))
    pack = _Pack(make, [mixture] * CELLS, lag, ohms)
    rows = _Rows()
    for visit in range(_VISITS):
        pack.time_s = _START_S + _DAY_S * 365 * (visit + float(random.uniform(0, 0.5))) / _VISITS
        pack.current = pack.slow_current = 0.0
        ambient = _ambient(plan.climate, pack.time_s, random) + 6
        pack.temperature = ambient
        pack.charge = pack.top - (1 - float(random.uniform(0.4, 0.85))) * pack.capacity / pack.per_rated
        pack.run(np.zeros(60), 1.0, ambient, rows)
        pack.run(_switched(random), 1.0, ambient, rows)
        pack.run(np.zeros(60), 1.0, ambient, rows)
    share = make.ohmic + make.slow * (1 - math.exp(-_OVER_S / make.slow_s))
    ohm = share * float(pack.growth.sum()) / _RATED_AH
    chunk = Chunk(f"{make.name}-brisk-{seed}", "simulated", "1", 1, _measured(rows, plan, random))
    return Brisk(chunk.battery, _basis(plan), chunk, ohm)


def _switched(random: np.random.Generator) -> Float:
    """A load that is switched between a little and much, half a minute each."""
    levels = []
    for _ in range(20):
        levels += [-float(random.uniform(0.02, 0.1)), -float(random.uniform(0.4, 0.9))]
    out: Float = np.repeat(np.array(levels), 30)
    return out
