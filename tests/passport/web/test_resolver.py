"""The GS1 resolver's duties, row by row, and the raw request target under real servers."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport.web.target import rebuilt_path, request_target
from schemas.gs1 import CHARACTERS_82
from schemas.identifier import identifier_path
from tests.passport.web.web_house import GTIN, House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


# --- what a resolver must do (GS1-Conformant resolver 1.2.0, in the order of its test suite)


def test_it_describes_itself(house: House) -> None:
    content = house.client().get("/.well-known/gs1resolver").get_json()
    assert content["resolverRoot"] == "http://127.0.0.1:8000"
    assert "01" in content["supportedPrimaryKeys"]
    assert content["supportedLinkType"] == [{"namespace": "https://ref.gs1.org/voc/", "prefix": "gs1:"}]


def test_get_head_and_options_are_answered_with_cors(house: House) -> None:
    battery = house.battery()
    client = house.client()
    for method in ("get", "head", "options"):
        answer = getattr(client, method)(battery.identifier)
        assert answer.status_code == (200 if method == "options" else 307)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        if method != "get":
            assert answer.data == b""
    assert "GET, HEAD, OPTIONS" in client.options(battery.identifier).headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "path",
    [
        "/01/09521234543214/21/A",
        "/01/9521234543213/21/A",
        f"/01/{GTIN}/21/123456789012345678901",
        f"/01/{GTIN}/21/A/21/B",
        f"/01/{GTIN}/22/B/21/A/10/C",
        f"/01/{GTIN}/99/A",
        "/8004/95A",
        "/8003/19521234543213",
        f"/01/{GTIN}/21/%E4",
        f"/01/{GTIN}/21/%00",
        f"/01/{GTIN}/21/A%0D%0ASet-Cookie:%20x=1",
        "/01/ARFUYt4cug",
    ],
)
def test_bad_syntax_is_400_and_never_200(house: House, path: str) -> None:
    answer = house.client().get(path)
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "input.identifier"
    assert "Set-Cookie" not in answer.headers


def test_a_right_identifier_of_no_battery_is_404(house: House) -> None:
    house.battery()
    client = house.client()
    for path in (f"/01/{GTIN}/21/UNKNOWN", f"/01/{GTIN}", "/8004/9521234ABC", "/i/AAAAAAAAAAAAAAAA", "/i/x"):
        assert client.get(path).status_code == 404


def test_variant_and_lot_on_the_label_do_not_hide_the_battery(house: House) -> None:
    battery = house.battery("SERIAL26")
    client = house.client()
    for path in (f"/01/{GTIN}/10/LOT7/21/SERIAL26", f"/01/{GTIN}/22/A/10/LOT7/21/SERIAL26"):
        assert client.get(path).headers["Location"] == f"/p/{battery.passport_id}"


@pytest.mark.parametrize("value", ["gs1:dpp", "dpp", "https://ref.gs1.org/voc/dpp", "gs1%3Adpp"])
@pytest.mark.parametrize("name", ["linkType", "linktype", "LINKTYPE"])
def test_a_link_type_in_any_spelling_leads_to_its_target(house: House, name: str, value: str) -> None:
    battery = house.battery()
    answer = house.client().get(f"{battery.identifier}?{name}={value}")
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/p/{battery.passport_id}/record")


@pytest.mark.parametrize(
    "value", ["gs1:hasRetailers", "gs1:recyclingInfo", "", "x", "gs1:gs1:dpp", "%00", "a" * 5000]
)
def test_a_link_type_that_is_not_there_is_404_and_never_the_default(house: House, value: str) -> None:
    battery = house.battery()
    assert house.client().get(f"{battery.identifier}?linkType={value}").status_code == 404


def test_a_fragment_of_the_page_is_a_link_too(house: House) -> None:
    battery = house.battery()
    answer = house.client().get(f"{battery.identifier}?linkType=gs1:safetyInfo&x=1")
    assert answer.headers["Location"] == f"/p/{battery.passport_id}?x=1#safety"


@pytest.mark.parametrize("how", ["linkType=linkset", "linkType=all", "accept"])
def test_the_linkset_is_answered_without_redirect(house: House, how: str) -> None:
    battery = house.battery()
    client = house.client()
    if how == "accept":
        answer = client.get(battery.identifier, headers={"Accept": "application/linkset+json"})
    else:
        answer = client.get(f"{battery.identifier}?{how}")
    assert (answer.status_code, answer.mimetype) == (200, "application/linkset+json")
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in ", ".join(answer.headers.getlist("Link"))
    entry = answer.get_json()["linkset"][0]
    assert entry["anchor"] == f"http://127.0.0.1:8000{battery.identifier}"
    assert entry["itemDescription"]
    (default,) = entry["https://ref.gs1.org/voc/defaultLink"]
    assert set(default) == {"href", "title"}
    assert default["href"] in [link["href"] for link in entry["https://ref.gs1.org/voc/pip"]]
    for name, links in entry.items():
        if name.startswith("https://"):
            for link in links:
                assert link["href"].startswith("http://127.0.0.1:8000/p/")
                assert link["title"]


def test_the_linkset_uses_only_link_types_of_the_vocabulary_and_no_other_member(
    house: House, shared: Callable[[str], Path]
) -> None:
    known = {entry["uri"] for entry in json.loads(shared("vectors/gs1/link_types.json").read_text("utf-8"))}
    battery = house.battery()
    entry = house.client().get(f"{battery.identifier}?linkType=linkset").get_json()["linkset"][0]
    assert set(entry) - {"anchor", "itemDescription"} <= known


def test_every_answer_names_the_linkset_in_its_link_header(house: House) -> None:
    battery = house.battery()
    answer = house.client().get(battery.identifier)
    assert answer.headers["Link"] == (
        f'<http://127.0.0.1:8000{battery.identifier}?linkType=linkset>; rel="linkset";'
        ' type="application/linkset+json"'
    )


def test_parameters_are_handed_on_as_they_came(house: House) -> None:
    battery = house.battery()
    answer = house.client().get(f"{battery.identifier}?fbclid=a%2Fb&linkType=gs1:pip&11=261120&lang=de&x")
    assert answer.headers["Location"] == f"/p/{battery.passport_id}?fbclid=a%2Fb&11=261120&lang=de&x"


@pytest.mark.parametrize(
    ("accept", "below"),
    [
        (None, ""),
        ("*/*", ""),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ""),
        ("application/vc+sd-jwt", "/record"),
        ("application/json", "/json"),
        ("application/pdf", "/pdf"),
        ("application/json;q=0.5, text/html;q=0.4", "/json"),
        ("application/json;q=0.4, text/html;q=0.5", ""),
        ("image/webp", ""),
        ("garbage;;;q=x", ""),
    ],
)
def test_accept_decides_between_page_and_files(house: House, accept: str | None, below: str) -> None:
    battery = house.battery()
    headers = {"Accept": accept} if accept is not None else {}
    answer = house.client().get(battery.identifier, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"/p/{battery.passport_id}{below}")
    assert "Accept" in answer.headers["Vary"]


def test_a_slash_at_the_end_does_not_fail(house: House) -> None:
    battery = house.battery()
    assert house.client().get(battery.identifier + "/").status_code == 307


def test_resolver_cases_of_other_people_that_speak_of_any_thing(
    house: House, shared: Callable[[str], Path]
) -> None:
    """Their targets are food; what carries over: absent link types are 404, compressed links are refused."""
    lines = shared("vectors/gs1/resolver_cases.jsonl").read_text("utf-8").splitlines()
    battery = house.battery()
    client = house.client()
    for case in map(json.loads, lines):
        if case["status"] == 404:
            query = case["path"].partition("?")[2]
            wanted = (
                query if "hasRetailers" in query or "recipeInfo" in query else "linktype=gs1:hasRetailers"
            )
            assert client.get(f"{battery.identifier}?{wanted}").status_code == 404
        if "compressed" in case.get("note", ""):
            assert client.get(case["path"]).status_code in (400, 404)


# --- the raw target


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        ({"RAW_URI": "/01/x/21/BAT%2F26?a=%2F"}, "/01/x/21/BAT%2F26?a=%2F"),
        ({"REQUEST_URI": "/01/x/21/BAT%252F26"}, "/01/x/21/BAT%252F26"),
        ({"RAW_URI": "http://h.example/01/x?y=1"}, "/01/x?y=1"),
        ({"RAW_URI": "/a b\xff\n"}, "/a%20b%FF%0A"),
        ({"PATH_INFO": f"/01/{GTIN}/21/BAT/26", "QUERY_STRING": "a=1"}, f"/01/{GTIN}/21/BAT%2F26?a=1"),
        ({"PATH_INFO": f"/01/{GTIN}/21/BAT%2F26"}, f"/01/{GTIN}/21/BAT%252F26"),
        ({"PATH_INFO": f"/01/{GTIN}/21/../../etc"}, f"/01/{GTIN}/21/..%2F..%2Fetc"),
        ({"PATH_INFO": f"/01/{GTIN}/10/L/21/A"}, f"/01/{GTIN}/10/L/21/A"),
        ({"PATH_INFO": "/8004/9521234A/B"}, "/8004/9521234A%2FB"),
        ({"PATH_INFO": "/8004/9521234A/7040/1ABC"}, "/8004/9521234A/7040/1ABC"),
        ({"PATH_INFO": f"/01/{GTIN}/21/A/"}, f"/01/{GTIN}/21/A/"),
        ({"PATH_INFO": f"/01/{GTIN}/21/\xc3\xa4"}, f"/01/{GTIN}/21/%C3%A4"),
        ({"PATH_INFO": "/01"}, "/01"),
        ({"PATH_INFO": ""}, ""),
    ],
)
def test_the_target_is_what_was_sent(environ: dict[str, str], target: str) -> None:
    assert request_target(environ) == target


serials = st.text(st.sampled_from(sorted(CHARACTERS_82)), min_size=1, max_size=20).filter(
    lambda serial: not serial.endswith("/")
)


@given(serials)
def test_any_serial_survives_a_server_that_decodes_the_path(serial: str) -> None:
    from urllib.parse import unquote

    path = identifier_path(GTIN, serial)
    sent = request_target({"PATH_INFO": unquote(path)})
    assert (
        unquote(sent.rpartition("/21/")[2] if "/21/" not in serial else sent[len(f"/01/{GTIN}/21/") :])
        == serial
    )


@given(st.text(max_size=60))
def test_any_path_becomes_ascii(path: str) -> None:
    assert rebuilt_path(path).isascii()


SERVE = """
from pathlib import Path
from tests.passport.web.web_house import House

