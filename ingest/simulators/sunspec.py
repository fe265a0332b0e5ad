"""A SunSpec bank of strings on simulated packs: the chain of models 1, 802, 803, 804 and 805, and 714.

Each string has one module, whose cells are told one by one. Source: `ingest.protocols.sunspec`, whose points
write the bytes; unproven on hardware.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from ingest.protocol import I16, U16, U32
from ingest.protocols import sunspec
from ingest.protocols.sunspec import Point
from ingest.simulators.live import LivePack, exact, pieces
from ingest.simulators.pack import Protection, cell_voltages, cycle_count, state_of_charge
from ingest.simulators.registers import RegisterLine

BASE: Final = 40_000
MOST_STRINGS: Final = 20
_UNIT: Final = 1
_STEPS: Final = {
    "voltage": -1,
    "current": -1,
    "state_of_charge": -1,
    "bms_reported_health": -1,
    "cell_voltage": -3,
    "cell_voltage_max": -3,
    "cell_voltage_min": -3,
    "cell_voltage_mean": -3,
    "cell_temperature": -1,
    "cell_temperature_max": -1,
    "cell_temperature_min": -1,
    "cell_temperature_mean": -1,
}
# What the event words can say of a pack's protections.
_EVENT_BITS: Final[Mapping[Protection, int]] = {
    Protection.CHARGE_OVER_TEMPERATURE: 1,
    Protection.DISCHARGE_OVER_TEMPERATURE: 1,
    Protection.CHARGE_UNDER_TEMPERATURE: 3,
    Protection.DISCHARGE_UNDER_TEMPERATURE: 3,
    Protection.CHARGE_OVER_CURRENT: 5,
    Protection.DISCHARGE_OVER_CURRENT: 7,
    Protection.PACK_OVER_VOLTAGE: 9,
    Protection.CELL_OVER_VOLTAGE: 9,
    Protection.PACK_UNDER_VOLTAGE: 11,
    Protection.CELL_UNDER_VOLTAGE: 11,
}


class SunSpecBank:
    """Strings in parallel behind one Modbus unit; a `Device`.

    Attributes:
        strings: the packs; each carries the same share of the current.
        line: its end of the line.
    """

    def __init__(self, strings: Sequence[LivePack]) -> None:
        """Put strings into a bank.

        Raises:
            ValueError: there is no string, or more than the bank can hold.
        """
        if not 1 <= len(strings) <= MOST_STRINGS:
            raise ValueError(f"a bank has from 1 to {MOST_STRINGS} strings, got {len(strings)}")
        self.strings = tuple(strings)
        self.line = RegisterLine(self._registers)

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        return self.line.hear(data)

    def quiet(self) -> None:
        """Forget half a request."""
        self.line.quiet()

    def advance(self, seconds: float) -> None:
        """Let the bank live; load and charger follow the first string."""
        for piece in pieces(seconds):
            current = self.strings[0].wanted_a()
            for string in self.strings:
                string.carry(piece, current)

    def _registers(self, unit: int, function: int, start: int, count: int) -> bytes | None:
        if unit != _UNIT:
            raise KeyError(unit)
        data = self.image()
        begin = 2 * (start - BASE)
        if function != 3 or begin < 0 or begin + 2 * count > len(data):
            return None
        return data[begin : begin + 2 * count]

    def image(self) -> bytes:
        """All registers from the marker to the end of the chain, as they are now."""
        models = [_common(), self._bank(), self._strings()]
        models += [_string(number, pack) for number, pack in enumerate(self.strings, 1)]
        models += [_module(number, pack) for number, pack in enumerate(self.strings, 1)]
        return sunspec.MARKER + b"".join(models) + U16.write(sunspec.END) + U16.write(0)

    def _bank(self) -> bytes:
        packs = self.strings
        charge_ah = sum(state_of_charge(pack.state) * pack.spec.rated_capacity_ah for pack in packs)
        rated_ah = sum(pack.spec.rated_capacity_ah for pack in packs)
        volts = [cell_voltages(pack.spec, pack.state) for pack in packs]
        voltage = sum(float(one.sum()) for one in volts) / len(volts)
        current = sum(pack.state.current_a for pack in packs)
        values = {
            "nameplate_capacity": exact(rated_ah, 0),
            "state_of_charge": exact(100.0 * charge_ah / rated_ah, -1),
            "cycle_count": Decimal(max(cycle_count(pack.spec, pack.state) for pack in packs)),
            "voltage": exact(voltage, -1),
            "cell_voltage_max": exact(max(float(one.max()) for one in volts), -3),
            "cell_voltage_min": exact(min(float(one.min()) for one in volts), -3),
            "cell_voltage_mean": exact(sum(float(one.mean()) for one in volts) / len(volts), -3),
            "current": exact(current, -1),
            "power": exact(voltage * current, 1),
        }
        words = _blank(sunspec.BANK, 0)
        _fill(words, sunspec.BANK_POINTS, 0, values)
        words[42:44] = U16.write(4)  # lithium ion
        words[44:46] = U16.write(3)  # connected
        words[52:56] = U32.write(_events(packs))
        return bytes(words)

    def _strings(self) -> bytes:
        packs = self.strings
        words = _blank(sunspec.STRINGS, len(packs))
        values = {"module_count": Decimal(len(packs)), "modules_online": Decimal(len(packs))}
        degrees = [float(one) for pack in packs for one in pack.state.temperature_degc]
        _fill(words, sunspec.STRINGS_POINTS, 0, values | _warmth(degrees))
        for number, pack in enumerate(packs):
            begin = 28 + 32 * number
            _fill(words, sunspec.STRINGS_REPEATED, begin, _pack(pack) | {"module_count": Decimal(1)})
            words[2 * begin + 40 : 2 * begin + 44] = U32.write(_events([pack]))
        return bytes(words)


def _string(number: int, pack: LivePack) -> bytes:
    words = _blank(sunspec.STRING, 1)
    words[4:6] = U16.write(number)
    _fill(words, sunspec.STRING_POINTS, 0, _pack(pack) | {"module_count": Decimal(1)})
    words[56:60] = U32.write(_events([pack]))
    cells = {"cell_count": Decimal(pack.spec.cells_in_series)}
    _fill(words, sunspec.STRING_REPEATED, 48, _pack(pack) | cells)
    return bytes(words)


def _module(number: int, pack: LivePack) -> bytes:
    volts = cell_voltages(pack.spec, pack.state)
    words = _blank(sunspec.MODULE, len(volts))
    words[4:8] = U16.write(number) + U16.write(1)
    cells = {"cell_count": Decimal(len(volts))}
    _fill(words, sunspec.MODULE_POINTS, 0, _pack(pack) | cells)
    words[44:76] = f"SIM{pack.spec.seed:013d}".encode().ljust(32, b"\0")
    for place, (volt, degc) in enumerate(zip(volts, pack.state.temperature_degc, strict=True)):
        begin = 44 + 4 * place
        one = {"cell_voltage": exact(float(volt), -3), "cell_temperature": exact(float(degc), -1)}
        _fill(words, sunspec.CELL_POINTS, begin, one)
        words[2 * begin + 4 : 2 * begin + 8] = U32.write(int(bool(pack.state.balancing[place])))
    return bytes(words)


def _common() -> bytes:
    """Model 1: who made it; every chain begins with it."""
    texts = (("Example Cells", 32), ("SIMULATED-SUNSPEC", 32), ("", 16), ("1.0", 16), ("SIM-BANK", 32))
    body = b"".join(text.encode().ljust(size, b"\0") for text, size in texts)
    return U16.write(1) + U16.write(66) + body + U16.write(_UNIT) + U16.write(0x8000)


def _blank(model: int, times: int) -> bytearray:
    """A model with every point "not implemented" that this module does not fill, and its factors."""
    fixed, repeated = sunspec.SHAPES[model]
    count = fixed + repeated * times
    words = bytearray(b"\xff" * (2 * count))
    words[:4] = U16.write(model) + U16.write(count - 2)
    points = {
        sunspec.BANK: sunspec.BANK_POINTS,
        sunspec.STRINGS: (*sunspec.STRINGS_POINTS, *sunspec.STRINGS_REPEATED),
        sunspec.STRING: (*sunspec.STRING_POINTS, *sunspec.STRING_REPEATED),
        sunspec.MODULE: (*sunspec.MODULE_POINTS, *sunspec.CELL_POINTS),
    }[model]
    for point in points:
        if point.factor is not None:
            words[2 * point.factor : 2 * point.factor + 2] = I16.write(_step(point))
    return words


def _step(point: Point) -> int:
    return {"power": 1, "nameplate_capacity": 0}.get(
        point.field.quantity, _STEPS.get(point.field.quantity, -1)
    )


def _fill(words: bytearray, points: Sequence[Point], begin: int, values: Mapping[str, Decimal]) -> None:
    for point in points:
        row = point.field
        at = 2 * begin + row.offset
        if row.quantity in values:
            factor = 0 if point.factor is None else _step(point)
            words[at : at + row.integer.size] = row.write(values[row.quantity], coarser=factor)
        elif row.integer.signed:
            words[at : at + row.integer.size] = b"\x80\x00"


def _pack(pack: LivePack) -> dict[str, Decimal]:
    volts = cell_voltages(pack.spec, pack.state)
    return {
        "state_of_charge": exact(100.0 * state_of_charge(pack.state), -1),
        "cycle_count": Decimal(cycle_count(pack.spec, pack.state)),
        "current": exact(pack.state.current_a, -1),
        "voltage": exact(float(volts.sum()), -1),
        "cell_voltage_max": exact(float(volts.max()), -3),
        "cell_voltage_min": exact(float(volts.min()), -3),
        "cell_voltage_mean": exact(float(volts.mean()), -3),
    } | _warmth([float(one) for one in pack.state.temperature_degc])


def _warmth(degrees: Sequence[float]) -> dict[str, Decimal]:
    return {
        "cell_temperature_max": exact(max(degrees), -1),
        "cell_temperature_min": exact(min(degrees), -1),
        "cell_temperature_mean": exact(sum(degrees) / len(degrees), -1),
    }


def _events(packs: Sequence[LivePack]) -> int:
    bits = {_EVENT_BITS[one] for pack in packs for one in pack.state.protections if one in _EVENT_BITS}
    return sum(1 << bit for bit in bits)
