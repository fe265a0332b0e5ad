"""`cellpass simulate`: a simulated device on a TCP port, a terminal or a CAN bus, in the foreground."""

import signal
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final

import click

from ingest.errors import TransportFailed


@dataclass(frozen=True)
class Kind:
    """One simulated device and the pack it usually sits on.

    Attributes:
        device: module below `ingest.simulators` and class in it.
        cells: in series.
        capacity_ah: rated.
        chemistry: a key of `pack.CHEMISTRIES`.
        category: as `cellpass ingest --create` spells it.
        is_bank: True when the class takes a list of packs, so that `--modules` has a meaning.
        on_can: True when it speaks unasked on a CAN bus.
    """

    device: str
    cells: int
    capacity_ah: float
    chemistry: str
    category: str
    is_bank: bool = False
    on_can: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "ant": Kind("boards.AntDevice", 16, 100.0, "LFP", "stationary"),
    "can-pylontech": Kind("can.PylontechCan", 15, 74.0, "LFP", "stationary", on_can=True),
    "can-pylontech-hv": Kind("can.PylontechHvCan", 32, 74.0, "LFP", "stationary", on_can=True),
    "can-victron": Kind("can.VictronCan", 16, 280.0, "LFP", "stationary", on_can=True),
    "cia418": Kind("can.Cia418Can", 8, 200.0, "LFP", "industrial", on_can=True),
    "daly-a5": Kind("boards.DalyA5Device", 16, 100.0, "LFP", "stationary"),
    "daly-d2": Kind("boards.DalyD2Device", 16, 100.0, "LFP", "stationary"),
    "emus-serial": Kind("emus_serial.EmusDevice", 16, 100.0, "LFP", "stationary"),
    "greenway": Kind("greenway.GreenwayDevice", 16, 40.0, "NMC", "lmt"),
    "jbd": Kind("jbd.JbdDevice", 10, 14.0, "NMC", "lmt"),
    "jbd-up16s": Kind("jbd_up16s.JbdUpBank", 16, 100.0, "LFP", "stationary", is_bank=True),
    "jk": Kind("boards.JkDevice", 16, 280.0, "LFP", "stationary"),
    "jk-uart": Kind("boards.JkUartDevice", 14, 20.0, "NMC", "lmt"),
    "ninebot": Kind("ninebot.NinebotDevice", 10, 7.8, "NMC", "lmt"),
    "seplos-v3": Kind("seplos_v3.SeplosBank", 16, 280.0, "LFP", "stationary", is_bank=True),
    "sunspec": Kind("sunspec.SunSpecBank", 16, 100.0, "LFP", "stationary", is_bank=True),
    "pace": Kind("pace.PaceBank", 16, 100.0, "LFP", "stationary", is_bank=True),
    "pylontech-console": Kind(
        "pylontech_console.PylontechConsole", 15, 50.0, "LFP", "stationary", is_bank=True
    ),
    "pylontech-rs485": Kind("pylontech_rs485.PylontechBank", 15, 50.0, "LFP", "stationary", is_bank=True),
    "seplos-v2": Kind("seplos_v2.SeplosDevice", 16, 100.0, "LFP", "stationary"),
    "tdt": Kind("tdt.TdtDevice", 16, 100.0, "LFP", "stationary"),
}


def usual_seed(protocol: str) -> int:
    """Which pack a kind sits on unless told: each another one, as no two batteries have one serial number.

    Modules of a bank take the numbers from there on.
    """
    return 100 * (zlib.crc32(protocol.encode()) % 991) + 1


BANKS: Final = ", ".join(name for name, kind in KINDS.items() if kind.is_bank)


