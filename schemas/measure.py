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
        bar: the value `ratio` must reach (or must not pass, when `at_most`).
        at_most: True when smaller is better.
        against: what the yardstick is, in words.
        note: what a reader should know, such as sizes; empty when nothing.
    """

    name: str
    ours: float
    yardstick: float | None
    unit: str
    bar: float
    at_most: bool
    against: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours divided by the yardstick; our own figure when there is none."""
        return self.ours / self.yardstick if self.yardstick else self.ours

    @property
    def reached(self) -> bool:
        """Whether the bar is reached."""
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


def paired(
    ours: Callable[[], object], yardstick: Callable[[], object], *, rounds: int = 5
) -> tuple[float, float]:
    """Median seconds of both, run in turn so that a drifting machine slows both alike."""
    first, second = [], []
    ours()
    yardstick()
    for _ in range(rounds):
        first.append(seconds(ours))
        second.append(seconds(yardstick))
    return median(first), median(second)


def seconds(call: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = perf_counter()
    call()
    return perf_counter() - start
