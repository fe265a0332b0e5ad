"""`cellpass run`: the whole service with one command on one SQLite file."""

import fcntl
import json
import logging
import multiprocessing
import os
import socket
import threading
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from passport.errors import InputRefused

if TYPE_CHECKING:
    from rich.console import Console

SWEEP_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 15.0
CONNECTIONS: Final = 1024  # open at once, for each worker
SILENCE_MS: Final = 10_000  # a connection without a request, or with half a one, ends after this


@click.command(
    "run",
    short_help="Start the service; --demo fills it with a simulated fleet.",
    epilog="Example: cellpass run --demo, then open the address it prints or scan the code with a phone.",
)
@click.option("--host", help="Address to listen on (default: loopback).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default 8000).")
@click.option("--public-url", help="What codes say and records sign; fixed by the first issue.")
@click.option(
    "--demo", is_flag=True, help="Fill an empty data folder with a simulated fleet, marked as such."
)
@click.option(
    "--demo-packs",
    type=click.IntRange(0, 100_000),
    default=0,
    help="With --demo: so many retired packs more, each tested on a simulated bench; takes a while.",
)
@click.option(
    "--lan",
    is_flag=True,
    help="Listen on this machine's network address, so that a phone beside it can scan.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Web worker processes."
)
@click.pass_obj
def command(
    house: Any,
    host: str | None,
    port: int | None,
    public_url: str | None,
    demo: bool,
    demo_packs: int,
    lan: bool,
    workers: int,
) -> None:
    """Start signer, web worker and sweeper on DATA, and say where the pages are."""
    from rich.console import Console

    console = Console(stderr=True)
    if lan:
        host = host or _lan_address()
        public_url = public_url or f"http://{host}:{port or house.settings.port}"
    elif port and public_url is None and demo and _may_move(house):
        public_url = f"http://127.0.0.1:{port}"
    house.override(host=host, port=port, public_url=public_url)
    made_for = _settle_address(house, demo=demo, chosen=bool(port or public_url))
    settings = house.settings
    _refuse_taken(settings.host, settings.port)
    _alone(house)
    if made_for is not None:
        console.print(f"The demo was made for {made_for}; making it anew for {settings.public_url}.")
        house.remove_demo()

    house.start_signer()
    house.issuer.recover(house.now())
    house.issuer.check_log(house.now())
    if demo and house.is_empty():
        _install_demo(house, console, demo_packs)
    if settings.leads_to_this_machine_only:
        console.print("Codes lead to this machine only; a phone needs --lan or a public_url.", style="yellow")
    _welcome(house, console)
    stop = threading.Event()
    sweeper = threading.Thread(target=_sweep, args=(house, stop), name="sweeper", daemon=True)
    sweeper.start()
    # Webhooks answer slowly or never, and states do not wait for them.
    watcher = threading.Thread(target=_watch, args=(house, stop), name="watcher", daemon=True)
    watcher.start()
    try:
        _serve(house, workers)
    finally:
        stop.set()
        sweeper.join(10)
        watcher.join(10)


def _may_move(house: Any) -> bool:
    """Whether codes lead to this machine only and to no real battery: the address then follows the port."""
    from passport.ledger import fixed

    if not house.settings.leads_to_this_machine_only:
        return False
    if fixed.peek_public_url(house.data_dir) is None:
        return True
    with house.reading() as connection:
        return fixed.only_simulated(connection)


