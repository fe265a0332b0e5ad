"""`csv:MAP.toml`: a vendor's table, read by the user's map (`ingest.record_map`).

The first line names the columns; every other one is a record. A row with another number of cells is refused.

Source: RFC 4180; docs/protocols/csv.md for maps.
"""

from pathlib import Path
from typing import ClassVar

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Protocol
from ingest.record_map import RecordMap, Row, column_pattern, read_map
from ingest.records import LineFramer, Record, RecordProtocol, cells
from schemas.reading import Reading


class _Columns:
    """Which column each row of the map speaks of."""

    def __init__(self, stated: RecordMap, head: bytes) -> None:
        """Of the first line of a table.

        Raises:
            Damage: a name stands twice, or no row of the map finds its column.
        """
        names = cells(head, stated.delimiter)
        self.width = len(names)
        self.time = names.index(stated.time_at) if stated.time_at in names else None
        self.rows: list[tuple[int, Row, dict[str, str]]] = [
            (place, row, match.groupdict())
            for row in stated.rows
            for place, name in enumerate(names)
            if (match := column_pattern(row.at).fullmatch(name)) is not None
        ]
        if not self.rows or len(set(names)) != len(names):
            raise Damage(
                Fault.FOREIGN,
                expected="a table with columns such as "
                f"{', '.join(row.at for row in stated.rows[:5])}, each once",
                came=", ".join(names)[:200],
                where="the head of the table",
            )


class _Table(LineFramer):
    """The first line names the columns."""

    def __init__(self, stated: RecordMap) -> None:
        super().__init__()
        self._map = stated
        self._head: bytes | None = None
        self._columns: _Columns | None = None

    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a row."""
        if self._head is None:
            self._head = line
            self._columns = _Columns(self._map, line)
            return None
        if self._columns is None:
            return None  # the head was refused, and with it what it would have named
        row = cells(line, self._map.delimiter)
        if len(row) != self._columns.width:
            raise Damage(
                Fault.LENGTH, expected=f"{self._columns.width} cells", came=f"{len(row)}", where="the row"
            )
        at = None if self._columns.time is None else self._map.time(row[self._columns.time])
        return Record(self._head + b"\n" + line, position, command=0, payload=line, at=at, head=self._head)


class Csv(RecordProtocol):
    """See the module."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def __init__(self, name: str, stated: RecordMap) -> None:
        """Of a map."""
        self.name = name  # type: ignore[misc]  # of this map, not of the class
        self.title = f"table: {stated.title}"  # type: ignore[misc]
        self._map = stated
        self._known: dict[bytes, _Columns] = {}

    def framer(self) -> Framer:
        """A new framer."""
        return _Table(self._map)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, Record)
        columns = self._known.get(frame.head)
        if columns is None:
            columns = _Columns(self._map, frame.head)
            self._known = {frame.head: columns}
        row = cells(frame.payload, self._map.delimiter)
        found = []
        for place, stated, names in columns.rows:
            reading = stated.reading(row[place] or None, names, frame.at)
            if reading is not None:
                found.append(reading)
        return found


def open_protocol(argument: str) -> Protocol:
    """The protocol that a map describes.

    Raises:
        MapRefused: the map cannot be read, or is none.
    """
    return Csv(f"csv:{argument}", read_map(Path(argument), pointers=False))
