"""What the two lines of an EMUS control unit share: scales of a byte, names of flags and errors.

Source: docs/protocols/emus-serial.md and docs/protocols/emus-can.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ingest.protocol import U8, Field
from schemas.reading import Reading
from schemas.terms import Unit

LOW_V: Final = -200  # a byte of 0 is 2.00 V
LOW_DEGC: Final = 100  # a byte of 0 is -100 degC
FULL: Final = 0xFF

# Bits of the protection flags; 12 and 13 are known from CAN.
PROTECTIONS: Final[Mapping[int, str]] = {
    0: "cell_under_voltage",
    1: "cell_over_voltage",
    2: "discharge_over_current",
    3: "charge_over_current",
    4: "over_temperature",  # of a cell module
    5: "leakage",
    6: "cell_communication_lost",
    11: "cell_over_temperature",
    12: "current_sensor_missing",
    13: "pack_under_voltage",
}
CHARGING_ERRORS: Final[Mapping[int, str]] = {
    8: "cell_count_mismatch",
    9: "cell_over_voltage",
    10: "charge_stopped_by_protection",
}


def protections(flags: int) -> list[Reading]:
    """A reading for each protection that is active."""
    return [
        Reading("protection", PROTECTIONS.get(bit, f"unnamed_bit_{bit}"))
        for bit in range(flags.bit_length())
        if flags >> bit & 1
    ]


def charging_error(error: int) -> list[Reading]:
    """The last charging error, which stays until the next charge; nothing for none."""
    return [Reading("warning", CHARGING_ERRORS.get(error, f"charging_error_{error}"))] if error else []


def doubted(row: Field, raw: int, reading: Reading) -> Reading:
    """The reading, with a doubt at an end of a byte's scale, where no battery stays for long."""
    if row.integer is U8 and raw == FULL:
        return replace(reading, doubts=("saturated",))
    if row.integer is U8 and raw == 0 and row.unit is Unit.VOLT:
        return replace(reading, doubts=("lowest_of_scale",))
    return reading
