"""`/recyclers`: find batteries for re-use, repurposing and recycling; pages without script.

Everyone may search by what is public. Who signs in with a key for a legitimate interest filters by condition
too, and reads of each battery exactly what that audience may read, with purpose and end of the key in sight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from passport import disclosure, grants, inspections, library, search
from passport.documents import checklist, opinion, qr, seen, values
from passport.documents.values import Document, Shown, named, shown
from passport.errors import Forbidden, InputRefused, NotFound
from passport.issue import View
from passport.ledger import batteries, database
from passport.search import assembly, facets, sheets
from passport.web import context, documents, lanes, session, views
from schemas.attribute import Attribute
from schemas.identifier import qr_text
from schemas.registry import REGISTRY
from schemas.terms import Audience, BatteryStatus, Category, RecordKind, Unit

LIST_ROWS: Final = 5000
MOST_COMPARED: Final = 6
# What the list tells elsewhere than among the values, or only on the page of the battery.
_ELSEWHERE: Final = frozenset({"model", "manufacturer", "verdict", "value", "offered_since", "possible_use"})
_FIRST: Final = ("category", "chemistry", "rated_energy")
_SHORT_CATEGORIES: Final[Mapping[Category, str]] = {
    Category.EV: "Electric vehicle",
    Category.LMT: "Light means of transport",
    Category.INDUSTRIAL: "Industrial",
    Category.STATIONARY: "Stationary storage",
}

blueprint = Blueprint("recyclers", __name__)


# --- finding


@dataclass(frozen=True)
class Control:
    """One field of the form.

    Attributes:
        choices: value and words of a list; empty for a range.
        chosen: what was asked; low and high for a range.
    """

    field: search.Field
    choices: tuple[tuple[str, str], ...]
    chosen: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The unit after the title, or nothing where the title says it."""
        words = {Unit.YEAR.value: "", Unit.CYCLE.value: "", "": ""}
        unit = str(self.field.unit or "")
        return words.get(unit, f" ({unit})")

    @property
    def first(self) -> bool:
        """Whether most questions need it; the others wait behind a fold."""
        return self.field.name in _FIRST

    @property
    def asked(self) -> bool:
        """Whether anything was asked of it."""
        return any(text.strip() for text in self.chosen)


@dataclass(frozen=True)
class Cell:
    """One value of a found battery, in words."""

    name: str
    title: str
    text: str
    known: bool


@dataclass(frozen=True)
class Found:
    """One battery of the list, ready to print."""

    passport_id: str
    href: str
    title: str
    maker: str
    simulated: bool
    cells: tuple[Cell, ...]
    verdict: str | None
    inspect: tuple[str, ...]
    condition_at: str
    worth: str
    offer: str
    contact: str


@blueprint.get("/recyclers")
def find() -> ResponseReturnValue:
    """The form and what was found."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    asked = list(request.args.items(multi=True))
    rows: tuple[Found, ...] = ()
    cursor, problem, status = None, "", 200
    try:
        question = search.parse(asked)
        with database.reading(here.engine) as connection:
            page = search.query(connection, question, who, today=here.now().date())
        rows, cursor = tuple(_found(row, who) for row in page.rows), page.cursor
        views.write_down(here, who, action="search", detail=search.told(question, len(rows)))
    except (InputRefused, Forbidden) as error:
        problem, status = str(error), error.status
    with database.reading(here.engine) as connection:
        public, *restricted = _controls(connection, asked, who)
    kept = [(name, text) for name, text in asked if text.strip() and name != "cursor"]
    return views.html(
        "recyclers/find.html",
        status=status,
        title="Find batteries",
        description="Search battery passports by chemistry, energy, voltage and condition.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        problem=problem,
        public=public,
        restricted=tuple(zip(_GROUPS, restricted, strict=True)),
        orders=_orders(who),
        order=dict(asked).get("order") or search.DEFAULT_ORDER,
        more_asked=sum(one.asked for one in chain(public, *restricted) if not one.first),
        rows=rows,
        first=not dict(asked).get("cursor"),
        filtered=bool([name for name, _ in kept if name not in ("order", "limit")]),
        following="/recyclers?" + urlencode([*kept, ("cursor", cursor)]) if cursor else "",
        exports=tuple((form, f"/recyclers/batteries.{form}?" + urlencode(kept)) for form in sheets.FORMATS),
        counts="/recyclers/counts?" + urlencode(kept),
    )


@blueprint.get("/recyclers/batteries.<any(csv, json, xlsx, parquet):form>")
def export(form: str) -> ResponseReturnValue:
    """The list to take home, at most 5,000 rows."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    asked = [(name, text) for name, text in request.args.items(multi=True) if name not in ("limit", "cursor")]
    with database.reading(here.engine) as connection:
        rows = search.every(connection, asked, who, today=here.now().date(), most=LIST_ROWS)
    data = sheets.sheet(form, rows, who, here.settings.public_url)
    told = search.told(search.parse(asked), len(rows))
    views.write_down(here, who, action="export", detail=f"{form}; {told}")
    return _file(data, form, "batteries")


