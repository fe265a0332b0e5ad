"""The gateway against simulated devices on real lines: pseudo-terminals and TCP sockets."""

import itertools
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import JournalUnavailable, RequestForbidden, SequenceConflict, TransportFailed
from ingest.gateway import (
    AnotherDevice,
    Clock,
    Gateway,
    JournalSink,
    NeverAnswered,
    Pace,
    Routing,
    Unbound,
    replay,
    run_epoch,
    survey,
)
from ingest.journal import Receipt
from ingest.protocols import jbd
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, step
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.serve import BadLine, serve_pty, serve_tcp
from ingest.transports.address import parse_address
from ingest.transports.base import BackOff
from schemas.reading import Reading
from schemas.samples import ColumnKey

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUICK = Pace(interval_s=0.01, answer_s=0.4, gap_s=0.1, longest_s=2.0, pause_s=0.0, flush_rows=5, flush_s=60.0)


class ListSink:
    """Keeps what it is given; may refuse a while."""

    def __init__(self, refusals=()):
        self.batches = []
        self.refusals = list(refusals)

    def __call__(self, rows):
        if self.refusals:
            raise self.refusals.pop(0)
        self.batches.append(dict(rows))
        return [Receipt(battery, "test", "1", len(s), 0, None, "") for battery, s in rows.items()]

    def values(self, battery, quantity, index=None):
        key = ColumnKey(quantity, index)
        return [
            batch[battery].columns[key].decimal(row)
            for batch in self.batches
            if battery in batch
            for row in range(len(batch[battery]))
            if key in batch[battery].columns
        ]

    def sequences(self, battery):
        return [n for batch in self.batches if battery in batch for n in batch[battery].sequence.tolist()]


def gateway(address, protocol, bindings, sink, *, stop=None, pace=QUICK, attempts=4, **more):
    ticks = itertools.count()
    ending = stop or threading.Event()
    return Gateway(
        parse_address(address),
        protocol,
        Routing(bindings),
        sink,
        clock=Clock(lambda: NOON + timedelta(seconds=next(ticks)), time.monotonic, ending.wait),
        back_off=BackOff(jitter=lambda: 0.5, first_s=0.05, most_s=0.1, attempts=attempts),
        pace=pace,
        **more,
    )


def board(seed=7):
    return JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=seed)))


def bank(count=3):
    return PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=seed)) for seed in range(count)])


# Good lines


@pytest.mark.parametrize("serve", [serve_tcp, serve_pty], ids=["tcp", "pty"])
def test_a_board_is_read_over_a_real_line(serve):
    device, sink = board(), ListSink()
    with serve(device) as address:
        heard = gateway(address, jbd.PROTOCOL, {None: "BATTERY"}, sink).run(count=7)
    assert sink.sequences("BATTERY") == [1, 2, 3, 4, 5, 6, 7]
    assert heard.read == 7 * 2 + 2
    assert heard.rows == {"BATTERY": 7}
    assert heard.receipts["BATTERY"].accepted == 7
    assert len(sink.batches) == 2
    assert len(sink.values("BATTERY", "cell_voltage", 10)) == 7
    assert sum(sink.values("BATTERY", "cell_voltage", n)[0] for n in range(1, 11)) == pytest.approx(
        sink.values("BATTERY", "voltage")[0], abs=Decimal("0.02")
    )
    assert heard.last["BATTERY"]["model", None, None].value == "SIMULATED-JBD"
    assert not heard.refused
    assert not device.refused


@pytest.mark.parametrize("serve", [serve_tcp, serve_pty], ids=["tcp", "pty"])
def test_three_modules_become_three_batteries_in_one_batch(serve):
    device, sink = bank(3), ListSink()
    bindings = {"module/1": "ONE", "module/2": "TWO", "module/3": "THREE"}
    with serve(device) as address:
        heard = gateway(address, pylontech.PROTOCOL, bindings, sink).run(count=2)
    (batch,) = sink.batches
    assert set(batch) == {"ONE", "TWO", "THREE"}
    # What spoke of a module speaks of its battery now.
    assert all(key.component is None for samples in batch.values() for key in samples.columns)
    for battery, module in zip(("ONE", "TWO", "THREE"), device.modules, strict=True):
        assert len(sink.values(battery, "cell_voltage", 15)) == 2
        assert sink.values(battery, "nameplate_capacity") == [50, 50]
        remaining = sink.values(battery, "remaining_charge")[-1]
        assert remaining == pytest.approx(Decimal(module.state.charge_as.min() / 3600), rel=Decimal("0.02"))
    assert heard.unbound == {"the whole device": 2}


