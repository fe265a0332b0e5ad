"""Batteries that speak to Victron inverters on CAN (0x351 .. 0x381), as many makers build it in.

Source: docs/protocols/can-victron.md.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from ingest.can import CanProtocol, Message, table
from ingest.inverter_can import (
    FINE,
    HALVES,
    VICTRON,
    Joining,
    battery_information,
    charge_state,
    module_counts,
    paired_conditions,
    plain,
    text,
)
from ingest.protocol import Certainty, Decoder, Frame
from schemas.reading import Reading

MESSAGES: Final = table(*VICTRON)
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
