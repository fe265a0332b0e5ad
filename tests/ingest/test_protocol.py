from datetime import date
from decimal import Decimal
from hashlib import sha256

import pytest

from ingest.errors import ProtocolUnknown, RequestForbidden
from ingest.protocol import I16, U8, U16, U24, Cursor, Damage, Fault, Field, Frame, Integer, Refused, find
from ingest.protocols import jbd, pylontech_rs485
from schemas.terms import Origin, Unit

JBD = find("jbd")
PYLONTECH = find("pylontech-rs485")


def values(readings):
    return {(r.component, r.quantity, r.index, r.kind): r.value for r in readings}


def one_frame(protocol, data):
    framer = protocol.framer()
    (frame,) = framer.feed(data) + framer.flush()
    assert isinstance(frame, Frame)
    return frame


def test_an_unknown_protocol_is_answered_with_the_list():
    with pytest.raises(ProtocolUnknown, match=r"known: .*jbd, .*pylontech-rs485"):
        find("jdb")


@pytest.mark.parametrize(
    ("integer", "data", "value"),
    [
        (U8, b"\xff", 255),
        (U16, b"\x01\x02", 258),
        (I16, b"\xff\xfe", -2),
        (U24, b"\x01\x00\x00", 65536),
        (Integer(2, little=True), b"\x01\x02", 513),
        (U16, b"\x01", None),
    ],
)
def test_integers_as_they_lie(integer, data, value):
    assert integer.read(data, 0) == value


def test_a_field_table_cannot_name_a_wrong_unit_or_quantity():
    with pytest.raises(ValueError, match="voltage is in V, the row says A"):
        Field("voltage", 0, U16, -3, Unit.AMPERE)
    with pytest.raises(ValueError, match="unknown quantity 'volts'"):
        Field("volts", 0, U16, -3, Unit.VOLT)
    with pytest.raises(ValueError, match="is no number"):
        Field("model", 0, U16, 0, Unit.ONE)


def test_a_field_reads_and_writes_the_same_value():
    kelvin = Field("board_temperature", 0, U16, -1, Unit.CELSIUS, zero=2731)
    assert kelvin.write(Decimal("-5.0")) == b"\x0a\x79"
    assert kelvin.read(b"\x0a\x79").value == Decimal("-5.0")
    assert kelvin.read(b"\x0a") is None
    with pytest.raises(OverflowError):
        kelvin.write(Decimal(-300))


def test_a_cursor_tells_what_is_missing_and_what_is_left():
    cursor = Cursor(b"\x01\x02\x03", "data")
    assert cursor.number(U8, "count") == 1
    with pytest.raises(Damage, match=r"expected cells \(4 bytes\) at byte 1 of the data, came 2 left"):
        cursor.take(4, "cells")
    with pytest.raises(Damage, match="the end of the data"):
        cursor.end()


def test_requests_are_the_published_bytes():
    assert JBD.request("basic").hex() == "dda50300fffd77"
    assert JBD.request("cells").hex() == "dda50400fffc77"
    # Bank through its master; then one module.
    assert PYLONTECH.request("analog") == b"~20024642E002FFFD09\r"
    assert PYLONTECH.request("analog", 2) == b"~20024642E00202FD33\r"
    assert PYLONTECH.request("serial", 3) == b"~20034693E00203FD2B\r"
    assert PYLONTECH.request("manufacturer") == b"~200246510000FDAC\r"


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("dd5ae1020000ff1d77"),  # switch the transistors
        jbd.encode_request(0x10),  # a parameter nobody listed
        jbd.encode_request(0x03, b"\x00"),  # a read that carries data
        bytes.fromhex("ffaa1506313233343536"),  # the dialogue that opens locked units
        b"",
    ],
)
def test_a_jbd_board_is_never_written_to(data):
    with pytest.raises(RequestForbidden):
        JBD.permit(data)


