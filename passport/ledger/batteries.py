"""Batteries: their ids, their declared facts, which device speaks for them, and what waits to be folded.

Every function runs on the caller's open connection, so that what belongs together is one transaction.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from passport.errors import Conflict, IdentifierRefused, NotFound
from passport.ledger import catalogue
from passport.ledger import facts as layers
from passport.ledger.database import marks
from passport.ledger.facts import Declared, Layer
from schemas.identifier import LinkInvalid, check_public_url, new_serial, parse_link, parse_path
from schemas.terms import Category, Level, PassportStatus
from schemas.values import from_utc_text, utc_text

ID_LENGTH: Final = 16
_ID_BYTES: Final = 10
_ID_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_PAGE_PATHS: Final = ("/p/", "/i/")

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True)
class Battery:
    """One individual battery and its passport.

    Attributes:
        id: 16 characters of base32.
        passport_id: likewise; another one, and a new one after repurposing.
        operator: id of the responsible economic operator.
        identifier: canonical path, `/01/{gtin}/21/{serial}`.
        placed_on: day of placing on the market; None while it is not known.
        simulated: exists only in a simulator.
        notice_revision: grows with every notice that must show on the page.
        model: id of the product whose facts hold for it too; None where none was named.
        batch: likewise, of its batch.
    """

    id: str
    passport_id: str
    operator: str
    identifier: str
    category: Category
    placed_on: date | None
    simulated: bool
    created_at: datetime
    passport_status: PassportStatus = PassportStatus.ACTIVE
    notice_revision: int = 0
    model: str | None = None
    batch: str | None = None


_COLUMNS: Final = (
    "id, passport_id, operator, identifier, category, placed_on, simulated, created_at, passport_status,"
    " notice_revision, model, batch"
)
_PLACED: Final = "placed_on_market_date"


# ------------------------------------------------------------------------------------ making and finding


@dataclass(frozen=True)
class New:
    """A battery that is about to be here.

    Attributes:
        identifier_path: canonical path of its identifier.
        facts: validated, of this battery alone; what its model and batch state need not be said again.
        placed_on: day of placing on the market; None while it is not known.
        model: id of its product; None where none is named.
        batch: likewise.
    """

    operator: str
    category: Category
    identifier_path: str
    facts: Mapping[str, Any]
    placed_on: date | None
    simulated: bool
    model: str | None = None
    batch: str | None = None
    circumstances: Mapping[str, bool] | None = None


def create(
    connection: Connection,
    *,
    operator: str,
    category: Category,
    identifier_path: str,
    facts: Mapping[str, Any],
    placed_on: date | None,
    simulated: bool,
    at: datetime,
    by: str = "operator",
    model: str | None = None,
    batch: str | None = None,
    circumstances: Mapping[str, bool] | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Battery:
    """A new battery with its declared facts, which are already validated.

    Raises:
        IdentifierRefused: the path is no GS1 identifier in its canonical form.
        Conflict: the identifier belongs to another battery.
        NotFound: the operator, the model or the batch is not known.
    """
    new = New(operator, category, identifier_path, facts, placed_on, simulated, model, batch, circumstances)
    return create_many(connection, [new], at=at, by=by, random_bytes=random_bytes)[0]


def create_many(
    connection: Connection,
    news: Sequence[New],
    *,
    at: datetime,
    by: str,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> list[Battery]:
    """The same for many, in two statements, in the order in which they are given.

    Raises:
        IdentifierRefused, Conflict, NotFound: as for `create`; a Conflict too where two have one identifier.
    """
    known: set[str] = set()
    paths = [_canonical(new.identifier_path) for new in news]
    for path in paths:
        if path in known or by_identifier(connection, path) is not None:
            raise Conflict(
                f"a battery with the identifier {path} is already here; `cellpass gaps {path}` shows it"
            )
        known.add(path)
    for operator in {new.operator for new in news}:
        if connection.exec_driver_sql("SELECT 1 FROM operator WHERE id = ?", (operator,)).first() is None:
            raise NotFound(f"no operator {operator[:60]!r} to answer for the battery")
    _check_products(connection, news)
    made = [
        Battery(
            id=new_serial(random_bytes(_ID_BYTES)),
            passport_id=new_serial(random_bytes(_ID_BYTES)),
            operator=new.operator,
            identifier=path,
            category=Category(new.category),
            placed_on=new.placed_on,
            simulated=new.simulated,
            created_at=at,
            model=new.model,
            batch=new.batch,
        )
        for new, path in zip(news, paths, strict=True)
    ]
    moment = utc_text(at)
    if made:
        connection.exec_driver_sql(
            f"INSERT INTO battery ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    battery.id,
                    battery.passport_id,
                    battery.operator,
                    battery.identifier,
                    battery.category.value,
                    battery.placed_on.isoformat() if battery.placed_on else None,
                    int(battery.simulated),
                    moment,
                    battery.passport_status.value,
                    battery.notice_revision,
                    battery.model,
                    battery.batch,
                )
                for battery in made
            ],
        )
        connection.exec_driver_sql(
            _INSERT_DECLARATION,
            [
                (
                    battery.id,
                    1,
                    moment,
                    by,
                    *layers.stored(*layers.merged(None, new.facts, new.circumstances or {})),
                )
                for battery, new in zip(made, news, strict=True)
            ],
        )
    return made


_INSERT_DECLARATION: Final = (
    "INSERT INTO declaration (battery, revision, at, by, facts, circumstances) VALUES (?, ?, ?, ?, ?, ?)"
)


def _check_products(connection: Connection, news: Sequence[New]) -> None:
    """Nothing, when every named model and batch is the operator's, and every batch is of its model."""
    for operator, model, batch in {(new.operator, new.model, new.batch) for new in news}:
        for product_id, level in ((model, Level.MODEL), (batch, Level.BATCH)):
            if product_id is None:
                continue
            product = catalogue.get(connection, product_id)
            if product.operator != operator or product.level is not level:
                raise NotFound(f"operator {operator!r} has no {level.value} with the id {product_id}")
            if level is Level.BATCH and product.parent != model:
                raise Conflict(f"batch {product.name!r} belongs to another model than the battery")


