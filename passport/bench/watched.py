"""A battery through the real road: rows, the folding, the sessions it keeps, what estimators make of them.

Nothing here is simpler than what the service does. Rows are folded in parts, as they would arrive, and after
each part the estimators are asked with what the state then holds.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from passport.bench.fleet import Plan, Simulated, simulate
from passport.estimates import fusion
from passport.estimates.capacity import Measurement, Refusal, classify_all
from passport.estimates.conformal import Calibration
from passport.estimates.estimate import Estimate
from passport.estimates.health import Health, health_of
from passport.estimates.windows import WindowModel
from passport.lifecycle.basis import Basis
from passport.lifecycle.session import PER_AMPERE_HOUR, Session
from passport.lifecycle.state import LifecycleState, fold
from schemas.samples import Chunk, Column, Samples

_PER_RATED: Final = 2 * 3_600_000  # of 2·mA·ms in a mAh
PARTS: Final = 8  # in which a battery's rows arrive


@dataclass(frozen=True)
class Checkpoint:
    """What was known after some of the rows.

    Attributes:
        at_s: time of the last row.
        sessions: that the state keeps.
        told: what each of them says.
        cycles: equivalent full cycles by then.
    """

    at_s: float
    sessions: tuple[Session, ...]
    told: tuple[Measurement | Refusal, ...]
    cycles: float

    def health(
        self, basis: Basis, *, model: WindowModel | None = None, calibration: Calibration | None = None
    ) -> Health:
        """What the service would say at that moment."""
        return health_of(
            self.sessions,
            basis,
            now=moment(self.at_s),
            cycles=self.cycles,
            model=model,
            calibration=calibration,
        )

    def sd(self, rated_ah: float) -> tuple[float, float, str] | None:
        """Capacity and its standard deviation, percent of the rated one, and the class; None without one."""
        fused = fusion.fuse(self.told, rated_ah)
        if fused is None or fused.cold:
            return None
        days = (self.at_s - fused.newest.ended_s) / 86_400 if fused.newest.absolute else 0.0
        since = max(0.0, self.cycles - fused.newest.cycles - 1)
        return fused.capacity, fusion.aged(fused, days=max(days, 0.0), cycles=since), fused.best.value


@dataclass(frozen=True)
class Said:
    """An interval that was stated, and the truth at that moment; all in points of the rated capacity.

    Attributes:
        value, low, high: as stated.
        true: by the reference test.
        calibrated: as stated.
    """

    value: float
    low: float
    high: float
    true: float
    calibrated: bool

    @property
    def error(self) -> float:
        """Stated minus true."""
        return self.value - self.true

    @property
    def held(self) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= self.true <= self.high


def said(health: Health, true: float) -> Said | None:
    """The health that was stated, beside the truth; None where none was."""
    told = health.health
    if not isinstance(told, Estimate):
        return None
    return Said(float(told.value), float(told.low), float(told.high), true, told.calibrated)


@dataclass(frozen=True)
class Watched:
    """One battery, its checkpoints and its last state.

    Attributes:
        name: of the battery.
        basis: what is declared.
        checkpoints: ascending.
        state: after all rows.
        bytes: of the state as stored, the largest at any checkpoint.
    """

    name: str
    basis: Basis
    checkpoints: tuple[Checkpoint, ...]
    state: LifecycleState
    bytes: int

    @property
    def rated_ah(self) -> float:
        """Declared capacity."""
        assert self.basis.rated_mah is not None
        return self.basis.rated_mah / 1000

    def each(self) -> Iterator[tuple[Session, Measurement | Refusal]]:
        """Every session that any checkpoint kept, once, with what it said when it was last kept."""
        seen: dict[tuple[int, int], tuple[Session, Measurement | Refusal]] = {}
        for checkpoint in self.checkpoints:
            for session, told in zip(checkpoint.sessions, checkpoint.told, strict=True):
                seen[session.start_s, session.direction] = (session, told)
        for key in sorted(seen):
            yield seen[key]


def watch(
    name: str, basis: Basis, parts: Sequence[Sequence[Chunk]], *, model: WindowModel | None = None
) -> Watched:
    """Fold the parts one after the other and ask after each.

    Args:
        name: of the battery.
        basis: what is declared.
        parts: chunks in order of folding, as they come.
        model: windows learned from other batteries; None for none.
    """
    state = LifecycleState()
    found = []
    largest = 0
    for chunks in parts:
        (state,) = fold([state], [chunks], basis=[basis])
        data = state.to_bytes()
        largest = max(largest, len(data))
        state = LifecycleState.from_bytes(data)
        sessions = tuple(state.sessions.until_now(basis))
        samples = chunks[-1].samples
        found.append(
            Checkpoint(
                float(samples.time_ms[-1]) / 1000,
                sessions,
                tuple(classify_all(sessions, basis, model)),
                max(state.charge_in, state.charge_out) / _PER_RATED / basis.rated_mah
                if basis.rated_mah
                else 0.0,
            )
        )
    return Watched(name, basis, tuple(found), state, largest)


def cut(chunk: Chunk, parts: int) -> list[list[Chunk]]:
    """The rows of a chunk in about equal parts."""
    edges = np.linspace(0, len(chunk.samples), parts + 1).astype(np.int64).tolist()
    return [[replace(chunk, samples=part_of(chunk.samples, a, b))] for a, b in itertools.pairwise(edges)]


def part_of(samples: Samples, first: int, last: int) -> Samples:
    """Rows `first` up to `last`, without it."""
    return Samples(
        samples.sequence[first:last],
        samples.time_ms[first:last],
        samples.timed[first:last],
        {
            key: Column(column.values[first:last], column.valid[first:last], column.exponent, column.origin)
            for key, column in samples.columns.items()
        },
        samples.notes,
        samples.absolute,
    )


@dataclass(frozen=True)
class Pair:
    """A simulated battery and what the road made of it."""

    truth: Simulated
    seen: Watched

    def session_error(self, told: Measurement) -> float:
        """Of one session's capacity, points of the rated capacity."""
        true = self.truth.capacity_at(told.ended_s)
        return 100 * (told.capacity - true) / self.seen.rated_ah

    def true_at(self, at_s: float) -> float:
        """True capacity at a moment, percent of the rated one."""
        return 100 * self.truth.capacity_at(at_s) / self.seen.rated_ah

    def share(self, session: Session) -> float:
        """Of what the pack can hold, moved by a session."""
        end_s = session.start_s + session.duration_s
        return session.charge / PER_AMPERE_HOUR / self.truth.capacity_at(end_s)


def pairs(plans: Sequence[Plan], *, model: WindowModel | None = None) -> list[Pair]:
    """Simulate batteries and take them along the road."""
    out = []
    for plan in plans:
        truth = simulate(plan)
        seen = watch(truth.chunk.battery, truth.basis, cut(truth.chunk, PARTS), model=model)
        # The rows are large and have been folded.
        empty = replace(truth.chunk, samples=part_of(truth.chunk.samples, 0, 0))
        out.append(Pair(replace(truth, chunk=empty), seen))
    return out


def moment(at_s: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(at_s, UTC)
