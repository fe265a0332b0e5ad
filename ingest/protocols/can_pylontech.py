"""Pylontech low-voltage batteries on CAN (0x351 .. 0x371), and those that imitate them.

Source: docs/protocols/can-pylontech.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import CHARGE, HEALTH, I16, LIMITS, MEASURED, U8, U16, plain, text
from ingest.protocol import Certainty, Field, Frame
from schemas.reading import Reading
from schemas.terms import Unit

PROTECTIONS: Final[Mapping[int, str]] = {
    1: "pack_over_voltage",
    2: "pack_under_voltage",
    3: "over_temperature",
    4: "under_temperature",
    7: "discharge_over_current",
    8: "charge_over_current",
    11: "internal_fault",
}
# Newer firmware; the positions behind are those of 0x371.
EXTREMES: Final = (
    Field("cell_temperature_max", 0, I16, -1, Unit.CELSIUS),
    Field("cell_temperature_min", 2, I16, -1, Unit.CELSIUS),
    Field("cell_voltage_max", 4, U16, -3, Unit.VOLT),
    Field("cell_voltage_min", 6, U16, -3, Unit.VOLT),
)
MESSAGES: Final = table(
    Message(0x351, "limits", 8, LIMITS),
    Message(0x355, "charge and health", 4, (CHARGE, HEALTH)),
    Message(0x356, "voltage, current, temperature", 6, MEASURED),
    Message(0x359, "protections and alarms", 5, (Field("module_count", 4, U8, 0, Unit.ONE),)),
    Message(0x35C, "what the battery permits", 1),
    Message(0x35E, "maker", 1),
    Message(0x370, "extremes of the cells", 8, EXTREMES),
)
ALSO: Final = ("protection", "alarm", "charging_enabled", "discharging_enabled", "manufacturer")


class CanPylontech(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-pylontech"
    title: ClassVar[str] = "Pylontech low voltage on CAN"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    messages: ClassVar[Mapping[int, Message]] = MESSAGES

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        del frame
        readings = plain(message, data)
        if message.identifier == 0x359:
            readings = _conditions("protection", data[:2]) + _conditions("alarm", data[2:4]) + readings
        elif message.identifier == 0x35C:
            readings.append(Reading("charging_enabled", bool(data[0] & 0x80)))
            readings.append(Reading("discharging_enabled", bool(data[0] & 0x40)))
        elif message.identifier == 0x35E:
            readings.append(text("manufacturer", data))
        return readings


def _conditions(quantity: str, data: bytes) -> list[Reading]:
    bits = int.from_bytes(data, "little")
    return [
        Reading(quantity, PROTECTIONS.get(bit, f"unnamed_bit_{bit}")) for bit in range(16) if bits >> bit & 1
    ]


PROTOCOL: Final = CanPylontech()
