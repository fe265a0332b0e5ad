"""Batteries: their ids, their declared facts, which device speaks for them, and what waits to be folded.

Every function runs on the caller's open connection, so that what belongs together is one transaction.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection

from passport.errors import Conflict, FactRefused, IdentifierRefused, NotFound
from passport.ledger.database import marks
from schemas.identifier import LinkInvalid, check_public_url, new_serial, parse_link, parse_path
from schemas.registry import REGISTRY
from schemas.terms import Category, PassportStatus
from schemas.values import from_utc_text, plain, utc_text

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


_COLUMNS: Final = (
    "id, passport_id, operator, identifier, category, placed_on, simulated, created_at, passport_status,"
    " notice_revision"
)


# ------------------------------------------------------------------------------------ making and finding


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
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Battery:
    """A new battery with its declared facts, which are already validated.

    Raises:
        IdentifierRefused: the path is no GS1 identifier in its canonical form.
        Conflict: the identifier belongs to another battery.
        NotFound: the operator is not known.
    """
    path = _canonical(identifier_path)
    if by_identifier(connection, path) is not None:
        raise Conflict(
            f"a battery with the identifier {path} is already here; `cellpass gaps {path}` shows it"
        )
    if connection.exec_driver_sql("SELECT 1 FROM operator WHERE id = ?", (operator,)).first() is None:
        raise NotFound(f"no operator {operator[:60]!r} to answer for the battery")
    battery = Battery(
        id=new_serial(random_bytes(_ID_BYTES)),
        passport_id=new_serial(random_bytes(_ID_BYTES)),
        operator=operator,
        identifier=path,
        category=Category(category),
        placed_on=placed_on,
        simulated=simulated,
        created_at=at,
    )
    connection.exec_driver_sql(
        f"INSERT INTO battery ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            battery.id,
            battery.passport_id,
            operator,
            path,
            battery.category.value,
            placed_on.isoformat() if placed_on else None,
            int(simulated),
            utc_text(at),
            battery.passport_status.value,
            battery.notice_revision,
        ),
    )
    _add_revision(connection, battery.id, 1, facts, at=at, by=by)
    return battery


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
        f"SELECT {_COLUMNS} FROM battery {where} ORDER BY created_at, id", values
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
    )


def set_status(connection: Connection, battery_id: str, status: PassportStatus) -> None:
    """Another status of the passport; it shows on the page from the next request on."""
    connection.exec_driver_sql(
        "UPDATE battery SET passport_status = ?, notice_revision = notice_revision + 1 WHERE id = ?",
        (status.value, battery_id),
    )


# ------------------------------------------------------------------------------------------ declared facts


def declare(
    connection: Connection, battery_id: str, facts: Mapping[str, Any], *, at: datetime, by: str
) -> None:
    """Add or replace declared facts, which are already validated; the revision before stays in the history.

    A fact that is None is withdrawn. Declaring what already stands adds no revision.

    Raises:
        NotFound: there is no such battery.
        FactRefused: a fact is no attribute of the registry.
    """
    revision, before = _newest(connection, battery_id)
    after = {name: value for name, value in {**before, **_wire(facts)}.items() if value is not None}
    if after != before:
        _add_revision(connection, battery_id, revision + 1, after, at=at, by=by, wired=True)


def facts(connection: Connection, battery_id: str) -> dict[str, Any]:
    """The declared facts as Python values by attribute id; a fact that the registry dropped is left out.

    Raises:
        NotFound: there is no such battery.
    """
    _, wired = _newest(connection, battery_id)
    return {name: REGISTRY[name].value.from_wire(wire) for name, wire in wired.items() if name in REGISTRY}


def declared_at(connection: Connection, battery_id: str) -> datetime:
    """When the newest revision of the facts was declared."""
    row = connection.exec_driver_sql(
        "SELECT at FROM declaration WHERE battery = ? ORDER BY revision DESC LIMIT 1", (battery_id,)
    ).first()
    if row is None:
        raise NotFound(f"no battery has the id {battery_id[:40]}")
    return from_utc_text(row[0])


@dataclass(frozen=True)
class Declared:
    """The newest revision of a battery's facts, as it is stored.

    Attributes:
        at: when it was declared.
        wired: attribute id to value on the wire; every value was validated before it was stored.
    """

    at: datetime
    wired: Mapping[str, Any]

    def values(self) -> dict[str, Any]:
        """The facts as Python values; a fact that the registry dropped is left out."""
        return {
            name: REGISTRY[name].value.from_wire(wire)
            for name, wire in self.wired.items()
            if name in REGISTRY
        }


def declared(connection: Connection, battery_ids: Sequence[str]) -> dict[str, Declared]:
    """What stands declared of these batteries, by battery id; an unknown battery is left out."""
    rows = connection.exec_driver_sql(
        "SELECT battery, at, facts FROM declaration AS d"
        f" WHERE battery IN ({marks(battery_ids)}) AND revision ="
        " (SELECT max(revision) FROM declaration WHERE battery = d.battery)",
        tuple(battery_ids),
    )
    return {row[0]: Declared(from_utc_text(row[1]), orjson.loads(row[2])) for row in rows}


def _newest(connection: Connection, battery_id: str) -> tuple[int, dict[str, Any]]:
    row = connection.exec_driver_sql(
        "SELECT revision, facts FROM declaration WHERE battery = ? ORDER BY revision DESC LIMIT 1",
        (battery_id,),
    ).first()
    if row is None:
        raise NotFound(f"no battery has the id {battery_id[:40]}")
    return row[0], orjson.loads(row[1])


def _wire(values: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(values) - set(REGISTRY)):
        raise FactRefused(f"not an attribute: {', '.join(unknown)}; `cellpass explain` lists them")
    return {
        name: None if value is None else REGISTRY[name].value.to_wire(value) for name, value in values.items()
    }


def _add_revision(
    connection: Connection,
    battery_id: str,
    revision: int,
    values: Mapping[str, Any],
    *,
    at: datetime,
    by: str,
    wired: bool = False,
) -> None:
    wire = dict(values) if wired else _wire({k: v for k, v in values.items() if v is not None})
    connection.exec_driver_sql(
        "INSERT INTO declaration (battery, revision, at, by, facts) VALUES (?, ?, ?, ?, ?)",
        (battery_id, revision, utc_text(at), by, orjson.dumps(plain(wire), option=orjson.OPT_SORT_KEYS)),
    )


# ------------------------------------------------------------------------------------------- commissioning


def bind(connection: Connection, *, battery: str, source: str, component: str | None, at: datetime) -> None:
    """From `at`, what `source` says of `component` (None: the whole device) belongs to `battery`.

    The same binding again changes nothing.

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
        "INSERT INTO commissioning (battery, source, component, since, until) VALUES (?, ?, ?, ?, NULL)",
        (battery, source, component or "", utc_text(at)),
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
