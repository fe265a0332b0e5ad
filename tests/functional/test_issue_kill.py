"""A process is killed after every named step of issuing; what is visible afterwards is whole."""

import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from passport.errors import LogRefused, SignerUnavailable
from passport.issue import CRASH_POINTS, view_of
from passport.ledger import batteries, database, leaves, operators, versions
from passport.signing import log
from passport.signing.keys import SignerProcess
from passport.signing.verify import verify_file
from schemas.terms import Audience, RecordKind
from tests.passport.issuing import NOW, OPERATOR, URL, installation

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
import time
from pathlib import Path
from passport.signing.keys import RemoteSigner
from schemas.terms import RecordKind
from tests.passport.issuing import NOW, make
folder, socket, battery = sys.argv[1:]
house = make(Path(folder), signers=lambda operator: RemoteSigner(Path(socket), operator))
for kind in RecordKind:
    house.issuer.issue(battery, kind, now=NOW, force=True)
print("done")
"""


@pytest.fixture
def signer(tmp_path):
    with SignerProcess(tmp_path / "keys", tmp_path / "run" / "signer.sock") as process:

        def of(operator):
            remote = process.signer(operator)
            remote.ensure_key(operators.did(URL, operator))
            return remote

        yield of


def child(folder: Path, owned: list[str], crash_at: str, script: str = CHILD) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script, str(folder), str(folder / "run" / "signer.sock"), *owned],
        env={**os.environ, "CELLPASS_CRASH_AT": crash_at, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check_whole(house) -> int:
    """Every visible version is signed, logged and chained; how many there are."""
    with database.reading(house.engine) as connection:
        seen = 0
        keys = versions.jwks(connection, OPERATOR)["keys"]
        log_keys = [key.vkey for key in operators.log_keys(connection, OPERATOR)]
        hashes = leaves.all_hashes(connection, OPERATOR)
        for battery in batteries.every(connection):
            for kind in RecordKind:
                before = None
                for number, version in enumerate(versions.history(connection, battery.id, kind), start=1):
                    assert version.version == number
                    record = view_of(connection, version, Audience.LEGITIMATE_INTEREST).record
                    lines = {
                        line.name: line
                        for line in verify_file(
                            record, jwks=keys, now=NOW, previous=before, log_keys=log_keys
                        )
                    }
                    for name in ("signature", "disclosures", "validity", "issuer", "schema"):
                        assert lines[name].answer == "yes", lines[name]
                    if before is not None:
                        assert lines["chain"].answer == "yes", lines["chain"]
                    assert hashes[version.leaf_index] == log.leaf_hash(version.jwt)
                    before = record
                    seen += 1
        assert seen == len(hashes)
        return seen


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_kill_between_two_steps_leaves_nothing_half_issued(tmp_path, signer, point):
    with installation(tmp_path, signers=signer) as house:
        battery = house.battery()
        house.issuer.issue(battery.id, RecordKind.PASSPORT, now=NOW)

        killed = child(tmp_path, [battery.id], point)
        assert killed.returncode == -9, killed.stderr
        assert killed.stdout == ""

        # Before anybody recovers: what is visible is whole, what is not whole is not visible.
        released = point not in {"after_intent", "after_sign", "before_release"}
        assert check_whole(house) == 1 + released
        assert house.one("SELECT count(*) FROM intent") == 1 - released

        recovered = house.issuer.recover(NOW + timedelta(seconds=1))
        assert len(recovered.finished) == 1 - released
        assert recovered.voided == recovered.waiting == ()
        assert house.one("SELECT count(*) FROM intent") == 0
        assert check_whole(house) == 2
        house.issuer.check_log(NOW)
        with database.reading(house.engine) as connection:
            assert versions.checkpoint(connection, OPERATOR).size == 2
        # Recovering twice changes nothing, and life goes on.
        assert house.issuer.recover(NOW).finished == ()
        went_on = child(tmp_path, [battery.id], "")
        assert went_on.stdout == "done\n", went_on.stderr
        assert check_whole(house) == 5
        house.issuer.check_log(NOW)


GROUP = """
import sys
import time
from pathlib import Path
from passport.signing.keys import RemoteSigner
from schemas.terms import RecordKind
from tests.passport.issuing import NOW, make
folder, socket, *batteries = sys.argv[1:]
house = make(Path(folder), signers=lambda operator: RemoteSigner(Path(socket), operator))
list(house.issuer.issue_many(batteries, RecordKind.PASSPORT, now=NOW))
"""


@pytest.mark.parametrize("point", ["after_intent", "after_sign", "before_release"])
def test_a_kill_in_the_middle_of_a_group_loses_none_of_it(tmp_path, signer, point):
    with installation(tmp_path, signers=signer) as house:
        signer(OPERATOR)
        owned = [house.battery() for _ in range(5)]
        killed = child(tmp_path, [battery.id for battery in owned], point, script=GROUP)
        assert killed.returncode == -9, killed.stderr
        assert house.one("SELECT count(*) FROM version") == 0
        assert len(house.issuer.recover(NOW).finished) == 5
        assert check_whole(house) == 5
        house.issuer.check_log(NOW)


def test_a_kill_of_the_signer_leaves_a_version_that_waits(tmp_path):
    with (
        SignerProcess(tmp_path / "keys", tmp_path / "run" / "signer.sock") as process,
        installation(tmp_path, signers=process.signer) as house,
    ):
        process.signer(OPERATOR).ensure_key(operators.did(URL, OPERATOR))
        battery = house.battery()
        house.issuer.issue(battery.id, RecordKind.PASSPORT, now=NOW)
        remote = process.signer(OPERATOR)
        _ = remote.kid  # known before the signer dies, as in a server that has issued before
        house.issuer.signers = lambda _: remote
        os.kill(process.pid, 9)
        with pytest.raises(SignerUnavailable):
            house.issuer.issue(battery.id, RecordKind.CONDITION, now=NOW)
        assert check_whole(house) == 1
        waiting = house.issuer.recover(NOW).waiting
        assert len(waiting) == 1
    with (
        SignerProcess(tmp_path / "keys", tmp_path / "run" / "signer.sock") as process,
        installation(tmp_path, signers=process.signer) as house,
    ):
        assert [one.record_id for one in house.issuer.recover(NOW).finished] == list(waiting)
        assert check_whole(house) == 2
        house.issuer.check_log(NOW)


def test_a_log_without_its_last_leaf_is_refused_after_a_kill(tmp_path, signer):
    with installation(tmp_path, signers=signer) as house:
        battery = house.battery()
        signer(OPERATOR)
        assert child(tmp_path, [battery.id], "after_note").returncode == -9
        with database.writing(house.engine) as connection:
            for table in ("version", "log_leaf"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_no_delete")
                connection.exec_driver_sql(f"DELETE FROM {table}")
            connection.exec_driver_sql("DELETE FROM disclosure")
            connection.exec_driver_sql("UPDATE battery SET identifier = '/01/09520123456788/21/OTHER'")
        with pytest.raises(LogRefused, match="does not extend"):
            house.issuer.issue(battery.id, RecordKind.PASSPORT, now=NOW)


ENDLESS = """
import sys
import time
from pathlib import Path
from passport.signing.keys import RemoteSigner
from schemas.terms import RecordKind
from tests.passport.issuing import NOW, make
folder, socket, *batteries = sys.argv[1:]
house = make(Path(folder), signers=lambda operator: RemoteSigner(Path(socket), operator))
house.issuer.recover(NOW)
house.issuer.check_log(NOW)
print("ready", flush=True)
while True:
    for kind in RecordKind:
        for _, version in house.issuer.issue_many(batteries, kind, now=NOW, force=True):
            print(version.record_id, flush=True)
"""


@pytest.mark.long
def test_whatever_was_acknowledged_survives_kills_at_any_moment(tmp_path, signer):
    rng = random.Random(20261120)
    with installation(tmp_path, signers=signer) as house:
        signer(OPERATOR)
        owned = [house.battery().id for _ in range(3)]
        acknowledged: list[str] = []
        for _ in range(25):
            with subprocess.Popen(
                [sys.executable, "-c", ENDLESS, str(tmp_path), str(tmp_path / "run" / "signer.sock"), *owned],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                time.sleep(rng.uniform(0, 0.15))
                process.kill()
                acknowledged += process.stdout.read().split()
        house.issuer.recover(NOW)
        assert acknowledged
        with database.reading(house.engine) as connection:
            missing = [one for one in acknowledged if versions.by_record(connection, one) is None]
        assert missing == []
        assert house.one("SELECT count(*) FROM intent") == 0
        assert check_whole(house) >= len(acknowledged)
        house.issuer.check_log(NOW)
