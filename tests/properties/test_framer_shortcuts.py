"""Two short roads give what the long ones give: to the next possible head, and to an answer told before."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.modbus import ModbusFramer, encode_answer, encode_request
from ingest.protocol import Carrier, Frame, discover
from ingest.protocols.jbd_up16s import UpFramer
from ingest.protocols.jbd_up16s import encode_request as up_request
from schemas.reading import altered

CAPTURES = Path(__file__).parents[1] / "captures"


class EveryByteModbus(ModbusFramer):
    def _onward(self, buffer, begin):
        return begin


class EveryByteUp(UpFramer):
    def _onward(self, buffer, begin):
        return begin


PIECES = st.one_of(
    st.binary(max_size=12),
    st.lists(st.sampled_from([0, 1, 3, 4, 0x78, 0x79, 0x83, 0xF7, 0xF8, 0xFF]), max_size=8).map(bytes),
    st.sampled_from([encode_request(1, 3, 0, 2), encode_answer(1, 3, b"\x0c\xe4\x0c\xe5"), up_request(1)]),
)


@pytest.mark.parametrize(
    ("short", "long"), [(ModbusFramer, EveryByteModbus), (UpFramer, EveryByteUp)], ids=["modbus", "up"]
)
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, max_size=8), cut=st.integers(1, 9))
def test_jumping_to_the_next_head_reports_what_trying_every_byte_reports(short, long, pieces, cut):
    line = b"".join(pieces)

    def told(framer):
        fed = [one for at in range(0, len(line), cut) for one in framer.feed(line[at : at + cut])]
        return fed + framer.flush()

    assert told(short()) == told(long())


REPEATING = [
    pytest.param(protocol, id=name)
    for name, protocol in discover().items()
    if protocol.repeats and protocol.carrier is Carrier.STREAM
]


@pytest.mark.parametrize("protocol", REPEATING)
def test_an_answer_told_again_is_the_same_and_nobody_elses(protocol):
    frames = []
    for path in sorted((CAPTURES / protocol.name).glob("*.json")):
        framer = protocol.framer()
        for entry in json.loads(path.read_text()).get("frames", []):
            data = bytes.fromhex("".join(entry["chunks"])) if "chunks" in entry else b""
            data = data or (
                bytes.fromhex(entry["hex"]) if "hex" in entry else entry["ascii"].encode() + b"\r"
            )
            frames += [one for one in framer.feed(data) if isinstance(one, Frame) and not one.is_request]
    assert frames
    for frame in frames:
        try:
            first = protocol.decode(frame)
        except Exception as refused:  # noqa: BLE001 - whatever it was, it is refused again
            with pytest.raises(type(refused)):
                protocol.decode(frame)
            continue
        kept = [altered(reading) for reading in first]
        for reading in first:  # what somebody does to his readings is nobody else's concern
            vars(reading)["evidence"] = "changed"
        assert protocol.decode(frame) == kept
