"""A real Mosquitto on a free port of the loopback, started and ended by a test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Broker:
    """A broker that can be stopped, killed and started again with what it kept.

    Attributes:
        port: where it listens.
    """

    def __init__(self, folder: Path, lines: Sequence[str] = (), *, window: int = 20) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        told = [
            "user root",
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            f"max_inflight_messages {window}",
            "max_queued_messages 200000",
            *(lines or ["allow_anonymous true"]),
        ]
        (folder / "mosquitto.conf").write_text("\n".join(told) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-v", "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """End politely: what it keeps is written down."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def publish(self, messages: Sequence[tuple[str, bytes]], *, retain: bool = False, **login: Any) -> None:
        """Publish with QoS 1, in order, and wait until the broker has all."""
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if login:
            client.username_pw_set(login["user"], login["password"])
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            sent = [client.publish(topic, payload, qos=1, retain=retain) for topic, payload in messages]
            for one in sent:
                one.wait_for_publish(30)
                assert one.is_published()
        finally:
            client.disconnect()
            client.loop_stop()


@contextlib.contextmanager
def broker(folder: Path, lines: Sequence[str] = (), *, window: int = 20) -> Iterator[Broker]:
    """A broker for a block."""
    made = Broker(folder, lines, window=window)
    try:
        yield made
    finally:
        made.stop()


def gateway(
    data: Path, words: Sequence[str], more: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A `cellpass` of its own, whose output is read by lines."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "CELLPASS_DATA": str(data), "PYTHONPATH": str(root), **(more or {})}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "app", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=root,
    )


def end(process: "subprocess.Popen[str]") -> str:
    """Ctrl-C, and what it said."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    return out