def _canonical(path: str) -> str:
    try:
        link = parse_path(path)
    except LinkInvalid as error:
        raise IdentifierRefused(f"{path[:80]!r} cannot identify a battery: {error}") from error
    if link.key == "01" and all(ai != "21" for ai, _ in link.ais):
        raise IdentifierRefused(f"{path[:80]!r} names a model; one battery needs its serial number, /21/...")
    if link.path != path:
        raise IdentifierRefused(f"{path[:80]!r} is not the canonical spelling; expected {link.path}")
    return path


def find(connection: Connection, argument: str, public_url: str) -> Battery:
    """The battery that a person means: a URL, an identifier path, a battery id or a passport id.

    Scheme and host are compared without regard to case, as a QR code writes them in capitals.

    Raises:
        NotFound: nothing is known under it; the sentence says what was looked for.
    """
    text = argument.strip()
    if "://" in text:
        return _by_url(connection, text, public_url)
    if text.startswith("/"):
        return _by_path(connection, text)
    name = text.upper()
    if len(name) == ID_LENGTH and _ID_CHARACTERS.issuperset(name):
        found = by_id(connection, name) or by_passport(connection, name)
        if found is not None:
            return found
        raise NotFound(f"no battery and no passport has the id {name}")
    raise NotFound(
        f"{text[:80]!r} is no URL, no identifier path (/01/.../21/...) and no id of {ID_LENGTH} characters"
    )


def _by_url(connection: Connection, url: str, public_url: str) -> Battery:
    try:
        parts = urlsplit(url)
        ours = check_public_url(f"{parts.scheme}://{parts.netloc}") == check_public_url(public_url)
    except ValueError:
        ours = False
    if not ours:
        raise NotFound(f"{url[:120]!r} leads to another service; batteries here start with {public_url}")
    if not parts.path.startswith(_PAGE_PATHS):
        try:
            return _by_path(connection, parse_link(url).path or parts.path)
        except LinkInvalid as error:
            raise NotFound(f"{url[:120]!r} names no battery: {error}") from error
    return _by_path(connection, parts.path)


