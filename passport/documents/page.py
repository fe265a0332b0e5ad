"""The public page: one HTML file, no script, nothing to fetch; made from one version and its public view.

`context` turns what is known of a version into a PageContext, `render` prints it. The template only loops and
chooses: every word that depends on data is prepared here, every value by `values`.

Order: who and what, status of the check, what responders need, figures, downloads, end of life, then every
public attribute by chapter, what is restricted and whom to ask, history. What is missing says so, and why.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from passport.disclosure import may_see, may_see_attribute
from passport.documents import phrases, qr, values
from passport.documents.values import Shown, day_text, listed, shown
from passport.judgement import compliance
from schemas.attribute import Attribute, Chapter
from schemas.identifier import grouped, identifier_url, parse_path, qr_text, short_host
from schemas.registries import rows_of
from schemas.registry import REGISTRY
from schemas.terms import (
    Absent,
    Audience,
    Category,
    Disclosure,
    Level,
    Obligation,
    PassportStatus,
    RecordKind,
)

LANGUAGE: Final = "en"
WEB_ADDRESS: Final = re.compile(r"https?://[^\s\"'<>]+")
_TEMPLATES: Final = Path(__file__).parents[2] / "templates"

CHAPTERS: Final[Mapping[Chapter, str]] = {
    Chapter.GENERAL: "Identity, maker and operator",
    Chapter.LABELS: "Labels and conformity",
    Chapter.CARBON_FOOTPRINT: "Carbon footprint",
    Chapter.DUE_DILIGENCE: "Responsible sourcing",
    Chapter.MATERIALS: "Chemistry and materials",
    Chapter.CIRCULARITY: "Recycled content and end of life",
    Chapter.PERFORMANCE: "Performance and durability",
    Chapter.DYNAMIC: "This battery in use",
}
_URGENT: Final = frozenset(
    {"shown", "recall", "safety", "ended", "inactive", "successor", "record-withdrawn"}
)
_ANNOUNCED: Final[Mapping[str, str]] = {
    "recall": "Recall",
    "safety": "Safety notice",
    "information": "Notice",
}
# The battery was recycled, or its passport is about to be taken away: class data stay, with 410.
ENDED: Final = frozenset({PassportStatus.ARCHIVED, PassportStatus.MARKED_FOR_DELETION})
# What a responder asks first; all of it is label information or point 1, and therefore public.
RESPONDER: Final = (
    "extinguishing_agent",
    "nominal_voltage",
    "maximum_voltage",
    "battery_chemistry",
    "battery_mass",
    "hazardous_substances",
)
TILES: Final = (
    "rated_capacity",
    "certified_usable_energy",
    "manufacturing_date",
    "warranty_period",
    "expected_lifetime_cycles",
    "cf_total",
)
END_OF_LIFE: Final = (
    "separate_collection_info",
    "collection_and_treatment_info",
    "waste_prevention_info",
    "waste_safety_instructions",
)
_SHORT_TITLES: Final[Mapping[str, str]] = {
    "extinguishing_agent": "Extinguish with",
    "battery_chemistry": "Chemistry",
    "hazardous_substances": "Hazardous substances",
    "certified_usable_energy": "Usable energy",
    "manufacturing_date": "Made",
    "warranty_period": "Warranty",
    "expected_lifetime_cycles": "Expected life",
    "cf_total": "Carbon footprint",
}
_AUDIENCES: Final[Mapping[Audience, str]] = {
    Audience.LEGITIMATE_INTEREST: "a person with a legitimate interest",
    Audience.AUTHORITY: "an authority",
}
_RESTRICTED: Final = (
    (
        Disclosure.INTEREST_AND_AUTHORITIES,
        "Composition, parts, dismantling and safety in detail",
        "For repair, second life, recycling and for authorities: Annex XIII, point 2.",
    ),
    (
        Disclosure.AUTHORITIES,
        "Test reports and further proof of compliance",
        "For notified bodies, market surveillance and the Commission: Annex XIII, point 3.",
    ),
    (
        Disclosure.INDIVIDUAL,
        "Condition and history of this battery",
        "For the owner and others with a legitimate interest: Annex XIII, point 4.",
    ),
)


# --- what the page is made from


@dataclass(frozen=True)
class Past:
    """One version in the history of a passport."""

    version: int
    issued_at: datetime
    record_id: str
    kid: str
    voluntary: bool = False
    incomplete: str | None = None
    corrects: str | None = None
    withdrawn: str | None = None


@dataclass(frozen=True)
class Announcement:
    """A recall, safety notice or information of an operator, in its words.

    Attributes:
        kind: "recall", "safety" or "information".
        url: where more is told; empty where nothing is.
        of_part: it was given for something that the battery was made of.
    """

    kind: str
    title: str
    text: str
    url: str
    language: str
    since: datetime
    of_part: bool = False


@dataclass(frozen=True)
class Passport:
    """All that is known of one version, already limited to the public view.

    Attributes:
        passport_id: id of the passport, last part of the page's address.
        identifier: canonical path of the identifier, `/01/.../21/...`.
        public_url: address of the service.
        placed_on: day of placing on the market; None while unknown. Used to judge duties, never shown.
        operator: id of the economic operator; its name is a value.
        view: stated values on the wire by attribute id, as `issue.view_of` delivers them to the audience.
        history: all versions of the passport, newest first; the first is the one shown.
        condition_at: when the newest condition record was made; None when there is none.
        today: the day on which duties are judged: that of the record, so that a page stays as it is.
        audience: whose page it is.
        documents: what is known of documents that values name, by their address.
        announcements: what stands of recalls and notices, the most urgent first.
        ceased_on: day on which the battery was recycled; None while it was not.
    """

    passport_id: str
    identifier: str
    public_url: str
    category: Category
    placed_on: date | None
    simulated: bool
    status: PassportStatus
    operator: str
    view: Mapping[str, Mapping[str, Any]]
    history: tuple[Past, ...]
    condition_at: datetime | None
    registry_version: str
    today: date
    audience: Audience = Audience.PUBLIC
    documents: Mapping[str, values.Document] = field(default_factory=dict)
    announcements: tuple[Announcement, ...] = ()
    ceased_on: date | None = None

    @property
    def current(self) -> Past:
        """The version that the page shows."""
        return self.history[0]


# --- what the template gets


@dataclass(frozen=True)
class Row:
    """One attribute with its title and its value or absence."""

    id: str
    title: str
    shown: Shown
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """Attributes that are absent for one reason, by kind and words; `reason` is a sentence or empty."""

    kind: str
    words: str
    reason: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ChapterView:
    """One chapter: values first, then what is absent, grouped by reason."""

    id: str
    title: str
    given: tuple[Row, ...]
    missing: tuple[Missing, ...]

    @property
    def summary(self) -> str:
        """How much of it there is, for the closed chapter."""
        total = len(self.given) + sum(len(group.rows) for group in self.missing)
        return f"{len(self.given)} of {total}"


@dataclass(frozen=True)
class Teaser:
    """What exists for others: named, never told whether it has a value."""

    title: str
    who: str
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """Something that must not be overlooked."""

    kind: str
    title: str
    text: str
    links: tuple[tuple[str, str], ...] = ()
    language: str = LANGUAGE
    anchor: str = ""

    @property
    def urgent(self) -> bool:
        """Whether it stands above everything else."""
        return self.kind in _URGENT


@dataclass(frozen=True)
class Download:
    """A file that the page leads to; `save` is the name that a browser stores it under."""

    href: str
    title: str
    note: str
    save: str = ""


@dataclass(frozen=True)
class HistoryRow:
    """One version, ready to print."""

    version: int
    day: str
    machine: str
    href: str
    key: str
    incomplete: str
    corrects: str
    withdrawn: str


@dataclass(frozen=True)
class PageContext:
    """All that the page template may know; frozen, complete, nothing optional but by an empty value.

    Attributes:
        category: what kind of battery it is, or where the name says that, that no model is stated.
        numbers: application identifier and value in groups, as on the label.
        check: sentences on what the service states about the record.
        key: id of the signing key, in groups.
        proofs: what a reader downloads to check the record, and `command` with their names.
        ask_href: where to ask for restricted data; empty when the operator published no way.
    """

    language: str
    title: str
    description: str
    name: str
    category: str
    maker: str
    operator: str
    simulated: bool
    ended: bool
    notices: tuple[Notice, ...]
    identifier: str
    host: str
    numbers: tuple[tuple[str, str, tuple[str, ...]], ...]
    qr: str
    check: tuple[str, ...]
    version: int
    recorded: str
    recorded_machine: str
    key: tuple[str, ...]
    sha_href: str
    responder: tuple[Row, ...]
    responder_gaps: bool
    tiles: tuple[Row, ...]
    downloads: tuple[Download, ...]
    proofs: tuple[Download, ...]
    command: str
    end_of_life: tuple[Row, ...]
    chapters: tuple[ChapterView, ...]
    teasers: tuple[Teaser, ...]
    ask: str
    ask_href: str
    history: tuple[HistoryRow, ...]
    registry_version: str
    css: str = field(repr=False)

    @property
    def remarks(self) -> tuple[Notice, ...]:
        """Notices that follow what responders need."""
        return tuple(notice for notice in self.notices if not notice.urgent)


def context(passport: Passport, *, language: str = LANGUAGE) -> PageContext:
    """What the template needs, in the order of the page."""
    rows = _Rows(passport)
    category = values.CATEGORIES[passport.category]
    name = rows.text("model_identifier") or category
    operator = rows.text("operator_name") or passport.operator
    maker = rows.text("manufacturer_name")
    current = passport.current
    ended = passport.status in ENDED
    ask_href, ask = _ask(passport, operator)
    recorded = day_text(current.issued_at)
    return PageContext(
        language=language,
        title=f"{name}, battery passport",
        description=f"{category}{f' of {maker}' if maker else ''}: what it is, who stands behind it,"
        " what to do in a fire, where it goes at the end.",
        name=name,
        category=category if category != name else "Model not provided",
        maker=maker or "Maker not provided",
        operator=operator,
        simulated=passport.simulated,
        ended=ended,
        notices=tuple(_notices(passport)),
        identifier=identifier_url(passport.public_url, passport.identifier),
        host=short_host(passport.public_url),
        numbers=_numbers(passport.identifier),
        qr=_inline_qr(passport),
        check=(
            f"Signed by {_signer(operator, simulated=passport.simulated)}.",
            f"Recorded {recorded}, version {current.version}.",
            "The record is about the identifier above: compare it with the label.",
        ),
        version=current.version,
        recorded=recorded,
        recorded_machine=current.issued_at.isoformat().replace("+00:00", "Z"),
        key=grouped(current.kid),
        sha_href=f"/r/{current.record_id}",
        responder=rows.rows(RESPONDER),
        responder_gaps=any(not row.shown.given for row in rows.rows(RESPONDER)),
        tiles=rows.rows(TILES),
        downloads=_downloads(passport),
        proofs=_proofs(passport),
        command=f"cellpass verify {_bundle_name(passport)} --keys {_KEYS} --log-key {_LOG_KEYS}",
        end_of_life=rows.rows(END_OF_LIFE),
        chapters=tuple(rows.chapters(class_data_only=ended)),
        teasers=() if ended else tuple(_teasers(passport.audience)),
        ask=ask,
        ask_href=ask_href,
        history=tuple(_history(passport)),
        registry_version=passport.registry_version,
        css=style(),
    )


def _signer(operator: str, *, simulated: bool) -> str:
    """The operator's name, marked where the battery is simulated and the name does not say so itself."""
    return f"{operator} (simulated)" if simulated and "simulated" not in operator.lower() else operator


