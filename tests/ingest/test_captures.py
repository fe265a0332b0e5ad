import io
import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ingest.captures import JSON_LIMIT_BYTES, Decoded, read_capture
from ingest.errors import CaptureRefused
from ingest.protocol import Fault, Refused, find
from ingest.protocols import jbd, pylontech_rs485

JBD = find("jbd")
PYLONTECH = find("pylontech-rs485")
CELLS = jbd.encode_reply(jbd.CELLS, b"\x0d\x0b\x0d\x0c")
NAME = jbd.encode_reply(jbd.PRODUCT, b"EXAMPLE")


def voltages(found):
    return [r.value for one in found if isinstance(one, Decoded) for r in one.readings]


def as_json(**document):
    return json.dumps(document).encode()


TWO = [Decimal("3.339"), Decimal("3.340")]


@pytest.mark.parametrize(
    "data",
    [
        as_json(frames=[{"dir": "rx", "hex": CELLS.hex()}]),
        as_json(frames=[{"dir": "bus", "chunks": [CELLS[:3].hex(), CELLS[3:].hex()]}]),
        as_json(frames=[{"dir": "rx", "hex": CELLS[:5].hex()}, {"dir": "rx", "hex": CELLS[5:].hex()}]),
        as_json(exchanges=[{"tx": None, "rx_chunks": [CELLS.hex()]}]),
        as_json(
            exchanges=[{"tx": jbd.encode_request(4).hex(), "rx_chunks": [CELLS[:1].hex(), CELLS[1:].hex()]}]
        ),
        CELLS,
        CELLS.hex().encode(),
        b"\n".join(CELLS[n : n + 1].hex().upper().encode() for n in range(len(CELLS))),
    ],
    ids=["hex", "chunks", "fragments", "unasked", "asked", "raw", "hex text", "hex lines"],
)
def test_every_form_says_the_same(data):
    assert voltages(read_capture(data, JBD)) == TWO


def test_a_text_log_may_have_any_line_end_and_an_entry_none():
    frame = pylontech_rs485.encode_reply(pylontech_rs485.encode_serial("EX1"))
    for end in (b"\r", b"\n", b"\r\n"):
        found = list(read_capture(frame[:-1] + end + frame[:-1] + end, PYLONTECH))
        assert [type(one) for one in found] == [Decoded, Decoded]
    (one,) = read_capture(as_json(frames=[{"dir": "rx", "ascii": frame[:-1].decode()}]), PYLONTECH)
    assert [r.value for r in one.readings] == ["EX1"]


def test_requests_are_not_readings_and_numbers_run_through():
    data = as_json(
        frames=[
            {"dir": "tx", "hex": jbd.encode_request(4).hex()},
            {"dir": "rx", "hex": "00" + CELLS.hex(), "at": "2026-11-20T12:00:00Z"},
            {"dir": "rx", "hex": CELLS.hex()},
        ]
    )
    noise, first, second = read_capture(data, JBD)
    assert isinstance(noise, Refused)
    assert noise.reason.startswith("frames[1]: noise")
    assert (first.ordinal, first.at) == (1, datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert (second.ordinal, second.at) == (2, None)


def test_a_late_answer_is_understood_and_an_unasked_one_is_refused():
    late = as_json(
        exchanges=[
            {"tx": jbd.encode_request(4).hex(), "rx_chunks": []},
            {"tx": jbd.encode_request(5).hex(), "rx_chunks": [CELLS.hex(), NAME.hex()]},
        ]
    )
    assert [type(one) for one in read_capture(late, JBD)] == [Decoded, Decoded]
    unasked = as_json(exchanges=[{"tx": jbd.encode_request(4).hex(), "rx_chunks": [NAME.hex()]}])
    (refused,) = read_capture(unasked, JBD)
    assert refused.fault is Fault.UNMATCHED
    heard = as_json(
        frames=[{"dir": "bus", "hex": jbd.encode_request(4).hex()}, {"dir": "bus", "hex": NAME.hex()}]
    )
    assert [type(one) for one in read_capture(heard, JBD)] == [Decoded]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "expected a capture, came an empty file"),
        (b"[]", 'expected an object with "frames" or "exchanges", came a list'),
        (b"{}", "came one with nothing"),
        (as_json(frames=[], exchanges=[]), "either"),
        (as_json(frames={}), "frames: expected a list, came an object"),
        (as_json(frames=[7]), r"frames\[0\]: expected an object, came a number"),
        (as_json(frames=[{"hex": "dd"}]), r'frames\[0\].dir: expected "tx", "rx" or "bus", came None'),
        (as_json(frames=[{"dir": "rx", "data": "dd"}]), 'expected one of "hex", "chunks" or "ascii"'),
        (
            as_json(frames=[{"dir": "rx", "hex": "dx"}]),
            r"frames\[0\].hex: expected two hex digits .* came 'dx'",
        ),
        (as_json(frames=[{"dir": "rx", "hex": 7}]), r"frames\[0\].hex: expected hex digits, came a number"),
        (
            as_json(frames=[{"dir": "rx", "chunks": ["dd", None]}]),
            r"chunks\[1\]: expected hex digits, came null",
        ),
        (as_json(frames=[{"dir": "rx", "ascii": "é"}]), "expected ASCII text"),
        (as_json(frames=[{"dir": "rx", "hex": "dd", "at": "2026-11-20T12:00"}]), "with its zone"),
        (as_json(exchanges=[{"tx": "dd"}]), 'expected "tx" and "rx_chunks", came tx'),
        (b'{"frames": [], "frames": []}', "frames"),
        (b'{"frames": NaN}', "NaN"),
        (b"[" * 100_000, "came"),
        (b"dd0", "single '0' at the end"),
    ],
)
def test_what_is_no_capture_is_refused_in_words(data, sentence):
    with pytest.raises(CaptureRefused, match=sentence):
        list(read_capture(data, JBD))


def test_json_has_a_limit_that_is_named():
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return b"{" + b" " * 65535

    with pytest.raises(CaptureRefused, match=str(JSON_LIMIT_BYTES)):
        list(read_capture(Endless(), JBD))


def test_a_large_log_is_streamed(tmp_path):
    frame = pylontech_rs485.encode_reply(pylontech_rs485.encode_serial("EX1"))
    path = tmp_path / "large.txt"
    # 8 MB, most of it noise between frames, and no line end for long stretches.
    with path.open("wb") as stream:
        for _ in range(400):
            stream.write(b"x" * 20_000 + frame)
    tracemalloc.start()
    count = sum(isinstance(one, Decoded) for one in read_capture(path, PYLONTECH))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 400
    assert peak < 2_000_000
