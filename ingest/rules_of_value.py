"""Rules over one moment: sentinels, ranges, sums, orders, scales, and parts against the whole.

Each looks at a reading and at what the same source said last; none of them changes anything.

Source: ranges and sentinels as field reports give them (docs/decisions/0014, 0230).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ingest.remembering import Check, Known, Severity
from schemas.reading import QUANTITIES, Reading, ValueKind

Condition = Callable[[Reading, Known], bool]


def _never(reading: Reading, known: Known) -> bool:
    del reading, known
    return False


@dataclass(frozen=True)
class Rule(Check):
    """A check that looks at single readings.

    Attributes:
        quantities: which readings it looks at.
        doubts: True when the reading is to be distrusted, given what is known of its part.
    """

    quantities: frozenset[str] = frozenset()
    doubts: Condition = _never


def _of(*quantities: str) -> frozenset[str]:
    return frozenset(quantities)


_TEMPERATURES: Final = _of(
    "cell_temperature",
    "board_temperature",
    "ambient_temperature",
    "cell_temperature_min",
    "cell_temperature_max",
    "cell_temperature_mean",
)
_CELLS: Final = _of("cell_voltage", "cell_voltage_min", "cell_voltage_max", "cell_voltage_mean")
_CAPACITIES: Final = _of("full_charge_capacity", "nameplate_capacity")
_CONDITIONS: Final = _of("alarm", "warning", "protection")
NUMBERS: Final = frozenset(name for name, row in QUANTITIES.items() if row.kind is ValueKind.NUMBER)


def number(reading: Reading) -> Decimal:
    """The reading's number; rules about numbers are asked about numbers only."""
    assert isinstance(reading.value, Decimal)
    return reading.value


# ------------------------------------------------------------------------- sentinels and ranges (rule 12)

# Raw nought with the usual offset of 40. Other sentinels (all bits set, only the highest, nought in tenths
# of a kelvin, nought with an offset of 100) lie where no battery survives.
_NO_TEMPERATURE: Final = Decimal(-40)


def _no_sensor(reading: Reading, known: Known) -> bool:
    del known
    return number(reading) == _NO_TEMPERATURE or not Decimal(-100) < number(reading) < Decimal(200)


def _unused_sensor(reading: Reading, known: Known) -> bool:
    """Exactly nought among sensors that are all far warmer or colder: 2731 tenths of a kelvin on no input."""
    if number(reading):
        return False
    others = [value for value in known.all_of("cell_temperature") if value and -40 < value < 200]
    return len(others) > 1 and all(abs(value) >= 15 for value in others)


_NO_CELL: Final = frozenset(Decimal(text) for text in ("5.000", "65.535", "65.534", "32.767", "1.281"))


def _cell_sentinel(reading: Reading, known: Known) -> bool:
    del known
    return number(reading) in _NO_CELL or not 0 <= number(reading) < 10


def _cell_lost(reading: Reading, known: Known) -> bool:
    """The cell count says that the position is fitted, and it shows nothing."""
    count = known.get("cell_count")
    return not number(reading) and count is not None and (reading.index or 0) <= count


# All bits set, only the highest set, and all but that one, in 16, 24 and 32 bits; and the offsets that some
# devices add to a current, with nothing above them. Scaled by what devices use.
_FULL: Final = frozenset(
    Decimal(raw).scaleb(-places)
    for raw in (65535, 32767, -32768, 32768, 16777215, 2147483647, -2147483648, 4294967295, 2147483648)
    for places in range(4)
)
_WIDE: Final = frozenset(
    Decimal(raw).scaleb(-places)
    for raw in (16777215, 2147483647, -2147483648, 4294967295, 2147483648)
    for places in range(4)
)
_NO_CURRENT: Final = frozenset({Decimal(-3000), Decimal(-1600)})
_SHORT: Final = _of(
    "voltage",
    "current",
    "power",
    "remaining_charge",
    "full_charge_capacity",
    "nameplate_capacity",
    "cell_resistance",
    "insulation_resistance",
    "charge_voltage_limit",
    "discharge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
)
_LONG: Final = _of(
    "charge_in", "charge_out", "charge_throughput", "energy_in", "energy_out", "operating_time"
)


def _sentinel(reading: Reading, known: Known) -> bool:
    del known
    value = number(reading)
    if reading.quantity in _LONG:
        return value in _WIDE
    return value in _FULL or (reading.quantity == "current" and value in _NO_CURRENT)


