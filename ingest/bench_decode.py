"""Benchmarks of decoding: CAN signals against cantools, logs against python-can, and lines of a serial port.

The database is made here, so that every run has the same: mixed byte orders, signs, scales and a multiplexer.
"""

import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import numpy as np

from ingest import can_plan
from ingest.commands.simulate import KINDS
from ingest.protocol import Frame, Protocol, discover
from ingest.simulators.live import Device, LivePack
from ingest.simulators.pack import PackSpec
from schemas.measure import Ratio, middle_seconds, paired

_FRAMES: Final = 60_000
# cantools and python-can are slower: they get fewer frames, and rates are compared.
_YARDSTICK: Final = 4_000
_SEED: Final = 20270218
_START_US: Final = 1_767_225_600_000_000
_ROUNDS: Final = 5
_SERIAL_BAR: Final = 20_000
_SERIAL_ANSWERS: Final = 2_000
_POLL_S: Final = 10.0


def run() -> Iterator[Ratio]:
    """Decoding of CAN and of serial lines; CAN needs the extra `can`."""
    yield from _can()
    yield from _serial()


def _database() -> str:
    """A pack's database: totals, limits, extremes, and cells four to a frame behind a multiplexer."""
    lines = ['VERSION ""', "", "NS_ :", "", "BS_:", "", "BU_: N", ""]
    for number, order in enumerate("01010", 0):
        lines.append(f"BO_ {0x180 + number} Totals{number}: 8 N")
        big = order == "0"
        for place in range(4):
            start = 16 * place + (7 if big else 0)
            sign = "-" if place % 2 else "+"
            lines.append(
                f' SG_ T{number}_{place} : {start}|16@{int(not big)}{sign} (0.1,-{place}) [0|0] "V" N'
            )
        lines.append("")
    lines.append(f"BO_ {0x190} Cells: 8 N")
    lines.append(' SG_ Block M : 0|8@1+ (1,0) [0|0] "" N')
    for block in range(8):
        for place in range(4):
            name = f"CellVoltage_{4 * block + place}"
            lines.append(f' SG_ {name} m{block} : {8 + 14 * place}|14@1+ (1,0) [0|0] "mV" N')
    return "\n".join([*lines, ""])


def _can() -> Iterator[Ratio]:
    import can
    import cantools

    database: Any = cantools.database.load_string(_database(), "dbc")
    plans = can_plan.plans(database)
    random = np.random.default_rng(_SEED)
    identifiers = np.array([message.frame_id for message in database.messages])[np.arange(_FRAMES) % 6]
    data = random.integers(0, 256, (_FRAMES, 8), dtype=np.uint8)
    data[identifiers == 0x190, 0] %= 8
    frames = [(int(identifiers[n]), data[n].tobytes()) for n in range(_YARDSTICK)]
    text = b"".join(
        b"(%d.%06d) can0 %03X#%b\n"
        % (*divmod(_START_US + 1000 * n, 10**6), identifiers[n], data[n].tobytes().hex().upper().encode())
        for n in range(_FRAMES)
    )
    rows = {int(one): np.flatnonzero(identifiers == one) for one in np.unique(identifiers)}

    def decode() -> None:
        for identifier, mine in rows.items():
            plan = plans[identifier, False]
            found = plan.columns(data[mine])
            for signal in plan.signals:
                signal.scaled(found[signal.name][1])

    def frame_by_frame() -> None:
        for identifier, payload in frames:
            database.decode_message(identifier, payload, decode_choices=False)

    times = paired(decode, frame_by_frame, rounds=_ROUNDS)
    mismatches, compared = _mismatches(database, plans, frames)
    yield _rates(
        "CAN decode",
        times.middle,
        times.spread(),
        30.0,
        "cantools, frame by frame, same frames",
        f"{mismatches} mismatches in {compared:,} values",
    )

    def log() -> None:
        found = can_plan.read_candump(text)
        for identifier, extended, mine in found.by_identifier():
            plan = plans[identifier, extended]
            columns = plan.columns(found.data[mine])
            for signal in plan.signals:
                signal.scaled(columns[signal.name][1])

    few = b"".join(text.splitlines(keepends=True)[:_YARDSTICK]).decode()

    def library() -> None:
        for message in can.CanutilsLogReader(io.StringIO(few)):
            database.decode_message(message.arbitration_id, message.data, decode_choices=False)

    times = paired(log, library, rounds=_ROUNDS)
    yield _rates("candump log", times.middle, times.spread(), 15.0, "python-can and cantools", "")