class _Rows:
    """Rows of the page from the values of one version."""

    def __init__(self, passport: Passport) -> None:
        self._passport = passport
        # Titles, units and kinds are those of the registry that the record names.
        self._rows = rows_of(passport.registry_version)
        self._shown = compliance.Shown.of(
            passport.view,
            passport.category,
            passport.placed_on,
            passport.today,
            voluntary=passport.current.voluntary,
        )

    def row(self, attribute: Attribute[Any], *, short: bool = False) -> Row:
        wire = self._passport.view.get(attribute.id)
        if short and attribute.id == "battery_chemistry" and (wire or {}).get("value") == "other":
            # The word says nothing; where the chemistry is named in full, that is what a reader needs.
            named = self._passport.view.get("battery_chemistry_name", {})
            wire = named if "value" in named else wire
        if short and attribute.id == "hazardous_substances" and isinstance((wire or {}).get("value"), list):
            wire = {**(wire or {}), "value": [_warning(entry) for entry in (wire or {})["value"]]}
        title = _SHORT_TITLES.get(attribute.id, attribute.title) if short else attribute.title
        said = values.named(shown(attribute, wire), self._passport.documents)
        return Row(attribute.id, title, said, "" if short else self._why(attribute, wire))

    def rows(self, ids: Sequence[str]) -> tuple[Row, ...]:
        """Rows with short titles, for the blocks at the top; what does not apply is left out."""
        found = (self.row(self._rows[id_], short=True) for id_ in ids if id_ in self._rows)
        return tuple(row for row in found if row.shown.absent is not Absent.NOT_APPLICABLE)

    def text(self, id_: str) -> str:
        """The value on one line; empty when there is none."""
        row = self.row(self._rows[id_] if id_ in self._rows else REGISTRY[id_])
        return row.shown.text if row.shown.given else ""

    def chapters(self, *, class_data_only: bool) -> Iterator[ChapterView]:
        for chapter, title in CHAPTERS.items():
            rows = [
                self.row(attribute)
                for attribute in self._rows.values()
                if attribute.group is chapter
                and may_see_attribute(self._passport.audience, attribute.id)
                and (attribute.record is RecordKind.PASSPORT or self._passport.condition_at is not None)
                and attribute.record is not RecordKind.ASSESSMENT
                and not (class_data_only and attribute.level is Level.ITEM)
            ]
            if rows:
                given = tuple(row for row in rows if row.shown.given)
                yield ChapterView(chapter.value, title, given, tuple(_missing(rows)))

    def _why(self, attribute: Attribute[Any], wire: Mapping[str, Any] | None) -> str:
        """For what is not yet required: which act or day is awaited."""
        if wire is None or wire.get("absent") != Absent.NOT_YET_REQUIRED:
            return ""
        ruling = self._shown.ruling(attribute)
        if ruling.obligation in (Obligation.PENDING, Obligation.MUST_STAY_EMPTY):
            return ruling.reason
        return ""


