"""Whatever comes over a line: readings or typed refusals, nothing else, and never dependent on the pieces."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.can import CanFrame
from ingest.captures import Decoded, read_capture
from ingest.errors import CaptureRefused
from ingest.plausibility import Memory, doubt
from ingest.protocol import Carrier, Damage, Fault, Frame, Refused, discover
from schemas.reading import Reading

FIXTURES = Path(__file__).parents[1] / "captures"
ALL = sorted(discover().items())
PROTOCOLS = [(name, one) for name, one in ALL if one.carrier is Carrier.STREAM]
BUSES = [(name, one) for name, one in ALL if one.carrier is Carrier.CAN]


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


def frames_of(protocol):
    """Frames of any identifier and length, most of them with an identifier that the protocol reads."""
    known = st.sampled_from(sorted(protocol.messages)) if protocol.messages else st.nothing()
    standard = st.builds(CanFrame, st.integers(0, 0x7FF), st.binary(max_size=8), st.just(value=False))
    extended = st.builds(CanFrame, st.integers(0, (1 << 29) - 1), st.binary(max_size=64), st.just(value=True))
    own = st.builds(
        lambda number, data, source, part: protocol.spoken(number, data, source=source, part=part),
        known,
        st.binary(max_size=8) | st.integers(0, 255).map(lambda byte: bytes([byte]) * 8),
        st.integers(0, 255),
        st.integers(0, 3),
    )
    return st.lists(st.one_of(own, own, own, standard, extended), max_size=24)


@pytest.mark.parametrize(("name", "protocol"), BUSES)
def test_any_frames_of_a_bus_give_readings_or_typed_refusals(name, protocol):
    del name

    @settings(max_examples=150, deadline=None)
    @given(frames_of(protocol), st.booleans())
    def run(frames, two_buses):
        text = b"".join(
            b"(1700000000.%06d) can%d %b\n" % (number, number % 2 if two_buses else 0, frame.raw)
            for number, frame in enumerate(frames)
        )
        memory = Memory()
        log = list(read_capture(text, protocol)) if text else []
        for found in log:
            assert isinstance(found, Decoded | Refused)
            if isinstance(found, Refused):
                assert found.reason
                continue
            assert found.at is not None
            assert all(isinstance(reading, Reading) and reading.evidence for reading in found.readings)
            doubted = doubt(found.readings, memory)
            assert [reading.value for reading in doubted] == [reading.value for reading in found.readings]
        # The text of a live line, whatever its pieces, says the same as the log.
        whole = protocol.framer()
        pieces = protocol.framer()
        said = whole.feed(text) + whole.flush()
        assert [one for byte in text for one in pieces.feed(bytes([byte]))] + pieces.flush() == said

    run()


@pytest.mark.parametrize(("name", "protocol"), BUSES)
def test_data_shorter_than_the_fields_of_an_identifier_are_refused_for_their_length(name, protocol):
    del name
    for number, message in protocol.messages.items():
        for size in range(message.least):
            frame = protocol.spoken(number, bytes(size)).whole()
            with pytest.raises(Damage) as caught:
                protocol.decode(frame)
            assert caught.value.fault is Fault.LENGTH


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
                ["frames", "exchanges", "dir", "hex", "chunks", "ascii", "tx", "rx_chunks", "at", "id"]
            ),
            inner | st.sampled_from(["rx", "tx", "bus"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b'{"frames": [{"dir": "rx", "hex": "d"}]}')
@example(b'{"frames": [], "frames": []}')
@example(b'{"frames": NaN}')
@example(b"[" * 100_000)
@example(b'{"frames": [{"dir": "rx", "hex": "\\ud800"}]}')
def test_any_file_is_a_capture_or_refused_in_words_by_every_protocol(data):
    """Each file is given to all of them: making it up takes longer than reading it."""
    for name, protocol in ALL:
        sentence = "expected nothing, came nothing"
        try:
            for found in read_capture(data, protocol):
                assert isinstance(found, Decoded | Refused), name
        except CaptureRefused as refused:
            sentence = str(refused)
        assert "expected" in sentence, name
        assert "came" in sentence, name
