"""The compliance PDF: what it holds, that it never changes, and that nothing gets in or out."""

import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pikepdf
import pytest

from passport.documents import matrix, pdf, pdf_worker
from passport.judgement.compliance import Shown
from schemas.registry import REGISTRY
from schemas.terms import Audience, Category, Disclosure, PassportStatus, RecordKind

ISSUED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOSTILE = '<img src="file:///etc/hostname"><script>1</script>\'"&{{ 7*7 }} url(http://127.0.0.1:9/x)'


def stated(value, unit=None):
    wire = {"value": value, "as_of": "2026-11-20T00:00:00Z", "source": "declared"}
    return wire | ({"unit": unit} if unit else {})


def absent_of(audience):
    """Every attribute absent, as a view with nothing to say has it."""
    return {name: {"absent": "not_provided"} for name in REGISTRY}


def context(**changes):
    record = pdf.SignedRecord(
        kind=RecordKind.PASSPORT,
        version=3,
        url="http://127.0.0.1:8000/r/AAAABBBBCCCCDDDD",
        issued_at=ISSUED,
        sha256="0123456789abcdef" * 4,
        kid="k" * 43,
        registry_version="2026.11",
        attribute_count=3,
    )
    values = absent_of(Audience.PUBLIC) | {
        "model_identifier": stated("EX-RACK-48100"),
        "manufacturer_name": stated("Example Cells Αθήνα Žižkov"),
        "rated_capacity": stated("102", "Ah"),
        "idle_temperature_min": stated("-20", "°C"),
    }
    given = {
        "identifier_url": "http://127.0.0.1:8000/01/09521234543213/21/ABCDEFGHIJKLMNOP",
        "qr_text": "HTTP://127.0.0.1:8000/01/09521234543213/21/ABCDEFGHIJKLMNOP",
        "passport_id": "PPPPQQQQRRRRSSSS",
        "operator": "example-energy",
        "category": Category.STATIONARY,
        "placed_on": date(2026, 3, 1),
        "passport_status": PassportStatus.ACTIVE,
        "simulated": True,
        "voluntary": False,
        "incomplete": None,
        "audience": Audience.PUBLIC,
        "purpose": None,
        "language": "en",
        "today": date(2026, 11, 20),
        "values": values,
        "records": (record,),
        "attachments": (
            pdf.Attached("passport.sdjwt", "Signed passport record", "Source", b"eyJ.payload.sig~dis~"),
            pdf.Attached("proof.json", "Proof of inclusion and keys", "Supplement", b'{"a": "\xc3\xa9"}'),
        ),
    }
    return pdf.PdfContext(**(given | changes))


@pytest.fixture(scope="module")
def renderer(tmp_path_factory):
    renderer = pdf.Renderer(tmp_path_factory.mktemp("pdfs"))
    yield renderer
    renderer.close()


@pytest.fixture(scope="module")
def document(renderer):
    return renderer.pdf(context())


