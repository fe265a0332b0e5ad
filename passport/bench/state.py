"""State update: the segmented fold against the row-by-row reference, on the same rows."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Final

import numpy as np

from passport.lifecycle import folding, reference
from passport.lifecycle.state import Basis, LifecycleState
from schemas.measure import Ratio, seconds
from schemas.samples import Chunk, Column, ColumnKey, Samples

_START_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_SEED: Final = 20270218
_ROUNDS: Final = 3
_DECLARED: Final = Basis(
    chemistry="Li-ion LFP",
    rated_mah=100_000,
    in_series=16,
    minimum_mv=40_000,
    maximum_mv=58_400,
    idle_coldest=0,
    idle_hottest=400,
    maximum_w=5_000,
)


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


def run() -> Iterator[Ratio]:
    """At 10 and at 60 rows a battery; and rows a second on long runs."""
    random = np.random.default_rng(_SEED)
    for batteries, rows, bar in ((2000, 10, 8.0), (2000, 60, 12.0)):
        first = [[chunk(str(n), 2, 0, random)] for n in range(batteries)]
        later = [[chunk(str(n), rows, 2, random)] for n in range(batteries)]
        begun = [state.to_bytes() for state in folding.fold([LifecycleState() for _ in first], first)]
        ours = _median(folding.fold, begun, later)
        plain = _median(reference.fold, begun, later)
        yield Ratio(
            f"state update, {rows} rows a battery",
            batteries * rows / ours,
            batteries * rows / plain,
            "rows/s",
            bar,
            at_most=False,
            against="row-by-row Python, same bytes",
            note=f"{batteries} batteries",
        )
    long = [[chunk(str(n), 100_000, 0, random)] for n in range(10)]
    begun = [LifecycleState().to_bytes() for _ in long]
    for what, fold, bar, against in (
        ("nothing declared", folding.fold, 20.0, "absolute bar; basic sums, and no session or event to find"),
        ("all declared", _fold_declared, 5.0, "absolute bar; with sessions, resistance and events"),
    ):
        yield Ratio(
            f"state update, long runs, {what}",
            1_000_000 / _median(fold, begun, long) / 1e6,
            None,
            "million rows/s",
            bar,
            at_most=False,
            against=against,
        )


def _fold_declared(states: list[LifecycleState], chunks: list[list[Chunk]]) -> object:
    return folding.fold(states, chunks, basis=[_DECLARED] * len(states))


def _median(
    fold: Callable[[list[LifecycleState], list[list[Chunk]]], object],
    begun: list[bytes],
    later: list[list[Chunk]],
) -> float:
    """Seconds of one folding; making fresh states is not counted."""
    times = []
    for _ in range(_ROUNDS):
        states = [LifecycleState.from_bytes(data) for data in begun]
        times.append(seconds(lambda states=states: fold(states, later)))  # type: ignore[misc]
    return median(times)
