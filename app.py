"""Cellpass: introduces the parts to each other; `create_app()` for a WSGI server, `main` for a terminal.

`ingest` and `passport` are strangers; here ingestion gets what it needs of passports (`PassportSide`),
passports get a reader of stored telemetry, and both get one database. There is no logic in this file.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from ingest.errors import IngestError
from passport.errors import Conflict, InputRefused, NotFound, PassportError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ingest.journal import StoredTelemetry
    from passport.issue import Issuer
    from passport.lifecycle.state import LifecycleState
    from passport.settings import Settings
    from passport.signing.keys import RemoteSigner
    from schemas.measure import Ratio

# Every command: the package that holds it, and its help in one line, so that listing them imports none of
# them. In the order of the journey.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("passport", "Start the service; --demo fills it with a simulated fleet."),
    "decode": ("ingest", "Read a recording of a BMS."),
    "detect": ("ingest", "Say which protocols a recording or a line may be in."),
    "ingest": ("ingest", "Store what a BMS says, live or recorded."),
    "gateway": ("ingest", "Read the devices of a site, all at once, into the journal."),
    "map": ("ingest", "Check a map of registers or messages."),
    "simulate": ("ingest", "Run a simulated BMS to ingest from."),
    "document": ("passport", "Keep declarations, reports and manuals for passports to name."),
    "import": ("passport", "Import models, batches and batteries from files."),
    "gaps": ("passport", "Say what the records of BATTERY, or of each battery, still owe."),
    "issue": ("passport", "Issue signed records of BATTERY, or of every battery."),
    "register": ("passport", "Register batteries in the Union's registry; archive the proofs."),
    "life": ("passport", "Tell what happened to a battery: new life, repair, waste, end."),
    "handover": ("passport", "Hand responsibility for a battery to another operator."),
    "correct": ("passport", "Correct declared facts of BATTERY; the next version says why."),
    "withdraw": ("passport", "Withdraw RECORD, which was issued in error."),
    "history": ("passport", "Tell all that happened to BATTERY and its records."),
    "notice": ("passport", "Add, list and end recalls and safety notices."),
    "state": ("passport", "Tell the life of BATTERY so far, from its readings."),
    "rebuild": ("passport", "Fold states anew from stored readings, and compare."),
    "assess": ("passport", "Tell health, second life and value of BATTERY."),
    "calibrate": ("passport", "Learn from an operator's batteries how sure capacities are."),
    "screen": ("passport", "Estimate capacity of retired cells from short pulses."),
    "search": ("passport", "Find batteries by what is known of them."),
    "offer": ("passport", "Offer BATTERY for sale, or end the offer."),
    "page": ("passport", "Write the passport page of BATTERY as one HTML file."),
    "pdf": ("passport", "Write the compliance PDF of BATTERY, signed record inside."),
    "export": ("passport", "Write BATTERY in another format, and say what is lost in it."),
    "label": ("passport", "Write a label for each BATTERY."),
    "verify": ("passport", "Check a record, bundle or PDF line by line, without a network."),
    "bundle": ("passport", "Write BATTERY's record with its proofs, or all operators' keys."),
    "link": ("passport", "Parse and check a GS1 Digital Link or IEC 61406 link."),
    "component": ("passport", "Draw an installation: batteries, strings, modules, cells."),
    "inspect": ("passport", "Write, sign and file what an inspector found."),
    "commission": ("passport", "Bind devices to batteries, and sign who spoke for what."),
    "operator": ("passport", "Add and list the economic operators that sign here."),
    "key": ("passport", "Make, list and revoke API keys."),
    "audit": ("passport", "Show the newest entries of the audit."),
    "explain": ("passport", "Tell all that follows from one attribute of the registry."),
    "bench": ("passport", "Measure, and print each figure beside its yardstick and bar."),
}
# Commands that may begin a new data folder; every other one looks at what is there.
MAKES_DATA: Final = frozenset({"run", "ingest", "gateway", "import", "operator", "document", "bench", "key"})
DEFAULT_DATA: Final = "./data"
SWEEP_AT_ONCE: Final = 100


def clock() -> datetime:
    """The time, read here and nowhere else: aware, UTC, whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class PassportSide:
    """What ingestion needs of passports; implements `ingest.ports.Batteries`."""

    def __init__(self, house: "House") -> None:
        """`house` knows the public URL and the operator that answers for new batteries."""
        self._house = house

    def resolve(self, connection: "Connection", argument: str) -> str:
        """The battery id meant by a URL, an identifier path or an id."""
        from passport.ledger import batteries

        try:
            return batteries.find(connection, argument, self._house.settings.public_url).id
        except (NotFound, InputRefused) as error:
            raise ValueError(str(error)) from error

    def create(self, connection: "Connection", facts: Mapping[str, str], *, at: datetime) -> str:
        """A new battery with just these declared facts, answered for by this installation's operator."""
        from passport.ledger import trial

        try:
            return trial.create(connection, facts, at=at).id
        except (InputRefused, Conflict) as error:
            raise ValueError(str(error)) from error

    def refusals(self, facts: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Why such a battery would not be made."""
        from passport.ledger import trial

        return trial.refusals(facts)

    def bind(
        self,
        connection: "Connection",
        *,
        battery: str,
        source: str,
        component: str | None,
        at: datetime,
        serial: str | None = None,
    ) -> None:
        """A commissioning record."""
        from passport.ledger import batteries

        try:
            batteries.bind(
                connection, battery=battery, source=source, component=component, at=at, serial=serial
            )
        except (Conflict, NotFound) as error:
            raise ValueError(str(error)) from error

    def bound(self, connection: "Connection", source: str) -> Mapping[str | None, str]:
        """Open bindings of a source."""
        from passport.ledger import batteries

        return batteries.bound(connection, source)

    def mark_dirty(self, connection: "Connection", battery: str, *, at: datetime) -> None:
        """The battery's state is older than its journal."""
        from passport.ledger import batteries

        batteries.mark_dirty(connection, battery, at=at)


class LedgerRecords:
    """Commissioned serial numbers and the audit; implements `ingest.ports.Records`."""

    def serials(self, connection: "Connection", source: str) -> Mapping[str | None, str]:
        """Serial numbers of a source's open bindings."""
        from passport.ledger import batteries

        return batteries.bound_serials(connection, source)

    def since(self, connection: "Connection", source: str) -> Mapping[str | None, datetime]:
        """Since when a source's open bindings hold."""
        from passport.ledger import batteries

        return batteries.bound_since(connection, source)

    def audit(
        self,
        connection: "Connection",
        *,
        at: datetime,
        actor: str,
        action: str,
        battery: str | None,
        detail: str,
    ) -> None:
        """One entry of the audit."""
        from passport.ledger import trail

        trail.write(connection, at=at, actor=actor, action=action, battery=battery, detail=detail)


class House:
    """Everything one data folder needs, made on first use; what every command is given."""

    def __init__(self, data_dir: Path, *, must_exist: bool = False, **overrides: Any) -> None:
        """Nothing is opened yet.

        Args:
            data_dir: folder with the database, the keys and the settings.
            must_exist: refuse to make a new folder, for commands that only look at what is there.
            overrides: replace settings read from DATA/cellpass.toml.
        """
        self.data_dir = data_dir
        self.must_exist = must_exist
        self.overrides = {name: value for name, value in overrides.items() if value is not None}
        self.batteries = PassportSide(self)
        self.records = LedgerRecords()
        self._closing = ExitStack()
        self._kept: list[IO[str]] = []

    def beside(self, data_dir: Path) -> "House":
        """Another house of the same make on another data folder."""
        return House(data_dir)

    def close(self) -> None:
        """End what was started: the signer, the connections."""
        self._closing.close()

    def keep(self, thing: IO[str]) -> None:
        """Hold an open file for as long as this process lives."""
        self._kept.append(thing)

    def remove_demo(self) -> None:
        """Take the demo away and forget everything that was made, so that the next use makes it anew."""
        from passport.ledger import fixed

        self.close()
        fixed.remove_demo(self.data_dir)
        for name in ("settings", "engine", "issuer", "_signer_runs"):
            self.__dict__.pop(name, None)

    def now(self) -> datetime:
        """The time, for whoever must be given one."""
        return clock()

    # ------------------------------------------------------------------------------- settings and database

    def override(self, **values: Any) -> None:
        """Set what the command line says above DATA/cellpass.toml; before anything was opened."""
        self.overrides |= {name: value for name, value in values.items() if value is not None}
        self.__dict__.pop("settings", None)

    @cached_property
    def settings(self) -> "Settings":
        """DATA/cellpass.toml with the overrides of this run; records already issued decide the public URL."""
        from passport.ledger.fixed import peek_public_url
        from passport.settings import DEFAULT_PUBLIC_URL, load

        settings = load(self.data_dir, **self.overrides)
        if "public_url" not in self.overrides and settings.public_url == DEFAULT_PUBLIC_URL:
            return replace(settings, public_url=peek_public_url(self.data_dir) or DEFAULT_PUBLIC_URL)
        return settings

    @cached_property
    def engine(self) -> "Engine":
        """The opened and migrated database."""
        from ingest import journal
        from passport.ledger import database

        if self.must_exist and not (self.data_dir / database.FILE_NAME).exists():
            raise click.UsageError(
                f"there is no Cellpass data in {self.data_dir}; name the folder with --data,"
                " or make one with `cellpass run --demo` or `cellpass ingest`"
            )
        self.data_dir.mkdir(parents=True, exist_ok=True)
        engine = database.open_database(self.data_dir)
        database.upgrade(engine)
        journal.upgrade(engine)
        self._closing.callback(engine.dispose)
        return engine

    @contextmanager
    def writing(self) -> "Iterator[Connection]":
        """One write transaction, durable when the block ends."""
        from passport.ledger import database

        with database.writing(self.engine) as connection:
            yield connection

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """One consistent read."""
        from passport.ledger import database

        with database.reading(self.engine) as connection:
            yield connection

    # ------------------------------------------------------------------------------------ signer and issuing

    @property
    def _socket(self) -> Path:
        return self.data_dir.resolve() / "keys" / "signer.sock"

    @cached_property
    def _signer_runs(self) -> bool:
        """The signer, started as a child unless a service on this data folder has one already."""
        from passport.signing.keys import SignerProcess
        from passport.signing.presence import answers

        if not answers(self._socket):
            self._closing.enter_context(
                SignerProcess(
                    self.settings.keys_dir.resolve(),
                    self._socket,
                    password_file=self.settings.key_password_file,
                    production=self.settings.production,
                )
            )
        return True

    def start_signer(self) -> None:
        """Have the signer ready before the first record needs it."""
        assert self._signer_runs

    def signer(self, operator: str) -> "RemoteSigner":
        """The signer of one operator, its keys made."""
        from passport.ledger.operators import did
        from passport.signing.keys import RemoteSigner

        self.start_signer()
        signer = RemoteSigner(self._socket, operator)
        signer.ensure_key(did(self.settings.public_url, operator))
        return signer

    @cached_property
    def issuer(self) -> "Issuer":
        """The only road to a new version."""
        from passport.issue import Issuer

        return Issuer(self.engine, self.settings, cache(self.signer))

    # ---------------------------------------------------------------------------------- telemetry and state

    @cached_property
    def telemetry(self) -> "StoredTelemetry":
        """The reader of stored chunks; implements `passport.lifecycle.ports.Telemetry`."""
        from ingest.journal import StoredTelemetry

        return StoredTelemetry()

    def refresh(self, battery_id: str) -> "LifecycleState":
        """Bring a battery's state up to its journal."""
        from passport.ledger import batteries, states
        from passport.lifecycle.basis import basis_of
        from passport.lifecycle.upkeep import refresh

        with self.writing() as connection:
            state = refresh(
                connection,
                self.telemetry,
                battery_id,
                basis=basis_of(batteries.facts(connection, battery_id)),
                load=states.load_state,
                save=states.save_state,
                now=self.now(),
            )
            batteries.clear_dirty(connection, battery_id)
        return state

    def sweep(self) -> int:
        """Fold what arrived since the last sweep and give back dead telemetry space; how many batteries."""
        from ingest import journal
        from passport.ledger import batteries

        with self.reading() as connection:
            waiting = batteries.dirty(connection, SWEEP_AT_ONCE)
        for battery_id in waiting:
            self.refresh(battery_id)
            with self.writing() as connection:
                journal.compact(connection, battery_id)
        if waiting:  # a device that was bound has been heard, so its battery waits here
            self.sign_commissionings()
        return len(waiting)

    def sign_commissionings(self) -> int:
        """Put the operators' signatures under bindings that have none yet; how many."""
        from passport import commissioning

        return commissioning.sign_pending(
            self.engine, cache(self.signer), public_url=self.settings.public_url, now=self.now()
        )

    def reminder(self) -> str | None:
        """What the operator is told once a day; None when there is nothing to tell."""
        from passport.union_registry.overview import reminder

        with self.reading() as connection:
            return reminder(connection, self.now())

    def accept_telemetry(self, body: bytes, key: str) -> Mapping[str, Any]:
        """One batch by HTTP: who may send it, what it is, and its receipt once it is durable."""
        from ingest.journal import envelope
        from passport.grants import principal

        with self.reading() as connection:
            sender = principal(connection, key, self.now())
        return envelope.receive(body, sender, writing=self.writing, batteries=self.batteries, now=self.now())

    def bench_intake(self, battery: str, folder: Path) -> "Iterator[Ratio]":
        """The benchmarks of ingestion, for `cellpass bench`."""
        from ingest import bench

        return bench.run(self, battery, folder)

    def bench_decode(self) -> "Iterator[Ratio]":
        """The benchmarks of decoding, for `cellpass bench`."""
        from ingest import bench_decode

        return bench_decode.run()

    def bench_mqtt(self, battery: str, folder: Path) -> "Iterator[Ratio]":
        """The benchmark of a broker's messages, for `cellpass bench`."""
        from ingest import bench_mqtt
        from passport.bench.load import need

        tools = {name: need(name, package) for name, package in bench_mqtt.TOOLS.items()}
        return bench_mqtt.run(self, battery, folder, tools)

    # -------------------------------------------------------------------------------------------------- demo

    def is_empty(self) -> bool:
        """Whether no battery is known here."""
        from passport.ledger import batteries

        with self.reading() as connection:
            return not batteries.every(connection)

    def install_demo(self, progress: Callable[[str, int, int], None], packs: int = 0) -> None:
        """Fill an empty data folder with the simulated fleet, and with so many retired packs beside it."""
        from ingest.simulators import demo

        now = self.now()
        demo.install(DemoHooks(self), now=now, progress=progress)
        demo.install_retired(DemoHooks(self), now=now, count=packs, progress=progress)


class DemoHooks:
    """What the demo needs of passports; implements `ingest.simulators.demo.Hooks`."""

    def __init__(self, house: House) -> None:
        """The house to fill."""
        self._house = house
        self.writing = house.writing
        self.batteries = house.batteries

    def create(self, connection: "Connection", pack: Any, *, at: datetime) -> str:
        """A simulated battery with the pack's declared facts."""
        from passport.ledger import trial

        maker = pack.model.maker
        return trial.create_simulated(connection, pack, operator=maker.id, name=maker.name, at=at).id

    def settle(self, battery_id: str, *, at: datetime) -> None:
        """Fold, and issue what a battery of the demo has."""
        from passport.ledger.trial import DEMO_REASON
        from schemas.terms import RecordKind

        self._house.refresh(battery_id)
        for kind in (RecordKind.PASSPORT, RecordKind.CONDITION, RecordKind.ASSESSMENT):
            self._house.issuer.issue(battery_id, kind, now=at, incomplete=DEMO_REASON)

    def settle_many(self, battery_ids: Sequence[str], *, at: datetime) -> None:
        """The same for many, with few writes to disk."""
        from passport.ledger.trial import DEMO_REASON
        from schemas.terms import RecordKind

        for battery_id in battery_ids:
            self._house.refresh(battery_id)
        for kind in (RecordKind.PASSPORT, RecordKind.CONDITION, RecordKind.ASSESSMENT):
            for _, outcome in self._house.issuer.issue_many(
                battery_ids, kind, now=at, incomplete=DEMO_REASON
            ):
                if isinstance(outcome, PassportError):
                    raise outcome


# ------------------------------------------------------------------------------------------------------ web


def create_app(data_dir: Path | str, **overrides: Any) -> Callable[..., Any]:
    """The WSGI application of one data folder; it runs under any WSGI server."""
    from passport.web import WebContext, create_wsgi

    house = House(Path(data_dir), **overrides)
    context = WebContext(
        engine=house.engine,
        settings=house.settings,
        now=house.now,
        accept_telemetry=house.accept_telemetry,
        issuer=house.issuer,
    )
    return create_wsgi(context)


def wsgi() -> Callable[..., Any]:
    """`create_app` as a server's worker process calls it: everything comes from the environment."""
    overrides = json.loads(os.environ.get("CELLPASS_OVERRIDES", "{}"))
    if "CELLPASS_WORKER" in os.environ:
        from passport.web import worker

        worker.settle()
    return create_app(os.environ.get("CELLPASS_DATA", DEFAULT_DATA), **overrides)


# ----------------------------------------------------------------------------------------------- command line


DATA_HELP: Final = "Folder with the database, the keys and the settings."
DATA_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


def _elsewhere(context: click.Context, parameter: click.Parameter, data: Path | None) -> None:
    """Behind a command `--data` says what it says before it; nothing is open yet."""
    del parameter
    if data is not None:
        context.obj.data_dir = data


def with_data(command: click.Command) -> click.Command:
    """The command, and those below it, with the option `--data`."""
    if not any(parameter.name == "data" for parameter in command.params):
        option = click.Option(
            ["--data"], type=DATA_FOLDER, help=DATA_HELP, expose_value=False, callback=_elsewhere
        )
        command.params.append(option)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        with_data(below)
    return command


class Commands(click.Group):
    """The commands of both packages, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the journey, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None when there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        package, _ = COMMANDS[cmd_name]
        found: click.Command = importlib.import_module(f"{package}.commands.{cmd_name}").command
        return with_data(found)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list as click writes it, from `COMMANDS` alone."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])


def _tell_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    import tomllib
    from importlib import metadata

    try:
        told = metadata.version("cellpass")
    except metadata.PackageNotFoundError:  # a checkout that is used in place
        project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text("utf-8"))["project"]
        told = f"{project['version']} (checkout)"
    click.echo(told)
    context.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: cellpass run --demo",
)
@click.option(
    "--data",
    type=DATA_FOLDER,
    default=DEFAULT_DATA,
    envvar="CELLPASS_DATA",
    show_default=True,
    help=DATA_HELP,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(context: click.Context, data: Path) -> None:
    """Battery passports under Regulation (EU) 2023/1542: from a BMS's bytes to a signed, scannable record."""
    context.obj = House(data, must_exist=context.invoked_subcommand not in MAKES_DATA)
    context.call_on_close(context.obj.close)


def main() -> None:
    """The command line; a refused input ends with status 3 and a sentence, never with a traceback."""
    try:
        cli(prog_name="cellpass")
    except (PassportError, IngestError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)


if __name__ == "__main__":
    main()
