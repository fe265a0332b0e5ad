"""One function turns every error into its answer: a page for people, RFC 9457 problem details for programs.

What is told: a stable code, a sentence on what was expected. What is not: a stack, a visitor's address, and
on public pages whether an id is unknown, foreign or malformed.
"""

import logging
from collections.abc import Mapping
from typing import Final

import orjson
from flask import Flask, Response, request
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from passport.documents import page
from passport.web import headers
from schemas.identifier import LinkInvalid

logger = logging.getLogger(__name__)

PROBLEM: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 30

TITLES: Final[Mapping[int, str]] = {
    400: "This address is not right",
    401: "A key is needed",
    403: "Not for this reader",
    404: "Nothing is known under this address",
    405: "This cannot be done here",
    406: "Not available in this form",
    409: "Something else happened first",
    410: "This is not given out any more",
    413: "Too much at once",
    415: "Not in a form that is read here",
    422: "Not acceptable as it is",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available at the moment",
}
_NOT_UNDERSTOOD: Final = "What was sent is not acceptable"
_WHAT_NOW: Final[Mapping[int, str]] = {
    400: "Scan the code again. If it was typed, compare every character with the label.",
    404: "Scan the code again, or compare what was typed with the characters beside the code.",
    500: "It was written down and will be looked into. Try again in a few minutes.",
    503: "Try again in half a minute.",
}
# One sentence for every 404 of a public address: unknown, foreign and malformed ids look the same.
UNKNOWN: Final = "nothing is known under this address"

# Errors that name no HTTP status of their own, by their stable code.
_STATUS_BY_CODE: Final[Mapping[str, int]] = {
    "ingest.envelope_refused": 400,
    "ingest.frame_refused": 400,
    "ingest.capture_refused": 400,
    "ingest.protocol_unknown": 400,
    "ingest.map_refused": 400,
    "ingest.request_forbidden": 403,
    "ingest.sequence_conflict": 409,
    "ingest.journal_unavailable": 503,
    "ingest.source_unknown": 400,
    "ingest.transport_failed": 503,
}


def register(app: Flask) -> None:
    """Every exception of the application is answered by `answer`."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception, link: tuple[str, str] = ("", "")) -> Response:
    """The answer to an error, in the form that the request accepts; `link` leads to what took the place."""
    status, code, detail, extra = describe(error)
    if status >= 500:
        if status == 503:
            logger.error("not available: %s", detail)
        else:
            logger.error("unexpected %s", type(error).__name__, exc_info=error)
            detail = "an unexpected error; it was written down"
    if request.path.startswith(("/p/", "/i/", "/r/")) and status == 404:
        detail = UNKNOWN
    response = _page(status, detail, link) if wants_page(status) else problem(status, code, detail)
    for name, value in extra.items():
        response.headers[name] = value
    response.headers.setdefault(*headers.NEVER)
    response.headers["Vary"] = "Accept"
    if status == 503:
        response.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_AFTER_SECONDS))
    if status == 401:
        response.headers.setdefault("WWW-Authenticate", 'Bearer realm="cellpass"')
    for name, value in headers.OPEN:
        response.headers.setdefault(name, value)
    return response


def describe(error: Exception) -> tuple[int, str, str, dict[str, str]]:
    """Status, stable code, sentence and further headers of an error."""
    if isinstance(error, HTTPException):
        status = error.code or 500
        extra = {
            name: value
            for name, value in error.get_headers()
            if name in ("Allow", "Location", "Retry-After", "WWW-Authenticate")
        }
        return status, f"http.{status}", str(error.description or TITLES.get(status, "")), extra
    if isinstance(error, LinkInvalid):
        return 400, "input.identifier", str(error), {}
    if isinstance(error, exc.OperationalError):
        return 503, "store_unavailable", "the database could not be read or written", {}
    code = getattr(error, "code", None)
    if isinstance(code, str):
        own = getattr(error, "status", None)
        status = own if isinstance(own, int) else _STATUS_BY_CODE.get(code, 500)
        return status, code, str(error) or TITLES.get(status, ""), {}
    return 500, "internal", "", {}


def wants_page(status: int) -> bool:
    """Whether a person is asking: the request accepts HTML at least as gladly as JSON."""
    if request.path.startswith(("/api/", "/v1/")) or status in (401, 413):
        return False
    accept = request.accept_mimetypes
    named = "html" in request.headers.get("Accept", "").lower()
    return named and accept.quality("text/html") >= accept.quality("application/json")


def _title(status: int) -> str:
    return TITLES.get(status, "Refused")


def problem(status: int, code: str, detail: str) -> Response:
    """Problem details (RFC 9457) with our stable code."""
    body = {
        "type": "about:blank",
        # Programs also send bodies and queries, and then it is not the address that is wrong.
        "title": _NOT_UNDERSTOOD if status == 400 and code != "input.identifier" else _title(status),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(orjson.dumps(body), status, mimetype=PROBLEM)


def _page(status: int, detail: str, link: tuple[str, str]) -> Response:
    html = page.render_error(
        title=_title(status),
        status=status,
        detail="" if detail == UNKNOWN else detail,
        what_now=_WHAT_NOW.get(status, ""),
        safety=status in (400, 404, 500, 503),
        link=link,
    )
    response = Response(html, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = headers.page_policy()
    return response