def test_a_bank_of_one_module_is_that_module():
    sink = ListSink()
    with serve_tcp(bank(1)) as address:
        gateway(address, pylontech.PROTOCOL, {None: "ONLY"}, sink).run(count=1)
    assert sink.values("ONLY", "voltage")
    assert sink.values("ONLY", "cell_voltage", 15)


def test_a_bank_cannot_be_bound_to_one_battery():
    sink = ListSink()
    with serve_tcp(bank(3)) as address, pytest.raises(Unbound) as refused:
        gateway(address, pylontech.PROTOCOL, {None: "ONLY"}, sink).run(count=1)
    assert refused.value.components == ("module/1", "module/2", "module/3")
    assert not sink.batches


def test_what_is_bound_to_nobody_is_counted_and_not_stored():
    sink = ListSink()
    with serve_tcp(bank(2)) as address:
        heard = gateway(address, pylontech.PROTOCOL, {"module/2": "TWO"}, sink).run(count=1)
    assert set(sink.batches[0]) == {"TWO"}
    assert heard.unbound["module/1"] > 20


def test_one_module_can_be_asked_by_its_address():
    sink = ListSink()
    with serve_tcp(bank(3)) as address:
        heard = gateway(address, pylontech.PROTOCOL, {"module/2": "TWO"}, sink, bus_address=3).run(count=1)
    assert sink.values("TWO", "voltage")
    assert not heard.unbound


# Bad lines


def test_silence_is_a_gap_and_nothing_is_repeated():
    sink = ListSink()
    with serve_tcp(board(), bad_line=BadLine(silence=0.5, seed=3)) as address:
        heard = gateway(
            address, jbd.PROTOCOL, {None: "B"}, sink, pace=Pace(0.0, 0.08, 0.05, 1.0, 0.0, 5, 60)
        ).run(count=30)
    volts, cells = sink.values("B", "voltage"), sink.values("B", "cell_voltage", 1)
    assert 0 < heard.silent < 20
    assert heard.rows["B"] == 30 - heard.silent
    # A row in which one of two answers is missing holds only the other.
    answered = sum(value is not None for value in volts), sum(value is not None for value in cells)
    assert all(0 < count < 30 - heard.silent for count in answered)
    missing = set(range(1, 31)) - set(sink.sequences("B"))
    assert len(missing) == heard.silent


def test_noise_truncation_and_doubled_bytes_are_refused_and_never_believed():
    bad = BadLine(noise=0.004, duplicate=0.002, truncate=0.1, garbage=0.2, pieces=7, seed=11)
    device, sink = bank(2), ListSink()
    with serve_tcp(device, bad_line=bad) as address:
        pace = Pace(0.0, 0.1, 0.05, 1.0, 0.0, 5, 60)
        bindings = {"module/1": "ONE", "module/2": "TWO"}
        heard = gateway(address, pylontech.PROTOCOL, bindings, sink, pace=pace).run(count=40)
    assert heard.refused.total() > 3
    volts = [value for name in ("ONE", "TWO") for value in sink.values(name, "voltage") if value is not None]
    assert len(volts) > 10
    assert all(47 < value < 52 for value in volts)


def test_a_line_cut_in_mid_frame_is_opened_again_and_asked_anew():
    device, sink = board(), ListSink()
    # After 300 bytes of answers the server hangs up in the middle of one; it answers the next caller nothing.
    with serve_tcp(device, bad_line=BadLine(hang_up_after=300)) as address:
        gate = gateway(address, jbd.PROTOCOL, {None: "B"}, sink)
        with pytest.raises(TransportFailed):
            gate.run(count=50)
    assert gate.heard.reconnects > 0
    assert gate.heard.read >= 4
    # Everything that was heard before the break is stored.
    assert gate.heard.receipts["B"].accepted == gate.heard.rows["B"] == len(sink.sequences("B"))


