"""From tables and documents to entries: one for each model, batch and battery, with its facts judged.

Which sheet holds what is told by its name: `models`, `batches`, `items`, or an attribute whose entries it
lists, one to a row. A table of any other name whose headings name batteries is flat: what is true of a whole
model may stand in every row, and is said once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from passport.importing import judging
from passport.importing.findings import Finding, ImportRefused, Place
from passport.importing.judging import Documents, Judge
from passport.importing.tables import MAX_ROWS, Fault, Row, Table, Value
from passport.ledger.catalogue import NAMED_BY, may_state
from schemas.conditions import CONDITIONS
from schemas.identifier import LinkInvalid, identifier_path, parse_link, parse_path
from schemas.quantity import spellings
from schemas.registry import OPINIONS, REGISTRY
from schemas.structures import STRUCTURES, Member
from schemas.terms import Absent, Level
from schemas.validation import MADE_BY_SERVICE, unknown_name
from schemas.values import Kind, ValueType

MODEL: Final = NAMED_BY[Level.MODEL]
BATCH: Final = NAMED_BY[Level.BATCH]
BATTERY: Final = "battery_id"
SERIAL: Final = "serial_number"
GTIN: Final = "gtin"
KEYS: Final = (MODEL, BATCH, BATTERY, GTIN, SERIAL)
SHEETS: Final[Mapping[str, Level]] = MappingProxyType(
    {"models": Level.MODEL, "batches": Level.BATCH, "items": Level.ITEM}
)
_SKIPPED: Final = frozenset({"read me", "readme", "lists"})
# The service says these itself, whatever is declared.
NOT_DECLARED: Final = MADE_BY_SERVICE | OPINIONS | {BATTERY}
LISTS: Final[Mapping[str, ValueType[Any]]] = MappingProxyType(
    {
        name: row.value
        for name, row in REGISTRY.items()
        if row.value.many and row.value.kind is Kind.STRUCTURE and name not in NOT_DECLARED
    }
)

Key = tuple[str, ...]


def skipped(sheet: str) -> bool:
    """Whether a sheet is for people only: `READ ME`, `lists`, and names that begin with `#`."""
    return sheet.strip().lower() in _SKIPPED or sheet.startswith("#")


@dataclass(slots=True)
class Entry:
    """One model, batch or battery as a file states it.

    Attributes:
        level: which of the three.
        key: (model), (model, batch), or (identifier path).
        place: of its row.
        model: name of the model it belongs to, or is; empty where none is named.
        batch: number of the batch, likewise.
        facts: attribute to validated value, `Absent.NOT_APPLICABLE`, or None to withdraw.
        circumstances: condition to whether it holds; None to withdraw.
        findings: what is wrong with it.
        columns: attribute to column, for places.
        elsewhere: attribute to its place, where that is not in the row.
    """

    level: Level
    key: Key
    place: Place
    model: str = ""
    batch: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    circumstances: dict[str, bool | None] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    columns: Mapping[str, int] = field(default_factory=dict)
    elsewhere: dict[str, Place] = field(default_factory=dict)

    def place_of(self, attribute: str) -> Place:
        """Where the attribute stands, or else the row."""
        if attribute in self.elsewhere:
            return self.elsewhere[attribute]
        if self.place.path:
            return self.place
        return Place(self.place.sheet, self.place.row, self.columns.get(attribute))

    def refuse(self, rule: str, attribute: str, sentence: str, place: Place | None = None) -> None:
        """Add a finding."""
        self.findings.append(Finding(place or self.place_of(attribute), rule, attribute, sentence))

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not any(not one.warning for one in self.findings)


@dataclass
class Entries:
    """All that the files state.

    Attributes:
        by_key: level and key to entry, in the order of the files.
        findings: what belongs to no entry.
    """

    by_key: dict[tuple[Level, Key], Entry] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def of(self, level: Level) -> list[Entry]:
        """The entries of one level."""
        return [entry for entry in self.by_key.values() if entry.level is level]

    def all_findings(self) -> list[Finding]:
        """Everything found, what concerns whole sheets first."""
        return [*self.findings, *(one for entry in self.by_key.values() for one in entry.findings)]


# ----------------------------------------------------------------------------------------------- headings


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds.

    Attributes:
        number: from 1.
        heading: as it stands there.
        name: attribute, key or condition.
        path: members, where it is part of a structure.
        unit: of its numbers as the heading says; empty for the attribute's own.
        condition: it says whether a condition holds.
    """

    number: int
    heading: str
    name: str
    path: tuple[str, ...] = ()
    unit: str = ""
    condition: bool = False


