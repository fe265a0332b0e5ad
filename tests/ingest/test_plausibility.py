from decimal import Decimal
from pathlib import Path

import pytest

from ingest.plausibility import PROTOCOL_DOUBTS, RULES, Memory, Severity, doubt
from schemas.reading import QUANTITIES, Reading


def reading(quantity, value, **place):
    return Reading(quantity, Decimal(value), **place)


def codes(*batch, memory=None):
    return [one.doubts for one in doubt(batch, memory or Memory())]


@pytest.mark.parametrize(
    ("quantity", "value", "expected"),
    [
        ("cell_temperature", "-40", ("no_sensor",)),
        ("cell_temperature", "-273.1", ("no_sensor",)),
        ("board_temperature", "6280.4", ("no_sensor",)),
        ("cell_temperature", "-39.9", ()),
        ("cell_temperature", "0.0", ()),
        ("cell_voltage", "65.535", ("no_cell_voltage",)),
        ("cell_voltage", "5.000", ("no_cell_voltage",)),
        ("cell_voltage", "3.300", ()),
        ("state_of_charge", "100", ()),
        ("state_of_charge", "101", ("charge_out_of_range",)),
        ("state_of_charge", "-2330", ("charge_out_of_range",)),
        ("bms_reported_health", "0", ("health_out_of_range",)),
        ("bms_reported_health", "103.46", ()),
        ("bms_reported_health", "110.1", ("health_out_of_range",)),
        ("cycle_count", "64999", ()),
        ("cycle_count", "65000", ("counter_corrupt",)),
        ("full_charge_capacity", "0.00", ("capacity_zero",)),
        ("remaining_charge", "0.00", ()),
    ],
)
def test_a_single_value_is_doubted(quantity, value, expected):
    index = 1 if QUANTITIES[quantity].indexed else None
    assert codes(reading(quantity, value, index=index)) == [expected]


def test_nothing_is_dropped_changed_or_reordered():
    batch = (
        Reading("model", "EXAMPLE"),
        reading("cycle_count", "65513"),
        Reading("charging_enabled", value=True),
        reading("cell_voltage", "0.000", index=1, component="module/1"),
    )
    out = doubt(batch, Memory())
    assert [(r.quantity, r.value) for r in out] == [(r.quantity, r.value) for r in batch]


def test_cells_are_compared_with_the_pack_of_the_same_part():
    # 3.300 + 3.301 = 6.601 against 6.60; the other part says 9.00.
    good = [
        reading("voltage", "6.60", component="module/1"),
        reading("cell_voltage", "3.300", index=1, component="module/1"),
        reading("cell_voltage", "3.301", index=2, component="module/1"),
    ]
    bad = [
        reading("voltage", "9.00", component="module/2"),
        reading("cell_voltage", "3.300", index=1, component="module/2"),
        reading("cell_voltage", "3.301", index=2, component="module/2"),
    ]
    assert codes(*good, *bad) == [(), (), (), *[("cells_against_pack",)] * 3]


@pytest.mark.parametrize(("pack", "doubted"), [("6.666", False), ("6.668", True), ("6.534", True)])
def test_the_tolerance_is_one_percent_of_the_pack(pack, doubted):
    # The cells add up to 6.600. 1 % of 6.666 is 0.06666 and the gap 0.066; of 6.668, 0.06668 and 0.068;
    # of 6.534, 0.06534 and 0.066.
    batch = [reading("voltage", pack), *(reading("cell_voltage", "3.300", index=n) for n in (1, 2))]
    assert codes(*batch)[0] == (("cells_against_pack",) if doubted else ())


def test_what_an_earlier_frame_said_counts():
    memory = Memory()
    assert codes(reading("voltage", "9.00"), reading("cell_count", "2"), memory=memory) == [(), ()]
    cells = (reading("cell_voltage", "3.300", index=1), reading("cell_voltage", "3.301", index=2))
    assert codes(*cells, memory=memory) == [("cells_against_pack",)] * 2


def test_a_lost_cell_is_told_from_one_that_was_never_fitted():
    memory = Memory()
    doubt([reading("cell_count", "2")], memory)
    out = codes(
        *(reading("cell_voltage", v, index=n) for n, v in enumerate(("3.3", "0", "0"), 1)), memory=memory
    )
    assert out == [(), ("cell_lost",), ()]
    # Two are counted, one shows a voltage.
    assert codes(reading("cell_count", "2"), memory=memory) == [("cell_count_differs",)]


def test_extremes_must_be_in_order():
    low, mean, high = ("cell_voltage_min", "cell_voltage_mean", "cell_voltage_max")
    assert (
        codes(reading(low, "3.1", index=4), reading(mean, "3.2"), reading(high, "3.3", index=1)) == [()] * 3
    )
    out = codes(reading(low, "3.3"), reading(mean, "3.2"), reading(high, "3.4"))
    assert out == [("extremes_disordered",)] * 3


def test_a_hostile_line_cannot_fill_the_memory():
    memory = Memory()
    for first in range(1, 10_000, 50):
        doubt([reading("cell_voltage", "3.3", index=index) for index in range(first, first + 50)], memory)
    assert len(memory.about(None).values) == 4096


def test_every_doubt_of_a_protocol_is_listed():
    ingest = Path(__file__).parents[2] / "ingest"
    paths = [path for path in ingest.rglob("*.py") if path.name != "plausibility.py"]
    sources = [path.read_text() for path in paths]
    for code in PROTOCOL_DOUBTS:
        assert any(f'"{code}"' in source for source in sources), code


def test_every_rule_names_quantities_a_reason_and_a_severity():
    for rule in RULES:
        assert rule.quantities <= set(QUANTITIES)
        assert len(rule.reason) > 20
        assert isinstance(rule.severity, Severity)
        assert rule.code == rule.code.lower().replace(" ", "_")
