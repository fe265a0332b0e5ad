"""`cellpass component`: the tree of an installation, and what was exchanged in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import orjson

if TYPE_CHECKING:
    from passport.commissioning import Commissioning
    from passport.ledger.components import Branch, Node
    from passport.topology import Figures, Shape

_Command = TypeVar("_Command", bound=Callable[..., Any])
NOT_WELL: Final = 1
_KINDS: Final = click.Choice(["installation", "battery", "string", "module", "cell_group"])


@click.group(
    "component",
    short_help="Draw an installation: batteries, strings, modules, cells.",
    epilog="Example: cellpass component add module --name 'Module 3' --parent PART --serial M-77 --cells 16",
)
def command() -> None:
    """Draw an installation as a tree of parts: installation, battery, string, module, cell group.

    Exactly one part on every way from the root to a cell carries a passport: the unit that was placed on the
    market. A module sold with its own BMS may be that unit.
    """


def _when(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    from schemas.values import from_utc_text

    try:
        return from_utc_text(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 2027-02-18T09:30:00Z") from error


def _at(words: str) -> Callable[[_Command], _Command]:
    return click.option("--at", callback=_when, metavar="TIME", help=words)


@command.command(
    "add", epilog="Example: cellpass component add battery --name 'Rack 1' --battery ID --parent PART"
)
@click.argument("kind", type=_KINDS)
@click.option("--name", required=True, help="As people call it.")
@click.option("--parent", metavar="PART", help="The part it lies in; without it, a root.")
@click.option("--position", type=int, help="Counted from 1 along the wiring.")
@click.option("--serial", help="What is written on it.")
@click.option("--cells", type=int, help="Cells in series within it.")
@click.option("--battery", metavar="BATTERY", help="The battery that this part is.")
@_at("When it was placed (default: now).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def add(
    house: Any,
    kind: str,
    *,
    name: str,
    parent: str | None,
    position: int | None,
    serial: str | None,
    cells: int | None,
    battery: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Add a part of KIND, and place it."""
    from passport.ledger import batteries, components

    with house.writing() as connection:
        found = batteries.find(connection, battery, house.settings.public_url).id if battery else None
        made = components.add(
            connection,
            kind=components.NodeKind(kind),
            name=name,
            parent=parent,
            position=position,
            serial=serial,
            cells=cells,
            battery=found,
            at=at or house.now(),
        )
    _say_node(made, as_json=as_json)


@command.command("place", epilog="Example: cellpass component place PART --parent OTHER --position 2")
@click.argument("part")
@click.option("--parent", metavar="PART", help="Where it lies from now on; without it, nowhere.")
@click.option("--position", type=int, help="Counted from 1 along the wiring.")
@_at("When it was moved (default: now).")
@click.pass_obj
def place(house: Any, part: str, *, parent: str | None, position: int | None, at: datetime | None) -> None:
    """Move PART into another part, or take it out."""
    from passport.ledger import components

    moment = at or house.now()
    with house.writing() as connection:
        node = components.get(connection, part)
        if parent is None:
            components.take_out(connection, part, at=moment)
        else:
            components.place(connection, part, parent=parent, position=position, at=moment)
    click.echo(f"{node.name}: {'in ' + parent if parent else 'taken out'}")


