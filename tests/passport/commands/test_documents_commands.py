"""`cellpass key`, `search`, `audit`, `page`, `bundle` and `pdf`, as typed on a command line."""

import io
import subprocess
from datetime import UTC, datetime

import orjson
import pikepdf
import pytest
from click.testing import CliRunner

from passport import issue
from passport.commands import audit, bundle, key, offer, page, pdf, search
from passport.ledger import batteries, database, operators, versions
from passport.settings import Settings
from passport.signing.keys import FileSigner, create_key
from schemas.identifier import identifier_path
from schemas.terms import Category, RecordKind
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PATH = identifier_path("09521234543213", "SERIAL1")


class House:
    """What these commands use of the house: a folder, its database, a clock."""

    def __init__(self, folder):
        self.data_dir = folder
        self.settings = Settings(folder)
        self.engine = migrated(folder)

    def now(self):
        return NOW

    def reading(self):
        return database.reading(self.engine)

    def writing(self):
        return database.writing(self.engine)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    house = House(folder)
    (folder / "keys").mkdir()
    create_key(folder / "keys" / "first.pem", password=None)
    signer = FileSigner(folder / "keys" / "first.pem")
    with house.writing() as connection:
        operators.create(connection, "first", name="Example First", simulated=True, at=NOW)
        battery = batteries.create(
            connection,
            operator="first",
            category=Category.STATIONARY,
            identifier_path=PATH,
            facts={"model_identifier": "EX-1"},
            placed_on=None,
            simulated=True,
            at=NOW,
        )
    house.issuer = issuer = issue.Issuer(house.engine, house.settings, lambda _: signer)
    for kind in RecordKind:
        issuer.issue(battery.id, kind, now=NOW, incomplete="trial")
    yield house
    house.engine.dispose()


def run(command, house, *arguments):
    return CliRunner().invoke(command, arguments, obj=house, catch_exceptions=False)


def test_a_key_is_shown_once_and_listed_without_itself(house):
    made = run(key.command, house, "create", "--audience", "authority", "--purpose", "case 12", "--days", "3")
    assert made.exit_code == 0
    shown = made.stdout.strip()
    assert shown.startswith("cp_")
    listed = run(key.command, house, "list", "--json")
    rows = [orjson.loads(line) for line in listed.stdout.splitlines()]
    handle = shown.split("_")[1]
    (row,) = [row for row in rows if row["handle"] == handle]
    assert (row["audience"], row["state"], row["expires_at"]) == (
        "authority",
        "active",
        "2026-11-23T12:00:00Z",
    )
    assert shown not in listed.stdout
    assert run(key.command, house, "revoke", handle).exit_code == 0
    assert '"state":"revoked"' in run(key.command, house, "list", "--json").stdout


def test_a_key_needs_an_audience_or_is_a_devices(house):
    assert run(key.command, house, "create", "--purpose", "x").exit_code == 2
    wrong = run(key.command, house, "create", "--purpose", "x", "--device", "--audience", "authority")
    assert wrong.exit_code == 2
    device = run(
        key.command, house, "create", "--purpose", "gateway", "--device", "--battery", PATH, "--json"
    )
    assert orjson.loads(device.stdout)["key"].startswith("cp_")


def test_search_answers_within_the_rights_that_were_chosen(house):
    found = run(search.command, house, "category=stationary", "--json")
    row = orjson.loads(found.stdout)
    assert row["fields"]["verdict"] == {"value": "needs_inspection"}
    public = run(search.command, house, "--audience", "public", "--json")
    assert orjson.loads(public.stdout)["fields"]["verdict"] == {"absent": "restricted"}
    assert run(search.command, house, "stationary").exit_code == 2
    assert "No battery fits" in run(search.command, house, "category=ev").stderr


def test_search_counts_and_takes_lists_home(house, tmp_path):
    counted = run(search.command, house, "--counts", "--json")
    assert orjson.loads(counted.stdout)["facets"]["verdict"]["counts"] == [
        {"value": "needs_inspection", "batteries": 1}
    ]
    assert "needs_inspection 1" in run(search.command, house, "--counts").stdout
    taken = run(
        search.command, house, "category=stationary", "--format", "csv", "-o", str(tmp_path / "l.csv")
    )
    assert taken.exit_code == 0
    assert (tmp_path / "l.csv").read_text().startswith("passport_id,page,operator")


