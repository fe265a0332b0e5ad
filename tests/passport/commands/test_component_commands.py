"""`cellpass component` and `cellpass commission`, as an installer uses them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command line is what is tried
from passport.errors import GateClosed
from passport.issue import view_of
from passport.ledger import operators, versions
from passport.life import acts
from schemas.terms import Audience, RecordKind


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    house = app.House(made)
    with house.writing() as connection:
        operators.create(connection, "acme", name="Acme", simulated=False, at=house.now())
    house.close()
    return made


def run(folder: Path, *words: str, status: int = 0) -> str:
    said = CliRunner().invoke(app.cli, ["--data", str(folder), *words])
    assert said.exit_code == status, (said.output, said.exception)
    return said.output


def battery(folder: Path) -> str:
    house = app.House(folder)
    with house.writing() as connection:
        made = house.batteries.create(connection, {"category": "stationary"}, at=house.now())
    house.close()
    return made


def add(folder: Path, *words: str) -> str:
    return json.loads(run(folder, "component", "add", *words, "--json"))["id"]


def repairs(folder: Path, unit: str) -> list[dict[str, str]]:
    """The repair history in the newest passport, as a person with a legitimate interest reads it."""
    house = app.House(folder)
    with house.reading() as connection:
        version = versions.latest(connection, unit, RecordKind.PASSPORT)
        assert version is not None
        said = view_of(connection, version, Audience.LEGITIMATE_INTEREST).values["repair_history"]
    house.close()
    return said["value"]


def test_a_repair_that_the_gate_keeps_out_is_said(folder, monkeypatch):
    def shut(*_arguments, **_options):
        raise GateClosed("something owed is missing")

    monkeypatch.setattr(acts, "record_repair", shut)
    rack = add(
        folder, "battery", "--name", "Rack", "--battery", battery(folder), "--at", "2026-01-01T00:00:00Z"
    )
    old = add(folder, "module", "--name", "M", "--parent", rack, "--at", "2026-01-02T00:00:00Z")
    said = run(folder, "component", "exchange", old, "--name", "N", status=1)
    assert "the repair is not in the passport yet: something owed is missing" in said
    assert "N  module" in run(folder, "component", "tree", rack)


def test_an_installation_is_drawn_changed_and_shown_as_it_was(folder):
    unit = battery(folder)
    run(folder, "issue", unit, "--incomplete", "a trial")
    site = add(folder, "installation", "--name", "Cellar", "--at", "2026-01-01T00:00:00Z")
    rack = add(
        folder,
        *("battery", "--name", "Rack", "--parent", site, "--battery", unit),
        *("--at", "2026-01-01T00:00:00Z"),
    )
    old = add(
        folder,
        *("module", "--name", "Module 1", "--parent", rack, "--serial", "M1", "--position", "1"),
        *("--at", "2026-01-02T00:00:00Z"),
    )
    told = run(
        folder,
        *("component", "exchange", old, "--name", "Module 1b", "--serial", "M9"),
        *("--at", "2026-02-01T00:00:00Z"),
    )
    assert "Module 1b" in told
    (repair,) = repairs(folder, unit)
    assert repair == {
        "at": "2026-02-01T00:00:00Z",
        "part": "Module 1",
        "removed_serial": "M1",
        "installed_serial": "M9",
    } | {"operator": "Acme"}
    today = run(folder, "component", "tree", unit)
    assert "serial M9  " in today
    assert "M1\n" not in today
    then = json.loads(run(folder, "component", "tree", site, "--at", "2026-01-15T00:00:00Z", "--json"))
    assert then["below"][0]["below"][0]["serial"] == "M1"
    run(folder, "component", "place", old)
    refused = CliRunner().invoke(
        app.cli, ["--data", str(folder), "component", "exchange", rack, "--name", "Another rack"]
    )
    assert "another unit in its place is another battery" in str(refused.exception)


def test_what_deserves_a_look_ends_with_status_1(folder):
    site = add(folder, "installation", "--name", "Attic")
    add(folder, "module", "--name", "Stray", "--parent", site)
    said = run(folder, "component", "tree", status=1)
    assert "look: no part from Attic down to Stray carries a passport" in said


def test_a_device_is_bound_signed_listed_and_released(folder):
    unit = battery(folder)
    part = add(folder, "module", "--name", "Unit", "--battery", unit)
    run(folder, "commission", "bind", unit, "--source", "bank", "--component", "module/2", "--node", part)
    (one,) = [json.loads(line) for line in run(folder, "commission", "list", unit, "--json").splitlines()]
    assert (one["source"], one["component"], one["node"]) == ("bank", "module/2", part)
    assert (one["to"], one["signed"]) == (None, {"opened": True})
    assert one["statements"]["opened"].count(".") == 2
    run(folder, "commission", "release", "--source", "bank", "--component", "module/2")
    (one,) = [json.loads(line) for line in run(folder, "commission", "list", unit, "--json").splitlines()]
    assert one["signed"] == {"opened": True, "closed": True}
    again = CliRunner().invoke(app.cli, ["--data", str(folder), "commission", "release", "--source", "bank"])
    assert "is bound to no battery" in str(again.exception)


def test_a_device_sits_in_the_battery_that_it_speaks_for(folder):
    first, second = battery(folder), battery(folder)
    part = add(folder, "module", "--name", "Unit", "--battery", first)
    refused = CliRunner().invoke(
        app.cli, ["--data", str(folder), "commission", "bind", second, "--source", "x", "--node", part]
    )
    assert "Unit does not lie in that battery" in str(refused.exception)


def test_what_was_bound_before_its_signature_is_listed_with_status_1(folder):
    unit = battery(folder)
    house = app.House(folder)
    with house.writing() as connection:
        house.batteries.bind(connection, battery=unit, source="loose", component=None, at=house.now())
    house.close()
    assert "nobody has signed it yet" in run(folder, "commission", "list", unit, status=1)


def test_a_tree_shows_devices_shape_and_doubts_that_are_not_over(folder):
    site = add(folder, "installation", "--name", "Yard")
    units = [battery(folder), battery(folder)]
    for at, unit in enumerate(units, 1):
        add(folder, "battery", "--name", f"Rack {at}", "--battery", unit, "--parent", site)
    run(
        folder,
        "commission",
        "bind",
        units[0],
        "--source",
        "yard",
        "--component",
        "module/1",
        "--serial",
        "S1",
    )
    shown = run(folder, "component", "tree", site)
    assert "heard through yard module/1, serial S1" in shown
    assert "shape: multi-master, its parts in parallel" in shown
    house = app.House(folder)
    entry = {"at": house.now(), "actor": "device:yard", "battery": units[0]}
    with house.writing() as connection:
        for detail in ("rule 9 slot_shift module/1: another number", "rule 17 stale: nothing came"):
            house.records.audit(connection, action="doubt", detail=detail, **entry)
        house.records.audit(connection, action="doubt ended", detail="rule 17 stale: nothing came", **entry)
        assert house.records.serials(connection, "yard") == {"module/1": "S1"}
    house.close()
    assert "look: yard, rule 9 slot_shift module/1: another number" in run(
        folder, "component", "tree", site, status=1
    )
    told = json.loads(run(folder, "component", "tree", site, "--json", status=1))
    assert told["shape"] == {"arrangement": "multi-master", "wiring": "parallel", "electronics": None}
    assert [one["what"] for one in told["devices_doubted"]] == ["rule 9 slot_shift module/1"]
    assert told["below"][0]["devices"] == [{"source": "yard", "component": "module/1", "serial": "S1"}]
