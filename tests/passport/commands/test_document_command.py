"""`cellpass document` as typed on a command line: bring, look, withdraw, hand on."""

import hashlib
import io
import json
import shutil
import subprocess
import zipfile

import orjson
import pikepdf
import pytest
from click.testing import CliRunner

from passport.commands import audit, document, page, pdf
from passport.errors import (
    Conflict,
    ContentActive,
    ContentForeign,
    ContentTooLarge,
    DocumentAmbiguous,
    DocumentUnknown,
)
from passport.ledger import database, operators
from passport.settings import Settings
from tests.databases import migrated
from tests.passport.active_content import files
from tests.passport.web.web_house import NOW, OPERATOR
from tests.passport.web.web_house import House as WebHouse


class House(WebHouse):
    """The house of the web's tests, with what commands use besides."""

    @property
    def data_dir(self):
        return self.folder

    def reading(self):
        return database.reading(self.engine)

    def writing(self):
        return database.writing(self.engine)


class Commanded:
    """Runs the commands; the clock of commands is a call."""

    def __init__(self, house):
        self.house = house
        self.settings = house.settings
        self.engine = house.engine
        self.data_dir = house.folder
        self.reading = house.reading
        self.writing = house.writing

    def now(self):
        return self.house.now


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder with tables and keys, made once: migrations take longer than most tests."""
    folder = tmp_path_factory.mktemp("ready")
    House(folder).close()
    return folder


@pytest.fixture
def house(ready, tmp_path):
    made = House(shutil.copytree(ready, tmp_path / "house"))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doc.pdf").write_bytes(files.pdf())
    (tmp_path / "manual.txt").write_bytes(b"Anleitung\n")
    (tmp_path / "evil.pdf").write_bytes(files.scripted())
    return tmp_path


def run(house, *arguments, command=document.command):
    return CliRunner().invoke(command, arguments, obj=Commanded(house), catch_exceptions=False)


def add(house, *arguments, kind="manual", language="de", audience="public"):
    return run(
        house,
        "add",
        "--kind",
        kind,
        "--language",
        language,
        "--version",
        "1",
        "--audience",
        audience,
        *arguments,
    )


def told(result):
    assert result.exit_code == 0, result.output
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def test_a_document_is_brought_and_its_address_is_printed(house, folder):
    done = add(house, "doc.pdf", "manual.txt")
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("doc.pdf", "manual.txt")]
    assert done.stdout.splitlines() == [f"http://127.0.0.1:8000/d/{digest}" for digest in digests]
    assert "doc.pdf: PDF, 1 page; public" in done.stderr
    assert "set public_url" in done.stderr
    assert [one["title"] for one in told(run(house, "list", "--json"))] == ["doc", "manual"]


def test_all_are_kept_or_none(house, folder):
    with pytest.raises(ContentActive, match=r"evil\.pdf: the PDF holds .*nothing was added"):
        add(house, "doc.pdf", "evil.pdf")
    assert told(run(house, "list", "--json")) == []


def test_too_large_a_file_is_not_even_read(house, folder, monkeypatch):
    with (folder / "big.txt").open("wb") as file:
        file.truncate(26 << 20)
    with pytest.raises(ContentTooLarge, match=r"big\.txt"):
        add(house, "big.txt")


def test_a_name_says_nothing_about_bytes(house, folder):
    (folder / "doc2.pdf").write_bytes(b"MZ\x90\x00" + bytes(90))
    with pytest.raises(ContentForeign, match="Windows program"):
        add(house, "doc2.pdf")


def test_one_title_is_for_one_file(house, folder):
    assert add(house, "doc.pdf", "manual.txt", "--title", "Both").exit_code == 2


def test_with_several_operators_one_is_named(house, folder):
    with house.writing() as connection:
        operators.create(connection, "second", name="Second", simulated=True, at=NOW)
    refused = add(house, "doc.pdf")
    assert refused.exit_code == 2
    assert "--operator: example-cells, second" in refused.stderr
    assert told(add(house, "doc.pdf", "--operator", "second", "--json"))[0]["operator"] == "second"


def test_in_a_new_folder_the_installation_s_operator_owns_it(tmp_path, folder):
    class Empty(Commanded):
        def __init__(self):
            self.engine = migrated(tmp_path)
            self.settings, self.data_dir = Settings(tmp_path), tmp_path
            self.reading = lambda: database.reading(self.engine)
            self.writing = lambda: database.writing(self.engine)

        def now(self):
            return NOW

    arguments = ["add", "doc.pdf", "--kind", "manual", "--language", "de", "--version", "1"]
    empty = Empty()
    done = CliRunner().invoke(
        document.command, [*arguments, "--audience", "public", "--json"], obj=empty, catch_exceptions=False
    )
    assert told(done)[0]["operator"] == "operator"
    empty.engine.dispose()


def test_everything_about_a_document_is_shown_by_its_name(house, folder):
    add(house, "manual.txt", "--title", "Betriebsanleitung")
    shown = run(house, "show", "manual.txt")
    assert "title          Betriebsanleitung\n" in shown.stdout
    assert "withdrawn" not in shown.stdout
    with pytest.raises(DocumentUnknown, match=r"did you mean 'manual\.txt'"):
        run(house, "show", "manul.txt")


def test_a_document_comes_out_as_it_went_in(house, folder):
    add(house, "doc.pdf")
    assert run(house, "get", "doc.pdf", "-o", "out.pdf").exit_code == 0
    assert (folder / "out.pdf").read_bytes() == (folder / "doc.pdf").read_bytes()
    assert run(house, "get", "doc.pdf", "-o", "-").stdout_bytes == (folder / "doc.pdf").read_bytes()


def test_a_newer_edition_takes_the_place_and_the_old_one_is_withdrawn_by_its_id(house, folder):
    first = told(add(house, "manual.txt", "--json"))[0]
    (folder / "manual.txt").write_bytes(b"Anleitung 2\n")
    second = told(add(house, "manual.txt", "--supersedes", first["id"], "--json"))[0]
    assert second["supersedes"] == first["id"]
    with pytest.raises(DocumentAmbiguous, match=first["id"]):
        run(house, "withdraw", "manual.txt", "--why", "old")
    with pytest.raises(DocumentAmbiguous, match=first["id"]):
        run(house, "get", "manual.txt", "-o", "x")
    gone = told(run(house, "withdraw", first["id"], "--why", "old", "--erase", "--json"))[0]
    assert (gone["withdrawn_why"], gone["erased"]) == ("old", True)
    assert [one["id"] for one in told(run(house, "list", "--json"))] == [second["id"]]
    assert "(withdrawn: old)" in run(house, "list", "--all").stdout
    with pytest.raises(Conflict, match="was withdrawn on"):
        run(house, "withdraw", first["id"], "--why", "again")


def test_acts_and_restricted_reads_are_written_down(house, folder):
    edition = told(add(house, "doc.pdf", "--json", kind="test_report", audience="authorities"))[0]
    run(house, "get", "doc.pdf", "-o", "x.pdf")
    run(house, "withdraw", "doc.pdf", "--why", "wrong")
    rows = told(run(house, "--json", command=audit.command))
    assert [row["action"] for row in rows] == ["document withdraw", "document get", "document add"]
    assert all(row["detail"].startswith(edition["id"]) for row in rows)


@pytest.fixture
def named(house, folder):
    """A battery whose records name a public, a restricted and a withdrawn document, and one elsewhere."""
    (folder / "report.txt").write_bytes(b"UN 38.3: passed\n")
    (folder / "waste.txt").write_bytes(b"Bring it back.\n")
    declaration = told(add(house, "doc.pdf", "--json", "--title", "Declaration"))[0]
    report = told(add(house, "report.txt", "--json", audience="authorities"))[0]
    waste = told(add(house, "waste.txt", "--json"))[0]
    run(house, "withdraw", waste["id"], "--why", "old address")
    battery = house.battery(
        eu_declaration_of_conformity=declaration["address"],
        test_reports=[report["address"]],
        waste_prevention_info=waste["address"],
        separate_collection_symbol="https://cells.example/symbol.png",
    )
    return battery, declaration, report, waste


def test_an_export_has_what_its_audience_may_read_and_says_what_it_has_not(house, folder, named):
    battery, declaration, report, waste = named
    for audience, files_of in (
        ("public", {"doc.pdf"}),
        ("legitimate_interest", {"doc.pdf"}),
        ("authority", {"doc.pdf", "report.txt"}),
    ):
        out = folder / audience
        lines = told(
            run(house, "export", "--battery", battery.id, "--audience", audience, "-o", str(out), "--json")
        )
        states = {one["sha256"]: one["state"] for one in lines}
        assert states.get(report["sha256"]) == ("included" if audience == "authority" else None)
        assert (states[declaration["sha256"]], states[waste["sha256"]]) == ("included", "withdrawn")
        names = {path.name.partition("-")[2] for path in out.iterdir() if "-" in path.name}
        assert names == files_of
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["documents"] == lines
        assert manifest["format"] == "cellpass-documents/1"
        assert [one["why"] for one in lines if one["state"] == "withdrawn"] == ["old address"]
        for line in (out / "SHA256SUMS").read_text().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    rows = told(run(house, "--json", command=audit.command))
    assert [row["audience"] for row in rows if row["detail"] == "documents"] == [
        "authority",
        "legitimate_interest",
    ]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this system")
def test_the_list_of_digests_is_one_that_sha256sum_checks(house, folder, named):
    run(house, "export", "--battery", named[0].id, "-o", "out")
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder / "out", check=True, capture_output=True)
    (victim,) = (folder / "out").glob("*-doc.pdf")
    victim.write_bytes(victim.read_bytes() + b"x")
    failed = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder / "out", check=False, capture_output=True
    )
    assert failed.returncode == 1


def test_an_archive_has_the_same_files_and_the_same_bytes_twice(house, folder, named):
    battery = named[0]
    for name in ("a.zip", "b.zip"):
        assert run(house, "export", "--battery", battery.id, "-o", name).exit_code == 0
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()
    with zipfile.ZipFile(folder / "a.zip") as archive:
        assert {name.partition("-")[2] or name for name in archive.namelist()} == {
            "doc.pdf",
            "manifest.json",
            "SHA256SUMS",
        }


def test_nothing_is_overwritten_by_an_export(house, folder, named):
    assert run(house, "export", "--battery", named[0].id, "-o", str(folder)).exit_code == 2


def test_page_and_paper_of_the_command_line_name_documents_too(house, folder, named):
    battery, _, report, _ = named
    done = run(house, battery.id, "--audience", "authority", "-o", "p.html", command=page.command)
    assert done.exit_code == 0
    assert "report (de, version 1)" in (folder / "p.html").read_text()
    for audience in ("public", "authority"):
        done = run(house, battery.id, "--audience", audience, "-o", "p.pdf", command=pdf.command)
        assert done.exit_code == 0, done.output
        with pikepdf.open(io.BytesIO((folder / "p.pdf").read_bytes())) as opened:
            links = {str(one.get("/Title", "")) for one in _outline(opened)}
        assert "Documents" in links
        assert ("report" in links) is (audience == "authority")
    assert report["kind"] == "manual"


def _outline(opened):
    """Entries of the outline, at any depth; every heading of a paper is one."""
    waiting = [opened.Root.Outlines.First]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [one[key] for key in ("/First", "/Next") if key in one]


def test_the_service_takes_its_own_compliance_pdf(house, folder, named):
    assert run(house, named[0].id, "-o", "p.pdf", command=pdf.command).exit_code == 0
    (line,) = told(add(house, "p.pdf", "--json", kind="other", language="en"))
    assert line["about"].endswith("2 attachments")
    assert line["operator"] == OPERATOR
