"""The document store: bytes once, editions for ever, names that mean one thing or are refused."""

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from passport.active_content.check import check
from passport.commands import document as document_command
from passport.errors import (
    Conflict,
    DocumentAmbiguous,
    DocumentUnknown,
    DocumentWithdrawn,
    InputRefused,
    NotFound,
)
from passport.ledger import database, operators, papers
from passport.ledger.papers import Kind
from schemas.terms import Disclosure
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "https://id.example.com"
MANUAL = check(b"Anleitung\n")
REPORT = check(b"Report\n")
_SECONDS = count()


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder with the tables and two operators, made once: migrations take longer than most tests."""
    folder = tmp_path_factory.mktemp("ready")
    made = migrated(folder)
    with database.writing(made) as connection:
        for name in ("first", "second"):
            operators.create(connection, name, name=name.title(), simulated=False, at=NOW)
    made.dispose()
    return folder


@pytest.fixture
def engine(ready, tmp_path):
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    made = database.open_database(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine):
    with database.writing(engine) as opened:
        yield opened


def put(connection, paper=MANUAL, **changes):
    given = {
        "operator": "first",
        "kind": Kind.MANUAL,
        "title": "Manual",
        "language": "de",
        "version": "3",
        "disclosure": Disclosure.PUBLIC,
        "file_name": "manual.txt",
        "at": NOW + timedelta(seconds=next(_SECONDS)),
        "by": "test",
    }
    return papers.put(connection, paper, **(given | changes))


def withdraw(connection, edition, **changes):
    return papers.withdraw(connection, edition.id, **({"why": "wrong", "at": NOW, "by": "test"} | changes))


def test_what_was_put_is_read_back(connection):
    edition = put(connection)
    assert papers.editions(connection, MANUAL.sha256) == [edition]
    assert papers.content(connection, MANUAL.sha256) == b"Anleitung\n"
    assert (edition.words, edition.about, edition.size) == ("Manual (de, version 3)", "text, 1 line", 10)


def test_the_same_bytes_are_stored_once_however_often_they_come(connection):
    first = put(connection)
    assert put(connection) == first
    put(connection, operator="second", disclosure=Disclosure.AUTHORITIES)
    put(connection, language="en")
    assert connection.exec_driver_sql("SELECT count(*) FROM document").scalar() == 1
    assert len(papers.editions(connection, MANUAL.sha256)) == 3


def test_an_audience_is_not_widened_by_bringing_the_bytes_again(connection):
    closed = put(connection, disclosure=Disclosure.AUTHORITIES)
    with pytest.raises(Conflict, match=f"document withdraw {closed.id}"):
        put(connection, disclosure=Disclosure.PUBLIC)
    withdraw(connection, closed, why="may be public now")
    assert put(connection, disclosure=Disclosure.PUBLIC).disclosure is Disclosure.PUBLIC


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"title": "a\nb"},
        {"title": "a\u202eb"},
        {"title": "x" * 301},
        {"version": ""},
        {"language": "German"},
        {"language": "DE"},
        {"file_name": "/"},
        {"file_name": "x" * 201},
    ],
)
def test_what_is_said_of_a_document_has_a_form(connection, changes):
    with pytest.raises(InputRefused, match="document's"):
        put(connection, **changes)
    assert connection.exec_driver_sql("SELECT count(*) FROM document").scalar() == 0


def test_a_file_name_is_kept_without_folders(connection):
    assert put(connection, file_name="C:\\docs\\../manual.txt").file_name == "manual.txt"


def test_an_unknown_operator_or_predecessor_is_said(connection):
    with pytest.raises(NotFound, match="no operator"):
        put(connection, operator="nobody")
    with pytest.raises(NotFound, match="no edition"):
        put(connection, supersedes="A" * 16)
    other = put(connection, operator="second")
    with pytest.raises(NotFound, match="first has no edition"):
        put(connection, REPORT, supersedes=other.id)


def test_a_name_a_digest_an_id_and_an_address_all_mean_the_document(connection):
    edition = put(connection, file_name="Anleitung für Träger.txt")
    there = f"{URL}/d/{MANUAL.sha256}"
    names = [
        "Anleitung für Träger.txt",
        " Anleitung fu\u0308r Tra\u0308ger.txt ",  # as some systems spell it
        MANUAL.sha256,
        MANUAL.sha256.upper(),
        f"sha256:{MANUAL.sha256}",
        there,
        there.replace("https://id.example.com", "HTTPS://ID.EXAMPLE.COM"),
        edition.id,
        edition.id.lower(),
    ]
    for name in names:
        assert papers.address_of(connection, name, URL) == there, name


def test_an_address_elsewhere_stays_as_it_is(connection):
    for name in (
        "https://cells.example/a.pdf",
        "https://other.example/d/" + "a" * 64,
        "urn:isbn:9780000000002",
    ):
        assert papers.address_of(connection, name, URL) == name


@pytest.mark.parametrize(
    "name",
    [
        "manuel.txt",
        "",
        "A" * 16,
        "b" * 64,
        "sha256:" + "b" * 64,
        f"{URL}/d/{'b' * 64}",
        f"{URL}/d/{MANUAL.sha256}?x=1",
        f"{URL}/d/../{MANUAL.sha256}",
        f"{URL}/d/manual.txt",
        "%",
        "manual%",
    ],
)
def test_an_unknown_name_is_a_typed_refusal(connection, name):
    put(connection)
    with pytest.raises(DocumentUnknown, match="expected the name of a file"):
        papers.address_of(connection, name, URL)


def test_a_slip_of_the_pen_is_shown_what_is_spelt_alike(connection):
    put(connection)
    with pytest.raises(DocumentUnknown, match=r"did you mean 'manual\.txt'\?"):
        papers.address_of(connection, "manual.tx", URL)


def test_a_name_of_two_documents_is_refused_and_both_are_listed(connection):
    put(connection)
    put(connection, REPORT)
    with pytest.raises(DocumentAmbiguous) as refused:
        papers.address_of(connection, "manual.txt", URL)
    assert MANUAL.sha256 in str(refused.value)
    assert REPORT.sha256 in str(refused.value)


def test_operators_do_not_stand_in_each_other_s_way(connection):
    put(connection)
    put(connection, REPORT, operator="second")
    assert papers.address_of(connection, "manual.txt", URL, operator="second").endswith(REPORT.sha256)
    with pytest.raises(DocumentUnknown):
        papers.address_of(connection, MANUAL.sha256, URL, operator="second")


def test_a_name_means_the_edition_that_no_other_takes_the_place_of(connection):
    first = put(connection)
    second = put(connection, REPORT, version="4", supersedes=first.id)
    assert papers.address_of(connection, "manual.txt", URL).endswith(REPORT.sha256)
    withdraw(connection, second)
    assert papers.address_of(connection, "manual.txt", URL).endswith(MANUAL.sha256)


def test_the_successor_is_found_over_steps_that_a_reader_may_not_read(connection):
    first = put(connection)
    second = put(connection, REPORT, supersedes=first.id, disclosure=Disclosure.AUTHORITIES)
    third = put(connection, check(b"third\n"), supersedes=second.id)
    assert papers.successor(connection, first, [Disclosure.PUBLIC]) == third
    assert papers.successor(connection, first, [Disclosure.AUTHORITIES]) == second
    withdraw(connection, third)
    assert papers.successor(connection, first, [Disclosure.PUBLIC]) is None


def test_a_withdrawn_document_is_told_and_stays(connection):
    edition = put(connection)
    gone = withdraw(connection, edition, why="page 4")
    assert (gone.withdrawn_at, gone.withdrawn_why) == (NOW, "page 4")
    assert papers.every(connection) == []
    assert papers.every(connection, withdrawn=True) == [gone]
    with pytest.raises(DocumentWithdrawn, match="page 4"):
        papers.address_of(connection, "manual.txt", URL)
    with pytest.raises(Conflict, match="was withdrawn on"):
        withdraw(connection, edition)
    assert papers.content(connection, MANUAL.sha256) == b"Anleitung\n"


@pytest.mark.parametrize("why", ["", " ", "x" * 501, "a\x00b"])
def test_a_withdrawal_needs_a_reason(connection, why):
    with pytest.raises(InputRefused, match="reason"):
        withdraw(connection, put(connection), why=why)


def test_erased_bytes_are_gone_from_the_file_and_their_digest_stays(engine, tmp_path):
    secret = check(b"Erika Mustermann " * 3_000)
    with database.writing(engine) as connection:
        edition = put(connection, secret)
        other = put(connection, secret, operator="second")
        with pytest.raises(Conflict, match="still served"):
            withdraw(connection, edition, erase=True)
    with database.writing(engine) as connection:
        withdraw(connection, other)
        assert withdraw(connection, edition, erase=True).erased
        with pytest.raises(DocumentWithdrawn, match="erased"):
            papers.content(connection, secret.sha256)
    with database.reading(engine) as connection:
        assert papers.editions(connection, secret.sha256)[0].title == "Manual"
    engine.dispose()
    plain = sqlite3.connect(tmp_path / database.FILE_NAME)
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    assert b"Erika Mustermann" not in (tmp_path / database.FILE_NAME).read_bytes()


def test_erased_bytes_may_be_brought_again(connection):
    withdraw(connection, put(connection), erase=True)
    put(connection)
    assert papers.content(connection, MANUAL.sha256) == b"Anleitung\n"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM document",
        "UPDATE document SET content = x'00'",
        "UPDATE document SET sha256 = 'a'",
        "UPDATE document SET media_type = 'text/html'",
        "UPDATE document SET content = NULL, size = 1",
    ],
)
def test_bytes_are_never_exchanged_for_others(connection, statement):
    put(connection)
    with pytest.raises(IntegrityError, match="document: "):
        connection.exec_driver_sql(statement)


def test_a_copy_of_the_database_has_the_documents(engine, tmp_path):
    with database.writing(engine) as connection:
        edition = put(connection)
    (tmp_path / "copy").mkdir()
    source = sqlite3.connect(tmp_path / database.FILE_NAME)
    target = sqlite3.connect(tmp_path / "copy" / database.FILE_NAME)
    source.backup(target)
    source.close()
    target.close()
    restored = database.open_database(tmp_path / "copy", readonly=True)
    with database.reading(restored) as connection:
        assert papers.every(connection) == [edition]
        assert papers.content(connection, edition.sha256) == b"Anleitung\n"
    restored.dispose()


def test_the_command_knows_the_same_kinds():
    assert tuple(kind.value for kind in Kind) == document_command.KINDS


def test_the_store_lets_nothing_in_that_was_not_checked():
    source = Path(papers.__file__).read_text(encoding="utf-8")
    assert source.count("INSERT INTO document (") == 1
    assert source.count("SET content = ?") == 1


@settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(max_size=90) | st.builds(lambda text: f"{URL}/d/{text}", st.text(max_size=70)))
def test_any_name_is_an_address_or_a_typed_refusal(connection, name):
    put(connection)
    try:
        there = papers.address_of(connection, name, URL)
    except InputRefused:
        there = ""
    assert not there or ":" in there
