"""The compliance PDF over HTTP, and the road from stored versions to what the document needs."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from passport import grants, inspections, library
from passport.documents import evaluation, opinion, page, pdf
from passport.documents import values as texts
from passport.errors import NotFound
from passport.ledger import batteries, database, life
from passport.web import context, headers, lanes, session, views
from schemas.identifier import identifier_url, qr_text
from schemas.registry import REGISTRY
from schemas.terms import Audience, RecordKind

blueprint = Blueprint("documents", __name__)


def pdf_context(
    connection: Connection,
    battery: batteries.Battery,
    audience: Audience,
    *,
    public_url: str,
    purpose: str | None = None,
) -> pdf.PdfContext:
    """The document's context from the newest versions, limited to what the audience may see.

    Raises:
        NotFound: no passport record was issued yet.
    """
    shown = views.records(connection, battery, audience)
    if not shown or shown[0].version.kind is not RecordKind.PASSPORT:
        raise NotFound("no passport record was issued for this battery yet; run `cellpass issue` first")
    values: dict[str, Any] = {}
    for view in shown:
        values |= view.values
    attachments = [
        pdf.Attached(
            f"{view.version.kind.value}.sdjwt",
            f"Signed {view.version.kind.value} record as this copy's readers may see it (SD-JWT VC)",
            "Source",
            view.record,
        )
        for view in shown
        if not view.exposed
    ]
    if not shown[0].exposed:
        attachments.append(
            pdf.Attached(
                "passport.bundle.json",
                "The passport record with its log proof and the operator's published keys",
                "Supplement",
                views.bundle(connection, shown[0]),
            )
        )
    return pdf.PdfContext(
        identifier_url=identifier_url(public_url, battery.identifier),
        qr_text=qr_text(public_url, battery.identifier),
        passport_id=battery.passport_id,
        operator=battery.operator,
        category=battery.category,
        placed_on=battery.placed_on,
        passport_status=battery.passport_status,
        simulated=battery.simulated,
        voluntary=shown[0].version.voluntary,
        incomplete=shown[0].version.incomplete,
        audience=audience,
        purpose=purpose,
        language=views.LANGUAGE,
        # Judged on the day of the record, as its page is.
        today=shown[0].version.issued_at.date(),
        values=values,
        records=tuple(
            pdf.SignedRecord(
                kind=view.version.kind,
                version=view.version.version,
                url=f"{public_url}/r/{view.version.record_id}",
                issued_at=view.version.issued_at,
                sha256=view.version.sha256,
                kid=view.version.kid,
                registry_version=view.version.registry_version,
                attribute_count=sum("value" in wire for wire in view.values.values()),
            )
            for view in shown
        ),
        attachments=tuple(attachments),
        documents=tuple(
            library.told(
                connection,
                values,
                audience=audience,
                public_url=public_url,
                issued_at=max(view.version.issued_at for view in shown),
            ).values()
        ),
        alerts=_alerts(connection, battery, values, public_url),
        over_time=views.over_time(connection, battery, audience),
    )


def evaluation_of(
    connection: Connection, battery: batteries.Battery, *, public_url: str, now: datetime
) -> evaluation.Evaluation:
    """The record of evaluation from the newest records and the inspections that counted for it.

    Raises:
        NotFound: no passport or no assessment was issued yet.
        VerificationFailed: a stored inspection does not verify.
    """
    by_kind = {
        view.version.kind: view for view in views.records(connection, battery, Audience.LEGITIMATE_INTEREST)
    }
    passport, assessed = by_kind.get(RecordKind.PASSPORT), by_kind.get(RecordKind.ASSESSMENT)
    if passport is None or assessed is None:
        raise NotFound("an evaluation needs a passport and an assessment; issue both with `--kind all`")
    told = opinion.opinion(assessed.values, valid_until=assessed.version.valid_until, now=now)
    if told is None:
        raise NotFound("the newest assessment states no opinion any more")
    as_of = assessed.version.issued_at
    filed = [one for one in inspections.of_battery(connection, battery.id) if one.filed_at <= as_of]
    named = ("model_identifier", "manufacturer_name", "battery_chemistry", "rated_capacity")
    return evaluation.Evaluation(
        identifier=identifier_url(public_url, battery.identifier),
        code=qr_text(public_url, battery.identifier),
        simulated=battery.simulated,
        cover=(
            ("Category", texts.CATEGORIES[battery.category]),
            *(
                (REGISTRY[name].title, texts.shown(REGISTRY[name], passport.values.get(name)).text)
                for name in named
            ),
        ),
        opinion=told,
        passport=passport.version.sha256,
        assessment=assessed.version.sha256,
        as_of=as_of,
        day=texts.day_text(as_of),
        inspected=tuple(_printed(one) for one in inspections.current(filed, as_of)),
        attached=tuple(
            pdf.Attached(
                f"{view.version.kind.value}.sdjwt",
                f"Signed {view.version.kind.value} record (SD-JWT VC)",
                "Source",
                view.record,
            )
            for view in (passport, assessed)
            if not view.exposed
        ),
    )


def _printed(one: inspections.Inspected) -> evaluation.Inspected:
    measured = one.findings.capacity
    return evaluation.Inspected(
        inspector=one.inspector.name,
        qualification=one.inspector.qualification,
        day=texts.day_text(one.findings.inspected_at),
        digest=one.digest,
        findings=tuple(
            (found.gate, "sound" if found.clean else "adverse", found.sentence)
            for found in one.findings.findings
        ),
        capacity=(
            f"{measured.ampere_hours} Ah \u00b1 {measured.half_width} Ah at {measured.celsius} \u00b0C:"
            f" {measured.sentence}"
            if measured is not None
            else ""
        ),
    )


def _alerts(
    connection: Connection, battery: batteries.Battery, values: dict[str, Any], public_url: str
) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What stands at the top of the page, for paper: there addresses are read, not followed."""
    ceased = life.life_of(connection, battery.id).ceased_at
    whereabouts = page.whereabouts(
        values, battery.passport_status, ceased.date() if ceased is not None else None, public_url
    )
    told = [*page.announced(views.announcements(connection, battery)), *whereabouts]
    return tuple(
        (
            one.title,
            one.text,
            tuple(
                f"{public_url}{href}" if href.startswith("/") else href or text for href, text in one.links
            ),
        )
        for one in told
    )


