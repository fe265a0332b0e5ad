"""The database: what is durable, what is refused, what the migrations make."""

import sqlite3
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from passport.errors import StoreUnavailable
from passport.ledger import batteries, database, tables
from tests.databases import migrated


@pytest.fixture
def engine(tmp_path):
    made = database.open_database(tmp_path)
    database.upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def copied(tmp_path):
    made = migrated(tmp_path)
    yield made
    made.dispose()


def pragma(engine: Engine, name: str):
    with database.reading(engine) as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_commit_that_returned_is_on_disk(engine):
    assert pragma(engine, "journal_mode") == "wal"
    assert pragma(engine, "synchronous") == 2  # FULL
    assert pragma(engine, "secure_delete") == 1


def test_migrated_tables_equal_the_declared_ones(engine):
    def ours(_object, name, kind, _reflected, _other):
        return kind != "table" or name in tables.NAMES

    with database.reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "version_table": database.VERSION_TABLE}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_newest_revision_is_the_one_that_start_looks_for():
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [database.HEAD]


def test_upgrading_twice_changes_nothing(engine):
    database.upgrade(engine)
    with database.reading(engine) as connection:
        assert database.revision(connection) == database.HEAD


def test_two_processes_may_upgrade_at_once(tmp_path):
    engines = [database.open_database(tmp_path) for _ in range(4)]
    failures: list[BaseException] = []

    def run(one: Engine) -> None:
        try:
            database.upgrade(one)
        except BaseException as error:  # noqa: BLE001 - handed to the assertion
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in engines:
        one.dispose()
    assert failures == []


ROWS = {
    "fixed": "INSERT INTO fixed VALUES ('a', 'b', 't')",
    "declaration": "INSERT INTO declaration VALUES ('B', 1, 't', 'x', '{}', NULL)",
    "product_declaration": "INSERT INTO product_declaration VALUES ('P', 1, 't', 'x', '{}', NULL)",
    "offer": "INSERT INTO offer VALUES ('B', 1, 'O', 't', 'd', NULL, NULL)",
    "inspection": "INSERT INTO inspection VALUES ('B', 'd', 'kid', 't', 't', 'jws')",
    "commissioning_statement": (
        "INSERT INTO commissioning_statement VALUES ('B', 's', '', 't', 'opened', 'jws')"
    ),
    "life_event": "INSERT INTO life_event VALUES ('B', 1, 't', 't', 'waste', 'x', 'waste', NULL, '{}')",
    "life_link": (
        "INSERT INTO life_link VALUES ('B', 'successor', 'u', 'C', 'repurposing', NULL, NULL, NULL, 't')"
    ),
    "handover_offer": "INSERT INTO handover_offer VALUES ('B', 'h', 'a', 'b', 'importer', 't', 't', 'jws')",
    "handover_end": "INSERT INTO handover_end VALUES ('B', 'h', 'acceptance', 't', 'jws')",
    "learned": "INSERT INTO learned VALUES ('o', 'calibration', '', 1, 'ab', 't', '{}')",
    "status_snapshot": "INSERT INTO status_snapshot VALUES ('B', 1, 'waste', 't', 'waste', '{}')",
    "version": (
        "INSERT INTO version VALUES"
        " ('B', 'passport', 1, 'R', 'o', 'k', 'v', 't', NULL, 'ab', 'jwt', 0, 0, 0, 0, NULL, 0)"
    ),
    "log_leaf": "INSERT INTO log_leaf VALUES ('o', 0, 'h', 'B', 'passport', 1)",
    "log_node": "INSERT INTO log_node VALUES ('o', 1, 0, 'h')",
    "checkpoint": "INSERT INTO checkpoint VALUES ('o', 1, 'r', 'n', 't')",
    "document_edition": (
        "INSERT INTO document_edition VALUES"
        " ('E', 'o', 'ab', 'manual', 't', 'en', '1', 'public', 'a.pdf', NULL, 't', 'b')"
    ),
    "document_withdrawal": "INSERT INTO document_withdrawal VALUES (1, 'E', 't', 'b', 'w')",
    "audit": "INSERT INTO audit VALUES (NULL, 't', 'a', 'b', NULL, NULL, NULL, '')",
    "registration": (
        "INSERT INTO registration VALUES ('B', 'o', 'u', 'r', NULL, 'stated', 'R', 1, 'ab', '{}', 't')"
    ),
    "registration_proof": (
        "INSERT INTO registration_proof VALUES ('B', 1, 'r', 'm', 'c', 'ab', 'file', 't', NULL)"
    ),
}


