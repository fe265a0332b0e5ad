"""A pack that lives while somebody asks it: load and charger take turns, time runs as fast as wanted."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable

import numpy as np

from ingest.simulators.pack import (
    PackSpec,
    PackState,
    cell_voltages,
    new_pack,
    state_of_charge,
    step,
)


class Device(Protocol):
    """What stands at the far end of a line."""

    def hear(self, data: bytes) -> bytes:
        """Bytes from the line, whole requests or pieces; the bytes that go back, empty for silence."""

    def quiet(self) -> None:
        """The line has fallen silent: what is incomplete will not be completed."""

    def advance(self, seconds: float) -> None:
        """Let this much of the device's own time pass."""


@runtime_checkable
class Speaker(Protocol):
    """A device that also speaks unasked."""

    def speak(self) -> bytes:
        """What is due now; empty for nothing."""


# Where the turns end, and how fast charge moves, in units of rated capacity per hour.
_EMPTY: Final = 0.2
_FULL: Final = 0.97
_CHARGE_RATE: Final = 0.35
_LOAD_RATE: Final = 0.25
_LONGEST_STEP_S: Final = 60.0


def pieces(seconds: float) -> Iterator[float]:
    """The time in pieces of at most a minute, so that load and charger can answer to what happens."""
    left = seconds
    while left > 0:
        piece = min(left, _LONGEST_STEP_S)
        yield piece
        left -= piece


class LivePack:
    """One pack under a changing load. Not for several threads at once; `serve` keeps to one.

    Attributes:
        spec: how it is built.
        state: how it is now.
        ambient_degc: the air around it.
        elapsed_s: its own time since it was made.
    """

    def __init__(self, spec: PackSpec, *, state_of_charge: float = 0.6, ambient_degc: float = 21.0) -> None:
        self.spec = spec
        self.state: PackState = new_pack(spec, state_of_charge=state_of_charge, temperature_degc=ambient_degc)
        self.ambient_degc = ambient_degc
        self.elapsed_s = 0.0
        self.charging = False

    def advance(self, seconds: float) -> None:
        """Let time pass under the pack's own load and charger."""
        for piece in pieces(seconds):
            self.carry(piece, self.wanted_a())

    def carry(self, seconds: float, current_a: float) -> None:
        """Let time pass while this current is asked for."""
        self.state = step(self.spec, self.state, seconds, current_a, self.ambient_degc)
        self.elapsed_s += seconds

    def wanted_a(self) -> float:
        """What load or charger ask for now, ampere, positive while charging."""
        charge = state_of_charge(self.state)
        if charge <= _EMPTY or not self.state.discharging_enabled:
            self.charging = True
        elif charge >= _FULL or not self.state.charging_enabled:
            self.charging = False
        rated = self.spec.rated_capacity_ah
        if not self.charging:
            # A load is never quite steady: two slow waves, the same for the same seed.
            wave = math.sin(self.elapsed_s / 47.0 + self.spec.seed) + math.sin(self.elapsed_s / 311.0)
            return -min(_LOAD_RATE * rated * (1.0 + 0.25 * wave), self.spec.discharge_limit_c * rated)
        # A charger gives way before the highest cell reaches its limit.
        headroom = self.spec.cell.maximum_v - 0.02 - float(np.max(cell_voltages(self.spec, self.state)))
        wanted = min(_CHARGE_RATE, self.spec.charge_limit_c) * rated
        return wanted * min(1.0, max(0.05, headroom / 0.05))


def exact(value: float, exponent: int) -> Decimal:
    """The number rounded to a power of ten, as a BMS rounds before it sends."""
    return Decimal(round(value * 10.0**-exponent)).scaleb(exponent)


def sensors_degc(state: PackState, count: int) -> list[Decimal]:
    """What `count` sensors spread evenly along the string measure, in tenths of a degree."""
    places = np.linspace(0, len(state.temperature_degc) - 1, count).round().astype(int)
    return [exact(float(state.temperature_degc[place]), -1) for place in places]