def _outside(low: int, high: int) -> Condition:
    return lambda reading, _: not low <= number(reading) <= high


def _health(reading: Reading, known: Known) -> bool:
    del known
    return not 0 < number(reading) <= 110


def _nothing(reading: Reading, known: Known) -> bool:
    del known
    return number(reading) == 0


def _nothing_left(reading: Reading, known: Known) -> bool:
    charge = known.get("state_of_charge")
    return not number(reading) and charge is not None and 5 < charge <= 100


def _whole(reading: Reading, known: Known) -> bool:
    del reading
    return known.part.whole >= 5


# ------------------------------------------------------------------- counts, sums, orders (rules 2 to 5)


def _modules_missing(reading: Reading, known: Known) -> bool:
    count = known.get("module_count")
    return count is not None and number(reading) < count


# How devices name that a part of them is not heard, or that its cells are another number than configured.
_LOST: Final = ("_lost", "_missing", "communication_fault", "communication_error", "_offline")
_MISCOUNT: Final = ("cell_count_fault", "cell_count_mismatch", "cell_count_error", "wrong_cell_count")


def _says(*endings: str) -> Condition:
    return lambda reading, _: isinstance(reading.value, str) and reading.value.endswith(endings)


def _count_differs(reading: Reading, known: Known) -> bool:
    del reading
    count = known.get("cell_count")
    return count is not None and bool(known.positions) and len(known.cells) != count


def _groups_differ(reading: Reading, known: Known) -> bool:
    groups = known.of_below("cell_count")
    return bool(groups) and number(reading) != sum(groups) and set(groups) != {number(reading)}


def _mean_differs(reading: Reading, known: Known) -> bool:
    """Pack voltage over mean cell voltage is half a cell or more beside the count."""
    del reading
    pack, mean, count = known.get("voltage"), known.get("cell_voltage_mean"), known.get("cell_count")
    if not pack or not mean or not count or mean in _NO_CELL:
        return False
    return abs(pack / mean - count) >= Decimal("0.5")


def _sum_of_cells(reading: Reading, known: Known) -> bool:
    """All counted cells were read and their sum is more than 1 % off the pack's voltage."""
    del reading
    pack, total = known.get("voltage"), known.cell_sum
    if not pack or total is None:
        return False
    return abs(total - pack) > abs(pack) / 100


def _parts_differ(reading: Reading, known: Known) -> bool:
    """The parts' values are neither alike (mean) nor add up to the whole's."""
    parts = known.of_below(reading.quantity)
    if not parts:
        return False
    whole, total = number(reading), sum(parts, Decimal(0))
    slack = abs(whole) / 100 if reading.quantity == "voltage" else abs(whole) / 20 + 1
    return abs(total - whole) > slack and abs(total / len(parts) - whole) > slack


def _disordered(stem: str) -> Condition:
    def doubts(reading: Reading, known: Known) -> bool:
        del reading
        low, mean, high = (known.extreme(f"{stem}_{part}") for part in ("min", "mean", "max"))
        present = [value for value in (low, mean, high) if value is not None]
        return present != sorted(present)

    return doubts


def _index_beyond(reading: Reading, known: Known) -> bool:
    """A position that no cell has; a device with parts may count them through, and is not judged."""
    count = known.get("cell_count")
    return bool(count and reading.index and reading.index > count and not known.below)


# --------------------------------------------------------------------- aggregates and scales (rules 8, 13)


def _repeats_first(reading: Reading, known: Known) -> bool:
    """What should be the whole's is the first part's, and the other parts say something else."""
    parts = known.of_below(reading.quantity)
    if not parts or not number(reading) or number(reading) != parts[0]:
        return False
    return all(abs(part - parts[0]) > abs(parts[0]) / 20 for part in parts[1:])


_SCALES: Final = (Decimal("0.01"), Decimal("0.1"), Decimal(10), Decimal(100))


def _scaled(value: Decimal, other: Decimal, within: Decimal) -> bool:
    return any(abs(value - other * scale) <= abs(other * scale) * within for scale in _SCALES)


