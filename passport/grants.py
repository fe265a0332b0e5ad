"""Keys and sessions: who is asking, and with which right. Fails closed.

The rules, in the order in which they are applied:

1. A key is `cp_<handle>_<secret><checksum>`: the handle names the row, the secret is 256 random bits, the
   checksum tells a typing mistake from a wrong key before any database is asked.
2. Only the SHA-256 of the whole key is stored. A random secret of 256 bits needs no slow hash; the comparison
   takes the same time whether the first or the last byte differs.
3. Every request reads the row anew: an end, whether expiry or revocation, holds from the next request on.
4. A key carries one right: `read` with one audience, or `intake` with none. What it may read is decided by
   `passport.disclosure`; a scope (operator, battery) can only narrow that.
5. No key, no special audience. A wrong key is refused and never falls back to the public view, so that a
   caller notices.
"""

import base64
import hashlib
import hmac
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Any, ClassVar, Final

from sqlalchemy import Connection

from passport.errors import Forbidden, InputRefused, NotFound
from schemas.terms import Audience

_MARK: Final = "cp"
_HANDLE_BYTES: Final = 5  # 8 characters of base32
_SECRET_BYTES: Final = 32  # 52 characters of base32
_CHECKSUM_LENGTH: Final = 7  # CRC-32 in base32
_SESSION_BYTES: Final = 32
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")

SESSION_LIFE: Final = timedelta(hours=8)


class KeyRefused(Forbidden):
    """A key or session is malformed, unknown, expired or revoked; which of the last three is not said."""

    code: ClassVar[str] = "key_refused"
    status: ClassVar[int] = 401


@unique
class Right(StrEnum):
    """What a key is for; one key, one right."""

    READ = "read"
    INTAKE = "intake"


@dataclass(frozen=True)
class Principal:
    """Who is asking.

    Attributes:
        audience: whose view is shown; None for a device, which reads nothing.
        right: `read` or `intake`.
        key: handle of the key; None for a visitor without one.
        purpose: as written when the key was made; empty for a visitor.
        operator: the key speaks only of this operator's batteries; None for all.
        battery: the key speaks only of this battery; None for all.
        expires_at: aware UTC; None for a visitor, who never expires.
    """

    audience: Audience | None
    right: Right = Right.READ
    key: str | None = None
    purpose: str = ""
    operator: str | None = None
    battery: str | None = None
    expires_at: datetime | None = None

    def covers(self, *, operator: str, battery: str) -> bool:
        """Whether the key's scope takes in this battery."""
        return self.operator in (None, operator) and self.battery in (None, battery)

    def audience_for(self, *, operator: str, battery: str) -> Audience:
        """The audience for one battery: outside the key's scope it is the public's.

        Raises:
            Forbidden: the key is for intake and reads nothing.
        """
        if self.audience is None:
            raise Forbidden("this key may send telemetry; it reads nothing. Use a key made with --audience.")
        return self.audience if self.covers(operator=operator, battery=battery) else Audience.PUBLIC


VISITOR: Final = Principal(Audience.PUBLIC)


@dataclass(frozen=True)
class KeyRow:
    """One key as an administrator sees it; the key itself is nowhere.

    Attributes:
        handle: the part of the key that may be spoken of.
        audience: None for a device's key.
        revoked_at: None while it was not revoked.
    """

    handle: str
    right: Right
    audience: Audience | None
    purpose: str
    operator: str | None
    battery: str | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


_COLUMNS: Final = (
    "handle, key_right, audience, purpose, operator, battery, created_at, expires_at, revoked_at"
)


