"""`sparkplug:MAP.toml`: messages of Sparkplug B, whose metrics are read by the user's map.

Rules that hold here:

1. A birth says which metrics there are, and which alias and type each has. Data of a node or device whose
   birth was not heard are refused; a rebirth is not asked for, because nothing is ever published.
2. A node counts its messages (`seq`). After a gap, what is named by alias alone is doubted until the next
   birth: the message that is missing may have been one.
3. A death ends what it speaks of, if its `bdSeq` is that of the last birth: nothing is read until the next.
4. What was kept and is sent afterwards (`is_historical`) stands at its own time.
5. Births are noted, so that a restart knows them.

Source: Eclipse Sparkplug 3.0 (topics in chapter 4, the order of births, data and deaths in 5, payloads in 6).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Protocol, Refused
from ingest.record_map import RecordMap, Row, column_pattern, read_map
from ingest.records import (
    LONGEST_LINE,
    Ended,
    LineFramer,
    Message,
    MessageReader,
    Record,
    RecordProtocol,
    Said,
)
from ingest.sparkplug_payload import GOOD, Metric, Payload, read_payload
from schemas.reading import Reading, altered
from schemas.strict_json import StrictJsonError, loads

NAMESPACE: Final = "spBv1.0"
GIVEN: Final = frozenset({"group", "node", "device"})
_NODE: Final = ("NBIRTH", "NDATA", "NDEATH", "NCMD")
_DEVICE: Final = ("DBIRTH", "DDATA", "DDEATH", "DCMD")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999
_MOST_NODES: Final = 10_000
_BIRTH: Final = "birth/"
_COUNT: Final = "count/"


@dataclass(frozen=True)
class Topic:
    """Where a message was published.

    Attributes:
        group: of the node.
        kind: `NBIRTH`, `DDATA` and so on.
        node: edge node.
        device: of the node; None for the node's own messages.
    """

    group: str
    kind: str
    node: str
    device: str | None

    @classmethod
    def parse(cls, text: str) -> "Topic | None":
        """The topic; None for the state of a host, which says nothing of a device.

        Raises:
            Damage: it is no topic of Sparkplug B.
        """
        levels = text.split("/")
        if levels[0] == NAMESPACE and len(levels) >= 2 and levels[1] == "STATE":
            return None
        if levels[0] == NAMESPACE and all(levels):
            if len(levels) == 4 and levels[2] in _NODE:
                return cls(levels[1], levels[2], levels[3], None)
            if len(levels) == 5 and levels[2] in _DEVICE:
                return cls(levels[1], levels[2], levels[3], levels[4])
        raise Damage(
            Fault.TOPIC,
            expected=f"{NAMESPACE}/GROUP/NDATA/NODE or {NAMESPACE}/GROUP/DDATA/NODE/DEVICE",
            came=text[:200],
            where="the topic",
        )


@dataclass(frozen=True)
class _Known:
    """A metric as a birth declared it, with the rows of the map that read it."""

    datatype: int | None
    rows: tuple[tuple[Row, Mapping[str, str]], ...]


@dataclass
class _Born:
    """What the birth of a node or device declared."""

    by_name: dict[str, _Known] = field(default_factory=dict)
    parts: set[str | None] = field(default_factory=set)


@dataclass
class _Node:
    """One edge node.

    Attributes:
        bd_seq: that ties its birth to its death; None where it did not say.
        count: last sequence number; None where it is not known.
        lost: a message is missing since the birth of these (None for the node).
        births: the node's own under None, and those of its devices.
        aliases: by number: whose metric, and its name. A node gives each only once.
    """

    bd_seq: int | None = None
    count: int | None = None
    lost: set[str | None] = field(default_factory=set)
    births: dict[str | None, _Born] = field(default_factory=dict)
    aliases: dict[int, tuple[str | None, str]] = field(default_factory=dict)


class _Reader:
    """Reads the messages of all nodes under a filter, in their order; see `MessageReader`."""

    def __init__(self, stated: RecordMap) -> None:
        self._map = stated
        self._patterns = [(row, column_pattern(row.at)) for row in stated.rows]
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._ended: list[Ended] = []
        self._noted: dict[str, bytes] = {}

    def read(self, message: Message) -> Sequence[Said]:
        """See `MessageReader`."""
        topic = Topic.parse(message.topic)
        if topic is None or topic.kind in {"NCMD", "DCMD"}:
            return []
        payload = read_payload(message.payload)
        if message.retained and topic.kind != "NDEATH" and payload.timestamp_ms is None:
            raise _refused(Fault.UNDATED, "a message that tells its time", "one that the broker kept", topic)
        place = (topic.group, topic.node)
        node = self._nodes.get(place)
        if topic.kind == "NDEATH":
            self._node_died(topic, node, payload)
            return []
        if topic.kind == "NBIRTH":
            if node is None and len(self._nodes) >= _MOST_NODES:
                raise _refused(Fault.UNBORN, f"at most {_MOST_NODES} nodes", "one more", topic)
            node = self._node_born(topic, node, payload)
        elif node is None or None not in node.births:
            raise _refused(Fault.UNBORN, f"NBIRTH of {topic.node} before", topic.kind, topic)
        is_gap = self._counted(topic, node, payload)
        if topic.kind == "DDEATH":
            self._device_died(topic, node)
            return []
        if topic.kind in {"NBIRTH", "DBIRTH"}:
            is_gap = False  # it says everything anew
            self._born(topic, node, payload)
            self._noted[f"{_BIRTH}{message.topic}"] = message.payload
        elif topic.device not in node.births:
            raise _refused(Fault.UNBORN, f"DBIRTH of {topic.device} before", topic.kind, topic)
        return self._said(topic, node, payload, is_gap=is_gap)

    def ended(self) -> Sequence[Ended]:
        """See `MessageReader`."""
        ended, self._ended = self._ended, []
        return ended

    def noted(self) -> Mapping[str, bytes]:
        """See `MessageReader`: births as they came, and each node's last sequence number."""
        noted, self._noted = self._noted, {}
        return noted

    def recall(self, noted: Mapping[str, bytes]) -> None:
        """See `MessageReader`."""
        births = [
            (name.removeprefix(_BIRTH), data) for name, data in noted.items() if name.startswith(_BIRTH)
        ]
        for text, data in sorted(births, key=lambda birth: "/DBIRTH/" in birth[0]):
            topic = Topic.parse(text)
            if topic is None or not data:
                continue
            payload = read_payload(data)
            node = self._nodes.get((topic.group, topic.node))
            if topic.kind == "NBIRTH":
                node = self._node_born(topic, node, payload)
            if node is not None:
                self._born(topic, node, payload)
        for name, data in noted.items():
            if name.startswith(_COUNT):
                group, _, own = name.removeprefix(_COUNT).partition("/")
                if (node := self._nodes.get((group, own))) is not None:
                    node.count = data[0] if data else None
        self._noted.clear()

    # ------------------------------------------------------------------------------- births and deaths

    def _node_born(self, topic: Topic, before: _Node | None, payload: Payload) -> _Node:
        """A new session of a node: what its devices said before holds no longer."""
        for device in before.births if before is not None else ():
            if device is not None:
                self._noted[f"{_BIRTH}{NAMESPACE}/{topic.group}/DBIRTH/{topic.node}/{device}"] = b""
        node = _Node(bd_seq=payload.first("bdSeq"))
        self._nodes[topic.group, topic.node] = node
        return node

    def _born(self, topic: Topic, node: _Node, payload: Payload) -> None:
        node.lost.discard(topic.device)
        born = node.births[topic.device] = _Born()
        node.aliases = {alias: what for alias, what in node.aliases.items() if what[0] != topic.device}
        above = self._above(topic)
        for metric in payload.metrics:
            if metric.name is None:
                continue
            rows = []
            for row, pattern in self._patterns:
                names = above.get(id(row))
                match = pattern.fullmatch(metric.name) if names is not None else None
                if match is not None and names is not None:
                    rows.append((row, {**names, **match.groupdict()}))
            born.by_name[metric.name] = _Known(metric.datatype, tuple(rows))
            if metric.alias is not None:
                node.aliases[metric.alias] = (topic.device, metric.name)

    def _above(self, topic: Topic) -> dict[int, dict[str, str]]:
        """Placeholders of the topic, for each row of the map that holds under it."""
        told = {"group": topic.group, "node": topic.node, "device": topic.device or ""}
        given = {name: text for name, text in told.items() if _PLAIN.fullmatch(text)}
        path = "/".join(text for text in told.values() if text)
        found = {}
        for row, names in self._map.rows_under(path):
            known = {**given, **names}
            wanted = set(re.findall(r"\{(\w+)\}", row.component or "")) - set(
                re.findall(r"\{(\w+)\}", row.at)
            )
            if wanted <= set(known):
                found[id(row)] = known
        return found

    def _node_died(self, topic: Topic, node: _Node | None, payload: Payload) -> None:
        """A death belongs to the birth with the same number; one of an earlier session says nothing."""
        if node is None or not node.births or payload.first("bdSeq") != node.bd_seq:
            return
        for device in sorted(node.births, key=str):
            self._end(topic, node, device)
        node.births.clear()
        node.aliases.clear()
        self._noted[f"{_BIRTH}{NAMESPACE}/{topic.group}/NBIRTH/{topic.node}"] = b""

    def _device_died(self, topic: Topic, node: _Node) -> None:
        if topic.device in node.births:
            self._end(topic, node, topic.device)
            del node.births[topic.device]
            node.aliases = {alias: what for alias, what in node.aliases.items() if what[0] != topic.device}

    def _end(self, topic: Topic, node: _Node, device: str | None) -> None:
        if device is not None:
            self._noted[f"{_BIRTH}{NAMESPACE}/{topic.group}/DBIRTH/{topic.node}/{device}"] = b""
        who = f"{topic.group}/{topic.node}" + (f"/{device}" if device is not None else "")
        for part in sorted(node.births[device].parts, key=str):
            self._ended.append(
                Ended(part, f"{who} ended ({topic.kind}): what {part or 'it'} said holds no longer")
            )

    def _counted(self, topic: Topic, node: _Node, payload: Payload) -> bool:
        """Whether messages before this one are missing."""
        before, node.count = node.count, payload.seq
        if payload.seq is not None:
            self._noted[f"{_COUNT}{topic.group}/{topic.node}"] = bytes([payload.seq])
        if topic.kind == "NBIRTH" or payload.seq is None:
            return False
        if before is not None and payload.seq == (before + 1) % 256:
            return False
        node.lost |= set(node.births)
        return True

    # ------------------------------------------------------------------------------------- what is said

    def _said(self, topic: Topic, node: _Node, payload: Payload, *, is_gap: bool) -> list[Said]:
        """Readings by moment; those of a birth are of its own moment, whenever they last changed."""
        born = node.births[topic.device]
        is_birth = topic.kind in {"NBIRTH", "DBIRTH"}
        moments: dict[tuple[bool, int | None], list[Reading]] = {}
        for metric in payload.metrics:
            known = self._known(topic, node, born, metric)
            if not known.rows:
                continue
            at_ms = metric.timestamp_ms if metric.timestamp_ms is not None else payload.timestamp_ms
            if metric.is_historical and metric.timestamp_ms is None:
                raise _refused(Fault.UNDATED, "a time with what was kept", "none", topic)
            if is_birth and not metric.is_historical:
                at_ms = payload.timestamp_ms
            at = _time(at_ms)
            value = metric.value(metric.datatype if metric.datatype is not None else known.datatype)
            doubts = self._doubts(topic, node, metric, is_gap=is_gap)
            for row, names in known.rows:
                reading = row.reading(value, names, at)
                if reading is None:
                    continue
                if doubts and reading.value is not None:
                    reading = altered(reading, doubts=(*reading.doubts, *doubts))
                born.parts.add(reading.component)
                moments.setdefault((metric.is_historical, at_ms), []).append(reading)
        # What was kept comes first: it was measured first.
        order = sorted(moments, key=lambda one: (not one[0], one[1] if one[1] is not None else _LAST_MS))
        return [Said(_time(at_ms), moments[late, at_ms], late) for late, at_ms in order]

    def _known(self, topic: Topic, node: _Node, born: _Born, metric: Metric) -> _Known:
        """What the birth declared of a metric.

        Raises:
            Damage: no birth did.
        """
        name = metric.name
        if name is None and metric.alias is not None:
            device, name = node.aliases.get(metric.alias, (topic.device, None))
            name = name if device == topic.device else None
        known = born.by_name.get(name) if name is not None else None
        if known is None:
            what = f"alias {metric.alias}" if metric.name is None else repr(metric.name[:80])
            raise _refused(Fault.UNBORN, "metrics that the birth declared", what, topic)
        return known

    def _doubts(self, topic: Topic, node: _Node, metric: Metric, *, is_gap: bool) -> tuple[str, ...]:
        is_lost = is_gap or (metric.name is None and topic.device in node.lost)
        lost = ("messages_lost",) if is_lost else ()
        bad = ("not_valid",) if metric.quality is not None and metric.quality != GOOD else ()
        return (*lost, *bad)


