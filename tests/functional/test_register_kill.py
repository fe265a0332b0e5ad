"""A process is killed after every named step of registering; nothing is lost, nothing comes twice."""

import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from passport.errors import NotFound
from passport.ledger import registrations
from passport.union_registry import Word
from passport.union_registry.desk import CRASH_POINTS
from tests.passport.union_registry import stub_registry
from tests.passport.union_registry.offices import office, product

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from types import SimpleNamespace
from tests.passport.union_registry.offices import office
folder, url, lookup, what, *ids = sys.argv[1:]
registry = SimpleNamespace(url=url)
with office(Path(folder), registry, **({} if lookup else {"lookup_path": None})) as at:
    made = [SimpleNamespace(id=one) for one in ids]
    for outcome in (at.fetch if what == "proofs" else at.register)(*made):
        print(outcome, flush=True)
"""


def command(folder, registry, made, *, what="register", lookup=True):
    return [
        sys.executable,
        "-c",
        CHILD,
        str(folder),
        registry.url,
        "x" if lookup else "",
        what,
        *[one.id for one in made],
    ]


def child(folder, registry, made, crash_at, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(folder, registry, made, **options),
        env={**os.environ, "CELLPASS_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("lookup", [True, False])
@pytest.mark.parametrize("point", ["after_registration_intent", "after_registration_answer"])
def test_a_kill_between_two_steps_registers_once(tmp_path, point, lookup):
    assert point in CRASH_POINTS
    more = {} if lookup else {"lookup_path": None}
    with stub_registry.running() as registry, office(tmp_path, registry, **more) as at:
        made = [at.battery() for _ in range(3)]
        killed = child(tmp_path, registry, made, point, lookup=lookup)
        assert killed.returncode == -9, killed.stderr
        sent = point == "after_registration_answer"
        # The intents are durable; what the registry did is not known here yet.
        assert at.one("SELECT count(*) FROM registration_attempt WHERE closed_at IS NULL") == 3
        assert at.one("SELECT count(*) FROM registration") == 0
        assert len(registry.registrations) == sent

        at.later(hours=1)
        outcomes = at.register(*made)
        assert [one.word for one in outcomes] == [
            Word.FOUND if sent else Word.REGISTERED,
            Word.REGISTERED,
            Word.REGISTERED,
        ]
        for one in made:
            assert registry.identifiers(product(one)) == [at.registration(one).registration_id]
        keys = at.one("SELECT count(DISTINCT idempotency_key) FROM registration_attempt")
        assert (keys, at.one("SELECT count(*) FROM registration_attempt")) == (3, 3)
        assert [one.word for one in at.register(*made)] == [Word.ALREADY] * 3


def test_a_kill_before_a_proof_is_stored_leaves_it_missing(tmp_path):
    with stub_registry.running() as registry, office(tmp_path, registry) as at:
        made = [at.battery() for _ in range(2)]
        at.register(*made)
        killed = child(tmp_path, registry, made, "after_proof_answer", what="proofs")
        assert killed.returncode == -9, killed.stderr
        with at.reading() as connection:
            assert len(registrations.missing(connection)) == 2
        went_on = child(tmp_path, registry, made, "", what="proofs")
        assert went_on.returncode == 0, went_on.stderr
        with at.reading() as connection:
            assert registrations.missing(connection) == []
            assert set(registrations.proofs(connection, [one.id for one in made])) == {one.id for one in made}


def test_kills_at_any_moment_register_nobody_twice(tmp_path):
    rng = random.Random(20270301)
    with stub_registry.running() as registry, office(tmp_path, registry, lookup_path=None) as at:
        made = [at.battery() for _ in range(12)]
        for _ in range(4):
            with subprocess.Popen(
                command(tmp_path, registry, made, lookup=False),
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                before = len(registry.requests)
                while len(registry.requests) < before + 2 and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(rng.uniform(0, 0.02))
                process.kill()
        with at.reading() as connection:
            already = registrations.many(connection, [made[-1].id])
        at.later(hours=1)
        at.register(*made)
        for one in made:
            assert registry.identifiers(product(one)) == [at.registration(one).registration_id]
        with at.reading() as connection:
            assert registrations.unfinished(connection) == []
            with pytest.raises(NotFound):
                registrations.get(connection, "ANOTHER")
        at.later(days=1)
        # A child may have been quicker than its end; then the last call changed nothing about it.
        since_then = timedelta(days=1, hours=1) if already else timedelta(days=1)
        assert at.now() - at.registration(made[-1]).known_at == since_then
