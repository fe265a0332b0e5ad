"""A house for tests of the web: real database, keys and issuer, one operator, a few batteries."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from passport.issue import Issuer
from passport.ledger import batteries, database, operators
from passport.settings import Settings
from passport.signing.keys import FileSigner, create_key
from passport.web import WebContext, create_flask, create_wsgi
from schemas.identifier import identifier_path
from schemas.terms import Category, RecordKind
from schemas.validation import load_facts
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GTIN = "09521234543213"
OPERATOR = "example-cells"
FACTS = {
    "model_identifier": "Voltaro R-102",
    "manufacturer_name": "Example Cells GmbH",
    "operator_name": "Example Cells GmbH",
    "battery_category": "stationary",
    "battery_chemistry": "Li-ion LFP",
    "battery_mass": "46.5",
    "manufacturing_date": "2026-03",
    "extinguishing_agent": ["Water"],
    "nominal_voltage": "51.2",
    "minimum_voltage": "40.0",
    "maximum_voltage": "58.4",
    "rated_capacity": "102",
    "warranty_period": 120,
    "expected_lifetime_cycles": 6000,
    "manufacturer_web": "https://cells.example",
}


@dataclass
class House:
    """What a test works with; `now` may be set."""

    folder: Path
    public_url: str = "http://127.0.0.1:8000"
    now: datetime = NOW
    accept: Callable[[bytes, str], dict[str, Any]] | None = None
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(self.folder, public_url=self.public_url)
        self.engine = migrated(self.folder)
        key = self.folder / "keys" / f"{OPERATOR}.pem"
        key.parent.mkdir(exist_ok=True)
        if not key.exists():
            create_key(key, password=None)
        self.signer = FileSigner(key, None)
        self.issuer = Issuer(self.engine, self.settings, lambda _: self.signer)
        with database.writing(self.engine) as connection:
            operators.create(connection, OPERATOR, name="Example Cells GmbH", simulated=True, at=NOW)

    def battery(
        self,
        serial: str = "AAAQEAYEAUDAOCAJ",
        *,
        simulated: bool = True,
        placed_on: date | None = date(2026, 5, 4),
        issue: bool = True,
        **facts: Any,
    ) -> batteries.Battery:
        """A battery, with its first passport record unless told otherwise."""
        with database.writing(self.engine) as connection:
            made = batteries.create(
                connection,
                operator=OPERATOR,
                category=Category.STATIONARY,
                identifier_path=identifier_path(GTIN, serial),
                facts=load_facts({**FACTS, **facts}),
                placed_on=placed_on,
                simulated=simulated,
                at=self.now,
            )
        if issue:
            self.issue(made)
        return made

    def issue(self, battery: batteries.Battery, **facts: Any) -> None:
        """A further version, with these facts changed."""
        if facts:
            with database.writing(self.engine) as connection:
                batteries.declare(connection, battery.id, load_facts(facts), at=self.now, by="test")
        self.issuer.issue(battery.id, RecordKind.PASSPORT, now=self.now, incomplete="trial")

    @property
    def context(self) -> WebContext:
        return WebContext(self.engine, self.settings, lambda: self.now, self.accept, self.issuer)

    def client(self) -> Any:
        """Flask alone."""
        return create_flask(self.context).test_client()

    def wsgi(self) -> Any:
        """Flask behind the layer of stored pages, as servers run it."""
        return create_wsgi(self.context)

    def close(self) -> None:
        self.engine.dispose()
