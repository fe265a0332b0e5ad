"""Import of a fleet: from a workbook's bytes to declared batteries, beside a bare reading of the file."""

import io
import random
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from schemas.identifier import gtin_check_digit
from schemas.measure import Ratio, paired, seconds

BATTERIES: Final = 10_000
_SEED: Final = 20270218
_GTIN: Final = "0952000000123"
_DAY: Final = date(2027, 2, 18)
_BAR_S: Final = 60.0
_ZEROS: Final = (
    "capacity_fade",
    "power_fade",
    "internal_resistance_increase_pack",
    "round_trip_efficiency_fade",
    "self_discharge_evolution",
    "full_cycles",
    "energy_throughput",
    "capacity_throughput",
    "time_above_temperature",
    "time_below_temperature",
    "charging_time_above_temperature",
    "charging_time_below_temperature",
    "deep_discharge_count",
)


def workbook(count: int) -> bytes:
    """A model and its batteries with 30 columns, every third of them different in every row."""
    from openpyxl import Workbook

    chance = random.Random(_SEED)  # noqa: S311 - figures of a benchmark
    book = Workbook(write_only=True)
    page = book.create_sheet("models")
    page.append(["model_identifier", "gtin", "battery_category", "rated_capacity"])
    page.append(["BENCH-5", _GTIN + str(gtin_check_digit(_GTIN)), "stationary", 100])
    page = book.create_sheet("items")
    row = _row(0, chance)
    page.append(list(row))
    for number in range(count):
        page.append(list(_row(number, chance).values()))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    capacity = round(100 + chance.random(), 2)
    return {
        "model_identifier": "BENCH-5",
        "serial_number": f"B{number:07}",
        "placed_on_market_date": _DAY,
        "manufacturing_date": "2027-01",
        "battery_status": "original",
        "accidents": "none",
        "rated_capacity_redetermined": capacity,
        "remaining_capacity": capacity,
        "power": 5000 + chance.randrange(100),
        "internal_resistance_current": round(0.012 + chance.random() / 1000, 5),
        "ohmic_resistance": round(0.012 + chance.random() / 1000, 5),
        "round_trip_efficiency_current": round(95 + chance.random(), 1),
        "remaining_round_trip_efficiency": 95,
        "expected_lifetime_cycles_current": 6000,
        "expected_lifetime_years_current": 15,
        "state_of_charge": chance.randrange(20, 40),
        "temperature": round(20 + chance.random(), 1),
        **dict.fromkeys(_ZEROS, 0),
    }


def run(house: Any) -> Iterator[Ratio]:
    """Reading alone beside openpyxl's, then the whole import; the house is one of its own."""
    from openpyxl import load_workbook

    from passport.importing import apply, files, plan
    from passport.ledger import operators

    data = workbook(BATTERIES)
    cells = 30 * BATTERIES

    def bare() -> None:
        for page in load_workbook(io.BytesIO(data), read_only=True).worksheets:
            for _ in page.iter_rows(values_only=True):
                pass

    pair = paired(lambda: files.read([("fleet.xlsx", data)]), bare, rounds=3)
    ours, theirs = pair.middle
    yield Ratio(
        "read and judge a workbook",
        cells / ours,
        cells / theirs,
        "cells/s",
        None,
        at_most=False,
        against="openpyxl, read_only, values only, nothing judged",
        note=f"{BATTERIES:,} rows of 30 columns, {len(data) / 1e6:.1f} MB",
        spread=pair.spread(),
    )

    def bring() -> None:
        entries = files.read([("fleet.xlsx", data)])
        with house.writing() as connection:
            operators.create(connection, "bench", name="Bench", simulated=False, at=house.now())
            made = plan.make(connection, entries, operator="bench", today=house.now().date())
            plan.open_gate(made, partial=False)
            apply.carry_out(connection, made, at=house.now(), progress=lambda _done, _total: None)

    yield Ratio(
        f"import {BATTERIES:,} batteries",
        seconds(bring),
        None,
        "s",
        _BAR_S,
        at_most=True,
        against="absolute bar; from bytes to the commit, one process",
    )
    yield Ratio(
        "import the same again",
        seconds(bring),
        None,
        "s",
        _BAR_S,
        at_most=True,
        against="absolute bar; nothing is changed",
    )
