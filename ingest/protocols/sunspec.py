"""SunSpec storage models on Modbus: 802 bank, 803 strings, 804 string, 805 module, 714 DC measurement.

A device holds a chain of models. It begins with the marker `SunS` at register 40000, 50000 or 0; each model
has its number, its length and its points, and the number FFFF ends the chain. A gateway walks the chain once
and then reads the models of batteries. Points that a device does not implement hold a code of their own; the
others are whole numbers whose power of ten lies in another register, the scale factor.

A recording may cut the registers where it likes: they are put together until a model is whole. A model that a
read begins with is understood without the chain, because its number and length tell it.

Source: the public models 714 and 802 to 805 (sunspec/models, Apache-2.0), their points restated below.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import ClassVar, Final

from ingest.errors import RequestForbidden
from ingest.modbus import (
    HOLDING_REGISTERS,
    MOST_REGISTERS,
    U64,
    Block,
    ModbusProtocol,
    Window,
    encode_request,
)
from ingest.modbus import text_reading as text
from ingest.protocol import I16, U16, U32, Certainty, Decoder, Field, Frame, Integer, Poller
from schemas.reading import Reading, altered, told
from schemas.terms import Origin, ReadingAbsence, Unit

BASES: Final = (40000, 50000, 0)
MARKER: Final = b"SunS"
END: Final = 0xFFFF
BANK: Final = 802
STRINGS: Final = 803
STRING: Final = 804
MODULE: Final = 805
DC: Final = 714
# Words without those that repeat, and words of each repetition; the head (number, length) is counted.
SHAPES: Final = {BANK: (64, 0), STRINGS: (28, 32), STRING: (48, 16), MODULE: (44, 4), DC: (20, 25)}
MOST_MODELS: Final = 256
_ESS: Final = 1
_LARGEST_FACTOR: Final = 10


@dataclass(frozen=True)
class Point:
    """One point of a model.

    Attributes:
        field: what it is; its offset counts bytes from the head of the model or of the repetition.
        factor: register of its scale factor, from the head of the model; None for counts.
        never_zero: nought is no value of it: a device that puts it there does not fill the point.
        doubts: why it is distrusted wherever it stands.
    """

    field: Field
    factor: int | None
    never_zero: bool = False
    doubts: tuple[str, ...] = ()

    def read(self, words: bytes, begin: int, component: str | None, index: int | None = None) -> Reading:
        """The reading; `begin` is the word where the model or the repetition begins."""
        row = self.field
        raw = row.integer.read(words, 2 * begin + row.offset)
        factor = 0 if self.factor is None else I16.read(words, 2 * self.factor)
        # A number without its power of ten is none.
        if raw is None or factor is None or abs(factor) > _LARGEST_FACTOR or raw == self._none:
            return Reading(
                row.quantity, None, component=component, absence=ReadingAbsence.NOT_SUPPORTED, index=index
            )
        reading = row.reading(raw, coarser=factor, component=component, index=index)
        doubts = self.doubts
        if self.never_zero and raw == 0:
            doubts = (*doubts, "unfilled")
        return altered(reading, doubts=doubts) if doubts else reading

    @cached_property
    def _none(self) -> int:
        return _none_of(self.field.integer)


def _none_of(integer: Integer) -> int:
    """What stands in a point that is not implemented."""
    bits = 8 * integer.size
    return -(1 << bits - 1) if integer.signed else (1 << bits) - 1


def _point(
    quantity: str,
    word: int,
    unit: Unit,
    factor: int | None,
    integer: Integer = U16,
    *,
    exponent: int = 0,
    never_zero: bool = False,
    origin: Origin = Origin.NATIVE,
    doubts: tuple[str, ...] = (),
) -> Point:
    row = Field(quantity, 2 * word, integer, exponent, unit, origin=origin)
    return Point(row, factor, never_zero, doubts)


_SIGN: Final = ("sign_unproven",)
BANK_POINTS: Final = (
    _point("nameplate_capacity", 2, Unit.AMPERE_HOUR, 52, never_zero=True),
    _point("state_of_charge", 11, Unit.PERCENT, 56),
    _point("bms_reported_health", 13, Unit.PERCENT, 58, never_zero=True),
    _point("cycle_count", 14, Unit.ONE, None, U32),
    _point("voltage", 34, Unit.VOLT, 59, never_zero=True),
    _point("charge_voltage_limit", 35, Unit.VOLT, 59, never_zero=True),
    _point("discharge_voltage_limit", 36, Unit.VOLT, 59, never_zero=True),
    _point("cell_voltage_max", 37, Unit.VOLT, 60, never_zero=True),
    _point("cell_voltage_min", 40, Unit.VOLT, 60, never_zero=True),
    _point("cell_voltage_mean", 43, Unit.VOLT, 60, never_zero=True),
    _point("current", 44, Unit.AMPERE, 61, I16, doubts=_SIGN),
    _point("charge_current_limit", 45, Unit.AMPERE, 62),
    _point("discharge_current_limit", 46, Unit.AMPERE, 62),
    _point("power", 47, Unit.WATT, 63, I16, doubts=_SIGN),
)
STRINGS_POINTS: Final = (
    _point("module_count", 2, Unit.ONE, None),
    _point("modules_online", 3, Unit.ONE, None),
    _point("cell_temperature_max", 4, Unit.CELSIUS, 23, I16),
    _point("cell_temperature_min", 7, Unit.CELSIUS, 23, I16),
    _point("cell_temperature_mean", 10, Unit.CELSIUS, 23, I16),
)
# Of each string of 803; factors lie in the head.
STRINGS_REPEATED: Final = (
    _point("module_count", 0, Unit.ONE, None),
    _point("state_of_charge", 4, Unit.PERCENT, 26),
    _point("bms_reported_health", 5, Unit.PERCENT, 25, never_zero=True),
    _point("current", 6, Unit.AMPERE, 24, I16, doubts=_SIGN),
    _point("cell_voltage_max", 7, Unit.VOLT, 22, never_zero=True),
    _point("cell_voltage_min", 9, Unit.VOLT, 22, never_zero=True),
    _point("cell_voltage_mean", 11, Unit.VOLT, 22, never_zero=True),
    _point("cell_temperature_max", 12, Unit.CELSIUS, 23, I16),
    _point("cell_temperature_min", 14, Unit.CELSIUS, 23, I16),
    _point("cell_temperature_mean", 16, Unit.CELSIUS, 23, I16),
)
STRING_POINTS: Final = (
    _point("module_count", 3, Unit.ONE, None),
    _point("state_of_charge", 8, Unit.PERCENT, 38),
    _point("cycle_count", 10, Unit.ONE, None, U32),
    _point("bms_reported_health", 12, Unit.PERCENT, 39, never_zero=True),
    _point("current", 13, Unit.AMPERE, 41, I16, doubts=_SIGN),
    _point("voltage", 14, Unit.VOLT, 42, never_zero=True),
    _point("cell_voltage_max", 15, Unit.VOLT, 43, never_zero=True),
    _point("cell_voltage_min", 17, Unit.VOLT, 43, never_zero=True),
    _point("cell_voltage_mean", 19, Unit.VOLT, 43, never_zero=True),
    _point("cell_temperature_max", 20, Unit.CELSIUS, 44, I16),
    _point("cell_temperature_min", 22, Unit.CELSIUS, 44, I16),
    _point("cell_temperature_mean", 24, Unit.CELSIUS, 44, I16),
)
# Of each module of 804.
STRING_REPEATED: Final = (
    _point("cell_count", 0, Unit.ONE, None),
    _point("state_of_charge", 1, Unit.PERCENT, 38),
    _point("bms_reported_health", 2, Unit.PERCENT, 39, never_zero=True),
    _point("cell_voltage_max", 3, Unit.VOLT, 43, never_zero=True),
    _point("cell_voltage_min", 5, Unit.VOLT, 43, never_zero=True),
    _point("cell_voltage_mean", 7, Unit.VOLT, 43, never_zero=True),
    _point("cell_temperature_max", 8, Unit.CELSIUS, 44, I16),
    _point("cell_temperature_min", 10, Unit.CELSIUS, 44, I16),
    _point("cell_temperature_mean", 12, Unit.CELSIUS, 44, I16),
)
MODULE_POINTS: Final = (
    _point("cell_count", 4, Unit.ONE, None),
    _point("state_of_charge", 5, Unit.PERCENT, 38),
    _point("bms_reported_health", 7, Unit.PERCENT, 39, never_zero=True),
    _point("cycle_count", 8, Unit.ONE, None, U32),
    _point("voltage", 10, Unit.VOLT, 41, never_zero=True),
    _point("cell_voltage_max", 11, Unit.VOLT, 42, never_zero=True),
    _point("cell_voltage_min", 13, Unit.VOLT, 42, never_zero=True),
    _point("cell_voltage_mean", 15, Unit.VOLT, 42, never_zero=True),
    _point("cell_temperature_max", 16, Unit.CELSIUS, 43, I16),
    _point("cell_temperature_min", 18, Unit.CELSIUS, 43, I16),
    _point("cell_temperature_mean", 20, Unit.CELSIUS, 43, I16),
)
# Of each cell of 805.
CELL_POINTS: Final = (
    _point("cell_voltage", 0, Unit.VOLT, 42),
    _point("cell_temperature", 1, Unit.CELSIUS, 43, I16),
)
# Of each port of 714 that has a battery; what it injects comes out of the battery. Wh, told in kWh.
PORT_POINTS: Final = (
    _point("energy_out", 13, Unit.KILOWATT_HOUR, 18, U64, exponent=-3),
    _point("energy_in", 17, Unit.KILOWATT_HOUR, 18, U64, exponent=-3),
)
FIELDS: Final = tuple(
    point.field
    for points in (
        BANK_POINTS,
        STRINGS_POINTS,
        STRINGS_REPEATED,
        STRING_POINTS,
        STRING_REPEATED,
        MODULE_POINTS,
        CELL_POINTS,
        PORT_POINTS,
    )
    for point in points
)
ALSO: Final = ("alarm", "warning", "balancing_active", "serial_number", "chemistry")

# Bits of the first event word of 802, 803 and 804: how it is told, and its name.
EVENTS: Final = {
    0: ("alarm", "internal_communication_fault"),
    1: ("alarm", "over_temperature"),
    2: ("warning", "over_temperature"),
    3: ("alarm", "under_temperature"),
    4: ("warning", "under_temperature"),
    5: ("alarm", "charge_over_current"),
    6: ("warning", "charge_over_current"),
    7: ("alarm", "discharge_over_current"),
    8: ("warning", "discharge_over_current"),
    9: ("alarm", "pack_over_voltage"),
    10: ("warning", "pack_over_voltage"),
    11: ("alarm", "pack_under_voltage"),
    12: ("warning", "pack_under_voltage"),
    13: ("alarm", "low_charge"),
    14: ("warning", "low_charge"),
    15: ("alarm", "high_charge"),
    16: ("warning", "high_charge"),
    17: ("warning", "cell_voltage_difference"),
    18: ("alarm", "temperature_difference"),
    19: ("warning", "temperature_difference"),
    20: ("alarm", "contactor_fault"),
    21: ("alarm", "fan_fault"),
    22: ("alarm", "insulation_fault"),
    23: ("alarm", "door_open"),
    24: ("warning", "current_difference"),
    25: ("alarm", "general_alarm"),
    26: ("warning", "general_alarm"),
    28: ("alarm", "configuration_fault"),
    29: ("warning", "configuration_fault"),
}
# Types of battery of 802 that are a chemistry and not "other".
CHEMISTRIES: Final = {
    1: "lead-acid",
    2: "nickel-metal hydride",
    3: "nickel-cadmium",
    4: "lithium-ion",
    9: "sodium-sulphur",
    10: "flow",
}


def fits(model: int, length: int) -> bool:
    """Whether a model of a battery can have this length, which does not count number and length."""
    shape = SHAPES.get(model)
    if shape is None:
        return False
    fixed, repeated = shape
    more = length + 2 - fixed
    return more == 0 if not repeated else more >= 0 and more % repeated == 0


def model_readings(model: int, words: bytes) -> list[Reading]:
    """What a whole model says; `words` begins with its number."""
    fixed, repeated = SHAPES[model]
    times = (len(words) // 2 - fixed) // repeated if repeated else 0
    parts = [fixed + repeated * number for number in range(times)]
    if model == BANK:
        return _bank(words)
    if model == STRINGS:
        return _strings(words, parts[: _count(words, 2)])
    if model == STRING:
        return _string(words, parts[: _count(words, 3)])
    if model == MODULE:
        return _module(words, parts[: _count(words, 4)])
    return _ports(words, parts)


def _count(words: bytes, word: int) -> int | None:
    """How many parts there are; None, which is all that were sent, where the device does not say."""
    raw = U16.read(words, 2 * word)
    return None if raw in (None, 0, 0xFFFF) else raw


def _read(points: tuple[Point, ...], words: bytes, begin: int, part: str | None) -> list[Reading]:
    return [point.read(words, begin, part) for point in points]


def _bank(words: bytes) -> list[Reading]:
    readings = _read(BANK_POINTS, words, 0, None)
    kind = CHEMISTRIES.get(U16.read(words, 42) or 0)
    if kind is not None:
        readings.append(told("chemistry", kind))
    readings += _events(words, 26, None)
    if any(words[4:104]):
        return readings
    # A device without a battery shows the model with nothing in it: that is no empty battery.
    return [altered(one, doubts=("no_battery",)) if one.value is not None else one for one in readings]


def _strings(words: bytes, parts: list[int]) -> list[Reading]:
    readings = _read(STRINGS_POINTS, words, 0, None)
    for number, begin in enumerate(parts, 1):
        part = f"string/{number}"
        readings += _read(STRINGS_REPEATED, words, begin, part) + _events(words, begin + 20, part)
    return readings


def _string(words: bytes, parts: list[int]) -> list[Reading]:
    string = f"string/{U16.read(words, 4)}"
    readings = _read(STRING_POINTS, words, 0, string) + _events(words, 28, string)
    for number, begin in enumerate(parts, 1):
        readings += _read(STRING_REPEATED, words, begin, f"{string}/module/{number}")
    return readings


def _module(words: bytes, parts: list[int]) -> list[Reading]:
    part = f"string/{U16.read(words, 4)}/module/{U16.read(words, 6)}"
    readings = _read(MODULE_POINTS, words, 0, part)
    readings.append(text("serial_number", words[44:76], component=part))
    balancing = False
    for number, begin in enumerate(parts, 1):
        for point in CELL_POINTS:
            one = point.read(words, begin, part, number)
            empty = one.quantity == "cell_voltage" and one.value == 0
            readings.append(altered(one, doubts=("not_fitted",)) if empty else one)
        state = U32.read(words, 2 * begin + 4)
        balancing = balancing or (state != 0xFFFFFFFF and bool((state or 0) & 1))
    if parts:
        readings.append(told("balancing_active", balancing, component=part))
    return readings


def _ports(words: bytes, parts: list[int]) -> list[Reading]:
    stores = [begin for begin in parts if U16.read(words, 2 * begin) == _ESS]
    if len(stores) == 1:
        return _read(PORT_POINTS, words, stores[0], None)
    return [
        one
        for begin in stores
        for one in _read(PORT_POINTS, words, begin, f"port/{U16.read(words, 2 * begin + 2)}")
    ]


def _events(words: bytes, word: int, part: str | None) -> list[Reading]:
    bits = U32.read(words, 2 * word) or 0
    if not bits or bits >> 31:  # not implemented is all ones; the highest bit has no meaning of its own
        return []
    return [
        told(*EVENTS.get(bit, ("alarm", f"unnamed_bit_{bit}")), component=part)
        for bit in range(31)
        if bits >> bit & 1
    ]


class Chain:
    """What is known of one unit: where its models are, and registers that wait for the rest of theirs.

    Attributes:
        base: register of the marker; None before it was seen.
        models: register of each head seen, with number and length; the chain's end is not in it.
        next_head: register of the first head that was not seen; None when the end was.
    """

    def __init__(self) -> None:
        self.base: int | None = None
        self.models: dict[int, tuple[int, int]] = {}
        self.next_head: int | None = None
        self._waiting: dict[int, bytes] = {}

    def is_found(self) -> bool:
        """Whether the marker was seen."""
        return self.base is not None

    def _begin(self, base: int) -> None:
        self.base, self.next_head = base, base + 2
        self.models.clear()
        self._waiting.clear()

    def take(self, window: Window) -> list[Reading]:
        """What becomes known with these registers."""
        known = self.models.get(window.start)
        if known is not None and self._is_just(window, *known):
            for at in list(self._waiting):
                if 0 <= at - window.start < window.count:
                    del self._waiting[at]
            return model_readings(known[0], window.data)
        words = {
            window.start + place: window.data[2 * place : 2 * place + 2] for place in range(window.count)
        }
        for base in BASES:
            if words.get(base, b"") + words.get(base + 1, b"") == MARKER and self.base != base:
                self._begin(base)
        self._check(words)
        self._walk(words)
        first = tuple(int.from_bytes(words.get(window.start + at, b""), "big") for at in (0, 1))
        if window.start not in self.models and fits(*first) and first[1] + 2 <= window.count:
            return model_readings(first[0], window.data[: 2 * first[1] + 4])
        return self._whole(words)

    def _is_just(self, window: Window, model: int, length: int) -> bool:
        """Whether these registers are one known model that is read, and nothing else."""
        covered = range(window.start, window.start + window.count)
        return (
            window.count == length + 2
            and fits(model, length)
            and struct.unpack_from(">HH", window.data) == (model, length)
            and self.next_head not in covered
            and all(base not in covered for base in BASES)
        )

    def _check(self, words: dict[int, bytes]) -> None:
        """Forget a chain that has become another one."""
        for head, (model, length) in self.models.items():
            if head in words and head + 1 in words:
                came = (int.from_bytes(words[head], "big"), int.from_bytes(words[head + 1], "big"))
                if came != (model, length):
                    assert self.base is not None
                    self._begin(self.base)
                    return

    def _walk(self, words: dict[int, bytes]) -> None:
        """Follow the chain as far as heads are known."""
        while self.next_head is not None and self.next_head in words and len(self.models) < MOST_MODELS:
            head = self.next_head
            model = int.from_bytes(words[head], "big")
            if model == END:
                self.next_head = None
                return
            if head + 1 not in words:
                return
            length = int.from_bytes(words[head + 1], "big")
            self.models[head] = (model, length)
            after = head + 2 + length
            self.next_head = after if after <= 0xFFFF else None

    def _whole(self, words: dict[int, bytes]) -> list[Reading]:
        """Models that have all their registers now; each register counts once."""
        readings: list[Reading] = []
        for head, (model, length) in self.models.items():
            own = range(head, head + 2 + length)
            touched = [at for at in own if at in words] if fits(model, length) else []
            if not touched:
                continue
            self._waiting.update((at, words[at]) for at in touched)
            if all(at in self._waiting for at in own):
                readings += model_readings(model, b"".join(self._waiting.pop(at) for at in own))
        return readings

    def battery_models(self) -> list[tuple[int, int]]:
        """Register and number of words of each model that is read."""
        return [(head, length + 2) for head, (model, length) in self.models.items() if fits(model, length)]


class SunSpec(ModbusProtocol):
    """See the module; with `chains` it remembers what it has read, as a session's decoder does."""

    name: ClassVar[str] = "sunspec"
    title: ClassVar[str] = "SunSpec storage models 802 to 805 and 714 (Modbus)"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    blocks = tuple(
        Block(f"marker-{base}", HOLDING_REGISTERS, base, 2, "the marker of the chain") for base in BASES
    )

    def __init__(self, chains: dict[int, Chain] | None = None) -> None:
        """With `chains` (by unit) as a decoder, without as the protocol."""
        super().__init__()
        self.chains = chains

    def decoder(self) -> "SunSpec":
        """A new one, which remembers chains."""
        return SunSpec({})

    def poller(self, address: int | None, decoder: Decoder) -> Poller:
        """Walks the chain, then reads its models of batteries."""
        if isinstance(decoder, SunSpec) and decoder.chains is not None:
            return _Walker(self.unit if address is None else address, decoder.chains)
        return super().poller(address, decoder)

    def permit(self, data: bytes) -> Frame:
        """A read of holding registers; where a model lies only the device says."""
        frame = self._parse_request(data)
        if frame.command != HOLDING_REGISTERS:
            raise RequestForbidden(
                f"{self.name}: request {data.hex()} is not on the list of reads; "
                "allowed: holding registers (03) of the chain of models"
            )
        return frame

    def _only_block(self, frame: Frame) -> Block | None:
        # A model tells itself; where it lies does not matter then.
        if frame.status or frame.command != HOLDING_REGISTERS or len(frame.payload) < 4:
            return None
        number, length = U16.read(frame.payload, 0), U16.read(frame.payload, 2)
        assert number is not None
        assert length is not None
        if not fits(number, length) or len(frame.payload) != 2 * length + 4:
            return None
        return Block("model", HOLDING_REGISTERS, BASES[0] + 2, length + 2, "a model")

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        if request is None and self._only_block(frame) is not None:
            return model_readings(U16.read(frame.payload, 0) or 0, frame.payload)
        return super()._readings(frame, request)

    def _window(self, window: Window) -> list[Reading]:
        if window.function != HOLDING_REGISTERS:
            return []
        if self.chains is None:
            return Chain().take(window)
        return self.chains.setdefault(window.unit, Chain()).take(window)


class _Walker:
    """Asks one unit: the marker, the heads, and in every cycle the models."""

    def __init__(self, unit: int, chains: dict[int, Chain]) -> None:
        self._unit = unit
        self._chains = chains

    def cycle(self) -> Iterator[bytes]:
        chain = self._chains.setdefault(self._unit, Chain())
        for base in () if chain.is_found() else BASES:
            yield self._read(base, 2)
            if chain.is_found():
                break
        asked: set[int] = set()
        while chain.next_head is not None and chain.next_head not in asked and len(asked) < MOST_MODELS:
            asked.add(chain.next_head)
            yield self._read(chain.next_head, 2)
        for head, count in chain.battery_models():
            for begin in range(0, count, MOST_REGISTERS):
                yield self._read(head + begin, min(MOST_REGISTERS, count - begin))

    def _read(self, start: int, count: int) -> bytes:
        return encode_request(self._unit, HOLDING_REGISTERS, start, count)


PROTOCOL: Final = SunSpec()


def value_words(point: Point, value: Decimal, factor: int) -> bytes:
    """The bytes of a point under a scale factor, for simulators and fixtures."""
    return point.field.write(value, coarser=factor)