def _file(data: bytes, form: str, stem: str) -> Response:
    response = Response(data, mimetype=sheets.FORMATS[form][0])
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.{form}"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Cookie"
    return response


# --- counts, side by side, batches


@dataclass(frozen=True)
class Counted:
    """One field with how many of the found batteries have which word, each with a link that asks for it."""

    title: str
    words: tuple[tuple[str, str, int], ...]
    unknown: int


@blueprint.get("/recyclers/counts")
def counts() -> ResponseReturnValue:
    """How the found batteries divide, of what this reader may read."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    asked = [(name, text) for name, text in request.args.items(multi=True) if name not in ("limit", "cursor")]
    question = search.parse(asked)
    with database.reading(here.engine) as connection:
        found = facets.facets(connection, question, who, today=here.now().date())
    views.write_down(here, who, action="search", detail=f"counts; {search.told(question, found.counted)}")
    kept = [(name, text) for name, text in asked if text.strip()]
    told = []
    for one in found.facets:
        others = [pair for pair in kept if pair[0] != one.field.name]
        words = tuple(
            (_words(one.field, word), "/recyclers?" + urlencode([*others, (one.field.name, word)]), number)
            for word, number in one.counts
        )
        told.append(Counted(one.field.title, words, one.unknown))
    return views.html(
        "recyclers/counts.html",
        title="Counts",
        description="How the found batteries divide.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        facets=tuple(told),
        counted=found.counted,
        complete=found.complete,
        back="/recyclers?" + urlencode(kept),
    )


@blueprint.get("/recyclers/compare")
def compare() -> ResponseReturnValue:
    """Up to six batteries side by side."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    names = list(dict.fromkeys(request.args.getlist("b")))
    if not 2 <= len(names) <= MOST_COMPARED:
        raise InputRefused(f"b: expected two to {MOST_COMPARED} batteries to compare, got {len(names)}")
    with database.reading(here.engine) as connection:
        batteries = [views.known(connection, name) for name in names]
        rows = search.rows_of(connection, [one.id for one in batteries], who, today=here.now().date())
    for one in rows:
        views.write_down(here, who, action="read", battery=one.battery, detail="side by side")
    lines = []
    for name, field in search.FIELDS.items():
        cells = tuple("Restricted" if name in row.withheld else _told(row, field) for row in rows)
        if set(cells) - {"Restricted", "Not provided"}:
            lines.append((field.title, cells))
    lines.append(("Still to inspect", tuple("; ".join(row.inspect or ()) or "-" for row in rows)))
    lines.append(("Contact", tuple((row.offer or {}).get("contact") or row.contact or "-" for row in rows)))
    return views.html(
        "recyclers/compare.html",
        title="Side by side",
        description="Batteries side by side.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        rows=tuple(_found(row, who) for row in rows),
        lines=tuple(lines),
    )


@blueprint.get("/recyclers/batch")
def batch() -> ResponseReturnValue:
    """Packs of one model, alike in health, that together hold the energy wanted."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    given = {name: request.args.get(name, "").strip() for name in ("model", "kwh", "spread", "use")}
    found, problem, status = None, "", 200
    if given["model"] or given["kwh"]:
        try:
            found = _assembled(here, who, given)
        except (InputRefused, Forbidden) as error:
            problem, status = str(error), error.status
    return views.html(
        "recyclers/batch.html",
        status=status,
        title="Put a batch together",
        description="Packs of one model that together hold the energy wanted.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        problem=problem,
        given=given,
        uses=search.FIELDS["use"].words,
        sentence=assembly.sentence(found) if found else "",
        rows=tuple(_found(row, who) for row in found.rows) if found else (),
        lists=tuple((form, f"/recyclers/batch.{form}?" + urlencode(given)) for form in ("xlsx", "csv"))
        if found and found.rows
        else (),
    )


@blueprint.get("/recyclers/batch.<any(csv, xlsx, parquet):form>")
def batch_list(form: str) -> ResponseReturnValue:
    """The batch as a list to take home."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    given = {name: request.args.get(name, "").strip() for name in ("model", "kwh", "spread", "use")}
    found = _assembled(here, who, given)
    more = assembly.columns(found)
    return _file(sheets.sheet(form, found.rows, who, here.settings.public_url, more=more), form, "batch")


