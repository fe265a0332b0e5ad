"""The recyclers' pages and the API over HTTP: rights, sessions, exports, refusals."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport import grants, issue, search
from passport.ledger import batteries, database, operators
from passport.search import offers, sheets
from passport.settings import Settings
from passport.signing.keys import FileSigner, create_key
from passport.web import create_flask, documents
from passport.web.context import WebContext
from schemas.identifier import identifier_path
from schemas.terms import Audience, Category, RecordKind
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://evil.example","x")'


@dataclass
class Site:
    app: object
    engine: object
    batteries: list
    keys: dict
    clock: list

    def get(self, path, key=None, **headers):
        if key:
            headers["Authorization"] = f"Bearer {self.keys[key]}"
        return self.app.test_client().get(path, headers=headers)

    def signed_in(self, key):
        client = self.app.test_client()
        assert client.post("/recyclers/session", data={"key": self.keys[key]}).status_code == 303
        return client


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    engine = migrated(folder)
    (folder / "keys").mkdir()
    made, keys = [], {}
    with database.writing(engine) as connection:
        for number, (name, operator) in enumerate(
            [("Example Rack", "first"), (FORMULA, "second"), ("<script>alert(1)</script>", "first")]
        ):
            operators.create(connection, operator, name=f"Example {operator}", simulated=True, at=NOW)
            battery = batteries.create(
                connection,
                operator=operator,
                category=Category.STATIONARY,
                identifier_path=identifier_path("09521234543213", f"SERIAL{number}"),
                facts={"model_identifier": name, "manufacturer_name": name, "battery_status": "original"},
                placed_on=None,
                simulated=number != 1,
                at=NOW,
            )
            made.append(battery)
        scopes = {
            "interest": {"audience": Audience.LEGITIMATE_INTEREST},
            "authority": {"audience": Audience.AUTHORITY},
            "second": {"audience": Audience.LEGITIMATE_INTEREST, "operator": "second"},
            "device": {"audience": None, "right": grants.Right.INTAKE},
        }
        for name, scope in scopes.items():
            keys[name] = grants.create(
                connection, purpose=f"{name} purpose", now=NOW, expires_at=NOW + timedelta(days=9), **scope
            )
    signers = {}
    for operator in ("first", "second"):
        create_key(folder / "keys" / f"{operator}.pem", password=None)
        signers[operator] = FileSigner(folder / "keys" / f"{operator}.pem")
    issuer = issue.Issuer(engine, Settings(folder), signers.__getitem__)
    for battery in made:
        for kind in RecordKind:
            issuer.issue(battery.id, kind, now=NOW, incomplete="trial")
    clock = [NOW]
    app = create_flask(WebContext(engine, Settings(folder), lambda: clock[0], None, issuer))
    yield Site(app, engine, made, keys, clock)
    documents.renderer(folder).close()
    engine.dispose()


# --- the API


def test_without_a_key_the_list_is_public_and_says_what_is_restricted(site):
    answer = site.get("/api/batteries")
    assert answer.status_code == 200
    assert len(answer.json["batteries"]) == 3
    first = answer.json["batteries"][0]
    assert first["fields"]["category"] == {"value": "stationary"}
    assert first["fields"]["full_cycles"] == {"absent": "restricted"}
    assert "inspect" not in first
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_key_for_legitimate_interest_opens_condition_and_verdict(site):
    answer = site.get("/api/batteries?verdict=needs_inspection", "interest")
    assert answer.status_code == 200
    row = answer.json["batteries"][0]
    assert row["fields"]["verdict"] == {"value": "needs_inspection"}
    assert any(line.startswith("G3 ") for line in row["inspect"])


@pytest.mark.parametrize("key", [None, "authority", "device"])
def test_a_restricted_filter_is_a_problem_named_403(site, key):
    answer = site.get("/api/batteries?full_cycles_min=0", key)
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "forbidden"
    assert "full_cycles" in answer.json["detail"] or key == "device"


@pytest.mark.parametrize(
    "question",
    [
        "shoe_size=44",
        "limit=0",
        "limit=9999999999999",
        "order=battery",
        "cursor=%00",
        "cursor=" + "A" * 700,
        "chemistry=" + "x" * 300,
        "rated_energy_min=%E2%88%9E",
        "mass_min=1&mass_min=2",
        "=",
        "%FF=%FF",
        "rated_energy_min=0x10",
    ],
)
def test_a_wrong_parameter_is_a_problem_400(site, question):
    answer = site.get(f"/api/batteries?{question}")
    assert answer.status_code == 400, answer.data
    assert answer.mimetype == "application/problem+json"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.one_of(st.sampled_from(search.parameters()), st.text(max_size=9)), st.text(max_size=30)
    )
)
def test_no_question_makes_the_service_fail(site, question):
    for path in ("/api/batteries", "/recyclers", "/recyclers/batteries.csv"):
        answer = site.app.test_client().get(path, query_string=question)
        assert answer.status_code in (200, 400, 403)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer cp_x_y", "bearer \xff", "Bearer " + "x" * 5000],
)
def test_a_header_that_holds_no_key_is_401_and_never_the_public_view(site, header):
    for path in ("/api/batteries", f"/api/batteries/{site.batteries[0].passport_id}"):
        answer = site.app.test_client().get(path, headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.json["code"] == "key_refused"
        assert "WWW-Authenticate" in answer.headers


def test_a_cookie_opens_no_api_and_a_header_opens_no_page(site):
    browser = site.signed_in("interest")
    assert browser.get("/api/batteries?full_cycles_min=0").status_code == 403
    path = f"/recyclers/b/{site.batteries[0].passport_id}"
    assert site.get(path, "interest").status_code == 401


def test_views_by_key_hold_their_points_and_no_more(site):
    path = f"/api/batteries/{site.batteries[0].passport_id}"
    kinds = {
        key: [record["kind"] for record in site.get(path, key).json["records"]]
        for key in (None, "interest", "authority")
    }
    assert kinds[None] == ["passport"]
    assert kinds["interest"] == ["passport", "condition", "assessment"]
    assert kinds["authority"] == ["passport"]
    authority = site.get(path, "authority").json["records"][0]["values"]
    assert "test_reports" in authority
    assert "battery_status" not in authority
    interest = [record["values"] for record in site.get(path, "interest").json["records"]]
    assert "test_reports" not in interest[0]
    assert interest[1]["battery_status"]["value"] == "original"


def test_a_scoped_key_is_the_public_elsewhere(site):
    inside = site.get(f"/api/batteries/{site.batteries[1].passport_id}", "second")
    outside = site.get(f"/api/batteries/{site.batteries[0].passport_id}", "second")
    assert (inside.json["audience"], outside.json["audience"]) == ("legitimate_interest", "public")
    found = site.get("/api/batteries?battery_status=original", "second").json["batteries"]
    assert [row["passport_id"] for row in found] == [site.batteries[1].passport_id]


def test_unknown_foreign_and_malformed_ids_get_the_same_answer(site):
    ids = ("AAAAAAAAAAAAAAAA", "x", "%3Cscript%3E", "A" * 300)
    answers = [site.get(f"/api/batteries/{one}") for one in ids]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1


def test_the_description_is_openapi_and_names_every_parameter(site):
    spec = site.get("/api/openapi.json").json
    assert spec["openapi"] == "3.1.0"
    names = {one["name"] for one in spec["paths"]["/api/batteries"]["get"]["parameters"]}
    assert names == set(search.parameters())
    assert set(spec["paths"]) >= {"/api/batteries", "/api/batteries/{passport_id}"}
    docs = site.get("/api/docs")
    assert docs.status_code == 200
    assert b"<script" not in docs.data
    assert b"https://" not in docs.data


def test_restricted_reads_are_in_the_audit_with_purpose_and_without_address(site):
    site.get(f"/api/batteries/{site.batteries[0].passport_id}", "interest")
    site.get(f"/api/batteries/{site.batteries[0].passport_id}")
    with database.reading(site.engine) as connection:
        rows = connection.exec_driver_sql("SELECT * FROM audit ORDER BY id DESC LIMIT 1").mappings().all()
    assert rows[0]["actor"] == "key:" + site.keys["interest"].split("_")[1]
    assert rows[0]["purpose"] == "interest purpose"
    assert rows[0]["battery"] == site.batteries[0].id
    assert "127.0.0.1" not in str(dict(rows[0]))


# --- the pages


def test_the_page_needs_no_script_marks_every_simulated_row_and_escapes(site):
    answer = site.get("/recyclers")
    text = answer.data.decode()
    assert answer.status_code == 200
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count('class="simtag"') == 2
    assert "Set-Cookie" not in answer.headers
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_form_of_a_visitor_has_no_restricted_fields(site):
    public, own = site.get("/recyclers").data, site.signed_in("interest").get("/recyclers").data
    for name in (b'name="full_cycles_min"', b'name="battery_status"', b'name="verdict"'):
        assert name not in public
        assert name in own


def test_a_refused_question_is_told_on_the_page_with_its_status(site):
    forbidden = site.get("/recyclers?full_cycles_min=3")
    assert forbidden.status_code == 403
    assert b"full_cycles" in forbidden.data
    assert b'role="alert"' in forbidden.data
    wrong = site.get("/recyclers?rated_energy_min=much")
    assert wrong.status_code == 400
    assert b"rated_energy_min: expected a number in kWh" in wrong.data


def test_signing_in_sets_one_strict_cookie_for_these_pages_alone(site):
    answer = site.app.test_client().post("/recyclers/session", data={"key": site.keys["interest"]})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/recyclers"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/recyclers" in cookie
    assert site.keys["interest"] not in cookie


@pytest.mark.parametrize("key", ["", "cp_wrong", "x" * 10_000])
def test_a_wrong_key_is_told_on_the_form_and_not_repeated(site, key):
    answer = site.app.test_client().post("/recyclers/session", data={"key": key})
    assert answer.status_code == 401
    assert b'role="alert"' in answer.data
    assert b"cp_wrong" not in answer.data
    assert "Set-Cookie" not in answer.headers


def test_a_device_key_opens_no_session(site):
    assert (
        site.app.test_client().post("/recyclers/session", data={"key": site.keys["device"]}).status_code
        == 403
    )


def test_the_session_is_signed_in_until_signing_out_with_its_own_form(site):
    browser = site.signed_in("interest")
    page = browser.get("/recyclers").data.decode()
    assert "a person with a legitimate interest" in page
    assert "29\u00a0November 2026" in page
    token = page.split('name="form_token" value="')[1].split('"')[0]
    assert browser.post("/recyclers/session/end", data={"form_token": "0" * 64}).status_code == 403
    assert browser.post("/recyclers/session/end").status_code == 403
    assert browser.post("/recyclers/session/end", data={"form_token": token}).status_code == 303
    assert b"Sign in with a key" in browser.get("/recyclers").data


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_a_form_from_another_site_is_refused(site, headers):
    answer = site.app.test_client().post(
        "/recyclers/session", data={"key": site.keys["interest"]}, headers=headers
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_a_revoked_or_expired_session_is_a_visitor_again(site):
    browser = site.signed_in("interest")
    path = f"/recyclers/b/{site.batteries[0].passport_id}"
    assert browser.get(path).status_code == 200
    site.clock[0] = NOW + timedelta(hours=9)
    try:
        assert browser.get(path).status_code == 401
        assert browser.get("/recyclers?full_cycles_min=1").status_code == 403
    finally:
        site.clock[0] = NOW


def test_the_page_of_a_battery_says_for_whom_what_to_inspect_and_why_no_value(site):
    page = site.signed_in("interest").get(f"/recyclers/b/{site.batteries[0].passport_id}").data.decode()
    assert "Shown to <strong>a person with a legitimate interest</strong>" in page
    assert "Needs inspection" in page
    assert "G3 " in page
    # Nothing is known of this one: no health, no grade, and no value for want of a size and a chemistry.
    assert page.count("Not determined") == 2
    assert "None, for its health is not known" in page
    assert "neither certified energy nor rated capacity with nominal voltage is declared" in page
    assert "home storage of solar power" in page.lower()
    assert "An opinion, good until 18" in page
    assert "Test reports" not in page
    assert "Simulated." in page


def test_the_checklist_names_each_open_gate_and_how_to_sign(site):
    browser, name = site.signed_in("interest"), site.batteries[0].passport_id
    page = browser.get(f"/recyclers/b/{name}/checklist").data.decode()
    assert "13 open gates" in page
    for gate in range(1, 14):
        assert f'id="G{gate}"' in page
    assert "Measure the insulation resistance of both poles against the housing." in page
    assert "cellpass inspect sign findings.toml" in page
    assert "clean = false" in page
    paper = browser.get(f"/recyclers/b/{name}/checklist.pdf")
    assert paper.data.startswith(b"%PDF-1.7")
    assert f'/recyclers/b/{name}/checklist"' in browser.get(f"/recyclers/b/{name}").data.decode()


def test_a_checklist_of_a_battery_without_assessment_is_404(site):
    with database.writing(site.engine) as connection:
        bare = batteries.create(
            connection,
            operator="second",
            category=Category.STATIONARY,
            identifier_path=identifier_path("09521234543213", "BARE"),
            facts={},
            placed_on=None,
            simulated=True,
            at=NOW,
        )
    answer = site.signed_in("interest").get(f"/recyclers/b/{bare.passport_id}/checklist")
    assert answer.status_code == 404


def test_an_authority_reads_points_1_to_3_and_no_verdict(site):
    page = site.signed_in("authority").get(f"/recyclers/b/{site.batteries[0].passport_id}").data.decode()
    assert "Test reports (Annex XIII, point 3)" in page
    assert "Needs inspection" not in page
    assert "Condition of this battery" not in page


def test_the_csv_holds_the_readers_columns_and_no_formula(site):
    answer = site.get("/recyclers/batteries.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.data.decode(), newline="")))
    assert "full_cycles_cycles" not in rows[0]
    assert len(rows) == 4
    cells = [cell for row in rows for cell in row]
    assert "'" + FORMULA in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    own = list(
        csv.reader(io.StringIO(site.signed_in("interest").get("/recyclers/batteries.csv").data.decode()))
    )
    assert {"full_cycles_cycles", "verdict", "inspect"} <= set(own[0])


def test_a_word_is_guarded_where_a_spreadsheet_would_run_it():
    assert sheets.guarded("-1+1") == "'-1+1"
    assert sheets.guarded("\t=1") == "'\t=1"
    assert sheets.guarded("Example") == "Example"


def test_the_csv_walks_all_pages(site, monkeypatch):
    monkeypatch.setattr(search, "MAXIMUM_LIMIT", 1)
    rows = site.get("/recyclers/batteries.csv").data.decode().strip().splitlines()
    assert len(rows) == 4


def test_the_pdf_by_header_and_by_session_is_the_readers_copy(site):
    path = site.batteries[0].passport_id
    public = site.get(f"/p/{path}/passport.pdf")
    assert public.status_code == 200
    assert public.mimetype == "application/pdf"
    assert public.headers["Cache-Control"] == "public, no-cache"
    again = site.get(f"/p/{path}/passport.pdf", **{"If-None-Match": public.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    own = site.signed_in("interest").get(f"/recyclers/b/{path}/passport.pdf")
    assert own.status_code == 200
    assert own.headers["Cache-Control"] == "no-store"
    assert own.data != public.data
    assert site.get(f"/p/{path}/passport.pdf", "interest").data == own.data
    assert site.get(f"/p/{path}/passport.pdf", "device").status_code == 403
    assert site.get("/p/AAAAAAAAAAAAAAAA/passport.pdf").status_code == 404


def test_the_pdfs_record_verifies_with_the_published_keys(site):
    from passport.signing import verify

    data = site.get(f"/p/{site.batteries[0].passport_id}/pdf").data
    with database.reading(site.engine) as connection:
        jwks = operators.jwks(connection, "first")["keys"]
    lines = {line.name: line.answer for line in verify.verify_file(data, jwks=jwks, now=NOW)}
    assert {lines[name] for name in ("signature", "disclosures", "validity", "issuer", "schema")} == {"yes"}


def test_a_missing_system_library_is_a_503_that_names_the_packages(site, monkeypatch):
    from passport.documents import pdf

    def refuse(*_):
        raise pdf.PdfUnavailable(pdf.missing_libraries("cannot load library 'libpango-1.0-0'"))

    monkeypatch.setattr(pdf.Renderer, "pdf", refuse)
    answer = site.get(f"/p/{site.batteries[0].passport_id}/passport.pdf")
    assert answer.status_code == 503
    assert "libharfbuzz-subset0" in orjson.loads(answer.data)["detail"]


# --- counts, side by side, batches, lists


def offered(site, number, **offer):
    with database.writing(site.engine) as connection:
        offers.put(connection, site.batteries[number], now=NOW, **offer)


def test_counts_over_http_say_nothing_of_what_the_reader_may_not_read(site):
    public = site.get("/api/batteries/counts")
    assert public.status_code == 200
    assert "verdict" not in public.json["facets"]
    assert public.json["facets"]["category"]["counts"] == [{"value": "stationary", "batteries": 3}]
    interest = site.get("/api/batteries/counts", "interest").json
    assert interest["facets"]["verdict"]["counts"] == [{"value": "needs_inspection", "batteries": 3}]
    assert site.get("/api/batteries/counts?grade=A", "authority").status_code == 403
    assert "Second-life verdict" not in site.get("/recyclers/counts").data.decode()
    assert "Second-life verdict" in site.signed_in("interest").get("/recyclers/counts").data.decode()


def test_two_batteries_stand_side_by_side_and_each_read_is_written_down(site):
    names = [battery.passport_id for battery in site.batteries[:2]]
    address = "/recyclers/compare?" + "&".join(f"b={name}" for name in names)
    page = site.signed_in("interest").get(address).data.decode()
    assert all(name in page for name in names)
    assert "Second-life verdict" in page
    assert "<script>alert" not in page
    public = site.get(address).data.decode()
    assert "Second-life verdict" not in public
    with database.reading(site.engine) as connection:
        rows = connection.exec_driver_sql("SELECT battery FROM audit WHERE detail = 'side by side'")
        assert {row[0] for row in rows} == {battery.id for battery in site.batteries[:2]}


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("", 400),
        ("b=X", 400),
        ("&".join(f"b={number}" for number in range(7)), 400),
        ("b=AAAAAAAAAAAAAAAA&b=%00", 404),
    ],
)
def test_a_comparison_of_too_few_too_many_or_unknown_is_refused(site, question, status):
    assert site.get(f"/recyclers/compare?{question}").status_code == status


@pytest.mark.parametrize("key", [None, "authority", "device"])
def test_who_may_not_read_health_puts_no_batch_together(site, key):
    assert site.get("/api/batteries/batch?model=EX-5&kwh=10", key).status_code == 403


@pytest.mark.parametrize(
    "question", ["", "model=EX-5", "model=EX-5&kwh=x", "model=EX-5&kwh=1&spread=-1", "a=b"]
)
def test_a_batch_of_nothing_is_a_problem_400(site, question):
    assert site.get(f"/api/batteries/batch?{question}", "interest").status_code == 400


def test_a_batch_that_nothing_reaches_says_so(site):
    answer = site.get("/api/batteries/batch?model=Example%20Rack&kwh=10", "interest")
    assert answer.json["reached"] is False
    page = site.signed_in("interest").get("/recyclers/batch?model=Example+Rack&kwh=10").data.decode()
    assert "hold at most 0 kWh" in page
    assert site.signed_in("interest").get("/recyclers/batch?model=M&kwh=x").status_code == 400


def test_an_offer_is_told_to_interest_alone_on_page_and_in_the_api(site):
    offered(site, 0, price="900", contact="https://cells.example/used")
    told = site.get("/api/batteries?offered_since_min=2026-11-20", "interest").json["batteries"]
    assert [one["offer"]["price"] for one in told] == ["900"]
    page = site.signed_in("interest").get("/recyclers").data.decode()
    assert "Offered for 900 EUR" in page
    for answer in (
        site.get("/api/batteries"),
        site.get("/api/batteries", "authority"),
        site.get("/recyclers"),
    ):
        assert b"cells.example/used" not in answer.data
    assert site.get("/api/batteries?offered_since_min=2026-11-20").status_code == 403


@pytest.mark.parametrize("form", ["csv", "json", "xlsx", "parquet"])
def test_a_list_is_taken_home_in_each_format_and_written_down(site, form):
    answer = site.signed_in("interest").get(f"/recyclers/batteries.{form}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="batteries.{form}"'
    assert answer.headers["Cache-Control"] == "no-store"
    with database.reading(site.engine) as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM audit WHERE action = 'export' AND detail LIKE ?", (f"{form};%",)
        )
        assert found.scalar() >= 1
