"""An EMUS G1 control unit on a simulated pack: answers what may be asked, and sends summaries unasked.

Source: `ingest.protocols.emus_serial`, whose builders write the bytes; widths of fields that no published
sentence shows are chosen here.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from ingest.errors import RequestForbidden
from ingest.protocol import Frame
from ingest.protocols import emus_serial as emus
from ingest.protocols.emus_serial import encode_row, encode_sentence
from ingest.simulators.live import LivePack, exact, sensors_degc
from ingest.simulators.pack import Protection, cell_voltages, state_of_charge

# A module of cells on the internal bus, as CG1 lists them; a sentence tells of so many cells at once.
_GROUP: Final = 8
MOST_CELLS: Final = 256
_LOWEST_V, _HIGHEST_V = Decimal("2.00"), Decimal("4.55")
_FLAGS: Final = {
    Protection.CELL_UNDER_VOLTAGE: 0,
    Protection.CELL_OVER_VOLTAGE: 1,
    Protection.DISCHARGE_OVER_CURRENT: 2,
    Protection.CHARGE_OVER_CURRENT: 3,
    Protection.CHARGE_OVER_TEMPERATURE: 11,
    Protection.DISCHARGE_OVER_TEMPERATURE: 11,
    Protection.PACK_UNDER_VOLTAGE: 13,
}
_BALANCING: Final = 0x80
# Where the simulated unit keeps its own clock: 2026-03-02, in seconds since 2000.
_CLOCK_S: Final = 825_638_400


class EmusDevice:
    """One control unit; a `Device` that also speaks unasked.

    Attributes:
        pack: what it watches.
        period_s: of its own time between summaries that nobody asked for; 0 for none.
        silent_groups: groups of eight cells, counted from 1, that do not answer on the internal bus.
        refused: what it would not obey, newest last.
    """

    def __init__(
        self,
        pack: LivePack,
        *,
        period_s: float = 5.0,
        silent_groups: Sequence[int] = (),
        serial: int | None = None,
    ) -> None:
        """`serial` is what VR1 tells; without it, one by the seed.

        Raises:
            ValueError: the pack has more cells than a control unit can watch.
        """
        if pack.spec.cells_in_series > MOST_CELLS:
            raise ValueError(
                f"a control unit watches at most {MOST_CELLS} cells, got {pack.spec.cells_in_series}"
            )
        self.pack = pack
        self.period_s = period_s
        self.silent_groups = frozenset(silent_groups)
        self.refused: list[bytes] = []
        number = pack.spec.seed if serial is None else serial
        self._framer = emus.PROTOCOL.framer()
        self._unasked_s = 0.0
        volts = self._volts()
        self._lowest, self._highest = min(volts), max(volts)
        self._answers: dict[str, Callable[[], bytes]] = {
            "VR1": lambda: encode_sentence("VR1", "02", f"{number:08X}", "2.1.4"),
            "BV1": self._voltages,
            "BV2": lambda: self._groups("BV2", self._volts()),
            "BT1": lambda: self._temperatures("BT1", 2),
            "BT2": lambda: self._groups("BT2", self._warmths(2)),
            "BT3": lambda: self._temperatures("BT3", 0),
            "BT4": lambda: self._groups("BT4", self._warmths(0)),
            "BB1": self._balancing,
            "BB2": self._balancing_of_each,
            "BC1": self._charge,
            "CV1": self._pack,
            "CS1": lambda: encode_sentence("CS1", "00", "00", "0000", "0000", "0000", "0000"),
            "DT1": lambda: encode_sentence("DT1", "", "", "", "", "", ""),
            "ST1": self._status,
            "CG1": self._topology,
            "IN1": lambda: encode_sentence("IN1", "10"),
            "OT1": lambda: encode_sentence("OT1", "00"),
            "LG1": lambda: encode_sentence("LG1", "01", "01", "00", f"{_CLOCK_S:08X}"),
            "SS1": self._statistics,
            "RS2": lambda: encode_sentence("RS2", *(f"{_CLOCK_S:08X}", "01") * 5),
            "TD1": lambda: encode_sentence(
                "TD1", "2026", "3", "2", "0", "0", "0", f"{int(pack.elapsed_s) & 0xFFFF_FFFF:08X}"
            ),
        }

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
        self._unasked_s += seconds
        volts = self._volts()
        self._lowest, self._highest = min(self._lowest, *volts), max(self._highest, *volts)

    def speak(self) -> bytes:
        """The summaries that are due, whoever listens."""
        if not self.period_s or self._unasked_s < self.period_s:
            return b""
        self._unasked_s = 0.0
        return b"".join(self._answers[name]() for name in ("BV1", "BT1", "BT3", "BB1", "BC1", "CV1", "ST1"))

    def _answer(self, frame: Frame) -> bytes:
        try:
            asked = emus.PROTOCOL.permit(frame.raw.rstrip(b"\r\n") + b"\r\n")
        except RequestForbidden:
            # A real unit would clear, calibrate or reset. This one never does; it stays silent and remembers.
            self.refused.append(frame.raw)
            return b""
        return self._answers[asked.command.to_bytes(3, "big").decode()]()

    def _volts(self) -> list[Decimal]:
        """Voltage of each cell, as far as a byte can say it."""
        volts = (exact(float(volt), -2) for volt in cell_voltages(self.pack.spec, self.pack.state))
        return [min(max(volt, _LOWEST_V), _HIGHEST_V) for volt in volts]

    def _total(self) -> Decimal:
        return exact(float(cell_voltages(self.pack.spec, self.pack.state).sum()), -2)

    def _warmths(self, above: int) -> list[Decimal]:
        """Temperature of each cell, or of the board on it, which is a little warmer."""
        count = self.pack.spec.cells_in_series
        return [Decimal(round(degrees) + above) for degrees in sensors_degc(self.pack.state, count)]

    def _voltages(self) -> bytes:
        volts = self._volts()
        mean = exact(float(sum(volts)) / len(volts), -2)
        values = (Decimal(len(volts)), min(volts), max(volts), mean, self._total())
        return encode_row("BV1", emus.SUMMARY_V, values, fields=6)

    def _temperatures(self, name: str, above: int) -> bytes:
        degrees = self._warmths(above)
        mean = Decimal(round(float(sum(degrees)) / len(degrees)))
        texts = [
            emus.SUMMARY_SENSORS[0].write(value).hex().upper() for value in (min(degrees), max(degrees), mean)
        ]
        return encode_sentence(name, f"{len(degrees):04X}", *texts, "")

    def _groups(self, name: str, values: Sequence[Decimal]) -> bytes:
        return b"".join(
            emus.encode_group(name, values[first : first + _GROUP], first=first)
            for first in range(0, len(values), _GROUP)
        )

    def _rates(self) -> list[int]:
        return [_BALANCING if on else 0 for on in self.pack.state.balancing]

    def _balancing(self) -> bytes:
        rates = self._rates()
        texts = [f"{rate:02X}" for rate in (min(rates), max(rates), sum(rates) // len(rates))]
        return encode_sentence("BB1", f"{len(rates):04X}", *texts, "", "8C")

    def _balancing_of_each(self) -> bytes:
        rates = self._rates()
        pieces = [(first, rates[first : first + _GROUP]) for first in range(0, len(rates), _GROUP)]
        return b"".join(
            encode_sentence("BB2", "00", f"{first:04X}", f"{len(piece):02X}", bytes(piece).hex().upper())
            for first, piece in pieces
        )

    def _charge(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        charge = state_of_charge(state)
        return emus.encode_charge(
            remaining_ah=exact(charge * spec.rated_capacity_ah, -3),
            capacity_ah=exact(spec.rated_capacity_ah, -3),
            state_of_charge=exact(charge * 100.0, -2),
        )

    def _pack(self) -> bytes:
        values = (self._total(), exact(self.pack.state.current_a, -1))
        return encode_row("CV1", emus.PACK, values, fields=10)

    def _status(self) -> bytes:
        flags = sum({1 << _FLAGS[name] for name in self.pack.state.protections if name in _FLAGS})
        flags |= bool(self.silent_groups) << 6
        return encode_sentence("ST1", "00", "00", "00", "00000000", "002F", f"{flags:04X}", "00", "00000000")

    def _topology(self) -> bytes:
        count = self.pack.spec.cells_in_series
        texts = ["01"]
        for number, first in enumerate(range(0, count, _GROUP), 1):
            texts += [f"{min(_GROUP, count - first):02X}", "03" if number in self.silent_groups else "01"]
        return encode_sentence("CG1", *texts)

    def _statistics(self) -> bytes:
        spec, state = self.pack.spec, self.pack.state
        out, into = round(state.discharged_as / 3600.0), round(state.charged_as / 3600.0)
        # The pack keeps no energy; the unit here multiplies by the nominal voltage.
        nominal = spec.cell.nominal_v * spec.cells_in_series
        values = {
            0: out,
            1: into,
            2: round(state.discharged_as * nominal / 3600.0),
            3: round(state.charged_as * nominal / 3600.0),
            7: 0,
            10: round((self._lowest - _LOWEST_V) * 100),
            11: round((self._highest - _LOWEST_V) * 100),
            18: 1,
            **dict.fromkeys(range(19, 26), 0),
        }
        for condition, count in state.protection_counts.items():
            identifier = _FLAGS.get(condition, 99) + 19
            if identifier <= 22:
                values[identifier] = count
        return b"".join(
            emus.encode_statistic(identifier, value, seconds=_CLOCK_S) for identifier, value in values.items()
        )
