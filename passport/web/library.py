"""Documents over HTTP: the bytes under their digest, to those who may read them.

`/d/{sha256}` is the address that records state: public documents for everyone, others with a key in the
header. `/recyclers/d/{sha256}` is the same for a signed-in reader of the recyclers' pages, as the one cookie
is not sent anywhere else.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from passport import grants, library
from passport.documents.values import day_text
from passport.errors import DocumentWithdrawn
from passport.ledger import database, papers
from passport.ledger.papers import Edition
from passport.web import context, errors, headers, lanes, session, views
from schemas.terms import Disclosure

# Shown in the browser; everything else is saved.
_SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/webp"})
_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "application/json": ".json",
    "text/csv": ".csv",
}
# Bytes that are read before the answer begins, and that are held for a slow reader of a larger document.
_AT_ONCE: Final = 512 * 1024
_PIECE: Final = 256 * 1024
# The bytes never change, the right to give them out may: a withdrawal shows within the hour.
_PUBLIC: Final = ("Cache-Control", "public, max-age=3600, immutable")
# Nothing in it runs, fetches or frames. Browsers show no PDF in a sandbox, so PDFs go without that word.
_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

blueprint = Blueprint("library", __name__)


@blueprint.get("/d/<string:sha256>")
def document(sha256: str) -> ResponseReturnValue:
    """A document: to everyone where it is public, else to the holder of a key in the header."""
    here = context.here()
    return answer(sha256, session.from_header(request, here.engine, here.now()), vary="Authorization")


@blueprint.get("/recyclers/d/<string:sha256>")
def for_recyclers(sha256: str) -> ResponseReturnValue:
    """The same for the signed-in reader."""
    here = context.here()
    return answer(sha256, session.from_cookie(request, here.engine, here.now()), vary="Cookie")


def answer(sha256: str, who: grants.Principal, *, vary: str) -> Response:
    """The document for a reader as a response.

    Raises:
        NotFound: none, or none for this reader; the two cannot be told apart.
        Busy: as many large documents are being read as there are places for.
    """
    here = context.here()
    public_url = here.settings.public_url
    with database.reading(here.engine) as connection:
        edition = library.reading(connection, sha256, who, public_url)
        following = library.successor(connection, edition, who, public_url)
        if edition.withdrawn_at is not None:
            return _gone(edition, following, public_url, vary)
        # Who has the bytes, or asks for their head alone, is answered without reading them.
        known = request.method == "HEAD" or request.if_none_match.contains_weak(sha256)
        span = (0, edition.size) if known else _span(edition)
        small = span[1] - span[0] <= _AT_ONCE
        data = papers.part(connection, sha256, span[0], span[1] - span[0]) if small and not known else b""
    open_to_all = edition.disclosure is Disclosure.PUBLIC
    if not open_to_all:
        views.write_down(here, who, action="read", detail=f"document {edition.id}")
    response = Response(data)
    response.content_type = _content_type(edition.media_type)
    response.content_length = span[1] - span[0]
    if span != (0, edition.size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{edition.size}"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = _disposition(edition)
    response.headers["Content-Security-Policy"] = (
        _POLICY if edition.media_type == "application/pdf" else f"{_POLICY}; sandbox"
    )
    response.headers["Content-Language"] = edition.language
    response.headers["Vary"] = vary
    if following is not None:
        response.headers["Link"] = _successor(following, public_url)
    if open_to_all:
        for name, value in headers.OPEN:
            response.headers[name] = value
        response.headers.set(*_PUBLIC)
    else:
        response.headers.set(*headers.NEVER)
    response.set_etag(sha256)
    if response.status_code == 200:
        response.make_conditional(request)
    if not small and not known and response.status_code in (200, 206):
        # Last of all, as from here on a place is taken until the server closes the answer.
        response.response = _Pieces(here.engine, sha256, *span)
    return response


def _span(edition: Edition) -> tuple[int, int]:
    """First byte asked for, and the one behind the last; all of them where more than one part is asked for.

    Raises:
        RequestedRangeNotSatisfiable: no such bytes.
    """
    whole = (0, edition.size)
    asked, unless = request.range, request.if_range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    if unless is not None and (unless.date is not None or unless.etag not in (None, edition.sha256)):
        return whole
    found = asked.range_for_length(edition.size)
    if found is None:
        raise RequestedRangeNotSatisfiable(edition.size)
    return found


class _Pieces:
    """The bytes of a large document, each piece read when the one before was taken.

    No read of the database stays open in between, and no more than a piece is held for a slow reader.
    """

    def __init__(self, engine: Engine, sha256: str, start: int, stop: int) -> None:
        """Takes a place in the lane; it is given back at the end, or when the server closes the answer.

        Raises:
            Busy: there is none.
        """
        self._engine, self._sha256 = engine, sha256
        self._next, self._stop = start, stop
        lanes.READERS.take()
        self._waiting = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        count = min(_PIECE, self._stop - self._next)
        if count <= 0:
            self.close()
            raise StopIteration
        with database.reading(self._engine) as connection:
            piece = papers.part(connection, self._sha256, self._next, count)
        self._next += count
        return piece

    def close(self) -> None:
        """Give the place back, once."""
        if self._waiting:
            self._waiting = False
            lanes.READERS.give_back()


def _content_type(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def _disposition(edition: Edition) -> str:
    """Its name as it came, with the ending that its bytes deserve."""
    ending = _ENDINGS.get(edition.media_type, ".txt")
    name = edition.file_name
    fits = name.lower().endswith((ending, *({".jpeg"} if ending == ".jpg" else ())))
    if ending == ".txt":
        fits = name.lower().endswith((".txt", ".md"))
    full = name if fits else name + ending
    plain = "".join(one if one.isascii() and (one.isalnum() or one in " ._-()") else "_" for one in full)
    how = "inline" if edition.media_type in _SHOWN else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"


def _successor(edition: Edition, public_url: str) -> str:
    return f'<{papers.address(public_url, edition.sha256)}>; rel="successor-version"'


def _gone(edition: Edition, following: Edition | None, public_url: str, vary: str) -> Response:
    """410 with words: what it was, when and why it went, what took its place."""
    assert edition.withdrawn_at is not None
    said = f"{edition.words} was withdrawn on {day_text(edition.withdrawn_at)}: {edition.withdrawn_why}"
    link = ("", "")
    if following is not None:
        link = (papers.address(public_url, following.sha256), following.words)
    response = errors.answer(DocumentWithdrawn(said), link)
    response.headers["Vary"] = f"Accept, {vary}"
    if following is not None:
        response.headers["Link"] = _successor(following, public_url)
    return response
