"""Felicity house batteries: one JSON object for each question, over a serial line or a radio module.

A question is a short text without an end; the answer says by its members what it answers. There is no
checksum: an object must be JSON to its closing brace and name version 1 of this protocol. A digit that was
damaged into another one is believed.

Source: layout as restated in docs/protocols/felicity.md, proven on a recording of one battery.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from ingest.protocol import (
    U16,
    U32,
    Certainty,
    Damage,
    Fault,
    Field,
    Frame,
    Framer,
    Integer,
    Protocol,
    Request,
    text_reading,
)
from schemas.reading import Reading
from schemas.strict_json import StrictJsonError, loads
from schemas.terms import Origin, Unit

VERSION: Final = 1
STATE: Final = 1
IDENTITY: Final = 2
OTHER: Final = 3
_QUESTIONS: Final[Mapping[int, bytes]] = {
    STATE: b"wifilocalMonitor:get dev real infor",
    IDENTITY: b"wifilocalMonitor:get dev basice infor",
}
REQUESTS: Final = (
    Request("state", STATE, "everything that a battery measures"),
    Request("identity", IDENTITY, "versions and serial number"),
)
_LONGEST: Final = 8192
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}]', re.DOTALL)

_NUMBER: Final = Integer(4, signed=True)
# Offsets are those of the places in a list; the integers stand there as JSON numbers.
VOLTAGE: Final = Field("voltage", 0, U32, -3, Unit.VOLT)
CURRENT: Final = Field("current", 1, _NUMBER, -1, Unit.AMPERE)
CHARGE: Final = Field("state_of_charge", 0, U16, -2, Unit.PERCENT)
CAPACITY: Final = Field("nameplate_capacity", 2, U32, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED)
CELL: Final = Field("cell_voltage", 0, U16, -3, Unit.VOLT)
HIGHEST: Final = Field("cell_voltage_max", 0, U16, -3, Unit.VOLT)
LOWEST: Final = Field("cell_voltage_min", 1, U16, -3, Unit.VOLT)
SENSOR: Final = Field("cell_temperature", 0, _NUMBER, -1, Unit.CELSIUS)
ALSO_DERIVED: Final = ("remaining_charge",)
ALSO: Final = ("warning", "alarm", "serial_number", "firmware_version")
# What stands in the place of a number that there is not.
_NOTHING: Final = frozenset({0x7FFF, 0xFFFF})
_TOO_LARGE: Final = 1 << 31


class FelicityFramer(Framer):
    """Objects from brace to brace, and the known questions."""

    starts = b"{w"
    quiet = b" \r\n"

    def _length(self, buffer: bytes) -> int | None:
        if buffer[:1] == b"w":
            return _question_length(buffer)
        depth = 0
        for token in _TOKENS.finditer(buffer):
            if token[0] == b"{":
                depth += 1
            elif token[0] == b"}":
                depth -= 1
                if not depth:
                    return token.end()
        if len(buffer) >= _LONGEST:
            raise Damage(
                Fault.LENGTH,
                expected=f"the end of an object within {_LONGEST} bytes",
                came="none",
                where="the object",
                judged_bytes=_LONGEST,
            )
        return None

    def _open(self, raw: bytes, position: int) -> Frame:
        for command, question in _QUESTIONS.items():
            if raw == question:
                return Frame(raw, position, command, b"", is_request=True)
        document = _document(raw)
        if document.get("CommVer") != VERSION:
            raise Damage(
                Fault.FOREIGN,
                expected=f"CommVer {VERSION}",
                came=str(document.get("CommVer"))[:40],
                where="the object",
            )
        command = STATE if "Batt" in document else IDENTITY if "M1SwVer" in document else OTHER
        return Frame(raw, position, command, raw)


def _question_length(buffer: bytes) -> int | None:
    for question in _QUESTIONS.values():
        if buffer.startswith(question):
            return len(question)
        if question.startswith(buffer):
            return None
    raise Damage(
        Fault.DELIMITER,
        expected="a question of this protocol",
        came="another text",
        where="byte 0 of the frame",
        judged_bytes=1,
    )


def _document(raw: bytes) -> Mapping[str, Any]:
    try:
        document = loads(raw, limit_bytes=_LONGEST)
    except StrictJsonError as error:
        raise Damage(Fault.DELIMITER, expected="a JSON object", came=str(error), where="the object") from None
    assert isinstance(document, dict)  # it begins with a brace
    return document


class Felicity(Protocol):
    """See the module."""

    name: ClassVar[str] = "felicity"
    title: ClassVar[str] = "Felicity (JSON)"
    certainty: ClassVar[Certainty] = Certainty.PROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    baud_rates: ClassVar[tuple[int, ...]] = (115200,)

    def framer(self) -> Framer:
        """A new framer."""
        return FelicityFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The text of one question; there is one battery on a line, so `address` is not used."""
        del address
        return _QUESTIONS[self._row(name).command]

    def poll(self, address: int | None = None) -> list[bytes]:
        """The state."""
        return [self.request("state", address)]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Versions and serial number."""
        return [self.request("identity", address)]

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        document = _document(frame.payload)
        if frame.command == STATE:
            return _state(document) + _who(document)
        return _who(document) if frame.command == IDENTITY else []


def _at(document: Mapping[str, Any], member: str, *places: int) -> int | None:
    """The whole number at a place within nested lists; None when there is none."""
    value = document.get(member)
    for place in places:
        if not isinstance(value, list) or place >= len(value):
            return None
        value = value[place]
    if not isinstance(value, int) or isinstance(value, bool) or value in _NOTHING:
        return None
    return value if abs(value) < _TOO_LARGE else None


def _list(document: Mapping[str, Any], member: str, place: int) -> Sequence[int | None]:
    value = document.get(member)
    if not isinstance(value, list) or place >= len(value) or not isinstance(value[place], list):
        return ()
    return [_at(document, member, place, number) for number in range(min(len(value[place]), 64))]


def _state(document: Mapping[str, Any]) -> list[Reading]:
    readings = []
    charge, capacity = _at(document, "BatsocList", 0, 0), _at(document, "BatsocList", 0, 2)
    for field, raw in (
        (VOLTAGE, _at(document, "Batt", 0, 0)),
        (CURRENT, _at(document, "Batt", 1, 0)),
        (CHARGE, charge),
        (CAPACITY, capacity),
    ):
        if raw is not None:
            readings.append(field.reading(raw))
    if charge is not None and capacity is not None:
        remaining = (CHARGE.value(charge) * CAPACITY.value(capacity) / 100).quantize(Decimal("0.001"))
        readings.append(Reading("remaining_charge", remaining, origin=Origin.DERIVED))
    for field in (HIGHEST, LOWEST):
        raw, number = _at(document, "BMaxMin", 0, field.offset), _at(document, "BMaxMin", 1, field.offset)
        if raw is not None:
            readings.append(field.reading(raw, index=None if number is None else number + 1))
    readings += _cells(document)
    readings += [
        SENSOR.reading(raw, index=index)
        for index, raw in enumerate(_list(document, "BtemList", 0), 1)
        if raw is not None
    ]
    for quantity, member in (("warning", "Bwarn"), ("alarm", "Bfault")):
        bits = _at(document, member) or 0
        readings += [Reading(quantity, f"unnamed_bit_{bit}") for bit in range(31) if bits >> bit & 1]
    return readings


def _cells(document: Mapping[str, Any]) -> list[Reading]:
    """Two lists of sixteen; a place that holds no number is not fitted and not told."""
    first, second = _list(document, "BatcelList", 0), _list(document, "BatcelList", 1)
    cells = [
        CELL.reading(raw, index=index) for index, raw in enumerate((*first, *second), 1) if raw is not None
    ]
    return [cell if cell.value else replace(cell, doubts=("not_fitted",)) for cell in cells]


def _who(document: Mapping[str, Any]) -> list[Reading]:
    """Serial number of the battery, not of its radio module, and the software's version."""
    readings = []
    for quantity, member in (("serial_number", "DevSN"), ("firmware_version", "M1SwVer")):
        value = document.get(member)
        if isinstance(value, int | str) and not isinstance(value, bool):
            readings.append(text_reading(quantity, str(value)[:64].encode("ascii", "replace")))
    return readings


PROTOCOL: Final = Felicity()
