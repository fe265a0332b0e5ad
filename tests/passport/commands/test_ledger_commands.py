"""`issue`, `gaps`, `assess` and `state` as a person types them."""

import json
from contextlib import contextmanager
from decimal import Decimal

import pytest
from click.testing import CliRunner

from passport.commands import assess, gaps, issue, state
from passport.errors import NotFound, SignerUnavailable
from passport.ledger import database, states
from passport.lifecycle.state import Extreme, Last, LifecycleState
from schemas.reading import Reading
from schemas.samples import Chunk, SamplesBuilder
from tests.passport.issuing import AFTER, NOW, installation

HOT = LifecycleState(
    source="rack",
    epoch="1",
    sequence=5,
    epochs=1,
    rows=6,
    first_ms=1_777_593_600_000,  # 2026-05-01T00:00:00Z
    last_ms=1_795_176_000_000,  # 2026-11-20T12:00:00Z
    observed_ms=17_500_000_000,
    charge_out=102 * 2 * 1000 * 3_600_000,
    charge_ms=1,
    residence={6 * 10 + 5: 7_200_000, 7 * 10 + 5: 3_600_000},
    extremes={"temperature_max": Extreme(805, 1_790_000_000_000), "cell_voltage_min": Extreme(2900, None)},
    last={
        "voltage": Last("51.2", 1_795_176_000_000),
        "cell_voltage_lowest": Last("2.9", None, ("cells_against_pack",)),
    },
)


class Telemetry:
    """One stored row with two cells, the second distrusted."""

    def chunks(self, _connection, battery, *, after):
        assert after == ("rack", "1", -1)
        rows = SamplesBuilder()
        rows.add(
            5,
            NOW,
            [
                Reading("cell_voltage", Decimal("3.301"), index=1),
                Reading("cell_voltage", Decimal("2.900"), index=2, doubts=("cells_against_pack",)),
                Reading("voltage", Decimal("51.2")),
            ],
        )
        return [Chunk(battery, "rack", "1", 1, rows.build())]


class House:
    """What a command is given."""

    def __init__(self, made):
        self.made = made
        self.issuer, self.settings, self.telemetry = made.issuer, made.settings, Telemetry()

    def now(self):
        return NOW

    @contextmanager
    def reading(self):
        with database.reading(self.made.engine) as connection:
            yield connection

    def refresh(self, battery_id):
        with database.reading(self.made.engine) as connection:
            data = states.load_state(connection, battery_id)
        return LifecycleState.from_bytes(data) if data else LifecycleState()


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield House(made)


def fold(house, battery, folded=HOT):
    with database.writing(house.made.engine) as connection:
        states.save_state(connection, battery.id, folded.to_bytes(), 1, NOW)


def run(house, command, *arguments, status=0):
    result = CliRunner().invoke(command.command, list(arguments), obj=house)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize("command", [assess, gaps, issue, state])
def test_help_has_an_example(house, command):
    assert "Example: cellpass " in run(house, command, "--help").output


# ---------------------------------------------------------------------------------------------------- issue


def test_every_kind_of_every_battery_is_issued(house):
    for _ in range(2):
        house.made.battery()
    lines = [
        json.loads(line) for line in run(house, issue, "--all", "--kind", "all", "--json").stdout.splitlines()
    ]
    kinds = ["passport", "passport", "condition", "condition", "assessment", "assessment"]
    assert sorted(line["kind"] for line in lines) == sorted(kinds)
    assert {(line["version"], line["outcome"]) for line in lines} == {(1, "issued")}
    again = run(house, issue, "--all", "--force", "--json").stdout.splitlines()
    assert [json.loads(line)["version"] for line in again] == [2, 2]


def test_nothing_changed_is_said(house):
    battery = house.made.battery()
    assert "issued" in run(house, issue, battery.identifier).stdout
    house.now = lambda: NOW.replace(hour=13)
    told = run(house, issue, f"https://ID.example.com{battery.identifier}").stdout
    assert "unchanged" in told
    assert told.rstrip().endswith("(voluntary)")
    line = json.loads(run(house, issue, battery.id, "--json", "--incomplete", "trial").stdout)
    assert (line["outcome"], line["voluntary"], line["incomplete"]) == ("unchanged", True, None)


def test_a_shut_gate_names_what_is_missing_and_ends_with_one(house):
    battery = house.made.battery(placed_on=AFTER)
    result = run(house, issue, battery.id, status=1)
    assert result.stdout == ""
    assert "Date of manufacture: missing" in result.stderr
    line = json.loads(run(house, issue, battery.id, "--json", status=1).stdout)
    assert line["outcome"] == "refused"
    assert "manufacturing_date" in {finding["attribute"] for finding in line["findings"]}
    assert run(house, issue, battery.id, "--incomplete", "pilot").stdout.rstrip().endswith("  (pilot)")


