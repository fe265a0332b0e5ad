"""Promises of intake under real trouble: killed processes and a disk that is full."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from ingest import journal
from ingest.errors import IngestError, JournalUnavailable
from passport.errors import PassportError, StoreUnavailable
from passport.ledger.database import open_database, reading, writing
from schemas.samples import Column, ColumnKey, Samples

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BATCHES = 12
ROWS = 50

# A sender's opposite: accepts batches 0..n in order and prints each number once its receipt may leave.
INTAKE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.functional.test_intake_kill import accept_batch
from passport.ledger.database import open_database
engine = open_database(Path(sys.argv[1]))
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    receipt = accept_batch(engine, number)
    print(number, receipt.accepted, receipt.duplicates, receipt.contiguous, flush=True)
"""


def batch(number: int, *, noise: int = 0) -> Samples:
    sequence = np.arange(1 + number * ROWS, 1 + (number + 1) * ROWS, dtype=np.int64)
    everywhere = np.ones(ROWS, np.bool_)
    values = sequence * 37 % 5000
    if noise:
        values = np.random.default_rng(number).integers(0, noise, ROWS)
    columns = {ColumnKey("current"): Column(values, everywhere, -3)}
    return Samples(sequence, 1_770_000_000_000 + sequence * 1000, everywhere, columns)


def accept_batch(engine: Engine, number: int, *, noise: int = 0) -> journal.Receipt:
    with journal.intake(lambda: writing(engine), received_at=NOW) as connection:
        return journal.accept(
            connection,
            battery="B",
            source="bms",
            epoch="1",
            samples=batch(number, noise=noise),
            received_at=NOW,
        )


def run(folder: Path, first: int, last: int, crash: str | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("CELLPASS_CRASH_AT", None)
    if crash:
        environment["CELLPASS_CRASH_AT"] = crash
    return subprocess.Popen(
        [sys.executable, "-c", INTAKE, str(folder), str(ROOT), str(first), str(last)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def stored_numbers(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        chunks = journal.stored_chunks(connection, "B")
    return [number for chunk in chunks for number in chunk.samples.sequence.tolist()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    engine = open_database(tmp_path)
    journal.upgrade(engine)
    engine.dispose()
    return tmp_path


@pytest.mark.parametrize(
    ("point", "kept"),
    [("intake.before_insert", False), ("intake.before_commit", False), ("intake.before_answer", True)],
)
def test_a_kill_at_each_named_step_leaves_all_or_nothing_of_a_batch(folder, point, kept):
    process = run(folder, 0, 1, crash=point)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert output == ""  # nothing was acknowledged
    engine = open_database(folder)
    assert stored_numbers(engine) == (list(range(1, ROWS + 1)) if kept else [])
    again = accept_batch(engine, 0)
    assert (again.accepted, again.duplicates) == ((0, ROWS) if kept else (ROWS, 0))
    assert again.contiguous == ROWS
    assert stored_numbers(engine) == list(range(1, ROWS + 1))
    engine.dispose()


def test_every_step_is_tested():
    assert journal.CRASH_POINTS == ("intake.before_insert", "intake.before_commit", "intake.before_answer")


def kill_at_random_and_send_again(folder: Path, kills: int, seed: int) -> None:
    dice = random.Random(seed)
    acknowledged: set[int] = set()
    duplicates = 0
    for _ in range(kills):
        first = max(acknowledged, default=-1) + 1
        process = run(folder, first, first + BATCHES)
        assert process.stdout is not None
        wanted = dice.randrange(1, BATCHES)
        for line in process.stdout:
            number, _, again, _ = line.split()
            acknowledged.add(int(number))
            duplicates += int(again)
            wanted -= 1
            if not wanted:
                break
        process.kill()
        rest, _ = process.communicate(timeout=60)
        # What the pipe still held was sent before the kill: acknowledged as well.
        acknowledged |= {int(line.split()[0]) for line in rest.splitlines() if len(line.split()) == 4}
    engine = open_database(folder)
    stored = set(stored_numbers(engine))
    for number in acknowledged:
        assert stored >= set(batch(number).sequence.tolist()), f"batch {number} was acknowledged and is lost"
    assert len(stored) % ROWS == 0, "half a batch is stored"
    engine.dispose()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed_at_random(folder):
    kill_at_random_and_send_again(folder, kills=4, seed=1)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_in_a_hundred_kills(folder):
    kill_at_random_and_send_again(folder, kills=100, seed=2)


def test_a_commit_that_returned_is_on_disk(folder):
    """synchronous is 2 (FULL) on the very connection that writes."""
    engine = open_database(folder)
    with writing(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, where the machine lets us make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(engine: Engine) -> list[int]:
    """Accept noisy batches until one is refused; the numbers that were acknowledged."""
    acknowledged = []
    for number in range(100_000):
        try:
            accept_batch(engine, number, noise=2**60)
        except (JournalUnavailable, StoreUnavailable):
            return acknowledged
        acknowledged.append(number)
    raise AssertionError("the disk never filled")


def check_full_and_recovered(engine: Engine, acknowledged: list[int], *, wide: object) -> None:
    assert acknowledged
    whole = [n for number in acknowledged for n in batch(number).sequence.tolist()]
    assert stored_numbers(engine) == whole
    with pytest.raises((IngestError, PassportError), match="full"):
        accept_batch(engine, len(acknowledged), noise=2**60)
    assert callable(wide)
    wide()
    assert accept_batch(engine, len(acknowledged), noise=2**60).accepted == ROWS
    assert accept_batch(engine, 0, noise=2**60).duplicates == ROWS
    assert stored_numbers(engine) == [*whole, *batch(len(acknowledged)).sequence.tolist()]


def test_a_full_disk_refuses_whole_batches_and_recovers_without_help(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    engine = open_database(small_disk)
    journal.upgrade(engine)
    acknowledged = fill(engine)
    check_full_and_recovered(engine, acknowledged, wide=ballast.unlink)
    engine.dispose()


def test_a_database_at_its_size_limit_refuses_whole_batches_and_recovers(folder):
    engine = open_database(folder)
    with reading(engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def limit(extra: int) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + extra}")

    limit(40)
    acknowledged = fill(engine)
    check_full_and_recovered(engine, acknowledged, wide=lambda: limit(100_000))
    engine.dispose()


def test_a_read_only_database_is_told_as_such(folder):
    engine = open_database(folder, readonly=True)
    with pytest.raises((IngestError, PassportError), match=r"read-only|cannot be opened"):
        accept_batch(engine, 0)
    engine.dispose()


def test_a_refused_conflict_is_written_down_although_the_batch_is_undone(folder):
    engine = open_database(folder)
    accept_batch(engine, 0)
    for _ in range(2):
        with pytest.raises(journal.OtherContent, match="number 1 "):
            accept_batch(engine, 0, noise=9)
    with reading(engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT battery, source, epoch, sequence, columns FROM intake_conflict"
        ).all()
    assert [tuple(row) for row in rows] == [("B", "bms", "1", 1, "current")]
    assert (
        hashlib.sha256(bytes(stored_numbers(engine))).digest() == hashlib.sha256(bytes(range(1, 51))).digest()
    )
    engine.dispose()
