"""`dbc:FILE`: a CAN bus read by the user's database, in any form that cantools or canmatrix reads.

FILE is a database (DBC, KCD, SYM, ARXML; DBF through canmatrix), or a map in TOML that names one beside it. A
database says where a signal lies; what it means says a map (`ingest.can_map`). Identifiers move between
releases of a device without any error to be seen, so a map can pin its database by digest, and the rules of
plausibility judge what comes out. Nothing is ever sent.

Source: the database itself; docs/protocols/dbc.md for maps.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from ingest import can_map
from ingest.can import BusFrame, CanProtocol, Message
from ingest.can_map import Meaning, SignalMap
from ingest.can_plan import MessagePlan, plan
from ingest.errors import MapRefused
from ingest.protocol import Certainty, Damage, Fault, Frame, Protocol
from schemas.reading import Reading

_log = logging.getLogger(__name__)

LARGEST_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class _Reader:
    """One message and what its signals mean."""

    plan: MessagePlan
    meanings: tuple[Meaning, ...]


class Database(CanProtocol):
    """A bus described by a database; see the module."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    messages: ClassVar[Mapping[int, Message]] = {}

    def __init__(self, name: str, title: str, readers: Mapping[tuple[int, bool], _Reader]) -> None:
        """By identifier and whether it has 29 bits."""
        self.name = name  # type: ignore[misc]  # of this file, not of the class
        self.title = title  # type: ignore[misc]
        self.readers = readers

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        extended = isinstance(frame, BusFrame) and frame.extended
        reader = self.readers.get((frame.command, extended))
        if reader is None:
            return []
        if len(frame.payload) < reader.plan.size:
            raise Damage(
                Fault.LENGTH,
                expected=f"{reader.plan.size} bytes of data ({reader.plan.name})",
                came=f"{len(frame.payload)}",
                where=f"the length of {frame.command:X}",
            )
        values = reader.plan.values(frame.payload)
        found = []
        for meaning in reader.meanings:
            raw = values.get(meaning.signal.name)
            if raw is None:
                continue
            chooser = values.get(meaning.signal.chooser) if meaning.signal.chooser else None
            invalid = bool(meaning.invalid_flag and values.get(meaning.invalid_flag))
            reading = meaning.reading(raw, chooser, invalid=invalid)
            if reading is not None:
                found.append(reading)
        return found

    def _message(self, message: Message, data: bytes, frame: Frame) -> list[Reading]:
        raise NotImplementedError  # `_readings` goes by the database


