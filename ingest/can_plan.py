"""Signals of a CAN database taken out of many frames at once.

cantools parses the database; how each signal lies in the data is worked out here once, as shift and mask, and
used for one frame (plain integers) or for all frames of an identifier together (NumPy). Both give the raw
integer; what it means in a unit is exact and the reader's to say. In the tests cantools is the oracle.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
_Windows = dict[tuple[int, bool], Numbers]

_WINDOW: Final = 8  # bytes that one NumPy integer holds
# A log has few interfaces; lines of more forms than these are left to the reader that goes line by line.
_MOST_FORMS: Final = 64


@dataclass(frozen=True)
class Signal:
    """How one signal lies in the data of its message.

    Attributes:
        name: as in the database.
        unit: as in the database, empty where it says none.
        length: in bits.
        shift: of its lowest bit in the integer that all data of the message make.
        little: True when that integer has its low byte first.
        signed: two's complement.
        is_float: an IEEE 754 number of 32 or 64 bits.
        scale: of the raw integer, exactly as written.
        offset: added after scaling.
        chooser: the multiplexer that decides whether the signal is there; None when it always is.
        chosen: values of the chooser with which it is.
        choices: words of raw values.
    """

    name: str
    unit: str
    length: int
    shift: int
    little: bool
    signed: bool
    is_float: bool
    scale: Decimal
    offset: Decimal
    chooser: str | None
    chosen: frozenset[int]
    choices: Mapping[int, str]

    @property
    def mask(self) -> int:
        """As many ones as it has bits."""
        return (1 << self.length) - 1

    def raw(self, little: int, big: int) -> int | float:
        """Its raw value in the data, given as integers of both byte orders."""
        value = (little if self.little else big) >> self.shift & self.mask
        if self.is_float:
            return _as_float(value, self.length)
        return value - (1 << self.length) if self.signed and value >> (self.length - 1) else value

    def scaled(self, raw: Numbers) -> tuple[Numbers, int]:
        """Physical values of raw integers as integers times a power of ten, exactly, and that power.

        A float stays what it is, times its scale, with the power 0.
        """
        if self.is_float:
            return raw * float(self.scale) + float(self.offset), 0
        exponent = min(_exponent(self.scale), _exponent(self.offset), 0)
        factor, shift = (int(one.scaleb(-exponent)) for one in (self.scale, self.offset))
        return raw * factor + shift if shift else raw if factor == 1 else raw * factor, exponent


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # a database states finite numbers
    return exponent


@dataclass(frozen=True)
class MessagePlan:
    """Where the signals of one message are.

    Attributes:
        identifier: of the frame.
        extended: True for 29 bits.
        name: as in the database.
        size: bytes of data.
        signals: multiplexers before what they choose.
    """

    identifier: int
    extended: bool
    name: str
    size: int
    signals: tuple[Signal, ...]

    def values(self, data: bytes) -> dict[str, int | float]:
        """Raw value of each signal that this frame holds; `data` are at least `size` bytes."""
        little = int.from_bytes(data[: self.size], "little")
        big = int.from_bytes(data[: self.size], "big")
        found: dict[str, int | float] = {}
        for signal in self.signals:
            if signal.chooser is None or found.get(signal.chooser) in signal.chosen:
                found[signal.name] = signal.raw(little, big)
        return found

    def columns(self, data: Bytes, wanted: frozenset[str] | None = None) -> dict[str, tuple[Rows, Numbers]]:
        """Of each signal the numbers of the frames that hold it, and its raw values there.

        `data` is one row per frame, `size` bytes or more in each; `wanted` names the signals to be given,
        None for all.
        """
        everywhere = np.arange(len(data))
        # Frames that a multiplexer's values choose share their integers, so these are made once per choice.
        windows: dict[tuple[str | None, frozenset[int]], tuple[Rows, Bytes, _Windows]] = {
            (None, frozenset()): (everywhere, data, {})
        }
        found: dict[str, tuple[Rows, Numbers]] = {}
        for signal in self.signals:
            if wanted is not None and signal.name not in wanted and signal.name not in self._choosers:
                continue
            place = (signal.chooser, signal.chosen if signal.chooser is not None else frozenset())
            if place not in windows:
                held, chosen = found[signal.chooser or ""]
                numbers = list(signal.chosen)
                here = chosen == numbers[0] if len(numbers) == 1 else np.isin(chosen, numbers)
                rows = held[here]
                windows[place] = (rows, data[rows], {})
            rows, part, made = windows[place]
            found[signal.name] = (rows, self._column(signal, part, made))
        return found if wanted is None else {name: pair for name, pair in found.items() if name in wanted}

    @cached_property
    def _choosers(self) -> frozenset[str]:
        return frozenset(signal.chooser for signal in self.signals if signal.chooser is not None)

    def _column(self, signal: Signal, data: Bytes, windows: _Windows) -> Numbers:
        window = self._window(signal)
        if window is None:  # nine bytes: more than one machine word holds
            rows = (bytes(row[: self.size]) for row in data)
            made = [signal.raw(int.from_bytes(row, "little"), int.from_bytes(row, "big")) for row in rows]
            return np.array(made)
        first, shift = window
        whole = windows.get((first, signal.little))
        if whole is None:
            part = np.zeros((len(data), _WINDOW), np.uint8)
            piece = data[:, first : min(first + _WINDOW, self.size)]
            part[:, : piece.shape[1]] = piece
            whole = part.view("<u8" if signal.little else ">u8")[:, 0].astype(np.uint64)
            windows[first, signal.little] = whole
        if signal.is_float:
            kind, bits = (np.float32, np.uint32) if signal.length == 32 else (np.float64, np.uint64)
            raw = whole >> np.uint64(shift) & np.uint64(signal.mask)
            return raw.astype(bits).view(kind).astype(np.float64)
        if signal.signed:
            up = whole << np.uint64(64 - shift - signal.length)
            return up.view(np.int64) >> np.int64(64 - signal.length)
        down: Numbers = whole >> np.uint64(shift) & np.uint64(signal.mask)
        return down if signal.length == 64 else down.view(np.int64)

    def _window(self, signal: Signal) -> tuple[int, int] | None:
        """First of eight bytes that hold the whole signal, and the shift in them; None when it takes nine."""
        if signal.little:
            first = signal.shift // 8 if signal.shift + signal.length > 64 else 0
            shift = signal.shift - 8 * first
            return (first, shift) if shift + signal.length <= 64 else None
        left = 8 * self.size - signal.shift - signal.length  # bits in front of it
        first = left // 8 if left + signal.length > 64 else 0
        shift = 64 - (left - 8 * first) - signal.length
        return (first, shift) if shift >= 0 else None


def _as_float(value: int, length: int) -> float:
    size = length // 8
    (number,) = struct.unpack("<f" if size == 4 else "<d", value.to_bytes(size, "little"))
    return float(number)


def plan(message: Any) -> MessagePlan:
    """The plan of a message as cantools holds it.

    Raises:
        ValueError: a signal lies outside the data, or is a float of a length that does not exist.
    """
    size = int(message.length)
    choosers = tuple(str(signal.name) for signal in message.signals if signal.is_multiplexer)
    signals = [_signal(signal, size, choosers) for signal in message.signals]
    known = {signal.name: signal for signal in signals}

    def depth(signal: Signal) -> int:
        count = 0
        while signal.chooser is not None and count <= len(known):
            signal, count = known[signal.chooser], count + 1
        return count

    ordered = sorted(signals, key=depth)
    extended = bool(message.is_extended_frame)
    return MessagePlan(int(message.frame_id), extended, str(message.name), size, tuple(ordered))


def plans(database: Any) -> Mapping[tuple[int, bool], MessagePlan]:
    """The plans of all messages of a database, by identifier and whether it has 29 bits."""
    made = (plan(message) for message in database.messages)
    return {(one.identifier, one.extended): one for one in made}


def _chooser(signal: Any, choosers: tuple[str, ...]) -> str | None:
    """The multiplexer by its name; a database with long names may still call it by its first 32 letters."""
    if not signal.multiplexer_ids:
        return None
    name = str(signal.multiplexer_signal)
    found = [one for one in choosers if one == name] or [one for one in choosers if one.startswith(name)]
    if not found:
        raise ValueError(f"signal {signal.name} hangs on {name}, which is no multiplexer of its message")
    return found[0]


def _signal(signal: Any, size: int, choosers: tuple[str, ...]) -> Signal:
    length, start = int(signal.length), int(signal.start)
    little = signal.byte_order == "little_endian"
    # A big-endian signal names its highest bit: byte by byte from the left, each from bit 7 down to 0.
    shift = start if little else 8 * size - (8 * (start // 8) + 7 - start % 8) - length
    if shift < 0 or shift + length > 8 * size:
        raise ValueError(f"signal {signal.name} lies outside the {size} bytes of its message")
    if signal.is_float and length not in (32, 64):
        raise ValueError(f"signal {signal.name} is a float of {length} bits")
    return Signal(
        str(signal.name),
        str(signal.unit or ""),
        length,
        shift,
        little,
        bool(signal.is_signed),
        bool(signal.is_float),
        Decimal(str(signal.scale)),
        Decimal(str(signal.offset)),
        _chooser(signal, choosers),
        frozenset(int(one) for one in signal.multiplexer_ids or ()),
        {int(value): str(word) for value, word in (signal.choices or {}).items()},
    )


# Logs


@dataclass(frozen=True)
class Log:
    """The frames of a candump log as columns, in order of the log.

    Attributes:
        time_us: microseconds as the log counts them.
        identifier: of each frame.
        extended: True for 29 bits.
        length: bytes of data in each.
        data: eight bytes a frame, zero behind its data.
        left: numbers of the lines that are not in the columns: other forms, FD frames, damage.
    """

    time_us: npt.NDArray[np.int64]
    identifier: npt.NDArray[np.uint32]
    extended: Bools
    length: npt.NDArray[np.uint8]
    data: Bytes
    left: npt.NDArray[np.int64]

    def by_identifier(self) -> Iterable[tuple[int, bool, npt.NDArray[np.int64]]]:
        """Each identifier with the numbers of its frames."""
        key = self.identifier.astype(np.int64) << 1 | self.extended
        order = np.argsort(key, kind="stable")
        ends = np.flatnonzero(np.diff(key[order])) + 1
        for rows in np.split(order, ends):
            if len(rows):
                yield int(self.identifier[rows[0]]), bool(self.extended[rows[0]]), rows


_NIBBLE: Final = np.full(256, 255, np.uint8)
for _digit in range(16):
    _NIBBLE[ord(f"{_digit:x}")] = _NIBBLE[ord(f"{_digit:X}")] = _digit


def read_candump(text: bytes) -> Log:
    """The frames of a log as `candump -L` writes it.

    Lines of the same form are read together; a line that is not what it should be is left out and named.
    """
    raw = np.frombuffer(text if text.endswith(b"\n") else text + b"\n", np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    parts: list[tuple[Numbers, ...]] = []
    # Few lengths of line exist: they differ by interface name, width of identifier and bytes of data.
    for length in np.unique(lengths):
        lines = np.flatnonzero(lengths == length)
        if len(lines) == len(lengths):
            block = raw.reshape(len(lines), length + 1)[:, :length]
        else:
            block = raw[starts[lines][:, None] + np.arange(length)]
        parts += _same_length(block, lines)
    columns: list[Numbers] = [np.concatenate(column) for column in zip(*parts, strict=True)] or _NOTHING
    seen = np.zeros(len(lengths), np.bool_)
    seen[columns[0]] = True
    if len(parts) > 1:
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
    _, time_us, identifier, extended, size, data = columns
    return Log(time_us, identifier, extended, size, data, np.flatnonzero((lengths > 0) & ~seen))


_NOTHING: Final[list[Numbers]] = [
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.uint32),
    np.zeros(0, np.bool_),
    np.zeros(0, np.uint8),
    np.zeros((0, _WINDOW), np.uint8),
]


def _same_length(block: Bytes, lines: Rows) -> Iterable[tuple[Numbers, ...]]:
    """The frames of lines of one length, form by form; a form is where the marks of its first line stand."""
    forms = 0
    while len(block) and forms < _MOST_FORMS:
        form = _form(block[0].tobytes())
        if form is None:
            block, lines = block[1:], lines[1:]
            continue
        forms += 1
        like = np.ones(len(block), np.bool_)
        for at, mark in form.marks:
            like &= block[:, at] == mark
        mine, rest = (block, block[:0]) if like.all() else (block[like], block[~like])
        numbers = lines if len(rest) == 0 else lines[like]
        nibbles = _NIBBLE[mine[:, form.digits]]
        clock = mine[:, form.clock] - ord("0")
        sound = (nibbles < 16).all(axis=1) & (clock < 10).all(axis=1)
        width = form.width
        # Sums of so few decimal and hexadecimal digits are exact in floating point.
        identifier = (nibbles[:, :width] @ _powers(16, width)).astype(np.int64)
        sound &= identifier < (1 << 11 if width == 3 else 1 << 29)
        data = np.zeros((len(mine), _WINDOW), np.uint8)
        data[:, : form.size] = nibbles[:, width::2] << 4 | nibbles[:, width + 1 :: 2]
        time_us = (clock @ _powers(10, len(form.clock))).astype(np.int64)
        columns = (
            numbers,
            time_us,
            identifier.astype(np.uint32),
            np.full(len(mine), width == 8),
            np.full(len(mine), form.size, np.uint8),
            data,
        )
        yield columns if sound.all() else tuple(column[sound] for column in columns)
        lines = lines[~like] if len(rest) else lines[:0]
        block = rest


@dataclass(frozen=True)
class _Form:
    """Where the parts of a line stand: columns of its clock and of its hexadecimal digits, and its marks."""

    clock: list[int]
    digits: list[int]
    width: int
    size: int
    marks: tuple[tuple[int, int], ...]


_LINE: Final = re.compile(
    rb"\((\d{1,10})\.(\d{6})\) (\S+) ([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#((?:[0-9A-Fa-f]{2}){0,8})"
)


def _form(line: bytes) -> _Form | None:
    """The form of a line; None when it has none of those read here."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    clock = [*range(*found.span(1)), *range(*found.span(2))]
    digits = [*range(*found.span(4)), *range(*found.span(5))]
    other = set(range(len(line))).difference(clock, digits)
    # The name of the interface is part of the form, so lines of two buses are read apart.
    marks = tuple((at, line[at]) for at in sorted(other))
    return _Form(clock, digits, len(found[4]), len(found[5]) // 2, marks)


def _powers(base: int, count: int) -> npt.NDArray[np.float64]:
    return np.float64(base) ** np.arange(count - 1, -1, -1)


def load(path: str, *, strict: bool = True) -> Any:
    """The database of a file (DBC, KCD, SYM, ARXML, CDD) as cantools holds it.

    Raises:
        OSError: the file cannot be read.
        Exception: whatever cantools says of a file that is none; the caller names the file.
    """
    import cantools

    loader: Callable[..., Any] = cantools.database.load_file
    return loader(path, strict=strict)
