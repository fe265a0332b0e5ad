"""A Greenway battery on a simulated pack: answers parameters, byte for byte as the protocol has them.

Source: `ingest.protocols.greenway`, whose builders write the bytes; proven there on a recording of a battery.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from ingest.errors import RequestForbidden
from ingest.protocol import Field, Frame
from ingest.protocols import greenway
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge

MOST_CELLS: Final = 2 * greenway.CELLS_IN_BLOCK
_CELL_SENSORS: Final = 4


class GreenwayDevice:
    """One battery; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not answer, newest last.
    """

    def __init__(
        self, pack: LivePack, *, serial: str | None = None, made_on: date = date(2026, 3, 2)
    ) -> None:
        """`serial` and `made_on` are what it says of itself; without it, one by the seed.

        Raises:
            ValueError: the pack has more cells than the layout has places.
        """
        if pack.spec.cells_in_series > MOST_CELLS:
            raise ValueError(
                f"a Greenway battery has at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.serial = serial or f"SIM260302{pack.spec.seed % 100_000:05d}"
        self.made_on = made_on
        self.refused: list[bytes] = []
        self._framer = greenway.PROTOCOL.framer()
        self._extremes: dict[str, Decimal] = {}
        self._note_extremes()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        frames = [found for found in self._framer.feed(data) if isinstance(found, Frame)]
        return b"".join(self._answer(frame) for frame in frames if frame.raw[0] == greenway.READ)

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the pack live."""
        self.pack.advance(seconds)
        self._note_extremes()

    def _answer(self, frame: Frame) -> bytes:
        try:
            greenway.PROTOCOL.permit(frame.raw)
        except RequestForbidden:
            # A real battery answers more than may be asked of it here; this one stays silent and remembers.
            self.refused.append(frame.raw)
            return b""
        return greenway.encode_reply(frame.command, self._data(frame.command))

    def _data(self, parameter: int) -> bytes:
        blocks: Mapping[int, Callable[[], bytes]] = {
            greenway.TEMPERATURES: self._temperatures,
            greenway.VERSIONS: lambda: bytes([1, 1, 0, 1]) + b"SIM1",
            greenway.MADE_ON: lambda: greenway.encode_date(self.made_on),
            greenway.MANUFACTURER: lambda: b"SIMULATED".ljust(16, b"\x00"),
            greenway.MODEL: lambda: b"SIMULATED-GW".ljust(32, b"\x00"),
            greenway.CELL_MODEL: lambda: f"SIM-{self.pack.spec.chemistry}".encode().ljust(16, b"\x00"),
            greenway.SERIAL: lambda: self.serial.encode().ljust(32, b"\x00"),
            greenway.CELLS_LOW: lambda: self._cells(0),
            greenway.CELLS_HIGH: lambda: self._cells(greenway.CELLS_IN_BLOCK),
            greenway.HISTORY: lambda: greenway.encode_history(self._extremes),
        }
        if parameter in blocks:
            return blocks[parameter]()
        data = bytearray(greenway.LENGTHS[parameter])
        for field in greenway.FIELDS[parameter]:
            piece = field.write(self._number(field))[: len(data) - field.offset]
            data[field.offset : field.offset + len(piece)] = piece
        return bytes(data)

    def _number(self, field: Field) -> Decimal:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        full_ah = float(state.capacity_as.min()) / 3600.0
        values = {
            "voltage": float(cell_voltages(spec, state).sum()),
            "current": state.current_a,
            "state_of_charge": charge * 100.0,
            "bms_reported_health": full_ah / spec.rated_capacity_ah * 100.0,
            "remaining_charge": charge * full_ah,
            "full_charge_capacity": full_ah,
            "charge_in": state.charged_as / 3600.0,
            "cycle_count": cycle_count(spec, state),
            "nameplate_capacity": spec.rated_capacity_ah,
            "nominal_voltage": spec.cell.nominal_v * spec.cells_in_series,
        }
        return exact(values[field.quantity], field.exponent)

    def _cells(self, first: int) -> bytes:
        volts = cell_voltages(self.pack.spec, self.pack.state)[first : first + greenway.CELLS_IN_BLOCK]
        return greenway.encode_cells([exact(float(volt), -3) for volt in volts])

    def _temperatures(self) -> bytes:
        state = self.pack.state
        cells = sensors_degc(state, _CELL_SENSORS)
        # Switches warm with the current that flows through them.
        switch = exact(float(np.mean(state.temperature_degc)) + abs(state.current_a) / 10.0, 0)
        degrees = [exact(float(cell), 0) for cell in cells] + [switch] * 3
        return b"".join(greenway.SENSOR.write(min(degree, Decimal(127))) for degree in degrees) + b"\x00"

    def _note_extremes(self) -> None:
        spec, state = self.pack.spec, self.pack.state
        volts = cell_voltages(spec, state)
        now = {
            "lifetime_current_min": exact(min(state.current_a, 0.0), -3),
            "lifetime_current_max": exact(max(state.current_a, 0.0), -3),
            "lifetime_cell_voltage_max": exact(float(volts.max()), -3),
            "lifetime_cell_voltage_min": exact(float(volts.min()), -3),
            "lifetime_temperature_max": exact(float(state.temperature_degc.max()), 0),
            "lifetime_temperature_min": exact(float(state.temperature_degc.min()), 0),
        }
        for quantity, value in now.items():
            pick = max if quantity.endswith("_max") else min
            self._extremes[quantity] = pick(self._extremes.get(quantity, value), value)
