"""Frames of a CAN bus: spellings, logs of every tool, several buses, live lines and simulated batteries."""

import itertools
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import can
import pytest

from ingest import can_logs, inverter_can
from ingest.can import BusFrame, CanFrame, read_line, read_spelling
from ingest.captures import Decoded, read_capture
from ingest.errors import CaptureRefused, RequestForbidden, TransportFailed
from ingest.gateway import Clock, Gateway, NeverAnswered, Pace, Routing
from ingest.journal import Receipt
from ingest.protocol import CONDITIONS, Fault, Refused, find
from ingest.protocols import can_pylontech, can_pylontech_hv, can_pytes
from ingest.simulators.can import PylontechCan, PylontechHvCan, VictronCan, serve_can
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages, state_of_charge
from ingest.transports.address import Address, parse_address
from ingest.transports.base import BackOff
from ingest.transports.can import CanLine
from schemas.reading import Reading
from schemas.samples import ColumnKey

PYLONTECH = find("can-pylontech")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LINE = b"(1764323000.250000) can0 356#1F13F6FFE200\n"
VALUES = [Decimal("48.95"), Decimal("-1.0"), Decimal("22.6")]


def decoded(data, protocol=PYLONTECH):
    return [one for one in read_capture(data, protocol) if isinstance(one, Decoded)]


def refused(data, protocol=PYLONTECH):
    return [one for one in read_capture(data, protocol) if isinstance(one, Refused)]


def values(data):
    return [reading.value for one in decoded(data) for reading in one.readings]


# Spellings


@pytest.mark.parametrize(
    ("frame", "spelt"),
    [
        (CanFrame(0x351, b"\x14\x02"), b"351#1402"),
        (CanFrame(0x51, b""), b"051#"),
        (CanFrame(0x18F21422, b"\xff", extended=True), b"18F21422#FF"),
        (CanFrame(0x51, b"\x01", extended=True), b"00000051#01"),
    ],
)
def test_a_frame_is_spelt_as_candump_does_and_read_back(frame, spelt):
    assert frame.raw == spelt
    assert read_spelling(spelt) == frame
    assert frame.whole().raw == spelt


@pytest.mark.parametrize("raw", [b"", b"351", b"351#1", b"800#00", b"FFFFFFFF#00", b"351#14 02", b"351#14\n"])
def test_what_is_no_spelling_is_no_frame(raw):
    assert read_spelling(raw) is None
    with pytest.raises(RequestForbidden):
        PYLONTECH.permit(raw)


@pytest.mark.parametrize(
    "line",
    [
        b"(1764323000.250000) can0 356#1F13F6FFE200",
        b"(1764323000.250000) can0 356#1f13f6ffe200 R",
        b"(1764323000.25) can0 356#1F.13.F6.FF.E2.00",
        b"(1764323000.250000)  can0  356   [6]  1F 13 F6 FF E2 00",
        b"(1764323000.250000)  can0  RX - -  356   [6]  1F 13 F6 FF E2 00   '......'",
        b"(1764323000.250000) vcan1 356##11F13F6FFE200",
    ],
)
def test_every_way_in_which_candump_writes_a_frame_is_read(line):
    frame = read_line(line)
    assert (frame.identifier, frame.data) == (0x356, bytes.fromhex("1F13F6FFE200"))
    assert frame.at == datetime(2025, 11, 28, 9, 43, 20, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        b"(000.150000) can0 356#1F13F6FFE200",
        b" can0  356   [6]  1F 13 F6 FF E2 00",
        b"(2026-11-28 10:00:00.250000)  can0  356   [6]  1F 13 F6 FF E2 00",
    ],
)
def test_a_stamp_that_is_no_date_is_no_time(line):
    frame = read_line(line.strip())
    assert frame.data == bytes.fromhex("1F13F6FFE200")
    assert frame.at is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"(1.0) can0 356#1F13F", Fault.NOISE),
        (b"(1.0) can0 956#1F13", Fault.NOISE),
        (b"(1.0) can0 20000004#0000000000000000", Fault.NOISE),
        (b" can0  356   [6]  1F 13 F6", Fault.LENGTH),
        (b"hello", Fault.NOISE),
    ],
)
def test_a_line_that_is_no_frame_is_refused_and_the_next_one_is_read(line, fault):
    assert [one.fault for one in refused(line + b"\n" + LINE)] == [fault]
    assert values(line + b"\n" + LINE) == VALUES


