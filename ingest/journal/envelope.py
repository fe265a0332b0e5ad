"""A batch of telemetry by HTTP: one JSON object of columns, checked as a whole before anything is stored.

```json
{"source": "gw-17", "epoch": "7",
 "sequence": {"first": 1201, "count": 3},
 "time_ms": [1790000000000, 1790000001000, null],
 "columns": [
  {"quantity": "current", "unit": "A", "exponent": -3, "values": [12500, 12480, null]},
  {"quantity": "cell_voltage", "index": 1, "unit": "V", "values": ["3.301", "3.302", "3.302"]},
  {"quantity": "protection", "values": [null, "over_current", null]}]}
```

A number is either an integer together with the column's `exponent` (a power of ten), or a decimal string. A
JSON number with a fraction is refused: too many writers make it from a binary float (docs/decisions/0032).
marshmallow looks at the envelope once; columns are looked at as arrays.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, NoReturn, Protocol

import numpy as np
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from sqlalchemy import Connection

from ingest.errors import EnvelopeRefused, IngestError
from ingest.journal.accept import EARLIEST_MS, LARGEST_SEQUENCE, LATEST_MS, accept, intake
from ingest.ports import Batteries
from schemas.reading import QUANTITIES, WIRE_UNITS, ValueKind
from schemas.samples import Bool, Column, ColumnKey, Int64, Note, Samples
from schemas.strict_json import StrictJsonError, loads
from schemas.terms import Origin, Unit

LIMIT_BYTES: Final = 1_048_576
MOST_ROWS: Final = 100_000
MOST_COLUMNS: Final = 1_024
_LARGEST: Final = 2**53 - 1
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
_PART: Final = re.compile(r"[a-z][a-z0-9_-]*/[0-9]{1,4}(/[a-z][a-z0-9_-]*/[0-9]{1,4})*")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")

# What no battery shows; narrower doubts are for plausibility. In the quantity's unit.
_POSSIBLE: Final[Mapping[str, tuple[int, int]]] = {
    "voltage": (0, 10_000),
    "current": (-100_000, 100_000),
    "state_of_charge": (0, 110),
    "bms_reported_health": (0, 200),
    "cell_voltage": (-10, 100),
    "cell_voltage_min": (-10, 100),
    "cell_voltage_max": (-10, 100),
    "cell_voltage_mean": (-10, 100),
    "cell_temperature": (-100, 1000),
    "cell_temperature_min": (-100, 1000),
    "cell_temperature_max": (-100, 1000),
    "cell_temperature_mean": (-100, 1000),
    "board_temperature": (-100, 1000),
    "ambient_temperature": (-100, 1000),
}


class EnvelopeTooLarge(EnvelopeRefused):
    """More bytes, rows or columns than one batch may hold; send it in parts."""

    code: ClassVar[str] = "ingest.envelope_too_large"
    status: ClassVar[int] = 413


class SenderRefused(IngestError):
    """The key may not send telemetry of this battery or from this source."""

    code: ClassVar[str] = "ingest.sender_refused"
    status: ClassVar[int] = 403


@dataclass(frozen=True)
class Batch:
    """What an envelope says, checked.

    Attributes:
        source: id given at commissioning.
        epoch: decimal number of the device's run, or a file's digest.
        samples: the rows, of all components the source speaks of.
    """

    source: str
    epoch: str
    samples: Samples


class Sender(Protocol):
    """Who sends, as the passport side knows the key."""

    @property
    def right(self) -> str:
        """`intake` for whoever may send."""

    @property
    def battery(self) -> str | None:
        """The only battery the key speaks of; None for no such bound."""

    @property
    def operator(self) -> str | None:
        """The only operator whose batteries the key speaks of; None for no such bound."""


class _Range(Schema):
    class Meta:
        unknown = RAISE

    first = fields.Integer(required=True, strict=True, validate=validate.Range(0, LARGEST_SEQUENCE))
    count = fields.Integer(required=True, strict=True, validate=validate.Range(0))


class _ColumnSchema(Schema):
    class Meta:
        unknown = RAISE

    quantity = fields.String(
        required=True, validate=validate.OneOf(sorted(QUANTITIES), error="is not a quantity")
    )
    index = fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, 4096))
    component = fields.String(
        allow_none=True,
        validate=[validate.Length(max=64), validate.Regexp(_PART, error="is no part, as module/2")],
    )
    kind = fields.String(allow_none=True, validate=[validate.Length(1, 24), validate.Regexp(_WORD)])
    unit = fields.String(allow_none=True)
    exponent = fields.Integer(strict=True, allow_none=True, validate=validate.Range(-12, 6))
    origin = fields.Enum(Origin, by_value=True)
    values = fields.Raw(required=True)


class _Envelope(Schema):
    class Meta:
        unknown = RAISE

    source = fields.String(required=True, validate=validate.Length(1, 128))
    epoch = fields.String(required=True, validate=validate.Length(1, 80))
    absolute = fields.Boolean(truthy={True}, falsy={False})
    sequence = fields.Raw(required=True)
    time_ms = fields.Raw(required=True)
    columns = fields.List(fields.Nested(_ColumnSchema), required=True)


_ENVELOPE: Final = _Envelope()


def parse(body: bytes, *, limit_bytes: int = LIMIT_BYTES) -> Batch:
    """The batch that a body holds.

    Raises:
        EnvelopeTooLarge: more bytes, rows or columns than one batch may hold.
        EnvelopeRefused: anything else; the sentence names column and row.
    """
    if len(body) > limit_bytes:
        raise EnvelopeTooLarge(
            f"a batch has at most {limit_bytes} bytes, this one has {len(body)}; send it in parts"
        )
    try:
        document = loads(body, limit_bytes=limit_bytes, max_depth=8)
    except StrictJsonError as error:
        raise EnvelopeRefused(f"the batch is not strict JSON: {error}") from error
    if not isinstance(document, dict):
        raise EnvelopeRefused(f"a batch is a JSON object, found {_kind(document)}")
    columns = document.get("columns")
    if isinstance(columns, list) and len(columns) > MOST_COLUMNS:
        raise EnvelopeTooLarge(f"a batch has at most {MOST_COLUMNS} columns, this one has {len(columns)}")
    try:
        envelope: dict[str, Any] = _ENVELOPE.load(document)
    except ValidationError as error:
        raise EnvelopeRefused(f"the batch is malformed: {_sentence(error.messages)}") from error
    sequence = _sequence(envelope["sequence"])
    if len(sequence) > MOST_ROWS:
        raise EnvelopeTooLarge(
            f"a batch has at most {MOST_ROWS} rows, this one has {len(sequence)}; send it in parts"
        )
    time_ms, timed = _integers("time_ms", envelope["time_ms"], len(sequence))
    _within("time_ms", time_ms, timed, EARLIEST_MS, LATEST_MS)
    found: dict[ColumnKey, Column] = {}
    notes: list[Note] = []
    seen: set[ColumnKey] = set()
    for raw in envelope["columns"]:
        key = ColumnKey(raw["quantity"], raw.get("index"), raw.get("component"), raw.get("kind"))
        _check_column(key, raw)
        if key in seen:
            raise EnvelopeRefused(f"column {key} stands twice")
        seen.add(key)
        column = _column(key, raw, sequence, notes)
        if column is not None and column.valid.any():
            found[key] = column
    notes.sort(key=lambda note: (note.sequence, note.key))
    samples = Samples(sequence, time_ms, timed, found, tuple(notes), envelope.get("absolute", True))
    return Batch(envelope["source"], envelope["epoch"], samples)


def receive(
    body: bytes,
    sender: Sender,
    *,
    writing: Callable[[], AbstractContextManager[Connection]],
    batteries: Batteries,
    now: datetime,
) -> Mapping[str, Any]:
    """Accept a body; the receipt, which may be answered as soon as this returns: the rows are durable.

    The source's components go to the batteries they are bound to, all in one transaction. A key that speaks
    of one battery only binds its source with the first batch.

    Raises:
        EnvelopeRefused: the batch is malformed, or a component is bound to nobody.
        SenderRefused: the key may not send this.
        SequenceConflict: other content is stored under one of the numbers.
        JournalUnavailable: the batch could not be made durable.
    """
    if sender.right != "intake":
        raise SenderRefused("this key reads; telemetry is sent with a key for intake")
    if sender.battery is None and sender.operator is not None:
        raise SenderRefused("a key that sends telemetry names its battery")
    batch = parse(body)
    with intake(writing, received_at=now) as connection:
        bound = _bound(connection, batch, sender, batteries, now)
        receipts = []
        for battery, samples in _by_battery(batch, bound).items():
            receipt = accept(
                connection,
                battery=battery,
                source=batch.source,
                epoch=batch.epoch,
                samples=samples,
                received_at=now,
            )
            if receipt.accepted:
                batteries.mark_dirty(connection, battery, at=now)
            receipts.append(receipt)
    return {
        "source": batch.source,
        "epoch": batch.epoch,
        "receipts": [
            {
                "battery": receipt.battery,
                "accepted": receipt.accepted,
                "duplicates": receipt.duplicates,
                "contiguous": receipt.contiguous,
                "digest": receipt.digest,
            }
            for receipt in receipts
        ],
    }


def _bound(
    connection: Connection, batch: Batch, sender: Sender, batteries: Batteries, now: datetime
) -> Mapping[str | None, str]:
    bound = batteries.bound(connection, batch.source)
    if sender.battery is None:
        return bound
    if not bound:
        try:
            batteries.bind(connection, battery=sender.battery, source=batch.source, component=None, at=now)
        except ValueError as error:
            raise SenderRefused(f"source {batch.source} cannot be bound: {error}") from error
        return {None: sender.battery}
    if set(bound.values()) != {sender.battery}:
        raise SenderRefused(f"source {batch.source} is not bound to this key's battery")
    return bound


def _by_battery(batch: Batch, bound: Mapping[str | None, str]) -> dict[str, Samples]:
    """The rows of each battery; what a bound component says of itself is, for its battery, the whole."""
    samples = batch.samples
    columns: dict[str, dict[ColumnKey, Column]] = {}
    notes: dict[str, list[Note]] = {}
    renamed: dict[str, tuple[str, str]] = {}

    def place(key: ColumnKey) -> tuple[str, ColumnKey]:
        owner = _owner(key.component, bound)
        if owner not in bound:
            raise EnvelopeRefused(
                f"column {key}: {key.component or 'the device'} of source {batch.source} is bound to no "
                "battery"
            )
        own = None if key.component == owner else key.component
        if own is not None and owner is not None:
            own = own.removeprefix(f"{owner}/")
        return bound[owner], ColumnKey(key.quantity, key.index, own, key.kind)

    for key, column in samples.columns.items():
        battery, own = place(key)
        columns.setdefault(battery, {})[own] = column
    for note in samples.notes:
        if note.key not in renamed:
            battery, own = place(ColumnKey.parse(note.key))
            renamed[note.key] = (battery, str(own))
        battery, name = renamed[note.key]
        notes.setdefault(battery, []).append(Note(note.sequence, name, note.text, note.absence, note.doubts))
    return {
        battery: Samples(
            samples.sequence,
            samples.time_ms,
            samples.timed,
            columns.get(battery, {}),
            tuple(sorted(notes.get(battery, ()), key=lambda note: (note.sequence, note.key))),
            samples.absolute,
        )
        for battery in sorted({*columns, *notes})
    }


def _owner(component: str | None, bound: Mapping[str | None, str]) -> str | None:
    """The bound part that a component is, or belongs to; None for the whole device."""
    while component is not None and component not in bound:
        component = component.rpartition("/")[0].rpartition("/")[0] or None
    return component


def _check_column(key: ColumnKey, raw: Mapping[str, Any]) -> None:
    row = QUANTITIES[key.quantity]
    if key.index is not None and not row.indexed:
        raise EnvelopeRefused(f"column {key}: {key.quantity} has no positions")
    if key.index is None and key.quantity in {"cell_voltage", "cell_temperature", "cell_resistance"}:
        raise EnvelopeRefused(f"column {key}: expected an index from 1, as every cell has its own column")
    if (key.kind is not None) != (key.quantity == "event_count"):
        raise EnvelopeRefused(
            f"column {key}: a kind names what an event_count counts, and stands nowhere else"
        )
    unit = raw.get("unit")
    known = WIRE_UNITS.get(row.unit, row.unit.value)
    if unit not in ({None, known, row.unit.value} if row.unit is Unit.ONE else {known, row.unit.value}):
        raise EnvelopeRefused(f"column {key}: expected unit {known}, found {unit!r}")
    if raw.get("exponent") is not None and row.kind is not ValueKind.NUMBER:
        raise EnvelopeRefused(f"column {key}: a {row.kind.value} has no exponent")


def _sequence(raw: Any) -> Int64:
    if isinstance(raw, dict):
        try:
            span = _Range().load(raw)
        except ValidationError as error:
            raise EnvelopeRefused(f"sequence: {_sentence(error.messages)}") from error
        if span["count"] > MOST_ROWS:
            raise EnvelopeTooLarge(f"a batch has at most {MOST_ROWS} rows, this one has {span['count']}")
        return np.arange(span["first"], span["first"] + span["count"], dtype=np.int64)
    if not isinstance(raw, list):
        raise EnvelopeRefused(f"sequence: expected a list of numbers or first and count, found {_kind(raw)}")
    values, valid = _integers("sequence", raw, len(raw))
    if not valid.all():
        _refuse("sequence", int(np.argmin(valid)), "a number", None)
    _within("sequence", values, valid, 0, LARGEST_SEQUENCE)
    falls = np.flatnonzero(values[1:] <= values[:-1])
    if len(falls):
        row = int(falls[0]) + 1
        _refuse("sequence", row, f"a number above {values[row - 1]}", int(values[row]))
    return values


def _column(key: ColumnKey, raw: Mapping[str, Any], sequence: Int64, notes: list[Note]) -> Column | None:
    """The column's integers; a text column becomes notes."""
    name, values, row = str(key), raw["values"], QUANTITIES[key.quantity]
    if not isinstance(values, list) or len(values) != len(sequence):
        found = f"{len(values)} values" if isinstance(values, list) else _kind(values)
        raise EnvelopeRefused(
            f"column {name}: expected {len(sequence)} values, one for each row, found {found}"
        )
    origin = raw.get("origin", Origin.NATIVE)
    if row.kind is ValueKind.TEXT:
        _texts(name, values, sequence, notes)
        return None
    if row.kind is ValueKind.FLAG:
        _types(name, values, (bool,), "true, false or null")
        valid = np.array([value is not None for value in values], np.bool_)
        return Column(np.array([bool(value) for value in values], np.int64), valid, 0, origin)
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {str}:
        numbers, valid, exponent = _decimals(name, values, row.exponent)
    else:
        numbers, valid = _integers(name, values, len(values))
        exponent = raw.get("exponent") or 0
    if key.quantity in _POSSIBLE:
        low, high = (Decimal(bound).scaleb(-exponent) for bound in _POSSIBLE[key.quantity])
        _within(name, numbers, valid, int(low), int(high), exponent)
    return Column(numbers, valid, exponent, origin)