@pytest.mark.parametrize(
    "data",
    [
        pylontech_rs485.encode_request(0x45, info=b"\x02"),
        pylontech_rs485.encode_request(0x95, info=b"\x02"),
        pylontech_rs485.encode_request(0x42, info=b"\x02", version=0x25),
        pylontech_rs485.encode_request(0x42, info=b"\x03"),  # asked of one address for another
        pylontech_rs485.encode_reply(b""),
    ],
)
def test_a_pylontech_module_is_only_read(data):
    with pytest.raises(RequestForbidden):
        PYLONTECH.permit(data)


def test_a_request_gives_no_readings_and_an_answer_carries_its_hash():
    assert JBD.decode(one_frame(JBD, JBD.request("basic"))) == []
    frame = one_frame(JBD, jbd.encode_reply(jbd.CELLS, b"\x0d\x0b"))
    (reading,) = JBD.decode(frame)
    assert reading.evidence == sha256(bytes.fromhex("dd0400020d0bffe677")).hexdigest()


def test_an_answer_to_something_else_is_refused():
    frame = one_frame(JBD, jbd.encode_reply(jbd.PRODUCT, b"X"))
    with pytest.raises(Damage, match="expected an answer to command 04 of address any") as caught:
        JBD.decode(frame, request=JBD.request("cells"))
    assert caught.value.fault is Fault.UNMATCHED
    other = one_frame(PYLONTECH, pylontech_rs485.encode_reply(b"", address=3))
    with pytest.raises(Damage, match="address 02"):
        PYLONTECH.decode(other, request=PYLONTECH.request("analog", 2))


def test_a_jbd_board_answers_byte_for_byte():
    data = jbd.encode_basic(
        voltage=Decimal("13.28"),
        current=Decimal("-12.34"),
        remaining=Decimal("81.50"),
        nominal=Decimal("100.00"),
        cycles=217,
        made_on=date(2024, 2, 29),
        state_of_charge=81,
        cell_count=4,
        temperatures=[Decimal("21.5"), Decimal("-5.0")],
        software=(2, 1),
    )
    # The first capture of tests/captures/jbd, worked out by hand.
    expected = "dd03001b0530fb2e1fd6271000d9305d00000000000021510304020b820a79fa6a77"
    assert jbd.encode_reply(jbd.BASIC, data).hex() == expected


def test_a_jbd_board_may_send_everything_it_has():
    data = jbd.encode_basic(
        voltage=Decimal("53.30"),
        current=Decimal("150.0"),
        remaining=Decimal("432.1"),
        nominal=Decimal("560.0"),
        cycles=291,
        made_on=date(2026, 3, 1),
        state_of_charge=77,
        cell_count=16,
        temperatures=[Decimal("26.2")],
        charging_enabled=False,
        balancing=[1, 17],
        protections=["short_circuit"],
        software=(3, 0),
        learned=Decimal("548.0"),
        coarse=True,
    )
    found = JBD.decode(one_frame(JBD, jbd.encode_reply(jbd.BASIC, data)))
    said = values(found)
    assert said[None, "current", None, None] == Decimal("150.0")
    assert said[None, "full_charge_capacity", None, None] == Decimal("548.0")
    assert said[None, "protection", None, None] == "short_circuit"
    assert said[None, "balancing_active", None, None] is True
    assert said[None, "charging_enabled", None, None] is False
    counters = jbd.encode_reply(jbd.COUNTERS, jbd.encode_counters({"short_circuit": 3}))
    counted = values(JBD.decode(one_frame(JBD, counters)))
    assert counted[None, "event_count", None, "short_circuit"] == 3
    assert sum(counted.values()) == 3