def _time(at_ms: int | None) -> datetime | None:
    return _START + timedelta(milliseconds=at_ms) if at_ms is not None and at_ms <= _LAST_MS else None


def _refused(fault: Fault, expected: str, came: str, topic: Topic) -> Damage:
    where = "/".join(text for text in (topic.group, topic.node, topic.device) if text)
    return Damage(fault, expected=expected, came=came, where=where[:200])


# Recordings


@dataclass(frozen=True)
class _Moment(Record):
    """What a recorded message said of one moment."""

    readings: tuple[Reading, ...] = ()


class _Lines(LineFramer):
    """A message a line, `{"topic": ..., "hex": ...}`; one may speak of several moments."""

    def __init__(self, reader: _Reader) -> None:
        super().__init__()
        self._reader = reader

    def _take(self, line: bytes, out: list[Frame | Refused]) -> None:
        line = line.strip()
        if not line:
            return
        try:
            message = _recorded(line)
            found = self._reader.read(message)
        except Damage as damage:
            out.append(Refused.of(damage, line, self._begin))
            return
        out += [
            _Moment(
                line,
                self._begin,
                command=0,
                payload=message.payload,
                at=said.at,
                topic=message.topic,
                readings=tuple(said.readings),
            )
            for said in found or [Said(None, [])]
        ]

    def record(self, line: bytes, position: int) -> Record | None:
        """A line may be several records; see `_take`."""
        raise NotImplementedError


