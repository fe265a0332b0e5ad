"""Modbus frames of both forms, tables, and what an answer may be taken for."""

import json
from decimal import Decimal

import pytest

from ingest import modbus
from ingest.captures import Decoded, read_capture
from ingest.errors import RequestForbidden
from ingest.modbus import Bits, Block, ModbusFramer, ModbusProtocol, Number, Text, number
from ingest.protocol import I16, U16, Certainty, Fault, Field, Frame, Integer, Refused
from schemas.terms import ReadingAbsence, Unit

# Worked by hand after the serial line specification: unit 1 reads two holding registers from 0x0010.
REQUEST = bytes.fromhex("010300100002c5ce")
ANSWER = bytes.fromhex("0103040cfa0d051dc1")


class Pack(ModbusProtocol):
    """An invented pack."""

    name = "pack"
    title = "Invented pack"
    certainty = Certainty.UNPROVEN
    rows = (
        number(0x10, "voltage", U16, -2, Unit.VOLT, unavailable=[0xFFFF]),
        number(0x11, "current", I16, -1, Unit.AMPERE),
        number(0x20, "energy_in", modbus.U32_LOW, -1, Unit.KILOWATT_HOUR),
        number(0x22, "energy_out", Integer(4), -1, Unit.KILOWATT_HOUR),
        Text(0x30, 3, "serial_number"),
        Bits(0x33, 1, "alarm", {0: "over_temperature", 3: "short_circuit"}),
        Bits(0x05, 10, "protection", {0: "cell_over_voltage", 9: "short_circuit"}, function=1),
        Bits(0x05, 1, "charging_enabled", {0: "on"}, function=1),
    )
    blocks = (
        Block("state", 3, 0x10, 2, "voltage and current"),
        Block("energy", 3, 0x20, 4, "energy"),
        Block("who", 3, 0x30, 4, "serial number and alarms"),
        Block("flags", 1, 0x05, 10, "protections"),
    )


PACK = Pack()


def framed(data, pieces=None):
    framer = ModbusFramer()
    out = []
    for begin in range(0, len(data), pieces or len(data)):
        out += framer.feed(data[begin : begin + (pieces or len(data))])
    return out + framer.flush()


def capture(*entries):
    frames = [{"dir": way, "hex": raw.hex()} for way, raw in entries]
    found = read_capture(json.dumps({"frames": frames}).encode(), PACK)
    return [
        [(r.quantity, r.value if r.absence is None else r.absence) for r in one.readings]
        if isinstance(one, Decoded)
        else one.fault
        for one in found
    ]


def test_the_builders_write_what_the_specification_says():
    assert modbus.encode_request(1, 3, 0x10, 2) == REQUEST
    assert modbus.encode_answer(1, 3, bytes.fromhex("0cfa0d05")) == ANSWER
    assert modbus.as_tcp(REQUEST, 7) == bytes.fromhex("000700000006010300100002")
    assert modbus.as_serial(modbus.as_tcp(ANSWER, 7)) == ANSWER


@pytest.mark.parametrize("pieces", [1, 3, 7, None])
def test_requests_answers_and_refusals_are_told_apart(pieces):
    line = REQUEST + ANSWER + modbus.encode_exception(1, 4, 2) + modbus.encode_request(0, 1, 0x2200, 80)
    found = framed(line, pieces)
    assert [(one.address, one.command, one.is_request, one.status) for one in found] == [
        (1, 3, True, 0),
        (1, 3, False, 0),
        (1, 4, False, 2),
        (0, 1, True, 0),
    ]
    assert found[1].payload == bytes.fromhex("0cfa0d05")


@pytest.mark.parametrize("pieces", [1, 5, None])
def test_frames_behind_a_tcp_head_are_the_same_frames(pieces):
    line = modbus.as_tcp(REQUEST, 258) + modbus.as_tcp(ANSWER, 258)
    line += modbus.as_tcp(modbus.encode_exception(1, 3, 2), 259)
    found = framed(line, pieces)
    assert [(one.address, one.command, one.is_request, one.status) for one in found] == [
        (1, 3, True, 0),
        (1, 3, False, 0),
        (1, 3, False, 2),
    ]


def test_one_flipped_bit_anywhere_costs_the_frame():
    for place in range(8 * len(ANSWER)):
        bad = bytearray(ANSWER)
        bad[place >> 3] ^= 1 << (place & 7)
        found = framed(bytes(bad))
        assert found, place
        assert all(isinstance(one, Refused) for one in found), place


def test_a_sound_frame_behind_damage_is_found():
    bad = ANSWER[:-1] + bytes([ANSWER[-1] ^ 1])
    found = framed(bad + ANSWER + ANSWER[:-2])
    assert [one.fault if isinstance(one, Refused) else one.raw for one in found] == [
        Fault.CHECKSUM,
        ANSWER,
        Fault.TRUNCATED,
    ]


def test_a_stretch_of_noise_is_one_refusal():
    found = framed(bytes(range(0x90, 0xE0)) + b"\xff" + ANSWER)
    assert [isinstance(one, Frame) for one in found] == [False, True]


def test_an_answer_is_read_at_the_registers_that_were_asked():
    assert capture(("tx", REQUEST), ("rx", ANSWER)) == [
        [("voltage", Decimal("33.22")), ("current", Decimal("333.3"))]
    ]
    # Another host may cut its reads elsewhere.
    other = modbus.encode_request(1, 3, 0x0F, 2)
    assert capture(("bus", other), ("bus", ANSWER)) == [[("voltage", Decimal("33.33"))]]


