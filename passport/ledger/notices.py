"""Recalls, safety notices and information: by model, batch or battery, shown at once wherever they concern.

A notice concerns the batteries of its target and whatever was made of them: cells that are recalled stay
recalled in their next life. Two statements add one to a fleet, whatever its size: the notice, and a higher
`notice_revision` of every battery concerned, by which stored pages are found.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound
from passport.ledger import batteries, catalogue
from passport.ledger.database import marks
from schemas.identifier import new_serial
from schemas.structures import Form, check_form
from schemas.terms import Level
from schemas.values import from_utc_text, utc_text

_LONGEST: Final = {"title": 200, "text": 4_000, "url": 2_000}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ID_BYTES: Final = 10


@unique
class Kind(StrEnum):
    """How urgent it is."""

    RECALL = "recall"
    SAFETY = "safety"
    INFORMATION = "information"


@dataclass(frozen=True)
class Notice:
    """One notice.

    Attributes:
        target: id of the model, the batch or the battery that it is about; `level` says which.
        operator: who gave it.
        url: where more is told; None where nothing is.
        language: of title and text, BCP 47.
        ended_at: None while it stands.
    """

    id: str
    target: str
    level: Level
    operator: str
    kind: Kind
    title: str
    text: str
    url: str | None
    language: str
    since: datetime
    ended_at: datetime | None
    ended_why: str | None


def add(
    connection: Connection,
    *,
    target: str,
    level: Level,
    kind: Kind,
    title: str,
    text: str,
    now: datetime,
    url: str | None = None,
    language: str = "en",
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[Notice, int]:
    """The new notice, and on how many pages it stands from the next request on.

    Raises:
        InputRefused: a text is empty, too long, or no address or language.
        NotFound: there is no such model, batch or battery.
    """
    given = {"title": title, "text": text, "url": url}
    for name, said in given.items():
        if said is None:
            continue
        if not said.strip() or len(said) > _LONGEST[name] or _CONTROL.search(said):
            raise InputRefused(f"{name} is 1 to {_LONGEST[name]} printable characters; got {said[:40]!r}")
    if url is not None and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
        raise InputRefused(f"a notice leads to a web address, got {url[:80]!r}")
    if (wrong := check_form(Form.LANGUAGE, language)) is not None:
        raise InputRefused(f"language: {wrong}")
    if level is Level.ITEM:
        operator = batteries.get(connection, target).operator
    else:
        product = catalogue.get(connection, target)
        operator = product.operator
        if product.level is not level:
            raise NotFound(f"no {level.value} has the id {target}")
    notice = Notice(
        id=new_serial(random_bytes(_ID_BYTES)),
        target=target,
        level=level,
        operator=operator,
        kind=kind,
        title=title.strip(),
        text=text.strip(),
        url=url,
        language=language,
        since=now,
        ended_at=None,
        ended_why=None,
    )
    connection.exec_driver_sql(
        f"INSERT INTO notice ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        (
            notice.id,
            target,
            level.value,
            operator,
            kind.value,
            notice.title,
            notice.text,
            url,
            language,
            utc_text(now),
        ),
    )
    return notice, _show(connection, target)


def end(connection: Connection, notice_id: str, *, why: str, now: datetime) -> tuple[Notice, int]:
    """The notice, which does not stand any more, and on how many pages it stood; it stays in the history.

    Raises:
        InputRefused: no reason is given.
        NotFound: there is no such notice.
        Conflict: it has ended already.
    """
    if not why.strip():
        raise InputRefused("say in words why the notice ends: it stays in the history")
    before = get(connection, notice_id)
    if before.ended_at is not None:
        raise Conflict(f"notice {notice_id} ended on {utc_text(before.ended_at)}: {before.ended_why}")
    connection.exec_driver_sql(
        "UPDATE notice SET ended_at = ?, ended_why = ? WHERE id = ? AND ended_at IS NULL",
        (utc_text(now), why.strip(), notice_id),
    )
    return get(connection, notice_id), _show(connection, before.target)


_CONCERNED: Final = (
    "WITH RECURSIVE concerned(id) AS ("
    " SELECT id FROM battery WHERE id = ? UNION SELECT id FROM battery WHERE model = ?"
    " UNION SELECT id FROM battery WHERE batch = ?"
    " UNION SELECT link.battery FROM concerned JOIN life_link AS link"
    " ON link.other = concerned.id AND link.relation = 'predecessor')"
)


def _show(connection: Connection, target: str) -> int:
    done = connection.exec_driver_sql(
        "UPDATE battery SET notice_revision = notice_revision + 1 WHERE id IN"
        f" ({_CONCERNED} SELECT id FROM concerned)",
        (target, target, target),
    )
    return int(done.rowcount)


_COLUMNS: Final = "id, target, level, operator, kind, title, text, url, language, since, ended_at, ended_why"
_URGENCY: Final = {kind: rank for rank, kind in enumerate(Kind)}


def get(connection: Connection, notice_id: str) -> Notice:
    """The notice of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM notice WHERE id = ?", (notice_id.strip().upper(),)
    ).first()
    if row is None:
        raise NotFound(f"no notice has the id {notice_id[:40]!r}; `cellpass notice list` shows them")
    return _notice(row)


def every(connection: Connection, *, ended: bool = False) -> list[Notice]:
    """All notices that stand, and with `ended` those that stood; the newest first."""
    where = "" if ended else "WHERE ended_at IS NULL"
    rows = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM notice {where} ORDER BY since DESC, id")
    return [_notice(row) for row in rows]


def of(connection: Connection, battery_id: str, *, ended: bool = False) -> list[Notice]:
    """Notices that concern a battery or anything that it was made of, the most urgent first.

    Args:
        connection: the caller's.
        battery_id: whose page it is.
        ended: those that stood, too.
    """
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE line(id) AS (SELECT ? UNION SELECT link.other FROM line JOIN life_link AS link"
        " ON link.battery = line.id AND link.relation = 'predecessor' WHERE link.other IS NOT NULL)"
        " SELECT battery.id, model, batch FROM line JOIN battery ON battery.id = line.id",
        (battery_id,),
    )
    targets: Sequence[str] = sorted({name for row in rows for name in row if name})
    if not targets:
        return []
    where = "" if ended else " AND ended_at IS NULL"
    found = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM notice WHERE target IN ({marks(targets)}){where}", tuple(targets)
    )
    notices = [_notice(row) for row in found]
    return sorted(notices, key=lambda one: (_URGENCY[one.kind], -one.since.timestamp(), one.id))


def _notice(row: Any) -> Notice:
    return Notice(
        id=row[0],
        target=row[1],
        level=Level(row[2]),
        operator=row[3],
        kind=Kind(row[4]),
        title=row[5],
        text=row[6],
        url=row[7],
        language=row[8],
        since=from_utc_text(row[9]),
        ended_at=from_utc_text(row[10]) if row[10] else None,
        ended_why=row[11],
    )


def told(notice: Notice) -> dict[str, Any]:
    """Ready for JSON, as everybody may read it."""
    said = {
        "id": notice.id,
        "kind": notice.kind.value,
        "level": notice.level.value,
        "title": notice.title,
        "text": notice.text,
        "url": notice.url,
        "language": notice.language,
        "since": utc_text(notice.since),
        "ended_at": notice.ended_at and utc_text(notice.ended_at),
        "ended_why": notice.ended_why,
    }
    return {name: value for name, value in said.items() if value is not None}
