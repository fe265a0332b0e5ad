"""Questions and their answers: form first, then rights, then the walk along an index.

The rules:

1. A field is named once in `FIELDS`, with the attributes it is made of. Who may filter, sort or see it is
   decided by `passport.disclosure` from those attributes, never here.
2. A filter or an order on a field that the caller may not read is refused by name. Ignoring it would hide a
   mistake; obeying it would answer, one question at a time, what the caller may not know.
3. What is unknown matches no filter and stands last in every order. It is never zero.
4. Pages are keyed by the last row (`WHERE (value, battery) > (?, ?)`), so that page one thousand costs what
   page one costs.
5. A key that speaks only of one operator's batteries filters restricted fields only among those.
6. Which index is walked is chosen here, by counting a little, not by the planner, which knows no
   figures: the order's own where many rows fit, a condition's where it leaves few.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, Literal, Protocol

import orjson
from sqlalchemy import Connection

from passport.errors import Forbidden, InputRefused
from passport.ledger.database import marks
from passport.search.fields import FIELDS, ORDERS, Field, Match, meant, readable, shown, words_of
from passport.search.index import METALS
from schemas.identifier import identifier_url
from schemas.terms import Absent, Audience, Disclosure, Source

MAXIMUM_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 30
_INT64: Final = 2**63 - 1
DEFAULT_ORDER: Final = "-rated_energy"


class Reader(Protocol):
    """What search must know of the caller; `passport.grants.Principal` is one."""

    @property
    def audience(self) -> Audience | None:
        """None reads nothing."""

    @property
    def operator(self) -> str | None:
        """Only this operator's batteries; None for all."""

    @property
    def battery(self) -> str | None:
        """Only this battery; None for all."""

    def covers(self, *, operator: str, battery: str) -> bool:
        """Whether the scope takes in this battery."""


@dataclass(frozen=True)
class Filter:
    """One condition of a query: any of `values`, or a closed range of scaled integers (None: open)."""

    field: Field
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class Query:
    """A whole question, already checked for form but not yet for rights."""

    filters: tuple[Filter, ...] = ()
    order: str = DEFAULT_ORDER
    cursor: str | None = None
    limit: int = DEFAULT_LIMIT

    @property
    def asked(self) -> tuple[Field, ...]:
        """The fields it speaks of, the one of its order last."""
        return (*(one.field for one in self.filters), FIELDS[self.order.removeprefix("-")])

    def digest(self) -> str:
        """Names the question without its place, so that a cursor of another question is noticed."""
        parts = sorted(f"{f.field.name}|{'|'.join(f.values)}|{f.low}|{f.high}" for f in self.filters)
        return hashlib.sha256("\n".join([self.order, *parts]).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True)
class Row:
    """One battery found.

    Attributes:
        values: by field name, numbers as decimal strings, several words with blanks between them; None where
            nothing is known. Fields that the caller may not read of this battery are not in it.
        withheld: names of the fields left out for want of rights.
        condition_at: of when the condition is; None where it is unknown or withheld.
        inspect: what must be inspected, for readers with the right to the verdict; else None.
        contact: how the operator is reached, as its passport says; None where it says nothing.
        offer: `since`, `until`, `price` and `contact` of an offer for sale; None where there is none, or it
            is withheld.
        metals_computed: masses of metals come from stoichiometry, not from a declared composition.
    """

    battery: str
    passport_id: str
    identifier: str
    operator: str
    simulated: bool
    values: Mapping[str, str | None]
    withheld: tuple[str, ...]
    condition_at: str | None
    inspect: tuple[str, ...] | None
    contact: str | None = None
    offer: Mapping[str, str | None] | None = None
    metals_computed: bool = False


@dataclass(frozen=True)
class Page:
    """Some rows and where to go on; `cursor` is None on the last page."""

    rows: tuple[Row, ...]
    cursor: str | None