_HEADING: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.]*)(\?)?(?:\s*[\[(](.{1,40})[\])])?")


def _column(number: int, heading: str, table: Table, members: str | None) -> Column | None:
    """What the column holds; None where its heading is a remark. What is wrong becomes a finding."""
    if not heading or heading.startswith("#"):
        return None

    def wrong(rule: str, sentence: str) -> None:
        place = Place(table.name, table.heading_row, number)
        table.findings.append(Finding(place, rule, heading[:80], sentence, whole=True))

    match = _HEADING.fullmatch(heading)
    if match is None:
        wrong("column", f"expected the name of an attribute, got {heading[:80]!r}; begin remarks with #")
        return None
    name, *path = match[1].split(".")
    unit = (match[3] or "").strip()
    if match[2]:
        if name in CONDITIONS and not path:
            return Column(number, heading, name, condition=True)
        wrong("column", f"no condition is called {name!r}; known are {', '.join(CONDITIONS)}")
        return None
    if name in KEYS:
        return Column(number, heading, name)
    if members is not None:
        path = [name, *path]
        name = members
    elif name not in REGISTRY:
        wrong("column", unknown_name(name))
        return None
    elif name in NOT_DECLARED:
        wrong("column", "written by the service itself: take the column out")
        return None
    found = _member(REGISTRY[name].value, path)
    if isinstance(found, str):
        wrong("column", found)
        return None
    if unit:
        known = spellings(found.unit) if found.unit is not None else ()
        if unit not in known:
            what = f"one of {', '.join(known)}" if known else "no unit"
            wrong("unit", f"expected {what} in the heading, got the unit {unit!r}")
            return None
    own = found.unit is not None and unit == found.unit.value
    return Column(number, heading, name, tuple(path), "" if own else unit)


def _member(value: ValueType[Any], path: Sequence[str]) -> ValueType[Any] | str:
    """The value type at the end of a path of members; a sentence where it leads nowhere."""
    for name in path:
        shape = STRUCTURES.get(value.structure or "")
        if shape is None or shape.open:
            return f"{name!r}: there is nothing below"
        member: Member | None = shape.by_name.get(name)
        if member is None or member.value is None:
            return f"{name!r} is no member of {shape.title}; expected {', '.join(shape.members)}"
        value = member.value
    return value


# ----------------------------------------------------------------------------------------------- tables


