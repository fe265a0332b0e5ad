from math import sqrt

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passport.estimates import fusion
from passport.estimates.capacity import Measurement, Refusal
from passport.estimates.estimate import EvidenceClass


def measured(
    share: float,
    cycles: float,
    *,
    noise: float = 1.0,
    bias: float = 0.0,
    degrees: float | None = 25.0,
    evidence: EvidenceClass = EvidenceClass.A,
    span: tuple[float, float, float] | None = None,
) -> Measurement:
    """A measurement of `share` percent of 100 Ah."""
    return Measurement(
        evidence,
        "cap.test.v1",
        share,
        noise,
        bias,
        degrees,
        0.5,
        -1,
        int(cycles * 7200),
        absolute=True,
        cycles=cycles,
        span=span,
    )


def fused(told: list[Measurement | Refusal]) -> fusion.Fused:
    found = fusion.fuse(told, 100.0)
    assert found is not None
    return found


def test_nothing_measured_is_nothing_fused() -> None:
    assert fusion.fuse([Refusal("gap", "A gap.")], 100.0) is None
    assert fusion.fuse([], None) is None


def test_one_measurement_is_the_capacity() -> None:
    one = fused([measured(93.2, 0)])
    assert (one.capacity, one.accepted, one.cold) == (93.2, 1, False)


def test_a_fresh_complete_session_decides_almost_alone() -> None:
    told: list[Measurement | Refusal] = [measured(95, n) for n in range(10)]
    after = fused([*told, measured(92, 10)])
    assert abs(after.capacity - 92) < 1.2


def test_a_steady_fade_is_followed_and_its_slope_is_found() -> None:
    chance = np.random.default_rng(3)
    off = []
    told: list[Measurement | Refusal] = []
    for number in range(60):
        truth = 100 - 0.1 * number
        told.append(measured(truth + float(chance.normal(0, 1)), float(number)))
        off.append(fused(told[-32:]).capacity - truth)
    assert sqrt(sum(one * one for one in off) / len(off)) < 1.0
    assert -0.4 < fused(told).trend < 0.2


def test_one_wild_session_is_put_aside() -> None:
    told = [measured(95, n) for n in range(10)]
    after = fused([*told, measured(60, 10)])
    assert (after.put_aside, after.stepped) == (1, False)
    assert abs(after.capacity - 95) < 0.5


def test_three_on_the_same_side_open_the_gate() -> None:
    # Trap 9: a swapped cell or a new balance looks like healing; it is told, not smoothed away.
    told = [measured(80, n) for n in range(10)]
    after = fused([*told, *(measured(94, 10 + n) for n in range(3))])
    assert after.stepped
    assert abs(after.capacity - 94) < 0.5


def test_cold_is_not_taken_for_ageing() -> None:
    # Trap 6: fresh NASA cells give 17 percent less at 4 degrees.
    warm = [measured(92, n) for n in range(5)]
    cold = [measured(75, 5 + n, degrees=4.0, bias=4.2) for n in range(5)]
    after = fused([*warm, *cold])
    assert abs(after.capacity - 92) < 0.1
    only = fused(list(cold))
    assert only.cold
    assert abs(only.capacity - 75) < 0.1


def test_a_fast_cycler_and_a_slow_one_are_filtered_alike() -> None:
    # Trap 13: the axis is cycles; that one takes a day and the other a month does not count.
    def series(pace: int) -> list[Measurement | Refusal]:
        return [
            Measurement(
                EvidenceClass.A,
                "m",
                99 - 0.2 * n,
                1,
                0,
                25,
                0.5,
                -1,
                n * pace,
                absolute=True,
                cycles=float(n),
            )
            for n in range(20)
        ]

    assert fused(series(86_400)).capacity == fused(series(30 * 86_400)).capacity


def test_what_all_sessions_share_does_not_average_out() -> None:
    hot = fused([measured(90, n, bias=5.0, degrees=60.0) for n in range(30)])
    assert hot.sd > 5


def test_doubt_grows_with_days_and_with_cycles() -> None:
    one = fused([measured(90, 0)])
    assert one.sd == fusion.aged(one, days=0, cycles=0)
    assert fusion.aged(one, days=30, cycles=0) > one.sd
    assert fusion.aged(one, days=90, cycles=0) > fusion.aged(one, days=30, cycles=0)
    assert fusion.aged(one, days=0, cycles=40) > one.sd


VALUES = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.5, 3), st.floats(0, 4)), min_size=1, max_size=20)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(VALUES, st.floats(0.01, 3), st.integers(0, 19))
def test_more_noise_never_narrows(values: list[tuple[float, float, float]], more: float, where: int) -> None:
    told = [measured(90 + off, n, noise=noise, bias=bias) for n, (off, noise, bias) in enumerate(values)]
    at = where % len(told)
    off, noise, bias = values[at]
    worse = [*told]
    worse[at] = measured(90 + off, at, noise=noise + more, bias=bias)
    assert fused(list(worse)).sd >= fused(list(told)).sd - 1e-9


def test_partial_charges_are_put_together_with_both_axes_in_doubt() -> None:
    chance = np.random.default_rng(5)
    told: list[Measurement | Refusal] = []
    for number in range(20):
        change = float(chance.uniform(0.75, 0.95))
        charge = 88 * change
        seen = change + float(chance.normal(0, 0.03))
        told.append(
            measured(charge / seen, number, noise=3, evidence=EvidenceClass.C, span=(seen, 0.03, charge))
        )
    assert abs(fused(told).capacity - 88) < 1.5


def test_the_same_measurements_give_the_same_floats() -> None:
    told: list[Measurement | Refusal] = [measured(90 + n % 3, n, noise=1 + n % 2) for n in range(20)]
    assert fused(told) == fused(list(told))
