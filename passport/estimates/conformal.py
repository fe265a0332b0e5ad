"""Intervals that were compared with references: split conformal, one score for each battery.

A score is how far an estimate lay from a reference, by the estimate's own standard deviation. The interval
is the estimate and `quantile` standard deviations to both sides, the quantile over batteries of one chemistry
and one session class. Coverage is a property of the procedure over batteries, not of one battery.

Each battery gives one score, however many references it has: drawn by the hash of its name, so that the same
references give the same quantile. With fewer than nine batteries there is no quantile, and an interval says
that it is not calibrated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from hashlib import sha256
from math import ceil, fsum
from typing import Any, Final

import orjson

LEAST_BATTERIES: Final = 9
_LEVEL: Final = Fraction(9, 10)
_SHARE: Final = 0.8


@dataclass(frozen=True)
class Score:
    """One comparison.

    Attributes:
        battery: whose.
        chemistry: word of `battery_chemistry`; None where none is declared.
        evidence: word of the evidence class.
        score: |estimate - reference| by the estimate's standard deviation.
    """

    battery: str
    chemistry: str | None
    evidence: str
    score: float


@dataclass(frozen=True)
class Group:
    """What the batteries of one chemistry and session class gave.

    Attributes:
        chemistry, evidence: which.
        batteries, references: how many there were.
        quantile: standard deviations to each side; None with too few batteries.
        coverage: share of references that an interval holds whose quantile came from the other batteries,
            each battery counting once; None with too few.
        below: share of batteries of which less than 80 % of the references were held; None likewise.
    """

    chemistry: str | None
    evidence: str
    batteries: int
    references: int
    quantile: float | None
    coverage: float | None
    below: float | None


@dataclass(frozen=True)
class Calibration:
    """All groups of one operator's references; used for no other operator's batteries."""

    owner: str
    groups: tuple[Group, ...]

    @property
    def digest(self) -> str:
        """12 hex digits over everything in it."""
        return sha256(orjson.dumps(self.to_wire(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

    def quantile(self, chemistry: str | None, evidence: str) -> float | None:
        """Of that group; None where it is not calibrated."""
        for group in self.groups:
            if (group.chemistry, group.evidence) == (chemistry, evidence):
                return group.quantile
        return None

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"owner": self.owner, "groups": [asdict(group) for group in self.groups]}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Calibration":
        """The inverse of `to_wire`."""
        return cls(wire["owner"], tuple(Group(**group) for group in wire["groups"]))


def calibrate(scores: Sequence[Score], owner: str) -> Calibration:
    """Quantiles by chemistry and session class."""
    parts: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        parts.setdefault((score.chemistry or "", score.evidence), []).append(score)
    return Calibration(owner, tuple(_group(parts[key]) for key in sorted(parts)))


def quantile(values: Sequence[float], level: Fraction = _LEVEL) -> float | None:
    """The split-conformal quantile: the ceil((n + 1) level)-th smallest; None where n is too small for it.

    >>> quantile([1, 2, 3, 4, 5, 6, 7, 8, 9])
    9
    >>> quantile([1, 2, 3, 4, 5, 6, 7, 8]) is None
    True
    """
    place = ceil((len(values) + 1) * level)
    return sorted(values)[place - 1] if values and place <= len(values) else None


def _group(scores: Sequence[Score]) -> Group:
    by_battery: dict[str, list[float]] = {}
    for score in scores:
        by_battery.setdefault(score.battery, []).append(score.score)
    names = sorted(by_battery)
    drawn = {name: _drawn(name, by_battery[name]) for name in names}
    found = quantile([drawn[name] for name in names]) if len(names) >= LEAST_BATTERIES else None
    coverage = below = None
    if found is not None:
        held = []
        for name in names:
            others = sorted(drawn[other] for other in names if other != name)
            # With nine batteries eight are left, one too few: their largest score stands in.
            bound = quantile(others)
            bound = others[-1] if bound is None else bound
            own = by_battery[name]
            held.append(sum(one <= bound for one in own) / len(own))
        coverage = round(fsum(held) / len(held), 6)
        below = round(sum(one < _SHARE for one in held) / len(held), 6)
    first = scores[0]
    rounded = None if found is None else round(found, 6)
    return Group(first.chemistry, first.evidence, len(names), len(scores), rounded, coverage, below)


def _drawn(name: str, scores: Sequence[float]) -> float:
    ordered = sorted(scores)
    return ordered[int.from_bytes(sha256(name.encode()).digest()[:8], "big") % len(ordered)]
