"""Fields read at once say what each by itself says."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.modbus import U32_LOW
from ingest.protocol import I16, U8, U16, U24, U32, Field, FieldBlock, Integer
from schemas.reading import Reading, told
from schemas.terms import Unit

FIELDS = (
    Field("current", 1, I16, -2, Unit.AMPERE),
    Field("voltage", 3, U16, -3, Unit.VOLT),
    Field("cell_temperature", 6, U8, 0, Unit.CELSIUS, zero=40, index=2),
    Field("event_count", 9, U32, 0, Unit.ONE, kind="charge"),
)


@given(st.binary(max_size=20), st.integers(0, 4), st.sampled_from([None, "module/2"]))
def test_a_block_reads_what_its_fields_read(data, base, part):
    each = [field.read(data, base=base, component=part) for field in FIELDS]
    assert FieldBlock(FIELDS).read(data, base=base, component=part) == [
        one for one in each if one is not None
    ]


@pytest.mark.parametrize(
    "fields",
    [
        (FIELDS[1], FIELDS[0]),
        (Field("voltage", 0, U16, 0, Unit.VOLT), Field("current", 1, I16, 0, Unit.AMPERE)),
        (Field("voltage", 0, U24, 0, Unit.VOLT),),
        (Field("voltage", 0, U32_LOW, 0, Unit.VOLT),),
        (FIELDS[0], Field("voltage", 3, Integer(2, little=True), 0, Unit.VOLT)),
    ],
    ids=["backwards", "overlapping", "three bytes", "low word first", "both orders"],
)
def test_fields_that_cannot_be_read_at_once_are_refused(fields):
    with pytest.raises(ValueError, match="cannot be read with those before it"):
        FieldBlock(fields)


def test_what_is_told_is_a_reading_of_its_own_and_checked_as_one():
    first, second = told("alarm", "leakage", index=3), told("alarm", "leakage", component="module/2")
    assert first == Reading("alarm", "leakage", index=3)
    assert second == Reading("alarm", "leakage", component="module/2")
    assert told("cell_count", Decimal(1)) == Reading("cell_count", Decimal(1))
    with pytest.raises(TypeError):
        told("cell_count", value=True)
    with pytest.raises(ValueError, match="unknown quantity"):
        told("colour", "red")
