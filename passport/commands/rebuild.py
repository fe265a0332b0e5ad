"""`cellpass rebuild`: states made again from the stored readings, and compared with those that are kept."""

import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

DIFFERENT: Final = 1
INTERRUPTED: Final = 130
FILE: Final = "rebuild.json"
_VERSION: Final = 1
_NOTED_S: Final = 2.0


@click.command(
    "rebuild",
    short_help="Fold states anew from stored readings, and compare.",
    epilog="Examples: cellpass rebuild 01/09520123456788/21/ABC; cellpass rebuild --all --json",
)
@click.argument("battery", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every battery.")
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@click.pass_obj
def command(house: Any, battery: tuple[str, ...], *, every: bool, restart: bool, as_json: bool) -> None:
    """Fold the readings of each BATTERY (URL, identifier path or id) from the first row, or of all.

    A state that differs is told with the members that differ, and replaced. An interrupted run goes on when
    the same command is given again. Exit status 1 when a state differed.
    """
    from passport.ledger import batteries

    if every == bool(battery):
        raise click.UsageError("name batteries, or --all")
    with house.reading() as connection:
        found = (
            batteries.every(connection)
            if every
            else [batteries.find(connection, one, house.settings.public_url) for one in battery]
        )
    by_id = {one.id: one for one in found}
    run = Run.resumed(house.data_dir / FILE, "all" if every else sorted(by_id))
    if restart:
        run = Run(run.path, run.selection)
    if run.through is not None or run.partial is not None:
        click.echo(f"An interrupted run goes on; {run.same + run.made} states were made before.", err=True)
    try:
        _rebuild(house, run, [by_id[one] for one in sorted(by_id)])
    except KeyboardInterrupt:
        run.note(force=True)
        click.echo("Interrupted; the same command goes on from here.", err=True)
        sys.exit(INTERRUPTED)
    run.path.unlink(missing_ok=True)
    _say(run, as_json=as_json)
    if run.different:
        sys.exit(DIFFERENT)


@dataclass
class Run:
    """How far a run came, kept in a file until it ends.

    Attributes:
        path: of the file.
        selection: "all", or ids in order.
        through: the last battery that is done; they are taken in order of their ids.
        partial: battery, bytes of its state so far, arrival number; of the battery that is being replayed.
        rows: rows folded.
        same, made: states that were as they are kept; those that were not there or of an older version.
        different: what differed, ready for JSON.
    """

    path: Path
    selection: Any
    through: str | None = None
    partial: tuple[str, bytes, int] | None = None
    rows: int = 0
    same: int = 0
    made: int = 0
    different: list[dict[str, Any]] = field(default_factory=list)
    noted: float = field(default_factory=time.monotonic)

    @classmethod
    def resumed(cls, path: Path, selection: Any) -> "Run":
        """What the file says of a run over the same batteries; a fresh run otherwise."""
        run = cls(path, selection)
        try:
            told = json.loads(path.read_bytes())
            if told["version"] == _VERSION and told["selection"] == selection:
                run.through, run.rows = told["through"], told["rows"]
                run.same, run.made, run.different = told["same"], told["made"], told["different"]
                if told["partial"] is not None:
                    one, data, arrival = told["partial"]
                    run.partial = (one, base64.b64decode(data), arrival)
        except FileNotFoundError:
            return run
        except (ValueError, KeyError, TypeError):
            click.echo(f"{path} cannot be read, and is left aside.", err=True)
            return cls(path, selection)
        return run

    def note(self, *, force: bool = False) -> None:
        """Write the file, now and then."""
        if not force and time.monotonic() - self.noted < _NOTED_S:
            return
        self.noted = time.monotonic()
        partial = None
        if self.partial is not None:
            one, data, arrival = self.partial
            partial = [one, base64.b64encode(data).decode("ascii"), arrival]
        text = json.dumps(
            {
                "version": _VERSION,
                "selection": self.selection,
                "through": self.through,
                "partial": partial,
                "rows": self.rows,
                "same": self.same,
                "made": self.made,
                "different": self.different,
            }
        )
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.path)


def _rebuild(house: Any, run: Run, found: list[Any]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        fleet = bar.add_task("batteries", total=len(found), visible=len(found) > 1)
        rows = bar.add_task("rows", total=None)
        for one in found:
            if run.through is None or one.id > run.through:
                bar.reset(rows, description=f"rows of {one.id}", total=_rows(house, one.id))
                _one(house, run, one, lambda count: bar.update(rows, completed=count))
                run.through, run.partial = one.id, None
                run.note()
            bar.advance(fleet)


def _rows(house: Any, battery_id: str) -> int:
    with house.reading() as connection:
        return sum(rows for _, _, rows in house.telemetry.order(connection, battery_id))


def _one(house: Any, run: Run, battery: Any, told: Callable[[int], None]) -> None:
    """Replay one battery, compare, and keep what is right."""
    from passport.ledger import batteries, states
    from passport.lifecycle.basis import basis_of
    from passport.lifecycle.shape import VERSION, LifecycleState
    from passport.lifecycle.upkeep import differences, refresh, replay

    begun = run.partial[1:] if run.partial is not None and run.partial[0] == battery.id else None

    def came(state: LifecycleState, arrival: int) -> None:
        run.partial = (battery.id, state.to_bytes(), arrival)
        run.note()
        told(state.rows)

    with house.reading() as connection:
        basis = basis_of(batteries.facts(connection, battery.id))
        kept = states.load_state(connection, battery.id)
        state, arrival = replay(connection, house.telemetry, battery.id, basis=basis, begun=begun, told=came)
        right = state.to_bytes()
        served = None
        if kept is not None and _is_of(kept, VERSION):
            served = refresh(
                connection,
                house.telemetry,
                battery.id,
                basis=basis,
                load=lambda *_: kept,
                save=lambda *_: None,
                now=house.now(),
            ).to_bytes()
    run.rows += state.rows
    if served is None:
        run.made += 1
    elif served == right:
        run.same += 1
    else:
        members = differences(served, right)
        run.different.append({"battery": battery.id, "identifier": battery.identifier, "members": members})
    if kept != right:
        with house.writing() as connection:
            # Rows that came in meanwhile are folded onto it at the next sweep.
            states.save_state(connection, battery.id, right, arrival, house.now())
            batteries.mark_dirty(connection, battery.id, at=house.now())


def _is_of(data: bytes, version: int) -> bool:
    """Whether bytes are a state of that version."""
    import cbor2

    try:
        found = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError):
        return False
    return isinstance(found, dict) and found.get("version") == version


def _say(run: Run, *, as_json: bool) -> None:
    if as_json:
        told = {"rows": run.rows, "same": run.same, "made": run.made, "different": run.different}
        click.echo(json.dumps(told))
        return
    for one in run.different:
        click.echo(f"{one['identifier']}  differed in {', '.join(one['members'])}; replaced")
    total = run.same + run.made + len(run.different)
    click.echo(
        f"{total} {'state' if total == 1 else 'states'} from {run.rows} rows: {run.same} as kept,"
        f" {run.made} made, {len(run.different)} replaced"
    )
