"""Bringing a stored state up to its journal: forward where only later rows came, else from the beginning.

A state is forward of nothing if (1) the epochs it entered are still the first ones in the order of folding,
with the same longest gaps, which its chain tells, and (2) no row came in before its place, which the number
of rows
tells: rows are never taken away, so if what is stored up to the place is as many rows as were folded, it is
    those.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import cbor2
from sqlalchemy import Connection

from passport.lifecycle.basis import Basis
from passport.lifecycle.folding import fold
from passport.lifecycle.ports import Load, Save, Telemetry
from passport.lifecycle.shape import LifecycleState, next_chain
from schemas.samples import Chunk

log = logging.getLogger(__name__)

_BATCH_ROWS: Final = 1 << 19  # how many rows are open at a time


def refresh(
    connection: Connection,
    telemetry: Telemetry,
    battery_id: str,
    *,
    basis: Basis,
    load: Load,
    save: Save,
    now: datetime,
) -> LifecycleState:
    """The state of a battery as its journal has it now, stored when it changed.

    Args:
        connection: the caller's open write transaction.
        telemetry: reader of stored chunks.
        battery_id: whose.
        basis: what is declared of it.
        load: reads the stored state.
        save: stores a state.
        now: aware; when the state was brought up.
    """
    data = load(connection, battery_id)
    order = telemetry.order(connection, battery_id)
    gaps = telemetry.max_gap_ms(connection, battery_id)
    total = sum(rows for _, _, rows in order)
    state = _known(data, order, gaps, basis)
    arrival = 0
    if state is not None:
        arrival = _fold_all(state, telemetry.chunks(connection, battery_id, after=_place(state)), gaps, basis)
    if state is None or state.rows != total:
        if data is not None:
            log.info("battery %s is folded anew: rows came before what was folded", battery_id)
        state = LifecycleState()
        arrival = _fold_all(state, telemetry.chunks(connection, battery_id, after=None), gaps, basis)
    fresh = state.to_bytes()
    if fresh != data:
        save(connection, battery_id, fresh, arrival, now)
    return state


def replay(
    connection: Connection,
    telemetry: Telemetry,
    battery_id: str,
    *,
    basis: Basis,
    begun: tuple[bytes, int] | None,
    told: Callable[[LifecycleState, int], None],
) -> tuple[LifecycleState, int]:
    """The state of a battery from its stored rows and nothing else, and the highest arrival number met.

    Args:
        connection: an open transaction; it is only read.
        telemetry: reader of stored chunks.
        battery_id: whose.
        basis: what is declared of it.
        begun: bytes and arrival number of a replay that was interrupted; one that no longer leads to the
            stored rows is left.
        told: called now and then with how far it came.
    """
    order = telemetry.order(connection, battery_id)
    gaps = telemetry.max_gap_ms(connection, battery_id)
    total = sum(rows for _, _, rows in order)
    data, arrival = begun if begun is not None else (None, 0)
    state = _known(data, order, gaps, basis)
    if state is not None:
        rest = telemetry.chunks(connection, battery_id, after=_place(state))
        arrival = max(arrival, _fold_all(state, rest, gaps, basis, told))
    if state is None or state.rows != total:
        state = LifecycleState()
        everything = telemetry.chunks(connection, battery_id, after=None)
        arrival = _fold_all(state, everything, gaps, basis, told)
    return state, arrival


def differences(one: bytes, other: bytes) -> list[str]:
    """Names of the members in which the bytes of two states differ."""
    first, second = _members(one), _members(other)
    names = sorted(first.keys() | second.keys())
    return [name for name in names if first.get(name, _ABSENT) != second.get(name, _ABSENT)]


_ABSENT: Final = object()


def _members(data: bytes) -> dict[str, Any]:
    found = cbor2.loads(data)
    return found if isinstance(found, dict) else {}


def _place(state: LifecycleState) -> tuple[str, str, int] | None:
    return (state.source, state.epoch, state.sequence) if state.epochs else None


def _known(
    data: bytes | None, order: Sequence[tuple[str, str, int]], gaps: Mapping[str, int], basis: Basis
) -> LifecycleState | None:
    """The stored state if it may be folded forward as far as the order of epochs tells; None otherwise."""
    if data is None:
        return None
    try:
        state = LifecycleState.from_bytes(data)
    except ValueError as error:
        log.warning("a stored state cannot be read and is folded anew: %s", error)
        return None
    chain = basis.digest
    for source, epoch, _ in order[: state.epochs]:
        chain = next_chain(chain, source, epoch, gaps[source])
    return state if chain == state.chain else None


def _fold_all(
    state: LifecycleState,
    chunks: Iterable[Chunk],
    gaps: Mapping[str, int],
    basis: Basis,
    told: Callable[[LifecycleState, int], None] | None = None,
) -> int:
    """Fold a stream of chunks batch by batch; the highest arrival number met."""
    arrival = 0
    for batch in _batches(chunks):
        fold([state], [batch], max_gap_ms=[gaps], basis=[basis])
        arrival = max(arrival, *(chunk.arrival for chunk in batch))
        if told is not None:
            told(state, arrival)
    return arrival


def _batches(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    batch: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        batch.append(chunk)
        rows += len(chunk.samples)
        if rows >= _BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
