"""Sums of parts by hand, shapes of the wirings of the field, and parts that were added."""

from datetime import timedelta
from decimal import Decimal

import pytest

from passport import topology
from passport.ledger import components
from passport.ledger.components import NodeKind
from passport.lifecycle.shape import Last, LifecycleState
from passport.topology import Arrangement, At, Electronics, Figures, Wiring, add_up
from tests.passport.ledger.test_components import NOW, add, battery, connection

assert connection  # a fixture, handed on

DAY = timedelta(days=1)


def d(text):
    return Decimal(text)


ONE = Figures(
    voltage=d("52.0"),
    current=d("10"),
    capacity=d("100"),
    energy=d("4.0"),
    charge_out=d("2000"),
    state_of_charge=d("80"),
    health=d("90"),
    cell_lowest=At(d("3.21"), ""),
    cell_highest=At(d("3.29"), ""),
    coldest=At(d("18.0"), ""),
    hottest=At(d("25.0"), "module/4"),
    events=frozenset({("over_current", "")}),
)
TWO = Figures(
    voltage=d("52.2"),
    current=d("4"),
    capacity=d("50"),
    energy=d("1.0"),
    charge_out=d("2500"),
    state_of_charge=d("50"),
    health=d("75"),
    cell_lowest=At(d("3.20"), ""),
    cell_highest=At(d("3.25"), ""),
    coldest=At(d("19.0"), ""),
    hottest=At(d("24.0"), ""),
    events=frozenset({("over_current", "")}),
)
PARTS = [("A", ONE), ("B", TWO)]


def test_in_parallel_capacity_energy_and_current_add():
    made = add_up(PARTS, Wiring.PARALLEL)
    assert (made.capacity, made.energy, made.current) == (d("150"), d("5.0"), d("14"))
    assert made.voltage == d("52.1")
    # (80 x 100 + 50 x 50) / 150 = 70.0; (90 x 100 + 75 x 50) / 150 = 85.0.
    assert made.state_of_charge == d("70.0")
    assert (made.health, made.health_rule) == (d("85.0"), "weighted by capacity")
    assert made.health_lowest == At(d("75"), "B")


def test_in_series_voltage_adds_and_the_weakest_part_decides():
    made = add_up(PARTS, Wiring.SERIES)
    assert made.voltage == d("104.2")
    assert (made.capacity, made.state_of_charge) == (d("50"), d("50"))
    assert made.current == d("7.000")


def test_cycles_come_from_charge_and_are_never_added():
    # (2000 + 2500) / (100 + 50) = 30; the parts alone have 20 and 50.
    assert add_up(PARTS, Wiring.PARALLEL).full_cycles == d("30.000")
    assert add_up(
        [("A", Figures(full_cycles=d(20))), ("B", Figures(full_cycles=d(50)))], Wiring.PARALLEL
    ) == (Figures())


def test_extremes_keep_their_path_and_events_are_a_union():
    made = add_up(PARTS, Wiring.PARALLEL)
    assert (made.cell_lowest, made.cell_highest) == (At(d("3.20"), "B"), At(d("3.29"), "A"))
    assert (made.coldest, made.hottest) == (At(d("18.0"), "A"), At(d("25.0"), "A/module/4"))
    assert made.events == {("over_current", "A"), ("over_current", "B")}


def test_the_health_of_the_whole_s_own_bms_goes_first_with_the_lowest_beside_it():
    made = add_up(PARTS, Wiring.PARALLEL, own=Figures(health=d("75")), rule="minimum over modules")
    assert (made.health, made.health_rule) == (d("75"), "minimum over modules")
    assert made.health_lowest == At(d("75"), "B")
    assert add_up(PARTS, Wiring.PARALLEL, own=Figures()).health == d("85.0")


def test_a_sum_with_a_hole_is_no_sum():
    made = add_up([("A", ONE), ("B", Figures(voltage=d("52.2")))], Wiring.PARALLEL)
    assert (made.voltage, made.capacity, made.current, made.state_of_charge) == (d("52.1"), None, None, None)
    assert (made.health, made.full_cycles) == (None, None)
    assert made.health_lowest == At(d("90"), "A")


def test_a_battery_shows_what_no_doubt_forbids():
    state = LifecycleState()
    state.count("charge_out", 250_000, None)
    state.count("event_count#over_current", 3, None)
    state.last = {
        "voltage": Last("52.00", None),
        "full_charge_capacity": Last("50", None),
        "state_of_charge": Last("160", None, ("charge_out_of_range",)),
        "bms_reported_health": Last("99", None, ("health_placeholder",)),
        "cell_voltage_lowest": Last("3.201", None),
    }
    shown = topology.of_state(state)
    assert (shown.voltage, shown.state_of_charge, shown.health) == (d("52.00"), None, d("99"))
    assert shown.full_cycles == d("5.000")
    assert shown.cell_lowest == At(d("3.201"), "")
    assert shown.events == {("over_current", "")}


# Shapes


def standalone(c):
    return add(c, "battery", "Pack", battery=battery(c), cells=16)


