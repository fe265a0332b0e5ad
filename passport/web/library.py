"""Documents over HTTP: the bytes under their digest, to those who may read them.

`/d/{sha256}` is the address that records state: public documents for everyone, others with a key in the
header. `/recyclers/d/{sha256}` is the same for a signed-in reader of the recyclers' pages, as the one cookie
is not sent anywhere else.
"""

from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from passport import grants, library
from passport.documents.values import day_text
from passport.errors import DocumentWithdrawn
from passport.ledger import database, papers
from passport.ledger.papers import Edition
from passport.web import context, errors, headers, session, views
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
    """
    here = context.here()
    public_url = here.settings.public_url
    with database.reading(here.engine) as connection:
        edition = library.reading(connection, sha256, who, public_url)
        if edition.withdrawn_at is not None:
            following = library.successor(connection, edition, who, public_url)
            return _gone(edition, following, public_url, vary)
        # Who has the bytes, or asks for their head alone, is answered without reading them.
        known = request.method == "HEAD" or request.if_none_match.contains(sha256)
        data = b"" if known else papers.content(connection, sha256)
        following = library.successor(connection, edition, who, public_url)
    open_to_all = edition.disclosure is Disclosure.PUBLIC
    if not open_to_all:
        views.write_down(here, who, action="read", detail=f"document {edition.id}")
    response = Response(data, content_type=_content_type(edition.media_type))
    response.content_length = edition.size
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
    if known and request.method == "GET":
        response.make_conditional(request)
    else:
        response.make_conditional(request, accept_ranges=True, complete_length=edition.size)
    return response


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
