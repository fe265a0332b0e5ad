"""The component tree: installation > battery > string > module > cell group, as it stood at any moment.

The rules, which every change keeps:

1. A part lies in a part of a wider kind. Kinds may be left out: a module with its own BMS, sold as a battery,
   may lie in an installation.
2. On no path from the root to a cell two parts carry a passport: the unit that was placed on the market does,
   what is inside it does not (Art. 77(1)). A part of kind `battery` is such a unit and always carries one.
3. A part is in one place at a time. Places are closed, never erased: `tree` tells any moment.
4. A part that is exchanged leaves its place to another one; the passport stays (a repair, Art. 77(7) speaks
   of re-use, repurposing and remanufacturing alone).

What is not wrong but deserves a look (a cell without a passport above it, two parts in one position) is a
finding of `check`, never an exception.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final

from sqlalchemy import Connection

from passport.errors import Conflict, InputRefused, NotFound
from schemas.identifier import new_serial
from schemas.values import from_utc_text, utc_text

_ID_BYTES: Final = 10
_DEEPEST: Final = 12  # five kinds, each once; a longer way up would be a circle


@unique
class NodeKind(StrEnum):
    """What a part is, from wide to narrow."""

    INSTALLATION = "installation"
    BATTERY = "battery"
    STRING = "string"  # or rack
    MODULE = "module"
    CELL_GROUP = "cell_group"


_WIDTH: Final[Mapping[NodeKind, int]] = {kind: place for place, kind in enumerate(NodeKind)}


@dataclass(frozen=True)
class Node:
    """A part.

    Attributes:
        id: 16 characters of base32.
        name: as people call it.
        serial: what is written on it; None where nothing is or it was not read.
        cells: cells in series within it; None where it is not known.
        battery: id of the battery that this part is; None for what is inside or around one.
    """

    id: str
    kind: NodeKind
    name: str
    serial: str | None
    cells: int | None
    battery: str | None
    created_at: datetime


@dataclass(frozen=True)
class Branch:
    """A part with what lies in it at one moment, in the order of positions."""

    node: Node
    position: int | None
    since: datetime | None
    below: tuple["Branch", ...]

    def walk(self, above: tuple[Node, ...] = ()) -> Iterator[tuple[tuple[Node, ...], "Branch"]]:
        """Every part with those above it, the root first."""
        yield above, self
        for branch in self.below:
            yield from branch.walk((*above, self.node))


@dataclass(frozen=True)
class Doubt:
    """What deserves a look in a tree: which part, and a sentence."""

    node: str
    code: str
    sentence: str


# ------------------------------------------------------------------------------------------------ changing


def add(
    connection: Connection,
    *,
    kind: NodeKind,
    name: str,
    at: datetime,
    parent: str | None = None,
    position: int | None = None,
    serial: str | None = None,
    cells: int | None = None,
    battery: str | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Node:
    """A new part, placed in `parent` or a root of its own.

    Raises:
        InputRefused: a name, count or position that cannot be, or a kind that breaks rule 1.
        Conflict: rule 2, or the battery is a part already.
        NotFound: no such parent or battery.
    """
    _check_words(kind, name, position, cells)
    if kind is NodeKind.BATTERY and battery is None:
        raise InputRefused("a part of kind battery is a unit that was placed on the market: name its BATTERY")
    if battery is not None:
        _check_unit(connection, kind, battery)
    node = Node(new_serial(random_bytes(_ID_BYTES)), kind, name.strip(), serial, cells, battery, at)
    connection.exec_driver_sql(
        "INSERT INTO node (id, kind, name, serial, cells, battery, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (node.id, kind.value, node.name, serial, cells, battery, utc_text(at)),
    )
    if parent is not None:
        place(connection, node.id, parent=parent, position=position, at=at)
    return node


def _check_words(kind: NodeKind, name: str, position: int | None, cells: int | None) -> None:
    if not name.strip() or len(name) > 200:
        raise InputRefused(f"expected a name of 1 to 200 characters for a {kind.value}, got {name[:60]!r}")
    for what, number in (("position", position), ("cells", cells)):
        if number is not None and not 1 <= number <= 999_999:
            raise InputRefused(f"expected {what} from 1 to 999999, got {number}")


def _check_unit(connection: Connection, kind: NodeKind, battery: str) -> None:
    if kind in (NodeKind.INSTALLATION, NodeKind.CELL_GROUP):
        raise InputRefused(f"a passport belongs to a battery, string or module; not to a {kind.value}")
    if connection.exec_driver_sql("SELECT 1 FROM battery WHERE id = ?", (battery,)).first() is None:
        raise NotFound(f"no battery has the id {battery[:40]}")
    if (known := of_battery(connection, battery)) is not None:
        raise Conflict(f"battery {battery} is part {known.id} ({known.name}) already")


def place(
    connection: Connection, node_id: str, *, parent: str, position: int | None = None, at: datetime
) -> None:
    """From `at` the part lies in `parent`; where it was before is closed.

    Raises:
        InputRefused: rule 1, or a moment before the part's last move.
        Conflict: rule 2.
        NotFound: no such part.
    """
    node, into = get(connection, node_id), get(connection, parent)
    _check_words(node.kind, node.name, position, None)
    if _WIDTH[into.kind] >= _WIDTH[node.kind]:
        raise InputRefused(
            f"a {node.kind.value} lies in something wider, not in a {into.kind.value}:"
            f" {' > '.join(kind.value for kind in NodeKind)}"
        )
    above = [into, *ancestors(connection, into.id)]
    inside = [branch.node for _, branch in tree(connection, node.id).walk()]
    upper = next((one for one in above if one.battery), None)
    lower = next((one for one in inside if one.battery), None)
    if upper is not None and lower is not None:
        raise Conflict(
            f"{lower.name} and {upper.name} around it would both carry a passport: one unit was placed on the"
            " market, the other is its part or its installation"
        )
    take_out(connection, node_id, at=at)
    connection.exec_driver_sql(
        "INSERT INTO node_place (node, since, parent, position, until) VALUES (?, ?, ?, ?, NULL)",
        (node_id, utc_text(at), parent, position),
    )


def take_out(connection: Connection, node_id: str, *, at: datetime) -> None:
    """From `at` the part lies nowhere; taking out what lies nowhere changes nothing.

    Raises:
        InputRefused: the part was placed later than `at`.
    """
    since = connection.exec_driver_sql(
        "SELECT since FROM node_place WHERE node = ? AND until IS NULL", (node_id,)
    ).scalar()
    if since is None:
        return
    if from_utc_text(since) >= at:
        raise InputRefused(f"part {node_id} was placed at {since}; it cannot leave at {utc_text(at)}")
    connection.exec_driver_sql(
        "UPDATE node_place SET until = ? WHERE node = ? AND until IS NULL", (utc_text(at), node_id)
    )


def exchange(
    connection: Connection,
    node_id: str,
    *,
    name: str,
    serial: str | None,
    at: datetime,
    cells: int | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Node:
    """A new part of the same kind in the place of another one, which is taken out.

    Raises:
        InputRefused: the part lies nowhere, or is itself the battery: that would be another battery.
        NotFound: no such part.
    """
    old = get(connection, node_id)
    if old.battery is not None:
        raise InputRefused(f"{old.name} carries a passport: another unit in its place is another battery")
    row = connection.exec_driver_sql(
        "SELECT parent, position FROM node_place WHERE node = ? AND until IS NULL", (node_id,)
    ).first()
    if row is None:
        raise InputRefused(f"{old.name} lies nowhere: place a new part instead")
    take_out(connection, node_id, at=at)
    return add(
        connection,
        kind=old.kind,
        name=name,
        at=at,
        parent=row[0],
        position=row[1],
        serial=serial,
        cells=cells if cells is not None else old.cells,
        random_bytes=random_bytes,
    )


# ------------------------------------------------------------------------------------------------- reading


_COLUMNS: Final = "n.id, n.kind, n.name, n.serial, n.cells, n.battery, n.created_at"


def get(connection: Connection, node_id: str) -> Node:
    """The part of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.exec_driver_sql(f"SELECT {_COLUMNS} FROM node AS n WHERE id = ?", (node_id,)).first()
    if row is None:
        raise NotFound(f"no part has the id {node_id[:40]}")
    return _node(row)


