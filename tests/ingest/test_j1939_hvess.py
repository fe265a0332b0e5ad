"""J1939: sources and buses are told apart, messages interleave, names wait for a battery."""

from decimal import Decimal

import pytest

from ingest.can import compose
from ingest.captures import Decoded, read_capture
from ingest.protocol import CONDITIONS, Refused, find
from ingest.protocols.j1939_hvess import CHARGE, COMPONENT, MESSAGES, STATES, STEPS

HVESS = find("j1939-hvess")


def line(group, source, data, *, channel="can0", destination=255):
    return f"(1764323000.0) {channel} {compose(6, group, source, destination):08X}#{data}\n".encode()


def announced(group, source, data, **where):
    count = -(-len(data) // 7)
    head = bytes([32, *len(data).to_bytes(2, "little"), count, 255, *group.to_bytes(3, "little")])
    yield line(0xEC00, source, head.hex(), **where)
    for number in range(count):
        piece = data[7 * number : 7 * number + 7].ljust(7, b"\xff")
        yield line(0xEB00, source, bytes([number + 1, *piece]).hex(), **where)


def told(text):
    found = list(read_capture(text, HVESS))
    assert not [one for one in found if isinstance(one, Refused)]
    return [
        (r.component, r.quantity, r.value) for one in found if isinstance(one, Decoded) for r in one.readings
    ]


@pytest.mark.parametrize("length", [9, 14, 15, 255 * 7])
def test_announced_names_of_every_length_are_put_together(length):
    serial = "7" * (length - 5)
    text = line(CHARGE, 9, "00FA") + b"".join(announced(COMPONENT, 9, f"A*B*{serial}*".encode()))
    assert told(text)[1:] == [
        ("source/9", "manufacturer", "A"),
        ("source/9", "model", "B"),
        ("source/9", "serial_number", serial),
    ]


def test_messages_of_two_sources_interleave():
    one, two = announced(COMPONENT, 1, b"ONE*M*S1*U*"), announced(COMPONENT, 2, b"TWO*M*S2*U*")
    text = b"".join(a + b for a, b in zip(one, two, strict=True))
    text = line(CHARGE, 1, "00FA") + line(CHARGE, 2, "007D") + text
    makers = [(part, value) for part, quantity, value in told(text) if quantity == "manufacturer"]
    assert makers == [("source/1", "ONE"), ("source/2", "TWO")]


def test_who_never_tells_a_state_of_a_battery_says_nothing():
    text = b"".join(announced(COMPONENT, 0, b"ENGINE*M*S1*U*")) + line(65226, 0, "04FF64000301FFFF")
    assert told(text) == []


def test_the_same_source_on_another_bus_is_another_battery():
    text = line(CHARGE, 9, "00FA", channel="can0") + line(65226, 9, "04FF64000301FFFF", channel="can1")
    assert told(text) == [("bus/can0/source/9", "state_of_charge", Decimal(100))]


@pytest.mark.parametrize(
    ("data", "absence"),
    [("FFFA", None), ("00FB", "not_read"), ("00FE", "not_read"), ("00FF", "not_supported")],
)
def test_the_last_number_is_a_number_and_codes_are_none(data, absence):
    (found,) = read_capture(line(CHARGE, 9, data), HVESS)
    (reading,) = found.readings
    assert reading.absence == absence
    assert reading.value == (None if absence else Decimal("100.3984375"))


def test_every_number_has_a_step_and_every_state_a_name():
    assert {row.quantity for message in MESSAGES.values() for row in message.fields} == set(STEPS)
    assert {name for *_, name in STATES} <= CONDITIONS
