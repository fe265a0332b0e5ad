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
from ingest.commands.words import plural
from ingest.errors import IngestError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from sqlalchemy import Connection

    from ingest.ports import Batteries, Records
    from ingest.site.file import Site
    from ingest.site.run import SiteRun, Status

INPUT_REFUSED: Final = 3
_DRAWN_EVERY_S: Final = 0.5
_LOGGED_EVERY_S: Final = 60.0
# Columns that a terminal needs for all that is shown of a battery.
_WIDE: Final = 100
# What a device says of itself while its parts are bound one by one; nothing is lost by it.
_WHOLE: Final = "the whole device"
_ABOUT_WHOLE: Final = "totals of the whole device, which no battery is bound to"


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
@click.argument("file", metavar="SITE.toml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
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
    shown = _drawn if sys.stderr.isatty() else _logged
    with ends_on_signals(ending), shown(run, house.now) as show:

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
    addresses = {str(device.address) for device in site.devices}
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
    devices, lines = plural(len(site.devices), "device"), plural(len(addresses), "line")
    click.echo(f"{site.name}: {devices} on {lines}; the file is fine")
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
        rows = plural(sum(status.rows.values()), "row")
        count = len(status.batteries)
        batteries = "1 battery" if count == 1 else f"{count} batteries"
        yield f"{status.device.source}: {rows} of {batteries} stored" + (
            f"; {status.state}: {status.reason}" if status.reason else ""
        )
        wire = status.to_wire()
        for name in ("refused", "doubts", "unbound"):
            # What a meter says is meant for nobody.
            if wire[name] and (status.device.parts or name != "unbound"):
                told = ", ".join(f"{key} ({count})" for key, count in sorted(wire[name].items()))
                if name == "unbound" and list(wire[name]) == [_WHOLE]:
                    yield f"  {_ABOUT_WHOLE}: {plural(wire[name][_WHOLE], 'reading')}"
                    continue
                yield f"  {name}: {told}"
        if silent := status.silent_parts():
            yield f"  bound, and never spoke: {', '.join(part or 'the whole device' for part in silent)}"


# What is shown while it runs


@contextmanager
def _logged(run: "SiteRun", now: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """A line for each change of a device, and one a minute for each that goes on."""
    from ingest.site.run import STATE_TOLD

    before: dict[str, tuple[str, str]] = {}
    told_at = {status.device.source: now() for status in run.statuses}
    # A device that waits or stops is told by its line here; the log says the same again.
    logger = logging.getLogger("ingest.site.run")

    def is_no_state(record: logging.LogRecord) -> bool:
        return record.msg != STATE_TOLD

    logger.addFilter(is_no_state)

    def show() -> None:
        at = now()
        for status in run.statuses:
            name, state = status.device.source, (status.state.value, status.reason)
            due = (at - told_at[name]).total_seconds() >= _LOGGED_EVERY_S
            if before.get(name) != state or due:
                before[name], told_at[name] = state, at
                click.echo(f"{at:%H:%M:%S} {_line(status)}", err=True)

    try:
        yield show
    finally:
        logger.removeFilter(is_no_state)


def _line(status: "Status") -> str:
    if status.reason:
        return f"{status.device.source} {status.state.value}: {status.reason}"
    rows = sum(status.rows.values())
    stored = f"{plural(rows, 'row')} stored in {plural(status.total_cycles, 'cycle')}"
    return f"{status.device.source} {status.state.value}: {stored}"


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
        console = Console(stderr=True)
        with Live(console=console, auto_refresh=False) as live:
            yield lambda: live.update(view(run.statuses, now(), console.width), refresh=True)
    finally:
        logger.removeHandler(quiet)


def view(statuses: "Sequence[Status]", now: datetime, width: int) -> "Group":
    """The site at this moment, as wide as the terminal.

    A row for each battery; below them a line for each device that waits, has stopped or is doubted.
    """
    from rich.console import Group
    from rich.text import Text

    lines = [
        Text(f"{_name(status, statuses)}: {why}", no_wrap=True, overflow="ellipsis")
        for status in statuses
        if (why := status.reason or ", ".join(sorted(status.to_wire()["doubts"])))
    ]
    return Group(_table(statuses, now, is_narrow=width < _WIDE), *lines)


def _name(status: "Status", statuses: "Sequence[Status]") -> str:
    """The name of a device without its site's, where all are of one site."""
    sites = {one.device.source.partition("/")[0] for one in statuses}
    source = status.device.source
    return source.partition("/")[2] or source if len(sites) == 1 else source


def _table(statuses: "Sequence[Status]", now: datetime, *, is_narrow: bool) -> "Table":
    """A row for each battery, its device before it; a narrow one has no column of health and no frame."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from ingest.site.run import METERED

    frame = box.SIMPLE_HEAD if is_narrow else box.HEAVY_HEAD
    out = Table(title=f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", box=frame, pad_edge=not is_narrow)
    out.add_column("source", overflow="fold")
    out.add_column("part", overflow="fold")
    out.add_column("state", no_wrap=True)
    quantities = ["voltage", "current", "state_of_charge"] + ([] if is_narrow else ["bms_reported_health"])
    headings = ["V", "A", "charge %", "health %"][: len(quantities)]
    for heading in (*headings, "rows", "heard"):
        out.add_column(heading, justify="right", no_wrap=True)
    colours = {"polling": "green", "waiting": "yellow", "stopped": "red"}
    for status in statuses:
        state = status.state.value
        shown_state = f"[{colours[state]}]{state}[/]" if state in colours else state
        rows = status.batteries or {None: METERED}
        for number, (part, battery) in enumerate(rows.items()):
            values = status.last.get(battery, {})
            first = number == 0
            out.add_row(
                escape(_name(status, statuses)) if first else "",
                escape(part or ""),
                shown_state if first else "",
                *(_number(values.get(name)) for name in quantities),
                str(status.rows[battery]),
                "" if status.last_at is None else f"{(now - status.last_at).total_seconds():.0f} s",
            )
    return out


def _number(reading: Any) -> str:
    """A value; with a question mark when it is doubted, and a dash when there is none."""
    if reading is None or not isinstance(reading.value, Decimal):
        return "-"
    return f"{reading.value:f}{'?' if reading.doubts else ''}"
