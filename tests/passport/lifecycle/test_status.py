"""The two state machines: every act from every standing is allowed, or refused with a sentence."""

import itertools

import pytest

from passport.lifecycle import status
from passport.lifecycle.status import ACTS, ActName, Standing
from schemas.terms import BatteryStatus, PassportStatus

STANDINGS = [
    Standing(battery, passport, suspended=suspended)
    for battery, passport, suspended in itertools.product(
        (None, *BatteryStatus), PassportStatus, (False, True)
    )
    if not suspended or passport is PassportStatus.INACTIVE
]

# Written down a second time, by hand: what may start from an active passport, by the battery's status.
FROM_ACTIVE = {
    None: "repair waste received suspension",
    "original": "repurposing remanufacturing repair waste received suspension",
    "re-used": "repurposing remanufacturing repair waste received suspension",
    "repurposed": "repurposing remanufacturing repair waste received suspension",
    "remanufactured": "repurposing remanufacturing repair waste received suspension",
    "waste": "preparation_for_reuse preparation_for_repurposing remanufacturing received recycled suspension",
}


@pytest.mark.parametrize("standing", STANDINGS, ids=str)
@pytest.mark.parametrize("name", ActName)
def test_every_act_is_allowed_or_refused_with_what_is_possible_instead(standing, name):
    why = status.obstacle(ACTS[name], standing)
    allowed = {act.name for act in status.possible(standing)}
    if why is None:
        assert name in allowed
        then = status.after(ACTS[name], standing)
        assert then.passport in PassportStatus
        assert then.battery is not None or standing.battery is None
        return
    assert name not in allowed
    assert "is not possible: " in why
    assert str(ACTS[name].law[0]) in why
    for act in status.possible(standing):
        assert act.title.lower() in why.partition("possible now: ")[2]
    if not allowed:
        assert why.endswith("nothing can happen to it any more")


@pytest.mark.parametrize(("battery", "names"), FROM_ACTIVE.items())
def test_what_may_start_from_an_active_passport(battery, names):
    standing = Standing(BatteryStatus(battery) if battery else None, PassportStatus.ACTIVE)
    assert [act.name.value for act in status.possible(standing)] == names.split()


def test_preparations_start_from_waste_and_repurposing_does_not():
    waste = Standing(BatteryStatus.WASTE, PassportStatus.ACTIVE)
    used = Standing(BatteryStatus.ORIGINAL, PassportStatus.ACTIVE)
    for name in (ActName.PREPARATION_FOR_REUSE, ActName.PREPARATION_FOR_REPURPOSING):
        assert status.obstacle(ACTS[name], waste) is None
        assert "it starts from waste, and the battery is original" in str(status.obstacle(ACTS[name], used))
    assert "and the battery is waste" in str(status.obstacle(ACTS[ActName.REPURPOSING], waste))
    assert status.operation_for(waste, BatteryStatus.REPURPOSED) is ActName.PREPARATION_FOR_REPURPOSING
    assert status.operation_for(used, BatteryStatus.REPURPOSED) is ActName.REPURPOSING


def test_nothing_leaves_the_end_but_the_wish_to_delete():
    for battery in (None, *BatteryStatus):
        assert [act.name for act in status.possible(Standing(battery, PassportStatus.ARCHIVED))] == [
            ActName.DELETION
        ]
        assert status.possible(Standing(battery, PassportStatus.MARKED_FOR_DELETION)) == ()


def test_what_was_superseded_is_not_resumed_and_what_was_suspended_is_not_recast():
    superseded = Standing(BatteryStatus.REPURPOSED, PassportStatus.INACTIVE)
    suspended = Standing(BatteryStatus.ORIGINAL, PassportStatus.INACTIVE, suspended=True)
    resumption, repurposing = ACTS[ActName.RESUMPTION], ACTS[ActName.REPURPOSING]
    assert "goes on under another passport" in str(status.obstacle(resumption, superseded))
    assert status.obstacle(resumption, suspended) is None
    assert "the passport is suspended" in str(status.obstacle(repurposing, suspended))
    assert "the battery goes on elsewhere" in str(status.obstacle(repurposing, superseded))


def test_every_act_cites_where_it_is_written_and_says_who_does_it():
    for act in ACTS.values():
        assert act.law
        assert act.who
        assert act.effect
        assert act.command.startswith("cellpass life ")
