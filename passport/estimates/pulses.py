"""Pulses: tables of short current pulses on retired cells, and the few numbers that are taken from them.

The pulses of one row, as in the open PulseBat data: after ten minutes of rest (u1), in per cent of C, the
rated current of one hour: +0.5 C (u2, u3), rest (u4, u5), -0.5 C (u6, u7), rest (u8, u9), +1 C (u10, u11),
rest (u12, u13), -1 C (u14, u15), rest (u16, u17), +1.5 C (u18, u19), rest (u20, u21). Each pair is the first
and the last voltage of its part; charging is positive.

Source: S. Tao and others, "Generative learning assisted state-of-health estimation for sustainable battery
recycling with random retirement conditions", Nature Communications 2024.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from passport.errors import FormatRefused

VOLTAGES: Final = tuple(f"u{number}" for number in range(1, 22))
BATTERY: Final = ("battery", "battery_no")
RATED, MEASURED, PULSE, CHARGE, TEMPERATURE = (
    "rated_capacity_ah",
    "measured_capacity_ah",
    "pulse_s",
    "soc_pct_of_rated",
    "temperature_c",
)
_MOST_ROWS: Final = 100_000
_LARGEST_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Pulses:
    """One row: the pulses of one cell at one state of charge.

    Attributes:
        line: of the table, for messages.
        battery: name of the cell.
        rated_ah, pulse_s: what the currents and times of the pulses follow from.
        charge: state of charge, per cent of the rated capacity.
        temperature: degrees Celsius; None where it was not written down.
        voltages: u1 to u21, V.
        measured_ah: capacity by a full discharge; None where it was not measured.
    """

    line: int
    battery: str
    rated_ah: float
    pulse_s: float
    charge: float
    temperature: float | None
    voltages: tuple[float, ...]
    measured_ah: float | None

    def u(self, number: int) -> float:
        """Voltage by its number in the table, from 1."""
        return self.voltages[number - 1]

    @property
    def resistance_mohm(self) -> float:
        """Direct-current resistance over the length of a pulse, at 1 C charging."""
        return (self.u(11) - self.u(9)) / self.rated_ah * 1000


# What moves within a pulse (beyond its first instant) and what is left after its rest follow the cell's
# active material; the first instant follows contacts and leads as well, and is left out.
FEATURES: Final[Mapping[str, Callable[[Pulses], float]]] = {
    "charge": lambda row: row.charge,
    "rested": lambda row: row.u(1),
    "polarisation_at_1.5c": lambda row: row.u(19) - row.u(18),
    "polarisation_at_minus_1c": lambda row: row.u(14) - row.u(15),
    "left_after_1c": lambda row: row.u(13) - row.u(9),
    "left_after_1.5c": lambda row: row.u(21) - row.u(17),
}


def features(row: Pulses) -> tuple[float, ...]:
    """The numbers of a row, in the order of `FEATURES`."""
    return tuple(take(row) for take in FEATURES.values())


def read(data: bytes) -> list[Pulses]:
    """The rows of a CSV table; columns that are not known here are passed over.

    Raises:
        FormatRefused: a column is missing, or a value is no number or one that no cell shows.
    """
    if len(data) > _LARGEST_BYTES:
        raise FormatRefused(f"expected at most {_LARGEST_BYTES >> 20} MiB of pulses, got {len(data)} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatRefused(f"expected CSV in UTF-8; byte {error.start} is not") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = table.fieldnames or []
    except csv.Error as error:
        raise FormatRefused(f"line 1: not CSV: {error}") from error
    name = next((one for one in BATTERY if one in columns), None)
    missing = [one for one in (RATED, PULSE, CHARGE, *VOLTAGES) if one not in columns]
    if name is None:
        missing.insert(0, BATTERY[0])
    if name is None or missing:
        raise FormatRefused(f"expected a CSV of pulses; columns not found: {', '.join(missing)}")
    rows: list[Pulses] = []
    try:
        for cells in table:
            if len(rows) == _MOST_ROWS:
                raise FormatRefused(f"expected at most {_MOST_ROWS} rows of pulses")
            rows.append(_row(cells, name, table.line_num))
    except csv.Error as error:
        raise FormatRefused(f"line {table.line_num}: not CSV: {error}") from error
    if not rows:
        raise FormatRefused("expected rows of pulses below the names of the columns")
    return rows


def _row(cells: Mapping[str, str | None], name: str, line: int) -> Pulses:
    battery = (cells.get(name) or "").strip()
    if not battery:
        raise FormatRefused(f"line {line}: {name}: expected a name")
    if not set(cells).isdisjoint({None}):
        raise FormatRefused(f"line {line}: more cells than columns")

    def number(column: str, low: float, high: float) -> float:
        value = _number(cells, column, line)
        if value is None or not low < value <= high:
            raise FormatRefused(
                f"line {line}: {column}: expected a number above {low:g} up to {high:g},"
                f" got {cells[column]!r}"
            )
        return value

    temperature = _number(cells, TEMPERATURE, line)
    return Pulses(
        line=line,
        battery=battery,
        rated_ah=number(RATED, 0, 10_000),
        pulse_s=number(PULSE, 0, 3_600),
        charge=number(CHARGE, -1, 150),
        temperature=temperature,
        voltages=tuple(number(column, 0, 6) for column in VOLTAGES),
        measured_ah=None if _number(cells, MEASURED, line) is None else number(MEASURED, 0, 20_000),
    )


def _number(cells: Mapping[str, str | None], column: str, line: int) -> float | None:
    """The number in a cell; None where the column is not there or its cell is empty."""
    text = (cells.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise FormatRefused(f"line {line}: {column}: expected a number, got {text!r}") from error
    if not isfinite(value):
        raise FormatRefused(f"line {line}: {column}: expected a number, got {text!r}")
    return value
