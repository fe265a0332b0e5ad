"""Documents over HTTP: who reads what, what is told of what was withdrawn, what a browser may do with it."""

import hashlib
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from passport import grants
from passport.active_content.check import check
from passport.errors import DocumentWithdrawn
from passport.ledger import database, operators, papers
from passport.ledger.papers import Edition, Kind
from passport.web import lanes
from passport.web.session import COOKIE
from schemas.terms import Audience, Disclosure
from tests.passport.active_content import files
from tests.passport.web.web_house import NOW, OPERATOR, House

DECLARATION = files.pdf()
DIAGRAM = files.picture("PNG", (30, 20))
REPORT = b"UN 38.3: passed\n"
CLASSES = {
    Disclosure.PUBLIC: {Audience.PUBLIC, Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY},
    Disclosure.INTEREST_AND_AUTHORITIES: {Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY},
    Disclosure.AUTHORITIES: {Audience.AUTHORITY},
    Disclosure.INDIVIDUAL: {Audience.LEGITIMATE_INTEREST},
}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables and keys, made once: migrations take longer than most tests."""
    folder = tmp_path_factory.mktemp("ready")
    House(folder).close()
    return folder


@pytest.fixture
def house(ready: Path, tmp_path: Path) -> Iterator[House]:
    made = House(Path(shutil.copytree(ready, tmp_path / "house")))
    yield made
    made.close()


def put(house: House, data: bytes, disclosure: Disclosure = Disclosure.PUBLIC, **changes: Any) -> Edition:
    given: dict[str, Any] = {
        "operator": OPERATOR,
        "kind": Kind.OTHER,
        "title": "Sheet",
        "language": "en",
        "version": "1",
        "file_name": "sheet.pdf",
        "at": house.now,
        "by": "test",
    }
    with database.writing(house.engine) as connection:
        return papers.put(connection, check(data), disclosure=disclosure, **(given | changes))


def withdraw(house: House, edition: Edition, why: str = "page 4", *, erase: bool = False) -> None:
    with database.writing(house.engine) as connection:
        papers.withdraw(connection, edition.id, why=why, at=house.now, by="test", erase=erase)


def key(house: House, audience: Audience | None, **scope: Any) -> dict[str, str]:
    with database.writing(house.engine) as connection:
        made = grants.create(
            connection,
            audience=audience,
            right=grants.Right.READ if audience else grants.Right.INTAKE,
            purpose="case 12",
            now=NOW,
            expires_at=NOW + timedelta(days=1),
            **scope,
        )
    return {"Authorization": f"Bearer {made}"}


def as_reader(house: House, audience: Audience) -> dict[str, str]:
    return {} if audience is Audience.PUBLIC else key(house, audience)


def test_a_public_document_is_given_to_everyone_byte_by_byte(house: House) -> None:
    edition = put(house, DECLARATION)
    answer = house.client().get(f"/d/{edition.sha256}")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/pdf", DECLARATION)
    assert hashlib.sha256(answer.data).hexdigest() == edition.sha256
    assert answer.headers["ETag"] == f'"{edition.sha256}"'
    assert answer.headers["Cache-Control"] == "public, max-age=3600, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers
    with database.reading(house.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM audit").scalar() == 0


@pytest.mark.parametrize("disclosure", Disclosure)
@pytest.mark.parametrize("audience", Audience)
def test_the_lattice_decides_and_what_is_hidden_looks_like_nothing(
    house: House, disclosure: Disclosure, audience: Audience
) -> None:
    edition = put(house, REPORT, disclosure)
    headers = as_reader(house, audience)
    answer = house.client().get(f"/d/{edition.sha256}", headers=headers)
    nothing = house.client().get(f"/d/{'0' * 64}", headers=headers)
    assert nothing.status_code == 404
    if audience in CLASSES[disclosure]:
        assert (answer.status_code, answer.data) == (200, REPORT)
        return
    assert (answer.status_code, answer.data) == (404, nothing.data)
    assert sorted(answer.headers) == sorted(nothing.headers)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET"])
def test_a_hidden_document_is_not_told_by_any_question(house: House, method: str) -> None:
    edition = put(house, REPORT, Disclosure.AUTHORITIES)
    withdraw(house, put(house, DIAGRAM, Disclosure.AUTHORITIES))
    asked = [
        {},
        {"If-None-Match": f'"{edition.sha256}"'},
        {"If-None-Match": "*"},
        {"Range": "bytes=0-3"},
        {"Accept": "text/html"},
        key(house, Audience.LEGITIMATE_INTEREST),
    ]
    for headers in asked:
        answers = [
            house.client().open(f"/d/{sha256}", method=method, headers=headers)
            for sha256 in (edition.sha256, hashlib.sha256(DIAGRAM).hexdigest(), "0" * 64)
        ]
        assert len({(one.status_code, one.data) for one in answers}) == 1
        assert len({tuple(one.headers) for one in answers}) == 1


def test_a_restricted_read_is_written_down_and_stored_nowhere_on_the_way(house: House) -> None:
    edition = put(house, REPORT, Disclosure.AUTHORITIES)
    answer = house.client().get(f"/d/{edition.sha256}", headers=key(house, Audience.AUTHORITY))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" in answer.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    with database.reading(house.engine) as connection:
        row = connection.exec_driver_sql(
            "SELECT action, audience, purpose, detail FROM audit WHERE actor LIKE 'key:%'"
        ).one()
    assert tuple(row) == ("read", "authority", "case 12", f"document {edition.id}")


def test_a_key_reads_within_its_operator(house: House) -> None:
    edition = put(house, REPORT, Disclosure.AUTHORITIES)
    for operator, status in ((OPERATOR, 200), ("another", 404)):
        headers = key(house, Audience.AUTHORITY, operator=operator)
        assert house.client().get(f"/d/{edition.sha256}", headers=headers).status_code == status


def test_a_key_for_one_battery_reads_what_its_records_name(house: House) -> None:
    named, other = put(house, REPORT, Disclosure.AUTHORITIES), put(house, DIAGRAM, Disclosure.AUTHORITIES)
    battery = house.battery(test_reports=[papers.address(house.public_url, named.sha256)])
    headers = key(house, Audience.AUTHORITY, battery=battery.id)
    assert house.client().get(f"/d/{named.sha256}", headers=headers).status_code == 200
    assert house.client().get(f"/d/{other.sha256}", headers=headers).status_code == 404
    interest = key(house, Audience.LEGITIMATE_INTEREST, battery=battery.id)
    assert house.client().get(f"/d/{named.sha256}", headers=interest).status_code == 404


def test_a_device_reads_nothing_and_a_wrong_key_is_refused(house: House) -> None:
    edition = put(house, DECLARATION)
    assert house.client().get(f"/d/{edition.sha256}", headers=key(house, None)).status_code == 403
    wrong = {"Authorization": "Bearer cp_wrong"}
    assert house.client().get(f"/d/{edition.sha256}", headers=wrong).status_code == 401


def test_a_signed_in_reader_follows_the_link_of_the_recyclers_page(house: House) -> None:
    edition = put(house, DIAGRAM, Disclosure.INTEREST_AND_AUTHORITIES, title="Exploded view")
    battery = house.battery(dismantling_manuals=[papers.address(house.public_url, edition.sha256)])
    client = house.client()
    assert client.get(f"/recyclers/d/{edition.sha256}").status_code == 404
    token = key(house, Audience.LEGITIMATE_INTEREST)["Authorization"].removeprefix("Bearer ")
    client.post("/recyclers/session", data={"key": token})
    assert client.get_cookie(COOKIE, path="/recyclers") is not None
    page = client.get(f"/recyclers/b/{battery.passport_id}").get_data(as_text=True)
    assert f'href="/recyclers/d/{edition.sha256}"' in page
    assert "Exploded view (en, version 1)" in page
    answer = client.get(f"/recyclers/d/{edition.sha256}")
    assert (answer.status_code, answer.data) == (200, DIAGRAM)
    assert answer.headers["Vary"] == "Cookie"
    # The cookie opens nothing outside its own pages.
    assert client.get(f"/d/{edition.sha256}").status_code == 404


@pytest.mark.parametrize(
    ("data", "name", "media_type", "disposition"),
    [
        (DECLARATION, "doc.pdf", "application/pdf", "inline; filename=\"doc.pdf\"; filename*=UTF-8''doc.pdf"),
        (DECLARATION, "doc.html", "application/pdf", 'inline; filename="doc.html.pdf"'),
        (
            DIAGRAM,
            'a"b\u00fc.png',
            "image/png",
            "inline; filename=\"a_b_.png\"; filename*=UTF-8''a%22b%C3%BC.png",
        ),
        (files.picture("JPEG"), "p.JPEG", "image/jpeg", 'inline; filename="p.JPEG"'),
        (files.svg(), "d.svg", "image/svg+xml", 'attachment; filename="d.svg"'),
        (b'{"a": 1}', "a.json", "application/json", 'attachment; filename="a.json"'),
        (b"a,b\n1,2\n", "a.csv", "text/csv; charset=utf-8", 'attachment; filename="a.csv"'),
        (REPORT, "read.md", "text/plain; charset=utf-8", 'attachment; filename="read.md"'),
        (REPORT, "report.exe", "text/plain; charset=utf-8", 'attachment; filename="report.exe.txt"'),
    ],
)
def test_bytes_decide_the_type_and_only_papers_and_pictures_open(
    house: House, data: bytes, name: str, media_type: str, disposition: str
) -> None:
    edition = put(house, data, file_name=name)
    answer = house.client().get(f"/d/{edition.sha256}")
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"].startswith(disposition)
    assert ("sandbox" in answer.headers["Content-Security-Policy"]) is (media_type != "application/pdf")


def test_whoever_has_the_bytes_gets_304_and_a_part_is_given_as_a_part(house: House) -> None:
    edition = put(house, DECLARATION)
    there = f"/d/{edition.sha256}"
    client = house.client()
    unchanged = client.get(there, headers={"If-None-Match": f'"{edition.sha256}"'})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    part = client.get(there, headers={"Range": "bytes=5-8"})
    assert (part.status_code, part.data) == (206, DECLARATION[5:9])
    assert part.headers["Content-Range"] == f"bytes 5-8/{len(DECLARATION)}"
    assert client.get(there, headers={"Range": "bytes=999999-"}).status_code == 416
    head = client.head(there)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(DECLARATION))


# --- large documents

LARGE = b"0123456789abcde\n" * 50_000


def test_a_large_document_comes_in_pieces_and_whole(house: House) -> None:
    edition = put(house, LARGE)
    client = house.client()
    there = f"/d/{edition.sha256}"
    answer = client.get(there)
    assert (answer.data, answer.headers["Content-Length"]) == (LARGE, str(len(LARGE)))
    part = client.get(there, headers={"Range": f"bytes=7-{len(LARGE) - 9}"})
    assert (part.status_code, part.data) == (206, LARGE[7:-8])
    assert client.get(there, headers={"Range": "bytes=-5"}).data == LARGE[-5:]
    assert client.get(there, headers={"Range": "bytes=1-2, 4-5"}).data == LARGE
    other = client.get(there, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (other.status_code, other.data) == (200, LARGE)
    assert client.get(there, headers={"If-None-Match": f'W/"{edition.sha256}"'}).status_code == 304
    assert client.get(there, headers={"If-Match": '"another"'}).status_code in (200, 412)


def test_slow_readers_take_places_and_give_them_back(house: House) -> None:
    edition = put(house, LARGE)
    client = house.client()
    there = f"/d/{edition.sha256}"
    slow = [client.get(there, buffered=False) for _ in range(lanes.READERS.places)]
    refused = client.get(there)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "busy")
    # Heads, tags, small parts and other documents are answered all the same.
    assert client.head(there).status_code == 200
    assert client.get(there, headers={"If-None-Match": f'"{edition.sha256}"'}).status_code == 304
    assert client.get(there, headers={"Range": "bytes=0-9"}).data == LARGE[:10]
    for one in slow:
        one.close()
    for _ in range(2 * lanes.READERS.places):
        assert client.get(there).data == LARGE


def test_bytes_that_are_erased_while_they_are_read_end_the_answer(house: House) -> None:
    edition = put(house, LARGE)
    answer = house.client().get(f"/d/{edition.sha256}", buffered=False)
    pieces = answer.iter_encoded()
    assert next(pieces)
    withdraw(house, edition, erase=True)
    with pytest.raises(DocumentWithdrawn):
        list(pieces)
    answer.close()


@pytest.mark.parametrize(
    "name", ["", "x", "A" * 64, "0" * 63, "0" * 65, "%00" * 64, "..%2f..%2fetc", "' OR 1=1 --", "\u0660" * 64]
)
def test_a_malformed_digest_is_unknown(house: House, name: str) -> None:
    put(house, DECLARATION)
    answer = house.client().get(f"/d/{name}")
    assert answer.status_code == 404
    assert b"OR 1=1" not in answer.data


def test_a_withdrawn_document_is_gone_with_words_and_leads_on(house: House) -> None:
    first = put(house, DECLARATION, title="Manual", language="de", version="3")
    second = put(house, DIAGRAM, title="Manual", version="4", supersedes=first.id)
    there = f"{house.public_url}/d/{second.sha256}"
    served = house.client().get(f"/d/{first.sha256}")
    assert served.headers["Link"] == f'<{there}>; rel="successor-version"'
    withdraw(house, first)
    answer = house.client().get(f"/d/{first.sha256}", headers={"If-None-Match": f'"{first.sha256}"'})
    assert (answer.status_code, answer.get_json()["code"]) == (410, "document_withdrawn")
    said = answer.get_json()["detail"].replace("\u00a0", " ")
    assert said == "Manual (de, version 3) was withdrawn on 20 November 2026: page 4"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Link"] == f'<{there}>; rel="successor-version"'
    page = house.client().get(f"/d/{first.sha256}", headers={"Accept": "text/html"})
    assert f'<a href="{there}">Manual (en, version 4)</a>' in page.get_data(as_text=True)
    withdraw(house, second)
    assert "Link" not in house.client().get(f"/d/{first.sha256}").headers


def test_erased_bytes_answer_as_withdrawn(house: House) -> None:
    edition = put(house, DECLARATION)
    withdraw(house, edition, erase=True)
    assert house.client().get(f"/d/{edition.sha256}").status_code == 410


def test_one_operator_s_withdrawal_does_not_take_another_s_document(house: House) -> None:
    with database.writing(house.engine) as connection:
        operators.create(connection, "second", name="Second", simulated=True, at=NOW)
    withdraw(house, put(house, DECLARATION))
    put(house, DECLARATION, operator="second")
    assert house.client().get(f"/d/{hashlib.sha256(DECLARATION).hexdigest()}").status_code == 200


# --- pages


def page_of(house: House, battery: Any) -> str:
    answer = Client(house.wsgi()).get(f"/p/{battery.passport_id}")
    return answer.get_data(as_text=True).replace("\u00a0", " ")


def test_a_page_names_a_document_by_title_language_and_version(house: House) -> None:
    edition = put(house, DECLARATION, title="Declaration <of> conformity", version="2026-03")
    there = papers.address(house.public_url, edition.sha256)
    battery = house.battery(eu_declaration_of_conformity=there)
    words = "Declaration &lt;of&gt; conformity (en, version 2026-03)"
    assert f'<a class="v" href="{there}" rel="noreferrer">{words}</a>' in page_of(house, battery)


def test_a_stored_page_tells_a_withdrawal_on_the_next_request(house: House) -> None:
    edition = put(house, DECLARATION, title="Declaration")
    battery = house.battery(eu_declaration_of_conformity=papers.address(house.public_url, edition.sha256))
    assert "Declaration (en, version 1)</a>" in page_of(house, battery)
    withdraw(house, edition, "wrong model")
    page = page_of(house, battery)
    assert "Declaration (en, version 1), withdrawn on 20 November 2026: wrong model" in page
    assert '<section class="notice withdrawn"' in page


def test_a_later_edition_changes_no_page_of_an_older_record(house: House) -> None:
    edition = put(house, DECLARATION, title="First title")
    battery = house.battery(eu_declaration_of_conformity=papers.address(house.public_url, edition.sha256))
    before = page_of(house, battery)
    house.now = NOW + timedelta(days=1)
    put(house, DECLARATION, title="Second title", language="de")
    with database.writing(house.engine) as connection:
        connection.exec_driver_sql("DELETE FROM page_cache")
    assert page_of(house, battery) == before
    house.issue(battery, battery_mass="47")
    assert "First title (en and de, version 1)" in page_of(house, battery)


def test_a_public_page_tells_nothing_of_a_document_for_others(house: House) -> None:
    edition = put(house, DECLARATION, Disclosure.AUTHORITIES, title="Secret declaration")
    battery = house.battery(eu_declaration_of_conformity=papers.address(house.public_url, edition.sha256))
    withdraw(house, edition, "secret reason")
    page = page_of(house, battery)
    assert "Secret declaration" not in page
    assert "secret reason" not in page
    assert edition.sha256 in page  # the signed value itself
