"""The Annex XIII matrix: one row per attribute of the registry, as an inspector reads it.

A row always says something: the value, or why there is none. Nothing is told of a restricted attribute but
that it is restricted and to whom it is open; whether it has a value is not told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from passport import disclosure
from passport.documents import phrases, values
from passport.judgement import compliance
from schemas.attribute import Attribute
from schemas.registries import rows_of
from schemas.registry import REGISTRY, REGISTRY_VERSION
from schemas.terms import Absent, Audience, Disclosure, Obligation, Source
from schemas.values import Kind


@unique
class State(StrEnum):
    """What an inspector asks of every row; the value is what is printed."""

    PROVIDED = "provided"
    MISSING = "missing"
    CONDITIONAL = "conditional"
    NOT_PROVIDED = "not provided"
    NOT_YET_REQUIRED = "not yet required"
    NOT_APPLICABLE = "not applicable"
    RESTRICTED = "restricted"
    TOO_EARLY = "claimed too early"


MEANINGS: Final[Mapping[State, str]] = {
    State.PROVIDED: "stated in the signed record",
    State.MISSING: "owed by law for this battery, and not stated",
    State.CONDITIONAL: "owed only where a fact holds that the row of the law names; not stated",
    State.NOT_PROVIDED: "not stated, and not owed for this battery",
    State.NOT_YET_REQUIRED: "the act or the day on which the duty rests has not come",
    State.NOT_APPLICABLE: "not for this category or this battery",
    State.RESTRICTED: "not for the readers of this copy; whether a value exists is not told",
    State.TOO_EARLY: "stated although the act that would give it a meaning does not exist",
}

WHO: Final[Mapping[Disclosure, str]] = {
    Disclosure.PUBLIC: "everyone",
    Disclosure.INTEREST_AND_AUTHORITIES: "interest, authorities",
    Disclosure.AUTHORITIES: "authorities",
    Disclosure.INDIVIDUAL: "interest",
}


@dataclass(frozen=True)
class Row:
    """One attribute, every cell ready to print; an empty value stands only beside a state that says why.

    Attributes:
        mark: class of the row: `given`, `missing` or nothing.
    """

    attribute: str
    article: str
    title: str
    value: str
    unit: str
    as_of: str
    source: str
    who: str
    state: State

    @property
    def mark(self) -> str:
        """`given`, `missing`, or nothing."""
        marks = {State.PROVIDED: "given", State.MISSING: "missing", State.TOO_EARLY: "missing"}
        return marks.get(self.state, "")


@dataclass(frozen=True)
class MatrixChapter:
    """The rows of one point of Annex XIII; `rows` is empty where the audience may see none of them."""

    anchor: str
    title: str
    lead: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Cover:
    """What the cover repeats of the matrix; None and missing lines where nothing is stated."""

    model: str | None
    manufacturer: str | None
    operator: str | None
    category: str
    owed: str
    declaration: str
    facts: tuple[tuple[str, str], ...]


_CHAPTERS: Final = (
    ("1", "Annex XIII, point 1: for everyone", "Information on the battery model, open to the public."),
    (
        "2",
        "Annex XIII, point 2: composition, parts, dismantling, safety",
        "Open to persons with a legitimate interest and to authorities.",
    ),
    (
        "3",
        "Annex XIII, point 3: test reports",
        "Open to notified bodies, market surveillance and the Commission.",
    ),
    (
        "4",
        "Annex XIII, point 4: the individual battery",
        "Open to persons with a legitimate interest; not to authorities.",
    ),
    (
        "",
        "Further attributes",
        "Asked for by other places of the law, by standards or by nobody; each names its origin.",
    ),
)


@dataclass(frozen=True)
class Judge:
    """What decides the state of a row besides its value.

    Attributes:
        audience: whose copy it is.
        record: what the record itself tells of duties.
        registry: the registry in whose words the record speaks. Who may see a row is asked of the one in
            force.
    """

    audience: Audience
    record: compliance.Shown
    registry: str = REGISTRY_VERSION

    def may_see(self, attribute: Attribute[Any]) -> bool:
        """Whether the copy's readers may see the row."""
        return disclosure.may_see_attribute(self.audience, attribute.id)