@command.command(
    "exchange", epilog="Example: cellpass component exchange PART --name 'Module 3' --serial M-91"
)
@click.argument("part")
@click.option("--name", required=True, help="Of the new part.")
@click.option("--serial", help="What is written on the new part.")
@click.option("--cells", type=int, help="Cells in series within it (default: as before).")
@click.option("--incomplete", metavar="REASON", help="Issue although something owed is missing.")
@_at("When it was exchanged (default: now).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def exchange(
    house: Any,
    part: str,
    *,
    name: str,
    serial: str | None,
    cells: int | None,
    incomplete: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Put a new part in the place of PART: a repair, after which the passport stays.

    Where PART lies in a battery, the repair is written into its life, and a new version of its passport
    tells it. Exit status 1 when something owed kept that version from being issued.
    """
    from passport.errors import GateClosed
    from passport.ledger import components
    from passport.life import acts

    now = house.now()
    moment = at or now
    with house.writing() as connection:
        old = components.get(connection, part)
        units = [one.battery for one in components.ancestors(connection, part) if one.battery]
        made = components.exchange(connection, part, name=name, serial=serial, cells=cells, at=moment)
    _say_node(made, as_json=as_json)
    for battery in units:
        try:
            acts.record_repair(
                house.issuer,
                battery,
                part=old.name,
                removed_serial=old.serial,
                installed_serial=serial,
                at=moment,
                now=now,
                incomplete=incomplete,
            )
        except GateClosed as closed:
            click.echo(
                f"The exchange is drawn, the repair is not in the passport yet: {closed}\n"
                f"Write it with `cellpass life repair {battery}`, or state what is owed.",
                err=True,
            )
            raise SystemExit(NOT_WELL) from closed


def _say_node(node: "Node", *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(_told(node)))
    else:
        click.echo(f"{node.id}  {node.kind.value}  {node.name}")


def _told(node: "Node") -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": node.kind.value,
        "name": node.name,
        "serial": node.serial,
        "cells": node.cells,
        "battery": node.battery,
    }


@command.command("tree", epilog="Example: cellpass component tree PART --at 2027-06-01T00:00:00Z")
@click.argument("part", required=False)
@_at("As it was then (default: today).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per tree.")
@click.pass_obj
def tree(house: Any, part: str | None, *, at: datetime | None, as_json: bool) -> None:
    """Show PART (an id, or a battery) with all that lies in it, or every tree; and what deserves a look.

    Beside each battery stand the devices that speak for it, what its parts add up to, and doubts about its
    devices that are not over (docs/plausibility.md). Exit status 1 when something deserves a look.
    """
    from passport import topology
    from passport.errors import NotFound
    from passport.ledger import batteries, components, trail

    with house.reading() as connection:
        if part is None:
            starts = components.roots(connection)
        else:
            try:
                starts = [components.get(connection, part)]
            except NotFound:
                battery = batteries.find(connection, part, house.settings.public_url)
                node = components.of_battery(connection, battery.id)
                if node is None:
                    raise NotFound(f"no tree was drawn around {battery.identifier}") from None
                starts = [node]
        branches = [components.tree(connection, node.id, at) for node in starts]
        seen = [_Seen.of(connection, branch) for branch in branches]
        standing = [trail.standing(connection, one.units) for one in seen]
        added = [topology.extensions(connection, branch) if at is None else () for branch in branches]
    looks = 0
    for branch, one, doubted, more in zip(branches, seen, standing, added, strict=True):
        # A part alone is judged where its whole way up is seen.
        found = components.check(branch) if part is None else ()
        looks += len(found) + len(doubted) + len(more)
        if as_json:
            wire = _wire(branch, one) | {
                "shape": _shape_wire(one.shape),
                "doubts": [
                    *(vars(doubt) for doubt in found),
                    *({"node": x.part.id, "code": "capacity_extended", "sentence": x.sentence} for x in more),
                ],
                "devices_doubted": [vars(doubt) for doubt in doubted],
            }
            click.echo(orjson.dumps(wire))
            continue
        for line in _lines(branch, one):
            click.echo(line)
        if branch.below:
            click.echo(f"  shape: {one.shape.sentence}")
        for sentence in (*(doubt.sentence for doubt in found), *(x.sentence for x in more)):
            click.echo(f"  look: {sentence}", err=True)
        for doubt in doubted:
            click.echo(f"  look: {doubt.source}, {doubt.what}: {doubt.sentence}", err=True)
    if looks:
        raise SystemExit(NOT_WELL)


@dataclass(frozen=True)
class _Seen:
    """What is known of the batteries of a tree beside the tree itself.

    Attributes:
        units: ids of its batteries.
        bindings: open commissioning records by battery.
        figures: by battery id, and of every part that adds up by part id.
    """

    units: tuple[str, ...]
    bindings: "dict[str, list[Commissioning]]"
    figures: "dict[str, Figures]"
    shape: "Shape"

    @classmethod
    def of(cls, connection: Any, branch: "Branch") -> "_Seen":
        from passport import commissioning, topology
        from passport.ledger import states
        from passport.lifecycle.state import LifecycleState

        units = tuple(one.node.battery for _, one in branch.walk() if one.node.battery is not None)
        bindings = {
            unit: [one for one in commissioning.of_battery(connection, unit) if one.until is None]
            for unit in units
        }
        told = states.load_states(connection, units) if units else {}
        figures = {unit: topology.of_state(LifecycleState.from_bytes(data)) for unit, data in told.items()}
        for _, one in branch.walk():
            summed = topology.of_branch(one, figures, {}) if one.node.battery is None else None
            if summed is not None:
                figures[one.node.id] = summed
        nodes = [one.node for several in bindings.values() for one in several]
        return cls(units, bindings, figures, topology.shape(branch, nodes))


def _shape_wire(shape: "Shape") -> dict[str, str | None]:
    return {
        "arrangement": shape.arrangement.value,
        "wiring": shape.wiring.value if shape.wiring else None,
        "electronics": shape.electronics.value if shape.electronics else None,
    }


def _figures_wire(figures: "Figures | None") -> dict[str, Any] | None:
    if figures is None:
        return None

    def told(value: Any) -> Any:
        if hasattr(value, "path"):
            return {"value": str(value.value), "part": value.path}
        if isinstance(value, frozenset):
            return [{"event": name, "part": where} for name, where in sorted(value)]
        return None if value is None else str(value)

    return {name: told(value) for name, value in vars(figures).items()}


def _wire(branch: "Branch", seen: _Seen) -> dict[str, Any]:
    node = branch.node
    return _told(node) | {
        "position": branch.position,
        "devices": [
            {"source": one.source, "component": one.component, "serial": one.serial}
            for one in seen.bindings.get(node.battery or "", ())
        ],
        "figures": _figures_wire(seen.figures.get(node.battery or node.id)),
        "below": [_wire(below, seen) for below in branch.below],
    }


def _lines(branch: "Branch", seen: _Seen, depth: int = 0) -> list[str]:
    node, indent = branch.node, "  " * depth
    words = [
        f"{indent}{node.name}",
        node.kind.value.replace("_", " "),
        *([f"serial {node.serial}"] if node.serial else []),
        *([f"{node.cells} cells in series"] if node.cells else []),
        *([f"passport of {node.battery}"] if node.battery else []),
        node.id,
    ]
    lines = ["  ".join(words)]
    for one in seen.bindings.get(node.battery or "", ()):
        part = f" {one.component}" if one.component else ""
        serial = f", serial {one.serial}" if one.serial else ""
        lines.append(f"{indent}    heard through {one.source}{part}{serial}")
    figures = seen.figures.get(node.battery or node.id)
    if figures is not None and (said := _said(figures)):
        lines.append(f"{indent}    {said}")
    for below in branch.below:
        lines += _lines(below, seen, depth + 1)
    return lines


def _said(figures: "Figures") -> str:
    """The figures of a part in one line; what nobody said is left out."""
    words = [
        f"{value} {unit}"
        for value, unit in (
            (figures.voltage, "V"),
            (figures.current, "A"),
            (figures.capacity, "Ah"),
            (figures.state_of_charge, "% charged"),
        )
        if value is not None
    ]
    if figures.health is not None:
        lowest = figures.health_lowest
        beside = f", lowest {lowest.value} % at {lowest.path}" if lowest is not None else ""
        words.append(f"health {figures.health} % ({figures.health_rule}{beside})")
    return ", ".join(words)
