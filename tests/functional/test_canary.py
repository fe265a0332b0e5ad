"""A canary in every attribute, and every road on which a value can leave, for every audience.

What may be seen is decided here by a table of its own, written down from the law and not taken from
`passport.disclosure`: Art. 77(2) and Annex XIII of Regulation (EU) 2023/1542. Everything that leaves is
scanned: nothing outside the table may be in it, and nothing inside may be missing where all is shown.
"""

import base64
import html
import io
import json
import logging
import re
import subprocess
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pikepdf
import pytest

from passport import exports, grants, issue, search
from passport.judgement import compliance
from passport.ledger import batteries, database, operators
from passport.settings import Settings
from passport.signing.keys import FileSigner, create_key
from passport.web import create_flask, documents
from passport.web.context import WebContext
from schemas.identifier import identifier_path
from schemas.record import Stated
from schemas.registry import REGISTRY
from schemas.structures import STRUCTURES, Form
from schemas.terms import Audience, Category, RecordKind, Source
from schemas.values import Kind, ValueType, YearMonth
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# Annex XIII point 2: persons with a legitimate interest and authorities.
POINT_2 = {
    "dismantling_cell_layout",
    "dismantling_exploded_diagrams",
    "dismantling_fasteners",
    "dismantling_manuals",
    "dismantling_sequences",
    "dismantling_tools",
    "dismantling_warnings",
    "hazardous_substance_location",
    "material_composition",
    "part_numbers",
    "safe_discharging_instructions",
    "safety_measures",
    "spare_part_sources",
}
# Annex XIII point 3, and what registry, customs and Annex VIII keep for authorities: authorities alone.
POINT_3 = {
    "authorised_operator",
    "backup_reference",
    "commodity_code",
    "due_diligence_exempt",
    "facility_identifier",
    "further_use_evidence",
    "manufacturer_identifier",
    "operator_identifier",
    "performance_calculation_notes",
    "recycled_content_document",
    "registration_proof",
    "registry_registration_id",
    "restricted_metals_content",
    "test_reports",
}
# Annex XIII point 4: persons with a legitimate interest alone.
POINT_4 = {
    "accidents",
    "battery_status",
    "capacity_fade",
    "capacity_throughput",
    "charging_time_above_temperature",
    "charging_time_below_temperature",
    "deep_discharge_count",
    "energy_throughput",
    "expected_lifetime_cycles_current",
    "expected_lifetime_years",
    "expected_lifetime_years_current",
    "extreme_temperature_bounds",
    "full_cycles",
    "initial_self_discharge_rate",
    "internal_resistance_current",
    "internal_resistance_increase_cell",
    "internal_resistance_increase_module",
    "internal_resistance_increase_pack",
    "measurement_metadata",
    "negative_events",
    "ohmic_resistance",
    "operating_environment_records",
    "overcharge_count",
    "placed_on_market_date",
    "power",
    "power_fade",
    "putting_into_service_date",
    "rated_capacity_redetermined",
    "remaining_capacity",
    "remaining_energy",
    "remaining_power_capability",
    "remaining_round_trip_efficiency",
    "repair_history",
    "residual_value",
    "round_trip_efficiency_current",
    "round_trip_efficiency_fade",
    "second_life_assessment",
    "second_life_operation",
    "self_discharge_evolution",
    "self_discharge_rate_current",
    "state_of_certified_energy",
    "state_of_charge",
    "state_of_charge_records",
    "state_of_health",
    "status_history",
    "temperature",
    "time_above_temperature",
    "time_below_temperature",
}
POINT_1 = set(REGISTRY) - POINT_2 - POINT_3 - POINT_4
MAY_SEE = {
    Audience.PUBLIC: POINT_1,
    Audience.LEGITIMATE_INTEREST: POINT_1 | POINT_2 | POINT_4,
    Audience.AUTHORITY: POINT_1 | POINT_2 | POINT_3,
}
# A flag has two values and can hold no mark of its own.
WITHOUT_CANARY = {"due_diligence_exempt"}
# Blocks of their own on the page; what they say is checked by the tests of the page.
CATEGORY = Category.STATIONARY
PLACED_ON = date(2026, 3, 17)


