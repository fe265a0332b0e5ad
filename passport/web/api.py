"""`/api`: search and single batteries for programs, within the rights of the key.

Answers are built by hand and dumped as they are; marshmallow checks what comes in and describes it, it never
sees a row going out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import orjson
from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_smorest import Api
from flask_smorest import Blueprint as DescribedBlueprint
from flask_smorest.arguments import FlaskParser
from marshmallow import RAISE, Schema, ValidationError, fields, validate

from passport import exports, search
from passport.documents import page
from passport.errors import InputRefused, NotFound
from passport.exporting import subject_of
from passport.ledger import database, notices
from passport.search import assembly, facets
from passport.web import context, session, views
from schemas.terms import Audience, RecordKind

JSON: Final = "application/json"


class _Parser(FlaskParser):  # type: ignore[misc]
    """Turns a refused argument into our own error, which one function turns into an answer."""

    def handle_error(self, error: ValidationError, req: Any, schema: Schema, **_: Any) -> NoReturn:
        """Name every wrong parameter."""
        del req
        messages = error.messages_dict.get("query", error.messages_dict)
        told = "; ".join(f"{str(name)[:60]}: {_sentence(text)}" for name, text in messages.items())
        raise InputRefused(f"{told}. Known parameters: {', '.join(schema.fields)}")


def _sentence(text: Any) -> str:
    return " ".join(str(one) for one in text) if isinstance(text, list) else str(text)


def _rights(field: search.Field) -> str:
    if search.readable(field, Audience.PUBLIC):
        return "public"
    if search.readable(field, Audience.AUTHORITY):
        return "needs a key for legitimate interest or of an authority"
    return "needs a key for legitimate interest"


def _arguments() -> type[Schema]:
    described: dict[str, Any] = {}
    for field in search.FIELDS.values():
        rights = _rights(field)
        if field.match is search.Match.EXACT:
            text = f"{field.title}; may be given several times, any of them fits ({rights})."
            described[field.name] = fields.List(fields.String(), metadata={"description": text})
            continue
        for side, word in (("min", "at least"), ("max", "at most")):
            unit = "as 2026-11-28" if field.day else f"in {field.unit}" if field.unit else "a number"
            text = f"{field.title}, {word}, {unit} ({rights})."
            described[f"{field.name}_{side}"] = fields.String(metadata={"description": text})
    orders = ", ".join(search.ORDERS)
    described |= {
        "order": fields.String(
            metadata={"description": f"One of {orders}; a minus before it turns it round."}
        ),
        "cursor": fields.String(metadata={"description": "Where the last page ended."}),
        "limit": fields.String(
            metadata={"description": f"Rows of one page, at most {search.MAXIMUM_LIMIT}."}
        ),
    }
    return Schema.from_dict(described, name="SearchArguments")


class _Described(DescribedBlueprint):  # type: ignore[misc]
    ARGUMENTS_PARSER = _Parser()


class _Stated(Schema):
    value = fields.String(metadata={"description": "Numbers as decimal strings."})
    unit = fields.String()
    values = fields.List(
        fields.String(),
        metadata={"description": "In place of a value, where a field may have several words."},
    )
    source = fields.String(metadata={"description": "`computed`: worked out from what else is stated."})
    absent = fields.String(
        metadata={"description": "Why there is no value; then there is no value and no unit."}
    )


class _Found(Schema):
    passport_id = fields.String(required=True)
    identifier = fields.String(required=True)
    page = fields.String(required=True)
    operator = fields.String(required=True)
    contact = fields.String(
        allow_none=True,
        metadata={"description": "Of the operator, as its passport says; null: it says none."},
    )
    simulated = fields.Boolean(required=True)
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.Nested(_Stated), data_key="fields", required=True
    )
    condition_at = fields.String(allow_none=True)
    inspect = fields.List(fields.String())
    offer = fields.Dict(
        allow_none=True,
        metadata={"description": "Since, until, price in EUR and contact; null: not offered for sale."},
    )


class _Page(Schema):
    batteries = fields.List(fields.Nested(_Found), required=True)
    cursor = fields.String(allow_none=True, required=True)


class _Battery(Schema):
    passport_id = fields.String(required=True)
    identifier = fields.String(required=True)
    audience = fields.String(required=True)
    status = fields.String(required=True)
    notices = fields.List(fields.Dict(), required=True)
    simulated = fields.Boolean(required=True)
    records = fields.List(fields.Dict(), required=True)


_described = _Described(
    "batteries", __name__, url_prefix="/api", description="Find and read battery passports."
)


_View = TypeVar("_View", bound=Callable[..., ResponseReturnValue])


def _operation(
    path: str, *, arguments: type[Schema] | None = None, **response: Any
) -> Callable[[_View], _View]:
    """One described operation: its address, what it takes, what it answers; a key is welcome, not needed."""

    def decorate(view: _View) -> _View:
        described: Any = _described.response(200, **response)(view)
        if arguments is not None:
            described = _described.arguments(arguments, location="query", unknown=RAISE)(described)
        described = _described.doc(security=[{}, {"key": []}])(described)
        _described.get(path)(described)
        return view

    return decorate


@_operation(
    "/batteries",
    arguments=_arguments(),
    schema=_Page,
    description="One page; no totals, as a count is an answer too.",
)
def find(_arguments: Mapping[str, Any]) -> ResponseReturnValue:
    """Batteries by what is known of them.

    A filter or an order on a field that the caller may not read is refused by name with 403.
    """
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    question = search.parse(list(request.args.items(multi=True)))
    with database.reading(here.engine) as connection:
        page = search.query(connection, question, who, today=here.now().date())
    views.write_down(here, who, action="search", detail=search.told(question, len(page.rows)))
    rows = [search.wire(row, here.settings.public_url) for row in page.rows]
    return _json({"batteries": rows, "cursor": page.cursor})


class _Counts(Schema):
    counted = fields.Integer(required=True)
    complete = fields.Boolean(
        required=True,
        metadata={"description": "False: counting stopped, the counts are the least there are."},
    )
    facets = fields.Dict(keys=fields.String(), values=fields.Dict(), required=True)


@_operation(
    "/batteries/counts",
    arguments=_arguments(),
    schema=_Counts,
    description="Of fields that the key may read, and of no other.",
)
def counts(_arguments: Mapping[str, Any]) -> ResponseReturnValue:
    """How the batteries that fit divide: counts of words."""
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    question = search.parse(list(request.args.items(multi=True)))
    with database.reading(here.engine) as connection:
        found = facets.facets(connection, question, who, today=here.now().date())
    views.write_down(here, who, action="search", detail=f"counts; {search.told(question, found.counted)}")
    return _json(facets.to_wire(found))


class _Batch(Schema):
    reached = fields.Boolean(required=True)
    usable_energy = fields.Nested(_Stated, required=True)
    usable_energy_low = fields.Nested(_Stated, allow_none=True)
    spread = fields.Nested(_Stated, allow_none=True)
    candidates = fields.Integer(required=True)
    batteries = fields.List(fields.Nested(_Found), required=True)


class _BatchArguments(Schema):
    model = fields.String(required=True, metadata={"description": "Model identifier."})
    kwh = fields.String(required=True, metadata={"description": "Usable energy that is wanted."})
    spread = fields.String(
        load_default=str(assembly.DEFAULT_SPREAD),
        metadata={"description": "Percent of health between the best and the worst pack."},
    )
    use = fields.String(load_default="", metadata={"description": "Only packs that are fit for this use."})


@_operation(
    "/batteries/batch",
    arguments=_BatchArguments,
    schema=_Batch,
    description="The fewest neighbours in health that reach the energy; needs a key for legitimate interest.",
)
def batch(arguments: Mapping[str, Any]) -> ResponseReturnValue:
    """Packs of one model, alike in health, that together hold the energy wanted."""
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    with database.reading(here.engine) as connection:
        found = assembly.assemble(
            connection,
            who,
            model=arguments["model"],
            energy=assembly.number("kwh", arguments["kwh"]),
            spread=assembly.number("spread", arguments["spread"]),
            filters=[("use", arguments["use"])],
            today=here.now().date(),
        )
    detail = f"batch of {arguments['model'][:60]}; {arguments['kwh'][:20]} kWh; {len(found.rows)} packs"
    views.write_down(here, who, action="search", detail=detail)
    return _json(assembly.to_wire(found, here.settings.public_url))


@_operation("/batteries/<string:passport_id>", schema=_Battery)
def show(passport_id: str) -> ResponseReturnValue:
    """One battery as the key's audience may see it; without a key, as the public does."""
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        shown = views.records(connection, battery, audience)
        standing = [notices.told(one) for one in notices.of(connection, battery.id)]
    views.write_down(here, who, action="read", battery=battery.id, detail="json")
    return _json(
        {
            "passport_id": battery.passport_id,
            "identifier": views.identifier_of(here, battery),
            "status": battery.passport_status.value,
            "notices": standing,
            "audience": audience.value,
            "simulated": battery.simulated,
            "records": [views.told(record, here.settings.public_url) for record in shown],
        }
    )


