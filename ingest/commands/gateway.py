"""`cellpass gateway`: the devices of a site, all at once, into the journal."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import click

from ingest.commands.ending import ends_on_signals
from ingest.errors import IngestError

if TYPE_CHECKING:
    from rich.table import Table
    from sqlalchemy import Connection

    from ingest.ports import Batteries, Records
    from ingest.site.file import Site
    from ingest.site.run import SiteRun, Status

INPUT_REFUSED: Final = 3
_DRAWN_EVERY_S: Final = 0.5
_LOGGED_EVERY_S: Final = 60.0


class House(Protocol):
    """What this command takes from `app`."""

    @property
    def batteries(self) -> "Batteries":
        """The passport side."""

    @property
    def records(self) -> "Records":
        """Commissioned serial numbers, and the audit."""

    def writing(self) -> "AbstractContextManager[Connection]":
        """One write transaction, durable when the block ends."""

    def reading(self) -> "AbstractContextManager[Connection]":
        """One consistent read."""

    def refresh(self, battery_id: str) -> object:
        """Fold what is new in the journal into the battery's state."""

    def now(self) -> datetime:
        """The time."""


@click.command(
    "gateway",
    short_help="Read the devices of a site, all at once, into the journal.",
    epilog="\b\nExamples:\n"
    "  cellpass gateway site.toml --check\n"
    "  cellpass gateway site.toml\n"
    "  cellpass gateway site.toml --for 600 --json",
)
@click.argument("file", metavar="SITE.toml", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only check the file and its facts; open nothing.")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End after so long.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output at the end.")
@click.pass_obj
def command(house: House, *, file: Path, check: bool, seconds: float | None, as_json: bool) -> None:
    """Read every device that SITE.toml names until Ctrl-C, and store what they say.

    Devices on one line take turns, a line that fails is tried again, and one device never stops the others.
    Nothing is sent but reads. docs/gateway.md describes the file. Exit status: 0 if anything was stored, 2
    for wrong use, 3 when the file is refused or nothing could be read.
    """
    from ingest.site.file import read_site
    from ingest.site.run import SiteRun

    ending = threading.Event()
    try:
        # A battery that an earlier start has made is found again, whatever its facts would be today.
        site = read_site(file, house.batteries.refusals if check else None)
        if check:
            _tell_checked(site, as_json=as_json)
            return
        run = SiteRun(site, house, ending, monotonic=time.monotonic)
        run.settle()
    except IngestError as error:
        _refuse(str(error), as_json=as_json)
    _tell_made(run)
    until = None if seconds is None else time.monotonic() + seconds
    view = _drawn if sys.stderr.isatty() else _logged
    with ends_on_signals(ending), view(run, house.now) as show:

        def watch() -> None:
            show()
            left = _DRAWN_EVERY_S if until is None else min(_DRAWN_EVERY_S, until - time.monotonic())
            if left <= 0 or ending.wait(left):
                ending.set()

        run.run(watch)
    stored = {battery for status in run.statuses for battery, rows in status.rows.items() if rows}
    for battery in sorted(stored):
        house.refresh(battery)
    if as_json:
        wire = {"site": site.name, "sources": [status.to_wire() for status in run.statuses]}
        click.echo(json.dumps(wire, ensure_ascii=False))
    else:
        click.echo("\n".join(_ended(run.statuses)))
    if not stored:
        sys.exit(INPUT_REFUSED)


def _refuse(sentence: str, *, as_json: bool) -> NoReturn:
    click.echo(
        json.dumps({"error": sentence}, ensure_ascii=False) if as_json else f"Error: {sentence}", err=True
    )
    sys.exit(INPUT_REFUSED)


def _tell_checked(site: "Site", *, as_json: bool) -> None:
    lines = sorted({str(device.address) for device in site.devices})
    if as_json:
        wire = {
            "site": site.name,
            "sources": [
                {"source": one.source, "address": str(one.address), "protocol": one.protocol.name}
                for one in site.devices
            ],
        }
        click.echo(json.dumps(wire, ensure_ascii=False))
        return
    click.echo(f"{site.name}: {len(site.devices)} devices on {len(lines)} lines; the file is fine")
    for one in site.devices:
        parts = ", ".join(part.component or "the whole device" for part in one.parts) or "a meter"
        click.echo(
            f"  {one.source}: {one.protocol.name} at {one.address}, every {one.interval_s:g} s: {parts}"
        )