OPEN = {name for name, shape in STRUCTURES.items() if shape.open}
# What stands in the members of a nested value that are owed and hold no mark.
NEUTRAL = {
    Kind.NUMBER: Decimal(1),
    Kind.INTEGER: 1,
    Kind.TEXT: "x",
    Kind.URI: "https://e.eu/",
    Kind.DOCUMENT: "https://e.eu/",
    Kind.DATE: date(2026, 1, 2),
    Kind.DATETIME: datetime(2026, 1, 2, tzinfo=UTC),
    Kind.ENUMERATION: "original",
    Kind.FLAG: True,
}
SPELT = {Form.CAS: "7439-93-2", Form.COUNTRY: "DE", Form.LANGUAGE: "en", Form.SHA256: "ab" * 32}


def nested(shape, number, mark):
    """A whole nested value with one marked member, and the texts by which it is known again."""
    value = {
        one.name: SPELT[one.form] if one.form else NEUTRAL[one.value.kind]
        for one in shape.fields
        if one.required
    }
    free = [one for one in shape.fields if not one.form]
    words = [one for one in free if one.value.kind in (Kind.TEXT, Kind.ENUMERATION)]
    links = [one for one in free if one.value.kind in (Kind.URI, Kind.DOCUMENT)]
    figures = [one for one in free if one.value.kind is Kind.NUMBER]
    if words:
        value[words[0].name], marks = mark, (mark,)
    elif links:
        value[links[0].name], marks = f"https://e.eu/{mark}", (mark,)
    else:
        text = f"{1000 + number}.7"
        value[figures[-1].name], marks = Decimal(text), (text,)
    return value, marks


def canary(number, attribute):
    """The value put into an attribute, and the texts by which it is known again (blanks removed)."""
    mark = f"QZC{number:03d}XW"
    kind = attribute.value.kind
    if kind in (Kind.TEXT, Kind.ENUMERATION):
        value, marks = mark, (mark,)
    elif kind in (Kind.URI, Kind.DOCUMENT):
        value, marks = f"https://e.eu/{mark}", (mark,)
    elif kind is Kind.NUMBER:
        # Search keeps one decimal of some; the mark is what remains of every number.
        value, marks = Decimal(f"{1000 + number}.7"), (f"{1000 + number}.7",)
    elif kind in (Kind.INTEGER, Kind.DURATION_MONTHS):
        value, marks = 700_000_000_000 + number, (f"{700_000_000_000 + number}",)
    elif kind is Kind.DATE:
        value, marks = date(2100 + number, 5, 17), (f"{2100 + number}-05-17", f"17May{2100 + number}")
    elif kind is Kind.YEAR_MONTH:
        value, marks = YearMonth(2100 + number, 5), (f"{2100 + number}-05", f"May{2100 + number}")
    elif kind is Kind.DATETIME:
        value = datetime(2100 + number, 5, 17, tzinfo=UTC)
        marks = (f"{2100 + number}-05-17", f"17May{2100 + number}")
    elif attribute.id == "second_life_assessment":
        gate = {"gate": "G1", "name": "Casing", "answer": "unknown", "reason": mark, "resolver": "inspection"}
        value, marks = {"verdict": "needs_inspection", "reasons": [gate], "inspect": [mark]}, (mark,)
    elif attribute.id == "residual_value":
        value, marks = {"reasons": [mark]}, (mark,)
    elif kind is Kind.STRUCTURE and attribute.value.structure in OPEN:
        value, marks = {"note": mark}, (mark,)
    else:
        value, marks = nested(STRUCTURES[attribute.value.structure], number, mark)
    return ([value] if attribute.value.many else value), marks


