"""The public pages and files of one passport, the records and keys behind them, and the landing page.

Everything here is the public view: `issue.view_of` with the public audience, and nothing else. A page is
rendered at most once per version, status and template; `passport.web.pages_cache` keeps its bytes.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from passport import issue, library
from passport.documents import page, qr, values
from passport.errors import IdentifierRefused, InputRefused, NotFound
from passport.ledger import batteries, database, life, notices, operators, registrations, versions
from passport.ledger.batteries import Battery
from passport.ledger.versions import Version
from passport.signing import encode
from passport.web import counters, errors, headers, lanes, pages_cache, views
from passport.web.context import here
from schemas.history import registry_of
from schemas.identifier import (
    LinkInvalid,
    identifier_url,
    qr_text,
    short_host,
)
from schemas.registry import REGISTRY_VERSION
from schemas.terms import Audience, Category, RecordKind

SD_JWT: Final = "application/vc+sd-jwt"
_LISTED: Final = 60  # simulated packs on the landing page, at most

blueprint = Blueprint("public", __name__)


# --- from stored versions to what the page needs


def load(connection: Connection, battery: Battery, public_url: str, audience: Audience) -> page.Passport:
    """What the page is made from: the newest passport version, and for its readers the condition.

    Raises:
        NotFound: no passport record was issued yet.
    """
    past = versions.history(connection, battery.id, RecordKind.PASSPORT)
    if not past:
        raise NotFound(errors.UNKNOWN)
    newest = past[-1]
    over = battery.passport_status in page.ENDED
    condition = None if over else versions.latest(connection, battery.id, RecordKind.CONDITION)
    lived = life.life_of(connection, battery.id)
    withdrawn = versions.withdrawn(connection, battery.id, RecordKind.PASSPORT)
    view: dict[str, Mapping[str, Any]] = dict(issue.view_of(connection, newest, audience).values)
    if condition is not None and audience is not Audience.PUBLIC:
        view |= issue.view_of(connection, condition, audience).values
    return page.Passport(
        passport_id=battery.passport_id,
        identifier=battery.identifier,
        public_url=public_url,
        category=battery.category,
        placed_on=battery.placed_on,
        simulated=battery.simulated or newest.simulated,
        status=battery.passport_status,
        operator=newest.operator,
        view=view,
        history=tuple(
            page.Past(
                one.version,
                one.issued_at,
                one.record_id,
                one.kid,
                one.voluntary,
                one.incomplete,
                lived.correction(RecordKind.PASSPORT, one.version - 1),
                withdrawn.get(one.version),
            )
            for one in reversed(past)
        ),
        condition_at=condition.issued_at if condition is not None else None,
        registry_version=newest.registry_version,
        # Judged on the day of the record, so that the same record always gives the same page.
        today=newest.issued_at.date(),
        audience=audience,
        documents=library.told(
            connection, view, audience=audience, public_url=public_url, issued_at=newest.issued_at
        ),
        announcements=views.announcements(connection, battery),
        ceased_on=lived.ceased_at.date() if lived.ceased_at is not None else None,
    )


def newest(connection: Connection, battery: Battery) -> Version:
    """The newest passport version.

    Raises:
        NotFound: none was issued yet.
    """
    version = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    if version is None:
        raise NotFound(errors.UNKNOWN)
    return version


# --- pages


@blueprint.get("/p/<string:passport_id>")
def passport(passport_id: str) -> ResponseReturnValue:
    """The passport's page; reached when no stored bytes were there, which it leaves behind."""
    context = here()
    with database.reading(context.engine) as connection:
        battery = views.known(connection, passport_id)
        made = load(connection, battery, context.settings.public_url, Audience.PUBLIC)
        sha256 = newest(connection, battery).sha256
        template = pages_cache.template_now(connection, context.settings.public_url)
    counters.add("pages_rendered")
    html = page.render(page.context(made)).encode()
    key = pages_cache.Key(
        battery=battery.id,
        record_sha256=sha256,
        passport_status=battery.passport_status.value,
        notice_revision=battery.notice_revision,
        language=page.LANGUAGE,
        template=template,
    )
    stored = pages_cache.compress(key, html)
    pages_cache.keep(context.engine, key, stored)
    return pages_cache.response(
        stored, request.headers.get("Accept-Encoding", ""), request.headers.get("If-None-Match")
    )


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """What this is, and a field for an identifier; only the simulated packs of a demonstration are listed."""
    context = here()
    asked = request.args.get("q", "").strip()[:300]
    with database.reading(context.engine) as connection:
        if asked and (battery := _asked(connection, asked, context.settings.public_url)) is not None:
            return _see_other(f"/p/{battery.passport_id}")
        packs = tuple(_simulated(connection))
    html = page.render_home(host=short_host(context.settings.public_url), asked=asked, packs=packs)
    response = Response(html, 404 if asked else 200, mimetype="text/html")
    response.headers["Content-Security-Policy"] = headers.page_policy()
    response.headers.set(*headers.REVALIDATE)
    return response


