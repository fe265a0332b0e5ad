"""Which protocol a recording is in: every protocol tries it, and each one that fits says why.

A name is only ever a candidate. What speaks for it:

1. frames whose proof held. What a proof is worth is measured, not declared: a sound frame is changed, and
   the framer is asked whether it notices (`measure`). With a checksum of more than 8 bits one frame is
   enough; with 8 bits two different frames are needed; without any it takes several, nearly all bytes
   explained and values that agree. Names that stand in a text, as heads of columns, are a proof too.
2. on a CAN bus, where a frame has no proof of its own, several identifiers of the profile and values that
   agree with each other. One identifier is never enough: profiles share them.
3. values that agree: cells add up to the pack, shares lie between 0 and 100 %, least is not above most. A
   cell that was not read and a sensor that is not fitted are no contradiction.

Nothing here stores anything, and nothing is asked of a device.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum, unique
from itertools import combinations, islice
from typing import Any, Final

from ingest.can import CanProtocol
from ingest.captures import Decoded, read_capture
from ingest.errors import CaptureRefused
from ingest.modbus import ModbusProtocol
from ingest.plausibility import Memory, doubt
from ingest.protocol import (
    Carrier,
    Certainty,
    Damage,
    Decoder,
    Frame,
    Framer,
    Protocol,
    Refused,
    discover,
)
from schemas.reading import Reading

# So much of a recording is tried; what a protocol cannot prove in it, it will not prove behind it.
TRIED_BYTES: Final = 1024 * 1024
TRIED_FRAMES: Final = 4096
_UNPROVEN_FRAMES: Final = 4
_WHOLE_SHARE: Final = Decimal("0.99")
_UNPROVEN_SHARE: Final = Decimal("0.9")
_CAN_IDENTIFIERS: Final = 3
_DIGITS: Final = b"0123456789ABCDEF"
_TEXT: Final = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t")
# The checksum of a frame lies among its last bytes.
_TAIL: Final = 4
_TAIL_TEXT: Final = 7

_CELL_VOLTS: Final = (Decimal("0.5"), Decimal("5.5"))
_PACK_VOLTS: Final = (Decimal(1), Decimal(2000))
_DEGREES: Final = (Decimal(-45), Decimal(130))
_SUM_TOLERANCE: Final = Decimal("0.02")
_SHARES: Final = ("state_of_charge", "bms_reported_health")
# A sensor that is not fitted shows one value outside of these, and no battery survives it; likewise a cell.
_SURVIVED: Final = (Decimal(-100), Decimal(200))
_ANY_CELL: Final = (Decimal(0), Decimal(10))
# Doubts that say that something is not fitted; they say nothing against a protocol.
_NOT_FITTED: Final = frozenset(
    {
        "no_cell_voltage",
        "no_sensor",
        "not_fitted",
        "saturated",
        "sensor_may_be_absent",
        "sentinel",
        "unused_sensor",
    }
)
# The doubt on what was recorded without its frame.
_UNFRAMED: Final = "no_checksum"
# Stands among the values of a part for how many of its cells were not read, or not believed.
_UNREAD: Final = ("cells not read", None)
# So many letters that must be as they are make names; so many are tried.
_LEAST_LETTERS: Final = 12
_LETTERS_TRIED: Final = 512
# Values that can be held against their bounds and each other although their scale awaits its proof.
_ANY_SCALE: Final = ("meaning_unproven",)
_ORDERED: Final = frozenset({"state_of_charge", "cell_temperature_min", "cell_temperature_max"})


@unique
class Strength(StrEnum):
    """What the proof of a protocol's frames is worth, by trying."""

    STRONG = "a checksum of more than 8 bits"  # one frame is enough
    WEAK = "an 8-bit checksum, which chance passes once in 256"  # two different frames are needed
    NAMES = "no checksum, but names in the text that would be missed"  # one frame is enough
    NONE = "no checksum over the frame"


