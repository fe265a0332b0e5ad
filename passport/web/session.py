"""Who is asking: from the header `Authorization` for programs, from one strict cookie for recyclers' pages.

Two roads that never mix: a cookie opens no API, a header opens no page, so that nothing a browser sends by
itself can act where a program would. A forged form is stopped three times: the cookie is `SameSite=Strict`,
the request must name this site as its origin, and the form carries a token that belongs to the session.
"""

import hmac
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from flask import Request
from sqlalchemy import Engine
from werkzeug.wrappers import Response

from passport import grants
from passport.errors import Forbidden
from passport.ledger import database

COOKIE: Final = "cellpass_session"
COOKIE_PATH: Final = "/recyclers"


def from_header(request: Request, engine: Engine, now: datetime) -> grants.Principal:
    """The holder of the key in `Authorization: Bearer`; a visitor when there is no such header.

    Raises:
        KeyRefused: there is a header, and it holds no key that opens anything.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return grants.VISITOR
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise grants.KeyRefused("expected the header Authorization: Bearer <key>")
    with database.reading(engine) as connection:
        return grants.principal(connection, key.strip(), now)


def from_cookie(request: Request, engine: Engine, now: datetime) -> grants.Principal:
    """The holder of the session; a visitor when there is no cookie or its session is over."""
    token = request.cookies.get(COOKIE)
    if not token:
        return grants.VISITOR
    try:
        with database.reading(engine) as connection:
            return grants.session_principal(connection, token, now)
    except grants.KeyRefused:
        # A page says "signed out" instead of failing: the reader did nothing wrong.
        return grants.VISITOR


def set_cookie(response: Response, token: str, *, public_url: str) -> None:
    """The one cookie: no script reads it, no other site sends it, public pages never get it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(grants.SESSION_LIFE.total_seconds()),
        path=COOKIE_PATH,
        httponly=True,
        samesite="Strict",
        secure=urlsplit(public_url).scheme == "https",
    )


def check_origin(request: Request) -> None:
    """A form comes from this site.

    Raises:
        Forbidden: the browser names another site as the origin.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign_site = site is not None and site not in ("same-origin", "none")
    foreign_origin = origin is not None and urlsplit(origin).netloc.lower() != request.host.lower()
    if foreign_site or foreign_origin:
        raise Forbidden("this form was sent from another site; open /recyclers and use the form there")


def check_form(request: Request) -> str:
    """The session whose form this is.

    Raises:
        Forbidden: there is no session, or the form was made for another one.
    """
    token = request.cookies.get(COOKIE, "")
    sent = request.form.get("form_token", "")
    if not token or not hmac.compare_digest(
        grants.form_token(token).encode(), sent.encode("utf-8", "replace")
    ):
        raise Forbidden("this form belongs to another session; open /recyclers again")
    return token