def _alone(house: Any) -> None:
    """Hold the data folder for this process: two services would sweep and sign over each other."""
    house.data_dir.mkdir(parents=True, exist_ok=True)
    lock = (house.data_dir / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise click.UsageError(
            f"a service already runs on {house.data_dir}; stop it, or use another folder (--data)"
        ) from error
    house.keep(lock)


def _settle_address(house: Any, *, demo: bool, chosen: bool) -> str | None:
    """What is signed and printed is decided by the first issue; a demo may be made anew elsewhere.

    Returns:
        The address for which the demo here was made, when it must be made anew; else None.
    """
    from passport.ledger import fixed

    settings = house.settings
    decided = fixed.peek_public_url(house.data_dir)
    if decided is None:
        if settings.leads_to_this_machine_only:
            house.override(public_url=f"http://127.0.0.1:{settings.port}")
        return None
    if settings.public_url == decided:
        if not chosen and settings.leads_to_this_machine_only:
            house.override(port=urlsplit(decided).port)
        return None
    with house.reading() as connection:
        all_simulated = fixed.only_simulated(connection)
    if not (demo and all_simulated):
        raise click.UsageError(
            f"records in {house.data_dir} are issued under {decided}, and codes with it may be printed;"
            f" {settings.public_url} needs a data folder of its own: cellpass --data FOLDER run"
        )
    return decided


def _lan_address() -> str:
    """This machine's address as its neighbours see it; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(
                ("192.0.2.1", 9)
            )  # a documentation address; connecting a datagram socket sends nothing
        except OSError as error:
            raise click.ClickException("this machine has no network address to offer to a phone") from error
        return str(probe.getsockname()[0])


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.UsageError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port"
            ) from error


def _install_demo(house: Any, console: "Console", packs: int) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=False) as bars:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        house.install_demo(progress, packs)


def _welcome(house: Any, console: "Console") -> None:
    from passport.documents import qr
    from passport.ledger import trial
    from schemas.identifier import identifier_url, qr_text

    settings = house.settings
    with house.reading() as connection:
        shown = trial.an_example(connection)
    if shown is not None:
        if console.is_terminal:
            click.echo(qr.terminal(qr_text(settings.public_url, shown)), err=True)
        click.echo(f"Scan it, or open {identifier_url(settings.public_url, shown)}", err=True)
    where = f"[{settings.host}]" if ":" in settings.host else settings.host
    listening = f"http://{where}:{settings.port}"
    behind = "" if listening == settings.public_url else f", listening on {listening}"
    click.echo(
        f"Cellpass is at {settings.public_url}{behind} (data in {settings.data_dir}; Ctrl-C ends)", err=True
    )


def _sweep(house: Any, stop: threading.Event) -> None:
    """Fold what arrived, for as long as the service runs; trouble of any kind is logged and tried again.

    Once a day the operator is reminded of what nobody else will do.
    """
    logger = logging.getLogger(__name__)
    told_on: date | None = None
    while not stop.wait(SWEEP_SECONDS):
        try:
            house.sweep()
            today = house.now().date()
            if told_on != today:
                sentence = house.reminder()
                told_on = today
                if sentence is not None:
                    logger.warning("%s", sentence)
        except Exception:
            logger.exception("the sweep will be tried again")


def _watch(house: Any, stop: threading.Event) -> None:
    """Tell webhooks of what newly fits saved searches, for as long as the service runs."""
    from passport import watching

    logger = logging.getLogger(__name__)
    while not stop.wait(WATCH_SECONDS):
        try:
            watching.watch(
                house.engine, house.data_dir, public_url=house.settings.public_url, now=house.now()
            )
        except Exception:
            logger.exception("webhooks will be tried again")


def _serve(house: Any, workers: int) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from passport.web.lanes import THREADS

    # More threads than cores are meant: they wait (`passport.web.lanes`).
    logging.getLogger("_granian").addFilter(lambda entry: "seems quite high" not in entry.getMessage())
    settings = house.settings
    # A fork would copy a thread's held locks and open databases into the worker.
    multiprocessing.set_start_method("spawn", force=True)
    os.environ["CELLPASS_WORKER"] = "1"
    os.environ["CELLPASS_DATA"] = str(settings.data_dir.resolve())
    os.environ["CELLPASS_OVERRIDES"] = json.dumps(house.overrides | {"public_url": settings.public_url})
    try:
        Granian(
            "app:wsgi",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=THREADS,
            factory=True,
            websockets=False,
            # It bounds connections, idle ones too; one that says nothing is closed. The other HTTP would
            # first have to be told from this one, and that waits for ever.
            backpressure=CONNECTIONS,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=SILENCE_MS),
            log_level=LogLevels.warning,
            respawn_failed_workers=True,
        ).serve()
    except InputRefused as error:
        raise click.ClickException(str(error)) from error
