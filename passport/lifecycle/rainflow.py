"""Rainflow counting (ASTM E1049) of the state of charge, value by value.

The turning points that still may become part of a larger cycle lie on a stack of falling ranges; a range
that the next one covers is a cycle and leaves it: half a one where it is the oldest, a whole one elsewhere.
What is left is counted as half cycles when somebody asks. Values between turning points change nothing, so
they may be left out.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

MOST_TURNS: Final = 24
SMALLEST: Final = 20  # tenths of a percent: smaller cycles are the noise of an estimate, and are not counted
DEPTH_BINS: Final = 10  # of 10 % each
MEAN_BINS: Final = 5  # of 20 % each
FULL: Final = 1000


@dataclass
class Rainflow:
    """Cycles of charge so far.

    Attributes:
        turns: turning points in tenths of a percent, oldest first; the last one may still go on.
        halves: half cycles by bin, `depth bin * MEAN_BINS + mean bin`.
    """

    turns: list[int] = field(default_factory=list)
    halves: dict[int, int] = field(default_factory=dict)

    def take(self, value: int) -> None:
        """The next value; what is beyond 0 or 100 % counts as that."""
        value = min(max(value, 0), FULL)
        turns = self.turns
        if turns and value == turns[-1]:
            return
        if len(turns) > 1 and (turns[-1] > turns[-2]) == (value > turns[-1]):
            turns[-1] = value
        else:
            turns.append(value)
        while len(turns) > 2 and abs(turns[-1] - turns[-2]) >= abs(turns[-2] - turns[-3]):
            if len(turns) == 3:
                self._count(turns[0], turns[1], 1)
                del turns[0]
            else:
                self._count(turns[-3], turns[-2], 2)
                del turns[-3:-1]
        if len(turns) > MOST_TURNS:
            self._count(turns[0], turns[1], 1)
            del turns[0]

    def settle(self) -> None:
        """Nothing follows: what is left is half cycles."""
        self.halves = self.counted()
        self.turns = []

    def counted(self) -> dict[int, int]:
        """Half cycles by bin, those of the rest included."""
        whole = Rainflow([], dict(self.halves))
        for one, other in pairwise(self.turns):
            whole._count(one, other, 1)
        return whole.halves

    def _count(self, one: int, other: int, halves: int) -> None:
        depth = abs(one - other)
        if depth >= SMALLEST:
            where = cycle_bin(depth, one + other)
            self.halves[where] = self.halves.get(where, 0) + halves


def cycle_bin(depth: int, twice_mean: int) -> int:
    """The bin of a cycle; a value on an edge belongs above it, a full cycle to the deepest bin."""
    deep = min(depth * DEPTH_BINS // FULL, DEPTH_BINS - 1)
    return deep * MEAN_BINS + min(twice_mean * MEAN_BINS // (2 * FULL), MEAN_BINS - 1)
