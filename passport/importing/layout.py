"""Which sheet has which columns, derived from the registry; and facts spread over them.

The same layout makes templates and examples, and puts facts that are known into sheets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from passport.importing.judging import NONE_WORD
from passport.importing.reading import (
    BATCH,
    BATTERY,
    GTIN,
    KEYS,
    LISTS,
    MODEL,
    NOT_DECLARED,
    SERIAL,
    SHEETS,
)
from passport.judgement import compliance
from passport.ledger.catalogue import SHARED, may_state
from schemas.attribute import Attribute
from schemas.conditions import Condition
from schemas.explain import READERS, duty_words, value_words
from schemas.registry import REGISTRY
from schemas.structures import STRUCTURES, Form, Structure
from schemas.terms import Category, Level, Obligation
from schemas.values import Kind, ValueType

# Facts that are shared by law but told of each battery or batch in practice.
_NEAR: Final = frozenset({"manufacturing_date"})
_FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    "models": (MODEL, GTIN, "battery_category"),
    "batches": (MODEL, BATCH, "manufacturing_date"),
    "items": (MODEL, BATCH, GTIN, SERIAL, "placed_on_market_date", "manufacturing_date", "battery_status"),
}
_KEY_TITLES: Final[Mapping[str, str]] = {
    MODEL: "Model that this row is, or belongs to",
    BATCH: "Batch that this row is, or belongs to",
    GTIN: "GTIN of the product, 8 to 14 digits",
    BATTERY: "GS1 Digital Link, where GTIN and serial number do not say it",
    SERIAL: "Serial number",
}
OWED: Final = "owed"
CONDITIONAL: Final = "owed if"
MAY: Final = "may"
KEY: Final = "key"
_ORDER: Final = (KEY, OWED, CONDITIONAL, MAY)


@dataclass(frozen=True, slots=True)
class Place:
    """One column of a sheet.

    Attributes:
        heading: what stands in the first row, unit included.
        name: attribute, key or condition.
        title: for people.
        word: `key`, `owed`, `owed if` or `may`.
        value: what a cell may be; None for a key or a condition.
        help: what a cell means, in a few lines.
        choices: words of a drop-down; empty where anything may be typed.
        form: spelling of a text.
    """

    heading: str
    name: str
    title: str
    word: str
    value: ValueType[Any] | None
    help: str
    choices: tuple[str, ...] = ()
    form: Form | None = None


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook, or one CSV file."""

    name: str
    title: str
    columns: tuple[Place, ...]


def sheets(category: Category | None, today: date, *, everything: bool = False) -> list[Sheet]:
    """The sheets for batteries of a category, or of any.

    Args:
        category: None for columns of all categories.
        today: decides what must still stay empty, and has no column therefore.
        everything: columns for all that can be declared, whatever the law says of it.
    """
    asked = _Asked(category, today, everything=everything)
    titles = {
        "models": "one row a model",
        "batches": "one row a batch, if you have any",
        "items": "one row a battery",
    }
    found = [Sheet(name, titles[name], tuple(_main(name, level, asked))) for name, level in SHEETS.items()]
    found += [
        Sheet(name, f"{REGISTRY[name].title}: one row an entry", tuple(_entries(name, asked)))
        for name in LISTS
        if asked.word(REGISTRY[name]) is not None
    ]
    return found


def not_asked(category: Category | None, today: date) -> list[tuple[Attribute[Any], str]]:
    """Rows without a column, each with the reason."""
    asked = _Asked(category, today, everything=False)
    return [
        (row, "; ".join(dict.fromkeys(ruling.reason for ruling in asked.rulings(row))))
        for row in REGISTRY.values()
        if row.id not in NOT_DECLARED and asked.word(row) is None
    ]


class _Asked:
    """What the law asks of a row, for one category or for any."""

    def __init__(self, category: Category | None, today: date, *, everything: bool) -> None:
        self.categories = list(Category) if category is None else [category]
        self._today = today
        self._everything = everything

    def rulings(self, row: Attribute[Any]) -> list[Any]:
        return [compliance.rulings(one, None, self._today)[row.id] for one in self.categories]

    def word(self, row: Attribute[Any]) -> str | None:
        """`owed`, `owed if`, `may`; None where nothing may be stated."""
        rulings = [one for one in self.rulings(row) if one.may_be_stated]
        if not rulings:
            return MAY if self._everything else None
        owed = [one for one in rulings if one.obligation is Obligation.OWED]
        if not owed:
            return MAY
        certain = len(owed) == len(self.categories) and all(one.condition is None for one in owed)
        return OWED if certain else CONDITIONAL

    def duty(self, row: Attribute[Any]) -> str:
        return "; ".join(
            f"{category.value}: {duty_words(row, category)}"
            if len(self.categories) > 1
            else duty_words(row, category)
            for category in self.categories
        )

    def conditions(self, row: Attribute[Any]) -> list[Condition]:
        return [one.condition for one in self.rulings(row) if one.condition is not None]


