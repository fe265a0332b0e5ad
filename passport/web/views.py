"""What the restricted pages, the API and the PDF share: one battery's records as one audience may see them.

Everything here starts from `passport.issue.view_of`; nothing reads a disclosure by itself.
"""

import contextlib
import hashlib
import logging
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Response
from sqlalchemy import Connection

from passport import disclosure, grants, issue
from passport.documents import page, seen
from passport.errors import NotFound, SignerUnavailable
from passport.ledger import batteries, database, handovers, life, notices, operators, versions
from passport.ledger.versions import Version
from passport.signing.bundle import bundle as signed_bundle
from passport.web import errors, headers
from passport.web.context import WebContext
from schemas.identifier import identifier_url
from schemas.registry import REGISTRY
from schemas.terms import Audience, RecordKind
from schemas.values import utc_text

logger = logging.getLogger(__name__)

OWN_ID: Final = re.compile(r"[A-Z2-7]{16}\Z")
"""Ids that this service makes: 80 random bits in base32."""


# A pack made of very many keeps a bundle that can be handed over; the rest is fetched by its address.
MOST_RELATED: Final = 256


@cache
def kinds(audience: Audience) -> tuple[RecordKind, ...]:
    """The kinds of record in which this audience may see anything; the passport is always one."""
    seen = {REGISTRY[name].record for name in disclosure.visible(audience)}
    return tuple(kind for kind in RecordKind if kind in seen or kind is RecordKind.PASSPORT)


def records(connection: Connection, battery: batteries.Battery, audience: Audience) -> list[issue.View]:
    """The newest version of every kind in which the audience may see anything; passport first."""
    newest = [versions.latest(connection, battery.id, kind) for kind in kinds(audience)]
    found = [issue.view_of(connection, version, audience) for version in newest if version is not None]
    # Of a battery that was recycled there is no condition any more, and no opinion.
    return [view for view in found if view.version.kind is RecordKind.PASSPORT or not view.ended]


_OVER_TIME: Final = (RecordKind.CONDITION, RecordKind.ASSESSMENT)


def over_time(
    connection: Connection, battery: batteries.Battery, audience: Audience
) -> tuple[seen.Figure, ...] | None:
    """What stored versions say of the battery over time; None for those who may not read its condition.

    Of a battery that was recycled nobody may. Versions that were withdrawn as issued in error are left out.
    """
    if battery.passport_status in page.ENDED or not set(_OVER_TIME) <= set(kinds(audience)):
        return None
    stages, unread = [], 0
    for kind in _OVER_TIME:
        withdrawn = versions.withdrawn(connection, battery.id, kind)
        good = [one for one in versions.history(connection, battery.id, kind) if one.version not in withdrawn]
        read = seen.spread(len(good))
        unread += len(good) - len(read)
        for number in read:
            view = issue.view_of(connection, good[number], audience)
            if not view.ended:
                stages.append(seen.Stage(kind, good[number].version, good[number].issued_at, view.values))
    return seen.figures(stages, unread)


def announcements(connection: Connection, battery: batteries.Battery) -> tuple[page.Announcement, ...]:
    """What stands of recalls and notices on a battery and on what it was made of."""
    own = {battery.id, battery.model, battery.batch}
    return tuple(
        page.Announcement(
            one.kind.value,
            one.title,
            one.text,
            one.url or "",
            one.language,
            one.since,
            of_part=one.target not in own,
        )
        for one in notices.of(connection, battery.id)
    )


def known(connection: Connection, passport_id: str) -> batteries.Battery:
    """The battery of that passport.

    Raises:
        NotFound: unknown, or not in our form: the same sentence, and the same look into the database.
    """
    battery = batteries.by_passport(connection, passport_id if OWN_ID.match(passport_id) else "")
    if battery is None:
        raise NotFound(errors.UNKNOWN)
    return battery


def told_version(version: Version, public_url: str) -> dict[str, Any]:
    """What is told of a version wherever it is listed as JSON."""
    return {
        "kind": version.kind.value,
        "version": version.version,
        "url": f"{public_url}/r/{version.record_id}",
        "issued_at": utc_text(version.issued_at),
        "sha256": version.sha256,
        "kid": version.kid,
        "operator": version.operator,
        "leaf_index": version.leaf_index,
        "registry_version": version.registry_version,
        "voluntary": version.voluntary,
        "incomplete": version.incomplete,
    }


def told(view: issue.View, public_url: str) -> dict[str, Any]:
    """One record of a battery as JSON, with what its reader may see."""
    return told_version(view.version, public_url) | {
        "values": dict(view.values),
        "withheld": sorted(view.withheld),
    }


