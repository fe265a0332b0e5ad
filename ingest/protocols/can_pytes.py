"""Pytes batteries on CAN: their native messages 0x400 .. 0x41E, and those for Victron inverters.

Source: docs/protocols/can-pytes.md.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import (
    CHARGE,
    ENERGY,
    FINE,
    HALVES,
    HEALTH,
    I16,
    LIMITS,
    MEASURED,
    U8,
    U16,
    U32,
    VICTRON,
    Joining,
    battery_information,
    charge_state,
    module_counts,
    paired_conditions,
    plain,
    text,
)
from ingest.protocol import Certainty, Decoder, Field, Frame
from schemas.reading import Reading, altered
from schemas.terms import Origin, Unit

# The position of each extreme stands four bytes behind it.
EXTREME_VOLTAGES: Final = (
    Field("cell_voltage_max", 0, U16, -3, Unit.VOLT),
    Field("cell_voltage_min", 2, U16, -3, Unit.VOLT),
)
EXTREME_TEMPERATURES: Final = (
    Field("cell_temperature_max", 0, I16, -1, Unit.CELSIUS),
    Field("cell_temperature_min", 2, I16, -1, Unit.CELSIUS),
)
CHARGES: Final = (
    Field("full_charge_capacity", 0, U32, -3, Unit.AMPERE_HOUR),
    Field("remaining_charge", 4, U32, -3, Unit.AMPERE_HOUR),
)
MESSAGES: Final = table(
    *VICTRON,
    Message(0x400, "limits", 8, LIMITS),
    Message(0x401, "extremes of cell voltage", 8, EXTREME_VOLTAGES),
    Message(0x402, "extremes of cell temperature", 8, EXTREME_TEMPERATURES),
    Message(0x403, "alarms and warnings", 8),
    Message(0x404, "charge, health, cycles", 8, (CHARGE, HEALTH, Field("cycle_count", 6, U16, 0, Unit.ONE))),
    Message(0x405, "voltage, current, temperature", 6, MEASURED),
    Message(0x406, "internal alarms", 4),
    Message(0x408, "what the battery permits", 2),
    Message(0x409, "charges", 8, CHARGES),
    Message(0x40A, "maker", 1),
    Message(0x40B, "modules", 8, (Field("modules_online", 6, U8, 0, Unit.ONE),)),
    Message(0x40D, "balancing", 6),
    Message(0x41E, "lifetime energy", 8, ENERGY),
)
ALSO: Final = (
    *("alarm", "warning", "manufacturer", "firmware_version", "modules_online", "module_count"),
    *("model", "serial_number", "charging_enabled", "discharging_enabled", "balancing_active"),
    "state_of_charge",
)
# Bits of 0x403, whose two halves say the same of two sides.
ALARMS: Final[Mapping[int, str]] = {
    0: "pack_over_voltage",
    4: "pack_under_voltage",
    8: "over_temperature",
    12: "under_temperature",
    17: "discharge_over_current",
    18: "discharge_over_current",
    19: "charge_over_current",
    20: "charge_over_current",
}
WARNINGS: Final[Mapping[int, str]] = {
    1: "pack_over_voltage",
    3: "pack_under_voltage",
    9: "over_temperature",
    11: "under_temperature",
    21: "discharge_over_current",
    22: "charge_over_current",
}
_INTERNAL_FAULT: Final = 15


class CanPytes(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-pytes"
    title: ClassVar[str] = "Pytes batteries on CAN"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    messages: ClassVar[Mapping[int, Message]] = MESSAGES

    def decoder(self) -> Decoder:
        """One that joins the halves of texts."""
        return Joining(self, HALVES)

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        del frame
        return _native(message, data) if message.identifier >= 0x400 else _inverter(message, data)


def _inverter(message: Message, data: bytes) -> list[Reading]:
    match message.identifier:
        case 0x355:
            return charge_state(data, fine=FINE)
        case 0x35A:
            return paired_conditions(data)
        case 0x35E:
            return [text("manufacturer", data)]
        case 0x35F:
            return battery_information(data)
        case 0x372:
            return module_counts(data)
    return plain(message, data)


def _native(message: Message, data: bytes) -> list[Reading]:
    readings = plain(message, data)
    match message.identifier:
        case 0x401 | 0x402:
            return [
                altered(reading, index=_position(data, field.offset + 4))
                for reading, field in zip(readings, message.fields, strict=True)
            ]
        case 0x403:
            return _conditions(data)
        case 0x406:
            bits = int.from_bytes(data[:4], "little")
            return [Reading("alarm", "internal_fault")] if bits >> _INTERNAL_FAULT & 1 else []
        case 0x408:
            return [
                Reading("charging_enabled", data[0] != 0),
                Reading("discharging_enabled", data[1] != 0),
            ]
        case 0x409:
            return readings + _charge_from(data)
        case 0x40A:
            return [text("manufacturer", data)]
        case 0x40B:
            count = Decimal(data[6] + data[7])
            return [*readings, Reading("module_count", count, origin=Origin.DERIVED)]
        case 0x40D:
            return [Reading("balancing_active", data[4:6] != b"\x00\x00")]
    return readings


def _position(data: bytes, offset: int) -> int | None:
    """The cell in the low byte; none where it is nought, or a module in the high byte makes it ambiguous."""
    return data[offset] if data[offset] and not data[offset + 1] else None


def _conditions(data: bytes) -> list[Reading]:
    bits = int.from_bytes(data[:4], "little") | int.from_bytes(data[4:8], "little")
    found = []
    for quantity, names in (("alarm", ALARMS), ("warning", WARNINGS)):
        active = dict.fromkeys(name for bit, name in names.items() if bits >> bit & 1)
        found += [Reading(quantity, name) for name in active]
    return found


def _charge_from(data: bytes) -> list[Reading]:
    """Charge in hundredths of a percent, from what is in it and what it holds when full."""
    full, left = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    if not 0 < full >= left:
        return []
    charge = (Decimal(100 * left) / Decimal(full)).quantize(Decimal("0.01"))
    return [Reading("state_of_charge", charge, origin=Origin.DERIVED)]


PROTOCOL: Final = CanPytes()
