"""CiA 418: what may be asked, whose answer it is, and a simulated module."""

from decimal import Decimal

import pytest

from ingest.can import CanFrame, read_spelling
from ingest.captures import Decoded, read_capture
from ingest.errors import RequestForbidden
from ingest.protocol import find
from ingest.protocols.cia418 import OBJECTS, SERIAL
from ingest.simulators.can import Cia418Can
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec

CIA = find("cia418")
PACK = PackSpec("LFP", 8, 200.0, seed=3)


def whole(text, *, asked=False):
    frame = read_spelling(text).whole()
    return CIA.permit(text) if asked else frame


def told(*frames):
    text = b"".join(b"(1764323000.0) can0 %b\n" % frame for frame in frames)
    return [
        (r.component, r.quantity, r.value)
        for one in read_capture(text, CIA)
        if isinstance(one, Decoded)
        for r in one.readings
    ]


def test_a_request_reads_one_object_of_one_node():
    assert CIA.request("voltage") == b"601#4060600000000000"
    assert CIA.request("serial_2", 127) == b"67F#4030600200000000"
    assert len(CIA.poll(5)) == len(OBJECTS)
    assert CIA.permit(CIA.request("charge", 9)).address == 9
    for node in (0, 128, -1):
        with pytest.raises(RequestForbidden, match="from 1 to 127"):
            CIA.request("voltage", node)


@pytest.mark.parametrize(
    "forbidden",
    [
        b"601#2360600000000000",  # a write
        b"601#2F80600055000000",
        b"601#4060600001000000",  # no plain read
        b"601#4080600000000000",  # an object that is not on the list
        b"601#6060600000000000",  # a segment
        b"600#4060600000000000",  # no node
        b"680#4060600000000000",
        b"00000601#4060600000000000",
        b"000#8101",  # resets a node
    ],
)
def test_nothing_but_reads_of_the_list_is_sent(forbidden):
    with pytest.raises(RequestForbidden):
        CIA.permit(forbidden)


def test_an_answer_belongs_to_its_node_and_object():
    asked = whole(CIA.request("voltage", 5), asked=True)
    answers = {
        b"585#43606000006A0000": True,
        b"585#8060600000000206": True,
        b"586#43606000006A0000": False,
        b"585#4F81600055000000": False,
        b"185#43606000006A0000": False,
    }
    assert {raw: CIA.is_last(whole(raw), asked) for raw in answers} == answers


def test_serial_numbers_of_two_nodes_come_in_any_order():
    first = [b"585#43306003454E4400", b"585#4330600141424344", b"585#4330600231323334"]
    second = [raw.replace(b"585", b"586") for raw in reversed(first)]
    mixed = [raw for pair in zip(first, second, strict=True) for raw in pair]
    assert told(*mixed) == [
        ("node/5", "serial_number", "ABCD1234END"),
        ("node/6", "serial_number", "ABCD1234END"),
    ]


def test_a_node_of_another_profile_is_passed_over_from_then_on():
    charge, other = b"585#4F81600055000000", b"585#4300100091010F00"
    assert told(charge, other, charge) == [("node/5", "state_of_charge", Decimal(85))]


def test_a_simulated_module_answers_every_read_and_obeys_no_write():
    device, said = Cia418Can(LivePack(PACK)), []
    for request in CIA.poll():
        (answer,) = device.hear(read_spelling(request))
        assert CIA.is_last(answer.whole(), CIA.permit(request))
        said.append(answer.raw)
    values = {quantity: value for _, quantity, value in told(*said)}
    assert values["serial_number"] == "SIM000000003"
    assert values["cell_count"] == 8
    assert values["nameplate_capacity"] == 200
    assert Decimal(24) < values["voltage"] < Decimal(28)
    assert values["charge_in"] is None
    before = device.hear(read_spelling(CIA.request("voltage")))
    write = CanFrame(0x601, bytes.fromhex("2360600000000000"))
    assert [one.data[0] for one in device.hear(write)] == [0x80]
    assert device.hear(read_spelling(CIA.request("voltage"))) == before
    assert set(SERIAL) <= set(OBJECTS.values())