def status_list(issuer: issue.Issuer | None, version: versions.Version, *, now: datetime) -> bytes | None:
    """The signed list that says whether the version was revoked; None where nobody can sign one now.

    It is of the beginning of the hour, so that whoever asks twice gets the same bytes. Ask outside of a
    transaction: the signer may take its time.
    """
    if issuer is None:
        return None
    as_of = max(version.issued_at, now.replace(minute=0, second=0, microsecond=0))
    try:
        return issuer.status_list(version.operator, version.status_list, as_of)
    except (SignerUnavailable, NotFound) as error:
        logger.warning("a bundle goes without the status list of %s: %s", version.operator, error)
        return None


def bundle(connection: Connection, view: issue.View, *, status_list: bytes | None = None) -> bytes:
    """The record of a view with what proves it: log proof, published keys, previous version, status list.

    The same version, audience and status list give the same bytes until a checkpoint or key is added. What is
    kept for long goes without the status list, which is good for a day.
    """
    version = view.version
    proof = None
    with contextlib.suppress(NotFound):  # no checkpoint covers it yet: the log is then answered "unknown"
        proof = versions.tlog_proof(connection, version)
    previous = [
        one.jwt
        for one in versions.history(connection, version.battery, version.kind)
        if one.version == version.version - 1
        # What is true of a battery that was recycled is not given out in its earlier versions either.
        and not view.ends
    ]
    signers = [version.operator]
    signers += [one.giver for one in handovers.every(connection, version.battery) if one.acceptance]
    keys = [key for name in dict.fromkeys(signers) for key in operators.jwks(connection, name)["keys"]]
    return signed_bundle(
        view.record,
        proof=proof,
        jwks=keys,
        previous=previous,
        related=related(connection, version),
        status_list=status_list,
    )


def related(connection: Connection, version: Version) -> list[bytes]:
    """Signed parts of other batteries' records that the version quotes, and of those before them in turn."""
    if version.kind is not RecordKind.PASSPORT:
        return []
    links = life.life_of(connection, version.battery).links
    followers = [link.other for link in links if link.relation == life.SUCCESSOR and link.other]
    firsts = versions.firsts(connection, followers, RecordKind.PASSPORT) if followers else {}
    found = [first.jwt for first in firsts.values()]
    seen: set[str] = set()
    todo = [link for link in links if link.relation == life.PREDECESSOR]
    while todo and len(found) < MOST_RELATED:
        link = todo.pop(0)
        if link.jwt is not None:
            found.append(link.jwt)
        quoted = versions.by_record(connection, (link.record_url or "").rpartition("/")[2])
        if quoted is not None and link.other is not None and quoted.record_id not in seen:
            seen.add(quoted.record_id)
            found.append(quoted.jwt)
            behind = life.life_of(connection, link.other).links
            todo += [one for one in behind if one.relation == life.PREDECESSOR]
    return list(dict.fromkeys(found))


def write_down(
    context: WebContext, who: grants.Principal, *, action: str, battery: str | None = None, detail: str = ""
) -> None:
    """The audit row of a restricted read; a visitor's reads are not written down."""
    if who.key is None:
        return
    with database.writing(context.engine) as connection:
        grants.audit(connection, who, action=action, now=context.now(), battery=battery, detail=detail)


def identifier_of(context: WebContext, battery: batteries.Battery) -> str:
    """The identifier as a full URL."""
    return identifier_url(context.settings.public_url, battery.identifier)


LANGUAGE: Final = page.LANGUAGE
AUDIENCE_WORDS: Final[Mapping[Audience, str]] = {
    Audience.PUBLIC: "the public",
    Audience.LEGITIMATE_INTEREST: "a person with a legitimate interest",
    Audience.AUTHORITY: "an authority",
}

_STYLE: Final = Path(__file__).resolve().parents[2] / "templates" / "recyclers" / "style.css"


@cache
def css() -> str:
    """The style of the recyclers' pages: the public page's, and what forms and lists need."""
    own = re.sub(r"/\*.*?\*/", "", _STYLE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return page.style() + re.sub(r"\s+", " ", own).strip()


@cache
def css_hash() -> str:
    """For the content security policy."""
    return "sha256-" + b64encode(hashlib.sha256(css().encode()).digest()).decode("ascii")


def html(template: str, *, status: int = 200, **content: Any) -> Response:
    """A page that is never stored on the way and runs nothing."""
    text = page.environment().get_template(template).render(language=LANGUAGE, css=css(), **content)
    response = Response(text, status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = headers.policy(css_hash())
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Cookie"
    # With no referrer at all a browser would send its forms with the origin "null".
    response.headers["Referrer-Policy"] = "same-origin"
    return response
