"""Saved searches: a question kept under a key, and the batteries that newly fit it.

The rules:

1. A saved search asks within the rights of its key, read anew at every look. When the key has ended, nothing
   is looked at and nothing is sent.
2. What fitted when the question was saved is not new. A battery is new once: when a row that was written
   since fits for the first time.
3. What is sent is one page of the search as the key may read it, and nothing beside it. It is queued in the
   transaction that notes the match, so that neither is lost without the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection

from passport.errors import InputRefused, NotFound
from passport.search.asking import Reader, check_rights, conditions_of, parse, rows_of, wire
from passport.settings import LOOPBACK
from schemas.identifier import new_serial
from schemas.values import from_utc_text, utc_text

AT_ONCE: Final = 100  # batteries in one delivery
FIRST_WAIT: Final = timedelta(minutes=1)  # doubled after each attempt
ATTEMPTS: Final = 9  # the last one four hours after the first
_ID_BYTES: Final = 10


@unique
class State(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Saved:
    """A question that is kept.

    Attributes:
        handle: of the key within whose rights it asks.
        pairs: names and texts, as in a query string.
        seen: rows written up to here were looked at.
    """

    id: str
    name: str
    handle: str
    pairs: tuple[tuple[str, str], ...]
    url: str
    created_at: datetime
    seen: int


@dataclass(frozen=True)
class Delivery:
    """One message on its way, or what became of it.

    Attributes:
        attempts: how often it was sent so far.
        next_at: when it is sent next; None once nobody sends it any more.
        told: what the last attempt came to, in words; empty before the first.
    """

    id: int
    search: str
    batteries: int
    body: bytes
    made_at: datetime
    attempts: int
    next_at: datetime | None
    state: State
    told: str


def save(
    connection: Connection,
    reader: Reader,
    *,
    name: str,
    handle: str,
    pairs: Sequence[tuple[str, str]],
    url: str,
    now: datetime,
    random_bytes: Callable[[int], bytes],
) -> Saved:
    """Keep a question.

    Raises:
        Forbidden: the key may not read a field of it.
        InputRefused: the question or the address is none.
    """
    if not name.strip() or len(name) > 100:
        raise InputRefused(f"expected a name of 1 to 100 characters, got {name[:60]!r}")
    if any(one in ("order", "cursor", "limit") for one, _ in pairs):
        raise InputRefused("a saved search has filters alone: no order, cursor or limit")
    check_rights(parse(pairs), reader)
    made = Saved(
        id=new_serial(random_bytes(_ID_BYTES)),
        name=name.strip(),
        handle=handle,
        pairs=tuple(pairs),
        url=checked_url(url),
        created_at=now,
        seen=_newest(connection),
    )
    connection.exec_driver_sql(
        f"INSERT INTO saved_search ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (made.id, made.name, handle, orjson.dumps(made.pairs).decode(), made.url, utc_text(now), made.seen),
    )
    return made


def checked_url(url: str) -> str:
    """The address of a webhook: https anywhere, http on this machine alone.

    Raises:
        InputRefused: it is neither.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    fits = (
        host is not None
        and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        and parts.username is None
        and parts.password is None
        and not parts.fragment
        and url.strip().isascii()
        and url.strip().isprintable()
        and " " not in url.strip()
        and len(url) <= 500
    )
    if not fits:
        raise InputRefused(
            f"expected a webhook as https://host/path, or http on this machine, got {url[:60]!r}"
        )
    return url.strip()


def every(connection: Connection) -> list[Saved]:
    """All that are kept, the oldest first."""
    rows = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM saved_search ORDER BY created_at, id")
    return [_saved(row) for row in rows]


