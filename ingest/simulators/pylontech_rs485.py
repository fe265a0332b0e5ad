"""A bank of Pylontech-like modules on simulated packs, answering through its master and one by one.

Source: `ingest.protocols.pylontech_rs485`, whose builders write the bytes; proven there on recordings.
"""

from collections.abc import Sequence
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.live import LivePack, exact, pieces, sensors_degc
from ingest.simulators.pack import STOPS_CHARGE, Protection, cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 4
MOST_MODULES: Final = 12  # a longer answer outgrows the twelve bits of its length
MOST_V: Final = 65.0
_BELOW: Final = 0x01
_ABOVE: Final = 0x02
_COMMAND_UNKNOWN: Final = 0x04

# What the status byte can say of the pack's conditions; the rest shows in the states alone.
_BITS: Final = frozenset(pylontech.PROTECTION_BITS.values())


class PylontechBank:
    """Modules in parallel; a `Device`. The first one is master and answers for all.

    Attributes:
        modules: the packs; each carries the same share of the current.
        refused: requests that it would not obey, newest last.
    """

    def __init__(self, modules: Sequence[LivePack]) -> None:
        """Put modules on one bus.

        Raises:
            ValueError: there is no module, more than one answer can hold, or one of too high a voltage.
        """
        for module in modules:
            if module.spec.maximum_v > MOST_V:
                raise ValueError(
                    f"a module's voltage is sent in sixteen bits, so it ends at {MOST_V} V; "
                    f"{module.spec.cells_in_series} cells reach {module.spec.maximum_v:.1f} V"
                )
        if not 1 <= len(modules) <= MOST_MODULES:
            raise ValueError(f"a bank has from 1 to {MOST_MODULES} modules, got {len(modules)}")
        self.modules = tuple(modules)
        self.refused: list[bytes] = []
        self._framer = pylontech.PROTOCOL.framer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames if frame.is_request)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the bank live; load and charger follow the master."""
        for piece in pieces(seconds):
            current = self.modules[0].wanted_a()
            for module in self.modules:
                module.carry(piece, current)

    def _answer(self, frame: Frame) -> bytes:
        address = frame.address if frame.address is not None else pylontech.MASTER
        number = address - pylontech.MASTER
        if not 0 <= number < len(self.modules):
            return b""  # nobody has this address
        try:
            pylontech.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            self.refused.append(frame.raw)
            return pylontech.encode_reply(b"", address=address, return_code=_COMMAND_UNKNOWN)
        whole = frame.payload == bytes([pylontech.ALL])
        asked = self.modules if whole else self.modules[number : number + 1]
        named = None if whole else address
        info = b""
        if frame.command == pylontech.ANALOG:
            info = pylontech.encode_analog([analog(module) for module in asked], number=named)
        elif frame.command == pylontech.ALARMS:
            info = pylontech.encode_alarms([alarms(module) for module in asked], number=named)
        elif frame.command == pylontech.MANUFACTURER:
            info = pylontech.encode_manufacturer(device="SIMULATED", software=(1, 0), maker="Example Cells")
        elif frame.command == pylontech.SERIAL:
            serial = f"SIM{self.modules[number].spec.seed:013d}"
            info = pylontech.encode_serial(serial, number=address)
        return pylontech.encode_reply(info, address=address)


def analog(pack: LivePack) -> pylontech.Module:
    """What the module's analog answer says now."""
    spec, state = pack.spec, pack.state
    volts = [exact(float(volt), -3) for volt in cell_voltages(spec, state)]
    board, *groups = sensors_degc(state, 1 + _SENSORS)
    return pylontech.Module(
        cells=volts,
        board=board + 1,  # electronics are a little warmer than the cells beside them
        temperatures=groups,
        current=exact(state.current_a, -1),
        voltage=exact(float(cell_voltages(spec, state).sum()), -3),
        # The device knows its rated capacity, not what is left of it: the share is of the rated one.
        remaining=exact(state_of_charge(state) * spec.rated_capacity_ah, -3),
        total=exact(spec.rated_capacity_ah, -3),
        cycles=cycle_count(spec, state),
    )


def alarms(pack: LivePack) -> pylontech.ModuleAlarms:
    """What the module's alarm answer says now."""
    spec, state = pack.spec, pack.state
    active, cell = state.protections, spec.cell
    volts = cell_voltages(spec, state)
    over, under = Protection.CELL_OVER_VOLTAGE in active, Protection.CELL_UNDER_VOLTAGE in active
    hot = active & {Protection.CHARGE_OVER_TEMPERATURE, Protection.DISCHARGE_OVER_TEMPERATURE}
    cold = active & {Protection.CHARGE_UNDER_TEMPERATURE, Protection.DISCHARGE_UNDER_TEMPERATURE}
    warmth = _ABOVE if hot else _BELOW if cold else 0
    high = over or Protection.PACK_OVER_VOLTAGE in active
    low = under or Protection.PACK_UNDER_VOLTAGE in active
    return pylontech.ModuleAlarms(
        cells=[_ABOVE if volt > cell.maximum_v else _BELOW if volt < cell.minimum_v else 0 for volt in volts],
        temperatures=[warmth] * (1 + _SENSORS),
        charge_current=_ABOVE if Protection.CHARGE_OVER_CURRENT in active else 0,
        voltage=_ABOVE if high else _BELOW if low else 0,
        discharge_current=_ABOVE if Protection.DISCHARGE_OVER_CURRENT in active else 0,
        protections=[condition.value for condition in active if condition.value in _BITS],
        charging_enabled=not active & STOPS_CHARGE,
        discharging_enabled=state.discharging_enabled,
    )
