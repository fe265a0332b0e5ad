"""Answers over HTTP from a real server, with and without TLS, into rows."""

import http.server
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.captures import read_capture
from ingest.commands.gateway import command as gateway_command
from ingest.commands.ingest import command as ingest_command
from ingest.errors import RequestForbidden, SiteRefused, TransportFailed
from ingest.gateway import NeverAnswered
from ingest.plausibility import Memory, findings
from ingest.protocol import find
from ingest.site.file import read_site
from ingest.transports.address import Address, parse_address
from ingest.transports.base import Access
from ingest.transports.http import LARGEST_BYTES, HttpLine
from tests.ingest.test_gateway import NOON, ListSink, gateway
from tests.ingest.test_ingest_command import House

MAP = """
title = "A gateway of nobody"

[time]
at = "/ts"
form = "unix"

[[row]]
at = "/pack/u"
quantity = "voltage"
unit = "mV"
origin = "native"

[[row]]
at = "/pack/i"
quantity = "current"
negate = true

[[row]]
at = "/cells/{index}"
quantity = "cell_voltage"
unit = "mV"
index_from = 0
"""
TABLE = """
title = "A table"
[time]
at = "time"
form = "iso"
[[row]]
at = "u"
quantity = "voltage"
"""
FIRST = {"ts": 1_795_176_000, "pack": {"u": 52110, "i": 3.5}, "cells": [3310, 3312]}


class Device(http.server.ThreadingHTTPServer):
    """Answers what it is told to, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []

    def then(self, body: object = b"", status: int = 200, **headers: str) -> "Device":
        """One more answer; the last one is given again and again."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, {name.replace("_", "-"): said for name, said in headers.items()}, data))
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/status.json"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Device

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _any(self) -> None:
        server = self.server
        server.asked.append((self.command, self.path, dict(self.headers)))
        status, headers, body = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        if headers.get("ETag") == self.headers.get("If-None-Match", "none"):
            status, body = 304, b""
        self.send_response(status)
        for name, said in headers.items():
            self.send_header(name, said)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):  # a client that breaks off is part of the tests
            super().handle()

    def log_message(self, *words: object) -> None:
        del words


@contextmanager
def running(server: Device) -> Iterator[Device]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def device() -> Iterator[Device]:
    with running(Device()) as server:
        yield server


@pytest.fixture
def protocol(tmp_path: Path):
    (tmp_path / "map.toml").write_text(MAP)
    return find(f"json:{tmp_path / 'map.toml'}")


def line(url: str, **files: Path) -> HttpLine:
    return HttpLine(url, Access(**files), timeout_s=5.0)


# Addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://192.0.2.7/a.json", Address("http", "192.0.2.7/a.json", 80)),
        ("http://gateway.example", Address("http", "gateway.example/", 80)),
        ("https://gateway.example:8443/v1?site=7", Address("https", "gateway.example:8443/v1?site=7", 8443)),
        ("https://[2001:db8::7]/x", Address("https", "[2001:db8::7]/x", 443)),
    ],
)
def test_an_address_is_read_and_written_back(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "http:",
        "http://",
        "http:///path",
        "http://h:0/",
        "http://h:99999/",
        "http://h:x/",
        "https://h/#part",
        "http://h/a b",
        "http://[::1/",
        "http://h/ä",
    ],
)
def test_a_wrong_address_is_refused(text):
    with pytest.raises(TransportFailed):
        parse_address(text)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(TransportFailed, match="headers_file or token_file") as refused:
        parse_address("https://me:hunter2@gateway.example/")
    assert "hunter2" not in str(refused.value)


# One request


def test_only_get_is_ever_sent(device):
    device.then(FIRST)
    with line(device.url) as one:
        assert json.loads(one.fetch(None).body) == FIRST
        with pytest.raises(RequestForbidden):
            one.send(b"POST / HTTP/1.1\r\n\r\n")
        assert one.receive(0) == b""
    assert [asked[:2] for asked in device.asked] == [("GET", "/status.json")]
    assert device.asked[0][2]["Accept-Encoding"] == "identity"


