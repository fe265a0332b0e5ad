"""Stored pages: the same answer as Flask's, without Flask; and never an old one."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest

from passport.ledger import batteries, database
from passport.web import pages_cache
from passport.web.pages_cache import PageLayer
from schemas.terms import PassportStatus
from tests.passport.web.web_house import NOW, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


class Server:
    """Calls the layer as a WSGI server does, and counts what went on to Flask."""

    def __init__(self, house: House) -> None:
        self.passed = 0
        flask = house.wsgi()._application

        def counting(environ: dict[str, Any], start: Any) -> Any:
            self.passed += 1
            return flask(environ, start)

        self.layer = PageLayer(counting, house.engine, house.public_url)

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        found: list[Any] = []

        def start(status: str, fields: list[tuple[str, str]], _: Any = None) -> None:
            found.extend((int(status[:3]), dict(fields)))

        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": None,
            "wsgi.errors": None,
            "wsgi.version": (1, 0),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        body = self.layer(environ, start)
        data = b"".join(body)
        if hasattr(body, "close"):
            body.close()
        return found[0], found[1], data


@pytest.mark.parametrize(
    ("accepted", "encoding", "unpack"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("deflate", None, bytes),
        ("", None, bytes),
        ("gzip;q=0", None, bytes),
        ("x" * 100 + ", gzip", "gzip", gzip.decompress),
    ],
)
def test_the_second_answer_is_the_first_without_flask(
    house: House, accepted: str, encoding: str | None, unpack: Any
) -> None:
    path = f"/p/{house.battery().passport_id}"
    server = Server(house)
    first = server.get(path, accept_encoding=accepted)
    second = server.get(path, accept_encoding=accepted)
    assert server.passed == 1
    assert first == second
    status, headers, body = second
    assert status == 200
    assert headers.get("Content-Encoding") == encoding
    assert headers["Content-Length"] == str(len(body))
    assert headers["Vary"] == "Accept-Encoding"
    assert b"Voltaro R-102" in unpack(body)


def test_every_encoding_has_a_tag_of_its_own(house: House) -> None:
    path = f"/p/{house.battery().passport_id}"
    server = Server(house)
    tags = {server.get(path, accept_encoding=name)[1]["ETag"] for name in ("br", "gzip", "identity")}
    assert len(tags) == 3


def test_a_known_tag_is_answered_with_304_and_no_bytes(house: House) -> None:
    path = f"/p/{house.battery().passport_id}"
    server = Server(house)
    tag = server.get(path, accept_encoding="br")[1]["ETag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, headers, body = server.get(path, accept_encoding="br", if_none_match=sent)
        assert (status, body) == (304, b"")
        assert headers["ETag"] == tag
        assert "Content-Type" not in headers
    assert server.get(path, accept_encoding="gzip", if_none_match=tag)[0] == 200
    assert server.passed == 1


def test_head_has_the_length_and_no_body(house: House) -> None:
    path = f"/p/{house.battery().passport_id}"
    server = Server(house)
    length = server.get(path, accept_encoding="br")[1]["Content-Length"]
    status, headers, body = server.get(path, "HEAD", accept_encoding="br")
    assert (status, headers["Content-Length"], body) == (200, length, b"")


def test_a_new_version_a_new_status_and_a_notice_show_on_the_next_request(house: House) -> None:
    battery = house.battery()
    path = f"/p/{battery.passport_id}"
    server = Server(house)
    old = server.get(path)[1]["ETag"]
    house.now = NOW + timedelta(days=1)
    house.issue(battery, battery_mass="47.25")
    status, headers, body = server.get(path, if_none_match=old)
    assert status == 200
    assert b"47.25" in body
    assert headers["ETag"] != old
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, battery.id, PassportStatus.ARCHIVED)
    assert server.get(path)[0] == 410
    assert server.get(path)[0] == 410
    assert server.passed == 3
    with database.reading(house.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM page_cache").scalar() == 1


def test_an_ended_page_is_410_even_for_a_client_that_knows_it(house: House) -> None:
    battery = house.battery()
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, battery.id, PassportStatus.ARCHIVED)
    server = Server(house)
    tag = server.get(f"/p/{battery.passport_id}")[1]["ETag"]
    assert server.get(f"/p/{battery.passport_id}", if_none_match=tag)[0] == 410
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("DELETE FROM page_cache")
    assert server.get(f"/p/{battery.passport_id}", if_none_match=tag)[0] == 410
    assert server.passed == 2


def test_a_new_template_or_address_is_a_new_key(house: House) -> None:
    assert pages_cache.template_key("https://a.example") != pages_cache.template_key("https://b.example")


def test_other_methods_and_paths_go_on_to_flask(house: House) -> None:
    battery = house.battery()
    server = Server(house)
    for path, method in (
        (f"/p/{battery.passport_id}", "OPTIONS"),
        (f"/p/{battery.passport_id}/json", "GET"),
        ("/p/x", "GET"),
    ):
        server.get(path, method)
    assert server.passed == 3


def test_a_page_is_answered_although_its_bytes_cannot_be_stored(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from passport.errors import StoreUnavailable

    battery = house.battery()
    real = database.writing

    def full(engine: Any) -> Any:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(database, "writing", full)
    server = Server(house)
    assert server.get(f"/p/{battery.passport_id}")[0] == 200
    assert "was not stored" in caplog.text
    monkeypatch.setattr(database, "writing", real)


def test_trouble_with_the_layer_s_own_connection_leaves_the_answer_to_flask(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    battery = house.battery()
    server = Server(house)
    server.layer._direct._address = "file:/nonexistent/cellpass.db"
    assert server.get(f"/p/{battery.passport_id}")[0] == 200
    assert server.passed == 1
    assert "stored pages are not available" in caplog.text


@pytest.mark.parametrize("name", ["\x00" * 16, "A" * 15 + "'", "\xff" * 16, "%2F" * 5 + "A", "a" * 16])
def test_sixteen_hostile_characters_are_unknown(house: House, name: str) -> None:
    house.battery()
    assert Server(house).get(f"/p/{name}")[0] == 404
