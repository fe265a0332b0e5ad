"""Every folder here is a protocol; every file in it holds bytes, what they say, and their origin."""

import json
from pathlib import Path

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Carrier, Damage, Fault, Frame, Refused, find

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.json"))
# These have nothing that a turned digit would contradict; their pages say so.
WITHOUT_A_CHECKSUM = {"felicity", "lithionics", "pylontech-console"}
DEFAULTS = {"index": None, "component": None, "kind": None, "absence": None, "origin": "native", "doubts": []}


def name(path):
    return f"{path.parent.name}/{path.stem}"


def bare(reading):
    """A reading line without what follows from the quantity."""
    wire = reading.to_wire()
    del wire["unit"], wire["measured_at"]
    return wire


def rx_frames(capture):
    """Whole answers of a capture with the request before each."""
    framer = find(capture["protocol"]).framer()
    asked = None
    for entry in capture.get("frames", []):
        data = bytes.fromhex(entry["hex"]) if "hex" in entry else (entry.get("ascii", "") + "\r").encode()
        for found in framer.feed(data) + framer.flush():
            if isinstance(found, Frame) and found.is_request:
                asked = found.raw
            elif isinstance(found, Frame):
                yield found, asked


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_capture_says_what_is_written_beside_it(path):
    capture = json.loads(path.read_text())
    assert capture["origin"].strip()
    found = list(read_capture(path, find(path.parent.name)))
    readings = [bare(r) for one in found if isinstance(one, Decoded) for r in one.readings]
    assert readings == [DEFAULTS | line for line in capture["expected"]]
    assert [one.fault for one in found if isinstance(one, Refused)] == capture["refused"]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_flipped_bit_of_a_frame_is_noticed(path):
    capture = json.loads(path.read_text())
    protocol = find(capture["protocol"])
    if protocol.carrier is not Carrier.STREAM:
        return  # the controller of a CAN bus proves each frame before anybody sees it
    if protocol.name in WITHOUT_A_CHECKSUM:
        assert "no checksum" in (HERE.parents[1] / "docs" / "protocols" / f"{protocol.name}.md").read_text()
        return
    for frame, asked in rx_frames(capture):
        for at in range(len(frame.raw)):
            for bit in range(8):
                damaged = bytearray(frame.raw)
                damaged[at] ^= 1 << bit
                framer = protocol.framer()
                outcome = framer.feed(bytes(damaged)) + framer.flush()
                sound = [one for one in outcome if isinstance(one, Frame) and not one.is_request]
                if protocol.name == "jbd" and at == 1:
                    # The blind spot: the sum leaves out the command. Who asked notices, who listens does not.
                    request = asked or protocol.request("basic" if frame.command == 3 else "cells")
                    for one in sound:
                        if one.command != protocol.permit(request).command:
                            with pytest.raises(Damage) as caught:
                                protocol.decode(one, request=request)
                            assert caught.value.fault is Fault.UNMATCHED
                else:
                    assert sound == [], (at, bit)


def test_two_swapped_bytes_pass_a_sum_and_that_is_known():
    """A sum cannot see order. Whoever needs more must compare with other readings (plausibility)."""
    protocol = find("jbd")
    frame = bytearray(bytes.fromhex("dd0400080d450f3d0f370f3d0000") + b"\x77")
    body = bytes(frame[2:12])
    frame[12:14] = (0x10000 - sum(body)).to_bytes(2, "big")
    frame[4], frame[5] = frame[5], frame[4]
    (found,) = protocol.framer().feed(bytes(frame))
    assert isinstance(found, Frame)