def test_what_has_not_changed_is_not_sent_again(device):
    device.then(FIRST, ETag='"7"')
    with line(device.url) as one:
        answer = one.fetch(None)
        assert answer.version == '"7"'
        assert one.fetch(answer.version) is None
    assert "If-None-Match" not in device.asked[0][2]
    assert device.asked[1][2]["If-None-Match"] == '"7"'


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "answered 401: who asks is not known; name a token_file"),
        (404, "answered 404: there is nothing under this path"),
        (204, "answered 204: expected 200"),
        (304, "answered 304: expected 200"),
        (503, "answered 503: it cannot answer now"),
    ],
)
def test_another_status_is_a_failure_with_advice(device, status, sentence):
    device.then(b"", status)
    with line(device.url) as one, pytest.raises(TransportFailed, match=sentence):
        one.fetch(None)


def test_an_answer_has_a_limit(device):
    device.then(b"x" * (LARGEST_BYTES + 1))
    with line(device.url) as one, pytest.raises(TransportFailed, match="more than 1048576 bytes"):
        one.fetch(None)


def test_a_packed_answer_is_not_unpacked(device):
    device.then(b"\x1f\x8b", Content_Encoding="gzip")
    with line(device.url) as one, pytest.raises(TransportFailed, match="packed as 'gzip'"):
        one.fetch(None)


def test_a_redirection_on_the_same_host_is_followed(device):
    device.then(b"", 302, Location="/v2/status.json").then(FIRST)
    with line(device.url) as one:
        assert json.loads(one.fetch(None).body) == FIRST
    assert [asked[1] for asked in device.asked] == ["/status.json", "/v2/status.json"]


def test_a_redirection_to_another_host_or_port_is_not_followed(device, tmp_path):
    (tmp_path / "token").write_text("s3cret-word\n")
    with running(Device()) as other:
        other.then(FIRST)
        device.then(b"", 307, Location=other.url)
        with (
            line(device.url, token_file=tmp_path / "token") as one,
            pytest.raises(TransportFailed, match="that is not followed") as refused,
        ):
            one.fetch(None)
        assert other.asked == []
    assert "s3cret-word" not in str(refused.value)


def test_redirections_end(device):
    device.then(b"", 302, Location="/status.json")
    with line(device.url) as one, pytest.raises(TransportFailed, match="more than 3 times"):
        one.fetch(None)
    assert len(device.asked) == 4


def test_nobody_listening_says_what_to_check():
    server = Device()
    server.server_close()
    with line(server.url) as one, pytest.raises(TransportFailed, match=r"no answer: .*check the address"):
        one.fetch(None)


# Secrets


def test_headers_and_token_come_from_files_and_stand_in_no_log(device, tmp_path, caplog):
    (tmp_path / "token").write_text("s3cret-word\n")
    (tmp_path / "headers").write_text("# of the portal\nX-Api-Key: other-s3cret\naccept: application/json\n")
    device.then(FIRST)
    with (
        caplog.at_level(logging.DEBUG),
        line(device.url, token_file=tmp_path / "token", headers_file=tmp_path / "headers") as one,
    ):
        answer = one.fetch(None)
    sent = device.asked[0][2]
    assert (sent["Authorization"], sent["X-Api-Key"]) == ("Bearer s3cret-word", "other-s3cret")
    assert sent["accept"] == "application/json"
    assert "s3cret" not in caplog.text + str(answer) + one.address + repr(one)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no colon", "line 1: expected `Name: value`"),
        ("A b: c", "line 1: expected `Name: value`"),
        ("X:", "line 1: expected `Name: value`"),
        ("X: 1\nX: a\x01b", "line 2: expected `Name: value`"),
        ("Host: elsewhere.example", "line 1: Host is not for the file to say"),
        ("transfer-encoding: chunked", "transfer-encoding is not for the file to say"),
        ("X: ä", "expected ASCII"),
        ("X: " + "a" * 70_000, "expected at most 65536 bytes"),
    ],
)
def test_a_headers_file_that_is_none_is_refused_without_what_it_holds(tmp_path, text, sentence):
    (tmp_path / "headers").write_text(text)
    with pytest.raises(TransportFailed, match=sentence):
        line("http://192.0.2.7/", headers_file=tmp_path / "headers")