def parse(arguments: Sequence[tuple[str, str]]) -> Query:
    """A query from the pairs of a query string.

    Args:
        arguments: names and texts as they came, repeated names included. Empty texts are what an untouched
            form field sends, and ask nothing.

    Raises:
        InputRefused: a parameter is unknown, doubled, too long or not of its kind; the sentence names it.
    """
    words: dict[str, list[str]] = {}
    bounds: dict[str, dict[str, int]] = {}
    plain: dict[str, str] = {}
    for name, raw in arguments:
        text = raw.strip()
        base, _, side = name.rpartition("_")
        exact, span = FIELDS.get(name), FIELDS.get(base)
        if len(text) > (600 if name == "cursor" else 200):
            raise InputRefused(f"{name[:60]}: too long; at most 200 characters are compared")
        if "\x00" in text:
            raise InputRefused(f"{name[:60]}: holds a NUL character")
        if exact is not None and exact.match is Match.EXACT:
            if text:
                words.setdefault(name, []).append(meant(exact, text))
        elif span is not None and span.match is Match.RANGE and side in ("min", "max"):
            if text:
                if side in bounds.setdefault(base, {}):
                    raise InputRefused(f"{name} is given twice")
                bounds[base][side] = _scaled(name, text, span, round_up=side == "min")
        elif name in ("order", "cursor", "limit"):
            if name in plain:
                raise InputRefused(f"{name} is given twice")
            if text:
                plain[name] = text
        else:
            raise InputRefused(f"unknown parameter {name[:60]!r}; known: {', '.join(parameters())}")
    filters = [Filter(FIELDS[name], tuple(dict.fromkeys(texts))) for name, texts in words.items()]
    if any(len(one.values) > 20 for one in filters):
        raise InputRefused("at most 20 values of one field")
    filters += [Filter(FIELDS[name], (), side.get("min"), side.get("max")) for name, side in bounds.items()]
    order = plain.get("order", DEFAULT_ORDER)
    if order.removeprefix("-") not in ORDERS:
        raise InputRefused(
            f"order: expected one of {', '.join(ORDERS)}, or one with a minus before it; got {order[:60]!r}"
        )
    return Query(tuple(filters), order, plain.get("cursor"), _limit(plain.get("limit")))


def parameters() -> tuple[str, ...]:
    """Every parameter name that `parse` knows."""
    names: list[str] = []
    for field in FIELDS.values():
        names += [f"{field.name}_min", f"{field.name}_max"] if field.match is Match.RANGE else [field.name]
    return (*names, "order", "cursor", "limit")


def query(connection: Connection, question: Query, reader: Reader, *, today: date) -> Page:
    """The batteries that fit, one page of them; an offer that ended before `today` is none.

    Raises:
        Forbidden: a filter or the order speaks of a field that the reader may not read; it is named.
        InputRefused: the cursor is not one of ours, or belongs to another question.
    """
    # 1. Rights, before a single row is touched.
    check_rights(question, reader)
    # 2. The conditions.
    conditions = conditions_of(connection, question, reader, today=today)
    # 3. Rows with a known value in order, then the unknown ones.
    place = _place(question)
    rows = _fetch(connection, question, conditions, place)
    # 4. The page; one row more than asked tells that there is a next one.
    page, more = rows[: question.limit], len(rows) > question.limit
    cursor = _cursor(question, page[-1]) if more else None
    return Page(tuple(_row(row, reader, today) for row in page), cursor)


def every(
    connection: Connection, asked: Sequence[tuple[str, str]], reader: Reader, *, today: date, most: int
) -> list[Row]:
    """All batteries that fit, page after page, at most so many; `asked` names no page.

    Raises:
        Forbidden, InputRefused: as `parse` and `query` do.
    """
    rows: list[Row] = []
    cursor = ""
    while len(rows) < most:
        question = parse([*asked, ("limit", str(min(MAXIMUM_LIMIT, most - len(rows)))), ("cursor", cursor)])
        page = query(connection, question, reader, today=today)
        rows += page.rows
        if page.cursor is None:
            break
        cursor = page.cursor
    return rows


def rows_of(
    connection: Connection,
    names: Sequence[str],
    reader: Reader,
    *,
    today: date,
    column: Literal["battery", "passport_id"] = "battery",
) -> list[Row]:
    """The batteries of these ids, in their order; one that search does not know is left out."""
    if reader.audience is None:
        raise Forbidden(_READS_NOTHING)
    found: dict[str, Row] = {}
    for at in range(0, len(names), _AT_ONCE):
        some = names[at : at + _AT_ONCE]
        rows = connection.exec_driver_sql(
            f"SELECT {column}, {SELECT} FROM battery_search WHERE {column} IN ({marks(some)})", tuple(some)
        )
        found |= {row[0]: _row(row[1:], reader, today) for row in rows}
    return [found[name] for name in names if name in found]


