"""Discover batteries on CAN: messages for Victron inverters with coarser volts, and capacities of their own.

Source: docs/protocols/can-discover.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import (
    CELLS,
    CHARGE,
    HEALTH,
    LIMITS,
    MEASURED_COARSE,
    MODULES_ONLINE,
    U16,
    Joining,
    charge_state,
    paired_conditions,
    plain,
    text,
)
from ingest.protocol import Certainty, Decoder, Field, Frame
from schemas.reading import Reading
from schemas.terms import Origin, Unit

FINE: Final = Field("state_of_charge", 4, U16, -2, Unit.PERCENT)
CAPACITIES: Final = (
    Field("nameplate_capacity", 0, U16, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
    Field("remaining_charge", 2, U16, 0, Unit.AMPERE_HOUR),
)
MESSAGES: Final = table(
    Message(0x351, "limits", 8, LIMITS),
    Message(0x354, "capacities", 4, CAPACITIES),
    Message(0x355, "charge and health", 4, (CHARGE, HEALTH, FINE)),
    Message(0x356, "voltage, current, temperature", 6, MEASURED_COARSE),
    Message(0x35A, "alarms and warnings", 8),
    Message(0x35E, "maker", 1),
    Message(0x370, "product, first half", 1),
    Message(0x371, "product, second half", 0),
    Message(0x372, "modules online", 4, MODULES_ONLINE),
    Message(0x373, "extremes of the cells", 8, CELLS),
)
ALSO: Final = ("alarm", "warning", "manufacturer", "model")
_HALVES: Final[Mapping[int, tuple[str, int]]] = {0x370: ("model", 0), 0x371: ("model", 1)}


class CanDiscover(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-discover"
    title: ClassVar[str] = "Discover batteries on CAN"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    messages: ClassVar[Mapping[int, Message]] = MESSAGES

    def decoder(self) -> Decoder:
        """One that joins the halves of the product's name."""
        return Joining(self, _HALVES)

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        del frame
        match message.identifier:
            case 0x355:
                return charge_state(data, fine=FINE)
            case 0x35A:
                return paired_conditions(data)
            case 0x35E:
                return [text("manufacturer", data)]
        return plain(message, data)


PROTOCOL: Final = CanDiscover()
