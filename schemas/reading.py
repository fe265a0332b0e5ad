"""Reading: one value of one quantity, as a device said it; what ingest delivers and passport consumes.

The quantities are a contract: adding one is a row here, changing one needs a decision record.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from schemas.terms import Origin, ReadingAbsence, Unit


@unique
class ValueKind(StrEnum):
    """What type the value of a quantity has."""

    NUMBER = "number"  # Decimal
    TEXT = "text"
    FLAG = "flag"  # bool


@dataclass(frozen=True)
class Quantity:
    """One row of the table of quantities.

    Attributes:
        name: the key on the wire.
        unit: `Unit.ONE` for counts, texts and flags.
        kind: type of the value.
        indexed: True when a reading names a position, counted from 1.
        exponent: power of ten of the stored integer, so that -3 with volts means millivolts. Finer device
            resolution is kept by a smaller exponent in the column that needs it.
    """

    name: str
    unit: Unit
    kind: ValueKind = ValueKind.NUMBER
    indexed: bool = False
    exponent: int = 0


def _rows() -> tuple[Quantity, ...]:
    number, text, flag = ValueKind.NUMBER, ValueKind.TEXT, ValueKind.FLAG
    return (
        Quantity("voltage", Unit.VOLT, exponent=-3),
        Quantity("current", Unit.AMPERE, exponent=-3),  # positive while charging
        Quantity("power", Unit.WATT),
        Quantity("state_of_charge", Unit.PERCENT, exponent=-1),
        Quantity("bms_reported_health", Unit.PERCENT, exponent=-1),
        # As a vehicle states them itself (UN GTR 22).
        Quantity("state_of_certified_energy", Unit.PERCENT, exponent=-1),
        Quantity("state_of_certified_range", Unit.PERCENT, exponent=-1),
        Quantity("remaining_charge", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("full_charge_capacity", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("nameplate_capacity", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("remaining_energy", Unit.KILOWATT_HOUR, exponent=-3),
        Quantity("cycle_count", Unit.ONE),
        Quantity("charge_in", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("charge_out", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("charge_throughput", Unit.AMPERE_HOUR, exponent=-3),
        Quantity("energy_in", Unit.KILOWATT_HOUR, exponent=-3),
        Quantity("energy_out", Unit.KILOWATT_HOUR, exponent=-3),
        Quantity("energy_throughput", Unit.KILOWATT_HOUR, exponent=-3),  # where the direction is not told
        Quantity("cell_voltage", Unit.VOLT, number, indexed=True, exponent=-3),
        Quantity("cell_temperature", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("cell_resistance", Unit.OHM, number, indexed=True, exponent=-6),
        Quantity("board_temperature", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("ambient_temperature", Unit.CELSIUS, exponent=-1),
        Quantity("cell_voltage_min", Unit.VOLT, number, indexed=True, exponent=-3),
        Quantity("cell_voltage_max", Unit.VOLT, number, indexed=True, exponent=-3),
        Quantity("cell_voltage_mean", Unit.VOLT, exponent=-3),
        Quantity("cell_temperature_min", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("cell_temperature_max", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("cell_temperature_mean", Unit.CELSIUS, exponent=-1),
        # Extremes since the device's statistics were cleared, as it tells them; never of the present moment.
        Quantity("voltage_lowest", Unit.VOLT, exponent=-3),
        Quantity("voltage_highest", Unit.VOLT, exponent=-3),
        Quantity("charge_current_highest", Unit.AMPERE, exponent=-3),  # both as amounts
        Quantity("discharge_current_highest", Unit.AMPERE, exponent=-3),
        Quantity("cell_voltage_lowest", Unit.VOLT, number, indexed=True, exponent=-3),
        Quantity("cell_voltage_highest", Unit.VOLT, number, indexed=True, exponent=-3),
        Quantity("cell_temperature_lowest", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("cell_temperature_highest", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("board_temperature_lowest", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("board_temperature_highest", Unit.CELSIUS, number, indexed=True, exponent=-1),
        Quantity("cell_count", Unit.ONE),
        Quantity("module_count", Unit.ONE),
        Quantity("modules_online", Unit.ONE),
        Quantity("alarm", Unit.ONE, text),
        Quantity("warning", Unit.ONE, text),
        Quantity("protection", Unit.ONE, text),
        Quantity("event", Unit.ONE, text),  # something that happened and is no fault
        Quantity("event_count", Unit.ONE),  # `kind` names what is counted
        Quantity("charging", Unit.ONE, flag),  # a charger is at work, as the device says it
        Quantity("charging_enabled", Unit.ONE, flag),
        Quantity("discharging_enabled", Unit.ONE, flag),
        Quantity("balancing_active", Unit.ONE, flag, indexed=True),
        Quantity("charge_voltage_limit", Unit.VOLT, exponent=-3),
        Quantity("charge_current_limit", Unit.AMPERE, exponent=-3),
        Quantity("discharge_current_limit", Unit.AMPERE, exponent=-3),
        Quantity("discharge_voltage_limit", Unit.VOLT, exponent=-3),
        Quantity("insulation_resistance", Unit.KILOOHM),
        # Extremes over the device's whole life; the lowest current is the hardest discharge.
        Quantity("lifetime_current_max", Unit.AMPERE, exponent=-3),
        Quantity("lifetime_current_min", Unit.AMPERE, exponent=-3),
        Quantity("lifetime_cell_voltage_max", Unit.VOLT, exponent=-3),
        Quantity("lifetime_cell_voltage_min", Unit.VOLT, exponent=-3),
        Quantity("lifetime_temperature_max", Unit.CELSIUS, exponent=-1),
        Quantity("lifetime_temperature_min", Unit.CELSIUS, exponent=-1),
        Quantity("nominal_voltage", Unit.VOLT, exponent=-3),
        Quantity("operating_time", Unit.SECOND),
        Quantity("manufacturer", Unit.ONE, text),
        Quantity("model", Unit.ONE, text),
        Quantity("cell_model", Unit.ONE, text),
        Quantity("serial_number", Unit.ONE, text),
        Quantity("manufacture_date", Unit.ONE, text),
        Quantity("chemistry", Unit.ONE, text),
        Quantity("hardware_version", Unit.ONE, text),
        Quantity("firmware_version", Unit.ONE, text),
    )


QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType({row.name: row for row in _rows()})

_KINDS: Final[Mapping[ValueKind, type[Decimal | str | bool]]] = MappingProxyType(
    {ValueKind.NUMBER: Decimal, ValueKind.TEXT: str, ValueKind.FLAG: bool}
)
_TYPES: Final = {row.name: _KINDS[row.kind] for row in QUANTITIES.values()}

# On the wire the contract writes units in ASCII (`degC`, `ohm`, `kohm`); pages print the SI symbol.
WIRE_UNITS: Final[Mapping[Unit, str]] = MappingProxyType(
    {Unit.CELSIUS: "degC", Unit.OHM: "ohm", Unit.KILOOHM: "kohm"}
)


@dataclass(frozen=True)
class Reading:
    """One value of one quantity.

    Attributes:
        quantity: a key of `QUANTITIES`.
        value: Decimal, text or bool by the quantity's kind; None only together with `absence`.
        index: position counted from 1, where the quantity is indexed; else None.
        component: path of the part that a frame speaks of (`"module/2"`); None means the whole device.
        kind: what an `event_count` counts; None for every other quantity.
        absence: why there is no value; None when there is one.
        origin: how the device came to it.
        measured_at: aware, UTC; None when the frame or log carries no time.
        doubts: codes of rules that distrust the value; the value stays.
        evidence: SHA-256 (hex) of the frame it was read from; None for what has no frame.
    """

    quantity: str
    value: Decimal | str | bool | None
    index: int | None = None
    component: str | None = None
    kind: str | None = None
    absence: ReadingAbsence | None = None
    origin: Origin = Origin.NATIVE
    measured_at: datetime | None = None
    doubts: tuple[str, ...] = ()
    evidence: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no reader could interpret: a caller's mistake, so plain Python errors."""
        value, expected = self.value, _TYPES.get(self.quantity)
        if expected is None:
            raise ValueError(f"unknown quantity {self.quantity!r}; known: {', '.join(QUANTITIES)}")
        if (value is None) != (self.absence is not None):
            raise ValueError(f"{self.quantity}: a value is None exactly when an absence says why")
        if value is not None and not isinstance(value, expected):
            raise TypeError(f"{self.quantity}: expected {expected.__name__}, got {type(value).__name__}")
        if isinstance(value, Decimal) and not value.is_finite():
            raise ValueError(f"{self.quantity}: a reading is finite; say its absence instead")
        if (self.kind is not None) != (self.quantity == "event_count"):
            raise ValueError(f"{self.quantity}: `kind` belongs to event_count, and event_count needs it")

    @property
    def unit(self) -> str:
        """The unit as written on the wire."""
        unit = QUANTITIES[self.quantity].unit
        return WIRE_UNITS.get(unit, unit.value)

    def to_wire(self) -> dict[str, Any]:
        """The reading line of `cellpass decode`, ready for JSON; numbers are decimal strings."""
        value = format(self.value, "f") if isinstance(self.value, Decimal) else self.value
        return {
            "quantity": self.quantity,
            "index": self.index,
            "component": self.component,
            "kind": self.kind,
            "value": value,
            "absence": self.absence.value if self.absence else None,
            "unit": self.unit,
            "origin": self.origin.value,
            "measured_at": self.measured_at.isoformat().replace("+00:00", "Z") if self.measured_at else None,
            "doubts": list(self.doubts),
        }