def _scale_off(reading: Reading, known: Known) -> bool:
    """A power of ten beside what the cells add up to, or a voltage that so many cells cannot have."""
    pack, count = number(reading), known.get("cell_count")
    mean = known.get("cell_voltage_mean")
    total = known.cell_sum or (mean * count if mean and count and mean not in _NO_CELL else None)
    if total and pack:
        return _scaled(pack, total, Decimal("0.02"))
    if count and pack and not known.below:
        return not Decimal("0.8") <= pack / count <= Decimal("5.5")
    return False


def _power_off(reading: Reading, known: Known) -> bool:
    voltage, current = known.get("voltage"), known.get("current")
    if voltage is None or current is None or abs(voltage * current) < 50:
        return False
    return _scaled(abs(number(reading)), abs(voltage * current), Decimal("0.05"))


# Words in a manufacturer's field, and the protocols in which that maker's own devices speak.
_MAKERS: Final = {
    "PYLON": ("pylontech", "can-pylontech"),
    "VICTRON": ("can-victron",),
    "ORION": ("can-orion", "dbc:"),
    "DISCOVER": ("can-discover",),
    "PYTES": ("can-pytes", "pylontech"),
}
_BRANDED: Final = ("pylontech", "can-")


def _maker_differs(reading: Reading, known: Known) -> bool:
    """One brand's name in the protocol of another: an imitator, or the wrong profile."""
    protocol = known.memory.protocol
    if protocol is None or not protocol.startswith(_BRANDED) or not isinstance(reading.value, str):
        return False
    name = reading.value.upper()
    homes = next((homes for word, homes in _MAKERS.items() if word in name), None)
    return homes is not None and not protocol.startswith(homes)


# ------------------------------------------------------------------------- charge and energy (rule 11)


def _more_out(reading: Reading, known: Known) -> bool:
    """More than 1.05 of what went in, and more than what was in it when counting began."""
    del reading
    out, into = known.get("charge_out"), known.get("charge_in")
    if out is None or into is None:
        return False
    start = known.get("full_charge_capacity") or known.get("nameplate_capacity")
    if start is None and into < 100:
        return False
    return out > Decimal("1.05") * into + (start or 0)


def _energy_off(reading: Reading, known: Known) -> bool:
    """Energy over charge is a voltage that the pack never has."""
    charge = known.get(reading.quantity.replace("energy", "charge"))
    if charge is None or charge < 10 or number(reading) < 1:
        return False
    mean, count, pack = number(reading) * 1000 / charge, known.get("cell_count"), known.get("voltage")
    if count:
        return not count <= mean <= count * Decimal("4.8")
    return bool(pack) and not Decimal("0.6") <= mean / pack <= Decimal("1.5")  # type: ignore[operator]


_W, _Q = Severity.WARN, Severity.QUARANTINE

