"""A TDT board on a simulated pack, of the older firmware that sends no health.

Source: `ingest.protocols.tdt`, whose builders write the bytes; proven there on recordings of two packs.
"""

from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import tdt
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import Protection, cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 4
MOST_CELLS: Final = 32
_ERROR: Final = 0x04
_ABOVE: Final = 0x02
_BELOW: Final = 0x01


class TdtDevice:
    """One board; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not obey, newest last.
    """

    def __init__(self, pack: LivePack) -> None:
        """Put a board on a pack.

        Raises:
            ValueError: the pack has more cells than a board can watch.
        """
        if pack.spec.cells_in_series > MOST_CELLS:
            raise ValueError(
                f"a TDT board watches at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.refused: list[bytes] = []
        self._framer = tdt.PROTOCOL.framer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the pack live."""
        self.pack.advance(seconds)

    def _answer(self, frame: Frame) -> bytes:
        try:
            tdt.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            self.refused.append(frame.raw)
            return tdt.encode_reply(frame.command, b"", status=_ERROR)
        if frame.command == tdt.TELEMETRY:
            data = self._telemetry()
        elif frame.command == tdt.ALARMS:
            data = self._alarms()
        else:
            serial = f"SIM{self.pack.spec.seed:013d}"
            data = tdt.encode_identity(version="SIMULATED", maker="Example Cells", serial=serial)
        return tdt.encode_reply(frame.command, data)

    def _telemetry(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        full_ah = float(state.capacity_as.min()) / 3600.0
        *groups, switches = sensors_degc(state, _SENSORS + 1)
        return tdt.encode_telemetry(
            tdt.Pack(
                cells=[exact(float(volt), -3) for volt in cell_voltages(spec, state)],
                ambient=exact(self.pack.ambient_degc, -1),
                switches=switches + 1,  # electronics are a little warmer than the cells beside them
                temperatures=groups,
                current=exact(state.current_a, -1),
                voltage=exact(float(cell_voltages(spec, state).sum()), -2),
                remaining=exact(charge * full_ah, -1),
                full=exact(full_ah, -1),
                cycles=cycle_count(spec, state),
                nominal=exact(spec.rated_capacity_ah, -1),
                state_of_charge=round(charge * 100.0),
            )
        )

    def _alarms(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        active, cell = state.protections, spec.cell
        hot = active & {Protection.CHARGE_OVER_TEMPERATURE, Protection.DISCHARGE_OVER_TEMPERATURE}
        cold = active & {Protection.CHARGE_UNDER_TEMPERATURE, Protection.DISCHARGE_UNDER_TEMPERATURE}
        return tdt.encode_alarms(
            cells=[
                _ABOVE if volt > cell.maximum_v else _BELOW if volt < cell.minimum_v else 0
                for volt in cell_voltages(spec, state)
            ],
            temperatures=[_ABOVE if hot else _BELOW if cold else 0] * (_SENSORS + 2),
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
        )
