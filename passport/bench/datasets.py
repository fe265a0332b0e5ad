"""Published measurements beside the project as the rows that `cellpass ingest --protocol bdf` stores.

The files lie in `datasets/` of the folder that `CELLPASS_TEST_DATA` names (else `shared/` beside the
project) and are never copied in; where they are missing, what needs them says so. Truth stays apart from
the rows, and so do batteries: nothing here knows of more than one.
"""

import csv
import gzip
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum, unique
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from passport.lifecycle.basis import Basis
from schemas.samples import Chunk, Column, ColumnKey, Samples

Float = npt.NDArray[np.float64]

_FINEST: Final = -6  # digits that a table of a laboratory may have
_PAUSE_S: Final = 1800.0  # between the files' steps, where they do not say how long it was


class DataMissing(Exception):
    """The data are not beside the project; the message names what was looked for."""


def folder() -> Path:
    """Where the published data lie.

    Raises:
        DataMissing: they do not.
    """
    root = Path(os.environ.get("CELLPASS_TEST_DATA", Path(__file__).parents[3] / "shared")).resolve()
    if not (root / "datasets").is_dir():
        raise DataMissing(f"no folder {root / 'datasets'}; CELLPASS_TEST_DATA names its parent")
    return root / "datasets"


def digest(paths: Sequence[Path]) -> str:
    """16 hex digits over names and bytes."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.name.encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


@unique
class Layout(StrEnum):
    """How a laboratory's table may come."""

    RUNNING = "one file, one clock"
    RESTARTING = "one file, the clock begins anew with each cycle"
    FILES = "one file for each cycle"


@dataclass(frozen=True)
class Cycle:
    """One half cycle of a file, and its truth.

    Attributes:
        number: as in the file.
        time_s, voltage, current, temperature: rows; current positive while charging, temperature in degC.
        capacity_ah: truth of this cycle; None where it has none.
    """

    number: int
    time_s: Float
    voltage: Float
    current: Float
    temperature: Float | None
    capacity_ah: float | None


@dataclass(frozen=True)
class Record:
    """All cycles of one cell.

    Attributes:
        name: of the cell.
        basis: what its maker or laboratory declares.
        cycles: in order of time.
    """

    name: str
    basis: Basis
    cycles: tuple[Cycle, ...]

    def until(self, count: int) -> "Record":
        """The first `count` cycles alone."""
        return replace(self, cycles=self.cycles[:count])

    def without_temperature(self) -> "Record":
        """The same rows, as a table without that column has them."""
        return replace(self, cycles=tuple(replace(one, temperature=None) for one in self.cycles))

    @property
    def truth(self) -> Float:
        """Capacity in Ah of every cycle, nan where none was measured."""
        return np.array([np.nan if one.capacity_ah is None else one.capacity_ah for one in self.cycles])

    def chunks(self, layout: Layout = Layout.RUNNING) -> list[Chunk]:
        """As stored, in order of folding."""
        if layout is Layout.FILES:
            return [
                Chunk(self.name, "file", f"sha256:{at:064d}", at + 1, _samples([one], running=False))
                for at, one in enumerate(self.cycles)
            ]
        running = layout is Layout.RUNNING
        return [Chunk(self.name, "file", "sha256:" + "0" * 64, 1, _samples(self.cycles, running=running))]

    def table(self, layout: Layout = Layout.RUNNING) -> bytes:
        """The Battery Data Format, one file; for each cycle alone, take a record of one cycle."""
        warm = all(one.temperature is not None for one in self.cycles)
        head = ["test_time_second", "voltage_volt", "current_ampere", "cycle_count"]
        lines = [",".join([*head, "surface_temperature_celsius"] if warm else head)]
        for one, begin in zip(self.cycles, _begins(self.cycles, layout is Layout.RUNNING), strict=True):
            columns = [one.time_s + begin, one.voltage, one.current, np.full(len(one.time_s), one.number)]
            if warm and one.temperature is not None:
                columns.append(one.temperature)
            lines += [",".join(_text(value) for value in row) for row in zip(*columns, strict=True)]
        return ("\n".join(lines) + "\n").encode()


def _text(value: float) -> str:
    return format(round(Decimal(repr(float(value))), 6).normalize() + 0, "f")


def _begins(cycles: Sequence[Cycle], running: bool) -> list[float]:
    """When each cycle's clock began, seconds of the table."""
    out, at = [], 0.0
    for one in cycles:
        out.append(at if running else 0.0)
        at += float(np.ceil(one.time_s[-1])) + _PAUSE_S
    return out