def centralised(c):
    pack = add(c, "battery", "Pack", battery=battery(c), cells=16)
    for at in (1, 2):
        add(c, "cell_group", f"Group {at}", pack, cells=8, position=at)
    return pack


def master_and_slaves(c):
    pack = add(c, "battery", "Pack", battery=battery(c), cells=48)
    for at in (1, 2, 3):
        add(c, "module", f"Module {at}", pack, cells=16, position=at, serial=f"M{at}")
    return pack


def strings_under_one_master(c):
    pack = add(c, "battery", "Pack", battery=battery(c), cells=96)
    for at in (1, 2):
        add(c, "string", f"String {at}", pack, cells=96, position=at, serial=f"S{at}")
    return pack


def bank(c):
    site = add(c, "installation", "Cellar")
    for at in (1, 2):
        add(c, "battery", f"Battery {at}", site, battery=battery(c), cells=16)
    return site


def pair_in_series(c):
    site = add(c, "installation", "Cellar", cells=32)
    for at in (1, 2):
        add(c, "battery", f"Battery {at}", site, battery=battery(c), cells=16)
    return site


@pytest.mark.parametrize(
    ("draw", "arrangement", "wiring", "electronics"),
    [
        (standalone, Arrangement.STANDALONE, None, None),
        (centralised, Arrangement.STANDALONE, Wiring.SERIES, Electronics.CENTRALISED),
        (master_and_slaves, Arrangement.MASTER_SLAVE, Wiring.SERIES, Electronics.DISTRIBUTED),
        (strings_under_one_master, Arrangement.MASTER_SLAVE, Wiring.PARALLEL, Electronics.DISTRIBUTED),
        (bank, Arrangement.MULTI_MASTER, Wiring.PARALLEL, None),
        (pair_in_series, Arrangement.MULTI_MASTER, Wiring.SERIES, None),
    ],
)
def test_the_wirings_of_the_field_have_a_shape(connection, draw, arrangement, wiring, electronics):
    branch = components.tree(connection, draw(connection).id)
    assert topology.shape(branch) == topology.Shape(arrangement, wiring, electronics)


def test_a_device_that_sits_on_a_part_makes_it_distributed(connection):
    pack = centralised(connection)
    branch = components.tree(connection, pack.id)
    assert topology.shape(branch, [branch.below[0].node.id]).electronics is Electronics.DISTRIBUTED


def test_what_the_tree_does_not_tell_is_not_guessed(connection):
    pack = add(connection, "battery", "Pack", battery=battery(connection))
    for at in (1, 2):
        add(connection, "module", f"Module {at}", pack, position=at)
    assert topology.wiring(components.tree(connection, pack.id)) is None


def test_an_installation_adds_up_what_its_batteries_show(connection):
    site = bank(connection)
    branch = components.tree(connection, site.id)
    first, second = (one.node.battery for one in branch.below)
    made = topology.of_branch(branch, {first: ONE, second: TWO}, {})
    assert made.capacity == d("150")
    assert made.cell_lowest == At(d("3.20"), "Battery 2")
    # A battery that was never heard leaves the whole unknown.
    assert topology.of_branch(branch, {first: ONE}, {}) is None
    assert topology.of_branch(branch, {first: ONE, second: TWO}, {site.id: Wiring.SERIES}).capacity == d("50")


# Replacement


def test_a_part_that_was_added_is_told_from_one_that_was_exchanged(connection):
    pack = master_and_slaves(connection)
    tree = components.tree(connection, pack.id)
    assert topology.extensions(connection, tree) == ()
    components.exchange(
        connection, tree.below[0].node.id, name="Module 1 new", serial="M9", at=NOW + 30 * DAY
    )
    assert topology.extensions(connection, components.tree(connection, pack.id)) == ()
    add(connection, "module", "Module 4", pack, cells=16, position=4, at=NOW + 60 * DAY)
    (one,) = topology.extensions(connection, components.tree(connection, pack.id))
    assert one.part.name == "Module 4"
    assert "an extension is another battery beside it with a passport of its own" in one.sentence


def test_a_battery_added_to_an_installation_is_no_extension_of_another(connection):
    site = bank(connection)
    add(connection, NodeKind.BATTERY, "Battery 3", site, battery=battery(connection), at=NOW + 90 * DAY)
    assert topology.extensions(connection, components.tree(connection, site.id)) == ()


def test_a_board_that_is_exchanged_closes_the_segment_and_carries_the_sum():
    state = LifecycleState()
    state.enter("board-1", "1", absolute=True, max_gap_ms=600_000)
    state.count("cycle_count", 400, 0)
    state.count("cycle_count", 420, 1)
    state.enter("board-2", "2", absolute=True, max_gap_ms=600_000)
    state.count("cycle_count", 3, 2)
    state.count("cycle_count", 8, 3)
    counter = state.counters["cycle_count"]
    # What was watched on either board: 20 and 5; the seam is kept, and nothing is made up between.
    assert (counter.segments, counter.closed, counter.growth) == (2, [(400, 420)], 25)
