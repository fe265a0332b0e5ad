"""Orion BMS 2 (Ewert) on the identifiers of inverters, as its ready-made outputs send them.

Source: docs/protocols/can-orion.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import CHARGE, HEALTH, LIMITS, MEASURED_COARSE, U16, charge_state, plain, text
from ingest.protocol import Certainty, Field, Frame
from schemas.reading import Reading, altered
from schemas.terms import Unit

FINE: Final = Field("state_of_charge", 4, U16, -1, Unit.PERCENT)
MESSAGES: Final = table(
    Message(0x351, "limits", 8, LIMITS),
    Message(0x355, "charge and health", 4, (CHARGE, HEALTH, FINE)),
    Message(0x356, "voltage, current, temperature", 6, MEASURED_COARSE),
    Message(0x35A, "trouble codes", 1),
    Message(0x35E, "maker", 1),
)
ALSO: Final = ("alarm", "manufacturer")


class CanOrion(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-orion"
    title: ClassVar[str] = "Orion BMS 2 on CAN, inverter identifiers"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    messages: ClassVar[Mapping[int, Message]] = MESSAGES

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        del frame
        match message.identifier:
            case 0x355:
                return charge_state(data, fine=FINE)
            case 0x356:
                # The maker counts discharge as positive, inverters charge; the output may be set to either.
                return [
                    altered(reading, doubts=("sign_unproven",)) if reading.quantity == "current" else reading
                    for reading in plain(message, data)
                ]
            case 0x35A:
                bits = int.from_bytes(data, "little")
                return [
                    Reading("alarm", f"unnamed_bit_{bit}") for bit in range(8 * len(data)) if bits >> bit & 1
                ]
            case 0x35E:
                return [text("manufacturer", data)]
        return plain(message, data)


PROTOCOL: Final = CanOrion()
