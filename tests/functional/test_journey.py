"""The newcomer's road with real processes: start, scan, ingest, issue, verify, tamper, kill, start again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

START_S = 60


def cellpass(data: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "--data", str(data), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class Service:
    """`cellpass run` as a process of its own on a free port."""

    def __init__(self, data: Path, *words: str, port: int | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = port or probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"run-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "app",
                    "--data",
                    str(data),
                    "run",
                    "--port",
                    str(self.port),
                    *words,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_S
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the service did not start:\n{self.said()}")
            try:
                if get(self.url + "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)

    def said(self) -> str:
        return self.log.read_text()

    def kill(self) -> None:
        """SIGKILL for everything that was started, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) is not None


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("journey") / "data"


@pytest.fixture(scope="module")
def service(data):
    running = Service(data, "--demo")
    yield running
    running.stop()


def test_the_printed_address_leads_to_a_page_marked_as_simulated(service):
    address = re.search(r"open (http\S+/01/\S+)", service.said())
    assert address is not None
    status, page = get(address[1])
    assert status == 200
    assert b"Simulated." in page
    assert b"<script" not in page


def test_three_modules_become_three_batteries_with_their_own_values(service, data, shared):
    """Voltages and currents of the recorded bank: 49.545 V -2.6 A, 49.520 V -2.5 A, 49.504 V -2.7 A."""
    recording = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    words = ["ingest", str(recording), "--protocol", "pylontech-rs485", "--json"]
    for module in (1, 2, 3):
        words += ["--create", f"module/{module}=category=stationary,chemistry=LFP,rated_capacity=50"]
    batteries = json.loads(cellpass(data, *words).stdout)["batteries"]
    assert [one["component"] for one in batteries] == ["module/1", "module/2", "module/3"]
    found = []
    for one in batteries:
        last = json.loads(cellpass(data, "state", one["battery"], "--json").stdout)["last"]
        found.append((last["voltage"]["value"], last["current"]["value"]))
    assert found == [("49.545", "-2.6"), ("49.52", "-2.5"), ("49.504", "-2.7")]


def test_a_recording_once_more_is_absorbed(service, data, shared):
    recording = shared("captures/aiobmsble/jbd-4s.capture.json")
    words = ["ingest", str(recording), "--protocol", "jbd", "--json"]
    first = json.loads(
        cellpass(data, *words, "--create", "category=stationary,chemistry=LFP,rated_capacity=5").stdout
    )["batteries"][0]
    again = json.loads(cellpass(data, *words, "--bind", first["battery"]).stdout)["batteries"][0]
    assert first["receipt"]["accepted"] > 0
    assert again["receipt"]["accepted"] == 0
    assert again["receipt"]["duplicates"] == first["receipt"]["accepted"]
    last = json.loads(cellpass(data, "state", first["battery"], "--json").stdout)["last"]
    assert (last["voltage"]["value"], last["current"]["value"], last["state_of_charge"]["value"]) == (
        "15.6",
        "-2.87",
        "100",
    )


def test_a_wrong_protocol_is_refused_with_a_sentence(service, data, shared):
    recording = shared("captures/pylontech-rs485/us2000-x3-analog.txt")
    done = cellpass(data, "ingest", str(recording), "--protocol", "jbd", "--bind", "ANY", code=3)
    assert "pylontech-rs485" in done.stderr + done.stdout


@pytest.fixture(scope="module")
def issued(service, data, tmp_path_factory):
    """A real (not simulated) battery of our own simulator's making, issued, its files downloaded."""
    folder = tmp_path_factory.mktemp("files")
    one = min((Path(__file__).parents[1] / "captures" / "jbd").glob("*.json"))
    words = ["ingest", str(one), "--protocol", "jbd", "--json", "--create", "category=lmt,chemistry=NMC"]
    battery = json.loads(cellpass(data, *words).stdout)["batteries"][0]["battery"]
    refused = cellpass(data, "issue", battery, code=1)
    assert "Art." in refused.stderr + refused.stdout
    cellpass(data, "issue", battery, "--kind", "all", "--incomplete", "a trial")
    status, page = get(f"{service.url}/i/{battery}")
    assert status == 200
    passport = re.search(rb"/p/([A-Z2-7]{16})/", page)
    assert passport is not None
    base = f"{service.url}/p/{passport[1].decode()}"
    for name in ("record", "bundle"):
        (folder / name).write_bytes(get(f"{base}/{name}")[1])
    (folder / "jwks.json").write_bytes(get(f"{service.url}/o/operator/jwks.json")[1])
    return folder, battery


def test_the_downloaded_record_verifies_offline(data, issued):
    folder, _ = issued
    for name in ("record", "bundle"):
        done = cellpass(data, "verify", str(folder / name), "--keys", str(folder / "jwks.json"), "--json")
        lines = {line["line"]: line["answer"] for line in json.loads(done.stdout)["lines"]}
        assert {lines[n] for n in ("signature", "disclosures", "validity", "issuer", "schema")} == {"yes"}


def test_one_changed_byte_is_told_by_its_line(data, issued):
    folder, _ = issued
    record = bytearray((folder / "record").read_bytes())
    middle = record.index(b".") + 40
    record[middle] = ord("A") if record[middle] != ord("A") else ord("B")
    (folder / "tampered").write_bytes(record)
    done = cellpass(
        data, "verify", str(folder / "tampered"), "--keys", str(folder / "jwks.json"), "--json", code=1
    )
    lines = {line["line"]: line["answer"] for line in json.loads(done.stdout)["lines"]}
    assert lines["signature"] == "no"


def test_a_key_opens_the_condition_and_revoking_closes_it(service, data, issued):
    made = json.loads(
        cellpass(
            data, "key", "create", "--audience", "legitimate_interest", "--purpose", "test", "--json"
        ).stdout
    )
    bearer = {"Authorization": f"Bearer {made['key']}"}
    url = service.url + "/api/batteries?full_cycles_min=0"
    assert get(url)[0] == 403
    assert get(url, **bearer)[0] == 200
    cellpass(data, "key", "revoke", made["handle"])
    assert get(url, **bearer)[0] in (401, 403)


def test_another_public_url_needs_another_folder_once_real_records_exist(data, issued):
    done = cellpass(data, "run", "--public-url", "https://id.example.com", code=2)
    assert "issued under" in done.stderr


def test_killed_and_started_again_it_serves_the_same_bytes(tmp_path):
    data = tmp_path / "data"
    first = Service(data, "--demo")
    address = re.search(r"open (http\S+/01/\S+)", first.said())
    assert address is not None
    record = get(address[1], Accept="application/vc+sd-jwt")[1]
    assert record.count(b".") == 2
    first.kill()
    second = Service(data, "--demo", port=first.port)
    try:
        assert get(address[1], Accept="application/vc+sd-jwt")[1] == record
    finally:
        second.stop()
