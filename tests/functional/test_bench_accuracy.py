"""`cellpass bench accuracy` as a command: every goal has its line, and the page is written where asked."""

import json
import os
import subprocess
import sys

import pytest

from passport.bench.accuracy import GOALS
from tests.data import ROOT


def bench(tmp_path, *words, data=ROOT):
    return subprocess.run(
        [sys.executable, "-P", "-m", "app", "--data", str(tmp_path / "data"), "bench", *words],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "CELLPASS_TEST_DATA": str(data)},
    )


@pytest.mark.long
def test_a_small_run_without_data_beside_it_says_what_was_not_measured(tmp_path):
    done = bench(
        tmp_path, "accuracy", "--scale", "0.05", "--json", "--write", str(tmp_path / "docs"), data=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["goal"] for one in told] == [goal.number for goal in GOALS]
    by_goal = {one["goal"]: one for one in told}
    for goal in ("2", "2**", "4", "6", "7"):
        assert by_goal[goal]["ours"] is None
        assert "not measured" in by_goal[goal]["note"]
    assert by_goal["10"]["ours"] == 0
    page = (tmp_path / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert "Not measured: no folder" in page


def test_a_page_is_written_for_accuracy_alone(tmp_path):
    done = bench(tmp_path, "state", "--write", str(tmp_path / "docs"))
    assert done.returncode == 2
    assert "--write is for accuracy" in done.stderr
