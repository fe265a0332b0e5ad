"""Which quantities of a BMS feed which attribute: decided by makers of devices, hence beside the rows.

An attribute that is missing here is fed by no device; people declare it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final


@unique
class Role(StrEnum):
    """What a reading does for the attribute."""

    REPORTED = "reported"  # the reading, as said by the device, is the value
    COMPUTED = "computed"  # the value is worked out from many readings
    COMPARED = "compared"  # people declare the value; the reading is held against it


@dataclass(frozen=True)
class Feed:
    """The quantities behind one attribute.

    Attributes:
        role: what they do for it.
        quantities: keys of `schemas.reading.QUANTITIES`.
    """

    role: Role
    quantities: tuple[str, ...]


_PACK: Final = ("voltage", "current")
_TEMPERATURES: Final = ("cell_temperature", "cell_temperature_min", "cell_temperature_max")


def _compared(*quantities: str) -> Feed:
    return Feed(Role.COMPARED, quantities)


def _computed(*quantities: str) -> Feed:
    return Feed(Role.COMPUTED, quantities)


FEEDS: Final[Mapping[str, Feed]] = MappingProxyType(
    {
        "serial_number": _compared("serial_number"),
        "manufacturing_date": _compared("manufacture_date"),
        "battery_chemistry": _compared("chemistry"),
        "dismantling_cell_layout": _compared("cell_count", "module_count"),
        "rated_capacity": _compared("nameplate_capacity"),
        "minimum_voltage": _compared("discharge_voltage_limit"),
        "maximum_voltage": _compared("charge_voltage_limit"),
        "power_limits": _compared("charge_current_limit", "discharge_current_limit"),
        "state_of_charge": Feed(Role.REPORTED, ("state_of_charge", "remaining_charge")),
        "temperature": Feed(Role.REPORTED, _TEMPERATURES),
        "remaining_capacity": _computed("full_charge_capacity", *_PACK),
        "capacity_fade": _computed("full_charge_capacity", *_PACK),
        "full_cycles": _computed("charge_in", "charge_out", "charge_throughput", "current", "cycle_count"),
        "capacity_throughput": _computed("charge_in", "charge_out", "charge_throughput", "current"),
        "energy_throughput": _computed("energy_in", "energy_out", *_PACK),
        "remaining_energy": _computed("remaining_energy", *_PACK),
        "state_of_certified_energy": _computed("energy_out", *_PACK),
        "power": _computed("power", *_PACK),
        "remaining_power_capability": _computed("power", *_PACK, "state_of_charge"),
        "internal_resistance_current": _computed("cell_resistance", *_PACK),
        "internal_resistance_increase_cell": _computed("cell_resistance", "cell_voltage", "current"),
        "internal_resistance_increase_pack": _computed(*_PACK),
        "ohmic_resistance": _computed("cell_resistance", *_PACK),
        "round_trip_efficiency_current": _computed("energy_in", "energy_out", *_PACK),
        "remaining_round_trip_efficiency": _computed("energy_in", "energy_out", *_PACK),
        "self_discharge_rate_current": _computed("cell_voltage", "state_of_charge"),
        "self_discharge_evolution": _computed("cell_voltage", "state_of_charge"),
        "state_of_charge_records": _computed("state_of_charge"),
        "operating_environment_records": _computed(*_TEMPERATURES, "ambient_temperature", "state_of_charge"),
        "time_above_temperature": _computed(*_TEMPERATURES),
        "time_below_temperature": _computed(*_TEMPERATURES),
        "charging_time_above_temperature": _computed(*_TEMPERATURES, "current"),
        "charging_time_below_temperature": _computed(*_TEMPERATURES, "current"),
        "deep_discharge_count": _computed("voltage", "cell_voltage", "cell_voltage_min", "event_count"),
        "overcharge_count": _computed("voltage", "cell_voltage", "cell_voltage_max", "event_count"),
        "negative_events": _computed("alarm", "protection", "event_count"),
        "state_of_health": _computed("full_charge_capacity", "cell_voltage", *_PACK),
    }
)
