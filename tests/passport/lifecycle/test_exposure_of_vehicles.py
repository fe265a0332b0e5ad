"""Telemetry of two real cars as their cloud stored it: through a map, the doubts and the fold."""

import gzip
from datetime import UTC, datetime

import pytest

from ingest.gateway import Routing, replay
from ingest.protocol import find
from passport.lifecycle import folding, reference
from passport.lifecycle.basis import Basis
from passport.lifecycle.exposure import NAMES, Clock, Total
from passport.lifecycle.shape import LARGEST_BYTES, LifecycleState
from schemas.samples import Chunk

MAP = """
title = "cloud of a maker of cars"
[time]
at = "tboxTime"
form = "iso"
[[row]]
at = "BMSBatteryVoltage"
quantity = "voltage"
[[row]]
at = "BMSBatteryCurrent"
quantity = "current"
negate = true
[[row]]
at = "vehBMSPackSOC"
quantity = "state_of_charge"
[[row]]
at = "V_{index}"
quantity = "cell_voltage"
[[row]]
at = "BMSProbeTempMax"
quantity = "cell_temperature_max"
[[row]]
at = "BMSProbeTempMin"
quantity = "cell_temperature_min"
[[row]]
at = "insulationResistance"
quantity = "insulation_resistance"
"""


BASIS = Basis(chemistry="Li-ion NMC", rated_mah=120_000)


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self):
        self.samples = []

    def __call__(self, rows):
        self.samples += rows.values()
        return []


@pytest.fixture
def car(shared, tmp_path):
    """The exposure by some rows of a car (all where none are named), and the state's size."""

    def folded(number, rows=None):
        packed = shared(f"datasets/ev-cloud-telemetry/car{number}.csv.gz").read_bytes()
        head, *lines = gzip.decompress(packed).decode().splitlines()
        assert head.startswith("tboxTime,")
        # The times have no zone; Beijing's stands in.
        chosen = [line.replace(",", "+08:00,", 1) for line in lines]
        chosen = chosen if rows is None else [chosen[row] for row in rows]
        (tmp_path / "map.toml").write_text(MAP)
        sink = Kept()
        table = "\n".join([head, *chosen]).encode()
        replay(table, find(f"csv:{tmp_path / 'map.toml'}"), Routing({None: "CAR"}), sink)
        chunks = [Chunk("CAR", "cloud", "1", 1, samples) for samples in sink.samples]
        (state,) = folding.fold([LifecycleState()], [chunks], basis=[BASIS])
        (plain,) = reference.fold([LifecycleState()], [chunks], basis=[BASIS])
        assert state.to_bytes() == plain.to_bytes()
        assert len(state.to_bytes()) <= LARGEST_BYTES
        return state.exposure

    return folded


# Rows of car 2 in which some cell is told at 0.0 V, by a look at the table.
ZEROES = (656, 1769, 4478, 4787, 4789, 5180, 6889, 7359, 7668, 7764, 7824, 8097, 11401, 13052, 14165)


def test_cells_at_nought_are_glitches_and_no_event(car):
    rows = sorted({row + near for row in ZEROES for near in (-2, -1, 0, 1, 2)})
    exposure = car(2, rows)
    counted = {NAMES[number] for number in exposure.totals}
    assert counted <= {"telemetry_gap", "hot_idle"}
    assert exposure.rested_low is not None
    assert exposure.rested_low > 3000


def test_the_end_of_a_car_is_told_as_it_was(car):
    """On 9 July 2019 car 4 burnt; its cloud kept the last minutes, with sensors failing one by one.

    By a look at the table (rows 14900 to 14966): the hottest probe is at 101 to 125 degC from 22:14:40 to
    22:36:06 but for one row at 67; cells are at 1.995 V falling to 1.964 V from 22:14:40 to 22:18:09, one at
    1.458 V at 22:34:35, and at 1.852 and 1.801 V in the last two rows, 30 s apart. Up to three cells at a
    time stand at 5.0 V, one at 1.281 V: what their sensors say at the end of their range.
    """
    exposure = car(4, range(14_840, 14_967))
    assert exposure.known("thermal_abuse") == Total(1, 1286, 1286, 1250 - 799)
    assert exposure.known("deep_discharge_severe") == Total(2, 239, 209, 2000 - 1801)
    deep = exposure.known("deep_discharge_compensated")
    assert (deep.count, deep.longest_s, deep.worst) == (2, 209, 2500 - 1458)
    assert exposure.rested_low == 1458
    assert exposure.known("overvoltage_severe").worst < 5000 - 4350
    starts = {NAMES[one.kind]: one.start_s for one in reversed(exposure.occasions())}
    begun = datetime(2019, 7, 9, 14, 14, 40, tzinfo=UTC).timestamp()
    assert starts["thermal_abuse"] == starts["deep_discharge_severe"] == begun


@pytest.mark.long
@pytest.mark.parametrize(("number", "kinds"), [(2, {"hot_idle"}), (4, None)])
def test_months_of_a_car_hold_no_event_but_the_real_ones(car, number, kinds):
    exposure = car(number)
    counted = {NAMES[kind] for kind in exposure.totals}
    if kinds is not None:
        assert counted <= kinds
    else:
        # Nothing before the fire but 40 and 41 degrees.
        begun = int(datetime(2019, 7, 9, 14, 14, 40, tzinfo=UTC).timestamp())
        early = {NAMES[one.kind] for one in exposure.occasions() if (one.start_s or 0) < begun}
        assert early <= {"hot_idle"}
        assert "thermal_abuse" in counted
    assert exposure.clocks[Clock.CELLS] == exposure.clocks[Clock.VOLTAGE] > 400_000_000
