"""Batteries that speak to Victron inverters on CAN (0x351 .. 0x381), as many makers build it in.

Source: docs/protocols/can-victron.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import (
    AVAILABLE,
    CELLS,
    CHARGE,
    ENERGY,
    HALVES,
    HEALTH,
    INSTALLED,
    LIMITS,
    MEASURED,
    U16,
    Joining,
    battery_information,
    charge_state,
    module_counts,
    paired_conditions,
    plain,
    text,
)
from ingest.protocol import Certainty, Decoder, Field, Frame
from schemas.reading import Reading
from schemas.terms import Unit

FINE: Final = Field("state_of_charge", 4, U16, -2, Unit.PERCENT)
MESSAGES: Final = table(
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
ALSO: Final = (
    *("alarm", "warning", "manufacturer", "firmware_version", "modules_online", "module_count"),
    *("model", "serial_number"),
)


class CanVictron(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-victron"
    title: ClassVar[str] = "Batteries for Victron inverters on CAN"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    messages: ClassVar[Mapping[int, Message]] = MESSAGES

    def decoder(self) -> Decoder:
        """One that joins the halves of texts."""
        return Joining(self, HALVES)

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        del frame
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


PROTOCOL: Final = CanVictron()