def _assembled(here: Any, who: grants.Principal, given: Mapping[str, str]) -> assembly.Assembly:
    with database.reading(here.engine) as connection:
        found = assembly.assemble(
            connection,
            who,
            model=given["model"],
            energy=assembly.number("kwh", given["kwh"]),
            spread=assembly.number("spread", given["spread"] or str(assembly.DEFAULT_SPREAD)),
            filters=[("use", given["use"])],
            today=here.now().date(),
        )
    detail = f"batch of {given['model'][:60]}; {given['kwh'][:20]} kWh; {len(found.rows)} packs"
    views.write_down(here, who, action="search", detail=detail)
    return found


# --- signing in and out


@blueprint.post("/recyclers/session")
def sign_in() -> ResponseReturnValue:
    """Exchange a key for a session; the key travels in the body and is never stored."""
    here = context.here()
    session.check_origin(request)
    key = request.form.get("key", "")[:200].strip()
    try:
        with database.writing(here.engine) as connection:
            token = grants.open_session(connection, key, here.now())
    except Forbidden as error:
        return _sign_in_page(str(error), error.status)
    response = redirect("/recyclers", 303)
    response.headers["Cache-Control"] = "no-store"
    session.set_cookie(response, token, public_url=here.settings.public_url)
    return response


@blueprint.get("/recyclers/session")
def sign_in_page() -> ResponseReturnValue:
    """The form for a key."""
    return _sign_in_page("", 200)


@blueprint.post("/recyclers/session/end")
def sign_out() -> ResponseReturnValue:
    """End the session."""
    here = context.here()
    session.check_origin(request)
    token = session.check_form(request)
    with database.writing(here.engine) as connection:
        grants.close_session(connection, token)
    response = redirect("/recyclers", 303)
    response.delete_cookie(session.COOKIE, path=session.COOKIE_PATH)
    return response


def _sign_in_page(problem: str, status: int) -> Response:
    here = context.here()
    return views.html(
        "recyclers/sign_in.html",
        status=status,
        title="Sign in",
        description="Sign in with a key to see the condition of batteries.",
        host=here.settings.public_url.partition("://")[2],
        problem=problem,
        who=None,
    )


# --- one battery


@dataclass(frozen=True)
class Section:
    """Attributes of one point of Annex XIII; what has no value is only named."""

    anchor: str
    title: str
    given: tuple[tuple[str, str, Shown], ...]
    absent: tuple[tuple[str, str], ...]


_SECTIONS: Final = (
    ("4", "Condition of this battery", "Annex XIII, point 4"),
    ("2", "Composition, parts, dismantling, safety", "Annex XIII, point 2"),
    ("3", "Test reports", "Annex XIII, point 3"),
    ("1", "Model", "Annex XIII, point 1"),
    ("", "Further attributes", "outside Annex XIII"),
)


@blueprint.get("/recyclers/b/<string:passport_id>")
def show(passport_id: str) -> ResponseReturnValue:
    """One battery as the signed-in reader may see it."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    if who.key is None:
        return _sign_in_page("Sign in with a key to read this page.", 401)
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        found = views.records(connection, battery, audience)
        stated: dict[str, Any] = {}
        for view in found:
            stated |= view.values
        papers = library.told(
            connection,
            stated,
            audience=audience,
            public_url=here.settings.public_url,
            issued_at=max((view.version.issued_at for view in found), default=here.now()),
        )
        over_time = views.over_time(connection, battery, audience)
    views.write_down(here, who, action="read", battery=battery.id, detail="recyclers page")
    name = stated.get("model_identifier", {}).get("value") or values.CATEGORIES[battery.category]
    return views.html(
        "recyclers/battery.html",
        title=f"{name}: condition",
        description="One battery as this reader may see it.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        battery=battery,
        identifier=views.identifier_of(here, battery),
        category=values.CATEGORIES[battery.category],
        name=name,
        audience=views.AUDIENCE_WORDS[audience],
        opinion=opinion.opinion(stated, valid_until=_good_until(found), now=here.now()),
        verdicts=VERDICTS,
        restricted=audience is Audience.LEGITIMATE_INTEREST,
        over_time=over_time,
        nothing_seen=seen.NOTHING,
        sections=tuple(_sections(stated, audience, papers)),
        records=found,
    )


def _good_until(found: Sequence[View]) -> datetime | None:
    """Until when the assessment among the views is good; None without one."""
    ends = [one.version.valid_until for one in found if one.version.kind is RecordKind.ASSESSMENT]
    return ends[0] if ends else None


@blueprint.get("/recyclers/b/<string:passport_id>/checklist")
def show_checklist(passport_id: str) -> ResponseReturnValue:
    """What an inspector looks at, by the gates that the newest assessment leaves open."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    if who.key is None:
        return _sign_in_page("Sign in with a key to read this page.", 401)
    battery, made = _checklist(here, who, passport_id)
    views.write_down(here, who, action="read", battery=battery.id, detail="checklist")
    return views.html(
        "recyclers/checklist.html",
        title="Checklist",
        description="What an inspector looks at beside this battery.",
        host=here.settings.public_url.partition("://")[2],
        who=_who(who),
        battery=battery,
        made=made,
        qr=qr.svg(qr_text(here.settings.public_url, battery.identifier)),
        findings=inspections.template(
            battery, public_url=here.settings.public_url, gates=[one.id for one in made.gates], now=here.now()
        ),
    )


