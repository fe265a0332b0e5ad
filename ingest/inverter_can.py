"""What batteries that speak to inverters on 0x351 .. 0x381 share; scales differ, so each has a profile.

Eleven-bit identifiers, little-endian, about once a second, unasked. The same identifier means other things,
or the same thing on another scale, from one maker to the next: a profile is chosen by a person, never guessed
from an identifier.

Source: the table of docs/protocols/can-pylontech.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from ingest.can import BusFrame, CanProtocol, Message, numbers
from ingest.protocol import Field, Frame, Integer
from schemas.reading import Reading
from schemas.terms import Origin, ReadingAbsence, Unit

U8: Final = Integer(1)
U16: Final = Integer(2, little=True)
I16: Final = Integer(2, signed=True, little=True)
U32: Final = Integer(4, little=True)

# Charge voltage, limits of current, discharge voltage: alike everywhere.
LIMITS: Final = (
    Field("charge_voltage_limit", 0, U16, -1, Unit.VOLT),
    Field("charge_current_limit", 2, I16, -1, Unit.AMPERE),
    Field("discharge_current_limit", 4, I16, -1, Unit.AMPERE),
    Field("discharge_voltage_limit", 6, U16, -1, Unit.VOLT),
)
HEALTH: Final = Field("bms_reported_health", 2, U16, 0, Unit.PERCENT)
CHARGE: Final = Field("state_of_charge", 0, U16, 0, Unit.PERCENT)
# Hundredths of a volt (Pylontech, Victron), and tenths (Orion, Discover).
MEASURED: Final = (
    Field("voltage", 0, I16, -2, Unit.VOLT),
    Field("current", 2, I16, -1, Unit.AMPERE),
    Field("cell_temperature_mean", 4, I16, -1, Unit.CELSIUS),
)
MEASURED_COARSE: Final = (Field("voltage", 0, I16, -1, Unit.VOLT), *MEASURED[1:])
CELLS: Final = (
    Field("cell_voltage_min", 0, U16, -3, Unit.VOLT),
    Field("cell_voltage_max", 2, U16, -3, Unit.VOLT),
    Field("cell_temperature_min", 4, U16, 0, Unit.CELSIUS, zero=273),
    Field("cell_temperature_max", 6, U16, 0, Unit.CELSIUS, zero=273),
)
ENERGY: Final = (
    Field("energy_in", 0, U32, -1, Unit.KILOWATT_HOUR),
    Field("energy_out", 4, U32, -1, Unit.KILOWATT_HOUR),
)
INSTALLED: Final = (Field("nameplate_capacity", 0, U16, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),)
# "Available": what is left in it to some senders, what the modules online could hold to others.
AVAILABLE: Final = Field("remaining_charge", 4, U16, 0, Unit.AMPERE_HOUR)
MODULES_ONLINE: Final = (Field("modules_online", 0, U16, 0, Unit.ONE),)
FINE: Final = Field("state_of_charge", 4, U16, -2, Unit.PERCENT)
# Victron's own profile, which Pytes sends beside its native messages.
VICTRON: Final = (
    Message(0x351, "limits", 8, LIMITS),
    Message(0x355, "charge and health", 4, (CHARGE, HEALTH, FINE)),
    Message(0x356, "voltage, current, temperature", 6, MEASURED),
    Message(0x35A, "alarms and warnings", 8),
    Message(0x35E, "maker", 1),
    Message(0x35F, "firmware, available capacity", 6, (AVAILABLE,)),
    Message(0x370, "product, first half", 1),
    Message(0x371, "product, second half", 0),
    Message(0x372, "modules", 8),
    Message(0x373, "extremes of the cells", 8, CELLS),
    Message(0x378, "lifetime energy", 8, ENERGY),
    Message(0x379, "installed capacity", 2, INSTALLED),
    Message(0x380, "serial number, first half", 1),
    Message(0x381, "serial number, second half", 0),
)

# 0x35A: two bits each, from the low end of byte 0; alarms first, warnings four bytes behind.
PAIRS: Final = (
    "general_alarm",
    "pack_over_voltage",
    "pack_under_voltage",
    "over_temperature",
    "under_temperature",
    "charge_over_temperature",
    "charge_under_temperature",
    "discharge_over_current",
    "charge_over_current",
    "contactor_fault",
    "short_circuit",
    "internal_fault",
    "cell_imbalance",
)
_PAIR_ACTIVE: Final = 1  # 0 not supported, 2 fine, 3 not defined
_PLAUSIBLE_STEP: Final = 1

# Texts of two frames, eight characters each: what they say and which half.
HALVES: Final[Mapping[int, tuple[str, int]]] = {
    0x370: ("model", 0),
    0x371: ("model", 1),
    0x380: ("serial_number", 0),
    0x381: ("serial_number", 1),
}


def plain(message: Message, data: bytes) -> list[Reading]:
    """The numbers of a message; a limit of discharge that is sent as a negative current is as large."""
    readings = list(numbers(message.fields, data))
    if message.fields is LIMITS and _number(readings[2]) < 0:
        readings[2] = replace(readings[2], value=-_number(readings[2]))
    return readings


def charge_state(data: bytes, *, fine: Field) -> list[Reading]:
    """Charge and health of 0x355; the finer figure behind them where it is one.

    Frames padded with zeros carry none: a figure that contradicts the whole percent is padding.
    """
    coarse, health, exact = CHARGE.read(data), HEALTH.read(data), fine.read(data)
    assert coarse is not None
    assert health is not None
    step = None if exact is None else abs(_number(exact) - _number(coarse))
    return [coarse if exact is None or step is None or step > _PLAUSIBLE_STEP else exact, health]


def _number(reading: Reading) -> Decimal:
    assert isinstance(reading.value, Decimal)
    return reading.value


def paired_conditions(data: bytes) -> list[Reading]:
    """Alarms and warnings of 0x35A."""
    found = []
    for quantity, piece in (("alarm", data[:4]), ("warning", data[4:8])):
        bits = int.from_bytes(piece, "little")
        found += [
            Reading(quantity, name)
            for number, name in enumerate(PAIRS)
            if bits >> 2 * number & 3 == _PAIR_ACTIVE
        ]
    return found


def module_counts(data: bytes) -> list[Reading]:
    """0x372: modules online, blocking charge, blocking discharge, offline; how many there are follows."""
    online, offline = U16.read(data, 0), U16.read(data, 6)
    readings = [] if online is None else [Reading("modules_online", Decimal(online))]
    if online is not None and offline is not None:
        readings.append(Reading("module_count", Decimal(online + offline), origin=Origin.DERIVED))
    return readings


def clean(data: bytes) -> str:
    """Text of a frame without its padding."""
    return data.split(b"\x00", 1)[0].decode("ascii", "replace").strip(" \xff")


def text(quantity: str, data: bytes | str) -> Reading:
    """The text reading of a whole text; absent when it is only padding."""
    words = clean(data) if isinstance(data, bytes) else data
    if not words:
        return Reading(quantity, None, absence=ReadingAbsence.NOT_SUPPORTED)
    shown = "".join(char if char.isprintable() else "�" for char in words)
    return Reading(quantity, shown, doubts=("unreadable_text",) if "�" in shown else ())


def battery_information(data: bytes) -> list[Reading]:
    """0x35F: two numbers of the firmware in bytes 2 and 3, and the capacity that is available."""
    readings = [Reading("firmware_version", f"{data[2]}.{data[3]}")]
    available = AVAILABLE.read(data)
    assert available is not None
    return [*readings, replace(available, doubts=("meaning_unproven",))]


@dataclass
class Joining:
    """A decoder that joins texts of two frames; a half that is repeated alone is the whole text."""

    protocol: CanProtocol
    halves: Mapping[int, tuple[str, int]]
    _waiting: dict[tuple[str | None, str | None, str], tuple[int, str]] = field(default_factory=dict)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`."""
        readings = self.protocol.decode(frame, request=request)
        number = self.protocol.key(frame)
        half = self.halves.get(number) if number is not None else None
        if half is None or not isinstance(frame, BusFrame):
            return readings
        quantity, place = half
        words = clean(frame.payload)
        part = self.protocol.part(frame)
        key = (frame.channel, part, quantity)
        before = self._waiting.pop(key, None)
        if before is None:
            self._waiting[key] = (place, words)
            return readings
        whole = words if before[0] == place else (before[1] + words if place else words + before[1])
        joined = replace(text(quantity, whole.strip()), component=part)
        return [*readings, *self.protocol.sealed(frame, [joined])]