def _by_path(connection: Connection, path: str) -> Battery:
    for prefix in _PAGE_PATHS:
        if path.startswith(prefix):
            name = path.removeprefix(prefix).rstrip("/").upper()
            found = by_passport(connection, name) or by_id(connection, name)
            break
    else:
        try:
            found = by_identifier(connection, parse_path(path).path or path)
        except LinkInvalid as error:
            raise NotFound(f"{path[:120]!r} names no battery: {error}") from error
    if found is None:
        raise NotFound(f"no battery has the identifier {path[:120]}")
    return found


def by_id(connection: Connection, battery_id: str) -> Battery | None:
    """The battery of that id; None when there is none."""
    return _one(connection, "id", battery_id)


def by_identifier(connection: Connection, path: str) -> Battery | None:
    """The battery whose canonical identifier path it is; None when there is none."""
    return _one(connection, "identifier", path)


def by_identifiers(connection: Connection, paths: Sequence[str]) -> dict[str, Battery]:
    """The batteries of these canonical identifier paths, by path; one that is not there is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM battery WHERE identifier IN ({marks(paths)})", tuple(paths)
    )
    return {row[3]: _battery(row) for row in rows}


def by_passport(connection: Connection, passport_id: str) -> Battery | None:
    """The battery of that passport; None when there is none."""
    return _one(connection, "passport_id", passport_id)


def get(connection: Connection, battery_id: str) -> Battery:
    """The battery of that id.

    Raises:
        NotFound: there is none.
    """
    found = by_id(connection, battery_id)
    if found is None:
        raise NotFound(f"no battery has the id {battery_id[:40]}")
    return found


def many(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Battery]:
    """These batteries by id; one that is not there is left out."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM battery WHERE id IN ({marks(battery_ids)})", tuple(battery_ids)
    )
    return {row[0]: _battery(row) for row in rows}


def every(connection: Connection, operator: str | None = None) -> list[Battery]:
    """All batteries, or one operator's, in the order in which they came."""
    where, values = ("WHERE operator = ?", (operator,)) if operator else ("", ())
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM battery {where} ORDER BY created_at, identifier", values
    )
    return [_battery(row) for row in rows]


def _one(connection: Connection, column: str, value: str) -> Battery | None:
    row = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM battery WHERE {column} = ?", (value,)).first()
    return _battery(row) if row is not None else None


def _battery(row: Any) -> Battery:
    return Battery(
        id=row[0],
        passport_id=row[1],
        operator=row[2],
        identifier=row[3],
        category=Category(row[4]),
        placed_on=date.fromisoformat(row[5]) if row[5] else None,
        simulated=bool(row[6]),
        created_at=from_utc_text(row[7]),
        passport_status=PassportStatus(row[8]),
        notice_revision=row[9],
        model=row[10],
        batch=row[11],
    )


def join(connection: Connection, battery_id: str, *, model: str, batch: str | None) -> None:
    """A battery that came without a model belongs to one from now on; one that has a model keeps it.

    Raises:
        NotFound: there is no such battery, model or batch of the battery's operator.
        Conflict: the battery has a model, or the batch is of another.
    """
    battery = get(connection, battery_id)
    if battery.model is not None:
        raise Conflict(f"battery {battery.identifier} has a model already, and keeps it")
    new = New(
        battery.operator, battery.category, battery.identifier, {}, None, battery.simulated, model, batch
    )
    _check_products(connection, [new])
    # What stands of recalls of the model shows on its page from the next request on.
    connection.exec_driver_sql(
        "UPDATE battery SET model = ?, batch = ?, notice_revision = notice_revision + 1 WHERE id = ?",
        (model, batch, battery_id),
    )


def show_again(connection: Connection, battery_id: str) -> None:
    """Have the page made anew at the next request: something shows on it that is in no record."""
    connection.exec_driver_sql(
        "UPDATE battery SET notice_revision = notice_revision + 1 WHERE id = ?", (battery_id,)
    )


