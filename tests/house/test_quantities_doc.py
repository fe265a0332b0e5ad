"""The page of quantities is generated, and nothing in it speaks of a quantity that is gone."""

from pathlib import Path

import pytest

from schemas import quantities
from schemas.reading import QUANTITIES

PAGE = Path(__file__).parents[2] / "docs" / "quantities.md"


def test_the_page_is_generated_from_the_table():
    assert PAGE.read_text() == quantities.markdown(), "run: python -m schemas.quantities > docs/quantities.md"


def test_notes_and_other_names_speak_of_quantities():
    assert set(quantities._NOTES) <= set(QUANTITIES)
    assert set(quantities._ALSO_CALLED.values()) <= set(QUANTITIES)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("soc", "did you mean state_of_charge?"),
        ("cell_voltge", "did you mean cell_voltage"),
        ("insulation", "did you mean insulation_resistance?"),
        ("xyzzy", "no quantity is called 'xyzzy'; docs/quantities.md lists them"),
        (None, "no quantity is called None; docs/quantities.md lists them"),
    ],
)
def test_a_wrong_name_is_told_what_may_be_meant(name, meant):
    assert meant in quantities.unknown_quantity(name)
