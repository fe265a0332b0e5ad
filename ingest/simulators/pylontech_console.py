"""A stack of Pylontech-like modules on simulated packs, answering on the console of its first one.

Source: `ingest.protocols.pylontech_console`, whose builders write the bytes; columns and keys as its page
lists them, with the numbers of cells that newer firmware adds left out.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocols import pylontech_console as console
from ingest.simulators.live import LivePack, exact, pieces, sensors_degc
from ingest.simulators.pack import Protection, cell_voltages, cycle_count, state_of_charge

# A console listens for no longer line.
_LONGEST_LINE: Final = 80
_REMEMBERED: Final = 100
_TIME: Final = "2026-03-02 00:00:00"
_SWITCHES_ABOVE_BOARD_DEGC: Final = 1

_HEADER: Final = (
    *("Power", "Volt", "Curr", "Tempr", "Tlow", "Thigh", "Vlow", "Vhigh", "Base.St", "Volt.St", "Curr.St"),
    *("Temp.St", "Coulomb", "Time", "B.V.St", "B.T.St", "MosTempr", "M.T.St"),
)
_CELL_HEADER: Final = (
    *("Battery", "Volt", "Curr", "Tempr", "Base State", "Volt. State", "Curr. State", "Temp. State"),
    *("SOC", "Coulomb", "BAL"),
)
_ABSENT: Final = "Absent"
_CELL_HIGH: Final = frozenset({Protection.CELL_OVER_VOLTAGE})
_CELL_LOW: Final = frozenset({Protection.CELL_UNDER_VOLTAGE})
_PACK_HIGH: Final = frozenset({Protection.PACK_OVER_VOLTAGE})
_PACK_LOW: Final = frozenset({Protection.PACK_UNDER_VOLTAGE})
_HOT: Final = frozenset({Protection.CHARGE_OVER_TEMPERATURE, Protection.DISCHARGE_OVER_TEMPERATURE})
_COLD: Final = frozenset({Protection.CHARGE_UNDER_TEMPERATURE, Protection.DISCHARGE_UNDER_TEMPERATURE})


class PylontechConsole:
    """Modules in parallel; a `Device`. The cable is in the first one, which speaks for all.

    Attributes:
        modules: the packs; each carries the same share of the current.
        refused: the last commands that it would not obey, newest last.
    """

    def __init__(self, modules: Sequence[LivePack]) -> None:
        """Link modules to a stack.

        Raises:
            ValueError: there is no module, or more than the table has rows.
        """
        if not 1 <= len(modules) <= console.MOST_MODULES:
            raise ValueError(f"a stack has from 1 to {console.MOST_MODULES} modules, got {len(modules)}")
        self.modules = tuple(modules)
        self.refused: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._line = b""

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever lines are complete now."""
        *lines, self._line = (self._line + data.replace(b"\r", b"\n")).split(b"\n")
        self._line = self._line[-_LONGEST_LINE:]
        return b"".join(self._answer(line.strip()) for line in lines if line.strip())

    def quiet(self) -> None:
        """Forget half a line."""
        self._line = b""

    def advance(self, seconds: float) -> None:
        """Let the stack live; load and charger follow the first module."""
        for piece in pieces(seconds):
            current = self.modules[0].wanted_a()
            for module in self.modules:
                module.carry(piece, current)

    def _answer(self, line: bytes) -> bytes:
        asked = line[:_LONGEST_LINE] + b"\n"
        try:
            frame = console.PROTOCOL.permit(asked)
        except RequestForbidden:
            # A real console would shut down, restart or configure. This one never does.
            self.refused.append(line)
            word = line.split(None, 1)[0].decode("ascii", "replace").encode("ascii", "replace").decode()
            return console.encode_answer(asked, [f"Unknown command '{word}' - try 'help'"], done=False)
        number = frame.address
        if number is not None and not 1 <= number <= len(self.modules):
            return console.encode_answer(asked, ["Invalid command or fail to execute."], done=False)
        if frame.command == console.PWR and number is None:
            return console.encode_answer(asked, self._table())
        if frame.command == console.PWRSYS:
            return console.encode_answer(asked, self._stack())
        number = number or 1
        write = {console.PWR: _detail, console.BAT: _cells, console.STAT: _counters, console.INFO: _who}
        return console.encode_answer(asked, write[frame.command](number, self.modules[number - 1]))

    def _table(self) -> list[str]:
        rows: list[Sequence[str]] = [_HEADER]
        for number, pack in enumerate(self.modules, 1):
            volts, degrees = _volts(pack), _cells_degc(pack)
            over = _word(pack, _PACK_HIGH, _PACK_LOW)
            warmth = _word(pack, _HOT, _COLD)
            numbers = (
                *(sum(volts), _current(pack), _board(pack), min(degrees), max(degrees)),
                *(min(volts), max(volts)),
            )
            switches = _board(pack) + 1000 * _SWITCHES_ABOVE_BOARD_DEGC
            rows.append(
                (
                    *(str(number), *map(str, numbers), _base(pack), over, _flow(pack), warmth),
                    *(f"{_share(pack)}%", _TIME, _word(pack, _CELL_HIGH, _CELL_LOW), warmth),
                    *(str(switches), "Normal"),
                )
            )
        # The real one leaves out a field or two here as well.
        rows += [
            (str(number), *"-------", _ABSENT, *"-------")
            for number in range(len(self.modules) + 1, console.MOST_MODULES + 1)
        ]
        return [_line(row) for row in rows]

    def _stack(self) -> list[str]:
        packs = self.modules
        volts = [volt for pack in packs for volt in _volts(pack)]
        degrees = [degree for pack in packs for degree in _cells_degc(pack)]
        full = [_full_mah(pack) for pack in packs]
        left = [_left_mah(pack) for pack in packs]
        rated = sum(pack.spec.rated_capacity_ah for pack in packs) * 1000.0
        said = {
            "Total Num": len(packs),
            "Present Num": len(packs),
            "Sleep Num": 0,
            "System Volt": f"{sum(_volts(packs[0]))} mV",
            "System Curr": f"{sum(_current(pack) for pack in packs)} mA",
            "System RC": f"{sum(left)} mAH",
            "System FCC": f"{sum(full)} mAH",
            "System SOC": f"{round(100 * sum(left) / sum(full))} %",
            "System SOH": f"{min(100, round(100 * sum(full) / rated))} %",
            "Highest voltage": f"{max(volts)} mV",
            "Average voltage": f"{round(sum(volts) / len(volts))} mV",
            "Lowest voltage": f"{min(volts)} mV",
            "Highest temperature": f"{max(degrees)} mC",
            "Average temperature": f"{round(sum(degrees) / len(degrees))} mC",
            "Lowest temperature": f"{min(degrees)} mC",
        }
        return [" Power System Information", " " + "-" * 33, *_pairs(said, 25)]