@blueprint.get("/recyclers/b/<string:passport_id>/checklist.pdf")
def checklist_pdf(passport_id: str) -> ResponseReturnValue:
    """The same on paper, with room for findings and a signature."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    if who.key is None:
        return _sign_in_page("Sign in with a key to read this document.", 401)
    battery, made = _checklist(here, who, passport_id)
    with lanes.DOCUMENTS:
        data = documents.renderer(here.settings.data_dir).render(checklist.html(made), made.as_of)
    views.write_down(here, who, action="read", battery=battery.id, detail="checklist pdf")
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="checklist-{battery.passport_id}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Cookie"
    return response


def _checklist(
    here: context.WebContext, who: grants.Principal, passport_id: str
) -> tuple[batteries.Battery, checklist.Checklist]:
    """The open gates of the newest assessment, which only a person with a legitimate interest may read.

    Raises:
        Forbidden: the reader may not.
        NotFound: there is no assessment.
    """
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        if audience is not Audience.LEGITIMATE_INTEREST:
            raise Forbidden("a checklist tells of a condition; it is for a legitimate interest alone")
        found = views.records(connection, battery, audience)
    assessed = [one for one in found if one.version.kind is RecordKind.ASSESSMENT]
    if not assessed:
        raise NotFound("no assessment was issued for this battery; its operator can issue one")
    return battery, checklist.checklist(
        assessed[0].values,
        public_url=here.settings.public_url,
        identifier=battery.identifier,
        simulated=battery.simulated,
        sha256=assessed[0].version.sha256,
        as_of=assessed[0].version.issued_at,
    )


@blueprint.get("/recyclers/b/<string:passport_id>/passport.pdf")
def show_pdf(passport_id: str) -> ResponseReturnValue:
    """The compliance PDF for the signed-in reader."""
    here = context.here()
    who = session.from_cookie(request, here.engine, here.now())
    if who.key is None:
        return _sign_in_page("Sign in with a key to read this document.", 401)
    return documents.answer(passport_id, who)


def _sections(
    stated: Mapping[str, Mapping[str, Any]], audience: Audience, papers: Mapping[str, Document]
) -> Iterator[Section]:
    for number, title, place in _SECTIONS:
        rows = [
            (row, _shown(row, stated.get(row.id), papers))
            for row in REGISTRY.values()
            if disclosure.may_see(audience, row.disclosure)
            and _point(row.annex_xiii_points) == number
            and row.id not in ("second_life_assessment", "residual_value")  # they have a block of their own
        ]
        if not rows:
            continue
        given = tuple((row.id, row.title, said) for row, said in rows if said.given)
        absent = tuple((row.title, said.why) for row, said in rows if not said.given)
        yield Section(f"point-{number}" if number else "further", f"{title} ({place})", given, absent)


def _shown(row: Attribute[Any], wire: Mapping[str, Any] | None, papers: Mapping[str, Document]) -> Shown:
    """The value with titles of documents, which lead to where the reader's session opens them."""
    said = named(shown(row, wire), papers)
    links = (f"/recyclers/d/{papers[link].sha256}" if link in papers else link for link in said.links)
    return replace(said, links=tuple(links))


def _point(points: tuple[str, ...]) -> str:
    return points[0][:1] if points and points[0][:1] in "1234" else ""


# --- words for the templates


def _who(who: grants.Principal) -> dict[str, str] | None:
    """What the page says of the reader; None for a visitor."""
    if who.key is None or who.audience is None or who.expires_at is None:
        return None
    token = request.cookies.get(session.COOKIE, "")
    return {
        "audience": views.AUDIENCE_WORDS[who.audience],
        "purpose": who.purpose,
        "until": values.day_text(who.expires_at),
        "key": who.key,
        "form_token": grants.form_token(token),
    }


