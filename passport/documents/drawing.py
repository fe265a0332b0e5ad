"""Small drawings of a battery: figures over days with their bands, and bars; as SVG text.

No script, no font, nothing to fetch. Ink is the text colour of the page around, so that a drawing is read on
a light and on a dark ground and on paper; the colours keep a contrast of 3:1 on each, and shapes differ too.
The same figures give the same bytes. What is drawn stands as a table beside it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

# Told apart without colour vision too, and on white and dark ground.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#9467bd")
# Of the drawings here: as far from white as from the page's dark ground.
TRACKS: Final = ("#1f87c7", "#d55e00")
# As wide as a phone, so that words keep their size on one.
WIDTH: Final = 360
_HEIGHT: Final = 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 40, 28
_BAR: Final = 42
_BARS_LEFT, _BARS_RIGHT = 2, 80
_DENSE: Final = 60


@dataclass(frozen=True)
class Axis:
    """A scale with round steps; `begin` and `end` are where it lies on the drawing."""

    first: float
    last: float
    step: float
    begin: int
    end: int

    @classmethod
    def of(cls, values: Sequence[float], begin: int, end: int) -> "Axis":
        """Holds all the values."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        rough = (high - low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step, step, begin, end)

    def at(self, value: float) -> float:
        """Where the value lies."""
        return self.begin + (value - self.first) / (self.last - self.first) * (self.end - self.begin)

    @property
    def ticks(self) -> list[float]:
        """Where a line belongs."""
        return [self.first + self.step * n for n in range(round((self.last - self.first) / self.step) + 1)]


@dataclass(frozen=True)
class Point:
    """A figure of a day; `low` and `high` are its band, None where none is stated."""

    day: date
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Track:
    """One row of figures over days, in order, under its name."""

    name: str
    points: tuple[Point, ...]


def over_days(
    anchor: str,
    title: str,
    finding: str,
    unit: str,
    tracks: Sequence[Track],
    changes: Sequence[date] = (),
    holds: Sequence[float] = (),
) -> str:
    """Figures over days, each with its band; at least one point.

    Args:
        anchor: makes the ids of the drawing its own within a page.
        title: what is shown.
        finding: what it says, a sentence.
        unit: of the figures.
        tracks: at most two.
        changes: days on which the method changed; each gets a line with its number, from 1.
        holds: values that the scale must hold besides; a share is seen against nought.
    """
    points = [point for one in tracks for point in one.points]
    heights = [y for p in points for y in (p.value, p.low, p.high) if y is not None]
    up = Axis.of([*heights, *holds], _HEIGHT - _BOTTOM, _TOP)
    first, last = min(p.day for p in points), max(p.day for p in points)
    days = (last - first).days

    def across(day: date) -> float:
        inside = WIDTH - _RIGHT - _LEFT
        return _LEFT + 8 + (inside - 16) * ((day - first).days / days if days else 0.5)

    out = [_opening(anchor, title, finding, _HEIGHT)]
    for value in up.ticks:
        y = up.at(value)
        out.append(_line(_LEFT, y, WIDTH - _RIGHT, y, opacity=0.25))
        out.append(_words(_LEFT - 6, y + 5, f"{value:.6g}" if abs(value) > 1e-9 else "0", anchor="end"))
    out.append(_words(4, 14, unit))
    if days:
        out.append(_words(_LEFT, _HEIGHT - 8, first.isoformat()))
        out.append(_words(WIDTH - _RIGHT, _HEIGHT - 8, last.isoformat(), anchor="end"))
    else:
        out.append(_words(across(first), _HEIGHT - 8, first.isoformat(), anchor="middle"))
    for number, day in enumerate(changes, 1):
        x = across(day)
        out.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, dash=True))
        out.append(_words(x, _TOP - 4, str(number), anchor="middle"))
    for number, one in enumerate(tracks):
        out += _track(one, number, across, up)
    out += _legend([one.name for one in tracks])
    return "\n".join([*out, "</svg>"]) + "\n"


def bars(anchor: str, title: str, finding: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Bars with their names above and their figures behind them.

    Args:
        anchor: makes the ids of the drawing its own within a page.
        title: what is shown.
        finding: what it says, a sentence.
        rows: name, length, and the figure in words; lengths are not negative, and one of them is not nought.
    """
    longest = max(length for _, length, _ in rows)
    room = WIDTH - _BARS_LEFT - _BARS_RIGHT
    out = [_opening(anchor, title, finding, 8 + _BAR * len(rows))]
    for number, (name, length, figure) in enumerate(rows):
        y = 4 + _BAR * number
        wide = room * length / longest
        out.append(_words(_BARS_LEFT, y + 13, name))
        out.append(f'<rect x="{_BARS_LEFT}" y="{y + 19}" width="{wide:.1f}" height="16" fill="{TRACKS[0]}"/>')
        out.append(_words(_BARS_LEFT + wide + 6, y + 32, figure))
    return "\n".join([*out, "</svg>"]) + "\n"


def mark(x: float, y: float, number: int, colour: str) -> str:
    """A circle, square or triangle, by number."""
    if number % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    if number % 3 == 1:
        return f'<rect x="{x - 2.7:.1f}" y="{y - 2.7:.1f}" width="5.4" height="5.4" fill="{colour}"/>'
    return f'<path d="M{x:.1f} {y - 3.6:.1f}l3.4 6h-6.8z" fill="{colour}"/>'


def _opening(anchor: str, title: str, finding: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="{anchor}-title {anchor}-finding" '
        'font-family="sans-serif" font-size="14" fill="currentColor">\n'
        f'<title id="{anchor}-title">{escape(title)}</title>\n'
        f'<desc id="{anchor}-finding">{escape(finding)}</desc>'
    )


def _track(one: Track, number: int, across: Callable[[date], float], up: Axis) -> list[str]:
    colour = TRACKS[number % len(TRACKS)]
    out = []
    banded = [(across(p.day), p.low, p.high) for p in one.points if p.low is not None and p.high is not None]
    if len(banded) > 1:
        edge = [f"{x:.1f},{up.at(high):.1f}" for x, _, high in banded]
        edge += [f"{x:.1f},{up.at(low):.1f}" for x, low, _ in reversed(banded)]
        out.append(f'<polygon points="{" ".join(edge)}" fill="{colour}" fill-opacity="0.2"/>')
    if len(banded) <= _DENSE:
        out += [_line(x, up.at(low), x, up.at(high), colour=colour) for x, low, high in banded]
    placed = [(across(p.day), up.at(p.value)) for p in one.points]
    if len(placed) > 1:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        out.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return out + [mark(x, y, number, colour) for x, y in placed]


def _legend(names: Sequence[str]) -> list[str]:
    out: list[str] = []
    x = float(_LEFT)
    if len(names) < 2:
        return out
    for number, name in enumerate(names):
        out.append(mark(x + 4, 10, number, TRACKS[number % len(TRACKS)]))
        out.append(_words(x + 12, 14, name))
        x += 34 + 8 * len(name)
    return out


def _line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    colour: str = "currentColor",
    dash: bool = False,
    opacity: float = 1,
) -> str:
    more = ' stroke-dasharray="4 4"' if dash else ""
    more += f' stroke-opacity="{opacity:g}"' if opacity != 1 else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _words(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