def test_a_token_file_holds_one_word(tmp_path):
    (tmp_path / "token").write_text("two words")
    with pytest.raises(TransportFailed, match="expected one word") as refused:
        line("http://192.0.2.7/", token_file=tmp_path / "token")
    assert "two words" not in str(refused.value)
    with pytest.raises(TransportFailed, match="cannot be read: No such file"):
        line("http://192.0.2.7/", token_file=tmp_path / "nothing")


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "device.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Device]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Device()
    # The handshake belongs to the thread of the request: a client that breaks it off stops nobody else.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with running(server):
        yield server


def test_a_certificate_is_believed_by_the_authority_that_is_named_and_by_no_other(secure, certificate):
    secure.then(FIRST)
    url = secure.url.replace("http:", "https:")
    with line(url) as one, pytest.raises(TransportFailed, match=r"certificate is not trusted: .*ca_file"):
        one.fetch(None)
    with line(url, ca_file=certificate) as one:
        assert json.loads(one.fetch(None).body) == FIRST
    elsewhere = url.replace("127.0.0.1", "localhost")
    with line(elsewhere, ca_file=certificate) as one, pytest.raises(TransportFailed, match="not trusted"):
        one.fetch(None)


def test_a_file_that_is_no_certificate_is_refused(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(TransportFailed, match=r"cannot be used: .*expected PEM"):
        line("https://192.0.2.7/", ca_file=tmp_path / "ca.pem")


# Deadlines


@contextmanager
def dripping(first: bytes, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that says one thing and then a byte every little while, until the client leaves; its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listening.accept()
                with (
                    suppress(OSError),
                    plain if context is None else context.wrap_socket(plain, True) as line,
                ):
                    line.recv(4096)
                    line.sendall(first)
                    while True:
                        line.sendall(b"x")
                        time.sleep(0.02)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


HEAD = b"HTTP/1.1 200 OK\r\nX-Endless: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("first", [HEAD, BODY], ids=["head", "body"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_drips_is_broken_off_at_its_deadline(certificate, first, scheme):
    context = None
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with dripping(first, context) as port:
        access = Access(ca_file=certificate if context else None)
        with HttpLine(f"{scheme}://127.0.0.1:{port}/", access, timeout_s=5.0, deadline_s=0.3) as one:
            for _ in range(2):  # the line is as good as new afterwards
                with pytest.raises(TransportFailed, match="the answer did not end in time"):
                    one.fetch(None)


# Rows


def test_an_answer_is_one_row_at_the_time_of_the_map(device, protocol):
    # Laid out over many lines, as programs for people do.
    later = FIRST | {"ts": FIRST["ts"] + 60, "pack": {"u": 52200, "i": -2}}
    device.then(json.dumps(FIRST, indent=2).encode()).then(later)
    sink = ListSink()
    heard = gateway(device.url, protocol, {None: "PACK"}, sink).run(2)
    assert heard.rows == {"PACK": 2}
    assert sink.values("PACK", "voltage") == [Decimal("52.110"), Decimal("52.200")]
    assert sink.values("PACK", "current") == [Decimal("-3.5"), Decimal(2)]
    assert sink.values("PACK", "cell_voltage", 2) == [Decimal("3.312")] * 2
    at = datetime.fromtimestamp(1_795_176_000, UTC)
    assert (heard.first_at, heard.last_at) == (at, at + timedelta(seconds=60))


def test_the_same_answer_of_the_same_time_is_no_new_row(device, protocol):
    device.then(FIRST).then(FIRST).then(FIRST | {"uptime": 9}).then(FIRST | {"ts": FIRST["ts"] + 1})
    heard = gateway(device.url, protocol, {None: "PACK"}, ListSink()).run(4)
    assert (heard.rows, heard.silent, heard.cycles) == ({"PACK": 2}, 0, 4)


def test_an_answer_without_a_time_is_a_row_at_its_receipt(device, protocol):
    timeless = {name: said for name, said in FIRST.items() if name != "ts"}
    device.then(timeless)
    heard = gateway(device.url, protocol, {None: "PACK"}, ListSink()).run(3)
    assert heard.rows == {"PACK": 3}
    assert heard.first_at is not None
    assert NOON <= heard.first_at < NOON + timedelta(hours=1)


def test_what_has_not_changed_is_no_row_and_no_silence(device, protocol):
    timeless = {name: said for name, said in FIRST.items() if name != "ts"}
    device.then(timeless, ETag='"a"').then(timeless, ETag='"a"').then(timeless, ETag='"b"')
    heard = gateway(device.url, protocol, {None: "PACK"}, ListSink()).run(4)
    assert [asked[2].get("If-None-Match") for asked in device.asked] == [None, '"a"', '"a"', '"b"']
    assert (heard.rows, heard.silent) == ({"PACK": 2}, 0)


@pytest.mark.parametrize("etag", [{}, {"ETag": '"a"'}], ids=["the same again", "not modified"])
def test_a_doubt_on_an_answer_that_stays_the_same_is_not_over(device, protocol, etag):
    # An hour old, and a cell that no battery has: 9.9 V.
    device.then(FIRST | {"ts": FIRST["ts"] - 3600, "cells": [3310, 9900]}, **etag)
    found = []
    memory = Memory()
    gateway(device.url, protocol, {None: "PACK"}, ListSink(), on_findings=found.extend, memory=memory).run(3)
    assert found
    assert [one for one in found if one.ended] == []
    # Ten minutes after it was last told it is.
    over = findings(memory, NOON + timedelta(hours=2))
    assert {one.check.code for one in found if one.check.code != "stale"} <= {
        one.check.code for one in over if one.ended
    }


def test_a_table_tells_its_last_row(device, tmp_path):
    (tmp_path / "table.toml").write_text(TABLE)
    rows = "time,u\n2026-11-28T09:00:00Z,51.0\n2026-11-28T09:01:00Z,51.5\n"
    device.then(rows.encode()).then((rows + "2026-11-28T09:02:00Z,52.5\n").encode())
    sink = ListSink()
    gateway(device.url, find(f"csv:{tmp_path / 'table.toml'}"), {None: "PACK"}, sink).run(3)
    assert sink.values("PACK", "voltage") == [Decimal("51.5"), Decimal("52.5")]


def test_a_failure_is_tried_again_and_what_was_told_before_is_not_told_twice(device, protocol):
    device.then(FIRST).then(b"", 503).then(FIRST).then(FIRST | {"ts": FIRST["ts"] + 9})
    heard = gateway(device.url, protocol, {None: "PACK"}, ListSink()).run(4)
    assert (heard.reconnects, heard.rows) == (1, {"PACK": 2})


def test_a_map_that_finds_nothing_is_told(device, protocol):
    device.then({"something": "else"})
    with pytest.raises(NeverAnswered, match=r"3 answers came, and json:.* finds nothing in them"):
        gateway(device.url, protocol, {None: "PACK"}, ListSink()).run()


def test_what_is_no_message_is_refused_and_told(device, protocol):
    device.then(b"<html>log in</html>")
    with pytest.raises(NeverAnswered, match="First refusal: delimiter: expected a message as JSON"):
        gateway(device.url, protocol, {None: "PACK"}, ListSink()).run()


# Commands


def test_one_command_stores_a_feed_over_tls(secure, certificate, tmp_path):
    secure.then(FIRST).then(FIRST).then(FIRST | {"ts": FIRST["ts"] + 60})
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "token").write_text("s3cret-word")
    house = House(tmp_path)
    house.batteries.known.append("PACK")
    words = [
        secure.url.replace("http:", "https:"),
        "--protocol",
        f"json:{tmp_path / 'map.toml'}",
        "--bind",
        "PACK",
        "--count=2",
        "--interval=0",
        f"--ca-file={certificate}",
        f"--token-file={tmp_path / 'token'}",
    ]
    result = CliRunner().invoke(ingest_command, words, obj=house)
    assert result.exit_code == 0, result.output
    assert house.values("PACK", "voltage") == ["52.110", "52.110"]
    assert {asked[2]["Authorization"] for asked in secure.asked} == {"Bearer s3cret-word"}
    assert "s3cret" not in result.output
    house.engine.dispose()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://192.0.2.7/", "--protocol", "jbd"], "answers there are read with json:MAP.toml"),
        (["tcp:192.0.2.7:1", "--protocol", "{map}"], "is read from mqtt:, http:, https: and files"),
        (["tcp:192.0.2.7:1", "--protocol", "jbd", "--ca-file=x"], "are for http: and https:"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, words, sentence):
    (tmp_path / "map.toml").write_text(MAP)
    words = [word.replace("{map}", f"json:{tmp_path / 'map.toml'}") for word in words]
    house = House(tmp_path)
    result = CliRunner().invoke(ingest_command, [*words, "--bind", "PACK"], obj=house)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.replace("│", " ").split())
    house.engine.dispose()