def text_of(data):
    """The text in reading order, by poppler."""
    ran = subprocess.run(["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True)
    return ran.stdout.decode()


def words_of(data):
    return " ".join(text_of(data).split())


def test_it_claims_archive_and_accessibility_and_the_checker_finds_nothing_wrong(document, tmp_path, shared):
    checker = shared("tools/pdf_check.py")
    file = tmp_path / "document.pdf"
    file.write_bytes(document)
    arguments = []
    for one in context().attachments:
        original = tmp_path / one.name
        original.write_bytes(one.data)
        arguments += ["--attachment", f"{one.name}={original}"]
    command = [sys.executable, checker, file, *arguments, "--expect", "a3", "ua1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "PDF/A-3: nothing found wrong" in ran.stdout
    assert "PDF/UA:  nothing found wrong" in ran.stdout
    subprocess.run(["qpdf", "--check", file], capture_output=True, check=True)


def test_the_attachments_are_the_records_byte_for_byte_and_listed_with_their_digests(document):
    words = words_of(document).replace(" ", "")
    with pikepdf.open(io.BytesIO(document)) as opened:
        for one in context().attachments:
            inside = opened.attachments[one.name]
            assert inside.get_file().read_bytes() == one.data
            assert str(inside.obj["/AFRelationship"]) == f"/{one.relationship}"
            assert hashlib.sha256(one.data).hexdigest() in words
        media = {name: inside.get_file().mime_type for name, inside in opened.attachments.items()}
        assert media == {"passport.sdjwt": "application/vc+sd-jwt", "proof.json": "application/json"}


def test_title_language_author_and_dates_are_the_records(document):
    with pikepdf.open(io.BytesIO(document)) as opened:
        assert str(opened.docinfo["/Title"]) == "Battery passport EX-RACK-48100: public copy"
        assert str(opened.docinfo["/CreationDate"]).startswith("D:20261120120000")
        assert str(opened.docinfo["/ModDate"]).startswith("D:20261120120000")
        assert str(opened.Root["/Lang"]) == "en"
        assert b"2026-11-20T12:00:00" in opened.Root["/Metadata"].read_bytes()
        with opened.open_outline() as outline:
            titles = [entry.title for entry in outline.root[0].children]
    assert "Annex XIII, point 1: for everyone" in titles
    assert "Verification" in titles


def test_the_same_input_gives_the_same_bytes_in_another_process(document):
    other = pdf.Renderer(None)
    try:
        assert other.pdf(context()) == document
    finally:
        other.close()


def test_any_difference_that_a_reader_could_see_gives_another_name_in_the_cache():
    base = context()
    record = base.records[0]
    changed = [
        replace(base, audience=Audience.AUTHORITY),
        replace(base, purpose="recycling"),
        replace(base, passport_status=PassportStatus.ARCHIVED),
        replace(base, language="fr"),
        replace(base, today=date(2026, 11, 21)),
        replace(base, simulated=False),
        replace(base, voluntary=True),
        replace(base, incomplete="first trial"),
        replace(base, values={**base.values, "extra": {}}),
        replace(base, records=(replace(record, sha256="f" * 64),)),
        replace(base, attachments=base.attachments[:1]),
    ]
    names = {pdf.cache_name(one) for one in [base, *changed]}
    assert len(names) == 12
    assert pdf.cache_name(context()) == pdf.cache_name(base)


def test_a_second_request_does_not_render(renderer, document, monkeypatch):
    monkeypatch.setattr(pdf.Renderer, "render", None)
    assert renderer.pdf(context()) == document


def test_every_page_says_simulated_for_whom_and_which_battery(document):
    for page in text_of(document).split("\f")[:-1]:
        assert "SIMULATED BATTERY" in page
        assert "Public copy" in page
        assert "http://127.0.0.1:8000/01/09521234543213/21/ABCDEFGHIJKLMNOP" in page
        assert "Page " in page


def test_a_real_battery_is_not_called_simulated(renderer):
    assert "simulated" not in text_of(renderer.pdf(context(simulated=False))).lower()


def test_the_cover_says_voluntary_incomplete_digest_and_that_no_declaration_is_issued(renderer):
    words = words_of(renderer.pdf(context(voluntary=True, incomplete="laboratory sample, no maker's data")))
    assert "No, this passport is voluntary. Placed on the market before 18 February 2027, or an" in words
    assert "Incomplete. Reason given in writing by the operator: laboratory sample, no maker's data" in words
    assert "01234567 89abcdef 01234567 89abcdef" in words
    assert "Not issued by this service: it is the manufacturer's act" in words


def test_values_are_printed_with_true_minus_unit_and_other_alphabets(document):
    words = words_of(document)
    assert "\u221220" in words
    assert "Example Cells Αθήνα Žižkov" in words
    assert "102 Ah" in words.replace("\u00a0", " ")


def test_what_a_value_holds_is_text_and_nothing_is_fetched(renderer):
    values = {**context().values, "model_identifier": stated(HOSTILE), "manufacturer_name": stated(HOSTILE)}
    data = renderer.render(pdf.html(context(values=values)), ISSUED, context().attachments)
    assert "file:///etc/hostname" in words_of(data).replace(" ", "")
    assert "{{7*7}}" in words_of(data).replace(" ", "")
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert set(opened.attachments) == {"passport.sdjwt", "proof.json"}


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="file:///etc/hostname" alt="x">',
        '<img src="http://127.0.0.1:9/x" alt="x">',
        '<img src="data:image/png;base64,AAAA" alt="x">',
        '<link rel="stylesheet" href="file:///etc/passwd">',
        '<link rel="attachment" href="file:///etc/passwd">',
        '<a rel="attachment" href="file:///etc/passwd">x</a>',
        "<style>@import url(http://127.0.0.1:9/x)</style>",
        '<p style="background: url(file:///etc/hostname)">x</p>',
        "<style>@font-face { font-family: x; src: url(file:///etc/hosts) } p { font-family: x }</style><p>",
        '<svg width="9" height="9"><title>t</title><image href="file:///etc/hosts" width="9"/></svg>',
    ],
)
def test_even_markup_of_our_own_fetches_no_file_and_no_address(renderer, markup):
    text = f'<html lang="en"><title>t</title><body>{markup}</body></html>'
    try:
        data = renderer.render(text, ISSUED)
    except pdf.PdfUnavailable as refusal:
        data, reason = b"", str(refusal)
    if not data:
        assert "fetches nothing" in reason
        return
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert not list(opened.attachments)
    assert b"root:" not in data


def test_a_document_that_takes_too_long_is_given_up_and_the_next_one_works():
    impatient = pdf.Renderer(None, time_limit_s=0.01)
    try:
        with pytest.raises(pdf.PdfUnavailable, match="time limit"):
            impatient.pdf(context())
        impatient._limit_s = 20
        assert impatient.render("<html lang=en><title>t</title><p>x</html>", ISSUED).startswith(b"%PDF-1.7")
    finally:
        impatient.close()


def test_a_process_is_replaced_after_its_share_of_documents(monkeypatch):
    monkeypatch.setattr(pdf, "DOCUMENTS_PER_PROCESS", 1)
    one = pdf.Renderer(None)
    first = one.render("<html lang=en><title>t</title><p>x</html>", ISSUED)
    assert one._idle == []
    assert one.render("<html lang=en><title>t</title><p>x</html>", ISSUED) == first
    one.close()


def test_missing_system_libraries_are_named_with_their_packages():
    told = pdf.missing_libraries("cannot load library 'libpango-1.0-0'")
    assert "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in told
    assert pdf.PdfUnavailable.status == 503


def test_a_half_frame_is_the_end_of_the_stream():
    whole = pdf_worker.frame(b"hello")
    assert pdf_worker.read_frame(io.BytesIO(whole)) == b"hello"
    for cut in range(len(whole)):
        assert pdf_worker.read_frame(io.BytesIO(whole[:cut])) is None


def test_the_file_name_is_safe_whatever_the_serial_holds():
    assert pdf.file_name(context()) == "battery-passport-ABCDEFGHIJKLMNOP-en.pdf"
    odd = context(identifier_url="http://h/01/09521234543213/21/..%2F..%2Fetc%22%0D")
    assert pdf.file_name(odd) == "battery-passport-2F2Fetc220D-en.pdf"


# --------------------------------------------------------------------------------------------- the matrix


def judging(audience=Audience.PUBLIC, *, stated=None, placed_on=date(2027, 3, 1), voluntary=False):
    return matrix.Judge(
        audience,
        Shown.of(stated or {}, Category.STATIONARY, placed_on, date(2027, 3, 2), voluntary=voluntary),
    )


JUDGE = judging()


def rows_of(stated_values, judge):
    return {row.attribute: row for part in matrix.chapters(stated_values, judge) for row in part.rows}


@pytest.mark.parametrize("audience", list(Audience))
def test_every_attribute_has_one_row_except_point_4_for_those_who_may_not_read_it(audience):
    judge = replace(JUDGE, audience=audience)
    seen = [row.attribute for part in matrix.chapters({}, judge) for row in part.rows]
    point_4 = {name for name, row in REGISTRY.items() if (row.annex_xiii_points or ("",))[0].startswith("4")}
    expected = set(REGISTRY) if audience is Audience.LEGITIMATE_INTEREST else set(REGISTRY) - point_4
    assert sorted(seen) == sorted(expected)
    assert len(point_4) > 20


def test_a_restricted_row_says_who_may_see_it_and_nothing_else():
    row = rows_of({"test_reports": stated(["https://example.com/secret"])}, JUDGE)["test_reports"]
    assert (row.state, row.value, row.unit, row.as_of, row.source) == (
        matrix.State.RESTRICTED,
        "",
        "",
        "",
        "",
    )
    assert row.who == matrix.WHO[Disclosure.AUTHORITIES]


def test_states_of_a_row():
    said = {
        "rated_capacity": stated("102", "Ah"),
        "nominal_voltage": {"absent": "not_provided"},
        "warranty_period": {"absent": "not_provided"},
        "cf_performance_class": {"absent": "not_yet_required"},
        "cf_total": stated("60", "kg CO2e/kWh"),
        "capacity_threshold_exhaustion": {"absent": "not_applicable"},
        "battery_chemistry_name": {"absent": "not_provided"},
    }
    rows = rows_of(said, JUDGE)
    assert {name: rows[name].state.value for name in said} == {
        "rated_capacity": "provided",
        "nominal_voltage": "missing",
        "warranty_period": "conditional",
        "cf_performance_class": "not yet required",
        "cf_total": "claimed too early",
        "capacity_threshold_exhaustion": "not applicable",
        "battery_chemistry_name": "not provided",
    }


def test_before_february_2027_nothing_is_missing():
    rows = rows_of({}, judging(placed_on=date(2026, 3, 1), voluntary=True))
    assert not [row.attribute for row in rows.values() if row.state is matrix.State.MISSING]


def test_without_a_declared_day_the_duty_is_assumed():
    rows = rows_of({}, judging(placed_on=None))
    assert rows["nominal_voltage"].state is matrix.State.MISSING


def test_a_structure_stands_in_full_behind_the_matrix_like_members_as_a_table():
    gates = [
        {"gate": "G1", "answer": "pass", "reason": "signed"},
        {"gate": "G2", "answer": "unknown", "reason": "nobody looked " * 9},
    ]
    value = {"verdict": "needs_inspection", "inspect": ["look at it", "measure it"], "reasons": gates}
    said = {"second_life_assessment": stated(value), "rated_capacity": stated("102", "Ah")}
    judge = replace(JUDGE, audience=Audience.LEGITIMATE_INTEREST)
    assert rows_of(said, judge)["second_life_assessment"].value == "in full below"
    assert rows_of(said, judge)["rated_capacity"].value == "102"
    (full,) = matrix.in_full(said, judge)
    assert full.lines == (
        "verdict: needs_inspection",
        "inspect:",
        "\u2013 look at it",
        "\u2013 measure it",
    )
    assert full.table[0] == ("gate", "answer", "reason")
    assert full.table[1] == ("G1", "pass", "signed")
    assert matrix.in_full(said, JUDGE) == ()


@pytest.mark.long
def test_memory_stays_flat_over_many_documents():
    many = pdf.Renderer(None)
    text = pdf.html(context())
    try:
        many.render(text, ISSUED)
        process = many._idle[0]
        resident_mb = []
        for number in range(150):
            many.render(text, ISSUED)
            if number in (50, 149):
                statm = Path(f"/proc/{process._process.pid}/statm").read_text()
                resident_mb.append(int(statm.split()[1]) * 4 // 1024)
        assert resident_mb[1] - resident_mb[0] <= 12, resident_mb
    finally:
        many.close()
