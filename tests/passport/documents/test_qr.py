"""QR codes and labels: read back by zxing-cpp, compared with segno."""

import io
import re
import struct
import subprocess
from xml.etree import ElementTree as ET

import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passport.documents import qr

TEXT = "HTTPS://ID.EXAMPLE.COM/01/09520123456788/21/AAAQEAYEAUDAOCAJ"
LONG = "HTTPS://PASSPORTS.A-MAKER-WITH-A-LONG-NAME.EXAMPLE/01/09520123456788/21/AAAQEAYEAUDAOCAJ2345"


def read(picture: Image.Image) -> str:
    found = zxingcpp.read_barcodes(picture)
    assert len(found) == 1
    return found[0].text


def drawn(svg: str, pixels: int = 8) -> Image.Image:
    """The SVG's outline filled by our own even-odd scan, so that no renderer is needed."""
    root = ET.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    path = root.findall("{http://www.w3.org/2000/svg}path")[1].attrib["d"]
    rows = [[False] * side for _ in range(side)]
    for loop in path.split("z"):
        if not loop:
            continue
        x, y = map(int, re.match(r"M(\d+) (\d+)", loop).groups())
        steps = re.findall(r"([hv])(-?\d+)", loop)
        height = sum(int(amount) for kind, amount in steps if kind == "v")
        for kind, amount in [*steps, ("v", str(-height))]:  # z goes back to where it began
            length = int(amount)
            if kind == "h":
                x += length
                continue
            for row in range(min(y, y + length), max(y, y + length)):
                for column in range(x, side):
                    rows[row][column] = not rows[row][column]
            y += length
    picture = Image.new("L", (side, side), 255)
    for row, columns in enumerate(rows):
        for column, dark in enumerate(columns):
            if dark:
                picture.putpixel((column, row), 0)
    return picture.resize((side * pixels, side * pixels), Image.Resampling.NEAREST)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        LONG,
        "HTTP://127.0.0.1:8000/01/09520123456788/21/AAAQEAYEAUDAOCAJ",
        "HTTPS://ID.EXAMPLE.COM/01/09520123456788/21/BAT%2F26%3Cscript%3E",
        "HTTPS://ID.EXAMPLE.COM/8004/9520123ABC",
    ],
)
def test_every_picture_says_the_text(text: str) -> None:
    assert read(Image.open(io.BytesIO(qr.png(text)))) == text
    assert read(drawn(qr.svg(text))) == text


@pytest.mark.parametrize("text", [TEXT, LONG, "HTTPS://A.EXAMPLE/01/09520123456788"])
def test_version_and_level_are_those_of_another_program(text: str) -> None:
    level = qr.level_for(text)
    other = segno.make_qr(text, error=level, boost_error=False)
    assert len(qr.matrix(text)) == other.version * 4 + 17
    assert other.error == level
    assert other.mode == "alphanumeric"


def test_a_short_identifier_gets_the_strongest_level_in_37_modules() -> None:
    assert qr.level_for(TEXT) == "H"
    assert len(qr.matrix(TEXT)) == 37


def test_a_long_identifier_gets_level_q() -> None:
    assert qr.level_for(LONG) == "Q"


def test_the_outline_is_the_matrix() -> None:
    modules = qr.matrix(TEXT)
    picture = drawn(qr.svg(TEXT), pixels=1)
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            assert (picture.getpixel((x + 4, y + 4)) == 0) == dark


def test_two_squares_that_touch_at_a_corner_are_two_outlines() -> None:
    assert qr.outline([[True, False], [False, True]]) == "M0 0h1v1h-1zM1 1h1v1h-1z"


def test_a_ring_is_an_outline_with_a_hole() -> None:
    ring = [[True, True, True], [True, False, True], [True, True, True]]
    assert qr.outline(ring).count("z") == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=6, max_size=6))
def test_any_pattern_comes_back_from_its_outline(modules: list[list[bool]]) -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 6 6"><path d=""/>'
        f'<path d="{qr.outline(modules)}"/></svg>'
    )
    picture = drawn(svg, pixels=1)
    assert [[picture.getpixel((x, y)) == 0 for x in range(6)] for y in range(6)] == modules


def test_the_svg_has_true_size_white_ground_and_a_title() -> None:
    svg = qr.svg(TEXT, module_mm=0.5, title='A <title> & "more"')
    assert 'width="22.5mm" height="22.5mm" viewBox="0 0 45 45"' in svg
    assert '<path fill="#fff" d="M0 0h45v45h-45z"/>' in svg
    assert "<title>A &lt;title&gt; &amp; &quot;more&quot;</title>" in svg


def test_the_png_says_600_dots_per_inch() -> None:
    data = qr.png(TEXT)
    place = data.index(b"pHYs")
    assert struct.unpack(">IIB", data[place + 4 : place + 13]) == (23622, 23622, 1)  # dots per metre
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (45 * 12, 45 * 12)  # 0.5 mm at 600 dpi is 11.8 pixels


@pytest.mark.parametrize("colour", [True, False])
def test_the_terminal_shows_a_code_that_can_be_read(colour: bool) -> None:
    lines = re.sub(r"\x1b\[[0-9;]*m", "", qr.terminal(TEXT, colour=colour)).split("\n")
    halves = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
    width = len(lines[0])
    picture = Image.new("L", (width, 2 * len(lines)))
    for y, line in enumerate(lines):
        assert len(line) == width
        for x, character in enumerate(line):
            for half, marked in enumerate(halves[character]):
                dark = marked if colour else not marked
                picture.putpixel((x, 2 * y + half), 0 if dark else 255)
    assert read(picture.resize((width * 6, 12 * len(lines)), Image.Resampling.NEAREST)) == TEXT


def test_an_empty_or_endless_text_is_refused() -> None:
    for text in ("", "A" * 5000):
        with pytest.raises(ValueError):
            qr.matrix(text, "H")


def test_a_label_holds_code_words_and_the_identifier_in_groups() -> None:
    label = qr.label(
        "https://id.example.com",
        "/01/09520123456788/21/BAT%2F26%3C",
        lines=("Example <Cells>", "Pack 1", "not printed"),
        simulated=True,
    )
    words = [node.text for node in ET.fromstring(label).iter("{http://www.w3.org/2000/svg}text")]
    assert words == [
        "Battery passport",
        "SIMULATED, no real battery",
        "Example <Cells>",
        "Pack 1",
        "(01) 0952 0123 4567 88",
        "(21) BAT/ 26<",
        "id.example.com",
    ]


def test_a_printed_label_can_be_read(tmp_path: object) -> None:
    label = qr.label("https://id.example.com", "/01/09520123456788/21/AAAQEAYEAUDAOCAJ")
    import shutil

    program = shutil.which("rsvg-convert")
    if program is None:
        pytest.skip("rsvg-convert is not installed (Debian package librsvg2-bin)")
    png = subprocess.run(
        [program, "-w", "900", "-b", "white"], input=label.encode(), capture_output=True, check=True
    )
    assert read(Image.open(io.BytesIO(png.stdout))) == TEXT