SITE = """
[site]
name = "yard"
interval_s = 0.05
evidence = "frames"

[[source]]
name = "portal"
address = "{url}"
protocol = "json:map.toml"
headers_file = "headers"
bind = "PACK"

[[source]]
name = "portal-again"
address = "{url}"
protocol = "json:other.toml"
bind = "OTHER"
"""


def test_a_site_asks_one_address_for_two_sources(device, tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "other.toml").write_text(MAP)
    (tmp_path / "headers").write_text("X-Api-Key: s3cret\n")
    (tmp_path / "site.toml").write_text(SITE.format(url=device.url))
    device.then(FIRST, ETag='"one"')
    house = House(tmp_path)
    house.batteries.known += ["PACK", "OTHER"]
    words = [str(tmp_path / "site.toml"), "--for", "1.5", "--json"]
    result = CliRunner().invoke(gateway_command, words, obj=house)
    assert result.exit_code == 0, result.output
    assert house.values("PACK", "voltage") == ["52.110"]
    assert house.values("OTHER", "voltage") == ["52.110"], "what is unchanged for one is new to the other"
    assert {asked[2].get("X-Api-Key") for asked in device.asked} == {"s3cret", None}
    assert "s3cret" not in result.output
    (kept,) = (tmp_path / "frames").glob("yard-portal.2*.json")
    assert b"s3cret".hex() not in kept.read_text()
    (told,) = list(read_capture(kept, find(f"json:{tmp_path / 'map.toml'}")))
    assert {one.quantity: one.value for one in told.readings if one.index is None} == {
        "voltage": Decimal("52.11"),
        "current": Decimal("-3.5"),
    }
    house.engine.dispose()


def test_a_site_refuses_what_does_not_fit(tmp_path):
    (tmp_path / "site.toml").write_text(
        '[site]\nname = "yard"\n'
        '[[source]]\nname = "a"\naddress = "http://192.0.2.7/"\nprotocol = "jbd"\nbind = "A"\n'
        '[[source]]\nname = "b"\naddress = "tcp:h:1"\nprotocol = "jbd"\nbind = "B"\nca_file = "x"\n'
        '[[source]]\nname = "c"\naddress = "https://h/"\nprotocol = "jbd"\nbind = "C"\ntoken_file = 3\n'
    )
    with pytest.raises(SiteRefused) as refused:
        read_site(tmp_path / "site.toml")
    lines = str(refused.value).splitlines()
    assert [one.split("site.toml:")[1].split(":")[0] for one in lines] == ["5", "13", "16", "19"]
    assert "source.ca_file: is for http: and https: alone" in lines[1]
    assert "source.token_file: expected the name of a file, came 3" in lines[3]