def _main(sheet: str, level: Level, asked: _Asked) -> Iterator[Place]:
    rows = [row for row in REGISTRY.values() if _stands_in(row, level)]
    found: list[Place] = []
    conditions: dict[str, Condition] = {}
    for row in rows:
        if (word := asked.word(row)) is None or row.id in KEYS:
            continue
        if word != MAY:
            conditions |= {one.name: one for one in asked.conditions(row)}
        found += _of_row(row, word, asked)
    if level is not Level.BATCH:
        found += [_condition(one) for one in conditions.values()]
    keys = {name: _key(name) for name in _FIRST[sheet] if name in KEYS}
    first = [
        keys[name] if name in keys else next((one for one in found if one.name == name), None)
        for name in _FIRST[sheet]
    ]
    yield from (one for one in first if one is not None)
    rest = [one for one in found if one.name not in _FIRST[sheet]]
    yield from sorted(rest, key=lambda one: _ORDER.index(one.word))


def _stands_in(row: Attribute[Any], level: Level) -> bool:
    """Whether a template asks for the row at that level; more is accepted, see `may_state`."""
    if row.id in NOT_DECLARED:
        return False
    if row.id in _NEAR:
        return level is not Level.MODEL
    if level is Level.MODEL:
        return may_state(level, row.id) and (row.level is not Level.ITEM or row.id in SHARED)
    if level is Level.BATCH:
        return row.level is Level.BATCH
    return row.level is Level.ITEM and row.id not in SHARED


def _key(name: str) -> Place:
    return Place(name, name, _KEY_TITLES[name], KEY, None, _KEY_TITLES[name])


def _condition(condition: Condition) -> Place:
    law = "; ".join(str(one) for one in condition.law)
    words = f"Does it hold that {condition.title}? yes or no; empty is not known. {law}"
    return Place(
        f"{condition.name}?",
        condition.name,
        f"Whether {condition.title}",
        CONDITIONAL,
        None,
        words,
        ("yes", "no"),
    )


def _of_row(row: Attribute[Any], word: str, asked: _Asked) -> Iterator[Place]:
    value = row.value
    words = _help(row, asked)
    if value.kind is Kind.STRUCTURE and not value.many:
        for path, title, member, form in _members(STRUCTURES[value.structure or ""]):
            heading = ".".join((row.id, *path))
            yield _place(heading, row.id, f"{row.title}: {title}", word, member, words, form)
    elif value.kind is Kind.STRUCTURE:
        if value.at_least_items == 0:
            choices = (NONE_WORD, "n/a") if word == CONDITIONAL else (NONE_WORD,)
            note = f"Entries stand in the sheet {row.id}; here only whether there are none.\n{words}"
            yield Place(row.id, row.id, f"{row.title}: none?", word, None, note, choices)
    else:
        yield _place(row.id, row.id, row.title, word, value, words, None)


def _place(
    heading: str, name: str, title: str, word: str, value: ValueType[Any], words: str, form: Form | None
) -> Place:
    unit = f" [{value.unit.value}]" if value.unit is not None else ""
    choices: tuple[str, ...] = ()
    if value.kind is Kind.ENUMERATION and not value.many:
        choices = value.members
    elif value.kind is Kind.FLAG:
        choices = ("yes", "no")
    if choices and word == CONDITIONAL:
        choices = (*choices, "n/a")
    return Place(heading + unit, name, title, word, value, words, choices, form)


def _members(
    shape: Structure, above: tuple[str, ...] = (), *, needed: bool = True
) -> Iterator[tuple[tuple[str, ...], str, ValueType[Any], Form | None]]:
    """Path, title, type and form of every flat member, at any depth."""
    for member in shape.fields:
        if member.value is None:
            continue
        path = (*above, member.name)
        if member.value.kind is Kind.STRUCTURE:
            yield from _members(
                STRUCTURES[member.value.structure or ""], path, needed=needed and member.required
            )
        else:
            mark = " (needed)" if member.required and needed else ""
            yield path, " ".join(path).replace("_", " ") + mark, member.value, member.form


