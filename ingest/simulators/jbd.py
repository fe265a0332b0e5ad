"""A JBD board on a simulated pack: answers what may be read, byte for byte as the protocol has it.

Source: `ingest.protocols.jbd`, whose builders write the bytes; proven there on recordings of real boards.
"""

from datetime import date
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import jbd
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge

_SENSORS: Final = 3
# Registers 03 carries at most so many cells in its balancing bits.
MOST_CELLS: Final = 32


class JbdDevice:
    """One board; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not obey, newest last: writes and unknown registers.
    """

    def __init__(
        self, pack: LivePack, *, product: str = "SIMULATED-JBD", made_on: date = date(2026, 3, 2)
    ) -> None:
        """`product` is what register 05 tells; `made_on` stands in register 03.

        Raises:
            ValueError: the pack has more cells than a board can watch.
        """
        if pack.spec.cells_in_series > MOST_CELLS:
            raise ValueError(
                f"a JBD board watches at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.product = product
        self.made_on = made_on
        self.refused: list[bytes] = []
        self._framer = jbd.PROTOCOL.framer()

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
        try:
            jbd.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            # A real board would obey a write. This one never does: it answers "error" and remembers.
            self.refused.append(frame.raw)
            return jbd.encode_reply(frame.command, b"", status=jbd.STATUS_ERROR)
        data = {
            jbd.BASIC: self._basic,
            jbd.CELLS: self._cells,
            jbd.PRODUCT: self.product.encode,
            jbd.COUNTERS: self._counters,
        }[frame.command]()
        return jbd.encode_reply(frame.command, data)

    def _basic(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        full_ah = float(state.capacity_as.min()) / 3600.0
        # Above 327 A or 655 Ah the fine steps overflow; the board then counts in steps ten times as large.
        most_a = spec.rated_capacity_ah * max(spec.charge_limit_c, spec.discharge_limit_c)
        coarse = most_a > 327.0 or spec.rated_capacity_ah > 655.0
        step = -1 if coarse else -2
        return jbd.encode_basic(
            voltage=exact(float(cell_voltages(spec, state).sum()), -2),
            current=exact(state.current_a, step),
            remaining=exact(charge * full_ah, step),
            nominal=exact(spec.rated_capacity_ah, step),
            cycles=cycle_count(spec, state),
            made_on=self.made_on,
            state_of_charge=round(charge * 100.0),
            cell_count=spec.cells_in_series,
            temperatures=sensors_degc(state, _SENSORS),
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
            balancing=[number for number, on in enumerate(state.balancing, 1) if on],
            protections=[condition.value for condition in state.protections],
            learned=exact(full_ah, step),
            coarse=coarse,
        )

    def _cells(self) -> bytes:
        volts = cell_voltages(self.pack.spec, self.pack.state)
        return jbd.encode_cells([exact(float(volt), -3) for volt in volts])

    def _counters(self) -> bytes:
        counts = self.pack.state.protection_counts
        return jbd.encode_counters({condition.value: count for condition, count in counts.items()})
