"""Pylontech high-voltage batteries on CAN and their imitators: 29-bit identifiers, asked once a cycle.

Source: docs/protocols/can-pylontech-hv.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.can import BusFrame, CanFrame, CanProtocol, Message, numbers, table
from ingest.inverter_can import U8, U16, Joining
from ingest.protocol import Certainty, Decoder, Field, Frame, Request
from schemas.reading import Reading
from schemas.terms import Origin, Unit

ASK: Final = 0x4200
REQUESTS: Final = (
    Request("ensemble", ASK, "state, limits, extremes, conditions: 4210 .. 4290"),
    Request("equipment", ASK, "versions, topology, maker: 7310 .. 7340"),
)
# Tenths of an ampere less 3000 A, tenths of a degree less 100.
_AMPERE: Final = 30_000
_DEGREE: Final = 1000
MESSAGES: Final = table(
    Message(
        0x4210,
        "voltage, current, charge, health",
        8,
        (
            Field("voltage", 0, U16, -1, Unit.VOLT),
            Field("current", 2, U16, -1, Unit.AMPERE, zero=_AMPERE),
            Field("board_temperature", 4, U16, -1, Unit.CELSIUS, zero=_DEGREE),
            Field("state_of_charge", 6, U8, 0, Unit.PERCENT),
            Field("bms_reported_health", 7, U8, 0, Unit.PERCENT),
        ),
    ),
    Message(
        0x4220,
        "limits",
        8,
        (
            Field("charge_voltage_limit", 0, U16, -1, Unit.VOLT),
            Field("discharge_voltage_limit", 2, U16, -1, Unit.VOLT),
            Field("charge_current_limit", 4, U16, -1, Unit.AMPERE, zero=_AMPERE),
            Field("discharge_current_limit", 6, U16, -1, Unit.AMPERE, zero=_AMPERE),
        ),
    ),
    Message(
        0x4230,
        "extremes of cell voltage",
        8,
        (
            Field("cell_voltage_max", 0, U16, -3, Unit.VOLT),
            Field("cell_voltage_min", 2, U16, -3, Unit.VOLT),
        ),
    ),
    Message(
        0x4240,
        "extremes of cell temperature",
        8,
        (
            Field("cell_temperature_max", 0, U16, -1, Unit.CELSIUS, zero=_DEGREE),
            Field("cell_temperature_min", 2, U16, -1, Unit.CELSIUS, zero=_DEGREE),
        ),
    ),
    Message(0x4250, "status and conditions", 8),
    Message(0x4280, "what the battery forbids", 2),
    Message(0x42E0, "maker, first half", 1),
    Message(0x42F0, "maker, second half", 0),
    Message(0x7310, "versions", 6),
    Message(
        0x7320,
        "topology",
        8,
        (
            Field("module_count", 2, U8, 0, Unit.ONE, origin=Origin.CONFIGURED),
            Field("nameplate_capacity", 6, U16, 0, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
        ),
    ),
    Message(0x7330, "maker, first half", 1),
    Message(0x7340, "maker, second half", 0),
)
ALSO: Final = (
    *("alarm", "protection", "charging_enabled", "discharging_enabled", "cell_count"),
    *("hardware_version", "firmware_version", "manufacturer"),
)
# Bits of the alarms (4, 5) and protections (6, 7) of 0x4250, and of its errors (3).
CONDITION_BITS: Final = (
    *("cell_under_voltage", "cell_over_voltage", "pack_under_voltage", "pack_over_voltage"),
    *("charge_under_temperature", "charge_over_temperature"),
    *("discharge_under_temperature", "discharge_over_temperature"),
    *("charge_over_current", "discharge_over_current", "module_under_voltage", "module_over_voltage"),
)
ERROR_BITS: Final = (
    *("voltage_sensor_fault", "temperature_sensor_fault", "internal_communication_fault"),
    *("input_over_voltage", "reverse_connection", "contactor_fault", "battery_damaged", "internal_fault"),
)
FORBIDDEN: Final = 0xAA
_HALVES: Final[Mapping[int, tuple[str, int]]] = {
    0x7330: ("manufacturer", 0),
    0x7340: ("manufacturer", 1),
    0x42E0: ("manufacturer", 0),
    0x42F0: ("manufacturer", 1),
}


class CanPylontechHv(CanProtocol):
    """See the module."""

    name: ClassVar[str] = "can-pylontech-hv"
    title: ClassVar[str] = "Pylontech high voltage on CAN"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (500_000, 250_000)
    messages: ClassVar[Mapping[int, Message]] = MESSAGES
    extended: ClassVar[bool] = True
    asks: ClassVar[Mapping[str, CanFrame]] = {
        "ensemble": CanFrame(ASK, bytes(8), extended=True),
        "equipment": CanFrame(ASK, bytes([2, 0, 0, 0, 0, 0, 0, 0]), extended=True),
    }
    polled: ClassVar[Sequence[str]] = ("ensemble", "equipment")

    def decoder(self) -> Decoder:
        """One that joins the halves of the maker's name."""
        return Joining(self, _HALVES)

    def spoken(self, number: int, data: bytes, *, source: int = 0, part: int = 0) -> CanFrame:
        """See `CanProtocol.spoken`."""
        del source
        return CanFrame(number | part & 0xF, data, extended=True)

    def key(self, frame: Frame) -> int | None:
        """The identifier without the address of the unit, which is its low digit."""
        return frame.command & ~0xF if isinstance(frame, BusFrame) and frame.extended else None

    def part(self, frame: Frame) -> str:
        """The unit by its address."""
        return f"unit/{frame.command & 0xF}"

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        part = self.part(frame)
        readings = list(numbers(message.fields, data, component=part))
        match message.identifier:
            case 0x4220:
                limit = readings[3].value
                assert isinstance(limit, Decimal)
                # A discharging current is negative here, and so is its limit.
                readings[3] = replace(readings[3], value=abs(limit))
            case 0x4250:
                readings = _conditions(data, part)
            case 0x4280:
                readings = [
                    Reading("charging_enabled", data[0] != FORBIDDEN, component=part),
                    Reading("discharging_enabled", data[1] != FORBIDDEN, component=part),
                ]
            case 0x7310:
                readings = [
                    Reading("hardware_version", f"{data[2]}.{data[3]}", component=part),
                    Reading("firmware_version", f"{data[4]}.{data[5]}", component=part),
                ]
            case 0x7320:
                cells = Decimal(data[2] * data[3])
                readings.append(Reading("cell_count", cells, component=part, origin=Origin.DERIVED))
        return readings


def _conditions(data: bytes, part: str) -> list[Reading]:
    found = []
    for quantity, names, piece in (
        ("alarm", ERROR_BITS, data[3:4]),
        ("alarm", CONDITION_BITS, data[4:6]),
        ("protection", CONDITION_BITS, data[6:8]),
    ):
        bits = int.from_bytes(piece, "little")
        found += [
            Reading(quantity, names[bit] if bit < len(names) else f"unnamed_bit_{bit}", component=part)
            for bit in range(8 * len(piece))
            if bits >> bit & 1
        ]
    return found


PROTOCOL: Final = CanPylontechHv()
