"""Published measurements as rows: the same that `cellpass ingest --protocol bdf` stores of the same table."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ingest.gateway import Routing, replay
from ingest.protocols.bdf import PROTOCOL
from passport.bench import datasets
from passport.bench.datasets import DataMissing, Layout
from schemas.samples import ColumnKey
from tests.data import ROOT
from tests.ingest.test_gateway import ListSink

START = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(not (ROOT / "datasets").is_dir(), reason="no test data beside the project")


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.setenv("CELLPASS_TEST_DATA", str(ROOT))


def ingested(table):
    sink = ListSink()
    replay(table, PROTOCOL, Routing({None: "B"}), sink, start=START)
    (batch,) = sink.batches
    return batch["B"]


@pytest.mark.parametrize("layout", [Layout.RUNNING, Layout.RESTARTING])
@pytest.mark.parametrize(
    "record",
    [lambda: datasets.nasa("B0005"), lambda: datasets.nasa_cold("B0045"), lambda: datasets.essl1(1)],
    ids=["nasa", "nasa-cold", "essl1"],
)
def test_rows_are_those_that_ingest_stores(record, layout):
    own = record().until(3)
    (chunk,) = own.chunks(layout)
    stored = ingested(own.table(layout))
    assert len(stored) == len(chunk.samples)
    begin = int(START.timestamp() * 1000)
    assert np.abs(stored.time_ms - begin - chunk.samples.time_ms).max() <= 1
    assert set(chunk.samples.columns) <= set(stored.columns)
    for key, column in chunk.samples.columns.items():
        theirs = stored.columns[key]
        assert np.array_equal(column.values, theirs.values * 10 ** (theirs.exponent - column.exponent)), str(
            key
        )


def test_current_is_positive_while_charging_and_truth_is_not_among_the_rows():
    charged = datasets.essl1(6)
    discharged = datasets.nasa("B0007")
    assert all(np.median(one.current) > 90 for one in charged.cycles)
    assert all(np.median(one.current) < -1.9 for one in discharged.cycles)
    names = {str(key) for chunk in charged.chunks() for key in chunk.samples.columns}
    assert names == {"voltage", "current", "cell_temperature/1"}


def test_capacities_are_those_of_the_truth_files():
    # Literals from the files: first discharge of B0005, second charge of cell 1 (1.00529 of 102 Ah).
    assert datasets.nasa("B0005").truth[0] == pytest.approx(1.85649)
    assert datasets.essl1(1).truth[0] == pytest.approx(102.5396, abs=1e-3)
    cold = datasets.nasa_cold("B0045").truth
    assert cold[0] == pytest.approx(1.08198)
    assert np.isnan(cold[1])  # a charge: nothing was measured


def test_one_file_for_each_cycle_is_one_epoch_each():
    record = datasets.nasa("B0005").until(4).without_temperature()
    chunks = record.chunks(Layout.FILES)
    assert len({one.epoch for one in chunks}) == 4
    assert all(one.samples.time_ms[0] == 0 for one in chunks)
    assert all(ColumnKey("cell_temperature", 1) not in one.samples.columns for one in chunks)


def test_a_car_keeps_its_glitches():
    car = datasets.vehicle(4)
    assert car.basis.rated_mah is None
    assert car.glitches > 0
    assert car.chunk.samples.columns[ColumnKey("cell_voltage", 87)].values.max() > 4000


def test_pulses_are_read_with_their_truth():
    tests = datasets.pulses("lfp-35ah-hev")
    assert len(tests) == 280
    # Battery 10 at 5 %: 3.1793 V at rest and 3.2234 V as 17.5 A begin, 28.1738 Ah of 35 Ah.
    first = tests[0]
    assert (first.number, first.soc, first.volts[0], first.volts[1]) == (10, 0.05, 3.1793, 3.2234)
    assert first.capacity_ah / first.rated_ah == pytest.approx(0.804966, abs=1e-6)


def test_missing_data_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CELLPASS_TEST_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match="no folder"):
        datasets.nasa("B0005")
    (tmp_path / "datasets").mkdir()
    with pytest.raises(DataMissing, match=r"no file .*B0005"):
        datasets.nasa("B0005")
