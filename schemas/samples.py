"""Samples: many readings of one battery from one source, as columns of scaled integers.

This is the shape in which telemetry is accepted, stored and folded. A row is what one poll, one frame or one
log line said at one moment; a column is one quantity at one position. Values are integers times a power of
ten, so sums are exact and the order of arithmetic cannot be seen in the result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from schemas.reading import QUANTITIES, Reading, ValueKind
from schemas.terms import Origin

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64_MAX = 2**63 - 1

# Several of these may be active at once in one row: the condition's name is part of the column's key.
_CONDITIONS = frozenset({"alarm", "warning", "protection"})


@dataclass(frozen=True)
class ColumnKey:
    """Names a column: quantity, position, part and counted kind; sorts in that order."""

    quantity: str
    index: int | None = None
    component: str | None = None
    kind: str | None = None

    def __str__(self) -> str:
        """`component:quantity/index#kind`, the spelling used in stored chunks."""
        text = f"{self.component}:" if self.component else ""
        text += self.quantity
        text += f"/{self.index}" if self.index is not None else ""
        return text + (f"#{self.kind}" if self.kind is not None else "")

    @classmethod
    def parse(cls, text: str) -> "ColumnKey":
        """The inverse of `str()`.

        Raises:
            ValueError: the quantity is unknown or the index is no number.
        """
        rest, _, kind = text.partition("#")
        component, _, rest = rest.rpartition(":")
        quantity, _, index = rest.partition("/")
        if quantity not in QUANTITIES:
            raise ValueError(f"unknown quantity {quantity!r} in column {text!r}")
        return cls(quantity, int(index) if index else None, component or None, kind or None)


@dataclass(frozen=True)
class Column:
    """One quantity over all rows.

    Attributes:
        values: int64, one per row; what stands where `valid` is False is 0 and means nothing.
        valid: bool, one per row.
        exponent: a value is `values[n] * 10**exponent` in the quantity's unit; flags are 0 and 1.
        origin: how the device came to it.
    """

    values: Int64
    valid: Bool
    exponent: int
    origin: Origin = Origin.NATIVE

    def decimal(self, row: int) -> Decimal | None:
        """The value in row `row`, exactly; None where the row has none."""
        return Decimal(int(self.values[row])).scaleb(self.exponent) if self.valid[row] else None


@dataclass(frozen=True)
class Note:
    """What a number column cannot hold: texts, absences, doubts.

    Attributes:
        sequence: of the row it belongs to.
        key: column it speaks of, as `str(ColumnKey)`.
        text: value of a text quantity; None for numbers and flags.
        absence: reason for a missing value; None when there is a value.
        doubts: codes of the rules that distrust it.
    """

    sequence: int
    key: str
    text: str | None = None
    absence: str | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Rows of one battery from one source in one epoch, sequence strictly ascending.

    Attributes:
        sequence: int64, strictly ascending, unique within (source, epoch).
        time_ms: int64, milliseconds since 1970 UTC (or since the start of the test when `absolute` is False).
        timed: bool per row; False where the row has no time at all.
        absolute: False when times are relative to an unknown start.
        columns: by key.
        notes: ascending by (sequence, key).
    """

    sequence: Int64
    time_ms: Int64
    timed: Bool
    columns: Mapping[ColumnKey, Column]
    notes: tuple[Note, ...] = ()
    absolute: bool = True

    def __len__(self) -> int:
        """How many rows."""
        return len(self.sequence)


@dataclass(frozen=True)
class Chunk:
    """Stored samples with their place in the order of folding.

    Attributes:
        battery: battery id.
        source: id given at commissioning.
        epoch: `"7"` for the seventh run of a device, `"sha256:..."` for a file.
        arrival: ascending number the journal gave when the rows became durable.
        samples: the rows.
    """

    battery: str
    source: str
    epoch: str
    arrival: int
    samples: Samples


@dataclass
class SamplesBuilder:
    """Collects readings row by row and gives Samples; the only place where Decimals become integers."""

    absolute: bool = True
    _rows: list[tuple[int, datetime | None, tuple[Reading, ...]]] = field(default_factory=list)

    def add(self, sequence: int, at: datetime | None, readings: Iterable[Reading]) -> None:
        """Append one row; `at` is aware or None."""
        self._rows.append((sequence, at, tuple(readings)))

    def build(self) -> Samples:
        """All rows so far, ordered by sequence.

        A second reading of the same column in one row replaces the first: the later frame is newer.

        Raises:
            ValueError: two rows share a sequence number, or a value outgrows 64 bits at its exponent.
        """
        rows = sorted(self._rows, key=lambda row: row[0])
        count = len(rows)
        sequence = np.fromiter((row[0] for row in rows), np.int64, count)
        if count > 1 and not bool(np.all(np.diff(sequence) > 0)):
            raise ValueError("two rows share a sequence number")
        timed = np.fromiter((row[1] is not None for row in rows), np.bool_, count)
        time_ms = np.fromiter((_milliseconds(row[1]) if row[1] else 0 for row in rows), np.int64, count)
        cells: dict[ColumnKey, dict[int, Reading]] = {}
        for number, (_, _, readings) in enumerate(rows):
            for reading in readings:
                named = str(reading.value) if reading.quantity in _CONDITIONS and reading.value else None
                key = ColumnKey(reading.quantity, reading.index, reading.component, reading.kind or named)
                cells.setdefault(key, {})[number] = reading
        columns: dict[ColumnKey, Column] = {}
        notes: list[Note] = []
        for key in sorted(cells, key=str):
            by_row = cells[key]
            kind = QUANTITIES[key.quantity].kind
            if kind is not ValueKind.TEXT and any(r.value is not None for r in by_row.values()):
                columns[key] = _column(key, by_row, count)
            for number, reading in by_row.items():
                text = reading.value if isinstance(reading.value, str) else None
                if text is not None or reading.absence or reading.doubts:
                    notes.append(
                        Note(
                            int(sequence[number]),
                            str(key),
                            text,
                            reading.absence.value if reading.absence else None,
                            reading.doubts,
                        )
                    )
        notes.sort(key=lambda note: (note.sequence, note.key))
        return Samples(sequence, time_ms, timed, columns, tuple(notes), self.absolute)


def _milliseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("a sample's time needs a zone")
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _column(key: ColumnKey, by_row: Mapping[int, Reading], count: int) -> Column:
    values = np.zeros(count, np.int64)
    valid = np.zeros(count, np.bool_)
    exponent = column_exponent(
        key.quantity, [r.value for r in by_row.values() if isinstance(r.value, Decimal)]
    )
    origin = Origin.NATIVE
    for number, reading in by_row.items():
        if reading.value is None:
            continue
        scaled = (
            int(reading.value.scaleb(-exponent)) if isinstance(reading.value, Decimal) else int(reading.value)
        )
        if abs(scaled) > _INT64_MAX:
            raise ValueError(f"{key}: {reading.value} does not fit a stored integer")
        values[number] = scaled
        valid[number] = True
        origin = reading.origin
    return Column(values, valid, exponent, origin)


def column_exponent(quantity: str, values: Sequence[Decimal]) -> int:
    """The exponent that holds every value exactly: the quantity's own, or finer where the device is finer."""
    exponent = QUANTITIES[quantity].exponent
    for value in values:
        own = value.normalize().as_tuple().exponent
        exponent = min(exponent, own if isinstance(own, int) else exponent)
    return exponent