class Reader:
    """Collects entries from tables and documents that belong together."""

    def __init__(self, documents: Documents | None = None) -> None:
        """Nothing is read yet; `documents` as for `Judge`."""
        self.entries = Entries()
        self._judge = Judge(documents)
        self._gtins: dict[str, str] = {}

    def tables(self, tables: Iterable[Table]) -> None:
        """Read these tables: models first, then batches, then batteries, then lists."""
        known = list(tables)
        ordered = sorted(known, key=lambda table: _rank(_kind(table)))
        for table in ordered:
            kind = _kind(table)
            if kind is None:
                if table.heading or table.rows:
                    self.entries.findings.append(_unknown_sheet(table))
            elif isinstance(kind, Level):
                self._sheet(table, kind, flat=False)
            elif kind == _FLAT:
                self._sheet(table, None, flat=True)
            else:
                self._list(table, kind)
            self.entries.findings += table.findings

    def _columns(self, table: Table, members: str | None = None) -> list[Column]:
        found: list[Column] = []
        seen: dict[tuple[str, tuple[str, ...], bool], Column] = {}
        for number, heading in sorted(table.heading.items()):
            column = _column(number, heading, table, members)
            if column is None:
                continue
            what = (column.name, column.path, column.condition)
            if what in seen:
                place = Place(table.name, table.heading_row, number)
                sentence = f"stands in column {seen[what].number} already: which one counts cannot be told"
                table.findings.append(Finding(place, "column", heading[:80], sentence, whole=True))
                continue
            seen[what] = column
            found.append(column)
        return found

    def _sheet(self, table: Table, level: Level | None, *, flat: bool) -> None:
        columns = self._columns(table)
        if level is not None:
            columns = [column for column in columns if self._allowed(table, column, level)]
        numbered = {column.number: column for column in columns}
        of_keys = {column.name: column.number for column in columns if column.name in KEYS}
        places = {column.name: column.number for column in reversed(columns) if not column.condition}
        flat_columns = [
            column
            for column in columns
            if flat and column.name not in KEYS and not column.condition and _is_shared(column.name)
        ]
        shared = {column.number for column in flat_columns}
        for row in table.rows:
            self._row(table, row, level, numbered, of_keys, places, shared)

    def _allowed(self, table: Table, column: Column, level: Level) -> bool:
        if column.condition or column.name == GTIN or (column.name in KEYS and level is Level.ITEM):
            return True
        if column.name == MODEL or may_state(level, column.name):
            return True
        place = Place(table.name, table.heading_row, column.number)
        sentence = f"is true of one battery, not of a {level.value}: state it in the sheet items"
        table.findings.append(Finding(place, "column", column.heading[:80], sentence, whole=True))
        return False

    def _row(
        self,
        table: Table,
        row: Row,
        level: Level | None,
        columns: Mapping[int, Column],
        of_keys: Mapping[str, int],
        places: Mapping[str, int],
        shared: set[int],
    ) -> None:
        place = Place(table.name, row.number)
        keys, wrong = self._keys(table, row, of_keys)
        if row.hidden:
            wrong.append(
                Finding(place, "hidden", "", "the row is hidden and holds data: show it, or take it out")
            )
        entry = self._entry(place, level or _level_of(keys), keys, wrong)
        if entry is None:
            return
        entry.columns = places
        above = self._above(entry, place) if shared and entry.level is Level.ITEM else None
        parts: dict[str, list[tuple[Column, Value]]] = {}
        judge = self._judge.cell
        for number, value in row.cells.items():
            column = columns.get(number)
            if column is None:
                if number not in table.heading or not table.heading[number]:
                    entry.refuse(
                        "column",
                        "",
                        "a value stands where no heading says what it is",
                        Place(table.name, row.number, number),
                    )
                continue
            name = column.name
            if column.condition:
                self._condition(entry, column, value, Place(table.name, row.number, number))
            elif name in KEYS and name != SERIAL:
                continue
            elif column.path or REGISTRY[name].value.kind is Kind.STRUCTURE:
                parts.setdefault(name, []).append((column, value))
            else:
                judged = judge(name, value, column.unit)
                if type(judged) is Fault:
                    entry.refuse(judged.rule, name, judged.sentence, Place(table.name, row.number, number))
                else:
                    target = above if above is not None and number in shared else entry
                    self._state(target, name, judged, Place(table.name, row.number, number))
        for name, cells in parts.items():
            target = above if above is not None and cells[0][0].number in shared else entry
            self._nested(entry, target, name, cells, table.name, row.number)

    @staticmethod
    def _state(entry: Entry, name: str, value: Any, place: Place) -> None:
        """Note a fact; a flat table says it of a model once in every row, and must not change its mind."""
        if name in entry.facts and entry.facts[name] != value and entry.place != place:
            earlier = entry.place_of(name)
            entry.refuse(
                "contradiction",
                name,
                f"contradicts {earlier}, which says it of the same {entry.level.value}",
                place,
            )
            return
        if entry.place.row != place.row or entry.place.sheet != place.sheet:
            entry.elsewhere.setdefault(name, place)
        entry.facts[name] = value

    def _above(self, entry: Entry, place: Place) -> Entry | None:
        """The model that a row of a flat table belongs to; None where it names none."""
        if not entry.model:
            return None
        key = (entry.model,)
        found = self.entries.by_key.get((Level.MODEL, key))
        if found is None:
            found = Entry(Level.MODEL, key, place, model=entry.model, columns=entry.columns)
            self.entries.by_key = {(Level.MODEL, key): found, **self.entries.by_key}
        return found

    @staticmethod
    def _condition(entry: Entry, column: Column, value: Value, place: Place) -> None:
        said = {"yes": True, "no": False, "true": True, "false": False, judging.WITHDRAW: None}
        if isinstance(value, bool):
            entry.circumstances[column.name] = value
        elif isinstance(value, str) and value.strip().lower() in said:
            entry.circumstances[column.name] = said[value.strip().lower()]
        else:
            sentence = value.sentence if isinstance(value, Fault) else f"expected yes or no, got {value!r}"
            entry.refuse("value", column.heading, sentence, place)

    # ------------------------------------------------------------------------------------------------- keys

    def _keys(
        self, table: Table, row: Row, of_keys: Mapping[str, int]
    ) -> tuple[dict[str, str], list[Finding]]:
        """The row's keys as text, and what is wrong with them."""
        keys: dict[str, str] = {}
        wrong = []
        for name, number in of_keys.items():
            if (value := row.cells.get(number)) is None:
                continue
            said = judging.spoken(_TEXT, value)
            if isinstance(said, str):
                keys[name] = said
            else:
                fault = said if isinstance(said, Fault) else Fault("value", f"expected text, got {value!r}")
                wrong.append(Finding(Place(table.name, row.number, number), fault.rule, name, fault.sentence))
        return keys, wrong

    def _entry(
        self, place: Place, level: Level, keys: Mapping[str, str], wrong: list[Finding]
    ) -> Entry | None:
        """A new entry; None where it cannot be told what it is, or is there already."""
        model, batch = keys.get(MODEL, ""), keys.get(BATCH, "")
        try:
            key = self._key(level, keys)
        except ValueError as error:
            wrong.append(Finding(place, "key", "", str(error)))
            self.entries.findings += wrong
            return None
        if level is Level.MODEL and GTIN in keys:
            self._gtins[model] = keys[GTIN]
        found = self.entries.by_key.get((level, key))
        if found is not None and not (
            level is not Level.ITEM and not found.place.row and not found.place.path
        ):
            where = f"stands in {found.place} already"
            what = key[0] if level is not Level.BATCH else f"batch {key[1]} of {key[0]}"
            found.findings.append(
                Finding(place, "duplicate", "", f"{what} {where}: each {level.value} has one row")
            )
            found.findings += wrong
            return None
        entry = Entry(level, key, place, model=model, batch=batch, findings=wrong)
        self.entries.by_key[level, key] = entry
        return entry

    def _key(self, level: Level, keys: Mapping[str, str]) -> Key:
        """The key of an entry.

        Raises:
            ValueError: the sentence says which column is missing, or what is wrong with the identifier.
        """
        if level is Level.MODEL:
            if not keys.get(MODEL):
                raise ValueError(f"expected the model's name in {MODEL}, got nothing")
            return (keys[MODEL],)
        if level is Level.BATCH:
            if not keys.get(MODEL) or not keys.get(BATCH):
                raise ValueError(f"expected {MODEL} and {BATCH}, got {', '.join(keys) or 'nothing'}")
            return (keys[MODEL], keys[BATCH])
        return (self._identifier(keys),)

    def _identifier(self, keys: Mapping[str, str]) -> str:
        if said := keys.get(BATTERY):
            try:
                path = (parse_link(said) if "://" in said else parse_path(said)).path
            except LinkInvalid as error:
                raise ValueError(f"{BATTERY} {said[:80]!r} identifies no battery: {error}") from None
            if path is None:
                raise ValueError(
                    f"{BATTERY} {said[:80]!r} is no GS1 Digital Link; expected /01/GTIN/21/SERIAL"
                )
            return path
        serial = keys.get(SERIAL)
        gtin = keys.get(GTIN) or self._gtins.get(keys.get(MODEL, ""))
        if not serial or not gtin:
            missing = SERIAL if not serial else f"{GTIN} (here, or in the model's row)"
            raise ValueError(f"expected {BATTERY}, or {GTIN} and {SERIAL}; {missing} is missing")
        if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", gtin):
            raise ValueError(f"expected a {GTIN} of 8, 12, 13 or 14 digits, got {gtin[:40]!r}")
        try:
            return identifier_path(gtin, serial)
        except LinkInvalid as error:
            raise ValueError(
                f"{GTIN} {gtin} and {SERIAL} {serial[:40]!r} identify no battery: {error}"
            ) from None

    # ------------------------------------------------------------------------------------------ nested values

    def _nested(
        self,
        entry: Entry,
        target: Entry,
        name: str,
        cells: Sequence[tuple[Column, Value]],
        sheet: str,
        row: int,
    ) -> None:
        """A structure whose members have columns of their own, or one word for the whole of it."""
        columns = {column.path: column.number for column, _ in cells}
        first = Place(sheet, row, cells[0][0].number)
        words = {value.strip().lower() if isinstance(value, str) else "" for _, value in cells}
        value = REGISTRY[name].value
        made: Any
        if words <= judging.NOT_APPLICABLE_WORDS:
            made = Absent.NOT_APPLICABLE
        elif words == {judging.WITHDRAW}:
            made = None
        elif value.many:
            if words != {judging.NONE_WORD}:
                entry.refuse(
                    "value",
                    name,
                    f"its entries stand in the sheet {name}, one to a row; here only none, n/a or withdraw",
                    first,
                )
                return
            made = judging.loaded(name, [])
        else:
            raw = self._object(entry, value, cells, sheet, row)
            if raw is None:
                return
            made = judging.loaded(name, raw)
        if isinstance(made, Fault):
            for sentence in made.sentences:
                path, said = _located(sentence, columns)
                entry.refuse(
                    made.rule,
                    ".".join((name, *path)),
                    said,
                    Place(sheet, row, columns.get(path, first.column or 0)),
                )
            return
        self._state(target, name, made, first)

    def _object(
        self, entry: Entry, value: ValueType[Any], cells: Sequence[tuple[Column, Value]], sheet: str, row: int
    ) -> dict[str, Any] | None:
        """The raw object that the cells make; None when one of them already is wrong."""
        raw: dict[str, Any] = {}
        sound = True
        for column, cell in cells:
            place = Place(sheet, row, column.number)
            kind = _member(value, column.path)
            if isinstance(kind, str) or kind.kind is Kind.STRUCTURE:
                entry.refuse(
                    "column", column.heading, "a structure: its members have columns of their own", place
                )
                sound = False
                continue
            said = self._judge.spoken(kind, cell, column.unit)
            if isinstance(said, Fault):
                entry.refuse(said.rule, column.heading, said.sentence, place)
                sound = False
                continue
            holder = raw
            for part in column.path[:-1]:
                holder = holder.setdefault(part, {})
            holder[column.path[-1]] = said
        return raw if sound else None

    def _list(self, table: Table, name: str) -> None:
        """A sheet that lists the entries of one attribute, each with the key of what it belongs to."""
        columns = self._columns(table, members=name)
        of_keys = {column.name: column.number for column in columns if column.name in KEYS}
        members = {
            column.number: column for column in columns if column.name not in KEYS and not column.condition
        }
        gathered: dict[tuple[Level, Key], list[tuple[int, Any]]] = {}
        for row in table.rows:
            place = Place(table.name, row.number)
            keys, wrong = self._keys(table, row, of_keys)
            level = _level_of(keys)
            try:
                key = self._key(level, keys)
            except ValueError as error:
                self.entries.findings += [*wrong, Finding(place, "key", name, str(error))]
                continue
            entry = self._owner(level, key, keys, place)
            entry.findings += wrong
            if row.hidden:
                entry.refuse(
                    "hidden", name, "the row is hidden and holds data: show it, or take it out", place
                )
            if not may_state(level, name):
                entry.refuse(
                    "column", name, f"is true of one battery, not of a {level.value}: name the battery", place
                )
                continue
            cells = [(members[number], value) for number, value in row.cells.items() if number in members]
            for number in row.cells:
                if number not in members and not table.heading.get(number):
                    entry.refuse(
                        "column",
                        name,
                        "a value stands where no heading says what it is",
                        Place(table.name, row.number, number),
                    )
            raw = self._object(entry, REGISTRY[name].value, cells, table.name, row.number)
            if raw is not None:
                gathered.setdefault((level, key), []).append((row.number, raw))
        paths = {column.path: column.number for column in members.values()}
        for where, rows in gathered.items():
            self._finish_list(self.entries.by_key[where], table.name, name, rows, paths)

    def _owner(self, level: Level, key: Key, keys: Mapping[str, str], place: Place) -> Entry:
        found = self.entries.by_key.get((level, key))
        if found is None:
            found = Entry(level, key, place, model=keys.get(MODEL, ""), batch=keys.get(BATCH, ""))
            self.entries.by_key[level, key] = found
        return found

    @staticmethod
    def _finish_list(
        entry: Entry,
        sheet: str,
        name: str,
        rows: Sequence[tuple[int, Any]],
        columns: Mapping[tuple[str, ...], int],
    ) -> None:
        first = Place(sheet, rows[0][0])
        if name in entry.facts:
            entry.refuse("contradiction", name, f"{entry.place_of(name)} says another thing of it", first)
            return
        made = judging.loaded(name, [raw for _, raw in rows])
        if not isinstance(made, Fault):
            entry.facts[name] = made
            entry.elsewhere[name] = first
            return
        for sentence in made.sentences:
            match = re.match(r"entry ([0-9]+): ", sentence)
            number = rows[int(match[1]) - 1][0] if match and int(match[1]) <= len(rows) else rows[0][0]
            path, said = _located(sentence[match.end() :] if match else sentence, columns)
            place = Place(sheet, number, columns.get(path))
            entry.refuse(made.rule, ".".join((name, *path)), said, place)

    # ---------------------------------------------------------------------------------------------- documents

    def document(self, value: Any) -> None:
        """Read `{"models": [...], "batches": [...], "items": [...]}`.

        Raises:
            ImportRefused: it is built otherwise.
        """
        if not isinstance(value, Mapping) or not set(value) <= set(SHEETS) or not value:
            got = ", ".join(map(str, list(value)[:5])) if isinstance(value, Mapping) else type(value).__name__
            raise ImportRefused(f"expected an object with {', '.join(SHEETS)}, got {got or 'nothing'}")
        for sheet, level in SHEETS.items():
            entries = value.get(sheet, [])
            if not isinstance(entries, list):
                raise ImportRefused(f"expected a list in {sheet}, got {type(entries).__name__}")
            if len(entries) > MAX_ROWS:
                raise ImportRefused(f"more than {MAX_ROWS:,} entries in {sheet}: import in several files")
            for number, said in enumerate(entries, 1):
                self._said(sheet, level, number, said)

    def _said(self, sheet: str, level: Level, number: int, said: Any) -> None:
        at = f"{sheet}[{number}]"
        place = Place(sheet, path=at)
        if not isinstance(said, Mapping):
            self.entries.findings.append(
                Finding(place, "value", "", f"expected an object, got {type(said).__name__}")
            )
            return
        keys: dict[str, str] = {}
        wrong: list[Finding] = []
        for name in KEYS:
            if said.get(name) is None:
                continue
            text = judging.spoken(_TEXT, said[name])
            if isinstance(text, str):
                keys[name] = text
            else:
                wrong.append(Finding(Place(sheet, path=f"{at}.{name}"), "value", name, "expected text"))
        entry = self._entry(place, level, keys, wrong)
        if entry is None:
            return
        for name, raw in said.items():
            if raw is None or (name in KEYS and name != SERIAL):
                continue
            entry.elsewhere[name] = Place(sheet, path=f"{at}.{name}")
            if name == "circumstances":
                self._circumstances(entry, raw)
            elif name not in REGISTRY or name in NOT_DECLARED:
                sentence = (
                    unknown_name(name)
                    if name not in REGISTRY
                    else "written by the service itself: leave it out"
                )
                entry.refuse("column", name, sentence)
            elif not may_state(level, name):
                entry.refuse("column", name, f"is true of one battery, not of a {level.value}")
            else:
                self.fact(entry, name, raw)

    def fact(self, entry: Entry, name: str, raw: Any) -> None:
        """Note what a document says of an attribute, judged."""
        if isinstance(raw, Mapping) and dict(raw) == {"absent": Absent.NOT_APPLICABLE.value}:
            raw = "n/a"
        value = REGISTRY[name].value
        made: Any
        if isinstance(raw, str) and (value.kind is not Kind.STRUCTURE or _is_word(raw)):
            made = self._judge.cell(name, raw)
        else:
            entries = raw if value.many and isinstance(raw, list) else [raw]
            said = [self._judge.spoken(value, one) for one in entries]
            fault = next((one for one in said if isinstance(one, Fault)), None)
            made = fault or judging.loaded(name, said if value.many and isinstance(raw, list) else said[0])
        if isinstance(made, Fault):
            for sentence in made.sentences:
                entry.refuse(made.rule, name, sentence)
        else:
            entry.facts[name] = made

    @staticmethod
    def _circumstances(entry: Entry, raw: Any) -> None:
        if not isinstance(raw, Mapping):
            entry.refuse("value", "circumstances", "expected an object of conditions, each true or false")
            return
        for name, holds in raw.items():
            if name not in CONDITIONS:
                entry.refuse(
                    "column",
                    "circumstances",
                    f"no condition is called {str(name)[:60]!r}; known are {', '.join(CONDITIONS)}",
                )
            elif holds is not None and not isinstance(holds, bool):
                entry.refuse("value", "circumstances", f"{name}: expected true or false, got {holds!r}")
            else:
                entry.circumstances[name] = holds