@dataclass(frozen=True)
class Candidate:
    """One protocol that a recording may be in, or one that had to be turned down.

    Attributes:
        protocol: its name.
        title: for people.
        certainty: how sure we are of the protocol itself.
        accepted: True for a candidate; False for one that found frames and has too little behind it.
        frames: sound frames that said something.
        distinct: of these, different ones.
        empty: sound frames that said nothing that is read.
        refused: frames that were not believed, by fault.
        explained: share of the bytes that lie in sound frames, 0 to 1; None on a CAN bus.
        identifiers: on a CAN bus, those that said something.
        strength: of the proof; None where frames have none of their own.
        agree: what in its values fits together.
        contradict: what in its values does not.
        doubts: raised on its values, with how often.
        reasons: sentences for people, what speaks for it first.
        last: the last value of each quantity and position, for comparing candidates.
    """

    protocol: str
    title: str
    certainty: Certainty
    accepted: bool
    frames: int
    distinct: int
    empty: int
    refused: Mapping[str, int]
    explained: Decimal | None
    identifiers: int
    strength: Strength | None
    agree: tuple[str, ...]
    contradict: tuple[str, ...]
    doubts: Mapping[str, int]
    reasons: tuple[str, ...]
    last: Mapping[tuple[str, int | None, str | None], Reading] = field(repr=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """The outermost parts that speak and are batteries of their own, in order; strings are none."""
        named = {"/".join(part.split("/")[:2]) for _, _, part in self.last if part}
        return tuple(sorted((one for one in named if not one.startswith("string/")), key=_by_number))

    @property
    def rank(self) -> tuple[Any, ...]:
        """Greater is likelier."""
        worths = {Strength.STRONG: 2, Strength.WEAK: 1, Strength.NAMES: 1}
        worth = worths.get(self.strength, 0) if self.strength else 0
        share = self.explained if self.explained is not None else Decimal(0)
        told = sum(count for code, count in self.doubts.items() if code not in _NOT_FITTED)
        doubted = told / max(1, len(self.last))
        return (
            self.accepted,
            not self.contradict,
            share.quantize(Decimal("0.1")),
            worth,
            len(self.agree),
            self.identifiers,
            self.certainty is Certainty.PROVEN,
            -doubted,
            self.frames,
        )

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "protocol": self.protocol,
            "title": self.title,
            "certainty": self.certainty.value,
            "accepted": self.accepted,
            "frames": self.frames,
            "distinct_frames": self.distinct,
            "empty_frames": self.empty,
            "refused": dict(self.refused),
            "explained": None if self.explained is None else format(self.explained, "f"),
            "identifiers": self.identifiers or None,
            "proof": self.strength,
            "agree": list(self.agree),
            "contradict": list(self.contradict),
            "doubts": dict(self.doubts),
            "reasons": list(self.reasons),
            "parts": list(self.parts),
        }


@dataclass(frozen=True)
class Detection:
    """What the protocols made of a recording.

    Attributes:
        candidates: that fit, likeliest first.
        turned_down: that found something and have too little behind it.
        settle: for each two candidates that fit, what would tell them apart.
    """

    candidates: tuple[Candidate, ...]
    turned_down: tuple[Candidate, ...]
    settle: tuple[str, ...]

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "candidates": [one.to_wire() for one in self.candidates],
            "turned_down": [one.to_wire() for one in self.turned_down],
            "settle": list(self.settle),
        }


def _by_number(part: str) -> tuple[str, int, str]:
    kind, _, number = part.partition("/")
    return (kind, int(number), "") if number.isascii() and number.isdigit() else (kind, -1, number)


