"""Acts on a battery: each is one transaction of its own, and the versions that it asks for follow at once.

1. The state machines (`passport.lifecycle.status`) say whether the act is possible; refusals come at once.
2. In one transaction: the event, statuses, links, a snapshot of Annex XIII 4(a) where the status changes, and
   which versions are due. The gate is asked inside it: an act whose passport could not be issued is not done.
3. `Issuer.issue_due` issues these versions on the one road. A crash in between leaves them due; they are
   issued at the next start, or by whoever acts next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from sqlalchemy import Connection

from passport.errors import Conflict, FactRefused, InputRefused, NotFound, PassportError
from passport.issue import Issuer
from passport.judgement import compliance
from passport.ledger import batteries, catalogue, life, operators, versions
from passport.ledger.batteries import Battery
from passport.ledger.database import writing
from passport.ledger.life import PREDECESSOR, SUCCESSOR, Due, Link
from passport.ledger.versions import Version
from passport.lifecycle import status
from passport.lifecycle.status import ACTS, ENDED, NEW_LIVES, ActName, Standing
from passport.signing import encode
from schemas.registry import REGISTRY
from schemas.terms import Absent, BatteryStatus, Category, Level, PassportStatus, RecordKind
from schemas.values import utc_text

# Art. 3(1)(32): what remanufacturing has to reach.
LEAST_CAPACITY: Final = Decimal(90)
MOST_SPREAD: Final = Decimal(3)
# Of the single battery, and not carried into its next life.
_OWN_FACTS: Final = frozenset({"manufacturing_date"})


class ActRefused(Conflict):
    """The battery or its passport is not where the act may start from; the sentence says what is possible."""

    code: ClassVar[str] = "act_refused"


@dataclass(frozen=True)
class Told:
    """What came of an act.

    Attributes:
        battery: whose act it was; of a new life, the battery that was made.
        issued: what became of each version that was due, in their order.
        unwritten: addresses of originals whose passports belong to others and were left as they are.
    """

    battery: Battery
    issued: tuple[tuple[str, RecordKind, Version | PassportError], ...]
    unwritten: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------ acts on one battery


def tell(
    issuer: Issuer,
    battery_id: str,
    name: ActName,
    *,
    at: datetime,
    now: datetime,
    by: str | None = None,
    detail: Mapping[str, Any] | None = None,
    incomplete: str | None = None,
) -> Told:
    """What happened to one battery is written down, and what is due of it issued.

    Args:
        issuer: the road.
        battery_id: whose.
        name: any act but the four that start a new life.
        at: when it happened; aware, not after now.
        now: aware.
        by: who did it, in words; None is its operator.
        detail: what else is told, ready for JSON.
        incomplete: why versions may be issued although something owed is missing; None is the reason under
            which the newest one was.

    Raises:
        ActRefused: the act does not start from where battery and passport are.
        NotFound: there is no such battery.
        RecordGateClosed: its next passport could not be issued; nothing was done.
    """
    if name in NEW_LIVES:
        raise ValueError(f"{name} makes another battery; `new_life` does that")
    act = ACTS[name]
    with writing(issuer.engine) as connection:
        battery = batteries.get(connection, battery_id)
        standing = life.standing_of(connection, battery)
        if (why := status.obstacle(act, standing)) is not None:
            raise ActRefused(f"{battery.identifier}: {why}")
        who = by or operators.get(connection, battery.operator).name
        _begin(connection, battery, standing, now=now)
        then = status.after(act, standing)
        changed = then.battery is not standing.battery
        moved = then.passport is not standing.passport
        life.append(
            connection,
            battery,
            name,
            at=at,
            now=now,
            by=who,
            battery_status=then.battery if changed else None,
            passport_status=then.passport if moved else None,
            detail=detail,
        )
        if name is ActName.RECYCLED:
            _circumstance(connection, battery, "recycled", now=now, by=who)
        if changed:
            life.snapshot(connection, [battery.id], name, at=at)
        kinds = [RecordKind.PASSPORT] if moved or name is ActName.REPAIR else []
        kinds += [RecordKind.CONDITION] if changed and then.passport not in ENDED else []
        _ask(issuer, connection, [(battery.id, kind) for kind in kinds], incomplete=incomplete, now=now)
    return Told(battery, tuple(issuer.issue_due(now, [battery.id])))


def record_repair(
    issuer: Issuer,
    battery_id: str,
    *,
    part: str,
    at: datetime,
    now: datetime,
    by: str | None = None,
    part_number: str | None = None,
    removed_serial: str | None = None,
    installed_serial: str | None = None,
    incomplete: str | None = None,
) -> Told:
    """A repair: passport and status stay, the exchanged part stands in `repair_history`.

    Raises:
        InputRefused: no part is named.
        ActRefused, NotFound, RecordGateClosed: as for `tell`.
    """
    if not part.strip():
        raise InputRefused("a repair names the part that was repaired or exchanged")
    told = {
        "part": part.strip(),
        "part_number": part_number,
        "removed_serial": removed_serial,
        "installed_serial": installed_serial,
    }
    detail = {name: text for name, text in told.items() if text}
    return tell(
        issuer, battery_id, ActName.REPAIR, at=at, now=now, by=by, detail=detail, incomplete=incomplete
    )


# -------------------------------------------------------------------------------------------- a new life


@dataclass(frozen=True)
class Foreign:
    """An original whose passport is kept by another service: linked, never written to.

    Attributes:
        address: of its passport, as its own records say.
        jwt: the signed part of its newest record, which is quoted; None where none is at hand.
        record_url: where that is served.
    """

    address: str
    jwt: bytes | None = None
    record_url: str | None = None


@dataclass(frozen=True)
class NewBattery:
    """What is made of the originals.

    Attributes:
        identifier_path: canonical path of its identifier.
        operator: who places it on the market; None is the operator of the first original kept here.
        facts: validated, of the new battery; what the operation decides is not among them.
        inherit: facts of the originals' models that still hold: those of one model, where all have the same.
    """

    identifier_path: str
    category: Category
    facts: Mapping[str, Any]
    operator: str | None = None
    inherit: bool = False


@dataclass(frozen=True)
class Evidence:
    """What remanufacturing rests on (Art. 3(1)(32)), each value as it was found and how.

    Attributes:
        capacity: restored capacity in per cent of the original rated capacity.
        spread: greatest difference in state of health between any two cells, in per cent.
        method: how both were found; the act does not define the health of a cell.
    """

    capacity: Decimal
    spread: Decimal
    method: str

    def check(self) -> None:
        """Nothing, when both are as the definition asks.

        Raises:
            ActRefused: one is not.
        """
        if not self.method.strip():
            raise InputRefused(
                "say how capacity and spread were found: the act does not define a cell's health"
            )
        if self.capacity < LEAST_CAPACITY:
            raise ActRefused(
                f"remanufacturing restores at least {LEAST_CAPACITY} % of the original rated capacity,"
                f" {self.capacity} % came (Art. 3(1)(32)); this may be a repair, or repurposing"
            )
        if not 0 <= self.spread <= MOST_SPREAD:
            raise ActRefused(
                f"after remanufacturing cells differ by at most {MOST_SPREAD} % in health, {self.spread} %"
                " came (Art. 3(1)(32)); this may be a repair, or repurposing"
            )

    def told(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"capacity": str(self.capacity), "cell_spread": str(self.spread), "method": self.method}


@dataclass(frozen=True)
class _Original:
    battery: Battery
    standing: Standing
    operation: ActName
    last: Version
    further: bool


@dataclass
class _Begun:
    """A new life on its way."""

    end: BatteryStatus
    new: NewBattery
    at: datetime
    now: datetime
    further: bool
    incomplete: str | None
    originals: list[_Original] = field(default_factory=list)


def new_life(
    issuer: Issuer,
    originals: Sequence[str],
    new: NewBattery,
    end: BatteryStatus,
    *,
    at: datetime,
    now: datetime,
    foreign: Sequence[Foreign] = (),
    evidence: Evidence | None = None,
    further: bool = False,
    from_waste: bool = False,
    incomplete: str | None = None,
) -> Told:
    """A new battery with a new passport, linked with its originals both ways (Art. 77(7)).

    Args:
        issuer: the road.
        originals: ids of batteries kept here.
        new: what is made of them.
        end: re-used, repurposed or remanufactured.
        at: when; aware, not after now.
        now: aware.
        foreign: originals that other services keep.
        evidence: of remanufacturing.
        further: a further part of an original that already goes on in another battery.
        from_waste: foreign originals were waste, so that the act is a preparation.
        incomplete: why the new passport may be issued although something owed is missing.

    Raises:
        ActRefused: an original is not where the act may start from; all refusals at once.
        InputRefused: no original, one twice, or facts that the act decides.
        RecordGateClosed: a passport that is due could not be issued; nothing was done.
        Conflict, NotFound: as for making a battery.
    """
    if end not in (BatteryStatus.RE_USED, BatteryStatus.REPURPOSED, BatteryStatus.REMANUFACTURED):
        raise ValueError(f"{end} is no new life")
    if not originals and not foreign:
        raise InputRefused("a new life comes from somewhere: name at least one original")
    names = [*originals, *(one.address for one in foreign)]
    if len(set(names)) < len(names):
        raise InputRefused("an original is named twice")
    if (evidence is None) == (end is BatteryStatus.REMANUFACTURED):
        raise InputRefused("remanufacturing, and it alone, states restored capacity and spread of its cells")
    if evidence is not None:
        evidence.check()
    begun = _Begun(end, new, at, now, further, incomplete)
    with writing(issuer.engine) as connection:
        begun.originals = _originals(connection, begun, originals)
        operation = _operation(begun, from_waste=from_waste)
        battery = _make(connection, issuer, begun, operation)
        address = passport_address(issuer, battery)
        links = [
            Link(
                battery.id,
                PREDECESSOR,
                passport_address(issuer, one.battery),
                one.battery.id,
                one.operation,
                issuer.record_url(one.last.record_id),
                encode.digest_sri(one.last.jwt),
                None,
                at,
            )
            for one in begun.originals
        ]
        links += [_foreign_link(battery, one, operation, at) for one in foreign]
        for link in links:
            life.add_link(connection, link)
        who = operators.get(connection, battery.operator).name
        detail: dict[str, Any] = {"operation": operation, "from": [link.address for link in links]}
        if evidence is not None:
            detail["evidence"] = evidence.told()
        life.append(
            connection, battery, life.NEW_LIFE, at=at, now=now, by=who, battery_status=end, detail=detail
        )
        own = [one for one in begun.originals if one.battery.operator == battery.operator]
        for one in own:
            _goes_on(connection, one, battery, address, at=at, now=now, by=who)
        # The new passport first: the originals' next versions quote it.
        mine = [(battery.id, kind) for kind in (RecordKind.PASSPORT, RecordKind.CONDITION)]
        theirs = [
            (one.battery.id, kind) for kind in (RecordKind.PASSPORT, RecordKind.CONDITION) for one in own
        ]
        _ask(issuer, connection, mine, incomplete=incomplete, now=now)
        _ask(issuer, connection, theirs, incomplete=None, now=now, place=len(mine))
    touched = [battery.id, *(one.battery.id for one in own)]
    left = [passport_address(issuer, one.battery) for one in begun.originals if one not in own]
    return Told(
        battery,
        tuple(issuer.issue_due(now, touched)),
        (*left, *(one.address for one in foreign)),
    )


def goes_on(
    issuer: Issuer, original_id: str, successor_id: str, *, at: datetime, now: datetime, further: bool = False
) -> Told:
    """What another operator made of this battery is confirmed by its own: its passport leads on from now.

    Raises:
        ActRefused: that battery names no such original, or the act does not start from where it is.
        NotFound: one of them is not here.
        RecordGateClosed: its next passport could not be issued; nothing was done.
    """
    with writing(issuer.engine) as connection:
        original, successor = batteries.get(connection, original_id), batteries.get(connection, successor_id)
        links = life.life_of(connection, successor.id).linked(PREDECESSOR)
        named = next((link for link in links if link.other == original.id), None)
        if named is None:
            raise ActRefused(f"{successor.identifier} does not name {original.identifier} as its original")
        end = life.standing_of(connection, successor).battery or BatteryStatus.REPURPOSED
        begun = _Begun(
            end, NewBattery(successor.identifier, successor.category, {}), at, now, further, incomplete=None
        )
        (one,) = _originals(connection, begun, [original.id])
        who = operators.get(connection, original.operator).name
        _goes_on(connection, one, successor, passport_address(issuer, successor), at=at, now=now, by=who)
        asked = [(original.id, RecordKind.PASSPORT), (original.id, RecordKind.CONDITION)]
        _ask(issuer, connection, asked, incomplete=None, now=now)
    return Told(original, tuple(issuer.issue_due(now, [original.id])))


def passport_address(issuer: Issuer, battery: Battery) -> str:
    """Where a battery's passport is, as records state it."""
    return f"{issuer.public_url}/p/{battery.passport_id}"


