"""What clients, files and folders do that nobody meant: with real processes, on every road in.

Each test names what an attacker or a broken tool does, and what the others must not notice of it.
"""

import hashlib
import json
import socket
import sqlite3
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.functional.test_journey import Service, cellpass, get

PACK = "category=stationary,chemistry=LFP,rated_capacity=100"
# One sound answer of a JBD to the question for its name, "A".
FRAME = "dd050001" + "41" + "ffbe" + "77"


class Site(NamedTuple):
    data: Path
    service: Service
    passport: str
    battery: str
    key: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("abuse")
    data, capture = folder / "da%20ta", folder / "capture.json"
    capture.write_text(json.dumps({"exchanges": [{"tx": None, "rx_chunks": [FRAME]}]}))
    told = cellpass(data, "ingest", str(capture), "--protocol", "jbd", "--create", PACK, "--json").stdout
    battery = json.loads(told)["batteries"][0]["battery"]
    cellpass(data, "issue", battery, "--incomplete", "trial")  # under the default address
    service = Service(data)
    words = ("key", "create", "--device", "--purpose", "gateway", "--battery", battery, "--json")
    key = json.loads(cellpass(data, *words).stdout)["key"]
    passport = json.loads(get(f"{service.url}/api/batteries")[1])["batteries"][0]["passport_id"]
    yield Site(data, service, passport, battery, key)
    service.stop()


def announce(site: Site, path: str, **headers: str) -> socket.socket:
    """A request that promises a body and never sends it."""
    line = socket.create_connection(("127.0.0.1", site.service.port), timeout=20)
    told = {"Host": "x", "Content-Length": "1000", **headers}
    fields = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    line.sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\nx".encode())
    return line