CANARIES = {
    name: canary(number, attribute)
    for number, (name, attribute) in enumerate(REGISTRY.items())
    if name not in WITHOUT_CANARY
}
MARKS = {name: marks for name, (_, marks) in CANARIES.items()}


def test_the_table_of_this_test_speaks_of_attributes_that_exist_each_once():
    assert len(POINT_2) + len(POINT_3) + len(POINT_4) == len(POINT_2 | POINT_3 | POINT_4)
    assert set(REGISTRY) >= POINT_2 | POINT_3 | POINT_4
    assert len(REGISTRY) == 179
    assert len({mark for marks in MARKS.values() for mark in marks[:1]}) == 178


# --- a battery whose every attribute is marked


class Site:
    """One battery with canaries, a web client, and a key for each audience."""

    def __init__(self, folder):
        self.settings = Settings(folder)
        self.engine = migrated(folder)
        operator = "example-operator"
        (folder / "keys").mkdir()
        create_key(folder / "keys" / f"{operator}.pem", password=None)
        signer = FileSigner(folder / "keys" / f"{operator}.pem")
        self.issuer = issue.Issuer(self.engine, self.settings, lambda _: signer)
        with database.writing(self.engine) as connection:
            operators.create(connection, operator, name="Example Operator", simulated=True, at=NOW)
            self.battery = batteries.create(
                connection,
                operator=operator,
                category=CATEGORY,
                identifier_path=identifier_path("09521234543213", "SERIALSERIAL"),
                facts={},
                placed_on=PLACED_ON,
                simulated=True,
                at=NOW,
            )
            self.keys = {
                audience: grants.create(
                    connection,
                    audience=audience,
                    purpose="canary",
                    now=NOW,
                    expires_at=NOW + timedelta(days=1),
                )
                for audience in (Audience.LEGITIMATE_INTEREST, Audience.AUTHORITY)
            }
        self.versions = [self.issuer.issue(self.battery.id, kind, now=NOW) for kind in RecordKind]
        context = WebContext(self.engine, self.settings, lambda: NOW, None, self.issuer)
        self.app = create_flask(context)
        self.page = f"/p/{self.battery.passport_id}"

    def get(self, path, audience=Audience.PUBLIC, accept="*/*"):
        """With the audience's key in the header."""
        headers = {"Accept": accept}
        if audience is not Audience.PUBLIC:
            headers["Authorization"] = f"Bearer {self.keys[audience]}"
        return self.app.test_client().get(path, headers=headers)

    def visitor(self, audience):
        """A browser, signed in unless it is the public's."""
        client = self.app.test_client()
        if audience is not Audience.PUBLIC:
            answer = client.post("/recyclers/session", data={"key": self.keys[audience]})
            assert answer.status_code == 303
        return client


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    def words(connection, known, kind, **_):
        stated = {
            name: Stated.of(REGISTRY[name], value, source=Source.DECLARED, as_of=NOW)
            for name, (value, _) in CANARIES.items()
            if REGISTRY[name].record is kind
        }
        return {name: issue._Word(one, one.to_wire(REGISTRY[name])) for name, one in stated.items()}

    patch = pytest.MonkeyPatch()
    # The gate would refuse most of this, and rightly: here only the roads out are tried.
    patch.setattr(issue, "_words", words)
    # A closed list of words would refuse a canary.
    patch.setattr(ValueType, "_check_one", lambda *_: None)
    patch.setattr(compliance, "gaps", lambda *_: ())
    folder = tmp_path_factory.mktemp("canary")
    with caplog_of_everything() as lines:
        made = Site(folder)
        made.lines = lines
        yield made
    patch.undo()
    documents.renderer(folder).close()
    made.engine.dispose()


class caplog_of_everything:  # noqa: N801 - used like a function
    """Collects every log line of every logger, as formatted."""

    def __enter__(self):
        self.lines = []
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage() + str(record.exc_info or ""))
        self.handler, self.level = handler, logging.getLogger().level
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)
        return self.lines

    def __exit__(self, *_):
        logging.getLogger().removeHandler(self.handler)
        logging.getLogger().setLevel(self.level)


