"""The payload of a Sparkplug B message: metrics with their names, types, times and values.

A reader of our own for the few fields that are needed, of the wire format of Protocol Buffers: what is no
message is refused with a sentence, fields that are not needed are passed over. Data sets, templates and files
are not read.

Source: Eclipse Sparkplug 3.0, 6.4 (fields and data types of a payload, values as their two's complement);
Protocol Buffers encoding (varints, wire types, lengths).
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, unique
from typing import Final

import numpy as np

from ingest.protocol import Damage, Fault

LARGEST_BYTES: Final = 4 * 1024 * 1024
MOST_METRICS: Final = 20_000
_LARGEST_FIELD: Final = 536_870_911
# Qualities that a metric's property `Quality` may have: 192 is good.
GOOD: Final = 192


@unique
class DataType(IntEnum):
    """Types of a metric that are read."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


_BITS: Final = {
    DataType.INT8: 8,
    DataType.INT16: 16,
    DataType.INT32: 32,
    DataType.INT64: 64,
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATE_TIME: 64,
}
_SIGNED: Final = frozenset({DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64})
_TEXTS: Final = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})

Raw = int | float | bool | str | None


@dataclass(frozen=True)
class Metric:
    """One metric of a message.

    Attributes:
        name: None where only the alias is sent.
        alias: number that a birth gave to the name; None where there is none.
        timestamp_ms: of the value; None where the message's holds.
        datatype: number of the type; None where the birth's holds.
        is_historical: kept by the node and sent afterwards.
        is_null: there is no value.
        raw: as it was sent; None for what is not read.
        quality: as its property says; None without one.
    """

    name: str | None
    alias: int | None
    timestamp_ms: int | None
    datatype: int | None
    is_historical: bool
    is_null: bool
    raw: Raw
    quality: int | None

    def value(self, datatype: int | None) -> Decimal | bool | str | None:
        """The value as its type has it; None for null, for what is no number, and for types not read."""
        raw = self.raw
        if self.is_null or raw is None:
            return None
        if isinstance(raw, bool) or datatype == DataType.BOOLEAN:
            return bool(raw) if isinstance(raw, bool | int) else None
        if isinstance(raw, str):
            return raw if datatype is None or datatype in _TEXTS else None
        if isinstance(raw, float):
            return _decimal(raw, single=datatype == DataType.FLOAT)
        bits = _BITS.get(datatype) if datatype is not None else None  # type: ignore[call-overload]
        if bits is None:
            return Decimal(raw) if datatype is None else None
        number = raw & ((1 << bits) - 1)
        if datatype in _SIGNED and number >> (bits - 1):
            number -= 1 << bits
        return Decimal(number)


def _decimal(number: float, *, single: bool) -> Decimal | None:
    """The shortest decimal that the binary number is."""
    if not math.isfinite(number):
        return None
    if single:
        return Decimal(np.format_float_scientific(np.float32(number), unique=True))
    return Decimal(repr(number))


@dataclass(frozen=True)
class Payload:
    """A message.

    Attributes:
        timestamp_ms: when it was sent; None where it does not say.
        seq: 0 to 255, counted by the node over all its messages; None where there is none.
        metrics: in their order.
    """

    timestamp_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]

    def first(self, name: str) -> int | None:
        """The whole number that a metric of this name holds; None without one."""
        found = (one.raw for one in self.metrics if one.name == name)
        return next((raw for raw in found if isinstance(raw, int)), None)


def read_payload(data: bytes) -> Payload:
    """The message in these bytes.

    Raises:
        Damage: they are no such message.
    """
    if len(data) > LARGEST_BYTES:
        raise _no("at most 4 MiB", f"{len(data)} bytes", Fault.LENGTH)
    timestamp = seq = None
    metrics: list[Metric] = []
    for number, value in _fields(data):
        if number == 1:
            timestamp = _whole(value, "the time of the message")
        elif number == 3:
            seq = _whole(value, "its sequence number")
        elif number == 2:
            if len(metrics) >= MOST_METRICS:
                raise _no(f"at most {MOST_METRICS} metrics", "more", Fault.LENGTH)
            metrics.append(_metric(_bytes(value, "a metric")))
    if seq is not None and seq > 255:
        raise _no("a sequence number from 0 to 255", str(seq), Fault.FOREIGN)
    return Payload(timestamp, seq, tuple(metrics))


