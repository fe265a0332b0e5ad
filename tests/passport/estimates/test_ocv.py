"""Bounds of the steep low end, against retired cells whose charge was measured."""

import itertools

import pytest

from passport.bench import datasets
from passport.estimates.ocv import ENDS, ends_of
from passport.lifecycle.basis import Basis
from tests.data import ROOT

# Their empty is where 1C ended, a percent or so above where a slow discharge does.
SLACK = 1.5


@pytest.mark.parametrize(
    ("family", "chemistry"),
    [
        ("lfp-35ah-hev", "Li-ion LFP"),
        ("nmc-21ah-bev", "Li-ion NMC"),
        ("nmc-2.1ah-lab", "Li-ion NMC"),
        ("lmo-10ah-hev", "Li-ion LMO"),
    ],
)
def test_the_bounds_hold_what_retired_cells_were_measured_to_hold(family, chemistry, monkeypatch):
    if not (ROOT / "datasets" / "pulsebat-retired-ev").is_dir():
        pytest.skip("no test data beside the project: pulsebat-retired-ev")
    monkeypatch.setenv("CELLPASS_TEST_DATA", str(ROOT))
    outside = []
    for test in datasets.pulses(family):
        true = 100 * test.soc * test.rated_ah / test.capacity_ah
        bounds = ENDS[chemistry].soc_at_low_end(round(1000 * test.volts[0]), None)
        if bounds is not None and not bounds[0] - SLACK <= true <= bounds[1] + SLACK:
            outside.append((test.number, true, bounds))
    assert outside == []


def test_bounds_rise_with_voltage_and_never_cross():
    for ends in ENDS.values():
        told = [ends.soc_at_low_end(mv, None) for mv in range(2000, ends.empty[-1][0] + 1, 5)]
        assert all(least <= most for least, most in told)
        for before, after in itertools.pairwise(told):
            assert after[0] >= before[0]
            assert after[1] >= before[1]


def test_an_unnamed_oxide_is_bounded_as_widely_as_any():
    unnamed = ends_of(Basis(in_series=1, maximum_mv=4200))
    for mv in (2700, 2800, 2900, 3000):
        least, most = unnamed.soc_at_low_end(mv, None)
        for chemistry in ("Li-ion NMC", "Li-ion LMO"):
            own = ENDS[chemistry].soc_at_low_end(mv, None)
            assert most >= own[1]
            assert least <= own[0] + 0.1