def of_battery(connection: Connection, battery_id: str) -> Node | None:
    """The part that a battery is; None where no tree was drawn."""
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM node AS n WHERE battery = ?", (battery_id,)
    ).first()
    return _node(row) if row is not None else None


def ancestors(connection: Connection, node_id: str) -> list[Node]:
    """The parts around a part today, the nearest first."""
    found: list[Node] = []
    at = node_id
    for _ in range(_DEEPEST):
        row = connection.exec_driver_sql(
            f"SELECT {_COLUMNS} FROM node_place AS p JOIN node AS n ON n.id = p.parent"
            " WHERE p.node = ? AND p.until IS NULL",
            (at,),
        ).first()
        if row is None:
            break
        found.append(_node(row))
        at = row[0]
    return found


def roots(connection: Connection) -> list[Node]:
    """The parts that lie in nothing today and hold something, or never lay anywhere; by name."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM node AS n"
        " WHERE NOT EXISTS (SELECT 1 FROM node_place WHERE node = n.id AND until IS NULL)"
        " AND (NOT EXISTS (SELECT 1 FROM node_place WHERE node = n.id)"
        "      OR EXISTS (SELECT 1 FROM node_place WHERE parent = n.id AND until IS NULL))"
        " ORDER BY n.name, n.id"
    )
    return [_node(row) for row in rows]


def tree(connection: Connection, node_id: str, at: datetime | None = None) -> Branch:
    """The part with everything in it, today or as it was at a moment.

    Raises:
        NotFound: no such part.
    """
    return _branch(connection, get(connection, node_id), None, None, at)


def _branch(
    connection: Connection, node: Node, position: int | None, since: datetime | None, at: datetime | None
) -> Branch:
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS}, p.position, p.since, p.until FROM node_place AS p"
        " JOIN node AS n ON n.id = p.node WHERE p.parent = ?"
        " ORDER BY p.position IS NULL, p.position, n.name, n.id",
        (node.id,),
    ).fetchall()
    rows = [row for row in rows if _holds(row[8], row[9], at)]
    below = tuple(_branch(connection, _node(row), row[7], from_utc_text(row[8]), at) for row in rows)
    return Branch(node, position, since, below)


def _holds(since: str, until: str | None, at: datetime | None) -> bool:
    if at is None:
        return until is None
    return from_utc_text(since) <= at and (until is None or from_utc_text(until) > at)


def _node(row: Any) -> Node:
    return Node(row[0], NodeKind(row[1]), row[2], row[3], row[4], row[5], from_utc_text(row[6]))


# ------------------------------------------------------------------------------------------------ checking


def check(branch: Branch) -> tuple[Doubt, ...]:
    """What deserves a look, part by part from the root."""
    found: list[Doubt] = []
    for above, one in branch.walk():
        node = one.node
        carriers = [part for part in (*above, node) if part.battery]
        if not one.below and not carriers:
            found.append(
                Doubt(
                    node.id,
                    "no_passport",
                    f"no part from {branch.node.name} down to {node.name} carries a passport",
                )
            )
        found += _doubts_below(one)
    return tuple(found)


def _doubts_below(one: Branch) -> Iterator[Doubt]:
    positions = [below.position for below in one.below if below.position is not None]
    for position in sorted({place for place in positions if positions.count(place) > 1}):
        names = ", ".join(below.node.name for below in one.below if below.position == position)
        yield Doubt(
            one.node.id, "position_twice", f"position {position} of {one.node.name} is taken by {names}"
        )
    serials = [below.node.serial for below in one.below if below.node.serial]
    for serial in sorted({text for text in serials if serials.count(text) > 1}):
        yield Doubt(
            one.node.id, "serial_twice", f"two parts of {one.node.name} have the serial number {serial}"
        )
    counts = [below.node.cells for below in one.below]
    series = one.below and one.node.cells is not None and one.below[0].node.kind is NodeKind.CELL_GROUP
    if series and None not in counts and sum(count or 0 for count in counts) != one.node.cells:
        yield Doubt(
            one.node.id,
            "cell_count",
            f"{one.node.name} has {one.node.cells} cells in series, its groups"
            f" {sum(count or 0 for count in counts)}",
        )
