"""The component tree: six wirings of the field as one shape, and the rules that no change breaks."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import Conflict, InputRefused, NotFound
from passport.ledger import batteries, components, database, operators
from passport.ledger.components import NodeKind
from schemas.terms import Category
from tests.databases import migrated

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def connection(tmp_path):
    engine = migrated(tmp_path)
    with database.writing(engine) as opened:
        operators.create(opened, "example-cells", name="Example Cells", simulated=False, at=NOW)
        yield opened
    engine.dispose()


_serials = count()


def battery(connection):
    return batteries.create(
        connection,
        operator="example-cells",
        category=Category.STATIONARY,
        identifier_path=f"/01/09520123456788/21/C{next(_serials)}",
        facts={},
        placed_on=None,
        simulated=False,
        at=NOW,
    ).id


def add(connection, kind, name, parent=None, at=NOW, **more):
    return components.add(
        connection, kind=NodeKind(kind), name=name, parent=parent.id if parent else None, at=at, **more
    )


def carriers(branch):
    """For every leaf, the names of the parts on its way that carry a passport."""
    return {
        one.node.name: [part.name for part in (*above, one.node) if part.battery]
        for above, one in branch.walk()
        if not one.below
    }


def standalone(connection):
    pack = add(connection, "battery", "pack", battery=battery(connection), cells=8)
    add(connection, "cell_group", "group", pack, cells=8)
    return pack


def master_with_slaves(connection):
    pack = add(connection, "battery", "pack", battery=battery(connection))
    for place in (1, 2, 3):
        add(connection, "module", f"slave {place}", pack, position=place, serial=f"S{place}", cells=16)
    return pack


def strings_under_one_master(connection):
    pack = add(connection, "battery", "pack", battery=battery(connection))
    for place in (1, 2):
        string = add(connection, "string", f"string {place}", pack, position=place)
        add(connection, "module", f"module of {place}", string)
    return pack


def several_masters(connection):
    site = add(connection, "installation", "bank")
    for place in (1, 2):
        # Sold one by one, each with its own BMS: the module is the unit.
        add(connection, "module", f"unit {place}", site, position=place, battery=battery(connection))
    return site


def cabinet(connection):
    site = add(connection, "installation", "site")
    store = add(connection, "battery", "cabinet", site, battery=battery(connection))
    for place in (1, 2):
        rack = add(connection, "string", f"rack {place}", store, position=place)
        module = add(connection, "module", f"module {place}", rack, cells=4)
        add(connection, "cell_group", f"cells {place}", module, cells=4)
    return site


@pytest.mark.parametrize(
    ("wiring", "expected"),
    [
        (standalone, {"group": ["pack"]}),
        (master_with_slaves, {f"slave {n}": ["pack"] for n in (1, 2, 3)}),
        (strings_under_one_master, {f"module of {n}": ["pack"] for n in (1, 2)}),
        (several_masters, {f"unit {n}": [f"unit {n}"] for n in (1, 2)}),
        (cabinet, {f"cells {n}": ["cabinet"] for n in (1, 2)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_wiring_is_a_shape_of_the_tree_with_one_passport_on_every_path(connection, wiring, expected):
    branch = components.tree(connection, wiring(connection).id)
    assert carriers(branch) == expected
    assert components.check(branch) == ()


def test_two_passports_on_one_path_are_refused_from_above_and_from_below(connection):
    pack = add(connection, "battery", "pack", battery=battery(connection))
    with pytest.raises(Conflict, match=r"module and pack around it would both carry a passport"):
        add(connection, "module", "module", pack, battery=battery(connection))
    rack = add(connection, "string", "rack")
    add(connection, "module", "unit", rack, battery=battery(connection))
    with pytest.raises(Conflict, match=r"unit and pack around it would both carry a passport"):
        components.place(connection, rack.id, parent=pack.id, at=NOW)
    assert components.tree(connection, pack.id).below == ()


def test_a_part_lies_in_something_wider_only(connection):
    for wide, narrow in [("module", "string"), ("cell_group", "module"), ("module", "module")]:
        outer = add(connection, wide, wide)
        with pytest.raises(InputRefused, match=f"a {narrow} lies in something wider, not in a {wide}"):
            add(connection, narrow, narrow, outer)
    site = add(connection, "installation", "site")
    with pytest.raises(InputRefused, match="lies in something wider"):
        components.place(connection, site.id, parent=site.id, at=NOW)


def test_a_battery_names_its_passport_and_is_one_part_only(connection):
    with pytest.raises(InputRefused, match="name its BATTERY"):
        add(connection, "battery", "pack")
    with pytest.raises(InputRefused, match="not to a cell_group"):
        add(connection, "cell_group", "cells", battery=battery(connection))
    with pytest.raises(NotFound, match="no battery has the id NOPE"):
        add(connection, "battery", "pack", battery="NOPE")
    one = battery(connection)
    add(connection, "battery", "pack", battery=one)
    with pytest.raises(Conflict, match=r"is part .* \(pack\) already"):
        add(connection, "string", "rack", battery=one)


def test_an_exchanged_module_leaves_its_place_and_the_past_can_be_asked(connection):
    pack = master_with_slaves(connection)
    old = components.tree(connection, pack.id).below[1].node
    new = components.exchange(connection, old.id, name="slave 2b", serial="S9", at=NOW + DAY)
    today = [(one.node.name, one.position) for one in components.tree(connection, pack.id).below]
    assert today == [("slave 1", 1), ("slave 2b", 2), ("slave 3", 3)]
    assert new.cells == 16
    before = components.tree(connection, pack.id, NOW + DAY / 2)
    assert [one.node.serial for one in before.below] == ["S1", "S2", "S3"]
    assert components.tree(connection, pack.id, NOW - DAY).below == ()
    assert old.id not in {root.id for root in components.roots(connection)}


def test_a_moment_with_milliseconds_comes_after_its_second(connection):
    pack = add(connection, "battery", "pack", battery=battery(connection))
    at = NOW + timedelta(milliseconds=5)
    module = add(connection, "module", "module", pack, at=at)
    assert components.tree(connection, pack.id, NOW).below == ()
    assert components.tree(connection, pack.id, at).below[0].node == module
    with pytest.raises(InputRefused, match="cannot leave at"):
        components.take_out(connection, module.id, at=NOW)


def test_the_unit_itself_cannot_be_exchanged(connection):
    pack = standalone(connection)
    with pytest.raises(InputRefused, match="another unit in its place is another battery"):
        components.exchange(connection, pack.id, name="other", serial=None, at=NOW)
    loose = add(connection, "module", "loose")
    with pytest.raises(InputRefused, match="lies nowhere"):
        components.exchange(connection, loose.id, name="other", serial=None, at=NOW)


def test_what_deserves_a_look_is_said(connection):
    site = add(connection, "installation", "site")
    rack = add(connection, "string", "rack", site, cells=16)
    add(connection, "cell_group", "a", rack, position=1, serial="X", cells=8)
    add(connection, "cell_group", "b", rack, position=1, serial="X", cells=7)
    said = [(one.code, one.sentence) for one in components.check(components.tree(connection, site.id))]
    assert said == [
        ("position_twice", "position 1 of rack is taken by a, b"),
        ("serial_twice", "two parts of rack have the serial number X"),
        ("cell_count", "rack has 16 cells in series, its groups 15"),
        ("no_passport", "no part from site down to a carries a passport"),
        ("no_passport", "no part from site down to b carries a passport"),
    ]


@pytest.mark.parametrize(("words", "sentence"), [({"name": " "}, "a name of"), ({"position": 0}, "position")])
def test_words_that_cannot_be_are_refused(connection, words, sentence):
    site = add(connection, "installation", "site")
    with pytest.raises(InputRefused, match=sentence):
        add(connection, "module", **{"name": "m", "parent": site, **words})


@settings(max_examples=40, deadline=None, database=None)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["place", "out", "exchange"])),
        max_size=25,
    )
)
def test_no_sequence_of_moves_breaks_a_rule(tmp_path_factory, moves):
    engine = migrated(tmp_path_factory.mktemp("moves"))
    with database.writing(engine) as connection:
        operators.create(connection, "example-cells", name="Example Cells", simulated=False, at=NOW)
        kinds = ["installation", "installation", "battery", "battery", "string", "string"]
        kinds += ["module", "module", "module", "cell_group"]
        nodes = [
            add(
                connection,
                kind,
                f"{kind} {number}",
                battery=battery(connection) if kind == "battery" or number == 6 else None,
            )
            for number, kind in enumerate(kinds)
        ]
        at = NOW
        for first, second, act in moves:
            at += DAY
            try:
                if act == "place":
                    components.place(connection, nodes[first].id, parent=nodes[second].id, at=at)
                elif act == "out":
                    components.take_out(connection, nodes[first].id, at=at)
                else:
                    nodes[first] = components.exchange(
                        connection, nodes[first].id, name=f"{nodes[first].name}'", serial=None, at=at
                    )
            except (Conflict, InputRefused):
                pass
            for root in components.roots(connection):
                for above, one in components.tree(connection, root.id).walk():
                    assert sum(part.battery is not None for part in (*above, one.node)) <= 1
                    widths = [list(NodeKind).index(part.kind) for part in (*above, one.node)]
                    assert widths == sorted(set(widths))
        open_places = connection.exec_driver_sql(
            "SELECT count(*), count(DISTINCT node) FROM node_place WHERE until IS NULL"
        ).one()
        assert open_places[0] == open_places[1]
    engine.dispose()
