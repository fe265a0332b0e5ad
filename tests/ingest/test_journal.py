"""The journal: each row once, whatever way it was cut; what is refused is refused whole."""

from datetime import UTC, datetime

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

from ingest import journal, tables
from ingest.errors import EnvelopeRefused, SequenceConflict
from ingest.journal import database, rows
from schemas.samples import Column, ColumnKey, Note, Samples

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = 1_770_000_000_000
FILE_A, FILE_B, FILE_C = ("sha256:" + digit * 64 for digit in "abc")


@pytest.fixture
def connection():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as opened:
        journal.upgrade(opened)
        opened.commit()
        yield opened
    engine.dispose()


def readings(*numbers: int, start: int = START, absolute: bool = True, **columns) -> Samples:
    """One row a second; the current is the row's number in mA."""
    sequence = np.array(numbers, np.int64)
    everywhere = np.ones(len(sequence), np.bool_)
    found = {ColumnKey("current"): Column(sequence.copy(), everywhere, -3)}
    return Samples(sequence, start + sequence * 1000, everywhere, found, (), absolute, **columns)


def accept(connection, samples, *, source="bms", epoch="1", battery="B"):
    return journal.accept(
        connection, battery=battery, source=source, epoch=epoch, samples=samples, received_at=NOW
    )


def numbers(connection) -> list[list[int]]:
    return [chunk.samples.sequence.tolist() for chunk in journal.stored_chunks(connection, "B")]


def test_a_receipt_counts_what_is_new_and_how_far_nothing_is_missing(connection):
    receipt = accept(connection, readings(*range(1, 11)))
    assert (receipt.accepted, receipt.duplicates, receipt.contiguous) == (10, 0, 10)
    assert len(receipt.digest) == 64


def test_the_same_batch_again_is_acknowledged_and_stores_nothing(connection):
    first = accept(connection, readings(1, 2, 3))
    again = accept(connection, readings(1, 2, 3))
    assert (again.accepted, again.duplicates, again.contiguous) == (0, 3, 3)
    assert again.digest == first.digest
    assert numbers(connection) == [[1, 2, 3]]


def test_an_overlap_is_cut_out_around_what_is_stored(connection):
    accept(connection, readings(4, 5, 6))
    receipt = accept(connection, readings(*range(1, 10)))
    assert (receipt.accepted, receipt.duplicates) == (6, 3)
    assert numbers(connection) == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_rows_that_fall_into_the_holes_of_a_chunk_are_woven_in(connection):
    accept(connection, readings(1, 5, 9))
    accept(connection, readings(3, 7))
    assert [number for part in numbers(connection) for number in part] == [1, 3, 5, 7, 9]
    again = accept(connection, readings(1, 3, 5, 7, 9))
    assert (again.accepted, again.duplicates) == (0, 5)


def test_the_receipt_does_not_promise_beyond_a_hole(connection):
    assert accept(connection, readings(51, 52)).contiguous is None
    assert accept(connection, readings(1, 2, 3)).contiguous == 3
    assert accept(connection, readings(*range(4, 51))).contiguous == 52
    assert accept(connection, readings(54, 55)).contiguous == 52
    assert accept(connection, readings(52, 53, 54)).contiguous == 55


def test_numbers_may_begin_with_nought(connection):
    assert accept(connection, readings(0, 1, 2)).contiguous == 2


def test_a_hole_inside_a_batch_is_seen(connection):
    assert accept(connection, readings(1, 2, 4, 5)).contiguous == 2
    assert accept(connection, readings(3)).contiguous == 5


def test_other_content_under_a_number_is_refused_and_the_first_stays(connection):
    accept(connection, readings(1, 2, 3))
    other = readings(3, 4)
    other.columns[ColumnKey("current")].values[0] = 99
    with pytest.raises(SequenceConflict, match=r"number 3 \(differs in: current\)"):
        accept(connection, other)
    assert numbers(connection) == [[1, 2, 3]]


def test_another_time_under_a_number_is_other_content(connection):
    accept(connection, readings(1, 2, 3))
    with pytest.raises(SequenceConflict, match="differs in: time"):
        accept(connection, readings(2, 3, 4, start=START + 1))