_TEXT: Final = ValueType[str](Kind.TEXT)
_FLAT: Final = "*"


def _is_word(text: str) -> bool:
    return text.strip().lower() in judging.NOT_APPLICABLE_WORDS | {judging.NONE_WORD, judging.WITHDRAW}


def _is_shared(name: str) -> bool:
    """Whether a flat table says it of the model."""
    return name not in KEYS and may_state(Level.MODEL, name) and name != "manufacturing_date"


def _kind(table: Table) -> Level | str | None:
    """A level, the attribute it lists, flat, or None for a sheet that says nothing of batteries."""
    name = table.name.strip().lower()
    if name in SHEETS:
        return SHEETS[name]
    if name in LISTS:
        return name
    headings = {heading.partition("[")[0].strip() for heading in table.heading.values()}
    return _FLAT if headings & {MODEL, BATTERY, SERIAL} else None


def _rank(kind: Level | str | None) -> int:
    order: list[Level | str | None] = [Level.MODEL, Level.BATCH, Level.ITEM, _FLAT]
    return order.index(kind) if kind in order else len(order)


def _level_of(keys: Mapping[str, str]) -> Level:
    """What a row speaks of, told by the keys that are filled in."""
    if keys.get(BATTERY) or keys.get(SERIAL):
        return Level.ITEM
    return Level.BATCH if keys.get(BATCH) else Level.MODEL


def _unknown_sheet(table: Table) -> Finding:
    sentence = (
        f"no sheet is called {table.name[:60]!r}: expected {', '.join(SHEETS)}, the name of an attribute with"
        " entries (such as material_composition), or headings that name batteries; a sheet whose name begins"
        " with # is skipped"
    )
    return Finding(Place(table.name), "sheet", "", sentence, whole=True)


def _located(sentence: str, columns: Mapping[tuple[str, ...], int]) -> tuple[tuple[str, ...], str]:
    """The members that a sentence begins with, as far as they have columns, and what it says."""
    path: tuple[str, ...] = ()
    known = {one[:length] for one in columns for length in range(1, len(one) + 1)}
    while (match := re.match(r"([a-z0-9_]+): ", sentence)) and (*path, match[1]) in known:
        path = (*path, match[1])
        sentence = sentence[match.end() :]
    return path, sentence