def create(
    connection: Connection,
    *,
    audience: Audience | None,
    purpose: str,
    now: datetime,
    expires_at: datetime,
    operator: str | None = None,
    battery: str | None = None,
    right: Right = Right.READ,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """A new key, in clear for the only time; the caller shows it once and forgets it.

    Raises:
        InputRefused: no purpose is given, the end is not after the start, or right and audience do not fit.
    """
    if not purpose.strip():
        raise InputRefused(
            "a key needs a purpose in words: it stands in the audit beside every restricted read"
        )
    if len(purpose) > 500:
        raise InputRefused(f"a purpose has at most 500 characters; this one has {len(purpose)}")
    if expires_at <= now:
        raise InputRefused(
            f"the key would have expired already: {_text(expires_at)} is not after {_text(now)}"
        )
    if (right is Right.INTAKE) != (audience is None):
        raise InputRefused("a key for intake has no audience, and a key for reading needs one")
    if audience is Audience.PUBLIC:
        raise InputRefused("the public needs no key; expected legitimate_interest or authority")
    handle = _base32(random_bytes(_HANDLE_BYTES))
    body = f"{_MARK}_{handle}_{_base32(random_bytes(_SECRET_BYTES))}"
    key = body + _checksum(body)
    connection.exec_driver_sql(
        "INSERT INTO api_key (handle, key_sha256, key_right, audience, purpose, operator, battery,"
        " created_at, expires_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            handle,
            _digest(key),
            right.value,
            audience.value if audience else None,
            purpose.strip(),
            operator,
            battery,
            _text(now),
            _text(expires_at),
        ),
    )
    audit_administrator(
        connection,
        action="key create",
        now=now,
        battery=battery,
        audience=audience,
        purpose=purpose.strip(),
        detail=f"{handle} until {_text(expires_at)}",
    )
    return key


def revoke(connection: Connection, handle: str, *, now: datetime) -> None:
    """End a key; its next request is refused. Revoking twice keeps the first moment.

    Raises:
        NotFound: there is no key of that handle.
    """
    name = handle.strip()
    if name.startswith(f"{_MARK}_"):  # a whole key was pasted: use its handle, forget the rest
        name = name.split("_")[1]
    found = connection.exec_driver_sql("SELECT 1 FROM api_key WHERE handle = ?", (name,)).first()
    if found is None:
        raise NotFound(f"no key with the handle {name[:16]!r}; `cellpass key list` shows them")
    connection.exec_driver_sql(
        "UPDATE api_key SET revoked_at = ? WHERE handle = ? AND revoked_at IS NULL", (_text(now), name)
    )
    audit_administrator(connection, action="key revoke", now=now, detail=name)


def keys(connection: Connection) -> list[KeyRow]:
    """All keys, oldest first."""
    rows = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at, handle")
    return [_key_row(row) for row in rows]


def principal(connection: Connection, presented: str, now: datetime) -> Principal:
    """Who holds the presented key.

    Raises:
        KeyRefused: the key is malformed, or it is unknown, expired or revoked (one sentence for the three).
    """
    # 1. The form, without asking the database.
    handle = _handle_of(presented)
    # 2. The row, and a comparison that takes the same time when there is none.
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS}, key_sha256 FROM api_key WHERE handle = ?", (handle,)
    ).first()
    stored = row[9] if row is not None else "0" * 64
    same = hmac.compare_digest(stored, _digest(presented))
    # 3. Its life.
    if row is None or not same:
        raise _unknown()
    return _living(_key_row(row), now)


def by_handle(connection: Connection, handle: str, now: datetime) -> Principal | None:
    """Whose key has this handle; None where there is none that reads and is active.

    For what was set up under a key and works on without anybody who presents it.
    """
    row = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM api_key WHERE handle = ?", (handle,)).first()
    if row is None:
        return None
    try:
        who = _living(_key_row(row), now)
    except KeyRefused:
        return None
    return who if who.right is Right.READ else None


