"""EMUS sentences: where they end, what may be sent, strings, and the simulated control unit on a line."""

from decimal import Decimal

import pytest

from ingest.emus import CHARGING_ERRORS, PROTECTIONS
from ingest.errors import RequestForbidden
from ingest.protocol import CONDITIONS, Damage, Fault, Frame, Refused, find
from ingest.protocols import emus_serial as emus
from ingest.simulators.emus_serial import EmusDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages, step
from ingest.simulators.serve import serve_tcp
from tests.ingest.test_gateway import ListSink, gateway

CHARGE = b"BC1,000456F0,00057E40,1EDC,3C"
CELLS = b"BV2,00,0000,08,8B85858585868587,93"
PACK = PackSpec("LFP", 20, 100.0, seed=5)


def unit(**options):
    return EmusDevice(LivePack(PACK), **options)


def found(*pieces):
    framer = emus.PROTOCOL.framer()
    return [one for piece in pieces for one in framer.feed(piece)] + framer.flush()


def asked(device, name):
    """Every reading of the answer, by quantity, index and kind."""
    frames = found(device.hear(emus.PROTOCOL.request(name)))
    assert all(isinstance(frame, Frame) for frame in frames)
    return {(r.quantity, r.index, r.kind): r.value for frame in frames for r in emus.PROTOCOL.decode(frame)}


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\n\r\n", b""], ids=repr)
def test_any_line_end_ends_a_sentence(end):
    first, second = found(CHARGE + end + CELLS + end)
    assert first.raw.rstrip() == CHARGE
    assert second.raw.rstrip() == CELLS


def test_a_logger_may_write_in_front_of_a_sentence():
    noise, sentence = found(b"10:15:30.125 > " + CHARGE + b"\r\n")
    assert noise.fault is Fault.NOISE
    assert "the name of a sentence" in noise.reason
    assert sentence.payload == b"000456F0,00057E40,1EDC"


def test_a_line_without_end_is_refused_with_its_bound():
    refused, *rest = found(b"BV2," + b"0" * 2000 + b"\r\n" + CHARGE + b"\r\n")
    assert (refused.fault, refused.length) == (Fault.LENGTH, emus.LONGEST)
    assert isinstance(rest[-1], Frame)
    assert all(isinstance(one, Refused) for one in rest[:-1])


def test_a_sentence_cut_off_by_the_end_of_the_stream_is_truncated():
    (refused,) = found(CHARGE[:-1])
    assert refused.fault is Fault.TRUNCATED


def test_within_a_refused_line_only_known_names_are_sentences():
    covered = b"CD4,00057E40,17ED,"
    accident = covered + f"{emus.crc8_maxim(covered):02X}".encode()
    assert isinstance(found(accident)[0], Frame)
    (refused,) = found(b"BC1,00035" + accident + b"\r\n")
    assert refused.fault is Fault.CHECKSUM


def test_only_questions_are_ever_sent():
    for row in emus.PROTOCOL.requests:
        data = emus.PROTOCOL.request(row.name)
        assert data.startswith(f"{row.name.upper()},?,".encode())
        assert emus.PROTOCOL.permit(data).is_request
    for name in ("PW1", "RC1", "RS1", "SC1", "FD1", "PW2", "TC2", "CF2"):
        with pytest.raises(RequestForbidden):
            emus.PROTOCOL.request(name.lower())
        with pytest.raises(RequestForbidden):
            emus.PROTOCOL.permit(emus.encode_request(name))
    for name in ("SS1", "LG1"):
        with pytest.raises(RequestForbidden):
            emus.PROTOCOL.permit(emus.encode_sentence(name, "c"))


def test_a_password_is_blanked_and_nothing_else():
    heard = emus.encode_sentence("PW1", "SECRET")
    assert emus.PROTOCOL.redact(heard) == b"PW1,******,**\r\n"
    assert emus.PROTOCOL.redact(CHARGE) == CHARGE
    (frame,) = found(heard)
    assert emus.PROTOCOL.decode(frame) == []


def test_a_sentence_that_nobody_asked_for_is_read_beside_the_answers():
    (frame,) = found(CHARGE)
    readings = emus.PROTOCOL.decode(frame, request=emus.PROTOCOL.request("bv2"))
    assert readings[0].value == 79
    assert not emus.PROTOCOL.is_last(frame, emus.PROTOCOL.permit(emus.PROTOCOL.request("bv2")))
    assert emus.PROTOCOL.is_last(frame, emus.PROTOCOL.permit(emus.PROTOCOL.request("bc1")))


def test_the_first_string_has_a_name_once_another_has_spoken():
    session = find("emus-serial").decoder()
    sentences = [emus.encode_group("BV2", [Decimal("3.3")], string=string) for string in (0, 2, 0)]
    parts = [session.decode(frame)[0].component for frame in found(*sentences)]
    assert parts == [None, "string/3", "string/1"]
    (again,) = found(sentences[0])
    assert find("emus-serial").decoder().decode(again)[0].component is None


