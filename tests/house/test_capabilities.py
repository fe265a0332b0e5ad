"""The table of capabilities is generated, and what captures say is in it."""

from pathlib import Path

import pytest

from ingest.capabilities import fields, markdown
from ingest.captures import Decoded, read_capture
from ingest.protocol import discover

ROOT = Path(__file__).parents[2]


def test_the_page_is_generated_from_the_field_tables():
    page = (ROOT / "docs" / "capabilities.md").read_text()
    assert page == markdown(), "run: python -m ingest.capabilities > docs/capabilities.md"


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_quantity_of_a_capture_is_in_the_tables_of_its_protocol(name):
    protocol = discover()[name]
    known = fields(protocol)
    for path in sorted((ROOT / "tests" / "captures" / name).glob("*.json")):
        for found in read_capture(path, protocol):
            if isinstance(found, Decoded):
                said = {reading.quantity for reading in found.readings if reading.value is not None}
                assert said <= set(known), f"{path.name}: list {said - set(known)} in ALSO or a Field"