def test_where_the_reason_was_not_written_is_counted(house):
    house.made.battery()
    house.made.battery(placed_on=AFTER)
    told = run(house, issue, "--all", "--incomplete", "pilot")
    assert sorted(line.rpartition("  ")[2] for line in told.stdout.splitlines()) == ["(pilot)", "(voluntary)"]
    assert told.stderr == "The reason is not written where nothing owed is missing: 1 of these.\n"


def test_of_many_shut_gates_one_line_is_said_each(house):
    for _ in range(3):
        house.made.battery(placed_on=AFTER)
    assert len(run(house, issue, "--all", status=1).stderr.splitlines()) == 3


@pytest.mark.parametrize(
    "arguments", [[], ["X", "--all"], ["X", "--incomplete", " "], ["X", "--kind", "none"]]
)
def test_wrong_use_ends_with_two(house, arguments):
    run(house, issue, *arguments, status=2)


def test_what_is_not_there_is_refused(house):
    for command in (issue, gaps, assess, state):
        with pytest.raises(NotFound):
            run(house, command, "B" * 16)


def test_without_a_signer_the_command_says_so(house):
    battery = house.made.battery()

    def gone(_operator):
        raise SignerUnavailable("gone")

    house.issuer.signers = gone
    with pytest.raises(SignerUnavailable):
        run(house, issue, battery.id)


# ----------------------------------------------------------------------------------------------------- gaps


def test_gaps_of_an_early_pack_are_none_and_it_is_voluntary(house):
    battery = house.made.battery()
    told = run(house, gaps, battery.identifier).stdout
    assert "Voluntary passport. Placed on the market before 18 February 2027, so no" in told
    assert "Owed, and missing" not in told
    assert "Pending" in told


def test_gaps_of_a_later_pack_come_with_their_articles(house):
    battery = house.made.battery(placed_on=AFTER)
    told = run(house, gaps, battery.identifier, status=1).stdout
    assert "Owed, and missing" in told
    assert "Annex XIII" in told
    assert "condition" not in told.splitlines()[0]


def test_gaps_say_whom_to_ask_what_the_record_owes_and_what_is_known(house):
    battery = house.made.battery(placed_on=AFTER, warranty_period=96)
    told = run(house, gaps, battery.identifier, status=1).stdout
    assert max(len(line) for line in told.splitlines()) <= 80
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "Ask the maker of the cells: data sheet, safety data sheet, composition:" in lines
    assert "Critical raw materials Annex XIII 1(b), point 15" in lines
    assert "(circumstance cyclic_use)" in lines
    assert f"`cellpass issue {battery.identifier}" in told
    line = json.loads(run(house, gaps, battery.id, "--json", status=1).stdout)
    counts = line["counts"]
    assert counts["owed"] == counts["stated"] + counts["missing"]
    assert line["circumstances"] == {
        "above_2_kwh": True,
        "cobalt_present": False,
        "lithium_present": True,
        "nickel_present": False,
        "rechargeable": True,
        "warranty_given": True,
    }
    findings = {finding["attribute"]: finding for finding in line["findings"]}
    assert sum(finding["verdict"] == "missing" for finding in findings.values()) == counts["missing"]
    assert "warranty_period" not in findings
    critical = findings["critical_raw_materials"]
    assert (critical["holder"], critical["data_points"]) == ("cell_maker", [15])
    assert findings["remaining_capacity"]["from_bms"] == ["full_charge_capacity", "voltage", "current"]
    cyclic = findings["expected_lifetime_cycles"]
    assert (cyclic["verdict"], cyclic["condition"]) == ("conditional", "cyclic_use")
    assert "the circumstance cyclic_use does not hold" in cyclic["next_step"]


def test_what_is_odd_is_told_and_shuts_nothing(house):
    battery = house.made.battery(remaining_capacity=Decimal(130))
    told = run(house, gaps, battery.identifier).stdout
    assert "Worth a look (1)" in told
    assert "it is 127.451 % of it" in " ".join(told.split())
    (warning,) = json.loads(run(house, gaps, battery.id, "--json").stdout)["warnings"]
    assert (warning["rule"], warning["attributes"]) == (
        "remaining_capacity",
        ["remaining_capacity", "rated_capacity"],
    )


def test_a_contradiction_is_told_first_and_no_reason_opens_the_gate(house):
    battery = house.made.battery(placed_on=AFTER, warranty_period=96)
    house.made.circumstance(battery, warranty_given=False)
    told = run(house, gaps, battery.identifier, status=1).stdout
    assert "Said in two ways: correct one of them (1)" in told
    assert "no reason opens it while a statement above stands" in told
    result = run(house, issue, battery.id, "--incomplete", "anyway", status=1)
    assert "no commercial warranty is given, but warranty_period is stated" in result.stderr