def _help(row: Attribute[Any], asked: _Asked) -> str:
    law = "; ".join(dict.fromkeys(str(citation) for citation in row.law))
    lines = [row.title, value_words(row.value), asked.duty(row), f"Seen by: {READERS[row.disclosure]}"]
    lines += [law] * bool(law) + [row.note] * bool(row.note)
    return "\n".join(lines)


def _entries(name: str, asked: _Asked) -> Iterator[Place]:
    row = REGISTRY[name]
    keys = [MODEL, BATCH] if row.level is not Level.ITEM else []
    if row.level is Level.ITEM:
        keys = [MODEL, GTIN, SERIAL] if name in SHARED else [GTIN, SERIAL]
    for key in keys:
        yield _key(key)
    words = _help(row, asked)
    word = asked.word(row) or MAY
    for path, title, member, form in _members(STRUCTURES[row.value.structure or ""]):
        yield _place(".".join(path), name, title, word, member, words, form)


# -------------------------------------------------------------------------------------------------- facts

Cells = dict[str, Any]


@dataclass
class Content:
    """Rows of sheets: name to rows, each from heading (without unit) to cell."""

    rows: dict[str, list[Cells]] = field(default_factory=dict)

    def add(
        self,
        level: Level,
        keys: Mapping[str, str],
        facts: Mapping[str, Any],
        circumstances: Mapping[str, bool] | None = None,
    ) -> None:
        """Spread the facts of one model, batch or battery, which are as the wire spells them."""
        sheet = next(name for name, one in SHEETS.items() if one is level)
        cells: Cells = dict(keys)
        for name, wire in facts.items():
            value = REGISTRY[name].value
            if isinstance(wire, Mapping) and "absent" in wire:
                cells[_first_heading(name)] = "n/a"
            elif value.kind is not Kind.STRUCTURE:
                cells[name] = _cell(value, wire)
            elif not value.many:
                cells |= _spread(value, wire, (name,))
            elif not wire:
                cells[name] = NONE_WORD
            else:
                own = {key: said for key, said in keys.items() if key != BATCH or level is Level.BATCH}
                if level is Level.ITEM:
                    own.pop(MODEL, None)
                self.rows.setdefault(name, []).extend({**own, **_spread(value, entry, ())} for entry in wire)
        cells |= {f"{name}?": "yes" if holds else "no" for name, holds in (circumstances or {}).items()}
        self.rows.setdefault(sheet, []).append(cells)


def _first_heading(name: str) -> str:
    value = REGISTRY[name].value
    if value.kind is not Kind.STRUCTURE or value.many:
        return name
    path, *_ = next(_members(STRUCTURES[value.structure or ""]))
    return ".".join((name, *path))


def _spread(value: ValueType[Any], wire: Mapping[str, Any], above: tuple[str, ...]) -> Cells:
    shape = STRUCTURES[value.structure or ""]
    cells: Cells = {}
    for name, said in wire.items():
        member = shape.by_name[name].value
        assert member is not None
        if member.kind is Kind.STRUCTURE:
            cells |= _spread(member, said, (*above, name))
        else:
            cells[".".join((*above, name))] = _cell(member, said)
    return cells


def _cell(value: ValueType[Any], wire: Any) -> Any:
    """A cell that reads back as the same wire value."""
    if value.many:
        if not wire:
            return NONE_WORD
        # A line break says that lines, not semicolons, part the entries.
        return "\n".join(str(entry) for entry in wire) + "\n" * any(";" in str(entry) for entry in wire)
    if value.kind is Kind.FLAG:
        return "yes" if wire else "no"
    if value.kind in (Kind.INTEGER, Kind.DURATION_MONTHS):
        return int(wire)
    if value.kind is Kind.NUMBER:
        shown = Decimal(format(float(wire), ".15g"))
        return Decimal(wire) if format(shown, "f") == wire else wire
    if value.kind is Kind.DATE:
        return date.fromisoformat(wire)
    return str(wire)


def used(sheet: Sheet, rows: Sequence[Cells]) -> Sheet:
    """The sheet with a column more for each cell that has none."""
    known = {column.heading.partition(" [")[0] for column in sheet.columns}
    more = dict.fromkeys(heading for row in rows for heading in row if heading not in known)
    extra = tuple(Place(heading, heading, heading, MAY, None, heading) for heading in more)
    return Sheet(sheet.name, sheet.title, sheet.columns + extra) if extra else sheet
