"""Plans of CAN signals; cantools is the oracle, on drawn databases and on published ones."""

import contextlib
import math
import re

import cantools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import can_plan
from tests.data import shared_files

ROUNDS = 40


def agree(message, frames):
    """Raw values of every signal, by plan for all frames, by plan for one, and by cantools."""
    plan = can_plan.plan(message)
    columns = plan.columns(frames)
    compared = 0
    for number, row in enumerate(frames):
        data = row.tobytes()
        single = plan.values(data)
        together = {}
        for name, (rows, values) in columns.items():
            at = np.searchsorted(rows, number)
            if at < len(rows) and rows[at] == number:
                together[name] = values[at]
        assert set(together) == set(single)
        try:
            oracle = message.decode(data, decode_choices=False, scaling=False)
        except cantools.database.errors.DecodeError:
            continue  # cantools refuses a multiplexer's value that chooses nothing
        assert set(oracle) <= set(single)
        for name, value in oracle.items():
            compared += 1
            if not math.isnan(value):
                assert value == single[name] == together[name], name
    return compared


@st.composite
def databases(draw):
    """A DBC with one message whose signals lie where they happen to fit."""
    size = draw(st.integers(1, 8))
    free = set(range(8 * size))
    lines = []
    for number in range(draw(st.integers(1, 8))):
        length = draw(st.integers(1, 8 * size))
        little = draw(st.booleans())
        start = draw(st.integers(0, 8 * size - 1))
        if little:
            bits = set(range(start, start + length))
        else:
            at = 8 * (start // 8) + 7 - start % 8
            bits = {8 * (bit // 8) + 7 - bit % 8 for bit in range(at, at + length)}
        if not bits <= free:
            continue
        free -= bits
        sign = draw(st.sampled_from("+-"))
        lines.append(f' SG_ S{number} : {start}|{length}@{int(little)}{sign} (0.5,-3) [0|0] "" N')
    head = f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: N\n\nBO_ 291 M: {size} N\n'
    return head + "\n".join(lines or [' SG_ S : 0|1@1+ (1,0) [0|0] "" N']) + "\n"


@settings(deadline=None, database=None, max_examples=60)
@given(databases(), st.integers(0, 2**32 - 1))
def test_a_plan_reads_what_cantools_reads(text, seed):
    (message,) = cantools.database.load_string(text, "dbc").messages
    frames = np.random.default_rng(seed).integers(0, 256, (ROUNDS, message.length), dtype=np.uint8)
    assert agree(message, frames) == ROUNDS * len(message.signals)


@pytest.mark.parametrize("path", shared_files("captures/dbc/*.dbc"), ids=lambda path: path.stem)
def test_a_plan_of_a_published_database_reads_what_cantools_reads(path):
    database = cantools.database.load_file(path, strict=False)
    compared = 0
    for message in database.messages[:250]:
        if not message.length or message.length > 64:
            continue
        frames = np.random.default_rng(message.frame_id).integers(
            0, 256, (ROUNDS, message.length), dtype=np.uint8
        )
        with contextlib.suppress(ValueError):  # a signal outside its message, where cantools gives up too
            compared += agree(message, frames)
    assert compared > 1000


def test_wanted_signals_alone_are_given():
    text = (
        'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: N\n\nBO_ 1 M: 2 N\n SG_ Which M : 0|8@1+ (1,0) [0|0] "" N\n'
        ' SG_ A m0 : 8|8@1+ (1,0) [0|0] "" N\n SG_ B m1 : 8|8@1- (1,0) [0|0] "" N\n'
    )
    (message,) = cantools.database.load_string(text, "dbc").messages
    frames = np.array([[0, 1], [1, 255], [2, 9], [1, 3]], np.uint8)
    found = can_plan.plan(message).columns(frames, frozenset({"B"}))
    assert list(found) == ["B"]
    rows, values = found["B"]
    assert (rows.tolist(), values.tolist()) == ([1, 3], [-1, 3])


# Logs

LOG = """\
(1700000000.000001) can0 351#1402FA007D00BD01
(1700000000.100000) can0 19B50500#FF9C03E8000055AA
(1700000000.200000) vcan1 351#
(1700000000.300000) can0 123#R
(1700000000.400000) can0 123##0AABB
(1700000000.500000) can0 7FF#0a0B
(000.600000) can0 355#6400
no frame at all
(1700000000.700000) can0 800#00
(1700000000.800000) can0 351#14 2FA007D00BD01
(1700000000.900000) can0 351#1402FA007D00BD01 R

(1700000001.000000) can0 351#1402FA007D00BD02"""


def test_a_candump_log_as_columns():
    log = can_plan.read_candump(LOG.encode())
    frames = [
        (
            int(log.time_us[n]),
            int(log.identifier[n]),
            bool(log.extended[n]),
            log.data[n, : log.length[n]].tobytes(),
        )
        for n in range(len(log.time_us))
    ]
    start = 1_700_000_000_000_000
    assert frames == [
        (start + 1, 0x351, False, bytes.fromhex("1402FA007D00BD01")),
        (start + 100_000, 0x19B50500, True, bytes.fromhex("FF9C03E8000055AA")),
        (start + 200_000, 0x351, False, b""),
        (start + 500_000, 0x7FF, False, b"\x0a\x0b"),
        (600_000, 0x355, False, b"\x64\x00"),
        (start + 1_000_000, 0x351, False, bytes.fromhex("1402FA007D00BD02")),
    ]
    assert log.left.tolist() == [3, 4, 7, 8, 9, 10]
    assert {(i, e): r.tolist() for i, e, r in log.by_identifier()}[0x351, False] == [0, 2, 5]


@settings(deadline=None, database=None, max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_damage_never_makes_a_frame_that_was_not_there(noise, at):
    clean = LOG.encode()
    damaged = clean[:at] + noise + clean[at + len(noise) :]
    log = can_plan.read_candump(damaged)
    whole = re.compile(rb"\(\d{1,10}\.\d{6}\) \S+ ([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#(?:[0-9A-Fa-f]{2}){0,8}")
    lines = [line for line in damaged.split(b"\n") if line]
    sound = [found for line in lines if (found := whole.fullmatch(line)) is not None]
    limit = {3: 1 << 11, 8: 1 << 29}
    sound = [found for found in sound if int(found[1], 16) < limit[len(found[1])]]
    assert len(log.time_us) == len(sound)
    assert len(log.time_us) + len(log.left) == len(lines)


def test_a_log_of_nothing_has_no_frames():
    for text in (b"", b"\n\n", b"nothing\n"):
        assert len(can_plan.read_candump(text).time_us) == 0


def test_a_log_of_endless_forms_is_left_to_the_careful_reader():
    text = "".join(f"(1.000000) c{number:04d} 123#\n" for number in range(3000))
    log = can_plan.read_candump(text.encode())
    assert len(log.time_us) + len(log.left) == 3000
    assert len(log.left) > 2000
