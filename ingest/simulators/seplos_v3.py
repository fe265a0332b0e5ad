"""A bank of Seplos-like packs on simulated ones: unit 0 tells of the bank, units from 1 of the packs.

Source: `ingest.protocols.seplos_v3`, whose rows write the bytes; proven there on a recording.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from ingest.modbus import COILS, Bits, Number
from ingest.protocols import seplos_v3 as seplos
from ingest.simulators.live import LivePack, exact, pieces, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge
from ingest.simulators.registers import RegisterLine

Values = Mapping[tuple[str, int | None], Decimal]
_SENSORS: Final = 4


class SeplosBank:
    """Packs in parallel; a `Device`.

    Attributes:
        packs: each carries the same share of the current.
        line: its end of the line.
    """

    def __init__(self, packs: Sequence[LivePack]) -> None:
        """Put packs on one bus.

        Raises:
            ValueError: there is no pack, more than a bank can have, or one of too many cells.
        """
        if not 1 <= len(packs) <= seplos.MOST_PACKS:
            raise ValueError(f"a bank has from 1 to {seplos.MOST_PACKS} packs, got {len(packs)}")
        if any(pack.spec.cells_in_series > seplos.CELLS for pack in packs):
            raise ValueError(f"a pack has at most {seplos.CELLS} cells")
        if any(pack.spec.rated_capacity_ah > 650 for pack in packs):
            raise ValueError("a pack has at most 650 Ah: its capacity is sent in sixteen bits")
        self.packs = tuple(packs)
        self.line = RegisterLine(self._registers)

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        return self.line.hear(data)

    def quiet(self) -> None:
        """Forget half a request."""
        self.line.quiet()

    def advance(self, seconds: float) -> None:
        """Let the bank live; load and charger follow the first pack."""
        for piece in pieces(seconds):
            current = self.packs[0].wanted_a()
            for pack in self.packs:
                pack.carry(piece, current)

    def _registers(self, unit: int, function: int, start: int, count: int) -> bytes | None:
        if unit > len(self.packs):
            raise KeyError(unit)
        blocks = {(one.function, one.start): one for one in seplos.BLOCKS}
        block = blocks.get((function, start))
        if block is None or count > block.count or (block.unit is None) == (unit == seplos.BANK_UNIT):
            return None
        if function == COILS:
            return _coils(
                self.packs if unit == seplos.BANK_UNIT else self.packs[unit - 1 : unit], start, count
            )
        values = self._bank() if unit == seplos.BANK_UNIT else pack_values(self.packs[unit - 1])
        return _fill(values, start, count)

    def _bank(self) -> Values:
        values = [pack_values(pack) for pack in self.packs]

        def of(quantity: str) -> list[Decimal]:
            return [one[quantity, None] for one in values]

        full = sum(of("full_charge_capacity"))
        remaining = sum(of("remaining_charge"))
        return {
            ("voltage", None): exact(float(sum(of("voltage"))) / len(values), -2),
            ("current", None): exact(float(sum(of("current"))), -1),
            ("remaining_charge", None): Decimal(remaining),
            ("full_charge_capacity", None): Decimal(full),
            ("nameplate_capacity", None): Decimal(sum(of("nameplate_capacity"))),
            ("module_count", None): Decimal(len(values)),
            ("cycle_count", None): exact(float(sum(of("cycle_count"))) / len(values), 0),
            ("state_of_charge", None): exact(float(100 * remaining / full), -1),
            # A bank is as healthy as its weakest pack.
            ("bms_reported_health", None): min(of("bms_reported_health")),
            ("cell_voltage_max", None): max(of("cell_voltage_max")),
            ("cell_voltage_min", None): min(of("cell_voltage_min")),
            ("cell_temperature_max", None): max(of("cell_temperature_max")),
            ("cell_temperature_min", None): min(of("cell_temperature_min")),
            ("cell_temperature_mean", None): exact(float(sum(of("cell_temperature_mean"))) / len(values), -1),
        }


def pack_values(pack: LivePack) -> dict[tuple[str, int | None], Decimal]:
    """What a pack's registers hold now, by quantity and position."""
    spec, state = pack.spec, pack.state
    volts = [exact(float(one), -3) for one in cell_voltages(spec, state)]
    degrees = sensors_degc(state, _SENSORS)
    full_ah = float(state.capacity_as.min()) / 3600.0
    values: dict[tuple[str, int | None], Decimal] = {
        ("voltage", None): exact(float(cell_voltages(spec, state).sum()), -2),
        ("current", None): exact(state.current_a, -2),
        ("remaining_charge", None): exact(state_of_charge(state) * full_ah, -2),
        ("full_charge_capacity", None): exact(full_ah, -2),
        ("nameplate_capacity", None): exact(full_ah, -2),
        ("state_of_charge", None): exact(100.0 * state_of_charge(state), -1),
        ("bms_reported_health", None): exact(100.0 * full_ah / spec.rated_capacity_ah, -1),
        ("cycle_count", None): Decimal(cycle_count(spec, state)),
        ("cell_voltage_mean", None): exact(float(sum(volts)) / len(volts), -3),
        ("cell_voltage_max", None): max(volts),
        ("cell_voltage_min", None): min(volts),
        ("cell_temperature_mean", None): exact(float(sum(degrees)) / len(degrees), -1),
        ("cell_temperature_max", None): max(degrees),
        ("cell_temperature_min", None): min(degrees),
        ("cell_count", None): Decimal(len(volts)),
        ("ambient_temperature", None): exact(pack.ambient_degc, -1),
        ("board_temperature", None): degrees[0] + 1,
    }
    values |= {("cell_voltage", place): volt for place, volt in enumerate(volts, 1)}
    return values | {("cell_temperature", place): degc for place, degc in enumerate(degrees, 1)}


def _fill(values: Values, start: int, count: int) -> bytes:
    """The registers from `start` on; reserved ones are zero, a sensor that is not there reads 0 degC."""
    data = bytearray(2 * count)
    for row in seplos.PROTOCOL.rows:
        if not isinstance(row, Number) or not start <= row.address <= start + count - row.count:
            continue
        at, field = 2 * (row.address - start), row.field
        value = values.get((field.quantity, field.index))
        if value is not None:
            data[at : at + field.integer.size] = field.write(value)
        elif field.zero:
            data[at : at + 2] = field.zero.to_bytes(2, "big")
    return bytes(data)


def _coils(packs: Sequence[LivePack], start: int, count: int) -> bytes:
    """The coils from `start` on: protections of any of the packs, switches and balancing of all."""
    active = {one.value for pack in packs for one in pack.state.protections}
    on = {
        "charging_enabled": all(pack.state.charging_enabled for pack in packs),
        "discharging_enabled": all(pack.state.discharging_enabled for pack in packs),
    }
    coils = 0
    for row in seplos.EVENT_ROWS:
        if not isinstance(row, Bits) or not start <= row.address < start + count:
            continue
        at = row.address - start
        for bit, name in row.names.items():
            if (row.quantity == "protection" and name in active) or on.get(row.quantity, False):
                coils |= 1 << at + bit
    return coils.to_bytes((count + 7) // 8, "little")