def chapters(stated: Mapping[str, Mapping[str, Any]], judge: Judge) -> tuple[MatrixChapter, ...]:
    """The matrix for one audience, in the order of Annex XIII.

    Args:
        stated: values on the wire by attribute id, already limited to the audience.
        judge: for whom, for which battery, on which day.
    """
    found: dict[str, list[tuple[str, Row]]] = {number: [] for number, _, _ in _CHAPTERS}
    for attribute in rows_of(judge.registry).values():
        points = attribute.annex_xiii_points
        number = points[0][:1] if points and points[0][:1] in found else ""
        found[number].append((points[0] if points else "", _row(attribute, stated.get(attribute.id), judge)))
    return tuple(
        _chapter(found[number], number, title, lead, judge.audience) for number, title, lead in _CHAPTERS
    )


def summary(parts: tuple[MatrixChapter, ...]) -> tuple[tuple[str, int, str], ...]:
    """State, how many rows, what it means; states without a row are left out."""
    states = [row.state for part in parts for row in part.rows]
    return tuple((state.value, states.count(state), MEANINGS[state]) for state in State if state in states)


def _chapter(
    pairs: list[tuple[str, Row]], number: str, title: str, lead: str, audience: Audience
) -> MatrixChapter:
    anchor = f"point-{number}" if number else "further"
    # Art. 77(2): the section on the individual battery is there for those who may read it, and only for them.
    if number == "4" and not disclosure.may_see(audience, Disclosure.INDIVIDUAL):
        return MatrixChapter(
            anchor, title, f"{lead} Its {len(pairs)} attributes are not part of this copy.", ()
        )
    rows = (
        [row for _, row in sorted(pairs, key=lambda pair: pair[0])] if number else [row for _, row in pairs]
    )
    return MatrixChapter(anchor, title, lead, tuple(rows))


_SHORT_SOURCES: Final[Mapping[str, str]] = {values.SOURCES[Source.BMS_REPORTED]: "BMS"}
_IN_FULL: Final = "in full below"
_LONGEST_CELL: Final = 160  # characters; more would make a row of half a page


