"""Messages of a broker with acknowledgement after the commit, against `mosquitto_sub` on the same messages.

A broker of its own holds the same messages for both; each takes them all and acknowledges each. mosquitto_sub
writes them to nowhere and acknowledges at once; ours are read by a map, doubted, stored durably, and then
acknowledged. The broker's window is set wide for both, as docs/gateway.md tells users to.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ingest.gateway import Clock, Routing
from ingest.messages import EPOCH, JournalMessages, MessageGateway, open_feed
from ingest.protocol import find
from ingest.records import RecordProtocol
from ingest.transports.address import Address
from ingest.transports.base import BackOff
from schemas.measure import Ratio

TOOLS: Final = {"mosquitto": "mosquitto", "mosquitto_sub": "mosquitto-clients"}
_MESSAGES: Final = 20_000
_ROUNDS: Final = 5
_START_MS: Final = 1_767_225_600_000
_MAP: Final = """
topic = "pack/{pack}"
[time]
at = "/ts"
form = "unix_ms"
[[row]]
at = "/u"
quantity = "voltage"
unit = "mV"
"""


def run(house: Any, battery: str, folder: Path, tools: dict[str, str]) -> Iterator[Ratio]:
    """Needs a house with one battery, and the paths of `TOOLS`."""
    folder = folder / "mqtt"
    folder.mkdir()
    (folder / "map.toml").write_text(_MAP)
    protocol = find(f"json:{folder / 'map.toml'}")
    assert isinstance(protocol, RecordProtocol)
    rates: list[tuple[float, float]] = []
    with _broker(folder, tools["mosquitto"]) as port:
        address = Address("mqtt", "127.0.0.1", port, topic="pack/+")
        ours = Messages(house, battery, address, protocol)
        theirs = [tools["mosquitto_sub"], "-p", str(port), "-t", "pack/+", "-q", "1", "-c", "-i", "yardstick"]
        ours.subscribe()
        subprocess.run([*theirs, "-E"], check=True)  # noqa: S603 - the tool that was looked for
        for number in range(_ROUNDS):
            publish(port, number * _MESSAGES, _MESSAGES)
            began = time.perf_counter()
            subprocess.run(  # noqa: S603 - see above
                [*theirs, "-C", str(_MESSAGES)], check=True, stdout=subprocess.DEVNULL
            )
            between = time.perf_counter()
            ours.take(_MESSAGES)
            rates.append((_MESSAGES / (time.perf_counter() - between), _MESSAGES / (between - began)))
    rates.sort(key=lambda pair: pair[0] / pair[1])
    mine, yardstick = rates[len(rates) // 2]
    yield Ratio(
        "MQTT QoS 1, acknowledged after commit",
        mine,
        yardstick,
        "messages/s",
        0.65,
        at_most=False,
        against="mosquitto_sub, which stores nothing and acknowledges at once",
        note=f"one value a message, read by a map, doubted and stored; {_MESSAGES:,} messages",
        spread=(rates[0][0] / rates[0][1], rates[-1][0] / rates[-1][1]),
    )


class Messages:
    """One source of a house at a broker."""

    def __init__(self, house: Any, battery: str, address: Address, protocol: RecordProtocol) -> None:
        self._house, self._battery = house, battery
        self._address, self._protocol = address, protocol

    def subscribe(self) -> None:
        """Let the broker know the session."""
        open_feed(self._address, "bench-mqtt").close()

    def take(self, count: int) -> None:
        """Take in so many messages."""
        sink = JournalMessages(
            self._house.writing,
            self._house.batteries,
            source="bench-mqtt",
            epoch=EPOCH,
            now=self._house.now,
        )
        MessageGateway(
            self._address,
            self._protocol,
            Routing({None: self._battery}),
            sink,
            source="bench-mqtt",
            clock=Clock(self._house.now, time.monotonic, lambda _: False),
            back_off=BackOff(jitter=lambda: 0.5, attempts=3),
            notes=sink.notes,
        ).run(count)


def publish(port: int, first: int, count: int) -> None:
    """Hand the broker so many messages, one a second of simulated time."""
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [
        client.publish(
            "pack/1", json.dumps({"ts": _START_MS + 1000 * n, "u": 51_000 + n % 97}).encode(), qos=1
        )
        for n in range(first, first + count)
    ]
    for one in sent:
        one.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


@contextmanager
def _broker(folder: Path, mosquitto: str) -> Iterator[int]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 4000\n"
        "max_queued_messages 0\nset_tcp_nodelay true\n"
    )
    with subprocess.Popen(  # noqa: S603 - the tool that was looked for
        [mosquitto, "-c", str(folder / "mosquitto.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()