def test_every_append_only_table_has_a_row_to_try():
    assert set(ROWS) == set(tables.APPEND_ONLY)


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_history_refuses_to_be_changed(copied, table, verb):
    with database.writing(copied) as connection:
        connection.exec_driver_sql(ROWS[table])
        column = next(iter(connection.exec_driver_sql(f"SELECT * FROM {table}").keys()))
    with pytest.raises(IntegrityError, match="append-only"), database.writing(copied) as connection:
        connection.exec_driver_sql(verb.format(table, column))


def test_what_raises_is_undone(engine):
    with pytest.raises(RuntimeError, match="stop"), database.writing(engine) as connection:
        connection.exec_driver_sql(ROWS["fixed"])
        raise RuntimeError("stop")
    with database.reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM fixed").scalar() == 0


def test_a_full_disk_is_said_and_reading_goes_on(engine):
    with database.writing(engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql(ROWS["fixed"])
    with (
        pytest.raises(StoreUnavailable, match="disk is full"),
        database.writing(engine) as connection,
    ):
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql("INSERT INTO fixed VALUES ('big', ?, 't')", ("x" * 1_000_000,))
    with database.reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT name FROM fixed").scalars().all() == ["a"]


def test_a_reader_cannot_write(engine, tmp_path):
    reader = database.open_database(tmp_path, readonly=True)
    with pytest.raises(StoreUnavailable, match="read-only"), database.writing(reader) as connection:
        connection.exec_driver_sql(ROWS["fixed"])
    reader.dispose()


def test_a_missing_file_is_said_to_a_reader(tmp_path):
    reader = database.open_database(tmp_path, readonly=True)
    with pytest.raises(StoreUnavailable, match="cannot be opened"), database.reading(reader):
        pass


def test_a_lock_that_never_ends_is_said(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    other = database.open_database(tmp_path)
    holder = sqlite3.connect(tmp_path / database.FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process"), database.writing(other):
        pass
    holder.execute("ROLLBACK")
    holder.close()
    other.dispose()


def test_a_read_sees_one_moment(engine):
    with database.reading(engine) as before:
        assert before.exec_driver_sql("SELECT count(*) FROM fixed").scalar() == 0
        with database.writing(engine) as writer:
            writer.exec_driver_sql(ROWS["fixed"])
        assert before.exec_driver_sql("SELECT count(*) FROM fixed").scalar() == 0
    with database.reading(engine) as after:
        assert after.exec_driver_sql("SELECT count(*) FROM fixed").scalar() == 1


@pytest.mark.parametrize("name", ["50% full", "a?b", "c#d", "ü ö"])
def test_a_folder_may_have_any_name(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    made = database.open_database(folder)
    database.upgrade(made)
    made.dispose()
    assert (folder / database.FILE_NAME).is_file()


def test_a_folder_of_the_first_release_is_brought_forward_with_its_rows(tmp_path):
    engine = database.open_database(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with database.writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO battery (id, passport_id, operator, identifier, category, placed_on, simulated,"
            " passport_status, notice_revision, created_at) VALUES ('AAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBB',"
            " 'acme', '/01/09520123456788/21/A', 'lmt', NULL, 0, 'Active', 0, '2026-11-20T12:00:00Z')"
        )
        connection.exec_driver_sql(
            "INSERT INTO declaration VALUES ('AAAAAAAAAAAAAAAA', 1, '2026-11-20T12:00:00Z', 'trial',"
            ' CAST(\'{"rated_capacity":"10"}\' AS BLOB))'
        )
        connection.exec_driver_sql(
            "INSERT INTO commissioning VALUES ('AAAAAAAAAAAAAAAA', 'bms-1', '', '2026-11-20T12:00:00Z', NULL)"
        )
    database.upgrade(engine)
    with database.reading(engine) as connection:
        assert database.revision(connection) == database.HEAD
        found = batteries.by_identifier(connection, "/01/09520123456788/21/A")
        assert found is not None
        assert (found.model, found.batch) == (None, None)
        assert batteries.facts(connection, found.id) == {"rated_capacity": Decimal(10)}
        assert batteries.bound(connection, "bms-1") == {None: found.id}
    engine.dispose()