def check_rights(question: Query, reader: Reader) -> None:
    """The reader may read every field that the question speaks of.

    Raises:
        Forbidden: it may not; the fields are named.
    """
    if reader.audience is None:
        raise Forbidden(_READS_NOTHING)
    refused = {one.name: one for one in question.asked if not readable(one, reader.audience)}
    if refused:
        raise Forbidden(_refusal([refused[name] for name in sorted(refused)]))


_RESTRICTED: Final = {"absent": Absent.RESTRICTED.value}
_NOT_PROVIDED: Final = {"absent": Absent.NOT_PROVIDED.value}


def wire(row: Row, public_url: str) -> dict[str, Any]:
    """One row as JSON: every field says its value or why it has none."""
    fields: dict[str, Any] = dict.fromkeys(FIELDS, _RESTRICTED)
    for name, value in row.values.items():
        field = FIELDS[name]
        if value is None:
            fields[name] = _NOT_PROVIDED
        elif field.several:
            fields[name] = {"values": words_of(value)}
        elif not field.unit:
            fields[name] = {"value": value}
        elif row.metals_computed and name in METALS:
            fields[name] = {"value": value, "unit": str(field.unit), "source": Source.COMPUTED.value}
        else:
            fields[name] = {"value": value, "unit": str(field.unit)}
    told: dict[str, Any] = {
        "passport_id": row.passport_id,
        "identifier": identifier_url(public_url, row.identifier),
        "page": f"{public_url}/p/{row.passport_id}",
        "operator": row.operator,
        "contact": row.contact,
        "simulated": row.simulated,
        "fields": fields,
    }
    if row.inspect is not None:
        told |= {"condition_at": row.condition_at, "inspect": list(row.inspect), "offer": row.offer}
    return told


def told(question: Query, found: int) -> str:
    """A query in words for the audit: which fields were asked, in which order, how many rows came."""
    fields = ", ".join(sorted({one.field.name for one in question.filters})) or "no filter"
    return f"{fields}; order {question.order}; {found} rows"


def choices(connection: Connection, name: str, limit: int = 50) -> tuple[str, ...]:
    """The words in use for a public field, for a form's list.

    Raises:
        ValueError: the field is not public or not a word.
    """
    field = FIELDS[name]
    if field.scale or not readable(field, Audience.PUBLIC):
        raise ValueError(f"{name} is not a public word field")
    return _words_in_use(connection, name, limit)


def _words_in_use(connection: Connection, name: str, limit: int) -> tuple[str, ...]:
    # Skips from value to value along the index instead of reading every row.
    rows = connection.exec_driver_sql(
        f"WITH RECURSIVE word(v) AS (SELECT min({name}) FROM battery_search"
        f" UNION ALL SELECT (SELECT min({name}) FROM battery_search WHERE {name} > word.v) FROM word"
        " WHERE word.v IS NOT NULL) SELECT v FROM word WHERE v IS NOT NULL LIMIT ?",
        (limit,),
    )
    return tuple(row[0] for row in rows)


# ------------------------------------------------------------------------------------------- asking

_SHOWN: Final = tuple(FIELDS)
_FIXED: Final = (
    "battery, passport_id, identifier, operator, simulated, condition_at, inspect, contact, metals_from,"
    " offer, offered_until"
)
SELECT: Final = f"{_FIXED}, {', '.join(_SHOWN)}"
_FIRST_VALUE: Final = 11
_PROBE: Final = 20_000  # rows of an index that are counted at most, about a millisecond
_COMMON: Final = 0.25  # share of rows that fit a condition which was not counted to the end
_AT_ONCE: Final = 500
_READS_NOTHING: Final = "this key may send telemetry; it reads nothing. Use a key made with --audience."
_MOST_SETS: Final = 500  # of uses, that batteries are fit for


@dataclass(frozen=True)
class Condition:
    """One condition on one column; in `sql` the column is written as `{0}`."""

    column: str
    sql: str
    values: tuple[Any, ...]

    def text(self, *, indexed: bool) -> str:
        """The condition; a plus before a column keeps SQLite from using its index."""
        return self.sql.format(self.column if indexed else f"+{self.column}")


