"""Class B: the charge that crosses a learned voltage window, and the line from it to the capacity.

For one cell model and one operator: `C = a + b * dQ` over a window of voltage, learned from charges whose
capacity class A told. Each window carries the standard deviation of its residuals when the battery under test
is left out; a window above two percent is refused, and what it states is wider where batteries were few. A
wrong window is worse than none, and this is what tells which it is. Never moved to another model, another
chemistry, or another operator's batteries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import fsum, sqrt
from typing import Any, Final

import orjson

from passport.lifecycle.session import PER_AMPERE_HOUR, Session

LEAST_BATTERIES: Final = 3
MOST_SD: Final = 2.0  # percent of the rated capacity, of a battery left out
_LEAST_SD: Final = 1.0  # a window's error is constant within a battery: more sessions do not shrink it
_RATE_BAND: Final = 1.25
_WIDEST: Final = 12  # parts in a window


@dataclass(frozen=True)
class Example:
    """A charge with a known capacity.

    Attributes:
        battery: whose.
        session: the charge.
        capacity: as a share of the rated one.
    """

    battery: str
    session: Session
    capacity: float


@dataclass(frozen=True)
class Window:
    """One accepted window.

    Attributes:
        edges: lower edges of the neighbouring parts it is made of, mV.
        a, b: share of the rated capacity = a + b * charge in the window by the rated capacity.
        sd: of batteries left out, percent, and wider where they were few.
        least, most: charge in the window that was seen, by the rated capacity; outside nothing is said.
        batteries, sessions: it was learned from.
    """

    edges: tuple[int, ...]
    a: float
    b: float
    sd: float
    least: float
    most: float
    batteries: int
    sessions: int


@dataclass(frozen=True)
class WindowModel:
    """What was learned for one model of one operator.

    Attributes:
        owner: operator whose batteries it was learned from; it is used for no other.
        of: the battery model.
        slowest, fastest: mean current by the rated capacity that was seen.
        coldest, hottest: mean temperature that was seen, tenths of a degree; None where none was read.
        windows: accepted ones, best first; empty when no window is good enough.
    """

    owner: str
    of: str
    slowest: float
    fastest: float
    coldest: int | None
    hottest: int | None
    windows: tuple[Window, ...]

    @property
    def method(self) -> str:
        """`cap.window.v1:` and the hash of everything in the model."""
        return f"cap.window.v1:{self.digest}"

    @property
    def digest(self) -> str:
        """12 hex digits."""
        return sha256(orjson.dumps(self.to_wire(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

    def capacity_of(self, session: Session, rated: float) -> tuple[float, float] | None:
        """Capacity in Ah and its standard deviation in percent; None where no window applies."""
        rate = session.mean_ma / 1000 / rated
        if not self.slowest / _RATE_BAND <= rate <= self.fastest * _RATE_BAND:
            return None
        degrees = session.mean_temperature
        if (degrees is None) != (self.coldest is None):
            return None
        cold, hot = self.coldest, self.hottest
        if degrees is not None and cold is not None and hot is not None:
            within = cold - 50 <= degrees <= hot + 50
            if not within:
                return None
        for window in self.windows:
            crossed = charge_between(session, window.edges)
            if crossed is None:
                continue
            share = crossed / rated
            margin = 0.1 * (window.most - window.least)
            if window.least - margin <= share <= window.most + margin:
                return (window.a + window.b * share) * rated, max(window.sd, _LEAST_SD)
        return None

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "owner": self.owner,
            "of": self.of,
            "slowest": self.slowest,
            "fastest": self.fastest,
            "coldest": self.coldest,
            "hottest": self.hottest,
            "windows": [asdict(window) for window in self.windows],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "WindowModel":
        """The inverse of `to_wire`."""
        kept = {name: wire[name] for name in ("owner", "of", "slowest", "fastest", "coldest", "hottest")}
        return cls(**kept, windows=tuple(_window_from(window) for window in wire["windows"]))


def _window_from(wire: Mapping[str, Any]) -> Window:
    return Window(**{**wire, "edges": tuple(wire["edges"])})


def charge_between(session: Session, edges: Sequence[int]) -> float | None:
    """Ah moved through the parts that begin at `edges`; None when one of them was not crossed whole."""
    crossed = dict(session.windows)
    parts = [crossed.get(edge) for edge in edges]
    known = [part for part in parts if part is not None]
    return sum(known) / PER_AMPERE_HOUR if known and len(known) == len(parts) else None


def learn(examples: Sequence[Example], rated: float, *, owner: str, of: str) -> WindowModel:
    """The windows that hold for a battery left out.

    Args:
        examples: charges of several batteries of one model.
        rated: rated capacity, Ah.
        owner: operator.
        of: model.
    """
    edges = sorted({edge for example in examples for edge, _ in example.session.windows})
    found: list[Window] = []
    for at in range(len(edges)):
        for end in range(at + 1, min(at + _WIDEST, len(edges)) + 1):
            window = _window(examples, rated, tuple(edges[at:end]))
            if window is not None:
                found.append(window)
    found.sort(key=lambda one: (one.sd, one.edges))
    rates = [example.session.mean_ma / 1000 / rated for example in examples]
    degrees = [example.session.mean_temperature for example in examples]
    known = [one for one in degrees if one is not None] if all(one is not None for one in degrees) else []
    return WindowModel(
        owner,
        of,
        round(min(rates, default=0.0), 6),
        round(max(rates, default=0.0), 6),
        min(known, default=None),
        max(known, default=None),
        tuple(found[:12]),
    )


def _window(examples: Sequence[Example], rated: float, edges: tuple[int, ...]) -> Window | None:
    points: list[tuple[str, float, float]] = []
    for example in examples:
        crossed = charge_between(example.session, edges)
        if crossed is not None:
            points.append((example.battery, crossed / rated, example.capacity))
    names = sorted({name for name, _, _ in points})
    if len(names) < LEAST_BATTERIES:
        return None
    worst: list[float] = []
    for out in names:
        line = _line([(x, y) for name, x, y in points if name != out])
        if line is None:
            return None
        own = [(line[0] + line[1] * x - y) ** 2 for name, x, y in points if name == out]
        worst.append(fsum(own) / len(own))
    # Each battery counts once, however many sessions it has.
    left_out = 100 * sqrt(fsum(worst) / len(worst))
    line = _line([(x, y) for _, x, y in points])
    if line is None or left_out > MOST_SD or line[1] <= 0:
        return None
    # The best of many windows on few batteries looks better than it is, and a line through few points leaves
    # the next battery further off.
    sd = left_out * sqrt((len(names) + 1) / (len(names) - 2))
    shares = [x for _, x, _ in points]
    return Window(
        edges,
        round(line[0], 9),
        round(line[1], 9),
        round(sd, 6),
        round(min(shares), 9),
        round(max(shares), 9),
        len(names),
        len(points),
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Least squares; None where the points do not spread."""
    count = len(points)
    if count < 3:
        return None
    mean_x, mean_y = fsum(x for x, _ in points) / count, fsum(y for _, y in points) / count
    spread = fsum((x - mean_x) ** 2 for x, _ in points)
    if spread < 1e-8 * count:
        return None
    slope = fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return mean_y - slope * mean_x, slope