def test_a_pylontech_bank_answers_byte_for_byte():
    first = pylontech_rs485.Module(
        cells=[Decimal("3.300"), Decimal("3.301"), Decimal("3.302")],
        board=Decimal("26.2"),
        temperatures=[Decimal("21.6")],
        current=Decimal("-1.5"),
        voltage=Decimal("9.903"),
        remaining=Decimal("30.000"),
        total=Decimal("50.000"),
        cycles=7,
    )
    second = pylontech_rs485.Module(
        cells=[Decimal("3.400"), Decimal("3.401")],
        board=Decimal("25.0"),
        temperatures=[Decimal("-5.0"), Decimal("0.0")],
        current=Decimal("10.0"),
        voltage=Decimal("6.801"),
        remaining=Decimal("100.000"),
        total=Decimal("111.000"),
        cycles=300,
    )
    info = pylontech_rs485.encode_analog([first, second], flags=0x11)
    assert info.hex().upper() == (
        "1102"
        "030CE40CE50CE6020BB10B83FFF126AF753002C3500007"
        "020D480D49030BA50A790AAB00641A91FFFF04FFFF012C0186A001B198"
    )
    frame = one_frame(PYLONTECH, pylontech_rs485.encode_reply(info))
    said = values(PYLONTECH.decode(frame, request=PYLONTECH.request("analog")))
    assert said[None, "module_count", None, None] == 2
    assert said["module/2", "state_of_charge", None, None] == Decimal("90.1")
    assert said["module/1", "remaining_charge", None, None] == Decimal("30.000")


def test_pylontech_alarms_serial_and_maker_come_back_as_sent():
    alarms = pylontech_rs485.encode_alarms(
        [
            pylontech_rs485.ModuleAlarms(
                cells=[0, 2, 0],
                temperatures=[0, 0],
                protections=["pack_over_voltage"],
                charging_enabled=False,
                faulty_cells=[3, 9],
            )
        ],
        number=3,
    )
    frame = one_frame(PYLONTECH, pylontech_rs485.encode_reply(alarms, address=3))
    said = PYLONTECH.decode(frame, request=PYLONTECH.request("alarms", 3))
    assert [(r.quantity, r.value, r.index) for r in said] == [
        ("alarm", "cell_over_voltage", 2),
        ("protection", "pack_over_voltage", None),
        ("alarm", "cell_voltage_fault", 3),
        ("alarm", "cell_voltage_fault", 9),
        ("charging_enabled", False, None),
        ("discharging_enabled", True, None),
    ]
    assert {r.component for r in said} == {"module/2"}
    serial = pylontech_rs485.encode_reply(pylontech_rs485.encode_serial("EX1", number=3), address=3)
    assert values(PYLONTECH.decode(one_frame(PYLONTECH, serial))) == {
        ("module/2", "serial_number", None, None): "EX1"
    }
    info = pylontech_rs485.encode_manufacturer(device="EX48", software=(1, 9), maker="Example")
    maker = values(PYLONTECH.decode(one_frame(PYLONTECH, pylontech_rs485.encode_reply(info))))
    assert maker["module/1", "manufacturer", None, None] == "Example"
    assert maker["module/1", "firmware_version", None, None] == "1.9"


def test_pylontech_limits_are_amounts():
    info = pylontech_rs485.encode_limits(
        charge_voltage=Decimal("53.2"),
        discharge_voltage=Decimal("44.5"),
        charge_current=Decimal("37.0"),
        discharge_current=Decimal("25.5"),
        number=3,
        discharging_enabled=False,
    )
    # 53200 = cfd0, 44500 = add4, 370 = 0172, -255 = ff01
    assert info.hex() == "03cfd0add40172ff0180"


def test_the_capacity_that_never_fades_is_the_rated_one_and_the_share_is_ours():
    module = pylontech_rs485.Module(
        [Decimal("3.300")], Decimal(25), [], Decimal(0), Decimal("3.3"), Decimal(10), Decimal(40), 1
    )
    frame = one_frame(PYLONTECH, pylontech_rs485.encode_reply(pylontech_rs485.encode_analog([module])))
    origins = {r.quantity: r.origin for r in PYLONTECH.decode(frame)}
    assert origins["nameplate_capacity"] is Origin.CONFIGURED
    assert origins["state_of_charge"] is Origin.DERIVED
    assert origins["remaining_charge"] is Origin.NATIVE
    assert "full_charge_capacity" not in origins
    assert "bms_reported_health" not in origins


