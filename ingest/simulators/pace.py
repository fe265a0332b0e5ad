"""PACE boards on simulated packs, in parallel on one line; the first one also answers as the app asks.

Source: `ingest.protocols.pace`, whose builders write the bytes; analog values proven there on recordings.
"""

from collections.abc import Sequence
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import pace
from ingest.simulators.live import LivePack, exact, pieces, sensors_degc
from ingest.simulators.pack import Protection, cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 4
MOST_PACKS: Final = 12
MOST_V: Final = 65.0
_COMMAND_UNKNOWN: Final = 0x04
_VERSION_ERROR: Final = 0x01
_ABOVE: Final = 0x02
_BELOW: Final = 0x01


class PaceBank:
    """Packs in parallel at addresses 1, 2, ...; a `Device`. It speaks version 25.

    Attributes:
        packs: each carries the same share of the current.
        refused: requests that it would not obey, newest last.
    """

    def __init__(self, packs: Sequence[LivePack]) -> None:
        """Put packs on one line.

        Raises:
            ValueError: there is no pack, too many, or one of too high a voltage or current.
        """
        for pack in packs:
            if pack.spec.maximum_v > MOST_V:
                raise ValueError(
                    f"a pack's voltage is sent in sixteen bits, so it ends at {MOST_V} V; "
                    f"{pack.spec.cells_in_series} cells reach {pack.spec.maximum_v:.1f} V"
                )
            most_a = pack.spec.rated_capacity_ah * max(pack.spec.charge_limit_c, pack.spec.discharge_limit_c)
            if most_a > 327.0:
                raise ValueError(
                    f"current is sent in sixteen bits, so it ends at 327 A; this pack may carry {most_a:g} A"
                )
        if not 1 <= len(packs) <= MOST_PACKS:
            raise ValueError(f"a line has from 1 to {MOST_PACKS} packs, got {len(packs)}")
        self.packs = tuple(packs)
        self.refused: list[bytes] = []
        self._framer = pace.PROTOCOL.framer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames if frame.is_request)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the packs live; load and charger follow the first."""
        for piece in pieces(seconds):
            current = self.packs[0].wanted_a()
            for pack in self.packs:
                pack.carry(piece, current)

    def _answer(self, frame: Frame) -> bytes:
        if frame.command > 0xFF:
            return self._app(frame)
        address = frame.address or 0
        if not 1 <= address <= len(self.packs):
            return b""  # nobody has this address
        if frame.raw[1:3] != b"25":
            return pace.encode_reply(0, b"", address=address, return_code=_VERSION_ERROR)
        try:
            pace.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            self.refused.append(frame.raw)
            return pace.encode_reply(0, b"", address=address, return_code=_COMMAND_UNKNOWN)
        pack = self.packs[address - 1]
        if frame.command == pace.ANALOG:
            data = pace.encode_analog([told(pack)], number=address)
        elif frame.command == pace.STATUS:
            data = status(pack, address)
        elif frame.command == pace.SERIAL:
            data = pace.encode_serial(f"SIM{pack.spec.seed:011d}")
        else:
            data = b"SIMULATED-1.0".ljust(20)
        return pace.encode_reply(frame.command, data, address=address)

    def _app(self, frame: Frame) -> bytes:
        try:
            pace.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            self.refused.append(frame.raw)
            return b""
        number = frame.payload[1] if len(frame.payload) == 2 else 1
        if not 1 <= number <= len(self.packs):
            return b""
        pack = self.packs[number - 1]
        share = round(100 * state_of_charge(pack.state))
        health = round(100 * float(pack.state.capacity_as.min()) / 3600.0 / pack.spec.rated_capacity_ah)
        data = {
            pace.APP_SYSTEM: pace.encode_app_system(told(pack), state_of_charge=share, health=health),
            pace.APP_PACK: pace.encode_app_pack(told(pack), state_of_charge=share, health=health),
            pace.APP_CELLS: pace.encode_app_cells(told(pack)),
            pace.APP_SERIAL: pace.encode_app_text(f"SIM{pack.spec.seed:011d}"),
            pace.APP_VERSIONS: pace.encode_app_text("1.0", "A"),
        }[frame.command]
        return pace.encode_reply(frame.command, data)


def told(pack: LivePack) -> pace.Pack:
    """What the pack's analog answer says now."""
    spec, state = pack.spec, pack.state
    full_ah = float(state.capacity_as.min()) / 3600.0
    *groups, switches = sensors_degc(state, _SENSORS + 1)
    return pace.Pack(
        cells=[exact(float(volt), -3) for volt in cell_voltages(spec, state)],
        temperatures=groups,
        switches=switches + 1,  # electronics are a little warmer than the cells beside them
        ambient=exact(pack.ambient_degc, -1),
        current=exact(state.current_a, -2),
        voltage=exact(float(cell_voltages(spec, state).sum()), -3),
        remaining=exact(state_of_charge(state) * full_ah, -2),
        learned=exact(full_ah, -2),
        cycles=cycle_count(spec, state),
        nominal=exact(spec.rated_capacity_ah, -2),
    )


def status(pack: LivePack, number: int) -> bytes:
    """What the pack's status answer says now."""
    spec, state = pack.spec, pack.state
    active, cell = state.protections, spec.cell
    hot = active & {Protection.CHARGE_OVER_TEMPERATURE, Protection.DISCHARGE_OVER_TEMPERATURE}
    cold = active & {Protection.CHARGE_UNDER_TEMPERATURE, Protection.DISCHARGE_UNDER_TEMPERATURE}
    return pace.encode_status(
        cells=[
            _ABOVE if volt > cell.maximum_v else _BELOW if volt < cell.minimum_v else 0
            for volt in cell_voltages(spec, state)
        ],
        temperatures=[_ABOVE if hot else _BELOW if cold else 0] * (_SENSORS + 2),
        protections=[condition.value for condition in active],
        charging=state.current_a > 0,
        discharging=state.current_a < 0,
        charging_enabled=state.charging_enabled,
        discharging_enabled=state.discharging_enabled,
        balancing=sum(1 << bit for bit, on in enumerate(state.balancing[:16]) if on),
        number=number,
    )
