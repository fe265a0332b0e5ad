"""Models and batches: what many batteries have in common is declared once, and holds for all of them.

A model belongs to an economic operator and has the model identifier as its name; a batch belongs to a model.
Their facts lie under those of each battery (`passport.ledger.facts`). A changed fact of a model shows in the
next version of every battery of it; versions already signed stay as they are.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import FactRefused, NotFound
from passport.ledger import facts as layers
from passport.ledger import operators
from passport.ledger.database import marks
from passport.ledger.facts import Layer
from schemas.identifier import new_serial
from schemas.registry import REGISTRY
from schemas.terms import Level
from schemas.values import from_utc_text, utc_text

_ID_BYTES: Final = 10
# Which row names a product, and is therefore stated by every battery of it.
NAMED_BY: Final[Mapping[Level, str]] = {Level.MODEL: "model_identifier", Level.BATCH: "batch_number"}
# What a model or batch says of the operator holds only while that operator answers for the battery.
OF_THE_OPERATOR: Final = frozenset(
    {
        "operator_identifier",
        "operator_name",
        "operator_address",
        "operator_contact",
        "operator_role",
        "authorised_operator",
    }
)
# Rows of the single battery that a whole model or batch may share all the same.
SHARED: Final = OF_THE_OPERATOR | {"backup_reference", "manufacturing_date"}


@dataclass(frozen=True)
class Product:
    """A model, or a batch of one.

    Attributes:
        id: 16 characters of base32.
        operator: id of the economic operator whose product it is.
        level: model or batch.
        name: the model identifier or the batch number.
        parent: id of a batch's model; None for a model.
    """

    id: str
    operator: str
    level: Level
    name: str
    parent: str | None
    created_at: datetime


def may_state(level: Level, attribute: str) -> bool:
    """Whether something of that level may state the attribute; a single battery may state all."""
    row = REGISTRY[attribute]
    if level is Level.ITEM:
        return True
    if attribute == NAMED_BY[Level.BATCH]:
        return level is Level.BATCH
    return row.level is not Level.ITEM or attribute in SHARED


def put(
    connection: Connection,
    *,
    operator: str,
    level: Level,
    name: str,
    parent: str | None = None,
    facts: Mapping[str, Any],
    circumstances: Mapping[str, bool | None] | None = None,
    at: datetime,
    by: str,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Product:
    """The product of that name, made if it is new, with these validated facts added or replaced.

    A fact that is None is withdrawn. Declaring what already stands adds no revision.

    Raises:
        FactRefused: a fact belongs to the single battery, or names the product otherwise.
        NotFound: the operator or the batch's model is not known.
    """
    if (level is Level.BATCH) != (parent is not None):
        raise ValueError("a batch has a model above it, and a model has nothing")
    _check(level, name, facts)
    product = find(connection, operator=operator, level=level, name=name, parent=parent)
    if product is None:
        operators.get(connection, operator)
        if parent is not None:
            get(connection, parent)
        product = Product(new_serial(random_bytes(_ID_BYTES)), operator, level, name, parent, at)
        connection.exec_driver_sql(
            "INSERT INTO product (id, operator, level, parent, name, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (product.id, operator, level.value, parent or "", name, utc_text(at)),
        )
    row = connection.exec_driver_sql(
        f"SELECT revision, {_LAYER} FROM product_declaration WHERE product = ?"
        " ORDER BY revision DESC LIMIT 1",
        (product.id,),
    ).first()
    before = layers.layer(*row[1:]) if row else None
    after = layers.merged(before, {NAMED_BY[level]: name, **facts}, circumstances or {})
    if before is None or after != (before.wired, before.circumstances):
        connection.exec_driver_sql(
            "INSERT INTO product_declaration (product, revision, at, by, facts, circumstances)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (product.id, (row[0] if row else 0) + 1, utc_text(at), by, *layers.stored(*after)),
        )
    return product


_LAYER: Final = "at, facts, circumstances"


def _check(level: Level, name: str, facts: Mapping[str, Any]) -> None:
    if not name.strip() or len(name) > 200:
        raise FactRefused(f"expected a name of 1 to 200 characters for a {level.value}, got {name[:60]!r}")
    for attribute, value in facts.items():
        if attribute in REGISTRY and not may_state(level, attribute):
            raise FactRefused(
                f"{attribute} is true of one battery, not of a {level.value}: state it of each battery"
            )
        if attribute == NAMED_BY[level] and value != name:
            raise FactRefused(f"{attribute} {value!r} contradicts the name of the {level.value}, {name!r}")


_COLUMNS: Final = "id, operator, level, name, parent, created_at"


def find(
    connection: Connection, *, operator: str, level: Level, name: str, parent: str | None = None
) -> Product | None:
    """The operator's product of that name; None when there is none."""
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM product WHERE operator = ? AND level = ? AND parent = ? AND name = ?",
        (operator, level.value, parent or "", name),
    ).first()
    return _product(row) if row is not None else None


def get(connection: Connection, product_id: str) -> Product:
    """The product of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM product WHERE id = ?", (product_id,)).first()
    if row is None:
        raise NotFound(f"no model and no batch has the id {product_id[:40]}")
    return _product(row)


def every(connection: Connection, operator: str | None = None) -> list[Product]:
    """All models and batches, or one operator's, models first, by name."""
    where, values = ("WHERE operator = ?", (operator,)) if operator else ("", ())
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM product {where} ORDER BY level DESC, name, id", values
    )
    return [_product(row) for row in rows]


def batteries_of(connection: Connection, product_id: str) -> list[str]:
    """Ids of the batteries of a model or batch, the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT id FROM battery WHERE model = ? OR batch = ? ORDER BY created_at, id",
        (product_id, product_id),
    )
    return [row[0] for row in rows]


def owners(connection: Connection, product_ids: Sequence[str]) -> dict[str, str]:
    """The operators whose products these are, by id; an unknown one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT id, operator FROM product WHERE id IN ({marks(product_ids)})", tuple(product_ids)
    )
    return {row[0]: row[1] for row in rows}


def declared(connection: Connection, product_ids: Sequence[str]) -> dict[str, Layer]:
    """The newest declaration of these products, by id; an unknown one is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT product, {_LAYER} FROM product_declaration AS d"
        f" WHERE product IN ({marks(product_ids)}) AND revision ="
        " (SELECT max(revision) FROM product_declaration WHERE product = d.product)",
        tuple(product_ids),
    )
    return {row[0]: layers.layer(*row[1:]) for row in rows}


def _product(row: Any) -> Product:
    return Product(row[0], row[1], Level(row[2]), row[3], row[4] or None, from_utc_text(row[5]))
