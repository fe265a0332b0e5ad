"""`cellpass calibrate`: learn from an operator's own batteries how sure the figures of capacity are."""

import csv
import io
from pathlib import Path
from typing import Any, Final

import click

from passport.commands.words import counted

_COLUMNS: Final = ("battery", "measured_at", "capacity_ah")


@click.command(
    "calibrate",
    short_help="Learn from an operator's batteries how sure capacities are.",
    epilog="Example: cellpass calibrate --references laboratory.csv",
)
@click.option("--operator", default=None, help="Whose batteries; the only operator if there is one.")
@click.option(
    "--references",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of capacities measured otherwise: battery, measured_at (with its zone, or empty), capacity_ah.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def command(house: Any, operator: str | None, references: Path | None, as_json: bool) -> None:
    """Learn voltage windows by model, and compare estimates with references.

    Windows are learned from complete charges of at least three batteries of a model. Intervals are calibrated
    by chemistry and session class where references of at least nine batteries are there. Nothing learned from
    one operator's batteries is used for another's. What was learned is stored, and used from then on.
    """
    from passport.estimates.learning import Member, learn
    from passport.ledger import batteries, learned, operators, states
    from passport.lifecycle.basis import basis_of
    from passport.lifecycle.shape import LifecycleState

    with house.reading() as connection:
        owner = operator or operators.usual(connection)
        if owner is None or owner not in {one.id for one in operators.all_operators(connection)}:
            raise click.UsageError("say whose batteries with --operator; `cellpass operator list` names them")
        fleet = batteries.every(connection, owner)
        known = _references(connection, house, references) if references is not None else []
    house.sweep()
    members = []
    with house.reading() as connection:
        for battery in fleet:
            data = states.load_state(connection, battery.id)
            if data is not None:
                basis = basis_of(batteries.facts(connection, battery.id))
                sessions = tuple(LifecycleState.from_bytes(data).sessions.until_now(basis))
                members.append(Member(battery.id, battery.model, basis, sessions))
    found = learn(members, known, owner)
    with house.writing() as connection:
        kept = {"operator": owner, "at": house.now()}
        for name, model in found.models.items():
            learned.store(
                connection,
                kind=learned.WINDOWS,
                model=name,
                digest=model.digest,
                body=model.to_wire(),
                **kept,
            )
        calibration = found.calibration
        learned.store(
            connection,
            kind=learned.CALIBRATION,
            model="",
            digest=calibration.digest,
            body=calibration.to_wire(),
            **kept,
        )
    _tell(found, len(members), as_json=as_json)


def _references(connection: Any, house: Any, path: Path) -> list[Any]:
    from passport.errors import InputRefused
    from passport.estimates.learning import Reference
    from passport.ledger import batteries
    from schemas.values import from_utc_text

    rows = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        raise InputRefused(
            f"{path.name}: expected the columns {', '.join(_COLUMNS)}, got {', '.join(rows.fieldnames or ())}"
        )
    found = []
    for number, row in enumerate(rows, start=2):
        battery = batteries.find(connection, row["battery"], house.settings.public_url)
        try:
            capacity = float(row["capacity_ah"])
            at = from_utc_text(row["measured_at"]) if row["measured_at"] else None
        except ValueError as error:
            raise InputRefused(f"{path.name}, line {number}: {error}") from error
        if not 0 < capacity < float("inf"):
            raise InputRefused(f"{path.name}, line {number}: a capacity of {row['capacity_ah']} Ah")
        found.append(Reference(battery.id, capacity, at))
    return found


def _tell(found: Any, batteries: int, *, as_json: bool) -> None:
    if as_json:
        import orjson

        wire = {
            "batteries": batteries,
            "windows": {name: model.to_wire() for name, model in found.models.items()},
            "calibration": {"digest": found.calibration.digest, **found.calibration.to_wire()},
        }
        click.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"{counted(batteries, 'battery', 'batteries')} with readings")
    for name, model in found.models.items():
        click.echo(f"\nModel {name}: {len(model.windows)} windows")
        for window in model.windows:
            first, last = window.edges[0], window.edges[-1]
            click.echo(
                f"  from {first} mV, {len(window.edges)} parts to past {last} mV: {window.sd:.2f} points"
            )
    click.echo(f"\nCalibration {found.calibration.digest}")
    for group in found.calibration.groups:
        kind = f"  {group.chemistry or 'unknown chemistry'}, class {group.evidence}: "
        if group.quantile is None:
            click.echo(f"{kind}not calibrated, references of {group.batteries} batteries; nine are needed")
        else:
            click.echo(f"{kind}{group.quantile:.2f} standard deviations, by {group.batteries} batteries")
            click.echo(
                f"    held {group.coverage:.0%} of references of batteries left out;"
                f" under 80 % of them on {group.below:.0%} of batteries"
            )
    if not found.calibration.groups:
        click.echo("  nothing to compare with: no reference, and no model with three batteries")
