"""QR codes and labels: the matrix comes from the qrcode library, every picture of it from here.

One merged outline instead of a square per module: engraving software follows it without hairlines. The white
ground is part of the picture, so that a code stays readable on a dark page; the quiet zone is four modules.

Source: ISO/IEC 18004 (quiet zone, levels); GS1 General Specifications (module of 0.396 mm and more).
"""

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import Final, Literal

from schemas.identifier import grouped, parse_path, qr_text

Level = Literal["L", "M", "Q", "H"]
Matrix = tuple[tuple[bool, ...], ...]

QUIET: Final = 4  # modules on every side
MODULE_MM: Final = 0.5  # at least 0.396 mm for labels; read through gloves and dirt from half a millimetre on
DPI: Final = 600
_LARGEST_H: Final = 37  # modules: up to here the strongest level costs no larger code than usual
_TITLE: Final = "Battery passport"


def level_for(text: str) -> Level:
    """H while the code has at most 37 modules with it, otherwise Q: larger codes cost more than they win."""
    return "H" if len(matrix(text, "H")) <= _LARGEST_H else "Q"


@lru_cache(maxsize=256)
def matrix(text: str, level: Level | None = None) -> Matrix:
    """Rows of modules, True is dark, without quiet zone; the smallest version that holds `text` at `level`.

    Raises:
        ValueError: the text is empty or too long for any code.
    """
    if level is None:
        level = level_for(text)
    if not text:
        raise ValueError("a code needs a text")
    import qrcode
    from qrcode.exceptions import DataOverflowError

    levels = {
        "L": qrcode.ERROR_CORRECT_L,
        "M": qrcode.ERROR_CORRECT_M,
        "Q": qrcode.ERROR_CORRECT_Q,
        "H": qrcode.ERROR_CORRECT_H,
    }
    code = qrcode.QRCode(error_correction=levels[level], border=0)
    code.add_data(text)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise ValueError(f"{len(text)} characters do not fit a code of level {level}") from error
    return tuple(tuple(bool(module) for module in row) for row in code.get_matrix())


def outline(modules: Sequence[Sequence[bool]], offset: int = 0) -> str:
    """The dark modules as one path of closed outlines (SVG path data, a unit per module, fill rule even-odd).

    Dark always lies on the right of the way, so that corners which touch stay two outlines.
    """
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start, end in _edges(modules):
        ways.setdefault(start, []).append(end)
    parts = []
    for start in sorted(ways):
        while ways.get(start):
            parts.append(_loop(start, ways, offset))
    return "".join(parts)


def _edges(modules: Sequence[Sequence[bool]]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    size = len(modules)

    def dark(x: int, y: int) -> bool:
        return 0 <= x < size and 0 <= y < size and modules[y][x]

    for y in range(size):
        for x in range(size):
            if not dark(x, y):
                continue
            if not dark(x, y - 1):
                yield (x, y), (x + 1, y)
            if not dark(x + 1, y):
                yield (x + 1, y), (x + 1, y + 1)
            if not dark(x, y + 1):
                yield (x + 1, y + 1), (x, y + 1)
            if not dark(x - 1, y):
                yield (x, y + 1), (x, y)


def _loop(start: tuple[int, int], ways: dict[tuple[int, int], list[tuple[int, int]]], offset: int) -> str:
    """One closed outline from `start`, taken out of `ways`; straight runs are one step."""
    here, direction = start, (0, 0)
    steps = [f"M{start[0] + offset} {start[1] + offset}"]
    run = 0
    while True:
        choices = ways[here]
        # Where two outlines touch, turn right: dx, dy -> -dy, dx.
        right = (here[0] - direction[1], here[1] + direction[0])
        end = right if len(choices) > 1 and right in choices else choices[0]
        choices.remove(end)
        turned = (end[0] - here[0], end[1] - here[1])
        if turned != direction and run:
            steps.append(_step(direction, run))
            run = 0
        direction, here = turned, end
        run += 1
        if here == start:
            return "".join(steps) + "z"


def _step(direction: tuple[int, int], length: int) -> str:
    return f"h{direction[0] * length}" if direction[0] else f"v{direction[1] * length}"


def svg(
    text: str,
    *,
    module_mm: float = MODULE_MM,
    title: str = _TITLE,
    level: Level | None = None,
    black: str = "#000",
) -> str:
    """The code as SVG at true size in millimetres, quiet zone included.

    Args:
        text: what the code says.
        module_mm: side of one module.
        title: what a screen reader says.
        level: error correction; chosen by length when None.
        black: fill of the modules; `device-cmyk(0 0 0 1)` where a press wants pure black.
    """
    modules = matrix(text, level)
    side = len(modules) + 2 * QUIET
    mm = _number(side * module_mm)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{mm}mm" height="{mm}mm" viewBox="0 0 {side} {side}"'
        f' role="img"><title>{escape(title)}</title><path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/>'
        f'<path fill="{escape(black)}" fill-rule="evenodd" d="{outline(modules, QUIET)}"/></svg>'
    )


