"""State update: the segmented fold against the row-by-row reference, on the same rows."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Final

import numpy as np

from passport.lifecycle import folding, reference
from passport.lifecycle.arrays import integrate
from passport.lifecycle.basis import Basis
from passport.lifecycle.state import LifecycleState
from schemas.measure import Ratio, seconds
from schemas.samples import Chunk, Column, ColumnKey, Samples

_START_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_SEED: Final = 20270218
_ROUNDS: Final = 3
_RUN_ROWS: Final = 1 << 16
_YEAR_ROWS: Final = 365 * 86_400
_BASIS: Final = Basis("Li-ion LFP", "stationary", 102_000, 16, 40_000, 58_400, 0, 400)


def chunk(battery: str, rows: int, first: int, random: np.random.Generator) -> Chunk:
    """Rows of one second with voltage, current, temperature and state of charge, as a device sends them."""
    # A load that wanders and now and then turns, between 30 A out and 30 A in.
    walk = np.abs(
        (random.integers(0, 120_000) + np.cumsum(random.integers(-400, 401, rows))) % 120_000 - 60_000
    )
    current = walk - 30_000
    columns = {
        "voltage": 51_000 + np.cumsum(random.integers(-3, 4, rows)),
        "current": current,
        "cell_temperature_max": 230 + np.cumsum(random.integers(-1, 2, rows)) % 60,
        "state_of_charge": np.clip(500 + np.cumsum(current) // 40_000_000, 0, 1000),
    }
    exponents = {"voltage": -3, "current": -3, "cell_temperature_max": -1, "state_of_charge": -1}
    valid = np.ones(rows, np.bool_)
    samples = Samples(
        sequence=np.arange(first, first + rows, dtype=np.int64),
        time_ms=_START_MS + 1000 * np.arange(first, first + rows, dtype=np.int64),
        timed=valid,
        columns={
            ColumnKey(name): Column(values.astype(np.int64), valid, exponents[name])
            for name, values in columns.items()
        },
    )
    return Chunk(battery, "bench", "1", 1, samples)


def run(fleet: int = 100_000) -> Iterator[Ratio]:
    """Few rows of many batteries, many rows of few, a year of one battery, and a fleet of `fleet`."""
    random = np.random.default_rng(_SEED)
    for batteries, rows, bar in ((2000, 10, 8.0), (2000, 60, 12.0)):
        begun, later = _begun(batteries, rows, random)
        ours = _median(folding.fold, begun, later)
        plain = _median(reference.fold, begun, later)
        yield Ratio(
            f"state update, {rows} rows a battery",
            batteries * rows / ours,
            batteries * rows / plain,
            "rows/s",
            bar,
            at_most=False,
            against="row-by-row Python, same bytes; sessions, events and resistance among them",
            note=f"{batteries} batteries",
        )
    yield _sums(random)
    long = [[chunk(str(n), _RUN_ROWS, 0, random)] for n in range(16)]
    spent = _median(folding.fold, [LifecycleState().to_bytes() for _ in long], long)
    a_second = 16 * _RUN_ROWS / spent
    yield Ratio(
        "state update, long runs",
        a_second / 1e6,
        None,
        "million rows/s",
        5.0,
        at_most=False,
        against="absolute bar; sums, residence, extremes, counters, sessions, events and resistance together",
    )
    yield Ratio(
        "a year of one battery, a row a second",
        _YEAR_ROWS / a_second,
        None,
        "s",
        30.0,
        at_most=True,
        against="absolute bar; from the line above, rows that are decoded already",
    )
    yield _flat(fleet, random)


def _begun(batteries: int, rows: int, random: np.random.Generator) -> tuple[list[bytes], list[list[Chunk]]]:
    """States of batteries after two rows each, and what follows."""
    first = [[chunk(str(n), 2, 0, random)] for n in range(batteries)]
    later = [[chunk(str(n), rows, 2, random)] for n in range(batteries)]
    states = folding.fold([LifecycleState() for _ in first], first, basis=[_BASIS] * batteries)
    return [state.to_bytes() for state in states], later


def _sums(random: np.random.Generator) -> Ratio:
    """Charge and energy alone."""
    rows = 1 << 20
    current, voltage = random.integers(-30_000, 30_000, rows), random.integers(48_000, 54_000, rows)
    step = np.full(rows, 1000)
    first = np.arange(0, rows, _RUN_ROWS)
    carried = [0] * len(first)

    def both() -> None:
        for begin in first.tolist():
            part = slice(begin, begin + _RUN_ROWS)
            integrate(current[part], step[part], first[:1], carried[:1])
            integrate(current[part] * voltage[part], step[part], first[:1], carried[:1])

    spent = median(seconds(both) for _ in range(_ROUNDS))
    return Ratio(
        "charge and energy by direction",
        rows / spent / 1e6,
        None,
        "million rows/s",
        20.0,
        at_most=False,
        against="absolute bar; exact integers",
    )


def _flat(fleet: int, random: np.random.Generator) -> Ratio:
    """What a battery costs in a fleet of many, from stored bytes to stored bytes, beside a fleet of 1,000."""
    portion = 1000
    begun, later = _begun(portion, 10, random)
    kept: dict[int, bytes] = {}

    def portions(count: int) -> None:
        for number in range(count):
            states = [LifecycleState.from_bytes(data) for data in begun]
            for at, state in enumerate(folding.fold(states, later, basis=[_BASIS] * portion)):
                kept[number * portion + at] = state.to_bytes()

    small = median(seconds(lambda: portions(1)) for _ in range(2 * _ROUNDS + 1))
    large = seconds(lambda: portions(fleet // portion))
    return Ratio(
        f"state update, a battery of {fleet:,}",
        large / fleet * 1e6,
        small / portion * 1e6,
        "µs a battery",
        1.25,
        at_most=True,
        against="a battery of 1,000; 10 rows, from stored bytes to stored bytes",
    )


def _median(
    fold: Callable[..., object],
    begun: list[bytes],
    later: list[list[Chunk]],
) -> float:
    """Seconds of one folding; making fresh states is not counted."""
    times = []
    for _ in range(_ROUNDS):
        states = [LifecycleState.from_bytes(data) for data in begun]
        times.append(seconds(lambda states=states: fold(states, later, basis=[_BASIS] * len(states))))  # type: ignore[misc]
    return median(times)