def open_protocol(argument: str) -> Protocol:
    """The protocol of a database or of a map that names one.

    Raises:
        MapRefused: it cannot be read, is neither, is not the pinned one, or says nothing we know.
    """
    path = Path(argument)
    stated: SignalMap | None = None
    if path.suffix.lower() == ".toml":
        stated = can_map.read_map(path)
        if stated.database is None:
            raise MapRefused(f"{path}: database: expected the file name of the database beside it")
        path = path.parent / stated.database
    data = _read(path)
    if stated is not None and stated.sha256 not in (None, can_map.digest(data)):
        raise MapRefused(
            f"{path}: its SHA-256 is {can_map.digest(data)}, the map {argument} is for {stated.sha256}"
            + (f" (firmware {stated.firmware})" if stated.firmware else "")
            + "; another release may have moved identifiers"
        )
    plans = _plans(path)
    chosen = stated or next((one for one in can_map.packaged() if one.fits(plans)), None)
    chosen = chosen or can_map.guessed(plans)
    if chosen is stated and (missing := chosen.missing(plans)):
        raise MapRefused(*(f"{argument}: {sentence}" for sentence in missing))
    readers = {
        (one.identifier, one.extended): _Reader(one, meanings)
        for one in plans
        if (meanings := chosen.meanings(one))
    }
    if not readers:
        names = ", ".join(one.name for one in plans[:5]) or "none"
        raise MapRefused(
            f"{argument}: no signal has a meaning here (messages: {names}, ...); "
            "write a map beside the database, as docs/protocols/dbc.md shows"
        )
    return Database(f"dbc:{argument}", f"CAN database {path.name}: {chosen.title}", readers)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise MapRefused(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST_BYTES:
        raise MapRefused(f"{path}: expected at most {LARGEST_BYTES:,} bytes of database, came more")
    return data


def _plans(path: Path) -> Sequence[MessagePlan]:
    """The plans of all messages whose signals lie within their data."""
    database = _matrix(path) if path.suffix.lower() == ".dbf" else _database(path)
    found = []
    for message in database.messages:
        try:
            found.append(plan(message))
        except ValueError:
            # A signal outside its message: such a message cannot be believed, its neighbours can.
            continue
    return found


def _database(path: Path) -> Any:
    """What cantools makes of the file; what its strict reading refuses, canmatrix may still read."""
    try:
        import cantools
    except ImportError:
        raise MapRefused(f"{path}: databases need the extra `can`: pip install cellpass[can]") from None
    try:
        return cantools.database.load_file(str(path), strict=False)
    except Exception as error:  # noqa: BLE001  # its parsers raise whatever the text makes them
        refused = error
    try:
        return _matrix(path)
    except MapRefused:
        place = _LINE.search(str(refused))
        where = f" at line {place[1]}" if place else ""
        raise MapRefused(f"{path}: expected a CAN database, came a text that none can be{where}") from None


def _matrix(path: Path) -> Any:
    """What canmatrix reads, handed to cantools as DBC, so that there is one way of planning."""
    try:
        import canmatrix.formats
        import cantools
    except ImportError:
        raise MapRefused(f"{path}: databases need the extra `can`: pip install cellpass[can]") from None
    from io import BytesIO, StringIO

    try:
        if path.suffix.lower() == ".dbf":
            text = _busmaster(path.read_bytes())
            matrices = canmatrix.formats.load(BytesIO(text), import_type="dbf")
        else:
            # It leaves out a line that it cannot read, and says so on standard output.
            with redirect_stdout(StringIO()) as said:
                matrices = canmatrix.formats.loadp(str(path))
            if "error with line" in said.getvalue():
                raise ValueError(said.getvalue())  # noqa: TRY301  # is told like what canmatrix raises
        matrix = next(iter((matrices or {}).values()))
        out = BytesIO()
        canmatrix.formats.dump(matrix, out, "dbc")
        database: Any = cantools.database.load_string(out.getvalue().decode("iso8859-1"), "dbc", strict=False)
        if not database.messages:
            raise ValueError("a file without a message")  # noqa: TRY301  # is told like what canmatrix raises
    except Exception as error:  # noqa: BLE001  # same
        _log.debug("%s", path, exc_info=error)
        raise MapRefused(f"{path}: expected a CAN database, came a text that none can be") from None
    return database


def _busmaster(data: bytes) -> bytes:
    """A DBF as canmatrix 1.3.3 can read it: it takes an identifier of 29 bits only with bit 31 set.

    Comments and parameters repeat the identifiers and are of no use here.
    """
    lines, inside = [], b""
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        if inside:
            inside = b"" if line.startswith(inside) else inside
        elif (start := _ASIDE.match(line)) is not None:
            inside = b"[END_" + start[1]
        elif (found := _EXTENDED.match(line)) is not None:
            lines.append(b"%b%d%b" % (found[1], int(found[2]) | 1 << 31, found[3]))
        else:
            lines.append(line)
    return b"\n".join(lines)


_ASIDE: Final = re.compile(rb"\[START_((?:DESC|PARAM)\w*)\]")
_EXTENDED: Final = re.compile(rb"(\[START_MSG\][^,]*,)(\d{1,10})(,[^,]*,[^,]*,[^,]*,X.*)", re.DOTALL)
# Where a parser of cantools stopped.
_LINE: Final = re.compile(r"at line (\d+)")
