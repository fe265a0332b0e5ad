"""Telemetry on its way in: who, how much, and the receipt as it came."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from passport import grants
from passport.errors import StoreUnavailable
from passport.ledger import database
from passport.web.intake import LARGEST_BATCH
from tests.passport.web.web_house import House

TOLD = "cp_abaceabd_" + "a" * 52 + "msx42ga"  # its checksum is right
KEY = {"Authorization": f"Bearer {TOLD}"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with database.writing(made.engine) as connection:
        grants.create(
            connection,
            audience=None,
            right=grants.Right.INTAKE,
            purpose="gateway 17",
            now=made.now,
            expires_at=made.now + timedelta(days=1),
            random_bytes=lambda count: b"\x00\x40\x22\x00\x23" if count == 5 else bytes(count),
        )
    yield made
    made.close()


def test_the_exact_bytes_and_the_key_reach_the_journal_and_its_receipt_comes_back(house: House) -> None:
    seen: list[tuple[bytes, str]] = []

    def accept(body: bytes, key: str) -> dict[str, Any]:
        seen.append((body, key))
        return {"accepted": 3, "duplicates": 0}

    house.accept = accept
    answer = house.client().post("/api/telemetry", data=b"\x00\xff{", headers=KEY)
    assert (answer.status_code, answer.get_json()) == (200, {"accepted": 3, "duplicates": 0})
    assert seen == [(b"\x00\xff{", TOLD)]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer ", "Basic abc", "secret-key"])
def test_without_a_key_nothing_is_read(house: House, header: str | None) -> None:
    house.accept = lambda *_: pytest.fail("read")
    headers = {"Authorization": header} if header is not None else {}
    answer = house.client().post("/api/telemetry", data=b"x" * 10, headers=headers)
    assert answer.status_code == 401
    assert answer.get_json()["code"] == "key_missing"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_too_much_is_413_before_a_byte_is_read(house: House) -> None:
    house.accept = lambda *_: pytest.fail("read")

    class Untouched:
        def read(self, *_: Any) -> bytes:
            pytest.fail("the body was read")

        readline = read

    answer = house.client().post(
        "/api/telemetry",
        headers=KEY,
        environ_overrides={"wsgi.input": Untouched(), "CONTENT_LENGTH": str(LARGEST_BATCH + 1)},
    )
    assert answer.status_code == 413
    assert answer.get_json()["code"] == "too_large"
    assert str(LARGEST_BATCH) in answer.get_json()["detail"]


def test_a_refusal_of_the_journal_keeps_its_code(house: House) -> None:
    class EnvelopeRefused(Exception):
        code = "ingest.envelope_refused"

    class JournalUnavailable(Exception):
        code = "ingest.journal_unavailable"

    for error, status in (
        (EnvelopeRefused("expected a list"), 400),
        (JournalUnavailable("disk full"), 503),
        (StoreUnavailable("full"), 503),
    ):

        def accept(_body: bytes, _key: str, error: Exception = error) -> dict[str, Any]:
            raise error

        house.accept = accept
        answer = house.client().post("/api/telemetry", data=b"{}", headers=KEY)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.get_json()["code"] == error.code
        assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_service_that_takes_no_telemetry_says_so(house: House) -> None:
    assert house.client().post("/api/telemetry", data=b"{}", headers=KEY).status_code == 404


def test_get_is_not_how_telemetry_comes(house: House) -> None:
    assert house.client().get("/api/telemetry").status_code == 405