@click.command(
    "simulate",
    short_help="Run a simulated BMS to ingest from.",
    epilog="\b\nExamples:\n"
    "  cellpass simulate jbd\n"
    "  cellpass simulate pylontech-rs485 --modules 3 --tcp 5020 --speed 60",
)
@click.argument("protocol", type=click.Choice(sorted(KINDS)))
@click.option(
    "--tcp", "port", type=click.IntRange(0, 65_535), help="TCP port of this machine; 0 takes a free one."
)
@click.option("--pty", "terminal", is_flag=True, help="A pseudo-terminal, as if it were a serial port.")
@click.option(
    "--can",
    "bus",
    metavar="INTERFACE:CHANNEL",
    help="A bus of python-can, as in socketcan:vcan0, for the protocols that begin with can-.",
)
@click.option(
    "--modules",
    type=click.IntRange(1, 12),
    default=1,
    show_default=True,
    help=f"In the bank ({BANKS}).",
)
@click.option("--cells", type=click.IntRange(1, 32), help="In series; the device's usual number if left out.")
@click.option("--capacity", type=click.FloatRange(0.5, 650), help="Rated, in Ah; as is usual if left out.")
@click.option(
    "--chemistry",
    type=click.Choice(["LFP", "NMC", "LMO", "LTO"]),
    help="LFP for stationary devices, NMC for vehicles if left out.",
)
@click.option(
    "--seed", type=click.IntRange(0), help="The same pack for the same seed; by the protocol if left out."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 10_000),
    default=1.0,
    show_default=True,
    help="How fast its time runs.",
)
@click.option(
    "--ambient",
    type=click.FloatRange(-40, 80),
    default=21.0,
    show_default=True,
    help="Air around it, in degC.",
)
@click.option(
    "--noise", type=click.FloatRange(0, 1), default=0.0, help="Chance of each byte to be disturbed."
)
@click.option("--silence", type=click.FloatRange(0, 1), default=0.0, help="Chance of an answer to be lost.")
def command(
    *,
    protocol: str,
    port: int | None,
    terminal: bool,
    bus: str | None,
    modules: int,
    cells: int | None,
    capacity: float | None,
    chemistry: str | None,
    seed: int | None,
    speed: float,
    ambient: float,
    noise: float,
    silence: float,
) -> None:
    """Run a simulated battery that answers PROTOCOL, until Ctrl-C.

    It charges and discharges, warms and ages like a pack, and it is a simulation: its figures are invented.
    It obeys no write. The address to ingest from is the first line of output.
    """
    from ingest.simulators.live import LivePack
    from ingest.simulators.pack import PackSpec
    from ingest.simulators.serve import BadLine, serve_pty, serve_tcp

    if terminal and port is not None:
        raise click.UsageError("--tcp and --pty exclude each other")
    kind, seed = KINDS[protocol], usual_seed(protocol) if seed is None else seed
    _fitting(protocol, bus, on_line=terminal or port is not None)
    if not kind.is_bank and modules != 1:
        raise click.UsageError(f"a line of {protocol} has one battery; --modules is for {BANKS}")

    spec = PackSpec(chemistry or kind.chemistry, cells or kind.cells, capacity or kind.capacity_ah, seed=seed)
    packs = [
        LivePack(replace(spec, seed=seed + number), state_of_charge=0.6 + 0.01 * number, ambient_degc=ambient)
        for number in range(modules)
    ]
    try:
        module, _, name = kind.device.partition(".")
        make = getattr(import_module(f"ingest.simulators.{module}"), name)
        device = make(packs if kind.is_bank else packs[0])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    bad_line = BadLine(noise=noise, silence=silence, seed=seed)
    ending = threading.Event()
    _end_on_signal(ending.set)
    try:
        if bus is not None:
            from ingest.simulators.can import serve_can

            interface, _, channel = bus.partition(":")
            line = serve_can(device, interface=interface, channel=channel, speed=speed)
        elif terminal:
            line = serve_pty(device, bad_line=bad_line, speed=speed)
        else:
            line = serve_tcp(device, port=port or 0, bad_line=bad_line, speed=speed)
        with line as address:
            click.echo(address)
            facts = f"chemistry={spec.chemistry},rated_capacity={spec.rated_capacity_ah:g}"
            facts += f",cells_in_series={spec.cells_in_series}"
            # PACE packs answer one by one: further ones are asked by their address, in a site file.
            whole = modules > 1 and protocol != "pace"
            parts = [f"module/{number}=" for number in range(1, modules + 1)] if whole else [""]
            creates = " ".join(f"--create {part}category={kind.category},{facts}" for part in parts)
            click.echo(
                "Simulated; ingest from it in another terminal:\n"
                f"  cellpass ingest '{address}' --protocol {protocol} --interval 2 {creates}",
                err=True,
            )
            while not ending.wait(0.2):
                pass
    except TransportFailed as error:
        raise click.UsageError(f"--can {bus}: {error}") from error
    except OSError as error:
        raise click.UsageError(
            f"--tcp {port}: {error.strerror or error}; is the port taken? 0 takes a free one"
        ) from error


def _fitting(protocol: str, bus: str | None, *, on_line: bool) -> None:
    """A battery of a bus needs a bus, any other one a line.

    Raises:
        UsageError: it says which option to use.
    """
    if KINDS[protocol].on_can != (bus is not None) or (bus is not None and on_line):
        fits = (
            "--can INTERFACE:CHANNEL, as in --can socketcan:vcan0"
            if KINDS[protocol].on_can
            else "--tcp or --pty"
        )
        raise click.UsageError(f"{protocol} is simulated with {fits}")


def _end_on_signal(end: Callable[[], None]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: end())
