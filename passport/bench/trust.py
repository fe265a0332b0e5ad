"""Issuing, reading and verifying records, against the plainest durable insert and read of such bytes.

Both sides write to the same folder, so to the same disk, with the same promise: what a commit acknowledged
is on disk. The signer is a process of its own here as everywhere.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final

from passport.ledger import operators, versions
from passport.ledger.direct import Direct
from passport.ledger.versions import Version
from passport.signing.verify import verify_file
from schemas.measure import Paired, Ratio, middle_seconds, paired
from schemas.terms import Audience, RecordKind

_FLEET: Final = 256
_SINGLE: Final = 40
_INSERTS: Final = 400
_READS: Final = 4000
_BYTES: Final = 20_000
_INSERT: Final = "raw 20 KB insert, one commit each, synchronous=FULL"
# What a maker states of a stationary pack without nested values, as typed.
FACTS: Final = {
    "category": "stationary",
    "chemistry": "LFP",
    "rated_capacity": "102",
    "industrial_subtype": "stationary",
    "manufacturer_name": "Example Cells",
    "manufacturer_identifier": "EXAMPLE-CELLS",
    "manufacturer_web": "https://cells.example.com/",
    "manufacturer_email": "info@cells.example.com",
    "model_identifier": "EX-5",
    "batch_number": "EX2611-1",
    "facility_identifier": "EXAMPLE-PLANT-1",
    "manufacturing_date": "2026-10",
    "battery_mass": "43.5",
    "battery_chemistry_name": "Lithium iron phosphate / graphite",
    "warranty_period": "120",
    "extinguishing_agent": "Water, in large amounts",
    "hazardous_substance_impacts": "Leaking electrolyte irritates skin, eyes and airways",
    "cells_in_series": "16",
    "eu_declaration_of_conformity": "https://cells.example.com/ex-5/declaration",
    "test_reports": "https://cells.example.com/ex-5/tests",
    "dismantling_manuals": "https://cells.example.com/ex-5/dismantling",
    "safety_measures": "https://cells.example.com/ex-5/safety",
    "waste_prevention_info": "https://cells.example.com/waste/prevention",
    "separate_collection_info": "https://cells.example.com/waste/collection",
    "collection_and_treatment_info": "https://cells.example.com/waste/treatment",
    "minimum_voltage": "40",
    "nominal_voltage": "51.2",
    "maximum_voltage": "58.4",
    "maximum_permitted_power": "5222",
    "initial_round_trip_efficiency": "95",
    "initial_self_discharge_rate": "2",
    "expected_lifetime_cycles": "6000",
    "expected_lifetime_years": "15",
    "cycle_life_reference_test": "Example test bench, method in the test reports",
    "c_rate_cycle_life_test": "0.5",
}


def run(house: Any, folder: Path) -> Iterator[Ratio]:
    """Needs an empty house in `folder`; makes its own batteries."""
    with house.writing() as connection:
        at = house.now()  # as a file of facts is imported
        fleet = [house.batteries.create(connection, FACTS, at=at) for _ in range(_FLEET)]
    yield from _issuing(house, fleet, folder)
    with house.reading() as connection:
        issued = versions.latest_of(connection, fleet[:200], RecordKind.PASSPORT)
    yield _reading(house, list(issued.values()), folder)
    yield _verifying(house, issued[fleet[0]])


def _plain(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "yardstick.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA mmap_size=268435456")
    connection.execute("CREATE TABLE IF NOT EXISTS blob (id INTEGER PRIMARY KEY, data BLOB)")
    return connection


def _issuing(house: Any, fleet: Sequence[str], folder: Path) -> Iterator[Ratio]:
    """As `cellpass issue --all` does it, and one record for one caller."""
    blob = os.urandom(_BYTES)
    numbers = count()
    issuer, kind = house.issuer, RecordKind.PASSPORT

    with closing(_plain(folder)) as plain:

        def insert() -> None:
            for _ in range(_INSERTS):
                plain.execute("INSERT INTO blob VALUES (?, ?)", (next(numbers), blob))

        def all_of_them() -> None:
            road = issuer.issue_many(fleet, kind, now=house.now(), incomplete="benchmark", force=True)
            assert all(isinstance(outcome, Version) for _, outcome in road)

        def one_by_one() -> None:
            for _ in range(_SINGLE):
                issuer.issue(fleet[0], kind, now=house.now(), incomplete="benchmark", force=True)

        many, single = paired(all_of_them, insert), paired(one_by_one, insert)
    with house.reading() as connection:
        version = versions.latest(connection, fleet[0], kind)
        assert version is not None
        sealed = versions.disclosures(connection, version)
    size = len(version.jwt) + sum(len(one.encoded or "") for one in sealed)
    note = (
        f"{size / 1000:.1f} KB of record and disclosures; gate, intent, signature, leaf, checkpoint, search"
    )
    yield _rate("issue versions, a fleet", many, _FLEET, 0.4, f"{note}; groups share their commits")
    yield _rate("issue a version, one caller", single, _SINGLE, None, "its commits are its own: five in all")


def _rate(name: str, times: Paired, ours: int, bar: float | None, note: str) -> Ratio:
    mine, theirs = times.middle
    low, high = (one * ours / _INSERTS for one in times.spread())
    return Ratio(
        name,
        ours / mine,
        _INSERTS / theirs,
        "versions/s",
        bar,
        at_most=False,
        against=_INSERT,
        note=note,
        spread=(low, high),
    )


def _reading(house: Any, issued: Sequence[Version], folder: Path) -> Ratio:
    """What answers `/r/{record id}`, against the same bytes by their number."""
    from passport.issue import public_record

    direct = Direct(house.engine)
    asked = [secrets.choice(issued) for _ in range(_READS)]
    with closing(_plain(folder)) as plain:
        plain.execute("DELETE FROM blob")
        places = {version.record_id: number for number, version in enumerate(issued)}
        plain.executemany(
            "INSERT INTO blob VALUES (?, ?)",
            [(places[version.record_id], version.jwt) for version in issued],
        )
        ids = [version.record_id for version in asked]
        numbers = [places[record_id] for record_id in ids]

        def read() -> None:
            for record_id in ids:
                public_record(direct, record_id)

        def read_raw() -> None:
            for number in numbers:
                plain.execute("SELECT data FROM blob WHERE id = ?", (number,)).fetchone()

        times = paired(read, read_raw, rounds=9)
    mine, theirs = times.middle
    return Ratio(
        "read a signed record",
        _READS / mine,
        _READS / theirs,
        "reads/s",
        0.5,
        at_most=False,
        against="raw read of the same bytes by integer key, sqlite3",
        note=f"{len(issued[0].jwt) / 1000:.1f} KB, by random record id, as the public gets it",
        spread=times.spread(),
    )


def _verifying(house: Any, version: Version) -> Ratio:
    from passport.issue import view_of

    now = house.now()
    with house.reading() as connection:
        record = view_of(connection, version, Audience.LEGITIMATE_INTEREST).record
        keys = operators.jwks(connection, version.operator)["keys"]

    def verify() -> None:
        for _ in range(20):
            verify_file(record, jwks=keys, now=now)

    return Ratio(
        "verify a record",
        middle_seconds(verify) / 20 * 1000,
        None,
        "ms",
        3.0,
        at_most=True,
        against="absolute bar",
        note=f"{len(record) / 1000:.1f} KB, all ten lines",
    )
