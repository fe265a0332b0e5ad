"""Every address of the service, written out by hand: a route that nobody meant to open is noticed here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from passport.web import create_flask
from tests.passport.web.web_house import House

READ = "GET HEAD OPTIONS"
SEND = "OPTIONS POST"
GS1_KEYS = "00 01 253 255 401 402 414 415 417 8003 8004 8006 8010 8013 8017 8018".split()  # noqa: SIM905

ROUTES = {
    # the resolver
    f"/<any({', '.join(map(repr, GS1_KEYS))}):key>/<raw:rest>": READ,
    "/i/<string:name>": READ,
    "/.well-known/gs1resolver": READ,
    # one passport, as the public may see it
    "/": READ,
    "/p/<string:passport_id>": READ,
    "/p/<string:passport_id>/record": READ,
    "/p/<string:passport_id>/bundle": READ,
    "/p/<string:passport_id>/json": READ,
    "/p/<string:passport_id>/history": READ,
    "/p/<string:passport_id>/pdf": READ,
    "/p/<string:passport_id>/passport.pdf": READ,
    "/p/<string:passport_id>/<any('qr.svg', 'qr.png', 'label.svg'):name>": READ,
    "/r/<string:record_id>": READ,
    # documents, to those who may read them
    "/d/<string:sha256>": READ,
    "/recyclers/d/<string:sha256>": READ,
    # what verifiers need
    "/o/<string:operator>/jwks.json": READ,
    "/o/<string:operator>/did.json": READ,
    "/o/<string:operator>/checkpoint": READ,
    "/o/<string:operator>/log-keys": READ,
    "/o/<string:operator>/status/<int(max=2147483647):number>": READ,
    "/ns/cellpass/v1": READ,
    "/schemas/registry/<string:version>": READ,
    # recyclers, with the one cookie of the service
    "/recyclers": READ,
    "/recyclers/batteries.<any(csv, json, xlsx, parquet):form>": READ,
    "/recyclers/counts": READ,
    "/recyclers/compare": READ,
    "/recyclers/batch": READ,
    "/recyclers/batch.<any(csv, xlsx, parquet):form>": READ,
    "/recyclers/b/<string:passport_id>": READ,
    "/recyclers/b/<string:passport_id>/passport.pdf": READ,
    "/recyclers/b/<string:passport_id>/checklist": READ,
    "/recyclers/b/<string:passport_id>/checklist.pdf": READ,
    "/recyclers/session": f"{READ} {SEND}",
    "/recyclers/session/end": SEND,
    # programs, with keys in a header
    "/api/telemetry": SEND,
    "/api/batteries": READ,
    "/api/batteries/counts": READ,
    "/api/batteries/batch": READ,
    "/api/batteries/<string:passport_id>": READ,
    "/api/batteries/<string:passport_id>/records/<string:kind>": READ,
    "/api/batteries/<string:passport_id>/export": READ,
    "/api/openapi.json": READ,
    "/api/docs": READ,
    # whoever runs the service
    "/healthz": READ,
    "/metrics": READ,
}


@pytest.fixture
def flask(tmp_path: Path) -> Iterator[Flask]:
    house = House(tmp_path)
    yield create_flask(house.context)
    house.close()


def test_the_service_answers_at_these_addresses_and_no_other(flask: Flask) -> None:
    found: dict[str, set[str]] = {}
    for rule in flask.url_map.iter_rules():
        found.setdefault(rule.rule, set()).update(rule.methods or ())
    assert found == {address: set(methods.split()) for address, methods in ROUTES.items()}


def test_nothing_but_telemetry_and_the_forms_of_recyclers_takes_a_body() -> None:
    writing = {address for address, methods in ROUTES.items() if "POST" in methods}
    assert writing == {"/api/telemetry", "/recyclers/session", "/recyclers/session/end"}