def test_another_doubt_or_text_under_a_number_is_other_content(connection):
    accept(connection, readings(1, 2, 3))
    samples = readings(3, 4)
    doubted = Samples(
        samples.sequence, samples.time_ms, samples.timed, samples.columns, (Note(3, "alarm", "over_current"),)
    )
    with pytest.raises(SequenceConflict, match="differs in: alarm"):
        accept(connection, doubted)


def test_the_same_value_at_a_finer_scale_is_the_same_content(connection):
    accept(connection, readings(1, 2, 3))
    samples = readings(2, 3, 4)
    finer = {ColumnKey("current"): Column(samples.sequence * 10, samples.timed, -4)}
    receipt = accept(connection, Samples(samples.sequence, samples.time_ms, samples.timed, finer))
    assert (receipt.accepted, receipt.duplicates) == (1, 2)


def test_a_missing_column_says_the_same_as_one_without_values(connection):
    samples = readings(1, 2, 3)
    empty = Column(np.zeros(3, np.int64), np.zeros(3, np.bool_), -3)
    with_empty = {**samples.columns, ColumnKey("voltage"): empty}
    accept(connection, samples)
    again = accept(connection, Samples(samples.sequence, samples.time_ms, samples.timed, with_empty))
    assert again.duplicates == 3


def test_batteries_sources_and_epochs_number_their_rows_apart(connection):
    for battery, source, epoch in [
        ("B", "bms", "1"),
        ("C", "bms", "1"),
        ("B", "other", "1"),
        ("B", "bms", "2"),
    ]:
        receipt = accept(connection, readings(1, 2), battery=battery, source=source, epoch=epoch)
        assert receipt.accepted == 2


def test_runs_are_folded_by_number_and_files_by_their_earliest_time(connection):
    for epoch, start in [("10", START), (FILE_A, START + 9000), ("9", START + 50_000), (FILE_B, START)]:
        accept(connection, readings(1, 2, start=start), epoch=epoch)
    accept(connection, readings(1, 2, start=0, absolute=False), epoch=FILE_C)
    accept(connection, readings(1, start=START), epoch="3", source="a second one")
    assert journal.epoch_order(connection, "B") == (
        ("a second one", "3", 1),
        ("bms", "9", 2),
        ("bms", "10", 2),
        ("bms", FILE_B, 2),
        ("bms", FILE_A, 2),
        ("bms", FILE_C, 2),
    )


def test_the_digest_breaks_the_tie_of_two_files_that_begin_together(connection):
    for epoch in (FILE_B, FILE_A):
        accept(connection, readings(1, 2), epoch=epoch)
    assert [epoch for _, epoch, _ in journal.epoch_order(connection, "B")] == [FILE_A, FILE_B]


def test_chunks_that_came_later_can_be_asked_for(connection):
    accept(connection, readings(1, 2))
    first = journal.stored_chunks(connection, "B")[-1].arrival
    accept(connection, readings(3, 4))
    later = journal.stored_chunks(connection, "B", after_arrival=first)
    assert [chunk.samples.sequence.tolist() for chunk in later] == [[3, 4]]
    assert later[0].arrival > first


def test_compacting_joins_a_day_and_changes_no_row(connection):
    for first in range(1, 100, 10):
        accept(connection, readings(*range(first, first + 10)))
    before = rows.join([chunk.samples for chunk in journal.stored_chunks(connection, "B")])
    newest = max(chunk.arrival for chunk in journal.stored_chunks(connection, "B"))
    assert journal.compact(connection, "B") == 9
    (after,) = journal.stored_chunks(connection, "B")
    assert rows.first_difference(before, after.samples) is None
    assert after.arrival == newest
    assert journal.compact(connection, "B") == 0


def test_compacting_keeps_days_apart(connection):
    accept(connection, readings(1, 2))
    accept(connection, readings(3, 4))
    accept(connection, readings(5, 6, start=START + 86_400_000))
    accept(connection, readings(7, 8, start=START + 86_400_000))
    journal.compact(connection, "B")
    assert numbers(connection) == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_compacted_journal_still_knows_duplicates_and_conflicts(connection):
    accept(connection, readings(1, 2))
    accept(connection, readings(3, 4))
    journal.compact(connection, "B")
    assert accept(connection, readings(3, 4)).duplicates == 2
    assert accept(connection, readings(2, 3)).duplicates == 2
    other = readings(4)
    other.columns[ColumnKey("current")].values[0] = 0
    with pytest.raises(SequenceConflict):
        accept(connection, other)


