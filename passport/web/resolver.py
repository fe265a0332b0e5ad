"""The GS1 Digital Link resolver: from the text of a code to the passport, in one redirect on the same host.

1. The raw target is read, so that `%2F` in a serial stays part of it (`passport.web.target`).
2. Bad syntax is 400; a well-formed identifier that names nothing is 404.
3. `linkType` chooses a link; one that is not there is 404, never the default instead; `linkset` (or `all`,
   its old spelling) is answered with the list itself.
4. Without it, `Accept` chooses: the page for browsers; record, JSON, PDF or the linkset for programs.
5. Query parameters are handed on to the target, except those that were meant for the resolver.

Source: GS1-Conformant resolver standard 1.2.0; RFC 9264 (linksets).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

import orjson
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from passport.documents.page import LANGUAGE
from passport.errors import NotFound
from passport.ledger import batteries, database, life, notices
from passport.ledger.batteries import Battery
from passport.web import counters, errors, headers, views
from passport.web.context import here
from passport.web.public import SD_JWT
from passport.web.target import request_target
from schemas import gs1
from schemas.identifier import Link, identifier_url, parse_path

LINKSET: Final = "application/linkset+json"
VOCABULARY: Final = "https://ref.gs1.org/voc/"

# Link type, target below the page's address, title, media type. The first is the default.
_PAGE: Final = ("", "Battery passport", "text/html")
_LINKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "defaultLink": _PAGE,
    "pip": _PAGE,
    "dpp": ("/record", "Signed passport record", SD_JWT),
    "safetyInfo": ("#safety", "What responders need", "text/html"),
    "sustainabilityInfo": ("#carbon_footprint", "Carbon footprint", "text/html"),
    "traceability": ("#history", "History of versions", "text/html"),
    "verificationService": ("#verify", "How to check the record", "text/html"),
    "masterData": ("/json", "Public values", "application/json"),
    "certificationInfo": ("/pdf", "Compliance document", "application/pdf"),
}
_BY_MEDIA: Final[Mapping[str, str]] = {
    "text/html": "",
    SD_JWT: "/record",
    "application/json": "/json",
    "application/pdf": "/pdf",
}

blueprint = Blueprint("resolver", __name__)


@blueprint.get(f"/<any({', '.join(repr(key) for key in gs1.KEYS)}):key>/<raw:rest>")
def resolve(key: str, rest: str) -> ResponseReturnValue:  # noqa: ARG001 - they only choose this function
    """A GS1 Digital Link; what counts is the raw target, which the router has decoded."""
    target = request_target(request.environ)
    path, _, query = target.partition("?")
    # Scanners and messengers add parameters of their own: only the path is judged.
    link = parse_path(path)
    with database.reading(here().engine) as connection:
        battery = _find(connection, link)
    if battery is None:
        counters.add("resolved_in_vain")
        raise NotFound(errors.UNKNOWN)
    counters.add("resolved")
    return _answer(battery, query)


def _find(connection: Connection, link: Link) -> Battery | None:
    """The battery of the identifier; variant and lot, which a label may add, do not hide it."""
    assert link.path is not None
    found = batteries.by_identifier(connection, link.path)
    if found is None and link.key == "01":
        values = dict(link.ais)
        if "21" in values and ("10" in values or "22" in values):
            plain = parse_path(f"/01/{values['01']}/21/{quote(values['21'], safe='', encoding='latin-1')}")
            found = batteries.by_identifier(connection, plain.path or "")
    return found


@blueprint.get("/i/<string:name>")
def by_id(name: str) -> ResponseReturnValue:
    """A battery by its passport id or its own id, for makers without GS1 numbers."""
    with database.reading(here().engine) as connection:
        battery = batteries.by_id(connection, name) or views.known(connection, name)
    counters.add("resolved")
    _, _, query = request_target(request.environ).partition("?")
    return _answer(battery, query)


def _answer(battery: Battery, query: str) -> Response:
    """The redirect or the list that was asked for; an old code is never sent past its own page."""
    page = f"/p/{battery.passport_id}"
    wanted, rest = _split_query(query)
    if wanted is not None:
        name = _link_type(wanted)
        if name in ("linkset", "all"):
            return _linkset(battery)
        if name not in _LINKS:
            raise NotFound(f"there is no link of type {wanted[:60]!r}; ask for linkType=linkset")
        return _redirect(battery, page + _LINKS[name][0], rest)
    accept = request.accept_mimetypes
    best = accept.best_match([*_BY_MEDIA, LINKSET], default="text/html")
    if best == LINKSET:
        return _linkset(battery)
    return _redirect(battery, page + _BY_MEDIA[best or "text/html"], rest)


def _split_query(query: str) -> tuple[str | None, str]:
    """The link type that was asked for (None: none), and what goes on to the target, as it came."""
    wanted = None
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote(name).lower() == "linktype":
            wanted = unquote(value.replace("+", " "))
        elif part and unquote(name).lower() != "context":
            kept.append(part)
    return wanted, "&".join(kept)


def _link_type(text: str) -> str:
    """`gs1:dpp`, `dpp` and the full address are one name."""
    for prefix in (VOCABULARY, "https://gs1.org/voc/", "http://gs1.org/voc/", "gs1:"):
        if text.startswith(prefix):
            return text.removeprefix(prefix)
    return text


def _redirect(battery: Battery, target: str, query: str) -> Response:
    path, mark, fragment = target.partition("#")
    location = path + (f"?{query}" if query else "") + mark + fragment
    response = Response(status=307, mimetype="text/plain")
    response.headers["Location"] = location
    response.autocorrect_location_header = False
    return _common(response, battery)


def _common(response: Response, battery: Battery) -> Response:
    address = identifier_url(here().settings.public_url, battery.identifier)
    response.headers["Link"] = f'<{address}?linkType=linkset>; rel="linkset"; type="{LINKSET}"'
    response.headers["Vary"] = "Accept, Accept-Language"
    response.headers.set(*headers.REVALIDATE)
    for name, value in headers.OPEN:
        response.headers[name] = value
    return response


def linkset(
    battery: Battery,
    public_url: str,
    *,
    links: Sequence[life.Link] = (),
    recalls: Sequence[notices.Notice] = (),
) -> dict[str, Any]:
    """The linkset of one battery: one anchor, the default link first, every link with target and title.

    Args:
        battery: whose.
        public_url: address of the service.
        links: what it came from and goes on as (RFC 5829 names both relations).
        recalls: notices that stand.
    """
    address = identifier_url(public_url, battery.identifier)
    page = f"{public_url}/p/{battery.passport_id}"
    entry: dict[str, Any] = {"anchor": address, "itemDescription": "Battery with a digital passport"}
    for name, (below, title, media) in _LINKS.items():
        target: dict[str, Any] = {"href": page + below, "title": title}
        if name != "defaultLink":  # the default link carries no further attribute
            target |= {"type": media, "hreflang": [LANGUAGE]}
        entry[VOCABULARY + name] = [target]
    if recalls:
        entry[f"{VOCABULARY}recallStatus"] = [
            {
                "href": f"{page}#{one.kind.value}-{number}",
                "title": one.title,
                "type": "text/html",
                "hreflang": [one.language],
            }
            for number, one in enumerate(recalls, 1)
        ]
    for relation, title in ((life.SUCCESSOR, "Goes on in"), (life.PREDECESSOR, "Came from")):
        targets = [
            {"href": link.address, "title": title, "type": "text/html"}
            for link in links
            if link.relation == relation
        ]
        if targets:
            entry[f"{relation}-version"] = targets
    return {"linkset": [entry]}


def _linkset(battery: Battery) -> Response:
    with database.reading(here().engine) as connection:
        links = life.life_of(connection, battery.id).links
        recalls = notices.of(connection, battery.id)
    content = linkset(battery, here().settings.public_url, links=links, recalls=recalls)
    response = Response(orjson.dumps(content), mimetype=LINKSET)
    _common(response, battery)
    response.headers.add(
        "Link",
        '<https://ref.gs1.org/standards/resolver/linkset-context>; rel="http://www.w3.org/ns/json-ld#context";'
        ' type="application/ld+json"',
    )
    return response


@blueprint.get("/.well-known/gs1resolver")
def description() -> ResponseReturnValue:
    """What this resolver supports, for programs (resolver description file)."""
    public_url = here().settings.public_url
    content = {
        "name": "Cellpass battery passports",
        "resolverRoot": public_url,
        "supportedPrimaryKeys": ["01", "8004"],
        "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
        "linkTypeDefaultCanBeLinkset": False,
        "contact": {"fn": "Operator of this service", "url": f"{public_url}/"},
    }
    response = Response(orjson.dumps(content), mimetype="application/json")
    response.headers.set(*headers.BRIEFLY)
    for name, value in headers.OPEN:
        response.headers[name] = value
    return response


@blueprint.after_app_request
def _preflight(response: Response) -> Response:
    """OPTIONS is answered by Flask; from other sites browsers also want to know what they may send."""
    if request.method == "OPTIONS" and not request.path.startswith(("/api/", "/recyclers", "/console")):
        for name, value in (*headers.OPEN, *headers.PREFLIGHT):
            response.headers[name] = value
    return response