def get(connection: Connection, saved_id: str) -> Saved:
    """The one of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM saved_search WHERE id = ?", (saved_id.strip().upper(),)
    ).first()
    if row is None:
        raise NotFound(f"no saved search has the id {saved_id[:40]!r}; `cellpass search list` shows them")
    return _saved(row)


def remove(connection: Connection, saved_id: str) -> Saved:
    """Forget a question, what fitted it, and what was not delivered yet; deliveries stay written down.

    Raises:
        NotFound: there is none.
    """
    gone = get(connection, saved_id)
    connection.exec_driver_sql("DELETE FROM saved_match WHERE search = ?", (gone.id,))
    connection.exec_driver_sql("DELETE FROM saved_search WHERE id = ?", (gone.id,))
    connection.exec_driver_sql(
        "UPDATE delivery SET state = ?, next_at = NULL, told = ? WHERE search = ? AND state = ?",
        (State.GIVEN_UP.value, "the search was removed", gone.id, State.WAITING.value),
    )
    return gone


def waiting(connection: Connection) -> list[Saved]:
    """Those that rows were written since they were last looked at."""
    newest = _newest(connection)
    return [one for one in every(connection) if one.seen < newest]


def look(
    connection: Connection, saved: Saved, reader: Reader, *, public_url: str, now: datetime
) -> list[str]:
    """Ids of the batteries that newly fit, at most `AT_ONCE`; they are noted, and a delivery is queued.

    Raises:
        Forbidden: the key may not read a field of the question any more.
    """
    question = parse(saved.pairs)
    check_rights(question, reader)
    newest = _newest(connection)
    conditions = conditions_of(connection, question, reader, today=now.date())
    # What was written since is little: its index is walked, and no other.
    where = [
        "changed > ?",
        "NOT EXISTS (SELECT 1 FROM saved_match m WHERE m.search = ? AND m.battery = s.battery)",
    ]
    where += [one.text(indexed=False) for one in conditions]
    found = connection.exec_driver_sql(
        f"SELECT s.battery FROM battery_search s WHERE {' AND '.join(where)}"
        " ORDER BY changed, battery LIMIT ?",
        (saved.seen, saved.id, *(value for one in conditions for value in one.values), AT_ONCE + 1),
    )
    names = [row[0] for row in found]
    fresh, more = names[:AT_ONCE], len(names) > AT_ONCE
    if fresh:
        connection.exec_driver_sql(
            "INSERT INTO saved_match (search, battery, at) VALUES (?, ?, ?)",
            [(saved.id, battery, utc_text(now)) for battery in fresh],
        )
        rows = rows_of(connection, fresh, reader, today=now.date())
        body = {
            "search": saved.id,
            "name": saved.name,
            "batteries": [wire(row, public_url) for row in rows],
        }
        connection.exec_driver_sql(
            "INSERT INTO delivery (search, batteries, body, made_at, attempts, next_at, state, told)"
            " VALUES (?, ?, ?, ?, 0, ?, ?, '')",
            (saved.id, len(rows), orjson.dumps(body), utc_text(now), utc_text(now), State.WAITING.value),
        )
    if not more:
        connection.exec_driver_sql("UPDATE saved_search SET seen = ? WHERE id = ?", (newest, saved.id))
    return fresh


def due(connection: Connection, now: datetime, limit: int) -> list[Delivery]:
    """Deliveries to be sent now, the oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT {_DELIVERY} FROM delivery WHERE state = ? AND next_at <= ? ORDER BY id LIMIT ?",
        (State.WAITING.value, utc_text(now), limit),
    )
    return [_delivery(row) for row in rows]


def deliveries(connection: Connection, limit: int = 50) -> list[Delivery]:
    """The newest deliveries, the newest first."""
    rows = connection.exec_driver_sql(f"SELECT {_DELIVERY} FROM delivery ORDER BY id DESC LIMIT ?", (limit,))
    return [_delivery(row) for row in rows]


def settle(connection: Connection, delivery: Delivery, told: str, state: State, *, now: datetime) -> State:
    """Write down what an attempt came to; a waiting one is tried again later, and at last given up."""
    attempts = delivery.attempts + 1
    if state is State.WAITING and attempts >= ATTEMPTS:
        state = State.GIVEN_UP
    next_at = now + FIRST_WAIT * 2 ** (attempts - 1) if state is State.WAITING else None
    connection.exec_driver_sql(
        "UPDATE delivery SET attempts = ?, state = ?, told = ?, next_at = ? WHERE id = ? AND state = ?",
        (
            attempts,
            state.value,
            told[:200],
            utc_text(next_at) if next_at else None,
            delivery.id,
            State.WAITING.value,
        ),
    )
    return state


_COLUMNS: Final = "id, name, handle, question, url, created_at, seen"
_DELIVERY: Final = "id, search, batteries, body, made_at, attempts, next_at, state, told"


def _newest(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT max(changed) FROM battery_search").scalar() or 0)


def _saved(row: Any) -> Saved:
    pairs = tuple((name, text) for name, text in orjson.loads(row[3]))
    return Saved(row[0], row[1], row[2], pairs, row[4], from_utc_text(row[5]), row[6])


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row[0],
        search=row[1],
        batteries=row[2],
        body=row[3],
        made_at=from_utc_text(row[4]),
        attempts=row[5],
        next_at=from_utc_text(row[6]) if row[6] else None,
        state=State(row[7]),
        told=row[8],
    )