def test_assemble_exits_with_one_where_no_batch_reaches_the_energy(house):
    found = run(search.command, house, "assemble", "--model", "EX-1", "--kwh", "5", "--json")
    assert found.exit_code == 1
    assert orjson.loads(found.stdout)["reached"] is False
    assert "No batch" in run(search.command, house, "assemble", "--model", "EX-1", "--kwh", "5").stderr


def test_an_offer_is_made_shown_and_withdrawn(house):
    made = run(offer.command, house, PATH, "--price", "900", "--contact", "desk@cells.example", "--json")
    assert orjson.loads(made.stdout)["offer"]["price"] == "900"
    found = run(search.command, house, "offered_since_min=2026-11-20", "--json")
    assert orjson.loads(found.stdout)["offer"]["contact"] == "desk@cells.example"
    assert run(offer.command, house, PATH, "--withdraw", "--price", "1").exit_code == 2
    assert run(offer.command, house, PATH, "--withdraw").exit_code == 0
    assert orjson.loads(run(search.command, house, "--json").stdout)["offer"] is None
    with house.reading() as connection:
        rows = connection.exec_driver_sql("SELECT detail FROM audit WHERE action = 'offer' ORDER BY id")
        assert [row[0] for row in rows][-1] == "by first: withdrawn"


def test_the_pdf_is_written_and_a_restricted_copy_is_written_down(house, tmp_path):
    for audience, name in (("public", "a.pdf"), ("legitimate_interest", "b.pdf")):
        target = tmp_path / name
        done = run(pdf.command, house, PATH, "--audience", audience, "-o", str(target))
        assert done.exit_code == 0
        with pikepdf.open(io.BytesIO(target.read_bytes())) as opened:
            assert ("condition.sdjwt" in opened.attachments) is (audience == "legitimate_interest")
    rows = [
        orjson.loads(line)
        for line in run(audit.command, house, "--battery", PATH, "--json").stdout.splitlines()
    ]
    reads = [(row["actor"], row["audience"], row["detail"]) for row in rows if row["action"] == "read"]
    assert reads == [("administrator", "legitimate_interest", "pdf")]


def test_the_record_of_evaluation_prints_what_was_signed_and_holds_it(house, tmp_path):
    target = tmp_path / "evaluation.pdf"
    assert run(pdf.command, house, PATH, "--evaluation", "-o", str(target)).exit_code == 0
    data = target.read_bytes()
    with pikepdf.open(io.BytesIO(data)) as opened:
        assert set(opened.attachments) == {"passport.sdjwt", "assessment.sdjwt"}
    ran = subprocess.run(["pdftotext", "-raw", "-", "-"], input=data, capture_output=True, check=True)
    text = " ".join(ran.stdout.decode().split())
    assert "Record of evaluation, Art. 73(2)(a) of Regulation (EU) 2023/1542" in text
    # Nothing was measured and nobody looked at it: the paper does not say that it passed.
    assert "Not concluded: gates are open" in text
    assert "Capacity left by rated capacity Not determined" in text
    assert "G13 transport class unknown" in text
    assert "None was filed." in text
    with database.reading(house.engine) as connection:
        battery = batteries.find(connection, PATH, house.settings.public_url)
        for kind in (RecordKind.PASSPORT, RecordKind.ASSESSMENT):
            assert versions.latest(connection, battery.id, kind).sha256 in text.replace(" ", "")
    reads = run(audit.command, house, "--battery", PATH, "--json").stdout.splitlines()
    assert any('"evaluation"' in line and "legitimate_interest" in line for line in reads)


def test_every_command_that_shows_restricted_values_writes_it_down(house, tmp_path):
    for audience in ("public", "authority"):
        assert (
            run(page.command, house, PATH, "--audience", audience, "-o", str(tmp_path / "p")).exit_code == 0
        )
        assert (
            run(bundle.command, house, PATH, "--audience", audience, "-o", str(tmp_path / "b")).exit_code == 0
        )
        assert run(search.command, house, "category=stationary", "--audience", audience).exit_code == 0
    told = [orjson.loads(line) for line in run(audit.command, house, "--json").stdout.splitlines()]
    rows = [(row["action"], row["detail"]) for row in told if row["audience"] == "authority"]
    assert rows[:3] == [
        ("search", "category; order -rated_energy; 1 rows"),
        ("read", "signed passport"),
        ("read", "page"),
    ]
    assert not [row for row in told if row["audience"] == "public"]