def _originals(connection: Connection, begun: _Begun, names: Iterable[str]) -> list[_Original]:
    """The originals kept here, once each may start the act."""
    found, refused = [], []
    for name in names:
        battery = batteries.get(connection, name)
        lived = life.life_of(connection, battery.id)
        standing = life.standing_of(connection, battery)
        followers = lived.linked(SUCCESSOR)
        operation = status.operation_for(standing, begun.end)
        further = begun.further and bool(followers) and not standing.suspended
        if further and standing.passport is PassportStatus.INACTIVE:
            operation = ActName(followers[-1].operation)
            why = None
        else:
            why = status.obstacle(ACTS[operation], standing)
            if why is not None and followers and standing.passport is PassportStatus.INACTIVE:
                why += (
                    f"; it goes on in {followers[-1].address}. If a further part of it goes on here, say so"
                    " (--further-part)"
                )
        last = versions.latest(connection, battery.id, RecordKind.PASSPORT)
        if why is None and last is None:
            why = "it has no passport that could be linked; `cellpass issue` it first"
        if why is not None or last is None:
            refused.append(f"{battery.identifier}: {why}")
        else:
            found.append(_Original(battery, standing, operation, last, further))
    if refused:
        raise ActRefused("\n".join(refused))
    return found


def _operation(begun: _Begun, *, from_waste: bool) -> ActName:
    """What the whole is called: a preparation where anything in it was waste."""
    usual = status.operation_for(
        Standing(BatteryStatus.WASTE if from_waste else BatteryStatus.ORIGINAL, PassportStatus.ACTIVE),
        begun.end,
    )
    found = {one.operation for one in begun.originals} or {usual}
    prepared = found & {ActName.PREPARATION_FOR_REPURPOSING, ActName.PREPARATION_FOR_REUSE}
    return next(iter(prepared or found)) if not from_waste else usual