# A reading is frozen for those who hold it; what is made here is filled through its dictionary.
_new: Final = object.__new__


class ReadingForm:
    """Makes readings of one quantity; what stays the same is checked once, so that each costs little.

    A recording of a day holds millions of readings: `Reading(...)` checks each of them anew and costs eight
    times as much.
    """

    __slots__ = ("_numbered", "_template")

    def __init__(
        self,
        quantity: str,
        *,
        kind: str | None = None,
        origin: Origin = Origin.NATIVE,
        index: int | None = None,
    ) -> None:
        """Of a quantity whose value is a number; `index` holds where none is given.

        Raises:
            ValueError: as `Reading` does.
            TypeError: the quantity is no number.
        """
        self._template = dict(vars(Reading(quantity, Decimal(0), index=index, kind=kind, origin=origin)))
        self._numbered: list[dict[str, Any]] = []

    def __call__(self, value: Decimal, index: int | None = None, component: str | None = None) -> Reading:
        """The reading; `value` is finite."""
        reading = _new(Reading)
        state = reading.__dict__
        state.update(self._template)
        state["value"] = value
        if index is not None:
            state["index"] = index
        if component is not None:
            state["component"] = component
        return reading

    def series(self, values: Sequence[Decimal], *, first: int = 1) -> list[Reading]:
        """The readings of so many positions, one behind the other; the values are finite."""
        numbered, end = self._numbered, first - 1 + len(values)
        while len(numbered) < end:
            numbered.append({**self._template, "index": len(numbered) + 1})
        readings = []
        for template, value in zip(numbered[first - 1 : end], values, strict=True):
            reading = _new(Reading)
            state = reading.__dict__
            state.update(template)
            state["value"] = value
            readings.append(reading)
        return readings