# --- looking


ENCODED = re.compile(r"[A-Za-z0-9_-]{24,}")


def opened(text):
    """The text and everything that is base64url in it, so that no disclosure stays folded."""
    parts = [text]
    for piece in ENCODED.findall(text):
        try:
            parts.append(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)).decode("utf-8"))
        except (ValueError, UnicodeDecodeError):
            continue
    return "\n".join(parts)


def marked(*contents):
    """Ids of the attributes whose canary is in the contents."""
    whole = ""
    for content in contents:
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        whole += "\n" + "".join(html.unescape(opened(text)).split())
    return {name for name, marks in MARKS.items() if any(mark in whole for mark in marks)}


def headers_of(answer):
    return "\n".join(f"{name}: {value}" for name, value in answer.headers)


def allowed(audience):
    return MAY_SEE[audience] - WITHOUT_CANARY


SEARCHED = {name for field in search.FIELDS.values() for name in field.attributes}


def test_the_scan_finds_a_canary_that_is_folded_into_a_disclosure(site):
    with database.reading(site.engine) as connection:
        view = issue.view_of(connection, site.versions[1], Audience.LEGITIMATE_INTEREST)
    assert "QZC" not in view.record.decode()
    assert "full_cycles" in marked(view.record)


@pytest.mark.parametrize("audience", list(Audience))
def test_views_and_signed_records_hold_exactly_what_the_audience_may_see(site, audience):
    with database.reading(site.engine) as connection:
        views = [issue.view_of(connection, version, audience) for version in site.versions]
    values = [json.dumps(dict(view.values), ensure_ascii=False) for view in views]
    assert marked(*values) == allowed(audience)
    assert marked(*(view.record for view in views)) == allowed(audience)
    assert (
        set().union(*(view.withheld for view in views)) >= set(REGISTRY) - MAY_SEE[audience] - WITHOUT_CANARY
    )


@pytest.mark.parametrize("audience", list(Audience))
def test_the_json_of_a_battery_holds_exactly_what_the_audience_may_see(site, audience):
    answer = site.get(f"/api/batteries/{site.battery.passport_id}", audience)
    assert answer.status_code == 200
    assert answer.json["audience"] == audience
    assert marked(answer.data) == allowed(audience)
    assert marked(headers_of(answer)) == set()
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("audience", list(Audience))
def test_exports_hold_nothing_that_the_audience_may_not_see_and_no_opinion(site, audience):
    opinions = {name for name, row in REGISTRY.items() if row.record is RecordKind.ASSESSMENT}
    for name in exports.available():
        path = f"/api/batteries/{site.battery.passport_id}/export?format={name}"
        answer = site.get(path, audience)
        assert answer.status_code < 500, name
        if name in EXPORTED_WHOLE:
            assert marked(answer.data) == allowed(audience) - opinions - EXPORTED_WHOLE[name], name
        else:
            found = marked(*unpacked(answer.data))
            assert found <= allowed(audience) - opinions, name
            assert "battery_mass" in found, name
        losses = site.get(f"{path}&part=losses", audience)
        assert marked(losses.data) <= allowed(audience), name
        assert marked(headers_of(answer), headers_of(losses)) == set(), name


# Formats that can hold every value that is stated, but for these.
EXPORTED_WHOLE = {
    "en18223": {"dpp_schema_version"},
    "en18223-full": {"dpp_schema_version"},
    "untp": set(),
}