def test_words_of_either_order():
    asked = modbus.encode_request(1, 3, 0x20, 4)
    answer = modbus.encode_answer(1, 3, bytes.fromhex("0002000100010002"))
    assert capture(("tx", asked), ("rx", answer)) == [
        [("energy_in", Decimal("6553.8")), ("energy_out", Decimal("6553.8"))]
    ]


def test_texts_and_bits():
    asked = modbus.encode_request(1, 3, 0x30, 4)
    answer = modbus.encode_answer(1, 3, b"EX-42\x00" + bytes.fromhex("0018"))
    assert capture(("tx", asked), ("rx", answer)) == [
        [("serial_number", "EX-42"), ("alarm", "short_circuit"), ("alarm", "unnamed_bit_4")]
    ]
    asked = modbus.encode_request(1, 1, 5, 10)
    answer = modbus.encode_answer(1, 1, bytes.fromhex("0102"))
    assert capture(("tx", asked), ("rx", answer)) == [
        [("protection", "cell_over_voltage"), ("protection", "short_circuit"), ("charging_enabled", True)]
    ]


def test_what_the_device_does_not_offer_is_absent():
    asked = modbus.encode_request(1, 3, 0x20, 4)
    assert capture(("tx", asked), ("rx", modbus.encode_exception(1, 3, 2))) == [
        [("energy_in", ReadingAbsence.NOT_SUPPORTED), ("energy_out", ReadingAbsence.NOT_SUPPORTED)]
    ]
    assert capture(("tx", asked), ("rx", modbus.encode_exception(1, 3, 6))) == [
        [("energy_in", ReadingAbsence.NOT_READ), ("energy_out", ReadingAbsence.NOT_READ)]
    ]
    answer = modbus.encode_answer(1, 3, bytes.fromhex("ffff0000"))
    assert capture(("tx", REQUEST), ("rx", answer)) == [
        [("voltage", ReadingAbsence.NOT_SUPPORTED), ("current", Decimal("0.0"))]
    ]


def test_an_answer_without_its_request_is_understood_only_when_one_read_has_its_length():
    assert capture(("rx", ANSWER)) == [[("voltage", Decimal("33.22")), ("current", Decimal("333.3"))]]
    # Two blocks have four registers: which one it is, nothing says.
    assert capture(("rx", modbus.encode_answer(1, 3, bytes(8)))) == [[]]
    assert capture(("rx", modbus.encode_answer(1, 3, bytes(10)))) == [[]]


def test_a_request_answers_once():
    """Its next answer was asked by a request that the recording lost, and may be another block."""
    asked = modbus.encode_request(1, 3, 0x20, 4)
    answer = modbus.encode_answer(1, 3, bytes(8))
    first, second = capture(("tx", asked), ("rx", answer), ("rx", answer))
    assert len(first) == 2
    assert second == []


def test_an_answer_to_something_else_is_refused():
    answer = modbus.encode_answer(1, 3, bytes(6))
    assert capture(("tx", REQUEST), ("rx", answer)) == [Fault.UNMATCHED]
    assert capture(("tx", REQUEST), ("rx", modbus.encode_answer(2, 3, bytes(4)))) == [Fault.UNMATCHED]


def test_on_tcp_answers_come_in_any_order():
    tcp = modbus.as_tcp
    first, second = modbus.encode_request(1, 3, 0x20, 4), modbus.encode_request(1, 3, 0x30, 4)
    energy = modbus.encode_answer(1, 3, bytes.fromhex("0001000000000001"))
    who = modbus.encode_answer(1, 3, b"EX-42\x00\x00\x00")
    found = capture(
        ("tx", tcp(first, 1)), ("tx", tcp(second, 2)), ("rx", tcp(who, 2)), ("rx", tcp(energy, 1))
    )
    assert found[0] == [("serial_number", "EX-42")]
    assert found[1] == [("energy_in", Decimal("0.1")), ("energy_out", Decimal("0.1"))]


def test_only_the_blocks_may_be_asked():
    for request in PACK.poll() + PACK.poll(9):
        assert PACK.permit(request).is_request
    for forbidden in (
        modbus.encode_request(1, 3, 0x10, 3),
        modbus.encode_request(1, 4, 0x10, 2),
        bytes.fromhex("01060010000189cf"),  # a write
        REQUEST + REQUEST,
        ANSWER,
    ):
        with pytest.raises(RequestForbidden):
            PACK.permit(forbidden)


def test_reads_are_the_fewest_that_ask_for_no_unnamed_register():
    rows = [number(at, "cell_voltage", U16, -3, Unit.VOLT, index=at) for at in [*range(1, 301), 400]]
    blocks = modbus.blocks_of(rows)
    assert [(block.start, block.count) for block in blocks] == [(1, 125), (126, 125), (251, 50), (400, 1)]


def test_floating_numbers():
    field = Field("voltage", 0, Integer(4), 0, Unit.VOLT)
    row = Number(0, field, floating=True)
    for raw, value in (("42520000", Decimal("52.5")), ("7fc00000", None), ("3dcccccd", Decimal("0.1"))):
        window = modbus.Window(1, 3, 0, 2, bytes.fromhex(raw))
        assert next(iter(row.read(window))).value == value