def test_a_device_that_comes_back_goes_on_under_the_same_numbers():
    sink, device = ListSink(), board()
    stop = threading.Event()
    with serve_tcp(device) as address:
        port = int(address.rpartition(":")[2])
        gate = gateway(address, jbd.PROTOCOL, {None: "B"}, sink, stop=stop, attempts=None)
        thread = threading.Thread(target=gate.run)
        thread.start()
        _until(lambda: len(sink.batches) >= 2)
    before = gate.heard.rows["B"]
    time.sleep(0.3)
    with serve_tcp(device, port=port):
        _until(lambda: gate.heard.rows["B"] > before + 10)
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()
    assert gate.heard.reconnects >= 1
    numbers = sink.sequences("B")
    assert numbers == sorted(set(numbers))
    assert len(numbers) == gate.heard.rows["B"]


def _until(done, seconds=10):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("device", "protocol"),
    [(bank(1), jbd.PROTOCOL), (board(), pylontech.PROTOCOL)],
    ids=["asked as jbd", "asked as pylontech"],
)
def test_the_wrong_protocol_never_answers_and_says_what_to_check(device, protocol):
    sink = ListSink()
    pace = Pace(0.0, 0.05, 0.05, 1.0, 0.0, 5, 60)
    with (
        serve_tcp(device) as address,
        pytest.raises(NeverAnswered, match="nothing answered 3 times; check the port"),
    ):
        gateway(address, protocol, {None: "B"}, sink, pace=pace).run()
    assert not sink.batches


def test_a_serial_line_that_is_silent_names_baud_rate_and_address():
    with serve_pty(board(), bad_line=BadLine(silence=1.0)) as address:
        pace = Pace(0.0, 0.05, 0.05, 1.0, 0.0, 5, 60)
        with pytest.raises(NeverAnswered, match=r"baud rate \(jbd .* uses 9600\).*bus address"):
            gateway(address, jbd.PROTOCOL, {None: "B"}, ListSink(), pace=pace).run()


def test_bytes_that_are_no_answer_are_counted_in_the_sentence():
    with serve_tcp(board(), bad_line=BadLine(noise=1.0)) as address:
        pace = Pace(0.0, 0.1, 0.05, 1.0, 0.0, 5, 60)
        with pytest.raises(
            NeverAnswered, match=r"bytes came in 3 cycles, but no answer of jbd.*First refusal"
        ):
            gateway(address, jbd.PROTOCOL, {None: "B"}, ListSink(), pace=pace).run()


def test_a_line_that_cannot_be_opened_is_no_reason_to_wait():
    with pytest.raises(TransportFailed, match="no such device"):
        gateway("serial:/dev/ttyNONE0", jbd.PROTOCOL, {None: "B"}, ListSink()).run(count=1)


class EchoLine:
    """An adapter that hears itself: the request comes back in front of the answer."""

    address = "echo"

    def __init__(self, device):
        self.device, self.sent, self.waiting = device, [], b""

    def send(self, data):
        self.sent.append(data)
        self.waiting += data + self.device.hear(data)

    def receive(self, timeout_s):
        data, self.waiting = self.waiting[:9], self.waiting[9:]
        return data

    def discard(self):
        self.waiting = b""

    def close(self):
        pass


def test_an_adapter_that_hears_itself_is_understood():
    sink, line = ListSink(), EchoLine(board())
    heard = gateway("tcp:unused:1", jbd.PROTOCOL, {None: "B"}, sink, opener=lambda _: line).run(count=2)
    assert heard.rows["B"] == 2
    assert not heard.refused


def test_only_requests_of_the_allow_list_are_sent():
    line = EchoLine(board())
    gateway("tcp:unused:1", jbd.PROTOCOL, {None: "B"}, ListSink(), opener=lambda _: line).run(count=1)
    assert [data[2] for data in line.sent] == [0x03, 0x04, 0x05, 0xAA]
    assert all(data[1] == 0xA5 for data in line.sent)


class Writing(jbd.Jbd):
    """A protocol module with a mistake: it polls with a write."""

    def poll(self, address=None):
        return [b"\xdd\x5a\xe1\x02\x00\x03\xff\x1a\x77"]