def _make(connection: Connection, issuer: Issuer, begun: _Begun, operation: ActName) -> Battery:
    """The new battery, with the facts that its originals hand on."""
    new, first = begun.new, begun.originals[0].battery if begun.originals else None
    operator = new.operator or (first.operator if first else operators.usual(connection))
    if operator is None:
        raise NotFound("say who places the battery on the market again: there are several operators, or none")
    decided = {
        "predecessor_passport_ids",
        "successor_passport_ids",
        "second_life_operation",
        "passport_ceased_at",
    }
    if strange := sorted(decided & new.facts.keys()):
        raise FactRefused(f"{', '.join(strange)}: the act decides that; leave it out")
    if (said := new.facts.get("battery_status", begun.end)) != begun.end:
        raise FactRefused(f"battery_status is {said}, and the act makes it {begun.end.value}")
    facts = {name: value for name, value in new.facts.items() if name != "battery_status"}
    model = batch = None
    if new.inherit:
        model, batch, inherited = _inherited(connection, begun, operator)
        facts = {**inherited, **_unfit(connection, model, batch, inherited, begun), **facts}
    placed_on = facts.get("placed_on_market_date")
    return batteries.create(
        connection,
        operator=operator,
        category=new.category,
        identifier_path=new.identifier_path,
        facts={**facts, "battery_category": new.category, "second_life_operation": operation.value},
        placed_on=placed_on,
        simulated=any(one.battery.simulated for one in begun.originals),
        at=begun.now,
        by="new life",
        model=model,
        batch=batch,
        circumstances={"has_predecessor": True},
        random_bytes=issuer.random_bytes,
    )