def _asked(connection: Connection, text: str, public_url: str) -> Battery | None:
    """What a person typed or pasted: the text of the code in any case of the host, a path, or an id."""
    try:
        return batteries.find(connection, text, public_url)
    except (NotFound, IdentifierRefused, InputRefused, LinkInvalid):
        return None


def _simulated(connection: Connection) -> list[page.Pack]:
    rows = connection.exec_driver_sql(
        "SELECT b.passport_id, b.identifier, b.category, s.model FROM battery b"
        " LEFT JOIN battery_search s ON s.battery = b.id"
        " WHERE b.simulated = 1 AND b.passport_status = 'Active'"
        " AND EXISTS (SELECT 1 FROM version v WHERE v.battery = b.id)"
        " ORDER BY b.category, b.created_at, b.id LIMIT ?",
        (_LISTED,),
    )
    packs = []
    for passport_id, identifier, category, model in rows:
        words = values.CATEGORIES[Category(category)]
        packs.append(page.Pack(passport_id, identifier, model or words, words))
    return packs


def _see_other(path: str) -> Response:
    return Response(status=303, headers=[("Location", path), headers.NEVER])


# --- files of one passport


def _open(response: Response) -> Response:
    for name, value in headers.OPEN:
        response.headers[name] = value
    return response


def _json(
    content: Any,
    mimetype: str = "application/json",
    cache: tuple[str, str] = headers.REVALIDATE,
    *,
    of: Battery | None = None,
) -> Response:
    response = Response(orjson.dumps(content), mimetype=mimetype)
    response.headers.set(*cache)
    return _conditional(_open(response), of)


def _conditional(response: Response, of: Battery | None = None) -> Response:
    """With its tag; of a battery whose passport has ended as gone, and then always in full."""
    response.add_etag()
    if of is not None and of.passport_status in page.ENDED:
        response.status_code = 410
        return response
    response.make_conditional(request)
    return response


def _file(
    data: bytes | str,
    mimetype: str,
    name: str,
    cache: tuple[str, str] = headers.REVALIDATE,
    *,
    of: Battery | None = None,
) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers.set(*cache)
    return _conditional(_open(response), of)


@blueprint.get("/p/<string:passport_id>/record")
def record(passport_id: str) -> ResponseReturnValue:
    """The newest passport record as the public may see it: the exact bytes that were signed, as SD-JWT."""
    with database.reading(here().engine) as connection:
        battery = views.known(connection, passport_id)
        view = issue.view_of(connection, newest(connection, battery), Audience.PUBLIC)
    return _file(view.record, SD_JWT, f"{page.file_stem(battery.identifier)}.sdjwt", of=battery)


@blueprint.get("/p/<string:passport_id>/bundle")
def bundle(passport_id: str) -> ResponseReturnValue:
    """The record with keys, the version before it, its place in the log and the status list."""
    context = here()
    with database.reading(context.engine) as connection:
        battery = views.known(connection, passport_id)
        view = issue.view_of(connection, newest(connection, battery), Audience.PUBLIC)
    listed = views.status_list(context.issuer, view.version, now=context.now())
    with database.reading(context.engine) as connection:
        data = views.bundle(connection, view, status_list=listed)
    return _file(data, "application/json", f"{page.file_stem(battery.identifier)}.bundle.json", of=battery)