def set_status(connection: Connection, battery_id: str, status: PassportStatus) -> None:
    """Another status of the passport; it shows on the page from the next request on."""
    connection.exec_driver_sql(
        "UPDATE battery SET passport_status = ?, notice_revision = notice_revision + 1 WHERE id = ?",
        (status.value, battery_id),
    )


# ------------------------------------------------------------------------------------------ declared facts


def declare(
    connection: Connection,
    battery_id: str,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    by: str,
    circumstances: Mapping[str, bool | None] | None = None,
) -> None:
    """Add or replace declared facts, which are already validated; the revision before stays in the history.

    A fact or circumstance that is None is withdrawn. Declaring what already stands adds no revision.

    Raises:
        NotFound: there is no such battery.
        FactRefused: a fact is no attribute of the registry, a circumstance no condition, or a counter falls.
    """
    revision, before = _newest(connection, battery_id)
    after = layers.merged(before, facts, circumstances or {})
    if after == (before.wired, before.circumstances):
        return
    layers.check_counters(before, after[0])
    connection.exec_driver_sql(
        _INSERT_DECLARATION, (battery_id, revision + 1, utc_text(at), by, *layers.stored(*after))
    )
    if after[0].get(_PLACED) != before.wired.get(_PLACED):
        # The day decides what is owed, so that it stands beside the battery as well.
        day = after[0].get(_PLACED)
        connection.exec_driver_sql(
            "UPDATE battery SET placed_on = ? WHERE id = ?",
            (day if isinstance(day, str) else None, battery_id),
        )


def facts(connection: Connection, battery_id: str) -> dict[str, Any]:
    """The declared facts of the battery, its model and its batch, as Python values by attribute id.

    Absences and facts that the registry dropped are left out.

    Raises:
        NotFound: there is no such battery.
    """
    return _declared(connection, battery_id).values()


def declared_at(connection: Connection, battery_id: str) -> datetime:
    """When the newest of the facts was declared.

    Raises:
        NotFound: there is no such battery.
    """
    return _declared(connection, battery_id).at


def _declared(connection: Connection, battery_id: str) -> Declared:
    found = declared(connection, [battery_id])
    if battery_id not in found:
        raise NotFound(f"no battery has the id {battery_id[:40]}")
    return found[battery_id]


def declared(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Declared]:
    """What stands declared of these batteries, by battery id; an unknown battery is left out.

    After a hand-over the model still tells what the battery is; what it tells of its operator is of the one
    before, and does not hold any more.
    """
    rows = connection.exec_driver_sql(
        f"SELECT battery, model, batch, operator, {_LAYER} FROM declaration AS d"
        " JOIN battery ON battery.id = d.battery"
        f" WHERE battery IN ({marks(battery_ids)}) AND revision ="
        " (SELECT max(revision) FROM declaration WHERE battery = d.battery)",
        tuple(battery_ids),
    ).fetchall()
    names = list({name for row in rows for name in row[1:3] if name})
    products, owners = catalogue.declared(connection, names), catalogue.owners(connection, names)
    foreign = {
        name: layers.without(layer, catalogue.OF_THE_OPERATOR)
        for name, layer in products.items()
        if any(row[3] != owners[name] for row in rows if name in row[1:3])
    }
    return {
        row[0]: Declared(
            (
                *(
                    (products if owners[name] == row[3] else foreign)[name]
                    for name in row[1:3]
                    if name in products
                ),
                layers.layer(*row[4:]),
            )
        )
        for row in rows
    }


_LAYER: Final = "d.at, d.facts, d.circumstances"


def _newest(connection: Connection, battery_id: str) -> tuple[int, Layer]:
    """Number and content of the battery's own newest revision."""
    row = connection.exec_driver_sql(
        f"SELECT d.revision, {_LAYER} FROM declaration AS d WHERE battery = ? ORDER BY revision DESC LIMIT 1",
        (battery_id,),
    ).first()
    if row is None:
        raise NotFound(f"no battery has the id {battery_id[:40]}")
    return row[0], layers.layer(*row[1:])


# ------------------------------------------------------------------------------------------- commissioning


