"""Bluetooth through aiobmsble: its own scanner, connector and decoders, against our simulated boards.

No radio is here. What is replaced is what bleak replaces on each system: the backend that scans and the one
that carries bytes. Who has no aiobmsble (Python 3.11) runs the rest.
"""

import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from ingest.errors import TransportFailed
from ingest.protocol import Damage, Frame, find
from ingest.protocols import ant, daly_d2, jbd
from ingest.simulators.boards import AntDevice, DalyD2Device
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import Device, LivePack
from ingest.simulators.pack import PackSpec
from ingest.transports import ble
from ingest.transports.address import Address, parse_address
from tests.ingest.test_gateway import ListSink, gateway

try:
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
    from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
except ImportError:
    BaseBleakClient = BaseBleakScanner = object
    IS_HERE = False
else:
    IS_HERE = True

with_library = pytest.mark.skipif(not IS_HERE, reason="needs the extra ble, and Python 3.12")
PROTOCOL = find("ble")
BASE = "0000{}-0000-1000-8000-00805f9b34fb"


# The air


@dataclass
class Board:
    """A simulated device with a radio module before it."""

    name: str
    service: str
    heard_on: str
    said_on: str
    device: Device
    address: str = "A4:C1:37:00:00:01"
    piece: int = 20
    written: list[bytes] = field(default_factory=list)


AIR: list[Board] = []


class Scanner(BaseBleakScanner):
    """Hears every board that is in the air, its name one advertisement later."""

    def __init__(self, callback: Any, uuids: Any, mode: Any, **more: Any) -> None:
        super().__init__(callback, uuids)

    async def start(self) -> None:
        self.seen_devices = {}
        for board in AIR:
            for name in (None, board.name):
                said = AdvertisementData(name, {}, {}, [BASE.format(board.service)], None, -60, ())
                device = self.create_or_update_device(board.address, board.address, board.name, None, said)
                self.call_detection_callbacks(device, said)

    async def stop(self) -> None:
        pass


class Client(BaseBleakClient):
    """Carries bytes to a board, and what it answers back, in pieces of a small radio packet."""

    is_connected = False
    mtu_size = 23
    live: ClassVar[list["Client"]] = []

    def __init__(self, device: Any, **more: Any) -> None:
        super().__init__(device, disconnected_callback=None, timeout=1.0)
        self._board = next(board for board in AIR if board.address == self.address)
        self._notify: Any = None

    async def connect(self, pair: bool = False, **more: Any) -> None:
        board = self._board
        self.services = BleakGATTServiceCollection()
        service = BleakGATTService(None, 1, BASE.format(board.service))
        self.services.add_service(service)
        for handle, (uuid, properties) in enumerate(
            {board.said_on: ["notify"], board.heard_on: ["write-without-response", "notify"]}.items(), 2
        ):
            self.services.add_characteristic(
                BleakGATTCharacteristic(None, handle, BASE.format(uuid), properties, lambda: 20, service)
            )
        self.is_connected = True
        self.live.append(self)

    async def disconnect(self) -> None:
        self.is_connected = False

    async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
        board = self._board
        board.written.append(bytes(data))
        answer = board.device.hear(bytes(data))
        pieces = [answer[at : at + board.piece] for at in range(0, len(answer), board.piece)]
        for piece in pieces:
            asyncio.get_running_loop().call_soon(self._notify, bytearray(piece))

    async def start_notify(self, characteristic: Any, callback: Any, **more: Any) -> None:
        self._notify = callback

    async def stop_notify(self, characteristic: Any) -> None:
        self._notify = None

    async def read_gatt_char(self, characteristic: Any, **more: Any) -> bytearray:
        return bytearray()

    read_gatt_descriptor = write_gatt_descriptor = pair = unpair = read_gatt_char


def pack() -> LivePack:
    return LivePack(PackSpec("LFP", 4, 100.0, seed=7))


def jbd_board(address: str = "A4:C1:37:00:00:01") -> Board:
    return Board("JBD-SIM", "ff00", "ff02", "ff01", JbdDevice(pack()), address)


def boards() -> list[Board]:
    return [
        jbd_board(),
        # Its decoder takes an answer from one notification: newer radio modules carry that much.
        Board("DL-SIM", "fff0", "fff2", "fff1", DalyD2Device(pack()), piece=256),
        Board("ANT-BLE24SIM", "ffe0", "ffe1", "ffe1", AntDevice(pack())),
    ]


