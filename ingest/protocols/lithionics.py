"""Lithionics batteries (Li3 and relatives): lines of text that a battery sends unasked, twice a second or so.

    1399,350,350,350,349,55,48,-3,99,000000      voltage, cells, two temperatures, current, charge, status
    &,1,319,006391,0136,2300,FF05,8700           remaining and ever drawn charge, and what has no name

There is no checksum: the form of a line, digit by digit, is all that proves it. A digit that was damaged into
another one is believed.

Source: layout as restated in docs/protocols/lithionics.md, proven on a recording of one battery.
"""

import re
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from ingest.errors import RequestForbidden
from ingest.protocol import U16, Certainty, Damage, Fault, Field, Frame, Framer, Integer, Protocol, Request
from schemas.reading import Reading
from schemas.terms import Unit

VALUES: Final = 1
TOTALS: Final = 2
REPLY: Final = 3

_LONGEST: Final = 128
# Voltage, four to sixteen cells, two temperatures, current, charge, status.
_VALUES: Final = re.compile(
    rb"(\d{3,5})((?:,\d{1,3}){4,16}),(-?\d{1,3}),(-?\d{1,3}),(-?\d{1,4}),(\d{1,3}),([0-9A-F]{6})"
)
_TOTALS: Final = re.compile(rb"&,\d{1,3},(\d{1,5}),(\d{1,7})((?:,[0-9A-F]{1,8})*)")
# What the radio module says to a command that somebody sent.
_REPLIES: Final = frozenset({b"ERROR", b"OK"})

_NUMBER: Final = Integer(4, signed=True)
# The offsets are those of the places in a line; the integers stand there as text.
VOLTAGE: Final = Field("voltage", 0, U16, -2, Unit.VOLT)
CELL: Final = Field("cell_voltage", 1, U16, -2, Unit.VOLT)
CURRENT: Final = Field("current", 7, _NUMBER, 0, Unit.AMPERE)
CHARGE: Final = Field("state_of_charge", 8, U16, 0, Unit.PERCENT)
REMAINING: Final = Field("remaining_charge", 2, U16, 0, Unit.AMPERE_HOUR)
DRAWN: Final = Field("charge_out", 3, _NUMBER, 0, Unit.AMPERE_HOUR)
ALSO: Final = ("cell_temperature", "alarm")
_STEP: Final = Decimal("0.001")


class LithionicsFramer(Framer):
    """Lines that end with a carriage return or a line feed."""

    starts = b"0123456789&EO"
    quiet = b"\r\n"

    def _length(self, buffer: bytes) -> int | None:
        ends = [end for end in (buffer.find(b"\r"), buffer.find(b"\n")) if end >= 0]
        if not ends and len(buffer) < _LONGEST:
            return None
        length = min(ends, default=_LONGEST) + 1
        if length > _LONGEST:
            raise Damage(
                Fault.LENGTH,
                expected=f"a line of at most {_LONGEST} characters",
                came="no end of it",
                where=f"byte {_LONGEST} of the line",
                judged_bytes=_LONGEST,
            )
        return length

    def _open(self, raw: bytes, position: int) -> Frame:
        line = raw[:-1]
        if line in _REPLIES:
            return Frame(raw, position, REPLY, line)
        if _VALUES.fullmatch(line):
            return Frame(raw, position, VALUES, line)
        if _TOTALS.fullmatch(line):
            return Frame(raw, position, TOTALS, line)
        raise Damage(
            Fault.DELIMITER,
            expected="a line of values or of totals",
            came=line[:40].decode("ascii", "replace"),
            where="the line",
        )


class Lithionics(Protocol):
    """See the module."""

    name: ClassVar[str] = "lithionics"
    title: ClassVar[str] = "Lithionics (lines of text)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = ()
    is_text: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (115200,)

    def framer(self) -> Framer:
        """A new framer."""
        return LithionicsFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """Nothing: such a battery is only listened to."""
        del address
        raise RequestForbidden(f"{self.name}: no read is called {name!r}; allowed: none, it speaks unasked")

    def poll(self, address: int | None = None) -> list[bytes]:
        """Nothing: it speaks unasked."""
        del address
        return []

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        if frame.command == VALUES:
            return _values(frame.payload)
        return _totals(frame.payload) if frame.command == TOTALS else []


def _values(line: bytes) -> list[Reading]:
    found = _VALUES.fullmatch(line)
    assert found is not None  # the framer proved the form
    volts = [int(cell) for cell in found[2].split(b",")[1:]]
    readings = [VOLTAGE.reading(int(found[1])), CURRENT.reading(int(found[5])), CHARGE.reading(int(found[6]))]
    # A nought is not fitted, or its wire is broken: the position stays, and the zero is no voltage.
    for index, volt in enumerate(volts, 1):
        cell = CELL.reading(volt, index=index)
        readings.append(cell if volt else replace(cell, doubts=("not_fitted",)))
    readings += [
        Reading("cell_temperature", ((Decimal(int(degrees)) - 32) * 5 / 9).quantize(_STEP), index=index)
        for index, degrees in enumerate((found[3], found[4]), 1)
    ]
    bits = int(found[7], 16)
    # Some of the bits are states and no alarms, and no source says which.
    readings += [
        Reading("alarm", f"unnamed_bit_{bit}", doubts=("meaning_unproven",))
        for bit in range(24)
        if bits >> bit & 1
    ]
    return readings


def _totals(line: bytes) -> list[Reading]:
    found = _TOTALS.fullmatch(line)
    assert found is not None  # the framer proved the form
    return [REMAINING.reading(int(found[1])), DRAWN.reading(int(found[2]))]


PROTOCOL: Final = Lithionics()
