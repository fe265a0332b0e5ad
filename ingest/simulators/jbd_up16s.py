"""JBD UP packs on one bus, on simulated packs: each answers at its address, byte for byte.

Source: `ingest.protocols.jbd_up16s`, whose builders write the bytes; proven there on a recording.
"""

from collections.abc import Sequence
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import jbd_up16s as up
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 4
_BITS: Final = frozenset(up.PROTECTIONS)
MOST_CELLS: Final = 32


class JbdUpBank:
    """Packs with the addresses 1, 2 and so on; a `Device`.

    Attributes:
        modules: the packs, in the order of their addresses.
        refused: requests that nobody would obey, newest last.
    """

    def __init__(self, modules: Sequence[LivePack]) -> None:
        """One pack or more.

        Raises:
            ValueError: a pack has more cells than such a board can watch.
        """
        for pack in modules:
            if pack.spec.cells_in_series > MOST_CELLS:
                raise ValueError(
                    f"a JBD UP board watches at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
                )
        self.modules = list(modules)
        self.refused: list[bytes] = []
        self._framer = up.PROTOCOL.framer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames if frame.is_request)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the packs live."""
        for pack in self.modules:
            pack.advance(seconds)

    def _answer(self, frame: Frame) -> bytes:
        try:
            up.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            # A real pack would obey a write. This one stays silent and remembers.
            self.refused.append(frame.raw)
            return b""
        number = (frame.address or 0) - up.FIRST_ADDRESS
        if not 0 <= number < len(self.modules):
            return b""
        return up.encode_reply(up.FIRST_ADDRESS + number, up.encode_state(state_of(self.modules[number])))


def state_of(pack: LivePack) -> up.State:
    """What the board on a pack says."""
    spec, state = pack.spec, pack.state
    charge = state_of_charge(state)
    full_ah = float(state.capacity_as.min()) / 3600.0
    volts = cell_voltages(spec, state)
    degrees = sensors_degc(state, _SENSORS)
    rated = spec.rated_capacity_ah
    operation = up.CHARGING if state.current_a > 0 else up.DISCHARGING if state.current_a < 0 else up.IDLE
    return up.State(
        numbers={
            "voltage": exact(float(volts.sum()), -2),
            "current": exact(state.current_a, -2),
            "state_of_charge": exact(charge * 100.0, -2),
            "remaining_charge": exact(charge * full_ah, -2),
            "nameplate_capacity": exact(rated, -2),
            "board_temperature": degrees[0],
            "ambient_temperature": exact(pack.ambient_degc, -1),
            "bms_reported_health": exact(full_ah / rated * 100.0, 0),
            "cycle_count": exact(cycle_count(spec, state), 0),
            "charge_voltage_limit": exact(spec.cell.maximum_v * spec.cells_in_series, -1),
            "charge_current_limit": exact(spec.charge_limit_c * rated, -1),
            "discharge_voltage_limit": exact(spec.cell.minimum_v * spec.cells_in_series, -1),
            "discharge_current_limit": exact(spec.discharge_limit_c * rated, -1),
        },
        cells=[exact(float(volt), -3) for volt in volts],
        temperatures=degrees,
        operation=operation,
        protections=sorted({condition.value for condition in state.protections} & _BITS),
        charging_enabled=state.charging_enabled,
        discharging_enabled=state.discharging_enabled,
        balancing=sum(1 << number for number, on in enumerate(state.balancing) if on),
        model="SIMULATED-UP",
    )
