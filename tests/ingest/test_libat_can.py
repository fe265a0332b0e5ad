"""LiBat on CAN: what is known is read, what is not is said, and two devices under one base are noticed."""

import pytest

from ingest.can import CanFrame
from ingest.protocol import find
from ingest.protocols.libat_can import STATUS, UNREAD, VOLTAGES
from schemas.terms import ReadingAbsence

LIBAT = find("libat-can")


def frame(number, data, base=0x0AAA):
    return CanFrame(base << 16 | number, data, extended=True).whole()


@pytest.mark.parametrize("number", sorted(UNREAD))
def test_an_operation_without_a_public_layout_gives_no_value_whatever_it_holds(number):
    for data in (bytes(8), b"\xff" * 8, b"\x01"):
        readings = LIBAT.decode(frame(number, data))
        assert [reading.quantity for reading in readings] == list(UNREAD[number])
        assert {(reading.value, reading.absence) for reading in readings} == {(None, ReadingAbsence.NOT_READ)}


def alarms(number, bytes_, session=None):
    session = session or LIBAT.decoder()
    data = [bytes([byte, byte, 0, 0, 0]) for byte in bytes_]
    return [r.value for one in data for r in session.decode(frame(number, one)) if r.quantity == "alarm"]


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([87, 41, 87, 41, 87, 41], 1),
        ([87, 41, 87, 41, 87], 0),
        ([87, 85, 87, 85, 87, 85], 0),
        ([50, 53, 56, 59, 62, 65], 0),
        ([87, 41, 87, 41, 41, 87, 41], 0),
        ([87] * 20, 0),
    ],
    ids=["two devices", "too few", "too alike", "one that charges", "a turn missed", "one at rest"],
)
@pytest.mark.parametrize("number", [STATUS, VOLTAGES])
def test_two_devices_are_noticed_when_their_values_take_turns(number, values, count):
    assert alarms(number, values) == ["duplicate_address"] * count


def test_devices_of_several_bases_are_parts_of_their_own():
    both = find("libat-can:0AAA,0AAB")
    parts = [both.decode(frame(STATUS, b"\x32", base))[0].component for base in (0x0AAA, 0x0AAB)]
    assert parts == ["unit/0x0aaa", "unit/0x0aab"]
    assert both.decode(frame(0x04, b"\x00", 0x0AAB))[0].component == "unit/0x0aab"
    assert LIBAT.decode(frame(STATUS, b"\x32", 0x0AAB)) == []
