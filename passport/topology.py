"""What a tree of parts amounts to: its shape, its sums, and who was added without being exchanged.

The rules of adding up, which hold for any part and what lies in it:

1. In parallel capacity, energy and current add and the voltage is the mean. In series voltage adds, capacity
   and the state of charge are the lowest, and the current is the mean.
2. In parallel the state of charge is weighted by capacity.
3. Health: what the whole's own BMS says, under the name of its rule; else the mean weighted by capacity. The
   lowest stands beside it in either case.
4. Full cycles are charge taken out over capacity, of all parts together; counts of parts are never added.
5. Extremes keep the path of the part that they come from; events are the union, each with its part.
6. What one part does not say, the whole does not know: a sum with a hole is no sum.

Nothing here is signed: a passport states what its own battery's devices said.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum, unique
from typing import Final

from sqlalchemy import Connection

from passport.ledger.components import Branch, Node, NodeKind
from passport.lifecycle.shape import TOLD_AND_USED, LifecycleState
from passport.lifecycle.summary import reported
from schemas.values import from_utc_text

WEIGHTED: Final = "weighted by capacity"
_TENTH: Final = Decimal("0.1")
_MILLI: Final = Decimal("0.001")
# Parts that are placed within so long of the first belong to the battery as it was sold.
_ASSEMBLY: Final = timedelta(days=1)


@unique
class Wiring(StrEnum):
    """How the parts of a part are connected."""

    SERIES = "series"
    PARALLEL = "parallel"


@unique
class Arrangement(StrEnum):
    """Who is master of whom."""

    STANDALONE = "standalone"  # one BMS, one battery
    MASTER_SLAVE = "master-slave"  # parts with electronics or numbers of their own under one master
    MULTI_MASTER = "multi-master"  # several batteries, each its own master


@unique
class Electronics(StrEnum):
    """Where cells are measured."""

    CENTRALISED = "centralised"  # one board has the wires of all cells
    DISTRIBUTED = "distributed"  # boards lie at the modules or cells


@dataclass(frozen=True)
class At:
    """An extreme and the path of the part that it comes from."""

    value: Decimal
    path: str


@dataclass(frozen=True)
class Figures:
    """What a part shows; None where nobody said it.

    Attributes:
        voltage, current: V and A, the current positive while charging.
        capacity: Ah as learned, else as configured. energy: kWh in it now. charge_out: Ah over its life.
        state_of_charge: %.
        health, health_rule, health_lowest: %, how it came about, and the lowest among its parts.
        full_cycles: charge taken out over capacity.
        cell_lowest, cell_highest, coldest, hottest: extremes with the part that they come from.
        events: names of what happened, each with the part.
    """

    voltage: Decimal | None = None
    current: Decimal | None = None
    capacity: Decimal | None = None
    energy: Decimal | None = None
    charge_out: Decimal | None = None
    state_of_charge: Decimal | None = None
    health: Decimal | None = None
    health_rule: str | None = None
    health_lowest: At | None = None
    full_cycles: Decimal | None = None
    cell_lowest: At | None = None
    cell_highest: At | None = None
    coldest: At | None = None
    hottest: At | None = None
    events: frozenset[tuple[str, str]] = field(default_factory=frozenset)


# ------------------------------------------------------------------------------------------------ adding up


def add_up(
    parts: Sequence[tuple[str, Figures]],
    wiring: Wiring,
    *,
    own: Figures | None = None,
    rule: str | None = None,
) -> Figures:
    """What parts come to together.

    Args:
        parts: path of each part and what it shows; at least one.
        wiring: how they are connected.
        own: what the whole's own BMS says; its health goes before any that is worked out.
        rule: how that BMS comes to its health, where its maker says so.
    """
    all_of = [figures for _, figures in parts]
    voltages = _whole(one.voltage for one in all_of)
    currents = _whole(one.current for one in all_of)
    capacities = _whole(one.capacity for one in all_of)
    energies = _whole(one.energy for one in all_of)
    series = wiring is Wiring.SERIES
    capacity = (min if series else sum)(capacities) if capacities else None
    out = _whole(one.charge_out for one in all_of)
    lowest = _furthest([_health_of(path, one) for path, one in parts], min)
    health = _weighted([one.health for one in all_of], capacities)
    made = Figures(
        voltage=_mean(voltages, add=series),
        current=_mean(currents, add=not series),
        capacity=Decimal(capacity) if capacity is not None else None,
        energy=sum(energies, Decimal(0)) if energies else None,
        charge_out=_mean(out, add=not series),
        state_of_charge=_charge([one.state_of_charge for one in all_of], capacities, series=series),
        health=health,
        health_rule=WEIGHTED if health is not None else None,
        health_lowest=lowest,
        full_cycles=_cycles(out, capacities),
        cell_lowest=_furthest([_placed(path, one.cell_lowest) for path, one in parts], min),
        cell_highest=_furthest([_placed(path, one.cell_highest) for path, one in parts], max),
        coldest=_furthest([_placed(path, one.coldest) for path, one in parts], min),
        hottest=_furthest([_placed(path, one.hottest) for path, one in parts], max),
        events=frozenset((name, _joined(path, where)) for path, one in parts for name, where in one.events),
    )
    if own is not None and own.health is not None:
        return replace(made, health=own.health, health_rule=rule or "as its BMS says")
    return made


def _whole(values: Iterable[Decimal | None]) -> list[Decimal]:
    """All values; empty when one is missing."""
    found = list(values)
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []


def _mean(values: Sequence[Decimal], *, add: bool) -> Decimal | None:
    if not values:
        return None
    total = sum(values, Decimal(0))
    return total if add else (total / len(values)).quantize(_MILLI, ROUND_HALF_EVEN)


def _charge(
    values: Sequence[Decimal | None], capacities: Sequence[Decimal], *, series: bool
) -> Decimal | None:
    known = _whole(values)
    if series:
        return min(known) if known else None
    return _weighted(values, capacities)


def _weighted(values: Sequence[Decimal | None], capacities: Sequence[Decimal]) -> Decimal | None:
    """The mean by capacity; without capacities nothing tells how much each counts."""
    known = _whole(values)
    weight = sum(capacities, Decimal(0))
    if not known or not weight:
        return None
    total = sum((value * by for value, by in zip(known, capacities, strict=True)), Decimal(0))
    return (total / weight).quantize(_TENTH, ROUND_HALF_EVEN)


def _cycles(out: Sequence[Decimal], capacities: Sequence[Decimal]) -> Decimal | None:
    if not out or not capacities or not sum(capacities):
        return None
    return (sum(out, Decimal(0)) / sum(capacities, Decimal(0))).quantize(_MILLI, ROUND_HALF_EVEN)


def _joined(path: str, inner: str) -> str:
    return f"{path}/{inner}" if inner else path


def _placed(path: str, extreme: At | None) -> At | None:
    return At(extreme.value, _joined(path, extreme.path)) if extreme is not None else None


def _health_of(path: str, figures: Figures) -> At | None:
    if figures.health_lowest is not None:
        return _placed(path, figures.health_lowest)
    return At(figures.health, path) if figures.health is not None else None


def _furthest(extremes: Sequence[At | None], which: Callable[..., At]) -> At | None:
    known = [one for one in extremes if one is not None]
    return which(known, key=lambda one: one.value) if known else None


def of_state(state: LifecycleState) -> Figures:
    """What a battery last showed; a value that no sum may use is left out."""
    said = {
        name: Decimal(last.value)
        for name, last in reported(state).items()
        if TOLD_AND_USED.issuperset(last.doubts)
    }

    def at(name: str) -> At | None:
        return At(said[name], "") if name in said else None

    capacity = said.get("full_charge_capacity") or said.get("nameplate_capacity")
    counter = state.counters.get("charge_out")
    out = Decimal(counter.total).scaleb(-3) if counter is not None else None
    events = (name.partition("#")[2] for name, one in state.counters.items() if "#" in name and one.total)
    return Figures(
        voltage=said.get("voltage"),
        current=said.get("current"),
        capacity=capacity,
        energy=said.get("remaining_energy"),
        charge_out=out,
        state_of_charge=said.get("state_of_charge"),
        health=said.get("bms_reported_health"),
        health_rule="as its BMS says" if "bms_reported_health" in said else None,
        full_cycles=_cycles([out] if out is not None else [], [capacity] if capacity else []),
        cell_lowest=at("cell_voltage_lowest"),
        cell_highest=at("cell_voltage_highest"),
        coldest=at("coldest"),
        hottest=at("hottest"),
        events=frozenset((name, "") for name in events),
    )


def of_branch(branch: Branch, figures: Mapping[str, Figures], by: Mapping[str, Wiring]) -> Figures | None:
    """What a part comes to: what its battery shows, else what its parts add up to; None when nobody says.

    Args:
        branch: the part.
        figures: by battery id.
        by: wiring by part id, where it is known better than the tree tells it.
    """
    if branch.node.battery is not None:
        return figures.get(branch.node.battery)
    below = [(one.node.name, of_branch(one, figures, by)) for one in branch.below]
    known = [(name, one) for name, one in below if one is not None]
    connected = by.get(branch.node.id) or wiring(branch)
    if not known or len(known) < len(below) or connected is None:
        return None
    return add_up(known, connected)


# --------------------------------------------------------------------------------------------------- shapes


@dataclass(frozen=True)
class Shape:
    """How an installation or battery is built.

    Attributes:
        arrangement: who is master of whom.
        wiring: how what lies in it is connected; None where the tree does not tell.
        electronics: where cells are measured; None where no part tells.
    """

    arrangement: Arrangement
    wiring: Wiring | None
    electronics: Electronics | None

    @property
    def sentence(self) -> str:
        """For people."""
        wired = f", its parts in {self.wiring.value}" if self.wiring else ""
        boards = f", {self.electronics.value}" if self.electronics else ""
        return f"{self.arrangement.value}{wired}{boards}"


def wiring(branch: Branch) -> Wiring | None:
    """How the parts of a part are connected, by their cells in series; by their kind where cells are unknown.

    None where neither tells: a battery may hold modules in series or in parallel.
    """
    below = branch.below
    if len(below) < 2:
        return None
    whole, counts = branch.node.cells, [one.node.cells for one in below]
    known = [count for count in counts if count is not None]
    if whole is not None and len(known) == len(counts):
        if sum(known) == whole:
            return Wiring.SERIES
        return Wiring.PARALLEL if set(known) == {whole} else None
    kinds = {one.node.kind for one in below}
    if kinds <= {NodeKind.STRING, NodeKind.BATTERY}:
        return Wiring.PARALLEL
    inside_a_string = branch.node.kind in (NodeKind.STRING, NodeKind.MODULE)
    return Wiring.SERIES if inside_a_string and kinds <= {NodeKind.MODULE, NodeKind.CELL_GROUP} else None


def shape(branch: Branch, devices: Iterable[str | None] = ()) -> Shape:
    """How a tree is built.

    Args:
        branch: its root.
        devices: ids of the parts that commissioned devices sit on.
    """
    nodes = [one.node for _, one in branch.walk()]
    carriers = [node for node in nodes if node.battery is not None]
    inside = [node for node in _inside(branch) if node.kind in (NodeKind.STRING, NodeKind.MODULE)]
    seated = set(devices) & {node.id for node in nodes if node.battery is None}
    distributed = bool(seated) or any(node.serial for node in inside)
    if len(carriers) > 1:
        arrangement = Arrangement.MULTI_MASTER
    elif inside:
        arrangement = Arrangement.MASTER_SLAVE
    else:
        arrangement = Arrangement.STANDALONE
    electronics = None
    if distributed:
        electronics = Electronics.DISTRIBUTED
    elif any(node.kind is NodeKind.CELL_GROUP for node in nodes):
        electronics = Electronics.CENTRALISED
    at = next((one for _, one in branch.walk() if len(one.below) > 1), branch)
    return Shape(arrangement, wiring(at), electronics)


def _inside(branch: Branch) -> Iterator[Node]:
    """Parts that lie in a unit that carries a passport."""
    for above, one in branch.walk():
        if any(node.battery for node in above):
            yield one.node


# --------------------------------------------------------------------------------------------- replacements


@dataclass(frozen=True)
class Extension:
    """A part that came into a battery later than the others and took nobody's place."""

    battery: Node
    part: Node
    since: datetime

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.part.name} came into {self.battery.name} on {self.since.date()} and took nobody's place:"
            " an extension is another battery beside it with a passport of its own; for a part that was"
            " exchanged say `cellpass component exchange`"
        )


def extensions(connection: Connection, branch: Branch) -> tuple[Extension, ...]:
    """Parts that were added to batteries after these were put together, without taking another's place."""
    found: list[Extension] = []
    for _, one in branch.walk():
        if one.node.battery is None or not one.below:
            continue
        rows = connection.exec_driver_sql(
            "SELECT node, since, until, position FROM node_place WHERE parent = ?", (one.node.id,)
        ).fetchall()
        first = min(from_utc_text(row[1]) for row in rows)
        left = {(row[2], row[3]) for row in rows if row[2] is not None}
        since = {row[0]: (row[1], row[3]) for row in rows if row[2] is None}
        for part in one.below:
            came = since.get(part.node.id)
            if came is None or from_utc_text(came[0]) - first <= _ASSEMBLY or came in left:
                continue
            found.append(Extension(one.node, part.node, from_utc_text(came[0])))
    return tuple(found)
