"""What the two protocols of ANT share: states of switches, in words; a current whose direction needs a state.

Source: states as restated in docs/protocols/ant.md.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from schemas.reading import Reading, altered, told

ON: Final = 1
# Why a switch is open; codes that mean off, waiting, full or switched off by a person have no condition.
_BOTH: Final[Mapping[int, str]] = {
    0x06: "over_temperature",
    0x07: "mosfet_over_temperature",
    0x08: "current_sensor_fault",
    0x09: "cell_wire_lost",
    0x0A: "board_over_temperature",
    0x0D: "discharge_switch_fault",
    0x12: "cell_voltage_difference",
}
CHARGE_STATES: Final[Mapping[int, str]] = {
    **_BOTH,
    0x02: "cell_over_voltage",
    0x03: "charge_over_current",
    0x05: "pack_over_voltage",
    0x0C: "charge_switch_fault",
    0x10: "cell_over_voltage",
    0x11: "charge_under_temperature",
    0x14: "internal_fault",
}
DISCHARGE_STATES: Final[Mapping[int, str]] = {
    **_BOTH,
    0x02: "cell_under_voltage",
    0x03: "discharge_over_current",
    0x04: "discharge_over_current_2",
    0x05: "pack_under_voltage",
    0x0C: "short_circuit",
    0x0E: "discharge_switch_on_failed",
    0x10: "cell_under_voltage",
    0x11: "discharge_under_temperature",
    0x13: "internal_fault",
}


def switches(charge: int, discharge: int) -> list[Reading]:
    """What the codes of the two switches say."""
    readings = [told("charging_enabled", charge == ON), told("discharging_enabled", discharge == ON)]
    reasons = (CHARGE_STATES.get(charge), DISCHARGE_STATES.get(discharge))
    return readings + [told("protection", name) for name in dict.fromkeys(reasons) if name]


def switch_state(conditions: Iterable[str], *, charges: bool, is_on: bool) -> int:
    """The code of a switch: on, open for the first of the conditions that it knows, or off."""
    if is_on:
        return ON
    states = CHARGE_STATES if charges else DISCHARGE_STATES
    return next((code for name in conditions for code, told in states.items() if told == name), 0)


def directed(reading: Reading, *, charges: bool | None) -> Reading:
    """The reading with the direction that a state tells; without one as sent, with a doubt."""
    assert isinstance(reading.value, Decimal)
    if not reading.value:
        return reading
    if charges is None:
        return altered(reading, doubts=(*reading.doubts, "sign_unproven"))
    return altered(reading, value=abs(reading.value) if charges else -abs(reading.value))