def _samples(cycles: Sequence[Cycle], *, running: bool) -> Samples:
    time = np.concatenate(
        [one.time_s + begin for one, begin in zip(cycles, _begins(cycles, running), strict=True)]
    )
    count = len(time)
    valid = np.ones(count, np.bool_)
    columns: dict[ColumnKey, Float] = {
        ColumnKey("voltage"): np.concatenate([one.voltage for one in cycles]),
        ColumnKey("current"): np.concatenate([one.current for one in cycles]),
    }
    warm = [one.temperature for one in cycles if one.temperature is not None]
    if len(warm) == len(cycles):
        columns[ColumnKey("cell_temperature", 1)] = np.concatenate(warm)
    return Samples(
        np.arange(count, dtype=np.int64),
        np.round(time * 1000).astype(np.int64),
        valid,
        {
            key: Column(np.round(values * 10.0**-_FINEST).astype(np.int64), valid, _FINEST)
            for key, values in columns.items()
        },
        absolute=False,
    )


def _columns(path: Path) -> dict[str, tuple[str, ...]]:
    """The cells of a table by column."""
    if not path.is_file():
        raise DataMissing(f"no file {path}")
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    head, *rows = csv.reader(lines)
    return dict(zip(head, zip(*rows, strict=True), strict=True))


def _floats(cells: Sequence[str]) -> Float:
    return np.array([float(cell) if cell else np.nan for cell in cells])


def _grouped(path: Path, key: str) -> dict[int, dict[str, Float]]:
    """The columns of a table by the number in one of them; rows of one number lie together."""
    columns = {name: _floats(cells) for name, cells in _columns(path).items()}
    numbers = columns[key]
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    return {
        int(numbers[begin]): {name: values[begin:end] for name, values in columns.items()}
        for begin, end in pairwise(edges)
    }


def _truth(path: Path, key: str, value: str) -> dict[int, float]:
    """What was measured, by number; numbers without a measurement are left out."""
    columns = _columns(path)
    return {
        int(number): float(cell) for number, cell in zip(columns[key], columns[value], strict=True) if cell
    }


def _cycle(number: int, columns: dict[str, Float], capacity_ah: float | None) -> Cycle:
    return Cycle(
        number,
        columns["time_s"],
        columns["voltage_v"],
        columns["current_a"],
        columns["temperature_c"],
        capacity_ah,
    )


_ESSL1_RATED_AH: Final = 102.0
# To which the capacities were measured; the cold cells (45 to 48) were discharged further.
_NASA_LOWEST_MV: Final = {"B0005": 2700, "B0006": 2500, "B0007": 2200, "B0018": 2500}


def nasa_basis(name: str) -> Basis:
    """What is known of a cell of that series: 2 Ah, and the voltage at which its discharge ends."""
    return Basis(
        chemistry="Li-ion LCO",
        category="industrial",
        rated_mah=2000,
        in_series=1,
        minimum_mv=_NASA_LOWEST_MV.get(name, 2700),
        maximum_mv=4200,
    )


def nasa(name: str) -> Record:
    """A cell of the NASA series at room temperature: discharges alone.

    Raises:
        DataMissing: its files are not beside the project.
    """
    base = folder() / "nasa-pcoe-18650"
    truth = _truth(base / f"{name}_truth.csv", "discharge_no", "capacity_ah")
    found = _grouped(base / f"{name}_discharge.csv.gz", "discharge_no")
    return Record(
        name, nasa_basis(name), tuple(_cycle(number, one, truth.get(number)) for number, one in found.items())
    )


def nasa_cold(name: str) -> Record:
    """A cell of the NASA series at 4 degC: charges and discharges.

    Raises:
        DataMissing: its files are not beside the project.
    """
    base = folder() / "nasa-pcoe-18650"
    truth = _truth(base / f"{name}_steps_truth.csv", "step_no", "capacity_ah")
    found = _grouped(base / f"{name}_timeseries.csv.gz", "step_no")
    return Record(
        name, nasa_basis(name), tuple(_cycle(number, one, truth.get(number)) for number, one in found.items())
    )


def essl1(cell: int) -> Record:
    """A storage cell of 102 Ah: full charges alone.

    Raises:
        DataMissing: its files are not beside the project.
    """
    base = folder() / "essl1-lfp-102ah"
    health = _truth(base / f"cell{cell}_truth.csv", "cycle", "soh_label")
    truth = {number: share * _ESSL1_RATED_AH for number, share in health.items()}
    found = _grouped(base / f"cell{cell}_charge.csv.gz", "cycle")
    basis = Basis(
        chemistry="Li-ion LFP",
        category="stationary",
        rated_mah=round(_ESSL1_RATED_AH * 1000),
        in_series=1,
        minimum_mv=2500,
        maximum_mv=3650,
    )
    return Record(
        f"ESSL1-{cell}", basis, tuple(_cycle(number, one, truth.get(number)) for number, one in found.items())
    )


