"""`json:MAP.toml`: messages as JSON, one a line, read by the user's map (`ingest.record_map`).

For what a cloud or a gateway sends: INT101 and LiMon CONNECT publish no layout, so their keys are the user's
to write down. A message that is no JSON object is refused; a key that the map does not name is passed over.
A map with topics says what stands under which topic of a broker; its recordings have the topic in each line.

Source: RFC 8259 for the messages, RFC 6901 for the pointers; docs/protocols/json.md for maps.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from json import JSONDecodeError, dumps, loads
from pathlib import Path
from typing import Any, ClassVar, Final

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Protocol
from ingest.record_map import RecordMap, Row, found_at, iso_time, read_map
from ingest.records import (
    LONGEST_LINE,
    LineFramer,
    Message,
    MessageReader,
    PlainReader,
    Record,
    RecordProtocol,
    Said,
)
from schemas.reading import Reading

_MOST_TOPICS: Final = 10_000
_ZONE_TWICE: Final = re.compile(r"Z([+-]\d\d:?\d\d)$")


class _Lines(LineFramer):
    """A message a line; of a broker, with its topic beside it."""

    def __init__(self, stated: RecordMap) -> None:
        super().__init__()
        self._map = stated
        self._topics = _Reader(stated)

    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a message."""
        if self._map.has_topics:
            return self._recorded(line, position)
        at = _time(self._map, _document(line, self._map.rows))
        return Record(line, position, command=0, payload=line, at=at)

    def _recorded(self, line: bytes, position: int) -> Record:
        """A line as `mosquitto_sub -F %j` writes it; without a time of its own, when it was recorded."""
        noted = _parsed(line)
        topic = noted.get("topic") if isinstance(noted, dict) else None
        if not isinstance(noted, dict) or not isinstance(topic, str) or "payload" not in noted:
            raise Damage(
                Fault.FOREIGN,
                expected='a recorded message, {"topic": ..., "payload": ...}',
                came=line[:60].decode("utf-8", "replace"),
                where="the line",
            )
        told = noted["payload"]
        payload = told.encode() if isinstance(told, str) else dumps(told, default=str).encode()
        rows = self._topics.rows(topic)
        at = _time(self._map, _document(payload, [row for row, _ in rows]))
        if at is None and not noted.get("retain"):
            # mosquitto_sub writes the zone twice: "...Z+0000".
            told = noted.get("tst")
            at = iso_time(_ZONE_TWICE.sub("\\1", told) if isinstance(told, str) else None)
        return Record(line, position, command=0, payload=payload, at=at, topic=topic)


def _time(stated: RecordMap, document: Any) -> datetime | None:
    """The time that a message tells; None when it tells none.

    Raises:
        Damage: what stands there is no time. When it arrived says nothing then: it may be told late.
    """
    if stated.time_at is None:
        return None
    told = next((value for value, _ in found_at(document, stated.time_at)), None)
    at = stated.time(told)
    if at is None and told is not None:
        raise Damage(
            Fault.UNDATED,
            expected=f"a time as {stated.time_form}"
            + (" with its zone" if stated.time_form == "iso" else ""),
            came=str(told)[:60],
            where=stated.time_at,
        )
    return at


def _parsed(line: bytes) -> Any:
    try:
        return loads(line, parse_float=Decimal, parse_constant=_no_number)
    except (JSONDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Damage(
            Fault.DELIMITER, expected="a message as JSON", came=str(error)[:200], where="the line"
        ) from None


def _document(line: bytes, rows: Iterable[Row]) -> Any:
    takes_scalars = any(not row.at for row in rows)
    if len(line) > LONGEST_LINE:
        raise Damage(
            Fault.LENGTH,
            expected=f"a message of at most {LONGEST_LINE} bytes",
            came=str(len(line)),
            where="it",
        )
    try:
        document = _parsed(line)
    except Damage:
        if not takes_scalars:
            raise
        return line.decode("utf-8", "replace")  # a bare word
    if not isinstance(document, dict) and not takes_scalars:
        raise Damage(
            Fault.FOREIGN, expected="a JSON object", came=type(document).__name__, where="the message"
        )
    return document


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


class _Reader(PlainReader):
    """Reads messages one by one; which rows hold for a topic is found once."""

    def __init__(self, stated: RecordMap) -> None:
        self._map = stated
        self._rows: dict[str, list[tuple[Row, dict[str, str]]]] = {}

    def read(self, message: Message) -> Sequence[Said]:
        """See `MessageReader`."""
        rows = self.rows(message.topic)
        document = _document(message.payload, [row for row, _ in rows])
        at = _time(self._map, document)
        if at is None and message.retained:
            raise Damage(
                Fault.UNDATED,
                expected="a message that was published now, or one that tells its time",
                came="one that the broker kept, from an unknown time",
                where=message.topic,
            )
        readings = _said(rows, document, at)
        return [Said(at, readings)] if readings else []

    def rows(self, topic: str) -> list[tuple[Row, dict[str, str]]]:
        """The rows that hold under a topic.

        Raises:
            Damage: none does.
        """
        rows = self._rows.get(topic)
        if rows is None:
            rows = self._map.rows_under(topic)
            if len(self._rows) >= _MOST_TOPICS:
                self._rows.clear()
            self._rows[topic] = rows
        if not rows:
            raise Damage(
                Fault.TOPIC,
                expected=", ".join(self._map.patterns[:3]),
                came=topic[:200],
                where="the topic",
            )
        return rows


def _said(rows: list[tuple[Row, dict[str, str]]], document: Any, at: datetime | None) -> list[Reading]:
    found = []
    for row, above in rows:
        for value, own in found_at(document, row.at):
            reading = row.reading(value, {**above, **own} if above else own, at)
            if reading is not None:
                found.append(reading)
    return found


class Json(RecordProtocol):
    """See the module."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def __init__(self, name: str, stated: RecordMap) -> None:
        """Of a map."""
        self.name = name  # type: ignore[misc]  # of this map, not of the class
        self.title = f"JSON messages: {stated.title}"  # type: ignore[misc]
        self._map = stated
        self._reader = _Reader(stated)

    def reader(self) -> MessageReader:
        """See `RecordProtocol`."""
        return _Reader(self._map)

    def framer(self) -> Framer:
        """A new framer."""
        return _Lines(self._map)

    def as_stream(self, document: bytes) -> bytes:
        """The message on one line: outside of its strings, where none may stand, a line end is a blank."""
        return document.replace(b"\r", b" ").replace(b"\n", b" ")

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, Record)
        rows = self._reader.rows(frame.topic or "")
        return _said(rows, _document(frame.payload, [row for row, _ in rows]), frame.at)


def open_protocol(argument: str) -> Protocol:
    """The protocol that a map describes.

    Raises:
        MapRefused: the map cannot be read, or is none.
    """
    return Json(f"json:{argument}", read_map(Path(argument), pointers=True))
