"""Making the Flask application: blueprints, headers of every answer, one function for every error."""

import importlib.util
from pathlib import Path
from typing import Final

import jinja2
from flask import Flask, Response, request
from werkzeug.routing import BaseConverter

from passport.web import errors, headers, lanes
from passport.web.context import EXTENSION, WebContext

TEMPLATES: Final = Path(__file__).parents[2] / "templates"
BLUEPRINTS: Final = ("resolver", "public", "intake", "documents", "library", "recyclers", "api")
LARGEST_BODY: Final = 1_048_576  # bytes: one batch of telemetry; forms and queries are far smaller


class _Raw(BaseConverter):
    """Whatever is left of a path, line ends and slashes included: the view judges it."""

    regex = r"(?s:.*)"
    part_isolating = False


def make(context: WebContext) -> Flask:
    """The application for one house; see `passport.web.create_flask`."""
    app = Flask("passport.web", template_folder=str(TEMPLATES), static_folder=None)
    app.jinja_env.undefined = jinja2.StrictUndefined
    app.extensions[EXTENSION] = context
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = 65_536
    app.config["PROPAGATE_EXCEPTIONS"] = False
    # A path is what was sent: no redirect that would decode and encode a serial on the way.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.converters["raw"] = _Raw
    for name in BLUEPRINTS:
        module = f"passport.web.{name}"
        if importlib.util.find_spec(module) is not None:
            app.register_blueprint(importlib.import_module(module).blueprint)
    errors.register(app)
    secure = context.settings.public_url.startswith("https://")

    @app.before_request
    def _form() -> None:
        """A form is read here, in its own lane; telemetry reads its batches itself."""
        if request.method == "POST" and request.blueprint != "intake":
            with lanes.FORMS:
                request.form  # noqa: B018 - reading it is what takes the time

    @app.after_request
    def _headers(response: Response) -> Response:
        for name, value in headers.EVERYWHERE:
            response.headers.setdefault(name, value)
        if "Content-Security-Policy" not in response.headers:
            response.headers["Content-Security-Policy"] = headers.policy()
        if secure:
            response.headers.setdefault(*headers.STRICT_TRANSPORT)
        return response

    return app