def _line(fields: Sequence[str]) -> str:
    return "  ".join(f"{text:<7}" for text in fields)


def _pairs(said: Mapping[str, object], width: int) -> list[str]:
    return [f" {name:<{width}}: {value}" for name, value in said.items()]


def _volts(pack: LivePack) -> list[int]:
    """Of each cell, in mV."""
    return [round(float(volt) * 1000) for volt in cell_voltages(pack.spec, pack.state)]


def _cells_degc(pack: LivePack) -> list[int]:
    """Of each cell, in thousandths of a degree, as coarse as the sensors are."""
    return [int(degree * 1000) for degree in sensors_degc(pack.state, pack.spec.cells_in_series)]


def _board(pack: LivePack) -> int:
    """Electronics are a little warmer than the cells beside them."""
    return _cells_degc(pack)[0] + 1000


def _current(pack: LivePack) -> int:
    return int(exact(pack.state.current_a, -3).scaleb(3))


def _share(pack: LivePack) -> int:
    return round(state_of_charge(pack.state) * 100)


def _full_mah(pack: LivePack) -> int:
    return round(float(pack.state.capacity_as.min()) / 3.6)


def _left_mah(pack: LivePack) -> int:
    return round(state_of_charge(pack.state) * _full_mah(pack))


def _health(pack: LivePack) -> int:
    return min(100, round(_full_mah(pack) / (pack.spec.rated_capacity_ah * 10.0)))