def detect(data: bytes, protocols: Iterable[Protocol] | None = None) -> Detection:
    """Which protocols the recording may be in.

    Raises:
        CaptureRefused: it is no recording for any protocol; the reason is the first one's.
    """
    tried = list(discover().values() if protocols is None else protocols)
    refusals: list[CaptureRefused] = []
    found: list[Candidate] = []
    for protocol in tried:
        try:
            one = _judge(data, protocol)
        except CaptureRefused as refusal:
            refusals.append(refusal)
            continue
        if one is not None:
            found.append(one)
    if tried and len(refusals) == len(tried):
        raise refusals[0]
    found.sort(key=lambda one: one.rank, reverse=True)
    accepted = _leading([one for one in found if one.accepted])
    names = {one.protocol for one in accepted}
    return Detection(
        tuple(accepted),
        tuple(one for one in found if one.protocol not in names),
        tuple(_settle(one, other) for one, other in combinations(accepted[:4], 2)),
    )


def exchanges(heard: Iterable[tuple[bytes | None, bytes]]) -> bytes:
    """What was asked on a line and what came, as a recording; None for bytes that came unasked."""
    pairs = [
        {"tx": None if asked is None else asked.hex(), "rx_chunks": [came.hex()] if came else []}
        for asked, came in heard
    ]
    return json.dumps({"exchanges": pairs}).encode()


def _leading(accepted: list[Candidate]) -> list[Candidate]:
    """Without those that explain a small part of what the first one explains: frames inside its frames."""
    if not accepted or accepted[0].explained is None:
        return accepted
    least = accepted[0].explained / 2
    return [one for one in accepted if one.explained is None or one.explained >= least]


# One protocol on one recording


class _Counting(Framer):
    """A framer that notes how many bytes it was fed and how many of them it explained."""

    def __init__(self, inner: Framer, count: "_Count") -> None:
        super().__init__()
        self._inner, self._count = inner, count

    def _length(self, buffer: bytes) -> int | None:
        return self._inner._length(buffer)  # noqa: SLF001 - it stands in for the inner one

    def _open(self, raw: bytes, position: int) -> Frame:
        return self._inner._open(raw, position)  # noqa: SLF001 - see above

    def feed(self, data: bytes) -> list[Frame | Refused]:
        self._count.fed += len(data)
        return self._noted(self._inner.feed(data))

    def flush(self) -> list[Frame | Refused]:
        return self._noted(self._inner.flush())

    def _noted(self, found: list[Frame | Refused]) -> list[Frame | Refused]:
        self._count.explained += sum(len(one.raw) for one in found if isinstance(one, Frame))
        return found


@dataclass
class _Count:
    fed: int = 0
    explained: int = 0


def _watched(protocol: Protocol, count: _Count) -> Protocol:
    """The protocol, with framers that count; all else is its own."""

    class Counted(type(protocol)):  # type: ignore[misc]
        def framer(self) -> Framer:
            return _Counting(protocol.framer(), count)

        def decoder(self) -> Decoder:
            return protocol.decoder()

    out: Protocol = object.__new__(Counted)
    out.__dict__.update(protocol.__dict__)
    return out