def _unfit(
    connection: Connection, model: str | None, batch: str | None, inherited: Mapping[str, Any], begun: _Begun
) -> dict[str, Absent]:
    """What the originals state and a battery of the new category may not: it does not apply any more."""
    below = catalogue.declared(connection, [one for one in (model, batch) if one is not None])
    stated = {name for layer in below.values() for name in layer.wired} | inherited.keys()
    rulings = compliance.rulings(begun.new.category, None, begun.now.date())
    return {
        name: Absent.NOT_APPLICABLE
        for name in sorted(stated)
        if name in REGISTRY and not rulings[name].may_be_stated
    }


def _inherited(
    connection: Connection, begun: _Begun, operator: str
) -> tuple[str | None, str | None, dict[str, Any]]:
    """Model, batch and facts of the originals that hold for what was made of them: what all have alike."""
    found = [one.battery for one in begun.originals]
    if not found or len({(one.model, one.category) for one in found}) > 1:
        raise InputRefused(
            "facts are handed on by originals kept here that are all of one model and category"
        )
    declared = batteries.declared(connection, [one.id for one in found])
    own = [declared[one.id].layers[-1].wired for one in found]
    same = {
        name: wire
        for name, wire in own[0].items()
        if name in REGISTRY
        and (REGISTRY[name].level is not Level.ITEM or name in _OWN_FACTS)
        and all(other.get(name) == wire for other in own[1:])
        and "absent" not in (wire if isinstance(wire, Mapping) else ())
    }
    facts = {name: REGISTRY[name].value.from_wire(wire) for name, wire in same.items()}
    if found[0].operator != operator:
        # Another operator's model stays its own; what it says is copied.
        layered = {
            name: value
            for name, value in batteries.facts(connection, found[0].id).items()
            if REGISTRY[name].level is not Level.ITEM
        }
        return None, None, {**layered, **facts}
    batch = found[0].batch if len({one.batch for one in found}) == 1 else None
    return found[0].model, batch, facts