def test_a_write_is_never_sent_even_if_a_module_asks_for_it():
    line = EchoLine(board())
    with pytest.raises(RequestForbidden):
        gateway("tcp:unused:1", Writing(), {None: "B"}, ListSink(), opener=lambda _: line).run(count=1)
    assert line.sent == []


def test_an_exchanged_device_is_noticed_and_not_stored_under_the_old_battery():
    first, second = bank(1), PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=99))])
    lines = iter([EchoLine(first), EchoLine(second)])

    def opener(_):
        return next(lines)

    sink = ListSink()
    gate = gateway("tcp:unused:1", pylontech.PROTOCOL, {None: "B"}, sink, opener=opener)
    cycle = gate._cycle
    calls = itertools.count()

    def cycle_then_break(line, **more):
        if next(calls) == 2:
            raise TransportFailed("unplugged")
        return cycle(line, **more)

    gate._cycle = cycle_then_break
    with pytest.raises(AnotherDevice, match="was it exchanged"):
        gate.run(count=10)
    assert len(sink.sequences("B")) == 2


def swapped_after(cycles, bindings, sink, **more):
    """A bank of two whose modules change places between two connections."""
    packs = [LivePack(PackSpec("LFP", 15, 50.0, seed=seed)) for seed in (5, 6)]
    lines = iter([EchoLine(PylontechBank(packs)), EchoLine(PylontechBank(packs[::-1]))])
    gate = gateway("tcp:unused:1", pylontech.PROTOCOL, bindings, sink, opener=lambda _: next(lines), **more)
    cycle, calls = gate._cycle, itertools.count()

    def cycle_then_break(line, **options):
        if next(calls) == cycles:
            raise TransportFailed("unplugged")
        return cycle(line, **options)

    gate._cycle = cycle_then_break
    return gate


def test_modules_that_change_places_are_kept_aside_from_their_batteries():
    sink, told = ListSink(), []
    gate = swapped_after(2, {"module/1": "ONE", "module/2": "TWO"}, sink, on_findings=told.extend)
    heard = gate.run(count=5)
    assert len(sink.sequences("ONE")) == len(sink.sequences("TWO")) == 2
    assert heard.cycles == 5
    aside = {part: count for part, count in heard.unbound.items() if "aside" in part}
    assert set(aside) == {"module/1, kept aside: slot_shift", "module/2, kept aside: slot_shift"}
    shifts = [one for one in told if one.check.code == "slot_shift"]
    assert [one.component for one in shifts] == ["module/1", "module/2"]
    # Only the master's serial number is asked; of the others nobody knows whether they moved too.
    assert shifts[0].sentence.startswith("module/1 had the serial number SIM")
    assert shifts[1].sentence.startswith(
        "module/1 says another serial number than before, and module/2 never"
    )
    assert heard.doubts["slot_shift"] == sum(aside.values())


def test_a_part_that_a_finding_about_the_site_froze_is_kept_aside_at_once():
    sink, aside, seen = ListSink(), {}, []

    def listen(at, readings):
        seen.append((at, len(readings)))
        aside["module/2"] = "aggregate_as_battery"

    bindings = {"module/1": "ONE", "module/2": "TWO"}
    lines = itertools.repeat(EchoLine(bank(2)))
    gate = gateway(
        "tcp:unused:1",
        pylontech.PROTOCOL,
        bindings,
        sink,
        opener=lambda _: next(lines),
        on_readings=listen,
        aside=aside,
    )
    heard = gate.run(count=3)
    assert len(sink.sequences("ONE")) == 3
    assert sink.sequences("TWO") == []
    assert heard.unbound["module/2, kept aside: aggregate_as_battery"] > 0
    assert len(seen) == 3


class BabblingLine:
    """Says what it is given, in pieces, whatever it is asked."""

    address = "babble"

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def send(self, data):
        pass

    def receive(self, timeout_s):
        return self.pieces.pop(0) if self.pieces else b""

    def discard(self):
        pass

    def close(self):
        pass