def _found(row: search.Row, who: grants.Principal) -> Found:
    cells = []
    for name, field in search.FIELDS.items():
        if name in row.withheld or name in _ELSEWHERE:
            continue
        value = row.values[name]
        # What everyone may read is named even where it is not known; the rest only where it is.
        if value is not None or search.readable(field, Audience.PUBLIC):
            cells.append(Cell(name, field.title, _told(row, field), value is not None))
    reads_condition = "verdict" not in row.withheld
    verdict = row.values.get("verdict")
    return Found(
        passport_id=row.passport_id,
        href=f"/recyclers/b/{row.passport_id}" if who.key else f"/p/{row.passport_id}",
        title=row.values["model"] or f"Battery {row.passport_id}",
        maker=row.values["manufacturer"] or "Manufacturer not provided",
        simulated=row.simulated,
        cells=tuple(cells),
        verdict=(VERDICTS.get(verdict or "", verdict) or VERDICTS[""]) if reads_condition else None,
        inspect=row.inspect or (),
        condition_at=values.day_text(row.condition_at) if row.condition_at else "",
        worth=_words(search.FIELDS["value"], worth) if (worth := row.values.get("value")) else "",
        offer=_offer_words(row.offer) if row.offer else "",
        contact=(row.offer or {}).get("contact") or row.contact or "",
    )


def _offer_words(offer: Mapping[str, str | None]) -> str:
    price = f" for {values.number_text(offer['price'] or '')} EUR" if offer["price"] else ""
    since, until = (values.day_text(offer[end] or "") for end in ("since", "until"))
    return f"Offered{price}, from {since} to {until}"


VERDICTS: Final[Mapping[str, str]] = {"": "Not assessed yet", **dict(search.FIELDS["verdict"].words)}


def _told(row: search.Row, field: search.Field) -> str:
    """A value in words; a mass of metal that was computed says so."""
    value = row.values[field.name]
    computed = field.name in search.METALS and row.metals_computed and value is not None
    return _words(field, value) + (", computed" if computed else "")


def _words(field: search.Field, value: str | None) -> str:
    if value is None:
        return "Not provided"
    if field.day:
        return values.day_text(value)
    if field.unit == search.EURO:
        return f"{values.number_text(value)} {search.EURO}"
    if field.scale:
        unit = None if field.unit in (None, Unit.CYCLE.value) else Unit(field.unit)
        return values.quantity(value, unit)
    if field.name == "category":
        return _SHORT_CATEGORIES[Category(value)]
    if field.words:
        titles = dict(field.words)
        words = search.words_of(value) if field.several else [value]
        return ", ".join(titles.get(word, word) for word in words)
    return value.replace("_", " ") if field.name == "battery_status" else value


_GROUPS: Final = ("Composition", "Condition and second life")


def _controls(
    connection: Any, asked: Sequence[tuple[str, str]], who: grants.Principal
) -> tuple[list[Control], list[Control], list[Control]]:
    """The form's fields: those that everyone may ask, and in two groups those that only this reader may."""
    public: list[Control] = []
    composition: list[Control] = []
    single: list[Control] = []
    sent = dict(asked)
    for name, field in search.FIELDS.items():
        open_to_all = search.readable(field, Audience.PUBLIC)
        if name == "model" or not (open_to_all or search.readable(field, who.audience)):
            continue
        if field.match is search.Match.RANGE:
            low_high = (sent.get(f"{name}_min", ""), sent.get(f"{name}_max", ""))
            control = Control(field, (), low_high)
        else:
            words = _lists(field) or tuple((word, word) for word in search.choices(connection, name))
            chosen = tuple(search.meant(field, text) for key, text in asked if key == name)
            control = Control(field, words, chosen)
        (public if open_to_all else composition if name in search.METALS else single).append(control)
    return public, composition, single


def _lists(field: search.Field) -> tuple[tuple[str, str], ...]:
    if field.name == "category":
        return tuple((one.value, words) for one, words in values.CATEGORIES.items())
    if field.name == "battery_status":
        return tuple((one.value, one.value) for one in BatteryStatus)
    return field.words


def _orders(who: grants.Principal) -> list[tuple[str, str]]:
    orders = []
    for name in search.ORDERS:
        if search.readable(search.FIELDS[name], who.audience):
            title = search.FIELDS[name].title
            if search.FIELDS[name].scale:
                orders += [(f"-{name}", f"{title}, high to low"), (name, f"{title}, low to high")]
            else:
                orders.append((name, title))
    return orders