def png(text: str, *, module_mm: float = MODULE_MM, level: Level | None = None) -> bytes:
    """The code as PNG of 600 dots per inch (the file says so), with quiet zone, modules of whole pixels."""
    from PIL import Image

    modules = matrix(text, level)
    side = len(modules) + 2 * QUIET
    picture = Image.new("1", (side, side), 1)
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            if dark:
                picture.putpixel((x + QUIET, y + QUIET), 0)
    scale = max(1, round(module_mm / 25.4 * DPI))
    picture = picture.resize((side * scale, side * scale), Image.Resampling.NEAREST)
    out = io.BytesIO()
    picture.save(out, "PNG", dpi=(DPI, DPI), optimize=True)
    return out.getvalue()


def terminal(text: str, *, colour: bool = True, level: Level | None = "L") -> str:
    """The code in half blocks, two modules to a character; level L, as screens are clean.

    With `colour` black and white are set, so that it reads on dark and on light ground alike; without, light
    modules are drawn, which suits a dark ground.
    """
    modules = matrix(text, level)
    size = len(modules)

    def dark(x: int, y: int) -> bool:
        return 0 <= x < size and 0 <= y < size and modules[y][x]

    # By (upper is dark, lower is dark); what is drawn is the dark part, or the light one without colour.
    blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    begin, end = ("\x1b[38;5;16;48;5;231m", "\x1b[0m") if colour else ("", "")
    lines = []
    for y in range(-QUIET, size + QUIET, 2):
        pairs = ((dark(x, y), dark(x, y + 1)) for x in range(-QUIET, size + QUIET))
        drawn = (pair if colour else (not pair[0], not pair[1]) for pair in pairs)
        lines.append(begin + "".join(blocks[pair] for pair in drawn) + end)
    return "\n".join(lines)


def label(
    public_url: str,
    identifier: str,
    *,
    module_mm: float = MODULE_MM,
    heading: str = _TITLE,
    lines: Sequence[str] = (),
    simulated: bool = False,
) -> str:
    """A label as SVG at true size: the code, and beside it the same identifier in plain characters.

    Args:
        public_url: address of the service.
        identifier: canonical path, `/01/.../21/...`.
        module_mm: side of one module.
        heading: the words that say what the code is for, in the label's language.
        lines: further lines, such as maker and model; only the first two are printed.
        simulated: marks the label as one of no real battery.
    """
    text = qr_text(public_url, identifier)
    code = svg(text, module_mm=module_mm, title=f"{heading}: {text}")
    side = (len(matrix(text)) + 2 * QUIET) * module_mm
    entries = [(heading, 3.2, 700), *((line, 2.4, 400) for line in lines[:2])]
    if simulated:
        entries.insert(1, ("SIMULATED, no real battery", 2.4, 700))
    for ai, value in parse_path(identifier).ais:
        entries += [(f"({ai}) " + " ".join(grouped(value)), 2.6, 400)]
    entries.append((public_url.partition("://")[2], 2.2, 400))
    width = side + max(len(line) * size * 0.62 for line, size, _ in entries) + 3
    height = max(side, sum(size * 1.5 for _, size, _ in entries) + 3)
    y = (height - sum(size * 1.5 for _, size, _ in entries)) / 2
    words = []
    for line, size, weight in entries:
        y += size * 1.5
        family = "monospace" if line.startswith("(") else "sans-serif"
        words.append(
            f'<text x="{_number(side)}" y="{_number(y - size * 0.35)}" font-family="{family}"'
            f' font-size="{_number(size)}" font-weight="{weight}">{escape(line)}</text>'
        )
    mm, top = _number(side), _number((height - side) / 2)
    inner = code.replace(f'width="{mm}mm" height="{mm}mm"', f'x="0" y="{top}" width="{mm}" height="{mm}"', 1)
    w, h = _number(width), _number(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}mm" height="{h}mm" viewBox="0 0 {w} {h}"'
        f' role="img">'
        f"<title>{escape(heading)}: {escape(text)}</title>"
        f'<path fill="#fff" d="M0 0h{w}v{h}H0z"/>{inner}<g fill="#000">{"".join(words)}</g></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
