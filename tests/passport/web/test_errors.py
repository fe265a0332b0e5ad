"""Every error has one answer: never a stack, never a 500 for hostile input, never an echo of what came."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exc

from passport.errors import Conflict, NotFound, SignerUnavailable, StoreUnavailable
from passport.web import errors
from schemas.identifier import LinkInvalid
from tests.passport.web.web_house import GTIN, House

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a house that nothing changes, as reading is all that is tried."""
    made = House(tmp_path_factory.mktemp("untouched"))
    yield made.client()
    made.close()


class Coded(Exception):
    code = "ingest.sequence_conflict"


class Strange(Exception):
    code = 42


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("x"), 404, "not_found"),
        (Conflict("x"), 409, "conflict"),
        (SignerUnavailable("x"), 503, "signer_unavailable"),
        (StoreUnavailable("x"), 503, "store_unavailable"),
        (LinkInvalid("x"), 400, "input.identifier"),
        (Coded("x"), 409, "ingest.sequence_conflict"),
        (Strange("x"), 500, "internal"),
        (ValueError("secret"), 500, "internal"),
        (exc.OperationalError("SELECT", {}, sqlite3.OperationalError("locked")), 503, "store_unavailable"),
    ],
)
def test_an_error_is_described_by_its_code(error: Exception, status: int, code: str) -> None:
    assert errors.describe(error)[:2] == (status, code)


def test_programs_get_problem_details(house: House) -> None:
    answer = house.client().get("/nothing", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Nothing is known under this address",
        "status": 404,
        "code": "http.404",
        "detail": answer.get_json()["detail"],
    }


def test_people_get_a_page_that_reminds_of_the_label(house: House) -> None:
    answer = house.client().get("/p/AAAAAAAAAAAAAAAA", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert b"Fire, damage, rescue" in answer.data
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "Accept" in answer.headers["Vary"]


def test_a_wrong_method_names_the_right_ones(house: House) -> None:
    answer = house.client().post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_unexpected_error_tells_nothing_of_itself(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from passport.ledger import batteries

    def broken(*_: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(batteries, "by_passport", broken)
    for headers in (HTML, {}):
        answer = house.client().get("/p/AAAAAAAAAAAAAAAA", headers=headers)
        assert answer.status_code == 500
        assert b"secret" not in answer.data
        assert b"Traceback" not in answer.data
    assert "unexpected RuntimeError" in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_a_store_that_cannot_be_read_is_503_with_a_time_to_come_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from passport.ledger import batteries

    def full(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(batteries, "by_identifier", full)
    answer = house.client().get(f"/01/{GTIN}/21/A")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


HOSTILE = [
    "/p/\x00",
    "/p/" + "A" * 300,
    "/p/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/p/<script>alert(1)</script>",
    "/p/AAAAAAAAAAAAAAAA/qr.svg",
    "/p/AAAAAAAAAAAAAAAA/../../etc",
    f"/01/{GTIN}/21/<script>",
    f"/01/{GTIN}/21/%F0%9F%92%A9",
    "/01/" + "9" * 5000,
    "/o/../jwks.json",
    "/o/" + "a" * 5000 + "/did.json",
    "/o/%00/checkpoint",
    "/o/example-cells/status/99999999999999999999999",
    "/r/" + "A" * 500,
    "/schemas/registry/%00",
    "/i/%FF",
    "/?q=%00",
    "/?q=" + "%25" * 2000,
    "/?" + "&".join(f"q{n}=1" for n in range(3000)),
    "/favicon.ico",
    "/.well-known/x",
    "/recyclers/../../etc",
]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("accept", ["text/html", "application/json", "", "\xff;q=x,,,"])
def test_hostile_addresses_are_refused_and_not_echoed(untouched: Any, path: str, accept: str) -> None:
    answer = untouched.get(path, headers={"Accept": accept})
    assert answer.status_code in (200, 303, 308, 400, 404)
    assert b"<script>alert" not in answer.data
    assert "Set-Cookie" not in answer.headers


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=60), query=st.text(max_size=30), accept=st.text(max_size=30))
def test_no_request_makes_the_service_fail(house: House, path: str, query: str, accept: str) -> None:
    client = _client(house)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/" + path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": query.encode("utf-8", "surrogatepass").decode("latin-1"),
        "HTTP_ACCEPT": accept.encode("utf-8", "surrogatepass").decode("latin-1"),
    }
    for prefix in ("", "/p", f"/01/{GTIN}/21", "/r", "/o"):
        answer = client.open(environ_overrides={**environ, "PATH_INFO": prefix + environ["PATH_INFO"]})
        assert answer.status_code < 500


def _client(house: House) -> Any:
    if not hasattr(house, "_client"):
        house._client = house.client()  # type: ignore[attr-defined]
    return house._client  # type: ignore[attr-defined]
