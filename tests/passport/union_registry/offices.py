"""An installation that may register: one operator, real batteries, a registry on loopback."""

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

from passport.issue import Issuer
from passport.ledger import batteries, database, operators, registrations
from passport.settings import RegistrySettings
from passport.union_registry import Desk, RegistryClient
from schemas.terms import Category, RecordKind
from tests.passport.issuing import FACTS, OPERATOR, URL, Installation, make
from tests.passport.union_registry.stub_registry import PATHS

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
OWED = date(2027, 2, 20)
VOLUNTARY = date(2026, 5, 1)
OPERATOR_IDENTIFIER = "DE812345678"


class Office:
    """An installation, its clock and its desk."""

    def __init__(self, made: Installation, registry: RegistrySettings | None) -> None:
        self.made, self.time, self.naps = made, START, []
        self.settings = replace(made.settings, registry=registry)
        self.engine = made.engine
        self.issuer = Issuer(made.engine, self.settings, made.issuer.signers)
        self.desk = Desk(made.engine, self.settings, now=self.now)
        self.serials = count()

    def now(self) -> datetime:
        return self.time

    def later(self, **span: int) -> None:
        self.time += timedelta(**span)

    def client(self) -> RegistryClient:
        return RegistryClient(self.desk.registry, now=self.now, sleep=self.naps.append)

    @contextmanager
    def reading(self):
        with database.reading(self.engine) as connection:
            yield connection

    def battery(
        self,
        *,
        placed_on=OWED,
        simulated=False,
        operator=OPERATOR,
        issued=True,
        operator_identifier=OPERATOR_IDENTIFIER,
    ):
        facts = {**FACTS, "operator_identifier": operator_identifier} if operator_identifier else FACTS
        with database.writing(self.engine) as connection:
            operators.create(connection, operator, name=operator.title(), simulated=False, at=START)
            made = batteries.create(
                connection,
                operator=operator,
                category=Category.STATIONARY,
                identifier_path=f"/01/09520123456788/21/R{next(self.serials)}",
                facts=facts,
                placed_on=placed_on,
                simulated=simulated,
                at=START,
            )
        if issued:
            self.issue(made)
        return made

    def issue(self, battery, **options):
        return self.issuer.issue(
            battery.id, RecordKind.PASSPORT, now=self.time, incomplete="tests are under way", **options
        )

    def register(self, *made):
        with self.desk.alone(), self.client() as client:
            return list(self.desk.register(client, [one.id for one in made]))

    def fetch(self, *made):
        with self.desk.alone(), self.client() as client:
            return list(self.desk.fetch_proofs(client, [one.id for one in made]))

    def registration(self, battery):
        with self.reading() as connection:
            return registrations.many(connection, [battery.id]).get(battery.id)

    def one(self, query, *values):
        return self.made.one(query, *values)


def product(battery) -> str:
    return f"{URL}{battery.identifier}"


def settings(registry, **more) -> RegistrySettings:
    """How a registry on loopback is reached, all of its paths known unless said otherwise."""
    return RegistrySettings(**{"url": registry.url, "timeout_s": 2, **PATHS, **more})


@cache
def _empty() -> Path:
    """A data folder as a new installation has it; copied, as making one costs more than a test."""
    folder = Path(tempfile.mkdtemp(prefix="cellpass-office-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make(folder).engine.dispose()
    return folder


@contextmanager
def office(folder: Path, registry, **more):
    """An office that knows a registry (or None), closed at the end."""
    if not (folder / database.FILE_NAME).exists():
        shutil.copytree(_empty(), folder, dirs_exist_ok=True)
    made = make(folder)
    try:
        yield Office(made, settings(registry, **more) if registry is not None else None)
    finally:
        made.engine.dispose()
