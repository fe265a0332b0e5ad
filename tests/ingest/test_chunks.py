"""The stored form of telemetry: exact, small, and never larger in memory than a chunk may be."""

import struct
from contextlib import suppress

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import chunks
from schemas.samples import Column, ColumnKey, Note, Samples
from schemas.terms import Origin

INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, -1, 1])
KEYS = [
    ColumnKey("current"),
    ColumnKey("cell_voltage", 3, "module/2"),
    ColumnKey("event_count", kind="over_current"),
]


@st.composite
def samples(draw):
    sequence = sorted(draw(st.sets(st.integers(0, 2**53), max_size=20)))
    count = len(sequence)
    column = st.lists(INT64, min_size=count, max_size=count)
    mask = st.lists(st.booleans(), min_size=count, max_size=count) | st.just([True] * count)
    timed = np.array(draw(mask), np.bool_)
    times = np.where(timed, np.array(draw(column), np.int64), 0)
    columns = {}
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        valid = np.array(draw(mask), np.bool_)
        values = np.where(valid, np.array(draw(column), np.int64), 0)
        columns[key] = Column(values, valid, draw(st.integers(-12, 6)), draw(st.sampled_from(list(Origin))))
    notes = ()
    if count:
        note = st.builds(
            Note,
            st.sampled_from(sequence),
            st.sampled_from(["alarm", "current"]),
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            st.none() | st.just("not_read"),
            st.lists(st.sampled_from(["saturated", "no_sensor"]), max_size=2).map(tuple),
        )
        notes = tuple(sorted(draw(st.lists(note, max_size=6)), key=lambda n: (n.sequence, n.key)))
    return Samples(np.array(sequence, np.int64), times, timed, columns, notes, draw(st.booleans()))


def equal(one: Samples, other: Samples) -> bool:
    return (
        one.sequence.tolist() == other.sequence.tolist()
        and one.time_ms.tolist() == other.time_ms.tolist()
        and one.timed.tolist() == other.timed.tolist()
        and one.absolute == other.absolute
        and one.notes == other.notes
        and one.columns.keys() == other.columns.keys()
        and all(
            mine.values.tolist() == theirs.values.tolist()
            and mine.valid.tolist() == theirs.valid.tolist()
            and (mine.exponent, mine.origin) == (theirs.exponent, theirs.origin)
            for key, mine in one.columns.items()
            for theirs in [other.columns[key]]
        )
    )


def day(count: int) -> Samples:
    """One hertz of a pack that swings between charge and discharge, with a little noise."""
    dice = np.random.default_rng(1)
    at = np.arange(count)
    current = (20_000 * np.sin(at / 600) + dice.normal(0, 30, count)).astype(np.int64) // 10 * 10
    charge = np.clip(500 + np.cumsum(current) / 3.6e5, 0, 1000).astype(np.int64)
    everywhere = np.ones(count, np.bool_)
    voltage = (51_200 + charge * 3 + current * 0.02 + dice.normal(0, 4, count)).astype(np.int64)
    heat = (250 + 20 * np.sin(at / 8000) + dice.normal(0, 0.4, count)).astype(np.int64)
    columns = {
        ColumnKey("voltage"): Column(voltage, everywhere, -3),
        ColumnKey("current"): Column(current, everywhere, -3),
        ColumnKey("cell_temperature", 1): Column(heat, everywhere, -1),
        ColumnKey("state_of_charge"): Column(charge, everywhere, -1),
    }
    return Samples(at + 1, 1_770_000_000_000 + at * 1000, everywhere, columns)


@settings(max_examples=150, deadline=None)
@given(samples())
def test_what_is_read_is_what_was_written(given_rows):
    assert equal(chunks.decode(chunks.encode(given_rows).payload), given_rows)


def test_a_day_at_one_hertz_takes_at_most_two_and_a_half_bytes_a_sample():
    rows = day(86_400)
    assert len(chunks.encode(rows).payload) / len(rows) <= 2.5


def test_the_digest_is_of_the_content_and_not_of_the_compression():
    one = chunks.encode(day(100))
    assert one.digest == chunks.encode(day(100)).digest
    assert one.digest != chunks.encode(day(101)).digest


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_refused_or_changes_nothing(data):
    payload = bytearray(chunks.encode(day(50)).payload)
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    try:
        read = chunks.decode(bytes(payload))
    except chunks.ChunkCorrupt:
        return
    assert equal(read, day(50))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_refusal(data):
    with suppress(chunks.ChunkCorrupt):
        chunks.decode(data)


@pytest.mark.parametrize("cut", [0, 1, 8, 9, 20, -1])
def test_a_chunk_cut_short_is_refused(cut):
    with pytest.raises(chunks.ChunkCorrupt):
        chunks.decode(chunks.encode(day(50)).payload[:cut])


def forged(header: dict, planes: bytes = b"", raw_length: int | None = None) -> bytes:
    head = orjson.dumps(header)
    raw = head + planes
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(raw)
    return struct.pack("<BII", 1, len(raw) if raw_length is None else raw_length, len(head)) + packed


EMPTY = {"absolute": True, "rows": 0, "sequence": [0, 0, 0], "time": [1, 0, 0, 0], "columns": []}


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("rows beyond a chunk", forged({**EMPTY, "rows": 2**40})),
        (
            "cells beyond a chunk",
            forged({**EMPTY, "rows": 2**20, "columns": [["current", 0, "native", 1, 0, 0, 0]] * 99}),
        ),
        ("length beyond a chunk", forged(EMPTY, raw_length=2**32 - 1)),
        ("length not kept", forged(EMPTY, raw_length=80_000_000)),
        ("planes missing", forged({**EMPTY, "rows": 100, "sequence": [8, 0, 0]})),
        ("bytes left over", forged(EMPTY, b"more")),
        ("numbers do not ascend", forged({**EMPTY, "rows": 2, "sequence": [0, 5, 0]})),
        ("unknown quantity", forged({**EMPTY, "columns": [["colour", 0, "native", 1, 0, 0, 0]]})),
        ("unknown origin", forged({**EMPTY, "columns": [["current", 0, "guessed", 1, 0, 0, 0]]})),
        ("exponent out of range", forged({**EMPTY, "columns": [["current", 99, "native", 1, 0, 0, 0]]})),
        ("width that does not exist", forged({**EMPTY, "rows": 2, "sequence": [3, 0, 0]}, b"abc")),
        ("header is no object", forged([1])),  # type: ignore[arg-type]
        ("another encoding", b"\x02" + forged(EMPTY)[1:]),
        (
            "a note of nothing",
            forged({**EMPTY, "groups": [], "notes": 1, "note_group": [0, 0, 0], "note_sequence": [0, 0, 0]}),
        ),
    ],
)
def test_a_forged_header_is_refused(name, payload):
    with pytest.raises(chunks.ChunkCorrupt):
        chunks.decode(payload)


def test_an_empty_forged_chunk_is_the_control_of_the_others():
    assert len(chunks.decode(forged(EMPTY))) == 0


def test_a_bomb_is_not_unpacked():
    bomb = zstandard.ZstdCompressor().compress(bytes(200_000_000))
    with pytest.raises(chunks.ChunkCorrupt):
        chunks.decode(struct.pack("<BII", 1, 200_000_000, 10) + bomb)
    with pytest.raises(chunks.ChunkCorrupt):
        chunks.decode(struct.pack("<BII", 1, 1000, 10) + bomb)


def test_more_than_a_chunk_holds_is_the_callers_mistake():
    with pytest.raises(ValueError, match="do not fit one chunk"):
        chunks.encode(day(chunks.MAX_ROWS + 1))