@blueprint.get("/p/<string:passport_id>/json")
def as_json(passport_id: str) -> ResponseReturnValue:
    """The public values of the newest record as plain JSON; for proof ask for the record itself."""
    context = here()
    with database.reading(context.engine) as connection:
        battery = views.known(connection, passport_id)
        version = newest(connection, battery)
        view = issue.view_of(connection, version, Audience.PUBLIC)
        standing = [notices.told(one) for one in notices.of(connection, battery.id)]
    return _json(
        {
            "passport_id": battery.passport_id,
            "identifier": identifier_url(context.settings.public_url, battery.identifier),
            "category": battery.category.value,
            "simulated": battery.simulated,
            "status": battery.passport_status.value,
            "notices": standing,
            "record": views.told_version(version, context.settings.public_url),
            "values": dict(view.values),
        },
        of=battery,
    )


@blueprint.get("/p/<string:passport_id>/history")
def history(passport_id: str) -> ResponseReturnValue:
    """Every version of the passport, newest first: when, by which key, with which digest."""
    context = here()
    with database.reading(context.engine) as connection:
        battery = views.known(connection, passport_id)
        past = versions.history(connection, battery.id, RecordKind.PASSPORT)
        lived = life.life_of(connection, battery.id)
        withdrawn = versions.withdrawn(connection, battery.id, RecordKind.PASSPORT)
        stood = [notices.told(one) for one in notices.of(connection, battery.id, ended=True)]
    told = [
        {
            **views.told_version(version, context.settings.public_url),
            "corrects": lived.correction(RecordKind.PASSPORT, version.version - 1),
            "withdrawn": withdrawn.get(version.version),
        }
        for version in reversed(past)
    ]
    return _json(
        {"passport_id": battery.passport_id, "versions": told, "notices": stood},
        of=battery,
    )


@blueprint.get("/p/<string:passport_id>/<any('qr.svg', 'qr.png', 'label.svg'):name>")
def code(passport_id: str, name: str) -> ResponseReturnValue:
    """The code as a picture at true size, or the label with the identifier in plain characters beside it."""
    context = here()
    with database.reading(context.engine) as connection:
        battery = views.known(connection, passport_id)
        lines = label_lines(connection, battery) if name == "label.svg" else ()
    public_url = context.settings.public_url
    text = qr_text(public_url, battery.identifier)
    if name == "qr.png":
        response = Response(qr.png(text), mimetype="image/png")
    elif name == "qr.svg":
        response = Response(qr.svg(text), mimetype="image/svg+xml")
    else:
        label = qr.label(public_url, battery.identifier, lines=lines, simulated=battery.simulated)
        response = Response(label, mimetype="image/svg+xml")
    response.headers.set(*headers.REVALIDATE)
    return _conditional(_open(response))


def label_lines(connection: Connection, battery: Battery) -> tuple[str, ...]:
    """Maker and model, as far as a record states them."""
    version = versions.latest(connection, battery.id, RecordKind.PASSPORT)
    if version is None:
        return ()
    view = issue.view_of(connection, version, Audience.PUBLIC).values
    stated = (view.get(name, {}).get("value") for name in ("manufacturer_name", "model_identifier"))
    return tuple(str(value) for value in stated if value)


# --- records, operators, vocabulary


@blueprint.get("/r/<string:record_id>")
def by_record(record_id: str) -> ResponseReturnValue:
    """One record of any kind as the public may see it; it never changes, so it may be kept for ever."""
    found = issue.public_record(here().direct, record_id) if views.OWN_ID.match(record_id) else None
    if found is None:
        raise NotFound(errors.UNKNOWN)
    kind, signed = found
    return _file(signed, SD_JWT, f"{kind.value}-{record_id}.sdjwt", headers.FOR_EVER)


@blueprint.get("/o/<string:operator>/jwks.json")
def jwks(operator: str) -> ResponseReturnValue:
    """The operator's keys, retired ones too: what was signed with them stays signed."""
    with database.reading(here().engine) as connection:
        keys = operators.jwks(connection, operator)
    return _json(keys, "application/jwk-set+json", headers.BRIEFLY)


