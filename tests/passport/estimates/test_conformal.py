import numpy as np

from passport.estimates.conformal import Calibration, Score, calibrate, quantile


def _scores(batteries: int, each: int, seed: int = 1) -> list[Score]:
    chance = np.random.default_rng(seed)
    return [
        Score(f"b{number}", "Li-ion LFP", "A", abs(float(chance.normal(0, 2))))
        for number in range(batteries)
        for _ in range(each)
    ]


def test_the_quantile_is_the_place_the_theorem_names() -> None:
    # ceil(0.9 * 10) = 9th of nine; ceil(0.9 * 20) = 18th of nineteen.
    assert quantile(list(range(1, 10))) == 9
    assert quantile(list(range(1, 20))) == 18


def test_below_nine_batteries_nothing_is_calibrated() -> None:
    (group,) = calibrate(_scores(8, 50), "operator").groups
    assert (group.quantile, group.coverage, group.below) == (None, None, None)
    assert (group.batteries, group.references) == (8, 400)


def test_intervals_hold_nine_in_ten_of_batteries_not_seen() -> None:
    held = []
    for seed in range(40):
        calibration = calibrate(_scores(30, 3, seed), "operator")
        bound = calibration.quantile("Li-ion LFP", "A")
        assert bound is not None
        chance = np.random.default_rng(1000 + seed)
        held.append(float((abs(chance.normal(0, 2, 200)) <= bound).mean()))
    assert 0.87 < np.mean(held) < 0.95


def test_a_battery_with_thousands_of_references_counts_once() -> None:
    few = _scores(12, 1)
    flood = [Score("b0", "Li-ion LFP", "A", 50.0)] * 2000
    calibration = calibrate([*few, *flood], "operator")
    (group,) = calibration.groups
    assert group.batteries == 12
    assert group.below is not None
    assert group.below > 0  # the battery that is not covered is told
    pooled = sorted(one.score for one in [*few, *flood])
    assert group.quantile is None or group.quantile <= pooled[-1]


def test_groups_are_apart() -> None:
    calibration = calibrate(
        [*_scores(10, 1), *(Score(f"c{n}", "Li-ion NMC", "B", float(n)) for n in range(9))], "operator"
    )
    assert [(group.chemistry, group.evidence) for group in calibration.groups] == [
        ("Li-ion LFP", "A"),
        ("Li-ion NMC", "B"),
    ]
    assert calibration.quantile("Li-ion NMC", "A") is None
    assert calibration.quantile("Li-ion NMC", "B") == 8.0


def test_the_same_references_give_the_same_bytes_in_any_order() -> None:
    scores = _scores(15, 4)
    one = calibrate(scores, "operator")
    assert calibrate(scores[::-1], "operator") == one
    assert Calibration.from_wire(one.to_wire()) == one
    assert calibrate(scores, "another").digest != one.digest