def test_a_bank_and_a_single_module_agree_on_names():
    """Serial numbers are asked one by one, values from the whole bank: the same part must be meant."""
    module = pylontech_rs485.Module(
        [Decimal("3.300")], Decimal(25), [], Decimal(0), Decimal("3.3"), Decimal(10), Decimal(40), 1
    )
    bank = pylontech_rs485.encode_reply(pylontech_rs485.encode_analog([module] * 3))
    parts = [r.component for r in PYLONTECH.decode(one_frame(PYLONTECH, bank)) if r.quantity == "voltage"]
    assert parts == ["module/1", "module/2", "module/3"]
    for address, part in zip((2, 3, 4), parts, strict=True):
        alone = pylontech_rs485.encode_reply(
            pylontech_rs485.encode_analog([module], number=address), address=address
        )
        request = PYLONTECH.request("analog", address)
        assert {r.component for r in PYLONTECH.decode(one_frame(PYLONTECH, alone), request=request)} == {part}


def test_a_count_that_is_not_there_is_refused():
    module = pylontech_rs485.Module(
        [Decimal("3.300")], Decimal(25), [], Decimal(0), Decimal("3.3"), Decimal(10), Decimal(40), 1
    )
    info = bytearray(pylontech_rs485.encode_analog([module] * 2))
    info[1] = 3
    frame = one_frame(PYLONTECH, pylontech_rs485.encode_reply(bytes(info)))
    with pytest.raises(Damage, match="expected data of 3 modules at the data, came data of 2"):
        PYLONTECH.decode(frame, request=PYLONTECH.request("analog"))


def test_a_refusal_names_expected_came_and_where():
    framer = JBD.framer()
    (refused,) = framer.feed(bytes.fromhex("dd0400020d0bffe577"))
    assert isinstance(refused, Refused)
    assert refused.to_wire() == {
        "refused": "checksum",
        "reason": "checksum: expected checksum ffe6 at byte 6 of the frame, came ffe5",
        "expected": "checksum ffe6",
        "came": "ffe5",
        "where": "byte 6 of the frame",
        "position": 0,
        "length": 9,
        "hex": "dd0400020d0bffe577",
    }


def test_a_sound_frame_inside_a_damaged_one_is_found():
    good = bytes.fromhex("dd0400020d0bffe677")
    # The damaged head claims 255 bytes of data; the sound frame lies inside and another behind it.
    line = bytes.fromhex("dd0400ff") + good + bytes(200) + good + bytes(100) + good
    framer = JBD.framer()
    found = framer.feed(line) + framer.flush()
    assert [one.raw for one in found if isinstance(one, Frame)] == [good, good, good]


@pytest.mark.parametrize(
    "piece", [b"\xdd", b"\xdd\x03\x00\xff", b"\x00", b"~", b"~20024600F", b"~2002460003FF"]
)
@pytest.mark.parametrize("protocol", [JBD, PYLONTECH])
def test_memory_stays_bounded_whatever_comes(protocol, piece):
    framer = protocol.framer()
    for _ in range(50):
        framer.feed(piece * 400)
        assert len(framer._buffer) <= 4096 + 4113 + 4096
        assert len(framer._noise) <= 512
    framer.flush()
    assert len(framer._buffer) == 0


def test_line_ends_between_ascii_frames_are_no_noise():
    frame = pylontech_rs485.encode_reply(b"")
    framer = PYLONTECH.framer()
    found = framer.feed(b"\r\n" + frame + b"\n\r\n" + frame + b"\n") + framer.flush()
    assert [type(one) for one in found] == [Frame, Frame]


@pytest.mark.parametrize("integer", [U8, U16, I16, U24, Integer(4, little=True), Integer(8)])
def test_a_row_of_integers_is_read_like_one_by_one_and_ends_with_the_data(integer):
    data = bytes(range(200, 231))
    singly = []
    while (number := integer.read(data, 3 + integer.size * len(singly))) is not None:
        singly.append(number)
    assert list(integer.read_all(data, 3, 1000)) == singly
    assert list(integer.read_all(data, 3, 2)) == singly[:2]
    assert integer.read_all(data, 40, 2) == ()