RULES: Final = (
    Rule(
        "modules_missing",
        2,
        _W,
        "fewer modules are online than are configured",
        30,
        _of("modules_online"),
        _modules_missing,
    ),
    Rule(
        "reported_missing",
        2,
        _W,
        "the device says that it does not hear a part of it",
        0,
        _CONDITIONS,
        _says(*_LOST),
    ),
    Rule(
        "cell_count_differs",
        3,
        _W,
        "the device counts another number of cells than show a voltage",
        0,
        _of("cell_count"),
        _count_differs,
    ),
    Rule(
        "groups_differ",
        3,
        _W,
        "the cells of the parts add up to another number than the whole counts",
        60,
        _of("cell_count"),
        _groups_differ,
    ),
    Rule(
        "mean_against_count",
        3,
        _W,
        "pack voltage over mean cell voltage is half a cell or more beside the cell count",
        60,
        _of("cell_count", "cell_voltage_mean"),
        _mean_differs,
    ),
    Rule(
        "reported_cell_count",
        3,
        _W,
        "the device says that it found another number of cells than configured",
        0,
        _CONDITIONS,
        _says(*_MISCOUNT),
    ),
    Rule(
        "cells_against_pack",
        4,
        _W,
        "the sum of the cells is more than 1 % off the pack's voltage: wrong scale, or another moment",
        0,
        _of("voltage", "cell_voltage"),
        _sum_of_cells,
    ),
    Rule(
        "parts_against_whole",
        4,
        _W,
        "the parts are neither alike nor add up to the whole: 1 % of a voltage, 5 % and 1 A of a current",
        60,
        _of("voltage", "current"),
        _parts_differ,
    ),
    Rule(
        "extremes_disordered",
        5,
        _W,
        "lowest, mean and highest cell voltage are not in this order",
        0,
        _of("cell_voltage_min", "cell_voltage_mean", "cell_voltage_max"),
        _disordered("cell_voltage"),
    ),
    Rule(
        "extremes_disordered",
        5,
        _W,
        "lowest, mean and highest temperature are not in this order",
        0,
        _of("cell_temperature_min", "cell_temperature_mean", "cell_temperature_max"),
        _disordered("cell_temperature"),
    ),
    Rule(
        "index_out_of_range",
        5,
        _W,
        "an extreme is said to be at a position that no cell has",
        0,
        _of("cell_voltage_min", "cell_voltage_max"),
        _index_beyond,
    ),
    Rule(
        "bank_repeats_first",
        8,
        _Q,
        "what is called the bank's is the first part's alone: the other parts say something else",
        60,
        _of("current", "remaining_charge", "full_charge_capacity"),
        _repeats_first,
    ),
    Rule(
        "discharge_exceeds_charge",
        11,
        _W,
        "more went out than 1.05 of what went in and one full battery: a counter is wrong or was reset",
        0,
        _of("charge_out"),
        _more_out,
    ),
    Rule(
        "energy_against_charge",
        11,
        _W,
        "energy over charge is a voltage that this battery never has",
        0,
        _of("energy_in", "energy_out"),
        _energy_off,
    ),
    Rule(
        "no_sensor",
        12,
        _Q,
        "what a sensor that is not fitted shows, or no temperature that a battery survives",
        0,
        _TEMPERATURES,
        _no_sensor,
    ),
    Rule(
        "unused_sensor",
        12,
        _Q,
        "exactly 0.0 while all other sensors are 15 degrees away: an input without a sensor",
        0,
        _of("cell_temperature"),
        _unused_sensor,
    ),
    Rule(
        "no_cell_voltage",
        12,
        _Q,
        "a value that devices send where they have no cell voltage",
        0,
        _CELLS,
        _cell_sentinel,
    ),
    Rule(
        "cell_lost",
        12,
        _Q,
        "nothing at a position that the device counts as a cell: broken wire or dead cell",
        0,
        _of("cell_voltage"),
        _cell_lost,
    ),
    Rule(
        "sentinel",
        12,
        _Q,
        "a field with all bits set, only the highest, or nothing above its offset: no value",
        0,
        _SHORT | _LONG,
        _sentinel,
    ),
    Rule(
        "charge_out_of_range",
        12,
        _Q,
        "a state of charge outside 0 to 100 %: shifted field or skipped checksum",
        0,
        _of("state_of_charge"),
        _outside(0, 100),
    ),
    Rule(
        "health_out_of_range",
        12,
        _Q,
        "a health of 0 % or above 110 %: not measured, or a shifted field",
        0,
        _of("bms_reported_health"),
        _health,
    ),
    Rule(
        "capacity_zero",
        12,
        _Q,
        "a capacity of nought: nobody set it, or nothing was learned",
        0,
        _CAPACITIES,
        _nothing,
    ),
    Rule(
        "charge_nothing",
        12,
        _Q,
        "nothing is left in it while the state of charge says otherwise: the field is not kept",
        0,
        _of("remaining_charge"),
        _nothing_left,
    ),
    Rule(
        "counter_corrupt",
        12,
        _Q,
        "65 000 cycles and more are a known corruption of this counter",
        0,
        _of("cycle_count"),
        lambda reading, _: number(reading) >= 65000,
    ),
    Rule(
        "whole_ampere_hours",
        12,
        _W,
        "every amount that came is whole: old firmware or a reader that cut off what is behind the point",
        0,
        _of("remaining_charge"),
        _whole,
    ),
    Rule(
        "scale_off",
        13,
        _Q,
        "a power of ten beside what the cells say: the profile of another maker",
        0,
        _of("voltage"),
        _scale_off,
    ),
    Rule(
        "power_scale_off",
        13,
        _W,
        "a power of ten beside voltage times current: the profile of another maker",
        30,
        _of("power"),
        _power_off,
    ),
    Rule(
        "manufacturer_differs",
        13,
        _W,
        "the name of one brand in the protocol of another: an imitator, or the wrong profile",
        0,
        _of("manufacturer"),
        _maker_differs,
    ),
)