def _base(pack: LivePack) -> str:
    current = _current(pack)
    return "Charge" if current > 0 else "Dischg" if current < 0 else "Idle"


def _word(pack: LivePack, above: frozenset[Protection], below: frozenset[Protection]) -> str:
    active = pack.state.protections
    return "Over" if active & above else "Under" if active & below else "Normal"


def _flow(pack: LivePack) -> str:
    active = pack.state.protections
    if Protection.CHARGE_OVER_CURRENT in active:
        return "COC"
    return "DOC" if Protection.DISCHARGE_OVER_CURRENT in active else "Normal"


def _detail(number: int, pack: LivePack) -> list[str]:
    warmth = _word(pack, _HOT, _COLD)
    said = {
        "Voltage": f"{sum(_volts(pack))} mV",
        "Current": f"{_current(pack)} mA",
        "Temperature": f"{_board(pack)} mC",
        "Coulomb": f"{_share(pack)} %",
        "Total Coulomb": f"{round(pack.spec.rated_capacity_ah * 1000)} mAH",
        "Basic Status": _base(pack),
        "Volt Status": _word(pack, _PACK_HIGH, _PACK_LOW),
        "Current Status": _flow(pack),
        "Tmpr. Status": warmth,
        "Bat Events": "0x0",
        "Power Events": "0x0",
        "System Fault": "0x0",
    }
    return [" " + "-" * 28, f" Power  {number}", *_pairs(said, 16), " " + "-" * 28]


def _cells(number: int, pack: LivePack) -> list[str]:
    del number
    rows: list[Sequence[str]] = [_CELL_HEADER]
    state = pack.state
    shares = state.charge_as / state.capacity_as
    bled = state.balancing or (False,) * len(shares)
    cells = zip(_volts(pack), _cells_degc(pack), state.charge_as, shares, bled, strict=True)
    for index, (volt, degrees, charge, share, is_bled) in enumerate(cells):
        rows.append(
            (
                *(str(index), str(volt), str(_current(pack)), str(degrees), _base(pack)),
                *("Normal", "Normal", "Normal", f"{round(float(share) * 100)}%"),
                *(f"{round(float(charge) / 3.6)} mAH", "Y" if is_bled else "N"),
            )
        )
    return [_line(row) for row in rows]


def _counters(number: int, pack: LivePack) -> list[str]:
    spec, state = pack.spec, pack.state
    discharged = state.full_cycles * spec.rated_capacity_ah * 1000.0 + state.discharged_as / 3.6
    counts = {condition.value: count for condition, count in state.protection_counts.items()}
    said: dict[str, object] = {_upper(name): counts.get(kind, 0) for name, kind in console.COUNTED.items()}
    said |= {
        "CYCLE Times": cycle_count(spec, state),
        "SOH": _health(pack),
        "Pwr Percent": _share(pack),
        "Pwr Coulomb": _left_mah(pack) * 3600,
        "Dsg Cap": round(discharged),
    }
    return [f"Device address           {number}", *(line[1:] for line in _pairs(said, 16))]


def _upper(name: str) -> str:
    """A key as the console spells it: abbreviations in capitals."""
    return " ".join(
        word.capitalize() if word in ("bat", "pwr", "times", "shut", "reset", "input") else word.upper()
        for word in name.split()
    )


def _who(number: int, pack: LivePack) -> list[str]:
    spec = pack.spec
    volts = f"{spec.cell.nominal_v * spec.cells_in_series:.1f}"
    said: dict[str, object] = {
        "Device address": number,
        "Manufacturer": "Example Cells",
        "Device name": "SIMULATED",
        "Board version": "V1",
        "Main Soft version": "V1.0",
        "Barcode": f"SIM{spec.seed:013d}",
        "Specification": f"{volts}V/{spec.rated_capacity_ah:.1f}AH",
        "Cell Number": spec.cells_in_series,
        "Max Dischg Curr": f"-{round(spec.discharge_limit_c * spec.rated_capacity_ah * 1000)}mA",
        "Max Charge Curr": f"{round(spec.charge_limit_c * spec.rated_capacity_ah * 1000)}mA",
    }
    return [line[1:] for line in _pairs(said, 20)]