@_operation(
    "/batteries/<string:passport_id>/records/<string:kind>",
    content_type="application/vc+sd-jwt",
    description="The signed record (SD-JWT VC).",
)
def record(passport_id: str, kind: str) -> ResponseReturnValue:
    """The signed record of one kind with the disclosures that the key's audience may see."""
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    if kind not in {one.value for one in RecordKind}:
        raise NotFound(f"no record kind {kind[:40]!r}; known: {', '.join(RecordKind)}")
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        found = [one for one in views.records(connection, battery, audience) if one.version.kind == kind]
    if not found:
        raise NotFound(f"no {kind} record for this reader")
    views.write_down(here, who, action="read", battery=battery.id, detail=f"signed {kind}")
    return _private(Response(found[0].record, mimetype="application/vc+sd-jwt"))


class _ExportArguments(Schema):
    format = fields.String(
        required=True, metadata={"description": f"One of {', '.join(exports.available())}."}
    )
    part = fields.String(
        load_default="document",
        validate=validate.OneOf(("document", "losses")),
        metadata={
            "description": "`document`, or `losses`: what is not in it, attribute by attribute, as JSON."
        },
    )


@_operation(
    "/batteries/<string:passport_id>/export",
    arguments=_ExportArguments,
    content_type="application/octet-stream",
    description="Its media type is the format's own; it is not signed; the record it comes from is.",
)
def export(arguments: Mapping[str, Any], passport_id: str) -> ResponseReturnValue:
    """The newest passport in another format, as the key's audience may see it."""
    here = context.here()
    who = session.from_header(request, here.engine, here.now())
    name = arguments["format"]
    form = exports.format_of(name)
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        subject = subject_of(connection, battery, audience, public_url=here.settings.public_url)
    exported = form.export(subject)
    views.write_down(here, who, action="read", battery=battery.id, detail=f"export {name}")
    if arguments["part"] == "losses":
        losses = [loss.to_wire() for loss in exported.losses]
        return _json({"format": name, "title": form.TITLE, "audience": audience.value, "losses": losses})
    response = Response(exported.data, mimetype=exported.media_type)
    file = page.file_stem(battery.identifier) + exported.suffix
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return _private(response)


