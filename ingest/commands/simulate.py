"""`cellpass simulate`: a simulated device on a TCP port or a pseudo-terminal, in the foreground."""

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import click

PROTOCOLS: Final = ("jbd", "pylontech-rs485")


@click.command(
    "simulate",
    short_help="Run a simulated BMS to ingest from.",
    epilog="\b\nExamples:\n"
    "  cellpass simulate jbd\n"
    "  cellpass simulate pylontech-rs485 --modules 3 --tcp 5020 --speed 60",
)
@click.argument("protocol", type=click.Choice(PROTOCOLS))
@click.option(
    "--tcp", "port", type=click.IntRange(0, 65_535), help="TCP port of this machine; 0 takes a free one."
)
@click.option("--pty", "terminal", is_flag=True, help="A pseudo-terminal, as if it were a serial port.")
@click.option(
    "--modules",
    type=click.IntRange(1, 12),
    default=1,
    show_default=True,
    help="In the bank (pylontech-rs485).",
)
@click.option("--cells", type=click.IntRange(1, 32), help="In series; 15 for pylontech-rs485, 10 for jbd.")
@click.option(
    "--capacity", type=click.FloatRange(0.5, 650), help="Rated, in Ah; 50 for pylontech-rs485, 14 for jbd."
)
@click.option(
    "--chemistry",
    type=click.Choice(["LFP", "NMC", "LMO", "LTO"]),
    help="LFP for pylontech-rs485, NMC for jbd.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same pack for the same seed."
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
    modules: int,
    cells: int | None,
    capacity: float | None,
    chemistry: str | None,
    seed: int,
    speed: float,
    ambient: float,
    noise: float,
    silence: float,
) -> None:
    """Run a simulated battery that answers PROTOCOL, until Ctrl-C.

    It charges and discharges, warms and ages like a pack, and it is a simulation: its figures are invented.
    It obeys no write. The address to ingest from is the first line of output.
    """
    from ingest.simulators.jbd import JbdDevice
    from ingest.simulators.live import Device, LivePack
    from ingest.simulators.pack import PackSpec
    from ingest.simulators.pylontech_rs485 import PylontechBank
    from ingest.simulators.serve import BadLine, serve_pty, serve_tcp

    if terminal and port is not None:
        raise click.UsageError("--tcp and --pty exclude each other")
    if protocol == "jbd" and modules != 1:
        raise click.UsageError("a JBD line has one battery; --modules is for pylontech-rs485")

    bike = protocol == "jbd"
    spec = PackSpec(
        chemistry or ("NMC" if bike else "LFP"),
        cells or (10 if bike else 15),
        capacity or (14.0 if bike else 50.0),
        seed=seed,
    )
    packs = [
        LivePack(replace(spec, seed=seed + number), state_of_charge=0.6 + 0.01 * number, ambient_degc=ambient)
        for number in range(modules)
    ]
    try:
        device: Device = JbdDevice(packs[0]) if bike else PylontechBank(packs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    bad_line = BadLine(noise=noise, silence=silence, seed=seed)
    ending = threading.Event()
    _end_on_signal(ending.set)
    try:
        line = (
            serve_pty(device, bad_line=bad_line, speed=speed)
            if terminal
            else serve_tcp(device, port=port or 0, bad_line=bad_line, speed=speed)
        )
        with line as address:
            click.echo(address)
            facts = f"chemistry={spec.chemistry},rated_capacity={spec.rated_capacity_ah:g}"
            facts += f",cells_in_series={spec.cells_in_series}"
            kind = "lmt" if protocol == "jbd" else "stationary"
            parts = [""] if modules == 1 else [f"module/{number}=" for number in range(1, modules + 1)]
            creates = " ".join(f"--create {part}category={kind},{facts}" for part in parts)
            click.echo(
                "Simulated; ingest from it in another terminal:\n"
                f"  cellpass ingest '{address}' --protocol {protocol} --interval 2 {creates}",
                err=True,
            )
            while not ending.wait(0.2):
                pass
    except OSError as error:
        raise click.UsageError(
            f"--tcp {port}: {error.strerror or error}; is the port taken? 0 takes a free one"
        ) from error


def _end_on_signal(end: Callable[[], None]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: end())
