"""Small drawings for a report: points, intervals and lines over two axes, as SVG text.

The same figures give the same bytes. Every drawing carries its title and a description; the numbers behind
it stand as a table in the page that shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from passport.documents.drawing import COLOURS, Axis, mark

WIDTH: Final = 640
HEIGHT: Final = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 42, 52
_INK: Final = "#333333"
_GRID: Final = "#d9d9d9"


@dataclass(frozen=True)
class Series:
    """One row of the legend.

    Attributes:
        name: as the legend calls it.
        points: (x, y), in order.
        spans: (low, high) of y for each point; empty without intervals.
        line: whether the points are joined; else they are marks.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    spans: tuple[tuple[float, float], ...] = ()
    line: bool = False


@dataclass(frozen=True)
class Plot:
    """A drawing.

    Attributes:
        title: what is shown.
        finding: what it says, a sentence.
        across, up: names of the axes, with their units.
        series: at most four.
        same: draws the line where both axes say the same.
    """

    title: str
    finding: str
    across: str
    up: str
    series: tuple[Series, ...]
    same: bool = False


def svg(plot: Plot) -> str:
    """The drawing as a document of its own."""
    points = [point for one in plot.series for point in one.points]
    heights = [y for _, y in points] + [y for one in plot.series for span in one.spans for y in span]
    across = Axis.of([x for x, _ in points], _LEFT, WIDTH - _RIGHT)
    up = Axis.of(heights, HEIGHT - _BOTTOM, _TOP)
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title finding" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<title id="title">{escape(plot.title)}</title>',
        f'<desc id="finding">{escape(plot.finding)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 18, plot.title, size=14, weight="bold"),
        *_axes(plot, across, up),
    ]
    if plot.same:
        low, high = max(across.first, up.first), min(across.last, up.last)
        out.append(_line(across.at(low), up.at(low), across.at(high), up.at(high), _INK, dash=True))
    for number, one in enumerate(plot.series):
        out += _drawn(one, number, across, up)
    out += _legend(plot.series)
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _axes(plot: Plot, across: Axis, up: Axis) -> list[str]:
    out = []
    for value in up.ticks:
        y = up.at(value)
        out.append(_line(_LEFT, y, WIDTH - _RIGHT, y, _GRID))
        out.append(_text(_LEFT - 6, y + 4, f"{value:g}" if abs(value) > 1e-9 else "0", anchor="end"))
    for value in across.ticks:
        x = across.at(value)
        out.append(_line(x, HEIGHT - _BOTTOM, x, HEIGHT - _BOTTOM + 4, _INK))
        out.append(
            _text(x, HEIGHT - _BOTTOM + 17, f"{value:g}" if abs(value) > 1e-9 else "0", anchor="middle")
        )
    out.append(_line(_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM, _INK))
    out.append(_text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 18, plot.across, anchor="middle"))
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    out.append(
        f'<text x="16" y="{middle:.1f}" fill="{_INK}" text-anchor="middle" '
        f'transform="rotate(-90 16 {middle:.1f})">{escape(plot.up)}</text>'
    )
    return out


def _drawn(one: Series, number: int, across: Axis, up: Axis) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    out = []
    for (x, _), (low, high) in zip(one.points, one.spans, strict=bool(one.spans)):
        out.append(_line(across.at(x), up.at(low), across.at(x), up.at(high), colour, opacity=0.4))
    placed = [(across.at(x), up.at(y)) for x, y in one.points]
    if one.line:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        out.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    else:
        out += [mark(x, y, number, colour) for x, y in placed]
    return out


def _legend(series: Sequence[Series]) -> list[str]:
    out, x = [], float(_LEFT)
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        if one.line:
            out.append(_line(x, 31, x + 12, 31, colour))
        else:
            out.append(mark(x + 6, 31, number, colour))
        out.append(_text(x + 17, 35, one.name))
        x += 30 + 6.6 * len(one.name)
    return out


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False, opacity: float = 1
) -> str:
    more = ' stroke-dasharray="4 4"' if dash else ""
    more += f' stroke-opacity="{opacity:g}"' if opacity != 1 else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{_INK}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
