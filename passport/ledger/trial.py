"""A battery made with just a few declared facts, for trials; and the operator of this installation."""

import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from passport.errors import FactRefused
from passport.ledger import batteries, catalogue, operators
from passport.ledger.batteries import Battery
from schemas.identifier import gtin_check_digit, identifier_path, new_serial
from schemas.registry import REGISTRY
from schemas.terms import Category, Level
from schemas.validation import FactsInvalid, facts_from_text, load_facts

# GS1's prefix for examples and tests: no product on sale carries it.
_EXAMPLE_ITEM: Final = "0952000000000"
EXAMPLE_GTIN: Final = _EXAMPLE_ITEM + str(gtin_check_digit(_EXAMPLE_ITEM))
OPERATOR: Final = "operator"
OPERATOR_NAME: Final = "Operator of this installation"
_CATEGORY_NEEDED: Final = f"is needed: one of {', '.join(Category)}"
DEMO_REASON: Final = "simulated battery for demonstration: no test bench measured what is owed of a new one"


def create(
    connection: Connection,
    words: Mapping[str, str],
    *,
    at: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Battery:
    """A new battery from facts as typed on a command line, answered for by this installation's operator.

    That is the one real operator, or one by a name that says so where there is none or several. The battery
    gets a random serial under GS1's example prefix.

    Raises:
        FactRefused: a fact is unknown or not acceptable, or the category is missing.
        Conflict: the identifier belongs to another battery.
    """
    try:
        facts = facts_from_text(words)
    except FactsInvalid as error:
        raise FactRefused(str(error)) from error
    category = facts.get("battery_category")
    if category is None:
        raise FactRefused(f"category {_CATEGORY_NEEDED}")
    placed_on = facts.get("placed_on_market_date")
    operator = operators.usual(connection)
    if operator is None:
        operator = OPERATOR
        operators.create(connection, OPERATOR, name=OPERATOR_NAME, simulated=False, at=at)
    return batteries.create(
        connection,
        operator=operator,
        category=Category(category),
        identifier_path=identifier_path(EXAMPLE_GTIN, new_serial(random_bytes(10))),
        facts=facts,
        placed_on=placed_on if isinstance(placed_on, date) else None,
        simulated=False,
        at=at,
        by="trial",
    )


def refusals(words: Mapping[str, str]) -> dict[str, list[str]]:
    """Why `create` would refuse these words, by attribute or unknown name; empty when it would not."""
    found: dict[str, list[str]] = {}
    try:
        is_stated = "battery_category" in facts_from_text(words)
    except FactsInvalid as error:
        found |= error.errors
        is_stated = bool({"category", "battery_category"} & set(words))
    if not is_stated:
        found["category"] = [_CATEGORY_NEEDED]
    return found


class SimulatedPack(Protocol):
    """A pack of the demonstration, as far as the ledger asks."""

    @property
    def facts(self) -> Mapping[str, str]:
        """Declared facts as typed words."""

    @property
    def nested(self) -> Mapping[str, Any]:
        """Declared nested values as JSON would hold them."""

    @property
    def identifier_path(self) -> str:
        """Canonical path of its GS1 Digital Link."""

    @property
    def placed_on(self) -> date:
        """Day of placing on the market."""

    @property
    def category(self) -> Category:
        """What kind of battery it plays."""


def create_simulated(
    connection: Connection, pack: SimulatedPack, *, operator: str, name: str, at: datetime
) -> Battery:
    """A battery that exists only in a simulator, marked as such for good.

    Args:
        connection: the caller's open write transaction.
        pack: what it is.
        operator: id of the simulated economic operator that answers for it; made when missing.
        name: the operator's name.
        at: now.

    Raises:
        FactRefused: a declared fact is not acceptable.
        Conflict: the identifier is already here.
    """
    try:
        facts = facts_from_text(pack.facts) | load_facts(pack.nested)
    except FactsInvalid as error:
        raise FactRefused(str(error)) from error
    operators.create(connection, operator, name=name, simulated=True, at=at)
    of_model = {key: value for key, value in facts.items() if REGISTRY[key].level is not Level.ITEM}
    of_model.pop("batch_number", None)
    model = catalogue.put(
        connection,
        operator=operator,
        level=Level.MODEL,
        name=facts["model_identifier"],
        facts=of_model,
        at=at,
        by="demonstration",
    )
    return batteries.create(
        connection,
        operator=operator,
        category=pack.category,
        identifier_path=pack.identifier_path,
        facts={key: value for key, value in facts.items() if key not in of_model},
        placed_on=pack.placed_on,
        simulated=True,
        at=at,
        by="demonstration",
        model=model.id,
    )


def an_example(connection: Connection) -> str | None:
    """Identifier path of a battery with a passport, best one with a history; None while there is none."""
    found = connection.exec_driver_sql(
        "SELECT b.identifier FROM battery b JOIN version v ON v.battery = b.id AND v.kind = 'passport'"
        " LEFT JOIN lifecycle_state s ON s.battery = b.id"
        " ORDER BY coalesce(s.last_arrival, 0) = 0, b.created_at, b.id LIMIT 1"
    ).scalar()
    return str(found) if found is not None else None