@pytest.mark.parametrize(("category", "counted"), [("ev", 47), ("lmt", 50), ("industrial", 32)])
def test_the_rule_table_needs_no_battery_and_ends_in_the_commissions_count(house, category, counted):
    told = run(house, gaps, "--category", category, "--date", "2027-02-18").stdout
    assert max(len(line) for line in told.splitlines()) <= 80
    assert f"{counted}" in told.splitlines()[-1] + told.splitlines()[-2]
    assert f"the Commission counts {counted} for 18 February 2027." in " ".join(told.split())
    line = json.loads(run(house, gaps, "--category", category, "--date", "2027-02-18", "--json").stdout)
    points = line["data_points"]
    assert points["commission_counts"] == counted
    assert len({*points["owed"], *points["owed_where_possible"]}) == counted
    assert len(line["rows"]) == 179
    assert sum(line["counts"].values()) == 179


def test_the_rule_table_of_a_day_before_the_duty_owes_nothing(house):
    line = json.loads(run(house, gaps, "--category", "ev", "--date", "2026-05-01", "--json").stdout)
    assert line["counts"]["owed"] == 0
    assert line["voluntary"] is True


def test_a_condition_may_be_given_for_the_rule_table(house):
    def rows(*given):
        arguments = [part for one in given for part in ("--given", one)]
        told = run(house, gaps, "--category", "industrial", "--date", "2027-03-01", "--json", *arguments)
        return {row["attribute"]: row for row in json.loads(told.stdout)["rows"]}

    assert rows()["state_of_charge"]["condition"] == "applicable"
    without = rows("has_bms=no")["state_of_charge"]
    assert (without["obligation"], without["decided_by"]) == ("not_applicable", "has_bms")
    assert rows("warranty_given")["warranty_period"]["condition"] is None
    run(house, gaps, "--category", "ev", "--given", "has_wings", status=2)
    run(house, gaps, "--category", "ev", "--given", "has_bms=maybe", status=2)
    run(house, gaps, "--given", "has_bms", status=2)
    run(house, gaps, "B" * 16, "--category", "ev", status=2)


def test_gaps_without_a_name_are_a_line_for_each(house):
    house.made.battery()
    house.made.battery(placed_on=AFTER)
    lines = run(house, gaps, status=1).stdout.splitlines()
    assert len(lines) == 2
    assert ["voluntary" in line for line in sorted(lines)] == [True, False]
    assert ["missing" in line for line in sorted(lines)] == [False, True]


def test_a_day_of_judgement_may_be_given(house):
    battery = house.made.battery()
    told = json.loads(run(house, gaps, battery.id, "--date", "2029-01-01", "--json").stdout)
    assert told["judged_on"] == "2029-01-01"
    assert told["closes_gate"] is False
    run(house, gaps, battery.id, "--date", "soon", status=2)


# --------------------------------------------------------------------------------------------------- assess


def test_a_battery_of_which_nothing_is_known_needs_inspection(house):
    battery = house.made.battery()
    told = run(house, assess, battery.id).stdout
    assert "[simulated]" in told
    assert "Not decided: what is unknown must be inspected first" in told
    assert "G13 transport class" in told
    assert "no grade, for its health is not known" in told
    assert "home storage of solar power" in told
    assert "health is not determinable, so no use is valued" in told


def test_thermal_abuse_ends_with_one(house):
    battery = house.made.battery()
    fold(house, battery)
    told = json.loads(run(house, assess, battery.id, "--json", status=1).stdout)
    assert told["verdict"] == "not_eligible"
    (g8,) = [reason for reason in told["reasons"] if reason["gate"] == "G8"]
    assert g8["answer"] == "fail"
    assert "80.5 °C" in g8["reason"]
    assert told["residual_value"]["value"] == told["residual_value"]["recycling"]
    assert told["score"]["grade"] is None
    assert {use["fit"] for use in told["uses"]} == {"not_known"}


# ---------------------------------------------------------------------------------------------------- state


def test_a_state_is_told_with_its_extremes_and_doubts(house):
    battery = house.made.battery()
    fold(house, battery)
    told = run(house, state, battery.id).stdout
    assert "80.5" in told
    assert "full cycles" in told
    assert "1.000" in told
    assert "cells_against_pack" in told
    assert "20 to 25 °C" in told
    assert "2 h 0 min" in told
    wire = json.loads(run(house, state, battery.id, "--json").stdout)
    assert wire["extremes"]["temperature_max"] == {
        "value": "80.5",
        "unit": "°C",
        "at": "2026-09-21T14:13:20Z",
    }
    assert [(cell["index"], cell["value"], cell["doubts"]) for cell in wire["cells"]] == [
        (1, "3.301", []),
        (2, "2.900", ["cells_against_pack"]),
    ]
    assert wire["values"]["full_cycles"]["value"] == "1.000"


def test_a_battery_that_never_spoke_says_so(house):
    assert "Nothing was ever read" in run(house, state, house.made.battery().id).stdout
