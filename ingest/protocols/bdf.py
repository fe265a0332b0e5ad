"""Battery Data Format: measurements of one cell or battery as CSV or Parquet, as laboratories write them.

A table whose columns carry their unit in their name. `test_time_second`, `voltage_volt` and `current_ampere`
are owed; current is positive while charging, as here. Each row is a record. Without `unix_time_second` a row
knows only how long after the beginning of the test it was taken; `--start` says when that was.

Charge and energy of a step begin anew where the cycler's program says so, and the cycle count is the
program's, so none of these is taken for a counter of the battery; `cycle_count` is read as derived.

Source: Battery Data Alliance, Battery Data Format (names of columns, both spellings); older files count
milliseconds and call the cycle `cycle_dimensionless`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import ClassVar, Final

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Refused
from ingest.records import LineFramer, Record, RecordProtocol, cells
from schemas.reading import Reading
from schemas.terms import Origin, ReadingAbsence

OWED: Final = ("test_time_second", "voltage_volt", "current_ampere")
_TIMES: Final[Mapping[str, tuple[str, Decimal]]] = {
    "unix_time_second": ("at", Decimal(1)),
    "date_time_millisecond": ("at", Decimal("0.001")),
    "test_time_second": ("after", Decimal(1)),
    "test_time_millisecond": ("after", Decimal("0.001")),
}
_COLUMNS: Final[Mapping[str, tuple[str, Origin]]] = {
    "voltage_volt": ("voltage", Origin.NATIVE),
    "current_ampere": ("current", Origin.NATIVE),
    "power_watt": ("power", Origin.DERIVED),
    "ambient_temperature_celsius": ("ambient_temperature", Origin.NATIVE),
    "surface_temperature_celsius": ("cell_temperature", Origin.NATIVE),
    "cycle_count": ("cycle_count", Origin.DERIVED),
    "cycle_dimensionless": ("cycle_count", Origin.DERIVED),
}
# Quantities that a page of facts lists; none of them lies at an offset.
ALSO: Final = tuple(sorted({quantity for quantity, _ in _COLUMNS.values()} | {"cell_temperature"}))
_SENSOR: Final = re.compile(r"(?:surface_)?temperature_t(\d{1,2})_celsius")
# The readable spelling of a column, "Voltage / V", with the unit as it stands behind the stroke.
_UNITS: Final = {
    "s": "second",
    "v": "volt",
    "a": "ampere",
    "w": "watt",
    "1": "",
    "degc": "celsius",
    "°c": "celsius",
    "c": "celsius",
}
# Cyclers measure microvolts at best; digits beyond come from binary numbers.
_FINEST: Final = Decimal("0.000001")
_MOST: Final = Decimal(10) ** 15
_LAST_SECOND: Final = Decimal(253_402_300_799)
# A test time that falls by more than this and is back in the next row is a fault of the file.
_FALL: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class _Column:
    place: int
    quantity: str
    index: int | None
    origin: Origin


@dataclass(frozen=True)
class _Head:
    width: int
    columns: tuple[_Column, ...]
    times: Mapping[str, tuple[int, Decimal]]


def _plain(name: str) -> str:
    """The machine's spelling of a column's name."""
    words, stroke, unit = name.partition("/")
    text = "_".join(words.lower().split())
    if stroke:
        unit = _UNITS.get(unit.strip().lower(), unit.strip().lower())
        text = f"{text}_{unit}" if unit else text
    return text


@lru_cache(maxsize=64)
def _head(line: bytes) -> _Head:
    names = [_plain(name) for name in cells(line)]
    columns: list[_Column] = []
    times: dict[str, tuple[int, Decimal]] = {}
    for place, name in enumerate(names):
        if name in _TIMES:
            kind, scale = _TIMES[name]
            times.setdefault(kind, (place, scale))
        elif name in _COLUMNS:
            quantity, origin = _COLUMNS[name]
            index = 1 if quantity == "cell_temperature" else None
            if all((one.quantity, one.index) != (quantity, index) for one in columns):
                columns.append(_Column(place, quantity, index, origin))
        elif sensor := _SENSOR.fullmatch(name):
            columns.append(_Column(place, "cell_temperature", int(sensor[1]), Origin.NATIVE))
    found = {one.quantity for one in columns}
    if not {"voltage", "current"} <= found or not times or len(set(names)) != len(names):
        raise Damage(
            Fault.FOREIGN,
            expected=f"the columns {', '.join(OWED)}, each once",
            came=", ".join(names)[:200],
            where="the head of the table",
        )
    return _Head(len(names), tuple(columns), times)


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > _MOST:
        return None
    exponent = value.as_tuple().exponent
    # Nought has no sign here.
    return (value.quantize(_FINEST) if isinstance(exponent, int) and exponent < -6 else value) + 0


class BdfFramer(LineFramer):
    """The first line names the columns; every other one is a record.

    A row whose test time falls waits for the next one: where that is back at or above the time before the
    fall, the row's time is wrong and the row is refused; where it is not, the test began anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line: bytes | None = None
        self._columns: _Head | None = None
        self._before: timedelta | None = None  # test time of the last row that did not fall
        self._fallen: Record | None = None

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """The records of all lines that are whole now, but for one that waits."""
        return [out for found in super().feed(data) for out in self._in_time(found)]

    def flush(self) -> list[Frame | Refused]:
        """The record that waited, and that of the last line, which has no end."""
        out = [out for found in super().flush() for out in self._in_time(found)]
        last, self._fallen = self._fallen, None
        return [*out, *([last] if last is not None else [])]

    def _in_time(self, found: Frame | Refused) -> list[Frame | Refused]:
        """What is sure now: nothing while a fallen row waits, else it and what came after it."""
        # A row with a time of day is placed by that, whatever its test time says.
        if not isinstance(found, Record) or found.after is None or found.at is not None:
            return [found]
        fallen, self._fallen = self._fallen, None
        before, out = self._before, list[Frame | Refused]()
        if fallen is not None and fallen.after is not None and before is not None:
            if found.after >= before:
                out.append(_refused(fallen, before, found.after))
            else:
                out.append(fallen)
                before = fallen.after
        if before is not None and before - found.after > _FALL:
            self._before, self._fallen = before, found
            return out
        self._before = found.after
        return [*out, found]

    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a row."""
        if self._line is None:
            self._line = line
            self._columns = _head(line)
            return None
        if self._columns is None:
            return None  # the head was refused, and with it what it would have named
        row = cells(line)
        if len(row) != self._columns.width:
            raise Damage(
                Fault.LENGTH,
                expected=f"{self._columns.width} cells",
                came=f"{len(row)}",
                where="the row",
            )
        at, after = _times(row, self._columns)
        raw = self._line + b"\n" + line
        return Record(raw, position, command=0, payload=line, at=at, after=after, head=self._line)


def _refused(row: Record, before: timedelta, back: timedelta) -> Refused:
    """That a row's time lies far below both of its neighbours'."""
    assert row.after is not None  # only such a row falls
    damage = Damage(
        Fault.BACKWARDS,
        expected=f"a test time from {_seconds(before)} to {_seconds(back)} s",
        came=f"{_seconds(row.after)} s",
        where="the row between those two",
    )
    return Refused.of(damage, row.payload, row.position)


def _seconds(span: timedelta) -> str:
    return format(Decimal(span // timedelta(milliseconds=1)).scaleb(-3).normalize(), "f")


def _times(row: list[str], head: _Head) -> tuple[datetime | None, timedelta | None]:
    out: dict[str, Decimal] = {}
    for kind, (place, scale) in head.times.items():
        value = _number(row[place])
        if value is not None and 0 <= value * scale <= _LAST_SECOND:
            out[kind] = value * scale
    at, after = out.get("at"), out.get("after")
    return (
        None if at is None else datetime.fromtimestamp(0, UTC) + _span(at),
        None if after is None else _span(after),
    )


def _span(seconds: Decimal) -> timedelta:
    return timedelta(milliseconds=int((seconds * 1000).to_integral_value()))


class Bdf(RecordProtocol):
    """See the module."""

    name: ClassVar[str] = "bdf"
    title: ClassVar[str] = "Battery Data Format (CSV, Parquet)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN

    def framer(self) -> Framer:
        """A new framer."""
        return BdfFramer()

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, Record)
        head, row = _head(frame.head), cells(frame.payload)
        readings = []
        for column in head.columns:
            value = _number(row[column.place])
            absence = ReadingAbsence.NOT_READ if value is None else None
            readings.append(
                Reading(
                    column.quantity,
                    value,
                    index=column.index,
                    absence=absence,
                    origin=column.origin,
                    measured_at=frame.at,
                )
            )
        return readings


PROTOCOL: Final = Bdf()
