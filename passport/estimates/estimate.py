"""Estimate and NotDeterminable: what an estimator may answer, and nothing else.

An estimator calculates in floats and in a fixed order. What it says is rounded here, once: the value half to
even, the ends of its interval outwards, so that rounding never claims more than was known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum, unique
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from schemas.terms import Unit
from schemas.values import utc_text

LEVEL: Final = Decimal("0.9")  # of every interval here
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@unique
class EvidenceClass(StrEnum):
    """What a figure rests on, the strongest first."""

    A = "A"  # a complete charge or discharge
    B = "B"  # a voltage window learned for this cell model
    C = "C"  # between two rested voltages, or from a start that may mean several percent
    OBSERVED = "observed"  # ordinary use: current steps, loops, rests
    BMS = "bms"  # the device's own word alone


@dataclass(frozen=True)
class Estimate:
    """A figure with the interval that holds it nine times in ten.

    Attributes:
        value, low, high: rounded to the same places; `low <= value <= high`.
        unit: of all three.
        method: stable id with its version, such as `cap.classA.v1`.
        evidence_class: what it rests on.
        calibrated: whether the interval was compared with references of enough batteries; else it is a prior.
        as_of: moment of the newest evidence; None when the time of its rows is not known.
        stale: the newest evidence is too old, or too many cycles ago.
        conditions: under which it holds, by name, in words or numbers as text (`temperature_celsius`, ...).
        counts: what it rests on, by name (`sessions`, `steps`, `batteries`, ...).
        remarks: sentences for whoever reads the figure.
    """

    value: Decimal
    low: Decimal
    high: Decimal
    unit: Unit
    method: str
    evidence_class: EvidenceClass
    calibrated: bool = False
    as_of: datetime | None = None
    stale: bool = False
    conditions: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    counts: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no interval: a caller's mistake."""
        if not self.low <= self.value <= self.high:
            raise ValueError(f"expected low <= value <= high, got {self.low}, {self.value}, {self.high}")
        if not self.method:
            raise ValueError("an estimate names its method")

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON; numbers as decimal text."""
        return {
            "value": str(self.value),
            "low": str(self.low),
            "high": str(self.high),
            "level": str(LEVEL),
            "unit": self.unit.value,
            "method": self.method,
            "evidence_class": self.evidence_class.value,
            "calibrated": self.calibrated,
            "as_of": utc_text(self.as_of) if self.as_of is not None else None,
            "stale": self.stale,
            "conditions": dict(self.conditions),
            "counts": dict(self.counts),
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True)
class NotDeterminable:
    """Why there is no figure. Never a zero, never a guess.

    Attributes:
        code: stable word, such as `no_informative_session`.
        reason: a sentence.
        helps: what would change it, as a sentence; empty when nothing can.
    """

    code: str
    reason: str
    helps: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"not_determinable": self.code, "reason": self.reason, "helps": self.helps}


Answer = Estimate | NotDeterminable


def rounded(value: float, low: float, high: float, *, places: int) -> tuple[Decimal, Decimal, Decimal]:
    """Value half to even and the ends outwards, to so many decimal places.

    >>> rounded(1.234, 1.201, 1.299, places=2)
    (Decimal('1.23'), Decimal('1.20'), Decimal('1.30'))

    Raises:
        ValueError: one of them is not finite.
    """
    if not (isfinite(value) and isfinite(low) and isfinite(high)):
        raise ValueError(f"expected finite numbers, got {value}, {low}, {high}")
    step = Decimal(1).scaleb(-places)
    # repr is the shortest text that gives the same float: 0.1 stays 0.1.
    middle = Decimal(repr(value)).quantize(step, ROUND_HALF_EVEN)
    down = Decimal(repr(low)).quantize(step, ROUND_FLOOR)
    up = Decimal(repr(high)).quantize(step, ROUND_CEILING)
    return middle + 0, min(down, middle) + 0, max(up, middle) + 0