def _json(content: Any) -> Response:
    return _private(Response(orjson.dumps(content), mimetype=JSON))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Authorization"
    return response


# ------------------------------------------------------------------------------------- describing itself

blueprint = Blueprint("api", __name__)


class _Api(Api):  # type: ignore[misc]
    def _register_error_handlers(self) -> None:
        """Errors are answered in one place for the whole service, not here."""


@blueprint.record_once
def _describe(state: Any) -> None:
    app: Flask = state.app
    options = {
        "title": "Cellpass",
        "version": "1",
        "openapi_version": "3.1.0",
        "info": {
            "description": "Battery passports under Regulation (EU) 2023/1542: search and views by audience."
        },
    }
    api = _Api(app, spec_kwargs=options)
    assert api.spec is not None
    api.spec.components.security_scheme(
        "key",
        {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made by `cellpass key create`; its audience decides what is seen.",
        },
    )
    api.register_blueprint(_described)
    app.extensions["cellpass_openapi"] = api.spec


@blueprint.get("/api/openapi.json")
def openapi() -> ResponseReturnValue:
    """The description for programs."""
    return Response(orjson.dumps(current_app.extensions["cellpass_openapi"].to_dict()), mimetype=JSON)


@blueprint.get("/api/docs")
def docs() -> ResponseReturnValue:
    """The same description for people: no script, nothing from elsewhere."""
    spec = current_app.extensions["cellpass_openapi"].to_dict()
    here = context.here()
    return views.html(
        "recyclers/docs.html",
        title="API",
        description="Battery passports for programs.",
        host=here.settings.public_url.partition("://")[2],
        who=None,
        lead=spec["info"]["description"],
        operations=tuple(_operations(spec)),
    )


@dataclass(frozen=True)
class Operation:
    """One operation, ready to print; parameters are name and what it means."""

    anchor: str
    call: str
    summary: str
    parameters: tuple[tuple[str, str], ...]


def _operations(spec: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in spec["paths"].items():
        shared = methods.get("parameters", [])
        for method in ("get", "post"):
            if method not in methods:
                continue
            told = methods[method]
            words = " ".join(told[part] for part in ("summary", "description") if part in told)
            parameters = tuple(
                (one["name"], one.get("description") or f"in the {one['in']}")
                for one in (*shared, *told.get("parameters", []))
            )
            anchor = f"{method}-" + "-".join(part.strip("{}") for part in path.split("/") if part)
            yield Operation(anchor, f"{method.upper()} {path}", words, parameters)