def _metric(data: bytes) -> Metric:
    name: str | None = None
    alias = timestamp = datatype = quality = None
    historical = null = False
    raw: Raw = None
    for number, value in _fields(data):
        if number == 1:
            name = _text(_bytes(value, "the name of a metric"))
        elif number == 2:
            alias = _whole(value, "the alias of a metric")
        elif number == 3:
            timestamp = _whole(value, "the time of a metric")
        elif number == 4:
            datatype = _whole(value, "the type of a metric")
        elif number == 5:
            historical = bool(_whole(value, "is_historical"))
        elif number == 7:
            null = bool(_whole(value, "is_null"))
        elif number == 9:
            quality = _quality(_bytes(value, "the properties of a metric"))
        elif number in {10, 11}:
            raw = _whole(value, "a whole number")
        elif number == 12:
            raw = _float(value, "<f", 4)
        elif number == 13:
            raw = _float(value, "<d", 8)
        elif number == 14:
            raw = bool(_whole(value, "a flag"))
        elif number == 15:
            raw = _text(_bytes(value, "a text"))
        elif 16 <= number <= 19:
            raw = None
    return Metric(name, alias, timestamp, datatype, historical, null, raw, quality)


def _quality(data: bytes) -> int | None:
    """What the property `Quality` says; None without one."""
    keys: list[bytes] = []
    values: list[int | None] = []
    for number, value in _fields(data):
        if number == 1:
            keys.append(_bytes(value, "the name of a property"))
        elif number == 2:
            inner = _fields(_bytes(value, "the value of a property"))
            numbers = [one for place, one in inner if place in {3, 4} and isinstance(one, int)]
            values.append(numbers[-1] if numbers else None)
    return next((value for key, value in zip(keys, values, strict=False) if key == b"Quality"), None)


# The wire format


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number with its varint, or with its bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _LARGEST_FIELD:
            raise _no("the number of a field", str(number), Fault.FOREIGN)
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        else:
            if kind == 2:
                size, at = _varint(data, at)
            elif kind in {1, 5}:
                size = 8 if kind == 1 else 4
            else:
                raise _no("a varint, a fixed number or bytes", f"wire type {kind}", Fault.FOREIGN)
            value = data[at : at + size]
            if len(value) < size:
                raise _no(f"{size} bytes of field {number}", f"{len(value)}", Fault.TRUNCATED)
            at += size
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(10):
        if at + place >= len(data):
            raise _no("the rest of a number", "the end of the message", Fault.TRUNCATED)
        byte = data[at + place]
        number |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise _no("a number of at most ten bytes", "a longer one", Fault.LENGTH)


def _whole(value: int | bytes, what: str) -> int:
    if isinstance(value, int):
        return value
    raise _no(f"{what} as a varint", "bytes", Fault.FOREIGN)


def _bytes(value: int | bytes, what: str) -> bytes:
    if isinstance(value, bytes):
        return value
    raise _no(f"{what} as bytes", "a varint", Fault.FOREIGN)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _no("UTF-8", data[:40].hex(), Fault.FOREIGN) from None


def _float(value: int | bytes, form: str, size: int) -> float:
    data = _bytes(value, "a binary number")
    if len(data) != size:
        raise _no(f"{size} bytes of a binary number", str(len(data)), Fault.FOREIGN)
    number: float = struct.unpack(form, data)[0]
    return number


def _no(expected: str, came: str, fault: Fault) -> Damage:
    return Damage(fault, expected=expected, came=came, where="the payload")
