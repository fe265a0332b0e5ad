"""Search over batteries: one typed row per battery, asked within the rights of the caller.

The rules:

1. A field is named once in `FIELDS`, with the attributes it is made of. Who may filter, sort or see it is
   decided by `passport.disclosure` from those attributes, never here.
2. A filter or an order on a field that the caller may not read is refused by name. Ignoring it would hide a
   mistake; obeying it would answer, one question at a time, what the caller may not know.
3. What is unknown matches no filter and stands last in every order. It is never zero.
4. Pages are keyed by the last row (`WHERE (value, battery) > (?, ?)`), so that page one thousand costs what
   page one costs. No totals are counted: a count is an answer too.
5. A key that speaks only of one operator's batteries filters condition fields only among those.
6. Which index is walked is chosen here, by counting a little, not by the planner, which knows no figures: the
   order's own where many rows fit, a condition's where it leaves few.

Numbers are stored as integers in the unit that `Field.scale` names, so that a range is exact.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum, unique
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection

from passport import disclosure
from passport.errors import Forbidden, InputRefused
from schemas.identifier import identifier_url
from schemas.registry import REGISTRY
from schemas.terms import Absent, Audience, Unit
from schemas.validation import FactsInvalid, fact_from_text
from schemas.values import Kind

MAXIMUM_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 30
_INT64: Final = 2**63 - 1


@unique
class Match(StrEnum):
    """How a field may be asked."""

    EXACT = "exact"  # name=value, may be given several times: any of them
    RANGE = "range"  # name_min=..., name_max=...


@dataclass(frozen=True)
class Field:
    """One searchable field.

    Attributes:
        name: in the query string and in results.
        title: as read by people.
        attributes: ids of the registry rows it is made of; the caller must be allowed all of them.
        match: how it may be asked.
        unit: of the value in queries and results; None for words.
        scale: stored integer = value * scale; 0 for words.
    """

    name: str
    title: str
    attributes: tuple[str, ...]
    match: Match = Match.EXACT
    unit: Unit | None = None
    scale: int = 0


def _fields() -> tuple[Field, ...]:
    span = Match.RANGE
    return (
        Field("category", "Category", ("battery_category",)),
        Field("chemistry", "Chemistry", ("battery_chemistry",)),
        Field("manufacturer", "Manufacturer", ("manufacturer_name",)),
        Field("model", "Model", ("model_identifier",)),
        # No row of the law is called rated energy: it is rated capacity times nominal voltage, both public.
        Field(
            "rated_energy",
            "Rated energy",
            ("rated_capacity", "nominal_voltage"),
            span,
            Unit.KILOWATT_HOUR,
            1000,
        ),
        Field("rated_capacity", "Rated capacity", ("rated_capacity",), span, Unit.AMPERE_HOUR, 1000),
        Field("nominal_voltage", "Nominal voltage", ("nominal_voltage",), span, Unit.VOLT, 1000),
        Field("mass", "Mass", ("battery_mass",), span, Unit.KILOGRAM, 1000),
        Field("battery_status", "Battery status", ("battery_status",)),
        Field("state_of_charge", "State of charge", ("state_of_charge",), span, Unit.PERCENT, 10),
        Field("full_cycles", "Full cycles, as far as recorded", ("full_cycles",), span, Unit.CYCLE, 100),
        Field("temperature", "Temperature", ("temperature",), span, Unit.CELSIUS, 10),
        Field("verdict", "Second-life verdict", ("second_life_assessment",)),
    )


FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _fields()}
"""In the order in which results show them."""

# What a field is called in an order; a minus before it turns the order round.
ORDERS: Final = tuple(name for name, field in FIELDS.items() if field.scale)
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

    def digest(self) -> str:
        """Names the question without its place, so that a cursor of another question is noticed."""
        parts = sorted(f"{f.field.name}|{'|'.join(f.values)}|{f.low}|{f.high}" for f in self.filters)
        return hashlib.sha256("\n".join([self.order, *parts]).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True)
class Row:
    """One battery found.

    Attributes:
        values: by field name, numbers as decimal strings; None where nothing is known. Fields that the caller
            may not read of this battery are not in it.
        withheld: names of the fields left out for want of rights.
        condition_at: of when the condition is; None where it is unknown or withheld.
        inspect: what must be inspected, for readers with the right to the verdict; else None.
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


@dataclass(frozen=True)
class Page:
    """Some rows and where to go on; `cursor` is None on the last page."""

    rows: tuple[Row, ...]
    cursor: str | None


def readable(field: Field, audience: Audience | None) -> bool:
    """Whether this audience may see every attribute the field is made of; unknown attributes are withheld."""
    if audience is None:
        return False
    classes = [disclosure.disclosure_of(attribute) for attribute in field.attributes]
    return all(one is not None and disclosure.may_see(audience, one) for one in classes)


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


