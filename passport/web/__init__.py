"""HTTP: the resolver, the public pages, what recyclers and programs ask for, and telemetry on its way in.

It may import everything of `passport` but the commands, and is the only place that knows Flask.
It must never decide what an audience may see (that is `disclosure`), log a visitor's address, or set a cookie
on a public page.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from passport.web.context import WebContext, here

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["WebContext", "create_flask", "create_wsgi", "here"]

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def create_flask(context: WebContext) -> "Flask":
    """The Flask application with every blueprint of this package."""
    from passport.web.factory import make

    return make(context)


def create_wsgi(context: WebContext) -> WsgiApplication:
    """What a WSGI server runs: stored pages first, everything else by Flask."""
    from passport.web.pages_cache import PageLayer

    flask = create_flask(context)
    return PageLayer(flask.wsgi_app, context.engine, context.settings.public_url)
