"""A scooter's battery on a simulated pack: its register file, byte for byte as the protocol has it.

Source: `ingest.protocols.ninebot`, whose builders write the bytes; proven there on answers of scooters.
"""

from datetime import date
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import ninebot
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge

MOST_CELLS: Final = ninebot.CELL_PLACES
_SENSORS: Final = 2
_COLDEST_DEGC: Final = -20


class NinebotDevice:
    """One battery; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not answer, newest last: writes and unknown registers.
    """

    def __init__(
        self, pack: LivePack, *, serial: str | None = None, made_on: date = date(2026, 3, 2)
    ) -> None:
        """`serial` has at most fourteen characters; without it, one by the seed.

        Raises:
            ValueError: the pack has more cells than the register file has places.
        """
        if pack.spec.cells_in_series > MOST_CELLS:
            raise ValueError(
                f"a scooter's battery has at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.serial = serial or f"SIM260302{pack.spec.seed % 100_000:05d}"
        self.made_on = made_on
        self.charges = 0
        self.refused: list[bytes] = []
        self._framer = ninebot.PROTOCOL.framer()
        self._was_charging = False

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
        charging = self.pack.state.current_a > 0
        self.charges += charging and not self._was_charging
        self._was_charging = charging

    def _answer(self, frame: Frame) -> bytes:
        try:
            ninebot.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            # A real battery would obey a write. This one stays silent and remembers.
            self.refused.append(frame.raw)
            return b""
        begin = 2 * frame.command
        return ninebot.encode_reply(frame.command, self._registers()[begin : begin + frame.payload[0]])

    def _registers(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        full_ah = float(state.capacity_as.min()) / 3600.0
        volts = cell_voltages(spec, state)
        values = {
            "nameplate_capacity": spec.rated_capacity_ah,
            "full_charge_capacity": full_ah,
            "cycle_count": cycle_count(spec, state),
            "event_count": self.charges,
            "remaining_charge": charge * full_ah,
            "state_of_charge": charge * 100.0,
            "voltage": float(volts.sum()),
            "bms_reported_health": full_ah / spec.rated_capacity_ah * 100.0,
        }
        protections = {condition.value for condition in state.protections}
        if protections & {"charge_over_temperature", "discharge_over_temperature"}:
            protections.add("over_temperature")
        return ninebot.encode_registers(
            serial=self.serial,
            version=(1, 0, 0),
            made_on=self.made_on,
            numbers={
                field.quantity: exact(float(values[field.quantity]), field.exponent)
                for field in ninebot.FIELDS
            },
            current=exact(state.current_a, -2),
            temperatures=[
                max(exact(float(degree), 0), exact(_COLDEST_DEGC, 0))
                for degree in sensors_degc(state, _SENSORS)
            ],
            cells=[exact(float(volt), -3) for volt in volts],
            charging=state.current_a > 0,
            balancing=sum(1 << number for number, on in enumerate(state.balancing) if on),
            protections=sorted(protections),
        )
