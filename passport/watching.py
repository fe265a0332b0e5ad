"""Saved searches at work: what newly fits is sent to the webhook of its search, signed, and tried again.

The message is a POST with JSON. `Cellpass-Signature` is `sha256=` and the HMAC of `<timestamp>.<body>` in hex
under the secret that was shown when the search was saved; `Cellpass-Timestamp` is in seconds of Unix time.
Redirections are not followed: the message would travel where nobody sent it. Whatever is answered but 2xx is
tried again, 410 excepted. Secrets are in no table: each follows from a file of the data folder.
"""

import contextlib
import hashlib
import hmac
import http.client
import logging
import os
import secrets
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Engine

from passport import grants
from passport.errors import Forbidden, NotFound
from passport.ledger import database
from passport.search import saved
from passport.search.saved import Delivery, Saved, State

logger = logging.getLogger(__name__)

KEY_FILE: Final = "webhook.key"
TIMEOUT_S: Final = 10
_AT_ONCE: Final = 20


def secret_of(data_dir: Path, search: str) -> str:
    """The secret of a saved search, in hex; the file behind it is made on first use."""
    path = data_dir / KEY_FILE
    if not path.exists():
        # Whoever comes second finds the file of the first.
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
    return hmac.new(path.read_bytes(), b"saved search " + search.encode(), hashlib.sha256).hexdigest()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `Cellpass-Signature` holds."""
    mark = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mark.hexdigest()}"


def watch(engine: Engine, data_dir: Path, *, public_url: str, now: datetime) -> int:
    """Look for new matches, and send what is due; how many messages were delivered."""
    with database.reading(engine) as connection:
        searches = saved.waiting(connection)
    for one in searches:
        _look(engine, one, public_url=public_url, now=now)
    with database.reading(engine) as connection:
        messages = saved.due(connection, now, _AT_ONCE)
    return sum(_send(engine, data_dir, one, now=now) is State.DELIVERED for one in messages)


def _look(engine: Engine, one: Saved, *, public_url: str, now: datetime) -> None:
    while True:
        with database.writing(engine) as connection:
            who = grants.by_handle(connection, one.handle, now)
            if who is None:
                return
            try:
                found = saved.look(connection, one, who, public_url=public_url, now=now)
            except Forbidden as error:
                logger.warning("saved search %s is not asked: %s", one.id, error)
                return
            if found:
                detail = f"saved search {one.id}; {len(found)} rows"
                grants.audit(connection, who, action="search", now=now, detail=detail)
        if len(found) < saved.AT_ONCE:
            return


def _send(engine: Engine, data_dir: Path, message: Delivery, *, now: datetime) -> State:
    with database.reading(engine) as connection:
        try:
            search = saved.get(connection, message.search)
        except NotFound:
            return State.GIVEN_UP
        who = grants.by_handle(connection, search.handle, now)
    if who is None:
        told, state = "its key has ended", State.GIVEN_UP
    else:
        told, state = _post(search.url, message, secret_of(data_dir, search.id), now)
    with database.writing(engine) as connection:
        state = saved.settle(connection, message, told, state, now=now)
        if who is not None:
            detail = f"webhook of saved search {search.id}, message {message.id}: {told}"
            grants.audit(connection, who, action="webhook", now=now, detail=detail)
    if state is not State.DELIVERED:
        logger.warning("message %d of saved search %s: %s (%s)", message.id, search.id, told, state)
    return state


def _post(url: str, message: Delivery, secret: str, now: datetime) -> tuple[str, State]:
    """What was answered, in words, and whether that settles it."""
    parts = urlsplit(url)
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "cellpass",
        "Cellpass-Message": str(message.id),
        "Cellpass-Timestamp": timestamp,
        "Cellpass-Signature": signature(secret, timestamp, message.body),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    assert parts.hostname is not None  # `saved.checked_url`
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", target, message.body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"not reached: {type(error).__name__}", State.WAITING
    finally:
        connection.close()
    if 200 <= status < 300:
        return f"answered {status}", State.DELIVERED
    return f"answered {status}", State.GIVEN_UP if status == 410 else State.WAITING