def _mismatches(database: Any, plans: Any, frames: list[tuple[int, bytes]]) -> tuple[int, int]:
    """Values that differ from cantools' and how many were compared; physical values, to a part in 10^12."""
    wrong = compared = 0
    for identifier, payload in frames:
        plan = plans[identifier, False]
        raws = plan.values(payload)
        scales = {signal.name: signal for signal in plan.signals}
        for name, value in database.decode_message(identifier, payload, decode_choices=False).items():
            ours = float(scales[name].scale * int(raws[name]) + scales[name].offset)
            compared += 1
            wrong += abs(ours - value) > 1e-12 * max(1.0, abs(value))
    return wrong, compared


def _rates(
    name: str, times: tuple[float, float], spread: tuple[float, float], bar: float, against: str, note: str
) -> Ratio:
    mine, theirs = times
    share = _FRAMES / _YARDSTICK
    return Ratio(
        name,
        _FRAMES / mine,
        _YARDSTICK / theirs,
        "frames/s",
        bar,
        at_most=False,
        against=against,
        note=note,
        spread=(spread[0] * share, spread[1] * share),
    )


def _serial() -> Iterator[Ratio]:
    """Frames a second, found in a stream and read, for each simulated device that answers on a line."""
    for name, kind in KINDS.items():
        if kind.on_can:
            continue
        protocol, asked = discover()[name], _asked(name)

        def read(protocol: Protocol = protocol, asked: list[tuple[bytes, bytes]] = asked) -> list[int]:
            framer, decoder = protocol.framer(), protocol.decoder()
            return [
                len(decoder.decode(frame, request=request))
                for request, answer in asked
                for frame in framer.feed(answer)
                if isinstance(frame, Frame)
            ]

        found = read()
        count, size = len(found), sum(len(answer) for _, answer in asked)
        yield Ratio(
            f"frames of {name}",
            count / middle_seconds(read, rounds=_ROUNDS),
            None,
            "frames/s",
            float(_SERIAL_BAR),
            at_most=False,
            against="nothing beside it",
            note=f"{size // count} bytes and {sum(found) / count:.1f} readings each, a frame in "
            f"{len(asked) / len({answer for _, answer in asked}):.1f} unlike all before it",
        )


def _asked(name: str) -> list[tuple[bytes, bytes]]:
    """Requests and answers of a pack under a changing load, polled every ten seconds of its own time."""
    kind, protocol = KINDS[name], discover()[name]
    pack = LivePack(PackSpec(kind.chemistry, kind.cells, kind.capacity_ah, seed=_SEED))
    module, _, device_name = kind.device.partition(".")
    make = getattr(import_module(f"ingest.simulators.{module}"), device_name)
    device: Device = make([pack] if kind.is_bank else pack)
    framer, decoder = protocol.framer(), protocol.decoder()
    poller = protocol.poller(None, decoder)
    asked: list[tuple[bytes, bytes]] = []
    while len(asked) < _SERIAL_ANSWERS:
        device.advance(_POLL_S)
        for request in poller.cycle():
            device.quiet()
            answer = device.hear(request)
            asked.append((request, answer))
            for frame in framer.feed(answer):
                if isinstance(frame, Frame):
                    decoder.decode(frame, request=request)
    return asked