def _foreign_link(battery: Battery, one: Foreign, operation: ActName, at: datetime) -> Link:
    sri = encode.digest_sri(one.jwt) if one.jwt is not None else None
    return Link(battery.id, PREDECESSOR, one.address, None, operation, one.record_url, sri, one.jwt, at)


def _goes_on(
    connection: Connection,
    one: _Original,
    successor: Battery,
    address: str,
    *,
    at: datetime,
    now: datetime,
    by: str,
) -> None:
    """The original's side: its event, statuses, link and snapshot."""
    _begin(connection, one.battery, one.standing, now=now)
    act = ACTS[one.operation]
    ends = act.battery.get(one.standing.battery) if not one.further else one.standing.battery
    life.append(
        connection,
        one.battery,
        one.operation,
        at=at,
        now=now,
        by=by,
        battery_status=ends if not one.further else None,
        passport_status=PassportStatus.INACTIVE if not one.further else None,
        detail={"successor": address, **({"further_part": True} if one.further else {})},
    )
    life.add_link(
        connection,
        Link(one.battery.id, SUCCESSOR, address, successor.id, one.operation, None, None, None, at),
    )
    if not one.further:
        life.snapshot(connection, [one.battery.id], one.operation, at=at)


# ---------------------------------------------------------------------------------------------- helpers


def _begin(connection: Connection, battery: Battery, standing: Standing, *, now: datetime) -> None:
    """The status that was declared before anything happened is the first entry of the history."""
    if standing.battery is None or life.life_of(connection, battery.id).status is not None:
        return
    declared = batteries.declared_at(connection, battery.id)
    life.append(
        connection,
        battery,
        life.STATED,
        at=min(declared, now),
        now=now,
        by=operators.get(connection, battery.operator).name,
        battery_status=standing.battery,
    )


def _circumstance(connection: Connection, battery: Battery, name: str, *, now: datetime, by: str) -> None:
    batteries.declare(connection, battery.id, {}, at=now, by=by, circumstances={name: True})


def _ask(
    issuer: Issuer,
    connection: Connection,
    wanted: Sequence[tuple[str, RecordKind]],
    *,
    incomplete: str | None,
    now: datetime,
    place: int = 0,
) -> None:
    """Have these issued, once the gate would let the passports among them pass.

    A battery that never had a passport is not given one by what happens to it, unless it was just made.
    """
    dues = []
    for battery_id, kind in wanted:
        last = versions.latest(connection, battery_id, RecordKind.PASSPORT)
        made = life.life_of(connection, battery_id).linked(PREDECESSOR)
        if last is None and not made:
            continue
        before = versions.latest(connection, battery_id, kind)
        reason = incomplete or (before.incomplete if before else None) or (last.incomplete if last else None)
        if kind is RecordKind.PASSPORT:
            battery = batteries.get(connection, battery_id)
            issuer.would_issue(connection, battery, kind, incomplete=reason, now=now)
        dues.append(Due(battery_id, kind, reason))
    life.ask_for(connection, dues, now=now, place=place)


def describe(told: Told) -> dict[str, Any]:
    """What came of an act, ready for JSON."""
    return {
        "battery": told.battery.id,
        "identifier": told.battery.identifier,
        "passport_id": told.battery.passport_id,
        "versions": [
            {
                "battery": name,
                "kind": kind.value,
                **(
                    {"version": outcome.version, "issued_at": utc_text(outcome.issued_at)}
                    if isinstance(outcome, Version)
                    else {"refused": str(outcome)}
                ),
            }
            for name, kind, outcome in told.issued
        ],
        "left_as_they_are": list(told.unwritten),
    }