def _warning(entry: Any) -> Any:
    """Of a hazardous substance, what whoever stands before a fire can use; the rest is told further down."""
    if not isinstance(entry, Mapping) or "name" not in entry:
        return entry
    return {name: entry[name] for name in ("name", "hazard_class") if name in entry}


def _missing(rows: Sequence[Row]) -> Iterator[Missing]:
    for absent, words in values.ABSENCES.items():
        reasons: dict[str, list[Row]] = {}
        for row in rows:
            if row.shown.absent is absent:
                reasons.setdefault(row.note, []).append(row)
        for reason, found in reasons.items():
            yield Missing(absent.value, words, _sentence(reason), tuple(found))


def _sentence(reason: str) -> str:
    """A ruling's reason for people: dates in words.

    >>> _sentence("stays empty before 2027-08-18").replace(values.NO_BREAK, " ")
    'Stays empty before 18 August 2027.'
    """
    words = re.sub(r"\b\d{4}-\d{2}-\d{2}\b", lambda found: day_text(found[0]), reason)
    return f"{words[0].upper()}{words[1:].removesuffix('.')}." if words else ""


def _numbers(identifier: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    names = {"01": "GTIN", "21": "Serial", "10": "Lot", "22": "Variant", "8004": "Asset", "235": "Serial"}
    return tuple((ai, names.get(ai, ""), grouped(value)) for ai, value in parse_path(identifier).ais)


def _inline_qr(passport: Passport) -> str:
    """The code for the page: sized by the style sheet, so without its own measures."""
    text = qr_text(passport.public_url, passport.identifier)
    drawn = qr.svg(text, title="QR code of this battery")
    return re.sub(r' xmlns="[^"]*"| (?:width|height)="[0-9.]+mm"', "", drawn, count=3)


def _notices(passport: Passport) -> Iterator[Notice]:
    if passport.audience is not Audience.PUBLIC:
        yield Notice(
            "shown",
            "Not the public page",
            f"Shown to {_AUDIENCES[passport.audience]}. Not for passing on.",
        )
    yield from announced(passport.announcements)
    yield from whereabouts(passport.view, passport.status, passport.ceased_on, passport.public_url)
    current = passport.current
    if current.withdrawn is not None:
        yield Notice(
            "record-withdrawn",
            "This version was withdrawn",
            f"The operator says that it was issued in error: \u201c{current.withdrawn}\u201d."
            " Do not rely on it.",
        )
    withdrawn = [one.words for one in passport.documents.values() if one.withdrawn]
    if withdrawn:
        yield Notice(
            "withdrawn",
            "A document was withdrawn" if len(withdrawn) == 1 else "Documents were withdrawn",
            f"This record names what is no longer given out: {'; '.join(withdrawn)}.",
        )
    if current.incomplete:
        yield Notice(
            "incomplete",
            "Issued incomplete",
            "The operator issued this version although values are missing that are owed. The reason it gave:"
            f" \u201c{current.incomplete}\u201d",
        )
    if current.voluntary:
        yield Notice("voluntary", "Voluntary passport", compliance.voluntary_words(passport.category))


def announced(announcements: Sequence[Announcement]) -> Iterator[Notice]:
    """Recalls and notices as they stand on page and paper, in the operator's words."""
    for number, one in enumerate(announcements, 1):
        of_part = " for something that this battery was made of" if one.of_part else ""
        yield Notice(
            one.kind,
            f"{_ANNOUNCED[one.kind]}: {one.title}",
            f"{one.text} Given on {day_text(one.since)}{of_part}.",
            ((one.url, "More on this"),) if WEB_ADDRESS.fullmatch(one.url) else (),
            one.language,
            f"{one.kind}-{number}",
        )


def whereabouts(
    view: Mapping[str, Mapping[str, Any]], status: PassportStatus, ceased_on: date | None, public_url: str
) -> Iterator[Notice]:
    """Where the battery goes on, where it came from, and whether its passport is still in force."""
    if status in ENDED:
        when = f" on {day_text(ceased_on)}" if ceased_on is not None else ""
        yield Notice(
            "ended",
            "This passport has ended",
            f"The battery was recycled{when} (Art. 77(8)). What is true of its model stays readable.",
        )
    successors = _addresses(view, "successor_passport_ids", public_url)
    if successors:
        yield Notice(
            "successor",
            "The battery goes on in another passport",
            "It was given a new life, and this passport is no longer in force. It goes on in:",
            successors,
        )
    elif status is PassportStatus.INACTIVE:
        yield Notice(
            "inactive",
            "This passport is not in force",
            "Its operator took it out of force. What stands here was true until then.",
        )
    predecessors = _addresses(view, "predecessor_passport_ids", public_url)
    if predecessors:
        yield Notice("predecessor", "Made of other batteries", "Their passports:", predecessors)


def _addresses(
    view: Mapping[str, Mapping[str, Any]], attribute: str, public_url: str
) -> tuple[tuple[str, str], ...]:
    """Passports that a row names; those of this service are led to without leaving it."""
    named = view.get(attribute, {}).get("value")
    words = [str(address) for address in (named if isinstance(named, list) else ())]
    return tuple((one.removeprefix(public_url) if WEB_ADDRESS.fullmatch(one) else "", one) for one in words)


def _downloads(passport: Passport) -> tuple[Download, ...]:
    page = f"/p/{passport.passport_id}"
    return (
        Download(
            f"{page}/pdf", "PDF for printing and filing", "with every value and the signed record inside"
        ),
        Download(f"{page}/record", "Signed record", "the exact bytes that were signed, SD-JWT"),
        Download(f"{page}/bundle", "Bundle with proof", "record, log proof, status: for later, offline"),
        Download(
            f"/api/batteries/{passport.passport_id}/export?format=en18223",
            "Data for other systems",
            "EN 18223:2026, as JSON; not signed",
        ),
    )


# Under these names the command on the page finds them.
_KEYS: Final = "jwks.json"
_LOG_KEYS: Final = "log-keys.txt"


def file_stem(identifier: str) -> str:
    """Start of a file's name: the serial, or whatever ends the identifier, in letters that any disk takes.

    >>> file_stem("/01/09520123456788/21/BAT%2F26")
    'battery-passport-BAT-26'
    """
    last = parse_path(identifier).ais[-1][1]
    return "battery-passport-" + (re.sub(r"[^A-Za-z0-9]+", "-", last).strip("-") or "battery")


def _bundle_name(passport: Passport) -> str:
    return f"{file_stem(passport.identifier)}.bundle.json"


def _proofs(passport: Passport) -> tuple[Download, ...]:
    operator = f"/o/{passport.operator}"
    bundle = _bundle_name(passport)
    return (
        Download(
            f"/p/{passport.passport_id}/bundle", "The bundle", "record, proof of the log and status", bundle
        ),
        Download(f"{operator}/jwks.json", "Keys of the operator", "to check who signed", _KEYS),
        Download(f"{operator}/log-keys", "Keys of its log", "to check that it was published", _LOG_KEYS),
    )


def _ask(passport: Passport, operator: str) -> tuple[str, str]:
    contact = passport.view.get("operator_contact", {}).get("value")
    contact = contact if isinstance(contact, Mapping) else {}
    email = contact.get("email") or passport.view.get("manufacturer_email", {}).get("value")
    if isinstance(email, str) and re.fullmatch(r"[^@\s?&<>\"']+@[^@\s?&<>\"']+", email):
        return f"mailto:{email}", f"Ask {operator} for access: {email}"
    web = contact.get("web") or passport.view.get("manufacturer_web", {}).get("value")
    if isinstance(web, str) and WEB_ADDRESS.fullmatch(web):
        return web, f"Ask {operator} for access: {web}"
    addresses = (passport.view.get(name, {}) for name in ("operator_address", "manufacturer_address"))
    if any("value" in wire for wire in addresses):
        return "", f"Ask {operator} for access, at the address given in the chapter on identity and maker."
    return "", f"Ask {operator} for access; this version names no address."


def _teasers(audience: Audience) -> Iterator[Teaser]:
    for disclosure, title, who in _RESTRICTED:
        if may_see(audience, disclosure):
            continue
        titles = tuple(row.title for row in REGISTRY.values() if row.disclosure is disclosure)
        yield Teaser(title, who, titles)


def _history(passport: Passport) -> Iterator[HistoryRow]:
    for past in passport.history:
        yield HistoryRow(
            version=past.version,
            day=day_text(past.issued_at),
            machine=past.issued_at.isoformat().replace("+00:00", "Z"),
            href=f"/r/{past.record_id}",
            key=past.kid[:8],
            incomplete=past.incomplete or "",
            corrects=past.corrects or "",
            withdrawn=past.withdrawn or "",
        )


# --- printing


@cache
def environment() -> jinja2.Environment:
    """Templates with autoescape; a name that a template does not know stops it."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    made.globals["listed"] = listed
    return made


def render(page: PageContext) -> str:
    """The page as one HTML text."""
    return _squeezed(environment().get_template("page/passport.html").render(c=page))


def render_error(
    *,
    title: str,
    status: int,
    detail: str,
    what_now: str,
    safety: bool,
    link: tuple[str, str] = ("", ""),
) -> str:
    """An error page in the style of the passports.

    Args:
        title: what happened, for people.
        status: of the HTTP answer.
        detail: what was expected, or an empty text.
        what_now: what the reader can do.
        safety: remind whoever stands before a burning battery of its label.
        link: address and words of what took the place; empty where nothing did.
    """
    template = environment().get_template("page/error.html")
    return _squeezed(
        template.render(
            language=LANGUAGE,
            title=title,
            description=title,
            css=style(),
            status=status,
            detail=detail,
            what_now=what_now,
            safety=safety,
            link=link,
        )
    )


@dataclass(frozen=True)
class Pack:
    """One simulated battery in the list of a demonstration."""

    passport_id: str
    identifier: str
    name: str
    category: str


def render_home(*, host: str, asked: str, packs: Sequence[Pack]) -> str:
    """The landing page: what this is, a field for an identifier, the simulated batteries of a demonstration.

    Args:
        host: of the service, for people to read.
        asked: the identifier that was asked for in vain; empty before a question.
        packs: simulated batteries only; real ones are never listed.
    """
    template = environment().get_template("page/home.html")
    return _squeezed(
        template.render(
            language=LANGUAGE,
            title="Battery passports",
            description="Battery passports under Regulation (EU) 2023/1542.",
            css=style(),
            host=host,
            asked=asked,
            packs=packs,
        )
    )


def _squeezed(html: str) -> str:
    """Without the blanks at the beginning of lines and without empty lines; nothing here is preformatted."""
    return re.sub(r"\n\s*", "\n", html).strip() + "\n"


@cache
def style() -> str:
    """The style sheet without comments and blanks that mean nothing."""
    css = (_TEMPLATES / "styles" / "page.css").read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    return re.sub(r" ?([{};,>]) ?", r"\1", css).replace(";}", "}").replace(": ", ":").strip()


@cache
def style_hash() -> str:
    """For the content security policy: `sha256-...` of the style sheet as it stands in every page."""
    return "sha256-" + b64encode(hashlib.sha256(style().encode()).digest()).decode("ascii")


@cache
def template_digest() -> str:
    """Of everything that shapes the page besides its content; part of the key of stored pages."""
    whole = hashlib.sha256()
    paths = [path for folder in ("page", "parts") for path in sorted((_TEMPLATES / folder).glob("*.html"))]
    for path in paths:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    sources = (__file__, values.__file__, phrases.__file__, compliance.__file__, qr.__file__)
    for path in (Path(source) for source in sources):
        whole.update(path.read_bytes() + b"\0")
    whole.update(style().encode())
    return whole.hexdigest()[:32]