@pytest.fixture
def air(monkeypatch):
    monkeypatch.setattr("bleak.get_platform_scanner_backend_type", lambda: (Scanner, "simulated"))
    monkeypatch.setattr("bleak.get_platform_client_backend_type", lambda: (Client, "simulated"))
    AIR.clear()
    Client.live.clear()
    yield AIR
    AIR.clear()


def readings(line: bytes) -> dict[tuple[str, int | None], Any]:
    framer = PROTOCOL.framer()
    (frame,) = framer.feed(line) + framer.flush()
    assert isinstance(frame, Frame)
    return {(one.quantity, one.index): one for one in PROTOCOL.decode(frame)}


def own(protocol: Any, device: Device) -> dict[tuple[str, int | None], Any]:
    """What our own decoder reads of the same board."""
    decoder, out = protocol.decoder(), {}
    for request in protocol.poll():
        framer = protocol.framer()
        for found in framer.feed(device.hear(request)) + framer.flush():
            out |= {(one.quantity, one.index): one for one in decoder.decode(found, request=request)}
    return out


# Against our own decoders


@with_library
@pytest.mark.parametrize(
    ("number", "protocol", "kind"),
    [(0, jbd.PROTOCOL, "jbd_bms"), (1, daly_d2.PROTOCOL, "daly_bms"), (2, ant.PROTOCOL, "ant_bms")],
    ids=["jbd", "daly", "ant"],
)
def test_library_and_own_decoder_read_one_board_alike_charging_and_discharging(air, number, protocol, kind):
    board = boards()[number]
    air.append(board)
    live = board.device.pack
    signs = set()
    with ble.BleLine(board.address, scan_s=5.0) as line:
        for _ in range(2):
            answer = line.fetch(None)
            assert json.loads(answer.body)["type"] == kind
            library, ours = readings(answer.body), own(protocol, board.device)
            for name in ("voltage", "current", "state_of_charge", "remaining_charge", "cycle_count"):
                if (kind, name) == ("ant_bms", "cycle_count"):
                    assert (name, None) not in library, "ANT counts no cycles, and the library works them out"
                    continue
                said, known = library[name, None].value, ours[name, None].value
                assert said == pytest.approx(known, abs=Decimal("0.05")), name
            cells = [library["cell_voltage", index].value for index in range(1, 5)]
            assert cells == [ours["cell_voltage", index].value for index in range(1, 5)]
            assert library["cell_temperature", 1].value == ours["cell_temperature", 1].value
            assert library["charging_enabled", None].value is ours["charging_enabled", None].value
            sign = library["current", None].value > 0
            assert sign is (live.state.current_a > 0)
            signs.add(sign)
            while (live.state.current_a > 0) is sign:
                live.advance(60.0)
    assert signs == {True, False}
    assert not Client.live[-1].is_connected


@with_library
def test_rows_come_from_the_radio_to_a_battery(air):
    air.append(jbd_board())
    sink = ListSink()
    heard = gateway("ble:a4:c1:37:00:00:01", PROTOCOL, {None: "PACK"}, sink).run(3)
    assert heard.rows == {"PACK": 3}
    assert len(sink.values("PACK", "cell_voltage", 4)) == 3
    assert heard.last["PACK"]["hardware_version", None, None].value == "SIMULATED-JBD"
    reads = {"basic": "dda50300fffd77", "cells": "dda50400fffc77", "hardware": "dda50500fffb77"}
    assert {asked.hex() for asked in air[0].written} == set(reads.values())


@with_library
def test_nothing_that_the_library_works_out_is_passed_on(air):
    air.append(jbd_board())
    with ble.BleLine("JBD-SIM", scan_s=0.2) as line:
        sample = json.loads(line.fetch(None).body)["sample"]
    assert not {"power", "runtime", "delta_voltage", "temperature", "cycle_capacity", "problem"} & set(sample)


# Finding


@with_library
def test_a_device_that_is_not_there_is_told(air):
    with pytest.raises(TransportFailed, match=r"not heard within 0\.1 s"):
        ble.BleLine("A4:C1:37:00:00:09", scan_s=0.1)


