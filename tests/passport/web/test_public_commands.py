"""`cellpass page`, `label` and `link`."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from passport.commands import label, link, page
from passport.ledger import database
from tests.passport.web.web_house import GTIN, House


class Obj:
    """What commands take from the house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.settings = house.settings

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with database.reading(self.house.engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with database.writing(self.house.engine) as connection:
            yield connection

    def now(self) -> datetime:
        return self.house.now


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_page_writes_the_public_page(house: House, tmp_path: Path) -> None:
    battery = house.battery()
    target = tmp_path / "out.html"
    result = CliRunner().invoke(page.command, [battery.identifier, "-o", str(target)], obj=Obj(house))
    assert result.exit_code == 0, result.output
    assert "Voltaro R-102" in target.read_text("utf-8")
    printed = CliRunner().invoke(page.command, [battery.passport_id], obj=Obj(house))
    assert printed.output.startswith("<!doctype html>")


def test_page_for_an_authority_says_that_it_is_not_the_public_one(house: House) -> None:
    battery = house.battery()
    result = CliRunner().invoke(page.command, [battery.id, "--audience", "authority"], obj=Obj(house))
    assert "Shown to an authority" in result.output


def test_label_writes_one_file_per_battery_and_names_what_it_does_not_know(
    house: House, tmp_path: Path
) -> None:
    first, second = house.battery("ONE1"), house.battery("TWO/2")
    folder = tmp_path / "labels"
    arguments = [first.identifier, second.identifier, f"/01/{GTIN}/21/NOBODY", "-o", str(folder)]
    result = CliRunner().invoke(label.command, arguments, obj=Obj(house))
    assert result.exit_code == 3
    assert "NOBODY" in result.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "battery-passport-ONE1.svg",
        "battery-passport-TWO-2.svg",
    ]
    assert "TWO/ 2" in (folder / "battery-passport-TWO-2.svg").read_text("utf-8")


def test_label_as_png_can_be_scanned(house: House, tmp_path: Path) -> None:
    battery = house.battery("ONE1")
    arguments = [battery.identifier, "-o", str(tmp_path), "--format", "png"]
    assert CliRunner().invoke(label.command, arguments, obj=Obj(house)).exit_code == 0
    data = (tmp_path / "battery-passport-ONE1.png").read_bytes()
    assert (
        zxingcpp.read_barcodes(Image.open(io.BytesIO(data)))[0].text
        == f"HTTP://127.0.0.1:8000/01/{GTIN}/21/ONE1"
    )


def test_link_judges_one_link() -> None:
    good = CliRunner().invoke(link.command, [f"https://a.example/01/{GTIN}/21/A%2FB?11=261120", "--json"])
    assert good.exit_code == 0
    assert json.loads(good.output) == {
        "uri": f"https://a.example/01/{GTIN}/21/A%2FB?11=261120",
        "valid": True,
        "reason": None,
        "scheme": "gs1",
        "identifiers": {"01": GTIN, "21": "A/B", "11": "261120"},
        "canonical": f"https://id.gs1.org/01/{GTIN}/21/A%2FB?11=261120",
    }
    bad = CliRunner().invoke(link.command, [f"https://a.example/01/{GTIN[:-1]}9"])
    assert bad.exit_code == 1
    assert "check digit" in bad.output


def test_link_reads_lines_and_answers_each_with_one() -> None:
    lines = f"https://a.example/01/{GTIN}\r\n\n\xff<script>\nhttps://batteries.example.com/B-1\n".encode(
        "latin-1"
    )
    result = CliRunner().invoke(link.command, ["-"], input=lines)
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.output.splitlines()]
    assert [answer["valid"] for answer in answers] == [True, False, False, True]
    assert answers[0]["uri"] == f"https://a.example/01/{GTIN}"
    assert answers[3]["scheme"] == "iec61406"


@pytest.mark.parametrize("command", [page.command, label.command, link.command])
def test_help_has_an_example(command: Any) -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example: cellpass" in result.output