def _tell_made(run: "SiteRun") -> None:
    for status in run.statuses:
        for part, battery in status.batteries.items():
            click.echo(f"{status.device.source} {part or 'as a whole'} is {battery}", err=True)


def _ended(statuses: "Sequence[Status]") -> Iterator[str]:
    for status in statuses:
        rows = sum(status.rows.values())
        yield f"{status.device.source}: {rows} rows of {len(status.batteries)} batteries stored" + (
            f"; {status.state}: {status.reason}" if status.reason else ""
        )
        wire = status.to_wire()
        for name in ("refused", "doubts", "unbound"):
            # What a meter says is meant for nobody.
            if wire[name] and (status.device.parts or name != "unbound"):
                told = ", ".join(f"{key} ({count})" for key, count in sorted(wire[name].items()))
                yield f"  {name}: {told}"
        if silent := status.silent_parts():
            yield f"  bound, and never spoke: {', '.join(part or 'the whole device' for part in silent)}"


# What is shown while it runs


@contextmanager
def _logged(run: "SiteRun", now: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """A line for each change of a device, and one a minute for each that goes on."""
    before: dict[str, tuple[str, str]] = {}
    told_at = {status.device.source: now() for status in run.statuses}

    def show() -> None:
        at = now()
        for status in run.statuses:
            name, state = status.device.source, (status.state.value, status.reason)
            due = (at - told_at[name]).total_seconds() >= _LOGGED_EVERY_S
            if before.get(name) != state or due:
                before[name], told_at[name] = state, at
                click.echo(f"{at:%H:%M:%S} {_line(status)}", err=True)

    yield show


def _line(status: "Status") -> str:
    if status.reason:
        return f"{status.device.source} {status.state.value}: {status.reason}"
    rows = sum(status.rows.values())
    return f"{status.device.source} {status.state.value}: {rows} rows stored in {status.total_cycles} cycles"


@contextmanager
def _drawn(run: "SiteRun", now: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """A table in the terminal, drawn again and again."""
    from rich.console import Console
    from rich.live import Live

    # What is said on standard error meanwhile would tear the table; it stands in the table as the reason.
    logger = logging.getLogger("ingest")
    quiet = logging.NullHandler()
    logger.addHandler(quiet)
    try:
        with Live(table(run.statuses, now()), console=Console(stderr=True), auto_refresh=False) as live:
            yield lambda: live.update(table(run.statuses, now()), refresh=True)
    finally:
        logger.removeHandler(quiet)


def table(statuses: "Sequence[Status]", now: datetime) -> "Table":
    """The site at this moment: a row for each battery, its device before it."""
    from rich.markup import escape
    from rich.table import Table

    from ingest.site.run import METERED

    out = Table(title=f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    for heading in ("source", "part", "state"):
        out.add_column(heading)
    for heading in ("V", "A", "charge %", "health %", "rows", "heard"):
        out.add_column(heading, justify="right")
    out.add_column("doubts, or why not")
    colours = {"polling": "green", "waiting": "yellow", "stopped": "red"}
    for status in statuses:
        wire = status.to_wire()
        why = status.reason or ", ".join(sorted(wire["doubts"])[:4])
        state = status.state.value
        shown_state = f"[{colours[state]}]{state}[/]" if state in colours else state
        rows = status.batteries or {None: METERED}
        for number, (part, battery) in enumerate(rows.items()):
            values = status.last.get(battery, {})
            first = number == 0
            out.add_row(
                escape(status.device.source) if first else "",
                escape(part or ""),
                shown_state if first else "",
                *(
                    _number(values.get(name))
                    for name in ("voltage", "current", "state_of_charge", "bms_reported_health")
                ),
                str(status.rows[battery]),
                "" if status.last_at is None else f"{(now - status.last_at).total_seconds():.0f} s",
                escape(why) if first else "",
            )
    return out


def _number(reading: Any) -> str:
    """A value; with a question mark when it is doubted, and a dash when there is none."""
    if reading is None or not isinstance(reading.value, Decimal):
        return "-"
    return f"{reading.value:f}{'?' if reading.doubts else ''}"
