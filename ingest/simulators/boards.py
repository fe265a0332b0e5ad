"""JK, Daly and ANT boards on a simulated pack: they answer what may be read, as the protocols have it.

They obey no write: what is not on the list of reads is remembered and stays without an answer.

Source: the builders of `ingest.protocols`; proven there on recordings of real boards.
"""

from abc import ABC, abstractmethod
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from ingest.ant import switch_state
from ingest.errors import RequestForbidden
from ingest.protocol import Frame, Protocol
from ingest.protocols import ant, daly_a5, daly_d2, jk, jk_uart
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import cell_voltages, cycle_count, state_of_charge

_MADE_ON: Final = date(2026, 3, 2)
_WARM: Final = Decimal(4)  # switches are warmer than cells by so much
_COLDEST: Final = Decimal(-40)


class Board(ABC):
    """One board; a `Device`.

    Attributes:
        pack: what it watches.
        refused: requests that it would not answer, newest last.
    """

    protocol: ClassVar[Protocol]
    most_cells: ClassVar[int]

    def __init__(self, pack: LivePack) -> None:
        """A board on this pack.

        Raises:
            ValueError: the pack has more cells than the board can watch.
        """
        if pack.spec.cells_in_series > self.most_cells:
            raise ValueError(
                f"a board of {self.protocol.name} watches at most {self.most_cells} cells, "
                f"got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.refused: list[bytes] = []
        self._framer = self.protocol.framer()

    @abstractmethod
    def _answer(self, frame: Frame) -> bytes:
        """The bytes of the answer to a request that is on the list of reads."""

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        out = b""
        for found in self._framer.feed(data):
            if isinstance(found, Frame) and found.is_request:
                try:
                    self.protocol.permit(found.raw)
                except RequestForbidden:
                    self.refused.append(found.raw)
                    continue
                out += self._answer(found)
        return out

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer.flush()

    def advance(self, seconds: float) -> None:
        """Let the pack live."""
        self.pack.advance(seconds)

    @property
    def _cells(self) -> list[Decimal]:
        return [exact(float(volt), -3) for volt in cell_voltages(self.pack.spec, self.pack.state)]

    @property
    def _full_ah(self) -> float:
        return float(self.pack.state.capacity_as.min()) / 3600.0

    @property
    def _share(self) -> float:
        return state_of_charge(self.pack.state)

    def _current(self, exponent: int) -> Decimal:
        return exact(self.pack.state.current_a, exponent)

    def _whole_degrees(self, count: int) -> list[Decimal]:
        return [
            max(_COLDEST + 1, degrees.quantize(Decimal(1)))
            for degrees in sensors_degc(self.pack.state, count)
        ]

    @property
    def _conditions(self) -> list[str]:
        return [condition.value for condition in self.pack.state.protections]

    @property
    def _cycles(self) -> int:
        return cycle_count(self.pack.spec, self.pack.state)

    @property
    def _throughput_ah(self) -> float:
        return (self.pack.state.charged_as + self.pack.state.discharged_as) / 3600.0


class JkDevice(Board):
    """A JK board of 32-cell firmware, over the radio or on RS485."""

    protocol = jk.PROTOCOL
    most_cells = 32

    def _answer(self, frame: Frame) -> bytes:
        answers = {
            jk.ASK_CELLS: lambda: self._settings() + self._status(),
            jk.ASK_INFORMATION: self._information,
            jk.ASK_LOG: lambda: jk.encode_log([(0, 0x01)]),
            jk.BUS_CELLS: self._status,
            jk.BUS_SETTINGS: self._settings,
            jk.BUS_INFORMATION: self._information,
        }
        answer = answers[frame.command]()
        if frame.address is None:
            return jk.AT + answer
        return answer + jk.encode_bus_acknowledgement(frame.command, frame.address)

    def _status(self) -> bytes:
        state, spec = self.pack.state, self.pack.spec
        first, second = sensors_degc(state, 2)
        return jk.encode_cells(
            generation=jk.Generation.CELLS_32,
            cells=self._cells,
            current=self._current(-3),
            state_of_charge=round(100 * self._share),
            remaining=exact(self._share * self._full_ah, -3),
            learned=exact(self._full_ah, -3),
            cycles=self._cycles,
            throughput=exact(self._throughput_ah, -3),
            health=round(100 * self._full_ah / spec.rated_capacity_ah),
            running_s=int(self.pack.elapsed_s),
            board=first + _WARM,
            temperatures=(first, second),
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
            balancing=any(state.balancing),
            alarms=[name for name in self._conditions if name in jk.ALARMS],
            wires=[60 + number for number in range(spec.cells_in_series)],
            entries=1,
        )

    def _settings(self) -> bytes:
        spec = self.pack.spec
        return jk.encode_settings(
            cell_count=spec.cells_in_series,
            nameplate=exact(spec.rated_capacity_ah, -3),
            charge_limit=exact(spec.rated_capacity_ah * spec.charge_limit_c, -3),
            discharge_limit=exact(spec.rated_capacity_ah * spec.discharge_limit_c, -3),
        )

    def _information(self) -> bytes:
        return jk.encode_information(
            model="SIMULATED-JK",
            hardware="0A",
            software="19.00",
            serial=f"SIM{self.pack.spec.seed:011d}",
            made_on=_MADE_ON,
        )


class JkUartDevice(Board):
    """An older JK board on its wires."""

    protocol = jk_uart.PROTOCOL
    most_cells = 32

    def _answer(self, frame: Frame) -> bytes:
        del frame
        state, spec = self.pack.state, self.pack.spec
        first, second = (int(degrees) for degrees in self._whole_degrees(2))
        data = jk_uart.encode_data(
            cells=self._cells,
            board=first + int(_WARM),
            temperatures=(first, second),
            voltage=exact(float(sum(self._cells)), -2),
            current=self._current(-2),
            state_of_charge=round(100 * self._share),
            cycles=self._cycles,
            throughput_ah=int(self._throughput_ah),
            nameplate_ah=round(spec.rated_capacity_ah),
            learned_ah=round(self._full_ah),
            running_min=int(self.pack.elapsed_s / 60),
            software="10.SIM",
            maker=f"SIMULATED-{spec.seed:06d}",
            made_on=f"{_MADE_ON:%y%m}",
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
            balancing=any(state.balancing),
            alarms=[name for name in self._conditions if name in jk_uart.ALARMS],
        )
        return jk_uart.encode(data)


class DalyA5Device(Board):
    """A Daly board of the A5 protocol. Its heartbeat counts, and is no count of cycles."""

    protocol = daly_a5.PROTOCOL
    most_cells = 48

    def __init__(self, pack: LivePack) -> None:
        """See `Board`."""
        super().__init__(pack)
        self._heartbeat = 0

    def _answer(self, frame: Frame) -> bytes:
        return b"".join(daly_a5.encode(frame.command, data) for data in self._data(frame.command))

    def _data(self, command: int) -> list[bytes]:
        state, spec = self.pack.state, self.pack.spec
        if command == daly_a5.TOTALS:
            volts, share = exact(float(sum(self._cells)), -1), exact(100 * self._share, -1)
            return [daly_a5.encode_totals(volts, self._current(-1), share)]
        if command == daly_a5.STATE:
            self._heartbeat += 1
            told = daly_a5.encode_state(
                self._current(-1),
                charging_enabled=state.charging_enabled,
                discharging_enabled=state.discharging_enabled,
                heartbeat=self._heartbeat,
                remaining=exact(self._share * self._full_ah, -3),
            )
            return [told]
        if command == daly_a5.STATUS:
            return [daly_a5.encode_status(spec.cells_in_series, 2, self._cycles)]
        if command == daly_a5.CELLS:
            return daly_a5.encode_cells(self._cells)
        if command == daly_a5.TEMPERATURES:
            return daly_a5.encode_temperatures(self._whole_degrees(2))
        if command == daly_a5.BALANCING:
            bits = sum(1 << number for number, on in enumerate(state.balancing) if on)
            return [bits.to_bytes(8, "little")]
        if command == daly_a5.FAILURES:
            return [daly_a5.encode_failures([("alarm", name) for name in self._conditions])]
        if command == daly_a5.RATED:
            return [daly_a5.NAMEPLATE.write(exact(spec.rated_capacity_ah, -3))]
        if command == daly_a5.MADE:
            return [bytes([0, 0, _MADE_ON.year - 2000, _MADE_ON.month, _MADE_ON.day])]
        if command == daly_a5.CODE:
            return daly_a5.encode_code(f"SIMULATED-{spec.seed:06d}")
        return daly_a5.encode_extremes(command, self._cells, self._whole_degrees(2))


class DalyD2Device(Board):
    """A Daly board of the register protocol."""

    protocol = daly_d2.PROTOCOL
    most_cells = daly_d2.MOST_CELLS

    def _answer(self, frame: Frame) -> bytes:
        count = int.from_bytes(frame.payload, "big")
        if frame.command == daly_d2.VERSIONS:
            return daly_d2.encode_versions("SIM.0", "SIMULATED-DALY")
        if frame.command == daly_d2.SETTINGS:
            rated = exact(self.pack.spec.rated_capacity_ah, -1)
            return daly_d2.encode_reply(daly_d2.SETTINGS, count, daly_d2.encode_settings(rated))
        return daly_d2.encode_reply(frame.command, count, self._status())

    def _status(self) -> dict[int, int]:
        state = self.pack.state
        degrees = self._whole_degrees(2)
        return daly_d2.encode_status(
            cells=self._cells,
            temperatures=degrees,
            voltage=exact(float(sum(self._cells)), -1),
            current=self._current(-1),
            state_of_charge=exact(100 * self._share, -1),
            remaining=exact(self._share * self._full_ah, -1),
            cycles=self._cycles,
            board=degrees[0] + _WARM,
            charging_enabled=state.charging_enabled,
            discharging_enabled=state.discharging_enabled,
            balancing=any(state.balancing),
            active=[("alarm", name) for name in self._conditions],
        )


class AntDevice(Board):
    """An ANT board from 2021 on."""

    protocol = ant.PROTOCOL
    most_cells = 32

    def _answer(self, frame: Frame) -> bytes:
        if frame.command == ant.ASK_INFORMATION:
            return ant.encode_information("SIM", "SIMULATED-ANT")
        state, spec = self.pack.state, self.pack.spec
        degrees = self._whole_degrees(2)
        return ant.encode_status(
            cells=self._cells,
            temperatures=degrees,
            board=degrees[0] + _WARM,
            balancer=degrees[0],
            current=self._current(-1),
            state_of_charge=round(100 * self._share),
            health=round(100 * self._full_ah / spec.rated_capacity_ah),
            nameplate=exact(spec.rated_capacity_ah, -6),
            remaining=exact(self._share * self._full_ah, -6),
            charge_out=exact(state.discharged_as / 3600.0, -3),
            charge_in=exact(state.charged_as / 3600.0, -3),
            running_s=int(self.pack.elapsed_s),
            charge_switch=switch_state(self._conditions, charges=True, is_on=state.charging_enabled),
            discharge_switch=switch_state(self._conditions, charges=False, is_on=state.discharging_enabled),
            balancing=[number for number, on in enumerate(state.balancing, 1) if on],
        )
