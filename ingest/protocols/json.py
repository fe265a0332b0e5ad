"""`json:MAP.toml`: messages as JSON, one a line, read by the user's map (`ingest.record_map`).

For what a cloud or a gateway sends: INT101 and LiMon CONNECT publish no layout, so their keys are the user's
to write down. A message that is no JSON object is refused; a key that the map does not name is passed over.

Source: RFC 8259 for the messages, RFC 6901 for the pointers; docs/protocols/json.md for maps.
"""

from decimal import Decimal
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any, ClassVar

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Protocol
from ingest.record_map import RecordMap, found_at, read_map
from ingest.records import LineFramer, Record, RecordProtocol
from schemas.reading import Reading


class _Lines(LineFramer):
    """A message a line."""

    def __init__(self, stated: RecordMap) -> None:
        super().__init__()
        self._map = stated

    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a message."""
        document = _document(line)
        at = None
        if self._map.time_at is not None:
            at = next((self._map.time(value) for value, _ in found_at(document, self._map.time_at)), None)
        return Record(line, position, command=0, payload=line, at=at)


def _document(line: bytes) -> Any:
    try:
        document = loads(line, parse_float=Decimal, parse_constant=_no_number)
    except (JSONDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Damage(
            Fault.DELIMITER, expected="a message as JSON", came=str(error)[:200], where="the line"
        ) from None
    if not isinstance(document, dict):
        raise Damage(
            Fault.FOREIGN, expected="a JSON object", came=type(document).__name__, where="the message"
        )
    return document


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


class Json(RecordProtocol):
    """See the module."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def __init__(self, name: str, stated: RecordMap) -> None:
        """Of a map."""
        self.name = name  # type: ignore[misc]  # of this map, not of the class
        self.title = f"JSON messages: {stated.title}"  # type: ignore[misc]
        self._map = stated

    def framer(self) -> Framer:
        """A new framer."""
        return _Lines(self._map)

    def as_stream(self, document: bytes) -> bytes:
        """The message on one line: outside of its strings, where none may stand, a line end is a blank."""
        return document.replace(b"\r", b" ").replace(b"\n", b" ")

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, Record)
        document = _document(frame.payload)
        found = []
        for row in self._map.rows:
            for value, names in found_at(document, row.at):
                reading = row.reading(value, names, frame.at)
                if reading is not None:
                    found.append(reading)
        return found


def open_protocol(argument: str) -> Protocol:
    """The protocol that a map describes.

    Raises:
        MapRefused: the map cannot be read, or is none.
    """
    return Json(f"json:{argument}", read_map(Path(argument), pointers=True))
