"""EMUS on CAN: bases, requests of others, the order of the total voltage, speed of a session."""

from decimal import Decimal

import pytest

from ingest.can import CanFrame
from ingest.captures import Decoded, read_capture
from ingest.errors import ProtocolUnknown
from ingest.protocol import find
from ingest.protocols.emus_can import EmusCan

EMUS = find("emus-can")


def log(*frames):
    return b"".join(b"(1764324000.000000) can0 %b\n" % frame for frame in frames)


def told(text, protocol=EMUS):
    return [
        (r.component, r.quantity, r.value)
        for one in read_capture(text, protocol)
        if isinstance(one, Decoded)
        for r in one.readings
    ]


def total(data, *, live=None):
    session = EMUS.decoder()
    if live is not None:
        counted = bytes([0, 0, live >> 8, 0, 0, 0, 0, live & 0xFF])
        session.decode(CanFrame(0x19B50000, counted, extended=True).whole())
    frame = CanFrame(0x19B50001, bytes.fromhex(data), extended=True).whole()
    (found,) = [r for r in session.decode(frame) if r.quantity == "voltage"]
    return found.value, found.doubts


def test_another_base_is_named_by_a_person():
    text = log(b"10B50500#0064000A00003200")
    assert told(text) == []
    assert told(text, find("emus-can:0x10B5")) == [
        ("unit/0x10b5", "current", Decimal(10)),
        ("unit/0x10b5", "remaining_charge", Decimal(1)),
        ("unit/0x10b5", "state_of_charge", Decimal(50)),
    ]
    both = find("emus-can:19B5,10B5,19B5")
    assert isinstance(both, EmusCan)
    assert both.bases == (0x19B5, 0x10B5)


@pytest.mark.parametrize("argument", ["", "x", "2000", "-1", "19B5,"])
def test_what_is_no_base_is_refused_in_words(argument):
    with pytest.raises(ProtocolUnknown, match="expected bases from 0x0000 to 0x1FFF"):
        find(f"emus-can:{argument}")


def test_a_protocol_without_settings_says_so():
    with pytest.raises(ProtocolUnknown, match="jbd has nothing to set"):
        find("jbd:7")


def test_requests_of_others_are_no_damage():
    found = list(read_capture(log(b"19B50001#", b"19B50001#00", b"19B50100#", b"19B50100#83"), EMUS))
    assert [[(r.index, r.value) for r in one.readings] for one in found] == [[(1, Decimal("3.31"))]]


@pytest.mark.parametrize(
    ("data", "live", "expected"),
    [
        ("818683 14B0 0000", 16, ("52.96", ())),
        ("818683 0000 14B0", 16, ("52.96", ("word_order",))),
        ("818683 0298 0001", 200, ("662.00", ())),
        ("818683 0001 0298", 200, ("662.00", ("word_order",))),
        ("818683 14B0 0000", 15, ("52.96", ("contradicts_cells",))),
        ("818683 14B0 0000", None, ("52.96", ())),
        ("818683 0000 14B0", None, ("52.96", ("word_order",))),
        ("818683 0000 0000", 0, ("0.00", ())),
    ],
)
def test_cells_decide_the_order_of_the_total(data, live, expected):
    assert total(data, live=live) == (Decimal(expected[0]), expected[1])


def test_two_buses_have_units_of_their_own():
    text = b"".join(
        b"(1764324000.000000) %b 19B50600#000000640000FFFF\n" % bus for bus in (b"can0", b"can1", b"can0")
    )
    parts = [component for component, _, _ in told(text)]
    assert parts == ["bus/can0", "bus/can1", "bus/can0"]


def test_a_session_knows_validity_of_each_unit_alone():
    session = EMUS.decoder()
    mute = CanFrame(0x19B60007, bytes(8), extended=True).whole()
    session.decode(mute)
    cells = [CanFrame(base << 16 | 0x100, b"\x83", extended=True).whole() for base in (0x19B5, 0x19B6)]
    assert [session.decode(frame)[0].doubts for frame in cells] == [(), ("not_valid",)]
