"""Installing the demonstration: each pack of the fleet, its simulated year in the journal, its records."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from sqlalchemy import Connection

from ingest.journal import accept, set_usual_period
from ingest.ports import Batteries
from ingest.simulators.fleet import (
    BENCH_STEP_S,
    STEP_S,
    DemoPack,
    fleet,
    history,
    on_the_bench,
    retired,
)
from ingest.simulators.years import simulate_years

SEED: Final = 952
SOURCE: Final = "simulated-bms-{serial}"
EPOCH: Final = "1"
_GROUP: Final = 200

Progress = Callable[[str, int, int], None]


class Hooks(Protocol):
    """What the demo needs of passports, handed in by `app`."""

    @property
    def batteries(self) -> Batteries:
        """Binding sources to batteries."""

    def writing(self) -> AbstractContextManager[Connection]:
        """One write transaction."""

    def create(self, connection: Connection, pack: DemoPack, *, at: datetime) -> str:
        """A battery, marked as simulated, with the pack's declared facts; its id."""

    def settle(self, battery_id: str, *, at: datetime) -> None:
        """Fold its telemetry and issue its records."""

    def settle_many(self, battery_ids: Sequence[str], *, at: datetime) -> None:
        """The same for many, with few writes to disk."""


def install(hooks: Hooks, *, now: datetime, progress: Progress) -> int:
    """Make the fleet; how many batteries.

    Each pack is whole before the next one begins, so an interrupted installation leaves whole batteries.

    Args:
        hooks: the passport side.
        now: aware; the simulated year ends with the day before.
        progress: told (stage, done, total).
    """
    packs = fleet(SEED, now.date())
    with_history = [pack for pack in packs if pack.spec is not None]
    progress("simulating a year", 0, 1)
    start, end = history(now.date())
    years = simulate_years([pack.spec for pack in with_history if pack.spec], start, end, STEP_S)
    progress("simulating a year", 1, 1)
    told = dict(zip((pack.serial for pack in with_history), years, strict=True))
    for number, pack in enumerate(packs):
        with hooks.writing() as connection:
            battery = hooks.create(connection, pack, at=now)
            if pack.serial in told:
                source = SOURCE.format(serial=pack.serial)
                hooks.batteries.bind(connection, battery=battery, source=source, component=None, at=start)
                set_usual_period(connection, battery=battery, source=source, period_ms=STEP_S * 1000)
                accept(
                    connection,
                    battery=battery,
                    source=source,
                    epoch=EPOCH,
                    samples=told[pack.serial],
                    received_at=now,
                )
        hooks.settle(battery, at=now)
        progress("issuing passports", number + 1, len(packs))
    return len(packs)


def install_retired(hooks: Hooks, *, now: datetime, count: int, progress: Progress) -> None:
    """Add so many packs after their first life, each with some days on a simulated test bench.

    Every pack goes the road of any other: its rows into the journal, folded, its three records gated, signed
    and logged. A group is whole before the next one begins.

    Args:
        hooks: the passport side.
        now: aware; the days on the bench end with the day before.
        count: how many.
        progress: told (stage, done, total).
    """
    start, end = on_the_bench(now.date())
    waiting, done = retired(SEED, now.date(), count), 0
    while packs := list(islice(waiting, _GROUP)):
        told = simulate_years([pack.spec for pack in packs if pack.spec], start, end, BENCH_STEP_S)
        made = []
        with hooks.writing() as connection:
            for pack, samples in zip(packs, told, strict=True):
                battery = hooks.create(connection, pack, at=now)
                source = SOURCE.format(serial=pack.serial)
                hooks.batteries.bind(connection, battery=battery, source=source, component=None, at=start)
                set_usual_period(connection, battery=battery, source=source, period_ms=BENCH_STEP_S * 1000)
                accept(
                    connection, battery=battery, source=source, epoch=EPOCH, samples=samples, received_at=now
                )
                made.append(battery)
        hooks.settle_many(made, at=now)
        done += len(packs)
        progress("testing retired packs", done, count)