def _long(attribute: Attribute[Any], words: values.Shown) -> bool:
    return len(words.text) > (_LONGEST_CELL // 2 if attribute.value.kind is Kind.STRUCTURE else _LONGEST_CELL)


@dataclass(frozen=True)
class FullValue:
    """A value that no cell of the matrix could hold.

    Attributes:
        lines: what is said of it, one entry or member per line.
        table: rows of equal length where its members are alike, the first row names them; else empty.
    """

    attribute: str
    title: str
    lines: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


def in_full(stated: Mapping[str, Mapping[str, Any]], judge: Judge) -> tuple[FullValue, ...]:
    """Structured and long values, for the section behind the matrix."""
    found = []
    for attribute in rows_of(judge.registry).values():
        wire = stated.get(attribute.id)
        if wire is None or "value" not in wire or not judge.may_see(attribute):
            continue
        words = values.shown(attribute, wire)
        if not _long(attribute, words):
            continue
        value = wire["value"]
        shape = phrases.shape_of(attribute.value)
        if shape is not None and isinstance(value, list) and len(value) > 1:
            alike, rest = phrases.table(shape, value, values.flat), value
        else:
            alike, rest = ((), value) if shape is not None else _alike(value)
        if shape is None and isinstance(rest, Mapping):
            lines = tuple(_lines(attribute, wire, rest))
        else:
            lines = () if alike else words.lines
        found.append(FullValue(attribute.id, attribute.title, lines, alike))
    return tuple(found)


def _lines(attribute: Attribute[Any], wire: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[str]:
    """Member by member, lists last; the entries of a list each on a line of their own."""
    for name, member in sorted(value.items(), key=lambda pair: isinstance(pair[1], list)):
        if isinstance(member, list) and not any(isinstance(one, Mapping) for one in member):
            yield f"{name.replace('_', ' ')}:"
            yield from (f"\u2013 {one}" for one in member)
        else:
            yield from values.shown(attribute, {**wire, "value": {name: member}}).lines


def _alike(value: Any) -> tuple[tuple[tuple[str, ...], ...], Any]:
    """The first member that is a list of like, flat objects, as a table; and the value without it."""
    if not isinstance(value, Mapping):
        return (), value
    for name, entries in value.items():
        if not (isinstance(entries, list) and len(entries) > 1 and isinstance(entries[0], Mapping)):
            continue
        heads = tuple(entries[0])
        flat = all(
            isinstance(one, Mapping)
            and tuple(one) == heads
            and not any(isinstance(cell, list | Mapping) for cell in one.values())
            for one in entries
        )
        if flat and len(heads) <= 5:
            head = tuple(one.replace("_", " ") for one in heads)
            rows = tuple(tuple(str(cell) for cell in one.values()) for one in entries)
            return (head, *rows), {key: member for key, member in value.items() if key != name}
    return (), value


def _row(attribute: Attribute[Any], wire: Mapping[str, Any] | None, judge: Judge) -> Row:
    state = _state(attribute, wire, judge)
    shown = wire if state in (State.PROVIDED, State.TOO_EARLY) and wire is not None else {}
    points = attribute.annex_xiii_points
    # Number and unit stand in columns of their own.
    words = values.shown(attribute, {name: said for name, said in shown.items() if name != "unit"})
    return Row(
        attribute=attribute.id,
        article="XIII " + ", ".join(points) if points else str(attribute.law[0]) if attribute.law else "none",
        title=attribute.title,
        value=(_IN_FULL if _long(attribute, words) else words.text) if shown else "",
        unit=_unit(attribute) if shown else "",
        as_of=str(shown.get("as_of", ""))[:10],
        source=_SHORT_SOURCES.get(words.source, words.source),
        who=WHO[disclosure.disclosure_of(attribute.id) or attribute.disclosure],
        state=state,
    )


def _state(attribute: Attribute[Any], wire: Mapping[str, Any] | None, judge: Judge) -> State:
    if not judge.may_see(attribute):
        return State.RESTRICTED
    ruling = judge.record.ruling(attribute)
    early = ruling.obligation in (Obligation.MUST_STAY_EMPTY, Obligation.PENDING)
    if wire is not None and "value" in wire:
        return State.TOO_EARLY if early else State.PROVIDED
    # What the record says of an absence stands; the law as it is read here decides only where it is silent.
    said = wire.get("absent") if wire is not None else None
    if said == Absent.NOT_APPLICABLE or (said is None and ruling.obligation is Obligation.NOT_APPLICABLE):
        return State.NOT_APPLICABLE
    if said == Absent.NOT_YET_REQUIRED or (said is None and early):
        return State.NOT_YET_REQUIRED
    if judge.record.voluntary or ruling.obligation is not Obligation.OWED:
        return State.NOT_PROVIDED
    return State.CONDITIONAL if ruling.condition is not None else State.MISSING


def _unit(attribute: Attribute[Any]) -> str:
    # A nested value says its units itself.
    unit = attribute.value.unit if phrases.shape_of(attribute.value) is None else None
    # As after a number of several: "years", not "a".
    return "" if unit is None else values.quantity("2", unit).removeprefix("2").strip(values.NO_BREAK)


_COVER_FACTS: Final = (
    ("Serial number", "serial_number"),
    ("Chemistry", "battery_chemistry"),
    ("Rated capacity", "rated_capacity"),
    ("Nominal voltage", "nominal_voltage"),
    ("Mass", "battery_mass"),
    ("Made", "manufacturing_date"),
)


def cover(stated: Mapping[str, Mapping[str, Any]], judge: Judge) -> Cover:
    """The lines of the cover: only public attributes, only those that have a value."""
    rows = rows_of(judge.registry)
    document = _said(stated, rows, "eu_declaration_of_conformity")
    return Cover(
        model=_said(stated, rows, "model_identifier"),
        manufacturer=_said(stated, rows, "manufacturer_name"),
        operator=_said(stated, rows, "operator_name"),
        category=values.CATEGORIES[judge.record.category],
        owed=owed(judge.record),
        declaration=f"The record names it at {document}." if document else "The record names none.",
        facts=tuple(
            (label, said)
            for label, attribute in _COVER_FACTS
            if (said := _said(stated, rows, attribute)) is not None
        ),
    )


def owed(record: compliance.Shown) -> str:
    """Whether the law asks for this passport, as the record says; the day itself is not for everyone."""
    if record.voluntary:
        return f"No, this passport is voluntary. {compliance.voluntary_words(record.category)}"
    if record.placed_on is None:
        return "No day of placing on the market stood behind this version; the duty (Art. 77(1)) is assumed."
    return "Yes: placed on the market on or after 18 February 2027 (Art. 77(1))."


def _said(
    stated: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Attribute[Any]], attribute: str
) -> str | None:
    shown = values.shown(rows.get(attribute, REGISTRY[attribute]), stated.get(attribute))
    return shown.text if shown.given else None
