"""Every operator's transparency log in the database: leaves, complete inner nodes, signed checkpoints.

Inner nodes are stored once they are complete and then never change, so that appending, a root and a proof
read about as many rows as the tree is high. The hashing itself is `passport.signing.log`'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from passport.signing import log
from schemas.terms import RecordKind
from schemas.values import from_utc_text, utc_text


@dataclass(frozen=True)
class StoredCheckpoint:
    """A signed statement on the log of an operator.

    Attributes:
        size: number of leaves.
        root: root hash of the tree of that size.
        note: the signed note, byte for byte.
    """

    operator: str
    size: int
    root: bytes
    note: bytes
    at: datetime


def size(connection: Connection, operator: str) -> int:
    """How many leaves the operator's log has."""
    found = connection.exec_driver_sql(
        "SELECT leaf_index FROM log_leaf WHERE operator = ? ORDER BY leaf_index DESC LIMIT 1", (operator,)
    ).scalar()
    return 0 if found is None else int(found) + 1


def append(
    connection: Connection, operator: str, jwt: bytes, *, battery: str, kind: RecordKind, version: int
) -> int:
    """Add a signed record as the next leaf; its index, from 0. Needs the writer's turn."""
    return append_all(connection, operator, [(jwt, battery, kind, version)])


def append_all(
    connection: Connection, operator: str, records: Sequence[tuple[bytes, str, RecordKind, int]]
) -> int:
    """Add signed records (jwt, battery, kind, version) as the next leaves; index of the first, from 0.

    Needs the writer's turn.
    """
    first = size(connection, operator)
    frontier = log.Frontier(first, _edge_hashes(connection, operator, first))
    nodes, rows = [], []
    for index, (jwt, battery, kind, version) in enumerate(records, first):
        (_, _, leaf), *inner = frontier.append(log.leaf_hash(jwt))
        nodes += [(operator, *node) for node in inner]
        rows.append((operator, index, leaf, battery, kind.value, version))
    if nodes:
        connection.exec_driver_sql(
            "INSERT INTO log_node (operator, level, node_index, hash) VALUES (?, ?, ?, ?)", nodes
        )
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO log_leaf (operator, leaf_index, leaf_hash, battery, kind, version)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
    return first


def root(connection: Connection, operator: str, count: int) -> bytes:
    """Root of the operator's tree over its first `count` leaves."""
    return log.Frontier(count, _edge_hashes(connection, operator, count)).root()


def inclusion(connection: Connection, operator: str, index: int, count: int) -> list[bytes]:
    """Inclusion proof of a leaf in the tree over the first `count` leaves.

    Raises:
        ValueError: that tree does not hold the leaf.
    """
    if not 0 <= index < count:
        raise ValueError(f"a tree of {count} leaves has no leaf {index}")
    return list(_siblings(connection, operator, 0, index, count))


def consistency(connection: Connection, operator: str, first: int, count: int) -> list[bytes]:
    """Proof that the tree over the first `first` leaves is the beginning of the one over `count`.

    Raises:
        ValueError: the smaller tree is the larger one.
    """
    if not 0 <= first <= count:
        raise ValueError(f"a tree of {count} leaves does not begin with {first}")
    if first in (0, count):
        return []
    # The last complete subtree of the smaller tree is where both trees agree; whoever knows the smaller root
    # knows it already when it is the whole of it.
    level, position = 0, first - 1
    while position & 1:
        level, position = level + 1, position >> 1
    own = [_subtree(connection, operator, level, position, count)] if position else []
    return own + list(_siblings(connection, operator, level, position, count))


def all_hashes(connection: Connection, operator: str) -> list[bytes]:
    """Every leaf hash in order, to rebuild the tree from nothing."""
    rows = connection.exec_driver_sql(
        "SELECT leaf_hash FROM log_leaf WHERE operator = ? ORDER BY leaf_index", (operator,)
    )
    return [bytes(row[0]) for row in rows]


def add_checkpoint(
    connection: Connection, operator: str, *, count: int, tree_root: bytes, note: bytes, at: datetime
) -> None:
    """Store a signed checkpoint; a second one of the same size is refused by the key."""
    connection.exec_driver_sql(
        "INSERT INTO checkpoint (operator, size, root, note, at) VALUES (?, ?, ?, ?, ?)",
        (operator, count, tree_root, note, utc_text(at)),
    )


def newest_checkpoint(connection: Connection, operator: str) -> StoredCheckpoint | None:
    """The largest signed checkpoint of the operator; None before the first."""
    row = connection.exec_driver_sql(
        "SELECT operator, size, root, note, at FROM checkpoint WHERE operator = ? ORDER BY size DESC LIMIT 1",
        (operator,),
    ).first()
    if row is None:
        return None
    return StoredCheckpoint(row[0], row[1], bytes(row[2]), bytes(row[3]), from_utc_text(row[4]))


def _edge(count: int) -> Iterator[tuple[int, int]]:
    """Level and index of the complete subtrees of a tree, from left (largest) to right."""
    begin = 0
    for level in range(count.bit_length() - 1, -1, -1):
        if count >> level & 1:
            yield level, begin >> level
            begin += 1 << level


def _edge_hashes(connection: Connection, operator: str, count: int) -> list[bytes]:
    """Hashes of those subtrees, read by one statement."""
    places = list(_edge(count))
    if not places:
        return []
    query = " UNION ALL ".join(_NODE if level else _LEAF for level, _ in places)
    values = [one for level, index in places for one in (operator, *((level,) if level else ()), index)]
    found = {row[0]: bytes(row[1]) for row in connection.exec_driver_sql(query, tuple(values))}
    for level, index in places:
        if level not in found:
            raise ValueError(f"the log of {operator!r} has no node {index} on level {level}")
    return [found[level] for level, _ in places]


def _siblings(
    connection: Connection, operator: str, level: int, position: int, count: int
) -> Iterator[bytes]:
    """Hashes beside the way from a node up to the root of the tree of `count` leaves."""
    while (count - 1) >> level:
        if (position ^ 1) << level < count:
            yield _subtree(connection, operator, level, position ^ 1, count)
        level, position = level + 1, position >> 1


def _subtree(connection: Connection, operator: str, level: int, index: int, count: int) -> bytes:
    """Hash over the leaves of one node that lie within the first `count`."""
    if (index + 1) << level <= count:
        return _stored(connection, operator, level, index)
    left = _subtree(connection, operator, level - 1, 2 * index, count)
    if (2 * index + 1) << (level - 1) >= count:
        return left
    return log.node_hash(left, _subtree(connection, operator, level - 1, 2 * index + 1, count))


_LEAF: Final = "SELECT 0, leaf_hash FROM log_leaf WHERE operator = ? AND leaf_index = ?"
_NODE: Final = "SELECT level, hash FROM log_node WHERE operator = ? AND level = ? AND node_index = ?"


def _stored(connection: Connection, operator: str, level: int, index: int) -> bytes:
    place = (level, index) if level else (index,)
    row = connection.exec_driver_sql(_NODE if level else _LEAF, (operator, *place)).first()
    if row is None:
        raise ValueError(f"the log of {operator!r} has no node {index} on level {level}")
    return bytes(row[1])
