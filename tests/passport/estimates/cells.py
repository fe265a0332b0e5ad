"""A simulated cell, for tests: published half-cell potentials, a resistance, and ageing by lost lithium.

Sources: Chen et al., J. Electrochem. Soc. 167 (2020) 080534 (NMC 811); Safari and Delacourt, J. Electrochem.
Soc. 158 (2011) A562 (LFP).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from passport.lifecycle.basis import Basis
from tests.passport.estimates.sessions_of import Row


def _nmc(y):
    return (
        -0.8090 * y
        + 4.4875
        - 0.0428 * np.tanh(18.5138 * (y - 0.5542))
        - 17.7326 * np.tanh(15.7890 * (y - 0.3117))
        + 17.5842 * np.tanh(15.9308 * (y - 0.3120))
    )


def _graphite_silicon(x):
    return (
        1.9793 * np.exp(-39.3631 * x)
        + 0.2482
        - 0.0909 * np.tanh(29.8538 * (x - 0.1234))
        - 0.04478 * np.tanh(14.9159 * (x - 0.2769))
        - 0.0205 * np.tanh(30.4444 * (x - 0.6103))
    )


def _lfp(y):
    return (
        3.4323
        - 0.8428 * np.exp(-80.2493 * (1 - y) ** 1.3198)
        - 3.2474e-6 * np.exp(20.2645 * (1 - y) ** 3.8003)
        + 3.2482e-6 * np.exp(20.2646 * (1 - y) ** 3.7995)
    )


def _graphite(x):
    return (
        0.6379
        + 0.5416 * np.exp(-305.5309 * x)
        + 0.044 * np.tanh(-(x - 0.1958) / 0.1088)
        - 0.1978 * np.tanh((x - 1.0571) / 0.0854)
        - 0.6875 * np.tanh((x + 0.0117) / 0.0529)
        - 0.0175 * np.tanh((x - 0.5692) / 0.0875)
    )


# chemistry: potentials, stoichiometry empty and full of both electrodes, limits of the cell
_KINDS = {
    "Li-ion NMC": (_nmc, _graphite_silicon, (0.0263, 0.9107), (0.9084, 0.2661), (2500, 4190)),
    "Li-ion LFP": (_lfp, _graphite, (0.002, 0.811), (0.74, 0.004), (2500, 3650)),
}


@dataclass
class Cell:
    """One cell; `health` is what is left of its 10 Ah, all of the loss lithium.

    Currents in units of the rated capacity; its `soc` runs from the lower limit at rest to the upper one.
    """

    chemistry: str
    health: float = 1.0
    rated: float = 10.0
    ohm: float = 0.006

    def __post_init__(self):
        up, un, (x0, x1), (y0, y1), limits = _KINDS[self.chemistry]
        # With lithium lost the anode is filled less far at the top, and the cathode keeps its own end there.
        xs = np.linspace(x0, x0 + (x1 - x0) * self.health, 4001)
        ys = np.linspace(y1 + (y0 - y1) * self.health, y1, 4001)
        volts = up(ys) - un(xs)
        self.minimum_mv, self.maximum_mv = limits
        keep = (volts >= self.minimum_mv / 1000) & (volts <= self.maximum_mv / 1000)
        self._volts = volts[keep]
        self._soc = np.linspace(0, 1, int(keep.sum()))
        self.capacity = self.rated * self.health * float(keep.mean())
        self.basis = Basis(
            chemistry=self.chemistry,
            category="stationary",
            rated_mah=round(self.rated * 1000),
            in_series=1,
            minimum_mv=self.minimum_mv,
            maximum_mv=self.maximum_mv,
        )

    def open_circuit(self, soc: float) -> float:
        return float(np.interp(soc, self._soc, self._volts))

    def run(
        self,
        soc: float,
        rate: float,
        *,
        until: float | None = None,
        rest_before: float = 3600.0,
        rest_after: float = 3600.0,
        step: float = 30.0,
        noise: np.random.Generator | None = None,
        degrees: float | None = 25.0,
        taper: float = 0.05,
    ) -> list[Row]:
        """Rest, a charge (rate > 0) or discharge until `until` or its limit, rest."""
        rows: list[Row] = []
        wobble = (lambda: float(noise.normal(0, 0.001))) if noise is not None else (lambda: 0.0)
        at = 0.0
        for _ in range(max(1, int(rest_before // 60))):
            rows.append((at, self.open_circuit(soc) + wobble(), 0.0, degrees))
            at += 60.0
        for moved, volts, current in self._drive(soc, rate, until, step, taper):
            rows.append((at, volts + wobble(), current, degrees))
            soc = moved
            at += step
        for _ in range(max(1, int(rest_after // 60))):
            rows.append((at, self.open_circuit(soc) + wobble(), 0.0, degrees))
            at += 60.0
        return rows

    def _drive(
        self, soc: float, rate: float, until: float | None, step: float, taper: float
    ) -> Iterator[tuple[float, float, float]]:
        current = rate * self.rated
        for _ in range(100_000):
            volts = self.open_circuit(soc) + current * self.ohm
            if rate > 0 and volts >= self.maximum_mv / 1000:
                # Constant voltage: the current that holds the limit.
                volts = self.maximum_mv / 1000
                current = (volts - self.open_circuit(soc)) / self.ohm
                if current <= taper * self.rated:
                    yield soc, volts, current
                    return
            yield soc, volts, current
            if rate < 0 and volts <= self.minimum_mv / 1000:
                return
            soc = min(1.0, max(0.0, soc + current * step / 3600 / self.capacity))
            if until is not None and (soc >= until if rate > 0 else soc <= until):
                yield soc, self.open_circuit(soc) + current * self.ohm, current
                return
            if soc in {0.0, 1.0}:
                yield soc, self.open_circuit(soc) + current * self.ohm, current
                return