def post(site: Site, body: bytes, **headers: str) -> tuple[int, dict[str, str]]:
    fields = {"Authorization": f"Bearer {site.key}", **headers}
    request = urllib.request.Request(f"{site.service.url}/api/telemetry", data=body, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def batch(source: str, *times: int) -> bytes:
    """A row of one ampere for each time."""
    return json.dumps(
        {
            "source": source,
            "epoch": "1",
            "sequence": {"first": 1, "count": len(times)},
            "time_ms": times,
            "columns": [{"quantity": "current", "unit": "A", "values": ["1.0"] * len(times)}],
        }
    ).encode()


def test_clients_that_promise_a_body_and_send_none_keep_nobody_from_a_page(site):
    forms = {"Content-Type": "application/x-www-form-urlencoded"}
    with ExitStack() as lines:
        for _ in range(12):
            lines.enter_context(closing(announce(site, "/recyclers/session", **forms)))
            with_key = announce(site, "/api/telemetry", Authorization=f"Bearer {site.key}")
            lines.enter_context(closing(with_key))
        assert get(f"{site.service.url}/p/{site.passport}")[0] == 200
        assert get(f"{site.service.url}/healthz")[0] == 200
        status, told = post(site, batch("held-up", 1_790_000_000_000))
        assert (status, told["code"]) == (503, "busy")
    for _ in range(100):
        if (answer := post(site, batch("held-up", 1_790_000_000_000)))[0] == 200:
            break
        threading.Event().wait(0.05)
    assert answer[1]["receipts"][0]["accepted"] == 1


def test_nobody_without_a_key_stands_in_the_way_of_a_device(site):
    with ExitStack() as lines:
        for _ in range(12):
            lines.enter_context(closing(announce(site, "/api/telemetry", Authorization="Bearer guess")))
        assert post(site, batch("unhindered", 1_790_000_000_000))[0] == 200


def test_connections_that_say_nothing_keep_nobody_from_a_page(site):
    with ExitStack() as lines:
        for number in range(400):
            line = socket.create_connection(("127.0.0.1", site.service.port), timeout=20)
            lines.enter_context(closing(line))
            if number % 2:
                line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert get(f"{site.service.url}/p/{site.passport}")[0] == 200


def test_readers_of_a_large_document_who_read_nothing_keep_nobody_from_a_page(site, tmp_path):
    large = tmp_path / "large.txt"
    large.write_bytes(b"0123456789abcde\n" * 1_000_000)
    words = ("--kind", "other", "--language", "en", "--version", "1", "--audience", "public", "--json")
    document = json.loads(cellpass(site.data, "document", "add", str(large), *words).stdout)
    with ExitStack() as lines:
        for _ in range(40):
            line = socket.create_connection(("127.0.0.1", site.service.port), timeout=20)
            lines.enter_context(closing(line))
            line.sendall(f"GET /d/{document['sha256']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert get(f"{site.service.url}/p/{site.passport}")[0] == 200
        assert get(f"{site.service.url}/healthz")[0] == 200
    for _ in range(100):
        status, data = get(f"{site.service.url}/d/{document['sha256']}")
        if status == 200:
            break
        threading.Event().wait(0.05)
    assert data == large.read_bytes()


def test_no_calendar_holds_a_time_after_the_year_9999_so_it_is_refused_and_the_last_one_is_read(site):
    for source, time_ms in (("late", 253_402_300_800_000), ("early", -62_135_596_800_001)):
        status, told = post(site, batch(source, time_ms))
        assert (status, told["code"]) == (400, "ingest.envelope_refused")
        assert "expected -62135596800000 to 253402300799999" in told["detail"]
    assert post(site, batch("last", -62_135_596_800_000, 253_402_300_799_999))[0] == 200
    assert "9999-12-31T23:59:59Z" in cellpass(site.data, "state", site.battery).stdout
    cellpass(site.data, "issue", site.battery, "--kind", "all", "--force", "--incomplete", "trial")


def test_a_compressed_batch_is_refused_by_its_encoding_and_not_by_its_bytes(site):
    status, told = post(site, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"})
    assert (status, told["code"]) == (415, "encoding_unknown")
    assert "found 'gzip'" in told["detail"]


def test_a_part_of_a_part_ends_somewhere(site):
    body = json.loads(batch("deep", 1))
    body["columns"][0]["component"] = "a/1" + "/a/1" * 20_000
    status, told = post(site, json.dumps(body).encode())
    assert (status, told["title"]) == (400, "What was sent is not acceptable")
    assert len(told["detail"]) < 200


@pytest.mark.parametrize("argument", ["http://[::1", "http://[x]/p/A", "https://", "//", "/p/", ""])
def test_an_argument_that_is_no_battery_is_refused_in_a_sentence(site, argument):
    said = cellpass(site.data, "state", "--", argument, code=3).stderr
    assert said.startswith("Error: ")
    assert "Traceback" not in said


def test_the_service_says_where_it_listens_when_codes_lead_elsewhere(site):
    assert f"Cellpass is at http://127.0.0.1:8000, listening on {site.service.url} (" in site.service.said()


# --- folders that hold something else


def _noise(path: Path) -> None:
    path.write_bytes(hashlib.shake_256(b"noise").digest(50_000))


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE battery (id TEXT); CREATE TABLE customers (name TEXT);")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE alembic_version_passport (version_num TEXT);"
            "INSERT INTO alembic_version_passport VALUES ('9999');"
        )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_noise, "cellpass.db is damaged, or no SQLite database"),
        (_foreign, "another program's database: expected Cellpass's tables, found battery, customers"),
        (_newer, "written by a newer Cellpass (revision 9999, this one knows"),
    ],
)
def test_a_database_that_is_not_ours_is_named_and_left_alone(tmp_path, make, sentence):
    make(tmp_path / "cellpass.db")
    before = _content(tmp_path / "cellpass.db")
    for words in (("search",), ("issue", "--all")):
        said = cellpass(tmp_path, *words, code=3).stderr
        assert sentence in said
        assert "Traceback" not in said
    assert _content(tmp_path / "cellpass.db") == before


def _content(path: Path) -> list[str] | bytes:
    """What a database holds, whatever mode its file is in; the bytes of anything else."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    except sqlite3.DatabaseError:
        return path.read_bytes()
