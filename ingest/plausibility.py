"""Doubts about readings: rules that distrust a value and say why; they never drop or change one.

Each rule is an entry: code, severity, reason, and a condition over one reading and what is known of its
component. A protocol module adds doubts of its own where only it can know; `PROTOCOL_DOUBTS` lists them too.

Source: ranges and sentinels as field reports give them (docs/decisions/0014).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum, unique
from functools import cached_property
from types import MappingProxyType
from typing import Final

from schemas.reading import Reading

# A device has few positions and parts; more is not remembered, so a hostile line cannot fill memory.
_REMEMBERED: Final = 4096

Key = tuple[str, int | None]


@unique
class Severity(StrEnum):
    """What a doubt calls for; the reading stays in every case."""

    WARN = "warn"  # told, and used
    QUARANTINE = "quarantine"  # told, and not used in sums and extremes


@dataclass
class Memory:
    """The last value of each quantity and position, by component; one Memory for each source."""

    _values: dict[str | None, dict[Key, Decimal]] = field(default_factory=dict)
    _count: int = 0

    def note(self, reading: Reading) -> None:
        """Remember a number; later ones replace it."""
        if not isinstance(reading.value, Decimal):
            return
        values = self._values.setdefault(reading.component, {})
        key = (reading.quantity, reading.index)
        if key not in values:
            if self._count >= _REMEMBERED:
                return
            self._count += 1
        values[key] = reading.value

    def about(self, component: str | None) -> "Known":
        """What is known of one component."""
        return Known(self._values.get(component, {}))


@dataclass(frozen=True)
class Known:
    """The last numbers of one component."""

    values: dict[Key, Decimal]

    def get(self, quantity: str) -> Decimal | None:
        """The last value of a quantity that has no position; None when it never came."""
        return self.values.get((quantity, None))

    def extreme(self, quantity: str) -> Decimal | None:
        """The last value of a quantity whatever position it names; None when it never came."""
        return next((value for (name, _), value in self.values.items() if name == quantity), None)

    @cached_property
    def positions(self) -> int:
        """How many cell positions were ever read."""
        return sum(name == "cell_voltage" for name, _ in self.values)

    @cached_property
    def cells(self) -> tuple[Decimal, ...]:
        """The last voltages of the cells that show one."""
        return tuple(value for (name, _), value in self.values.items() if name == "cell_voltage" and value)


Condition = Callable[[Reading, Known], bool]


@dataclass(frozen=True)
class Rule:
    """One reason to distrust.

    Attributes:
        code: what stands in a reading's `doubts`.
        severity: what it calls for.
        reason: a sentence for people.
        quantities: which readings it looks at.
        doubts: True when the reading is to be distrusted, given what is known of its component.
    """

    code: str
    severity: Severity
    reason: str
    quantities: frozenset[str]
    doubts: Condition


_TEMPERATURES: Final = frozenset(
    {
        "cell_temperature",
        "board_temperature",
        "ambient_temperature",
        "cell_temperature_min",
        "cell_temperature_max",
        "cell_temperature_mean",
    }
)
_CAPACITIES: Final = frozenset({"full_charge_capacity", "nameplate_capacity"})


def _number(reading: Reading) -> Decimal:
    assert isinstance(reading.value, Decimal)  # `doubt` asks rules about numbers only
    return reading.value


# Raw nought with the usual offset of 40. Other sentinels (all bits set, only the highest, nought in tenths
# of a kelvin) lie far outside what a battery survives.
_NO_TEMPERATURE: Final = Decimal(-40)


def _no_sensor(reading: Reading, known: Known) -> bool:
    del known
    return _number(reading) == _NO_TEMPERATURE or not Decimal(-100) < _number(reading) < Decimal(200)


_NO_CELL: Final = frozenset(Decimal(text) for text in ("5.000", "65.535", "65.534", "32.767", "1.281"))


def _cell_sentinel(reading: Reading, known: Known) -> bool:
    del known
    return _number(reading) in _NO_CELL or not 0 <= _number(reading) < 10


def _cell_lost(reading: Reading, known: Known) -> bool:
    """The cell count says that the position is fitted, and it shows nothing."""
    count = known.get("cell_count")
    return not _number(reading) and count is not None and (reading.index or 0) <= count


def _outside(low: int, high: int) -> Condition:
    return lambda reading, _: not low <= _number(reading) <= high


def _health(reading: Reading, known: Known) -> bool:
    del known
    return not 0 < _number(reading) <= 110


def _nothing(reading: Reading, known: Known) -> bool:
    del known
    return _number(reading) == 0


def _sum_of_cells(reading: Reading, known: Known) -> bool:
    """All counted cells were read and their sum is more than 1 % off the pack's voltage."""
    del reading
    pack, count = known.get("voltage"), known.get("cell_count")
    if not pack or not known.cells or (count is not None and len(known.cells) != count):
        return False
    return abs(sum(known.cells, Decimal(0)) - pack) > abs(pack) / 100


def _disordered(stem: str) -> Condition:
    def doubts(reading: Reading, known: Known) -> bool:
        del reading
        low, mean, high = (known.extreme(f"{stem}_{part}") for part in ("min", "mean", "max"))
        present = [value for value in (low, mean, high) if value is not None]
        return present != sorted(present)

    return doubts


def _count_differs(reading: Reading, known: Known) -> bool:
    del reading
    count = known.get("cell_count")
    return count is not None and bool(known.positions) and len(known.cells) != count


