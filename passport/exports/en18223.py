"""EN 18223:2026, compressed form: the header, then one object per chapter of names and plain values.

It says the same as the full form (`en18223_full`), from which it is made, without what stands beside a value
there: type and unit are those of the registry that `contentSpecificationIds` names; day and source are lost.
"""

from typing import Any, Final

from passport.errors import InputRefused
from passport.exports import exact_json
from passport.exports.en18223_full import (
    CHAPTERS,
    EDITION,
    HEADER,
    MEDIA_TYPE,
    Reader,
    camel,
    chapters,
    compress,
    header,
    header_losses,
    is_passport,
    load,
)
from passport.exports.format import Brought, Exported, Loss, Subject, Why
from schemas.registry import REGISTRY

TITLE: Final = "EN 18223:2026, compressed form"
_UNSAID: Final = "day and source of the value have no place; the full form (en18223-full) has them"


def export(subject: Subject) -> Exported:
    """The subject as names and values."""
    content: dict[str, Any] = {one["elementId"]: compress(one) for one in chapters(subject)}
    in_header = {loss.attribute: loss for loss in header_losses(subject)}
    losses = []
    for row in REGISTRY.values():
        if row.id in in_header:
            losses.append(in_header[row.id])
        name, chapter = camel(row.id), camel(row.group.value)
        if name in content.get(chapter, {}) and subject.values[row.id].keys() & {"as_of", "source", "method"}:
            losses.append(Loss(row.id, Why.CUT, f"$.{chapter}.{name}", _UNSAID))
    document = header(subject) | content
    return Exported(exact_json.dumps(document), MEDIA_TYPE, ".en18223.json", tuple(losses))


def recognises(data: bytes, name: str) -> bool:  # noqa: ARG001 - the content tells it
    """Whether this is a passport with chapters or attributes of ours and without a list of elements."""
    try:
        return is_passport(document := load(data)) and not isinstance(document.get("elements"), list)
    except InputRefused:
        return False


def read(data: bytes) -> Brought:
    """What the document says, in our words.

    Raises:
        InputRefused: not of this format, damaged, or out of all proportion.
    """
    document = load(data)
    if not is_passport(document):
        raise InputRefused(f"expected the header of {EDITION} (digitalProductPassportId and others)")
    if isinstance(document.get("elements"), list):
        raise InputRefused("expected names and values; with a list of elements it is the full form")
    content = {name: value for name, value in document.items() if name not in HEADER}
    if not content:
        raise InputRefused(f"the passport has a header and nothing else; expected {', '.join(CHAPTERS)}")
    return Reader().brought(document, content)
