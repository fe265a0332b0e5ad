"""The record of an evaluation that Art. 73(2)(a) asks for, put together from what was signed.

It holds nothing of its own: identity and duties are the passport's, health and fitness the assessment's,
findings the inspectors'. Each stands there with its digest, and the two records lie inside of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from passport.documents import checklist, qr
from passport.documents.opinion import Opinion
from passport.documents.pdf import Attached


@dataclass(frozen=True)
class Inspected:
    """A filed inspection as it is printed."""

    inspector: str
    qualification: str
    day: str
    digest: str
    findings: tuple[tuple[str, str, str], ...]  # gate, word, sentence
    capacity: str


@dataclass(frozen=True)
class Evaluation:
    """What the document is made of.

    Attributes:
        code: text of the code on the battery.
        cover: model, maker, category and the like: title and words.
        opinion: what the assessment says.
        passport, assessment: SHA-256 of the signed parts.
        as_of: when the assessment was issued.
        day: the same in words.
        inspected: inspections that count, the oldest first.
        attached: the two records.
    """

    identifier: str
    code: str
    simulated: bool
    cover: tuple[tuple[str, str], ...]
    opinion: Opinion
    passport: str
    assessment: str
    as_of: datetime
    day: str
    inspected: tuple[Inspected, ...]
    attached: tuple[Attached, ...]


VERDICTS: Mapping[str, str] = {
    "eligible": "Every gate is passed; the uses that it is fit for stand below.",
    "needs_inspection": "Not concluded: gates are open, and an inspection has to answer them first.",
    "not_eligible": "A gate failed: the battery is not for re-use or repurposing.",
}


def html(made: Evaluation) -> str:
    """The document before it is a PDF."""
    content: dict[str, Any] = {"c": made, "qr": qr.svg(made.code), "css": checklist.styles()}
    words = VERDICTS.get(made.opinion.verdict, made.opinion.verdict)
    return checklist.environment().get_template("pdf/evaluation.html").render(words=words, **content)