@blueprint.get("/o/<string:operator>/did.json")
def did(operator: str) -> ResponseReturnValue:
    """The operator's DID document (did:web)."""
    context = here()
    public_url = context.settings.public_url
    with database.reading(context.engine) as connection:
        keys = operators.jwks(connection, operator)["keys"]
    name = operators.did(public_url, operator)
    methods = [
        {
            "id": f"{name}#{key.get('kid', number)}",
            "type": "JsonWebKey",
            "controller": name,
            "publicKeyJwk": key,
        }
        for number, key in enumerate(keys)
    ]
    document = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": name,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
        "service": [
            {
                "id": f"{name}#keys",
                "type": "JsonWebKeySet2020",
                "serviceEndpoint": f"{public_url}/o/{operator}/jwks.json",
            }
        ],
    }
    return _json(document, "application/did+json", headers.BRIEFLY)


@blueprint.get("/o/<string:operator>/checkpoint")
def checkpoint(operator: str) -> ResponseReturnValue:
    """The newest signed checkpoint of the operator's log (C2SP tlog-checkpoint)."""
    with database.reading(here().engine) as connection:
        found = versions.checkpoint(connection, operator)
    if found is None:
        raise NotFound("no checkpoint was signed for this operator yet")
    response = Response(found.note, mimetype="text/plain")
    response.headers.set(*headers.REVALIDATE)
    return _conditional(_open(response))


@blueprint.get("/o/<string:operator>/log-keys")
def log_keys(operator: str) -> ResponseReturnValue:
    """The verifier keys of the operator's log, one per line, newest first (`cellpass verify --log-key`)."""
    with database.reading(here().engine) as connection:
        operators.get(connection, operator)
        keys = operators.log_keys(connection, operator)
    response = Response("".join(f"{key.vkey}\n" for key in keys), mimetype="text/plain")
    response.headers.set(*headers.BRIEFLY)
    return _conditional(_open(response))


@blueprint.get("/o/<string:operator>/status/<int(max=2147483647):number>")
def status_list(operator: str, number: int) -> ResponseReturnValue:
    """A status list, signed now and good for a day."""
    context = here()
    if context.issuer is None:
        raise NotFound("this service signs no status lists")
    with lanes.SIGNATURES:
        token = context.issuer.status_list(operator, number, context.now())
    response = Response(token, mimetype="application/vc+jwt")
    response.headers.set(*headers.BRIEFLY)
    return _open(response)


@blueprint.get(encode.CONTEXT_PATH)
def vocabulary() -> ResponseReturnValue:
    """The JSON-LD context that records name."""
    response = Response(encode.context_document(), mimetype="application/ld+json")
    response.headers.set(*headers.BRIEFLY)
    return _conditional(_open(response))


@blueprint.get(f"{encode.REGISTRY_PATH}<string:version>")
def registry(version: str) -> ResponseReturnValue:
    """The registry of that version, frozen: what the words of a record meant when it was signed."""
    try:
        content = dict(registry_of(version))
    except KeyError as error:
        raise NotFound("no registry of that version") from error
    return _json(content, cache=headers.BRIEFLY if version == REGISTRY_VERSION else headers.FOR_EVER)


# --- the service itself


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Whether the database answers."""
    with database.reading(here().engine) as connection:
        connection.exec_driver_sql("SELECT 1 FROM battery LIMIT 1").first()
    response = Response('{"status":"ok"}', mimetype="application/json")
    response.headers.set(*headers.NEVER)
    return response


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Counters since this process started, in the text format of Prometheus; no address, no battery."""
    house = here()
    with database.reading(house.engine) as connection:
        pressing, _ = registrations.pressing(connection, house.now())
    gauges = {
        "registration_proofs_pressing": ("Proofs of registration to be fetched soon or missed", pressing)
    }
    response = Response(counters.text(gauges), content_type="text/plain; version=0.0.4; charset=utf-8")
    response.headers.set(*headers.NEVER)
    return response
