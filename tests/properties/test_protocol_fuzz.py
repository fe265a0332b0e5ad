"""Whatever comes over a line: readings or typed refusals, nothing else, and never dependent on the pieces."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.captures import Decoded, read_capture
from ingest.errors import CaptureRefused
from ingest.plausibility import Memory, doubt
from ingest.protocol import Damage, Frame, Refused, discover
from schemas.reading import Reading

FIXTURES = Path(__file__).parents[1] / "captures"
PROTOCOLS = sorted(discover().items())


def stream_of(name):
    """Bytes of every own fixture of a protocol, one after the other."""
    whole = b""
    for path in sorted((FIXTURES / name).glob("*.json")):
        for entry in json.loads(path.read_text()).get("frames", []):
            if "chunks" in entry:
                whole += bytes.fromhex("".join(entry["chunks"]))
            elif "hex" in entry:
                whole += bytes.fromhex(entry["hex"])
            else:
                whole += entry["ascii"].encode() + b"\r"
    return whole


STREAMS = {name: stream_of(name) for name, _ in PROTOCOLS}


def dirty(name):
    """Sound frames with pieces cut out, doubled and overwritten, and arbitrary bytes between them."""
    stream = STREAMS[name]
    places = st.integers(0, len(stream))
    piece = st.tuples(places, places).map(lambda ends: stream[min(ends) : max(ends)][:600])
    noise = st.binary(max_size=40)
    alphabet = st.lists(st.sampled_from(list(stream)), max_size=60).map(bytes)
    return st.lists(st.one_of(piece, noise, alphabet), max_size=6).map(b"".join)


def fed(protocol, data, cuts):
    framer = protocol.framer()
    out = []
    begin = 0
    for cut in [*sorted(cuts), len(data)]:
        out += framer.feed(data[begin:cut])
        begin = cut
    return out + framer.flush()


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_any_bytes_in_any_pieces_give_readings_or_typed_refusals(name, protocol):
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def run(data):
        line = data.draw(dirty(name))
        cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=8))
        memory = Memory()
        whole = fed(protocol, line, [])
        assert fed(protocol, line, cuts) == whole
        assert fed(protocol, line, range(len(line))) == whole
        last = 0
        for found in whole:
            assert isinstance(found, Frame | Refused)
            assert 0 <= found.position <= len(line)
            if isinstance(found, Refused):
                assert found.reason
                assert line[found.position :].startswith(found.raw)
                continue
            assert found.position >= last
            last = found.position + len(found.raw)
            assert line[found.position : last] == found.raw
            try:
                readings = protocol.decode(found)
            except Damage:
                continue
            assert all(isinstance(reading, Reading) and reading.evidence for reading in readings)
            doubted = doubt(readings, memory)
            assert [reading.value for reading in doubted] == [reading.value for reading in readings]

    run()


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_sound_frames_behind_noise_are_all_found(name, protocol):
    """Noise without a start marker never costs a frame."""
    framer = protocol.framer()
    clean = [one.raw for one in framer.feed(STREAMS[name]) + framer.flush() if isinstance(one, Frame)]
    starts = set(type(framer).starts)

    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.binary(max_size=12), min_size=len(clean), max_size=len(clean)))
    def run(gaps):
        quiet = [bytes(byte for byte in gap if byte not in starts) for gap in gaps]
        line = b"".join(gap + frame for gap, frame in zip(quiet, clean, strict=True))
        assert [one.raw for one in fed(protocol, line, []) if isinstance(one, Frame)] == clean

    run()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=8)
    | st.sampled_from(["dd03", "zz", "d"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["frames", "exchanges", "dir", "hex", "chunks", "ascii", "tx", "rx_chunks", "at"]
            ),
            inner | st.sampled_from(["rx", "tx", "bus"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_any_file_is_a_capture_or_refused_in_words(name, protocol):
    del name

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
    @example(b"")
    @example(b"\xef\xbb\xbf{}")
    @example(b'{"frames": [{"dir": "rx", "hex": "d"}]}')
    @example(b'{"frames": [], "frames": []}')
    @example(b'{"frames": NaN}')
    @example(b"[" * 100_000)
    @example(b'{"frames": [{"dir": "rx", "hex": "\\ud800"}]}')
    def run(data):
        sentence = "expected nothing, came nothing"
        try:
            for found in read_capture(data, protocol):
                assert isinstance(found, Decoded | Refused)
        except CaptureRefused as refused:
            sentence = str(refused)
        assert "expected" in sentence
        assert "came" in sentence

    run()