@with_library
def test_a_name_that_two_devices_bear_is_refused(air):
    air += [jbd_board(), jbd_board("A4:C1:37:00:00:02")]
    with pytest.raises(TransportFailed, match="2 bear this name; give an address: A4:C1:37:00:00:01, A4"):
        ble.BleLine("JBD-SIM", scan_s=0.1)
    with ble.BleLine("A4:C1:37:00:00:02", scan_s=5.0) as line:
        assert line.fetch(None).body
    assert air[0].written == []


@with_library
def test_a_device_that_no_decoder_knows_is_told_and_one_may_be_named(air):
    board = jbd_board("00:11:22:33:44:55")
    board.name = "something"
    air.append(board)
    with pytest.raises(TransportFailed, match="heard, but no decoder"):
        ble.BleLine("something", scan_s=0.1)
    with pytest.raises(TransportFailed, match="the library has no decoder 'nobody'"):
        ble.BleLine("something?type=nobody", scan_s=0.1)
    with ble.BleLine("00:11:22:33:44:55?type=jbd_bms", scan_s=5.0) as line:
        assert ("voltage", None) in readings(line.fetch(None).body)


@with_library
def test_a_device_that_falls_silent_is_a_failure(air):
    air.append(jbd_board())
    with ble.BleLine("A4:C1:37:00:00:01", scan_s=5.0, answer_s=0.3) as line:
        air[0].device = SimpleNamespace(hear=lambda data: b"")
        with pytest.raises(TransportFailed, match="no answer in time"):
            line.fetch(None)


@with_library
def test_a_system_without_bluetooth_is_told():
    # The real backend, with a radio or without one.
    with pytest.raises(TransportFailed, match="ble:A4:C1:37:00:00:01: "):
        ble.BleLine("A4:C1:37:00:00:01", scan_s=0.1)


# Without the library


def test_an_older_python_is_told_what_is_needed(monkeypatch):
    monkeypatch.setattr(ble, "_PYTHON", (3, 11))
    with pytest.raises(TransportFailed, match=r"needs Python 3.12 or later .*pip install 'cellpass\[ble\]'"):
        ble.BleLine("JBD-SIM")


@pytest.mark.skipif(IS_HERE, reason="the library is here")
def test_a_python_without_the_library_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(ble, "_PYTHON", (3, 12))
    with pytest.raises(TransportFailed, match=r"needs the extra: pip install 'cellpass\[ble\]'"):
        ble.BleLine("JBD-SIM")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ble:c8:47:80:12:34:56", Address("ble", "C8:47:80:12:34:56", 0)),
        ("ble:JBD SP04", Address("ble", "JBD SP04", 0)),
        ("ble:C8:47:80:12:34:56?type=jbd_bms", Address("ble", "C8:47:80:12:34:56?type=jbd_bms", 0)),
    ],
)
def test_an_address_is_read_and_written_back(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["ble:", "ble:C8:47", "ble:x?type=", "ble:x?kind=a", "ble:a\nb"])
def test_a_wrong_address_is_refused(text):
    with pytest.raises(TransportFailed, match="expected ble:ADDRESS or ble:NAME"):
        parse_address(text)


def test_the_protocol_and_the_address_belong_together():
    assert "is read from ble: and files" in parse_address("ble:x").refuses(jbd.PROTOCOL)
    assert "is read from ble: and files" in parse_address("http://h/").refuses(PROTOCOL)
    assert parse_address("ble:x").refuses(PROTOCOL) is None


# Lines


def line(**sample: Any) -> bytes:
    return json.dumps({"library": "aiobmsble 0.31.0", "type": "x", "info": {}, "sample": sample}).encode()


def test_cells_that_the_library_left_out_make_their_places_doubtful():
    said = readings(line(cell_count=4, cell_voltages=[3.3, 3.31, 3.32]))
    assert said["cell_voltage", 3].doubts == ("place_unproven",)
    said = readings(line(cell_count=3, cell_voltages=[3.3, 3.31, 3.3000000000000003]))
    assert said["cell_voltage", 3].doubts == ()
    assert str(said["cell_voltage", 3].value) == "3.300000"


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[1]",
        b"no json",
        b'{"library": "other 1", "sample": {}}',
        b'{"library": "aiobmsble 1"}',
        b'{"library": "aiobmsble 1", "sample": []}',
    ],
)
def test_what_is_no_sample_is_refused(text):
    (found,) = PROTOCOL.framer().feed(text + b"\n")
    assert not isinstance(found, Frame | Damage)