def _sound():
    """Answers of real layouts, to be mixed with rubbish."""
    device, modules = board(), bank(2)
    answers = [device.hear(jbd.PROTOCOL.request(row.name)) for row in jbd.PROTOCOL.requests]
    return answers + [
        modules.hear(pylontech.PROTOCOL.request(row.name)) for row in pylontech.PROTOCOL.requests
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=60), st.sampled_from(_sound())), max_size=12),
    st.sampled_from([jbd.PROTOCOL, pylontech.PROTOCOL]),
)
def test_whatever_a_line_says_is_a_row_or_a_refusal_and_nothing_else(pieces, protocol):
    sink, line = ListSink(), BabblingLine(pieces)
    routing = {None: "REST", "module/1": "ONE", "module/2": "TWO"}
    gate = gateway("tcp:unused:1", protocol, routing, sink, opener=lambda _: line)
    try:
        heard = gate.run(count=2)
    except (NeverAnswered, AnotherDevice, Unbound):
        heard = gate.heard
    for battery, rows in heard.rows.items():
        assert heard.receipts[battery].accepted == rows


def test_conditions_are_counted_and_not_kept_as_if_they_still_held():
    device, sink = board(), ListSink()
    device.pack.state = step(device.pack.spec, device.pack.state, 10, -200.0, 21.0)
    with serve_tcp(device, speed=0.0) as address:
        heard = gateway(address, jbd.PROTOCOL, {None: "B"}, sink).run(count=3)
    assert heard.conditions == {"B": {"protection discharge_over_current": 3}}
    assert not any(quantity == "protection" for quantity, _, _ in heard.last["B"])


# Stopping and storing


def test_a_stop_stores_what_was_heard():
    sink, stop = ListSink(), threading.Event()
    pace = Pace(0.01, 0.4, 0.1, 2.0, 0.0, flush_rows=1000, flush_s=1000.0)
    with serve_tcp(board()) as address:
        gate = gateway(address, jbd.PROTOCOL, {None: "B"}, sink, stop=stop, pace=pace)
        thread = threading.Thread(target=gate.run)
        thread.start()
        _until(lambda: gate.heard.rows["B"] >= 3)
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(sink.batches) == 1
    assert gate.heard.receipts["B"].accepted == gate.heard.rows["B"]


def test_rows_wait_while_the_journal_cannot_take_them():
    sink = ListSink(refusals=[JournalUnavailable("disk full"), JournalUnavailable("disk full")])
    with serve_tcp(board()) as address:
        heard = gateway(address, jbd.PROTOCOL, {None: "B"}, sink).run(count=12)
    assert sink.sequences("B") == list(range(1, 13))
    assert heard.receipts["B"].accepted == 12


def test_rows_that_could_not_be_stored_to_the_end_are_counted():
    sink = ListSink(refusals=[JournalUnavailable("disk full")] * 99)
    with (
        serve_tcp(board()) as address,
        pytest.raises(JournalUnavailable, match="3 rows were heard and not stored"),
    ):
        gateway(address, jbd.PROTOCOL, {None: "B"}, sink).run(count=3)


class StoreUnavailableError(Exception):
    """The passport side's word for a database that cannot be written now."""

    code = "store_unavailable"


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (StoreUnavailableError("disk full"), JournalUnavailable),
        (ZeroDivisionError("a mistake"), ZeroDivisionError),
    ],
    ids=["full disk", "mistake"],
)
def test_a_database_that_cannot_be_written_is_a_reason_to_wait_and_a_mistake_is_not(trouble, expected):
    def writing():
        raise trouble

    sink = JournalSink(writing, batteries=None, source="s", epoch="1", now=lambda: NOON)
    with pytest.raises(expected, match=str(trouble)):
        sink({})


def test_a_conflict_is_told_once():
    sink = ListSink(refusals=[SequenceConflict("other content under number 1")])
    with serve_tcp(board()) as address, pytest.raises(SequenceConflict):
        gateway(address, jbd.PROTOCOL, {None: "B"}, sink).run(count=2)
    assert not sink.batches


def test_a_later_run_has_a_greater_number():
    assert run_epoch(NOON) == "1795176000000"
    assert int(run_epoch(NOON + timedelta(milliseconds=1))) == 1795176000001


# Routing


def reading(component):
    return Reading("voltage", Decimal(1), component=component)


