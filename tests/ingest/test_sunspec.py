"""The chain of a SunSpec device: found, walked, read in pieces, and read again when it has changed."""

import asyncio
import contextlib
import json
import socket
import threading
from decimal import Decimal

import pytest

from ingest import modbus
from ingest.captures import read_capture
from ingest.errors import RequestForbidden, TransportFailed
from ingest.protocol import CONDITIONS
from ingest.protocols import sunspec
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, cell_voltages
from ingest.simulators.serve import serve_tcp
from ingest.simulators.sunspec import SunSpecBank
from ingest.transports.address import Address, parse_address

PROTOCOL = sunspec.PROTOCOL


def bank(strings=3):
    device = SunSpecBank([LivePack(PackSpec("LFP", 16, 100.0, seed=seed)) for seed in range(1, strings + 1)])
    device.advance(60)
    return device


def cycle(poller, decoder, ask):
    """Requests of one cycle, and what their answers say."""
    asked, readings = [], []
    for request in poller.cycle():
        assert PROTOCOL.permit(request).is_request
        asked.append(request)
        for frame in PROTOCOL.framer().feed(ask(request)):
            readings += decoder.decode(frame, request=request)
    return asked, readings


def start():
    decoder = PROTOCOL.decoder()
    return PROTOCOL.poller(None, decoder), decoder


def test_the_chain_is_walked_once_and_read_in_every_cycle():
    device = bank()
    poller, decoder = start()
    first, readings = cycle(poller, decoder, device.hear)
    second, again = cycle(poller, decoder, device.hear)
    assert len(first) > len(second)
    assert [(r.quantity, r.component, r.index) for r in readings] == [
        (r.quantity, r.component, r.index) for r in again
    ]
    assert device.line.refused == []
    by_part = {(r.quantity, r.component, r.index): r.value for r in readings}
    for number, pack in enumerate(device.strings, 1):
        part = f"string/{number}/module/1"
        for place, volt in enumerate(cell_voltages(pack.spec, pack.state), 1):
            assert by_part["cell_voltage", part, place] == round(Decimal(float(volt)), 3)
        assert by_part["serial_number", part, None] == f"SIM{number:013d}"
    assert by_part["modules_online", None, None] == 3


def test_a_chain_that_has_become_another_one_is_walked_anew():
    poller, decoder = start()
    cycle(poller, decoder, bank(3).hear)
    changed = bank(2)
    cycle(poller, decoder, changed.hear)
    _, readings = cycle(poller, decoder, changed.hear)
    parts = {r.component for r in readings if r.quantity == "cell_voltage"}
    assert parts == {"string/1/module/1", "string/2/module/1"}


def test_a_long_model_says_nothing_until_it_is_whole_and_nothing_twice():
    decoder = PROTOCOL.decoder()
    image = bank(6).image()
    head = 40000 + 2 + 68 + 64  # marker, models 1 and 802

    def read(start, count):
        asked = modbus.encode_request(1, 3, start, count)
        begin = 2 * (start - 40000)
        (frame,) = PROTOCOL.framer().feed(modbus.encode_answer(1, 3, image[begin : begin + 2 * count]))
        return decoder.decode(frame, request=asked)

    assert {r.component for r in read(40000, 125)} <= {None}
    assert read(head, 100) == []
    assert {r.component for r in read(head + 100, 120)} >= {"string/6"}
    assert read(head + 100, 120) == []


def test_a_device_without_the_marker_is_asked_at_all_three_places():
    def ask(request):
        return modbus.encode_exception(1, 3, 2)

    poller, decoder = start()
    asked, readings = cycle(poller, decoder, ask)
    assert [int.from_bytes(request[2:4], "big") for request in asked] == [40000, 50000, 0]
    assert readings == []


def test_frames_with_the_head_of_tcp_say_the_same():
    words = {11: 612, 34: 523, 56: 0xFFFF, 59: 0xFFFF}
    data = b"".join(({0: 802, 1: 62} | words).get(at, 0).to_bytes(2, "big") for at in range(64))
    asked, answer = modbus.encode_request(1, 3, 40070, 64), modbus.encode_answer(1, 3, data)
    frames = [
        {"dir": "tx", "hex": modbus.as_tcp(asked, 9).hex()},
        {"dir": "rx", "hex": modbus.as_tcp(answer, 9).hex()},
    ]
    (found,) = read_capture(json.dumps({"frames": frames}).encode(), PROTOCOL)
    said = {r.quantity: r.value for r in found.readings}
    assert (said["state_of_charge"], said["voltage"]) == (Decimal("61.2"), Decimal("52.3"))


def test_only_holding_registers_are_read():
    for function in (1, 2, 4):
        with pytest.raises(RequestForbidden, match="allowed"):
            PROTOCOL.permit(modbus.encode_request(1, function, 40000, 2))


def test_events_are_spelt_as_in_the_one_list():
    assert {name for _, name in sunspec.EVENTS.values()} <= CONDITIONS


def ask_line(line):
    def ask(request):
        line.discard()
        line.send(request)
        return line.receive(5.0)

    return ask


def test_a_simulated_bank_answers_on_both_forms_of_tcp():
    with serve_tcp(bank()) as address:
        port = int(address.rpartition(":")[2])
        for scheme in ("tcp", "modbus"):
            with Address(scheme, "127.0.0.1", port).open() as line:
                poller, decoder = start()
                _, readings = cycle(poller, decoder, ask_line(line))
                assert len([r for r in readings if r.quantity == "cell_voltage"]) == 48


@contextlib.contextmanager
def foreign_server(registers):
    """A Modbus TCP server that is not ours; gives its port."""
    from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import ModbusTcpServer

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    block = ModbusSequentialDataBlock(40001, registers)
    context = ModbusServerContext(devices=ModbusDeviceContext(hr=block), single=True)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    servers = []

    async def run():
        server = ModbusTcpServer(context, address=("127.0.0.1", port))
        servers.append(server)
        await server.serve_forever(background=True)
        ready.set()
        await server.serving

    def serve():
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(run())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop).result(10)
        thread.join(10)
        loop.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_is_not_ours_is_read_over_modbus_tcp():
    pytest.importorskip("pymodbus")
    device = bank()
    image = device.image()
    registers = [int.from_bytes(image[at : at + 2], "big") for at in range(0, len(image), 2)]
    with foreign_server(registers) as port, Address("modbus", "127.0.0.1", port).open() as line:
        poller, decoder = start()
        _, readings = cycle(poller, decoder, ask_line(line))
        (voltage,) = [r.value for r in readings if (r.quantity, r.component) == ("voltage", None)]
        mean = sum(float(cell_voltages(one.spec, one.state).sum()) for one in device.strings) / 3
        assert abs(float(voltage) - mean) <= 0.051
        # What it does not have, it says in the standard's way.
        line.send(modbus.encode_request(1, 3, 100, 2))
        assert line.receive(5.0) == modbus.encode_exception(1, 3, 2)


def test_an_address_of_modbus_has_the_port_of_the_standard():
    assert str(parse_address("modbus:192.0.2.7")) == "modbus:192.0.2.7:502"
    assert str(parse_address("modbus:[2001:db8::1]:1502")) == "modbus:[2001:db8::1]:1502"
    with pytest.raises(TransportFailed, match="modbus:HOST:PORT"):
        parse_address("modbus:192.0.2.7:99999")
