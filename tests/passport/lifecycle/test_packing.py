"""Packed integers come back as they were, and are short."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.lifecycle.packing import pack, unpack


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | st.integers(-(2**80), 2**80), max_size=20))
def test_packed_integers_come_back(numbers):
    assert unpack(pack(numbers)) == numbers


def test_small_integers_take_one_byte_and_voltages_two():
    assert pack([None, 0, 63, -63]) == bytes([0, 1, 127, 126])
    assert len(pack([3650])) == 2
    assert len(pack([1_020_000])) == 3


def test_a_number_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="cut off"):
        unpack(b"\x01\x80")
