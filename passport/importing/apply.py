"""Carrying out a plan: in the caller's one transaction, models first, then batches, then batteries."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from passport.importing.plan import AT_ONCE, Plan, Planned, State
from passport.ledger import batteries, catalogue
from passport.ledger.batteries import Battery, New
from schemas.terms import Level

BY: Final = "import"
_PLACED: Final = "placed_on_market_date"

Progress = Callable[[int, int], None]


def carry_out(connection: Connection, plan: Plan, *, at: datetime, progress: Progress) -> None:
    """Write all that the plan holds; nothing stands before the caller's transaction commits.

    Args:
        connection: of the write transaction in which the plan was made.
        plan: what `plan.make` gave, with its gate open.
        at: now.
        progress: told how many entries of how many are written.

    Raises:
        PassportError: what the ledger refuses; nothing must be committed then.
    """
    total = len(plan.models) + len(plan.batches) + len(plan.items)
    done = 0
    ids: dict[tuple[str, ...], str] = {}
    for level, planned in ((Level.MODEL, plan.models), (Level.BATCH, plan.batches)):
        for one in planned:
            product = catalogue.put(
                connection,
                operator=plan.operator,
                level=level,
                name=one.entry.key[-1],
                parent=_id(connection, plan.operator, ids, one.entry.key[:1])
                if level is Level.BATCH
                else None,
                facts=one.entry.facts,
                circumstances=one.entry.circumstances,
                at=at,
                by=BY,
            )
            ids[one.entry.key] = product.id
        done += len(planned)
        progress(done, total)
    new = [one for one in plan.items if one.state is State.NEW]
    for start in range(0, len(new), AT_ONCE):
        group = new[start : start + AT_ONCE]
        batteries.create_many(connection, [_new(connection, plan, ids, one) for one in group], at=at, by=BY)
        done += len(group)
        progress(done, total)
    for one in plan.items:
        if one.state is State.NEW:
            continue
        if one.state is State.CHANGED:
            assert isinstance(one.known, Battery)
            entry = one.entry
            if one.joins:
                batteries.join(
                    connection,
                    one.known.id,
                    model=_id(connection, plan.operator, ids, (entry.model,)),
                    batch=_id(connection, plan.operator, ids, (entry.model, entry.batch))
                    if entry.batch
                    else None,
                )
            batteries.declare(
                connection, one.known.id, one.entry.facts, at=at, by=BY, circumstances=one.entry.circumstances
            )
        done += 1
        if done % AT_ONCE == 0 or done == total:
            progress(done, total)


def _new(connection: Connection, plan: Plan, ids: dict[tuple[str, ...], str], one: Planned) -> New:
    entry = one.entry
    assert one.category is not None
    placed_on: Any = entry.facts.get(_PLACED)
    return New(
        operator=plan.operator,
        category=one.category,
        identifier_path=entry.key[0],
        facts=entry.facts,
        placed_on=placed_on if isinstance(placed_on, date) else None,
        simulated=plan.simulated,
        model=_id(connection, plan.operator, ids, (entry.model,)) if entry.model else None,
        batch=_id(connection, plan.operator, ids, (entry.model, entry.batch)) if entry.batch else None,
        circumstances={name: holds for name, holds in entry.circumstances.items() if holds is not None},
    )


def _id(connection: Connection, operator: str, ids: dict[tuple[str, ...], str], key: tuple[str, ...]) -> str:
    """Id of a model (name) or batch (model, number) that the plan made sure of."""
    if key not in ids:
        parent = _id(connection, operator, ids, key[:1]) if len(key) > 1 else None
        level = Level.BATCH if parent else Level.MODEL
        found = catalogue.find(connection, operator=operator, level=level, name=key[-1], parent=parent)
        assert found is not None
        ids[key] = found.id
    return ids[key]
