"""The inspector's checklist: the gates that an assessment leaves open, what to look for, room for findings.

It is made from the signed assessment, never from live state: whoever holds it can tell which record it is of.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2

from passport.documents import qr, values
from passport.judgement.second_life.gates import GATES, Answer
from schemas.identifier import identifier_url, qr_text

_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True)
class Open:
    """One gate that is open: its question, why it is open, and what to do."""

    id: str
    name: str
    question: str
    reason: str
    todo: str


@dataclass(frozen=True)
class Checklist:
    """What is on the sheet.

    Attributes:
        gates: open ones, G1 first; empty where there is nothing to inspect.
        sha256: of the assessment record.
        as_of: when that was issued.
        day: the same in words.
    """

    identifier: str
    code: str
    simulated: bool
    gates: tuple[Open, ...]
    sha256: str
    as_of: datetime
    day: str


def checklist(
    stated: Mapping[str, Mapping[str, Any]],
    *,
    public_url: str,
    identifier: str,
    simulated: bool,
    sha256: str,
    as_of: datetime,
) -> Checklist:
    """The sheet for one assessment.

    Args:
        stated: stated values of the assessment record on the wire.
        public_url: scheme and host of codes.
        identifier: path of the battery's identifier.
        simulated: whether there is no such battery.
        sha256: of the record's signed part.
        as_of: when it was issued.
    """
    said = stated.get("second_life_assessment", {}).get("value") or {}
    reasons = {one["gate"]: one for one in said.get("reasons", ())}
    gates = tuple(
        Open(gate.id, gate.name, gate.question, reasons[gate.id]["reason"], gate.inspect)
        for gate in GATES
        if gate.id in reasons and reasons[gate.id]["answer"] == Answer.UNKNOWN
    )
    return Checklist(
        identifier_url(public_url, identifier),
        qr_text(public_url, identifier),
        simulated,
        gates,
        sha256,
        as_of,
        values.day_text(as_of),
    )


def html(made: Checklist) -> str:
    """The sheet before it is a PDF: style and code inside, nothing to fetch."""
    template = environment().get_template("pdf/checklist.html")
    return template.render(c=made, qr=qr.svg(made.code), css=styles())


def styles() -> str:
    """What papers about an inspection look like."""
    folder = _TEMPLATES / "styles"
    return "\n".join((folder / name).read_text("utf-8") for name in ("pdf.css", "checklist.css"))


@functools.cache
def environment() -> jinja2.Environment:
    """Templates of these papers."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