def factory():
    return House(Path({folder!r})).wsgi()
"""


@pytest.fixture
def granian(tmp_path: Path) -> Iterator[str]:
    """The address of a real granian over a house with one battery whose serial is hostile."""
    house = House(tmp_path)
    house.battery("BAT/26<a>")
    house.close()
    (tmp_path / "served.py").write_text(SERVE.format(folder=str(tmp_path)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-ws", "served:factory"]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as server:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.communicate(timeout=20)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def status(url: str) -> tuple[int, str | None]:
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(url, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location")


def test_hostile_serials_under_a_real_granian(granian: str) -> None:
    found, location = status(f"{granian}/01/{GTIN}/21/BAT%2F26%3Ca%3E")
    assert found == 307
    assert location is not None
    assert location.startswith("/p/")
    assert status(granian + location) == (200, None)
    # Decoded once: the doubly encoded serial is another one, which nobody has.
    assert status(f"{granian}/01/{GTIN}/21/BAT%252F26%3Ca%3E")[0] == 404
    for path, expected in [
        (f"/01/{GTIN}/21/%00", 400),
        (f"/01/{GTIN}/21/" + "A" * 300, 400),
        (f"/01/{GTIN}/21/%3Cscript%3E", 404),
        (f"/01/{GTIN}/21/..%2F..%2Fetc", 404),
        (f"/01/{GTIN}/21/%FF%FE", 400),
        (f"/01/{GTIN}/21/A?" + "q" * 20000, 404),
        ("/p/..%2F..%2Fetc", 404),
        ("/p/%00", 404),
        ("/%FF%FE", 404),
        ("//", 200),
    ]:
        assert status(granian + path)[0] == expected, path