def test_woven_chunks_are_apart_after_compacting(connection):
    accept(connection, readings(1, 5, 9))
    accept(connection, readings(3, 7))
    journal.compact(connection, "B")
    assert numbers(connection) == [[1, 3, 5, 7, 9]]
    assert accept(connection, readings(1, 2, 3)).accepted == 1


def test_a_batch_larger_than_a_chunk_is_cut(connection, monkeypatch):
    monkeypatch.setattr("ingest.chunks.MAX_ROWS", 4)
    receipt = accept(connection, readings(*range(1, 11)))
    assert (receipt.accepted, receipt.contiguous) == (10, 10)
    assert numbers(connection) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert accept(connection, readings(*range(1, 11))).duplicates == 10


def test_an_empty_batch_is_acknowledged(connection):
    assert accept(connection, readings()).accepted == 0
    assert numbers(connection) == []


@pytest.mark.parametrize("epoch", ["", "01", "-1", "x", "sha256:abc", "sha256:" + "A" * 64, "1" * 30, "1\n"])
def test_an_epoch_that_is_neither_run_nor_file_is_refused(connection, epoch):
    with pytest.raises(EnvelopeRefused, match="an epoch is"):
        accept(connection, readings(1), epoch=epoch)


@pytest.mark.parametrize("source", ["", "x" * 129, "a\nb", "\x00"])
def test_a_source_without_a_proper_name_is_refused(connection, source):
    with pytest.raises(EnvelopeRefused, match="a source is named"):
        accept(connection, readings(1), source=source)


@pytest.mark.parametrize("bad", [(-1, 1), (1, 2**53), (2, 1), (1, 1)])
def test_numbers_out_of_order_or_range_are_refused(connection, bad):
    with pytest.raises(EnvelopeRefused, match="row numbers"):
        accept(connection, readings(*bad))


def test_a_time_beyond_every_calendar_is_refused(connection):
    with pytest.raises(EnvelopeRefused, match="times go from -62135596800000 to 253402300799999 ms"):
        accept(connection, readings(1, start=253_402_300_800_000))


def test_absolute_and_relative_times_do_not_mix_in_an_epoch(connection):
    accept(connection, readings(1))
    with pytest.raises(EnvelopeRefused, match="began with absolute times"):
        accept(connection, readings(2, absolute=False))


def test_the_longest_gap_is_ten_periods_between_a_minute_and_an_hour(connection):
    for source in ("unset", "fast", "usual", "slow"):
        accept(connection, readings(1), source=source)
    for source, period in (("fast", 100), ("usual", 30_000), ("slow", 3_600_000)):
        journal.set_usual_period(connection, battery="B", source=source, period_ms=period)
    assert journal.max_gap_ms(connection, "B") == {
        "unset": 600_000,
        "fast": 60_000,
        "usual": 300_000,
        "slow": 3_600_000,
    }


def test_the_usual_period_of_a_log_is_its_median_step():
    assert journal.usual_period_ms(readings(1, 2, 3, 4, 100)) == 1000
    assert journal.usual_period_ms(readings(1)) is None


def test_the_migrations_make_the_tables_that_the_classes_describe(connection):
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name in tables.NAMES,
            "include_object": lambda _o, name, kind, _r, _c: kind != "table" or name in tables.NAMES,
        },
    )
    assert compare_metadata(context, SQLModel.metadata) == []


def test_the_newest_migration_is_the_one_the_code_expects(connection):
    assert database.revision(connection) == database.HEAD
    journal.upgrade(connection)  # again: nothing to do


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
def test_receipts_and_refusals_are_never_changed(connection, table):
    accept(connection, readings(1, 2))
    other = readings(2)
    other.columns[ColumnKey("current")].values[0] = 0
    with pytest.raises(journal.OtherContent) as caught:
        accept(connection, other)
    journal.note_conflict(connection, caught.value, at=NOW)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET source = 'x'"):
        with pytest.raises(IntegrityError, match="append-only"):
            connection.exec_driver_sql(statement)
