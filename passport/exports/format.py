"""What a format gets, what it gives, and how a loss is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Any, Protocol

from schemas.registry import REGISTRY
from schemas.terms import Audience, Category


@unique
class Why(StrEnum):
    """Why an attribute, or a part of it, does not arrive on the other side as it was."""

    NO_PLACE = "no_place"  # the format has nowhere to put it
    ROUNDED = "rounded"  # the format forces fewer digits; half to even
    CUT = "cut"  # the format holds one of several, or some of its members
    RESPELT = "respelt"  # another word list; the nearest word was chosen
    MADE_UP = "made_up"  # the format demands a value that nobody stated; a neutral one stands there
    UNFILLED = "unfilled"  # the same, but none is neutral there: the document fails its schema
    NOT_READ = "not_read"  # on import: no attribute of ours says it


@dataclass(frozen=True)
class Loss:
    """One thing that is lost, changed or added on the way.

    Attributes:
        attribute: id of ours; empty where there is none (a field that the format alone has).
        path: where in the document it would stand or stands; empty where it has no place.
        sentence: what happened and why, for people.
    """

    attribute: str
    why: Why
    path: str
    sentence: str

    def to_wire(self) -> dict[str, str]:
        """Ready for JSON."""
        title = REGISTRY[self.attribute].title if self.attribute in REGISTRY else ""
        return {
            "attribute": self.attribute,
            "title": title,
            "why": self.why.value,
            "path": self.path,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Subject:
    """What is exported: one battery as one audience may see it.

    Attributes:
        values: attribute id to stated value on the wire (`{"value": ..., "unit": ..., "as_of": ...}` or
            `{"absent": ...}`), of the newest passport and, where the audience may see it, condition record.
        identifier_url: what the code on the battery says, scheme and host in lower case.
        passport_url: where its passport is read; this is the passport's identifier.
        issued_at: of the newest version among the records exported; aware, UTC.
        record_url: of the signed passport record behind it.
        record_sha256: hex, of its signed part.
    """

    values: Mapping[str, Mapping[str, Any]]
    category: Category
    audience: Audience
    identifier_url: str
    passport_url: str
    operator_did: str
    issued_at: datetime
    version: int
    record_url: str
    record_sha256: str
    simulated: bool

    def given(self, attribute: str) -> Any:
        """The value on the wire; None where none is stated."""
        return self.values.get(attribute, {}).get("value")


@dataclass(frozen=True)
class Exported:
    """A document in another format, with what is not in it.

    Attributes:
        data: the exact bytes; the same subject always gives the same.
        losses: in reading order of the attributes; empty where nothing is lost.
    """

    data: bytes
    media_type: str
    suffix: str
    losses: tuple[Loss, ...]


@dataclass(frozen=True)
class Brought:
    """What a foreign document says, in our words, not yet validated.

    Attributes:
        facts: attribute id to raw value as `schemas.validation.load_facts` takes it.
        paths: attribute id to the place in the document it came from, for sentences about wrong values.
        identifier: URL or path that identifies the battery; None where the document has none we can use.
        predecessors: passports it names as originals.
        losses: what was in the document and has no place here, or arrived changed.
    """

    facts: Mapping[str, Any]
    paths: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    identifier: str | None = None
    predecessors: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()


class Format(Protocol):
    """What a module of `passport.exports` offers."""

    TITLE: str  # for people, with its version: "BatteryPass data model 1.2"

    def export(self, subject: Subject) -> Exported:
        """The subject as this format spells it.

        Every attribute with a value is either in the document or in the losses.
        """

    def recognises(self, data: bytes, name: str) -> bool:
        """Whether the file looks like this format; never raises."""

    def read(self, data: bytes) -> Brought:
        """What the document says, in our words.

        Raises:
            InputRefused: it is not of this format, is damaged, or is out of all proportion.
        """