def _texts(name: str, values: Sequence[Any], sequence: Int64, notes: list[Note]) -> None:
    _types(name, values, (str,), "a text or null")
    for row, value in enumerate(values):
        if value is None:
            continue
        if len(value) > 200 or not value.isprintable():
            _refuse(name, row, "at most 200 printable characters", value[:40])
        notes.append(Note(int(sequence[row]), name, value))


def _decimals(name: str, values: Sequence[Any], usual: int) -> tuple[Int64, Bool, int]:
    """Decimal strings as integers at the quantity's exponent, or a finer one where a value needs it."""
    _types(name, values, (str,), "a decimal string or null")
    finest = usual
    for row, value in enumerate(values):
        if value is None:
            continue
        if not _DECIMAL.fullmatch(value):
            _refuse(name, row, "a plain decimal number", value[:40])
        finest = min(finest, -len(value.partition(".")[2].rstrip("0")))
    numbers = np.zeros(len(values), np.int64)
    valid = np.zeros(len(values), np.bool_)
    for row, value in enumerate(values):
        if value is not None:
            number = int(Decimal(value).scaleb(-finest))
            if abs(number) > _LARGEST:
                _refuse(name, row, f"at most {_LARGEST} steps of 1e{finest}", value)
            numbers[row], valid[row] = number, True
    return numbers, valid, finest