def unpacked(data):
    """The files of a package; anything else as it is."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return [data]
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return [package.read(name) for name in package.namelist()]


@pytest.mark.parametrize("audience", list(Audience))
def test_the_signed_records_over_http_hold_exactly_what_the_audience_may_see(site, audience):
    answers = [
        site.get(f"/api/batteries/{site.battery.passport_id}/records/{kind}", audience) for kind in RecordKind
    ]
    assert marked(*(answer.data for answer in answers if answer.status_code == 200)) == allowed(audience)
    assert marked(*(answer.data for answer in answers if answer.status_code != 200)) == set()


@pytest.mark.parametrize("audience", list(Audience))
def test_the_list_as_json_holds_only_what_the_audience_may_see(site, audience):
    answer = site.get("/api/batteries", audience)
    assert answer.status_code == 200
    found = marked(answer.data)
    assert found <= allowed(audience)
    # The category of the row is the battery's own; energy is a product; the assessment shows its verdict.
    shown = {"battery_chemistry", "battery_mass", "manufacturer_name", "model_identifier", "nominal_voltage"}
    if audience is Audience.LEGITIMATE_INTEREST:
        shown |= {"battery_status", "full_cycles", "state_of_charge", "temperature", "second_life_assessment"}
    assert found >= shown


@pytest.mark.parametrize("audience", list(Audience))
def test_the_pdf_and_its_attachments_hold_exactly_what_the_audience_may_see(site, audience):
    answer = site.get(f"{site.page}/passport.pdf", audience)
    assert answer.status_code == 200
    ran = subprocess.run(["pdftotext", "-raw", "-", "-"], input=answer.data, capture_output=True, check=True)
    assert marked(ran.stdout) == allowed(audience)
    with pikepdf.open(io.BytesIO(answer.data)) as pdf:
        files = {name: one.get_file().read_bytes() for name, one in pdf.attachments.items()}
        about = [str(value) for value in pdf.docinfo.values()] + [pdf.Root["/Metadata"].read_bytes().decode()]
    assert marked(*files.values()) == allowed(audience)
    assert marked(*about) <= allowed(Audience.PUBLIC)
    assert marked(headers_of(answer)) == set()


@pytest.mark.parametrize("audience", list(Audience))
def test_the_recyclers_pages_and_csv_hold_only_what_the_audience_may_see(site, audience):
    browser = site.visitor(audience)
    found = [browser.get(path) for path in ("/recyclers", "/recyclers/batteries.csv", "/recyclers/session")]
    assert [answer.status_code for answer in found] == [200, 200, 200]
    for answer in found:
        assert marked(answer.data, headers_of(answer)) <= allowed(audience)
        assert answer.headers["Cache-Control"] == "no-store"
    reads = audience is Audience.LEGITIMATE_INTEREST
    assert ("full_cycles" in marked(found[0].data)) is reads
    assert ("full_cycles" in marked(found[1].data)) is reads


@pytest.mark.parametrize("audience", list(Audience))
def test_the_recyclers_page_of_a_battery_holds_exactly_what_the_audience_may_see(site, audience):
    answer = site.visitor(audience).get(f"/recyclers/b/{site.battery.passport_id}")
    if audience is Audience.PUBLIC:
        assert answer.status_code == 401
        assert marked(answer.data) == set()
        return
    assert marked(answer.data) == allowed(audience)
    assert marked(headers_of(answer)) == set()


@pytest.mark.parametrize("audience", list(Audience))
def test_the_checklist_is_of_the_assessment_and_for_a_legitimate_interest_alone(site, audience):
    for name in ("checklist", "checklist.pdf"):
        answer = site.visitor(audience).get(f"/recyclers/b/{site.battery.passport_id}/{name}")
        if audience is Audience.LEGITIMATE_INTEREST:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "no-store"
        else:
            assert answer.status_code == (401 if audience is Audience.PUBLIC else 403)
            assert marked(answer.data) == set()
    if audience is Audience.LEGITIMATE_INTEREST:
        page = site.visitor(audience).get(f"/recyclers/b/{site.battery.passport_id}/checklist")
        assert marked(page.data) == {"second_life_assessment"}


def test_the_public_page_holds_exactly_what_is_public(site):
    answer = site.get(site.page, accept="text/html")
    assert answer.status_code == 200
    assert marked(answer.data) == allowed(Audience.PUBLIC)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json", "application/vc+sd-jwt", "application/pdf", "*/*"]
)
def test_everything_that_the_resolver_and_the_records_give_to_anybody_is_public(site, accept):
    paths = [
        site.battery.identifier,
        site.page,
        f"{site.page}/record",
        f"{site.page}/bundle",
        f"{site.page}/pdf",
        f"{site.page}?linkType=all",
        f"{site.page}/json",
        f"{site.page}/history",
        f"{site.page}/qr.svg",
        f"{site.page}/label.svg",
        "/",
        f"/?q={site.battery.passport_id}",
        "/metrics",
        "/healthz",
        "/api/openapi.json",
        "/api/docs",
        f"/o/{site.battery.operator}/jwks.json",
        f"/o/{site.battery.operator}/did.json",
        f"/o/{site.battery.operator}/checkpoint",
        f"/o/{site.battery.operator}/log-keys",
        f"/o/{site.battery.operator}/status/0",
        *(f"/r/{version.record_id}" for version in site.versions),
        *(f"/r/{version.record_id}.tlog-proof" for version in site.versions),
    ]
    for path in paths:
        answer = site.get(path, accept=accept)
        assert answer.status_code < 500, path
        data = answer.data
        if data.startswith(b"%PDF"):
            with pikepdf.open(io.BytesIO(data)) as pdf:
                data = b"\n".join(one.get_file().read_bytes() for one in pdf.attachments.values())
        assert marked(data, headers_of(answer)) <= allowed(Audience.PUBLIC), path


@pytest.mark.parametrize("audience", list(Audience))
def test_refusals_and_errors_tell_nothing(site, audience):
    paths = [
        "/api/batteries?full_cycles_min=1",
        "/api/batteries?state_of_charge_min=1000",
        "/api/batteries?order=-full_cycles",
        "/api/batteries?verdict=needs_inspection&shoe_size=44",
        "/api/batteries?rated_energy_min=x",
        "/api/batteries/NOSUCHPASSPORTXX",
        f"/api/batteries/{site.battery.passport_id}/records/nonsense",
        f"/p/{site.battery.passport_id}/nonsense",
        "/p/NOSUCHPASSPORTXX/passport.pdf",
        "/r/NOSUCHRECORDXXXX",
    ]
    for path in paths:
        answer = site.get(path, audience)
        assert answer.status_code < 500, path
        if answer.status_code >= 400:
            assert marked(answer.data, headers_of(answer)) == set(), path
        else:
            assert marked(answer.data, headers_of(answer)) <= allowed(audience), path
    wrong = site.app.test_client().get("/api/batteries", headers={"Authorization": "Bearer cp_nonsense"})
    assert wrong.status_code == 401
    assert marked(wrong.data) == set()


def test_the_day_of_placing_on_the_market_is_for_legitimate_interest_alone(site):
    words = ("2026-03-17", "17March2026")
    for audience in (Audience.PUBLIC, Audience.AUTHORITY):
        told = [
            site.get(f"/api/batteries/{site.battery.passport_id}", audience).data,
            site.visitor(audience).get("/recyclers").data,
            site.visitor(audience).get(f"/recyclers/b/{site.battery.passport_id}").data,
            site.get(site.page, audience, accept="text/html").data,
        ]
        pdf = site.get(f"{site.page}/passport.pdf", audience).data
        told.append(
            subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True).stdout
        )
        for one in told:
            text = "".join(html.unescape(opened(one.decode())).split())
            assert not any(word in text for word in words)


def test_the_log_holds_no_canary_no_key_and_the_audit_no_canary(site):
    assert marked("\n".join(site.lines)) == set()
    assert not any(key in line for key in site.keys.values() for line in site.lines)
    with database.reading(site.engine) as connection:
        rows = connection.exec_driver_sql("SELECT * FROM audit").all()
    assert len(rows) > 10
    assert marked("\n".join(str(tuple(row)) for row in rows)) == set()
