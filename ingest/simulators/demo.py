"""Installing the demonstration: each pack of the fleet, its simulated year in the journal, its records."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Connection

from ingest.journal import accept, set_usual_period
from ingest.ports import Batteries
from ingest.simulators.fleet import STEP_S, DemoPack, fleet, history
from ingest.simulators.years import simulate_years

SEED: Final = 952
SOURCE: Final = "simulated-bms-{serial}"
EPOCH: Final = "1"

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