def _judge(data: bytes, protocol: Protocol) -> Candidate | None:
    """What one protocol makes of it; None when it finds no sound frame.

    Raises:
        CaptureRefused: it is no recording.
    """
    count = _Count()
    watched = _watched(protocol, count) if protocol.carrier is Carrier.STREAM else protocol
    memory, last, told = Memory(), {}, {}
    raws: list[bytes] = []
    is_framed = False
    refused: Counter[str] = Counter()
    doubts: Counter[str] = Counter()
    empty = 0
    for found in islice(read_capture(_beginning(data), watched), TRIED_FRAMES):
        if isinstance(found, Refused):
            refused[found.fault.value] += 1
        elif isinstance(found, Decoded) and found.readings:
            if _is_telling(found, protocol):
                raws.append(found.raw)
                is_framed |= not all(_UNFRAMED in reading.doubts for reading in found.readings)
            else:
                empty += 1
            for plain, reading in zip(found.readings, doubt(found.readings, memory), strict=True):
                doubts.update(reading.doubts)
                key = (reading.quantity, reading.index, reading.component)
                if reading.value is not None:
                    last[key] = reading
                    # Held against each other as the frames say it: a rule's doubt is no reason to look away.
                    told[key] = plain
                else:
                    told.setdefault(key, plain)
        else:
            empty += 1
    if not raws:
        return None
    distinct = set(raws)
    agree, contradict = agreement(told.values())
    explained = None
    strength = None
    identifiers = 0
    if protocol.carrier is Carrier.STREAM:
        explained = (Decimal(count.explained) / max(1, count.fed)).quantize(Decimal("0.001"))
        # A frame whose secrets were blanked no longer fits its checksum and shows nothing.
        whole = [raw for raw in distinct if _passes(protocol, raw)] or distinct
        # What was recorded without its frame has none of the frame's proof.
        strength = (
            measure(protocol, max(whole, key=lambda raw: (len(raw), raw))) if is_framed else Strength.NONE
        )
    elif protocol.carrier is Carrier.CAN:
        assert isinstance(protocol, CanProtocol)  # what CAN carries derives from it
        identifiers = len({protocol.subject(raw) for raw in distinct})
    accepted, why = _verdict(
        protocol.carrier,
        distinct=len(distinct),
        explained=explained,
        strength=strength,
        identifiers=identifiers,
        agree=agree,
        contradict=contradict,
    )
    return Candidate(
        protocol.name,
        protocol.title,
        protocol.certainty,
        accepted,
        len(raws),
        len(distinct),
        empty,
        dict(refused),
        explained,
        identifiers,
        strength,
        tuple(agree),
        tuple(contradict),
        dict(doubts),
        tuple(
            _reasons(
                len(raws), distinct, refused, explained, strength, identifiers, agree, contradict, doubts
            )
        )
        + ((why,) if why else ()),
        last,
    )


def _is_telling(found: Decoded, protocol: Protocol) -> bool:
    """False for an exception of Modbus: every device refuses with the same frame what it does not have."""
    return not isinstance(protocol, ModbusProtocol) or any(one.value is not None for one in found.readings)


def _beginning(data: bytes) -> bytes:
    """The part that is tried; JSON cannot be cut."""
    is_json = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return data if is_json else data[:TRIED_BYTES]


def _verdict(
    carrier: Carrier,
    *,
    distinct: int,
    explained: Decimal | None,
    strength: Strength | None,
    identifiers: int,
    agree: Sequence[str],
    contradict: Sequence[str],
) -> tuple[bool, str]:
    """Whether it is a candidate, and what is missing when it is none."""
    if carrier is Carrier.CAN:
        if identifiers < _CAN_IDENTIFIERS:
            return False, (
                f"turned down: {identifiers} identifier{'s' if identifiers != 1 else ''} of the profile; "
                f"profiles share them, so {_CAN_IDENTIFIERS} are needed; record more of the bus"
            )
        if contradict:
            return False, "turned down: its values contradict each other"
        if not agree:
            return False, "turned down: no two of its values could be held against each other"
        return True, ""
    if carrier is Carrier.RECORDS:
        return True, ""  # the columns are named as the format names them
    if strength is Strength.STRONG:
        return True, ""
    if strength is Strength.NAMES:
        if (explained or 0) < _UNPROVEN_SHARE or contradict:
            return False, (
                f"turned down: without a checksum it takes {_UNPROVEN_SHARE:%} of the bytes explained and no "
                "values that contradict each other"
            )
        return True, ""
    if strength is Strength.WEAK:
        # One frame that is the whole recording had its start, length and sum right: that is no chance.
        if distinct < 2 and ((explained or 0) < _WHOLE_SHARE or contradict):
            return False, (
                "turned down: one frame with an 8-bit checksum can be chance in a longer recording; "
                "two are needed"
            )
        return True, ""
    if distinct < _UNPROVEN_FRAMES or (explained or 0) < _UNPROVEN_SHARE or contradict or not agree:
        return False, (
            f"turned down: without a checksum it takes {_UNPROVEN_FRAMES} different frames, "
            f"{_UNPROVEN_SHARE:%} of the bytes explained and values that agree"
        )
    return True, ""