def conditions_of(connection: Connection, question: Query, reader: Reader, *, today: date) -> list[Condition]:
    """The filters of a question and the scope of its reader, as conditions on rows."""
    found = []
    for one in question.filters:
        name = one.field.name
        if one.values:
            words = one.values if not one.field.several else _sets(connection, name, one.values)
            found.append(Condition(name, f"{{0}} IN ({', '.join('?' * len(words))})", words))
        elif one.low is not None and one.high is not None:
            found.append(Condition(name, "{0} BETWEEN ? AND ?", (one.low, one.high)))
        elif one.low is not None:
            found.append(Condition(name, "{0} >= ?", (one.low,)))
        elif one.high is not None:
            found.append(Condition(name, "{0} <= ?", (one.high,)))
        if one.field.day:
            found.append(Condition("offered_until", "{0} >= ?", (today.toordinal(),)))
    if any(not readable(field, Audience.PUBLIC) for field in question.asked):
        # A question about what is restricted is asked only of batteries that the key speaks of.
        for column, scope in (("operator", reader.operator), ("battery", reader.battery)):
            if scope is not None:
                found.append(Condition(column, "{0} = ?", (scope,)))
    return found


def _sets(connection: Connection, name: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """The sets of words in use that hold one of the wanted; there are far fewer of them than batteries."""
    sets = _words_in_use(connection, name, _MOST_SETS)
    return tuple(one for one in sets if not set(wanted).isdisjoint(words_of(one)))


def _leading(connection: Connection, question: Query, conditions: Sequence[Condition]) -> str:
    """The column whose index is walked: the one that is expected to meet the fewest rows.

    Along the order's index, rows come sorted and one stops when the page is full; along a condition's index,
    all rows that fit it are met and sorted.
    """
    order = question.order.removeprefix("-")
    total = connection.exec_driver_sql("SELECT max(rowid) FROM battery_search").scalar() or 1
    share, met = 1.0, {}
    for one in conditions:
        rows = _counted(connection, one)
        share *= rows / total if rows < _PROBE else _COMMON
        if one.column != order and rows < _PROBE:
            met[one.column] = float(rows)
    met[order] = (question.limit + 1) / share if share else float(total)
    return min(met, key=lambda column: met[column])


def walked(connection: Connection, conditions: Sequence[Condition]) -> tuple[str, tuple[Any, ...]]:
    """A WHERE clause with its values, which walks the index of the condition that fewest rows fit."""
    if not conditions:
        return "", ()
    leading = min(conditions, key=lambda one: _counted(connection, one))
    where = [one.text(indexed=one is leading) for one in conditions]
    return f"WHERE {' AND '.join(where)}", tuple(value for one in conditions for value in one.values)


def _counted(connection: Connection, condition: Condition) -> int:
    found = connection.exec_driver_sql(
        f"SELECT count(*) FROM (SELECT 1 FROM battery_search WHERE {condition.text(indexed=True)} LIMIT ?)",
        (*condition.values, _PROBE),
    )
    return int(found.scalar_one())


def _fetch(
    connection: Connection,
    question: Query,
    conditions: Sequence[Condition],
    place: tuple[int | str | None, str] | None,
) -> list[Any]:
    """Up to limit + 1 rows: two walks along an index, first where the value is known, then the rest."""
    name, wanted = question.order.removeprefix("-"), question.limit + 1
    down = question.order.startswith("-")
    beyond, direction = ("<", "DESC") if down else (">", "ASC")
    leading = _leading(connection, question, conditions)
    where = [one.text(indexed=one.column == leading) for one in conditions]
    values = [value for one in conditions for value in one.values]
    by = name if leading == name else f"+{name}"
    rows: list[Any] = []
    if place is None or place[0] is not None:
        known, bound = [*where, f"{by} IS NOT NULL"], list(values)
        if place is not None:
            known.append(f"({by}, battery) {beyond} (?, ?)")
            bound += place
        rows += connection.exec_driver_sql(
            f"SELECT {SELECT} FROM battery_search WHERE {' AND '.join(known)}"
            f" ORDER BY {by} {direction}, battery {direction} LIMIT ?",
            (*bound, wanted),
        ).fetchall()
    if len(rows) < wanted:
        unknown, bound = [*where, f"{by} IS NULL"], list(values)
        if place is not None and place[0] is None:
            unknown.append(f"battery {beyond} ?")
            bound.append(place[1])
        rows += connection.exec_driver_sql(
            f"SELECT {SELECT} FROM battery_search WHERE {' AND '.join(unknown)}"
            # Unsorted from a condition's index; else SQLite would walk all batteries to meet them sorted.
            f" ORDER BY {'battery' if leading == name else '+battery'} {direction} LIMIT ?",
            (*bound, wanted - len(rows)),
        ).fetchall()
    return rows


@cache
def _open_to(audience: Audience | None) -> tuple[tuple[tuple[str, Field, int], ...], tuple[str, ...]]:
    """What the audience reads, each with its place in a row, and what is withheld from it."""
    fields = [(name, FIELDS[name], place) for place, name in enumerate(_SHOWN, start=_FIRST_VALUE)]
    told = tuple(one for one in fields if readable(one[1], audience))
    return told, tuple(name for name, field, _ in fields if not readable(field, audience))


def _row(row: Any, reader: Reader, today: date) -> Row:
    inside = reader.covers(operator=row[3], battery=row[0])
    fields, withheld = _open_to(reader.audience if inside else Audience.PUBLIC)
    values = {name: shown(field, row[place]) for name, field, place in fields}
    offered = "offered_since" in values and row[10] is not None and row[10] >= today.toordinal()
    if "offered_since" in values and not offered:
        values["offered_since"] = None
    verdict_open = "verdict" in values
    return Row(
        battery=row[0],
        passport_id=row[1],
        identifier=row[2],
        operator=row[3],
        simulated=bool(row[4]),
        values=values,
        withheld=withheld,
        condition_at=row[5] if "full_cycles" in values else None,
        inspect=tuple(orjson.loads(row[6])) if verdict_open and row[6] else () if verdict_open else None,
        contact=row[7],
        offer=orjson.loads(row[9]) if offered else None,
        metals_computed=row[8] == Source.COMPUTED.value,
    )


def _place(question: Query) -> tuple[int | str | None, str] | None:
    """Where the last page ended: value (None among the unknown) and battery."""
    if question.cursor is None:
        return None
    try:
        digest, value, battery = orjson.loads(
            base64.urlsafe_b64decode(question.cursor + "=" * (-len(question.cursor) % 4))
        )
    except (binascii.Error, ValueError, TypeError) as error:
        raise InputRefused("cursor: not one that this service gave; start again without it") from error
    number = type(value) is int and abs(value) <= _INT64
    fits = number if FIELDS[question.order.removeprefix("-")].scale else isinstance(value, str)
    if not (isinstance(digest, str) and (value is None or fits) and isinstance(battery, str)):
        raise InputRefused("cursor: not one that this service gave; start again without it")
    if digest != question.digest():
        raise InputRefused("cursor: it belongs to another question; filters and order must stay as they were")
    return value, battery


def _cursor(question: Query, row: Any) -> str:
    value = row[_FIRST_VALUE + _SHOWN.index(question.order.removeprefix("-"))]
    return base64.urlsafe_b64encode(orjson.dumps([question.digest(), value, row[0]])).decode().rstrip("=")


def _scaled(name: str, text: str, field: Field, *, round_up: bool) -> int:
    if field.day:
        try:
            return date.fromisoformat(text).toordinal()
        except ValueError as error:
            raise InputRefused(f"{name}: expected a day as 2026-11-28, got {text[:60]!r}") from error
    try:
        value = Decimal(text.replace("\u2212", "-"))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 30 or len(text) > 40:
        raise InputRefused(f"{name}: expected a number{_in_unit(field)}, got {text[:60]!r}")
    scaled = (value * field.scale).to_integral_value("ROUND_CEILING" if round_up else "ROUND_FLOOR")
    if abs(scaled) > _INT64:
        raise InputRefused(f"{name}: {text[:60]}{_in_unit(field)} is beyond every battery")
    return int(scaled)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAXIMUM_LIMIT):
        raise InputRefused(f"limit: expected a whole number from 1 to {MAXIMUM_LIMIT}, got {text[:60]!r}")
    return int(text)


def _in_unit(field: Field) -> str:
    return f" in {field.unit}" if field.unit else ""


_OPEN_TO: Final[Mapping[Disclosure, str]] = {
    Disclosure.INTEREST_AND_AUTHORITIES: (
        "composition (Annex XIII point 2), open to persons with a legitimate interest and to authorities"
    ),
    Disclosure.INDIVIDUAL: (
        "one battery alone (Annex XIII point 4), open to persons with a legitimate interest"
    ),
}


def _refusal(fields: Sequence[Field]) -> str:
    told = []
    for disclosed, words in _OPEN_TO.items():
        names = [field.name for field in fields if disclosed in field.classes]
        if names:
            speak = "these fields speak" if len(names) > 1 else "this field speaks"
            told.append(f"{', '.join(names)}: {speak} of {words}")
    return "; ".join(told) + "; send a key made for them, or ask without it"