RULES: Final = (
    Rule(
        "no_sensor",
        Severity.QUARANTINE,
        "what a sensor that is not fitted shows, or no temperature that a battery survives",
        _TEMPERATURES,
        _no_sensor,
    ),
    Rule(
        "no_cell_voltage",
        Severity.QUARANTINE,
        "a value that devices send where they have no cell voltage",
        frozenset({"cell_voltage", "cell_voltage_min", "cell_voltage_max", "cell_voltage_mean"}),
        _cell_sentinel,
    ),
    Rule(
        "cell_lost",
        Severity.QUARANTINE,
        "nothing at a position that the device counts as a cell: broken wire or dead cell",
        frozenset({"cell_voltage"}),
        _cell_lost,
    ),
    Rule(
        "charge_out_of_range",
        Severity.QUARANTINE,
        "a state of charge outside 0 to 100 %: shifted field or skipped checksum",
        frozenset({"state_of_charge"}),
        _outside(0, 100),
    ),
    Rule(
        "health_out_of_range",
        Severity.QUARANTINE,
        "a health of 0 % or above 110 %: not measured, or a shifted field",
        frozenset({"bms_reported_health"}),
        _health,
    ),
    Rule(
        "capacity_zero",
        Severity.QUARANTINE,
        "a capacity of nought: nobody set it, or nothing was learned",
        _CAPACITIES,
        _nothing,
    ),
    Rule(
        "counter_corrupt",
        Severity.QUARANTINE,
        "65 000 cycles and more are a known corruption of this counter",
        frozenset({"cycle_count"}),
        lambda reading, _: _number(reading) >= 65000,
    ),
    Rule(
        "cells_against_pack",
        Severity.WARN,
        "the sum of the cells is more than 1 % off the pack's voltage: wrong scale, or another moment",
        frozenset({"voltage", "cell_voltage"}),
        _sum_of_cells,
    ),
    Rule(
        "extremes_disordered",
        Severity.WARN,
        "lowest, mean and highest cell voltage are not in this order",
        frozenset({"cell_voltage_min", "cell_voltage_mean", "cell_voltage_max"}),
        _disordered("cell_voltage"),
    ),
    Rule(
        "extremes_disordered",
        Severity.WARN,
        "lowest, mean and highest temperature are not in this order",
        frozenset({"cell_temperature_min", "cell_temperature_mean", "cell_temperature_max"}),
        _disordered("cell_temperature"),
    ),
    Rule(
        "cell_count_differs",
        Severity.WARN,
        "the device counts another number of cells than show a voltage",
        frozenset({"cell_count"}),
        _count_differs,
    ),
)


# Doubts that protocol modules add themselves, because only they see the bytes.
PROTOCOL_DOUBTS: Final[Mapping[str, tuple[Severity, str]]] = MappingProxyType(
    {
        "not_fitted": (Severity.QUARANTINE, "no voltage at this position: not fitted, or its wire is broken"),
        "repeats_nominal": (
            Severity.WARN,
            "the learned capacity repeats the nominal one: nothing was learned",
        ),
        "saturated": (Severity.QUARANTINE, "the field is full of ones: the true value is larger, or missing"),
        "lowest_of_scale": (Severity.QUARANTINE, "the field is nought: the true value is lower, or missing"),
        "past_event": (Severity.QUARANTINE, "an entry of the device's log, not its present state"),
        "place_unproven": (Severity.QUARANTINE, "where this lies in the frame is suspected, not known"),
        "scale_unproven": (Severity.QUARANTINE, "public sources disagree on the scale of this value"),
        "no_such_day": (Severity.WARN, "a date that the calendar does not have"),
        "unreadable_text": (Severity.WARN, "the text holds characters that cannot be printed"),
        "role_unproven": (
            Severity.QUARANTINE,
            "the maker's own program takes this sensor for one at a switch, not at a cell",
        ),
        "meaning_from_name": (
            Severity.QUARANTINE,
            "no map says what this signal is; its name was taken for what it says",
        ),
        "sign_unproven": (Severity.WARN, "devices of this kind disagree whether charging is positive"),
        "meaning_unproven": (Severity.WARN, "devices of this kind disagree what this figure stands for"),
        "no_checksum": (Severity.QUARANTINE, "recorded without its frame, so that no checksum proves it"),
        "last_entries_only": (
            Severity.QUARANTINE,
            "counted in the last entries of a log, not over the life of the board",
        ),
        "masters_answer": (Severity.WARN, "inside a bank the master answers this for every module"),
    }
)

SEVERITIES: Final[Mapping[str, Severity]] = MappingProxyType(
    {code: severity for code, (severity, _) in PROTOCOL_DOUBTS.items()}
    | {rule.code: rule.severity for rule in RULES}
)


def doubt(readings: Sequence[Reading], memory: Memory, rules: Iterable[Rule] = RULES) -> list[Reading]:
    """The same readings in the same order, with the codes of the rules that distrust them added.

    `memory` holds what the source said before and takes in the new batch first, so that rules may compare
    frames; use one for each source and ask in order of arrival.
    """
    for reading in readings:
        memory.note(reading)
    rules = tuple(rules)
    known = {component: memory.about(component) for component in {r.component for r in readings}}
    return [_doubted(reading, known[reading.component], rules) for reading in readings]


def _doubted(reading: Reading, known: Known, rules: tuple[Rule, ...]) -> Reading:
    if not isinstance(reading.value, Decimal):
        return reading
    codes = [
        rule.code
        for rule in rules
        if reading.quantity in rule.quantities
        and rule.code not in reading.doubts
        and rule.doubts(reading, known)
    ]
    return replace(reading, doubts=(*reading.doubts, *codes)) if codes else reading
