"""Ratio: what a benchmark reports; a ratio to a yardstick of the same run says more than a time."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Ratio:
    """Ours against a yardstick measured in the same run.

    Attributes:
        name: what was measured.
        ours: our figure, with `unit`.
        yardstick: the yardstick's figure in the same unit; None when the bar is absolute.
        unit: of both figures.
        bar: the value `ratio` must reach (or must not pass, when `at_most`); None where none is set.
        at_most: True when smaller is better.
        against: what the yardstick is, in words.
        note: what a reader should know, such as sizes; empty when nothing.
        spread: lowest and highest ratio among the rounds; None where there was one round.
    """

    name: str
    ours: float
    yardstick: float | None
    unit: str
    bar: float | None
    at_most: bool
    against: str
    note: str = ""
    spread: tuple[float, float] | None = None

    @property
    def ratio(self) -> float:
        """Ours divided by the yardstick; our own figure when there is none."""
        return self.ours / self.yardstick if self.yardstick else self.ours

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None where there is no bar."""
        if self.bar is None:
            return None
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


@dataclass(frozen=True)
class Paired:
    """Seconds of both sides, round by round.

    Attributes:
        rounds: (ours, the yardstick's), each pair measured one after the other.
    """

    rounds: tuple[tuple[float, float], ...]

    @property
    def middle(self) -> tuple[float, float]:
        """The round whose ratio is the median; with an even number of rounds the slower one of the two."""
        ordered = sorted(self.rounds, key=lambda pair: pair[0] / pair[1])
        return ordered[len(ordered) // 2]

    def spread(self, *, rates: bool = True) -> tuple[float, float]:
        """Lowest and highest ratio of the rounds, of rates (more is better) or of times."""
        ratios = [theirs / ours if rates else ours / theirs for ours, theirs in self.rounds]
        return min(ratios), max(ratios)


def paired(ours: Callable[[], object], yardstick: Callable[[], object], *, rounds: int = 5) -> Paired:
    """Both once to warm up, then in turn, so that a drifting machine slows both alike."""
    ours()
    yardstick()
    return Paired(tuple((seconds(ours), seconds(yardstick)) for _ in range(rounds)))


def middle_seconds(call: Callable[[], object], *, rounds: int = 5) -> float:
    """Median wall seconds of a call, after one to warm up."""
    call()
    return median(seconds(call) for _ in range(rounds))


def seconds(call: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start