def _recorded(line: bytes) -> Message:
    try:
        noted: Any = loads(line, limit_bytes=LONGEST_LINE)
        topic, payload = noted["topic"], bytes.fromhex(noted["hex"])
        retained = bool(noted.get("retain", False))
    except (StrictJsonError, KeyError, TypeError, ValueError, AttributeError):
        topic, payload, retained = None, b"", False
    if not isinstance(topic, str):
        raise Damage(
            Fault.FOREIGN,
            expected='a recorded message, {"topic": ..., "hex": ...}',
            came=line[:60].decode("utf-8", "replace"),
            where="the line",
        )
    return Message(topic, payload, retained)


def recorded(topic: str, payload: bytes) -> bytes:
    """The line of a recording for a message."""
    return json.dumps({"topic": topic, "hex": payload.hex()}).encode()


class Sparkplug(RecordProtocol):
    """See the module."""

    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def __init__(self, name: str, stated: RecordMap) -> None:
        """Of a map."""
        self.name = name  # type: ignore[misc]  # of this map, not of the class
        self.title = f"Sparkplug B: {stated.title}"  # type: ignore[misc]
        self._map = stated

    def reader(self) -> MessageReader:
        """See `RecordProtocol`."""
        return _Reader(self._map)

    def framer(self) -> Framer:
        """A new framer; it reads, because each message needs the births before it."""
        return _Lines(_Reader(self._map))

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        assert isinstance(frame, _Moment)
        return [altered(reading) for reading in frame.readings]


def open_protocol(argument: str) -> Protocol:
    """The protocol that a map describes.

    Raises:
        MapRefused: the map cannot be read, or is none.
    """
    return Sparkplug(f"sparkplug:{argument}", read_map(Path(argument), pointers=False, given=GIVEN))