def test_a_frame_that_only_asks_says_nothing():
    assert decoded(b"(1.0) can0 356#R6\n" + LINE)[0].ordinal == 0


# Logs


def messages():
    for number in range(3):
        yield can.Message(
            timestamp=1764323000.25 + number,
            arbitration_id=0x356,
            is_extended_id=False,
            data=bytes.fromhex("1F13F6FFE200"),
            channel=0,
        )
    yield can.Message(
        timestamp=1764323004.0, arbitration_id=0x18F21422, is_extended_id=True, data=b"\x01", channel=0
    )
    yield can.Message(
        timestamp=1764323005.0,
        arbitration_id=0x356,
        is_extended_id=False,
        is_remote_frame=True,
        dlc=6,
        channel=0,
    )


@pytest.mark.parametrize(("suffix", "dated"), [("log", True), ("asc", False), ("blf", True), ("trc", False)])
def test_a_log_of_python_can_says_the_same_in_every_form(tmp_path, suffix, dated):
    path = tmp_path / f"log.{suffix}"
    with can.Logger(path) as logger:
        for message in messages():
            logger.on_message_received(message)
    found = list(read_capture(path, PYLONTECH))
    assert [len(one.readings) for one in found] == [3, 3, 3, 0]
    assert [reading.value for one in found for reading in one.readings] == 3 * VALUES
    assert {reading.component for one in found for reading in one.readings} == {None}
    begin = datetime(2025, 11, 28, 9, 43, 20, 250000, tzinfo=UTC)
    times = [one.at for one in found[:3]]
    assert times == ([begin + timedelta(seconds=number) for number in range(3)] if dated else 3 * [None])
    assert list(read_capture(path.read_bytes(), PYLONTECH)) == found


@pytest.mark.parametrize("suffix", ["blf", "asc", "trc"])
def test_a_log_that_breaks_off_is_refused_in_words_or_ends(tmp_path, suffix):
    path = tmp_path / f"log.{suffix}"
    with can.Logger(path) as logger:
        for message in messages():
            logger.on_message_received(message)
    whole = path.read_bytes()
    for end in range(8, len(whole), 7):
        sentence = "expected and came"
        try:
            found = list(read_capture(whole[:end], PYLONTECH))
        except CaptureRefused as refusal:
            sentence, found = str(refusal), []
        assert "expected" in sentence
        assert "came" in sentence
        assert all(isinstance(one, Decoded | Refused) for one in found)


def test_an_mf4_log_without_its_reader_says_what_to_install():
    with pytest.raises(CaptureRefused, match=r"expected (asammdf|an MF4 log)"):
        list(read_capture(b"MDF     4.10    cellpass" + bytes(200), PYLONTECH))


def test_canboat_lines_have_identifiers_and_times():
    (frame,) = can_logs.frames(iter([b"2016-02-28T19:57:02.824Z,6,127508,4,255,8,0b,46,0a,00,00,00,00,00\n"]))
    assert frame.identifier == 0x19F21404
    assert frame.extended
    assert frame.assembled
    assert frame.at == datetime(2016, 2, 28, 19, 57, 2, 824000, tzinfo=UTC)
    lines = b"2016-02-28-19:57:01,2,59904,4,37,3,00,ee,00\n1970-01-01T00:00:00.000Z,6,127508,4,255,2,00,01\n"
    asked, unset = can_logs.frames(iter([lines]))
    assert (asked.identifier, asked.at) == (0x08EA2504, None)
    assert unset.at is None
    (short,) = can_logs.frames(iter([b"2016-02-28T19:57:02.824Z,6,127508,4,255,8,0b,46\n"]))
    assert short.fault is Fault.LENGTH


def test_buses_of_one_log_are_parts_and_one_that_joins_later_is_one_too():
    other = LINE.replace(b"can0", b"can1")
    both = {reading.component for one in decoded(LINE + other) for reading in one.readings}
    assert both == {"bus/can0", "bus/can1"}
    late = [one.readings[0].component for one in decoded(2000 * LINE + other)]
    assert Counter(late) == {None: 2000, "bus/can1": 1}


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"dir": "bus", "hex": "00"}, 'expected "id"'),
        ({"dir": "bus", "id": "356"}, 'expected "id" and "hex"'),
        ({"dir": "bus", "id": "xyz", "hex": "00"}, "expected an identifier"),
        ({"dir": "bus", "id": "356", "hex": "0"}, "two hex digits"),
        ({"dir": "bus", "id": True, "hex": "00"}, "expected an identifier"),
        ({"dir": "bus", "id": "ffffffff", "hex": "00"}, "expected an identifier"),
        ({"dir": "bus", "id": 2000, "extended": 1, "hex": "00"}, "expected an identifier"),
    ],
)
def test_an_entry_that_is_no_frame_is_refused_with_its_place(entry, place):
    with pytest.raises(CaptureRefused, match=place):
        list(read_capture(json.dumps({"frames": [entry]}).encode(), PYLONTECH))