def bind(
    connection: Connection,
    *,
    battery: str,
    source: str,
    component: str | None,
    at: datetime,
    node: str | None = None,
    serial: str | None = None,
    address: str | None = None,
) -> None:
    """From `at`, what `source` says of `component` (None: the whole device) belongs to `battery`.

    The same binding again changes nothing.

    Args:
        connection: the caller's open write transaction.
        battery: id of the battery.
        source: id of the device.
        component: which part of what the device speaks of.
        at: aware.
        node: id of the part of the component tree that the device sits on; None where none was named.
        serial: the device's own number, as read or typed; None where there is none.
        address: where it was on its bus at that moment; it identifies nothing.

    Raises:
        NotFound: there is no such battery.
        Conflict: the source's component is bound to another battery.
    """
    get(connection, battery)
    row = connection.exec_driver_sql(
        "SELECT battery FROM commissioning WHERE source = ? AND component = ? AND until IS NULL",
        (source, component or ""),
    ).first()
    if row is not None and row[0] == battery:
        return
    if row is not None:
        part = f" {component!r}" if component else ""
        raise Conflict(
            f"source {source!r}{part} speaks for battery {row[0]} since it was commissioned; release it first"
        )
    connection.exec_driver_sql(
        "INSERT INTO commissioning (battery, source, component, since, until, node, serial, address)"
        " VALUES (?, ?, ?, ?, NULL, ?, ?, ?)",
        (battery, source, component or "", utc_text(at), node, serial, address),
    )


def release(connection: Connection, *, source: str, component: str | None, at: datetime) -> None:
    """End the open binding of a source's component; ending none changes nothing."""
    connection.exec_driver_sql(
        "UPDATE commissioning SET until = ? WHERE source = ? AND component = ? AND until IS NULL",
        (utc_text(at), source, component or ""),
    )


def bound(connection: Connection, source: str) -> dict[str | None, str]:
    """Open bindings of a source: component (None for the whole device) to battery id."""
    rows = connection.exec_driver_sql(
        "SELECT component, battery FROM commissioning WHERE source = ? AND until IS NULL ORDER BY component",
        (source,),
    )
    return {row[0] or None: row[1] for row in rows}


def bound_serials(connection: Connection, source: str) -> dict[str | None, str]:
    """Serial numbers of a source's open bindings, where they were written down, by component."""
    rows = connection.exec_driver_sql(
        "SELECT component, serial FROM commissioning"
        " WHERE source = ? AND until IS NULL AND serial IS NOT NULL",
        (source,),
    )
    return {row[0] or None: row[1] for row in rows}


def bound_since(connection: Connection, source: str) -> dict[str | None, datetime]:
    """Since when each open binding of a source holds, by component."""
    rows = connection.exec_driver_sql(
        "SELECT component, since FROM commissioning WHERE source = ? AND until IS NULL", (source,)
    )
    return {row[0] or None: from_utc_text(row[1]) for row in rows}


def first_bound(connection: Connection, battery_id: str) -> datetime | None:
    """Since when any source speaks for the battery; None while none ever did."""
    found = connection.exec_driver_sql(
        "SELECT min(since) FROM commissioning WHERE battery = ?", (battery_id,)
    ).scalar()
    return from_utc_text(found) if found else None


# --------------------------------------------------------------------------------------- waiting to be folded


def mark_dirty(connection: Connection, battery_id: str, *, at: datetime) -> None:
    """The battery's state is older than its journal; marking again keeps the first moment."""
    connection.exec_driver_sql(
        "INSERT INTO dirty (battery, since) VALUES (?, ?) ON CONFLICT (battery) DO NOTHING",
        (battery_id, utc_text(at)),
    )


def dirty(connection: Connection, limit: int = 100) -> list[str]:
    """Ids of batteries to fold, the longest waiting first."""
    rows = connection.exec_driver_sql("SELECT battery FROM dirty ORDER BY since, battery LIMIT ?", (limit,))
    return [row[0] for row in rows]


def clear_dirty(connection: Connection, battery_id: str) -> None:
    """The state was folded, in this same transaction."""
    connection.exec_driver_sql("DELETE FROM dirty WHERE battery = ?", (battery_id,))