def test_the_longest_bound_path_wins_and_is_taken_off():
    routing = Routing({"rack/1": "RACK", "rack/1/module/2": "MODULE"})
    parts, unbound = routing.split(
        [
            reading(c)
            for c in ("rack/1", "rack/1/module/1", "rack/1/module/2", "rack/1/module/2/cell/3", "rack/11")
        ]
    )
    assert [r.component for r in parts["RACK"]] == [None, "module/1"]
    assert [r.component for r in parts["MODULE"]] == [None, "cell/3"]
    assert unbound == Counter({"rack/11": 1})


def test_parts_with_batteries_of_their_own_leave_the_rest_to_the_whole():
    parts, unbound = Routing({None: "A", "module/2": "B"}).split(
        [reading(c) for c in (None, "module/1", "module/2")]
    )
    assert {battery: len(rows) for battery, rows in parts.items()} == {"A": 2, "B": 1}
    assert not unbound


# Recordings


def test_a_recording_of_three_modules_is_sorted_to_three_batteries(shared):
    data = shared("captures/pylontech-rs485/us2000-x3-analog.txt").read_bytes()
    found, _ = survey(data, pylontech.PROTOCOL)
    assert found.components == ("module/1", "module/2", "module/3")
    assert found.first_at is None
    sink = ListSink()
    routing = Routing({f"module/{n}": f"B{n}" for n in (1, 2, 3)})
    heard = replay(data, pylontech.PROTOCOL, routing, sink)
    assert heard.read == 1
    # As asserted by another program on the same bytes.
    assert sink.values("B1", "voltage") == [Decimal("49.545")]
    assert sink.values("B1", "current") == [Decimal("-2.6")]
    assert sink.values("B1", "cycle_count") == [31]
    assert sink.values("B1", "cell_voltage", 13) == [Decimal("3.306")]
    assert sink.values("B2", "voltage") == [Decimal("49.52")]
    assert sink.values("B3", "remaining_charge") == [Decimal("33.5")]
    assert not sink.batches[0]["B1"].timed.any()


def test_a_recording_without_times_takes_the_stated_one(shared):
    data = shared("captures/aiobmsble/jbd-4s.capture.json").read_bytes()
    sink = ListSink()
    replay(data, jbd.PROTOCOL, Routing({None: "B"}), sink, start=NOON)
    (batch,) = sink.batches
    assert batch["B"].timed.all()
    assert set(batch["B"].time_ms.tolist()) == {1795176000000}
    assert Decimal("15.6") in sink.values("B", "voltage")
    assert Decimal("3.432") in sink.values("B", "cell_voltage", 3)


def test_a_survey_tells_parts_times_and_period_before_anything_is_stored():
    def frame(second):
        cells = board().hear(jbd.PROTOCOL.request("cells")).hex()
        return {"dir": "rx", "hex": cells, "at": (NOON + timedelta(seconds=second)).isoformat()}

    data = json.dumps({"frames": [frame(second) for second in (0, 10, 20, 30, 300)]}).encode()
    found, heard = survey(data, jbd.PROTOCOL)
    assert (found.components, found.whole, found.read) == ((), True, 5)
    assert found.first_at == NOON
    assert found.period_s == 10
    assert not heard.refused


def _said(component, value):
    return Reading("voltage", Decimal(value), component=component)


def test_strings_under_one_master_stay_parts_of_the_one_battery():
    heard = [_said(None, "51.2"), _said("string/1", "51.1"), _said("string/2", "51.3")]
    parts, unbound = Routing({None: "A"}).split(heard)
    assert parts == {"A": heard}
    assert not unbound
    apart, _ = Routing({None: "A", "string/2": "B"}).split(heard)
    assert apart == {"A": heard[:2], "B": [_said(None, "51.3")]}


def test_parts_that_are_bound_to_one_battery_stay_parts():
    heard = [_said("module/1", "51.1"), _said("module/2", "51.3"), _said("module/3", "51.2")]
    parts, unbound = Routing({"module/1": "A", "module/2": "A", "module/3": "B"}).split(heard)
    assert parts == {"A": heard[:2], "B": [_said(None, "51.2")]}
    assert not unbound
    with pytest.raises(Unbound):
        Routing({None: "A"}).split(heard)
