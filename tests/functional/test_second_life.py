"""Two packs of an electric vehicle become one for stationary storage, with real commands and real kills."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from passport.ledger import batteries, database, life, operators
from passport.signing.keys import SignerProcess
from schemas.terms import Category, RecordKind
from tests.functional.test_journey import Service, cellpass, get
from tests.passport.issuing import NOW, URL, installation

ROOT = Path(__file__).parents[2]
PACKS = """\
battery_id,battery_category,model_identifier,battery_chemistry,rated_capacity,nominal_voltage,\
manufacturer_name,placed_on_market_date,battery_status
/01/09520123456788/21/EV1,ev,EV-75,Li-ion LFP,200,355,Example Cells,2025-03-01,original
/01/09520123456788/21/EV2,ev,EV-75,Li-ion LFP,200,355,Example Cells,2025-03-02,original
"""
EV1, EV2, HOME = (f"/01/09520123456788/21/{name}" for name in ("EV1", "EV2", "HOME1"))
FACTS = "category=stationary,chemistry=LFP,rated_capacity=160,nominal_voltage=51.2"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("second-life")
    (folder / "packs.csv").write_text(PACKS, encoding="utf-8")
    data = folder / "data"
    cellpass(data, "operator", "add", "acme", "--name", "Acme GmbH")
    cellpass(data, "import", str(folder / "packs.csv"))
    cellpass(data, "issue", "--all")
    words = ["--identifier", HOME, "--as", f"{FACTS},placed_on_market_date=2026-11-01"]
    cellpass(data, "life", "repurpose", "--from", EV1, "--from", EV2, *words)
    return data


def lines(data: Path, battery: str, *words: str, code: int = 0) -> dict[str, dict[str, str]]:
    """What `cellpass verify` says of the battery's bundle, offline, with the operators' keys."""
    bundle, trust = data.parent / "bundle.json", data.parent / "trust.json"
    cellpass(data, "bundle", battery, "-o", str(bundle))
    cellpass(data, "bundle", "-o", str(trust))
    asked = ["verify", str(bundle), "--keys", str(trust), "--require", "signature,issuer,chain,log", "--json"]
    told = json.loads(cellpass(data.parent / "none", *asked, *words, code=code).stdout)
    return {line["line"]: line for line in told["lines"]}


def test_the_chain_verifies_from_either_side(data):
    assert lines(data, HOME)["chain"]["reason"] == "the first version; it came from 2 others"
    for original in (EV1, EV2):
        reason = lines(data, original)["chain"]["reason"]
        assert reason == "version 2 and the 1 before it, back to the first; it goes on as 1 other"


def test_old_codes_lead_to_the_new_passport(data):
    made = json.loads(cellpass(data, "life", "acts", HOME, "--json").stdout.splitlines()[0])
    assert made["act"] == "preparation_for_reuse"
    service = Service(data)
    try:
        for original in (EV1, EV2):
            status, page = get(service.url + original)
            assert status == 200
            assert b"The battery goes on in another passport" in page
            successor = page.partition(b'id="successor"')[2].partition(b'href="')[2].partition(b'"')[0]
            status, page = get(service.url + successor.decode())
            assert status == 200
            assert HOME.encode() in page
    finally:
        service.stop()


def test_a_refused_act_says_what_is_possible_and_ends_with_3(data):
    refused = cellpass(data, "life", "recycled", EV1, code=3).stderr
    assert "it starts from waste, and the battery is repurposed (Art. 71; Art. 77(8))" in refused
    assert "possible now: receipt for treatment" in refused
    assert "Traceback" not in refused


ACT = """
import sys
from datetime import timedelta
from pathlib import Path
from passport.life import acts
from passport.signing.keys import RemoteSigner
from schemas.terms import BatteryStatus, Category
from tests.passport.issuing import NOW, make
folder, socket, *originals = sys.argv[1:]
house = make(Path(folder), signers=lambda operator: RemoteSigner(Path(socket), operator))
new = acts.NewBattery("/01/09520123456788/21/NEW", Category.STATIONARY, {"placed_on_market_date": NOW.date()})
later = NOW + timedelta(days=1)
acts.new_life(house.issuer, originals, new, BatteryStatus.REPURPOSED, at=later, now=later)
"""


@pytest.mark.parametrize("point", ["after_intent", "before_release", "after_release", "after_checkpoint"])
def test_a_kill_between_an_act_and_its_versions_leaves_them_due_and_the_start_issues_them(tmp_path, point):
    with SignerProcess(tmp_path / "keys", tmp_path / "run" / "signer.sock") as process:

        def signer(operator):
            remote = process.signer(operator)
            remote.ensure_key(operators.did(URL, operator))
            return remote

        with installation(tmp_path, signers=signer) as house:
            owned = [house.battery(category=Category.EV, battery_status="original") for _ in range(2)]
            for one in owned:
                house.issuer.issue(one.id, RecordKind.PASSPORT, now=NOW)
            killed = subprocess.run(
                [sys.executable, "-c", ACT, str(tmp_path), str(tmp_path / "run" / "signer.sock")]
                + [one.id for one in owned],
                env={**os.environ, "CELLPASS_CRASH_AT": point, "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert killed.returncode == -9, killed.stderr
            # The act is whole: battery, links, statuses and what is due.
            assert house.one("SELECT count(*) FROM battery") == 3
            assert house.one("SELECT count(*) FROM life_link") == 4
            assert house.one("SELECT count(*) FROM due_version") >= 5
            house.issuer.recover(NOW + timedelta(days=2))
            assert house.one("SELECT count(*) FROM due_version") == 0
            assert house.one("SELECT count(*) FROM version WHERE kind = 'passport'") == 5
            assert house.one("SELECT count(*) FROM version WHERE kind = 'condition'") == 3
            with database.reading(house.engine) as connection:
                made = batteries.by_identifier(connection, "/01/09520123456788/21/NEW")
                assert made is not None
                assert len(life.life_of(connection, made.id).linked(life.PREDECESSOR)) == 2
            house.issuer.check_log(NOW + timedelta(days=2))
