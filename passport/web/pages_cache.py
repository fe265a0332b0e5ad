"""Stored pages: a WSGI layer in front of Flask that answers a public page from its compressed bytes.

One read of the database per request decides everything: the row is found by battery, digest of the newest
record, status, notice revision, language, template and the newest withdrawal of a document, so a new version,
a recall, a withdrawal or a new template shows on the very next request, in every process, without anything
being told to forget. A row that is not there sends the request on to Flask, which renders the page and leaves
the row behind. Any trouble here does the same.
"""

import gzip
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import brotli  # type: ignore[import-untyped]
from flask import Response
from sqlalchemy import Connection, Engine

from passport.documents import page
from passport.errors import StoreUnavailable
from passport.ledger import database, papers
from passport.ledger.direct import Direct
from passport.web import counters, headers

logger = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_PREFIX: Final = "/p/"
_PATH_LENGTH: Final = len(_PREFIX) + 16
_ENDED: Final = frozenset(status.value for status in page.ENDED)

_WHERE: Final = f"""
    FROM battery b JOIN page_cache c ON c.battery = b.id
        AND c.record_sha256 = (
            SELECT v.sha256 FROM version v WHERE v.battery = b.id AND v.kind = 'passport'
            ORDER BY v.version DESC LIMIT 1)
        AND c.passport_status = b.passport_status AND c.notice_revision = b.notice_revision
        AND c.language = '{page.LANGUAGE}' AND c.template = ? || '-' || ({papers.NEWEST_WITHDRAWAL})
    WHERE b.passport_id = ?"""
_ETAG_SQL: Final = f"SELECT c.etag, b.passport_status {_WHERE}"
_BYTES_SQL: Final = {
    "br": f"SELECT c.etag, b.passport_status, c.brotli {_WHERE}",
    "gzip": f"SELECT c.etag, b.passport_status, c.gzip {_WHERE}",
}


@dataclass(frozen=True)
class Key:
    """Everything that the bytes of a page depend on."""

    battery: str
    record_sha256: str
    passport_status: str
    notice_revision: int
    language: str
    template: str


@dataclass(frozen=True)
class Stored:
    """A page, compressed twice; `etag` is the part that all its encodings share."""

    gzip: bytes
    brotli: bytes
    etag: str
    passport_status: str


@cache
def template_key(public_url: str) -> str:
    """Digest of template, style and address: a page shows its own URL."""
    return hashlib.sha256(f"{page.template_digest()} {public_url}".encode()).hexdigest()[:32]


def template_now(connection: Connection, public_url: str) -> str:
    """What pages are made with at this moment: the template, and which withdrawals of documents they tell."""
    return f"{template_key(public_url)}-{papers.withdrawals(connection)}"


def compress(key: Key, html: bytes) -> Stored:
    """The bytes to store: gzip at its best; brotli at 5, which is smaller still and costs little."""
    etag = hashlib.sha256("\n".join(map(str, vars(key).values())).encode()).hexdigest()[:24]
    return Stored(
        gzip.compress(html, 9, mtime=0), brotli.compress(html, quality=5), etag, key.passport_status
    )


def keep(engine: Engine, key: Key, stored: Stored) -> None:
    """Store a page and drop the battery's older ones; a full disk only costs the next reader a rendering."""
    try:
        with database.writing(engine) as connection:
            connection.exec_driver_sql(
                "DELETE FROM page_cache WHERE battery = ? AND language = ?", (key.battery, key.language)
            )
            connection.exec_driver_sql(
                "INSERT INTO page_cache (battery, record_sha256, passport_status, notice_revision, language,"
                " template, gzip, brotli, etag) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*vars(key).values(), stored.gzip, stored.brotli, stored.etag),
            )
    except StoreUnavailable as error:
        logger.warning("a rendered page was not stored: %s", error)


# --- answering


def _base_headers() -> list[tuple[str, str]]:
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", headers.page_policy()),
        ("Content-Language", page.LANGUAGE),
        ("Vary", "Accept-Encoding"),
        headers.REVALIDATE,
        *headers.EVERYWHERE,
        *headers.OPEN,
    ]