def moved(cycle: Cycle) -> Float:
    """Charge since the first row, Ah, positive in."""
    steps = np.diff(cycle.time_s) * (cycle.current[1:] + cycle.current[:-1]) / 7200
    return np.concatenate(([0.0], np.cumsum(steps)))


def middle(cycle: Cycle, low: float, high: float) -> Cycle:
    """The rows between two shares of the charge that a cycle moved, as one that began and ended there."""
    share = moved(cycle) / moved(cycle)[-1]
    inside = (share >= low) & (share <= high)
    return replace(
        cycle,
        time_s=cycle.time_s[inside] - cycle.time_s[inside][0],
        voltage=cycle.voltage[inside],
        current=cycle.current[inside],
        temperature=None if cycle.temperature is None else cycle.temperature[inside],
    )


@dataclass(frozen=True)
class Pulsed:
    """One retired cell at one state of charge: a pulse test and the capacity that was measured.

    Attributes:
        family: kind of cell, as its file is named.
        number: of the battery.
        rated_ah, capacity_ah: declared and measured.
        soc: state of charge of the test, share of the rated capacity.
        volts: u1 to u21.
    """

    family: str
    number: int
    rated_ah: float
    capacity_ah: float
    soc: float
    volts: tuple[float, ...]


PULSED_FAMILIES: Final = ("lmo-10ah-hev", "nmc-21ah-bev", "lfp-35ah-hev", "nmc-2.1ah-lab")


def pulses(family: str) -> list[Pulsed]:
    """Every test of a family of retired cells.

    Raises:
        DataMissing: its file is not beside the project.
    """
    columns = _columns(folder() / "pulsebat-retired-ev" / f"{family}_pulses.csv")
    volts = np.array([_floats(columns[f"u{at}"]) for at in range(1, 22)]).T
    names = ("battery_no", "rated_capacity_ah", "measured_capacity_ah", "soc_pct_of_rated")
    stated = zip(*(_floats(columns[name]).tolist() for name in names), strict=True)
    return [
        Pulsed(family, int(number), rated, capacity, soc / 100, tuple(own))
        for (number, rated, capacity, soc), own in zip(stated, volts.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class Vehicle:
    """Cloud telemetry of one car as it was stored: rows, and how many of them are beyond belief."""

    name: str
    basis: Basis
    chunk: Chunk
    glitches: int


def vehicle(number: int) -> Vehicle:
    """One car of the cloud set: signs turned, codes left as they came.

    Times have no zone; they are read as UTC. Probes are raw codes with an offset of 40 in cars 2 to 4 and
    are left out: the two extremes are in degC. Cells keep their impossible values.

    Raises:
        DataMissing: its file is not beside the project.
    """
    table = _columns(folder() / "ev-cloud-telemetry" / f"car{number}.csv.gz")
    count = len(table["tboxTime"])
    cells = [name for name in table if name.startswith("V_")]
    plain = {
        ColumnKey("voltage"): ("BMSBatteryVoltage", -1, 1),
        ColumnKey("current"): ("BMSBatteryCurrent", -1, -1),
        ColumnKey("state_of_charge"): ("vehBMSPackSOC", -1, 1),
        ColumnKey("cell_temperature_max"): ("BMSProbeTempMax", 0, 1),
        ColumnKey("cell_temperature_min"): ("BMSProbeTempMin", 0, 1),
        ColumnKey("insulation_resistance"): ("insulationResistance", 0, 1),
    }
    named = {**plain, **{ColumnKey("cell_voltage", at): (name, -3, 1) for at, name in enumerate(cells, 1)}}
    columns: dict[ColumnKey, Column] = {}
    glitched = np.zeros(count, np.bool_)
    for key, (name, exponent, sign) in named.items():
        if name not in table:
            continue
        values = _floats(table[name])
        valid = np.isfinite(values)
        scaled = np.round(np.where(valid, values, 0.0) * sign * 10.0**-exponent).astype(np.int64)
        columns[key] = Column(scaled, valid, exponent)
        if key.quantity == "cell_voltage":
            glitched |= valid & ((values < 2.0) | (values > 4.5))
    time = np.array(
        [
            int(datetime.strptime(told, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
            for told in table["tboxTime"]
        ],
        np.int64,
    )
    samples = Samples(np.arange(count, dtype=np.int64), time * 1000, np.ones(count, np.bool_), columns)
    basis = Basis(chemistry="Li-ion NMC", category="ev", in_series=len(cells))
    return Vehicle(
        f"car{number}", basis, Chunk(f"car{number}", "cloud", "1", 1, samples), int(glitched.sum())
    )
