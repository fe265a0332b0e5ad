"""Simulated batteries on a CAN bus: those that speak unasked once a second, and one that is asked.

Source: the tables of the protocol modules, whose fields write the bytes.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

import numpy as np

from ingest.can import CanFrame, Message
from ingest.errors import TransportFailed
from ingest.inverter_can import FINE, PAIRS
from ingest.protocols import can_pylontech, can_pylontech_hv, can_victron, cia418
from ingest.simulators.live import LivePack, exact
from ingest.simulators.pack import Protection, cell_voltages, state_of_charge

_TICK_S: Final = 0.02
# What this bus calls the conditions of a pack, where it has no finer word.
_WORDS: Final[Mapping[Protection, str]] = {
    Protection.CELL_OVER_VOLTAGE: "pack_over_voltage",
    Protection.CELL_UNDER_VOLTAGE: "pack_under_voltage",
    Protection.PACK_OVER_VOLTAGE: "pack_over_voltage",
    Protection.PACK_UNDER_VOLTAGE: "pack_under_voltage",
    Protection.CHARGE_OVER_TEMPERATURE: "over_temperature",
    Protection.CHARGE_UNDER_TEMPERATURE: "under_temperature",
    Protection.DISCHARGE_OVER_TEMPERATURE: "over_temperature",
    Protection.DISCHARGE_UNDER_TEMPERATURE: "under_temperature",
    Protection.CHARGE_OVER_CURRENT: "charge_over_current",
    Protection.DISCHARGE_OVER_CURRENT: "discharge_over_current",
}


class Speaker(Protocol):
    """A battery on a bus."""

    def advance(self, seconds: float) -> None:
        """Let this much of its own time pass."""

    def speak(self) -> list[CanFrame]:
        """Everything it says in one period."""

    def hear(self, frame: CanFrame) -> list[CanFrame]:
        """What it answers to a frame of another one."""


def _written(message: Message, values: Mapping[str, Decimal]) -> bytes:
    """Data of a message whose fields take these values; nought where there is none."""
    data = bytearray(8)
    for field in message.fields:
        if field.quantity in values:
            data[field.offset : field.offset + field.integer.size] = field.write(values[field.quantity])
    return bytes(data)


class _Inverter:
    """What both families say of a pack."""

    def __init__(self, pack: LivePack) -> None:
        self.pack = pack

    def advance(self, seconds: float) -> None:
        """Let the pack live."""
        self.pack.advance(seconds)

    def hear(self, frame: CanFrame) -> list[CanFrame]:
        """Nothing: it speaks unasked and obeys nobody."""
        del frame
        return []

    def _values(self) -> dict[str, Decimal]:
        spec, state = self.pack.spec, self.pack.state
        volts, degrees = cell_voltages(spec, state), state.temperature_degc
        charge, rated = state_of_charge(state), spec.rated_capacity_ah
        return {
            "charge_voltage_limit": exact(spec.maximum_v, -1),
            "discharge_voltage_limit": exact(spec.minimum_v, -1),
            "charge_current_limit": exact(rated * spec.charge_limit_c if state.charging_enabled else 0, -1),
            "discharge_current_limit": exact(
                rated * spec.discharge_limit_c if state.discharging_enabled else 0, -1
            ),
            "state_of_charge": exact(charge * 100.0, 0),
            "bms_reported_health": exact(float(state.capacity_as.min()) / 36.0 / rated, 0),
            "voltage": exact(float(volts.sum()), -2),
            "current": exact(state.current_a, -1),
            "cell_temperature_mean": exact(float(np.mean(degrees)), -1),
            "cell_voltage_min": exact(float(volts.min()), -3),
            "cell_voltage_max": exact(float(volts.max()), -3),
            "cell_temperature_min": exact(float(degrees.min()), -1),
            "cell_temperature_max": exact(float(degrees.max()), -1),
            "remaining_charge": exact(charge * float(state.capacity_as.min()) / 3600.0, 0),
            "nameplate_capacity": exact(rated, 0),
            "module_count": Decimal(1),
        }

    def _conditions(self) -> set[str]:
        return {_WORDS[condition] for condition in self.pack.state.protections}


class PylontechCan(_Inverter):
    """One Pylontech battery; a `Speaker`."""

    def speak(self) -> list[CanFrame]:
        """Limits, state, protections, permissions, maker, extremes."""
        values, table, state = self._values(), can_pylontech.MESSAGES, self.pack.state
        bits = {name: bit for bit, name in can_pylontech.PROTECTIONS.items()}
        protections = sum(1 << bits[name] for name in self._conditions())
        conditions = protections.to_bytes(2, "little") + bytes(2)
        permits = state.charging_enabled << 7 | state.discharging_enabled << 6
        spoken = {
            0x351: _written(table[0x351], values),
            0x355: _written(table[0x355], values)[:4],
            0x356: _written(table[0x356], values)[:6],
            0x359: conditions + _written(table[0x359], values)[4:5] + b"PN",
            0x35C: bytes([permits, 0]),
            0x35E: b"SIMULATE",
            0x370: _written(table[0x370], values),
        }
        return [CanFrame(identifier, data) for identifier, data in spoken.items()]


class VictronCan(_Inverter):
    """One battery that speaks as to a Victron inverter; a `Speaker`."""

    def __init__(self, pack: LivePack, *, serial: str | None = None) -> None:
        """`serial` is what 380 and 381 tell; without it, one by the seed."""
        super().__init__(pack)
        self.serial = serial or f"SIM{pack.spec.seed:010d}"

    def speak(self) -> list[CanFrame]:
        """Limits, state, alarms, maker, names, extremes, lifetime energy, serial number."""
        values, table = self._values(), can_victron.MESSAGES
        fine = FINE.write(exact(state_of_charge(self.pack.state) * 100.0, -2))
        spec, state = self.pack.spec, self.pack.state
        volts = spec.cell.nominal_v * spec.cells_in_series
        energy = {
            "energy_in": exact(state.charged_as / 3.6e6 * volts, -1),
            "energy_out": exact(state.discharged_as / 3.6e6 * volts, -1),
        }
        active = self._conditions()
        pairs = sum((1 if name in active else 2) << 2 * number for number, name in enumerate(PAIRS))
        serial = self.serial.encode().ljust(16, b"\x00")
        spoken = {
            0x351: _written(table[0x351], values),
            0x355: _written(table[0x355], values)[:4] + fine,
            0x356: _written(table[0x356], values)[:6],
            0x35A: pairs.to_bytes(4, "little") * 2,
            0x35E: b"SIMULATE",
            0x35F: b"\x00\x00\x01\x00" + _written(table[0x35F], values)[4:],
            0x370: b"Simulate",
            0x371: b"d pack\x00\x00",
            0x372: bytes([1, 0, 0, 0, 0, 0, 0, 0]),
            0x373: _written(table[0x373], values),
            0x378: _written(table[0x378], energy),
            0x379: _written(table[0x379], values)[:2],
            0x380: serial[:8],
            0x381: serial[8:],
        }
        return [CanFrame(identifier, data) for identifier, data in spoken.items()]


class PylontechHvCan(_Inverter):
    """One Pylontech high-voltage battery at address 0, which speaks when it is asked; a `Speaker`."""

    def speak(self) -> list[CanFrame]:
        """Nothing unasked."""
        return []

    def hear(self, frame: CanFrame) -> list[CanFrame]:
        """The answers to the two questions that may be asked; nothing else is obeyed."""
        asked = {name: ask.raw for name, ask in can_pylontech_hv.PROTOCOL.asks.items()}
        if frame.raw == asked["ensemble"]:
            return self._ensemble()
        return self._equipment() if frame.raw == asked["equipment"] else []

    def _ensemble(self) -> list[CanFrame]:
        table, state = can_pylontech_hv.MESSAGES, self.pack.state
        values = self._values()
        values["voltage"] = exact(float(values["voltage"]), -1)
        values["board_temperature"] = values["cell_temperature_mean"]
        values["discharge_current_limit"] = -values["discharge_current_limit"]
        bits = {name: bit for bit, name in enumerate(can_pylontech_hv.CONDITION_BITS)}
        protections = sum(1 << bits[condition.value] for condition in state.protections)
        permits = (state.charging_enabled, state.discharging_enabled)
        forbids = [0 if on else can_pylontech_hv.FORBIDDEN for on in permits]
        spoken = {number: _written(table[number], values) for number in (0x4210, 0x4220, 0x4230, 0x4240)}
        spoken[0x4250] = bytes([3, 0, 0, 0, 0, 0]) + protections.to_bytes(2, "little")
        spoken[0x4280] = bytes(forbids) + bytes(6)
        return [CanFrame(number, data, extended=True) for number, data in spoken.items()]

    def _equipment(self) -> list[CanFrame]:
        spec = self.pack.spec
        cells, volts = spec.cells_in_series, round(spec.cell.nominal_v * spec.cells_in_series)
        topology = b"".join(number.to_bytes(2, "little") for number in (cells, 1 | cells << 8, volts))
        spoken = {
            0x7310: bytes([1, 0, 1, 0, 1, 0, 0, 0]),
            0x7320: topology + round(spec.rated_capacity_ah).to_bytes(2, "little"),
            0x7330: b"SIMULATE",
            0x7340: b"D\x00\x00\x00\x00\x00\x00\x00",
        }
        return [CanFrame(number, data, extended=True) for number, data in spoken.items()]


class Cia418Can(_Inverter):
    """One CANopen battery module, node 1, which answers reads of its objects; a `Speaker`."""

    NODE: Final = 1
    _NO_SUCH_OBJECT: Final = (0x06020000).to_bytes(4, "little")

    def speak(self) -> list[CanFrame]:
        """Nothing unasked."""
        return []

    def hear(self, frame: CanFrame) -> list[CanFrame]:
        """The answer to a read; a write changes nothing."""
        if frame.extended or frame.identifier != cia418.ASKED + self.NODE or len(frame.data) != 8:
            return []
        number = frame.data[2] << 16 | frame.data[1] << 8 | frame.data[3]
        said = self._objects()
        if frame.data[0] == 0x40 and number in said:
            return [cia418.answer(self.NODE, number, said[number].ljust(4, b"\0"))]
        return [CanFrame(cia418.ANSWERED + self.NODE, cia418.head(0x80, number) + self._NO_SUCH_OBJECT)]

    def _objects(self) -> dict[int, bytes]:
        values = self._values() | {"cell_count": Decimal(self.pack.spec.cells_in_series)}
        said = {
            message.identifier: row.integer.write(
                int(values[row.quantity].scaleb(-row.exponent) / cia418.STEPS.get(row.quantity, 1))
            )
            for message in cia418.MESSAGES.values()
            for row in message.fields
            if row.quantity in values
        }
        serial = f"SIM{self.pack.spec.seed:09d}".encode()
        letters = {number: serial[4 * place : 4 * place + 4] for place, number in enumerate(cia418.SERIAL)}
        return said | letters | {cia418.DEVICE_TYPE: cia418.PROFILE.to_bytes(4, "little")}


@contextlib.contextmanager
def serve_can(
    device: Speaker,
    *,
    interface: str,
    channel: str,
    period_s: float = 1.0,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """The device on a bus of python-can, speaking once in each period; gives the address to ingest from.

    Raises:
        TransportFailed: the bus cannot be opened.
    """
    import can

    try:
        bus = can.Bus(interface=interface, channel=channel)
    except (can.CanError, OSError, ValueError, NotImplementedError, ImportError, TypeError) as error:
        raise TransportFailed(f"can:{interface}:{channel}: {error}") from error
    ending = threading.Event()
    speaker = threading.Thread(
        target=_speak,
        args=(device, bus, ending, period_s, speed, clock),
        name="simulated battery",
        daemon=True,
    )
    speaker.start()
    try:
        yield f"can:{interface}:{channel}"
    finally:
        ending.set()
        speaker.join(timeout=10)
        bus.shutdown()


def _speak(
    device: Speaker,
    bus: Any,
    ending: threading.Event,
    period_s: float,
    speed: float,
    clock: Callable[[], float],
) -> None:
    import can

    last = clock()
    due = last
    while not ending.is_set():
        now = clock()
        frames = []
        if now >= due:
            device.advance((now - last) * speed)
            last, due = now, now + period_s
            frames = device.speak()
        message = bus.recv(min(_TICK_S, period_s))
        if message is not None:
            extended = bool(message.is_extended_id)
            frames += device.hear(CanFrame(message.arbitration_id, bytes(message.data), extended))
        for frame in frames:
            # A bus on which nobody confirms is no trouble of the device's.
            with contextlib.suppress(can.CanError):
                bus.send(
                    can.Message(
                        arbitration_id=frame.identifier, data=frame.data, is_extended_id=frame.extended
                    )
                )