@pytest.mark.parametrize("identifier", ["356", "0x356", 0x356, "0356"])
def test_an_identifier_is_hex_digits_or_a_number(identifier):
    entry = {"dir": "bus", "id": identifier, "hex": "1f13f6ffe200", "at": "2026-11-20T12:00:00Z"}
    (one,) = decoded(json.dumps({"frames": [entry]}).encode())
    assert [reading.value for reading in one.readings] == VALUES
    assert one.at == NOON


def test_exchanges_are_no_capture_of_a_bus():
    with pytest.raises(CaptureRefused, match="CAN frame"):
        list(read_capture(b'{"exchanges": [{"tx": "00", "rx_chunks": ["00"]}]}', PYLONTECH))


def test_conditions_of_a_bus_are_spelt_as_in_the_one_list():
    named = {
        *inverter_can.PAIRS,
        *can_pylontech.PROTECTIONS.values(),
        *can_pylontech_hv.CONDITION_BITS,
        *can_pylontech_hv.ERROR_BITS,
        *can_pytes.ALARMS.values(),
        *can_pytes.WARNINGS.values(),
    }
    assert named <= CONDITIONS


# Live


class ListSink:
    """Keeps what it is given."""

    def __init__(self):
        self.batches = []

    def __call__(self, rows):
        self.batches.append(dict(rows))
        return [Receipt(battery, "test", "1", len(s), 0, None, "") for battery, s in rows.items()]

    def values(self, quantity):
        key = ColumnKey(quantity, None)
        return [
            samples.columns[key].decimal(row)
            for batch in self.batches
            for samples in batch.values()
            for row in range(len(samples))
            if key in samples.columns
        ]


def gateway(address, protocol, sink, *, opener=Address.open, interval_s=0.15):
    ticks = itertools.count()
    ending = threading.Event()
    return Gateway(
        parse_address(address, default_baud=protocol.baud_rates[0]),
        protocol,
        Routing({None: "BATTERY"}),
        sink,
        clock=Clock(lambda: NOON + timedelta(seconds=next(ticks)), time.monotonic, ending.wait),
        back_off=BackOff(jitter=lambda: 0.5, first_s=0.05, most_s=0.1, attempts=2),
        pace=Pace(interval_s=interval_s, flush_rows=2),
        opener=opener,
    )


@pytest.mark.parametrize(("protocol", "make"), [("can-pylontech", PylontechCan), ("can-victron", VictronCan)])
def test_a_simulated_battery_on_a_bus_is_heard_without_a_word_to_it(protocol, make):
    pack, sink, sent = LivePack(PackSpec("LFP", 16, 100.0, seed=3)), ListSink(), []

    class Listening(CanLine):
        def send(self, data):
            sent.append(data)

    with serve_can(make(pack), interface="virtual", channel=f"hear-{protocol}", period_s=0.04) as address:
        heard = gateway(
            address, find(protocol), sink, opener=lambda it: Listening(*it.place.split(":"), it.number)
        ).run(count=4)
    assert heard.rows == {"BATTERY": 4}
    assert not heard.refused
    assert sent == []
    volts = float(cell_voltages(pack.spec, pack.state).sum())
    assert [float(value) for value in sink.values("voltage")] == pytest.approx(4 * [volts], abs=0.1)
    charge = 100 * state_of_charge(pack.state)
    assert [float(value) for value in sink.values("state_of_charge")] == pytest.approx(4 * [charge], abs=0.6)
    assert len(sink.values("cell_voltage_min")) == 4
    assert heard.receipts["BATTERY"].accepted == 4


