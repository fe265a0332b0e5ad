"""Lines move bytes and say, when they cannot, what to check."""

import os
import pty
import socket
import threading
import time
import tty

import pytest

from ingest.errors import TransportFailed
from ingest.transports.address import Address, parse_address
from ingest.transports.base import BackOff
from ingest.transports.file import read_recording
from ingest.transports.serial import SerialLine
from ingest.transports.tcp import TcpLine


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("serial:/dev/ttyUSB0", Address("serial", "/dev/ttyUSB0", 9600)),
        ("serial:/dev/ttyUSB0?baud=115200", Address("serial", "/dev/ttyUSB0", 115200)),
        ("serial:COM3?baud=19200", Address("serial", "COM3", 19200)),
        ("tcp:192.0.2.7:8899", Address("tcp", "192.0.2.7", 8899)),
        ("tcp://gateway.example:502", Address("tcp", "gateway.example", 502)),
        ("tcp:[2001:db8::7]:502", Address("tcp", "2001:db8::7", 502)),
    ],
)
def test_an_address_is_read_and_written_back(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["log.txt", "./serial", "a:b.txt", "C:log.txt", "x"])
def test_what_is_no_address_is_a_file(text):
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("serial:", "expected serial:PORT"),
        ("serial:/dev/ttyUSB0?baud=fast", "expected a baud rate from 50 to 4000000, got 'fast'"),
        ("serial:/dev/ttyUSB0?baud=٩٦٠٠", "expected a baud rate"),
        ("serial:/dev/ttyUSB0?parity=even", "unknown option parity"),
        ("tcp:host", "expected tcp:HOST:PORT"),
        ("tcp:host:0", "port from 1 to 65535"),
        ("tcp:host:99999", "port from 1 to 65535"),
        ("tcp:host:99999999999999999999", "port from 1 to 65535"),
        ("nats:broker:4222", "nats: is not built yet"),
    ],
)
def test_a_wrong_address_says_what_was_expected(text, sentence):
    with pytest.raises(TransportFailed, match=sentence):
        parse_address(text)


# TCP


@pytest.fixture
def echo():
    """The port of a server that says back what it hears, and hangs up on `bye`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = listener.accept()
        with caller:
            while data := caller.recv(4096):
                if data == b"bye":
                    return
                caller.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(timeout=5)


def test_bytes_go_out_and_come_back_over_tcp(echo):
    with TcpLine("127.0.0.1", echo) as line:
        line.send(b"\x00\xff~\r")
        assert line.receive(2.0) == b"\x00\xff~\r"
        assert line.receive(0.05) == b""
        line.send(b"late")
        assert line.receive(2.0)
        line.send(b"bye")
        with pytest.raises(TransportFailed, match="the other side closed"):
            line.receive(2.0)


def test_what_nobody_waits_for_is_forgotten(echo):
    with TcpLine("127.0.0.1", echo) as line:
        line.send(b"old")
        first = line.receive(2.0)
        line.send(b"stale")
        time.sleep(0.1)
        line.discard()
        line.send(b"new")
        assert first == b"old"
        assert line.receive(2.0) == b"new"
        line.send(b"bye")


def test_a_port_where_nobody_listens_says_so():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransportFailed, match=rf"tcp:127\.0\.0\.1:{port}: nobody listens on this port"):
        TcpLine("127.0.0.1", port)


def test_an_unknown_host_says_so():
    with pytest.raises(TransportFailed, match=r"not known here|cannot connect"):
        TcpLine("no such host", 502)


# Serial


@pytest.fixture
def terminal():
    """Our end and the path of a pseudo-terminal."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


def test_bytes_go_out_and_come_back_over_a_terminal(terminal):
    ours, path = terminal
    with SerialLine(path, 9600) as line:
        line.send(b"~20\r\x03\x11")
        assert os.read(ours, 100) == b"~20\r\x03\x11"
        os.write(ours, b"\xdd\x00\x77")
        came = b""
        while len(came) < 3:
            came += line.receive(2.0)
        assert came == b"\xdd\x00\x77"
        assert line.receive(0.05) == b""
        os.write(ours, b"stale")
        line.discard()
        assert line.receive(0.05) == b""


def test_a_missing_port_says_how_to_find_one():
    with pytest.raises(TransportFailed, match="no such device; is the adapter plugged in"):
        SerialLine("/dev/ttyNONE0", 9600)


def test_a_file_is_no_port(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("x")
    with pytest.raises(TransportFailed, match="is not a serial port; to read a file"):
        SerialLine(str(path), 9600)


def test_a_port_is_held_by_one_program(terminal):
    _, path = terminal
    with SerialLine(path, 9600), pytest.raises(TransportFailed, match="another program holds the port"):
        SerialLine(path, 9600)


def test_a_port_without_permission_says_what_to_do(tmp_path):
    # Root may open anything, so the sentence is asked for directly.
    from ingest.transports.serial import _why_not

    assert "dialout" in _why_not(PermissionError(13, "Permission denied"), "/dev/ttyUSB0", 9600)


# Waiting


def test_waits_double_to_a_cap_and_are_spread():
    fixed = BackOff(jitter=lambda: 1.0, first_s=0.5, most_s=5.0, attempts=6)
    assert list(fixed.waits()) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert list(BackOff(jitter=lambda: 0.0, first_s=1.0, attempts=2).waits()) == [0.5, 1.0]


def test_endless_waits_do_not_overflow():
    waits = BackOff(jitter=lambda: 1.0).waits()
    assert [next(waits) for _ in range(3000)][-1] == 30.0


# Files


def test_a_recording_is_named_by_its_digest(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"abc")
    recording = read_recording(path)
    assert recording.data == b"abc"
    assert recording.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_missing_recording_says_how_devices_are_given(tmp_path):
    with pytest.raises(TransportFailed, match="no such file; a device is given as serial:"):
        read_recording(tmp_path / "nothing")


def test_a_folder_is_no_recording(tmp_path):
    with pytest.raises(TransportFailed, match="this is a folder"):
        read_recording(tmp_path)
