"""What JK, Daly and ANT decoders keep to themselves, remember for one connection, and doubt."""

import json

import pytest

from ingest.captures import Decoded, read_capture
from ingest.protocol import Fault, Frame, find
from ingest.protocols import ant, daly_a5, daly_d2, jk, jk_uart


def frame_of(protocol, raw):
    (frame,) = protocol.framer().feed(raw)
    assert isinstance(frame, Frame)
    return frame


def information(software: str, serial: str) -> bytes:
    return jk.encode_information(
        model="M",
        hardware="H",
        software=software,
        serial=serial,
        made_on=None,
        passcode="4711",
        settings_passcode="998877",
    )


def test_passcodes_of_jk_are_blanked_and_all_else_is_kept():
    raw = information("10.05", "20400000001")
    behind_a_short_serial = raw[:97] + b"0815" + raw[101:]
    kept = jk.PROTOCOL.redact(behind_a_short_serial)
    assert b"4711" not in kept
    assert b"998877" not in kept
    assert b"0815" not in kept
    assert b"20400000001" in kept
    assert (len(kept), kept[-1]) == (len(raw), raw[-1])


def test_a_long_serial_number_of_jk_is_no_passcode():
    raw = information("19.27", "506177F49000674")
    assert b"506177F49000674" in jk.PROTOCOL.redact(raw)


@pytest.mark.parametrize("length", [64, 70, 99, 120, 299])
def test_a_cut_frame_of_jk_keeps_no_piece_of_a_passcode(length):
    kept = jk.PROTOCOL.redact(information("10.05", "1")[:length])
    assert len(kept) == length
    assert b"47" not in kept
    assert b"99" not in kept


def test_passcodes_of_others_are_blanked():
    uart = jk_uart.encode(b"\xb2" + b"secret\x00\x00\x00\x00" + b"\x85\x0f")
    assert b"secret" not in jk_uart.PROTOCOL.redact(uart)
    assert len(jk_uart.PROTOCOL.redact(uart)) == len(uart)
    assert b"secret" not in jk_uart.PROTOCOL.redact(uart[:16])
    password = daly_d2.encode_answer(daly_d2.UNIT, b"123456")
    assert b"123456" not in daly_d2.PROTOCOL.redact(password)
    assert daly_d2.PROTOCOL.decode(frame_of(daly_d2.PROTOCOL, password)) == []
    opening = ant.encode_answer(0x23, 0x6A01, b"12345678")
    assert b"12345678" not in ant.PROTOCOL.redact(opening)


def test_one_connection_does_not_know_what_another_was_told():
    state = frame_of(daly_a5.PROTOCOL, daly_a5.encode(daly_a5.STATE, bytes([1, 1, 1])))
    totals = frame_of(daly_a5.PROTOCOL, daly_a5.encode(daly_a5.TOTALS, bytes.fromhex("00a50000750802ee")))
    one, other = daly_a5.PROTOCOL.decoder(), daly_a5.PROTOCOL.decoder()
    one.decode(state)
    daly_a5.PROTOCOL.decode(state)
    doubts = {
        "told": [r.doubts for r in one.decode(totals) if r.quantity == "current"],
        "not told": [r.doubts for r in other.decode(totals) if r.quantity == "current"],
        "without memory": [r.doubts for r in daly_a5.PROTOCOL.decode(totals) if r.quantity == "current"],
    }
    assert doubts == {
        "told": [()],
        "not told": [("sign_unproven",)],
        "without memory": [("sign_unproven",)],
    }


BARE = bytes.fromhex("79030 10ce5 830528 851f c001".replace(" ", ""))


def test_data_without_a_frame_are_read_where_a_stream_begins_and_never_believed():
    entries = [{"dir": "rx", "hex": BARE.hex()}, {"dir": "rx", "hex": BARE.hex()}]
    found = list(read_capture(json.dumps({"frames": entries}).encode(), find("jk-uart")))
    assert all(isinstance(one, Decoded) for one in found)
    readings = [r for one in found for r in one.readings]
    assert [r.quantity for r in readings] == 2 * ["cell_voltage", "voltage", "state_of_charge"]
    assert all(r.doubts == ("no_checksum",) for r in readings)


@pytest.mark.parametrize(
    "before",
    [jk_uart.encode(b"\x85\x0f"), b"\x00", jk_uart.encode(BARE)[:-1] + b"\xff"],
    ids=["a frame", "noise", "a damaged frame with such data in it"],
)
def test_data_without_a_frame_are_refused_everywhere_else(before):
    found = list(read_capture(before + BARE, find("jk-uart")))
    readings = [r for one in found if isinstance(one, Decoded) for r in one.readings]
    assert not any("no_checksum" in r.doubts for r in readings)
    assert not any(r.quantity == "voltage" for r in readings)


def test_a_jk_board_that_streams_is_understood_whatever_was_asked():
    """Cell data come unasked; over the radio the type of an answer is under its checksum."""
    log = frame_of(jk.PROTOCOL, jk.encode_log([(5, 0x1B)]))
    assert jk.PROTOCOL.decode(log, request=jk.encode_request(jk.ASK_INFORMATION))


def test_cells_of_jk_that_fit_no_layout_are_not_placed():
    """A pack voltage far from the sum of the cells, no mean and no mask: neither layout is believed."""
    frame = frame_of(jk.PROTOCOL, jk.encode_answer(jk.CELLS, bytes.fromhex("e40c") * 4))
    assert {r.absence for r in jk.PROTOCOL.decode(frame)} == {"not_read"}


def test_an_answer_of_daly_that_is_shorter_than_asked_is_not_shifted():
    capture = {
        "frames": [
            {"dir": "tx", "hex": daly_d2.PROTOCOL.request("status").hex()},
            {"dir": "rx", "hex": daly_d2.encode_answer(daly_d2.UNIT, bytes(18)).hex()},
        ]
    }
    (refused,) = read_capture(json.dumps(capture).encode(), find("daly-d2"))
    assert refused.fault is Fault.UNMATCHED