def test_a_battery_that_must_be_asked_is_asked_what_may_be_asked_and_nothing_else():
    pack, sink, sent = LivePack(PackSpec("LFP", 32, 74.0, seed=3)), ListSink(), []

    class Listening(CanLine):
        def send(self, data):
            sent.append(data)
            super().send(data)

    protocol = find("can-pylontech-hv")
    with serve_can(PylontechHvCan(pack), interface="virtual", channel="hv", period_s=0.04) as address:
        heard = gateway(
            address, protocol, sink, opener=lambda it: Listening(*it.place.split(":"), it.number)
        ).run(count=3)
    assert heard.rows == {"BATTERY": 3}
    assert sent == 3 * [b"00004200#0000000000000000", b"00004200#0200000000000000"]
    assert all(protocol.permit(data) for data in sent)
    volts = float(cell_voltages(pack.spec, pack.state).sum())
    assert [float(value) for value in sink.values("voltage")] == pytest.approx(3 * [volts], abs=0.2)
    assert sink.values("cell_count") == 3 * [32]
    assert sink.values("nameplate_capacity") == 3 * [74]
    for forbidden in (b"00008210#AA00000000000000", b"00004201#0000000000000000", b"200#00"):
        with pytest.raises(RequestForbidden):
            protocol.permit(forbidden)
    assert PylontechHvCan(pack).hear(CanFrame(0x8210, b"\xaa\x00", extended=True)) == []


def test_a_simulated_serial_number_arrives_whole():
    device = VictronCan(LivePack(PackSpec("LFP", 16, 100.0, seed=3)), serial="SIM0000000042")
    text = b"".join(b"(1.0) can0 %b\n" % frame.raw for frame in device.speak())
    said = {r.quantity: r for one in decoded(text, find("can-victron")) for r in one.readings}
    assert said["serial_number"].value == "SIM0000000042"
    assert said["model"].value == "Simulated pack"
    assert said["serial_number"].evidence is not None


def test_a_bus_without_a_word_and_one_of_another_profile_say_what_to_check():
    with pytest.raises(NeverAnswered, match=r"bit rate.*500 kbit/s.*120 ohm"):
        gateway("can:virtual:silent", PYLONTECH, ListSink(), interval_s=0.05).run()

    class Other(PylontechCan):
        def speak(self):
            return [CanFrame(0x123, b"\x00")]

    pack = LivePack(PackSpec("LFP", 16, 100.0, seed=3))
    with (
        serve_can(Other(pack), interface="virtual", channel="other", period_s=0.01) as address,
        pytest.raises(NeverAnswered, match="another profile"),
    ):
        gateway(address, PYLONTECH, ListSink(), interval_s=0.1).run()


def test_error_frames_and_foreign_bytes_of_a_bus_are_counted():
    class Noisy:
        address = "can:virtual:noisy"
        said = (b"(1.0) can0 2000", b"0004#00\n" + LINE)

        def __init__(self):
            self.left = list(self.said)

        def send(self, data):
            raise AssertionError(data)

        def receive(self, timeout_s):
            time.sleep(0.001)
            return self.left.pop(0) if self.left else b""

        def close(self):
            pass

    sink = ListSink()
    heard = gateway("can:virtual:x", PYLONTECH, sink, opener=lambda _: Noisy()).run(count=1)
    assert heard.refused == {"noise": 1}
    assert sink.values("voltage") == VALUES[:1]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("can:socketcan:can0", Address("can", "socketcan:can0", 500_000)),
        ("can:slcan:/dev/ttyACM0?bitrate=250000", Address("can", "slcan:/dev/ttyACM0", 250_000)),
    ],
)
def test_the_address_of_a_bus_is_read_and_written_back(text, address):
    assert parse_address(text, default_baud=500_000) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["can:can0", "can::can0", "can:socketcan:", "can:x:y?bitrate=fast", "can:x:y?a=b"]
)
def test_a_wrong_address_of_a_bus_says_what_was_expected(text):
    with pytest.raises(TransportFailed, match=r"expected|unknown option"):
        parse_address(text, default_baud=500_000)


def test_a_bus_that_is_not_there_says_so():
    with pytest.raises(TransportFailed, match=r"can:socketcan:can99: (there is no can99|this system has no)"):
        CanLine("socketcan", "can99", 500_000)
    with pytest.raises(TransportFailed, match="knows no interface 'nonsense'"):
        CanLine("nonsense", "0", 500_000)


def test_readings_of_a_bus_carry_the_evidence_of_their_frame():
    frame = CanFrame(0x356, bytes.fromhex("1F13F6FFE200"), channel="can1").whole()
    assert isinstance(frame, BusFrame)
    readings = PYLONTECH.decode(frame)
    assert all(isinstance(reading, Reading) and len(reading.evidence) == 64 for reading in readings)
    assert {reading.component for reading in readings} == {"bus/can1"}