def open_session(
    connection: Connection,
    presented: str,
    now: datetime,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """A session for the holder of a reading key: the id for the cookie. Only its SHA-256 is stored.

    Raises:
        KeyRefused: as in `principal`.
        Forbidden: the key is for intake.
    """
    who = principal(connection, presented, now)
    if who.right is not Right.READ or who.expires_at is None:
        raise Forbidden("a device's key sends telemetry; it opens no session")
    token = _base32(random_bytes(_SESSION_BYTES))
    connection.exec_driver_sql("DELETE FROM web_session WHERE expires_at <= ?", (_text(now),))
    connection.exec_driver_sql(
        "INSERT INTO web_session (token_sha256, handle, created_at, expires_at) VALUES (?, ?, ?, ?)",
        (_digest(token), who.key, _text(now), _text(min(now + SESSION_LIFE, who.expires_at))),
    )
    return token


def session_principal(connection: Connection, token: str, now: datetime) -> Principal:
    """Who holds the session; reads the key's row too, so that revoking the key ends its sessions.

    Raises:
        KeyRefused: the session or its key is unknown, expired or revoked.
    """
    row = connection.exec_driver_sql(
        "SELECT handle, expires_at FROM web_session WHERE token_sha256 = ?", (_digest(token),)
    ).first()
    if row is None or now >= _time(row[1]):
        raise _unknown()
    key = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM api_key WHERE handle = ?", (row[0],)).first()
    if key is None:
        raise _unknown()
    return _living(_key_row(key), now)


def close_session(connection: Connection, token: str) -> None:
    """Forget the session; closing an unknown one changes nothing."""
    connection.exec_driver_sql("DELETE FROM web_session WHERE token_sha256 = ?", (_digest(token),))


def form_token(session: str) -> str:
    """What a form of this session must send back; derived, so nothing more is stored."""
    return hashlib.sha256(b"cellpass form " + session.encode("utf-8", "replace")).hexdigest()


def audit(
    connection: Connection,
    who: Principal,
    *,
    action: str,
    now: datetime,
    battery: str | None = None,
    detail: str = "",
) -> None:
    """Write down one restricted read: which key, for which purpose, what; never from which address.

    Reads of a visitor without a key are not written down at all.
    """
    if who.key is not None:
        _write(connection, f"key:{who.key}", action, now, (battery, who.audience, who.purpose, detail))


def audit_administrator(
    connection: Connection,
    *,
    action: str,
    now: datetime,
    battery: str | None = None,
    audience: Audience | None = None,
    purpose: str | None = None,
    detail: str = "",
) -> None:
    """Write down what was done on the machine itself: keys made and ended, restricted copies taken."""
    _write(connection, "administrator", action, now, (battery, audience, purpose, detail))


def _write(
    connection: Connection,
    actor: str,
    action: str,
    now: datetime,
    rest: tuple[str | None, Audience | None, str | None, str],
) -> None:
    battery, audience, purpose, detail = rest
    connection.exec_driver_sql(
        "INSERT INTO audit (at, actor, action, battery, audience, purpose, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (_text(now), actor, action, battery, audience.value if audience else None, purpose, detail[:500]),
    )


def _living(row: KeyRow, now: datetime) -> Principal:
    if row.state(now) != "active":
        raise _unknown()
    return Principal(
        audience=row.audience,
        right=row.right,
        key=row.handle,
        purpose=row.purpose,
        operator=row.operator,
        battery=row.battery,
        expires_at=row.expires_at,
    )


def _unknown() -> KeyRefused:
    return KeyRefused("this key is not known, or its time is over; ask the operator for a new one")


def _handle_of(presented: str) -> str:
    parts = presented.split("_")
    expected = len(_base32(bytes(_SECRET_BYTES))) + _CHECKSUM_LENGTH
    wrong_form = (
        len(parts) != 3
        or parts[0] != _MARK
        or len(parts[1]) != 8
        or len(parts[2]) != expected
        or not _ALPHABET.issuperset(parts[1] + parts[2])
    )
    if wrong_form:
        raise KeyRefused(
            f"this is no Cellpass key: expected {_MARK}_ and two groups of 8 and {expected} characters"
        )
    body = presented[:-_CHECKSUM_LENGTH]
    if not hmac.compare_digest(_checksum(body), presented[-_CHECKSUM_LENGTH:]):
        raise KeyRefused("this key has a typing mistake: its checksum does not fit; copy it again as a whole")
    return parts[1]


def _key_row(row: Any) -> KeyRow:
    return KeyRow(
        handle=row[0],
        right=Right(row[1]),
        audience=Audience(row[2]) if row[2] is not None else None,
        purpose=row[3],
        operator=row[4],
        battery=row[5],
        created_at=_time(row[6]),
        expires_at=_time(row[7]),
        revoked_at=_time(row[8]) if row[8] is not None else None,
    )


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _checksum(text: str) -> str:
    return _base32(zlib.crc32(text.encode("ascii")).to_bytes(4, "big"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
