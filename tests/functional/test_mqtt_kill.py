"""A gateway at a real broker is killed at the worst moments: no row is lost, and none is counted twice."""

import json
import signal
import time
from pathlib import Path

import pytest

from ingest import journal
from ingest.transports.address import parse_address
from ingest.transports.mqtt import MqttFeed
from passport.ledger.database import open_database, reading
from schemas.samples import ColumnKey
from tests.broker import broker, end, gateway, needs_broker

pytestmark = needs_broker

MAP = 'topic = "pack/{pack}"\n[[row]]\nat = "/u"\nquantity = "voltage"\nunit = "mV"\norigin = "native"\n'
TIME = '[time]\nat = "/ts"\nform = "unix_ms"\n'
START_MS = 1_790_000_000_000
ROWS = 60


def messages(first: int, count: int) -> list[tuple[str, bytes]]:
    return [
        ("pack/1", json.dumps({"u": 50_000 + n, "ts": START_MS + 1000 * n}).encode())
        for n in range(first, first + count)
    ]


def stored(data: Path) -> list[str]:
    engine = open_database(data)
    try:
        with reading(engine) as connection:
            (battery,) = connection.exec_driver_sql("SELECT DISTINCT battery FROM telemetry_epoch").scalars()
            chunks = journal.stored_chunks(connection, battery)
        key = ColumnKey("voltage")
        return [
            str(chunk.samples.columns[key].decimal(row))
            for chunk in chunks
            for row in range(len(chunk.samples))
        ]
    finally:
        engine.dispose()


@pytest.mark.parametrize("moment", ["intake.before_commit", "intake.before_answer"])
@pytest.mark.parametrize("timed", [True, False], ids=["timed", "untimed"])
def test_a_gateway_that_is_killed_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, moment: str, *, timed: bool
) -> None:
    (tmp_path / "map.toml").write_text(MAP + (TIME if timed else ""))
    data = tmp_path / "data"
    with broker(tmp_path / "broker") as served:
        where = f"mqtt:127.0.0.1:{served.port}/pack/+"
        MqttFeed(parse_address(where), "yard").close()
        served.publish(messages(0, ROWS))
        words = ["ingest", where, "--protocol", f"json:{tmp_path / 'map.toml'}", "--source", "yard"]
        create = ["--create", "category=stationary,chemistry=LFP,rated_capacity=50"]
        killed = gateway(data, [*words, *create], {"CELLPASS_CRASH_AT": moment})
        said, _ = killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL, said
        served.publish(messages(ROWS, 5))
        left = ROWS + 5 if moment == "intake.before_commit" else None
        again = gateway(data, [*words, *(["--count", str(left)] if left else [])])
        if left is None:
            # How many went with the first commit is the broker's to say: it ends when all have come.
            until = time.monotonic() + 30
            while time.monotonic() < until and len(stored(data)) < ROWS + 5:
                time.sleep(0.2)
            time.sleep(0.5)
        else:
            again.wait(60)
        said = end(again)
    assert stored(data) == [f"{(50_000 + n) / 1000:.3f}" for n in range(ROWS + 5)], said
    assert ("came again" in said) is (moment == "intake.before_answer")


def test_a_site_takes_messages_beside_other_sources(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('component = "module/{pack}"\n' + MAP)
    with broker(tmp_path / "broker") as served:
        (tmp_path / "login").write_text("anyone\n")
        facts = '{category = "stationary", chemistry = "LFP", rated_capacity = 50}'
        (tmp_path / "site.toml").write_text(
            '[site]\nname = "yard"\n[[source]]\nname = "cloud"\n'
            f'address = "mqtt:127.0.0.1:{served.port}/pack/+?login=login"\n'
            'protocol = "json:map.toml"\ninterval_s = 1\n'
            f'create."module/1" = {facts}\ncreate."module/2" = {facts}\n'
        )
        MqttFeed(parse_address(f"mqtt:127.0.0.1:{served.port}/pack/+"), "yard/cloud").close()
        served.publish([(f"pack/{1 + n % 2}", json.dumps({"u": 50_000 + n}).encode()) for n in range(40)])
        run = gateway(tmp_path / "data", ["gateway", str(tmp_path / "site.toml"), "--for", "4", "--json"])
        time.sleep(2)
        served.stop()
        served.start()
        served.publish([("pack/1", b'{"u": 60000}'), ("pack/3", b'{"u": 1}'), ("pack/1", b"no json")])
        out, _ = run.communicate(timeout=60)
    told = json.loads(out.splitlines()[-1])["sources"][0]
    assert told["starts"] == 1
    assert sorted(told["rows"].values()) == [20, 21]
    assert told["unbound"] == {"module/3": 1}
    assert told["refused"] == {"delimiter": 1}