def together(forms: Sequence[ReadingForm], values: Sequence[Decimal]) -> list[Reading]:
    """One reading of each form; the values are finite."""
    readings = []
    for form, value in zip(forms, values, strict=True):
        reading = _new(Reading)
        state = reading.__dict__
        state.update(form._template)  # noqa: SLF001 - the same, without a call for each
        state["value"] = value
        readings.append(reading)
    return readings


def altered(reading: Reading, **changes: Any) -> Reading:
    """The reading with another part, position, time or other doubts; nothing of that needs a check anew.

    Four times as fast as `dataclasses.replace`, which is what values are changed with.
    """
    made = _new(Reading)
    state = made.__dict__
    state.update(reading.__dict__)
    state.update(changes)
    return made


@lru_cache(maxsize=1 << 12, typed=True)
def _template(quantity: str, value: Decimal | str | bool, origin: Origin) -> dict[str, Any]:  # a value
    return dict(vars(Reading(quantity, value, origin=origin)))


def told(
    quantity: str,
    value: Decimal | str | bool,  # a value
    *,
    index: int | None = None,
    component: str | None = None,
    origin: Origin = Origin.NATIVE,
) -> Reading:
    """The reading of a flag, a condition, a text or a count: the same few are told over and over.

    Each is checked once.

    Raises:
        ValueError: as `Reading` does.
        TypeError: as `Reading` does.
    """
    reading = _new(Reading)
    state = reading.__dict__
    state.update(_template(quantity, value, origin))
    if index is not None:
        state["index"] = index
    if component is not None:
        state["component"] = component
    return reading


def of_part(readings: list[Reading], component: str | None) -> list[Reading]:
    """The same readings, told of this part; they were just made and nobody else holds them."""
    if component is not None:
        for reading in readings:
            reading.__dict__["component"] = component
    return readings


def copies(readings: Iterable[Reading]) -> list[Reading]:
    """The same once more, as readings that nobody else holds."""
    made = []
    for reading in readings:
        copy = _new(Reading)
        copy.__dict__.update(reading.__dict__)
        made.append(copy)
    return made


def stamp(readings: Iterable[Reading], evidence: str) -> None:
    """Write the hash of their frame into readings that were just made from it and that nobody else holds."""
    for reading in readings:
        reading.__dict__["evidence"] = evidence
