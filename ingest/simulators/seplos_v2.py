"""A Seplos V2 board on a simulated pack: answers in ASCII at address 0, and in binary as over a radio.

Source: `ingest.protocols.seplos_v2`, whose builders write the bytes; telemetry proven there on recordings.
"""

from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import seplos_v2 as seplos
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import Protection, cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 4
MOST_CELLS: Final = 24
_COMMAND_UNKNOWN: Final = 0x04
_ABOVE: Final = 0x02
_BELOW: Final = 0x01


class SeplosDevice:
    """One board; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not obey, newest last.
    """

    def __init__(self, pack: LivePack) -> None:
        """Put a board on a pack.

        Raises:
            ValueError: the pack has more cells, or more charge or current, than its fields hold.
        """
        spec = pack.spec
        if spec.cells_in_series > MOST_CELLS:
            raise ValueError(f"a Seplos board watches at most {MOST_CELLS} cells, got {spec.cells_in_series}")
        most_a = spec.rated_capacity_ah * max(spec.charge_limit_c, spec.discharge_limit_c)
        if most_a > 327.0:
            raise ValueError(
                f"current is sent in sixteen bits, so it ends at 327 A; this pack may carry {most_a:g} A"
            )
        self.pack = pack
        self.refused: list[bytes] = []
        self._framer = seplos.PROTOCOL.framer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames if frame.is_request)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the pack live."""
        self.pack.advance(seconds)

    def _answer(self, frame: Frame) -> bytes:
        if frame.address:
            return b""  # nobody has this address
        try:
            seplos.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            self.refused.append(frame.raw)
            return seplos.encode_reply(frame.command, b"", status=_COMMAND_UNKNOWN)
        if frame.command == seplos.TELEMETRY:
            data = seplos.encode_telemetry(self._telemetry())
        elif frame.command == seplos.SINGLE:
            data = seplos.encode_telemetry(self._telemetry(), group=0, items=6)
        elif frame.command == seplos.ALARMS:
            data = self._alarms()
        elif frame.command == seplos.MODEL:
            data = seplos.encode_model(model="SIMULATED", version=(1, 0))
        else:
            data = seplos.encode_parallel(self._telemetry())  # the sum over one pack
        return seplos.encode_reply(frame.command, data)

    def _telemetry(self) -> seplos.Pack:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        full_ah = float(state.capacity_as.min()) / 3600.0
        volts = [exact(float(volt), -3) for volt in cell_voltages(spec, state)]
        *groups, switches = sensors_degc(state, _SENSORS + 1)
        return seplos.Pack(
            cells=volts,
            temperatures=groups,
            ambient=exact(self.pack.ambient_degc, -1),
            switches=switches + 1,  # electronics are a little warmer than the cells beside them
            current=exact(state.current_a, -2),
            voltage=exact(float(cell_voltages(spec, state).sum()), -2),
            remaining=exact(charge * full_ah, -2),
            learned=exact(full_ah, -2),
            state_of_charge=exact(charge * 100.0, -1),
            nominal=exact(spec.rated_capacity_ah, -2),
            cycles=cycle_count(spec, state),
            health=exact(100.0 * full_ah / spec.rated_capacity_ah, -1),
        )

    def _alarms(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        active, cell = state.protections, spec.cell
        hot = active & {Protection.CHARGE_OVER_TEMPERATURE, Protection.DISCHARGE_OVER_TEMPERATURE}
        cold = active & {Protection.CHARGE_UNDER_TEMPERATURE, Protection.DISCHARGE_UNDER_TEMPERATURE}
        return seplos.encode_alarms(
            cells=[
                _ABOVE if volt > cell.maximum_v else _BELOW if volt < cell.minimum_v else 0
                for volt in cell_voltages(spec, state)
            ],
            temperatures=[_ABOVE if hot else _BELOW if cold else 0] * (_SENSORS + 2),
            raised=[("protection", condition.value) for condition in active],
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
            balancing=[number for number, on in enumerate(state.balancing[:16], 1) if on],
        )
