"""A small installation for tests of issuing: one operator, real keys, a real database."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from passport.issue import Issuer
from passport.ledger import batteries, database, operators
from passport.ledger.batteries import Battery
from passport.settings import Settings
from passport.signing.keys import FileSigner, create_key
from schemas.terms import Category
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPERATOR = "example-cells"
URL = "https://id.example.com"
BEFORE = date(2026, 5, 1)
AFTER = date(2027, 2, 18)
FACTS = {
    "battery_chemistry": "Li-ion LFP",
    "rated_capacity": Decimal(102),
    "nominal_voltage": Decimal("51.2"),
    "battery_mass": Decimal("43.5"),
    "manufacturer_name": "Example Cells",
    "model_identifier": "EX-5",
}


@dataclass
class Installation:
    """What a test issues with."""

    engine: Engine
    issuer: Issuer
    settings: Settings
    serials: Any = field(default_factory=count)

    def battery(self, *, placed_on: date | None = BEFORE, category=Category.STATIONARY, **facts) -> Battery:
        with database.writing(self.engine) as connection:
            operators.create(connection, OPERATOR, name="Example Cells GmbH", simulated=True, at=NOW)
            return batteries.create(
                connection,
                operator=OPERATOR,
                category=category,
                identifier_path=f"/01/09520123456788/21/S{next(self.serials)}",
                facts={**FACTS, **facts},
                placed_on=placed_on,
                simulated=True,
                at=NOW,
            )

    def declare(self, battery: Battery, **facts) -> None:
        with database.writing(self.engine) as connection:
            batteries.declare(connection, battery.id, facts, at=NOW, by="test")

    def circumstance(self, battery: Battery, **circumstances: bool) -> None:
        with database.writing(self.engine) as connection:
            batteries.declare(connection, battery.id, {}, at=NOW, by="test", circumstances=circumstances)

    def one(self, query: str, *values: Any) -> Any:
        with database.reading(self.engine) as connection:
            return connection.exec_driver_sql(query, values).scalar()


def make(data_dir: Path, *, signers=None, **options: Any) -> Installation:
    """An installation in a folder; keys are made when they are missing."""
    engine = migrated(data_dir)
    settings = Settings(data_dir, public_url=URL)
    key = settings.keys_dir / f"{OPERATOR}.pem"
    create_key(key, password=None)
    signer = FileSigner(key)
    return Installation(engine, Issuer(engine, settings, signers or (lambda _: signer), **options), settings)


@contextmanager
def installation(data_dir: Path, **options: Any):
    """The same, closed at the end."""
    made = make(data_dir, **options)
    try:
        yield made
    finally:
        made.engine.dispose()