def test_sizes_that_contradict_each_other_refuse_a_sound_sentence():
    (frame,) = found(emus.encode_sentence("BV2", "00", "0000", "03", "8B85"))
    with pytest.raises(Damage, match="expected 3 bytes"):
        emus.PROTOCOL.decode(frame)
    (half,) = found(emus.encode_sentence("BV2", "00", "0000", "02", "8B8"))
    with pytest.raises(Damage, match="two digits"):
        emus.PROTOCOL.decode(half)
    (short,) = found(emus.encode_sentence("CV1", "00001000"))
    with pytest.raises(Damage, match="at least 2 fields"):
        emus.PROTOCOL.decode(short)


def test_conditions_are_spelt_as_in_the_one_list():
    named = {*PROTECTIONS.values(), *CHARGING_ERRORS.values(), *emus.LOGGED.values()}
    assert named | set(emus.RESETS.values()) <= CONDITIONS


# The simulated control unit


def test_the_builders_write_the_published_sentences():
    charge = emus.encode_charge(
        remaining_ah=Decimal(79), capacity_ah=Decimal(100), state_of_charge=Decimal(79)
    )
    assert charge == CHARGE + b"\r\n"
    volts = [Decimal(volt) for volt in ("3.39", "3.33", "3.33", "3.33", "3.33", "3.34", "3.33", "3.35")]
    assert emus.encode_group("BV2", volts) == CELLS + b"\r\n"


def test_the_unit_tells_its_packs_state():
    device = unit()
    device.advance(600)
    state = device.pack.state
    cells = [asked(device, "bv2")["cell_voltage", index, None] for index in range(1, 21)]
    assert cells == [round(Decimal(float(volt)), 2) for volt in cell_voltages(PACK, state)]
    pack = asked(device, "cv1")
    assert pack["current", None, None] == round(Decimal(state.current_a), 1) < 0
    summary = asked(device, "bv1")
    assert summary["cell_count", None, None] == 20
    assert summary["cell_voltage_min", None, None] == min(cells)
    assert asked(device, "bc1")["nameplate_capacity", None, None] == 100
    assert asked(device, "ss1")["charge_out", None, None] == round(state.discharged_as / 3600)
    assert len(asked(device, "bt4")) == 20
    assert asked(device, "bb1") == {("balancing_active", None, None): False}


def test_a_group_that_falls_silent_and_a_protection_are_told():
    device = unit(silent_groups=[2])
    topology = asked(device, "cg1")
    assert topology["module_count", None, None] == 3
    assert topology["modules_online", None, None] == 2
    assert topology["alarm", 2, None] == "cell_group_missing"
    device.pack.state = step(PACK, device.pack.state, 10, -2000.0, 21.0)
    frames = found(device.hear(emus.PROTOCOL.request("st1")))
    assert {r.value for r in emus.PROTOCOL.decode(frames[0])} == {
        "discharge_over_current",
        "cell_communication_lost",
    }
    assert asked(device, "ss1")["event_count", None, "discharge_over_current"] == 1


def test_every_request_is_answered_with_sound_sentences_of_that_name():
    device = unit()
    for row in emus.PROTOCOL.requests:
        frames = found(device.hear(emus.PROTOCOL.request(row.name)))
        assert frames
        for frame in frames:
            assert isinstance(frame, Frame)
            assert frame.command == row.command
            emus.PROTOCOL.decode(frame)
    assert not device.refused


def test_the_unit_obeys_nothing_but_questions():
    device = unit()
    for data in (
        emus.encode_sentence("SS1", "c"),
        emus.encode_sentence("SC1", "64"),
        emus.encode_request("FD1"),
    ):
        assert device.hear(data) == b""
    assert len(device.refused) == 3


def test_summaries_are_sent_unasked_when_they_are_due():
    device = unit(period_s=5.0)
    assert device.speak() == b""
    device.advance(5)
    names = [frame.raw[:3] for frame in found(device.speak())]
    assert names == [b"BV1", b"BT1", b"BT3", b"BB1", b"BC1", b"CV1", b"ST1"]
    assert device.speak() == b""


def test_a_gateway_gathers_answers_of_several_sentences_between_unasked_ones():
    device, sink = unit(period_s=0.4), ListSink()
    with serve_tcp(device) as address:
        heard = gateway(address, emus.PROTOCOL, {None: "BATTERY"}, sink).run(count=2)
    assert heard.rows == {"BATTERY": 2}
    assert not heard.refused
    assert not device.refused
    for index in range(1, 21):
        assert len(sink.values("BATTERY", "cell_voltage", index)) == 2
    assert len(sink.values("BATTERY", "charge_out")) == 2
    assert len(sink.values("BATTERY", "current")) == 2
    assert heard.last["BATTERY"]["serial_number", None, None].value == "00000005"