def query(connection: Connection, question: Query, reader: Reader) -> Page:
    """The batteries that fit, one page of them.

    Raises:
        Forbidden: a filter or the order speaks of a field that the reader may not read; it is named.
        InputRefused: the cursor is not one of ours, or belongs to another question.
    """
    # 1. Rights, before a single row is touched.
    order = FIELDS[question.order.removeprefix("-")]
    asked = [*(f.field for f in question.filters), order]
    if reader.audience is None:
        raise Forbidden("this key may send telemetry; it reads nothing. Use a key made with --audience.")
    refused = sorted({f.name for f in asked if not readable(f, reader.audience)})
    if refused:
        raise Forbidden(_refusal(refused))
    # 2. The conditions.
    conditions = _conditions(question, reader, asked)
    # 3. Rows with a known value in order, then the unknown ones.
    place = _place(question)
    rows = _fetch(connection, question, conditions, place)
    # 4. The page; one row more than asked tells that there is a next one.
    page, more = rows[: question.limit], len(rows) > question.limit
    cursor = _cursor(question, page[-1]) if more else None
    return Page(tuple(_row(row, reader) for row in page), cursor)


def wire(row: Row, public_url: str) -> dict[str, Any]:
    """One row as JSON: every field says its value or why it has none."""
    fields: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if name in row.withheld:
            fields[name] = {"absent": Absent.RESTRICTED.value}
        elif (value := row.values[name]) is None:
            fields[name] = {"absent": Absent.NOT_PROVIDED.value}
        else:
            fields[name] = {"value": value} | ({"unit": field.unit.value} if field.unit else {})
    told: dict[str, Any] = {
        "passport_id": row.passport_id,
        "identifier": identifier_url(public_url, row.identifier),
        "page": f"{public_url}/p/{row.passport_id}",
        "operator": row.operator,
        "simulated": row.simulated,
        "fields": fields,
    }
    if row.inspect is not None:
        told |= {"condition_at": row.condition_at, "inspect": list(row.inspect)}
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
    # Skips from value to value along the index instead of reading every row.
    rows = connection.exec_driver_sql(
        f"WITH RECURSIVE word(v) AS (SELECT min({name}) FROM battery_search"
        f" UNION ALL SELECT (SELECT min({name}) FROM battery_search WHERE {name} > word.v) FROM word"
        " WHERE word.v IS NOT NULL) SELECT v FROM word WHERE v IS NOT NULL LIMIT ?",
        (limit,),
    )
    return tuple(row[0] for row in rows)


# ------------------------------------------------------------------------------------------- writing a row

_DECLARED: Final = (
    ("category", "battery_category"),
    ("chemistry", "battery_chemistry"),
    ("manufacturer", "manufacturer_name"),
    ("model", "model_identifier"),
)


class Indexed(Protocol):
    """A battery, as far as search must know it."""

    @property
    def id(self) -> str:
        """Battery id."""

    @property
    def passport_id(self) -> str:
        """Passport id, the one in the address of the page."""

    @property
    def operator(self) -> str:
        """The responsible operator's id."""

    @property
    def identifier(self) -> str:
        """Canonical identifier path."""

    @property
    def category(self) -> Any:
        """Category, as its word."""

    @property
    def simulated(self) -> bool:
        """Whether the pack exists only in a simulator."""


def index(
    connection: Connection,
    *,
    battery: Indexed,
    facts: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    condition_at: datetime | None = None,
    verdict: str | None = None,
    inspect: Sequence[str] | None = None,
) -> None:
    """Write what a released version says into the battery's search row; parts not given stay as they are.

    `connection` is a writing one; the rest is described at `entry`.
    """
    told = entry(
        battery,
        facts=facts,
        condition=condition,
        condition_at=condition_at,
        verdict=verdict,
        inspect=inspect,
    )
    write(connection, [told])