@cache
def encoding_for(accept: str) -> str:
    """`br`, `gzip` or nothing, by an Accept-Encoding header; few spellings exist, so they are remembered."""
    qualities = {}
    for part in accept.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        quality = parameter.strip().removeprefix("q=").strip() if parameter else "1"
        qualities[name.strip()] = quality.strip("0.") != ""
    for name in ("br", "gzip"):
        if qualities.get(name, False):
            return name
    return ""


def _remembered_encoding(accept: str) -> str:
    # A visitor could send endless different headers: only short ones are remembered, and not for ever.
    if len(accept) > 60:
        return "gzip" if "gzip" in accept and "gzip;q=0" not in accept else ""
    if encoding_for.cache_info().currsize > 512:
        encoding_for.cache_clear()
    return encoding_for(accept)


def etag_of(base: str, encoding: str) -> str:
    """A strong tag per encoding, since the bytes differ."""
    return f'"{base}-{encoding or "id"}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Whether the client already has this tag; a weak one of the same name counts (RFC 9110, 13.1.2)."""
    if if_none_match == tag:
        return True
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in if_none_match.split(","))


def response(stored: Stored, accept_encoding: str, if_none_match: str | None) -> Response:
    """A page that was just rendered, exactly as the layer will answer from now on."""
    encoding = _remembered_encoding(accept_encoding)
    tag = etag_of(stored.etag, encoding)
    fields = [*_base_headers(), ("ETag", tag)]
    ended = stored.passport_status in _ENDED
    if not ended and if_none_match is not None and matches(if_none_match, tag):
        return Response(status=304, headers=[(n, v) for n, v in fields if n != "Content-Type"])
    body = {"br": stored.brotli, "gzip": stored.gzip}.get(encoding) or gzip.decompress(stored.gzip)
    if encoding:
        fields.append(("Content-Encoding", encoding))
    return Response(body, 410 if ended else 200, headers=fields)


class PageLayer:
    """Answers `GET` and `HEAD /p/{passport id}` from stored bytes; the rest is the application's behind it.

    Reads go past the engine (`passport.ledger.direct`).
    """

    def __init__(self, application: Application, engine: Engine, public_url: str) -> None:
        """`application` is Flask; an engine that is not SQLite leaves everything to it."""
        self._application = application
        self._template = template_key(public_url)
        self._direct = Direct(engine)
        strict = [headers.STRICT_TRANSPORT] if public_url.startswith("https://") else []
        self._headers = [*_base_headers(), *strict]
        self._unchanged = [(n, v) for n, v in self._headers if n != "Content-Type"]

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI call."""
        path = environ["PATH_INFO"]
        if (
            len(path) == _PATH_LENGTH
            and path.startswith(_PREFIX)
            and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        ):
            try:
                answer = self._stored(environ, path[3:], start_response)
            except (sqlite3.Error, UnicodeError) as error:
                logger.warning("stored pages are not available: %s", error)
                self._direct.forget()
                answer = None
            if answer is not None:
                return answer
        return self._application(environ, start_response)

    def _stored(
        self, environ: dict[str, Any], passport_id: str, start_response: StartResponse
    ) -> Iterable[bytes] | None:
        """The answer from stored bytes; None when there are none."""
        execute = self._direct.execute()
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        encoding = _remembered_encoding(accepted) if accepted else ""
        asked = environ.get("HTTP_IF_NONE_MATCH")
        key = (self._template, passport_id)
        if asked is not None:
            row = execute(_ETAG_SQL, key).fetchone()
            if row is None:
                return None
            tag = etag_of(row[0], encoding)
            if row[1] not in _ENDED and matches(asked, tag):
                counters.add("pages_unchanged")
                start_response("304 Not Modified", [*self._unchanged, ("ETag", tag)])
                return ()
        row = execute(_BYTES_SQL[encoding or "gzip"], key).fetchone()
        if row is None:
            return None
        base, status, body = row
        fields = [*self._headers, ("ETag", etag_of(base, encoding))]
        if encoding:
            fields.append(("Content-Encoding", encoding))
        else:
            body = gzip.decompress(body)
        fields.append(("Content-Length", str(len(body))))
        counters.add("pages_stored")
        start_response("410 Gone" if status in _ENDED else "200 OK", fields)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)