def _reasons(
    frames: int,
    distinct: set[bytes],
    refused: Counter[str],
    explained: Decimal | None,
    strength: Strength | None,
    identifiers: int,
    agree: Sequence[str],
    contradict: Sequence[str],
    doubts: Counter[str],
) -> Iterator[str]:
    yield f"{_many(frames, 'sound frame')} with readings, {len(distinct)} of them different"
    if explained is not None:
        yield f"{explained:.1%} of the bytes are in sound frames"
    if strength is not None:
        yield f"proof: {strength.value}"
    if identifiers:
        yield f"{_many(identifiers, 'identifier')} of the profile"
    yield from agree
    for sentence in contradict:
        yield f"against it: {sentence}"
    if refused:
        yield "refused: " + ", ".join(f"{count} {fault}" for fault, count in sorted(refused.items()))
    if doubts:
        yield "doubts on its values: " + ", ".join(f"{code} ({n})" for code, n in doubts.most_common(5))


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


# What a proof is worth


def measure(protocol: Protocol, raw: bytes) -> Strength:
    """What the proof of a sound frame is worth, learnt by changing it.

    1. One byte is changed at a time. With a checksum none of these passes.
    2. Three bytes are changed, and each byte of the end is tried with all its values. When one byte can mend
       every change, the checksum has 8 bits.
    3. Where no checksum is, a letter of a text is changed at a time. When twelve of the changes take a
       reading away, names hold the text together, and chance does not write names.

    The head and the end stay as they are, and digits stay digits, so that what is measured is the checksum
    and neither length nor delimiters.
    """
    chance = random.Random(raw)  # noqa: S311 - the same frame is measured the same way each time
    text = all(byte in _TEXT for byte in raw)
    tail = _TAIL_TEXT if text else _TAIL
    body = [
        place
        for place in range(min(4, len(raw) // 3), max(len(raw) - tail, len(raw) // 2))
        if not text or raw[place] in _DIGITS
    ]
    singles = [_changed(raw, [place], chance, text=text) for place in chance.sample(body, min(24, len(body)))]
    if any(_passes(protocol, one) for one in singles):
        return Strength.NAMES if _has_names(protocol, raw) else Strength.NONE
    changes = [_changed(raw, chance.sample(body, min(3, len(body))), chance, text=text) for _ in range(6)]
    if text:
        # A few digits hardly move a sum of characters; all of them at once carry into its upper byte.
        changes.append(bytes(_DIGITS[-1] if at in body else raw[at] for at in range(len(raw))))
    # In a short frame the end reaches into what was changed; to undo a change is not to mend it.
    end = max([len(raw) - tail, *(place + 1 for place in body)])
    mended = bool(body) and all(_mends(protocol, one, end, text=text) for one in changes)
    return Strength.WEAK if mended else Strength.STRONG


def _has_names(protocol: Protocol, raw: bytes) -> bool:
    """Whether a text has twelve letters and more that cannot be others without taking a reading away."""
    if not all(byte in _TEXT for byte in raw):
        return False
    letters = [place for place, byte in enumerate(raw) if chr(byte).isalpha()][:_LETTERS_TRIED]
    said = _said(protocol, raw)
    missed = (said - _said(protocol, raw[:place] + b"#" + raw[place + 1 :]) for place in letters)
    return sum(1 for _ in islice(filter(None, missed), _LEAST_LETTERS)) == _LEAST_LETTERS


def _said(protocol: Protocol, raw: bytes) -> frozenset[tuple[object, ...]]:
    """What a text says; nothing when it is no frame any more."""
    framer, decoder = protocol.framer(), protocol.decoder()
    out: set[tuple[object, ...]] = set()
    for one in [*framer.feed(raw), *framer.flush()]:
        if isinstance(one, Frame):
            with suppress(Damage):
                out |= {(r.quantity, r.index, r.component, r.value) for r in decoder.decode(one)}
    return frozenset(out)


def _changed(raw: bytes, places: Iterable[int], chance: random.Random, *, text: bool) -> bytes:
    changed = bytearray(raw)
    for place in places:
        choices = _DIGITS[:10] if text else range(256)
        changed[place] = chance.choice([value for value in choices if value != raw[place]])
    return bytes(changed)


def _mends(protocol: Protocol, raw: bytes, first: int, *, text: bool) -> bool:
    """Whether some value of one byte from `first` on (of two digits in a text) makes it sound."""
    width = 2 if text else 1
    for place in range(first, len(raw) - width + 1):
        if text and not all(byte in _DIGITS for byte in raw[place : place + 2]):
            continue
        for value in range(256):
            piece = b"%02X" % value if text else bytes([value])
            if _passes(protocol, raw[:place] + piece + raw[place + width :]):
                return True
    return False


def _passes(protocol: Protocol, raw: bytes) -> bool:
    framer = protocol.framer()
    return any(isinstance(one, Frame) and len(one.raw) == len(raw) for one in framer.feed(raw))


# Values that agree


Last = Mapping[tuple[str, int | None], Decimal]


def agreement(readings: Iterable[Reading]) -> tuple[list[str], list[str]]:
    """What fits together in the last values, and what contradicts itself; each sentence names the values."""
    parts: dict[str | None, dict[tuple[str, int | None], Decimal]] = {}
    for reading in readings:
        judged = not reading.doubts or (reading.doubts == _ANY_SCALE and reading.quantity in _ORDERED)
        values = parts.setdefault(reading.component, {})
        if isinstance(reading.value, Decimal) and judged:
            values[reading.quantity, reading.index] = reading.value
        elif reading.quantity == "cell_voltage":
            values[_UNREAD] = values.get(_UNREAD, Decimal(0)) + 1
    agree: dict[str, None] = {}
    contradict: dict[str, None] = {}
    for part, values in sorted(parts.items(), key=lambda item: item[0] or ""):
        whose = f" of {part}" if part else ""
        for check in _CHECKS:
            for fits, sentence in check(values):
                (agree if fits else contradict).setdefault(f"{sentence}{whose}")
    # A bank of many parts says the same many times; a few are enough to judge by.
    return list(agree)[:6], list(contradict)[:6]


def _cells(values: Last) -> Iterator[tuple[bool, str]]:
    said = [value for (name, _), value in values.items() if name == "cell_voltage"]
    cells = [value for value in said if _within(value, _ANY_CELL)]
    volts = values.get(("voltage", None))
    if len(cells) < 2 or volts is None or not volts:
        return
    total = sum(cells, Decimal(0))
    fits = abs(total - volts) <= _SUM_TOLERANCE * volts
    # A sum without all of its cells says nothing against the pack.
    count = values.get(("cell_count", None))
    is_whole = len(cells) == count if count is not None else len(cells) == len(said) and _UNREAD not in values
    if fits or is_whole:
        yield fits, f"{len(cells)} cells add up to {total} V, the pack says {volts} V"


def _within(value: Decimal, bounds: tuple[Decimal, Decimal]) -> bool:
    return bounds[0] < value < bounds[1]


def _count_times_mean(values: Last) -> Iterator[tuple[bool, str]]:
    volts, count = values.get(("voltage", None)), values.get(("cell_count", None))
    low, high = _extreme(values, "cell_voltage_min"), _extreme(values, "cell_voltage_max")
    if not (volts and count and low is not None and high is not None):
        return
    slack = 1 + _SUM_TOLERANCE
    fits = count * low / slack <= volts <= count * high * slack
    yield fits, f"{count} cells of {low} to {high} V, the pack says {volts} V"


def _whole_cells(values: Last) -> Iterator[tuple[bool, str]]:
    """A pack voltage lies between so many of the lowest cell and so many of the highest."""
    volts = values.get(("voltage", None))
    low, high = _extreme(values, "cell_voltage_min"), _extreme(values, "cell_voltage_max")
    if ("cell_count", None) in values or not (volts and low and high) or low > high:
        return
    if not _CELL_VOLTS[0] <= low <= high <= _CELL_VOLTS[1]:
        return
    fewest, most = (volts / high / (1 + _SUM_TOLERANCE)), (volts / low * (1 + _SUM_TOLERANCE))
    whole = int(most)
    yield whole >= fewest and whole >= 1, f"{volts} V is {whole} cells of {low} to {high} V"


def _order(values: Last) -> Iterator[tuple[bool, str]]:
    for what, unit in (("cell_voltage", "V"), ("cell_temperature", "degC")):
        low, high = _extreme(values, f"{what}_min"), _extreme(values, f"{what}_max")
        if low is not None and high is not None:
            yield low <= high, f"{what} from {low} to {high} {unit}"


def _ranges(values: Last) -> Iterator[tuple[bool, str]]:
    for name in _SHARES:
        share = values.get((name, None))
        if share is not None and not 0 <= share <= 110:
            yield False, f"{name} is {share} %"
        elif share is not None and name == "state_of_charge":
            yield True, f"{name} is {share} %"
    limits = (
        ("voltage", _PACK_VOLTS, None, "V"),
        ("cell_voltage", _CELL_VOLTS, _ANY_CELL, "V"),
        ("cell_temperature", _DEGREES, _SURVIVED, "degC"),
    )
    for quantity, (least, most), possible, unit in limits:
        odd = [v for (name, _), v in values.items() if name == quantity and v and not least <= v <= most]
        # What is not fitted shows one impossible value; a wrong layout shows several.
        absent = {v for v in odd if possible is not None and not _within(v, possible)}
        odd = [v for v in odd if v not in absent or len(absent) > 1]
        if odd:
            yield False, f"{quantity} of {odd[0]} {unit}"


def _charge(values: Last) -> Iterator[tuple[bool, str]]:
    left, full = values.get(("remaining_charge", None)), values.get(("full_charge_capacity", None))
    share = values.get(("state_of_charge", None))
    if left is None or not full or share is None:
        return
    said = 100 * left / full
    fits = abs(said - share) <= 10
    yield fits, f"{left} of {full} Ah, state of charge {share} %"


def _extreme(values: Last, quantity: str) -> Decimal | None:
    return next((value for (name, _), value in values.items() if name == quantity), None)


_CHECKS: Final[tuple[Callable[[Last], Iterator[tuple[bool, str]]], ...]] = (
    _cells,
    _count_times_mean,
    _whole_cells,
    _order,
    _charge,
    _ranges,
)


# Two that both fit


def _settle(one: Candidate, other: Candidate) -> str:
    """What would tell two candidates apart."""
    pair = f"{one.protocol} or {other.protocol}"
    shared = [key for key in one.last if key in other.last]
    differ = [key for key in shared if one.last[key].value != other.last[key].value]
    if differ:
        quantity, index, _ = key = min(differ, key=lambda key: (key[0], key[1] or 0))
        place = "" if index is None else f" {index}"
        mine, theirs = one.last[key].value, other.last[key].value
        return (
            f"{pair}: they differ in {len(differ)} of {len(shared)} values, as {quantity}{place}, which is "
            f"{mine} by {one.protocol} and {theirs} by {other.protocol}; a meter or the display tells which"
        )
    mine_only = sorted({key[0] for key in one.last} - {key[0] for key in other.last})
    theirs_only = sorted({key[0] for key in other.last} - {key[0] for key in one.last})
    more = [
        f"{name} also reads {', '.join(only[:4])}"
        for name, only in ((one.protocol, mine_only), (other.protocol, theirs_only))
        if only
    ]
    same = f"the {len(shared)} values both read are the same" if shared else "they read different values"
    return f"{pair}: {same}; {'; '.join(more) or 'the type plate tells which'}" + (
        "; check one of these on the display" if more else ""
    )