@cache
def renderer(data_dir: Path) -> pdf.Renderer:
    """One per data folder and process; its rendering process starts with the first document."""
    return pdf.Renderer(data_dir / "cache" / "pdf")


@blueprint.get("/p/<string:passport_id>/pdf")
@blueprint.get("/p/<string:passport_id>/passport.pdf")
def passport_pdf(passport_id: str) -> ResponseReturnValue:
    """The compliance PDF: the public copy, or with `Authorization: Bearer` the copy of the key's audience."""
    here = context.here()
    return answer(passport_id, session.from_header(request, here.engine, here.now()))


def answer(passport_id: str, who: grants.Principal) -> Response:
    """The document for a reader as a response; restricted copies are never stored on the way."""
    here = context.here()
    with database.reading(here.engine) as connection:
        battery = views.known(connection, passport_id)
        audience = who.audience_for(operator=battery.operator, battery=battery.id)
        document = pdf_context(
            connection,
            battery,
            audience,
            public_url=here.settings.public_url,
            purpose=who.purpose if audience is not Audience.PUBLIC else None,
        )
    with lanes.DOCUMENTS:
        data = renderer(here.settings.data_dir).pdf(document)
    views.write_down(here, who, action="read", battery=battery.id, detail="pdf")
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{pdf.file_name(document)}"'
    response.headers["Vary"] = "Authorization"
    if battery.passport_status in page.ENDED:
        response.status_code = 410
    if audience is not Audience.PUBLIC or who.key is not None:
        response.headers["Cache-Control"] = "no-store"
        return response
    # Looked at again before each use, so that a change of status shows on the next request.
    response.headers[headers.REVALIDATE[0]] = headers.REVALIDATE[1]
    response.set_etag(pdf.cache_name(document)[:32])
    if battery.passport_status not in page.ENDED:
        response.make_conditional(request)
    return response
