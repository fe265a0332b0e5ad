import numpy as np
import pytest

from passport.estimates.awtls import Sums, solve


def _searched(pairs: list[tuple[float, float]], sd_x: float, sd_y: float) -> float:
    """The capacity of least cost, by looking at every candidate: the cost as the paper writes it."""
    x, y = np.array(pairs).T
    k = sd_x / sd_y
    scaled = k * y
    candidates = np.linspace(80, 120, 40_001) * k
    cost = np.zeros_like(candidates)
    for one, other in zip(x, scaled, strict=True):
        # Distance to the line in both axes, weighted by where its foot lies.
        foot = (one + candidates * other) / (1 + candidates**2)
        cost += (one - foot) ** 2 / sd_x**2 + (other - candidates * foot) ** 2 / (k * sd_y) ** 2
    return float(candidates[cost.argmin()] / k)


def _sums(pairs: list[tuple[float, float]], sd_x: float, sd_y: float) -> Sums:
    sums = Sums(sd_x / sd_y)
    for x, y in pairs:
        sums = sums.add(x, y, sd_x=sd_x, sd_y=sd_y, clock=0.0)
    return sums


def _pairs(seed: int, sd_x: float, capacity: float = 100.0, count: int = 60) -> list[tuple[float, float]]:
    chance = np.random.default_rng(seed)
    change = chance.uniform(0.15, 0.6, count)
    charge = capacity * change + chance.normal(0, 0.1, count)
    return [(float(x), float(y)) for x, y in zip(change + chance.normal(0, sd_x, count), charge, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_the_root_is_what_a_search_finds(seed: int) -> None:
    pairs = _pairs(seed, 0.02)
    solved = solve(_sums(pairs, 0.02, 0.1))
    assert solved is not None
    assert solved[0] == pytest.approx(_searched(pairs, 0.02, 0.1), abs=0.01)


def test_random_errors_of_soc_leave_no_bias_where_least_squares_has_one() -> None:
    found, plain = [], []
    for seed in range(40):
        pairs = _pairs(seed, 0.06)
        solved = solve(_sums(pairs, 0.06, 0.1))
        assert solved is not None
        found.append(solved[0])
        plain.append(sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs))
    assert abs(np.mean(found) - 100) < 0.8
    assert np.mean(plain) < 98.7


def test_halves_merge_to_the_whole() -> None:
    pairs = _pairs(1, 0.02)
    whole = solve(_sums(pairs, 0.02, 0.1))
    merged = solve(_sums(pairs[:23], 0.02, 0.1).merged(_sums(pairs[23:], 0.02, 0.1)))
    assert whole == pytest.approx(merged, rel=1e-9)


def test_a_wrong_reference_passes_straight_through_and_its_sigma_does_not_know() -> None:
    # Trap 5: why the nominal sigma is never published as an interval.
    pairs = [(x * 0.92, y) for x, y in _pairs(2, 0.005)]
    solved = solve(_sums(pairs, 0.005, 0.1))
    assert solved is not None
    assert solved[0] - 100 > 10 * solved[1]


def test_old_pairs_fade() -> None:
    sums = Sums(0.2)
    for _ in range(20):
        sums = sums.add(0.5, 50.0, sd_x=0.02, sd_y=0.1, clock=0.0, forgetting=0.1)
    for _ in range(20):
        sums = sums.add(0.5, 45.0, sd_x=0.02, sd_y=0.1, clock=60.0, forgetting=0.1)
    solved = solve(sums)
    assert solved is not None
    assert solved[0] == pytest.approx(90, abs=0.1)


def test_nothing_gives_nothing() -> None:
    assert solve(Sums(1.0)) is None