def entry(
    battery: Indexed,
    *,
    facts: Mapping[str, Any] | None = None,
    condition: Mapping[str, Any] | None = None,
    condition_at: datetime | None = None,
    verdict: str | None = None,
    inspect: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Columns of a search row, for those parts that are given.

    Args:
        battery: whose row it is.
        facts: wire values of the passport record by attribute id (`{"value": "102", "unit": "Ah"}`).
        condition: the same of the condition record.
        condition_at: of when the condition is.
        verdict: word of the second-life verdict of the assessment record.
        inspect: what the verdict says must be inspected, in words.
    """
    columns: dict[str, Any] = {
        "battery": battery.id,
        "passport_id": battery.passport_id,
        "identifier": battery.identifier,
        "operator": battery.operator,
        "category": str(battery.category),
        "simulated": int(battery.simulated),
    }
    if facts is not None:
        for column, attribute in _DECLARED[1:]:
            columns[column] = _word(facts, attribute)
        capacity, voltage = _number(facts, "rated_capacity"), _number(facts, "nominal_voltage")
        energy = capacity * voltage / 1000 if capacity is not None and voltage is not None else None
        columns["rated_energy"] = _store("rated_energy", energy)
        columns["rated_capacity"] = _store("rated_capacity", capacity)
        columns["nominal_voltage"] = _store("nominal_voltage", voltage)
        columns["mass"] = _store("mass", _number(facts, "battery_mass"))
    if condition is not None:
        columns["battery_status"] = _word(condition, "battery_status")
        for name in ("state_of_charge", "full_cycles", "temperature"):
            columns[name] = _store(name, _number(condition, name))
        columns["condition_at"] = condition_at.isoformat().replace("+00:00", "Z") if condition_at else None
    if verdict is not None:
        columns["verdict"] = verdict
        columns["inspect"] = orjson.dumps(list(inspect or ())).decode()
    return columns


def write(connection: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Store what `entry` made of versions of one kind; columns that are not in them stay as they are."""
    if not entries:
        return
    names = list(entries[0])
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    connection.exec_driver_sql(
        f"INSERT INTO battery_search ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (battery) DO UPDATE SET {changes}",
        [tuple(one[name] for name in names) for one in entries],
    )


def _word(values: Mapping[str, Any], attribute: str) -> str | None:
    value = values.get(attribute, {}).get("value")
    return str(value) if value is not None else None


def _number(values: Mapping[str, Any], attribute: str) -> Decimal | None:
    value = values.get(attribute, {}).get("value")
    return Decimal(str(value)) if value is not None else None


def _store(name: str, value: Decimal | None) -> int | None:
    return int((value * FIELDS[name].scale).to_integral_value()) if value is not None else None


# ------------------------------------------------------------------------------------------- asking

_SHOWN: Final = tuple(FIELDS)
_SELECT: Final = "battery, passport_id, identifier, operator, simulated, condition_at, inspect, " + ", ".join(
    _SHOWN
)
_FIRST_VALUE: Final = 7


# Conditions with an index of their own; a probe of any other would read the table.
_INDEXED: Final = frozenset(
    {"category", "chemistry", "manufacturer", "model", "operator", "battery", *ORDERS}
)
_PROBE: Final = 20_000  # rows of an index that are counted at most, about a millisecond
_COMMON: Final = 0.25  # share of rows that fit a condition which was not, or not to the end, counted


@dataclass(frozen=True)
class _Condition:
    """One condition on one column; in `sql` the column is written as `{0}`."""

    column: str
    sql: str
    values: tuple[Any, ...]

    def text(self, *, indexed: bool) -> str:
        """The condition; a plus before a column keeps SQLite from using its index."""
        return self.sql.format(self.column if indexed else f"+{self.column}")


def _conditions(question: Query, reader: Reader, asked: Sequence[Field]) -> list[_Condition]:
    found = []
    for one in question.filters:
        name = one.field.name
        if one.values:
            found.append(_Condition(name, f"{{0}} IN ({', '.join('?' * len(one.values))})", one.values))
        elif one.low is not None and one.high is not None:
            found.append(_Condition(name, "{0} BETWEEN ? AND ?", (one.low, one.high)))
        elif one.low is not None:
            found.append(_Condition(name, "{0} >= ?", (one.low,)))
        elif one.high is not None:
            found.append(_Condition(name, "{0} <= ?", (one.high,)))
    if any(not readable(field, Audience.PUBLIC) for field in asked):
        # A question about condition is asked only of batteries that the key speaks of.
        for column, scope in (("operator", reader.operator), ("battery", reader.battery)):
            if scope is not None:
                found.append(_Condition(column, "{0} = ?", (scope,)))
    return found


def _leading(connection: Connection, question: Query, conditions: Sequence[_Condition]) -> str:
    """The column whose index is walked: the one that is expected to meet the fewest rows.

    Along the order's index, rows come sorted and one stops when the page is full; along a condition's index,
    all rows that fit it are met and sorted.
    """
    order = question.order.removeprefix("-")
    total = connection.exec_driver_sql("SELECT max(rowid) FROM battery_search").scalar() or 1
    share, met = 1.0, {}
    for one in conditions:
        rows = _counted(connection, one) if one.column in _INDEXED else _PROBE
        share *= rows / total if rows < _PROBE else _COMMON
        if one.column != order and rows < _PROBE:
            met[one.column] = float(rows)
    met[order] = (question.limit + 1) / share if share else float(total)
    return min(met, key=lambda column: met[column])


def _counted(connection: Connection, condition: _Condition) -> int:
    found = connection.exec_driver_sql(
        f"SELECT count(*) FROM (SELECT 1 FROM battery_search WHERE {condition.text(indexed=True)} LIMIT ?)",
        (*condition.values, _PROBE),
    )
    return int(found.scalar_one())


def _fetch(
    connection: Connection,
    question: Query,
    conditions: Sequence[_Condition],
    place: tuple[int | None, str] | None,
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
            f"SELECT {_SELECT} FROM battery_search WHERE {' AND '.join(known)}"
            f" ORDER BY {by} {direction}, battery {direction} LIMIT ?",
            (*bound, wanted),
        ).fetchall()
    if len(rows) < wanted:
        unknown, bound = [*where, f"{by} IS NULL"], list(values)
        if place is not None and place[0] is None:
            unknown.append(f"battery {beyond} ?")
            bound.append(place[1])
        rows += connection.exec_driver_sql(
            f"SELECT {_SELECT} FROM battery_search WHERE {' AND '.join(unknown)}"
            f" ORDER BY battery {direction} LIMIT ?",
            (*bound, wanted - len(rows)),
        ).fetchall()
    return rows


def _row(row: Any, reader: Reader) -> Row:
    inside = reader.covers(operator=row[3], battery=row[0])
    audience = reader.audience if inside else Audience.PUBLIC
    shown = {name: FIELDS[name] for name in _SHOWN if readable(FIELDS[name], audience)}
    values = {name: _shown(field, row[_FIRST_VALUE + _SHOWN.index(name)]) for name, field in shown.items()}
    verdict_open = "verdict" in shown
    return Row(
        battery=row[0],
        passport_id=row[1],
        identifier=row[2],
        operator=row[3],
        simulated=bool(row[4]),
        values=values,
        withheld=tuple(name for name in _SHOWN if name not in shown),
        condition_at=row[5] if "full_cycles" in shown else None,
        inspect=tuple(orjson.loads(row[6])) if verdict_open and row[6] else () if verdict_open else None,
    )


def _shown(field: Field, stored: Any) -> str | None:
    if stored is None or not field.scale:
        return stored if stored is None else str(stored)
    text = format(Decimal(stored) / field.scale, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _place(question: Query) -> tuple[int | None, str] | None:
    """Where the last page ended: value (None among the unknown) and battery."""
    if question.cursor is None:
        return None
    try:
        digest, value, battery = orjson.loads(
            base64.urlsafe_b64decode(question.cursor + "=" * (-len(question.cursor) % 4))
        )
    except (binascii.Error, ValueError, TypeError) as error:
        raise InputRefused("cursor: not one that this service gave; start again without it") from error
    number = value is None or (type(value) is int and abs(value) <= _INT64)
    if not (isinstance(digest, str) and number and isinstance(battery, str)):
        raise InputRefused("cursor: not one that this service gave; start again without it")
    if digest != question.digest():
        raise InputRefused("cursor: it belongs to another question; filters and order must stay as they were")
    return value, battery


def _cursor(question: Query, row: Any) -> str:
    value = row[_FIRST_VALUE + _SHOWN.index(question.order.removeprefix("-"))]
    return base64.urlsafe_b64encode(orjson.dumps([question.digest(), value, row[0]])).decode().rstrip("=")


def _scaled(name: str, text: str, field: Field, *, round_up: bool) -> int:
    try:
        value = Decimal(text.replace("\u2212", "-"))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 30 or len(text) > 40:
        raise InputRefused(f"{name}: expected a number in {field.unit}, got {text[:60]!r}")
    scaled = (value * field.scale).to_integral_value("ROUND_CEILING" if round_up else "ROUND_FLOOR")
    if abs(scaled) > _INT64:
        raise InputRefused(f"{name}: {text[:60]} {field.unit} is beyond every battery")
    return int(scaled)


def meant(field: Field, text: str) -> str:
    """The word of a closed list as stored: `LFP` is `Li-ion LFP`; what is no such word finds nothing."""
    attribute = REGISTRY[field.attributes[0]]
    if attribute.value.kind is not Kind.ENUMERATION:
        return text
    try:
        return str(fact_from_text(attribute, text))
    except FactsInvalid:
        return text


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAXIMUM_LIMIT):
        raise InputRefused(f"limit: expected a whole number from 1 to {MAXIMUM_LIMIT}, got {text[:60]!r}")
    return int(text)


def _refusal(names: Sequence[str]) -> str:
    many = len(names) > 1
    return (
        f"{', '.join(names)}: {'these fields speak' if many else 'this field speaks'} of the condition of one"
        " battery (Annex XIII point 4), open to persons with a legitimate interest; send a key made for them,"
        " or ask without it"
    )