def _integers(name: str, raw: Any, count: int) -> tuple[Int64, Bool]:
    """Integers and where they stand; null is no value."""
    if not isinstance(raw, list) or len(raw) != count:
        found = f"{len(raw)} values" if isinstance(raw, list) else _kind(raw)
        raise EnvelopeRefused(f"{name}: expected {count} values, one for each row, found {found}")
    _types(name, raw, (int,), "an integer (or decimal strings throughout) or null")
    if type(None) in set(map(type, raw)):
        valid = np.array([value is not None for value in raw], np.bool_)
        return np.array([value or 0 for value in raw], np.int64), valid
    return np.array(raw, np.int64), np.ones(count, np.bool_)


def _types(name: str, values: Sequence[Any], wanted: tuple[type, ...], expected: str) -> None:
    allowed = {*wanted, type(None)}
    if set(map(type, values)) <= allowed:
        return
    row = next(row for row, value in enumerate(values) if type(value) not in allowed)
    value = values[row]
    _refuse(name, row, expected, value if isinstance(value, (str, int, Decimal)) else _kind(value))


def _within(name: str, values: Int64, valid: Bool, low: int, high: int, exponent: int = 0) -> None:
    wrong = valid & ((values < low) | (values > high))
    if wrong.any():
        row = int(np.argmax(wrong))
        scale = f"e{exponent}" if exponent else ""
        _refuse(name, row, f"{low}{scale} to {high}{scale}", f"{values[row]}{scale}")


def _refuse(name: str, row: int, expected: str, found: object) -> NoReturn:
    raise EnvelopeRefused(f"column {name}, row {row}: expected {expected}, found {str(found)[:60]}")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")


def _sentence(messages: Any, path: str = "") -> str:
    """Marshmallow's nested messages as one line, the first three."""
    found: list[str] = []

    def walk(part: Any, at: str) -> None:
        if isinstance(part, dict):
            for name, inner in part.items():
                walk(inner, f"{at}.{name}" if at else str(name))
        else:
            texts = part if isinstance(part, list) else [part]
            found.extend(f"{at}: {str(text).rstrip('.')}" for text in texts)

    walk(messages, path)
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more
